/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FLOW_STEER_H
#define LEAT_FLOW_STEER_H

/* flow_steer: which shard owns a flow; the one answer that device, rings and ports agree on.
 *
 *	tuple ─► Toeplitz with our key ─► low bits ─► table ─► shard
 *
 * The function is that of a NIC with RSS: given our key and our table, a device that can brings
 * every segment to its owner.  Where none can, the shard that received a frame computes the same
 * and hands it over.  And because the hash is linear, the ports whose replies come home are known
 * by arithmetic:
 *
 *	hash(tuple with port p) = hash(tuple with port 0) ^ hash of p alone
 *
 * The key is drawn so that in any aligned run of table_cnt ports each entry of the table is met
 * exactly once: every shard has its share of the ports, all are used, and no two shards share one.
 *
 * A key may be symmetric (16 bits over and over): then both directions of a flow have one hash,
 * and two ends of a wire joined queue to queue agree without knowing of each other.  Outsiders can
 * aim at one shard of it, so it is for wires inside the process.
 *
 * Shape      FLOW_STEER_TABLE_MAX entries at most, a power of two in use.
 * Units      hash: 32 bits, of which the low ones select.
 * Memory     by value; read only once made, so shards may share it.
 * Affinity   none.
 * Cost       owner: one Toeplitz hash (24 loads for IPv4, 72 for IPv6) and one of the table.
 * See        flow_hash.h, flow_port.h; docs/shard.md. */

#include "flow_hash.h"

#include <stdbool.h>

#define FLOW_STEER_TABLE     128 /* entries where no device says otherwise */
#define FLOW_STEER_TABLE_MAX 512
#define FLOW_STEER_SHARD_MAX 64

struct flow_steer {
	struct flow_rss rss;
	uint32_t shard_cnt, table_cnt;
	uint8_t table[FLOW_STEER_TABLE_MAX];
};

/* What a frame tells of its owner before anybody parsed it. */
enum flow_peek {
	FLOW_PEEK_NONE,  /* no flow: any shard may have it */
	FLOW_PEEK_PLAIN, /* a TCP segment as every device with RSS understands it */
	FLOW_PEEK_ODD,   /* of a flow, but a device may look at it differently: IP options,
			  * extension headers, a first fragment, an ICMP error that quotes us */
};

/* leat_flow_steer_key draws a key of FLOW_RSS_KEY_OCTETS from seed for a table of table_cnt. */
void leat_flow_steer_key(uint8_t *key, uint64_t seed, uint32_t table_cnt, bool symmetric);

/* leat_flow_steer_key_ok says whether key gives every entry of the table its share of the ports,
 * of IPv4 and of IPv6. */
bool leat_flow_steer_key_ok(const uint8_t *key, uint32_t table_cnt);

/* leat_flow_steer_init deals the table's entries to the shards in turn.  Assumes table_cnt is a
 * power of two, not below shard_cnt and not above FLOW_STEER_TABLE_MAX. */
void leat_flow_steer_init(
	struct flow_steer *s, const uint8_t *key, uint32_t table_cnt, uint32_t shard_cnt);

/* flow_steer_of is the shard to which a segment with this hash belongs. */
static inline uint32_t flow_steer_of(const struct flow_steer *s, uint32_t hash)
{
	return s->table[hash & (s->table_cnt - 1)];
}

/* leat_flow_steer_owner is the shard to which this connection's segments belong. */
uint32_t leat_flow_steer_owner(const struct flow_steer *s, const struct tuple *tuple);

/* leat_flow_steer_port is the part of the hash that the local port alone contributes. */
uint32_t leat_flow_steer_port(const struct flow_steer *s, bool is4, uint16_t lport);

/* flow_steer_is_plain says, without its ports, that peek would call a frame plain; of tagged frames
 * and some others it says no. */
static inline bool flow_steer_is_plain(const uint8_t *frame, uint32_t octets)
{
	if (octets < 54)
		return false;
	if (frame[12] == 0x08 && frame[13] == 0)
		return frame[14] == 0x45 && frame[23] == 6 && ((frame[20] & 0x3f) | frame[21]) == 0;
	return frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == 6 && octets >= 74;
}

/* leat_flow_steer_peek reads the tuple of the flow that a frame (Ethernet, tags allowed) is about,
 * seen from here.  Checks nothing but lengths: who is not owner by a broken header hands it to one
 * who will refuse it. */
enum flow_peek leat_flow_steer_peek(const uint8_t *frame, uint32_t octets, struct tuple *tuple);

#endif
