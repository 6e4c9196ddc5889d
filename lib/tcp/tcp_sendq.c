/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_sendq.h"

#include <string.h>

#define SREC_CNT_MAX 65536 /* of one connection: bounds the walk of a timeout */
#define EXT_HALF     offsetof(struct tcp_ext, fack)
#define SACK_WALK    4096 /* records that one ACK may have us look at */

static uint32_t idx_of(const struct tcp_engine *e, const struct tcp_srec *rec)
{
	return (uint32_t)(rec - e->srec);
}

static void ext_clear(struct tcp_ext *ext)
{
	memset(ext, 0, EXT_HALF); /* twice, as compilers have a loop in microcode for the whole */
	memset((uint8_t *)ext + EXT_HALF, 0, sizeof(*ext) - EXT_HALF);
	ext->head = ext->tail = ext->oldest = ext->newest = ext->lost = TCP_NONE;
	ext->reo_mult = 1;
}

struct tcp_ext leat_tcp_ext_of_lone(void)
{
	struct tcp_ext ext;

	ext_clear(&ext);
	ext.flags = TCP_EXT_SENDQ;
	ext.srec_cnt = 1;
	return ext;
}

/* An ext that is counted already, of a flight that begins at una. */
static struct tcp_ext *ext_take(struct tcp_engine *e, struct tcb *tcb, struct seq una, uint64_t now)
{
	uint32_t idx = e->ext_free;
	struct tcp_ext *ext = &e->ext[idx];

	e->ext_free = ext->head;
	ext_clear(ext);
	ext->rto_from = now;
	ext->fack = ext->rack_end = una;
	tcb->ext = idx;
	return ext;
}

void leat_tcp_ext_begin(struct tcp_engine *e, struct tcb *tcb, uint64_t now)
{
	bool sack = (tcb->agreed & TCP_OPT_SACK_OK) != 0;

	DCHECK(!(tcb->opts & TCP_O_EXT));
	DCHECK(seq_eq(tcb->snd.una, tcb->snd.nxt));
	if (!sack && e->knobs.cc == TCP_CC_RENO)
		return;
	if (e->cnt.ext_held == e->limits.ext_max ||
		(sack && e->cnt.srec_held == e->limits.srec_max)) {
		e->cnt.ext_none++;
		return;
	}
	e->cnt.ext_held++;
	tcb->opts |= TCP_O_EXT;
	if (!sack) {
		struct seq timed = tcb->rtt_seq; /* tcb.ext takes its place */

		ext_take(e, tcb, tcb->snd.una, now)->rtt_seq = timed;
		return;
	}
	tcb->ext = e->limits.ext_max;
	tcb->flags &= (uint16_t) ~(TCP_F_RTT | TCP_F_RECOVERY | TCP_F_RTX_ONE);
	tcb->dup_acks = 0;
}

static void rec_free(struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec)
{
	rec->next = e->srec_free;
	e->srec_free = idx_of(e, rec);
	e->cnt.srec_held--;
	ext->srec_cnt--;
}

static __attribute__((noinline)) void ext_end(struct tcp_engine *e, struct tcb *tcb)
{
	struct tcp_ext *ext = &e->ext[tcb->ext];

	while (ext->head != TCP_NONE) {
		struct tcp_srec *rec = &e->srec[ext->head];

		ext->head = rec->next;
		rec_free(e, ext, rec);
	}
	DCHECK(ext->srec_cnt == 0);
	if (ext->flags & TCP_EXT_SENDQ)
		tcb->flags &= (uint16_t) ~(TCP_F_RECOVERY | TCP_F_RTX_ONE);
	ext->head = e->ext_free;
	e->ext_free = tcb->ext;
	e->cnt.ext_held--;
	tcb->opts &= (uint16_t)~TCP_O_EXT;
	tcb->rtt_seq = ext->rtt_seq;
}

void leat_tcp_ext_end(struct tcp_engine *e, struct tcb *tcb)
{
	if (!(tcb->opts & TCP_O_EXT))
		return;
	if (UNLIKELY(!tcp_is_lone(e, tcb))) {
		ext_end(e, tcb);
		return;
	}
	e->cnt.ext_held--;
	e->cnt.srec_held--;
	tcb->opts &= (uint16_t)~TCP_O_EXT;
	tcb->rtt_seq = tcb->snd.una;
}

/* The list by time.  A record enters at its newest end, or, when it is found again, where its
 * instant belongs. */
static void time_insert(struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec)
{
	uint32_t older = ext->newest, idx = idx_of(e, rec);

	while (older != TCP_NONE && e->srec[older].sent_at > rec->sent_at)
		older = e->srec[older].older;
	rec->older = older;
	rec->newer = older == TCP_NONE ? ext->oldest : e->srec[older].newer;
	if (rec->older == TCP_NONE)
		ext->oldest = idx;
	else
		e->srec[rec->older].newer = idx;
	if (rec->newer == TCP_NONE)
		ext->newest = idx;
	else
		e->srec[rec->newer].older = idx;
}

static void time_remove(struct tcp_engine *e, struct tcp_ext *ext, const struct tcp_srec *rec)
{
	if (rec->older == TCP_NONE)
		ext->oldest = rec->newer;
	else
		e->srec[rec->older].newer = rec->newer;
	if (rec->newer == TCP_NONE)
		ext->newest = rec->older;
	else
		e->srec[rec->newer].older = rec->older;
}

bool leat_tcp_sendq_room(struct tcp_engine *e, const struct tcp_ext *ext)
{
	if (e->cnt.srec_held < e->limits.srec_max && ext->srec_cnt < SREC_CNT_MAX)
		return true;
	e->cnt.srec_none++;
	return false;
}

/* A fresh record behind prev (TCP_NONE: at the head). */
static struct tcp_srec *rec_new(struct tcp_engine *e, struct tcp_ext *ext, uint32_t prev)
{
	uint32_t idx = e->srec_free;
	struct tcp_srec *rec = &e->srec[idx];
	uint32_t *link = prev == TCP_NONE ? &ext->head : &e->srec[prev].next;

	e->srec_free = rec->next;
	e->cnt.srec_held++;
	ext->srec_cnt++;
	rec->next = *link;
	*link = idx;
	if (rec->next == TCP_NONE)
		ext->tail = idx;
	return rec;
}

/* A record behind the others of what was sent now. */
static void rec_add(
	struct tcp_engine *e, struct tcp_ext *ext, struct seq pos, struct seq end, uint64_t now)
{
	struct tcp_srec *rec = rec_new(e, ext, ext->tail);

	rec->sent_at = now;
	rec->seq = pos;
	rec->end = end;
	rec->flags = 0;
	rec->sent_cnt = 1;
	time_insert(e, ext, rec);
}

void leat_tcp_sendq_sent(struct tcp_call *c, struct seq pos, uint32_t octets)
{
	struct tcp_engine *e = c->e;
	struct tcp_ext *ext = &e->ext[c->tcb->ext];

	if (LIKELY(tcp_is_lone(e, c->tcb))) {
		DCHECK(seq_eq(pos, c->tcb->snd.una));
		e->cnt.srec_held++;
		c->tcb->rtt_at = c->now;
		return;
	}
	rec_add(e, ext, pos, seq_add(pos, octets), c->now);
	leat_tcp_loss_sent(c, ext, octets);
}

struct tcp_ext *leat_tcp_ext_own(
	struct tcp_engine *e, struct tcb *tcb, struct seq una, uint64_t now)
{
	bool sent = !seq_eq(una, tcb->snd.nxt);

	if (!tcp_is_lone(e, tcb))
		return tcp_ext_of(e, tcb);
	struct tcp_ext *ext = ext_take(e, tcb, una, sent ? tcb->rtt_at : now);

	ext->flags = TCP_EXT_SENDQ;
	ext->rtt_seq = una;
	if (sent) {
		e->cnt.srec_held--;
		rec_add(e, ext, una, tcb->snd.nxt, tcb->rtt_at);
	}
	return ext;
}

/* The first record from idx on that is LOST. */
static uint32_t lost_from(const struct tcp_engine *e, const struct tcp_ext *ext, uint32_t idx)
{
	if (ext->lost_octets == 0)
		return TCP_NONE;
	while (!(e->srec[idx].flags & TCP_SREC_LOST))
		idx = e->srec[idx].next;
	return idx;
}

/* Removes the record behind rec, whose octets are rec's now. */
static void swallow(struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec)
{
	struct tcp_srec *next = &e->srec[rec->next];

	DCHECK(next->flags == rec->flags);
	if (ext->tail == rec->next)
		ext->tail = idx_of(e, rec);
	if (ext->lost == rec->next)
		ext->lost = idx_of(e, rec);
	rec->next = next->next;
	if (next->sent_cnt > rec->sent_cnt)
		rec->sent_cnt = next->sent_cnt;
	rec_free(e, ext, next);
}

/* Cuts rec at pos.  When no record is left for the rest, nothing happens. */
static bool split(struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec, struct seq pos)
{
	struct tcp_srec *rest;

	DCHECK(seq_lt(rec->seq, pos) && seq_lt(pos, rec->end));
	if (!leat_tcp_sendq_room(e, ext))
		return false;
	rest = rec_new(e, ext, idx_of(e, rec));
	rest->sent_at = rec->sent_at;
	rest->seq = pos;
	rest->end = rec->end;
	rest->flags = rec->flags;
	rest->sent_cnt = rec->sent_cnt;
	rec->end = pos;
	if (rec->flags == 0)
		time_insert(e, ext, rest);
	return true;
}

bool leat_tcp_sendq_fit(
	struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec, uint32_t octets)
{
	DCHECK(rec->flags == TCP_SREC_LOST);
	while (tcp_srec_octets(rec) < octets && rec->next != TCP_NONE &&
		e->srec[rec->next].flags == TCP_SREC_LOST) {
		struct tcp_srec *next = &e->srec[rec->next];
		struct seq end = seq_min(next->end, seq_add(rec->seq, octets));

		rec->end = end;
		next->seq = end;
		if (seq_eq(next->seq, next->end))
			swallow(e, ext, rec);
		else
			next->sent_cnt = (uint8_t)u32_max(next->sent_cnt, rec->sent_cnt);
	}
	return tcp_srec_octets(rec) <= octets || split(e, ext, rec, seq_add(rec->seq, octets));
}

void leat_tcp_sendq_again(struct tcp_call *c, struct tcp_srec *rec)
{
	struct tcp_engine *e = c->e;
	struct tcp_ext *ext = &e->ext[c->tcb->ext];
	uint32_t octets = tcp_srec_octets(rec);

	DCHECK(!(rec->flags & TCP_SREC_SACKED));
	if (rec->flags & TCP_SREC_LOST) {
		rec->flags = 0;
		ext->lost_octets -= octets;
		if (ext->lost == idx_of(e, rec))
			ext->lost = lost_from(e, ext, ext->lost);
	} else {
		time_remove(e, ext, rec);
	}
	rec->sent_at = c->now;
	if (rec->sent_cnt < UINT8_MAX)
		rec->sent_cnt++;
	time_insert(e, ext, rec);
	if (ext->flags & TCP_EXT_UNDO)
		ext->undo_octets += octets;
	leat_tcp_loss_sent(c, ext, octets);
}

void leat_tcp_sendq_extend(struct tcp_engine *e, struct tcp_ext *ext, uint32_t octets)
{
	struct tcp_srec *rec = &e->srec[ext->tail];

	DCHECK(rec->flags == TCP_SREC_LOST);
	rec->end = seq_add(rec->end, octets);
	ext->lost_octets += octets;
}

struct tcp_srec *leat_tcp_sendq_last(struct tcp_engine *e, struct tcp_ext *ext, uint32_t octets)
{
	if (ext->tail == TCP_NONE) /* acknowledged before the probe could leave */
		return NULL;
	struct tcp_srec *rec = &e->srec[ext->tail];

	if (rec->flags != 0)
		return NULL;
	if (tcp_srec_octets(rec) <= octets)
		return rec;
	return split(e, ext, rec, seq_sub(rec->end, octets)) ? &e->srec[ext->tail] : NULL;
}

/* The books of what rec, until now in the state its flags say, delivers now. */
static void deliver(
	struct tcp_call *c, struct tcp_ext *ext, struct tcp_srec *rec, struct tcp_heard *heard)
{
	heard->delivered += tcp_srec_octets(rec);
	if (rec->sent_cnt == 1) {
		if (heard->rtt_ns == 0)
			heard->rtt_ns = u64_max(c->now - rec->sent_at, 1);
		if (seq_leq(rec->end, c->tcb->recover))
			heard->original = true;
	}
	if (rec->flags & TCP_SREC_LOST)
		ext->lost_octets -= tcp_srec_octets(rec);
	else
		time_remove(c->e, ext, rec);
	leat_tcp_rack_delivered(c, ext, rec, heard);
}

/* The front of rec is acknowledged, the rest is not. */
static void trim(struct tcp_ext *ext, struct tcp_srec *rec, struct seq una, struct tcp_heard *heard)
{
	uint32_t cut = seq_from(rec->seq, una);

	rec->seq = una;
	if (rec->flags & TCP_SREC_SACKED)
		ext->sacked_octets -= cut;
	else
		heard->delivered += cut;
	if (rec->flags & TCP_SREC_LOST)
		ext->lost_octets -= cut;
}

void leat_tcp_sendq_acked(struct tcp_call *c, struct tcp_heard *heard)
{
	struct tcp_engine *e = c->e;
	struct tcp_ext *ext = &e->ext[c->tcb->ext];
	struct seq una = c->tcb->snd.una;
	const struct tcp_srec *first = &e->srec[ext->head];
	bool lost_gone = false;

	DCHECK(ext->head != TCP_NONE);
	heard->eifel = first->sent_cnt == 2 && first->flags == 0 &&
		       tcp_echo_before(c->tcb, heard->seg, first->sent_at);
	if (heard->eifel && seq_lt(first->end, ext->fack))
		ext->flags |= TCP_EXT_REORDER; /* it was not lost, but overtaken */
	while (ext->head != TCP_NONE) {
		struct tcp_srec *rec = &e->srec[ext->head];

		if (seq_gt(rec->end, una)) {
			if (seq_lt(rec->seq, una))
				trim(ext, rec, una, heard);
			break;
		}
		if (rec->flags & TCP_SREC_SACKED)
			ext->sacked_octets -= tcp_srec_octets(rec);
		else
			deliver(c, ext, rec, heard);
		lost_gone |= ext->lost == ext->head;
		ext->head = rec->next;
		rec_free(e, ext, rec);
	}
	if (ext->head == TCP_NONE)
		ext->tail = ext->lost = TCP_NONE;
	else if (lost_gone)
		ext->lost = lost_from(e, ext, ext->head);
}

/* rec is inside a block. */
static void sack_one(
	struct tcp_call *c, struct tcp_ext *ext, struct tcp_srec *rec, struct tcp_heard *heard)
{
	deliver(c, ext, rec, heard);
	rec->flags = TCP_SREC_SACKED;
	ext->sacked_octets += tcp_srec_octets(rec);
	if (ext->lost == idx_of(c->e, rec))
		ext->lost = lost_from(c->e, ext, ext->lost);
}

void leat_tcp_sendq_sack(
	struct tcp_call *c, const struct seg_sack *block, uint32_t cnt, struct tcp_heard *heard)
{
	struct tcp_engine *e = c->e;
	struct tcp_ext *ext = &e->ext[c->tcb->ext];
	struct tcp_srec *prev = NULL;
	uint32_t idx = ext->head;

	for (uint32_t steps = 0; idx != TCP_NONE && cnt > 0 && steps < SACK_WALK; steps++) {
		struct tcp_srec *rec = &e->srec[idx];

		if (seq_leq(block->right, rec->seq)) {
			block++;
			cnt--;
			continue;
		}
		if (!(rec->flags & TCP_SREC_SACKED) && seq_leq(block->left, rec->seq) &&
			seq_leq(rec->end, block->right))
			sack_one(c, ext, rec, heard);
		if (prev && prev->flags & rec->flags & TCP_SREC_SACKED) {
			prev->end = rec->end;
			swallow(e, ext, prev);
			rec = prev;
		}
		prev = rec;
		idx = rec->next;
	}
}

void leat_tcp_sendq_lose(struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec)
{
	DCHECK(rec->flags == 0);
	time_remove(e, ext, rec);
	rec->flags = TCP_SREC_LOST;
	ext->lost_octets += tcp_srec_octets(rec);
	if (ext->lost == TCP_NONE || seq_lt(rec->seq, e->srec[ext->lost].seq))
		ext->lost = idx_of(e, rec);
}

void leat_tcp_sendq_lose_all(struct tcp_engine *e, struct tcp_ext *ext, bool forget)
{
	ext->lost_octets = 0;
	if (forget)
		ext->sacked_octets = 0;
	ext->lost = TCP_NONE;
	ext->oldest = ext->newest = TCP_NONE;
	for (uint32_t idx = ext->head; idx != TCP_NONE; idx = e->srec[idx].next) {
		struct tcp_srec *rec = &e->srec[idx];

		if (rec->flags & TCP_SREC_SACKED && !forget)
			continue;
		rec->flags = TCP_SREC_LOST;
		ext->lost_octets += tcp_srec_octets(rec);
		if (ext->lost == TCP_NONE)
			ext->lost = idx;
	}
}

void leat_tcp_sendq_find_all(struct tcp_engine *e, struct tcp_ext *ext)
{
	for (uint32_t idx = ext->lost; idx != TCP_NONE; idx = e->srec[idx].next) {
		struct tcp_srec *rec = &e->srec[idx];

		if (!(rec->flags & TCP_SREC_LOST))
			continue;
		rec->flags = 0;
		time_insert(e, ext, rec);
	}
	ext->lost = TCP_NONE;
	ext->lost_octets = 0;
}

void leat_tcp_sendq_recut(struct tcp_engine *e, struct tcb *tcb)
{
	struct tcp_ext *ext = tcp_sendq_of(e, tcb);

	if (!ext)
		return;
	for (uint32_t idx = ext->head; idx != TCP_NONE; idx = e->srec[idx].next) {
		struct tcp_srec *rec = &e->srec[idx];

		if (rec->flags == 0 && tcp_srec_octets(rec) > tcb->snd_mss)
			leat_tcp_sendq_lose(e, ext, rec);
	}
}

static void check_times(const struct tcp_engine *e, const struct tcp_ext *ext, uint32_t in_flight)
{
	uint32_t older = TCP_NONE, cnt = 0;
	uint64_t at = 0;

	for (uint32_t idx = ext->oldest; idx != TCP_NONE; idx = e->srec[idx].newer) {
		const struct tcp_srec *rec = &e->srec[idx];

		ASSERT(rec->flags == 0);
		ASSERT(rec->older == older);
		ASSERT(at <= rec->sent_at);
		at = rec->sent_at;
		older = idx;
		ASSERT(++cnt <= in_flight);
	}
	ASSERT(ext->newest == older);
	ASSERT(cnt == in_flight);
}

void leat_tcp_sendq_check(const struct tcp_engine *e, const struct tcb *tcb)
{
	const struct tcp_ext *ext = tcp_sendq_of(e, tcb);
	uint32_t sacked = 0, lost = 0, cnt = 0, in_flight = 0;
	uint32_t first_lost = TCP_NONE, tail = TCP_NONE;
	struct seq at = tcb->snd.una;

	if (!ext)
		return;
	if (tcp_is_lone(e, tcb)) {
		ASSERT(seq_lt(tcb->snd.una, tcb->snd.nxt));
		ASSERT(!(tcb->flags & (TCP_F_RTT | TCP_F_RECOVERY)));
		return;
	}
	for (uint32_t idx = ext->head; idx != TCP_NONE; idx = e->srec[idx].next) {
		const struct tcp_srec *rec = &e->srec[idx];

		ASSERT(seq_eq(rec->seq, at)); /* sorted, disjoint, and nothing is missing */
		ASSERT(seq_lt(rec->seq, rec->end));
		ASSERT(rec->sent_cnt > 0);
		ASSERT(rec->flags <= TCP_SREC_LOST); /* not both */
		at = rec->end;
		tail = idx;
		in_flight += rec->flags == 0;
		if (rec->flags & TCP_SREC_SACKED)
			sacked += tcp_srec_octets(rec);
		if (rec->flags & TCP_SREC_LOST) {
			lost += tcp_srec_octets(rec);
			if (first_lost == TCP_NONE)
				first_lost = idx;
		}
		ASSERT(++cnt <= e->limits.srec_max);
	}
	ASSERT(seq_eq(at, tcb->snd.nxt));
	ASSERT(ext->tail == tail);
	ASSERT(ext->lost == first_lost);
	ASSERT(sacked == ext->sacked_octets);
	ASSERT(lost == ext->lost_octets);
	ASSERT(cnt == ext->srec_cnt);
	check_times(e, ext, in_flight);
}
