/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_ip.h"

#include "base_be.h"
#include "base_bits.h"

enum ip4_opt {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_LOOSE_ROUTE = 131,
	OPT_STRICT_ROUTE = 137,
};

#define FRAG_MASK 0x3fff /* more fragments, and the offset */

/* Options are not acted on.  DEVIATION(ip-source-route): a source route, which MUST-51 to MUST-53
 * would have TCP honour, is refused as RFC 7126 4.3 and 4.4 recommend. */
static bool opts_may_pass(const uint8_t *p, const uint8_t *end)
{
	while (p < end && p[0] != OPT_END) {
		if (p[0] == OPT_NOP) {
			p++;
			continue;
		}
		if (p[0] == OPT_LOOSE_ROUTE || p[0] == OPT_STRICT_ROUTE)
			return false;
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return false;
		p += p[1];
	}
	return true;
}

enum wire_verdict leat_wire_ip4_parse(struct pkt *p)
{
	const uint8_t *ip = p->l4;

	if (UNLIKELY(p->l4_octets < WIRE_IP4_OCTETS))
		return WIRE_V_DROP_IP_SHORT;
	uint64_t first = be64_get(ip), second = be64_get(ip + 8); /* up to the source */
	uint32_t hdr_octets = (uint32_t)(first >> 56 & 15) * 4;
	uint32_t octets = (uint32_t)(first >> 32 & UINT16_MAX);

	if (UNLIKELY(first >> 60 != 4))
		return WIRE_V_DROP_IP_VERSION;
	if (UNLIKELY(hdr_octets < WIRE_IP4_OCTETS || hdr_octets > octets ||
		     hdr_octets > p->l4_octets))
		return WIRE_V_DROP_IP_IHL;
	if (UNLIKELY(octets > p->l4_octets))
		return WIRE_V_DROP_IP_TRUNC;
	if (UNLIKELY(!wire_ip4_cksum_ok(p, ip, hdr_octets)))
		return WIRE_V_DROP_IP_CSUM;
	if (UNLIKELY(hdr_octets > WIRE_IP4_OCTETS &&
		     !opts_may_pass(ip + WIRE_IP4_OCTETS, ip + hdr_octets)))
		return WIRE_V_DROP_IP_OPTION;
	if (UNLIKELY(first & FRAG_MASK))
		return WIRE_V_DROP_IP_FRAG; /* DEVIATION(ip-fragments) */
	p->tos = (uint8_t)(first >> 48);
	p->ttl = (uint8_t)(second >> 56);
	p->proto = (uint8_t)(second >> 48);
	p->tuple.remote = ip_from4((uint32_t)second);
	p->tuple.local = ip_from4(be32_get(ip + 16));
	p->l4 = ip + hdr_octets;
	p->l4_octets = octets - hdr_octets;
	return WIRE_V_TCP;
}
