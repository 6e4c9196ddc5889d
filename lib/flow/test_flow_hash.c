/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_hash.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The key and the sums that Microsoft publishes for those who implement RSS. */
static const uint8_t published_key[FLOW_RSS_KEY_OCTETS] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e,
	0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b,
	0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe,
	0xac, 0x01, 0xfa};

#define IP4(a, b, c, d) (UINT32_C(a) << 24 | (b) << 16 | (c) << 8 | (d))

static void ipv4_sums_equal_the_published_ones(void **state)
{
	static const struct {
		uint32_t dst, src;
		uint16_t dport, sport;
		uint32_t sum;
	} row[] = {
		{IP4(161, 142, 100, 80), IP4(66, 9, 149, 187), 1766, 2794, 0x51ccc178},
		{IP4(65, 69, 140, 83), IP4(199, 92, 111, 2), 4739, 14230, 0xc626b0ea},
		{IP4(12, 22, 207, 184), IP4(24, 19, 198, 95), 38024, 12898, 0x5c2b394a},
		{IP4(209, 142, 163, 6), IP4(38, 27, 205, 30), 2217, 48228, 0xafc7327f},
		{IP4(202, 188, 127, 2), IP4(153, 39, 163, 191), 1303, 44251, 0x10e828a2},
	};
	struct flow_rss r;

	(void)state;
	leat_flow_rss_init(&r, published_key);
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		struct tuple t = {.local = ip_from4(row[i].dst),
			.remote = ip_from4(row[i].src),
			.lport = row[i].dport,
			.rport = row[i].sport};

		assert_int_equal(leat_flow_rss_arriving(&r, &t), row[i].sum);
	}
}

static void ipv6_sums_equal_the_published_ones(void **state)
{
	static const struct {
		struct ip dst, src;
		uint16_t dport, sport;
		uint32_t sum;
	} row[] = {
		{{UINT64_C(0x3ffe250102000003), 1}, {UINT64_C(0x3ffe250102001fff), 7}, 1766, 2794,
			0x40207d3d},
		{{UINT64_C(0xff02000000000000), 1},
			{UINT64_C(0x3ffe050100080000), UINT64_C(0x026097fffe40efab)}, 4739, 14230,
			0xdde51bbf},
		{{UINT64_C(0xfe80000000000000), UINT64_C(0x0200f8fffe2167cf)},
			{UINT64_C(0x3ffe190045450003), UINT64_C(0x0200f8fffe2167cf)}, 38024, 44251,
			0x02d1feef},
	};
	struct flow_rss r;

	(void)state;
	leat_flow_rss_init(&r, published_key);
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		struct tuple t = {.local = row[i].dst,
			.remote = row[i].src,
			.lport = row[i].dport,
			.rport = row[i].sport};

		assert_int_equal(leat_flow_rss_arriving(&r, &t), row[i].sum);
	}
}

/* The definition: the key shifts left by one for every bit of the input; its first 32 bits are
 * added wherever that bit is set. */
static uint32_t by_definition(const uint8_t *key, const uint8_t *input, uint32_t octets)
{
	uint8_t rest[FLOW_RSS_KEY_OCTETS];
	uint32_t sum = 0;

	memcpy(rest, key, sizeof(rest));
	for (uint32_t bit = 0; bit < octets * 8; bit++) {
		if (input[bit / 8] & 0x80u >> bit % 8)
			sum ^= be32_get(rest);
		for (uint32_t i = 0; i + 1 < sizeof(rest); i++)
			rest[i] = (uint8_t)(rest[i] << 1 | rest[i + 1] >> 7);
		rest[sizeof(rest) - 1] = (uint8_t)(rest[sizeof(rest) - 1] << 1);
	}
	return sum;
}

static void any_key_and_tuple_equal_the_definition(void **state)
{
	const uint64_t seed = 40;
	struct flow_rss r;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (uint32_t step = 0; step < 300; step++) {
		uint8_t key[FLOW_RSS_KEY_OCTETS], input[FLOW_RSS_INPUT_OCTETS];
		bool is4 = step % 2;
		uint32_t octets = is4 ? 12 : 36, addr = is4 ? 4 : 16;
		struct tuple t = {.zone = step};

		for (uint32_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)leat_prng_next(&p);
		for (uint32_t i = 0; i < octets; i++)
			input[i] = (uint8_t)leat_prng_next(&p);
		t.remote = is4 ? ip_from4(be32_get(input))
			       : (struct ip){be64_get(input), be64_get(input + 8)};
		t.local = is4 ? ip_from4(be32_get(input + addr))
			      : (struct ip){be64_get(input + addr), be64_get(input + addr + 8)};
		t.rport = be16_get(input + octets - 4);
		t.lport = be16_get(input + octets - 2);
		leat_flow_rss_init(&r, key);
		assert_int_equal(leat_flow_rss_arriving(&r, &t), by_definition(key, input, octets));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_sums_equal_the_published_ones),
		cmocka_unit_test(ipv6_sums_equal_the_published_ones),
		cmocka_unit_test(any_key_and_tuple_equal_the_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
