/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "opt_serve.h"

#include <string.h>

/* What is planned may be named: `plan serve` is `plan`. */
int leat_cmd_plan(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], leat_opt_serve.name) == 0) {
		argc--;
		argv++;
	}
	return leat_cmd_file(&leat_opt_plan, argc, argv);
}
