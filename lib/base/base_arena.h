/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_ARENA_H
#define LEAT_BASE_ARENA_H

/* base_arena: cuts one block of memory into the objects planned for it.
 *
 * A module's footprint() walks an arena without memory and reads how far it came; its new() walks
 * the same steps over real memory.  So the two cannot disagree.
 *
 *	struct arena a = arena_at(NULL);          struct arena a = arena_at(mem);
 *	arena_take(&a, cnt, sizeof(*t), 64);      t = arena_take(&a, cnt, sizeof(*t), 64);
 *	octets = arena_used(&a);
 *
 * Shape      at is the next free octet; overflow of size_t is remembered and makes used 0.
 * Memory     borrows mem, which must be aligned to CACHE_LINE.
 * Affinity   boot only. */

#include "base_bits.h"

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *mem;
	size_t at;
	int overflow;
};

static inline struct arena arena_at(void *mem)
{
	return (struct arena){.mem = mem, .at = 0, .overflow = 0};
}

/* arena_take gives cnt objects of size octets, aligned to the power of two align (at most
 * CACHE_LINE); NULL when the arena walks without memory. */
static inline void *arena_take(struct arena *a, size_t cnt, size_t size, size_t align)
{
	size_t octets, end;

	a->at = align_up(a->at, align);
	if (__builtin_mul_overflow(cnt, size, &octets) ||
		__builtin_add_overflow(a->at, octets, &end) || end > SIZE_MAX / 2) {
		a->overflow = 1;
		return NULL;
	}
	void *p = a->mem ? a->mem + a->at : NULL;
	a->at = end;
	return p;
}

/* arena_used is the octets cut so far, a multiple of CACHE_LINE; 0 after an overflow. */
static inline size_t arena_used(const struct arena *a)
{
	return a->overflow ? 0 : align_up(a->at, CACHE_LINE);
}

#endif
