/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "load_expect.h"
#include "load_text.h"
#include "tcp_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct load_second second[4];

/* a_run is one that shows no trouble: 1,000 connections in 2 s, 10 us to 10 ms. */
static void a_run(struct load_result *r)
{
	leat_load_result_init(r, second, COUNT_OF(second));
	r->intent = (struct load_intent){.model = LOAD_MODEL_OPEN,
		.rate_milli = 500000,
		.duration_ns = 2 * TIME_S,
		.total = 1000,
		.concurrency = 64,
		.time_wait_ns = 60 * TIME_S,
		.rest_ns = 60 * TIME_S,
		.tuples = 64512,
		.tuples_needed = 1000,
		.rate_milli_max = 1075200,
		.program = "http",
		.close = "client",
		.seed = 7};
	r->where = (struct load_where){.leat = "0",
		.dpdk = "0",
		.nic = "net_\"x\"\\\n",
		.device = "net_x0",
		.name = "lab",
		.node = "gen-1",
		.shard_cnt = 2,
		.segment = 1,
		.segment_cnt = 1};
	r->start_unix_ns = r->planned_start_unix_ns = UINT64_C(1795253400123456789);
	r->ran_ns = 2 * TIME_S;
	r->balanced = true;
	r->counters = (struct load_counters){.planned = 1000,
		.started = 1000,
		.steady = 1000,
		.connected = 1000,
		.completed = 1000,
		.responses = 1000};
	r->steady_started = r->steady_completed = 1000;
	r->steady_ns = 2 * TIME_S;
	r->limits.buffers_low_millionths = 900000;
	r->tcp = (struct load_tcp){
		.again = {[AGAIN_SYN] = 1900, [AGAIN_DATA] = 22, [AGAIN_FIN] = 3}, .rto_fired = 20};
	r->held_min = 48;
	r->held_max = 64;
	r->held_looks = 200;
	for (uint32_t i = 1; i <= 1000; i++)
		for (uint32_t h = 0; h < LOAD_HIST_CNT; h++)
			hist_record(&r->hist[h], h == LOAD_HIST_LATE ? i : 10 * i * TIME_US);
	r->second_cnt = 2;
	second[0] = (struct load_second){.at_ns = TIME_S, .planned = 500, .started = 500};
	second[1] = (struct load_second){.at_ns = 2 * TIME_S, .planned = 500, .started = 500};
}

static struct load_rule rule_of(const char *text)
{
	char why[160] = "";
	struct load_rule rule;

	leat_load_rule_parse(&rule, text, why, sizeof(why));
	assert_string_equal(why, "");
	return rule;
}

static enum load_verdict judge(struct load_result *r, const char *text)
{
	struct load_rule rule = rule_of(text);

	leat_load_judge(r, &rule, 1);
	return r->verdict;
}

static void rules_compare_what_they_name(void **state)
{
	static const struct {
		const char *rule;
		bool holds;
	} row[] = {
		{"errors == 0", true},
		{"errors<1", true},
		{"errors > 0", false},
		{"not_started <= 0", true},
		{"achieved >= 99%", true},
		{"achieved > 100%", false},
		{"rate >= 499/s", true},
		{"rate > 0.5k/s", false},
		{"refused == 0", true},
		{"connect_p50 < 5.1ms", true},
		{"connect_p50 > 4.9ms", true},
		{"connect_p99 < 9ms", false},
		{"first_byte_max <= 10ms", true},
		{"whole_min == 10us", true},
		{"late_p99_99 < 2us", true},
		{"response_p99_9 >= 9.9ms", true},
	};
	static struct load_result r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		a_run(&r);
		enum load_verdict verdict = judge(&r, row[i].rule);

		if (r.expect[0].ok != row[i].holds)
			fail_msg("%s: value %g", row[i].rule, r.expect[0].value);
		assert_int_equal(verdict, row[i].holds ? LOAD_VERDICT_PASS : LOAD_VERDICT_FAIL);
		assert_string_equal(r.why, "");
	}
}

static void what_is_no_rule_is_refused_with_what_would_do(void **state)
{
	static const struct {
		const char *text, *why;
	} row[] = {
		{"conect_p99 < 5ms", "`conect_p99` is no metric; did you mean connect_p99?"},
		{"connect_p77 < 5ms", "`connect_p77` is no metric; did you mean connect_p99?"},
		{"errors", "`errors` does not compare: one of < <= == >= > behind errors"},
		{"errors =< 3",
			"`errors =< 3` does not compare: one of < <= == >= > behind errors"},
		{"errors < many", "`many` is not a number; for example 0"},
		{"connect_p99 < 500", "`500` needs a unit: 500s?"},
		{"achieved >= 0.99", "`0.99` needs a unit: 0.99%?"},
		{"rate > fast", "`fast` is no rate: 1000/s, 200k/s or 1.5M/s?"},
		{"", "`` is no metric; there are achieved, rate, errors, connect_p99 and more"},
	};
	struct load_rule rule;
	char why[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		assert_false(leat_load_rule_parse(&rule, row[i].text, why, sizeof(why)));
		assert_string_equal(why, row[i].why);
	}
}

static void a_generator_at_its_limit_never_passes(void **state)
{
	static struct load_result r;

	(void)state;
	for (uint32_t i = 0; i < 15; i++) {
		static const char *const word[] = {"net_x0, the generator's device, is gone",
			"link of net_x0, the generator's device, was down 2 times, for 3 s",
			"began 20 ms after", "shard 1", "missed", "no packet buffer", "ran down",
			"late: 2 ms", "pair of address", "--concurrency", "no room", "not begun",
			"place in the generator's TIME-WAIT", "stopped", "add up"};
		static const uint8_t skip[] = {LOAD_SKIP_NO_PORT, LOAD_SKIP_LIMIT,
			LOAD_SKIP_NO_ROOM, LOAD_SKIP_LATE, LOAD_SKIP_WAITING};

		a_run(&r);
		r.limits.port_gone = i == 0;
		switch (i) {
		case 0:
			break;
		case 1:
			r.limits.link_down_cnt = 2;
			r.limits.link_down_ns = 3 * TIME_S;
			break;
		case 2:
			r.limits.start_late_ns = 20 * TIME_MS;
			break;
		case 3:
			r.limits.busiest_shard = 1;
			r.limits.busiest_millionths = LOAD_BUSY_MAX + 1;
			break;
		case 4:
			r.limits.nic_missed = 1;
			break;
		case 5:
			r.limits.nic_no_buf = 1;
			break;
		case 6:
			r.limits.buffers_low_millionths = LOAD_BUFFERS_MIN - 1;
			break;
		case 7:
			r.limits.late_p99_ns = 2 * TIME_MS;
			break;
		default:
			if (i < 8 + COUNT_OF(skip))
				r.counters.not_started[skip[i - 8]] = 1;
			r.partial = i == 13;
			r.balanced = i != 14;
		}
		assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
		assert_int_equal(leat_load_verdict_exit(r.verdict), 98);
		assert_non_null(strstr(r.why, word[i]));
		/* What may be its own fault proves nothing. */
		r.counters.failed[LOAD_FAIL_RESPONSE_TIMEOUT] = 5;
		assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
		/* What only the peer can do proves it all the same. */
		r.counters.failed[LOAD_FAIL_OCTETS] = 1;
		assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_FAIL);
		assert_int_equal(leat_load_verdict_exit(r.verdict), 99);
	}
}

static void a_limit_that_is_not_passed_is_none(void **state)
{
	static struct load_result r;

	(void)state;
	a_run(&r);
	r.limits = (struct load_limits){.busiest_millionths = LOAD_BUSY_MAX,
		.buffers_low_millionths = LOAD_BUFFERS_MIN,
		.late_p99_ns = LOAD_LATE_MAX_NS};
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS);
	assert_int_equal(leat_load_verdict_exit(r.verdict), 0);
	r.limits.late_p99_ns = 5 * TIME_MS;
	r.intent.model = LOAD_MODEL_CLOSED; /* there nothing is planned to be late for */
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS);
}

static void starts_that_waited_for_time_wait_or_a_pair_are_not_called_late(void **state)
{
	static struct load_result r;

	(void)state;
	a_run(&r);
	r.counters.no_place = 1;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS); /* it did not show */
	r.limits.late_p99_ns = 675 * TIME_MS;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_string_equal(r.why, "starts waited for a place in the generator's TIME-WAIT, 675 ms "
				   "at p99; more --time-wait-max, or a shorter --time-wait?");
	r.counters.not_started[LOAD_SKIP_LATE] = 3; /* behind those that waited */
	judge(&r, "errors == 0");
	assert_non_null(strstr(r.why, "TIME-WAIT"));
	r.counters.no_port = 1;
	judge(&r, "errors == 0");
	assert_string_equal(r.why, "starts waited for a pair of address and port (those in flight "
				   "have most), 675 ms at p99; more --sources?");
	r.tcp.time_wait_peak = 64;
	judge(&r, "errors == 0");
	assert_non_null(strstr(r.why, "(TIME-WAIT has most)"));
}

static void the_why_line_names_one_reason(void **state)
{
	static struct load_result r;
	struct load_second s = {.planned = 1000, .started = 995};
	char text[LOAD_TEXT_MAX];

	(void)state;
	a_run(&r);
	assert_null(leat_load_why(&r, &s, text, sizeof(text)));
	s.started = 900;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "comes late"));
	s.in_flight = 64;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "peer is slow"));
	r.counters.no_place = r.counters.not_started[LOAD_SKIP_WAITING] = 1;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "TIME-WAIT of the"));
	r.counters.no_port = r.counters.not_started[LOAD_SKIP_NO_PORT] = 1;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "tuples exhausted"));
	s.busy_millionths = 990000;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "shard saturated"));
}

/* At 50/s one is due just at the edge of each second. */
static void one_that_is_due_at_the_edge_of_a_second_is_not_late(void **state)
{
	static const struct {
		uint64_t planned, before, gone; /* of the second before, which planned 50 */
		bool late;
	} row[] = {
		{50, 50, 0, false},                   /* 49 of 50 */
		{51, 51, 0, false},                   /* 49 of 51: one of them was begun before */
		{51, 50, 0, true}, {50, 49, 0, true}, /* the second time */
		{50, 49, 1, false}, {50, 20, 80, false},
		{60, 20, 80, true}, /* what was given up before is no credit */
	};
	static struct load_result r;
	char text[LOAD_TEXT_MAX];

	(void)state;
	a_run(&r);
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		second[0] = (struct load_second){
			.planned = 50, .started = row[i].before, .not_started = row[i].gone};
		second[1] = (struct load_second){.planned = row[i].planned, .started = 49};
		const char *why = leat_load_why(&r, &second[1], text, sizeof(text));
		if ((why != NULL) != row[i].late)
			fail_msg("row %u: %s", i, why != NULL ? why : "nothing");
	}
	/* The first second has none before it; one that was given up is not on time. */
	r.second_cnt = 1;
	second[0] = (struct load_second){.planned = 1};
	assert_null(leat_load_why(&r, &second[0], text, sizeof(text)));
	second[0].not_started = 1;
	assert_non_null(leat_load_why(&r, &second[0], text, sizeof(text)));
}

static void a_second_in_which_the_run_was_stopped_has_no_reason(void **state)
{
	static struct load_result r;
	struct load_second s = {.planned = 6, .started = 5, .not_started = 1};
	char text[LOAD_TEXT_MAX];

	(void)state;
	a_run(&r);
	assert_non_null(leat_load_why(&r, &s, text, sizeof(text)));
	r.partial = true;
	assert_null(leat_load_why(&r, &s, text, sizeof(text)));
	r.intent.model = LOAD_MODEL_CLOSED;
	r.counters.no_port = 1;
	s.at_ns = TIME_S;
	assert_null(leat_load_why(&r, &s, text, sizeof(text)));
	r.partial = false;
	assert_non_null(leat_load_why(&r, &s, text, sizeof(text)));
}

static void who_has_the_tuples_is_said(void **state)
{
	static struct load_result r;
	struct load_second s = {.planned = 1000, .started = 900, .in_flight = 50};
	char text[LOAD_TEXT_MAX];

	(void)state;
	a_run(&r);
	/* In the first short second they are put off, and none is given up yet. */
	r.counters.no_port = 1;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "those in flight"));
	s.present[TCP_ST_TIME_WAIT] = 60;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "TIME-WAIT has"));
	r.counters.not_started[LOAD_SKIP_NO_PORT] = 1;
	r.tcp.time_wait_peak = 63;
	r.held_max = 64;
	assert_non_null(strstr(leat_load_limit_text(&r, text, sizeof(text)), "those in flight"));
	r.tcp.time_wait_peak = 64;
	assert_non_null(strstr(leat_load_limit_text(&r, text, sizeof(text)), "TIME-WAIT has"));
}

static void nothing_completed_is_no_pass(void **state)
{
	static struct load_result r;

	(void)state;
	a_run(&r);
	r.counters.failed[LOAD_FAIL_REFUSED] = r.counters.started;
	r.counters.completed = r.steady_completed = 0;
	assert_int_equal(judge(&r, "connect_p99 < 1s"), LOAD_VERDICT_FAIL);
	assert_string_equal(r.why, "no connection was completed");
	/* The rate is of those completed, whatever was begun. */
	assert_int_equal(judge(&r, "rate >= 1/s"), LOAD_VERDICT_FAIL);
	assert_int_equal(leat_load_result_rate_milli(&r), 0);
	/* What the end of the run stopped is no failure, and proves nothing. */
	r.counters = (struct load_counters){.started = 3, .stopped = 3};
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "no connection was completed before the plan ended"));
	assert_int_equal(judge(&r, "achieved >= 99%"), LOAD_VERDICT_FAIL);
	/* With one that failed it is the peer that completed none. */
	r.counters.failed[LOAD_FAIL_RESPONSE_TIMEOUT] = 1;
	r.counters.started++;
	assert_int_equal(judge(&r, "connect_p99 < 1s"), LOAD_VERDICT_FAIL);
	/* One that was completed is enough. */
	r.counters = (struct load_counters){.started = 3, .stopped = 2, .completed = 1};
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS);
}

static void a_live_line_is_of_a_second_however_long_it_was(void **state)
{
	static struct load_result r;
	char *text = NULL;
	size_t octets = 0;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	a_run(&r);
	second[1].at_ns = 5 * TIME_S;
	second[1].failed = 2;
	leat_load_print_second(&r, &second[1], NULL, out);
	second[1].not_started = 7;
	leat_load_print_second(&r, &second[1], NULL, out);
	fclose(out);
	assert_non_null(strstr(text, "    5 s         125 conn/s begun"));
	assert_non_null(strstr(text, "failed 2\n"));
	assert_non_null(strstr(text, "failed 2   not started 7\n"));
	free(text);
}

static void a_closed_load_without_ports_does_not_pass(void **state)
{
	static struct load_result r;
	struct load_second s = {.started = 900, .in_flight = 64};
	char text[LOAD_TEXT_MAX];

	(void)state;
	a_run(&r);
	r.intent.model = LOAD_MODEL_CLOSED;
	r.intent.concurrency = 64;
	r.intent.ramp_ns = 0;
	r.intent.duration_ns = 10 * TIME_S;
	s.at_ns = 3 * TIME_S;
	r.held_looks = 200;
	r.held_min = r.held_max = 64;
	/* Connects that were put off, and not for so long that it showed, are no limit. */
	r.counters.no_port = 3;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS);
	assert_null(leat_load_why(&r, &s, text, sizeof(text)));
	r.held_min = s.in_flight = 63;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "63 of 64 were in flight at times: the next waited"));
	assert_non_null(strstr(r.why, "(those in flight have most)"));
	r.tcp.time_wait_peak = 64;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "(TIME-WAIT has most)"));
	r.tcp.time_wait_peak = 0;
	/* It never came to as many, and was not to end before. */
	r.held_looks = r.held_min = r.held_max = 0;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "fewer than all of 64 were in flight: the next waited"));
	r.intent.total = 63;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS);
	r.intent.tuples = 999; /* it was begun --anyway */
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "begun --anyway: 1,000 pairs of address and port were"));
	r.intent.tuples = 64512;
	r.intent.total = 0;
	r.held_looks = 200;
	r.held_min = r.held_max = 63;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "tuples exhausted"));
	s.at_ns = 10 * TIME_S;
	assert_null(leat_load_why(&r, &s, text, sizeof(text)));
	r.counters.no_port = 0;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_PASS);
	r.counters.no_room = 1;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "no room"));
	r.counters.no_place = 1;
	assert_int_equal(judge(&r, "errors == 0"), LOAD_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(r.why, "the next waited for a place in the generator's TIME-WAIT"));
	s.at_ns = 3 * TIME_S;
	assert_non_null(strstr(leat_load_why(&r, &s, text, sizeof(text)), "TIME-WAIT of the"));
}

static void rates_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t milli;
	} row[] = {{"1", 1000}, {"1000/s", 1000000}, {"200k/s", 200000000}, {"1.5M/s", 1500000000},
		{"0.5/s", 500}, {"0.001", 1}, {"1G/s", LOAD_RATE_MILLI_MAX},
		{"1G", LOAD_RATE_MILLI_MAX}, {"0", 0}, {"", 0}, {"2G/s", 0}, {"-1", 0}, {"1K", 0},
		{"10 k", 0}, {"0.0001", 0}, {".5", 0}, {"99999999999999999999", 0}};
	char why[160];
	uint64_t milli;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		bool good = leat_load_rate_parse(row[i].text, &milli, why, sizeof(why));

		assert_int_equal(good, row[i].milli != 0);
		if (good)
			assert_int_equal(milli, row[i].milli);
	}
}

static void the_report_says_what_was_planned_and_what_was_achieved(void **state)
{
	static struct load_result r;
	static const char *const line[] = {
		"  connections          1,000           1,000     100 %\n",
		"  rate                500 /s          500 /s     min 500, max 500 begun in "
		"any second\n",
		"  not started              -               0\n",
		"  in flight               64           48-64     at 200 looks, one each 10 ms\n",
		"    connect   (SYN to ESTABLISHED)      10 us  5.01 ms  9.04 ms  9.96 ms  "
		"  10 ms    10 ms    10 ms\n",
		"  retransmitted     1,925: SYN 1,900, data 22, FIN 3; timeouts 20  ",
		"it was not the limit\n",
		"  expectations      connect_p99 < 20ms       ok    9.96 ms\n",
		"  verdict  PASS\n",
	};
	char *text = NULL;
	size_t octets = 0;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	a_run(&r);
	r.second_min = r.second_max = 500;
	judge(&r, "connect_p99 < 20ms");
	leat_load_print_report(&r, out);
	r.intent.model = LOAD_MODEL_CLOSED;
	leat_load_print_report(&r, out);
	fclose(out);
	for (size_t i = 0; i < COUNT_OF(line); i++) {
		if (strstr(text, line[i]) == NULL)
			fail_msg("no line\n%sin\n%s", line[i], text);
	}
	free(text);
}

static void json_keeps_every_character_and_one_line_has_a_program(void **state)
{
	static struct load_result r;
	char *text = NULL;
	size_t octets = 0;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	a_run(&r);
	r.intent.program = "send 1 # \"\xc3\xa4\"\nwait 1s\t\x01\xff\xc0\xaf\xed\xa0\x80\n";
	leat_load_json(&r, out);
	leat_load_print_plan(&r, out);
	fclose(out);
	assert_non_null(strstr(text, "\"program\":\"send 1 # \\\"\xc3\xa4\\\"\\u000await "
				     "1s\\u0009\\u0001??????\\u000a\""));
	assert_non_null(strstr(text, "; send 1 # \"\xc3\xa4\"; wait 1s\t"));
	free(text);
}

static void the_plan_line_names_what_a_pair_rests(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} row[] = {{60 * TIME_S, "1,000 needed at 2MSL 60 s: enough"},
		{TIME_S, "1,000 needed at --connect-reuse 1 s: enough"}};
	static struct load_result r;

	(void)state;
	a_run(&r);
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		char *text = NULL;
		size_t octets = 0;
		FILE *out = open_memstream(&text, &octets);

		r.intent.rest_ns = row[i].ns;
		leat_load_print_plan(&r, out);
		fclose(out);
		assert_non_null(strstr(text, row[i].text));
		free(text);
	}
}

static void a_segment_says_which_it_is_and_plans_its_own_share(void **state)
{
	static const char *const line[] = {
		"plan      167 /s, 64 at most in flight, open loop, for 2 s, 333 connections in "
		"all; segment 2 of 3 of a plan of 500 /s, 1,000 connections; http",
		"net_\"x\"\\\n, segment 2 of 3\n",
		"  rate                167 /s          500 /s",
		"\"segment\":\"2/3\"",
		"\"rate_per_s\":500.000,\"ramp_s\"",
		"\"own_rate_per_s\":166.667,\"own_total\":333}",
	};
	static struct load_result r;
	char *text = NULL;
	size_t octets = 0, all = 0;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	a_run(&r);
	r.where.segment_cnt = 3;
	for (uint32_t i = 1; i <= 3; i++) {
		r.where.segment = i;
		all += leat_load_result_own_total(&r);
	}
	assert_int_equal(all, 1000);
	r.where.segment = 2;
	judge(&r, "errors == 0");
	leat_load_print_plan(&r, out);
	leat_load_print_report(&r, out);
	leat_load_json(&r, out);
	fclose(out);
	for (size_t i = 0; i < COUNT_OF(line); i++) {
		if (strstr(text, line[i]) == NULL)
			fail_msg("no line\n%s\nin\n%s", line[i], text);
	}
	free(text);
}

static void the_first_bad_response_is_told_beside_their_number(void **state)
{
	static const struct {
		struct load_bad bad;
		const char *text, *json;
	} row[] = {
		{{true, 404, 1153, 512},
			"3 bad response (the first: status 404, 1,153 octets, not "
			"512), 1 cut\n",
			",\"first_bad_response\":{\"status\":404,\"octets\":1153,\"wanted\":512}}"},
		{{true, 500, 512, 512}, "(the first: status 500, 512 octets), 1 cut\n",
			"{\"status\":500,\"octets\":512,\"wanted\":512}}"},
		{{true, 200, LOAD_LENGTH_NONE, LOAD_LENGTH_NONE},
			"(the first: status 200, no number of octets), 1 cut\n",
			"{\"status\":200}}"},
		{{true, 0, LOAD_LENGTH_NONE, 512}, "(the first: no HTTP), 1 cut\n",
			"{\"status\":0,\"wanted\":512}}"},
		{{false, 0, 0, 0}, "3 bad response, 1 cut\n", "\"time_wait\":0}},\"environment\""},
	};
	static struct load_result r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		char *text = NULL;
		size_t octets = 0;
		FILE *out = open_memstream(&text, &octets);

		a_run(&r);
		r.counters.failed[LOAD_FAIL_RESPONSE] = 3;
		r.counters.failed[LOAD_FAIL_CUT] = 1;
		r.counters.bad = row[i].bad;
		leat_load_print_report(&r, out);
		leat_load_json(&r, out);
		fclose(out);
		if (strstr(text, row[i].text) == NULL || strstr(text, row[i].json) == NULL)
			fail_msg("no %s\nor %s\nin\n%s", row[i].text, row[i].json, text);
		free(text);
	}
	/* Of several loads it is that of the first which had one. */
	struct load_counters sum = {0}, none = {0}, more = {.bad = {true, 404, 1, 2}};
	leat_load_add(&sum, &none);
	assert_false(sum.bad.seen);
	leat_load_add(&sum, &more);
	more.bad.status = 500;
	leat_load_add(&sum, &more);
	assert_int_equal(sum.bad.status, 404);
}

/* With --json the run above is written to stdout, for who holds it against the schema. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_compare_what_they_name),
		cmocka_unit_test(what_is_no_rule_is_refused_with_what_would_do),
		cmocka_unit_test(a_generator_at_its_limit_never_passes),
		cmocka_unit_test(a_limit_that_is_not_passed_is_none),
		cmocka_unit_test(starts_that_waited_for_time_wait_or_a_pair_are_not_called_late),
		cmocka_unit_test(the_why_line_names_one_reason),
		cmocka_unit_test(one_that_is_due_at_the_edge_of_a_second_is_not_late),
		cmocka_unit_test(a_closed_load_without_ports_does_not_pass),
		cmocka_unit_test(rates_are_read_as_people_write_them),
		cmocka_unit_test(json_keeps_every_character_and_one_line_has_a_program),
		cmocka_unit_test(who_has_the_tuples_is_said),
		cmocka_unit_test(a_second_in_which_the_run_was_stopped_has_no_reason),
		cmocka_unit_test(nothing_completed_is_no_pass),
		cmocka_unit_test(a_live_line_is_of_a_second_however_long_it_was),
		cmocka_unit_test(the_report_says_what_was_planned_and_what_was_achieved),
		cmocka_unit_test(the_plan_line_names_what_a_pair_rests),
		cmocka_unit_test(the_first_bad_response_is_told_beside_their_number),
		cmocka_unit_test(a_segment_says_which_it_is_and_plans_its_own_share),
	};

	if (argc > 1 && strcmp(argv[1], "--json") == 0) {
		static struct load_result r;

		a_run(&r);
		judge(&r, "errors == 0");
		leat_load_json(&r, stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
