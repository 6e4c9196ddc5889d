/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_H
#define LEAT_BENCH_H

/* bench: what the micro benchmarks share: the cycle counter, memory, rows of text or JSON lines.
 *
 * Usage      bench_x [--json] [--quick]; quick takes the smallest size only, to see that it runs.
 * Units      cycles of the time stamp counter for each operation. */

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <x86intrin.h>

struct bench {
	bool json, quick;
};

static const uint32_t bench_sizes[] = {1000, 1000000, 10000000};

/* bench_has says whether option is among the arguments. */
static inline bool bench_has(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return true;
	return false;
}

static inline struct bench bench_args(int argc, char **argv)
{
	return (struct bench){bench_has(argc, argv, "--json"), bench_has(argc, argv, "--quick")};
}

static inline uint32_t bench_size_cnt(const struct bench *b)
{
	return b->quick ? 1 : COUNT_OF(bench_sizes);
}

static inline uint64_t bench_cycles(void)
{
	return __rdtsc();
}

/* bench_ns is the time by one of the system's clocks; bench_thread_ns is that of this thread. */
static inline uint64_t bench_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * TIME_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t bench_thread_ns(void)
{
	return bench_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Cycles of the counter in a ns, by the clock over 20 ms. */
static inline double bench_ghz(void)
{
	uint64_t from = bench_ns(CLOCK_MONOTONIC), cycles = bench_cycles(), ns;

	do
		ns = bench_ns(CLOCK_MONOTONIC) - from;
	while (ns < 20 * TIME_MS);
	return (double)(bench_cycles() - cycles) / (double)ns;
}

/* Memory as the shards have it: in huge pages where the system gives them, touched before use. */
static inline void *bench_memory(size_t octets)
{
	size_t huge = (size_t)2 << 20;
	void *mem = aligned_alloc(huge, align_up(octets, huge));

	ASSERT(mem != NULL);
	(void)madvise(mem, align_up(octets, huge), MADV_HUGEPAGE);
	memset(mem, 0, octets);
	return mem;
}

/* How often this thread was switched: what was measured meanwhile is not the program's alone. */
static inline uint64_t bench_switched(void)
{
	struct rusage r;

	getrusage(RUSAGE_THREAD, &r);
	return (uint64_t)(r.ru_nvcsw + r.ru_nivcsw);
}

/* bench_list adds the numbers of "N,N,..." to those in number; how many there are then. */
static inline uint32_t bench_list(const char *list, uint64_t *number, uint32_t cnt, uint32_t max)
{
	for (char *end; cnt < max && *list != '\0'; list = *end == ',' ? end + 1 : end) {
		number[cnt] = strtoull(list, &end, 10);
		if (end == list) {
			fprintf(stderr, "not a number: %s\n", list);
			exit(2);
		}
		cnt++;
	}
	return cnt;
}

/* bench_numbers is those that the arguments list behind option, which may come again, or else those
 * of list; how many. */
static inline uint32_t bench_numbers(
	int argc, char **argv, const char *option, const char *list, uint64_t *number, uint32_t max)
{
	uint32_t cnt = 0;

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			cnt = bench_list(argv[i + 1], number, cnt, max);
	return cnt > 0 ? cnt : bench_list(list, number, 0, max);
}

static inline int bench_by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* bench_sort puts them in order. */
static inline void bench_sort(uint64_t *value, uint64_t cnt)
{
	qsort(value, cnt, sizeof(*value), bench_by_size);
}

static inline uint64_t bench_median(uint64_t *value, uint64_t cnt)
{
	bench_sort(value, cnt);
	return value[cnt / 2];
}

static inline void bench_row(
	const struct bench *b, const char *what, uint32_t entries, uint64_t cycles, uint64_t ops)
{
	double each = (double)cycles / (double)ops;

	if (b->json)
		printf("{\"bench\":\"%s\",\"entries\":%u,\"cycles\":%.1f}\n", what, entries, each);
	else
		printf("%-20s %10u entries %8.1f cycles\n", what, entries, each);
}

#endif
