/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

/* What leaves, and when.  One segment at a time is chosen for a connection: first what must go
 * again, then what is new as far as the windows allow, at last a bare ACK if one is still owed. */

/* Flags of a segment as a function of state; FIN is added when it stands behind the last octet. */
static const uint8_t out_flags[TCP_ST_CNT] = {
	[TCP_ST_SYN_SENT] = TCP_SYN,
	[TCP_ST_SYN_RECEIVED] = TCP_SYN | TCP_ACK,
	[TCP_ST_ESTABLISHED] = TCP_ACK,
	[TCP_ST_FIN_WAIT_1] = TCP_ACK,
	[TCP_ST_FIN_WAIT_2] = TCP_ACK,
	[TCP_ST_CLOSE_WAIT] = TCP_ACK,
	[TCP_ST_CLOSING] = TCP_ACK,
	[TCP_ST_LAST_ACK] = TCP_ACK,
	[TCP_ST_TIME_WAIT] = TCP_ACK,
};

/* The window to offer: the promised edge, moved right when that is worth a segment (MUST-39).  It
 * never moves left (SHLD-14): what a scale cannot express is rounded up, so that the promise may
 * grow by less than one granule beyond the buffer; rcv_seg_max bounds what is held all the same. */
static uint16_t window(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	uint32_t granule = UINT32_C(1) << tcb->rcv_scale;
	uint32_t promised = seq_from(tcb->rcv.nxt, tcb->rcv.edge);
	uint32_t room = leat_tcp_rcv_room(c->e, tcb);
	uint32_t worth = u32_max(u32_min(tcb->snd_mss, c->e->knobs.rcv_buf_octets / 2), granule);

	if (room >= promised + worth)
		promised = u32_max(room & ~(granule - 1), promised);
	promised = (promised + granule - 1) & ~(granule - 1);
	tcb->rcv.edge = seq_add(tcb->rcv.nxt, promised);
	return (uint16_t)(promised >> tcb->rcv_scale);
}

/* Windows in SYN segments are never scaled, whatever else they agree on (RFC 7323 2.2). */
static uint16_t syn_window(const struct tcp_call *c)
{
	return (uint16_t)u32_min(leat_tcp_rcv_room(c->e, c->tcb), UINT16_MAX);
}

static struct tcp_emit *emit_take(struct tcp_call *c, const struct tuple *tuple, uint32_t tcb_idx)
{
	struct tcp_emit *emit = &c->io->emit[c->io->emit_cnt++];

	emit->tuple = *tuple;
	emit->tcb_idx = tcb_idx;
	emit->offset = 0;
	emit->doubt = false;
	emit->seg = (struct seg){0};
	c->e->cnt.emitted++;
	return emit;
}

void leat_tcp_emit_rst(struct tcp_call *c, const struct tuple *tuple, const struct seg *rst)
{
	if (c->io->emit_cnt == TCP_IO_EMIT_MAX) {
		c->e->cnt.rst_unsent++;
		return;
	}
	struct tcp_emit *out = emit_take(c, tuple, c->tcb ? c->tcb->idx : TCP_NONE);

	out->seg = *rst;
	if (c->tcb && tcp_in(c->tcb->state, TCP_SYNCHRONIZED | TCP_SET(SYN_RECEIVED)))
		leat_tcp_opts_put(c, &out->seg); /* RFC 7323 3.2: a reset SHOULD have them, too */
	c->e->cnt.emitted_rst++;
}

void leat_tcp_answer_rst(struct tcp_call *c, const struct tuple *tuple, const struct seg *seg)
{
	struct seg rst = {.flags = TCP_RST};

	if (seg->flags & TCP_ACK) {
		rst.seq = seg->ack;
	} else {
		rst.flags |= TCP_ACK;
		rst.ack = seq_add(seg->seq, seg->len);
	}
	leat_tcp_emit_rst(c, tuple, &rst);
}

void leat_tcp_send_rst(struct tcp_call *c)
{
	struct seg rst = {.flags = TCP_RST, .seq = c->tcb->snd.nxt};

	leat_tcp_emit_rst(c, &c->tcb->tuple, &rst);
}

/* Builds one segment at pos with octets of text, and keeps the books: SND.NXT, the RTT sample, the
 * ACK that it carries. */
static void emit(struct tcp_call *c, struct seq pos, uint32_t text, uint8_t flags)
{
	struct tcb *tcb = c->tcb;
	struct seg *seg;
	struct tcp_emit *out = emit_take(c, &tcb->tuple, tcb->idx);

	seg = &out->seg;
	seg->seq = pos;
	seg->flags = flags;
	seg->text = (uint16_t)text;
	seg->len = text + (flags & TCP_SYN ? 1U : 0) + (flags & TCP_FIN ? 1U : 0);
	out->offset = tcb->una_offset + seq_from(tcb->snd.una, pos);
	if (flags & TCP_ACK) {
		seg->ack = tcb->last_ack = tcb->rcv.nxt;
		seg->wnd = flags & TCP_SYN ? syn_window(c) : window(c);
		tcb->ack_owed = 0;
		tcb->flags &= (uint16_t) ~(TCP_F_ACK_NOW | TCP_F_ACK_DELAY);
		tcb->delack_at = TIME_NEVER;
	} else if (flags & TCP_SYN) {
		seg->wnd = syn_window(c);
	}
	leat_tcp_opts_put(c, seg);
	if (tcb->opts & TCP_O_URG_SND)
		leat_tcp_urg_put(c, seg);
	if (seg->len == 0)
		return;
	struct seq after = seq_add(pos, seg->len);

	if (seq_lt(pos, tcb->snd.nxt)) { /* Karn: nothing that was sent again is timed */
		tcb->flags &= (uint16_t)~TCP_F_RTT;
		tcb->rtx_cnt++;
		out->doubt = tcb->tries >= c->e->knobs.r1_cnt; /* MUST-20 */
		c->e->cnt.emitted_again++;
	} else if (!(tcb->flags & TCP_F_RTT)) {
		tcb->flags |= TCP_F_RTT;
		tcb->rtt_seq = pos;
		tcb->rtt_at = c->now;
	}
	if (seq_eq(pos, tcb->snd.rtx))
		tcb->snd.rtx = after;
	tcb->snd.nxt = seq_max(tcb->snd.nxt, after);
	tcb->snd.rtx = seq_min(tcb->snd.rtx, tcb->snd.nxt);
}

/* Octets of text at pos that one segment may carry, up to the edge. */
static uint32_t text_at(const struct tcb *tcb, struct seq pos, struct seq edge)
{
	struct seq to = seq_min(tcb->snd.end, edge);

	return seq_lt(pos, to) ? u32_min(seq_from(pos, to), tcb->snd_mss) : 0;
}

/* Text at pos, with PSH when it is the last that is queued (MUST-61), and FIN when the user closed
 * and nothing comes after it. */
static void emit_text(struct tcp_call *c, struct seq pos, uint32_t text)
{
	struct tcb *tcb = c->tcb;
	uint8_t flags = out_flags[tcb->state];

	if (seq_eq(seq_add(pos, text), tcb->snd.end)) {
		if (text > 0)
			flags |= TCP_PSH;
		if (tcb->flags & TCP_F_FIN_QUEUED)
			flags |= TCP_FIN;
	}
	emit(c, pos, text, flags);
}

/* Sender's silly window avoidance and Nagle, RFC 9293 3.8.6.2.1: a full segment, or the last text
 * there is while nothing is outstanding or FIN follows, or half of the largest window. */
static bool worth_sending(const struct tcb *tcb, struct seq pos, uint32_t text)
{
	bool last = seq_eq(seq_add(pos, text), tcb->snd.end);

	if (text == tcb->snd_mss)
		return true;
	if (last && (tcb->flags & (TCP_F_NODELAY | TCP_F_FIN_QUEUED) ||
			    seq_eq(tcb->snd.una, tcb->snd.nxt)))
		return true;
	return text > 0 && text >= tcb->snd.wnd_max / 2;
}

/* The handshake: SYN, or SYN with ACK, until it is acknowledged. */
static bool emit_syn(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	bool fresh = seq_eq(tcb->snd.nxt, tcb->snd.iss);

	if (!fresh && !seq_eq(tcb->snd.rtx, tcb->snd.iss))
		return false;
	emit(c, tcb->snd.iss, 0, tcb->state == TCP_ST_SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK);
	return true;
}

/* What was sent and must go again; only one segment at SND.UNA in fast recovery and probes. */
static bool emit_again(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct seq una = tcb->snd.una;

	if (tcb->flags & TCP_F_PROBE) { /* RFC 9293 3.8.6.1: one octet, or what little fits */
		tcb->flags &= (uint16_t) ~(TCP_F_PROBE | TCP_F_RTX_ONE);
		emit_text(c, una, text_at(tcb, una, seq_add(una, u32_max(tcb->snd.wnd, 1))));
		tcb->flags &= (uint16_t)~TCP_F_RTT; /* a sample would end the backoff (SHLD-30) */
		return true;
	}
	if (tcb->flags & TCP_F_RTX_ONE) {
		tcb->flags &= (uint16_t)~TCP_F_RTX_ONE;
		if (seq_lt(una, tcb->snd.nxt)) {
			emit_text(c, una, text_at(tcb, una, tcb->snd.nxt));
			return true;
		}
	}
	struct seq pos = tcb->snd.rtx;

	if (!seq_lt(pos, tcb->snd.nxt))
		return false;
	uint32_t wnd = u32_max(u32_min(tcb->cwnd, tcb->snd.wnd), 1);
	uint32_t text = text_at(tcb, pos, seq_add(una, wnd));

	if (text == 0 && !seq_eq(pos, tcb->snd.end))
		return false;
	emit_text(c, pos, text);
	return true;
}

static bool emit_new(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct seq pos = tcb->snd.nxt;
	struct seq edge = seq_add(tcb->snd.una, u32_min(tcb->cwnd, tcb->snd.wnd));
	bool fin_due = tcb->flags & TCP_F_FIN_QUEUED && seq_eq(pos, tcb->snd.end);
	uint32_t text = text_at(tcb, pos, edge);

	if (!fin_due && (text == 0 || !worth_sending(tcb, pos, text)))
		return false;
	emit_text(c, pos, text);
	return true;
}

/* A bare ACK stands at SND.NXT; but behind a probe's octet the peer, whose window is closed, would
 * not look at it (RFC 9293 A.2). */
static struct seq bare_ack_at(const struct tcb *tcb)
{
	struct seq edge = seq_add(tcb->snd.una, tcb->snd.wnd);

	return tcp_syn_unacked(tcb) ? tcb->snd.nxt : seq_min(tcb->snd.nxt, edge);
}

/* Chooses and builds one segment; false when this connection has nothing to send now. */
static bool emit_next(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	if (tcb->state < TCP_ST_SYN_SENT)
		return false;
	if (tcp_syn_unacked(tcb)) {
		if (emit_syn(c))
			return true;
	} else if (tcp_in(tcb->state, TCP_MAY_EMIT_TEXT)) {
		if (emit_again(c) || emit_new(c))
			return true;
	}
	if (tcb->opts & TCP_O_KEEP_NOW) { /* SHLD-12: without text */
		tcb->opts &= (uint16_t)~TCP_O_KEEP_NOW;
		emit(c, seq_sub(tcb->snd.nxt, 1), 0, TCP_ACK);
		return true;
	}
	if (tcb->flags & TCP_F_ACK_NOW && tcb->state != TCP_ST_SYN_SENT) {
		emit(c, bare_ack_at(tcb), 0, TCP_ACK);
		return true;
	}
	return false;
}

void leat_tcp_output(struct tcp_engine *e, uint64_t now, struct tcp_io *io)
{
	while (e->out_head != TCP_NONE) {
		struct tcp_call c = {.e = e, .tcb = &e->tcb[e->out_head], .now = now, .io = io};
		bool more = true;

		while (more && io->emit_cnt < TCP_IO_EMIT_MAX)
			more = emit_next(&c);
		if (c.tcb->state >= TCP_ST_SYN_SENT)
			leat_tcp_rtx_arm(&c, false);
		if (more)
			return; /* the list is full; this connection goes on first next time */
		e->out_head = c.tcb->out_next;
		c.tcb->flags &= (uint16_t)~TCP_F_IN_OUT;
	}
}
