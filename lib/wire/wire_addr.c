/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_addr.h"

#include "base_be.h"

#include <arpa/inet.h>
#include <string.h>

void leat_wire_ip_text(struct ip a, char *text)
{
	uint8_t octet[16];
	const char *done;

	be64_put(octet, a.hi);
	be64_put(octet + 8, a.lo);
	if (ip_is4(a))
		done = inet_ntop(AF_INET, octet + 12, text, IP_TEXT_MAX);
	else
		done = inet_ntop(AF_INET6, octet, text, IP_TEXT_MAX);
	ASSERT(done != NULL);
}

bool leat_wire_ip_parse(const char *text, struct ip *a)
{
	uint8_t octet[16];

	if (inet_pton(AF_INET, text, octet) == 1) {
		*a = ip_from4(be32_get(octet));
		return true;
	}
	if (inet_pton(AF_INET6, text, octet) != 1)
		return false;
	*a = (struct ip){be64_get(octet), be64_get(octet + 8)};
	return true;
}

bool leat_wire_ip_is_group(struct ip a)
{
	if (!ip_is4(a))
		return a.hi >> 56 == 0xff;
	return ip_to4(a) >> 28 == 0xe || ip_to4(a) == UINT32_MAX;
}

bool leat_wire_ip_may_send(struct ip a)
{
	if (!ip_is4(a))
		return a.hi >> 56 != 0xff && (a.hi != 0 || a.lo > 1);
	uint32_t net = ip_to4(a) >> 24;

	return net != 0 && net != 127 && net < 224;
}
