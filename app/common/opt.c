/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt.h"

#include "base_assert.h"
#include "text.h"

#include <getopt.h>
#include <string.h>

#define VAL_HELP 'h'
#define VAL_ROW  256 /* + index of the row */

/* The tables of getopt_long; its letters begin with ':' so that it tells a missing value apart. */
struct tables {
	struct option longs[OPT_ROW_MAX + 2];
	char letters[3 * OPT_ROW_MAX + 4];
};

static bool takes_value(const struct opt_row *row)
{
	return row->kind != OPT_KIND_FLAG && row->kind != OPT_KIND_COUNT;
}

static void make_tables(const struct opt_verb *verb, struct tables *t)
{
	char *p = t->letters;
	uint32_t i;

	ASSERT(verb->row_cnt <= OPT_ROW_MAX);
	*p++ = ':';
	for (i = 0; i < verb->row_cnt; i++) {
		const struct opt_row *row = &verb->row[i];
		t->longs[i] = (struct option){.name = row->name,
			.has_arg = takes_value(row) ? required_argument : no_argument,
			.val = VAL_ROW + (int)i};
		if (row->letter)
			*p++ = row->letter;
		if (row->letter && takes_value(row))
			*p++ = ':';
	}
	t->longs[i++] = (struct option){.name = "help", .val = VAL_HELP};
	t->longs[i] = (struct option){0};
	*p++ = VAL_HELP;
	*p = '\0';
}

static const struct opt_row *row_of(const struct opt_verb *verb, int val)
{
	if (val >= VAL_ROW)
		return &verb->row[val - VAL_ROW];
	for (uint32_t i = 0; i < verb->row_cnt; i++)
		if (verb->row[i].letter && verb->row[i].letter == (char)val)
			return &verb->row[i];
	return NULL;
}

static enum opt_result refuse(
	const struct opt_verb *verb, const struct opt_row *row, const char *why, FILE *err)
{
	fprintf(err, "leat %s: %s%s%s%s\n", verb->name, row ? "--" : "", row ? row->name : "",
		row ? ": " : "", why);
	return OPT_RESULT_BAD;
}

/* Rows whose name begins with text; the first two are written to why. */
static uint32_t say_ambiguous(const struct opt_verb *verb, const char *text, char *why, size_t size)
{
	const char *name[2] = {"", ""};
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < verb->row_cnt; i++) {
		if (strncmp(verb->row[i].name, text, strlen(text)) != 0)
			continue;
		if (cnt < 2)
			name[cnt] = verb->row[i].name;
		cnt++;
	}
	snprintf(why, size, "--%s could be --%s or --%s; write it out", text, name[0], name[1]);
	return cnt;
}

/* getopt_long did not know this one: a flag with a value, an ambiguous or a wrong name. */
static enum opt_result say_unknown(const struct opt_verb *verb, char **argv, FILE *err)
{
	const struct opt_row *flag = optopt ? row_of(verb, optopt) : NULL;
	const char *names[OPT_ROW_MAX + 2], *near;
	char why[OPT_WHY_MAX], text[64];
	uint32_t i;

	if (flag || optopt == VAL_HELP) {
		snprintf(why, sizeof(why), "takes no value: --%s", flag ? flag->name : "help");
		return refuse(verb, flag, why, err);
	}
	if (optopt) {
		snprintf(why, sizeof(why), "-%c: no such option; see %s help %s", optopt,
			leat_text_call(), verb->name);
		return refuse(verb, NULL, why, err);
	}
	snprintf(text, sizeof(text), "%s", argv[optind - 1] + strspn(argv[optind - 1], "-"));
	text[strcspn(text, "=")] = '\0';
	if (say_ambiguous(verb, text, why, sizeof(why)) > 1)
		return refuse(verb, NULL, why, err);
	for (i = 0; i < verb->row_cnt; i++)
		names[i] = verb->row[i].name;
	names[i++] = "help";
	names[i] = NULL;
	near = leat_opt_nearest(text, names);
	if (near)
		snprintf(why, sizeof(why), "--%s: no such option; did you mean --%s?", text, near);
	else
		snprintf(why, sizeof(why), "--%s: no such option; see %s help %s", text,
			leat_text_call(), verb->name);
	return refuse(verb, NULL, why, err);
}

static enum opt_result say_missing(const struct opt_verb *verb, FILE *err)
{
	const struct opt_row *row = row_of(verb, optopt);
	char why[OPT_WHY_MAX];

	ASSERT(row);
	snprintf(why, sizeof(why), "needs a value: --%s %s", row->name,
		row->fallback ? row->fallback : row->metavar);
	return refuse(verb, row, why, err);
}

/* take_stray gives a word without dashes to the verb, or refuses it. */
static enum opt_result take_stray(
	const struct opt_verb *verb, const char *text, void *options, FILE *err)
{
	char why[OPT_WHY_MAX];

	if (verb->stray)
		return verb->stray(options, text, why, sizeof(why)) ? OPT_RESULT_OK
								    : refuse(verb, NULL, why, err);
	for (uint32_t i = 0; i < verb->row_cnt; i++) {
		if (strcmp(verb->row[i].name, text) != 0)
			continue;
		snprintf(why, sizeof(why), "`%s` is no option without dashes: --%s?", text, text);
		return refuse(verb, NULL, why, err);
	}
	snprintf(why, sizeof(why), "`%s` belongs to no option; see %s help %s", text,
		leat_text_call(), verb->name);
	return refuse(verb, NULL, why, err);
}

bool leat_opt_line_add(struct opt_line *line, const char *name, const char *value)
{
	size_t room = sizeof(line->text) - line->text_octets;
	char *at = line->text + line->text_octets;
	int cnt = snprintf(at, room, "--%s%s%s", name, value ? "=" : "", value ? value : "");

	if (cnt < 0 || (size_t)cnt >= room || line->argc == OPT_LINE_MAX)
		return false;
	line->text_octets += (size_t)cnt + 1;
	line->argv[line->argc++] = at;
	line->argv[line->argc] = NULL;
	return true;
}

/* is_file: it was meant for --config, as -c is in other programs. */
static bool is_file(const char *text)
{
	const char *dot = strrchr(text, '.');

	return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static enum opt_result take(const struct opt_verb *verb, const struct opt_row *row, void *options,
	struct opt_line *line, FILE *err)
{
	const char *value = takes_value(row) ? optarg : NULL;
	char why[OPT_WHY_MAX];

	if (!leat_opt_read(row, value, options, why, sizeof(why))) {
		if (row->kind == OPT_KIND_NUMBER && is_file(value))
			snprintf(why, sizeof(why), "`%s` is not a number; a file is --config %s",
				value, value);
		return refuse(verb, row, why, err);
	}
	if (line && !leat_opt_line_add(line, row->name, value))
		return refuse(verb, row, "the command line is too long; leave something out", err);
	return OPT_RESULT_OK;
}

enum opt_result leat_opt_parse(const struct opt_verb *verb, int argc, char **argv, void *options,
	struct opt_line *line, FILE *err)
{
	enum opt_result result = OPT_RESULT_OK;
	const struct opt_row *row;
	char why[OPT_WHY_MAX];
	uint64_t given = 0;
	struct tables t;
	int val;

	make_tables(verb, &t);
	verb->defaults(options);
	if (line)
		line->argc = 0, line->text_octets = 0, line->argv[0] = NULL;
	optind = 0; /* from the start, whoever used it before */
	opterr = 0;
	while (result == OPT_RESULT_OK &&
		(val = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
		if (val == VAL_HELP)
			return OPT_RESULT_HELP;
		if (val == '?')
			return say_unknown(verb, argv, err);
		if (val == ':')
			return say_missing(verb, err);
		row = row_of(verb, val);
		given |= opt_given_bit((uint32_t)(row - verb->row));
		result = take(verb, row, options, line, err);
	}
	for (; result == OPT_RESULT_OK && optind < argc; optind++)
		result = take_stray(verb, argv[optind], options, err);
	if (result == OPT_RESULT_OK && !verb->check(options, given, why, sizeof(why)))
		return refuse(verb, NULL, why, err);
	return result;
}
