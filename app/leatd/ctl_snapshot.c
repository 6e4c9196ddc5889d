/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"
#include "sight.h"

#include "base_time.h"

#include <stdlib.h>

#define EVERY_MS_MAX 60000

/* `snapshot MS`: everything that is to be seen, again every so many milliseconds; `snapshot`: once.
 */
void leat_ctl_snapshot(struct ctl_client *q, char *words)
{
	uint64_t ns = u64_min(strtoull(words, NULL, 10), EVERY_MS_MAX) * TIME_MS;
	struct watch_snapshot *s = malloc(sizeof(*s));
	struct sight *sight = q->ctl->plane->sight;
	bool begun = false;

	if (s == NULL) {
		fputs("no 3 0 there is no memory for an answer\n", q->out);
		return;
	}
	do {
		if (sight == NULL || !leat_sight_take(sight, 3 * ns, s))
			break;
		if (!begun)
			fputs("ok\n", q->out);
		begun = true;
		leat_watch_snapshot_print(s, q->out);
	} while (ns != 0 && leat_ctl_pause(q, ns));
	if (!begun)
		fputs("no 5 0 this instance is ending\n", q->out);
	free(s);
}
