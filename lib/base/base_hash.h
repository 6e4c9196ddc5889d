/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_HASH_H
#define LEAT_BASE_HASH_H

/* base_hash: SipHash, a keyed hash that a peer cannot steer without the key.
 *
 * 1-3 rounds for tables, 2-4 for numbers that leave the machine (initial sequence numbers).
 * Both take whole 64-bit words, which is what our keys are made of; on the octets of those words
 * in little-endian order they equal the published function, which a test holds them to.
 *
 * Affinity   none; pure.
 * See        Aumasson and Bernstein, "SipHash: a fast short-input PRF". */

#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

uint64_t leat_hash_sip13(const struct hash_key *key, const uint64_t *word, uint32_t word_cnt);
uint64_t leat_hash_sip24(const struct hash_key *key, const uint64_t *word, uint32_t word_cnt);

#endif
