/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_filter.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"
#include "tcp_state.h"
#include "test_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NOW (1000 * TIME_S)

static struct leat_addr addr4(uint8_t c, uint8_t d, uint16_t port)
{
	return (struct leat_addr){.family = 4, .octet = {198, 18, c, d}, .port = port};
}

/* A connection in TIME-WAIT for 58 s, of a client, opened 70 s ago. */
static struct leat_info waiting(void)
{
	return (struct leat_info){.state = leat_tcp_state_name(TCP_ST_TIME_WAIT),
		.local = addr4(0, 2, 80),
		.remote = addr4(7, 9, 40211),
		.opened_at = NOW - 70 * TIME_S,
		.last_ack_at = NOW - 58 * TIME_S,
		.timer = {{"2msl", NOW + 2 * TIME_S}},
		.snd_una = 100,
		.snd_nxt = 100,
		.rtx_cnt = 1,
		.passive = true};
}

static bool is_meant(const char *text, const struct leat_info *info)
{
	struct watch_filter f;
	struct watch_error err;
	const struct stack_brief brief = test_watch_brief(info);
	const struct watch_conn c = {&brief, NULL, 3, NOW};

	if (!leat_watch_filter_parse(&f, text, &err))
		fail_msg("%s: at %u: %s", text, err.at, err.why);
	return leat_watch_filter_match(&f, &c);
}

static void each_word_is_compared_with_what_it_names(void **state)
{
	static const struct {
		const char *yes, *no;
	} pair[] = {
		{"src 198.18.0.2", "src 198.18.0.3"},
		{"src 198.18.0.2:80", "src 198.18.0.2:81"},
		{"src :80", "src :40211"},
		{"src = :80", "dst = :80"},
		{"src *", "src *:81"},
		{"dst 198.18.0.0/16", "dst 198.19.0.0/16"},
		{"dst 198.18.7.9:40211", "dst 198.18.0.2:80"},
		{"dst 0.0.0.0/0", "dst ::/0"},
		{"sport = 80", "sport != 80"},
		{"sport = :80", "sport ne :80"},
		{"sport<81", "sport<80"},
		{"sport le 80", "sport gt 80"},
		{"dport >= :40211", "dport > :40211"},
		{"shard = 3", "shard = 2"},
		{"rtx >= 1", "rtx >= 2"},
		{"recv-q = 0", "recv-q > 0"},
		{"send-q = 0", "send-q >= 1KiB"},
		{"left <= 2s", "left < 2s"},
		{"age = 70s", "age < 70s"},
		{"idle > 57s", "idle > 58s"},
		{"timer 2msl", "timer rto"},
		{"role server", "role client"},
		{"state time-wait", "state established"},
		{"state TIME-WAIT", "state SYN-RECV"},
		{"state Time-Wait", "state ESTAB"},
		{"exclude estab", "exclude TIME-WAIT"},
		{"state listen state time-wait", "state LISTEN"},
		{"state bucket", "state big"},
		{"state syn-recv or state time-wait", "state syn-recv or state established"},
		{"state listen || state syn-sent | state time-wait", "state listen | state closed"},
		{"state connected", "exclude connected"},
		{"state established state time-wait", "state all exclude time-wait"},
		{"exclude established", "exclude synchronized"},
		{"not sport = 81", "! sport = 80"},
		{"sport = 80 dport = 40211", "sport = 80 dport = 40212"},
		{"sport = 1 or dport = 40211", "sport = 1 or dport = 1"},
		{"sport = 1 and dport = 1 or rtx = 1", "sport = 1 and (dport = 1 or rtx = 1)"},
		{"(((sport = 80)))", "not (not (not sport = 80))"},
		{"state time-wait ( dport = :22 or sport = :80 )",
			"state time-wait and ( dport = :22 | sport = :22 )"},
		{"", "state closed"},
	};
	const struct leat_info info = waiting();

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(pair); i++) {
		if (!is_meant(pair[i].yes, &info))
			fail_msg("%s does not mean it", pair[i].yes);
		if (is_meant(pair[i].no, &info))
			fail_msg("%s means it", pair[i].no);
	}
}

static void what_a_connection_does_not_have_compares_with_nothing(void **state)
{
	struct leat_info info = waiting();

	(void)state;
	info.timer[0].name = NULL;
	info.opened_at = info.last_ack_at = 0;
	assert_false(is_meant("left < 1h", &info));
	assert_false(is_meant("left >= 0ns", &info));
	assert_false(is_meant("age >= 0ns", &info));
	assert_false(is_meant("idle >= 0ns", &info));
	assert_false(is_meant("timer 2msl", &info));
	assert_true(is_meant("not left < 1h", &info));
}

static void an_address_of_ipv6_may_have_a_port_in_brackets(void **state)
{
	struct leat_info info = waiting();

	(void)state;
	info.local = (struct leat_addr){.family = 6, .port = 80};
	info.local.octet[0] = 0x20;
	info.local.octet[1] = 0x01;
	info.local.octet[15] = 1;
	assert_true(is_meant("src 2001::1", &info));
	assert_true(is_meant("src [2001::1]:80", &info));
	assert_true(is_meant("src 2000::/15", &info));
	assert_false(is_meant("src [2001::1]:81", &info));
	assert_false(is_meant("src [2001::2]", &info));
	assert_false(is_meant("src 0.0.0.0/0", &info));
}

static void listeners_and_closed_ones_are_meant_only_when_they_are_named(void **state)
{
	struct leat_info info = waiting();

	(void)state;
	info.state = leat_tcp_state_name(TCP_ST_LISTEN);
	info.remote = (struct leat_addr){0};
	assert_false(is_meant("", &info));
	assert_true(is_meant("state listening", &info));
	assert_true(is_meant("state all", &info));
	assert_false(is_meant("state all dst 0.0.0.0/0", &info)); /* it has no peer */
	info.state = leat_tcp_state_name(TCP_ST_CLOSED);
	assert_false(is_meant("", &info));
	assert_true(is_meant("state closed", &info));
}

static void a_message_points_to_the_word_and_says_what_to_type(void **state)
{
	static const struct {
		const char *text;
		uint32_t at;
		const char *part;
	} bad[] = {
		{"stat time-wait", 0, "did you mean `state`?"},
		{"state time-weit", 6, "did you mean `time-wait`?"},
		{"state", 5, "here the text ends, and state is missing"},
		{"timer 2ms", 6, "did you mean `2msl`?"},
		{"role", 4, "one of client, server"},
		{"sort lefd", 5, "did you mean `left`?"},
		{"limit 0", 6, "limit all"},
		{"left < 2", 7, "needs a unit"},
		{"left 2s", 5, "one of <, <="},
		{"sport = 65536", 8, "out of range"},
		{"src 198.18.0.2/33", 4, "out of range"},
		{"src 198.18.0", 4, "this is no address"},
		{"src 198.18.0.2:http", 4, "is not a number; for example 80"},
		{"sport > http", 8, "`http` is not a number; for example 80"},
		{"rtx > some", 6, "for example 3"},
		{"recv-q > some", 9, "for example 64KiB"},
		{"left > some", 7, "for example 5s"},
		{"src 1.2.3.4/x", 4, "for example 24"},
		{"all", 0, "did you mean `state all`?"},
		{"TIME-WAIT", 0, "did you mean `state time-wait`?"},
		{"src", 3, "an address is missing"},
		{"( sport = 80", 12, "a `)` is missing here"},
		{"sport = 80 )", 11, "there is no `(` for this"},
		{"state time-wait or sport = 80", 19, "another `state`"},
		{"exclude time-wait or state listen", 21, "another `state`"},
		{"state time-wait or", 18, "another `state`"},
		{"not state time-wait", 4, "outside of"},
		{"sport = 80 or state time-wait", 14, "outside of"},
		{"( sport = 80 limit 3 )", 13, "outside of"},
		{"sport = 80 or", 13, "here the text ends"},
	};
	struct watch_filter f;
	struct watch_error err;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		if (leat_watch_filter_parse(&f, bad[i].text, &err))
			fail_msg("%s was taken", bad[i].text);
		if (err.at != bad[i].at || strstr(err.why, bad[i].part) == NULL)
			fail_msg("%s: at %u: %s", bad[i].text, err.at, err.why);
	}
}

static void a_text_that_is_too_long_or_too_deep_is_refused(void **state)
{
	char text[4096];
	struct watch_filter f;
	struct watch_error err;

	(void)state;
	memset(text, '(', 2000);
	text[2000] = '\0';
	assert_false(leat_watch_filter_parse(&f, text, &err));
	assert_non_null(strstr(err.why, "too deep"));
	for (uint32_t i = 0; i < 200; i++)
		memcpy(text + 4 * i, "not ", 5);
	assert_false(leat_watch_filter_parse(&f, text, &err));
	for (uint32_t i = 0; i < 100; i++)
		memcpy(text + 8 * i, "rtx = 1 ", 9);
	assert_false(leat_watch_filter_parse(&f, text, &err));
	assert_non_null(strstr(err.why, "more than a filter can hold"));
}

static void rows_stand_in_the_order_that_is_asked_for(void **state)
{
	const struct leat_info info = waiting();
	struct stack_brief soon = test_watch_brief(&info), late = soon, never = soon;
	const struct watch_conn a = {&soon, NULL, 0, NOW}, b = {&late, NULL, 0, NOW},
				c = {&never, NULL, 0, NOW};
	struct watch_filter f;
	struct watch_error err;

	(void)state;
	late.timer.at += TIME_S;
	never.timer.name = NULL;
	assert_true(leat_watch_filter_parse(&f, "sort left limit 2", &err));
	assert_true(f.limit == 2);
	assert_true(leat_watch_before(&f, &a, &b));
	assert_false(leat_watch_before(&f, &b, &a));
	assert_true(leat_watch_before(&f, &b, &c));
	assert_false(leat_watch_before(&f, &c, &a));
	assert_true(leat_watch_filter_parse(&f, "sort left desc limit all", &err));
	assert_true(f.limit == UINT64_MAX);
	assert_true(leat_watch_before(&f, &b, &a));
	assert_true(leat_watch_before(&f, &a, &c)); /* those without are last all the same */
}

static void a_filter_that_names_all_of_a_tuple_is_known(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} of[] = {
		{"src 198.18.0.2:80 dst 198.18.7.9:40211", true},
		{"src 198.18.0.2 sport = 80 and dst 198.18.7.9 dport eq :40211", true},
		{"state time-wait src 198.18.0.2:80 dst 198.18.7.9:40211 rtx > 3", true},
		{"src [2001:db8::1]:80 dst [2001:db8::2]:40211", true},
		{"src 198.18.0.2:80 dst 198.18.7.9", false},
		{"src 198.18.0.2:80 dst 198.18.7.0/24 dport = 40211", false},
		{"src 198.18.0.2:80 dst 198.18.7.9 dport >= 40211", false},
		{"src 198.18.0.2:80 or dst 198.18.7.9:40211", false},
		{"not ( src 198.18.0.2:80 dst 198.18.7.9:40211 )", false},
		{"state all src 198.18.0.2:80 dst 198.18.7.9:40211", false},
		{"", false},
	};
	struct watch_filter f;
	struct watch_error err;
	struct tuple t;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(of); i++) {
		assert_true(leat_watch_filter_parse(&f, of[i].text, &err));
		if (leat_watch_filter_tuple(&f, &t) != of[i].is)
			fail_msg("%s", of[i].text);
		if (of[i].is)
			assert_true(t.lport == 80 && t.rport == 40211 && !ip_is_any(t.local));
	}
}

#define TEXT_MAX 1024

/* Adds a random expression to text; true: rtx meets it. */
static bool grow(struct prng *g, char *text, uint32_t depth, uint32_t rtx)
{
	static const char *const sign[] = {"<", "<=", "=", "!=", ">=", ">"};
	static const char *const joint[] = {")|| (", ") or (", ") and (", ")(", ") & ("};
	char part[32];

	if (depth == 0 || leat_prng_below(g, 4) == 0) {
		uint32_t op = leat_prng_below(g, COUNT_OF(sign)), with = leat_prng_below(g, 8);

		snprintf(part, sizeof(part), "rtx %s %u", sign[op], with);
		strcat(text, part);
		return (op == 0 && rtx < with) || (op == 1 && rtx <= with) ||
		       (op == 2 && rtx == with) || (op == 3 && rtx != with) ||
		       (op == 4 && rtx >= with) || (op == 5 && rtx > with);
	}
	if (leat_prng_below(g, 4) == 0) {
		strcat(text, "not (");
		bool x = grow(g, text, depth - 1, rtx);
		strcat(text, ")");
		return !x;
	}
	uint32_t with = leat_prng_below(g, COUNT_OF(joint));
	strcat(text, "(");
	bool x = grow(g, text, depth - 1, rtx);
	strcat(text, joint[with]);
	bool y = grow(g, text, depth - 1, rtx);
	strcat(text, ")");
	return with < 2 ? x || y : x && y;
}

static void an_expression_is_what_its_parts_make_it(void **state)
{
	struct prng g;
	struct leat_info info = waiting();
	uint32_t yes = 0;

	(void)state;
	leat_prng_seed(&g, 7);
	for (uint32_t i = 0; i < 20000; i++) {
		char text[TEXT_MAX] = "";

		info.rtx_cnt = leat_prng_below(&g, 8);
		bool is = grow(&g, text, 3, info.rtx_cnt);
		if (is_meant(text, &info) != is)
			fail_msg("seed 7, %u: %s of %u", i, text, info.rtx_cnt);
		yes += is;
	}
	assert_in_range(yes, 4000, 16000);
}

/* Whatever stands there, it is read to its end or refused at a place in it. */
static void no_text_is_too_odd(void **state)
{
	static const char *const word[] = {"state", "time-wait", "src", "1.2.3.4", "(", ")", "or",
		"and", "not", "!", "<", ">=", "80", ":80", "[::1]:80", "left", "2s", "sort",
		"limit", "", "[", "/", "*", "timer", "rtx", "\xff"};
	struct prng g;
	const struct leat_info info = waiting();
	const struct stack_brief brief = test_watch_brief(&info);
	const struct watch_conn c = {&brief, NULL, 0, NOW};

	(void)state;
	leat_prng_seed(&g, 8);
	for (uint32_t i = 0; i < 50000; i++) {
		char text[256] = "";
		struct watch_filter f;
		struct watch_error err;

		for (uint32_t n = leat_prng_below(&g, 12); n > 0; n--) {
			strcat(text, word[leat_prng_below(&g, COUNT_OF(word))]);
			if (leat_prng_below(&g, 4))
				strcat(text, " ");
		}
		if (leat_watch_filter_parse(&f, text, &err))
			leat_watch_filter_match(&f, &c);
		else if (err.at > strlen(text) || err.why[0] == '\0')
			fail_msg("seed 8, %u: `%s`: at %u: `%s`", i, text, err.at, err.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_is_compared_with_what_it_names),
		cmocka_unit_test(what_a_connection_does_not_have_compares_with_nothing),
		cmocka_unit_test(an_address_of_ipv6_may_have_a_port_in_brackets),
		cmocka_unit_test(listeners_and_closed_ones_are_meant_only_when_they_are_named),
		cmocka_unit_test(a_message_points_to_the_word_and_says_what_to_type),
		cmocka_unit_test(a_text_that_is_too_long_or_too_deep_is_refused),
		cmocka_unit_test(rows_stand_in_the_order_that_is_asked_for),
		cmocka_unit_test(a_filter_that_names_all_of_a_tuple_is_known),
		cmocka_unit_test(an_expression_is_what_its_parts_make_it),
		cmocka_unit_test(no_text_is_too_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
