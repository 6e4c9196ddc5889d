/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include "base_assert.h"
#include "base_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* call makes one request about name, with an IPv4 address as its argument. */
static int call(int fd, unsigned long request, const char *name, uint32_t address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	struct ifreq ifr = {.ifr_flags = 0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	return ioctl(fd, request, &ifr) == 0 ? 0 : -errno;
}

static int bring_up(int fd, const char *name)
{
	struct ifreq ifr = {.ifr_flags = 0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) != 0)
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &ifr) == 0 ? 0 : -errno;
}

int leat_link_up(const char *name, uint32_t address, uint8_t prefix_bits)
{
	uint32_t mask = prefix_bits == 0 ? 0 : UINT32_MAX << (32 - prefix_bits);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ASSERT(prefix_bits <= 32);
	int error = fd < 0 ? -errno : call(fd, SIOCSIFADDR, name, address);
	if (error == 0)
		error = call(fd, SIOCSIFNETMASK, name, mask);
	if (error == 0)
		error = bring_up(fd, name);
	if (error != 0)
		leat_log(LOG_LV_ERROR, "leatd", "%s: cannot set the kernel's address: %s", name,
			strerror(-error));
	if (fd >= 0)
		close(fd);
	return error;
}
