/* SPDX-License-Identifier: BSD-3-Clause */

/* Links that fall and rise, and devices that are reset and pulled out. */

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"
#include "nic_event.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void mark(struct nic_marks *m, uint32_t bits)
{
	atomic_fetch_or(&m->bits, bits);
	atomic_fetch_add(&m->link_cnt, (bits & NIC_MARK_LINK) != 0);
}

static void n208_a_link_goes_down_and_up_as_it_is_asked_for(void **state)
{
	static const uint64_t down_for[] = {TIME_S, 60 * TIME_S, 600 * TIME_S};
	struct nic_marks m = {0};
	struct nic_watch w;
	uint64_t now = TIME_S;

	(void)state;
	leat_nic_watch_init(&w, true, now);
	for (uint32_t i = 0; i < COUNT_OF(down_for); i++) {
		assert_true(leat_nic_watch_look(&w, &m, false, now += TIME_S));
		assert_int_equal(w.state, NIC_ST_DOWN);
		assert_true(nic_may_use(w.state));
		assert_false(leat_nic_watch_look(&w, &m, false, now + 1));
		assert_true(leat_nic_watch_look(&w, &m, true, now += down_for[i]));
		assert_int_equal(w.state, NIC_ST_UP);
		assert_int_equal(w.before_ns, down_for[i]);
		assert_int_equal(w.downs, i + 1);
	}
}

static void n208_flapping_that_nobody_saw_is_counted(void **state)
{
	struct nic_marks m = {0};
	struct nic_watch w;

	(void)state;
	leat_nic_watch_init(&w, true, TIME_S);
	/* Down and up ten times between two looks. */
	for (uint32_t i = 0; i < 20; i++)
		mark(&m, NIC_MARK_LINK);
	assert_false(leat_nic_watch_look(&w, &m, true, 2 * TIME_S));
	assert_int_equal(w.flaps, 10);
	assert_int_equal(w.downs, 0);
	/* Once more and down: that one is seen. */
	mark(&m, NIC_MARK_LINK);
	assert_true(leat_nic_watch_look(&w, &m, false, 3 * TIME_S));
	assert_int_equal(w.flaps, 10);
	assert_int_equal(w.downs, 1);
}

static void n209_a_reset_waits_for_a_restart_whatever_the_link_says(void **state)
{
	struct nic_marks m = {0};
	struct nic_watch w;

	(void)state;
	leat_nic_watch_init(&w, true, TIME_S);
	mark(&m, NIC_MARK_RESET | NIC_MARK_LINK);
	assert_true(leat_nic_watch_look(&w, &m, false, 2 * TIME_S));
	assert_int_equal(w.state, NIC_ST_RESET);
	assert_false(nic_may_use(w.state));
	mark(&m, NIC_MARK_RECOVERED);
	assert_false(leat_nic_watch_look(&w, &m, true, 3 * TIME_S));
	assert_int_equal(w.state, NIC_ST_RESET);
	leat_nic_watch_restarted(&w, true, true, 4 * TIME_S);
	assert_int_equal(w.state, NIC_ST_UP);
	assert_int_equal(w.resets, 1);
	mark(&m, NIC_MARK_RESET);
	assert_true(leat_nic_watch_look(&w, &m, true, 5 * TIME_S));
	leat_nic_watch_restarted(&w, false, false, 6 * TIME_S);
	assert_int_equal(w.state, NIC_ST_GONE);
}

static void n209_recovering_is_neither_used_nor_restarted_by_us(void **state)
{
	struct nic_marks m = {0};
	struct nic_watch w;

	(void)state;
	leat_nic_watch_init(&w, true, TIME_S);
	mark(&m, NIC_MARK_RECOVERING);
	assert_true(leat_nic_watch_look(&w, &m, true, 2 * TIME_S));
	assert_int_equal(w.state, NIC_ST_RECOVERING);
	assert_false(nic_may_use(w.state));
	assert_false(leat_nic_watch_look(&w, &m, false, 3 * TIME_S));
	mark(&m, NIC_MARK_RECOVERED);
	assert_true(leat_nic_watch_look(&w, &m, true, 4 * TIME_S));
	assert_int_equal(w.state, NIC_ST_UP);
	mark(&m, NIC_MARK_RECOVERING);
	assert_true(leat_nic_watch_look(&w, &m, true, 5 * TIME_S));
	mark(&m, NIC_MARK_FAILED);
	assert_true(leat_nic_watch_look(&w, &m, true, 6 * TIME_S));
	assert_int_equal(w.state, NIC_ST_GONE);
}

static void n209_what_was_removed_never_comes_back(void **state)
{
	struct nic_marks m = {0};
	struct nic_watch w;

	(void)state;
	leat_nic_watch_init(&w, false, TIME_S);
	mark(&m, NIC_MARK_REMOVED | NIC_MARK_RESET | NIC_MARK_RECOVERED);
	assert_true(leat_nic_watch_look(&w, &m, true, 2 * TIME_S));
	assert_int_equal(w.state, NIC_ST_GONE);
	mark(&m, NIC_MARK_RECOVERED);
	assert_false(leat_nic_watch_look(&w, &m, true, 3 * TIME_S));
	assert_int_equal(w.state, NIC_ST_GONE);
}

/* Any marks in any order: no state but GONE holds for ever, queues are never used in a state that
 * forbids it, and the counts are those of the states entered. */
static void any_events_leave_a_state_that_has_a_way_out(void **state)
{
	struct prng prng;
	uint64_t seed = 20260101;

	(void)state;
	print_message("# seed %ju\n", (uintmax_t)seed);
	leat_prng_seed(&prng, seed);
	for (uint32_t round = 0; round < 2000; round++) {
		uint64_t entered[NIC_ST_CNT] = {0}, now = TIME_S;
		struct nic_marks m = {0};
		struct nic_watch w;

		leat_nic_watch_init(&w, true, now);
		for (uint32_t i = 0; i < 50; i++) {
			uint32_t bits = leat_prng_below(&prng, 64);

			if (leat_prng_below(&prng, 10) != 0)
				bits &= ~(uint32_t)(NIC_MARK_REMOVED | NIC_MARK_FAILED);
			mark(&m, leat_prng_below(&prng, 2) != 0 ? bits : 0);
			if (leat_nic_watch_look(
				    &w, &m, leat_prng_below(&prng, 2) != 0, now += TIME_S))
				entered[w.state]++;
			if (w.state == NIC_ST_RESET && leat_prng_below(&prng, 2) != 0) {
				leat_nic_watch_restarted(&w, true, true, now += TIME_S);
				assert_int_equal(w.state, NIC_ST_UP);
			}
		}
		assert_int_equal(w.downs, entered[NIC_ST_DOWN]);
		assert_int_equal(w.resets, entered[NIC_ST_RESET]);
		assert_int_equal(w.recoveries, entered[NIC_ST_RECOVERING]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n208_a_link_goes_down_and_up_as_it_is_asked_for),
		cmocka_unit_test(n208_flapping_that_nobody_saw_is_counted),
		cmocka_unit_test(n209_a_reset_waits_for_a_restart_whatever_the_link_says),
		cmocka_unit_test(n209_recovering_is_neither_used_nor_restarted_by_us),
		cmocka_unit_test(n209_what_was_removed_never_comes_back),
		cmocka_unit_test(any_events_leave_a_state_that_has_a_way_out),
	};

	return cmocka_run_group_tests_name("nic_event", tests, NULL, NULL);
}
