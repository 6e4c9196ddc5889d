/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_field.h"

#include "base_time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void leat_field_bad(struct field_reader *f, const char *key, const char *what)
{
	size_t at = 0;

	if (f->why[0] != '\0')
		return;
	for (uint32_t i = 0; i < f->depth && at < f->size; i++)
		at += (size_t)snprintf(f->why + at, f->size - at, "%s.", f->place[i]);
	if (at < f->size && f->item != UINT32_MAX)
		snprintf(f->why + at, f->size - at, "%s[%u]: %s", key, f->item, what);
	else if (at < f->size)
		snprintf(f->why + at, f->size - at, "%s: %s", key, what);
}

static const json_t *find(struct field_reader *f, const json_t *in, const char *key)
{
	const json_t *value = json_object_get(in, key);

	if (value == NULL)
		leat_field_bad(f, key, "is missing");
	return value;
}

const json_t *leat_field_object(struct field_reader *f, const json_t *in, const char *key)
{
	const json_t *value = find(f, in, key);

	if (value != NULL && !json_is_object(value)) {
		leat_field_bad(f, key, "is no object");
		value = NULL;
	}
	if (f->depth < FIELD_DEPTH_MAX)
		f->place[f->depth++] = key;
	return value;
}

void leat_field_leave(struct field_reader *f)
{
	f->depth--;
}

const json_t *leat_field_list(
	struct field_reader *f, const json_t *in, const char *key, uint32_t cnt_max)
{
	const json_t *value = find(f, in, key);

	if (value != NULL && !json_is_array(value)) {
		leat_field_bad(f, key, "is no list");
		return NULL;
	}
	if (json_array_size(value) > cnt_max) {
		leat_field_bad(f, key, "is too long a list");
		return NULL;
	}
	return value;
}

uint64_t leat_field_number(
	struct field_reader *f, const json_t *value, const char *key, double scale)
{
	long double number = (long double)json_number_value(value) * scale;

	if (value == NULL)
		return 0;
	if (!json_is_number(value) || !(number >= 0) || number > f->number_max) {
		leat_field_bad(f, key, json_is_number(value) ? "is out of range" : "is no number");
		return 0;
	}
	return (uint64_t)llroundl(number);
}

uint64_t leat_field_scaled(struct field_reader *f, const json_t *in, const char *key, double scale)
{
	return leat_field_number(f, find(f, in, key), key, scale);
}

uint64_t leat_field_count(struct field_reader *f, const json_t *in, const char *key, uint64_t max)
{
	const json_t *value = find(f, in, key);
	json_int_t number = json_integer_value(value);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || number < 0 || (uint64_t)number > max) {
		leat_field_bad(
			f, key, json_is_integer(value) ? "is out of range" : "is no whole number");
		return 0;
	}
	return (uint64_t)number;
}

uint64_t leat_field_count_later(
	struct field_reader *f, const json_t *in, const char *key, uint64_t max)
{
	return json_object_get(in, key) != NULL ? leat_field_count(f, in, key, max) : 0;
}

bool leat_field_flag(struct field_reader *f, const json_t *in, const char *key)
{
	const json_t *value = find(f, in, key);

	if (value != NULL && !json_is_boolean(value))
		leat_field_bad(f, key, "is neither true nor false");
	return json_is_true(value);
}

const char *leat_field_text(struct field_reader *f, const json_t *in, const char *key)
{
	const json_t *value = find(f, in, key);

	if (value != NULL && !json_is_string(value))
		leat_field_bad(f, key, "is no text");
	return json_is_string(value) ? json_string_value(value) : "";
}

uint64_t leat_field_instant(struct field_reader *f, const json_t *in, const char *key)
{
	const char *text = leat_field_text(f, in, key);
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t at = rest != NULL ? timegm(&tm) : -1;
	uint64_t place = TIME_S, ns = 0;

	if (rest != NULL && *rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, place /= 10)
			ns += (uint64_t)(*rest - '0') * place / 10;
	if (rest == NULL || strcmp(rest, "Z") != 0 || at < 0 || tm.tm_year > 300) {
		leat_field_bad(f, key, "is no time like 2026-11-21T09:30:00.000Z");
		return 0;
	}
	return (uint64_t)at * TIME_S + ns;
}
