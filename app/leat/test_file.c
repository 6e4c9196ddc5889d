/* SPDX-License-Identifier: BSD-3-Clause */

/* A file and the options of a command line say the same things: each option of serve and load has
 * its key, with the same range, default and words; what a file says reaches leatd as options. */

#include "base_bits.h"
#include "base_time.h"
#include "file.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD   "version: 1\nports:\n  - {device: tap:leat0, address: 198.18.0.2/24}\n"
#define SERVER HEAD "listen: [{port: 80}]\n"

static struct file f;

static const struct opt_verb *const verbs[] = {&leat_opt_serve, &leat_opt_load};

static const struct opt_row *row_of(const struct opt_verb *verb, const char *name)
{
	for (uint32_t i = 0; i < verb->row_cnt; i++)
		if (strcmp(verb->row[i].name, name) == 0)
			return &verb->row[i];
	return NULL;
}

static bool is_of(const struct conf_key *key, const struct opt_verb *verb)
{
	return verb == &leat_opt_load ? !key->of_server : !key->of_load;
}

static bool is_key_of(const char *name, const struct opt_verb *verb)
{
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++)
		if (leat_conf_key[i].option && is_of(&leat_conf_key[i], verb) &&
			strcmp(leat_conf_key[i].option, name) == 0)
			return true;
	return false;
}

static void every_option_of_serve_and_load_has_a_key(void **state)
{
	/* Kinds of device, what is of one run or of a terminal, and what has keys of its own. */
	static const char *const none[] = {"tap", "vdev", "verbose", "segment", "abort-at-end",
		"anyway", "json", "paused", "start-at", "expect", NULL};

	(void)state;
	for (uint32_t v = 0; v < COUNT_OF(verbs); v++) {
		for (uint32_t i = 0; i < verbs[v]->row_cnt; i++) {
			const char *name = verbs[v]->row[i].name;
			bool excused = false;

			for (uint32_t k = 0; none[k]; k++)
				excused |= strcmp(none[k], name) == 0;
			if (is_key_of(name, verbs[v]) == excused)
				fail_msg("--%s of %s: a row in lib/conf/conf_key.def with "
					 "OPTION(\"%s\")?",
					name, verbs[v]->name, name);
		}
	}
}

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* The same words in the same order: their index is the value. */
static bool same_words(const char *const *a, const char *const *b)
{
	for (; *a && *b && strcmp(*a, *b) == 0; a++)
		b++;
	return !*a && !*b;
}

/* agree compares a key with the option of verb that says the same. */
static void agree(const struct conf_key *key, const struct opt_verb *verb)
{
	const struct opt_row *row = row_of(verb, key->option);
	bool records = strcmp(key->option, "connections") == 0; /* load has its own number */
	bool named = strcmp(key->option, "name") == 0;          /* and is called otherwise */
	bool flag = row && row->kind == OPT_KIND_FLAG;

	if (!row)
		fail_msg("%s: %s has no --%s", key->path, verb->name, key->option);
	/* The word of a duration for `not at all` is a key that is not given. */
	bool off = row->kind == OPT_KIND_DURATION && row->words && !key->type.fallback;

	if (!flag && !off && !same_text(key->type.fallback, row->fallback) &&
		!((records || named) && verb == &leat_opt_load))
		fail_msg("%s: default %s, of --%s %s", key->path, key->type.fallback, row->name,
			row->fallback);
	if (row->kind == OPT_KIND_WORD)
		assert_true(same_words(key->type.words, row->words));
	else if (row->kind >= OPT_KIND_NUMBER && row->kind <= OPT_KIND_PERCENT && !records &&
		 (key->type.from != row->from || key->type.to != row->to))
		fail_msg("%s: from %" PRIu64 " to %" PRIu64 ", --%s from %" PRIu64 " to %" PRIu64,
			key->path, key->type.from, key->type.to, row->name, row->from, row->to);
}

static void a_key_and_its_options_agree(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];

		for (uint32_t v = 0; v < COUNT_OF(verbs); v++)
			if (key->option && strcmp(key->option, "listen") != 0 &&
				is_of(key, verbs[v]))
				agree(key, verbs[v]);
	}
}

static char *none[] = {NULL}, **variables = none;

/* load makes f of text, the variables and the options of given, "--name=value" each, NULL at the
 * end; the errors are in errors. */
static bool load(const struct opt_verb *verb, const char *text, const char *const *given,
	struct opt_line *line, char **errors)
{
	struct opt_line options = {.argc = 0};
	size_t octets;
	FILE *err = open_memstream(errors, &octets);
	char path[] = "/tmp/leat-file-XXXXXX";
	int fd = mkstemp(path);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	assert_non_null(err);
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	fclose(out);
	for (; given && *given; given++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*given, "=") - 2, *given + 2);
		assert_true(leat_opt_line_add(
			&options, name, strchr(*given, '=') ? strchr(*given, '=') + 1 : NULL));
	}
	bool ok = leat_file_read(&f, path, err);
	unlink(path);
	leat_file_environment(&f, verb, variables);
	leat_file_override(&f, verb, &options);
	ok = ok && leat_file_finish(&f, verb, err) && leat_file_line(&f, verb, &options, line);
	fclose(err);
	return ok;
}

static bool has(const struct opt_line *line, const char *arg)
{
	for (int i = 0; i < line->argc; i++)
		if (strcmp(line->argv[i], arg) == 0)
			return true;
	return false;
}

/* says makes the line of text and options, in which each of want is, and none of absent. */
static void says(const struct opt_verb *verb, const char *text, const char *const *given,
	const char *const *want, const char *const *absent)
{
	struct opt_line line;
	char *errors;

	if (!load(verb, text, given, &line, &errors))
		fail_msg("%s", errors);
	free(errors);
	for (; want && *want; want++)
		if (!has(&line, *want))
			fail_msg("no %s", *want);
	for (; absent && *absent; absent++)
		if (has(&line, *absent))
			fail_msg("%s", *absent);
}

static void what_a_file_says_reaches_leatd_as_options(void **state)
{
	static const char *const want[] = {"--device=tap:leat0", "--address=198.18.0.2/24",
		"--connections=1048576", "--time-wait=2s", "--listen=80:http", "--listen=7:echo",
		"--body=1KiB", "--loss=0.5%", NULL};
	static const char *const absent[] = {"--seed", "--body=512", "--congestion=cubic", NULL};

	(void)state;
	says(&leat_opt_serve,
		HEAD
		"shards: {connections: 1M}\ntcp: {time_wait: 2s}\nlisten: [{port: 80, body: 1KiB},"
		" {port: 7, app: echo}]\nimpair: {loss: 0.5%}\n",
		NULL, want, absent);
}

static void variables_go_before_the_file_and_options_before_them(void **state)
{
	static const char *const given[] = {"HOME=/", "LEAT_CALL=./run", "LEAT_LOAD_RATE=20/s",
		"LEAT_LOAD_TOTAL=1k", "LEAT_PORTS_ADDRESS=198.18.0.4/24 fd00::4/64",
		"LEAT_REPORT_DIR=runs/a", "LEAT_REPORT_FORMATS=json html", "LEAT_NAME=gen-3",
		"LEAT_LISTEN_PORT=81", "LEAT_EXPECT_ERRORS=< 9", "LEAT_LOAD_HALF_CLOSE=yes"};
	static const char *const options[] = {"--total=30", NULL};
	static const char *const want[] = {"--rate=20/s", "--total=30", "--address=198.18.0.4/24",
		"--address=fd00::4/64", "--report=runs/a", "--formats=json,html", "--name=gen-3",
		"--target=198.18.0.1:80", "--expect=errors < 9", "--half-close", NULL};
	static const char *const absent[] = {"--rate=5/s", "--total=1024",
		"--address=198.18.0.2/24", "--listen=81:http", "--formats=csv", NULL};

	(void)state;
	char text[COUNT_OF(given)][48], *entry[COUNT_OF(given) + 1] = {NULL};
	for (size_t i = 0; i < COUNT_OF(given); i++) {
		snprintf(text[i], sizeof(text[i]), "%s", given[i]);
		entry[i] = text[i];
	}
	variables = entry;
	says(&leat_opt_load,
		"version: 1\nrole: client\nports: [{device: tap:x, address: 198.18.0.2/24}]\n"
		"load: {target: 198.18.0.1:80, rate: 5/s}\nreport: {formats: [csv]}\n",
		options, want, absent);
	variables = none;
}

/* The name of each key's variable is its own, and fits. */
static void every_key_has_a_variable_of_its_own(void **state)
{
	char name[2][CONF_PATH_MAX];

	(void)state;
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		leat_conf_key_env(&leat_conf_key[i], name[0]);
		assert_int_equal(
			strspn(name[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"), strlen(name[0]));
		for (uint32_t k = 0; k < i; k++) {
			leat_conf_key_env(&leat_conf_key[k], name[1]);
			assert_string_not_equal(name[0], name[1]);
		}
	}
}

static void each_kind_of_device_becomes_its_option(void **state)
{
	static const char *const of[][2] = {{"tap:leat7", "--device=tap:leat7"},
		{"veth:veth1", "--device=veth:veth1"}, {"net_ring0", "--device=net_ring0"},
		{"0000:3b:00.0", "--device=0000:3b:00.0"}, {"3b:00.0", "--device=3b:00.0"}};
	char text[256];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(of); i++) {
		const char *const want[] = {of[i][1], NULL};

		snprintf(text, sizeof(text),
			"version: 1\nports: [{device: \"%s\", address: 198.18.0.2/24}]\n"
			"listen: [{port: 80}]\n",
			of[i][0]);
		says(&leat_opt_serve, text, NULL, want, NULL);
	}
}

static void options_go_before_what_the_file_says(void **state)
{
	static const char *const given[] = {"--listen=8080:http", "--listen=9:discard", "--body=7",
		"--vdev=net_ring0", "--address=198.19.0.2/24", "--loss=1%", "--verbose", NULL};
	static const char *const want[] = {"--listen=8080:http", "--listen=9:discard", "--body=7",
		"--device=net_ring0", "--address=198.19.0.2/24", "--loss=1%", "--verbose",
		"--grace=5s", NULL};
	static const char *const absent[] = {"--listen=80:http", "--device=tap:leat0",
		"--address=198.18.0.2/24", "--body=512", NULL};

	(void)state;
	says(&leat_opt_serve, HEAD "listen: [{port: 80, body: 512}]\ndrain: {grace: 5s}\n", given,
		want, absent);
}

static void a_load_reaches_leatd_as_options(void **state)
{
	static const char *const given[] = {
		"--duration=5s", "--segment=1/2", "--expect=rate >= 1/s", NULL};
	static const char *const want[] = {"--target=198.18.0.1:80", "--target=198.18.0.9:81",
		"--sources=198.18.0.12/30", "--rate=1.5k/s", "--concurrency=2048", "--duration=5s",
		"--closes=reset", "--half-close", "--request=exp:1KiB-64KiB",
		"--expect=connect_p99 < 500us", "--expect=rate >= 1/s", "--json", "--segment=1/2",
		"--time-wait=1s", NULL};
	static const char *const absent[] = {
		"--duration=60s", "--program=http", "--model=open", NULL};

	(void)state;
	says(&leat_opt_load,
		"role: client\n" HEAD "tcp: {time_wait: 1s}\nload:\n"
		"  target: [198.18.0.1:80, 198.18.0.9:81]\n  sources: 198.18.0.12/30\n"
		"  model: open\n  rate: 1.5k/s\n  concurrency: 2k\n  duration: 60s\n"
		"  close: reset\n  half_close: yes\n  request: exp:1KiB-64KiB\n"
		"expect: {connect_p99: \"< 500us\"}\nreport: {format: json}\n",
		given, want, absent);
	assert_int_equal(f.load.rate_milli, 1500000);
	assert_int_equal(f.load.target_cnt, 2);
	assert_int_equal(f.load.duration_ns, 5 * TIME_S);
}

static void a_program_is_told_as_its_text(void **state)
{
	static const char *const want[] = {"--program=send 64; expect 64; close", NULL};
	static const char *const served[] = {"--listen=7000:program:expect 64; send 64", NULL};
	static const char *const given[] = {"--listen=7000:program:expect 64; send 64", NULL};

	(void)state;
	says(&leat_opt_load,
		"role: client\n" HEAD
		"load: {target: \"198.18.0.1:80\", program: send 64; expect 64; close}\n",
		NULL, want, NULL);
	says(&leat_opt_serve,
		HEAD "listen: [{port: 7000, app: program, program: expect 64; send 64}]\n", NULL,
		served, NULL);
	says(&leat_opt_serve, SERVER, given, served, NULL);
}

static void a_file_of_the_other_role_is_refused(void **state)
{
	struct opt_line line;
	char *errors;

	(void)state;
	assert_false(load(&leat_opt_load, SERVER, NULL, &line, &errors));
	assert_non_null(strstr(errors, "a server asks nobody; `role: client`"));
	free(errors);
}

static void the_largest_file_fits_a_line_and_one_more_is_refused(void **state)
{
	char text[8192] = "version: 1\nports:\n  - device: tap:leat0\n    address: [", more[8300];
	struct opt_line line;
	char *errors;
	size_t at = strlen(text);

	(void)state;
	for (uint32_t i = 2; i < 10; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s198.18.0.%u/24", i > 2 ? ", " : "", i);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "]\nlisten:\n");
	for (uint32_t i = 1; i < 17; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "  - {port: %u, body: 9, close: keep}\n", i);
	assert_true(load(&leat_opt_serve, text, NULL, &line, &errors));
	free(errors);
	snprintf(more, sizeof(more), "%s  - port: 17\n", text);
	assert_false(load(&leat_opt_serve, more, NULL, &line, &errors));
	assert_non_null(strstr(errors, "listen[16]: at most 16 of them"));
	free(errors);
}

static void of_one_option_given_often_the_last_holds(void **state)
{
	char text[2048] = HEAD "listen:\n", value[64][16];
	static const char *const want[] = {"--body=63", NULL};
	static const char *const absent[] = {"--body=62", "--body=0", NULL};
	const char *given[65] = {NULL};
	size_t at = strlen(text);

	(void)state;
	for (uint32_t i = 1; i < 17; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "  - port: %u\n", i);
	for (uint32_t i = 0; i < 64; i++) {
		snprintf(value[i], sizeof(value[i]), "--body=%u", i);
		given[i] = value[i];
	}
	says(&leat_opt_serve, text, given, want, absent);
}

static void an_option_that_is_refused_names_itself_and_no_line(void **state)
{
	static const char *const given[] = {"--gateway=198.19.0.1", NULL};
	struct opt_line line;
	char *errors;

	(void)state;
	assert_false(load(&leat_opt_serve, SERVER, given, &line, &errors));
	assert_non_null(strstr(errors, "--gateway: `198.19.0.1` is in the prefix of no"));
	free(errors);
}

static void of_a_wrong_file_nothing_is_started_and_of_one_that_runs_nothing_changed(void **state)
{
	struct opt_line line;
	char *errors;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		f.runs = i == 1;
		assert_false(
			load(&leat_opt_serve, HEAD "listen: [{port: 0}]\n", NULL, &line, &errors));
		if (!strstr(errors, i ? "1 error.  Nothing was changed.\n"
				      : "1 error.  Nothing was started.\n"))
			fail_msg("%s", errors);
		free(errors);
	}
	f.runs = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_of_serve_and_load_has_a_key),
		cmocka_unit_test(a_key_and_its_options_agree),
		cmocka_unit_test(what_a_file_says_reaches_leatd_as_options),
		cmocka_unit_test(variables_go_before_the_file_and_options_before_them),
		cmocka_unit_test(every_key_has_a_variable_of_its_own),
		cmocka_unit_test(each_kind_of_device_becomes_its_option),
		cmocka_unit_test(options_go_before_what_the_file_says),
		cmocka_unit_test(a_load_reaches_leatd_as_options),
		cmocka_unit_test(a_program_is_told_as_its_text),
		cmocka_unit_test(a_file_of_the_other_role_is_refused),
		cmocka_unit_test(the_largest_file_fits_a_line_and_one_more_is_refused),
		cmocka_unit_test(of_one_option_given_often_the_last_holds),
		cmocka_unit_test(an_option_that_is_refused_names_itself_and_no_line),
		cmocka_unit_test(
			of_a_wrong_file_nothing_is_started_and_of_one_that_runs_nothing_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
