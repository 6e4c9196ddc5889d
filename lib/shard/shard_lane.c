/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_lane.h"

#include "base_assert.h"

STATIC_ASSERT((SHARD_LANE_SLOTS & (SHARD_LANE_SLOTS - 1)) == 0, "the counters wrap at 2^32");

void leat_shard_lane_init(struct shard_lane *l)
{
	atomic_init(&l->tail, 0);
	atomic_init(&l->head, 0);
	l->seen = l->high = 0;
}

uint32_t leat_shard_lane_look(struct shard_lane *l)
{
	/* Acquire: a slot may be written again only after the reader has copied it. */
	l->seen = atomic_load_explicit(&l->head, memory_order_acquire);
	return shard_lane_lent(l);
}

bool leat_shard_lane_put(struct shard_lane *l, void *frame)
{
	uint32_t tail = atomic_load_explicit(&l->tail, memory_order_relaxed);

	if (tail - l->seen >= l->high) {
		uint32_t held = leat_shard_lane_look(l);
		if (held == SHARD_LANE_SLOTS)
			return false;
		l->high = u32_max(l->high, held + 1);
	}
	l->slot[tail % SHARD_LANE_SLOTS] = frame;
	atomic_store_explicit(&l->tail, tail + 1, memory_order_release);
	return true;
}

uint32_t leat_shard_lane_take(struct shard_lane *l, void **frame, uint32_t max)
{
	uint32_t head = atomic_load_explicit(&l->head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&l->tail, memory_order_acquire);
	uint32_t cnt = u32_min(tail - head, max);

	if (cnt == 0)
		return 0;
	for (uint32_t i = 0; i < cnt; i++)
		frame[i] = l->slot[(head + i) % SHARD_LANE_SLOTS];
	atomic_store_explicit(&l->head, head + cnt, memory_order_release);
	return cnt;
}

uint32_t leat_shard_lane_held(const struct shard_lane *l)
{
	return atomic_load_explicit(&l->tail, memory_order_relaxed) -
	       atomic_load_explicit(&l->head, memory_order_relaxed);
}
