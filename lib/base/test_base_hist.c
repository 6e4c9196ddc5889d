/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_hist.h"

#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define VALUE_MAX 5000

static struct hist h, parts[4], sum;
static uint64_t sorted[VALUE_MAX];

/* The published array: 256 slots of 1 ns, then rows of 128 slots, each twice as wide. */
static void the_slots_are_those_of_a_two_digit_hdr_histogram(void **state)
{
	uint64_t first = 0, width = 1;

	(void)state;
	for (uint32_t slot = 0; slot < HIST_SLOT_CNT; slot++) {
		if (slot >= 256 && slot % 128 == 0)
			width *= 2;
		assert_int_equal(hist_slot(first), slot);
		assert_int_equal(hist_slot(first + width - 1), slot);
		assert_true(hist_slot_end(slot) == first + width - 1);
		first += width;
	}
	assert_true(first - 1 == HIST_NS_MAX);
}

static void a_slot_is_at_most_eight_thousandths_of_its_values_wide(void **state)
{
	(void)state;
	for (uint32_t slot = 1; slot < HIST_SLOT_CNT; slot++) {
		uint64_t first = hist_slot_end(slot - 1) + 1,
			 width = hist_slot_end(slot) - first + 1;
		assert_true(width == 1 || width * 1000 <= first * 8);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Durations of all magnitudes: a random number of random bits. */
static uint64_t draw(struct prng *p)
{
	return leat_prng_next(p) >> (28 + leat_prng_below(p, 36));
}

static void check_against_sorted(uint32_t cnt)
{
	static const uint32_t at[] = {
		0, 1, 10000, 250000, 500000, 900000, 990000, 999000, 999900, 999999, 1000000};

	qsort(sorted, cnt, sizeof(sorted[0]), compare);
	assert_true(h.total_cnt == cnt);
	assert_true(h.min_ns == sorted[0] && h.max_ns == sorted[cnt - 1]);
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		uint64_t rank = ((uint64_t)cnt * at[i] + 999999) / 1000000;
		uint64_t true_ns = sorted[rank ? rank - 1 : 0];
		uint64_t end = hist_slot_end(hist_slot(true_ns));
		assert_true(leat_hist_at(&h, at[i]) == u64_min(end, h.max_ns));
	}
}

static void percentiles_are_those_of_the_sorted_values(void **state)
{
	const uint64_t seed = 11;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (int round = 0; round < 200; round++) {
		uint32_t cnt = 1 + leat_prng_below(&p, VALUE_MAX);
		leat_hist_clear(&h);
		for (uint32_t i = 0; i < cnt; i++) {
			sorted[i] = draw(&p);
			hist_record(&h, sorted[i]);
		}
		check_against_sorted(cnt);
	}
}

static void parts_merged_are_the_whole(void **state)
{
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 12);
	leat_hist_clear(&h);
	leat_hist_clear(&sum);
	for (int k = 0; k < 4; k++)
		leat_hist_clear(&parts[k]);
	for (int i = 0; i < 100000; i++) {
		uint64_t ns = draw(&p);
		hist_record(&h, ns);
		hist_record(&parts[leat_prng_below(&p, 3)], ns); /* parts[3] stays empty */
	}
	for (int k = 0; k < 4; k++)
		leat_hist_merge(&sum, &parts[k]);
	assert_memory_equal(&sum, &h, sizeof(h));
}

static void an_empty_histogram_has_no_durations(void **state)
{
	(void)state;
	leat_hist_clear(&h);
	assert_true(leat_hist_at(&h, 500000) == 0);
	assert_true(h.min_ns == UINT64_MAX && h.max_ns == 0 && h.total_cnt == 0);
}

static void the_edges_of_the_range_are_kept(void **state)
{
	(void)state;
	leat_hist_clear(&h);
	hist_record(&h, 0);
	assert_true(leat_hist_at(&h, 1000000) == 0);
	hist_record(&h, 60 * TIME_S);
	hist_record(&h, HIST_NS_MAX);
	assert_int_equal(h.cnt[HIST_SLOT_CNT - 1], 1);
	hist_record(&h, HIST_NS_MAX + 1);
	hist_record(&h, UINT64_MAX / 2);
	assert_int_equal(h.cnt[HIST_SLOT_CNT - 1], 3);
	assert_true(h.max_ns == UINT64_MAX / 2);
	assert_true(leat_hist_at(&h, 1000000) == UINT64_MAX / 2);
}

static void a_great_many_durations_do_not_overflow_the_rank(void **state)
{
	(void)state;
	leat_hist_clear(&h);
	hist_record(&h, 10);
	hist_record(&h, 20);
	h.cnt[10] = UINT64_C(1) << 61;
	h.cnt[20] = UINT64_C(1) << 61;
	h.total_cnt = UINT64_C(1) << 62;
	assert_true(leat_hist_at(&h, 499999) == 10);
	assert_true(leat_hist_at(&h, 500001) == 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_slots_are_those_of_a_two_digit_hdr_histogram),
		cmocka_unit_test(a_slot_is_at_most_eight_thousandths_of_its_values_wide),
		cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
		cmocka_unit_test(parts_merged_are_the_whole),
		cmocka_unit_test(an_empty_histogram_has_no_durations),
		cmocka_unit_test(the_edges_of_the_range_are_kept),
		cmocka_unit_test(a_great_many_durations_do_not_overflow_the_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
