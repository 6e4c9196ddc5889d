/* SPDX-License-Identifier: BSD-3-Clause */

/* How long TIME-WAIT lasts for each of thousands, on a core that takes turns of a
 * bounded size and has other work. */

#define NET_FLIGHT_MAX 32768

#include "base_bits.h"
#include "test_stack_net.h"

#define CNT   6000
#define TALK  50 /* connections that never close, whose timers stand among the others */
#define TURN  TIME_MS
#define PORT  10000 /* of the first connection, whose number is 0 */
#define QUOTA 64    /* timers fired in a turn */

static struct {
	struct net n;
	uint64_t entered[CNT + TALK]; /* TIME-WAIT, 0: not yet */
	uint64_t two_msl_ns;
	uint64_t longest_ns;
	uint32_t over_cnt, entered_cnt;
} w;

static uint32_t number_of(struct leat_conn c)
{
	struct leat_info info;

	assert_int_equal(leat_info(w.n.stack[0], c, &info), LEAT_OK);
	return info.local.port - PORT;
}

static void over(uint32_t i)
{
	assert_true(i < CNT && w.entered[i] != 0);
	uint64_t lasted = w.n.now - w.entered[i];

	assert_true(lasted >= w.two_msl_ns);
	w.longest_ns = u64_max(w.longest_ns, lasted);
	w.over_cnt++;
}

static void events(void)
{
	struct leat_event ev = {.bits = 0};
	char text[64];

	while (leat_next_event(w.n.stack[0], &ev)) {
		uint32_t i = number_of(ev.conn);

		if (ev.bits & LEAT_PEER_CLOSED) {
			assert_string_equal(net_state(&w.n, 0, ev.conn), "TIME-WAIT");
			w.entered[i] = w.n.now;
			w.entered_cnt++;
		}
		if (!(ev.bits & LEAT_CLOSED))
			continue;
		over(i);
		assert_int_equal(leat_release(w.n.stack[0], ev.conn), LEAT_OK);
	}
	while (leat_next_event(w.n.stack[1], &ev)) {
		if (ev.bits & LEAT_READABLE)
			(void)leat_recv(w.n.stack[1], ev.conn, text, sizeof(text));
		if (ev.bits & LEAT_PEER_CLOSED)
			(void)leat_close(w.n.stack[1], ev.conn);
	}
}

/* turn is what a shard does: what came, timers up to the quota, events, what leaves. */
static void turn(void)
{
	w.n.now += TURN;
	net_deliver(&w.n);
	leat_stack_timers(w.n.stack[0], w.n.now, QUOTA);
	while (leat_stack_timers(w.n.stack[1], w.n.now, QUOTA) == QUOTA)
		;
	for (uint32_t i = 0; i < 2; i++)
		net_give(&w.n, i);
	events();
	net_pump(&w.n, 0);
	net_pump(&w.n, 1);
}

static void open_all(struct leat_conn *conn)
{
	net_init(&w.n, 99);
	w.two_msl_ns = w.n.config[0].knobs.two_msl_ns;
	for (uint32_t i = 0; i < 2; i++) {
		w.n.config[i].tcp.tcb_max = CNT + TALK + 1;
		w.n.config[i].tcp.rbuf_max = 4 * TALK;
	}
	net_start(&w.n);
	net_listen(&w.n, 1, 4, 80, CNT + TALK);
	for (uint32_t i = 0; i < CNT + TALK; i++) {
		struct leat_addr local = net_addr(0, 4, (uint16_t)(PORT + i));
		struct leat_addr remote = net_addr(1, 4, 80);

		assert_int_equal(leat_connect(w.n.stack[0], &local, &remote, &conn[i]), LEAT_OK);
		if (i % 16 == 0)
			turn();
	}
	for (uint32_t i = 0; i < 2000; i++)
		turn();
	assert_int_equal(leat_stack_tcp(w.n.stack[0])->present[TCP_ST_ESTABLISHED], CNT + TALK);
}

/* close_all closes at_once in a turn until all are, while others talk; then time goes by. */
static void close_all(const struct leat_conn *conn, uint32_t at_once)
{
	uint64_t until = w.n.now + CNT / at_once * TURN + w.two_msl_ns + TIME_S;

	for (uint32_t at = 0, i = 0; w.n.now < until; i++) {
		for (uint32_t k = 0; k < at_once && at < CNT; k++)
			assert_int_equal(leat_shutdown(w.n.stack[0], conn[at++]), LEAT_OK);
		if (i % 10 == 0)
			(void)leat_send(w.n.stack[0], conn[CNT + i / 10 % TALK], "x", 1);
		turn();
		if (i % 1000 == 0)
			net_ledger(&w.n);
	}
	assert_int_equal(w.entered_cnt, CNT);
	assert_int_equal(w.over_cnt, CNT);
	assert_int_equal(leat_stack_tcp(w.n.stack[0])->time_wait_entered, CNT);
	assert_int_equal(leat_stack_tcp(w.n.stack[0])->ended[TCP_END_TIME_WAIT], CNT);
	assert_int_equal(leat_stack_tcp(w.n.stack[0])->present[TCP_ST_ESTABLISHED], TALK);
}

/* lasts returns how much longer than 2MSL it took at the most. */
static uint64_t lasts(uint32_t at_once)
{
	struct leat_conn *conn = calloc(CNT + TALK, sizeof(*conn));

	assert_non_null(conn);
	memset(&w, 0, sizeof(w));
	open_all(conn);
	close_all(conn, at_once);
	net_stop(&w.n);
	free(conn);
	return w.longest_ns - w.two_msl_ns;
}

/* MUST-13 */
static void n099_time_wait_of_thousands_lasts_2msl_and_a_turn_at_most(void **state)
{
	(void)state;
	assert_in_range(lasts(QUOTA / 4), 0, TURN);
	assert_in_range(lasts(QUOTA - 8), 0, TURN);
}

/* All end at one instant: a turn has its share of them, and none waits for more than these. */
static void n099_time_wait_of_thousands_at_one_instant_lasts_a_turn_per_quota(void **state)
{
	(void)state;
	assert_in_range(lasts(CNT), (CNT / QUOTA - 2) * TURN, (CNT / QUOTA + 4) * TURN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n099_time_wait_of_thousands_lasts_2msl_and_a_turn_at_most),
		cmocka_unit_test(n099_time_wait_of_thousands_at_one_instant_lasts_a_turn_per_quota),
	};

	return cmocka_run_group_tests_name("stack_wait", tests, NULL, NULL);
}
