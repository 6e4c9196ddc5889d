/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_FOLLOW_H
#define LEAT_TCP_FOLLOW_H

/* tcp_follow: what happens to connections, for one who watches.
 *
 *	engine ─note─► [ event event event ... ] ─take─► who watches
 *	                tail                head
 *
 * While nobody does, it costs a comparison with NULL for each arrow.  A ring that is full loses
 * what comes, and counts it: the engine waits for nobody.
 *
 * Shape      TCP_FOLLOW_SLOTS events.
 * Units      ns of the stack's clock.
 * Memory     the watcher's, until the engine is told of another, or of none.
 * Affinity   note: the engine's lcore; take: the watcher's thread.  tail, head and lost are atomic,
 *            with release on the side that moves them and acquire on the other.
 * Errors     lost. */

#include "base_bits.h"
#include "wire_addr.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TCP_FOLLOW_SLOTS 8192

struct tcp_follow_event {
	struct tuple tuple;
	uint64_t at;
	uint8_t from, to; /* enum tcp_state; to CLOSED: it ended */
	uint8_t why;      /* enum tcp_end */
	bool passive;
};

struct tcp_follow {
	_Alignas(CACHE_LINE) atomic_uint tail; /* events ever noted */
	_Atomic uint64_t lost;
	const uint64_t *now;
	uint32_t states; /* a bit each: what neither leaves nor enters any is not noted */
	_Alignas(CACHE_LINE) atomic_uint head; /* events ever taken */
	_Alignas(CACHE_LINE) struct tcp_follow_event slot[TCP_FOLLOW_SLOTS];
};

/* leat_tcp_follow_note notes an arrow. */
void leat_tcp_follow_note(struct tcp_follow *f, const struct tcp_follow_event *event);

/* leat_tcp_follow_take gives the oldest event; false: none. */
bool leat_tcp_follow_take(struct tcp_follow *f, struct tcp_follow_event *event);

#endif
