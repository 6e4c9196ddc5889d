/* SPDX-License-Identifier: BSD-3-Clause */
#include "prog.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX     96
#define LOOP_CNT_MAX 1000000000

enum word_kind {
	WORD_TEXT,
	WORD_STOP,  /* ; or the end of a line */
	WORD_OPEN,  /* { */
	WORD_CLOSE, /* } */
	WORD_EOF
};

struct parser {
	struct prog *p;
	const char *at;
	uint32_t line, column; /* of at */
	enum word_kind kind;   /* of the word at hand */
	uint32_t word_line, word_column;
	char word[WORD_MAX];
	uint32_t loop_cnt;
	uint8_t loop[PROG_LOOP_MAX]; /* the LOOP of each that is open */
	bool shut, ended;            /* our direction is closed; nothing may follow */
	char *why;
	size_t size;
};

static const struct {
	const char *name;
	enum prog_op_kind kind;
	bool takes; /* a quantity */
} verb[] = {
	{"send", PROG_OP_SEND, true},
	{"expect", PROG_OP_EXPECT, true},
	{"exchange", PROG_OP_EXCHANGE, true},
	{"wait", PROG_OP_WAIT, true},
	{"loop", PROG_OP_LOOP, true},
	{"half-close", PROG_OP_HALF_CLOSE, false},
	{"close", PROG_OP_CLOSE, false},
	{"abort", PROG_OP_ABORT, false},
};

__attribute__((format(printf, 2, 3))) static bool say(struct parser *t, const char *format, ...)
{
	int n = snprintf(t->why, t->size, "%u:%u: ", t->word_line, t->word_column);
	va_list args;

	va_start(args, format);
	if (n > 0 && (size_t)n < t->size)
		vsnprintf(t->why + n, t->size - (size_t)n, format, args);
	va_end(args);
	return false;
}

static void step(struct parser *t)
{
	t->column++;
	if (*t->at++ == '\n') {
		t->line++;
		t->column = 1;
	}
}

/* next reads the next word into t; false: it is too long. */
static bool next(struct parser *t)
{
	size_t n = 0;

	while (*t->at == ' ' || *t->at == '\t' || *t->at == '\r')
		step(t);
	if (*t->at == '#')
		while (*t->at != '\0' && *t->at != '\n')
			step(t);
	t->word_line = t->line;
	t->word_column = t->column;
	t->kind = *t->at == '\0'                    ? WORD_EOF
		  : *t->at == ';' || *t->at == '\n' ? WORD_STOP
		  : *t->at == '{'                   ? WORD_OPEN
		  : *t->at == '}'                   ? WORD_CLOSE
						    : WORD_TEXT;
	if (t->kind != WORD_TEXT) {
		t->word[0] = *t->at == '\n' ? '\0' : *t->at;
		t->word[1] = '\0';
		if (t->kind != WORD_EOF)
			step(t);
		return true;
	}
	while (*t->at != '\0' && strchr(" \t\r\n;{}#", *t->at) == NULL) {
		if (n == WORD_MAX - 1)
			return say(t, "a word of more than %d characters", WORD_MAX - 1);
		t->word[n++] = *t->at;
		step(t);
	}
	t->word[n] = '\0';
	return true;
}

/* add_op gives the next statement; NULL: there are too many. */
static struct prog_op *add_op(struct parser *t, enum prog_op_kind kind)
{
	struct prog_op *op = &t->p->op[t->p->op_cnt];

	if (t->p->op_cnt == PROG_OP_MAX) {
		say(t, "more than %d statements; put what repeats into a loop", PROG_OP_MAX);
		return NULL;
	}
	t->p->op_cnt++;
	*op = (struct prog_op){.kind = (uint8_t)kind};
	return op;
}

/* read_quantity reads the word at hand as what op takes. */
static bool read_quantity(struct parser *t, struct prog_op *op)
{
	static const struct dist_range octets = {OPT_KIND_OCTETS, 1, PROG_OCTET_MAX, "64"},
				       pause = {OPT_KIND_DURATION, 1, 3600 * TIME_S, "10ms"};
	struct dist *d = &t->p->dist[t->p->dist_cnt];
	char why[DIST_TEXT_MAX];

	if (t->p->dist_cnt == PROG_DIST_MAX)
		return say(
			t, "more than %d quantities; put what repeats into a loop", PROG_DIST_MAX);
	if (!leat_dist_parse(
		    d, op->kind == PROG_OP_WAIT ? &pause : &octets, t->word, why, sizeof(why)))
		return say(t, "%s", why);
	op->dist = (uint8_t)t->p->dist_cnt++;
	return true;
}

static bool read_loop(struct parser *t, struct prog_op *op)
{
	char *end;
	unsigned long cnt = strtoul(t->word, &end, 10);

	if (*end != '\0' || t->word[0] < '0' || t->word[0] > '9' || cnt == 0 || cnt > LOOP_CNT_MAX)
		return say(t, "`%s`: how often, from 1 to 1,000,000,000: loop 10 { ... }", t->word);
	if (t->loop_cnt == PROG_LOOP_MAX)
		return say(t, "more than %d loops within each other", PROG_LOOP_MAX);
	op->cnt = (uint32_t)cnt;
	op->loop = (uint8_t)t->loop_cnt;
	t->loop[t->loop_cnt++] = (uint8_t)(op - t->p->op);
	if (!next(t))
		return false;
	if (t->kind != WORD_OPEN)
		return say(t, "loop needs braces around what is repeated: loop %lu { ... }", cnt);
	return true;
}

/* may_follow refuses what can never be done where it stands. */
static bool may_follow(struct parser *t, enum prog_op_kind kind, const char *name)
{
	bool sends = kind == PROG_OP_SEND || kind == PROG_OP_EXCHANGE;
	bool shuts = kind == PROG_OP_HALF_CLOSE || kind == PROG_OP_CLOSE || kind == PROG_OP_ABORT;

	if (t->ended)
		return say(t, "nothing can follow the end of the connection; leave `%s` out", name);
	if (shuts && t->loop_cnt != 0)
		return say(t, "`%s` in a loop would come twice; put it behind the loop", name);
	if (t->shut && (sends || kind == PROG_OP_HALF_CLOSE))
		return say(t, "`%s` after half-close: our direction is closed", name);
	t->shut |= kind == PROG_OP_HALF_CLOSE;
	t->ended = kind == PROG_OP_CLOSE || kind == PROG_OP_ABORT;
	return true;
}

/* read_end demands that the statement ends here. */
static bool read_end(struct parser *t, const char *after)
{
	if (!next(t))
		return false;
	if (t->kind == WORD_TEXT || t->kind == WORD_OPEN)
		return say(t, "`%s` after `%s`; is a ; missing?", t->word, after);
	return true;
}

/* read_statement reads from the verb at hand to the word that ends it. */
static bool read_statement(struct parser *t)
{
	const char *names[COUNT_OF(verb) + 1] = {NULL}, *near;
	struct prog_op *op;
	uint32_t i = 0;

	for (uint32_t k = 0; k < COUNT_OF(verb); k++)
		names[k] = verb[k].name;
	while (i < COUNT_OF(verb) && strcmp(verb[i].name, t->word) != 0)
		i++;
	if (i == COUNT_OF(verb)) {
		near = leat_opt_nearest(t->word, names);
		return say(t, "`%s` is no statement; %s%s%s", t->word,
			near ? "did you mean "
			     : "there are send, expect, exchange, wait, loop, "
			       "half-close, close, abort",
			near ? near : "", near ? "?" : "");
	}
	if (!may_follow(t, verb[i].kind, verb[i].name))
		return false;
	op = add_op(t, verb[i].kind);
	if (!op)
		return false;
	if (!verb[i].takes)
		return read_end(t, verb[i].name);
	if (!next(t))
		return false;
	if (t->kind != WORD_TEXT)
		return say(t, "%s needs a quantity: %s %s", verb[i].name, verb[i].name,
			op->kind == PROG_OP_WAIT   ? "10ms"
			: op->kind == PROG_OP_LOOP ? "10 { ... }"
						   : "64");
	if (op->kind == PROG_OP_LOOP)
		return read_loop(t, op) && next(t);
	if (op->kind == PROG_OP_EXPECT && strcmp(t->word, "eof") == 0)
		op->kind = PROG_OP_EXPECT_EOF;
	else if (!read_quantity(t, op))
		return false;
	return read_end(t, verb[i].name);
}

static bool close_loop(struct parser *t)
{
	struct prog_op *op;

	if (t->loop_cnt == 0)
		return say(t, "} without a loop");
	uint8_t from = t->loop[--t->loop_cnt];
	if (from + 1u == t->p->op_cnt)
		return say(t, "the loop is empty; put something between the braces");
	op = add_op(t, PROG_OP_END);
	if (!op)
		return false;
	op->jump = from;
	op->loop = (uint8_t)t->loop_cnt;
	return next(t);
}

bool leat_prog_parse(struct prog *p, const char *text, char *why, size_t size)
{
	struct parser t = {.p = p, .at = text, .line = 1, .column = 1, .why = why, .size = size};
	bool good;

	*p = (struct prog){0};
	for (good = next(&t); good && t.kind != WORD_EOF;) {
		if (t.kind == WORD_STOP)
			good = next(&t);
		else if (t.kind == WORD_CLOSE)
			good = close_loop(&t);
		else if (t.kind == WORD_OPEN)
			good = say(&t, "{ without a loop: loop 10 { ... }");
		else
			good = read_statement(&t);
	}
	if (good && t.loop_cnt != 0)
		good = say(&t, "a loop is not closed; } at the end?");
	return good;
}
