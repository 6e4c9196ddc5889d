/* SPDX-License-Identifier: BSD-3-Clause */
#include "notify.h"

#include "base_log.h"
#include "base_time.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_MAX 512

/* watchdog_ns is half of what WATCHDOG_USEC gives us, if it is meant for us. */
static uint64_t watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end = NULL;

	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	errno = 0;
	unsigned long long value = strtoull(usec, &end, 10);
	return errno != 0 || end == usec || *end != '\0' || value > UINT64_MAX / TIME_US
		       ? 0
		       : value * TIME_US / 2;
}

/* set_address takes a path, or with @ a name of the abstract space. */
static bool set_address(struct notify *n, const char *path)
{
	size_t octets = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || octets < 2 || octets >= sizeof(n->to.sun_path))
		return false;
	n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(n->to.sun_path, path, octets + 1);
	if (path[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_octets = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + octets);
	return true;
}

void leat_notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = -1};
	if (path != NULL && !set_address(n, path))
		leat_log(LOG_LV_WARN, "leatd", "NOTIFY_SOCKET: `%s` is no socket's name", path);
	else if (path != NULL)
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd >= 0)
		n->every_ns = watchdog_ns();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void leat_notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void leat_notify_say(struct notify *n, const char *format, ...)
{
	char text[SAY_MAX];
	va_list args;

	if (n->fd < 0)
		return;
	va_start(args, format);
	int octets = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (octets <= 0)
		return;
	size_t whole = (size_t)octets < sizeof(text) ? (size_t)octets : sizeof(text) - 1;
	if (sendto(n->fd, text, whole, MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
		    n->to_octets) >= 0 ||
		errno == EAGAIN) /* it is busy; the watchdog's next word comes in time */
		return;
	leat_log(LOG_LV_WARN, "leatd", "the service manager does not listen: %s", strerror(errno));
	leat_notify_close(n);
}

void leat_notify_beat(struct notify *n, uint64_t now, bool well)
{
	if (n->every_ns == 0 || now < n->next_at || !well)
		return;
	n->next_at = now + n->every_ns;
	leat_notify_say(n, "WATCHDOG=1");
}
