/* SPDX-License-Identifier: BSD-3-Clause */
/* reconnect: the kernel's client, again and again from the same ports.
 *
 *	reconnect ADDRESS PORT FIRST PORTS TOTAL FLIGHT AGAIN
 *
 * Makes TOTAL connections, FLIGHT at a time, the i-th from local port FIRST + i % PORTS; each asks
 * http for one octet, reads to the end, which the server closes, and closes.  A SYN goes again
 * AGAIN times.  At the end: done N, refused N (no answer that counts), other N.
 *
 * Errors     a line on stderr and exit code 1. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64

static const char request[] = "GET /bytes/1 HTTP/1.0\r\n\r\n";

static struct {
	struct sockaddr_in to;
	uint32_t first, ports, total, flight, again;
	uint32_t begun, open, done, refused, other;
	int poll;
} run;

static void fail(const char *what)
{
	fprintf(stderr, "reconnect: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ended(int fd, int error)
{
	if (error == 0)
		run.done++;
	else if (error == ETIMEDOUT)
		run.refused++;
	else if (run.other++ == 0)
		fprintf(stderr, "reconnect: connection %u: %s\n", run.begun, strerror(error));
	if (fd >= 0)
		close(fd);
	run.open--;
}

static void begin(void)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)(run.first + run.begun % run.ports))};
	struct epoll_event ev = {.events = EPOLLOUT};
	const int on = 1, again = (int)run.again;

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		fail("socket");
	run.begun++;
	run.open++;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &again, sizeof(again)) != 0)
		fail("setsockopt");
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
		(connect(fd, (struct sockaddr *)&run.to, sizeof(run.to)) != 0 &&
			errno != EINPROGRESS)) {
		ended(fd, errno);
		return;
	}
	ev.data.fd = fd;
	if (epoll_ctl(run.poll, EPOLL_CTL_ADD, fd, &ev) != 0)
		fail("epoll_ctl");
}

/* connected sends the request. */
static void connected(int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data = {.fd = fd}};
	socklen_t octets = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &octets) != 0)
		fail("getsockopt");
	if (error == 0 && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		error = errno;
	if (error != 0)
		ended(fd, error);
	else if (epoll_ctl(run.poll, EPOLL_CTL_MOD, fd, &ev) != 0)
		fail("epoll_ctl");
}

static void readable(int fd)
{
	char text[4096];
	ssize_t octets;

	while ((octets = recv(fd, text, sizeof(text), 0)) > 0)
		;
	if (octets == 0)
		ended(fd, 0);
	else if (errno != EAGAIN)
		ended(fd, errno);
}

static uint32_t number(const char *text, uint32_t least, uint32_t most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n < least || n > most) {
		fprintf(stderr, "reconnect: %s is not from %u to %u\n", text, least, most);
		exit(1);
	}
	return (uint32_t)n;
}

int main(int argc, char **argv)
{
	struct epoll_event ev[EVENTS];

	if (argc != 8 || inet_pton(AF_INET, argv[1], &run.to.sin_addr) != 1) {
		fprintf(stderr, "usage: reconnect ADDRESS PORT FIRST PORTS TOTAL FLIGHT AGAIN\n");
		return 1;
	}
	run.to.sin_family = AF_INET;
	run.to.sin_port = htons((uint16_t)number(argv[2], 1, UINT16_MAX));
	run.first = number(argv[3], 1, UINT16_MAX);
	run.ports = number(argv[4], 1, UINT16_MAX - run.first + 1);
	run.total = number(argv[5], 1, UINT32_MAX);
	run.flight = number(argv[6], 1, run.ports);
	run.again = number(argv[7], 1, 100);
	run.poll = epoll_create1(0);
	if (run.poll < 0)
		fail("epoll_create1");
	while (run.begun < run.total || run.open > 0) {
		while (run.begun < run.total && run.open < run.flight)
			begin();
		int cnt = epoll_wait(run.poll, ev, EVENTS, run.open > 0 ? -1 : 0);
		for (int i = 0; i < cnt; i++) {
			if (ev[i].events & EPOLLIN)
				readable(ev[i].data.fd);
			else
				connected(ev[i].data.fd);
		}
	}
	printf("done %u, refused %u, other %u\n", run.done, run.refused, run.other);
	return 0;
}
