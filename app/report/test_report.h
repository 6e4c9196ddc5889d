/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_REPORT_H
#define LEAT_TEST_REPORT_H

/* test_report: runs drawn by a seed, whole and cut into segments, for tests.
 *
 * Every connection is drawn once and counted twice: in the whole run, and in that segment whose
 * turn it is, as `--segment i/n` cuts a plan.  So the sum is known without any merging. */

#include "base_prng.h"
#include "base_time.h"
#include "load_expect.h"
#include "load_text.h"

#include <string.h>

#define DRAW_SECONDS 12
#define DRAW_PARTS   9

struct draw {
	struct prng prng;
	struct load_result whole, part[DRAW_PARTS];
	struct load_second second[DRAW_PARTS + 1][DRAW_SECONDS];
	uint32_t part_cnt;
};

static inline void draw_head(
	struct load_result *r, struct load_second *second, uint32_t segment, uint32_t cnt)
{
	memset(second, 0, DRAW_SECONDS * sizeof(*second));
	leat_load_result_init(r, second, DRAW_SECONDS);
	r->intent = (struct load_intent){.model = LOAD_MODEL_OPEN,
		.rate_milli = 400000,
		.ramp_ns = 2 * TIME_S,
		.duration_ns = 10 * TIME_S,
		.total = 4400,
		.time_wait_ns = 60 * TIME_S,
		.rest_ns = TIME_S,
		.program = "http",
		.close = "client",
		.seed = 7};
	r->where = (struct load_where){.leat = "0.1.0",
		.dpdk = "DPDK 22.11.11",
		.nic = "net_tap",
		.name = "lab",
		.command = "leat load --rate 400/s --expect 'connect_p99 < 5ms'",
		.config = "rate: 400/s\n\ttarget: \"198.18.0.1:80\"\n",
		.config_hash = "0123456789abcdef",
		.node = "gen-1",
		.kernel = "6.1.0",
		.cpu = "a processor",
		.segment = segment,
		.segment_cnt = cnt};
	r->start_unix_ns = r->planned_start_unix_ns = UINT64_C(1795253400123456000);
	r->ran_ns = r->intent.ramp_ns + r->intent.duration_ns;
	r->steady_ns = r->intent.duration_ns;
	r->drain_ns = 30 * TIME_MS;
	r->balanced = true;
	r->limits.buffers_low_millionths = 1000000;
	r->second_cnt = DRAW_SECONDS;
	for (uint32_t i = 0; i < DRAW_SECONDS; i++)
		second[i].at_ns = (i + 1) * TIME_S;
}

/* One connection, as it was drawn. */
struct draw_conn {
	uint32_t second, fail, skip; /* LOAD_FAIL_CNT, LOAD_SKIP_CNT: none */
	uint32_t shard, octets;
	uint64_t ns[LOAD_HIST_CNT];
};

static inline void draw_count(struct load_counters *c, const struct draw_conn *d)
{
	c->planned++;
	if (d->skip != LOAD_SKIP_CNT) {
		c->not_started[d->skip]++;
		return;
	}
	c->started++;
	c->steady += d->second >= 2;
	c->connected++;
	c->octets_out += 64;
	if (d->fail != LOAD_FAIL_CNT) {
		c->failed[d->fail]++;
		return;
	}
	c->completed++;
	c->responses++;
	c->octets_in += d->octets;
}

static inline void draw_add(struct load_result *r, const struct draw_conn *d, uint32_t shard)
{
	struct load_second *s = &r->second[d->second];

	draw_count(&r->counters, d);
	draw_count(&r->shard[shard].counters, d);
	s->planned++;
	s->not_started += d->skip != LOAD_SKIP_CNT;
	if (d->skip != LOAD_SKIP_CNT)
		return;
	s->started++;
	s->connected++;
	r->steady_started += d->second >= 2;
	r->steady_completed += d->second >= 2 && d->fail == LOAD_FAIL_CNT;
	s->octets_out += 64;
	s->failed += d->fail != LOAD_FAIL_CNT;
	s->completed += d->fail == LOAD_FAIL_CNT;
	s->octets_in += d->fail == LOAD_FAIL_CNT ? d->octets : 0;
	s->in_flight++;
	s->present[1 + d->octets % (LOAD_STATE_CNT - 1)]++;
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		hist_record(&r->hist[h], d->ns[h]);
		s->hist[h].max_ns = u64_max(s->hist[h].max_ns, d->ns[h]);
	}
}

static inline struct draw_conn draw_conn(struct prng *p)
{
	struct draw_conn d = {.second = leat_prng_below(p, DRAW_SECONDS),
		.fail = LOAD_FAIL_CNT,
		.skip = LOAD_SKIP_CNT,
		.octets = leat_prng_below(p, 100000)};

	if (leat_prng_chance(p, 20000))
		d.fail = leat_prng_below(p, LOAD_FAIL_CNT);
	if (leat_prng_chance(p, 5000))
		d.skip = leat_prng_below(p, LOAD_SKIP_CNT);
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) /* any magnitude, to beyond the last slot */
		d.ns[h] = leat_prng_next(p) >> (27 + leat_prng_below(p, 37));
	return d;
}

/* draw_run draws cnt connections of a plan that part_cnt generators share. */
static inline void draw_run(struct draw *d, uint64_t seed, uint32_t part_cnt, uint32_t cnt)
{
	struct load_rule rule[2];
	char why[160];

	leat_prng_seed(&d->prng, seed);
	d->part_cnt = part_cnt;
	draw_head(&d->whole, d->second[DRAW_PARTS], 1, 1);
	d->whole.where.shard_cnt = 2 * part_cnt;
	for (uint32_t i = 0; i < part_cnt; i++) {
		draw_head(&d->part[i], d->second[i], i + 1, part_cnt);
		d->part[i].where.shard_cnt = 2;
		d->part[i].start_unix_ns += leat_prng_below(&d->prng, 900) * TIME_US;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		struct draw_conn conn = draw_conn(&d->prng);
		uint32_t part = i % part_cnt, shard = i / part_cnt % 2;

		draw_add(&d->whole, &conn, 2 * part + shard);
		draw_add(&d->part[part], &conn, shard);
	}
	leat_load_rule_parse(&rule[0], "connect_p99 < 500us", why, sizeof(why));
	leat_load_rule_parse(&rule[1], "errors == 0", why, sizeof(why));
	leat_load_judge(&d->whole, rule, 2);
	for (uint32_t i = 0; i < part_cnt; i++)
		leat_load_judge(&d->part[i], rule, 2);
}

#endif
