/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_LOOP_H
#define LEAT_SHARD_LOOP_H

/* shard_loop: turns shards on one lcore until told to stop.
 *
 * Several shards on one lcore take turns one after the other.  That is how two ends that wait for
 * each other share one CPU: on two lcores of one CPU each would spin through the other's time.
 *
 * An lcore whose ports are all virtual naps when nothing happened for SHARD_IDLE_NS, at most
 * SHARD_NAP_NS at a time and never beyond the next deadline, so that an idle instance leaves the
 * CPU to others.  Before a NIC it spins.
 *
 * Where several lcores share a CPU, an lcore whose turns had nothing to do lets the others run at
 * once (yield), and does not spin through their time.
 *
 * Affinity   leat_shard_loop: the lcore; stop: any thread; the beat: any thread reads.
 * Errors     none. */

#include "shard.h"
#include "shard_watch.h"

#define SHARD_IDLE_NS    UINT64_C(200000)
#define SHARD_NAP_NS     UINT64_C(100000)
#define SHARD_NAP_MIN_NS UINT64_C(20000) /* a shorter nap would outlast the deadline */

struct shard_loop {
	struct shard *shard[SHARD_MAX];
	uint32_t shard_cnt;
	bool nap, yield;
	atomic_bool stop;
	struct shard_beat beat; /* of its rounds, for who watches */
};

/* leat_shard_loop_init makes a loop of no shards. */
void leat_shard_loop_init(struct shard_loop *l, bool nap);

void leat_shard_loop_add(struct shard_loop *l, struct shard *s);

/* leat_shard_loop turns the shards of the struct shard_loop at loop until it is stopped; returns
 * 0, as EAL wants of what it launches. */
int leat_shard_loop(void *loop);

/* leat_shard_loop_stop makes leat_shard_loop return soon. */
void leat_shard_loop_stop(struct shard_loop *l);

#endif
