/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_lane.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define FRAME_CNT 300000

static struct shard_lane lane;
static uintptr_t word[FRAME_CNT];

static void frames_come_in_order_and_in_bursts(void **state)
{
	void *got[64];

	(void)state;
	leat_shard_lane_init(&lane);
	assert_int_equal(leat_shard_lane_take(&lane, got, 64), 0);
	for (uintptr_t round = 0; round < 100; round++) {
		for (uintptr_t i = 0; i < 50; i++)
			assert_true(leat_shard_lane_put(&lane, &word[round * 50 + i]));
		assert_int_equal(leat_shard_lane_held(&lane), 50);
		assert_int_equal(leat_shard_lane_take(&lane, got, 32), 32);
		assert_int_equal(leat_shard_lane_take(&lane, got + 32, 32), 18);
		for (uintptr_t i = 0; i < 50; i++)
			assert_ptr_equal(got[i], &word[round * 50 + i]);
	}
	assert_int_equal(lane.high, 50);
}

static void a_full_lane_refuses_and_keeps_what_it_has(void **state)
{
	void *got[SHARD_LANE_SLOTS + 1];

	(void)state;
	leat_shard_lane_init(&lane);
	for (uintptr_t i = 0; i < SHARD_LANE_SLOTS; i++)
		assert_true(leat_shard_lane_put(&lane, &word[i]));
	for (uint32_t i = 0; i < 3; i++)
		assert_false(leat_shard_lane_put(&lane, &word[0]));
	assert_int_equal(lane.high, SHARD_LANE_SLOTS);
	assert_int_equal(leat_shard_lane_take(&lane, got, 1), 1);
	assert_true(leat_shard_lane_put(&lane, &word[SHARD_LANE_SLOTS]));
	assert_false(leat_shard_lane_put(&lane, &word[0]));
	assert_int_equal(leat_shard_lane_take(&lane, got, SHARD_LANE_SLOTS + 1), SHARD_LANE_SLOTS);
	for (uintptr_t i = 0; i < SHARD_LANE_SLOTS; i++)
		assert_ptr_equal(got[i], &word[i + 1]);
}

static void the_counters_may_wrap(void **state)
{
	void *got[SHARD_LANE_SLOTS];

	(void)state;
	leat_shard_lane_init(&lane);
	atomic_store(&lane.head, UINT32_MAX - 5);
	atomic_store(&lane.tail, UINT32_MAX - 5);
	lane.seen = UINT32_MAX - 5;
	for (uintptr_t i = 0; i < SHARD_LANE_SLOTS; i++)
		assert_true(leat_shard_lane_put(&lane, &word[i]));
	assert_false(leat_shard_lane_put(&lane, &word[0]));
	assert_int_equal(leat_shard_lane_take(&lane, got, SHARD_LANE_SLOTS), SHARD_LANE_SLOTS);
	for (uintptr_t i = 0; i < SHARD_LANE_SLOTS; i++)
		assert_ptr_equal(got[i], &word[i]);
}

static void *write_frames(void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; i < FRAME_CNT; i++) {
		word[i] = i * 3;
		while (!leat_shard_lane_put(&lane, &word[i]))
			sched_yield();
	}
	return NULL;
}

static void two_threads_lose_nothing_and_see_what_was_handed_over(void **state)
{
	uintptr_t wrong_cnt = 0, at = 0;
	pthread_t writer;
	void *got[32];

	(void)state;
	leat_shard_lane_init(&lane);
	assert_int_equal(pthread_create(&writer, NULL, write_frames, NULL), 0);
	while (at < FRAME_CNT) {
		uint32_t cnt = leat_shard_lane_take(&lane, got, 32);

		for (uint32_t i = 0; i < cnt; i++, at++)
			wrong_cnt += got[i] != &word[at] || *(uintptr_t *)got[i] != at * 3;
		if (cnt == 0)
			sched_yield();
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(wrong_cnt, 0);
	assert_int_equal(leat_shard_lane_held(&lane), 0);
	assert_in_range(lane.high, 1, SHARD_LANE_SLOTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_in_order_and_in_bursts),
		cmocka_unit_test(a_full_lane_refuses_and_keeps_what_it_has),
		cmocka_unit_test(the_counters_may_wrap),
		cmocka_unit_test(two_threads_lose_nothing_and_see_what_was_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
