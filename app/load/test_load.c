/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_load.h"

static void every_connection_completes_whoever_closes_first(void **state)
{
	(void)state;
	for (int close = LOAD_CLOSE_SERVER; close <= LOAD_CLOSE_CLIENT; close++) {
		const struct tcp_counters *t;
		struct bench b;

		bench_init(&b);
		b.config.close = (enum load_close)close;
		run_to_end(&b);
		t = leat_stack_tcp(b.pair->end[close].stack);
		assert_int_equal(t->time_wait_entered, 0);
		t = leat_stack_tcp(b.pair->end[!close].stack);
		assert_int_equal(t->time_wait_entered, 1000);
		assert_int_equal(leat_load_counters(b.load)->completed, 1000);
		assert_int_equal(leat_load_counters(b.load)->octets_in, 1000 * 512);
		bench_end(&b);
	}
}

static void bodies_of_every_size_are_verified(void **state)
{
	static const uint64_t sizes[] = {0, 1, 1459, 1460, 1461, 65536, 10485760};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct bench b;

		bench_init(&b);
		b.config.plan.total = 3;
		b.config.response = dist_fixed(sizes[i]);
		snprintf(b.config.path, sizeof(b.config.path), "/bytes/%llu",
			(unsigned long long)sizes[i]);
		run_to_end(&b);
		assert_int_equal(leat_load_counters(b.load)->completed, 3);
		bench_end(&b);
	}
}

static void a_connection_carries_as_many_requests_as_it_is_told(void **state)
{
	(void)state;
	for (int close = LOAD_CLOSE_SERVER; close < LOAD_CLOSE_CNT; close++) {
		struct bench b;

		bench_init(&b);
		b.config.close = (enum load_close)close;
		b.config.request_cnt = 5;
		b.config.plan.total = 100;
		run_to_end(&b);
		assert_int_equal(leat_load_counters(b.load)->completed, 100);
		assert_int_equal(leat_load_counters(b.load)->responses, 500);
		assert_int_equal(leat_load_hist(b.load, LOAD_HIST_RESPONSE)->total_cnt, 500);
		bench_end(&b);
	}
}

static void loss_delays_but_fails_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct bench b;

		bench_init(&b);
		b.pair_config.seed = seed;
		b.pair_config.loss_millionths = 30000;
		b.config.close = seed % 2 ? LOAD_CLOSE_SERVER : LOAD_CLOSE_CLIENT;
		run_to_end(&b);
		assert_true(b.pair->lost > 0);
		assert_int_equal(leat_load_counters(b.load)->completed, 1000);
		bench_end(&b);
	}
}

static void the_number_in_flight_is_held_until_stop(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.config.plan.total = 0;
	b.config.open_max = 10;
	bench_start(&b);
	for (uint32_t i = 0; i < 6; i++) {
		assert_true(leat_load_counters(b.load)->started <= 10 * i);
		leat_pair_turn(b.pair);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		leat_pair_turn(b.pair);
		assert_true(leat_load_counters(b.load)->in_flight <= 64);
	}
	assert_false(leat_load_done(b.load));
	leat_load_stop(b.load);
	assert_true(leat_pair_run(b.pair, load_done, &b, 10 * TIME_S));
	assert_true(leat_load_counters(b.load)->completed > 64);
	assert_int_equal(leat_load_failed(leat_load_counters(b.load)), 0);
	bench_end(&b);
}

static void a_port_without_a_listener_is_counted_as_refused(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.target[0].first.port = 81;
	run_to_end(&b);
	assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_REFUSED], 1000);
	assert_int_equal(leat_load_counters(b.load)->connected, 0);
	bench_end(&b);
}

static void a_wrong_length_or_status_is_a_bad_response(void **state)
{
	static const struct {
		const char *path;
		uint64_t octets;
	} row[] = {
		{"/bytes/511", 512},
		{"/none", 512},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct bench b;

		bench_init(&b);
		snprintf(b.config.path, sizeof(b.config.path), "%s", row[i].path);
		b.config.response = dist_fixed(row[i].octets);
		b.config.plan.total = 10;
		run_to_end(&b);
		assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_RESPONSE], 10);
		bench_end(&b);
	}
}

static void a_silent_server_is_given_up_after_the_timeout(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.service_config.listen[0].kind = SERVICE_KIND_DISCARD;
	b.config.timeout_ns = 200 * TIME_MS;
	b.config.plan.total = 10;
	run_to_end(&b);
	assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_RESPONSE_TIMEOUT], 10);
	bench_end(&b);
}

static void a_target_that_nobody_has_is_given_up_after_the_timeout(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.target[0].first.octet[3] = (uint8_t)(b.target[0].first.octet[3] + 7);
	b.config.timeout_ns = 200 * TIME_MS;
	b.config.plan.total = 10;
	run_to_end(&b);
	assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_SYN_TIMEOUT], 10);
	bench_end(&b);
}

/* A server that says one thing to everyone, and closes. */
static void canned_event(void *arg, struct leat_stack *s, const struct leat_event *event)
{
	const char *text = arg;
	uint8_t request[512];

	if (event->bits & LEAT_CLOSED) {
		leat_release(s, event->conn);
	} else if (leat_recv(s, event->conn, request, sizeof(request)) > 0) {
		leat_send(s, event->conn, text, strlen(text));
		leat_shutdown(s, event->conn);
	} else if (event->bits & LEAT_PEER_CLOSED) {
		leat_close(s, event->conn);
	}
}

static void a_response_is_taken_only_when_every_octet_is_right(void **state)
{
	static const struct {
		const char *text;
		enum load_fail fail; /* LOAD_FAIL_CNT: none */
	} row[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n!\"#", LOAD_FAIL_CNT},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n!\"!", LOAD_FAIL_OCTETS},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n!\"#!", LOAD_FAIL_LONG},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n!\"", LOAD_FAIL_SHORT},
		{"HTTP/1.1 200 OK\r\nContent-Len", LOAD_FAIL_SHORT},
		{"HTTP/1.1 200 OK\r\n\r\n!\"#", LOAD_FAIL_RESPONSE},
		{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n!\"#$", LOAD_FAIL_RESPONSE},
		{"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\n!\"#", LOAD_FAIL_RESPONSE},
		{"HTTP/1.1 404 No\r\nContent-Length: 99999999999999999\r\n\r\n",
			LOAD_FAIL_RESPONSE},
		{"220 mail.example\r\n", LOAD_FAIL_RESPONSE},
	};
	/* What is told of the first of each row. */
	static const struct load_bad first[COUNT_OF(row)] = {
		[5] = {true, 200, LOAD_LENGTH_NONE, 3},
		[6] = {true, 200, 4, 3},
		[7] = {true, 500, 3, 3},
		[8] = {true, 404, LOAD_LENGTH_MAX, 3},
		[9] = {true, 0, LOAD_LENGTH_NONE, 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		char text[96];
		struct leat_app app = {.arg = text, .event = canned_event};
		struct bench b;

		snprintf(text, sizeof(text), "%s", row[i].text);
		bench_init(&b);
		b.config.response = dist_fixed(3);
		b.config.plan.total = 5;
		bench_start(&b);
		b.pair->end[1].app = &app;
		assert_true(leat_pair_run(b.pair, load_done, &b, 100 * TIME_S));
		if (row[i].fail == LOAD_FAIL_CNT)
			assert_int_equal(leat_load_counters(b.load)->completed, 5);
		else
			assert_int_equal(leat_load_counters(b.load)->failed[row[i].fail], 5);
		const struct load_bad *bad = &leat_load_counters(b.load)->bad;
		assert_int_equal(bad->seen, row[i].fail == LOAD_FAIL_RESPONSE);
		assert_int_equal(bad->status, first[i].status);
		assert_int_equal(bad->octets, first[i].octets);
		assert_int_equal(bad->wanted, first[i].wanted);
		bench_end(&b);
	}
}

/* An echo is no response; chargen is none either, and it closes for nobody. */
static void a_server_of_another_kind_is_a_bad_response(void **state)
{
	(void)state;
	for (int kind = SERVICE_KIND_ECHO; kind < SERVICE_KIND_PROGRAM; kind++) {
		struct bench b;

		if (kind == SERVICE_KIND_DISCARD)
			continue;
		bench_init(&b);
		b.service_config.listen[0].kind = (enum service_kind)kind;
		b.config.plan.total = 10;
		run_to_end(&b);
		assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_RESPONSE], 10);
		bench_end(&b);
	}
}

static void a_server_that_resets_is_counted_as_reset(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.service_config.conn_max = 1;
	b.service_config.listen[0].kind = SERVICE_KIND_DISCARD;
	b.config.timeout_ns = TIME_S;
	b.config.plan.total = 10;
	run_to_end(&b);
	assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_RESET], 9);
	assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_RESPONSE_TIMEOUT], 1);
	bench_end(&b);
}

static void ports_that_ran_out_put_connects_off_without_failing_them(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.pair_config.port_cnt = 50;
	b.config.close = LOAD_CLOSE_CLIENT; /* our TIME-WAIT keeps the ports */
	b.pair_config.two_msl_ns = 100 * TIME_MS;
	run_to_end(&b);
	assert_true(leat_load_counters(b.load)->no_port > 0);
	assert_int_equal(leat_load_counters(b.load)->completed, 1000);
	bench_end(&b);
}

static void a_cut_resets_what_is_in_flight(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.service_config.listen[0].kind = SERVICE_KIND_DISCARD;
	bench_start(&b);
	for (uint32_t i = 0; i < 100; i++)
		leat_pair_turn(b.pair);
	assert_int_equal(leat_load_counters(b.load)->in_flight, 64);
	leat_load_cut(b.load, b.pair->end[0].stack, false);
	assert_int_equal(leat_load_counters(b.load)->failed[LOAD_FAIL_CUT], 64);
	bench_end(&b);
}

static void impossible_configs_are_refused_with_key_value_and_range(void **state)
{
	char text[128];
	struct bench b;

	(void)state;
	bench_init(&b);
	assert_null(leat_load_config_error(&b.config, text, sizeof(text)));
	b.config.request_cnt = 0;
	assert_string_equal(leat_load_config_error(&b.config, text, sizeof(text)),
		"load.request_cnt: 0 is out of range: from 1 to 1000000000");
	assert_int_equal(leat_load_footprint(&b.config), 0);
	bench_init(&b);
	b.config.path[0] = 'x';
	assert_string_equal(leat_load_config_error(&b.config, text, sizeof(text)),
		"load.path: `x` does not begin with /");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_connection_completes_whoever_closes_first),
		cmocka_unit_test(bodies_of_every_size_are_verified),
		cmocka_unit_test(a_connection_carries_as_many_requests_as_it_is_told),
		cmocka_unit_test(loss_delays_but_fails_nothing),
		cmocka_unit_test(the_number_in_flight_is_held_until_stop),
		cmocka_unit_test(a_port_without_a_listener_is_counted_as_refused),
		cmocka_unit_test(a_wrong_length_or_status_is_a_bad_response),
		cmocka_unit_test(a_response_is_taken_only_when_every_octet_is_right),
		cmocka_unit_test(a_silent_server_is_given_up_after_the_timeout),
		cmocka_unit_test(a_target_that_nobody_has_is_given_up_after_the_timeout),
		cmocka_unit_test(a_server_of_another_kind_is_a_bad_response),
		cmocka_unit_test(a_server_that_resets_is_counted_as_reset),
		cmocka_unit_test(ports_that_ran_out_put_connects_off_without_failing_them),
		cmocka_unit_test(a_cut_resets_what_is_in_flight),
		cmocka_unit_test(impossible_configs_are_refused_with_key_value_and_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
