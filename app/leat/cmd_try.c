/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "opt_try.h"

int leat_cmd_try(int argc, char **argv)
{
	struct try_options options;

	return leat_cmd_leatd(&leat_opt_try, argc, argv, &options);
}
