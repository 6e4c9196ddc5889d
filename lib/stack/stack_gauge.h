/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STACK_GAUGE_H
#define LEAT_STACK_GAUGE_H

/* stack_gauge: what an operator asks about connections as a whole.
 *
 *	what became of TIME-WAIT    one number per outcome, made of counters, or of sums of them
 *	how many, how old, by state one walk over the records, when it is asked and not before;
 *	and when TIME-WAIT ends     so many before each of some instants
 *	what they wait for          a window, an acknowledgment: seen by the same walk
 *
 * The age is how long the oldest has been where it is: in TIME-WAIT, and in FIN-WAIT-2 once its
 * limit runs, since that began; with a FIN or text under way, since it first left without an
 * acknowledgment; else since the connection was opened.
 *
 * Shape      arrays of the caller.
 * Units      connections, ns.
 * Affinity   outcomes: none, they are of copies.  The walk: the lcore of the stack, or nobody else.
 * Cost       the walk looks at no more records than it is told.
 * RFC        9293 3.3.2 */

#include "stack.h"
#include "tcp_tw_ring.h"

#define STACK_OUTCOME_MAX 16

struct stack_outcome {
	const char *name; /* "reused by timestamp" */
	const char *key;  /* "reused_by_timestamp" */
	uint64_t cnt;
};

struct stack_gauge {
	uint32_t cnt[TCP_ST_CNT];
	uint64_t oldest_ns[TCP_ST_CNT];
	uint32_t persist_cnt; /* that wait for the peer's window to open */
	uint32_t unheard_cnt; /* open: what they sent timed out, and nothing new is acknowledged */
	struct tw_due ends;   /* of TIME-WAIT, when until_cnt is not 0 */
};

/* leat_stack_time_wait writes what became of TIME-WAIT, and returns how many rows that are. */
uint32_t leat_stack_time_wait(const struct stack_counters *s, const struct tcp_counters *t,
	struct stack_outcome outcome[STACK_OUTCOME_MAX]);

/* leat_stack_gauge adds to g the next look records from *cursor on, which is 0 at first; false:
 * those were the last.  Of records of TIME-WAIT it looks at blocks, one for 16 of look. */
bool leat_stack_gauge(struct leat_stack *s, uint32_t *cursor, uint32_t look, struct stack_gauge *g);

#endif
