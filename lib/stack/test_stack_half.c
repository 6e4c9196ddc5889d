/* SPDX-License-Identifier: BSD-3-Clause */

/* Half-open connections: floods, cookies, and tuples that are taken over from TIME-WAIT. */

#include "flow_steer.h"
#include "test_stack_close.h"

#define PORT 80

static void start(struct net *n, uint64_t seed, enum tcp_cookies cookies)
{
	net_init(n, seed);
	n->config[1].knobs.syn_cookies = (uint8_t)cookies;
	net_start(n);
}

static uint64_t verdict(struct net *n, enum tcp_verdict v)
{
	return leat_stack_tcp(n->stack[1])->verdict[v];
}

static uint64_t ended(struct net *n, enum tcp_end end)
{
	return leat_stack_tcp(n->stack[1])->ended[end];
}

/* A segment of a stranger whose address nobody has, so that nobody answers for him. */
static void inject(struct net *n, const struct tuple *from, const struct seg *seg)
{
	uint8_t frame[NET_FRAME_MAX];

	(void)net_inject(n, 1, frame, net_frame(n, frame, from, seg, ""));
	net_pump(n, 1);
}

static struct tuple stranger(uint32_t i)
{
	return (struct tuple){.local = ip_from4(0x0a000040 + i % 100),
		.remote = net_ip(1, 4),
		.lport = (uint16_t)(1024 + i / 100),
		.rport = PORT};
}

static void flood(struct net *n, uint32_t from, uint32_t cnt)
{
	for (uint32_t i = from; i < from + cnt; i++) {
		struct tuple t = stranger(i);
		struct seg syn = {.seq = seq_of(i * 7919), .flags = TCP_SYN, .wnd = 1000};

		inject(n, &t, &syn);
	}
}

/* N155, invariant 30 of the simulator. */
static void a_flood_does_not_keep_a_client_out_while_it_lasts(void **state)
{
	struct net n;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		start(&n, 1 + i, i ? TCP_COOKIES_AUTO : TCP_COOKIES_OFF);
		net_listen(&n, 1, 4, PORT, 8);
		flood(&n, 0, 8);
		for (uint32_t k = 0; k < 20; k++) { /* 20 SYNs a second, eight places */
			flood(&n, 8 + k, 1);
			net_run(&n, 50 * TIME_MS);
		}
		struct leat_conn c = net_connect(&n, 4, PORT);
		flood(&n, 100, 4);
		/* Without cookies the places are young once more: the SYN has to come again. */
		net_run(&n, i == 0 ? 2 * TIME_S : 20 * TIME_MS);
		(void)net_event(&n, 1, LEAT_ACCEPTED);
		assert_int_equal(net_event(&n, 0, LEAT_CONNECTED).conn.id, c.id);
		assert_true(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED] <= 8);
		if (i == 0)
			assert_true(ended(&n, TCP_END_EVICTED) > 0);
		else
			assert_true(verdict(&n, TCP_V_SYN_COOKIE) > 0 &&
				    verdict(&n, TCP_V_COOKIE_OK) == 1);
		net_ledger(&n);
		net_run(&n, 70 * TIME_S); /* nothing of the flood is left after 63 s */
		assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], 0);
		net_stop(&n);
	}
}

/* N156. */
static void a_flood_on_one_listener_does_not_touch_another(void **state)
{
	struct net n;

	(void)state;
	start(&n, 3, TCP_COOKIES_AUTO);
	net_listen(&n, 1, 4, PORT, 4);
	net_listen(&n, 1, 4, 81, 4);
	flood(&n, 0, 50);
	assert_int_equal(verdict(&n, TCP_V_SYN_COOKIE), 46);
	(void)net_connect(&n, 4, 81);
	net_run(&n, 20 * TIME_MS);
	(void)net_event(&n, 1, LEAT_ACCEPTED);
	assert_int_equal(verdict(&n, TCP_V_SYN_COOKIE), 46);
	net_stop(&n);
}

/* More at once than places, all of them honest: cookies let everybody in at the first try. */
static void a_crowd_is_let_in_at_once(void **state)
{
	struct net n;

	(void)state;
	start(&n, 14, TCP_COOKIES_AUTO);
	net_listen(&n, 1, 4, PORT, 8);
	for (uint32_t i = 0; i < 16; i++)
		(void)net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	for (uint32_t i = 0; i < 16; i++)
		(void)net_event(&n, 1, LEAT_ACCEPTED);
	assert_int_equal(verdict(&n, TCP_V_COOKIE_OK), 8);
	net_ledger(&n);
	net_stop(&n);
}

/* N103: what is established and not taken fills the backlog for good, so that a cookie would end
 * in silence: the SYN is dropped early. */
static void a_backlog_full_of_what_nobody_took_drops_syns(void **state)
{
	struct net n;

	(void)state;
	start(&n, 4, TCP_COOKIES_AUTO);
	net_listen(&n, 1, 4, PORT, 2);
	for (uint32_t i = 0; i < 2; i++)
		(void)net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	struct leat_conn late = net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 1);
	assert_int_equal(verdict(&n, TCP_V_SYN_COOKIE), 0);
	assert_string_equal(net_state(&n, 0, late), "SYN-SENT");
	(void)net_event(&n, 1, LEAT_ACCEPTED);
	net_run(&n, 2 * TIME_S); /* the SYN comes again, and there is a place */
	assert_string_equal(net_state(&n, 0, late), "ESTABLISHED");
	net_stop(&n);
}

/* The same, while a stranger is half open besides: cookies brought in as many as there may be. */
static void no_cookie_for_a_backlog_that_is_full_of_open_ones(void **state)
{
	struct net n;

	(void)state;
	start(&n, 15, TCP_COOKIES_AUTO);
	net_listen(&n, 1, 4, PORT, 2);
	flood(&n, 0, 1);
	for (uint32_t i = 0; i < 2; i++)
		(void)net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(verdict(&n, TCP_V_COOKIE_OK), 1);
	struct leat_conn late = net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 1);
	assert_int_equal(verdict(&n, TCP_V_SYN_COOKIE), 1);
	assert_string_equal(net_state(&n, 0, late), "SYN-SENT");
	net_ledger(&n);
	net_stop(&n);
}

/* A cookie belongs to no record, nor is it counted with any. */
static void a_cookie_is_tallied_with_nobody(void **state)
{
	struct net n;
	struct leat_info info;

	(void)state;
	net_init(&n, 16);
	n.config[1].knobs.syn_cookies = TCP_COOKIES_ALWAYS;
	n.config[1].tcp.tally = true;
	net_start(&n);
	struct leat_conn l = net_listen(&n, 1, 4, PORT, 2);
	flood(&n, 0, 3);
	assert_int_equal(verdict(&n, TCP_V_SYN_COOKIE), 3);
	assert_int_equal(leat_info(n.stack[1], l, &info), LEAT_OK);
	assert_int_equal(info.segs_in + info.segs_out, 0);
	net_stop(&n);
}

/* RFC 7323 3: the options in a cookie's timestamp do not make it later than the clock, so that what
 * follows is not an old duplicate to the peer. */
static void the_timestamp_of_a_cookie_is_not_ahead(void **state)
{
	struct net n;

	(void)state;
	net_init(&n, 17);
	n.config[0].knobs.ecn = n.config[1].knobs.ecn =
		TCP_ECN_ACTIVE; /* the highest bit of them */
	n.config[1].knobs.syn_cookies = TCP_COOKIES_ALWAYS;
	net_start(&n);
	net_listen(&n, 1, 4, PORT, 2);
	for (uint32_t i = 0; i < 64; i++) {
		struct leat_conn conn[2];

		net_open(&n, 4, PORT, conn);
		assert_int_equal(leat_send(n.stack[1], conn[1], "x", 1), 1);
		net_run(&n, 10 * TIME_MS + TIME_MS / 2);
		(void)net_event(&n, 0, LEAT_READABLE);
		assert_int_equal(leat_abort(n.stack[0], conn[0]), LEAT_OK);
		net_run(&n, 5 * TIME_MS);
		assert_int_equal(leat_release(n.stack[1], conn[1]), LEAT_OK);
		net_no_events(&n, 0);
		net_no_events(&n, 1);
	}
	assert_int_equal(verdict(&n, TCP_V_COOKIE_OK), 64);
	assert_int_equal(leat_stack_tcp(n.stack[0])->verdict[TCP_V_PAWS], 0);
	net_stop(&n);
}

/* Three cookies for two places: one finds none when it comes back; its text brings it again. */
static void a_cookie_that_finds_no_place_opens_with_the_text(void **state)
{
	struct net n;
	struct leat_conn c[3];

	(void)state;
	start(&n, 5, TCP_COOKIES_ALWAYS);
	net_listen(&n, 1, 4, PORT, 2);
	for (uint32_t i = 0; i < 3; i++)
		c[i] = net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(verdict(&n, TCP_V_SYN_COOKIE), 3);
	assert_int_equal(leat_stack_counters(n.stack[1])->cookie_refused, 1);
	assert_int_equal(ended(&n, TCP_END_EVICTED), 1);
	assert_string_equal(net_state(&n, 0, c[2]), "ESTABLISHED");
	for (uint32_t i = 0; i < 2; i++)
		(void)net_event(&n, 1, LEAT_ACCEPTED);
	net_silent(&n, 1);
	assert_int_equal(leat_send(n.stack[0], c[2], "hello", 5), 5);
	net_run(&n, 20 * TIME_MS);
	(void)net_event(&n, 1, LEAT_ACCEPTED | LEAT_READABLE);
	net_ledger(&n);
	net_stop(&n);
}

static void a_stack_that_drains_resets_a_cookie_that_comes_back(void **state)
{
	struct net n;
	struct leat_conn c;

	(void)state;
	start(&n, 6, TCP_COOKIES_ALWAYS);
	net_listen(&n, 1, 4, PORT, 2);
	c = net_connect(&n, 4, PORT);
	net_run(&n, 3 * TIME_MS + TIME_MS / 2); /* the SYN,ACK is on its way */
	leat_stack_refuse(n.stack[1], true);
	net_run(&n, 20 * TIME_MS);
	assert_string_equal(net_state(&n, 0, c), "CLOSED");
	assert_int_equal(leat_stack_counters(n.stack[1])->cookie_refused, 1);
	net_silent(&n, 1);
	assert_int_equal(net_present(&n, 1), 1);
	net_stop(&n);
}

static void records_used_up_by_a_flood_give_way(void **state)
{
	struct net n;
	struct leat_conn c;

	(void)state;
	net_init(&n, 7);
	n.config[1].tcp.tcb_max = 8;
	net_start(&n);
	net_listen(&n, 1, 4, PORT, 100);
	flood(&n, 0, 20);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], 7);
	net_run(&n, 500 * TIME_MS);
	c = net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_string_equal(net_state(&n, 0, c), "ESTABLISHED");
	assert_int_equal(ended(&n, TCP_END_EVICTED), 1);
	net_stop(&n);
}

/* Not by the numbers of their control blocks: those depend on who was there before. */
static void half_open_children_are_reset_oldest_first(void **state)
{
	struct net n;
	struct tuple t = stranger(0);
	struct seg rst = {.seq = seq_of(1), .flags = TCP_RST};

	(void)state;
	start(&n, 17, TCP_COOKIES_OFF);
	struct leat_conn listener = net_listen(&n, 1, 4, PORT, 8);

	flood(&n, 0, 4);
	inject(&n, &t, &rst);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], 3);
	flood(&n, 4, 1); /* in the control block of the first */
	uint32_t sent = n.cnt;

	assert_int_equal(leat_close(n.stack[1], listener), LEAT_OK);
	net_pump(&n, 1);
	assert_int_equal(n.cnt, sent + 4);
	for (uint32_t i = 0; i < 4; i++) {
		const uint8_t *ip = n.flight[n.head + sent + i].data + WIRE_ETH_OCTETS;

		assert_true(ip[20 + 13] & TCP_RST);
		assert_int_equal(ip[19], 0x40 + 1 + i);
	}
	assert_int_equal(net_present(&n, 1), 0);
	net_stop(&n);
}

/* N157: guesses at a cookie, and N158: one that was given to somebody else. */
static void a_guess_is_no_cookie(void **state)
{
	struct net n;
	struct tuple t = stranger(0);
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 8);
	start(&n, 8, TCP_COOKIES_ALWAYS);
	net_listen(&n, 1, 4, PORT, 2);
	flood(&n, 0, 1);
	for (uint32_t i = 0; i < 20000; i++) {
		struct seg ack = {.seq = seq_of(1),
			.ack = seq_of((uint32_t)leat_prng_next(&p)),
			.flags = TCP_ACK,
			.wnd = 1000};

		inject(&n, &t, &ack);
	}
	assert_int_equal(verdict(&n, TCP_V_COOKIE_BAD), 20000);
	assert_int_equal(net_present(&n, 1), 1);
	net_stop(&n);
}

/* SHLD-4: one client port, a server that closes first. */
static void a_client_comes_back_from_the_same_port_again_and_again(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	struct leat_info info;
	struct leat_addr local = net_addr(0, 4, 5000), remote = net_addr(1, 4, PORT);

	(void)state;
	net_init(&n, 9);
	n.config[1].tcp.tally = true;
	net_start(&n);
	net_listen(&n, 1, 4, PORT, 2);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(leat_connect(n.stack[0], &local, &remote, &conn[0]), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		(void)net_event(&n, 0, LEAT_CONNECTED);
		conn[1] = net_event(&n, 1, LEAT_ACCEPTED).conn;
		net_ledger(&n);
		assert_int_equal(leat_info(n.stack[1], conn[1], &info), LEAT_OK);
		assert_int_equal(info.segs_in, 2); /* its SYN is its own, not the old one's */
		net_close(&n, conn);
	}
	assert_int_equal(verdict(&n, TCP_V_TIME_WAIT_SYN_TS), 19);
	assert_int_equal(ended(&n, TCP_END_REUSED), 19);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_TIME_WAIT], 1);
	assert_int_equal(leat_stack_counters(n.stack[1])->time_wait_returned, 0);
	net_run(&n, 61 * TIME_S);
	assert_int_equal(ended(&n, TCP_END_TIME_WAIT), 1);
	net_stop(&n);
}

/* A connection from port 5000 that stack 1 closed first: it waits there. */
static void wait_from_5000(struct net *n, struct leat_addr *local, struct leat_addr *remote)
{
	struct leat_conn conn[2];

	*local = net_addr(0, 4, 5000);
	*remote = net_addr(1, 4, PORT);
	assert_int_equal(leat_connect(n->stack[0], local, remote, &conn[0]), LEAT_OK);
	net_run(n, 20 * TIME_MS);
	conn[1] = net_event(n, 1, LEAT_ACCEPTED).conn;
	net_close(n, conn);
	assert_int_equal(leat_stack_tcp(n->stack[1])->present[TCP_ST_TIME_WAIT], 1);
}

/* N103 holds for who comes back just as for others. */
static void who_comes_back_finds_the_backlog_full_of_open_ones(void **state)
{
	struct leat_addr local, remote;
	struct leat_conn again;
	struct net n;

	(void)state;
	start(&n, 18, TCP_COOKIES_AUTO);
	net_listen(&n, 1, 4, PORT, 2);
	wait_from_5000(&n, &local, &remote);
	flood(&n, 0, 1);
	for (uint32_t i = 0; i < 2; i++)
		(void)net_connect(&n, 4, PORT);
	net_run(&n, 500 * TIME_MS); /* the stranger is no longer young */
	assert_int_equal(verdict(&n, TCP_V_COOKIE_OK), 1);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &again), LEAT_OK);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 1);
	assert_int_equal(ended(&n, TCP_END_EVICTED), 0);
	assert_string_equal(net_state(&n, 0, again), "SYN-SENT");
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_TIME_WAIT], 1);
	net_ledger(&n);
	net_stop(&n);
}

/* And for him, too, the oldest half-open one gives way; not even with cookies would he get one, as
 * it would come back to TIME-WAIT, which does not look for any. */
static void who_comes_back_gets_the_place_or_record_of_the_oldest(void **state)
{
	struct leat_addr local, remote;
	struct leat_conn again;
	struct net n;

	(void)state;
	for (uint32_t few = 0; few < 2; few++) {
		net_init(&n, 19 + few);
		n.config[1].tcp.tcb_max = few ? 7 : 64;
		net_start(&n);
		net_listen(&n, 1, 4, PORT, few ? 100 : 6);
		wait_from_5000(&n, &local, &remote);
		flood(&n, 0, 6);
		net_run(&n, 500 * TIME_MS);
		assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], 6);
		assert_int_equal(leat_connect(n.stack[0], &local, &remote, &again), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		assert_string_equal(net_state(&n, 0, again), "ESTABLISHED");
		assert_int_equal(ended(&n, TCP_END_EVICTED), 1);
		assert_int_equal(ended(&n, TCP_END_REUSED), 1);
		net_ledger(&n);
		net_stop(&n);
	}
}

/* An old duplicate wants no place: it takes nobody's, and has its answer without one. */
static void an_old_syn_to_time_wait_evicts_nobody_and_is_answered_in_a_full_backlog(void **state)
{
	const struct tuple t = {
		.local = net_ip(0, 4), .remote = net_ip(1, 4), .lport = 5000, .rport = PORT};
	struct seg syn = {.seq = seq_of(100), .flags = TCP_SYN, .wnd = 1000};
	struct leat_addr local, remote;
	struct net n;

	(void)state;
	start(&n, 24, TCP_COOKIES_OFF);
	net_listen(&n, 1, 4, PORT, 2);
	leat_tcp_iss_force(leat_stack_engine(n.stack[0]), 100);
	wait_from_5000(&n, &local, &remote);
	flood(&n, 0, 2);
	net_run(&n, 500 * TIME_MS); /* they are no longer young */
	for (uint32_t draining = 0; draining < 2; draining++) {
		uint64_t sent = n.sent[1];

		leat_stack_refuse(n.stack[1], draining == 1);
		inject(&n, &t, &syn);
		net_pump(&n, 1);
		assert_int_equal(verdict(&n, TCP_V_TIME_WAIT_SYN_OLD), draining + 1);
		assert_int_equal(n.sent[1], sent + 1);
		assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 0);
		assert_int_equal(ended(&n, TCP_END_EVICTED), 0);
		assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], 2);
		net_run(&n, TIME_S); /* such answers are limited */
	}
	net_ledger(&n);
	net_stop(&n);
}

/* The text of the old connection stays readable, its end has a reason of its own. */
static void text_unread_outlives_time_wait_that_was_reused(void **state)
{
	struct net n;
	struct leat_conn conn[2], again;
	struct leat_addr local = net_addr(0, 6, 5000), remote = net_addr(1, 6, PORT);
	struct leat_info info;

	(void)state;
	start(&n, 10, TCP_COOKIES_AUTO);
	net_listen(&n, 1, 6, PORT, 2);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &conn[0]), LEAT_OK);
	net_run(&n, 20 * TIME_MS);
	conn[1] = net_event(&n, 1, LEAT_ACCEPTED).conn;
	net_leave_unread(&n, conn);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &again), LEAT_OK);
	net_run(&n, 20 * TIME_MS);
	net_ledger(&n);
	assert_int_equal(leat_info(n.stack[1], conn[1], &info), LEAT_OK);
	assert_string_equal(info.state, "CLOSED");
	assert_string_equal(info.end, "time-wait, reused");
	net_read_unread(&n, conn[1]);
	net_stop(&n);
}

/* Every way for an heir to end leaves TIME-WAIT in its place. */
static void time_wait_comes_back_however_its_heir_ends(void **state)
{
	struct net n;
	struct leat_conn conn[2], l;

	(void)state;
	start(&n, 11, TCP_COOKIES_OFF);
	l = net_listen(&n, 1, 4, PORT, 1);
	net_open(&n, 4, PORT, conn);
	struct leat_info info;
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	const struct tuple t = {.local = net_ip(0, 4),
		.remote = net_ip(1, 4),
		.lport = info.local.port,
		.rport = PORT};
	net_close(&n, conn);
	n.cut = true;
	for (uint32_t i = 0; i < 3; i++) {
		struct seg syn = {.seq = seq_of(1000),
			.flags = TCP_SYN,
			.wnd = 1000,
			.opts = TCP_OPT_TS,
			.ts_val = UINT32_MAX / 4 + (uint32_t)(n.now / TIME_MS)};
		const struct tcp_counters *c = leat_stack_tcp(n.stack[1]);

		/* Whatever the client's clock said last, one of two halves is newer. */
		inject(&n, &t, &syn);
		if (c->present[TCP_ST_SYN_RECEIVED] == 0) {
			net_run(&n, TIME_S);
			syn.ts_val += UINT32_MAX / 2;
			inject(&n, &t, &syn);
		}
		assert_int_equal(c->present[TCP_ST_SYN_RECEIVED], 1);
		assert_int_equal(c->present[TCP_ST_TIME_WAIT], 1);
		net_ledger(&n);
		if (i == 0) { /* a reset of its peer */
			struct seg rst = {.seq = seq_of(1001), .flags = TCP_RST};
			inject(&n, &t, &rst);
		} else if (i == 1) { /* it gives way */
			net_run(&n, TIME_S);
			flood(&n, 0, 1);
		} else { /* its listener is closed */
			assert_int_equal(leat_close(n.stack[1], l), LEAT_OK);
		}
		assert_int_equal(c->present[TCP_ST_SYN_RECEIVED], i == 1); /* the stranger */
		assert_int_equal(c->present[TCP_ST_TIME_WAIT], 1);
		assert_int_equal(leat_stack_counters(n.stack[1])->time_wait_returned, i + 1);
		net_ledger(&n);
		if (i == 1) { /* the stranger gives up, too */
			struct tuple s = stranger(0);
			struct seg rst = {.seq = seq_of(1), .flags = TCP_RST};
			inject(&n, &s, &rst);
		}
	}
	net_stop(&n);
}

/* N226 */
static void a_connect_takes_over_when_no_port_is_free(void **state)
{
	struct net n;
	struct leat_conn conn[2], c;
	struct leat_addr any = {0}, remote = net_addr(1, 4, PORT);

	(void)state;
	net_init(&n, 12);
	n.config[0].port_from = 5000;
	n.config[0].port_to = 5003;
	n.config[0].knobs.connect_reuse_ns = TIME_S;
	net_start(&n);
	net_listen(&n, 1, 4, PORT, 8);
	for (uint32_t i = 0; i < 4; i++) {
		net_open(&n, 4, PORT, conn);
		assert_int_equal(leat_close(n.stack[0], conn[0]), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		net_no_events(&n, 1);
	}
	assert_int_equal(leat_stack_tcp(n.stack[0])->present[TCP_ST_TIME_WAIT], 4);
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_ERR_NO_PORT);
	net_run(&n, TIME_S);
	for (uint32_t i = 0; i < 4; i++)
		c = net_connect(&n, 4, PORT);
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_ERR_NO_PORT);
	assert_int_equal(leat_stack_counters(n.stack[0])->no_port, 2);
	net_ledger(&n);
	net_run(&n, 20 * TIME_MS);
	for (uint32_t i = 0; i < 4; i++)
		(void)net_event(&n, 1, LEAT_ACCEPTED);
	assert_int_equal(leat_stack_counters(n.stack[0])->connect_reused, 4);
	assert_int_equal(leat_stack_tcp(n.stack[0])->ended[TCP_END_REUSED], 4);
	net_stop(&n);
}

/* Stack 0 closes cnt connections first; the first port of them. */
static uint16_t wait_here(struct net *n, uint32_t cnt)
{
	struct leat_conn conn[2];
	struct leat_info info;
	uint16_t first = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		net_open(n, 4, PORT, conn);
		assert_int_equal(leat_info(n->stack[0], conn[0], &info), LEAT_OK);
		first = i == 0 ? info.local.port : first;
		assert_int_equal(leat_close(n->stack[0], conn[0]), LEAT_OK);
		net_run(n, 20 * TIME_MS);
		assert_int_equal(leat_close(n->stack[1], conn[1]), LEAT_OK);
		net_run(n, 20 * TIME_MS);
		net_no_events(n, 1);
	}
	assert_int_equal(leat_stack_tcp(n->stack[0])->present[TCP_ST_TIME_WAIT], cnt);
	net_run(n, TIME_S);
	return first;
}

static void start_reusing(struct net *n, uint64_t seed, uint32_t ports)
{
	net_init(n, seed);
	n->config[0].port_from = 5000;
	n->config[0].port_to = (uint16_t)(5000 + ports - 1);
	n->config[0].knobs.connect_reuse_ns = TIME_S;
	n->config[0].tcp.tcb_max = 32;
}

/* N095: the port comes back with TIME-WAIT, so that nobody looks for a free one there. */
static void a_port_that_came_back_is_not_taken_for_free(void **state)
{
	struct leat_addr any = {0}, local = net_addr(0, 4, 0), remote = net_addr(1, 4, PORT);
	struct leat_info info;
	struct leat_conn c;
	struct net n;

	(void)state;
	for (uint32_t spare = 0; spare < 2; spare++) {
		start_reusing(&n, 21 + spare, 8 + spare);
		net_start(&n);
		net_listen(&n, 1, 4, PORT, 8);
		uint32_t first = wait_here(&n, 8) - 5000U, cnt = 8 + spare;
		n.cut = true;
		for (uint32_t i = 0; i < 8; i++) {
			local.port = (uint16_t)(5000 + (first + i) % cnt);
			assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_OK);
			net_ledger(&n);
			assert_int_equal(leat_abort(n.stack[0], c), LEAT_OK);
			net_ledger(&n);
		}
		assert_int_equal(leat_stack_counters(n.stack[0])->time_wait_returned, 8);
		assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_OK);
		assert_int_equal(leat_info(n.stack[0], c, &info), LEAT_OK);
		if (spare) /* the ninth is free, so none is taken over */
			assert_int_equal(info.local.port, 5000 + (first + 8) % cnt);
		assert_int_equal(leat_stack_counters(n.stack[0])->connect_reused, 9 - spare);
		net_stop(&n);
	}
}

/* The one in TIME-WAIT whose numbers ours are to be above stays until they are, though it is the
 * oldest and the table is full. */
static void a_connect_that_follows_the_oldest_has_another_give_way(void **state)
{
	struct leat_addr local = net_addr(0, 4, 0), remote = net_addr(1, 4, PORT);
	struct leat_conn c;
	struct net n;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t max = 1 + i % 2;

		start_reusing(&n, 26, 2);
		n.config[0].tcp.time_wait_max = max;
		n.config[0].knobs.time_wait_evict = true;
		n.config[0].knobs.time_wait_compact = i / 2;
		net_start(&n);
		net_listen(&n, 1, 4, PORT, 8);
		local.port = wait_here(&n, max);
		const struct tcp_counters *t = leat_stack_tcp(n.stack[0]);

		assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c),
			max == 2 ? LEAT_OK : LEAT_ERR_WAITING);
		assert_int_equal(leat_stack_counters(n.stack[0])->connect_reused, max - 1);
		assert_int_equal(leat_stack_counters(n.stack[0])->time_wait_refused, 2 - max);
		assert_int_equal(t->ended[TCP_END_GAVE_WAY], max - 1);
		assert_int_equal(t->present[TCP_ST_TIME_WAIT], 1);
		net_ledger(&n);
		net_run(&n, 20 * TIME_MS);
		assert_int_equal(t->ended[TCP_END_REUSED], max - 1);
		net_stop(&n);
	}
}

/* A connect that is refused after all leaves TIME-WAIT its port. */
static void a_connect_that_is_refused_takes_no_port(void **state)
{
	struct leat_addr any = {0}, local = net_addr(0, 4, 5000), remote = net_addr(1, 4, PORT);
	uint8_t key[FLOW_RSS_KEY_OCTETS];
	struct flow_steer steer;
	struct leat_conn c[32];
	struct net n;

	(void)state;
	leat_flow_steer_key(key, 1, FLOW_STEER_TABLE, false);
	leat_flow_steer_init(&steer, key, FLOW_STEER_TABLE, 1);
	start_reusing(&n, 23, 1);
	n.config[0].steer = &steer;
	net_start(&n);
	net_listen(&n, 1, 4, PORT, 8);
	net_listen(&n, 1, 4, 81, 8);
	assert_int_equal(wait_here(&n, 1), 5000);
	n.cut = true;
	/* The tuple is another shard's by now. */
	leat_flow_steer_init(&steer, key, FLOW_STEER_TABLE, 2);
	for (uint32_t i = 0; i < FLOW_STEER_TABLE; i++)
		steer.table[i] = 1;
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c[0]), LEAT_ERR_IN_USE);
	leat_flow_steer_init(&steer, key, FLOW_STEER_TABLE, 1);
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c[0]), LEAT_OK);
	assert_int_equal(leat_abort(n.stack[0], c[0]), LEAT_OK);
	/* There is no place: those of our address of the other version have them all. */
	for (uint32_t i = 0; i < 31; i++) {
		struct leat_addr at = net_addr(0, 6, (uint16_t)(1024 + i)), to = net_addr(1, 6, 81);

		assert_int_equal(leat_connect(n.stack[0], &at, &to, &c[i]), LEAT_OK);
	}
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c[31]), LEAT_ERR_WAITING);
	net_ledger(&n);
	assert_int_equal(leat_abort(n.stack[0], c[0]), LEAT_OK);
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c[0]), LEAT_OK);
	net_ledger(&n);
	net_stop(&n);
}

static void the_policy_of_reuse_is_a_listeners(void **state)
{
	struct net n;
	struct leat_conn l, conn[2];

	(void)state;
	start(&n, 13, TCP_COOKIES_AUTO);
	l = net_listen(&n, 1, 4, PORT, 8);
	assert_int_equal(leat_reuse(n.stack[1], l, LEAT_REUSE_SEQ), LEAT_OK);
	assert_int_equal(leat_reuse(n.stack[1], l, (enum leat_reuse)7), LEAT_ERR_ARG);
	net_open(&n, 4, PORT, conn);
	assert_int_equal(leat_reuse(n.stack[1], conn[1], LEAT_REUSE_OFF), LEAT_ERR_STATE);
	assert_int_equal(leat_close(n.stack[1], l), LEAT_OK);
	assert_int_equal(leat_reuse(n.stack[1], l, LEAT_REUSE_OFF), LEAT_ERR_STALE);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_does_not_keep_a_client_out_while_it_lasts),
		cmocka_unit_test(a_crowd_is_let_in_at_once),
		cmocka_unit_test(a_flood_on_one_listener_does_not_touch_another),
		cmocka_unit_test(a_backlog_full_of_what_nobody_took_drops_syns),
		cmocka_unit_test(no_cookie_for_a_backlog_that_is_full_of_open_ones),
		cmocka_unit_test(a_cookie_is_tallied_with_nobody),
		cmocka_unit_test(the_timestamp_of_a_cookie_is_not_ahead),
		cmocka_unit_test(a_cookie_that_finds_no_place_opens_with_the_text),
		cmocka_unit_test(a_stack_that_drains_resets_a_cookie_that_comes_back),
		cmocka_unit_test(records_used_up_by_a_flood_give_way),
		cmocka_unit_test(half_open_children_are_reset_oldest_first),
		cmocka_unit_test(a_guess_is_no_cookie),
		cmocka_unit_test(a_client_comes_back_from_the_same_port_again_and_again),
		cmocka_unit_test(who_comes_back_finds_the_backlog_full_of_open_ones),
		cmocka_unit_test(who_comes_back_gets_the_place_or_record_of_the_oldest),
		cmocka_unit_test(
			an_old_syn_to_time_wait_evicts_nobody_and_is_answered_in_a_full_backlog),
		cmocka_unit_test(text_unread_outlives_time_wait_that_was_reused),
		cmocka_unit_test(time_wait_comes_back_however_its_heir_ends),
		cmocka_unit_test(a_connect_takes_over_when_no_port_is_free),
		cmocka_unit_test(a_port_that_came_back_is_not_taken_for_free),
		cmocka_unit_test(a_connect_that_follows_the_oldest_has_another_give_way),
		cmocka_unit_test(a_connect_that_is_refused_takes_no_port),
		cmocka_unit_test(the_policy_of_reuse_is_a_listeners),
	};

	return cmocka_run_group_tests_name("stack_half", tests, NULL, NULL);
}
