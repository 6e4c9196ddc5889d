/* SPDX-License-Identifier: BSD-3-Clause */

/* Paths that repeat and reorder, links that go down, and a reader that rests for hours. */

#include "base_bits.h"
#include "test_stack_net.h"

#define BULK (600 * 1448)

struct path {
	struct net n;   /* first: arrive() finds the path by it */
	uint32_t times; /* each frame arrives */
	uint32_t depth; /* each 200th text is overtaken by so many others; 0: none */
	uint32_t injected[2];
	uint32_t passed, late_cnt, behind;
	bool held;
	struct net_flight late;
};

static void inject(struct path *p, const struct net_flight *fl)
{
	for (uint32_t i = 0; i < p->times; i++) {
		net_inject(&p->n, fl->to, fl->data, fl->octets);
		p->injected[fl->to]++;
	}
}

static void arrive(struct net *n, const struct net_flight *fl)
{
	struct path *p = (struct path *)n;
	bool text = fl->to == 1 && fl->octets > 500;

	if (text && p->depth > 0 && !p->held && ++p->passed % 200 == 0) {
		p->late = *fl;
		p->behind = p->depth;
		p->held = true;
		p->late_cnt++;
		return;
	}
	inject(p, fl);
	if (text && p->held && --p->behind == 0) {
		p->held = false;
		inject(p, &p->late);
	}
}

static void start(struct path *p, uint64_t seed, struct leat_conn *conn)
{
	net_init(&p->n, seed);
	for (uint32_t i = 0; i < 2; i++) {
		struct stack_config *c = &p->n.config[i];

		c->knobs.rcv_buf_octets = c->send_buf_octets = 1 << 20;
		c->knobs.rcv_seg_max = 1024;
		c->send_chunk_cnt = 1024;
		c->tcp.tally = true;
	}
	net_start(&p->n);
	p->n.arrive = arrive;
	net_listen(&p->n, 1, 4, 80, 4);
	net_open(&p->n, 4, 80, conn);
}

/* Sends BULK octets in pieces of a round trip, and reads them. */
static void bulk(struct path *p, const struct leat_conn *conn)
{
	static uint8_t text[BULK], got[BULK];
	uint32_t sent = 0, read = 0;

	for (uint32_t i = 0; i < BULK; i++)
		text[i] = net_octet(i, 1);
	for (uint32_t turn = 0; turn < 2000 && read < BULK; turn++) {
		int64_t n = leat_send(p->n.stack[0], conn[0], text + sent, BULK - sent);

		sent += n > 0 ? (uint32_t)n : 0;
		net_run(&p->n, 2 * TIME_MS);
		n = leat_recv(p->n.stack[1], conn[1], got + read, BULK - read);
		read += n > 0 ? (uint32_t)n : 0;
	}
	assert_int_equal(read, BULK);
	assert_memory_equal(got, text, BULK);
}

static void n130_reordering_of_any_depth_costs_no_timeout(void **state)
{
	static const uint32_t depth[] = {3, 4, 7, 15, 30, 60, 100};

	(void)state;
	for (uint32_t d = 0; d < COUNT_OF(depth); d++) {
		static struct path p;
		struct leat_conn conn[2];

		p = (struct path){.times = 1, .depth = depth[d]};
		start(&p, 30 + d, conn);
		bulk(&p, conn);
		const struct tcp_counters *t = leat_stack_tcp(p.n.stack[0]);
		assert_true(p.late_cnt >= 2);
		assert_int_equal(t->rto_fired, 0);
		assert_true(t->emitted_again <= 2 * p.late_cnt);
		net_stop(&p.n);
	}
}

static void n131_each_packet_tenfold_is_answered_no_more_than_once_each(void **state)
{
	static struct path p;
	struct leat_conn conn[2];
	struct leat_info info;

	(void)state;
	p = (struct path){.times = 10};
	start(&p, 40, conn);
	uint64_t sent0 = p.n.sent[0], sent1 = p.n.sent[1];
	bulk(&p, conn);
	net_run(&p.n, TIME_S);
	const struct tcp_counters *t = leat_stack_tcp(p.n.stack[0]);
	assert_int_equal(leat_info(p.n.stack[0], conn[0], &info), LEAT_OK);
	assert_true(p.injected[1] >= 10 * 600);
	assert_true(p.n.sent[1] - sent1 <= p.n.sent[0] - sent0); /* sent, not arrived */
	assert_true(info.text_segs_out <= 600 + 10);             /* the text, and hardly more */
	assert_true(info.segs_out - info.text_segs_out <= 10);   /* an ACK is not answered */
	assert_true(t->dsack_heard > 0);
	assert_int_equal(t->recoveries, t->recovery_undone);
	assert_int_equal(t->rto_fired, 0);
	net_run(&p.n, 100 * TIME_S);
	uint64_t all = p.n.sent[0] + p.n.sent[1];
	net_run(&p.n, 100 * TIME_S); /* and then there is silence */
	assert_int_equal(p.n.sent[0] + p.n.sent[1], all);
	net_stop(&p.n);
}

/* MUST-37: as long as the probes are answered the connection stays. */
static void n116_a_window_may_stay_closed_for_hours(void **state)
{
	static uint8_t text[1 << 17];
	enum {
		HOURS = 5
	};
	struct leat_conn conn[2];
	struct net n;

	(void)state;
	net_init(&n, 50);
	n.config[0].send_buf_octets = sizeof(text);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	assert_int_equal(leat_send(n.stack[0], conn[0], text, sizeof(text)), sizeof(text));
	net_run(&n, (uint64_t)HOURS * 3600 * TIME_S);
	const struct tcp_counters *t = leat_stack_tcp(n.stack[0]);
	assert_string_equal(net_state(&n, 0, conn[0]), "ESTABLISHED");
	assert_true(t->probe_fired >= HOURS * 60 && t->probe_fired <= HOURS * 60 + 10);
	while (leat_readable(n.stack[1], conn[1]) > 0) {
		assert_true(leat_recv(n.stack[1], conn[1], text, sizeof(text)) > 0);
		net_run(&n, TIME_S);
	}
	assert_int_equal(leat_send_room(n.stack[0], conn[0]), sizeof(text));
	net_stop(&n);
}

#define FLOWS 1000
#define QUOTA 64             /* timers that one turn fires */
#define TURN  (20 * TIME_US) /* what such a turn takes */

static uint64_t taken; /* octets that stack 1 was sent and read */

static void read_all(struct net *n)
{
	struct leat_event event;
	char text[64];

	while (leat_next_event(n->stack[1], &event)) {
		int64_t octets = leat_recv(n->stack[1], event.conn, text, sizeof(text));

		taken += octets > 0 ? (uint64_t)octets : 0;
		net_give(n, 1);
	}
	net_no_events(n, 0);
}

/* turns lets both stacks turn for so long, and returns the most frames stack 0 sent in one turn. */
static uint64_t turns(struct net *n, uint64_t for_ns)
{
	uint64_t at = n->now + for_ns, most = 0;

	for (;;) {
		uint64_t sent = n->sent[0];

		net_pump(n, 0);
		net_pump(n, 1);
		most = u64_max(most, n->sent[0] - sent);
		uint64_t next = net_next(n);
		if (next > at)
			break;
		n->now = u64_max(next, n->now + TURN);
		net_deliver(n);
		for (uint32_t i = 0; i < 2; i++) {
			leat_stack_timers(n->stack[i], n->now, QUOTA);
			net_give(n, i);
		}
		read_all(n);
	}
	n->now = u64_max(at, n->now);
	leat_stack_set_now(n->stack[0], n->now);
	leat_stack_set_now(n->stack[1], n->now);
	return most;
}

/* link is all that a shard does when it hears of it; what is under way is lost or not. */
static void link(struct net *n, bool up)
{
	n->cut = !up;
	leat_stack_link(n->stack[0], up);
	leat_stack_link(n->stack[1], up);
}

/* open_flows opens flow_cnt connections, each of which sends as the link goes, and an idle one. */
static void open_flows(struct net *n, uint32_t flow_cnt, uint64_t r2_ns, struct leat_conn *conn)
{
	taken = 0;
	net_init(n, 60);
	n->one_way_ns = 50 * TIME_US; /* to a neighbour, who is asked for anew */
	n->config[0].knobs.r2_ns = r2_ns;
	for (uint32_t i = 0; i < 2; i++)
		n->config[i].tcp.tcb_max = n->config[i].tcp.rbuf_max = 2 * FLOWS;
	n->config[0].send_chunk_cnt = 2 * FLOWS;
	net_start(n);
	net_listen(n, 1, 4, 80, flow_cnt + 1);
	for (uint32_t i = 0; i <= flow_cnt; i++) {
		conn[i] = net_connect(n, 4, 80);
		turns(n, TIME_MS);
	}
	turns(n, TIME_S);
	assert_int_equal(leat_stack_tcp(n->stack[0])->present[TCP_ST_ESTABLISHED], flow_cnt + 1);
	n->cut = true;
	for (uint32_t i = 0; i < flow_cnt; i++)
		assert_int_equal(leat_send(n->stack[0], conn[i], "text", 4), 4);
	turns(n, TIME_MS); /* all are on their way, and lost */
}

/* flap lets the link come up and go down again ten times a second; nothing gets through. */
static void flap(struct net *n, uint64_t for_ns)
{
	for (uint64_t i = 0; i < for_ns / (100 * TIME_MS); i++) {
		leat_stack_link(n->stack[0], true);
		turns(n, 50 * TIME_MS);
		leat_stack_link(n->stack[0], false);
		turns(n, 50 * TIME_MS);
	}
}

/* After 1, 2, 4 .. s and then each minute: RFC 6298 5.5, 2.5.  One more is a loss probe. */
static uint64_t tries(uint64_t for_ns)
{
	return for_ns < 127 * TIME_S ? 6 + 1 : 6 + 1 + for_ns / (60 * TIME_S);
}

/* all_go_on asserts that the text of all is there, no later than so, that it was sent once more and
 * no more than a turn's share at once, and that nobody is lost. */
static void all_go_on(struct net *n, uint32_t flow_cnt, uint64_t within_ns)
{
	const struct tcp_counters *t = leat_stack_tcp(n->stack[0]);
	uint64_t begin = t->emitted_again;

	assert_int_equal(t->present[TCP_ST_ESTABLISHED], flow_cnt + 1);
	/* Those that are looked at, what waited for the neighbour, and the question who it is. */
	assert_in_range(turns(n, within_ns), 1, 2 * QUOTA + 64 + 1);
	assert_int_equal(taken, 4 * flow_cnt);
	turns(n, 130 * TIME_S);
	assert_in_range(t->emitted_again - begin, flow_cnt, flow_cnt + 64);
	assert_int_equal(taken, 4 * flow_cnt);
	assert_int_equal(t->present[TCP_ST_ESTABLISHED], flow_cnt + 1);
}

static void survive(uint32_t flow_cnt, uint64_t for_ns, uint64_t r2_ns)
{
	static struct leat_conn conn[FLOWS + 1];
	struct net n;

	open_flows(&n, flow_cnt, r2_ns, conn);
	const struct tcp_counters *t = leat_stack_tcp(n.stack[0]);
	uint64_t begin = t->emitted_again;
	flap(&n, 10 * TIME_S);
	turns(&n, for_ns - 10 * TIME_S);
	assert_in_range(t->emitted_again - begin, 5 * flow_cnt, tries(for_ns) * flow_cnt);
	assert_int_equal(leat_stack_counters(n.stack[0])->out_no_neigh, 0);
	link(&n, true);
	all_go_on(&n, flow_cnt, TIME_S);
	net_stop(&n);
}

/* With R2 as it is by default; the timeouts of all are far beyond it by then. */
static void n208_a_thousand_flows_survive_a_minute_without_link_and_go_on_at_once(void **state)
{
	(void)state;
	survive(64, 60 * TIME_S, 100 * TIME_S);
	survive(FLOWS, 60 * TIME_S, 100 * TIME_S);
	survive(FLOWS, 95 * TIME_S, 100 * TIME_S);
}

static void n208_ten_minutes_without_link_are_survived_below_r2(void **state)
{
	(void)state;
	survive(FLOWS, 600 * TIME_S, 1200 * TIME_S);
}

/* The link is up and nobody answers: who did not leave for want of a neighbour goes on when there
 * is one again, which is asked for three times in four seconds as long as somebody waits. */
static void n208_flows_go_on_when_their_neighbour_is_back(void **state)
{
	static struct leat_conn conn[FLOWS + 1];
	struct net n;

	(void)state;
	open_flows(&n, FLOWS, 100 * TIME_S, conn);
	turns(&n, 85 * TIME_S);
	const struct inet_neigh_counters *neigh =
		leat_inet_neigh_counters(leat_stack_neigh(n.stack[0]));
	assert_true(leat_stack_counters(n.stack[0])->out_held >= FLOWS);
	assert_in_range(neigh->asked, 5, 3 * 85 / 4);
	n.cut = false;
	all_go_on(&n, FLOWS, 4 * TIME_S);
	net_stop(&n);
}

/* One second costs what was on the way, and that its timeout: nobody waited. */
static void n208_a_second_without_link_costs_a_timeout_at_most(void **state)
{
	static struct leat_conn conn[FLOWS + 1];
	struct net n;

	(void)state;
	open_flows(&n, FLOWS, 100 * TIME_S, conn);
	link(&n, false);
	turns(&n, TIME_S);
	link(&n, true);
	turns(&n, 3 * TIME_S);
	assert_int_equal(taken, 4 * FLOWS);
	assert_true(leat_stack_tcp(n.stack[0])->emitted_again <= 3 * FLOWS);
	net_stop(&n);
}

/* A record that waited and was given up serves another, which does not wait. */
static void n208_who_was_given_up_while_the_link_was_down_is_not_sent_again(void **state)
{
	static struct leat_conn conn[FLOWS + 1];
	struct net n;

	(void)state;
	open_flows(&n, FLOWS, 100 * TIME_S, conn);
	link(&n, false);
	turns(&n, 10 * TIME_S);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(leat_abort(n.stack[0], conn[i]), LEAT_OK);
	turns(&n, TIME_S);
	for (uint32_t i = 0; i < FLOWS / 2; i++)
		conn[i] = net_connect(&n, 4, 80);
	uint64_t sent = n.sent[0];
	link(&n, true);
	turns(&n, TIME_S);
	assert_int_equal(taken, 0);
	assert_int_equal(leat_stack_tcp(n.stack[0])->present[TCP_ST_ESTABLISHED], FLOWS / 2 + 1);
	/* A question, and of each SYN, and ACK; what is left of the old is reset. */
	assert_true(n.sent[0] - sent <= 1 + 2 * FLOWS / 2 + FLOWS);
	net_stop(&n);
}

static void n208_beyond_r2_only_who_has_nothing_to_send_survives(void **state)
{
	static struct leat_conn conn[FLOWS + 1];
	struct net n;

	(void)state;
	open_flows(&n, FLOWS, 100 * TIME_S, conn);
	flap(&n, 10 * TIME_S);
	turns(&n, 590 * TIME_S);
	link(&n, true);
	const struct tcp_counters *t = leat_stack_tcp(n.stack[0]);
	assert_int_equal(t->ended[TCP_END_TIMEOUT], FLOWS);
	assert_string_equal(net_state(&n, 0, conn[FLOWS]), "ESTABLISHED");
	assert_int_equal(leat_send(n.stack[0], conn[FLOWS], "text", 4), 4);
	turns(&n, 10 * TIME_S);
	assert_int_equal(taken, 4);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n130_reordering_of_any_depth_costs_no_timeout),
		cmocka_unit_test(n131_each_packet_tenfold_is_answered_no_more_than_once_each),
		cmocka_unit_test(n116_a_window_may_stay_closed_for_hours),
		cmocka_unit_test(
			n208_a_thousand_flows_survive_a_minute_without_link_and_go_on_at_once),
		cmocka_unit_test(n208_ten_minutes_without_link_are_survived_below_r2),
		cmocka_unit_test(n208_flows_go_on_when_their_neighbour_is_back),
		cmocka_unit_test(n208_a_second_without_link_costs_a_timeout_at_most),
		cmocka_unit_test(n208_who_was_given_up_while_the_link_was_down_is_not_sent_again),
		cmocka_unit_test(n208_beyond_r2_only_who_has_nothing_to_send_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
