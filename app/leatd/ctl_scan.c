/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define INFO_ROWS 256 /* of a slice, when all is said of each */

static void free_rows(struct ctl_shard *s)
{
	free(s->scan.row);
	free(s->scan.info);
	s->scan.row = NULL;
	s->scan.info = NULL;
}

void leat_ctl_scan_free(struct ctl_shard *shard, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++)
		free_rows(&shard[i]);
}

/* is_free says whether the shard has given back what it was asked with before. */
static bool is_free(struct ctl_shard *s)
{
	if (s->owed && !atomic_load_explicit(&s->walk.answered, memory_order_acquire))
		return false;
	s->owed = false;
	free_rows(s);
	return true;
}

/* prepare writes the question; false: there is no memory. */
static bool prepare(const struct ctl_scan *q, struct ctl_shard *s, uint32_t shard)
{
	uint32_t max = q->info ? INFO_ROWS : WATCH_SCAN_ROWS;

	s->scan = (struct watch_scan){.kind = q->kind,
		.filter = *q->filter,
		.shard = shard,
		.kill_max = q->kill_max,
		.full = !q->rows};
	s->walk = (struct shard_walk){.step = leat_watch_scan_step, .arg = &s->scan};
	s->matched = s->seen = 0;
	if (!q->rows)
		return true;
	/* Zeroed: here, and not in a turn of the shard, the kernel has to find the pages of them.
	 */
	s->scan.row_max = max;
	s->scan.row = ctl_memory(max * sizeof(*s->scan.row));
	s->scan.info = q->info ? ctl_memory(max * sizeof(*s->scan.info)) : NULL;
	return s->scan.row != NULL && (s->scan.info != NULL || !q->info);
}

static void put(const struct ctl_scan *q, struct ctl_shard *s, uint32_t shard)
{
	atomic_store_explicit(&s->walk.answered, false, memory_order_relaxed);
	s->owed = leat_ctl_put(
		q->client->ctl, shard, (struct shard_letter){SHARD_MAIL_WALK, &s->walk});
}

/* count adds what a shard has found since it was counted last. */
static void count(struct ctl_scan *q, struct ctl_shard *s)
{
	uint64_t matched = s->scan.matched, seen = s->scan.walk.seen + s->scan.due.records;

	q->matched += matched - s->matched;
	q->seen += seen - s->seen;
	q->in |= matched != 0 ? UINT64_C(1) << s->scan.shard : 0;
	s->matched = matched;
	s->seen = seen;
}

/* take_slice takes what a shard has answered; true: there is more to come. */
static bool take_slice(struct ctl_scan *q, struct ctl_shard *s)
{
	bool more = !s->scan.ended;

	s->owed = false;
	if (s->walk.busy)
		return true;
	count(q, s);
	if (!q->rows)
		return more;
	more &= q->take(q->arg, &s->scan);
	s->scan.row_cnt = 0;
	return more;
}

/* look_at goes on with a shard; false: it has nothing to say any more, or does not turn. */
static bool look_at(struct ctl_scan *q, uint32_t shard)
{
	struct ctl_shard *s = &q->client->shard[shard];
	bool mine = !s->owed || atomic_load_explicit(&s->walk.answered, memory_order_acquire);
	bool more = !mine || !s->owed || take_slice(q, s);

	/* Who does not turn is asked nothing: what ends connections would do so much later.  A box
	 * without room is one that others fill. */
	if (more && leat_ctl_turns(q->client->ctl, shard)) {
		if (mine)
			put(q, s, shard);
		return true;
	}
	q->dumb |= more ? UINT64_C(1) << shard : 0;
	if (!more)
		leat_watch_sum_add(&q->sum, &s->scan.sum);
	return false;
}

/* begin says which shards are to be asked; false: there is no memory for it. */
static bool begin(struct ctl_scan *q, uint64_t *asked)
{
	uint32_t cnt = q->client->ctl->plane->shard_cnt;

	if (q->client->shard == NULL)
		q->client->shard = ctl_memory(cnt * sizeof(*q->client->shard));
	if (q->client->shard == NULL)
		return false;
	for (uint32_t i = 0; i < cnt; i++) {
		struct ctl_shard *s = &q->client->shard[i];
		bool left_out = (q->not_asked >> i & 1) != 0;

		if (!left_out && is_free(s) && !prepare(q, s, i))
			return false;
		if (!left_out)
			*(s->owed ? &q->dumb : asked) |= UINT64_C(1) << i;
	}
	return true;
}

bool leat_ctl_scan(struct ctl_scan *q)
{
	const struct timespec step = {.tv_nsec = CTL_STEP_NS};
	struct ctl *c = q->client->ctl;
	uint64_t asked = 0;

	if (!begin(q, &asked)) {
		for (uint32_t i = 0; q->client->shard != NULL && i < c->plane->shard_cnt; i++)
			is_free(&q->client->shard[i]);
		return false;
	}
	while (asked != 0 && !atomic_load(&c->stop)) {
		for (uint32_t i = 0; i < c->plane->shard_cnt; i++)
			if ((asked >> i & 1) != 0 && !look_at(q, i))
				asked &= ~(UINT64_C(1) << i);
		if (asked != 0)
			nanosleep(&step, NULL);
	}
	for (uint32_t i = 0; i < c->plane->shard_cnt; i++)
		is_free(&q->client->shard[i]);
	return true;
}
