/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_MERGE_H
#define LEAT_REPORT_MERGE_H

/* report_merge: the segments of one plan, each run by another generator, as one run.
 *
 *	1/3 ─┐
 *	2/3 ─┼─► counters, histograms, seconds and shards added ─► judged anew ─► one result
 *	3/3 ─┘
 *
 * What is added is what one generator would have counted: nothing is averaged.  Only p50 and p99
 * of single seconds cannot be added; there the greatest of the segments stands.
 *
 * Refused, with a reason: another plan or config hash, another number of segments, a
 * segment that is there twice or missing, windows that have less than 95 % of the shortest and the
 * longest in common.  With anyway the last two are merged all the same; such a run is partial, and
 * its verdict inconclusive at best.
 *
 * Memory     seconds of the result in memory of the caller; its texts are borrowed from the runs.
 * Affinity   none. */

#include "report_read.h"

#include <stdio.h>

struct report_merge {
	const struct report_run *run; /* run_cnt of them, in any order */
	const char *const *name;      /* of their files, for messages */
	uint32_t run_cnt;
	bool anyway;
	/* Filled: */
	uint64_t skew_ns;             /* from the first start to the last */
	uint64_t common_ns, whole_ns; /* of the windows: what all have, and from first to last */
};

/* leat_report_other_plan names what two segments of one plan cannot differ in, but do: "rates";
 * NULL: nothing. */
const char *leat_report_other_plan(const struct load_result *a, const struct load_result *b);

/* leat_report_merge_seconds is how many seconds the result needs. */
uint32_t leat_report_merge_seconds(const struct report_merge *m);

/* leat_report_merge merges into r; false with a clause in why. */
bool leat_report_merge(struct report_merge *m, struct load_result *r, struct load_second *second,
	char *why, size_t size);

/* leat_report_merge_print writes what was merged, above the report. */
void leat_report_merge_print(const struct report_merge *m, const struct load_result *r, FILE *out);

#endif
