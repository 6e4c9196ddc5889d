/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"
#include "ctl_words.h"

#include <inttypes.h>

/* What `kill` is about. */
struct question {
	struct ctl_words words;
	FILE *out;
	uint64_t shown, limit;
};

static bool take(void *arg, struct watch_scan *w)
{
	struct question *q = arg;

	for (uint32_t i = 0; i < w->row_cnt && q->shown < q->limit; i++, q->shown++) {
		const struct watch_conn c = {&w->row[i], NULL, w->shard, w->now};

		leat_watch_print(q->words.form, &c, q->out);
	}
	return true; /* what was meant is ended, whoever is left to read of it */
}

/* is_one says whether the filter means one at most; false after an answer. */
static bool is_one(struct ctl_scan *scan)
{
	FILE *out = scan->client->out;

	if (!leat_ctl_scan(scan))
		fputs("no 3 - there is no memory to look for them\n", out);
	else if (scan->matched > 1)
		fprintf(out,
			"no 1 - %" PRIu64
			" connections match; add --yes to end them all, or say more\n",
			scan->matched);
	else if (scan->dumb != 0)
		fprintf(out,
			"no 5 - shard %d does not turn, and may have more of them; nothing was "
			"ended\n",
			__builtin_ctzll(scan->dumb));
	else
		return true;
	return false;
}

/* kill_all: without --yes one at most, since no shard is asked but the one that has it. */
static void kill_all(struct question *q, struct ctl_client *client, struct watch_filter *filter,
	const struct ctl_scan *found)
{
	bool yes = q->words.yes;
	struct ctl_scan scan = {.client = client,
		.filter = filter,
		.kind = WATCH_SCAN_KILL,
		.rows = true,
		.kill_max = yes ? UINT64_MAX : 1,
		.not_asked = yes ? 0 : ~found->in,
		.take = take,
		.arg = q};

	fputs("ok\n", q->out);
	if (!q->words.bare)
		leat_watch_print_head(q->words.form, q->out);
	if (!leat_ctl_scan(&scan))
		fputs("note: there is no memory to look for them\n", q->out);
	/* One that stood still when it was told to end some will do so. */
	ctl_print_silent(scan.dumb, q->words.form,
		"; its connections are missing, but when it turns again it may end some yet",
		q->out);
	if (q->words.form == WATCH_FORM_TEXT && !q->words.bare)
		fprintf(q->out, "%" PRIu64 " killed, of %" PRIu64 " looked at\n", scan.matched,
			yes ? scan.seen : found->seen);
}

void leat_ctl_kill(struct ctl_client *client, char *words)
{
	struct question q = {.out = client->out};
	struct watch_filter filter;
	struct watch_error err;
	const char *text = leat_ctl_words(&q.words, words);

	if (!leat_watch_filter_parse(&filter, text, &err)) {
		fprintf(q.out, "no 1 %" PRIu32 " %s\n", err.at, err.why);
		return;
	}
	if (filter.limit_said || filter.sort != WATCH_NONE) {
		fputs("no 1 - sort and limit do not say which are to be ended; say it with the "
		      "rest of the filter\n",
			q.out);
		return;
	}
	q.limit = filter.limit;
	struct ctl_scan found = {.client = client, .filter = &filter, .kind = WATCH_SCAN_LIST};
	if (q.words.yes || is_one(&found))
		kill_all(&q, client, &filter, &found);
}
