/* SPDX-License-Identifier: BSD-3-Clause */

/* A listing, asked of shards that read their boxes, or not. */

#include "base_bits.h"
#include "base_prng.h"
#include "ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
} fake[SHARDS];

static struct plane plane = {.shard_cnt = SHARDS};
static struct ctl ctl = {.plane = &plane};

bool leat_ctl_turns(struct ctl *c, uint32_t shard)
{
	(void)c;
	return fake[shard].given < fake[shard].still_at;
}

bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter)
{
	struct fake *f = &fake[shard];
	struct shard_walk *w = letter.what;
	struct watch_scan *scan = w->arg;

	if (!leat_ctl_turns(c, shard))
		return !f->full;
	if (f->refused++ < f->refuse)
		return false;
	f->refused = 0;
	f->given++;
	scan->row_cnt = EACH;
	scan->matched += EACH;
	scan->ended = f->given == f->slices;
	atomic_store(&w->answered, true);
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
		assert_true(q.matched <= rows);
		leat_ctl_scan_free(client.shard, SHARDS);
		free(client.shard);
	}
}

static void who_did_not_answer_is_named_in_both_forms(void **state)
{
	struct ctl_client client = {.ctl = &ctl};
	const struct ctl_scan q = {.client = &client, .dumb = 0x12};
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(out);
	leat_ctl_print_dumb(&q, WATCH_FORM_TEXT, out);
	leat_ctl_print_dumb(&q, WATCH_FORM_JSON, out);
	fclose(out);
	assert_string_equal(text, "note: shard 1 does not turn; its connections are missing\n"
				  "note: shard 4 does not turn; its connections are missing\n"
				  "{\"event\":\"silent\",\"shard\":1}\n"
				  "{\"event\":\"silent\",\"shard\":4}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_listed_or_its_shard_is_named),
		cmocka_unit_test(who_did_not_answer_is_named_in_both_forms),
	};

	return cmocka_run_group_tests_name("ctl_scan", tests, NULL, NULL);
}
