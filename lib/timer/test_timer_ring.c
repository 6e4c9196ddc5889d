/* SPDX-License-Identifier: BSD-3-Clause */
#include "timer_ring.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ID_MAX 64
#define STEPS  1000000

static struct timer_ring *ring_new(uint32_t id_max, uint64_t lasts_for)
{
	void *mem = aligned_alloc(CACHE_LINE, leat_timer_ring_footprint(id_max));

	assert_non_null(mem);
	return leat_timer_ring_new(mem, id_max, lasts_for);
}

static void footprint_refuses_what_it_cannot_hold(void **state)
{
	(void)state;
	assert_int_equal(leat_timer_ring_footprint(0), 0);
	assert_int_equal(leat_timer_ring_footprint((1u << 31) + 1), 0);
	assert_in_range(leat_timer_ring_footprint(1u << 31), (UINT64_C(1) << 35) + 16,
		(UINT64_C(1) << 35) + 320);
}

static void a_new_ring_runs_nothing(void **state)
{
	struct timer_ring *r = ring_new(1, TIME_S);
	uint32_t id[1];

	(void)state;
	assert_int_equal(leat_timer_ring_cnt(r), 0);
	assert_false(leat_timer_ring_runs(r, 0));
	assert_true(leat_timer_ring_deadline(r, 0) == TIME_NEVER);
	assert_true(leat_timer_ring_next(r) == TIME_NEVER);
	assert_int_equal(leat_timer_ring_expire(r, TIME_NEVER - 1, id, 1), 0);
	free(r);
}

static void a_timer_expires_at_its_instant_and_not_one_ns_before(void **state)
{
	struct timer_ring *r = ring_new(4, 60 * TIME_S);
	uint32_t id[4];

	(void)state;
	leat_timer_ring_start(r, 2, 1000);
	assert_true(leat_timer_ring_next(r) == 60 * TIME_S + 1000);
	assert_int_equal(leat_timer_ring_expire(r, 60 * TIME_S + 999, id, 4), 0);
	assert_int_equal(leat_timer_ring_expire(r, 60 * TIME_S + 1000, id, 4), 1);
	assert_int_equal(id[0], 2);
	assert_false(leat_timer_ring_runs(r, 2));
	free(r);
}

static void a_restart_puts_the_timer_at_the_back(void **state)
{
	struct timer_ring *r = ring_new(4, 100);
	uint32_t id[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		leat_timer_ring_start(r, i, 0);
	leat_timer_ring_start(r, 1, 0);
	assert_int_equal(leat_timer_ring_cnt(r), 4);
	assert_int_equal(leat_timer_ring_expire(r, 100, id, 3), 3);
	assert_int_equal(id[0], 0);
	assert_int_equal(id[1], 2);
	assert_int_equal(id[2], 3);
	assert_int_equal(leat_timer_ring_expire(r, 100, id, 3), 1);
	assert_int_equal(id[0], 1);
	free(r);
}

static void a_timer_of_no_length_is_due_at_once(void **state)
{
	struct timer_ring *r = ring_new(2, 0);
	uint32_t id[2];

	(void)state;
	leat_timer_ring_start(r, 1, 7);
	leat_timer_ring_start(r, 0, 7);
	assert_int_equal(leat_timer_ring_expire(r, 7, id, 0), 0);
	assert_int_equal(leat_timer_ring_expire(r, 7, id, 2), 2);
	assert_int_equal(id[0], 1);
	assert_int_equal(id[1], 0);
	free(r);
}

/* The model: the running timers in order of start, moved up when one leaves. */
struct model {
	uint32_t id[ID_MAX];
	uint64_t at[ID_MAX];
	uint32_t cnt;
};

static void model_stop(struct model *m, uint32_t id)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->cnt; i++) {
		if (m->id[i] == id)
			continue;
		m->id[kept] = m->id[i];
		m->at[kept++] = m->at[i];
	}
	m->cnt = kept;
}

static void model_start(struct model *m, uint32_t id, uint64_t at)
{
	model_stop(m, id);
	m->id[m->cnt] = id;
	m->at[m->cnt++] = at;
}

static void expire_both(struct timer_ring *r, struct model *m, uint64_t now, uint32_t max)
{
	uint32_t id[ID_MAX];
	uint32_t cnt = leat_timer_ring_expire(r, now, id, max);

	for (uint32_t i = 0; i < cnt; i++) {
		assert_true(m->cnt != 0 && m->at[0] <= now);
		assert_int_equal(id[i], m->id[0]);
		model_stop(m, id[i]);
	}
	assert_true(cnt == max || m->cnt == 0 || m->at[0] > now);
}

static void a_fifth_length_is_refused_and_a_known_one_found(void **state)
{
	struct timer_ring *r = ring_new(2, 100);

	(void)state;
	assert_int_equal(leat_timer_ring_length(r, 100), 0);
	for (uint32_t i = 1; i < TIMER_RING_LENGTHS; i++)
		assert_int_equal(leat_timer_ring_length(r, 100 + i), i);
	assert_int_equal(leat_timer_ring_length(r, 200), TIMER_RING_LENGTHS);
	assert_int_equal(leat_timer_ring_length(r, 102), 2);
	assert_true(leat_timer_ring_lasts(r, 3) == 103);
	free(r);
}

/* Sorted by the model as they come: at one instant the length of the lower number is first. */
static void timers_of_several_lengths_expire_in_order(void **state)
{
	const uint64_t lasts[TIMER_RING_LENGTHS] = {1000, 7, 250, 5000}, seed = 20220916;
	struct timer_ring *r = ring_new(ID_MAX, lasts[0]);
	uint64_t at[ID_MAX], now = 0, last = 0;
	uint32_t id[ID_MAX], running = 0;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (uint32_t i = 0; i < ID_MAX; i++)
		at[i] = TIME_NEVER;
	for (uint32_t i = 0; i < TIMER_RING_LENGTHS; i++)
		assert_int_equal(leat_timer_ring_length(r, lasts[i]), i);
	for (uint32_t step = 0; step < STEPS / 4; step++) {
		uint32_t i = leat_prng_below(&p, ID_MAX), length = leat_prng_below(&p, 4);

		if (leat_prng_below(&p, 4) != 0) {
			running += at[i] == TIME_NEVER;
			at[i] = now + lasts[length];
			leat_timer_ring_start_length(r, i, length, now);
		} else {
			now += leat_prng_below(&p, 50);
		}
		uint32_t cnt = leat_timer_ring_expire(r, now, id, leat_prng_below(&p, 8));
		for (uint32_t k = 0; k < cnt; k++) {
			assert_in_range(at[id[k]], k ? last : 0, now);
			last = at[id[k]];
			at[id[k]] = TIME_NEVER;
		}
		running -= cnt;
		uint64_t least = TIME_NEVER, firsts = TIME_NEVER;
		for (uint32_t k = 0; k < ID_MAX; k++)
			least = u64_min(least, at[k]);
		for (uint32_t k = 0; k < TIMER_RING_LENGTHS; k++) {
			uint32_t one = leat_timer_ring_first(r, k, UINT32_MAX);

			firsts = u64_min(firsts, one < ID_MAX ? at[one] : TIME_NEVER);
		}
		assert_true(firsts == least);
		assert_true(leat_timer_ring_next(r) == least);
		assert_int_equal(leat_timer_ring_cnt(r), running);
	}
	free(r);
}

/* The next to expire, and the next but one when that is spared. */
static void firsts(const struct timer_ring *r, const struct model *m)
{
	uint32_t nobody = UINT32_MAX, spared = m->cnt > 0 ? m->id[0] : nobody;

	if (m->cnt > 0)
		assert_int_equal(leat_timer_ring_first(r, 0, nobody), m->id[0]);
	if (m->cnt > 1) {
		assert_int_equal(leat_timer_ring_first(r, 0, spared), m->id[1]);
		assert_int_equal(leat_timer_ring_first(r, 0, m->id[1]), m->id[0]);
	} else {
		assert_true(leat_timer_ring_first(r, 0, spared) >= ID_MAX);
	}
	assert_true(leat_timer_ring_first(r, 1, nobody) >= ID_MAX); /* there is no such length */
}

static void a_random_life_equals_the_model(void **state)
{
	const uint64_t lasts_for = 1000, seed = 20220915;
	struct timer_ring *r = ring_new(ID_MAX, lasts_for);
	struct model m = {.cnt = 0};
	struct prng p;
	uint64_t now = UINT64_C(1) << 63;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t id = leat_prng_below(&p, ID_MAX);

		switch (leat_prng_below(&p, 8)) {
		case 0:
			leat_timer_ring_stop(r, id);
			model_stop(&m, id);
			break;
		case 1:
			now += leat_prng_below(&p, 200);
			expire_both(r, &m, now, leat_prng_below(&p, 8));
			break;
		case 2:
			now = u64_max(now, m.cnt ? m.at[0] : now);
			expire_both(r, &m, now, 1);
			break;
		default:
			leat_timer_ring_start(r, id, now);
			model_start(&m, id, now + lasts_for);
		}
		assert_int_equal(leat_timer_ring_cnt(r), m.cnt);
		assert_true(leat_timer_ring_next(r) == (m.cnt ? m.at[0] : TIME_NEVER));
		firsts(r, &m);
	}
	free(r);
}

static void two_rings_share_links_within_the_records_of_others(void **state)
{
	struct {
		uint64_t before;
		struct timer_link link;
		uint64_t behind;
	} record[3 + 2 * TIMER_RING_LENGTHS];
	void *mem[2];
	struct timer_ring *r[2];
	uint32_t id[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		record[i].before = record[i].behind = i;
		record[i].link = (struct timer_link){.expires_at = TIME_NEVER};
	}
	for (uint32_t i = 0; i < 2; i++) {
		mem[i] = aligned_alloc(
			CACHE_LINE, (leat_timer_ring_within_footprint() + CACHE_LINE - 1) &
					    ~(CACHE_LINE - 1UL));
		const struct timer_within within = {
			&record[0].link, sizeof(record[0]), 3, 3 + i * TIMER_RING_LENGTHS};
		r[i] = leat_timer_ring_new_within(mem[i], &within, (i + 1) * TIME_S);
	}
	leat_timer_ring_start(r[0], 0, 5);
	leat_timer_ring_start(r[1], 1, 5);
	leat_timer_ring_start(r[0], 2, 6);
	leat_timer_ring_stop(r[0], 0);
	leat_timer_ring_start(r[1], 0, 7);
	assert_int_equal(leat_timer_ring_cnt(r[0]), 1);
	assert_int_equal(leat_timer_ring_cnt(r[1]), 2);
	assert_int_equal(leat_timer_ring_expire(r[0], 3 * TIME_S, id, 3), 1);
	assert_int_equal(id[0], 2);
	assert_int_equal(leat_timer_ring_expire(r[1], 3 * TIME_S, id, 3), 2);
	assert_int_equal(id[0], 1);
	assert_int_equal(id[1], 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(record[i].before == i && record[i].behind == i);
		assert_true(record[i].link.expires_at == TIME_NEVER);
	}
	free(mem[0]);
	free(mem[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(footprint_refuses_what_it_cannot_hold),
		cmocka_unit_test(a_new_ring_runs_nothing),
		cmocka_unit_test(a_timer_expires_at_its_instant_and_not_one_ns_before),
		cmocka_unit_test(a_restart_puts_the_timer_at_the_back),
		cmocka_unit_test(a_timer_of_no_length_is_due_at_once),
		cmocka_unit_test(a_fifth_length_is_refused_and_a_known_one_found),
		cmocka_unit_test(timers_of_several_lengths_expire_in_order),
		cmocka_unit_test(two_rings_share_links_within_the_records_of_others),
		cmocka_unit_test(a_random_life_equals_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
