/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STACK_BRIEF_H
#define LEAT_STACK_BRIEF_H

/* stack_brief: all connections, one after the other, a few at a time, in as few words as a list
 * has of them.
 *
 *	│ tcb tcb tcb ... │ records of TIME-WAIT ... │
 *	       └► cursor
 *
 * Whoever walks spends `work`, a count of what was done and not of time: STACK_BRIEF_LOOK for a
 * record of TIME-WAIT, which lie side by side, or an empty tcb; STACK_BRIEF_TCB for one in use,
 * whose lines are fetched ahead.  So a walk is cut into parts that take equally long, whatever
 * there is.
 *
 * Shape      batches of at most STACK_BRIEF_MAX.
 * Units      instants in ns on the stack's clock.
 * Affinity   the lcore of the stack, or nobody else.
 * Errors     none: what is opened or ended while the walk is under way may be missed.
 * See        leat_info of leat.h, which says more of one. */

#include "stack.h"
#include "tcp_tw_ring.h"

#define STACK_BRIEF_MAX  32
#define STACK_BRIEF_LOOK 8 /* what it costs: 1 is about 10 cycles */
#define STACK_BRIEF_TCB  64

struct stack_brief {
	struct tuple tuple;
	uint64_t opened_at, used_at; /* 0: not known */
	struct leat_timer timer;     /* the next; name NULL: none */
	uint32_t recv_q, send_q;     /* octets not read, not acknowledged */
	uint32_t rtx_cnt, tries;     /* segments sent again; timeouts in a row */
	uint32_t name;               /* for the functions below, until it changes */
	uint8_t state;               /* enum tcp_state */
	bool passive;
};

struct stack_walk {
	uint32_t cursor; /* at first 0 */
	uint32_t states; /* a bit for each: others are not described */
	bool no_records; /* those of TIME-WAIT are only counted, in no time: see below */
	uint64_t seen;   /* in use, described or not */
};

/* When the records of TIME-WAIT end, which a walk with no_records leaves out. */
struct stack_due {
	uint32_t cursor; /* at first 0 */
	uint32_t records, passive;
	uint64_t oldest_ns; /* how long the first has waited */
	struct tw_due due;
};

/* leat_stack_brief_some goes on with a walk, describes at most STACK_BRIEF_MAX to brief, and says
 * how many; *work is what it may spend and what is left of it, 0 when all is done up to the last
 * one's cost.  Assumes *work is not 0. */
uint32_t leat_stack_brief_some(struct leat_stack *s, struct stack_walk *w, uint32_t *work,
	struct stack_brief brief[STACK_BRIEF_MAX]);

/* leat_stack_brief_ended says whether the walk has come to its end. */
bool leat_stack_brief_ended(const struct leat_stack *s, const struct stack_walk *w);

/* leat_stack_brief_due goes on with d, whose due.until says what is asked for; false: it is done.
 * *work as above. */
bool leat_stack_brief_due(struct leat_stack *s, struct stack_due *d, uint32_t *work);

/* leat_stack_brief_find describes the connection of this tuple, by the flow table; 0: there is
 * none, 2: one in TIME-WAIT, and the one that is about to take its place. */
uint32_t leat_stack_brief_find(
	struct leat_stack *s, const struct tuple *tuple, struct stack_brief brief[2]);

/* leat_stack_brief_info says all there is of one that was just described. */
void leat_stack_brief_info(struct leat_stack *s, uint32_t name, struct leat_info *info);

/* What became of one that an operator would rather not have. */
enum stack_kill {
	STACK_KILL_DONE,
	STACK_KILL_NONE, /* it is none that can be: a listener, or ended already */
	STACK_KILL_FULL, /* there is no room for another reset: after the next leat_stack_output */
};

/* leat_stack_kill ends one that was just described, with a reset where one is due (RFC 9293
 * 3.10.5), a record of TIME-WAIT without a word; counted as TCP_END_KILLED. */
enum stack_kill leat_stack_kill(struct leat_stack *s, uint32_t name);

#endif
