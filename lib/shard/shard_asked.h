/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_ASKED_H
#define LEAT_SHARD_ASKED_H

/* shard_asked: which neighbours one shard asks for, for one other shard to see.
 *
 *	asks ─tell─► [ tag instant ] [ tag instant ] ... ◄─wanted?─ got an answer
 *
 * Shards of a port have one address, so an answer comes to whatever queue the device likes, and
 * nothing in it says who had asked.  Who sends a question (each of its repetitions) notes it here
 * before, and who gets an answer hands a copy to those who wait for it, and to no others: a
 * stranger who answers what nobody asked costs the shard that receives it, and that one alone.
 *
 * Shape      SHARD_ASKED_SLOTS places by a hash of the address.  Two addresses at one place make it
 *            mean any: a copy too many is refused by its reader, a copy too few costs a second.
 * Units      ns of the shards' common clock; kept in ms.
 * Memory     the struct.
 * Affinity   tell: the asking shard's lcore; wanted: the other's.  The slots are atomic, stored
 *            with release before the question leaves, loaded with acquire.
 * Cost       a store for each question; a load for each answer.
 * RFC        826, 4861 7.2 */

#include "base_bits.h"
#include "wire_pkt.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHARD_ASKED_SLOTS  64
#define SHARD_ASKED_FOR_MS 2000 /* twice what passes before a question is repeated or given up */

struct shard_asked {
	_Alignas(CACHE_LINE) _Atomic uint64_t slot[SHARD_ASKED_SLOTS]; /* tag, ms; 0: never */
};

/* leat_shard_asked_init empties what nobody uses yet. */
void leat_shard_asked_init(struct shard_asked *a);

/* leat_shard_asked_tell notes that ip is asked for now. */
void leat_shard_asked_tell(struct shard_asked *a, struct ip ip, uint64_t now);

/* leat_shard_asked_wants says whether an answer about ip may be waited for. */
bool leat_shard_asked_wants(const struct shard_asked *a, struct ip ip, uint64_t now);

/* leat_shard_asked_question says whether a frame that we send asks for a neighbour, and for which:
 * an ARP request, or a neighbour solicitation without extension headers. */
bool leat_shard_asked_question(const uint8_t *frame, uint32_t octets, struct ip *ip);

#endif
