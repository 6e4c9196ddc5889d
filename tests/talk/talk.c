/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the circle of sequence numbers is cut: N109 of the catalogue, and one that lets a few
 * segments pass before the wrap. */
static const uint32_t isns[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffc00, 0xfffffffe, 0xffffffff};

struct run {
	struct talk_totals totals;
	uint32_t case_cnt, failed_cnt;
	bool trace;
	bool wrong; /* the scripts that follow must fail, at their last line */
	bool spoil; /* they must fail because a control block is not what it was */
};

static void report(const struct talk *t)
{
	uint32_t line = t->at_line < t->file->line_cnt ? t->file->line[t->at_line].no : 0;

	printf("# %s:%u", t->file->path, line);
	if (t->way.shifted)
		printf(" (ISN %u)", t->way.isn);
	printf("\n#   expected  %s\n#   got       %s\n", t->expected, t->got);
}

static bool play(struct run *run, const struct talk_file *file, struct talk_way way)
{
	struct talk *t = calloc(1, sizeof(*t));

	ASSERT(t != NULL);
	t->file = file;
	t->way = way;
	t->trace = run->trace;
	t->spoil = run->spoil;
	bool ok = leat_talk_play(t, &run->totals);
	if (run->spoil)
		ok = !ok && strstr(t->got, "cwnd") != NULL;
	if (run->wrong)
		ok = !ok && t->at_line + 1 >= file->line_cnt;
	if (!ok)
		report(t);
	free(t);
	return ok;
}

static void result(struct run *run, bool ok, const char *name, const char *how)
{
	run->case_cnt++;
	run->failed_cnt += !ok;
	printf("%s %u - %s%s%s\n", ok ? "ok" : "not ok", run->case_cnt, name, how,
		run->wrong || run->spoil ? ": it fails" : "");
	fflush(stdout);
}

static bool has_option(const struct talk_file *file, const char *option)
{
	for (uint32_t i = 0; i < file->line_cnt; i++) {
		struct talk_scan s = {file->line[i].text};
		if (leat_talk_take(&s, option))
			return true;
	}
	return false;
}

static void run_file(struct run *run, const char *path)
{
	struct talk_file *file = malloc(sizeof(*file));
	bool wrapped = true;

	ASSERT(file != NULL);
	if (!leat_talk_load(path, file)) {
		result(run, false, path, "");
		free(file);
		return;
	}
	bool only6 = has_option(file, "ipv6");
	if (!only6)
		result(run, play(run, file, (struct talk_way){0}), file->name, " (IPv4)");
	if (!has_option(file, "ipv4"))
		result(run, play(run, file, (struct talk_way){.ip6 = true}), file->name, " (IPv6)");
	for (size_t i = 0; i < COUNT_OF(isns) && wrapped; i++)
		wrapped = play(run, file, (struct talk_way){only6, true, isns[i]});
	result(run, wrapped, file->name, " (wrap)");
	free(file);
}

static int is_script(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".talk") == 0;
}

/* run_path plays a script, or all scripts of a directory in order of their names. */
static void run_path(struct run *run, const char *path)
{
	struct dirent **entries;
	char text[4096];
	int cnt = scandir(path, &entries, is_script, alphasort);

	if (cnt < 0) {
		run_file(run, path);
		return;
	}
	for (int i = 0; i < cnt; i++) {
		snprintf(text, sizeof(text), "%s/%s", path, entries[i]->d_name);
		run_file(run, text);
		free(entries[i]);
	}
	free(entries);
}

static void check_cover(struct run *run)
{
	bool all = true;

	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++) {
		if (run->totals.arrow[i])
			continue;
		all = false;
		printf("# never walked: %s\n", leat_tcp_arrow_name((enum tcp_arrow)i));
	}
	result(run, all, "every arrow of tcp_fsm.def is walked", "");
	all = true;
	for (uint32_t i = 0; i < TCP_V_CNT; i++) {
		if (run->totals.verdict[i])
			continue;
		all = false;
		printf("# never reached: %s\n", leat_tcp_verdict_name((enum tcp_verdict)i));
	}
	result(run, all, "every verdict of tcp_verdict.def is reached", "");
	printf("# of %llu segments the fast path took %llu\n",
		(unsigned long long)run->totals.segments, (unsigned long long)run->totals.fast);
	if (LEAT_FAST_PATH)
		result(run, run->totals.fast > 0, "the fast path takes segments", "");
}

static int say_usage(void)
{
	fprintf(stderr, "usage: talk [--trace] [--cover] FILE|DIRECTORY... [--wrong "
			"FILE|DIRECTORY...] [--spoil FILE|DIRECTORY...]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct run run = {0};
	bool cover = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--cover") == 0)
			cover = true;
		else if (strcmp(argv[i], "--trace") == 0)
			run.trace = true;
		else if (strcmp(argv[i], "--wrong") == 0)
			run.wrong = true;
		else if (strcmp(argv[i], "--spoil") == 0)
			run.spoil = true;
		else if (argv[i][0] == '-')
			return say_usage();
		else
			run_path(&run, argv[i]);
	}
	if (argc < 2)
		return say_usage();
	run.wrong = run.spoil = false;
	if (cover)
		check_cover(&run);
	printf("1..%u\n", run.case_cnt);
	return run.failed_cnt != 0;
}
