/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_addr.h"
#include "wire_verdict.h"

static struct ip ip_of(const char *text)
{
	struct ip a;

	assert_true(leat_wire_ip_parse(text, &a));
	return a;
}

static void addresses_are_written_as_they_are_read(void **state)
{
	static const char *const text[] = {"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "::1",
		"2001:db8::1", "2001:db8:0:1:1:1:1:1", "ff02::1:ff00:1", "fe80::a:b:c:d",
		"2001:0:0:1::1", "1:2:3:4:5:6:7:8"};
	char got[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		leat_wire_ip_text(ip_of(text[i]), got);
		assert_string_equal(got, text[i]);
	}
	assert_true(ip_eq(ip_of("10.0.0.1"), ip_from4(0x0a000001)));
	assert_true(ip_eq(ip_of("2001:DB8:0:0::1"), (struct ip){0x20010db800000000, 1}));
}

static void octets_in_wire_order_are_the_same_address(void **state)
{
	static const char *const text[] = {"0.0.0.0", "198.18.0.1", "255.255.255.255", "::", "::1",
		"2001:db8:1234:5678:9abc:def0:1122:3344"};
	static const uint8_t family[] = {4, 4, 4, 0, 6, 6};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		uint8_t octet[16] = {0};

		assert_int_equal(ip_put(ip_of(text[i]), octet), family[i]);
		assert_true(ip_eq(ip_get(family[i], octet), ip_of(text[i])));
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const text[] = {"", "10.0.0", "10.0.0.256", "10.0.0.1.2", "10.0.0.1/24",
		" 10.0.0.1", "::1::", "12345::", "2001:db8", "g::", "fe80::1%eth0"};
	struct ip a;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(text); i++)
		assert_false(leat_wire_ip_parse(text[i], &a));
}

/* bit_of is bit i of a, from the first one on, as a naive prefix compare reads it. */
static bool bit_of(struct ip a, unsigned i)
{
	return i < 64 ? a.hi >> (63 - i) & 1 : a.lo >> (127 - i) & 1;
}

static void a_prefix_is_compared_bit_by_bit(void **state)
{
	const uint64_t seed = 31;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (int i = 0; i < 20000; i++) {
		bool is4 = i & 1;
		unsigned base = is4 ? 96 : 0;
		struct ip a = {0x20010db8deadbeef, leat_prng_next(&p)};
		a = is4 ? ip_from4((uint32_t)leat_prng_next(&p)) : a;
		struct ip net = a;
		unsigned flip = base + leat_prng_below(&p, 128 - base);
		net.hi ^= flip < 64 ? UINT64_C(1) << (63 - flip) : 0;
		net.lo ^= flip < 64 ? 0 : UINT64_C(1) << (127 - flip);
		unsigned bits = leat_prng_below(&p, 129 - base);
		bool want = true;
		for (unsigned k = 0; k < base + bits; k++)
			want = want && bit_of(a, k) == bit_of(net, k);
		assert_int_equal(ip_in_prefix(a, net, (uint8_t)bits), want);
	}
}

static void a_prefix_of_one_version_has_no_address_of_the_other(void **state)
{
	(void)state;
	assert_false(ip_in_prefix(ip_of("10.0.0.1"), ip_of("::"), 0));
	assert_false(ip_in_prefix(ip_of("2001:db8::1"), ip_of("0.0.0.0"), 0));
	assert_true(ip_in_prefix(ip_of("10.0.0.1"), ip_of("0.0.0.0"), 0));
	assert_true(ip_in_prefix(ip_of("2001:db8::1"), ip_of("::"), 0));
}

static void groups_are_multicast_and_the_limited_broadcast(void **state)
{
	static const char *const group[] = {
		"224.0.0.0", "239.255.255.255", "255.255.255.255", "ff00::", "ff02::1", "ffff::"};
	static const char *const single[] = {"223.255.255.255", "240.0.0.1", "255.255.255.254",
		"10.0.0.255", "0.0.0.0", "::", "fe80::1", "2001:db8::ff"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(group); i++)
		assert_true(leat_wire_ip_is_group(ip_of(group[i])));
	for (size_t i = 0; i < COUNT_OF(single); i++)
		assert_false(leat_wire_ip_is_group(ip_of(single[i])));
}

static void n036_only_a_unicast_address_may_send(void **state)
{
	static const char *const no[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255",
		"224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"};
	static const char *const yes[] = {"1.0.0.1", "10.0.0.1", "126.255.255.255", "128.0.0.1",
		"223.255.255.255", "169.254.1.1", "::2", "fe80::1", "2001:db8::1", "fec0::1"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(no); i++)
		assert_false(leat_wire_ip_may_send(ip_of(no[i])));
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		assert_true(leat_wire_ip_may_send(ip_of(yes[i])));
}

static void tuples_are_equal_when_all_of_them_is(void **state)
{
	const struct tuple t = {ip_of("10.0.0.1"), ip_of("10.0.0.2"), 80, 40000, 1};
	struct tuple u[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		u[i] = t;
	u[1].local = ip_of("10.0.0.3");
	u[2].remote = ip_of("::10.0.0.2");
	u[3].lport = 81;
	u[4].rport = 40001;
	u[5].zone = 0;
	for (int i = 0; i < 6; i++)
		assert_int_equal(tuple_eq(&t, &u[i]), i == 0);
	assert_true(ip_is_any(ip_of("0.0.0.0")) && ip_is_any(ip_of("::")));
	assert_false(ip_is_any(ip_of("::1")) || ip_is_any(ip_of("0.0.0.1")));
}

static void each_verdict_has_name_place_and_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < WIRE_V_CNT; i++) {
		enum wire_verdict v = (enum wire_verdict)i;
		const char *name = leat_wire_verdict_name(v), *help = leat_wire_verdict_help(v);
		assert_int_equal(strncmp(name, "drop_", 5) == 0, v >= WIRE_V_DROP_FIRST);
		assert_true(strlen(leat_wire_verdict_where(v)) > 0);
		assert_true(help[strlen(help) - 1] == '.');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, leat_wire_verdict_name((enum wire_verdict)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_as_they_are_read),
		cmocka_unit_test(octets_in_wire_order_are_the_same_address),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_prefix_is_compared_bit_by_bit),
		cmocka_unit_test(a_prefix_of_one_version_has_no_address_of_the_other),
		cmocka_unit_test(groups_are_multicast_and_the_limited_broadcast),
		cmocka_unit_test(n036_only_a_unicast_address_may_send),
		cmocka_unit_test(tuples_are_equal_when_all_of_them_is),
		cmocka_unit_test(each_verdict_has_name_place_and_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
