/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"
#include "conf_print.h"
#include "file.h"
#include "leatd_exec.h"

#include "base_assert.h"
#include "base_bits.h"

#include <string.h>
#include <unistd.h>

/* The options of a verb, and behind them those that leat alone knows. */
struct file_options {
	union {
		struct serve_options serve;
		struct load_options load;
	} of;
	const char *config;
	bool show;
};

#define USAGE_MAX 256

/* A verb with our rows behind its own. */
struct file_verb {
	struct opt_verb verb;
	const struct opt_verb *bare;
	struct opt_row row[OPT_ROW_MAX];
	char usage[USAGE_MAX];
};

static struct file_verb extended;

static bool read_config(void *options, const char *text, char *why, size_t size)
{
	if (*text == '\0') {
		snprintf(why, size, "`` is no file; for example lab-a.yaml");
		return false;
	}
	((struct file_options *)options)->config = text;
	return true;
}

/* With a file or an environment, or to be shown, options are not looked at together: what those have
 * comes to them. */
static bool check(void *options, uint64_t given, char *why, size_t size)
{
	const struct file_options *o = options;

	return o->config || o->show || leat_file_has_env(environ) ||
	       extended.bare->check(options, given, why, size);
}

static bool has_letter(const struct opt_verb *verb, char letter)
{
	for (uint32_t i = 0; i < verb->row_cnt; i++)
		if (verb->row[i].letter == letter)
			return true;
	return false;
}

const struct opt_verb *leat_cmd_with_file(const struct opt_verb *bare)
{
	const struct opt_row config = {.name = "config",
		.letter = has_letter(bare, 'c') ? '\0' : 'c',
		.kind = OPT_KIND_OTHER,
		.read = read_config,
		.metavar = "FILE",
		.sentence = "take the rest from this file; options here go before what it says "
			    "(docs/config.md; leat check --keys)"};
	const struct opt_row show = {.name = "show",
		.kind = OPT_KIND_FLAG,
		.at = offsetof(struct file_options, show),
		.sentence = "print every key of a file, what holds for it, and where that comes "
			    "from, instead"};
	struct file_verb *e = &extended;

	ASSERT(bare->row_cnt + 2 <= OPT_ROW_MAX);
	e->bare = bare;
	e->verb = *bare;
	e->verb.row = e->row;
	e->verb.check = check;
	e->verb.usage = e->usage;
	memcpy(e->row, bare->row, bare->row_cnt * sizeof(e->row[0]));
	e->row[e->verb.row_cnt++] = config;
	if (bare == &leat_opt_plan)
		e->row[e->verb.row_cnt++] = show;
	snprintf(e->usage, sizeof(e->usage), "%s\n       @ %s %s FILE [OPTION]...", bare->usage,
		bare->name, config.letter ? "-c" : "--config");
	return &e->verb;
}

/* join makes the line of a file and the options that were given; an exit code when it cannot, or
 * when the file was to be shown only, else -1. */
static int join(struct file *f, const struct opt_verb *bare, const struct file_options *o,
	const struct opt_line *given, struct opt_line *line)
{
	/* What plan plans is what serve would take. */
	const struct opt_verb *verb = bare == &leat_opt_load ? bare : &leat_opt_serve;

	if (!leat_file_read(f, o->config, stderr))
		return OPT_EXIT_CONFIG;
	leat_file_environment(f, o->show ? NULL : verb, environ);
	leat_file_override(f, verb, given);
	if (!leat_file_finish(f, o->show ? NULL : verb, stderr))
		return OPT_EXIT_CONFIG;
	if (o->show) {
		leat_conf_print_show(&f->conf, o->config, stdout);
		return OPT_EXIT_OK;
	}
	if (leat_file_line(f, verb, given, line))
		return -1;
	fprintf(stderr, "%s: more than leatd takes on a command line; leave something out\n",
		o->config ? o->config : "environment");
	return OPT_EXIT_CONFIG;
}

int leat_cmd_file(const struct opt_verb *bare, int argc, char **argv)
{
	static struct file_options o;
	static struct file file;
	const struct opt_verb *verb = leat_cmd_with_file(bare);
	struct opt_line given, line;
	int done = leat_opt_begin(verb, argc, argv, &o, &given);

	if (done >= 0)
		return done;
	if (!o.config && !o.show && !leat_file_has_env(environ))
		return leat_leatd_exec(verb->name, &given);
	done = join(&file, bare, &o, &given, &line);
	return done >= 0 ? done : leat_leatd_exec(verb->name, &line);
}
