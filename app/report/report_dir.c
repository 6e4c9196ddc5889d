/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_dir.h"

#include "base_bits.h"
#include "hdr.h"
#include "load_text.h"
#include "report_html.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL_SECONDS 10 /* between two reports of a run that goes on */
#define FILE_PATH_MAX   (REPORT_PATH_MAX + 32)
#define HLOG            "latency.hlog"

static void write_config(const struct load_result *r, FILE *out)
{
	fputs(r->where.config != NULL ? r->where.config : "", out);
}

/* Names, files, and who writes them; the log is written while it runs. */
static const struct {
	const char *name, *file;
	void (*write)(const struct load_result *r, FILE *out);
} format[REPORT_FORMAT_CNT] = {
	[REPORT_FORMAT_JSON] = {"json", "report.json", leat_load_json},
	[REPORT_FORMAT_HTML] = {"html", "report.html", leat_report_html},
	[REPORT_FORMAT_HLOG] = {"hlog", HLOG, NULL},
	[REPORT_FORMAT_CSV] = {"csv", "series.csv", leat_load_csv},
	[REPORT_FORMAT_CONFIG] = {"config", "config", write_config},
	[REPORT_FORMAT_ENV] = {"env", "env.json", leat_load_env_json},
};

bool leat_report_formats(const char *text, uint32_t *formats, char *why, size_t size)
{
	*formats = 0;
	for (;; text++) {
		size_t octets = strcspn(text, ",");
		uint32_t found = 0;

		for (uint32_t i = 0; i < REPORT_FORMAT_CNT; i++)
			if (strlen(format[i].name) == octets &&
				strncmp(format[i].name, text, octets) == 0)
				found = 1u << i;
		*formats |= found;
		if (found == 0) {
			snprintf(why, size,
				"`%.*s` is none of json, html, hlog, csv, config and env",
				(int)octets, text);
			return false;
		}
		text += octets;
		if (*text == '\0')
			return true;
	}
}

static bool has(const struct report_dir *d, enum report_format f)
{
	return (d->formats >> f & 1) != 0;
}

static bool make_dirs(const char *path)
{
	char part[REPORT_PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			return false;
		*at = '/';
	}
	return mkdir(part, 0777) == 0 || errno == EEXIST;
}

bool leat_report_dir_open(
	struct report_dir *d, const char *path, uint32_t formats, char *why, size_t size)
{
	char file[FILE_PATH_MAX];

	d->formats = formats;
	d->hlog = NULL;
	d->hlog_at_ns = 0;
	d->second_cnt = 0;
	if ((size_t)snprintf(d->path, sizeof(d->path), "%s", path) >= sizeof(d->path)) {
		snprintf(why, size, "is too long a name");
		return false;
	}
	if (!make_dirs(path)) {
		snprintf(why, size, "cannot be made: %s", strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < REPORT_FORMAT_CNT; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, format[i].file);
		if (access(file, F_OK) != 0)
			continue;
		snprintf(why, size, "has a %s already; name another", format[i].file);
		return false;
	}
	if (has(d, REPORT_FORMAT_HLOG)) {
		snprintf(file, sizeof(file), "%s/" HLOG ".partial", path);
		d->hlog = fopen(file, "we");
	}
	if (access(path, W_OK) == 0 && (d->hlog != NULL || !has(d, REPORT_FORMAT_HLOG)))
		return true;
	snprintf(why, size, "cannot be written to: %s", strerror(errno));
	return false;
}

/* write_file writes one whole, beside its name, and gives it the name. */
static bool write_file(
	const struct report_dir *d, const struct load_result *r, enum report_format f)
{
	char beside[FILE_PATH_MAX], path[FILE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", d->path, format[f].file);
	snprintf(beside, sizeof(beside), "%s/.%s.new", d->path, format[f].file);
	FILE *out = fopen(beside, "we");
	if (out == NULL)
		return false;
	format[f].write(r, out);
	bool good = fflush(out) == 0 && !ferror(out) && fsync(fileno(out)) == 0;
	good = fclose(out) == 0 && good && rename(beside, path) == 0;
	if (!good)
		unlink(beside);
	return good;
}

/* write_so_far leaves a report for the case that there will be no other. */
static void write_so_far(struct report_dir *d, const struct load_result *r, uint64_t at_ns)
{
	struct load_result *p = &d->so_far;

	*p = *r;
	p->partial = true;
	p->balanced = true; /* the laws are of the end; none is known to be broken */
	p->ran_ns = at_ns;
	p->verdict = LOAD_VERDICT_INCONCLUSIVE;
	snprintf(p->why, sizeof(p->why), "it was still running when this was written");
	write_file(d, p, REPORT_FORMAT_JSON);
}

void leat_report_dir_second(void *arg, const struct load_result *r,
	const struct load_second *second, const struct hist delta[LOAD_HIST_CNT])
{
	struct report_dir *d = arg;
	uint64_t from = d->hlog_at_ns;

	if (d->hlog != NULL && d->second_cnt == 0)
		leat_hdr_log_head(r->start_unix_ns, d->hlog);
	for (uint32_t k = 0; d->hlog != NULL && k < LOAD_HIST_CNT; k++)
		if (delta[k].total_cnt != 0)
			leat_hdr_log_line(leat_load_hist_key((enum load_hist)k), from,
				second->at_ns - from, &delta[k], d->hlog);
	if (d->hlog != NULL)
		fflush(d->hlog);
	d->hlog_at_ns = second->at_ns;
	if (d->second_cnt++ % PARTIAL_SECONDS == 0 && has(d, REPORT_FORMAT_JSON))
		write_so_far(d, r, second->at_ns);
}

static bool close_hlog(struct report_dir *d, const struct load_result *r)
{
	char partial[FILE_PATH_MAX], path[FILE_PATH_MAX];

	if (d->second_cnt == 0)
		leat_hdr_log_head(r->start_unix_ns, d->hlog);
	bool good = fflush(d->hlog) == 0 && !ferror(d->hlog) && fsync(fileno(d->hlog)) == 0;

	snprintf(partial, sizeof(partial), "%s/" HLOG ".partial", d->path);
	snprintf(path, sizeof(path), "%s/" HLOG, d->path);
	good = fclose(d->hlog) == 0 && good && rename(partial, path) == 0;
	d->hlog = NULL;
	return good;
}

bool leat_report_dir_write(
	struct report_dir *d, const struct load_result *r, char *why, size_t size)
{
	for (uint32_t i = 0; i < REPORT_FORMAT_CNT; i++) {
		if (!has(d, i) ||
			(i == REPORT_FORMAT_HLOG ? close_hlog(d, r) : write_file(d, r, i)))
			continue;
		snprintf(why, size, "%s/%s cannot be written: %s", d->path, format[i].file,
			strerror(errno));
		return false;
	}
	return true;
}

void leat_report_dir_print(const struct report_dir *d, FILE *out)
{
	const char *between = "";

	fprintf(out, "  written  %s/{", d->path);
	for (uint32_t i = 0; i < REPORT_FORMAT_CNT; i++) {
		if (!has(d, i))
			continue;
		fprintf(out, "%s%s", between, format[i].file);
		between = ",";
	}
	fprintf(out, "}\n");
}
