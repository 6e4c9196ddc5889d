/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_SCAN_H
#define LEAT_WATCH_SCAN_H

/* watch_scan: one shard's part of a question for connections, a step each turn.
 *
 *	who asks:   row, filter, full ─► letter ─► shard: step, step, step ─► answered
 *	            rows, counts      ◄────────────────────────────────────
 *
 * A step does a bounded amount of work, counted and not timed: connections looked at, nodes of the
 * filter, rows written.  WATCH_SCAN_WORK is what keeps a turn from getting longer by 20 us
 * (bench/bench_conns.c measures it).
 *
 * What is looked at, and what is done with what the filter means:
 *
 *	LIST    a row, while there are to be any, and not one behind `worst`
 *	SUM     counts by state, role, time left; without an expression the records of TIME-WAIT
 *	        are not looked at but counted block by block
 *	KILL    ended, and a row as it was before
 *
 * A filter that names all of a tuple is answered by the flow table.
 *
 * Affinity   step: the lcore of the stack; the rest: who asks, before it is put and when it is
 *            answered.
 * Errors     none. */

#include "watch_filter.h"

#define WATCH_SCAN_WORK 2048 /* of a step; see stack_brief.h */
#define WATCH_SCAN_ROWS 4096
#define WATCH_LEFT_CNT  4

enum watch_scan_kind {
	WATCH_SCAN_LIST,
	WATCH_SCAN_SUM,
	WATCH_SCAN_KILL,
};

struct watch_sum {
	uint64_t by_state[TCP_ST_CNT], oldest_ns[TCP_ST_CNT];
	uint64_t clients;
	uint64_t waits[WATCH_LEFT_CNT]; /* in TIME-WAIT, left: below 1 s, 10 s, 30 s, more */
};

struct watch_scan {
	enum watch_scan_kind kind;
	struct watch_filter filter;
	uint32_t shard;
	struct stack_brief *row; /* row_max of them, at least STACK_BRIEF_MAX; not with SUM */
	struct leat_info *info;  /* as many, when more is asked for, else NULL */
	uint32_t row_max, row_cnt;
	bool full;      /* there are enough rows: the rest are only counted */
	bool has_worst; /* a row that does not stand before worst is only counted */
	struct stack_brief worst;
	uint64_t worst_now;
	uint32_t worst_shard;
	uint64_t kill_max; /* KILL: so many and no more */
	/* The answer. */
	bool ended;   /* that was all; else ask again, with row_cnt 0, when the rows are taken */
	uint64_t now; /* of the last step */
	uint64_t matched; /* with KILL: and were ended */
	struct watch_sum sum;
	/* Its own. */
	struct stack_walk walk;
	struct stack_due due;
	bool begun, exact;
	struct tuple tuple;
};

/* leat_watch_scan_step does one step; false: the rows are full, or that was all. */
bool leat_watch_scan_step(void *arg, struct leat_stack *s, uint64_t now);

/* leat_watch_scan_add adds what one shard counted to sum. */
void leat_watch_sum_add(struct watch_sum *sum, const struct watch_sum *one);

#endif
