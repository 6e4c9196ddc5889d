/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FUZZ_H
#define LEAT_FUZZ_H

/* fuzz: a byte string decides everything; what must hold afterwards is asserted.
 *
 * Each target defines LLVMFuzzerTestOneInput.  With -Dfuzz=true clang's libFuzzer drives it; in
 * every build fuzz_main.c does: it replays the committed corpus, then bends its members at random.
 *
 *	corpus/TARGET.corpus ─► fuzz_main.c or libFuzzer ─► LLVMFuzzerTestOneInput ─► ASSERT
 *
 * A target has no clock, no chance and no memory but its input's: the same octets always do the
 * same.  Octets that a target reads beyond the end of its input are 0.
 *
 * Memory     a copy of exactly the size for whatever is parsed, so that the address sanitizer sees
 *            the first octet too far. */

#include "base_assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input. */
struct fuzz_in {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_u8(struct fuzz_in *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static inline uint16_t fuzz_u16(struct fuzz_in *in)
{
	uint16_t high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

/* fuzz_copy is a buffer of the heap with the first octets of what is left, exactly as long. */
static inline uint8_t *fuzz_copy(const void *from, size_t octets)
{
	uint8_t *to = malloc(octets ? octets : 1);

	ASSERT(to != NULL);
	if (octets)
		memcpy(to, from, octets);
	return to;
}

/* fuzz_mem is memory for an object that takes octets, kept from one input to the next. */
static inline void *fuzz_mem(size_t octets)
{
	static uint8_t *mem;
	static size_t room;

	ASSERT(octets > 0);
	if (octets > room) {
		free(mem);
		room = (octets + 63) / 64 * 64;
		mem = aligned_alloc(64, room);
		ASSERT(mem != NULL);
	}
	return mem;
}

/* fuzz_near is a number that lies at an edge of a circle of 2^32, seen from 0, as code says: far,
 * a window away, beside, or anywhere (then it takes two octets more). */
static inline uint32_t fuzz_near(struct fuzz_in *in, uint8_t code, uint32_t window)
{
	const uint32_t edge[] = {0, 1, UINT32_MAX, window, window - 1, window + 1, 0U - window,
		UINT32_C(1) << 31, (UINT32_C(1) << 31) - 1, 10, 0U - 10, 536};
	const uint32_t cnt = sizeof(edge) / sizeof(edge[0]);

	return code % 16 < cnt ? edge[code % 16] : (uint32_t)(int16_t)fuzz_u16(in);
}

#endif
