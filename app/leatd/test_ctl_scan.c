/* SPDX-License-Identifier: BSD-3-Clause */

/* A listing, and a kill, asked of shards that read their boxes, or not. */

#include "base_bits.h"
#include "base_prng.h"
#include "ctl.h"
#include "test_said.h"

#define SHARDS 5
#define EACH   3 /* rows of a slice */
#define ROUNDS 300
#define SEED   UINT64_C(42)

/* A shard, and how it will behave: of its box the first puts of each slice are refused, and from
 * some slice on it stands still, with a box that has room or not. */
static struct fake {
	uint32_t slices, refuse, still_at;
	bool full;
	uint32_t refused, given;
	/* For kill: it has so many that match, and one more by the time that some are killed. */
	uint64_t has, killed;
	bool grows;
	uint32_t asked_to_kill;
} fake[SHARDS];

static struct plane plane = {.shard_cnt = SHARDS};
static struct ctl ctl = {.plane = &plane};

bool leat_ctl_turns(struct ctl *c, uint32_t shard)
{
	(void)c;
	return fake[shard].given < fake[shard].still_at;
}

/* kill_some is the answer of a shard to kill. */
static void kill_some(struct fake *f, struct watch_scan *scan)
{
	if (scan->kind == WATCH_SCAN_KILL) {
		f->has += f->grows;
		scan->matched = u64_min(f->has, scan->kill_max);
		f->killed += scan->matched;
	} else {
		scan->matched = f->has;
	}
	scan->walk.seen = 10;
	scan->ended = true;
}

bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter)
{
	struct fake *f = &fake[shard];
	struct shard_walk *w = letter.what;
	struct watch_scan *scan = w->arg;

	f->asked_to_kill += scan->kind == WATCH_SCAN_KILL;
	if (!leat_ctl_turns(c, shard))
		return !f->full;
	if (f->refused++ < f->refuse)
		return false;
	f->refused = 0;
	f->given++;
	atomic_store(&w->answered, true);
	if (f->slices == 0) {
		kill_some(f, scan);
		return true;
	}
	scan->row_cnt = EACH;
	scan->matched += EACH;
	scan->walk.seen += 2 * EACH;
	scan->ended = f->given == f->slices;
	return true;
}

static bool take(void *arg, struct watch_scan *scan)
{
	*(uint64_t *)arg += scan->row_cnt;
	return true;
}

static void every_row_is_listed_or_its_shard_is_named(void **state)
{
	static struct watch_filter filter;
	struct prng p;

	(void)state;
	leat_prng_seed(&p, SEED);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct ctl_client client = {.ctl = &ctl};
		uint64_t rows = 0, left = 0, dumb = 0;
		struct ctl_scan q = {.client = &client,
			.filter = &filter,
			.rows = true,
			.take = take,
			.arg = &rows};

		for (uint32_t i = 0; i < SHARDS; i++) {
			fake[i] = (struct fake){.slices = 1 + leat_prng_below(&p, 4),
				.refuse = leat_prng_below(&p, 3),
				.still_at = leat_prng_below(&p, 8),
				.full = leat_prng_below(&p, 2) != 0};
			if (fake[i].still_at < fake[i].slices)
				dumb |= UINT64_C(1) << i;
			left += u32_min(fake[i].still_at, fake[i].slices) * EACH;
		}
		assert_true(leat_ctl_scan(&q));
		if (rows != left || q.dumb != dumb)
			fail_msg("seed %ju, round %u: %ju rows of %ju, silent %jx of %jx",
				(uintmax_t)SEED, round, (uintmax_t)rows, (uintmax_t)left,
				(uintmax_t)q.dumb, (uintmax_t)dumb);
		assert_int_equal(q.matched, rows);
		assert_int_equal(q.seen, 2 * rows);
		leat_ctl_scan_free(client.shard, SHARDS);
		free(client.shard);
	}
}

static void who_did_not_answer_is_named_in_both_forms(void **state)
{
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(out);
	ctl_print_silent(0x12, WATCH_FORM_TEXT, "; its connections are missing", out);
	ctl_print_silent(0x12, WATCH_FORM_JSON, "; its connections are missing", out);
	fclose(out);
	assert_string_equal(text, "note: shard 1 does not turn; its connections are missing\n"
				  "note: shard 4 does not turn; its connections are missing\n"
				  "{\"event\":\"silent\",\"shard\":1}\n"
				  "{\"event\":\"silent\",\"shard\":4}\n");
}

/* said is what `kill` answers. */
static char *said(const char *question)
{
	static char text[1024];
	struct ctl_client client = {.ctl = &ctl};

	said_to(&client, leat_ctl_kill, question, text, sizeof(text));
	if (client.shard != NULL)
		leat_ctl_scan_free(client.shard, SHARDS);
	free(client.shard);
	return text;
}

static uint64_t killed(void)
{
	uint64_t cnt = 0;

	for (uint32_t i = 0; i < SHARDS; i++)
		cnt += fake[i].killed;
	return cnt;
}

static void all_turn(void)
{
	for (uint32_t i = 0; i < SHARDS; i++)
		fake[i] = (struct fake){.still_at = UINT32_MAX};
}

static void without_yes_one_at_most_is_killed_whatever_appears_meanwhile(void **state)
{
	(void)state;
	for (uint32_t has = 0; has < 2; has++) {
		all_turn();
		fake[3].has = has;
		for (uint32_t i = 0; i < SHARDS; i++)
			fake[i].grows = true;
		assert_string_equal(said("bare dport = 80"), "ok\n");
		assert_int_equal(killed(), has);
		assert_int_equal(fake[3].killed, has);
	}
	all_turn();
	fake[0].has = fake[4].has = 1;
	assert_non_null(strstr(said("dport = 80"), "no 1 - 2 connections match; add --yes"));
	assert_int_equal(killed(), 0);
	assert_non_null(strstr(said("yes dport = 80"), "2 killed, of 50 looked at"));
	assert_int_equal(killed(), 2);
}

static void without_yes_nothing_is_killed_while_a_shard_does_not_turn(void **state)
{
	(void)state;
	all_turn();
	fake[0].has = 1;
	fake[2].still_at = 0;
	assert_string_equal(said("dport = 80"),
		"no 5 - shard 2 does not turn, and may have more of them; nothing was ended\n");
	assert_int_equal(killed(), 0);
}

static void who_does_not_turn_gets_no_order_to_kill_much_later(void **state)
{
	(void)state;
	all_turn();
	fake[0].has = fake[1].has = 3;
	fake[1].still_at = 0;
	assert_string_equal(said("yes bare dport = 80"),
		"ok\nnote: shard 1 does not turn; its connections are missing, but when it turns "
		"again it may end some yet\n");
	assert_int_equal(killed(), 3);
	assert_int_equal(fake[1].asked_to_kill, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_listed_or_its_shard_is_named),
		cmocka_unit_test(who_did_not_answer_is_named_in_both_forms),
		cmocka_unit_test(without_yes_one_at_most_is_killed_whatever_appears_meanwhile),
		cmocka_unit_test(without_yes_nothing_is_killed_while_a_shard_does_not_turn),
		cmocka_unit_test(who_does_not_turn_gets_no_order_to_kill_much_later),
	};

	return cmocka_run_group_tests_name("ctl_scan", tests, NULL, NULL);
}
