/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_look.h"

void leat_shard_stages_turn(struct shard_stages *s, const uint64_t ns[SHARD_STAGE_CNT])
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < SHARD_STAGE_CNT; i++) {
		s->ns[i] += ns[i];
		all += ns[i];
	}
	s->turn_ns += all;
	s->turn[hist_slot(u64_min(all, HIST_NS_MAX)) >> SHARD_TURN_SHIFT]++;
}
