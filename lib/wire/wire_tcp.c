/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_tcp.h"

#include "base_be.h"
#include "base_bits.h"

#include <string.h>

enum opt_kind {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WS = 3,
	OPT_SACK_OK = 4,
	OPT_SACK = 5,
	OPT_TS = 8,
};

enum opt_octets {
	OPT_OCTETS_MSS = 4,
	OPT_OCTETS_WS = 3,
	OPT_OCTETS_SACK_OK = 2,
	OPT_OCTETS_SACK = 2, /* and 8 for each block */
	OPT_OCTETS_TS = 10,
};

/* Options as groups of four octets, which is how nearly everybody sends them (RFC 7323 A); of those
 * with a value the rest of the group is it. */
#define OPT_TS_ALONE       UINT32_C(0x0101080a)
#define OPT_TS_SACK_OK     UINT32_C(0x0402080a)
#define OPT_MSS_ALONE      UINT32_C(0x0204)   /* and 16 bits */
#define OPT_WS_ALONE       UINT32_C(0x010303) /* and 8 */
#define USUAL_OCTETS       20                 /* of a SYN with all of them */
#define HDR_OCTETS_TS      (TCP_HDR_OCTETS + 12)

#define SEGMENT_OCTETS_MAX UINT16_MAX /* an IP packet has no more */

/* take_once says whether option opt, of the length it must have, is to be believed: the first
 * one is, a repetition is counted and ignored. */
static bool take_once(struct seg *seg, enum wire_tcp_opt opt, bool well_formed)
{
	if (!well_formed || (seg->opts & opt)) {
		seg->opt_bad_cnt++;
		return false;
	}
	seg->opts |= (uint8_t)opt;
	return true;
}

/* The options that only a SYN may carry; on any other segment they are ignored (MUST-65). */
static void parse_syn_opt(const uint8_t *p, uint8_t octets, struct seg *seg)
{
	if (!(seg->flags & TCP_SYN))
		return;
	switch (p[0]) {
	case OPT_MSS: {
		bool well_formed = octets == OPT_OCTETS_MSS && be16_get(p + 2) != 0;
		if (take_once(seg, TCP_OPT_MSS, well_formed))
			seg->mss = be16_get(p + 2);
		break;
	}
	case OPT_WS:
		if (!take_once(seg, TCP_OPT_WS, octets == OPT_OCTETS_WS))
			break;
		seg->wscale = p[2];
		if (seg->wscale > TCP_WSCALE_MAX) {
			seg->wscale = TCP_WSCALE_MAX;
			seg->opt_bad_cnt++;
		}
		break;
	case OPT_SACK_OK:
		take_once(seg, TCP_OPT_SACK_OK, octets == OPT_OCTETS_SACK_OK);
		break;
	}
}

static void parse_sack(const uint8_t *p, uint8_t octets, struct seg *seg)
{
	uint8_t cnt = octets / 8;
	bool well_formed = cnt >= 1 && cnt <= TCP_SACK_MAX && octets == OPT_OCTETS_SACK + 8 * cnt;

	if (!take_once(seg, TCP_OPT_SACK, well_formed))
		return;
	seg->sack_cnt = cnt;
	for (uint8_t i = 0; i < cnt; i++) {
		seg->sack[i].left = seq_of(be32_get(p + 2 + 8 * i));
		seg->sack[i].right = seq_of(be32_get(p + 6 + 8 * i));
	}
}

static void parse_ts(const uint8_t *p, uint8_t octets, struct seg *seg)
{
	if (!take_once(seg, TCP_OPT_TS, octets == OPT_OCTETS_TS))
		return;
	seg->ts_val = be32_get(p + 2);
	seg->ts_ecr = be32_get(p + 6);
}

/* What a SYN offers if it offers all that there is, as nearly everybody's does: MSS, and then
 * window scale and timestamps, either of them first.  False: p has something else. */
static inline bool parse_usual(const uint8_t *p, struct seg *seg)
{
	uint32_t mss = be32_get(p), second = be32_get(p + OPT_OCTETS_MSS);
	bool ts_second = second == OPT_TS_SACK_OK;
	const uint8_t *ts = p + (ts_second ? 4 : 8);
	uint32_t ws = ts_second ? be32_get(p + 16) : second;

	if (UNLIKELY(mss >> 16 != OPT_MSS_ALONE || (uint16_t)mss == 0 || ws >> 8 != OPT_WS_ALONE ||
		     (uint8_t)ws > TCP_WSCALE_MAX || be32_get(ts) != OPT_TS_SACK_OK))
		return false;
	seg->opts = TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_TS | TCP_OPT_SACK_OK;
	seg->mss = (uint16_t)mss;
	seg->wscale = (uint8_t)ws;
	seg->ts_val = be32_get(ts + 4);
	seg->ts_ecr = be32_get(ts + 8);
	return true;
}

/* Kinds but END and NOP have a length that counts kind and length too (MUST-68); where it cannot
 * be, the walk ends and what came before stays valid (MUST-7).  Each step takes an octet at
 * least, so there are at most TCP_OPT_OCTETS_MAX. */
static void parse_opts(const uint8_t *p, const uint8_t *end, struct seg *seg)
{
	uint8_t octets;

	if (seg->flags & TCP_SYN && end - p == USUAL_OCTETS && LIKELY(parse_usual(p, seg)))
		return;
	for (; p < end && p[0] != OPT_END; p += octets) {
		octets = 1;
		if (p[0] == OPT_NOP)
			continue;
		if (end - p < 2 || p[1] < 2 || p[1] > end - p) {
			seg->opt_bad_cnt++;
			return;
		}
		octets = p[1];
		if (p[0] == OPT_TS)
			parse_ts(p, octets, seg);
		else if (p[0] == OPT_SACK)
			parse_sack(p, octets, seg);
		else
			parse_syn_opt(p, octets, seg);
	}
}

enum wire_verdict leat_wire_tcp_parse(
	const uint8_t *p, uint32_t octets, struct tuple *tuple, struct seg *seg)
{
	DCHECK(octets <= SEGMENT_OCTETS_MAX);
	if (UNLIKELY(octets < TCP_HDR_OCTETS))
		return WIRE_V_DROP_TCP_SHORT;
	uint64_t ports_seq = be64_get(p), off_to_up = be64_get(p + 12);
	uint32_t hdr_octets = (uint32_t)(off_to_up >> 60) * 4;

	if (UNLIKELY(hdr_octets < TCP_HDR_OCTETS || hdr_octets > octets))
		return WIRE_V_DROP_TCP_DOFF;
	tuple->rport = (uint16_t)(ports_seq >> 48);
	tuple->lport = (uint16_t)(ports_seq >> 32);
	if (UNLIKELY(tuple->rport == 0 || tuple->lport == 0))
		return WIRE_V_DROP_TCP_PORT;

	seg->seq = seq_of((uint32_t)ports_seq);
	seg->ack = seq_of(be32_get(p + 8));
	seg->flags = (uint8_t)(off_to_up >> 48);
	seg->wnd = (uint16_t)(off_to_up >> 32);
	seg->up = (uint16_t)off_to_up;
	seg->text = (uint16_t)(octets - hdr_octets);
	seg->len = seg->text + (seg->flags >> 1 & 1U) + (seg->flags & 1U); /* SYN, FIN */
	seg->data = p + hdr_octets;
	seg->opts = 0;
	seg->sack_cnt = 0;
	seg->opt_bad_cnt = 0;
	if (LIKELY(hdr_octets == HDR_OCTETS_TS && be32_get(p + TCP_HDR_OCTETS) == OPT_TS_ALONE)) {
		seg->opts = TCP_OPT_TS;
		seg->ts_val = be32_get(p + TCP_HDR_OCTETS + 4);
		seg->ts_ecr = be32_get(p + TCP_HDR_OCTETS + 8);
	} else if (hdr_octets > TCP_HDR_OCTETS) {
		parse_opts(p + TCP_HDR_OCTETS, p + hdr_octets, seg);
	}
	return WIRE_V_TCP;
}

/* Layout of the options that are sent: each group begins at a multiple of 4, behind NOPs.
 *
 *	MSS     | 2 4 mss |
 *	WS      | 1 3 3 shift |
 *	TS      | 1 1 8 10 | value | echo |      with SACK_OK: | 4 2 8 10 | value | echo |
 *	SACK_OK | 1 1 4 2 |                      without TS
 *	SACK    | 1 1 5 2+8n | left | right | ... */

/* sack_room is how many blocks of seg fit behind octets of other options, of which there are at
 * most 20. */
static uint8_t sack_room(const struct seg *seg, uint32_t octets)
{
	DCHECK(octets <= 20);
	if (!(seg->opts & TCP_OPT_SACK))
		return 0;
	return (uint8_t)u32_min(seg->sack_cnt, (TCP_OPT_OCTETS_MAX - 4 - octets) / 8);
}

static uint32_t plain_opts_octets(const struct seg *seg)
{
	uint32_t octets = 0;

	octets += seg->opts & TCP_OPT_MSS ? 4 : 0;
	octets += seg->opts & TCP_OPT_WS ? 4 : 0;
	octets += seg->opts & TCP_OPT_TS ? 12 : 0;
	octets += (seg->opts & (TCP_OPT_SACK_OK | TCP_OPT_TS)) == TCP_OPT_SACK_OK ? 4 : 0;
	return octets;
}

uint32_t leat_wire_tcp_hdr_octets(const struct seg *seg)
{
	if (LIKELY((seg->opts & (uint8_t)~TCP_OPT_TS) == 0))
		return seg->opts == 0 ? TCP_HDR_OCTETS : HDR_OCTETS_TS;
	uint32_t octets = plain_opts_octets(seg);
	uint8_t sack_cnt = sack_room(seg, octets);

	return TCP_HDR_OCTETS + octets + (sack_cnt ? 4 + 8u * sack_cnt : 0);
}

static uint8_t *put_kind(uint8_t *p, uint8_t a, uint8_t b, uint8_t kind, uint8_t octets)
{
	p[0] = a;
	p[1] = b;
	p[2] = kind;
	p[3] = octets;
	return p + 4;
}

static uint8_t *put_opts(uint8_t *p, const struct seg *seg)
{
	bool sack_ok = seg->opts & TCP_OPT_SACK_OK;

	if (seg->opts & TCP_OPT_MSS)
		p = put_kind(
			p, OPT_MSS, OPT_OCTETS_MSS, (uint8_t)(seg->mss >> 8), (uint8_t)seg->mss);
	if (seg->opts & TCP_OPT_WS)
		p = put_kind(p, OPT_NOP, OPT_WS, OPT_OCTETS_WS, seg->wscale);
	if (seg->opts & TCP_OPT_TS) {
		p = put_kind(p, sack_ok ? OPT_SACK_OK : OPT_NOP,
			sack_ok ? OPT_OCTETS_SACK_OK : OPT_NOP, OPT_TS, OPT_OCTETS_TS);
		be32_put(p, seg->ts_val);
		be32_put(p + 4, seg->ts_ecr);
		p += 8;
	} else if (sack_ok) {
		p = put_kind(p, OPT_NOP, OPT_NOP, OPT_SACK_OK, OPT_OCTETS_SACK_OK);
	}
	return p;
}

static uint8_t *put_sack(uint8_t *p, const struct seg *seg, uint8_t cnt)
{
	p = put_kind(p, OPT_NOP, OPT_NOP, OPT_SACK, (uint8_t)(OPT_OCTETS_SACK + 8 * cnt));
	for (uint8_t i = 0; i < cnt; i++, p += 8) {
		be32_put(p, seg->sack[i].left.v);
		be32_put(p + 4, seg->sack[i].right.v);
	}
	return p;
}

/* All options at p, and their octets. */
static __attribute__((noinline)) uint32_t put_all_opts(uint8_t *p, const struct seg *seg)
{
	DCHECK(seg->sack_cnt <= TCP_SACK_MAX || !(seg->opts & TCP_OPT_SACK));
	uint8_t *end = put_opts(p, seg);
	uint8_t sack_cnt = sack_room(seg, (uint32_t)(end - p));

	if (sack_cnt)
		end = put_sack(end, seg, sack_cnt);
	return (uint32_t)(end - p);
}

uint32_t leat_wire_seg_put(uint8_t *p, uint16_t lport, uint16_t rport, const struct seg *seg)
{
	uint32_t octets = HDR_OCTETS_TS;

	if (LIKELY(seg->opts == TCP_OPT_TS)) {
		be32_put(p + TCP_HDR_OCTETS, OPT_TS_ALONE);
		be64_put(p + TCP_HDR_OCTETS + 4, (uint64_t)seg->ts_val << 32 | seg->ts_ecr);
	} else {
		octets = TCP_HDR_OCTETS + put_all_opts(p + TCP_HDR_OCTETS, seg);
	}
	DCHECK(octets == leat_wire_tcp_hdr_octets(seg));
	be64_put(p, (uint64_t)lport << 48 | (uint64_t)rport << 32 | seg->seq.v);
	be32_put(p + 8, seg->ack.v);
	be64_put(p + 12, (uint64_t)(octets / 4) << 60 | (uint64_t)seg->flags << 48 |
				 (uint64_t)seg->wnd << 32 | seg->up);
	return octets;
}
