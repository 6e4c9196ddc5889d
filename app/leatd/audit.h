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
 * Affinity   the control thread. */

#include "shard.h"

struct audit {
	bool told[SHARD_MAX], told_moves;
	bool begun;                   /* there was a round before */
	uint64_t moved_in, moved_out; /* of that round, of all shards of the port */
	uint64_t broken_cnt;
};

/* leat_audit_shard checks what one shard counted. */
void leat_audit_shard(struct audit *a, uint32_t shard_idx, const struct shard_counts *c);

/* leat_audit_moves checks a round: the sums of all shard_cnt shards of a port, none of which was
 * copied before the last of the round before. */
void leat_audit_moves(struct audit *a, uint32_t shard_cnt, uint64_t moved_in, uint64_t moved_out);

#endif
