/* SPDX-License-Identifier: BSD-3-Clause */

/* Received text, against an array of octets; its buffers, counted. */

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"
#include "tcp_core.h"
#include "tcp_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IRS        UINT32_C(0xffffff00) /* the wrap is near */
#define BUF_OCTETS 1600
#define SPACE      (1 << 21)

struct fixture {
	struct tcp_engine *e;
	struct tcb *tcb;
	void *mem;
	struct tcp_io io;
	struct tuple tuple;
	uint32_t out;      /* buffers that are not home */
	uint32_t wire_wnd; /* what the last ACK offered, octets */
	uint32_t ack;      /* and acknowledged, octets of the stream */
};

static void lists(struct fixture *f)
{
	leat_tcp_output(f->e, TIME_S, &f->io);
	for (uint32_t i = 0; i < f->io.emit_cnt; i++) {
		const struct seg *seg = &f->io.emit[i].seg;

		if (seg->flags & TCP_SYN)
			continue;
		f->wire_wnd = (uint32_t)seg->wnd << f->tcb->rcv_scale;
		f->ack = seq_from(seq_of(IRS + 1), seg->ack);
	}
	leat_tcp_give(f->e, &f->io);
	for (uint32_t i = 0; i < f->io.give_cnt; i++)
		free(f->io.give[i]);
	f->out -= f->io.give_cnt;
	leat_tcp_news(f->e, &f->io);
	f->io.emit_cnt = f->io.give_cnt = f->io.news_cnt = f->io.gone_cnt = 0;
	leat_tcp_tcb_check(f->e, f->tcb);
}

/* The octets [at, at + octets) of the stream arrive in a buffer of their own, each as fill, or,
 * with fill 0, as its number says. */
static enum tcp_verdict arrive(struct fixture *f, uint32_t at, uint32_t octets, uint8_t fill)
{
	uint8_t *buf = malloc(BUF_OCTETS);
	struct seg seg = {.seq = seq_of(IRS + 1 + at),
		.ack = f->tcb->snd.nxt,
		.flags = TCP_ACK,
		.wnd = 8192,
		.len = octets,
		.text = (uint16_t)octets,
		.room = (uint16_t)(BUF_OCTETS - octets),
		.data = buf,
		.buf = buf};

	assert_non_null(buf);
	for (uint32_t i = 0; i < octets; i++)
		buf[i] = fill ? fill : (uint8_t)((at + i) * 167 >> 3);
	f->out++;
	enum tcp_verdict v =
		leat_tcp_segment_arrives(f->e, f->tcb, &f->tuple, &seg, TIME_S, &f->io);
	lists(f);
	return v;
}

static void set_up(struct fixture *f, const struct tcp_knobs *knobs, uint32_t rbuf_max)
{
	struct tcp_limits limits = {
		.tcb_max = 1, .rbuf_max = rbuf_max, .ext_max = 1, .srec_max = 8};
	struct seg syn = {.seq = seq_of(IRS),
		.flags = TCP_SYN | TCP_ACK,
		.len = 1,
		.wnd = 8192,
		.opts = TCP_OPT_WS | TCP_OPT_SACK_OK};

	*f = (struct fixture){.tuple = {ip_from4(1), ip_from4(2), 1, 2, 0}};
	f->mem = aligned_alloc(64, leat_tcp_footprint(&limits));
	assert_non_null(f->mem);
	f->e = leat_tcp_new(f->mem, &limits, knobs, (struct hash_key){1, 2}, 0);
	f->tcb = leat_tcp_open_active(f->e, &f->tuple, 0);
	lists(f);
	syn.ack = f->tcb->snd.nxt;
	leat_tcp_segment_arrives(f->e, f->tcb, &f->tuple, &syn, TIME_S, &f->io);
	lists(f);
	assert_int_equal(f->tcb->state, TCP_ST_ESTABLISHED);
}

static void tear_down(struct fixture *f)
{
	leat_tcp_abort(f->e, f->tcb, TIME_S, &f->io);
	lists(f);
	while (f->e->home_head != TCP_NONE)
		lists(f);
	assert_int_equal(f->e->cnt.rbuf_held, f->tcb->rbuf_cnt);
	leat_tcp_free(f->e, f->tcb);
	f->io.emit_cnt = f->io.rest_cnt = 0;
	while (f->e->home_head != TCP_NONE) {
		leat_tcp_give(f->e, &f->io);
		for (uint32_t i = 0; i < f->io.give_cnt; i++)
			free(f->io.give[i]);
		f->out -= f->io.give_cnt;
		f->io.give_cnt = 0;
	}
	assert_int_equal(f->out, 0);
	assert_int_equal(f->e->cnt.rbuf_held, 0);
	free(f->mem);
}

static uint32_t nxt(const struct fixture *f)
{
	return seq_from(seq_of(IRS + 1), f->tcb->rcv.nxt);
}

static uint32_t promised(const struct fixture *f)
{
	return seq_from(f->tcb->rcv.nxt, f->tcb->rcv.edge);
}

/* Reads octets, which begin at octet at of the stream. */
static void read_on(struct fixture *f, uint32_t at, uint32_t octets)
{
	while (octets > 0) {
		const uint8_t *data;
		uint32_t n = u32_min(leat_tcp_peek(f->e, f->tcb, &data), octets);

		assert_true(n > 0);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(data[i], (uint8_t)((at + i) * 167 >> 3));
		leat_tcp_receive(f->e, f->tcb, n);
		at += n;
		octets -= n;
	}
	lists(f);
}

/* An attacker's order: each octet before the last, with a hole between any two. */
static void n112_a_million_octets_with_holes_cost_no_more_than_the_quota(void **state)
{
	enum {
		SEGMENTS = 1000000,
		HELD = 64
	};
	struct tcp_knobs knobs;
	struct fixture f;
	uint64_t full = 0;

	(void)state;
	leat_tcp_knobs_default(&knobs);
	set_up(&f, &knobs, 4096);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		uint32_t nth = i % 32000; /* in this round through the window */
		enum tcp_verdict v = arrive(&f, 65500 - 2 * nth, 1, 0);

		assert_int_equal(v, nth < HELD ? TCP_V_OK : TCP_V_TEXT_OOO_FULL);
		assert_true(f.out <= HELD && f.e->cnt.rbuf_held <= HELD);
		full += nth >= HELD;
	}
	assert_int_equal(f.e->cnt.verdict[TCP_V_TEXT_OOO_FULL], full);
	assert_int_equal(f.e->cnt.text_ooo, HELD);
	assert_true(f.e->cnt.reass_steps <= (uint64_t)SEGMENTS * HELD);
	assert_int_equal(f.tcb->rbuf_cnt, HELD);
	/* What fills the holes is taken all the same. */
	for (uint32_t i = 0; i + 1000 < 65535; i += 1000)
		assert_int_equal(arrive(&f, i, 1000, 0), TCP_V_OK);
	read_on(&f, 0, f.tcb->rcv.unread);
	tear_down(&f);
}

/* What is kept of [from, to): the front up to what is held, behind what is held already. */
static void model_take(uint8_t *owner, uint32_t from, uint32_t to, uint8_t who)
{
	while (from < to && owner[from])
		from++;
	for (; from < to && !owner[from]; from++)
		owner[from] = who;
}

static void overlaps(const uint32_t (*piece)[2], uint32_t cnt, bool first_fills)
{
	uint8_t owner[8] = {0};
	struct tcp_knobs knobs;
	struct fixture f;
	const uint8_t *data;
	uint32_t at = 0, n;

	leat_tcp_knobs_default(&knobs);
	set_up(&f, &knobs, 64);
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t from = piece[i][0] + !first_fills;

		arrive(&f, from, piece[i][1] - piece[i][0], (uint8_t)(i + 1));
		model_take(owner, from, from + piece[i][1] - piece[i][0], (uint8_t)(i + 1));
	}
	/* The last one covers all; what its front leaves goes again. */
	while (nxt(&f) < sizeof(owner)) {
		uint32_t from = nxt(&f);

		arrive(&f, from, (uint32_t)sizeof(owner) - from, 9);
		assert_true(nxt(&f) > from);
	}
	for (; (n = leat_tcp_peek(f.e, f.tcb, &data)) > 0; leat_tcp_receive(f.e, f.tcb, n))
		for (uint32_t i = 0; i < n; i++, at++)
			assert_int_equal(data[i], owner[at] ? owner[at] : 9);
	assert_int_equal(at, sizeof(owner));
	tear_down(&f);
}

/* Each pair of intervals within five octets, 15 x 15, behind a hole and at RCV.NXT, and each three
 * of those within four. */
static void n110_of_overlapping_pieces_the_first_octet_wins(void **state)
{
	uint32_t all[15][2], cnt = 0;

	(void)state;
	for (uint32_t to = 1; to <= 5; to++) /* those within four octets first */
		for (uint32_t from = 0; from < to; from++, cnt++)
			all[cnt][0] = from, all[cnt][1] = to;
	assert_int_equal(cnt, 15);
	for (uint32_t i = 0; i < 15 * 15; i++) {
		uint32_t two[2][2] = {
			{all[i / 15][0], all[i / 15][1]}, {all[i % 15][0], all[i % 15][1]}};

		overlaps((const uint32_t(*)[2])two, 2, false);
		overlaps((const uint32_t(*)[2])two, 2, true);
	}
	for (uint32_t i = 0; i < 10 * 10 * 10; i++) {
		uint32_t three[3][2] = {{all[i / 100][0], all[i / 100][1]},
			{all[i / 10 % 10][0], all[i / 10 % 10][1]},
			{all[i % 10][0], all[i % 10][1]}};

		overlaps((const uint32_t(*)[2])three, 3, i % 2);
	}
}

/* Segments of one octet, while nobody reads: the window closes, and nothing was refused. */
static void tiny_segments_fill_the_whole_window(void **state)
{
	struct tcp_knobs knobs;
	struct fixture f;

	(void)state;
	leat_tcp_knobs_default(&knobs);
	knobs.wscale = false;
	set_up(&f, &knobs, 4096);
	for (uint32_t at = 0; at < knobs.rcv_buf_octets; at++)
		assert_int_equal(arrive(&f, at, 1, 0), TCP_V_OK);
	assert_int_equal(promised(&f), 0);
	assert_int_equal(f.e->cnt.text_refused, 0);
	assert_true(f.out <= knobs.rcv_buf_octets / 1000);
	read_on(&f, 0, knobs.rcv_buf_octets);
	assert_int_equal(f.wire_wnd, knobs.rcv_buf_octets);
	tear_down(&f);
}

static void step(struct fixture *f, struct prng *p, uint32_t shape, uint32_t *ooo)
{
	static const uint32_t most[] = {1, 20, 257, 536, 1460};
	uint32_t end = nxt(f) + promised(f);
	uint32_t back = leat_prng_below(p, 4) == 0 ? leat_prng_below(p, 300) : 0;
	uint32_t ahead = leat_prng_below(p, 4) == 0 ? leat_prng_below(p, 3000) : 0;
	uint32_t at = nxt(f) + ahead - u32_min(back, nxt(f));
	uint32_t octets = 1 + leat_prng_below(p, most[shape]);
	uint32_t before = nxt(f);

	if (at >= end)
		return;
	octets = u32_min(octets, end - at);
	enum tcp_verdict v = arrive(f, at, octets, 0);
	if (at <= before && at + octets > before) {
		assert_int_equal(v, TCP_V_OK);
		assert_true(nxt(f) > before);
	}
	*ooo += at > before && v == TCP_V_OK;
}

/* Any sizes in any order, under any quota, a reader that rests: what is next and inside the window
 * is taken; the buffer and its right edge keep within their bounds. */
static void what_the_window_promised_is_taken(void **state)
{
	enum {
		SEED = 7,
		RUNS = 300,
		STEPS = 1500
	};
	struct prng p;
	uint32_t ooo = 0, closed = 0;

	(void)state;
	print_message("# seed %d\n", SEED);
	leat_prng_seed(&p, SEED);
	for (uint32_t run = 0; run < RUNS; run++) {
		struct tcp_knobs knobs;
		struct fixture f;
		uint32_t read = 0, shape = leat_prng_below(&p, 5), edge = 0;

		leat_tcp_knobs_default(&knobs);
		knobs.rcv_seg_max = (uint16_t)(2 + leat_prng_below(&p, 100));
		knobs.rcv_buf_octets = 1000 + leat_prng_below(&p, 300000);
		knobs.ack_every = (uint8_t)(1 + leat_prng_below(&p, 2));
		set_up(&f, &knobs, 4096);
		for (uint32_t i = 0; i < STEPS && nxt(&f) < SPACE - 100000; i++) {
			uint32_t granule = 1U << f.tcb->rcv_scale;

			step(&f, &p, shape, &ooo);
			if (leat_prng_below(&p, 400) == 0) {
				read_on(&f, read, f.tcb->rcv.unread);
				read = nxt(&f);
			}
			assert_true(f.tcb->rcv.unread + promised(&f) <= knobs.rcv_buf_octets);
			assert_true(f.out <= knobs.rcv_seg_max);
			/* N113: on the wire it is never further left than the scale rounds. */
			assert_true(f.ack + f.wire_wnd + granule > edge);
			edge = u32_max(edge, f.ack + f.wire_wnd);
			closed += promised(&f) < granule;
		}
		assert_int_equal(f.e->cnt.text_refused, 0);
		read_on(&f, read, f.tcb->rcv.unread);
		tear_down(&f);
	}
	assert_true(ooo > RUNS && closed > RUNS);
}

/* Segments smaller than a granule: rounding up may not move the edge out of the buffer. */
static void the_right_edge_stays_in_the_buffer(void **state)
{
	struct tcp_knobs knobs;
	struct fixture f;

	(void)state;
	leat_tcp_knobs_default(&knobs);
	knobs.rcv_buf_octets = 1 << 20;
	knobs.rcv_seg_max = 1000;
	knobs.ack_every = 1;
	set_up(&f, &knobs, 4096);
	assert_int_equal(f.tcb->rcv_scale, 5);
	while (promised(&f) >= 31) {
		assert_int_equal(arrive(&f, nxt(&f), 31, 0), TCP_V_OK);
		assert_true(f.tcb->rcv.unread + promised(&f) <= knobs.rcv_buf_octets);
	}
	assert_true(f.tcb->rcv.unread > knobs.rcv_buf_octets - 64);
	read_on(&f, 0, f.tcb->rcv.unread);
	tear_down(&f);
}

/* A full quota: the octet that fills the hole takes the place of what is furthest out of order. */
static void what_is_out_of_order_gives_way(void **state)
{
	struct tcp_knobs knobs;
	struct fixture f;

	(void)state;
	leat_tcp_knobs_default(&knobs);
	set_up(&f, &knobs, 2);
	assert_int_equal(arrive(&f, 2000, 1000, 0), TCP_V_OK);
	assert_int_equal(arrive(&f, 0, 300, 0), TCP_V_OK);
	assert_int_equal(arrive(&f, 4000, 1000, 0), TCP_V_TEXT_OOO_FULL);
	assert_int_equal(arrive(&f, 300, 1400, 0), TCP_V_OK);
	assert_int_equal(f.e->cnt.text_evicted, 1);
	assert_int_equal(nxt(&f), 1700);
	assert_int_equal(f.out, 2);
	read_on(&f, 0, 1700);
	assert_int_equal(arrive(&f, 1700, 1300, 0), TCP_V_OK);
	read_on(&f, 1700, 1300);
	tear_down(&f);
}

/* Behind a hole, too, small text goes into the buffer of what it follows. */
static void small_text_behind_a_hole_shares_a_buffer(void **state)
{
	struct tcp_knobs knobs;
	struct fixture f;

	(void)state;
	leat_tcp_knobs_default(&knobs);
	set_up(&f, &knobs, 64);
	for (uint32_t at = 10; at < 1000; at += 10)
		assert_int_equal(arrive(&f, at, 10, 0), TCP_V_OK);
	assert_int_equal(f.out, 1);
	assert_int_equal(f.e->cnt.text_ooo, 99);
	assert_int_equal(arrive(&f, 0, 10, 0), TCP_V_OK);
	assert_int_equal(nxt(&f), 1000);
	read_on(&f, 0, 1000);
	assert_int_equal(f.out, 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n112_a_million_octets_with_holes_cost_no_more_than_the_quota),
		cmocka_unit_test(n110_of_overlapping_pieces_the_first_octet_wins),
		cmocka_unit_test(tiny_segments_fill_the_whole_window),
		cmocka_unit_test(what_the_window_promised_is_taken),
		cmocka_unit_test(the_right_edge_stays_in_the_buffer),
		cmocka_unit_test(what_is_out_of_order_gives_way),
		cmocka_unit_test(small_text_behind_a_hole_shares_a_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
