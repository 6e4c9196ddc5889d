/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"
#include "conf_print.h"
#include "file.h"
#include "leatd_exec.h"

/* join makes the line of a file and the options that were given; an exit code when it cannot, or
 * when the file was to be shown only, else -1. */
static int join(struct file *f, const struct serve_options *o, const struct opt_line *given,
	struct opt_line *line)
{
	if (!leat_file_read(f, o->config, stderr))
		return OPT_EXIT_CONFIG;
	leat_file_override(f, given);
	if (!leat_file_finish(f, !o->show, stderr))
		return OPT_EXIT_CONFIG;
	if (o->show) {
		leat_conf_print_show(&f->conf, o->config, stdout);
		return OPT_EXIT_OK;
	}
	if (leat_file_line(f, given, line))
		return -1;
	fprintf(stderr, "%s: more than leatd takes on a command line; leave something out\n",
		o->config);
	return OPT_EXIT_CONFIG;
}

int leat_cmd_file(const struct opt_verb *verb, int argc, char **argv)
{
	static struct file file;
	struct opt_line given, line;
	struct serve_options o;
	int done;

	switch (leat_opt_parse(verb, argc, argv, &o, &given, stderr)) {
	case OPT_RESULT_OK:
		break;
	case OPT_RESULT_HELP:
		return leat_cmd_help(verb);
	case OPT_RESULT_BAD:
		return OPT_EXIT_USAGE;
	}
	if (!o.config && !o.show)
		return leat_leatd_exec(verb->name, &given);
	done = join(&file, &o, &given, &line);
	return done >= 0 ? done : leat_leatd_exec(verb->name, &line);
}
