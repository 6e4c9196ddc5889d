/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt.h"

#include "text.h"

#include <string.h>

#define HELP_COLUMN 25 /* where sentences begin */
#define HELP_WIDTH  79
#define WORD_MAX    32

/* Words of text from column at on, lines broken before HELP_WIDTH and indented to HELP_COLUMN. */
static size_t put_words(FILE *out, size_t at, const char *text)
{
	while (*text) {
		size_t word = strcspn(text, " ");
		if (at > HELP_COLUMN && at + 1 + word > HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_COLUMN, "");
			at = HELP_COLUMN;
		} else if (at > HELP_COLUMN) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)word, text);
		at += word;
		text += word + (text[word] == ' ');
	}
	return at;
}

static bool has_range(const struct opt_row *row)
{
	return row->kind >= OPT_KIND_NUMBER && row->kind <= OPT_KIND_PERCENT;
}

void leat_opt_range_text(const struct opt_row *row, char *text, size_t size)
{
	char from[32], to[32];
	int at = 0;

	text[0] = '\0';
	if (has_range(row)) {
		leat_opt_value_text(row, row->from, from, sizeof(from));
		leat_opt_value_text(row, row->to, to, sizeof(to));
		at = snprintf(text, size, "from %s to %s", from, to);
	}
	if (row->fallback)
		snprintf(text + at, size - (size_t)at, "%sdefault %s", at ? "; " : "",
			row->fallback);
}

static void put_row(const struct opt_row *row, FILE *out)
{
	char name[64], range[OPT_RANGE_MAX], whole[OPT_RANGE_MAX + 2] = "";
	int at = snprintf(name, sizeof(name), row->letter ? "  -%c, --%s" : "  %c   --%s",
		row->letter ? row->letter : ' ', row->name);

	if (row->metavar)
		at += snprintf(name + at, sizeof(name) - (size_t)at, " %s", row->metavar);
	if (at > HELP_COLUMN - 2)
		fprintf(out, "%s\n%*s", name, HELP_COLUMN, "");
	else
		fprintf(out, "%-*s", HELP_COLUMN, name);
	leat_opt_range_text(row, range, sizeof(range));
	if (range[0] != '\0')
		snprintf(whole, sizeof(whole), "(%s)", range);
	put_words(out, put_words(out, HELP_COLUMN, row->sentence), whole);
	fputc('\n', out);
}

void leat_opt_prose(const char *text, FILE *out)
{
	for (const char *at; (at = strchr(text, '@')) != NULL; text = at + 1)
		fprintf(out, "%.*s%s", (int)(at - text), text, leat_text_call());
	fputs(text, out);
}

void leat_opt_help(const struct opt_verb *verb, FILE *out)
{
	static const struct opt_row help = {
		.name = "help", .letter = 'h', .sentence = "print this and end"};

	fputs("usage: ", out);
	leat_opt_prose(verb->usage, out);
	fprintf(out, "\n\n%s.\n\n", verb->one_line);
	for (uint32_t i = 0; i < verb->row_cnt; i++)
		put_row(&verb->row[i], out);
	put_row(&help, out);
	fputc('\n', out);
	leat_opt_prose(verb->prose, out);
}

int leat_opt_begin(
	const struct opt_verb *verb, int argc, char **argv, void *options, struct opt_line *line)
{
	switch (leat_opt_parse(verb, argc, argv, options, line, stderr)) {
	case OPT_RESULT_OK:
		return -1;
	case OPT_RESULT_HELP:
		leat_opt_help(verb, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		break;
	}
	return OPT_EXIT_USAGE;
}
