/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_ROWS_H
#define LEAT_LOAD_ROWS_H

/* load_rows: what was planned beside what came of it, as every report has it: the text, the page.
 *
 * Affinity   none; works on a result. */

#include "load_text.h"

#define LOAD_ROW_MAX  (8 + LOAD_LEG_MAX) /* each change of the rate is one */
#define LOAD_NOTE_MAX 512                /* each failure by its name */

struct load_row {
	const char *name;
	char planned[TEXT_GROUP_MAX], achieved[2 * TEXT_GROUP_MAX]; /* "": nothing was */
	char note[LOAD_NOTE_MAX];
};

struct load_rows {
	struct load_row row[LOAD_ROW_MAX];
	uint32_t cnt;
};

/* leat_load_rows makes the rows of a run. */
void leat_load_rows(const struct load_result *r, struct load_rows *rows);

#endif
