/* SPDX-License-Identifier: BSD-3-Clause */
#include "when.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW (UINT64_C(1795253400) * TIME_S)

static void an_instant_is_read_in_each_of_its_forms(void **state)
{
	static const struct {
		const char *text;
		uint64_t at;
	} row[] = {
		{"2026-11-21T09:30:00Z", NOW},
		{"2026-11-21t09:30:00z", NOW},
		{"2026-11-21T10:30:00+01:00", NOW},
		{"2026-11-21T05:00:00-04:30", NOW},
		{"2026-11-21T09:30:00.25Z", NOW + 250 * TIME_MS},
		{"2026-11-21T09:30:00.123456789Z", NOW + 123456789},
		{"1795253400", NOW},
		{"1795253400.5", NOW + 500 * TIME_MS},
		{"0", 0},
		{"1970-01-01T01:00:00+01:00", 0},
		{"+10s", NOW + 10 * TIME_S},
		{"+0s", NOW},
		{"+250ms", NOW + 250 * TIME_MS},
		{"2028-02-29T00:00:00Z", UINT64_C(1835395200) * TIME_S},
	};
	char why[160];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		uint64_t at = 1;

		if (!leat_when_read(row[i].text, NOW, &at, why, sizeof(why)) || at != row[i].at)
			fail_msg("%s: %ju", row[i].text, (uintmax_t)at);
	}
}

static void what_is_no_instant_is_refused_with_what_would_do(void **state)
{
	static const char *const row[] = {"", "now", "tomorrow", "2026-11-21",
		"2026-11-21T09:30:00", "2026-11-21 09:30:00Z", "2026-02-30T00:00:00Z",
		"2026-11-21T24:00:00Z", "2026-13-01T00:00:00Z", "2026-11-21T09:60:00Z",
		"2026-11-21T09:30:00.Z", "2026-11-21T09:30:00+1:00", "2026-11-21T09:30:00+15:00",
		"26-11-21T09:30:00Z", "2200-01-01T00:00:00Z", "7258118400", "99999999999", "-1",
		"1.", "1 ", "1795253400s", "1960-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00",
		"2026-11-21T09:30:00Zx", "+", "+10", "+-1s", "+31d", "+800h"};
	char why[160];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		uint64_t at;

		why[0] = '\0';
		if (leat_when_read(row[i], NOW, &at, why, sizeof(why)))
			fail_msg("`%s` was read as %ju", row[i], (uintmax_t)at);
		assert_true(strlen(why) > 10);
	}
}

static void what_is_written_is_read_as_the_same(void **state)
{
	struct prng prng;
	char text[WHEN_TEXT_MAX], why[160];
	uint64_t at;

	(void)state;
	leat_prng_seed(&prng, 11);
	for (uint32_t i = 0; i < 20000; i++) {
		/* In the years up to 2106. */
		uint64_t ms = (uint64_t)leat_prng_below(&prng, UINT32_MAX) * 1000 +
			      leat_prng_below(&prng, 1000);

		leat_when_text(ms * TIME_MS, text);
		if (!leat_when_read(text, 0, &at, why, sizeof(why)) || at != ms * TIME_MS)
			fail_msg("seed 11: %s", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_instant_is_read_in_each_of_its_forms),
		cmocka_unit_test(what_is_no_instant_is_refused_with_what_would_do),
		cmocka_unit_test(what_is_written_is_read_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
