/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_CLOCK_H
#define LEAT_SHARD_CLOCK_H

/* shard_clock: the one place where time is read.
 *
 * The processor's counter, scaled to nanoseconds, where it runs evenly and alike on all cores;
 * else the kernel's clock.  A shard reads it once a turn and everything in that turn happens at
 * that instant.  Clocks started from one another agree, so that instants of different shards can
 * be compared.
 *
 * Units      ns since a second before start; never 0, never back.
 * Affinity   one struct per reader; the counter is the same on all cores.
 * Cost       one rdtsc and one multiplication; by the kernel some 50 ns. */

#include "base_bits.h"
#include "base_time.h"

#include <rte_cycles.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct shard_clock {
	uint64_t start_ticks;
	uint64_t ns_per_tick_q32; /* 2^32 times the length of a tick */
	bool by_kernel;           /* a tick is a nanosecond of its */
	uint64_t now;
};

/* leat_shard_clock_hz is how many ticks the processor's counter makes in a second of the kernel's
 * clock, measured since the process began, for SHARD_CLOCK_MEASURE_NS at least.  EAL's own figure is
 * rounded to 10 MHz where the processor tells none: 1,500 ppm, which no rate may be off by. */
uint64_t leat_shard_clock_hz(void);

#define SHARD_CLOCK_MEASURE_NS UINT64_C(100000000)

/* shard_clock_start makes now the epoch's first second. */
static inline struct shard_clock shard_clock_start(void)
{
	uint64_t hz = leat_shard_clock_hz();

	return (struct shard_clock){.start_ticks = rte_rdtsc(),
		.ns_per_tick_q32 = (TIME_S << 32) / hz + ((TIME_S << 32) % hz != 0),
		.now = TIME_S};
}

static inline uint64_t shard_clock_kernel_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * TIME_S + (uint64_t)ts.tv_nsec;
}

/* shard_clock_start_kernel is a clock for a processor whose counter is not to be trusted. */
static inline struct shard_clock shard_clock_start_kernel(void)
{
	return (struct shard_clock){.start_ticks = shard_clock_kernel_ns(),
		.ns_per_tick_q32 = UINT64_C(1) << 32,
		.by_kernel = true,
		.now = TIME_S};
}

/* shard_clock_age lets it have begun ns earlier; before anybody reads it. */
static inline void shard_clock_age(struct shard_clock *c, uint64_t ns)
{
	__extension__ unsigned __int128 ticks_q32 = (unsigned __int128)ns << 32;

	c->start_ticks -= (uint64_t)(ticks_q32 / c->ns_per_tick_q32);
}

/* leat_shard_clock_wall_ns is ns since 1970; it may be set, and go back. */
uint64_t leat_shard_clock_wall_ns(void);

/* leat_shard_clock_trust says whether the counter runs evenly whatever the processor does and alike
 * on all cores, by the text of /proc/cpuinfo and by the names of the clocks that the kernel is
 * ready to use; it strikes tsc off when it saw it go astray. */
bool leat_shard_clock_trust(const char *cpuinfo, const char *clocks);

/* shard_clock_read is the present instant. */
static inline uint64_t shard_clock_read(struct shard_clock *c)
{
	uint64_t read = c->by_kernel ? shard_clock_kernel_ns() : rte_rdtsc();
	uint64_t ticks = read - c->start_ticks;
	__extension__ unsigned __int128 ns_q32 = (unsigned __int128)ticks * c->ns_per_tick_q32;

	c->now = u64_max(c->now, TIME_S + (uint64_t)(ns_q32 >> 32));
	return c->now;
}

#endif
