/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_log.h"
#include "ctl.h"
#include "plane.h"
#include "report.h"
#include "run.h"
#include "std.h"

#include <stdio.h>
#include <string.h>

#ifndef LEAT_VERSION
#error "the build says which version this is"
#endif

static int usage(FILE *out)
{
	fputs("leatd " LEAT_VERSION ": the data plane of leat\n\n"
	      "usage: leatd try|serve|load|plan|'plan load' [OPTION]...\n"
	      "       leatd EAL-OPTION... -- try|serve|load [OPTION]...\n\n"
	      "The options are those of leat help try, leat help serve and so on.\n",
		out);
	return out == stdout ? OPT_EXIT_OK : OPT_EXIT_USAGE;
}

enum opt_exit leat_run_start_eal(
	const struct run_eal *from, const struct eal_want *want, struct eal *eal)
{
	leat_plane_block_signals();
	if (from->argc != 0)
		return leat_eal_start_classic(from->argc, from->argv, eal);
	return leat_eal_start(want, eal);
}

/* run does the verb that argv[0] names. */
static int run(int argc, char **argv, const struct run_eal *eal)
{
	int done;

	if (strcmp(argv[0], "try") == 0) {
		struct try_options o;

		done = leat_opt_begin(&leat_opt_try, argc, argv, &o, NULL);
		leat_ctl_group(o.ctl_group);
		return done >= 0 ? done : (int)leat_run_try(&o, eal);
	}
	if (strcmp(argv[0], "serve") == 0) {
		static struct serve_options o;
		static struct opt_line line;

		done = leat_opt_begin(&leat_opt_serve, argc, argv, &o, &line);
		leat_ctl_told(&line);
		leat_ctl_group(o.ctl_group);
		return done >= 0 ? done : (int)leat_run_serve(&o, eal, false);
	}
	if (strcmp(argv[0], "load") == 0) {
		static struct load_options o;
		static struct opt_line line;

		done = leat_opt_begin(&leat_opt_load, argc, argv, &o, &line);
		leat_ctl_group(o.serve.ctl_group);
		return done >= 0 ? done : leat_run_load(&o, &line, eal);
	}
	if (strcmp(argv[0], "plan") == 0) {
		struct serve_options o;

		done = leat_opt_begin(&leat_opt_plan, argc, argv, &o, NULL);
		return done >= 0 ? done : (int)leat_run_plan(&o);
	}
	if (strcmp(argv[0], leat_opt_plan_load.name) == 0) {
		static struct load_options o;

		done = leat_opt_begin(&leat_opt_plan_load, argc, argv, &o, NULL);
		return done >= 0 ? done : (int)leat_run_plan_load(&o);
	}
	return usage(stderr);
}

static int begin(int argc, char **argv)
{
	struct run_eal eal = {.argc = 0};
	int verb = 1;

	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		puts("leatd " LEAT_VERSION);
		return OPT_EXIT_OK;
	}
	if (argv[1][0] == '-') {
		while (verb < argc && strcmp(argv[verb], "--") != 0)
			verb++;
		if (verb + 1 >= argc)
			return usage(stderr);
		argv[verb] = NULL;
		eal = (struct run_eal){.argc = verb, .argv = argv};
		verb++;
	}
	return run(argc - verb, argv + verb, &eal);
}

int main(int argc, char **argv)
{
	leat_std_occupy();
	int code = begin(argc, argv);
	return leat_report_written() ? code : OPT_EXIT_FAILED;
}
