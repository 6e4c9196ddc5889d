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

/* count says how many the filter means; false after an answer. */
static bool count(struct ctl_client *client, const struct watch_filter *filter, uint64_t *matched)
{
	struct ctl_scan scan = {.client = client, .filter = filter, .kind = WATCH_SCAN_LIST};

	if (!leat_ctl_scan(&scan)) {
		fputs("no 3 - there is no memory to look for them\n", client->out);
		return false;
	}
	*matched = scan.matched;
	return true;
}

static void kill_all(struct question *q, struct ctl_client *client, struct watch_filter *filter)
{
	struct ctl_scan scan = {.client = client,
		.filter = filter,
		.kind = WATCH_SCAN_KILL,
		.rows = true,
		.kill_max = q->words.yes ? UINT64_MAX : 1,
		.take = take,
		.arg = q};

	fputs("ok\n", q->out);
	if (!q->words.bare)
		leat_watch_print_head(q->words.form, q->out);
	if (!leat_ctl_scan(&scan))
		fputs("note: there is no memory to look for them\n", q->out);
	leat_ctl_print_dumb(&scan, q->words.form, q->out);
	if (q->words.form == WATCH_FORM_TEXT && !q->words.bare)
		fprintf(q->out, "%" PRIu64 " killed, of %" PRIu64 " looked at\n", scan.matched,
			scan.seen);
}

void leat_ctl_kill(struct ctl_client *client, char *words)
{
	struct question q = {.out = client->out};
	struct watch_filter filter;
	struct watch_error err;
	uint64_t matched;
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
	if (!q.words.yes) {
		if (!count(client, &filter, &matched))
			return;
		if (matched > 1) {
			fprintf(q.out,
				"no 1 - %" PRIu64
				" connections match; add --yes to end them all, or say more\n",
				matched);
			return;
		}
	}
	kill_all(&q, client, &filter);
}
