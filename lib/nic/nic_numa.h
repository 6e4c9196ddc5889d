/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_NUMA_H
#define LEAT_NIC_NUMA_H

/* nic_numa: memory for stacks on the node whose core uses it.
 *
 * The tables of a stack are far larger than EAL's heap wants to be and are never seen by a
 * device, so they come from the kernel: huge pages where it has them to give, and bound to one
 * node where there is more than one.
 *
 * Units      octets.
 * Memory     zeroed, aligned to 2 MiB, until free; promised only, until it is touched.
 * Affinity   boot.
 * Errors     NULL and one line in the log. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIC_NUMA_HUGE_OCTETS  ((size_t)2 << 20) /* of a huge page, the only kind that is used */
#define NIC_NUMA_SMALL_OCTETS ((size_t)4 << 10) /* and of an ordinary one */

/* leat_nic_numa_nodes is how many memory nodes there are; 1 where the kernel does not say. */
uint32_t leat_nic_numa_nodes(void);

/* leat_nic_numa_of_cpu is the node of a CPU; 0 where the kernel does not say. */
int leat_nic_numa_of_cpu(uint32_t cpu);

/* leat_nic_numa_octets is what _take really takes for octets. */
size_t leat_nic_numa_octets(size_t octets);

/* leat_nic_numa_take gives octets on node. */
void *leat_nic_numa_take(size_t octets, int node);

/* leat_nic_numa_touch makes the kernel give all pages of what _take gave now, and not one by one
 * when they are first written.  False: it has not as many. */
bool leat_nic_numa_touch(void *mem, size_t octets);

/* leat_nic_numa_free takes back what _take gave for the same octets. */
void leat_nic_numa_free(void *mem, size_t octets);

#endif
