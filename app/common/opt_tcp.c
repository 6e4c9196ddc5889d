/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_tcp.h"

#include <stdio.h>

const char *const leat_opt_tcp_switch[] = {"off", "on", NULL};
const char *const leat_opt_tcp_congestion[] = {"newreno", "cubic", NULL};
const char *const leat_opt_tcp_ecn[] = {"off", "passive", "active", NULL};
const char *const leat_opt_tcp_reuse[] = {"off", "sequence", "timestamps", NULL};
const char *const leat_opt_tcp_rst[] = {"ignore", "obey", NULL};
const char *const leat_opt_tcp_full[] = {"refuse", "evict", NULL};
const char *const leat_opt_tcp_never[] = {"off", NULL};
const char *const leat_opt_tcp_cookies[] = {"off", "auto", "always", NULL};

bool leat_opt_is_file(const char *text, const char **file, char *why, size_t size)
{
	*file = text;
	if (*text != '\0')
		return true;
	snprintf(why, size, "`` is no name of a file: /var/lib/leat/a?");
	return false;
}
