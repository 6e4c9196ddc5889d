/* SPDX-License-Identifier: BSD-3-Clause */
#include "top.h"

#include "base_bits.h"
#include "base_time.h"

#include <string.h>

uint64_t leat_top_rate(const struct top *t, uint64_t before, uint64_t now)
{
	if (t->for_ns == 0 || now <= before)
		return 0;
	return (uint64_t)((double)(now - before) * (double)TIME_S / (double)t->for_ns + 0.5);
}

uint64_t leat_top_opened(const uint64_t cell[WATCH_CELL_CNT])
{
	return cell[WATCH_ARROW + TCP_ARROW_SYN_SENT_RCV_SYN_ACK] +
	       cell[WATCH_ARROW + TCP_ARROW_SYN_RECEIVED_RCV_ACK_OF_SYN];
}

uint64_t leat_top_closed(const uint64_t cell[WATCH_CELL_CNT])
{
	uint64_t sum = 0;

	for (uint32_t i = TCP_END_NONE + 1; i < TCP_END_CNT; i++)
		sum += cell[WATCH_ENDED + i];
	return sum;
}

static uint32_t main_role(const struct watch_snapshot *s)
{
	for (uint32_t i = 0; i < s->shard_cnt; i++)
		if (s->cell[i][WATCH_C_ROLE] == WATCH_SERVER)
			return WATCH_SERVER;
	return WATCH_CLIENT;
}

struct top_waiting leat_top_waiting(const struct watch_snapshot *s)
{
	struct top_waiting role[WATCH_ROLE_CNT] = {0};

	for (uint32_t i = 0; i < s->shard_cnt; i++) {
		struct top_waiting *w =
			&role[u64_min(s->cell[i][WATCH_C_ROLE], WATCH_ROLE_CNT - 1)];

		w->cnt += s->cell[i][WATCH_PRESENT + TCP_ST_TIME_WAIT];
		w->max += s->cell[i][WATCH_C_PLACES];
		w->shard_cnt++;
	}
	const struct top_waiting *a = &role[WATCH_SERVER], *b = &role[WATCH_CLIENT];
	double full_a = (double)a->cnt / (double)u64_max(a->max, 1);
	double full_b = (double)b->cnt / (double)u64_max(b->max, 1);
	bool server = b->shard_cnt == 0 || (a->shard_cnt != 0 && full_a >= full_b);
	struct top_waiting w = server ? *a : *b;

	w.role = server ? WATCH_SERVER : WATCH_CLIENT;
	w.alone = w.shard_cnt == s->shard_cnt;
	return w;
}

/* push puts value behind those there are, and the oldest out. */
static void push(uint64_t *past, uint32_t cnt, uint64_t value)
{
	if (cnt == TOP_PAST_MAX)
		memmove(past, past + 1, (TOP_PAST_MAX - 1) * sizeof(*past));
	past[u32_min(cnt, TOP_PAST_MAX - 1)] = value;
}

static void remember(struct top *t)
{
	uint32_t n = t->past_cnt;
	const uint64_t *l0 = t->sum_before + WATCH_LOAD, *l1 = t->sum + WATCH_LOAD;

	push(t->opened, n,
		leat_top_rate(t, leat_top_opened(t->side_before), leat_top_opened(t->side)));
	push(t->closed, n,
		leat_top_rate(t, leat_top_closed(t->side_before), leat_top_closed(t->side)));
	push(t->planned, n, leat_top_rate(t, l0[WATCH_L_PLANNED], l1[WATCH_L_PLANNED]));
	push(t->started, n, leat_top_rate(t, l0[WATCH_L_STARTED], l1[WATCH_L_STARTED]));
	if (n == TOP_PAST_MAX)
		memmove(t->connect, t->connect + 1, sizeof(t->connect) - sizeof(t->connect[0]));
	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++)
		t->connect[u32_min(n, TOP_PAST_MAX - 1)][i] =
			t->sum[WATCH_CONNECT + i] - t->sum_before[WATCH_CONNECT + i];
	t->past_cnt = u32_min(n + 1, TOP_PAST_MAX);
}

static void note_growth(struct top *t)
{
	uint64_t at = t->now.head[WATCH_H_UP_NS];

	for (uint32_t i = 0; i < TCP_ST_CNT; i++) {
		uint64_t cnt = t->sum[WATCH_PRESENT + i];

		if (t->fed == 1 || cnt < t->sum_before[WATCH_PRESENT + i]) {
			t->grows_from[i] = cnt;
			t->grows_at[i] = at;
		}
	}
}

bool leat_top_grows(const struct top *t, uint32_t state)
{
	return t->now.head[WATCH_H_UP_NS] >= t->grows_at[state] + TOP_GROWS_NS &&
	       t->sum[WATCH_PRESENT + state] > t->grows_from[state];
}

void leat_top_feed(struct top *t, const struct watch_snapshot *s)
{
	bool other = t->fed != 0 && (s->shard_cnt != t->now.shard_cnt ||
					    s->head[WATCH_H_UP_NS] < t->now.head[WATCH_H_UP_NS]);

	if (other)
		*t = (struct top){.first_row = t->first_row};
	t->before = t->fed != 0 ? t->now : *s;
	t->now = *s;
	memcpy(t->sum_before, t->sum, sizeof(t->sum));
	memcpy(t->side_before, t->side, sizeof(t->side));
	leat_watch_snapshot_sum(s, WATCH_ROLE_CNT, t->sum);
	leat_watch_snapshot_sum(s, main_role(s), t->side);
	t->for_ns = s->head[WATCH_H_UP_NS] - t->before.head[WATCH_H_UP_NS];
	t->fed++;
	note_growth(t);
	if (t->fed > 1 && t->for_ns > 0)
		remember(t);
}
