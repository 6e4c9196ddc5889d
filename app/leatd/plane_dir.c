/* SPDX-License-Identifier: BSD-3-Clause */
#include "plane_dir.h"

#include "base_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_MAX  (PATH_MAX + 8)            /* of the directory with all instances */
#define TRIES     64                        /* numbers of instances, from the process id on */
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

/* is_ours says whether we may write to directory path, and so may root when it has dropped its
 * capabilities: where it is another user's, what we make there we could not remove. */
static bool is_ours(const char *path)
{
	struct stat st;

	return access(path, W_OK | X_OK) == 0 && stat(path, &st) == 0 &&
	       (st.st_uid == geteuid() || geteuid() != 0);
}

/* lock_dir locks the instance's directory path as long as the result is open; -1: somebody else
 * holds it, or there is none, or, without create, no lock in it: then it is none of ours. */
static int lock_dir(const char *path, bool create)
{
	char file[ENTRY_MAX + 8];
	struct stat st;

	snprintf(file, sizeof(file), "%s/lock", path);
	int fd = open(file, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
	if (fd < 0)
		return -1;
	/* Whoever held it before us may have removed it before it let go. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink != 0)
		return fd;
	close(fd);
	return -1;
}

/* take_dir makes and locks the directory of an instance of name in base. */
static bool take_dir(struct plane_dir *d, const char *base, const char *name)
{
	for (int number = (int)getpid(), end = number + TRIES; number < end; number++) {
		snprintf(d->prefix, sizeof(d->prefix), "%s-%d", name, number);
		if (snprintf(d->used, sizeof(d->used), "%s/%s", base, d->prefix) >=
			(int)sizeof(d->used))
			break;
		if (mkdir(d->used, 0700) != 0 && errno != EEXIST)
			break;
		d->lock = lock_dir(d->used, true);
		if (d->lock >= 0)
			return true;
	}
	d->used[0] = '\0';
	return false;
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
		int lock = lock_dir(path, false);
		if (lock < 0)
			continue;
		remove_tree(path);
		close(lock);
	}
	if (d != NULL)
		closedir(d);
}

enum opt_exit leat_dir_open(struct plane_dir *d, const char *name)
{
	char path[BASE_MAX];
	const char *tmp = getenv("TMPDIR");

	*d = (struct plane_dir){.lock = -1};
	snprintf(path, sizeof(path), "%s/dpdk", default_dir());
	if ((mkdir(path, 0700) == 0 || errno == EEXIST) && is_ours(path)) {
		if (name == NULL)
			return OPT_EXIT_OK;
		sweep(path, name);
		if (take_dir(d, path, name))
			return OPT_EXIT_OK;
	}
	snprintf(
		d->prefix, sizeof(d->prefix), "%s-%d", name != NULL ? name : "leat", (int)getpid());
	snprintf(d->own, sizeof(d->own), "%s/leat-XXXXXX",
		tmp != NULL && strlen(tmp) < 64 ? tmp : "/tmp");
	if (mkdtemp(d->own) == NULL) {
		leat_log(LOG_LV_ERROR, "eal", "cannot make %s: %s; set RUNTIME_DIRECTORY", d->own,
			strerror(errno));
		d->own[0] = '\0';
		return OPT_EXIT_RESOURCE;
	}
	const char *given = getenv("RUNTIME_DIRECTORY");
	d->given = given != NULL ? strdup(given) : NULL;
	setenv("RUNTIME_DIRECTORY", d->own, 1);
	return OPT_EXIT_OK;
}

void leat_dir_begun(struct plane_dir *d)
{
	if (d->own[0] == '\0')
		return;
	if (d->given != NULL)
		setenv("RUNTIME_DIRECTORY", d->given, 1);
	else
		unsetenv("RUNTIME_DIRECTORY");
	free(d->given);
	d->given = NULL;
}

void leat_dir_close(struct plane_dir *d)
{
	if (d->used[0] != '\0')
		remove_tree(d->used);
	if (d->own[0] != '\0')
		remove_tree(d->own);
	if (d->lock >= 0)
		close(d->lock);
	*d = (struct plane_dir){.lock = -1};
}
