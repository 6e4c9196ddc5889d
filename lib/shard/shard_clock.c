/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_clock.h"

#include <string.h>
#include <time.h>

#define PAIR_TRIES 16

/* The same instant by the counter and by the kernel's clock. */
struct pair {
	uint64_t ticks, ns;
};

/* read_pair takes the pair of several that was interrupted least. */
static struct pair read_pair(void)
{
	struct pair best = {0, 0};
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < PAIR_TRIES; i++) {
		uint64_t from = rte_rdtsc(), ns = shard_clock_kernel_ns(), to = rte_rdtsc();

		if (to - from < least) {
			least = to - from;
			best = (struct pair){from + least / 2, ns};
		}
	}
	return best;
}

static struct pair begun; /* when the process did */

__attribute__((constructor)) static void begin(void)
{
	begun = read_pair();
}

uint64_t leat_shard_clock_hz(void)
{
	static uint64_t hz; /* measured once: clocks agree with each other */
	struct pair now = read_pair();

	while (hz == 0 && now.ns - begun.ns < SHARD_CLOCK_MEASURE_NS) {
		const struct timespec rest = {
			.tv_nsec = (long)(SHARD_CLOCK_MEASURE_NS - (now.ns - begun.ns))};

		nanosleep(&rest, NULL);
		now = read_pair();
	}
	if (hz == 0) {
		__extension__ unsigned __int128 per =
			(unsigned __int128)(now.ticks - begun.ticks) * TIME_S;

		hz = u64_max((uint64_t)(per / (now.ns - begun.ns)), 1);
	}
	return hz;
}

/* has_word says whether word stands in text between spaces, up to the end of the line. */
static bool has_word(const char *text, const char *word)
{
	size_t octets = strlen(word), end = strcspn(text, "\n");

	for (const char *p = text; (p = strstr(p, word)) != NULL && p < text + end; p += octets) {
		bool begins = p == text || p[-1] == ' ' || p[-1] == '\t';

		if (begins && strchr(" \n", p[octets]) != NULL)
			return true;
	}
	return false;
}

bool leat_shard_clock_trust(const char *cpuinfo, const char *clocks)
{
	const char *flags = strstr(cpuinfo, "\nflags");

	return flags != NULL && has_word(flags + 1, "constant_tsc") &&
	       has_word(flags + 1, "nonstop_tsc") && has_word(clocks, "tsc");
}

uint64_t leat_shard_clock_wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * TIME_S + (uint64_t)ts.tv_nsec;
}
