/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_WATCH_H
#define LEAT_SHARD_WATCH_H

/* shard_watch: does every lcore still turn?
 *
 * A loop notes in its beat when it last began a round, and how long its longest one was.  The
 * control thread looks from time to time and is told when one stands still, and when it goes on.
 * Nothing is done about it: its flows are its own, the other lcores share nothing with it, and
 * what was stopped (by a debugger, by the machine below) may be let go again.
 *
 *	lcore      turns, beat, turns, beat, .............., beat
 *	control        look     look     look: LATE   look   look: BACK after so long
 *
 * Units      ns on the shards' clock.
 * Affinity   the beat: written by its lcore, read by anybody, each word by itself; the watch: one
 *            thread.
 * Cost       of a beat: a store to a line of its own.
 * Errors     none. */

#include "base_bits.h"

#include <stdatomic.h>
#include <stdint.h>

#define SHARD_SLOW_NS UINT64_C(10000000)   /* a round that long is counted */
#define SHARD_LATE_NS UINT64_C(1000000000) /* a round that long is told while it lasts */

struct shard_beat {
	_Alignas(CACHE_LINE) _Atomic uint64_t at; /* when the last round began */
	_Atomic uint64_t longest_ns, slow_cnt;
};

enum shard_watch_news {
	SHARD_WATCH_NOTHING,
	SHARD_WATCH_LATE, /* it has stood still for SHARD_LATE_NS */
	SHARD_WATCH_BACK, /* after LATE: it goes on */
};

struct shard_watch {
	uint64_t late_since; /* the beat after which it stood still; 0: it turns */
	uint64_t late_cnt;
};

/* shard_beat notes that a round begins at now. */
static inline void shard_beat(struct shard_beat *b, uint64_t now)
{
	uint64_t before = atomic_load_explicit(&b->at, memory_order_relaxed);
	uint64_t for_ns = before != 0 && now > before ? now - before : 0;

	atomic_store_explicit(&b->at, now, memory_order_relaxed);
	if (for_ns > atomic_load_explicit(&b->longest_ns, memory_order_relaxed))
		atomic_store_explicit(&b->longest_ns, for_ns, memory_order_relaxed);
	if (for_ns >= SHARD_SLOW_NS)
		atomic_store_explicit(&b->slow_cnt,
			atomic_load_explicit(&b->slow_cnt, memory_order_relaxed) + 1,
			memory_order_relaxed);
}

/* leat_shard_watch_look compares the beat with now, and says in for_ns how long it has stood still,
 * or with BACK how long it had. */
enum shard_watch_news leat_shard_watch_look(
	struct shard_watch *w, const struct shard_beat *beat, uint64_t now, uint64_t *for_ns);

#endif
