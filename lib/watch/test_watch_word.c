/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_word.h"

#include "base_bits.h"
#include "tcp_tcb.h"
#include "tcp_verdict.h"
#include "wire_verdict.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void each_word_has_one_sentence_and_says_where_it_is_written(void **state)
{
	const struct watch_word *w;
	uint32_t cnt = 0;

	(void)state;
	for (; (w = leat_watch_word(cnt)) != NULL; cnt++) {
		size_t octets = strlen(w->sentence);

		if (octets < 8 || w->sentence[octets - 1] != '.' ||
			strstr(w->sentence, ". ") != NULL || !isupper((uint8_t)*w->sentence) ||
			*w->where == '\0')
			fail_msg("%s: `%s`", w->name, w->sentence);
		assert_int_equal(
			strspn(w->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(w->name));
	}
	assert_true(cnt > WIRE_V_CNT + TCP_V_CNT + TCP_END_CNT - 1);
	assert_null(leat_watch_word(cnt));
}

static void no_word_is_there_twice_in_one_kind(void **state)
{
	const struct watch_word *a, *b;

	(void)state;
	for (uint32_t i = 0; (a = leat_watch_word(i)) != NULL; i++)
		for (uint32_t k = 0; k < i; k++) {
			b = leat_watch_word(k);
			if (a->kind == b->kind && strcmp(a->name, b->name) == 0)
				fail_msg("%s is there twice", a->name);
		}
}

static uint32_t count(enum watch_word_kind kind)
{
	const struct watch_word *w;
	uint32_t cnt = 0;

	for (uint32_t i = 0; (w = leat_watch_word(i)) != NULL; i++)
		cnt += w->kind == kind;
	return cnt;
}

static void every_verdict_and_every_end_is_a_word_of_its_kind(void **state)
{
	(void)state;
	assert_int_equal(count(WATCH_WORD_FRAME), WIRE_V_DROP_FIRST);
	assert_int_equal(
		count(WATCH_WORD_FRAME) + count(WATCH_WORD_SEGMENT) + count(WATCH_WORD_DROP),
		WIRE_V_CNT + TCP_V_CNT);
	assert_int_equal(count(WATCH_WORD_END), TCP_END_CNT - 1);
	for (uint32_t i = 0; i < WIRE_V_CNT; i++) {
		uint32_t at = 0;
		const struct watch_word *w =
			leat_watch_word_find(leat_wire_verdict_name((enum wire_verdict)i), &at);

		assert_non_null(w);
		assert_string_equal(w->sentence, leat_wire_verdict_help((enum wire_verdict)i));
		assert_int_equal(
			w->kind, i < WIRE_V_DROP_FIRST ? WATCH_WORD_FRAME : WATCH_WORD_DROP);
	}
}

static void a_name_of_two_things_is_found_twice(void **state)
{
	uint32_t at = 0;
	const struct watch_word *w = leat_watch_word_find("drop_tcp_csum", &at);

	(void)state;
	assert_string_equal(w->where, "RFC 9293 3.1");
	at++;
	assert_null(leat_watch_word_find("drop_tcp_csum", &at));
	at = 0;
	assert_null(leat_watch_word_find("drop", &at));
}

static void words_that_people_use_lead_to_ours(void **state)
{
	const char *said;

	(void)state;
	for (uint32_t i = 0; (said = leat_watch_word_other_at(i)) != NULL; i++) {
		uint32_t at = 0;
		const char *name = leat_watch_word_other(said);

		assert_non_null(name);
		assert_non_null(leat_watch_word_find(name, &at));
	}
	assert_string_equal(leat_watch_word_other("bad_checksum"), "drop_tcp_csum");
	assert_null(leat_watch_word_other("drop_tcp_csum"));
}

static void each_kind_has_a_name(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < WATCH_WORD_KIND_CNT; i++) {
		assert_true(count((enum watch_word_kind)i) > 0);
		assert_non_null(leat_watch_word_kind_name((enum watch_word_kind)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_has_one_sentence_and_says_where_it_is_written),
		cmocka_unit_test(no_word_is_there_twice_in_one_kind),
		cmocka_unit_test(every_verdict_and_every_end_is_a_word_of_its_kind),
		cmocka_unit_test(a_name_of_two_things_is_found_twice),
		cmocka_unit_test(words_that_people_use_lead_to_ours),
		cmocka_unit_test(each_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
