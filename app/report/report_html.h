/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_HTML_H
#define LEAT_REPORT_HTML_H

/* report_html: a run as one page, to be opened from a disk or sent to somebody.
 *
 *	verdict
 *	planned | achieved, expectations
 *	latencies
 *	plots: rate, latency over time, percentiles, states
 *	shards, segments, config, environment, command
 *
 * The page needs nothing but itself: no script, no font, no picture and no request; it says so to
 * the browser by a Content-Security-Policy.  Light or dark, as the reader has it.  Texts of the run
 * are escaped, since the JSON they come from may be anybody's.
 *
 * Affinity   none. */

#include "load_result.h"

#include <stdio.h>

void leat_report_html(const struct load_result *r, FILE *out);

#endif
