/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CTL_H
#define LEAT_CTL_H

/* ctl: the thread that answers what others ask this instance, on a socket of its own.
 *
 *	leat conns ─► socket ─► ctl thread ─ letters ─► shards, a slice each turn
 *	           ◄─ rows   ◄─            ◄─ rows   ◄─
 *
 * It reads nothing of a shard but what that gave it (shard_mail.h), through boxes of its own, so
 * that the control thread does not wait for it, nor it for that.  One question at a time; who asks
 * meanwhile waits.
 *
 * Memory     the rows of one slice, and, when they are to be sorted, as many as are asked for.
 * Affinity   start and stop: the main thread, around leat_plane_run.
 * Errors     no socket: a warning, and nobody can ask.  A shard that does not turn is named in the
 *            answer.
 * See        instance.h for the socket; watch_filter.h for the language. */

#include "instance.h"
#include "plane.h"
#include "watch_filter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define CTL_ROWS         64
#define CTL_LEFT_BUCKETS 4

/* What a shard counts for one question, on its own lcore. */
struct ctl_part {
	const struct watch_filter *filter;
	uint32_t shard;
	bool summary;
	bool full; /* enough rows were given: the rest are only counted */
	uint64_t matched, seen, clients;
	uint64_t by_state[TCP_ST_CNT], oldest_ns[TCP_ST_CNT];
	uint64_t waits[CTL_LEFT_BUCKETS]; /* in TIME-WAIT, left: below 1 s, 10 s, 30 s, more */
};

/* What one shard is asked with; its own while it owes the answer. */
struct ctl_shard {
	struct shard_mail box;
	struct shard_list list;
	struct ctl_part part;
	bool owed;
	struct leat_info row[CTL_ROWS];
};

struct ctl {
	struct ctl_shard *shard; /* shard_cnt of the plane's */
	struct plane *plane;
	char path[INSTANCE_PATH_MAX];
	int listen_fd; /* -1: nobody can ask */
	int stop_fd[2];
	atomic_bool stop;
	pthread_t thread;
};

/* leat_ctl_start makes the socket of the instance of that name, or of NAME-PID when another has the
 * name, and the thread behind it. */
void leat_ctl_start(struct ctl *c, struct plane *plane, const char *name);

/* leat_ctl_stop ends the thread, whatever it waits for, and removes the socket. */
void leat_ctl_stop(struct ctl *c);

/* leat_ctl_free gives the boxes back, which shards look into until they are closed. */
void leat_ctl_free(struct ctl *c);

/* leat_ctl_conns answers `conns words`: which connections there are.  Reads the words, writes the
 * answer to out. */
void leat_ctl_conns(struct ctl *c, char *words, FILE *out);

#endif
