/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"

#include "base_arena.h"
#include "base_be.h"
#include "base_lanes.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void pow2_ceil_is_the_least_power_that_is_not_less(void **state)
{
	(void)state;
	assert_int_equal(pow2_ceil(0), 1);
	for (uint64_t x = 1; x < 5000; x++) {
		uint64_t least = 1;
		while (least < x)
			least *= 2;
		assert_int_equal(pow2_ceil(x), least);
		assert_int_equal(is_pow2(x), least == x);
	}
	assert_true(pow2_ceil(UINT64_C(1) << 63) == UINT64_C(1) << 63);
	assert_true(pow2_ceil((UINT64_C(1) << 62) + 1) == UINT64_C(1) << 63);
	assert_false(is_pow2(0));
	assert_true(is_pow2(UINT64_C(1) << 63));
}

static void align_up_gives_the_next_multiple(void **state)
{
	(void)state;
	for (size_t to = 1; to <= 64; to *= 2) {
		for (size_t octets = 0; octets < 300; octets++) {
			size_t up = align_up(octets, to);
			assert_true(up % to == 0 && up >= octets && up - octets < to);
		}
	}
}

static void least_and_greatest_are_so(void **state)
{
	(void)state;
	assert_int_equal(u32_min(0, UINT32_MAX), 0);
	assert_int_equal(u32_max(0, UINT32_MAX), UINT32_MAX);
	assert_true(u64_min(UINT64_MAX, 7) == 7);
	assert_true(u64_max(UINT64_MAX, 7) == UINT64_MAX);
	assert_true(rotl64(UINT64_C(0x8000000000000001), 4) == 0x18);
}

static void words_are_big_endian_at_any_address(void **state)
{
	static const uint8_t want[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	uint8_t got[24];

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		memset(got, 0xee, sizeof(got));
		be64_put(got + at, UINT64_C(0x0123456789abcdef));
		assert_memory_equal(got + at, want, 8);
		assert_true(be64_get(got + at) == UINT64_C(0x0123456789abcdef));
		assert_true(be32_get(got + at) == 0x01234567);
		assert_true(be16_get(got + at) == 0x0123);
		be32_put(got + at + 4, 0xdeadbeef);
		be16_put(got + at, 0xcafe);
		assert_true(be64_get(got + at) == UINT64_C(0xcafe4567deadbeef));
		assert_int_equal(got[at + 8], 0xee);
	}
}

static void lanes_are_found_as_one_by_one(void **state)
{
	uint16_t lane[LANES_CNT + 7];
	struct prng prng;

	(void)state;
	leat_prng_seed(&prng, 11);
	for (uint32_t round = 0; round < 100000; round++) {
		uint32_t at = round % 8; /* any alignment, and what lies beside does not count */
		uint16_t salt = (uint16_t)(leat_prng_next(&prng) & 0x8081), wanted;

		for (uint32_t i = 0; i < COUNT_OF(lane); i++)
			lane[i] = (uint16_t)(salt ^ (leat_prng_next(&prng) & 0x101));
		wanted = lane[leat_prng_below(&prng, COUNT_OF(lane))];
		assert_int_equal(lanes_with(&lane[at], wanted), lanes_plain(&lane[at], wanted));
	}
	memset(lane, 0, sizeof(lane));
	assert_int_equal(lanes_with(lane, 0), (1 << LANES_CNT) - 1);
	assert_int_equal(lanes_with(lane, 1), 0);
}

static void an_arena_cuts_what_its_footprint_walk_counted(void **state)
{
	static _Alignas(CACHE_LINE) uint8_t mem[64 * 1024];
	const uint64_t seed = 21;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (int round = 0; round < 1000; round++) {
		struct arena plan = arena_at(NULL), real = arena_at(mem);
		size_t end = 0;
		for (int i = 0; i < 10; i++) {
			size_t cnt = leat_prng_below(&p, 20), size = 1 + leat_prng_below(&p, 100);
			size_t align = (size_t)1 << leat_prng_below(&p, 7);
			assert_null(arena_take(&plan, cnt, size, align));
			uint8_t *got = arena_take(&real, cnt, size, align);
			assert_true((uintptr_t)got % align == 0 && (size_t)(got - mem) >= end);
			end = (size_t)(got - mem) + cnt * size;
		}
		assert_true(arena_used(&plan) == arena_used(&real));
		assert_true(arena_used(&real) == align_up(end, CACHE_LINE));
	}
}

static void an_arena_remembers_an_overflow(void **state)
{
	(void)state;
	struct arena a = arena_at(NULL);
	assert_null(arena_take(&a, SIZE_MAX / 2, 3, 8));
	assert_null(arena_take(&a, 1, 1, 1));
	assert_true(arena_used(&a) == 0);

	struct arena b = arena_at(NULL);
	for (int i = 0; i < 3; i++)
		arena_take(&b, SIZE_MAX / 4, 1, 1);
	assert_true(arena_used(&b) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pow2_ceil_is_the_least_power_that_is_not_less),
		cmocka_unit_test(align_up_gives_the_next_multiple),
		cmocka_unit_test(least_and_greatest_are_so),
		cmocka_unit_test(words_are_big_endian_at_any_address),
		cmocka_unit_test(lanes_are_found_as_one_by_one),
		cmocka_unit_test(an_arena_cuts_what_its_footprint_walk_counted),
		cmocka_unit_test(an_arena_remembers_an_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
