/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_GROUP_H
#define LEAT_OPT_GROUP_H

/* opt_group: who else may ask an instance, as --ctl-group has it: a group that there is.
 *
 * Errors     a clause that says what is wrong and what would do (opt.h). */

#include "opt.h"

#define OPT_GROUP_NONE UINT32_MAX

#define OPT_GROUP_ROW(read_function)                                                               \
	{                                                                                          \
		.name = "ctl-group", .kind = OPT_KIND_OTHER, .read = (read_function),              \
		.metavar = "GROUP",                                                                \
		.sentence = "let this group ask, and change nothing: its members may read by "     \
			    "conns, top and ctl; without it only the user who started it"          \
	}

/* leat_opt_group_read takes the name of a group, or its number. */
bool leat_opt_group_read(const char *text, const char **group, char *why, size_t size);

/* leat_opt_group_id is the number of one that was read; OPT_GROUP_NONE: there is none. */
unsigned leat_opt_group_id(const char *group);

#endif
