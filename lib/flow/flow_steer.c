/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_steer.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_prng.h"
#include "wire_pkt.h"

#include <string.h>

/* Where the local port lies among the half octets of the input (flow_hash.h). */
#define PORT_PLACE4  20
#define PORT_PLACE6  68
#define TAGS_MAX     2
#define IP4_FRAG     0x1fff /* the offset */
#define IP4_MORE     0x2000
#define EXT_MAX      8
#define EXT_HOP      0
#define EXT_ROUTING  43
#define EXT_FRAGMENT 44
#define EXT_DST      60

uint32_t leat_flow_steer_port(const struct flow_steer *s, bool is4, uint16_t lport)
{
	const uint32_t(*part)[16] = s->rss.part + (is4 ? PORT_PLACE4 : PORT_PLACE6);

	return part[0][lport >> 12] ^ part[1][lport >> 8 & 15] ^ part[2][lport >> 4 & 15] ^
	       part[3][lport & 15];
}

/* full_rank says whether the low bits of the ports reach every entry: Gauss over GF(2). */
static bool full_rank(const struct flow_steer *s, bool is4, uint32_t bits)
{
	uint32_t row[16], mask = (UINT32_C(1) << bits) - 1;

	for (uint32_t i = 0; i < bits; i++)
		row[i] = leat_flow_steer_port(s, is4, (uint16_t)(1u << i)) & mask;
	for (uint32_t bit = 0; bit < bits; bit++) {
		uint32_t i = bit;

		while (i < bits && !(row[i] >> bit & 1))
			i++;
		if (i == bits)
			return false;
		uint32_t pivot = row[i];
		row[i] = row[bit];
		row[bit] = pivot;
		for (i = bit + 1; i < bits; i++)
			row[i] ^= row[i] >> bit & 1 ? pivot : 0;
	}
	return true;
}

bool leat_flow_steer_key_ok(const uint8_t *key, uint32_t table_cnt)
{
	uint32_t bits = (uint32_t)__builtin_ctz(table_cnt);
	struct flow_steer s;

	leat_flow_rss_init(&s.rss, key);
	return full_rank(&s, true, bits) && full_rank(&s, false, bits);
}

void leat_flow_steer_key(uint8_t *key, uint64_t seed, uint32_t table_cnt, bool symmetric)
{
	struct prng p;

	ASSERT(table_cnt != 0 && (table_cnt & (table_cnt - 1)) == 0);
	ASSERT(table_cnt <= FLOW_STEER_TABLE_MAX);
	leat_prng_seed(&p, seed);
	/* About one key in twelve will do. */
	do {
		for (uint32_t i = 0; i < FLOW_RSS_KEY_OCTETS; i++)
			key[i] = symmetric && i >= 2 ? key[i - 2] : (uint8_t)leat_prng_next(&p);
	} while (!leat_flow_steer_key_ok(key, table_cnt));
}

void leat_flow_steer_init(
	struct flow_steer *s, const uint8_t *key, uint32_t table_cnt, uint32_t shard_cnt)
{
	ASSERT(table_cnt != 0 && (table_cnt & (table_cnt - 1)) == 0);
	ASSERT(table_cnt <= FLOW_STEER_TABLE_MAX);
	ASSERT(shard_cnt != 0 && shard_cnt <= u32_min(table_cnt, FLOW_STEER_SHARD_MAX));
	leat_flow_rss_init(&s->rss, key);
	s->shard_cnt = shard_cnt;
	s->table_cnt = table_cnt;
	for (uint32_t i = 0; i < FLOW_STEER_TABLE_MAX; i++)
		s->table[i] = (uint8_t)(i % table_cnt % shard_cnt);
}

uint32_t leat_flow_steer_owner(const struct flow_steer *s, const struct tuple *tuple)
{
	return flow_steer_of(s, leat_flow_rss_arriving(&s->rss, tuple));
}

static struct ip ip6_at(const uint8_t *p)
{
	return (struct ip){be64_get(p), be64_get(p + 8)};
}

static void ports(const uint8_t *l4, struct tuple *t, bool quoted)
{
	uint16_t first = be16_get(l4), second = be16_get(l4 + 2);

	t->rport = quoted ? second : first;
	t->lport = quoted ? first : second;
}

/* swap makes of the tuple of a segment that we sent ours: its source is here. */
static void swap(struct tuple *t)
{
	struct ip ip = t->local;

	t->local = t->remote;
	t->remote = ip;
}

/* An ICMP error carries the header of what it is about; an echo, eight octets of its own. */
static bool is_error4(uint8_t type)
{
	return type == WIRE_ICMP4_UNREACH || type == WIRE_ICMP4_TIME || type == WIRE_ICMP4_PARAM;
}

static bool is_error6(uint8_t type)
{
	return type >= WIRE_ICMP6_UNREACH && type <= WIRE_ICMP6_PARAM;
}

static enum flow_peek peek4(const uint8_t *p, uint32_t octets, struct tuple *t, bool quoted)
{
	if (octets < WIRE_IP4_OCTETS || p[0] >> 4 != 4)
		return FLOW_PEEK_NONE;
	uint32_t ihl = 4 * (p[0] & 15u), frag = be16_get(p + 6);
	if (ihl < WIRE_IP4_OCTETS || octets < ihl + 8 || (frag & IP4_FRAG) != 0)
		return FLOW_PEEK_NONE;
	if (p[9] == WIRE_PROTO_ICMP && !quoted && is_error4(p[ihl]))
		return peek4(p + ihl + ICMP_HDR_OCTETS, octets - ihl - ICMP_HDR_OCTETS, t, true);
	if (p[9] != WIRE_PROTO_TCP)
		return FLOW_PEEK_NONE;
	t->remote = ip_from4(be32_get(p + 12));
	t->local = ip_from4(be32_get(p + 16));
	ports(p + ihl, t, quoted);
	if (quoted)
		swap(t);
	return quoted || ihl != WIRE_IP4_OCTETS || (frag & IP4_MORE) != 0 ? FLOW_PEEK_ODD
									  : FLOW_PEEK_PLAIN;
}

/* skip_extensions moves at to the transport header and returns its number; at beyond octets: the
 * packet ends before it, or it is a later fragment. */
static uint8_t skip_extensions(const uint8_t *p, uint32_t octets, uint32_t *at)
{
	uint8_t next = p[6];

	*at = WIRE_IP6_OCTETS;
	for (uint32_t i = 0; i < EXT_MAX && *at + 8 <= octets; i++) {
		const uint8_t *ext = p + *at;

		if (next == EXT_FRAGMENT) {
			if ((be16_get(ext + 2) & 0xfff8) != 0)
				break;
			*at += 8;
		} else if (next == EXT_HOP || next == EXT_ROUTING || next == EXT_DST) {
			*at += 8 * (ext[1] + UINT32_C(1));
		} else {
			return next;
		}
		next = ext[0];
	}
	*at = octets + 1;
	return next;
}

static enum flow_peek peek6(const uint8_t *p, uint32_t octets, struct tuple *t, bool quoted)
{
	uint32_t at;

	if (octets < WIRE_IP6_OCTETS || p[0] >> 4 != 6)
		return FLOW_PEEK_NONE;
	uint8_t proto = skip_extensions(p, octets, &at);
	if (octets < at + 8)
		return FLOW_PEEK_NONE;
	if (proto == WIRE_PROTO_ICMP6 && !quoted && is_error6(p[at]))
		return peek6(p + at + ICMP_HDR_OCTETS, octets - at - ICMP_HDR_OCTETS, t, true);
	if (proto != WIRE_PROTO_TCP)
		return FLOW_PEEK_NONE;
	t->remote = ip6_at(p + 8);
	t->local = ip6_at(p + 24);
	ports(p + at, t, quoted);
	if (quoted)
		swap(t);
	return quoted || at != WIRE_IP6_OCTETS ? FLOW_PEEK_ODD : FLOW_PEEK_PLAIN;
}

enum flow_peek leat_flow_steer_peek(const uint8_t *frame, uint32_t octets, struct tuple *tuple)
{
	uint32_t at = WIRE_ETH_OCTETS;
	uint16_t type;

	if (octets < at)
		return FLOW_PEEK_NONE;
	type = be16_get(frame + at - 2);
	for (uint32_t i = 0; i < TAGS_MAX && octets >= at + 4 &&
			     (type == WIRE_ETHERTYPE_VLAN || type == WIRE_ETHERTYPE_QINQ);
		i++) {
		at += 4;
		type = be16_get(frame + at - 2);
	}
	tuple->zone = 0;
	if (type == WIRE_ETHERTYPE_IP4)
		return peek4(frame + at, octets - at, tuple, false);
	if (type == WIRE_ETHERTYPE_IP6)
		return peek6(frame + at, octets - at, tuple, false);
	return FLOW_PEEK_NONE;
}
