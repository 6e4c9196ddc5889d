/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "flow_table.h"

/* F10: insert, remove, find, against an array.  The table is as full as it may be and has three
 * buckets, and the input chooses its key: so walks are long, and differ.
 *
 *	octets 0 to 3   the key; then one octet for each insert (below 0x80) or removal */

#define ENTRY_MAX 24
#define TUPLE_CNT 64 /* more than fit, some never inserted */
#define OPS_MAX   400

struct both {
	struct flow_table *t;
	struct tuple record[ENTRY_MAX];
	uint64_t hash[TUPLE_CNT];
	uint32_t tuple_of[ENTRY_MAX]; /* TUPLE_CNT: the record is free */
	uint32_t refused;
};

static struct tuple tuple_at(uint32_t i)
{
	return (struct tuple){
		ip_from4(1), ip_from4(2 + i % 4), (uint16_t)(1 + i / 4), 80, i == 63 ? 1 : 0};
}

static uint32_t record_of(const struct both *b, uint32_t tuple)
{
	for (uint32_t i = 0; i < ENTRY_MAX; i++) {
		if (b->tuple_of[i] == tuple)
			return i;
	}
	return FLOW_NONE;
}

static void insert(struct both *b, uint32_t tuple)
{
	uint32_t idx = record_of(b, TUPLE_CNT);

	if (idx == FLOW_NONE || record_of(b, tuple) != FLOW_NONE)
		return;
	b->record[idx] = tuple_at(tuple);
	if (leat_flow_table_insert(b->t, b->hash[tuple], idx))
		b->tuple_of[idx] = tuple;
	else
		b->refused++;
}

static void take_out(struct both *b, uint32_t tuple)
{
	uint32_t idx = record_of(b, tuple);

	if (idx == FLOW_NONE)
		return;
	leat_flow_table_remove(b->t, b->hash[tuple], idx);
	b->tuple_of[idx] = TUPLE_CNT;
}

static void check(const struct both *b)
{
	struct flow_stats stats = leat_flow_table_stats(b->t);
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < TUPLE_CNT; i++) {
		struct tuple tuple = tuple_at(i);
		uint32_t want = record_of(b, i);
		ASSERT(leat_flow_table_find(b->t, b->hash[i], &tuple) == want);
		cnt += want != FLOW_NONE;
	}
	ASSERT(stats.entry_cnt == cnt);
	ASSERT(stats.probe_max <= FLOW_PROBE_MAX);
	ASSERT(stats.insert_refused == b->refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct both b;
	struct fuzz_in in = {data, size};

	memset(&b, 0, sizeof(b));
	struct hash_key key = {fuzz_u16(&in), fuzz_u16(&in)};
	b.t = leat_flow_table_new(fuzz_mem(leat_flow_table_footprint(ENTRY_MAX)), ENTRY_MAX, key,
		(struct flow_records){.first = b.record, .stride = sizeof(b.record[0])});
	for (uint32_t i = 0; i < ENTRY_MAX; i++)
		b.tuple_of[i] = TUPLE_CNT;
	for (uint32_t i = 0; i < TUPLE_CNT; i++) {
		struct tuple tuple = tuple_at(i);
		b.hash[i] = leat_flow_hash(b.t, &tuple);
	}
	for (uint32_t i = 0; i < OPS_MAX && in.left > 0; i++) {
		uint8_t code = fuzz_u8(&in);

		if (code & 0x80)
			take_out(&b, code % TUPLE_CNT);
		else
			insert(&b, code % TUPLE_CNT);
		check(&b);
	}
	for (uint32_t i = 0; i < TUPLE_CNT; i++)
		take_out(&b, i);
	check(&b);
	return 0;
}
