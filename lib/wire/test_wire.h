/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_WIRE_H
#define LEAT_TEST_WIRE_H

/* test_wire: frames for the unit tests of wire: built from structs, bent, and parsed from memory
 * that is exactly as long as the frame, so that the address sanitizer sees what reads past it. */

#include "base_be.h"
#include "base_bits.h"
#include "base_prng.h"
#include "wire_cksum.h"
#include "wire_pkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OUR_IP4  0x0a000001 /* 10.0.0.1/24 */
#define PEER_IP4 0x0a000002
#define L4_OF4   (WIRE_ETH_OCTETS + WIRE_IP4_OCTETS)
#define L4_OF6   (WIRE_ETH_OCTETS + WIRE_IP6_OCTETS)

struct frame {
	uint8_t at[2048];
	uint32_t octets;
};

static const struct mac our_mac = {{0x02, 0, 0, 0, 0, 1}}, peer_mac = {{0x02, 0, 0, 0, 0, 2}};
static const struct ip our_ip6 = {0x20010db800000000, 1}, peer_ip6 = {0x20010db800000000, 2};

/* What became of the last frame parsed, how it was parsed, and which verdicts there were. */
static struct pkt pkt;
static uint8_t *pkt_mem;
static uint8_t with_ip_csum = WIRE_CSUM_UNKNOWN, with_l4_csum = WIRE_CSUM_UNKNOWN;
static uint32_t verdict_cnt[WIRE_V_CNT];
static struct wire_link our_link, peer_link;

/* 10.0.0.1/24, 10.1.0.0/31, 2001:db8::1/64, and the range 10.9.0.0 to 10.9.3.255. */
static inline void links_init(void)
{
	our_link = (struct wire_link){.mac = our_mac, .mtu = 1500, .local_cnt = 3};
	our_link.local[0] = (struct wire_local){ip_from4(OUR_IP4), 24};
	our_link.local[1] = (struct wire_local){our_ip6, 64};
	our_link.local[2] = (struct wire_local){ip_from4(0x0a010000), 31};
	our_link.range_from = ip_from4(0x0a090000);
	our_link.range_to = ip_from4(0x0a0903ff);
	peer_link = (struct wire_link){.mac = peer_mac, .mtu = 1500};
	with_ip_csum = with_l4_csum = WIRE_CSUM_UNKNOWN;
}

static inline int links_setup(void **state)
{
	(void)state;
	links_init();
	return 0;
}

static inline int pkt_teardown(void **state)
{
	(void)state;
	free(pkt_mem);
	pkt_mem = NULL;
	return 0;
}

/* The ends as the peer, who sends, sees them. */
static inline struct tuple from_peer(bool is6)
{
	struct tuple t = {.lport = 40000, .rport = 80};

	t.local = is6 ? peer_ip6 : ip_from4(PEER_IP4);
	t.remote = is6 ? our_ip6 : ip_from4(OUR_IP4);
	return t;
}

/* frame_of wraps octets at l4 in IP and Ethernet, from the peer to us. */
static inline void frame_of(
	struct frame *f, const struct tuple *t, uint8_t proto, const uint8_t *l4, uint32_t octets)
{
	const struct ip_hdr hdr = {.proto = proto, .tos = 0, .ttl = 255, .octets = octets};

	f->octets = leat_wire_pkt_hdr_put(f->at, &peer_link, &our_mac, t, &hdr);
	assert_true(f->octets + octets <= sizeof(f->at));
	memcpy(f->at + f->octets, l4, octets);
	f->octets += octets;
}

/* frame_tcp is the whole frame of a segment whose text lies at seg->data. */
static inline void frame_tcp(struct frame *f, const struct tuple *t, const struct seg *seg)
{
	uint8_t l4[2048];
	uint32_t octets = leat_wire_seg_put(l4, t->lport, t->rport, seg);

	if (seg->text)
		memcpy(l4 + octets, seg->data, seg->text);
	octets += seg->text;
	be16_put(l4 + 16, leat_wire_cksum(t, WIRE_PROTO_TCP, l4, octets));
	frame_of(f, t, WIRE_PROTO_TCP, l4, octets);
}

/* frame_ack is a segment with text_octets of text and, if has_ts, timestamps. */
static inline void frame_ack(struct frame *f, bool is6, uint16_t text_octets, bool has_ts)
{
	uint8_t text[1460];
	struct seg seg = {.seq = {1000},
		.ack = {2000},
		.wnd = 512,
		.flags = TCP_ACK | TCP_PSH,
		.text = text_octets,
		.opts = has_ts ? TCP_OPT_TS : 0,
		.ts_val = 77,
		.ts_ecr = 66,
		.data = text};
	struct tuple t = from_peer(is6);

	for (uint32_t i = 0; i < text_octets; i++)
		text[i] = (uint8_t)(i * 7 + 1);
	frame_tcp(f, &t, &seg);
}

static inline bool frame_is6(const struct frame *f)
{
	return be16_get(f->at + 12) == WIRE_ETHERTYPE_IP6;
}

static inline void fix_ip4(struct frame *f)
{
	uint8_t *ip = f->at + WIRE_ETH_OCTETS;

	be16_put(ip + 10, 0);
	be16_put(ip + 10, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, ip, (ip[0] & 15u) * 4)));
}

/* fix_l4 puts the checksum of protocol proto, at field in the upper layer, right for the
 * addresses in the header; what lies behind the fixed IP header must be the upper layer. */
static inline void fix_l4(struct frame *f, uint8_t proto, uint32_t field)
{
	bool is6 = frame_is6(f);
	uint32_t at = is6 ? L4_OF6 : L4_OF4, octets = f->octets - at;
	const uint8_t *ip = f->at + WIRE_ETH_OCTETS;
	struct tuple t = {.zone = 0};

	t.local = is6 ? (struct ip){be64_get(ip + 8), be64_get(ip + 16)}
		      : ip_from4(be32_get(ip + 12));
	t.remote = is6 ? (struct ip){be64_get(ip + 24), be64_get(ip + 32)}
		       : ip_from4(be32_get(ip + 16));
	be16_put(f->at + at + field, 0);
	be16_put(f->at + at + field, leat_wire_cksum(&t, proto, f->at + at, octets));
}

static inline void fix_tcp(struct frame *f)
{
	if (!frame_is6(f))
		fix_ip4(f);
	fix_l4(f, WIRE_PROTO_TCP, 16);
}

static inline enum wire_verdict parse_octets(
	const uint8_t *octet, uint32_t octets, const struct wire_link *link)
{
	static int handle;

	free(pkt_mem);
	pkt_mem = malloc(octets);
	assert_true(pkt_mem != NULL || octets == 0);
	if (octets)
		memcpy(pkt_mem, octet, octets);
	memset(&pkt, 0xa5, sizeof(pkt));
	pkt.frame = pkt_mem;
	pkt.octets = octets;
	pkt.ip_csum = with_ip_csum;
	pkt.l4_csum = with_l4_csum;
	pkt.buf = &handle;
	enum wire_verdict v = leat_wire_pkt_parse(&pkt, link);
	assert_true(v < WIRE_V_CNT);
	verdict_cnt[v]++;
	return v;
}

static inline enum wire_verdict parse(const struct frame *f)
{
	return parse_octets(f->at, f->octets, &our_link);
}

/* Equal in all but where the text lies. */
static inline void assert_seg_equal(const struct seg *a, const struct seg *b)
{
	assert_true(seq_eq(a->seq, b->seq) && seq_eq(a->ack, b->ack));
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->text, b->text);
	assert_true(a->wnd == b->wnd && a->up == b->up && a->flags == b->flags);
	assert_int_equal(a->opts, b->opts);
	assert_int_equal(a->opt_bad_cnt, b->opt_bad_cnt);
	assert_true(!(a->opts & TCP_OPT_MSS) || a->mss == b->mss);
	assert_true(!(a->opts & TCP_OPT_WS) || a->wscale == b->wscale);
	assert_true(!(a->opts & TCP_OPT_TS) || a->ts_val == b->ts_val);
	assert_true(!(a->opts & TCP_OPT_TS) || a->ts_ecr == b->ts_ecr);
	assert_int_equal(a->sack_cnt, b->sack_cnt);
	for (int i = 0; i < a->sack_cnt; i++) {
		assert_true(seq_eq(a->sack[i].left, b->sack[i].left));
		assert_true(seq_eq(a->sack[i].right, b->sack[i].right));
	}
}

/* Which of the two files of tests must reach v: test_wire_ip those on options and extension
 * headers, test_wire_pkt the others.  One is given not by the parser but by who receives. */
static inline bool verdict_is_tested_here(enum wire_verdict v, bool in_test_wire_ip)
{
	switch (v) {
	case WIRE_V_DROP_NO_BUF:
		return false;
	case WIRE_V_DROP_IP_OPTION:
	case WIRE_V_DROP_IP_FRAG:
	case WIRE_V_DROP_IP6_EXT:
	case WIRE_V_DROP_IP6_ROUTING:
		return in_test_wire_ip;
	default:
		return !in_test_wire_ip;
	}
}

#define TEST(name) cmocka_unit_test_setup(name, links_setup)

/* A failure names both verdicts. */
#define assert_verdict(got, want)                                                                  \
	assert_string_equal(leat_wire_verdict_name(got), leat_wire_verdict_name(want))

#endif
