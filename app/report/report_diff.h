/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_DIFF_H
#define LEAT_REPORT_DIFF_H

/* report_diff: two runs side by side, or two sets of repeated runs.
 *
 *	old ─ median ─┐
 *	              ├─► difference ─► same, inside noise, better or worse
 *	new ─ median ─┘
 *
 * Runs of the same differ too.  How much is known only from repeated ones: noise is the greater of
 * the two ranges from the least to the greatest, and a difference that is no greater says nothing.
 * With one run on each side nothing is judged but what the histogram itself cannot tell apart.
 *
 * Affinity   none; pure. */

#include "report_read.h"

#include <stdio.h>

struct report_set {
	const struct report_run *run;
	uint32_t run_cnt; /* at least 1 */
};

enum report_change {
	REPORT_CHANGE_SAME,
	REPORT_CHANGE_NOISE,
	REPORT_CHANGE_BETTER,
	REPORT_CHANGE_WORSE,
	REPORT_CHANGE_UNKNOWN /* nobody repeated anything */
};

/* leat_report_change judges values of one metric. */
struct report_values {
	const double *value;
	uint32_t cnt;
};
enum report_change leat_report_change(const struct report_values *old,
	const struct report_values *now, double resolution, bool more_is_better);

/* leat_report_twice finds a run that is in the set twice, under whatever names, and gives both
 * places; such a set would know of noise that is none. */
bool leat_report_twice(const struct report_set *set, uint32_t *first, uint32_t *again);

void leat_report_diff(const struct report_set *old, const struct report_set *now, FILE *out);

#endif
