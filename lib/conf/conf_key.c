/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_key.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "conf.h"

#include <stdio.h>
#include <string.h>

#define RANGE(from_, to_) .type.from = (from_), .type.to = (to_)
#define DEFAULT(text_)    .type.fallback = (text_)
#define EXAMPLE(text_)    .type.example = (text_)
#define WORDS(...)                                                                                 \
	.type.words = (const char *const[])                                                        \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define OPTION(name_) .option = (name_)
#define INTO(member_) .into = (uint32_t)offsetof(struct conf, member_)
#define LIST(cnt_)    .cnt_max = (cnt_)
#define NEED          .need = true
#define LOAD          .of_load = true
#define SERVER        .of_server = true

#define CONF_ROW(path_, kind_, sentence_, ...)                                                     \
	{.path = (path_), .type.kind = CONF_KIND_##kind_, .sentence = (sentence_), __VA_ARGS__},
#define CONF_EXPECT(name_, sentence_, example_)                                                    \
	CONF_ROW("expect." name_, TEXT, sentence_, RANGE(1, 31), EXAMPLE(example_), LOAD)
#define CONF_LATENCY(name_, until_)                                                                \
	CONF_EXPECT(name_ "_min", "from the planned start " until_ ": the shortest", "> 1us")      \
	CONF_EXPECT(name_ "_p50", "what half of them are within", "< 500us")                       \
	CONF_EXPECT(name_ "_p90", "what 90 % are within", "< 500us")                               \
	CONF_EXPECT(name_ "_p99", "what 99 % are within", "< 500us")                               \
	CONF_EXPECT(name_ "_p99_9", "what 99.9 % are within", "< 500us")                           \
	CONF_EXPECT(name_ "_p99_99", "what 99.99 % are within", "< 500us")                         \
	CONF_EXPECT(name_ "_max", "the longest", "< 500us")

const struct conf_key leat_conf_key[] = {
#include "conf_key.def"
};

const uint32_t leat_conf_key_cnt = COUNT_OF(leat_conf_key);

STATIC_ASSERT(COUNT_OF(leat_conf_key) <= CONF_KEY_MAX, "more rows than CONF_KEY_MAX");

const struct conf_key *leat_conf_key_find(const char *path)
{
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++)
		if (strcmp(leat_conf_key[i].path, path) == 0)
			return &leat_conf_key[i];
	return NULL;
}

/* name_of is what of path comes after the section's, NULL when it is no key of that section. */
static const char *name_of(const struct conf_key *section, const char *path)
{
	size_t octets = section ? strlen(section->path) : 0;

	if (section) {
		if (strncmp(path, section->path, octets) != 0 || path[octets] != '.')
			return NULL;
		path += octets + 1;
	}
	return strchr(path, '.') ? NULL : path;
}

const struct conf_key *leat_conf_key_child(const struct conf_key *section, const char *name)
{
	char own[CONF_PATH_MAX];

	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		leat_conf_key_name(&leat_conf_key[i], own);
		if (strcmp(own, name) == 0 && name_of(section, leat_conf_key[i].path))
			return &leat_conf_key[i];
	}
	return NULL;
}

bool leat_conf_key_is_list(const struct conf_key *key)
{
	size_t octets = strlen(key->path);

	return octets > 2 && strcmp(key->path + octets - 2, "[]") == 0;
}

const struct conf_key *leat_conf_key_parent(const struct conf_key *key)
{
	const char *dot = strrchr(key->path, '.');
	char path[CONF_PATH_MAX];

	if (!dot)
		return NULL;
	snprintf(path, sizeof(path), "%.*s", (int)(dot - key->path), key->path);
	return leat_conf_key_find(path);
}

void leat_conf_key_name(const struct conf_key *key, char name[CONF_PATH_MAX])
{
	const char *dot = strrchr(key->path, '.');

	snprintf(name, CONF_PATH_MAX, "%s", dot ? dot + 1 : key->path);
	name[strcspn(name, "[")] = '\0';
}

void leat_conf_key_env(const struct conf_key *key, char name[CONF_PATH_MAX])
{
	size_t at = sizeof(CONF_ENV) - 1;

	memcpy(name, CONF_ENV, at);
	for (const char *p = key->path; *p && at < CONF_PATH_MAX - 1; p++)
		if (*p >= 'a' && *p <= 'z')
			name[at++] = (char)(*p - 'a' + 'A');
		else if (*p != '[' && *p != ']')
			name[at++] = *p == '.' ? '_' : *p;
	name[at] = '\0';
}

void leat_conf_key_shown(
	const struct conf_key *key, uint16_t section, uint16_t item, char shown[CONF_PATH_MAX])
{
	size_t at = 0;

	for (const char *p = key->path; *p && at < CONF_PATH_MAX - 8; p++) {
		if (*p != '[') {
			shown[at++] = *p;
			continue;
		}
		p++;
		uint16_t n = p[1] == '.' || key->type.kind == CONF_KIND_SECTION ? section : item;
		if (n != CONF_ITEM_NONE)
			at += (size_t)snprintf(shown + at, 8, "[%u]", n);
	}
	shown[at] = '\0';
}

bool leat_conf_key_nearest(
	const struct conf_key *section, const char *name, char meant[CONF_PATH_MAX])
{
	char own[CONF_SIBLING_MAX][CONF_PATH_MAX];
	const char *names[CONF_SIBLING_MAX + 1], *near;
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		if (!name_of(section, leat_conf_key[i].path))
			continue;
		ASSERT(cnt < CONF_SIBLING_MAX);
		leat_conf_key_name(&leat_conf_key[i], own[cnt]);
		names[cnt] = own[cnt];
		cnt++;
	}
	names[cnt] = NULL;
	near = leat_conf_value_nearest(name, names);
	if (near) {
		snprintf(meant, CONF_PATH_MAX, "%s", near);
		return true;
	}
	for (uint32_t i = 0; i < leat_conf_key_cnt; i++) {
		leat_conf_key_name(&leat_conf_key[i], own[0]);
		if (strcmp(own[0], name) != 0)
			continue;
		leat_conf_key_shown(&leat_conf_key[i], CONF_ITEM_NONE, CONF_ITEM_NONE, meant);
		return true;
	}
	return false;
}
