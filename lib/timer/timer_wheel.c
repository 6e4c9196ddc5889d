/* SPDX-License-Identifier: BSD-3-Clause */
#include "timer_wheel.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_time.h"

#include <stdbool.h>

/* How it works.
 *
 * A tick is 2^17 ns; its number is written in digits of 8 bits, level 3 being all above 24 bits.
 * A timer waits at the level of the highest digit in which its tick differs from the wheel's, in
 * the slot that this digit names.  So every slot of a level comes before every slot of the next,
 * within a level they come in circular order from the wheel's own digit, and one that is passed
 * is found by its bit: a jump over days costs what it passes, not the time that it takes.
 *
 *	armed ──► slot ──► slot of a lower level ──► heap ──► expire
 *	              └──────────────────────────────▲
 *	                 tick reached, or next() asks
 *
 * What always holds:
 *  - A timer whose tick is not after the wheel's is in the heap.  Others may be there too.
 *  - A timer that waits in a slot is not due before the slot begins.  It may be due after the slot
 *    ends, because its deadline was moved, or not be armed any more, because it was stopped: both
 *    are found out when the slot is sorted.  So neither touches a list. */

#define ID_MAX     (UINT32_C(1) << 30)
#define ID_NONE    UINT32_MAX
#define TICK_BITS  17
#define DIGIT_BITS 8
#define SLOTS      (1u << DIGIT_BITS)
#define DIGIT_MASK (SLOTS - 1)
#define LEVELS     4
#define TOP_BITS   ((LEVELS - 1) * DIGIT_BITS)
#define WORDS      (SLOTS / 64)

/* A place is a slot (level * SLOTS + digit) or one of these. */
#define PLACE_HEAP    (LEVELS * SLOTS)
#define PLACE_NOWHERE (PLACE_HEAP + 1)

STATIC_ASSERT(sizeof(struct timer_entry) == 24, "three words");
STATIC_ASSERT(TICK_BITS + LEVELS * DIGIT_BITS < 64, "a slot of any level begins in 64 bits");
STATIC_ASSERT(PLACE_NOWHERE <= UINT16_MAX, "a place fits into an entry");

struct timer_wheel {
	uint64_t tick; /* everything up to the end of this tick has left the slots */
	uint64_t now;  /* latest instant seen; only DCHECK reads it */
	uint32_t id_max;
	uint32_t cnt;
	uint32_t heap_cnt;
	uint32_t order; /* of the latest arming, modulo 2^32 */
	uint32_t *heap;
	uint8_t *first_entry;
	size_t stride;
	uint64_t used[LEVELS][WORDS];
	uint32_t first[LEVELS * SLOTS];
};

static struct timer_entry *entry_of(const struct timer_wheel *w, uint32_t id)
{
	return (struct timer_entry *)(void *)(w->first_entry + id * w->stride);
}

static struct timer_wheel *carve(struct arena *a, uint32_t id_max)
{
	struct timer_wheel *w = arena_take(a, 1, sizeof(*w), CACHE_LINE);
	uint32_t *heap = arena_take(a, id_max, sizeof(*heap), CACHE_LINE);

	if (w)
		*w = (struct timer_wheel){.id_max = id_max, .heap = heap};
	return w;
}

static bool is_possible(uint32_t id_max)
{
	return id_max != 0 && id_max <= ID_MAX;
}

size_t leat_timer_wheel_within_footprint(uint32_t id_max)
{
	struct arena a = arena_at(NULL);

	carve(&a, id_max);
	return is_possible(id_max) ? arena_used(&a) : 0;
}

size_t leat_timer_wheel_footprint(uint32_t id_max)
{
	struct arena a = arena_at(NULL);

	carve(&a, id_max);
	arena_take(&a, id_max, sizeof(struct timer_entry), CACHE_LINE);
	return is_possible(id_max) ? arena_used(&a) : 0;
}

struct timer_wheel *leat_timer_wheel_new_within(
	void *mem, struct timer_entry *first, size_t stride, uint32_t id_max, uint64_t now)
{
	struct arena a = arena_at(mem);

	ASSERT(is_possible(id_max));
	struct timer_wheel *w = carve(&a, id_max);

	w->first_entry = (uint8_t *)first;
	w->stride = stride;
	w->tick = now >> TICK_BITS;
	w->now = now;
	for (uint32_t place = 0; place < LEVELS * SLOTS; place++)
		w->first[place] = ID_NONE;
	for (uint32_t id = 0; id < id_max; id++)
		*entry_of(w, id) = (struct timer_entry){.at = TIME_NEVER, .place = PLACE_NOWHERE};
	return w;
}

struct timer_wheel *leat_timer_wheel_new(void *mem, uint32_t id_max, uint64_t now)
{
	struct arena a = arena_at(mem);

	ASSERT(is_possible(id_max));
	carve(&a, id_max);
	struct timer_entry *first = arena_take(&a, id_max, sizeof(struct timer_entry), CACHE_LINE);

	return leat_timer_wheel_new_within(mem, first, sizeof(*first), id_max, now);
}

static bool is_before(const struct timer_wheel *w, uint32_t a, uint32_t b)
{
	const struct timer_entry *ea = entry_of(w, a), *eb = entry_of(w, b);

	return ea->at != eb->at ? ea->at < eb->at : (int32_t)(ea->order - eb->order) < 0;
}

static void heap_put(struct timer_wheel *w, uint32_t id, uint32_t idx)
{
	w->heap[idx] = id;
	entry_of(w, id)->next = idx;
}

static void sift_up(struct timer_wheel *w, uint32_t id, uint32_t idx)
{
	while (idx != 0 && is_before(w, id, w->heap[(idx - 1) / 2])) {
		heap_put(w, w->heap[(idx - 1) / 2], idx);
		idx = (idx - 1) / 2;
	}
	heap_put(w, id, idx);
}

static void sift_down(struct timer_wheel *w, uint32_t id, uint32_t idx)
{
	for (uint32_t child = 2 * idx + 1; child < w->heap_cnt; child = 2 * idx + 1) {
		if (child + 1 < w->heap_cnt && is_before(w, w->heap[child + 1], w->heap[child]))
			child++;
		if (!is_before(w, w->heap[child], id))
			break;
		heap_put(w, w->heap[child], idx);
		idx = child;
	}
	heap_put(w, id, idx);
}

/* Puts id, whose key is not that of the timer that was at idx, where it belongs. */
static void sift(struct timer_wheel *w, uint32_t id, uint32_t idx)
{
	if (idx != 0 && is_before(w, id, w->heap[(idx - 1) / 2]))
		sift_up(w, id, idx);
	else
		sift_down(w, id, idx);
}

static void heap_add(struct timer_wheel *w, uint32_t id)
{
	DCHECK(w->heap_cnt < w->id_max);
	entry_of(w, id)->place = PLACE_HEAP;
	sift_up(w, id, w->heap_cnt++);
}

static void heap_remove(struct timer_wheel *w, uint32_t id)
{
	struct timer_entry *e = entry_of(w, id);
	uint32_t last = w->heap[--w->heap_cnt];

	DCHECK(e->place == PLACE_HEAP);
	e->place = PLACE_NOWHERE;
	if (last != id)
		sift(w, last, e->next);
}

static void slot_add(struct timer_wheel *w, uint32_t id, uint32_t place)
{
	struct timer_entry *e = entry_of(w, id);

	e->place = (uint16_t)place;
	e->prev = ID_NONE;
	e->next = w->first[place];
	if (e->next != ID_NONE)
		entry_of(w, e->next)->prev = id;
	w->first[place] = id;
	w->used[place / SLOTS][place % SLOTS / 64] |= UINT64_C(1) << place % 64;
}

static void slot_mark_empty(struct timer_wheel *w, uint32_t place)
{
	w->first[place] = ID_NONE;
	w->used[place / SLOTS][place % SLOTS / 64] &= ~(UINT64_C(1) << place % 64);
}

static void slot_remove(struct timer_wheel *w, uint32_t id)
{
	struct timer_entry *e = entry_of(w, id);

	if (e->next != ID_NONE)
		entry_of(w, e->next)->prev = e->prev;
	if (e->prev != ID_NONE)
		entry_of(w, e->prev)->next = e->next;
	else if (e->next != ID_NONE)
		w->first[e->place] = e->next;
	else
		slot_mark_empty(w, e->place);
	e->place = PLACE_NOWHERE;
}

/* The place where a timer due at `at` belongs, seen from the wheel's tick. */
static uint32_t place_of(const struct timer_wheel *w, uint64_t at)
{
	uint64_t tick = at >> TICK_BITS, differ = tick ^ w->tick;
	uint32_t level = LEVELS - 1;
	uint64_t digit;

	if (tick <= w->tick)
		return PLACE_HEAP;
	if (differ >> TOP_BITS) {
		uint64_t top = w->tick >> TOP_BITS;
		digit = top + u64_min((tick >> TOP_BITS) - top, SLOTS - 1);
	} else {
		level = (uint32_t)(63 - __builtin_clzll(differ)) / DIGIT_BITS;
		digit = tick >> level * DIGIT_BITS;
	}
	return level * SLOTS + (uint32_t)(digit & DIGIT_MASK);
}

/* The first tick of the slot, which is ahead of the wheel's by less than one turn of its level. */
static uint64_t slot_begins(const struct timer_wheel *w, uint32_t place)
{
	uint32_t shift = place / SLOTS * DIGIT_BITS;
	uint64_t here = w->tick >> shift;

	return (here + ((place - here) & DIGIT_MASK)) << shift;
}

/* How far the first used slot is ahead of here that is more than from ahead; SLOTS: none is. */
static uint32_t used_ahead(const uint64_t *used, uint64_t here, uint32_t from)
{
	for (uint32_t ahead = from + 1; ahead < SLOTS;) {
		uint32_t digit = (uint32_t)(here + ahead) & DIGIT_MASK;
		uint64_t rest = used[digit / 64] >> digit % 64;

		if (rest)
			return u32_min(ahead + (uint32_t)__builtin_ctzll(rest), SLOTS);
		ahead += 64 - digit % 64;
	}
	return SLOTS;
}

/* The slot in use that begins first, PLACE_NOWHERE when none is in use. */
static uint32_t first_slot(const struct timer_wheel *w)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		uint64_t here = w->tick >> level * DIGIT_BITS;
		uint32_t ahead = used_ahead(w->used[level], here, 0);

		if (ahead != SLOTS)
			return level * SLOTS + (uint32_t)((here + ahead) & DIGIT_MASK);
	}
	return PLACE_NOWHERE;
}

/* Empties a slot: each timer goes where it belongs, but to the heap if it belongs to heap_slot. */
static void slot_sort(struct timer_wheel *w, uint32_t place, uint32_t heap_slot)
{
	uint32_t next;
	uint32_t id = w->first[place];

	slot_mark_empty(w, place);
	for (; id != ID_NONE; id = next) {
		struct timer_entry *e = entry_of(w, id);
		uint32_t to = e->at == TIME_NEVER ? PLACE_NOWHERE : place_of(w, e->at);

		DCHECK(e->place == place);
		next = e->next;
		if (to == PLACE_NOWHERE)
			e->place = PLACE_NOWHERE;
		else if (to == PLACE_HEAP || to == heap_slot)
			heap_add(w, id);
		else
			slot_add(w, id, to);
	}
}

/* Sorts what waits in slots that begin at or before now.  A level whose digit did not change ends
 * it.  Where all slots of a level are passed, a timer that was moved may come into one that is
 * still to be visited; it is then sorted once more and stays. */
static void advance(struct timer_wheel *w, uint64_t now)
{
	uint64_t was = w->tick;

	w->tick = now >> TICK_BITS;
	for (uint32_t level = 0; level < LEVELS; level++) {
		uint64_t here = was >> level * DIGIT_BITS;
		uint64_t passed = u64_min((w->tick >> level * DIGIT_BITS) - here, SLOTS - 1);
		uint32_t ahead = 0;

		if (passed == 0)
			break;
		while ((ahead = used_ahead(w->used[level], here, ahead)) <= passed)
			slot_sort(w, level * SLOTS + (uint32_t)((here + ahead) & DIGIT_MASK),
				PLACE_HEAP);
	}
}

/* Takes id, which is armed, to where it belongs. */
static __attribute__((noinline)) void move(struct timer_wheel *w, uint32_t id)
{
	struct timer_entry *e = entry_of(w, id);
	uint32_t to = place_of(w, e->at);

	if (e->place == PLACE_HEAP && to == PLACE_HEAP) {
		sift(w, id, e->next);
		return;
	}
	if (e->place == PLACE_HEAP)
		heap_remove(w, id);
	else if (e->place != PLACE_NOWHERE)
		slot_remove(w, id);
	if (to == PLACE_HEAP)
		heap_add(w, id);
	else
		slot_add(w, id, to);
}

void leat_timer_wheel_set(struct timer_wheel *w, uint32_t id, uint64_t at)
{
	struct timer_entry *e = entry_of(w, id);
	uint64_t was = e->at;

	DCHECK(id < w->id_max);
	DCHECK(at != TIME_NEVER);
	w->cnt += was == TIME_NEVER;
	e->at = at;
	e->order = ++w->order;
	if (e->place < PLACE_HEAP && (was <= at || slot_begins(w, e->place) <= at >> TICK_BITS))
		return;
	move(w, id);
}

void leat_timer_wheel_stop(struct timer_wheel *w, uint32_t id)
{
	struct timer_entry *e = entry_of(w, id);

	DCHECK(id < w->id_max);
	if (e->at == TIME_NEVER)
		return;
	w->cnt--;
	e->at = TIME_NEVER;
	if (e->place == PLACE_HEAP)
		heap_remove(w, id);
}

uint64_t leat_timer_wheel_deadline(const struct timer_wheel *w, uint32_t id)
{
	DCHECK(id < w->id_max);
	return entry_of(w, id)->at;
}

static uint64_t heap_next(const struct timer_wheel *w)
{
	return w->heap_cnt ? entry_of(w, w->heap[0])->at : TIME_NEVER;
}

uint32_t leat_timer_wheel_expire(struct timer_wheel *w, uint64_t now, uint32_t *id, uint32_t max)
{
	uint32_t cnt = 0;

	DCHECK(now >= w->now);
	DCHECK(now != TIME_NEVER);
	w->now = now;
	advance(w, now);
	while (cnt < max && heap_next(w) <= now) {
		id[cnt] = w->heap[0];
		leat_timer_wheel_stop(w, id[cnt++]);
	}
	return cnt;
}

uint64_t leat_timer_wheel_next(struct timer_wheel *w)
{
	uint32_t place;

	while ((place = first_slot(w)) != PLACE_NOWHERE &&
		slot_begins(w, place) <= heap_next(w) >> TICK_BITS)
		slot_sort(w, place, place);
	return heap_next(w);
}

uint64_t leat_timer_wheel_due(struct timer_wheel *w, uint64_t now)
{
	DCHECK(now >= w->now);
	w->now = now;
	advance(w, now);
	return heap_next(w) <= now ? heap_next(w) : TIME_NEVER;
}

uint32_t leat_timer_wheel_cnt(const struct timer_wheel *w)
{
	return w->cnt;
}
