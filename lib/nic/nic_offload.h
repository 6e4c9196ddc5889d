/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_OFFLOAD_H
#define LEAT_NIC_OFFLOAD_H

/* nic_offload: what a device says of a checksum, and what it is told to complete.
 *
 * The flags of a received buffer say one of four things of each checksum.  NONE means that the
 * data was verified but the field is not valid, which only virtio says and means; of any other
 * device it is taken as it is, and verified in software.
 *
 * Affinity   none; pure. */

#include "nic_port.h"

#include <rte_mbuf.h>

enum nic_csum {
	NIC_CSUM_UNKNOWN,
	NIC_CSUM_BAD,
	NIC_CSUM_GOOD,
	NIC_CSUM_NONE,
};

static inline enum nic_csum nic_csum_ip(uint64_t ol_flags)
{
	switch (ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) {
	case RTE_MBUF_F_RX_IP_CKSUM_BAD:
		return NIC_CSUM_BAD;
	case RTE_MBUF_F_RX_IP_CKSUM_GOOD:
		return NIC_CSUM_GOOD;
	case RTE_MBUF_F_RX_IP_CKSUM_NONE:
		return NIC_CSUM_NONE;
	default:
		return NIC_CSUM_UNKNOWN;
	}
}

static inline enum nic_csum nic_csum_l4(uint64_t ol_flags, bool none_is_good)
{
	switch (ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
	case RTE_MBUF_F_RX_L4_CKSUM_BAD:
		return NIC_CSUM_BAD;
	case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
		return NIC_CSUM_GOOD;
	case RTE_MBUF_F_RX_L4_CKSUM_NONE:
		return none_is_good ? NIC_CSUM_GOOD : NIC_CSUM_NONE;
	default:
		return NIC_CSUM_UNKNOWN;
	}
}

/* nic_csum_ask tells the device to complete the checksums of a TCP frame. */
static inline void nic_csum_ask(
	const struct nic_port *p, struct rte_mbuf *m, bool is_tcp, bool is_ip4)
{
	if (is_ip4)
		m->ol_flags |= RTE_MBUF_F_TX_IPV4;
	else
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	if (is_ip4 && p->tx_csum_ip)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (is_tcp && p->tx_csum_l4)
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
}

#endif
