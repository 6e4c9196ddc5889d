/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "tcp_core.h"

/* NewReno: RFC 5681 and 6582, counting octets (RFC 3465, L = 2), initial window of RFC 6928. */

#define DUP_ACKS_FAST 3
#define CWND_MAX      (UINT32_C(1) << 30)

static uint32_t flight(const struct tcb *tcb)
{
	return seq_from(tcb->snd.una, tcb->snd.nxt);
}

static uint32_t half_flight(const struct tcb *tcb)
{
	return u32_max(flight(tcb) / 2, 2U * tcb->snd_mss); /* RFC 5681 (4) */
}

void leat_tcp_cc_init(const struct tcp_engine *e, struct tcb *tcb)
{
	/* RFC 6928 (1): at most 10 segments, and 14,600 octets unless two segments are more. */
	uint32_t segs = e->knobs.iw_segs;
	uint32_t mss = tcb->snd_mss;

	tcb->cwnd = u32_min(segs * mss, u32_max(2 * mss, segs * 1460));
	if (tcb->flags & TCP_F_SYN_RTX)
		tcb->cwnd = mss; /* RFC 5681 3.1: a SYN was lost */
	tcb->ssthresh = CWND_MAX;
	tcb->recover = tcb->snd.iss;
}

void leat_tcp_cc_acked(struct tcb *tcb, uint32_t octets)
{
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
	if (tcb->cwnd < tcb->ssthresh)
		tcb->cwnd += u32_min(octets, 2 * mss);
	else
		tcb->cwnd +=
			u32_max((uint32_t)((uint64_t)mss * u32_min(octets, mss) / tcb->cwnd), 1);
	tcb->cwnd = u32_min(tcb->cwnd, CWND_MAX);
}

void leat_tcp_cc_dup_ack(struct tcb *tcb)
{
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
	tcb->ssthresh = half_flight(tcb);
	tcb->cwnd = tcb->ssthresh + DUP_ACKS_FAST * (uint32_t)tcb->snd_mss;
	tcb->recover = tcb->snd.nxt;
	tcb->flags |= TCP_F_RECOVERY | TCP_F_RTX_ONE;
}

void leat_tcp_cc_timeout(struct tcb *tcb)
{
	if (tcb->backoff == 0)
		tcb->ssthresh = half_flight(tcb);
	tcb->cwnd = tcb->snd_mss;
	tcb->recover = tcb->snd.nxt;
	tcb->dup_acks = 0;
	tcb->flags &= (uint16_t) ~(TCP_F_RECOVERY | TCP_F_RTX_ONE);
}
