/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_IMPAIR_H
#define LEAT_SHARD_IMPAIR_H

/* shard_impair: a bad wire in front of a shard: it loses frames and swaps their order.
 *
 * Each frame is lost with one probability, or held back with another until 1 to
 * SHARD_IMPAIR_BEHIND_MAX later frames have passed it, or SHARD_IMPAIR_HOLD_NS is over.
 *
 *	in ──┬─► lost                      out
 *	     ├─► held ── k frames, 1 ms ──► ▲
 *	     └──────────────────────────────┘
 *
 * Shape      at most SHARD_IMPAIR_HELD_MAX frames are held; when all places are taken a frame
 *            passes in order.
 * Units      probabilities in millionths; ns.
 * Memory     frames are opaque; every frame that came in goes out once, as passed or as lost.
 * Affinity   one lcore; no atomics.  Equal seeds and equal input give equal output. */

#include "base_prng.h"

#include <stdbool.h>
#include <stdint.h>

#define SHARD_IMPAIR_HELD_MAX   16
#define SHARD_IMPAIR_BEHIND_MAX 8
#define SHARD_IMPAIR_HOLD_NS    UINT64_C(1000000)

struct shard_impair_config {
	uint64_t seed;
	uint32_t loss_millionths, reorder_millionths; /* at most 1,000,000 each */
};

struct shard_impair_held {
	void *frame;
	uint64_t behind; /* goes once so many frames have passed */
	uint64_t due_at;
};

struct shard_impair {
	struct shard_impair_config config;
	struct prng prng;
	uint64_t passed_cnt, lost_cnt, reordered_cnt;
	uint32_t held_cnt;
	struct shard_impair_held held[SHARD_IMPAIR_HELD_MAX]; /* in order of arrival */
};

void leat_shard_impair_init(struct shard_impair *w, const struct shard_impair_config *config);

static inline bool shard_impair_on(const struct shard_impair *w)
{
	return w->config.loss_millionths != 0 || w->config.reorder_millionths != 0;
}

/* leat_shard_impair_lose keeps of cnt frames those that are not lost, in order, at the front of
 * frame; the lost ones stand behind them.  Returns how many are kept. */
uint32_t leat_shard_impair_lose(struct shard_impair *w, void **frame, uint32_t cnt);

/* leat_shard_impair_mix takes in_cnt frames and writes those that pass now to out, which does not
 * overlap in and has room for in_cnt + SHARD_IMPAIR_HELD_MAX.  Returns how many passed. */
uint32_t leat_shard_impair_mix(
	struct shard_impair *w, uint64_t now, void *const *in, uint32_t in_cnt, void **out);

/* leat_shard_impair_next_deadline is when a held frame goes by time; TIME_NEVER: none is held. */
uint64_t leat_shard_impair_next_deadline(const struct shard_impair *w);

/* leat_shard_impair_flush gives all held frames (room for SHARD_IMPAIR_HELD_MAX). */
uint32_t leat_shard_impair_flush(struct shard_impair *w, void **out);

#endif
