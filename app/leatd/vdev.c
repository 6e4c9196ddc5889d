/* SPDX-License-Identifier: BSD-3-Clause */
#include "vdev.h"

#include "base_log.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_OCTETS sizeof(((struct sockaddr_un *)0)->sun_path)

bool leat_vdev_is(const char *vdev, const char *driver)
{
	return vdev != NULL && strncmp(vdev, driver, strlen(driver)) == 0;
}

bool leat_vdev_argument(const char *vdev, const char *key, char *value, size_t size)
{
	for (const char *p = strchr(vdev, ','); p != NULL; p = strchr(p + 1, ',')) {
		if (strncmp(p + 1, key, strlen(key)) != 0 || p[1 + strlen(key)] != '=')
			continue;
		p += strlen(key) + 2;
		snprintf(value, size, "%.*s", (int)strcspn(p, ","), p);
		return true;
	}
	return false;
}

/* claim takes name for this process; false: another has it.  The descriptor stays open: what it is
 * for ends with the process, however that ends. */
static bool claim(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* The first octet stays 0: no file is made. */
	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "leat-%s", name);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return true;
	bool taken = fd >= 0 && errno == EADDRINUSE;
	if (fd >= 0)
		close(fd);
	return !taken;
}

static enum opt_exit claim_interface(const char *vdev)
{
	char interface[64], name[64];

	if (!leat_vdev_argument(vdev, "iface", interface, sizeof(interface)))
		return OPT_EXIT_OK;
	/* By its number, which it keeps when it is renamed. */
	snprintf(name, sizeof(name), "af_packet-%u", if_nametoindex(interface));
	if (claim(name))
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd",
		"another leatd is on the interface %s, and both would answer every frame; end it, "
		"or take another interface",
		interface);
	return OPT_EXIT_DEVICE;
}

static enum opt_exit claim_memif(const char *vdev)
{
	char role[16] = "client", id[16] = "0", path[256] = "/run/memif.sock";
	char name[PATH_OCTETS];

	(void)leat_vdev_argument(vdev, "role", role, sizeof(role));
	(void)leat_vdev_argument(vdev, "id", id, sizeof(id));
	(void)leat_vdev_argument(vdev, "socket", path, sizeof(path));
	/* Of a path that is too long, the end tells more than the beginning. */
	size_t skip = strlen(path) > 64 ? strlen(path) - 64 : 0;
	snprintf(name, sizeof(name), "memif-%s-%s-%s", role, id, path + skip);
	if (claim(name))
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd",
		"another leatd is the %s of memif %s at %s; end it, or take another id or socket",
		role, id, path);
	return OPT_EXIT_DEVICE;
}

/* error_of_connect is 0 when somebody listens at path. */
static int error_of_connect(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return ENOENT;
	int error = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : errno;
	close(fd);
	return error == EAGAIN ? 0 : error;
}

static enum opt_exit claim_vhost(const char *vdev)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[256], client[8];
	struct stat st;

	/* As a client it makes no socket; and a path that is too long is the driver's to refuse. */
	if (!leat_vdev_argument(vdev, "iface", path, sizeof(path)) ||
		strlen(path) >= sizeof(at.sun_path) || lstat(path, &st) != 0 ||
		(leat_vdev_argument(vdev, "client", client, sizeof(client)) && *client == '1'))
		return OPT_EXIT_OK;
	memcpy(at.sun_path, path, strlen(path) + 1);
	int error = error_of_connect(&at);
	if (S_ISSOCK(st.st_mode) && error == ECONNREFUSED && unlink(path) == 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "%s %s; take another iface=", path,
		!S_ISSOCK(st.st_mode)   ? "is there and is no socket"
		: error == 0            ? "is a socket that somebody listens on"
		: error == ECONNREFUSED ? "is a socket of before that cannot be removed"
					: strerror(error));
	return OPT_EXIT_DEVICE;
}

enum opt_exit leat_vdev_claim(const char *vdev)
{
	if (leat_vdev_is(vdev, VDEV_AF_PACKET))
		return claim_interface(vdev);
	if (leat_vdev_is(vdev, VDEV_MEMIF))
		return claim_memif(vdev);
	if (leat_vdev_is(vdev, VDEV_VHOST))
		return claim_vhost(vdev);
	return OPT_EXIT_OK;
}
