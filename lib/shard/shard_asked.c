/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_asked.h"

#include "base_be.h"
#include "base_time.h"

#define TAG_ANY   UINT32_MAX
#define AHEAD_MS  60000 /* of the reader's clock, which is as old as its turn */
#define ND_TARGET 8     /* octets into a solicitation */

STATIC_ASSERT((SHARD_ASKED_SLOTS & (SHARD_ASKED_SLOTS - 1)) == 0, "a place is some bits");

void leat_shard_asked_init(struct shard_asked *a)
{
	for (uint32_t i = 0; i < SHARD_ASKED_SLOTS; i++)
		atomic_init(&a->slot[i], 0);
}

/* hash_of spreads addresses of one prefix; who picks them to collide gets copies too many. */
static uint64_t hash_of(struct ip ip)
{
	uint64_t h = (ip.lo ^ ip.hi * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);

	return (h ^ h >> 32) * UINT64_C(0x94d049bb133111eb);
}

/* tag_of is never 0, so that no slot in use is, nor TAG_ANY. */
static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 16) % (TAG_ANY - 1) + 1;
}

static uint32_t place_of(uint64_t hash)
{
	return (uint32_t)(hash >> 58) % SHARD_ASKED_SLOTS;
}

static bool is_live(uint64_t slot, uint32_t now_ms)
{
	return slot != 0 && now_ms - (uint32_t)slot + AHEAD_MS <= SHARD_ASKED_FOR_MS + AHEAD_MS;
}

void leat_shard_asked_tell(struct shard_asked *a, struct ip ip, uint64_t now)
{
	uint64_t hash = hash_of(ip);
	_Atomic uint64_t *slot = &a->slot[place_of(hash)];
	uint64_t before = atomic_load_explicit(slot, memory_order_relaxed);
	uint32_t now_ms = (uint32_t)(now / TIME_MS), tag = tag_of(hash);

	if (is_live(before, now_ms) && before >> 32 != tag)
		tag = TAG_ANY;
	atomic_store_explicit(slot, (uint64_t)tag << 32 | now_ms, memory_order_release);
}

bool leat_shard_asked_wants(const struct shard_asked *a, struct ip ip, uint64_t now)
{
	uint64_t hash = hash_of(ip);
	uint64_t slot = atomic_load_explicit(&a->slot[place_of(hash)], memory_order_acquire);
	uint32_t tag = (uint32_t)(slot >> 32);

	return is_live(slot, (uint32_t)(now / TIME_MS)) && (tag == TAG_ANY || tag == tag_of(hash));
}

bool leat_shard_asked_question(const uint8_t *frame, uint32_t octets, struct ip *ip)
{
	uint32_t at = WIRE_ETH_OCTETS;
	struct arp arp;

	if (octets < at + 4)
		return false;
	if (be16_get(frame + at - 2) == WIRE_ETHERTYPE_VLAN)
		at += 4;
	uint16_t type = be16_get(frame + at - 2);
	const uint8_t *p = frame + at;

	if (type == WIRE_ETHERTYPE_ARP && leat_wire_arp_parse(p, octets - at, &arp)) {
		*ip = ip_from4(arp.target_ip);
		return arp.op == WIRE_ARP_REQUEST;
	}
	uint32_t target = WIRE_IP6_OCTETS + ND_TARGET;
	if (type != WIRE_ETHERTYPE_IP6 || octets - at < target + 16 || p[6] != WIRE_PROTO_ICMP6 ||
		p[WIRE_IP6_OCTETS] != WIRE_ICMP6_SOLICIT)
		return false;
	*ip = (struct ip){be64_get(p + target), be64_get(p + target + 8)};
	return true;
}
