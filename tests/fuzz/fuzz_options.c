/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "wire_tcp.h"

/* F2: any options, with SYN or without.  A second parser, which knows the options by rows of a
 * table, must find the same; and what is written must be found again.
 *
 *	octet 0   the flags */

/* The first well-formed option of each kind, and how many were none. */
struct found {
	uint8_t at[5], octets[5]; /* by row; at 0: not there */
	uint32_t bad_cnt;
};

static const struct {
	uint8_t kind, opt, least, most, step;
	bool of_syn;
} rows[5] = {
	{2, TCP_OPT_MSS, 4, 4, 1, true},
	{3, TCP_OPT_WS, 3, 3, 1, true},
	{4, TCP_OPT_SACK_OK, 2, 2, 1, true},
	{5, TCP_OPT_SACK, 10, 34, 8, false},
	{8, TCP_OPT_TS, 10, 10, 1, false},
};

static uint32_t number(const uint8_t *p, uint32_t octets)
{
	uint32_t n = 0;

	while (octets-- > 0)
		n = n << 8 | *p++;
	return n;
}

static void take(struct found *f, const uint8_t *hdr, uint8_t at, uint8_t octets)
{
	for (uint32_t r = 0; r < 5; r++) {
		if (hdr[at] != rows[r].kind || (rows[r].of_syn && !(hdr[13] & TCP_SYN)))
			continue;
		bool fits = octets >= rows[r].least && octets <= rows[r].most &&
			    (octets - rows[r].least) % rows[r].step == 0;
		if (rows[r].kind == 2 && fits)
			fits = number(hdr + at + 2, 2) != 0;
		if (f->at[r] != 0 || !fits) {
			f->bad_cnt++;
			continue;
		}
		f->at[r] = at;
		f->octets[r] = octets;
		f->bad_cnt += rows[r].kind == 3 && hdr[at + 2] > 14;
	}
}

static struct found naive(const uint8_t *hdr, uint32_t hdr_octets)
{
	struct found f = {0};
	uint32_t steps = 0;

	for (uint32_t at = 20; at < hdr_octets && hdr[at] != 0;) {
		ASSERT(++steps <= 40);
		if (hdr[at] == 1) {
			at++;
			continue;
		}
		uint32_t left = hdr_octets - at;
		if (left < 2 || hdr[at + 1] < 2 || hdr[at + 1] > left) {
			f.bad_cnt++;
			break;
		}
		take(&f, hdr, (uint8_t)at, hdr[at + 1]);
		at += hdr[at + 1];
	}
	return f;
}

static void check(const uint8_t *hdr, const struct found *f, const struct seg *seg)
{
	uint8_t opts = 0;

	for (uint32_t r = 0; r < 5; r++)
		opts |= f->at[r] ? rows[r].opt : 0;
	ASSERT(seg->opts == opts);
	ASSERT(seg->opt_bad_cnt == f->bad_cnt);
	ASSERT(!f->at[0] || seg->mss == number(hdr + f->at[0] + 2, 2));
	ASSERT(!f->at[1] || seg->wscale == (hdr[f->at[1] + 2] > 14 ? 14 : hdr[f->at[1] + 2]));
	ASSERT(seg->sack_cnt == (f->at[3] ? f->octets[3] / 8 : 0));
	for (uint32_t i = 0; i < seg->sack_cnt; i++) {
		const uint8_t *block = hdr + f->at[3] + 2 + 8 * i;
		ASSERT(seg->sack[i].left.v == number(block, 4));
		ASSERT(seg->sack[i].right.v == number(block + 4, 4));
	}
	ASSERT(!f->at[4] || seg->ts_val == number(hdr + f->at[4] + 2, 4));
	ASSERT(!f->at[4] || seg->ts_ecr == number(hdr + f->at[4] + 6, 4));
}

/* Behind the end of options, and nowhere else, we pad with zeros (MUST-69). */
static void check_padding(const uint8_t *hdr, uint32_t octets)
{
	uint32_t at = TCP_HDR_OCTETS;

	while (at < octets && hdr[at] != 0)
		at += hdr[at] == 1 ? 1 : hdr[at + 1];
	for (; at < octets; at++)
		ASSERT(hdr[at] == 0);
	ASSERT(at == octets && octets % 4 == 0);
}

static void check_again(const struct seg *seg)
{
	const struct tuple tuple = {.lport = 1, .rport = 2};
	uint32_t octets = leat_wire_tcp_hdr_octets(seg);
	uint8_t *hdr = fuzz_copy(NULL, 0);
	struct tuple t = {0};
	struct seg again;

	hdr = realloc(hdr, octets);
	ASSERT(hdr != NULL);
	ASSERT(octets <= TCP_HDR_OCTETS + TCP_OPT_OCTETS_MAX);
	ASSERT(leat_wire_seg_put(hdr, tuple.lport, tuple.rport, seg) == octets);
	check_padding(hdr, octets);
	ASSERT(leat_wire_tcp_parse(hdr, octets, &t, &again) == WIRE_V_TCP);
	ASSERT(again.opts == seg->opts && again.opt_bad_cnt == 0);
	ASSERT(!(seg->opts & TCP_OPT_MSS) || again.mss == seg->mss);
	ASSERT(!(seg->opts & TCP_OPT_WS) || again.wscale == seg->wscale);
	ASSERT(!(seg->opts & TCP_OPT_TS) || again.ts_val == seg->ts_val);
	ASSERT(!(seg->opts & TCP_OPT_TS) || again.ts_ecr == seg->ts_ecr);
	ASSERT(again.sack_cnt <= seg->sack_cnt);
	for (uint32_t i = 0; i < again.sack_cnt; i++) {
		ASSERT(seq_eq(again.sack[i].left, seg->sack[i].left));
		ASSERT(seq_eq(again.sack[i].right, seg->sack[i].right));
	}
	free(hdr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	uint8_t scratch[60] = {0, 2, 0, 1}, flags = fuzz_u8(&in);
	size_t opt_octets = in.left < 40 ? in.left : 40;
	uint32_t hdr_octets = 20 + (uint32_t)(opt_octets + 3) / 4 * 4;
	struct tuple tuple = {0};
	struct seg seg;

	scratch[12] = (uint8_t)(hdr_octets / 4 << 4);
	scratch[13] = flags;
	if (opt_octets)
		memcpy(scratch + 20, in.at, opt_octets);
	uint8_t *hdr = fuzz_copy(scratch, hdr_octets);
	ASSERT(leat_wire_tcp_parse(hdr, hdr_octets, &tuple, &seg) == WIRE_V_TCP);
	struct found f = naive(hdr, hdr_octets);
	check(hdr, &f, &seg);
	check_again(&seg);
	free(hdr);
	return 0;
}
