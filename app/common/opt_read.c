/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt.h"

#include "base_assert.h"
#include "conf_value.h"

#include <string.h>

#define COUNT_FROM 100000 /* a number of this size may have k, M, G behind it */

static const enum conf_kind kind_of[] = {
	[OPT_KIND_NUMBER] = CONF_KIND_NUMBER,
	[OPT_KIND_OCTETS] = CONF_KIND_OCTETS,
	[OPT_KIND_DURATION] = CONF_KIND_DURATION,
	[OPT_KIND_PERCENT] = CONF_KIND_PERCENT,
	[OPT_KIND_WORD] = CONF_KIND_WORD,
};

void leat_opt_value_text(const struct opt_row *row, uint64_t value, char *text, size_t size)
{
	leat_conf_value_text(kind_of[row->kind], value, text, size);
}

const char *leat_opt_nearest(const char *text, const char *const *words)
{
	return leat_conf_value_nearest(text, words);
}

/* is_count: a number that may be large is written as in a file, 64k, too. */
static bool is_count(const struct opt_row *row, const char *text)
{
	const char *unit = text + strspn(text, "0123456789.");

	return row->kind == OPT_KIND_NUMBER && row->to >= COUNT_FROM && *unit != '\0' &&
	       strchr("kMG", *unit) != NULL && unit[1] == '\0';
}

/* read_value reads what is not of a kind of its own. */
static bool read_value(
	const struct opt_row *row, const char *text, uint64_t *value, char *why, size_t size)
{
	const struct conf_type type = {
		.kind = is_count(row, text) ? CONF_KIND_COUNT : kind_of[row->kind],
		.from = row->from,
		.to = row->to,
		.words = row->words,
		.fallback = row->fallback,
		.example = row->metavar};

	return leat_conf_value_read(&type, text, value, why, size);
}

bool leat_opt_read(
	const struct opt_row *row, const char *text, void *options, char *why, size_t size)
{
	void *at = (char *)options + row->at;
	uint64_t value;

	switch (row->kind) {
	case OPT_KIND_FLAG:
		*(bool *)at = true;
		return true;
	case OPT_KIND_COUNT:
		*(uint32_t *)at += 1;
		return true;
	case OPT_KIND_NUMBER:
	case OPT_KIND_OCTETS:
	case OPT_KIND_DURATION:
		return read_value(row, text, at, why, size);
	case OPT_KIND_PERCENT:
	case OPT_KIND_WORD:
		if (!read_value(row, text, &value, why, size))
			return false;
		*(uint32_t *)at = (uint32_t)value;
		return true;
	case OPT_KIND_OTHER:
		return row->read(options, text, why, size);
	}
	UNREACHABLE("every kind is listed");
}
