/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"

#include "base_assert.h"
#include "base_bits.h"
#include "conf_print.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

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

/* Names that begin as our variables do, and what they are for. */
static const struct {
	const char *name, *what;
} own_variable[] = {
	{"LEAT_CALL", "how people call leat here (text.h)"},
	{"LEAT_GUEST", "where tests find a guest's kernel"},
	{"LEAT_REACH", "where tests note what was reached"},
	{"LEAT_VERSION", "of packages and images; that of a file is its own"},
};

static bool is_variable(const char *entry)
{
	size_t octets = strcspn(entry, "=");

	if (strncmp(entry, CONF_ENV, sizeof(CONF_ENV) - 1) != 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(own_variable); i++)
		if (strlen(own_variable[i].name) == octets &&
			strncmp(own_variable[i].name, entry, octets) == 0)
			return false;
	return true;
}

bool leat_file_has_env(char *const *environment)
{
	for (; *environment; environment++)
		if (is_variable(*environment))
			return true;
	return false;
}

/* key_of_variable is the key of a name, of those that have a value; NULL: none, and an error. */
static const struct conf_key *key_of_variable(struct file *f, const char *name)
{
	static char names[CONF_KEY_MAX][CONF_PATH_MAX];
	const char *known[CONF_KEY_MAX + 1];
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		const struct conf_key *key = &leat_conf_key[i];

		if (key->type.kind == CONF_KIND_SECTION || strcmp(key->path, "version") == 0)
			continue;
		leat_conf_key_env(key, names[cnt]);
		if (strcmp(names[cnt], name) == 0)
			return key;
		known[cnt] = names[cnt];
		cnt++;
	}
	known[cnt] = NULL;
	const char *near = leat_opt_nearest(name, known);
	leat_conf_error_add(&f->conf.errors, 0, 0, name,
		near ? "no key is called so; did you mean %s?"
		     : "no key is called so: LEAT_ and its path, as LEAT_LOAD_RATE; unset it%s",
		near ? near : "");
	return NULL;
}

/* next_piece is the next piece of a value that is a list, and moves on; NULL: there is none.
 * Blanks part them, in a line with a program in it only its end does. */
static const char *next_piece(struct file *f, const char **value)
{
	const char *from = *value + strspn(*value, " \t\n");
	size_t line = strcspn(from, "\n");
	const char *program = strstr(from, ":program:");
	size_t octets = program && program < from + line ? line : strcspn(from, " \t\n");

	*value = from + octets;
	return octets ? keep(f, "", from, octets) : NULL;
}

static void set_listeners(struct file *f, const char *name, const char *value)
{
	char http[CONF_SCALAR_MAX + 8];
	const char *piece;

	leat_conf_forget(&f->conf, key_of("listen[]"));
	while ((piece = next_piece(f, &value))) {
		if (listener_cnt(&f->conf) == key_of("listen[]")->cnt_max) {
			leat_conf_error_add(&f->conf.errors, 0, 0, name, "at most %u of them",
				key_of("listen[]")->cnt_max);
			return;
		}
		snprintf(http, sizeof(http), "%s:http", piece);
		add_listener(f, strchr(piece, ':') ? piece : http, name);
	}
}

/* set_variable lets a variable say what its key holds. */
static void set_variable(
	struct file *f, const struct conf_key *key, const char *name, const char *value)
{
	const char *piece;
	uint32_t cnt = 0;

	if (strcmp(key->path, "listen[].port") == 0) {
		set_listeners(f, name, value);
	} else if (strcmp(key->path, "listen[].app") == 0 ||
		   strcmp(key->path, "listen[].program") == 0) {
		leat_conf_error_add(&f->conf.errors, 0, 0, name,
			"LEAT_LISTEN_PORT says both, as 80:http 7:echo; unset it");
	} else if (!leat_conf_key_is_list(key)) {
		override_one(f, key, name, value);
	} else {
		while ((piece = next_piece(f, &value)) && cnt++ < key->cnt_max)
			override_one(f, key, name, piece);
		if (piece)
			leat_conf_error_add(
				&f->conf.errors, 0, 0, name, "at most %u of them", key->cnt_max);
	}
}

/* take_variable takes one entry of the environment when its key is of verb, NULL: of the role. */
static void take_variable(struct file *f, const struct opt_verb *verb, const char *entry)
{
	const char *role = leat_conf_text(&f->conf, "role", CONF_ITEM_NONE), *value;
	char shown[CONF_PATH_MAX];

	if (strcspn(entry, "=") >= sizeof(shown) || !(value = strchr(entry, '='))) {
		leat_conf_error_add(&f->conf.errors, 0, 0, CONF_ENV "...",
			"a name of more than %zu octets", sizeof(shown) - 1);
		return;
	}
	const char *name = keep(f, "", entry, (size_t)(value - entry));
	const struct conf_key *key = key_of_variable(f, name);

	value++;
	if (!key)
		return;
	bool of_load = verb ? verb == &leat_opt_load : strcmp(role, "server") != 0;
	bool of_server = verb ? verb != &leat_opt_load : strcmp(role, "client") != 0;
	if ((key->of_load && !of_load) || (key->of_server && !of_server))
		return;
	if (strlen(value) > CONF_SCALAR_MAX || *value == '\0')
		leat_conf_error_add(&f->conf.errors, 0, 0, name,
			*value ? "more than %d octets" : "has no value; unset it", CONF_SCALAR_MAX);
	else
		set_variable(f, key, name, value);
}

void leat_file_environment(struct file *f, const struct opt_verb *verb, char *const *environment)
{
	static const char *const first[] = {"LEAT_ROLE=", "LEAT_LISTEN_PORT="};

	if (!f->path && verb == &leat_opt_load)
		leat_conf_override(&f->conf, key_of("role"), CONF_ITEM_NONE, "client", NULL);
	/* Which keys are ours depends on the role; what http gives is said of its listeners. */
	for (uint32_t pass = 0; pass <= COUNT_OF(first); pass++) {
		for (char *const *e = environment; *e; e++) {
			uint32_t of = 0;

			while (of < COUNT_OF(first) &&
				strncmp(*e, first[of], strlen(first[of])) != 0)
				of++;
			if (of == pass && is_variable(*e))
				take_variable(f, verb, *e);
		}
	}
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
	bool serves = strcmp(leat_conf_text(&f->conf, "role", CONF_ITEM_NONE), "client") != 0;
	if (first && serves && !f->path && listener_cnt(&f->conf) == 0)
		add_listener(f, "80:http", NULL);
}

/* override_formats takes "json,html" apart. */
static void override_formats(struct file *f, const struct conf_key *key, const char *value)
{
	size_t octets;

	for (;; value += octets + 1) {
		octets = strcspn(value, ",");
		override_one(f, key, "formats", keep(f, "", value, octets));
		if (value[octets] == '\0')
			return;
	}
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
		if (key && row && strcmp(row->name, "formats") == 0)
			override_formats(f, key, value);
		else if (key && row && key != listen)
			override_one(f, key, row->name, value ? value : "yes");
	}
}

bool leat_file_takes(
	const struct opt_verb *verb, const struct opt_line *line, char name[OPT_WHY_MAX])
{
	uint32_t idx;

	for (int i = 0; i < line->argc; i++) {
		split(line->argv[i], name);
		if (row_of(verb, name, &idx) == NULL && strcmp(name, "config") != 0)
			return false;
	}
	return true;
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

/* formats_option is all of a list, "json,html", said with its first. */
static const char *formats_option(
	const struct conf *c, const struct conf_setting *s, char *value, size_t size)
{
	size_t at = 0;

	if (s != leat_conf_find(c, s->key, CONF_ITEM_NONE, NULL))
		return NULL;
	for (; s && at < size; s = leat_conf_find(c, s->key, CONF_ITEM_NONE, s))
		at += (size_t)snprintf(value + at, size - at, "%s%s", at > 0 ? "," : "", s->text);
	return "formats";
}

/* expect_option is a rule, "connect_p99 < 500us", from a key of that name. */
static const char *expect_option(const struct conf_setting *s, char *value, size_t size)
{
	char name[CONF_PATH_MAX];

	leat_conf_key_name(s->key, name);
	snprintf(value, size, "%s %s", name, s->text);
	return "expect";
}

/* is_service_bad: a service that is none was refused where it stands; with its port, as an option
 * has the two, it would be once more. */
static bool is_service_bad(const struct conf *c, const struct conf_setting *s)
{
	const struct conf_setting *app =
		leat_conf_find(c, key_of("listen[].app"), s->section, NULL);

	return s->key == key_of("listen[].port") && app && app->bad;
}

/* as_option says which option of verb a setting is, NULL for none, and writes its value. */
static const char *as_option(const struct conf *c, const struct opt_verb *verb,
	const struct conf_setting *s, char *value, size_t size)
{
	const struct conf_key *key = s->key, *parent = leat_conf_key_parent(key);
	char why[CONF_WHY_MAX];
	uint64_t n;

	if (s->bad || !s->text || !is_of(key, verb) || is_service_bad(c, s))
		return NULL;
	if (parent && strcmp(parent->path, "expect") == 0)
		return expect_option(s, value, size);
	if (strcmp(key->path, "report.format") == 0) {
		snprintf(value, size, "%s", strcmp(s->text, "json") == 0 ? "yes" : "no");
		return "json";
	}
	if (!key->option)
		return NULL;
	if (strcmp(key->path, "report.formats[]") == 0)
		return formats_option(c, s, value, size);
	if (strcmp(key->path, "listen[].port") == 0)
		listen_option(c, s, value, size);
	else if (key->type.kind == CONF_KIND_COUNT &&
		 leat_conf_value_read(&key->type, s->text, &n, why, sizeof(why)))
		snprintf(value, size, "%" PRIu64, n);
	else
		snprintf(value, size, "%s", s->text);
	return key->option;
}

bool leat_file_device(
	struct file *f, const char *option, const char *device, char *why, size_t size)
{
	uint32_t idx;

	return leat_opt_read(row_of(&leat_opt_serve, option, &idx), device, &f->serve, why, size);
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
		given |= opt_given_bit(idx);
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
		leat_conf_print_errors(c, f->path, f->runs ? "changed" : "started", err);
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
	if (f->path || leat_conf_find(c, key_of("name"), CONF_ITEM_NONE, NULL))
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
