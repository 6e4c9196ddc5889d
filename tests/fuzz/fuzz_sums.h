/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FUZZ_SUMS_H
#define LEAT_FUZZ_SUMS_H

/* fuzz_sums: puts the checksums of a frame right, as far as it still is one, so that what was bent
 * comes further than the first check.  It finds its way apart from the parser. */

#include "base_be.h"
#include "wire_cksum.h"
#include "wire_pkt.h"

/* fuzz_sum_at is where the upper layer's checksum stands in it, 0: nowhere. */
static inline uint32_t fuzz_sum_at(uint8_t proto)
{
	return proto == WIRE_PROTO_TCP                                 ? 16
	       : proto == WIRE_PROTO_ICMP || proto == WIRE_PROTO_ICMP6 ? 2
								       : 0;
}

/* fuzz_fix_ip does it for a packet that begins with its IPv4 or IPv6 header. */
static inline void fuzz_fix_ip(uint8_t *ip, uint32_t octets)
{
	struct tuple t = {0};
	bool is6 = octets > 0 && ip[0] >> 4 == 6;
	uint32_t hdr_octets = is6 ? WIRE_IP6_OCTETS : WIRE_IP4_OCTETS;

	if (octets < hdr_octets)
		return;
	uint32_t l4_octets = is6 ? be16_get(ip + 4) : be16_get(ip + 2) - hdr_octets;
	if (is6) {
		t.remote = (struct ip){be64_get(ip + 8), be64_get(ip + 16)};
		t.local = (struct ip){be64_get(ip + 24), be64_get(ip + 32)};
	} else {
		t.remote = ip_from4(be32_get(ip + 12));
		t.local = ip_from4(be32_get(ip + 16));
		be16_put(ip + 10, 0);
		be16_put(ip + 10, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, ip, hdr_octets)));
	}
	uint8_t proto = ip[is6 ? 6 : 9], *l4 = ip + hdr_octets;
	uint32_t at = fuzz_sum_at(proto);
	if (at == 0 || l4_octets < at + 2 || l4_octets > octets - hdr_octets)
		return;
	be16_put(l4 + at, 0);
	if (proto == WIRE_PROTO_ICMP)
		be16_put(l4 + at, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, l4, l4_octets)));
	else
		be16_put(l4 + at, leat_wire_cksum(&t, proto, l4, l4_octets));
}

#endif
