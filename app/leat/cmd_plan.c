/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "opt_load.h"

#include <string.h>

/* What is planned may be named: `plan serve` is `plan`. */
int leat_cmd_plan(int argc, char **argv)
{
	bool load = argc > 1 && strcmp(argv[1], leat_opt_load.name) == 0;
	int named = load || (argc > 1 && strcmp(argv[1], leat_opt_serve.name) == 0);

	return leat_cmd_file(
		load ? &leat_opt_plan_load : &leat_opt_plan, argc - named, argv + named);
}
