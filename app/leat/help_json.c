/* SPDX-License-Identifier: BSD-3-Clause */
#include "help_json.h"

#include <stdlib.h>

/* need is value, which there is when there is memory. */
static json_t *need(json_t *value)
{
	if (value != NULL)
		return value;
	fputs("leat help: no memory\n", stderr);
	exit(OPT_EXIT_RESOURCE);
}

static json_t *prose(const char *text)
{
	size_t octets = 0;
	char *whole = NULL;
	FILE *out = open_memstream(&whole, &octets);

	if (out == NULL)
		return need(NULL);
	leat_opt_prose(text, out);
	json_t *value = fclose(out) == 0 ? json_stringn(whole, octets) : NULL;
	free(whole);
	return need(value);
}

static json_t *words(const char *const *word)
{
	json_t *all = need(json_array());

	for (; *word != NULL; word++)
		json_array_append_new(all, need(json_string(*word)));
	return all;
}

static json_t *option(const struct opt_row *row)
{
	json_t *o = need(json_pack("{ss,ss}", "name", row->name, "sentence", row->sentence));
	char range[OPT_RANGE_MAX];

	if (row->letter != 0)
		json_object_set_new(o, "letter", need(json_stringn(&row->letter, 1)));
	if (row->metavar != NULL)
		json_object_set_new(o, "value", need(json_string(row->metavar)));
	leat_opt_range_text(row, range, sizeof(range));
	if (range[0] != '\0')
		json_object_set_new(o, "range", need(json_string(range)));
	if (row->words != NULL)
		json_object_set_new(o, "words", words(row->words));
	return o;
}

json_t *leat_help_json(const struct opt_verb *verb)
{
	json_t *options = need(json_array());

	for (uint32_t i = 0; i < verb->row_cnt; i++)
		json_array_append_new(options, option(&verb->row[i]));
	json_t *all = need(json_pack("{ss,ss,so,so,so}", "name", verb->name, "one_line",
		verb->one_line, "usage", prose(verb->usage), "prose", prose(verb->prose), "options",
		options));
	if (verb->words != NULL)
		json_object_set_new(all, "words", words(verb->words));
	return all;
}

void leat_help_json_print(json_t *verbs, const char *version, FILE *out)
{
	json_t *all = need(json_pack(
		"{ss,ss,so}", "schema", "leat.help/1", "version", version, "verbs", verbs));

	json_dumpf(all, out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	json_decref(all);
	fputc('\n', out);
}
