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

/* An instant by the clock, between two of the kernel's that are as near as they come. */
static uint64_t read_between(struct shard_clock *c, uint64_t *from, uint64_t *to)
{
	uint64_t now = 0;

	*from = 0;
	*to = UINT64_MAX;
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t before = shard_clock_kernel_ns(), at = shard_clock_read(c);
		uint64_t after = shard_clock_kernel_ns();

		if (after - before < *to - *from) {
			*from = before;
			*to = after;
			now = at;
		}
	}
	return now;
}

static void read_file(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t octets = f != NULL ? fread(text, 1, size - 1, f) : 0;

	text[octets] = '\0';
	if (f != NULL)
		fclose(f);
}

static bool is_trusted(void)
{
	char cpuinfo[8192], clocks[256];

	read_file("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo));
	read_file("/sys/devices/system/clocksource/clocksource0/available_clocksource", clocks,
		sizeof(clocks));
	return leat_shard_clock_trust(cpuinfo, clocks);
}

/* EAL rounds to 10 MHz: with that it would be off by up to 1,900 ppm at 2.6 GHz. */
static void a_second_of_the_counter_is_one_of_the_kernels(void **state)
{
	struct shard_clock c = shard_clock_start();
	uint64_t from[2], to[2], at[2];

	(void)state;
	if (!is_trusted())
		skip(); /* leatd takes the kernel's clock there, too */
	assert_int_equal(leat_shard_clock_hz(), leat_shard_clock_hz());
	at[0] = read_between(&c, &from[0], &to[0]);
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	at[1] = read_between(&c, &from[1], &to[1]);
	uint64_t slack = (to[1] - from[0]) / 5000; /* 200 ppm */
	assert_in_range(at[1] - at[0], from[1] - to[0] - slack, to[1] - from[0] + slack);
}

static void a_clock_made_older_reads_so_much_more(void **state)
{
	struct shard_clock c = shard_clock_start(), older = c;

	(void)state;
	shard_clock_age(&older, 300 * TIME_S);
	uint64_t before = shard_clock_read(&c), read = shard_clock_read(&older);
	uint64_t after = shard_clock_read(&c);

	assert_in_range(read, before + 300 * TIME_S - 1000, after + 300 * TIME_S + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			n201_a_counter_that_is_not_even_or_that_the_kernel_gave_up_is_not_trusted),
		cmocka_unit_test(a_second_of_the_counter_is_one_of_the_kernels),
		cmocka_unit_test(a_clock_made_older_reads_so_much_more),
		cmocka_unit_test(n201_the_kernels_clock_serves_as_well_and_never_goes_back),
	};

	return cmocka_run_group_tests_name("shard_clock", tests, NULL, NULL);
}
