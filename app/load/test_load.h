/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_LOAD_H
#define LEAT_TEST_LOAD_H

/* test_load: a load at one end of a pair of stacks, services at the other.
 *
 *	bench_init(&b);  ... b.config, b.service_config, b.pair_config ...
 *	run_to_end(&b);  bench_end(&b);
 *
 * Errors     what does not hold fails the test. */

#include "base_bits.h"
#include "base_time.h"
#include "load.h"
#include "pair.h"
#include "service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
	struct pair_config pair_config;
	struct service_config service_config;
	struct load_config config;
	struct load_target target[4];
	struct pair *pair;
	struct service_set *set;
	struct load *load;
	void *set_mem, *load_mem;
};

static inline void bench_init(struct bench *b)
{
	*b = (struct bench){0};
	leat_pair_config_default(&b->pair_config);
	b->pair_config.tcb_max = 20000;
	leat_service_config_default(&b->service_config);
	b->service_config.listen_cnt = 1;
	b->service_config.listen[0].local.port = 80;
	leat_load_config_default(&b->config);
	b->config.local = leat_pair_addr(0, 4, 0);
	b->target[0] = (struct load_target){leat_pair_addr(1, 4, 80), 1, 1};
	b->config.target = b->target;
	b->config.target_cnt = 1;
	b->config.conn_cnt = 64;
	b->config.plan.total = 1000;
}

static inline void bench_start(struct bench *b)
{
	uint32_t at;

	b->pair = leat_pair_new(&b->pair_config);
	b->set_mem = aligned_alloc(CACHE_LINE, leat_service_footprint(&b->service_config));
	b->load_mem = aligned_alloc(CACHE_LINE, leat_load_footprint(&b->config));
	assert_non_null(b->set_mem);
	assert_non_null(b->load_mem);
	b->set = leat_service_new(b->set_mem, &b->service_config);
	b->load = leat_load_new(b->load_mem, &b->config);
	assert_int_equal(leat_service_listen(b->set, b->pair->end[1].stack, &at), LEAT_OK);
	b->pair->end[0].app = leat_load_app(b->load);
	b->pair->end[1].app = leat_service_app(b->set);
}

static inline bool load_done(void *arg)
{
	const struct bench *b = arg;

	return leat_load_done(b->load);
}

static inline void bench_end(struct bench *b)
{
	const struct load_counters *n = leat_load_counters(b->load);

	assert_true(leat_load_done(b->load));
	assert_int_equal(n->in_flight, 0);
	assert_int_equal(n->established, 0);
	assert_int_equal(n->planned, n->started + leat_load_not_started(n));
	assert_int_equal(n->started, n->completed + n->stopped + leat_load_failed(n));
	assert_int_equal(leat_load_hist(b->load, LOAD_HIST_CONNECT)->total_cnt, n->connected);
	leat_pair_free(b->pair);
	free(b->set_mem);
	free(b->load_mem);
}

static inline void run_to_end(struct bench *b)
{
	bench_start(b);
	assert_true(leat_pair_run(b->pair, load_done, b, 1000 * TIME_S));
}

#endif
