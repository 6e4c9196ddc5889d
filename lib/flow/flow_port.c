/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_port.h"

#include "base_arena.h"
#include "base_assert.h"

#define WORD_BITS 64

struct port_base {
	uint32_t next; /* where the search goes on; a bit */
	uint32_t free_cnt;
	uint32_t rest; /* hash of the tuple without the port, of the last search */
	bool none;     /* that search found nothing, and nothing was given back since */
};

struct flow_port {
	uint32_t base_cnt;
	uint32_t port_cnt;            /* of a base */
	uint32_t word_cnt;            /* of a base */
	uint16_t port_from, bit_from; /* bit_from: port of the first bit, a multiple of 64 */
	uint32_t bit_cnt;
	struct port_base *base;
	uint64_t *free;                 /* word_cnt words a base; bit i: bit_from + i is free */
	const struct flow_steer *steer; /* NULL: not shared */
	uint32_t shard_idx;
	uint32_t rest; /* the hash of the rest of a connection, but for our port: of this one */
	struct tuple rest_of;
	/* The ports of 64 that are ours, by low bits of the hash of the rest: IPv4, IPv6. */
	uint64_t own[2][FLOW_STEER_TABLE_MAX];
};

static struct flow_port *carve(
	struct arena *a, uint32_t base_cnt, uint16_t port_from, uint16_t port_to)
{
	uint32_t port_cnt = UINT32_C(1) + port_to - port_from;
	uint16_t bit_from = (uint16_t)(port_from / WORD_BITS * WORD_BITS);
	uint32_t bit_cnt = UINT32_C(1) + port_to - bit_from;
	uint32_t word_cnt = (bit_cnt + WORD_BITS - 1) / WORD_BITS;
	struct flow_port *f = arena_take(a, 1, sizeof(*f), CACHE_LINE);
	struct port_base *base = arena_take(a, base_cnt, sizeof(*base), CACHE_LINE);
	uint64_t *words = arena_take(a, base_cnt, word_cnt * sizeof(*words), CACHE_LINE);

	if (f)
		*f = (struct flow_port){.base_cnt = base_cnt,
			.port_cnt = port_cnt,
			.word_cnt = word_cnt,
			.port_from = port_from,
			.bit_from = bit_from,
			.bit_cnt = bit_cnt,
			.base = base,
			.free = words};
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

	uint32_t before = port_from % WORD_BITS, rest = f->bit_cnt % WORD_BITS;

	leat_prng_seed(&p, seed);
	for (uint32_t base = 0; base < base_cnt; base++) {
		uint64_t *words = words_of(f, base);

		f->base[base] = (struct port_base){
			.next = before + leat_prng_below(&p, f->port_cnt), .free_cnt = f->port_cnt};
		for (uint32_t i = 0; i < f->word_cnt; i++)
			words[i] = UINT64_MAX;
		if (rest)
			words[f->word_cnt - 1] = (UINT64_C(1) << rest) - 1;
		words[0] &= UINT64_MAX << before;
	}
	return f;
}

/* own_of is the ports of 64 that belong to shard_idx when the rest of the tuple, and the port's
 * high bits, hash to these low bits. */
static uint64_t own_of(const struct flow_steer *steer, bool is4, uint32_t hash, uint32_t shard_idx)
{
	uint64_t own = 0;

	for (uint16_t i = 0; i < WORD_BITS; i++) {
		uint32_t of = flow_steer_of(steer, hash ^ leat_flow_steer_port(steer, is4, i));
		own |= (uint64_t)(of == shard_idx) << i;
	}
	return own;
}

void leat_flow_port_share(struct flow_port *f, const struct flow_steer *steer, uint32_t shard_idx)
{
	ASSERT(shard_idx < steer->shard_cnt);
	f->steer = steer;
	f->rest = 0; /* that of nothing, whatever the key is */
	f->rest_of = (struct tuple){0};
	f->shard_idx = shard_idx;
	for (uint32_t hash = 0; hash < steer->table_cnt; hash++) {
		f->own[0][hash] = own_of(steer, true, hash, shard_idx);
		f->own[1][hash] = own_of(steer, false, hash, shard_idx);
	}
}

static void mark_taken(struct flow_port *f, uint32_t base, uint32_t bit)
{
	DCHECK(f->base[base].free_cnt != 0);
	words_of(f, base)[bit / WORD_BITS] &= ~(UINT64_C(1) << bit % WORD_BITS);
	f->base[base].free_cnt--;
}

/* A search for ports of one base. */
struct search {
	const struct flow_port *f;
	const uint64_t *free;
	uint32_t rest;
	bool is4;
};

/* free_own is what of a word is free and ours. */
static uint64_t free_own(const struct search *q, uint32_t word)
{
	const struct flow_port *f = q->f;

	if (f->steer == NULL || q->free[word] == 0)
		return q->free[word];
	uint16_t port = (uint16_t)(f->bit_from + word * WORD_BITS);
	uint32_t hash = q->rest ^ leat_flow_steer_port(f->steer, q->is4, port);
	return q->free[word] & f->own[!q->is4][hash & (f->steer->table_cnt - 1)];
}

/* first_free is the first bit at or after from that is free and ours, or else the first of all;
 * bit_cnt: none is. */
static uint32_t first_free(const struct search *q, uint32_t from)
{
	uint32_t word = from / WORD_BITS, word_cnt = q->f->word_cnt;
	uint64_t bits = free_own(q, word) & (UINT64_MAX << from % WORD_BITS);

	for (uint32_t round = 0; round < word_cnt && bits == 0; round++) {
		word = word + 1 == word_cnt ? 0 : word + 1;
		bits = free_own(q, word);
	}
	return bits == 0 ? q->f->bit_cnt : word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
}

uint16_t leat_flow_port_take(struct flow_port *f, uint32_t base, const struct tuple *tuple)
{
	DCHECK(base < f->base_cnt);
	struct port_base *b = &f->base[base];
	struct search q = {.f = f, .free = words_of(f, base)};

	if (f->steer != NULL) {
		struct tuple t = *tuple;

		t.lport = 0;
		q.is4 = ip_is4(t.local);
		if (!tuple_eq(&f->rest_of, &t)) {
			f->rest = leat_flow_rss_arriving(&f->steer->rss, &t);
			f->rest_of = t;
		}
		q.rest = f->rest;
	}
	if (b->free_cnt == 0 || (b->none && b->rest == q.rest))
		return 0;
	uint32_t bit = first_free(&q, b->next);
	b->rest = q.rest;
	b->none = bit == f->bit_cnt;
	if (b->none)
		return 0;
	b->next = bit + 1 == f->bit_cnt ? 0 : bit + 1;
	mark_taken(f, base, bit);
	return (uint16_t)(f->bit_from + bit);
}

static bool is_free(const struct flow_port *f, uint32_t base, uint32_t bit)
{
	return words_of(f, base)[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

bool leat_flow_port_claim(struct flow_port *f, uint32_t base, uint16_t port)
{
	uint32_t bit = UINT32_C(0) + port - f->bit_from; /* wraps below bit_from */

	if (bit >= f->bit_cnt || !is_free(f, base, bit))
		return false;
	mark_taken(f, base, bit);
	return true;
}

void leat_flow_port_give(struct flow_port *f, uint32_t base, uint16_t port)
{
	uint32_t bit = UINT32_C(0) + port - f->bit_from;

	DCHECK(port >= f->port_from);
	DCHECK(bit < f->bit_cnt);
	DCHECK(!is_free(f, base, bit));
	words_of(f, base)[bit / WORD_BITS] |= UINT64_C(1) << bit % WORD_BITS;
	f->base[base].free_cnt++;
	f->base[base].none = false;
}

uint32_t leat_flow_port_free_cnt(const struct flow_port *f, uint32_t base)
{
	DCHECK(base < f->base_cnt);
	return f->base[base].free_cnt;
}
