/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"
#include "json_text.h"
#include "sight.h"
#include "watch_why.h"

#include "base_time.h"

#include <stdlib.h>
#include <string.h>

#define NO_SIGHT     "%s shows nothing of itself while it runs; with --hold it does"
#define EVERY_MS_MAX 60000
#define WHY_NS       TIME_S /* between the two that it is told by */

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
	if (sight == NULL)
		fprintf(q->out, "no 1 0 " NO_SIGHT "\n", q->ctl->role->verb);
	else if (!begun)
		fputs("no 5 0 this instance is ending\n", q->out);
	free(s);
}

static void print_why(const struct watch_snapshot *two, bool json, FILE *out)
{
	char text[WATCH_REASON_MAX];
	bool limited = leat_watch_why(&two[0], &two[1], text);

	if (!json) {
		fprintf(out, "ok\n%s\n", text);
		return;
	}
	fputs("ok\n{\"schema\":\"leat.why/1\",\"name\":", out);
	leat_json_text(two[1].name, out);
	fprintf(out, ",\"limited\":%s,\"why\":", limited ? "true" : "false");
	leat_json_text(text, out);
	fputs("}\n", out);
}

/* `why`: what keeps this instance from being faster, by what happens within a second. */
void leat_ctl_why(struct ctl_client *q, char *words)
{
	struct watch_snapshot *two = calloc(2, sizeof(*two));
	struct sight *sight = q->ctl->plane->sight;

	if (two == NULL)
		fputs("no 3 - there is no memory for an answer\n", q->out);
	else if (sight == NULL)
		fprintf(q->out, "no 1 - " NO_SIGHT "\n", q->ctl->role->verb);
	else if (!leat_sight_take(sight, 3 * WHY_NS, &two[0]) || !leat_ctl_pause(q, WHY_NS) ||
		 !leat_sight_take(sight, WHY_NS, &two[1]))
		fputs("no 5 - this instance is ending\n", q->out);
	else
		print_why(two, strcmp(words, "form=json") == 0, q->out);
	free(two);
}
