/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include "base_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG   16
#define ASKING_MS 5000 /* so long somebody who connected may take to ask */
#define READING_S 10   /* and to take what he is given */

/* bind_to binds fd to path, which is left over when nobody listens there. */
static bool bind_to(int fd, const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	mode_t mask = umask(0177); /* 0600 from its first moment */
	bool bound = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
	if (!bound && errno == EADDRINUSE) {
		int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool left_over =
			probe >= 0 && connect(probe, (const struct sockaddr *)&at, sizeof(at)) != 0;

		if (probe >= 0)
			close(probe);
		errno = EADDRINUSE;
		if (left_over && unlink(path) == 0)
			bound = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
	}
	umask(mask);
	return bound;
}

/* read_question reads one line; false when there is none in time. */
static bool read_question(struct ctl *c, int fd, char *line, size_t size)
{
	size_t octets = 0;

	while (octets < size - 1) {
		struct pollfd p[2] = {
			{.fd = fd, .events = POLLIN}, {.fd = c->stop_fd[0], .events = POLLIN}};

		if (poll(p, 2, ASKING_MS) <= 0 || p[1].revents != 0)
			return false;
		ssize_t n = read(fd, line + octets, size - 1 - octets);
		if (n <= 0)
			return false;
		octets += (size_t)n;
		line[octets] = '\0';
		char *end = strchr(line, '\n');
		if (end != NULL) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

/* answer_one serves who has connected.  A reader who does not read is given up after a while. */
static void answer_one(struct ctl *c, int fd)
{
	const struct timeval patience = {.tv_sec = READING_S};
	char line[INSTANCE_QUESTION_MAX];

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!read_question(c, fd, line, sizeof(line))) {
		close(fd);
		return;
	}
	FILE *out = fdopen(fd, "w");
	if (out == NULL) {
		close(fd);
		return;
	}
	char *rest = line;
	const char *verb = strsep(&rest, " ");
	if (strcmp(verb, "conns") == 0)
		leat_ctl_conns(c, rest != NULL ? rest : line + strlen(line), out);
	else
		fprintf(out, "no 1 0 this leatd does not know `%s`; is it of another version?\n",
			verb);
	fclose(out);
}

static void *run(void *arg)
{
	struct ctl *c = arg;

	while (!atomic_load(&c->stop)) {
		struct pollfd p[2] = {{.fd = c->listen_fd, .events = POLLIN},
			{.fd = c->stop_fd[0], .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if ((p[0].revents & POLLIN) == 0)
			continue;
		int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			answer_one(c, fd);
	}
	return NULL;
}

static bool start_thread(struct ctl *c)
{
	pthread_attr_t attr;

	if (pipe2(c->stop_fd, O_CLOEXEC) != 0)
		return false;
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(c->plane->eal.allowed), &c->plane->eal.allowed);
	int error = pthread_create(&c->thread, &attr, run, c);
	pthread_attr_destroy(&attr);
	if (error == 0)
		return true;
	close(c->stop_fd[0]);
	close(c->stop_fd[1]);
	errno = error;
	return false;
}

/* make_boxes gives each shard a box of ours. */
static bool make_boxes(struct ctl *c)
{
	c->shard = aligned_alloc(CACHE_LINE, c->plane->shard_cnt * sizeof(*c->shard));
	for (uint32_t i = 0; c->shard != NULL && i < c->plane->shard_cnt; i++) {
		memset(&c->shard[i], 0, sizeof(c->shard[i]));
		leat_shard_mail_init(&c->shard[i].box);
		leat_shard_box(c->plane->shard[i].shard, &c->shard[i].box);
	}
	return c->shard != NULL;
}

/* bind_name makes the socket of name, or, when another instance has it, of name and process id. */
static bool bind_name(struct ctl *c, const char *name)
{
	char longer[2 * INSTANCE_NAME_MAX];

	if (!leat_instance_path(name, c->path, sizeof(c->path), true))
		return false;
	if (bind_to(c->listen_fd, c->path))
		return true;
	snprintf(longer, sizeof(longer), "%.*s-%d", INSTANCE_NAME_MAX, name, (int)getpid());
	return errno == EADDRINUSE && leat_instance_path(longer, c->path, sizeof(c->path), true) &&
	       bind_to(c->listen_fd, c->path);
}

void leat_ctl_start(struct ctl *c, struct plane *plane, const char *name)
{
	*c = (struct ctl){.plane = plane};
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool bound = c->listen_fd >= 0 && bind_name(c, name);
	if (bound && listen(c->listen_fd, BACKLOG) == 0 && make_boxes(c) && start_thread(c))
		return;
	leat_log(LOG_LV_WARN, "leatd", "%s: %s; leat conns cannot ask this instance", c->path,
		strerror(errno));
	if (bound)
		unlink(c->path);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	c->listen_fd = -1;
}

void leat_ctl_stop(struct ctl *c)
{
	if (c->listen_fd < 0)
		return;
	unlink(c->path); /* while it is ours for certain */
	atomic_store(&c->stop, true);
	if (write(c->stop_fd[1], "", 1) < 0)
		leat_log(LOG_LV_WARN, "leatd", "ctl: %s", strerror(errno));
	pthread_join(c->thread, NULL);
	close(c->listen_fd);
	close(c->stop_fd[0]);
	close(c->stop_fd[1]);
	c->listen_fd = -1;
}

void leat_ctl_free(struct ctl *c)
{
	free(c->shard);
	c->shard = NULL;
}
