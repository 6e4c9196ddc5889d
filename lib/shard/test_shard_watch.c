/* SPDX-License-Identifier: BSD-3-Clause */

/* Lcores that stand still, on a clock of the test. */

#include "base_bits.h"
#include "base_time.h"
#include "shard_watch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LOOK_NS (100 * TIME_MS)
#define TURN_NS (5 * TIME_US)

struct lcore {
	struct shard_beat beat;
	struct shard_watch watch;
	uint32_t late, back;
	uint64_t back_ns, told_at;
};

static void look(struct lcore *l, uint64_t now)
{
	uint64_t for_ns;

	switch (leat_shard_watch_look(&l->watch, &l->beat, now, &for_ns)) {
	case SHARD_WATCH_LATE:
		l->late++;
		l->told_at = now;
		break;
	case SHARD_WATCH_BACK:
		l->back++;
		l->back_ns = for_ns;
		break;
	case SHARD_WATCH_NOTHING:
		break;
	}
}

/* run turns two lcores from 1 s on; the first stands still from `from` for `still`. */
static void run(struct lcore l[2], uint64_t from, uint64_t still, uint64_t until)
{
	uint64_t next_look = TIME_S;

	for (uint64_t now = TIME_S; now < until; now += TURN_NS) {
		if (now < from || now >= from + still)
			shard_beat(&l[0].beat, now);
		shard_beat(&l[1].beat, now);
		if (now >= next_look) {
			look(&l[0], now);
			look(&l[1], now);
			next_look += LOOK_NS;
		}
	}
}

static void n207_a_stall_of_10_ms_is_counted_and_not_told(void **state)
{
	struct lcore l[2] = {{.late = 0}};

	(void)state;
	run(l, 2 * TIME_S, 10 * TIME_MS, 4 * TIME_S);
	assert_int_equal(l[0].late + l[0].back, 0);
	assert_int_equal(l[0].beat.slow_cnt, 1);
	assert_in_range(l[0].beat.longest_ns, 10 * TIME_MS, 10 * TIME_MS + 2 * TURN_NS);
	assert_int_equal(l[1].beat.slow_cnt, 0);
	assert_in_range(l[1].beat.longest_ns, TURN_NS, TURN_NS);
}

static void n207_stalls_of_1_s_and_30_s_are_told_once_and_their_end_too(void **state)
{
	static const uint64_t still[] = {TIME_S + 2 * LOOK_NS, 30 * TIME_S};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(still); i++) {
		struct lcore l[2] = {{.late = 0}};

		run(l, 2 * TIME_S, still[i], 3 * TIME_S + still[i]);
		assert_int_equal(l[0].late, 1);
		assert_in_range(l[0].told_at, 3 * TIME_S - TURN_NS, 3 * TIME_S + LOOK_NS);
		assert_int_equal(l[0].back, 1);
		assert_in_range(l[0].back_ns, still[i], still[i] + LOOK_NS + 2 * TURN_NS);
		assert_int_equal(l[0].watch.late_cnt, 1);
		/* The other one is not meant. */
		assert_int_equal(l[1].late + l[1].back, 0);
	}
}

static void one_that_stalls_again_is_told_again(void **state)
{
	struct lcore l = {.late = 0};

	(void)state;
	for (uint32_t i = 1; i < 5; i++) {
		uint64_t from = i * 10 * TIME_S;

		shard_beat(&l.beat, from);
		look(&l, from);
		for (uint64_t now = from; now < from + 5 * TIME_S; now += LOOK_NS)
			look(&l, now);
		assert_int_equal(l.late, i);
		assert_int_equal(l.back, i - 1);
	}
}

static void a_loop_that_never_began_is_not_late(void **state)
{
	struct lcore l = {.late = 0};

	(void)state;
	look(&l, 100 * TIME_S);
	assert_int_equal(l.late, 0);
	shard_beat(&l.beat, 100 * TIME_S);
	assert_int_equal(l.beat.slow_cnt, 0);
	assert_int_equal(l.beat.longest_ns, 0);
	/* A clock of another thread that is behind. */
	look(&l, 99 * TIME_S);
	assert_int_equal(l.late, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n207_a_stall_of_10_ms_is_counted_and_not_told),
		cmocka_unit_test(n207_stalls_of_1_s_and_30_s_are_told_once_and_their_end_too),
		cmocka_unit_test(one_that_stalls_again_is_told_again),
		cmocka_unit_test(a_loop_that_never_began_is_not_late),
	};

	return cmocka_run_group_tests_name("shard_watch", tests, NULL, NULL);
}
