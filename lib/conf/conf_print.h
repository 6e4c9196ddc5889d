/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_PRINT_H
#define LEAT_CONF_PRINT_H

/* conf_print: errors, the configuration that holds, and the keys there are, as text.
 *
 * Affinity   boot only. */

#include "conf.h"

#include <stdio.h>

/* leat_conf_print_errors writes `file:line:col: key: problem; hint`, one a line, and how many, and
 * that for all of them nothing was started, or `changed`. */
void leat_conf_print_errors(const struct conf *c, const char *file, const char *done, FILE *out);

/* leat_conf_print_show writes what holds, each value with where it comes from: a file that leat
 * reads again.  file is NULL when there was none. */
void leat_conf_print_show(const struct conf *c, const char *file, FILE *out);

/* leat_conf_print_keys writes every key with its kind, range, default and sentence: as text, or as
 * rows of a table for a page. */
void leat_conf_print_keys(bool page, FILE *out);

#endif
