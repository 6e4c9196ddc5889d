/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_filter.h"

#include "base_assert.h"
#include "base_bits.h"
#include "conf_value.h"
#include "tcp_state.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX  80
#define DEPTH_MAX 32
#define LIVE      (((1U << TCP_ST_CNT) - 1) & ~(1U << TCP_ST_NONE) & ~TCP_SET(CLOSED))
#define CONNECTED (LIVE & ~TCP_SET(LISTEN))
#define BUCKET    (TCP_SET(SYN_RECEIVED) | TCP_SET(TIME_WAIT))

static const struct {
	const char *name;
	uint32_t states;
} state_words[] = {
	{"listening", TCP_SET(LISTEN)},
	{"syn-sent", TCP_SET(SYN_SENT)},
	{"syn-recv", TCP_SET(SYN_RECEIVED)},
	{"established", TCP_SET(ESTABLISHED)},
	{"fin-wait-1", TCP_SET(FIN_WAIT_1)},
	{"fin-wait-2", TCP_SET(FIN_WAIT_2)},
	{"close-wait", TCP_SET(CLOSE_WAIT)},
	{"closing", TCP_SET(CLOSING)},
	{"last-ack", TCP_SET(LAST_ACK)},
	{"time-wait", TCP_SET(TIME_WAIT)},
	{"closed", TCP_SET(CLOSED)},
	{"all", LIVE | TCP_SET(CLOSED)},
	{"connected", CONNECTED},
	{"synchronized", CONNECTED & ~TCP_SET(SYN_SENT)},
	{"bucket", BUCKET},
	{"big", CONNECTED & ~BUCKET},
	/* As rows have them, where that is another word; not listed. */
	{"estab", TCP_SET(ESTABLISHED)},
	{"listen", TCP_SET(LISTEN)},
	{"unconn", TCP_SET(CLOSED)},
};

#define STATE_WORDS_LISTED (COUNT_OF(state_words) - 3)

static const struct {
	const char *name;
	enum conf_kind kind;
	uint64_t to;
	const char *example;
} field_of[WATCH_FIELD_CNT] = {
	[WATCH_SPORT] = {"sport", CONF_KIND_NUMBER, UINT16_MAX, "80"},
	[WATCH_DPORT] = {"dport", CONF_KIND_NUMBER, UINT16_MAX, "80"},
	[WATCH_SHARD] = {"shard", CONF_KIND_NUMBER, UINT32_MAX, "0"},
	[WATCH_RTX] = {"rtx", CONF_KIND_NUMBER, UINT32_MAX, "3"},
	[WATCH_RECV_Q] = {"recv-q", CONF_KIND_OCTETS, UINT32_MAX, "64KiB"},
	[WATCH_SEND_Q] = {"send-q", CONF_KIND_OCTETS, UINT32_MAX, "64KiB"},
	[WATCH_LEFT] = {"left", CONF_KIND_DURATION, UINT64_MAX, "5s"},
	[WATCH_AGE] = {"age", CONF_KIND_DURATION, UINT64_MAX, "5s"},
	[WATCH_IDLE] = {"idle", CONF_KIND_DURATION, UINT64_MAX, "5s"},
};

static const char *const timer_name[] = {"rto", "persist", "keepalive", "tlp", "reorder", "r2",
	"delack", "2msl", "fin-wait-2", NULL};

static const struct {
	const char *sign, *word;
	enum watch_op op;
} op_of[] = {
	{"<", "lt", WATCH_LT},
	{"<=", "le", WATCH_LE},
	{"=", "eq", WATCH_EQ},
	{"==", "==", WATCH_EQ},
	{"!=", "ne", WATCH_NE},
	{"<>", "neq", WATCH_NE},
	{">=", "ge", WATCH_GE},
	{">", "gt", WATCH_GT},
};

struct parse {
	struct watch_filter *f;
	struct watch_error *err;
	const char *text, *at; /* the word under the eye begins at `at` */
	char word[WORD_MAX];   /* "" at the end */
	bool states_said;
	uint32_t depth;
};

#define NO_NODE UINT16_MAX

static uint16_t say(struct parse *p, const char *what, const char *instead)
{
	p->err->at = (uint32_t)(p->at - p->text);
	snprintf(p->err->why, sizeof(p->err->why), "%.*s%s%.*s", CONF_WHY_MAX - 1, what,
		*instead ? "; " : "", CONF_WHY_MAX - 4, instead);
	return NO_NODE;
}

static bool is_sign(char c)
{
	return c != '\0' && strchr("<>=!", c) != NULL;
}

/* A word ends at a blank; a parenthesis, and a run of < > = !, is a word by itself. */
static void next(struct parse *p)
{
	const char *from = p->at + strlen(p->word), *to;

	while (isspace((uint8_t)*from))
		from++;
	to = from;
	if (*to == '(' || *to == ')')
		to++;
	else if (is_sign(*to))
		while (is_sign(*to))
			to++;
	else
		while (*to && !isspace((uint8_t)*to) && !strchr("()", *to) && !is_sign(*to))
			to++;
	size_t octets = u64_min((size_t)(to - from), WORD_MAX - 1);
	memcpy(p->word, from, octets);
	p->word[octets] = '\0';
	p->at = from;
}

static bool is(const struct parse *p, const char *a, const char *b)
{
	return strcmp(p->word, a) == 0 || strcmp(p->word, b) == 0;
}

/* unknown says that the word is none of these, which end with NULL. */
static uint16_t unknown(struct parse *p, const char *what, const char *const *words)
{
	const char *near = leat_conf_value_nearest(p->word, words);
	char no[WORD_MAX + 64], instead[CONF_WHY_MAX] = "";
	size_t at = 0;

	if (p->word[0] == '\0')
		snprintf(no, sizeof(no), "here the text ends, and %s is missing", what);
	else
		snprintf(no, sizeof(no), "`%s` is no %s", p->word, what);
	if (near != NULL)
		snprintf(instead, sizeof(instead), "did you mean `%s`?", near);
	else
		for (; *words != NULL && at < sizeof(instead) - WORD_MAX; words++)
			at += (size_t)snprintf(instead + at, sizeof(instead) - at, "%s%s",
				at ? ", " : "one of ", *words);
	return say(p, no, instead);
}

static uint16_t node(struct parse *p, struct watch_node n)
{
	if (p->f->node_cnt == WATCH_NODE_MAX)
		return say(p, "this is more than a filter can hold", "ask for less at once");
	p->f->node[p->f->node_cnt] = n;
	return p->f->node_cnt++;
}

/* ---- words and values ---- */

static bool read_op(struct parse *p, uint8_t *op)
{
	static const char *const words[] = {"<", "<=", "=", "!=", ">=", ">", NULL};

	for (uint32_t i = 0; i < COUNT_OF(op_of); i++) {
		if (is(p, op_of[i].sign, op_of[i].word)) {
			*op = (uint8_t)op_of[i].op;
			next(p);
			return true;
		}
	}
	unknown(p, "comparison", words);
	return false;
}

/* text, of the word under the eye, is a value of field. */
static bool read_value(struct parse *p, const char *text, enum watch_field field, uint64_t *value)
{
	const struct conf_type type = {.kind = field_of[field].kind,
		.to = field_of[field].to,
		.example = field_of[field].example};
	char why[CONF_WHY_MAX];

	if (leat_conf_value_read(&type, text, value, why, sizeof(why)))
		return true;
	say(p, why, "");
	return false;
}

static uint16_t compare(struct parse *p, enum watch_field field)
{
	struct watch_node n = {.kind = WATCH_COMPARE, .field = (uint8_t)field};

	next(p);
	if (!read_op(p, &n.op))
		return NO_NODE;
	bool is_port = field == WATCH_SPORT || field == WATCH_DPORT; /* ss takes :80 as well */
	if (!read_value(p, p->word + (is_port && p->word[0] == ':'), field, &n.value))
		return NO_NODE;
	next(p);
	return node(p, n);
}

/* The prefix length behind a slash, which is taken off. */
static bool read_bits(struct parse *p, char *host, uint8_t *bits)
{
	const struct conf_type type = {.kind = CONF_KIND_NUMBER,
		.to = strchr(host, ':') == NULL ? 32 : 128,
		.example = "24"};
	char *slash = strchr(host, '/'), why[CONF_WHY_MAX];
	uint64_t value = type.to;

	if (slash != NULL) {
		if (!leat_conf_value_read(&type, slash + 1, &value, why, sizeof(why))) {
			say(p, why, "");
			return false;
		}
		*slash = '\0';
	}
	*bits = (uint8_t)value;
	return true;
}

/* Splits host[:port], [host]:port, :port; a part that is not there or * is NULL. */
static void split(char *text, char **host, char **port)
{
	char *close = text[0] == '[' ? strchr(text, ']') : NULL, *colon = strchr(text, ':');

	*host = text;
	*port = NULL;
	if (close != NULL) {
		*close = '\0';
		*host = text + 1;
		*port = close[1] == ':' ? close + 2 : NULL;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0'; /* one with several is an IPv6 address */
		*port = colon + 1;
	}
	if (**host == '\0' || strcmp(*host, "*") == 0)
		*host = NULL;
	if (*port != NULL && strcmp(*port, "*") == 0)
		*port = NULL;
}

/* The address of one end; field is its port. */
static uint16_t address(struct parse *p, enum watch_field field)
{
	struct watch_node n = {.kind = WATCH_ADDRESS, .field = (uint8_t)field};
	char text[WORD_MAX], *host, *port;
	uint16_t at_host = NO_NODE, at_port = NO_NODE;

	if (is(p, "=", "=="))
		next(p);
	if (p->word[0] == '\0')
		return say(p, "here the text ends, and an address is missing",
			"type it as 198.18.0.0/16, :80 or [2001:db8::1]:80");
	memcpy(text, p->word, sizeof(text));
	split(text, &host, &port);
	if (host != NULL) {
		if (!read_bits(p, host, &n.prefix_bits))
			return NO_NODE;
		if (!leat_wire_ip_parse(host, &n.prefix))
			return say(p, "this is no address",
				"type it as 198.18.0.0/16, :80 or [2001:db8::1]:80");
	} else {
		n.field = WATCH_NONE; /* any */
	}
	if (host != NULL || port == NULL) {
		at_host = node(p, n);
		if (at_host == NO_NODE || port == NULL) {
			next(p);
			return at_host;
		}
	}
	struct watch_node with = {.kind = WATCH_COMPARE, .field = (uint8_t)field, .op = WATCH_EQ};
	if (!read_value(p, port, field, &with.value))
		return NO_NODE;
	next(p);
	at_port = node(p, with);
	if (at_host == NO_NODE || at_port == NO_NODE)
		return at_port;
	return node(p, (struct watch_node){.kind = WATCH_AND, .a = at_host, .b = at_port});
}

static uint16_t timer(struct parse *p)
{
	next(p);
	for (uint32_t i = 0; timer_name[i] != NULL; i++) {
		if (is(p, timer_name[i], timer_name[i])) {
			next(p);
			return node(p, (struct watch_node){.kind = WATCH_TIMER, .value = i});
		}
	}
	return unknown(p, "timer", timer_name);
}

static uint16_t role(struct parse *p)
{
	static const char *const words[] = {"client", "server", NULL};

	next(p);
	for (uint32_t i = 0; words[i] != NULL; i++) {
		if (is(p, words[i], words[i])) {
			next(p);
			return node(p, (struct watch_node){.kind = WATCH_ROLE, .value = i});
		}
	}
	return unknown(p, "role", words);
}

/* state_word finds one in any case, as rows and other programs write it; COUNT_OF: it is none. */
static uint32_t state_word(const char *word)
{
	uint32_t i = 0;

	while (i < COUNT_OF(state_words) && strcasecmp(word, state_words[i].name) != 0)
		i++;
	return i;
}

/* ---- the expression ---- */

static uint16_t either(struct parse *p);

const char *const leat_watch_filter_words[] = {"src", "dst", "sport", "dport", "shard", "rtx",
	"recv-q", "send-q", "left", "age", "idle", "timer", "role", "not", "state", "exclude",
	"sort", "limit", NULL};

static uint16_t term(struct parse *p)
{
	if (is(p, "src", "dst")) {
		bool ours = p->word[0] == 's';

		next(p);
		return address(p, ours ? WATCH_SPORT : WATCH_DPORT);
	}
	if (is(p, "timer", "timer"))
		return timer(p);
	if (is(p, "role", "role"))
		return role(p);
	for (enum watch_field i = WATCH_NONE + 1; i < WATCH_FIELD_CNT; i++)
		if (strcmp(p->word, field_of[i].name) == 0)
			return compare(p, i);
	if (is(p, "state", "exclude") || is(p, "sort", "limit"))
		return say(p, "this stands for the whole", "put it outside of `or`, `not` and ( )");
	uint32_t i = state_word(p->word);
	if (i < COUNT_OF(state_words)) {
		char instead[WORD_MAX];

		snprintf(instead, sizeof(instead), "did you mean `state %s`?", state_words[i].name);
		return say(p, "this is a state", instead);
	}
	return unknown(p, "word of a filter", leat_watch_filter_words);
}

static uint16_t factor(struct parse *p)
{
	uint16_t a;

	if (is(p, "not", "!")) {
		next(p);
		if (++p->depth > DEPTH_MAX)
			return say(p, "this is too deep", "ask for less at once");
		a = factor(p);
		p->depth--;
		return a == NO_NODE ? a : node(p, (struct watch_node){.kind = WATCH_NOT, .a = a});
	}
	if (!is(p, "(", "("))
		return term(p);
	next(p);
	if (++p->depth > DEPTH_MAX)
		return say(p, "this is too deep", "ask for less at once");
	a = either(p);
	p->depth--;
	if (a != NO_NODE && !is(p, ")", ")"))
		return say(p, "a `)` is missing here", "");
	next(p);
	return a;
}

static bool ends(const struct parse *p)
{
	return p->word[0] == '\0' || is(p, ")", ")") || is(p, "or", "|") || is(p, "||", "||") ||
	       (p->depth == 0 && (is(p, "state", "exclude") || is(p, "sort", "limit")));
}

static uint16_t both(struct parse *p)
{
	uint16_t a = factor(p);

	while (a != NO_NODE && !ends(p)) {
		if (is(p, "and", "&") || is(p, "&&", "&&"))
			next(p);
		if (p->depth == 0 && ends(p))
			break; /* `and` before a state */
		uint16_t b = factor(p);

		if (b == NO_NODE)
			return b;
		a = node(p, (struct watch_node){.kind = WATCH_AND, .a = a, .b = b});
	}
	return a;
}

static uint16_t either(struct parse *p)
{
	uint16_t a = both(p);

	while (a != NO_NODE && (is(p, "or", "|") || is(p, "||", "||"))) {
		next(p);
		uint16_t b = both(p);

		if (b == NO_NODE)
			return b;
		a = node(p, (struct watch_node){.kind = WATCH_OR, .a = a, .b = b});
	}
	return a;
}

/* ---- what stands for the whole ---- */

static bool states(struct parse *p)
{
	const char *words[STATE_WORDS_LISTED + 1] = {NULL};
	bool exclude = p->word[0] == 'e';

	next(p);
	uint32_t i = state_word(p->word);
	if (i == COUNT_OF(state_words)) {
		for (i = 0; i < STATE_WORDS_LISTED; i++)
			words[i] = state_words[i].name;
		unknown(p, "state", words);
		return false;
	}
	if (exclude)
		p->f->states &= ~state_words[i].states;
	else
		p->f->states = state_words[i].states | (p->states_said ? p->f->states : 0);
	p->states_said = true;
	next(p);
	if (!is(p, "or", "|") && !is(p, "||", "||"))
		return true;
	next(p);
	/* They add up with `or` as without. */
	if (!exclude && is(p, "state", "state"))
		return true;
	return say(p, "behind a state `or` has another `state`", "leave the `or` out") != NO_NODE;
}

static bool sort(struct parse *p)
{
	const char *words[WATCH_FIELD_CNT] = {NULL};

	next(p);
	for (enum watch_field i = WATCH_NONE + 1; i < WATCH_FIELD_CNT; i++) {
		words[i - 1] = field_of[i].name;
		if (!is(p, words[i - 1], words[i - 1]))
			continue;
		p->f->sort = i;
		next(p);
		p->f->sort_desc = is(p, "desc", "desc");
		if (p->f->sort_desc || is(p, "asc", "asc"))
			next(p);
		return true;
	}
	unknown(p, "key to sort by", words);
	return false;
}

static bool limit(struct parse *p)
{
	const struct conf_type type = {
		.kind = CONF_KIND_COUNT, .from = 1, .to = UINT32_MAX, .example = "1000"};
	char why[CONF_WHY_MAX];

	next(p);
	p->f->limit_said = true;
	p->f->limit = UINT64_MAX;
	if (!is(p, "all", "all") &&
		!leat_conf_value_read(&type, p->word, &p->f->limit, why, sizeof(why))) {
		say(p, why, "or type `limit all`");
		return false;
	}
	next(p);
	return true;
}

static bool expression(struct parse *p)
{
	uint16_t a = either(p);

	if (a == NO_NODE)
		return false;
	if (!p->f->matches_all)
		a = node(p, (struct watch_node){.kind = WATCH_AND, .a = p->f->root, .b = a});
	p->f->matches_all = false;
	p->f->root = a;
	return a != NO_NODE;
}

bool leat_watch_filter_parse(struct watch_filter *f, const char *text, struct watch_error *err)
{
	struct parse p = {.f = f, .err = err, .text = text, .at = text};
	bool good = true;

	*f = (struct watch_filter){.states = CONNECTED, .matches_all = true, .limit = WATCH_LIMIT};
	*err = (struct watch_error){0};
	for (next(&p); good && p.word[0] != '\0';) {
		if (is(&p, "state", "exclude"))
			good = states(&p);
		else if (is(&p, "sort", "sort"))
			good = sort(&p);
		else if (is(&p, "limit", "limit"))
			good = limit(&p);
		else if (is(&p, ")", ")"))
			good = say(&p, "there is no `(` for this", "") != NO_NODE;
		else
			good = expression(&p);
		if (good && (is(&p, "and", "&") || is(&p, "&&", "&&")))
			next(&p);
	}
	return good;
}

/* ---- matching ---- */

/* since is how long ago `at` was; false when it never was. */
static bool since(uint64_t at, uint64_t now, uint64_t *value)
{
	*value = now - u64_min(at, now);
	return at != 0;
}

bool leat_watch_field(const struct watch_conn *c, enum watch_field field, uint64_t *value)
{
	const struct stack_brief *b = c->brief;

	switch (field) {
	case WATCH_SPORT:
		*value = b->tuple.lport;
		return true;
	case WATCH_DPORT:
		*value = b->tuple.rport;
		return true;
	case WATCH_SHARD:
		*value = c->shard;
		return true;
	case WATCH_RTX:
		*value = b->rtx_cnt;
		return true;
	case WATCH_RECV_Q:
		*value = b->recv_q;
		return true;
	case WATCH_SEND_Q:
		*value = b->send_q;
		return true;
	case WATCH_LEFT:
		*value = b->timer.at - u64_min(b->timer.at, c->now);
		return b->timer.name != NULL;
	case WATCH_AGE:
		return since(b->opened_at, c->now, value);
	case WATCH_IDLE:
		return since(b->used_at, c->now, value);
	case WATCH_NONE:
	case WATCH_FIELD_CNT:
		break;
	}
	UNREACHABLE("every field has its case");
}

static bool compares(uint8_t op, uint64_t a, uint64_t b)
{
	switch ((enum watch_op)op) {
	case WATCH_LT:
		return a < b;
	case WATCH_LE:
		return a <= b;
	case WATCH_EQ:
		return a == b;
	case WATCH_NE:
		return a != b;
	case WATCH_GE:
		return a >= b;
	case WATCH_GT:
		return a > b;
	}
	UNREACHABLE("every comparison has its case");
}

static bool is_in_prefix(const struct watch_node *n, const struct stack_brief *b)
{
	struct ip ip = n->field == WATCH_SPORT ? b->tuple.local : b->tuple.remote;

	return n->field == WATCH_NONE ||
	       ((ip.hi | ip.lo) != 0 && ip_in_prefix(ip, n->prefix, n->prefix_bits));
}

/* As deep as the text was, which is bounded: DEPTH_MAX, and a chain of `and` and `or` to the left
 * by WATCH_NODE_MAX. */
static bool meets(const struct watch_filter *f, uint16_t at, const struct watch_conn *c)
{
	const struct watch_node *n = &f->node[at];
	uint64_t value;

	switch ((enum watch_node_kind)n->kind) {
	case WATCH_AND:
		return meets(f, n->a, c) && meets(f, n->b, c);
	case WATCH_OR:
		return meets(f, n->a, c) || meets(f, n->b, c);
	case WATCH_NOT:
		return !meets(f, n->a, c);
	case WATCH_ADDRESS:
		return is_in_prefix(n, c->brief);
	case WATCH_COMPARE:
		return leat_watch_field(c, (enum watch_field)n->field, &value) &&
		       compares(n->op, value, n->value);
	case WATCH_TIMER:
		return c->brief->timer.name != NULL &&
		       strcmp(c->brief->timer.name, timer_name[n->value]) == 0;
	case WATCH_ROLE:
		return c->brief->passive == (n->value != 0);
	}
	UNREACHABLE("every node has its case");
}

bool leat_watch_filter_match(const struct watch_filter *f, const struct watch_conn *c)
{
	return (f->states >> c->brief->state & 1) != 0 && (f->matches_all || meets(f, f->root, c));
}

/* What a chain of `and` says of the tuple, whatever else it says. */
struct ends {
	struct tuple tuple;
	uint32_t said; /* a bit each: ours, its port, theirs, its port */
};

static void read_ends(const struct watch_filter *f, uint16_t at, struct ends *e)
{
	const struct watch_node *n = &f->node[at];
	bool ours = n->field == WATCH_SPORT, theirs = n->field == WATCH_DPORT;

	if (n->kind == WATCH_AND) {
		read_ends(f, n->a, e);
		read_ends(f, n->b, e);
	} else if (n->kind == WATCH_ADDRESS && (ours || theirs) &&
		   n->prefix_bits == (ip_is4(n->prefix) ? 32 : 128)) {
		*(ours ? &e->tuple.local : &e->tuple.remote) = n->prefix;
		e->said |= ours ? 1 : 4;
	} else if (n->kind == WATCH_COMPARE && n->op == WATCH_EQ && (ours || theirs)) {
		*(ours ? &e->tuple.lport : &e->tuple.rport) = (uint16_t)n->value;
		e->said |= ours ? 2 : 8;
	}
}

bool leat_watch_filter_tuple(const struct watch_filter *f, struct tuple *tuple)
{
	struct ends e = {.said = 0};

	if (!f->matches_all)
		read_ends(f, f->root, &e);
	*tuple = e.tuple;
	return e.said == 15 && !(f->states & (TCP_SET(LISTEN) | TCP_SET(CLOSED)));
}

bool leat_watch_before(
	const struct watch_filter *f, const struct watch_conn *a, const struct watch_conn *b)
{
	uint64_t x = 0, y = 0;

	if (f->sort == WATCH_NONE)
		return false;
	bool has_x = leat_watch_field(a, f->sort, &x), has_y = leat_watch_field(b, f->sort, &y);
	if (has_x != has_y)
		return has_x; /* those without stand last */
	return f->sort_desc ? x > y : x < y;
}
