/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TIMER_RING_H
#define LEAT_TIMER_RING_H

/* timer_ring: timers that all last equally long, such as 2MSL.
 *
 * Equal timers expire in the order in which they were started.  So the running timers form
 * one circular list in that order: start appends at the back, expire takes from the front,
 * stop and restart unlink wherever they are.  All are O(1) and none can fail.
 *
 *      ┌─► anchor ─► 7 ─► 3 ─► 9 ─► ... ─► 1 ─┐
 *      └──────────────────────────────────────┘     deadlines never decrease along the arrows
 *
 * Shape      id_max links of 16 octets, four to a cache line; a timer is named by an id
 *            in [0, id_max) that the user chooses, usually the index of its record.
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

struct timer_ring;

/* leat_timer_ring_footprint is the octets for id_max timers; 0 when id_max is 0 or above 2^31. */
size_t leat_timer_ring_footprint(uint32_t id_max);

/* leat_timer_ring_new formats mem, which it keeps: no timer runs, each will last lasts_for ns. */
struct timer_ring *leat_timer_ring_new(void *mem, uint32_t id_max, uint64_t lasts_for);

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

/* leat_timer_ring_first is the timer with that deadline; id_max when none runs. */
uint32_t leat_timer_ring_first(const struct timer_ring *r);

/* leat_timer_ring_next is the earliest deadline, exactly; TIME_NEVER when none runs. */
uint64_t leat_timer_ring_next(const struct timer_ring *r);

/* leat_timer_ring_cnt is how many timers run. */
uint32_t leat_timer_ring_cnt(const struct timer_ring *r);

#endif
