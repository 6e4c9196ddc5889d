/* SPDX-License-Identifier: BSD-3-Clause */
#include "dist.h"

#include "base_bits.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 200000

static const struct dist_range octets = {OPT_KIND_OCTETS, 0, UINT64_C(1) << 40, "64"};
static const struct dist_range pause_ns = {OPT_KIND_DURATION, 1, 3600 * TIME_S, "10ms"};

static struct dist parsed(const struct dist_range *range, const char *text)
{
	char why[DIST_TEXT_MAX] = "";
	struct dist d;

	if (!leat_dist_parse(&d, range, text, why, sizeof(why)))
		print_message("`%s`: %s\n", text, why);
	assert_string_equal(why, "");
	return d;
}

/* mean_of draws many times and checks that all lie where they may. */
static double mean_of(const struct dist *d, uint64_t seed)
{
	double sum = 0;

	for (uint32_t i = 0; i < DRAWS; i++) {
		uint64_t value = leat_dist_draw(d, dist_bits(seed, i / 7, i % 7));

		assert_in_range(value, leat_dist_min(d), leat_dist_max(d));
		sum += (double)value;
	}
	return sum / DRAWS;
}

static void what_is_drawn_has_the_mean_that_is_told(void **state)
{
	static const char *const text[] = {"512", "uniform:100-1500", "uniform:7-7",
		"exp:1000-1MiB", "exp:1000-1500", "list:100*3,1000*1", "list:0,10,20",
		"list:5*1000000"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		struct dist d = parsed(&octets, text[i]);
		double told = leat_dist_mean(&d);

		for (uint64_t seed = 1; seed <= 3; seed++) {
			double got = mean_of(&d, seed);

			if (got < told * 0.98 - 1 || got > told * 1.02 + 1)
				fail_msg("%s, seed %d: mean %g, told %g", text[i], (int)seed, got,
					told);
		}
	}
}

static void the_ends_of_a_range_are_drawn_and_none_beyond(void **state)
{
	struct dist d = parsed(&octets, "uniform:3-5");
	uint32_t cnt[3] = {0};

	(void)state;
	for (uint32_t i = 0; i < 30000; i++)
		cnt[leat_dist_draw(&d, dist_bits(9, i, 0)) - 3]++;
	for (uint32_t i = 0; i < 3; i++)
		assert_in_range(cnt[i], 9500, 10500);
	assert_int_equal(leat_dist_draw(&d, 0), 3);
	assert_int_equal(leat_dist_draw(&d, UINT64_MAX), 5);
	d = parsed(&octets, "exp:100-1000");
	assert_int_equal(leat_dist_draw(&d, 0), 1000);
	d = parsed(&pause_ns, "exp:1ns-5ns");
	assert_int_equal(leat_dist_draw(&d, UINT64_MAX), 1);
}

static void equal_seeds_and_places_draw_alike_and_others_do_not(void **state)
{
	struct dist d = parsed(&octets, "uniform:0-1GiB");
	uint32_t equal = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t a = leat_dist_draw(&d, dist_bits(5, i, 2));

		assert_int_equal(a, leat_dist_draw(&d, dist_bits(5, i, 2)));
		equal += a == leat_dist_draw(&d, dist_bits(6, i, 2));
		equal += a == leat_dist_draw(&d, dist_bits(5, i + 1, 2));
		equal += a == leat_dist_draw(&d, dist_bits(5, i, 3));
	}
	assert_in_range(equal, 0, 2);
}

static void what_is_wrong_is_told_with_what_would_do(void **state)
{
	static const struct {
		const struct dist_range *range;
		const char *text, *why;
	} row[] = {
		{&octets, "", "`` is not a number of octets; for example 64"},
		{&octets, "64kB", "`64kB`: the unit is one of KiB, MiB, GiB: 64KiB?"},
		{&octets, "uniform:100",
			"`100` needs two values with - between them: "
			"uniform:LEAST-MOST"},
		{&octets, "uniform:5-3", "`5-3`: the first is above the second; turn them round?"},
		{&octets, "exp:5", "`5` needs two values with - between them: exp:MEAN-MOST"},
		{&octets, "list:", "an empty list: list:64*3,64?"},
		{&octets, "list:5*0", "`5*0`: the weight is from 1 to 1,000,000: 5*2?"},
		{&octets, "list:5*x", "`5*x`: the weight is from 1 to 1,000,000: 5*2?"},
		{&octets, "list:1,2,3,4,5,6,7,8,9,10,11,12,13",
			"at most 12 values in a list; leave `13` out"},
		{&octets, "normal:3-4",
			"`normal:3-4`: there are uniform:, exp: and list:, or one value"},
		{&pause_ns, "10", "`10` needs a unit: 10s?"},
		{&pause_ns, "uniform:0s-1s",
			"`0s` is out of range: from 1ns to 1h; the default is "
			"10ms"},
	};
	char why[DIST_TEXT_MAX];
	struct dist d;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		assert_false(leat_dist_parse(&d, row[i].range, row[i].text, why, sizeof(why)));
		assert_string_equal(why, row[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_drawn_has_the_mean_that_is_told),
		cmocka_unit_test(the_ends_of_a_range_are_drawn_and_none_beyond),
		cmocka_unit_test(equal_seeds_and_places_draw_alike_and_others_do_not),
		cmocka_unit_test(what_is_wrong_is_told_with_what_would_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
