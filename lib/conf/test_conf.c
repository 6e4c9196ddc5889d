/* SPDX-License-Identifier: BSD-3-Clause */

/* The table of keys is sound; each key is read, refused out of range, and found where it is given.
 * Messages are the business of tests/conf. */

#include "base_bits.h"
#include "base_time.h"
#include "conf.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PORTS  "ports: [{device: tap:leat0, address: 198.18.0.2/24}]\n"
#define SERVER "version: 1\n" PORTS "listen: [{port: 80}]\n"
#define CLIENT "version: 1\nrole: client\n" PORTS "load:\n  target: 198.18.0.1:80\n"

static struct conf c;

static void read_text(const char *text)
{
	leat_conf_begin(&c, "dir/lab-a.yaml");
	leat_conf_read(&c, text, strlen(text));
	leat_conf_finish(&c);
}

/* good reads text, which has no error. */
static void good(const char *text)
{
	read_text(text);
	if (c.errors.cnt > 0)
		fail_msg("%u:%u: %s: %s", c.errors.error[0].line, c.errors.error[0].col,
			c.errors.error[0].key, c.errors.error[0].text);
}

/* bad reads text, whose first error stands there and has these words. */
static void bad(const char *text, uint32_t line, uint32_t col, const char *words)
{
	const struct conf_error *e = &c.errors.error[0];

	read_text(text);
	assert_true(c.errors.cnt > 0);
	if (e->line != line || e->col != col || !strstr(e->text, words))
		fail_msg("%u:%u: %s: %s", e->line, e->col, e->key, e->text);
}

static void the_table_is_sound(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		bool section = key->type.kind == CONF_KIND_SECTION;
		char name[CONF_PATH_MAX];

		assert_ptr_equal(leat_conf_key_find(key->path), key);
		leat_conf_key_name(key, name);
		assert_ptr_equal(leat_conf_key_child(leat_conf_key_parent(key), name), key);
		assert_true(strchr(key->path, '.') == NULL || leat_conf_key_parent(key));
		assert_true(leat_conf_key_parent(key) < key);
		assert_true(section || *leat_conf_value_example(&key->type));
		assert_true(leat_conf_key_is_list(key) == (key->cnt_max > 0));
		assert_true(key->type.from <= key->type.to);
		assert_true(!section || !key->option);
		assert_true(key->sentence[strlen(key->sentence) - 1] != '.');
		for (uint32_t k = 0; k < i; k++)
			assert_true(!key->option || !leat_conf_key[k].option ||
				    strcmp(key->option, leat_conf_key[k].option) != 0 ||
				    (leat_conf_key[k].of_server && key->of_load));
	}
}

static void every_default_and_every_example_is_taken_by_its_key(void **state)
{
	char why[CONF_WHY_MAX];

	(void)state;
	good(SERVER);
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		const char *const text[] = {key->type.fallback, key->type.example};

		for (uint32_t k = 0; k < 2; k++) {
			struct conf_setting s = {
				.key = key, .text = text[k], .item = CONF_ITEM_NONE};
			if (text[k] && !leat_conf_read_value(&c, &s, why, sizeof(why)))
				fail_msg("%s: %s", key->path, why);
		}
	}
}

/* A number one beyond an end of a range, with the smallest unit of its kind. */
static void beyond(const struct conf_key *key, uint64_t value)
{
	const char *unit = key->type.kind == CONF_KIND_DURATION ? "ns" : "";
	char text[64], why[CONF_WHY_MAX];
	struct conf_setting s = {.key = key, .text = text, .item = CONF_ITEM_NONE};

	snprintf(text, sizeof(text), "%" PRIu64 "%s", value, unit);
	assert_false(leat_conf_read_value(&c, &s, why, sizeof(why)));
	assert_non_null(strstr(why, "out of range"));
}

static void n217_every_number_beyond_its_range_is_refused(void **state)
{
	uint32_t cnt = 0;

	(void)state;
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		if (key->type.kind > CONF_KIND_DURATION)
			continue;
		beyond(key, key->type.to + 1);
		if (key->type.from > 0)
			beyond(key, key->type.from - 1);
		cnt++;
	}
	assert_true(cnt > 15);
}

static void n229_an_unknown_key_is_refused_where_it_stands(void **state)
{
	(void)state;
	bad(SERVER "tcp: {nagel: off}\n", 4, 7, "did you mean `nagle`?");
	bad(SERVER "tcp:\n  x: 1\n", 5, 3, "no such key");
	bad(SERVER "congestion: cubic\n", 4, 1, "did you mean `tcp.congestion`?");
	bad(SERVER "\"\": 1\n", 4, 1, "no such key");
}

static void n229_a_duplicate_key_is_refused_and_the_first_named(void **state)
{
	(void)state;
	bad(SERVER "tcp:\n  nagle: off\n  sack: on\n  nagle: off\n", 7, 3, "first on line 5");
	bad(SERVER "version: 1\n", 4, 1, "first on line 1");
}

static void columns_are_counted_in_characters(void **state)
{
	(void)state;
	bad(SERVER "tcp: {\"n\xc3\xa4gle\": off, sack: maybe}\n", 4, 7, "no such key");
	assert_int_equal(c.errors.cnt, 2);
	assert_int_equal(c.errors.error[1].col, 27);
}

static void every_error_is_told_in_the_order_of_the_file(void **state)
{
	(void)state;
	read_text("role: sever\nports:\n  - vlan: 4095\nlisten:\n  - app: htpp\n");
	assert_int_equal(c.errors.cnt, c.errors.kept);
	assert_int_equal(c.errors.cnt, 7);
	for (uint32_t i = 1; i < c.errors.kept; i++)
		assert_true(c.errors.error[i - 1].line <= c.errors.error[i].line);
}

static void of_too_many_errors_the_first_are_kept_and_all_counted(void **state)
{
	char text[8192] = SERVER;
	size_t at = strlen(text);

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "x%u: 1\n", i);
	read_text(text);
	assert_int_equal(c.errors.cnt, 200);
	assert_int_equal(c.errors.kept, CONF_ERROR_MAX);
	assert_int_equal(c.errors.error[0].line, 4);
	assert_int_equal(c.errors.error[CONF_ERROR_MAX - 1].line, 3 + CONF_ERROR_MAX);
}

static void the_largest_file_of_the_smallest_values_is_bounded(void **state)
{
	char *text = malloc(CONF_FILE_MAX);
	size_t at = 0;

	(void)state;
	assert_non_null(text);
	/* An escape of two octets that stands for three: U+2028. */
	memcpy(text, "a: [", 4);
	for (at = 4; at + 1006 < CONF_FILE_MAX; at += 1003) {
		text[at] = '"';
		for (size_t i = 1; i < 1001; i += 2)
			memcpy(text + at + i, "\\L", 2);
		memcpy(text + at + 1001, "\",", 2);
	}
	text[at++] = ']';
	leat_conf_begin(&c, NULL);
	leat_conf_read(&c, text, at);
	assert_true(c.errors.cnt > 0);
	memset(text, '[', CONF_FILE_MAX);
	leat_conf_begin(&c, NULL);
	leat_conf_read(&c, text, CONF_FILE_MAX);
	assert_non_null(strstr(c.errors.error[1].text, "too deep"));
	free(text);
}

static void what_is_typed_comes_out_in_its_unit(void **state)
{
	(void)state;
	good(CLIENT);
	assert_int_equal(c.version, 1);
	assert_int_equal(c.role, CONF_ROLE_CLIENT);
	good(SERVER);
	assert_int_equal(c.role, CONF_ROLE_SERVER);
}

static void each_role_has_its_own_keys_and_no_other(void **state)
{
	(void)state;
	bad(CLIENT "tcp: {sack: on, syn_cookies: off}\n", 6, 30, "a client has none of it");
	bad(CLIENT "listen: [{port: 80}]\n", 6, 10, "a client listens on nothing");
	bad(SERVER "load: {target: \"198.18.0.1:80\"}\n", 4, 7, "a server asks nobody");
	good("version: 1\nrole: both\n" PORTS "listen: [{port: 80}]\n"
	     "tcp: {syn_cookies: off}\nload: {target: \"198.18.0.1:80\"}\n");
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++)
		assert_false(leat_conf_key[i].of_load && leat_conf_key[i].of_server);
}

static void settings_are_found_by_key_and_section(void **state)
{
	const struct conf_key *port = leat_conf_key_find("listen[].port");
	const struct conf_setting *s;

	(void)state;
	good("version: 1\n" PORTS "listen:\n  - port: 80\n  - {port: 7, app: echo}\n");
	s = leat_conf_find(&c, port, 1, NULL);
	assert_non_null(s);
	assert_string_equal(s->text, "7");
	assert_int_equal(s->line, 5);
	assert_null(leat_conf_find(&c, port, 1, s));
	assert_null(leat_conf_find(&c, port, 2, NULL));
	assert_string_equal(leat_conf_text(&c, "listen[].app", 0), "http");
	assert_string_equal(leat_conf_text(&c, "listen[].app", 1), "echo");
	assert_string_equal(leat_conf_text(&c, "tcp.time_wait", CONF_ITEM_NONE), "60s");
}

static void an_option_goes_before_the_file(void **state)
{
	const struct conf_key *address = leat_conf_key_find("ports[].address[]");
	const struct conf_key *count = leat_conf_key_find("shards.count");
	const struct conf_setting *s;

	(void)state;
	leat_conf_begin(&c, NULL);
	leat_conf_read(&c, SERVER, strlen(SERVER));
	leat_conf_override(&c, address, 0, "198.19.0.2/24", "address");
	leat_conf_override(&c, address, 0, "198.20.0.2/24", "address");
	leat_conf_override(&c, count, CONF_ITEM_NONE, "3", "shards");
	leat_conf_override(&c, count, CONF_ITEM_NONE, "4", "shards");
	leat_conf_finish(&c);
	assert_int_equal(c.errors.cnt, 0);
	s = leat_conf_find(&c, address, 0, NULL);
	assert_string_equal(s->text, "198.19.0.2/24");
	s = leat_conf_find(&c, address, 0, s);
	assert_string_equal(s->text, "198.20.0.2/24");
	assert_null(leat_conf_find(&c, address, 0, s));
	s = leat_conf_find(&c, count, CONF_ITEM_NONE, NULL);
	assert_string_equal(s->text, "4");
	assert_null(leat_conf_find(&c, count, CONF_ITEM_NONE, s));
}

static void a_name_is_the_files_unless_it_is_given(void **state)
{
	static const char *const paths[][2] = {{"lab-a.yaml", "lab-a"}, {"a/b.c/x", "x"},
		{"/etc/leat/lab.b.yaml", "lab"}, {".yaml", "leat"}, {"a b.yaml", "leat"},
		{NULL, "leat"}};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(paths); i++) {
		leat_conf_begin(&c, paths[i][0]);
		leat_conf_read(&c, SERVER, strlen(SERVER));
		leat_conf_finish(&c);
		assert_string_equal(c.name, paths[i][1]);
	}
	good(SERVER "name: other\n");
	assert_string_equal(c.name, "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(every_default_and_every_example_is_taken_by_its_key),
		cmocka_unit_test(n217_every_number_beyond_its_range_is_refused),
		cmocka_unit_test(n229_an_unknown_key_is_refused_where_it_stands),
		cmocka_unit_test(n229_a_duplicate_key_is_refused_and_the_first_named),
		cmocka_unit_test(columns_are_counted_in_characters),
		cmocka_unit_test(every_error_is_told_in_the_order_of_the_file),
		cmocka_unit_test(of_too_many_errors_the_first_are_kept_and_all_counted),
		cmocka_unit_test(the_largest_file_of_the_smallest_values_is_bounded),
		cmocka_unit_test(what_is_typed_comes_out_in_its_unit),
		cmocka_unit_test(each_role_has_its_own_keys_and_no_other),
		cmocka_unit_test(settings_are_found_by_key_and_section),
		cmocka_unit_test(an_option_goes_before_the_file),
		cmocka_unit_test(a_name_is_the_files_unless_it_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
