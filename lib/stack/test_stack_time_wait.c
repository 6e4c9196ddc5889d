/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_stack_close.h"

#include "base_bits.h"
#include "stack_gauge.h"
#include "tcp_tw.h"

#include <string.h>

#define TWO_MSL (60 * TIME_S)

static uint32_t records(const struct net *n)
{
	return leat_tcp_tw_cnt(leat_stack_engine(n->stack[1]));
}

static const struct tcp_counters *counted(const struct net *n)
{
	return leat_stack_tcp(n->stack[1]);
}

/* A segment of the peer of record name: his FIN again, or an octet of text behind it. */
static void peer_says(struct net *n, uint32_t name, uint8_t flags)
{
	struct tcp_engine *e = leat_stack_engine(n->stack[1]);
	const struct tcb *tcb = leat_tcp_tw_look(e, name, n->now);
	struct tuple to;

	leat_tcp_tuple(e, tcb, &to);
	struct tuple from = tuple_turned(&to);
	struct seg seg = {.seq = seq_sub(tcb->rcv.nxt, flags & TCP_FIN ? 1 : 0),
		.ack = tcb->snd.nxt,
		.flags = flags,
		.wnd = 1000,
		.len = 1,
		.text = flags & TCP_FIN ? 0 : 1};
	uint8_t frame[NET_FRAME_MAX];

	if (tcb->agreed & TCP_OPT_TS) {
		seg.opts = TCP_OPT_TS;
		seg.ts_val = tcb->ts_recent;
	}
	net_inject(n, 1, frame, net_frame(n, frame, &from, &seg, "x"));
}

/* Each record once. */
static void peers_say(struct net *n, uint8_t flags)
{
	struct tcp_engine *e = leat_stack_engine(n->stack[1]);
	uint32_t name[256], cnt = 0, unit = 0, look = UINT32_MAX;

	while (leat_tcp_tw_scan(e, &unit, &look, &name[cnt]))
		cnt++;
	for (uint32_t i = 0; i < cnt; i++)
		peer_says(n, name[i], flags);
}

static void begin(struct net *n, uint64_t seed)
{
	net_init(n, seed);
	net_start(n);
	net_listen(n, 1, 4, 80, 8);
	net_listen(n, 1, 6, 80, 8);
}

static void a_connection_that_only_waits_needs_no_control_block(void **state)
{
	struct net n;

	(void)state;
	begin(&n, 1);
	uint32_t unused = counted(&n)->present[TCP_ST_NONE];

	for (uint32_t i = 0; i < 20; i++)
		net_closed_by_server(&n, i % 2 ? 4 : 6);
	assert_int_equal(records(&n), 20);
	assert_int_equal(counted(&n)->present[TCP_ST_TIME_WAIT], 20);
	assert_int_equal(counted(&n)->present[TCP_ST_NONE], unused);
	assert_int_equal(counted(&n)->time_wait_stayed, 0);
	net_ledger(&n);
	net_run(&n, TWO_MSL);
	assert_int_equal(records(&n), 0);
	assert_int_equal(counted(&n)->ended[TCP_END_TIME_WAIT], 20);
	assert_int_equal(counted(&n)->time_wait_late_ns_max, 0);
	net_stop(&n);
}

/* N099: each end is exact, however the others are restarted; one is counted late when it is. */
static void an_end_that_nobody_looked_at_is_counted_as_late(void **state)
{
	struct net n;

	(void)state;
	begin(&n, 2);
	net_closed_by_server(&n, 4);
	uint64_t at = leat_tcp_tw_next(leat_stack_engine(n.stack[1]));

	assert_true(leat_stack_next_deadline(n.stack[1]) == at);
	assert_int_equal(leat_stack_timers(n.stack[1], at - 1, 64), 0);
	assert_int_equal(leat_stack_timers(n.stack[1], at + 77, 64), 1);
	assert_int_equal(counted(&n)->time_wait_late_ns_max, 77);
	n.now = at + 77;
	net_stop(&n);
}

/* N096: while nothing can leave, more want an answer than are awake; the others hear nothing. */
static void a_flood_of_fins_wakes_no_more_than_there_is_room_for(void **state)
{
	struct stack_frame f[2 * TCP_TW_AWAKE];
	static uint8_t room[2 * TCP_TW_AWAKE][NET_FRAME_MAX];
	enum {
		CNT = 100
	};
	struct net n;

	(void)state;
	begin(&n, 3);
	for (uint32_t i = 0; i < CNT; i++)
		net_closed_by_server(&n, 4);
	assert_int_equal(records(&n), CNT);
	net_run(&n, TIME_S);
	peers_say(&n, TCP_FIN | TCP_ACK);
	peers_say(&n, TCP_FIN | TCP_ACK); /* and once more: those that are awake owe one answer */
	assert_int_equal(counted(&n)->time_wait_restarted, 2 * CNT);
	assert_int_equal(counted(&n)->time_wait_unanswered, 2 * (CNT - TCP_TW_AWAKE));
	for (uint32_t i = 0; i < COUNT_OF(f); i++)
		f[i] = (struct stack_frame){.data = room[i], .room = sizeof(room[i])};
	assert_int_equal(leat_stack_output(n.stack[1], n.now, f, COUNT_OF(f)), TCP_TW_AWAKE);
	leat_tcp_tw_check(leat_stack_engine(n.stack[1]));
	net_ledger(&n);
	net_run(&n, TWO_MSL - 1);
	assert_int_equal(records(&n), CNT);
	net_run(&n, 1);
	assert_int_equal(records(&n), 0);
	net_stop(&n);
}

/* An answer that could not leave in time is none. */
static void what_is_over_while_its_answer_waits_says_nothing(void **state)
{
	struct stack_frame f = {.room = NET_FRAME_MAX};
	uint8_t room[NET_FRAME_MAX];
	struct net n;

	(void)state;
	begin(&n, 4);
	net_closed_by_server(&n, 4);
	net_closed_by_server(&n, 6);
	n.now = leat_tcp_tw_next(leat_stack_engine(n.stack[1])) + TIME_S;
	peers_say(&n, TCP_PSH | TCP_ACK);
	assert_int_equal(counted(&n)->verdict[TCP_V_TIME_WAIT_OLD], 2);
	assert_int_equal(leat_stack_timers(n.stack[1], n.now, 64), 2);
	assert_int_equal(records(&n), 0);
	f.data = room;
	assert_int_equal(leat_stack_output(n.stack[1], n.now, &f, 1), 0);
	net_stop(&n);
}

/* The record of the peer's port; 0: the one that is next to end. */
static uint32_t record_of(const struct net *n, uint16_t port)
{
	struct tcp_engine *e = leat_stack_engine(n->stack[1]);
	uint32_t unit = 0, look = UINT32_MAX, name;
	struct tuple tuple;

	if (port == 0 && leat_tcp_tw_due(e, TIME_NEVER - 1, &name, 1) == 1)
		return name;
	while (leat_tcp_tw_scan(e, &unit, &look, &name)) {
		leat_tcp_tw_tuple(e, name, &tuple);
		if (tuple.rport == port)
			return name;
	}
	fail_msg("no record of port %u", port);
	return 0;
}

/* So many restarts of the last of cnt that no block is left, as others stand between the holes, and
 * max - cnt have places kept: those that are there are moved, and end when they should. */
static void many_restarts(uint64_t seed, int family, uint32_t cnt, uint32_t max)
{
	struct net n;
	uint64_t last = 0;
	uint32_t name[8];
	struct tuple t[8];

	net_init(&n, seed);
	n.config[1].link.local_cnt = family == 4 ? 1 : 2;
	n.config[1].tcp.time_wait_max = max;
	n.config[1].tcp.tcb_max = 8;
	net_start(&n);
	net_listen(&n, 1, family, 80, 8);
	for (uint32_t i = 0; i < cnt; i++)
		net_closed_by_server(&n, family);
	struct tcp_engine *e = leat_stack_engine(n.stack[1]);

	assert_int_equal(leat_tcp_tw_due(e, n.now + TWO_MSL, name, 8), cnt);
	for (uint32_t i = 0; i < cnt; i++)
		leat_tcp_tw_tuple(e, name[i], &t[i]);
	for (uint32_t i = 1; i < 400; i++) {
		uint32_t which = i % 40 == 0 && i / 40 < cnt ? i / 40 : cnt - 1;

		net_run(&n, TIME_MS);
		peer_says(&n, record_of(&n, t[which].rport), TCP_FIN | TCP_ACK);
		last = n.now;
		net_run(&n, TIME_MS);
		leat_tcp_tw_check(e);
	}
	assert_true(counted(&n)->time_wait_moved > 0);
	assert_int_equal(counted(&n)->time_wait_put_off, 0);
	net_until(&n, last + TWO_MSL - 1);
	assert_int_equal(records(&n), 1);
	net_run(&n, 1);
	assert_int_equal(records(&n), 0);
	assert_int_equal(counted(&n)->ended[TCP_END_TIME_WAIT], cnt);
	net_stop(&n);
}

static void restarts_leave_holes_that_are_closed(void **state)
{
	(void)state;
	many_restarts(5, 4, 4, 4);
	many_restarts(12, 6, 6, 7); /* six blocks in use, and two that are kept */
	many_restarts(13, 6, 7, 8);
	many_restarts(14, 4, 3, 4);
}

/* What a record learnt is noted where it is by then, also when it moved while its answer waited. */
static void records_move_while_their_answers_wait(void **state)
{
	enum {
		CNT = 4
	};
	uint32_t name[CNT], ts_recent[CNT];
	struct tuple t[CNT];
	struct net n;

	(void)state;
	net_init(&n, 15);
	n.config[1].link.local_cnt = 1;
	n.config[1].tcp.time_wait_max = CNT;
	n.config[1].tcp.tcb_max = 8;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < CNT; i++)
		net_closed_by_server(&n, 4);
	struct tcp_engine *e = leat_stack_engine(n.stack[1]);

	assert_int_equal(leat_tcp_tw_due(e, n.now + TWO_MSL, name, CNT), CNT);
	for (uint32_t i = 0; i < CNT; i++) {
		leat_tcp_tw_tuple(e, name[i], &t[i]);
		ts_recent[i] = leat_tcp_tw_look(e, name[i], n.now)->ts_recent;
		assert_true(i == 0 || ts_recent[i] != ts_recent[i - 1]);
	}
	for (uint32_t i = 1; i < 160; i++) {
		uint32_t last = i % 40 == 0 ? i / 40 % CNT : CNT - 1;

		for (uint32_t k = 0; k < CNT; k++)
			peer_says(&n, record_of(&n, t[k].rport), TCP_PSH | TCP_ACK);
		peer_says(&n, record_of(&n, t[last].rport), TCP_FIN | TCP_ACK);
		net_run(&n, i % 2 ? 0 : TIME_S / 2);
		leat_tcp_tw_check(e);
		for (uint32_t k = 0; k < CNT; k++)
			assert_int_equal(
				leat_tcp_tw_look(e, record_of(&n, t[k].rport), n.now)->ts_recent,
				ts_recent[k]);
	}
	assert_true(counted(&n)->time_wait_moved > 0);
	net_stop(&n);
}

/* A restart for which there is no block at all counts from when the head comes to it: TIME-WAIT is
 * longer then, and never shorter. */
static void a_restart_that_is_put_off_makes_it_longer(void **state)
{
	struct net n;

	(void)state;
	begin(&n, 10);
	net_closed_by_server(&n, 4);
	struct tcp_engine *e = leat_stack_engine(n.stack[1]);
	uint64_t at = leat_tcp_tw_next(e);

	net_closed_by_server(&n, 6);
	leat_tcp_tw_flag(e, record_of(&n, 0), TW_F_LATER, true);
	net_until(&n, at + TIME_S);
	assert_int_equal(records(&n), 1);
	assert_true(leat_tcp_tw_next(e) == at + TWO_MSL);
	net_ledger(&n);
	peers_say(&n, TCP_PSH | TCP_ACK);
	net_until(&n, at + TWO_MSL);
	assert_int_equal(records(&n), 0);
	net_stop(&n);
}

/* The stack closes holes in time (many_restarts).  An engine whose holes nobody closes puts off the
 * restart that finds no block, and loses no record. */
static void a_restart_without_a_block_is_put_off_and_counted(void **state)
{
	static struct tcp_io io;
	uint32_t cnt = 0, unit = 0, look = UINT32_MAX, two[2] = {0};
	struct net n;

	(void)state;
	net_init(&n, 15);
	n.config[1].link.local_cnt = 1;
	n.config[1].tcp.time_wait_max = 8;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < 4; i++)
		net_closed_by_server(&n, 4);
	net_ledger(&n);
	struct tcp_engine *e = leat_stack_engine(n.stack[1]);

	for (uint32_t i = 0; i < 2; i++) /* others stay between the holes */
		assert_true(leat_tcp_tw_scan(e, &unit, &look, &two[i]));
	io.born = TCP_NONE;
	for (; cnt < 10000 && counted(&n)->time_wait_put_off == 0; cnt++) {
		uint32_t *name = &two[cnt / 40 % 2];
		struct tcb *tcb = leat_tcp_tw_wake(e, *name, ++n.now);
		struct tuple tuple;

		leat_tcp_tuple(e, tcb, &tuple);
		struct seg seg = {.seq = seq_sub(tcb->rcv.nxt, 1),
			.ack = tcb->snd.nxt,
			.flags = TCP_FIN | TCP_ACK,
			.len = 1,
			.opts = tcb->agreed & TCP_OPT_TS,
			.ts_val = tcb->ts_recent};

		assert_int_equal(leat_tcp_segment_arrives(e, tcb, &tuple, &seg, n.now, &io),
			TCP_V_TIME_WAIT_FIN);
		*name = leat_tcp_tw_name(e, tcb);
		leat_tcp_output(e, n.now, &io);
		io.emit_cnt = io.give_cnt = 0;
	}
	assert_int_equal(counted(&n)->time_wait_put_off, 1);
	assert_int_equal(counted(&n)->time_wait_restarted, cnt);
	assert_int_equal(leat_tcp_tw_cnt(e), 4);
	leat_tcp_tw_check(e);
	for (uint32_t i = 0; i < 2; i++) /* the stack does not know the new names */
		free(n.mem[i]);
	free(n.flight);
}

/* Who gives his handle up after others began to wait would come between them: he stays what he is,
 * as exactly. */
static void who_is_given_up_late_stays_a_control_block(void **state)
{
	struct leat_conn conn[2];
	struct net n;

	(void)state;
	begin(&n, 11);
	net_open(&n, 4, 80, conn);
	assert_int_equal(leat_shutdown(n.stack[1], conn[1]), LEAT_OK);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_close(n.stack[0], conn[0]), LEAT_OK);
	net_run(&n, 5 * TIME_MS);
	assert_string_equal(net_state(&n, 1, conn[1]), "TIME-WAIT");
	uint64_t at = leat_stack_next_deadline(n.stack[1]);

	net_no_events(&n, 0);
	net_no_events(&n, 1);
	net_closed_by_server(&n, 4);
	assert_int_equal(leat_close(n.stack[1], conn[1]), LEAT_OK);
	assert_int_equal(counted(&n)->time_wait_stayed, 1);
	assert_int_equal(records(&n), 1);
	assert_int_equal(counted(&n)->present[TCP_ST_TIME_WAIT], 2);
	net_until(&n, at - 1);
	assert_int_equal(counted(&n)->present[TCP_ST_TIME_WAIT], 2);
	net_run(&n, 1);
	assert_int_equal(counted(&n)->present[TCP_ST_TIME_WAIT], 1);
	net_stop(&n);
}

/* A place is reserved for each that is open, and new work is refused when there is none. */
static void a_full_table_refuses_new_work(void **state)
{
	struct leat_addr local = {0}, remote = net_addr(1, 4, 80);
	struct leat_conn c;
	struct net n;

	(void)state;
	net_init(&n, 6);
	n.config[1].tcp.time_wait_max = 3;
	n.config[0].tcp.time_wait_max = 6;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < 3; i++)
		net_closed_by_server(&n, 4);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_OK);
	assert_int_equal(leat_connect(n.stack[0], &local, &remote, &c), LEAT_ERR_WAITING);
	assert_int_equal(net_outcome(&n, 0, "refused"), 1);
	net_run(&n, 10 * TIME_MS);
	assert_int_equal(net_outcome(&n, 1, "refused"), 6);
	assert_int_equal(counted(&n)->verdict[TCP_V_TIME_WAIT_FULL], 6);
	assert_int_equal(counted(&n)->verdict[TCP_V_NO_TCB], 0);
	assert_int_equal(leat_stack_counters(n.stack[1])->time_wait_refused, 6);
	assert_int_equal(records(&n), 3);
	net_ledger(&n);
	net_run(&n, TWO_MSL + 10 * TIME_S); /* their places are free, and the SYNs come again */
	assert_int_equal(counted(&n)->present[TCP_ST_ESTABLISHED], 3);
	net_stop(&n);
}

/* Or, by choice, the oldest of those that wait gives way, be it a record or not. */
static void a_full_table_has_the_oldest_give_way_by_choice(void **state)
{
	struct net n;

	(void)state;
	for (uint32_t compact = 0; compact < 2; compact++) {
		struct leat_conn conn[2];

		net_init(&n, 7);
		n.config[1].tcp.time_wait_max = 3;
		n.config[1].knobs.time_wait_evict = true;
		n.config[1].knobs.time_wait_compact = compact;
		net_start(&n);
		net_listen(&n, 1, 4, 80, 8);
		for (uint32_t i = 0; i < 5; i++)
			net_closed_by_server(&n, 4);
		assert_int_equal(records(&n), compact ? 3 : 0);
		assert_int_equal(counted(&n)->present[TCP_ST_TIME_WAIT], 3);
		assert_int_equal(net_outcome(&n, 1, "evicted"), 2);
		assert_int_equal(net_outcome(&n, 1, "aborted"), 0);
		for (uint32_t i = 0; i < 3; i++)
			net_open(&n, 4, 80, conn);
		assert_int_equal(net_outcome(&n, 1, "evicted"), 5);
		(void)net_connect(&n, 4, 80); /* those that are open do not */
		net_run(&n, 20 * TIME_MS);
		assert_int_equal(net_outcome(&n, 1, "evicted"), 5);
		assert_int_equal(net_outcome(&n, 1, "refused"), 1);
		net_stop(&n);
	}
}

static size_t octets_for(uint32_t cnt, bool ip6)
{
	struct net n;

	net_init(&n, 9);
	n.config[0].link.local_cnt = (uint8_t)(1 + ip6);
	n.config[0].tcp.time_wait_max = cnt;
	size_t octets = leat_stack_footprint(&n.config[0]);

	assert_true(octets > 0);
	return octets;
}

static double octets_each(uint32_t cnt, bool ip6)
{
	return (double)(octets_for(cnt, ip6) - octets_for(1, ip6)) / cnt;
}

/* All that is there because of one in TIME-WAIT: the record, which is its own timer, what is known
 * of its block, its part of the room for holes, and its place in the flow table. */
static void everything_counted_it_is_40_octets_and_72(void **state)
{
	struct stack_part part[STACK_PART_MAX];
	struct net n;

	(void)state;
	for (uint32_t cnt = 1000; cnt <= 100000000; cnt += 1 + cnt / 500) {
		assert_true(octets_each(cnt, false) <= 40);
		assert_true(octets_each(cnt, true) <= 72);
	}
	net_init(&n, 9);
	n.config[0].tcp.time_wait_max = 1000000;
	assert_true(leat_stack_parts(&n.config[0], part) > 0);
	assert_string_equal(part[1].name, "TIME-WAIT");
	assert_int_equal(part[1].cnt, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_that_only_waits_needs_no_control_block),
		cmocka_unit_test(an_end_that_nobody_looked_at_is_counted_as_late),
		cmocka_unit_test(a_flood_of_fins_wakes_no_more_than_there_is_room_for),
		cmocka_unit_test(what_is_over_while_its_answer_waits_says_nothing),
		cmocka_unit_test(restarts_leave_holes_that_are_closed),
		cmocka_unit_test(records_move_while_their_answers_wait),
		cmocka_unit_test(a_restart_that_is_put_off_makes_it_longer),
		cmocka_unit_test(a_restart_without_a_block_is_put_off_and_counted),
		cmocka_unit_test(who_is_given_up_late_stays_a_control_block),
		cmocka_unit_test(a_full_table_refuses_new_work),
		cmocka_unit_test(a_full_table_has_the_oldest_give_way_by_choice),
		cmocka_unit_test(everything_counted_it_is_40_octets_and_72),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
