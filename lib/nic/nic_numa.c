/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_numa.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"

#include <numa.h>
#include <numaif.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

uint32_t leat_nic_numa_nodes(void)
{
	return numa_available() < 0 ? 1 : (uint32_t)numa_num_configured_nodes();
}

int leat_nic_numa_of_cpu(uint32_t cpu)
{
	int node = numa_available() < 0 ? -1 : numa_node_of_cpu((int)cpu);

	return node < 0 ? 0 : node;
}

size_t leat_nic_numa_octets(size_t octets)
{
	return align_up(octets, NIC_NUMA_HUGE_OCTETS);
}

/* map gives octets (a multiple of NIC_NUMA_HUGE_OCTETS) so aligned that huge pages can back all of
 * them. */
static uint8_t *map(size_t octets)
{
	uint8_t *p = mmap(NULL, octets + NIC_NUMA_HUGE_OCTETS, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	size_t before = align_up((uintptr_t)p, NIC_NUMA_HUGE_OCTETS) - (uintptr_t)p;
	if (before != 0)
		munmap(p, before);
	if (before != NIC_NUMA_HUGE_OCTETS)
		munmap(p + before + octets, NIC_NUMA_HUGE_OCTETS - before);
	return p + before;
}

/* bind_to keeps the pages of mem on node; a kernel that forbids it only costs speed. */
static void bind_to(void *mem, size_t octets, int node)
{
	struct bitmask *mask = numa_allocate_nodemask();

	numa_bitmask_setbit(mask, (unsigned)node);
	if (mbind(mem, octets, MPOL_BIND, mask->maskp, mask->size, 0) != 0)
		leat_log(LOG_LV_WARN, "nic", "memory stays unbound, node %d was wanted: %s", node,
			strerror(errno));
	numa_bitmask_free(mask);
}

void *leat_nic_numa_take(size_t octets, int node)
{
	ASSERT(octets > 0);
	ASSERT(node >= 0);
	octets = align_up(octets, NIC_NUMA_HUGE_OCTETS);
	uint8_t *mem = map(octets);
	if (mem == NULL) {
		leat_log(LOG_LV_ERROR, "nic", "no %zu MiB for a stack: %s", octets >> 20,
			strerror(errno));
		return NULL;
	}
	/* Without huge pages everything works, only slower: the advice may be refused. */
	(void)madvise(mem, octets, MADV_HUGEPAGE);
	if (leat_nic_numa_nodes() > 1)
		bind_to(mem, octets, node);
	return mem;
}

bool leat_nic_numa_touch(void *mem, size_t octets)
{
	uint8_t *page = mem;

	octets = align_up(octets, NIC_NUMA_HUGE_OCTETS);
	if (madvise(mem, octets, MADV_POPULATE_WRITE) == 0)
		return true;
	if (errno != EINVAL) {
		leat_log(LOG_LV_ERROR, "nic", "no %zu MiB for a stack: %s", octets >> 20,
			strerror(errno));
		return false;
	}
	/* A kernel before 5.14 does not know the advice. */
	for (size_t at = 0; at < octets; at += NIC_NUMA_SMALL_OCTETS)
		page[at] = 0;
	return true;
}

void leat_nic_numa_free(void *mem, size_t octets)
{
	if (mem != NULL)
		munmap(mem, align_up(octets, NIC_NUMA_HUGE_OCTETS));
}
