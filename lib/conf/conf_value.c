/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_value.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 32

void leat_conf_value_group(uint64_t value, char *text, size_t size)
{
	char digits[24];
	int cnt = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t at = 0;

	for (int i = 0; i < cnt && at + 2 < size; i++) {
		if (i && (cnt - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
}

/* The least number of octets to add, drop, change or swap with their neighbour to make b of a. */
static uint32_t distance(const char *a, const char *b)
{
	size_t n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);
	uint32_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = (uint32_t)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (uint32_t)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			uint32_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			d[i][j] = u32_min(change, u32_min(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = u32_min(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

/* Of words equally near the one with the same first letter is meant more often. */
const char *leat_conf_value_nearest(const char *text, const char *const *words)
{
	uint32_t best_rank = 2 * ((uint32_t)strnlen(text, WORD_MAX) / 3 + 1) + 2;
	const char *best = NULL;

	for (; *words; words++) {
		uint32_t d = distance(text, *words);
		uint32_t rank = 2 * d + (**words != *text);
		if (rank < best_rank && d < strlen(*words)) {
			best = *words;
			best_rank = rank;
		}
	}
	return best;
}

struct unit {
	const char *name;
	uint64_t of;
};

/* What quantities of one kind are called, and the unit to propose when there is none. */
struct scale {
	const char *what, *propose, *all;
	struct unit unit[9]; /* ends with a name of NULL */
};

static const struct scale scale_of[] = {
	[CONF_KIND_NUMBER] = {"a number", "", "", {{"", 1}}},
	[CONF_KIND_OCTETS] = {"a number of octets", "KiB", "KiB, MiB, GiB",
		{{"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}}},
	[CONF_KIND_DURATION] = {"a duration", "s", "ns, us, ms, s, min, h",
		{{"ns", 1}, {"us", TIME_US}, {"ms", TIME_MS}, {"s", TIME_S}, {"min", 60 * TIME_S},
			{"h", 3600 * TIME_S}}},
	[CONF_KIND_PERCENT] = {"a share", "%", "%", {{"%", 10000}}},
	[CONF_KIND_COUNT] = {"a count", "", "k, M, G",
		{{"", 1}, {"k", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}}},
	[CONF_KIND_RATE] = {"a rate", "/s", "/s, k/s, M/s, G/s",
		{{"/s", 1000}, {"k/s", 1000000}, {"M/s", 1000000000},
			{"G/s", UINT64_C(1000000000000)}, {"k", 1000000}, {"M", 1000000000},
			{"G", UINT64_C(1000000000000)}, {"", 1000}}},
};

/* whole.billionths, and where the text goes on; finer: digits below that were not all 0. */
struct decimal {
	uint64_t whole, billionths;
	bool finer;
	const char *rest;
};

/* At least one digit, and after a point at least one.  A number too large for any option becomes
 * the largest. */
static bool read_decimal(const char *text, struct decimal *d)
{
	const char *p = text;
	uint64_t place = 100000000;

	*d = (struct decimal){.rest = text};
	for (; *p >= '0' && *p <= '9'; p++)
		d->whole = d->whole > UINT64_MAX / 10 - 1 ? UINT64_MAX
							  : d->whole * 10 + (uint64_t)(*p - '0');
	if (p == text)
		return false;
	if (*p == '.') {
		const char *point = p++;
		for (; *p >= '0' && *p <= '9'; p++, place /= 10) {
			d->billionths += (uint64_t)(*p - '0') * place;
			d->finer |= !place && *p != '0';
		}
		if (p == point + 1)
			return false;
	}
	d->rest = p;
	return true;
}

static bool divides(const struct unit *u, uint64_t value)
{
	return u->of <= value && value % u->of == 0;
}

void leat_conf_value_text(enum conf_kind kind, uint64_t value, char *text, size_t size)
{
	const struct scale *s = &scale_of[kind];
	const struct unit *best = &s->unit[0];
	char digits[CONF_GROUP_MAX];

	if ((kind == CONF_KIND_PERCENT || kind == CONF_KIND_RATE) && value % best->of) {
		snprintf(text, size, "%g%s", (double)value / (double)best->of, best->name);
		return;
	}
	for (const struct unit *u = s->unit; u->name; u++)
		if (divides(u, value) && u->of > best->of)
			best = u;
	if (!value && kind == CONF_KIND_DURATION)
		best = &s->unit[3];
	leat_conf_value_group(value / best->of, digits, sizeof(digits));
	snprintf(text, size, "%s%s", digits, best->name);
}

const char *leat_conf_value_example(const struct conf_type *type)
{
	return type->fallback ? type->fallback : type->example ? type->example : "";
}

static bool say_range(const struct conf_type *type, const char *text, char *why, size_t size)
{
	char from[32], to[32];

	leat_conf_value_text(type->kind, type->from, from, sizeof(from));
	leat_conf_value_text(type->kind, type->to, to, sizeof(to));
	snprintf(why, size, "`%s` is out of range: from %s to %s%s%s%s%s", text, from, to,
		type->words ? ", or " : "", type->words ? type->words[0] : "",
		type->fallback ? "; the default is " : "", type->fallback ? type->fallback : "");
	return false;
}

/* The unit that begins most like text; NULL when none does, or text is no word. */
static const char *meant_unit(const struct scale *s, const char *text)
{
	const char *best = NULL;
	size_t best_octets = 0;

	if (text[strcspn(text, "0123456789")])
		return NULL;
	for (const struct unit *u = s->unit; u->name; u++) {
		size_t n = 0;
		while (u->name[n] && tolower((uint8_t)u->name[n]) == tolower((uint8_t)text[n]))
			n++;
		if (n > best_octets) {
			best = u->name;
			best_octets = n;
		}
	}
	return best || strchr(s->all, ',') ? best : s->propose;
}

/* fit_unit is the unit to propose for a number that has none: the usual one, or else the largest
 * with which it is in range. */
static const char *fit_unit(const struct conf_type *type, uint64_t number)
{
	const struct scale *s = &scale_of[type->kind];
	const char *best = s->propose;

	for (const struct unit *u = s->unit; u->name; u++) {
		__extension__ unsigned __int128 value = (unsigned __int128)number * u->of;
		if (value < type->from || value > type->to)
			continue;
		best = u->name;
		if (strcmp(best, s->propose) == 0)
			break;
	}
	return best;
}

/* Wrong words after a number. */
static bool say_unit(const struct conf_type *type, const char *text, const struct decimal *d,
	char *why, size_t size)
{
	const struct scale *s = &scale_of[type->kind];
	const char *unit = *d->rest ? meant_unit(s, d->rest) : fit_unit(type, d->whole);
	const char *one_of = strchr(s->all, ',') ? "one of " : "";
	int digits = (int)(d->rest - text);

	if (!*d->rest)
		snprintf(why, size, "`%s` needs a unit: %s%s?", text, text, unit);
	else if (d->rest[0] == 'x' && !*s->all)
		snprintf(why, size, "`%s` is not a decimal number: %llu?", text,
			strtoull(text, NULL, 16));
	else if (!*s->all && (*d->rest == 'e' || d->whole < type->from || d->whole > type->to))
		snprintf(why, size, "`%s` is not %s; for example %s", text, s->what,
			leat_conf_value_example(type));
	else if (!*s->all)
		snprintf(why, size, "`%s` is not %s: %.*s?", text, s->what, digits, text);
	else if (unit)
		snprintf(why, size, "`%s`: the unit is %s%s: %.*s%s?", text, one_of, s->all, digits,
			text, unit);
	else
		snprintf(why, size, "`%s`: a number, and the unit is %s%s; for example %s", text,
			one_of, s->all, leat_conf_value_example(type));
	return false;
}

/* whole.billionths units of size of; UINT64_MAX when that is too large.  false: a part of the
 * smallest unit is left over. */
static bool scale_value(const struct decimal *d, uint64_t of, uint64_t *value)
{
	__extension__ unsigned __int128 part = (unsigned __int128)d->billionths * of;

	if (d->finer || part % TIME_S)
		return false;
	if (__builtin_mul_overflow(d->whole, of, value) ||
		__builtin_add_overflow(*value, (uint64_t)(part / TIME_S), value))
		*value = UINT64_MAX;
	return true;
}

static bool read_quantity(
	const struct conf_type *type, const char *text, uint64_t *value, char *why, size_t size)
{
	const struct scale *s = &scale_of[type->kind];
	const struct unit *u = s->unit;
	struct decimal d;

	if (*text == '-' && read_decimal(text + 1, &d))
		return say_range(type, text, why, size);
	if (!read_decimal(text, &d)) {
		snprintf(why, size, "`%s` is not %s; for example %s", text, s->what,
			leat_conf_value_example(type));
		return false;
	}
	while (u->name && strcmp(u->name, d.rest) != 0)
		u++;
	if (!u->name)
		return say_unit(type, text, &d, why, size);
	if (!scale_value(&d, u->of, value)) {
		snprintf(why, size, "`%s` has too many decimal places; for example %s", text,
			leat_conf_value_example(type));
		return false;
	}
	if (*value < type->from || *value > type->to)
		return say_range(type, text, why, size);
	return true;
}

/* Words that say the same: who writes `on` where it is `yes` never means `no`, near as it is. */
static const char *const say_yes[] = {"yes", "on", "true", "1", "y", "enable", NULL};
static const char *const say_no[] = {"no", "off", "false", "0", "n", "disable", NULL};

static bool is_word(const char *text, const char *const *words)
{
	while (*words && strcmp(*words, text) != 0)
		words++;
	return *words;
}

static const char *meant(const char *text, const char *const *words)
{
	const char *const *same = is_word(text, say_yes)  ? say_yes
				  : is_word(text, say_no) ? say_no
							  : NULL;

	if (!same)
		return leat_conf_value_nearest(text, words);
	while (*words && !is_word(*words, same))
		words++;
	return *words;
}

static bool read_word(
	const struct conf_type *type, const char *text, uint64_t *value, char *why, size_t size)
{
	const char *near = meant(text, type->words);
	int at;

	for (uint32_t i = 0; type->words[i]; i++) {
		if (strcmp(type->words[i], text) == 0) {
			*value = i;
			return true;
		}
	}
	at = snprintf(why, size, "`%s` is not one of", text);
	for (uint32_t i = 0; type->words[i] && at > 0 && (size_t)at < size; i++)
		at += snprintf(why + at, size - (size_t)at, "%s %s", i ? "," : "", type->words[i]);
	if (near && at > 0 && (size_t)at < size)
		snprintf(why + at, size - (size_t)at, "; did you mean %s?", near);
	return false;
}

bool leat_conf_value_read(
	const struct conf_type *type, const char *text, uint64_t *value, char *why, size_t size)
{
	ASSERT(type->kind < CONF_KIND_QUANTITY_CNT);
	if (type->kind == CONF_KIND_DURATION && type->words && strcmp(text, type->words[0]) == 0) {
		*value = 0;
		return true;
	}
	return type->kind == CONF_KIND_WORD ? read_word(type, text, value, why, size)
					    : read_quantity(type, text, value, why, size);
}
