/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_print.h"

#include "base_bits.h"

#include <stdlib.h>
#include <string.h>

#define ORIGIN_COLUMN 40
#define PAGE_HEAD     "| key | value | default | option | |\n|---|---|---|---|---|\n"
#define VALUE_MAX     (2 * CONF_SCALAR_MAX + 8)

void leat_conf_print_errors(const struct conf *c, const char *file, const char *done, FILE *out)
{
	const struct conf_errors *e = &c->errors;

	for (uint32_t i = 0; i < e->kept; i++) {
		const struct conf_error *x = &e->error[i];
		if (x->line && file)
			fprintf(out, "%s:%u:%u: ", file, x->line, x->col);
		fprintf(out, "%s%s%s\n", x->key, *x->key ? ": " : "", x->text);
	}
	if (e->cnt > e->kept)
		fprintf(out, "%u more are not listed.\n", e->cnt - e->kept);
	fprintf(out, "%u error%s.  Nothing was %s.\n", e->cnt, e->cnt == 1 ? "" : "s", done);
}

/* scalar writes text so that YAML reads the same: plain where that is sure, else in quotes. */
static const char *scalar(const char *text, char out[VALUE_MAX])
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789./_-%,:";
	size_t octets = strlen(text), at = 0;

	if (octets && strspn(text, plain) == octets && *text != '-' && *text != '%' &&
		*text != ',' && *text != ':' && text[octets - 1] != ':') {
		snprintf(out, VALUE_MAX, "%s", text);
		return out;
	}
	out[at++] = '"';
	for (const char *p = text; *p && at < VALUE_MAX - 4; p++) {
		const char *escaped = *p == '\n' ? "n" : *p == '\t' ? "t" : *p == '"' ? "\"" : NULL;
		if (*p == '\\')
			escaped = "\\";
		if (escaped)
			out[at++] = '\\';
		out[at++] = escaped ? *escaped : *p;
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}

/* Where a value that was given comes from. */
static void put_origin(const struct conf_setting *s, const char *file, int at, FILE *out)
{
	fprintf(out, "%*s # ", at < ORIGIN_COLUMN ? ORIGIN_COLUMN - at : 0, "");
	if (s && s->option)
		fprintf(out, "%s%s\n", conf_of_env(s) ? "" : "--", s->option);
	else if (s && s->line)
		fprintf(out, "%s:%u\n", file, s->line);
	else
		fprintf(out, "default\n");
}

/* Where in the output we are: `indent` blanks, of which the last two are `- ` for the first key of
 * an entry of a list. */
struct pen {
	const struct conf *c;
	const char *file;
	FILE *out;
	int indent;
	bool entry;
	uint16_t section;
};

static int put_name(struct pen *p, const struct conf_key *key)
{
	char name[CONF_PATH_MAX];

	leat_conf_key_name(key, name);
	int at = fprintf(p->out, "%*s%s%s:", p->entry ? p->indent - 2 : p->indent, "",
		p->entry ? "- " : "", name);
	p->entry = false;
	return at;
}

static void put_list(struct pen *p, const struct conf_key *key)
{
	const struct conf_setting *s = leat_conf_find(p->c, key, p->section, NULL);
	char text[VALUE_MAX];

	put_name(p, key);
	fputc('\n', p->out);
	for (; s; s = leat_conf_find(p->c, key, p->section, s)) {
		int at = fprintf(p->out, "%*s- %s", p->indent + 2, "", scalar(s->text, text));
		put_origin(s, p->file, at, p->out);
	}
}

/* default_of is what holds for a key that nobody gave. */
static const char *default_of(const struct conf *c, const struct conf_key *key)
{
	if (key->type.kind == CONF_KIND_NAME)
		return c->name;
	/* Without it a client takes what its plan needs. */
	if (c->role == CONF_ROLE_CLIENT && strcmp(key->path, "shards.connections") == 0)
		return NULL;
	return key->type.fallback;
}

static void put_key(struct pen *p, const struct conf_key *key)
{
	const struct conf_setting *s = leat_conf_find(p->c, key, p->section, NULL);
	const char *value = s ? s->text : default_of(p->c, key);
	char text[VALUE_MAX], name[CONF_PATH_MAX];

	if (s && s->item != CONF_ITEM_NONE) {
		put_list(p, key);
		return;
	}
	if (!value) {
		leat_conf_key_name(key, name);
		fprintf(p->out, "%*s# %s: not given\n", p->indent, "", name);
		return;
	}
	int at = put_name(p, key);
	at += fprintf(p->out, " %s", scalar(value, text));
	put_origin(s, p->file, at, p->out);
}

/* put_keys writes the values of one section. */
static void put_keys(struct pen *p, const struct conf_key *section)
{
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		if (leat_conf_key_parent(key) == section && key->type.kind != CONF_KIND_SECTION &&
			leat_conf_applies(p->c, key, p->section))
			put_key(p, key);
	}
}

/* has_default says whether a key of a section has a value where the section is not given. */
static bool has_default(const struct conf_key *section)
{
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++)
		if (leat_conf_key_parent(&leat_conf_key[i]) == section &&
			leat_conf_key[i].type.fallback)
			return true;
	return false;
}

static void put_section(struct pen *p, const struct conf_key *key)
{
	put_name(p, key);
	fputc('\n', p->out);
	if (!leat_conf_key_is_list(key)) {
		p->indent = 2;
		put_keys(p, key);
		return;
	}
	for (p->section = 0; leat_conf_find(p->c, key, p->section, NULL); p->section++) {
		p->indent = 4;
		p->entry = true;
		put_keys(p, key);
	}
}

void leat_conf_print_show(const struct conf *c, const char *file, FILE *out)
{
	struct pen root = {.c = c, .file = file, .out = out, .section = CONF_ITEM_NONE};

	put_keys(&root, NULL);
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		bool list = leat_conf_key_is_list(key);
		bool there = leat_conf_find(c, key, list ? 0 : CONF_ITEM_NONE, NULL) != NULL;
		bool ours = !key->of_load || c->role != CONF_ROLE_SERVER;
		struct pen p = root;
		if (key->type.kind != CONF_KIND_SECTION || !(there || ours))
			continue;
		if (there || (!list && has_default(key)))
			put_section(&p, key);
		else
			fprintf(out, "# %.*s: not given\n", (int)strcspn(key->path, "["),
				key->path);
	}
}

static const char *kind_text(const struct conf_type *type)
{
	static const char *const text[] = {
		[CONF_KIND_NUMBER] = "number",
		[CONF_KIND_COUNT] = "count: 1000, 64k, 1M",
		[CONF_KIND_OCTETS] = "octets: 512, 64KiB, 1MiB",
		[CONF_KIND_DURATION] = "duration: 250ms, 60s, 2min",
		[CONF_KIND_PERCENT] = "share: 0.5%",
		[CONF_KIND_RATE] = "rate: 200k/s",
		[CONF_KIND_WORD] = "word",
		[CONF_KIND_SECTION] = "section",
		[CONF_KIND_TEXT] = "text",
		[CONF_KIND_SCRIPT] = "text, on lines or with `;`",
		[CONF_KIND_NAME] = "name",
	};

	return text[type->kind];
}

/* What may be given: words, or a range where the kind has one. */
static void range_text(const struct conf_type *type, char *text, size_t size)
{
	char from[32], to[32];
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; type->words && type->words[i] && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", type->words[i]);
	if (type->words || type->kind >= CONF_KIND_QUANTITY_CNT)
		return;
	leat_conf_value_text(type->kind, type->from, from, sizeof(from));
	leat_conf_value_text(type->kind, type->to, to, sizeof(to));
	snprintf(text, size, "%s to %s", from, to);
}

static const char *default_text(const struct conf_key *key)
{
	return key->need ? "must be given" : key->type.fallback ? key->type.fallback : "none";
}

static void print_key(const struct conf_key *key, FILE *out)
{
	char range[128];

	if (key->type.kind == CONF_KIND_SECTION) {
		fprintf(out, "\n%s%s: %s\n", key->path, key->need ? " (must be given)" : "",
			key->sentence);
		return;
	}
	range_text(&key->type, range, sizeof(range));
	fprintf(out, "  %-28s %s%s%s\n", key->path, kind_text(&key->type), *range ? "; " : "",
		range);
	fprintf(out, "  %-28s default: %s%s%s\n", "", default_text(key),
		key->option ? "; option: --" : "", key->option ? key->option : "");
	fprintf(out, "  %-28s %s\n", "", key->sentence);
}

static void print_row(const struct conf_key *key, FILE *out)
{
	char range[128];

	if (key->type.kind == CONF_KIND_SECTION) {
		fprintf(out, "\n### %s\n\n%s%s.\n\n" PAGE_HEAD, key->path, key->sentence,
			key->need ? "; must be given" : "");
		return;
	}
	range_text(&key->type, range, sizeof(range));
	fprintf(out, "| `%s` | %s%s%s | %s | %s%s%s | %s |\n", key->path, kind_text(&key->type),
		*range ? "; " : "", range, default_text(key), key->option ? "`--" : "",
		key->option ? key->option : "", key->option ? "`" : "", key->sentence);
}

void leat_conf_print_keys(bool page, FILE *out)
{
	if (page)
		fputs("\n### The file\n\n" PAGE_HEAD, out);
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++)
		(page ? print_row : print_key)(&leat_conf_key[i], out);
}
