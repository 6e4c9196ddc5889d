/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_HASH_H
#define LEAT_BASE_HASH_H

/* base_hash: keyed hashes that a peer cannot steer without the key.
 *
 * SipHash: 1-3 rounds for tables, 2-4 for numbers that leave the machine (initial sequence
 * numbers).  Both take whole 64-bit words, which is what our keys are made of; on the octets of
 * those words in little-endian order they equal the published function, which a test holds them to.
 *
 * hash_fast, for what is hashed for each segment and never told to anybody: a sum of products
 * modulo 2^128, of which the upper half counts.  It is strongly universal, that is, over the keys
 * any two inputs are hashed as two random numbers would be; a mix behind it, which loses nothing,
 * keeps inputs that follow each other (ports) from following each other.  A fifth of the
 * instructions of 1-3.
 *
 * Affinity   none; pure.
 * See        Aumasson and Bernstein, "SipHash: a fast short-input PRF"; Dietzfelbinger, "Universal
 *            hashing and k-wise independent random variables via integer arithmetic". */

#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

uint64_t leat_hash_sip13(const struct hash_key *key, const uint64_t *word, uint32_t word_cnt);
uint64_t leat_hash_sip24(const struct hash_key *key, const uint64_t *word, uint32_t word_cnt);

#define HASH_FAST_WORDS_MAX 5

/* Its key, expanded: what is added first, then the factor of each word. */
struct hash_fast_key {
	__extension__ unsigned __int128 part[1 + HASH_FAST_WORDS_MAX];
};

/* leat_hash_fast_key expands key. */
struct hash_fast_key leat_hash_fast_key(const struct hash_key *key);

/* hash_fast is the hash of at most HASH_FAST_WORDS_MAX words.  Of inputs of several lengths none
 * may end with a word of 0, as that equals the shorter one. */
static inline uint64_t hash_fast(
	const struct hash_fast_key *key, const uint64_t *word, uint32_t word_cnt)
{
	__extension__ unsigned __int128 sum = key->part[0];

	for (uint32_t i = 0; i < word_cnt; i++)
		sum += key->part[1 + i] * word[i];
	uint64_t hash = (uint64_t)(sum >> 64);

	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

#endif
