/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_prng.h"

#include "base_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void the_sequence_from_1_2_3_4_is_the_published_one(void **state)
{
	static const uint64_t want[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240),
		UINT64_C(1216172134540287360), UINT64_C(607988272756665600),
		UINT64_C(16172922978634559625), UINT64_C(8476171486693032832),
		UINT64_C(10595114339597558777), UINT64_C(2904607092377533576)};
	struct prng p = {{1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(want); i++)
		assert_true(leat_prng_next(&p) == want[i]);
}

static void a_seed_is_spread_over_the_state_as_splitmix64_does(void **state)
{
	static const struct prng want = {
		{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec}};
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 0);
	assert_memory_equal(&p, &want, sizeof(p));
	assert_true(leat_prng_next(&p) == UINT64_C(0x99ec5f36cb75f2b4));
}

static void equal_seeds_give_equal_and_others_other_sequences(void **state)
{
	struct prng a, b, c;

	(void)state;
	leat_prng_seed(&a, 42);
	leat_prng_seed(&b, 42);
	leat_prng_seed(&c, 43);
	for (int i = 0; i < 1000; i++) {
		uint64_t next = leat_prng_next(&a);
		assert_true(next == leat_prng_next(&b));
		assert_true(next != leat_prng_next(&c));
	}
}

/* With a bound of 3/4 of the range, the numbers that a plain product or remainder would prefer
 * come twice as often: each third would get 1/2, 1/4, 1/4 of the draws. */
static void below_prefers_no_part_of_its_range(void **state)
{
	const uint32_t bound = UINT32_C(3) << 30;
	uint32_t cnt[3] = {0};
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 5);
	for (int i = 0; i < 300000; i++) {
		uint32_t v = leat_prng_below(&p, bound);
		assert_true(v < bound);
		cnt[v % 3]++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(cnt[i], 98500, 101500);
}

static void below_stays_below_and_reaches_all(void **state)
{
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 6);
	for (uint32_t bound = 1; bound <= 64; bound++) {
		uint64_t seen = 0;
		for (int i = 0; i < 2000; i++) {
			uint32_t v = leat_prng_below(&p, bound);
			assert_true(v < bound);
			seen |= UINT64_C(1) << v;
		}
		assert_true(seen == UINT64_MAX >> (64 - bound));
	}
}

static void chance_is_never_at_0_and_always_at_a_million(void **state)
{
	struct prng p;
	int cnt = 0;

	(void)state;
	leat_prng_seed(&p, 7);
	for (int i = 0; i < 100000; i++) {
		assert_false(leat_prng_chance(&p, 0));
		assert_true(leat_prng_chance(&p, 1000000));
		cnt += leat_prng_chance(&p, 250000);
	}
	assert_in_range(cnt, 24000, 26000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sequence_from_1_2_3_4_is_the_published_one),
		cmocka_unit_test(a_seed_is_spread_over_the_state_as_splitmix64_does),
		cmocka_unit_test(equal_seeds_give_equal_and_others_other_sequences),
		cmocka_unit_test(below_prefers_no_part_of_its_range),
		cmocka_unit_test(below_stays_below_and_reaches_all),
		cmocka_unit_test(chance_is_never_at_0_and_always_at_a_million),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
