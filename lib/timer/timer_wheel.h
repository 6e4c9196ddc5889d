/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TIMER_WHEEL_H
#define LEAT_TIMER_WHEEL_H

/* timer_wheel: timers that do not last equally long (retransmission, persist, delayed ACK).
 *
 * A hierarchical wheel sorts the timers roughly, by tick; those of the tick at hand stand in a
 * small binary heap that sorts them exactly, by (deadline, order of arming).  So nothing is
 * rounded: next() is exact, and stepping to that instant fires exactly the timers due then.  Of two
 * with one deadline, of which the one was armed 2^31 armings before the other, either may be first.
 *
 *	level 3  ▢▢▢▢▢▢▢▢   2^41 ns a slot   (36 min)
 *	level 2  ▢▢▢▢▢▢▢▢   2^33 ns a slot   (8.6 s)     256 slots a level,
 *	level 1  ▢▢▢▢▢▢▢▢   2^25 ns a slot   (33 ms)     one bit each in a map of those in use
 *	level 0  ▢▢▢▢▢▢▢▢   2^17 ns a slot   (131 us)
 *	            └─► heap of the tick at hand ─► expire
 *
 * Deadlines beyond the horizon (156 h) wait in the last slot of level 3 and are sorted again.
 *
 * A timer that is set to a later deadline while it waits only has its field moved; it is
 * sorted again when its old slot comes up.  So an ACK that pushes the retransmission timer back
 * touches one line and no list.
 *
 * Shape      id_max entries of 24 octets, by themselves or within the user's records, and 4 octets
 *            of heap for each; a timer is named by an id in [0, id_max).
 * Units      instants in ns; `now` never decreases.
 * Memory     leat_timer_wheel_footprint(id_max) octets, aligned to 64, kept while it is used.
 * Affinity   one lcore; no atomics.
 * Cost       set later, stop: the entry while it waits in a slot, O(log heap) in the heap; set
 *            earlier: its neighbours.  expire: O(log heap) a timer returned, plus one move for
 *            each timer of the slots that begin between the last call and this one; a timer moves
 *            at most once a level, so a call may move many (all that share 33 ms, 8.6 s, 36 min)
 *            but the sum over time is bounded by what was set.  Empty slots cost nothing, however
 *            far now jumps.  next: as expire for the first slot in use, once.
 * Errors     none at run time.
 * See        timer_ring.h for timers of equal length. */

#include <stddef.h>
#include <stdint.h>

struct timer_wheel;

/* Only the wheel looks into it, but for mark, which it leaves alone. */
struct timer_entry {
	uint64_t at;    /* TIME_NEVER when not armed */
	uint32_t order; /* of arming */
	uint32_t next;  /* in a slot: neighbours, or none; in the heap: where */
	uint32_t prev;
	uint16_t place;
	uint16_t mark; /* the user's */
};

/* leat_timer_wheel_footprint is the octets for id_max timers; 0 when id_max is 0 or above 2^30. */
size_t leat_timer_wheel_footprint(uint32_t id_max);

/* leat_timer_wheel_new formats mem, which it keeps; its clock starts at now. */
struct timer_wheel *leat_timer_wheel_new(void *mem, uint32_t id_max, uint64_t now);

/* The same, with the entry of timer id within a record of the caller's, at first + id * stride;
 * new formats them all.  An entry keeps its place when its timer is stopped: the caller does not
 * touch it but for mark. */
size_t leat_timer_wheel_within_footprint(uint32_t id_max);
struct timer_wheel *leat_timer_wheel_new_within(
	void *mem, struct timer_entry *first, size_t stride, uint32_t id_max, uint64_t now);

/* leat_timer_wheel_set arms timer id for the instant at, or moves it there when it is armed; an
 * instant that has passed is due at once.  at is not TIME_NEVER. */
void leat_timer_wheel_set(struct timer_wheel *w, uint32_t id, uint64_t at);

/* leat_timer_wheel_stop disarms timer id; nothing happens when it is not armed. */
void leat_timer_wheel_stop(struct timer_wheel *w, uint32_t id);

/* leat_timer_wheel_deadline, or timer_entry_deadline of its entry, is
 * when id is due, TIME_NEVER when it is not armed. */
uint64_t leat_timer_wheel_deadline(const struct timer_wheel *w, uint32_t id);

static inline uint64_t timer_entry_deadline(const struct timer_entry *entry)
{
	return entry->at;
}

/* leat_timer_wheel_expire disarms at most max timers that are due at now, writes their ids to
 * id[0..max) in order of (deadline, arming), and returns how many.
 *
 * Assumes now is not earlier than in any previous call.  Borrows id. */
uint32_t leat_timer_wheel_expire(struct timer_wheel *w, uint64_t now, uint32_t *id, uint32_t max);

/* leat_timer_wheel_next is the earliest deadline, exactly; TIME_NEVER when none is armed.  It may
 * sort timers whose deadline was moved, hence w is not const. */
uint64_t leat_timer_wheel_next(struct timer_wheel *w);

/* leat_timer_wheel_due is the same when that is not after now, else TIME_NEVER: it sorts nothing
 * that is still to come.  Assumes now is not earlier than in any previous call. */
uint64_t leat_timer_wheel_due(struct timer_wheel *w, uint64_t now);

/* leat_timer_wheel_cnt is how many timers are armed. */
uint32_t leat_timer_wheel_cnt(const struct timer_wheel *w);

#endif
