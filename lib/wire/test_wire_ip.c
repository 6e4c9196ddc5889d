/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_ip.h"

#define IP WIRE_ETH_OCTETS

static struct frame f;

/* ext6 parses a TCP segment behind the given extension headers, the first of kind next. */
static enum wire_verdict ext6(uint8_t next, const uint8_t *ext, uint32_t octets)
{
	static uint8_t l4[2048];
	struct frame plain;
	struct tuple t = from_peer(true);

	frame_ack(&plain, true, 5, false);
	memcpy(l4, ext, octets);
	memcpy(l4 + octets, plain.at + L4_OF6, plain.octets - L4_OF6);
	frame_of(&f, &t, next, l4, octets + plain.octets - L4_OF6);
	return parse(&f);
}

#define EXT6(next, ...)                                                                            \
	ext6(next, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void n016_extension_headers_that_may_be_passed_over_are(void **state)
{
	(void)state;
	/* Hop-by-hop with PadN, with Pad1 and a router alert, destination options of 16 octets. */
	assert_verdict(EXT6(0, 6, 0, 1, 4, 0, 0, 0, 0), WIRE_V_TCP);
	assert_int_equal(pkt.seg.text, 5);
	assert_int_equal(pkt.proto, WIRE_PROTO_TCP);
	assert_verdict(EXT6(0, 6, 0, 0, 0, 5, 2, 0, 0), WIRE_V_TCP);
	assert_verdict(EXT6(60, 6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), WIRE_V_TCP);
	assert_verdict(EXT6(0, 60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0), WIRE_V_TCP);
	/* A routing header of another type that is used up. */
	assert_verdict(EXT6(43, 6, 0, 4, 0, 0, 0, 0, 0), WIRE_V_TCP);
}

static void n016_option_lengths_within_extension_headers_are_bounded(void **state)
{
	(void)state;
	for (unsigned len = 0; len < 256; len++) {
		/* PadN of len, then what stands there is read as options of length 0. */
		enum wire_verdict v = EXT6(0, 6, 0, 1, (uint8_t)len, 1, 0, 1, 0);
		bool fits = len == 0 || len == 2 || len == 4;
		/* One octet left over is a Pad1 only when it is 0. */
		fits = fits || len == 1 || len == 3;
		assert_verdict(v, fits ? WIRE_V_TCP : WIRE_V_DROP_IP6_EXT);
	}
	/* An option that has no room for its length; one that must be known to be passed over. */
	assert_verdict(EXT6(0, 6, 0, 1, 3, 0, 0, 0, 5), WIRE_V_DROP_IP6_EXT);
	assert_verdict(EXT6(60, 6, 0, 0x40, 4, 0, 0, 0, 0), WIRE_V_DROP_IP6_EXT);
	assert_verdict(EXT6(60, 6, 0, 0xc2, 4, 0, 1, 0, 0), WIRE_V_DROP_IP6_EXT);
}

static void n016_an_extension_header_beyond_the_packet_is_dropped(void **state)
{
	static const uint8_t next[] = {0, 43, 60};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(next); i++) {
		for (unsigned units = 4; units < 256; units++) {
			const uint8_t ext[] = {6, (uint8_t)units, 0, 0, 0, 0, 0, 0};
			assert_verdict(ext6(next[i], ext, sizeof(ext)), WIRE_V_DROP_IP6_EXT);
		}
	}
	/* Fewer than the 8 octets of the least extension header, and just those. */
	struct tuple t = from_peer(true);
	frame_of(&f, &t, 60, (const uint8_t[8]){6, 0}, 8);
	assert_verdict(parse(&f), WIRE_V_DROP_TCP_SHORT);
	for (uint32_t octets = 1; octets < 8; octets++) {
		frame_of(&f, &t, 60, (const uint8_t[8]){6, 0}, octets);
		assert_verdict(parse(&f), WIRE_V_DROP_IP6_EXT);
	}
}

static void n016_a_chain_longer_than_eight_headers_is_dropped(void **state)
{
	uint8_t ext[12 * 8] = {0};

	(void)state;
	for (uint32_t cnt = 1; cnt <= 12; cnt++) {
		for (uint32_t i = 0; i < cnt; i++)
			ext[i * 8] = i + 1 < cnt ? 60 : 6;
		enum wire_verdict want = cnt <= 8 ? WIRE_V_TCP : WIRE_V_DROP_IP6_EXT;
		assert_verdict(ext6(60, ext, cnt * 8), want);
	}
}

static void n016_extension_headers_that_are_not_known_or_misplaced_are_dropped(void **state)
{
	static const uint8_t unknown[] = {50, 51, 135, 139, 140};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(unknown); i++)
		assert_verdict(EXT6(unknown[i], 6, 0, 0, 0, 0, 0, 0, 0), WIRE_V_DROP_IP6_EXT);
	/* Hop-by-hop behind destination options; a route that is not used up. */
	assert_verdict(
		EXT6(60, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0), WIRE_V_DROP_IP6_EXT);
	assert_verdict(EXT6(43, 6, 0, 4, 1, 0, 0, 0, 0), WIRE_V_DROP_IP6_EXT);
	/* No next header is no protocol of ours. */
	assert_verdict(EXT6(59, 0, 0, 0, 0, 0, 0, 0, 0), WIRE_V_DROP_IP_PROTO);
}

static void n017_a_routing_header_of_type_0_is_dropped(void **state)
{
	(void)state;
	assert_verdict(EXT6(43, 6, 0, 0, 1, 0, 0, 0, 0), WIRE_V_DROP_IP6_ROUTING);
	assert_verdict(EXT6(43, 6, 0, 0, 0, 0, 0, 0, 0), WIRE_V_DROP_IP6_ROUTING);
}

/* opts4 is the verdict on a segment behind IPv4 options, filled with END to a multiple of 4. */
static enum wire_verdict opts4(const uint8_t *opt, uint32_t octets)
{
	struct frame plain;
	uint32_t room = (octets + 3) / 4 * 4;

	frame_ack(&plain, false, 5, false);
	f.octets = plain.octets + room;
	memset(f.at, 0, sizeof(f.at));
	memcpy(f.at, plain.at, L4_OF4);
	memcpy(f.at + L4_OF4, opt, octets);
	memcpy(f.at + L4_OF4 + room, plain.at + L4_OF4, plain.octets - L4_OF4);
	f.at[IP] = (uint8_t)(0x45 + room / 4);
	be16_put(f.at + IP + 2, (uint16_t)(f.octets - IP));
	fix_ip4(&f);
	return parse(&f);
}

#define OPTS4(...) opts4((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void n040_ipv4_options_are_passed_over_when_sound_and_drop_when_not(void **state)
{
	(void)state;
	assert_verdict(OPTS4(7, 7, 4, 0, 0, 0, 0), WIRE_V_TCP); /* record route */
	assert_int_equal(pkt.seg.text, 5);
	assert_verdict(OPTS4(68, 8, 5, 0, 0, 0, 0, 0), WIRE_V_TCP); /* timestamp */
	assert_verdict(OPTS4(1, 1, 1, 0), WIRE_V_TCP);
	assert_verdict(OPTS4(148, 4, 0, 0), WIRE_V_TCP); /* router alert */
	assert_verdict(OPTS4(0, 131, 0, 0), WIRE_V_TCP); /* END hides what follows */
	assert_verdict(OPTS4(1, 1, 77, 2), WIRE_V_TCP);
	assert_verdict(OPTS4(77, 0, 0, 0), WIRE_V_DROP_IP_OPTION);
	assert_verdict(OPTS4(77, 1, 0, 0), WIRE_V_DROP_IP_OPTION);
	assert_verdict(OPTS4(77, 5, 0, 0), WIRE_V_DROP_IP_OPTION);
	assert_verdict(OPTS4(1, 1, 1, 7), WIRE_V_DROP_IP_OPTION);
}

static void n041_a_source_route_is_dropped(void **state)
{
	(void)state;
	assert_verdict(OPTS4(131, 7, 4, 10, 0, 0, 9), WIRE_V_DROP_IP_OPTION);
	assert_verdict(OPTS4(137, 7, 4, 10, 0, 0, 9), WIRE_V_DROP_IP_OPTION);
	assert_verdict(OPTS4(1, 131, 3, 4), WIRE_V_DROP_IP_OPTION);
}

static void n042_a_fragment_of_ipv4_is_dropped(void **state)
{
	static const uint16_t frag[] = {0x2000, 0x0001, 0x1fff, 0x3fff, 0x6000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(frag); i++) {
		frame_ack(&f, false, 10, false);
		be16_put(f.at + IP + 6, frag[i]);
		fix_ip4(&f);
		assert_verdict(parse(&f), WIRE_V_DROP_IP_FRAG);
	}
	/* Neither DF nor the reserved bit makes a fragment. */
	for (uint16_t bits = 0; bits < 4; bits++) {
		frame_ack(&f, false, 10, false);
		be16_put(f.at + IP + 6, (uint16_t)((bits & 2) << 14 | (bits & 1) << 14));
		fix_ip4(&f);
		assert_verdict(parse(&f), WIRE_V_TCP);
	}
}

static void n043_a_fragment_of_ipv6_is_dropped_the_atomic_one_too(void **state)
{
	struct tuple t = from_peer(true);

	(void)state;
	assert_verdict(EXT6(44, 6, 0, 0, 1, 0, 0, 0, 9), WIRE_V_DROP_IP_FRAG);
	assert_verdict(EXT6(44, 6, 0, 1, 0, 0, 0, 0, 9), WIRE_V_DROP_IP_FRAG);
	assert_verdict(EXT6(44, 6, 0, 0, 0, 0, 0, 0, 9), WIRE_V_DROP_IP_FRAG);
	assert_verdict(
		EXT6(60, 44, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 9), WIRE_V_DROP_IP_FRAG);
	frame_of(&f, &t, 44, (const uint8_t[]){6}, 1);
	assert_verdict(parse(&f), WIRE_V_DROP_IP_FRAG);
}

static void every_verdict_on_options_and_extension_headers_was_reached_above(void **state)
{
	(void)state;
	for (int i = 0; i < WIRE_V_CNT; i++) {
		enum wire_verdict v = (enum wire_verdict)i;
		if (verdict_is_tested_here(v, true) && verdict_cnt[v] == 0)
			fail_msg("no test reached %s", leat_wire_verdict_name(v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(n016_extension_headers_that_may_be_passed_over_are),
		TEST(n016_option_lengths_within_extension_headers_are_bounded),
		TEST(n016_an_extension_header_beyond_the_packet_is_dropped),
		TEST(n016_a_chain_longer_than_eight_headers_is_dropped),
		TEST(n016_extension_headers_that_are_not_known_or_misplaced_are_dropped),
		TEST(n017_a_routing_header_of_type_0_is_dropped),
		TEST(n040_ipv4_options_are_passed_over_when_sound_and_drop_when_not),
		TEST(n041_a_source_route_is_dropped),
		TEST(n042_a_fragment_of_ipv4_is_dropped),
		TEST(n043_a_fragment_of_ipv6_is_dropped_the_atomic_one_too),
		TEST(every_verdict_on_options_and_extension_headers_was_reached_above),
	};

	return cmocka_run_group_tests(tests, NULL, pkt_teardown);
}
