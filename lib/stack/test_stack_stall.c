/* SPDX-License-Identifier: BSD-3-Clause */

/* A core that stands still with connections on it, while its peers go on. */

#include "base_bits.h"
#include "test_stack_net.h"

#define TEXT     60000
#define HELD_MAX 256

static struct {
	uint32_t cnt, octets[HELD_MAX];
	uint8_t data[HELD_MAX][NET_FRAME_MAX];
} held;

/* hold takes the frames that are due: those for who stands still wait in its device. */
static void hold(struct net *n, uint32_t still)
{
	while (n->cnt > 0 && n->flight[n->head].due_at <= n->now) {
		struct net_flight *fl = &n->flight[n->head];

		n->head = (n->head + 1) % NET_FLIGHT_MAX;
		n->cnt--;
		if (fl->to != still) {
			net_inject(n, fl->to, fl->data, fl->octets);
			continue;
		}
		assert_true(held.cnt < HELD_MAX);
		memcpy(held.data[held.cnt], fl->data, fl->octets);
		held.octets[held.cnt++] = fl->octets;
	}
}

/* stall lets time pass for the other stack only; then a turn: what waited first, then timers. */
static void stall(struct net *n, uint32_t still, uint64_t for_ns)
{
	uint32_t other = 1 - still;
	uint64_t until = n->now + for_ns;

	held.cnt = 0;
	for (;;) {
		net_pump(n, other);
		uint64_t next = leat_stack_next_deadline(n->stack[other]);
		if (n->cnt > 0 && n->flight[n->head].due_at < next)
			next = n->flight[n->head].due_at;
		if (next > until)
			break;
		n->now = next > n->now ? next : n->now;
		hold(n, still);
		leat_stack_timers(n->stack[other], n->now, 64);
		net_give(n, other);
	}
	n->now = until;
	for (uint32_t i = 0; i < held.cnt; i++)
		net_inject(n, still, held.data[i], held.octets[i]);
	leat_stack_timers(n->stack[still], n->now, 64);
	net_give(n, still);
}

/* send fills what the connection takes of the rest of TEXT. */
static uint64_t send(struct net *n, struct leat_conn c, uint64_t at)
{
	uint8_t text[4096];

	while (at < TEXT) {
		size_t octets = TEXT - at < sizeof(text) ? TEXT - at : sizeof(text);

		for (size_t i = 0; i < octets; i++)
			text[i] = net_octet(at + i, 7);
		int64_t took = leat_send(n->stack[0], c, text, octets);
		if (took <= 0)
			break;
		at += (uint64_t)took;
	}
	return at;
}

static uint64_t receive(struct net *n, struct leat_conn c, uint64_t at)
{
	uint8_t text[4096];
	int64_t octets;

	while ((octets = leat_recv(n->stack[1], c, text, sizeof(text))) > 0) {
		for (int64_t i = 0; i < octets; i++)
			assert_int_equal(text[i], net_octet(at + (uint64_t)i, 7));
		at += (uint64_t)octets;
	}
	return at;
}

/* transfer sends TEXT with a stall in its middle; returns how often something was sent again. */
static uint32_t transfer(uint32_t still, uint64_t for_ns)
{
	uint64_t sent = 0, got = 0;
	struct leat_conn conn[2];
	struct net n;

	net_init(&n, 207);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	sent = send(&n, conn[0], sent);
	/* On its way, and not yet acknowledged. */
	net_run(&n, n.one_way_ns / 2);
	stall(&n, still, for_ns);
	for (uint32_t i = 0; i < 2000 && got < TEXT; i++) {
		sent = send(&n, conn[0], sent);
		net_run(&n, 5 * TIME_MS);
		got = receive(&n, conn[1], got);
	}
	assert_int_equal(got, TEXT);
	assert_string_equal(net_state(&n, 0, conn[0]), "ESTABLISHED");
	assert_string_equal(net_state(&n, 1, conn[1]), "ESTABLISHED");
	uint32_t again = (uint32_t)leat_stack_tcp(n.stack[0])->emitted_again;
	net_stop(&n);
	return again;
}

static void n207_a_receiver_that_stood_still_is_sent_to_again_seldom_and_lives(void **state)
{
	static const struct {
		uint64_t for_ns;
		uint32_t most; /* segments sent again */
	} row[] = {{10 * TIME_MS, 1}, {TIME_S, 4}, {30 * TIME_S, 10}};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		assert_in_range(transfer(1, row[i].for_ns), 0, row[i].most);
}

static void n207_a_sender_that_stood_still_reads_the_acks_before_its_timers(void **state)
{
	static const uint64_t for_ns[] = {10 * TIME_MS, TIME_S, 30 * TIME_S};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(for_ns); i++)
		assert_int_equal(transfer(0, for_ns[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			n207_a_receiver_that_stood_still_is_sent_to_again_seldom_and_lives),
		cmocka_unit_test(n207_a_sender_that_stood_still_reads_the_acks_before_its_timers),
	};

	return cmocka_run_group_tests_name("stack_stall", tests, NULL, NULL);
}
