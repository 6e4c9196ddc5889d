/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_POOL_H
#define LEAT_NIC_POOL_H

/* nic_pool: packet buffers, as many as can be anywhere at once.
 *
 *	buffers = rx slots + tx slots          in the device, or on its rings
 *	        + held                         text that stacks keep until users read it
 *	        + lcores x (cache x 1.5)       idle in a core's cache
 *	        + shards x own                 on their way through a turn
 *
 * so that no stage can starve another.
 *
 * Shape      one pool per memory node; every shard of the node takes from it and gives to it.
 * Units      buffers; octets.  A buffer holds one whole frame of the mtu, VLAN tag included.
 * Memory     EAL's; a pool lives as long as the process unless freed.
 * Affinity   made at boot; any lcore takes and gives.
 * Errors     NULL and one line in the log. */

#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

#define NIC_POOL_CACHE 256

struct nic_pool_plan {
	uint32_t rx_slots, tx_slots; /* over all queues of all ports */
	uint32_t held;               /* buffers that stacks may keep */
	uint32_t lcore_cnt, shard_cnt;
	uint32_t own; /* buffers one shard has in hand */
	uint16_t mtu;
};

/* leat_nic_pool_buffers is the sum above. */
uint32_t leat_nic_pool_buffers(const struct nic_pool_plan *plan);

/* leat_nic_pool_octets is what that many buffers take of EAL's memory in pages of page_octets: a
 * buffer lies in one page where it fits, so that a device sees it in one piece. */
size_t leat_nic_pool_octets(const struct nic_pool_plan *plan, size_t page_octets);

struct rte_mempool *leat_nic_pool_new(const char *name, const struct nic_pool_plan *plan, int node);

/* leat_nic_pool_free gives a pool back; all its buffers are home. */
void leat_nic_pool_free(struct rte_mempool *pool);

#endif
