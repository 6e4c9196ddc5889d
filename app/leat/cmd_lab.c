/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "lab_print.h"
#include "opt_lab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int say(const char *what, const char *why, int code)
{
	fprintf(stderr, "leat lab: %s: %s\n", what, why);
	return code;
}

static int run(const struct lab_report *report, struct lab_row *row, FILE *svg)
{
	leat_lab_print_begin(report);
	for (uint32_t i = 0; i < report->row_cnt; i++) {
		if (!leat_lab_run(&report->sweep->world, &row[i].c, &row[i].result))
			return say("memory", "not enough for the next run; give fewer --ports",
				OPT_EXIT_RESOURCE);
		leat_lab_print_row(report, i);
		if (fflush(stdout) != 0)
			return OPT_EXIT_FAILED;
	}
	leat_lab_print_end(report);
	if (svg != NULL)
		leat_lab_svg(report, svg);
	return leat_lab_broken(row, report->row_cnt) > 0 ? OPT_EXIT_FAILED : OPT_EXIT_OK;
}

/* The chart's file is there before anything is run, so that a wrong name costs no time. */
static int run_and_draw(
	const struct lab_options *o, const struct lab_report *report, struct lab_row *row)
{
	FILE *svg = o->svg != NULL ? fopen(o->svg, "w") : NULL;
	char what[OPT_WHY_MAX];
	int code;

	snprintf(what, sizeof(what), "--svg: `%s`", o->svg != NULL ? o->svg : "");
	if (o->svg != NULL && svg == NULL)
		return say(what, strerror(errno), OPT_EXIT_USAGE);
	code = run(report, row, svg);
	if (svg != NULL && fclose(svg) != 0 && code == OPT_EXIT_OK)
		return say(what, strerror(errno), OPT_EXIT_FAILED);
	return code;
}

static int lab(const struct lab_options *o, int argc, char **argv)
{
	uint32_t cnt = leat_lab_sweep_cases(&o->sweep, NULL, 0);
	struct lab_row *row = calloc(cnt, sizeof(*row));
	const struct lab_report report = {
		.out = stdout,
		.form = o->json  ? LAB_FORM_JSON
			: o->csv ? LAB_FORM_CSV
				 : LAB_FORM_TABLE,
		.version = LEAT_VERSION,
		.argc = argc,
		.argv = argv,
		.sweep = &o->sweep,
		.row = row,
		.row_cnt = cnt,
	};
	int code;

	if (row == NULL)
		return say("memory", "not enough for the rows", OPT_EXIT_RESOURCE);
	leat_lab_sweep_cases(&o->sweep, row, cnt);
	code = run_and_draw(o, &report, row);
	free(row);
	return code;
}

int leat_cmd_lab(int argc, char **argv)
{
	struct lab_options options;
	int done = leat_opt_begin(&leat_opt_lab, argc, argv, &options, NULL);

	return done >= 0 ? done : lab(&options, argc, argv);
}
