/* SPDX-License-Identifier: BSD-3-Clause */
#include "when.h"

#include "base_time.h"
#include "conf_value.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX   UINT64_C(7258118400) /* the year 2200 */
#define FROM_NOW_MAX  (30 * 86400 * TIME_S)
#define DIGITS_MAX    10
#define ZONE_HOUR_MAX 14

/* take_digits reads exactly cnt digits (0: any number of them) and moves on. */
static bool take_digits(const char **p, uint32_t cnt, uint64_t *value)
{
	uint32_t n = 0;

	*value = 0;
	for (; **p >= '0' && **p <= '9' && n < (cnt != 0 ? cnt : DIGITS_MAX); ++*p, n++)
		*value = *value * 10 + (uint64_t)(**p - '0');
	return n > 0 && (cnt == 0 || n == cnt);
}

static bool take(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

/* take_fraction reads what may be: ".25" is so many ns. */
static bool take_fraction(const char **p, uint64_t *ns)
{
	uint64_t place = TIME_S / 10;
	const char *from;

	*ns = 0;
	if (!take(p, '.'))
		return true;
	for (from = *p; **p >= '0' && **p <= '9'; ++*p, place /= 10)
		*ns += (uint64_t)(**p - '0') * place;
	return *p != from;
}

/* take_zone reads "Z" or "+01:00" as seconds that are to be taken off. */
static bool take_zone(const char **p, int64_t *off)
{
	uint64_t hours, minutes;
	bool west = **p == '-';

	*off = 0;
	if (take(p, 'Z') || take(p, 'z'))
		return true;
	if (!(take(p, '+') || take(p, '-')) || !take_digits(p, 2, &hours) || !take(p, ':') ||
		!take_digits(p, 2, &minutes) || hours > ZONE_HOUR_MAX || minutes > 59)
		return false;
	*off = (int64_t)(hours * 3600 + minutes * 60);
	*off = west ? -*off : *off;
	return true;
}

/* date_seconds is that instant of UTC in seconds since 1970; false: there is no such date. */
static bool date_seconds(const uint64_t part[6], uint64_t *seconds)
{
	struct tm tm = {.tm_year = (int)part[0] - 1900,
		.tm_mon = (int)part[1] - 1,
		.tm_mday = (int)part[2],
		.tm_hour = (int)part[3],
		.tm_min = (int)part[4],
		.tm_sec = (int)part[5]};
	const struct tm given = tm;
	time_t at = timegm(&tm);

	*seconds = (uint64_t)at;
	/* What timegm had to carry over is no date: 30 February, 25 h. */
	return at >= 0 && tm.tm_mon == given.tm_mon && tm.tm_mday == given.tm_mday &&
	       tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min &&
	       tm.tm_sec == given.tm_sec;
}

/* read_date reads all of text as RFC 3339. */
static bool read_date(const char *text, uint64_t *at)
{
	static const struct {
		uint32_t digits;
		char before[3]; /* one of these */
	} field[] = {{4, ""}, {2, "-"}, {2, "-"}, {2, "Tt"}, {2, ":"}, {2, ":"}};
	uint64_t part[6], seconds, ns;
	int64_t off;

	for (uint32_t i = 0; i < 6; i++) {
		const char *before = field[i].before;

		if (*before != '\0' && !take(&text, before[0]) &&
			(before[1] == '\0' || !take(&text, before[1])))
			return false;
		if (!take_digits(&text, field[i].digits, &part[i]))
			return false;
	}
	if (!take_fraction(&text, &ns) || !take_zone(&text, &off) || *text != '\0' ||
		!date_seconds(part, &seconds) || seconds >= SECONDS_MAX || (int64_t)seconds < off)
		return false;
	*at = (seconds - (uint64_t)off) * TIME_S + ns;
	return true;
}

static bool read_seconds(const char *text, uint64_t *at)
{
	uint64_t seconds, ns;

	if (!take_digits(&text, 0, &seconds) || !take_fraction(&text, &ns) || *text != '\0' ||
		seconds >= SECONDS_MAX)
		return false;
	*at = seconds * TIME_S + ns;
	return true;
}

bool leat_when_read(const char *text, uint64_t now, uint64_t *at, char *why, size_t size)
{
	const struct conf_type span = {
		.kind = CONF_KIND_DURATION, .to = FROM_NOW_MAX, .example = "10s"};

	if (*text == '+') {
		if (!leat_conf_value_read(&span, text + 1, at, why, size))
			return false;
		*at += now;
		return true;
	}
	if (read_date(text, at) || read_seconds(text, at))
		return true;
	snprintf(why, size,
		"`%s` is no instant: 2026-11-21T09:30:00Z, seconds since 1970, or +10s from now?",
		text);
	return false;
}

void leat_when_text(uint64_t at, char text[WHEN_TEXT_MAX])
{
	time_t seconds = (time_t)(at / TIME_S);
	char date[WHEN_TEXT_MAX - 8];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, WHEN_TEXT_MAX, "%s.%03uZ", date, (unsigned)(at % TIME_S / TIME_MS));
}
