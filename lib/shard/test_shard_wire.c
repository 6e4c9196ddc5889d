/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_wire.h"

#include "base_bits.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 100000

/* Frames are numbers; what became of each is counted. */
struct bench {
	struct shard_wire wire;
	struct shard_wire_slot heap[SHARD_WIRE_SLOTS];
	uint32_t copies, spoilt, dropped, out;
};

static void *copy(void *arg, void *frame)
{
	((struct bench *)arg)->copies++;
	return frame;
}

static bool spoil(void *arg, void *frame, uint64_t bits)
{
	(void)bits;
	((struct bench *)arg)->spoilt++;
	return (uintptr_t)frame % 2 != 0; /* of every second one nobody would see it */
}

static void drop(void *arg, void *frame)
{
	(void)frame;
	((struct bench *)arg)->dropped++;
}

static struct bench *bench_new(const struct shard_wire_config *config)
{
	static struct bench b;
	struct shard_wire_ops ops = {&b, copy, spoil, drop};

	b = (struct bench){0};
	leat_shard_wire_init(&b.wire, b.heap, config, &ops);
	return &b;
}

/* run puts frames 1.. on the wire, step_ns apart, and takes what is due, in order[]. */
static uint32_t run(struct bench *b, uint64_t step_ns, uintptr_t *order, uint32_t max)
{
	uint64_t now = TIME_S;
	uint32_t cnt = 0;

	for (uintptr_t i = 1; i <= FRAMES || b->wire.held_cnt != 0; i++, now += step_ns) {
		void *frame = (void *)i, *out[4];
		uint32_t n;

		if (i <= FRAMES)
			leat_shard_wire_put(&b->wire, now, &frame, 1);
		while ((n = leat_shard_wire_take(&b->wire, now, out, COUNT_OF(out))) != 0) {
			for (uint32_t k = 0; k < n && cnt < max; k++)
				order[cnt++] = (uintptr_t)out[k];
			b->out += n;
		}
		if (b->wire.held_cnt != 0)
			assert_true(leat_shard_wire_next_deadline(&b->wire) > now);
	}
	assert_int_equal(leat_shard_wire_next_deadline(&b->wire), TIME_NEVER);
	return cnt;
}

static void a_wire_that_does_nothing_takes_no_memory(void **state)
{
	struct shard_wire_config config = {.seed = 7};

	(void)state;
	assert_int_equal(leat_shard_wire_footprint(&config), 0);
	config.jitter_ns = 1;
	assert_int_equal(leat_shard_wire_footprint(&config),
		SHARD_WIRE_SLOTS * sizeof(struct shard_wire_slot));
}

static void a_delay_keeps_the_order_and_lasts_exactly_so_long(void **state)
{
	static uintptr_t order[FRAMES];
	struct shard_wire_config config = {.delay_ns = TIME_MS};
	struct bench *b = bench_new(&config);
	void *frame = (void *)1, *out;

	(void)state;
	leat_shard_wire_put(&b->wire, 5, &frame, 1);
	assert_int_equal(leat_shard_wire_next_deadline(&b->wire), 5 + TIME_MS);
	assert_int_equal(leat_shard_wire_take(&b->wire, 4 + TIME_MS, &out, 1), 0);
	assert_int_equal(leat_shard_wire_take(&b->wire, 5 + TIME_MS, &out, 1), 1);
	b = bench_new(&config);
	assert_int_equal(run(b, TIME_US, order, FRAMES), FRAMES);
	for (uint32_t i = 0; i < FRAMES; i++)
		assert_int_equal(order[i], i + 1);
}

static void every_frame_ends_in_one_way_and_as_often_as_it_was_told(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct shard_wire_config config = {.seed = seed,
			.loss_millionths = 20000,
			.reorder_millionths = 10000,
			.duplicate_millionths = 30000,
			.corrupt_millionths = 40000,
			.delay_ns = TIME_MS,
			.jitter_ns = 100 * TIME_US};
		struct bench *b = bench_new(&config);
		const struct shard_wire *w = &b->wire;

		run(b, TIME_US, NULL, 0);
		assert_int_equal(w->in_cnt, FRAMES);
		assert_int_equal(
			w->in_cnt + w->doubled_cnt, w->out_cnt + w->lost_cnt + w->full_cnt);
		assert_int_equal(w->out_cnt, b->out);
		assert_int_equal(w->lost_cnt + w->full_cnt, b->dropped);
		assert_int_equal(w->doubled_cnt, b->copies);
		assert_int_equal(w->full_cnt, 0);
		/* 2 % are lost, and of 4 % spoilt half are not seen. */
		assert_in_range(w->lost_cnt, FRAMES * 36 / 1000, FRAMES * 44 / 1000);
		assert_in_range(w->spoilt_cnt, FRAMES * 17 / 1000, FRAMES * 23 / 1000);
		assert_in_range(w->doubled_cnt, FRAMES * 26 / 1000, FRAMES * 32 / 1000);
		assert_in_range(w->late_cnt, FRAMES * 8 / 1000, FRAMES * 12 / 1000);
	}
}

static void equal_seeds_give_equal_wires_and_jitter_swaps_what_is_near(void **state)
{
	static uintptr_t order[2][FRAMES];
	struct shard_wire_config config = {.seed = 5, .jitter_ns = 10 * TIME_US};
	uint32_t swaps = 0;

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(run(bench_new(&config), TIME_US, order[i], FRAMES), FRAMES);
	assert_memory_equal(order[0], order[1], sizeof(order[0]));
	for (uint32_t i = 0; i < FRAMES; i++) {
		assert_in_range(order[0][i], i < 11 ? 1 : i - 10, i + 12);
		swaps += order[0][i] != i + 1;
	}
	assert_true(swaps > FRAMES / 2);
}

static void what_finds_no_place_is_lost_and_counted(void **state)
{
	struct shard_wire_config config = {.delay_ns = 10 * TIME_MS};
	struct bench *b = bench_new(&config);
	const struct shard_wire *w = &b->wire;

	(void)state;
	run(b, TIME_US, NULL, 0);
	assert_true(w->full_cnt > 0);
	assert_int_equal(w->in_cnt, w->out_cnt + w->full_cnt);
	assert_int_equal(w->full_cnt, b->dropped);
	b = bench_new(&config);
	for (uintptr_t i = 1; i <= 10; i++) {
		void *frame = (void *)i;
		leat_shard_wire_put(&b->wire, 1, &frame, 1);
	}
	leat_shard_wire_close(&b->wire);
	assert_int_equal(b->dropped, 10);
	assert_int_equal(b->wire.lost_cnt, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wire_that_does_nothing_takes_no_memory),
		cmocka_unit_test(a_delay_keeps_the_order_and_lasts_exactly_so_long),
		cmocka_unit_test(every_frame_ends_in_one_way_and_as_often_as_it_was_told),
		cmocka_unit_test(equal_seeds_give_equal_wires_and_jitter_swaps_what_is_near),
		cmocka_unit_test(what_finds_no_place_is_lost_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
