/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_PLAN_H
#define LEAT_LOAD_PLAN_H

/* load_plan: when the nth connection of an open load is to begin.
 *
 * The rate rises from nothing to the full rate in ramp_ns and stays there.  How many are due by an
 * instant is the area below; the nth is due when the area reaches n.
 *
 *	rate ┤      ╭──────────────────
 *	     │    ╱ │
 *	     │  ╱   │   due(t) = r t² / 2 ramp          t <= ramp
 *	   0 ┼╱─────┴──────────────────  r (t - ramp / 2)   after it
 *	     0     ramp        ramp + duration
 *
 * While it runs the rate may be changed, from an instant on (leat_load_plan_change): a leg more,
 * that counts on from what was due by then, with the first at that instant.
 *
 * Several generators share one plan: of all its connections each begins those whose number is
 * phase modulo stride.  Nothing is rounded per generator, so their sum is the plan, at every
 * instant, with equal planned starts.
 *
 * Units      ns from the start of the plan; rates in thousandths of a connection a second.
 * Affinity   none; pure. */

#include <stdbool.h>
#include <stdint.h>

#define LOAD_RATE_MILLI_MAX UINT64_C(1000000000000) /* 10^9 a second */
#define LOAD_PLAN_NS_MAX    (UINT64_C(30) * 86400 * 1000000000)
#define LOAD_RAMP_NS_MAX    (UINT64_C(3600) * 1000000000)
#define LOAD_LEG_MAX        32 /* so often the rate can be changed */

enum load_model {
	LOAD_MODEL_CLOSED, /* so many in flight, whatever the rate that makes */
	LOAD_MODEL_OPEN,   /* by the clock, whatever the peer does */
};

struct load_leg {
	uint64_t from_ns, from_cnt; /* how many were due before it */
	uint64_t rate_milli;
};

struct load_plan {
	uint64_t rate_milli;
	uint64_t ramp_ns, duration_ns; /* duration after the ramp; 0: no end */
	uint64_t total;                /* at most so many; 0: no limit */
	uint32_t leg_cnt;              /* changes, each later than the one before */
	struct load_leg leg[LOAD_LEG_MAX];
};

/* leat_load_plan_cnt is how many the whole plan has; UINT64_MAX: it has no end. */
uint64_t leat_load_plan_cnt(const struct load_plan *plan);

/* leat_load_plan_due is how many are due before at, of those that the plan has. */
uint64_t leat_load_plan_due(const struct load_plan *plan, uint64_t at);

/* leat_load_plan_at is when number n is due, n from 0. */
uint64_t leat_load_plan_at(const struct load_plan *plan, uint64_t n);

/* leat_load_plan_change makes the rate another from an instant on; false: there were LOAD_LEG_MAX
 * changes, or one of them is not earlier, or the plan is over by then. */
bool leat_load_plan_change(struct load_plan *plan, uint64_t from_ns, uint64_t rate_milli);

/* leat_load_plan_rate is the rate at an instant; in the ramp, that at its top. */
uint64_t leat_load_plan_rate(const struct load_plan *plan, uint64_t at);

/* leat_load_plan_held is how many of cnt a closed load holds at an instant: from 1 on in the ramp,
 * all after it. */
uint32_t leat_load_plan_held(const struct load_plan *plan, uint32_t cnt, uint64_t at);

#endif
