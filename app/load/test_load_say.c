/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_load.h"

static const struct load_counters *counters(const struct bench *b)
{
	return leat_load_counters(b->load);
}

/* bench_say lets client and server run a program each. */
static void bench_say(struct bench *b, const char *client, const char *server)
{
	bench_init(b);
	b->config.plan.total = 40;
	b->config.conn_cnt = 10;
	b->config.speak = LOAD_SPEAK_PROGRAM;
	b->config.program = client;
	b->config.close = LOAD_CLOSE_CLIENT;
	b->config.timeout_ns = 5 * TIME_S;
	b->service_config.listen[0].kind = SERVICE_KIND_PROGRAM;
	b->service_config.listen[0].program = server;
}

static bool nothing_open(void *arg)
{
	const struct bench *b = arg;

	return leat_service_counters(b->set)->present == 0;
}

static void programs_that_fit_complete_and_both_ends_count_the_same(void **state)
{
	static const struct {
		const char *client, *server;
		uint64_t out, in, answers;
	} row[] = {
		{"send 100; expect 200", "expect 100; send 200", 100, 200, 1},
		{"loop 5 { send 10; expect 20 }", "loop 5 { expect 10; send 20 }", 50, 100, 5},
		{"expect 1MiB; close", "send 1MiB", 0, 1 << 20, 1},
		{"send 1MiB; half-close; expect eof", "expect 1MiB; expect eof; close", 1 << 20, 0,
			0},
		{"send 10; half-close; expect 20; expect eof",
			"expect 10; expect eof; send 20; close", 10, 20, 1},
		{"send 7; wait 10ms; send 8; expect 3", "expect 15; wait 5ms; send 3", 15, 3, 1},
		{"exchange 100000", "exchange 100000", 100000, 100000, 1},
		{"loop 2 { loop 3 { send 1; expect 1 }; send 5 }; expect eof",
			"loop 2 { loop 3 { expect 1; send 1 }; expect 5 }; close", 16, 6, 6},
		{"", "expect eof", 0, 0, 0},
		{"wait 3ms; close", "", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		const struct service_counters *n;
		struct bench b;

		bench_say(&b, row[i].client, row[i].server);
		run_to_end(&b);
		assert_true(leat_pair_run(b.pair, nothing_open, &b, 10 * TIME_S));
		n = leat_service_counters(b.set);
		assert_int_equal(counters(&b)->completed, 40);
		assert_int_equal(counters(&b)->octets_out, 40 * row[i].out);
		assert_int_equal(counters(&b)->octets_in, 40 * row[i].in);
		assert_int_equal(counters(&b)->responses, 40 * row[i].answers);
		assert_int_equal(n->octets_in, 40 * row[i].out);
		assert_int_equal(n->octets_out, 40 * row[i].in);
		assert_int_equal(n->finished, 40);
		assert_int_equal(n->wrong + n->early, 0);
		bench_end(&b);
	}
}

static void each_way_a_program_fails_has_its_own_counter(void **state)
{
	static const struct {
		const char *client, *server;
		enum load_fail fail;
	} row[] = {
		{"expect 100", "send 99; close", LOAD_FAIL_SHORT},
		{"expect 100", "wait 1h", LOAD_FAIL_RESPONSE_TIMEOUT},
		{"expect 100", "send 50; wait 10ms; abort", LOAD_FAIL_RESET},
		{"expect 10; expect eof", "send 11", LOAD_FAIL_LONG},
		{"expect 10", "send 11; wait 1h", LOAD_FAIL_LONG},
		{"send 5; half-close; expect eof", "expect 5; wait 1h", LOAD_FAIL_RESPONSE_TIMEOUT},
		{"send 5; close", "expect 5; wait 1h", LOAD_FAIL_CLOSE_TIMEOUT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct bench b;

		bench_say(&b, row[i].client, row[i].server);
		b.config.timeout_ns = 100 * TIME_MS;
		b.config.plan.total = 10;
		run_to_end(&b);
		assert_int_equal(counters(&b)->failed[row[i].fail], 10);
		bench_end(&b);
	}
}

static void a_server_verifies_what_it_expects(void **state)
{
	struct bench b;

	(void)state;
	bench_say(&b, "send 10; expect 1", "expect 10; send 1");
	b.config.speak = LOAD_SPEAK_HTTP; /* a GET is not the pattern */
	run_to_end(&b);
	assert_int_equal(counters(&b)->failed[LOAD_FAIL_RESET], 40);
	assert_int_equal(leat_service_counters(b.set)->wrong, 40);
	bench_end(&b);
	bench_say(&b, "send 10", "expect 20");
	run_to_end(&b);
	assert_int_equal(counters(&b)->completed, 40);
	assert_int_equal(leat_service_counters(b.set)->early, 40);
	bench_end(&b);
}

static void an_abort_is_a_reset_and_leaves_no_time_wait(void **state)
{
	static const enum load_close close[] = {LOAD_CLOSE_CLIENT, LOAD_CLOSE_RESET};
	static const char *const text[] = {"send 5; expect 5; abort", "send 5; expect 5"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(close); i++) {
		struct bench b;

		bench_say(&b, text[i], "expect 5; send 5");
		b.config.close = close[i];
		run_to_end(&b);
		assert_true(leat_pair_run(b.pair, nothing_open, &b, 10 * TIME_S));
		assert_int_equal(counters(&b)->completed, 40);
		for (uint32_t end = 0; end < 2; end++)
			assert_int_equal(
				leat_stack_tcp(b.pair->end[end].stack)->time_wait_entered, 0);
		assert_int_equal(leat_service_counters(b.set)->ended, 40);
		bench_end(&b);
	}
}

static void echo_discard_and_connect_alone_need_no_text(void **state)
{
	static const struct {
		enum load_speak speak;
		enum service_kind kind;
		uint64_t in, out;
	} row[] = {
		{LOAD_SPEAK_ECHO, SERVICE_KIND_ECHO, 6000, 6000},
		{LOAD_SPEAK_DISCARD, SERVICE_KIND_DISCARD, 0, 6000},
		{LOAD_SPEAK_CONNECT, SERVICE_KIND_DISCARD, 0, 0},
		{LOAD_SPEAK_CONNECT, SERVICE_KIND_HTTP, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct bench b;

		bench_say(&b, NULL, NULL);
		b.config.speak = row[i].speak;
		b.config.request = dist_fixed(2000);
		b.config.request_cnt = 3;
		b.config.think = dist_fixed(i == 0 ? TIME_MS : 0);
		b.service_config.listen[0].kind = row[i].kind;
		run_to_end(&b);
		assert_true(leat_pair_run(b.pair, nothing_open, &b, 10 * TIME_S));
		assert_int_equal(counters(&b)->completed, 40);
		assert_int_equal(counters(&b)->octets_in, 40 * row[i].in);
		assert_int_equal(counters(&b)->octets_out, 40 * row[i].out);
		assert_int_equal(leat_service_counters(b.set)->octets_in, 40 * row[i].out);
		bench_end(&b);
	}
}

static void an_echo_thinks_between_its_requests_and_not_behind_the_last(void **state)
{
	struct bench b;

	(void)state;
	bench_say(&b, NULL, NULL);
	b.config.speak = LOAD_SPEAK_ECHO;
	b.config.request = dist_fixed(2000);
	b.config.request_cnt = 3;
	b.config.think = dist_fixed(TIME_S);
	b.service_config.listen[0].kind = SERVICE_KIND_ECHO;
	run_to_end(&b);
	assert_int_equal(counters(&b)->completed, 40);
	assert_in_range(leat_load_hist(b.load, LOAD_HIST_WHOLE)->min_ns, 2 * TIME_S,
		2 * TIME_S + TIME_S / 2);
	assert_in_range(leat_load_hist(b.load, LOAD_HIST_WHOLE)->max_ns, 2 * TIME_S,
		2 * TIME_S + TIME_S / 2);
	bench_end(&b);
}

static void an_echo_of_more_than_every_buffer_does_not_stand_still(void **state)
{
	struct bench b;

	(void)state;
	bench_say(&b, NULL, NULL);
	b.config.speak = LOAD_SPEAK_ECHO;
	b.config.request = dist_fixed(4 << 20);
	b.config.plan.total = 2;
	b.service_config.listen[0].kind = SERVICE_KIND_ECHO;
	run_to_end(&b);
	assert_int_equal(counters(&b)->completed, 2);
	assert_int_equal(counters(&b)->octets_in, 8 << 20);
	bench_end(&b);
}

static void posts_of_drawn_and_given_bodies_are_sent_whole(void **state)
{
	static const uint8_t body[] = "a=1&b=2";

	(void)state;
	for (uint32_t given = 0; given < 2; given++) {
		struct bench b;
		uint64_t heads = given ? 40 * 3 *
						 strlen("POST / HTTP/1.1\r\nHost: leat\r\n"
							"Content-Length: 7\r\n\r\n")
				       : 0;

		bench_say(&b, NULL, NULL);
		b.config.speak = LOAD_SPEAK_HTTP;
		b.service_config.listen[0].kind = SERVICE_KIND_HTTP;
		b.config.post = true;
		b.config.request_cnt = 3;
		b.config.request = (struct dist){.kind = DIST_KIND_UNIFORM, .a = 1, .b = 100000};
		if (given) {
			b.config.body = body;
			b.config.body_octets = sizeof(body) - 1;
		}
		run_to_end(&b);
		assert_true(leat_pair_run(b.pair, nothing_open, &b, 10 * TIME_S));
		assert_int_equal(counters(&b)->completed, 40);
		assert_int_equal(counters(&b)->responses, 120);
		assert_int_equal(counters(&b)->requests, 120);
		assert_int_equal(leat_service_counters(b.set)->octets_in, counters(&b)->octets_out);
		if (given)
			assert_int_equal(counters(&b)->octets_out, heads + 120 * 7);
		else
			assert_true(counters(&b)->octets_out > 120 * 30000);
		/* None waited for an ACK that the peer holds back for 40 ms. */
		assert_true(leat_load_hist(b.load, LOAD_HIST_RESPONSE)->max_ns < 30 * TIME_MS);
		bench_end(&b);
	}
}

static void half_close_after_the_request_still_gets_the_response(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.config.half_close = true;
	b.config.close = LOAD_CLOSE_CLIENT;
	b.config.request_cnt = 2;
	run_to_end(&b);
	assert_int_equal(counters(&b)->completed, 1000);
	assert_int_equal(leat_stack_tcp(b.pair->end[0].stack)->time_wait_entered, 1000);
	bench_end(&b);
}

static void bad_loss_delays_programs_and_fails_none(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct bench b;

		bench_say(&b, "loop 3 { exchange uniform:1-9000; wait exp:1ms-9ms }", NULL);
		b.service_config.listen[0].kind = SERVICE_KIND_ECHO;
		b.config.timeout_ns = 100 * TIME_S;
		b.pair_config.seed = seed;
		b.pair_config.loss_millionths = 30000;
		run_to_end(&b);
		assert_true(b.pair->lost > 0);
		assert_int_equal(counters(&b)->completed, 40);
		bench_end(&b);
	}
}

static void a_text_that_is_wrong_is_refused_by_both_ends(void **state)
{
	char text[256];
	struct bench b;

	(void)state;
	bench_say(&b, "sned 5", "expect");
	assert_string_equal(leat_load_config_error(&b.config, text, sizeof(text)),
		"load.program: 1:1: `sned` is no statement; did you mean send?");
	assert_int_equal(leat_load_footprint(&b.config), 0);
	assert_string_equal(leat_service_config_error(&b.service_config, text, sizeof(text)),
		"service.listen[0].program: 1:7: expect needs a quantity: expect 64");
	assert_int_equal(leat_service_footprint(&b.service_config), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_that_fit_complete_and_both_ends_count_the_same),
		cmocka_unit_test(each_way_a_program_fails_has_its_own_counter),
		cmocka_unit_test(a_server_verifies_what_it_expects),
		cmocka_unit_test(an_abort_is_a_reset_and_leaves_no_time_wait),
		cmocka_unit_test(echo_discard_and_connect_alone_need_no_text),
		cmocka_unit_test(an_echo_thinks_between_its_requests_and_not_behind_the_last),
		cmocka_unit_test(an_echo_of_more_than_every_buffer_does_not_stand_still),
		cmocka_unit_test(posts_of_drawn_and_given_bodies_are_sent_whole),
		cmocka_unit_test(half_close_after_the_request_still_gets_the_response),
		cmocka_unit_test(bad_loss_delays_programs_and_fails_none),
		cmocka_unit_test(a_text_that_is_wrong_is_refused_by_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
