/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LINK_H
#define LEAT_LINK_H

/* link: the kernel's side of a TAP interface.
 *
 * The address and the interface are gone when the device is.
 *
 * Affinity   boot.
 * Errors     negative errno and one line in the log. */

#include <stdint.h>

/* leat_link_up sets the IPv4 address and prefix of interface name and brings it up. */
__attribute__((warn_unused_result)) int leat_link_up(
	const char *name, uint32_t address, uint8_t prefix_bits);

#endif
