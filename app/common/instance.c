/* SPDX-License-Identifier: BSD-3-Clause */
#include "instance.h"

#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX     ".sock"
#define SYSTEM     "/run/leat" /* of root, and of services */

#define LOCK_TRIES 100 /* 10 ms apart */
#define CONNECT_S  5

bool leat_instance_dir(char *dir, size_t size, bool create)
{
	const char *given = getenv("RUNTIME_DIRECTORY"), *session = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (given != NULL && *given == '/')
		snprintf(dir, size, "%s", given);
	else if (geteuid() == 0)
		snprintf(dir, size, SYSTEM);
	else if (session != NULL && *session == '/')
		snprintf(dir, size, "%s/leat", session);
	else
		snprintf(dir, size, "/tmp/leat-%u", (unsigned)geteuid());
	if (create && mkdir(dir, 0700) != 0 && errno != EEXIST) {
		fprintf(stderr, "leat: cannot make %s: %s; set RUNTIME_DIRECTORY\n", dir,
			strerror(errno));
		return false;
	}
	if (create && (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode))) {
		fprintf(stderr, "leat: %s is no directory; set RUNTIME_DIRECTORY\n", dir);
		return false;
	}
	/* In /tmp somebody else may have been first. */
	if (create && st.st_uid != geteuid()) {
		fprintf(stderr, "leat: %s is another user's; set RUNTIME_DIRECTORY\n", dir);
		return false;
	}
	return true;
}

/* path_in writes DIR/NAME.sock; false: it is too long for a socket. */
static bool path_in(const char *dir, const char *name, char *path, size_t size)
{
	int octets = snprintf(path, size, "%s/%s" SUFFIX, dir, name);

	return octets >= 0 && (size_t)octets < size && octets < INSTANCE_PATH_MAX;
}

bool leat_instance_path(const char *name, char *path, size_t size, bool create)
{
	char dir[INSTANCE_PATH_MAX];

	if (!leat_instance_dir(dir, sizeof(dir), create))
		return false;
	if (!path_in(dir, name, path, size)) {
		fprintf(stderr,
			"leat: %s/%s" SUFFIX
			" is too long for a socket; set RUNTIME_DIRECTORY to a shorter one\n",
			dir, name);
		return false;
	}
	return true;
}

bool leat_instance_is_name(const char *text, const char **name, char *why, size_t size)
{
	*name = text;
	if (*text != '\0' && strlen(text) < INSTANCE_NAME_MAX && strchr(text, '/') == NULL)
		return true;
	snprintf(why, size, "`%s` is no name of an instance", text);
	return false;
}

/* name_octets is how many of a socket's file name are before .sock; 0: it is none of ours. */
static size_t name_octets(const char *file)
{
	size_t octets = strlen(file), suffix = strlen(SUFFIX);

	if (octets <= suffix || strcmp(file + octets - suffix, SUFFIX) != 0)
		return 0;
	return octets - suffix;
}

const char *leat_instance_of(const char *path)
{
	static _Thread_local char name[INSTANCE_PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : path);
	size_t octets = name_octets(name);
	if (octets > 0)
		name[octets] = '\0';
	return name;
}

/* -1: nobody listens there; or, with SOCK_NONBLOCK as more, EAGAIN: more wait there than it
 * takes. */
static int connect_to(const char *path, int more)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | more, 0);

	/* Of one that is stopped the kernel takes a few, and then none. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = CONNECT_S},
			sizeof(struct timeval));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* connect_in connects to the instance of that name in a directory. */
static int connect_in(const char *dir, const char *name)
{
	char path[INSTANCE_PATH_MAX];

	if (path_in(dir, name, path, sizeof(path)))
		return connect_to(path, 0);
	errno = ENAMETOOLONG;
	return -1;
}

/* asks_system: who asks may be meant by --ctl-group of a service, too. */
static bool asks_system(const char *dir)
{
	return getenv("RUNTIME_DIRECTORY") == NULL && strcmp(dir, SYSTEM) != 0;
}

/* list_in adds the names of those that listen in a directory, and can be asked. */
static size_t list_in(const char *dir, char name[][INSTANCE_NAME_MAX], size_t cnt, size_t max)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d != NULL && cnt < max && (entry = readdir(d)) != NULL) {
		size_t octets = name_octets(entry->d_name);

		if (octets == 0 || octets >= INSTANCE_NAME_MAX)
			continue;
		memcpy(name[cnt], entry->d_name, octets);
		name[cnt][octets] = '\0';
		int fd = connect_in(dir, name[cnt]);
		if (fd >= 0)
			close(fd);
		else if (errno != EAGAIN) /* it listens, and takes no more */
			continue;
		cnt++;
	}
	if (d != NULL)
		closedir(d);
	return cnt;
}

size_t leat_instance_list(char name[][INSTANCE_NAME_MAX], size_t max)
{
	char dir[INSTANCE_PATH_MAX];

	if (!leat_instance_dir(dir, sizeof(dir), false))
		return 0;
	size_t cnt = list_in(dir, name, 0, max);
	if (asks_system(dir))
		cnt = list_in(SYSTEM, name, cnt, max);
	qsort(name, cnt, INSTANCE_NAME_MAX, by_name);
	return cnt;
}

/* only gives the name of the one instance there is. */
static bool only(const char *verb, char *name)
{
	char all[INSTANCE_MAX][INSTANCE_NAME_MAX], dir[INSTANCE_PATH_MAX];
	size_t cnt = leat_instance_list(all, INSTANCE_MAX);

	if (cnt == 1) {
		memcpy(name, all[0], INSTANCE_NAME_MAX);
		return true;
	}
	if (cnt == 0 && leat_instance_dir(dir, sizeof(dir), false))
		fprintf(stderr,
			"leat %s: no instance of this user runs (looked in %s); begin one with: "
			"%s try --hold\n",
			verb, dir, leat_text_call());
	for (size_t i = 0; i < cnt; i++)
		fprintf(stderr, "%s%s", i == 0 ? "leat: several run; name one with -n: " : ", ",
			all[i]);
	if (cnt > 0)
		fputc('\n', stderr);
	return false;
}

/* is_left: nobody listens at this socket, and nobody will. */
static bool is_left(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	int fd = connect_to(path, SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ECONNREFUSED;
}

int leat_instance_lock(void)
{
	const struct timespec step = {.tv_nsec = 10000000};
	char dir[INSTANCE_PATH_MAX];

	if (!leat_instance_dir(dir, sizeof(dir), false))
		return -1;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (uint32_t i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		nanosleep(&step, NULL);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

void leat_instance_sweep(void)
{
	char dir[INSTANCE_PATH_MAX], path[INSTANCE_PATH_MAX];
	const struct dirent *entry;

	if (!leat_instance_dir(dir, sizeof(dir), false))
		return;
	DIR *d = opendir(dir);
	while (d != NULL && (entry = readdir(d)) != NULL) {
		int octets = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);

		if (name_octets(entry->d_name) > 0 && octets >= 0 &&
			(size_t)octets < sizeof(path) && is_left(path))
			unlink(path);
	}
	if (d != NULL)
		closedir(d);
}

void leat_instance_stands(const char *verb, const char *name)
{
	fprintf(stderr, "leat %s: %s: no answer; its process stands still: is it stopped?\n", verb,
		name);
}

int leat_instance_connect(const char *verb, const char *name)
{
	char found[INSTANCE_NAME_MAX], path[INSTANCE_PATH_MAX], dir[INSTANCE_PATH_MAX];

	if (name == NULL && !only(verb, found))
		return -1;
	name = name != NULL ? name : found;
	if (!leat_instance_path(name, path, sizeof(path), false) ||
		!leat_instance_dir(dir, sizeof(dir), false))
		return -1;
	int fd = connect_to(path, 0);
	if (fd < 0 && errno == ENOENT && asks_system(dir)) {
		fd = connect_in(SYSTEM, name);
		if (fd < 0 && errno != ENOENT) /* it is there */
			path_in(SYSTEM, name, path, sizeof(path));
	}
	int error = errno;
	if (fd < 0 && error == EAGAIN)
		leat_instance_stands(verb, name);
	else if (fd < 0)
		fprintf(stderr, "leat %s: %s: %s; is it running, and of this user?\n", verb, path,
			strerror(error));
	errno = error;
	return fd;
}
