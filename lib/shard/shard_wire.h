/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_WIRE_H
#define LEAT_SHARD_WIRE_H

/* shard_wire: a bad wire in one direction, at the edge of a shard: the far side of its queue.
 *
 * Each frame is lost, spoilt by one bit, or doubled, each with a probability of its own, and then
 * lies on the wire for a delay and a random part of the jitter; a share stays SHARD_WIRE_LATE_NS
 * longer, so that others overtake it.
 *
 *	in ──┬─► lost
 *	     └─► spoilt? ─► doubled? ─► heap by (due, order of arrival) ─► out
 *
 * What is counted as received or sent by the shard is what leaves the wire on its side, or enters
 * it: the laws of shard_rx and shard_tx hold beside it.
 *
 * Shape      at most SHARD_WIRE_SLOTS frames lie on it; what finds no place is lost, and counted.
 * Units      probabilities in millionths; ns.
 * Memory     leat_shard_wire_footprint octets for the heap; a frame is the wire's until it is out.
 * Affinity   one lcore; no atomics.  Equal seeds and equal input give equal output.
 * See        shard_impair.h, which loses and reorders what arrives by count. */

#include "base_prng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_WIRE_SLOTS   4096
#define SHARD_WIRE_LATE_NS UINT64_C(1000000)

struct shard_wire_config {
	uint64_t seed;
	uint32_t loss_millionths, reorder_millionths, duplicate_millionths, corrupt_millionths;
	uint64_t delay_ns, jitter_ns;
};

/* What a wire does with frames that it does not know. */
struct shard_wire_ops {
	void *arg;
	void *(*copy)(void *arg, void *frame); /* NULL: no memory, and no second frame */
	/* Turns the bit that bits chooses round; false: nobody would see it, drop the frame. */
	bool (*spoil)(void *arg, void *frame, uint64_t bits);
	void (*drop)(void *arg, void *frame);
};

struct shard_wire_slot {
	uint64_t due_at, order;
	void *frame;
};

struct shard_wire {
	struct shard_wire_config config;
	struct shard_wire_ops ops;
	struct prng prng;
	bool on;
	uint32_t held_cnt;
	uint64_t order;
	uint64_t in_cnt, out_cnt; /* in + doubled = out + lost + full + held */
	uint64_t lost_cnt, full_cnt, doubled_cnt, spoilt_cnt, late_cnt;
	struct shard_wire_slot *heap;
};

struct rte_mempool;

/* leat_shard_wire_mbufs is how a wire treats packet buffers; copies come from pool. */
struct shard_wire_ops leat_shard_wire_mbufs(struct rte_mempool *pool);

/* leat_shard_wire_footprint is 0 for a wire that does nothing. */
size_t leat_shard_wire_footprint(const struct shard_wire_config *config);

/* leat_shard_wire_init makes a wire in mem, of that many octets, which it keeps. */
void leat_shard_wire_init(struct shard_wire *w, void *mem, const struct shard_wire_config *config,
	const struct shard_wire_ops *ops);

/* leat_shard_wire_put takes cnt frames. */
void leat_shard_wire_put(struct shard_wire *w, uint64_t now, void *const *frame, uint32_t cnt);

/* leat_shard_wire_take gives at most max frames that are due, in their order. */
uint32_t leat_shard_wire_take(struct shard_wire *w, uint64_t now, void **frame, uint32_t max);

/* leat_shard_wire_next_deadline is when the next is due; TIME_NEVER: none lies on it. */
uint64_t leat_shard_wire_next_deadline(const struct shard_wire *w);

/* leat_shard_wire_close drops what lies on it. */
void leat_shard_wire_close(struct shard_wire *w);

#endif
