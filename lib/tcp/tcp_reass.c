/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

/* Received text: a queue in order for the user, and a list by sequence of what came too early.
 *
 * The first octet that was accepted wins: what arrives later is trimmed to the holes.  A segment
 * that would have to be cut in two around one that is held keeps its front; the peer sends the
 * rest again.  At most half of a connection's quota, and three quarters of all records, may be held
 * while text is out of order, so that the segment that fills a hole finds room. */

uint32_t leat_tcp_rcv_room(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint32_t buf = e->knobs.rcv_buf_octets;

	return u32_min(buf > tcb->rcv.unread ? buf - tcb->rcv.unread : 0,
		(uint32_t)UINT16_MAX << tcb->rcv_scale);
}

static void rbuf_home(struct tcp_engine *e, uint32_t idx)
{
	e->rbuf[idx].next = e->home_head;
	e->home_head = idx;
}

static uint32_t rbuf_take(struct tcp_call *c, const struct seg *seg)
{
	struct tcp_engine *e = c->e;
	uint32_t idx = e->rbuf_free;

	if (idx == TCP_NONE)
		return TCP_NONE;
	e->rbuf_free = e->rbuf[idx].next;
	e->rbuf[idx] = (struct tcp_rbuf){
		TCP_NONE, seg->seq, seg->text, ++e->ooo_stamp, seg->data, seg->buf};
	e->cnt.rbuf_held++;
	c->tcb->rbuf_cnt++;
	c->kept = true;
	return idx;
}

static void append(struct tcp_engine *e, struct tcb *tcb, uint32_t idx)
{
	struct tcp_rbuf *rbuf = &e->rbuf[idx];

	DCHECK(seq_eq(rbuf->seq, tcb->rcv.nxt));
	rbuf->next = TCP_NONE;
	if (tcb->rcv_head == TCP_NONE)
		tcb->rcv_head = idx;
	else
		e->rbuf[tcb->rcv_tail].next = idx;
	tcb->rcv_tail = idx;
	tcb->rcv.nxt = seq_add(tcb->rcv.nxt, rbuf->text);
	tcb->rcv.unread += rbuf->text;
}

/* Moves what has become in order from the list to the queue. */
static void drain(struct tcp_engine *e, struct tcb *tcb)
{
	while (tcb->ooo_head != TCP_NONE) {
		uint32_t idx = tcb->ooo_head;

		if (seq_gt(e->rbuf[idx].seq, tcb->rcv.nxt))
			return;
		tcb->ooo_head = e->rbuf[idx].next;
		append(e, tcb, idx);
	}
}

/* Gives up the piece furthest out of order: the hole matters more. */
static void drop_last_ooo(struct tcp_engine *e, struct tcb *tcb)
{
	uint32_t *link = &tcb->ooo_head;

	if (*link == TCP_NONE)
		return;
	while (e->rbuf[*link].next != TCP_NONE)
		link = &e->rbuf[*link].next;
	uint32_t idx = *link;
	*link = TCP_NONE;
	tcb->rbuf_cnt--;
	rbuf_home(e, idx);
}

static enum tcp_verdict in_order(struct tcp_call *c, struct seg *seg)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;

	if (tcb->ooo_head != TCP_NONE) {
		struct seq held = e->rbuf[tcb->ooo_head].seq;

		if (seq_gt(seq_add(seg->seq, seg->text), held))
			seg->text = (uint16_t)seq_from(seg->seq, held);
	}
	if (tcb->rbuf_cnt >= e->knobs.rcv_seg_max)
		drop_last_ooo(e, tcb);
	uint32_t idx = tcb->rbuf_cnt < e->knobs.rcv_seg_max ? rbuf_take(c, seg) : TCP_NONE;
	if (idx == TCP_NONE) {
		tcb->flags |= TCP_F_ACK_NOW;
		return TCP_V_TEXT_NO_ROOM;
	}
	bool filled_hole = tcb->ooo_head != TCP_NONE;
	append(e, tcb, idx);
	drain(e, tcb);
	leat_tcp_tell(e, tcb, TCP_NEWS_READABLE);
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
	return TCP_V_OK;
}

static bool ooo_room(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->rbuf_cnt < e->knobs.rcv_seg_max / 2 &&
	       e->cnt.rbuf_held < e->limits.rbuf_max - e->limits.rbuf_max / 4;
}

static enum tcp_verdict out_of_order(struct tcp_call *c, const struct seg *seg)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	struct seg piece = *seg; /* what is not held yet; the FIN stays where seg has it */
	uint32_t *link = &tcb->ooo_head;

	tcb->flags |= TCP_F_ACK_NOW; /* RFC 5681 4.2: a duplicate ACK at once */
	while (*link != TCP_NONE && seq_leq(e->rbuf[*link].seq, piece.seq)) {
		struct tcp_rbuf *held = &e->rbuf[*link];
		int32_t over = seq_diff(seq_add(held->seq, held->text), piece.seq);

		if (over > 0) {
			held->stamp = ++e->ooo_stamp;
			leat_tcp_dsack_note(tcb, piece.seq, u32_min((uint32_t)over, piece.text));
		}
		if (over >= (int32_t)piece.text)
			return TCP_V_OK; /* all of it is held already */
		if (over > 0) {
			piece.seq = seq_add(piece.seq, (uint32_t)over);
			piece.data += over;
			piece.text = (uint16_t)(piece.text - over);
		}
		link = &e->rbuf[*link].next;
	}
	if (*link != TCP_NONE) {
		uint32_t gap = seq_from(piece.seq, e->rbuf[*link].seq);

		piece.text = (uint16_t)u32_min(piece.text, gap);
	}
	if (piece.text == 0)
		return TCP_V_OK;
	uint32_t idx = ooo_room(e, tcb) ? rbuf_take(c, &piece) : TCP_NONE;
	if (idx == TCP_NONE)
		return TCP_V_TEXT_NO_ROOM;
	e->rbuf[idx].next = *link;
	*link = idx;
	e->cnt.text_ooo++;
	return TCP_V_OK;
}

enum tcp_verdict leat_tcp_reass(struct tcp_call *c, struct seg *seg)
{
	leat_tcp_want_output(c->e, c->tcb);
	if (seq_eq(seg->seq, c->tcb->rcv.nxt))
		return in_order(c, seg);
	return out_of_order(c, seg);
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
	tcb->rcv_tail = TCP_NONE;
	tcb->rcv.unread = 0;
	DCHECK(tcb->rbuf_cnt == 0);
}
