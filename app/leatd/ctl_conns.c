/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include "base_time.h"
#include "ctl_words.h"
#include "watch_print.h"

#include <inttypes.h>
#include <stdlib.h>

#define SORT_MAX (UINT32_C(1) << 20) /* rows that are held to be sorted */

struct question {
	struct ctl_words words;
	struct ctl_scan scan;
	FILE *out;
	struct watch_filter filter;
	/* Rows that are to be sorted, a heap with the last of them on top. */
	struct stack_brief *row;
	struct leat_info *info; /* of each, when it is asked for */
	struct watch_conn *conn;
	uint32_t row_cnt, row_max;
	uint64_t shown;
};

/* ---- rows, in order ---- */

/* after: does row a stand behind row b? */
static bool after(const struct question *q, uint32_t a, uint32_t b)
{
	return leat_watch_before(&q->filter, &q->conn[b], &q->conn[a]);
}

static void place(struct question *q, uint32_t at, const struct watch_conn *c)
{
	q->row[at] = *c->brief;
	q->conn[at] = *c;
	q->conn[at].brief = &q->row[at];
	if (q->info == NULL)
		return;
	q->info[at] = *c->info;
	q->conn[at].info = &q->info[at];
}

static void swap(struct question *q, uint32_t a, uint32_t b)
{
	struct stack_brief brief = q->row[a];
	struct watch_conn conn = q->conn[a];
	struct leat_info info;

	if (q->info != NULL)
		info = q->info[a];
	conn.brief = &brief;
	conn.info = q->info != NULL ? &info : NULL;
	place(q, a, &q->conn[b]);
	place(q, b, &conn);
}

static void sift_down(struct question *q, uint32_t at, uint32_t cnt)
{
	for (uint32_t child; (child = 2 * at + 1) < cnt; at = child) {
		if (child + 1 < cnt && after(q, child + 1, child))
			child++;
		if (!after(q, child, at))
			return;
		swap(q, child, at);
	}
}

static void hold(struct question *q, const struct watch_conn *c)
{
	uint32_t at = q->row_cnt;

	if (at == q->row_max) {
		if (!leat_watch_before(&q->filter, c, &q->conn[0]))
			return;
		place(q, 0, c);
		sift_down(q, 0, q->row_cnt);
		return;
	}
	place(q, at, c);
	q->row_cnt++;
	for (; at > 0 && after(q, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(q, at, (at - 1) / 2);
}

static void show_sorted(struct question *q)
{
	if (q->row_max == 0)
		return;
	for (uint32_t cnt = q->row_cnt; cnt > 1; cnt--) {
		swap(q, 0, cnt - 1);
		sift_down(q, 0, cnt - 1);
	}
	for (uint32_t i = 0; i < q->row_cnt; i++)
		leat_watch_print(q->words.form, &q->conn[i], q->out);
	q->shown = q->row_cnt;
}

/* take is called with each slice of rows. */
static bool take(void *arg, struct watch_scan *w)
{
	struct question *q = arg;

	for (uint32_t i = 0; i < w->row_cnt; i++) {
		const struct watch_conn c = {
			&w->row[i], w->info != NULL ? &w->info[i] : NULL, w->shard, w->now};

		if (q->row_max > 0) {
			hold(q, &c);
		} else if (q->shown < q->filter.limit) {
			leat_watch_print(q->words.form, &c, q->out);
			q->shown++;
		}
	}
	w->full = q->row_max == 0 && q->shown >= q->filter.limit;
	w->has_worst = q->row_max > 0 && q->row_cnt == q->row_max;
	if (w->has_worst) {
		w->worst = q->row[0];
		w->worst_now = q->conn[0].now;
		w->worst_shard = q->conn[0].shard;
	}
	return !ferror(q->out);
}

/* ---- the answer ---- */

static void print_summary(const struct question *q)
{
	static const char *const left[WATCH_LEFT_CNT] = {"0-1s", "1-10s", "10-30s", "30s-"};
	const struct watch_sum *p = &q->scan.sum;

	fprintf(q->out, "Total %" PRIu64 "   client %" PRIu64 ", server %" PRIu64 "\n ",
		q->scan.matched, p->clients, q->scan.matched - p->clients);
	for (uint8_t i = TCP_ST_NONE + 1; i < TCP_ST_CNT; i++)
		if (p->by_state[i] != 0)
			fprintf(q->out, " %s %" PRIu64, leat_watch_state_name(i), p->by_state[i]);
	fputs("\n", q->out);
	if (p->by_state[TCP_ST_TIME_WAIT] != 0) {
		fputs("  time-wait left  ", q->out);
		for (uint32_t i = 0; i < WATCH_LEFT_CNT; i++)
			fprintf(q->out, " %s %" PRIu64, left[i], p->waits[i]);
		fputs("\n", q->out);
	}
	for (uint8_t i = TCP_ST_NONE + 1; i < TCP_ST_TIME_WAIT; i++)
		if (p->oldest_ns[i] != 0 && i != TCP_ST_LISTEN)
			fprintf(q->out, "  oldest %s %" PRIu64 ".%" PRIu64 "s\n",
				leat_watch_state_name(i), p->oldest_ns[i] / TIME_S,
				p->oldest_ns[i] / (TIME_S / 10) % 10);
}

static void print_summary_json(const struct question *q)
{
	const struct watch_sum *p = &q->scan.sum;

	fprintf(q->out,
		"{\"schema\":\"leat.conns-summary/1\",\"total\":%" PRIu64 ",\"client\":%" PRIu64
		",\"server\":%" PRIu64 ",\"states\":{",
		q->scan.matched, p->clients, q->scan.matched - p->clients);
	for (uint8_t i = TCP_ST_CLOSED; i < TCP_ST_CNT; i++)
		fprintf(q->out, "%s\"%s\":%" PRIu64, i > TCP_ST_CLOSED ? "," : "",
			leat_watch_state_name(i), p->by_state[i]);
	fprintf(q->out,
		"},\"time_wait_left\":{\"below_1s\":%" PRIu64 ",\"below_10s\":%" PRIu64
		",\"below_30s\":%" PRIu64 ",\"more\":%" PRIu64 "}}\n",
		p->waits[0], p->waits[1], p->waits[2], p->waits[3]);
}

/* make_room takes memory for the rows that are to be sorted; false after the answer. */
static bool make_room(struct question *q)
{
	if (q->filter.sort == WATCH_NONE || q->words.summary)
		return true;
	if (q->filter.limit > SORT_MAX) {
		fprintf(q->out,
			"no 1 - at most %" PRIu32 " rows can be sorted; add `limit %" PRIu32
			"`, or sort what is printed\n",
			SORT_MAX, SORT_MAX);
		return false;
	}
	q->row_max = (uint32_t)q->filter.limit;
	q->row = malloc(q->row_max * sizeof(*q->row));
	q->conn = malloc(q->row_max * sizeof(*q->conn));
	q->info = q->words.detail ? malloc(q->row_max * sizeof(*q->info)) : NULL;
	if (q->row != NULL && q->conn != NULL && (q->info != NULL || !q->words.detail))
		return true;
	fprintf(q->out, "no 3 - there is no memory to sort %" PRIu32 " rows; add a smaller limit\n",
		q->row_max);
	return false;
}

static void print_end(const struct question *q, uint64_t began)
{
	const struct ctl *c = q->scan.client->ctl;
	uint64_t ms = (ctl_now(c) - began) / TIME_MS;

	if (q->words.form == WATCH_FORM_TEXT && !q->words.bare)
		fprintf(q->out,
			"%" PRIu64 " of %" PRIu64 " that match, of %" PRIu64 " (scan %" PRIu64
			" ms, %" PRIu32 " shard%s)\n",
			q->shown, q->scan.matched, q->scan.seen, ms, c->plane->shard_cnt,
			c->plane->shard_cnt > 1 ? "s" : "");
}

static void answer(struct question *q)
{
	uint64_t began = ctl_now(q->scan.client->ctl);

	fputs("ok\n", q->out);
	if (!q->words.summary && !q->words.bare)
		leat_watch_print_head(q->words.form, q->out);
	if (!leat_ctl_scan(&q->scan))
		fputs("note: there is no memory to list connections\n", q->out);
	if (q->words.summary)
		(q->words.form == WATCH_FORM_JSON ? print_summary_json : print_summary)(q);
	else
		show_sorted(q);
	ctl_print_silent(q->scan.dumb, q->words.form, "; its connections are missing", q->out);
	if (!q->words.summary)
		print_end(q, began);
}

void leat_ctl_conns(struct ctl_client *client, char *words)
{
	struct question q = {.out = client->out};
	struct watch_error err;
	const char *filter = leat_ctl_words(&q.words, words);

	q.scan = (struct ctl_scan){.client = client,
		.filter = &q.filter,
		.kind = q.words.summary ? WATCH_SCAN_SUM : WATCH_SCAN_LIST,
		.rows = !q.words.summary,
		.info = q.words.detail,
		.take = take,
		.arg = &q};
	if (!leat_watch_filter_parse(&q.filter, filter, &err))
		fprintf(q.out, "no 1 %" PRIu32 " %s\n", err.at, err.why);
	else if (make_room(&q))
		answer(&q);
	free(q.row);
	free(q.info);
	free(q.conn);
}
