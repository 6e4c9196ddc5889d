/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_READ_H
#define LEAT_REPORT_READ_H

/* report_read: a run, read back from its JSON (leat.run/1).
 *
 *	octets ─ jansson ─► tree ─ this ─► struct load_result
 *
 * A file comes from anywhere: all of it is checked before it is believed.  Fields that are not
 * known are passed over, since a later leat may have added them.  What writes the JSON again after
 * reading writes the same.
 *
 * Memory     run->tree and run->second, of the heap; leat_report_free gives them back.
 * Affinity   none.
 * Errors     false, with a clause in why: which field, and what is wrong with it.
 * See        app/load/load_json.c, which writes it; app/load/schema/run-1.json. */

#include "load_expect.h"
#include "load_result.h"

#include <stdbool.h>
#include <stddef.h>

#define REPORT_WHY_MAX    256
#define REPORT_OCTETS_MAX (UINT64_C(1) << 30)

struct report_run {
	struct load_result r;
	struct load_rule rule[LOAD_EXPECT_MAX]; /* of r.expect */
	struct load_second *second;
	void *tree; /* what the texts of r lie in */
};

/* leat_report_read reads octets of text; after false run holds nothing to free. */
bool leat_report_read(
	struct report_run *run, const char *text, size_t octets, char *why, size_t size);

/* leat_report_read_file reads a file, or report.json where path is a directory. */
bool leat_report_read_file(struct report_run *run, const char *path, char *why, size_t size);

void leat_report_free(struct report_run *run);

#endif
