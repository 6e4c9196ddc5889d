/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CTL_H
#define LEAT_CTL_H

/* ctl: the threads that answer what others ask this instance, on a socket of its own.
 *
 *	leat conns ─► socket ─► client thread ─ letters ─► shards, a slice each turn
 *	leat top   ─► socket ─► client thread ─ letters ─►
 *	              ctl thread: accepts, refuses the 11th
 *
 * A question is a line, `VERB words`; its answer is written by a function of its own (the table in
 * ctl.c), on a thread of its own, that may write as long as it likes.  They read nothing of a shard
 * but what that gave them (shard_mail.h), through boxes that they share, so that the control thread
 * does not wait for them, nor they for that.
 *
 * Who asks is told apart by his user (SO_PEERCRED): that of this process, and root, may do all;
 * anybody else who can open the socket at all, as --ctl-group lets its members, may read.
 *
 * Memory     of each asker the rows of one slice of each shard, while it lists.
 * Affinity   start and stop: the main thread, around leat_plane_run; verbs: the asker's thread.
 * Errors     no socket: a warning, and nobody can ask.  A shard that does not turn is named in the
 *            answer.
 * See        instance.h for the socket; watch_filter.h for the language of conns. */

#include "base_bits.h"
#include "instance.h"
#include "opt.h"
#include "plane.h"
#include "watch_print.h"
#include "watch_scan.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CTL_CLIENT_MAX 10     /* who ask at one time */
#define CTL_STEP_NS    100000 /* between two looks for an answer of a shard */

/* What is said of a shard that has its order, and does not turn. */
#define CTL_DOES_IT_LATER "; it will do it when it turns again"

/* What one shard is asked with; its own while it owes the answer.  No line of it is another's. */
struct ctl_shard {
	_Alignas(CACHE_LINE) struct shard_walk walk;
	struct watch_scan scan;
	/* Ours: is it the shard's; what was counted of it. */
	_Alignas(CACHE_LINE) bool owed;
	uint64_t matched, seen;
};

/* One who asks, and the thread that answers him. */
struct ctl_client {
	struct ctl *ctl;
	FILE *out;
	int fd;
	bool may_write;
	bool used;        /* there is a thread to join */
	atomic_bool done; /* it has ended, or is about to */
	pthread_t thread;
	struct ctl_shard *shard; /* shard_cnt of the plane's, once it listed; lives until free */
};

/* What a verb can do while it runs. */
struct ctl_role {
	const char *verb; /* "serve" */
	const struct nic_port *port[PLANE_PORT_MAX];
	uint32_t port_cnt;
	uint64_t two_msl_ns;
	bool drains; /* it can go on after it was drained */
	/* Of reload; options NULL: it cannot. */
	const struct opt_verb *options;
	size_t options_octets;   /* of their struct */
	const char *const *live; /* those that can change, ends with NULL */
	/* May they be so?  Else why not. */
	bool (*may)(const void *options, char *why, size_t size);
	/* On the lcore of each shard, what may be; then adopt, when all have that turn. */
	void (*apply)(const void *options, uint32_t shard, struct leat_stack *s);
	void (*adopt)(const void *options);
};

struct ctl {
	const struct ctl_role *role;
	struct plane *plane;
	struct shard_clock
		clock; /* as the plane's; who reads it has a copy, since reading notes when */
	struct shard_mail *box;  /* shard_cnt of the plane's */
	pthread_mutex_t putting; /* a box has one writer at a time */
	char path[INSTANCE_PATH_MAX];
	int listen_fd; /* -1: nobody can ask */
	int stop_fd[2];
	atomic_bool stop;
	pthread_t thread;
	struct ctl_client client[CTL_CLIENT_MAX];
	struct ctl_capture *kept; /* by putting: what shards that stand still may still write to */
	uint64_t began_ns;        /* of the wall clock */
	atomic_bool draining;
	uint64_t late; /* by changing: a bit for each shard whose box had no room for that */
	pthread_mutex_t changing;  /* who drains, undrains or reloads */
	struct ctl_change *change; /* what was changed last */
	struct ctl_follow *follow; /* shard_cnt, once somebody followed */
	atomic_bool following;
};

/* ctl_now is the present instant by the shards' clock, for any thread. */
static inline uint64_t ctl_now(const struct ctl *c)
{
	struct shard_clock clock = c->clock;

	return shard_clock_read(&clock);
}

/* ctl_memory gives zeroed memory, of which no line is anything else's, as a shard reads or writes
 * it; NULL: there is none. */
static inline void *ctl_memory(size_t octets)
{
	octets = align_up(octets, CACHE_LINE);
	void *mem = aligned_alloc(CACHE_LINE, octets);

	return mem != NULL ? memset(mem, 0, octets) : NULL;
}

/* ctl_print_silent names shards, a bit for each, that do not turn; then: what a note says behind
 * that. */
static inline void ctl_print_silent(
	uint64_t shards, enum watch_form form, const char *then, FILE *out)
{
	for (uint32_t i = 0; i < SHARD_MAX; i++) {
		if ((shards >> i & 1) == 0)
			continue;
		if (form == WATCH_FORM_JSON)
			fprintf(out, "{\"event\":\"silent\",\"shard\":%" PRIu32 "}\n", i);
		else
			fprintf(out, "note: shard %" PRIu32 " does not turn%s\n", i, then);
	}
}

/* leat_ctl_told keeps the line that this leatd was started with, to compare with what reload
 * brings. */
void leat_ctl_told(const struct opt_line *line);

/* leat_ctl_group lets a group read, of the socket that leat_ctl_start will make; NULL: none.  While
 * there is one thread, and what is needed to become a member of it was not given away. */
void leat_ctl_group(const char *group);

/* leat_ctl_start makes the socket of the instance of that name, or of NAME-PID when another has the
 * name, and the thread behind it. */
void leat_ctl_start(
	struct ctl *c, struct plane *plane, const struct ctl_role *role, const char *name);

/* leat_ctl_stop ends the threads, whatever they wait for, and removes the socket. */
void leat_ctl_stop(struct ctl *c);

/* leat_ctl_free gives back what shards look into until they are closed. */
void leat_ctl_free(struct ctl *c);

/* For verbs. */

/* leat_ctl_put puts a letter into our box of one shard; false: the box is full, the letter still
 * the caller's. */
bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter);

/* leat_ctl_await waits until the shard has set answered; false: it stands still, or we are to end.
 * Then what it was asked with stays the shard's. */
bool leat_ctl_await(struct ctl *c, uint32_t shard, const atomic_bool *answered);

/* leat_ctl_pause writes out what was printed, and waits; false: the asker has gone, or we are to
 * end. */
bool leat_ctl_pause(struct ctl_client *q, uint64_t for_ns);

/* leat_ctl_turns says whether the shard turns: what is put into its box will be read. */
bool leat_ctl_turns(struct ctl *c, uint32_t shard);

/* A question that all shards answer side by side.  With rows, take is called on the asker's thread
 * for each slice of them, and may change what the scan says of rows before it goes on; false: no
 * more is wanted. */
struct ctl_scan {
	struct ctl_client *client;
	const struct watch_filter *filter;
	enum watch_scan_kind kind;
	bool rows, info;
	uint64_t kill_max;  /* of each shard */
	uint64_t not_asked; /* a bit for each shard that is left out */
	bool (*take)(void *arg, struct watch_scan *scan);
	void *arg;
	/* The answer. */
	uint64_t matched, seen;
	uint64_t in;   /* a bit for each shard that has any that match */
	uint64_t dumb; /* and that did not answer, or not to the end: it does not turn */
	struct watch_sum sum;
};

/* leat_ctl_scan asks; false: there is no memory for it. */
bool leat_ctl_scan(struct ctl_scan *q);

/* leat_ctl_scan_free gives back what shards that stand still hold no longer. */
void leat_ctl_scan_free(struct ctl_shard *shard, uint32_t cnt);

/* leat_ctl_config_path is the file that this leatd was told of; NULL: none. */
const char *leat_ctl_config_path(void);

struct ctl_change;
void leat_ctl_change_free(struct ctl_change *change);

/* leat_ctl_change_sweep, by changing, puts the last change again for a shard that stood still when
 * it was brought, and then had something else to do. */
void leat_ctl_change_sweep(struct ctl *c);

/* The verbs: read the words behind the name, which they may change, and write the answer to
 * q->out: `ok` and what there is to say, or `no CODE AT why`. */
void leat_ctl_conns(struct ctl_client *q, char *words);
void leat_ctl_capture(struct ctl_client *q, char *words);
void leat_ctl_why(struct ctl_client *q, char *words);
void leat_ctl_snapshot(struct ctl_client *q, char *words);
void leat_ctl_kill(struct ctl_client *q, char *words);
void leat_ctl_follow(struct ctl_client *q, char *words);
void leat_ctl_drain(struct ctl_client *q, char *words);
void leat_ctl_undrain(struct ctl_client *q, char *words);
void leat_ctl_end(struct ctl_client *q, char *words);
void leat_ctl_info(struct ctl_client *q, char *words);
void leat_ctl_config(struct ctl_client *q, char *words);
void leat_ctl_reload(struct ctl_client *q, char *words);
/* start [WHEN]: the word that `leat load --paused` waits for (gate.h). */
void leat_ctl_begin(struct ctl_client *q, char *words);

/* rate N [WHEN]: what `leat load` is to do from now on (load_intent.h). */
void leat_ctl_rate(struct ctl_client *q, char *words);

/* leat_ctl_state_sweep, by changing, has those drain, or not, that were not told yet since their
 * boxes were full; it waits for nobody. */
void leat_ctl_state_sweep(struct ctl *c);

/* leat_ctl_capture_sweep gives back what ended captures left to shards that stood still, and that
 * these have let go now; _free, part of leat_ctl_free, all of it. */
void leat_ctl_capture_sweep(struct ctl *c);
void leat_ctl_capture_free(struct ctl *c);

#endif
