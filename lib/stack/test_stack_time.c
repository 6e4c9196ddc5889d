/* SPDX-License-Identifier: BSD-3-Clause */

/* What determinism asks of time: one order of deadlines, and instants far apart. */

#include "base_bits.h"
#include "test_stack_net.h"

static void neighbours_and_connections_share_one_order_and_one_budget(void **state)
{
	struct leat_addr local = {0}, silent = net_addr(1, 4, 80), unknown = net_addr(8, 4, 80);
	struct leat_conn conn;
	struct net n;

	(void)state;
	net_init(&n, 5);
	net_start(&n);
	struct leat_stack *s = n.stack[0];
	uint64_t t0 = n.now;
	n.cut = true;
	leat_inet_neigh_set(leat_stack_neigh(s), net_ip(1, 4), n.config[1].link.mac);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(leat_connect(s, &local, i % 2 ? &unknown : &silent, &conn), 0);
		net_run(&n, 200 * TIME_MS);
		unknown.octet[3]++;
	}
	/* Each connection has a SYN to resend a second later; half of them, a question as well. */
	static const struct {
		uint64_t ms;
		uint64_t rto_fired; /* after it */
	} due[] = {{1000, 1}, {1200, 1}, {1200, 2}, {1400, 3}, {1600, 3}, {1600, 4}};
	for (uint32_t i = 0; i < COUNT_OF(due); i++) {
		assert_int_equal(leat_stack_next_deadline(s), t0 + due[i].ms * TIME_MS);
		assert_int_equal(leat_stack_timers(s, t0 + 1900 * TIME_MS, 1), 1);
		assert_int_equal(leat_stack_tcp(s)->rto_fired, due[i].rto_fired);
	}
	assert_int_equal(leat_stack_timers(s, t0 + 1900 * TIME_MS, 64), 0);
	assert_int_equal(leat_stack_timers(s, t0 + 10 * TIME_S, 3), 3);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_and_connections_share_one_order_and_one_budget),
	};

	return cmocka_run_group_tests_name("stack_time", tests, NULL, NULL);
}
