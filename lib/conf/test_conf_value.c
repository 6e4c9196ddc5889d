/* SPDX-License-Identifier: BSD-3-Clause */

/* Quantities as text, against a naive model: what is written is read back, and nothing else is
 * taken for it. */

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"
#include "conf_value.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	enum conf_kind kind;
	const char *unit;
	uint64_t of;
} units[] = {
	{CONF_KIND_NUMBER, "", 1},
	{CONF_KIND_COUNT, "", 1},
	{CONF_KIND_COUNT, "k", 1024},
	{CONF_KIND_COUNT, "M", 1048576},
	{CONF_KIND_COUNT, "G", 1073741824},
	{CONF_KIND_OCTETS, "", 1},
	{CONF_KIND_OCTETS, "KiB", 1024},
	{CONF_KIND_OCTETS, "MiB", 1048576},
	{CONF_KIND_OCTETS, "GiB", 1073741824},
	{CONF_KIND_DURATION, "ns", 1},
	{CONF_KIND_DURATION, "us", TIME_US},
	{CONF_KIND_DURATION, "ms", TIME_MS},
	{CONF_KIND_DURATION, "s", TIME_S},
	{CONF_KIND_DURATION, "min", 60 * TIME_S},
	{CONF_KIND_DURATION, "h", 3600 * TIME_S},
	{CONF_KIND_PERCENT, "%", 10000},
	{CONF_KIND_RATE, "/s", 1000},
	{CONF_KIND_RATE, "k/s", 1000000},
	{CONF_KIND_RATE, "M/s", 1000000000},
	{CONF_KIND_RATE, "G/s", UINT64_C(1000000000000)},
	{CONF_KIND_RATE, "k", 1000000},
	{CONF_KIND_RATE, "M", 1000000000},
	{CONF_KIND_RATE, "G", UINT64_C(1000000000000)},
	{CONF_KIND_RATE, "", 1000},
};

static bool reads(enum conf_kind kind, const char *text, uint64_t *value)
{
	const struct conf_type type = {.kind = kind, .to = UINT64_MAX, .example = "1"};
	char why[CONF_WHY_MAX] = "";
	bool ok = leat_conf_value_read(&type, text, value, why, sizeof(why));

	assert_true(ok == (*why == '\0'));
	if (!ok && !(strstr(why, text) && strchr(why, '`')))
		fail_msg("`%s`: the refusal does not quote it: %s", text, why);
	return ok;
}

static void each_unit_of_a_kind_is_read_by_it_and_by_no_other(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(units); i++) {
		for (uint32_t k = 0; k < COUNT_OF(units); k++) {
			bool same = false;
			uint64_t value = 0;
			char text[32];

			snprintf(text, sizeof(text), "7%s", units[i].unit);
			for (uint32_t j = 0; j < COUNT_OF(units); j++)
				same |= units[j].kind == units[k].kind &&
					strcmp(units[j].unit, units[i].unit) == 0;
			assert_true(reads(units[k].kind, text, &value) == same);
			if (i == k)
				assert_int_equal(value, 7 * units[i].of);
		}
	}
}

static void what_is_written_is_read_back(void **state)
{
	const uint64_t seed = 20;
	struct prng p;

	(void)state;
	leat_prng_seed(&p, seed);
	for (uint32_t n = 0; n < 200000; n++) {
		uint32_t i = leat_prng_below(&p, COUNT_OF(units));
		uint64_t value = leat_prng_next(&p) >> (20 + leat_prng_below(&p, 44)), got = 0;
		char text[64], plain[64];
		size_t at = 0;

		/* A fraction is written with few digits. */
		if (units[i].kind == CONF_KIND_PERCENT || units[i].kind == CONF_KIND_RATE)
			value -= value % (units[i].kind == CONF_KIND_RATE ? 1000 : 10000);
		leat_conf_value_text(units[i].kind, value, text, sizeof(text));
		for (const char *c = text; *c; c++)
			if (*c != ',')
				plain[at++] = *c;
		plain[at] = '\0';
		if (!reads(units[i].kind, plain, &got) || got != value)
			fail_msg("seed %" PRIu64 ": %" PRIu64 " is written %s and read as %" PRIu64,
				seed, value, text, got);
	}
}

static void a_fraction_of_a_unit_is_exact_or_refused(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(reads(CONF_KIND_DURATION, "1.5ms", &value));
	assert_int_equal(value, 1500 * TIME_US);
	assert_true(reads(CONF_KIND_COUNT, "0.5k", &value));
	assert_int_equal(value, 512);
	assert_true(reads(CONF_KIND_RATE, "0.001/s", &value));
	assert_int_equal(value, 1);
	assert_true(reads(CONF_KIND_RATE, "200k", &value));
	assert_int_equal(value, 200000000);
	assert_true(reads(CONF_KIND_RATE, "1.2345k/s", &value));
	assert_int_equal(value, 1234500);
	assert_true(reads(CONF_KIND_PERCENT, "0.0001%", &value));
	assert_int_equal(value, 1);
	assert_false(reads(CONF_KIND_DURATION, "0.5ns", &value));
	assert_false(reads(CONF_KIND_COUNT, "0.0001k", &value));
	assert_false(reads(CONF_KIND_RATE, "0.0001/s", &value));
	assert_false(reads(CONF_KIND_PERCENT, "0.00001%", &value));
	assert_false(reads(CONF_KIND_NUMBER, "1.5", &value));
}

static void n217_what_is_no_number_is_refused(void **state)
{
	static const char *const wrong[] = {"", " ", "x", "+1", "1 ", " 1", "0x10", "1e3", "1,000",
		"1_000", "1..2", "1.", ".5", "nan", "inf", "--1", "1-", "\xc2\xb5s", "1kk", "1K",
		"1ks", "10k/", "/s"};
	static const enum conf_kind kinds[] = {CONF_KIND_NUMBER, CONF_KIND_COUNT, CONF_KIND_OCTETS,
		CONF_KIND_DURATION, CONF_KIND_PERCENT, CONF_KIND_RATE};
	uint64_t value;

	(void)state;
	for (uint32_t k = 0; k < COUNT_OF(kinds); k++)
		for (uint32_t i = 0; i < COUNT_OF(wrong); i++)
			assert_false(reads(kinds[k], wrong[i], &value));
}

static void a_range_has_both_its_ends_and_nothing_beyond(void **state)
{
	const struct conf_type type = {
		.kind = CONF_KIND_COUNT, .from = 64, .to = 4000000, .fallback = "1k"};
	static const char *const in[] = {"64", "4000000", "1k", "3M"};
	static const char *const out[] = {
		"63", "4000001", "0", "4M", "-1", "18446744073709551616", "99999999999999999999G"};
	char why[CONF_WHY_MAX];
	uint64_t value;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(in); i++)
		assert_true(leat_conf_value_read(&type, in[i], &value, why, sizeof(why)));
	for (uint32_t i = 0; i < COUNT_OF(out); i++) {
		assert_false(leat_conf_value_read(&type, out[i], &value, why, sizeof(why)));
		assert_non_null(strstr(why, "from 64 to 4,000,000; the default is 1k"));
	}
}

static void a_missing_unit_is_proposed_so_that_it_is_in_range(void **state)
{
	const struct conf_type type = {.kind = CONF_KIND_DURATION, .to = 499 * TIME_MS};
	const struct conf_type wide = {.kind = CONF_KIND_DURATION, .to = 3600 * TIME_S};
	char why[CONF_WHY_MAX];
	uint64_t value;

	(void)state;
	assert_false(leat_conf_value_read(&type, "40", &value, why, sizeof(why)));
	assert_string_equal(why, "`40` needs a unit: 40ms?");
	assert_false(leat_conf_value_read(&wide, "40", &value, why, sizeof(why)));
	assert_string_equal(why, "`40` needs a unit: 40s?");
}

static void a_word_is_one_of_them_letter_by_letter(void **state)
{
	static const char *const words[] = {"off", "on", NULL};
	const struct conf_type type = {.kind = CONF_KIND_WORD, .words = words};
	char why[CONF_WHY_MAX];
	uint64_t value;

	(void)state;
	assert_true(leat_conf_value_read(&type, "on", &value, why, sizeof(why)));
	assert_int_equal(value, 1);
	assert_false(leat_conf_value_read(&type, "true", &value, why, sizeof(why)));
	assert_string_equal(why, "`true` is not one of off, on; did you mean on?");
	assert_false(leat_conf_value_read(&type, "no", &value, why, sizeof(why)));
	assert_string_equal(why, "`no` is not one of off, on; did you mean off?");
	assert_false(leat_conf_value_read(&type, "ON", &value, why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_unit_of_a_kind_is_read_by_it_and_by_no_other),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_fraction_of_a_unit_is_exact_or_refused),
		cmocka_unit_test(n217_what_is_no_number_is_refused),
		cmocka_unit_test(a_range_has_both_its_ends_and_nothing_beyond),
		cmocka_unit_test(a_missing_unit_is_proposed_so_that_it_is_in_range),
		cmocka_unit_test(a_word_is_one_of_them_letter_by_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
