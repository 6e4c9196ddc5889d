/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_arp.h"
#include "wire_icmp.h"

static union icmp icmp;

/* The addresses of a message from the peer to us, as we see them. */
static struct tuple to_us(bool is6)
{
	struct tuple t = from_peer(is6);

	return tuple_turned(&t);
}

static void put_cksum(uint8_t *p, uint32_t octets, const struct tuple *t)
{
	be16_put(p + 2, 0);
	if (ip_is4(t->local))
		be16_put(p + 2, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, p, octets)));
	else
		be16_put(p + 2, leat_wire_cksum(t, WIRE_PROTO_ICMP6, p, octets));
}

/* The message at p, its checksum put right, parsed from memory of exactly its length. */
static enum wire_verdict parse_msg(
	const uint8_t *p, uint32_t octets, const struct tuple *t, uint8_t hop_limit)
{
	uint8_t *mem = malloc(octets);

	assert_non_null(mem);
	memcpy(mem, p, octets);
	if (octets >= 4)
		put_cksum(mem, octets, t);
	memset(&icmp, 0xa5, sizeof(icmp));
	enum wire_verdict v = leat_wire_icmp_parse(mem, octets, t, hop_limit, &icmp);
	free(mem);
	return v;
}

/* put_quote writes IP header and first 8 octets of a segment of ours to the peer. */
static uint32_t put_quote(uint8_t *p, bool is6)
{
	struct wire_link raw = {.raw_ip = true, .mtu = 1500};
	struct tuple t = to_us(is6);
	const struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 3, .octets = 1000};
	uint32_t at = leat_wire_pkt_hdr_put(p, &raw, NULL, &t, &hdr);

	be16_put(p + at, t.lport);
	be16_put(p + at + 2, t.rport);
	be32_put(p + at + 4, 0xdeadbeef);
	return at + 8;
}

static uint32_t put_error(uint8_t *p, bool is6, uint8_t type, uint8_t code, uint32_t rest)
{
	p[0] = type;
	p[1] = code;
	be32_put(p + 4, rest);
	return ICMP_HDR_OCTETS + put_quote(p + ICMP_HDR_OCTETS, is6);
}

static void an_echo_comes_back_as_it_was_sent(void **state)
{
	uint8_t data[1400], mem[1500];
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 61);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)leat_prng_next(&p);
	for (int i = 0; i < 2000; i++) {
		struct tuple t = to_us(i & 1), back = tuple_turned(&t);
		struct icmp_echo e = {.id = (uint16_t)leat_prng_next(&p),
			.seq = (uint16_t)leat_prng_next(&p),
			.data = data,
			.octets = leat_prng_below(&p, sizeof(data) + 1)};
		uint32_t octets = leat_wire_icmp_echo_put(mem, &back, &e);

		assert_int_equal(octets, ICMP_HDR_OCTETS + e.octets);
		enum wire_verdict v = leat_wire_icmp_parse(mem, octets, &t, 64, &icmp);
		assert_verdict(v, WIRE_V_ICMP_ECHO);
		assert_true(icmp.echo.id == e.id && icmp.echo.seq == e.seq && !icmp.echo.reply);
		assert_int_equal(icmp.echo.octets, e.octets);
		assert_ptr_equal(icmp.echo.data, mem + ICMP_HDR_OCTETS);
		assert_memory_equal(icmp.echo.data, data, e.octets);
	}
}

static void n049_a_reply_is_as_long_as_its_request_and_is_built_in_its_place(void **state)
{
	uint8_t mem[64];
	const uint8_t data[] = "abcdefg";

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = to_us(is6), back = tuple_turned(&t);
		struct icmp_echo e = {.id = 7, .seq = 9, .octets = 7, .data = data};
		uint32_t octets = leat_wire_icmp_echo_put(mem, &back, &e);
		leat_wire_icmp_parse(mem, octets, &t, 64, &icmp);
		icmp.echo.reply = true;
		assert_int_equal(leat_wire_icmp_echo_put(mem, &t, &icmp.echo), octets);
		assert_int_equal(mem[0], is6 ? WIRE_ICMP6_ECHO_REPLY : WIRE_ICMP4_ECHO_REPLY);
		assert_memory_equal(mem + ICMP_HDR_OCTETS, data, 7);
		/* A reply asks nothing of us. */
		enum wire_verdict v = leat_wire_icmp_parse(mem, octets, &back, 64, &icmp);
		assert_verdict(v, WIRE_V_DROP_ICMP);
	}
}

static void a_wrong_checksum_or_a_short_message_is_dropped(void **state)
{
	uint8_t mem[64];
	const uint8_t data[] = "abcdefg";

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = to_us(is6), back = tuple_turned(&t);
		struct icmp_echo e = {.id = 7, .seq = 9, .octets = 7, .data = data};
		uint32_t octets = leat_wire_icmp_echo_put(mem, &back, &e);
		for (uint32_t bit = 0; bit < octets * 8; bit++) {
			mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
			enum wire_verdict v = leat_wire_icmp_parse(mem, octets, &t, 64, &icmp);
			assert_verdict(v, WIRE_V_DROP_ICMP);
			mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (uint32_t cut = 1; cut < ICMP_HDR_OCTETS; cut++)
			assert_verdict(parse_msg(mem, cut, &t, 64), WIRE_V_DROP_ICMP);
	}
}

static void only_the_types_that_concern_tcp_are_handed_on(void **state)
{
	uint8_t mem[128] = {0};

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = to_us(is6);
		uint8_t error[] = {is6 ? 1 : 3, is6 ? 2 : 11, is6 ? 3 : 12, is6 ? 4 : 12};
		for (unsigned type = 0; type < 256; type++) {
			uint32_t octets = put_error(mem, is6, (uint8_t)type, 0, 0);
			bool is_error = memchr(error, (int)type, sizeof(error)) != NULL;
			enum wire_verdict want = is_error ? WIRE_V_ICMP_ERROR : WIRE_V_DROP_ICMP;
			if (type == (is6 ? WIRE_ICMP6_ECHO : WIRE_ICMP4_ECHO))
				want = WIRE_V_ICMP_ECHO;
			if (is6 && (type == WIRE_ICMP6_SOLICIT || type == WIRE_ICMP6_ADVERT))
				continue;
			assert_verdict(parse_msg(mem, octets, &t, 64), want);
		}
	}
	/* An echo request has code 0. */
	struct tuple t = to_us(false);
	const uint8_t echo[8] = {WIRE_ICMP4_ECHO, 1};
	assert_verdict(parse_msg(echo, sizeof(echo), &t, 64), WIRE_V_DROP_ICMP);
}

static void n044_an_error_names_the_flow_it_is_about_so_that_it_can_be_steered(void **state)
{
	uint8_t mem[128];

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = to_us(is6);
		uint8_t type = is6 ? WIRE_ICMP6_TOO_BIG : WIRE_ICMP4_UNREACH;
		uint8_t code = is6 ? 0 : WIRE_ICMP4_UNREACH_FRAG;
		uint32_t octets = put_error(mem, is6, type, code, 1280);
		assert_verdict(parse_msg(mem, octets, &t, 64), WIRE_V_ICMP_ERROR);
		assert_true(icmp.error.type == type && icmp.error.code == code);
		assert_int_equal(icmp.error.mtu, 1280);
		assert_int_equal(icmp.error.seq.v, 0xdeadbeef);
		assert_true(tuple_eq(&icmp.error.tuple, &t));
		type = is6 ? WIRE_ICMP6_UNREACH : WIRE_ICMP4_UNREACH;
		octets = put_error(mem, is6, type, 3, 1280);
		assert_verdict(parse_msg(mem, octets, &t, 64), WIRE_V_ICMP_ERROR);
		assert_int_equal(icmp.error.mtu, 0);
	}
}

static void n048_an_error_with_less_than_8_octets_of_tcp_is_dropped(void **state)
{
	uint8_t mem[128];

	(void)state;
	for (int is6 = 0; is6 < 2; is6++) {
		struct tuple t = to_us(is6);
		uint8_t type = is6 ? WIRE_ICMP6_UNREACH : WIRE_ICMP4_UNREACH;
		uint32_t octets = put_error(mem, is6, type, 0, 0);
		for (uint32_t cut = 1; cut < octets; cut++)
			assert_verdict(parse_msg(mem, cut, &t, 64), WIRE_V_DROP_ICMP);
		assert_verdict(parse_msg(mem, octets, &t, 64), WIRE_V_ICMP_ERROR);
	}
}

/* bent is the verdict on an error of which octet at of the quoted packet was set to value. */
static enum wire_verdict bent(bool is6, uint32_t at, uint8_t value)
{
	uint8_t mem[128];
	struct tuple t = to_us(is6);
	uint32_t octets = put_error(mem, is6, is6 ? WIRE_ICMP6_UNREACH : WIRE_ICMP4_UNREACH, 0, 0);

	mem[ICMP_HDR_OCTETS + at] = value;
	return parse_msg(mem, octets, &t, 64);
}

static void n048_an_error_whose_quoted_lengths_lie_is_dropped(void **state)
{
	(void)state;
	for (unsigned ihl = 0; ihl < 16; ihl++) {
		enum wire_verdict want = ihl == 5 ? WIRE_V_ICMP_ERROR : WIRE_V_DROP_ICMP;
		assert_verdict(bent(false, 0, (uint8_t)(0x40 | ihl)), want);
	}
	assert_verdict(bent(false, 0, 0x65), WIRE_V_DROP_ICMP);
	assert_verdict(bent(false, 2, 0), WIRE_V_ICMP_ERROR); /* 1020 - 768 is still a segment */
	assert_verdict(bent(true, 0, 0x45), WIRE_V_DROP_ICMP);
}

static void n048_an_error_about_what_was_not_our_segment_is_dropped(void **state)
{
	(void)state;
	assert_verdict(bent(false, 9, 17), WIRE_V_DROP_ICMP);   /* UDP */
	assert_verdict(bent(false, 7, 1), WIRE_V_DROP_ICMP);    /* a later fragment */
	assert_verdict(bent(false, 15, 99), WIRE_V_DROP_ICMP);  /* another source */
	assert_verdict(bent(false, 19, 99), WIRE_V_ICMP_ERROR); /* another destination */
	assert_verdict(bent(true, 6, 17), WIRE_V_DROP_ICMP);
	assert_verdict(bent(true, 23, 99), WIRE_V_DROP_ICMP);
	assert_verdict(bent(true, 39, 99), WIRE_V_ICMP_ERROR);

	uint8_t mem[128];
	struct tuple t4 = to_us(false), t6 = to_us(true);
	uint32_t octets = put_error(mem, false, WIRE_ICMP4_UNREACH, 0, 0);
	be16_put(mem + ICMP_HDR_OCTETS + 2, 39); /* too short for a TCP header */
	assert_verdict(parse_msg(mem, octets, &t4, 64), WIRE_V_DROP_ICMP);
	octets = put_error(mem, true, WIRE_ICMP6_UNREACH, 0, 0);
	be16_put(mem + ICMP_HDR_OCTETS + 4, 19);
	assert_verdict(parse_msg(mem, octets, &t6, 64), WIRE_V_DROP_ICMP);
	be16_put(mem + ICMP_HDR_OCTETS + 4, 20);
	assert_verdict(parse_msg(mem, octets, &t6, 64), WIRE_V_ICMP_ERROR);
}

static void nd_messages_come_back_as_they_were_sent(void **state)
{
	uint8_t mem[ICMP_ND_OCTETS_MAX];
	struct tuple t = to_us(true), back = tuple_turned(&t);

	(void)state;
	for (unsigned bits = 0; bits < 32; bits++) {
		struct icmp_nd nd = {
			.solicitation = bits & 1, .has_ll = bits & 2, .target = our_ip6};
		nd.router = !nd.solicitation && (bits & 4);
		nd.solicited = !nd.solicitation && (bits & 8);
		nd.override = !nd.solicitation && (bits & 16);
		if (nd.has_ll)
			nd.ll = peer_mac;
		uint32_t octets = leat_wire_icmp_nd_put(mem, &back, &nd);
		assert_int_equal(octets, nd.has_ll ? 32 : 24);
		memset(&icmp, 0, sizeof(icmp));
		enum wire_verdict v = leat_wire_icmp_parse(mem, octets, &t, 255, &icmp);
		assert_verdict(v, WIRE_V_ND);
		assert_true(icmp.nd.solicitation == nd.solicitation);
		assert_true(icmp.nd.router == nd.router && icmp.nd.solicited == nd.solicited);
		assert_true(icmp.nd.override == nd.override && icmp.nd.has_ll == nd.has_ll);
		assert_memory_equal(&icmp.nd.ll, &nd.ll, sizeof(nd.ll));
		assert_true(ip_eq(icmp.nd.target, nd.target));
	}
}

/* A solicitation for us with the source's link-layer address, to be bent. */
static uint32_t put_solicit(uint8_t *mem, const struct tuple *t)
{
	const struct icmp_nd nd = {
		.solicitation = true, .has_ll = true, .ll = peer_mac, .target = our_ip6};
	struct tuple back = tuple_turned(t);

	return leat_wire_icmp_nd_put(mem, &back, &nd);
}

static void nd_is_dropped_when_it_may_come_from_afar_or_is_malformed(void **state)
{
	uint8_t mem[ICMP_ND_OCTETS_MAX];
	struct tuple t = to_us(true);
	uint32_t octets = put_solicit(mem, &t);

	(void)state;
	for (unsigned hop_limit = 0; hop_limit < 255; hop_limit++)
		assert_verdict(parse_msg(mem, octets, &t, (uint8_t)hop_limit), WIRE_V_DROP_ICMP);
	for (uint32_t cut = 1; cut < octets; cut++) {
		enum wire_verdict want = cut == 24 ? WIRE_V_ND : WIRE_V_DROP_ICMP;
		assert_verdict(parse_msg(mem, cut, &t, 255), want);
	}
	mem[1] = 1; /* code */
	assert_verdict(parse_msg(mem, octets, &t, 255), WIRE_V_DROP_ICMP);
	put_solicit(mem, &t);
	mem[8] = 0xff; /* a group as target */
	assert_verdict(parse_msg(mem, octets, &t, 255), WIRE_V_DROP_ICMP);
}

static void an_nd_option_of_length_0_or_beyond_the_message_drops_it(void **state)
{
	uint8_t mem[ICMP_ND_OCTETS_MAX];
	struct tuple t = to_us(true);
	uint32_t octets = put_solicit(mem, &t);

	(void)state;
	for (unsigned len = 0; len < 256; len++) {
		mem[25] = (uint8_t)len;
		enum wire_verdict want = len == 1 ? WIRE_V_ND : WIRE_V_DROP_ICMP;
		assert_verdict(parse_msg(mem, octets, &t, 255), want);
	}
}

static void other_nd_options_are_passed_over_and_the_first_address_counts(void **state)
{
	uint8_t mem[64] = {0};
	struct tuple t = to_us(true);

	(void)state;
	put_solicit(mem, &t);
	memmove(mem + 40, mem + 24, 8);
	memmove(mem + 48, mem + 24, 8);
	memset(mem + 24, 0, 16);
	mem[24] = 14; /* a nonce of 16 octets */
	mem[25] = 2;
	mem[53] = 0x99; /* the second address differs */
	assert_verdict(parse_msg(mem, 56, &t, 255), WIRE_V_ND);
	assert_true(icmp.nd.has_ll);
	assert_memory_equal(&icmp.nd.ll, &peer_mac, sizeof(peer_mac));
	mem[40] = mem[48] = 2; /* the target's address says nothing in a solicitation */
	assert_verdict(parse_msg(mem, 56, &t, 255), WIRE_V_ND);
	assert_false(icmp.nd.has_ll);
}

static void who_has_no_address_asks_the_group_and_names_no_link_layer_address(void **state)
{
	uint8_t mem[ICMP_ND_OCTETS_MAX];
	struct tuple t = to_us(true);

	(void)state;
	t.remote = (struct ip){0, 0};
	t.local = icmp_nd_group(our_ip6);
	put_solicit(mem, &t);
	assert_verdict(parse_msg(mem, 24, &t, 255), WIRE_V_ND);
	assert_verdict(parse_msg(mem, 32, &t, 255), WIRE_V_DROP_ICMP);
	t.local = our_ip6;
	assert_verdict(parse_msg(mem, 24, &t, 255), WIRE_V_DROP_ICMP);
	mem[0] = WIRE_ICMP6_ADVERT;
	t.local = icmp_nd_group(our_ip6);
	assert_verdict(parse_msg(mem, 24, &t, 255), WIRE_V_DROP_ICMP);
}

static void an_advertisement_to_a_group_answers_nobody(void **state)
{
	uint8_t mem[ICMP_ND_OCTETS_MAX];
	struct icmp_nd nd = {.solicited = true, .has_ll = true, .target = peer_ip6};
	struct tuple t = to_us(true), back;

	(void)state;
	t.local = (struct ip){UINT64_C(0xff02) << 48, 1};
	back = tuple_turned(&t);
	uint32_t octets = leat_wire_icmp_nd_put(mem, &back, &nd);
	assert_verdict(parse_msg(mem, octets, &t, 255), WIRE_V_DROP_ICMP);
	nd.solicited = false;
	leat_wire_icmp_nd_put(mem, &back, &nd);
	assert_verdict(parse_msg(mem, octets, &t, 255), WIRE_V_ND);
}

static void the_group_of_a_target_is_that_of_rfc_4291(void **state)
{
	char text[IP_TEXT_MAX];
	struct ip target, group;
	static const struct mac want = {{0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c}};

	(void)state;
	assert_true(leat_wire_ip_parse("4037::01:800:200e:8c6c", &target));
	group = icmp_nd_group(target);
	leat_wire_ip_text(group, text);
	assert_string_equal(text, "ff02::1:ff0e:8c6c");
	struct mac mac = icmp_nd_group_mac(group);
	assert_memory_equal(&mac, &want, sizeof(want));
}

static const struct arp arp_request = {
	WIRE_ARP_REQUEST, {{2, 0, 0, 0, 0, 2}}, {{0, 0, 0, 0, 0, 0}}, PEER_IP4, OUR_IP4};

static void arp_is_written_as_the_rfc_draws_it_and_read_back(void **state)
{
	static const uint8_t want[ARP_OCTETS] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0,
		2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
	uint8_t mem[ARP_OCTETS];
	struct arp arp;

	(void)state;
	assert_int_equal(leat_wire_arp_put(mem, &arp_request), ARP_OCTETS);
	assert_memory_equal(mem, want, sizeof(want));
	assert_true(leat_wire_arp_parse(mem, sizeof(mem), &arp));
	assert_int_equal(arp.op, WIRE_ARP_REQUEST);
	assert_memory_equal(&arp.sender_mac, &arp_request.sender_mac, 6);
	assert_memory_equal(&arp.target_mac, &arp_request.target_mac, 6);
	assert_true(arp.sender_ip == PEER_IP4 && arp.target_ip == OUR_IP4);
	for (uint32_t octets = 0; octets < ARP_OCTETS; octets++)
		assert_false(leat_wire_arp_parse(mem, octets, &arp));
}

static void arp_that_is_not_a_station_of_ethernet_and_ipv4_is_refused(void **state)
{
	static const uint8_t none[6] = {0};
	uint8_t mem[ARP_OCTETS];
	struct arp arp;

	(void)state;
	for (uint32_t bit = 0; bit < 48; bit++) { /* the two types and the two lengths */
		leat_wire_arp_put(mem, &arp_request);
		mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(leat_wire_arp_parse(mem, sizeof(mem), &arp));
	}
	for (unsigned op = 0; op < 65536; op++) {
		leat_wire_arp_put(mem, &arp_request);
		be16_put(mem + 6, (uint16_t)op);
		assert_int_equal(leat_wire_arp_parse(mem, sizeof(mem), &arp), op == 1 || op == 2);
	}
	leat_wire_arp_put(mem, &arp_request);
	mem[8] |= 1; /* a group */
	assert_false(leat_wire_arp_parse(mem, sizeof(mem), &arp));
	memcpy(mem + 8, none, sizeof(none));
	assert_false(leat_wire_arp_parse(mem, sizeof(mem), &arp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_comes_back_as_it_was_sent),
		cmocka_unit_test(n049_a_reply_is_as_long_as_its_request_and_is_built_in_its_place),
		cmocka_unit_test(a_wrong_checksum_or_a_short_message_is_dropped),
		cmocka_unit_test(only_the_types_that_concern_tcp_are_handed_on),
		cmocka_unit_test(
			n044_an_error_names_the_flow_it_is_about_so_that_it_can_be_steered),
		cmocka_unit_test(n048_an_error_with_less_than_8_octets_of_tcp_is_dropped),
		cmocka_unit_test(n048_an_error_whose_quoted_lengths_lie_is_dropped),
		cmocka_unit_test(n048_an_error_about_what_was_not_our_segment_is_dropped),
		cmocka_unit_test(nd_messages_come_back_as_they_were_sent),
		cmocka_unit_test(nd_is_dropped_when_it_may_come_from_afar_or_is_malformed),
		cmocka_unit_test(an_nd_option_of_length_0_or_beyond_the_message_drops_it),
		cmocka_unit_test(other_nd_options_are_passed_over_and_the_first_address_counts),
		cmocka_unit_test(who_has_no_address_asks_the_group_and_names_no_link_layer_address),
		cmocka_unit_test(an_advertisement_to_a_group_answers_nobody),
		cmocka_unit_test(the_group_of_a_target_is_that_of_rfc_4291),
		cmocka_unit_test(arp_is_written_as_the_rfc_draws_it_and_read_back),
		cmocka_unit_test(arp_that_is_not_a_station_of_ethernet_and_ipv4_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
