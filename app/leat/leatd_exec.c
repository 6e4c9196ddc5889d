/* SPDX-License-Identifier: BSD-3-Clause */
#include "leatd_exec.h"

#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The directory leat itself is in; false when /proc does not tell. */
static bool own_dir(char *dir, size_t size)
{
	ssize_t octets = readlink("/proc/self/exe", dir, size - 1);
	char *slash;

	if (octets <= 0)
		return false;
	dir[octets] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static bool find(char *path, size_t size)
{
	static const char *const place[] = {"leatd", "../leatd/leatd", "../libexec/leat/leatd"};
	const char *given = getenv("LEATD");
	char dir[PATH_MAX];

	if (given && *given) {
		snprintf(path, size, "%s", given);
		if (!is_program(path))
			fprintf(stderr,
				"leat: LEATD: `%s` is no program; name leatd, or unset LEATD\n",
				path);
		return is_program(path);
	}
	if (own_dir(dir, sizeof(dir))) {
		for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
			int cnt = snprintf(path, size, "%s/%s", dir, place[i]);
			if (cnt > 0 && (size_t)cnt < size && is_program(path))
				return true;
		}
	}
	fprintf(stderr,
		"leat: leatd, the data plane, is not beside leat; name it: "
		"LEATD=/path/to/leatd %s ...\n",
		leat_text_call());
	return false;
}

int leat_leatd_exec(const char *verb, const struct opt_line *line)
{
	char path[PATH_MAX + 32], name[16];
	char *argv[OPT_LINE_MAX + 3];
	int argc = 0;

	if (!find(path, sizeof(path)))
		return OPT_EXIT_RESOURCE;
	snprintf(name, sizeof(name), "%s", verb);
	argv[argc++] = path;
	argv[argc++] = name;
	for (int i = 0; i < line->argc; i++)
		argv[argc++] = line->argv[i];
	argv[argc] = NULL;
	execv(path, argv);
	fprintf(stderr, "leat: cannot run %s: %s; name another: LEATD=/path/to/leatd %s %s\n", path,
		strerror(errno), leat_text_call(), verb);
	return OPT_EXIT_RESOURCE;
}
