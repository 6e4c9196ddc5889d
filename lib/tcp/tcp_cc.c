/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "tcp_sendq.h"

/* What all congestion controls share: initial and restart window, slow start counting octets (RFC
 * 3465), and growth only while cwnd is the limit; and NewReno (RFC 5681, 6582) for
 * connections without records of what they sent. */

#define DUP_ACKS_FAST   3
#define HYSTART_MIN_US  4000
#define HYSTART_MAX_US  16000
#define HYSTART_DIVISOR 8
#define HYSTART_SAMPLES 8
#define HYSTART_ROUNDS  5

static const struct tcp_cc_ops *const cc_ops[TCP_CC_CNT] = {
	[TCP_CC_RENO] = &leat_tcp_cc_reno,
	[TCP_CC_CUBIC] = &leat_tcp_cc_cubic,
};

static const struct tcp_cc_ops *ops_of(const struct tcp_engine *e, const struct tcp_ext *ext)
{
	return ext ? cc_ops[e->knobs.cc] : &leat_tcp_cc_reno;
}

const char *leat_tcp_cc_name(const struct tcp_engine *e)
{
	return cc_ops[e->knobs.cc]->name;
}

static uint32_t flight(const struct tcb *tcb)
{
	return seq_from(tcb->snd.una, tcb->snd.nxt);
}

/* RFC 6928 (1): at most 10 segments, and 14,600 octets unless two segments are more. */
uint32_t leat_tcp_cc_initial(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint32_t segs = e->knobs.iw_segs;
	uint32_t mss = tcb->snd_mss;

	return u32_min(segs * mss, u32_max(2 * mss, segs * 1460));
}

void leat_tcp_cc_init(const struct tcp_engine *e, struct tcb *tcb)
{
	tcb->cwnd = leat_tcp_cc_initial(e, tcb);
	if (tcb->flags & TCP_F_SYN_RTX)
		tcb->cwnd = tcb->snd_mss; /* RFC 5681 3.1: a SYN was lost */
	tcb->ssthresh = TCP_CWND_MAX;
	tcb->recover = seq_sub(tcb->snd.una, 1);
}

void leat_tcp_cc_begin(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	DCHECK(seq_eq(tcb->snd.una, tcb->snd.nxt));
	if (c->now - tcb->rtt_at > leat_tcp_rto_ns(c->e, tcb)) /* RFC 5681 4.1 */
		tcb->cwnd = u32_min(tcb->cwnd, leat_tcp_cc_initial(c->e, tcb));
}

/* HyStart++, RFC 9406: the first slow start ends when round trips begin to take longer, before it
 * fills the queue and loses half of it.
 *
 *	slow start ──RTT rises──► conservative slow start ──5 rounds──► congestion avoidance
 *	     ▲                            │
 *	     └──────RTT falls back────────┘ */
static void round_begin(const struct tcb *tcb, struct tcp_hystart *h)
{
	h->round_end = tcb->snd.nxt;
	h->last_us = h->now_us;
	h->now_us = UINT32_MAX;
	h->sample_cnt = 0;
}

static bool rises(const struct tcp_hystart *h)
{
	if (h->sample_cnt < HYSTART_SAMPLES || h->now_us == UINT32_MAX || h->last_us == UINT32_MAX)
		return false;
	uint32_t thresh =
		u32_min(u32_max(h->last_us / HYSTART_DIVISOR, HYSTART_MIN_US), HYSTART_MAX_US);

	return h->now_us >= h->last_us + thresh;
}

/* 4.3: a round of conservative slow start has an ACK. */
static void conservative(struct tcb *tcb, struct tcp_ext *ext, struct tcp_hystart *h, bool ended)
{
	if (h->sample_cnt >= HYSTART_SAMPLES && h->now_us < h->base_us) {
		ext->flags &= (uint16_t)~TCP_EXT_CSS; /* it was a jitter */
		h->base_us = UINT32_MAX;
	} else if (ended && ++h->css_rounds >= HYSTART_ROUNDS) {
		tcb->ssthresh = tcb->cwnd;
		ext->flags &= (uint16_t) ~(TCP_EXT_CSS | TCP_EXT_HYSTART);
	}
}

void leat_tcp_hystart_acked(struct tcb *tcb, struct tcp_ext *ext, uint32_t rtt_us)
{
	struct tcp_hystart *h = &ext->u.hystart;

	if (tcb->ssthresh != TCP_CWND_MAX || ext->flags & TCP_EXT_LOSS)
		return; /* 4.3: "only for the initial slow start" */
	if (!(ext->flags & TCP_EXT_HYSTART)) {
		ext->flags |= TCP_EXT_HYSTART;
		h->now_us = h->base_us = UINT32_MAX;
		h->css_rounds = 0;
		round_begin(tcb, h);
	}
	bool ended = seq_geq(tcb->snd.una, h->round_end);

	if (rtt_us > 0) {
		h->now_us = u32_min(h->now_us, rtt_us);
		if (h->sample_cnt < UINT8_MAX)
			h->sample_cnt++;
	}
	if (ext->flags & TCP_EXT_CSS) {
		conservative(tcb, ext, h, ended);
	} else if (rises(h)) {
		ext->flags |= TCP_EXT_CSS;
		h->base_us = h->now_us;
		h->css_rounds = 0;
	}
	if (ended)
		round_begin(tcb, h);
}

/* RFC 3465 2.3: L.  After a timeout an ACK may be for much that had left the network before. */
static uint32_t most_of_an_ack(const struct tcb *tcb, const struct tcp_ext *ext)
{
	bool repairs = ext && ext->flags & TCP_EXT_SENDQ ? (ext->flags & TCP_EXT_LOSS) != 0
							 : seq_leq(tcb->snd.una, tcb->recover);

	return (repairs ? 1 : 2) * (uint32_t)tcb->snd_mss;
}

void leat_tcp_cc_grow(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets)
{
	struct tcb *tcb = c->tcb;

	if (c->ece)
		return;                               /* RFC 3168 6.1.2 */
	if (ext && !(ext->flags & TCP_EXT_LIMITED)) { /* what was not used proves nothing */
		ext->flags &= (uint16_t)~TCP_EXT_EPOCH;
		return;
	}
	if (tcb->cwnd < tcb->ssthresh) {
		uint32_t more = u32_min(octets, most_of_an_ack(tcb, ext));

		tcb->cwnd += ext && ext->flags & TCP_EXT_CSS ? more / 4 : more; /* RFC 9406 4.2 */
	} else {
		ops_of(c->e, ext)->avoid(c, ext, octets);
	}
	tcb->cwnd = u32_min(tcb->cwnd, TCP_CWND_MAX);
}

uint32_t leat_tcp_cc_reduced(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight_octets)
{
	uint32_t ssthresh = ops_of(c->e, ext)->reduce(c, ext, flight_octets);

	if (ext)
		ext->flags &= (uint16_t) ~(TCP_EXT_EPOCH | TCP_EXT_HYSTART | TCP_EXT_CSS);
	return u32_max(ssthresh, 2U * c->tcb->snd_mss); /* RFC 5681 (4) */
}

uint32_t leat_tcp_cc_lost_all(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight_octets)
{
	uint32_t ssthresh = leat_tcp_cc_reduced(c, ext, flight_octets);

	if (ext)
		ext->w_max = 0; /* RFC 9438 4.8: no plateau to come back to */
	return ssthresh;
}

void leat_tcp_cc_acked(struct tcp_call *c, uint32_t octets)
{
	struct tcb *tcb = c->tcb;
	uint32_t mss = tcb->snd_mss;

	tcb->dup_acks = 0;
	if (tcb->flags & TCP_F_RECOVERY) {
		if (seq_geq(tcb->snd.una, tcb->recover)) { /* RFC 6582 3.2 (3), full */
			tcb->cwnd = u32_min(tcb->ssthresh, u32_max(flight(tcb), mss) + mss);
			tcb->flags &= (uint16_t)~TCP_F_RECOVERY;
			return;
		}
		/* Partial: the next hole, and deflate by what left the network. */
		tcb->flags |= TCP_F_RTX_ONE;
		tcb->cwnd = tcb->cwnd > octets ? tcb->cwnd - octets : 0;
		tcb->cwnd = u32_max(tcb->cwnd + (octets >= mss ? mss : 0), mss);
		return;
	}
	/* Drag the mark along, so that it cannot come to lie half the circle behind. */
	tcb->recover = seq_max(tcb->recover, seq_sub(tcb->snd.una, 1));
	leat_tcp_cc_grow(c, tcp_ext_of(c->e, tcb), octets);
}

void leat_tcp_cc_dup_ack(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	if (tcb->flags & TCP_F_RECOVERY) {
		/* Each one says that a segment left the network; no more than are in it. */
		if (tcb->cwnd < tcb->ssthresh + flight(tcb))
			tcb->cwnd += tcb->snd_mss;
		return;
	}
	if (tcb->dup_acks < UINT8_MAX)
		tcb->dup_acks++;
	/* RFC 6582 3.2 (2): not for the leftovers of an earlier recovery or timeout. */
	if (tcb->dup_acks != DUP_ACKS_FAST || !seq_gt(tcb->snd.una, tcb->recover))
		return;
	tcb->ssthresh =
		leat_tcp_cc_reduced(c, tcp_ext_of(c->e, tcb), u32_min(flight(tcb), tcb->cwnd));
	tcb->cwnd = tcb->ssthresh + DUP_ACKS_FAST * (uint32_t)tcb->snd_mss;
	tcb->recover = tcb->snd.nxt;
	tcb->flags |= TCP_F_RECOVERY | TCP_F_RTX_ONE;
	c->e->cnt.recoveries++;
}

uint32_t leat_tcp_cc_limited_transmit(const struct tcb *tcb)
{
	bool early = tcb->dup_acks > 0 && tcb->dup_acks < DUP_ACKS_FAST;

	return early && !(tcb->flags & TCP_F_RECOVERY) ? tcb->dup_acks * (uint32_t)tcb->snd_mss : 0;
}

void leat_tcp_cc_timeout(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	if (tcb->backoff == 0)
		tcb->ssthresh = leat_tcp_cc_lost_all(
			c, tcp_ext_of(c->e, tcb), u32_min(flight(tcb), tcb->cwnd));
	tcb->cwnd = tcb->snd_mss;
	tcb->recover = tcb->snd.nxt;
	tcb->dup_acks = 0;
	tcb->flags &= (uint16_t) ~(TCP_F_RECOVERY | TCP_F_RTX_ONE);
}
