/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_WHY_H
#define LEAT_WATCH_WHY_H

/* watch_why: why it is not faster, in one line, by what happened between two snapshots, by what
 * the second says of the last seconds, and by the states that connections stand in.
 *
 * Asked in this order, and the first that holds is the answer: it drains; it has not begun; the
 * link is down; a shard does not turn; tuples exhausted; TIME-WAIT full, unless the oldest there
 * gives way; SYNs to TIME-WAIT rejected, as many as opened; a shard saturated; the device missed
 * frames; buffers low; timers late; half of all that are open in SYN-SENT, or wait for a window or
 * an acknowledgment; SYNs unanswered; the peer's window closed; a generator that has as many in
 * flight as it may, or begins late; the rate is as asked; nothing.
 *
 * Affinity   none; pure. */

#include "watch_snapshot.h"

#define WATCH_REASON_MAX 160

/* leat_watch_why writes the line into text and says whether it names a limit; before is earlier
 * than now. */
bool leat_watch_why(const struct watch_snapshot *before, const struct watch_snapshot *now,
	char text[WATCH_REASON_MAX]);

/* leat_watch_busy is how busy shard i was between the two, in thousandths; _busiest which it is. */
uint32_t leat_watch_busy(
	const struct watch_snapshot *before, const struct watch_snapshot *now, uint32_t i);
uint32_t leat_watch_busiest(const struct watch_snapshot *before, const struct watch_snapshot *now);

/* watch_waiting_has says who has the tuples of a generator that finds none: what waits in its
 * TIME-WAIT, or else what it has in flight. */
static inline bool watch_waiting_has(uint64_t in_flight, uint64_t waiting)
{
	return waiting != 0 && waiting >= in_flight;
}

#endif
