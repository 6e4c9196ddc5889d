/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"
#include "wire_print.h"

#include <string.h>

static const struct {
	char letter;
	uint8_t flag;
} letters[] = {{'S', TCP_SYN}, {'F', TCP_FIN}, {'R', TCP_RST}, {'P', TCP_PSH}, {'.', TCP_ACK},
	{'U', TCP_URG}, {'E', TCP_ECE}, {'W', TCP_CWR}};

/* Flags are letters, or one `-` for none. */
static bool take_flags(struct talk_scan *s, uint8_t *flags)
{
	const char *begin;

	*flags = 0;
	if (leat_talk_take_char(s, '-'))
		return true;
	for (begin = s->at; *s->at != ' ' && *s->at != '\0'; s->at++) {
		size_t i = 0;
		while (i < COUNT_OF(letters) && letters[i].letter != *s->at)
			i++;
		if (i == COUNT_OF(letters))
			return false;
		*flags |= letters[i].flag;
	}
	return s->at != begin;
}

/* seq:end(text), as tcpdump writes it: end does not count SYN and FIN. */
static bool take_seq(struct talk_scan *s, struct talk_seg *seg)
{
	uint64_t first, end, text;

	if (!leat_talk_take_number(s, &first))
		return true;
	if (!leat_talk_take_char(s, ':') || !leat_talk_take_number(s, &end))
		return false;
	if (!leat_talk_take_char(s, '(') || !leat_talk_take_number(s, &text))
		return false;
	if (!leat_talk_take_char(s, ')') || (uint32_t)(first + text) != (uint32_t)end)
		return false;
	seg->seg.seq = seq_of((uint32_t)first);
	seg->seg.text = (uint16_t)text;
	seg->given |= TALK_GIVEN_SEQ;
	return true;
}

/* left:right .., at most TCP_SACK_MAX. */
static bool take_sack(struct talk_scan *s, struct seg *seg)
{
	uint64_t left, right;

	seg->opts |= TCP_OPT_SACK;
	while (leat_talk_take_number(s, &left)) {
		if (seg->sack_cnt == TCP_SACK_MAX || !leat_talk_take_char(s, ':') ||
			!leat_talk_take_number(s, &right))
			return false;
		seg->sack[seg->sack_cnt].left = seq_of((uint32_t)left);
		seg->sack[seg->sack_cnt++].right = seq_of((uint32_t)right);
	}
	return seg->sack_cnt > 0;
}

static bool take_opts(struct talk_scan *s, struct talk_seg *seg)
{
	uint64_t a, b;

	while (!leat_talk_take_char(s, '>')) {
		if (leat_talk_take(s, "mss") && leat_talk_take_number(s, &a)) {
			seg->seg.opts |= TCP_OPT_MSS;
			seg->seg.mss = (uint16_t)a;
		} else if (leat_talk_take(s, "wscale") && leat_talk_take_number(s, &a)) {
			seg->seg.opts |= TCP_OPT_WS;
			seg->seg.wscale = (uint8_t)a;
		} else if (leat_talk_take(s, "sackok")) {
			seg->seg.opts |= TCP_OPT_SACK_OK;
		} else if (leat_talk_take(s, "sack")) {
			if (!take_sack(s, &seg->seg))
				return false;
		} else if (leat_talk_take(s, "ts") && leat_talk_take_number(s, &a) &&
			   leat_talk_take_number(s, &b)) {
			seg->seg.opts |= TCP_OPT_TS;
			seg->seg.ts_val = (uint32_t)a;
			seg->seg.ts_ecr = (uint32_t)b;
		} else if (!leat_talk_take_char(s, ',')) {
			return false;
		}
	}
	return true;
}

/* What the IP header says of congestion, and of the service. */
static bool take_tos(struct talk_scan *s, struct talk_seg *seg)
{
	static const char *const words[] = {
		[WIRE_ECN_NOT] = "not-ect",
		[WIRE_ECN_ECT1] = "ect1",
		[WIRE_ECN_ECT0] = "ect0",
		[WIRE_ECN_CE] = "ce",
	};
	uint64_t dscp;

	for (uint8_t i = 0; i < COUNT_OF(words); i++) {
		if (!leat_talk_take(s, words[i]))
			continue;
		seg->seg.tos |= i;
		seg->given |= TALK_GIVEN_ECN;
		return true;
	}
	if (!leat_talk_take(s, "dscp") || !leat_talk_take_number(s, &dscp))
		return false;
	seg->seg.tos |= (uint8_t)(dscp << 2);
	seg->given |= TALK_GIVEN_DSCP;
	return true;
}

static bool take_field(struct talk_scan *s, struct talk_seg *seg)
{
	uint64_t n;

	if (leat_talk_take(s, "ack") && leat_talk_take_number(s, &n)) {
		seg->seg.ack = seq_of((uint32_t)n);
		seg->given |= TALK_GIVEN_ACK;
	} else if (leat_talk_take(s, "win") && leat_talk_take_number(s, &n)) {
		seg->seg.wnd = (uint16_t)n;
		seg->given |= TALK_GIVEN_WIN;
	} else if (leat_talk_take(s, "urg") && leat_talk_take_number(s, &n)) {
		seg->seg.up = (uint16_t)n;
		seg->given |= TALK_GIVEN_UP;
	} else if (leat_talk_take(s, "junk")) {
		seg->junk = true;
	} else if (leat_talk_take(s, "ae")) {
		seg->ae = true;
	} else if (leat_talk_take_char(s, '<')) {
		seg->given |= TALK_GIVEN_OPTS;
		return take_opts(s, seg);
	} else {
		return take_tos(s, seg);
	}
	return true;
}

void leat_talk_seg_read(struct talk *t, struct talk_scan *s, struct talk_seg *seg)
{
	*seg = (struct talk_seg){.seg.wnd = t->setup.peer_win};
	bool ok = take_flags(s, &seg->seg.flags) && take_seq(s, seg);

	while (ok && !leat_talk_at_end(s))
		ok = take_field(s, seg);
	if (!ok)
		leat_talk_fail(t, "FLAGS seq:end(text) ack n win n <mss n>", "%s", t->text);
	uint8_t flags = seg->seg.flags;
	seg->seg.len = (uint32_t)seg->seg.text + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

/* A reset that answers a segment without ACK has sequence number 0, which is no number of either
 * stream (RFC 9293 3.10.7.1). */
static uint32_t seq_shift(const struct seg *seg, uint32_t shift)
{
	return (seg->flags & TCP_RST) && seg->seq.v == 0 ? 0 : shift;
}

void leat_talk_seg_shift(const struct talk *t, struct seg *seg)
{
	seg->seq = seq_add(seg->seq, seq_shift(seg, t->rcv_shift));
	if (seg->flags & TCP_ACK)
		seg->ack = seq_add(seg->ack, t->snd_shift);
	for (uint32_t i = 0; i < seg->sack_cnt; i++) {
		seg->sack[i].left = seq_add(seg->sack[i].left, t->snd_shift);
		seg->sack[i].right = seq_add(seg->sack[i].right, t->snd_shift);
	}
	if (seg->ts_ecr != 0)
		seg->ts_ecr += t->ts_shift;
}

static bool opts_fit(const struct talk *t, const struct seg *want, const struct seg *seg)
{
	if (want->opts != seg->opts)
		return false;
	if ((want->opts & TCP_OPT_MSS) && want->mss != seg->mss)
		return false;
	if ((want->opts & TCP_OPT_WS) && want->wscale != seg->wscale)
		return false;
	if ((want->opts & TCP_OPT_SACK) && want->sack_cnt != seg->sack_cnt)
		return false;
	for (uint32_t i = 0; i < want->sack_cnt; i++) {
		if (!seq_eq(seq_add(want->sack[i].left, t->rcv_shift), seg->sack[i].left) ||
			!seq_eq(seq_add(want->sack[i].right, t->rcv_shift), seg->sack[i].right))
			return false;
	}
	return !(want->opts & TCP_OPT_TS) ||
	       (want->ts_val + t->ts_shift == seg->ts_val && want->ts_ecr == seg->ts_ecr);
}

bool leat_talk_seg_fits(const struct talk *t, const struct talk_seg *want, const struct seg *seg)
{
	struct seq seq = seq_add(want->seg.seq, seq_shift(&want->seg, t->snd_shift));
	struct seq ack = seq_add(want->seg.ack, t->rcv_shift);

	if (want->seg.flags != seg->flags)
		return false;
	if (want->given & TALK_GIVEN_SEQ && (!seq_eq(seq, seg->seq) || want->seg.text != seg->text))
		return false;
	if (want->given & TALK_GIVEN_ACK && !seq_eq(ack, seg->ack))
		return false;
	if (want->given & TALK_GIVEN_WIN && want->seg.wnd != seg->wnd)
		return false;
	if (want->given & TALK_GIVEN_UP && want->seg.up != seg->up)
		return false;
	if (want->given & TALK_GIVEN_ECN && ((want->seg.tos ^ seg->tos) & WIRE_ECN_MASK) != 0)
		return false;
	if (want->given & TALK_GIVEN_DSCP && want->seg.tos >> 2 != seg->tos >> 2)
		return false;
	return !(want->given & TALK_GIVEN_OPTS) || opts_fit(t, &want->seg, seg);
}

void leat_talk_seg_text(const struct talk *t, const struct seg *seg, char *text, size_t size)
{
	struct seg shown = *seg;

	shown.ts_val -= t->ts_shift;
	leat_wire_print(
		text, size, &shown, seq_of(seq_shift(seg, t->snd_shift)), seq_of(t->rcv_shift));
}

uint8_t leat_talk_octet(uint32_t q)
{
	return (uint8_t)(q ^ q >> 8 ^ (q >> 16) * 31);
}
