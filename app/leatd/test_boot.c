/* SPDX-License-Identifier: BSD-3-Clause */

/* N233: what one run leaves to the next. */

#include "boot.h"

#include "base_bits.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define START   (UINT64_C(1790000000) * TIME_S)
#define TWO_MSL (60 * TIME_S)

static char path[64];

static struct boot_want want(void)
{
	return (struct boot_want){
		.path = path, .two_msl_ns = TWO_MSL, .port_from = 1024, .port_to = 65535};
}

static struct boot begin(uint64_t wall_ns)
{
	struct boot_want w = want();
	struct boot b;

	assert_int_equal(leat_boot_begin(&b, &w, wall_ns), OPT_EXIT_OK);
	return b;
}

/* A process that is killed leaves the file as it is, and its lock is gone. */
static void killed(struct boot *b)
{
	close(b->fd);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_path(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/leat-boot-%d", (int)getpid());
	unlink(path);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void each_run_has_ports_that_rest_and_the_key_of_the_first(void **state)
{
	struct boot first = begin(START);
	uint64_t at = START;
	bool seen[BOOT_RANGES] = {false};
	struct stat file;

	(void)state;
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600); /* it holds a key */
	assert_int_equal(first.run, 1);
	assert_false(first.known);
	assert_true(first.quiet_ns == 0);
	leat_boot_end(&first, at += TIME_S);
	seen[first.range] = true;
	for (uint32_t i = 1; i < BOOT_RANGES; i++) {
		struct boot b = begin(at += TIME_S);

		assert_true(b.known && b.run == i + 1 && b.quiet_ns == 0);
		assert_false(seen[b.range]);
		seen[b.range] = true;
		assert_int_equal(b.port_from, 1024 + b.range * 16128);
		assert_int_equal(b.port_to, b.port_from + 16127);
		assert_memory_equal(&b.secret, &first.secret, sizeof(b.secret));
		assert_true(b.epoch_ns == at);
		leat_boot_end(&b, at += TIME_S);
	}
	struct boot again = begin(at += TIME_S); /* the first one's ports rest since START + 1 s */
	assert_int_equal(again.range, first.range);
	assert_true(again.quiet_ns == TWO_MSL - (at - (START + TIME_S)));
	leat_boot_end(&again, at);
}

static void a_run_that_was_killed_used_its_ports_until_now(void **state)
{
	struct boot b = begin(START);
	uint32_t range = b.range;

	(void)state;
	killed(&b);
	for (uint32_t i = 1; i < BOOT_RANGES; i++) {
		b = begin(START + 1000 * TIME_S + i);
		assert_int_not_equal(b.range, range);
		assert_true(b.quiet_ns == 0);
		killed(&b);
	}
	/* All four, at the end: the one of whose end was known first. */
	b = begin(START + 1000 * TIME_S + 10);
	assert_int_equal(b.range, range);
	assert_true(b.quiet_ns > TWO_MSL - TIME_S && b.quiet_ns <= TWO_MSL);
	leat_boot_end(&b, START + 2000 * TIME_S);
}

static void the_clock_of_peers_never_goes_back(void **state)
{
	struct boot b = begin(START);

	(void)state;
	leat_boot_end(&b, START + 10 * TIME_S);
	b = begin(START - 5 * TIME_S); /* the wall clock did */
	assert_true(b.epoch_ns > START + 10 * TIME_S);
	assert_true(b.quiet_ns == TWO_MSL);
	leat_boot_end(&b, START);
	b = begin(START + 3600 * TIME_S);
	assert_true(b.epoch_ns == START + 3600 * TIME_S && b.quiet_ns == 0);
	leat_boot_end(&b, b.epoch_ns);
}

static void a_record_in_use_or_of_another_kind_is_refused(void **state)
{
	struct boot_want w = want();
	struct boot b = begin(START), other;
	char text[16] = "";

	(void)state;
	assert_int_equal(leat_boot_begin(&other, &w, START), OPT_EXIT_RESOURCE);
	leat_boot_end(&b, START);
	put("precious\n");
	assert_int_equal(leat_boot_begin(&other, &w, START), OPT_EXIT_CONFIG);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "precious\n");
	w.path = "/nowhere/at/all";
	assert_int_equal(leat_boot_begin(&other, &w, START), OPT_EXIT_RESOURCE);
}

static void a_record_that_was_cut_short_is_begun_anew_quietly(void **state)
{
	static const char *const text[] = {"leat-runs 1\n",
		"leat-runs 1\nrun 7\nkey 12 34\nclock 5",
		"leat-runs 1\nrun 7\nkey 0 0\nclock 5\nused 0 0 0 0\n",
		"leat-runs 1\nrun 7\nkey 1 2\nclock 5\nused 0 0 0 0 0\n"};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(text); i++) {
		put(text[i]);
		struct boot b = begin(START);
		assert_true(!b.known && b.run == 1 && b.quiet_ns == TWO_MSL);
		leat_boot_end(&b, START);
	}
}

static void without_a_record_only_what_was_asked_for_is_kept(void **state)
{
	struct boot_want w = want();
	struct stack_config c;
	struct boot b;

	(void)state;
	w.path = NULL;
	w.quiet_ns = 5 * TIME_S;
	assert_int_equal(leat_boot_begin(&b, &w, START), OPT_EXIT_OK);
	leat_stack_config_default(&c);
	leat_boot_set(&b, &c);
	assert_true(c.quiet_ns == 5 * TIME_S && c.secret.k0 == 0 && c.secret.k1 == 0);
	assert_true(c.knobs.epoch_ns == START && c.port_from == 1024 && c.port_to == 65535);
	leat_boot_end(&b, START);
	assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_run_has_ports_that_rest_and_the_key_of_the_first, make_path,
			remove_path),
		cmocka_unit_test_setup_teardown(
			a_run_that_was_killed_used_its_ports_until_now, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			the_clock_of_peers_never_goes_back, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			a_record_in_use_or_of_another_kind_is_refused, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			a_record_that_was_cut_short_is_begun_anew_quietly, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			without_a_record_only_what_was_asked_for_is_kept, make_path, remove_path),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
