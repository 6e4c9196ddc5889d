/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_PRNG_H
#define LEAT_BASE_PRNG_H

/* base_prng: repeatable random numbers from one seed (xoshiro256**, seeded by splitmix64).
 *
 * For tests, impairment and the choice of ports; secrets are drawn through SipHash.
 *
 * Affinity   one owner; no atomics. */

#include <stdbool.h>
#include <stdint.h>

struct prng {
	uint64_t s[4];
};

/* leat_prng_seed starts the sequence that seed names; equal seeds give equal sequences. */
void leat_prng_seed(struct prng *p, uint64_t seed);

uint64_t leat_prng_next(struct prng *p);

/* leat_prng_below is uniform in [0, bound); bound is not 0. */
uint32_t leat_prng_below(struct prng *p, uint32_t bound);

/* leat_prng_chance is true with probability millionths / 1,000,000. */
bool leat_prng_chance(struct prng *p, uint32_t millionths);

#endif
