/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_arp.h"

#include "base_be.h"

#include <string.h>

#define ETHER_IP4                                                                                  \
	UINT64_C(0x000108000604) /* hardware, protocol, and the lengths of their addresses */

static bool may_be_station(const struct mac *m)
{
	static const struct mac none;

	return !(m->octet[0] & 1) && memcmp(m, &none, sizeof(none)) != 0;
}

bool leat_wire_arp_parse(const uint8_t *p, uint32_t octets, struct arp *arp)
{
	if (octets < ARP_OCTETS || be64_get(p) >> 16 != ETHER_IP4)
		return false;
	arp->op = be16_get(p + 6);
	memcpy(&arp->sender_mac, p + 8, 6);
	arp->sender_ip = be32_get(p + 14);
	memcpy(&arp->target_mac, p + 18, 6);
	arp->target_ip = be32_get(p + 24);
	return (arp->op == WIRE_ARP_REQUEST || arp->op == WIRE_ARP_REPLY) &&
	       may_be_station(&arp->sender_mac);
}

uint32_t leat_wire_arp_put(uint8_t *p, const struct arp *arp)
{
	be64_put(p, ETHER_IP4 << 16 | arp->op);
	memcpy(p + 8, &arp->sender_mac, 6);
	be32_put(p + 14, arp->sender_ip);
	memcpy(p + 18, &arp->target_mac, 6);
	be32_put(p + 24, arp->target_ip);
	return ARP_OCTETS;
}
