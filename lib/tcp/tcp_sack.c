/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_sendq.h"

/* Selective acknowledgment, RFC 2018, and what came twice, RFC 2883; first as the receiver of text,
 * then as its sender. */

#define RESERVED (SACK_HDR_OCTETS + 3 * SACK_OCTETS)

enum {
	SACK_HDR_OCTETS = 4, /* with two NOPs before it */
	SACK_OCTETS = 8,
};

void leat_tcp_dsack_note(struct tcb *tcb, struct seq seq, uint32_t octets)
{
	struct seq end = seq_add(tcb->rcv.dsack, tcb->dsack_octets);

	if (!(tcb->agreed & TCP_OPT_SACK_OK) || !tcp_in(tcb->state, TCP_SYNCHRONIZED) ||
		octets == 0)
		return;
	if (tcb->dsack_octets > 0 && seq_eq(end, seq)) /* the next of a burst */
		octets += tcb->dsack_octets;
	else
		tcb->rcv.dsack = seq;
	tcb->dsack_octets = (uint16_t)u32_min(octets, UINT16_MAX);
}

uint32_t leat_tcp_sack_reserve(const struct tcb *tcb)
{
	return tcb->snd_mss > 4 * RESERVED ? RESERVED : 0;
}

/* A block of text that is held out of order, and when an octet of it arrived last. */
struct run {
	struct seg_sack block;
	uint32_t stamp;
};

/* Keeps the max newest runs, the newest first. */
static uint32_t keep_newest(struct run *run, uint32_t cnt, uint32_t max, struct run fresh)
{
	uint32_t at = cnt;

	while (at > 0 && (int32_t)(run[at - 1].stamp - fresh.stamp) < 0)
		at--;
	if (at == max)
		return cnt;
	cnt = u32_min(cnt + 1, max);
	for (uint32_t i = cnt - 1; i > at; i--)
		run[i] = run[i - 1];
	run[at] = fresh;
	return cnt;
}

/* RFC 2018 4: "the first SACK block MUST specify the contiguous block of data containing the
 * segment which triggered this ACK"; the others repeat what was reported most recently. */
static uint32_t runs_of(
	const struct tcp_engine *e, const struct tcb *tcb, struct run *run, uint32_t max)
{
	uint32_t cnt = 0, idx = tcb->ooo_head;

	while (idx != TCP_NONE && max > 0) {
		const struct tcp_rbuf *rbuf = &e->rbuf[idx];
		struct run fresh = {.block.left = rbuf->seq, .stamp = rbuf->stamp};
		struct seq right = rbuf->seq;

		while (idx != TCP_NONE && seq_eq(e->rbuf[idx].seq, right)) {
			rbuf = &e->rbuf[idx];
			if ((int32_t)(rbuf->stamp - fresh.stamp) > 0)
				fresh.stamp = rbuf->stamp;
			right = seq_add(right, rbuf->text);
			idx = rbuf->next;
		}
		fresh.block.right = right;
		cnt = keep_newest(run, cnt, max, fresh);
	}
	return cnt;
}

/* RFC 2883 4.2: what came twice, out of a larger block that is held, is followed by that block. */
static void enclosing_first(struct run *run, uint32_t cnt, struct seq twice)
{
	for (uint32_t i = 1; i < cnt; i++) {
		struct run held = run[i];

		if (seq_gt(held.block.left, twice) || seq_geq(twice, held.block.right))
			continue;
		for (; i > 0; i--)
			run[i] = run[i - 1];
		run[0] = held;
		return;
	}
}

/* Octets of options that seg may still have: of the header, and of the packet. */
static uint32_t opts_room(const struct tcb *tcb, const struct seg *seg)
{
	uint32_t room = TCP_OPT_OCTETS_MAX + TCP_HDR_OCTETS - leat_wire_tcp_hdr_octets(seg);

	if (seg->text > 0)
		room = u32_min(room, tcb->snd_mss > seg->text ? tcb->snd_mss - seg->text : 0);
	return room;
}

void leat_tcp_sack_put(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	struct run run[TCP_SACK_MAX];
	uint32_t max, cnt, octets;

	octets = opts_room(tcb, seg);
	if (octets < SACK_HDR_OCTETS + SACK_OCTETS)
		return;
	max = u32_min((octets - SACK_HDR_OCTETS) / SACK_OCTETS, TCP_SACK_MAX);
	seg->sack_cnt = 0;
	if (tcb->dsack_octets > 0) {
		seg->sack[seg->sack_cnt].left = tcb->rcv.dsack;
		seg->sack[seg->sack_cnt++].right = seq_add(tcb->rcv.dsack, tcb->dsack_octets);
		tcb->dsack_octets = 0;
		c->e->cnt.dsack_told++;
	}
	cnt = runs_of(c->e, tcb, run, max - seg->sack_cnt);
	if (seg->sack_cnt > 0)
		enclosing_first(run, cnt, seg->sack[0].left);
	for (uint32_t i = 0; i < cnt; i++)
		seg->sack[seg->sack_cnt++] = run[i].block;
	if (seg->sack_cnt > 0)
		seg->opts |= TCP_OPT_SACK;
}

/* RFC 2883 4: it lies before the acknowledgment, or within the block that follows. */
static bool is_dsack(const struct seg *seg)
{
	const struct seg_sack *first = &seg->sack[0], *second = &seg->sack[1];

	if (seq_leq(first->right, seg->ack))
		return true;
	return seg->sack_cnt > 1 && seq_leq(second->left, first->left) &&
	       seq_leq(first->right, second->right);
}

static void take_dsack(struct tcp_call *c, const struct seg_sack *block, struct tcp_heard *heard)
{
	struct tcb *tcb = c->tcb;
	struct tcp_ext *ext = &c->e->ext[tcb->ext];
	bool possible = seq_lt(block->left, block->right) && seq_leq(block->right, tcb->snd.nxt) &&
			seq_geq(block->left, seq_sub(tcb->snd.una, tcb->snd.wnd_max));

	if (!possible) {
		c->e->cnt.sack_bad++;
		return;
	}
	c->e->cnt.dsack_heard++;
	if (c->e->tally)
		c->e->tally[c->tcb->idx].dsacks++;
	heard->dsack = true;
	heard->dsack_tlp = ext->flags & TCP_EXT_TLP_AGAIN && seq_eq(block->right, ext->tlp_end);
	if (ext->undo_octets == 0 || seq_lt(block->left, ext->undo_from))
		return;
	ext->undo_octets -= u32_min(ext->undo_octets, seq_from(block->left, block->right));
	heard->undo = ext->undo_octets == 0;
}

/* What an ACK may say of text that is on the way.  One that is older than SND.UNA may reach below
 * it; what it says of the rest is as good as ever. */
static bool usable(struct tcp_call *c, const struct seg *seg, struct seg_sack *block)
{
	const struct tcb *tcb = c->tcb;
	bool possible = seq_lt(block->left, block->right) && seq_leq(block->right, tcb->snd.nxt) &&
			seq_gt(block->left, seg->ack) &&
			seq_geq(block->left, seq_sub(tcb->snd.una, tcb->snd.wnd_max));

	if (!possible) {
		c->e->cnt.sack_bad++;
		return false;
	}
	block->left = seq_max(block->left, tcb->snd.una);
	return seq_lt(block->left, block->right);
}

/* Adds block to those that are sorted; one that overlaps another is no block of an honest peer. */
static uint32_t sort_in(
	struct tcp_call *c, struct seg_sack *sorted, uint32_t cnt, struct seg_sack block)
{
	uint32_t at = cnt;

	while (at > 0 && seq_lt(block.left, sorted[at - 1].left))
		at--;
	if ((at > 0 && seq_lt(block.left, sorted[at - 1].right)) ||
		(at < cnt && seq_lt(sorted[at].left, block.right))) {
		c->e->cnt.sack_bad++;
		return cnt;
	}
	for (uint32_t i = cnt; i > at; i--)
		sorted[i] = sorted[i - 1];
	sorted[at] = block;
	return cnt + 1;
}

void leat_tcp_sack_in(struct tcp_call *c, const struct seg *seg, struct tcp_heard *heard)
{
	struct seg_sack sorted[TCP_SACK_MAX];
	uint32_t i = 0, cnt = 0;

	if (!(seg->opts & TCP_OPT_SACK))
		return;
	if (is_dsack(seg))
		take_dsack(c, &seg->sack[i++], heard);
	for (; i < seg->sack_cnt; i++) {
		struct seg_sack block = seg->sack[i];

		if (usable(c, seg, &block))
			cnt = sort_in(c, sorted, cnt, block);
	}
	leat_tcp_sendq_sack(c, sorted, cnt, heard);
}
