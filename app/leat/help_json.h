/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_HELP_JSON_H
#define LEAT_HELP_JSON_H

/* help_json: the option tables as JSON, leat.help/1: manuals and completion are made of it.
 *
 *	{"schema": "leat.help/1", "version": "0.1.0", "verbs": [{"name": "try", "one_line": "...",
 *	 "usage": "leat try [OPTION]...", "prose": "...", "options": [{"name": "seconds",
 *	 "letter": "s", "value": "N", "range": "from 1 to 86,400; default 10", "words": [...],
 *	 "sentence": "..."}]}]}
 *
 * What an option has not is left out.
 *
 * Affinity   none.
 * Errors     without memory it ends the program, with a line. */

#include "opt.h"

#include <jansson.h>

/* leat_help_json is one verb. */
json_t *leat_help_json(const struct opt_verb *verb);

/* leat_help_json_print writes the verbs, an array that is then freed. */
void leat_help_json_print(json_t *verbs, const char *version, FILE *out);

#endif
