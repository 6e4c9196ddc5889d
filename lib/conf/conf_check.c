/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#include "base_assert.h"

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

static void check_listen(struct conf *c)
{
	const struct conf_key *key = leat_conf_key_find("listen[].port");

	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		for (uint32_t k = 0; k < i; k++) {
			const struct conf_setting *s = &c->setting[i], *before = &c->setting[k];
			if (s->key == key && before->key == key && !s->bad && !before->bad &&
				strcmp(s->text, before->text) == 0)
				leat_conf_refuse(c, s,
					"port %.8s is listened on already, on line %u; choose "
					"another",
					s->text, before->line);
		}
	}
	check_same(c, "listen[].body");
	check_same(c, "listen[].close");
}

/* only_for refuses path when it is given and what it is for does not hold. */
static void only_for(struct conf *c, const char *path, bool holds, const char *what)
{
	const struct conf_setting *s = given(c, path);

	if (s && !holds)
		leat_conf_refuse(c, s, "%s", what);
}

static void check_program(struct conf *c)
{
	const struct conf_load *l = &c->load;
	bool http = l->program == CONF_PROGRAM_HTTP, post = l->method == CONF_METHOD_POST;
	bool sends = l->program == CONF_PROGRAM_ECHO || l->program == CONF_PROGRAM_DISCARD;
	bool script = l->program == CONF_PROGRAM_SCRIPT;

	only_for(c, "load.method", http, "only `program: http` has it; leave it out");
	only_for(c, "load.path", http, "only `program: http` has it; leave it out");
	only_for(c, "load.response", http, "only `program: http` has it; leave it out");
	only_for(c, "load.path", !given(c, "load.response"),
		"`response` says what to ask for; leave one of the two out");
	only_for(c, "load.request", sends || (http && post),
		"only echo, discard and `method: POST` send it; leave it out");
	only_for(c, "load.script", script,
		"only `program: script` has it; leave one of the two out");
	only_for(c, "load.requests", http || sends,
		"only http, echo and discard have them; leave it out");
	only_for(c, "load.think", l->requests > 1 && (http || sends),
		"a pause between requests, and there is one request; `requests: 10`?");
	only_for(c, "load.half_close", !script, "the script says it; leave it out");
	if (script && !given(c, "load.script"))
		leat_conf_refuse(c, given(c, "load.program"),
			"`script` is missing; for example `script: send 64; expect 64; close`");
	if (http && l->path && *l->path != '/')
		leat_conf_refuse(c, given(c, "load.path"),
			"`%.64s` does not begin with `/`; /%.64s?", l->path, l->path);
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
	bool open = l->model == CONF_MODEL_OPEN;

	if (!given(c, "load") || some_bad(c))
		return;
	only_for(c, "load.rate", open,
		"`model: closed` has no rate; `model: open`, or leave it out");
	only_for(c, "load.connections", !open,
		"`model: open` holds no number; `model: closed`, or leave it out");
	if (open && !given(c, "load.rate"))
		leat_conf_refuse(
			c, given(c, "load.model"), "`rate` is missing; for example `rate: 200k/s`");
	check_program(c);
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
