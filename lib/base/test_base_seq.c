/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_seq.h"

#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HALF (INT64_C(1) << 31)

/* The oracle is the line of 64-bit numbers, of which the circle shows the lower 32 bits. */
static void check_pair(uint64_t a, int64_t way)
{
	uint64_t b = a + (uint64_t)way;
	struct seq sa = seq_of((uint32_t)a), sb = seq_of((uint32_t)b);

	assert_int_equal(seq_diff(sb, sa), way);
	assert_int_equal(seq_eq(sa, sb), a == b);
	assert_int_equal(seq_lt(sa, sb), a < b);
	assert_int_equal(seq_leq(sa, sb), a <= b);
	assert_int_equal(seq_gt(sa, sb), a > b);
	assert_int_equal(seq_geq(sa, sb), a >= b);
	assert_int_equal(seq_max(sa, sb).v, (uint32_t)(a > b ? a : b));
	assert_int_equal(seq_min(sa, sb).v, (uint32_t)(a < b ? a : b));
	if (way >= 0) {
		assert_int_equal(seq_add(sa, (uint32_t)way).v, sb.v);
		assert_int_equal(seq_sub(sb, (uint32_t)way).v, sa.v);
		assert_int_equal(seq_from(sa, sb), way);
	}
}

static void numbers_compare_as_on_the_line_at_every_edge_of_the_circle(void **state)
{
	static const uint64_t edge[] = {
		0, 1, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
	static const int64_t way[] = {
		0, 1, -1, 2, -2, 1460, -1460, 65535, -65535, HALF - 1, 1 - HALF};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(edge); i++) {
		for (size_t k = 0; k < COUNT_OF(way); k++)
			check_pair((UINT64_C(7) << 32) + edge[i], way[k]);
	}
}

static void numbers_compare_as_on_the_line_anywhere(void **state)
{
	const uint64_t seed = 3;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (int i = 0; i < 100000; i++) {
		int64_t way = (int64_t)(leat_prng_next(&p) % (2 * (uint64_t)HALF - 1)) - (HALF - 1);
		check_pair((UINT64_C(1) << 40) + leat_prng_next(&p) % (UINT64_C(1) << 40), way);
	}
}

static void adding_goes_over_the_end_of_the_circle(void **state)
{
	(void)state;
	assert_int_equal(seq_add(seq_of(0xffffffff), 1).v, 0);
	assert_int_equal(seq_sub(seq_of(0), 1).v, 0xffffffff);
	assert_int_equal(seq_from(seq_of(0xfffffff0), seq_of(0x10)), 0x20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_compare_as_on_the_line_at_every_edge_of_the_circle),
		cmocka_unit_test(numbers_compare_as_on_the_line_anywhere),
		cmocka_unit_test(adding_goes_over_the_end_of_the_circle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
