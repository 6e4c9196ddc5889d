/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_IP_H
#define LEAT_WIRE_IP_H

/* wire_ip: the IP headers; for wire_pkt only.
 *
 * Each function takes p->l4, p->l4_octets one header further.  WIRE_V_TCP says no more than that
 * nothing was wrong so far.
 *
 * Affinity   none; pure.
 * RFC        791, 1122 3.2.1, 7126; 8200. */

#include "base_bits.h"
#include "wire_cksum.h"
#include "wire_pkt.h"

/* The device's word on the checksum of the IPv4 header at ip, or our own. */
static inline bool wire_ip4_cksum_ok(const struct pkt *p, const uint8_t *ip, uint32_t hdr_octets)
{
	if (LIKELY(p->ip_csum == WIRE_CSUM_GOOD))
		return true;
	return p->ip_csum != WIRE_CSUM_BAD &&
	       leat_wire_sum_fold(leat_wire_sum(0, ip, hdr_octets)) == 0xffff;
}

/* leat_wire_ip4_parse reads the header with its options at p->l4, cuts p->l4_octets to the
 * length it tells, and fills tuple, proto, tos and ttl. */
enum wire_verdict leat_wire_ip4_parse(struct pkt *p);

/* leat_wire_ip6_parse does the same for the fixed header; proto is the first next header. */
enum wire_verdict leat_wire_ip6_parse(struct pkt *p);

/* leat_wire_ip6_walk goes over the extension headers; proto is the upper layer's afterwards. */
enum wire_verdict leat_wire_ip6_walk(struct pkt *p);

#endif
