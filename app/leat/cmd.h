/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CMD_H
#define LEAT_CMD_H

/* cmd: the verbs of leat, one function each in cmd_NAME.c.  argv[0] is the verb; the result is the
 * exit code (enum opt_exit). */

#include "opt.h"

extern const struct opt_verb leat_opt_capture, leat_opt_conns, leat_opt_ctl, leat_opt_explain,
	leat_opt_top;

int leat_cmd_try(int argc, char **argv);
int leat_cmd_serve(int argc, char **argv);
int leat_cmd_load(int argc, char **argv);
int leat_cmd_plan(int argc, char **argv);
int leat_cmd_check(int argc, char **argv);
int leat_cmd_lab(int argc, char **argv);
int leat_cmd_conns(int argc, char **argv);
int leat_cmd_capture(int argc, char **argv);
int leat_cmd_explain(int argc, char **argv);
int leat_cmd_ctl(int argc, char **argv);
int leat_cmd_report(int argc, char **argv);
int leat_cmd_top(int argc, char **argv);

/* leat_cmd_leatd reads the options of verb into options, the struct that verb fills, and becomes
 * leatd; it returns after help or a message. */
int leat_cmd_leatd(const struct opt_verb *verb, int argc, char **argv, void *options);

/* leat_cmd_file does the same for serve, plan or load, which may be given a file. */
int leat_cmd_file(const struct opt_verb *bare, int argc, char **argv);

/* leat_cmd_reload reads the file again that the instance of that name was started with, and has it
 * hold from now on what stands there. */
int leat_cmd_reload(const char *name);

/* leat_cmd_with_file is such a verb with the options that go with a file, until the next call. */
const struct opt_verb *leat_cmd_with_file(const struct opt_verb *bare);

extern const struct opt_verb leat_cmd_check_verb, leat_cmd_report_verb;

#endif
