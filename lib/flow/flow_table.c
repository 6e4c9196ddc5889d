/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_table.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_bits.h"
#include "base_lanes.h"

#include <string.h>

#define ENTRY_MAX    (UINT32_C(1) << 30)
#define BUCKET_SLOTS LANES_CNT
#define FULL_PERMIL  875    /* of the slots at entry_max */
#define SMALL_MAX    262144 /* entries: what stays in a cache may be fuller, as a step is cheap */
#define SMALL_PERMIL 890
#define LANE_BITS    16
#define STRIDE_MAX   (UINT32_C(1) << 16)
#define HASH_COUNTS  (UINT64_MAX << FLOW_HASH_HIGH | UINT32_MAX)

/* Tag 0 means that the slot is empty. */
struct flow_bucket {
	uint16_t tag[BUCKET_SLOTS];
	uint32_t passed;
	uint32_t idx[BUCKET_SLOTS];
};

STATIC_ASSERT(TUPLE_WORDS <= HASH_FAST_WORDS_MAX, "a tuple can be hashed");
STATIC_ASSERT(FLOW_HASH_HIGH == 64 - LANE_BITS, "the tag is what counts above the low half");
STATIC_ASSERT(sizeof(struct flow_bucket) == CACHE_LINE, "a bucket is one line");

struct flow_table {
	struct flow_bucket *bucket;
	uint32_t bucket_cnt;
	uint32_t walk_max; /* FLOW_PROBE_MAX, or all buckets when there are fewer */
	uint32_t stride_max;
	struct flow_records records;
	struct hash_fast_key key;
	struct flow_stats stats;
};

static uint64_t bucket_cnt(uint64_t entry_max)
{
	uint64_t per = BUCKET_SLOTS * (entry_max <= SMALL_MAX ? SMALL_PERMIL : FULL_PERMIL);

	return (1000 * entry_max + per - 1) / per;
}

static struct flow_table *carve(struct arena *a, uint32_t entry_max)
{
	uint64_t cnt = bucket_cnt(entry_max);
	struct flow_table *t = arena_take(a, 1, sizeof(*t), CACHE_LINE);
	struct flow_bucket *bucket = arena_take(a, cnt, sizeof(*bucket), CACHE_LINE);

	if (t)
		*t = (struct flow_table){.bucket = bucket,
			.bucket_cnt = (uint32_t)cnt,
			.walk_max = (uint32_t)u64_min(cnt, FLOW_PROBE_MAX),
			.stride_max = (uint32_t)u64_min(cnt - 1, STRIDE_MAX)};
	return t;
}

size_t leat_flow_table_footprint(uint32_t entry_max)
{
	struct arena a = arena_at(NULL);

	if (entry_max == 0 || entry_max > ENTRY_MAX)
		return 0;
	carve(&a, entry_max);
	return arena_used(&a);
}

struct flow_table *leat_flow_table_new(
	void *mem, uint32_t entry_max, struct hash_key key, struct flow_records records)
{
	struct arena a = arena_at(mem);

	ASSERT(leat_flow_table_footprint(entry_max) != 0);
	struct flow_table *t = carve(&a, entry_max);

	t->records = records;
	t->key = leat_hash_fast_key(&key);
	memset(t->bucket, 0, (size_t)t->bucket_cnt * sizeof(*t->bucket));
	return t;
}

static inline uint64_t hash_of(const struct flow_table *t, const struct tuple *tuple)
{
	uint64_t word[TUPLE_WORDS];

	/* Nothing is in the table whose ports, in the last word, are both 0. */
	if (LIKELY(tuple_words(tuple, word) == 2))
		return hash_fast(&t->key, word, 2) & HASH_COUNTS;
	return hash_fast(&t->key, word, TUPLE_WORDS) & HASH_COUNTS;
}

uint64_t leat_flow_hash(const struct flow_table *t, const struct tuple *tuple)
{
	return hash_of(t, tuple);
}

static const struct ends46 *ends_of(const struct flow_table *t, uint32_t idx)
{
	return (const void *)((const uint8_t *)t->records.ends + idx * t->records.ends_stride);
}

/* Where the tuple of record idx is, or what its ends do not say of it. */
static const void *tuple_of(const struct flow_table *t, uint32_t idx)
{
	const uint8_t *first = t->records.first, *unit = t->records.unit;

	if (idx & FLOW_UNIT)
		return unit + (size_t)(idx & FLOW_UNIT_MASK) * FLOW_UNIT_OCTETS;
	return first + idx * t->records.stride;
}

/* The tuple of record idx, which has ends. */
static struct tuple tuple_by_ends(const struct flow_table *t, uint32_t idx)
{
	const struct ends46 *ends = ends_of(t, idx);
	struct tuple tuple;

	if (ends4_is_wide(&ends->in4))
		ends_wide_tuple(ends, *(const uint64_t *)tuple_of(t, idx), t->records.link, &tuple);
	else
		ends4_tuple(&ends->in4, &tuple);
	return tuple;
}

/* What a lookup that finds record idx looks at first. */
static const void *name_of(const struct flow_table *t, uint32_t idx)
{
	return t->records.ends && !(idx & FLOW_UNIT) ? ends_of(t, idx) : tuple_of(t, idx);
}

uint64_t leat_flow_hash_unit(const struct flow_table *t, uint32_t idx)
{
	const struct tuple4 *small = tuple_of(t, idx);
	uint64_t word[2];

	DCHECK(idx & FLOW_UNIT);
	if (UNLIKELY(idx & FLOW_WIDE))
		return leat_flow_hash(t, tuple_of(t, idx));
	const struct ends4 ends = {
		t->records.local4[small->local_idx], small->remote, small->lport, small->rport};

	ends4_words(&ends, word);
	return hash_fast(&t->key, word, 2) & HASH_COUNTS;
}

static inline bool is_of(const struct flow_table *t, uint32_t idx, const struct tuple *tuple)
{
	if (t->records.ends && !(idx & FLOW_UNIT)) {
		if (LIKELY(!ends4_is_wide(&ends_of(t, idx)->in4)))
			return ends4_eq(&ends_of(t, idx)->in4, tuple);
		const struct tuple its = tuple_by_ends(t, idx);

		return tuple_eq(&its, tuple);
	}
	const void *at = tuple_of(t, idx);

	if ((idx & (FLOW_UNIT | FLOW_WIDE)) != FLOW_UNIT)
		return tuple_eq(at, tuple);
	const struct tuple4 *small = at;

	return small->remote == ip_to4(tuple->remote) && small->rport == tuple->rport &&
	       small->lport == tuple->lport && tuple_is4(tuple) &&
	       t->records.local4[small->local_idx] == ip_to4(tuple->local);
}

/* The low half of the hash chooses the bucket, its last bits are the tag. */
static uint64_t tag_of(uint64_t hash)
{
	uint64_t tag = hash >> (64 - LANE_BITS);

	return tag ? tag : 1;
}

/* The buckets that an entry comes to, one after the other, each once.  The stride differs by tag,
 * so that walks which meet in a full bucket part again and full buckets do not grow into runs. */
struct walk {
	uint32_t at, stride;
	uint32_t from; /* where it began, or went on */
};

static uint32_t home_of(const struct flow_table *t, uint64_t hash)
{
	return (uint32_t)((uint64_t)(uint32_t)hash * t->bucket_cnt >> 32);
}

static struct walk walk_of(const struct flow_table *t, uint64_t hash)
{
	uint32_t home = home_of(t, hash);

	return (struct walk){home, 1 + (uint32_t)(tag_of(hash) * t->stride_max >> LANE_BITS), home};
}

/* A stride that divides the buckets comes back before it was at all of them: on with those beside
 * the ones that it was at. */
static void walk_on(const struct flow_table *t, struct walk *w)
{
	w->at += w->stride;
	if (w->at >= t->bucket_cnt)
		w->at -= t->bucket_cnt;
	if (UNLIKELY(w->at == w->from))
		w->at = w->from = w->from + 1 < t->bucket_cnt ? w->from + 1 : 0;
}

/* The slots of b that have this tag, bit i for slot i. */
static inline uint32_t slots_with(const struct flow_bucket *b, uint64_t tag)
{
	return lanes_with(b->tag, (uint16_t)tag);
}

uint32_t leat_flow_table_find(const struct flow_table *t, uint64_t hash, const struct tuple *tuple)
{
	struct walk w = walk_of(t, hash);
	uint64_t tag = tag_of(hash);

	for (uint32_t step = 0; step < t->walk_max; step++, walk_on(t, &w)) {
		const struct flow_bucket *b = &t->bucket[w.at];

		for (uint32_t slots = slots_with(b, tag); slots; slots &= slots - 1) {
			uint32_t idx = b->idx[__builtin_ctz(slots)];

			if (is_of(t, idx, tuple))
				return idx;
		}
		if (b->passed == 0)
			break;
	}
	return FLOW_NONE;
}

void leat_flow_table_prefetch(const struct flow_table *t, uint64_t hash)
{
	__builtin_prefetch(&t->bucket[home_of(t, hash)]);
}

/* The first entry in its own bucket that may be it; else, when it may be in another, that. */
static inline uint32_t first_of(
	const struct flow_table *t, uint64_t hash, const struct tuple *tuple, uint32_t home)
{
	const struct flow_bucket *b = &t->bucket[home];
	uint32_t slots = slots_with(b, tag_of(hash));

	if (slots != 0)
		return b->idx[__builtin_ctz(slots)];
	return LIKELY(b->passed == 0) ? FLOW_NONE : leat_flow_table_find(t, hash, tuple);
}

void leat_flow_table_find_bulk(const struct flow_table *t, const struct tuple *const *tuple,
	uint32_t cnt, uint64_t *hash, uint32_t *idx)
{
	DCHECK(cnt <= FLOW_BULK_MAX);
	for (uint32_t i = 0; i < cnt; i++) {
		idx[i] = FLOW_NONE;
		if (UNLIKELY(tuple[i] == NULL))
			continue;
		hash[i] = hash_of(t, tuple[i]);
		idx[i] = home_of(t, hash[i]);
		__builtin_prefetch(&t->bucket[idx[i]]);
	}
	for (uint32_t i = 0; i < cnt; i++) {
		if (UNLIKELY(tuple[i] == NULL))
			continue;
		idx[i] = first_of(t, hash[i], tuple[i], idx[i]);
		if (idx[i] != FLOW_NONE)
			__builtin_prefetch(name_of(t, idx[i]));
	}
	for (uint32_t i = 0; i < cnt; i++)
		if (idx[i] != FLOW_NONE && UNLIKELY(!is_of(t, idx[i], tuple[i])))
			idx[i] = leat_flow_table_find(t, hash[i], tuple[i]);
}

static void stats_inserted(struct flow_table *t, uint32_t steps)
{
	t->stats.entry_cnt++;
	t->stats.probe_max = u32_max(t->stats.probe_max, steps + 1);
}

/* Only DCHECK asks whether idx has this hash and is not there. */
static inline bool is_new(const struct flow_table *t, uint64_t hash, uint32_t idx)
{
	const struct tuple tuple =
		t->records.ends ? tuple_by_ends(t, idx) : *(const struct tuple *)tuple_of(t, idx);

	return hash == leat_flow_hash(t, &tuple) &&
	       leat_flow_table_find(t, hash, &tuple) == FLOW_NONE;
}

static void slot_fill(struct flow_bucket *b, uint32_t slots, uint64_t hash, uint32_t idx)
{
	uint32_t slot = (uint32_t)__builtin_ctz(slots);

	b->tag[slot] = (uint16_t)tag_of(hash);
	b->idx[slot] = idx;
}

/* Its own bucket is full. */
static __attribute__((noinline)) bool insert_far(struct flow_table *t, uint64_t hash, uint32_t idx)
{
	struct walk w = walk_of(t, hash);
	uint32_t steps = 0, slots = 0;

	while (slots == 0 && ++steps < t->walk_max) {
		walk_on(t, &w);
		slots = slots_with(&t->bucket[w.at], 0);
	}
	if (slots == 0) {
		t->stats.insert_refused++;
		return false;
	}
	slot_fill(&t->bucket[w.at], slots, hash, idx);
	stats_inserted(t, steps);
	for (w = walk_of(t, hash); steps-- > 0; walk_on(t, &w))
		t->bucket[w.at].passed++;
	return true;
}

bool leat_flow_table_insert(struct flow_table *t, uint64_t hash, uint32_t idx)
{
	struct flow_bucket *b = &t->bucket[home_of(t, hash)];
	uint32_t slots = slots_with(b, 0);

	DCHECK(idx != FLOW_NONE);
	DCHECK(idx & FLOW_UNIT || is_new(t, hash, idx));
	if (UNLIKELY(slots == 0))
		return insert_far(t, hash, idx);
	slot_fill(b, slots, hash, idx);
	stats_inserted(t, 0);
	return true;
}

static uint32_t slot_of(const struct flow_bucket *b, uint64_t tag, uint32_t idx)
{
	uint32_t slots = slots_with(b, tag);

	while (slots && b->idx[__builtin_ctz(slots)] != idx)
		slots &= slots - 1;
	return slots ? (uint32_t)__builtin_ctz(slots) : BUCKET_SLOTS;
}

/* Beyond its own bucket; `was` in idx's place. */
static __attribute__((noinline)) void move_far(
	struct flow_table *t, uint64_t hash, uint32_t was, uint32_t idx)
{
	struct walk w = walk_of(t, hash);

	for (uint32_t step = 1; step < t->walk_max; step++) {
		walk_on(t, &w);
		uint32_t slot = slot_of(&t->bucket[w.at], tag_of(hash), was);

		if (slot == BUCKET_SLOTS)
			continue;
		t->bucket[w.at].idx[slot] = idx;
		return;
	}
	UNREACHABLE("the caller moves what it inserted");
}

void leat_flow_table_move(struct flow_table *t, uint64_t hash, uint32_t was, uint32_t idx)
{
	struct flow_bucket *b = &t->bucket[home_of(t, hash)];
	uint32_t slot = slot_of(b, tag_of(hash), was);

	if (LIKELY(slot < BUCKET_SLOTS))
		b->idx[slot] = idx;
	else
		move_far(t, hash, was, idx);
}

static void slot_empty(struct flow_table *t, struct flow_bucket *b, uint32_t slot)
{
	b->tag[slot] = 0;
	b->idx[slot] = 0;
	t->stats.entry_cnt--;
}

static __attribute__((noinline)) void remove_far(struct flow_table *t, uint64_t hash, uint32_t idx)
{
	struct walk w = walk_of(t, hash);

	for (uint32_t step = 1; step < t->walk_max; step++) {
		DCHECK(t->bucket[w.at].passed != 0);
		t->bucket[w.at].passed--;
		walk_on(t, &w);
		uint32_t slot = slot_of(&t->bucket[w.at], tag_of(hash), idx);

		if (slot == BUCKET_SLOTS)
			continue;
		slot_empty(t, &t->bucket[w.at], slot);
		return;
	}
	UNREACHABLE("the caller removes what it inserted");
}

void leat_flow_table_remove(struct flow_table *t, uint64_t hash, uint32_t idx)
{
	struct flow_bucket *b = &t->bucket[home_of(t, hash)];
	uint32_t slot = slot_of(b, tag_of(hash), idx);

	if (LIKELY(slot < BUCKET_SLOTS))
		slot_empty(t, b, slot);
	else
		remove_far(t, hash, idx);
}

struct flow_stats leat_flow_table_stats(const struct flow_table *t)
{
	return t->stats;
}
