/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_tw_store.h"

#include "base_time.h"

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
	const struct queue *q = &r->queue[queue];
	uint32_t cnt = 0, place = q->head_at, step = tw_step(queue);

	if (q->next_at > until)
		return 0;
	for (uint32_t no = q->head; no != TCP_NONE; no = r->block[no].next, place = 0) {
		const struct block *b = &r->block[no];
		uint32_t first = tw_name_of(r, queue, no, 0);

		while (place < b->used) {
			const struct body *body = tw_body(r, first + place);

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
		const struct block *b = &r->block[no];

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

/* From place on, in steps of step (backwards when it wraps), the first that is a record. */
static uint32_t next_live(const struct tw_ring *r, uint32_t no, uint32_t place, uint32_t step)
{
	while (tw_body(r, tw_name_of(r, r->block[no].queue, no, place))->bits & TW_BIT_HOLE)
		place += step;
	return place;
}

static void count_block(const struct tw_ring *r, uint32_t no, struct tw_due *due)
{
	const struct block *b = &r->block[no];
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
	const struct queue *q = &r->queue[queue];
	uint64_t before = 0, first = TIME_NEVER;
	uint32_t blocks = 0, prev = TCP_NONE;

	for (uint32_t no = q->head; no != TCP_NONE; prev = no, no = r->block[no].next, blocks++) {
		const struct block *b = &r->block[no];
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
