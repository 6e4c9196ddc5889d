/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_ARP_H
#define LEAT_WIRE_ARP_H

/* wire_arp: an ARP packet for IPv4 over Ethernet, taken apart and put together.
 *
 *	| hw type 1 | protocol 0x0800 | 6 | 4 | op |
 *	| sender MAC | sender IP | target MAC | target IP |          28 octets
 *
 * Affinity   none; pure.
 * Errors     what is not such a packet is refused whole.
 * RFC        826; 5227 (a probe has sender IP 0). */

#include "wire_addr.h"

#include <stdbool.h>
#include <stdint.h>

#define ARP_OCTETS 28

enum wire_arp_op {
	WIRE_ARP_REQUEST = 1,
	WIRE_ARP_REPLY = 2,
};

struct arp {
	uint16_t op; /* enum wire_arp_op */
	struct mac sender_mac, target_mac;
	uint32_t sender_ip, target_ip; /* host order */
};

/* leat_wire_arp_parse reads the ARP body at p, after the Ethernet header; padding may follow.
 * False when it is cut off, not IPv4 over Ethernet, neither request nor reply, or when its sender
 * has a group address or none. */
bool leat_wire_arp_parse(const uint8_t *p, uint32_t octets, struct arp *arp);

/* leat_wire_arp_put writes the ARP body at p and returns ARP_OCTETS. */
uint32_t leat_wire_arp_put(uint8_t *p, const struct arp *arp);

#endif
