/* SPDX-License-Identifier: BSD-3-Clause */

/* What became of TIME-WAIT, and how many connections are how old in each state. */

#include "stack_gauge.h"

#include "base_bits.h"
#include "tcp_tw.h"
#include "test_stack_close.h"

#define PORT 40000 /* from which the client comes, again and again */

/* The server, stack 1, closes first, and the client ends without a trace. */
static void closed_by_server(struct net *n, uint16_t port)
{
	struct leat_addr local = net_addr(0, 4, port), remote = net_addr(1, 4, 80);
	struct leat_conn client, server;

	assert_int_equal(leat_connect(n->stack[0], &local, &remote, &client), LEAT_OK);
	net_run(n, 10 * TIME_MS);
	net_no_events(n, 0);
	server = net_event(n, 1, LEAT_ACCEPTED).conn;
	assert_int_equal(leat_close(n->stack[1], server), LEAT_OK);
	net_run(n, 10 * TIME_MS);
	net_no_events(n, 0);
	assert_int_equal(leat_close(n->stack[0], client), LEAT_OK);
	net_run(n, 10 * TIME_MS);
}

static uint32_t waiting(struct net *n, uint32_t i)
{
	return leat_stack_tcp(n->stack[i])->present[TCP_ST_TIME_WAIT];
}

static struct leat_conn again(struct net *n)
{
	struct leat_addr local = net_addr(0, 4, PORT), remote = net_addr(1, 4, 80);
	struct leat_conn c;

	assert_int_equal(leat_connect(n->stack[0], &local, &remote, &c), LEAT_OK);
	net_run(n, 20 * TIME_MS);
	return c;
}

static void cut(struct net *n, struct leat_conn c)
{
	net_no_events(n, 0);
	net_no_events(n, 1);
	assert_int_equal(leat_abort(n->stack[0], c), LEAT_OK);
	net_run(n, 20 * TIME_MS);
	struct leat_event ev;
	while (leat_next_event(n->stack[1], &ev))
		if (ev.bits & LEAT_CLOSED)
			assert_int_equal(leat_release(n->stack[1], ev.conn), LEAT_OK);
}

/* The FIN comes again as our last ACK was lost. */
static void move_restarted(struct net *n)
{
	struct leat_addr local = net_addr(0, 4, PORT), remote = net_addr(1, 4, 80);
	struct leat_conn client;

	assert_int_equal(leat_connect(n->stack[0], &local, &remote, &client), LEAT_OK);
	net_run(n, 10 * TIME_MS);
	assert_int_equal(leat_close(n->stack[1], net_event(n, 1, LEAT_ACCEPTED).conn), LEAT_OK);
	net_run(n, 10 * TIME_MS);
	net_no_events(n, 0);
	assert_int_equal(leat_close(n->stack[0], client), LEAT_OK);
	net_pump(n, 0);
	n->now += n->one_way_ns;
	net_deliver(n); /* the FIN */
	n->cut = true;
	net_pump(n, 1); /* its ACK */
	n->cut = false;
	assert_int_equal(waiting(n, 1), 1);
	net_run(n, 5 * TIME_S);
	assert_int_equal(net_outcome(n, 1, "restarted"), 1);
	net_run(n, 55 * TIME_S + 500 * TIME_MS);
	assert_int_equal(waiting(n, 1), 1);
	net_run(n, 5 * TIME_S);
	assert_int_equal(net_outcome(n, 1, "expired"), 1);
}

/* The client comes back: by its timestamp, by its number, not at all; and the reset with which it
 * answers the challenge does nothing, or all (RFC 1337). */
static void move_reused(struct net *n, struct leat_conn listener)
{
	closed_by_server(n, PORT);
	cut(n, again(n));
	assert_int_equal(net_outcome(n, 1, "reused_by_timestamp"), 1);
	assert_int_equal(leat_reuse(n->stack[1], listener, LEAT_REUSE_SEQ), LEAT_OK);
	closed_by_server(n, PORT);
	cut(n, again(n));
	assert_int_equal(net_outcome(n, 1, "reused_by_sequence"), 1);
	assert_int_equal(leat_reuse(n->stack[1], listener, LEAT_REUSE_OFF), LEAT_OK);
	closed_by_server(n, PORT);
	cut(n, again(n));
	assert_int_equal(net_outcome(n, 1, "reuse_rejected"), 1);
	assert_int_equal(net_outcome(n, 1, "rst_ignored"), 1);
	assert_int_equal(waiting(n, 1), 1);
	net_run(n, 61 * TIME_S);
	assert_int_equal(leat_time_wait_rst(n->stack[1], listener, true), LEAT_OK);
	closed_by_server(n, PORT);
	cut(n, again(n));
	assert_int_equal(net_outcome(n, 1, "rst_obeyed"), 1);
	assert_int_equal(waiting(n, 1), 0);
	assert_int_equal(leat_reuse(n->stack[1], listener, LEAT_REUSE_TS), LEAT_OK);
	assert_int_equal(leat_time_wait_rst(n->stack[1], listener, false), LEAT_OK);
}

/* A SYN that its sender knows nothing of. */
static void move_returned(struct net *n)
{
	struct tuple tuple = {net_ip(0, 4), net_ip(1, 4), PORT, 80, 0};
	struct seg syn = {.flags = TCP_SYN, .len = 1, .wnd = 1000, .seq = {0}};
	uint8_t frame[NET_FRAME_MAX];

	closed_by_server(n, PORT);
	for (uint32_t i = 0; i < 4; i++) { /* one of them is above RCV.NXT, and no other after it */
		syn.seq = seq_add(syn.seq, UINT32_C(1) << 30);
		net_inject(n, 1, frame, net_frame(n, frame, &tuple, &syn, ""));
		net_run(n, TIME_S);
	}
	assert_true(net_outcome(n, 1, "returned") >= 1);
	assert_int_equal(waiting(n, 1), 1);
	net_run(n, 61 * TIME_S);
}

static void move_connect_reused(struct net *n)
{
	struct leat_conn conn[2];

	net_open(n, 4, 80, conn);
	struct leat_info info;
	assert_int_equal(leat_info(n->stack[0], conn[0], &info), LEAT_OK);
	assert_int_equal(leat_close(n->stack[0], conn[0]), LEAT_OK);
	net_run(n, 10 * TIME_MS);
	assert_int_equal(leat_close(n->stack[1], conn[1]), LEAT_OK);
	net_run(n, 2 * TIME_S);
	net_no_events(n, 1);
	assert_int_equal(leat_connect(n->stack[0], &info.local, &info.remote, &conn[0]), LEAT_OK);
	net_run(n, TIME_S);
	assert_int_equal(net_outcome(n, 0, "connect_reused"), 1);
	conn[1] = net_event(n, 1, LEAT_ACCEPTED).conn;
	assert_int_equal(leat_shutdown(n->stack[1], conn[1]), LEAT_OK);
	net_run(n, TIME_S);
	assert_int_equal(leat_close(n->stack[0], conn[0]), LEAT_OK);
	net_run(n, TIME_S);
	assert_int_equal(leat_abort(n->stack[1], conn[1]), LEAT_OK);
	assert_int_equal(net_outcome(n, 1, "aborted"), 1);
}

/* Each that came to wait went one way, or is still there. */
static void adds_up(struct net *n, uint32_t i)
{
	uint64_t gone = leat_stack_tcp(n->stack[i])->ended[TCP_END_REUSED];
	static const char *const way[] = {"expired", "rst_obeyed", "aborted"};

	for (uint32_t k = 0; k < COUNT_OF(way); k++)
		gone += net_outcome(n, i, way[k]);
	assert_int_equal(net_outcome(n, i, "entered"), gone + waiting(n, i));
}

static void every_outcome_of_time_wait_is_counted(void **state)
{
	struct stack_outcome sum[STACK_OUTCOME_MAX], one[STACK_OUTCOME_MAX];
	struct net n;
	uint32_t cnt;

	(void)state;
	net_init(&n, 11);
	n.config[0].knobs.connect_reuse_ns = TIME_S;
	net_start(&n);
	struct leat_conn listener = net_listen(&n, 1, 4, 80, 8);
	move_restarted(&n);
	move_reused(&n, listener);
	move_returned(&n);
	move_connect_reused(&n);
	for (uint32_t i = 0; i < 2; i++)
		adds_up(&n, i);
	cnt = leat_stack_time_wait(
		leat_stack_counters(n.stack[0]), leat_stack_tcp(n.stack[0]), sum);
	leat_stack_time_wait(leat_stack_counters(n.stack[1]), leat_stack_tcp(n.stack[1]), one);
	/* What happens when the table is full is in test_stack_time_wait.c. */
	for (uint32_t i = 0; i < cnt; i++)
		if (sum[i].cnt + one[i].cnt == 0 && strcmp(sum[i].key, "evicted") != 0 &&
			strcmp(sum[i].key, "refused") != 0)
			fail_msg("nothing moved `%s`", one[i].name);
	net_stop(&n);
}

static struct stack_gauge gauge_of(struct net *n, uint32_t i, uint32_t look)
{
	struct stack_gauge g = {0};
	uint32_t cursor = 0, calls = 1;

	while (leat_stack_gauge(n->stack[i], &cursor, look, &g))
		calls++;
	assert_int_equal(calls, (n->config[i].tcp.tcb_max + look - 1) / look);
	for (uint32_t st = TCP_ST_CLOSED; st < TCP_ST_CNT; st++)
		assert_int_equal(g.cnt[st], leat_stack_tcp(n->stack[i])->present[st]);
	return g;
}

static void the_gauge_tells_the_oldest_of_each_state(void **state)
{
	struct leat_conn conn[2];
	struct stack_gauge g;
	struct net n;

	(void)state;
	net_init(&n, 12);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	net_open(&n, 4, 80, conn);
	net_run(&n, 5 * TIME_S - 20 * TIME_MS);
	struct leat_conn late = net_connect(&n, 4, 80);
	net_run(&n, 2 * TIME_S);
	g = gauge_of(&n, 0, 7);
	assert_int_equal(g.cnt[TCP_ST_ESTABLISHED], 2);
	assert_int_equal(g.oldest_ns[TCP_ST_ESTABLISHED], 7 * TIME_S);
	n.cut = true; /* a FIN that nobody answers */
	assert_int_equal(g.unheard_cnt, 0);
	assert_int_equal(leat_close(n.stack[0], late), LEAT_OK);
	net_run(&n, 3 * TIME_S);
	n.cut = false;
	g = gauge_of(&n, 0, 1000000);
	assert_int_equal(g.unheard_cnt, 1);
	assert_int_equal(g.persist_cnt, 0);
	assert_int_equal(g.cnt[TCP_ST_FIN_WAIT_1], 1);
	assert_int_equal(g.oldest_ns[TCP_ST_FIN_WAIT_1], 3 * TIME_S);
	assert_int_equal(g.oldest_ns[TCP_ST_ESTABLISHED], 10 * TIME_S);
	net_run(&n, 10 * TIME_S); /* FIN-WAIT-2: its limit runs, as it is closed both ways */
	g = gauge_of(&n, 0, 1);
	assert_int_equal(g.unheard_cnt, 0);
	assert_int_equal(g.cnt[TCP_ST_FIN_WAIT_2], 1);
	assert_in_range(g.oldest_ns[TCP_ST_FIN_WAIT_2], 5 * TIME_S, 10 * TIME_S);
	g = gauge_of(&n, 1, 64);
	assert_int_equal(g.cnt[TCP_ST_CLOSE_WAIT], 1);
	assert_int_equal(g.cnt[TCP_ST_LISTEN], 1);
	assert_int_equal(leat_close(n.stack[0], conn[0]), LEAT_OK);
	net_run(&n, TIME_S);
	assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
	net_run(&n, 4 * TIME_S);
	g = gauge_of(&n, 0, 3);
	assert_int_equal(g.cnt[TCP_ST_TIME_WAIT], 1);
	assert_in_range(g.oldest_ns[TCP_ST_TIME_WAIT], 4 * TIME_S - 20 * TIME_MS, 4 * TIME_S);
	net_stop(&n);
}

/* The peer reads nothing: its window closes, and the sender waits for it without an end. */
static void the_gauge_tells_who_waits_for_a_window(void **state)
{
	static const char text[1024];
	struct leat_conn conn[2];
	struct leat_event ev;
	struct stack_gauge g;
	struct net n;

	(void)state;
	net_init(&n, 14);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	net_open(&n, 4, 80, conn);
	for (uint32_t i = 0; i < 60; i++) { /* more than both buffers take */
		while (leat_send(n.stack[0], conn[0], text, sizeof(text)) > 0)
			;
		net_run(&n, TIME_S);
		while (leat_next_event(n.stack[0], &ev))
			;
	}
	g = gauge_of(&n, 0, 64);
	assert_int_equal(g.persist_cnt, 1);
	assert_int_equal(g.unheard_cnt, 0);
	g = gauge_of(&n, 1, 64);
	assert_int_equal(g.persist_cnt, 0);
	net_stop(&n);
}

/* The one that waits longest may not be of the length that most have, nor the next to end. */
static void the_oldest_in_time_wait_is_of_any_length(void **state)
{
	struct leat_conn l;
	struct stack_gauge g;
	struct net n;

	(void)state;
	net_init(&n, 13);
	net_start(&n);
	l = net_listen(&n, 1, 4, 80, 8);
	assert_int_equal(leat_time_wait(n.stack[1], l, 120 * TIME_S), LEAT_OK);
	net_closed_by_server(&n, 4);
	uint64_t began_at = leat_tcp_tw_next(leat_stack_engine(n.stack[1])) - 120 * TIME_S;

	net_run(&n, 7 * TIME_S);
	assert_int_equal(leat_time_wait(n.stack[1], l, 60 * TIME_S), LEAT_OK);
	net_closed_by_server(&n, 4);
	g = gauge_of(&n, 1, 64);
	assert_int_equal(g.cnt[TCP_ST_TIME_WAIT], 2);
	assert_true(g.oldest_ns[TCP_ST_TIME_WAIT] == n.now - began_at);
	net_run(&n, 60 * TIME_S); /* the younger is over */
	g = gauge_of(&n, 1, 64);
	assert_int_equal(g.cnt[TCP_ST_TIME_WAIT], 1);
	assert_true(g.oldest_ns[TCP_ST_TIME_WAIT] == n.now - began_at);
	net_stop(&n);
}

/* One client more; false: nobody answers it. */
static bool another(struct net *n, uint16_t port)
{
	struct leat_addr local = net_addr(0, 4, port), remote = net_addr(1, 4, 80);
	struct leat_event ev = {.bits = 0};
	struct leat_conn client;

	assert_int_equal(leat_connect(n->stack[0], &local, &remote, &client), LEAT_OK);
	net_run(n, 10 * TIME_MS);
	if (leat_next_event(n->stack[1], &ev)) {
		assert_int_equal(leat_close(n->stack[1], ev.conn), LEAT_OK);
		net_run(n, 10 * TIME_MS);
		assert_int_equal(leat_close(n->stack[0], client), LEAT_OK);
		net_run(n, 10 * TIME_MS);
	} else {
		assert_int_equal(leat_abort(n->stack[0], client), LEAT_OK);
	}
	net_no_events(n, 0);
	return ev.bits != 0;
}

/* Who connects and has us close first can fill our TIME-WAIT; then it is kept out, and no 2MSL is a
 * nanosecond shorter for it. */
static void n181_a_full_time_wait_refuses_rather_than_to_be_shorter(void **state)
{
	const uint32_t max = 32, tried = 100;
	uint32_t in = 0;
	struct net n;

	(void)state;
	net_init(&n, 13);
	n.config[1].tcp.tcb_max = max;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	uint64_t began_at = n.now;
	for (uint32_t i = 0; i < tried; i++) {
		in += another(&n, (uint16_t)(PORT + i));
		assert_int_equal(waiting(&n, 1), in);
	}
	assert_in_range(in, max - 2, max); /* the listener has a record, too */
	assert_int_equal(net_outcome(&n, 1, "expired"), 0);
	net_until(&n, began_at + 60 * TIME_S - 1);
	assert_int_equal(waiting(&n, 1), in);
	net_until(&n, n.now + tried * 30 * TIME_MS);
	assert_int_equal(net_outcome(&n, 1, "expired"), in);
	assert_true(another(&n, PORT));
	adds_up(&n, 1);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n181_a_full_time_wait_refuses_rather_than_to_be_shorter),
		cmocka_unit_test(every_outcome_of_time_wait_is_counted),
		cmocka_unit_test(the_gauge_tells_the_oldest_of_each_state),
		cmocka_unit_test(the_gauge_tells_who_waits_for_a_window),
		cmocka_unit_test(the_oldest_in_time_wait_is_of_any_length),
	};

	return cmocka_run_group_tests_name("stack_gauge", tests, NULL, NULL);
}
