/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_icmp.h"

#include "base_be.h"
#include "wire_cksum.h"
#include "wire_pkt.h"

#include <string.h>

#define QUOTE_TCP_OCTETS 8 /* ports and sequence number, RFC 792 */
#define ND_OCTETS        24
#define ND_OPT_SOURCE    1
#define ND_OPT_TARGET    2
#define ND_OPT_OCTETS    8 /* of a link-layer option for Ethernet */

enum nd_flag {
	ND_ROUTER = 0x80,
	ND_SOLICITED = 0x40,
	ND_OVERRIDE = 0x20,
};

/* ICMPv6 has the pseudo header in its checksum, ICMP has not. */
static uint16_t cksum(const struct tuple *tuple, const uint8_t *p, uint32_t octets)
{
	if (ip_is4(tuple->local))
		return (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, p, octets));
	return leat_wire_cksum(tuple, WIRE_PROTO_ICMP6, p, octets);
}

static bool parse_echo(const uint8_t *p, uint32_t octets, struct icmp_echo *echo)
{
	echo->reply = false;
	echo->id = be16_get(p + 4);
	echo->seq = be16_get(p + 6);
	echo->octets = octets - ICMP_HDR_OCTETS;
	echo->data = p + ICMP_HDR_OCTETS;
	return p[1] == 0;
}

static void parse_quoted_tcp(const uint8_t *tcp, struct icmp_error *error)
{
	error->tuple.lport = be16_get(tcp);
	error->tuple.rport = be16_get(tcp + 2);
	error->tuple.zone = 0;
	error->seq = seq_of(be32_get(tcp + 4));
}

/* Only a first fragment has the ports, and only what had a whole TCP header was ours. */
static bool parse_quoted4(const uint8_t *q, uint32_t octets, struct icmp_error *error)
{
	if (octets < WIRE_IP4_OCTETS || q[0] >> 4 != 4 || q[9] != WIRE_PROTO_TCP)
		return false;
	uint32_t hdr_octets = (q[0] & 15u) * 4;
	if (hdr_octets < WIRE_IP4_OCTETS || hdr_octets + QUOTE_TCP_OCTETS > octets ||
		be16_get(q + 2) < hdr_octets + TCP_HDR_OCTETS || (be16_get(q + 6) & 0x1fff))
		return false;
	error->tuple.local = ip_from4(be32_get(q + 12));
	error->tuple.remote = ip_from4(be32_get(q + 16));
	parse_quoted_tcp(q + hdr_octets, error);
	return true;
}

/* We send no extension headers, so TCP follows at once in what we sent. */
static bool parse_quoted6(const uint8_t *q, uint32_t octets, struct icmp_error *error)
{
	if (octets < WIRE_IP6_OCTETS + QUOTE_TCP_OCTETS || q[0] >> 4 != 6 ||
		q[6] != WIRE_PROTO_TCP || be16_get(q + 4) < TCP_HDR_OCTETS)
		return false;
	error->tuple.local = (struct ip){be64_get(q + 8), be64_get(q + 16)};
	error->tuple.remote = (struct ip){be64_get(q + 24), be64_get(q + 32)};
	parse_quoted_tcp(q + WIRE_IP6_OCTETS, error);
	return true;
}

static bool parse_error(
	const uint8_t *p, uint32_t octets, const struct tuple *tuple, struct icmp_error *error)
{
	const uint8_t *quoted = p + ICMP_HDR_OCTETS;
	uint32_t quoted_octets = octets - ICMP_HDR_OCTETS;
	bool is4 = ip_is4(tuple->local), ok;

	error->type = p[0];
	error->code = p[1];
	error->mtu = 0;
	if (is4 && p[0] == WIRE_ICMP4_UNREACH && p[1] == WIRE_ICMP4_UNREACH_FRAG)
		error->mtu = be16_get(p + 6);
	if (!is4 && p[0] == WIRE_ICMP6_TOO_BIG)
		error->mtu = be32_get(p + 4);
	ok = is4 ? parse_quoted4(quoted, quoted_octets, error)
		 : parse_quoted6(quoted, quoted_octets, error);
	return ok && ip_eq(error->tuple.local, tuple->local);
}

/* An option of length 0 would hold the walk: the message is dropped (RFC 4861 4.6). */
static bool parse_nd_opts(const uint8_t *p, uint32_t octets, struct icmp_nd *nd)
{
	uint8_t wanted = nd->solicitation ? ND_OPT_SOURCE : ND_OPT_TARGET;

	nd->has_ll = false;
	while (octets > 0) {
		uint32_t opt_octets = octets < 2 ? 0 : p[1] * 8u;
		if (opt_octets == 0 || opt_octets > octets)
			return false;
		if (p[0] == wanted && opt_octets == ND_OPT_OCTETS && !nd->has_ll) {
			nd->has_ll = true;
			memcpy(&nd->ll, p + 2, sizeof(nd->ll));
		}
		p += opt_octets;
		octets -= opt_octets;
	}
	return true;
}

/* RFC 4861 7.1.1: who has no address yet asks the group of the target, and names no link-layer
 * address; 7.1.2: an advertisement to a group answers nobody. */
static bool nd_addrs_fit(const struct tuple *tuple, const struct icmp_nd *nd)
{
	if (!nd->solicitation)
		return !ip_is_any(tuple->remote) &&
		       !(nd->solicited && leat_wire_ip_is_group(tuple->local));
	return !ip_is_any(tuple->remote) ||
	       (!nd->has_ll && ip_eq(tuple->local, icmp_nd_group(nd->target)));
}

static bool parse_nd(const uint8_t *p, uint32_t octets, const struct tuple *tuple,
	uint8_t hop_limit, struct icmp_nd *nd)
{
	if (hop_limit != ICMP_ND_HOP_LIMIT || p[1] != 0 || octets < ND_OCTETS)
		return false;
	nd->solicitation = p[0] == WIRE_ICMP6_SOLICIT;
	nd->router = !nd->solicitation && (p[4] & ND_ROUTER);
	nd->solicited = !nd->solicitation && (p[4] & ND_SOLICITED);
	nd->override = !nd->solicitation && (p[4] & ND_OVERRIDE);
	nd->target = (struct ip){be64_get(p + 8), be64_get(p + 16)};
	return parse_nd_opts(p + ND_OCTETS, octets - ND_OCTETS, nd) &&
	       !leat_wire_ip_is_group(nd->target) && nd_addrs_fit(tuple, nd);
}

static enum wire_verdict kind_of4(uint8_t type)
{
	switch (type) {
	case WIRE_ICMP4_ECHO:
		return WIRE_V_ICMP_ECHO;
	case WIRE_ICMP4_UNREACH:
	case WIRE_ICMP4_TIME:
	case WIRE_ICMP4_PARAM:
		return WIRE_V_ICMP_ERROR;
	default:
		return WIRE_V_DROP_ICMP;
	}
}

static enum wire_verdict kind_of6(uint8_t type)
{
	switch (type) {
	case WIRE_ICMP6_ECHO:
		return WIRE_V_ICMP_ECHO;
	case WIRE_ICMP6_SOLICIT:
	case WIRE_ICMP6_ADVERT:
		return WIRE_V_ND;
	case WIRE_ICMP6_UNREACH:
	case WIRE_ICMP6_TOO_BIG:
	case WIRE_ICMP6_TIME:
	case WIRE_ICMP6_PARAM:
		return WIRE_V_ICMP_ERROR;
	default:
		return WIRE_V_DROP_ICMP;
	}
}

enum wire_verdict leat_wire_icmp_parse(const uint8_t *p, uint32_t octets, const struct tuple *tuple,
	uint8_t hop_limit, union icmp *icmp)
{
	bool ok = false;

	if (octets < ICMP_HDR_OCTETS || cksum(tuple, p, octets) != 0)
		return WIRE_V_DROP_ICMP;
	enum wire_verdict kind = ip_is4(tuple->local) ? kind_of4(p[0]) : kind_of6(p[0]);
	if (kind == WIRE_V_ICMP_ECHO)
		ok = parse_echo(p, octets, &icmp->echo);
	else if (kind == WIRE_V_ICMP_ERROR)
		ok = parse_error(p, octets, tuple, &icmp->error);
	else if (kind == WIRE_V_ND)
		ok = parse_nd(p, octets, tuple, hop_limit, &icmp->nd);
	return ok ? kind : WIRE_V_DROP_ICMP;
}

uint32_t leat_wire_icmp_echo_put(
	uint8_t *p, const struct tuple *tuple, const struct icmp_echo *echo)
{
	uint32_t octets = ICMP_HDR_OCTETS + echo->octets;

	if (ip_is4(tuple->local))
		p[0] = echo->reply ? WIRE_ICMP4_ECHO_REPLY : WIRE_ICMP4_ECHO;
	else
		p[0] = echo->reply ? WIRE_ICMP6_ECHO_REPLY : WIRE_ICMP6_ECHO;
	p[1] = 0;
	be16_put(p + 2, 0);
	be16_put(p + 4, echo->id);
	be16_put(p + 6, echo->seq);
	memmove(p + ICMP_HDR_OCTETS, echo->data, echo->octets);
	be16_put(p + 2, cksum(tuple, p, octets));
	return octets;
}

uint32_t leat_wire_icmp_nd_put(uint8_t *p, const struct tuple *tuple, const struct icmp_nd *nd)
{
	uint32_t octets = nd->has_ll ? ND_OCTETS + ND_OPT_OCTETS : ND_OCTETS;

	memset(p, 0, octets);
	p[0] = nd->solicitation ? WIRE_ICMP6_SOLICIT : WIRE_ICMP6_ADVERT;
	if (!nd->solicitation)
		p[4] = (uint8_t)((nd->router ? ND_ROUTER : 0) | (nd->solicited ? ND_SOLICITED : 0) |
				 (nd->override ? ND_OVERRIDE : 0));
	be64_put(p + 8, nd->target.hi);
	be64_put(p + 16, nd->target.lo);
	if (nd->has_ll) {
		p[24] = nd->solicitation ? ND_OPT_SOURCE : ND_OPT_TARGET;
		p[25] = ND_OPT_OCTETS / 8;
		memcpy(p + 26, &nd->ll, sizeof(nd->ll));
	}
	be16_put(p + 2, cksum(tuple, p, octets));
	return octets;
}
