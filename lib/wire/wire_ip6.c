/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_ip.h"

#include "base_be.h"
#include "base_bits.h"

enum ip6_next {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_ESP = 50,
	NEXT_AH = 51,
	NEXT_DEST_OPTS = 60,
	NEXT_MOBILITY = 135,
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140,
};

#define EXT_MAX        8
#define EXT_OCTETS_MIN 8
#define OPT_PAD1       0
#define OPT_MUST_KNOW  0xc0 /* bits of an option that who does not know it may not skip */
#define ROUTING_TYPE_0 0

/* An address of IPv4 has no business in a header of IPv6 (RFC 4942 2.2); taken for one of ours
 * it would cross the versions. */
enum wire_verdict leat_wire_ip6_parse(struct pkt *p)
{
	const uint8_t *ip = p->l4;

	if (UNLIKELY(p->l4_octets < WIRE_IP6_OCTETS))
		return WIRE_V_DROP_IP_SHORT;
	if (UNLIKELY(ip[0] >> 4 != 6))
		return WIRE_V_DROP_IP_VERSION;
	uint32_t octets = be16_get(ip + 4);
	if (UNLIKELY(octets > p->l4_octets - WIRE_IP6_OCTETS))
		return WIRE_V_DROP_IP_TRUNC;
	p->tos = (uint8_t)(be16_get(ip) >> 4);
	p->proto = ip[6];
	p->ttl = ip[7];
	p->tuple.remote = (struct ip){be64_get(ip + 8), be64_get(ip + 16)};
	p->tuple.local = (struct ip){be64_get(ip + 24), be64_get(ip + 32)};
	p->l4 = ip + WIRE_IP6_OCTETS;
	p->l4_octets = octets;
	if (UNLIKELY(ip_is4(p->tuple.remote)))
		return WIRE_V_DROP_IP_SRC;
	if (UNLIKELY(ip_is4(p->tuple.local)))
		return WIRE_V_DROP_IP_DST;
	return WIRE_V_TCP;
}

/* Hop-by-hop and destination options: those that may be skipped are (RFC 8200 4.2). */
static enum wire_verdict check_opts(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (p[0] == OPT_PAD1) {
			p++;
			continue;
		}
		if ((p[0] & OPT_MUST_KNOW) || end - p < 2 || p[1] > end - p - 2)
			return WIRE_V_DROP_IP6_EXT;
		p += 2 + p[1];
	}
	return WIRE_V_TCP;
}

/* A route that is not used up is not ours to follow (RFC 8200 4.4); type 0 not even when it is. */
static enum wire_verdict check_routing(const uint8_t *p)
{
	if (p[2] == ROUTING_TYPE_0)
		return WIRE_V_DROP_IP6_ROUTING;
	return p[3] == 0 ? WIRE_V_TCP : WIRE_V_DROP_IP6_EXT;
}

static bool is_ext(uint8_t next)
{
	switch (next) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_FRAGMENT:
	case NEXT_ESP:
	case NEXT_AH:
	case NEXT_DEST_OPTS:
	case NEXT_MOBILITY:
	case NEXT_HIP:
	case NEXT_SHIM6:
		return true;
	default:
		return false;
	}
}

/* step goes over the extension header p->proto that begins at p->l4; first says that it follows
 * the fixed header, the only place for hop-by-hop options. */
static enum wire_verdict step(struct pkt *p, bool first)
{
	const uint8_t *ext = p->l4;
	enum wire_verdict v = WIRE_V_DROP_IP6_EXT;

	if (p->proto == NEXT_FRAGMENT)
		return WIRE_V_DROP_IP_FRAG;
	if (p->l4_octets < EXT_OCTETS_MIN)
		return WIRE_V_DROP_IP6_EXT;
	uint32_t octets = (ext[1] + 1u) * 8;
	if (octets > p->l4_octets)
		return WIRE_V_DROP_IP6_EXT;
	if (p->proto == NEXT_ROUTING)
		v = check_routing(ext);
	else if (p->proto == NEXT_DEST_OPTS || (p->proto == NEXT_HOP_BY_HOP && first))
		v = check_opts(ext + 2, ext + octets);
	p->proto = ext[0];
	p->l4 = ext + octets;
	p->l4_octets -= octets;
	return v;
}

/* A payload length of 0 tells of a jumbogram (RFC 2675 3), and could not hold a segment anyway. */
enum wire_verdict leat_wire_ip6_walk(struct pkt *p)
{
	if (p->l4_octets == 0 && (p->proto == WIRE_PROTO_TCP || p->proto == NEXT_HOP_BY_HOP))
		return WIRE_V_DROP_IP6_JUMBO;
	for (int i = 0; is_ext(p->proto); i++) {
		if (i == EXT_MAX)
			return WIRE_V_DROP_IP6_EXT;
		enum wire_verdict v = step(p, i == 0);
		if (v != WIRE_V_TCP)
			return v;
	}
	return WIRE_V_TCP;
}
