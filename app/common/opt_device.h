/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_DEVICE_H
#define LEAT_OPT_DEVICE_H

/* opt_device: the readers of the options that name a device, of struct serve_options.
 *
 *	--tap leat0      --vdev net_af_packet0,iface=veth1
 *	--device 0000:3b:00.0 | env:NAME | tap:leat0 | veth:veth1 | net_af_packet0,iface=veth1
 *
 * Memory     texts point into argv, or into the options.
 * Errors     as opt_row.read. */

#include <stdbool.h>
#include <stddef.h>

bool leat_opt_device_tap(void *options, const char *text, char *why, size_t size);
bool leat_opt_device_vdev(void *options, const char *text, char *why, size_t size);

/* leat_opt_device_device reads whatever a file may name as the device of a port. */
bool leat_opt_device_device(void *options, const char *text, char *why, size_t size);

#endif
