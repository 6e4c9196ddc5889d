/* SPDX-License-Identifier: BSD-3-Clause */
#include "timer_ring.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#define ID_MAX (UINT32_C(1) << 31)
#define NOBODY UINT32_MAX

STATIC_ASSERT(sizeof(struct timer_link) == 16, "four links to a cache line");

/* An anchor never runs but is always in its list, so an empty list needs no case of its own. */
struct timer_ring {
	uint64_t lasts_for[TIMER_RING_LENGTHS];
	uint64_t now; /* of the last start; only DCHECK reads it */
	uint32_t id_max;
	uint32_t cnt, length_cnt;
	size_t stride;
	uint8_t *first;       /* link of timer 0 */
	uint32_t anchor_from; /* id of the anchor of length 0 */
};

static struct timer_link *link_of(const struct timer_ring *r, uint32_t id)
{
	return (struct timer_link *)(void *)(r->first + id * r->stride);
}

static struct timer_ring *carve(struct arena *a, uint32_t id_max, struct timer_link **link)
{
	struct timer_ring *r = arena_take(a, 1, sizeof(*r), CACHE_LINE);

	*link = arena_take(
		a, (size_t)id_max + TIMER_RING_LENGTHS, sizeof(struct timer_link), CACHE_LINE);
	return r;
}

size_t leat_timer_ring_footprint(uint32_t id_max)
{
	struct arena a = arena_at(NULL);
	struct timer_link *link;

	if (id_max == 0 || id_max > ID_MAX)
		return 0;
	carve(&a, id_max, &link);
	return arena_used(&a);
}

size_t leat_timer_ring_within_footprint(void)
{
	return sizeof(struct timer_ring);
}

struct timer_ring *leat_timer_ring_new_within(
	void *mem, const struct timer_within *within, uint64_t lasts_for)
{
	struct timer_ring *r = mem;

	DCHECK(within->id_max != 0 && within->id_max <= within->anchor);
	DCHECK(within->anchor <= ID_MAX);
	*r = (struct timer_ring){.id_max = within->id_max,
		.first = (uint8_t *)within->first,
		.stride = within->stride,
		.anchor_from = within->anchor};
	(void)leat_timer_ring_length(r, lasts_for);
	return r;
}

struct timer_ring *leat_timer_ring_new(void *mem, uint32_t id_max, uint64_t lasts_for)
{
	struct arena a = arena_at(mem);
	struct timer_link *link;

	ASSERT(leat_timer_ring_footprint(id_max) != 0);
	struct timer_ring *r = carve(&a, id_max, &link);

	for (uint32_t id = 0; id < id_max; id++)
		link[id] = (struct timer_link){.expires_at = TIME_NEVER};
	const struct timer_within within = {link, sizeof(*link), id_max, id_max};

	return leat_timer_ring_new_within(r, &within, lasts_for);
}

uint32_t leat_timer_ring_length(struct timer_ring *r, uint64_t lasts_for)
{
	uint32_t length = 0, anchor;

	while (length < r->length_cnt && r->lasts_for[length] != lasts_for)
		length++;
	if (length < r->length_cnt || length == TIMER_RING_LENGTHS)
		return length;
	anchor = r->anchor_from + length;
	r->lasts_for[length] = lasts_for;
	*link_of(r, anchor) =
		(struct timer_link){.expires_at = TIME_NEVER, .next = anchor, .prev = anchor};
	r->length_cnt++;
	return length;
}

uint64_t leat_timer_ring_lasts(const struct timer_ring *r, uint32_t length)
{
	DCHECK(length < r->length_cnt);
	return r->lasts_for[length];
}

static void unlink_timer(struct timer_ring *r, uint32_t id)
{
	struct timer_link *l = link_of(r, id);

	DCHECK(r->cnt != 0);
	link_of(r, l->prev)->next = l->next;
	link_of(r, l->next)->prev = l->prev;
	l->expires_at = TIME_NEVER;
	r->cnt--;
}

void leat_timer_ring_start(struct timer_ring *r, uint32_t id, uint64_t now)
{
	leat_timer_ring_start_length(r, id, 0, now);
}

void leat_timer_ring_start_length(struct timer_ring *r, uint32_t id, uint32_t length, uint64_t now)
{
	struct timer_link *anchor = link_of(r, r->anchor_from + length);

	DCHECK(id < r->id_max);
	DCHECK(length < r->length_cnt);
	DCHECK(now >= r->now);
	DCHECK(r->lasts_for[length] < TIME_NEVER - now);
	if (leat_timer_ring_runs(r, id))
		unlink_timer(r, id);
	r->now = now;
	*link_of(r, id) = (struct timer_link){
		now + r->lasts_for[length], r->anchor_from + length, anchor->prev};
	link_of(r, anchor->prev)->next = id;
	anchor->prev = id;
	r->cnt++;
}

void leat_timer_ring_stop(struct timer_ring *r, uint32_t id)
{
	DCHECK(id < r->id_max);
	if (leat_timer_ring_runs(r, id))
		unlink_timer(r, id);
}

bool leat_timer_ring_runs(const struct timer_ring *r, uint32_t id)
{
	return leat_timer_ring_deadline(r, id) != TIME_NEVER;
}

uint64_t leat_timer_ring_deadline(const struct timer_ring *r, uint32_t id)
{
	DCHECK(id < r->id_max);
	return link_of(r, id)->expires_at;
}

/* The id of the timer of this length that expires next and is not spared, or its anchor. */
static uint32_t first_of(const struct timer_ring *r, uint32_t length, uint32_t spared)
{
	uint32_t id = link_of(r, r->anchor_from + length)->next;

	return id == spared ? link_of(r, id)->next : id;
}

/* The id of the timer that expires next, or an anchor: none runs. */
static uint32_t first(const struct timer_ring *r)
{
	uint32_t id = first_of(r, 0, NOBODY);

	for (uint32_t i = 1; i < r->length_cnt; i++) {
		uint32_t other = first_of(r, i, NOBODY);

		if (link_of(r, other)->expires_at < link_of(r, id)->expires_at)
			id = other;
	}
	return id;
}

uint32_t leat_timer_ring_expire(struct timer_ring *r, uint64_t until, uint32_t *id, uint32_t max)
{
	uint32_t cnt = 0;

	DCHECK(until != TIME_NEVER);
	while (cnt < max && leat_timer_ring_next(r) <= until) {
		id[cnt] = first(r);
		unlink_timer(r, id[cnt++]);
	}
	return cnt;
}

uint32_t leat_timer_ring_first(const struct timer_ring *r, uint32_t length, uint32_t spared)
{
	return length < r->length_cnt ? first_of(r, length, spared) : r->id_max;
}

uint64_t leat_timer_ring_next(const struct timer_ring *r)
{
	return link_of(r, first(r))->expires_at;
}

uint32_t leat_timer_ring_cnt(const struct timer_ring *r)
{
	return r->cnt;
}
