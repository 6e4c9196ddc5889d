/* SPDX-License-Identifier: BSD-3-Clause */

/* What few connections need comes from pools, which may be empty; and what all need, in octets. */

#include "base_bits.h"
#include "test_stack_net.h"

#define IDLE_OCTETS 288
#define CONNS       1000000

static void config_of(struct net *n, uint32_t conns, bool ip6)
{
	struct stack_config *c = &n->config[0];

	net_init(n, 5);
	c->link.local_cnt = ip6 ? 2 : 1;
	c->tcp.tcb_max = conns;
	c->tcp.ext_max = c->tcp.srec_max = 1; /* nothing is on the way */
}

/* What the footprint has more for each of a million, without the records of TIME-WAIT, which have a
 * limit of their own; the flow table is full then. */
static double octets_each(bool ip6)
{
	struct stack_part part[STACK_PART_MAX];
	double octets = 0;

	for (uint32_t i = 0; i < 2; i++) {
		struct net n;

		config_of(&n, i == 0 ? CONNS + 64 : 64, ip6);
		size_t all = leat_stack_footprint(&n.config[0]);

		assert_true(all > 0 && leat_stack_parts(&n.config[0], part) > 0);
		assert_string_equal(part[1].name, "TIME-WAIT");
		octets += (i == 0 ? 1.0 : -1.0) * (double)(all - part[1].octets);
	}
	return octets / CONNS;
}

static void an_idle_connection_takes_288_octets_everything_counted(void **state)
{
	(void)state;
	double ip4 = octets_each(false), ip6 = octets_each(true);

	print_message("# %.1f octets for each connection, %.1f where there is IPv6\n", ip4, ip6);
	assert_true(ip4 <= IDLE_OCTETS);
	assert_true(ip6 <= IDLE_OCTETS);
}

static void the_parts_name_what_an_idle_connection_takes(void **state)
{
	struct stack_part part[STACK_PART_MAX];
	struct net n;

	(void)state;
	config_of(&n, CONNS, false);
	assert_true(leat_stack_parts(&n.config[0], part) > 0);
	assert_string_equal(part[0].name, "connections");
	assert_string_equal(part[2].name, "flow index");
	assert_true((double)(part[0].octets + part[2].octets) / CONNS <= IDLE_OCTETS);
}

/* Two connections where there is one place. */
static void open_two(struct net *n, struct leat_conn conn[2][2])
{
	struct leat_conn listener;

	net_init(n, 6);
	n->config[0].tcp.side_max = n->config[1].tcp.side_max = 1;
	net_start(n);
	listener = net_listen(n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < 2; i++)
		net_open(n, 4, 80, conn[i]);
	(void)listener;
}

static void keepalive_and_user_timeout_are_refused_without_a_place(void **state)
{
	struct leat_conn conn[2][2];
	struct net n;

	(void)state;
	open_two(&n, conn);
	assert_int_equal(leat_keepalive(n.stack[0], conn[0][0], true), LEAT_OK);
	assert_int_equal(leat_user_timeout(n.stack[0], conn[0][0], TIME_S), LEAT_OK);
	assert_int_equal(leat_keepalive(n.stack[0], conn[1][0], true), LEAT_ERR_FULL);
	assert_int_equal(leat_user_timeout(n.stack[0], conn[1][0], TIME_S), LEAT_ERR_FULL);
	assert_int_equal(leat_keepalive(n.stack[0], conn[1][0], false), LEAT_OK);
	assert_int_equal(leat_user_timeout(n.stack[0], conn[1][0], 0), LEAT_OK);
	assert_int_equal(leat_stack_tcp(n.stack[0])->side_none, 2);
	net_ledger(&n);

	/* The first one's place is free with its end, and no timer of the other was left behind. */
	assert_int_equal(leat_abort(n.stack[0], conn[0][0]), LEAT_OK);
	assert_int_equal(leat_stack_tcp(n.stack[0])->side_held, 0);
	assert_int_equal(leat_keepalive(n.stack[0], conn[1][0], true), LEAT_OK);
	net_run(&n, 20 * TIME_MS);
	net_stop(&n);
}

static void urgent_text_is_refused_or_is_text_without_a_place(void **state)
{
	struct leat_conn conn[2][2];
	char text[8];
	struct net n;

	(void)state;
	open_two(&n, conn);
	net_no_events(&n, 1);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(leat_keepalive(n.stack[i], conn[0][i], true), LEAT_OK);
	assert_int_equal(leat_send_urgent(n.stack[0], conn[1][0], "x", 1), LEAT_ERR_FULL);

	/* The sender gets one, the receiver does not. */
	assert_int_equal(leat_abort(n.stack[0], conn[0][0]), LEAT_OK);
	n.cut = true;
	net_run(&n, 20 * TIME_MS);
	n.cut = false;
	assert_int_equal(leat_send_urgent(n.stack[0], conn[1][0], "abc", 3), 3);
	net_run(&n, 20 * TIME_MS);
	net_event(&n, 1, LEAT_READABLE);
	assert_int_equal(leat_urgent(n.stack[1], conn[1][1]), 0);
	assert_int_equal(leat_recv(n.stack[1], conn[1][1], text, sizeof(text)), 3);
	assert_true(leat_stack_tcp(n.stack[1])->side_none > 0);
	net_stop(&n);
}

static void a_child_does_without_what_its_listener_has(void **state)
{
	struct leat_conn listener, conn[2][2];
	struct leat_info info;
	struct net n;

	(void)state;
	net_init(&n, 7);
	n.config[1].tcp.side_max = 2; /* the listener's own, and one child's */
	net_start(&n);
	listener = net_listen(&n, 1, 4, 80, 8);
	assert_int_equal(leat_user_timeout(n.stack[1], listener, 7 * TIME_S), LEAT_OK);
	for (uint32_t i = 0; i < 2; i++) {
		net_open(&n, 4, 80, conn[i]);
		assert_int_equal(leat_info(n.stack[1], conn[i][1], &info), LEAT_OK);
		assert_int_equal(
			info.user_timeout_ms, i == 0 ? 7000 : n.config[1].knobs.r2_ns / TIME_MS);
	}
	net_stop(&n);
}

static void fill(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	(void)arg;
	for (uint32_t i = 0; i < octets; i++)
		dst[i] = net_octet(offset + i, 1);
}

static void a_source_has_a_place_until_its_connection_ends(void **state)
{
	const struct leat_source source = {.fill = fill};
	struct leat_conn listener, conn[2][2];
	struct net n;

	(void)state;
	net_init(&n, 8);
	n.config[0].source_max = 1;
	net_start(&n);
	listener = net_listen(&n, 1, 4, 80, 8);
	(void)listener;
	for (uint32_t i = 0; i < 2; i++)
		net_open(&n, 4, 80, conn[i]);
	assert_int_equal(leat_send_source(n.stack[0], conn[0][0], &source, 3000), LEAT_OK);
	assert_int_equal(leat_send_source(n.stack[0], conn[1][0], &source, 1), LEAT_ERR_AGAIN);
	assert_int_equal(leat_stack_counters(n.stack[0])->send_no_chunk, 1);
	net_run(&n, TIME_S);
	assert_int_equal(leat_readable(n.stack[1], conn[0][1]), 3000);
	assert_int_equal(leat_send_source(n.stack[0], conn[0][0], &source, 10), LEAT_OK);
	net_ledger(&n);
	assert_int_equal(leat_abort(n.stack[0], conn[0][0]), LEAT_OK);
	assert_int_equal(leat_send_source(n.stack[0], conn[1][0], &source, 1), LEAT_OK);
	net_run(&n, TIME_S);
	assert_int_equal(leat_readable(n.stack[1], conn[1][1]), 1);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_connection_takes_288_octets_everything_counted),
		cmocka_unit_test(the_parts_name_what_an_idle_connection_takes),
		cmocka_unit_test(keepalive_and_user_timeout_are_refused_without_a_place),
		cmocka_unit_test(urgent_text_is_refused_or_is_text_without_a_place),
		cmocka_unit_test(a_child_does_without_what_its_listener_has),
		cmocka_unit_test(a_source_has_a_place_until_its_connection_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
