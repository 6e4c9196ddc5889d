/* SPDX-License-Identifier: BSD-3-Clause */
#include "timer_wheel.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOT(level) (UINT64_C(1) << (17 + 8 * (level))) /* ns; SLOT(4) is the horizon */
#define DAY         (24 * 3600 * TIME_S)
#define EPOCH       (UINT64_C(1) << 63)

static struct timer_wheel *wheel_new(uint32_t id_max, uint64_t now)
{
	void *mem = aligned_alloc(CACHE_LINE, leat_timer_wheel_footprint(id_max));

	assert_non_null(mem);
	return leat_timer_wheel_new(mem, id_max, now);
}

static void footprint_refuses_what_it_cannot_hold(void **state)
{
	(void)state;
	assert_int_equal(leat_timer_wheel_footprint(0), 0);
	assert_int_equal(leat_timer_wheel_footprint((1u << 30) + 1), 0);
	assert_in_range(leat_timer_wheel_footprint(1u << 30), UINT64_C(28) << 30,
		(UINT64_C(28) << 30) + 8192);
}

static void a_new_wheel_has_no_timer(void **state)
{
	struct timer_wheel *w = wheel_new(1, EPOCH);
	uint32_t id[1];

	(void)state;
	assert_int_equal(leat_timer_wheel_cnt(w), 0);
	assert_true(leat_timer_wheel_next(w) == TIME_NEVER);
	assert_true(leat_timer_wheel_deadline(w, 0) == TIME_NEVER);
	leat_timer_wheel_stop(w, 0);
	assert_int_equal(leat_timer_wheel_expire(w, TIME_NEVER - 1, id, 1), 0);
	assert_int_equal(leat_timer_wheel_cnt(w), 0);
	free(w);
}

/* Fires exactly one timer, id, at the instant at and not 1 ns before. */
static void assert_fires(struct timer_wheel *w, uint64_t at, uint32_t id)
{
	uint32_t got[4];

	assert_true(leat_timer_wheel_next(w) == at);
	assert_int_equal(leat_timer_wheel_expire(w, at - 1, got, 4), 0);
	assert_int_equal(leat_timer_wheel_expire(w, at, got, 4), 1);
	assert_int_equal(got[0], id);
}

static void equal_deadlines_fire_in_order_of_arming(void **state)
{
	struct timer_wheel *w = wheel_new(4, 0);
	uint32_t id[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		leat_timer_wheel_set(w, i, TIME_S);
	leat_timer_wheel_set(w, 0, TIME_S);
	leat_timer_wheel_set(w, 2, 2 * TIME_S);
	leat_timer_wheel_set(w, 2, TIME_S);
	assert_int_equal(leat_timer_wheel_expire(w, TIME_S, id, 4), 4);
	assert_int_equal(id[0], 1);
	assert_int_equal(id[1], 3);
	assert_int_equal(id[2], 0);
	assert_int_equal(id[3], 2);
	free(w);
}

static void deadlines_of_the_past_are_due_at_once_in_their_own_order(void **state)
{
	struct timer_wheel *w = wheel_new(3, EPOCH);
	uint32_t id[3];

	(void)state;
	leat_timer_wheel_set(w, 0, EPOCH - 5);
	leat_timer_wheel_set(w, 1, 0);
	leat_timer_wheel_set(w, 2, EPOCH - DAY);
	assert_true(leat_timer_wheel_next(w) == 0);
	assert_int_equal(leat_timer_wheel_expire(w, EPOCH, id, 3), 3);
	assert_int_equal(id[0], 1);
	assert_int_equal(id[1], 2);
	assert_int_equal(id[2], 0);
	free(w);
}

static void a_timer_stopped_while_it_waits_never_fires_and_can_be_armed_again(void **state)
{
	struct timer_wheel *w = wheel_new(2, EPOCH);

	(void)state;
	leat_timer_wheel_set(w, 0, EPOCH + TIME_S);
	leat_timer_wheel_set(w, 1, EPOCH + 2 * TIME_S);
	leat_timer_wheel_stop(w, 0);
	assert_int_equal(leat_timer_wheel_cnt(w), 1);
	assert_true(leat_timer_wheel_deadline(w, 0) == TIME_NEVER);
	assert_fires(w, EPOCH + 2 * TIME_S, 1);
	leat_timer_wheel_set(w, 1, EPOCH + DAY);
	leat_timer_wheel_stop(w, 1);
	leat_timer_wheel_set(w, 1, EPOCH + 3 * TIME_S);
	assert_int_equal(leat_timer_wheel_cnt(w), 1);
	assert_fires(w, EPOCH + 3 * TIME_S, 1);
	assert_int_equal(leat_timer_wheel_cnt(w), 0);
	assert_true(leat_timer_wheel_next(w) == TIME_NEVER);
	free(w);
}

/* An expiry that comes days late still fires by deadline, and then finds the rest in its place. */
static void a_jump_of_days_keeps_the_order(void **state)
{
	enum {
		CNT = 1000
	};
	struct timer_wheel *w = wheel_new(CNT, EPOCH);
	uint32_t id[CNT];

	(void)state;
	for (uint32_t i = 0; i < CNT; i++)
		leat_timer_wheel_set(w, (i * 7) % CNT, EPOCH + (i + 1) * DAY / 50);
	assert_int_equal(leat_timer_wheel_expire(w, EPOCH + 10 * DAY, id, CNT), 500);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(id[i], (i * 7) % CNT);
	assert_true(leat_timer_wheel_next(w) == EPOCH + 501 * DAY / 50);
	assert_int_equal(leat_timer_wheel_expire(w, EPOCH + 365 * DAY, id, CNT), 500);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(id[i], ((i + 500) * 7) % CNT);
	free(w);
}

/* Five hundred years, a day at a time, with a timer for every year: if time were ticked through,
 * this would be 2^46 ticks. */
static void empty_time_costs_nothing(void **state)
{
	struct timer_wheel *w = wheel_new(1, 0);
	uint32_t id[1], fired = 0;
	uint64_t year = 365 * DAY;

	(void)state;
	for (uint64_t now = 0; now <= 500 * year; now += DAY) {
		fired += leat_timer_wheel_expire(w, now, id, 1);
		if (now % year == 0)
			leat_timer_wheel_set(w, 0, now + year - 1);
	}
	assert_int_equal(fired, 500);
	free(w);
}

/* What the wheel does, in a plain array that is searched from end to end. */
enum {
	MODEL_MAX = 256
};

struct model {
	uint64_t at[MODEL_MAX], order[MODEL_MAX], orders;
	uint32_t id_max, cnt;
};

static void model_init(struct model *m, uint32_t id_max)
{
	*m = (struct model){.id_max = id_max};
	memset(m->at, 0xff, sizeof(m->at));
}

static void model_set(struct model *m, uint32_t id, uint64_t at)
{
	m->cnt += m->at[id] == TIME_NEVER;
	m->at[id] = at;
	m->order[id] = ++m->orders;
}

static void model_stop(struct model *m, uint32_t id)
{
	m->cnt -= m->at[id] != TIME_NEVER;
	m->at[id] = TIME_NEVER;
}

static uint32_t model_first(const struct model *m)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i < m->id_max; i++)
		if (m->at[i] < m->at[first] ||
			(m->at[i] == m->at[first] && m->order[i] < m->order[first]))
			first = i;
	return first;
}

struct pair {
	struct timer_wheel *w;
	struct model m;
	struct prng p;
	uint64_t now;
	uint64_t fired_cnt;
};

static uint32_t expire_both(struct pair *b, uint64_t now, uint32_t max)
{
	uint32_t id[MODEL_MAX];
	uint32_t cnt = leat_timer_wheel_expire(b->w, now, id, max);

	b->now = now;
	b->fired_cnt += cnt;
	assert_true(cnt <= max);
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t first = model_first(&b->m);

		assert_int_equal(id[i], first);
		assert_true(b->m.at[first] <= now);
		assert_true(leat_timer_wheel_deadline(b->w, first) == TIME_NEVER);
		model_stop(&b->m, first);
	}
	assert_true(cnt == max || b->m.at[model_first(&b->m)] > now);
	return cnt ? id[cnt - 1] : 0;
}

/* A span of time with the edges of slots among them: 0, 1 ns, a slot or a turn of any level less
 * one, or exactly, or more by one; or anything below such a span. */
static uint64_t random_span(struct prng *p, uint32_t level_max)
{
	uint32_t level = leat_prng_below(p, level_max + 1);
	uint64_t slot = SLOT(level);

	switch (leat_prng_below(p, 6)) {
	case 0:
		return leat_prng_below(p, 2);
	case 1:
		return slot - 1 + leat_prng_below(p, 3);
	case 2:
		return slot * (1 + leat_prng_below(p, level == 4 ? 3 : 300)) - 1 +
		       leat_prng_below(p, 3);
	default:
		return leat_prng_next(p) % slot;
	}
}

static void set_both(struct pair *b, uint32_t id, uint32_t level_max)
{
	uint64_t from =
		b->m.at[id] != TIME_NEVER && leat_prng_below(&b->p, 2) ? b->m.at[id] : b->now;
	uint64_t span = random_span(&b->p, level_max);
	uint64_t at = leat_prng_below(&b->p, 8) ? from + span : from - u64_min(span, from);

	leat_timer_wheel_set(b->w, id, at);
	model_set(&b->m, id, at);
}

static void step_both(struct pair *b, uint32_t level_max)
{
	uint32_t id = leat_prng_below(&b->p, b->m.id_max), kind = leat_prng_below(&b->p, 16);
	uint32_t max = leat_prng_below(&b->p, 6);
	uint64_t next = b->m.at[model_first(&b->m)];

	if (kind < 7) {
		set_both(b, id, level_max);
	} else if (kind < 9) {
		leat_timer_wheel_stop(b->w, id);
		model_stop(&b->m, id);
	} else if (kind < 12) {
		expire_both(b, b->now + random_span(&b->p, level_max) / 4, max);
	} else if (kind < 14 && next != TIME_NEVER && next > b->now) {
		expire_both(b, next - 1, max);
		id = expire_both(b, next, 1);
		set_both(b, id, level_max);
	} else {
		expire_both(b, b->now, max);
	}
	assert_true(leat_timer_wheel_deadline(b->w, id) == b->m.at[id]);
	assert_int_equal(leat_timer_wheel_cnt(b->w), b->m.cnt);
	next = b->m.at[model_first(&b->m)];
	assert_true(leat_timer_wheel_due(b->w, b->now) == (next <= b->now ? next : TIME_NEVER));
	if (leat_prng_below(&b->p, 3) == 0)
		assert_true(leat_timer_wheel_next(b->w) == b->m.at[model_first(&b->m)]);
}

static void live_both(uint64_t epoch, uint32_t id_max, uint32_t level_max, uint32_t steps)
{
	static uint64_t seed = 1988;
	struct pair b = {.w = wheel_new(id_max, epoch), .now = epoch};

	print_message("# seed %llu epoch %llu ids %u levels %u\n", (unsigned long long)++seed,
		(unsigned long long)epoch, id_max, level_max);
	model_init(&b.m, id_max);
	leat_prng_seed(&b.p, seed);
	while (steps-- && b.now < UINT64_C(15) << 60)
		step_both(&b, level_max);
	assert_true(b.fired_cnt > 1000);
	while (b.m.cnt)
		expire_both(&b, u64_max(b.now, leat_timer_wheel_next(b.w)), 7);
	assert_true(leat_timer_wheel_next(b.w) == TIME_NEVER);
	free(b.w);
}

static void a_random_life_equals_the_model(void **state)
{
	static const uint64_t epoch[] = {0, 1, SLOT(1) - 1, SLOT(4) - 1, SLOT(4) - 5 * TIME_S,
		EPOCH - TIME_S, EPOCH, EPOCH + 1};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(epoch); i++) {
		for (uint32_t level_max = 0; level_max <= 4; level_max++)
			live_both(epoch[i], 16, level_max, 120000);
		live_both(epoch[i], 1, 2, 20000);
		live_both(epoch[i], MODEL_MAX, 2, 10000);
	}
}

/* Timers that are pushed back and back, as by ACKs, while next() is asked each time. */
static void timers_moved_later_and_later_equal_the_model(void **state)
{
	struct pair b = {.w = wheel_new(MODEL_MAX, EPOCH), .now = EPOCH};

	(void)state;
	model_init(&b.m, MODEL_MAX);
	leat_prng_seed(&b.p, 7);
	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t id = step % MODEL_MAX;
		uint64_t at = b.now + 200 * TIME_MS;

		leat_timer_wheel_set(b.w, id, at);
		model_set(&b.m, id, at);
		assert_true(leat_timer_wheel_next(b.w) == b.m.at[model_first(&b.m)]);
		expire_both(&b, b.now + leat_prng_below(&b.p, 1600000), 4);
	}
	assert_true(b.fired_cnt > 100);
	free(b.w);
}

/* Writes what fires, when and in which order, relative to the epoch. */
static uint32_t life_from(uint64_t epoch, uint64_t *log, uint32_t log_max)
{
	enum {
		IDS = 50
	};
	struct timer_wheel *w = wheel_new(IDS, epoch);
	struct prng p;
	uint32_t cnt = 0, id[4];

	leat_prng_seed(&p, 202);
	for (uint64_t now = 0; now < 15 * TIME_S; now += leat_prng_below(&p, 3000000)) {
		uint32_t due = leat_timer_wheel_expire(w, epoch + now, id, 4);

		for (uint32_t i = 0; i < due && cnt < log_max; i++)
			log[cnt++] = now << 8 | id[i];
		leat_timer_wheel_set(
			w, leat_prng_below(&p, IDS), epoch + now + leat_prng_below(&p, 1200000000));
		leat_timer_wheel_stop(w, leat_prng_below(&p, IDS));
		if (cnt < log_max)
			log[cnt++] = leat_timer_wheel_cnt(w) ? leat_timer_wheel_next(w) - epoch : 0;
	}
	free(w);
	return cnt;
}

static void n202_five_seconds_before_any_wrap_nothing_changes(void **state)
{
	enum {
		LOG_MAX = 100000
	};
	static uint64_t want[LOG_MAX], got[LOG_MAX];
	const uint64_t wrap = UINT64_C(1) << 33;
	const uint64_t epoch[] = {
		wrap, wrap * TIME_US, wrap * TIME_MS, SLOT(4), SLOT(5), EPOCH, wrap * TIME_S};
	uint32_t cnt = life_from(0, want, LOG_MAX);

	(void)state;
	assert_in_range(cnt, 10000, LOG_MAX - 1);
	for (uint32_t i = 0; i < COUNT_OF(epoch); i++) {
		assert_int_equal(life_from(epoch[i] - 5 * TIME_S, got, LOG_MAX), cnt);
		assert_memory_equal(got, want, cnt * sizeof(*want));
	}
}

static void n203_a_hundred_thousand_due_in_one_tick_drain_by_budget_in_exact_order(void **state)
{
	enum {
		CNT = 100000,
		BUDGET = 32
	};
	struct timer_wheel *w = wheel_new(CNT, EPOCH);
	const uint64_t at = EPOCH + 60 * TIME_S;
	uint32_t id[BUDGET], got = 0, calls = 0, cnt;
	uint64_t last_at = 0, *due_at = calloc(CNT, sizeof(*due_at));
	uint32_t last_id = 0;

	(void)state;
	assert_non_null(due_at);
	for (uint32_t i = 0; i < CNT; i++) {
		due_at[i] = at + i * UINT64_C(2654435761) % 500;
		leat_timer_wheel_set(w, i, due_at[i]);
	}
	while ((cnt = leat_timer_wheel_expire(w, at + 500, id, BUDGET)) != 0) {
		for (uint32_t i = 0; i < cnt; i++) {
			assert_true(due_at[id[i]] > last_at ||
				    (due_at[id[i]] == last_at && id[i] > last_id));
			last_at = due_at[id[i]];
			last_id = id[i];
		}
		got += cnt;
		calls++;
		assert_int_equal(leat_timer_wheel_cnt(w), CNT - got);
	}
	assert_int_equal(got, CNT);
	assert_int_equal(calls, CNT / BUDGET);
	free(due_at);
	free(w);
}

static void n204_set_stop_and_rearm_while_timers_expire_is_exactly_once_or_never(void **state)
{
	struct timer_wheel *w = wheel_new(4, EPOCH);
	const uint64_t now = EPOCH + TIME_MS;
	uint32_t id[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		leat_timer_wheel_set(w, i, now);
	assert_int_equal(leat_timer_wheel_expire(w, now, id, 1), 1);
	assert_int_equal(id[0], 0);
	leat_timer_wheel_stop(w, 0); /* it fired: nothing to stop */
	assert_int_equal(leat_timer_wheel_cnt(w), 3);
	leat_timer_wheel_stop(w, 1);           /* due in this pass: never */
	leat_timer_wheel_set(w, 2, now + DAY); /* due in this pass: later */
	leat_timer_wheel_set(w, 0, now);       /* itself, at once: once more, last */
	assert_int_equal(leat_timer_wheel_expire(w, now, id, 1), 1);
	assert_int_equal(id[0], 3);
	leat_timer_wheel_set(w, 3, now + 1);
	leat_timer_wheel_stop(w, 3);
	assert_int_equal(leat_timer_wheel_expire(w, now, id, 4), 1);
	assert_int_equal(id[0], 0);
	assert_int_equal(leat_timer_wheel_expire(w, now, id, 4), 0);
	assert_fires(w, now + DAY, 2);
	assert_int_equal(leat_timer_wheel_cnt(w), 0);
	free(w);
}

static void n205_delays_at_every_edge_of_the_wheel_fire_exactly_on_time(void **state)
{
	static const uint64_t epoch[] = {0, 1, SLOT(0) - 1, SLOT(3), SLOT(4) - 1, EPOCH};

	(void)state;
	for (uint32_t e = 0; e < COUNT_OF(epoch); e++) {
		uint64_t now = epoch[e];
		struct timer_wheel *w = wheel_new(1, now);

		for (uint32_t edge = 0; edge < 5 * 5 * 2; edge++) {
			uint64_t slot = SLOT(edge / 10) * (edge & 1 ? 255 : 1);
			uint64_t delay = slot - 2 + edge % 10 / 2;

			leat_timer_wheel_set(w, 0, now + delay);
			assert_fires(w, now + delay, 0);
			now += delay;
		}
		for (uint64_t delay = 1; delay < 3; delay++, now++) {
			leat_timer_wheel_set(w, 0, now + 1);
			assert_fires(w, now + 1, 0);
		}
		leat_timer_wheel_set(w, 0, TIME_NEVER - 1);
		assert_fires(w, TIME_NEVER - 1, 0);
		free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(footprint_refuses_what_it_cannot_hold),
		cmocka_unit_test(a_new_wheel_has_no_timer),
		cmocka_unit_test(equal_deadlines_fire_in_order_of_arming),
		cmocka_unit_test(deadlines_of_the_past_are_due_at_once_in_their_own_order),
		cmocka_unit_test(a_timer_stopped_while_it_waits_never_fires_and_can_be_armed_again),
		cmocka_unit_test(a_jump_of_days_keeps_the_order),
		cmocka_unit_test(empty_time_costs_nothing),
		cmocka_unit_test(a_random_life_equals_the_model),
		cmocka_unit_test(timers_moved_later_and_later_equal_the_model),
		cmocka_unit_test(n202_five_seconds_before_any_wrap_nothing_changes),
		cmocka_unit_test(
			n203_a_hundred_thousand_due_in_one_tick_drain_by_budget_in_exact_order),
		cmocka_unit_test(
			n204_set_stop_and_rearm_while_timers_expire_is_exactly_once_or_never),
		cmocka_unit_test(n205_delays_at_every_edge_of_the_wheel_fire_exactly_on_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
