/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_TEXT_MAX 6

struct leat_addr leat_load_addr(struct ip ip, uint16_t port)
{
	struct leat_addr a = {.port = port};

	a.family = ip_put(ip, a.octet);
	return a;
}

bool leat_load_ports_parse(const char *text, uint64_t *from, uint64_t *to)
{
	char *end;
	const char *p = text;

	if (*p < '0' || *p > '9' || strlen(text) > 2 * PORT_TEXT_MAX)
		return false;
	*from = *to = strtoul(p, &end, 10);
	if (*end == '-') {
		p = end + 1;
		if (*p < '0' || *p > '9')
			return false;
		*to = strtoul(p, &end, 10);
	}
	return *end == '\0' && *from >= 1 && *to <= 65535 && *from <= *to;
}

bool leat_load_range_parse(const char *text, struct ip *from, struct ip *to)
{
	const char *dash = strchr(text, '-');
	char first[IP_TEXT_MAX + 1];

	snprintf(first, sizeof(first), "%.*s", dash ? (int)(dash - text) : (int)strlen(text), text);
	if (!leat_wire_ip_parse(first, from) || !leat_wire_ip_may_send(*from))
		return false;
	*to = *from;
	if (!dash)
		return true;
	return leat_wire_ip_parse(dash + 1, to) && leat_wire_ip_may_send(*to) &&
	       ip_is4(*from) == ip_is4(*to) && from->hi == to->hi && from->lo <= to->lo;
}

/* split_target cuts "ADDRESSES:PORTS", "[ADDRESSES]:PORTS" or "ADDRESSES" in two. */
static bool split_target(const char *text, char *host, size_t size, const char **ports)
{
	const char *end = text + strlen(text), *colon = strrchr(text, ':');

	*ports = "80";
	if (*text == '[') {
		text++;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		if (end[1] == ':')
			*ports = end + 2;
	} else if (colon != NULL && strchr(text, ':') == colon) {
		end = colon;
		*ports = colon + 1;
	}
	if ((size_t)(end - text) >= size)
		return false;
	snprintf(host, size, "%.*s", (int)(end - text), text);
	return true;
}

bool leat_load_target_parse(const char *text, struct load_target *t, char *why, size_t size)
{
	char host[2 * IP_TEXT_MAX];
	const char *ports;
	struct ip from, to;
	uint64_t first, last;

	if (!split_target(text, host, sizeof(host), &ports) ||
		!leat_load_range_parse(host, &from, &to)) {
		snprintf(why, size,
			"`%s` is no target: 198.18.0.2:80, 198.18.0.2-9:80-83 written "
			"out as 198.18.0.2-198.18.0.9:80-83, or [fd00::2]:80?",
			text);
		return false;
	}
	if (!leat_load_ports_parse(ports, &first, &last)) {
		snprintf(why, size, "`%s`: ports are from 1 to 65535: %s:80 or %s:80-83?", text,
			host, host);
		return false;
	}
	if (to.lo - from.lo >= LOAD_PAIR_MAX / (last - first + 1)) {
		snprintf(why, size, "`%s`: at most %u pairs of address and port", text,
			LOAD_PAIR_MAX);
		return false;
	}
	*t = (struct load_target){leat_load_addr(from, (uint16_t)first),
		(uint32_t)(to.lo - from.lo + 1), (uint32_t)(last - first + 1)};
	return true;
}

uint64_t leat_load_pairs(const struct load_target *t, uint32_t cnt)
{
	uint64_t pairs = 0;

	for (uint32_t i = 0; i < cnt; i++)
		pairs += (uint64_t)t[i].addr_cnt * t[i].port_cnt;
	return pairs;
}
