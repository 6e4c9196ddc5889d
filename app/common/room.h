/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_ROOM_H
#define LEAT_ROOM_H

/* room: how much memory this process could still have, and who says so.
 *
 * The machine has so much to give; each memory cgroup that this process is in, up to the root, may
 * allow less.  Beyond a cgroup's limit the kernel refuses nothing and ends the process, so that it
 * must be asked before.  What files are cached in gives way, and is not counted as used.
 *
 *	/proc/self/cgroup      0::/a/b        in which cgroup     4:memory:/a/b
 *	/proc/self/mountinfo   cgroup2        where that is       cgroup, memory
 *	                       memory.max     its limit           memory.limit_in_bytes
 *
 * In a container the mount begins at a cgroup of the host's; what is above it nobody can see there.
 *
 * Units      octets.
 * Affinity   none; it reads files.
 * Errors     none: a limit that is absent, or not to be read, is none.
 * See        cgroups(7), proc(5); cgroup-v2.rst and cgroup-v1/memory.rst of the kernel. */

#include <limits.h>
#include <stdint.h>

#define ROOM_LIMIT_MAX (PATH_MAX + 64) /* octets of its text, with the end */

struct room {
	uint64_t octets;      /* 0 when the machine does not say */
	char group[PATH_MAX]; /* the cgroup that allows no more; "": the machine has no more */
	const char *file;     /* with its limit */
};

/* leat_room_read looks below root; "" is the real one. */
void leat_room_read(const char *root, struct room *r);

/* leat_room_limit is what stands behind "12 MiB are free": nothing, or which cgroup's limit it is,
 * in text of ROOM_LIMIT_MAX. */
const char *leat_room_limit(const struct room *r, char *text);

#endif
