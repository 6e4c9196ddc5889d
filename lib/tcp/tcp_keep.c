/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"
#include "tcp_user.h"

/* Keep-alive, RFC 9293 3.8.4, and the user timeout of RFC 5482 as far as it is our own affair.
 *
 * A keep-alive needs no timer of its own: it is due only while nothing is outstanding (MUST-26),
 * and then the retransmission timer is free.  What arrives moves heard_at alone; the timer looks
 * at it when it fires, and goes on. */

#define MAY_PROBE (TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT) | TCP_SET(FIN_WAIT_2))

static uint64_t due_at(const struct tcp_engine *e, const struct tcb *tcb)
{
	if (!(tcb->opts & TCP_O_KEEPALIVE) || !tcp_in(tcb->state, MAY_PROBE))
		return TIME_NEVER;
	const struct tcp_side *side = tcp_side(e, tcb);

	return side->heard_at + e->knobs.keep_idle_ns + side->keep_cnt * e->knobs.keep_interval_ns;
}

void leat_tcp_keep_heard(const struct tcp_call *c)
{
	struct tcp_side *side = leat_tcp_side_make(c->e, c->tcb);

	if (!side) {
		c->tcb->opts &= (uint16_t) ~(TCP_O_KEEPALIVE | TCP_O_KEEP_NOW);
		return;
	}
	side->heard_at = c->now;
	side->keep_cnt = 0;
}

void leat_tcp_keep_arm(const struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	tcb->rtx_at = due_at(c->e, tcb);
	tcb->rtx_kind = TCP_RTX_KEEP;
}

bool leat_tcp_keep_due(struct tcp_call *c)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	if (due_at(e, tcb) <= c->now) {
		struct tcp_side *side = tcp_side(e, tcb);

		if (side->keep_cnt >= e->knobs.keep_cnt)
			return true; /* MUST-29: not for one that was lost */
		side->keep_cnt++;
		tcb->opts |= TCP_O_KEEP_NOW;
		e->cnt.keep_fired++;
		leat_tcp_want_output(e, tcb);
	}
	leat_tcp_keep_arm(c);
	return false;
}

bool leat_tcp_keepalive(struct tcp_engine *e, struct tcb *tcb, bool on, uint64_t now)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now};

	tcb->opts &= (uint16_t) ~(TCP_O_KEEPALIVE | TCP_O_KEEP_NOW);
	if (on)
		tcb->opts |= TCP_O_KEEPALIVE;
	if (on)
		leat_tcp_keep_heard(&c);
	if (tcp_in(tcb->state, MAY_PROBE))
		leat_tcp_rtx_arm(&c, false);
	return on == ((tcb->opts & TCP_O_KEEPALIVE) != 0);
}

bool leat_tcp_user_timeout(struct tcp_engine *e, struct tcb *tcb, uint64_t r2_ns, uint64_t now)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now};
	uint64_t r2_ms = (r2_ns + TIME_MS - 1) / TIME_MS;

	if (r2_ns > TCP_R2_NEVER * TIME_MS)
		r2_ms = TCP_R2_NEVER;
	struct tcp_side *side = r2_ns != 0 ? leat_tcp_side_make(e, tcb) : NULL;

	if (r2_ns != 0 && !side)
		return false;
	tcb->opts &= (uint16_t)~TCP_O_R2;
	if (side) {
		side->r2_ms = (uint32_t)r2_ms;
		tcb->opts |= TCP_O_R2;
	}
	if (!tcp_rtx_runs(tcb))
		return true;
	/* The old limit may stand too early now; one retransmission more does no harm. */
	tcb->rtx_at = u64_min(tcb->rtx_at, u64_max(leat_tcp_r2_at(e, tcb), now));
	tcp_timer_sync(c.e, tcb);
	return true;
}
