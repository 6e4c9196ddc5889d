/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_loop.h"

#include "base_assert.h"

#include <sched.h>
#include <time.h>

void leat_shard_loop_init(struct shard_loop *l, bool nap)
{
	*l = (struct shard_loop){.nap = nap};
	atomic_init(&l->stop, false);
}

void leat_shard_loop_add(struct shard_loop *l, struct shard *s)
{
	ASSERT(l->shard_cnt < SHARD_MAX);
	l->shard[l->shard_cnt++] = s;
}

/* take_nap sleeps to the next deadline of any shard.  A signal may end it early: that is how a
 * TAP device wakes us. */
static void take_nap(struct shard_loop *l)
{
	uint64_t for_ns = SHARD_NAP_NS;

	for (uint32_t i = 0; i < l->shard_cnt; i++) {
		uint64_t at = leat_shard_next_deadline(l->shard[i]);
		uint64_t now = l->shard[i]->now;

		for_ns = u64_min(for_ns, at > now ? at - now : 0);
	}
	if (for_ns < SHARD_NAP_MIN_NS)
		return;
	nanosleep(&(struct timespec){.tv_nsec = (long)for_ns}, NULL);
}

int leat_shard_loop(void *loop)
{
	struct shard_loop *l = loop;
	uint64_t worked_at = 0;

	while (!atomic_load_explicit(&l->stop, memory_order_acquire)) {
		uint64_t now = 0;

		for (uint32_t i = 0; i < l->shard_cnt; i++) {
			leat_shard_turn(l->shard[i]);
			now = l->shard[i]->now;
			if (i == 0)
				shard_beat(&l->beat, now);
			worked_at = l->shard[i]->worked ? now : worked_at;
		}
		if (l->yield && worked_at != now)
			sched_yield();
		if (l->nap && now - worked_at >= SHARD_IDLE_NS)
			take_nap(l);
	}
	return 0;
}

void leat_shard_loop_stop(struct shard_loop *l)
{
	atomic_store_explicit(&l->stop, true, memory_order_release);
}
