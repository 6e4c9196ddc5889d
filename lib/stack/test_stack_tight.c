/* SPDX-License-Identifier: BSD-3-Clause */

/* TIME-WAIT when places are few: records that move, begin again or give way while others want
 * their places. */

#include "stack_core.h"
#include "test_stack_close.h"

#define PORT    80
#define TWO_MSL (60 * TIME_S)

static struct tcp_engine *engine(const struct net *n)
{
	return leat_stack_engine(n->stack[1]);
}

static const struct tcp_counters *counted(const struct net *n)
{
	return leat_stack_tcp(n->stack[1]);
}

/* Segments from the peer whose tuple at stack 1 is `to`. */
static void says(struct net *n, const struct tuple *to, const struct seg *seg)
{
	const struct tuple from = tuple_turned(to);
	uint8_t frame[NET_FRAME_MAX];

	net_inject(n, 1, frame, net_frame(n, frame, &from, seg, "x"));
}

/* A SYN that opens a tuple again, by its number. */
static void opens_again(struct net *n, const struct tuple *to, struct seq rcv_nxt)
{
	const struct seg syn = {.seq = seq_add(rcv_nxt, 100), .flags = TCP_SYN, .wnd = 1000};

	says(n, to, &syn);
}

static void resets(struct net *n, const struct tuple *to, struct seq number)
{
	const struct seg rst = {.seq = number, .flags = TCP_RST};

	says(n, to, &rst);
}

static void says_late(struct net *n, const struct tw_info *w)
{
	const struct seg seg = {.seq = w->rcv_nxt,
		.ack = w->snd_nxt,
		.flags = TCP_PSH | TCP_ACK,
		.opts = TCP_OPT_TS,
		.ts_val = w->ts_recent,
		.wnd = 1000,
		.len = 1,
		.text = 1};

	says(n, &w->tuple, &seg);
}

/* Places for max, and a listener that reuses by number, with a backlog of one. */
static void begin(struct net *n, uint64_t seed, uint32_t max)
{
	net_init(n, seed);
	n->config[1].link.local_cnt = 1;
	n->config[1].tcp.time_wait_max = max;
	n->config[1].knobs.rst_ends_time_wait = true;
	n->config[1].knobs.syn_cookies = TCP_COOKIES_OFF;
	net_start(n);
	struct leat_conn l = net_listen(n, 1, 4, PORT, 1);

	assert_int_equal(leat_reuse(n->stack[1], l, LEAT_REUSE_SEQ), LEAT_OK);
}

/* One that the server closes first and its user keeps. */
static void held(struct net *n, struct leat_conn conn[2], struct tw_info *info)
{
	net_open(n, 4, PORT, conn);
	assert_int_equal(leat_shutdown(n->stack[1], conn[1]), LEAT_OK);
	net_closes_too(n, conn[0]);
	assert_string_equal(net_state(n, 1, conn[1]), "TIME-WAIT");
	const struct tcb *tcb = leat_tcp_tcb(engine(n), (uint32_t)conn[1].id - 1);

	leat_tcp_tuple(engine(n), tcb, &info->tuple);
	info->rcv_nxt = tcb->rcv.nxt;
}

enum {
	RECORDS = 159,
	BLOCK = 32, /* records in one, of so few */
	IT = 5      /* which stands in the first block, and not at its front */
};

/* Of RECORDS few are left, one in each block at least, so that holes are to be closed. */
static void make_holes(struct net *n, const struct tw_info *w, uint32_t awake)
{
	for (uint32_t i = 0; i < awake; i++)
		says_late(n, &w[RECORDS - 1 - i]);
	for (uint32_t i = 0; i < RECORDS - awake; i++)
		if (i % BLOCK != IT)
			resets(n, &w[i].tuple, w[i].rcv_nxt);
	while (leat_tcp_tw_pace(engine(n)) == 0)
		net_closed_by_server(n, 4);
}

/* A SYN that opens a record again has the oldest half-open one give way, for which another comes
 * back to TIME-WAIT and is a record from then on: holes are closed for it, and the first one
 * moves.  Its tcb knows, be it one of those that are awake or the one that answers nothing. */
static void a_record_that_moves_while_a_syn_opens_it_again_is_found(void **state)
{
	static struct tw_info w[RECORDS];
	uint32_t name[RECORDS];
	struct leat_conn conn[2];
	struct tw_info b;
	struct net n;

	(void)state;
	for (uint32_t deaf = 0; deaf < 2; deaf++) {
		uint64_t obeyed;

		begin(&n, 1 + deaf, RECORDS + 1);
		held(&n, conn, &b);
		for (uint32_t i = 0; i < RECORDS; i++)
			net_closed_by_server(&n, 4);
		uint32_t cnt = leat_tcp_tw_due(engine(&n), TIME_NEVER - 1, name, RECORDS);

		assert_int_equal(cnt, RECORDS);
		for (uint32_t i = 0; i < cnt; i++)
			leat_tcp_tw_read(engine(&n), name[i], &w[i]);
		n.cut = true;
		make_holes(&n, w, deaf ? TCP_TW_AWAKE : 0);
		obeyed = net_outcome(&n, 1, "rst_obeyed");
		opens_again(&n, &b.tuple, b.rcv_nxt);
		assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
		n.now += TIME_S; /* the half-open one is no longer young */
		uint64_t moved = counted(&n)->time_wait_moved;

		opens_again(&n, &w[IT].tuple, w[IT].rcv_nxt);
		assert_true(counted(&n)->time_wait_moved > moved);
		assert_int_equal(counted(&n)->verdict[TCP_V_TIME_WAIT_SYN_SEQ], 2);
		assert_int_equal(counted(&n)->ended[TCP_END_EVICTED], 1);
		leat_tcp_tw_check(engine(&n));
		net_ledger(&n);
		resets(&n, &w[IT].tuple, seq_add(w[IT].rcv_nxt, 101));
		assert_int_equal(leat_stack_counters(n.stack[1])->time_wait_returned, 2);
		resets(&n, &w[IT].tuple, w[IT].rcv_nxt); /* and it is where it was */
		assert_int_equal(net_outcome(&n, 1, "rst_obeyed"), obeyed + 1);
		net_stop(&n);
	}
}

/* Of one whose restart was put off the head takes care, wherever its place is by then: an heir has
 * it, or there was no room for it in the flow table. */
static void a_restart_that_was_put_off_goes_on_beside_the_flow_table(void **state)
{
	(void)state;
	for (uint32_t out = 0; out < 2; out++) {
		struct tw_info w;
		uint32_t name;
		struct net n;

		begin(&n, 3 + out, 8);
		net_closed_by_server(&n, 4);
		uint64_t at = leat_tcp_tw_next(engine(&n));

		n.cut = true;
		net_until(&n, at - TIME_S);
		assert_int_equal(leat_tcp_tw_due(engine(&n), at, &name, 1), 1);
		leat_tcp_tw_read(engine(&n), name, &w);
		leat_tcp_tw_flag(engine(&n), name, TW_F_LATER, true);
		if (out) {
			uint64_t hash = leat_flow_hash(n.stack[1]->flow, &w.tuple);

			leat_flow_table_remove(n.stack[1]->flow, hash, name);
			leat_tcp_tw_flag(engine(&n), name, TW_F_OUT, true);
		} else {
			opens_again(&n, &w.tuple, w.rcv_nxt);
			assert_int_equal(counted(&n)->present[TCP_ST_SYN_RECEIVED], 1);
		}
		net_until(&n, at + TIME_S);
		assert_int_equal(leat_tcp_tw_cnt(engine(&n)), 1);
		assert_true(leat_tcp_tw_next(engine(&n)) == at + TWO_MSL);
		net_ledger(&n);
		if (!out) { /* and has its place again when the heir ends */
			resets(&n, &w.tuple, seq_add(w.rcv_nxt, 101));
			assert_int_equal(leat_stack_counters(n.stack[1])->time_wait_returned, 1);
			net_ledger(&n);
		}
		net_until(&n, at + TWO_MSL);
		assert_int_equal(leat_tcp_tw_cnt(engine(&n)), 0);
		net_stop(&n);
	}
}

/* Who gave way had heard all there was to hear: what his user did not read yet he still may. */
static void text_unread_outlives_time_wait_that_gave_way(void **state)
{
	struct leat_conn conn[2], other;
	struct leat_info info;
	struct net n;

	(void)state;
	net_init(&n, 5);
	n.config[1].tcp.time_wait_max = 1;
	n.config[1].knobs.time_wait_evict = true;
	net_start(&n);
	net_listen(&n, 1, 4, PORT, 2);
	net_open(&n, 4, PORT, conn);
	net_leave_unread(&n, conn);
	other = net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_string_equal(net_state(&n, 0, other), "ESTABLISHED");
	assert_int_equal(leat_info(n.stack[1], conn[1], &info), LEAT_OK);
	assert_string_equal(info.end, "time-wait, gave way");
	net_read_unread(&n, conn[1]);
	net_stop(&n);
}

/* Stack 1 has places for four, and the oldest gives way; all of them wait there. */
static void full(struct net *n, uint64_t seed, enum tcp_cookies cookies)
{
	net_init(n, seed);
	n->config[1].tcp.time_wait_max = 4;
	n->config[1].tcp.tcb_max = 4;
	n->config[1].knobs.time_wait_evict = true;
	n->config[1].knobs.syn_cookies = (uint8_t)cookies;
	net_start(n);
	net_listen(n, 1, 4, PORT, 2);
	for (uint32_t i = 0; i < 4; i++)
		net_closed_by_server(n, 4);
	assert_int_equal(net_outcome(n, 1, "evicted"), 0);
	assert_true(leat_tcp_tw_full(engine(n)));
}

/* An ACK of a stranger to the listener, which acknowledges what nobody said. */
static void guesses(struct net *n, uint32_t i)
{
	const struct tuple to = {net_ip(1, 4), ip_from4(0x0a000040), PORT, 4000, 0};
	const struct seg ack = {.seq = seq_of(1), .ack = seq_of(i), .flags = TCP_ACK, .wnd = 1000};

	says(n, &to, &ack);
}

/* A cookie is not kept, so that nobody gives way to it before it comes back; nor to what is none,
 * nor when it comes back to a backlog that is full. */
static void the_oldest_gives_way_to_a_cookie_that_comes_back(void **state)
{
	struct leat_conn c[4];
	struct net n;

	(void)state;
	full(&n, 6, TCP_COOKIES_ALWAYS);
	for (uint32_t i = 0; i < 3; i++)
		c[i] = net_connect(&n, 4, PORT);
	net_run(&n, TIME_MS + TIME_MS / 2); /* the SYNs have come, no ACK has */
	assert_int_equal(counted(&n)->verdict[TCP_V_SYN_COOKIE], 7);
	for (uint32_t i = 0; i < 1000; i++)
		guesses(&n, i * 4567);
	assert_int_equal(net_outcome(&n, 1, "evicted"), 0);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(counted(&n)->verdict[TCP_V_COOKIE_OK], 6);
	assert_int_equal(net_outcome(&n, 1, "evicted"), 2);
	for (uint32_t i = 0; i < 2; i++)
		(void)net_event(&n, 1, LEAT_ACCEPTED);
	assert_int_equal(leat_send(n.stack[0], c[2], "x", 1), 1); /* it brings the third again */
	net_run(&n, 20 * TIME_MS);
	(void)net_event(&n, 1, LEAT_ACCEPTED);
	assert_int_equal(net_outcome(&n, 1, "evicted"), 3);
	net_ledger(&n);
	net_stop(&n);
}

/* Nobody gives way to one that is refused all the same: by a backlog that is full of open ones, or
 * as there is no control block. */
static void nobody_gives_way_to_who_is_refused(void **state)
{
	struct leat_addr any = {0}, remote = net_addr(0, 4, 5555), local = net_addr(1, 4, 81);
	struct leat_conn c[3], l;
	struct net n;

	(void)state;
	full(&n, 7, TCP_COOKIES_OFF);
	for (uint32_t i = 0; i < 3; i++)
		c[i] = net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(counted(&n)->present[TCP_ST_ESTABLISHED], 2);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 1);
	assert_int_equal(net_outcome(&n, 1, "evicted"), 2);
	assert_int_equal(net_outcome(&n, 1, "refused"), 0); /* by the backlog, that is */
	for (uint32_t i = 0; i < 2; i++)
		(void)net_event(&n, 1, LEAT_ACCEPTED);
	net_run(&n, 2 * TIME_S); /* and its SYN comes again: there is a place now */
	assert_string_equal(net_state(&n, 0, c[2]), "ESTABLISHED");
	assert_int_equal(net_outcome(&n, 1, "evicted"), 3);
	assert_false(leat_tcp_has_tcb(engine(&n)));
	(void)net_event(&n, 1, LEAT_ACCEPTED);
	(void)net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_connect(n.stack[1], &any, &remote, &l), LEAT_ERR_FULL);
	assert_int_equal(leat_listen(n.stack[1], &local, 1, &l), LEAT_ERR_FULL);
	assert_int_equal(net_outcome(&n, 1, "evicted"), 3);
	leat_stack_refuse(n.stack[1], true);
	(void)net_connect(&n, 4, PORT);
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[1])->accept_refused, 2);
	assert_int_equal(net_outcome(&n, 1, "refused"), 0); /* none for want of a place to wait */
	net_ledger(&n);
	net_stop(&n);
}

/* A listener that becomes an active open may end in TIME-WAIT as any other; it has its control
 * block, and needs no other. */
static void a_listener_becomes_an_active_open_if_there_is_a_place(void **state)
{
	struct leat_addr local = net_addr(1, 4, 700), remote = net_addr(0, 4, 5555);
	struct leat_conn l;
	struct net n;

	(void)state;
	for (uint32_t evict = 0; evict < 2; evict++) {
		net_init(&n, 8);
		n.config[1].tcp.tcb_max = 2;
		n.config[1].tcp.time_wait_max = 2;
		n.config[1].knobs.time_wait_evict = evict;
		net_start(&n);
		net_listen(&n, 1, 4, PORT, 2);
		for (uint32_t i = 0; i < 2; i++)
			net_closed_by_server(&n, 4);
		assert_int_equal(leat_listen_from(n.stack[1], &local, &remote, &l), LEAT_OK);
		assert_false(leat_tcp_has_tcb(engine(&n)));
		assert_int_equal(leat_send(n.stack[1], l, "x", 1), evict ? 1 : LEAT_ERR_WAITING);
		assert_int_equal(net_outcome(&n, 1, evict ? "evicted" : "refused"), 1);
		net_ledger(&n);
		net_stop(&n);
	}
}

/* Not the one that is next to end: of a short 2MSL all would go before the first of a long one. */
static void the_oldest_is_who_has_waited_longest_whatever_his_2msl(void **state)
{
	static const uint64_t two_msl[] = {TWO_MSL, 2 * TIME_S, 30 * TIME_S};
	enum {
		MAX = 6,
		CNT = 2 * MAX
	};
	struct tuple t[CNT];
	struct leat_conn conn[2];
	struct net n;

	(void)state;
	for (uint32_t compact = 0; compact < 2; compact++) {
		net_init(&n, 9);
		n.config[1].tcp.time_wait_max = MAX;
		n.config[1].knobs.time_wait_evict = true;
		n.config[1].knobs.time_wait_compact = compact;
		net_start(&n);
		for (uint32_t i = 0; i < CNT; i++) {
			int family = i % 4 == 3 ? 6 : 4;
			struct leat_conn l = net_listen(&n, 1, family, PORT, 8);

			assert_int_equal(leat_time_wait(n.stack[1], l, two_msl[i % 3]), LEAT_OK);
			net_open(&n, family, PORT, conn);
			leat_tcp_tuple(engine(&n),
				leat_tcp_tcb(engine(&n), (uint32_t)conn[1].id - 1), &t[i]);
			for (uint32_t k = 0; k < i; k++)
				assert_int_equal(leat_stack_glance(n.stack[1], &t[k], false).state,
					k + MAX <= i ? TCP_ST_CLOSED : TCP_ST_TIME_WAIT);
			net_close(&n, conn);
			assert_int_equal(leat_close(n.stack[1], l), LEAT_OK);
			net_no_events(&n, 1);
		}
		assert_int_equal(net_outcome(&n, 1, "evicted"), CNT - MAX);
		net_stop(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_that_moves_while_a_syn_opens_it_again_is_found),
		cmocka_unit_test(a_restart_that_was_put_off_goes_on_beside_the_flow_table),
		cmocka_unit_test(text_unread_outlives_time_wait_that_gave_way),
		cmocka_unit_test(the_oldest_gives_way_to_a_cookie_that_comes_back),
		cmocka_unit_test(nobody_gives_way_to_who_is_refused),
		cmocka_unit_test(a_listener_becomes_an_active_open_if_there_is_a_place),
		cmocka_unit_test(the_oldest_is_who_has_waited_longest_whatever_his_2msl),
	};

	return cmocka_run_group_tests_name("stack_tight", tests, NULL, NULL);
}
