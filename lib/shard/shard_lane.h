/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_LANE_H
#define LEAT_SHARD_LANE_H

/* shard_lane: frames from one shard to one other.
 *
 *	writer ─put─► [ frame frame frame ... ] ─take─► reader
 *	               tail                 head
 *
 * As shard_mail, but for many frames and nothing else.  The writer keeps what it last saw of the
 * reader's place beside its own, and looks again only when the lane would be fuller than ever
 * before: while the reader keeps up, a put touches no line that the reader writes.
 *
 * Shape      SHARD_LANE_SLOTS frames; a full lane refuses, nothing is overwritten, nobody waits.
 * Memory     the struct; whoever puts a frame hands it over.
 * Affinity   put: the writer's lcore; take: the reader's.  tail and head are atomic, with release
 *            on the side that moves them and acquire on the other; seen and high are the writer's.
 * Cost       an empty take reads one line that only a put makes dirty.
 * Errors     put returns false when the lane is full. */

#include "base_bits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHARD_LANE_SLOTS 512

struct shard_lane {
	_Alignas(CACHE_LINE) atomic_uint tail; /* frames ever put */
	uint32_t seen;                         /* of head, by the writer */
	uint32_t high;                         /* most frames that lay here at one time */
	_Alignas(CACHE_LINE) atomic_uint head; /* frames ever taken */
	_Alignas(CACHE_LINE) void *slot[SHARD_LANE_SLOTS];
};

/* leat_shard_lane_init empties a lane that nobody uses yet. */
void leat_shard_lane_init(struct shard_lane *l);

/* leat_shard_lane_put adds a frame; false: the lane is full and the frame still the caller's. */
__attribute__((warn_unused_result)) bool leat_shard_lane_put(struct shard_lane *l, void *frame);

/* shard_lane_lent is how many frames lie here as far as the writer has seen: at least those that
 * do.  leat_shard_lane_look lets the writer look again. */
static inline uint32_t shard_lane_lent(const struct shard_lane *l)
{
	return atomic_load_explicit(&l->tail, memory_order_relaxed) - l->seen;
}

uint32_t leat_shard_lane_look(struct shard_lane *l);

/* leat_shard_lane_take gives at most max frames, oldest first, and returns how many. */
uint32_t leat_shard_lane_take(struct shard_lane *l, void **frame, uint32_t max);

/* leat_shard_lane_held is how many frames lie here, while neither end moves. */
uint32_t leat_shard_lane_held(const struct shard_lane *l);

#endif
