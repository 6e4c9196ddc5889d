/* SPDX-License-Identifier: BSD-3-Clause */
/* Two shards joined by ring ports: whole connections, on good wires and bad ones. */
#include "shard_buf.h"
#include "stack_brief.h"
#include "test_ring_pair.h"

/* So many connections at once, and in all, over rings of so many slots. */
static struct setup one_queue(
	uint32_t slots, uint32_t conn_cnt, uint32_t conn_total, uint32_t body_octets)
{
	return (struct setup){.slots = slots,
		.conn_cnt = conn_cnt,
		.conn_total = conn_total,
		.body_octets = body_octets,
		.queue_cnt = 1};
}

static void connections_complete_and_all_buffers_come_home(void **state)
{
	const struct setup u = one_queue(255, 64, 5000, 512);
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.tcp.opened_passive, u.conn_total);
	assert_int_equal(c.tcp.ended[TCP_END_TIME_WAIT], u.conn_total);
	assert_int_equal(c.tcp.emitted_again, 0);
	assert_int_equal(c.rx_frames, p.client->tx.frames);
	close_pair(&p);
}

static void a_bad_wire_costs_time_but_no_connection_and_no_buffer(void **state)
{
	struct setup u = one_queue(255, 64, 1000, 5000);
	struct shard_counts c;
	struct pair p;

	(void)state;
	u.impair = (struct shard_impair_config){
		.seed = 5, .loss_millionths = 20000, .reorder_millionths = 50000};
	open_pair(&p, &u);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_true(c.rx_lost > 0);
	assert_true(c.rx_reordered > 0);
	assert_true(c.tcp.emitted_again > 0);
	close_pair(&p);
}

static void a_full_device_makes_frames_wait_and_loses_none(void **state)
{
	const struct setup u = one_queue(7, 16, 100, 60000);
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_true(c.tx_full > 0);
	assert_int_equal(c.tx_frames, p.client->rx.frames);
	close_pair(&p);
}

static void an_empty_pool_makes_frames_wait_until_there_are_buffers(void **state)
{
	const struct setup u = one_queue(255, 16, 200, 512);
	static struct rte_mbuf *all[65536];
	uint32_t cnt = 0;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	while (cnt < COUNT_OF(all) && (all[cnt] = rte_pktmbuf_alloc(p.pool)) != NULL)
		cnt++;
	assert_int_equal(cnt, p.buffers);
	for (uint32_t i = 0; i < 100; i++)
		turn_both(&p);
	assert_true(p.client->tx.no_buf > 0);
	assert_int_equal(p.client->tx.frames, 0);
	rte_pktmbuf_free_bulk(all, cnt);
	run_all(&p, &u);
	close_pair(&p);
}

static void a_draining_shard_takes_no_syn_and_an_aborted_one_has_no_connection(void **state)
{
	const struct setup u = one_queue(255, 32, 100000, 512);
	struct shard_ask ask = {.answered = false};
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	while (leat_load_counters(p.load)->completed < 100)
		turn_both(&p);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_DRAIN, NULL}));
	for (uint32_t i = 0; i < 2000; i++)
		turn_both(&p);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_ASK, &ask}));
	assert_false(atomic_load(&ask.answered));
	turn(p.server);
	assert_true(atomic_load(&ask.answered));
	assert_true(ask.counts.stack.accept_refused > 0);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_ABORT, NULL}));
	leat_load_stop(p.load);
	leat_load_cut(p.load, p.client->stack, false);
	while ((present(p.client) || present(p.server)) && p.client->now < LIMIT_NS)
		turn_both(&p);
	assert_int_equal(present(p.server), 0);
	close_pair(&p);
}

static void n209_a_shard_that_keeps_off_its_queues_loses_frames_by_name_and_goes_on(void **state)
{
	const struct setup u = one_queue(1023, 50, 400, 5000);
	struct shard_counts before, after;
	struct mac mac;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	for (uint32_t i = 0; i < 20; i++)
		turn_both(&p);
	assert_true(leat_shard_mail_put(&p.box[0], shard_letter_port(SHARD_PORT_OFF)));
	turn(p.server);
	leat_shard_count(p.server, &before);
	/* Text whose timeout comes is held, a question is lost; what arrives stays on the ring. */
	after = before;
	for (uint64_t end = p.server->now + LIMIT_NS;
		after.stack.out_held == 0 && p.server->now < end;) {
		turn_both(&p);
		leat_shard_count(p.server, &after);
	}
	assert_int_equal(after.rx_frames, before.rx_frames);
	assert_true(after.stack.out_held > 0);
	(void)leat_inet_neigh_find(
		leat_stack_neigh(p.server->stack), ip_from4(0x0a0000fe), p.server->now, &mac);
	turn(p.server);
	leat_shard_count(p.server, &after);
	assert_true(after.tx_link_down > 0);
	assert_int_equal(after.tx_queued, 0);
	assert_true(leat_shard_mail_put(&p.box[0], shard_letter_port(SHARD_PORT_ON)));
	for (uint64_t end = p.server->now + LIMIT_NS;
		!leat_load_done(p.load) && p.server->now < end;) {
		turn_both(&p);
	}
	assert_true(leat_load_done(p.load));
	assert_int_equal(leat_load_counters(p.load)->completed, u.conn_total);
	check_ledger(p.server);
	check_ledger(p.client);
	close_pair(&p);
}

#define WORK 512

/* A walk over all connections, as who lists has it done. */
struct count {
	struct stack_walk walk;
	uint32_t cnt, most; /* in all, and in one step */
};

static bool count_some(void *arg, struct leat_stack *s, uint64_t now)
{
	struct stack_brief brief[STACK_BRIEF_MAX];
	struct count *c = arg;
	uint32_t work = WORK, cnt = 0;

	assert_int_equal(now, leat_now(s));
	while (work > 0 && !leat_stack_brief_ended(s, &c->walk))
		cnt += leat_stack_brief_some(s, &c->walk, &work, brief);
	c->cnt += cnt;
	c->most = u32_max(c->most, cnt);
	return !leat_stack_brief_ended(s, &c->walk);
}

/* ask_walk has the server's shard do a walk; returns how many turns that took. */
static uint32_t ask_walk(struct pair *p, struct count *c)
{
	struct shard_walk w = {.step = count_some, .arg = c};
	uint32_t turns = 0;

	*c = (struct count){.walk.states = UINT32_MAX};
	assert_true(leat_shard_mail_put(&p->box[0], (struct shard_letter){SHARD_MAIL_WALK, &w}));
	for (; !atomic_load(&w.answered); turns++)
		turn(p->server);
	assert_int_equal(w.turns, turns);
	return turns;
}

static void a_walk_over_many_connections_takes_many_turns_and_no_long_one(void **state)
{
	const struct setup u = one_queue(1023, 1000, 100000, 100);
	struct shard_counts counts;
	struct count all;
	uint32_t present = 0;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	for (uint32_t i = 0; i < 300; i++)
		turn_both(&p);
	/* What is on the wire arrives, and nothing after it. */
	for (uint32_t i = 0; i < 100; i++)
		turn(p.server);
	leat_shard_count(p.server, &counts);
	for (uint32_t i = TCP_ST_LISTEN; i < TCP_ST_CNT; i++)
		present += (uint32_t)counts.tcp.present[i];
	assert_true(present > 500);
	/* The client stands still, and so do the connections but those whose 2MSL ends. */
	uint32_t turns = ask_walk(&p, &all);
	assert_in_range(all.cnt, 1, present);
	assert_in_range(all.most, 1, WORK);
	/* And a table that is nearly empty is not walked in one turn either. */
	assert_true(turns >= 4096 / WORK);
	close_pair(&p);
}

/* stay goes on until it is let go. */
static bool stay(void *arg, struct leat_stack *s, uint64_t now)
{
	(void)s;
	(void)now;
	return !*(bool *)arg;
}

static void a_second_walk_is_told_that_one_is_under_way(void **state)
{
	const struct setup u = one_queue(1023, 50, 100, 100);
	bool go = false, done = true;
	struct shard_walk first = {.step = stay, .arg = &go}, second = {.step = stay, .arg = &done};
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_WALK, &first}));
	assert_true(
		leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_WALK, &second}));
	turn(p.server);
	assert_false(atomic_load(&first.answered));
	assert_true(atomic_load(&second.answered));
	assert_true(second.busy);
	assert_int_equal(second.turns, 0);
	turn(p.server);
	assert_false(atomic_load(&first.answered));
	go = true;
	turn(p.server);
	assert_true(atomic_load(&first.answered));
	assert_false(first.busy);
	assert_int_equal(first.turns, 3);
	/* Asked again it is done. */
	atomic_store(&second.answered, false);
	assert_true(
		leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_WALK, &second}));
	turn(p.server);
	assert_true(atomic_load(&second.answered));
	assert_false(second.busy);
	run_all(&p, &u);
	close_pair(&p);
}

static uint64_t turns_counted(const struct shard *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < SHARD_TURN_CNT; i++)
		sum += s->stages.turn[i];
	return sum;
}

static void turns_are_measured_only_while_somebody_watches(void **state)
{
	const struct setup u = one_queue(1023, 50, 100000, 100);
	struct shard_look l = {.for_ns = 20 * TURN_NS};
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	for (uint32_t i = 0; i < 100; i++)
		turn_both(&p);
	assert_int_equal(turns_counted(p.server), 0);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_LOOK, &l}));
	turn(p.server);
	assert_true(atomic_load(&l.answered));
	uint64_t until = p.server->stages.until;
	assert_true(until >= p.server->now && until <= p.server->now + 20 * TURN_NS);
	while (p.server->now < until)
		turn_both(&p);
	uint64_t counted = turns_counted(p.server);
	assert_in_range(counted, 1, 21);
	for (uint32_t i = 0; i < 100; i++)
		turn_both(&p);
	assert_int_equal(turns_counted(p.server), counted);
	close_pair(&p);
}

static void a_reset_of_all_takes_many_turns_and_no_long_one(void **state)
{
	const struct setup u = one_queue(1023, 1000, 100000, 100);
	uint64_t open = 1, before, turns = 0;
	struct shard_counts counts;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	for (uint32_t i = 0; i < 300; i++)
		turn_both(&p);
	leat_shard_count(p.server, &counts);
	before = counts.tcp.ended[TCP_END_ABORTED];
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_ABORT, NULL}));
	for (; open > 0; turns++) {
		turn(p.server);
		leat_shard_count(p.server, &counts);
		assert_in_range(counts.tcp.ended[TCP_END_ABORTED] - before, 0, SHARD_ABORT_LOOK);
		before = counts.tcp.ended[TCP_END_ABORTED];
		open = 0;
		for (uint32_t i = TCP_ST_SYN_SENT; i < TCP_ST_TIME_WAIT; i++)
			open += counts.tcp.present[i];
		assert_in_range(turns, 0, 10000);
	}
	/* The records of a table of 4096 were not looked at in one turn. */
	assert_in_range(turns, 2, 10000);
	close_pair(&p);
}

static void a_program_is_told_no_more_events_in_one_turn_than_it_may_be(void **state)
{
	const struct setup u = {.slots = 1023,
		.conn_cnt = 2 * SHARD_EVENT_MAX,
		.conn_total = 2 * SHARD_EVENT_MAX,
		.body_octets = 100,
		.queue_cnt = 1};
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	/* The server's program hears of nothing until all have come. */
	for (uint32_t i = 0; i < 200; i++) {
		struct shard *s = p.server;

		turn(p.client);
		s->clock.now += TURN_NS;
		s->now = s->clock.now;
		leat_shard_rx(&s->rx, s->now, &s->burst);
		leat_stack_parse(s->stack, &s->burst);
		leat_stack_lookup(s->stack, &s->burst);
		leat_stack_input(s->stack, &s->burst, s->now);
		leat_shard_tx_output(&s->tx, s->stack, s->now);
		leat_shard_tx_send(&s->tx);
		check_ledger(s); /* gives the buffers back */
	}
	leat_shard_count(p.server, &c);
	assert_int_equal(c.tcp.present[TCP_ST_ESTABLISHED], u.conn_total);
	assert_int_equal(c.events_used_up, 0);
	turn(p.server);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.events_used_up, 1);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_true(c.busy_ns > 0);
	close_pair(&p);
}

/* Buffers as a shard may get them; none is home before its last reference is gone. */
static void every_buffer_comes_home_once_whatever_it_is(void **state)
{
	const struct nic_pool_plan plan = {.held = 1024, .mtu = 1500};
	struct pair p = {.pool = leat_nic_pool_new("ours", &plan, -1)};
	struct pair other = {.pool = leat_nic_pool_new("theirs", &plan, -1)};
	const uint32_t all = home(&p);
	struct rte_mbuf *m[6];

	(void)state;
	assert_int_equal(all, leat_nic_pool_buffers(&plan));
	assert_true(leat_shard_buf_take(p.pool, m, 5));
	m[5] = rte_pktmbuf_alloc(other.pool);
	rte_mbuf_refcnt_update(m[1], 1);
	assert_int_equal(rte_pktmbuf_chain(m[2], m[3]), 0);
	rte_pktmbuf_attach(m[4], m[0]);
	void *list[] = {m[0], m[1], m[2], m[5]};

	leat_shard_buf_free(p.pool, list, COUNT_OF(list));
	assert_int_equal(home(&p), all - 3); /* m[4] lies in m[0], and m[1] is somebody's */
	assert_int_equal(home(&other), all);
	list[0] = m[1];
	list[1] = m[4];
	leat_shard_buf_free(p.pool, list, 2);
	assert_int_equal(home(&p), all);
	leat_nic_pool_free(other.pool);
	leat_nic_pool_free(p.pool);
}

static void a_buffer_is_taken_as_new_whatever_was_in_it(void **state)
{
	const struct nic_pool_plan plan = {.held = 1024, .mtu = 1500};
	struct pair p = {.pool = leat_nic_pool_new("ours", &plan, -1)};
	const uint32_t all = home(&p);
	static struct rte_mbuf *m[2048];

	(void)state;
	assert_in_range(all, 1, COUNT_OF(m));
	for (uint32_t round = 0; round < 2; round++) {
		assert_true(leat_shard_buf_take(p.pool, m, all));
		assert_false(leat_shard_buf_take(p.pool, m, 1));
		for (uint32_t i = 0; i < all; i++) {
			assert_int_equal(rte_pktmbuf_headroom(m[i]), RTE_PKTMBUF_HEADROOM);
			assert_int_equal(m[i]->ol_flags, 0);
			assert_int_equal(m[i]->pkt_len, 0);
			assert_int_equal(rte_mbuf_refcnt_read(m[i]), 1);
			assert_int_equal(rte_mbuf_check(m[i], 1, &(const char *){NULL}), 0);
			assert_non_null(rte_pktmbuf_append(m[i], 100));
			assert_non_null(rte_pktmbuf_adj(m[i], 14));
			m[i]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_TX_IP_CKSUM;
		}
		leat_shard_buf_free(p.pool, (void **)m, all);
	}
	assert_int_equal(home(&p), all);
	leat_nic_pool_free(p.pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_of_all_takes_many_turns_and_no_long_one),
		cmocka_unit_test(connections_complete_and_all_buffers_come_home),
		cmocka_unit_test(a_bad_wire_costs_time_but_no_connection_and_no_buffer),
		cmocka_unit_test(a_full_device_makes_frames_wait_and_loses_none),
		cmocka_unit_test(an_empty_pool_makes_frames_wait_until_there_are_buffers),
		cmocka_unit_test(
			a_draining_shard_takes_no_syn_and_an_aborted_one_has_no_connection),
		cmocka_unit_test(
			n209_a_shard_that_keeps_off_its_queues_loses_frames_by_name_and_goes_on),
		cmocka_unit_test(a_walk_over_many_connections_takes_many_turns_and_no_long_one),
		cmocka_unit_test(a_second_walk_is_told_that_one_is_under_way),
		cmocka_unit_test(a_program_is_told_no_more_events_in_one_turn_than_it_may_be),
		cmocka_unit_test(turns_are_measured_only_while_somebody_watches),
		cmocka_unit_test(every_buffer_comes_home_once_whatever_it_is),
		cmocka_unit_test(a_buffer_is_taken_as_new_whatever_was_in_it),
	};

	if (start_eal() < 0)
		return 77; /* no memory, or no right to it: skipped */
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rte_eal_cleanup();
	return failed;
}
