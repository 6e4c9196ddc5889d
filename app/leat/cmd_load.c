/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "opt_load.h"

int leat_cmd_load(int argc, char **argv)
{
	return leat_cmd_file(&leat_opt_load, argc, argv);
}
