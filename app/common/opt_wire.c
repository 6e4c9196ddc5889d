/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_wire.h"

#include "base_bits.h"
#include "base_time.h"

#include <string.h>

#define AT(member) offsetof(struct wire_options, member)

static const struct opt_row part[] = {
	{.name = "loss",
		.kind = OPT_KIND_PERCENT,
		.at = AT(loss_millionths),
		.to = 500000,
		.metavar = "1%"},
	{.name = "reorder",
		.kind = OPT_KIND_PERCENT,
		.at = AT(reorder_millionths),
		.to = 500000,
		.metavar = "1%"},
	{.name = "duplicate",
		.kind = OPT_KIND_PERCENT,
		.at = AT(duplicate_millionths),
		.to = 500000,
		.metavar = "1%"},
	{.name = "corrupt",
		.kind = OPT_KIND_PERCENT,
		.at = AT(corrupt_millionths),
		.to = 500000,
		.metavar = "1%"},
	{.name = "delay",
		.kind = OPT_KIND_DURATION,
		.at = AT(delay_ns),
		.to = 10 * TIME_S,
		.metavar = "5ms"},
	{.name = "jitter",
		.kind = OPT_KIND_DURATION,
		.at = AT(jitter_ns),
		.to = 10 * TIME_S,
		.metavar = "1ms"},
};

/* read_part reads NAME=VALUE. */
static bool read_part(struct wire_options *w, const char *text, char *why, size_t size)
{
	const char *names[COUNT_OF(part) + 1] = {NULL}, *near;
	char name[24];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	for (uint32_t i = 0; i < COUNT_OF(part); i++) {
		names[i] = part[i].name;
		if (strcmp(name, part[i].name) == 0 && text[strlen(name)] == '=')
			return leat_opt_read(&part[i], text + strlen(name) + 1, w, why, size);
	}
	near = leat_opt_nearest(name, names);
	snprintf(why, size, "`%s`: %s%s%s", text,
		near ? "did you mean "
		     : "there are loss, reorder, duplicate, corrupt, delay, jitter",
		near ? near : "", near ? "=?" : ", each with = and a value");
	return false;
}

bool leat_opt_wire(struct wire_options *w, const char *text, char *why, size_t size)
{
	char one[48];

	*w = (struct wire_options){0};
	do {
		size_t octets = strcspn(text, ",");

		if (octets >= sizeof(one)) {
			snprintf(why, size, "`%s` is no part of a wire: loss=1%%,delay=5ms?", text);
			return false;
		}
		snprintf(one, sizeof(one), "%.*s", (int)octets, text);
		if (!read_part(w, one, why, size))
			return false;
		text += octets;
	} while (*text++ == ',');
	return true;
}
