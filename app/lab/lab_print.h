/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LAB_PRINT_H
#define LEAT_LAB_PRINT_H

/* lab_print: what a sweep found, as a table, CSV or JSON, row by row as they come.
 *
 *	leat_lab_print_begin(&report);
 *	for each row: leat_lab_print_row(&report, nth);
 *	leat_lab_print_end(&report);
 *
 * Errors     the stream's, for the caller to ask. */

#include "lab_sweep.h"

#include <stdio.h>

enum lab_form {
	LAB_FORM_TABLE,
	LAB_FORM_CSV,
	LAB_FORM_JSON
};

struct lab_report {
	FILE *out;
	enum lab_form form;
	const char *version;
	int argc; /* the command, argv[0] being the verb */
	char **argv;
	const struct lab_sweep *sweep;
	const struct lab_row *row;
	uint32_t row_cnt;
};

void leat_lab_print_begin(const struct lab_report *report);
void leat_lab_print_row(const struct lab_report *report, uint32_t nth);
void leat_lab_print_end(const struct lab_report *report);

/* leat_lab_broken is how many protected rows have a stale octet or a reset after a lost ACK. */
uint32_t leat_lab_broken(const struct lab_row *row, uint32_t cnt);

/* leat_lab_time_text and leat_lab_share_text write "60s" and "10%". */
void leat_lab_time_text(uint64_t ns, char *text, size_t size);
void leat_lab_share_text(uint32_t millionths, char *text, size_t size);

/* leat_lab_also is what is to be said of timestamps beside the policy of reuse. */
const char *leat_lab_also(const struct lab_case *c);

/* leat_lab_svg writes one chart: a line for each situation, a column for each 2MSL, as dark as bad;
 * what is protected has a frame. */
void leat_lab_svg(const struct lab_report *report, FILE *out);

#endif
