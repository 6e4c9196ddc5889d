/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX 512

/* What is to be, and the letters that bring it.  A shard that stands still may have one. */
struct ctl_change {
	void *options;
	struct opt_line line;
	const struct ctl_role *role;
	struct ctl_change_shard {
		_Alignas(CACHE_LINE) struct shard_walk walk;
		struct ctl_change *change;
		uint32_t shard;
	} shard[SHARD_MAX];
	char text[INSTANCE_QUESTION_MAX]; /* which options point into */
};

static const struct opt_line *told;

void leat_ctl_told(const struct opt_line *line)
{
	told = line;
}

const char *leat_ctl_config_path(void)
{
	const char *path = getenv(INSTANCE_ENV_CONFIG);

	return path != NULL && *path == '/' ? path : NULL;
}

/* `config`: the verb, the file, and the options that stood beside it. */
void leat_ctl_config(struct ctl_client *q, char *words)
{
	const char *path = leat_ctl_config_path(), *given = getenv(INSTANCE_ENV_GIVEN);

	(void)words;
	if (q->ctl->role->options == NULL)
		fprintf(q->out, "no 1 - %s has nothing that can change while it runs\n",
			q->ctl->role->verb);
	else if (path == NULL)
		fputs("no 1 - it was started without a file; what stood on a command line cannot "
		      "be read again\n",
			q->out);
	else
		fprintf(q->out, "ok\n%s\n%s\n%s\n", q->ctl->role->verb, path,
			given != NULL ? given : "");
	for (char **e = environ; q->ctl->role->options != NULL && path != NULL && *e != NULL; e++)
		if (strncmp(*e, "LEAT_", 5) == 0 && strchr(*e, '\n') == NULL)
			fprintf(q->out, "%s\n", *e);
}

/* value_of is the n-th value of option name in line; NULL: it has no such. */
static const char *value_of(const struct opt_line *line, const char *name, uint32_t n)
{
	size_t octets = strlen(name);

	for (int i = 0; i < line->argc; i++) {
		const char *a = line->argv[i] + 2; /* behind -- */

		if (strncmp(a, name, octets) != 0 || (a[octets] != '=' && a[octets] != '\0'))
			continue;
		if (n-- == 0)
			return a + octets;
	}
	return NULL;
}

static bool differs(const struct opt_line *a, const struct opt_line *b, const char *name)
{
	for (uint32_t n = 0;; n++) {
		const char *x = value_of(a, name, n), *y = value_of(b, name, n);

		if (x == NULL || y == NULL)
			return x != y;
		if (strcmp(x, y) != 0)
			return true;
	}
}

/* compare writes the names of what changes into live, and of what cannot into fixed. */
static void compare(const struct ctl_change *change, char live[NAMES_MAX], char fixed[NAMES_MAX])
{
	const struct opt_verb *verb = change->role->options;

	live[0] = fixed[0] = '\0';
	for (uint32_t i = 0; i < verb->row_cnt; i++) {
		const char *name = verb->row[i].name;
		bool can = false;

		if (!differs(told, &change->line, name))
			continue;
		for (uint32_t k = 0; change->role->live[k] != NULL; k++)
			can |= strcmp(change->role->live[k], name) == 0;
		char *list = can ? live : fixed;
		size_t at = strlen(list);

		snprintf(list + at, NAMES_MAX - at, "%s%s", at > 0 ? ", " : "", name);
	}
}

/* split makes an argument of each word. */
static int split(struct ctl_change *change, char *argv[OPT_LINE_MAX + 2])
{
	int argc = 0;

	argv[argc++] = (char *)(uintptr_t)change->role->verb;
	for (char *rest = change->text; *rest != '\0' && argc <= OPT_LINE_MAX;) {
		char *end = strchr(rest, INSTANCE_SEPARATOR);

		argv[argc++] = rest;
		if (end == NULL)
			break;
		*end = '\0';
		rest = end + 1;
	}
	argv[argc] = NULL;
	return argc;
}

/* read_line parses the options, one change at a time, as getopt is one; false after an answer. */
static bool read_line(struct ctl_client *q, struct ctl_change *change, const char *words)
{
	char *argv[OPT_LINE_MAX + 2], *said = NULL;
	size_t octets;
	FILE *err = open_memstream(&said, &octets);

	if (err == NULL) {
		fputs("no 3 - there is no memory for it\n", q->out);
		return false;
	}
	snprintf(change->text, sizeof(change->text), "%s", words);
	int argc = split(change, argv);
	bool good = leat_opt_parse(change->role->options, argc, argv, change->options,
			    &change->line, err) == OPT_RESULT_OK;
	fclose(err);
	if (!good)
		fprintf(q->out, "no 2 - %.*s\n", (int)strcspn(said, "\n"), said);
	free(said);
	return good;
}

static bool apply(void *arg, struct leat_stack *s, uint64_t now)
{
	const struct ctl_change_shard *c = arg;

	(void)now;
	c->change->role->apply(c->change->options, c->shard, s);
	return false;
}

/* go_on puts the letter of one shard, again when it was busy; true: it has applied the change. */
static bool go_on(struct ctl *c, struct ctl_change_shard *s)
{
	struct shard_walk *w = &s->walk;

	if (!atomic_load_explicit(&w->answered, memory_order_acquire))
		return false;
	if (!w->busy)
		return true;
	atomic_store(&w->answered, false);
	if (!leat_ctl_put(c, s->shard, (struct shard_letter){SHARD_MAIL_WALK, w}))
		atomic_store(&w->answered, true);
	return false;
}

/* bring_all has each shard apply the change in its next turn; a bit for each that does not turn,
 * and will have it later: nobody waits for that. */
static uint64_t bring_all(struct ctl *c, struct ctl_change *change)
{
	const struct timespec step = {.tv_nsec = CTL_STEP_NS};
	uint64_t missing = 0;
	bool waits = true;

	for (uint32_t i = 0; i < c->plane->shard_cnt; i++) {
		struct ctl_change_shard *s = &change->shard[i];

		*s = (struct ctl_change_shard){.walk = {.step = apply, .arg = s, .busy = true},
			.change = change,
			.shard = i};
		atomic_store(&s->walk.answered, true); /* as one that is busy: to be put */
	}
	while (waits && !atomic_load(&c->stop)) {
		missing = 0;
		waits = false;
		for (uint32_t i = 0; i < c->plane->shard_cnt; i++) {
			if (go_on(c, &change->shard[i]))
				continue;
			missing |= UINT64_C(1) << i;
			waits |= leat_ctl_turns(c, i);
		}
		nanosleep(&step, NULL);
	}
	return missing;
}

/* all_turn: nothing is begun that a shard might do much later than the others. */
static bool all_turn(struct ctl_client *q)
{
	for (uint32_t i = 0; i < q->ctl->plane->shard_cnt; i++) {
		if (leat_ctl_turns(q->ctl, i))
			continue;
		fprintf(q->out, "no 5 - shard %" PRIu32 " does not turn; nothing was changed\n", i);
		return false;
	}
	return true;
}

/* change_all answers; true: the change is what holds from now on. */
static bool change_all(struct ctl_client *q, struct ctl_change *change)
{
	char live[NAMES_MAX], fixed[NAMES_MAX], why[OPT_WHY_MAX];
	uint64_t missing;
	const struct ctl_role *role = change->role;

	compare(change, live, fixed);
	if (fixed[0] != '\0') {
		fprintf(q->out, "no 2 - a restart is needed for: %s; nothing was changed\n", fixed);
	} else if (live[0] == '\0') {
		fputs("ok\nnothing has changed\n", q->out);
	} else if (!role->may(change->options, why, sizeof(why))) {
		fprintf(q->out, "no 2 - %s; nothing was changed\n", why);
	} else if (all_turn(q)) {
		missing = bring_all(q->ctl, change);
		role->adopt(change->options);
		fprintf(q->out, "ok\nchanged: %s\n", live);
		ctl_print_silent(
			missing, WATCH_FORM_TEXT, "; it will have it when it turns again", q->out);
		return true;
	}
	return false;
}

/* may_begin: all have the change before this one. */
static bool may_begin(struct ctl *c)
{
	bool may = true;

	for (uint32_t i = 0; c->change != NULL && i < c->plane->shard_cnt; i++)
		may &= go_on(c, &c->change->shard[i]);
	return may;
}

void leat_ctl_change_sweep(struct ctl *c)
{
	(void)may_begin(c);
}

static void reload(struct ctl_client *q, const char *words)
{
	const struct ctl_role *role = q->ctl->role;
	struct ctl_change *change = ctl_memory(sizeof(*change));

	if (change != NULL)
		change->options = ctl_memory(role->options_octets);
	if (change == NULL || change->options == NULL) {
		fputs("no 3 - there is no memory for it\n", q->out);
		free(change);
		return;
	}
	change->role = role;
	if (!may_begin(q->ctl)) {
		fputs("no 5 - a shard that does not turn has the last change still\n", q->out);
	} else if (read_line(q, change, words) && change_all(q, change)) {
		struct ctl_change *before = q->ctl->change;

		told = &change->line;
		q->ctl->change = change;
		change = before;
	}
	leat_ctl_change_free(change);
}

void leat_ctl_change_free(struct ctl_change *change)
{
	if (change != NULL)
		free(change->options);
	free(change);
}

/* `reload OPTION\x1fOPTION...`: what the file says now, as the options of this verb. */
void leat_ctl_reload(struct ctl_client *q, char *words)
{
	if (q->ctl->role->options == NULL || told == NULL) {
		fprintf(q->out, "no 1 - %s has nothing that can change while it runs\n",
			q->ctl->role->verb);
		return;
	}
	pthread_mutex_lock(&q->ctl->changing);
	reload(q, words);
	pthread_mutex_unlock(&q->ctl->changing);
}
