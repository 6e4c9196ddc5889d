/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "base_time.h"
#include "fuzz_sums.h"
#include "inet_neigh.h"
#include "reach.h"

/* F13: ARP and neighbour discovery against a table of four, with the addresses and stations of a
 * small pool.  A station is used for an address only if it said so in answer to a question of ours
 * or in a request to us (N047); a fixed entry stays; we answer for our own addresses alone.
 *
 *	octets   operation and family, then which address, station and target of the pool */

#define ENTRY_MAX 4
#define POOL      8 /* addresses 1 to 8; ours is 1, 7 is fixed, 8 is off the link */
#define OURS      1
#define FIXED     7
#define OPS_MAX   200
#define FRAME_MAX 160

struct bench {
	struct inet_neigh *n;
	struct wire_link link;
	uint64_t now;
	bool asked[2][POOL + 1];
	uint16_t said[2][POOL + 1]; /* which stations (bits) said they have it, and were believed */
};

static struct ip address(bool is6, uint32_t i)
{
	if (i == POOL)
		return is6 ? (struct ip){UINT64_C(0x20010db8) << 32, 1} : ip_from4(0xc0000201);
	return is6 ? (struct ip){UINT64_C(0xfd00) << 48, i} : ip_from4(0x0a000000 + i);
}

static struct mac station(uint32_t i)
{
	return (struct mac){{i == 7 ? 3 : 2, 0, 0, 0, 0, (uint8_t)i}}; /* 7 is a group */
}

/* The bit of a station; bent ones share the last. */
static uint16_t bit_of(struct mac mac)
{
	return (uint16_t)(1U << u32_min(mac.octet[5], 15));
}

static uint32_t put_arp(struct bench *b, struct fuzz_in *in, uint8_t op, uint8_t *frame)
{
	uint8_t who = fuzz_u8(in), whom = fuzz_u8(in);
	struct mac src = station(who >> 4 & 7);
	struct arp arp = {(uint16_t)(1 + (op >> 4 & 1)), station(who >> 4 & 7), b->link.mac,
		ip_to4(address(false, who % (POOL + 1))),
		ip_to4(address(false, whom % (POOL + 1)))};

	if (who % (POOL + 1) == 0)
		arp.sender_ip = 0;
	src.octet[0] = 2;
	uint32_t l2 = leat_wire_eth_put(frame, &b->link.mac, &src, WIRE_ETHERTYPE_ARP);
	return l2 + leat_wire_arp_put(frame + l2, &arp);
}

static uint32_t put_nd(struct bench *b, struct fuzz_in *in, uint8_t op, uint8_t *frame)
{
	uint8_t who = fuzz_u8(in), whom = fuzz_u8(in), flags = fuzz_u8(in);
	struct mac src = station(who >> 4 & 7);
	struct tuple t = {address(true, who % (POOL + 1)), b->link.local[1].ip, 0, 0, 0};
	struct icmp_nd nd = {.solicitation = op & 0x10,
		.has_ll = flags & 1,
		.router = flags & 2,
		.solicited = flags & 4,
		.override = flags & 8,
		.ll = station(flags >> 4 & 7),
		.target = address(true, whom % (POOL + 1))};
	struct ip_hdr hdr = {.proto = WIRE_PROTO_ICMP6, .ttl = (uint8_t)(op & 0x20 ? 64 : 255)};

	src.octet[0] = 2;
	if (who % (POOL + 1) == 0)
		t.local = (struct ip){0, 0};
	if (nd.solicitation && flags & 0x80)
		t.remote = icmp_nd_group(t.remote);
	uint8_t body[ICMP_ND_OCTETS_MAX];
	hdr.octets = leat_wire_icmp_nd_put(body, &t, &nd);
	uint32_t at = leat_wire_pkt_hdr_put(frame, &b->link, &b->link.mac, &t, &hdr);
	memcpy(frame, &b->link.mac, 6);
	memcpy(frame + 6, &src, 6);
	memcpy(frame + at, body, hdr.octets);
	return at + hdr.octets;
}

static uint32_t pool_index(bool is6, struct ip ip)
{
	for (uint32_t i = 0; i <= POOL; i++) {
		if (ip_eq(address(is6, i), ip))
			return i;
	}
	return 0;
}

/* What a frame may have made the table believe. */
static void note(struct bench *b, const struct pkt *p, enum wire_verdict v, bool refused)
{
	const struct icmp_nd *nd = &p->icmp.nd;

	if (v == WIRE_V_ARP) {
		uint32_t i = pool_index(false, ip_from4(p->arp.sender_ip));
		bool request = p->arp.op == WIRE_ARP_REQUEST &&
			       p->arp.target_ip == ip_to4(address(false, OURS));
		bool answer = p->arp.op == WIRE_ARP_REPLY && b->asked[0][i] && !refused;
		if (request || answer)
			b->said[0][i] |= bit_of(p->arp.sender_mac);
	} else if (v == WIRE_V_ND && nd->solicitation) {
		uint32_t i = pool_index(true, p->tuple.remote);
		if (nd->has_ll)
			b->said[1][i] |= bit_of(nd->ll);
	} else if (v == WIRE_V_ND) {
		uint32_t i = pool_index(true, nd->target);
		if (b->asked[1][i] && !refused && nd->has_ll)
			b->said[1][i] |= bit_of(nd->ll);
	}
}

static void op_frame(struct bench *b, struct fuzz_in *in, uint8_t op)
{
	uint8_t scratch[FRAME_MAX] = {0};
	bool is6 = op & 8;
	uint32_t octets = is6 ? put_nd(b, in, op, scratch) : put_arp(b, in, op, scratch);
	uint64_t refused = leat_inet_neigh_counters(b->n)->refused_unsolicited;

	if (op & 0x40) { /* bend one octet of it */
		uint32_t at = fuzz_u8(in) % octets;
		scratch[at] = fuzz_u8(in);
		if (is6)
			fuzz_fix_ip(scratch + WIRE_ETH_OCTETS, octets - WIRE_ETH_OCTETS);
	}
	uint8_t *frame = fuzz_copy(scratch, octets);
	struct pkt p = {.frame = frame, .octets = octets};
	enum wire_verdict v = leat_wire_pkt_parse(&p, &b->link);
	if (v == WIRE_V_ARP)
		leat_inet_neigh_arp(b->n, &p, b->now);
	else if (v == WIRE_V_ND)
		leat_inet_neigh_nd(b->n, &p, b->now);
	note(b, &p, v, leat_inet_neigh_counters(b->n)->refused_unsolicited != refused);
	free(frame);
}

static void op_find(struct bench *b, struct fuzz_in *in, bool is6)
{
	uint32_t i = 2 + fuzz_u8(in) % (POOL - 2);
	struct mac mac = {{0}};

	enum inet_neigh_answer got = leat_inet_neigh_find(b->n, address(is6, i), b->now, &mac);
	b->asked[is6][i] = true;
	if (got != INET_NEIGH_FOUND)
		return;
	ASSERT(!(mac.octet[0] & 1));
	if (i == FIXED && !is6)
		ASSERT(mac.octet[5] == 0xee);
	else
		ASSERT(b->said[is6][i] & bit_of(mac));
}

/* Frames we send are well formed, and none of them claims an address that is not ours. */
static void op_output(struct bench *b)
{
	uint8_t frame[INET_FRAME_MAX];
	uint32_t octets, cnt = 0;
	struct arp arp;

	while ((octets = leat_inet_neigh_output(b->n, frame)) > 0) {
		ASSERT(octets <= INET_FRAME_MAX && ++cnt <= 256);
		ASSERT(memcmp(frame + 6, &b->link.mac, 6) == 0);
		if (be16_get(frame + 12) != WIRE_ETHERTYPE_ARP) {
			ASSERT(be64_get(frame + 14 + 8) == b->link.local[1].ip.hi);
			ASSERT(be64_get(frame + 14 + 16) == b->link.local[1].ip.lo);
			continue;
		}
		ASSERT(leat_wire_arp_parse(
			frame + WIRE_ETH_OCTETS, octets - WIRE_ETH_OCTETS, &arp));
		ASSERT(arp.sender_ip == ip_to4(address(false, OURS)));
	}
}

static void op_time(struct bench *b, struct fuzz_in *in)
{
	uint8_t code = fuzz_u8(in);
	uint64_t due = leat_inet_neigh_next_deadline(b->n);

	if (code & 1 && due != TIME_NEVER)
		b->now = u64_max(b->now, due);
	else
		b->now += (uint64_t)code * TIME_S;
	while (leat_inet_neigh_timers(b->n, b->now, 16) > 0)
		continue;
	due = leat_inet_neigh_next_deadline(b->n);
	ASSERT(due > b->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b;
	struct fuzz_in in = {data, size};

	memset(&b, 0, sizeof(b));
	b.now = 1000 * TIME_S;
	b.link = (struct wire_link){.mac = {{2, 0, 0, 0, 0, 0xaa}}, .mtu = 1500, .local_cnt = 2};
	b.link.local[0] = (struct wire_local){address(false, OURS), 24};
	b.link.local[1] = (struct wire_local){address(true, OURS), 64};
	b.n = leat_inet_neigh_new(
		fuzz_mem(leat_inet_neigh_footprint(ENTRY_MAX)), ENTRY_MAX, &b.link, 1);
	leat_inet_neigh_set(b.n, address(false, FIXED), (struct mac){{2, 0, 0, 0, 0, 0xee}});
	for (uint32_t i = 0; i < OPS_MAX && in.left > 0; i++) {
		uint8_t op = fuzz_u8(&in);

		if ((op & 7) < 4)
			op_frame(&b, &in, op);
		else if ((op & 7) < 6)
			op_find(&b, &in, op & 8);
		else if ((op & 7) == 6)
			op_time(&b, &in);
		else
			op_output(&b);
	}
	op_output(&b);
	leat_reach_neigh(leat_inet_neigh_counters(b.n));
	return 0;
}
