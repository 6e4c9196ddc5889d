/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_brief.h"

#include "base_bits.h"
#include "stack_core.h"
#include "tcp_follow.h"

#define BLOCK_COST 64 /* of records, of which two are looked at as a rule */
#define AHEAD      8  /* tcbs whose lines are fetched before they are looked at */

void leat_stack_follow(struct leat_stack *s, struct tcp_follow *f)
{
	if (f != NULL)
		f->now = &s->now;
	leat_tcp_follow(s->tcp, f);
}

static void brief_tcb(struct leat_stack *s, const struct tcb *tcb, struct stack_brief *b)
{
	const struct tcp_tally *t = leat_tcp_tally(s->tcp, tcb);

	*b = (struct stack_brief){.tuple = stack_tuple(s, tcb),
		.opened_at = tcb->opened_at,
		.timer = leat_stack_next_timer(s, tcb),
		.recv_q = tcb->rcv.unread,
		.send_q = stack_unacked(tcb),
		.rtx_cnt = tcb->rtx_cnt,
		.tries = tcb->tries,
		.name = tcb->idx,
		.state = tcb->state,
		.passive = (tcb->flags & TCP_F_PASSIVE) != 0};
	if (s->config.tcp.tally)
		b->used_at = u64_max(t->sent_at, u64_max(t->text_at, t->ack_at));
}

static void brief_record(struct leat_stack *s, uint32_t name, struct stack_brief *b)
{
	struct tw_info info;

	leat_tcp_tw_read(s->tcp, name, &info);
	*b = (struct stack_brief){.tuple = info.tuple,
		.timer = {TCP_RING_2MSL, info.ends_at},
		.name = name,
		.state = TCP_ST_TIME_WAIT,
		.passive = (info.mark & TW_M_PASSIVE) != 0};
}

static void spend(uint32_t *work, uint32_t cost)
{
	*work -= u32_min(*work, cost);
}

static uint32_t some_tcbs(
	struct leat_stack *s, struct stack_walk *w, uint32_t *work, struct stack_brief *brief)
{
	uint32_t end = s->config.tcp.tcb_max, cnt = 0;

	while (*work > 0 && cnt < STACK_BRIEF_MAX && w->cursor < end) {
		const struct tcb *tcb = stack_tcb(s, w->cursor++);
		const struct tcb *later = stack_tcb(s, u32_min(w->cursor + AHEAD, end - 1));

		__builtin_prefetch(&later->state);
		__builtin_prefetch(&later->ends);
		spend(work, STACK_BRIEF_LOOK);
		if (tcb->state == TCP_ST_NONE)
			continue;
		w->seen++;
		if (!(w->states >> tcb->state & 1))
			continue;
		spend(work, STACK_BRIEF_TCB - STACK_BRIEF_LOOK);
		brief_tcb(s, tcb, &brief[cnt++]);
	}
	return cnt;
}

uint32_t leat_stack_brief_some(struct leat_stack *s, struct stack_walk *w, uint32_t *work,
	struct stack_brief brief[STACK_BRIEF_MAX])
{
	uint32_t cnt = some_tcbs(s, w, work, brief), end = s->config.tcp.tcb_max;

	DCHECK(w->cursor <= end || *work > 0);
	if (w->cursor < end)
		return cnt;
	if (!(w->states >> TCP_ST_TIME_WAIT & 1) || w->no_records) {
		w->seen += w->cursor == end ? leat_tcp_tw_cnt(s->tcp) : 0;
		w->cursor = UINT32_MAX;
		return cnt;
	}
	uint32_t looks = *work / STACK_BRIEF_LOOK + (*work > 0), all = looks;

	for (uint32_t name, unit = w->cursor - end; cnt < STACK_BRIEF_MAX; cnt++) {
		bool found = leat_tcp_tw_scan(s->tcp, &unit, &looks, &name);

		w->cursor = end + unit;
		if (!found)
			break;
		w->seen++;
		brief_record(s, name, &brief[cnt]);
	}
	spend(work, (all - looks) * STACK_BRIEF_LOOK);
	return cnt;
}

bool leat_stack_brief_ended(const struct leat_stack *s, const struct stack_walk *w)
{
	return w->cursor >= s->config.tcp.tcb_max + leat_tcp_tw_scan_end(s->tcp);
}

bool leat_stack_brief_due(struct leat_stack *s, struct stack_due *d, uint32_t *work)
{
	uint32_t blocks = *work / BLOCK_COST + 1;

	*work = 0;
	d->records = leat_tcp_tw_cnt(s->tcp);
	d->passive = leat_tcp_tw_passive_cnt(s->tcp);
	d->oldest_ns = d->records > 0 ? s->now - leat_tcp_tw_first_began(s->tcp) : 0;
	return leat_tcp_tw_count_due(s->tcp, &d->cursor, blocks, &d->due);
}

static void brief_named(struct leat_stack *s, uint32_t name, struct stack_brief *b)
{
	if (name & FLOW_UNIT)
		brief_record(s, name, b);
	else
		brief_tcb(s, stack_tcb(s, name), b);
}

uint32_t leat_stack_brief_find(
	struct leat_stack *s, const struct tuple *tuple, struct stack_brief brief[2])
{
	uint32_t name = leat_flow_table_find(s->flow, leat_flow_hash(s->flow, tuple), tuple);

	if (name == FLOW_NONE)
		return 0;
	brief_named(s, name, &brief[0]);
	if (name & FLOW_UNIT || !(s->conn[name].flags & CONN_HEIR))
		return 1;
	brief_named(s, s->conn[name].old, &brief[1]);
	return 2;
}

void leat_stack_brief_info(struct leat_stack *s, uint32_t name, struct leat_info *info)
{
	const struct tcb *tcb =
		name & FLOW_UNIT ? leat_stack_wait_look(s, name, 0) : stack_tcb(s, name);

	leat_stack_describe(s, tcb, info);
}

enum stack_kill leat_stack_kill(struct leat_stack *s, uint32_t name)
{
	if (name & FLOW_UNIT) {
		leat_stack_wait_over(s, name, TCP_END_KILLED);
		return STACK_KILL_DONE;
	}
	struct tcb *tcb = stack_tcb(s, name);
	struct conn *c = stack_conn(s, tcb);

	if (tcp_in(tcb->state, TCP_SET(NONE) | TCP_SET(CLOSED) | TCP_SET(LISTEN)) ||
		(c->flags & CONN_ABORT))
		return STACK_KILL_NONE;
	if (s->io.emit_cnt == TCP_IO_EMIT_MAX)
		return STACK_KILL_FULL;
	(void)leat_tcp_kill(s->tcp, tcb, s->now, &s->io);
	leat_stack_settle(s);
	return STACK_KILL_DONE;
}
