/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#include "base_assert.h"
#include "base_bits.h"

#include <stdio.h>
#include <string.h>

/* The one setting of a path, of any section; NULL: none. */
static const struct conf_setting *given(const struct conf *c, const char *path)
{
	const struct conf_key *key = leat_conf_key_find(path);

	ASSERT(key);
	for (uint32_t i = 0; i < c->setting_cnt; i++)
		if (c->setting[i].key == key)
			return &c->setting[i];
	return NULL;
}

/* need_of refuses a section, or the root for NULL, that lacks a key it needs. */
static void need_of(struct conf *c, const struct conf_setting *section)
{
	const struct conf_key *in = section ? section->key : NULL;
	uint16_t nth = section ? section->section : CONF_ITEM_NONE;
	char name[CONF_PATH_MAX];

	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		if (!key->need || leat_conf_key_parent(key) != in ||
			(in ? leat_conf_find(c, key, nth, NULL) : given(c, key->path)))
			continue;
		leat_conf_key_name(key, name);
		if (key->type.kind == CONF_KIND_SECTION)
			leat_conf_refuse(c, section, "`%s` is missing; %s", name, key->sentence);
		else
			leat_conf_refuse(c, section, "`%s` is missing; for example `%s: %s`", name,
				name, leat_conf_value_example(&key->type));
	}
}

static void check_needs(struct conf *c)
{
	need_of(c, NULL);
	for (uint32_t i = 0; i < c->setting_cnt; i++)
		if (c->setting[i].key->type.kind == CONF_KIND_SECTION && !c->setting[i].bad)
			need_of(c, &c->setting[i]);
}

/* A server needs listeners, a client a load, and neither has the other's. */
static void check_role(struct conf *c)
{
	const struct conf_setting *role = given(c, "role"), *listen = given(c, "listen[]");
	static const char *const clients[] = {"load", "expect", "report"};

	if (role && role->bad)
		return;
	if (c->role != CONF_ROLE_CLIENT && !listen)
		leat_conf_refuse(c, role,
			"a server needs `listen`, at least one port; for example `listen: [{port: "
			"80}]`");
	if (c->role == CONF_ROLE_CLIENT && listen)
		leat_conf_refuse(
			c, listen, "a client listens on nothing; leave it out, or `role: both`");
	if (c->role != CONF_ROLE_SERVER && !given(c, "load"))
		leat_conf_refuse(c, role,
			"a client needs `load`, at least a target; for example `load: {target: "
			"198.51.100.10:80}`");
	for (size_t i = 0; i < 3 && c->role == CONF_ROLE_SERVER; i++) {
		const struct conf_setting *s = given(c, clients[i]);
		if (s)
			leat_conf_refuse(c, s,
				"a server asks nobody; leave it out, or `role: client` or `both`");
	}
}

/* One body and one close for all of http: the same at each listener that gives it. */
static void check_same(struct conf *c, const char *path)
{
	const struct conf_key *key = leat_conf_key_find(path),
			      *app = leat_conf_key_find("listen[].app");
	const struct conf_setting *first = NULL;

	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		const struct conf_setting *s = &c->setting[i];
		if (s->key != key || s->bad)
			continue;
		const struct conf_setting *is = leat_conf_find(c, app, s->section, NULL);
		if (is && !is->bad && strcmp(is->text, "http") != 0)
			leat_conf_refuse(
				c, s, "only http has it; leave it out at `%.16s`", is->text);
		else if (first && strcmp(first->text, s->text) != 0)
			leat_conf_refuse(c, s,
				"`%.32s` here, `%.32s` on line %u; http is the same at each port",
				s->text, first->text, first->line);
		first = first ? first : s;
	}
}

/* check_port refuses a port that an earlier listener has. */
static void check_port(struct conf *c, struct conf_setting *s)
{
	for (const struct conf_setting *e = c->setting; e < s; e++) {
		if (e->key != s->key || e->bad || s->bad || strcmp(e->text, s->text) != 0)
			continue;
		leat_conf_refuse(c, s,
			"port %.8s is listened on already, on line %u; choose another", s->text,
			e->line);
		s->bad = true;
	}
}

static void check_listen(struct conf *c)
{
	const struct conf_key *key = leat_conf_key_find("listen[].port");

	for (uint32_t i = 0; i < c->setting_cnt; i++)
		if (c->setting[i].key == key)
			check_port(c, &c->setting[i]);
	check_same(c, "listen[].body");
	check_same(c, "listen[].close");
}

static bool is_open(const struct conf *c)
{
	return c->load.model == CONF_MODEL_OPEN;
}

static bool is_closed(const struct conf *c)
{
	return c->load.model == CONF_MODEL_CLOSED;
}

static bool is_http(const struct conf *c)
{
	return c->load.program == CONF_PROGRAM_HTTP;
}

static bool asks_a_path(const struct conf *c)
{
	return is_http(c) && !given(c, "load.response");
}

static bool has_requests(const struct conf *c)
{
	return is_http(c) || c->load.program == CONF_PROGRAM_ECHO ||
	       c->load.program == CONF_PROGRAM_DISCARD;
}

static bool sends(const struct conf *c)
{
	return has_requests(c) && (!is_http(c) || c->load.method == CONF_METHOD_POST);
}

static bool has_pauses(const struct conf *c)
{
	return has_requests(c) && c->load.requests > 1;
}

static bool is_script(const struct conf *c)
{
	return c->load.program == CONF_PROGRAM_SCRIPT;
}

static bool is_no_script(const struct conf *c)
{
	return !is_script(c);
}

/* Keys that not every load has, and what is said where one is given in vain. */
static const struct {
	const char *path;
	bool (*applies)(const struct conf *c);
	const char *what;
} only[] = {
	{"load.rate", is_open, "`model: closed` has no rate; `model: open`, or leave it out"},
	{"load.connections", is_closed,
		"`model: open` holds no number; `model: closed`, or leave it out"},
	{"load.method", is_http, "only `program: http` has it; leave it out"},
	{"load.response", is_http, "only `program: http` has it; leave it out"},
	{"load.path", asks_a_path,
		"only `program: http` without `response` has it; leave one of the two out"},
	{"load.request", sends, "only echo, discard and `method: POST` send it; leave it out"},
	{"load.script", is_script, "only `program: script` has it; leave one of the two out"},
	{"load.requests", has_requests, "only http, echo and discard have them; leave it out"},
	{"load.think", has_pauses,
		"a pause between requests, and there is one request; `requests: 10`?"},
	{"load.half_close", is_no_script, "the script says it; leave it out"},
};

bool leat_conf_applies(const struct conf *c, const struct conf_key *key, uint16_t section)
{
	const struct conf_key *app = leat_conf_key_find("listen[].app");

	for (size_t i = 0; i < COUNT_OF(only); i++)
		if (strcmp(only[i].path, key->path) == 0)
			return only[i].applies(c);
	/* What follows app is of http. */
	return leat_conf_key_parent(key) != leat_conf_key_parent(app) || key <= app ||
	       strcmp(leat_conf_text(c, app->path, section), "http") == 0;
}

/* some_bad says whether a value of the load was refused: what it goes with cannot be judged. */
static bool some_bad(const struct conf *c)
{
	for (uint32_t i = 0; i < c->setting_cnt; i++)
		if (c->setting[i].bad && strncmp(c->setting[i].key->path, "load", 4) == 0)
			return true;
	return false;
}

static void check_load(struct conf *c)
{
	const struct conf_load *l = &c->load;

	if (!given(c, "load") || some_bad(c))
		return;
	for (size_t i = 0; i < COUNT_OF(only); i++) {
		const struct conf_setting *s = given(c, only[i].path);
		if (s && !only[i].applies(c))
			leat_conf_refuse(c, s, "%s", only[i].what);
	}
	if (is_open(c) && !given(c, "load.rate"))
		leat_conf_refuse(
			c, given(c, "load.model"), "`rate` is missing; for example `rate: 200k/s`");
	if (is_script(c) && !given(c, "load.script"))
		leat_conf_refuse(c, given(c, "load.program"),
			"`script` is missing; for example `script: send 64; expect 64; close`");
	if (asks_a_path(c) && *l->path != '/')
		leat_conf_refuse(c, given(c, "load.path"),
			"`%.64s` does not begin with `/`; /%.64s?", l->path, l->path);
}

void leat_conf_check(struct conf *c)
{
	check_needs(c);
	check_role(c);
	check_listen(c);
	check_load(c);
}

/* fill sets every typed value to its default, or to 0. */
static void fill(struct conf *c)
{
	char why[CONF_WHY_MAX];

	c->version = c->role = 0;
	c->load = (struct conf_load){.model = 0};
	c->expect = (struct conf_expect){.achieved = {0, 0}};
	c->report = (struct conf_report){.dir = NULL};
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];
		const struct conf_setting s = {
			.key = key, .text = key->type.fallback, .item = CONF_ITEM_NONE};
		if (key->into && key->type.fallback && !given(c, key->path)) {
			bool ok = leat_conf_read_value(c, &s, why, sizeof(why));
			ASSERT(ok);
		}
	}
}

static void read_name(struct conf *c)
{
	const struct conf_setting *s = given(c, "name");

	if (s)
		snprintf(c->name, sizeof(c->name), "%.32s", s->text);
	else if (!*c->name)
		snprintf(c->name, sizeof(c->name), "%s", leat_conf_key_find("name")->type.fallback);
}

void leat_conf_finish(struct conf *c)
{
	char why[CONF_WHY_MAX];

	fill(c);
	read_name(c);
	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		struct conf_setting *s = &c->setting[i];
		if (!s->text || s->bad || leat_conf_read_value(c, s, why, sizeof(why)))
			continue;
		leat_conf_refuse(c, s, "%s", why);
		s->bad = true;
	}
	/* What is missing may stand after the end of what was read. */
	if (c->tree.whole)
		leat_conf_check(c);
}
