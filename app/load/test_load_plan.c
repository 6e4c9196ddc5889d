/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_plan.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_constant_rate_is_due_at_equal_distances(void **state)
{
	struct load_plan plan = {.rate_milli = 1000000, .duration_ns = TIME_S};

	(void)state;
	assert_int_equal(leat_load_plan_cnt(&plan), 1000);
	for (uint64_t n = 0; n < 1000; n++)
		assert_int_equal(leat_load_plan_at(&plan, n), n * TIME_MS);
	assert_int_equal(leat_load_plan_due(&plan, 0), 0);
	assert_int_equal(leat_load_plan_due(&plan, 1), 1);
	assert_int_equal(leat_load_plan_due(&plan, TIME_MS), 1);
	assert_int_equal(leat_load_plan_due(&plan, TIME_MS + 1), 2);
	assert_int_equal(leat_load_plan_due(&plan, 5 * TIME_S), 1000);
}

static void totals_are_exact_at_rates_that_divide_nothing(void **state)
{
	static const struct {
		uint64_t rate_milli, ramp_ns, duration_ns, total, cnt;
	} row[] = {
		{200000000, 10 * TIME_S, 60 * TIME_S, 0, 13000000},
		{200000000, 0, 60 * TIME_S, 0, 12000000},
		{7000, 0, 3 * TIME_S, 0, 21},
		{333, 0, 10 * TIME_S, 0, 4}, /* at 0, 3.003, 6.006 and 9.009 s */
		{1000000, TIME_S, TIME_S, 0, 1500},
		{1000000, 0, TIME_S, 77, 77},
		{1000000, 0, 0, 77, 77},
		{1000000, 0, 0, 0, UINT64_MAX},
		{LOAD_RATE_MILLI_MAX, LOAD_RAMP_NS_MAX, TIME_S, 0, UINT64_C(1801000000000)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct load_plan plan = {.rate_milli = row[i].rate_milli,
			.ramp_ns = row[i].ramp_ns,
			.duration_ns = row[i].duration_ns,
			.total = row[i].total};

		assert_int_equal(leat_load_plan_cnt(&plan), row[i].cnt);
	}
}

/* A number is due exactly when so many are due before it, however odd the plan. */
static void instants_and_counts_agree(void **state)
{
	struct prng prng;

	(void)state;
	leat_prng_seed(&prng, 7);
	for (uint32_t round = 0; round < 3000; round++) {
		struct load_plan plan = {
			.rate_milli = 1 + leat_prng_next(&prng) %
						  (UINT64_C(1) << leat_prng_below(&prng, 39)),
			.ramp_ns = leat_prng_next(&prng) % LOAD_RAMP_NS_MAX,
			.duration_ns = 1 + leat_prng_next(&prng) % (100 * TIME_S)};
		uint64_t cnt, n, at;

		if (round % 3 == 0)
			plan.ramp_ns = 0;
		cnt = leat_load_plan_cnt(&plan);
		n = cnt ? leat_prng_next(&prng) % cnt : 0;
		at = leat_load_plan_at(&plan, n);
		assert_true(leat_load_plan_due(&plan, at) <= n);
		assert_true(cnt == 0 || leat_load_plan_due(&plan, at + 1) > n);
		assert_true(leat_load_plan_at(&plan, n + 1) >= at);
		assert_true(cnt == 0 ||
			    leat_load_plan_at(&plan, cnt - 1) < plan.ramp_ns + plan.duration_ns);
		assert_true(leat_load_plan_at(&plan, cnt) >= plan.ramp_ns + plan.duration_ns);
	}
}

static void the_rate_rises_evenly_in_the_ramp(void **state)
{
	struct load_plan plan = {
		.rate_milli = 100000000, .ramp_ns = 10 * TIME_S, .duration_ns = TIME_S};
	uint64_t before = 0;

	(void)state;
	for (uint64_t s = 1; s <= 10; s++) {
		uint64_t due = leat_load_plan_due(&plan, s * TIME_S), expected = 5000 * s * s * 2;

		/* 100,000 a second after 10 s: 5,000 t² by t. */
		assert_in_range(due, expected / 2, expected / 2 + 1);
		assert_in_range(due - before, 10000 * s - 5001, 10000 * s - 4999);
		before = due;
	}
}

/* The oracle: what was due before a change stays where it was, and behind it as many a second as
 * its rate says, whatever came before. */
static void a_changed_rate_moves_nothing_that_was_due_before(void **state)
{
	struct prng prng;

	(void)state;
	leat_prng_seed(&prng, 11);
	for (uint32_t round = 0; round < 1000; round++) {
		struct load_plan plan = {.rate_milli = 1000 + leat_prng_below(&prng, 100000000),
			.ramp_ns = round % 2 == 0 ? 0 : leat_prng_next(&prng) % (3 * TIME_S),
			.duration_ns = 20 * TIME_S};
		uint64_t from = 0, end = plan.ramp_ns + plan.duration_ns;

		for (uint32_t i = 0; i < 5; i++) {
			struct load_plan old = plan;
			uint64_t rate = 1000 + leat_prng_below(&prng, 100000000);

			from += 1 + leat_prng_next(&prng) % (4 * TIME_S);
			uint64_t due = leat_load_plan_due(&old, from),
				 n = due - leat_prng_next(&prng) % due;
			assert_true(leat_load_plan_change(&plan, from, rate));
			assert_int_equal(leat_load_plan_due(&plan, from), due);
			assert_int_equal(
				leat_load_plan_at(&plan, n - 1), leat_load_plan_at(&old, n - 1));
			assert_int_equal(leat_load_plan_at(&plan, due), from);
			assert_int_equal(leat_load_plan_rate(&plan, from), rate);
			assert_int_equal(leat_load_plan_rate(&plan, from - 1),
				leat_load_plan_rate(&old, from - 1));
			uint64_t later = from + leat_prng_next(&prng) % (4 * TIME_S);
			uint64_t more = leat_load_plan_due(&plan, later) - due, at = later - from;
			/* The least count whose instant, rounded up, is not before it. */
			assert_true(later >= end || more == 0 ||
				    (double)(more - 1) * 1e12 / (double)rate < (double)at);
			assert_true(later >= end ||
				    (double)more * 1e12 / (double)rate > (double)at - 2);
			n = due + leat_prng_below(&prng, 1000);
			at = leat_load_plan_at(&plan, n);
			assert_true(at >= end || (leat_load_plan_due(&plan, at) <= n &&
							 leat_load_plan_due(&plan, at + 1) > n));
		}
		assert_int_equal(leat_load_plan_cnt(&plan), leat_load_plan_due(&plan, end));
	}
}

static void a_change_comes_after_those_before_it_and_before_the_end(void **state)
{
	struct load_plan plan = {.rate_milli = 1000000, .duration_ns = TIME_S};

	(void)state;
	assert_false(leat_load_plan_change(&plan, TIME_S, 5000));
	assert_true(leat_load_plan_change(&plan, 500 * TIME_MS, 2000000));
	assert_false(leat_load_plan_change(&plan, 500 * TIME_MS, 5000));
	assert_false(leat_load_plan_change(&plan, 400 * TIME_MS, 5000));
	assert_int_equal(leat_load_plan_cnt(&plan), 500 + 1000);
	assert_int_equal(leat_load_plan_at(&plan, 501), 500500 * TIME_US);
	for (uint32_t i = 1; i < LOAD_LEG_MAX; i++)
		assert_true(leat_load_plan_change(&plan, (500 + i) * TIME_MS, 1000000));
	assert_false(leat_load_plan_change(&plan, 999 * TIME_MS, 1000000));
	plan.total = 700;
	assert_int_equal(leat_load_plan_cnt(&plan), 700);
}

static void a_closed_load_grows_in_the_ramp_to_all(void **state)
{
	struct load_plan plan = {.ramp_ns = 100};

	(void)state;
	assert_int_equal(leat_load_plan_held(&plan, 50, 0), 0);
	assert_int_equal(leat_load_plan_held(&plan, 50, 1), 1);
	assert_int_equal(leat_load_plan_held(&plan, 50, 50), 26);
	assert_int_equal(leat_load_plan_held(&plan, 50, 99), 50);
	assert_int_equal(leat_load_plan_held(&plan, 50, 100), 50);
	plan.ramp_ns = 0;
	assert_int_equal(leat_load_plan_held(&plan, 50, 0), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_rate_is_due_at_equal_distances),
		cmocka_unit_test(totals_are_exact_at_rates_that_divide_nothing),
		cmocka_unit_test(instants_and_counts_agree),
		cmocka_unit_test(the_rate_rises_evenly_in_the_ramp),
		cmocka_unit_test(a_changed_rate_moves_nothing_that_was_due_before),
		cmocka_unit_test(a_change_comes_after_those_before_it_and_before_the_end),
		cmocka_unit_test(a_closed_load_grows_in_the_ramp_to_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
