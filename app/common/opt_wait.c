/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_wait.h"

#include "base_bits.h"

#include <stdlib.h>
#include <string.h>

static const struct opt_row part[] = {
	{.name = "length",
		.kind = OPT_KIND_DURATION,
		.at = offsetof(struct opt_wait, length_ns),
		.from = TIME_MS,
		.to = 480 * TIME_S,
		.fallback = "60s"},
	{.name = "reuse",
		.kind = OPT_KIND_WORD,
		.at = offsetof(struct opt_wait, reuse),
		.words = leat_opt_tcp_reuse},
	{.name = "rst",
		.kind = OPT_KIND_WORD,
		.at = offsetof(struct opt_wait, rst),
		.words = leat_opt_tcp_rst},
};

/* read_part reads KEY=VALUE. */
static bool read_part(char *text, struct opt_wait *w, char *why, size_t size)
{
	char *value = strchr(text, '=');

	if (value != NULL)
		*value++ = '\0';
	for (uint32_t i = 0; value != NULL && i < COUNT_OF(part); i++)
		if (strcmp(part[i].name, text) == 0)
			return leat_opt_read(&part[i], value, w, why, size);
	snprintf(why, size, "`%s` is not one of length=T, reuse=HOW, rst=HOW", text);
	return false;
}

bool leat_opt_wait_read(const char *text, struct opt_wait *w, char *why, size_t size)
{
	char parts[96], *rest = NULL, *end;
	unsigned long port = strtoul(text, &end, 10);

	*w = (struct opt_wait){.reuse = OPT_WAIT_OTHER, .rst = OPT_WAIT_OTHER};
	if (*text < '0' || *text > '9' || port < 1 || port > UINT16_MAX || *end != ':' ||
		strlen(end + 1) >= sizeof(parts) || end[1] == '\0') {
		snprintf(why, size,
			"`%s`: first the port of a listener, then what is its own: "
			"80:length=10s,reuse=off,rst=obey?",
			text);
		return false;
	}
	w->port = (uint16_t)port;
	snprintf(parts, sizeof(parts), "%s", end + 1);
	for (char *p = strtok_r(parts, ",", &rest); p != NULL; p = strtok_r(NULL, ",", &rest))
		if (!read_part(p, w, why, size))
			return false;
	return true;
}
