/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt.h"

#include "base_assert.h"
#include "base_time.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t of;
};

/* What quantities of one kind are called, and the unit to propose when there is none. */
struct scale {
	const char *what, *propose, *all;
	struct unit unit[7]; /* ends with a name of NULL */
};

static const struct scale scale_of[] = {
	[OPT_KIND_NUMBER] = {"a number", "", "", {{"", 1}}},
	[OPT_KIND_OCTETS] = {"a number of octets", "KiB", "KiB, MiB, GiB",
		{{"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}}},
	[OPT_KIND_DURATION] = {"a duration", "s", "ns, us, ms, s, min, h",
		{{"ns", 1}, {"us", TIME_US}, {"ms", TIME_MS}, {"s", TIME_S}, {"min", 60 * TIME_S},
			{"h", 3600 * TIME_S}}},
	[OPT_KIND_PERCENT] = {"a share", "%", "%", {{"%", 10000}}},
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

void leat_opt_value_text(const struct opt_row *row, uint64_t value, char *text, size_t size)
{
	const struct scale *s = &scale_of[row->kind];
	const struct unit *best = &s->unit[0];
	char digits[TEXT_GROUP_MAX];

	if (row->kind == OPT_KIND_PERCENT && value % best->of) {
		snprintf(text, size, "%g%%", (double)value / (double)best->of);
		return;
	}
	for (const struct unit *u = s->unit; u->name; u++)
		if (divides(u, value))
			best = u;
	if (!value && row->kind == OPT_KIND_DURATION)
		best = &s->unit[3];
	leat_text_group(value / best->of, digits, sizeof(digits));
	snprintf(text, size, "%s%s", digits, best->name);
}

static bool say_range(const struct opt_row *row, const char *text, char *why, size_t size)
{
	char from[32], to[32];

	leat_opt_value_text(row, row->from, from, sizeof(from));
	leat_opt_value_text(row, row->to, to, sizeof(to));
	snprintf(why, size, "`%s` is out of range: from %s to %s%s%s%s%s", text, from, to,
		row->words ? ", or " : "", row->words ? row->words[0] : "",
		row->fallback ? "; the default is " : "", row->fallback ? row->fallback : "");
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

/* Wrong words after a number. */
static bool say_unit(const struct opt_row *row, const char *text, const struct decimal *d,
	char *why, size_t size)
{
	const struct scale *s = &scale_of[row->kind];
	const char *unit = *d->rest ? meant_unit(s, d->rest) : s->propose;
	const char *one_of = strchr(s->all, ',') ? "one of " : "";
	int digits = (int)(d->rest - text);

	if (!*d->rest)
		snprintf(why, size, "`%s` needs a unit: %s%s?", text, text, unit);
	else if (d->rest[0] == 'x' && !*s->all)
		snprintf(why, size, "`%s` is not a decimal number: %llu?", text,
			strtoull(text, NULL, 16));
	else if (!*s->all && (*d->rest == 'e' || d->whole < row->from || d->whole > row->to))
		snprintf(why, size, "`%s` is not %s; for example %s", text, s->what,
			row->fallback ? row->fallback : row->metavar);
	else if (!*s->all)
		snprintf(why, size, "`%s` is not %s: %.*s?", text, s->what, digits, text);
	else if (unit)
		snprintf(why, size, "`%s`: the unit is %s%s: %.*s%s?", text, one_of, s->all, digits,
			text, unit);
	else
		snprintf(why, size, "`%s`: a number, and the unit is %s%s; for example %s", text,
			one_of, s->all, row->fallback ? row->fallback : row->metavar);
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
	const struct opt_row *row, const char *text, uint64_t *value, char *why, size_t size)
{
	const struct scale *s = &scale_of[row->kind];
	const struct unit *u = s->unit;
	struct decimal d;

	if (*text == '-' && read_decimal(text + 1, &d))
		return say_range(row, text, why, size);
	if (!read_decimal(text, &d)) {
		snprintf(why, size, "`%s` is not %s; for example %s", text, s->what,
			row->fallback ? row->fallback : row->metavar);
		return false;
	}
	while (u->name && strcmp(u->name, d.rest) != 0)
		u++;
	if (!u->name)
		return say_unit(row, text, &d, why, size);
	if (!scale_value(&d, u->of, value)) {
		snprintf(why, size, "`%s` has too many decimal places; for example %s", text,
			row->fallback ? row->fallback : row->metavar);
		return false;
	}
	if (*value < row->from || *value > row->to)
		return say_range(row, text, why, size);
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
		return leat_opt_nearest(text, words);
	while (*words && !is_word(*words, same))
		words++;
	return *words;
}

static bool read_word(
	const struct opt_row *row, const char *text, uint32_t *value, char *why, size_t size)
{
	const char *near = meant(text, row->words);
	int at;

	for (uint32_t i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], text) == 0) {
			*value = i;
			return true;
		}
	}
	at = snprintf(why, size, "`%s` is not one of", text);
	for (uint32_t i = 0; row->words[i] && at > 0 && (size_t)at < size; i++)
		at += snprintf(why + at, size - (size_t)at, "%s %s", i ? "," : "", row->words[i]);
	if (near && at > 0 && (size_t)at < size)
		snprintf(why + at, size - (size_t)at, "; did you mean %s?", near);
	return false;
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
	case OPT_KIND_DURATION:
		if (row->words && strcmp(text, row->words[0]) == 0) {
			*(uint64_t *)at = 0;
			return true;
		}
		return read_quantity(row, text, at, why, size);
	case OPT_KIND_NUMBER:
	case OPT_KIND_OCTETS:
		return read_quantity(row, text, at, why, size);
	case OPT_KIND_PERCENT:
		if (!read_quantity(row, text, &value, why, size))
			return false;
		*(uint32_t *)at = (uint32_t)value;
		return true;
	case OPT_KIND_WORD:
		return read_word(row, text, at, why, size);
	case OPT_KIND_OTHER:
		return row->read(options, text, why, size);
	}
	UNREACHABLE("every kind is listed");
}
