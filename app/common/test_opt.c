/* SPDX-License-Identifier: BSD-3-Clause */

/* Every numeric option of every verb, given wrong: refused by name, value and range. */

#include "base_bits.h"
#include "base_time.h"
#include "opt_load.h"
#include "opt_serve.h"
#include "opt_try.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct opt_verb *const verbs[] = {
	&leat_opt_serve, &leat_opt_plan, &leat_opt_try, &leat_opt_load};

union options {
	struct serve_options serve;
	struct try_options try;
	struct load_options load;
};

/* refused parses `verb --row text` and says whether it is refused in a line that has both. */
static bool refused(const struct opt_verb *verb, const struct opt_row *row, const char *text)
{
	static union options o;
	char option[160], *err = NULL, name[16];
	size_t octets = 0;
	FILE *out = open_memstream(&err, &octets);

	assert_non_null(out);
	snprintf(name, sizeof(name), "%s", verb->name);
	snprintf(option, sizeof(option), "--%s=%s", row->name, text);
	char *argv[] = {name, option, NULL};
	enum opt_result result = leat_opt_parse(verb, 2, argv, &o, NULL, out);
	fclose(out);
	/* What is wrong with the rest (no device) is no refusal of this one. */
	bool named = strstr(err, row->name) != NULL && strstr(err, ": --") != NULL &&
		     (strstr(err, text) != NULL || *text == '\0');
	free(err);
	return result == OPT_RESULT_BAD && named;
}

static bool is_numeric(const struct opt_row *row)
{
	return row->kind == OPT_KIND_NUMBER || row->kind == OPT_KIND_OCTETS ||
	       row->kind == OPT_KIND_DURATION || row->kind == OPT_KIND_PERCENT;
}

/* The unit in which a whole number is the smallest step of the kind. */
static const char *smallest(const struct opt_row *row)
{
	return row->kind == OPT_KIND_DURATION ? "ns" : "";
}

static void wrong_numbers(const struct opt_verb *verb, const struct opt_row *row)
{
	static const char *const always[] = {"", "abc", "-1", "0x10", "1e3", "nan", "1,000", " 5",
		"99999999999999999999999", "18446744073709551616", "5 ", "1..5", "1furlong"};
	char text[64];

	for (uint32_t i = 0; i < COUNT_OF(always); i++)
		assert_true(refused(verb, row, always[i]));
	if (row->kind == OPT_KIND_PERCENT) {
		assert_true(refused(verb, row, "0.5"));
		assert_true(refused(verb, row, "101%"));
		return;
	}
	snprintf(text, sizeof(text), "%ju%s", (uintmax_t)row->to + 1, smallest(row));
	assert_true(refused(verb, row, text));
	if (row->from > 0) {
		snprintf(text, sizeof(text), "%ju%s", (uintmax_t)row->from - 1, smallest(row));
		assert_true(refused(verb, row, text));
	}
	/* A unit of another kind. */
	assert_true(refused(verb, row, row->kind == OPT_KIND_DURATION ? "64KiB" : "60s"));
	if (row->kind == OPT_KIND_DURATION)
		assert_true(refused(verb, row, "60"));
}

static void n217_a_number_out_of_range_or_none_is_refused_by_name_and_value(void **state)
{
	uint32_t cnt = 0;

	(void)state;
	for (uint32_t v = 0; v < COUNT_OF(verbs); v++) {
		for (uint32_t i = 0; i < verbs[v]->row_cnt; i++) {
			if (!is_numeric(&verbs[v]->row[i]))
				continue;
			wrong_numbers(verbs[v], &verbs[v]->row[i]);
			cnt++;
		}
	}
	assert_true(cnt > 15);
}

/* serve parses these arguments behind a device, an address and says how it went. */
static enum opt_result serve(const char *address, const char *option, char *why, size_t size)
{
	static union options o;
	char verb[] = "serve", device[] = "--tap=leat0", a[64], b[64];
	char *argv[] = {verb, device, a, b, NULL};
	FILE *out = fmemopen(why, size, "w");

	assert_non_null(out);
	snprintf(a, sizeof(a), "--address=%s", address);
	snprintf(b, sizeof(b), "%s", option);
	enum opt_result result = leat_opt_parse(&leat_opt_serve, 4, argv, &o, NULL, out);
	fclose(out);
	return result;
}

static void n218_an_mtu_that_no_packet_fits_or_ipv6_forbids_is_refused(void **state)
{
	static const char *const bad[] = {"--mtu=0", "--mtu=67", "--mtu=68", "--mtu=575",
		"--mtu=9001", "--mtu=65535", "--mtu=65536"};
	char why[512] = "";

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(serve("10.0.0.1/24", bad[i], why, sizeof(why)), OPT_RESULT_BAD);
		assert_non_null(strstr(why, "--mtu"));
		assert_non_null(strstr(why, "from 576 to 9,000"));
	}
	assert_int_equal(serve("2001:db8::1/64", "--mtu=1279", why, sizeof(why)), OPT_RESULT_BAD);
	assert_non_null(strstr(why, "1280"));
	assert_int_equal(serve("2001:db8::1/64", "--mtu=1280", why, sizeof(why)), OPT_RESULT_OK);
	assert_int_equal(serve("10.0.0.1/24", "--mtu=576", why, sizeof(why)), OPT_RESULT_OK);
}

static void n219_2msl_of_nothing_or_of_many_minutes_is_refused(void **state)
{
	static const char *const bad[] = {"--time-wait=0s", "--time-wait=0ms", "--time-wait=999us",
		"--time-wait=481s", "--time-wait=10min"};
	char why[512] = "";

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(serve("10.0.0.1/24", bad[i], why, sizeof(why)), OPT_RESULT_BAD);
		assert_non_null(strstr(why, "from 1ms to 8min"));
	}
	assert_int_equal(serve("10.0.0.1/24", "--time-wait=1s", why, sizeof(why)), OPT_RESULT_OK);
	assert_int_equal(serve("10.0.0.1/24", "--time-wait=480s", why, sizeof(why)), OPT_RESULT_OK);
}

static void n223_an_address_that_is_not_one_hosts_is_refused(void **state)
{
	static const char *const bad[] = {"0.0.0.0/24", "255.255.255.255/24", "224.0.0.1/24",
		"127.0.0.1/8", "10.0.0.255/24", "10.0.0.0/24", "ff02::1/64", "::/64", "::1/128"};
	char why[512] = "";

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(serve(bad[i], "--shards=1", why, sizeof(why)), OPT_RESULT_BAD);
		assert_non_null(strstr(why, "--address"));
	}
}

static void n224_a_second_listener_on_a_port_is_refused(void **state)
{
	static union options o;
	char why[512] = "";
	char args[5][32] = {"serve", "--tap=leat0", "--address=10.0.0.1/24", "--listen=80:http",
		"--listen=80:echo"};
	char *argv[] = {args[0], args[1], args[2], args[3], args[4], NULL};
	FILE *out = fmemopen(why, sizeof(why), "w");

	(void)state;
	assert_int_equal(leat_opt_parse(&leat_opt_serve, 5, argv, &o, NULL, out), OPT_RESULT_BAD);
	fclose(out);
	assert_non_null(strstr(why, "port 80 is listened on already"));
}

static const struct opt_row *row_of(const char *name)
{
	for (uint32_t i = 0; i < leat_opt_serve.row_cnt; i++)
		if (strcmp(leat_opt_serve.row[i].name, name) == 0)
			return &leat_opt_serve.row[i];
	fail();
	return NULL;
}

static void a_device_is_named_as_in_a_file_or_by_its_own_option(void **state)
{
	static const struct {
		const char *given, *tap, *vdev, *device;
	} of[] = {{"--device=tap:leat7", "leat7", NULL, NULL}, {"--tap=leat7", "leat7", NULL, NULL},
		{"--device=veth:veth1", NULL, "net_af_packet0,iface=veth1", NULL},
		{"--device=net_ring0", NULL, "net_ring0", NULL},
		{"--vdev=net_ring0", NULL, "net_ring0", NULL},
		{"--device=3b:00.0", NULL, NULL, "0000:3b:00.0"}};
	static struct serve_options o;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(of); i++) {
		char given[64], address[] = "--address=198.18.0.2/24", serve[] = "serve";
		char *argv[] = {serve, given, address, NULL};

		snprintf(given, sizeof(given), "%s", of[i].given);
		assert_int_equal(
			leat_opt_parse(&leat_opt_serve, 3, argv, &o, NULL, stderr), OPT_RESULT_OK);
		const char *const want[] = {of[i].tap, of[i].vdev, of[i].device};
		const char *const is[] = {o.tap, o.vdev, o.device};
		for (uint32_t k = 0; k < COUNT_OF(want); k++) {
			assert_int_equal(is[k] != NULL, want[k] != NULL);
			if (want[k] != NULL)
				assert_string_equal(is[k], want[k]);
		}
	}
}

static void cores_are_a_list_in_which_each_stands_once(void **state)
{
	static const char *const bad[] = {"", "a", "1,", ",1", "1,,2", "5-2", "1-", "-1", "1,1",
		"0-3,2", "1024", "0-64", "99999", "1 2"};
	static struct serve_options o;
	char why[256];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(leat_opt_read(row_of("lcores"), bad[i], &o, why, sizeof(why)));
	assert_true(leat_opt_read(row_of("lcores"), "7,2-4,0", &o, why, sizeof(why)));
	assert_int_equal(o.lcore_cnt, 5);
	const uint16_t want[] = {7, 2, 3, 4, 0};
	assert_memory_equal(o.lcore, want, sizeof(want));
	assert_true(leat_opt_read(row_of("lcores"), "0-63", &o, why, sizeof(why)));
	assert_int_equal(o.lcore_cnt, 64);
	assert_true(leat_opt_read(row_of("lcores"), "auto", &o, why, sizeof(why)));
	assert_int_equal(o.lcore_cnt, 0);
}

/* load parses one option behind a device, an address and a target; NULL: it is taken. */
static const char *load(const char *option, const char *more)
{
	static union options o;
	static char why[512];
	char args[7][96] = {"load", "--tap=leat0", "--address=10.0.0.1/24", "--address=fd00::1/64",
		"--target=10.0.0.2:80"};
	char *argv[] = {args[0], args[1], args[2], args[3], args[4], args[5], NULL, NULL};
	FILE *out = fmemopen(why, sizeof(why), "w");

	assert_non_null(out);
	snprintf(args[5], sizeof(args[5]), "%s", option);
	snprintf(args[6], sizeof(args[6]), "%s", more != NULL ? more : "");
	argv[6] = more != NULL ? args[6] : NULL;
	enum opt_result result =
		leat_opt_parse(&leat_opt_load, more != NULL ? 7 : 6, argv, &o, NULL, out);
	fclose(out);
	return result == OPT_RESULT_OK ? NULL : why;
}

static void defaults_stand_unless_a_rule_names_the_same(void **state)
{
	static const struct {
		const char *given;
		uint32_t rule_cnt;
	} row[] = {{"--half-close", 2}, {"--expect=rate >= 9/s", 3}, {"--expect=errors < 9", 2},
		{"--expect=achieved > 1%", 2}, {"--expect=refused < 9", 3}};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		static struct load_options o;
		char args[6][64] = {"load", "--tap=leat0", "--address=10.0.0.1/24",
			"--target=10.0.0.2:80", "--rate=1k"};
		char *argv[] = {args[0], args[1], args[2], args[3], args[4], args[5], NULL};

		snprintf(args[5], sizeof(args[5]), "%s", row[i].given);
		assert_int_equal(
			leat_opt_parse(&leat_opt_load, 6, argv, &o, NULL, stderr), OPT_RESULT_OK);
		assert_int_equal(o.rule_cnt, row[i].rule_cnt);
		assert_int_equal(o.serve.listen_cnt, 0);
	}
}

static void what_a_load_cannot_do_is_refused_in_a_sentence(void **state)
{
	static const struct {
		const char *option, *why;
	} row[] = {
		{"--concurrency=good.yaml", "is not a number; a file is --config good.yaml"},
		{"--concurrency=4G", "is out of range"},
		{"--target=10.0.0.9-10.0.0.3", "is no target"},
		{"--target=10.0.0.2:0", "ports are from 1 to 65535"},
		{"--target=10.0.0.2:80-79", "ports are from 1 to 65535"},
		{"--target=[fd00::2-fd00::ffff:2]:1-1000", "at most 16777216 pairs"},
		{"--target=@", "names no file"},
		{"--target=10.0.0.1", "--target: `10.0.0.1` is our own --address"},
		{"--target=10.0.0.250-10.0.0.255", "is the broadcast address of its network"},
		{"--target=10.0.0.0", "--target: `10.0.0.0` is the number of its network"},
		{"--sources=10.0.0.2-10.0.0.9", "`10.0.0.2` is one of our own --sources"},
		{"--sources=10.0.0.250-10.0.0.255", "--sources: `10.0.0.255` is the broadcast"},
		{"--program= ; ", "does nothing; connect-only?"},
		{"--late-max=0s", "is out of range: from 1ms"},
		{"--target=[fd00::2]80", "is no target"},
		{"--target=nginx:80", "is no target"},
		{"--sources=10.0.0.0/15", "is no range of up to 65,536"},
		{"--sources=10.0.0.9-10.0.0.3", "is no range of up to 65,536"},
		{"--sources=fd00::1-fd00::9", "--sources: IPv6, but a --target is not"},
		{"--sources=fd00::ffff:ffff:ffff:0/112", "--sources: IPv6, but a --target is not"},
		{"--source-ports=0-9", "is no range of ports"},
		{"--target=10.0.1.2", "--target: `10.0.1.2` is in the prefix of no --address"},
		{"--rate=fast", "is no rate"},
		{"--late-max=1s", "--late-max is of an open load"},
		{"--program=htp", "did you mean http?"},
		{"--program=send 5 expect 5", "1:8: `expect` after `send`"},
		{"--expect=errors", "does not compare"},
		{"--segment=3/2", "is no part of a whole"},
		{"--path=index.html", "is no path"},
		{"--think=5", "needs a unit"},
		{"--closes=nobody", "is not one of server, client, reset"},
		{"--impair-in=los=1%", "`los=1%`: did you mean loss=?"},
		{"--impair-in=delay", "`delay`: did you mean delay=?"},
		{"--impair-out=delay=5", "`5` needs a unit"},
		{"--impair-out=loss=60%", "is out of range"},
		{"--impair-out=loss=1%,", "there are loss, reorder, duplicate"},
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		const char *why = load(row[i].option, NULL);

		if (why == NULL || strstr(why, row[i].why) == NULL)
			fail_msg("%s: %s", row[i].option, why != NULL ? why : "taken");
	}
	static const char *const good[] = {"--target=[fd00::2]:80-83", "--target=10.0.0.3",
		"--target=10.0.0.2-10.0.0.5:80-83", "--sources=10.0.0.128/25",
		"--sources=10.0.0.3-10.0.0.9", "--program=send 5; expect 5",
		"--expect=connect_p99 < 5ms", "--segment=2/2", "--concurrency=64k", "--rate=200k",
		"--time-wait-max=16M", "--concurrency=0.5k", "--impair-in=delay=5ms",
		"--impair-out=loss=1%,reorder=2%,duplicate=1%,corrupt=1%,jitter=1ms", "--think=0s"};
	for (uint32_t i = 0; i < COUNT_OF(good); i++)
		assert_null(load(good[i], NULL));
}

/* What a program cannot use is an error, as whoever gave it means something by it. */
static void what_would_do_nothing_with_a_program_is_refused(void **state)
{
	static const struct {
		const char *program, *option, *why;
	} row[] = {
		{"http", "--think=exp:1ms-1s", "there is one; give --requests of 2 or more, or"},
		{"echo", "--think=1ms", "--think is between two requests of a connection, and"},
		{"discard", "--think=list:1ms*9,1s", "--think is between two requests"},
		{"connect-only", "--think=1ms", "--think is of http, echo and discard; leave it"},
		{"send 1", "--think=1ms", "a text says it itself, with loop and wait; leave it"},
		{"send 1", "--requests=2", "--requests is of http, echo and discard; a text"},
		{"connect-only", "--requests=2", "--requests is of http, echo and discard"},
		{"echo", "--path=/x", "--path is of http; leave it out, or --program"},
		{"discard", "--half-close", "--half-close is of http"},
		{"echo", "--request=@x", "--request: a file is for http; leave it out"},
		{"connect-only", "--request=9", "--request: this program says itself what it"},
		{"echo", "--closes=server", "--closes: a server of echo or discard does not"},
		{"discard", "--closes=server", "client or reset?"},
		{"discard", "--closes=reset", NULL},
		{"http", "--closes=server", NULL},
		{"send 1", "--closes=server", NULL},
		{"send 1", "--requests=1", NULL},
		{"echo", "--requests=2", NULL},
	};
	char program[96];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		snprintf(program, sizeof(program), "--program=%s", row[i].program);
		const char *why = load(program, row[i].option);

		if (row[i].why == NULL ? why != NULL
				       : why == NULL || strstr(why, row[i].why) == NULL)
			fail_msg("%s %s: %s", program, row[i].option, why != NULL ? why : "taken");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand_unless_a_rule_names_the_same),
		cmocka_unit_test(what_a_load_cannot_do_is_refused_in_a_sentence),
		cmocka_unit_test(what_would_do_nothing_with_a_program_is_refused),
		cmocka_unit_test(n217_a_number_out_of_range_or_none_is_refused_by_name_and_value),
		cmocka_unit_test(n218_an_mtu_that_no_packet_fits_or_ipv6_forbids_is_refused),
		cmocka_unit_test(n219_2msl_of_nothing_or_of_many_minutes_is_refused),
		cmocka_unit_test(n223_an_address_that_is_not_one_hosts_is_refused),
		cmocka_unit_test(n224_a_second_listener_on_a_port_is_refused),
		cmocka_unit_test(a_device_is_named_as_in_a_file_or_by_its_own_option),
		cmocka_unit_test(cores_are_a_list_in_which_each_stands_once),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
