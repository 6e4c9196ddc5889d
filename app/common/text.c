/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include "conf_value.h"
#include "wire_addr.h"

#include <stdio.h>
#include <stdlib.h>

void leat_text_group(uint64_t value, char *text, size_t size)
{
	leat_conf_value_group(value, text, size);
}

void leat_text_addr(const struct leat_addr *a, char *text, size_t size)
{
	char name[IP_TEXT_MAX];
	struct ip ip = {0, 0};
	uint32_t cnt = a->family == 4 ? 4 : 16;

	for (uint32_t i = 0; i < cnt; i++) {
		ip.hi = ip.hi << 8 | ip.lo >> 56;
		ip.lo = ip.lo << 8 | a->octet[i];
	}
	if (a->family == 4)
		ip = ip_from4((uint32_t)ip.lo);
	leat_wire_ip_text(ip, name);
	snprintf(text, size, a->family == 4 ? "%s:%u" : "[%s]:%u", name, a->port);
}

const char *leat_text_call(void)
{
	const char *call = getenv("LEAT_CALL");

	return call != NULL && *call != '\0' ? call : "leat";
}
