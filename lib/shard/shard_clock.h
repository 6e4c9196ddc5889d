/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_CLOCK_H
#define LEAT_SHARD_CLOCK_H

/* shard_clock: the one place where time is read.
 *
 * The processor's counter, scaled to nanoseconds.  A shard reads it once a turn and everything
 * in that turn happens at that instant.  Clocks started from one another agree, so that instants
 * of different shards can be compared.
 *
 * Units      ns since a second before start; never 0, never back.
 * Affinity   one struct per reader; the counter is the same on all cores.
 * Cost       one rdtsc and one multiplication. */

#include "base_bits.h"
#include "base_time.h"

#include <rte_cycles.h>

#include <stdint.h>

struct shard_clock {
	uint64_t start_ticks;
	uint64_t ns_per_tick_q32; /* 2^32 times the length of a tick */
	uint64_t now;
};

/* shard_clock_start makes now the epoch's first second.  EAL must be up: it measures the rate. */
static inline struct shard_clock shard_clock_start(void)
{
	return (struct shard_clock){.start_ticks = rte_rdtsc(),
		.ns_per_tick_q32 = (TIME_S << 32) / rte_get_tsc_hz() +
				   ((TIME_S << 32) % rte_get_tsc_hz() != 0),
		.now = TIME_S};
}

/* shard_clock_read is the present instant. */
static inline uint64_t shard_clock_read(struct shard_clock *c)
{
	uint64_t ticks = rte_rdtsc() - c->start_ticks;
	__extension__ unsigned __int128 ns_q32 = (unsigned __int128)ticks * c->ns_per_tick_q32;

	c->now = u64_max(c->now, TIME_S + (uint64_t)(ns_q32 >> 32));
	return c->now;
}

#endif
