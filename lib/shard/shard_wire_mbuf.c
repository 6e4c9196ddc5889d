/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_wire.h"

#include <rte_ether.h>
#include <rte_mbuf.h>

static void *copy(void *arg, void *frame)
{
	return rte_pktmbuf_copy(frame, arg, 0, UINT32_MAX);
}

/* A bit behind the addresses of the link.  What the device has verified of the frame holds no more;
 * where it is still to write the checksum nobody would see the damage, so the frame is lost, which
 * is what becomes of a damaged one. */
static bool spoil(void *arg, void *frame, uint64_t bits)
{
	struct rte_mbuf *m = frame;
	uint32_t octets = rte_pktmbuf_data_len(m), at;

	(void)arg;
	if ((m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)) != 0 ||
		octets <= RTE_ETHER_HDR_LEN)
		return false;
	at = RTE_ETHER_HDR_LEN + (uint32_t)((bits >> 3) % (octets - RTE_ETHER_HDR_LEN));
	*rte_pktmbuf_mtod_offset(m, uint8_t *, at) ^= (uint8_t)(1u << (bits & 7));
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	return true;
}

static void drop(void *arg, void *frame)
{
	(void)arg;
	rte_pktmbuf_free(frame);
}

struct shard_wire_ops leat_shard_wire_mbufs(struct rte_mempool *pool)
{
	return (struct shard_wire_ops){pool, copy, spoil, drop};
}
