/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS_MAX 64

static double refuse(const char *what)
{
	fprintf(stderr, "bench_stream: %s: %s\n", what, strerror(errno));
	return 0;
}

static bool offload(int s, struct ifreq *r, uint32_t cmd, bool on)
{
	struct ethtool_value value = {.cmd = cmd, .data = on};

	r->ifr_data = (char *)&value;
	return ioctl(s, SIOCETHTOOL, r) == 0;
}

/* The loopback of this thread's own network, as it is wanted. */
static bool set_loopback(const struct stream_want *want)
{
	struct ifreq r = {.ifr_name = "lo"};
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	r.ifr_mtu = (int)want->mtu;
	bool ok = s >= 0 && ioctl(s, SIOCSIFMTU, &r) == 0;
	ok = ok && offload(s, &r, ETHTOOL_STSO, !want->cut);
	ok = ok && offload(s, &r, ETHTOOL_SGSO, !want->cut);
	ok = ok && offload(s, &r, ETHTOOL_SGRO, !want->cut);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	ok = ok && ioctl(s, SIOCSIFFLAGS, &r) == 0;
	if (s >= 0)
		close(s);
	return ok;
}

/* connect_all joins two sockets for each connection. */
static bool connect_all(int (*end)[2], uint32_t cnt)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t octets = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = listener >= 0 && bind(listener, (struct sockaddr *)&at, octets) == 0 &&
		  listen(listener, CONNS_MAX) == 0 &&
		  getsockname(listener, (struct sockaddr *)&at, &octets) == 0;

	for (uint32_t i = 0; ok && i < cnt; i++) {
		end[i][0] = socket(AF_INET, SOCK_STREAM, 0);
		ok = end[i][0] >= 0 && connect(end[i][0], (struct sockaddr *)&at, sizeof(at)) == 0;
		end[i][1] = ok ? accept(listener, NULL, NULL) : -1;
		ok = end[i][1] >= 0;
	}
	if (listener >= 0)
		close(listener);
	return ok;
}

/* A piece of each connection, there and out again. */
static uint64_t once(int (*end)[2], uint32_t cnt)
{
	static uint8_t out[STREAM_PIECE], in[STREAM_PIECE];
	uint64_t taken = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		ssize_t sent = send(end[i][0], out, sizeof(out), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return 0;
		for (;;) {
			ssize_t got = recv(end[i][1], in, sizeof(in), MSG_DONTWAIT);

			if (got <= 0)
				break;
			taken += (uint64_t)got;
		}
	}
	return taken;
}

static double measure(const struct stream_want *want, int (*end)[2])
{
	double best = 0;

	for (uint32_t part = 0; part <= want->parts; part++) {
		uint64_t octets = 0, from = bench_cycles(), idle = 0;

		while (octets < want->octets && idle < 1000000) {
			uint64_t taken = once(end, want->conns);

			idle = taken == 0 ? idle + 1 : 0;
			octets += taken;
		}
		double each = (double)(bench_cycles() - from) / (double)octets;

		if (idle != 0)
			return refuse("the kernel's stream stands still");
		if (part > 0 && (part == 1 || each < best)) /* the first is the warm-up */
			best = each;
	}
	return best;
}

double leat_stream_kernel(const struct stream_want *want)
{
	int end[CONNS_MAX][2];
	double best = 0;

	ASSERT(want->conns <= CONNS_MAX);
	memset(end, -1, sizeof(end));
	if (unshare(CLONE_NEWNET) != 0)
		return refuse("no network of its own, which needs root");
	if (!set_loopback(want))
		return refuse("the loopback cannot be set");
	if (connect_all(end, want->conns))
		best = measure(want, end);
	else
		refuse("the kernel's sockets");
	for (uint32_t i = 0; i < want->conns; i++) {
		for (uint32_t k = 0; k < 2; k++)
			if (end[i][k] >= 0)
				close(end[i][k]);
	}
	return best;
}
