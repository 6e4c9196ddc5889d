/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

#include <string.h>

/* Received text: a queue in order for the user, and a list by sequence of what came too early.
 *
 * The first octet that was accepted wins: what arrives later is trimmed to the holes.  A segment
 * that would have to be cut in two around one that is held keeps its front; the peer sends the
 * rest again.  At most half of a connection's quota, and three quarters of all records, may be held
 * while text is out of order, so that the segment that fills a hole finds room.
 *
 * What lies in the window that we offered is taken, however small its segments are: no more is
 * offered than the buffers of the quota hold when they are filled one after the other, and text is
 * copied behind that of the last buffer as soon as it would not fit otherwise.  With C the octets a
 * buffer takes at least,
 *
 *	RCV.EDGE - RCV.NXT <= min(C, room of the last) + C * (rcv_seg_max - buffers in order)
 *
 * and what is out of order gives way.  Text so small that a buffer of its own would be wasted on it
 * is always copied. */

#define PACK_OCTETS 256

/* Octets that may be copied behind the text.  The last one stays: a room of 0 says that the buffer
 * is not ours to write. */
static uint32_t room_of(const struct tcp_rbuf *rbuf)
{
	return rbuf->room > 0 ? rbuf->room - 1U : 0;
}

/* The last text in order that is not read, if there is any. */
static struct tcp_rbuf *last_of(const struct tcp_engine *e, const struct tcb *tcb)
{
	return &e->rbuf[e->rbuf[tcb->rcv_head].stamp];
}

uint32_t leat_tcp_rcv_rest(const struct tcp_engine *e, const struct tcb *tcb)
{
	const struct tcp_knobs *k = &e->knobs;
	uint32_t last = tcb->rcv_head != TCP_NONE ? room_of(last_of(e, tcb)) : 0;
	uint64_t hold = u32_min(last, k->rbuf_octets) +
			(uint64_t)(k->rcv_seg_max - tcb->rbuf_cnt) * k->rbuf_octets;
	uint32_t buf = k->rcv_buf_octets;
	uint32_t room = buf > tcb->rcv.unread ? buf - tcb->rcv.unread : 0;

	return (uint32_t)u64_min(room, hold);
}

static void rbuf_home(struct tcp_engine *e, uint32_t idx)
{
	e->rbuf[idx].next = e->home_head;
	e->home_head = idx;
}

/* Takes the last piece out of order from its list: the hole matters more. */
static uint32_t evict(struct tcp_engine *e, struct tcb *tcb)
{
	uint32_t *link = &tcb->ooo_head;

	if (*link == TCP_NONE)
		return TCP_NONE;
	while (e->rbuf[*link].next != TCP_NONE)
		link = &e->rbuf[*link].next;
	uint32_t idx = *link;
	*link = TCP_NONE;
	e->cnt.text_evicted++;
	return idx;
}

static void cut_front(struct tcp_rbuf *piece, uint32_t octets)
{
	piece->seq = seq_add(piece->seq, octets);
	piece->data += octets;
	piece->text = (uint16_t)(piece->text - octets);
}

/* Moves text to the left in its buffer, over octets that are not needed, so that the buffer takes
 * what it can. */
static void shift(struct tcp_rbuf *piece, uint32_t octets)
{
	if (octets == 0 || piece->room == 0)
		return;
	piece->data -= octets;
	memmove((uint8_t *)(uintptr_t)piece->data, piece->data + octets, piece->text);
	piece->room = (uint16_t)u32_min(piece->room + octets, UINT16_MAX - piece->text);
}

/* A record for piece, with its buffer; for one in order at the worst that of another out of order,
 * whose buffer then goes home in place of the segment's. */
static uint32_t rbuf_take(struct tcp_call *c, struct tcp_rbuf *piece, bool in_order)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	uint32_t idx = e->rbuf_free;

	if (tcb->rbuf_cnt < e->knobs.rcv_seg_max && idx != TCP_NONE) {
		e->rbuf_free = e->rbuf[idx].next;
		e->cnt.rbuf_held++;
		tcb->rbuf_cnt++;
	} else {
		idx = in_order ? evict(e, tcb) : TCP_NONE;
		if (idx == TCP_NONE)
			return TCP_NONE;
		if (e->rbuf[idx].buf)
			c->io->give[c->io->give_cnt++] = e->rbuf[idx].buf;
	}
	if (piece->text + room_of(piece) < e->knobs.rbuf_octets)
		shift(piece, (uint32_t)(piece->data - c->data));
	e->rbuf[idx] = *piece;
	e->rbuf[idx].stamp = ++e->ooo_stamp;
	c->kept = true;
	return idx;
}

/* Copies of piece, which begins where held ends, what has room there. */
static void pack(struct tcp_engine *e, struct tcp_rbuf *held, struct tcp_rbuf *piece)
{
	uint32_t octets = u32_min(piece->text, room_of(held));

	if (octets == 0)
		return;
	memcpy((uint8_t *)(uintptr_t)held->data + held->text, piece->data, octets);
	held->text = (uint16_t)(held->text + octets);
	held->room = (uint16_t)(held->room - octets);
	cut_front(piece, octets);
	if (piece->text > 0)
		shift(piece, octets);
	e->cnt.text_packed += octets;
}

/* Is piece, next in order, to be copied?  left: records that may be had after it, if it is not. */
static bool worth_packing(const struct tcp_engine *e, const struct tcb *tcb,
	const struct tcp_rbuf *piece, int32_t left)
{
	uint32_t rest = seq_from(seq_add(piece->seq, piece->text), tcb->rcv.edge);

	if (piece->text <= PACK_OCTETS && piece->text <= room_of(last_of(e, tcb)))
		return true;
	return left < 0 || (uint64_t)left * e->knobs.rbuf_octets < rest;
}

static void advance(struct tcb *tcb, uint32_t octets)
{
	tcb->rcv.nxt = seq_add(tcb->rcv.nxt, octets);
	tcb->rcv.unread += octets;
}

static void append(struct tcp_engine *e, struct tcb *tcb, uint32_t idx)
{
	struct tcp_rbuf *rbuf = &e->rbuf[idx];

	DCHECK(seq_eq(rbuf->seq, tcb->rcv.nxt));
	rbuf->next = TCP_NONE;
	if (tcb->rcv_head == TCP_NONE)
		tcb->rcv_head = idx;
	else
		last_of(e, tcb)->next = idx;
	e->rbuf[tcb->rcv_head].stamp = idx;
	advance(tcb, rbuf->text);
}

/* Records that the quota still has. */
static int32_t quota_left(const struct tcp_engine *e, const struct tcb *tcb)
{
	return (int32_t)e->knobs.rcv_seg_max - (int32_t)tcb->rbuf_cnt;
}

/* Copies of piece what is worth it behind the last text in order. */
static void pack_next(struct tcp_engine *e, struct tcb *tcb, struct tcp_rbuf *piece, int32_t left)
{
	uint32_t had = piece->text;

	if (tcb->rcv_head == TCP_NONE || !worth_packing(e, tcb, piece, left))
		return;
	pack(e, last_of(e, tcb), piece);
	advance(tcb, had - piece->text);
}

/* Moves what has become in order from the list to the queue. */
static void drain(struct tcp_engine *e, struct tcb *tcb)
{
	while (tcb->ooo_head != TCP_NONE) {
		uint32_t idx = tcb->ooo_head;

		if (seq_gt(e->rbuf[idx].seq, tcb->rcv.nxt))
			return;
		tcb->ooo_head = e->rbuf[idx].next;
		pack_next(e, tcb, &e->rbuf[idx], quota_left(e, tcb));
		if (e->rbuf[idx].text > 0) {
			append(e, tcb, idx);
		} else {
			tcb->rbuf_cnt--;
			rbuf_home(e, idx);
		}
	}
}

/* RFC 5681 4.2: at once when a hole was filled, and every second segment. */
static void owe_ack(struct tcp_call *c, bool filled_hole)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	bool quick = tcb->quick > 0;

	if (quick)
		tcb->quick--;
	if (filled_hole || quick || e->knobs.delack_ns == 0 ||
		++tcb->ack_owed >= e->knobs.ack_every) {
		tcb->flags |= TCP_F_ACK_NOW; /* RFC 5681 4.2, SHLD-19 */
	} else if (!(tcb->flags & TCP_F_ACK_DELAY)) {
		tcb->flags |= TCP_F_ACK_DELAY; /* SHLD-18 */
		tcb->delack_at = c->now + e->knobs.delack_ns;
	}
}

static enum tcp_verdict in_order(struct tcp_call *c, struct tcp_rbuf *piece)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	struct seq first = tcb->rcv.nxt;
	bool filled_hole = tcb->ooo_head != TCP_NONE;

	if (filled_hole) {
		uint32_t gap = seq_from(piece->seq, e->rbuf[tcb->ooo_head].seq);

		piece->text = (uint16_t)u32_min(piece->text, gap);
	}
	pack_next(e, tcb, piece, quota_left(e, tcb) - 1);
	uint32_t idx = piece->text > 0 ? rbuf_take(c, piece, true) : TCP_NONE;
	bool full = piece->text > 0 && idx == TCP_NONE;

	e->cnt.text_refused += full;

	if (idx != TCP_NONE)
		append(e, tcb, idx);
	drain(e, tcb);
	if (!seq_eq(tcb->rcv.nxt, first))
		leat_tcp_tell(e, tcb, TCP_NEWS_READABLE);
	owe_ack(c, filled_hole || full);
	return full ? TCP_V_TEXT_NO_ROOM : TCP_V_OK;
}

static bool ooo_room(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->rbuf_cnt < e->knobs.rcv_seg_max / 2 &&
	       e->cnt.rbuf_held < e->limits.rbuf_max - e->limits.rbuf_max / 4;
}

/* Cuts from piece what is held before it, and returns the last record that is not behind it. */
static struct tcp_rbuf *trim_to_holes(struct tcp_call *c, struct tcp_rbuf *piece, uint32_t **link)
{
	struct tcp_engine *e = c->e;
	struct tcp_rbuf *held = NULL;

	while (**link != TCP_NONE && seq_leq(e->rbuf[**link].seq, piece->seq)) {
		held = &e->rbuf[**link];
		int32_t over = seq_diff(seq_add(held->seq, held->text), piece->seq);

		e->cnt.reass_steps++;
		if (over > 0) {
			uint32_t twice = u32_min((uint32_t)over, piece->text);

			held->stamp = ++e->ooo_stamp;
			leat_tcp_dsack_note(c->tcb, piece->seq, twice);
			cut_front(piece, twice);
			if (piece->text == 0)
				break;
		}
		*link = &held->next;
	}
	if (**link != TCP_NONE)
		piece->text =
			(uint16_t)u32_min(piece->text, seq_from(piece->seq, e->rbuf[**link].seq));
	return held;
}

static enum tcp_verdict out_of_order(struct tcp_call *c, struct tcp_rbuf *piece)
{
	struct tcp_engine *e = c->e;
	uint32_t *link = &c->tcb->ooo_head;
	struct tcp_rbuf *before = trim_to_holes(c, piece, &link);

	c->tcb->flags |= TCP_F_ACK_NOW; /* RFC 5681 4.2: a duplicate ACK at once */
	if (piece->text == 0)
		return TCP_V_OK; /* all of it is held already */
	bool room = ooo_room(e, c->tcb);

	if (before && seq_eq(seq_add(before->seq, before->text), piece->seq) &&
		(!room || (piece->text <= PACK_OCTETS && piece->text <= room_of(before)))) {
		pack(e, before, piece);
		before->stamp = ++e->ooo_stamp;
	}
	uint32_t idx = room && piece->text > 0 ? rbuf_take(c, piece, false) : TCP_NONE;

	if (piece->text > 0 && idx == TCP_NONE)
		return TCP_V_TEXT_OOO_FULL;
	if (idx != TCP_NONE) {
		e->rbuf[idx].next = *link;
		*link = idx;
	}
	e->cnt.text_ooo++;
	if (e->tally)
		e->tally[c->tcb->idx].ooo_segs++;
	return TCP_V_OK;
}

/* Is seg the next text, as it came, for a queue in which nothing is?  Where all is quick, as on the
 * fast path, and switched off with it. */
static bool is_first(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;

	return tcp_is_quick(c->e) && tcb->rbuf_cnt == 0 && seq_eq(seg->seq, tcb->rcv.nxt) &&
	       seg->data == c->data && c->e->rbuf_free != TCP_NONE;
}

/* What in_order comes to then. */
static void take_first(struct tcp_call *c, const struct seg *seg)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	uint32_t idx = e->rbuf_free;
	struct tcp_rbuf *rbuf = &e->rbuf[idx];

	e->rbuf_free = rbuf->next;
	e->cnt.rbuf_held++;
	e->ooo_stamp++;
	*rbuf = (struct tcp_rbuf){.next = TCP_NONE,
		.seq = seg->seq,
		.text = seg->text,
		.room = (uint16_t)u32_min(seg->room, UINT16_MAX - seg->text),
		.stamp = idx,
		.data = seg->data,
		.buf = seg->buf};
	c->kept = true;
	tcb->rbuf_cnt = 1;
	tcb->rcv_head = idx;
	advance(tcb, seg->text);
	leat_tcp_tell(e, tcb, TCP_NEWS_READABLE);
	owe_ack(c, false);
}

static __attribute__((noinline)) enum tcp_verdict take_other(
	struct tcp_call *c, const struct seg *seg)
{
	/* A copy: the FIN stays where seg has it. */
	struct tcp_rbuf piece = {.seq = seg->seq,
		.text = seg->text,
		.room = (uint16_t)u32_min(seg->room, UINT16_MAX - seg->text),
		.data = seg->data,
		.buf = seg->buf};

	if (seq_eq(seg->seq, c->tcb->rcv.nxt))
		return in_order(c, &piece);
	return out_of_order(c, &piece);
}

enum tcp_verdict leat_tcp_reass(struct tcp_call *c, const struct seg *seg)
{
	leat_tcp_want_output(c->e, c->tcb);
	if (UNLIKELY(!is_first(c, seg)))
		return take_other(c, seg);
	take_first(c, seg);
	return TCP_V_OK;
}

static void purge(struct tcp_engine *e, struct tcb *tcb, uint32_t *head)
{
	while (*head != TCP_NONE) {
		uint32_t idx = *head;

		*head = e->rbuf[idx].next;
		rbuf_home(e, idx);
		tcb->rbuf_cnt--;
	}
}

void leat_tcp_reass_purge(struct tcp_engine *e, struct tcb *tcb, bool may_read)
{
	purge(e, tcb, &tcb->ooo_head);
	if (may_read)
		return;
	purge(e, tcb, &tcb->rcv_head);
	tcb->rcv.unread = 0;
	DCHECK(tcb->rbuf_cnt == 0);
}
