/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_steer.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_prng.h"
#include "flow_port.h"
#include "wire_pkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHARDS 16
#define ROOM   256

static struct flow_steer steer;

static struct ip any_ip(struct prng *p, bool is4)
{
	if (is4)
		return ip_from4((uint32_t)leat_prng_next(p));
	return (struct ip){leat_prng_next(p), leat_prng_next(p)};
}

static struct tuple any_tuple(struct prng *p, bool is4)
{
	return (struct tuple){.local = any_ip(p, is4),
		.remote = any_ip(p, is4),
		.lport = (uint16_t)leat_prng_next(p),
		.rport = (uint16_t)leat_prng_next(p)};
}

static void steer_new(uint64_t seed, uint32_t table_cnt, uint32_t shard_cnt, bool symmetric)
{
	uint8_t key[FLOW_RSS_KEY_OCTETS];

	leat_flow_steer_key(key, seed, table_cnt, symmetric);
	leat_flow_steer_init(&steer, key, table_cnt, shard_cnt);
}

static struct flow_port *ports_new(uint16_t from, uint16_t to, uint64_t seed, uint32_t shard_idx)
{
	void *mem = aligned_alloc(CACHE_LINE, leat_flow_port_footprint(1, from, to));

	assert_non_null(mem);
	struct flow_port *f = leat_flow_port_new(mem, 1, from, to, seed);
	leat_flow_port_share(f, &steer, shard_idx);
	return f;
}

/* deal lets every shard take all ports it gets and checks that each is its own, that none is given
 * twice, and that none is left. */
static void deal(struct prng *p, uint16_t from, uint16_t to, bool is4)
{
	static uint8_t taken[UINT16_MAX + 1];
	struct tuple t = any_tuple(p, is4);
	uint32_t sum = 0, least = UINT32_MAX, most = 0;

	memset(taken, 0, sizeof(taken));
	for (uint32_t shard = 0; shard < steer.shard_cnt; shard++) {
		struct flow_port *f = ports_new(from, to, leat_prng_next(p), shard);
		uint32_t cnt = 0;

		while ((t.lport = leat_flow_port_take(f, 0, &t)) != 0) {
			assert_in_range(t.lport, from, to);
			assert_int_equal(leat_flow_steer_owner(&steer, &t), shard);
			assert_false(taken[t.lport]++);
			cnt++;
		}
		sum += cnt;
		least = u32_min(least, cnt);
		most = u32_max(most, cnt);
		free(f);
	}
	assert_int_equal(sum, UINT32_C(1) + to - from);
	/* In a whole run of the table shares differ by an entry; at the ends a run is cut. */
	uint32_t runs = (UINT32_C(1) + to - from) / steer.table_cnt;
	uint32_t of_cut = 2 * u32_min(steer.table_cnt, steer.table_cnt / steer.shard_cnt + 1);
	bool even = steer.table_cnt % steer.shard_cnt == 0;
	assert_in_range(most - least, 0, (even ? 0 : runs) + of_cut);
}

static void every_port_has_one_shard_to_which_its_replies_come(void **state)
{
	static const uint16_t range[][2] = {{1, UINT16_MAX}, {1024, 2047}, {32768, 60999}};
	static const uint32_t table[] = {16, 64, 128, 512};
	struct prng p;

	(void)state;
	print_message("# seed 6056\n");
	leat_prng_seed(&p, 6056);
	for (uint32_t shards = 1; shards <= SHARDS; shards++) {
		for (uint32_t i = 0; i < COUNT_OF(table) * COUNT_OF(range); i++) {
			const uint16_t *r = range[i % COUNT_OF(range)];

			steer_new(leat_prng_next(&p), table[i / COUNT_OF(range)], shards, i % 2);
			deal(&p, r[0], r[1], true);
			deal(&p, r[0], r[1], false);
		}
	}
}

static void a_port_given_back_ends_a_search_that_found_none(void **state)
{
	struct tuple t = {.local = ip_from4(1), .remote = ip_from4(2), .rport = 80};

	(void)state;
	steer_new(3, 128, 4, false);
	struct flow_port *f = ports_new(1024, 1151, 1, 2);
	uint16_t first = leat_flow_port_take(f, 0, &t), port;
	while ((port = leat_flow_port_take(f, 0, &t)) != 0)
		assert_int_not_equal(port, first);
	assert_int_equal(leat_flow_port_free_cnt(f, 0), 96);
	assert_int_equal(leat_flow_port_take(f, 0, &t), 0);
	/* Other ends, other ports: what was found of one tuple does not hold for the next. */
	t.rport = 81;
	assert_true((port = leat_flow_port_take(f, 0, &t)) != 0);
	leat_flow_port_give(f, 0, port);
	t.rport = 80;
	leat_flow_port_give(f, 0, first);
	assert_int_equal(leat_flow_port_take(f, 0, &t), first);
	free(f);
}

static void a_symmetric_key_gives_both_ends_of_a_flow_one_owner(void **state)
{
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		steer_new(i / 100, 128, 1 + i % SHARDS, true);
		struct tuple t = any_tuple(&p, i % 2);
		struct tuple there = tuple_turned(&t);

		assert_int_equal(
			leat_flow_steer_owner(&steer, &t), leat_flow_steer_owner(&steer, &there));
	}
}

static void a_key_that_leaves_entries_without_ports_is_told(void **state)
{
	uint8_t key[FLOW_RSS_KEY_OCTETS] = {0}, other[FLOW_RSS_KEY_OCTETS];

	(void)state;
	assert_false(leat_flow_steer_key_ok(key, 128));
	memset(key, 0xff, sizeof(key));
	assert_false(leat_flow_steer_key_ok(key, 128));
	assert_true(leat_flow_steer_key_ok(key, 2));
	leat_flow_steer_key(key, 7, 512, false);
	leat_flow_steer_key(other, 8, 512, false);
	assert_true(leat_flow_steer_key_ok(key, 512));
	assert_memory_not_equal(key, other, sizeof(key));
}

/* tcp_frame writes a segment that arrives for t and returns its octets. */
static uint32_t tcp_frame(uint8_t *frame, const struct tuple *t)
{
	struct wire_link link = {.mtu = 1500};
	struct mac dst = {{2, 0, 0, 0, 0, 1}};
	struct tuple there = tuple_turned(t);
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64, .octets = 20};

	memset(frame, 0, ROOM);
	uint32_t at = leat_wire_pkt_hdr_put(frame, &link, &dst, &there, &hdr);
	be16_put(frame + at, t->rport);
	be16_put(frame + at + 2, t->lport);
	return at + 20;
}

/* icmp_frame writes an ICMP error about a segment that we sent. */
static uint32_t icmp_frame(uint8_t *frame, const struct tuple *t, bool is4)
{
	struct wire_link link = {.mtu = 1500};
	struct mac dst = {{2, 0, 0, 0, 0, 1}};
	struct tuple router = {ip_from4(0xc0000201), t->local, 0, 0, 0};
	struct tuple there = tuple_turned(t);
	uint8_t quoted[ROOM];
	uint32_t octets = tcp_frame(quoted, &there) - WIRE_ETH_OCTETS - 12;
	struct ip_hdr hdr = {.proto = is4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6,
		.ttl = 64,
		.octets = ICMP_HDR_OCTETS + octets};

	if (!is4)
		router.local = (struct ip){UINT64_C(0x20010db8) << 32, 9};
	memset(frame, 0, ROOM);
	uint32_t at = leat_wire_pkt_hdr_put(frame, &link, &dst, &router, &hdr);
	frame[at] = is4 ? WIRE_ICMP4_UNREACH : WIRE_ICMP6_TOO_BIG;
	memcpy(frame + at + ICMP_HDR_OCTETS, quoted + WIRE_ETH_OCTETS, octets);
	return at + ICMP_HDR_OCTETS + octets;
}

static void want(const uint8_t *frame, uint32_t octets, enum flow_peek kind, const struct tuple *t)
{
	struct tuple got;

	assert_int_equal(leat_flow_steer_peek(frame, octets, &got), kind);
	bool tagged = frame[12] == 0x81 || frame[12] == 0x88;
	assert_int_equal(flow_steer_is_plain(frame, octets), kind == FLOW_PEEK_PLAIN && !tagged);
	if (kind != FLOW_PEEK_NONE)
		assert_true(tuple_eq(&got, t));
	/* Cut anywhere it is not read beyond its end, in a place of just that size. */
	for (uint32_t cut = 0; cut < octets; cut++) {
		uint8_t *small = malloc(cut + 1);

		assert_non_null(small);
		memcpy(small + 1, frame, cut);
		enum flow_peek of_cut = leat_flow_steer_peek(small + 1, cut, &got);
		assert_true(of_cut == FLOW_PEEK_NONE || tuple_eq(&got, t));
		free(small);
	}
}

/* tag puts cnt VLAN tags into frame. */
static uint32_t tag(uint8_t *frame, uint32_t octets, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		memmove(frame + 16, frame + 12, octets - 12);
		be16_put(frame + 12, i == 0 ? WIRE_ETHERTYPE_VLAN : WIRE_ETHERTYPE_QINQ);
		be16_put(frame + 14, 7);
		octets += 4;
	}
	return octets;
}

static void a_frame_tells_its_flow_as_the_parser_would(void **state)
{
	uint8_t frame[ROOM];
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 9);
	for (uint32_t i = 0; i < 40; i++) {
		bool is4 = i % 2;
		struct tuple t = any_tuple(&p, is4);

		for (uint32_t tags = 0; tags <= 2; tags++)
			want(frame, tag(frame, tcp_frame(frame, &t), tags), FLOW_PEEK_PLAIN, &t);
		want(frame, tag(frame, tcp_frame(frame, &t), 3), FLOW_PEEK_NONE, &t);
		want(frame, icmp_frame(frame, &t, is4), FLOW_PEEK_ODD, &t);
	}
}

static void of_fragments_the_first_tells_and_the_others_do_not(void **state)
{
	struct tuple t = {ip_from4(0xc6120001), ip_from4(0xc6120002), 80, 1234, 0};
	uint8_t frame[ROOM];
	uint32_t octets = tcp_frame(frame, &t);

	(void)state;
	be16_put(frame + WIRE_ETH_OCTETS + 6, 0x2000);
	want(frame, octets, FLOW_PEEK_ODD, &t);
	be16_put(frame + WIRE_ETH_OCTETS + 6, 0x2001);
	want(frame, octets, FLOW_PEEK_NONE, &t);
	be16_put(frame + WIRE_ETH_OCTETS + 6, 0x0001);
	want(frame, octets, FLOW_PEEK_NONE, &t);
}

/* extend puts an extension header of 8 octets behind the IPv6 header. */
static uint32_t extend(uint8_t *frame, uint32_t octets, uint8_t number)
{
	uint8_t *ip = frame + WIRE_ETH_OCTETS, *ext = ip + WIRE_IP6_OCTETS;

	memmove(ext + 8, ext, octets - WIRE_ETH_OCTETS - WIRE_IP6_OCTETS);
	memset(ext, 0, 8);
	ext[0] = ip[6];
	ip[6] = number;
	return octets + 8;
}

static void extension_headers_are_passed_and_their_number_is_bounded(void **state)
{
	static const uint8_t ext[] = {0, 60, 43, 44};
	struct tuple t = {{1, 2}, {3, 4}, 80, 1234, 0};
	uint8_t frame[ROOM];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(ext); i++) {
		uint32_t octets = extend(frame, tcp_frame(frame, &t), ext[i]);

		want(frame, octets, FLOW_PEEK_ODD, &t);
		if (ext[i] != 44)
			continue;
		be16_put(frame + WIRE_ETH_OCTETS + WIRE_IP6_OCTETS + 2, 8);
		want(frame, octets, FLOW_PEEK_NONE, &t);
	}
	uint32_t octets = tcp_frame(frame, &t);
	for (uint32_t i = 0; i < 9; i++)
		octets = extend(frame, octets, 60);
	want(frame, octets, FLOW_PEEK_NONE, &t);
}

static void what_is_no_flow_is_nobodys(void **state)
{
	struct tuple t = {ip_from4(0xc6120001), ip_from4(0xc6120002), 80, 1234, 0};
	uint8_t frame[ROOM];
	uint32_t octets = tcp_frame(frame, &t);

	(void)state;
	frame[WIRE_ETH_OCTETS + 9] = 17;
	want(frame, octets, FLOW_PEEK_NONE, &t);
	frame[WIRE_ETH_OCTETS] = 0x65;
	want(frame, octets, FLOW_PEEK_NONE, &t);
	be16_put(frame + 12, WIRE_ETHERTYPE_ARP);
	want(frame, octets, FLOW_PEEK_NONE, &t);
	/* An error about an error is about no flow. */
	octets = icmp_frame(frame, &t, true);
	frame[WIRE_ETH_OCTETS + WIRE_IP4_OCTETS + ICMP_HDR_OCTETS + 9] = WIRE_PROTO_ICMP;
	want(frame, octets, FLOW_PEEK_NONE, &t);
	octets = icmp_frame(frame, &t, true);
	frame[WIRE_ETH_OCTETS + WIRE_IP4_OCTETS] = WIRE_ICMP4_ECHO;
	want(frame, octets, FLOW_PEEK_NONE, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_port_has_one_shard_to_which_its_replies_come),
		cmocka_unit_test(a_port_given_back_ends_a_search_that_found_none),
		cmocka_unit_test(a_symmetric_key_gives_both_ends_of_a_flow_one_owner),
		cmocka_unit_test(a_key_that_leaves_entries_without_ports_is_told),
		cmocka_unit_test(a_frame_tells_its_flow_as_the_parser_would),
		cmocka_unit_test(of_fragments_the_first_tells_and_the_others_do_not),
		cmocka_unit_test(extension_headers_are_passed_and_their_number_is_bounded),
		cmocka_unit_test(what_is_no_flow_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
