/* SPDX-License-Identifier: BSD-3-Clause */

/* Listeners, backlog, aborts in number, and what may be called from where. */

#include "base_bits.h"
#include "test_stack_net.h"

static void a_backlog_that_is_full_drops_syns_and_the_peer_tries_again(void **state)
{
	struct net n;
	struct leat_conn listener, c[3];
	struct leat_event event;

	(void)state;
	net_init(&n, 1);
	n.config[1].knobs.syn_cookies = TCP_COOKIES_OFF;
	net_start(&n);
	listener = net_listen(&n, 1, 4, 80, 2);
	for (uint32_t i = 0; i < 3; i++)
		c[i] = net_connect(&n, 4, 80);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 1);
	assert_string_equal(net_state(&n, 0, c[2]), "SYN-SENT");
	net_ledger(&n);
	for (uint32_t i = 0; i < 2; i++) {
		event = net_event(&n, 1, LEAT_ACCEPTED);
		assert_int_equal(event.listener.id, listener.id);
		(void)net_event(&n, 0, LEAT_CONNECTED);
	}
	net_silent(&n, 1);
	net_run(&n, 2 * TIME_S); /* the SYN comes again, and there is room now */
	assert_int_equal(net_event(&n, 0, LEAT_CONNECTED).conn.id, c[2].id);
	(void)net_event(&n, 1, LEAT_ACCEPTED);
	net_stop(&n);
}

static void a_stack_that_refuses_keeps_its_connections_and_takes_no_new_ones(void **state)
{
	struct net n;
	struct leat_conn conn[2], late;

	(void)state;
	net_init(&n, 2);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 2);
	net_open(&n, 4, 80, conn);
	leat_stack_refuse(n.stack[1], true);
	late = net_connect(&n, 4, 80);
	assert_int_equal(leat_send(n.stack[0], conn[0], "x", 1), 1);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 1);
	(void)net_event(&n, 1, LEAT_READABLE);
	leat_stack_refuse(n.stack[1], false);
	net_run(&n, 2 * TIME_S);
	assert_string_equal(net_state(&n, 0, late), "ESTABLISHED");
	net_stop(&n);
}

/* N102, with more children than a list of resets holds. */
static void closing_a_listener_resets_what_it_has_not_handed_over(void **state)
{
	struct net n;
	struct leat_conn listener, conn[2];
	uint32_t closed = 0;
	struct leat_event event;

	(void)state;
	net_init(&n, 3);
	n.config[0].knobs.two_msl_ns = TIME_S;
	net_start(&n);
	listener = net_listen(&n, 1, 4, 80, 200);
	net_open(&n, 4, 80, conn); /* handed over: it stays */
	for (uint32_t i = 0; i < 90; i++)
		(void)net_connect(&n, 4, 80);
	net_run(&n, 2 * TIME_MS);
	n.cut = true; /* the SYN-ACKs of the next are lost: half open */
	for (uint32_t i = 0; i < 60; i++)
		(void)net_connect(&n, 4, 80);
	n.cut = false;
	net_pump(&n, 0);
	net_run(&n, TIME_MS);
	n.cut = true;
	net_pump(&n, 1);
	n.cut = false;
	net_no_events(&n, 0);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], 60);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_ESTABLISHED], 91);
	net_ledger(&n);
	assert_int_equal(leat_close(n.stack[1], listener), LEAT_OK);
	net_ledger(&n);
	assert_int_equal(leat_close(n.stack[1], listener), LEAT_ERR_STALE);
	net_silent(&n, 1); /* nobody is announced any more */
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_stack_tcp(n.stack[1])->rst_unsent, 0);
	assert_int_equal(net_present(&n, 1), 1);
	net_silent(&n, 1);
	while (leat_next_event(n.stack[0], &event)) {
		assert_true(event.bits & LEAT_CLOSED);
		assert_int_equal(leat_release(n.stack[0], event.conn), LEAT_OK);
		closed++;
	}
	assert_int_equal(closed, 150);
	assert_int_equal(net_present(&n, 0), 1);
	assert_string_equal(net_state(&n, 1, conn[1]), "ESTABLISHED");
	(void)net_listen(&n, 1, 4, 80, 1); /* the port is free at once */
	net_stop(&n);
}

/* Their control blocks are others where those that wait 2MSL have given theirs up; the order of the
 * resets is not: as they were opened. */
static void closing_a_listener_resets_by_age_whatever_their_records_were_before(void **state)
{
	enum {
		BEFORE = 3,
		AFTER = 8
	};
	struct leat_conn before[BEFORE][2], after[AFTER];
	uint64_t order[2][AFTER];
	struct net n;

	(void)state;
	for (uint32_t compact = 0; compact < 2; compact++) {
		net_init(&n, 70);
		n.config[1].knobs.time_wait_compact = compact;
		net_start(&n);
		struct leat_conn listener = net_listen(&n, 1, 4, 80, 16);

		for (uint32_t i = 0; i < BEFORE; i++)
			net_open(&n, 4, 80, before[i]);
		after[0] = net_connect(&n, 4, 80);
		net_run(&n, 20 * TIME_MS);
		for (uint32_t i = 0; i < BEFORE; i++)
			assert_int_equal(leat_close(n.stack[1], before[i][1]), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		for (uint32_t i = 0; i < BEFORE; i++)
			assert_int_equal(leat_close(n.stack[0], before[i][0]), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		for (uint32_t i = 1; i < AFTER; i++) {
			after[i] = net_connect(&n, 4, 80);
			net_run(&n, i % 2 ? 20 * TIME_MS : 0); /* and two at one instant */
		}
		net_run(&n, 20 * TIME_MS);
		net_no_events(&n, 0);
		assert_int_equal(leat_close(n.stack[1], listener), LEAT_OK);
		net_run(&n, 20 * TIME_MS);
		for (uint32_t i = 0; i < AFTER; i++) {
			order[compact][i] = net_event(&n, 0, LEAT_CLOSED).conn.id;
			assert_true(order[compact][i] == after[i].id ||
				    (i > 1 && order[compact][i] == after[i ^ 1].id));
			assert_int_equal(order[compact][i], order[0][i]);
		}
		assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_TIME_WAIT], BEFORE);
		net_stop(&n);
	}
}

static void abort_resets_each_connection_slice_by_slice_and_tells_its_user(void **state)
{
	struct net n;
	uint32_t closed[2] = {0, 0}, sent, cursor = 0, slices = 0;
	struct leat_event event;
	bool more;

	(void)state;
	net_init(&n, 4);
	net_start(&n);
	net_listen(&n, 1, 6, 80, 200);
	for (uint32_t i = 0; i < 100; i++)
		(void)net_connect(&n, 6, 80);
	net_run(&n, 20 * TIME_MS);
	net_no_events(&n, 0);
	net_no_events(&n, 1);
	for (more = true; more; slices++) {
		uint32_t before = cursor;

		more = leat_stack_abort_some(n.stack[1], &cursor, 7);
		assert_in_range(cursor - before, 0, 7);
		net_ledger(&n);
	}
	assert_in_range(slices, 100 / 7, 100000);
	sent = (uint32_t)n.sent[1];
	net_pump(&n, 1);
	assert_int_equal(n.sent[1] - sent, 100);
	net_run(&n, 5 * TIME_MS);
	for (uint32_t i = 0; i < 2; i++) {
		while (leat_next_event(n.stack[i], &event)) {
			closed[i] += (event.bits & LEAT_CLOSED) != 0;
			if (event.bits & LEAT_CLOSED)
				assert_int_equal(leat_release(n.stack[i], event.conn), LEAT_OK);
		}
	}
	assert_int_equal(closed[0], 100);
	assert_int_equal(closed[1], 101); /* the listener as well */
	assert_int_equal(net_present(&n, 0), 0);
	assert_int_equal(net_present(&n, 1), 0);
	net_stop(&n);
}

static void many_aborts_and_closes_in_one_turn_all_reach_the_peer(void **state)
{
	struct net n;
	struct leat_conn c[150];

	(void)state;
	net_init(&n, 5);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 200);
	for (uint32_t i = 0; i < 150; i++) {
		c[i] = net_connect(&n, 4, 80);
		if (i % 50 == 49)
			net_run(&n, 10 * TIME_MS);
	}
	struct leat_event event;
	while (leat_next_event(n.stack[1], &event))
		assert_int_equal(leat_send(n.stack[1], event.conn, "unread", 6), 6);
	net_run(&n, 10 * TIME_MS);
	net_no_events(&n, 0);
	for (uint32_t i = 0; i < 150; i++)
		assert_int_equal(
			i % 2 ? leat_abort(n.stack[0], c[i]) : leat_close(n.stack[0], c[i]),
			LEAT_OK);
	net_ledger(&n);
	net_run(&n, 10 * TIME_MS);
	assert_int_equal(net_present(&n, 0), 0);
	assert_int_equal(leat_stack_tcp(n.stack[1])->ended[TCP_END_RESET], 150);
	assert_int_equal(leat_stack_tcp(n.stack[0])->rst_unsent, 0);
	net_stop(&n);
}

/* N104: an event is answered by ending another connection, whose event was taken already. */
static void an_event_may_be_answered_by_ending_another_connection(void **state)
{
	struct net n;
	struct leat_conn c[4];
	struct leat_event event;
	uint32_t events = 0;

	(void)state;
	net_init(&n, 6);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < 4; i++)
		c[i] = net_connect(&n, 4, 80);
	net_run(&n, 20 * TIME_MS);
	assert_true(leat_next_event(n.stack[0], &event));
	assert_int_equal(event.conn.id, c[0].id);
	assert_int_equal(leat_abort(n.stack[0], c[1]), LEAT_OK);
	assert_int_equal(leat_abort(n.stack[0], c[0]), LEAT_OK);
	c[1] = net_connect(&n, 4, 80); /* takes one of their records */
	c[0] = net_connect(&n, 4, 80);
	while (leat_next_event(n.stack[0], &event)) {
		assert_true(event.conn.id == c[2].id || event.conn.id == c[3].id);
		events++;
	}
	assert_int_equal(events, 2);
	net_run(&n, 20 * TIME_MS);
	net_no_events(&n, 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_string_equal(net_state(&n, 0, c[i]), "ESTABLISHED");
	net_stop(&n);
}

static void a_child_that_ended_before_it_was_announced_is_never_announced(void **state)
{
	struct net n;
	struct leat_conn c;

	(void)state;
	net_init(&n, 7);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 1);
	c = net_connect(&n, 4, 80);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_abort(n.stack[0], c), LEAT_OK);
	net_run(&n, 20 * TIME_MS);
	net_silent(&n, 1);
	assert_int_equal(net_present(&n, 1), 1);
	(void)net_connect(&n, 4, 80); /* and its place in the backlog is free */
	net_run(&n, 20 * TIME_MS);
	(void)net_event(&n, 1, LEAT_ACCEPTED);
	net_stop(&n);
}

static void a_connection_is_announced_with_all_that_happened_so_far(void **state)
{
	struct net n;
	struct leat_conn c;
	struct leat_event event;

	(void)state;
	net_init(&n, 8);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 1);
	c = net_connect(&n, 4, 80);
	assert_int_equal(leat_send(n.stack[0], c, "x", 1), 1); /* before it is open */
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_shutdown(n.stack[0], c), LEAT_OK);
	net_run(&n, 20 * TIME_MS);
	event = net_event(&n, 1, LEAT_ACCEPTED);
	assert_int_equal(event.bits, LEAT_ACCEPTED | LEAT_READABLE | LEAT_PEER_CLOSED);
	net_silent(&n, 1);
	event = net_event(&n, 0, LEAT_CONNECTED);
	assert_int_equal(event.bits, LEAT_CONNECTED | LEAT_WRITABLE);
	net_stop(&n);
}

static void n223_nobody_listens_where_we_are_not(void **state)
{
	static const struct {
		uint8_t family, octet[4];
		int error;
	} row[] = {
		{4, {10, 0, 0, 255}, LEAT_ERR_ADDRESS}, /* the broadcast address of our prefix */
		{4, {10, 0, 0, 0}, LEAT_ERR_ADDRESS},
		{4, {255, 255, 255, 255}, LEAT_ERR_ADDRESS},
		{4, {224, 0, 0, 1}, LEAT_ERR_ADDRESS},
		{4, {127, 0, 0, 1}, LEAT_ERR_ADDRESS},
		{4, {10, 0, 0, 9}, LEAT_ERR_ADDRESS}, /* another's */
		{6, {0xff, 2, 0, 0}, LEAT_ERR_ADDRESS},
		{6, {0xfe, 0x80, 0, 1}, LEAT_ERR_ADDRESS},
		{5, {10, 0, 0, 2}, LEAT_ERR_ARG},
		{4, {10, 0, 0, 2}, LEAT_OK},
	};
	struct leat_addr remote = net_addr(0, 4, 5000);
	struct leat_conn c = {0};
	struct net n;

	(void)state;
	net_init(&n, 31);
	net_start(&n);
	for (uint32_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct leat_addr local = {.family = row[i].family, .port = 80};

		memcpy(local.octet, row[i].octet, 4);
		int error = leat_listen(n.stack[1], &local, 8, &c);
		if (error != row[i].error)
			fail_msg("row %u: %s", i, leat_error_text(error));
		if (error == LEAT_OK)
			continue;
		assert_int_equal(leat_listen_from(n.stack[1], &local, &remote, &c), error);
		assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_LISTEN], 0);
	}
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_LISTEN], 1);
	net_stop(&n);
}

/* N224: and who comes second to the same place is refused, which the first does not notice. */
static void the_most_exact_listener_gets_the_connection(void **state)
{
	struct net n;
	struct leat_addr any = {.port = 80}, any4 = {.family = 4, .port = 80};
	struct leat_addr exact = net_addr(1, 4, 80), remote = net_addr(0, 4, 5000);
	struct leat_addr local = net_addr(0, 4, 5000), other = net_addr(0, 4, 80);
	struct leat_conn l[4], c;
	static const uint32_t wins[] = {3, 2, 1, 0};

	(void)state;
	net_init(&n, 9);
	net_start(&n);
	assert_int_equal(leat_listen(n.stack[1], &any, 8, &l[0]), LEAT_OK);
	assert_int_equal(leat_listen(n.stack[1], &any4, 8, &l[1]), LEAT_OK);
	assert_int_equal(leat_listen(n.stack[1], &exact, 8, &l[2]), LEAT_OK);
	assert_int_equal(leat_listen_from(n.stack[1], &exact, &remote, &l[3]), LEAT_OK);
	assert_int_equal(leat_listen(n.stack[1], &any, 8, &c), LEAT_ERR_IN_USE);
	assert_int_equal(leat_listen(n.stack[1], &exact, 8, &c), LEAT_ERR_IN_USE);
	assert_int_equal(leat_listen_from(n.stack[1], &exact, &remote, &c), LEAT_ERR_IN_USE);
	assert_int_equal(leat_listen(n.stack[1], &other, 8, &c), LEAT_ERR_ADDRESS);
	any.port = 0;
	assert_int_equal(leat_listen(n.stack[1], &any, 8, &c), LEAT_ERR_ARG);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(leat_connect(n.stack[0], &local, &exact, &c), LEAT_OK);
		net_run(&n, 10 * TIME_MS);
		struct leat_event event = net_event(&n, 1, LEAT_ACCEPTED);
		assert_int_equal(event.listener.id, l[wins[i]].id);
		assert_int_equal(leat_abort(n.stack[0], c), LEAT_OK);
		net_run(&n, 10 * TIME_MS);
		net_no_events(&n, 1);
		assert_int_equal(leat_close(n.stack[1], l[wins[i]]), LEAT_OK);
		(void)leat_release(n.stack[1], event.conn);
		if (i == 2) { /* only the one for any version is left */
			exact = net_addr(1, 6, 80);
			local = net_addr(0, 6, 5000);
		}
	}
	net_stop(&n);
}

static void a_listener_for_one_remote_may_turn_into_an_active_open(void **state)
{
	struct net n;
	struct leat_addr here = net_addr(0, 4, 700), there = net_addr(1, 4, 80), any = {.port = 80};
	struct leat_conn c, plain;
	uint64_t fast;

	(void)state;
	net_init(&n, 10);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 2);
	assert_int_equal(leat_listen_from(n.stack[0], &here, &there, &c), LEAT_OK);
	assert_string_equal(net_state(&n, 0, c), "LISTEN");
	assert_int_equal(leat_listen(n.stack[0], &any, 1, &plain), LEAT_OK);
	assert_int_equal(leat_send(n.stack[0], plain, "x", 1), LEAT_ERR_STATE);
	assert_int_equal(leat_shutdown(n.stack[0], c), LEAT_ERR_STATE);
	assert_int_equal(leat_recv(n.stack[0], c, &any, 1), LEAT_ERR_STATE);
	assert_int_equal(leat_send(n.stack[0], c, "hello", 5), 5);
	assert_string_equal(net_state(&n, 0, c), "SYN-SENT");
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(net_event(&n, 0, LEAT_CONNECTED).conn.id, c.id);
	struct leat_event event = net_event(&n, 1, LEAT_ACCEPTED | LEAT_READABLE);
	/* Nothing of a listener is left, and so nothing in the way of the fast path. */
	net_run(&n, TIME_S); /* its own text is acknowledged */
	fast = leat_stack_tcp(n.stack[0])->fast;
	assert_int_equal(leat_send(n.stack[1], event.conn, "hello", 5), 5);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_tcp(n.stack[0])->fast - fast, LEAT_FAST_PATH);
	net_ledger(&n);
	net_stop(&n);
}

static void listeners_and_records_have_limits(void **state)
{
	struct net n;
	struct leat_addr local = net_addr(1, 4, 80);
	struct leat_conn c;

	(void)state;
	net_init(&n, 11);
	n.config[1].listener_max = 2;
	n.config[0].tcp.tcb_max = 2;
	n.config[0].target_max = 1;
	net_start(&n);
	for (uint16_t i = 0; i < 3; i++) {
		local.port = (uint16_t)(80 + i);
		assert_int_equal(
			leat_listen(n.stack[1], &local, 1, &c), i < 2 ? LEAT_OK : LEAT_ERR_FULL);
	}
	struct leat_addr any = {0};
	local.port = 80;
	assert_int_equal(leat_connect(n.stack[0], &any, &local, &c), LEAT_OK);
	local.port = 81;
	assert_int_equal(leat_connect(n.stack[0], &any, &local, &c), LEAT_ERR_FULL); /* target */
	local.port = 80;
	assert_int_equal(leat_connect(n.stack[0], &any, &local, &c), LEAT_OK);
	assert_int_equal(leat_connect(n.stack[0], &any, &local, &c), LEAT_ERR_FULL); /* record */
	net_ledger(&n);
	net_stop(&n);
}

static void all_connections_with_a_handle_can_be_walked(void **state)
{
	struct net n;
	struct leat_conn c[3], found;
	uint32_t cursor = 0, cnt = 0;

	(void)state;
	net_init(&n, 12);
	net_start(&n);
	for (uint32_t i = 0; i < 3; i++)
		c[i] = net_connect(&n, 4, 80);
	assert_int_equal(leat_abort(n.stack[0], c[1]), LEAT_OK);
	while (leat_next_conn(n.stack[0], &cursor, &found)) {
		assert_true(found.id == c[0].id || found.id == c[2].id);
		cnt++;
	}
	assert_int_equal(cnt, 2);
	net_stop(&n);
}

static void the_pool_of_chunks_is_shared_and_bounded(void **state)
{
	struct net n;
	struct leat_conn a[2], b[2];
	uint8_t text[3 * STACK_CHUNK_OCTETS] = {0};
	struct leat_stack *s;

	(void)state;
	net_init(&n, 13);
	n.config[0].send_chunk_cnt = 2;
	net_start(&n);
	s = n.stack[0];
	net_listen(&n, 1, 4, 80, 2);
	net_open(&n, 4, 80, a);
	net_open(&n, 4, 80, b);
	assert_int_equal(leat_send_room(s, a[0]), 2 * STACK_CHUNK_OCTETS);
	assert_int_equal(leat_send(s, a[0], text, 100), 100);
	assert_int_equal(leat_send_room(s, a[0]), 2 * STACK_CHUNK_OCTETS - 100);
	assert_int_equal(leat_send_room(s, b[0]), STACK_CHUNK_OCTETS);
	assert_int_equal(leat_send(s, b[0], text, sizeof(text)), STACK_CHUNK_OCTETS);
	assert_int_equal(leat_stack_counters(s)->send_no_chunk, 1);
	assert_int_equal(leat_send(s, b[0], text, 1), LEAT_ERR_AGAIN);
	assert_int_equal(leat_send_room(s, b[0]), 0);
	net_ledger(&n);
	net_run(&n, 100 * TIME_MS); /* all acknowledged */
	(void)net_event(&n, 0, LEAT_WRITABLE);
	/* What is free of the first chunk of b: its stream stands at a multiple. */
	assert_int_equal(leat_send_room(s, b[0]), 2 * STACK_CHUNK_OCTETS);
	assert_int_equal(leat_send_room(s, a[0]), 2 * STACK_CHUNK_OCTETS - 100);
	assert_int_equal(leat_send(s, a[0], text, sizeof(text)), 2 * STACK_CHUNK_OCTETS - 100);
	assert_int_equal(leat_abort(s, a[0]), LEAT_OK);
	assert_int_equal(leat_send_room(s, b[0]), 2 * STACK_CHUNK_OCTETS);
	net_stop(&n);
}

/* A SYN with text and, where the timestamps would be, a Fast Open cookie of eight octets. */
static uint32_t fast_open_frame(struct net *n, uint8_t *frame, uint8_t kind)
{
	struct tuple from = {
		.local = net_ip(0, 4), .remote = net_ip(1, 4), .lport = 999, .rport = 80};
	struct seg syn = {.flags = TCP_SYN,
		.opts = TCP_OPT_MSS | TCP_OPT_TS,
		.mss = 1000,
		.wnd = 1000,
		.seq = {299},
		.text = 5,
		.len = 6};
	uint32_t octets = net_frame(n, frame, &from, &syn, "early");
	uint8_t *tcp = frame + WIRE_ETH_OCTETS + 20;
	uint8_t *opt = tcp + TCP_HDR_OCTETS;

	while (opt[0] != 8 || opt[1] != 10)
		opt++;
	opt[0] = kind;
	tcp[16] = tcp[17] = 0;
	uint16_t sum = leat_wire_cksum(&from, WIRE_PROTO_TCP, tcp, octets - WIRE_ETH_OCTETS - 20);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	return octets;
}

/* RFC 7413 is not known here: the cookie is passed over, and text on the SYN, however often it
 * comes, is not taken (N141); it comes again after the handshake. */
static void n142_a_fast_open_is_an_ordinary_handshake(void **state)
{
	static const uint8_t kinds[] = {34, 254};
	struct tuple from = {
		.local = net_ip(0, 4), .remote = net_ip(1, 4), .lport = 999, .rport = 80};
	struct seg ack = {.flags = TCP_ACK, .wnd = 1000, .seq = {300}, .text = 5, .len = 5};
	uint8_t frame[NET_FRAME_MAX];
	char got[16];

	(void)state;
	for (uint32_t k = 0; k < COUNT_OF(kinds); k++) {
		struct net n;

		net_init(&n, 4);
		net_start(&n);
		net_listen(&n, 1, 4, 80, 4);
		for (uint32_t i = 0; i < 2; i++) { /* and a second time */
			net_inject(&n, 1, frame, fast_open_frame(&n, frame, kinds[k]));
			net_pump(&n, 1);
			const struct net_flight *last = &n.flight[n.head];

			for (uint32_t f = 0; f < n.cnt; f++) /* there are ARP frames, too */
				if (n.flight[n.head + f].data[13] == 0)
					last = &n.flight[n.head + f];
			const uint8_t *tcp = last->data + WIRE_ETH_OCTETS + 20;
			struct tuple tuple;
			struct seg reply;

			assert_int_equal(
				leat_wire_tcp_parse(tcp, TCP_HDR_OCTETS + 4, &tuple, &reply),
				WIRE_V_TCP);
			assert_int_equal(reply.flags & (TCP_SYN | TCP_ACK), TCP_SYN | TCP_ACK);
			assert_int_equal(reply.opts, TCP_OPT_MSS); /* and no other */
			assert_int_equal(reply.ack.v, 300);
			ack.ack = seq_add(reply.seq, 1);
		}
		net_silent(&n, 1);
		net_inject(&n, 1, frame, net_frame(&n, frame, &from, &ack, "early"));
		struct leat_conn c = net_event(&n, 1, LEAT_ACCEPTED | LEAT_READABLE).conn;
		assert_int_equal(leat_recv(n.stack[1], c, got, sizeof(got)), 5);
		assert_memory_equal(got, "early", 5);
		n.cnt = 0; /* the other end knows nothing of this */
		net_stop(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backlog_that_is_full_drops_syns_and_the_peer_tries_again),
		cmocka_unit_test(a_stack_that_refuses_keeps_its_connections_and_takes_no_new_ones),
		cmocka_unit_test(closing_a_listener_resets_what_it_has_not_handed_over),
		cmocka_unit_test(
			closing_a_listener_resets_by_age_whatever_their_records_were_before),
		cmocka_unit_test(abort_resets_each_connection_slice_by_slice_and_tells_its_user),
		cmocka_unit_test(many_aborts_and_closes_in_one_turn_all_reach_the_peer),
		cmocka_unit_test(an_event_may_be_answered_by_ending_another_connection),
		cmocka_unit_test(a_child_that_ended_before_it_was_announced_is_never_announced),
		cmocka_unit_test(a_connection_is_announced_with_all_that_happened_so_far),
		cmocka_unit_test(n223_nobody_listens_where_we_are_not),
		cmocka_unit_test(the_most_exact_listener_gets_the_connection),
		cmocka_unit_test(a_listener_for_one_remote_may_turn_into_an_active_open),
		cmocka_unit_test(listeners_and_records_have_limits),
		cmocka_unit_test(all_connections_with_a_handle_can_be_walked),
		cmocka_unit_test(the_pool_of_chunks_is_shared_and_bounded),
		cmocka_unit_test(n142_a_fast_open_is_an_ordinary_handshake),
	};

	return cmocka_run_group_tests_name("stack_listen", tests, NULL, NULL);
}
