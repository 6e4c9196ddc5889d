/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_RUN_H
#define LEAT_RUN_H

/* run: the verbs of leatd.
 *
 * Errors     enum opt_exit. */

#include "opt_load.h"
#include "opt_serve.h"
#include "opt_try.h"
#include "plane_eal.h"

/* Where EAL's options come from: derived (argc 0), or what stood before `--`. */
struct run_eal {
	int argc;
	char **argv;
};

/* leat_run_try joins a client and a server by rings, or puts the server behind a TAP interface. */
enum opt_exit leat_run_try(const struct try_options *o, const struct run_eal *eal);

/* leat_run_serve serves on one port.  greet: `/` of http tells who was reached. */
enum opt_exit leat_run_serve(const struct serve_options *o, const struct run_eal *eal, bool greet);

/* leat_run_load opens connections by a plan.  Gives the exit code: enum opt_exit, or that of the
 * verdict. */
int leat_run_load(
	const struct load_options *o, const struct opt_line *line, const struct run_eal *eal);

/* leat_run_plan prints what serve would take, and takes nothing; _plan_load what load would. */
enum opt_exit leat_run_plan(const struct serve_options *o);
enum opt_exit leat_run_plan_load(struct load_options *o);

/* leat_run_start_eal starts EAL as from says. */
enum opt_exit leat_run_start_eal(
	const struct run_eal *from, const struct eal_want *want, struct eal *eal);

#endif
