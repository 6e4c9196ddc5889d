/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include "opt_group.h"

#include "base_bits.h"
#include "base_log.h"
#include "base_time.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG      16
#define ASKING_MS    5000 /* so long somebody who connected may take to ask */
#define READING_S    10   /* and to take what he is given */
#define ENDING_MS    2000 /* and for the rest of it, when we end */
#define SWEEP_MS     1000 /* between two looks for what may be given back */
#define STACK_OCTETS (256 << 10)
#define GROUPS_MAX   64

static gid_t reader = OPT_GROUP_NONE; /* who may read */

static bool bind_to(int fd, const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	mode_t mask = umask(0177); /* 0600 from its first moment */
	bool bound = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
	umask(mask);
	return bound;
}

/* Who may ask what. */
enum right {
	RIGHT_READ,
	RIGHT_WRITE, /* it changes something */
};

static const struct verb {
	const char *name;
	enum right right;
	void (*answer)(struct ctl_client *q, char *words);
} verbs[] = {
	{"capture", RIGHT_WRITE, leat_ctl_capture}, /* it shows what connections carry */
	{"conns", RIGHT_READ, leat_ctl_conns},
	{"kill", RIGHT_WRITE, leat_ctl_kill},
	{"follow", RIGHT_READ, leat_ctl_follow},
	{"drain", RIGHT_WRITE, leat_ctl_drain},
	{"undrain", RIGHT_WRITE, leat_ctl_undrain},
	{"stop", RIGHT_WRITE, leat_ctl_end},
	{"info", RIGHT_READ, leat_ctl_info},
	{"config", RIGHT_READ, leat_ctl_config},
	{"reload", RIGHT_WRITE, leat_ctl_reload},
	{"start", RIGHT_WRITE, leat_ctl_begin},
	{"rate", RIGHT_WRITE, leat_ctl_rate},
	{"why", RIGHT_READ, leat_ctl_why},
	{"snapshot", RIGHT_READ, leat_ctl_snapshot},
};

/* may_write says whether the user at the other end is ours, or root. */
static bool may_write(int fd)
{
	struct ucred who;
	socklen_t octets = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &octets) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
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

static void answer(struct ctl_client *q, char *line)
{
	char *rest = line;
	const char *name = strsep(&rest, " ");

	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (verbs[i].right == RIGHT_WRITE && !q->may_write)
			fprintf(q->out, "no 1 - `%s` is for the user of this instance, and root\n",
				name);
		else
			verbs[i].answer(q, rest != NULL ? rest : line + strlen(line));
		return;
	}
	fprintf(q->out, "no 1 - this leatd does not know `%s`; is it of another version?\n", name);
}

/* serve_client is the thread of one who asks.  Who does not read is given up after a while. */
static void *serve_client(void *arg)
{
	const struct timeval patience = {.tv_sec = READING_S};
	struct ctl_client *q = arg;
	char line[INSTANCE_QUESTION_MAX];

	setsockopt(q->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (read_question(q->ctl, q->fd, line, sizeof(line)))
		answer(q, line);
	/* The descriptor is closed by who joins: leat_ctl_stop may be about to shut it down. */
	fflush(q->out);
	shutdown(q->fd, SHUT_RDWR);
	atomic_store(&q->done, true);
	return NULL;
}

/* reap takes the slots back whose threads have ended. */
static void reap(struct ctl *c, bool all)
{
	for (uint32_t i = 0; i < CTL_CLIENT_MAX; i++) {
		struct ctl_client *q = &c->client[i];

		if (!q->used || (!all && !atomic_load(&q->done)))
			continue;
		pthread_join(q->thread, NULL);
		fclose(q->out);
		q->used = false;
	}
}

static bool begin_thread(struct ctl *c, pthread_t *thread, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_OCTETS);
	pthread_attr_setaffinity_np(&attr, sizeof(c->plane->eal.allowed), &c->plane->eal.allowed);
	int error = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	errno = error;
	return error == 0;
}

static void refuse(int fd, const char *why)
{
	char text[128];
	int octets = snprintf(text, sizeof(text), "no 3 - %s\n", why);

	(void)!send(fd, text, (size_t)octets, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void take_client(struct ctl *c, int fd)
{
	struct ctl_client *q = c->client;

	reap(c, false);
	while (q < c->client + CTL_CLIENT_MAX && q->used)
		q++;
	if (q == c->client + CTL_CLIENT_MAX) {
		refuse(fd, "10 ask already; end one of them (top, follow), or try again");
		return;
	}
	*q = (struct ctl_client){.ctl = c, .fd = fd, .may_write = may_write(fd), .shard = q->shard};
	q->out = fdopen(fd, "w");
	if (q->out == NULL) {
		refuse(fd, strerror(errno));
		return;
	}
	q->used = begin_thread(c, &q->thread, serve_client, q);
	if (!q->used)
		fclose(q->out);
}

/* sweep goes on with what shards that stood still hold of ours, or were not told; it waits for
 * nobody. */
static void sweep(struct ctl *c)
{
	leat_ctl_capture_sweep(c);
	if (pthread_mutex_trylock(&c->changing) != 0)
		return; /* until the next time */
	leat_ctl_change_sweep(c);
	leat_ctl_state_sweep(c);
	pthread_mutex_unlock(&c->changing);
}

static void *run(void *arg)
{
	struct ctl *c = arg;

	while (!atomic_load(&c->stop)) {
		struct pollfd p[2] = {{.fd = c->listen_fd, .events = POLLIN},
			{.fd = c->stop_fd[0], .events = POLLIN}};

		if (poll(p, 2, SWEEP_MS) < 0 && errno != EINTR)
			break;
		sweep(c);
		if ((p[0].revents & POLLIN) == 0)
			continue;
		int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			take_client(c, fd);
	}
	return NULL;
}

static bool start_thread(struct ctl *c)
{
	if (pipe2(c->stop_fd, O_CLOEXEC) != 0)
		return false;
	if (begin_thread(c, &c->thread, run, c))
		return true;
	int error = errno;
	close(c->stop_fd[0]);
	close(c->stop_fd[1]);
	errno = error;
	return false;
}

/* make_boxes gives each shard a box of ours. */
static bool make_boxes(struct ctl *c)
{
	c->box = aligned_alloc(CACHE_LINE, c->plane->shard_cnt * sizeof(*c->box));
	for (uint32_t i = 0; c->box != NULL && i < c->plane->shard_cnt; i++) {
		leat_shard_mail_init(&c->box[i]);
		leat_shard_box(c->plane->shard[i].shard, &c->box[i]);
	}
	return c->box != NULL;
}

void leat_ctl_group(const char *group)
{
	gid_t all[GROUPS_MAX];

	if (group == NULL)
		return;
	reader = leat_opt_group_id(group);
	/* Who owns a file may give it to a group that he is in; root is in none of ours. */
	int cnt = geteuid() == 0 ? getgroups(GROUPS_MAX - 1, all) : -1;
	if (cnt < 0)
		return;
	all[cnt] = reader;
	if (setgroups((size_t)cnt + 1, all) != 0)
		leat_log(LOG_LV_WARN, "leatd", "--ctl-group: %s", strerror(errno));
}

/* let_group lets the group of --ctl-group through to the socket.  The directory shows no more than
 * names. */
static void let_group(const char *path)
{
	char dir[INSTANCE_PATH_MAX];

	if (reader == OPT_GROUP_NONE)
		return;
	if (!leat_instance_dir(dir, sizeof(dir), false) || chmod(dir, 0755) != 0 ||
		chown(path, (uid_t)-1, reader) != 0 || chmod(path, 0660) != 0)
		leat_log(LOG_LV_WARN, "leatd",
			"--ctl-group: %s: %s; only this user, and root, can ask this instance",
			path, strerror(errno));
}

/* bind_name makes the socket of name, whose path c has, or, when another instance has it, of name
 * and process id. */
static bool bind_name(struct ctl *c, const char *name)
{
	char longer[2 * INSTANCE_NAME_MAX];

	if (bind_to(c->listen_fd, c->path))
		return true;
	snprintf(longer, sizeof(longer), "%.*s-%d", INSTANCE_NAME_MAX, name, (int)getpid());
	return errno == EADDRINUSE && leat_instance_path(longer, c->path, sizeof(c->path), true) &&
	       bind_to(c->listen_fd, c->path);
}

/* listen_as makes the socket and listens there.  What killed instances left is removed before. */
static bool listen_as(struct ctl *c, const char *name)
{
	if (!leat_instance_path(name, c->path, sizeof(c->path), true)) {
		c->path[0] = '\0';
		return false;
	}
	int lock = leat_instance_lock();
	if (lock >= 0)
		leat_instance_sweep();
	bool bound = bind_name(c, name);
	if (bound)
		let_group(c->path);
	bool listens = bound && listen(c->listen_fd, BACKLOG) == 0;
	int error = errno;
	if (bound && !listens)
		unlink(c->path);
	if (lock >= 0)
		close(lock);
	errno = error;
	return listens;
}

void leat_ctl_start(
	struct ctl *c, struct plane *plane, const struct ctl_role *role, const char *name)
{
	*c = (struct ctl){.plane = plane,
		.role = role,
		.clock = plane->clock,
		.began_ns = leat_shard_clock_wall_ns()};
	pthread_mutex_init(&c->putting, NULL);
	pthread_mutex_init(&c->changing, NULL);
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool bound = c->listen_fd >= 0 && listen_as(c, name);
	if (bound && make_boxes(c) && start_thread(c))
		return;
	if (c->path[0] != '\0')
		leat_log(LOG_LV_WARN, "leatd", "%s: %s%s", c->path, strerror(errno),
			bound ? "" : "; set RUNTIME_DIRECTORY");
	leat_log(LOG_LV_WARN, "leatd",
		"there is no control socket: leat conns, top and ctl cannot ask this instance");
	if (bound)
		unlink(c->path);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	c->listen_fd = -1;
}

/* await_clients lets those who ask finish what they have to say, for a while. */
static void await_clients(struct ctl *c)
{
	const struct timespec step = {.tv_nsec = TIME_MS};

	for (uint32_t ms = 0; ms < ENDING_MS; ms++) {
		bool busy = false;

		for (uint32_t i = 0; i < CTL_CLIENT_MAX; i++)
			busy |= c->client[i].used && !atomic_load(&c->client[i].done);
		if (!busy)
			break;
		nanosleep(&step, NULL);
	}
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
	await_clients(c);
	for (uint32_t i = 0; i < CTL_CLIENT_MAX; i++)
		if (c->client[i].used)
			shutdown(c->client[i].fd, SHUT_RDWR);
	reap(c, true);
	close(c->listen_fd);
	close(c->stop_fd[0]);
	close(c->stop_fd[1]);
	c->listen_fd = -1;
}

void leat_ctl_free(struct ctl *c)
{
	for (uint32_t i = 0; i < CTL_CLIENT_MAX; i++) {
		if (c->client[i].shard != NULL)
			leat_ctl_scan_free(c->client[i].shard, c->plane->shard_cnt);
		free(c->client[i].shard);
	}
	leat_ctl_capture_free(c);
	free(c->box);
	leat_ctl_change_free(c->change);
	free(c->follow);
	c->follow = NULL;
	c->change = NULL;
	c->box = NULL;
}

bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter)
{
	pthread_mutex_lock(&c->putting);
	bool put = leat_shard_mail_put(&c->box[shard], letter);
	pthread_mutex_unlock(&c->putting);
	return put;
}

bool leat_ctl_await(struct ctl *c, uint32_t shard, const atomic_bool *answered)
{
	return leat_plane_heard(c->plane, shard, answered, &c->stop, c->clock);
}

bool leat_ctl_turns(struct ctl *c, uint32_t shard)
{
	return leat_plane_shard_turns(c->plane, shard, ctl_now(c));
}

bool leat_ctl_pause(struct ctl_client *q, uint64_t for_ns)
{
	struct pollfd p[2] = {
		{.fd = q->fd, .events = POLLRDHUP}, {.fd = q->ctl->stop_fd[0], .events = POLLIN}};
	const struct timespec at_most = {
		.tv_sec = (time_t)(for_ns / TIME_S), .tv_nsec = (long)(for_ns % TIME_S)};

	if (fflush(q->out) != 0 || atomic_load(&q->ctl->stop))
		return false;
	int n = ppoll(p, 2, &at_most, NULL);
	return n == 0 || (n < 0 && errno == EINTR);
}
