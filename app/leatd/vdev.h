/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_VDEV_H
#define LEAT_VDEV_H

/* vdev: what the text of a virtual device says, and that nobody else is at the same place.
 *
 * Drivers let two processes at one place and both lose: each af_packet socket gets every frame and
 * answers it, and a vhost port that cannot have its socket removes it from who has.  So a place is
 * claimed before EAL starts: by a socket without a file, which the kernel keeps to one network
 * namespace and ends with the process.
 *
 * Affinity   boot, the main thread.
 * Errors     enum opt_exit, after one line on stderr. */

#include "opt.h"

#include <stdbool.h>
#include <stddef.h>

#define VDEV_AF_PACKET "net_af_packet"
#define VDEV_MEMIF     "net_memif"
#define VDEV_VHOST     "net_vhost"

/* leat_vdev_is says whether vdev, which may be NULL, is one of driver's. */
bool leat_vdev_is(const char *vdev, const char *driver);

/* leat_vdev_argument copies the value of KEY= among the arguments of vdev; false: absent. */
bool leat_vdev_argument(const char *vdev, const char *key, char *value, size_t size);

/* leat_vdev_claim claims the place of vdev, which may be NULL, until this process ends: the
 * interface of af_packet, the end of a memif, the socket of vhost, of which it removes the file
 * when nobody listens there any more. */
enum opt_exit leat_vdev_claim(const char *vdev);

#endif
