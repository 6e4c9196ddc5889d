/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_FILTER_H
#define LEAT_WATCH_FILTER_H

/* watch_filter: which connections to list, in the words of ss(8) and a few more.
 *
 *	state STATE, exclude STATE     the states looked at; more add up, with `or` or without
 *	src ADDRESS, dst ADDRESS       ours, the peer's: 198.18.0.1, 198.18.0.0/16, [::1]:80, :80, *
 *	sport OP PORT, dport OP PORT
 *	shard OP N, rtx OP N           rtx: segments sent again
 *	recv-q OP N, send-q OP N       octets not read, not acknowledged
 *	left OP T, age OP T, idle OP T of the next timer, since it was opened, since it was used
 *	timer NAME, role ROLE          rto, 2msl, ...; server or client
 *	and or not ( )                 none between two: and
 *	sort KEY [desc], limit N       which come first, and how many
 *
 * OP is < <= = != >= > or lt le eq ne ge gt.  What a connection does not have (a timer, the instant
 * it was opened) compares with nothing.  Without a state all are meant but listeners and closed
 * ones.
 *
 * Shape      a tree of at most WATCH_NODE_MAX nodes, in one array without pointers.
 * Units      octets; ns.
 * Affinity   none; pure.
 * Errors     where in the text, and what to type instead. */

#include "stack_brief.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCH_NODE_MAX 64
#define WATCH_WHY_MAX  512
#define WATCH_LIMIT    1000 /* rows, when nothing is said */

/* A connection as it is shown, and where it is. */
struct watch_conn {
	const struct stack_brief *brief;
	const struct leat_info *info; /* NULL: nobody asked for more than the brief */
	uint32_t shard;
	uint64_t now; /* on that shard's clock */
};

/* What can be compared, and sorted by. */
enum watch_field {
	WATCH_NONE,
	WATCH_SPORT,
	WATCH_DPORT,
	WATCH_SHARD,
	WATCH_RTX,
	WATCH_RECV_Q,
	WATCH_SEND_Q,
	WATCH_LEFT,
	WATCH_AGE,
	WATCH_IDLE,
	WATCH_FIELD_CNT
};

enum watch_node_kind {
	WATCH_AND,
	WATCH_OR,
	WATCH_NOT,
	WATCH_ADDRESS, /* prefix, of the peer when field is WATCH_DPORT, else ours */
	WATCH_COMPARE,
	WATCH_TIMER,
	WATCH_ROLE, /* value: 1 server, 0 client */
};

enum watch_op {
	WATCH_LT,
	WATCH_LE,
	WATCH_EQ,
	WATCH_NE,
	WATCH_GE,
	WATCH_GT
};

struct watch_node {
	uint8_t kind, field, op;
	uint8_t prefix_bits;
	uint16_t a, b;    /* nodes: of AND, OR both, of NOT the first */
	uint64_t value;   /* of WATCH_TIMER the index of its name */
	struct ip prefix; /* any: no address */
};

struct watch_filter {
	uint32_t states; /* a bit for each enum tcp_state */
	uint16_t node_cnt, root;
	bool matches_all; /* there is no expression: root is nothing */
	bool sort_desc, limit_said;
	enum watch_field sort;
	uint64_t limit; /* UINT64_MAX: all */
	struct watch_node node[WATCH_NODE_MAX];
};

struct watch_error {
	uint32_t at; /* octet of the text */
	char why[WATCH_WHY_MAX];
};

/* The words that a filter is made of; ends with NULL. */
extern const char *const leat_watch_filter_words[];

/* leat_watch_filter_parse reads text; false with err. */
bool leat_watch_filter_parse(struct watch_filter *f, const char *text, struct watch_error *err);

/* leat_watch_filter_match says whether c is meant. */
bool leat_watch_filter_match(const struct watch_filter *f, const struct watch_conn *c);

/* leat_watch_field is the value of field; false: c has none. */
bool leat_watch_field(const struct watch_conn *c, enum watch_field field, uint64_t *value);

/* leat_watch_before says whether a stands before b in the order of f. */
bool leat_watch_before(
	const struct watch_filter *f, const struct watch_conn *a, const struct watch_conn *b);

/* leat_watch_filter_tuple says whether f means connections of one tuple alone, and which. */
bool leat_watch_filter_tuple(const struct watch_filter *f, struct tuple *tuple);

#endif
