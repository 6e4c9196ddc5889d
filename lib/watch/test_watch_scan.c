/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_scan.h"

#include "base_bits.h"
#include "test_stack_close.h"

/* Sixty wait, three are open. */
static void begin(struct net *n, uint64_t seed)
{
	struct leat_conn conn[2];

	net_init(n, seed);
	net_start(n);
	net_listen(n, 1, 4, 80, 8);
	net_listen(n, 1, 6, 80, 8);
	for (uint32_t i = 0; i < 60; i++) {
		net_closed_by_server(n, i % 2 ? 4 : 6);
		net_run(n, 100 * TIME_MS);
	}
	for (uint32_t i = 0; i < 3; i++)
		net_open(n, 4, 80, conn);
}

static struct stack_brief row[128];

static void prepare(struct watch_scan *w, enum watch_scan_kind kind, const char *filter)
{
	struct watch_error err;

	*w = (struct watch_scan){
		.kind = kind, .row = row, .row_max = COUNT_OF(row), .kill_max = UINT64_MAX};
	if (!leat_watch_filter_parse(&w->filter, filter, &err))
		fail_msg("%s: at %u: %s", filter, err.at, err.why);
	if (kind == WATCH_SCAN_SUM)
		w->row = NULL;
}

/* Steps until all is told; how many rows. */
static uint32_t all_of(struct net *n, struct watch_scan *w)
{
	uint32_t rows = 0, steps = 0;

	while (!w->ended) {
		w->row_cnt = 0;
		while (leat_watch_scan_step(w, n->stack[1], n->now)) {
			net_run(n, TIME_US); /* a turn: what is to be sent leaves */
			assert_in_range(steps++, 0, 1000);
		}
		rows += w->row_cnt;
	}
	return rows;
}

static void rows_are_those_that_are_meant(void **state)
{
	struct watch_scan w;
	struct net n;

	(void)state;
	begin(&n, 1);
	prepare(&w, WATCH_SCAN_LIST, "");
	assert_int_equal(all_of(&n, &w), 63);
	assert_int_equal(w.matched, 63);
	assert_int_equal(w.walk.seen, 65); /* the listeners */
	prepare(&w, WATCH_SCAN_LIST, "state time-wait src 0.0.0.0/0");
	assert_int_equal(all_of(&n, &w), 30);
	for (uint32_t i = 0; i < 30; i++)
		assert_true(ip_is4(row[i].tuple.local) && row[i].state == TCP_ST_TIME_WAIT);
	prepare(&w, WATCH_SCAN_LIST, "state established");
	assert_int_equal(all_of(&n, &w), 3);
	assert_int_equal(w.walk.seen, 65);
	prepare(&w, WATCH_SCAN_LIST, "state established");
	w.full = true;
	assert_int_equal(all_of(&n, &w), 0);
	assert_int_equal(w.matched, 3);
	net_stop(&n);
}

static void of_what_is_sorted_only_what_may_be_among_the_first_is_a_row(void **state)
{
	struct watch_scan w;
	struct net n;

	(void)state;
	begin(&n, 2);
	prepare(&w, WATCH_SCAN_LIST, "state time-wait sort left");
	all_of(&n, &w);
	struct stack_brief middle = row[20];
	prepare(&w, WATCH_SCAN_LIST, "state time-wait sort left");
	w.has_worst = true;
	w.worst = middle;
	w.worst_now = n.now;
	uint32_t cnt = all_of(&n, &w);
	assert_in_range(cnt, 1, 59);
	assert_int_equal(w.matched, 60);
	for (uint32_t i = 0; i < cnt; i++)
		assert_true(row[i].timer.at <= middle.timer.at);
	net_stop(&n);
}

static void one_tuple_is_one_step(void **state)
{
	struct watch_scan w;
	char text[256], local[IP_TEXT_MAX], peer[IP_TEXT_MAX];
	struct net n;

	(void)state;
	begin(&n, 3);
	prepare(&w, WATCH_SCAN_LIST, "state time-wait src 0.0.0.0/0");
	all_of(&n, &w);
	struct tuple t = row[7].tuple;
	leat_wire_ip_text(t.local, local);
	leat_wire_ip_text(t.remote, peer);
	snprintf(text, sizeof(text), "src %s:%u dst %s:%u", local, t.lport, peer, t.rport);
	prepare(&w, WATCH_SCAN_LIST, text);
	assert_false(leat_watch_scan_step(&w, n.stack[1], n.now));
	assert_true(w.ended);
	assert_int_equal(w.row_cnt, 1);
	assert_int_equal(w.walk.seen, 1); /* the others were not looked at */
	assert_true(tuple_eq(&row[0].tuple, &t));
	strcat(text, " state established");
	prepare(&w, WATCH_SCAN_LIST, text);
	assert_false(leat_watch_scan_step(&w, n.stack[1], n.now));
	assert_int_equal(w.row_cnt, 0);
	net_stop(&n);
}

static void a_sum_without_a_look_at_each_is_that_of_a_look_at_each(void **state)
{
	struct watch_scan w, slow;
	struct net n;

	(void)state;
	begin(&n, 4);
	for (uint32_t i = 0; i < 70; i++, net_run(&n, TIME_S)) {
		prepare(&w, WATCH_SCAN_SUM, "state all");
		all_of(&n, &w);
		prepare(&slow, WATCH_SCAN_SUM, "state all sport >= 0");
		all_of(&n, &slow);
		for (uint32_t k = 0; k < WATCH_LEFT_CNT; k++)
			assert_int_equal(w.sum.waits[k], slow.sum.waits[k]);
		for (uint32_t k = 0; k < TCP_ST_CNT; k++)
			assert_int_equal(w.sum.by_state[k], slow.sum.by_state[k]);
		assert_int_equal(w.sum.clients, slow.sum.clients);
		assert_int_equal(w.matched, slow.matched);
	}
	net_stop(&n);
}

static void who_is_killed_is_a_row_and_no_other_is_touched(void **state)
{
	const struct tcp_counters *t;
	struct leat_event event;
	struct watch_scan w;
	struct net n;

	(void)state;
	begin(&n, 5);
	t = leat_stack_tcp(n.stack[1]);
	prepare(&w, WATCH_SCAN_KILL, "state time-wait src 0.0.0.0/0");
	w.kill_max = 1;
	assert_int_equal(all_of(&n, &w), 1);
	assert_int_equal(t->ended[TCP_END_KILLED], 1);
	prepare(&w, WATCH_SCAN_KILL, "src 0.0.0.0/0");
	assert_int_equal(all_of(&n, &w), 32);
	assert_int_equal(w.matched, 32);
	assert_int_equal(t->ended[TCP_END_KILLED], 33);
	assert_int_equal(t->present[TCP_ST_ESTABLISHED], 0);
	assert_int_equal(t->present[TCP_ST_LISTEN], 2);
	assert_int_equal(t->present[TCP_ST_TIME_WAIT], 30);
	prepare(&w, WATCH_SCAN_KILL, "src 0.0.0.0/0");
	assert_int_equal(all_of(&n, &w), 0);
	net_run(&n, 5 * TIME_MS);
	for (uint32_t i = 0; i < 2; i++)
		while (leat_next_event(n.stack[i], &event))
			assert_int_equal(leat_release(n.stack[i], event.conn), LEAT_OK);
	net_ledger(&n);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_those_that_are_meant),
		cmocka_unit_test(of_what_is_sorted_only_what_may_be_among_the_first_is_a_row),
		cmocka_unit_test(one_tuple_is_one_step),
		cmocka_unit_test(a_sum_without_a_look_at_each_is_that_of_a_look_at_each),
		cmocka_unit_test(who_is_killed_is_a_row_and_no_other_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
