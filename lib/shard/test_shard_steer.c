/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_steer.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_prng.h"
#include "shard_wire.h"
#include "stack.h"
#include "wire_cksum.h"

#include <rte_mbuf.h>
#define ip netinet_ip /* rte_thash.h draws in a header with a struct ip of its own */
#include <rte_thash.h>
#undef ip

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SHARDS 5

static struct flow_steer flow;
static struct shard_steer shard[SHARDS];
static struct shard_lane lane[SHARDS][SHARDS];
static uint8_t key[FLOW_RSS_KEY_OCTETS];

/* A buffer of a device, without a device. */
struct frame {
	struct rte_mbuf m;
	uint8_t octet[128];
};

static void setup(bool trust)
{
	leat_flow_steer_key(key, 11, FLOW_STEER_TABLE, false);
	leat_flow_steer_init(&flow, key, FLOW_STEER_TABLE, SHARDS);
	for (uint32_t i = 0; i < SHARDS; i++) {
		shard[i] = (struct shard_steer){.flow = &flow, .idx = i};
		leat_shard_steer_trust(&shard[i], trust);
	}
	for (uint32_t from = 0; from < SHARDS; from++) {
		for (uint32_t to = 0; to < SHARDS; to++) {
			leat_shard_lane_init(&lane[from][to]);
			if (from == to)
				continue;
			shard[from].to[to] = &lane[from][to];
			shard[to].from[shard[to].from_cnt++] = &lane[from][to];
		}
	}
}

/* arrive makes a TCP segment for t. */
static struct rte_mbuf *arrive(struct frame *f, const struct tuple *t)
{
	struct wire_link link = {.mtu = 1500};
	struct mac dst = {{2, 0, 0, 0, 0, 1}};
	struct tuple there = tuple_turned(t);
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64, .octets = 20};

	memset(f, 0, sizeof(*f));
	uint32_t at = leat_wire_pkt_hdr_put(f->octet, &link, &dst, &there, &hdr);
	be16_put(f->octet + at, t->rport);
	be16_put(f->octet + at + 2, t->lport);
	f->m.buf_addr = f->octet;
	f->m.nb_segs = 1;
	f->m.data_len = (uint16_t)(at + 20);
	f->m.pkt_len = at + 20;
	f->m.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return &f->m;
}

/* whole makes a segment whose device says nothing of checksums, which are right. */
static struct rte_mbuf *whole(struct frame *f, const struct tuple *t, uint16_t vlan)
{
	struct wire_link link = {.mtu = 1500, .vlan = vlan};
	struct mac dst = {{2, 0, 0, 0, 0, 1}};
	struct tuple there = tuple_turned(t);
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64, .octets = 20 + 11};
	struct rte_mbuf *m = arrive(f, t);
	uint32_t at = leat_wire_pkt_hdr_put(f->octet, &link, &dst, &there, &hdr);

	memset(f->octet + at, 0x5a, hdr.octets);
	be16_put(f->octet + at, t->rport);
	be16_put(f->octet + at + 2, t->lport);
	be16_put(f->octet + at + 16, 0);
	be16_put(f->octet + at + 16,
		leat_wire_cksum(&there, WIRE_PROTO_TCP, f->octet + at, hdr.octets));
	m->data_len = (uint16_t)(at + hdr.octets);
	m->pkt_len = m->data_len;
	m->ol_flags = 0;
	return m;
}

static struct tuple any_tuple(struct prng *p, bool is4)
{
	struct tuple t = {.local = {leat_prng_next(p), leat_prng_next(p)},
		.remote = {leat_prng_next(p), leat_prng_next(p)},
		.lport = (uint16_t)leat_prng_next(p),
		.rport = (uint16_t)leat_prng_next(p)};

	if (is4) {
		t.local = ip_from4((uint32_t)t.local.lo);
		t.remote = ip_from4((uint32_t)t.remote.lo);
	}
	return t;
}

/* owned_by searches a tuple of this owner. */
static struct tuple owned_by(struct prng *p, uint32_t owner)
{
	struct tuple t;

	do
		t = any_tuple(p, true);
	while (leat_flow_steer_owner(&flow, &t) != owner);
	return t;
}

static void our_hash_is_that_of_the_library_that_drivers_use(void **state)
{
	struct prng p;

	(void)state;
	setup(false);
	leat_prng_seed(&p, 3);
	for (uint32_t i = 0; i < 1000; i++) {
		bool is4 = i % 2;
		struct tuple t = any_tuple(&p, is4);
		uint32_t input[9] = {ip_to4(t.remote), ip_to4(t.local)}, cnt = 2;

		if (!is4) {
			uint64_t word[4] = {t.remote.hi, t.remote.lo, t.local.hi, t.local.lo};

			for (cnt = 0; cnt < 8; cnt++)
				input[cnt] = (uint32_t)(word[cnt / 2] >> (cnt % 2 ? 0 : 32));
		}
		input[cnt++] = (uint32_t)t.rport << 16 | t.lport;
		assert_int_equal(
			leat_flow_rss_arriving(&flow.rss, &t), rte_softrss(input, cnt, key));
	}
}

static void every_frame_comes_to_its_owner_wherever_it_arrived(void **state)
{
	struct frame f;
	struct prng p;
	void *got[2];

	(void)state;
	setup(false);
	leat_prng_seed(&p, 5);
	for (uint32_t i = 0; i < 2000; i++) {
		struct tuple t = any_tuple(&p, i % 2);
		uint32_t owner = leat_flow_steer_owner(&flow, &t), at = i % SHARDS;
		struct rte_mbuf *m = arrive(&f, &t);

		assert_int_equal(leat_shard_steer_home(&shard[at], m), at == owner);
		for (uint32_t who = 0; who < SHARDS; who++)
			assert_int_equal(leat_shard_steer_take(&shard[who], got, 2),
				who == owner && at != owner);
		assert_true(at == owner || got[0] == m);
	}
	uint64_t in = 0, out = 0;
	for (uint32_t i = 0; i < SHARDS; i++) {
		in += shard[i].moved_in;
		out += shard[i].moved_out;
		assert_int_equal(leat_shard_steer_high(&shard[i]), 1);
	}
	assert_int_equal(in, out);
	assert_in_range(in, 1500, 1700); /* four of five */
}

static void a_trusted_device_is_asked_each_time_at_first_and_then_once_a_burst(void **state)
{
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 6);
	leat_shard_steer_take(&shard[2], got, 1);
	for (uint32_t i = 1; i <= SHARD_STEER_TRIAL; i++) {
		struct tuple t = owned_by(&p, 2);

		assert_true(leat_shard_steer_home(&shard[2], arrive(&f, &t)));
		assert_int_equal(shard[2].probed, i);
	}
	for (uint32_t burst = 1; burst <= 10; burst++) {
		leat_shard_steer_take(&shard[2], got, 1);
		for (uint32_t i = 0; i < 8; i++) {
			struct tuple t = owned_by(&p, 2);

			assert_true(leat_shard_steer_home(&shard[2], arrive(&f, &t)));
		}
		assert_int_equal(shard[2].probed, SHARD_STEER_TRIAL + burst);
	}
	assert_int_equal(shard[2].astray, 0);
	assert_true(shard[2].trust);
}

static void a_device_that_ignores_our_table_loses_the_trust_and_no_segment(void **state)
{
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 7);
	leat_shard_steer_take(&shard[0], got, 1);
	for (uint32_t i = 0; i < 20; i++) {
		struct tuple t = owned_by(&p, 3);
		struct rte_mbuf *m = arrive(&f, &t);

		assert_false(leat_shard_steer_home(&shard[0], m));
		assert_int_equal(leat_shard_steer_take(&shard[3], got, 1), 1);
		assert_ptr_equal(got[0], m);
	}
	assert_int_equal(shard[0].astray, 1);
	assert_false(shard[0].trust);
}

/* Such a burst begins with one that happens to be right as often as not. */
static void a_device_that_spreads_at_random_brings_no_segment_to_a_wrong_shard(void **state)
{
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 13);
	leat_shard_steer_take(&shard[0], got, 1);
	for (uint32_t i = 0; i < 32; i++) {
		uint32_t owner = i % 4 == 3;
		struct tuple t = owned_by(&p, owner);

		assert_int_equal(leat_shard_steer_home(&shard[0], arrive(&f, &t)), owner == 0);
		assert_int_equal(leat_shard_steer_take(&shard[1], got, 1), owner);
	}
	assert_false(shard[0].trust);
}

static void a_device_whose_hash_is_another_loses_the_trust(void **state)
{
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 8);
	struct tuple t = owned_by(&p, 1);
	struct rte_mbuf *m = arrive(&f, &t);
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	m->hash.rss = leat_flow_rss_arriving(&flow.rss, &t);
	leat_shard_steer_take(&shard[1], got, 1);
	assert_true(leat_shard_steer_home(&shard[1], m));
	assert_true(shard[1].trust);
	m->hash.rss ^= 1;
	leat_shard_steer_take(&shard[1], got, 1);
	assert_true(leat_shard_steer_home(&shard[1], m));
	assert_false(shard[1].trust);
}

/* A wire that turns a bit round: whose segment it was nobody knows, and no device is to blame. */
static void a_segment_that_was_damaged_says_nothing_about_the_device(void **state)
{
	struct shard_wire_ops wire = leat_shard_wire_mbufs(NULL);
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 21);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t owner = i % SHARDS;
		struct tuple t = any_tuple(&p, i % 2);
		struct rte_mbuf *m = whole(&f, &t, i % 3 == 0 ? 7 : 0);
		struct rte_mbuf tail = {.buf_addr = f.octet, .nb_segs = 1};

		leat_shard_steer_trust(&shard[owner], true);
		if (leat_flow_steer_owner(&flow, &t) != owner) {
			/* As it is, it would be the proof. */
			leat_shard_steer_take(&shard[owner], got, 1);
			assert_false(leat_shard_steer_home(&shard[owner], m));
			while (leat_shard_steer_take(
				       &shard[leat_flow_steer_owner(&flow, &t)], got, 1) != 0)
				;
			assert_false(shard[owner].trust);
			leat_shard_steer_trust(&shard[owner], true);
			continue;
		}
		uint64_t astray = shard[owner].astray;
		assert_true(wire.spoil(NULL, m, leat_prng_next(&p)));
		if (i % 5 == 0) { /* in two pieces, the first of which ends anywhere in the text */
			tail.data_off = (uint16_t)(m->data_len - 1 - leat_prng_below(&p, 8));
			tail.data_len = (uint16_t)(m->data_len - tail.data_off);
			m->data_len = tail.data_off;
			m->nb_segs = 2;
			m->next = &tail;
		}
		leat_shard_steer_take(&shard[owner], got, 1);
		leat_shard_steer_home(&shard[owner], m);
		assert_int_equal(shard[owner].astray, astray);
		assert_true(shard[owner].trust);
		for (uint32_t k = 0; k < SHARDS; k++) /* one that looks like another's went there */
			leat_shard_steer_take(&shard[k], got, 1);
	}
}

/* A bit that no checksum guards would be believed: an address of ARP for half a minute. */
static void a_wire_damages_what_has_a_checksum_and_loses_the_rest(void **state)
{
	static const uint16_t type[] = {WIRE_ETHERTYPE_ARP, 0x88cc, 0x86de};
	struct shard_wire_ops wire = leat_shard_wire_mbufs(NULL);
	uint8_t before[sizeof(((struct frame *)NULL)->octet)];
	struct frame f;
	struct prng p;

	(void)state;
	setup(false);
	leat_prng_seed(&p, 22);
	for (uint32_t i = 0; i < 10000; i++) {
		struct tuple t = any_tuple(&p, i % 2);
		struct rte_mbuf *m = whole(&f, &t, i % 3 == 0 ? 7 : 0);
		uint32_t guarded = (i % 3 == 0 ? 18u : 14u) + (i % 2 ? 0 : 8), end = m->data_len,
			 at = 0;

		m->data_len = (uint16_t)(m->data_len + 9); /* what the link adds is nobody's */
		memcpy(before, f.octet, sizeof(before));
		assert_true(wire.spoil(NULL, m, leat_prng_next(&p)));
		while (at < sizeof(before) && before[at] == f.octet[at])
			at++;
		assert_in_range(at, guarded, end - 1);
		be16_put(f.octet + 12, type[i % COUNT_OF(type)]);
		assert_false(wire.spoil(NULL, m, leat_prng_next(&p)));
	}
}

static void a_device_started_anew_is_given_trust_and_a_trial_anew(void **state)
{
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 14);
	leat_shard_steer_take(&shard[0], got, 1);
	struct tuple strange = owned_by(&p, 3), own = owned_by(&p, 0);
	assert_false(leat_shard_steer_home(&shard[0], arrive(&f, &strange)));
	assert_int_equal(leat_shard_steer_take(&shard[3], got, 1), 1);
	assert_false(shard[0].trust);
	uint64_t before = shard[0].probed;
	leat_shard_steer_trust(&shard[0], true);
	for (uint32_t i = 1; i <= SHARD_STEER_TRIAL; i++) {
		assert_true(leat_shard_steer_home(&shard[0], arrive(&f, &own)));
		assert_int_equal(shard[0].probed, before + i);
	}
	assert_true(leat_shard_steer_home(&shard[0], arrive(&f, &own)));
	assert_int_equal(shard[0].probed, before + SHARD_STEER_TRIAL);
	/* It lies again: the trial ends as the first did. */
	leat_shard_steer_trust(&shard[0], true);
	assert_false(leat_shard_steer_home(&shard[0], arrive(&f, &strange)));
	assert_int_equal(leat_shard_steer_take(&shard[3], got, 1), 1);
	assert_false(shard[0].trust);
	assert_int_equal(shard[0].astray, 2);
}

static void a_segment_that_reaches_the_wrong_stack_is_counted(void **state)
{
	static struct stack_burst b;
	struct prng p;

	(void)state;
	setup(true);
	leat_prng_seed(&p, 12);
	b.cnt = 1;
	b.verdict[0] = WIRE_V_TCP;
	b.pkt[0].tuple = owned_by(&p, 2);
	leat_shard_steer_check(&shard[2], &b);
	assert_int_equal(shard[2].wrong, 0);
	leat_shard_steer_check(&shard[3], &b);
	assert_int_equal(shard[3].wrong, 1);
}

/* What a device may look at differently is asked, trust or not. */
static void a_segment_with_options_moves_from_a_trusted_queue(void **state)
{
	struct frame f;
	struct prng p;
	void *got[1];

	(void)state;
	setup(true);
	leat_prng_seed(&p, 9);
	struct tuple t = owned_by(&p, 4);
	struct rte_mbuf *m = arrive(&f, &t);
	memmove(f.octet + 38, f.octet + 34, 20);
	f.octet[14] = 0x46;
	m->data_len += 4;
	m->pkt_len += 4;
	assert_false(leat_shard_steer_home(&shard[0], m));
	assert_int_equal(leat_shard_steer_take(&shard[4], got, 1), 1);
	assert_true(shard[0].trust);
}

static void a_frame_in_pieces_is_read_across_them(void **state)
{
	struct frame f, rest = {.octet = {0}};
	struct prng p;
	void *got[1];

	(void)state;
	setup(false);
	leat_prng_seed(&p, 10);
	for (uint16_t cut = 1; cut < 54; cut++) {
		struct tuple t = owned_by(&p, 2);
		struct rte_mbuf *m = arrive(&f, &t);

		memcpy(rest.octet, f.octet + cut, (size_t)(54 - cut));
		rest.m.buf_addr = rest.octet;
		rest.m.data_len = (uint16_t)(54 - cut);
		rest.m.nb_segs = 1;
		m->data_len = cut;
		m->next = &rest.m;
		m->nb_segs = 2;
		memset(f.octet + cut, 0xff, sizeof(f.octet) - cut);
		assert_false(leat_shard_steer_home(&shard[0], m));
		assert_int_equal(leat_shard_steer_take(&shard[2], got, 1), 1);
	}
}

static void no_lane_waits_for_another(void **state)
{
	static struct frame f[SHARDS];
	struct prng p;
	void *got[8];

	(void)state;
	setup(false);
	leat_prng_seed(&p, 12);
	for (uint32_t i = 1; i < SHARDS; i++) {
		struct tuple t = owned_by(&p, 0);

		for (uint32_t k = 0; k < 100; k++)
			assert_false(leat_shard_steer_home(&shard[i], arrive(&f[i], &t)));
	}
	/* Four turns of eight frames: each lane is first in one of them. */
	for (uint32_t i = 0; i < SHARDS - 1; i++)
		assert_int_equal(leat_shard_steer_take(&shard[0], got, 8), 8);
	for (uint32_t i = 1; i < SHARDS; i++)
		assert_int_equal(leat_shard_lane_held(&lane[i][0]), 92);
}

/* fill has shard 0 receive frames of owner until one is dropped, in so many bursts, and returns how
 * many it took. */
static uint32_t fill(struct prng *p, uint32_t owner, uint32_t bursts)
{
	static struct frame f;
	uint32_t cnt = 0;
	void *got[1];

	for (uint32_t i = 0; i < bursts; i++) {
		leat_shard_steer_take(&shard[0], got, 1);
		for (uint32_t k = 0; k < 32; k++) {
			struct tuple t = owned_by(p, owner);
			uint64_t before = shard[0].moved_out;

			struct rte_mbuf *m = arrive(&f, &t);
			f.m.refcnt = 2; /* a drop takes one of two */
			assert_false(leat_shard_steer_home(&shard[0], m));
			cnt += shard[0].moved_out != before;
		}
	}
	return cnt;
}

/* Whatever number of readers stands still, the one that turns finds room, and the sum is bounded by
 * what packet buffers are planned for. */
static void readers_that_stand_still_share_a_bounded_number_of_frames(void **state)
{
	const uint32_t max = SHARD_STEER_LENT_MAX;
	uint32_t held = 0, last = 0;
	struct prng p;
	void *got[64];

	(void)state;
	setup(false);
	leat_prng_seed(&p, 15);
	for (uint32_t owner = 1; owner < SHARDS - 1; owner++) {
		uint32_t room = max - held, cnt = fill(&p, owner, 40);

		/* Half of what is left, of whatever was left. */
		assert_in_range(cnt, u32_min(room / 2, SHARD_LANE_SLOTS) - 1, room / 2 + 1);
		held += cnt;
		assert_true(owner == 1 || cnt < last);
		last = cnt;
		assert_int_equal(leat_shard_lane_held(&lane[0][owner]), cnt);
		/* A reader that turns gets everything meanwhile. */
		for (uint32_t i = 0; i < 100; i++) {
			assert_int_equal(fill(&p, SHARDS - 1, 1), 32);
			assert_int_equal(leat_shard_steer_take(&shard[SHARDS - 1], got, 64), 32);
		}
	}
	assert_true(held < max);
	/* They turn again, and so does everything. */
	for (uint32_t owner = 1; owner < SHARDS; owner++) {
		while (leat_shard_steer_take(&shard[owner], got, 64) != 0)
			;
	}
	assert_in_range(fill(&p, 2, 40), max / 2 - 1, max / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_hash_is_that_of_the_library_that_drivers_use),
		cmocka_unit_test(every_frame_comes_to_its_owner_wherever_it_arrived),
		cmocka_unit_test(
			a_trusted_device_is_asked_each_time_at_first_and_then_once_a_burst),
		cmocka_unit_test(a_device_that_ignores_our_table_loses_the_trust_and_no_segment),
		cmocka_unit_test(
			a_device_that_spreads_at_random_brings_no_segment_to_a_wrong_shard),
		cmocka_unit_test(a_device_whose_hash_is_another_loses_the_trust),
		cmocka_unit_test(a_segment_that_was_damaged_says_nothing_about_the_device),
		cmocka_unit_test(a_wire_damages_what_has_a_checksum_and_loses_the_rest),
		cmocka_unit_test(a_device_started_anew_is_given_trust_and_a_trial_anew),
		cmocka_unit_test(a_segment_with_options_moves_from_a_trusted_queue),
		cmocka_unit_test(a_frame_in_pieces_is_read_across_them),
		cmocka_unit_test(a_segment_that_reaches_the_wrong_stack_is_counted),
		cmocka_unit_test(no_lane_waits_for_another),
		cmocka_unit_test(readers_that_stand_still_share_a_bounded_number_of_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
