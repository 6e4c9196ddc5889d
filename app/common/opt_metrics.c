/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_metrics.h"

#include <stdlib.h>
#include <string.h>

bool leat_opt_metrics_read(const char *text, struct opt_metrics *m, char *why, size_t size)
{
	const char *colon = strrchr(text, ':');
	bool bracket = *text == '[';
	char *end = NULL;
	struct ip ip;

	*m = (struct opt_metrics){.off = strcmp(text, "off") == 0, .given = true};
	if (m->off)
		return true;
	const char *from = text + bracket, *to = colon != NULL ? colon - bracket : text;
	size_t octets = to > from ? (size_t)(to - from) : 0;
	unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
	if (octets > 0 && octets < sizeof(m->address) && (!bracket || *to == ']') && port >= 1 &&
		port <= UINT16_MAX && colon[1] >= '0' && colon[1] <= '9' && *end == '\0') {
		memcpy(m->address, from, octets);
		m->port = (uint16_t)port;
		if (leat_wire_ip_parse(m->address, &ip) && ip_is4(ip) == !bracket)
			return true;
	}
	snprintf(why, size,
		"`%s` is no address and port: " OPT_METRICS_FALLBACK ", [::1]:9464 or off?", text);
	return false;
}

struct opt_metrics leat_opt_metrics_default(void)
{
	struct opt_metrics m;
	char why[OPT_WHY_MAX];

	leat_opt_metrics_read(OPT_METRICS_FALLBACK, &m, why, sizeof(why));
	m.given = false;
	return m;
}
