/* SPDX-License-Identifier: BSD-3-Clause */
#include "room.h"

#include "base_bits.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_OCTETS (2 * PATH_MAX + 512) /* of mountinfo: two paths, and more */

/* One version of cgroups: how its mount is called, and its files. */
struct kind {
	const char *type, *controller, *limit, *used;
	const char *cached[2]; /* what files are cached in */
};

static const struct kind kinds[] = {
	{"cgroup2", "", "memory.max", "memory.current", {"inactive_file", "active_file"}},
	{"cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
		{"total_inactive_file", "total_active_file"}},
};

/* What is looked for, and what was found. */
struct look {
	const char *root;
	uint64_t total_octets; /* of the machine */
	struct room *r;
};

struct mount {
	char *from, *at, *type, *options;
};

static FILE *open_below(const char *root, const char *dir, const char *name)
{
	char path[2 * PATH_MAX];
	int octets = snprintf(path, sizeof(path), "%s%s/%s", root, dir, name);

	return octets > 0 && (size_t)octets < sizeof(path) ? fopen(path, "re") : NULL;
}

/* next_line reads a line without its end; what is longer is cut.  false: there is none. */
static bool next_line(FILE *f, char line[LINE_OCTETS])
{
	if (f == NULL || fgets(line, LINE_OCTETS, f) == NULL)
		return false;
	size_t octets = strcspn(line, "\n");
	for (int c = line[octets]; c != '\n' && c != EOF;)
		c = getc(f);
	line[octets] = '\0';
	return true;
}

/* read_number is a file's number; UINT64_MAX when it has none, or is not there. */
static uint64_t read_number(const char *root, const char *dir, const char *name)
{
	char line[LINE_OCTETS], *end = line;
	FILE *f = open_below(root, dir, name);
	uint64_t value = UINT64_MAX;

	if (next_line(f, line) && *line >= '0' && *line <= '9')
		value = strtoull(line, &end, 10);
	if (f != NULL)
		fclose(f);
	return end != line && *end == '\0' ? value : UINT64_MAX;
}

/* read_named is the number behind name in a file of many; 0: it is not there. */
static uint64_t read_named(const char *root, const char *dir, const char *file, const char *name)
{
	char line[LINE_OCTETS];
	size_t octets = strlen(name);
	uint64_t value = 0;
	FILE *f = open_below(root, dir, file);

	while (next_line(f, line)) {
		if (strncmp(line, name, octets) != 0 || line[octets] != ' ')
			continue;
		value = strtoull(line + octets, NULL, 10);
		break;
	}
	if (f != NULL)
		fclose(f);
	return value;
}

/* has_word: is word one of a list with commas? */
static bool has_word(const char *list, const char *word)
{
	size_t octets = strlen(word);

	for (;;) {
		size_t end = strcspn(list, ",");

		if (end == octets && strncmp(list, word, octets) == 0)
			return true;
		if (list[end] == '\0')
			return false;
		list += end + 1;
	}
}

/* unescape undoes the kernel's \040 for a blank. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* split finds the parts of a line of mountinfo, which it changes; false: it is none. */
static bool split(char *line, struct mount *m)
{
	char *at = strstr(line, " - "), *field = NULL;

	if (at == NULL)
		return false;
	*at = '\0';
	at += 3;
	m->type = strsep(&at, " ");
	strsep(&at, " "); /* its source */
	m->options = at;
	at = line;
	for (uint32_t i = 0; i < 5; i++) {
		m->from = field;
		field = strsep(&at, " ");
	}
	m->at = field;
	if (m->options == NULL || m->at == NULL || *m->at != '/')
		return false;
	unescape(m->from);
	unescape(m->at);
	return true;
}

/* below is where a cgroup is below a mount that begins at from; NULL: not there.  A namespace shows
 * what is outside of it as /.. and nothing of its names. */
static const char *below(const char *from, const char *path)
{
	size_t octets = strcmp(from, "/") == 0 ? 0 : strlen(from);
	const char *rest = path + octets;

	if (strncmp(path, from, octets) == 0 && (*rest == '/' || *rest == '\0'))
		return strncmp(rest, "/..", 3) == 0 ? NULL : rest;
	return strcmp(path, "/") == 0 || strncmp(from, "/..", 3) == 0 ? "" : NULL;
}

static void look_group(const struct look *l, const struct kind *k, const char *dir)
{
	uint64_t limit = read_number(l->root, dir, k->limit), room;
	uint64_t used = read_number(l->root, dir, k->used);

	if (limit >= l->total_octets)
		return;
	used = used == UINT64_MAX ? 0 : used;
	for (uint32_t i = 0; i < COUNT_OF(k->cached); i++)
		used -= u64_min(read_named(l->root, dir, "memory.stat", k->cached[i]), used);
	room = limit - u64_min(used, limit);
	if (room >= l->r->octets)
		return;
	l->r->octets = room;
	l->r->file = k->limit;
	snprintf(l->r->group, sizeof(l->r->group), "%s", dir);
}

/* look_up looks at a cgroup and at those that it is in. */
static void look_up(
	const struct look *l, const struct kind *k, const struct mount *m, const char *path)
{
	char dir[PATH_MAX];
	size_t least = strlen(m->at);
	const char *rest = below(m->from, path);

	if (rest == NULL || least + strlen(rest) >= sizeof(dir))
		return;
	strcpy(stpcpy(dir, m->at), strcmp(rest, "/") == 0 ? "" : rest);
	for (;;) {
		look_group(l, k, dir);
		char *last = strrchr(dir + least, '/');
		if (last == NULL)
			return;
		*last = '\0';
	}
}

/* own_path finds in which cgroup of this kind we are; NULL: in none. */
static const char *own_path(const struct look *l, const struct kind *k, char line[LINE_OCTETS])
{
	FILE *f = open_below(l->root, "/proc/self", "cgroup");
	const char *path = NULL;

	while (path == NULL && next_line(f, line)) {
		char *at = line;

		strsep(&at, ":");
		const char *controllers = strsep(&at, ":");
		if (at != NULL && *at == '/' && has_word(controllers, k->controller))
			path = at;
	}
	if (f != NULL)
		fclose(f);
	return path;
}

static void look_kind(const struct look *l, const struct kind *k)
{
	char own[LINE_OCTETS], line[LINE_OCTETS];
	const char *path = own_path(l, k, own);
	FILE *f = path != NULL ? open_below(l->root, "/proc/self", "mountinfo") : NULL;
	struct mount m;

	while (next_line(f, line)) {
		if (split(line, &m) && strcmp(m.type, k->type) == 0 &&
			(*k->controller == '\0' || has_word(m.options, k->controller)))
			look_up(l, k, &m, path);
	}
	if (f != NULL)
		fclose(f);
}

void leat_room_read(const char *root, struct room *r)
{
	struct look l = {.root = root, .r = r};
	uint64_t total = read_named(root, "/proc", "meminfo", "MemTotal:");

	*r = (struct room){.octets = read_named(root, "/proc", "meminfo", "MemAvailable:") << 10};
	l.total_octets = total != 0 ? total << 10 : UINT64_MAX;
	for (uint32_t i = 0; i < COUNT_OF(kinds); i++)
		look_kind(&l, &kinds[i]);
}

const char *leat_room_limit(const struct room *r, char *text)
{
	text[0] = '\0';
	if (r->group[0] != '\0')
		snprintf(text, ROOM_LIMIT_MAX, " (limit of the cgroup %s)", r->group);
	return text;
}
