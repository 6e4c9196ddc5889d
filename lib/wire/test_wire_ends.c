/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_ends.h"

#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 20000
#define FD00   (UINT64_C(0xfd00) << 48)
#define FE80   (UINT64_C(0xfe80) << 48)
#define RANGE  65536u

/* Two addresses of each kind, and a range of IPv6. */
static const struct wire_link link = {.local_cnt = 5,
	.local = {{{FE80, 1}, 64}, {{FD00, 1}, 64}, {{FD00, 2}, 64}, {{FD00 + 1, 1}, 64},
		{{0, UINT64_C(0xffff0a000001)}, 24}},
	.range_from = {FD00, UINT64_C(0x100000000) - 7},
	.range_to = {FD00, UINT64_C(0x100000000) - 7 + RANGE - 1}};

static void each_address_of_ours_has_a_number(void **state)
{
	(void)state;
	assert_int_equal(wire_own_cnt(&link), 5 + RANGE);
	for (uint32_t i = 0; i < wire_own_cnt(&link); i++)
		assert_int_equal(wire_own_idx(&link, wire_own_at(&link, i)), i);
	assert_int_equal(wire_own_idx(&link, (struct ip){FD00, 3}), UINT32_MAX);
	assert_int_equal(wire_own_idx(&link, (struct ip){FE80, 2}), UINT32_MAX);
	assert_int_equal(
		wire_own_idx(&link, (struct ip){FD00 + 1, link.range_from.lo}), UINT32_MAX);
	assert_int_equal(
		wire_own_idx(&link, (struct ip){FD00, link.range_from.lo - 1}), UINT32_MAX);
	assert_int_equal(wire_own_idx(&link, (struct ip){FD00, link.range_to.lo + 1}), UINT32_MAX);

	struct wire_link none = link;
	none.range_from = none.range_to = (struct ip){0, 0};
	assert_int_equal(wire_own_cnt(&none), 5);
	assert_int_equal(wire_own_idx(&none, link.range_from), UINT32_MAX);
}

/* Any of ours, or none; the other end's octets are all drawn, or few of them, or none is set. */
static struct tuple tuple_drawn(struct prng *p)
{
	uint32_t own = leat_prng_below(p, wire_own_cnt(&link) + 8);
	struct tuple t = {
		.lport = (uint16_t)leat_prng_next(p), .rport = (uint16_t)leat_prng_next(p)};

	own = own >= wire_own_cnt(&link) ? own - wire_own_cnt(&link) : own;
	do {
		t.local = leat_prng_below(p, 16) == 0 ? (struct ip){0, 0} : wire_own_at(&link, own);
		own = leat_prng_below(p, 4);
	} while (ip_is4(t.local));
	switch (leat_prng_below(p, 4)) {
	case 0:
		t.remote = (struct ip){UINT64_C(1) << leat_prng_below(p, 64), 0};
		break;
	case 1:
		t.remote = (struct ip){0, UINT64_C(1) << leat_prng_below(p, 64)};
		break;
	default:
		t.remote = (struct ip){leat_prng_next(p) | UINT64_C(1) << 61, leat_prng_next(p)};
	}
	return t;
}

static void wide_ends_say_the_whole_tuple(void **state)
{
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 61);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		const struct tuple t = tuple_drawn(&p);
		struct ends46 e;
		uint64_t high;
		struct tuple got;

		assert_true(ends4_is_wide(&(struct ends4){.remote = ends4_of(&t).remote}));
		ends_wide_set(&e, &high, &link, &t);
		assert_true(ends4_is_wide(&e.in4));
		assert_int_equal(e.in4.lport, t.lport);
		assert_int_equal(e.in4.rport, t.rport);
		ends_wide_tuple(&e, high, &link, &got);
		if (!tuple_eq(&got, &t))
			fail_msg("seed 61, round %u: the tuple is another", i);
	}
}

static void ends_of_ip4_are_never_wide(void **state)
{
	static const char *const first = "0.0.0.0", *const last = "254.255.255.255";
	struct ip from, to;
	struct prng p;

	(void)state;
	assert_true(leat_wire_ip_parse(first, &from) && leat_wire_ip_parse(last, &to));
	leat_prng_seed(&p, 62);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t at = (uint32_t)leat_prng_next(&p);
		struct ip remote = i == 0 ? from : i == 1 ? to : ip_from4(at);
		struct tuple got, t = {wire_own_at(&link, 4), remote, 80, 1000, 0};

		if (!leat_wire_ip_may_send(remote) && i > 1)
			continue; /* nobody's */
		const struct ends4 e = ends4_of(&t);

		assert_false(ends4_is_wide(&e));
		ends4_tuple(&e, &got);
		assert_true(i == 0 || tuple_eq(&got, &t));
		assert_true(i == 0 || ends4_eq(&e, &t));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_of_ours_has_a_number),
		cmocka_unit_test(wide_ends_say_the_whole_tuple),
		cmocka_unit_test(ends_of_ip4_are_never_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
