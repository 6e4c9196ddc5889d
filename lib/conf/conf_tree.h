/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_TREE_H
#define LEAT_CONF_TREE_H

/* conf_tree: a YAML document as nodes with their places, every scalar a text.
 *
 * What YAML has beyond mappings, lists and scalars is refused with its place: anchors, aliases,
 * tags, a second document, keys that are no word.
 *
 * Shape      nodes in an array; children of a mapping or list are a chain, in the order of the
 *            file, each one of a mapping with its key.
 * Units      lines and columns from 1, columns in characters.
 * Memory     within struct conf_tree; libyaml's own is gone on return.
 * Affinity   boot only.
 * See        https://yaml.org/spec/1.1/ */

#include "conf_error.h"

#include <stdbool.h>

#define CONF_FILE_MAX   65536 /* octets of a file */
#define CONF_NODE_MAX   2048
#define CONF_DEPTH_MAX  8
#define CONF_SCALAR_MAX 1023
/* An escape of two octets may stand for three, and each text has an end. */
#define CONF_POOL_OCTETS (2 * CONF_FILE_MAX)
#define CONF_NODE_NONE   UINT16_MAX

enum conf_node_kind {
	CONF_NODE_SCALAR,
	CONF_NODE_MAP,
	CONF_NODE_LIST,
	CONF_NODE_BAD, /* refused already: nothing more to say of it */
};

struct conf_node {
	uint8_t kind;               /* enum conf_node_kind */
	bool empty;                 /* a scalar of which there is nothing, not even quotes */
	uint16_t next, child;       /* CONF_NODE_NONE: none */
	const char *key;            /* in a mapping; else NULL */
	const char *text;           /* of a scalar */
	uint32_t key_line, key_col; /* where the key is, or in a list the node */
	uint32_t line, col;
};

struct conf_tree {
	uint32_t node_cnt; /* 0: there is no document; else node 0 is its root */
	uint32_t text_octets;
	bool whole; /* to the end of the text, without an error of syntax */
	struct conf_node node[CONF_NODE_MAX];
	char text[CONF_POOL_OCTETS];
};

/* leat_conf_tree_read makes the tree of octets of text, and adds what is wrong to errors. */
void leat_conf_tree_read(
	struct conf_tree *t, struct conf_errors *errors, const char *text, size_t octets);

#endif
