/* SPDX-License-Identifier: BSD-3-Clause */
#include "ask.h"
#include "cmd.h"
#include "conf_print.h"
#include "file.h"
#include "instance.h"
#include "leatd_exec.h"

#include "base_assert.h"
#include "base_bits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The options of a verb, and behind them those that leat alone knows. */
struct file_options {
	union {
		struct serve_options serve;
		struct load_options load;
	} of;
	const char *config;
	bool show;
};

#define USAGE_MAX  256
#define TOLD_LINES 128

/* A verb with our rows behind its own. */
struct file_verb {
	struct opt_verb verb;
	const struct opt_verb *bare;
	struct opt_row row[OPT_ROW_MAX];
	char usage[USAGE_MAX];
};

static struct file_verb extended;

static bool read_config(void *options, const char *text, char *why, size_t size)
{
	if (*text == '\0') {
		snprintf(why, size, "`` is no file; for example lab-a.yaml");
		return false;
	}
	((struct file_options *)options)->config = text;
	return true;
}

/* With a file or an environment, or to be shown, options are not looked at together: what those
 * have comes to them. */
static bool check(void *options, uint64_t given, char *why, size_t size)
{
	const struct file_options *o = options;

	return o->config || o->show || leat_file_has_env(environ) ||
	       extended.bare->check(options, given, why, size);
}

static bool has_letter(const struct opt_verb *verb, char letter)
{
	for (uint32_t i = 0; i < verb->row_cnt; i++)
		if (verb->row[i].letter == letter)
			return true;
	return false;
}

const struct opt_verb *leat_cmd_with_file(const struct opt_verb *bare)
{
	const struct opt_row config = {.name = "config",
		.letter = has_letter(bare, 'c') ? '\0' : 'c',
		.kind = OPT_KIND_OTHER,
		.read = read_config,
		.metavar = "FILE",
		.sentence = "take the rest from this file; options here go before what it says "
			    "(docs/config.md; leat check --keys)"};
	const struct opt_row show = {.name = "show",
		.kind = OPT_KIND_FLAG,
		.at = offsetof(struct file_options, show),
		.sentence = "print every key of a file, what holds for it, and where that comes "
			    "from, instead"};
	struct file_verb *e = &extended;

	ASSERT(bare->row_cnt + 2 <= OPT_ROW_MAX);
	e->bare = bare;
	e->verb = *bare;
	e->verb.row = e->row;
	e->verb.check = check;
	e->verb.usage = e->usage;
	memcpy(e->row, bare->row, bare->row_cnt * sizeof(e->row[0]));
	e->row[e->verb.row_cnt++] = config;
	if (bare == &leat_opt_plan || bare == &leat_opt_plan_load)
		e->row[e->verb.row_cnt++] = show;
	snprintf(e->usage, sizeof(e->usage), "%s\n       @ %s %s FILE [OPTION]...", bare->usage,
		bare->name, config.letter ? "-c" : "--config");
	return &e->verb;
}

/* of_role: a file of a client is planned as what load would take, if load has the options beside
 * it; NULL: it has not. */
static const struct opt_verb *of_role(
	const struct file *f, const struct opt_verb *bare, const struct opt_line *given)
{
	const char *role = leat_conf_text(&f->conf, "role", CONF_ITEM_NONE);
	char name[OPT_WHY_MAX];

	if (bare != &leat_opt_plan || f->path == NULL || role == NULL ||
		strcmp(role, "client") != 0)
		return bare;
	if (!leat_file_takes(&leat_opt_load, given, name)) {
		fprintf(stderr,
			"leat plan: --%s: %s is a client's, and load has no such option; leave it "
			"out\n",
			name, f->path);
		return NULL;
	}
	return &leat_opt_plan_load;
}

/* join makes the line of a file and the options that were given; an exit code when it cannot, or
 * when the file was to be shown only, else -1. */
static int join(struct file *f, const struct opt_verb **bare, const struct file_options *o,
	const struct opt_line *given, struct opt_line *line)
{
	if (!leat_file_read(f, o->config, stderr))
		return OPT_EXIT_CONFIG;
	if (!o->show)
		*bare = of_role(f, *bare, given);
	if (*bare == NULL)
		return OPT_EXIT_USAGE;
	/* What plan plans is what serve or load would take. */
	const struct opt_verb *verb = *bare == &leat_opt_load || *bare == &leat_opt_plan_load
					      ? &leat_opt_load
					      : &leat_opt_serve;

	leat_file_environment(f, o->show ? NULL : verb, environ);
	leat_file_override(f, verb, given);
	if (!leat_file_finish(f, o->show ? NULL : verb, stderr))
		return OPT_EXIT_CONFIG;
	if (o->show) {
		leat_conf_print_show(&f->conf, o->config, stdout);
		return OPT_EXIT_OK;
	}
	if (leat_file_line(f, verb, given, line))
		return -1;
	fprintf(stderr, "%s: more than leatd takes on a command line; leave something out\n",
		o->config ? o->config : "environment");
	return OPT_EXIT_CONFIG;
}

/* tell_told lets leatd know where its options came from, for leat ctl reload. */
static void tell_told(const char *config, const struct opt_line *given)
{
	char path[PATH_MAX], text[OPT_LINE_OCTETS + OPT_LINE_MAX] = "";
	size_t at = 0;

	unsetenv(INSTANCE_ENV_CONFIG);
	if (config == NULL || realpath(config, path) == NULL)
		return;
	for (int i = 0; i < given->argc; i++) {
		if (strncmp(given->argv[i], "--config", 8) == 0)
			continue;
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s%c", given->argv[i], INSTANCE_SEPARATOR);
		if (at >= sizeof(text))
			return;
	}
	setenv(INSTANCE_ENV_GIVEN, text, 1);
	setenv(INSTANCE_ENV_CONFIG, path, 1);
}

int leat_cmd_file(const struct opt_verb *bare, int argc, char **argv)
{
	static struct file_options o;
	static struct file file;
	const struct opt_verb *verb = leat_cmd_with_file(bare);
	struct opt_line given, line;
	int done = leat_opt_begin(verb, argc, argv, &o, &given);

	if (done >= 0)
		return done;
	if (!o.config && !o.show && !leat_file_has_env(environ))
		return leat_leatd_exec(verb->name, &given);
	done = join(&file, &bare, &o, &given, &line);
	tell_told(o.config, &given);
	return done >= 0 ? done : leat_leatd_exec(bare->name, &line);
}

/* What an instance says of its options: a line for the verb, the file, the command line, and each
 * variable of its environment. */
struct told {
	char *verb, *config, *given;
	char *environment[TOLD_LINES];
};

/* take_line: an empty one, when there is no other. */
static char *take_line(char **rest)
{
	static char none[1];
	char *line = strsep(rest, "\n");

	return line != NULL ? line : none;
}

static bool read_told(int fd, char *text, size_t size, struct told *t)
{
	size_t octets = 0, cnt = 0;
	ssize_t n;

	while (octets < size - 1 && (n = read(fd, text + octets, size - 1 - octets)) > 0)
		octets += (size_t)n;
	close(fd);
	text[octets] = '\0';
	*t = (struct told){.verb = take_line(&text), .config = take_line(&text)};
	t->given = take_line(&text);
	while (cnt < TOLD_LINES - 1 && text != NULL && *text != '\0')
		t->environment[cnt++] = take_line(&text);
	return *t->config == '/';
}

/* given_of makes a line of what stood beside the file. */
static bool given_of(char *text, struct opt_line *line)
{
	const char separator[] = {INSTANCE_SEPARATOR, '\0'};

	line->argc = 0;
	line->text_octets = 0;
	line->argv[0] = NULL;
	for (char *word; (word = strsep(&text, separator)) != NULL;) {
		char *value = strchr(word, '=');

		if (*word == '\0')
			continue;
		if (value != NULL)
			*value++ = '\0';
		if (!leat_opt_line_add(line, word + 2, value))
			return false;
	}
	return true;
}

int leat_cmd_reload(const char *name)
{
	static char text[INSTANCE_QUESTION_MAX], question[INSTANCE_QUESTION_MAX];
	static struct opt_line given, line;
	static struct file file;
	struct told told;
	int code, fd = leat_ask("ctl", name, "config", NULL, &code);

	if (fd < 0)
		return code;
	if (!read_told(fd, text, sizeof(text), &told) || !given_of(told.given, &given)) {
		fprintf(stderr,
			"leat ctl: the instance does not tell where its options are from\n");
		return OPT_EXIT_FAILED;
	}
	const struct opt_verb *verb =
		strcmp(told.verb, "load") == 0 ? &leat_opt_load : &leat_opt_serve;
	file.runs = true;
	if (!leat_file_read(&file, told.config, stderr))
		return OPT_EXIT_CONFIG;
	leat_file_environment(&file, verb, told.environment);
	leat_file_override(&file, verb, &given);
	if (!leat_file_finish(&file, verb, stderr))
		return OPT_EXIT_CONFIG;
	size_t at = (size_t)snprintf(question, sizeof(question), "reload ");
	bool fits = leat_file_line(&file, verb, &given, &line);
	for (int i = 0; i < line.argc && at < sizeof(question); i++)
		at += (size_t)snprintf(question + at, sizeof(question) - at, "%s%c", line.argv[i],
			INSTANCE_SEPARATOR);
	if (!fits || at >= sizeof(question) - 1) {
		fprintf(stderr, "%s: more than leatd takes on a command line\n", told.config);
		return OPT_EXIT_CONFIG;
	}
	return leat_ask_copy("ctl", name, question, NULL);
}
