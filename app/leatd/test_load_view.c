/* SPDX-License-Identifier: BSD-3-Clause */

/* What a second of a load has as planned, when the run is stopped in it. */

#include "load_view.h"

#include "base_time.h"
#include "test_said.h"

#define START (10 * TIME_S)

static struct plane plane;
static struct load_options options;
static struct load_need need;
static struct load_result result;
static struct load_second second[4];
static struct load_view view;

/* The control thread is not here: counters are what a test says. */
void leat_plane_ask_each(struct plane *p, void (*also)(void *arg), void *first, size_t size)
{
	(void)p;
	(void)also;
	(void)first;
	(void)size;
}

/* begin has 100 a second planned for ten. */
static int begin(void **state)
{
	(void)state;
	leat_load_result_init(&result, second, 4);
	options = (struct load_options){
		.rate_milli = 100000, .duration_ns = 10 * TIME_S, .segment = 1, .segment_cnt = 1};
	need = (struct load_need){.load.plan = {.rate_milli = 100000, .duration_ns = 10 * TIME_S}};
	view = (struct load_view){.o = &options,
		.need = &need,
		.plane = &plane,
		.r = &result,
		.start_at = START,
		.before_at = START};
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++) {
		leat_hist_clear(&view.hist[i]);
		leat_hist_clear(&view.before_hist[i]);
	}
	return 0;
}

/* began is that so many were due, and begun, as far as the shards know. */
static const struct load_second *began(uint64_t cnt, uint64_t at)
{
	view.counters.planned = view.counters.started = cnt;
	return leat_load_view_second(&view, START + at);
}

static void a_second_that_is_cut_short_has_its_own_part_of_the_plan(void **state)
{
	(void)state;
	assert_int_equal(began(99, TIME_S)->planned, 100); /* the shard is late by one */
	result.ran_ns = TIME_S + 500 * TIME_MS;
	const struct load_second *s = began(150, 3 * TIME_S); /* when all was closed */
	assert_int_equal(s->planned, 50);
	assert_int_equal(s->started, 51);
}

static void what_was_stopped_before_all_due_were_told_has_nothing_planned(void **state)
{
	(void)state;
	assert_int_equal(began(99, TIME_S)->planned, 100);
	result.ran_ns = TIME_S;
	assert_int_equal(began(99, 2 * TIME_S)->planned, 0);
}

static void a_plan_that_ran_to_its_end_is_planned_whole(void **state)
{
	(void)state;
	assert_int_equal(began(990, 10 * TIME_S)->planned, 1000);
	result.ran_ns = 10 * TIME_S;
	const struct load_second *s = began(1000, 11 * TIME_S);
	assert_int_equal(s->planned, 0);
	assert_int_equal(s->started, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_second_that_is_cut_short_has_its_own_part_of_the_plan, begin),
		cmocka_unit_test_setup(
			what_was_stopped_before_all_due_were_told_has_nothing_planned, begin),
		cmocka_unit_test_setup(a_plan_that_ran_to_its_end_is_planned_whole, begin),
	};

	return cmocka_run_group_tests_name("load_view", tests, NULL, NULL);
}
