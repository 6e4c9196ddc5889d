/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_topo.h"

#include "base_assert.h"
#include "base_bits.h"

#include <numa.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_DIR    "/sys/devices/system/node/"
#define HUGE_FREE   "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define TEXT_MAX    4096
#define PATH_OCTETS 128

const char *leat_nic_topo_text(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");

	text[f != NULL ? fread(text, 1, size - 1, f) : 0] = '\0';
	if (f == NULL)
		return NULL;
	fclose(f);
	return text;
}

/* octets_of is the value of the line of meminfo that has this name; 0: there is none. */
static uint64_t octets_of(const char *meminfo, const char *name)
{
	const char *line = meminfo != NULL ? strstr(meminfo, name) : NULL;

	return line != NULL ? strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}

void leat_nic_topo_parse_free(
	struct nic_topo *t, uint32_t node, const char *free_hugepages, const char *meminfo)
{
	ASSERT(node < t->node_cnt);
	if (free_hugepages != NULL)
		t->node[node].huge_free = (uint32_t)strtoul(free_hugepages, NULL, 10);
	t->node[node].free_octets =
		octets_of(meminfo, "MemFree:") +
		(octets_of(meminfo, "Active(file):") + octets_of(meminfo, "Inactive(file):")) / 2;
}

static void read_node(struct nic_topo *t, uint32_t node)
{
	char path[PATH_OCTETS], huge[TEXT_MAX], info[TEXT_MAX];

	snprintf(path, sizeof(path), NODE_DIR "node%u/hugepages/hugepages-2048kB/free_hugepages",
		node);
	const char *free_hugepages = leat_nic_topo_text(path, huge, sizeof(huge));
	/* A kernel without nodes tells of all its pages elsewhere. */
	if (free_hugepages == NULL && node == 0)
		free_hugepages = leat_nic_topo_text(HUGE_FREE, huge, sizeof(huge));
	snprintf(path, sizeof(path), NODE_DIR "node%u/meminfo", node);
	leat_nic_topo_parse_free(
		t, node, free_hugepages, leat_nic_topo_text(path, info, sizeof(info)));
}

static void read_distances(struct nic_topo *t, bool known)
{
	for (uint32_t from = 0; from < t->node_cnt; from++) {
		for (uint32_t to = 0; to < t->node_cnt; to++) {
			int d = known ? numa_distance((int)from, (int)to) : 0;

			t->distance[from][to] =
				d > 0 && d <= UINT8_MAX ? (uint8_t)d : NIC_TOPO_NEAR;
		}
	}
}

void leat_nic_topo_read(struct nic_topo *t)
{
	bool known = numa_available() >= 0;
	uint32_t cnt = known ? (uint32_t)numa_max_node() + 1 : 1;
	cpu_set_t ours;

	*t = (struct nic_topo){.node_cnt = u32_min(cnt, NIC_TOPO_NODE_MAX)};
	for (uint32_t i = 0; i < t->node_cnt; i++)
		read_node(t, i);
	read_distances(t, known);
	bool told = sched_getaffinity(0, sizeof(ours), &ours) == 0;
	for (uint32_t cpu = 0; cpu < NIC_TOPO_CPU_MAX; cpu++) {
		int node = known ? numa_node_of_cpu((int)cpu) : 0;

		if (!told || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &ours))
			t->node_of_cpu[cpu] = -1;
		else
			t->node_of_cpu[cpu] =
				(int8_t)(node >= 0 && node < (int)t->node_cnt ? node : 0);
	}
}

bool leat_nic_topo_allowed(const struct nic_topo *t, uint32_t cpu)
{
	return cpu < NIC_TOPO_CPU_MAX && t->node_of_cpu[cpu] >= 0;
}

int leat_nic_topo_cpu_node(const struct nic_topo *t, uint32_t cpu)
{
	return leat_nic_topo_allowed(t, cpu) ? t->node_of_cpu[cpu] : 0;
}

uint32_t leat_nic_topo_distance(const struct nic_topo *t, int from, int to)
{
	if (from < 0 || to < 0 || from == to || from >= (int)t->node_cnt || to >= (int)t->node_cnt)
		return NIC_TOPO_NEAR;
	return t->distance[from][to];
}

/* nearest is the node nearest to node that has a core of ours; -1: no core is ours. */
static int nearest(const struct nic_topo *t, int node)
{
	uint32_t least = UINT32_MAX;
	int best = -1;

	for (uint32_t cpu = 0; cpu < NIC_TOPO_CPU_MAX; cpu++) {
		if (!leat_nic_topo_allowed(t, cpu))
			continue;
		uint32_t d = t->node_of_cpu[cpu] == node
				     ? 0
				     : leat_nic_topo_distance(t, node, t->node_of_cpu[cpu]);
		if (d < least) {
			least = d;
			best = t->node_of_cpu[cpu];
		}
	}
	return best;
}

uint32_t leat_nic_topo_cpus(const struct nic_topo *t, int node, uint32_t want, uint16_t *cpu)
{
	int of = node < 0 ? -1 : nearest(t, node);
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < NIC_TOPO_CPU_MAX && cnt < want; i++) {
		if (leat_nic_topo_allowed(t, i) && (of < 0 || t->node_of_cpu[i] == of))
			cpu[cnt++] = (uint16_t)i;
	}
	return cnt;
}

uint64_t leat_nic_topo_huge_free(const struct nic_topo *t, int node)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < t->node_cnt; i++)
		sum += node < 0 || (int)i == node ? t->node[i].huge_free : 0;
	return sum;
}
