/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_core.h"

/* RFC 9293 3.10.7.1 to 3.10.7.3: segments for nobody, for a listener, and for our SYN. */

/* 3.10.7.1 CLOSED. */
enum tcp_verdict leat_tcp_in_closed(
	struct tcp_call *c, const struct tuple *tuple, const struct seg *seg)
{
	if (seg->flags & TCP_RST)
		return TCP_V_CLOSED_IGNORED;
	leat_tcp_answer_rst(c, tuple, seg);
	return TCP_V_CLOSED_RST;
}

/* The peer's side of a handshake, from its SYN. */
static void syn_learn(const struct tcp_call *c, struct tcb *tcb, const struct seg *seg)
{
	leat_tcp_opts_learn(c, tcb, seg);
	tcb->rcv.irs = seg->seq;
	tcb->rcv.nxt = tcb->last_ack = seq_add(seg->seq, 1);
	tcb->rcv.edge = seq_add(tcb->rcv.nxt, tcp_rcv_offer(c->e, tcb));
	tcb->snd.wnd = tcb->snd.wnd_max = seg->wnd; /* never scaled in a SYN (N139) */
	tcb->snd.wl1 = seg->seq;
}

static void inherit_r2(struct tcp_engine *e, struct tcb *tcb, uint32_t r2_ms)
{
	struct tcp_side *side = leat_tcp_side_make(e, tcb);

	if (side)
		side->r2_ms = r2_ms;
	else
		tcb->opts &= (uint16_t)~TCP_O_R2;
}

struct tcb *leat_tcp_child(struct tcp_call *c, const struct tcb *listener,
	const struct tuple *tuple, const struct seg *syn)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb =
		leat_tcp_is_full(e) ? NULL : leat_tcp_alloc(e, tuple, TCP_ST_LISTEN, c->now);

	if (!tcb)
		return NULL;
	tcb->flags |= TCP_F_PASSIVE | (listener->flags & TCP_F_NODELAY);
	tcb->opts = (tcb->opts & (uint16_t)~TCP_O_INHERITED) | (listener->opts & TCP_O_INHERITED);
	if (tcb->opts & TCP_O_R2)
		inherit_r2(e, tcb, tcp_side(e, listener)->r2_ms);
	tcb->tos = listener->tos;
	tcb->snd.una = tcb->snd.nxt = tcb->snd.rtx = leat_tcp_isn(e, tcb, c->now);
	tcb->snd.end = seq_add(tcb->snd.una, 1);
	tcb->rttvar_us = e->rto_initial_us; /* RFC 6298 2.1 */
	syn_learn(c, tcb, syn);
	leat_tcp_go(e, tcb, TCP_ARROW_LISTEN_RCV_SYN);
	e->cnt.opened_passive++;
	e->open_cnt++;
	leat_tcp_want_output(e, tcb);
	c->io->born = tcb->idx;
	return tcb;
}

/* What leat_tcp_child was short of. */
static enum tcp_verdict no_child(const struct tcp_engine *e)
{
	return leat_tcp_has_tcb(e) ? TCP_V_TIME_WAIT_FULL : TCP_V_NO_TCB;
}

/* The ACK of a cookie is what would have come in SYN-RECEIVED, so that is where it finds us. */
static enum tcp_verdict cookie_came_back(
	struct tcp_call *c, const struct tuple *tuple, const struct seg *seg, const struct seg *syn)
{
	struct tcb *tcb = leat_tcp_child(c, c->tcb, tuple, syn);
	struct seg cut = *seg;

	if (!tcb)
		return no_child(c->e); /* the peer's first text will bring the cookie again */
	tcb->snd.una = seq_sub(seg->ack, 1);
	tcb->snd.nxt = tcb->snd.rtx = tcb->snd.end = seg->ack;
	c->tcb = tcb;
	c->wnd = (uint32_t)seg->wnd << tcb->snd_scale;
	(void)leat_tcp_in_otherwise(c, &cut);
	DCHECK(tcp_in(tcb->state, TCP_SYNCHRONIZED));
	return TCP_V_COOKIE_OK;
}

/* 3.10.7.2 LISTEN.  DEVIATION(syn-text): text on the SYN is not taken; it will come again. */
enum tcp_verdict leat_tcp_in_listen(
	struct tcp_call *c, const struct tuple *tuple, const struct seg *seg)
{
	struct seg syn;

	if (seg->flags & TCP_RST) /* first, and before any cookie is looked at (N054) */
		return TCP_V_LISTEN_IGNORED;
	if (seg->flags & TCP_ACK) { /* second */
		bool awaited = c->now < c->e->cookie_until && !(seg->flags & TCP_SYN);

		if (awaited && leat_tcp_cookie_back(c, tuple, seg, &syn))
			return cookie_came_back(c, tuple, seg, &syn);
		leat_tcp_answer_rst(c, tuple, seg);
		return awaited ? TCP_V_COOKIE_BAD : TCP_V_LISTEN_RST;
	}
	if (!(seg->flags & TCP_SYN)) /* fourth */
		return TCP_V_LISTEN_IGNORED;
	if (seg->flags & TCP_FIN) /* DEVIATION(listen-syn-fin) */
		return TCP_V_LISTEN_SYN_FIN;
	/* third */
	return leat_tcp_child(c, c->tcb, tuple, seg) ? TCP_V_SYN_NEW : no_child(c->e);
}

/* RFC 6191 2, rule by rule; without timestamps, or when those are not to count, RFC 1122
 * 4.2.2.13: "greater than the last sequence number seen". */
static enum tcp_verdict newer_than(const struct tcp_engine *e, const struct tcb *old,
	const struct seg *seg, const struct tcb *listener)
{
	if (listener->opts & TCP_O_REUSE_TS && seg->opts & TCP_OPT_TS && e->knobs.timestamps) {
		bool had = old->agreed & TCP_OPT_TS;
		int32_t later = had ? (int32_t)(seg->ts_val - old->ts_recent) : 1;

		if (later > 0)
			return TCP_V_TIME_WAIT_SYN_TS;
		if (later < 0)
			return TCP_V_TIME_WAIT_SYN_OLD;
	}
	return seq_gt(seg->seq, old->rcv.nxt) ? TCP_V_TIME_WAIT_SYN_SEQ : TCP_V_TIME_WAIT_SYN_OLD;
}

void leat_tcp_reuse(struct tcb *listener, enum tcp_reuse reuse)
{
	listener->opts &= (uint16_t) ~(TCP_O_REUSE_SEQ | TCP_O_REUSE_TS);
	if (reuse != TCP_REUSE_OFF)
		listener->opts |= TCP_O_REUSE_SEQ;
	if (reuse == TCP_REUSE_TS)
		listener->opts |= TCP_O_REUSE_TS;
}

bool leat_tcp_two_msl(struct tcp_engine *e, struct tcb *tcb, uint64_t ns)
{
	uint32_t length = leat_timer_ring_length(e->two_msl, ns);

	DCHECK(tcb->state != TCP_ST_TIME_WAIT);
	if (length == TIMER_RING_LENGTHS)
		return false;
	tcb->opts &= (uint16_t)~TCP_O_TWO_MSL;
	tcb->opts |= (uint16_t)(length << TCP_O_TWO_MSL_SHIFT);
	return true;
}

void leat_tcp_rst_ends(struct tcb *tcb, bool on)
{
	tcb->opts &= (uint16_t)~TCP_O_RST_ENDS;
	if (on)
		tcb->opts |= TCP_O_RST_ENDS;
}

bool leat_tcp_may_reopen(const struct tcp_engine *e, const struct tcb *old,
	const struct tcb *listener, const struct seg *seg)
{
	return newer_than(e, old, seg, listener) != TCP_V_TIME_WAIT_SYN_OLD;
}

enum tcp_verdict leat_tcp_reopen(struct tcp_engine *e, struct tcb *old, const struct tcb *listener,
	const struct seg *seg, uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = old, .now = now, .io = io};
	struct tuple tuple;
	enum tcp_verdict v = newer_than(e, old, seg, listener);

	DCHECK(old->state == TCP_ST_TIME_WAIT);
	DCHECK((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN);
	if (v == TCP_V_TIME_WAIT_SYN_OLD) {
		leat_tcp_reply(&c, seg);
	} else {
		tcp_tuple(e, old, &tuple);
		struct tcb *tcb = leat_tcp_child(&c, listener, &tuple, seg);

		if (tcb)
			leat_tcp_iss_after(tcb, old);
		else
			v = no_child(e);
	}
	return leat_tcp_in_done(&c, seg, v);
}

/* RFC 6191 asks of a SYN that its timestamp be newer than any before; our clock of them ticks in
 * ms, so that any delay that the knob takes is enough. */
bool leat_tcp_may_reuse(const struct tcp_engine *e, const struct tcb *old, uint64_t now)
{
	return e->knobs.connect_reuse_ns != 0 && old->state == TCP_ST_TIME_WAIT &&
	       old->agreed & TCP_OPT_TS && e->knobs.timestamps &&
	       now + leat_tcp_ring_lasts(e, old) >=
		       leat_tcp_ring_deadline(e, old) + e->knobs.connect_reuse_ns;
}

static enum tcp_verdict syn_sent_answered(struct tcp_call *c, struct seg *seg)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;

	syn_learn(c, tcb, seg);
	if (!(seg->flags & TCP_ACK)) {
		/* Simultaneous open, figure 7: our SYN goes again, now with an ACK. */
		leat_tcp_step(e, tcb, TCP_EV_RCV_SYN);
		tcb->snd.rtx = tcb->snd.una;
		leat_tcp_want_output(e, tcb);
		return TCP_V_SYN_ANSWERED;
	}
	leat_tcp_step(e, tcb, TCP_EV_RCV_SYN_ACK);
	leat_tcp_ack_syn(c, seg);
	tcb->flags |= TCP_F_ACK_NOW;
	leat_tcp_want_output(e, tcb);
	leat_tcp_tell(e, tcb, TCP_NEWS_ESTABLISHED);
	/* "If there are other controls or text in the segment, continue at the sixth step." */
	seg->seq = tcb->rcv.nxt;
	seg->len--;
	seg->flags &= (uint8_t)~TCP_SYN;
	if (seg->len > seq_from(tcb->rcv.nxt, tcb->rcv.edge))
		return TCP_V_SYN_ANSWERED; /* more than fits: it will come again */
	if (leat_tcp_in_text(c, seg) == TCP_V_OK)
		leat_tcp_in_fin(c, seg);
	return TCP_V_SYN_ANSWERED;
}

/* 3.10.7.3 SYN-SENT. */
enum tcp_verdict leat_tcp_in_syn_sent(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	bool ack_ok = false;
	uint64_t since_ns;

	if (seg->flags & TCP_ACK) { /* first */
		ack_ok = seq_lt(tcb->snd.una, seg->ack) && seq_leq(seg->ack, tcb->snd.nxt);
		if (!ack_ok && seg->flags & TCP_RST)
			return TCP_V_SYN_SENT_IGNORED;
		if (!ack_ok) {
			leat_tcp_refuse_ack(c, seg);
			return TCP_V_SYN_SENT_BAD_ACK;
		}
	}
	if (seg->flags & TCP_RST) { /* second */
		if (!ack_ok)
			return TCP_V_SYN_SENT_IGNORED;
		leat_tcp_end(c, TCP_EV_RCV_RST, TCP_END_REFUSED);
		return TCP_V_RST_ACCEPTED;
	}
	if (!(seg->flags & TCP_SYN)) /* fourth and fifth */
		return TCP_V_SYN_SENT_IGNORED;
	if (ack_ok && c->e->knobs.timestamps && seg->opts & TCP_OPT_TS && seg->ts_ecr != 0 &&
		!leat_tcp_ts_echo(c, seg, &since_ns))
		return TCP_V_TS_ECHO; /* it answers another connection's SYN (N136) */
	return syn_sent_answered(c, seg);
}
