/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_be.h"
#include "base_bits.h"

#include <string.h>

/* The stream of one end begins with its serial number; every octet after it is a function of the
 * serial number and the offset.  No two streams agree for long, and none with itself shifted. */

static uint64_t word_at(uint64_t serial, uint64_t no)
{
	if (no == 0)
		return serial;
	uint64_t z = (serial ^ no * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);

	return z ^ z >> 29;
}

void leat_sim_stream_fill(uint64_t serial, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	uint8_t word[8];

	while (octets > 0) {
		uint32_t at = (uint32_t)(offset % 8), piece = u32_min(8 - at, octets);

		if (piece == 8) {
			be64_put(dst, word_at(serial, offset / 8));
			dst += 8;
			offset += 8;
			octets -= 8;
			continue;
		}
		be64_put(word, word_at(serial, offset / 8));
		memcpy(dst, word + at, piece);
		dst += piece;
		offset += piece;
		octets -= piece;
	}
}

bool leat_sim_stream_is(uint64_t serial, uint64_t offset, const uint8_t *src, uint32_t octets)
{
	uint8_t word[8];
	uint64_t differ = 0;

	while (octets > 0) {
		uint32_t at = (uint32_t)(offset % 8), piece = u32_min(8 - at, octets);

		if (piece == 8) {
			differ |= be64_get(src) ^ word_at(serial, offset / 8);
		} else {
			be64_put(word, word_at(serial, offset / 8));
			differ |= (uint64_t)(memcmp(src, word + at, piece) != 0);
		}
		src += piece;
		offset += piece;
		octets -= piece;
	}
	return differ == 0;
}
