/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_plan.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <math.h>

#define PER_NS UINT64_C(1000000000000) /* rate_milli / PER_NS is a rate in connections a ns */

__extension__ typedef unsigned __int128 u128; /* as wide as the products below */

static u128 div_up(u128 a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* root_up is the least t whose square is not below v; v is at most LOAD_RAMP_NS_MAX squared. */
static uint64_t root_up(u128 v)
{
	uint64_t t = (uint64_t)sqrtl((long double)v);

	while (t > 0 && (u128)(t - 1) * (t - 1) >= v)
		t--;
	while ((u128)t * t < v)
		t++;
	return t;
}

/* in_ramp: is number n due before the ramp ends?  The area below the ramp is rate x ramp / 2. */
static bool in_ramp(const struct load_plan *plan, uint64_t n)
{
	return (u128)2 * n * PER_NS < (u128)plan->rate_milli * plan->ramp_ns;
}

uint64_t leat_load_plan_at(const struct load_plan *plan, uint64_t n)
{
	DCHECK(plan->rate_milli != 0);
	DCHECK(plan->ramp_ns <= LOAD_RAMP_NS_MAX);
	if (in_ramp(plan, n))
		return root_up(div_up((u128)2 * n * plan->ramp_ns * PER_NS, plan->rate_milli));
	u128 twice = (u128)plan->ramp_ns * plan->rate_milli + (u128)2 * n * PER_NS;
	return (uint64_t)div_up(twice, 2 * plan->rate_milli);
}

/* area is how far the plan is at an instant, rounded down. */
static uint64_t area(const struct load_plan *plan, uint64_t at)
{
	if (at < plan->ramp_ns)
		return (uint64_t)((u128)plan->rate_milli * at / plan->ramp_ns * at / 2 / PER_NS);
	return (uint64_t)((u128)plan->rate_milli * (2 * at - plan->ramp_ns) / 2 / PER_NS);
}

uint64_t leat_load_plan_due(const struct load_plan *plan, uint64_t at)
{
	uint64_t end =
		plan->duration_ns != 0 ? plan->ramp_ns + plan->duration_ns : LOAD_PLAN_NS_MAX;
	uint64_t cap = plan->total != 0 ? plan->total : UINT64_MAX, n;

	at = u64_min(at, end);
	n = area(plan, at);
	while (n > 0 && leat_load_plan_at(plan, n - 1) >= at)
		n--;
	while (leat_load_plan_at(plan, n) < at)
		n++;
	return u64_min(n, cap);
}

uint64_t leat_load_plan_cnt(const struct load_plan *plan)
{
	if (plan->duration_ns == 0 || plan->rate_milli == 0)
		return plan->total != 0 ? plan->total : UINT64_MAX;
	return leat_load_plan_due(plan, UINT64_MAX);
}

uint32_t leat_load_plan_held(const struct load_plan *plan, uint32_t cnt, uint64_t at)
{
	if (at >= plan->ramp_ns)
		return cnt;
	return (uint32_t)((u128)cnt * at / plan->ramp_ns) + (at == 0 ? 0 : 1);
}
