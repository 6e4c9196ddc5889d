/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_hash.h"

#include "base_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The published test: key 00 01 .. 0f, input 00 01 .. of which here whole words are taken.  The
 * rows of 2-4 are those of the paper's reference code, the rows of 1-3 were made with another
 * implementation of the same function. */
static const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
static const uint64_t word[] = {0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x1716151413121110,
	0x1f1e1d1c1b1a1918, 0x2726252423222120, 0x2f2e2d2c2b2a2928, 0x3736353433323130};

static void siphash_2_4_equals_the_published_vectors(void **state)
{
	static const uint64_t want[] = {
		0x726fdb47dd0e0e31,
		0x93f5f5799a932462,
		0x3f2acc7f57c29bdb,
		0xb8ad50c6f649af94,
		0x7127512f72f27cce,
		0x0e3ea96b5304a7d0,
		0xe612a3cb9ecba951,
		0xb78dbfaf3a8d83bd,
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(want); i++)
		assert_true(leat_hash_sip24(&key, word, i) == want[i]);
}

static void siphash_1_3_equals_another_implementation(void **state)
{
	static const uint64_t want[] = {
		0xabac0158050fc4dc,
		0x369095118d299a8e,
		0xcc4fdd1a7d908b66,
		0xf464aeb267349c8c,
		0x81157b6c16a7b60d,
		0xc1d2363299e41531,
		0x9f3143f8df074c46,
		0xb4bcc0db243c6d75,
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(want); i++)
		assert_true(leat_hash_sip13(&key, word, i) == want[i]);
}

static void every_bit_of_key_and_input_matters(void **state)
{
	uint64_t was = leat_hash_sip13(&key, word, 5);

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		struct hash_key k0 = key, k1 = key;
		k0.k0 ^= UINT64_C(1) << bit;
		k1.k1 ^= UINT64_C(1) << bit;
		assert_true(leat_hash_sip13(&k0, word, 5) != was);
		assert_true(leat_hash_sip13(&k1, word, 5) != was);
		for (unsigned i = 0; i < 5; i++) {
			uint64_t w[5] = {word[0], word[1], word[2], word[3], word[4]};
			w[i] ^= UINT64_C(1) << bit;
			assert_true(leat_hash_sip13(&key, w, 5) != was);
		}
	}
}

static void the_fast_hash_takes_every_bit_of_key_and_input(void **state)
{
	struct hash_fast_key fast = leat_hash_fast_key(&key);
	uint64_t was = hash_fast(&fast, word, 5);

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		struct hash_key other = key;
		other.k0 ^= UINT64_C(1) << bit;
		struct hash_fast_key other_fast = leat_hash_fast_key(&other);
		assert_true(hash_fast(&other_fast, word, 5) != was);
		for (unsigned i = 0; i < 5; i++) {
			uint64_t w[5] = {word[0], word[1], word[2], word[3], word[4]};
			w[i] ^= UINT64_C(1) << bit;
			assert_true(hash_fast(&fast, w, 5) != was);
		}
	}
}

/* Ports that follow each other, as of one client: by the low half, which chooses a bucket, and by
 * the last 16 bits, which are the tag, they must not follow each other, under any key. */
static void the_fast_hash_spreads_what_follows_each_other(void **state)
{
	enum {
		KEYS = 200,
		INPUTS = 16384,
		PLACES = 4096
	};

	(void)state;
	for (uint64_t k = 0; k < KEYS; k++) {
		struct hash_key drawn = {k * k, ~k};
		struct hash_fast_key fast = leat_hash_fast_key(&drawn);
		uint16_t low[PLACES] = {0}, high[PLACES] = {0};

		for (uint64_t i = 0; i < INPUTS; i++) {
			uint64_t w[2] = {0x0a0000010a000002, (1024 + i) << (k % 48)};
			uint64_t hash = hash_fast(&fast, w, 2);

			low[(hash & UINT32_MAX) * PLACES >> 32]++;
			high[hash >> 52]++;
		}
		/* Four to a place; that any of so many has 24 happens once in 10^5 tests. */
		for (uint32_t i = 0; i < PLACES; i++)
			assert_true(low[i] < 24 && high[i] < 24);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_2_4_equals_the_published_vectors),
		cmocka_unit_test(siphash_1_3_equals_another_implementation),
		cmocka_unit_test(every_bit_of_key_and_input_matters),
		cmocka_unit_test(the_fast_hash_takes_every_bit_of_key_and_input),
		cmocka_unit_test(the_fast_hash_spreads_what_follows_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
