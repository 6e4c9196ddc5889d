/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_pkt.h"

#define ETHERTYPE 12 /* where in a frame */
#define IP        WIRE_ETH_OCTETS
#define DOFF      12 /* where in a segment */

static struct frame f;

static void a_plain_segment_of_either_version_is_handed_on(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = from_peer(is6), want = tuple_turned(&t);
		frame_ack(&f, is6, 10, true);
		f.at[IP + 1] = is6 ? 0x20 : 0x02; /* ECN */
		if (!is6)
			fix_ip4(&f);
		assert_verdict(parse(&f), WIRE_V_TCP);
		assert_true(tuple_eq(&pkt.tuple, &want));
		assert_memory_equal(&pkt.src, &peer_mac, 6);
		assert_memory_equal(&pkt.dst, &our_mac, 6);
		assert_int_equal(pkt.tos, 2);
		assert_int_equal(pkt.ttl, 255);
		assert_int_equal(pkt.proto, WIRE_PROTO_TCP);
		assert_ptr_equal(pkt.seg.buf, pkt.buf);
		assert_int_equal(pkt.seg.text, 10);
		assert_memory_equal(pkt.seg.data, f.at + f.octets - 10, 10);
		assert_ptr_equal(pkt.l4, pkt_mem + (is6 ? L4_OF6 : L4_OF4));
	}
}

static void what_is_built_without_ethernet_is_parsed_without_it(void **state)
{
	struct wire_link raw = our_link;

	(void)state;
	raw.raw_ip = true;
	for (int is6 = 0; is6 < 2; is6++) {
		frame_ack(&f, is6, 10, true);
		enum wire_verdict v = parse_octets(f.at + IP, f.octets - IP, &raw);
		assert_verdict(v, WIRE_V_TCP);
		assert_int_equal(pkt.seg.text, 10);
		for (uint32_t octets = 0; octets < f.octets - IP; octets++) {
			v = parse_octets(f.at + IP, octets, &raw);
			bool has_hdr = octets >= (is6 ? WIRE_IP6_OCTETS : WIRE_IP4_OCTETS);
			assert_verdict(v, has_hdr ? WIRE_V_DROP_IP_TRUNC : WIRE_V_DROP_IP_SHORT);
		}
	}
	f.at[IP] = 0x55;
	enum wire_verdict v = parse_octets(f.at + IP, f.octets - IP, &raw);
	assert_verdict(v, WIRE_V_DROP_IP_VERSION);
	f.at[IP] = 0x60;
	raw.mtu = (uint16_t)(f.octets - IP);
	v = parse_octets(f.at + IP, f.octets - IP, &raw);
	assert_verdict(v, WIRE_V_TCP);
	raw.mtu--;
	v = parse_octets(f.at + IP, f.octets - IP, &raw);
	assert_verdict(v, WIRE_V_DROP_FRAME_LONG);
}

static void n001_a_frame_shorter_than_its_headers_is_dropped(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		frame_ack(&f, is6, 10, false);
		for (uint32_t octets = 0; octets < f.octets; octets++) {
			enum wire_verdict want = WIRE_V_DROP_IP_TRUNC;
			if (octets < WIRE_ETH_OCTETS)
				want = WIRE_V_DROP_L2_SHORT;
			else if (octets < (is6 ? L4_OF6 : L4_OF4))
				want = WIRE_V_DROP_IP_SHORT;
			assert_verdict(parse_octets(f.at, octets, &our_link), want);
		}
	}
}

static void n002_an_ihl_below_5_is_dropped(void **state)
{
	(void)state;
	for (uint8_t ihl = 0; ihl < 5; ihl++) {
		frame_ack(&f, false, 10, false);
		f.at[IP] = (uint8_t)(0x40 | ihl);
		assert_verdict(parse(&f), WIRE_V_DROP_IP_IHL);
	}
}

static void n003_an_ihl_beyond_the_packet_or_the_frame_is_dropped(void **state)
{
	(void)state;
	for (uint8_t ihl = 6; ihl < 16; ihl++) {
		frame_ack(&f, false, 30, false);
		f.at[IP] = (uint8_t)(0x40 | ihl);
		be16_put(f.at + IP + 2, (uint16_t)(ihl * 4 - 1));
		assert_verdict(parse(&f), WIRE_V_DROP_IP_IHL);
		be16_put(f.at + IP + 2, 1000);
		f.octets = IP + ihl * 4u - 1;
		assert_verdict(parse(&f), WIRE_V_DROP_IP_IHL);
	}
}

static void n004_total_length_beyond_the_frame_is_dropped_as_trunc(void **state)
{
	(void)state;
	frame_ack(&f, false, 10, false);
	for (uint32_t total = f.octets - IP + 1; total <= 65535; total += 97) {
		be16_put(f.at + IP + 2, (uint16_t)total);
		fix_ip4(&f);
		assert_verdict(parse(&f), WIRE_V_DROP_IP_TRUNC);
	}
}

static void n005_padding_behind_the_packet_is_never_text(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		frame_ack(&f, is6, 0, false);
		for (uint32_t pad = 1; pad <= 40; pad++) {
			f.at[f.octets++] = 0xee;
			assert_verdict(parse(&f), WIRE_V_TCP);
			assert_int_equal(pkt.seg.text, 0);
			assert_int_equal(pkt.seg.len, 0);
			assert_int_equal(pkt.l4_octets, TCP_HDR_OCTETS);
		}
	}
}

static void n006_total_length_without_room_for_a_tcp_header_is_dropped(void **state)
{
	(void)state;
	frame_ack(&f, false, 10, false);
	for (uint16_t total = 20; total < 40; total++) {
		be16_put(f.at + IP + 2, total);
		fix_ip4(&f);
		assert_verdict(parse(&f), WIRE_V_DROP_TCP_SHORT);
	}
}

static void n007_payload_length_is_held_against_the_frame(void **state)
{
	(void)state;
	frame_ack(&f, true, 10, false);
	for (uint32_t octets = 1; octets <= 65535; octets += octets < 40 ? 1 : 97) {
		be16_put(f.at + IP + 4, (uint16_t)octets);
		enum wire_verdict want = WIRE_V_DROP_IP_TRUNC;
		if (octets < TCP_HDR_OCTETS)
			want = WIRE_V_DROP_TCP_SHORT;
		else if (octets < 30)
			want = WIRE_V_DROP_TCP_CSUM; /* trimmed, and the sum shows it */
		else if (octets == 30)
			want = WIRE_V_TCP;
		assert_verdict(parse(&f), want);
		assert_true(octets > 30 || pkt.l4_octets == octets);
	}
}

static void n007_a_jumbogram_is_dropped(void **state)
{
	const uint8_t hop_by_hop[] = {6, 0, 0xc2, 4, 0, 1, 0, 0};
	struct tuple t = from_peer(true);

	(void)state;
	frame_ack(&f, true, 10, false);
	be16_put(f.at + IP + 4, 0);
	assert_verdict(parse(&f), WIRE_V_DROP_IP6_JUMBO);
	frame_of(&f, &t, 0, hop_by_hop, sizeof(hop_by_hop));
	be16_put(f.at + IP + 4, 0);
	assert_verdict(parse(&f), WIRE_V_DROP_IP6_JUMBO);
}

static void n008_n014_the_word_of_the_device_on_the_ip_checksum_is_taken_or_not(void **state)
{
	static const struct {
		uint8_t csum;
		enum wire_verdict sound, broken;
	} row[] = {{WIRE_CSUM_UNKNOWN, WIRE_V_TCP, WIRE_V_DROP_IP_CSUM},
		{WIRE_CSUM_NONE, WIRE_V_TCP, WIRE_V_DROP_IP_CSUM},
		{WIRE_CSUM_GOOD, WIRE_V_TCP, WIRE_V_TCP},
		{WIRE_CSUM_BAD, WIRE_V_DROP_IP_CSUM, WIRE_V_DROP_IP_CSUM}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		with_ip_csum = row[i].csum;
		frame_ack(&f, false, 10, false);
		assert_verdict(parse(&f), row[i].sound);
		f.at[IP + 10] ^= 1;
		assert_verdict(parse(&f), row[i].broken);
	}
}

static void n009_a_version_that_contradicts_the_ethertype_is_dropped(void **state)
{
	(void)state;
	frame_ack(&f, false, 100, false);
	be16_put(f.at + ETHERTYPE, WIRE_ETHERTYPE_IP6);
	assert_verdict(parse(&f), WIRE_V_DROP_IP_VERSION);
	frame_ack(&f, true, 100, false);
	be16_put(f.at + ETHERTYPE, WIRE_ETHERTYPE_IP4);
	assert_verdict(parse(&f), WIRE_V_DROP_IP_VERSION);
	for (uint8_t version = 0; version < 16; version++) {
		frame_ack(&f, false, 100, false);
		f.at[IP] = (uint8_t)(version << 4 | 5);
		fix_ip4(&f);
		assert_verdict(parse(&f), version == 4 ? WIRE_V_TCP : WIRE_V_DROP_IP_VERSION);
	}
}

static void n010_a_data_offset_below_5_is_dropped(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		for (uint8_t words = 0; words < 5; words++) {
			frame_ack(&f, is6, 10, false);
			f.at[(is6 ? L4_OF6 : L4_OF4) + DOFF] = (uint8_t)(words << 4);
			assert_verdict(parse(&f), WIRE_V_DROP_TCP_DOFF); /* before its checksum */
			fix_tcp(&f);
			assert_verdict(parse(&f), WIRE_V_DROP_TCP_DOFF);
		}
	}
}

static void n011_a_data_offset_beyond_the_segment_is_dropped(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		for (uint8_t words = 6; words < 16; words++) {
			frame_ack(&f, is6, (uint16_t)((words - 5) * 4 - 1), false);
			f.at[(is6 ? L4_OF6 : L4_OF4) + DOFF] = (uint8_t)(words << 4);
			fix_tcp(&f);
			assert_verdict(parse(&f), WIRE_V_DROP_TCP_DOFF);
		}
	}
}

/* check_split holds the frame gathered from pieces cut at a and b against the whole. */
static void check_split(uint32_t a, uint32_t b, enum wire_verdict want, const struct pkt *whole)
{
	uint8_t *dst = malloc(f.octets);
	const struct wire_chunk chunk[] = {{f.at, a}, {f.at + a, b - a}, {f.at + b, f.octets - b}};

	assert_int_equal(leat_wire_gather(chunk, 3, dst, f.octets), f.octets);
	assert_verdict(parse_octets(dst, f.octets, &our_link), want);
	assert_true(tuple_eq(&pkt.tuple, &whole->tuple));
	if (want == WIRE_V_TCP) {
		assert_seg_equal(&pkt.seg, &whole->seg);
		assert_memory_equal(pkt.seg.data, f.at + f.octets - pkt.seg.text, pkt.seg.text);
	}
	free(dst);
}

static void n012_a_frame_in_two_or_three_pieces_parses_as_the_whole_one(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		frame_ack(&f, kind & 1, 12, true);
		if (kind & 2)
			f.at[f.octets - 1] ^= 1;
		enum wire_verdict want = parse(&f);
		struct pkt whole = pkt;
		assert_verdict(want, kind & 2 ? WIRE_V_DROP_TCP_CSUM : WIRE_V_TCP);
		for (uint32_t a = 0; a <= f.octets; a++) {
			for (uint32_t b = a; b <= f.octets; b++)
				check_split(a, b, want, &whole);
		}
	}
}

static void n012_pieces_that_are_more_than_the_room_are_refused(void **state)
{
	uint8_t dst[10];
	const struct wire_chunk chunk[] = {{f.at, 6}, {f.at, 0}, {f.at, 5}};

	(void)state;
	assert_int_equal(leat_wire_gather(chunk, 3, dst, 10), 0);
	assert_int_equal(leat_wire_gather(chunk, 2, dst, 10), 6);
	assert_int_equal(leat_wire_gather(chunk, 0, dst, 10), 0);
}

/* Every bit that a checksum covers: addresses, protocol and length in the IP header, all of the
 * segment.  In IPv6 the bits before the payload length are covered by none. */
static void n013_every_single_bit_flip_is_dropped(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		uint32_t from = is6 ? IP + 4 : IP;
		frame_ack(&f, is6, 33, true);
		for (uint32_t bit = from * 8; bit < f.octets * 8; bit++) {
			if (is6 && bit / 8 == IP + 7)
				continue; /* the hop limit */
			f.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(parse(&f) >= WIRE_V_DROP_FIRST);
			f.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_verdict(parse(&f), WIRE_V_TCP);
	}
}

static void n013_a_flip_in_a_segment_is_told_as_a_wrong_tcp_checksum(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		uint32_t l4 = is6 ? L4_OF6 : L4_OF4;
		frame_ack(&f, is6, 33, true);
		for (uint32_t bit = l4 * 8; bit < f.octets * 8; bit++) {
			if (bit / 8 == l4 + DOFF)
				continue;
			f.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_verdict(parse(&f), WIRE_V_DROP_TCP_CSUM);
			f.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void n014_the_word_of_the_device_on_the_tcp_checksum_is_taken_or_not(void **state)
{
	static const struct {
		uint8_t csum;
		enum wire_verdict sound, broken;
	} row[] = {{WIRE_CSUM_UNKNOWN, WIRE_V_TCP, WIRE_V_DROP_TCP_CSUM},
		{WIRE_CSUM_NONE, WIRE_V_TCP, WIRE_V_DROP_TCP_CSUM},
		{WIRE_CSUM_GOOD, WIRE_V_TCP, WIRE_V_TCP},
		{WIRE_CSUM_BAD, WIRE_V_DROP_TCP_CSUM, WIRE_V_DROP_TCP_CSUM}};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(row); i++) {
		with_l4_csum = row[i / 2].csum;
		frame_ack(&f, i & 1, 10, false);
		assert_verdict(parse(&f), row[i / 2].sound);
		f.at[f.octets - 1] ^= 1;
		assert_verdict(parse(&f), row[i / 2].broken);
	}
}

static void n015_text_of_every_length_is_verified(void **state)
{
	(void)state;
	for (uint16_t octets = 0; octets <= 1428; octets++) {
		frame_ack(&f, octets & 1, octets, octets & 2);
		assert_verdict(parse(&f), WIRE_V_TCP);
		assert_int_equal(pkt.seg.text, octets);
		frame_ack(&f, !(octets & 1), octets, octets & 2);
		assert_verdict(parse(&f), WIRE_V_TCP);
	}
}

static void n034_a_unicast_packet_in_a_group_frame_is_dropped(void **state)
{
	static const struct mac group[] = {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{{0x01, 0x00, 0x5e, 0, 0, 1}}, {{0x33, 0x33, 0, 0, 0, 1}}};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(group); i++) {
		frame_ack(&f, i & 1, 10, false);
		memcpy(f.at, &group[i / 2], 6);
		assert_verdict(parse(&f), WIRE_V_DROP_L2_MCAST);
	}
	frame_ack(&f, false, 10, false);
	f.at[6] |= 1; /* a group as the sender */
	assert_verdict(parse(&f), WIRE_V_DROP_L2_MCAST);
}

/* between is the verdict on a sound segment from src to dst. */
static enum wire_verdict between(const char *src, const char *dst)
{
	struct seg syn = {.flags = TCP_SYN, .wnd = 1000};
	struct tuple t = {.lport = 40000, .rport = 80};

	assert_true(leat_wire_ip_parse(src, &t.local) && leat_wire_ip_parse(dst, &t.remote));
	frame_tcp(&f, &t, &syn);
	return parse(&f);
}

static void n035_a_segment_to_a_group_is_dropped(void **state)
{
	static const char *const to4[] = {
		"255.255.255.255", "10.0.0.255", "224.0.0.1", "239.255.255.255"};
	static const char *const to6[] = {"ff02::1", "ff02::1:ff00:1", "ff05::2", "ff0e::1"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(to4); i++) {
		assert_verdict(between("10.0.0.2", to4[i]), WIRE_V_DROP_IP_GROUP);
		f.at[0] |= 1; /* in a group frame, as it should travel */
		assert_verdict(parse(&f), WIRE_V_DROP_IP_GROUP);
		assert_verdict(between("2001:db8::2", to6[i]), WIRE_V_DROP_IP_GROUP);
		f.at[0] |= 1;
		assert_verdict(parse(&f), WIRE_V_DROP_IP_GROUP);
	}
}

static void n035_an_echo_request_to_a_group_is_not_handed_on(void **state)
{
	uint8_t msg[16];
	const struct icmp_echo echo = {.octets = 8, .data = (const uint8_t *)"12345678"};
	struct tuple t4 = from_peer(false), t6 = from_peer(true);

	(void)state;
	t4.remote = ip_from4(0x0a0000ff);
	frame_of(&f, &t4, WIRE_PROTO_ICMP, msg, leat_wire_icmp_echo_put(msg, &t4, &echo));
	assert_verdict(parse(&f), WIRE_V_DROP_IP_GROUP);
	t6.remote = icmp_nd_group(our_ip6);
	frame_of(&f, &t6, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_echo_put(msg, &t6, &echo));
	assert_verdict(parse(&f), WIRE_V_DROP_IP_GROUP);
}

static void n036_a_source_that_cannot_have_sent_it_is_dropped(void **state)
{
	static const char *const from4[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
		"240.0.0.1", "255.255.255.255", "10.0.0.255"};
	static const char *const from6[] = {"::", "::1", "ff02::1"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(from4); i++)
		assert_verdict(between(from4[i], "10.0.0.1"), WIRE_V_DROP_IP_SRC);
	for (size_t i = 0; i < COUNT_OF(from6); i++)
		assert_verdict(between(from6[i], "2001:db8::1"), WIRE_V_DROP_IP_SRC);
	/* A prefix of 31 bits has no broadcast address. */
	assert_verdict(between("10.1.0.1", "10.1.0.0"), WIRE_V_TCP);
}

static void n036_an_ipv4_mapped_address_in_ipv6_is_dropped(void **state)
{
	const struct ip mapped = ip_from4(OUR_IP4);

	(void)state;
	for (uint32_t at = 8; at <= 24; at += 16) {
		frame_ack(&f, true, 0, false);
		be64_put(f.at + IP + at, mapped.hi);
		be64_put(f.at + IP + at + 8, mapped.lo);
		fix_tcp(&f);
		assert_verdict(parse(&f), at == 8 ? WIRE_V_DROP_IP_SRC : WIRE_V_DROP_IP_DST);
	}
}

static void n036_from_nobody_comes_only_a_solicitation(void **state)
{
	uint8_t msg[ICMP_ND_OCTETS_MAX];
	const struct icmp_nd nd = {.solicitation = true, .target = our_ip6};
	const struct icmp_echo echo = {.octets = 0, .data = msg};
	struct tuple t = {.remote = icmp_nd_group(our_ip6)};

	(void)state;
	frame_of(&f, &t, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_nd_put(msg, &t, &nd));
	f.at[0] |= 1;
	assert_verdict(parse(&f), WIRE_V_ND);
	t.remote = our_ip6;
	frame_of(&f, &t, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_echo_put(msg, &t, &echo));
	assert_verdict(parse(&f), WIRE_V_DROP_IP_SRC);
}

static void n037_what_comes_from_our_own_address_is_dropped(void **state)
{
	static const char *const own[] = {"10.0.0.1", "10.1.0.0", "10.9.0.0", "10.9.3.255"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		for (size_t k = 0; k < COUNT_OF(own); k++)
			assert_verdict(between(own[i], own[k]), WIRE_V_DROP_LAND);
	}
	assert_verdict(between("2001:db8::1", "2001:db8::1"), WIRE_V_DROP_LAND);
	/* Same port as well, which between() does not do. */
	struct seg syn = {.flags = TCP_SYN};
	struct tuple t = {ip_from4(OUR_IP4), ip_from4(OUR_IP4), 80, 80, 0};
	frame_tcp(&f, &t, &syn);
	assert_verdict(parse(&f), WIRE_V_DROP_LAND);
}

static void n038_port_0_is_dropped(void **state)
{
	struct seg syn = {.flags = TCP_SYN};

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct tuple t = from_peer(i & 1);
		t.lport = i / 2 == 0 || i / 2 == 2 ? 0 : 40000;
		t.rport = i / 2 == 1 || i / 2 == 2 ? 0 : 80;
		frame_tcp(&f, &t, &syn);
		assert_verdict(parse(&f), WIRE_V_DROP_TCP_PORT);
		f.at[f.octets - 1] ^= 1; /* the checksum is told first */
		assert_verdict(parse(&f), WIRE_V_DROP_TCP_CSUM);
	}
}

static void n039_a_packet_that_is_not_for_us_is_dropped(void **state)
{
	static const char *const to[] = {"10.0.0.3", "10.8.255.255", "10.9.4.0", "0.0.0.0"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(to); i++)
		assert_verdict(between("10.0.0.2", to[i]), WIRE_V_DROP_IP_DST);
	assert_verdict(between("2001:db8::2", "2001:db8::3"), WIRE_V_DROP_IP_DST);
	assert_verdict(between("2001:db8::2", "::"), WIRE_V_DROP_IP_DST);
	assert_verdict(between("10.0.0.2", "10.9.2.7"), WIRE_V_TCP);
	frame_ack(&f, false, 10, false);
	f.at[5] ^= 1; /* a frame for another station */
	assert_verdict(parse(&f), WIRE_V_DROP_L2_OTHER);
}

static void n039_each_of_as_many_addresses_as_a_link_may_have_is_ours(void **state)
{
	struct wire_link full = {.mac = our_mac, .mtu = 1500, .local_cnt = WIRE_LOCAL_MAX};

	(void)state;
	for (uint32_t i = 0; i < WIRE_LOCAL_MAX; i++)
		full.local[i] = (struct wire_local){ip_from4(0x0a000010 + i), 24};
	for (uint32_t i = 0; i < 256; i++) {
		bool own = i >= 0x10 && i < 0x10 + WIRE_LOCAL_MAX;
		assert_int_equal(leat_wire_is_local(&full, ip_from4(0x0a000000 + i)), own);
	}
}

static void n039_a_link_without_a_range_has_none(void **state)
{
	struct wire_link bare = our_link;

	(void)state;
	bare.range_from = bare.range_to = (struct ip){0, 0};
	assert_false(leat_wire_is_local(&bare, (struct ip){0, 0}));
	assert_false(leat_wire_is_local(&bare, ip_from4(0)));
	assert_false(leat_wire_is_local(&bare, ip_from4(0x0a090001)));
	assert_true(leat_wire_is_local(&our_link, ip_from4(0x0a090001)));
	bare.range_from = (struct ip){0x20010db800000001, 0};
	bare.range_to = (struct ip){0x20010db800000002, 5};
	assert_true(leat_wire_is_local(&bare, (struct ip){0x20010db800000001, UINT64_MAX}));
	assert_true(leat_wire_is_local(&bare, (struct ip){0x20010db800000002, 5}));
	assert_false(leat_wire_is_local(&bare, (struct ip){0x20010db800000002, 6}));
	bare.range_to = (struct ip){0, 0};
	assert_false(leat_wire_is_local(&bare, (struct ip){0x20010db800000001, 0}));
}

static void n045_tags_and_unknown_ethertypes_are_dropped_each_by_its_reason(void **state)
{
	static const struct {
		uint16_t ethertype;
		enum wire_verdict want;
	} row[] = {{0x8100, WIRE_V_DROP_VLAN}, {0x88a8, WIRE_V_DROP_VLAN},
		{0x9100, WIRE_V_DROP_VLAN}, {0x88e5, WIRE_V_DROP_ETHERTYPE},
		{0x88cc, WIRE_V_DROP_ETHERTYPE}, {0x8863, WIRE_V_DROP_ETHERTYPE},
		{0x002e, WIRE_V_DROP_ETHERTYPE}, {0x0000, WIRE_V_DROP_ETHERTYPE}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		frame_ack(&f, false, 1460, false);
		memmove(f.at + 16, f.at + 12, f.octets - 12);
		f.octets += 4;
		be16_put(f.at + 12, row[i].ethertype);
		be16_put(f.at + 14, 5);
		assert_verdict(parse(&f), row[i].want);
	}
}

static void on_a_vlan_frames_have_its_tag_both_ways_and_no_others_are_ours(void **state)
{
	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		peer_link.vlan = our_link.vlan = 5;
		frame_ack(&f, is6, is6 ? 1440 : 1460, true);
		assert_int_equal(be16_get(f.at + 12), WIRE_ETHERTYPE_VLAN);
		assert_int_equal(be16_get(f.at + 14), 5);
		assert_int_equal(f.octets, wire_l2_octets(&our_link) + 1512);
		assert_verdict(parse(&f), WIRE_V_DROP_FRAME_LONG); /* the tag is not of the MTU */
		frame_ack(&f, is6, 100, true);
		assert_verdict(parse(&f), WIRE_V_TCP);
		assert_int_equal(pkt.seg.text, 100);
		f.at[14] |= 0xf0; /* priority 7, DEI */
		assert_verdict(parse(&f), WIRE_V_TCP);
		f.at[15] = 6;
		assert_verdict(parse(&f), WIRE_V_DROP_VLAN);
		f.at[15] = 5;
		be16_put(f.at + 12, WIRE_ETHERTYPE_QINQ);
		assert_verdict(parse(&f), WIRE_V_DROP_VLAN);
		be16_put(f.at + 12, WIRE_ETHERTYPE_VLAN);
		for (f.octets = WIRE_ETH_OCTETS; f.octets < 18; f.octets++)
			assert_verdict(parse(&f), WIRE_V_DROP_VLAN);
		assert_verdict(parse(&f), WIRE_V_DROP_IP_SHORT);
		/* A second tag is of nothing that we know. */
		be16_put(f.at + 16, WIRE_ETHERTYPE_VLAN);
		f.octets = 60;
		assert_verdict(parse(&f), WIRE_V_DROP_VLAN);
		peer_link.vlan = 0;
		frame_ack(&f, is6, 100, true);
		assert_verdict(parse(&f), WIRE_V_DROP_VLAN);
	}
}

static void what_is_quiet_is_ours_all_the_same(void **state)
{
	(void)state;
	our_link.quiet = 1;
	assert_true(leat_wire_is_quiet(&our_link, ip_from4(OUR_IP4)));
	assert_false(leat_wire_is_quiet(&our_link, our_ip6));
	assert_false(leat_wire_is_quiet(&our_link, ip_from4(PEER_IP4)));
	frame_ack(&f, false, 10, false);
	assert_verdict(parse(&f), WIRE_V_TCP);
}

static void n046_a_frame_longer_than_the_mtu_is_dropped(void **state)
{
	const struct arp arp = {WIRE_ARP_REQUEST, peer_mac, our_mac, PEER_IP4, OUR_IP4};

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		frame_ack(&f, is6, is6 ? 1440 : 1460, false);
		assert_int_equal(f.octets, IP + 1500);
		assert_verdict(parse(&f), WIRE_V_TCP);
		f.octets++;
		assert_verdict(parse(&f), WIRE_V_DROP_FRAME_LONG);
	}
	f.octets = leat_wire_eth_put(f.at, &our_mac, &peer_mac, WIRE_ETHERTYPE_ARP);
	leat_wire_arp_put(f.at + f.octets, &arp);
	f.octets = IP + 1501;
	assert_verdict(parse(&f), WIRE_V_DROP_FRAME_LONG);
}

static void arp_to_us_or_to_all_is_handed_on_and_a_broken_one_dropped(void **state)
{
	static const struct mac all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct arp arp = {WIRE_ARP_REQUEST, peer_mac, {{0}}, PEER_IP4, OUR_IP4};

	(void)state;
	f.octets = leat_wire_eth_put(f.at, &all, &peer_mac, WIRE_ETHERTYPE_ARP);
	f.octets += leat_wire_arp_put(f.at + f.octets, &arp);
	assert_verdict(parse(&f), WIRE_V_ARP);
	assert_int_equal(pkt.arp.op, WIRE_ARP_REQUEST);
	assert_int_equal(pkt.arp.target_ip, OUR_IP4);
	memcpy(f.at, &our_mac, 6);
	assert_verdict(parse(&f), WIRE_V_ARP);
	f.octets--;
	assert_verdict(parse(&f), WIRE_V_DROP_ARP);
}

static void protocols_of_the_other_version_and_unknown_ones_are_dropped(void **state)
{
	const uint8_t octet[64] = {0};

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = from_peer(is6);
		frame_of(&f, &t, 17, octet, sizeof(octet));
		assert_verdict(parse(&f), WIRE_V_DROP_IP_PROTO);
		frame_of(&f, &t, is6 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6, octet, sizeof(octet));
		assert_verdict(parse(&f), WIRE_V_DROP_IP_PROTO);
		frame_of(&f, &t, is6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP, octet, sizeof(octet));
		assert_verdict(parse(&f), WIRE_V_DROP_ICMP);
	}
}

static void icmp_is_taken_apart_and_verified_whatever_the_device_says(void **state)
{
	uint8_t msg[128];
	const struct icmp_echo echo = {.id = 5, .octets = 8, .data = (const uint8_t *)"12345678"};

	(void)state;
	with_l4_csum = WIRE_CSUM_GOOD;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = from_peer(is6);
		uint8_t proto = is6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP;
		frame_of(&f, &t, proto, msg, leat_wire_icmp_echo_put(msg, &t, &echo));
		assert_verdict(parse(&f), WIRE_V_ICMP_ECHO);
		assert_int_equal(pkt.icmp.echo.id, 5);
		f.at[f.octets - 1] ^= 1;
		assert_verdict(parse(&f), WIRE_V_DROP_ICMP);
	}
}

static void an_icmp_error_about_a_segment_of_ours_is_handed_on(void **state)
{
	struct wire_link raw = {.raw_ip = true};
	struct tuple t = from_peer(false), ours = tuple_turned(&t);
	const struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .octets = 20};
	uint8_t msg[8 + 20 + 8] = {WIRE_ICMP4_UNREACH, 1};

	(void)state;
	leat_wire_pkt_hdr_put(msg + 8, &raw, NULL, &ours, &hdr);
	be16_put(msg + 28, ours.lport);
	be16_put(msg + 30, ours.rport);
	be16_put(msg + 2, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, msg, sizeof(msg))));
	t.local = ip_from4(0xc0000201); /* from a router on the way */
	frame_of(&f, &t, WIRE_PROTO_ICMP, msg, sizeof(msg));
	assert_verdict(parse(&f), WIRE_V_ICMP_ERROR);
	assert_true(tuple_eq(&pkt.icmp.error.tuple, &ours));
}

static void a_solicitation_concerns_us_when_it_asks_for_us(void **state)
{
	uint8_t msg[ICMP_ND_OCTETS_MAX];
	struct icmp_nd nd = {
		.solicitation = true, .has_ll = true, .ll = peer_mac, .target = our_ip6};
	struct tuple t = from_peer(true);

	(void)state;
	t.remote = icmp_nd_group(our_ip6);
	frame_of(&f, &t, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_nd_put(msg, &t, &nd));
	const struct mac group = icmp_nd_group_mac(t.remote);
	memcpy(f.at, &group, 6);
	assert_verdict(parse(&f), WIRE_V_ND);
	assert_true(ip_eq(pkt.icmp.nd.target, our_ip6));
	nd.target.lo |= UINT64_C(1) << 40; /* another address of the same group */
	frame_of(&f, &t, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_nd_put(msg, &t, &nd));
	assert_verdict(parse(&f), WIRE_V_DROP_ICMP);
	nd = (struct icmp_nd){
		.solicited = true, .has_ll = true, .ll = peer_mac, .target = peer_ip6};
	t.remote = our_ip6;
	frame_of(&f, &t, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_nd_put(msg, &t, &nd));
	assert_verdict(parse(&f), WIRE_V_ND);
}

static void every_verdict_but_those_of_test_wire_ip_was_reached_above(void **state)
{
	(void)state;
	for (int i = 0; i < WIRE_V_CNT; i++) {
		enum wire_verdict v = (enum wire_verdict)i;
		if (verdict_is_tested_here(v, false) && verdict_cnt[v] == 0)
			fail_msg("no test reached %s", leat_wire_verdict_name(v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_segment_of_either_version_is_handed_on),
		TEST(what_is_built_without_ethernet_is_parsed_without_it),
		TEST(n001_a_frame_shorter_than_its_headers_is_dropped),
		TEST(n002_an_ihl_below_5_is_dropped),
		TEST(n003_an_ihl_beyond_the_packet_or_the_frame_is_dropped),
		TEST(n004_total_length_beyond_the_frame_is_dropped_as_trunc),
		TEST(n005_padding_behind_the_packet_is_never_text),
		TEST(n006_total_length_without_room_for_a_tcp_header_is_dropped),
		TEST(n007_payload_length_is_held_against_the_frame),
		TEST(n007_a_jumbogram_is_dropped),
		TEST(n008_n014_the_word_of_the_device_on_the_ip_checksum_is_taken_or_not),
		TEST(n009_a_version_that_contradicts_the_ethertype_is_dropped),
		TEST(n010_a_data_offset_below_5_is_dropped),
		TEST(n011_a_data_offset_beyond_the_segment_is_dropped),
		TEST(n012_a_frame_in_two_or_three_pieces_parses_as_the_whole_one),
		TEST(n012_pieces_that_are_more_than_the_room_are_refused),
		TEST(n013_every_single_bit_flip_is_dropped),
		TEST(n013_a_flip_in_a_segment_is_told_as_a_wrong_tcp_checksum),
		TEST(n014_the_word_of_the_device_on_the_tcp_checksum_is_taken_or_not),
		TEST(n015_text_of_every_length_is_verified),
		TEST(n034_a_unicast_packet_in_a_group_frame_is_dropped),
		TEST(n035_a_segment_to_a_group_is_dropped),
		TEST(n035_an_echo_request_to_a_group_is_not_handed_on),
		TEST(n036_a_source_that_cannot_have_sent_it_is_dropped),
		TEST(n036_an_ipv4_mapped_address_in_ipv6_is_dropped),
		TEST(n036_from_nobody_comes_only_a_solicitation),
		TEST(n037_what_comes_from_our_own_address_is_dropped),
		TEST(n038_port_0_is_dropped),
		TEST(n039_a_packet_that_is_not_for_us_is_dropped),
		TEST(n039_each_of_as_many_addresses_as_a_link_may_have_is_ours),
		TEST(n039_a_link_without_a_range_has_none),
		TEST(n045_tags_and_unknown_ethertypes_are_dropped_each_by_its_reason),
		TEST(on_a_vlan_frames_have_its_tag_both_ways_and_no_others_are_ours),
		TEST(what_is_quiet_is_ours_all_the_same),
		TEST(n046_a_frame_longer_than_the_mtu_is_dropped),
		TEST(arp_to_us_or_to_all_is_handed_on_and_a_broken_one_dropped),
		TEST(protocols_of_the_other_version_and_unknown_ones_are_dropped),
		TEST(icmp_is_taken_apart_and_verified_whatever_the_device_says),
		TEST(an_icmp_error_about_a_segment_of_ours_is_handed_on),
		TEST(a_solicitation_concerns_us_when_it_asks_for_us),
		TEST(every_verdict_but_those_of_test_wire_ip_was_reached_above),
	};

	return cmocka_run_group_tests(tests, NULL, pkt_teardown);
}
