/* SPDX-License-Identifier: BSD-3-Clause */

/* When the processor's counter is a clock, and what is read when it is not. */

#include "base_bits.h"
#include "shard_clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define GOOD                                                                                       \
	"processor\t: 0\nflags\t\t: fpu tsc constant_tsc rep_good nonstop_tsc cpuid\nbugs\t\t: "   \
	"x\n"

static void n201_a_counter_that_is_not_even_or_that_the_kernel_gave_up_is_not_trusted(void **state)
{
	static const struct {
		const char *cpuinfo, *clocks;
		bool trusted;
	} row[] = {
		{GOOD, "tsc hpet acpi_pm \n", true},
		{GOOD, "kvm-clock tsc\n", true},
		{GOOD, "hpet acpi_pm \n", false}, /* struck off: it differs between sockets */
		{GOOD, "tsc-early hpet\n", false},
		{GOOD, "", false},
		{"processor\t: 0\nflags\t\t: fpu tsc constant_tsc cpuid\n", "tsc\n", false},
		{"processor\t: 0\nflags\t\t: fpu tsc nonstop_tsc\n", "tsc\n", false},
		{"processor\t: 0\nflags\t\t: xconstant_tsc nonstop_tsc\n", "tsc\n", false},
		{"processor\t: 0\nflags\t\t: fpu\nbugs\t: constant_tsc nonstop_tsc\n", "tsc\n",
			false},
		{"", "tsc\n", false},
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		assert_int_equal(
			leat_shard_clock_trust(row[i].cpuinfo, row[i].clocks), row[i].trusted);
}

static void n201_the_kernels_clock_serves_as_well_and_never_goes_back(void **state)
{
	struct shard_clock c = shard_clock_start_kernel(), other = c;
	uint64_t before = c.now;

	(void)state;
	assert_int_equal(before, TIME_S);
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t now = shard_clock_read(&c);

		assert_true(now >= before);
		before = now;
	}
	/* Clocks started from one another agree. */
	assert_true(shard_clock_read(&other) >= before);
	assert_true(before > TIME_S && before < 100 * TIME_S);
	/* A clock that stands still or goes back is not followed. */
	c.now = before + 3600 * TIME_S;
	assert_int_equal(shard_clock_read(&c), before + 3600 * TIME_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			n201_a_counter_that_is_not_even_or_that_the_kernel_gave_up_is_not_trusted),
		cmocka_unit_test(n201_the_kernels_clock_serves_as_well_and_never_goes_back),
	};

	return cmocka_run_group_tests_name("shard_clock", tests, NULL, NULL);
}
