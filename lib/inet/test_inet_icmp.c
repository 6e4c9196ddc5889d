/* SPDX-License-Identifier: BSD-3-Clause */

/* Echo requests from the wire to the wire, and errors that are counted. */

#include "inet_icmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_MAX 1600

static const struct mac our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct mac peer_mac = {{2, 0, 0, 0, 0, 2}};

static struct ip addr(int family, uint8_t host)
{
	return family == 4 ? ip_from4(0x0a000000U + host)
			   : (struct ip){UINT64_C(0xfd00) << 48, host};
}

static struct wire_link link_of(uint8_t host, struct mac mac, bool raw)
{
	return (struct wire_link){.mac = mac,
		.raw_ip = raw,
		.mtu = 1500,
		.local_cnt = 2,
		.local = {{addr(4, host), 24}, {addr(6, host), 64}}};
}

static struct inet_icmp *icmp_new(bool raw)
{
	struct wire_link link = link_of(1, our_mac, raw);
	void *mem = aligned_alloc(64, leat_inet_icmp_footprint(&link));

	assert_non_null(mem);
	memset(mem, 0xa5, leat_inet_icmp_footprint(&link));
	return leat_inet_icmp_new(mem, &link, 64);
}

/* An echo request with octets of data from the peer, as the parser hands it on. */
static struct pkt request(uint8_t *frame, int family, uint32_t octets, bool raw)
{
	struct wire_link peer = link_of(2, peer_mac, raw), link = link_of(1, our_mac, raw);
	struct tuple tuple = {.local = addr(family, 2), .remote = addr(family, 1)};
	static uint8_t data[FRAME_MAX];
	struct icmp_echo echo = {.id = 7, .seq = 9, .octets = octets, .data = data};
	struct ip_hdr hdr = {.proto = family == 4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6,
		.ttl = 64,
		.octets = ICMP_HDR_OCTETS + octets};
	struct pkt p = {.frame = frame};

	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	p.octets = leat_wire_pkt_hdr_put(frame, &peer, &our_mac, &tuple, &hdr);
	p.octets += leat_wire_icmp_echo_put(frame + p.octets, &tuple, &echo);
	assert_int_equal(leat_wire_pkt_parse(&p, &link), WIRE_V_ICMP_ECHO);
	return p;
}

/* N049. */
static void an_echo_request_is_answered_with_its_own_data_and_length(void **state)
{
	static const uint32_t octets[] = {0, 1, 56, 1452};
	uint8_t frame[FRAME_MAX], out[FRAME_MAX];

	(void)state;
	for (uint32_t k = 0; k < 16; k++) {
		int family = k & 1 ? 4 : 6;
		bool raw = (k & 2) != 0;
		struct inet_icmp *i = icmp_new(raw);
		struct wire_link peer = link_of(2, peer_mac, raw);
		struct pkt p = request(frame, family, octets[k >> 2], raw);
		struct pkt q = {.frame = out};

		leat_inet_icmp_echo(i, &p);
		memset(frame, 0, sizeof(frame)); /* the reply is a copy */
		q.octets = leat_inet_icmp_output(i, out);
		assert_int_equal(q.octets, p.octets);
		assert_int_equal(leat_inet_icmp_output(i, out + 1500), 0);
		/* The parser does not hand replies on, but takes them apart so far. */
		assert_int_equal(leat_wire_pkt_parse(&q, &peer), WIRE_V_DROP_ICMP);
		assert_int_equal(
			q.l4[0], family == 4 ? WIRE_ICMP4_ECHO_REPLY : WIRE_ICMP6_ECHO_REPLY);
		assert_true(ip_eq(q.tuple.remote, addr(family, 1)));
		assert_true(ip_eq(q.tuple.local, addr(family, 2)));
		/* It has the same id, number and data. */
		assert_int_equal(q.l4_octets, ICMP_HDR_OCTETS + octets[k >> 2]);
		assert_memory_equal(q.l4 + 4, "\0\7\0\11", 4);
		for (uint32_t o = 0; o < octets[k >> 2]; o++)
			assert_int_equal(q.l4[8 + o], (uint8_t)(o * 7));
		assert_int_equal(leat_inet_icmp_counters(i)->echo_answered, 1);
		free(i);
	}
}

static void an_echo_request_from_a_group_or_to_a_group_is_not_answered(void **state)
{
	uint8_t frame[FRAME_MAX];
	struct inet_icmp *i = icmp_new(false);
	struct pkt p;

	(void)state;
	p = request(frame, 4, 8, false);
	p.tuple.remote = ip_from4(0xe0000001);
	leat_inet_icmp_echo(i, &p);
	p = request(frame, 6, 8, false);
	p.tuple.local = (struct ip){UINT64_C(0xff02) << 48, 1};
	leat_inet_icmp_echo(i, &p);
	p = request(frame, 6, 8, false);
	p.tuple.remote = (struct ip){0, 0};
	leat_inet_icmp_echo(i, &p);
	p = request(frame, 4, 8, false);
	p.tuple.remote = addr(4, 1);
	leat_inet_icmp_echo(i, &p);
	p = request(frame, 4, 8, false);
	p.src.octet[0] |= 1;
	leat_inet_icmp_echo(i, &p);
	assert_int_equal(leat_inet_icmp_output(i, frame), 0);
	assert_int_equal(leat_inet_icmp_counters(i)->echo_refused, 5);
	free(i);
}

static void more_requests_than_wait_are_counted_and_dropped(void **state)
{
	uint8_t frame[FRAME_MAX];
	struct inet_icmp *i = icmp_new(false);
	struct pkt p = request(frame, 6, 100, false);

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		uint8_t out[FRAME_MAX];
		uint32_t cnt = 0;

		for (uint32_t k = 0; k < INET_ECHO_MAX + 3; k++)
			leat_inet_icmp_echo(i, &p);
		while (leat_inet_icmp_output(i, out) > 0)
			cnt++;
		assert_int_equal(cnt, INET_ECHO_MAX);
		assert_int_equal(leat_inet_icmp_counters(i)->echo_no_room, 3 * (round + 1));
	}
	free(i);
}

static void errors_are_counted_by_what_they_say(void **state)
{
	static const struct {
		int family;
		uint8_t type, code;
	} row[] = {
		{4, WIRE_ICMP4_UNREACH, 1},
		{4, WIRE_ICMP4_UNREACH, WIRE_ICMP4_UNREACH_FRAG},
		{4, WIRE_ICMP4_TIME, 0},
		{4, WIRE_ICMP4_PARAM, 0},
		{6, WIRE_ICMP6_UNREACH, 0},
		{6, WIRE_ICMP6_TOO_BIG, 0},
		{6, WIRE_ICMP6_TIME, 0},
		{6, WIRE_ICMP6_PARAM, 0},
	};
	struct inet_icmp *i = icmp_new(false);
	const struct inet_icmp_counters *c = leat_inet_icmp_counters(i);

	(void)state;
	for (uint32_t k = 0; k < sizeof(row) / sizeof(row[0]); k++) {
		struct pkt p = {.tuple = {.local = addr(row[k].family, 1)}};

		p.icmp.error.type = row[k].type;
		p.icmp.error.code = row[k].code;
		leat_inet_icmp_error(i, &p);
	}
	assert_int_equal(c->error_unreach, 2);
	assert_int_equal(c->error_too_big, 2);
	assert_int_equal(c->error_time, 2);
	assert_int_equal(c->error_param, 2);
	free(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_request_is_answered_with_its_own_data_and_length),
		cmocka_unit_test(an_echo_request_from_a_group_or_to_a_group_is_not_answered),
		cmocka_unit_test(more_requests_than_wait_are_counted_and_dropped),
		cmocka_unit_test(errors_are_counted_by_what_they_say),
	};

	return cmocka_run_group_tests_name("inet_icmp", tests, NULL, NULL);
}
