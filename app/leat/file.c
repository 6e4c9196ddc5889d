/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"

#include "base_assert.h"
#include "conf_print.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define VETH "net_af_packet0,iface="

static const struct conf_key *key_of(const char *path)
{
	const struct conf_key *key = leat_conf_key_find(path);

	ASSERT(key);
	return key;
}

static bool say(const char *path, const char *why, FILE *err)
{
	fprintf(err, "%s: %s; %s plan --show prints a file to begin with\n", path, why,
		leat_text_call());
	return false;
}

bool leat_file_read(struct file *f, const char *path, FILE *err)
{
	static char text[CONF_FILE_MAX + 1];
	struct stat st;

	leat_conf_begin(&f->conf, path);
	f->path = path;
	f->text_octets = 0;
	if (!path) {
		leat_conf_override(&f->conf, key_of("version"), CONF_ITEM_NONE, "1", NULL);
		return true;
	}
	FILE *in = fopen(path, "re");
	if (!in)
		return say(path, strerror(errno), err);
	bool regular = fstat(fileno(in), &st) == 0 && !S_ISDIR(st.st_mode);
	size_t octets = regular ? fread(text, 1, sizeof(text), in) : 0;
	bool failed = ferror(in) != 0;
	fclose(in);
	if (!regular)
		return say(path, "a directory", err);
	if (failed)
		return say(path, "cannot be read", err);
	if (octets > CONF_FILE_MAX)
		return say(path, "more than 64KiB", err);
	leat_conf_read(&f->conf, text, octets);
	return true;
}

/* keep copies a text to live as long as f.  There is room: what conf_key.def lets through is
 * bounded in number and length, and so is a line of options. */
static const char *keep(struct file *f, const char *before, const char *text, size_t octets)
{
	char *at = f->text + f->text_octets;
	size_t room = sizeof(f->text) - f->text_octets;
	int cnt = snprintf(at, room, "%s%.*s", before, (int)octets, text);

	ASSERT(cnt >= 0);
	ASSERT((size_t)cnt < room);
	f->text_octets += (size_t)cnt + 1;
	return at;
}

static bool is_http(const struct conf *c, uint16_t listener)
{
	const char *app = leat_conf_text(c, "listen[].app", listener);

	return app && strcmp(app, "http") == 0;
}

static uint16_t listener_cnt(const struct conf *c)
{
	const struct conf_key *key = key_of("listen[]");
	uint16_t n = 0;

	while (leat_conf_find(c, key, n, NULL))
		n++;
	return n;
}

/* One listener more, as the command line has it: PORT:SERVICE or PORT:program:TEXT. */
static void add_listener(struct file *f, const char *value, const char *option)
{
	const char *colon = strchr(value, ':');
	uint16_t nth = listener_cnt(&f->conf);

	ASSERT(colon);
	leat_conf_override(&f->conf, key_of("listen[].port"), nth,
		keep(f, "", value, (size_t)(colon - value)), option);
	value = colon + 1;
	colon = strchr(value, ':');
	leat_conf_override(&f->conf, key_of("listen[].app"), nth,
		keep(f, "", value, strcspn(value, ":")), option);
	if (colon)
		leat_conf_override(&f->conf, key_of("listen[].program"), nth,
			keep(f, "", colon + 1, strlen(colon + 1)), option);
}

/* split makes name of "--name=value"; NULL: it has no value. */
static const char *split(const char *arg, char name[OPT_WHY_MAX])
{
	const char *is = strchr(arg, '=');

	snprintf(name, OPT_WHY_MAX, "%.*s", is ? (int)(is - arg - 2) : OPT_WHY_MAX - 1, arg + 2);
	return is ? is + 1 : NULL;
}

/* is_of says whether a key is one of verb's: of serve or of load. */
static bool is_of(const struct conf_key *key, const struct opt_verb *verb)
{
	return verb == &leat_opt_load ? !key->of_server : !key->of_load;
}

static const struct conf_key *key_of_option(const char *name, const struct opt_verb *verb)
{
	bool device = strcmp(name, "tap") == 0 || strcmp(name, "vdev") == 0;

	for (uint32_t i = 0; i < leat_conf_key_cnt; i++)
		if (leat_conf_key[i].option && is_of(&leat_conf_key[i], verb) &&
			strcmp(leat_conf_key[i].option, device ? "device" : name) == 0)
			return &leat_conf_key[i];
	return NULL;
}

/* row_of is the row of an option and its index; NULL: verb has none of this name. */
static const struct opt_row *row_of(const struct opt_verb *verb, const char *name, uint32_t *idx)
{
	for (*idx = 0; *idx < verb->row_cnt; ++*idx)
		if (strcmp(verb->row[*idx].name, name) == 0)
			return &verb->row[*idx];
	return NULL;
}

static void override_one(
	struct file *f, const struct conf_key *key, const char *option, const char *value)
{
	const struct conf_key *parent = leat_conf_key_parent(key);
	bool http = parent == key_of("listen[]");
	uint16_t cnt = http ? listener_cnt(&f->conf) : 1;

	value = keep(f, strcmp(option, "tap") == 0 ? "tap:" : "", value, strlen(value));
	for (uint16_t i = 0; i < cnt; i++)
		if (!http || is_http(&f->conf, i))
			leat_conf_override(&f->conf, key,
				parent && leat_conf_key_is_list(parent) ? i : CONF_ITEM_NONE, value,
				option);
}

static void override_listeners(struct file *f, const struct opt_line *line)
{
	const struct conf_key *listen = key_of("listen[].port");
	char name[OPT_WHY_MAX];
	bool first = true;

	for (int i = 0; i < line->argc; i++) {
		const char *value = split(line->argv[i], name);
		if (strcmp(name, listen->option) != 0)
			continue;
		if (first)
			leat_conf_forget(&f->conf, key_of("listen[]"));
		first = false;
		add_listener(f, value, listen->option);
	}
	if (first && !f->path)
		add_listener(f, "80:http", NULL);
}

/* Listeners come first: what http gives is said of those that are http's. */
void leat_file_override(struct file *f, const struct opt_verb *verb, const struct opt_line *line)
{
	const struct conf_key *listen = key_of("listen[].port");
	char name[OPT_WHY_MAX];
	uint32_t idx;

	if (verb != &leat_opt_load)
		override_listeners(f, line);
	for (int i = 0; i < line->argc; i++) {
		const char *value = split(line->argv[i], name);
		const struct conf_key *key = key_of_option(name, verb);
		const struct opt_row *row = row_of(verb, name, &idx);
		if (key && row && key != listen)
			override_one(f, key, row->name, value ? value : "yes");
	}
}

/* device_option says which option a device is, and writes its value. */
static const char *device_option(const char *device, char *value, size_t size)
{
	const char *colon = strchr(device, ':');
	size_t octets = colon ? (size_t)(colon - device) : 0;

	if (octets == 3 && strncmp(device, "tap", octets) == 0) {
		snprintf(value, size, "%s", colon + 1);
		return "tap";
	}
	if (octets == 4 && strncmp(device, "veth", octets) == 0) {
		snprintf(value, size, VETH "%s", colon + 1);
		return "vdev";
	}
	snprintf(value, size, "%s", device);
	return strncmp(device, "net_", 4) == 0 || strncmp(device, "eth_", 4) == 0 ? "vdev"
										  : "device";
}

/* A listener as the command line has it. */
static void listen_option(
	const struct conf *c, const struct conf_setting *port, char *value, size_t size)
{
	const char *program = leat_conf_text(c, "listen[].program", port->section);

	snprintf(value, size, "%s:%s%s%s", port->text,
		leat_conf_text(c, "listen[].app", port->section), program ? ":" : "",
		program ? program : "");
}

/* expect_option is a rule, "connect_p99 < 500us", from a key of that name. */
static const char *expect_option(const struct conf_setting *s, char *value, size_t size)
{
	char name[CONF_PATH_MAX];

	leat_conf_key_name(s->key, name);
	snprintf(value, size, "%s %s", name, s->text);
	return "expect";
}

/* as_option says which option of verb a setting is, NULL for none, and writes its value. */
static const char *as_option(const struct conf *c, const struct opt_verb *verb,
	const struct conf_setting *s, char *value, size_t size)
{
	const struct conf_key *key = s->key, *parent = leat_conf_key_parent(key);
	char why[CONF_WHY_MAX];
	uint64_t n;

	if (s->bad || !s->text || !is_of(key, verb))
		return NULL;
	if (parent && strcmp(parent->path, "expect") == 0)
		return expect_option(s, value, size);
	if (strcmp(key->path, "report.format") == 0) {
		snprintf(value, size, "%s", strcmp(s->text, "json") == 0 ? "yes" : "no");
		return "json";
	}
	if (!key->option)
		return NULL;
	if (strcmp(key->path, "ports[].device") == 0)
		return device_option(s->text, value, size);
	if (strcmp(key->path, "listen[].port") == 0)
		listen_option(c, s, value, size);
	else if (key->type.kind == CONF_KIND_COUNT &&
		 leat_conf_value_read(&key->type, s->text, &n, why, sizeof(why)))
		snprintf(value, size, "%" PRIu64, n);
	else
		snprintf(value, size, "%s", s->text);
	return key->option;
}

bool leat_file_device(struct file *f, const char *device, char *why, size_t size)
{
	char value[CONF_PATH_MAX * 4];
	const char *name = device_option(device, value, sizeof(value));
	uint32_t idx;

	return leat_opt_read(row_of(&leat_opt_serve, name, &idx), keep(f, "", value, strlen(value)),
		&f->serve, why, size);
}

/* in_words writes text with the file's words for the options that it names. */
static void in_words(const struct opt_verb *verb, const char *text, char *out, size_t size)
{
	char name[OPT_WHY_MAX], shown[CONF_PATH_MAX];
	size_t at = 0;

	while (*text && at + CONF_PATH_MAX < size) {
		const struct conf_key *key = NULL;
		size_t octets = 0;

		if (strncmp(text, "--", 2) == 0) {
			octets = strspn(text + 2, "abcdefghijklmnopqrstuvwxyz-");
			snprintf(name, sizeof(name), "%.*s", (int)octets, text + 2);
			key = key_of_option(name, verb);
		}
		if (key) {
			leat_conf_key_shown(key, CONF_ITEM_NONE, CONF_ITEM_NONE, shown);
			at += (size_t)snprintf(out + at, size - at, "%s", shown);
			text += 2 + octets;
		} else {
			out[at++] = *text++;
		}
	}
	out[at] = '\0';
}

/* say_together puts what check() says of options together at the setting that it begins with. */
static void say_together(struct file *f, const struct opt_verb *verb, const char *why)
{
	char name[OPT_WHY_MAX], words[2 * OPT_WHY_MAX + CONF_PATH_MAX];
	const struct conf_setting *at = NULL;
	size_t octets = strcspn(why, ": ");

	if (strncmp(why, "--", 2) == 0) {
		snprintf(name, sizeof(name), "%.*s", (int)octets - 2, why + 2);
		const struct conf_key *key = key_of_option(name, verb);
		for (uint32_t i = 0; key && i < f->conf.setting_cnt && !at; i++)
			at = f->conf.setting[i].key == key ? &f->conf.setting[i] : NULL;
		why += at ? octets + (why[octets] == ':' ? 2 : 1) : 0;
	}
	in_words(verb, why, words, sizeof(words));
	leat_conf_refuse(&f->conf, at, "%s", words);
}

/* program_of is where the text of a listener's program is, which is what its option's reader
 * refuses; any other setting itself. */
static const struct conf_setting *program_of(const struct conf *c, const struct conf_setting *s)
{
	const struct conf_setting *program =
		leat_conf_find(c, key_of("listen[].program"), s->section, NULL);

	return s->key == key_of("listen[].port") && program ? program : s;
}

/* read_options lets the reader of each option of verb see what the file says. */
static void read_options(struct file *f, const struct opt_verb *verb, void *options)
{
	char value[CONF_SCALAR_MAX + 64], why[OPT_WHY_MAX];
	struct conf *c = &f->conf;
	uint64_t given = 0;
	uint32_t idx;

	verb->defaults(options);
	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		struct conf_setting *s = &c->setting[i];
		const char *name = as_option(c, verb, s, value, sizeof(value));
		const struct opt_row *row = name ? row_of(verb, name, &idx) : NULL;
		bool no = row && row->kind == OPT_KIND_FLAG && strcmp(value, "no") == 0;

		if (!row || no)
			continue;
		given |= idx < OPT_GIVEN_MAX ? UINT64_C(1) << idx : 0;
		/* The readers keep what they are given. */
		if (leat_opt_read(
			    row, keep(f, "", value, strlen(value)), options, why, sizeof(why)))
			continue;
		leat_conf_refuse(c, program_of(c, s), "%s", why);
		s->bad = true;
	}
	if (c->errors.cnt == 0 && !verb->check(options, given, why, sizeof(why)))
		say_together(f, verb, why);
}

/* check_verb refuses a file that is of the other role. */
static void check_verb(struct conf *c, const struct opt_verb *verb)
{
	const struct conf_setting *role = leat_conf_find(c, key_of("role"), CONF_ITEM_NONE, NULL);

	if (verb == &leat_opt_serve && c->role == CONF_ROLE_CLIENT)
		leat_conf_refuse(
			c, role, "a client serves nothing; `role: server` or `both`, and `listen`");
	if (verb == &leat_opt_load && c->role == CONF_ROLE_SERVER)
		leat_conf_refuse(
			c, role, "a server asks nobody; `role: client` or `both`, and `load`");
}

bool leat_file_finish(struct file *f, const struct opt_verb *verb, FILE *err)
{
	struct conf *c = &f->conf;

	leat_conf_finish(c);
	if (c->role != CONF_ROLE_CLIENT && verb != &leat_opt_load)
		read_options(f, &leat_opt_serve, &f->serve);
	if (c->role != CONF_ROLE_SERVER && verb != &leat_opt_serve)
		read_options(f, &leat_opt_load, &f->load);
	if (c->role == CONF_ROLE_CLIENT)
		f->serve = f->load.serve;
	if (c->errors.cnt == 0)
		check_verb(c, verb);
	if (c->errors.cnt > 0)
		leat_conf_print_errors(c, f->path, err);
	return c->errors.cnt == 0;
}

/* is_said says whether an option of which there is one stands for an earlier setting already: what
 * http is told at each of its listeners. */
static bool is_said(const struct conf *c, const struct conf_setting *s)
{
	bool listens = s->key == key_of("listen[].port");

	for (const struct conf_setting *e = c->setting; e < s; e++)
		if (e->key == s->key && !listens && !leat_conf_key_is_list(s->key))
			return true;
	return false;
}

bool leat_file_line(const struct file *f, const struct opt_verb *verb, const struct opt_line *given,
	struct opt_line *line)
{
	char value[CONF_SCALAR_MAX + 64], name[OPT_WHY_MAX];
	const struct conf *c = &f->conf;
	bool fits = true;
	uint32_t idx;

	line->argc = 0;
	line->text_octets = 0;
	line->argv[0] = NULL;
	if (f->path)
		fits = leat_opt_line_add(line, "name", c->name);
	for (uint32_t i = 0; i < c->setting_cnt; i++) {
		const char *option = as_option(c, verb, &c->setting[i], value, sizeof(value));
		const struct opt_row *row = option ? row_of(verb, option, &idx) : NULL;
		bool flag = row && row->kind == OPT_KIND_FLAG;

		if (row && c->setting[i].key->type.kind != CONF_KIND_NAME &&
			!is_said(c, &c->setting[i]) && !(flag && strcmp(value, "no") == 0))
			fits = leat_opt_line_add(line, option, flag ? NULL : value) && fits;
	}
	/* What a file has no key for, and what is one rule more. */
	for (int i = 0; i < given->argc; i++) {
		const char *text = split(given->argv[i], name);
		if (row_of(verb, name, &idx) && !key_of_option(name, verb))
			fits = leat_opt_line_add(line, name, text) && fits;
	}
	return fits;
}
