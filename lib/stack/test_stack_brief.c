/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_brief.h"

#include "base_bits.h"
#include "tcp_follow.h"
#include "test_stack_close.h"

#define TWO_MSL (60 * TIME_S)

static void begin(struct net *n, uint64_t seed)
{
	net_init(n, seed);
	net_start(n);
	net_listen(n, 1, 4, 80, 8);
	net_listen(n, 1, 6, 80, 8);
}

static uint64_t ended(const struct net *n, uint32_t i, enum tcp_end why)
{
	return leat_stack_tcp(n->stack[i])->ended[why];
}

/* All that a walk describes which may spend so much at a time. */
static uint32_t walk(struct net *n, uint32_t states, uint32_t each, struct stack_brief *brief)
{
	struct stack_walk w = {.states = states};
	uint32_t cnt = 0;

	while (!leat_stack_brief_ended(n->stack[1], &w)) {
		uint32_t work = each;

		cnt += leat_stack_brief_some(n->stack[1], &w, &work, brief + cnt);
	}
	return cnt;
}

static void a_walk_describes_each_once_however_it_is_cut(void **state)
{
	static struct stack_brief brief[256];
	struct leat_conn conn[2];
	struct net n;

	(void)state;
	begin(&n, 8);
	for (uint32_t i = 0; i < 40; i++)
		net_closed_by_server(&n, i % 2 ? 4 : 6);
	net_open(&n, 4, 80, conn);
	for (uint32_t each = 1; each < 200; each += 7) {
		uint32_t cnt = walk(&n, UINT32_MAX, each, brief), waiting = 0, rest = 0;

		for (uint32_t i = 0; i < cnt; i++) {
			rest += brief[i].state == TCP_ST_ESTABLISHED;
			if (brief[i].state != TCP_ST_TIME_WAIT)
				continue;
			waiting++;
			assert_int_equal(brief[i].tuple.lport, 80);
			assert_string_equal(brief[i].timer.name, "2msl");
			assert_in_range(brief[i].timer.at, n.now, n.now + TWO_MSL);
			assert_true(brief[i].passive);
			for (uint32_t k = 0; k < i; k++)
				assert_false(tuple_eq(&brief[k].tuple, &brief[i].tuple));
		}
		assert_int_equal(waiting, 40);
		assert_int_equal(rest, 1);
		assert_int_equal(cnt, 43); /* and the listeners */
		assert_int_equal(walk(&n, TCP_SET(ESTABLISHED), each, brief), 1);
		assert_int_equal(walk(&n, TCP_SET(TIME_WAIT), each, brief), 40);
	}
	net_stop(&n);
}

static void a_brief_and_an_info_say_the_same(void **state)
{
	static struct stack_brief brief[256];
	struct leat_conn conn[2];
	struct leat_info info;
	struct net n;

	(void)state;
	begin(&n, 9);
	net_closed_by_server(&n, 4);
	net_open(&n, 6, 80, conn);
	uint32_t cnt = walk(&n, UINT32_MAX, 1000, brief);
	for (uint32_t i = 0; i < cnt; i++) {
		struct stack_brief *b = &brief[i];

		leat_stack_brief_info(n.stack[1], b->name, &info);
		assert_string_equal(info.state, leat_tcp_state_name((enum tcp_state)b->state));
		assert_true(ip_eq(b->tuple.remote, ip_get(info.remote.family, info.remote.octet)));
		assert_int_equal(b->tuple.rport, info.remote.port);
		assert_int_equal(b->passive, info.passive);
		assert_int_equal(b->timer.at, info.timer[0].at);
		assert_int_equal(b->recv_q, info.unread);
		assert_int_equal(b->send_q, info.snd_nxt - info.snd_una + info.unsent);
	}
	net_stop(&n);
}

static void what_is_due_when_is_counted_as_a_look_at_each_would(void **state)
{
	static struct stack_brief brief[256];
	struct net n;

	(void)state;
	begin(&n, 10);
	for (uint32_t i = 0; i < 100; i++) {
		net_closed_by_server(&n, i % 3 ? 4 : 6);
		net_run(&n, 300 * TIME_MS);
	}
	for (uint64_t by = TIME_S; by < 70 * TIME_S; by += 3 * TIME_S) {
		struct stack_due d = {.due.until_cnt = 2};
		uint64_t want[3] = {0, 0, 0};
		uint32_t work = 1, cnt = walk(&n, TCP_SET(TIME_WAIT), 1000, brief);

		d.due.until[0] = n.now + by;
		d.due.until[1] = n.now + by + 5 * TIME_S;
		while (leat_stack_brief_due(n.stack[1], &d, &work))
			work = 1;
		for (uint32_t i = 0; i < cnt; i++)
			want[(brief[i].timer.at >= d.due.until[0]) +
				(brief[i].timer.at >= d.due.until[1])]++;
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(d.due.cnt[i], want[i]);
		assert_int_equal(d.records, cnt);
		assert_int_equal(d.passive, cnt);
	}
	net_stop(&n);
}

static void one_is_found_by_its_tuple(void **state)
{
	static struct stack_brief brief[256];
	struct stack_brief found[2];
	struct leat_conn conn[2];
	struct net n;

	(void)state;
	begin(&n, 11);
	for (uint32_t i = 0; i < 10; i++)
		net_closed_by_server(&n, i % 2 ? 4 : 6);
	net_open(&n, 4, 80, conn);
	uint32_t cnt = walk(&n, TCP_SET(TIME_WAIT) | TCP_SET(ESTABLISHED), 1000, brief);
	assert_int_equal(cnt, 11);
	for (uint32_t i = 0; i < cnt; i++) {
		assert_int_equal(leat_stack_brief_find(n.stack[1], &brief[i].tuple, found), 1);
		assert_int_equal(found[0].name, brief[i].name);
		brief[i].tuple.rport ^= 1;
		if (brief[i].tuple.rport != brief[(i + 1) % cnt].tuple.rport)
			assert_in_range(
				leat_stack_brief_find(n.stack[1], &brief[i].tuple, found), 0, 1);
	}
	net_stop(&n);
}

static void who_is_killed_is_reset_and_counted_so(void **state)
{
	static struct stack_brief brief[256];
	struct leat_conn conn[2];
	struct leat_event event;
	struct net n;

	(void)state;
	begin(&n, 12);
	net_open(&n, 4, 80, conn);
	assert_int_equal(walk(&n, TCP_SET(ESTABLISHED), 1000, brief), 1);
	assert_int_equal(leat_stack_kill(n.stack[1], brief[0].name), STACK_KILL_DONE);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(ended(&n, 1, TCP_END_KILLED), 1);
	assert_int_equal(ended(&n, 1, TCP_END_ABORTED), 0);
	assert_int_equal(ended(&n, 0, TCP_END_RESET), 1);
	assert_true(leat_next_event(n.stack[1], &event));
	assert_true(event.bits & LEAT_CLOSED);
	assert_int_equal(leat_release(n.stack[1], conn[1]), LEAT_OK);
	assert_true(leat_next_event(n.stack[0], &event));
	assert_true(event.bits & LEAT_CLOSED);
	assert_int_equal(leat_release(n.stack[0], conn[0]), LEAT_OK);
	assert_int_equal(walk(&n, TCP_SET(ESTABLISHED), 1000, brief), 0);
	net_ledger(&n);
	net_stop(&n);
}

static void a_record_that_is_killed_frees_its_tuple_without_a_word(void **state)
{
	static struct stack_brief brief[256];
	struct net n;

	(void)state;
	begin(&n, 13);
	for (uint32_t i = 0; i < 30; i++)
		net_closed_by_server(&n, i % 2 ? 4 : 6);
	uint64_t sent = leat_stack_counters(n.stack[1])->frames_out;
	uint32_t cnt = walk(&n, TCP_SET(TIME_WAIT), 1000, brief);
	for (uint32_t i = 0; i < cnt; i += 2)
		assert_int_equal(leat_stack_kill(n.stack[1], brief[i].name), STACK_KILL_DONE);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(ended(&n, 1, TCP_END_KILLED), 15);
	assert_int_equal(leat_stack_counters(n.stack[1])->frames_out, sent);
	net_ledger(&n);
	assert_int_equal(walk(&n, TCP_SET(TIME_WAIT), 1000, brief), 15);
	net_run(&n, TWO_MSL);
	assert_int_equal(ended(&n, 1, TCP_END_TIME_WAIT), 15);
	net_stop(&n);
}

static void a_listener_is_not_killed(void **state)
{
	static struct stack_brief brief[256];
	struct net n;

	(void)state;
	begin(&n, 14);
	assert_int_equal(walk(&n, TCP_SET(LISTEN), 1000, brief), 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(leat_stack_kill(n.stack[1], brief[i].name), STACK_KILL_NONE);
	assert_int_equal(walk(&n, TCP_SET(LISTEN), 1000, brief), 2);
	net_stop(&n);
}

/* Of a list of resets that is full nothing is lost: who did not fit is killed a turn later. */
static void when_there_is_no_room_for_a_reset_nothing_happens(void **state)
{
	static struct leat_conn conn[TCP_IO_EMIT_MAX + 4][2];
	static struct stack_brief brief[TCP_IO_EMIT_MAX + STACK_BRIEF_MAX];
	struct leat_event event;
	uint32_t cnt = 0, done = 0, left = 0;
	struct net n;

	(void)state;
	begin(&n, 15);
	while (cnt < COUNT_OF(conn) && cnt < 100)
		net_open(&n, 4, 80, conn[cnt++]);
	uint32_t open = walk(&n, TCP_SET(ESTABLISHED), 1000, brief);
	assert_int_equal(open, cnt);
	for (uint32_t turn = 0; done < open; turn++) {
		assert_in_range(turn, 0, 100);
		left = walk(&n, TCP_SET(ESTABLISHED), 1000, brief);
		for (uint32_t i = 0; i < left; i++) {
			enum stack_kill kill = leat_stack_kill(n.stack[1], brief[i].name);

			assert_true(kill != STACK_KILL_NONE);
			done += kill == STACK_KILL_DONE;
		}
		net_run(&n, TIME_MS);
	}
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(ended(&n, 1, TCP_END_KILLED), open);
	assert_int_equal(ended(&n, 0, TCP_END_RESET), open);
	for (uint32_t i = 0; i < 2; i++)
		while (leat_next_event(n.stack[i], &event))
			assert_int_equal(leat_release(n.stack[i], event.conn), LEAT_OK);
	net_ledger(&n);
	net_stop(&n);
}

/* The life of one that the server closes first, as the server's engine notes it. */
static void who_follows_sees_each_arrow_and_how_it_ended(void **state)
{
	static struct tcp_follow f;
	static const uint8_t way[][2] = {{TCP_ST_LISTEN, TCP_ST_SYN_RECEIVED},
		{TCP_ST_SYN_RECEIVED, TCP_ST_ESTABLISHED}, {TCP_ST_ESTABLISHED, TCP_ST_FIN_WAIT_1},
		{TCP_ST_FIN_WAIT_1, TCP_ST_FIN_WAIT_2}, {TCP_ST_FIN_WAIT_2, TCP_ST_TIME_WAIT},
		{TCP_ST_TIME_WAIT, TCP_ST_CLOSED}};
	struct tcp_follow_event e;
	uint64_t before = 0;
	struct net n;

	(void)state;
	begin(&n, 16);
	f.states = UINT32_MAX;
	leat_stack_follow(n.stack[1], &f);
	net_closed_by_server(&n, 4);
	net_run(&n, 2 * TWO_MSL);
	for (uint32_t i = 0; i < COUNT_OF(way); i++) {
		assert_true(leat_tcp_follow_take(&f, &e));
		assert_int_equal(e.from, way[i][0]);
		assert_int_equal(e.to, way[i][1]);
		assert_int_equal(e.tuple.lport, 80);
		assert_true(e.passive && e.at >= before && e.at <= n.now);
		before = e.at;
	}
	assert_int_equal(e.why, TCP_END_TIME_WAIT);
	assert_string_equal(leat_stack_end_name(e.why), "time-wait over");
	assert_false(leat_tcp_follow_take(&f, &e));
	leat_stack_follow(n.stack[1], NULL);
	net_closed_by_server(&n, 6);
	assert_false(leat_tcp_follow_take(&f, &e));
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_describes_each_once_however_it_is_cut),
		cmocka_unit_test(a_brief_and_an_info_say_the_same),
		cmocka_unit_test(what_is_due_when_is_counted_as_a_look_at_each_would),
		cmocka_unit_test(one_is_found_by_its_tuple),
		cmocka_unit_test(who_is_killed_is_reset_and_counted_so),
		cmocka_unit_test(a_record_that_is_killed_frees_its_tuple_without_a_word),
		cmocka_unit_test(who_follows_sees_each_arrow_and_how_it_ended),
		cmocka_unit_test(a_listener_is_not_killed),
		cmocka_unit_test(when_there_is_no_room_for_a_reset_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
