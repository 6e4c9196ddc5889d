/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TIMER_RING_H
#define LEAT_TIMER_RING_H

/* timer_ring: timers that all last equally long, such as 2MSL, or have one of few lengths.
 *
 * Equal timers expire in the order in which they were started.  So the running timers form
 * one circular list in that order: start appends at the back, expire takes from the front,
 * stop and restart unlink wherever they are.  All are O(1) and none can fail.
 *
 *      ┌─► anchor ─► 7 ─► 3 ─► 9 ─► ... ─► 1 ─┐
 *      └──────────────────────────────────────┘     deadlines never decrease along the arrows
 *
 * Each length has a list of its own, and what expires next is the least of their fronts.
 *
 * Shape      id_max links of 16 octets, four to a cache line, or within the user's records; a timer
 *            is named by an id in [0, id_max) that the user chooses, usually the index of its
 *            record.
 * Units      instants and durations in ns on the shard's clock; `now` never decreases.
 * Memory     timer_ring_footprint(id_max) octets, aligned to 64, kept as long as it is used.
 * Affinity   one lcore; no atomics.
 * Cost       start, expire: the timer's line and one neighbour's; stop, restart: two neighbours'.
 * Errors     none at run time.
 * RFC        9293 MUST-13 (linger 2MSL), 3.10.7.4 eighth (a FIN restarts it).
 * See        timer_wheel.h for timers of differing length. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_RING_LENGTHS 4

struct timer_ring;

/* A timer that does not run expires at TIME_NEVER and is in no list. */
struct timer_link {
	uint64_t expires_at;
	uint32_t next, prev;
};

/* leat_timer_ring_footprint is the octets for id_max timers; 0 when id_max is 0 or above 2^31. */
size_t leat_timer_ring_footprint(uint32_t id_max);

/* leat_timer_ring_new formats mem, which it keeps: no timer runs, each will last lasts_for ns. */
struct timer_ring *leat_timer_ring_new(void *mem, uint32_t id_max, uint64_t lasts_for);

/* The same, with the link of timer id within a record of the caller's, at first + id * stride,
 * and the anchors within TIMER_RING_LENGTHS records from id anchor on, which is id_max or more.
 * Several rings, with anchors of their own, may share the links of timers that run in one of
 * them at a time.  A link that says TIME_NEVER does not run; the caller sees to that before
 * start, and may use its place for something else while it does not. */
size_t leat_timer_ring_within_footprint(void);
struct timer_within {
	struct timer_link *first;
	size_t stride;
	uint32_t id_max, anchor;
};

struct timer_ring *leat_timer_ring_new_within(
	void *mem, const struct timer_within *within, uint64_t lasts_for);

/* leat_timer_ring_length is the number of that length, which is added when it is new; number 0 is
 * that of leat_timer_ring_new.  TIMER_RING_LENGTHS: there are too many. */
uint32_t leat_timer_ring_length(struct timer_ring *r, uint64_t lasts_for);

/* leat_timer_ring_lasts is the length of that number. */
uint64_t leat_timer_ring_lasts(const struct timer_ring *r, uint32_t length);

/* leat_timer_ring_start_length is leat_timer_ring_start with a length by its number. */
void leat_timer_ring_start_length(struct timer_ring *r, uint32_t id, uint32_t length, uint64_t now);

/* leat_timer_ring_start starts timer id, or starts it again when it runs.  It expires at
 * now + lasts_for. */
void leat_timer_ring_start(struct timer_ring *r, uint32_t id, uint64_t now);

/* leat_timer_ring_stop stops timer id; nothing happens when it does not run. */
void leat_timer_ring_stop(struct timer_ring *r, uint32_t id);

bool leat_timer_ring_runs(const struct timer_ring *r, uint32_t id);

/* leat_timer_ring_deadline is when id expires, TIME_NEVER when it does not run. */
uint64_t leat_timer_ring_deadline(const struct timer_ring *r, uint32_t id);

/* leat_timer_ring_expire takes at most max timers whose deadline is not after until, writes their
 * ids to id[0..max) in order of deadline, and returns how many.  until is now, or an earlier
 * instant for a caller that is late and must let another timer go first.  Borrows id. */
uint32_t leat_timer_ring_expire(struct timer_ring *r, uint64_t until, uint32_t *id, uint32_t max);

/* leat_timer_ring_first is the timer of this length that was started first, of those that run, but
 * not spared, which may be no timer; id_max or more: none. */
uint32_t leat_timer_ring_first(const struct timer_ring *r, uint32_t length, uint32_t spared);

/* leat_timer_ring_next is the earliest deadline, exactly; TIME_NEVER when none runs. */
uint64_t leat_timer_ring_next(const struct timer_ring *r);

/* leat_timer_ring_cnt is how many timers run. */
uint32_t leat_timer_ring_cnt(const struct timer_ring *r);

#endif
