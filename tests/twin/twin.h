/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TWIN_H
#define LEAT_TWIN_H

/* twin: the same run twice, which must be equal: with the fast path and without; or, with `oracle`,
 * with TIME-WAIT as records and as control blocks.
 *
 * A run shows every frame that leaves, and every engine after each of its steps.  Of the first run
 * a number for each such look is kept; the second is held against them.  Where they part, the first
 * is played once more up to there, to say in words what differs.
 *
 *	leat_twin_begin   with it                 each look is noted
 *	leat_twin_again   without                 each look must be as it was
 *	leat_twin_where   with it                 only after a difference: t->why
 *
 * An engine is its control blocks octet by octet, with all that belongs to them: side records, what
 * was sent and what was received, timers and counters, all but the one of the fast path itself.
 * With `oracle` the control blocks are looked at by their tuples, as each run has its own numbers
 * for them, and of TIME-WAIT what it needs.
 *
 * Memory     malloc, kept from one comparison to the next.
 * Errors     a look says false where the second run is not as the first was. */

#include "tcp_engine.h"

#include <stdbool.h>
#include <stdint.h>

#define TWIN_TEXT_MAX 240

struct twin_look {
	uint8_t *octets;
	uint32_t cnt, max;
};

enum twin_part {
	TWIN_OFF,
	TWIN_BEGIN,
	TWIN_AGAIN,
	TWIN_WHERE,
};

struct twin {
	bool oracle; /* set before leat_twin_begin */
	enum twin_part part;
	bool differs;
	uint64_t *noted; /* of each look of the first run */
	uint32_t noted_cnt, noted_max;
	uint32_t at, wrong_at; /* looks of this run; the first that differs */
	uint32_t frame_cnt;
	struct twin_look now, wrong;
	bool spoil; /* to see that it is found: changes a control block of the first run */
	bool spoilt;
	char why[TWIN_TEXT_MAX];
};

/* leat_twin_begin makes a fresh comparison of t, whose memory it keeps; t is 0 at first. */
void leat_twin_begin(struct twin *t);
void leat_twin_again(struct twin *t);
void leat_twin_where(struct twin *t);

/* leat_twin_knobs sets what the run under way is to be with, or without. */
void leat_twin_knobs(const struct twin *t, struct tcp_knobs *knobs);

/* leat_twin_limits sets limits of both runs, with `oracle`: there are tcbs for all connections,
 * those in TIME-WAIT among them, so that it is the same limit that they meet. */
void leat_twin_limits(const struct twin *t, struct tcp_limits *limits);

/* What the two runs differ in, as words. */
const char *leat_twin_name(const struct twin *t);

/* leat_twin_frame and leat_twin_engine are looks; place is a number for the reader. */
bool leat_twin_frame(struct twin *t, uint32_t place, const uint8_t *octets, uint32_t cnt);
bool leat_twin_engine(struct twin *t, uint32_t place, struct tcp_engine *e);

/* leat_twin_end is the last look of a run. */
bool leat_twin_end(struct twin *t);

#endif
