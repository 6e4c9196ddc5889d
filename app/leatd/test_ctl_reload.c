/* SPDX-License-Identifier: BSD-3-Clause */

/* A change, brought to shards of which one stands still from then on. */

#include "base_bits.h"
#include "ctl.h"
#include "test_said.h"

#define SHARDS 3
#define HANG_S 60

struct options {
	uint64_t body;
};

static const struct opt_row row[] = {{.name = "body",
	.kind = OPT_KIND_NUMBER,
	.at = offsetof(struct options, body),
	.to = 1000,
	.metavar = "N"}};

static void defaults(void *options)
{
	*(struct options *)options = (struct options){0};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	(void)options;
	(void)given;
	(void)why;
	(void)size;
	return true;
}

static const struct opt_verb verb = {.name = "serve",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check};

/* A shard turns until it was looked at so often; what it is given then, lies in its box. */
static struct fake {
	uint32_t looks, still_after;
	struct shard_walk *held;
	uint64_t body; /* that it has */
} fake[SHARDS];

static uint64_t adopted;
static struct plane plane = {.shard_cnt = SHARDS};

static bool turns(const struct fake *f)
{
	return f->looks < f->still_after;
}

bool leat_ctl_turns(struct ctl *c, uint32_t shard)
{
	(void)c;
	return fake[shard].looks++ < fake[shard].still_after;
}

static void do_walk(struct shard_walk *w, bool busy)
{
	w->busy = busy;
	if (!busy)
		assert_false(w->step(w->arg, NULL, 0));
	atomic_store(&w->answered, true);
}

bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter)
{
	(void)c;
	if (turns(&fake[shard])) {
		do_walk(letter.what, false);
		return true;
	}
	assert_null(fake[shard].held);
	fake[shard].held = letter.what;
	return true;
}

static bool may(const void *options, char *why, size_t size)
{
	(void)options;
	(void)why;
	(void)size;
	return true;
}

static void apply(const void *options, uint32_t shard, struct leat_stack *s)
{
	(void)s;
	fake[shard].body = ((const struct options *)options)->body;
}

static void adopt(const void *options)
{
	adopted = ((const struct options *)options)->body;
}

static const char *const live[] = {"body", NULL};
static const struct ctl_role role = {.verb = "serve",
	.options = &verb,
	.options_octets = sizeof(struct options),
	.live = live,
	.may = may,
	.apply = apply,
	.adopt = adopt};
static struct ctl ctl = {.plane = &plane, .role = &role, .changing = PTHREAD_MUTEX_INITIALIZER};

static const char *said(const char *question)
{
	static char text[512];
	struct ctl_client client = {.ctl = &ctl};

	alarm(HANG_S);
	said_to(&client, leat_ctl_reload, question, text, sizeof(text));
	alarm(0);
	return text;
}

/* goes_on: the shard turns again, and reads its box. */
static void goes_on(struct fake *f, bool busy)
{
	struct shard_walk *w = f->held;

	assert_non_null(w);
	f->held = NULL;
	f->still_after = UINT32_MAX;
	do_walk(w, busy);
}

static int begin(void **state)
{
	static struct opt_line none;

	(void)state;
	none = (struct opt_line){0};
	leat_ctl_told(&none);
	for (uint32_t i = 0; i < SHARDS; i++)
		fake[i] = (struct fake){.still_after = UINT32_MAX};
	adopted = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	leat_ctl_change_free(ctl.change);
	ctl.change = NULL;
	return 0;
}

/* stall: the second shard turns when it is asked whether it does, and no more after. */
static void stall(void)
{
	fake[1].still_after = 1;
	assert_string_equal(said("--body=7"),
		"ok\nchanged: body\n"
		"note: shard 1 does not turn; it will have it when it turns again\n");
	assert_int_equal(fake[0].body, 7);
	assert_int_equal(fake[1].body, 0);
	assert_int_equal(fake[2].body, 7);
	assert_int_equal(adopted, 7);
}

static void all_have_a_change_in_their_next_turn(void **state)
{
	(void)state;
	assert_string_equal(said("--body=5"), "ok\nchanged: body\n");
	for (uint32_t i = 0; i < SHARDS; i++)
		assert_int_equal(fake[i].body, 5);
	assert_string_equal(said("--body=5"), "ok\nnothing has changed\n");
}

static void a_shard_that_stops_meanwhile_is_named_and_has_it_when_it_turns(void **state)
{
	(void)state;
	stall();
	assert_int_equal(pthread_mutex_trylock(&ctl.changing), 0);
	pthread_mutex_unlock(&ctl.changing);
	assert_string_equal(
		said("--body=8"), "no 5 - a shard that does not turn has the last change still\n");
	goes_on(&fake[1], false);
	assert_int_equal(fake[1].body, 7);
	assert_string_equal(said("--body=8"), "ok\nchanged: body\n");
	assert_int_equal(fake[1].body, 8);
}

static void one_that_is_busy_then_is_given_it_again(void **state)
{
	(void)state;
	stall();
	leat_ctl_change_sweep(&ctl); /* its letter is in its box still */
	goes_on(&fake[1], true);
	assert_int_equal(fake[1].body, 0);
	leat_ctl_change_sweep(&ctl);
	assert_int_equal(fake[1].body, 7);
	leat_ctl_change_sweep(&ctl);
	assert_null(fake[1].held);
}

static void nothing_is_begun_while_one_does_not_turn(void **state)
{
	(void)state;
	fake[2].still_after = 0;
	assert_string_equal(
		said("--body=5"), "no 5 - shard 2 does not turn; nothing was changed\n");
	assert_int_equal(fake[0].body, 0);
	assert_int_equal(adopted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_have_a_change_in_their_next_turn, begin, end),
		cmocka_unit_test_setup_teardown(
			a_shard_that_stops_meanwhile_is_named_and_has_it_when_it_turns, begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_is_busy_then_is_given_it_again, begin, end),
		cmocka_unit_test_setup_teardown(
			nothing_is_begun_while_one_does_not_turn, begin, end),
	};

	return cmocka_run_group_tests_name("ctl_reload", tests, NULL, NULL);
}
