/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_watch_flow.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_CAP_MIN 256U
#define TEXT_CAP_MAX (1U << 24)
#define ACK_NEAR     (1 << 20) /* so far behind a SYN the first ACK may be */
#define EDGE_SLACK   65536     /* beyond what was offered nothing is taken */

void leat_sim_flow_numbers(struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	f->iss = f->una = p->seq;
	f->nxt = p->seq + 1;
	f->born_at = now;
	f->own_opts = p->opts;
	f->own_ws = p->ws;
	f->own_ecn = (p->flags & (WATCH_ECE | WATCH_CWR)) != 0;
	f->text_from = p->seq + 1;
}

void leat_sim_flow_begin(struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	if (f->syn_sent && f->fin_sent && f->ack_sent) {
		f->old_known = true;
		f->old_nxt = f->nxt;
		f->old_ack = f->last_ack;
	}
	leat_sim_flow_numbers(f, p, now);
	f->syn_sent = true;
	f->plain_syn = f->fin_sent = f->ack_sent = f->edge_known = f->ts_sent = false;
	f->irs_known = f->peer_edge_known = f->ts_came = false;
	f->range_cnt = 0;
	f->owed = f->peer_fin = false;
	f->bare = f->arrived = 0;
	f->arrived++; /* a SYN-ACK's cause came before */
	f->quiet_run = 0;
}

bool leat_sim_flow_irs(struct watch_flow *f, uint32_t ack)
{
	const struct watch_syn *best = NULL;

	if (f->irs_known && watch_seq_diff(ack, f->irs) > 0)
		return true;
	for (uint32_t i = 0; i < WATCH_SYN_MAX; i++) {
		/* The newest first. */
		const struct watch_syn *s = &f->syn[(f->syn_cnt - 1 - i) % WATCH_SYN_MAX];
		int32_t behind = watch_seq_diff(ack, s->seq + 1);

		if (s->used && behind >= 0 && behind < ACK_NEAR && !best)
			best = s;
	}
	if (!best)
		return false;
	f->irs_known = true;
	f->peer = *best;
	f->peer_maybe = best->opts;
	f->ambiguous = false;
	for (uint32_t i = 0; i < WATCH_SYN_MAX; i++) {
		if (!f->syn[i].used || f->syn[i].seq != best->seq)
			continue;
		f->ambiguous |= f->syn[i].opts != best->opts || f->syn[i].mss != best->mss;
		f->peer.opts &= f->syn[i].opts;
		f->peer_maybe |= f->syn[i].opts;
	}
	f->irs = best->seq;
	f->frontier = best->seq + 1;
	if (best->opts & WATCH_OPT_TS) {
		if (!f->ts_came || watch_seq_diff(best->ts_max, f->ts_max) > 0)
			f->ts_max = best->ts_max;
		f->ts_came = true;
	}
	for (uint32_t i = 0; i < WATCH_EARLY_MAX && i < f->early_cnt; i++)
		leat_sim_flow_came(f, f->early[i].left, f->early[i].right);
	f->early_cnt = 0;
	return true;
}

static void range_put(struct watch_flow *f, uint32_t at, struct watch_range r)
{
	if (f->range_cnt == f->range_max) {
		f->range_max = f->range_max ? 2 * f->range_max : 8;
		f->range = realloc(f->range, f->range_max * sizeof(*f->range));
		if (!f->range)
			abort();
	}
	memmove(&f->range[at + 1], &f->range[at], (f->range_cnt - at) * sizeof(*f->range));
	f->range[at] = r;
	f->range_cnt++;
}

static void range_cut(struct watch_flow *f, uint32_t at, uint32_t cnt)
{
	if (cnt == 0)
		return;
	memmove(&f->range[at], &f->range[at + cnt], (f->range_cnt - at - cnt) * sizeof(*f->range));
	f->range_cnt -= cnt;
}

void leat_sim_flow_came(struct watch_flow *f, uint32_t left, uint32_t right)
{
	uint32_t at = 0, end;

	if (watch_seq_diff(right, f->frontier) <= 0)
		return;
	if (f->edge_known && watch_seq_diff(left, f->edge + EDGE_SLACK) > 0)
		return;
	if (watch_seq_diff(left, f->frontier) <= 0) {
		f->frontier = right;
		while (f->range_cnt > 0 && watch_seq_diff(f->range[0].left, f->frontier) <= 0) {
			if (watch_seq_diff(f->range[0].right, f->frontier) > 0)
				f->frontier = f->range[0].right;
			range_cut(f, 0, 1);
		}
		return;
	}
	while (at < f->range_cnt && watch_seq_diff(f->range[at].right, left) < 0)
		at++;
	for (end = at; end < f->range_cnt && watch_seq_diff(f->range[end].left, right) <= 0;
		end++) {
		if (watch_seq_diff(f->range[end].left, left) < 0)
			left = f->range[end].left;
		if (watch_seq_diff(f->range[end].right, right) > 0)
			right = f->range[end].right;
	}
	range_cut(f, at, end - at);
	range_put(f, at, (struct watch_range){left, right});
}

/* The ring must hold all from una to end. */
static void text_room(struct watch_flow *f, uint32_t end)
{
	uint32_t need = end - f->una, cap = f->text_cap ? f->text_cap : TEXT_CAP_MIN;

	while (cap < need && cap < TEXT_CAP_MAX)
		cap *= 2;
	if (cap == f->text_cap)
		return;
	uint8_t *text = malloc(cap);
	if (!text)
		abort();
	for (uint32_t q = f->text_from; f->text_cap && q != f->nxt; q++)
		text[q % cap] = f->text[q % f->text_cap];
	free(f->text);
	f->text = text;
	f->text_cap = cap;
}

static bool text_same(const struct watch_flow *f, uint32_t seq, const uint8_t *data, uint32_t n)
{
	while (n > 0) {
		uint32_t at = seq % f->text_cap, piece = f->text_cap - at;

		if (piece > n)
			piece = n;
		if (memcmp(f->text + at, data, piece) != 0)
			return false;
		seq += piece;
		data += piece;
		n -= piece;
	}
	return true;
}

static void text_put(struct watch_flow *f, uint32_t seq, const uint8_t *data, uint32_t n)
{
	while (n > 0) {
		uint32_t at = seq % f->text_cap, piece = f->text_cap - at;

		if (piece > n)
			piece = n;
		memcpy(f->text + at, data, piece);
		seq += piece;
		data += piece;
		n -= piece;
	}
}

bool leat_sim_flow_text(struct watch_flow *f, const struct watch_pkt *p)
{
	uint32_t seq = p->seq, end = p->seq + p->text;
	const uint8_t *data = p->data;

	if (p->text == 0)
		return true;
	text_room(f, end);
	/* What is older than the ring cannot be compared. */
	int32_t behind = watch_seq_diff(f->nxt, f->text_from + f->text_cap);
	if (behind > 0)
		f->text_from += (uint32_t)behind;
	int32_t lost = watch_seq_diff(f->text_from, seq);
	if (lost > 0) {
		if ((uint32_t)lost >= p->text)
			return true;
		seq += (uint32_t)lost;
		data += lost;
	}
	int32_t old = watch_seq_diff(f->nxt, seq);
	if (old > 0) {
		uint32_t n = (uint32_t)old < end - seq ? (uint32_t)old : end - seq;

		if (!text_same(f, seq, data, n))
			return false;
		seq += n;
		data += n;
	}
	text_put(f, seq, data, end - seq);
	int32_t over = watch_seq_diff(end, f->text_from + f->text_cap);
	if (over > 0)
		f->text_from += (uint32_t)over;
	return true;
}

static bool came(const struct watch_flow *f, uint32_t left, uint32_t right)
{
	/* A forged one may name what is half a circle back; an old one, what the last incarnation
	 * sent. */
	if (watch_seq_diff(right, f->frontier) <= 0)
		return watch_seq_diff(left, f->irs) > 0 || f->forged || f->old_known;
	for (uint32_t i = 0; i < f->range_cnt; i++)
		if (watch_seq_diff(f->range[i].left, left) <= 0 &&
			watch_seq_diff(right, f->range[i].right) <= 0)
			return true;
	/* The frontier may have moved over its left part since. */
	return false;
}

/* RFC 2018 3 and 4; RFC 2883: the first block may name what came twice. */
const char *leat_sim_flow_sack(const struct watch_flow *f, const struct watch_pkt *p)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < p->sack_cnt; i++) {
		uint32_t left = p->sack[i][0], right = p->sack[i][1];

		if (watch_seq_diff(right, left) <= 0)
			return "W25 an empty SACK block";
		if (!came(f, left, right))
			return "W25 a SACK block of octets that never came";
	}
	bool inside = p->sack_cnt > 1 && watch_seq_diff(p->sack[1][0], p->sack[0][0]) <= 0 &&
		      watch_seq_diff(p->sack[0][1], p->sack[1][1]) <= 0;
	if (watch_seq_diff(p->sack[0][1], p->ack) <= 0 || inside)
		first = 1;
	for (uint32_t i = first; i < p->sack_cnt; i++) {
		/* The block and its hole: what touches ACK would have been acknowledged. */
		if (watch_seq_diff(p->sack[i][0], p->ack) <= 0)
			return "W25 a SACK block that is not beyond the ACK";
		for (uint32_t k = first; k < i; k++)
			if (watch_seq_diff(p->sack[i][0], p->sack[k][1]) < 0 &&
				watch_seq_diff(p->sack[k][0], p->sack[i][1]) < 0)
				return "W25 SACK blocks that overlap";
	}
	return NULL;
}

uint32_t leat_sim_flow_peer_mss(const struct watch_flow *f)
{
	if (f->irs_known && f->peer.opts & WATCH_OPT_MSS && f->peer.mss > 0)
		return f->peer.mss;
	return f->key.remote.hi == 0 && f->key.remote.lo >> 32 == 0xffff ? 536 : 1220;
}

uint32_t leat_sim_flow_own_shift(const struct watch_flow *f)
{
	bool both = (f->own_opts & WATCH_OPT_WS) && (f->peer.opts & WATCH_OPT_WS);

	return f->irs_known && both ? (f->own_ws > 14 ? 14U : f->own_ws) : 0;
}

uint32_t leat_sim_flow_peer_shift(const struct watch_flow *f, const struct watch_pkt *p)
{
	uint32_t shift = 0;

	if (p->flags & WATCH_SYN || !(f->own_opts & WATCH_OPT_WS))
		return 0;
	if (f->irs_known)
		return f->peer.opts & WATCH_OPT_WS ? f->peer.ws : 0;
	/* The host has not said yet which SYN it took: the largest scale among them. */
	for (uint32_t i = 0; i < WATCH_SYN_MAX; i++)
		if (f->syn[i].used && f->syn[i].opts & WATCH_OPT_WS && f->syn[i].ws > shift)
			shift = f->syn[i].ws;
	return shift;
}
