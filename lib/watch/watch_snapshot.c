/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_snapshot.h"

#include "base_assert.h"
#include "base_bits.h"
#include "watch_word.h"

#include <inttypes.h>
#include <string.h>

STATIC_ASSERT((uint32_t)WATCH_L_CNT == WATCH_LOAD_CNT, "a place for each");

static const char *const single_name[WATCH_CELL_SINGLE_CNT] = {
#define CELL(NAME, name, from) #name,
#define PEAK                   CELL
#include "watch_cell.def"
#undef PEAK
#undef CELL
	"cpu", "role", "silent", "time_wait_max", "persisting", "unheard", "lately_time_wait_full",
	"lately_reuse_rejected"};

static const bool is_peak[WATCH_CELL_SINGLE_CNT] = {
#define CELL(NAME, name, from) false,
#define PEAK(NAME, name, from) true,
#include "watch_cell.def"
#undef PEAK
#undef CELL
	true, true};

static const char *const arrow_key[TCP_ARROW_CNT] = {
#define ARROW(from, event, to, where) #from "." #event,
#include "tcp_fsm.def"
#undef ARROW
};

static const char *const state_key[TCP_ST_CNT] = {"none", "closed", "listen", "syn_sent",
	"syn_recv", "established", "fin_wait1", "fin_wait2", "close_wait", "closing", "last_ack",
	"time_wait"};

static const char *const end_key[] = {"none", "time_wait", "last_ack", "reset", "refused",
	"aborted", "timeout", "fin_wait2_limit", "closed", "evicted", "reused", "gave_way",
	"killed"};

STATIC_ASSERT(COUNT_OF(end_key) == TCP_END_CNT, "each end has a name");

static const char *const stage_name[WATCH_STAGE_CNT] = {
	"rx", "parse", "tcp", "mail", "timers", "app", "tx"};

static const char *const load_key[WATCH_L_CNT] = {"planned", "started", "late", "connected",
	"completed", "failed", "not_started", "in_flight", "connect_ns", "response_ns"};

const char *leat_watch_state_key(uint8_t state)
{
	return state_key[state < TCP_ST_CNT ? state : TCP_ST_NONE];
}

const char *leat_watch_end_key(uint32_t end)
{
	return end_key[end < TCP_END_CNT ? end : TCP_END_NONE];
}

const char *leat_watch_stage_name(uint32_t stage)
{
	return stage < WATCH_STAGE_CNT ? stage_name[stage] : "?";
}

const char *leat_watch_load_key(uint32_t load)
{
	return load < WATCH_L_CNT ? load_key[load] : "?";
}

const char *leat_watch_role_name(uint64_t role)
{
	return role == WATCH_CLIENT ? "client" : "server";
}

/* outcome_key is that of a row of leat_stack_time_wait; NULL: there is no such row. */
static const char *outcome_key(uint32_t i)
{
	static const struct stack_counters no_stack;
	static const struct tcp_counters no_tcp;
	struct stack_outcome o[STACK_OUTCOME_MAX];

	return i < leat_stack_time_wait(&no_stack, &no_tcp, o) ? o[i].key : NULL;
}

/* group is what the cell is part of, and which of it. */
static const char *group(uint32_t cell, uint32_t *i)
{
	static const struct {
		uint32_t from;
		const char *name;
	} all[] = {{WATCH_WIRE, "wire"}, {WATCH_SEGMENT, "segment"}, {WATCH_ARROW, "arrow"},
		{WATCH_ENDED, "ended"}, {WATCH_OUTCOME, "time_wait"}, {WATCH_PRESENT, "present"},
		{WATCH_OLDEST, "oldest_ns"}, {WATCH_DUE, "due"}, {WATCH_TW_LATE, "two_msl_late"},
		{WATCH_TIMER_LATE, "timer_late"}, {WATCH_STAGE, "stage_ns"}, {WATCH_TURN, "turn"},
		{WATCH_LOAD, "load"}, {WATCH_FAIL, "load_failed"}, {WATCH_SKIP, "load_skipped"},
		{WATCH_CONNECT, "connect"}, {WATCH_RESPONSE, "response"}};
	uint32_t g = 0;

	while (g + 1 < COUNT_OF(all) && all[g + 1].from <= cell)
		g++;
	*i = cell - all[g].from;
	return all[g].name;
}

/* member is the name of number i of a group; NULL: its number is its name. */
static const char *member(uint32_t cell, uint32_t i)
{
	if (cell < WATCH_SEGMENT)
		return leat_wire_verdict_name((enum wire_verdict)i);
	if (cell < WATCH_ARROW)
		return leat_tcp_verdict_name((enum tcp_verdict)i);
	if (cell < WATCH_ENDED)
		return arrow_key[i];
	if (cell < WATCH_OUTCOME)
		return end_key[i];
	if (cell < WATCH_PRESENT)
		return outcome_key(i);
	if (cell < WATCH_DUE)
		return state_key[i];
	if (cell >= WATCH_STAGE && cell < WATCH_TURN)
		return stage_name[i];
	return cell >= WATCH_LOAD && cell < WATCH_FAIL ? load_key[i] : NULL;
}

const char *leat_watch_cell_name(uint32_t cell, char name[WATCH_NAME_MAX])
{
	uint32_t i;

	ASSERT(cell < WATCH_CELL_CNT);
	if (cell < WATCH_CELL_SINGLE_CNT) {
		snprintf(name, WATCH_NAME_MAX, "%s", single_name[cell]);
		return name;
	}
	const char *g = group(cell, &i), *of = member(cell, i);
	if (of != NULL)
		snprintf(name, WATCH_NAME_MAX, "%s.%s", g, of);
	else
		snprintf(name, WATCH_NAME_MAX, "%s.%" PRIu32, g, i);
	return name;
}

static bool greatest_counts(uint32_t cell)
{
	return cell < WATCH_CELL_SINGLE_CNT ? is_peak[cell]
					    : cell >= WATCH_OLDEST && cell < WATCH_DUE;
}

void leat_watch_snapshot_sum(
	const struct watch_snapshot *s, uint32_t role, uint64_t sum[WATCH_CELL_CNT])
{
	memset(sum, 0, WATCH_CELL_CNT * sizeof(*sum));
	for (uint32_t i = 0; i < s->shard_cnt; i++) {
		if (role < WATCH_ROLE_CNT && s->cell[i][WATCH_C_ROLE] != role)
			continue;
		for (uint32_t c = 0; c < WATCH_CELL_CNT; c++)
			sum[c] = greatest_counts(c) ? u64_max(sum[c], s->cell[i][c])
						    : sum[c] + s->cell[i][c];
	}
}

/* ---- what was not used ---- */

/* Reasons beside the verdicts; what is sent or received by others' fault has its own. */
static const uint32_t other[] = {WATCH_C_ACCEPT_REFUSED, WATCH_C_FLOW_REFUSED, WATCH_C_ECHO_REFUSED,
	WATCH_C_ECHO_NO_ROOM, WATCH_C_NEIGH_REFUSED, WATCH_C_NEIGH_UNANSWERED, WATCH_C_OUT_NO_NEIGH,
	WATCH_C_RST_UNSENT, WATCH_C_TX_LINK_DOWN, WATCH_C_MOVE_DROPPED, WATCH_C_WRONG_SHARD,
	WATCH_C_MAIL_REFUSED};

#define WIRE_DROP_CNT (WIRE_V_CNT - WIRE_V_DROP_FIRST)
#define TCP_DROP_CNT  (TCP_V_CNT - TCP_V_SYN_AGAIN - 1)

bool leat_watch_drop(const uint64_t cell[WATCH_CELL_CNT], uint32_t i, struct watch_drop *drop)
{
	if (i < WIRE_DROP_CNT) {
		enum wire_verdict v = (enum wire_verdict)(WIRE_V_DROP_FIRST + i);
		uint64_t early = v == WIRE_V_DROP_FRAME_LONG ? cell[WATCH_C_RX_DROP_LONG]
				 : v == WIRE_V_DROP_NO_BUF   ? cell[WATCH_C_RX_DROP_NO_BUF]
							     : 0;

		*drop = (struct watch_drop){leat_wire_verdict_name(v), leat_wire_verdict_help(v),
			cell[WATCH_WIRE + v] + early};
		return true;
	}
	i -= WIRE_DROP_CNT;
	if (i < TCP_DROP_CNT) {
		enum tcp_verdict v = (enum tcp_verdict)(TCP_V_SYN_AGAIN + 1 + i);

		*drop = (struct watch_drop){leat_tcp_verdict_name(v), leat_tcp_verdict_help(v),
			cell[WATCH_SEGMENT + v]};
		return true;
	}
	i -= TCP_DROP_CNT;
	if (i >= COUNT_OF(other))
		return false;
	const char *name = single_name[other[i]];

	*drop = (struct watch_drop){name, leat_watch_word_sentence(name), cell[other[i]]};
	return true;
}

uint64_t leat_watch_drops(const uint64_t cell[WATCH_CELL_CNT])
{
	struct watch_drop drop;
	uint64_t sum = 0;

	for (uint32_t i = 0; leat_watch_drop(cell, i, &drop); i++)
		sum += drop.cnt;
	return sum;
}

/* ---- counts of durations ---- */

/* at_rank is the place that holds what millionths of all do not exceed; cnt: nothing is there. */
static uint32_t at_rank(const uint64_t *count, uint32_t cnt, uint32_t millionths)
{
	uint64_t all = 0, seen = 0;

	for (uint32_t i = 0; i < cnt; i++)
		all += count[i];
	if (all == 0)
		return cnt;
	uint64_t want =
		u64_max(all / 1000000 * millionths + all % 1000000 * millionths / 1000000, 1);
	for (uint32_t i = 0; i < cnt; i++) {
		seen += count[i];
		if (seen >= want)
			return i;
	}
	return cnt;
}

uint64_t leat_watch_octave_at(const uint64_t cnt[HIST_OCTAVE_CNT], uint32_t millionths)
{
	uint32_t i = at_rank(cnt, HIST_OCTAVE_CNT, millionths);

	return i < HIST_OCTAVE_CNT ? hist_octave_end(i) : 0;
}

uint64_t leat_watch_turn_at(const uint64_t cnt[WATCH_TURN_CNT], uint32_t millionths)
{
	uint32_t i = at_rank(cnt, WATCH_TURN_CNT, millionths);

	return i < WATCH_TURN_CNT ? hist_slot_end(((i + 1) << WATCH_TURN_SHIFT) - 1) : 0;
}
