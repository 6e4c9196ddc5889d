/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_state.h"

#include "base_bits.h"
#include "tcp_core.h"
#include "tcp_follow.h"

/* What an event does in a state; where it is no arrow, `to` is NONE. */
struct step {
	uint8_t to, arrow;
};

#define EVENT_PLACES 16 /* so that a row is found by a shift */

STATIC_ASSERT(TCP_EV_CNT <= EVENT_PLACES, "each event has its place");

static const struct step step_of[TCP_ST_CNT][EVENT_PLACES] = {
#define ARROW(from, event, to, where)                                                              \
	[TCP_ST_##from][TCP_EV_##event] = {TCP_ST_##to, TCP_ARROW_##from##_##event},
#include "tcp_fsm.def"
#undef ARROW
};

/* Where each arrow begins and ends. */
static const struct ends {
	uint8_t from, to;
} ends_of[TCP_ARROW_CNT] = {
#define ARROW(from, event, to, where) [TCP_ARROW_##from##_##event] = {TCP_ST_##from, TCP_ST_##to},
#include "tcp_fsm.def"
#undef ARROW
};

static const char *const state_name[TCP_ST_CNT] = {
	[TCP_ST_NONE] = "NONE",
	[TCP_ST_CLOSED] = "CLOSED",
	[TCP_ST_LISTEN] = "LISTEN",
	[TCP_ST_SYN_SENT] = "SYN-SENT",
	[TCP_ST_SYN_RECEIVED] = "SYN-RECEIVED",
	[TCP_ST_ESTABLISHED] = "ESTABLISHED",
	[TCP_ST_FIN_WAIT_1] = "FIN-WAIT-1",
	[TCP_ST_FIN_WAIT_2] = "FIN-WAIT-2",
	[TCP_ST_CLOSE_WAIT] = "CLOSE-WAIT",
	[TCP_ST_CLOSING] = "CLOSING",
	[TCP_ST_LAST_ACK] = "LAST-ACK",
	[TCP_ST_TIME_WAIT] = "TIME-WAIT",
};

static const char *const arrow_name[TCP_ARROW_CNT] = {
#define ARROW(from, event, to, where) [TCP_ARROW_##from##_##event] = #from " " #event " " #to,
#include "tcp_fsm.def"
#undef ARROW
};

static void state_set(struct tcp_engine *e, struct tcb *tcb, uint8_t state)
{
	e->cnt.present[tcb->state]--;
	e->cnt.present[state]++;
	tcb->state = state;
}

void leat_tcp_state_born(struct tcp_engine *e, struct tcb *tcb, enum tcp_state state)
{
	DCHECK(tcb->state == TCP_ST_NONE);
	DCHECK(state == TCP_ST_CLOSED || state == TCP_ST_LISTEN);
	state_set(e, tcb, (uint8_t)state);
}

void leat_tcp_state_freed(struct tcp_engine *e, struct tcb *tcb)
{
	DCHECK(tcb->state == TCP_ST_CLOSED);
	state_set(e, tcb, TCP_ST_NONE);
}

void leat_tcp_state_rest(struct tcp_engine *e, struct tcb *tcb)
{
	DCHECK(tcb->state == TCP_ST_TIME_WAIT);
	e->cnt.present[TCP_ST_NONE]++;
	tcb->state = TCP_ST_NONE;
}

void leat_tcp_state_speaks(struct tcb *tcb)
{
	tcb->state = TCP_ST_TIME_WAIT;
}

void leat_tcp_state_over(struct tcp_engine *e, enum tcp_event event)
{
	const struct step *step = &step_of[TCP_ST_TIME_WAIT][event];

	ASSERT(step->to == TCP_ST_CLOSED);
	e->cnt.arrow[step->arrow]++;
	e->cnt.present[TCP_ST_TIME_WAIT]--;
}

__attribute__((cold, noinline)) void leat_tcp_state_note(
	struct tcp_engine *e, const struct tcb *tcb, uint8_t from, uint8_t to, enum tcp_end why)
{
	struct tcp_follow_event event = {.from = from,
		.to = to,
		.why = (uint8_t)why,
		.passive = (tcb->flags & TCP_F_PASSIVE) != 0};

	tcp_tuple(e, tcb, &event.tuple);
	leat_tcp_follow_note(e->follow, &event);
}

inline void leat_tcp_go(struct tcp_engine *e, struct tcb *tcb, enum tcp_arrow arrow)
{
	const struct ends ends = ends_of[arrow];

	ASSERT(tcb->state == ends.from);
	e->cnt.arrow[arrow]++;
	state_set(e, tcb, ends.to);
	if (UNLIKELY(e->follow != NULL) && ends.to != TCP_ST_CLOSED)
		leat_tcp_state_note(e, tcb, ends.from, ends.to, TCP_END_NONE);
}

void leat_tcp_step(struct tcp_engine *e, struct tcb *tcb, enum tcp_event event)
{
	const struct step *step = &step_of[tcb->state][event];

	ASSERT(step->to != TCP_ST_NONE);
	leat_tcp_go(e, tcb, step->arrow);
}

const char *leat_tcp_state_name(enum tcp_state state)
{
	return state < TCP_ST_CNT ? state_name[state] : "?";
}

const char *leat_tcp_arrow_name(enum tcp_arrow arrow)
{
	return arrow < TCP_ARROW_CNT ? arrow_name[arrow] : "?";
}
