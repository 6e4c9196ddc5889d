/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LAB_TEXT_H
#define LEAT_LAB_TEXT_H

/* lab_text: octets that say whose they are.
 *
 * What end 0 or 1 of connection number sends at an offset follows from the three; an octet of
 * another origin is the same by chance once in 256 times.
 *
 * Affinity   none; pure. */

#include "base_bits.h"

#include <stdint.h>
#include <string.h>

#define LAB_TEXT_MAX 2048

/* The eight octets of the stream from 8 * word on. */
static inline uint64_t lab_text_word(uint64_t stream, uint64_t word)
{
	uint64_t x = (stream << 32 | (word + 1)) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static inline uint64_t lab_text_stream(uint32_t number, uint32_t end)
{
	return (uint64_t)number * 2 + end;
}

/* lab_text_make writes octets of stream from offset on. */
static inline void lab_text_make(uint64_t stream, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	uint64_t no = offset / 8, word = lab_text_word(stream, no++);
	uint32_t skip = (uint32_t)(offset % 8), first = u32_min(8 - skip, octets);

	memcpy(dst, (const uint8_t *)&word + skip, first);
	dst += first;
	octets -= first;
	for (; octets >= 8; octets -= 8, dst += 8) {
		word = lab_text_word(stream, no++);
		memcpy(dst, &word, 8);
	}
	word = lab_text_word(stream, no);
	memcpy(dst, &word, octets);
}

/* lab_text_foreign is how many octets of data, at most LAB_TEXT_MAX, are not those of stream from
 * offset on. */
static inline uint32_t lab_text_foreign(
	uint64_t stream, uint64_t offset, const uint8_t *data, uint32_t octets)
{
	uint8_t due[LAB_TEXT_MAX];
	uint32_t foreign = 0;

	lab_text_make(stream, offset, due, octets);
	if (memcmp(data, due, octets) == 0)
		return 0;
	for (uint32_t i = 0; i < octets; i++)
		foreign += data[i] != due[i];
	return foreign;
}

#endif
