/* SPDX-License-Identifier: BSD-3-Clause */
#include "dist.h"

#include "base_assert.h"
#include "base_bits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_MAX 1000000
#define VALUE_MAX  40 /* octets of text of one value */

STATIC_ASSERT(sizeof(struct dist) <= 224, "a program holds many");

/* The pieces between which two values stand, or a value and what follows it. */
static bool cut_at(const char *text, size_t octets, char stop, char *piece, size_t *used)
{
	const char *end = memchr(text, stop, octets);
	size_t n = end != NULL ? (size_t)(end - text) : octets;

	*used = end != NULL ? n + 1 : n;
	if (n >= VALUE_MAX)
		return false;
	memcpy(piece, text, n);
	piece[n] = '\0';
	return true;
}

static bool read_value(
	const struct dist_range *range, const char *text, uint64_t *value, char *why, size_t size)
{
	struct opt_row row = {.kind = range->kind,
		.from = range->from,
		.to = range->to,
		.metavar = range->example,
		.fallback = range->example};

	return leat_opt_read(&row, text, value, why, size);
}

/* "100-1500" */
static bool read_pair(
	struct dist *d, const struct dist_range *range, const char *text, char *why, size_t size)
{
	char first[VALUE_MAX];
	size_t used;

	if (!cut_at(text, strlen(text), '-', first, &used) || text[used] == '\0') {
		snprintf(why, size, "`%s` needs two values with - between them: %s", text,
			d->kind == DIST_KIND_EXP ? "exp:MEAN-MOST" : "uniform:LEAST-MOST");
		return false;
	}
	if (!read_value(range, first, &d->a, why, size) ||
		!read_value(range, text + used, &d->b, why, size))
		return false;
	if (d->a <= d->b)
		return true;
	snprintf(why, size, "`%s`: the first is above the second; turn them round?", text);
	return false;
}

/* "200*7" */
static bool read_item(
	struct dist *d, const struct dist_range *range, const char *text, char *why, size_t size)
{
	char value[VALUE_MAX], *end;
	unsigned long weight = 1;
	size_t used;

	if (!cut_at(text, strlen(text), '*', value, &used)) {
		snprintf(why, size, "`%s` is no value", text);
		return false;
	}
	if (used != strlen(value)) {
		weight = strtoul(text + used, &end, 10);
		if (*end != '\0' || text[used] < '0' || text[used] > '9' || weight == 0 ||
			weight > WEIGHT_MAX) {
			snprintf(why, size, "`%s`: the weight is from 1 to 1,000,000: %s*2?", text,
				value);
			return false;
		}
	}
	uint64_t before = d->item_cnt != 0 ? d->item[d->item_cnt - 1].below : 0;
	d->item[d->item_cnt].below = before + weight;
	return read_value(range, value, &d->item[d->item_cnt++].value, why, size);
}

static bool read_list(
	struct dist *d, const struct dist_range *range, const char *text, char *why, size_t size)
{
	while (*text != '\0') {
		char piece[VALUE_MAX];
		size_t used;

		if (d->item_cnt == DIST_ITEM_MAX) {
			snprintf(why, size, "at most %d values in a list; leave `%s` out",
				DIST_ITEM_MAX, text);
			return false;
		}
		if (!cut_at(text, strlen(text), ',', piece, &used)) {
			snprintf(why, size, "`%s` is no value", text);
			return false;
		}
		if (!read_item(d, range, piece, why, size))
			return false;
		text += used;
	}
	if (d->item_cnt != 0)
		return true;
	snprintf(why, size, "an empty list: list:%s*3,%s?", range->example, range->example);
	return false;
}

bool leat_dist_parse(
	struct dist *d, const struct dist_range *range, const char *text, char *why, size_t size)
{
	*d = (struct dist){.least = range->from};
	if (strncmp(text, "uniform:", 8) == 0) {
		d->kind = DIST_KIND_UNIFORM;
		return read_pair(d, range, text + 8, why, size);
	}
	if (strncmp(text, "exp:", 4) == 0) {
		d->kind = DIST_KIND_EXP;
		return read_pair(d, range, text + 4, why, size);
	}
	if (strncmp(text, "list:", 5) == 0) {
		d->kind = DIST_KIND_LIST;
		return read_list(d, range, text + 5, why, size);
	}
	if (strchr(text, ':') != NULL) {
		snprintf(why, size, "`%s`: there are uniform:, exp: and list:, or one value", text);
		return false;
	}
	if (!read_value(range, text, &d->a, why, size))
		return false;
	d->b = d->a;
	return true;
}

/* below_of maps 64 bits evenly to [0, bound). */
static uint64_t below_of(uint64_t bits, uint64_t bound)
{
	__extension__ unsigned __int128 product = (unsigned __int128)bits * bound;

	return (uint64_t)(product >> 64);
}

static uint64_t draw_exp(const struct dist *d, uint64_t bits)
{
	double u = ((double)(bits >> 11) + 1) / 9007199254740993.0; /* in (0, 1] */
	double value = -log(u) * (double)d->a;

	return value >= (double)d->b ? d->b : u64_max((uint64_t)value, d->least);
}

uint64_t leat_dist_draw(const struct dist *d, uint64_t bits)
{
	uint64_t at;

	switch (d->kind) {
	case DIST_KIND_FIXED:
		return d->a;
	case DIST_KIND_UNIFORM:
		return d->a + below_of(bits, d->b - d->a + 1);
	case DIST_KIND_EXP:
		return draw_exp(d, bits);
	case DIST_KIND_LIST:
		at = below_of(bits, d->item[d->item_cnt - 1].below);
		for (uint32_t i = 0; i < d->item_cnt; i++)
			if (at < d->item[i].below)
				return d->item[i].value;
	}
	UNREACHABLE("every kind is listed, and at is below the last");
}

uint64_t leat_dist_min(const struct dist *d)
{
	uint64_t least = d->kind == DIST_KIND_LIST  ? UINT64_MAX
			 : d->kind == DIST_KIND_EXP ? d->least
						    : d->a;

	for (uint32_t i = 0; i < d->item_cnt; i++)
		least = u64_min(least, d->item[i].value);
	return least;
}

uint64_t leat_dist_max(const struct dist *d)
{
	uint64_t most = d->b;

	for (uint32_t i = 0; i < d->item_cnt; i++)
		most = u64_max(most, d->item[i].value);
	return most;
}

double leat_dist_mean(const struct dist *d)
{
	double sum = 0, a = (double)d->a, b = (double)d->b;
	uint64_t before = 0;

	if (d->kind == DIST_KIND_UNIFORM)
		return (a + b) / 2;
	if (d->kind == DIST_KIND_EXP) /* of min(X, b) */
		return a > 0 ? a * (1 - exp(-b / a)) : 0;
	for (uint32_t i = 0; i < d->item_cnt; i++) {
		sum += (double)d->item[i].value * (double)(d->item[i].below - before);
		before = d->item[i].below;
	}
	return d->kind == DIST_KIND_LIST ? sum / (double)before : a;
}
