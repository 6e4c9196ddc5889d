/* SPDX-License-Identifier: BSD-3-Clause */

/* leat try, client alone, on a network card: `guest_try EAL-OPTION... -- CARD [OPTION]...`.
 *
 * The program itself takes virtual devices only, since who loads a network from a card has a tool
 * for that.  A card that EAL was given is a port by its address all the same. */

#include "plane.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

enum opt_exit leat_run_start_eal(
	const struct run_eal *from, const struct eal_want *want, struct eal *eal)
{
	(void)want;
	leat_plane_block_signals();
	return leat_eal_start_classic(from->argc, from->argv, eal);
}

int main(int argc, char **argv)
{
	struct run_eal eal = {.argv = argv};
	struct try_options o;
	int i = 0;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i + 1 >= argc)
		return OPT_EXIT_USAGE;
	argv[i] = NULL;
	eal.argc = i;
	char *card = argv[i + 1];
	if (leat_opt_parse(&leat_opt_try, argc - i - 1, argv + i + 1, &o, NULL, stderr) !=
		OPT_RESULT_OK)
		return OPT_EXIT_USAGE;
	o.client_vdev = card;
	return (int)leat_run_try(&o, &eal);
}
