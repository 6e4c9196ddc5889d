/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_H
#define LEAT_REPORT_H

/* report: what shards counted, as people read it.
 *
 * The ledger is the promise of this product: every connection that was opened has ended in one
 * way or is still there, and every frame that arrived ended under one name.  The lines here add
 * up the counters themselves; they do not trust that somebody else did.
 *
 * Affinity   none: works on copies. */

#include "again.h"
#include "opt_wire.h"
#include "shard.h"
#include "stack_gauge.h"

#include <stdio.h>

#define REPORT_TEXT_MAX 32

/* leat_report_group is value with grouped digits, in text, which it returns. */
const char *leat_report_group(uint64_t value, char *text);

/* leat_report_add adds the counters of one more shard. */
void leat_report_add(struct shard_counts *sum, const struct shard_counts *more);

uint64_t leat_report_opened(const struct shard_counts *c);

/* leat_report_open counts the connections that still have something to do: not those that only
 * wait in TIME-WAIT. */
uint64_t leat_report_open(const struct shard_counts *c);

/* leat_report_connections writes "opened N = ... + ..." and says whether both sides are equal. */
bool leat_report_connections(const struct shard_counts *c, FILE *out);

/* leat_report_frames writes "received N = ... + ...", or "was sent N" on a wire that loses, and
 * says whether both sides are equal. */
bool leat_report_frames(const struct shard_counts *c, FILE *out);

/* leat_report_gauge adds the connections of one shard, which does not turn, to g. */
void leat_report_gauge(struct stack_gauge *g, struct shard *shard);

/* leat_report_states writes a table of connections by state and the age of the oldest, empty rows
 * left out; leat_report_ages the same in a line. */
void leat_report_states(const struct stack_gauge *g, FILE *out);
void leat_report_ages(const struct stack_gauge *g, FILE *out);

/* leat_report_time_wait writes what became of TIME-WAIT, what is 0 left out, in lines of which all
 * but the first begin with indent blanks; leat_report_time_wait_json all of it, as members of an
 * object. */
void leat_report_time_wait(const struct shard_counts *c, uint32_t indent, FILE *out);
void leat_report_time_wait_json(const struct shard_counts *c, FILE *out);

/* leat_report_again fills what was retransmitted, by kind; _again_line writes it, where there was
 * any. */
void leat_report_again(const struct tcp_counters *c, uint64_t again[AGAIN_CNT]);
void leat_report_again_line(const struct shard_counts *c, FILE *out);

/* leat_report_flush flushes stdout at the end of a report: what comes then may crash. */
void leat_report_flush(void);

/* leat_report_written flushes stdout; false, after one line on stderr, when not all of what was
 * printed could be written. */
bool leat_report_written(void);

/* leat_report_drops writes a row for each frame or segment that was not used, by reason, and then
 * what was only done later. */
void leat_report_drops(const struct shard_counts *c, FILE *out);

/* leat_report_two_msl is what is said behind a 2MSL: how it differs from the default, and that one
 * of less than two seconds is not RFC-conformant. */
const char *leat_report_two_msl(uint64_t two_msl_ns);

/* leat_report_full is what becomes of new work, or of old, when TIME-WAIT has no place left. */
const char *leat_report_full(bool evict);

/* leat_report_wire_plan writes a line on a bad wire, when there is one; _wire what it did. */
void leat_report_wire_plan(const struct wire_options *w, const char *way, FILE *out);
void leat_report_wire(const struct shard_counts *c, FILE *out);

#endif
