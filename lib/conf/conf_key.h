/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_KEY_H
#define LEAT_CONF_KEY_H

/* conf_key: the table of all keys, conf_key.def, and how to find one.
 *
 * A path names what holds what: `ports[].address[]` is a list of values (one alone may stand
 * without brackets) in each entry of the list of sections `ports[]`.
 *
 * Affinity   none; constant. */

#include "conf_value.h"

#define CONF_PATH_MAX    64
#define CONF_KEY_MAX     128 /* rows */
#define CONF_ITEM_NONE   UINT16_MAX
#define CONF_SIBLING_MAX 40
#define CONF_ENV         "LEAT_" /* what the names of our variables begin with */

struct conf_key {
	const char *path;
	struct conf_type type;
	const char *sentence;
	/* The option of `leat serve` or `leat load` that says the same, NULL: none. */
	const char *option;
	/* Where in struct conf the value goes, which depends on the kind (conf.h); 0: it is kept as
	 * text. */
	uint32_t into;
	uint16_t cnt_max; /* of a list */
	bool need;        /* in each section that it is a key of */
	bool of_load;     /* a client's alone */
	bool of_server;   /* a server's alone */
};

/* The rows, in the order of the page; sections come before their keys. */
extern const struct conf_key leat_conf_key[];
extern const uint32_t leat_conf_key_cnt;

/* leat_conf_key_find is the row of a path, NULL when there is none. */
const struct conf_key *leat_conf_key_find(const char *path);

/* leat_conf_key_child is the key called name in a section, NULL for the root; NULL: none is. */
const struct conf_key *leat_conf_key_child(const struct conf_key *section, const char *name);

/* leat_conf_key_is_list says whether values or sections of it make a list. */
bool leat_conf_key_is_list(const struct conf_key *key);

/* leat_conf_key_parent is the section it is in, NULL for the root. */
const struct conf_key *leat_conf_key_parent(const struct conf_key *key);

/* leat_conf_key_env writes the name of the variable of the environment that says the same:
 * "LEAT_PORTS_ADDRESS". */
void leat_conf_key_env(const struct conf_key *key, char name[CONF_PATH_MAX]);

/* leat_conf_key_name writes the last part of its path, without brackets. */
void leat_conf_key_name(const struct conf_key *key, char name[CONF_PATH_MAX]);

/* leat_conf_key_shown writes the path with the numbers that it has in a file:
 * "ports[0].address[1]". */
void leat_conf_key_shown(
	const struct conf_key *key, uint16_t section, uint16_t item, char shown[CONF_PATH_MAX]);

/* leat_conf_key_nearest is the path or name that was meant by a name which is no key of a section:
 * one like it there, or the path of one called so elsewhere; false: none. */
bool leat_conf_key_nearest(
	const struct conf_key *section, const char *name, char meant[CONF_PATH_MAX]);

#endif
