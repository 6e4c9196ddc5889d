/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_JSON_TEXT_H
#define LEAT_JSON_TEXT_H

/* json_text: any text inside of JSON that is written as it comes.
 *
 * Every character of UTF-8 stays what it is; an octet that is of none becomes a question mark.
 *
 * Affinity   none.
 * Errors     none but those of the stream.
 * See        RFC 8259 7. */

#include <stdio.h>

/* leat_json_text writes text with quotes around it; NULL is "". */
void leat_json_text(const char *text, FILE *out);

/* leat_json_inside writes it without them. */
void leat_json_inside(const char *text, FILE *out);

#endif
