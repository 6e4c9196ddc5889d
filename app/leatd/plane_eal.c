/* SPDX-License-Identifier: BSD-3-Clause */
#include "plane_eal.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"
#include "nic_numa.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARG_MAX_CNT  24
#define ARG_OCTETS   2048
#define EAL_OVERHEAD ((size_t)48 << 20) /* what EAL and the drivers take besides */

#define HUGE_DIR     "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* The arguments under construction and the text of those that are not constant. */
struct args {
	char *argv[ARG_MAX_CNT + 1];
	int argc;
	char text[ARG_OCTETS];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct args *a, const char *format, ...)
{
	va_list list;

	ASSERT(a->argc < ARG_MAX_CNT);
	va_start(list, format);
	int octets = vsnprintf(a->text + a->used, sizeof(a->text) - a->used, format, list);
	va_end(list);
	ASSERT(octets >= 0);
	ASSERT((size_t)octets < sizeof(a->text) - a->used);
	a->argv[a->argc++] = a->text + a->used;
	a->argv[a->argc] = NULL;
	a->used += (size_t)octets + 1;
}

/* free_huge is how many huge pages there are for us. */
static uint64_t free_huge(void)
{
	unsigned long long cnt = 0;
	FILE *f = fopen(HUGE_DIR "free_hugepages", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &cnt) != 1)
		cnt = 0;
	fclose(f);
	return cnt;
}

/* memory_for is EAL's memory for pool in pages of page_octets. */
static size_t memory_for(const struct nic_pool_plan *pool, size_t page_octets)
{
	size_t octets = leat_nic_pool_octets(pool, page_octets);

	return align_up(octets + octets / 16 + EAL_OVERHEAD, NIC_NUMA_HUGE_OCTETS);
}

struct eal_memory leat_eal_memory(const struct nic_pool_plan *pool, enum eal_huge huge)
{
	struct eal_memory m = {.huge_octets = memory_for(pool, NIC_NUMA_HUGE_OCTETS)};

	m.huge = huge != EAL_HUGE_NO && free_huge() * NIC_NUMA_HUGE_OCTETS >= m.huge_octets;
	m.octets = m.huge ? m.huge_octets : memory_for(pool, NIC_NUMA_SMALL_OCTETS);
	m.pool_octets =
		leat_nic_pool_octets(pool, m.huge ? NIC_NUMA_HUGE_OCTETS : NIC_NUMA_SMALL_OCTETS);
	return m;
}

static void add_memory(struct args *a, struct eal *eal, const struct eal_want *want)
{
	struct eal_memory m = leat_eal_memory(&want->pool, want->huge);

	eal->octets = m.octets;
	eal->huge = m.huge;
	if (eal->huge) {
		add(a, "--in-memory");
	} else {
		add(a, "--no-huge");
		add(a, "-m");
		add(a, "%zu", eal->octets >> 20);
	}
}

/* read_cpus reads which processors this process may use. */
static enum opt_exit read_cpus(struct eal *eal)
{
	if (sched_getaffinity(0, sizeof(eal->allowed), &eal->allowed) == 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "eal", "cannot read which processors may be used: %s",
		strerror(errno));
	return OPT_EXIT_RESOURCE;
}

/* add_lcores ties one lcore to each processor that is named, or to each of the first we may use. */
static void add_lcores(struct args *a, const struct eal *eal, const struct eal_want *want)
{
	char text[PLANE_LCORE_MAX * 10] = "";
	uint32_t max = u32_min(want->lcore_cnt, PLANE_LCORE_MAX), cnt = 0;
	size_t at = 0;

	for (uint32_t i = 0; i < CPU_SETSIZE && cnt < max; i++) {
		uint32_t cpu = want->cpu != NULL ? want->cpu[cnt] : i;

		if (CPU_ISSET(cpu, &eal->allowed)) {
			at += (size_t)snprintf(
				text + at, sizeof(text) - at, "%s%u@%u", cnt ? "," : "", cnt, cpu);
			cnt++;
		}
	}
	add(a, "--lcores");
	add(a, "%s", text);
}

/* check_pci says of a PCI device what EAL would not: that it is absent, or held by the kernel. */
static enum opt_exit check_pci(const char *pci)
{
	char path[PLANE_PATH_MAX], link[PLANE_PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", pci);
	if (access(path, F_OK) != 0) {
		leat_log(
			LOG_LV_ERROR, "eal", "there is no PCI device %s; lspci -D lists them", pci);
		return OPT_EXIT_DEVICE;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", pci);
	ssize_t octets = readlink(path, link, sizeof(link) - 1);
	const char *name = "no driver";
	if (octets > 0) {
		link[octets] = '\0';
		name = strrchr(link, '/') != NULL ? strrchr(link, '/') + 1 : link;
	}
	if (strncmp(name, "vfio", 4) == 0 || strstr(name, "uio") != NULL ||
		strncmp(name, "mlx", 3) == 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "eal", "%s is bound to %s; dpdk-devbind.py -b vfio-pci %s", pci,
		name, pci);
	return OPT_EXIT_DEVICE;
}

/* init runs rte_eal_init, with stdout and stderr put aside when it is to be quiet: on a refusal
 * EAL prints its usage. */
static int init(int argc, char **argv, bool quiet)
{
	int out = -1, err = -1;
	int null = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

	fflush(NULL);
	if (null >= 0) {
		out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	int result = rte_eal_init(argc, argv);
	if (null >= 0) {
		fflush(NULL);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		close(out);
		close(err);
		close(null);
	}
	return result;
}

static void list_lcores(struct eal *eal)
{
	eal->lcore_cnt = 0;
	eal->lcore[eal->lcore_cnt++] = rte_get_main_lcore();
	for (uint32_t id = 0; id < RTE_MAX_LCORE && eal->lcore_cnt < PLANE_LCORE_MAX; id++) {
		if (id != rte_get_main_lcore() && rte_lcore_is_enabled(id))
			eal->lcore[eal->lcore_cnt++] = id;
	}
	for (uint32_t i = 0; i < eal->lcore_cnt; i++) {
		const rte_cpuset_t set = rte_lcore_cpuset(eal->lcore[i]);

		while (eal->cpu[i] < CPU_SETSIZE && !CPU_ISSET(eal->cpu[i], &set))
			eal->cpu[i]++;
	}
}

static enum opt_exit refused(struct eal *eal, const char *hint)
{
	leat_log(LOG_LV_ERROR, "eal", "DPDK did not start: %s; %s", rte_strerror(rte_errno), hint);
	leat_dir_close(&eal->dir);
	return rte_errno == ENOMEM ? OPT_EXIT_RESOURCE : OPT_EXIT_DEVICE;
}

enum opt_exit leat_eal_start(const struct eal_want *want, struct eal *eal)
{
	struct args a = {.argc = 0};

	*eal = (struct eal){.huge = false};
	enum opt_exit result = want->pci != NULL ? check_pci(want->pci) : OPT_EXIT_OK;
	if (result == OPT_EXIT_OK)
		result = read_cpus(eal);
	if (result == OPT_EXIT_OK)
		result = leat_dir_open(&eal->dir, want->name);
	if (result != OPT_EXIT_OK)
		return result;
	add(&a, "leatd");
	add_memory(&a, eal, want);
	add_lcores(&a, eal, want);
	add(&a, "--file-prefix");
	add(&a, "%s", eal->dir.prefix);
	if (want->pci != NULL) {
		add(&a, "-a");
		add(&a, "%s", want->pci);
	} else {
		add(&a, "--no-pci");
	}
	add(&a, "--log-level=*:%s",
		want->verbose > 1 ? "debug" : (want->verbose == 1 ? "info" : "critical"));
	for (uint32_t i = 0; i < want->extra_cnt; i++)
		add(&a, "%s", want->extra[i]);
	int begun = init(a.argc, a.argv, want->verbose == 0);
	leat_dir_begun(&eal->dir);
	if (begun < 0)
		return refused(eal, "-v shows what it says");
	list_lcores(eal);
	return OPT_EXIT_OK;
}

enum opt_exit leat_eal_start_classic(int argc, char **argv, struct eal *eal)
{
	*eal = (struct eal){.files = true};
	enum opt_exit result = read_cpus(eal);
	if (result == OPT_EXIT_OK)
		result = leat_dir_open(&eal->dir, NULL);
	if (result != OPT_EXIT_OK)
		return result;
	int begun = init(argc, argv, false);
	leat_dir_begun(&eal->dir);
	if (begun < 0)
		return refused(eal, "see above");
	eal->huge = rte_eal_has_hugepages() != 0;
	list_lcores(eal);
	return OPT_EXIT_OK;
}

/* rte_eal_cleanup gives back the memory that EAL's thread of interrupts goes on to work with, which
 * dies of it when a peer of memif connects, or goes, meanwhile.  What has no file goes with the
 * process; huge pages that have one are for rte_eal_cleanup to remove. */
void leat_eal_stop(struct eal *eal)
{
	if (eal->files)
		rte_eal_cleanup();
	leat_dir_close(&eal->dir);
}
