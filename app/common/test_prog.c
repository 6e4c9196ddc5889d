/* SPDX-License-Identifier: BSD-3-Clause */
#include "prog.h"

#include "base_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void statements_are_read_in_order_whatever_stands_between_them(void **state)
{
	static const char *const text[] = {
		"send 64; expect 1KiB; loop 10 { exchange 5; wait 1ms }; half-close; expect eof",
		("\n# what a client says\nsend 64\nexpect 1KiB\n\nloop 10 {\n\texchange 5\n"
		 "\twait 1ms # a little\n}\nhalf-close\nexpect eof\n"),
		"send 64;;expect 1KiB;loop 10{exchange 5;wait 1ms}half-close;expect eof;",
	};
	static const enum prog_op_kind kind[] = {PROG_OP_SEND, PROG_OP_EXPECT, PROG_OP_LOOP,
		PROG_OP_EXCHANGE, PROG_OP_WAIT, PROG_OP_END, PROG_OP_HALF_CLOSE,
		PROG_OP_EXPECT_EOF};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		char why[PROG_WHY_MAX] = "";
		struct prog p;

		leat_prog_parse(&p, text[i], why, sizeof(why));
		assert_string_equal(why, "");
		assert_int_equal(p.op_cnt, COUNT_OF(kind));
		for (uint32_t k = 0; k < p.op_cnt; k++)
			assert_int_equal(p.op[k].kind, kind[k]);
		assert_int_equal(p.op[2].cnt, 10);
		assert_int_equal(p.op[5].jump, 2);
		assert_int_equal(p.dist[1].a, 1024);
		assert_int_equal(p.dist_cnt, 4);
	}
}

static void nothing_is_a_program_too(void **state)
{
	static const char *const text[] = {"", " ; ;\n", "# only this"};
	char why[PROG_WHY_MAX];
	struct prog p;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		assert_true(leat_prog_parse(&p, text[i], why, sizeof(why)));
		assert_int_equal(p.op_cnt, 0);
	}
}

static void what_is_wrong_is_told_with_its_line_and_column(void **state)
{
	static const struct {
		const char *text, *why;
	} row[] = {
		{"sned 5", "1:1: `sned` is no statement; did you mean send?"},
		{"send 5\n  receive 7",
			"2:3: `receive` is no statement; there are send, expect, exchange, wait, "
			"loop, half-close, close, abort"},
		{"send", "1:5: send needs a quantity: send 64"},
		{"wait ;", "1:6: wait needs a quantity: wait 10ms"},
		{"send 5 expect 7", "1:8: `expect` after `send`; is a ; missing?"},
		{"send 5kb", "1:6: `5kb`: the unit is one of KiB, MiB, GiB: 5KiB?"},
		{"send 0", "1:6: `0` is out of range: from 1 to 1,024GiB; the default is 64"},
		{"wait 5", "1:6: `5` needs a unit: 5s?"},
		{"send uniform:9-3", "1:6: `9-3`: the first is above the second; turn them round?"},
		{"loop 3; send 5 }",
			"1:7: loop needs braces around what is repeated: loop 3 { ... }"},
		{"loop { send 5 }", "1:6: loop needs a quantity: loop 10 { ... }"},
		{"loop x { send 5 }",
			"1:6: `x`: how often, from 1 to 1,000,000,000: loop 10 { ... }"},
		{"loop 2 { }", "1:10: the loop is empty; put something between the braces"},
		{"loop 2 { send 5", "1:16: a loop is not closed; } at the end?"},
		{"send 5 }", "1:8: } without a loop"},
		{"{ send 5 }", "1:1: { without a loop: loop 10 { ... }"},
		{"loop 1 { loop 1 { loop 1 { loop 1 { loop 1 { send 1 } } } } }",
			"1:42: more than 4 loops within each other"},
		{"close; send 5",
			"1:8: nothing can follow the end of the connection; leave `send` out"},
		{"loop 2 { close }",
			"1:10: `close` in a loop would come twice; put it behind the loop"},
		{"half-close; send 5", "1:13: `send` after half-close: our direction is closed"},
		{"half-close; half-close",
			"1:13: `half-close` after half-close: our direction is closed"},
		{"close 5", "1:7: `5` after `close`; is a ; missing?"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		char why[PROG_WHY_MAX] = "";
		struct prog p;

		assert_false(leat_prog_parse(&p, row[i].text, why, sizeof(why)));
		assert_string_equal(why, row[i].why);
	}
}

static void limits_are_told_and_no_text_is_too_long(void **state)
{
	char text[8192] = "", why[PROG_WHY_MAX];
	struct prog p;

	(void)state;
	for (uint32_t i = 0; i <= PROG_DIST_MAX; i++)
		strcat(text, "send 1;");
	assert_false(leat_prog_parse(&p, text, why, sizeof(why)));
	assert_non_null(strstr(why, "more than 16 quantities"));
	text[0] = '\0';
	for (uint32_t i = 0; i <= PROG_OP_MAX; i++)
		strcat(text, "expect eof;");
	assert_false(leat_prog_parse(&p, text, why, sizeof(why)));
	assert_non_null(strstr(why, "more than 48 statements"));
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(leat_prog_parse(&p, text, why, sizeof(why)));
	assert_non_null(strstr(why, "a word of more than"));
	assert_false(leat_prog_parse(&p, text, why, 8));
	assert_true(strlen(why) < 8);
}

/* Any octets are refused or read, and never more than there is room for. */
static void no_text_harms(void **state)
{
	static const char *const word[] = {"send ", "5;", "loop 3 {", "}", "\n", "wait 1ms", "#",
		"{", "expect eof", "close", "uniform:1-2", "list:1,", ";", "exp:", "-", "*", "\t",
		"7"};
	uint64_t seed = 1;
	uint32_t good = 0;

	(void)state;
	for (uint32_t round = 0; round < 50000; round++) {
		char text[256] = "", why[PROG_WHY_MAX];
		struct prog p;

		for (uint32_t i = 0; i < 12; i++) {
			uint64_t bits = dist_bits(seed, round, i);
			strcat(text, word[bits % COUNT_OF(word)]);
		}
		good += leat_prog_parse(&p, text, why, sizeof(why));
		assert_true(p.op_cnt <= PROG_OP_MAX);
		assert_true(p.dist_cnt <= PROG_DIST_MAX);
	}
	assert_true(good > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_read_in_order_whatever_stands_between_them),
		cmocka_unit_test(nothing_is_a_program_too),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line_and_column),
		cmocka_unit_test(limits_are_told_and_no_text_is_too_long),
		cmocka_unit_test(no_text_harms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
