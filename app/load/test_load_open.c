/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_load.h"

#define SAMPLE_NS (10 * TIME_MS)

static void bench_open(struct bench *b, uint64_t rate_milli, uint64_t ramp_ns, uint64_t duration_ns)
{
	bench_init(b);
	b->config.model = LOAD_MODEL_OPEN;
	b->config.plan = (struct load_plan){
		.rate_milli = rate_milli, .ramp_ns = ramp_ns, .duration_ns = duration_ns};
	b->config.conn_cnt = 4096;
}

static const struct load_counters *counters(const struct bench *b)
{
	return leat_load_counters(b->load);
}

static void the_rate_is_the_plan_and_the_total_is_exact(void **state)
{
	static const struct {
		uint64_t rate_milli, ramp_ns, duration_ns, total;
	} row[] = {
		{2000000, 0, 2 * TIME_S, 0},
		{2000000, TIME_S, TIME_S, 0},
		{777777, 500 * TIME_MS, 2 * TIME_S, 0},
		{1000000, 0, 10 * TIME_S, 1234},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct bench b;
		uint64_t from, cnt;

		bench_open(&b, row[i].rate_milli, row[i].ramp_ns, row[i].duration_ns);
		b.config.plan.total = row[i].total;
		b.config.wait_start = true;
		cnt = leat_load_plan_cnt(&b.config.plan);
		bench_start(&b);
		from = b.pair->now;
		leat_load_start(b.load, from);
		while (!leat_load_done(b.load)) {
			uint64_t now = b.pair->now, due;

			leat_pair_turn(b.pair);
			due = leat_load_plan_due(&b.config.plan, now - from + 1);
			/* Not one too early, and within a turn all that are due. */
			assert_true(counters(&b)->started <= due);
			assert_true(counters(&b)->started + 1 >= due);
		}
		assert_int_equal(counters(&b)->completed, cnt);
		assert_int_equal(counters(&b)->started, cnt);
		assert_int_equal(leat_load_hist(b.load, LOAD_HIST_LATE)->total_cnt, cnt);
		assert_true(leat_load_hist(b.load, LOAD_HIST_LATE)->max_ns <= PAIR_TICK_NS);
		assert_int_equal(counters(&b)->late, 0);
		bench_end(&b);
	}
}

static void loads_that_share_a_plan_do_together_what_one_would(void **state)
{
	uint64_t octets[2] = {0}, completed[2] = {0};

	(void)state;
	for (uint32_t part = 0; part <= 3; part++) {
		struct bench b;

		bench_open(&b, 500000, 200 * TIME_MS, TIME_S);
		b.config.seed = 5;
		b.config.path_bytes = true;
		snprintf(b.config.path, sizeof(b.config.path), "/bytes/");
		b.config.response = (struct dist){.kind = DIST_KIND_UNIFORM, .a = 1, .b = 3000};
		if (part != 0) {
			b.config.stride = 3;
			b.config.phase = part - 1;
		}
		run_to_end(&b);
		octets[part != 0] += counters(&b)->octets_in;
		completed[part != 0] += counters(&b)->completed;
		bench_end(&b);
	}
	assert_int_equal(completed[0], 550);
	assert_int_equal(completed[0], completed[1]);
	assert_int_equal(octets[0], octets[1]);
}

static void a_closed_load_holds_exactly_its_number_for_its_whole_duration(void **state)
{
	struct bench b;
	uint64_t from, next, samples = 0;

	(void)state;
	bench_init(&b);
	b.config.conn_cnt = 50;
	b.config.open_max = 1000;
	b.config.plan = (struct load_plan){.ramp_ns = TIME_S, .duration_ns = 3 * TIME_S};
	b.config.request_cnt = 3;
	b.config.think = (struct dist){.kind = DIST_KIND_UNIFORM, .a = 1, .b = 20 * TIME_MS};
	bench_start(&b);
	from = b.pair->now;
	next = from + SAMPLE_NS;
	while (b.pair->now < from + 4 * TIME_S) {
		uint64_t now = b.pair->now;

		leat_pair_turn(b.pair);
		if (now < next || now >= from + 4 * TIME_S)
			continue;
		next += SAMPLE_NS;
		samples++;
		assert_int_equal(counters(&b)->in_flight,
			leat_load_plan_held(&b.config.plan, 50, now - from));
	}
	assert_in_range(samples, 390, 400);
	/* It counts the same itself, from the ramp's end on. */
	assert_int_equal(counters(&b)->held_min, 50);
	assert_int_equal(counters(&b)->held_max, 50);
	assert_in_range(counters(&b)->held_looks, 299, 301);
	assert_true(leat_pair_run(b.pair, load_done, &b, 100 * TIME_S));
	assert_int_equal(counters(&b)->completed, counters(&b)->started);
	assert_true(counters(&b)->completed > 1000);
	bench_end(&b);
}

/* What is told of the number in flight is no constant: ports run out, and it says so. */
static void a_closed_load_that_cannot_hold_its_number_tells_how_few_there_were(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.config.conn_cnt = 50;
	b.config.plan = (struct load_plan){.duration_ns = 2 * TIME_S};
	b.config.open_max = 1000;
	b.config.close = LOAD_CLOSE_CLIENT;
	b.pair_config.port_cnt = 100;
	b.pair_config.two_msl_ns = 10 * TIME_S;
	run_to_end(&b);
	assert_int_equal(counters(&b)->held_max, 50);
	assert_int_equal(counters(&b)->held_min, 0);
	assert_true(counters(&b)->no_port > 0);
	bench_end(&b);
}

/* A load that waits for its word begins nothing before the instant it is given, even when that word
 * comes long before; when it comes after, what should have begun meanwhile is late, not forgotten.
 */
static void a_start_is_where_the_plan_counts_from_whenever_the_word_comes(void **state)
{
	static const int64_t ahead_ms[] = {500, 0, -200, -3000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ahead_ms); i++) {
		struct bench b;

		bench_open(&b, 1000000, 0, TIME_S);
		b.config.wait_start = true;
		b.config.late_max_ns = 500 * TIME_MS;
		bench_start(&b);
		for (uint64_t end = b.pair->now + 5 * TIME_S; b.pair->now < end;)
			leat_pair_turn(b.pair);
		assert_int_equal(counters(&b)->planned, 0);
		uint64_t at = b.pair->now + (uint64_t)(ahead_ms[i] * (int64_t)TIME_MS);

		leat_load_start(b.load, at);
		while (counters(&b)->started == 0 && !leat_load_done(b.load))
			leat_pair_turn(b.pair);
		if (ahead_ms[i] > 0)
			assert_in_range(b.pair->now, at, at + TIME_MS);
		assert_true(leat_pair_run(b.pair, load_done, &b, 100 * TIME_S));
		assert_int_equal(counters(&b)->planned, 1000);
		assert_int_equal(counters(&b)->completed, ahead_ms[i] < -1000 ? 0 : 1000);
		uint64_t late_ns = leat_load_hist(b.load, LOAD_HIST_LATE)->max_ns;
		if (ahead_ms[i] == -200)
			assert_in_range(late_ns, 195 * TIME_MS, 210 * TIME_MS);
		assert_int_equal(
			counters(&b)->not_started[LOAD_SKIP_LATE], ahead_ms[i] < -1000 ? 1000 : 0);
		bench_end(&b);
	}
}

static void a_changed_rate_is_the_plan_from_its_instant_on(void **state)
{
	static const uint64_t rate[] = {500000, 3000000, 20000, 1500000};
	struct load_plan plan = {
		.rate_milli = 1000000, .ramp_ns = TIME_S, .duration_ns = 5 * TIME_S};
	struct bench b;
	uint32_t k = 0;

	(void)state;
	bench_open(&b, plan.rate_milli, plan.ramp_ns, plan.duration_ns);
	b.config.wait_start = true;
	bench_start(&b);
	uint64_t from = b.pair->now;
	leat_load_start(b.load, from);
	while (!leat_load_done(b.load)) {
		uint64_t now = b.pair->now;

		if (k < COUNT_OF(rate) && now - from >= (k + 1) * 900 * TIME_MS) {
			uint64_t at = now - from + 50 * TIME_MS;

			assert_true(leat_load_plan_change(&plan, at, rate[k]));
			leat_load_change(b.load, at, rate[k++]);
		}
		leat_pair_turn(b.pair);
		uint64_t due = leat_load_plan_due(&plan, now - from + 1);
		assert_true(counters(&b)->started <= due);
		assert_true(counters(&b)->started + 3 >= due);
	}
	assert_int_equal(k, COUNT_OF(rate));
	assert_int_equal(counters(&b)->planned, leat_load_plan_cnt(&plan));
	assert_int_equal(counters(&b)->completed, leat_load_plan_cnt(&plan));
	assert_int_equal(counters(&b)->late, 0);
	assert_true(leat_load_hist(b.load, LOAD_HIST_LATE)->max_ns <= PAIR_TICK_NS);
	bench_end(&b);
}

/* One that shares the plan hears of the change late: what it began too early, or begins late by
 * that, is all it differs in. */
static void who_hears_of_a_change_late_has_the_same_plan_in_the_end(void **state)
{
	static const uint64_t rate[] = {100000, 5000000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rate); i++) {
		struct load_plan plan = {.rate_milli = 1000000, .duration_ns = 3 * TIME_S};
		struct bench b;

		bench_open(&b, plan.rate_milli, 0, plan.duration_ns);
		b.config.wait_start = true;
		bench_start(&b);
		uint64_t from = b.pair->now;
		leat_load_start(b.load, from);
		while (b.pair->now < from + TIME_S)
			leat_pair_turn(b.pair);
		assert_true(leat_load_plan_change(&plan, 800 * TIME_MS, rate[i]));
		leat_load_change(b.load, 800 * TIME_MS, rate[i]);
		assert_true(leat_pair_run(b.pair, load_done, &b, 100 * TIME_S));
		assert_int_equal(counters(&b)->planned, leat_load_plan_cnt(&plan));
		assert_int_equal(counters(&b)->completed, leat_load_plan_cnt(&plan));
		bench_end(&b);
	}
}

static void a_closed_load_comes_to_another_number(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.config.conn_cnt = 50;
	b.config.plan = (struct load_plan){.duration_ns = 6 * TIME_S};
	b.config.think = (struct dist){.kind = DIST_KIND_FIXED, .a = 5 * TIME_MS};
	b.config.request_cnt = 3;
	bench_start(&b);
	uint64_t from = b.pair->now;
	static const uint32_t to[] = {20, 35, 50, 1};
	for (uint32_t i = 0; i < COUNT_OF(to); i++) {
		leat_load_hold(b.load, to[i]);
		while (b.pair->now < from + (i + 1) * TIME_S)
			leat_pair_turn(b.pair);
		assert_int_equal(counters(&b)->in_flight, to[i]);
		assert_int_equal(counters(&b)->held_min, to[i]);
		assert_int_equal(counters(&b)->held_max, to[i]);
		assert_true(counters(&b)->held_looks > 50);
	}
	leat_load_hold(b.load, 1000); /* there is room for 50 */
	while (b.pair->now < from + 5 * TIME_S)
		leat_pair_turn(b.pair);
	assert_int_equal(counters(&b)->held_max, 50);
	assert_true(leat_pair_run(b.pair, load_done, &b, 100 * TIME_S));
	bench_end(&b);
}

/* A server that stands still for 100 ms in every second.  With few in flight only those few see it
 * by themselves; all that should have begun meanwhile see it from their planned instants. */
static void a_stall_shows_from_the_planned_start_and_not_in_the_service_time(void **state)
{
	const struct leat_app *app;
	struct bench b;
	uint64_t from;

	(void)state;
	bench_open(&b, 1000000, 0, 5 * TIME_S);
	b.config.conn_cnt = 4;
	bench_start(&b);
	app = b.pair->end[1].app;
	from = b.pair->now;
	while (!leat_load_done(b.load)) {
		bool stalls = (b.pair->now - from) % TIME_S >= 900 * TIME_MS;

		b.pair->end[1].app = stalls ? NULL : app;
		leat_pair_turn(b.pair);
	}
	const struct hist *whole = leat_load_hist(b.load, LOAD_HIST_WHOLE);
	const struct hist *service = leat_load_hist(b.load, LOAD_HIST_SERVICE);

	assert_int_equal(counters(&b)->completed, 5000);
	assert_int_equal(whole->total_cnt, 5000);
	assert_true(leat_hist_at(whole, 990000) > 85 * TIME_MS);
	assert_true(leat_hist_at(whole, 850000) < 5 * TIME_MS);
	assert_true(leat_hist_at(service, 990000) < 5 * TIME_MS);
	assert_true(service->max_ns > 90 * TIME_MS);
	/* And it says itself that it was late. */
	assert_true(leat_hist_at(leat_load_hist(b.load, LOAD_HIST_LATE), 990000) > 80 * TIME_MS);
	assert_in_range(counters(&b)->late, 350, 650);
	bench_end(&b);
}

static void a_generator_that_is_late_itself_measures_from_the_intended_start(void **state)
{
	const struct leat_app *app;
	struct bench b;
	uint64_t from;

	(void)state;
	bench_open(&b, 1000000, 0, TIME_S);
	b.config.open_max = 1000;
	b.config.late_max_ns = 300 * TIME_MS;
	bench_start(&b);
	app = b.pair->end[0].app;
	from = b.pair->now;
	leat_pair_turn(b.pair);
	while (!leat_load_done(b.load)) {
		bool out =
			b.pair->now - from >= 200 * TIME_MS && b.pair->now - from < 700 * TIME_MS;

		b.pair->end[0].app = out ? NULL : app;
		leat_pair_turn(b.pair);
	}
	/* 500 came due while it was out; the first 200 of them more than 300 ms before it was
	 * back. */
	assert_in_range(counters(&b)->not_started[LOAD_SKIP_LATE], 199, 201);
	assert_in_range(counters(&b)->late, 298, 301);
	assert_int_equal(counters(&b)->planned, 1000);
	assert_int_equal(counters(&b)->completed + leat_load_not_started(counters(&b)), 1000);
	assert_in_range(
		leat_load_hist(b.load, LOAD_HIST_CONNECT)->max_ns, 299 * TIME_MS, 302 * TIME_MS);
	assert_in_range(
		leat_load_hist(b.load, LOAD_HIST_LATE)->max_ns, 299 * TIME_MS, 302 * TIME_MS);
	bench_end(&b);
}

static void what_finds_no_port_is_late_or_not_started_and_never_left_out(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1000000, 0, TIME_S);
	b.pair_config.port_cnt = 50;
	b.pair_config.two_msl_ns = 500 * TIME_MS;
	b.config.close = LOAD_CLOSE_CLIENT;
	b.config.late_max_ns = 100 * TIME_MS;
	run_to_end(&b);
	assert_int_equal(counters(&b)->planned, 1000);
	assert_true(counters(&b)->not_started[LOAD_SKIP_NO_PORT] > 700);
	assert_int_equal(counters(&b)->completed + counters(&b)->not_started[LOAD_SKIP_NO_PORT] +
				 counters(&b)->not_started[LOAD_SKIP_LATE],
		1000);
	assert_in_range(counters(&b)->completed, 100, 200);
	bench_end(&b);
}

static void what_finds_no_place_in_time_wait_is_counted_as_that(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1000000, 0, TIME_S);
	b.pair_config.time_wait_max = 50;
	b.pair_config.two_msl_ns = 60 * TIME_S;
	b.config.close = LOAD_CLOSE_CLIENT;
	b.config.late_max_ns = 100 * TIME_MS;
	run_to_end(&b);
	assert_int_equal(counters(&b)->planned, 1000);
	assert_int_equal(counters(&b)->completed, 50);
	assert_true(counters(&b)->no_place > 0);
	assert_int_equal(counters(&b)->no_room, 0);
	assert_true(counters(&b)->not_started[LOAD_SKIP_WAITING] > 800);
	assert_int_equal(counters(&b)->not_started[LOAD_SKIP_NO_ROOM], 0);
	bench_end(&b);
}

static void what_finds_no_room_in_the_stack_is_counted_as_that(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 4000000, 0, TIME_S);
	b.pair_config.tcb_max = 1000;
	b.target[0].first.octet[3] = (uint8_t)(b.target[0].first.octet[3] + 7); /* nobody's */
	b.config.late_max_ns = 50 * TIME_MS;
	b.config.timeout_ns = 20 * TIME_S;
	run_to_end(&b);
	assert_true(counters(&b)->no_room > 0);
	assert_true(counters(&b)->not_started[LOAD_SKIP_NO_ROOM] > 2500);
	assert_int_equal(
		leat_load_not_started(counters(&b)), counters(&b)->not_started[LOAD_SKIP_NO_ROOM]);
	bench_end(&b);
}

static void what_finds_no_place_in_flight_is_counted_as_that(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1000000, 0, 500 * TIME_MS);
	b.service_config.listen[0].kind = SERVICE_KIND_DISCARD;
	b.config.conn_cnt = 10;
	b.config.timeout_ns = 200 * TIME_MS;
	b.config.late_max_ns = 10 * TIME_MS;
	run_to_end(&b);
	assert_int_equal(counters(&b)->planned, 500);
	assert_int_equal(counters(&b)->failed[LOAD_FAIL_RESPONSE_TIMEOUT], counters(&b)->started);
	assert_true(counters(&b)->not_started[LOAD_SKIP_LIMIT] > 400);
	assert_int_equal(
		leat_load_not_started(counters(&b)), counters(&b)->not_started[LOAD_SKIP_LIMIT]);
	bench_end(&b);
}

/* eight_fly: 8 are in flight, and some 292 were due meanwhile. */
static void eight_fly(struct bench *b)
{
	bench_open(b, 1000000, 0, 10 * TIME_S);
	b->config.conn_cnt = 8;
	b->config.request_cnt = 1000;
	b->config.late_max_ns = 10 * TIME_S;
	b->config.think = dist_fixed(TIME_MS);
	bench_start(b);
	for (uint64_t end = b->pair->now + 300 * TIME_MS; b->pair->now < end;)
		leat_pair_turn(b->pair);
	assert_int_equal(counters(b)->in_flight, 8);
}

static void a_cut_by_choice_resets_all_and_leaves_nothing_planned_unsaid(void **state)
{
	struct bench b;

	(void)state;
	eight_fly(&b);
	leat_load_cut(b.load, b.pair->end[0].stack, true);
	assert_true(leat_load_done(b.load));
	assert_in_range(counters(&b)->planned, 300, 303);
	assert_in_range(counters(&b)->not_started[LOAD_SKIP_STOPPED], 290, 295);
	assert_int_equal(counters(&b)->stopped, 8);
	assert_int_equal(leat_load_failed(counters(&b)), 0);
	leat_load_app(b.load)->drain(b.load, b.pair->end[0].stack);
	assert_true(leat_pair_run(b.pair, load_done, &b, TIME_S));
	assert_in_range(counters(&b)->planned, 300, 303);
	assert_int_equal(leat_stack_tcp(b.pair->end[0].stack)->emitted_rst, 8);
	bench_end(&b);
}

static void a_stop_leaves_nothing_planned_unsaid(void **state)
{
	struct bench b;

	(void)state;
	eight_fly(&b);
	leat_load_app(b.load)->drain(b.load, b.pair->end[0].stack);
	assert_true(leat_pair_run(b.pair, load_done, &b, TIME_S));
	assert_in_range(counters(&b)->planned, 300, 303);
	assert_in_range(counters(&b)->not_started[LOAD_SKIP_STOPPED], 290, 295);
	assert_int_equal(counters(&b)->stopped, 8);
	assert_int_equal(counters(&b)->completed, 0);
	/* With FINs: no reset was sent, and nothing is left open at the server. */
	assert_int_equal(leat_stack_tcp(b.pair->end[0].stack)->emitted_rst, 0);
	assert_int_equal(leat_service_counters(b.set)->finished, 8);
	bench_end(&b);
}

static void sources_and_targets_come_in_all_their_pairs(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1000000, 0, 600 * TIME_MS);
	b.config.target_cnt = 4;
	b.service_config.listen_cnt = 4;
	for (uint32_t i = 0; i < 4; i++) {
		b.target[i] = (struct load_target){
			leat_pair_addr(1, i == 3 ? 6 : 4, (uint16_t)(80 + i)), 1, 1};
		b.service_config.listen[i] =
			(struct service_listen){.local.port = (uint16_t)(80 + i)};
	}
	run_to_end(&b);
	assert_int_equal(counters(&b)->completed, 600);
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_the_plan_and_the_total_is_exact),
		cmocka_unit_test(loads_that_share_a_plan_do_together_what_one_would),
		cmocka_unit_test(a_closed_load_holds_exactly_its_number_for_its_whole_duration),
		cmocka_unit_test(
			a_closed_load_that_cannot_hold_its_number_tells_how_few_there_were),
		cmocka_unit_test(a_start_is_where_the_plan_counts_from_whenever_the_word_comes),
		cmocka_unit_test(a_changed_rate_is_the_plan_from_its_instant_on),
		cmocka_unit_test(who_hears_of_a_change_late_has_the_same_plan_in_the_end),
		cmocka_unit_test(a_closed_load_comes_to_another_number),
		cmocka_unit_test(a_stall_shows_from_the_planned_start_and_not_in_the_service_time),
		cmocka_unit_test(a_generator_that_is_late_itself_measures_from_the_intended_start),
		cmocka_unit_test(what_finds_no_port_is_late_or_not_started_and_never_left_out),
		cmocka_unit_test(what_finds_no_place_in_time_wait_is_counted_as_that),
		cmocka_unit_test(what_finds_no_room_in_the_stack_is_counted_as_that),
		cmocka_unit_test(what_finds_no_place_in_flight_is_counted_as_that),
		cmocka_unit_test(a_cut_by_choice_resets_all_and_leaves_nothing_planned_unsaid),
		cmocka_unit_test(a_stop_leaves_nothing_planned_unsaid),
		cmocka_unit_test(sources_and_targets_come_in_all_their_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
