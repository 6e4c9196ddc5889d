/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FLOW_HASH_H
#define LEAT_FLOW_HASH_H

/* flow_hash: the hash by which a NIC spreads flows over its queues (RSS, Toeplitz), in software.
 *
 * The low bits of the hash select the queue.  So this tells on which queue the replies of a
 * connection will arrive before it is opened, and steers where no NIC does.  Not for tables: the
 * hash is linear, and whoever knows the key can make flows collide.
 *
 *	source address │ destination address │ source port │ destination port     network order
 *
 * Each octet selects two entries of a table made from the key: half an octet at a place of the
 * input always contributes the same 32 bits.
 *
 * Shape      struct flow_rss is 72 x 16 words of 32 bits, for the 36 octets of IPv6.
 * Units      the tuple as seen from here; what arrives has our remote end as its source.
 * Memory     4608 octets, by value.
 * Affinity   none; read only once made.
 * Cost       24 loads for IPv4, 72 for IPv6.
 * See        flow_table.h for the table's own, keyed hash. */

#include "wire_addr.h"

#include <stdint.h>

#define FLOW_RSS_KEY_OCTETS   40 /* a longer key hashes four-tuples as its first 40 octets do */
#define FLOW_RSS_INPUT_OCTETS 36

struct flow_rss {
	uint32_t part[FLOW_RSS_INPUT_OCTETS * 2][16];
};

/* leat_flow_rss_init makes the table of key, FLOW_RSS_KEY_OCTETS octets as given to the NIC. */
void leat_flow_rss_init(struct flow_rss *r, const uint8_t *key);

/* leat_flow_rss_arriving is the hash that a NIC computes over a TCP segment of this connection as
 * it arrives: from remote to local.  An address in IPv4-mapped form is hashed as IPv4. */
uint32_t leat_flow_rss_arriving(const struct flow_rss *r, const struct tuple *tuple);

#endif
