/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_ICMP_H
#define LEAT_WIRE_ICMP_H

/* wire_icmp: the ICMP and ICMPv6 messages that an endpoint of TCP must understand.
 *
 *	echo request       answered with the same data
 *	errors             about a TCP segment of ours, which they quote
 *	ND                 neighbour solicitation and advertisement; router messages are not read
 *
 * The version is that of the tuple's addresses.  Everything is checked here: checksum, lengths,
 * hop limit of ND, and that the quoted segment was sent from the address the error came to.
 *
 * Memory     icmp_echo.data points into the frame.
 * Affinity   none; pure.
 * Errors     WIRE_V_DROP_ICMP.
 * RFC        792, 1122 3.2.2, 1191, 4443, 4861 4.3, 4.4, 7.1, 8201. */

#include "base_seq.h"
#include "wire_addr.h"
#include "wire_verdict.h"

#include <stdbool.h>
#include <stdint.h>

enum wire_icmp4_type {
	WIRE_ICMP4_ECHO_REPLY = 0,
	WIRE_ICMP4_UNREACH = 3,
	WIRE_ICMP4_ECHO = 8,
	WIRE_ICMP4_TIME = 11,
	WIRE_ICMP4_PARAM = 12,
};

enum wire_icmp6_type {
	WIRE_ICMP6_UNREACH = 1,
	WIRE_ICMP6_TOO_BIG = 2,
	WIRE_ICMP6_TIME = 3,
	WIRE_ICMP6_PARAM = 4,
	WIRE_ICMP6_ECHO = 128,
	WIRE_ICMP6_ECHO_REPLY = 129,
	WIRE_ICMP6_SOLICIT = 135,
	WIRE_ICMP6_ADVERT = 136,
};

#define WIRE_ICMP4_UNREACH_FRAG 4 /* code: fragmentation needed and DF set */
#define ICMP_HDR_OCTETS         8
#define ICMP_ND_OCTETS_MAX      32
#define ICMP_ND_HOP_LIMIT       255

struct icmp_echo {
	bool reply;
	uint16_t id, seq;
	uint32_t octets; /* at data */
	const uint8_t *data;
};

struct icmp_nd {
	bool solicitation; /* else advertisement */
	bool has_ll;       /* the source's (solicitation) or target's link-layer option was there */
	bool router, solicited, override; /* of an advertisement */
	struct mac ll;
	struct ip target;
};

struct icmp_error {
	uint8_t type, code;
	uint32_t mtu; /* of packet too big and of UNREACH_FRAG (there 0 when not told), else 0 */
	struct tuple tuple; /* of the quoted segment, seen from here: local is its source; zone 0 */
	struct seq seq;     /* its sequence number */
};

union icmp {
	struct icmp_echo echo;   /* with WIRE_V_ICMP_ECHO */
	struct icmp_nd nd;       /* with WIRE_V_ND */
	struct icmp_error error; /* with WIRE_V_ICMP_ERROR */
};

/* leat_wire_icmp_parse takes the message at p apart.  tuple has the addresses of the packet that
 * carried it (local = destination), hop_limit its TTL or hop limit.
 *
 * Returns WIRE_V_ICMP_ECHO for an echo request (not a reply), WIRE_V_ND, WIRE_V_ICMP_ERROR, or
 * WIRE_V_DROP_ICMP for all else: source quench (MUST-55) and redirects are of no concern. */
enum wire_verdict leat_wire_icmp_parse(const uint8_t *p, uint32_t octets, const struct tuple *tuple,
	uint8_t hop_limit, union icmp *icmp);

/* leat_wire_icmp_echo_put writes request or reply from tuple->local to tuple->remote at p,
 * checksum included, and returns its octets, ICMP_HDR_OCTETS + echo->octets.  p may be where the
 * parsed message lies. */
uint32_t leat_wire_icmp_echo_put(
	uint8_t *p, const struct tuple *tuple, const struct icmp_echo *echo);

/* leat_wire_icmp_nd_put writes a solicitation or advertisement from tuple->local to
 * tuple->remote at p, checksum included, and returns its octets, at most ICMP_ND_OCTETS_MAX.  It
 * must travel with ICMP_ND_HOP_LIMIT. */
uint32_t leat_wire_icmp_nd_put(uint8_t *p, const struct tuple *tuple, const struct icmp_nd *nd);

/* icmp_nd_group is the solicited-node multicast address of target, RFC 4291 2.7.1. */
static inline struct ip icmp_nd_group(struct ip target)
{
	return (struct ip){UINT64_C(0xff02) << 48, UINT64_C(0x1ff000000) | (target.lo & 0xffffff)};
}

/* icmp_nd_group_mac is the Ethernet address of an IPv6 multicast address, RFC 2464 7. */
static inline struct mac icmp_nd_group_mac(struct ip group)
{
	return (struct mac){{0x33, 0x33, (uint8_t)(group.lo >> 24), (uint8_t)(group.lo >> 16),
		(uint8_t)(group.lo >> 8), (uint8_t)group.lo}};
}

#endif
