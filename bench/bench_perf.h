/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_PERF_H
#define LEAT_BENCH_PERF_H

/* bench_perf: the counters of the processor, of this thread outside the kernel; where there are
 * none, as in most virtual machines, a count is told as "not available". */

#include "bench.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	uint64_t event;
} bench_perf_what[] = {{"instructions", PERF_COUNT_HW_INSTRUCTIONS},
	{"cache_misses", PERF_COUNT_HW_CACHE_MISSES},
	{"branch_misses", PERF_COUNT_HW_BRANCH_MISSES}};

#define BENCH_PERF_CNT COUNT_OF(bench_perf_what)

struct bench_perf {
	int fd[BENCH_PERF_CNT]; /* -1: not available */
};

static inline void bench_perf_open(struct bench_perf *p)
{
	for (uint32_t i = 0; i < BENCH_PERF_CNT; i++) {
		struct perf_event_attr a = {.type = PERF_TYPE_HARDWARE,
			.size = sizeof(a),
			.config = bench_perf_what[i].event,
			.disabled = 1,
			.exclude_kernel = 1,
			.exclude_hv = 1};

		p->fd[i] = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
	}
}

/* bench_perf_count lets them count from now on, or stops them. */
static inline void bench_perf_count(const struct bench_perf *p, bool on)
{
	for (uint32_t i = 0; i < BENCH_PERF_CNT; i++)
		if (p->fd[i] >= 0)
			ioctl(p->fd[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

/* bench_perf_tell prints what was counted for each of ops, as the end of a row, and closes. */
static inline void bench_perf_tell(const struct bench *b, struct bench_perf *p, double ops)
{
	for (uint32_t i = 0; i < BENCH_PERF_CNT; i++) {
		uint64_t cnt = 0;
		bool known = p->fd[i] >= 0 && read(p->fd[i], &cnt, sizeof(cnt)) == sizeof(cnt);

		printf(b->json ? ",\"%s\":" : " %s ", bench_perf_what[i].name);
		if (known)
			printf("%.1f", (double)cnt / ops);
		else
			printf(b->json ? "\"not available\"" : "not available");
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	}
}

#endif
