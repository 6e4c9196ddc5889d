/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#include "base_assert.h"

#include <stdio.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* Where in the schema a node is. */
struct place {
	const struct conf_key *key; /* NULL: the root */
	uint16_t section, item;
};

static struct conf_setting *add_setting(struct conf *c, const struct place *at)
{
	struct conf_setting *s = &c->setting[c->setting_cnt];

	ASSERT(c->setting_cnt < CONF_SETTING_MAX); /* the lists of conf_key.def are bounded */
	c->setting_cnt++;
	*s = (struct conf_setting){.key = at->key, .section = at->section, .item = at->item};
	return s;
}

static struct conf_setting *add_node(
	struct conf *c, const struct conf_node *n, const struct place *at)
{
	struct conf_setting *s = add_setting(c, at);

	s->line = n->line;
	s->col = n->col;
	s->text = n->kind == CONF_NODE_SCALAR ? n->text : NULL;
	return s;
}

/* say_node refuses a node, which counts as given nevertheless. */
static void say_node(struct conf *c, const struct conf_node *n, const struct place *at,
	const char *problem, const char *hint)
{
	char shown[CONF_PATH_MAX] = "";

	if (at->key) {
		leat_conf_key_shown(at->key, at->section, at->item, shown);
		add_node(c, n, at)->bad = true;
	}
	leat_conf_error_add(
		&c->errors, n->line, n->col, shown, "%s%s%s", problem, *hint ? "; " : "", hint);
}

static void take_value(struct conf *c, const struct conf_node *n, const struct place *at)
{
	char hint[128];

	snprintf(hint, sizeof(hint), "for example %s", leat_conf_value_example(&at->key->type));
	if (n->kind == CONF_NODE_BAD)
		add_node(c, n, at)->bad = true;
	else if (n->kind == CONF_NODE_MAP)
		say_node(c, n, at, "takes a value, not keys", hint);
	else if (n->kind == CONF_NODE_LIST)
		say_node(c, n, at, "takes one value, not a list", hint);
	else if (n->empty)
		say_node(c, n, at, "has no value", hint);
	else
		add_node(c, n, at);
}

static bool too_many(struct conf *c, const struct conf_node *n, const struct place *at)
{
	char text[48];
	uint16_t cnt = at->key->type.kind == CONF_KIND_SECTION ? at->section : at->item;

	if (cnt < at->key->cnt_max)
		return false;
	snprintf(text, sizeof(text), "at most %u of them", at->key->cnt_max);
	say_node(c, n, at, text, "leave this one out");
	return true;
}

static void take_values(struct conf *c, const struct conf_node *n, struct place at)
{
	if (n->kind != CONF_NODE_LIST || !leat_conf_key_is_list(at.key)) {
		take_value(c, n, &at);
		return;
	}
	if (n->child == CONF_NODE_NONE)
		say_node(c, n, &at, "an empty list", "leave the key out");
	at.item = 0;
	for (uint16_t i = n->child; i != CONF_NODE_NONE; i = c->tree.node[i].next, at.item++) {
		if (too_many(c, &c->tree.node[i], &at))
			return;
		take_value(c, &c->tree.node[i], &at);
	}
}

static void take_map(struct conf *c, const struct conf_node *map, const struct place *at);

/* take_section takes a mapping that is a section or one of a list of them. */
static void take_section(struct conf *c, const struct conf_node *n, const struct place *at)
{
	char hint[CONF_PATH_MAX + 64], name[CONF_PATH_MAX];

	leat_conf_key_name(at->key, name);
	snprintf(hint, sizeof(hint), "its keys go below `%s:`, indented", name);
	if (n->kind == CONF_NODE_BAD) {
		add_node(c, n, at)->bad = true;
	} else if (n->kind == CONF_NODE_SCALAR && n->empty) {
		say_node(c, n, at, "has no keys", "give it one, or leave it out");
	} else if (n->kind != CONF_NODE_MAP) {
		say_node(c, n, at,
			n->kind == CONF_NODE_LIST ? "takes keys, not a list"
						  : "takes keys, not a value",
			hint);
	} else {
		add_node(c, n, at);
		take_map(c, n, at);
	}
}

static void take_sections(struct conf *c, const struct conf_node *n, struct place at)
{
	if (n->kind != CONF_NODE_LIST || n->child == CONF_NODE_NONE) {
		at.section = CONF_ITEM_NONE;
		if (n->kind == CONF_NODE_BAD)
			add_node(c, n, &at)->bad = true;
		else
			say_node(c, n, &at,
				n->kind == CONF_NODE_LIST  ? "an empty list"
				: n->kind == CONF_NODE_MAP ? "is a list of sections"
							   : "has no entry",
				"begin each entry with `- `");
		return;
	}
	at.section = 0;
	for (uint16_t i = n->child; i != CONF_NODE_NONE; i = c->tree.node[i].next, at.section++) {
		if (too_many(c, &c->tree.node[i], &at))
			return;
		take_section(c, &c->tree.node[i], &at);
	}
}

/* shown_key writes the path of an entry of a section, whatever its key is. */
static void shown_key(
	const struct conf_node *n, const struct place *at, char key[2 * CONF_PATH_MAX])
{
	char shown[CONF_PATH_MAX] = "";

	if (at->key)
		leat_conf_key_shown(at->key, at->section, CONF_ITEM_NONE, shown);
	snprintf(key, 2 * CONF_PATH_MAX, "%s%s%.*s", shown, at->key ? "." : "", CONF_PATH_MAX - 1,
		n->key);
}

static void say_unknown(struct conf *c, const struct conf_node *n, const struct place *at)
{
	char key[2 * CONF_PATH_MAX], meant[CONF_PATH_MAX];

	shown_key(n, at, key);
	if (leat_conf_key_nearest(at->key, n->key, meant))
		leat_conf_error_add(&c->errors, n->key_line, n->key_col, key,
			"no such key; did you mean `%s`?", meant);
	else
		leat_conf_error_add(&c->errors, n->key_line, n->key_col, key,
			"no such key; leat check --keys lists them");
}

/* said_before says, with an error, that an earlier entry of the same mapping has the same key. */
static bool said_before(struct conf *c, const struct conf_node *map, const struct conf_node *n,
	const struct place *at)
{
	char key[2 * CONF_PATH_MAX];

	for (uint16_t i = map->child; &c->tree.node[i] != n; i = c->tree.node[i].next) {
		if (strcmp(c->tree.node[i].key, n->key) != 0)
			continue;
		shown_key(n, at, key);
		leat_conf_error_add(&c->errors, n->key_line, n->key_col, key,
			"given twice, first on line %u; leave one out", c->tree.node[i].key_line);
		return true;
	}
	return false;
}

static void take_map(struct conf *c, const struct conf_node *map, const struct place *at)
{
	for (uint16_t i = map->child; i != CONF_NODE_NONE; i = c->tree.node[i].next) {
		const struct conf_node *n = &c->tree.node[i];
		struct place child = {.section = at->section, .item = CONF_ITEM_NONE};

		if (said_before(c, map, n, at))
			continue;
		child.key = leat_conf_key_child(at->key, n->key);
		if (!child.key)
			say_unknown(c, n, at);
		else if (child.key->type.kind != CONF_KIND_SECTION)
			take_values(c, n, child);
		else if (leat_conf_key_is_list(child.key))
			take_sections(c, n, child);
		else
			take_section(c, n, &child);
	}
}

void leat_conf_begin(struct conf *c, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *stem = slash ? slash + 1 : path ? path : "";
	size_t octets = strcspn(stem, ".");

	c->tree.node_cnt = c->tree.text_octets = 0;
	c->tree.whole = true;
	c->errors.cnt = c->errors.kept = 0;
	c->setting_cnt = 0;
	c->name[0] = '\0';
	if (octets > 0 && octets <= 32 && strspn(stem, LETTERS) >= octets)
		snprintf(c->name, sizeof(c->name), "%.*s", (int)octets, stem);
}

void leat_conf_read(struct conf *c, const char *text, size_t octets)
{
	static const struct place root = {NULL, CONF_ITEM_NONE, CONF_ITEM_NONE};
	const struct conf_node *n = &c->tree.node[0];

	leat_conf_tree_read(&c->tree, &c->errors, text, octets);
	if (c->tree.node_cnt > 0 && n->kind == CONF_NODE_MAP) {
		take_map(c, n, &root);
		return;
	}
	if (c->tree.node_cnt > 0 && n->kind != CONF_NODE_BAD)
		say_node(c, n, &root, "a file is `key: value`, one on a line",
			"leat plan --show prints one to begin with");
	else if (c->tree.whole && c->tree.node_cnt == 0)
		leat_conf_error_add(&c->errors, 1, 1, "",
			"nothing in it; leat plan --show prints a file to begin with");
	c->tree.whole = false; /* nothing else is missing */
}

void leat_conf_forget(struct conf *c, const struct conf_key *section)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->setting_cnt; i++)
		if (c->setting[i].key != section &&
			leat_conf_key_parent(c->setting[i].key) != section)
			c->setting[kept++] = c->setting[i];
	c->setting_cnt = kept;
}

/* forget drops what goes behind what option says of key in a section: the file, the environment
 * behind the command line, and of a value that there is once what was said before. */
static void forget(struct conf *c, const struct conf_key *key, uint16_t section, const char *option)
{
	const struct conf_setting new = {.option = option};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		const struct conf_setting *s = &c->setting[i];
		bool stays = s->line == 0 && leat_conf_key_is_list(key) &&
			     conf_of_env(s) == conf_of_env(&new);
		if (s->key != key || s->section != section || stays)
			c->setting[kept++] = *s;
	}
	c->setting_cnt = kept;
}

void leat_conf_override(struct conf *c, const struct conf_key *key, uint16_t section,
	const char *text, const char *option)
{
	const struct place in = {leat_conf_key_parent(key), section, CONF_ITEM_NONE};
	struct place at = {key, section, CONF_ITEM_NONE};

	forget(c, key, section, option);
	if (in.key && !leat_conf_find(c, in.key, section, NULL))
		add_setting(c, &in)->option = option;
	if (leat_conf_key_is_list(key)) {
		at.item = 0;
		for (uint32_t i = 0; i < c->setting_cnt; i++)
			at.item = (uint16_t)(at.item + (c->setting[i].key == key));
	}
	struct conf_setting *s = add_setting(c, &at);
	s->text = text;
	s->option = option;
}

const struct conf_setting *leat_conf_find(const struct conf *c, const struct conf_key *key,
	uint16_t section, const struct conf_setting *before)
{
	uint32_t i = before ? (uint32_t)(before - c->setting) + 1 : 0;

	for (; i < c->setting_cnt; i++)
		if (c->setting[i].key == key && c->setting[i].section == section)
			return &c->setting[i];
	return NULL;
}

const char *leat_conf_text(const struct conf *c, const char *path, uint16_t section)
{
	const struct conf_key *key = leat_conf_key_find(path);

	ASSERT(key);
	const struct conf_setting *s = leat_conf_find(c, key, section, NULL);
	return s ? s->text : key->type.fallback;
}

void leat_conf_refuse(struct conf *c, const struct conf_setting *s, const char *format, ...)
{
	char shown[CONF_PATH_MAX] = "";
	va_list args;

	if (s && s->option)
		snprintf(shown, sizeof(shown), "%s%s", conf_of_env(s) ? "" : "--", s->option);
	else if (s)
		leat_conf_key_shown(s->key, s->section, s->item, shown);
	va_start(args, format);
	leat_conf_error_addv(&c->errors, s ? s->line : 1, s ? s->col : 1, shown, format, args);
	va_end(args);
}
