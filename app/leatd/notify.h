/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NOTIFY_H
#define LEAT_NOTIFY_H

/* notify: what the service manager that started this process is told.
 *
 * systemd names a socket in NOTIFY_SOCKET, and takes a datagram of lines: READY=1, STOPPING=1,
 * STATUS=..., WATCHDOG=1.  The last is due again and again when WATCHDOG_USEC says so; it is sent
 * twice in that time, and only while every lcore turns: when one stands still, the manager ends
 * and starts us anew, since nobody else can take over its flows.
 *
 * Affinity   the control thread; open: the main thread, while it is alone.
 * Errors     a manager that does not listen is a warning; without one nothing happens.
 * See        sd_notify(3), sd_watchdog_enabled(3). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un to;
	socklen_t to_octets;
	uint64_t every_ns, next_at; /* of the watchdog; 0: there is none */
};

/* leat_notify_open reads the environment, and takes away what it found: what this process starts is
 * not the service. */
void leat_notify_open(struct notify *n);

void leat_notify_close(struct notify *n);

/* leat_notify_say sends lines of KEY=VALUE with newlines between. */
void leat_notify_say(struct notify *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* leat_notify_beat keeps the watchdog quiet when that is due at now and all is well. */
void leat_notify_beat(struct notify *n, uint64_t now, bool well);

#endif
