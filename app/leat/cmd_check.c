/* SPDX-License-Identifier: BSD-3-Clause */
#include "check.h"
#include "cmd.h"
#include "conf_print.h"
#include "file.h"

#include "base_bits.h"

#include <string.h>
#include <unistd.h>

enum check_part {
	CHECK_PART_BOTH,
	CHECK_PART_FILE,
};

struct check_options {
	const char *file;
	const char *device, *option; /* the option of serve by which it is named */
	bool keys, page;
	uint32_t part; /* enum check_part */
};

static const char *const part_words[] = {"both", "file", NULL};

static bool take_file(void *options, const char *text, char *why, size_t size)
{
	struct check_options *o = options;

	if (o->file || !*text) {
		snprintf(why, size, "`%s` is a second file; one at a time", text);
		return false;
	}
	o->file = text;
	return true;
}

static bool take_by(
	struct check_options *o, const char *option, const char *text, char *why, size_t size)
{
	if (o->option && strcmp(o->option, option) != 0) {
		snprintf(why, size, "with --%s; leave one of the two out", o->option);
		return false;
	}
	o->option = option;
	o->device = text;
	return true;
}

static bool take_device(void *options, const char *text, char *why, size_t size)
{
	return take_by(options, "device", text, why, size);
}

static bool take_tap(void *options, const char *text, char *why, size_t size)
{
	return take_by(options, "tap", text, why, size);
}

static bool take_vdev(void *options, const char *text, char *why, size_t size)
{
	return take_by(options, "vdev", text, why, size);
}

#define AT(member) offsetof(struct check_options, member)

static const struct opt_row row[] = {
	{.name = "keys",
		.kind = OPT_KIND_FLAG,
		.at = AT(keys),
		.sentence = "list the keys that a file may have, with ranges and defaults"},
	{.name = "page",
		.kind = OPT_KIND_FLAG,
		.at = AT(page),
		.sentence = "list them as the tables of docs/config.md"},
	{.name = "device",
		.kind = OPT_KIND_OTHER,
		.read = take_device,
		.metavar = "DEVICE",
		.sentence = "look at this device: as ports[].device of a file"},
	{.name = "tap",
		.kind = OPT_KIND_OTHER,
		.read = take_tap,
		.metavar = "NAME",
		.sentence = "the same as --device tap:NAME"},
	{.name = "vdev",
		.kind = OPT_KIND_OTHER,
		.read = take_vdev,
		.metavar = "ARGS",
		.sentence = "the same as --device ARGS"},
	{.name = "part",
		.kind = OPT_KIND_WORD,
		.at = AT(part),
		.metavar = "PART",
		.fallback = "both",
		.words = part_words,
		.sentence = "file: judge the file and leave the machine alone"},
};

static void defaults(void *options)
{
	*(struct check_options *)options = (struct check_options){.part = CHECK_PART_BOTH};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	const struct check_options *o = options;

	(void)given;
	if (o->file && o->device)
		snprintf(
			why, size, "--%s: the file names one; leave one of the two out", o->option);
	else if ((o->keys || o->page) && (o->file || o->device))
		snprintf(why, size, "--keys lists keys and checks nothing; leave the rest out");
	else if (o->part == CHECK_PART_FILE && !o->file)
		snprintf(why, size, "--part: there is no file; leat check FILE --part file");
	else
		return true;
	return false;
}

const struct opt_verb leat_cmd_check_verb = {
	.name = "check",
	.one_line = "Is this file right, and has this machine what it asks for?  Changes nothing",
	.usage = "@ check [FILE] [OPTION]...",
	.prose = "Every error of the file at once, as file:line:column: key: problem; hint.  Then "
		 "the\n"
		 "device, memory, cores and rights, each with the command that would mend it, "
		 "which\n"
		 "is for you to run.  How much memory it takes: leat plan -c FILE.\n\n"
		 "Exit 0 when all is well (or could be better), 1 for wrong options, 2 when the "
		 "file\n"
		 "is wrong, 3 when the machine lacks something, 5 when this could not be\n"
		 "written.\n\n"
		 "  @ check lab-a.yaml\n"
		 "  @ check --device 0000:3b:00.0\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
	.stray = take_file,
};

/* judge reads the file, or what there is without one; an exit code when it is wrong, else -1. */
static int judge(struct file *f, const struct check_options *o)
{
	char why[OPT_WHY_MAX];

	if (!leat_file_read(f, o->file, stderr))
		return OPT_EXIT_CONFIG;
	if (o->file)
		leat_file_environment(f, NULL, environ);
	if (o->file)
		return leat_file_finish(f, NULL, stderr) ? -1 : OPT_EXIT_CONFIG;
	leat_opt_serve.defaults(&f->serve);
	if (!o->device || leat_file_device(f, o->option, o->device, why, sizeof(why)))
		return -1;
	fprintf(stderr, "leat check: --%s: %s\n", o->option, why);
	return OPT_EXIT_USAGE;
}

static int say_result(const struct check_result *r)
{
	if (r->fail_cnt == 0 && r->warn_cnt == 0)
		puts("All is well.");
	else
		printf("%u must be mended, %u could be better.\n", r->fail_cnt, r->warn_cnt);
	return r->fail_cnt ? OPT_EXIT_RESOURCE : OPT_EXIT_OK;
}

static int run(const struct check_options *o)
{
	static struct file f;
	struct check_machine m;
	int done;

	if (o->keys || o->page) {
		leat_conf_print_keys(o->page, stdout);
		return OPT_EXIT_OK;
	}
	done = judge(&f, o);
	if (done >= 0)
		return done;
	if (o->file)
		printf("file\n  ok    %s\n", o->file);
	if (o->part == CHECK_PART_FILE)
		return OPT_EXIT_OK;
	leat_check_here(&m);
	struct check_result r = leat_check_machine(&m, &f.serve, stdout);
	return say_result(&r);
}

int leat_cmd_check(int argc, char **argv)
{
	struct check_options o;
	int done = leat_opt_begin(&leat_cmd_check_verb, argc, argv, &o, NULL);

	return done >= 0 ? done : run(&o);
}
