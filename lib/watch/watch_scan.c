/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_scan.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "tcp_state.h"

#define ROW_COST  16  /* to write one */
#define NODE_COST 2   /* to look at a node of the filter */
#define INFO_COST 160 /* to say all of one */
#define KILL_COST 320

static const uint64_t left_below[WATCH_LEFT_CNT - 1] = {TIME_S, 10 * TIME_S, 30 * TIME_S};

static void count(struct watch_sum *sum, const struct watch_conn *c)
{
	uint8_t state = c->brief->state;
	uint64_t ns;
	uint32_t i = 0;

	sum->by_state[state]++;
	sum->clients += !c->brief->passive;
	if (leat_watch_field(c, WATCH_AGE, &ns))
		sum->oldest_ns[state] = u64_max(sum->oldest_ns[state], ns);
	if (state != TCP_ST_TIME_WAIT || !leat_watch_field(c, WATCH_LEFT, &ns))
		return;
	while (i < WATCH_LEFT_CNT - 1 && ns >= left_below[i])
		i++;
	sum->waits[i]++;
}

static void write_row(struct watch_scan *w, struct leat_stack *s, const struct watch_conn *c)
{
	const struct watch_conn worst = {&w->worst, NULL, w->worst_shard, w->worst_now};

	if (w->full || (w->has_worst && !leat_watch_before(&w->filter, c, &worst)))
		return;
	DCHECK(w->row_cnt < w->row_max);
	w->row[w->row_cnt] = *c->brief;
	if (w->info != NULL)
		leat_stack_brief_info(s, c->brief->name, &w->info[w->row_cnt]);
	w->row_cnt++;
}

/* kill_one ends one; its row is what it was.  False: it cannot be done in this turn. */
static bool kill_one(
	struct watch_scan *w, struct leat_stack *s, const struct watch_conn *c, uint32_t *cost)
{
	uint32_t rows = w->row_cnt;

	if (w->matched == w->kill_max)
		return true;
	write_row(w, s, c);
	switch (leat_stack_kill(s, c->brief->name)) {
	case STACK_KILL_DONE:
		w->matched++;
		*cost += KILL_COST;
		return true;
	case STACK_KILL_NONE:
		w->row_cnt = rows;
		return true;
	case STACK_KILL_FULL:
		break;
	}
	w->row_cnt = rows;
	return false;
}

/* take_one does with one connection what is to be done; false: it cannot be done in this turn. */
static bool take_one(
	struct watch_scan *w, struct leat_stack *s, const struct stack_brief *b, uint32_t *cost)
{
	const struct watch_conn c = {b, NULL, w->shard, w->now};
	uint32_t rows = w->row_cnt;

	*cost += w->filter.node_cnt * NODE_COST;
	if (!leat_watch_filter_match(&w->filter, &c))
		return true;
	if (w->kind == WATCH_SCAN_KILL)
		return kill_one(w, s, &c, cost);
	w->matched++;
	if (w->kind == WATCH_SCAN_SUM)
		count(&w->sum, &c);
	else
		write_row(w, s, &c);
	*cost += (w->row_cnt - rows) * (ROW_COST + (w->info != NULL ? INFO_COST : 0U));
	return true;
}

static void begin(struct watch_scan *w)
{
	bool counted = w->kind == WATCH_SCAN_SUM && w->filter.matches_all;

	w->begun = true;
	w->exact = leat_watch_filter_tuple(&w->filter, &w->tuple);
	w->walk = (struct stack_walk){.states = w->filter.states, .no_records = counted};
	w->due = (struct stack_due){.due.until_cnt = WATCH_LEFT_CNT - 1};
}

/* step_exact asks the flow table. */
static bool step_exact(struct watch_scan *w, struct leat_stack *s)
{
	struct stack_brief brief[2];
	uint32_t cnt = leat_stack_brief_find(s, &w->tuple, brief), cost = 0;

	w->walk.seen = cnt;
	for (uint32_t i = 0; i < cnt; i++)
		if (!take_one(w, s, &brief[i], &cost))
			return true;
	w->ended = true;
	return false;
}

/* step_due: what is in TIME-WAIT, without looking at each.  The instants are those of the first
 * step, so that none is counted twice. */
static bool step_due(struct watch_scan *w, struct leat_stack *s)
{
	struct stack_due *d = &w->due;
	uint32_t work = WATCH_SCAN_WORK;
	uint64_t cnt = 0;

	for (uint32_t i = 0; d->cursor == 0 && i < WATCH_LEFT_CNT - 1; i++)
		d->due.until[i] = w->now + left_below[i];
	if (leat_stack_brief_due(s, d, &work))
		return true;
	for (uint32_t i = 0; i < WATCH_LEFT_CNT; i++) {
		w->sum.waits[i] += d->due.cnt[i];
		cnt += d->due.cnt[i];
	}
	w->matched += cnt;
	w->sum.by_state[TCP_ST_TIME_WAIT] += cnt;
	w->sum.clients += cnt - u64_min(cnt, d->passive);
	w->sum.oldest_ns[TCP_ST_TIME_WAIT] =
		u64_max(w->sum.oldest_ns[TCP_ST_TIME_WAIT], d->oldest_ns);
	w->ended = true;
	return false;
}

/* step_walk looks at a few batches; true: there is more to look at. */
static bool step_walk(struct watch_scan *w, struct leat_stack *s)
{
	uint32_t work = WATCH_SCAN_WORK;

	while (work > 0 && !leat_stack_brief_ended(s, &w->walk)) {
		struct stack_brief brief[STACK_BRIEF_MAX];
		const struct stack_walk before = w->walk;
		uint32_t cost = 0;

		if (w->row != NULL && w->row_cnt + STACK_BRIEF_MAX > w->row_max)
			return false;
		uint32_t cnt = leat_stack_brief_some(s, &w->walk, &work, brief);
		for (uint32_t i = 0; i < cnt; i++) {
			if (take_one(w, s, &brief[i], &cost))
				continue;
			/* Those that were taken are gone: the batch begins anew. */
			w->walk.cursor = before.cursor;
			w->walk.seen = before.seen + i;
			return true;
		}
		work -= u32_min(work, cost);
	}
	return !leat_stack_brief_ended(s, &w->walk);
}

bool leat_watch_scan_step(void *arg, struct leat_stack *s, uint64_t now)
{
	struct watch_scan *w = arg;
	bool has_due;

	w->now = now;
	if (!w->begun)
		begin(w);
	if (w->exact)
		return step_exact(w, s);
	if (!leat_stack_brief_ended(s, &w->walk)) {
		if (step_walk(w, s))
			return true;
		if (!leat_stack_brief_ended(s, &w->walk))
			return false; /* the rows are full */
	}
	has_due = w->walk.no_records && (w->filter.states >> TCP_ST_TIME_WAIT & 1) != 0;
	if (has_due)
		return step_due(w, s);
	w->ended = true;
	return false;
}

void leat_watch_sum_add(struct watch_sum *sum, const struct watch_sum *one)
{
	sum->clients += one->clients;
	for (uint32_t i = 0; i < TCP_ST_CNT; i++) {
		sum->by_state[i] += one->by_state[i];
		sum->oldest_ns[i] = u64_max(sum->oldest_ns[i], one->oldest_ns[i]);
	}
	for (uint32_t i = 0; i < WATCH_LEFT_CNT; i++)
		sum->waits[i] += one->waits[i];
}
