/* SPDX-License-Identifier: BSD-3-Clause */

/* Paths that repeat and reorder, and a reader that rests for hours. */

#include "base_bits.h"
#include "test_stack_net.h"

#define BULK (600 * 1448)

struct path {
	struct net n;
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

static void deliver(struct path *p, const struct net_flight *fl)
{
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

static void run(struct path *p, uint64_t for_ns)
{
	struct net *n = &p->n;
	uint64_t at = n->now + for_ns;

	for (;;) {
		net_pump(n, 0);
		net_pump(n, 1);
		uint64_t next = net_next(n);
		if (next > at)
			break;
		n->now = u64_max(next, n->now);
		while (n->cnt > 0 && n->flight[n->head].due_at <= n->now) {
			deliver(p, &n->flight[n->head]);
			n->head = (n->head + 1) % NET_FLIGHT_MAX;
			n->cnt--;
		}
		for (uint32_t i = 0; i < 2; i++) {
			leat_stack_timers(n->stack[i], n->now, 64);
			net_give(n, i);
		}
	}
	n->now = at;
	leat_stack_set_now(n->stack[0], at);
	leat_stack_set_now(n->stack[1], at);
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
		run(p, 2 * TIME_MS);
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
	run(&p, TIME_S);
	const struct tcp_counters *t = leat_stack_tcp(p.n.stack[0]);
	assert_int_equal(leat_info(p.n.stack[0], conn[0], &info), LEAT_OK);
	assert_true(p.injected[1] >= 10 * 600);
	assert_true(p.n.sent[1] - sent1 <= p.n.sent[0] - sent0); /* sent, not arrived */
	assert_true(info.text_segs_out <= 600 + 10);             /* the text, and hardly more */
	assert_true(info.segs_out - info.text_segs_out <= 10);   /* an ACK is not answered */
	assert_true(t->dsack_heard > 0);
	assert_int_equal(t->recoveries, t->recovery_undone);
	assert_int_equal(t->rto_fired, 0);
	run(&p, 100 * TIME_S);
	uint64_t all = p.n.sent[0] + p.n.sent[1];
	run(&p, 100 * TIME_S); /* and then there is silence */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n130_reordering_of_any_depth_costs_no_timeout),
		cmocka_unit_test(n131_each_packet_tenfold_is_answered_no_more_than_once_each),
		cmocka_unit_test(n116_a_window_may_stay_closed_for_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
