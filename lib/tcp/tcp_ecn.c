/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "tcp_sendq.h"

/* ECN, RFC 3168 6.1 (SHLD-8).
 *
 *	we ask        SYN with ECE and CWR, once; a SYN that goes again is plain (6.1.1.1)
 *	we answer     SYN,ACK with ECE
 *	we send       new text as ECT(0); nothing else (6.1.4, 6.1.5, 6.1.6)
 *	CE arrives    ECE on all that we send, until CWR comes
 *	ECE arrives   cwnd is cut once a round trip, and CWR told
 *
 * The offer of AccECN, a SYN with AE as well, is to us one of ECN, which RFC 9768 3.1.2 has its
 * sender accept; AE is neither looked at nor sent. */

#define SETUP (TCP_ECE | TCP_CWR)

void leat_tcp_ecn_learn(const struct tcp_engine *e, struct tcb *tcb, const struct seg *seg)
{
	if (LIKELY((seg->flags & SETUP) == 0))
		return;
	bool asked = e->knobs.ecn == TCP_ECN_ACTIVE && !(tcb->flags & TCP_F_SYN_RTX);
	uint8_t want = seg->flags & TCP_ACK ? TCP_ECE : SETUP; /* both on a SYN,ACK: a mirror */

	if (tcb->flags & TCP_F_PASSIVE)
		asked = e->knobs.ecn != TCP_ECN_OFF;
	if (asked && (seg->flags & SETUP) == want)
		tcb->agreed |= TCP_AGREED_ECN;
}

uint8_t leat_tcp_ecn_syn_flags(const struct tcp_engine *e, const struct tcb *tcb, uint8_t flags)
{
	if (flags & TCP_ACK)
		return tcb->agreed & TCP_AGREED_ECN ? TCP_ECE : 0;
	return e->knobs.ecn == TCP_ECN_ACTIVE && !(tcb->flags & TCP_F_SYN_RTX) ? SETUP : 0;
}

/* 6.1.2: as for one lost segment, but "at most once every window of data"; and not when a loss in
 * it has had its reduction.  CWR ends the peer's ECE in any case. */
static void congestion(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct tcp_ext *ext = leat_tcp_ext_own(c->e, tcb, tcb->snd.una, c->now);
	struct tcp_side *side = leat_tcp_side_make(c->e, tcb);

	if (tcb->opts & TCP_O_ECN_CUT || (!side && tcb->opts & TCP_O_CWR))
		return;
	tcb->opts |= TCP_O_CWR;
	if (side) {
		tcb->opts |= TCP_O_ECN_CUT;
		side->ecn_high = tcb->snd.nxt;
	}
	if (tcb->flags & TCP_F_RECOVERY || (ext && ext->flags & TCP_EXT_LOSS))
		return;
	/* With the last ACK nothing is on the way any more; then it is what might have been. */
	uint32_t flight = seq_from(tcb->snd.una, tcb->snd.nxt);
	if (flight == 0)
		flight = tcb->cwnd;
	tcb->ssthresh = leat_tcp_cc_reduced(c, ext, u32_min(flight, tcb->cwnd));
	tcb->cwnd = u32_min(tcb->cwnd, tcb->ssthresh);
	c->e->cnt.ecn_cut++;
}

void leat_tcp_ecn_in(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!tcp_in(tcb->state, TCP_SYNCHRONIZED))
		return;
	if (seg->flags & TCP_CWR)
		tcb->opts &= (uint16_t)~TCP_O_ECE;
	if ((seg->tos & WIRE_ECN_MASK) == WIRE_ECN_CE && seg->text > 0) {
		tcb->opts |= TCP_O_ECE;
		c->e->cnt.ecn_ce_seen++;
	}
	if (tcb->opts & TCP_O_ECN_CUT && seq_gt(tcb->snd.una, tcp_side(c->e, tcb)->ecn_high))
		tcb->opts &= (uint16_t)~TCP_O_ECN_CUT;
	if (c->ece)
		congestion(c);
}

void leat_tcp_ecn_put(const struct tcp_call *c, struct seg *seg, bool fresh)
{
	struct tcb *tcb = c->tcb;
	/* Beyond the window is only a probe of it, which has neither mark (6.1.6). */
	bool inside = seq_leq(seq_add(seg->seq, seg->text), seq_add(tcb->snd.una, tcb->snd.wnd));

	if (tcb->opts & TCP_O_ECE)
		seg->flags |= TCP_ECE;
	if (!fresh || !inside)
		return;
	seg->tos |= WIRE_ECN_ECT0;
	if (tcb->opts & TCP_O_CWR)
		seg->flags |= TCP_CWR;
	tcb->opts &= (uint16_t)~TCP_O_CWR;
}
