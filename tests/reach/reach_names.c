/* SPDX-License-Identifier: BSD-3-Clause */
#include "reach.h"

/* All that reach.py wants to see reached. */
int main(void)
{
	leat_reach_names(stdout);
	return 0;
}
