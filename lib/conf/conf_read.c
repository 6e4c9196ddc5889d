/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#include "base_assert.h"

#include <stdio.h>
#include <string.h>

#define DIGITS     "0123456789"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" DIGITS "._-"

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

static bool read_set(
	const struct conf_type *type, const char *text, uint64_t *bits, char *why, size_t size)
{
	struct conf_type word = *type;
	uint64_t n;

	word.kind = CONF_KIND_WORD;
	if (!leat_conf_value_read(&word, text, &n, why, size))
		return false;
	*bits |= UINT64_C(1) << n;
	return true;
}

/* read_special reads what is no quantity; NULL for at: only whether it can be read. */
static bool read_special(const struct conf_setting *s, void *at, char *why, size_t size)
{
	const struct conf_type *type = &s->key->type;

	switch (type->kind) {
	case CONF_KIND_TEXT:
	case CONF_KIND_SCRIPT:
		if (at)
			*(const char **)at = s->text;
		return check_text(type, s->text, why, size);
	case CONF_KIND_NAME:
		return check_name(type, s->text, why, size);
	case CONF_KIND_SET:
		return read_set(type, s->text, at, why, size);
	default:
		UNREACHABLE("a section has no value");
	}
}

bool leat_conf_read_value(struct conf *c, const struct conf_setting *s, char *why, size_t size)
{
	void *at = s->key->into ? (char *)c + s->key->into : NULL;
	uint64_t value;

	ASSERT(s->text);
	if (s->key->type.kind < CONF_KIND_SECTION) {
		if (!leat_conf_value_read(&s->key->type, s->text, &value, why, size))
			return false;
		if (at)
			*(uint64_t *)at = value;
		return true;
	}
	ASSERT(at || s->key->type.kind != CONF_KIND_SET);
	return read_special(s, at, why, size);
}
