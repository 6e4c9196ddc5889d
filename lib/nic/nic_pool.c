/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_pool.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include <string.h>

#define VLAN_OCTETS 4

STATIC_ASSERT(NIC_POOL_CACHE <= RTE_MEMPOOL_CACHE_MAX_SIZE, "EAL takes the cache");

/* Devices want at least RTE_MBUF_DEFAULT_DATAROOM octets per buffer, or they scatter frames. */
static uint32_t room_octets(const struct nic_pool_plan *plan)
{
	uint32_t frame = plan->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + VLAN_OCTETS;

	return RTE_PKTMBUF_HEADROOM +
	       (uint32_t)align_up(u32_max(frame, RTE_MBUF_DEFAULT_DATAROOM), CACHE_LINE);
}

uint32_t leat_nic_pool_buffers(const struct nic_pool_plan *plan)
{
	return plan->rx_slots + plan->tx_slots + plan->held +
	       plan->lcore_cnt * (NIC_POOL_CACHE + NIC_POOL_CACHE / 2) +
	       plan->shard_cnt * plan->own;
}

size_t leat_nic_pool_octets(const struct nic_pool_plan *plan, size_t page_octets)
{
	size_t buffers = leat_nic_pool_buffers(plan);
	size_t one = RTE_CACHE_LINE_SIZE + sizeof(struct rte_mbuf) + room_octets(plan);

	ASSERT(is_pow2(page_octets));
	if (one > page_octets)
		one = align_up(one, page_octets);
	size_t pages = (buffers + page_octets / one) / u64_max(page_octets / one, 1);
	size_t octets = one > page_octets ? buffers * one : pages * page_octets;
	/* The ring of free buffers has a power of two of slots. */
	return octets + pow2_ceil(buffers + 1) * sizeof(void *);
}

struct rte_mempool *leat_nic_pool_new(const char *name, const struct nic_pool_plan *plan, int node)
{
	uint32_t buffers = leat_nic_pool_buffers(plan);
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, buffers, NIC_POOL_CACHE, 0, (uint16_t)room_octets(plan), node);

	ASSERT(room_octets(plan) <= UINT16_MAX);
	if (pool == NULL)
		leat_log(LOG_LV_ERROR, "nic", "%s: no memory for %u packet buffers: %s", name,
			buffers, rte_strerror(rte_errno));
	return pool;
}

void leat_nic_pool_free(struct rte_mempool *pool)
{
	rte_mempool_free(pool);
}
