/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_impair.h"

#include "base_bits.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define FRAME_CNT 100000
#define BURST     16

/* Frames are numbers; 0 is none. */
static void *frame_of(uintptr_t number)
{
	return (void *)number;
}

static uint32_t pass(struct shard_impair *w, uint64_t now, uint32_t first, uint32_t cnt, void **out)
{
	void *in[BURST];

	for (uint32_t i = 0; i < cnt; i++)
		in[i] = frame_of(first + i);
	uint32_t kept = leat_shard_impair_lose(w, in, cnt);
	return leat_shard_impair_mix(w, now, in, kept, out);
}

static void a_perfect_wire_changes_nothing(void **state)
{
	struct shard_impair w;
	void *out[BURST + SHARD_IMPAIR_HELD_MAX];

	(void)state;
	leat_shard_impair_init(&w, &(struct shard_impair_config){.seed = 1});
	assert_false(shard_impair_on(&w));
	for (uint32_t first = 1; first < 1000; first += BURST) {
		assert_int_equal(pass(&w, first, first, BURST, out), BURST);
		for (uint32_t i = 0; i < BURST; i++)
			assert_ptr_equal(out[i], frame_of(first + i));
	}
	assert_true(leat_shard_impair_next_deadline(&w) == TIME_NEVER);
}

/* Every frame comes out once or is counted lost, none is passed by more than it may be, and the
 * shares are those that were asked for. */
static void each_frame_goes_once_and_not_far_behind(void **state)
{
	struct shard_impair w;
	void *out[BURST + SHARD_IMPAIR_HELD_MAX];
	static uint8_t seen[FRAME_CNT + 1];
	uint32_t seen_cnt = 0, late_cnt = 0;
	uintptr_t newest = 0;

	(void)state;
	leat_shard_impair_init(
		&w, &(struct shard_impair_config){
			    .seed = 7, .loss_millionths = 10000, .reorder_millionths = 20000});
	memset(seen, 0, sizeof(seen));
	for (uint32_t first = 1; first <= FRAME_CNT; first += BURST) {
		uint32_t cnt = pass(&w, first, first, BURST, out);
		assert_true(cnt <= BURST + SHARD_IMPAIR_HELD_MAX);
		for (uint32_t i = 0; i < cnt; i++) {
			uintptr_t number = (uintptr_t)out[i];
			assert_int_equal(seen[number]++, 0);
			late_cnt += number < newest;
			newest = number > newest ? number : newest;
			/* Lost and held frames widen the gap, but not by much. */
			assert_true(newest - number < 4 * SHARD_IMPAIR_BEHIND_MAX);
			seen_cnt++;
		}
	}
	seen_cnt += leat_shard_impair_flush(&w, out);
	assert_int_equal(seen_cnt + w.lost_cnt, FRAME_CNT);
	assert_in_range(w.lost_cnt, 800, 1200);
	assert_in_range(w.reordered_cnt, 1700, 2300);
	assert_in_range(late_cnt, 1500, 2300);
}

static void a_held_frame_goes_after_its_time_without_others(void **state)
{
	struct shard_impair w;
	void *out[BURST + SHARD_IMPAIR_HELD_MAX];

	(void)state;
	leat_shard_impair_init(
		&w, &(struct shard_impair_config){.seed = 3, .reorder_millionths = 1000000});
	assert_int_equal(pass(&w, 1000, 1, 1, out), 0);
	assert_true(leat_shard_impair_next_deadline(&w) == 1000 + SHARD_IMPAIR_HOLD_NS);
	assert_int_equal(pass(&w, 1000 + SHARD_IMPAIR_HOLD_NS - 1, 0, 0, out), 0);
	assert_int_equal(pass(&w, 1000 + SHARD_IMPAIR_HOLD_NS, 0, 0, out), 1);
	assert_ptr_equal(out[0], frame_of(1));
	assert_true(leat_shard_impair_next_deadline(&w) == TIME_NEVER);
}

static void when_all_places_are_taken_frames_pass_in_order(void **state)
{
	struct shard_impair w;
	void *out[BURST + SHARD_IMPAIR_HELD_MAX];

	(void)state;
	leat_shard_impair_init(
		&w, &(struct shard_impair_config){.seed = 3, .reorder_millionths = 1000000});
	assert_int_equal(pass(&w, 0, 1, SHARD_IMPAIR_HELD_MAX, out), 0);
	assert_int_equal(w.held_cnt, SHARD_IMPAIR_HELD_MAX);
	assert_true(pass(&w, 0, 100, 1, out) >= 1);
	assert_ptr_equal(out[0], frame_of(100));
}

static void a_wire_that_loses_all_passes_none(void **state)
{
	struct shard_impair w;
	void *out[BURST + SHARD_IMPAIR_HELD_MAX];

	(void)state;
	leat_shard_impair_init(
		&w, &(struct shard_impair_config){.seed = 3, .loss_millionths = 1000000});
	assert_true(shard_impair_on(&w));
	assert_int_equal(pass(&w, 0, 1, BURST, out), 0);
	assert_int_equal(w.lost_cnt, BURST);
}

static void equal_seeds_make_equal_wires(void **state)
{
	const struct shard_impair_config config = {
		.seed = 11, .loss_millionths = 50000, .reorder_millionths = 50000};
	struct shard_impair a, b;
	void *out_a[BURST + SHARD_IMPAIR_HELD_MAX], *out_b[BURST + SHARD_IMPAIR_HELD_MAX];

	(void)state;
	leat_shard_impair_init(&a, &config);
	leat_shard_impair_init(&b, &config);
	for (uint32_t first = 1; first < 4000; first += BURST) {
		uint32_t cnt = pass(&a, first, first, BURST, out_a);
		assert_int_equal(cnt, pass(&b, first, first, BURST, out_b));
		assert_memory_equal(out_a, out_b, cnt * sizeof(out_a[0]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_perfect_wire_changes_nothing),
		cmocka_unit_test(each_frame_goes_once_and_not_far_behind),
		cmocka_unit_test(a_held_frame_goes_after_its_time_without_others),
		cmocka_unit_test(when_all_places_are_taken_frames_pass_in_order),
		cmocka_unit_test(a_wire_that_loses_all_passes_none),
		cmocka_unit_test(equal_seeds_make_equal_wires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
