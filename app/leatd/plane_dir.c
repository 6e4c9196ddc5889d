/* SPDX-License-Identifier: BSD-3-Clause */
#include "plane_dir.h"

#include "base_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_MAX  (PATH_MAX + 8)            /* of the directory with all instances */
#define ENTRY_MAX (BASE_MAX + NAME_MAX + 2) /* of one instance */

/* default_dir is where EAL would put its files. */
static const char *default_dir(void)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");

	if (dir == NULL && getuid() == 0)
		dir = "/var/run";
	if (dir == NULL)
		dir = getenv("XDG_RUNTIME_DIR");
	return dir != NULL ? dir : "/tmp";
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	/* What cannot be removed stays; the rest goes. */
	(void)remove(path);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* is_abandoned says whether path, the directory of process pid, is of an instance that was killed:
 * no such process, and nobody holds EAL's lock on its config. */
static bool is_abandoned(const char *path, int pid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char config[ENTRY_MAX + 8];
	bool held = false;

	if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
		return false;
	snprintf(config, sizeof(config), "%s/config", path);
	int fd = open(config, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		held = fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
		close(fd);
	}
	return !held;
}

/* sweep removes from dir what killed instances of this name left there. */
static void sweep(const char *dir, const char *name)
{
	size_t name_octets = strlen(name);
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[ENTRY_MAX];

	while (d != NULL && (entry = readdir(d)) != NULL) {
		const char *dash = entry->d_name + name_octets;

		if (strncmp(entry->d_name, name, name_octets) != 0 || *dash != '-' ||
			dash[1 + strspn(dash + 1, "0123456789")] != '\0')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (is_abandoned(path, atoi(dash + 1)))
			remove_tree(path);
	}
	if (d != NULL)
		closedir(d);
}

enum opt_exit leat_dir_open(struct plane_dir *d, const char *name)
{
	char path[BASE_MAX];
	const char *tmp = getenv("TMPDIR");

	d->shared = name == NULL;
	snprintf(path, sizeof(path), "%s/dpdk", default_dir());
	if ((mkdir(path, 0700) == 0 || errno == EEXIST) && access(path, W_OK | X_OK) == 0) {
		if (name != NULL)
			sweep(path, name);
		return OPT_EXIT_OK;
	}
	snprintf(d->own, sizeof(d->own), "%s/leat-XXXXXX",
		tmp != NULL && strlen(tmp) < 64 ? tmp : "/tmp");
	if (mkdtemp(d->own) == NULL) {
		leat_log(LOG_LV_ERROR, "eal", "cannot make %s: %s; set RUNTIME_DIRECTORY", d->own,
			strerror(errno));
		d->own[0] = '\0';
		return OPT_EXIT_RESOURCE;
	}
	setenv("RUNTIME_DIRECTORY", d->own, 1);
	return OPT_EXIT_OK;
}

void leat_dir_used(struct plane_dir *d, const char *path)
{
	snprintf(d->used, sizeof(d->used), "%s", path);
}

void leat_dir_close(struct plane_dir *d)
{
	if (d->used[0] != '\0' && !d->shared)
		remove_tree(d->used);
	if (d->own[0] != '\0')
		remove_tree(d->own);
	*d = (struct plane_dir){.own = ""};
}
