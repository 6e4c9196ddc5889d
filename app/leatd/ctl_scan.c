/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
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
	if (!q->rows)
		return true;
	s->scan.row_max = max;
	s->scan.row = ctl_memory(max * sizeof(*s->scan.row));
	s->scan.info = q->info ? ctl_memory(max * sizeof(*s->scan.info)) : NULL;
	if (s->scan.row == NULL || (s->scan.info == NULL && q->info))
		return false;
	/* Here, and not in a turn of the shard, the kernel has to find the pages of them. */
	memset(s->scan.row, 0, max * sizeof(*s->scan.row));
	if (q->info)
		memset(s->scan.info, 0, max * sizeof(*s->scan.info));
	return true;
}

static bool put(const struct ctl_scan *q, struct ctl_shard *s, uint32_t shard)
{
	atomic_store_explicit(&s->walk.answered, false, memory_order_relaxed);
	s->owed = leat_ctl_put(
		q->client->ctl, shard, (struct shard_letter){SHARD_MAIL_WALK, &s->walk});
	return s->owed;
}

/* take_slice takes what a shard has answered; true: there is more to come. */
static bool take_slice(struct ctl_scan *q, struct ctl_shard *s)
{
	bool more = s->walk.busy || !s->scan.ended;

	s->owed = false;
	if (s->walk.busy || !q->rows)
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

	/* A box without room is one that others fill, or that is not read. */
	if (more && ((mine && put(q, s, shard)) || leat_ctl_turns(q->client->ctl, shard)))
		return true;
	q->dumb |= more ? UINT64_C(1) << shard : 0;
	if (mine) {
		q->matched += s->scan.matched;
		q->seen += s->scan.walk.seen + s->scan.due.records;
		leat_watch_sum_add(&q->sum, &s->scan.sum);
	}
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

		if (is_free(s) && !prepare(q, s, i))
			return false;
	}
	for (uint32_t i = 0; i < cnt; i++)
		*(q->client->shard[i].owed ? &q->dumb : asked) |= UINT64_C(1) << i;
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

void leat_ctl_print_dumb(const struct ctl_scan *q, enum watch_form form, FILE *out)
{
	const char *line = form == WATCH_FORM_JSON
				   ? "{\"event\":\"silent\",\"shard\":%" PRIu32 "}\n"
				   : "note: shard %" PRIu32
				     " does not turn; its connections are missing\n";

	for (uint32_t i = 0; i < q->client->ctl->plane->shard_cnt; i++)
		if ((q->dumb >> i & 1) != 0)
			fprintf(out, line, i);
}
