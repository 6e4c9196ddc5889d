/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_PKT_H
#define LEAT_WIRE_PKT_H

/* wire_pkt: one received frame, taken apart layer by layer, or the reason why not.
 *
 * The parser sees octets and a link description, and nothing else.  It checks lengths before it
 * reads, checksums before it believes, and addresses before anything is answered.
 *
 *	frame ─► Ethernet ─► [802.1Q] ─► ARP
 *	                             └─► IPv4 / IPv6 + extension headers ─► TCP ─► struct seg
 *	                                                                └─► ICMP / ICMPv6
 *
 * Shape      one struct pkt per frame of a burst.
 * Memory     borrows the frame; l4, seg.data and icmp.echo.data point into it.
 * Affinity   none; pure.
 * Errors     a verdict of wire_verdict.def.
 * RFC        894, 826, 791, 8200, 9293 3.1, 1122 3.2. */

#include "wire_addr.h"
#include "wire_arp.h"
#include "wire_icmp.h"
#include "wire_tcp.h"
#include "wire_verdict.h"

#include <stdbool.h>
#include <stdint.h>

#define WIRE_ETH_OCTETS 14
#define WIRE_TAG_OCTETS 4 /* of 802.1Q */
#define WIRE_L2_MAX     (WIRE_ETH_OCTETS + WIRE_TAG_OCTETS)
#define WIRE_IP4_OCTETS 20
#define WIRE_IP6_OCTETS 40

enum wire_ethertype {
	WIRE_ETHERTYPE_IP4 = 0x0800,
	WIRE_ETHERTYPE_ARP = 0x0806,
	WIRE_ETHERTYPE_VLAN = 0x8100,
	WIRE_ETHERTYPE_IP6 = 0x86dd,
	WIRE_ETHERTYPE_QINQ = 0x88a8,
	WIRE_ETHERTYPE_QINQ_OLD = 0x9100,
};

enum wire_proto {
	WIRE_PROTO_ICMP = 1,
	WIRE_PROTO_TCP = 6,
	WIRE_PROTO_ICMP6 = 58,
};

/* What the device says of a checksum.  UNKNOWN and NONE are verified here, BAD is dropped, GOOD
 * is believed.  A device that says NONE of data it has verified (virtio between guests, where the
 * field is not valid) must have it told as GOOD. */
enum wire_csum {
	WIRE_CSUM_UNKNOWN,
	WIRE_CSUM_BAD,
	WIRE_CSUM_GOOD,
	WIRE_CSUM_NONE,
};

#define WIRE_LOCAL_MAX 8

/* One of our addresses and the prefix it lies in. */
struct wire_local {
	struct ip ip;
	uint8_t prefix_bits; /* IPv4: 0 to 32; IPv6: 0 to 128 */
};

/* What the parser must know of the link.  range_from to range_to is a whole range of IPv4 or IPv6
 * addresses that are ours as well (a load generator's sources); empty when to is below from, or
 * when both are 0. */
struct wire_link {
	struct mac mac;
	bool raw_ip;   /* frames begin with the IP header: no Ethernet, no neighbours */
	uint16_t vlan; /* the ID in the tag of every frame, both ways; 0: frames have no tag */
	uint16_t mtu;  /* octets of IP packet */
	uint8_t local_cnt;
	/* Bit i: local[i] is others' as well (a balancer's VIP, direct routing), so that nobody is
	 * told that we have it; packets to it are ours, none begins from it. */
	uint8_t quiet;
	struct wire_local local[WIRE_LOCAL_MAX];
	struct ip range_from, range_to;
};

struct pkt {
	/* in */
	const uint8_t *frame;
	uint32_t octets;
	uint8_t ip_csum, l4_csum; /* enum wire_csum */
	uint16_t room;            /* octets behind the frame, ours to write as it is; or 0 */
	void *buf;                /* handle, copied to seg.buf */
	/* out */
	struct mac dst, src; /* as in the frame */
	uint8_t proto;
	uint8_t tos;        /* DSCP and ECN as received */
	uint8_t ttl;        /* or hop limit */
	struct tuple tuple; /* local = destination, remote = source; zone 0 */
	const uint8_t *l4;  /* ARP body, ICMP message or TCP header */
	uint32_t l4_octets;
	union {
		struct seg seg;  /* with WIRE_V_TCP */
		struct arp arp;  /* with WIRE_V_ARP */
		union icmp icmp; /* with WIRE_V_ND, WIRE_V_ICMP_ECHO, WIRE_V_ICMP_ERROR */
	};
};

/* leat_wire_pkt_parse fills the out part of p.  Borrows p->frame, which seg.data then points to. */
enum wire_verdict leat_wire_pkt_parse(struct pkt *p, const struct wire_link *link);

/* leat_wire_pkt_parse_bulk does so for each of cnt, and writes their verdicts. */
void leat_wire_pkt_parse_bulk(
	struct pkt *p, uint32_t cnt, const struct wire_link *link, enum wire_verdict *verdict);

/* leat_wire_pkt_parse_any is the same without the short way that most frames take. */
enum wire_verdict leat_wire_pkt_parse_any(struct pkt *p, const struct wire_link *link);

/* leat_wire_is_local says whether a is one of the link's addresses. */
bool leat_wire_is_local(const struct wire_link *link, struct ip a);

/* leat_wire_is_quiet says whether a is one of those that nobody is told about. */
bool leat_wire_is_quiet(const struct wire_link *link, struct ip a);

/* wire_l2_octets is what stands before the IP header on this link. */
static inline uint32_t wire_l2_octets(const struct wire_link *link)
{
	if (link->raw_ip)
		return 0;
	return link->vlan == 0 ? WIRE_ETH_OCTETS : WIRE_ETH_OCTETS + WIRE_TAG_OCTETS;
}

/* leat_wire_l2_put writes the Ethernet header of a frame from us, with the link's tag, and returns
 * its octets.  Assumes that the link has Ethernet. */
uint32_t leat_wire_l2_put(
	uint8_t *p, const struct wire_link *link, const struct mac *dst, uint16_t ethertype);

/* leat_wire_eth_put writes an Ethernet header and returns WIRE_ETH_OCTETS. */
uint32_t leat_wire_eth_put(
	uint8_t *p, const struct mac *dst, const struct mac *src, uint16_t ethertype);

/* What an IP header says beside the addresses. */
struct ip_hdr {
	uint8_t proto, tos, ttl;
	uint32_t octets; /* of payload */
	bool csum_later; /* IPv4: the device writes the checksum, until then it is 0 */
};

/* leat_wire_ip4_put and _ip6_put write the IP header of a packet from local to remote, the checksum
 * of IPv4 included, DF set, ID 0 (RFC 6864), and return its octets.
 *
 * Assumes the packet is at most 65,535 octets. */
uint32_t leat_wire_ip4_put(uint8_t *p, uint32_t local, uint32_t remote, const struct ip_hdr *hdr);
uint32_t leat_wire_ip6_put(uint8_t *p, const struct tuple *tuple, const struct ip_hdr *hdr);

/* leat_wire_pkt_hdr_put writes Ethernet (unless raw_ip, where dst may be NULL) and IP header for
 * a packet from tuple->local to tuple->remote, and returns their octets.
 *
 * Assumes both addresses are of one version and the packet is at most 65,535 octets. */
uint32_t leat_wire_pkt_hdr_put(uint8_t *p, const struct wire_link *link, const struct mac *dst,
	const struct tuple *tuple, const struct ip_hdr *hdr);

/* One piece of a frame that arrived in several buffers. */
struct wire_chunk {
	const uint8_t *data;
	uint32_t octets;
};

/* leat_wire_gather copies the chunks one after the other to dst and returns their octets; 0 when
 * they are more than dst_octets. */
uint32_t leat_wire_gather(
	const struct wire_chunk *chunk, uint32_t chunk_cnt, uint8_t *dst, uint32_t dst_octets);

#endif
