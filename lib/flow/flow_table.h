/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FLOW_TABLE_H
#define LEAT_FLOW_TABLE_H

/* flow_table: from tuple to the index of its record.
 *
 * Open addressing over buckets of one cache line, by a keyed hash that is drawn at boot and has
 * nothing to do with RSS.  A bucket holds tags and indexes, not keys: the tuple stands in the
 * record itself, and is compared only when the tag agrees.
 *
 *	bucket (64)  │ tag 10 x 2 = 20 │ passed 4 │ idx 10 x 4 = 40 │
 *
 * An entry whose bucket is full goes on by a stride of its own; `passed` counts the entries that
 * went by, so a lookup stops where nothing went on, and a removal leaves no tombstone.
 *
 * An index has a type: that of a record of the owner's, or, with FLOW_UNIT, of a compact one, which
 * begins at a unit of 32 octets: with a struct tuple4, or, with FLOW_WIDE, with a struct tuple.
 *
 * Shape      87.5 % full at entry_max, up to 262,144 entries 89: 7.3 octets for each, or 7.2.
 * Memory     leat_flow_table_footprint(entry_max) octets; keeps the pointers to the records.
 * Affinity   one lcore; no atomics.
 * Cost       hash_fast, one line of bucket, one of record; bulk lookup prefetches both.
 * Errors     insert refuses when FLOW_PROBE_MAX buckets of the walk are full; counted.
 * RFC        9293 3.3.1 (the tuple names the connection). */

#include "base_hash.h"
#include "wire_ends.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_NONE      UINT32_MAX
#define FLOW_PROBE_MAX 48
#define FLOW_BULK_MAX  64
#define FLOW_HASH_HIGH 48 /* of a hash the bits from here on count, and the low 32 */

/* Types of an index. */
#define FLOW_UNIT        (UINT32_C(1) << 31)
#define FLOW_WIDE        (UINT32_C(1) << 30)
#define FLOW_UNIT_MASK   (FLOW_WIDE - 1)
#define FLOW_UNIT_OCTETS 32

struct flow_table;

/* Where the records' tuples are: that of record i at octet first + i * stride, that of unit i at
 * unit + i * FLOW_UNIT_OCTETS; local4 has the local addresses that a tuple4 names by number.  With
 * ends, record i has a struct ends46 at ends + i * ends_stride in place of a tuple: of one that is
 * wide what stands apart is at first + i * stride, and its local address is one of link. */
struct flow_records {
	const void *first;
	size_t stride;
	const void *unit;
	const uint32_t *local4;
	const void *ends;
	size_t ends_stride;
	const struct wire_link *link;
};

struct flow_stats {
	uint32_t entry_cnt;
	uint32_t probe_max; /* longest walk of any insert so far, in buckets */
	uint64_t insert_refused;
};

/* leat_flow_table_footprint is the octets for entry_max entries; 0 when 0 or above 2^30. */
size_t leat_flow_table_footprint(uint32_t entry_max);

struct flow_table *leat_flow_table_new(
	void *mem, uint32_t entry_max, struct hash_key key, struct flow_records records);

/* leat_flow_hash is the table's hash of a tuple; callers compute it once and pass it on.  The bits
 * of it that do not count are 0. */
uint64_t leat_flow_hash(const struct flow_table *t, const struct tuple *tuple);

/* leat_flow_hash_unit is the hash of the tuple of compact record idx. */
uint64_t leat_flow_hash_unit(const struct flow_table *t, uint32_t idx);

/* leat_flow_table_find is the index of the record with this tuple, or FLOW_NONE. */
uint32_t leat_flow_table_find(const struct flow_table *t, uint64_t hash, const struct tuple *tuple);

/* leat_flow_table_find_bulk does the same for cnt (at most FLOW_BULK_MAX) tuples, in three loops:
 * hash and prefetch buckets, prefetch records, compare.  Skips tuple[i] == NULL: idx FLOW_NONE,
 * hash untouched. */
void leat_flow_table_find_bulk(const struct flow_table *t, const struct tuple *const *tuple,
	uint32_t cnt, uint64_t *hash, uint32_t *idx);

/* leat_flow_table_prefetch fetches the line that what is done with hash next will need. */
void leat_flow_table_prefetch(const struct flow_table *t, uint64_t hash);

/* leat_flow_table_insert enters record idx, whose tuple already stands in the record and is not in
 * the table.  False when there is no room within FLOW_PROBE_MAX buckets. */
bool leat_flow_table_insert(struct flow_table *t, uint64_t hash, uint32_t idx);

/* leat_flow_table_move has the entry of record was name record idx, which has the same tuple. */
void leat_flow_table_move(struct flow_table *t, uint64_t hash, uint32_t was, uint32_t idx);

/* leat_flow_table_remove takes record idx out.  Assumes it is there under this hash. */
void leat_flow_table_remove(struct flow_table *t, uint64_t hash, uint32_t idx);

struct flow_stats leat_flow_table_stats(const struct flow_table *t);

#endif
