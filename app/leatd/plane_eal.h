/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PLANE_EAL_H
#define LEAT_PLANE_EAL_H

/* plane_eal: DPDK's environment, started from what is wanted instead of from options.
 *
 * Processors are those this process may run on.  Memory is huge pages when enough are free, else
 * ordinary ones.  No PCI device is looked at unless one is asked for.  What EAL would say about a
 * failure is checked before, in our own words; its own output is shown with verbose only.
 *
 * Affinity   the main thread, once per process.
 * Errors     enum opt_exit, after one line on stderr. */

#include "nic_pool.h"
#include "opt.h"
#include "plane_dir.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANE_LCORE_MAX 64
#define PLANE_PATH_MAX  128

/* Whether EAL's memory, which devices see, is in huge pages. */
enum eal_huge {
	EAL_HUGE_AUTO, /* when enough are free */
	EAL_HUGE_NEED,
	EAL_HUGE_NO,
};

struct eal_memory {
	size_t octets;      /* that EAL is told to take */
	size_t pool_octets; /* of them for packet buffers */
	size_t huge_octets; /* that it would take in huge pages */
	bool huge;
};

struct eal_want {
	const char *name;    /* with the process id, the instance's file prefix */
	uint32_t lcore_cnt;  /* at most; fewer when there are fewer processors */
	const uint16_t *cpu; /* lcore_cnt processors; NULL: the first that we may use */
	enum eal_huge huge;
	struct nic_pool_plan pool; /* what EAL's memory must hold */
	const char *pci;           /* NULL: no PCI device */
	const char *const *extra;  /* arguments behind ours */
	uint32_t extra_cnt;
	uint32_t verbose;
};

struct eal {
	bool huge;     /* huge pages are used */
	bool files;    /* and may have files: EAL has options of its own */
	size_t octets; /* of memory taken from the kernel, or reserved */
	uint32_t lcore_cnt;
	uint32_t lcore[PLANE_LCORE_MAX]; /* the first is the main lcore: this thread */
	uint32_t cpu[PLANE_LCORE_MAX];
	cpu_set_t allowed; /* processors of this process, before EAL tied this thread to one */
	struct plane_dir dir;
};

/* leat_eal_memory plans EAL's memory for the packet buffers of pool. */
struct eal_memory leat_eal_memory(const struct nic_pool_plan *pool, enum eal_huge huge);

/* leat_eal_start derives EAL's arguments from want. */
enum opt_exit leat_eal_start(const struct eal_want *want, struct eal *eal);

/* leat_eal_start_classic passes on the options that stand before `--`; lcores are as they say. */
enum opt_exit leat_eal_start_classic(int argc, char **argv, struct eal *eal);

/* leat_eal_stop removes the files of this instance; ports are closed before, and the process ends
 * soon. */
void leat_eal_stop(struct eal *eal);

#endif
