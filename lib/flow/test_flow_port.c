/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_port.h"

#include "base_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASES 3

static struct flow_port *ports_new(uint32_t base_cnt, uint16_t from, uint16_t to, uint64_t seed)
{
	void *mem = aligned_alloc(CACHE_LINE, leat_flow_port_footprint(base_cnt, from, to));

	assert_non_null(mem);
	return leat_flow_port_new(mem, base_cnt, from, to, seed);
}

static void footprint_refuses_an_impossible_range(void **state)
{
	(void)state;
	assert_int_equal(leat_flow_port_footprint(1, 0, 10), 0);
	assert_int_equal(leat_flow_port_footprint(1, 11, 10), 0);
	assert_int_equal(leat_flow_port_footprint(0, 1, 10), 0);
	assert_in_range(leat_flow_port_footprint(1, 1, UINT16_MAX), 16384, 16384 + 256);
	assert_in_range(
		leat_flow_port_footprint(1000, 1, UINT16_MAX), 8192000, 8192000 + 16256 + 8192);
}

static void every_port_is_given_out_once_and_then_0(void **state)
{
	struct flow_port *f = ports_new(1, 1, UINT16_MAX, 1);
	uint8_t *seen = calloc(1, UINT16_MAX + 1);
	uint16_t port, last = 0;

	(void)state;
	assert_non_null(seen);
	for (uint32_t i = 0; i < UINT16_MAX; i++) {
		assert_int_equal(leat_flow_port_free_cnt(f, 0), UINT16_MAX - i);
		port = leat_flow_port_take(f, 0, NULL);
		assert_int_not_equal(port, 0);
		assert_false(seen[port]++);
		last = port;
	}
	assert_int_equal(leat_flow_port_take(f, 0, NULL), 0);
	assert_int_equal(leat_flow_port_free_cnt(f, 0), 0);
	leat_flow_port_give(f, 0, last);
	assert_int_equal(leat_flow_port_take(f, 0, NULL), last);
	assert_int_equal(leat_flow_port_take(f, 0, NULL), 0);
	free(seen);
	free(f);
}

static void a_port_given_back_is_taken_again_as_late_as_possible(void **state)
{
	enum {
		CNT = 100
	};
	struct flow_port *f = ports_new(1, 1000, 1000 + CNT - 1, 2);
	uint16_t first = leat_flow_port_take(f, 0, NULL);

	(void)state;
	leat_flow_port_give(f, 0, first);
	for (uint32_t i = 1; i < CNT; i++) {
		uint16_t port = leat_flow_port_take(f, 0, NULL);

		assert_int_equal(port, 1000 + (first - 1000 + i) % CNT);
		leat_flow_port_give(f, 0, port);
	}
	assert_int_equal(leat_flow_port_take(f, 0, NULL), first);
	free(f);
}

static void a_claim_is_refused_when_taken_or_out_of_range(void **state)
{
	struct flow_port *f = ports_new(2, 100, 300, 3);

	(void)state;
	assert_false(leat_flow_port_claim(f, 0, 0));
	assert_false(leat_flow_port_claim(f, 0, 99));
	assert_false(leat_flow_port_claim(f, 0, 301));
	assert_false(leat_flow_port_claim(f, 0, UINT16_MAX));
	assert_true(leat_flow_port_claim(f, 0, 100));
	assert_true(leat_flow_port_claim(f, 0, 300));
	assert_false(leat_flow_port_claim(f, 0, 300));
	assert_true(leat_flow_port_claim(f, 1, 300));
	leat_flow_port_give(f, 0, 300);
	assert_true(leat_flow_port_claim(f, 0, 300));
	assert_int_equal(leat_flow_port_free_cnt(f, 0), 199);
	assert_int_equal(leat_flow_port_free_cnt(f, 1), 200);
	free(f);
}

static void the_seed_decides_where_each_base_starts(void **state)
{
	struct flow_port *a = ports_new(64, 1, 60000, 4), *b = ports_new(64, 1, 60000, 4),
			 *c = ports_new(64, 1, 60000, 5);
	uint32_t same_seed = 0, other_seed = 0, low = 0;

	(void)state;
	for (uint32_t base = 0; base < 64; base++) {
		uint16_t port = leat_flow_port_take(a, base, NULL);

		same_seed += port == leat_flow_port_take(b, base, NULL);
		other_seed += port == leat_flow_port_take(c, base, NULL);
		low += port <= 30000;
	}
	assert_int_equal(same_seed, 64);
	assert_in_range(other_seed, 0, 1);
	assert_in_range(low, 12, 52);
	free(a);
	free(b);
	free(c);
}

/* One octet a port, tried one after another. */
struct model {
	uint16_t from, to;
	uint16_t next[BASES]; /* 0 until the first take tells where the search begins */
	uint8_t taken[BASES][UINT16_MAX + 1];
	uint32_t free_cnt[BASES];
};

static struct model m;

static uint16_t model_after(uint16_t port)
{
	return port == m.to ? m.from : (uint16_t)(port + 1);
}

static void take_both(struct flow_port *f, uint32_t base)
{
	uint16_t got = leat_flow_port_take(f, base, NULL), want = m.next[base];

	if (m.free_cnt[base] == 0) {
		assert_int_equal(got, 0);
		return;
	}
	assert_in_range(got, m.from, m.to);
	while (want && m.taken[base][want])
		want = model_after(want);
	if (want)
		assert_int_equal(got, want);
	assert_false(m.taken[base][got]);
	m.taken[base][got] = 1;
	m.free_cnt[base]--;
	m.next[base] = model_after(got);
}

static void claim_both(struct flow_port *f, uint32_t base, uint16_t port)
{
	bool want = port >= m.from && port <= m.to && !m.taken[base][port];

	assert_int_equal(leat_flow_port_claim(f, base, port), want);
	if (!want)
		return;
	m.taken[base][port] = 1;
	m.free_cnt[base]--;
}

static void give_both(struct flow_port *f, uint32_t base, uint16_t port)
{
	if (port < m.from || port > m.to || !m.taken[base][port])
		return;
	leat_flow_port_give(f, base, port);
	m.taken[base][port] = 0;
	m.free_cnt[base]++;
}

static void live_both(uint16_t from, uint16_t to, uint64_t seed)
{
	struct flow_port *f = ports_new(BASES, from, to, seed);
	struct prng p;

	print_message("# seed %llu ports %u to %u\n", (unsigned long long)seed, from, to);
	memset(&m, 0, sizeof(m));
	m.from = from;
	m.to = to;
	for (uint32_t base = 0; base < BASES; base++)
		m.free_cnt[base] = UINT32_C(1) + to - from;
	leat_prng_seed(&p, seed);
	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t base = leat_prng_below(&p, BASES), kind = leat_prng_below(&p, 16);
		uint32_t any = from - 1u + leat_prng_below(&p, to - from + 3u);
		uint16_t port = (uint16_t)u32_min(any, UINT16_MAX);
		bool filling = step / 2000 % 2;

		if (kind < 2)
			claim_both(f, base, port);
		else if (filling ? kind < 14 : kind < 6)
			take_both(f, base);
		else
			give_both(f, base, port);
		assert_int_equal(leat_flow_port_free_cnt(f, base), m.free_cnt[base]);
	}
	free(f);
}

static void a_random_life_equals_the_model(void **state)
{
	static const uint16_t range[][2] = {{1, 1}, {UINT16_MAX, UINT16_MAX}, {1, 2}, {1000, 1062},
		{1000, 1063}, {1000, 1064}, {63, 192}, {UINT16_MAX - 200, UINT16_MAX},
		{1, UINT16_MAX}};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(range); i++)
		live_both(range[i][0], range[i][1], 6056 + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(footprint_refuses_an_impossible_range),
		cmocka_unit_test(every_port_is_given_out_once_and_then_0),
		cmocka_unit_test(a_port_given_back_is_taken_again_as_late_as_possible),
		cmocka_unit_test(a_claim_is_refused_when_taken_or_out_of_range),
		cmocka_unit_test(the_seed_decides_where_each_base_starts),
		cmocka_unit_test(a_random_life_equals_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
