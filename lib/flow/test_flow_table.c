/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_table.h"

#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUCKET_SLOTS 10

/* A record as its owner has it: the tuple stands somewhere inside. */
struct record {
	uint32_t before;
	struct tuple tuple;
	uint32_t after;
};

static const struct hash_key key_a = {UINT64_C(0x0123456789abcdef), 42};
static const struct hash_key key_b = {UINT64_C(0xfedcba9876543210), 43};

static struct flow_table *table_new(
	uint32_t entry_max, struct hash_key key, const struct record *record)
{
	void *mem = aligned_alloc(CACHE_LINE, leat_flow_table_footprint(entry_max));

	assert_non_null(mem);
	return leat_flow_table_new(mem, entry_max, key,
		(struct flow_records){.first = &record[0].tuple, .stride = sizeof(record[0])});
}

/* As few as leave one slot of eight empty, of a small table 11 of 100. */
static uint32_t buckets_of(uint32_t entry_max)
{
	return entry_max <= 262144 ? (100 * entry_max + 889) / 890
				   : (uint32_t)((8 * (uint64_t)entry_max + 69) / 70);
}

/* The n-th of many tuples that differ in every field. */
static struct tuple tuple_at(uint32_t n)
{
	return (struct tuple){.local = {UINT64_C(0x20010db800000000), n % 3},
		.remote = ip_from4(0x0a000000 + n),
		.lport = (uint16_t)(80 + n % 2),
		.rport = (uint16_t)(n * 7),
		.zone = n % 5};
}

static uint64_t hash_of(const struct flow_table *t, const struct record *record)
{
	return leat_flow_hash(t, &record->tuple);
}

static uint32_t find(const struct flow_table *t, const struct record *record)
{
	return leat_flow_table_find(t, hash_of(t, record), &record->tuple);
}

static bool insert(struct flow_table *t, const struct record *record, uint32_t idx)
{
	return leat_flow_table_insert(t, hash_of(t, &record[idx]), idx);
}

static void footprint_refuses_what_it_cannot_hold(void **state)
{
	(void)state;
	assert_int_equal(leat_flow_table_footprint(0), 0);
	assert_int_equal(leat_flow_table_footprint((1u << 30) + 1), 0);
	for (uint32_t entry_max = 1; entry_max < 100000; entry_max = entry_max * 3 + 1)
		assert_int_equal(leat_flow_table_footprint(entry_max) / CACHE_LINE * CACHE_LINE,
			((size_t)buckets_of(entry_max) + 3) * CACHE_LINE);
	assert_in_range(leat_flow_table_footprint(100000000), UINT64_C(731000000), 732000000);
	assert_true(leat_flow_table_footprint(1u << 30) < UINT64_C(8) << 30);
}

static void tuples_that_differ_in_one_field_are_different_flows(void **state)
{
	struct record r[8] = {0};
	struct flow_table *t = table_new(COUNT_OF(r), key_a, r);

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(r); i++)
		r[i].tuple = tuple_at(1);
	r[1].tuple.local.hi++;
	r[2].tuple.local.lo++;
	r[3].tuple.remote.hi++;
	r[4].tuple.remote.lo++;
	r[5].tuple.lport++;
	r[6].tuple.rport++;
	r[7].tuple.zone++;
	for (uint32_t i = 0; i < COUNT_OF(r); i++) {
		assert_int_equal(find(t, &r[i]), FLOW_NONE);
		assert_true(insert(t, r, i));
		assert_int_equal(find(t, &r[i]), i);
	}
	for (uint32_t i = 0; i < COUNT_OF(r); i++) {
		assert_int_equal(find(t, &r[i]), i);
		leat_flow_table_remove(t, hash_of(t, &r[i]), i);
		assert_int_equal(find(t, &r[i]), FLOW_NONE);
	}
	free(t);
}

/* Fills r with tuples whose hash, masked, is want: what an attacker would send who knew the key. */
static void collide(
	const struct flow_table *t, struct record *r, uint32_t cnt, uint64_t mask, uint64_t want)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		do
			r[i].tuple = tuple_at(n++);
		while ((hash_of(t, &r[i]) & mask) != want);
	}
}

/* What the header says: where a walk begins, and how it goes on. */
static uint32_t home_of(uint64_t hash, uint32_t buckets)
{
	return (uint32_t)(((hash & UINT32_MAX) * buckets) >> 32);
}

static uint32_t stride_of(uint64_t hash, uint32_t buckets)
{
	return 1 + (uint32_t)((u64_max(hash >> 48, 1) * u32_min(buckets - 1, 1 << 16)) >> 16);
}

static void a_chain_that_begins_in_the_last_bucket_goes_on_in_the_first(void **state)
{
	enum {
		ENTRY_MAX = 12,
		CNT = 2 * BUCKET_SLOTS
	};
	struct record r[CNT + 1] = {0};
	struct flow_table *t = table_new(ENTRY_MAX, key_a, r);

	(void)state;
	assert_int_equal(buckets_of(ENTRY_MAX), 2);
	collide(t, r, CNT + 1, UINT64_C(1) << 31, UINT64_C(1) << 31);
	for (uint32_t i = 0; i < CNT; i++)
		assert_true(insert(t, r, i));
	assert_false(insert(t, r, CNT));
	assert_int_equal(leat_flow_table_stats(t).probe_max, 2);
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(find(t, &r[i]), i);
	assert_int_equal(find(t, &r[CNT]), FLOW_NONE);
	free(t);
}

static void n166_a_collision_set_is_bounded_and_useless_under_another_key(void **state)
{
	enum {
		BUCKETS = 61,
		ENTRY_MAX = 542,
		CNT = 510,
		FIT = FLOW_PROBE_MAX * BUCKET_SLOTS
	};
	static struct record r[CNT];
	struct flow_table *a = table_new(ENTRY_MAX, key_a, r);
	struct flow_table *b = table_new(ENTRY_MAX, key_b, r);

	(void)state;
	assert_int_equal(buckets_of(ENTRY_MAX), BUCKETS);
	for (uint32_t i = 0, n = 0; i < CNT; i++) {
		uint64_t hash;

		do {
			r[i].tuple = tuple_at(n++);
			hash = hash_of(a, &r[i]);
		} while (home_of(hash, BUCKETS) != 58 || stride_of(hash, BUCKETS) != 7);
	}
	for (uint32_t i = 0; i < CNT; i++) {
		assert_int_equal(insert(a, r, i), i < FIT);
		assert_true(insert(b, r, i));
	}
	for (uint32_t i = 0; i < CNT; i++) {
		assert_int_equal(find(a, &r[i]), i < FIT ? i : FLOW_NONE);
		assert_int_equal(find(b, &r[i]), i);
	}
	assert_int_equal(leat_flow_table_stats(a).probe_max, FLOW_PROBE_MAX);
	assert_int_equal(leat_flow_table_stats(a).insert_refused, CNT - FIT);
	assert_in_range(leat_flow_table_stats(b).probe_max, 1, 12);
	assert_int_equal(leat_flow_table_stats(b).insert_refused, 0);
	free(a);
	free(b);
}

static void n188_a_full_table_refuses_keeps_what_it_has_and_recovers(void **state)
{
	enum {
		ENTRY_MAX = 64,
		BUCKETS =
			8, /* so that every other stride comes back before it was at all of them */
		ROOM = BUCKETS * BUCKET_SLOTS,
		CNT = ROOM + 20
	};
	static struct record r[CNT];
	struct flow_table *t = table_new(ENTRY_MAX, key_a, r);

	(void)state;
	assert_int_equal(buckets_of(ENTRY_MAX), BUCKETS);
	for (uint32_t i = 0; i < CNT; i++) {
		r[i].tuple = tuple_at(i);
		assert_int_equal(insert(t, r, i), i < ROOM);
	}
	assert_int_equal(leat_flow_table_stats(t).entry_cnt, ROOM);
	assert_int_equal(leat_flow_table_stats(t).insert_refused, CNT - ROOM);
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(find(t, &r[i]), i < ROOM ? i : FLOW_NONE);
	for (uint32_t i = ROOM; i < CNT; i++) {
		leat_flow_table_remove(t, hash_of(t, &r[i - ROOM]), i - ROOM);
		assert_true(insert(t, r, i));
	}
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(find(t, &r[i]), i >= CNT - ROOM ? i : FLOW_NONE);
	assert_int_equal(leat_flow_table_stats(t).insert_refused, CNT - ROOM);
	free(t);
}

static void a_table_filled_to_entry_max_refuses_none(void **state)
{
	static const uint32_t entry_max[] = {4, 1000, 1068, 16384, 262144, 300000};

	(void)state;
	for (uint32_t k = 0; k < COUNT_OF(entry_max); k++) {
		struct record *r = calloc(entry_max[k], sizeof(*r));
		struct flow_table *t = table_new(entry_max[k], key_b, r);

		assert_non_null(r);
		for (uint32_t i = 0; i < entry_max[k]; i++) {
			r[i].tuple = tuple_at(i);
			assert_true(insert(t, r, i));
		}
		assert_int_equal(leat_flow_table_stats(t).entry_cnt, entry_max[k]);
		print_message("# longest walk %u buckets\n", leat_flow_table_stats(t).probe_max);
		assert_in_range(leat_flow_table_stats(t).probe_max, 1, FLOW_PROBE_MAX / 2);
		assert_int_equal(leat_flow_table_stats(t).insert_refused, 0);
		free(t);
		free(r);
	}
}

static void find_bulk_equals_find_and_skips_holes(void **state)
{
	enum {
		CNT = 256
	};
	static struct record r[CNT];
	struct flow_table *t = table_new(CNT, key_a, r);
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 64);
	for (uint32_t i = 0; i < CNT; i++) {
		r[i].tuple = tuple_at(i);
		if (i % 3)
			assert_true(insert(t, r, i));
	}
	for (uint32_t step = 0; step < 20000; step++) {
		const struct tuple *tuple[FLOW_BULK_MAX];
		uint64_t hash[FLOW_BULK_MAX];
		uint32_t cnt = leat_prng_below(&p, FLOW_BULK_MAX + 1);
		uint32_t want[FLOW_BULK_MAX], idx[FLOW_BULK_MAX];

		for (uint32_t i = 0; i < cnt; i++) {
			want[i] = leat_prng_below(&p, CNT);
			tuple[i] = leat_prng_below(&p, 5) ? &r[want[i]].tuple : NULL;
			if (tuple[i] == NULL || want[i] % 3 == 0)
				want[i] = FLOW_NONE;
		}
		leat_flow_table_find_bulk(t, tuple, cnt, hash, idx);
		for (uint32_t i = 0; i < cnt; i++) {
			assert_int_equal(idx[i], want[i]);
			if (tuple[i])
				assert_true(hash[i] == leat_flow_hash(t, tuple[i]));
		}
	}
	free(t);
}

/* What the table holds: for every record the bucket it should be in, or -1; nothing is searched
 * for, and nothing is learnt from the table. */
enum {
	RECORDS = 200
};

struct model {
	uint32_t bucket_cnt, walk_max;
	int32_t bucket[RECORDS];
	uint32_t fill[64];
	struct flow_stats stats;
};

static bool model_insert(struct model *m, uint64_t hash, uint32_t idx)
{
	bool been[64] = {false};

	for (uint32_t step = 0; step < m->walk_max; step++) {
		uint64_t far = (uint64_t)step * stride_of(hash, m->bucket_cnt);
		uint32_t bucket = (uint32_t)((home_of(hash, m->bucket_cnt) + far) % m->bucket_cnt);

		while (been[bucket])
			bucket = (bucket + 1) % m->bucket_cnt;
		been[bucket] = true;
		if (m->fill[bucket] == BUCKET_SLOTS)
			continue;
		m->fill[bucket]++;
		m->bucket[idx] = (int32_t)bucket;
		m->stats.entry_cnt++;
		m->stats.probe_max = u32_max(m->stats.probe_max, step + 1);
		return true;
	}
	m->stats.insert_refused++;
	return false;
}

static void model_remove(struct model *m, uint32_t idx)
{
	m->fill[m->bucket[idx]]--;
	m->bucket[idx] = -1;
	m->stats.entry_cnt--;
}

static void step_both(struct flow_table *t, struct model *m, const struct record *r, uint32_t idx)
{
	uint64_t hash = hash_of(t, &r[idx]);

	if (m->bucket[idx] >= 0) {
		leat_flow_table_remove(t, hash, idx);
		model_remove(m, idx);
	} else {
		assert_int_equal(insert(t, r, idx), model_insert(m, hash, idx));
	}
	struct flow_stats stats = leat_flow_table_stats(t);
	assert_int_equal(stats.entry_cnt, m->stats.entry_cnt);
	assert_int_equal(stats.probe_max, m->stats.probe_max);
	assert_int_equal(stats.insert_refused, m->stats.insert_refused);
}

static void live_both(struct record *r, uint32_t entry_max, uint64_t seed)
{
	struct flow_table *t = table_new(entry_max, key_a, r);
	struct model m = {.bucket_cnt = buckets_of(entry_max)};
	size_t octets = m.bucket_cnt * (size_t)CACHE_LINE;
	const uint8_t *buckets = (const uint8_t *)t + leat_flow_table_footprint(entry_max) - octets;
	uint8_t *fresh = calloc(1, octets);
	struct prng p;

	print_message("# seed %llu entries %u\n", (unsigned long long)seed, entry_max);
	assert_non_null(fresh);
	m.walk_max = u32_min(m.bucket_cnt, FLOW_PROBE_MAX);
	memset(m.bucket, 0xff, sizeof(m.bucket));
	leat_prng_seed(&p, seed);
	for (uint32_t step = 0; step < 40000; step++) {
		uint32_t idx = leat_prng_below(&p, RECORDS);
		bool filling = step / 4000 % 2;

		if (!filling || m.bucket[idx] < 0 || leat_prng_below(&p, 8) == 0)
			step_both(t, &m, r, idx);
		idx = leat_prng_below(&p, RECORDS);
		assert_int_equal(find(t, &r[idx]), m.bucket[idx] >= 0 ? idx : FLOW_NONE);
	}
	assert_true(entry_max > 64 || m.stats.insert_refused != 0);
	for (uint32_t idx = 0; idx < RECORDS; idx++)
		if (m.bucket[idx] >= 0)
			step_both(t, &m, r, idx);
	assert_int_equal(m.stats.entry_cnt, 0);
	assert_memory_equal(buckets, fresh, octets);
	free(fresh);
	free(t);
}

/* All records share 64 tags, so that most slots of a bucket with the tag are of others. */
static void a_random_life_equals_the_model_and_leaves_no_trace(void **state)
{
	static const uint32_t entry_max[] = {4, 6, 7, 12, 24, 25, 36, 48, 64, 72, 107, 150};
	static struct record r[RECORDS];
	struct flow_table *t = table_new(4, key_a, r);

	(void)state;
	collide(t, r, RECORDS, UINT64_C(0x3ff) << 54, 0);
	for (uint32_t i = 0; i < COUNT_OF(entry_max); i++)
		live_both(r, entry_max[i], 166 + i);
	free(t);
}

/* A record as a control block begins. */
struct block {
	struct ends46 ends;
	uint64_t rest;
};

static bool is_mine(const struct flow_table *t, const struct tuple *tuple, uint32_t idx)
{
	return leat_flow_table_find(t, leat_flow_hash(t, tuple), tuple) == idx;
}

/* An entry is found by its own tuple alone, also by a hash that is its own: what stands apart, our
 * address that has a number, and each bit of the other's are compared. */
static void records_with_ends_are_compared_whole(void **state)
{
	static const struct wire_link link = {.local_cnt = 3,
		.local = {{{UINT64_C(0xfe80) << 48, 9}, 64}, {{UINT64_C(0xfd00) << 48, 9}, 64},
			{{0, UINT64_C(0xffff0a000001)}, 24}},
		.range_from = {UINT64_C(0xfd01) << 48, 0},
		.range_to = {UINT64_C(0xfd01) << 48, 65535}};
	static const uint32_t own[] = {0, 1, 3, 4, 3 + 255, 3 + 256, 3 + 65535};
	static struct block r[64];
	static uint64_t high[64];
	const struct flow_records records = {.first = high,
		.stride = sizeof(high[0]),
		.ends = r,
		.ends_stride = sizeof(r[0]),
		.link = &link};
	struct flow_table *t = leat_flow_table_new(
		aligned_alloc(CACHE_LINE, leat_flow_table_footprint(64)), 64, key_a, records);

	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		struct tuple tuple = {wire_own_at(&link, i % 8 == 7 ? 2 : own[i % 8]),
			{UINT64_C(0x20010db8) << 32 | i, i * UINT64_C(0x123456789abcdef)}, 80,
			(uint16_t)(1000 + i), 0};

		if (i % 8 == 7) {
			tuple.remote = ip_from4(0x0b000000 + i);
			r[i].ends.in4 = ends4_of(&tuple);
		} else {
			ends_wide_set(&r[i].ends, &high[i], &link, &tuple);
		}
		const uint64_t hash = leat_flow_hash(t, &tuple);

		assert_true(leat_flow_table_insert(t, hash, i));
		assert_true(is_mine(t, &tuple, i));
		for (uint32_t bit = 0; bit < 8 * sizeof(tuple); bit++) {
			struct tuple other = tuple;

			((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(leat_flow_table_find(t, hash, &other), FLOW_NONE);
		}
		for (uint32_t k = 0; k < COUNT_OF(own); k++) {
			struct tuple other = tuple;

			other.local = wire_own_at(&link, own[k]);
			assert_int_equal(leat_flow_table_find(t, hash, &other),
				ip_eq(other.local, tuple.local) ? i : FLOW_NONE);
		}
		leat_flow_table_remove(t, hash, i);
	}
	free(t);
}

/* Units of the three kinds of record in one table: what find compares is told by the index. */
static void records_of_each_type_live_in_one_table_and_move(void **state)
{
	static const uint32_t local4[] = {0x0a000001, 0x0a000002};
	static uint8_t unit[64][FLOW_UNIT_OCTETS] __attribute__((aligned(64)));
	static struct record r[64];
	struct flow_records records = {
		.first = &r[0].tuple, .stride = sizeof(r[0]), .unit = unit, .local4 = local4};
	struct flow_table *t = leat_flow_table_new(
		aligned_alloc(CACHE_LINE, leat_flow_table_footprint(64)), 64, key_a, records);

	(void)state;
	for (uint32_t i = 0; i < 32; i++) {
		struct tuple4 small = {0xc0000200 + i / 4, (uint16_t)(1000 + i % 4), 80, i % 2, 77};

		r[i].tuple = (struct tuple){
			ip_from4(local4[i % 2]), ip_from4(small.remote), 80, small.rport, 0};
		memcpy(unit[i], &small, sizeof(small));
		assert_true(insert(t, r, i));
		leat_flow_table_move(t, hash_of(t, &r[i]), i, FLOW_UNIT | i);
		assert_int_equal(find(t, &r[i]), FLOW_UNIT | i);
		assert_int_equal(leat_flow_hash_unit(t, FLOW_UNIT | i), hash_of(t, &r[i]));
		struct tuple other = r[i].tuple;
		other.local = ip_from4(local4[1 - i % 2]);
		assert_int_equal(
			leat_flow_table_find(t, leat_flow_hash(t, &r[i].tuple), &other), FLOW_NONE);
		other = r[i].tuple;
		other.zone = 1;
		assert_int_equal(
			leat_flow_table_find(t, leat_flow_hash(t, &r[i].tuple), &other), FLOW_NONE);
	}
	for (uint32_t i = 32; i < 64; i += 2) {
		r[i].tuple = tuple_at(i);
		memcpy(unit[i], &r[i].tuple, sizeof(r[i].tuple));
		assert_true(
			leat_flow_table_insert(t, hash_of(t, &r[i]), FLOW_UNIT | FLOW_WIDE | i));
		assert_int_equal(find(t, &r[i]), FLOW_UNIT | FLOW_WIDE | i);
		assert_int_equal(
			leat_flow_hash_unit(t, FLOW_UNIT | FLOW_WIDE | i), hash_of(t, &r[i]));
	}
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(find(t, &r[i]), FLOW_UNIT | i);
		leat_flow_table_remove(t, hash_of(t, &r[i]), FLOW_UNIT | i);
		assert_int_equal(find(t, &r[i]), FLOW_NONE);
	}
	assert_int_equal(leat_flow_table_stats(t).entry_cnt, 16);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(footprint_refuses_what_it_cannot_hold),
		cmocka_unit_test(tuples_that_differ_in_one_field_are_different_flows),
		cmocka_unit_test(a_chain_that_begins_in_the_last_bucket_goes_on_in_the_first),
		cmocka_unit_test(n166_a_collision_set_is_bounded_and_useless_under_another_key),
		cmocka_unit_test(n188_a_full_table_refuses_keeps_what_it_has_and_recovers),
		cmocka_unit_test(a_table_filled_to_entry_max_refuses_none),
		cmocka_unit_test(find_bulk_equals_find_and_skips_holes),
		cmocka_unit_test(records_of_each_type_live_in_one_table_and_move),
		cmocka_unit_test(records_with_ends_are_compared_whole),
		cmocka_unit_test(a_random_life_equals_the_model_and_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
