/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_pkt.h"

/* Frames of every kind, bent at random, parsed from memory of exactly their length: what is
 * accepted must be true of the octets, and nothing may be read beyond them. */

#define FRAME_CNT 200000
#define IP        WIRE_ETH_OCTETS

static struct frame f;

static void draw_tcp(struct prng *p, bool is6)
{
	uint8_t text[64];
	struct tuple t = from_peer(is6);
	struct seg seg = {.flags = (uint8_t)leat_prng_next(p),
		.opts = leat_prng_next(p) & 31,
		.mss = 1460,
		.wscale = 7,
		.sack_cnt = (uint8_t)leat_prng_below(p, 5),
		.text = (uint16_t)leat_prng_below(p, sizeof(text)),
		.data = text};

	memset(text, 0x5a, sizeof(text));
	frame_tcp(&f, &t, &seg);
}

static void draw_tcp_behind_ext(struct prng *p)
{
	uint8_t l4[256] = {0};
	struct tuple t = from_peer(true);
	uint32_t cnt = 1 + leat_prng_below(p, 9);

	draw_tcp(p, true);
	uint32_t octets = f.octets - L4_OF6;
	for (uint32_t i = 0; i < cnt; i++)
		l4[i * 8] = i + 1 < cnt ? 60 : WIRE_PROTO_TCP;
	memcpy(l4 + cnt * 8, f.at + L4_OF6, octets);
	frame_of(&f, &t, leat_prng_chance(p, 500000) ? 0 : 60, l4, cnt * 8 + octets);
}

static void draw_echo(struct prng *p, bool is6)
{
	uint8_t msg[128], data[64] = {0};
	struct tuple t = from_peer(is6);
	const struct icmp_echo echo = {.octets = leat_prng_below(p, sizeof(data)), .data = data};
	uint32_t octets = leat_wire_icmp_echo_put(msg, &t, &echo);

	frame_of(&f, &t, is6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP, msg, octets);
}

static void draw_nd(struct prng *p)
{
	uint8_t msg[ICMP_ND_OCTETS_MAX];
	struct tuple t = from_peer(true);
	struct icmp_nd nd = {.solicitation = leat_prng_next(p) & 1,
		.has_ll = leat_prng_next(p) & 1,
		.target = our_ip6};

	if (leat_prng_chance(p, 500000))
		t.remote = icmp_nd_group(our_ip6);
	frame_of(&f, &t, WIRE_PROTO_ICMP6, msg, leat_wire_icmp_nd_put(msg, &t, &nd));
}

static void draw_error(struct prng *p, bool is6)
{
	uint8_t msg[128] = {0};
	struct wire_link raw = {.raw_ip = true};
	struct tuple t = from_peer(is6), ours = tuple_turned(&t);
	const struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .octets = 20};

	msg[0] = (uint8_t)(is6 ? 1 + leat_prng_below(p, 4) : 3);
	msg[1] = (uint8_t)leat_prng_below(p, 6);
	uint32_t octets = 8 + leat_wire_pkt_hdr_put(msg + 8, &raw, NULL, &ours, &hdr);
	be16_put(msg + octets, ours.lport);
	be16_put(msg + octets + 2, ours.rport);
	octets += 8;
	if (is6)
		be16_put(msg + 2, leat_wire_cksum(&t, WIRE_PROTO_ICMP6, msg, octets));
	else
		be16_put(msg + 2, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, msg, octets)));
	frame_of(&f, &t, is6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP, msg, octets);
}

static void draw_arp(struct prng *p)
{
	const struct arp arp = {
		(uint16_t)(1 + leat_prng_below(p, 2)), peer_mac, our_mac, PEER_IP4, OUR_IP4};

	f.octets = leat_wire_eth_put(f.at, &our_mac, &peer_mac, WIRE_ETHERTYPE_ARP);
	f.octets += leat_wire_arp_put(f.at + f.octets, &arp);
}

static void draw_frame(struct prng *p)
{
	bool is6 = leat_prng_next(p) & 1;

	memset(f.at, 0, sizeof(f.at));
	switch (leat_prng_below(p, 8)) {
	case 0:
		draw_arp(p);
		break;
	case 1:
		draw_nd(p);
		break;
	case 2:
		draw_echo(p, is6);
		break;
	case 3:
		draw_error(p, is6);
		break;
	case 4:
		draw_tcp_behind_ext(p);
		break;
	default:
		draw_tcp(p, is6);
	}
}

/* bend sets octets and bits at random, most of them in the headers, and may cut the frame or
 * pad it; sums are often put right again, or nothing would come further. */
static void bend(struct prng *p)
{
	uint32_t cnt = leat_prng_below(p, 5);

	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t at = leat_prng_below(p, f.octets);
		if (leat_prng_chance(p, 500000))
			f.at[at] = (uint8_t)leat_prng_next(p);
		else
			f.at[at] ^= (uint8_t)(1u << leat_prng_below(p, 8));
	}
	if (leat_prng_chance(p, 700000) && f.octets >= L4_OF6 + TCP_HDR_OCTETS) {
		bool is6 = frame_is6(&f);
		uint8_t proto = f.at[IP + (is6 ? 6 : 9)];
		if (!is6)
			fix_ip4(&f);
		if (proto == WIRE_PROTO_TCP || proto == WIRE_PROTO_ICMP6)
			fix_l4(&f, proto, proto == WIRE_PROTO_TCP ? 16 : 2);
	}
	if (leat_prng_chance(p, 100000))
		f.octets = leat_prng_below(p, f.octets + 1);
	else if (leat_prng_chance(p, 100000))
		f.octets += leat_prng_below(p, 64);
}

static bool in_frame(const uint8_t *p, uint32_t octets)
{
	return p >= pkt_mem && octets <= pkt.octets && p + octets <= pkt_mem + pkt.octets;
}

static void check_tcp(void)
{
	const struct seg *s = &pkt.seg;
	uint8_t of_syn = TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_SACK_OK;

	assert_true(in_frame(s->data, s->text));
	assert_ptr_equal(s->data + s->text, pkt.l4 + pkt.l4_octets);
	assert_int_equal(s->len, s->text + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN));
	assert_true(pkt.tuple.lport != 0 && pkt.tuple.rport != 0 && pkt.tuple.zone == 0);
	assert_true((s->flags & TCP_SYN) || !(s->opts & of_syn));
	assert_true(!(s->opts & TCP_OPT_MSS) || s->mss > 0);
	assert_true(!(s->opts & TCP_OPT_WS) || s->wscale <= 14);
	assert_true(s->sack_cnt <= TCP_SACK_MAX && !s->sack_cnt == !(s->opts & TCP_OPT_SACK));
	assert_true(s->opt_bad_cnt <= TCP_OPT_OCTETS_MAX);
	if (pkt.l4_csum != WIRE_CSUM_GOOD)
		assert_true(leat_wire_cksum_ok(&pkt.tuple, WIRE_PROTO_TCP, pkt.l4, pkt.l4_octets));
	assert_true(pkt.l4_csum != WIRE_CSUM_BAD);
	assert_ptr_equal(s->buf, pkt.buf);
}

/* check_accepted says of a frame that is handed on what whoever takes it relies on. */
static void check_accepted(enum wire_verdict v, const struct wire_link *link)
{
	assert_true(in_frame(pkt.l4, pkt.l4_octets));
	if (v == WIRE_V_ARP)
		return;
	assert_true(ip_is4(pkt.tuple.local) == ip_is4(pkt.tuple.remote));
	assert_false(leat_wire_is_local(link, pkt.tuple.remote));
	assert_false(leat_wire_ip_is_group(pkt.tuple.remote));
	if (v == WIRE_V_ND) {
		assert_true(
			!pkt.icmp.nd.solicitation || leat_wire_is_local(link, pkt.icmp.nd.target));
		return;
	}
	assert_true(leat_wire_is_local(link, pkt.tuple.local));
	assert_true(leat_wire_ip_may_send(pkt.tuple.remote));
	if (v == WIRE_V_TCP)
		check_tcp();
	else if (v == WIRE_V_ICMP_ECHO)
		assert_true(in_frame(pkt.icmp.echo.data, pkt.icmp.echo.octets));
	else
		assert_true(ip_eq(pkt.icmp.error.tuple.local, pkt.tuple.local));
}

/* The long way leads to the same place, of any frame. */
static void check_short_way(enum wire_verdict v, const struct wire_link *link)
{
	struct pkt any;

	memset(&any, 0x5a, sizeof(any));
	any.frame = pkt.frame;
	any.octets = pkt.octets;
	any.ip_csum = pkt.ip_csum;
	any.l4_csum = pkt.l4_csum;
	any.buf = pkt.buf;
	any.room = pkt.room;
	assert_verdict(leat_wire_pkt_parse_any(&any, link), v);
	if (v != WIRE_V_TCP)
		return;
	assert_true(tuple_eq(&any.tuple, &pkt.tuple));
	assert_memory_equal(&any.dst, &pkt.dst, 2 * sizeof(struct mac));
	assert_int_equal(any.proto, pkt.proto);
	assert_int_equal(any.tos, pkt.tos);
	assert_int_equal(any.ttl, pkt.ttl);
	assert_ptr_equal(any.l4, pkt.l4);
	assert_int_equal(any.l4_octets, pkt.l4_octets);
	assert_seg_equal(&any.seg, &pkt.seg);
	assert_ptr_equal(any.seg.data, pkt.seg.data);
	assert_ptr_equal(any.seg.buf, pkt.seg.buf);
	assert_true(any.seg.room == pkt.seg.room && any.seg.tos == pkt.seg.tos);
}

static void parse_and_check(struct prng *p)
{
	struct wire_link link = our_link;
	uint32_t from = 0;

	link.raw_ip = f.octets >= IP && leat_prng_chance(p, 200000);
	if (link.raw_ip)
		from = IP;
	with_ip_csum = (uint8_t)leat_prng_below(p, 4);
	with_l4_csum = (uint8_t)leat_prng_below(p, 4);
	enum wire_verdict v = parse_octets(f.at + from, f.octets - from, &link);
	if (v < WIRE_V_DROP_FIRST)
		check_accepted(v, &link);
	check_short_way(v, &link);
}

static void what_is_accepted_of_bent_frames_is_true_of_their_octets(void **state)
{
	const uint64_t seed = 71;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (int i = 0; i < FRAME_CNT; i++) {
		draw_frame(&p);
		bend(&p);
		parse_and_check(&p);
	}
	/* The bending is worth its time only if much passes and each kind of drop is met. */
	for (int i = 0; i < WIRE_V_CNT; i++) {
		bool rare = i == WIRE_V_DROP_FRAME_LONG || i == WIRE_V_DROP_NO_BUF;
		if (verdict_cnt[i] == 0 && !rare)
			fail_msg("never met %s", leat_wire_verdict_name((enum wire_verdict)i));
	}
	assert_true(verdict_cnt[WIRE_V_TCP] > FRAME_CNT / 10);
}

static void noise_that_is_accepted_is_true_of_its_octets_too(void **state)
{
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 72);
	for (int i = 0; i < FRAME_CNT / 4; i++) {
		f.octets = leat_prng_below(&p, 200);
		for (uint32_t k = 0; k < f.octets; k++)
			f.at[k] = (uint8_t)leat_prng_next(&p);
		if (leat_prng_chance(&p, 900000)) {
			bool is6 = leat_prng_next(&p) & 1;
			leat_wire_eth_put(f.at, &our_mac, &peer_mac,
				is6 ? WIRE_ETHERTYPE_IP6 : WIRE_ETHERTYPE_IP4);
			f.at[IP] = (uint8_t)(is6 ? 0x60 : 0x40 | (f.at[IP] & 15));
			f.octets = u32_max(f.octets, IP);
		}
		parse_and_check(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_accepted_of_bent_frames_is_true_of_their_octets),
		TEST(noise_that_is_accepted_is_true_of_its_octets_too),
	};

	return cmocka_run_group_tests(tests, NULL, pkt_teardown);
}
