/* SPDX-License-Identifier: BSD-3-Clause */

/* `rate`, while one of two shards stands still. */

#include "load_intent.h"

#include "base_time.h"
#include "ctl.h"
#include "sight.h"
#include "test_said.h"

#include <sched.h>

#define SHARDS 2
#define START  (10 * TIME_S)

/* A shard, and what it was told last. */
static struct fake {
	bool stands;
	void (*owed)(void *arg); /* of the letter that it did not read yet */
	void *arg;
	uint64_t rate_milli, from_ns, held;
} fake[SHARDS];

static struct plane plane;
static struct load_view_shard shard[SHARDS];
static struct load_result result;
static struct load_options options;
static struct load_need need;
static struct load_view view;
static uint64_t now;
static char said[2048];

uint64_t leat_plane_now(struct plane *p)
{
	(void)p;
	return now;
}

void leat_plane_ask_each(struct plane *p, void (*also)(void *arg), void *first, size_t size)
{
	for (uint32_t i = 0; i < SHARDS; i++) {
		void *arg = (char *)first + i * size;

		p->shard[i].heard = !fake[i].stands;
		p->shard[i].asked = fake[i].stands;
		fake[i].owed = fake[i].stands ? also : NULL;
		fake[i].arg = arg;
		if (!fake[i].stands)
			also(arg);
	}
}

/* A load is what it was told. */
void leat_load_change(struct load *load, uint64_t from_ns, uint64_t rate_milli)
{
	struct fake *f = (void *)load;

	f->from_ns = from_ns;
	f->rate_milli = rate_milli;
}

void leat_load_hold(struct load *load, uint32_t cnt)
{
	struct fake *f = (void *)load;

	f->held = cnt;
}

uint64_t leat_load_need_pairs(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli)
{
	(void)o;
	(void)n;
	(void)rate_milli;
	return 0;
}

uint64_t leat_load_need_waiting(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli)
{
	return leat_load_need_pairs(o, n, rate_milli);
}

void leat_sight_rate(struct sight *s, uint64_t rate_milli)
{
	(void)s;
	(void)rate_milli;
}

static int begin(void **state)
{
	(void)state;
	now = START;
	plane = (struct plane){.shard_cnt = SHARDS};
	result = (struct load_result){0};
	options = (struct load_options){.concurrency = 100};
	need = (struct load_need){.load.plan = {.rate_milli = 1000, .duration_ns = 1000 * TIME_S}};
	view = (struct load_view){.o = &options,
		.need = &need,
		.plane = &plane,
		.r = &result,
		.shard = shard,
		.start_at = START};
	for (uint32_t i = 0; i < SHARDS; i++) {
		fake[i] = (struct fake){0};
		shard[i] = (struct load_view_shard){.load = (void *)&fake[i]};
		plane.shard[i].heard = true;
	}
	leat_load_intent_look(&view, &need); /* from now on there is a plan */
	return 0;
}

struct question {
	const char *words;
	atomic_bool answered;
};

static void *ask(void *arg)
{
	static const struct ctl_role role = {.verb = "load"};
	static struct ctl ctl = {.role = &role, .changing = PTHREAD_MUTEX_INITIALIZER};
	struct question *w = arg;
	struct ctl_client q = {.ctl = &ctl};

	said_to(&q, leat_ctl_rate, w->words, said, sizeof(said));
	atomic_store(&w->answered, true);
	return NULL;
}

/* rate asks, while the control thread looks. */
static void rate(const char *words)
{
	struct question q = {.words = words};
	pthread_t thread;

	now += TIME_S;
	assert_int_equal(pthread_create(&thread, NULL, ask, &q), 0);
	while (!atomic_load(&q.answered)) {
		leat_load_intent_look(&view, &need);
		sched_yield();
	}
	pthread_join(thread, NULL);
}

/* wake has a shard read what it was told. */
static void wake(uint32_t i)
{
	fake[i].stands = false;
	plane.shard[i].asked = false;
	plane.shard[i].heard = true;
	if (fake[i].owed != NULL)
		fake[i].owed(fake[i].arg);
	fake[i].owed = NULL;
}

/* Who stands still after the last look is told, named, and does that and nothing else. */
static void change_twice(const char *first, const char *second)
{
	fake[1].stands = true;
	rate(first);
	assert_memory_equal(said, "ok\n", 3);
	assert_non_null(
		strstr(said, "note: shard 1 does not turn; it will do it when it turns again\n"));
	assert_null(strstr(said, "shard 0"));
	rate(second);
	assert_string_equal(said, "no 5 - shard 1 does not turn; nothing was changed\n");
	wake(1);
	assert_int_equal(result.intent.change_cnt, 1);
}

static void a_shard_that_wakes_comes_to_the_rate_that_was_taken(void **state)
{
	(void)state;
	options.rate_milli = 1000;
	change_twice("100", "50");
	for (uint32_t i = 0; i < SHARDS; i++) {
		assert_int_equal(fake[i].rate_milli, 100000);
		assert_int_equal(fake[i].from_ns, need.load.plan.leg[0].from_ns);
	}
	assert_int_equal(need.load.plan.leg_cnt, 1);
	assert_int_equal(need.load.plan.leg[0].rate_milli, 100000);
}

static void a_shard_that_wakes_holds_as_many_as_were_taken(void **state)
{
	(void)state;
	change_twice("80", "20");
	assert_int_equal(fake[0].held + fake[1].held, 80);
	rate("31");
	assert_string_equal(said, "ok\nheld in flight: 31\n");
	assert_int_equal(fake[0].held, 16);
	assert_int_equal(fake[1].held, 15);
}

static void what_is_no_rate_changes_nothing_that_shards_look_at(void **state)
{
	(void)state;
	fake[1].stands = true;
	rate("80");
	rate("101");
	assert_memory_equal(said, "no 1 ", 5);
	wake(1);
	assert_int_equal(fake[1].held, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_shard_that_wakes_comes_to_the_rate_that_was_taken, begin),
		cmocka_unit_test_setup(a_shard_that_wakes_holds_as_many_as_were_taken, begin),
		cmocka_unit_test_setup(what_is_no_rate_changes_nothing_that_shards_look_at, begin),
	};

	return cmocka_run_group_tests_name("load_intent", tests, NULL, NULL);
}
