/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "base_bits.h"
#include "text.h"
#include "watch_word.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 32
#define NAMES_MAX 512

struct explain_options {
	bool json;
	const char *name[WORDS_MAX];
	uint32_t name_cnt;
};

#define AT(member) offsetof(struct explain_options, member)

static bool read_name(void *options, const char *text, char *why, size_t size)
{
	struct explain_options *o = options;

	if (o->name_cnt == WORDS_MAX) {
		snprintf(why, size, "at most %d words at a time", WORDS_MAX);
		return false;
	}
	o->name[o->name_cnt++] = text;
	return true;
}

static const struct opt_row row[] = {
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "a line of JSON for each"},
};

static void defaults(void *options)
{
	*(struct explain_options *)options = (struct explain_options){0};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	(void)options;
	(void)given;
	(void)why;
	(void)size;
	return true;
}

const struct opt_verb leat_opt_explain = {
	.name = "explain",
	.one_line = "Say what a counter, a drop reason, a verdict or an ending means",
	.usage = "@ explain [OPTION]... [NAME]...",
	.prose = "Without a NAME: all there are.\n\n"
		 "Exit 0, 1 when there is no such word.\n\n"
		 "  @ explain drop_tcp_csum\n"
		 "  @ explain -j\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.stray = read_name,
	.defaults = defaults,
	.check = check,
};

static void print(const struct watch_word *w, bool json)
{
	bool rfc = strcmp(w->where, "-") != 0;

	if (json) /* nothing in the tables wants an escape */
		printf("{\"schema\":\"leat.word/"
		       "1\",\"kind\":\"%s\",\"name\":\"%s\",\"where\":%s%s%s,"
		       "\"sentence\":\"%s\"}\n",
			leat_watch_word_kind_name(w->kind), w->name, rfc ? "\"" : "",
			rfc ? w->where : "null", rfc ? "\"" : "", w->sentence);
	else
		printf("%-10s %-20s %s%s%s%s\n", leat_watch_word_kind_name(w->kind), w->name,
			w->sentence, rfc ? " (" : "", rfc ? w->where : "", rfc ? ")" : "");
}

static void list(bool json)
{
	const struct watch_word *w;

	for (uint32_t i = 0; (w = leat_watch_word(i)) != NULL; i++)
		print(w, json);
}

static int unknown(const char *name)
{
	const char *names[NAMES_MAX];
	const struct watch_word *w;
	uint32_t cnt = 0;

	for (uint32_t i = 0; (w = leat_watch_word(i)) != NULL && cnt < NAMES_MAX - 1; i++)
		names[cnt++] = w->name;
	for (uint32_t i = 0; leat_watch_word_other_at(i) != NULL && cnt < NAMES_MAX - 1; i++)
		names[cnt++] = leat_watch_word_other_at(i);
	names[cnt] = NULL;
	const char *near = leat_opt_nearest(name, names);
	if (near != NULL)
		fprintf(stderr, "leat explain: there is no `%s`; did you mean %s?\n", name, near);
	else
		fprintf(stderr, "leat explain: there is no `%s`; %s explain lists what there is\n",
			name, leat_text_call());
	return OPT_EXIT_USAGE;
}

static int explain(const char *name, bool json)
{
	const char *other = leat_watch_word_other(name);
	const struct watch_word *w;
	uint32_t i = 0, cnt = 0;

	for (; (w = leat_watch_word_find(name, &i)) != NULL; i++, cnt++)
		print(w, json);
	if (other != NULL)
		for (i = 0; (w = leat_watch_word_find(other, &i)) != NULL; i++, cnt++)
			print(w, json);
	return cnt != 0 ? OPT_EXIT_OK : unknown(name);
}

int leat_cmd_explain(int argc, char **argv)
{
	struct explain_options o;
	int code = OPT_EXIT_OK;

	switch (leat_opt_parse(&leat_opt_explain, argc, argv, &o, NULL, stderr)) {
	case OPT_RESULT_OK:
		break;
	case OPT_RESULT_HELP:
		leat_opt_help(&leat_opt_explain, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		return OPT_EXIT_USAGE;
	}
	if (o.name_cnt == 0)
		list(o.json);
	for (uint32_t i = 0; i < o.name_cnt && code == OPT_EXIT_OK; i++)
		code = explain(o.name[i], o.json);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "leat explain: stdout: %s\n", strerror(errno));
	return OPT_EXIT_FAILED;
}
