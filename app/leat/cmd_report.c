/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "base_bits.h"
#include "load_text.h"
#include "report_diff.h"
#include "report_html.h"
#include "report_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_MAX (1 << 20) /* of a merged run */

struct report_options {
	const char *action;
	const char *file[LOAD_PART_MAX];
	uint32_t file_cnt;
	const char *output;
	bool anyway, json;
};

static const char *const actions[] = {"show", "diff", "html", "merge", NULL};

static bool take_word(void *options, const char *text, char *why, size_t size)
{
	struct report_options *o = options;

	if (o->action == NULL) {
		const char *near = leat_opt_nearest(text, actions);

		for (const char *const *a = actions; *a != NULL; a++)
			if (strcmp(*a, text) == 0)
				o->action = *a;
		if (near != NULL)
			snprintf(why, size, "there is no `%s`; did you mean %s?", text, near);
		else
			snprintf(why, size,
				"`%s` is none of show, diff, html and merge; %s report show %s?",
				text, leat_text_call(), text);
		return o->action != NULL;
	}
	if (o->file_cnt == LOAD_PART_MAX || *text == '\0') {
		snprintf(why, size, "`%s`: no name, or one of more than %d files", text,
			LOAD_PART_MAX);
		return false;
	}
	o->file[o->file_cnt++] = text;
	return true;
}

static bool take_output(void *options, const char *text, char *why, size_t size)
{
	((struct report_options *)options)->output = text;
	snprintf(why, size, "needs a name; for example fleet.json");
	return *text != '\0';
}

#define AT(member) offsetof(struct report_options, member)

static const struct opt_row row[] = {
	{.name = "output",
		.letter = 'o',
		.kind = OPT_KIND_OTHER,
		.read = take_output,
		.metavar = "FILE",
		.sentence = "html, merge: write it there instead of to stdout"},
	{.name = "anyway",
		.kind = OPT_KIND_FLAG,
		.at = AT(anyway),
		.sentence = "merge: although segments are missing, or did not run at the same "
			    "time; the verdict is then inconclusive at best"},
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "show: one JSON object for each file instead of text"},
};

static void defaults(void *options)
{
	*(struct report_options *)options = (struct report_options){.file_cnt = 0};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	const struct report_options *o = options;
	const char *action = o->action != NULL ? o->action : "";
	bool diff = strcmp(action, "diff") == 0, html = strcmp(action, "html") == 0;
	bool merge = strcmp(action, "merge") == 0;

	(void)given;
	if (o->action == NULL)
		snprintf(why, size, "what shall be done? show, diff, html or merge");
	else if (o->file_cnt == 0)
		snprintf(why, size, "%s: of which run? %s report %s runs/monday", action,
			leat_text_call(), action);
	else if (diff && o->file_cnt != 2)
		snprintf(why, size,
			"diff: of two, each a run, or several with commas between: %s "
			"report diff old1,old2 new1,new2",
			leat_text_call());
	else if (html && o->file_cnt != 1)
		snprintf(why, size, "html: one page is of one run; merge them first?");
	else if (o->anyway && !merge)
		snprintf(why, size, "--anyway is of merge; leave it out");
	else if (o->output != NULL && !merge && !html)
		snprintf(why, size, "--output is of html and merge; leave it out");
	else if (o->json && strcmp(action, "show") != 0)
		snprintf(why, size, "--json is of show; leave it out");
	else
		return true;
	return false;
}

static int say(const char *what, const char *why, int code)
{
	fprintf(stderr, "leat report: %s: %s\n", what, why);
	return code;
}

static bool read_run(struct report_run *run, const char *path)
{
	char why[REPORT_WHY_MAX];

	if (leat_report_read_file(run, path, why, sizeof(why)))
		return true;
	say(path, why, 0);
	return false;
}

/* read_all reads cnt files; NULL: a message was written, and the code is *code. */
static struct report_run *read_all(const char *const *path, uint32_t cnt, int *code)
{
	struct report_run *run = calloc(cnt, sizeof(*run));
	bool good = run != NULL;

	*code = OPT_EXIT_CONFIG;
	if (run == NULL)
		*code = say("memory", "not enough for so many files", OPT_EXIT_RESOURCE);
	for (uint32_t i = 0; i < cnt && run != NULL; i++)
		good &= read_run(&run[i], path[i]); /* all that are wrong are named */
	if (good)
		return run;
	for (uint32_t i = 0; i < cnt && run != NULL; i++)
		leat_report_free(&run[i]);
	free(run);
	return NULL;
}

static void free_all(struct report_run *run, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++)
		leat_report_free(&run[i]);
	free(run);
}

/* show says what one run showed, and exits as it did; of several runs with the worst of them. */
static int show(const struct report_options *o)
{
	struct report_run *run;
	int code, worst = OPT_EXIT_OK;

	run = read_all(o->file, o->file_cnt, &code);
	if (run == NULL)
		return code;
	for (uint32_t i = 0; i < o->file_cnt; i++) {
		if (o->json)
			leat_load_json(&run[i].r, stdout);
		else
			leat_load_print_report(&run[i].r, stdout);
		int exit_code = leat_load_verdict_exit(run[i].r.verdict);
		worst = exit_code > worst ? exit_code : worst;
	}
	free_all(run, o->file_cnt);
	return worst;
}

/* split cuts "a,b" into names; text is changed. */
static uint32_t split(char *text, const char *name[LOAD_PART_MAX])
{
	char *rest = NULL;
	uint32_t cnt = 0;

	for (char *at = strtok_r(text, ",", &rest); at != NULL && cnt < LOAD_PART_MAX;
		at = strtok_r(NULL, ",", &rest))
		name[cnt++] = at;
	return cnt;
}

/* check_twice refuses a run that is given as its own repetition. */
static int check_twice(const struct report_set *set, const char *const *name)
{
	char why[REPORT_WHY_MAX];
	uint32_t first, again;

	if (!leat_report_twice(set, &first, &again))
		return OPT_EXIT_OK;
	snprintf(why, sizeof(why), "%s and %s are the same run; leave one of them out", name[first],
		name[again]);
	return say("diff", why, OPT_EXIT_CONFIG);
}

static int diff(const struct report_options *o)
{
	const char *name[2][LOAD_PART_MAX];
	struct report_set set[2] = {{0}};
	struct report_run *run[2] = {NULL};
	char *text[2] = {strdup(o->file[0]), strdup(o->file[1])};
	int code = OPT_EXIT_OK;

	for (uint32_t i = 0; i < 2 && code == OPT_EXIT_OK; i++) {
		set[i].run_cnt = text[i] != NULL ? split(text[i], name[i]) : 0;
		if (set[i].run_cnt == 0) {
			code = say(o->file[i], "names no file", OPT_EXIT_USAGE);
			break;
		}
		int bad;
		set[i].run = run[i] = read_all(name[i], set[i].run_cnt, &bad);
		code = run[i] == NULL ? bad : check_twice(&set[i], name[i]);
	}
	if (code == OPT_EXIT_OK)
		leat_report_diff(&set[0], &set[1], stdout);
	for (uint32_t i = 0; i < 2; i++) {
		if (run[i] != NULL)
			free_all(run[i], set[i].run_cnt);
		free(text[i]);
	}
	return code;
}

/* write_file has the whole file there, or none of it: it is written beside and renamed. */
static int write_file(const char *path, const struct load_result *r,
	void (*write)(const struct load_result *r, FILE *out))
{
	char beside[4096];

	if (path == NULL) {
		write(r, stdout);
		return OPT_EXIT_OK;
	}
	snprintf(beside, sizeof(beside), "%s.new", path);
	FILE *out = fopen(beside, "we");
	if (out == NULL)
		return say(path, strerror(errno), OPT_EXIT_FAILED);
	write(r, out);
	bool good = !ferror(out) && fflush(out) == 0;
	good = fclose(out) == 0 && good;
	if (good && rename(beside, path) == 0)
		return OPT_EXIT_OK;
	int code = say(path, strerror(errno), OPT_EXIT_FAILED);
	unlink(beside);
	return code;
}

static int html(const struct report_options *o)
{
	struct report_run *run;
	int code;

	run = read_all(o->file, 1, &code);
	if (run == NULL)
		return code;
	code = write_file(o->output, &run->r, leat_report_html);
	free_all(run, 1);
	return code;
}

static int merge_runs(const struct report_options *o, struct report_merge *m)
{
	uint32_t seconds = leat_report_merge_seconds(m);
	struct load_second *second =
		seconds <= SECOND_MAX ? calloc((size_t)seconds + 1, sizeof(*second)) : NULL;
	static struct load_result r;
	char why[2 * REPORT_WHY_MAX];
	int code;

	if (second == NULL)
		return say("memory",
			"not enough for all seconds from first to last; did they run together?",
			OPT_EXIT_RESOURCE);
	if (!leat_report_merge(m, &r, second, why, sizeof(why))) {
		code = say("merge", why, OPT_EXIT_CONFIG);
	} else {
		if (o->output != NULL) {
			leat_report_merge_print(m, &r, stdout);
			leat_load_print_report(&r, stdout);
		}
		code = write_file(o->output, &r, leat_load_json);
		if (code == OPT_EXIT_OK)
			code = leat_load_verdict_exit(r.verdict);
	}
	free(second);
	return code;
}

static int merge(const struct report_options *o)
{
	struct report_merge m = {.name = o->file, .run_cnt = o->file_cnt, .anyway = o->anyway};
	struct report_run *run;
	int code;

	m.run = run = read_all(o->file, o->file_cnt, &code);
	if (run == NULL)
		return code;
	code = merge_runs(o, &m);
	free_all(run, o->file_cnt);
	return code;
}

const struct opt_verb leat_cmd_report_verb = {
	.name = "report",
	.one_line = "Runs as files: show, compare, draw and merge them",
	.usage = "@ report show FILE...\n"
		 "       @ report diff OLD[,OLD...] NEW[,NEW...]\n"
		 "       @ report html FILE [-o FILE]\n"
		 "       @ report merge FILE... [-o FILE] [--anyway]",
	.prose =
		"A FILE is the JSON of a run (leat.run/1), or a directory that has a report.json.\n"
		"diff takes repeated runs, with commas between, to know how much they vary: what\n"
		"differs no more than they do is inside noise.  merge makes one run of the\n"
		"segments of a plan, as `leat load --segment 1/5` and so on wrote them: counts "
		"and\n"
		"histograms are added, and the expectations judged anew.\n\n"
		"Exit of show and merge: 0 pass, 99 fail, 98 inconclusive, as the run's own; 2 "
		"for\n"
		"files that are no runs, or that do not go together; 5 when nothing could be\n"
		"written.\n\n"
		"  @ report show runs/monday\n"
		"  @ report diff a1.json,a2.json,a3.json b1.json,b2.json,b3.json\n"
		"  @ report merge runs/*/report.json -o fleet.json\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
	.stray = take_word,
};

int leat_cmd_report(int argc, char **argv)
{
	struct report_options o;
	int done = leat_opt_begin(&leat_cmd_report_verb, argc, argv, &o, NULL);

	if (done >= 0)
		return done;
	if (strcmp(o.action, "show") == 0)
		return show(&o);
	if (strcmp(o.action, "diff") == 0)
		return diff(&o);
	return strcmp(o.action, "html") == 0 ? html(&o) : merge(&o);
}
