/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "opt_serve.h"

int leat_cmd_serve(int argc, char **argv)
{
	struct serve_options options;

	return leat_cmd_leatd(&leat_opt_serve, argc, argv, &options);
}
