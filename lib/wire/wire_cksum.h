/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_CKSUM_H
#define LEAT_WIRE_CKSUM_H

/* wire_cksum: the Internet checksum in software.
 *
 * A sum is carried as a partial, not yet folded, so that pseudo header, header and text add up in
 * any order, odd pieces included when they come last.
 *
 * Affinity   none; pure.
 * RFC        1071, 9293 3.1 (MUST-2, MUST-3). */

#include "wire_addr.h"

#include <stdbool.h>
#include <stdint.h>

/* wire_fold is the one's complement sum of the four halves of two words: the rotation adds each
 * half to the other, with its carry. */
static inline uint16_t wire_fold(uint64_t sum)
{
	uint32_t high = (uint32_t)(sum >> 32), both = (uint32_t)sum + high;

	both += both < high;
	both += both << 16 | both >> 16;
	return (uint16_t)(both >> 16);
}

/* wire_pseudo4 is what a device that sums the rest wants in the field: the pseudo header of IPv4,
 * folded, host order, not complemented. */
static inline uint16_t wire_pseudo4(uint32_t local, uint32_t remote, uint8_t proto, uint32_t octets)
{
	return wire_fold((uint64_t)local + remote + proto + octets);
}

/* leat_wire_sum adds octets at p to the partial sum. */
uint64_t leat_wire_sum(uint64_t partial, const uint8_t *p, uint32_t octets);

/* leat_wire_sum_pseudo is the partial sum of the pseudo header of either version. */
uint64_t leat_wire_sum_pseudo(const struct tuple *tuple, uint8_t proto, uint32_t octets);

/* leat_wire_sum_fold is the 16-bit one's complement sum, host order, not complemented. */
uint16_t leat_wire_sum_fold(uint64_t partial);

/* leat_wire_cksum_ok verifies the upper-layer checksum of octets at p, field included. */
bool leat_wire_cksum_ok(
	const struct tuple *tuple, uint8_t proto, const uint8_t *p, uint32_t octets);

/* leat_wire_cksum is the checksum field's value for octets at p, whose field is 0. */
uint16_t leat_wire_cksum(
	const struct tuple *tuple, uint8_t proto, const uint8_t *p, uint32_t octets);

#endif
