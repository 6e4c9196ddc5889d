/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#include "base_assert.h"

#include <stdio.h>
#include <string.h>

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool check_text(const struct conf_type *type, const char *text, char *why, size_t size)
{
	size_t octets = strlen(text);

	if (octets < type->from || octets > type->to) {
		snprintf(why, size, "a text of %zu octets; from %ju to %ju", octets,
			(uintmax_t)type->from, (uintmax_t)type->to);
		return false;
	}
	for (; *text; text++) {
		bool control = (uint8_t)*text < 0x20 || *text == 0x7f;
		bool blank = *text == '\n' || *text == '\t';
		if (!control || (blank && type->kind == CONF_KIND_SCRIPT))
			continue;
		snprintf(why, size, "a control character in it; leave it out");
		return false;
	}
	return true;
}

static bool check_name(const struct conf_type *type, const char *text, char *why, size_t size)
{
	if (strlen(text) >= type->from && strlen(text) <= type->to && *text != '.' &&
		text[strspn(text, NAME_CHARS)] == '\0')
		return true;
	snprintf(why, size,
		"`%.64s` is no name (at most %ju of A-Z a-z 0-9 . _ -); for example lab-a", text,
		(uintmax_t)type->to);
	return false;
}

bool leat_conf_read_value(struct conf *c, const struct conf_setting *s, char *why, size_t size)
{
	const struct conf_type *type = &s->key->type;
	uint64_t value;

	ASSERT(s->text);
	ASSERT(type->kind != CONF_KIND_SECTION);
	if (type->kind == CONF_KIND_NAME)
		return check_name(type, s->text, why, size);
	if (type->kind > CONF_KIND_SECTION)
		return check_text(type, s->text, why, size);
	if (!leat_conf_value_read(type, s->text, &value, why, size))
		return false;
	if (s->key->into)
		*(uint64_t *)(void *)((char *)c + s->key->into) = value;
	return true;
}
