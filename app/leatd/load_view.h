/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_VIEW_H
#define LEAT_LOAD_VIEW_H

/* load_view: what the shards of `leat load` have counted so far, and of that the seconds.
 *
 *	shards ─ ask ─► look: sums ─► second: differences ─► struct load_result
 *
 * Affinity   the control thread; leat_load_view_copy: the shard that is asked.
 * See        load_result.h, which all of it ends in. */

#include "load.h"
#include "load_need.h"
#include "load_result.h"
#include "plane.h"
#include "report.h"

/* A shard's program, and what was last copied of it, by that shard: on lines of its own. */
struct load_view_shard {
	_Alignas(CACHE_LINE) struct load *load;
	struct shard *shard;
	struct load_counters counters;
	struct hist hist[LOAD_HIST_CNT];
	uint64_t last_at;
	bool done;
};

struct load_view {
	const struct load_options *o;
	const struct load_need *need;
	struct plane *plane;
	struct load_result *r;
	struct load_view_shard *shard; /* of each shard of the plane */
	uint64_t start_at;             /* of the plan, on the shards' clock */
	struct shard_counts sum;
	struct load_counters counters;
	struct hist hist[LOAD_HIST_CNT];
	uint64_t last_at;
	bool done;
	/* As they were at the end of the second before. */
	uint64_t before_at, before_again, before_planned;
	uint64_t before_busy_ns[SHARD_MAX];
	/* As they were when the plan began. */
	uint64_t begin_busy_ns[SHARD_MAX];
	struct nic_port_stats begin_stats;
	struct load_counters before;
	struct hist before_hist[LOAD_HIST_CNT], delta[LOAD_HIST_CNT];
};

/* leat_load_view_begin notes how things are when the plan is about to begin: what was before is no
 * part of the run. */
void leat_load_view_begin(struct load_view *v, const struct nic_port *port);

/* leat_load_view_copy copies what the program of the struct load_view_shard at arg counted. */
void leat_load_view_copy(void *arg);

/* leat_load_view_look asks all shards and adds up what they say. */
void leat_load_view_look(struct load_view *v);

/* leat_load_view_sum adds up what was copied last: when no shard turns. */
void leat_load_view_sum(struct load_view *v);

/* leat_load_view_news: was anything counted since the last second? */
bool leat_load_view_news(const struct load_view *v);

/* leat_load_view_second makes of the difference to the last one the next second of the result;
 * NULL: there is no place for more. */
const struct load_second *leat_load_view_second(struct load_view *v, uint64_t now);

/* leat_load_view_busy notes how busy each shard was until now, the end of the plan. */
void leat_load_view_busy(struct load_view *v, uint64_t now);

/* leat_load_view_end fills the rest of the result from what was looked at last. */
void leat_load_view_end(struct load_view *v, const struct nic_port *port);

/* leat_load_view_where fills where it runs. */
void leat_load_view_where(struct load_view *v, const struct nic_port *port);

#endif
