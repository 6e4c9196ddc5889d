/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_cksum.h"

/* RFC 1071 as it reads: 16-bit words in network order, an odd last octet padded with zero, each
 * carry added at once. */
static uint16_t naive(uint16_t sum, const uint8_t *p, size_t octets)
{
	for (size_t i = 0; i < octets; i += 2) {
		uint32_t word = (uint32_t)p[i] << 8 | (i + 1 < octets ? p[i + 1] : 0);
		word += sum;
		sum = (uint16_t)(word + (word >> 16));
	}
	return sum;
}

static uint16_t naive_pseudo(const struct tuple *t, uint8_t proto, uint32_t octets)
{
	uint8_t hdr[40] = {0};

	if (ip_is4(t->local)) {
		be32_put(hdr, ip_to4(t->local));
		be32_put(hdr + 4, ip_to4(t->remote));
		hdr[9] = proto;
		be16_put(hdr + 10, (uint16_t)octets);
		return naive(0, hdr, 12);
	}
	be64_put(hdr, t->local.hi);
	be64_put(hdr + 8, t->local.lo);
	be64_put(hdr + 16, t->remote.hi);
	be64_put(hdr + 24, t->remote.lo);
	be32_put(hdr + 32, octets);
	hdr[39] = proto;
	return naive(0, hdr, 40);
}

static void draw_octets(struct prng *p, uint8_t *octet, uint32_t octets)
{
	uint8_t all = (uint8_t)leat_prng_next(p);
	bool same = leat_prng_chance(p, 200000);

	for (uint32_t i = 0; i < octets; i++)
		octet[i] = same ? (all & 1 ? 0xff : 0) : (uint8_t)leat_prng_next(p);
}

static void n015_the_sum_is_that_of_the_rfc_for_every_length(void **state)
{
	const uint64_t seed = 41;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (uint32_t octets = 0; octets <= 1500; octets++) {
		uint8_t *mem = malloc(octets + 1), *at = mem + (octets & 1);
		draw_octets(&p, at, octets);
		assert_int_equal(
			leat_wire_sum_fold(leat_wire_sum(0, at, octets)), naive(0, at, octets));
		free(mem);
	}
}

static void the_longest_packet_of_ones_does_not_overflow(void **state)
{
	static uint8_t ones[65535];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	uint64_t partial = leat_wire_sum(0, ones, sizeof(ones));
	for (int i = 0; i < 100; i++)
		partial = leat_wire_sum(partial, ones, sizeof(ones) - 1);
	assert_int_equal(leat_wire_sum_fold(partial), naive(0, ones, sizeof(ones)));
}

static void pieces_add_up_when_the_odd_one_is_last(void **state)
{
	uint8_t octet[101];
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 42);
	draw_octets(&p, octet, sizeof(octet));
	uint16_t whole = naive(0, octet, sizeof(octet));
	for (uint32_t cut = 0; cut <= sizeof(octet); cut += 2) {
		uint32_t rest = (uint32_t)sizeof(octet) - cut;
		uint64_t front_first =
			leat_wire_sum(leat_wire_sum(0, octet, cut), octet + cut, rest);
		assert_int_equal(leat_wire_sum_fold(front_first), whole);
		uint64_t back_first =
			leat_wire_sum(leat_wire_sum(0, octet + cut, rest), octet, cut);
		assert_int_equal(leat_wire_sum_fold(back_first), whole);
	}
}

static struct tuple draw_tuple(struct prng *p, bool is6)
{
	struct tuple t = {.zone = 0};

	t.local = (struct ip){leat_prng_next(p) | 1, leat_prng_next(p)};
	t.remote = (struct ip){leat_prng_next(p) | 1, leat_prng_next(p)};
	if (!is6) {
		t.local = ip_from4((uint32_t)t.local.hi);
		t.remote = ip_from4((uint32_t)t.remote.hi);
	}
	return t;
}

static void n015_the_pseudo_header_counts_in_both_versions(void **state)
{
	struct prng p;
	uint8_t octet[61];

	(void)state;
	leat_prng_seed(&p, 43);
	for (int i = 0; i < 20000; i++) {
		struct tuple t = draw_tuple(&p, i & 1);
		uint32_t octets = leat_prng_below(&p, sizeof(octet) + 1);
		draw_octets(&p, octet, octets);
		uint16_t sum = naive(naive_pseudo(&t, 6, octets), octet, octets);
		assert_int_equal(leat_wire_cksum(&t, 6, octet, octets), (uint16_t)~sum);
		assert_int_equal(leat_wire_cksum_ok(&t, 6, octet, octets), sum == 0xffff);
	}
}

/* A field that comes out as 0 stays 0 in TCP, and its other form 0xffff is as good to a receiver
 * (RFC 1624 3). */
static void n015_a_checksum_field_of_zero_verifies_in_both_forms(void **state)
{
	struct prng p;
	uint8_t octet[23];

	(void)state;
	leat_prng_seed(&p, 44);
	for (int i = 0; i < 200; i++) {
		struct tuple t = draw_tuple(&p, i & 1);
		draw_octets(&p, octet, sizeof(octet));
		be16_put(octet + 16, 0);
		be16_put(octet + 4, 0);
		be16_put(octet + 4, leat_wire_cksum(&t, 6, octet, sizeof(octet)));
		assert_int_equal(leat_wire_cksum(&t, 6, octet, sizeof(octet)), 0);
		assert_true(leat_wire_cksum_ok(&t, 6, octet, sizeof(octet)));
		be16_put(octet + 16, 0xffff);
		assert_true(leat_wire_cksum_ok(&t, 6, octet, sizeof(octet)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n015_the_sum_is_that_of_the_rfc_for_every_length),
		cmocka_unit_test(the_longest_packet_of_ones_does_not_overflow),
		cmocka_unit_test(pieces_add_up_when_the_odd_one_is_last),
		cmocka_unit_test(n015_the_pseudo_header_counts_in_both_versions),
		cmocka_unit_test(n015_a_checksum_field_of_zero_verifies_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
