/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include "base_time.h"
#include "conf_value.h"
#include "wire_addr.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void leat_text_group(uint64_t value, char *text, size_t size)
{
	leat_conf_value_group(value, text, size);
}

void leat_text_ns(uint64_t ns, char *text, size_t size)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} unit[] = {{TIME_S, "s"}, {TIME_MS, "ms"}, {TIME_US, "us"}, {1, "ns"}};
	uint32_t i = 0;

	if (ns == 0) {
		snprintf(text, size, "-");
		return;
	}
	while (ns < unit[i].ns)
		i++;
	if (ns < 20 * unit[i].ns && ns % unit[i].ns != 0)
		snprintf(text, size, "%#.3g %s", (double)ns / (double)unit[i].ns, unit[i].name);
	else
		snprintf(text, size, "%" PRIu64 " %s", ns / unit[i].ns, unit[i].name);
}

void leat_text_addr(const struct leat_addr *a, char *text, size_t size)
{
	char name[IP_TEXT_MAX];

	leat_wire_ip_text(ip_get(a->family, a->octet), name);
	snprintf(text, size, a->family == 4 ? "%s:%u" : "[%s]:%u", name, a->port);
}

const char *leat_text_call(void)
{
	const char *call = getenv("LEAT_CALL");

	return call != NULL && *call != '\0' ? call : "leat";
}
