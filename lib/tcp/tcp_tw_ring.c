/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_tw_ring.h"

#include "base_arena.h"
#include "base_time.h"

#include <string.h>

#define SHIFT_SMALL 5 /* records of a block, as a power of two */
#define SHIFT_MID   6
#define SHIFT_LARGE 8                   /* units */
#define SMALL_POOL  (UINT32_C(1) << 15) /* records */
#define MID_POOL    (UINT32_C(1) << 19)
#define STAMP_SHIFT 8
#define FLAG_SHIFT  27
#define BIT_FLAGS   (UINT32_C(15) << FLAG_SHIFT)

static uint64_t units_of(uint64_t record_max, bool wide)
{
	return record_max * (wide ? 2 : 1);
}

/* What is known of each block, and the blocks that are not full, are to be little beside the
 * records: the first wants large ones, the second small. */
static uint32_t shift_of(uint32_t record_max, bool wide)
{
	return record_max <= SMALL_POOL << wide ? SHIFT_SMALL + wide
	       : record_max <= MID_POOL << wide ? SHIFT_MID + wide
						: SHIFT_LARGE;
}

/* Beside those that are full: of one queue its tail, and one for its head to move on to; so much
 * for two queues where all are IPv4, else for four, and what more there are have it of the rest.
 * That is for holes, as many as 40 octets for each record allow, or 72, with all else: the more
 * there may be, the fewer records are moved to close them. */
static uint64_t blocks_of(uint32_t record_max, bool wide)
{
	uint32_t shift = shift_of(record_max, wide), part = (shift < SHIFT_LARGE ? 7U : 6U) + wide;
	uint64_t units = units_of(record_max, wide);

	return ((units + (units >> part)) >> shift) + (wide ? 8U : 5U);
}

static struct tw_ring *carve(struct arena *a, uint32_t record_max, bool wide)
{
	uint64_t blocks = blocks_of(record_max, wide);
	uint32_t shift = shift_of(record_max, wide);
	struct tw_ring *r = arena_take(a, 1, sizeof(*r), CACHE_LINE);
	uint8_t *unit = arena_take(a, blocks << shift, TW_UNIT_OCTETS, CACHE_LINE);
	struct tw_block *block = arena_take(a, blocks, sizeof(*block), CACHE_LINE);

	if (r)
		*r = (struct tw_ring){.unit = unit,
			.block = block,
			.shift = shift,
			.block_cnt = (uint32_t)blocks,
			.record_max = record_max,
			.wide = wide};
	return r;
}

size_t leat_tcp_tw_ring_footprint(uint32_t record_max, bool wide)
{
	struct arena a = arena_at(NULL);

	if (blocks_of(record_max, wide) << shift_of(record_max, wide) >= TW_UNIT_MASK)
		return 0;
	carve(&a, record_max, wide);
	return arena_used(&a);
}

struct tw_ring *leat_tcp_tw_ring_new(void *mem, uint32_t record_max, bool wide)
{
	struct arena a = arena_at(mem);

	ASSERT(leat_tcp_tw_ring_footprint(record_max, wide) != 0);
	struct tw_ring *r = carve(&a, record_max, wide);

	for (uint32_t i = 0; i < r->block_cnt; i++)
		r->block[i] = (struct tw_block){.next = i + 1 < r->block_cnt ? i + 1 : TCP_NONE};
	r->free_cnt = r->block_cnt;
	for (uint32_t i = 0; i < TW_QUEUE_CNT; i++)
		r->queue[i] = (struct tw_queue){.next_at = TIME_NEVER,
			.head = TCP_NONE,
			.tail = TCP_NONE,
			.pack = TCP_NONE};
	return r;
}

void leat_tcp_tw_ring_locals(struct tw_ring *r, const uint32_t *local4)
{
	r->local4 = local4;
}

const void *leat_tcp_tw_ring_units(const struct tw_ring *r)
{
	return r->unit;
}

/* The unit of its block at which record name stands. */
static uint32_t place_of(const struct tw_ring *r, uint32_t name)
{
	return name & ((1U << r->shift) - 1);
}

static uint16_t mark_of(const struct tw_ring *r, uint32_t name)
{
	return name & TW_WIDE ? (uint16_t)((struct tw_wide *)tw_at(r, name))->mark
			      : ((struct tw_small *)tw_at(r, name))->tuple.mark;
}

uint64_t leat_tcp_tw_ring_ends_at(const struct tw_ring *r, uint32_t name)
{
	return tw_end(tw_block(r, name), tw_body(r, name));
}

uint32_t leat_tcp_tw_ring_length(const struct tw_ring *r, uint32_t name)
{
	return tw_block(r, name)->queue / 2;
}

uint8_t leat_tcp_tw_ring_flags(const struct tw_ring *r, uint32_t name)
{
	return (uint8_t)((tw_body(r, name)->bits & BIT_FLAGS) >> FLAG_SHIFT);
}

void leat_tcp_tw_ring_tuple(const struct tw_ring *r, uint32_t name, struct tuple *tuple)
{
	const struct tuple4 *t = tw_at(r, name);

	if (name & TW_WIDE)
		memcpy(tuple, t, sizeof(*tuple));
	else
		*tuple = (struct tuple){ip_from4(r->local4[t->local_idx]), ip_from4(t->remote),
			t->lport, t->rport, 0};
}

void leat_tcp_tw_ring_read(const struct tw_ring *r, uint32_t name, struct tw_info *info)
{
	const struct tw_body *b = tw_body(r, name);

	DCHECK(!(b->bits & TW_BIT_HOLE));
	leat_tcp_tw_ring_tuple(r, name, &info->tuple);
	info->snd_nxt = b->snd_nxt;
	info->rcv_nxt = b->rcv_nxt;
	info->ts_recent = b->ts_recent;
	info->ends_at = leat_tcp_tw_ring_ends_at(r, name);
	info->stamp = b->bits >> STAMP_SHIFT & TW_STAMP_MAX;
	info->mark = mark_of(r, name);
	info->flags = leat_tcp_tw_ring_flags(r, name);
}

void leat_tcp_tw_ring_note(struct tw_ring *r, uint32_t name, uint32_t ts_recent, uint32_t stamp)
{
	struct tw_body *b = tw_body(r, name);

	DCHECK(stamp <= TW_STAMP_MAX);
	b->ts_recent = ts_recent;
	b->bits = (b->bits & ~(TW_STAMP_MAX << STAMP_SHIFT)) | stamp << STAMP_SHIFT;
}

void leat_tcp_tw_ring_flag(struct tw_ring *r, uint32_t name, uint8_t flag, bool on)
{
	struct tw_body *b = tw_body(r, name);
	uint32_t bit = (uint32_t)flag << FLAG_SHIFT;

	b->bits = on ? b->bits | bit : b->bits & ~bit;
}

/* ---- the queues ---- */

#define SPARE_CNT 2 /* blocks for those that may still come, before those that begin anew */

/* Each queue in use may need one more block to move its head on, so that many are kept; and for
 * those that may still come no more than they can fill: where they are few so are the blocks. */
static uint32_t blocks_kept(const struct tw_ring *r, enum tw_need need)
{
	uint32_t kept = need == TW_NEED_LATER ? 0 : r->queue_cnt;

	if (need != TW_NEED_AGAIN || r->record_cnt >= r->record_max)
		return kept;
	uint64_t units = units_of(r->record_max - r->record_cnt, r->wide);

	return kept + (units < UINT64_C(1) << r->shift ? 1 : SPARE_CNT);
}

static uint32_t block_take(struct tw_ring *r, uint32_t queue, uint64_t ends_at, enum tw_need need)
{
	uint32_t no = r->free_head;
	struct tw_queue *q = &r->queue[queue];
	struct tw_block *b = &r->block[no];

	if (r->free_cnt <= blocks_kept(r, need) + (q->head == TCP_NONE)) /* it is in use then */
		return TCP_NONE;
	r->free_head = b->next;
	r->free_cnt--;
	*b = (struct tw_block){.base = (uint32_t)(ends_at >> TW_HIGH_SHIFT),
		.next = TCP_NONE,
		.prev = q->tail & TW_BLOCK_MASK,
		.queue = queue & (TW_QUEUE_CNT - 1)};
	if (q->tail == TCP_NONE)
		q->head = no;
	else
		r->block[q->tail].next = no;
	q->tail = no;
	return no;
}

static void block_free(struct tw_ring *r, uint32_t no)
{
	struct tw_block *b = &r->block[no];
	struct tw_queue *q = &r->queue[b->queue];

	if (q->head == no)
		q->head = b->next;
	else
		r->block[b->prev].next = b->next;
	if (b->next != TCP_NONE)
		r->block[b->next].prev = b->prev;
	else
		q->tail = q->head == TCP_NONE ? TCP_NONE : b->prev;
	if (q->pack == no)
		q->pack = b->next;
	b->next = r->free_head;
	r->free_head = no;
	r->free_cnt++;
}

/* What a record of block b has in TW_BIT_HIGH, if it can. */
static uint64_t high_of(const struct tw_block *b, uint64_t ends_at)
{
	return (ends_at >> TW_HIGH_SHIFT) - b->base;
}

static void end_write(const struct tw_block *b, struct tw_body *body, uint64_t ends_at)
{
	DCHECK(high_of(b, ends_at) <= TW_BIT_HIGH);
	body->low = (uint32_t)ends_at;
	body->bits = (body->bits & ~TW_BIT_HIGH) | (uint32_t)high_of(b, ends_at);
}

/* Where the next record is to stand; TCP_NONE: nowhere. */
static uint32_t place_at_tail(
	struct tw_ring *r, uint32_t queue, uint64_t ends_at, enum tw_need need)
{
	uint32_t no = r->queue[queue].tail;
	const struct tw_block *b = &r->block[no];

	if (ends_at < r->queue[queue].last_at)
		return TCP_NONE;
	if (no == TCP_NONE || b->used + tw_step(queue) > 1U << r->shift ||
		high_of(b, ends_at) > TW_BIT_HIGH)
		no = block_take(r, queue, ends_at, need);
	return no == TCP_NONE ? TCP_NONE : tw_name_of(r, queue, no, r->block[no].used);
}

/* The record at name was written. */
static void queue_grow(struct tw_ring *r, uint32_t queue, uint32_t name, uint64_t ends_at)
{
	struct tw_queue *q = &r->queue[queue];
	struct tw_block *b = tw_block(r, name);

	end_write(b, tw_body(r, name), ends_at);
	if (q->next_at == TIME_NEVER) {
		q->next_at = ends_at;
		q->head_at = b->used;
		r->queue_cnt++;
	}
	q->last_at = ends_at;
	b->used = (uint16_t)(b->used + tw_step(queue));
	b->live++;
	r->record_cnt++;
	r->passive_cnt += (mark_of(r, name) & TW_M_PASSIVE) != 0;
	r->unit_cnt += tw_step(queue);
}

/* At name there may be a hole: the first unit behind it, and all that follow it, is told without
 * looking at each of them.  Else name itself. */
static uint32_t behind_holes(const struct tw_ring *r, uint32_t name)
{
	const struct tw_body *b = tw_body(r, name);

	return UNLIKELY(b->bits & TW_BIT_HOLE) ? name + b->low : name;
}

/* Makes a hole of record name, one with those beside it, whose first and last say how many units
 * it has. */
static void hole_make(struct tw_ring *r, uint32_t name)
{
	const struct tw_block *b = tw_block(r, name);
	uint32_t step = tw_step(b->queue), from = name, to = name + step;

	tw_body(r, name)->bits |= TW_BIT_HOLE;
	if (place_of(r, name) + step < b->used)
		to = behind_holes(r, to);
	if (place_of(r, name) > 0) {
		const struct tw_body *left = tw_body(r, name - step);

		from -= left->bits & TW_BIT_HOLE ? left->low : 0;
	}
	tw_body(r, from)->low = to - from;
	tw_body(r, to - step)->low = to - from;
}

/* The record at the head of q is that of this name, or the one behind the holes there. */
static void head_set(const struct tw_ring *r, struct tw_queue *q, uint32_t name)
{
	name = behind_holes(r, name);
	q->head_at = place_of(r, name);
	q->next_at = leat_tcp_tw_ring_ends_at(r, name);
}

void leat_tcp_tw_ring_end(struct tw_ring *r, uint32_t name)
{
	uint32_t no = (name & TW_UNIT_MASK) >> r->shift;
	struct tw_block *b = &r->block[no];
	uint32_t queue = b->queue;
	struct tw_queue *q = &r->queue[queue];
	bool head = no == q->head;

	DCHECK(!(tw_body(r, name)->bits & TW_BIT_HOLE));
	r->record_cnt--;
	r->passive_cnt -= (mark_of(r, name) & TW_M_PASSIVE) != 0;
	r->unit_cnt -= tw_step(queue);
	if (UNLIKELY(--b->live == 0)) {
		block_free(r, no); /* so that the first block has a record */
		if (head && q->head != TCP_NONE) {
			head_set(r, q, tw_name_of(r, queue, q->head, 0));
		} else if (head) {
			q->next_at = TIME_NEVER;
			r->queue_cnt--;
		}
	} else if (LIKELY(head && place_of(r, name) == q->head_at)) {
		/* Holes before the head are not told: who comes to them looks at each. */
		tw_body(r, name)->bits |= TW_BIT_HOLE;
		head_set(r, q, name + tw_step(queue));
	} else {
		hole_make(r, name);
	}
}

static inline void body_write(
	struct tw_ring *r, uint32_t queue, uint32_t name, const struct tw_info *info)
{
	DCHECK(info->stamp <= TW_STAMP_MAX);
	*tw_body(r, name) = (struct tw_body){.snd_nxt = info->snd_nxt,
		.rcv_nxt = info->rcv_nxt,
		.ts_recent = info->ts_recent,
		.bits = info->stamp << STAMP_SHIFT | (uint32_t)info->flags << FLAG_SHIFT};
	queue_grow(r, queue, name, info->ends_at);
}

uint32_t leat_tcp_tw_ring_add4(struct tw_ring *r, uint32_t length, uint16_t local_idx,
	const struct ends4 *ends, const struct tw_info *info)
{
	uint32_t queue = 2 * length;
	uint32_t name = place_at_tail(r, queue, info->ends_at, TW_NEED_ENTER);

	DCHECK(length < TW_LENGTH_MAX);
	DCHECK(!ends4_is_wide(ends));
	if (name == TCP_NONE)
		return TCP_NONE;
	struct tw_small *rec = tw_at(r, name);

	rec->tuple = (struct tuple4){ends->remote, ends->rport, ends->lport, local_idx, info->mark};
	body_write(r, queue, name, info);
	return name;
}

uint32_t leat_tcp_tw_ring_add(
	struct tw_ring *r, uint32_t length, uint32_t local_idx, const struct tw_info *info)
{
	uint32_t queue = 2 * length + 1, name;

	if (local_idx <= UINT16_MAX && tuple_is4(&info->tuple)) {
		struct ends4 ends = ends4_of(&info->tuple);

		return leat_tcp_tw_ring_add4(r, length, (uint16_t)local_idx, &ends, info);
	}
	name = place_at_tail(r, queue, info->ends_at, TW_NEED_ENTER);
	DCHECK(length < TW_LENGTH_MAX);
	if (name == TCP_NONE)
		return TCP_NONE;
	struct tw_wide *rec = tw_at(r, name);

	rec->tuple = info->tuple;
	rec->mark = info->mark;
	body_write(r, queue, name, info);
	return name;
}

uint32_t leat_tcp_tw_ring_again(
	struct tw_ring *r, uint32_t name, uint64_t ends_at, enum tw_need need)
{
	uint32_t queue = tw_block(r, name)->queue;
	uint32_t to = place_at_tail(r, queue, ends_at, need);

	if (to == TCP_NONE)
		return TCP_NONE;
	memcpy(tw_at(r, to), tw_at(r, name), tw_step(queue) * TW_UNIT_OCTETS);
	tw_body(r, to)->bits &= ~((uint32_t)TW_F_LATER << FLAG_SHIFT);
	queue_grow(r, queue, to, ends_at);
	leat_tcp_tw_ring_end(r, name);
	return to;
}

/* ---- against holes ---- */

#define TIGHT_CNT  2   /* blocks left, beside those that are kept: then holes are closed */
#define TIGHT_PART 9   /* and of all blocks, as a power of two */
#define HOLES_PART 512 /* of the units in use: fewer holes are not worth the work */
#define FULL_MAX   16  /* blocks without holes that are passed at once */

/* To close a hole moves as many records as there are to each.  So many keep up with those that
 * come, when half of the blocks that begin it are left; fewer before, more after that.  What the
 * head and the tail of a queue leave empty is no reason, unless the next that begins anew would
 * find no block: then one block's worth of holes is. */
uint32_t leat_tcp_tw_ring_pace(const struct tw_ring *r)
{
	uint32_t kept = blocks_kept(r, TW_NEED_AGAIN);
	uint32_t begin = TIGHT_CNT + (r->block_cnt >> TIGHT_PART);

	if (LIKELY(r->free_cnt > kept + begin))
		return 0;
	uint64_t used = (uint64_t)(r->block_cnt - r->free_cnt) << r->shift;
	uint64_t holes = used - r->unit_cnt, block = UINT64_C(1) << r->shift;
	bool none_left = r->free_cnt <= kept;

	if (holes < (none_left ? block : used / HOLES_PART + 2 * block))
		return 0;
	return (none_left ? 2U << r->shift : 1) +
	       (uint32_t)(2 * used * (kept + begin - r->free_cnt) / (holes * begin));
}

/* Writes record from at unit `place` of block no, of the same queue; gives the move. */
static struct tw_move rewrite(struct tw_ring *r, uint32_t from, uint32_t no, uint32_t place)
{
	struct tw_block *b = &r->block[no];
	uint64_t ends_at = leat_tcp_tw_ring_ends_at(r, from);
	uint32_t to = tw_name_of(r, b->queue, no, place);

	memmove(tw_at(r, to), tw_at(r, from), tw_step(b->queue) * TW_UNIT_OCTETS);
	end_write(b, tw_body(r, to), ends_at);
	return (struct tw_move){from, to};
}

/* From place on, in steps of step (backwards when it wraps), the first that is a record. */
static uint32_t next_live(const struct tw_ring *r, uint32_t no, uint32_t place, uint32_t step)
{
	while (tw_body(r, tw_name_of(r, r->block[no].queue, no, place))->bits & TW_BIT_HOLE)
		place += step;
	return place;
}

/* The block counts from the first record that it still has: what comes from the next one may end
 * long after those that it had. */
static void rebase(struct tw_ring *r, uint32_t no)
{
	struct tw_block *b = &r->block[no];
	uint32_t first = tw_name_of(r, b->queue, no, next_live(r, no, 0, tw_step(b->queue)));
	uint32_t far = tw_body(r, first)->bits & TW_BIT_HIGH;

	if (LIKELY(far == 0))
		return;
	b->base += far;
	for (uint32_t place = 0; place < b->used; place += tw_step(b->queue)) {
		struct tw_body *body = tw_body(r, tw_name_of(r, b->queue, no, place));

		if (!(body->bits & TW_BIT_HOLE))
			body->bits -= far;
	}
}

/* Moves the records of block no to its front. */
static uint32_t pack_front(struct tw_ring *r, uint32_t no, struct tw_move *move)
{
	struct tw_block *b = &r->block[no];
	uint32_t step = tw_step(b->queue), to = 0, cnt = 0;

	for (uint32_t place = 0; place < b->used; place += step) {
		uint32_t name = tw_name_of(r, b->queue, no, place);

		if (tw_body(r, name)->bits & TW_BIT_HOLE)
			continue;
		if (place != to)
			move[cnt++] = rewrite(r, name, no, to);
		to += step;
	}
	b->used = (uint16_t)to;
	return cnt;
}

/* Moves records of the next block, from its front, to where there is room in block no. */
static uint32_t pack_next(struct tw_ring *r, uint32_t no, struct tw_move *move)
{
	struct tw_block *b = &r->block[no], *c = &r->block[b->next];
	uint32_t step = tw_step(b->queue), cnt = 0;

	for (uint32_t place = 0; place < c->used && b->used + step <= 1U << r->shift;
		place += step) {
		uint32_t name = tw_name_of(r, b->queue, b->next, place);

		if (tw_body(r, name)->bits & TW_BIT_HOLE)
			continue;
		if (high_of(b, leat_tcp_tw_ring_ends_at(r, name)) > TW_BIT_HIGH)
			break;
		move[cnt++] = rewrite(r, name, no, b->used);
		hole_make(r, name);
		b->used = (uint16_t)(b->used + step);
		b->live++;
		c->live--;
	}
	return cnt;
}

/* The queues take turns, each from its head to its tail. */
static uint32_t pack_at(struct tw_ring *r)
{
	for (uint32_t i = 0; i <= TW_QUEUE_CNT; i++) {
		struct tw_queue *q = &r->queue[r->pack_queue];

		if (q->pack != TCP_NONE)
			return q->pack;
		r->pack_queue = (r->pack_queue + 1) % TW_QUEUE_CNT;
		r->queue[r->pack_queue].pack = r->queue[r->pack_queue].head;
	}
	return TCP_NONE;
}

static bool is_full(const struct tw_ring *r, uint32_t no)
{
	return r->block[no].live * tw_step(r->block[no].queue) == 1U << r->shift;
}

/* The next block with holes; TCP_NONE: there is none, or it is behind many that are full.  Their
 * heads stand together, and are soon passed: else who is many and quiet would use up the work for
 * those that come, before it gets to the holes of others. */
static uint32_t pack_block(struct tw_ring *r)
{
	uint32_t no = pack_at(r);

	for (uint32_t i = 0; i < FULL_MAX && no != TCP_NONE && is_full(r, no); i++) {
		r->queue[r->block[no].queue].pack = r->block[no].next;
		no = pack_at(r);
	}
	return no != TCP_NONE && is_full(r, no) ? TCP_NONE : no;
}

uint32_t leat_tcp_tw_ring_pack(struct tw_ring *r, struct tw_move *move)
{
	uint32_t no = pack_block(r), cnt;

	if (no == TCP_NONE)
		return 0;
	struct tw_block *b = &r->block[no];
	struct tw_queue *q = &r->queue[b->queue];

	rebase(r, no);
	cnt = pack_front(r, no, move);
	if (q->head == no)
		q->head_at = 0;
	uint32_t next = b->next;

	if (next != TCP_NONE)
		cnt += pack_next(r, no, move + cnt);
	if (next != TCP_NONE && r->block[next].live == 0)
		block_free(r, next); /* there may be room for what follows it, too */
	else
		q->pack = next;
	return cnt;
}

/* ---- what is due, and what there is ---- */

static uint32_t first_queue(const struct tw_ring *r)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i < TW_QUEUE_CNT; i++)
		if (r->queue[i].next_at < r->queue[first].next_at)
			first = i;
	return first;
}

uint64_t leat_tcp_tw_ring_next(const struct tw_ring *r)
{
	return r->record_cnt > 0 ? r->queue[first_queue(r)].next_at : TIME_NEVER;
}

uint64_t leat_tcp_tw_ring_next_of(const struct tw_ring *r, uint32_t length)
{
	uint64_t small = r->queue[2 * length].next_at, wide = r->queue[2 * length + 1].next_at;

	return small < wide ? small : wide;
}

/* Those of one queue that end not after until. */
static uint32_t due_of(
	const struct tw_ring *r, uint32_t queue, uint64_t until, uint32_t *name, uint32_t max)
{
	const struct tw_queue *q = &r->queue[queue];
	uint32_t cnt = 0, place = q->head_at, step = tw_step(queue);

	if (q->next_at > until)
		return 0;
	for (uint32_t no = q->head; no != TCP_NONE; no = r->block[no].next, place = 0) {
		const struct tw_block *b = &r->block[no];
		uint32_t first = tw_name_of(r, queue, no, 0);

		while (place < b->used) {
			const struct tw_body *body = tw_body(r, first + place);

			if (UNLIKELY(body->bits & TW_BIT_HOLE)) {
				place += body->low;
				continue;
			}
			if (cnt == max || tw_end(b, body) > until)
				return cnt;
			name[cnt++] = first + place;
			place += step;
		}
	}
	return cnt;
}

uint32_t leat_tcp_tw_ring_due(const struct tw_ring *r, uint64_t until, uint32_t *name, uint32_t max)
{
	return due_of(r, first_queue(r), until, name, max);
}

uint32_t leat_tcp_tw_ring_first(const struct tw_ring *r, uint32_t length, uint32_t spared)
{
	uint32_t first = TCP_NONE;

	for (uint32_t queue = 2 * length; queue <= 2 * length + 1; queue++) {
		uint32_t name[2], cnt = due_of(r, queue, TIME_NEVER - 1, name, 2);
		uint32_t at = cnt > 0 && name[0] == spared;

		if (at < cnt && (first == TCP_NONE || leat_tcp_tw_ring_ends_at(r, name[at]) <
							      leat_tcp_tw_ring_ends_at(r, first)))
			first = name[at];
	}
	return first;
}

uint32_t leat_tcp_tw_ring_scan_end(const struct tw_ring *r)
{
	return r->block_cnt << r->shift;
}

/* The cursor is a unit, and goes through all blocks: one that is free has used up none. */
bool leat_tcp_tw_ring_scan(
	const struct tw_ring *r, uint32_t *cursor, uint32_t *look, uint32_t *name)
{
	for (; *look > 0 && *cursor < leat_tcp_tw_ring_scan_end(r); (*look)--) {
		uint32_t no = *cursor >> r->shift, place = *cursor & ((1U << r->shift) - 1);
		const struct tw_block *b = &r->block[no];

		if (b->live == 0 || place >= b->used) {
			*cursor = (no + 1) << r->shift;
			continue;
		}
		*name = tw_name_of(r, b->queue, no, place);
		*cursor += tw_step(b->queue);
		if (!(tw_body(r, *name)->bits & TW_BIT_HOLE)) {
			(*look)--;
			return true;
		}
	}
	return false;
}

static void count_block(const struct tw_ring *r, uint32_t no, struct tw_due *due)
{
	const struct tw_block *b = &r->block[no];
	uint32_t step = tw_step(b->queue), first = next_live(r, no, 0, step);
	uint32_t last = next_live(r, no, b->used - step, 0 - step);
	uint64_t from = leat_tcp_tw_ring_ends_at(r, tw_name_of(r, b->queue, no, first));
	uint64_t to = leat_tcp_tw_ring_ends_at(r, tw_name_of(r, b->queue, no, last));
	uint32_t i = tw_due_place(due, from, 0);

	if (tw_due_place(due, to, i) == i) {
		due->cnt[i] += b->live;
		return;
	}
	for (uint32_t place = first; place <= last; place += step) {
		uint32_t name = tw_name_of(r, b->queue, no, place);

		if (tw_body(r, name)->bits & TW_BIT_HOLE)
			continue;
		i = tw_due_place(due, leat_tcp_tw_ring_ends_at(r, name), i);
		due->cnt[i]++;
	}
}

bool leat_tcp_tw_ring_count_due(
	const struct tw_ring *r, uint32_t *cursor, uint32_t look, struct tw_due *due)
{
	DCHECK(due->until_cnt <= TW_DUE_MAX);
	for (; look > 0 && *cursor < r->block_cnt; look--, (*cursor)++)
		if (r->block[*cursor].live > 0)
			count_block(r, *cursor, due);
	return *cursor < r->block_cnt;
}

uint32_t leat_tcp_tw_ring_passive_cnt(const struct tw_ring *r)
{
	return r->passive_cnt;
}

uint32_t leat_tcp_tw_ring_cnt(const struct tw_ring *r)
{
	return r->record_cnt;
}

/* The holes from unit `from` to unit `to`, if any. */
static void check_holes(
	const struct tw_ring *r, uint32_t queue, uint32_t no, uint32_t from, uint32_t to)
{
	if (from == to)
		return;
	ASSERT(tw_body(r, tw_name_of(r, queue, no, from))->low == to - from);
	ASSERT(tw_body(r, tw_name_of(r, queue, no, to - tw_step(queue)))->low == to - from);
}

static uint32_t check_queue(const struct tw_ring *r, uint32_t queue, uint32_t *records)
{
	const struct tw_queue *q = &r->queue[queue];
	uint64_t before = 0, first = TIME_NEVER;
	uint32_t blocks = 0, prev = TCP_NONE;

	for (uint32_t no = q->head; no != TCP_NONE; prev = no, no = r->block[no].next, blocks++) {
		const struct tw_block *b = &r->block[no];
		uint32_t live = 0, behind = 0;

		ASSERT((no == q->head || b->prev == prev) && b->queue == queue && b->live > 0);
		for (uint32_t p = 0; p < b->used; p += tw_step(queue)) {
			uint32_t name = tw_name_of(r, queue, no, p);

			if (tw_body(r, name)->bits & TW_BIT_HOLE)
				continue;
			if (no != q->head || behind > 0)
				check_holes(r, queue, no, behind, p);
			behind = p + tw_step(queue);
			uint64_t ends_at = leat_tcp_tw_ring_ends_at(r, name);
			ASSERT(ends_at >= before);
			first = first == TIME_NEVER ? ends_at : first;
			before = ends_at;
			live++;
		}
		check_holes(r, queue, no, behind, b->used);
		ASSERT(live == b->live);
		*records += live;
	}
	ASSERT(q->tail == prev);
	ASSERT(q->next_at == first);
	return blocks;
}

void leat_tcp_tw_ring_check(const struct tw_ring *r)
{
	uint32_t blocks = 0, records = 0, in_use = 0;

	for (uint32_t i = 0; i < TW_QUEUE_CNT; i++) {
		blocks += check_queue(r, i, &records);
		in_use += r->queue[i].next_at != TIME_NEVER;
	}
	ASSERT(records == r->record_cnt);
	ASSERT(in_use == r->queue_cnt);
	ASSERT(blocks + r->free_cnt == r->block_cnt);
}
