/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TOP_H
#define LEAT_TOP_H

/* top: an instance, seen by one snapshot after another.
 *
 *	snapshot ─► feed ─► struct top: what changed, and what was before ─► page ─► screen
 *	                                                                  └► one line of JSON
 *
 * Everything shown follows from the snapshots that were fed, and from nothing else: the same
 * snapshots give the same screens.  The page of connections alone is what leat conns says.
 *
 * Shape      the last TOP_PAST_MAX rates, and latencies of as many.
 * Memory     the struct, some 2 MiB.
 * Affinity   one thread.
 * Errors     none; a screen below 80 x 24 says so.
 * See        watch_snapshot.h; docs/top.md. */

#include "top_draw.h"
#include "watch_snapshot.h"
#include "watch_why.h"

#include <stdbool.h>

#define TOP_PAST_MAX     TOP_COLS_MAX
#define TOP_CONNS_OCTETS 65536
#define TOP_GROWS_NS     UINT64_C(10000000000) /* a state that grew so long is marked */

enum top_page {
	TOP_SHARDS,
	TOP_TIMERS,
	TOP_DROPS,
	TOP_LATENCY,
	TOP_TRANSITIONS,
	TOP_CONNECTIONS,
	TOP_PAGE_CNT
};

struct top {
	struct watch_snapshot before, now;
	uint64_t sum_before[WATCH_CELL_CNT], sum[WATCH_CELL_CNT];   /* of all shards */
	uint64_t side_before[WATCH_CELL_CNT], side[WATCH_CELL_CNT]; /* of servers, or of all clients
								      * where there are none */
	uint32_t fed;
	uint64_t for_ns;   /* between the last two; 0: there is only one */
	uint32_t past_cnt; /* of opened, closed: the newest last */
	uint64_t opened[TOP_PAST_MAX], closed[TOP_PAST_MAX];
	uint64_t planned[TOP_PAST_MAX], started[TOP_PAST_MAX];
	uint64_t connect[TOP_PAST_MAX][HIST_OCTAVE_CNT];
	uint64_t grows_from[TCP_ST_CNT], grows_at[TCP_ST_CNT]; /* how many there were, and when */
	uint32_t first_row;                                    /* of what does not fit */
	bool frozen, ended;
	char note[128];               /* at the bottom, for once */
	char conns[TOP_CONNS_OCTETS]; /* what leat conns says: all of the page of connections */
};

/* leat_top_feed takes the next snapshot.  One of another run begins anew. */
void leat_top_feed(struct top *t, const struct watch_snapshot *s);

/* leat_top_page draws a page on s, which is clear. */
void leat_top_page(const struct top *t, enum top_page page, struct top_screen *s);

/* leat_top_json writes what all pages show as one object on one line. */
void leat_top_json(const struct top *t, FILE *out);

/* leat_top_rate is how much a number grew in a second. */
uint64_t leat_top_rate(const struct top *t, uint64_t before, uint64_t now);

/* leat_top_opened and _closed: connections that came to ESTABLISHED, that ended. */
uint64_t leat_top_opened(const uint64_t cell[WATCH_CELL_CNT]);
uint64_t leat_top_closed(const uint64_t cell[WATCH_CELL_CNT]);

/* How full TIME-WAIT is.  One who waits here takes no place of the other end: where an instance has
 * both, as `try`, these are of the role that has fewer places left, in its share. */
struct top_waiting {
	uint64_t cnt, max;
	uint32_t role, shard_cnt;
	bool alone; /* there is no other role */
};

struct top_waiting leat_top_waiting(const struct watch_snapshot *s);

/* leat_top_grows: has the state grown for TOP_GROWS_NS, and never shrunk? */
bool leat_top_grows(const struct top *t, uint32_t state);

#endif
