/* SPDX-License-Identifier: BSD-3-Clause */
#include "every.h"

#include "wire_tcp.h"

/* RFC 9293 3.10.7 with RFC 5961, RFC 1337 and what docs/deviations.md says, in the order of the
 * text.  Numbers are plain integers here, compared by the sign of their difference. */

struct model {
	const struct every_at *at;
	struct every_seg seg;
	uint32_t len; /* SEG.LEN */
	enum tcp_state state;
	enum every_reply reply;
};

static void expect(struct model *m, enum tcp_state state, enum every_reply reply)
{
	m->state = state;
	m->reply = reply;
}

static int32_t rel(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* 3.10.7.1 to 3.10.7.3 */
static void unsynchronized(struct model *m)
{
	const uint8_t flags = m->seg.flags;
	enum tcp_state state = m->at->state;
	bool ack = flags & TCP_ACK, rst = flags & TCP_RST, syn = flags & TCP_SYN;

	if (state == TCP_ST_CLOSED) {
		expect(m, state, rst ? EVERY_REPLY_NONE : EVERY_REPLY_RST);
	} else if (state == TCP_ST_LISTEN) {
		if (rst || ack || !syn || flags & TCP_FIN)
			expect(m, state, ack && !rst ? EVERY_REPLY_RST : EVERY_REPLY_NONE);
		else
			expect(m, TCP_ST_SYN_RECEIVED, EVERY_REPLY_SYN_ACK);
	} else if (ack && (rel(m->seg.ack, m->at->una) <= 0 || rel(m->seg.ack, m->at->nxt) > 0)) {
		expect(m, state, rst ? EVERY_REPLY_NONE : EVERY_REPLY_RST);
	} else if (rst) {
		expect(m, ack ? TCP_ST_CLOSED : state, EVERY_REPLY_NONE);
	} else if (!syn) {
		expect(m, state, EVERY_REPLY_NONE);
	} else if (!ack) {
		expect(m, TCP_ST_SYN_RECEIVED, EVERY_REPLY_SYN_ACK);
	} else {
		expect(m, flags & TCP_FIN ? TCP_ST_CLOSE_WAIT : TCP_ST_ESTABLISHED,
			EVERY_REPLY_ACK);
	}
}

/* Table 6 of the RFC. */
static bool acceptable(const struct model *m)
{
	uint32_t nxt = m->at->rcv_nxt, edge = m->at->edge, seq = m->seg.seq;
	uint32_t last = seq + m->len - 1;
	bool first_in = rel(seq, nxt) >= 0 && rel(seq, edge) < 0;
	bool last_in = rel(last, nxt) >= 0 && rel(last, edge) < 0;

	if (m->len == 0)
		return nxt == edge ? seq == nxt : first_in;
	return first_in || last_in;
}

static bool ack_out_of_range(const struct model *m)
{
	return rel(m->seg.ack, m->at->nxt) > 0 ||
	       rel(m->seg.ack, m->at->una - m->at->snd_wnd_max) < 0; /* RFC 5961 5 */
}

/* What the ACK does to the state: our FIN is the last number before SND.NXT. */
static enum tcp_state acked(const struct model *m)
{
	bool all = m->seg.ack == m->at->nxt;

	switch (m->at->state) {
	case TCP_ST_SYN_RECEIVED:
		return TCP_ST_ESTABLISHED;
	case TCP_ST_FIN_WAIT_1:
		return all ? TCP_ST_FIN_WAIT_2 : TCP_ST_FIN_WAIT_1;
	case TCP_ST_CLOSING:
		return all ? TCP_ST_TIME_WAIT : TCP_ST_CLOSING;
	case TCP_ST_LAST_ACK:
		return all ? TCP_ST_CLOSED : TCP_ST_LAST_ACK;
	default:
		return m->at->state;
	}
}

static enum tcp_state finished(enum tcp_state state)
{
	return state == TCP_ST_ESTABLISHED  ? TCP_ST_CLOSE_WAIT
	       : state == TCP_ST_FIN_WAIT_1 ? TCP_ST_CLOSING
					    : TCP_ST_TIME_WAIT;
}

/* Seventh and eighth: text in order is acknowledged later, all else at once. */
static void text_and_fin(struct model *m, enum tcp_state state)
{
	uint32_t nxt = m->at->rcv_nxt, text = m->seg.text, seq = m->seg.seq, end = seq + text;
	bool fin = m->seg.flags & TCP_FIN && rel(end, m->at->edge) < 0;
	bool text_in_order = text && rel(seq, nxt) <= 0 && rel(end, nxt) > 0;
	bool at_once = seq != nxt && text;

	if (!tcp_in((uint8_t)state, TCP_MAY_RECEIVE_TEXT)) {
		bool again = rel(seq, nxt) < 0 && state != TCP_ST_CLOSED;
		expect(m, state, again ? EVERY_REPLY_ACK : EVERY_REPLY_NONE);
		return;
	}
	bool fills = m->at->held && text_in_order;
	bool void_fin = fills && rel(end, m->at->held) >= 0;
	if (fin && !void_fin && (text_in_order || end == nxt))
		expect(m, finished(state), EVERY_REPLY_ACK);
	else
		expect(m, state, fin || at_once || fills ? EVERY_REPLY_ACK : EVERY_REPLY_NONE);
}

/* "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to
 * accept valid ACKs, URGs, and RSTs", of probes too, and of ACKs behind them (A.2). */
static void closed_window(struct model *m)
{
	enum tcp_state state = m->at->state;
	bool here = m->seg.seq == m->at->rcv_nxt, behind = m->seg.seq == m->at->rcv_nxt + 1;
	bool looked_at = here || (behind && m->len == 0 && m->seg.flags & TCP_ACK);
	bool bare = m->len == 0;

	if (m->seg.flags & TCP_RST) { /* MUST-66, with whatever it carries (SHLD-2) */
		expect(m, here ? TCP_ST_CLOSED : state, EVERY_REPLY_NONE);
		return;
	}
	if (!looked_at || m->seg.flags & TCP_SYN) {
		expect(m, state, EVERY_REPLY_ACK);
		return;
	}
	if (m->seg.flags & TCP_ACK && ack_out_of_range(m))
		bare = false;
	else if (m->seg.flags & TCP_ACK)
		state = acked(m);
	expect(m, state, bare || state == TCP_ST_CLOSED ? EVERY_REPLY_NONE : EVERY_REPLY_ACK);
}

/* RFC 1337: in TIME-WAIT only the FIN again does anything; and a SYN with a higher number, when
 * somebody listens (MAY-2). */
static void time_wait(struct model *m)
{
	const uint8_t flags = m->seg.flags;
	bool late = flags & TCP_ACK && m->len > 0;
	bool opening = (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
	bool answer = flags & TCP_SYN || late || !acceptable(m);

	if (m->at->listens && opening && rel(m->seg.seq, m->at->rcv_nxt) > 0) {
		expect(m, TCP_ST_SYN_RECEIVED, EVERY_REPLY_SYN_ACK);
		return;
	}
	expect(m, TCP_ST_TIME_WAIT,
		answer && !(flags & TCP_RST) ? EVERY_REPLY_ACK : EVERY_REPLY_NONE);
}

/* The SYN that made this SYN-RECEIVED again: with an ACK it answers ours (figure 7). */
static bool syn_again(struct model *m)
{
	const uint8_t flags = m->seg.flags;

	if (m->at->state != TCP_ST_SYN_RECEIVED || !(flags & TCP_SYN) || flags & TCP_RST ||
		m->seg.seq != m->at->rcv_nxt - 1)
		return false;
	if (!(flags & TCP_ACK)) {
		expect(m, m->at->state, EVERY_REPLY_SYN_ACK);
		return true;
	}
	m->seg.flags &= (uint8_t)~TCP_SYN;
	m->seg.seq++;
	m->len--;
	return false;
}

/* 3.10.7.4 with RFC 5961 */
static void otherwise(struct model *m)
{
	enum tcp_state state = m->at->state;

	if (syn_again(m))
		return;
	const uint8_t flags = m->seg.flags;
	if (!acceptable(m)) { /* first */
		expect(m, state, flags & TCP_RST ? EVERY_REPLY_NONE : EVERY_REPLY_ACK);
	} else if (flags & TCP_RST) { /* second */
		bool exact = m->seg.seq == m->at->rcv_nxt;
		expect(m, exact ? TCP_ST_CLOSED : state,
			exact ? EVERY_REPLY_NONE : EVERY_REPLY_ACK);
	} else if (flags & TCP_SYN) { /* fourth */
		expect(m, state, EVERY_REPLY_ACK);
	} else if (!(flags & TCP_ACK)) { /* fifth */
		expect(m, state, EVERY_REPLY_NONE);
	} else if (state == TCP_ST_SYN_RECEIVED &&
		   (rel(m->seg.ack, m->at->una) <= 0 || rel(m->seg.ack, m->at->nxt) > 0)) {
		expect(m, state, EVERY_REPLY_RST);
	} else if (ack_out_of_range(m)) {
		expect(m, state, EVERY_REPLY_ACK);
	} else {
		text_and_fin(m, acked(m));
	}
}

void leat_every_model(const struct every_at *at, const struct every_seg *seg, enum tcp_state *state,
	enum every_reply *reply)
{
	struct model m = {.at = at, .seg = *seg};

	m.len = seg->text + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
	if (at->state < TCP_ST_SYN_RECEIVED)
		unsynchronized(&m);
	else if (at->state == TCP_ST_TIME_WAIT)
		time_wait(&m);
	else if (at->edge == at->rcv_nxt)
		closed_window(&m);
	else
		otherwise(&m);
	*state = m.state;
	*reply = m.reply;
}
