/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_tree.h"

#include "base_assert.h"
#include "base_bits.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* A mapping or list that is open. */
struct level {
	uint16_t node, last; /* the last child, CONF_NODE_NONE: none yet */
	const char *key;     /* that waits for its value */
	uint32_t key_line, key_col;
};

struct builder {
	struct conf_tree *t;
	struct conf_errors *errors;
	const char *text;
	size_t octets, char_cnt;
	uint32_t depth, document_cnt;
	struct level level[CONF_DEPTH_MAX];
};

/* What libyaml calls it, and what we do. */
static const struct {
	const char *theirs, *ours;
	bool at_context; /* where it began, not where the end was missed */
} said[] = {
	{"mapping values are not allowed in this context",
		"a second `:` on one line, or an indent that fits nothing above; put a text with "
		"`: ` in quotes",
		false},
	{"could not find expected ':'", "no `:` after the key; `key: value`, one on a line", false},
	{"did not find expected key",
		"an indent that fits nothing above; keys of one section begin in one column",
		false},
	{"did not find expected '-' indicator",
		"an indent that fits no entry of the list; each begins with `- ` in one column",
		false},
	{"did not find expected ',' or ']'", "the `[` here has no end; `,` between, `]` at the end",
		true},
	{"did not find expected ',' or '}'", "the `{` here has no end; `,` between, `}` at the end",
		true},
	{"found unexpected end of stream", "the quote here has no end; close it on its line", true},
	{"found unexpected document indicator", "the quote here has no end; close it on its line",
		true},
	{"did not find expected node content",
		"a value is missing here, or the end of a `[` or `{` before it", false},
	{"found unknown escape character", "`\\` means something in double quotes; use single ones",
		false},
	{"block sequence entries are not allowed in this context",
		"a list cannot begin on the line of its key; put `- ` on the next", false},
	{"did not find expected <document start>",
		"something after the end of the document; leave it out", false},
	{"found character that cannot start any token",
		"this character cannot begin a text; put it in quotes", false},
	{"found a tab character where an indentation space is expected",
		"tabs cannot indent in YAML; use spaces", false},
	{"control characters are not allowed",
		"a control character is not allowed in YAML; leave it out", false},
	{"UTF-8", "this is not UTF-8; save the file as UTF-8", false},
	{"Unicode", "this is not UTF-8; save the file as UTF-8", false},
};

static const char *ours_of(const char *theirs, bool *at_context)
{
	*at_context = false;
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		if (strstr(theirs, said[i].theirs)) {
			*at_context = said[i].at_context;
			return said[i].ours;
		}
	}
	return theirs;
}

static bool begins_char(char octet)
{
	return ((uint8_t)octet & 0xc0) != 0x80;
}

/* octet_of is where a character begins; libyaml counts these. */
static size_t octet_of(const struct builder *b, size_t nth)
{
	size_t at = 0;

	for (size_t cnt = 0; at < b->octets; at++) {
		cnt += begins_char(b->text[at]);
		if (cnt > nth)
			break;
	}
	return at;
}

/* octet_place is the line and column of an octet of the text. */
static void octet_place(const struct builder *b, size_t at, uint32_t *line, uint32_t *col)
{
	*line = *col = 1;
	for (size_t i = 0; i < at && i < b->octets; i++) {
		if (b->text[i] == '\n') {
			++*line;
			*col = 1;
		} else if (begins_char(b->text[i])) {
			++*col;
		}
	}
}

/* place is the line and column of a mark; libyaml gives the end of the text a line of its own. */
static void place(const struct builder *b, const yaml_mark_t *mark, uint32_t *line, uint32_t *col)
{
	*line = (uint32_t)mark->line + 1;
	*col = (uint32_t)mark->column + 1;
	if (mark->index >= b->char_cnt)
		octet_place(b, b->octets, line, col);
}

static void say_syntax(struct builder *b, const yaml_parser_t *p)
{
	const char *theirs = p->problem ? p->problem : "not enough memory to read it";
	bool at_context;
	const char *ours = ours_of(theirs, &at_context);
	yaml_mark_t mark = at_context ? p->context_mark : p->problem_mark;
	uint32_t line, col;

	place(b, &mark, &line, &col);
	if (p->error == YAML_READER_ERROR)
		octet_place(b, p->problem_offset, &line, &col);
	else if (mark.index < b->char_cnt && b->text[octet_of(b, mark.index)] == '\t')
		ours = "tabs cannot indent in YAML; use spaces";
	leat_conf_error_add(b->errors, line, col, "", "%s", ours);
}

/* refuse adds what this event is refused for; false for the caller to return. */
static bool refuse(struct builder *b, const yaml_event_t *e, const char *what)
{
	uint32_t line, col;

	place(b, &e->start_mark, &line, &col);
	leat_conf_error_add(b->errors, line, col, "", "%s", what);
	return false;
}

/* keep copies a scalar; NULL: it is refused, and an error says so. */
static const char *keep(struct builder *b, const yaml_event_t *e)
{
	const char *from = (const char *)e->data.scalar.value;
	size_t octets = e->data.scalar.length;
	struct conf_tree *t = b->t;
	char what[96];

	if (octets > CONF_SCALAR_MAX) {
		snprintf(what, sizeof(what), "a text of %zu octets; at most %d", octets,
			CONF_SCALAR_MAX);
		refuse(b, e, what);
		return NULL;
	}
	if (memchr(from, '\0', octets)) {
		refuse(b, e, "a text with an octet 0 in it; leave it out");
		return NULL;
	}
	ASSERT(t->text_octets + octets < sizeof(t->text));
	char *to = t->text + t->text_octets;
	memcpy(to, from, octets);
	to[octets] = '\0';
	t->text_octets += (uint32_t)octets + 1;
	return to;
}

/* add makes a node for an event, a child of what is open; NULL: there are too many. */
static struct conf_node *add(struct builder *b, const yaml_event_t *e, enum conf_node_kind kind)
{
	struct level *l = b->depth ? &b->level[b->depth - 1] : NULL;
	uint16_t at = (uint16_t)b->t->node_cnt;
	struct conf_node *n = &b->t->node[at];

	if (at == CONF_NODE_MAX) {
		refuse(b, e, "more than 2,048 values; leave some out");
		return NULL;
	}
	b->t->node_cnt++;
	*n = (struct conf_node){
		.kind = (uint8_t)kind, .next = CONF_NODE_NONE, .child = CONF_NODE_NONE};
	place(b, &e->start_mark, &n->line, &n->col);
	n->key_line = l && l->key ? l->key_line : n->line;
	n->key_col = l && l->key ? l->key_col : n->col;
	if (l) {
		*(l->last == CONF_NODE_NONE ? &b->t->node[l->node].child
					    : &b->t->node[l->last].next) = at;
		l->last = at;
		n->key = l->key;
		l->key = NULL;
	}
	return n;
}

/* wants_key says whether what comes next is a key of the mapping that is open. */
static bool wants_key(const struct builder *b)
{
	const struct level *l = b->depth ? &b->level[b->depth - 1] : NULL;

	return l && b->t->node[l->node].kind == CONF_NODE_MAP && !l->key;
}

static bool take_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = keep(b, e);

	if (wants_key(b)) {
		struct level *l = &b->level[b->depth - 1];

		l->key = text ? text : "";
		place(b, &e->start_mark, &l->key_line, &l->key_col);
		return text != NULL;
	}
	struct conf_node *n = add(b, e, text ? CONF_NODE_SCALAR : CONF_NODE_BAD);
	if (!n)
		return false;
	n->text = text;
	n->empty = text && !*text && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return true;
}

static bool open_level(struct builder *b, const yaml_event_t *e, enum conf_node_kind kind)
{
	if (wants_key(b))
		return refuse(b, e, "a key is one word; put `{`, `[` and `?` in quotes");
	if (b->depth == CONF_DEPTH_MAX)
		return refuse(b, e, "nested too deep; no key is deeper than 3");
	struct conf_node *n = add(b, e, kind);
	if (!n)
		return false;
	b->level[b->depth++] =
		(struct level){.node = (uint16_t)(n - b->t->node), .last = CONF_NODE_NONE};
	return true;
}

/* take_alias refuses it, and has a node where its value would be. */
static bool take_alias(struct builder *b, const yaml_event_t *e)
{
	refuse(b, e, "an alias; leat reads none, write the value out");
	if (wants_key(b))
		return false;
	return add(b, e, CONF_NODE_BAD) != NULL;
}

static void refuse_extras(struct builder *b, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	}
	if (anchor)
		refuse(b, e, "an anchor; leat reads none, leave the `&` and its name out");
	if (tag)
		refuse(b, e, "a tag; each key knows its type, leave the `!` and its name out");
}

/* take puts one event into the tree; false: nothing after it can be judged. */
static bool take(struct builder *b, const yaml_event_t *e)
{
	refuse_extras(b, e);
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->document_cnt++ > 0)
			return refuse(b, e, "a second document; one file is one, leave it out");
		return true;
	case YAML_SCALAR_EVENT:
		return take_scalar(b, e);
	case YAML_ALIAS_EVENT:
		return take_alias(b, e);
	case YAML_MAPPING_START_EVENT:
		return open_level(b, e, CONF_NODE_MAP);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(b, e, CONF_NODE_LIST);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		ASSERT(b->depth > 0);
		b->depth--;
		return true;
	default: /* the beginnings and ends of stream and document */
		return true;
	}
}

static bool is_end(const yaml_event_t *e)
{
	return e->type == YAML_STREAM_END_EVENT;
}

void leat_conf_tree_read(
	struct conf_tree *t, struct conf_errors *errors, const char *text, size_t octets)
{
	struct builder b = {.t = t, .errors = errors, .text = text, .octets = octets};
	bool more = true;
	yaml_parser_t p;
	yaml_event_t e;

	ASSERT(octets <= CONF_FILE_MAX);
	for (size_t i = 0; i < octets; i++)
		b.char_cnt += begins_char(text[i]);
	t->node_cnt = t->text_octets = 0;
	t->whole = false;
	if (!yaml_parser_initialize(&p)) {
		leat_conf_error_add(errors, 1, 1, "", "not enough memory to read it");
		return;
	}
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, octets);
	while (more) {
		if (!yaml_parser_parse(&p, &e)) {
			say_syntax(&b, &p);
			break;
		}
		more = take(&b, &e);
		t->whole = is_end(&e);
		more = more && !t->whole;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
}
