/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TOP_PAGE_H
#define LEAT_TOP_PAGE_H

/* top_page: what the files that draw pages share; nobody else includes it. */

#include "top.h"

/* Where the next line goes, how many rows the page may use, and why it is not faster, when that is
 * to be told; else "". */
struct top_pen {
	const struct top *t;
	struct top_screen *s;
	uint32_t row, end;
	bool limited;
	char why[WATCH_REASON_MAX];
};

/* leat_top_since is how much cell i of all shards grew between the last two snapshots. */
static inline uint64_t top_since(const struct top *t, uint32_t cell)
{
	return t->sum[cell] -
	       (t->sum_before[cell] < t->sum[cell] ? t->sum_before[cell] : t->sum[cell]);
}

void leat_top_page_shards(struct top_pen *p);
void leat_top_page_timers(struct top_pen *p);
void leat_top_page_drops(struct top_pen *p);
void leat_top_page_latency(struct top_pen *p);
void leat_top_page_transitions(struct top_pen *p);
void leat_top_page_connections(struct top_pen *p);

/* leat_top_ring draws when TIME-WAIT ends, as one row of bars. */
void leat_top_ring(struct top_pen *p);

#endif
