/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_port.h"

#include "base_arena.h"
#include "base_assert.h"

#define WORD_BITS 64

struct port_base {
	uint32_t next; /* where the search goes on; a bit */
	uint32_t free_cnt;
};

struct flow_port {
	uint32_t base_cnt;
	uint32_t port_cnt; /* of a base */
	uint32_t word_cnt; /* of a base */
	uint16_t port_from;
	struct port_base *base;
	uint64_t *free; /* word_cnt words a base; bit i: port_from + i is free */
};

static struct flow_port *carve(
	struct arena *a, uint32_t base_cnt, uint16_t port_from, uint16_t port_to)
{
	uint32_t port_cnt = UINT32_C(1) + port_to - port_from;
	uint32_t word_cnt = (port_cnt + WORD_BITS - 1) / WORD_BITS;
	struct flow_port *f = arena_take(a, 1, sizeof(*f), CACHE_LINE);
	struct port_base *base = arena_take(a, base_cnt, sizeof(*base), CACHE_LINE);
	uint64_t *words = arena_take(a, base_cnt, word_cnt * sizeof(*words), CACHE_LINE);

	if (f)
		*f = (struct flow_port){base_cnt, port_cnt, word_cnt, port_from, base, words};
	return f;
}

size_t leat_flow_port_footprint(uint32_t base_cnt, uint16_t port_from, uint16_t port_to)
{
	struct arena a = arena_at(NULL);

	if (port_from == 0 || port_from > port_to || base_cnt == 0)
		return 0;
	carve(&a, base_cnt, port_from, port_to);
	return arena_used(&a);
}

static uint64_t *words_of(const struct flow_port *f, uint32_t base)
{
	DCHECK(base < f->base_cnt);
	return f->free + (size_t)base * f->word_cnt;
}

struct flow_port *leat_flow_port_new(
	void *mem, uint32_t base_cnt, uint16_t port_from, uint16_t port_to, uint64_t seed)
{
	struct arena a = arena_at(mem);
	struct prng p;

	ASSERT(leat_flow_port_footprint(base_cnt, port_from, port_to) != 0);
	struct flow_port *f = carve(&a, base_cnt, port_from, port_to);

	leat_prng_seed(&p, seed);
	for (uint32_t base = 0; base < base_cnt; base++) {
		uint64_t *words = words_of(f, base);
		uint32_t rest = f->port_cnt % WORD_BITS;

		f->base[base] = (struct port_base){leat_prng_below(&p, f->port_cnt), f->port_cnt};
		for (uint32_t i = 0; i < f->word_cnt; i++)
			words[i] = UINT64_MAX;
		if (rest)
			words[f->word_cnt - 1] = (UINT64_C(1) << rest) - 1;
	}
	return f;
}

static void mark_taken(struct flow_port *f, uint32_t base, uint32_t bit)
{
	DCHECK(f->base[base].free_cnt != 0);
	words_of(f, base)[bit / WORD_BITS] &= ~(UINT64_C(1) << bit % WORD_BITS);
	f->base[base].free_cnt--;
}

/* The first free bit at or after from, or else the first of all.  One is free. */
static uint32_t first_free(const struct flow_port *f, uint32_t base, uint32_t from)
{
	const uint64_t *words = words_of(f, base);
	uint32_t word = from / WORD_BITS;
	uint64_t bits = words[word] & (UINT64_MAX << from % WORD_BITS);

	for (uint32_t round = 0; round < f->word_cnt && bits == 0; round++) {
		word = word + 1 == f->word_cnt ? 0 : word + 1;
		bits = words[word];
	}
	ASSERT(bits != 0);
	return word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
}

uint16_t leat_flow_port_take(struct flow_port *f, uint32_t base)
{
	DCHECK(base < f->base_cnt);
	struct port_base *b = &f->base[base];

	if (b->free_cnt == 0)
		return 0;
	uint32_t bit = first_free(f, base, b->next);
	b->next = bit + 1 == f->port_cnt ? 0 : bit + 1;
	mark_taken(f, base, bit);
	return (uint16_t)(f->port_from + bit);
}

static bool is_free(const struct flow_port *f, uint32_t base, uint32_t bit)
{
	return words_of(f, base)[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

bool leat_flow_port_claim(struct flow_port *f, uint32_t base, uint16_t port)
{
	uint32_t bit = UINT32_C(0) + port - f->port_from; /* wraps below port_from */

	if (bit >= f->port_cnt || !is_free(f, base, bit))
		return false;
	mark_taken(f, base, bit);
	return true;
}

void leat_flow_port_give(struct flow_port *f, uint32_t base, uint16_t port)
{
	uint32_t bit = UINT32_C(0) + port - f->port_from;

	DCHECK(bit < f->port_cnt);
	DCHECK(!is_free(f, base, bit));
	words_of(f, base)[bit / WORD_BITS] |= UINT64_C(1) << bit % WORD_BITS;
	f->base[base].free_cnt++;
}

uint32_t leat_flow_port_free_cnt(const struct flow_port *f, uint32_t base)
{
	DCHECK(base < f->base_cnt);
	return f->base[base].free_cnt;
}
