/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIGHT_H
#define LEAT_SIGHT_H

/* sight: what others may see of this instance, as one snapshot for all who ask.
 *
 *	leat top ─► ctl thread ──┐
 *	GET /metrics ─► http ────┼─► take ── letters ─► shards, one bounded copy each
 *	dpdk-telemetry.py ───────┘        ◄─ struct shard_look
 *
 * However many ask, shards are asked at most every SIGHT_FRESH_NS: who comes sooner gets the last
 * snapshot.  Records are walked, for the ages of the oldest and for when TIME-WAIT ends, at most
 * every SIGHT_WALK_NS, some of them each turn; only the first who asks waits for that, later ones
 * get what the last walk gave.  Nobody asks: it costs the shards nothing.
 *
 * Memory     a look and a box for each shard.
 * Affinity   open, stop, close: the main thread, around leat_plane_run; the rest: any thread but
 *            a shard's.
 * Errors     a shard that does not turn keeps its last numbers, and its cell `silent` is 1.
 * See        watch_snapshot.h for what is in it. */

#include "load.h"
#include "metrics.h"
#include "opt_serve.h"
#include "plane.h"
#include "stack_gauge.h"
#include "watch_snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define SIGHT_FRESH_NS  UINT64_C(100000000)
#define SIGHT_WALK_NS   UINT64_C(1000000000)
#define SIGHT_PORT_MAX  2
#define SIGHT_WHERE_MAX 256

/* What a shard copies of its client program. */
struct sight_load {
	uint64_t number[WATCH_LOAD_CNT], failed[WATCH_FAIL_CNT], skipped[WATCH_SKIP_CNT];
	uint64_t connect[HIST_OCTAVE_CNT], response[HIST_OCTAVE_CNT];
};

/* The ages of the oldest, and when TIME-WAIT ends; a shard goes on with it in each turn. */
struct sight_walk {
	struct shard_walk walk;
	struct stack_gauge gauge;
	uint32_t cursor;
	uint64_t width_ns; /* of gauge.ends */
};

/* What one shard is asked with; its own while it owes the answer. */
struct sight_shard {
	struct shard_mail box;
	struct shard_look look;
	struct sight_walk walk;
	const struct load *load; /* NULL: a server */
	struct sight_load copy;
	bool owed, walk_owed;
};

struct sight_config {
	const char *name, *verb;
	/* NULL: name, 2MSL, evicts, metrics and whether the link passes frames are not told by
	 * these. */
	const struct serve_options *serve;
	const struct opt_metrics *metrics;
	struct plane *plane;
	const struct nic_port *port[SIGHT_PORT_MAX]; /* as many as are not NULL */
	uint64_t two_msl_ns, rate_milli, tuples;
	bool evicts; /* when TIME-WAIT is full the one that waits longest gives way */
};

struct sight {
	struct sight_config config;
	struct shard_clock clock;
	pthread_mutex_t lock;
	struct sight_shard *shard; /* NULL: nothing is to be seen */
	struct watch_snapshot *last;
	uint64_t opened_at, taken_at, walked_at, watched_until;
	bool off; /* the device is not to be asked now */
	atomic_bool stop, draining;
	_Atomic uint64_t rate_milli; /* that a generator is to come to */
	_Atomic uint64_t starts_ns;  /* of one that waits; SIGHT_STARTS_TOLD: for the word */
	struct metrics_server *server;
	char where[SIGHT_WHERE_MAX]; /* it is, or why there is none; empty: nobody wants one */
};

/* leat_sight_open gives each shard of the plane a box, and what there is to see to Prometheus and
 * to DPDK's telemetry; when it cannot be had there `where` says why, and, when --metrics was given,
 * a line on stderr.  Without memory it warns, and take is false. */
void leat_sight_open(struct sight *s, const struct sight_config *config);

/* leat_sight_load tells that shard i runs a client.  Before the shards turn. */
void leat_sight_load(struct sight *s, uint32_t i, const struct load *load);

/* leat_sight_take copies what is to be seen now.  Stages are measured for for_ns from now on, so
 * that who asks again before has their shares. */
bool leat_sight_take(struct sight *s, uint64_t for_ns, struct watch_snapshot *out);

/* leat_sight_port keeps off the device (false) while it is started anew, waiting for who is at it.
 */
void leat_sight_port(struct sight *s, bool on);

/* leat_sight_drains: from now on this instance takes nothing new, or does again. */
void leat_sight_drains(struct sight *s, bool drains);

/* leat_sight_starts: a generator begins at an instant since 1970, or when it is told; 0: it has
 * begun. */
#define SIGHT_STARTS_TOLD UINT64_MAX
void leat_sight_starts(struct sight *s, uint64_t starts_ns);

/* leat_sight_rate: from now on a generator is to come to that rate. */
void leat_sight_rate(struct sight *s, uint64_t rate_milli);

/* leat_sight_ready says whether who balances load should send some here, by a snapshot; else why
 * not, in a word or two.  leat_sight_lives: does every shard turn? */
bool leat_sight_ready(const struct watch_snapshot *s, const char **why);
bool leat_sight_lives(const struct watch_snapshot *s);

/* leat_sight_stop lets who waits for a shard go; leat_sight_close gives all back, when the shards
 * are closed. */
void leat_sight_stop(struct sight *s);
void leat_sight_close(struct sight *s);

#endif
