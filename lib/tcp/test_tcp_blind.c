/* SPDX-License-Identifier: BSD-3-Clause */

/* RFC 5961: a stranger who knows the four numbers of a tuple, but none of the sequence numbers. */

#include "base_bits.h"
#include "base_time.h"
#include "tcp_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ISS    100000
#define IRS    5000
#define WINDOW 65535

struct world {
	struct tcp_engine *e;
	struct tcp_io io;
	void *mem;
	uint64_t now;
};

static struct tuple tuple_of(uint16_t lport)
{
	return (struct tuple){ip_from4(0x0a000001), ip_from4(0x0a000002), lport, 80, 0};
}

/* What an arrival, and the output after it, had us send. */
static uint32_t arrive(struct world *w, struct tcb *tcb, struct seg seg)
{
	uint32_t emitted;

	seg.len = (uint32_t)seg.text + !!(seg.flags & TCP_SYN) + !!(seg.flags & TCP_FIN);
	seg.wnd = WINDOW;
	seg.data = (const uint8_t *)"";
	struct tuple tuple;

	leat_tcp_tuple(w->e, tcb, &tuple);
	leat_tcp_segment_arrives(w->e, tcb, &tuple, &seg, w->now, &w->io);
	leat_tcp_output(w->e, w->now, &w->io);
	emitted = w->io.emit_cnt;
	w->io.emit_cnt = w->io.give_cnt = w->io.gone_cnt = 0;
	leat_tcp_tcb_check(w->e, tcb);
	return emitted;
}

static struct tcb *open_one(struct world *w, uint16_t lport)
{
	struct tuple tuple = tuple_of(lport);

	leat_tcp_iss_force(w->e, ISS);
	struct tcb *tcb = leat_tcp_open_active(w->e, &tuple, w->now);
	assert_non_null(tcb);
	leat_tcp_output(w->e, w->now, &w->io);
	w->io.emit_cnt = w->io.rest_cnt = 0;
	arrive(w, tcb, (struct seg){.seq = {IRS}, .ack = {ISS + 1}, .flags = TCP_SYN | TCP_ACK});
	assert_int_equal(tcb->state, TCP_ST_ESTABLISHED);
	return tcb;
}

static void world_new(struct world *w)
{
	const struct tcp_limits limits = {.tcb_max = 4, .rbuf_max = 16};
	struct tcp_knobs knobs;

	leat_tcp_knobs_default(&knobs);
	*w = (struct world){.now = 1000 * TIME_S, .io.born = TCP_NONE};
	w->mem = aligned_alloc(64, leat_tcp_footprint(&limits));
	assert_non_null(w->mem);
	w->e = leat_tcp_new(w->mem, &limits, &knobs, (struct hash_key){1, 2}, w->now);
}

/* N145, N146: the whole circle, in steps that hit each window many times. */
static void no_blind_reset_or_syn_of_a_sweep_ends_a_connection(void **state)
{
	static const uint8_t flags[] = {TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK};
	struct world w;

	(void)state;
	world_new(&w);
	struct tcb *tcb = open_one(&w, 1);
	for (size_t f = 0; f < COUNT_OF(flags); f++) {
		uint32_t emitted = 0;

		w.now += TIME_S;
		for (uint64_t q = 0; q < UINT64_C(1) << 32; q += 997)
			if ((uint32_t)q != IRS + 1)
				emitted += arrive(&w, tcb,
					(struct seg){.seq = {(uint32_t)q}, .flags = flags[f]});
		for (uint32_t q = IRS + 2; q < IRS + 2 + WINDOW; q++)
			emitted += arrive(&w, tcb, (struct seg){.seq = {q}, .flags = flags[f]});
		assert_int_equal(tcb->state, TCP_ST_ESTABLISHED);
		assert_int_equal(emitted, 1); /* one challenge each reply_interval_ns */
	}
	free(w.mem);
}

/* More of them than the list has room for are dropped and counted. */
static void resets_without_room_are_counted(void **state)
{
	struct tuple tuple = tuple_of(9);
	struct world w;

	(void)state;
	world_new(&w);
	for (uint32_t i = 0; i < TCP_IO_EMIT_MAX + 5; i++) {
		struct seg seg = {.flags = TCP_ACK, .seq = {i}, .ack = {i}};

		leat_tcp_segment_arrives(w.e, NULL, &tuple, &seg, w.now, &w.io);
	}
	assert_int_equal(w.io.emit_cnt, TCP_IO_EMIT_MAX);
	assert_int_equal(leat_tcp_counters(w.e)->emitted_rst, TCP_IO_EMIT_MAX);
	assert_int_equal(leat_tcp_counters(w.e)->rst_unsent, 5);
	free(w.mem);
}

/* N147: text is taken only with an ACK inside (SND.UNA - MAX.SND.WND, SND.NXT]. */
static void blind_text_needs_a_good_ack(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	struct tcb *tcb = open_one(&w, 1);
	for (uint64_t a = ISS + 2; a < (UINT64_C(1) << 32) + ISS + 1 - WINDOW; a += 65521)
		arrive(&w, tcb,
			(struct seg){.seq = {IRS + 1},
				.ack = {(uint32_t)a},
				.text = 1,
				.flags = TCP_ACK});
	assert_int_equal(tcb->rcv.unread, 0);
	arrive(&w, tcb,
		(struct seg){
			.seq = {IRS + 1}, .ack = {ISS + 1 - WINDOW}, .text = 1, .flags = TCP_ACK});
	assert_int_equal(tcb->rcv.unread, 1);
	free(w.mem);
}

/* N148, N149 (CVE-2016-5696): what a stranger sees of his own connection tells nothing of ours. */
static void challenges_of_one_connection_tell_nothing_of_another(void **state)
{
	uint32_t seen[2][100];

	(void)state;
	for (uint32_t victim_busy = 0; victim_busy < 2; victim_busy++) {
		struct world w;

		world_new(&w);
		struct tcb *victim = open_one(&w, 1), *probe = open_one(&w, 2);
		for (uint32_t i = 0; i < 100; i++) {
			w.now += 50 * TIME_MS;
			for (uint32_t k = 0; k < 200 * victim_busy; k++)
				arrive(&w, victim,
					(struct seg){.seq = {IRS + 2 + k}, .flags = TCP_RST});
			seen[victim_busy][i] =
				arrive(&w, probe, (struct seg){.seq = {IRS + 9}, .flags = TCP_RST});
		}
		free(w.mem);
	}
	assert_memory_equal(seen[0], seen[1], sizeof(seen[0]));
}

/* N150 to N152: two ends that each find the other's ACK impossible, or a stranger who answers each
 * challenge with one more, get two replies a second. */
static void an_ack_war_is_two_replies_a_second(void **state)
{
	struct world w;
	uint32_t emitted = 0;

	(void)state;
	world_new(&w);
	struct tcb *tcb = open_one(&w, 1);
	for (uint32_t i = 0; i < 10000; i++) {
		w.now += TIME_MS;
		emitted += arrive(&w, tcb,
			(struct seg){.seq = {IRS + 1}, .ack = {ISS + 99999}, .flags = TCP_ACK});
		emitted += arrive(&w, tcb, (struct seg){.seq = {0}, .ack = {0}, .flags = TCP_ACK});
	}
	assert_int_equal(emitted, 20);
	free(w.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_blind_reset_or_syn_of_a_sweep_ends_a_connection),
		cmocka_unit_test(resets_without_room_are_counted),
		cmocka_unit_test(blind_text_needs_a_good_ack),
		cmocka_unit_test(challenges_of_one_connection_tell_nothing_of_another),
		cmocka_unit_test(an_ack_war_is_two_replies_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
