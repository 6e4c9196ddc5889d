/* SPDX-License-Identifier: BSD-3-Clause */

/* Conversations of ARP and neighbour discovery with one table. */

#include "base_prng.h"
#include "base_time.h"
#include "inet_neigh.h"
#include "inet_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define T0 (1000 * TIME_S)

static const struct mac our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct mac mac_a = {{2, 0, 0, 0, 0, 0xa}};
static const struct mac mac_b = {{2, 0, 0, 0, 0, 0xb}};

static struct ip ip4(uint8_t host)
{
	return ip_from4(0x0a000000U + host);
}

static struct ip ip6(uint64_t host)
{
	return (struct ip){UINT64_C(0xfd00) << 48, host};
}

static struct wire_link our_link(void)
{
	return (struct wire_link){.mac = our_mac,
		.mtu = 1500,
		.local_cnt = 2,
		.local = {{ip4(1), 24}, {ip6(1), 64}},
		.range_from = ip4(50),
		.range_to = ip4(60)};
}

static struct inet_neigh *neigh_new(uint32_t entry_max)
{
	struct wire_link link = our_link();
	void *mem = aligned_alloc(64, leat_inet_neigh_footprint(entry_max));

	assert_non_null(mem);
	memset(mem, 0xa5, leat_inet_neigh_footprint(entry_max));
	return leat_inet_neigh_new(mem, entry_max, &link, 1);
}

static void arp(struct inet_neigh *n, uint16_t op, struct ip sender, struct mac mac,
	struct ip target, uint64_t now)
{
	struct pkt p = {.src = mac};

	p.arp = (struct arp){.op = op,
		.sender_mac = mac,
		.sender_ip = ip_to4(sender),
		.target_ip = ip_to4(target)};
	leat_inet_neigh_arp(n, &p, now);
}

static void nd(struct inet_neigh *n, const struct icmp_nd *nd, struct ip from, struct mac mac,
	uint64_t now)
{
	struct pkt p = {.src = mac, .tuple = {.remote = from}};

	p.icmp.nd = *nd;
	leat_inet_neigh_nd(n, &p, now);
}

/* The next frame out, as a peer with this address reads it. */
static enum wire_verdict next_out(
	struct inet_neigh *n, struct ip peer, struct mac mac, uint8_t *frame, struct pkt *p)
{
	struct wire_link link = {.mac = mac, .mtu = 1500, .local_cnt = 1, .local = {{peer, 24}}};

	*p = (struct pkt){.frame = frame, .octets = leat_inet_neigh_output(n, frame)};
	return p->octets > 0 ? leat_wire_pkt_parse(p, &link) : WIRE_V_CNT;
}

static void nothing_out(struct inet_neigh *n)
{
	uint8_t frame[INET_FRAME_MAX];

	assert_int_equal(leat_inet_neigh_output(n, frame), 0);
}

static void a_question_is_asked_answered_and_the_answer_used(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;

	(void)state;
	assert_int_equal(leat_inet_neigh_next_deadline(n), TIME_NEVER);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0, &mac), INET_NEIGH_ASKING);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0, &mac), INET_NEIGH_ASKING);
	assert_int_equal(next_out(n, ip4(2), mac_a, frame, &p), WIRE_V_ARP);
	assert_int_equal(p.octets, 42);
	assert_int_equal(p.arp.op, WIRE_ARP_REQUEST);
	assert_int_equal(p.arp.target_ip, 0x0a000002);
	assert_int_equal(p.arp.sender_ip, 0x0a000001);
	assert_memory_equal(p.arp.sender_mac.octet, our_mac.octet, 6);
	assert_memory_equal(frame, "\xff\xff\xff\xff\xff\xff", 6);
	nothing_out(n);
	assert_int_equal(leat_inet_neigh_next_deadline(n), T0 + TIME_S);
	assert_false(leat_inet_neigh_changed(n));
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_a, ip4(1), T0 + 1);
	assert_true(leat_inet_neigh_changed(n));
	assert_false(leat_inet_neigh_changed(n));
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0 + 2, &mac), INET_NEIGH_FOUND);
	assert_memory_equal(mac.octet, mac_a.octet, 6);
	assert_int_equal(leat_inet_neigh_next_deadline(n), TIME_NEVER);
	assert_int_equal(leat_inet_neigh_counters(n)->asked, 1);
	free(n);
}

static void the_same_in_ipv6_goes_to_the_group_of_the_target(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;
	struct icmp_nd answer = {
		.has_ll = true, .solicited = true, .override = true, .ll = mac_a, .target = ip6(2)};

	(void)state;
	assert_int_equal(leat_inet_neigh_find(n, ip6(2), T0, &mac), INET_NEIGH_ASKING);
	assert_int_equal(next_out(n, ip6(2), mac_a, frame, &p), WIRE_V_ND);
	assert_true(p.icmp.nd.solicitation);
	assert_true(ip_eq(p.icmp.nd.target, ip6(2)));
	assert_memory_equal(p.icmp.nd.ll.octet, our_mac.octet, 6);
	assert_true(ip_eq(p.tuple.remote, ip6(1)));
	assert_true(ip_eq(p.tuple.local, icmp_nd_group(ip6(2))));
	assert_int_equal(p.ttl, 255);
	answer.has_ll = false; /* says nothing */
	nd(n, &answer, ip6(2), mac_a, T0);
	assert_int_equal(leat_inet_neigh_find(n, ip6(2), T0, &mac), INET_NEIGH_ASKING);
	answer.has_ll = true;
	nd(n, &answer, ip6(2), mac_a, T0 + 1);
	assert_int_equal(leat_inet_neigh_find(n, ip6(2), T0 + 1, &mac), INET_NEIGH_FOUND);
	assert_memory_equal(mac.octet, mac_a.octet, 6);
	free(n);
}

static void nobody_answers_three_questions_and_after_a_while_it_is_asked_again(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;
	uint64_t now = T0;

	(void)state;
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), now, &mac), INET_NEIGH_ASKING);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(next_out(n, ip4(2), mac_a, frame, &p), WIRE_V_ARP);
		assert_int_equal(leat_inet_neigh_timers(n, now + TIME_S - 1, 9), 0);
		nothing_out(n);
		now = leat_inet_neigh_next_deadline(n);
		assert_int_equal(now, T0 + (i + 1) * TIME_S);
		assert_int_equal(leat_inet_neigh_timers(n, now, 9), 1);
	}
	nothing_out(n);
	assert_true(leat_inet_neigh_changed(n));
	assert_int_equal(leat_inet_neigh_counters(n)->failed, 1);
	assert_int_equal(leat_inet_neigh_next_deadline(n), TIME_NEVER);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), now, &mac), INET_NEIGH_FAILED);
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_a, ip4(1), now); /* too late */
	assert_int_equal(leat_inet_neigh_counters(n)->refused_unsolicited, 1);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), now + TIME_S, &mac), INET_NEIGH_ASKING);
	assert_int_equal(next_out(n, ip4(2), mac_a, frame, &p), WIRE_V_ARP);
	free(n);
}

static void what_is_stale_is_used_while_it_is_asked_for_in_person(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;
	uint64_t now = T0;

	(void)state;
	(void)leat_inet_neigh_find(n, ip4(2), now, &mac);
	(void)next_out(n, ip4(2), mac_a, frame, &p);
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_a, ip4(1), now);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), now + 14 * TIME_S, &mac),
		INET_NEIGH_FOUND); /* at least half of 30 s */
	nothing_out(n);
	now += 46 * TIME_S; /* at most one and a half */
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(leat_inet_neigh_find(n, ip4(2), now, &mac), INET_NEIGH_FOUND);
		assert_int_equal(next_out(n, ip4(2), mac_a, frame, &p), WIRE_V_ARP);
		assert_memory_equal(frame, mac_a.octet, 6);
		now += TIME_S;
		assert_int_equal(leat_inet_neigh_timers(n, now, 9), 1);
	}
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), now, &mac), INET_NEIGH_FAILED);
	free(n);
}

/* Takes the questions that wait, and as peer of this address answers them; returns how many. */
static uint32_t answered_all(struct inet_neigh *n, struct ip peer, uint64_t now)
{
	struct icmp_nd advert = {
		.has_ll = true, .solicited = true, .override = true, .ll = mac_a, .target = peer};
	uint8_t frame[INET_FRAME_MAX];
	uint32_t cnt = 0;

	for (; leat_inet_neigh_output(n, frame) > 0; cnt++) {
		if (ip_is4(peer))
			arp(n, WIRE_ARP_REPLY, peer, mac_a, ip4(1), now);
		else
			nd(n, &advert, peer, mac_a, now);
	}
	return cnt;
}

/* MUST-20 of a thousand connections: a doubt is not lost, but an answer holds for a moment. */
static void a_thousand_doubts_ask_one_question_and_its_answer_holds_for_a_moment(void **state)
{
	(void)state;
	for (uint32_t v = 0; v < 2; v++) {
		struct inet_neigh *n = neigh_new(8);
		struct ip hop = v == 0 ? ip4(2) : ip6(2);
		struct mac mac;

		for (uint64_t now = T0; now < T0 + 60 * TIME_S; now += 10 * TIME_MS) {
			uint64_t since = now - T0;

			for (uint32_t i = 0; i < 10; i++) {
				leat_inet_neigh_doubt(n, hop);
				assert_int_equal(leat_inet_neigh_find(n, hop, now, &mac),
					since == 0 ? INET_NEIGH_ASKING : INET_NEIGH_FOUND);
			}
			assert_int_equal(answered_all(n, hop, now), since % (6 * TIME_S) == 0);
			assert_int_equal(leat_inet_neigh_timers(n, now, 9), 0);
		}
		/* One doubt within the moment is enough for a question after it. */
		leat_inet_neigh_doubt(n, hop);
		(void)leat_inet_neigh_find(n, hop, T0 + 60 * TIME_S, &mac);
		assert_int_equal(answered_all(n, hop, T0 + 60 * TIME_S), 1);
		leat_inet_neigh_doubt(n, hop);
		for (uint32_t ms = 0; ms <= 6000; ms += 1000) {
			(void)leat_inet_neigh_find(n, hop, T0 + 60 * TIME_S + ms * TIME_MS, &mac);
			assert_int_equal(answered_all(n, hop, T0 + 66 * TIME_S), ms == 6000);
		}
		assert_int_equal(leat_inet_neigh_counters(n)->asked, 12);
		free(n);
	}
}

/* Whoever doubts, and whatever stations say they have the address: a question each second, and
 * when none is answered, three. */
static void nobody_is_asked_more_often_than_once_a_second(void **state)
{
	(void)state;
	for (uint32_t v = 0; v < 4; v++) {
		struct inet_neigh *n = neigh_new(8);
		struct ip hop = v % 2 == 0 ? ip4(2) : ip6(2);
		bool moves = v / 2 != 0;
		uint8_t frame[INET_FRAME_MAX];
		struct mac mac;

		for (uint64_t now = T0; now < T0 + 30 * TIME_S; now += 10 * TIME_MS) {
			struct mac who = {{2, 0, 0, 0, 2, (uint8_t)(now / (10 * TIME_MS))}};
			struct icmp_nd ask = {
				.solicitation = true, .has_ll = true, .ll = who, .target = ip6(1)};

			(void)leat_inet_neigh_timers(n, now, 9);
			if (moves && ip_is4(hop))
				arp(n, WIRE_ARP_REQUEST, hop, who, ip4(1), now);
			else if (moves)
				nd(n, &ask, hop, who, now);
			(void)leat_inet_neigh_find(n, hop, now, &mac);
			leat_inet_neigh_doubt(n, hop);
			while (leat_inet_neigh_output(n, frame) > 0)
				;
			uint64_t sec = (now - T0) / TIME_S, per4 = sec % 4 < 3 ? sec % 4 + 1 : 3;
			assert_int_equal(leat_inet_neigh_counters(n)->asked,
				moves ? sec + 1 : sec / 4 * 3 + per4);
		}
		free(n);
	}
}

static void no_more_timers_fire_than_the_turn_has_room_for(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	struct mac mac;

	(void)state;
	for (uint8_t i = 2; i < 9; i++)
		(void)leat_inet_neigh_find(n, ip4(i), T0 + i, &mac);
	assert_int_equal(leat_inet_neigh_timers(n, T0 + 2 * TIME_S, 0), 0);
	assert_int_equal(leat_inet_neigh_timers(n, T0 + 2 * TIME_S, 5), 5);
	assert_int_equal(leat_inet_neigh_next_deadline(n), T0 + TIME_S + 7);
	assert_int_equal(leat_inet_neigh_timers(n, T0 + 2 * TIME_S, 5), 2);
	assert_int_equal(leat_inet_neigh_next_deadline(n), T0 + 3 * TIME_S);
	free(n);
}

/* N047. */
static void what_nobody_asked_for_changes_nothing(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	struct icmp_nd advert = {.has_ll = true, .override = true, .ll = mac_b, .target = ip6(2)};
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;

	(void)state;
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_b, ip4(1), T0); /* no entry */
	nd(n, &advert, ip6(2), mac_b, T0);
	assert_int_equal(leat_inet_neigh_counters(n)->refused_unsolicited, 2);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0, &mac), INET_NEIGH_ASKING);
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_b, ip4(9), T0); /* not to us */
	arp(n, WIRE_ARP_REPLY, ip4(2), (struct mac){{1}}, ip4(1), T0);
	assert_int_equal(leat_inet_neigh_counters(n)->refused_unsolicited, 4);
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_a, ip4(1), T0);
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_b, ip4(1), T0); /* once more, another */
	assert_int_equal(leat_inet_neigh_counters(n)->refused_unsolicited, 5);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0, &mac), INET_NEIGH_FOUND);
	assert_memory_equal(mac.octet, mac_a.octet, 6);
	(void)leat_inet_neigh_find(n, ip6(2), T0, &mac);
	advert.ll = mac_a;
	advert.solicited = true;
	nd(n, &advert, ip6(2), mac_a, T0);
	/* While it is being verified: neither what was not solicited nor what may not override. */
	assert_int_equal(leat_inet_neigh_find(n, ip6(2), T0 + 50 * TIME_S, &mac), INET_NEIGH_FOUND);
	advert.ll = mac_b;
	advert.solicited = false;
	nd(n, &advert, ip6(2), mac_b, T0 + 50 * TIME_S);
	advert.solicited = true;
	advert.override = false;
	nd(n, &advert, ip6(2), mac_b, T0 + 50 * TIME_S);
	assert_int_equal(leat_inet_neigh_counters(n)->refused_unsolicited, 7);
	(void)leat_inet_neigh_find(n, ip6(2), T0 + 50 * TIME_S, &mac);
	assert_memory_equal(mac.octet, mac_a.octet, 6);
	advert.override = true;
	nd(n, &advert, ip6(2), mac_b, T0 + 50 * TIME_S);
	(void)leat_inet_neigh_find(n, ip6(2), T0 + 50 * TIME_S, &mac);
	assert_memory_equal(mac.octet, mac_b.octet, 6);
	while (next_out(n, ip4(2), mac_a, frame, &p) != WIRE_V_CNT)
		;
	free(n);
}

static void who_asks_for_us_is_answered_and_known(void **state)
{
	static const uint8_t ours[] = {1, 50, 60};
	struct inet_neigh *n = neigh_new(8);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		arp(n, WIRE_ARP_REQUEST, ip4(2), mac_a, ip4(ours[i]), T0);
		assert_int_equal(next_out(n, ip4(2), mac_a, frame, &p), WIRE_V_ARP);
		assert_int_equal(p.arp.op, WIRE_ARP_REPLY);
		assert_int_equal(p.arp.sender_ip, 0x0a000000 + ours[i]);
		assert_memory_equal(p.arp.sender_mac.octet, our_mac.octet, 6);
		assert_memory_equal(p.dst.octet, mac_a.octet, 6);
	}
	arp(n, WIRE_ARP_REQUEST, ip4(2), mac_a, ip4(61), T0); /* not ours */
	nothing_out(n);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0, &mac), INET_NEIGH_FOUND);
	assert_int_equal(leat_inet_neigh_counters(n)->learned, 1);
	assert_int_equal(leat_inet_neigh_counters(n)->answered, 3);
	arp(n, WIRE_ARP_REQUEST, ip4(2), mac_b, ip4(1), T0); /* it moved */
	(void)leat_inet_neigh_find(n, ip4(2), T0, &mac);
	assert_memory_equal(mac.octet, mac_b.octet, 6);
	/* From beyond the link: answered, not learned. */
	while (next_out(n, ip4(2), mac_a, frame, &p) != WIRE_V_CNT)
		;
	arp(n, WIRE_ARP_REQUEST, ip_from4(0xc0000201), mac_a, ip4(1), T0);
	assert_int_equal(next_out(n, ip4(2), mac_a, frame, &p), WIRE_V_ARP);
	assert_int_equal(leat_inet_neigh_counters(n)->learned, 2);
	free(n);
}

/* A VIP that a balancer has: we take its packets, and never say so. */
static void who_asks_for_a_quiet_address_hears_nothing_and_it_is_never_a_source(void **state)
{
	struct wire_link link = our_link();
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;
	struct ip own;

	(void)state;
	link.local[2] = (struct wire_local){ip4(9), 32};
	link.local[3] = (struct wire_local){ip6(9), 128};
	link.local_cnt = 4;
	link.quiet = 0x0c;
	void *mem = aligned_alloc(64, leat_inet_neigh_footprint(8));
	assert_non_null(mem);
	struct inet_neigh *n = leat_inet_neigh_new(mem, 8, &link, 1);
	arp(n, WIRE_ARP_REQUEST, ip4(2), mac_a, ip4(9), T0);
	nd(n,
		&(struct icmp_nd){
			.solicitation = true, .has_ll = true, .ll = mac_a, .target = ip6(9)},
		ip6(2), mac_a, T0);
	nothing_out(n);
	/* The balancer asks for our own address from the VIP, which is no conflict. */
	arp(n, WIRE_ARP_REQUEST, ip4(9), mac_b, ip4(1), T0);
	assert_int_equal(next_out(n, ip4(9), mac_b, frame, &p), WIRE_V_ARP);
	assert_int_equal(p.arp.sender_ip, 0x0a000001);
	nd(n, &(struct icmp_nd){.target = ip6(9), .has_ll = true, .ll = mac_b}, ip6(9), mac_b, T0);
	assert_int_equal(leat_inet_neigh_counters(n)->own_address_seen, 0);
	assert_int_equal(leat_inet_neigh_counters(n)->learned, 0);
	/* Questions of ours come from an address of ours alone. */
	assert_true(leat_inet_own_for(&link, ip4(9), &own));
	assert_true(ip_eq(own, ip4(1)));
	assert_int_equal(leat_inet_neigh_find(n, ip4(3), T0, &mac), INET_NEIGH_ASKING);
	assert_int_equal(next_out(n, ip4(3), mac_a, frame, &p), WIRE_V_ARP);
	assert_int_equal(p.arp.sender_ip, 0x0a000001);
	free(mem);
}

static void n208_after_the_link_came_back_everybody_is_asked_again_when_used(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	uint64_t at = T0;
	struct mac mac;

	(void)state;
	for (uint8_t host = 2; host < 5; host++) {
		assert_int_equal(leat_inet_neigh_find(n, ip4(host), T0, &mac), INET_NEIGH_ASKING);
		assert_int_equal(next_out(n, ip4(host), mac_a, frame, &p), WIRE_V_ARP);
		if (host != 4)
			arp(n, WIRE_ARP_REPLY, ip4(host), mac_a, ip4(1), T0);
	}
	/* Host 4 did not answer; it is not asked again at once. */
	for (; leat_inet_neigh_find(n, ip4(4), at, &mac) != INET_NEIGH_FAILED;
		at += INET_ASK_EVERY / 2) {
		leat_inet_neigh_timers(n, at, 8);
		while (next_out(n, ip4(4), mac_b, frame, &p) != WIRE_V_CNT)
			;
	}
	leat_inet_neigh_doubt_all(n);
	for (uint8_t host = 2; host < 4; host++) {
		assert_int_equal(leat_inet_neigh_find(n, ip4(host), at, &mac), INET_NEIGH_FOUND);
		assert_int_equal(next_out(n, ip4(host), mac_a, frame, &p), WIRE_V_ARP);
		assert_int_equal(p.arp.op, WIRE_ARP_REQUEST);
	}
	assert_int_equal(leat_inet_neigh_find(n, ip4(4), at, &mac), INET_NEIGH_ASKING);
	free(n);
}

/* Another station may have the address then: what is sent waits for its answer.  A gateway keeps
 * its place, a fixed entry all. */
static void n208_when_the_link_went_nobody_is_known_any_more(void **state)
{
	struct inet_neigh *n = neigh_new(4);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;

	(void)state;
	leat_inet_neigh_keep(n, ip4(2));
	leat_inet_neigh_set(n, ip4(3), mac_b);
	for (uint32_t round = 0; round < 10; round++) {
		for (uint8_t host = 2; host < 6; host++) {
			if (host == 3)
				continue;
			assert_int_equal(
				leat_inet_neigh_find(n, ip4(host), T0, &mac), INET_NEIGH_ASKING);
			assert_int_equal(next_out(n, ip4(host), mac_a, frame, &p), WIRE_V_ARP);
			assert_true(inet_mac_is_group(*(struct mac *)frame));
			if (host != 5 || round % 2 == 0) /* a question stays on its way */
				arp(n, WIRE_ARP_REPLY, ip4(host), mac_a, ip4(1), T0);
		}
		leat_inet_neigh_forget(n);
		assert_int_equal(leat_inet_neigh_find(n, ip4(3), T0, &mac), INET_NEIGH_FOUND);
		assert_memory_equal(mac.octet, mac_b.octet, 6);
		if (round % 2 != 0) {
			nothing_out(n);
			arp(n, WIRE_ARP_REPLY, ip4(5), mac_a, ip4(1), T0);
			leat_inet_neigh_forget(n);
		}
		assert_int_equal(leat_inet_neigh_next_deadline(n), TIME_NEVER);
	}
	assert_int_equal(leat_inet_neigh_counters(n)->evicted, 0);
	assert_int_equal(leat_inet_neigh_counters(n)->no_room, 0);
	free(n);
}

static void a_solicitation_is_answered_to_the_asker_or_to_all(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	struct icmp_nd ask = {.solicitation = true, .has_ll = true, .ll = mac_a, .target = ip6(1)};
	struct ip link_local = {UINT64_C(0xfe80) << 48, 9};
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;

	(void)state;
	nd(n, &ask, link_local, mac_a, T0);
	assert_int_equal(next_out(n, link_local, mac_a, frame, &p), WIRE_V_ND);
	assert_false(p.icmp.nd.solicitation);
	assert_true(p.icmp.nd.solicited);
	assert_true(p.icmp.nd.override);
	assert_false(p.icmp.nd.router);
	assert_true(ip_eq(p.icmp.nd.target, ip6(1)));
	assert_memory_equal(p.icmp.nd.ll.octet, our_mac.octet, 6);
	assert_int_equal(leat_inet_neigh_find(n, link_local, T0, &mac), INET_NEIGH_FOUND);
	/* It was only learned: the first use verifies it, in person. */
	assert_int_equal(next_out(n, link_local, mac_a, frame, &p), WIRE_V_ND);
	assert_true(p.icmp.nd.solicitation);
	assert_memory_equal(frame, mac_a.octet, 6);
	ask.target = ip6(5); /* not ours */
	nd(n, &ask, ip6(2), mac_a, T0);
	nothing_out(n);
	/* Duplicate address detection: no source, no option. */
	ask = (struct icmp_nd){.solicitation = true, .target = ip6(1)};
	nd(n, &ask, (struct ip){0, 0}, mac_b, T0);
	assert_int_equal(leat_inet_neigh_counters(n)->own_address_seen, 1);
	assert_int_equal(next_out(n, ip6(2), mac_a, frame, &p), WIRE_V_ND);
	assert_false(p.icmp.nd.solicited);
	assert_memory_equal(frame, "\x33\x33\0\0\0\1", 6);
	free(n);
}

static void our_own_address_from_another_station_is_counted_and_not_learned(void **state)
{
	struct inet_neigh *n = neigh_new(8);
	struct icmp_nd advert = {.has_ll = true, .override = true, .ll = mac_b, .target = ip6(1)};

	(void)state;
	arp(n, WIRE_ARP_REQUEST, ip4(1), mac_b, ip4(1), T0);
	arp(n, WIRE_ARP_REPLY, ip4(55), mac_b, ip4(1), T0);
	nd(n, &advert, ip6(1), mac_b, T0);
	assert_int_equal(leat_inet_neigh_counters(n)->own_address_seen, 3);
	assert_int_equal(leat_inet_neigh_counters(n)->learned, 0);
	nothing_out(n);
	/* RFC 5227: a probe, without sender, of our address is answered. */
	arp(n, WIRE_ARP_REQUEST, ip4(0), mac_b, ip4(1), T0);
	struct pkt p = {.src = mac_b};
	p.arp = (struct arp){.op = WIRE_ARP_REQUEST,
		.sender_mac = mac_b,
		.sender_ip = 0,
		.target_ip = 0x0a000001};
	leat_inet_neigh_arp(n, &p, T0);
	uint8_t frame[INET_FRAME_MAX];
	assert_true(leat_inet_neigh_output(n, frame) > 0);
	free(n);
}

static void a_full_table_gives_up_what_was_used_longest_ago(void **state)
{
	struct inet_neigh *n = neigh_new(4);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;

	(void)state;
	leat_inet_neigh_keep(n, ip4(254)); /* the gateway */
	leat_inet_neigh_set(n, ip4(253), mac_b);
	(void)leat_inet_neigh_find(n, ip4(2), T0, &mac);
	arp(n, WIRE_ARP_REPLY, ip4(2), mac_a, ip4(1), T0);
	(void)leat_inet_neigh_find(n, ip4(3), T0 + 1, &mac);
	arp(n, WIRE_ARP_REPLY, ip4(3), mac_a, ip4(1), T0 + 1);
	(void)leat_inet_neigh_find(n, ip4(2), T0 + 2, &mac);
	assert_int_equal(leat_inet_neigh_find(n, ip4(4), T0 + 3, &mac), INET_NEIGH_ASKING);
	assert_int_equal(leat_inet_neigh_counters(n)->evicted, 1);
	assert_int_equal(leat_inet_neigh_find(n, ip4(2), T0 + 3, &mac), INET_NEIGH_FOUND);
	assert_int_equal(leat_inet_neigh_find(n, ip4(3), T0 + 4, &mac), INET_NEIGH_ASKING);
	/* Now two are asked for: no room for a third, and the questions go on. */
	assert_int_equal(leat_inet_neigh_find(n, ip4(5), T0 + 5, &mac), INET_NEIGH_FAILED);
	assert_int_equal(leat_inet_neigh_counters(n)->no_room, 1);
	assert_int_equal(leat_inet_neigh_find(n, ip4(253), T0 + 5, &mac), INET_NEIGH_FOUND);
	assert_memory_equal(mac.octet, mac_b.octet, 6);
	arp(n, WIRE_ARP_REPLY, ip4(253), mac_a, ip4(1), T0 + 5);
	arp(n, WIRE_ARP_REQUEST, ip4(253), mac_a, ip4(1), T0 + 5);
	assert_int_equal(leat_inet_neigh_find(n, ip4(253), T0 + 5, &mac), INET_NEIGH_FOUND);
	assert_memory_equal(mac.octet, mac_b.octet, 6); /* fixed is fixed */
	assert_int_equal(leat_inet_neigh_find(n, ip4(254), T0 + 5, &mac), INET_NEIGH_ASKING);
	while (next_out(n, ip4(2), mac_a, frame, &p) != WIRE_V_CNT)
		;
	free(n);
}

static void a_flood_of_questions_does_not_push_out_neighbours_in_use(void **state)
{
	struct inet_neigh *n = neigh_new(16);
	uint8_t frame[INET_FRAME_MAX];
	struct pkt p;
	struct mac mac;
	uint32_t answers = 0;

	(void)state;
	for (uint8_t i = 2; i < 10; i++) {
		(void)leat_inet_neigh_find(n, ip4(i), T0, &mac);
		arp(n, WIRE_ARP_REPLY, ip4(i), mac_a, ip4(1), T0);
	}
	while (next_out(n, ip4(2), mac_a, frame, &p) != WIRE_V_CNT)
		;
	for (uint8_t i = 70; i < 250; i++)
		arp(n, WIRE_ARP_REQUEST, ip4(i), mac_b, ip4(1), T0 + 1);
	while (next_out(n, ip4(2), mac_a, frame, &p) != WIRE_V_CNT)
		answers++;
	assert_true(answers > 0);
	assert_int_equal(answers + leat_inet_neigh_counters(n)->unanswered, 180);
	assert_true(leat_inet_neigh_counters(n)->unanswered > 0);
	for (uint8_t i = 2; i < 10; i++) {
		assert_int_equal(leat_inet_neigh_find(n, ip4(i), T0 + 2, &mac), INET_NEIGH_FOUND);
		assert_memory_equal(mac.octet, mac_a.octet, 6);
	}
	free(n);
}

/* A thousand neighbours that come and go, against a table with a list of all of them. */
static void the_table_agrees_with_a_naive_model(void **state)
{
	struct inet_neigh *n = neigh_new(64);
	struct {
		bool known;
		struct mac mac;
	} model[64] = {{false, {{0}}}};
	uint8_t frame[INET_FRAME_MAX];
	struct mac mac;
	uint64_t x = 88172645463325252;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		uint32_t host = 2 + (uint32_t)(x >> 8) % 40; /* fewer than the table has */
		struct mac who = {{2, 0, 0, 0, 1, (uint8_t)(x >> 20)}};

		if (x % 3 == 0) {
			arp(n, WIRE_ARP_REQUEST, ip4((uint8_t)host), who, ip4(1), T0);
			model[host].known = true;
			model[host].mac = who;
		} else if (model[host].known) {
			assert_int_equal(leat_inet_neigh_find(n, ip4((uint8_t)host), T0, &mac),
				INET_NEIGH_FOUND);
			assert_memory_equal(mac.octet, model[host].mac.octet, 6);
		} else {
			assert_int_equal(leat_inet_neigh_find(n, ip4((uint8_t)host), T0, &mac),
				INET_NEIGH_ASKING);
		}
		if (x % 5 == 0)
			(void)leat_inet_neigh_output(n, frame);
	}
	assert_int_equal(leat_inet_neigh_counters(n)->evicted, 0);
	free(n);
}

/* What is learned and used at random in a table that is always full, against a list of stamps. */
static void who_is_given_up_agrees_with_a_naive_model(void **state)
{
	struct inet_neigh *n = neigh_new(16);
	uint64_t stamp[256] = {
		0}; /* 0: not in the table; those used are above those only learned */
	uint8_t frame[INET_FRAME_MAX];
	struct mac mac;
	struct prng prng;
	uint32_t cnt = 0;

	(void)state;
	leat_prng_seed(&prng, 7);
	for (uint64_t i = 1; i < 20000; i++) {
		uint32_t host = 2 + leat_prng_below(&prng, 30);

		if (stamp[host] == 0) {
			uint32_t oldest = 0;

			for (uint32_t k = 2; k < 32 && cnt == 16; k++)
				if (stamp[k] != 0 && (oldest == 0 || stamp[k] < stamp[oldest]))
					oldest = k;
			stamp[oldest] = 0;
			cnt += cnt < 16;
			stamp[host] = i;
			arp(n, WIRE_ARP_REQUEST, ip4((uint8_t)host), mac_a, ip4(1), T0);
			(void)leat_inet_neigh_output(n, frame);
		} else if (leat_prng_below(&prng, 2) == 0) {
			stamp[host] = i + (UINT64_C(1) << 32);
			assert_int_equal(leat_inet_neigh_find(n, ip4((uint8_t)host), T0, &mac),
				INET_NEIGH_FOUND);
			arp(n, WIRE_ARP_REPLY, ip4((uint8_t)host), mac_a, ip4(1), T0);
		}
		for (uint32_t k = 2; k < 32; k++)
			assert_int_equal(
				leat_inet_entry(n, ip4((uint8_t)k)) != NULL, stamp[k] != 0);
	}
	assert_true(leat_inet_neigh_counters(n)->evicted > 1000);
	free(n);
}

#define FLOOD 20000

/* What it costs, in clock ticks, to hear of FLOOD neighbours more than a table has room for. */
static clock_t flood_cost(uint32_t entry_max)
{
	struct inet_neigh *n = neigh_new(entry_max);
	struct icmp_nd ask = {.solicitation = true, .has_ll = true, .ll = mac_a, .target = ip6(1)};
	struct ip from = {UINT64_C(0xfe80) << 48, 2};
	uint8_t frame[INET_FRAME_MAX];
	clock_t began = 0;

	for (uint32_t i = 0; i < entry_max + FLOOD; i++, from.lo++) {
		if (i == entry_max)
			began = clock();
		nd(n, &ask, from, mac_a, T0);
		(void)leat_inet_neigh_output(n, frame);
	}
	clock_t cost = clock() - began;
	assert_int_equal(leat_inet_neigh_counters(n)->evicted, FLOOD);
	free(n);
	return cost;
}

/* The bound is generous: cache misses are a factor of some ten, a walk over all entries one of
 * some thousand. */
static void a_flood_costs_no_more_in_a_large_table(void **state)
{
	(void)state;
	assert_in_range(flood_cost(1 << 16), 0, 100 * (flood_cost(16) + 1));
}

static void impossible_limits_have_no_footprint(void **state)
{
	(void)state;
	assert_int_equal(leat_inet_neigh_footprint(0), 0);
	assert_int_equal(leat_inet_neigh_footprint((1U << 20) + 1), 0);
	assert_true(leat_inet_neigh_footprint(1) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_asked_answered_and_the_answer_used),
		cmocka_unit_test(the_same_in_ipv6_goes_to_the_group_of_the_target),
		cmocka_unit_test(
			nobody_answers_three_questions_and_after_a_while_it_is_asked_again),
		cmocka_unit_test(what_is_stale_is_used_while_it_is_asked_for_in_person),
		cmocka_unit_test(
			a_thousand_doubts_ask_one_question_and_its_answer_holds_for_a_moment),
		cmocka_unit_test(nobody_is_asked_more_often_than_once_a_second),
		cmocka_unit_test(no_more_timers_fire_than_the_turn_has_room_for),
		cmocka_unit_test(what_nobody_asked_for_changes_nothing),
		cmocka_unit_test(who_asks_for_us_is_answered_and_known),
		cmocka_unit_test(
			who_asks_for_a_quiet_address_hears_nothing_and_it_is_never_a_source),
		cmocka_unit_test(n208_when_the_link_went_nobody_is_known_any_more),
		cmocka_unit_test(n208_after_the_link_came_back_everybody_is_asked_again_when_used),
		cmocka_unit_test(a_solicitation_is_answered_to_the_asker_or_to_all),
		cmocka_unit_test(our_own_address_from_another_station_is_counted_and_not_learned),
		cmocka_unit_test(a_full_table_gives_up_what_was_used_longest_ago),
		cmocka_unit_test(a_flood_of_questions_does_not_push_out_neighbours_in_use),
		cmocka_unit_test(the_table_agrees_with_a_naive_model),
		cmocka_unit_test(who_is_given_up_agrees_with_a_naive_model),
		cmocka_unit_test(a_flood_costs_no_more_in_a_large_table),
		cmocka_unit_test(impossible_limits_have_no_footprint),
	};

	return cmocka_run_group_tests_name("inet_neigh", tests, NULL, NULL);
}
