/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

/* RFC 9293 3.10.7.4: the eight checks of a segment for a connection beyond SYN-SENT, one function
 * each, in the RFC's order, called from leat_tcp_in_otherwise below. */

/* Words of 3.10.7.4: a segment is acceptable when it has an octet in the window, or, without
 * octets, when it begins there. */
static bool acceptable(const struct tcb *tcb, const struct seg *seg)
{
	struct seq nxt = tcb->rcv.nxt, edge = tcb->rcv.edge;

	if (seg->len == 0) {
		if (seq_eq(nxt, edge))
			return seq_eq(seg->seq, nxt);
		return seq_leq(nxt, seg->seq) && seq_lt(seg->seq, edge);
	}
	struct seq last = seq_add(seg->seq, seg->len - 1);
	return !seq_eq(nxt, edge) && ((seq_leq(nxt, seg->seq) && seq_lt(seg->seq, edge)) ||
					     (seq_leq(nxt, last) && seq_lt(last, edge)));
}

void leat_tcp_reply(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	bool exempt =
		(seg->text > 0 || seg->flags & TCP_FIN) && !(seg->flags & (TCP_SYN | TCP_RST));

	if (!exempt) {
		uint32_t now_ms = (uint32_t)(c->now / TIME_MS);
		uint32_t since_ms = now_ms - tcb->challenged_ms;

		if (tcb->challenged_ms != 0 && since_ms < c->e->knobs.reply_interval_ns / TIME_MS)
			return;
		tcb->challenged_ms = u32_max(now_ms, 1);
	}
	if (leat_tcp_tw_is_deaf(c->e, tcb)) {
		c->e->cnt.time_wait_unanswered++;
		return;
	}
	tcb->flags |= TCP_F_ACK_NOW;
	leat_tcp_want_output(c->e, tcb);
}

/* "Tailor segments to fit by trimming off any portions that lie outside the window". */
static void trim(struct tcb *tcb, struct seg *seg)
{
	int32_t before = seq_diff(tcb->rcv.nxt, seg->seq);

	if (before > 0) {
		uint32_t cut = u32_min((uint32_t)before, seg->text);

		leat_tcp_dsack_note(tcb, seg->seq, cut);
		seg->seq = tcb->rcv.nxt;
		seg->data += cut;
		seg->text = (uint16_t)(seg->text - cut);
		seg->len -= (uint32_t)before;
		tcb->flags |= TCP_F_ACK_NOW; /* it was partly here before */
	}
	int32_t beyond = seq_diff(seq_add(seg->seq, seg->len), tcb->rcv.edge);

	if (beyond > 0) {
		if (seg->flags & TCP_FIN) {
			seg->flags &= (uint8_t)~TCP_FIN;
			seg->len--;
			beyond--;
		}
		seg->text = (uint16_t)(seg->text - beyond);
		seg->len -= (uint32_t)beyond;
	}
}

/* The peer's SYN once more, in SYN-RECEIVED: with an ACK it is the answer to ours (simultaneous
 * open, figure 7), and what it acknowledges is looked at; without, it asks for our SYN-ACK. */
static enum tcp_verdict syn_again(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!(seg->flags & TCP_ACK)) {
		tcb->snd.rtx = tcb->snd.una;
		leat_tcp_want_output(c->e, tcb);
		return TCP_V_SYN_AGAIN;
	}
	leat_tcp_opts_keep(tcb, seg);
	seg->flags &= (uint8_t)~TCP_SYN;
	seg->seq = seq_add(seg->seq, 1);
	seg->len--;
	return TCP_V_OK;
}

/* RFC 9293 A.2: before a closed window stands a probe, or an ACK from behind its octet. */
static bool before_closed_window(const struct tcb *tcb, const struct seg *seg)
{
	return seq_eq(seg->seq, tcb->rcv.nxt) ||
	       (seg->len == 0 && seg->flags & TCP_ACK &&
		       seq_eq(seg->seq, seq_add(tcb->rcv.nxt, 1)));
}

/* Does seg acknowledge what a peer of this connection may?  A stranger's guess does not, and must
 * not have us report his octets as the peer's (RFC 2883, RFC 5961 5). */
static bool knows_us(const struct tcb *tcb, const struct seg *seg)
{
	return seg->flags & TCP_ACK && seq_leq(seg->ack, tcb->snd.nxt) &&
	       seq_geq(seg->ack, seq_sub(tcb->snd.una, tcb->snd.wnd_max));
}

/* First, check sequence number. */
static enum tcp_verdict check_seq(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (tcb->state == TCP_ST_SYN_RECEIVED && seg->flags & TCP_SYN && !(seg->flags & TCP_RST) &&
		seq_eq(seg->seq, tcb->rcv.irs)) {
		enum tcp_verdict v = syn_again(c, seg);

		if (v != TCP_V_OK)
			return v;
	}
	if (acceptable(tcb, seg)) {
		if (!(seg->flags & TCP_RST)) /* its own number must be exact, RFC 5961 3 */
			trim(tcb, seg);
		return TCP_V_OK;
	}
	if (seg->flags & TCP_RST) /* MUST-66: the exact one counts before a closed window, too */
		return seq_eq(seg->seq, tcb->rcv.nxt) ? TCP_V_OK : TCP_V_RST_OUT_OF_WINDOW;
	if (seg->flags & TCP_SYN) {
		leat_tcp_reply(c, seg); /* RFC 5961 4: whatever its number */
		return TCP_V_SYN_CHALLENGED;
	}
	/* A closed window takes no text, but still ACKs: else two of them would wait for ever. */
	if (seq_eq(tcb->rcv.nxt, tcb->rcv.edge) && before_closed_window(tcb, seg)) {
		if (seg->len > 0)
			leat_tcp_reply(c, seg);
		seg->seq = tcb->rcv.nxt;
		seg->text = 0;
		seg->len = 0;
		seg->flags &= (uint8_t)~TCP_FIN;
		return TCP_V_OK;
	}
	if (seq_leq(seq_add(seg->seq, seg->text), tcb->rcv.nxt) && knows_us(tcb, seg))
		leat_tcp_dsack_note(tcb, seg->seq, seg->text);
	leat_tcp_reply(c, seg);
	return TCP_V_OUT_OF_WINDOW;
}

/* Second, check the RST bit; RFC 5961 3: only the exact next octet resets. */
static enum tcp_verdict check_rst(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!(seg->flags & TCP_RST))
		return TCP_V_OK;
	if (!seq_eq(seg->seq, tcb->rcv.nxt)) {
		leat_tcp_reply(c, seg);
		return TCP_V_RST_CHALLENGED;
	}
	/* In SYN-RECEIVED it refuses: a child of a listener vanishes and its user never hears of
	 * it; one that began as an active open hears "connection refused" (MUST-11). */
	leat_tcp_end(c, TCP_EV_RCV_RST,
		tcb->state == TCP_ST_SYN_RECEIVED ? TCP_END_REFUSED : TCP_END_RESET);
	return TCP_V_RST_ACCEPTED;
}

/* Fourth, check the SYN bit; RFC 5961 4.  DEVIATION(syn-received-syn): a challenge there, too. */
static enum tcp_verdict check_syn(struct tcp_call *c, const struct seg *seg)
{
	if (!(seg->flags & TCP_SYN))
		return TCP_V_OK;
	leat_tcp_reply(c, seg);
	return TCP_V_SYN_CHALLENGED;
}

/* What an acknowledgment of our FIN means in each state. */
static void fin_acknowledged(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	switch (tcb->state) {
	case TCP_ST_FIN_WAIT_1:
		leat_tcp_step(c->e, tcb, TCP_EV_RCV_ACK_OF_FIN);
		if (tcb->flags & TCP_F_RCV_SHUT)
			leat_tcp_ring_start(c->e->fin_wait_2, tcb, 0, c->now);
		break;
	case TCP_ST_CLOSING:
		leat_tcp_step(c->e, tcb, TCP_EV_RCV_ACK_OF_FIN);
		leat_tcp_tw_begin(c);
		c->e->cnt.time_wait_entered++;
		break;
	case TCP_ST_LAST_ACK:
		leat_tcp_end(c, TCP_EV_RCV_ACK_OF_FIN, TCP_END_LAST_ACK);
		break;
	default:
		break;
	}
}

/* Fifth, check the ACK field. */
static enum tcp_verdict check_ack(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!(seg->flags & TCP_ACK))
		return TCP_V_NO_ACK;
	bool opening = tcp_syn_unacked(tcb); /* SYN-RECEIVED, or closed by its user in it */

	if (opening && (!seq_lt(tcb->snd.una, seg->ack) || !seq_leq(seg->ack, tcb->snd.nxt))) {
		leat_tcp_refuse_ack(c, seg);
		return TCP_V_BAD_ACK_RST;
	}
	if (tcb->state == TCP_ST_SYN_RECEIVED) {
		leat_tcp_step(c->e, tcb, TCP_EV_RCV_ACK_OF_SYN);
		leat_tcp_ack_syn(c, seg);
		leat_tcp_tell(c->e, tcb, TCP_NEWS_ESTABLISHED);
		return TCP_V_OK;
	}
	if (seq_gt(seg->ack, tcb->snd.nxt)) {
		leat_tcp_reply(c, seg);
		return TCP_V_ACK_OF_UNSENT; /* with all it carries: text and FIN are not used */
	}
	if (seq_lt(seg->ack, seq_sub(tcb->snd.una, tcb->snd.wnd_max))) {
		leat_tcp_reply(c, seg); /* RFC 5961 5 */
		return TCP_V_ACK_TOO_OLD;
	}
	if (opening)
		leat_tcp_ack_syn(c, seg);
	else
		leat_tcp_in_ack(c, seg);
	if (leat_tcp_fin_acked(tcb))
		fin_acknowledged(c);
	return TCP_V_OK;
}

/* Seventh, process the segment text. */
enum tcp_verdict leat_tcp_in_text(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (seg->text == 0 || !tcp_in(tcb->state, TCP_MAY_RECEIVE_TEXT))
		return TCP_V_OK;
	if (tcb->flags & TCP_F_FIN_HELD) { /* the first FIN fixed where the stream ends */
		int32_t before = seq_diff(tcb->rcv_fin, seg->seq);

		if (before <= 0)
			return TCP_V_OK;
		seg->text = (uint16_t)u32_min(seg->text, (uint32_t)before);
	}
	if (tcb->flags & TCP_F_RCV_SHUT) {
		leat_tcp_send_rst(c);
		leat_tcp_end(c, TCP_EV_ABORT, TCP_END_ABORTED);
		return TCP_V_TEXT_AFTER_CLOSE;
	}
	return leat_tcp_reass(c, seg);
}

/* Eighth, check the FIN bit.  A FIN before which text is missing is held until it is due. */
void leat_tcp_in_fin(struct tcp_call *c, const struct seg *seg)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;

	if (!tcp_in(tcb->state, TCP_MAY_RECEIVE_TEXT))
		return;
	if (seg->flags & TCP_FIN && !(tcb->flags & TCP_F_FIN_HELD)) {
		tcb->flags |= TCP_F_FIN_HELD;
		tcb->rcv_fin = seq_add(seg->seq, seg->len - 1);
	}
	if (seg->flags & TCP_FIN) {
		tcb->flags |= TCP_F_ACK_NOW;
		leat_tcp_want_output(e, tcb);
	}
	if (tcb->flags & TCP_F_FIN_HELD && seq_lt(tcb->rcv_fin, tcb->rcv.nxt))
		tcb->flags &= (uint16_t)~TCP_F_FIN_HELD; /* text from behind it was first */
	if (!(tcb->flags & TCP_F_FIN_HELD) || !seq_eq(tcb->rcv.nxt, tcb->rcv_fin))
		return;
	leat_tcp_reass_purge(e, tcb, true); /* nothing behind a FIN is text */
	tcb->rcv.nxt = seq_add(tcb->rcv.nxt, 1);
	tcb->rcv.edge = seq_max(tcb->rcv.edge, tcb->rcv.nxt);
	tcb->flags |= TCP_F_ACK_NOW;
	leat_tcp_want_output(e, tcb);
	leat_tcp_step(e, tcb, TCP_EV_RCV_FIN);
	leat_tcp_tell(e, tcb, TCP_NEWS_PEER_CLOSED);
	if (tcb->state == TCP_ST_TIME_WAIT) {
		leat_tcp_ring_stop(e->fin_wait_2, tcb);
		leat_tcp_tw_begin(c);
		e->cnt.time_wait_entered++;
	}
}

/* TIME-WAIT: "the only thing that can arrive is a retransmission of the remote FIN", which is
 * acknowledged and starts 2MSL again.  Whatever else comes is late, and ends nothing before its
 * time (RFC 1337); what had to be answered is, within the limit. */
static enum tcp_verdict time_wait_arrives(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (seg->flags & TCP_RST) /* DEVIATION(time-wait-rst) */
		return TCP_V_RST_TIME_WAIT;
	if (seg->flags & TCP_SYN) {
		leat_tcp_reply(c, seg);
		return seg->flags & (TCP_ACK | TCP_FIN) ? TCP_V_SYN_CHALLENGED
							: TCP_V_TIME_WAIT_SYN_OFF;
	}
	if (!(seg->flags & TCP_ACK) && acceptable(tcb, seg))
		return TCP_V_NO_ACK;
	if (seg->flags & TCP_ACK && seg->flags & TCP_FIN &&
		seq_eq(seq_add(seg->seq, seg->text), tcb->rcv_fin)) {
		leat_tcp_tw_begin(c);
		c->e->cnt.time_wait_restarted++;
		leat_tcp_ts_update(c, seg->seq, seg);
		leat_tcp_reply(c, seg);
		return TCP_V_TIME_WAIT_FIN;
	}
	if (seg->len > 0 || !acceptable(tcb, seg)) {
		struct seg bare = *seg;

		bare.text = 0; /* RFC 1337: late text is answered within the limit, too */
		bare.flags &= (uint8_t)~TCP_FIN;
		leat_tcp_reply(c, &bare);
	}
	return TCP_V_TIME_WAIT_OLD;
}

/* 3.10.7.4.  The third check (security) concerns options that are not supported. */
enum tcp_verdict leat_tcp_in_otherwise(struct tcp_call *c, struct seg *seg)
{
	struct seq first = seg->seq;
	enum tcp_verdict v;

	v = leat_tcp_ts_check(c, seg); /* RFC 7323 5.3: before all else */
	if (v != TCP_V_OK)
		return v;
	if (c->tcb->state == TCP_ST_TIME_WAIT &&
		!(seg->flags & TCP_RST && c->tcb->opts & TCP_O_RST_ENDS))
		return time_wait_arrives(c, seg);
	bool offered = seg->text > 0 || seg->flags & TCP_FIN;

	v = check_seq(c, seg); /* first */
	if (v != TCP_V_OK)
		return v;
	v = check_rst(c, seg); /* second */
	if (v != TCP_V_OK)
		return v;
	v = check_syn(c, seg); /* fourth */
	if (v != TCP_V_OK)
		return v;
	c->ece = seg->flags & TCP_ECE && c->tcb->agreed & TCP_AGREED_ECN;
	v = check_ack(c, seg); /* fifth */
	if (v != TCP_V_OK)
		return v;
	if (c->tcb->agreed & TCP_AGREED_ECN)
		leat_tcp_ecn_in(c, seg);
	leat_tcp_ts_update(c, first, seg);
	if (seg->flags & TCP_URG)
		leat_tcp_in_urg(c, first, seg); /* sixth */
	v = leat_tcp_in_text(c, seg);           /* seventh */
	if (v != TCP_V_OK)
		return v;
	leat_tcp_in_fin(c, seg); /* eighth */
	return offered && seg->len == 0 ? TCP_V_TEXT_NO_ROOM : TCP_V_OK;
}

static void tally(const struct tcp_call *c, const struct seg *seg, enum tcp_verdict v)
{
	const struct tcb *tcb = c->tcb;
	uint32_t idx = c->io->born != TCP_NONE ? c->io->born : tcb ? tcb->idx : TCP_NONE;

	if (idx == TCP_NONE)
		return;
	struct tcp_tally *t = &c->e->tally[idx];

	t->segs_in++;
	t->ce_segs += (seg->tos & WIRE_ECN_MASK) == WIRE_ECN_CE;
	if (v == TCP_V_OK && seg->flags & TCP_ACK)
		t->ack_at = c->now;
	if (seg->text == 0)
		return;
	t->text_segs_in++;
	t->text_at = c->now;
}

enum tcp_verdict leat_tcp_in_done(
	const struct tcp_call *c, const struct seg *seg, enum tcp_verdict v)
{
	if (!c->kept && seg->buf)
		c->io->give[c->io->give_cnt++] = seg->buf;
	c->e->cnt.verdict[v]++;
	if (c->e->tally)
		tally(c, seg, v);
	return v;
}

/* seg is a copy, to be trimmed on its way through the checks. */
static enum tcp_verdict in_checked(struct tcp_call *c, struct seg seg)
{
	return c->tcb->state == TCP_ST_SYN_SENT ? leat_tcp_in_syn_sent(c, &seg)
						: leat_tcp_in_otherwise(c, &seg);
}

enum tcp_verdict leat_tcp_segment_arrives(struct tcp_engine *e, struct tcb *tcb,
	const struct tuple *tuple, const struct seg *seg, uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now, .io = io};
	enum tcp_verdict v = TCP_V_CNT;

	c.wnd = seg->wnd;
	c.data = seg->data;
	if (tcb && !(seg->flags & TCP_SYN))
		c.wnd <<= tcb->snd_scale;
	DCHECK(io->give_cnt < TCP_IO_GIVE_MAX);
	io->born = TCP_NONE;
	if (!tcb || tcb->state == TCP_ST_CLOSED)
		v = leat_tcp_in_closed(&c, tuple, seg);
	else if (tcb->state == TCP_ST_LISTEN)
		v = leat_tcp_in_listen(&c, tuple, seg);
	else if (LEAT_FAST_PATH && tcp_is_quick(e)) /* no call is left that does not link */
		v = leat_tcp_in_fast(&c, seg);
	if (v == TCP_V_CNT)
		v = in_checked(&c, *seg);
	return leat_tcp_in_done(&c, seg, v);
}
