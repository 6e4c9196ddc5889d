/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "fuzz_sums.h"
#include "reach.h"

/* F1: any octets as a frame.  The parser must say the same of a frame that arrived in pieces, must
 * point into the frame only, and must agree with a second, naive reading of plain TCP packets; what
 * it understood, written again, must be understood the same.
 *
 *	octet 0   bit 0: no Ethernet; bits 1 to 3 all clear: leave the sums as they are
 *	octet 1   where the frame is cut */

#define OUR_IP4 UINT32_C(0x0a000001)

static const struct mac our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct ip our_ip6 = {UINT64_C(0xfd00) << 48, 1};

/* What a plain segment says, read field by field. */
struct naive {
	uint64_t remote_hi, remote_lo;
	uint32_t rport, lport, seq, ack, flags, wnd, up, text;
};

static uint32_t number(const uint8_t *p, uint32_t octets)
{
	uint32_t n = 0;

	while (octets-- > 0)
		n = n << 8 | *p++;
	return n;
}

static uint32_t sum(uint32_t from, const uint8_t *p, uint32_t octets)
{
	for (uint32_t i = 0; i < octets; i++)
		from += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static bool naive_tcp(const uint8_t *tcp, uint32_t octets, uint32_t pseudo, struct naive *n)
{
	if (octets < 20 || tcp[12] >> 4 < 5 || tcp[12] >> 4 > octets / 4)
		return false;
	if (sum(pseudo + 6 + octets, tcp, octets) != 0xffff)
		return false;
	n->rport = number(tcp, 2);
	n->lport = number(tcp + 2, 2);
	n->seq = number(tcp + 4, 4);
	n->ack = number(tcp + 8, 4);
	n->flags = tcp[13];
	n->wnd = number(tcp + 14, 2);
	n->up = number(tcp + 18, 2);
	n->text = octets - (uint32_t)(tcp[12] >> 4) * 4;
	return n->rport != 0 && n->lport != 0;
}

/* A TCP segment for us, from 10.0.0.2 to 10.0.0.254 or fd00::2 and above, without IP options and
 * extension headers. */
static bool naive_ip(const uint8_t *ip, uint32_t octets, struct naive *n)
{
	if (octets >= 40 && ip[0] == 0x45 && ip[9] == 6) {
		uint32_t all = number(ip + 2, 2);
		if (all > octets || all < 20 || sum(0, ip, 20) != 0xffff ||
			number(ip + 6, 2) & 0x3fff || number(ip + 16, 4) != OUR_IP4 ||
			number(ip + 12, 4) - OUR_IP4 - 1 > 252)
			return false;
		n->remote_hi = 0;
		n->remote_lo = UINT64_C(0xffff00000000) | number(ip + 12, 4);
		return naive_tcp(ip + 20, all - 20, sum(0, ip + 12, 8), n);
	}
	if (octets >= 60 && ip[0] >> 4 == 6 && ip[6] == 6) {
		uint32_t all = number(ip + 4, 2);
		if (all == 0 || all > octets - 40 || number(ip + 24, 4) != 0xfd000000 ||
			number(ip + 28, 4) != 0 || number(ip + 32, 4) != 0 ||
			number(ip + 36, 4) != 1 || number(ip + 8, 4) != 0xfd000000 ||
			number(ip + 12, 4) != 0 || number(ip + 16, 4) != 0 ||
			number(ip + 20, 4) < 2)
			return false;
		n->remote_hi = our_ip6.hi;
		n->remote_lo = number(ip + 20, 4);
		return naive_tcp(ip + 40, all, sum(0, ip + 8, 32), n);
	}
	return false;
}

static bool naive_frame(
	const uint8_t *p, uint32_t octets, const struct wire_link *link, struct naive *n)
{
	if (link->raw_ip)
		return octets <= link->mtu && naive_ip(p, octets, n);
	if (octets < 14 || octets - 14 > link->mtu || memcmp(p, &our_mac, 6) != 0 || p[6] & 1)
		return false;
	uint32_t type = number(p + 12, 2);
	return octets > 14 && type == (p[14] >> 4 == 4 ? 0x0800U : 0x86ddU) &&
	       naive_ip(p + 14, octets - 14, n);
}

static void check_naive(const struct pkt *p, const struct naive *n)
{
	ASSERT(p->tuple.remote.hi == n->remote_hi && p->tuple.remote.lo == n->remote_lo);
	ASSERT(p->tuple.rport == n->rport && p->tuple.lport == n->lport);
	ASSERT(p->seg.seq.v == n->seq && p->seg.ack.v == n->ack);
	ASSERT(p->seg.flags == n->flags && p->seg.wnd == n->wnd && p->seg.up == n->up);
	ASSERT(p->seg.text == n->text);
	ASSERT(p->seg.len == n->text + (n->flags & 1) + (n->flags >> 1 & 1));
}

static bool inside(const struct pkt *p, const uint8_t *at, size_t octets)
{
	return octets == 0 || (at >= p->frame && at + octets <= p->frame + p->octets);
}

/* The segment written again from what was understood of it. */
static void check_again(const struct pkt *p)
{
	uint8_t hdr[TCP_HDR_OCTETS + TCP_OPT_OCTETS_MAX];
	struct tuple tuple;
	struct seg seg;
	uint32_t octets = leat_wire_seg_put(hdr, p->tuple.rport, p->tuple.lport, &p->seg);

	ASSERT(octets == leat_wire_tcp_hdr_octets(&p->seg) && octets <= sizeof(hdr));
	ASSERT(leat_wire_tcp_parse(hdr, octets, &tuple, &seg) == WIRE_V_TCP);
	ASSERT(tuple.rport == p->tuple.lport || tuple.rport == p->tuple.rport);
	ASSERT(seq_eq(seg.seq, p->seg.seq) && seq_eq(seg.ack, p->seg.ack));
	ASSERT(seg.flags == p->seg.flags && seg.wnd == p->seg.wnd && seg.up == p->seg.up);
	ASSERT(seg.opts == p->seg.opts && seg.opt_bad_cnt == 0);
}

static void check_pointers(const struct pkt *p, enum wire_verdict v)
{
	ASSERT(v < WIRE_V_CNT);
	if (v >= WIRE_V_DROP_FIRST)
		return;
	ASSERT(inside(p, p->l4, p->l4_octets));
	if (v == WIRE_V_TCP)
		ASSERT(inside(p, p->seg.data, p->seg.text));
	if (v == WIRE_V_ICMP_ECHO)
		ASSERT(inside(p, p->icmp.echo.data, p->icmp.echo.octets));
}

/* The same frame, cut in three and gathered, in memory of its own. */
static void check_gathered(
	const struct pkt *whole, enum wire_verdict v, uint8_t cut, const struct wire_link *link)
{
	uint32_t octets = whole->octets, a = octets * cut / 256, b = a + (octets - a) / 2;
	const struct wire_chunk chunk[] = {
		{whole->frame, a}, {whole->frame + a, b - a}, {whole->frame + b, octets - b}};
	uint8_t *dst = fuzz_copy(NULL, 0);

	dst = realloc(dst, octets ? octets : 1);
	ASSERT(dst != NULL);
	ASSERT(leat_wire_gather(chunk, COUNT_OF(chunk), dst, octets) == octets);
	struct pkt p = {.frame = dst, .octets = octets};
	ASSERT(leat_wire_pkt_parse(&p, link) == v);
	if (v == WIRE_V_TCP) {
		ASSERT(tuple_eq(&p.tuple, &whole->tuple));
		ASSERT(p.seg.data - p.frame == whole->seg.data - whole->frame);
		ASSERT(p.seg.text == whole->seg.text && p.seg.opts == whole->seg.opts);
	}
	if (octets > 0)
		ASSERT(leat_wire_gather(chunk, COUNT_OF(chunk), dst, octets - 1) == 0);
	free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	uint8_t how = fuzz_u8(&in), cut = fuzz_u8(&in);
	struct wire_link link = {.mac = our_mac, .raw_ip = how & 1, .mtu = 1500, .local_cnt = 2};
	struct naive n;

	link.local[0] = (struct wire_local){ip_from4(OUR_IP4), 24};
	link.local[1] = (struct wire_local){our_ip6, 64};
	uint8_t *frame = fuzz_copy(in.at, in.left);
	uint32_t octets = (uint32_t)in.left, l2_octets = link.raw_ip ? 0 : WIRE_ETH_OCTETS;
	if (how & 0x0e && octets > l2_octets)
		fuzz_fix_ip(frame + l2_octets, octets - l2_octets);
	struct pkt p = {.frame = frame, .octets = octets};
	enum wire_verdict v = leat_wire_pkt_parse(&p, &link);
	check_pointers(&p, v);
	if (naive_frame(frame, octets, &link, &n)) {
		ASSERT(v == WIRE_V_TCP);
		check_naive(&p, &n);
	}
	if (v == WIRE_V_TCP)
		check_again(&p);
	check_gathered(&p, v, cut, &link);
	leat_reach_wire(v);
	free(frame);
	return 0;
}
