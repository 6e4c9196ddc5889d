/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_prng.h"

#include "base_assert.h"
#include "base_bits.h"

/* splitmix64: no seed, not even 0, gives the all-zero state that xoshiro cannot leave. */
void leat_prng_seed(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		p->s[i] = z ^ (z >> 31);
	}
}

uint64_t leat_prng_next(struct prng *p)
{
	uint64_t *s = p->s, r = rotl64(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl64(s[3], 45);
	return r;
}

/* The high half of a 32 x 32 bit product maps to [0, bound); of each result's preimages as many
 * are refused as make them equal in number (Lemire, "Fast random integer generation"). */
uint32_t leat_prng_below(struct prng *p, uint32_t bound)
{
	DCHECK(bound != 0);
	uint32_t refuse_below = -bound % bound;
	uint64_t product;

	do
		product = (leat_prng_next(p) >> 32) * bound;
	while ((uint32_t)product < refuse_below);
	return (uint32_t)(product >> 32);
}

bool leat_prng_chance(struct prng *p, uint32_t millionths)
{
	return leat_prng_below(p, 1000000) < millionths;
}
