/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"
#include "sight.h"

#include "base_time.h"

#include <stdlib.h>

#define FOR_MS_MAX 60000

/* `snapshot MS`: who asks comes again within so many milliseconds. */
void leat_ctl_snapshot(struct ctl *c, char *words, FILE *out)
{
	uint64_t ms = u64_min(strtoull(words, NULL, 10), FOR_MS_MAX);
	struct watch_snapshot *s = malloc(sizeof(*s));

	if (s == NULL)
		fputs("no 3 0 there is no memory for an answer\n", out);
	else if (c->sight == NULL || !leat_sight_take(c->sight, ms * TIME_MS, s))
		fputs("no 5 0 this instance is ending\n", out);
	else {
		fputs("ok\n", out);
		leat_watch_snapshot_print(s, out);
	}
	free(s);
}
