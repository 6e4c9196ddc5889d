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

static bool is_http(const struct conf *c)
{
	return strcmp(leat_conf_text(c, "load.program", CONF_ITEM_NONE), "http") == 0;
}

static bool is_open(const struct conf *c)
{
	return given(c, "load.rate") != NULL;
}

/* Keys that not every load has. */
static const struct {
	const char *path;
	bool (*applies)(const struct conf *c);
	const char *what; /* where one is given in vain */
} only[] = {
	{"load.path", is_http, "only `program: http` has it; leave it out"},
	{"load.host", is_http, "only `program: http` has it; leave it out"},
	{"load.body", is_http, "only `program: http` has it; leave it out"},
	{"load.half_close", is_http, "only `program: http` has it; leave it out"},
	{"load.late_max", is_open, "only a load with a `rate` has it; leave it out"},
};

/* The service that a key of a listener is of; NULL: of each. */
static const char *service_of(const struct conf_key *key)
{
	char name[CONF_PATH_MAX];

	if (strncmp(key->path, "listen[].", 9) != 0)
		return NULL;
	leat_conf_key_name(key, name);
	return strcmp(name, "program") == 0                              ? "program"
	       : strcmp(name, "body") == 0 || strcmp(name, "close") == 0 ? "http"
									 : NULL;
}

bool leat_conf_applies(const struct conf *c, const struct conf_key *key, uint16_t section)
{
	const char *service = service_of(key);

	for (size_t i = 0; i < COUNT_OF(only); i++)
		if (strcmp(only[i].path, key->path) == 0)
			return only[i].applies(c);
	if (key->of_server && c->role == CONF_ROLE_CLIENT)
		return false;
	return !service || strcmp(leat_conf_text(c, "listen[].app", section), service) == 0;
}

/* A client has nothing that is a server's alone, nor a server what is a client's. */
static void check_whose(struct conf *c)
{
	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		const struct conf_setting *s = &c->setting[i];
		bool section = s->key->type.kind == CONF_KIND_SECTION;
		const struct conf_key *parent = leat_conf_key_parent(s->key);

		/* Its section is refused once, for all its keys. */
		if (s->bad || (parent && (parent->of_load || parent->of_server)))
			continue;
		if (s->key->of_load && c->role == CONF_ROLE_SERVER)
			leat_conf_refuse(c, s,
				"a server asks nobody; leave it out, or `role: client` or `both`");
		if (s->key->of_server && c->role == CONF_ROLE_CLIENT)
			leat_conf_refuse(c, s, "a client %s; leave it out%s",
				section ? "listens on nothing" : "has none of it",
				section ? ", or `role: both`" : "");
	}
}

/* A server needs listeners, a client a load, and neither has the other's. */
static void check_role(struct conf *c)
{
	const struct conf_setting *role = given(c, "role");

	if (role && role->bad)
		return;
	if (c->role != CONF_ROLE_CLIENT && !given(c, "listen[]"))
		leat_conf_refuse(c, role,
			"a server needs `listen`, at least one port; for example `listen: [{port: "
			"80}]`");
	if (c->role != CONF_ROLE_SERVER && !given(c, "load"))
		leat_conf_refuse(c, role,
			"a client needs `load`, at least a target; for example `load: {target: "
			"198.51.100.10:80}`");
	check_whose(c);
}

/* One body and one close for all of http: the same at each listener that gives it. */
static void check_same(struct conf *c, const char *path)
{
	const struct conf_key *key = leat_conf_key_find(path);
	const struct conf_setting *first = NULL;

	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		const struct conf_setting *s = &c->setting[i];
		if (s->key != key || s->bad)
			continue;
		if (first && strcmp(first->text, s->text) != 0)
			leat_conf_refuse(c, s,
				"`%.32s` here, `%.32s` on line %u; http is the same at each port",
				s->text, first->text, first->line);
		first = first ? first : s;
	}
}

/* check_service refuses what a listener's service has no use for, and one without its program; its
 * port is as bad, for the two are read as one. */
static void check_service(struct conf *c, struct conf_setting *port)
{
	const struct conf_key *app = leat_conf_key_find("listen[].app");
	const struct conf_key *program = leat_conf_key_find("listen[].program");
	const struct conf_setting *is = leat_conf_find(c, app, port->section, NULL);

	if (is && is->bad)
		return;
	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		const struct conf_setting *s = &c->setting[i];
		const char *service = service_of(s->key);
		if (s->bad || s->section != port->section || !service ||
			leat_conf_applies(c, s->key, s->section))
			continue;
		leat_conf_refuse(c, s, "only `app: %s` has it; leave it out", service);
		port->bad = true;
	}
	if (is && strcmp(is->text, "program") == 0 &&
		!leat_conf_find(c, program, port->section, NULL)) {
		leat_conf_refuse(c, is,
			"`program` is missing; for example `program: expect 100; send 1KiB; "
			"close`");
		port->bad = true;
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

	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		if (c->setting[i].key != key)
			continue;
		check_port(c, &c->setting[i]);
		check_service(c, &c->setting[i]);
	}
	check_same(c, "listen[].body");
	check_same(c, "listen[].close");
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
	const struct conf_setting *model = given(c, "load.model");

	if (!given(c, "load") || some_bad(c))
		return;
	for (size_t i = 0; i < COUNT_OF(only); i++) {
		const struct conf_setting *s = given(c, only[i].path);
		if (s && !only[i].applies(c))
			leat_conf_refuse(c, s, "%s", only[i].what);
	}
	if (model && strcmp(model->text, "open") == 0 && !is_open(c))
		leat_conf_refuse(c, model, "`rate` is missing; for example `rate: 200k/s`");
	if (model && strcmp(model->text, "closed") == 0 && is_open(c))
		leat_conf_refuse(c, given(c, "load.rate"),
			"`model: closed` has no rate; `model: open`, or leave it out");
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
