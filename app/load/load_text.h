/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_TEXT_H
#define LEAT_LOAD_TEXT_H

/* load_text: a run as people read it, and as programs do.
 *
 * Affinity   none; works on a result. */

#include "load_result.h"
#include "text.h"

#include <stddef.h>
#include <stdio.h>

/* A share, "99.9997 %"; a rate, "199,999 /s". */
void leat_load_text_share(uint32_t millionths, char *text, size_t size);
void leat_load_text_rate(uint64_t rate_milli, char *text, size_t size);

/* leat_load_rate_parse reads "200k/s", "1000", "0.5/s" (k, M and G are decimal) into thousandths a
 * second; false with a clause in why. */
bool leat_load_rate_parse(const char *text, uint64_t *rate_milli, char *why, size_t size);

/* leat_load_print_plan writes the line before the run, _second one during it, _report the rest. */
void leat_load_print_plan(const struct load_result *r, FILE *out);
void leat_load_print_second(
	const struct load_result *r, const struct load_second *s, const char *why, FILE *out);
void leat_load_print_report(const struct load_result *r, FILE *out);

/* leat_load_why is one line on why the rate is not reached, from one second and the limits so far;
 * NULL: it is, or the run was stopped in that second. */
const char *leat_load_why(
	const struct load_result *r, const struct load_second *s, char *text, size_t size);

/* leat_load_json writes the whole result as one object of LOAD_SCHEMA. */
void leat_load_json(const struct load_result *r, FILE *out);

/* leat_load_csv writes its seconds as lines below the names of the columns, _env_json where it ran.
 */
void leat_load_csv(const struct load_result *r, FILE *out);
void leat_load_env_json(const struct load_result *r, FILE *out);

#endif
