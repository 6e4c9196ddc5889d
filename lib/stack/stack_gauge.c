/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_gauge.h"

#include "stack_core.h"

#include <string.h>

#define BLOCK_COST 16 /* tcbs that a block of records is worth */

uint32_t leat_stack_time_wait(const struct stack_counters *s, const struct tcp_counters *t,
	struct stack_outcome outcome[STACK_OUTCOME_MAX])
{
	const struct stack_outcome all[] = {
		{"entered", "entered", t->time_wait_entered},
		{"expired", "expired", t->ended[TCP_END_TIME_WAIT]},
		{"restarted by a FIN", "restarted", t->time_wait_restarted},
		{"reused by sequence", "reused_by_sequence", t->verdict[TCP_V_TIME_WAIT_SYN_SEQ]},
		{"reused by timestamp", "reused_by_timestamp", t->verdict[TCP_V_TIME_WAIT_SYN_TS]},
		{"given back by an old SYN", "returned", s->time_wait_returned},
		{"reuse rejected", "reuse_rejected",
			t->verdict[TCP_V_TIME_WAIT_SYN_OLD] + t->verdict[TCP_V_TIME_WAIT_SYN_OFF]},
		{"RST ignored", "rst_ignored", t->verdict[TCP_V_RST_TIME_WAIT]},
		{"RST obeyed", "rst_obeyed", t->arrow[TCP_ARROW_TIME_WAIT_RCV_RST]},
		{"aborted", "aborted",
			t->arrow[TCP_ARROW_TIME_WAIT_ABORT] - t->ended[TCP_END_GAVE_WAY]},
		{"gave way, the table was full", "evicted", t->ended[TCP_END_GAVE_WAY]},
		{"refused, the table was full", "refused", s->time_wait_refused},
		{"connect reused", "connect_reused", s->connect_reused},
	};

	STATIC_ASSERT(COUNT_OF(all) <= STACK_OUTCOME_MAX, "there is a row for each");
	memcpy(outcome, all, sizeof(all));
	return COUNT_OF(all);
}

/* Since when tcb has been where it is; see the head of stack_gauge.h. */
static uint64_t since(const struct leat_stack *s, const struct tcb *tcb)
{
	uint64_t ends = leat_tcp_ring_deadline(s->tcp, tcb);

	if (ends != TIME_NEVER)
		return ends - leat_tcp_ring_lasts(s->tcp, tcb);
	if (tcp_in(tcb->state, TCP_FIN_OWED))
		return u64_max(tcb->rtx_since, tcb->opened_at);
	return tcb->opened_at;
}

/* What one waits for that sends; a SYN has its state. */
static void add_wait(const struct tcb *tcb, struct stack_gauge *g)
{
	if (tcb->rtx_at == TIME_NEVER || tcb->state <= TCP_ST_SYN_SENT ||
		tcb->state == TCP_ST_TIME_WAIT)
		return;
	g->persist_cnt += tcb->rtx_kind == TCP_RTX_PERSIST;
	g->unheard_cnt += tcb->rtx_kind == TCP_RTX_RTO && tcb->tries != 0;
}

/* Those in TIME-WAIT that are records. */
static void add_records(const struct leat_stack *s, struct stack_gauge *g)
{
	uint32_t cnt = leat_tcp_tw_cnt(s->tcp);

	if (cnt == 0)
		return;
	g->cnt[TCP_ST_TIME_WAIT] += cnt;
	g->oldest_ns[TCP_ST_TIME_WAIT] =
		u64_max(g->oldest_ns[TCP_ST_TIME_WAIT], s->now - leat_tcp_tw_first_began(s->tcp));
}

/* spread goes on behind the control blocks; false: all is seen. */
static bool spread(struct leat_stack *s, uint32_t *cursor, uint32_t look, struct stack_gauge *g)
{
	uint32_t block = *cursor - s->config.tcp.tcb_max;
	bool more = g->ends.until_cnt != 0 &&
		    leat_tcp_tw_count_due(s->tcp, &block, look / BLOCK_COST + 1, &g->ends);

	*cursor = s->config.tcp.tcb_max + block;
	return more;
}

bool leat_stack_gauge(struct leat_stack *s, uint32_t *cursor, uint32_t look, struct stack_gauge *g)
{
	for (; look > 0 && *cursor < s->config.tcp.tcb_max; (*cursor)++, look--) {
		const struct tcb *tcb = stack_tcb(s, *cursor);

		if (tcb->state == TCP_ST_NONE)
			continue;
		g->cnt[tcb->state]++;
		g->oldest_ns[tcb->state] =
			u64_max(g->oldest_ns[tcb->state], s->now - since(s, tcb));
		add_wait(tcb, g);
		if (tcb->state == TCP_ST_TIME_WAIT && g->ends.until_cnt != 0)
			g->ends.cnt[tw_due_place(
				&g->ends, leat_tcp_ring_deadline(s->tcp, tcb), 0)]++;
	}
	if (*cursor < s->config.tcp.tcb_max || spread(s, cursor, look, g))
		return true;
	add_records(s, g);
	return false;
}
