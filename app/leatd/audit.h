/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_AUDIT_H
#define LEAT_AUDIT_H

/* audit: nothing is lost silently, checked while it runs.
 *
 *	every second  each shard's counters, as that shard copied them between two parts of a turn:
 *	              what must be equal is exactly equal (leat_shard_counts_error);
 *	              what all shards handed to each other, give or take what lies on the lanes,
 *	              as they do not copy at one instant
 *	at the end    all of it exactly, with a recount of every record (leat_shard_ledger_error)
 *
 * A law that does not hold is an error of this program, whatever peers do: it is told at once, with
 * its numbers, once for each shard.
 *
 * The same copies tell what happened lately, whether or not somebody watched.
 *
 * Affinity   the control thread; leat_audit_lately: any. */

#include "shard.h"

#include <stdatomic.h>

#define AUDIT_LATELY_CNT 16 /* rounds that are remembered: a SYN goes again after up to so long */

/* What is told as of lately: some events come too seldom for a rate to show them. */
enum audit_seen {
	AUDIT_TIME_WAIT_FULL, /* SYNs and connects for which there was no place to wait */
	AUDIT_REUSE_REJECTED, /* SYNs to TIME-WAIT that might not reuse it */
	AUDIT_SEEN_CNT
};

/* Of one shard: the counts of the last rounds, and how much they grew over all of these. */
struct audit_lately {
	uint64_t past[AUDIT_LATELY_CNT][AUDIT_SEEN_CNT];
	uint64_t round_cnt;
	_Atomic uint64_t cnt[AUDIT_SEEN_CNT];
};

struct audit {
	struct audit_lately lately[SHARD_MAX];
	bool told[SHARD_MAX], told_moves;
	bool begun;                   /* there was a round before */
	uint64_t moved_in, moved_out; /* of that round, of all shards of the port */
	uint64_t broken_cnt;
};

/* leat_audit_shard checks what one shard counted, and remembers it. */
void leat_audit_shard(struct audit *a, uint32_t shard_idx, const struct shard_counts *c);

/* leat_audit_lately is how often something happened on a shard in the last AUDIT_LATELY_CNT rounds.
 */
uint64_t leat_audit_lately(const struct audit *a, uint32_t shard_idx, enum audit_seen what);

/* leat_audit_moves checks a round: the sums of all shard_cnt shards of a port, none of which was
 * copied before the last of the round before. */
void leat_audit_moves(struct audit *a, uint32_t shard_cnt, uint64_t moved_in, uint64_t moved_out);

#endif
