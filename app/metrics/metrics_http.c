/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_MAX 16
#define PATIENCE_S 10
#define TEXT_PLAIN "text/plain; charset=utf-8"
#define TEXT_PROM  "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_OPEN  "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct metrics_server {
	struct MHD_Daemon *daemon;
	struct metrics_source source;
	struct watch_snapshot snapshot; /* of the one thread there is */
};

/* respond sends text, which is freed with the response. */
static enum MHD_Result respond(
	struct MHD_Connection *c, unsigned status, const char *type, char *text, size_t octets)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(octets, text, MHD_RESPMEM_MUST_FREE);

	if (r == NULL) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	enum MHD_Result sent = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return sent;
}

/* say answers with a line: before, what, after. */
static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *before,
	const char *what, const char *after)
{
	char *text = NULL;
	int octets = asprintf(&text, "%s%s%s\n", before, what, after);

	return octets < 0 ? MHD_NO : respond(c, status, TEXT_PLAIN, text, (size_t)octets);
}

static enum MHD_Result metrics(struct metrics_server *m, struct MHD_Connection *c, bool ready)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const char *shards = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "shards");
	struct metrics_form form = {
		.open = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL,
		.sum = shards != NULL && strcmp(shards, "sum") == 0};
	char *text = NULL;
	size_t octets = 0;

	if (shards != NULL && !form.sum)
		return say(
			c, MHD_HTTP_BAD_REQUEST, "shards=", shards, ": only shards=sum is known");
	FILE *out = open_memstream(&text, &octets);
	if (out == NULL)
		return MHD_NO;
	leat_metrics_print(&m->snapshot, ready, form, out);
	if (fclose(out) != 0) {
		free(text);
		return MHD_NO;
	}
	return respond(c, MHD_HTTP_OK, form.open ? TEXT_OPEN : TEXT_PROM, text, octets);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_octets,
	void **own)
{
	struct metrics_server *m = arg;
	const char *why = NULL;

	(void)version;
	(void)upload;
	(void)own;
	if (*upload_octets != 0) { /* nobody wants it */
		*upload_octets = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, method, ": only GET", "");
	bool live = strcmp(url, "/livez") == 0, ready = strcmp(url, "/readyz") == 0;
	bool all = strcmp(url, "/metrics") == 0;
	if (!live && !ready && !all)
		return say(c, MHD_HTTP_NOT_FOUND, url, " is not here; /metrics /livez /readyz", "");
	if (!m->source.take(m->source.arg, &m->snapshot))
		return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "ending", "", "");
	bool is_ready = m->source.ready(&m->snapshot, &why);
	if (all)
		return metrics(m, c, is_ready);
	if (live && m->source.lives(&m->snapshot))
		return say(c, MHD_HTTP_OK, "live", "", "");
	if (live)
		return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "a shard does not turn", "", "");
	if (is_ready)
		return say(c, MHD_HTTP_OK, "ready", "", "");
	return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready: ", why, "");
}

/* open_socket listens at an address; -1: errno says why, which the library's own way loses. */
static int open_socket(const struct sockaddr *at, socklen_t octets)
{
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(at->sa_family != AF_INET6 ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
		bind(fd, at, octets) == 0 && listen(fd, CLIENT_MAX) == 0)
		return fd;
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

/* listen_at starts the daemon, whose thread takes over where the caller may run, and which has the
 * socket from then on. */
static struct MHD_Daemon *listen_at(struct metrics_server *m, const struct sockaddr *at,
	socklen_t octets, unsigned flags, const cpu_set_t *cpus)
{
	int fd = open_socket(at, octets);
	cpu_set_t before;

	if (fd < 0)
		return NULL;
	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	pthread_setaffinity_np(pthread_self(), sizeof(*cpus), cpus);
	errno = 0;
	struct MHD_Daemon *d = MHD_start_daemon(flags | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
		NULL, answer, m, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		CLIENT_MAX, MHD_OPTION_CONNECTION_TIMEOUT, PATIENCE_S, MHD_OPTION_END);
	int error = errno;
	pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
	errno = error;
	return d;
}

struct metrics_server *leat_metrics_start(const char *address, uint16_t port, const cpu_set_t *cpus,
	const struct metrics_source *source, char why[METRICS_WHY_MAX])
{
	struct sockaddr_in at4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct metrics_server *m = malloc(sizeof(*m));

	if (m == NULL) {
		snprintf(why, METRICS_WHY_MAX, "no memory");
		return NULL;
	}
	*m = (struct metrics_server){.source = *source};
	if (inet_pton(AF_INET, address, &at4.sin_addr) == 1)
		m->daemon = listen_at(m, (const struct sockaddr *)&at4, sizeof(at4), 0, cpus);
	else if (inet_pton(AF_INET6, address, &at6.sin6_addr) == 1)
		m->daemon = listen_at(
			m, (const struct sockaddr *)&at6, sizeof(at6), MHD_USE_IPv6, cpus);
	else
		errno = EINVAL;
	if (m->daemon != NULL)
		return m;
	snprintf(why, METRICS_WHY_MAX, "%s",
		errno != 0 ? strerror(errno) : "it cannot be listened there");
	free(m);
	return NULL;
}

void leat_metrics_stop(struct metrics_server *m)
{
	if (m == NULL)
		return;
	MHD_stop_daemon(m->daemon);
	free(m);
}
