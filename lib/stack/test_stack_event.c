/* SPDX-License-Identifier: BSD-3-Clause */

/* Whatever an event is answered with, on its own connection or on another, while more events
 * wait: nothing is used after its end, and nothing is left.  The sanitizers read along. */

#include "base_bits.h"
#include "test_stack_net.h"

enum action {
	ACT_CLOSE,
	ACT_ABORT,
	ACT_SHUTDOWN,
	ACT_SEND,
	ACT_CONNECT,
	ACT_SEND_AND_CLOSE,
	ACT_CLOSE_AND_ABORT,
	ACT_READ_AND_ABORT,
	ACT_RELEASE,
	ACT_LISTEN,
	ACT_ABORT_EACH, /* connection and listener there is */
	ACT_CNT
};

enum target {
	ON_ITSELF,
	ON_ANOTHER,
	TARGET_CNT
};

static const uint32_t kind[] = {LEAT_ACCEPTED, LEAT_CONNECTED, LEAT_READABLE, LEAT_WRITABLE,
	LEAT_PEER_CLOSED, LEAT_CLOSED, LEAT_SLOW, LEAT_URGENT};

struct play {
	struct net n;
	uint32_t side, bits; /* whose event, and which, is answered by act */
	enum action act;
	enum target target;
	uint32_t acted;
};

static struct leat_conn another(struct leat_stack *s, struct leat_conn but)
{
	struct leat_conn conn;
	uint32_t cursor = 0;

	while (leat_next_conn(s, &cursor, &conn))
		if (conn.id != but.id)
			return conn;
	return but;
}

static void abort_each(struct leat_stack *s)
{
	struct leat_conn conn;
	uint32_t cursor = 0;

	while (leat_next_conn(s, &cursor, &conn)) {
		if (leat_release(s, conn) != LEAT_OK)
			assert_int_equal(leat_abort(s, conn), LEAT_OK);
	}
}

static void act(struct play *p, struct leat_stack *s, struct leat_conn c)
{
	struct leat_addr any = {0}, remote = net_addr(1 - p->side, 4, 80);
	struct leat_addr local = net_addr(p->side, 4, 81);
	char text[200] = {0};

	switch (p->act) {
	case ACT_CLOSE:
		assert_int_equal(leat_close(s, c), LEAT_OK);
		assert_int_equal(leat_close(s, c), LEAT_ERR_STALE);
		break;
	case ACT_ABORT:
		assert_int_equal(leat_abort(s, c), LEAT_OK);
		assert_int_equal(leat_recv(s, c, text, 1), LEAT_ERR_STALE);
		break;
	case ACT_SHUTDOWN:
		(void)leat_shutdown(s, c);
		break;
	case ACT_SEND:
		(void)leat_send(s, c, text, sizeof(text));
		break;
	case ACT_CONNECT:
		assert_int_equal(leat_connect(s, &any, &remote, &c), LEAT_OK);
		break;
	case ACT_SEND_AND_CLOSE:
		(void)leat_send(s, c, text, sizeof(text));
		assert_int_equal(leat_close(s, c), LEAT_OK);
		break;
	case ACT_CLOSE_AND_ABORT:
		assert_int_equal(leat_close(s, c), LEAT_OK);
		assert_int_equal(leat_abort(s, c), LEAT_ERR_STALE);
		break;
	case ACT_READ_AND_ABORT:
		(void)leat_recv(s, c, text, sizeof(text));
		assert_int_equal(leat_abort(s, c), LEAT_OK);
		break;
	case ACT_RELEASE:
		(void)leat_release(s, c);
		break;
	case ACT_LISTEN:
		(void)leat_listen(s, &local, 4, &c);
		break;
	default:
		abort_each(s);
		break;
	}
}

/* What a program does that only echoes; calls may be refused, as act came first. */
static void answer(struct play *p, uint32_t side, const struct leat_event *ev)
{
	struct leat_stack *s = p->n.stack[side];
	char text[300];

	if (ev->bits & LEAT_READABLE) {
		int64_t n = leat_recv(s, ev->conn, text, sizeof(text));

		if (n > 0 && side == 1)
			(void)leat_send(s, ev->conn, text, (size_t)n);
	}
	if (ev->bits & LEAT_PEER_CLOSED)
		(void)leat_shutdown(s, ev->conn);
	if (ev->bits & LEAT_CLOSED)
		(void)leat_release(s, ev->conn);
}

static void events(struct play *p, uint64_t for_ns)
{
	struct leat_event ev;

	net_run(&p->n, for_ns);
	for (uint32_t side = 0; side < 2; side++) {
		struct leat_stack *s = p->n.stack[side];

		while (leat_next_event(s, &ev)) {
			if (side == p->side && ev.bits & p->bits && p->acted == 0) {
				p->acted++;
				act(p, s, p->target == ON_ITSELF ? ev.conn : another(s, ev.conn));
			}
			answer(p, side, &ev);
		}
		net_give(&p->n, side);
	}
	net_ledger(&p->n);
}

/* Three connections: one is closed, one reset, and one has no answer for a while. */
static void play(struct play *p)
{
	struct leat_conn conn[3];
	char text[100] = {0};

	net_init(&p->n, 9);
	net_start(&p->n);
	net_listen(&p->n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < 3; i++)
		conn[i] = net_connect(&p->n, 4, 80);
	events(p, 10 * TIME_MS);
	for (uint32_t i = 0; i < 3; i++)
		(void)leat_send_urgent(p->n.stack[0], conn[i], text, sizeof(text));
	for (uint32_t i = 0; i < 10; i++)
		events(p, 20 * TIME_MS);
	(void)leat_shutdown(p->n.stack[0], conn[0]);
	(void)leat_abort(p->n.stack[0], conn[1]);
	events(p, 20 * TIME_MS);
	p->n.cut = true;
	(void)leat_send(p->n.stack[0], conn[2], text, sizeof(text));
	abort_each(p->n.stack[1]); /* nothing of it arrives */
	for (uint32_t i = 0; i < 10; i++)
		events(p, TIME_S);
	p->n.cut = false;
	for (uint32_t i = 0; i < 100; i++)
		events(p, TIME_S);
	abort_each(p->n.stack[0]);
	abort_each(p->n.stack[1]);
	events(p, 100 * TIME_S);
	abort_each(p->n.stack[0]);
	abort_each(p->n.stack[1]);
	events(p, 100 * TIME_S);
	assert_int_equal(net_present(&p->n, 0), 0);
	assert_int_equal(net_present(&p->n, 1), 0);
	net_stop(&p->n);
}

static void n104_any_event_may_be_answered_by_any_call_on_any_connection(void **state)
{
	uint32_t acted[COUNT_OF(kind)] = {0};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(kind) * ACT_CNT * TARGET_CNT * 2; i++) {
		uint32_t k = i / (ACT_CNT * TARGET_CNT * 2);
		struct play p = {.side = i % 2,
			.bits = kind[k],
			.act = (enum action)(i / 4 % ACT_CNT),
			.target = (enum target)(i / 2 % 2)};

		play(&p);
		acted[k] += p.acted;
	}
	for (uint32_t k = 0; k < COUNT_OF(kind); k++)
		assert_true(acted[k] >= ACT_CNT * TARGET_CNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n104_any_event_may_be_answered_by_any_call_on_any_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
