/* SPDX-License-Identifier: BSD-3-Clause */

/* Connections between two stacks: open, talk, close, and what stays behind. */

#include "stack_core.h"

#include "flow_steer.h"
#include "test_stack_net.h"

static const int family[] = {4, 6};

static void say(struct net *n, uint32_t i, struct leat_conn c, const char *text)
{
	assert_int_equal(leat_send(n->stack[i], c, text, strlen(text)), strlen(text));
}

static void hear(struct net *n, uint32_t i, struct leat_conn c, const char *text)
{
	char got[64];
	int64_t octets = leat_recv(n->stack[i], c, got, sizeof(got));

	assert_int_equal(octets, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

/* Both ends close, first the one given; after 2MSL no trace is left but the listener. */
static void talk_and_close(struct net *n, int fam, uint32_t first)
{
	struct leat_conn conn[2], listener = net_listen(n, 1, fam, 80, 4);
	uint32_t last = 1 - first;
	char c;

	net_open(n, fam, 80, conn);
	assert_string_equal(net_state(n, 0, conn[0]), "ESTABLISHED");
	say(n, 0, conn[0], "hello");
	net_run(n, 5 * TIME_MS);
	(void)net_event(n, 1, LEAT_READABLE);
	assert_int_equal(leat_readable(n->stack[1], conn[1]), 5);
	hear(n, 1, conn[1], "hello");
	say(n, 1, conn[1], "hello to you");
	net_run(n, 5 * TIME_MS);
	assert_int_equal(net_event(n, 0, LEAT_READABLE).conn.id, conn[0].id);
	hear(n, 0, conn[0], "hello to you");
	assert_int_equal(leat_recv(n->stack[0], conn[0], &c, 1), LEAT_ERR_AGAIN);
	net_run(n, TIME_S);
	net_no_events(n, 0);
	net_no_events(n, 1);
	net_ledger(n);
	assert_int_equal(leat_close(n->stack[first], conn[first]), LEAT_OK);
	assert_int_equal(leat_readable(n->stack[first], conn[first]), 0); /* the handle is void */
	net_run(n, 5 * TIME_MS);
	assert_string_equal(net_state(n, last, conn[last]), "CLOSE-WAIT");
	(void)net_event(n, last, LEAT_PEER_CLOSED);
	assert_int_equal(leat_recv(n->stack[last], conn[last], &c, 1), 0);
	assert_int_equal(leat_close(n->stack[last], conn[last]), LEAT_OK);
	net_run(n, 5 * TIME_MS);
	assert_int_equal(leat_stack_tcp(n->stack[first])->present[TCP_ST_TIME_WAIT], 1);
	assert_int_equal(net_present(n, last), last == 1 ? 1 : 0);
	net_ledger(n);
	net_run(n, 61 * TIME_S);
	assert_int_equal(net_present(n, 0), 0);
	assert_int_equal(net_present(n, 1), 1);
	net_silent(n, 0);
	net_silent(n, 1);
	assert_int_equal(leat_close(n->stack[1], listener), LEAT_OK);
	assert_int_equal(net_present(n, 1), 0);
}

static void two_stacks_connect_talk_and_close_in_both_orders(void **state)
{
	struct net n;

	(void)state;
	for (uint32_t f = 0; f < 2; f++) {
		for (uint32_t first = 0; first < 2; first++) {
			net_init(&n, 1 + f);
			net_start(&n);
			talk_and_close(&n, family[f], first);
			assert_int_equal(leat_stack_counters(n.stack[0])->out_no_neigh, 0);
			net_stop(&n);
		}
	}
}

static void a_connect_to_an_unknown_neighbour_does_not_wait_for_a_timeout(void **state)
{
	struct net n;
	const struct inet_neigh_counters *client, *server;

	(void)state;
	for (uint32_t f = 0; f < 2; f++) {
		net_init(&n, 3);
		net_start(&n);
		net_listen(&n, 1, family[f], 80, 4);
		(void)net_connect(&n, family[f], 80);
		/* question, answer, SYN, SYN-ACK: four ways. */
		net_run(&n, 4 * TIME_MS - 1);
		net_silent(&n, 0);
		net_run(&n, 1);
		(void)net_event(&n, 0, LEAT_CONNECTED);
		client = leat_inet_neigh_counters(leat_stack_neigh(n.stack[0]));
		server = leat_inet_neigh_counters(leat_stack_neigh(n.stack[1]));
		assert_int_equal(client->asked, 1);
		assert_int_equal(server->learned, 1); /* from the question */
		net_stop(&n);
	}
}

/* The table of neighbours forgets whom an open connection talks to, for four that do not answer. */
static void forget_neighbour(struct net *n)
{
	struct leat_addr local = {0}, other = net_addr(7, 4, 80);
	struct leat_conn conn[4];

	for (uint32_t i = 0; i < 4; i++, other.octet[3]++) {
		assert_int_equal(leat_connect(n->stack[0], &local, &other, &conn[i]), LEAT_OK);
		net_run(n, TIME_US);
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(leat_abort(n->stack[0], conn[i]), LEAT_OK);
	net_run(n, 4 * TIME_S);
}

static void text_to_a_neighbour_being_asked_for_leaves_with_his_answer(void **state)
{
	const struct stack_counters *cnt;
	struct leat_conn conn[2];
	char text[64];
	struct net n;

	(void)state;
	net_init(&n, 5);
	n.config[0].neigh_max = 4;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	cnt = leat_stack_counters(n.stack[0]);
	forget_neighbour(&n);
	uint64_t waited = cnt->out_waited, again = leat_stack_tcp(n.stack[0])->emitted_again;
	say(&n, 0, conn[0], "hello");
	net_pump(&n, 0);
	assert_int_equal(cnt->out_waited, waited + 1);
	net_run(&n, 3 * TIME_MS); /* question, answer, text: no timeout of a second */
	assert_int_equal(leat_recv(n.stack[1], conn[1], text, sizeof(text)), 5);
	assert_int_equal(leat_stack_tcp(n.stack[0])->emitted_again, again);
	/* What its user gave up meanwhile is not sent: only the reset is. */
	forget_neighbour(&n);
	say(&n, 0, conn[0], "never");
	net_pump(&n, 0);
	assert_int_equal(leat_abort(n.stack[0], conn[0]), LEAT_OK);
	net_run(&n, 6 * TIME_MS); /* it stands behind that text: challenged, and exact then */
	assert_int_equal(cnt->out_void, 1);
	assert_int_equal(leat_recv(n.stack[1], conn[1], text, sizeof(text)), LEAT_ERR_STATE);
	net_stop(&n);
}

static void a_syn_ack_leaves_at_once_for_the_station_the_syn_came_from(void **state)
{
	struct net n;
	uint8_t frame[NET_FRAME_MAX];
	struct tuple from = {
		.local = net_ip(0, 4), .remote = net_ip(1, 4), .lport = 999, .rport = 80};
	struct seg syn = {.flags = TCP_SYN, .wnd = 1000, .seq = {5}};

	(void)state;
	net_init(&n, 4);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_inject(&n, 1, frame, net_frame(&n, frame, &from, &syn, ""));
	net_pump(&n, 1);
	assert_int_equal(n.sent[1], 2); /* the SYN-ACK, and the question */
	assert_int_equal(n.flight[n.head].octets, 14 + 20 + 24);
	assert_memory_equal(n.flight[n.head].data, n.config[0].link.mac.octet, 6);
	assert_int_equal(n.flight[n.head + 1].data[13], 0x06); /* ARP */
	net_stop(&n);
}

/* pour sends and receives octets of text both ways until both have all. */
static void pour(struct net *n, struct leat_conn *conn, uint32_t octets)
{
	uint64_t sent[2] = {0, 0}, got[2] = {0, 0};
	uint8_t piece[5000];

	for (uint32_t turn = 0; turn < 100000 && (got[0] < octets || got[1] < octets); turn++) {
		for (uint32_t i = 0; i < 2; i++) {
			struct leat_stack *s = n->stack[i];
			uint32_t want = 1 + leat_prng_below(&n->prng, sizeof(piece));

			if (want > octets - sent[i])
				want = (uint32_t)(octets - sent[i]);
			for (uint32_t k = 0; k < want; k++)
				piece[k] = net_octet(sent[i] + k, i);
			int64_t done = want > 0 ? leat_send(s, conn[i], piece, want) : 0;
			assert_true(done >= 0 || done == LEAT_ERR_AGAIN);
			sent[i] += done > 0 ? (uint64_t)done : 0;
			int64_t here = leat_recv(
				s, conn[i], piece, 1 + leat_prng_below(&n->prng, sizeof(piece)));
			assert_true(here > 0 || here == LEAT_ERR_AGAIN);
			for (int64_t k = 0; k < here; k++)
				if (piece[k] != net_octet(got[i]++, 1 - i))
					fail_msg("octet %llu differs", (unsigned long long)got[i]);
		}
		net_run(n, TIME_MS);
		if (turn % 16 == 0)
			net_ledger(n);
		net_no_events(n, 0);
		net_no_events(n, 1);
	}
	assert_int_equal(got[0], octets);
	assert_int_equal(got[1], octets);
}

static void text_arrives_octet_for_octet_in_both_directions(void **state)
{
	struct net n;
	struct leat_conn conn[2];

	(void)state;
	for (uint32_t f = 0; f < 2; f++) {
		for (uint32_t loss = 0; loss <= 50000; loss += 50000) {
			net_init(&n, 5 + loss);
			n.config[0].send_buf_octets = 10000;
			n.config[1].send_chunk_cnt = 4;
			net_start(&n);
			net_listen(&n, 1, family[f], 80, 4);
			net_open(&n, family[f], 80, conn);
			n.loss = loss;
			pour(&n, conn, 65536);
			n.loss = 0;
			net_run(&n, 70 * TIME_S);
			net_stop(&n);
		}
	}
}

static void fill(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	uint64_t *calls = arg;

	(*calls)++;
	for (uint32_t k = 0; k < octets; k++)
		dst[k] = net_octet(offset + k, 7);
}

static void a_source_is_asked_when_its_text_is_sent_and_again_when_it_was_lost(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	uint64_t calls = 0, got = 0;
	struct leat_source source = {fill, &calls}, other = {fill, &got};
	uint8_t piece[4096];

	(void)state;
	net_init(&n, 8);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	n.loss = 30000;
	assert_int_equal(leat_send_source(n.stack[0], conn[0], &source, 0), LEAT_ERR_ARG);
	assert_int_equal(
		leat_send_source(n.stack[0], conn[0], &source, UINT64_C(1) << 40), LEAT_ERR_ARG);
	assert_int_equal(leat_send_source(n.stack[0], conn[0], &source, 100000), LEAT_OK);
	assert_int_equal(leat_send_source(n.stack[0], conn[0], &source, 100000), LEAT_OK);
	assert_int_equal(leat_send_source(n.stack[0], conn[0], &other, 1), LEAT_ERR_STATE);
	assert_int_equal(leat_send(n.stack[0], conn[0], "x", 1), LEAT_ERR_STATE);
	assert_int_equal(leat_shutdown(n.stack[0], conn[0]), LEAT_OK);
	assert_int_equal(leat_send_source(n.stack[0], conn[0], &source, 1), LEAT_ERR_STATE);
	for (uint32_t turn = 0; turn < 100000; turn++) {
		net_run(&n, TIME_MS);
		int64_t here = leat_recv(n.stack[1], conn[1], piece, sizeof(piece));
		if (here == 0)
			break;
		for (int64_t k = 0; k < here; k++)
			assert_int_equal(piece[k], net_octet(got++, 7));
	}
	assert_int_equal(got, 200000);
	assert_true(calls > 200000 / 1460); /* some of it twice */
	net_stop(&n);
}

static void one_direction_may_be_closed_while_the_other_goes_on(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	uint8_t text[10000], got[10000];
	char c;

	(void)state;
	net_init(&n, 9);
	net_start(&n);
	net_listen(&n, 1, 6, 80, 4);
	net_open(&n, 6, 80, conn);
	say(&n, 0, conn[0], "last words");
	assert_int_equal(leat_shutdown(n.stack[0], conn[0]), LEAT_OK);
	assert_int_equal(leat_shutdown(n.stack[0], conn[0]), LEAT_ERR_STATE);
	assert_int_equal(leat_send(n.stack[0], conn[0], "x", 1), LEAT_ERR_STATE);
	net_run(&n, 10 * TIME_MS);
	(void)net_event(&n, 1, LEAT_READABLE | LEAT_PEER_CLOSED);
	assert_string_equal(net_state(&n, 0, conn[0]), "FIN-WAIT-2");
	hear(&n, 1, conn[1], "last words");
	assert_int_equal(leat_recv(n.stack[1], conn[1], &c, 1), 0);
	for (uint32_t k = 0; k < sizeof(text); k++)
		text[k] = net_octet(k, 3);
	assert_int_equal(leat_send(n.stack[1], conn[1], text, sizeof(text)), sizeof(text));
	net_run(&n, 200 * TIME_S); /* FIN-WAIT-2 has no limit while the user may read */
	assert_int_equal(leat_recv(n.stack[0], conn[0], got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, text, sizeof(text));
	assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
	net_run(&n, 10 * TIME_MS);
	(void)net_event(&n, 0, LEAT_PEER_CLOSED);
	assert_string_equal(net_state(&n, 0, conn[0]), "TIME-WAIT");
	net_run(&n, 61 * TIME_S);
	(void)net_event(&n, 0, LEAT_CLOSED);
	struct leat_info info;
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	assert_string_equal(info.end, "time-wait over");
	assert_int_equal(info.snd_una, 10);
	assert_int_equal(info.rcv_nxt, 10000);
	assert_int_equal(leat_recv(n.stack[0], conn[0], &c, 1), 0);
	assert_int_equal(leat_release(n.stack[0], conn[0]), LEAT_OK);
	assert_int_equal(net_present(&n, 0), 0);
	net_stop(&n);
}

/* Frame k on the wire is a segment from stack i with these flags. */
static void next_is(struct net *n, uint32_t k, uint32_t i, uint8_t flags)
{
	const struct net_flight *fl = &n->flight[(n->head + k) % NET_FLIGHT_MAX];

	assert_true(k < n->cnt);
	assert_int_equal(fl->to, 1 - i);
	assert_int_equal(fl->data[WIRE_ETH_OCTETS + WIRE_IP4_OCTETS + 13], flags);
}

/* RFC 9293 3.5, figure 7, and 3.10.4: the users close before the SYN,ACKs have left. */
static void the_answer_to_a_syn_leaves_though_the_user_closed_at_once(void **state)
{
	struct leat_conn c[2];
	struct net n;

	(void)state;
	net_init(&n, 47);
	net_start(&n);
	for (uint32_t i = 0; i < 2; i++) {
		struct leat_addr local = net_addr(i, 4, (uint16_t)(5000 + i));
		struct leat_addr remote = net_addr(1 - i, 4, (uint16_t)(5001 - i));

		leat_inet_neigh_set(
			leat_stack_neigh(n.stack[i]), net_ip(1 - i, 4), n.config[1 - i].link.mac);
		assert_int_equal(leat_connect(n.stack[i], &local, &remote, &c[i]), LEAT_OK);
		net_pump(&n, i);
		next_is(&n, i, i, TCP_SYN);
	}
	n.now += n.one_way_ns;
	net_deliver(&n);
	for (uint32_t i = 0; i < 2; i++) {
		assert_string_equal(net_state(&n, i, c[i]), "SYN-RECEIVED");
		assert_int_equal(leat_shutdown(n.stack[i], c[i]), LEAT_OK);
		net_pump(&n, i);
		next_is(&n, i, i, TCP_SYN | TCP_ACK);
	}
	net_run(&n, 20 * TIME_MS);
	for (uint32_t i = 0; i < 2; i++)
		assert_string_equal(net_state(&n, i, c[i]), "TIME-WAIT");
	net_stop(&n);
}

static void close_with_unread_text_resets_the_peer(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	struct leat_info info;
	char c;

	(void)state;
	net_init(&n, 10);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	say(&n, 0, conn[0], "nobody reads this");
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
	assert_int_equal(net_present(&n, 1), 1);
	net_run(&n, 5 * TIME_MS);
	(void)net_event(&n, 0, LEAT_CLOSED);
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	assert_string_equal(info.end, "reset by peer");
	assert_int_equal(leat_recv(n.stack[0], conn[0], &c, 1), LEAT_ERR_STATE);
	assert_int_equal(leat_close(n.stack[0], conn[0]), LEAT_OK);
	assert_int_equal(net_present(&n, 0), 0);
	net_stop(&n);
}

static void unread_text_outlives_the_connection_until_its_handle_is_released(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	char c;

	(void)state;
	for (uint32_t reads = 0; reads < 2; reads++) {
		net_init(&n, 16);
		net_start(&n);
		net_listen(&n, 1, 4, 80, 4);
		net_open(&n, 4, 80, conn);
		say(&n, 0, conn[0], "read me later");
		assert_int_equal(leat_shutdown(n.stack[0], conn[0]), LEAT_OK);
		net_run(&n, 5 * TIME_MS);
		assert_int_equal(leat_shutdown(n.stack[1], conn[1]), LEAT_OK);
		net_run(&n, 5 * TIME_MS);
		assert_string_equal(net_state(&n, 1, conn[1]), "CLOSED");
		assert_int_equal(n.bufs_out[1], 1);
		net_ledger(&n);
		if (reads) {
			hear(&n, 1, conn[1], "read me later");
			assert_int_equal(leat_recv(n.stack[1], conn[1], &c, 1), 0);
		}
		assert_int_equal(leat_release(n.stack[1], conn[1]), LEAT_OK);
		net_give(&n, 1);
		assert_int_equal(n.bufs_out[1], 0);
		net_stop(&n);
	}
}

/* The list of buffers to give back is short.  A recount that filled it would leave no room for the
 * bursts that follow. */
/* The list of resets to send is full, so some aborts wait; meanwhile the peer ends one of these. */
static void an_abort_that_waits_frees_a_connection_that_the_peer_ended(void **state)
{
	struct leat_conn conn[TCP_IO_EMIT_MAX + 1][2];
	struct net n;

	(void)state;
	net_init(&n, 37);
	net_start(&n);
	struct leat_conn listener = net_listen(&n, 1, 4, 80, 4);
	for (uint32_t i = 0; i <= TCP_IO_EMIT_MAX; i++)
		net_open(&n, 4, 80, conn[i]);
	for (uint32_t i = 0; i <= TCP_IO_EMIT_MAX; i++)
		assert_int_equal(leat_abort(n.stack[0], conn[i][0]), LEAT_OK);
	assert_int_equal(net_present(&n, 0), 1);
	assert_int_equal(leat_abort(n.stack[1], conn[TCP_IO_EMIT_MAX][1]), LEAT_OK);
	net_pump(&n, 1);
	n.now += n.one_way_ns;
	net_deliver(&n);
	assert_int_equal(leat_stack_tcp(n.stack[0])->ended[TCP_END_RESET], 1);
	assert_int_equal(net_present(&n, 0), 1);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(net_present(&n, 0), 0);
	assert_int_equal(leat_close(n.stack[1], listener), LEAT_OK);
	net_stop(&n);
}

static void a_recount_moves_no_buffer(void **state)
{
	struct leat_conn conn[2];
	char text[128];
	struct net n;
	void *buf[512];

	(void)state;
	net_init(&n, 31);
	n.config[1].knobs.rcv_seg_max = 1000;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	for (uint32_t i = 0; i < 300; i++) {
		say(&n, 0, conn[0], "x");
		net_run(&n, 50 * TIME_MS); /* past Nagle's and the delayed ACK */
	}
	assert_int_equal(n.bufs_out[1], 300);
	assert_int_equal(leat_abort(n.stack[1], conn[1]), LEAT_OK);
	assert_string_equal(leat_stack_ledger_error(n.stack[1], text, sizeof(text)),
		"text held = text of connections: 300 is not 0");
	for (uint32_t i = 0; i < STACK_GIVE_MAX; i++) {
		uint8_t *frame = malloc(64);

		assert_non_null(frame);
		memset(frame, 0, 64);
		leat_stack_inject(n.stack[1], frame, 64, frame, n.now);
	}
	uint32_t cnt = leat_stack_give(n.stack[1], buf, 512);
	assert_int_equal(cnt, 512);
	for (uint32_t i = 0; i < cnt; i++)
		free(buf[i]);
	n.bufs_out[1] -= cnt - STACK_GIVE_MAX;
	net_stop(&n);
}

static void a_stale_handle_is_refused_and_never_mistaken_for_its_successor(void **state)
{
	struct net n;
	struct leat_conn old[2], fresh[2];
	struct leat_info info;
	struct leat_source source = {fill, NULL};
	struct leat_stack *s;
	const uint8_t *data;
	char c;

	(void)state;
	net_init(&n, 11);
	n.config[0].tcp.tcb_max = 1; /* so that the record must be the same */
	net_start(&n);
	s = n.stack[0];
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, old);
	assert_int_equal(leat_set_user(s, old[0], 77), LEAT_OK);
	assert_int_equal(leat_abort(s, old[0]), LEAT_OK);
	net_run(&n, 5 * TIME_MS);
	net_no_events(&n, 1);
	net_open(&n, 4, 80, fresh);
	assert_int_not_equal(old[0].id, fresh[0].id);
	assert_int_equal((uint32_t)old[0].id, (uint32_t)fresh[0].id);
	assert_int_equal(leat_user(s, fresh[0]), 0);
	uint64_t before = leat_stack_counters(s)->stale_handle;
	assert_int_equal(leat_send(s, old[0], "x", 1), LEAT_ERR_STALE);
	assert_int_equal(leat_send_source(s, old[0], &source, 1), LEAT_ERR_STALE);
	assert_int_equal(leat_send_room(s, old[0]), 0);
	assert_int_equal(leat_recv(s, old[0], &c, 1), LEAT_ERR_STALE);
	assert_int_equal(leat_peek(s, old[0], &data), LEAT_ERR_STALE);
	assert_int_equal(leat_take(s, old[0], 0), LEAT_ERR_STALE);
	assert_int_equal(leat_readable(s, old[0]), 0);
	assert_int_equal(leat_shutdown(s, old[0]), LEAT_ERR_STALE);
	assert_int_equal(leat_close(s, old[0]), LEAT_ERR_STALE);
	assert_int_equal(leat_abort(s, old[0]), LEAT_ERR_STALE);
	assert_int_equal(leat_release(s, old[0]), LEAT_ERR_STALE);
	assert_int_equal(leat_nodelay(s, old[0], true), LEAT_ERR_STALE);
	assert_int_equal(leat_set_user(s, old[0], 1), LEAT_ERR_STALE);
	assert_int_equal(leat_user(s, old[0]), 0);
	assert_int_equal(leat_info(s, old[0], &info), LEAT_ERR_STALE);
	assert_int_equal(leat_info(s, (struct leat_conn){0}, &info), LEAT_ERR_STALE);
	assert_int_equal(leat_info(s, (struct leat_conn){UINT64_MAX}, &info), LEAT_ERR_STALE);
	assert_int_equal(leat_stack_counters(s)->stale_handle, before + 17);
	assert_int_equal(leat_release(s, fresh[0]), LEAT_ERR_STATE);
	assert_string_equal(net_state(&n, 0, fresh[0]), "ESTABLISHED");
	net_stop(&n);
}

/* N226: with every port in TIME-WAIT a connect fails at once; N225: and is counted. */
static void time_wait_keeps_its_port_until_2msl_is_over(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	struct leat_addr local = net_addr(0, 4, 40000), remote = net_addr(1, 4, 80);

	(void)state;
	net_init(&n, 12);
	n.config[0].port_from = 40000;
	n.config[0].port_to = 40001;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	assert_int_equal(leat_close(n.stack[0], conn[0]), LEAT_OK);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_stack_tcp(n.stack[0])->present[TCP_ST_TIME_WAIT], 1);
	net_no_events(&n, 1);
	net_open(&n, 4, 80, conn); /* the other port */
	struct leat_addr any = {0};
	struct leat_conn c;
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_ERR_NO_PORT);
	assert_int_equal(leat_stack_counters(n.stack[0])->no_port, 1);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_IN_USE);
	local.port = 40001;
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_IN_USE);
	remote.port = 81; /* another target has ports of its own */
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_OK);
	remote.port = 80;
	net_run(&n, 59 * TIME_S);
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_ERR_NO_PORT);
	net_run(&n, 2 * TIME_S);
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_OK);
	net_stop(&n);
}

static void the_user_is_told_once_when_a_connect_is_refused(void **state)
{
	struct net n;
	struct leat_conn c;
	struct leat_info info;

	(void)state;
	net_init(&n, 13);
	net_start(&n);
	c = net_connect(&n, 6, 81);
	net_run(&n, 10 * TIME_MS);
	(void)net_event(&n, 0, LEAT_CLOSED);
	net_silent(&n, 0);
	assert_int_equal(leat_info(n.stack[0], c, &info), LEAT_OK);
	assert_string_equal(info.end, "refused");
	assert_string_equal(info.state, "CLOSED");
	assert_int_equal(leat_shutdown(n.stack[0], c), LEAT_ERR_STATE);
	assert_int_equal(leat_release(n.stack[0], c), LEAT_OK);
	net_stop(&n);
}

/* Two shards of one port: each connects from its own ports, all of them and no others. */
static void a_shard_connects_from_ports_whose_replies_come_to_it(void **state)
{
	const uint16_t from = 40064, cnt = FLOW_STEER_TABLE; /* one run of the table */
	uint8_t key[FLOW_RSS_KEY_OCTETS];
	struct flow_steer steer;
	struct leat_info info;
	struct leat_conn c;
	struct net n;

	(void)state;
	leat_flow_steer_key(key, 1, FLOW_STEER_TABLE, false);
	leat_flow_steer_init(&steer, key, FLOW_STEER_TABLE, 2);
	net_init(&n, 31);
	for (uint32_t i = 0; i < 2; i++) {
		n.config[i].steer = &steer;
		n.config[i].shard_idx = i;
		n.config[i].port_from = from;
		n.config[i].port_to = (uint16_t)(from + cnt - 1);
	}
	net_start(&n);
	for (uint32_t i = 0; i < 2; i++) {
		struct leat_addr any = {0}, local = net_addr(i, 4, 0), remote = net_addr(8, 4, 80);
		struct tuple t = {
			.local = net_ip(i, 4), .remote = net_ip(8, 4), .rport = remote.port};
		uint32_t got = 0;

		for (; leat_connect(n.stack[i], &any, &remote, &c) == LEAT_OK; got++) {
			assert_int_equal(leat_info(n.stack[i], c, &info), LEAT_OK);
			t.lport = info.local.port;
			assert_int_equal(leat_flow_steer_owner(&steer, &t), i);
		}
		assert_int_equal(got, cnt / 2);
		/* Nor by name: the other's are refused, and so are our own, which are taken. */
		for (local.port = from; local.port < from + cnt; local.port++)
			assert_int_equal(
				leat_connect(n.stack[i], &local, &remote, &c), LEAT_ERR_IN_USE);
		local.port = 1024; /* outside the range the owner is asked as well */
		for (t.lport = 1024; leat_flow_steer_owner(&steer, &t) == i; t.lport++)
			local.port = (uint16_t)(t.lport + 1);
		assert_int_equal(leat_connect(n.stack[i], &local, &remote, &c), LEAT_ERR_IN_USE);
	}
	net_stop(&n);
}

/* N223.  Among the rows, and below: ourselves (N061), whichever address of ours it is. */
static void a_connect_is_refused_where_it_cannot_go(void **state)
{
	static const struct {
		uint8_t family, octet[4];
		uint16_t port;
		int error;
	} row[] = {
		{4, {10, 0, 0, 2}, 0, LEAT_ERR_ARG},
		{5, {10, 0, 0, 2}, 80, LEAT_ERR_ARG},
		{0, {0, 0, 0, 0}, 80, LEAT_ERR_ADDRESS},
		{4, {224, 0, 0, 1}, 80, LEAT_ERR_ADDRESS},
		{4, {255, 255, 255, 255}, 80, LEAT_ERR_ADDRESS},
		{4, {10, 0, 0, 255}, 80, LEAT_ERR_ADDRESS},
		{4, {127, 0, 0, 1}, 80, LEAT_ERR_ADDRESS},
		{4, {10, 0, 0, 1}, 80, LEAT_ERR_ADDRESS},  /* ourselves */
		{4, {192, 0, 2, 1}, 80, LEAT_ERR_ADDRESS}, /* no gateway */
		{6, {0xff, 2, 0, 0}, 80, LEAT_ERR_ADDRESS},
		{6, {0x20, 1, 0, 0}, 80, LEAT_ERR_ADDRESS},
		{4, {10, 0, 0, 9}, 80, LEAT_OK},
	};
	struct net n;
	struct leat_conn c;

	(void)state;
	net_init(&n, 14);
	net_start(&n);
	for (uint32_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct leat_addr any = {0}, remote = {.family = row[i].family, .port = row[i].port};

		memcpy(remote.octet, row[i].octet, 4);
		int error = leat_connect(n.stack[0], &any, &remote, &c);
		if (error != row[i].error)
			fail_msg("row %u: %s", i, leat_error_text(error));
	}
	struct leat_addr local = net_addr(1, 4, 0), remote = net_addr(1, 4, 80);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_ADDRESS);
	local = net_addr(0, 6, 0);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_ADDRESS);
	remote = net_addr(0, 6, 80); /* ourselves */
	for (uint16_t port = 79; port <= 80; port++) {
		local = net_addr(0, 6, port);
		assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_ADDRESS);
	}
	net_pump(&n, 0); /* of all of them only one asks who its neighbour is */
	remote = net_addr(1, 4, 80);
	local = net_addr(0, 4, 22); /* outside the range of ports */
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_OK);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_IN_USE);
	net_stop(&n);
}

static void a_range_of_addresses_is_used_in_turn(void **state)
{
	struct net n;
	struct leat_info info;
	uint32_t seen[3] = {0};

	(void)state;
	net_init(&n, 15);
	n.config[0].link.range_from = ip_from4(0x0a000064);
	n.config[0].link.range_to = ip_from4(0x0a000066);
	n.config[0].port_from = n.config[0].port_to = 5000;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	for (uint32_t i = 0; i < 3; i++) {
		struct leat_conn conn[2];

		net_open(&n, 4, 80, conn);
		assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
		assert_in_range(info.local.octet[3], 100, 102);
		seen[info.local.octet[3] - 100]++;
	}
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(seen[i], 1);
	struct leat_addr any = {0}, remote = net_addr(1, 4, 80);
	struct leat_conn c;
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_ERR_NO_PORT);
	net_stop(&n);
}

static void info_shows_what_was_agreed_and_which_timers_run(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	struct leat_info info;

	(void)state;
	net_init(&n, 41);
	n.config[1].knobs.timestamps = false;
	n.config[0].knobs.rcv_buf_octets = 1 << 20;
	n.config[0].knobs.rcv_seg_max = 1024;
	n.config[0].knobs.ecn = TCP_ECN_ACTIVE;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	assert_int_equal(leat_keepalive(n.stack[0], conn[0], true), LEAT_OK);
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	assert_true(info.wscale_on && info.sack_on && info.ecn_on && info.keepalive_on);
	assert_false(info.timestamps_on || info.nodelay_on);
	assert_int_equal(info.rcv_wscale, 5);
	assert_int_equal(info.snd_wscale, 0);
	assert_int_equal(info.adv_mss, 1460);
	assert_string_equal(info.cc, "cubic");
	assert_string_equal(info.phase, "open");
	assert_string_equal(info.soft_error, "-");
	assert_string_equal(info.timer[0].name, "keepalive");
	assert_true(info.timer[0].at > n.now + 7199 * TIME_S);
	assert_null(info.timer[1].name);
	assert_int_equal(leat_send(n.stack[1], conn[1], "x", 1), 1);
	net_run(&n, TIME_MS); /* one way */
	assert_int_equal(leat_send(n.stack[0], conn[0], "yz", 2), 2);
	n.cut = true;
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	assert_string_equal(info.timer[0].name, "delack");
	assert_int_equal(info.timer[0].at, n.now + n.config[0].knobs.delack_ns);
	assert_int_equal(info.held, 1);
	net_pump(&n, 0);
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	assert_int_equal(info.in_flight, 2);
	assert_string_equal(info.timer[0].name, "tlp");
	assert_null(info.timer[1].name);
	net_run(&n, 10 * TIME_S);
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	assert_string_equal(info.phase, "loss");
	assert_string_equal(info.timer[0].name, "rto");
	assert_true(info.backoff >= 3);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_stacks_connect_talk_and_close_in_both_orders),
		cmocka_unit_test(a_connect_to_an_unknown_neighbour_does_not_wait_for_a_timeout),
		cmocka_unit_test(text_to_a_neighbour_being_asked_for_leaves_with_his_answer),
		cmocka_unit_test(a_syn_ack_leaves_at_once_for_the_station_the_syn_came_from),
		cmocka_unit_test(text_arrives_octet_for_octet_in_both_directions),
		cmocka_unit_test(
			a_source_is_asked_when_its_text_is_sent_and_again_when_it_was_lost),
		cmocka_unit_test(one_direction_may_be_closed_while_the_other_goes_on),
		cmocka_unit_test(the_answer_to_a_syn_leaves_though_the_user_closed_at_once),
		cmocka_unit_test(close_with_unread_text_resets_the_peer),
		cmocka_unit_test(unread_text_outlives_the_connection_until_its_handle_is_released),
		cmocka_unit_test(an_abort_that_waits_frees_a_connection_that_the_peer_ended),
		cmocka_unit_test(a_recount_moves_no_buffer),
		cmocka_unit_test(a_stale_handle_is_refused_and_never_mistaken_for_its_successor),
		cmocka_unit_test(time_wait_keeps_its_port_until_2msl_is_over),
		cmocka_unit_test(the_user_is_told_once_when_a_connect_is_refused),
		cmocka_unit_test(a_shard_connects_from_ports_whose_replies_come_to_it),
		cmocka_unit_test(a_connect_is_refused_where_it_cannot_go),
		cmocka_unit_test(a_range_of_addresses_is_used_in_turn),
		cmocka_unit_test(info_shows_what_was_agreed_and_which_timers_run),
	};

	return cmocka_run_group_tests_name("stack_conn", tests, NULL, NULL);
}
