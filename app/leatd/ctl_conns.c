/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include "base_time.h"
#include "watch_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SORT_MAX (UINT32_C(1) << 20) /* rows that are held to be sorted */

struct question {
	struct ctl_client *client;
	struct ctl *ctl;
	FILE *out;
	struct watch_filter filter;
	enum watch_form form;
	bool detail, bare, summary;
	/* Rows that are to be sorted, a heap with the last of them on top. */
	struct leat_info *row;
	struct watch_conn *conn;
	uint32_t row_cnt, row_max;
	uint64_t shown;
	struct ctl_part sum;
};

static void count(struct ctl_part *p, const struct watch_conn *c)
{
	static const uint64_t below[CTL_LEFT_BUCKETS - 1] = {TIME_S, 10 * TIME_S, 30 * TIME_S};
	uint8_t state = leat_watch_state(c);
	uint64_t ns;
	uint32_t i = 0;

	p->by_state[state]++;
	p->clients += !c->info->passive;
	if (leat_watch_field(c, WATCH_AGE, &ns))
		p->oldest_ns[state] = u64_max(p->oldest_ns[state], ns);
	if (state != TCP_ST_TIME_WAIT || !leat_watch_field(c, WATCH_LEFT, &ns))
		return;
	while (i < CTL_LEFT_BUCKETS - 1 && ns >= below[i])
		i++;
	p->waits[i]++;
}

/* want runs on the shard's lcore. */
static bool want(void *arg, const struct leat_info *info, uint64_t now)
{
	struct ctl_part *p = arg;
	const struct watch_conn c = {info, p->shard, now};

	p->seen++;
	if (!leat_watch_filter_match(p->filter, &c))
		return false;
	p->matched++;
	if (p->summary)
		count(p, &c);
	return !p->summary && !p->full;
}

/* ---- rows, in order ---- */

/* after: does row a stand behind row b? */
static bool after(const struct question *q, uint32_t a, uint32_t b)
{
	return leat_watch_before(&q->filter, &q->conn[b], &q->conn[a]);
}

static void swap(struct question *q, uint32_t a, uint32_t b)
{
	struct leat_info info = q->row[a];
	struct watch_conn conn = q->conn[a];

	q->row[a] = q->row[b];
	q->conn[a] = q->conn[b];
	q->row[b] = info;
	q->conn[b] = conn;
	q->conn[a].info = &q->row[a];
	q->conn[b].info = &q->row[b];
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
		q->row[0] = *c->info;
		q->conn[0] = *c;
		q->conn[0].info = &q->row[0];
		sift_down(q, 0, q->row_cnt);
		return;
	}
	q->row[at] = *c->info;
	q->conn[at] = *c;
	q->conn[at].info = &q->row[at];
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
		leat_watch_print(q->form, &q->conn[i], q->detail, q->out);
	q->shown = q->row_cnt;
}

/* ---- one shard after the other ---- */

/* ask_again puts the question once more, until the shard is not busy with another asker's. */
static bool ask_again(struct question *q, uint32_t shard)
{
	const struct timespec step = {.tv_nsec = CTL_STEP_NS};
	struct ctl_shard *s = &q->client->shard[shard];

	for (;;) {
		s->list.row_cnt = 0;
		atomic_store_explicit(&s->list.answered, false, memory_order_relaxed);
		if (!leat_ctl_put(q->ctl, shard, (struct shard_letter){SHARD_MAIL_LIST, &s->list}))
			return false;
		s->owed = true;
		if (!leat_ctl_await(q->ctl, shard, &s->list.answered))
			return false;
		s->owed = false;
		if (!s->list.busy)
			return true;
		nanosleep(&step, NULL);
	}
}

static void take_slice(struct question *q, const struct shard_list *l, uint32_t shard)
{
	for (uint32_t i = 0; i < l->row_cnt; i++) {
		const struct watch_conn c = {&l->row[i], shard, l->now};

		if (q->row_max > 0) {
			hold(q, &c);
		} else if (q->shown < q->filter.limit) {
			leat_watch_print(q->form, &c, q->detail, q->out);
			q->shown++;
		}
	}
}

/* ask_shard has one shard look at all it has; false: it does not answer. */
static bool ask_shard(struct question *q, uint32_t shard)
{
	struct ctl_shard *s = &q->client->shard[shard];

	if (s->owed && !leat_ctl_await(q->ctl, shard, &s->list.answered))
		return false;
	s->owed = false;
	s->filter = q->filter; /* ours may end before a shard that stood still looks at it */
	s->part = (struct ctl_part){.filter = &s->filter, .shard = shard, .summary = q->summary};
	s->list = (struct shard_list){
		.row = s->row, .row_max = CTL_ROWS, .want = want, .arg = &s->part};
	do {
		s->part.full = q->row_max == 0 && q->shown >= q->filter.limit;
		if (!ask_again(q, shard))
			return false;
		take_slice(q, &s->list, shard);
	} while (!s->list.ended && !ferror(q->out));
	return true;
}

static void add_part(struct ctl_part *sum, const struct ctl_part *p)
{
	sum->matched += p->matched;
	sum->seen += p->seen;
	sum->clients += p->clients;
	for (uint32_t i = 0; i < TCP_ST_CNT; i++) {
		sum->by_state[i] += p->by_state[i];
		sum->oldest_ns[i] = u64_max(sum->oldest_ns[i], p->oldest_ns[i]);
	}
	for (uint32_t i = 0; i < CTL_LEFT_BUCKETS; i++)
		sum->waits[i] += p->waits[i];
}

/* ---- the answer ---- */

static void print_summary(const struct question *q)
{
	static const char *const left[CTL_LEFT_BUCKETS] = {"<1s", "<10s", "<30s", "rest"};
	const struct ctl_part *p = &q->sum;

	fprintf(q->out, "Total %" PRIu64 "   client %" PRIu64 ", server %" PRIu64 "\n ", p->matched,
		p->clients, p->matched - p->clients);
	for (uint8_t i = TCP_ST_NONE + 1; i < TCP_ST_CNT; i++)
		if (p->by_state[i] != 0)
			fprintf(q->out, " %s %" PRIu64, leat_watch_state_name(i), p->by_state[i]);
	fputs("\n", q->out);
	if (p->by_state[TCP_ST_TIME_WAIT] != 0) {
		fputs("  time-wait left  ", q->out);
		for (uint32_t i = 0; i < CTL_LEFT_BUCKETS; i++)
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
	const struct ctl_part *p = &q->sum;

	fprintf(q->out,
		"{\"schema\":\"leat.conns-summary/1\",\"total\":%" PRIu64 ",\"client\":%" PRIu64
		",\"server\":%" PRIu64 ",\"states\":{",
		p->matched, p->clients, p->matched - p->clients);
	for (uint8_t i = TCP_ST_CLOSED; i < TCP_ST_CNT; i++)
		fprintf(q->out, "%s\"%s\":%" PRIu64, i > TCP_ST_CLOSED ? "," : "",
			leat_watch_state_name(i), p->by_state[i]);
	fprintf(q->out,
		"},\"time_wait_left\":{\"below_1s\":%" PRIu64 ",\"below_10s\":%" PRIu64
		",\"below_30s\":%" PRIu64 ",\"more\":%" PRIu64 "}}\n",
		p->waits[0], p->waits[1], p->waits[2], p->waits[3]);
}

/* read_words takes what stands before the filter: form=..., detail, summary, bare. */
static const char *read_words(struct question *q, char *words)
{
	static const char *const form[WATCH_FORM_CNT] = {
		[WATCH_FORM_TEXT] = "form=text",
		[WATCH_FORM_SS] = "form=ss",
		[WATCH_FORM_IPVS] = "form=ipvs",
		[WATCH_FORM_JSON] = "form=json",
	};

	for (char *rest = words; rest != NULL && *rest != '\0';) {
		char *word = rest, *end = strchr(rest, ' ');
		size_t octets = end != NULL ? (size_t)(end - word) : strlen(word);
		bool known = false;

		for (uint32_t i = 0; i < WATCH_FORM_CNT; i++) {
			if (strlen(form[i]) == octets && memcmp(word, form[i], octets) == 0) {
				q->form = (enum watch_form)i;
				known = true;
			}
		}
		if (octets == 6 && memcmp(word, "detail", 6) == 0)
			known = q->detail = true;
		if (octets == 7 && memcmp(word, "summary", 7) == 0)
			known = q->summary = true;
		if (octets == 4 && memcmp(word, "bare", 4) == 0)
			known = q->bare = true;
		if (!known)
			return rest;
		rest = end != NULL ? end + 1 : NULL;
	}
	return "";
}

/* make_room takes memory for the rows that are to be sorted; false after the answer. */
static bool make_room(struct question *q)
{
	if (q->filter.sort == WATCH_NONE || q->summary)
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
	if (q->row != NULL && q->conn != NULL)
		return true;
	fprintf(q->out, "no 3 - there is no memory to sort %" PRIu32 " rows; add a smaller limit\n",
		q->row_max);
	return false;
}

static void print_end(const struct question *q, uint64_t began)
{
	uint64_t ms = (leat_plane_now(q->ctl->plane) - began) / TIME_MS;

	if (q->form == WATCH_FORM_TEXT && !q->bare)
		fprintf(q->out,
			"%" PRIu64 " of %" PRIu64 " that match, of %" PRIu64 " (scan %" PRIu64
			" ms, %" PRIu32 " shard%s)\n",
			q->shown, q->sum.matched, q->sum.seen, ms, q->ctl->plane->shard_cnt,
			q->ctl->plane->shard_cnt > 1 ? "s" : "");
}

static void answer(struct question *q)
{
	uint64_t began = leat_plane_now(q->ctl->plane);
	uint64_t dumb = 0;

	fputs("ok\n", q->out);
	if (!q->summary && !q->bare)
		leat_watch_print_head(q->form, q->out);
	for (uint32_t i = 0; i < q->ctl->plane->shard_cnt; i++) {
		if (!ask_shard(q, i))
			dumb |= UINT64_C(1) << i;
		else
			add_part(&q->sum, &q->client->shard[i].part);
	}
	if (q->summary)
		(q->form == WATCH_FORM_JSON ? print_summary_json : print_summary)(q);
	else
		show_sorted(q);
	for (uint32_t i = 0; i < q->ctl->plane->shard_cnt; i++)
		if ((dumb >> i & 1) != 0)
			fprintf(q->out,
				"note: shard %" PRIu32 " does not turn; its connections are "
				"missing\n",
				i);
	if (!q->summary)
		print_end(q, began);
}

/* make_shards takes memory for what shards fill, at the first question of this slot. */
static bool make_shards(struct question *q)
{
	size_t octets = q->ctl->plane->shard_cnt * sizeof(*q->client->shard);

	if (q->client->shard == NULL)
		q->client->shard = calloc(1, octets);
	if (q->client->shard != NULL)
		return true;
	fprintf(q->out, "no 3 - there is no memory to list connections\n");
	return false;
}

void leat_ctl_conns(struct ctl_client *client, char *words)
{
	struct question q = {.client = client, .ctl = client->ctl, .out = client->out};
	struct watch_error err;
	const char *filter = read_words(&q, words);

	if (!leat_watch_filter_parse(&q.filter, filter, &err))
		fprintf(q.out, "no 1 %" PRIu32 " %s\n", err.at, err.why);
	else if (make_room(&q) && make_shards(&q))
		answer(&q);
	free(q.row);
	free(q.conn);
}
