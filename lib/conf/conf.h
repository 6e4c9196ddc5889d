/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_H
#define LEAT_CONF_H

/* conf: a configuration file, read, judged as a whole, and kept.
 *
 *	text ─► conf_tree ─► leat_conf_read ─► settings ◄─ leat_conf_override
 *	        (libyaml)    (conf_key.def)        │
 *	                                           └─► leat_conf_finish ─► typed values, errors
 *
 * A setting is one value of one key with its place.  What `leat serve` and `leat load` take stays
 * text, for their options read it (OPTION in conf_key.def) into struct serve_options and struct
 * load_options; the rest is typed here, in the members that INTO names.  Nothing else happens: no
 * file is opened, no device looked at.
 *
 * All errors are found in one pass, each with line and column; after one of syntax only what
 * stands before it is judged.  Anchors, aliases, tags and a second document are refused.
 *
 * Units      lines and columns from 1.
 * Memory     struct conf is all there is (about 260 KiB), given by the caller; texts point into it
 *            or to constants.  libyaml takes some for a time, bounded by CONF_FILE_MAX.
 * Affinity   boot only.
 * Errors     in errors, CONF_ERROR_MAX of them; cnt says how many there were. */

#include "conf_error.h"
#include "conf_key.h"
#include "conf_tree.h"

#include <string.h>

#define CONF_SETTING_MAX 512

/* Values of the words, in the order of conf_key.def. */
enum conf_role {
	CONF_ROLE_SERVER,
	CONF_ROLE_CLIENT,
	CONF_ROLE_BOTH,
};

struct conf_setting {
	const struct conf_key *key;
	const char *text;   /* NULL for a section */
	const char *option; /* of the command line, or LEAT_..., a variable; NULL: of the file */
	uint32_t line, col; /* from 1 */
	uint16_t section;   /* which one of the list of sections it is in; CONF_ITEM_NONE */
	uint16_t item;      /* which one of its list it is; CONF_ITEM_NONE: alone */
	bool bad;           /* refused; it is here so that it is not called missing */
};

struct conf {
	struct conf_tree tree;
	struct conf_errors errors;
	uint64_t version;
	uint64_t role; /* enum conf_role */
	uint32_t setting_cnt;
	struct conf_setting setting[CONF_SETTING_MAX];
	char name[CONF_PATH_MAX];
};

/* leat_conf_begin makes c that of an empty file, to which path gives its name; NULL: no file. */
void leat_conf_begin(struct conf *c, const char *path);

/* leat_conf_read puts what octets of text say into settings. */
void leat_conf_read(struct conf *c, const char *text, size_t octets);

/* conf_of_env says whether a setting comes from the environment. */
static inline bool conf_of_env(const struct conf_setting *s)
{
	return s->option && strncmp(s->option, CONF_ENV, sizeof(CONF_ENV) - 1) == 0;
}

/* leat_conf_override sets key, in a section, to text, which must live as long as c: what option of
 * the command line says, or a variable of the environment, those first; NULL: what holds where
 * there is no file.  It replaces what the file has for it there, and an option what a variable has;
 * of a list each says one more, else the last one holds. */
void leat_conf_override(struct conf *c, const struct conf_key *key, uint16_t section,
	const char *text, const char *option);

/* leat_conf_forget drops what the file has for a list of sections. */
void leat_conf_forget(struct conf *c, const struct conf_key *section);

/* leat_conf_finish fills defaults, reads every value and judges the whole.  c is good when it has
 * no errors then. */
void leat_conf_finish(struct conf *c);

/* leat_conf_find is the setting of key in a section (CONF_ITEM_NONE: of no list) after that
 * before, the first for NULL; NULL: there is none. */
const struct conf_setting *leat_conf_find(const struct conf *c, const struct conf_key *key,
	uint16_t section, const struct conf_setting *before);

/* leat_conf_text is the text of the one value of path in a section, its default, or NULL. */
const char *leat_conf_text(const struct conf *c, const char *path, uint16_t section);

/* leat_conf_applies says whether key has a meaning beside what else holds, in a section. */
bool leat_conf_applies(const struct conf *c, const struct conf_key *key, uint16_t section);

/* leat_conf_refuse adds an error at a setting, or at the beginning of the file for NULL. */
__attribute__((format(printf, 3, 4))) void leat_conf_refuse(
	struct conf *c, const struct conf_setting *s, const char *format, ...);

/* leat_conf_check judges what one value alone does not tell: a part of leat_conf_finish. */
void leat_conf_check(struct conf *c);

/* leat_conf_read_value puts the text of s into c: a part of leat_conf_finish. */
bool leat_conf_read_value(struct conf *c, const struct conf_setting *s, char *why, size_t size);

#endif
