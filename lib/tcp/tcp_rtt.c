/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

/* RFC 6298 in microseconds.  One segment is timed at a time, never one that was sent again
 * (Karn, 3), and a backed-off timeout stays until such a sample arrives (5.7 and its note). */

#define CLOCK_GRANULE_US 1
#define SYN_LOST_US      3000000

static uint32_t us_of(uint64_t ns)
{
	return (uint32_t)u64_min(ns / TIME_US, UINT32_MAX);
}

void leat_tcp_rtt_prepare(struct tcp_engine *e)
{
	e->rto_initial_us = us_of(e->knobs.rto_initial_ns);
	e->rto_min_us = us_of(e->knobs.rto_min_ns);
	e->rto_max_us = us_of(e->knobs.rto_max_ns);
}

void leat_tcp_rtt_sample(struct tcb *tcb, uint64_t rtt_ns)
{
	uint32_t r = (uint32_t)u64_min(rtt_ns / TIME_US, UINT32_MAX / 16);

	if (tcb->srtt_us == 0) { /* 2.2 */
		tcb->srtt_us = u32_max(r, 1);
		tcb->rttvar_us = r / 2;
	} else { /* 2.3, alpha 1/8, beta 1/4 */
		uint32_t dist = tcb->srtt_us > r ? tcb->srtt_us - r : r - tcb->srtt_us;

		tcb->rttvar_us = (uint32_t)(((uint64_t)tcb->rttvar_us * 3 + dist) / 4);
		tcb->srtt_us = u32_max((uint32_t)(((uint64_t)tcb->srtt_us * 7 + r) / 8), 1);
	}
	tcb->flags &= (uint16_t)~TCP_F_SYN_RTX;
	tcb->backoff = 0;
}

uint32_t leat_tcp_rto_us(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint64_t us = tcb->rttvar_us;

	if (LIKELY(tcb->srtt_us != 0)) {
		us = tcb->srtt_us + u64_max(CLOCK_GRANULE_US, 4 * us);
		us = u64_min(u64_max(us, e->rto_min_us), e->rto_max_us);
	}
	if (UNLIKELY(tcb->flags & TCP_F_SYN_RTX) && !tcp_syn_unacked(tcb))
		us = u64_max(us, SYN_LOST_US); /* 5.7: its timer fired, so begin with 3 s */
	return (uint32_t)us;
}

uint64_t leat_tcp_rto_ns(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint64_t rto_ns = (uint64_t)leat_tcp_rto_us(e, tcb) * TIME_US << u32_min(tcb->backoff, 16);

	return u64_min(rto_ns, e->knobs.rto_max_ns);
}
