/* SPDX-License-Identifier: BSD-3-Clause */

/* Many addresses of ours, of IPv6: a control block has the number of its own, and a lookup must
 * tell them apart where ports and the other end are the same. */

#include "base_bits.h"
#include "test_stack_net.h"

#define FD00  (UINT64_C(0xfd00) << 48)
#define FE80  (UINT64_C(0xfe80) << 48)
#define RANGE 65536u
#define PORT  7000

/* Ours by number: those of the link, but for that of IPv4, and of the range. */
static const uint32_t own[] = {0, 2, 3, 4, 5, 6, 7, 8, 9, 8 + 255, 8 + 256, 8 + RANGE - 1};

#define CNT COUNT_OF(own)

struct own_world {
	struct net n;
	struct leat_conn conn[CNT][2];
};

static struct leat_addr addr_of(struct ip ip, uint16_t port)
{
	struct leat_addr addr = {.port = port};

	addr.family = ip_put(ip, addr.octet);
	return addr;
}

static bool addr_eq(const struct leat_addr *a, const struct leat_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

/* Stack 0 has them; stack 1 listens at an address of the one prefix and of the other. */
static void start(struct own_world *w)
{
	struct wire_link *link = &w->n.config[0].link;

	net_init(&w->n, 31);
	link->local_cnt = WIRE_LOCAL_MAX;
	link->local[0] = (struct wire_local){{FE80, 1}, 64};
	link->local[1] = (struct wire_local){net_ip(0, 4), 24};
	for (uint32_t i = 2; i < WIRE_LOCAL_MAX; i++)
		link->local[i] = (struct wire_local){{FD00, UINT64_C(1) << (8 * i - 8)}, 64};
	link->range_from = (struct ip){FD00, 0xff0000f0};
	link->range_to = (struct ip){FD00, 0xff0000f0 + RANGE - 1};
	w->n.config[1].link.local_cnt = 3;
	w->n.config[1].link.local[2] = (struct wire_local){{FE80, 2}, 64};
	net_start(&w->n);
	for (uint32_t i = 0; i < 2; i++) {
		const struct leat_addr at =
			addr_of(i == 0 ? net_ip(1, 6) : (struct ip){FE80, 2}, 80);
		struct leat_conn listener;

		assert_int_equal(leat_listen(w->n.stack[1], &at, 64, &listener), LEAT_OK);
	}
}

static struct leat_addr own_addr(const struct own_world *w, uint32_t i)
{
	return addr_of(wire_own_at(&w->n.config[0].link, own[i]), PORT);
}

static struct leat_addr peer_addr(uint32_t i)
{
	return addr_of(own[i] == 0 ? (struct ip){FE80, 2} : net_ip(1, 6), 80);
}

static void check_ends(struct own_world *w, uint32_t i)
{
	const struct leat_addr ours = own_addr(w, i), theirs = peer_addr(i);

	for (uint32_t side = 0; side < 2; side++) {
		struct leat_info info;

		assert_int_equal(leat_info(w->n.stack[side], w->conn[i][side], &info), LEAT_OK);
		assert_string_equal(info.state, "ESTABLISHED");
		assert_true(addr_eq(side == 0 ? &info.local : &info.remote, &ours));
		assert_true(addr_eq(side == 0 ? &info.remote : &info.local, &theirs));
	}
}

static void open_all(struct own_world *w)
{
	for (uint32_t i = 0; i < CNT; i++) {
		const struct leat_addr local = own_addr(w, i), remote = peer_addr(i);

		assert_int_equal(
			leat_connect(w->n.stack[0], &local, &remote, &w->conn[i][0]), LEAT_OK);
		net_run(&w->n, 20 * TIME_MS);
		assert_int_equal(net_event(&w->n, 0, LEAT_CONNECTED).conn.id, w->conn[i][0].id);
		w->conn[i][1] = net_event(&w->n, 1, LEAT_ACCEPTED).conn;
	}
	for (uint32_t i = 0; i < CNT; i++)
		check_ends(w, i);
}

/* Each has as much text, both ways, as nobody else has. */
static void talk_all(struct own_world *w)
{
	static const char text[CNT + 1];

	for (uint32_t i = 0; i < CNT; i++)
		for (uint32_t side = 0; side < 2; side++)
			assert_int_equal(
				leat_send(w->n.stack[side], w->conn[i][side], text, i + 1), i + 1);
	net_run(&w->n, 100 * TIME_MS);
	for (uint32_t i = 0; i < CNT; i++)
		for (uint32_t side = 0; side < 2; side++)
			assert_int_equal(leat_readable(w->n.stack[side], w->conn[i][side]), i + 1);
}

/* Side first closes first, and waits. */
static void close_all(struct own_world *w, uint32_t first)
{
	char text[CNT + 1];

	for (uint32_t i = 0; i < CNT; i++)
		for (uint32_t side = 0; side < 2; side++)
			assert_int_equal(
				leat_recv(w->n.stack[side], w->conn[i][side], text, sizeof(text)),
				i + 1);
	for (uint32_t k = 0; k < 2; k++) {
		for (uint32_t i = 0; i < CNT; i++)
			assert_int_equal(
				leat_close(w->n.stack[first ^ k], w->conn[i][first ^ k]), LEAT_OK);
		net_run(&w->n, 20 * TIME_MS);
	}
	for (uint32_t side = 0; side < 2; side++) {
		net_no_events(&w->n, side);
		assert_int_equal(leat_stack_tcp(w->n.stack[side])->present[TCP_ST_TIME_WAIT],
			side == first ? CNT : 0);
	}
	net_ledger(&w->n);
}

/* Twice: the same tuples again are let in by TIME-WAIT, each by its own. */
static void connections_differ_by_our_address_alone(void **state)
{
	struct own_world w;

	(void)state;
	start(&w);
	for (uint32_t round = 0; round < 2; round++) {
		open_all(&w);
		talk_all(&w);
		close_all(&w, 1);
	}
	assert_int_equal(leat_stack_tcp(w.n.stack[1])->ended[TCP_END_REUSED], CNT);
	net_stop(&w.n);
}

static void who_connects_may_wait_at_each_address(void **state)
{
	struct own_world w;

	(void)state;
	start(&w);
	open_all(&w);
	talk_all(&w);
	close_all(&w, 0);
	for (uint32_t i = 0; i < CNT; i++) {
		const struct leat_addr local = own_addr(&w, i), remote = peer_addr(i);

		assert_int_equal(leat_connect(w.n.stack[0], &local, &remote, &w.conn[i][0]),
			LEAT_ERR_IN_USE);
	}
	net_run(&w.n, 61 * TIME_S);
	assert_int_equal(leat_stack_tcp(w.n.stack[0])->present[TCP_ST_TIME_WAIT], 0);
	open_all(&w);
	net_stop(&w.n);
}

/* A listener for one peer has the ends of a connection. */
static void a_listener_is_for_one_peer(void **state)
{
	struct own_world w;
	struct leat_info info;

	(void)state;
	start(&w);
	for (uint32_t i = 0; i < CNT; i++) {
		const struct leat_addr local = own_addr(&w, i), remote = peer_addr(i);
		struct leat_conn c;

		assert_int_equal(leat_listen_from(w.n.stack[0], &local, &remote, &c), LEAT_OK);
		assert_int_equal(leat_info(w.n.stack[0], c, &info), LEAT_OK);
		assert_true(addr_eq(&info.local, &local) && addr_eq(&info.remote, &remote));
	}
	net_stop(&w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_differ_by_our_address_alone),
		cmocka_unit_test(who_connects_may_wait_at_each_address),
		cmocka_unit_test(a_listener_is_for_one_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
