/* SPDX-License-Identifier: BSD-3-Clause */

/* N233: a stack that starts anew within 2MSL, with the addresses it had, among peers that know the
 * connections it has forgotten (RFC 9293 3.4.3).  Each test is also run without what protects, to
 * see that the danger is there. */

#include "base_bits.h"
#include "test_stack_net.h"

#define CNT    64
#define PORT   20000 /* of the first connection */
#define OCTETS 10

/* How the second run begins. */
enum way {
	WAY_KEPT, /* with the first one's secret, and its clock goes on */
	WAY_NEW,  /* with a secret of its own */
};

static struct {
	struct net n;
	struct leat_conn listener;
	/* Of each connection of the first run: both ISS, and the frame with its text. */
	struct seq iss[2][CNT];
	uint8_t frame[CNT][NET_FRAME_MAX];
	uint32_t octets[CNT];
} w;

static void begin(uint64_t seed)
{
	memset(&w, 0, sizeof(w));
	net_init(&w.n, seed);
	for (uint32_t i = 0; i < 2; i++)
		w.n.config[i].tcp.tcb_max = 4 * CNT;
	w.n.config[0].secret = (struct hash_key){seed, ~seed};
	net_start(&w.n);
	w.listener = net_listen(&w.n, 1, 4, 80, 2 * CNT);
}

/* restart is a crash of stack 0: what it knew is gone, the wire goes on. */
static void restart(enum way way, uint64_t quiet_ns)
{
	struct stack_config *c = &w.n.config[0];

	net_give(&w.n, 0);
	memset(w.n.mem[0], 0xa5, leat_stack_footprint(c));
	c->quiet_ns = quiet_ns;
	c->seed += 1000;
	if (way == WAY_NEW)
		c->secret = (struct hash_key){0, 0};
	w.n.stack[0] = leat_stack_new(w.n.mem[0], c, w.n.now);
}

static const struct tcb *tcb_of(uint32_t i, struct leat_conn c)
{
	return leat_tcp_tcb(leat_stack_engine(w.n.stack[i]), (uint32_t)c.id - 1);
}

static int open_one(uint32_t i, struct leat_conn *conn)
{
	struct leat_addr local = net_addr(0, 4, (uint16_t)(PORT + i)), remote = net_addr(1, 4, 80);

	return leat_connect(w.n.stack[0], &local, &remote, conn);
}

/* The server's end of the connection from that port; 0: it has none. */
static struct leat_conn server_of(uint32_t i)
{
	struct leat_conn c, none = {0};
	struct leat_info info;
	uint32_t cursor = 0;

	while (leat_next_conn(w.n.stack[1], &cursor, &c)) {
		assert_int_equal(leat_info(w.n.stack[1], c, &info), LEAT_OK);
		if (info.remote.port == PORT + i)
			return c;
	}
	return none;
}

/* Opens all CNT and sends text on each; the frame with it is remembered, a copy of it may still be
 * under way when all else is over. */
static void first_run(struct leat_conn *conn)
{
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(open_one(i, &conn[i]), LEAT_OK);
	net_run(&w.n, 100 * TIME_MS);
	net_no_events(&w.n, 0);
	net_no_events(&w.n, 1);
	assert_int_equal(leat_stack_tcp(w.n.stack[1])->present[TCP_ST_ESTABLISHED], CNT);
	for (uint32_t i = 0; i < CNT; i++) {
		w.iss[0][i] = tcp_iss(tcb_of(0, conn[i]));
		w.iss[1][i] = tcp_iss(tcb_of(1, server_of(i)));
		assert_int_equal(leat_send(w.n.stack[0], conn[i], "oooooooooo", OCTETS), OCTETS);
		net_pump(&w.n, 0);
		const struct net_flight *f = &w.n.flight[(w.n.head + w.n.cnt - 1) % NET_FLIGHT_MAX];
		memcpy(w.frame[i], f->data, f->octets);
		w.octets[i] = f->octets;
	}
	net_run(&w.n, 100 * TIME_MS);
	net_no_events(&w.n, 1);
}

/* Both ends close, who is first waits; the server reads what there was. */
static void close_run(const struct leat_conn *conn, bool server_first)
{
	char text[64];

	for (uint32_t turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < CNT; i++) {
			if ((turn == 0) != server_first) {
				assert_int_equal(leat_close(w.n.stack[0], conn[i]), LEAT_OK);
				continue;
			}
			struct leat_conn c = server_of(i);
			assert_int_equal(leat_recv(w.n.stack[1], c, text, sizeof(text)), OCTETS);
			assert_int_equal(leat_close(w.n.stack[1], c), LEAT_OK);
		}
		net_run(&w.n, 100 * TIME_MS);
		net_no_events(&w.n, 0);
		net_no_events(&w.n, 1);
	}
	assert_int_equal(leat_stack_tcp(w.n.stack[server_first])->present[TCP_ST_TIME_WAIT], CNT);
}

/* How many of the old frames the server takes for text of the new connections.  All ISS are the
 * old ones, as they may be by chance or after fast connections: only timestamps tell then. */
static uint32_t stale_accepted(enum way way, uint64_t seed)
{
	struct leat_conn conn[CNT];
	uint32_t stale = 0;

	begin(seed);
	first_run(conn);
	close_run(conn, false);
	net_run(&w.n, TIME_S);
	restart(way, 0);
	for (uint32_t i = 0; i < CNT; i++) {
		for (uint32_t k = 0; k < 2; k++)
			leat_tcp_iss_force(leat_stack_engine(w.n.stack[k]), w.iss[k][i].v);
		assert_int_equal(open_one(i, &conn[i]), LEAT_OK);
		net_run(&w.n, 10 * TIME_MS);
	}
	net_no_events(&w.n, 0);
	net_no_events(&w.n, 1); /* it has accepted them */
	for (uint32_t i = 0; i < CNT; i++) {
		net_inject(&w.n, 1, w.frame[i], w.octets[i]);
		stale += leat_readable(w.n.stack[1], server_of(i)) > 0;
	}
	net_no_events(&w.n, 1);
	net_stop(&w.n);
	return stale;
}

static void n233_no_text_of_the_last_run_is_taken_for_this_ones(void **state)
{
	uint32_t stale = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		assert_int_equal(stale_accepted(WAY_KEPT, seed), 0);
		stale += stale_accepted(WAY_NEW, seed);
	}
	assert_in_range(stale, CNT, 3 * CNT); /* of 4 x CNT: a timestamp is newer or it is not */
}

/* How many connects are open after a second, when the peer's ends wait or are open still. */
static uint32_t reopened(enum way way, uint64_t seed, bool peer_waits)
{
	struct leat_conn conn[CNT];

	begin(seed);
	first_run(conn);
	if (peer_waits)
		close_run(conn, true);
	net_run(&w.n, TIME_S);
	restart(way, 0);
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(open_one(i, &conn[i]), LEAT_OK);
	net_run(&w.n, peer_waits ? 900 * TIME_MS : 5 * TIME_S);
	uint32_t open = leat_stack_tcp(w.n.stack[0])->present[TCP_ST_ESTABLISHED];
	net_no_events(&w.n, 0);
	net_no_events(&w.n, 1);
	net_stop(&w.n);
	return open;
}

static void n233_peers_in_time_wait_let_the_next_run_in(void **state)
{
	uint32_t open = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		assert_int_equal(reopened(WAY_KEPT, seed, true), CNT);
		open += reopened(WAY_NEW, seed, true);
	}
	assert_in_range(open, CNT, 3 * CNT);
}

/* Figure 9: the challenge ACK, our reset, and the SYN again. */
static void n233_peers_that_are_open_still_are_told(void **state)
{
	(void)state;
	assert_int_equal(reopened(WAY_KEPT, 5, false), CNT);
	assert_int_equal(reopened(WAY_NEW, 5, false), CNT);
}

static void n233_in_the_quiet_time_nothing_is_opened_and_all_is_listened_for(void **state)
{
	struct leat_conn conn[CNT], c, late;
	struct leat_addr from = net_addr(0, 4, 7), local = net_addr(0, 4, 80);
	struct leat_addr remote = net_addr(1, 4, 80), to = net_addr(0, 4, 80);

	(void)state;
	begin(6);
	first_run(conn);
	restart(WAY_NEW, 60 * TIME_S);
	assert_int_equal(open_one(0, &c), LEAT_ERR_QUIET);
	assert_int_equal(leat_listen(w.n.stack[0], &local, 4, &c), LEAT_OK);
	assert_int_equal(leat_listen_from(w.n.stack[0], &from, &remote, &late), LEAT_OK);
	assert_int_equal(leat_send(w.n.stack[0], late, "x", 1), LEAT_ERR_QUIET);
	local = net_addr(1, 4, 0);
	assert_int_equal(leat_connect(w.n.stack[1], &local, &to, &c), LEAT_OK);
	net_run(&w.n, TIME_S);
	net_event(&w.n, 0, LEAT_ACCEPTED);
	assert_int_equal(leat_stack_counters(w.n.stack[0])->quiet_refused, 2);
	net_run(&w.n, 59 * TIME_S);
	assert_int_equal(open_one(0, &c), LEAT_OK);
	assert_int_equal(leat_send(w.n.stack[0], late, "x", 1), 1);
	net_no_events(&w.n, 1);
	net_stop(&w.n);
}

/* What a peer sees of the clock goes on, whatever the epoch of now is. */
static void n233_numbers_go_on_where_the_last_run_left_them(void **state)
{
	struct leat_info info;
	struct leat_conn c;

	(void)state;
	begin(7);
	assert_int_equal(open_one(0, &c), LEAT_OK);
	const struct tcb *tcb = tcb_of(0, c);
	struct seq iss = tcp_iss(tcb);
	uint32_t ts = tcb->ts_offset + (uint32_t)(w.n.now / TIME_MS);
	assert_int_equal(leat_info(w.n.stack[0], c, &info), LEAT_OK);
	net_run(&w.n, TIME_S);
	w.n.config[0].knobs.epoch_ns = 3600 * TIME_S;
	restart(WAY_KEPT, 0);
	assert_int_equal(open_one(0, &c), LEAT_OK);
	tcb = tcb_of(0, c);
	assert_int_equal(seq_diff(tcp_iss(tcb), iss), (int32_t)(3601 * TIME_S / 4000));
	assert_int_equal(tcb->ts_offset + (uint32_t)(w.n.now / TIME_MS) - ts, 3601000);
	net_no_events(&w.n, 1);
	net_stop(&w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n233_no_text_of_the_last_run_is_taken_for_this_ones),
		cmocka_unit_test(n233_peers_in_time_wait_let_the_next_run_in),
		cmocka_unit_test(n233_peers_that_are_open_still_are_told),
		cmocka_unit_test(n233_in_the_quiet_time_nothing_is_opened_and_all_is_listened_for),
		cmocka_unit_test(n233_numbers_go_on_where_the_last_run_left_them),
	};

	return cmocka_run_group_tests_name("stack_restart", tests, NULL, NULL);
}
