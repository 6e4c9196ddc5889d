/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_table.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_bits.h"

#include <string.h>

#define ENTRY_MAX    (UINT32_C(1) << 30)
#define BUCKET_SLOTS 8
#define BUCKET_FILL  6 /* of 8 slots at entry_max */
#define LANES        4 /* tags in a word */
#define LANE_BITS    16
#define LANE_ONES    UINT64_C(0x0001000100010001)
#define LANE_LOW15   UINT64_C(0x7fff7fff7fff7fff)

/* Tag 0 means that the slot is empty.  Slot i has lane i % 4 of word i / 4. */
struct flow_bucket {
	uint64_t tag[2];
	uint32_t idx[BUCKET_SLOTS];
	uint32_t passed;
	uint32_t unused[3];
};

STATIC_ASSERT(sizeof(struct flow_bucket) == CACHE_LINE, "a bucket is one line");
STATIC_ASSERT(BUCKET_SLOTS == 2 * LANES, "two words of tags");

struct flow_table {
	struct flow_bucket *bucket;
	uint32_t bucket_mask;
	uint32_t walk_max; /* FLOW_PROBE_MAX, or all buckets when there are fewer */
	struct flow_records records;
	struct hash_key key;
	struct flow_stats stats;
};

static struct flow_table *carve(struct arena *a, uint32_t entry_max)
{
	uint64_t cnt = pow2_ceil((entry_max + UINT64_C(1) * BUCKET_FILL - 1) / BUCKET_FILL);
	struct flow_table *t = arena_take(a, 1, sizeof(*t), CACHE_LINE);
	struct flow_bucket *bucket = arena_take(a, cnt, sizeof(*bucket), CACHE_LINE);

	if (t)
		*t = (struct flow_table){.bucket = bucket,
			.bucket_mask = (uint32_t)(cnt - 1),
			.walk_max = (uint32_t)u64_min(cnt, FLOW_PROBE_MAX)};
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
	t->key = key;
	memset(t->bucket, 0, ((size_t)t->bucket_mask + 1) * sizeof(*t->bucket));
	return t;
}

uint64_t leat_flow_hash(const struct flow_table *t, const struct tuple *tuple)
{
	uint64_t word[TUPLE_WORDS];

	return leat_hash_sip13(&t->key, word, tuple_words(tuple, word));
}

static const struct tuple *tuple_of(const struct flow_table *t, uint32_t idx)
{
	const uint8_t *first = t->records.first;

	return (const struct tuple *)(const void *)(first + idx * t->records.stride);
}

/* The low bits of the hash choose the bucket, the high bits are the tag. */
static uint64_t tag_of(uint64_t hash)
{
	uint64_t tag = hash >> (64 - LANE_BITS);

	return tag ? tag : 1;
}

/* The bucket that an entry with this hash comes to after so many steps.  The stride is odd, so the
 * walk comes to every bucket before it comes back; it differs by tag, so that walks which meet in a
 * full bucket part again and full buckets do not grow into runs. */
static struct flow_bucket *bucket_of(const struct flow_table *t, uint64_t hash, uint32_t step)
{
	uint32_t stride = 2 * (uint32_t)tag_of(hash) + 1;

	return &t->bucket[((uint32_t)hash + step * stride) & t->bucket_mask];
}

/* The top bit of each lane that is tag, exactly: a lane that differs carries nothing over. */
static uint64_t lanes_equal(uint64_t word, uint64_t tag)
{
	uint64_t differ = word ^ (tag * LANE_ONES);

	return ~(((differ & LANE_LOW15) + LANE_LOW15) | differ | LANE_LOW15);
}

/* The slots of b that have this tag, bit i for slot i. */
static uint32_t slots_with(const struct flow_bucket *b, uint64_t tag)
{
	uint64_t low = lanes_equal(b->tag[0], tag), high = lanes_equal(b->tag[1], tag);
	uint64_t spread = low >> 15 | high >> 11; /* slot 0..3 at bits 0 16 32 48, 4..7 4 above */

	return (uint32_t)(spread | spread >> 15 | spread >> 30 | spread >> 45) & 0xff;
}

static void slot_put(struct flow_bucket *b, uint32_t slot, uint64_t tag, uint32_t idx)
{
	uint32_t shift = slot % LANES * LANE_BITS;
	uint64_t *word = &b->tag[slot / LANES];

	*word = (*word & ~(UINT64_C(0xffff) << shift)) | tag << shift;
	b->idx[slot] = idx;
}

uint32_t leat_flow_table_find(const struct flow_table *t, uint64_t hash, const struct tuple *tuple)
{
	uint64_t tag = tag_of(hash);

	for (uint32_t step = 0; step < t->walk_max; step++) {
		const struct flow_bucket *b = bucket_of(t, hash, step);

		for (uint32_t slots = slots_with(b, tag); slots; slots &= slots - 1) {
			uint32_t idx = b->idx[__builtin_ctz(slots)];

			if (tuple_eq(tuple_of(t, idx), tuple))
				return idx;
		}
		if (b->passed == 0)
			break;
	}
	return FLOW_NONE;
}

void leat_flow_table_find_bulk(const struct flow_table *t, const struct tuple *const *tuple,
	uint32_t cnt, uint64_t *hash, uint32_t *idx)
{
	DCHECK(cnt <= FLOW_BULK_MAX);
	for (uint32_t i = 0; i < cnt; i++) {
		if (tuple[i] == NULL)
			continue;
		hash[i] = leat_flow_hash(t, tuple[i]);
		__builtin_prefetch(bucket_of(t, hash[i], 0));
	}
	for (uint32_t i = 0; i < cnt; i++) {
		if (tuple[i] == NULL)
			continue;
		const struct flow_bucket *b = bucket_of(t, hash[i], 0);
		uint32_t slots = slots_with(b, tag_of(hash[i]));
		if (slots)
			__builtin_prefetch(tuple_of(t, b->idx[__builtin_ctz(slots)]));
	}
	for (uint32_t i = 0; i < cnt; i++)
		idx[i] = tuple[i] ? leat_flow_table_find(t, hash[i], tuple[i]) : FLOW_NONE;
}

bool leat_flow_table_insert(struct flow_table *t, uint64_t hash, uint32_t idx)
{
	uint32_t steps = 0, slots = 0;

	DCHECK(idx != FLOW_NONE);
	DCHECK(hash == leat_flow_hash(t, tuple_of(t, idx)));
	DCHECK(leat_flow_table_find(t, hash, tuple_of(t, idx)) == FLOW_NONE);
	while (steps < t->walk_max && (slots = slots_with(bucket_of(t, hash, steps), 0)) == 0)
		steps++;
	if (slots == 0) {
		t->stats.insert_refused++;
		return false;
	}
	slot_put(bucket_of(t, hash, steps), (uint32_t)__builtin_ctz(slots), tag_of(hash), idx);
	t->stats.entry_cnt++;
	t->stats.probe_max = u32_max(t->stats.probe_max, steps + 1);
	while (steps-- > 0)
		bucket_of(t, hash, steps)->passed++;
	return true;
}

void leat_flow_table_remove(struct flow_table *t, uint64_t hash, uint32_t idx)
{
	for (uint32_t step = 0; step < t->walk_max; step++) {
		struct flow_bucket *b = bucket_of(t, hash, step);
		uint32_t slots = slots_with(b, tag_of(hash));

		while (slots && b->idx[__builtin_ctz(slots)] != idx)
			slots &= slots - 1;
		if (slots) {
			slot_put(b, (uint32_t)__builtin_ctz(slots), 0, 0);
			t->stats.entry_cnt--;
			return;
		}
		DCHECK(b->passed != 0);
		b->passed--;
	}
	UNREACHABLE("the caller removes what it inserted");
}

struct flow_stats leat_flow_table_stats(const struct flow_table *t)
{
	return t->stats;
}
