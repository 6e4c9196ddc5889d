/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel_server PORT: the server of bench_connection on the kernel's TCP.
 *
 * One thread, epoll, SO_REUSEPORT; a response of 64 octets to whatever comes, and the server closes
 * first.  Prints a line when it listens. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define EVENTS  256

static const char response[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n"
	"Connection: close\r\n\r\n"
	"################################################################";

static int listening(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
		bind(s, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(s, BACKLOG) != 0) {
		perror("kernel_server");
		exit(1);
	}
	return s;
}

static void watch(int epoll, int s)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = s};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, s, &ev) != 0)
		close(s);
}

/* The request is there with the handshake's last segment, mostly. */
static void serve(int s)
{
	char request[2048];
	ssize_t octets = recv(s, request, sizeof(request), 0);

	if (octets < 0 && errno == EAGAIN)
		return;
	if (octets > 0 && send(s, response, sizeof(response) - 1, MSG_NOSIGNAL) < 0)
		errno = 0; /* the peer is gone: so are we */
	close(s);
}

int main(int argc, char **argv)
{
	int listener, epoll = epoll_create1(0);
	struct epoll_event ev[EVENTS];

	if (argc != 2 || epoll < 0) {
		fprintf(stderr, "usage: kernel_server PORT\n");
		return 2;
	}
	listener = listening((uint16_t)strtoul(argv[1], NULL, 10));
	watch(epoll, listener);
	puts("listening");
	fflush(stdout);
	for (;;) {
		int cnt = epoll_wait(epoll, ev, EVENTS, -1);

		for (int i = 0; i < cnt; i++) {
			int s = ev[i].data.fd;

			if (s != listener) {
				serve(s);
				continue;
			}
			while ((s = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				watch(epoll, s);
		}
	}
}
