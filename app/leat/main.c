/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"
#include "help_json.h"
#include "leatd_exec.h"
#include "opt_lab.h"
#include "opt_load.h"
#include "opt_serve.h"
#include "opt_try.h"
#include "std.h"
#include "text.h"

#include <string.h>

#ifndef LEAT_VERSION
#error "the build says which version this is"
#endif

/* Every verb there is; its line of help is in its option table. */
static const struct verb {
	const struct opt_verb *opt;
	int (*run)(int argc, char **argv);
	bool file; /* may be given one */
} verbs[] = {
	{&leat_opt_try, leat_cmd_try, false},
	{&leat_opt_serve, leat_cmd_serve, true},
	{&leat_opt_load, leat_cmd_load, true},
	{&leat_opt_plan, leat_cmd_plan, true},
	{&leat_cmd_check_verb, leat_cmd_check, false},
	{&leat_opt_conns, leat_cmd_conns, false},
	{&leat_opt_capture, leat_cmd_capture, false},
	{&leat_opt_explain, leat_cmd_explain, false},
	{&leat_opt_ctl, leat_cmd_ctl, false},
	{&leat_opt_top, leat_cmd_top, false},
	{&leat_opt_lab, leat_cmd_lab, false},
	{&leat_cmd_report_verb, leat_cmd_report, false},
};

#define VERB_CNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_CNT; i++)
		if (strcmp(verbs[i].opt->name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int unknown_verb(const char *name)
{
	const char *names[VERB_CNT + 3];
	const char *near;
	size_t i;

	for (i = 0; i < VERB_CNT; i++)
		names[i] = verbs[i].opt->name;
	names[i++] = "help";
	names[i++] = "version";
	names[i] = NULL;
	near = leat_opt_nearest(name + strspn(name, "-"), names);
	if (*name == '-' && (!near || find_verb(near)))
		fprintf(stderr, "leat: %s: options come after a verb: %s try %s?\n", name,
			leat_text_call(), name);
	else if (near)
		fprintf(stderr, "leat: there is no `%s`; did you mean %s %s%s?\n", name,
			leat_text_call(), *name == '-' ? "--" : "", near);
	else
		fprintf(stderr, "leat: there is no `%s`; %s help lists what there is\n", name,
			leat_text_call());
	return OPT_EXIT_USAGE;
}

static int version(void)
{
	puts("leat " LEAT_VERSION);
	return OPT_EXIT_OK;
}

static int help(const char *name)
{
	const struct verb *verb = name ? find_verb(name) : NULL;

	if (verb) {
		leat_opt_help(verb->file ? leat_cmd_with_file(verb->opt) : verb->opt, stdout);
		return OPT_EXIT_OK;
	}
	if (name)
		return unknown_verb(name);
	printf("leat " LEAT_VERSION ": a TCP endpoint on DPDK\n\n"
	       "usage: %s VERB [OPTION]...\n\n",
		leat_text_call());
	for (size_t i = 0; i < VERB_CNT; i++)
		printf("  %-9s %s\n", verbs[i].opt->name, verbs[i].opt->one_line);
	printf("  help      options of a verb: %s help try\n"
	       "  version   print the version\n\n"
	       "Begin with: %s try\n",
		leat_text_call(), leat_text_call());
	return OPT_EXIT_OK;
}

/* help_json is help of all verbs, for programs. */
static int help_json(void)
{
	json_t *all = json_array();

	for (size_t i = 0; i < VERB_CNT; i++)
		json_array_append_new(all,
			leat_help_json(
				verbs[i].file ? leat_cmd_with_file(verbs[i].opt) : verbs[i].opt));
	leat_help_json_print(all, LEAT_VERSION, stdout);
	return OPT_EXIT_OK;
}

int leat_cmd_leatd(const struct opt_verb *verb, int argc, char **argv, void *options)
{
	struct opt_line line;
	int done = leat_opt_begin(verb, argc, argv, options, &line);

	return done >= 0 ? done : leat_leatd_exec(verb->name, &line);
}

static int run(const char *name, int argc, char **argv)
{
	const struct verb *verb = find_verb(name);

	if (verb)
		return verb->run(argc - 1, argv + 1);
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return argc > 2 && (strcmp(argv[2], "-j") == 0 || strcmp(argv[2], "--json") == 0)
			       ? help_json()
			       : help(argc > 2 ? argv[2] : NULL);
	if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0)
		return version();
	return unknown_verb(name);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";

	leat_std_occupy();
	return leat_std_written(name, run(name, argc, argv));
}
