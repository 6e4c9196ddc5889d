/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_hash.h"

#include "base_bits.h"

static inline void sip_rounds(uint64_t v[4], int cnt)
{
	for (int i = 0; i < cnt; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl64(v[1], 13) ^ v[0];
		v[3] = rotl64(v[3], 16) ^ v[2];
		v[0] = rotl64(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl64(v[1], 17) ^ v[2];
		v[3] = rotl64(v[3], 21) ^ v[0];
		v[2] = rotl64(v[2], 32);
	}
}

/* Inlined into both callers, so that the counts of rounds are constants there. */
static inline __attribute__((always_inline)) uint64_t sip(
	const struct hash_key *key, const uint64_t *word, uint32_t word_cnt, int c_cnt, int d_cnt)
{
	uint64_t v[4] = {
		key->k0 ^ UINT64_C(0x736f6d6570736575),
		key->k1 ^ UINT64_C(0x646f72616e646f6d),
		key->k0 ^ UINT64_C(0x6c7967656e657261),
		key->k1 ^ UINT64_C(0x7465646279746573),
	};

	for (uint32_t i = 0; i < word_cnt; i++) {
		v[3] ^= word[i];
		sip_rounds(v, c_cnt);
		v[0] ^= word[i];
	}
	/* The last block holds the length in octets, modulo 256, above the octets left: none. */
	uint64_t last = (uint64_t)word_cnt << 59;
	v[3] ^= last;
	sip_rounds(v, c_cnt);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, d_cnt);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Of two words, a tuple of IPv4, both are unrolled. */
uint64_t leat_hash_sip13(const struct hash_key *key, const uint64_t *word, uint32_t word_cnt)
{
	if (word_cnt == 2)
		return sip(key, word, 2, 1, 3);
	return sip(key, word, word_cnt, 1, 3);
}

uint64_t leat_hash_sip24(const struct hash_key *key, const uint64_t *word, uint32_t word_cnt)
{
	if (word_cnt == 2)
		return sip(key, word, 2, 2, 4);
	return sip(key, word, word_cnt, 2, 4);
}

struct hash_fast_key leat_hash_fast_key(const struct hash_key *key)
{
	struct hash_fast_key fast;

	for (uint64_t i = 0; i <= HASH_FAST_WORDS_MAX; i++) {
		uint64_t half[2] = {2 * i, 2 * i + 1};

		fast.part[i] = leat_hash_sip24(key, &half[0], 1);
		fast.part[i] = fast.part[i] << 64 | leat_hash_sip24(key, &half[1], 1);
	}
	return fast;
}
