/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_STEER_H
#define LEAT_SHARD_STEER_H

/* shard_steer: every frame to the shard that owns its flow.
 *
 *	device queue ─► whose? ─── mine ─────────────────────────────► burst
 *	                  │                                              ▲
 *	                  └─ another's ─► lane ─► its shard_steer ───────┘
 *
 * Where the device spreads flows by our key and table (trust), a plain TCP segment is where it
 * belongs, and only what a device looks at differently is asked: ICMP errors, first fragments, IP
 * options, extension headers.  The first SHARD_STEER_TRIAL plain segments are verified all the
 * same, and then one of each burst; the first that is astray ends the trust, so a device that
 * accepts a table and ignores it costs moves and no connection.  Without trust every segment is
 * asked.  A device that was started anew, and read back, is given trust and trial anew.
 *
 * A frame whose lane is full is dropped and counted; nobody waits for another shard.  What lies on
 * all lanes written here is bounded, however many readers stand still: a lane may hold no more than
 * what is left of SHARD_STEER_LENT_MAX, so that one that stands still has half, two have a third
 * each, and as much is always left for those that turn.
 *
 *	frames of the queue = handed on + moved_out + dropped
 *
 * Memory     a frame on a lane is the reader's.
 * Affinity   the shard's lcore.
 * Cost       trusted: a look at the headers of each frame, one hash a burst.  Else one hash a
 *            frame, and for those that move one put and one take.
 * Errors     none; counted (dropped, astray, wrong).
 * See        flow_steer.h, shard_lane.h; docs/shard.md. */

#include "flow_steer.h"
#include "shard_lane.h"

#include <stdbool.h>
#include <stdint.h>

#define SHARD_STEER_TRIAL    256
#define SHARD_STEER_LENT_MAX 1024 /* frames on all lanes written by one shard */

struct rte_mbuf;
struct shard_capture_set;
struct stack_burst;

struct shard_steer {
	const struct flow_steer *flow; /* NULL: every frame is ours */
	uint32_t idx;                  /* who we are */
	bool trust;
	bool verified; /* the burst has had its verification, and the trial is over */
	uint64_t moved_in, moved_out, dropped;
	uint64_t trial_end;      /* of probed: so many before one a burst is enough */
	uint64_t probed, astray; /* of trusted segments: looked at, and not where they belong */
	uint64_t wrong;          /* segments of others' flows that reached our stack */
	uint32_t lent;           /* on the lanes written here lie at most so many */
	bool recounted;          /* in this burst */
	const struct shard_capture_set *capture; /* NULL: nobody captures */
	uint32_t from_cnt, from_next;
	struct shard_lane *to[FLOW_STEER_SHARD_MAX];   /* written here, by index of the owner */
	struct shard_lane *from[FLOW_STEER_SHARD_MAX]; /* read here */
};

/* leat_shard_steer_trust begins with, or without, trust in the device. */
void leat_shard_steer_trust(struct shard_steer *s, bool trust);

/* leat_shard_steer_home says whether a received frame is ours; if not, it was moved or dropped. */
bool leat_shard_steer_home(struct shard_steer *s, struct rte_mbuf *m);

/* leat_shard_steer_take gives at most max frames that others received for us. */
uint32_t leat_shard_steer_take(struct shard_steer *s, void **frame, uint32_t max);

/* leat_shard_steer_check counts segments of a parsed burst that belong to others: one of a burst is
 * looked at, in check builds all. */
void leat_shard_steer_check(struct shard_steer *s, const struct stack_burst *b);

/* leat_shard_steer_high is the most frames that lay on any one lane written here. */
uint32_t leat_shard_steer_high(const struct shard_steer *s);

/* leat_shard_steer_close frees the frames that lie on the lanes read here. */
void leat_shard_steer_close(struct shard_steer *s);

#endif
