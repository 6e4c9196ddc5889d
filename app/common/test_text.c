/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include "base_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void durations_have_three_digits_and_whole_ones_none_behind_the_point(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} of[] = {{0, "-"}, {1, "1 ns"}, {999, "999 ns"}, {1000, "1 us"}, {11400, "11.4 us"},
		{19999, "20.0 us"}, {5600, "5.60 us"}, {20999, "20 us"}, {999999, "999 us"},
		{3140000, "3.14 ms"}, {38000000, "38 ms"}, {1040000000, "1.04 s"},
		{2000000000, "2 s"}, {60000000000, "60 s"}, {3600000000000, "3600 s"}};
	char text[24];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(of); i++) {
		leat_text_ns(of[i].ns, text, sizeof(text));
		assert_string_equal(text, of[i].text);
	}
}

static void an_end_is_its_address_and_its_port(void **state)
{
	static const struct {
		struct leat_addr addr;
		const char *text;
	} of[] = {{{4, {198, 18, 0, 1}, 80}, "198.18.0.1:80"},
		{{4, {255, 255, 255, 254}, 65535}, "255.255.255.254:65535"},
		{{6, {0x20, 1, 0xd, 0xb8, [15] = 1}, 80}, "[2001:db8::1]:80"}};
	char text[TEXT_ADDR_MAX];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(of); i++) {
		leat_text_addr(&of[i].addr, text, sizeof(text));
		assert_string_equal(text, of[i].text);
	}
}

static void people_are_told_to_type_what_they_typed(void **state)
{
	(void)state;
	unsetenv("LEAT_CALL");
	assert_string_equal(leat_text_call(), "leat");
	setenv("LEAT_CALL", "", 1);
	assert_string_equal(leat_text_call(), "leat");
	setenv("LEAT_CALL", "./run", 1);
	assert_string_equal(leat_text_call(), "./run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_three_digits_and_whole_ones_none_behind_the_point),
		cmocka_unit_test(an_end_is_its_address_and_its_port),
		cmocka_unit_test(people_are_told_to_type_what_they_typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
