/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_pkt.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "wire_cksum.h"
#include "wire_ip.h"

#include <string.h>

#define IP4_DF           0x4000
#define VLAN_ID_MASK     0x0fff
#define IP4_FIRST        UINT32_C(0x01000000)
#define IP4_GROUPS       UINT32_C(0xe0000000) /* and what is beyond them */
#define IP4_LOOPBACK_NET 127
/* A frame that is_plain: to our station, and from one; IPv4 whose header has no options; neither
 * more fragments nor an offset, beside the protocol. */
#define PLAIN_OCTETS    (WIRE_ETH_OCTETS + WIRE_IP4_OCTETS)
#define PLAIN_MACS      UINT64_C(0xffffffffffff0100)
#define PLAIN_TYPE      (WIRE_ETHERTYPE_IP4 << 8 | 0x45)
#define PLAIN_FRAG_MASK UINT32_C(0x3fff00ff)

STATIC_ASSERT(offsetof(struct wire_link, mac) == 0 && offsetof(struct wire_link, raw_ip) == 6,
	"what stands behind our station's address has its last bit 0 where there is Ethernet");

/* What an address is to the link. */
enum addr_kind {
	ADDR_OTHER,
	ADDR_OWN,
	ADDR_BROADCAST, /* of a subnet of ours */
};

static inline bool ip_leq(struct ip a, struct ip b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo <= b.lo);
}

/* A prefix of 31 or 32 bits has no broadcast address (RFC 3021); others end with two ones at least,
 * which tells most addresses apart at once. */
static inline bool is_broadcast(const struct wire_local *local, struct ip a)
{
	return (a.lo & 3) == 3 && ip_is4(a) && ip_is4(local->ip) && local->prefix_bits < 31 &&
	       ip_to4(a) == (ip_to4(local->ip) | UINT32_MAX >> local->prefix_bits);
}

static inline enum addr_kind addr_kind(const struct wire_link *link, struct ip a)
{
	DCHECK(link->local_cnt <= WIRE_LOCAL_MAX);
	for (uint8_t i = 0; i < link->local_cnt; i++) {
		if (ip_eq(link->local[i].ip, a))
			return ADDR_OWN;
		if (is_broadcast(&link->local[i], a))
			return ADDR_BROADCAST;
	}
	if (ip_leq(a, link->range_to) && ip_leq(link->range_from, a) && !ip_is_any(a))
		return ADDR_OWN;
	return ADDR_OTHER;
}

bool leat_wire_is_quiet(const struct wire_link *link, struct ip a)
{
	for (uint8_t i = 0; i < link->local_cnt; i++)
		if ((link->quiet >> i & 1) != 0 && ip_eq(link->local[i].ip, a))
			return true;
	return false;
}

bool leat_wire_is_local(const struct wire_link *link, struct ip a)
{
	return addr_kind(link, a) == ADDR_OWN;
}

static bool is_unspecified6(struct ip a)
{
	return a.hi == 0 && a.lo == 0;
}

/* The device's word on the TCP checksum, or our own. */
static inline bool tcp_cksum_ok(const struct pkt *p)
{
	if (LIKELY(p->l4_csum == WIRE_CSUM_GOOD))
		return true;
	return p->l4_csum != WIRE_CSUM_BAD &&
	       leat_wire_cksum_ok(&p->tuple, WIRE_PROTO_TCP, p->l4, p->l4_octets);
}

/* Taking the segment apart has no effect but on p, so the checksum may be checked after it: what
 * could not be taken apart is told first, as the order of wire_verdict.def has it. */
static inline enum wire_verdict parse_tcp(struct pkt *p)
{
	enum wire_verdict v = leat_wire_tcp_parse(p->l4, p->l4_octets, &p->tuple, &p->seg);

	if (UNLIKELY(v == WIRE_V_DROP_TCP_SHORT || v == WIRE_V_DROP_TCP_DOFF))
		return v;
	if (UNLIKELY(!tcp_cksum_ok(p)))
		return WIRE_V_DROP_TCP_CSUM;
	p->seg.buf = p->buf;
	p->seg.room = p->room; /* padding behind the text would be more of it */
	p->seg.tos = p->tos;
	return v;
}

/* Only ND may come to a group or from nobody, and it concerns us only when it asks for us. */
static enum wire_verdict parse_icmp(struct pkt *p, const struct wire_link *link, bool to_group)
{
	enum wire_verdict v =
		leat_wire_icmp_parse(p->l4, p->l4_octets, &p->tuple, p->ttl, &p->icmp);

	if (v == WIRE_V_DROP_ICMP)
		return v;
	if (v == WIRE_V_ND) {
		const struct icmp_nd *nd = &p->icmp.nd;
		bool concerns = !nd->solicitation || leat_wire_is_local(link, nd->target);
		return concerns ? v : WIRE_V_DROP_ICMP;
	}
	if (is_unspecified6(p->tuple.remote))
		return WIRE_V_DROP_IP_SRC;
	return to_group ? WIRE_V_DROP_IP_GROUP : v;
}

/* A packet inside a packet (IPIP of a balancer's tunnel, protocols 4 and 41) would be taken out
 * here: l4 is the inner header then, and the walk begins anew, once. */
static inline enum wire_verdict parse_upper(
	struct pkt *p, const struct wire_link *link, bool is6, bool to_group, bool from_own)
{
	bool is_icmp = p->proto == (is6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP);

	if (UNLIKELY(to_group && !is_icmp))
		return WIRE_V_DROP_IP_GROUP;
	if (UNLIKELY(is6 && is_unspecified6(p->tuple.remote) && !is_icmp))
		return WIRE_V_DROP_IP_SRC;
	if (UNLIKELY(p->proto != WIRE_PROTO_TCP && !is_icmp))
		return WIRE_V_DROP_IP_PROTO;
	if (UNLIKELY(from_own))
		return WIRE_V_DROP_LAND;
	return is_icmp ? parse_icmp(p, link, to_group) : parse_tcp(p);
}

/* One function for each version, so that what is about the other one is not even there. */
static inline __attribute__((always_inline)) enum wire_verdict parse_ip(
	struct pkt *p, const struct wire_link *link, bool is6)
{
	enum wire_verdict v = is6 ? leat_wire_ip6_parse(p) : leat_wire_ip4_parse(p);

	if (UNLIKELY(v != WIRE_V_TCP))
		return v;
	enum addr_kind src = addr_kind(link, p->tuple.remote);
	enum addr_kind dst = addr_kind(link, p->tuple.local);
	bool to_group = dst == ADDR_BROADCAST || leat_wire_ip_is_group(p->tuple.local);

	if (UNLIKELY((p->dst.octet[0] & 1) && !to_group))
		return WIRE_V_DROP_L2_MCAST;
	if (UNLIKELY(src == ADDR_BROADCAST || (!leat_wire_ip_may_send(p->tuple.remote) &&
						      !(is6 && is_unspecified6(p->tuple.remote)))))
		return WIRE_V_DROP_IP_SRC;
	if (UNLIKELY(dst == ADDR_OTHER && !to_group))
		return WIRE_V_DROP_IP_DST;
	if (is6) {
		v = leat_wire_ip6_walk(p);
		if (UNLIKELY(v != WIRE_V_TCP))
			return v;
	}
	return parse_upper(p, link, is6, to_group, src == ADDR_OWN);
}

static enum wire_verdict parse_ip4(struct pkt *p, const struct wire_link *link)
{
	return parse_ip(p, link, false);
}

static enum wire_verdict parse_ip6(struct pkt *p, const struct wire_link *link)
{
	return parse_ip(p, link, true);
}

/* A frame without Ethernet begins with the header whose first octet tells its version. */
static enum wire_verdict parse_raw(struct pkt *p, const struct wire_link *link)
{
	p->src = p->dst = (struct mac){0};
	p->l4 = p->frame;
	p->l4_octets = p->octets;
	if (p->octets > link->mtu)
		return WIRE_V_DROP_FRAME_LONG;
	if (p->octets == 0)
		return WIRE_V_DROP_IP_SHORT;
	uint8_t version = p->frame[0] >> 4;
	if (version != 4 && version != 6)
		return WIRE_V_DROP_IP_VERSION;
	return version == 6 ? parse_ip6(p, link) : parse_ip4(p, link);
}

static enum wire_verdict parse_arp(struct pkt *p)
{
	return leat_wire_arp_parse(p->l4, p->l4_octets, &p->arp) ? WIRE_V_ARP : WIRE_V_DROP_ARP;
}

static enum wire_verdict parse_ethertype(struct pkt *p, const struct wire_link *link, uint16_t type)
{
	switch (type) {
	case WIRE_ETHERTYPE_IP4:
	case WIRE_ETHERTYPE_IP6:
	case WIRE_ETHERTYPE_ARP:
		break;
	case WIRE_ETHERTYPE_VLAN:
	case WIRE_ETHERTYPE_QINQ:
	case WIRE_ETHERTYPE_QINQ_OLD:
		return WIRE_V_DROP_VLAN;
	default:
		return WIRE_V_DROP_ETHERTYPE;
	}
	if (UNLIKELY(p->l4_octets > link->mtu))
		return WIRE_V_DROP_FRAME_LONG;
	if (UNLIKELY(type == WIRE_ETHERTYPE_ARP))
		return parse_arp(p);
	return LIKELY(type == WIRE_ETHERTYPE_IP4) ? parse_ip4(p, link) : parse_ip6(p, link);
}

/* has_tag says whether the frame is of VLAN id; its priority is nobody's concern here. */
static bool has_tag(const struct pkt *p, uint16_t id)
{
	return p->octets >= WIRE_ETH_OCTETS + WIRE_TAG_OCTETS &&
	       be16_get(p->frame + 12) == WIRE_ETHERTYPE_VLAN &&
	       (be16_get(p->frame + 14) & VLAN_ID_MASK) == id;
}

/* Both addresses at once: of the packet, as that is more than dst. */
static inline void macs_take(struct pkt *p)
{
	STATIC_ASSERT(offsetof(struct pkt, src) == offsetof(struct pkt, dst) + sizeof(struct mac),
		"one behind the other, as in a frame");
	memcpy((uint8_t *)p + offsetof(struct pkt, dst), p->frame, 2 * sizeof(struct mac));
}

enum wire_verdict leat_wire_pkt_parse_any(struct pkt *p, const struct wire_link *link)
{
	p->tuple.zone = 0;
	if (link->raw_ip)
		return parse_raw(p, link);
	if (UNLIKELY(p->octets < WIRE_ETH_OCTETS))
		return WIRE_V_DROP_L2_SHORT;
	macs_take(p);
	if (UNLIKELY(p->src.octet[0] & 1))
		return WIRE_V_DROP_L2_MCAST;
	if (UNLIKELY(!(p->dst.octet[0] & 1) && memcmp(&p->dst, &link->mac, sizeof(p->dst)) != 0))
		return WIRE_V_DROP_L2_OTHER;
	uint32_t at = wire_l2_octets(link);
	if (UNLIKELY(link->vlan != 0) && !has_tag(p, link->vlan))
		return WIRE_V_DROP_VLAN;
	p->l4 = p->frame + at;
	p->l4_octets = p->octets - at;
	return parse_ethertype(p, link, be16_get(p->frame + at - 2));
}

/* May a packet of IPv4 go from src to dst, one of ours?  False: the long way is to say why. */
static inline bool may_come(const struct wire_link *link, uint32_t src, uint32_t dst)
{
	if (UNLIKELY(dst >= IP4_GROUPS || src - IP4_FIRST >= IP4_GROUPS - IP4_FIRST ||
		     src >> 24 == IP4_LOOPBACK_NET))
		return false;
	return addr_kind(link, ip_from4(dst)) == ADDR_OWN &&
	       addr_kind(link, ip_from4(src)) == ADDR_OTHER;
}

/* What nearly every frame is: from a station to ours, untagged, a packet of IPv4 that is whole and
 * has no options, TCP, from an address to one of ours.  All that is asked of it on the long way is
 * asked here, a word at a time.  False: the long way is to say what it is. */
static inline bool is_plain(struct pkt *p, const struct wire_link *link)
{
	const uint8_t *eth = p->frame, *ip = eth + WIRE_ETH_OCTETS;
	uint32_t there = p->octets - PLAIN_OCTETS; /* behind the header */

	if (UNLIKELY(p->octets < PLAIN_OCTETS || link->raw_ip || link->vlan != 0))
		return false;
	uint64_t macs = be64_get(eth) ^ be64_get((const uint8_t *)link);
	uint64_t type = be64_get(ip - 2); /* to the ID */
	uint32_t frag = be32_get(ip + 6); /* to the protocol */
	uint32_t octets = (uint32_t)(type >> 16 & UINT16_MAX) - WIRE_IP4_OCTETS;

	if (UNLIKELY((macs & PLAIN_MACS) != 0 || type >> 40 != PLAIN_TYPE ||
		     (frag & PLAIN_FRAG_MASK) != WIRE_PROTO_TCP))
		return false;
	if (UNLIKELY(octets > there || there + WIRE_IP4_OCTETS > link->mtu))
		return false;
	uint32_t src = be32_get(ip + 12), dst = be32_get(ip + 16);

	if (UNLIKELY(!wire_ip4_cksum_ok(p, ip, WIRE_IP4_OCTETS) || !may_come(link, src, dst)))
		return false;
	macs_take(p);
	p->proto = WIRE_PROTO_TCP;
	p->tos = (uint8_t)(type >> 32);
	p->ttl = (uint8_t)(frag >> 8);
	p->tuple.local = ip_from4(dst);
	p->tuple.remote = ip_from4(src);
	p->tuple.zone = 0;
	p->l4 = ip + WIRE_IP4_OCTETS;
	p->l4_octets = octets;
	return true;
}

static inline enum wire_verdict parse(struct pkt *p, const struct wire_link *link)
{
	return LIKELY(is_plain(p, link)) ? parse_tcp(p) : leat_wire_pkt_parse_any(p, link);
}

enum wire_verdict leat_wire_pkt_parse(struct pkt *p, const struct wire_link *link)
{
	return parse(p, link);
}

void leat_wire_pkt_parse_bulk(
	struct pkt *p, uint32_t cnt, const struct wire_link *link, enum wire_verdict *verdict)
{
	for (uint32_t i = 0; i < cnt; i++)
		verdict[i] = parse(&p[i], link);
}

uint32_t leat_wire_eth_put(
	uint8_t *p, const struct mac *dst, const struct mac *src, uint16_t ethertype)
{
	memcpy(p, dst, sizeof(*dst));
	memcpy(p + 6, src, sizeof(*src));
	be16_put(p + 12, ethertype);
	return WIRE_ETH_OCTETS;
}

uint32_t leat_wire_l2_put(
	uint8_t *p, const struct wire_link *link, const struct mac *dst, uint16_t ethertype)
{
	DCHECK(!link->raw_ip);
	if (link->vlan == 0)
		return leat_wire_eth_put(p, dst, &link->mac, ethertype);
	leat_wire_eth_put(p, dst, &link->mac, WIRE_ETHERTYPE_VLAN);
	be16_put(p + WIRE_ETH_OCTETS, link->vlan);
	be16_put(p + WIRE_ETH_OCTETS + 2, ethertype);
	return WIRE_ETH_OCTETS + WIRE_TAG_OCTETS;
}

uint32_t leat_wire_ip4_put(uint8_t *p, uint32_t local, uint32_t remote, const struct ip_hdr *hdr)
{
	uint64_t octets = WIRE_IP4_OCTETS + hdr->octets;

	be64_put(p, UINT64_C(0x45) << 56 | (uint64_t)hdr->tos << 48 | octets << 32 | IP4_DF);
	be64_put(p + 8, (uint64_t)hdr->ttl << 56 | (uint64_t)hdr->proto << 48 | local);
	be32_put(p + 16, remote);
	if (!hdr->csum_later)
		be16_put(p + 10,
			(uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, p, WIRE_IP4_OCTETS)));
	return WIRE_IP4_OCTETS;
}

uint32_t leat_wire_ip6_put(uint8_t *p, const struct tuple *tuple, const struct ip_hdr *hdr)
{
	be32_put(p, UINT32_C(6) << 28 | (uint32_t)hdr->tos << 20);
	be16_put(p + 4, (uint16_t)hdr->octets);
	p[6] = hdr->proto;
	p[7] = hdr->ttl;
	be64_put(p + 8, tuple->local.hi);
	be64_put(p + 16, tuple->local.lo);
	be64_put(p + 24, tuple->remote.hi);
	be64_put(p + 32, tuple->remote.lo);
	return WIRE_IP6_OCTETS;
}

uint32_t leat_wire_pkt_hdr_put(uint8_t *p, const struct wire_link *link, const struct mac *dst,
	const struct tuple *tuple, const struct ip_hdr *hdr)
{
	bool is4 = ip_is4(tuple->local);
	uint32_t at = 0;

	DCHECK(is4 == ip_is4(tuple->remote));
	DCHECK(hdr->octets + (is4 ? WIRE_IP4_OCTETS : 0) <= UINT16_MAX);
	if (!link->raw_ip)
		at = leat_wire_l2_put(p, link, dst, is4 ? WIRE_ETHERTYPE_IP4 : WIRE_ETHERTYPE_IP6);
	if (is4)
		return at +
		       leat_wire_ip4_put(p + at, ip_to4(tuple->local), ip_to4(tuple->remote), hdr);
	return at + leat_wire_ip6_put(p + at, tuple, hdr);
}

uint32_t leat_wire_gather(
	const struct wire_chunk *chunk, uint32_t chunk_cnt, uint8_t *dst, uint32_t dst_octets)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < chunk_cnt; i++) {
		if (chunk[i].octets > dst_octets - at)
			return 0;
		memcpy(dst + at, chunk[i].data, chunk[i].octets);
		at += chunk[i].octets;
	}
	return at;
}
