/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LEATD_EXEC_H
#define LEAT_LEATD_EXEC_H

/* leatd_exec: become leatd, the data plane, for a verb that needs it.
 *
 * leatd is what LEATD in the environment names; else the first that there is of: beside leat,
 * ../leatd/leatd (the build tree), ../libexec/leat/leatd.
 *
 * Errors     returns only when it could not: an enum opt_exit, after one line on stderr. */

#include "opt.h"

/* leat_leatd_exec hands over verb and the options of line. */
int leat_leatd_exec(const char *verb, const struct opt_line *line);

#endif
