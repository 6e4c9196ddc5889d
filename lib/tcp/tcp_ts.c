/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_time.h"
#include "tcp_core.h"

/* Timestamps, RFC 7323 3 to 5, once both SYNs had them.
 *
 * Our clock ticks in ms, from a place that only this tuple has.  PAWS keeps old duplicates out
 * where sequence numbers have come round; TS.Recent serves it for 24 days, in which a peer's clock
 * of the same tick cannot pass half of its circle (5.5). */

#define TS_RECENT_FOR_S (24U * 24 * 3600)

static bool is_older(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;

	if ((int32_t)(seg->ts_val - tcb->ts_recent) >= 0)
		return false;
	if (tcb->state == TCP_ST_TIME_WAIT) /* 2MSL is no 24 days */
		return true;
	return (uint32_t)(c->now / TIME_S) - tcb->ts_recent_s <= TS_RECENT_FOR_S;
}

/* RFC 7323 5.3 R1.  A reset is exempt (5.2); a SYN has its own answer, RFC 5961 4. */
enum tcp_verdict leat_tcp_ts_check(struct tcp_call *c, const struct seg *seg)
{
	if (!(c->tcb->agreed & TCP_OPT_TS) || seg->flags & (TCP_RST | TCP_SYN))
		return TCP_V_OK;
	if (!(seg->opts & TCP_OPT_TS)) /* 3.2: "SHOULD silently drop" (N135) */
		return c->e->knobs.ts_required ? TCP_V_NO_TS : TCP_V_OK;
	if (!is_older(c, seg))
		return TCP_V_OK;
	leat_tcp_reply(c, seg);
	return TCP_V_PAWS;
}

/* R3, after the ACK was found good: a stranger who guesses the window alone must not move it. */
void leat_tcp_ts_update(const struct tcp_call *c, struct seq first, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!(tcb->agreed & seg->opts & TCP_OPT_TS) || !seq_leq(first, tcb->last_ack) ||
		is_older(c, seg))
		return;
	tcb->ts_recent = seg->ts_val;
	tcb->ts_recent_s = (uint32_t)(c->now / TIME_S);
}

bool leat_tcp_ts_echo(const struct tcp_call *c, const struct seg *seg, uint64_t *since_ns)
{
	uint32_t since_ms = tcp_ts_val(c->tcb, c->now) - seg->ts_ecr;

	*since_ns = since_ms * TIME_MS;
	return since_ms <= (c->now - c->tcb->opened_at) / TIME_MS + 1;
}
