/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_group.h"

#include <grp.h>
#include <stdint.h>
#include <stdlib.h>

unsigned leat_opt_group_id(const char *group)
{
	const struct group *g = getgrnam(group);
	char *end;
	unsigned long id = strtoul(group, &end, 10);

	if (g != NULL)
		return g->gr_gid;
	bool number = *group >= '0' && *group <= '9' && *end == '\0' && id < OPT_GROUP_NONE;

	return number ? (unsigned)id : OPT_GROUP_NONE;
}

bool leat_opt_group_read(const char *text, const char **group, char *why, size_t size)
{
	*group = text;
	if (leat_opt_group_id(text) != OPT_GROUP_NONE)
		return true;
	snprintf(why, size, "there is no group `%s`; getent group lists them", text);
	return false;
}
