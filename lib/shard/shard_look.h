/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_LOOK_H
#define LEAT_SHARD_LOOK_H

/* shard_look: where a shard's time goes, measured while somebody watches.
 *
 *	clock ─ rx ─ parse ─ tcp ─ mail ─ timers ─ app ─ tx     a reading of the clock after each
 *
 * Whoever watches says for how long, with each question (shard.h, struct shard_look); when he asks
 * no more the shard goes back to one reading a turn.  Only turns that had work are counted: a loop
 * that polls is always at work for those who only count time.
 *
 * Shape      one struct of counts, all since the start.
 * Units      ns on the shard's clock.
 * Affinity   the shard's lcore.
 * Cost       watched: eight readings of the clock a turn; else a comparison.
 * Errors     none. */

#include "base_hist.h"

#include <stdint.h>

enum shard_stage {
	SHARD_STAGE_RX,     /* frames from the queue, and whose they are */
	SHARD_STAGE_PARSE,  /* headers, checksums */
	SHARD_STAGE_TCP,    /* the flow table, the state machine */
	SHARD_STAGE_MAIL,   /* questions such as this one, frames of other shards */
	SHARD_STAGE_TIMERS, /* those that are due */
	SHARD_STAGE_APP,    /* the program's events */
	SHARD_STAGE_TX,     /* frames to send, written and given to the device */
	SHARD_STAGE_CNT
};

#define SHARD_TURN_SHIFT 5 /* of hist_slot: four places in each power of two */
#define SHARD_TURN_CNT   (HIST_SLOT_CNT >> SHARD_TURN_SHIFT)

struct shard_stages {
	uint64_t until; /* watched so long */
	uint64_t at;    /* the end of the last turn that was; 0: the one before is not */
	uint64_t watched_ns;
	uint64_t ns[SHARD_STAGE_CNT];
	uint64_t turn_ns, turn[SHARD_TURN_CNT]; /* how long turns took */
};

/* leat_shard_stages_turn adds a turn of which ns[i] was spent in stage i. */
void leat_shard_stages_turn(struct shard_stages *s, const uint64_t ns[SHARD_STAGE_CNT]);

#endif
