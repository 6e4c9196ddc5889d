/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_TOPO_H
#define LEAT_NIC_TOPO_H

/* nic_topo: which core, which memory and which device are near each other, as data.
 *
 * One function reads the machine; the others decide on what was read, so that a test gives them a
 * machine that is not there.
 *
 *	device ── node 1 ── cores 8-15, memory, huge pages
 *	             │ 21
 *	          node 0 ── cores 0-7 ...
 *
 * Shape      at most NIC_TOPO_NODE_MAX nodes and NIC_TOPO_CPU_MAX cores; what is beyond is not
 *            used.
 * Units      octets; distances as the firmware tells them, 10 is a node's own.
 * Affinity   boot.
 * Errors     none: a machine that does not tell has one node. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIC_TOPO_NODE_MAX 16
#define NIC_TOPO_CPU_MAX  1024
#define NIC_TOPO_NEAR     10

struct nic_topo_node {
	uint64_t free_octets; /* with half of what files are cached in, which gives way */
	uint32_t huge_free;   /* pages of NIC_NUMA_HUGE_OCTETS */
};

struct nic_topo {
	uint32_t node_cnt;
	struct nic_topo_node node[NIC_TOPO_NODE_MAX];
	uint8_t distance[NIC_TOPO_NODE_MAX][NIC_TOPO_NODE_MAX];
	int8_t node_of_cpu[NIC_TOPO_CPU_MAX]; /* -1: not ours to use, or not there */
};

/* leat_nic_topo_text reads the beginning of a file of the kernel's into text, which ends with NUL;
 * NULL, and text is empty, when it cannot. */
const char *leat_nic_topo_text(const char *path, char *text, size_t size);

/* leat_nic_topo_read reads the nodes, and the cores that this process may run on. */
void leat_nic_topo_read(struct nic_topo *t);

/* leat_nic_topo_parse_free takes the number of free huge pages and of free octets of node i from
 * the texts of nr_hugepages' free_hugepages and of the node's meminfo; NULL where there is none. */
void leat_nic_topo_parse_free(
	struct nic_topo *t, uint32_t node, const char *free_hugepages, const char *meminfo);

/* leat_nic_topo_cpus picks at most want cores for a device at node: those of the node itself in
 * order, and when it has none of ours, those of the nearest node that has.  node -1: the device is
 * nowhere in particular, any core will do.  Returns how many. */
uint32_t leat_nic_topo_cpus(const struct nic_topo *t, int node, uint32_t want, uint16_t *cpu);

/* leat_nic_topo_allowed says whether this process may use a core. */
bool leat_nic_topo_allowed(const struct nic_topo *t, uint32_t cpu);

/* leat_nic_topo_distance is NIC_TOPO_NEAR when either is -1 or both are one node. */
uint32_t leat_nic_topo_distance(const struct nic_topo *t, int from, int to);

/* leat_nic_topo_cpu_node is 0 for a core that is not ours. */
int leat_nic_topo_cpu_node(const struct nic_topo *t, uint32_t cpu);

/* leat_nic_topo_huge_free is the free huge pages of node, -1: of all. */
uint64_t leat_nic_topo_huge_free(const struct nic_topo *t, int node);

#endif
