/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "opt_serve.h"

int leat_cmd_serve(int argc, char **argv)
{
	return leat_cmd_file(&leat_opt_serve, argc, argv);
}
