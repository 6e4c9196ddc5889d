/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_asked.h"

#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define FOR_NS (SHARD_ASKED_FOR_MS * TIME_MS)

static struct shard_asked asked;

static void who_was_asked_for_is_wanted_for_a_while_and_no_stranger_is(void **state)
{
	const struct ip ip = ip_from4(0xc6120001);
	const uint64_t at = 1000 * TIME_S;
	uint32_t strange = 0;

	(void)state;
	leat_shard_asked_init(&asked);
	assert_false(leat_shard_asked_wants(&asked, ip, 0));
	assert_false(leat_shard_asked_wants(&asked, ip, at));
	leat_shard_asked_tell(&asked, ip, at);
	assert_true(leat_shard_asked_wants(&asked, ip, at));
	assert_true(leat_shard_asked_wants(&asked, ip, at + FOR_NS));
	assert_false(leat_shard_asked_wants(&asked, ip, at + FOR_NS + TIME_MS));
	assert_false(leat_shard_asked_wants(&asked, ip, at + 3600 * TIME_S));
	/* Who looks began its turn before the question. */
	assert_true(leat_shard_asked_wants(&asked, ip, at - 5 * TIME_S));
	for (uint32_t i = 1; i < 100000; i++)
		strange += leat_shard_asked_wants(&asked, ip_from4(0xc6120001 + i), at);
	assert_int_equal(strange, 0);
	/* Repeated, it is wanted longer. */
	leat_shard_asked_tell(&asked, ip, at + TIME_S);
	assert_true(leat_shard_asked_wants(&asked, ip, at + TIME_S + FOR_NS));
}

/* However many are asked for at one time, the copy that matters is never missing. */
static void nobody_who_waits_is_forgotten(void **state)
{
	uint64_t now = 77 * TIME_S, seed = 5;
	struct ip ip[300];
	struct prng p;

	(void)state;
	printf("# seed %ju\n", (uintmax_t)seed);
	leat_prng_seed(&p, seed);
	leat_shard_asked_init(&asked);
	for (uint32_t i = 0; i < 300; i++) {
		ip[i] = i % 2 != 0 ? ip_from4((uint32_t)leat_prng_next(&p))
				   : (struct ip){UINT64_C(0xfd) << 56, leat_prng_next(&p)};
		leat_shard_asked_tell(&asked, ip[i], now);
		now += TIME_MS;
		for (uint32_t k = 0; k <= i; k++)
			assert_true(leat_shard_asked_wants(&asked, ip[k], now));
	}
	/* Later the places are those of single addresses again. */
	now += FOR_NS + TIME_S;
	leat_shard_asked_tell(&asked, ip[0], now);
	for (uint32_t k = 1; k < 300; k++)
		assert_false(leat_shard_asked_wants(&asked, ip[k], now));
	assert_true(leat_shard_asked_wants(&asked, ip[0], now));
}

/* question writes an ARP frame of this kind, with or without a tag. */
static uint32_t arp_frame(uint8_t *frame, uint16_t op, uint16_t vlan)
{
	const struct wire_link link = {.mac = {{2, 0, 0, 0, 0, 1}}, .vlan = vlan, .mtu = 1500};
	const struct mac dst = {{2, 0, 0, 0, 0, 2}};
	const struct arp arp = {
		.op = op, .sender_mac = link.mac, .sender_ip = 0xc6120001, .target_ip = 0xc6120002};
	uint32_t at = leat_wire_l2_put(frame, &link, &dst, WIRE_ETHERTYPE_ARP);

	return at + leat_wire_arp_put(frame + at, &arp);
}

static uint32_t nd_frame(uint8_t *frame, bool solicitation, uint16_t vlan, struct ip target)
{
	const struct wire_link link = {.mac = {{2, 0, 0, 0, 0, 1}}, .vlan = vlan, .mtu = 1500};
	const struct mac dst = {{2, 0, 0, 0, 0, 2}};
	const struct tuple tuple = {
		.local = {UINT64_C(0xfd) << 56, 1}, .remote = {UINT64_C(0xfd) << 56, 2}};
	const struct icmp_nd nd = {
		.solicitation = solicitation, .has_ll = true, .ll = link.mac, .target = target};
	uint8_t body[ICMP_ND_OCTETS_MAX];
	uint32_t octets = leat_wire_icmp_nd_put(body, &tuple, &nd);
	const struct ip_hdr hdr = {
		.proto = WIRE_PROTO_ICMP6, .ttl = ICMP_ND_HOP_LIMIT, .octets = octets};
	uint32_t at = leat_wire_pkt_hdr_put(frame, &link, &dst, &tuple, &hdr);

	memcpy(frame + at, body, octets);
	return at + octets;
}

static void a_question_is_known_and_read_and_no_other_frame_is_one(void **state)
{
	const struct ip target = {UINT64_C(0xfe80) << 48, 0x1234};
	uint8_t frame[256];
	struct ip ip;

	(void)state;
	for (uint16_t vlan = 0; vlan <= 7; vlan += 7) {
		uint32_t octets = arp_frame(frame, WIRE_ARP_REQUEST, vlan);

		assert_true(leat_shard_asked_question(frame, octets, &ip));
		assert_true(ip_eq(ip, ip_from4(0xc6120002)));
		for (uint32_t cut = 0; cut < octets; cut++)
			assert_false(leat_shard_asked_question(frame, cut, &ip));
		octets = nd_frame(frame, true, vlan, target);
		assert_true(leat_shard_asked_question(frame, octets, &ip));
		assert_true(ip_eq(ip, target));
		for (uint32_t cut = 0; cut < octets - 8; cut++) /* the option may be missing */
			assert_false(leat_shard_asked_question(frame, cut, &ip));
		assert_false(leat_shard_asked_question(
			frame, arp_frame(frame, WIRE_ARP_REPLY, vlan), &ip));
		assert_false(leat_shard_asked_question(
			frame, nd_frame(frame, false, vlan, target), &ip));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_asked_for_is_wanted_for_a_while_and_no_stranger_is),
		cmocka_unit_test(nobody_who_waits_is_forgotten),
		cmocka_unit_test(a_question_is_known_and_read_and_no_other_frame_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
