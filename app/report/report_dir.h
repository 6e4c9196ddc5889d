/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_DIR_H
#define LEAT_REPORT_DIR_H

/* report_dir: the directory of a run.
 *
 *	report.json    the result (leat.run/1)          while it runs: every 10 s, marked partial
 *	report.html    the same as one page
 *	latency.hlog   HdrHistogram log, a line per second and kind   ... latency.hlog.partial
 *	series.csv     the seconds
 *	config         what was asked for, one option a line
 *	env.json       where it ran
 *
 * Each file is written beside its name and renamed when it is whole, so that what has its name is
 * complete; a generator that dies leaves a report that says so.  A directory that has a report is
 * not written to a second time.
 *
 * Memory     of the owner.
 * Affinity   the control thread.
 * Errors     false, with a clause in why. */

#include "load_result.h"
#include "opt.h"

#include <stdbool.h>
#include <stdio.h>

#define REPORT_PATH_MAX 3072

enum report_format {
	REPORT_FORMAT_JSON,
	REPORT_FORMAT_HTML,
	REPORT_FORMAT_HLOG,
	REPORT_FORMAT_CSV,
	REPORT_FORMAT_CONFIG,
	REPORT_FORMAT_ENV,
	REPORT_FORMAT_CNT
};

#define REPORT_FORMAT_ALL ((1u << REPORT_FORMAT_CNT) - 1)

struct report_dir {
	char path[REPORT_PATH_MAX];
	uint32_t formats;    /* a bit for each */
	FILE *hlog;          /* while it runs */
	uint64_t hlog_at_ns; /* end of its last line */
	uint32_t second_cnt;
	struct load_result so_far;
};

/* What was asked for, as texts. */
struct report_config {
	char command[OPT_LINE_OCTETS + 4 * OPT_LINE_MAX]; /* to be typed again */
	char lines[OPT_LINE_OCTETS + OPT_LINE_MAX];       /* an option a line */
	char hash[20];                                    /* of those that segments share */
};

/* leat_report_formats reads "json,html" into bits; false: it names one that there is not. */
bool leat_report_formats(const char *text, uint32_t *formats, char *why, size_t size);

/* leat_report_config makes the texts of the options of a verb. */
void leat_report_config(struct report_config *c, const char *verb, const struct opt_line *line);

/* leat_report_config_other finds a line, NAME=VALUE, that one of two texts of options (NULL: none)
 * has and the other lacks, of those that segments share; NULL: there is none. */
const char *leat_report_config_other(const char *a, const char *b);

/* leat_report_dir_open makes the directory, and those above it. */
bool leat_report_dir_open(
	struct report_dir *d, const char *path, uint32_t formats, char *why, size_t size);

/* leat_report_dir_second is told of each second (struct load_sink); arg is a struct report_dir. */
void leat_report_dir_second(void *arg, const struct load_result *r,
	const struct load_second *second, const struct hist delta[LOAD_HIST_CNT]);

/* leat_report_dir_write writes all files of the finished run. */
bool leat_report_dir_write(
	struct report_dir *d, const struct load_result *r, char *why, size_t size);

/* leat_report_dir_print writes what there is: "runs/a/{report.json,...}". */
void leat_report_dir_print(const struct report_dir *d, FILE *out);

#endif
