/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_HDR_H
#define LEAT_HDR_H

/* hdr: a histogram as HdrHistogram writes it, for its viewers, joiners and libraries.
 *
 *	base64 ( cookie, length, zlib ( cookie, length, offset 0, digits, lowest, highest, 1.0,
 *	         counts as ZigZag LEB128, a run of n zeros as -n ) )
 *
 * This is its encoding V2, compressed, as it stands behind `hdr` in JSON and in the last column of
 * an HdrHistogram log.  All numbers of the heads are big endian.
 *
 * Memory     zlib takes its own while it works.
 * Affinity   none; pure. */

#include "base_hist.h"

#include <stdbool.h>
#include <stdio.h>

#define HDR_DIGITS     2 /* significant ones, of every histogram of ours */
#define HDR_HIGHEST_NS UINT64_C(60000000000)

/* leat_hdr_write writes h as base64; false: no memory, and nothing is written. */
bool leat_hdr_write(const struct hist *h, FILE *out);

/* leat_hdr_log_head writes the head of a log that begins at start_unix_ns, _line one interval of
 * it, at_ns from there. */
void leat_hdr_log_head(uint64_t start_unix_ns, FILE *out);
bool leat_hdr_log_line(
	const char *tag, uint64_t at_ns, uint64_t lasted_ns, const struct hist *h, FILE *out);

#endif
