/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"
#include "base_time.h"
#include "tcp_tw.h"

#include <stdio.h>

/* The states that may have a timer. */
#define ALIVE (TCP_SYNCHRONIZED | TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED))

static struct tcb *record(struct talk *t, uint32_t idx)
{
	return leat_tcp_tcb(leat_stack_engine(t->stack), idx);
}

/* Calls see with each connection, those that are records of TIME-WAIT among them, until it says
 * that it saw enough. */
static void each(struct talk *t, bool (*see)(void *arg, struct tcb *tcb, bool there), void *arg)
{
	struct tcp_engine *e = leat_stack_engine(t->stack);
	uint32_t look = UINT32_MAX, unit = 0, name;

	for (uint32_t i = 0; i < t->setup.config.tcp.tcb_max; i++)
		if (record(t, i)->state != TCP_ST_NONE &&
			!see(arg, record(t, i), record(t, i)->flags & TCP_F_FLOW))
			return;
	while (leat_tcp_tw_scan(e, &unit, &look, &name))
		if (!see(arg, leat_tcp_tw_look(e, name, t->now),
			    !(leat_tcp_tw_flags(e, name) & (TW_F_ASIDE | TW_F_OUT))))
			return;
}

/* Of two records of the tuple the one that segments go to is meant, not one that was reset or waits
 * in TIME-WAIT beside its heir. */
static bool is_the_one(void *arg, struct tcb *tcb, bool there)
{
	struct tcb **found = arg;

	if (tcb->state == TCP_ST_LISTEN || tcb->ends.rport != TALK_PEER_PORT)
		return true;
	if (!*found || (*found)->state == TCP_ST_CLOSED || there)
		*found = tcb;
	return true;
}

struct tcb *leat_talk_tcb(struct talk *t)
{
	struct tcb *found = NULL;

	each(t, is_the_one, &found);
	return found;
}

struct tcb *leat_talk_listener(struct talk *t)
{
	for (uint32_t i = 0; i < t->setup.config.tcp.tcb_max; i++) {
		if (record(t, i)->state == TCP_ST_LISTEN)
			return record(t, i);
	}
	return NULL;
}

const char *leat_talk_end_name(uint8_t end)
{
	static const char *const names[TCP_END_CNT] = {
		[TCP_END_NONE] = "alive",
		[TCP_END_TIME_WAIT] = "time-wait",
		[TCP_END_LAST_ACK] = "last-ack",
		[TCP_END_RESET] = "reset",
		[TCP_END_REFUSED] = "refused",
		[TCP_END_ABORTED] = "aborted",
		[TCP_END_TIMEOUT] = "timeout",
		[TCP_END_FW2_LIMIT] = "fin-wait-2-limit",
		[TCP_END_CLOSED] = "closed",
		[TCP_END_EVICTED] = "evicted",
		[TCP_END_REUSED] = "reused",
		[TCP_END_GAVE_WAY] = "gave-way",
		[TCP_END_KILLED] = "killed",
	};

	return end < TCP_END_CNT ? names[end] : "unknown";
}

static void see_ends(struct talk *t)
{
	const struct tcp_counters *counters = leat_stack_tcp(t->stack);

	for (uint8_t i = 0; i < TCP_END_CNT; i++) {
		if (counters->ended[i] != t->ended[i])
			t->end = leat_talk_end_name(i);
		t->ended[i] = counters->ended[i];
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct next {
	const struct tcp_engine *e;
	uint64_t at;
};

static bool see_timers(void *arg, struct tcb *tcb, bool there)
{
	struct next *next = arg;

	(void)there;
	if (!tcp_in(tcb->state, ALIVE))
		return true;
	next->at = earlier(next->at, earlier(tcb->rtx_at, tcb->delack_at));
	if (tcp_in(tcb->state, TCP_SET(TIME_WAIT) | TCP_SET(FIN_WAIT_2)))
		next->at = earlier(next->at, leat_tcp_ring_deadline(next->e, tcb));
	return true;
}

/* The next instant that the states of the connections explain. */
static uint64_t explained(struct talk *t)
{
	struct next next = {leat_stack_engine(t->stack), TIME_NEVER};

	each(t, see_timers, &next);
	return next.at;
}

static void instant_text(const struct talk *t, uint64_t at, char *text, size_t size)
{
	if (at == TIME_NEVER)
		snprintf(text, size, "none");
	else
		snprintf(text, size, "@%.9g", ((double)at - (double)t->start) / 1e9);
}

static void check_deadline(struct talk *t)
{
	uint64_t want = explained(t), got = leat_stack_next_deadline(t->stack);
	char want_text[48], got_text[48];

	if (want == got)
		return;
	instant_text(t, want, want_text, sizeof(want_text));
	instant_text(t, got, got_text, sizeof(got_text));
	leat_talk_fail(t, "the timer that the state explains", "timer %s, explained %s", got_text,
		want_text);
}

void leat_talk_check(struct talk *t)
{
	char text[TALK_LINE_MAX];

	for (uint32_t i = 0; i < t->setup.config.tcp.tcb_max; i++) {
		if (record(t, i)->state != TCP_ST_NONE)
			leat_tcp_tcb_check(leat_stack_engine(t->stack), record(t, i));
	}
	leat_tcp_tw_check(leat_stack_engine(t->stack));
	leat_talk_take_home(t);
	const char *error = leat_stack_ledger_error(t->stack, text, sizeof(text));
	if (error)
		leat_talk_fail(t, "a ledger that balances", "%s", error);
	check_deadline(t);
	see_ends(t);
}

void leat_talk_check_home(struct talk *t)
{
	const struct tcp_counters *counters = leat_stack_tcp(t->stack);

	for (uint32_t i = 0; i < t->frame_cnt; i++) {
		if (t->frame[i])
			leat_talk_fail(t, "all buffers at home", "buffer %u is still out", i);
	}
	if (counters->rbuf_held)
		leat_talk_fail(t, "no text held", "%u records", counters->rbuf_held);
	if (counters->ext_held || counters->srec_held)
		leat_talk_fail(t, "nothing held of what was sent", "%u connections, %u segments",
			counters->ext_held, counters->srec_held);
	for (uint32_t i = TCP_ST_CLOSED; i < TCP_ST_CNT; i++) {
		if (counters->present[i])
			leat_talk_fail(t, "no record left", "%u in %s", counters->present[i],
				leat_tcp_state_name((enum tcp_state)i));
	}
}
