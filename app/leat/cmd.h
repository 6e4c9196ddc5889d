/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CMD_H
#define LEAT_CMD_H

/* cmd: the verbs of leat, one function each in cmd_NAME.c.  argv[0] is the verb; the result is the
 * exit code (enum opt_exit). */

#include "opt.h"

int leat_cmd_try(int argc, char **argv);
int leat_cmd_serve(int argc, char **argv);
int leat_cmd_plan(int argc, char **argv);
int leat_cmd_lab(int argc, char **argv);

/* leat_cmd_leatd reads the options of verb into options, the struct that verb fills, and becomes
 * leatd; it returns after help or a message. */
int leat_cmd_leatd(const struct opt_verb *verb, int argc, char **argv, void *options);

#endif
