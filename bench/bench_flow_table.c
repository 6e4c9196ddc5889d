/* SPDX-License-Identifier: BSD-3-Clause */
/* What does it cost to find the record of a segment, one by one and a burst at a time? */
#include "bench.h"

#include "base_prng.h"
#include "flow_table.h"

#define BURST   32
#define OPS_MIN 2000000

struct record {
	struct tuple tuple;
	uint8_t rest[128 - sizeof(struct tuple)];
};

STATIC_ASSERT(sizeof(struct record) == 128, "as large as the hot part of a connection");

struct run {
	struct flow_table *t;
	struct record *record;
	uint32_t cnt;
	struct prng p;
};

static struct tuple tuple_at(uint32_t n)
{
	return (struct tuple){.local = ip_from4(0xc0000201),
		.remote = ip_from4(0x0a000000 + n / 50000),
		.lport = 80,
		.rport = (uint16_t)(1024 + n % 50000)};
}

/* Tuples of a burst: of records that are there, chosen at random, or of none. */
static void draw(struct run *r, struct tuple *tuple, bool there)
{
	for (uint32_t i = 0; i < BURST; i++)
		tuple[i] = tuple_at(leat_prng_below(&r->p, r->cnt) + (there ? 0 : r->cnt));
}

static uint64_t find_one_by_one(struct run *r, bool there)
{
	struct tuple tuple[BURST];
	uint64_t cycles = 0;

	for (uint32_t done = 0; done < OPS_MIN; done += BURST) {
		draw(r, tuple, there);
		uint64_t from = bench_cycles();
		for (uint32_t i = 0; i < BURST; i++) {
			uint64_t hash = leat_flow_hash(r->t, &tuple[i]);
			uint32_t idx = leat_flow_table_find(r->t, hash, &tuple[i]);

			ASSERT((idx != FLOW_NONE) == there);
		}
		cycles += bench_cycles() - from;
	}
	return cycles;
}

static uint64_t find_bulk(struct run *r, bool there)
{
	const struct tuple *at[BURST];
	struct tuple tuple[BURST];
	uint64_t hash[BURST], cycles = 0;
	uint32_t idx[BURST];

	for (uint32_t i = 0; i < BURST; i++)
		at[i] = &tuple[i];
	for (uint32_t done = 0; done < OPS_MIN; done += BURST) {
		draw(r, tuple, there);
		uint64_t from = bench_cycles();
		leat_flow_table_find_bulk(r->t, at, BURST, hash, idx);
		cycles += bench_cycles() - from;
		for (uint32_t i = 0; i < BURST; i++)
			ASSERT((idx[i] != FLOW_NONE) == there);
	}
	return cycles;
}

static uint64_t insert_all(struct run *r)
{
	uint64_t from = bench_cycles();

	for (uint32_t i = 0; i < r->cnt; i++) {
		r->record[i].tuple = tuple_at(i);
		(void)leat_flow_table_insert(r->t, leat_flow_hash(r->t, &r->record[i].tuple), i);
	}
	return bench_cycles() - from;
}

static uint64_t remove_all(struct run *r)
{
	uint64_t from = bench_cycles();

	for (uint32_t i = 0; i < r->cnt; i++)
		leat_flow_table_remove(r->t, leat_flow_hash(r->t, &r->record[i].tuple), i);
	return bench_cycles() - from;
}

static void measure(const struct bench *b, uint32_t cnt)
{
	struct run r = {.cnt = cnt, .record = bench_memory(cnt * sizeof(struct record))};
	uint64_t ops = (OPS_MIN + BURST - 1) / BURST * BURST;

	leat_prng_seed(&r.p, cnt);
	r.t = leat_flow_table_new(bench_memory(leat_flow_table_footprint(cnt)), cnt,
		(struct hash_key){leat_prng_next(&r.p), leat_prng_next(&r.p)},
		(struct flow_records){
			.first = &r.record[0].tuple, .stride = sizeof(struct record)});
	bench_row(b, "insert", cnt, insert_all(&r), cnt);
	ASSERT(leat_flow_table_stats(r.t).insert_refused == 0);
	bench_row(b, "find_hit", cnt, find_one_by_one(&r, true), ops);
	bench_row(b, "find_miss", cnt, find_one_by_one(&r, false), ops);
	bench_row(b, "find_bulk_hit", cnt, find_bulk(&r, true), ops);
	bench_row(b, "find_bulk_miss", cnt, find_bulk(&r, false), ops);
	bench_row(b, "remove", cnt, remove_all(&r), cnt);
	free(r.t);
	free(r.record);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);

	for (uint32_t i = 0; i < bench_size_cnt(&b); i++)
		measure(&b, bench_sizes[i]);
	return 0;
}
