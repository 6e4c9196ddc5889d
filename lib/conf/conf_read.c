/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#include "base_assert.h"
#include "base_bits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS     "0123456789"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" DIGITS "._-"

#define IP_OCTETS  64 /* of an address as text; no real one is as long */

/* Reads what comes before the octet at end, or the whole text. */
static bool read_ip(const char *text, const char *end, struct conf_ip *ip)
{
	char part[IP_OCTETS];
	size_t octets = end ? (size_t)(end - text) : strlen(text);

	*ip = (struct conf_ip){.family = 0};
	if (octets >= sizeof(part))
		return false;
	memcpy(part, text, octets);
	part[octets] = '\0';
	if (inet_pton(AF_INET, part, ip->octet) == 1)
		ip->family = 4;
	else if (inet_pton(AF_INET6, part, ip->octet) == 1)
		ip->family = 6;
	return ip->family != 0;
}

/* A decimal number from 0 to most that text is, to its end. */
static bool read_small(const char *text, uint32_t most, uint16_t *value)
{
	if (!*text || text[strspn(text, DIGITS)] || strlen(text) > 5 ||
		strtoul(text, NULL, 10) > most)
		return false;
	*value = (uint16_t)strtoul(text, NULL, 10);
	return true;
}

static bool read_endpoint(const char *text, struct conf_endpoint *to, char *why, size_t size)
{
	const char *colon = strrchr(text, ':'), *begin = text, *end = colon;
	bool braced = *text == '[' && colon && colon > text && colon[-1] == ']';

	if (braced) {
		begin++;
		end--;
	}
	if (!colon || !read_ip(begin, end, &to->ip) || braced != (to->ip.family == 6))
		snprintf(why, size,
			"`%s` is no address and port; for example 198.51.100.10:80 or "
			"[2001:db8::1]:80",
			text);
	else if (!read_small(colon + 1, 65535, &to->port) || to->port == 0)
		snprintf(why, size, "`%s`: the port is from 1 to 65,535; for example 80", text);
	else
		return true;
	return false;
}

static bool read_network(const char *text, struct conf_network *to, char *why, size_t size)
{
	const char *slash = strchr(text, '/');
	uint16_t most, bits;

	if (!read_ip(text, slash, &to->ip)) {
		snprintf(why, size,
			"`%s` is no address and no prefix; for example 198.18.0.0/24 or 198.18.0.1",
			text);
		return false;
	}
	bits = most = to->ip.family == 4 ? 32 : 128;
	if (slash && !read_small(slash + 1, most, &bits)) {
		snprintf(why, size, "`%s`: the length of a prefix is from 0 to %u; for example %u",
			text, most, most == 32 ? 24 : 120);
		return false;
	}
	to->prefix_bits = (uint8_t)bits;
	return true;
}

/* Splits text at the first dash after its first octet: "a-b"; both are text where there is none. */
static void split(const char *text, char from[IP_OCTETS], const char **to)
{
	const char *dash = *text ? strchr(text + 1, '-') : NULL;
	size_t octets = dash ? (size_t)(dash - text) : strlen(text);

	if (octets >= IP_OCTETS)
		octets = IP_OCTETS - 1;
	memcpy(from, text, octets);
	from[octets] = '\0';
	*to = dash ? dash + 1 : text;
}

static bool read_ports(const char *text, struct conf_ports *to, char *why, size_t size)
{
	char from[IP_OCTETS];
	const char *last;

	split(text, from, &last);
	if (read_small(from, 65535, &to->from) && read_small(last, 65535, &to->to) &&
		to->from > 0 && to->from <= to->to)
		return true;
	snprintf(why, size, "`%s` is no range of ports from 1 to 65,535; for example 1024-65535",
		text);
	return false;
}

static bool read_size(const struct conf_type *type, const char *text, struct conf_size *to,
	char *why, size_t size)
{
	struct conf_type octets = *type;
	char from[IP_OCTETS];
	const char *last;

	octets.kind = CONF_KIND_OCTETS;
	split(text, from, &last);
	if (!leat_conf_value_read(&octets, from, &to->least, why, size) ||
		!leat_conf_value_read(&octets, last, &to->most, why, size))
		return false;
	if (to->least <= to->most)
		return true;
	snprintf(why, size, "`%s`: the second is smaller; %s-%s?", text, last, from);
	return false;
}

static bool read_bound(const struct conf_type *type, const char *text, struct conf_bound *to,
	char *why, size_t size)
{
	static const char *const op[] = {"<=", ">=", "==", "<", ">"};
	static const enum conf_bound_op is[] = {
		CONF_BOUND_LE, CONF_BOUND_GE, CONF_BOUND_EQ, CONF_BOUND_LT, CONF_BOUND_GT};
	struct conf_type value = *type;

	value.kind = type->kind == CONF_KIND_BOUND_PERCENT ? CONF_KIND_PERCENT
		     : type->kind == CONF_KIND_BOUND_COUNT ? CONF_KIND_COUNT
							   : CONF_KIND_DURATION;
	for (size_t i = 0; i < COUNT_OF(op); i++) {
		if (strncmp(text, op[i], strlen(op[i])) != 0)
			continue;
		text += strlen(op[i]);
		text += strspn(text, " ");
		to->op = is[i];
		return leat_conf_value_read(&value, text, &to->value, why, size);
	}
	snprintf(why, size, "`%s` does not begin with < <= == >= or >; for example \"%s\"", text,
		type->example);
	return false;
}

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
	uint32_t i = s->item == CONF_ITEM_NONE ? 0 : s->item;

	switch (type->kind) {
	case CONF_KIND_TEXT:
	case CONF_KIND_SCRIPT:
		if (at)
			*(const char **)at = s->text;
		return check_text(type, s->text, why, size);
	case CONF_KIND_NAME:
		return check_name(type, s->text, why, size);
	case CONF_KIND_ENDPOINT:
		((struct conf_targets *)at)->cnt = i + 1;
		return read_endpoint(s->text, &((struct conf_targets *)at)->item[i], why, size);
	case CONF_KIND_NETWORK:
		((struct conf_sources *)at)->cnt = i + 1;
		return read_network(s->text, &((struct conf_sources *)at)->item[i], why, size);
	case CONF_KIND_PORTS:
		return read_ports(s->text, at, why, size);
	case CONF_KIND_SIZE:
		return read_size(type, s->text, at, why, size);
	case CONF_KIND_SET:
		return read_set(type, s->text, at, why, size);
	case CONF_KIND_BOUND_PERCENT:
	case CONF_KIND_BOUND_COUNT:
	case CONF_KIND_BOUND_DURATION:
		return read_bound(type, s->text, at, why, size);
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
	ASSERT(at || s->key->type.kind == CONF_KIND_TEXT || s->key->type.kind == CONF_KIND_NAME);
	return read_special(s, at, why, size);
}
