/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_LANES_H
#define LEAT_BASE_LANES_H

/* base_lanes: many small numbers compared at once, where the machine can; no state.
 *
 * Shape   lanes_plain and lanes_with say the same; the first is the oracle of the second, and all
 *         there is on a machine without vectors.
 * Cost    lanes_with: two comparisons. */

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANES_CNT     10
#define LANES_AT_ONCE 8

/* lanes_plain gives those of LANES_CNT numbers that are equal to wanted, bit i for lane i. */
static inline uint32_t lanes_plain(const uint16_t *lane, uint16_t wanted)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < LANES_CNT; i++)
		found |= (uint32_t)(lane[i] == wanted) << i;
	return found;
}

#ifdef __SSE2__
/* The last two lanes come with six of the first once more. */
static inline uint32_t lanes_with(const uint16_t *lane, uint16_t wanted)
{
	const __m128i all = _mm_set1_epi16((int16_t)wanted);
	__m128i first = _mm_loadu_si128((const void *)lane);
	__m128i last = _mm_loadu_si128((const void *)&lane[LANES_CNT - LANES_AT_ONCE]);

	first = _mm_cmpeq_epi16(first, all);
	last = _mm_cmpeq_epi16(last, all);
	uint32_t found = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, last));

	return (found & 0xff) | (found >> (2 * LANES_AT_ONCE - LANES_CNT) & 0x300);
}
#else
static inline uint32_t lanes_with(const uint16_t *lane, uint16_t wanted)
{
	return lanes_plain(lane, wanted);
}
#endif

#endif
