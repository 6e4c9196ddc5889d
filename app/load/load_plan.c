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

/* leg_of is the leg that has number n, leg_at that of an instant; NULL: none was begun before. */
static const struct load_leg *leg_of(const struct load_plan *plan, uint64_t n)
{
	for (uint32_t i = plan->leg_cnt; i > 0; i--)
		if (plan->leg[i - 1].from_cnt <= n)
			return &plan->leg[i - 1];
	return NULL;
}

static const struct load_leg *leg_at(const struct load_plan *plan, uint64_t at)
{
	for (uint32_t i = plan->leg_cnt; i > 0; i--)
		if (plan->leg[i - 1].from_ns <= at)
			return &plan->leg[i - 1];
	return NULL;
}

/* in_ramp: is number n due before the ramp ends?  The area below the ramp is rate x ramp / 2. */
static bool in_ramp(const struct load_plan *plan, uint64_t n)
{
	return (u128)2 * n * PER_NS < (u128)plan->rate_milli * plan->ramp_ns;
}

uint64_t leat_load_plan_at(const struct load_plan *plan, uint64_t n)
{
	const struct load_leg *leg = leg_of(plan, n);

	DCHECK(plan->rate_milli != 0);
	DCHECK(plan->ramp_ns <= LOAD_RAMP_NS_MAX);
	if (leg != NULL)
		return leg->from_ns +
		       (uint64_t)div_up((u128)(n - leg->from_cnt) * PER_NS, leg->rate_milli);
	if (in_ramp(plan, n))
		return root_up(div_up((u128)2 * n * plan->ramp_ns * PER_NS, plan->rate_milli));
	u128 twice = (u128)plan->ramp_ns * plan->rate_milli + (u128)2 * n * PER_NS;
	return (uint64_t)div_up(twice, 2 * plan->rate_milli);
}

/* area is how far the plan is at an instant, rounded down. */
static uint64_t area(const struct load_plan *plan, uint64_t at)
{
	const struct load_leg *leg = leg_at(plan, at);

	if (leg != NULL)
		return leg->from_cnt +
		       (uint64_t)((u128)leg->rate_milli * (at - leg->from_ns) / PER_NS);
	if (at < plan->ramp_ns)
		return (uint64_t)((u128)plan->rate_milli * at / plan->ramp_ns * at / 2 / PER_NS);
	return (uint64_t)((u128)plan->rate_milli * (2 * at - plan->ramp_ns) / 2 / PER_NS);
}

/* end_of is the instant at which the plan is over, whatever it did by then. */
static uint64_t end_of(const struct load_plan *plan)
{
	return plan->duration_ns != 0 ? plan->ramp_ns + plan->duration_ns : LOAD_PLAN_NS_MAX;
}

/* before is how many are due before at, were there no total. */
static uint64_t before(const struct load_plan *plan, uint64_t at)
{
	uint64_t n = area(plan, at);

	while (n > 0 && leat_load_plan_at(plan, n - 1) >= at)
		n--;
	while (leat_load_plan_at(plan, n) < at)
		n++;
	return n;
}

uint64_t leat_load_plan_due(const struct load_plan *plan, uint64_t at)
{
	uint64_t cap = plan->total != 0 ? plan->total : UINT64_MAX;

	return u64_min(before(plan, u64_min(at, end_of(plan))), cap);
}

bool leat_load_plan_change(struct load_plan *plan, uint64_t from_ns, uint64_t rate_milli)
{
	uint32_t n = plan->leg_cnt;

	DCHECK(rate_milli != 0 && rate_milli <= LOAD_RATE_MILLI_MAX);
	if (n == LOAD_LEG_MAX || (n > 0 && plan->leg[n - 1].from_ns >= from_ns) ||
		from_ns >= end_of(plan))
		return false;
	plan->leg[n] = (struct load_leg){
		.from_ns = from_ns, .from_cnt = before(plan, from_ns), .rate_milli = rate_milli};
	plan->leg_cnt++;
	return true;
}

uint64_t leat_load_plan_rate(const struct load_plan *plan, uint64_t at)
{
	const struct load_leg *leg = leg_at(plan, at);

	return leg != NULL ? leg->rate_milli : plan->rate_milli;
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
