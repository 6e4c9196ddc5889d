/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_wire.h"

#include "base_be.h"
#include "base_bits.h"
#include "wire_pkt.h"

#include <rte_mbuf.h>

#define IP6_UNGUARDED 8 /* octets in front of the addresses */

static void *copy(void *arg, void *frame)
{
	return rte_pktmbuf_copy(frame, arg, 0, UINT32_MAX);
}

/* covered finds the octets that a checksum above the link guards, in the first piece of a frame:
 * of IPv4 all, of IPv6 those behind the fields that none has.  False: there are none, as of ARP. */
static bool covered(const uint8_t *frame, uint32_t octets, uint32_t *from, uint32_t *cnt)
{
	uint32_t at = WIRE_ETH_OCTETS;
	uint16_t type = octets > at ? be16_get(frame + at - 2) : 0;

	if (type == WIRE_ETHERTYPE_VLAN && octets > at + 4) {
		at += 4;
		type = be16_get(frame + at - 2);
	}
	if (type == WIRE_ETHERTYPE_IP4 && octets > at + WIRE_IP4_OCTETS) {
		*from = at;
		*cnt = be16_get(frame + at + 2);
	} else if (type == WIRE_ETHERTYPE_IP6 && octets > at + WIRE_IP6_OCTETS) {
		*from = at + IP6_UNGUARDED;
		*cnt = be16_get(frame + at + 4) + WIRE_IP6_OCTETS - IP6_UNGUARDED;
	} else {
		return false;
	}
	*cnt = u32_min(*cnt, octets - *from);
	return *cnt != 0;
}

/* A bit that a checksum guards.  What the device has verified of the frame holds no more.  Where
 * nobody would see the damage, as there is no checksum, or the device is still to write it, the
 * frame is lost, which is what becomes of a damaged one on any link. */
static bool spoil(void *arg, void *frame, uint64_t bits)
{
	struct rte_mbuf *m = frame;
	uint32_t from, cnt;

	(void)arg;
	if ((m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)) != 0 ||
		!covered(
			rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), &from, &cnt))
		return false;
	from += (uint32_t)((bits >> 3) % cnt);
	*rte_pktmbuf_mtod_offset(m, uint8_t *, from) ^= (uint8_t)(1u << (bits & 7));
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
