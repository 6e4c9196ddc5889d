/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_FIELD_H
#define LEAT_REPORT_FIELD_H

/* report_field: the fields of a JSON tree, each checked as it is taken.
 *
 * The first thing that is wrong is kept with its place, and from there on every field is 0 or "",
 * so that who reads a hundred of them asks once, at the end, whether all were right.
 *
 * Units      seconds become ns, shares millionths, rates thousandths, each rounded.
 * Affinity   none.
 * Errors     in why of the reader; "" while there is none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define FIELD_DEPTH_MAX 8

/* Up to the first a decimal fraction is read as it was written; the second fits into 63 bits. */
#define FIELD_EXACT_MAX 4503599627370496.0
#define FIELD_WIDE_MAX  9.2e18

struct field_reader {
	char *why;
	size_t size;
	const char *place[FIELD_DEPTH_MAX]; /* "latency", "connect" */
	uint32_t depth;
	double number_max;
	uint32_t item; /* of the list that is read; UINT32_MAX: of none */
};

/* leat_field_bad notes what is wrong with the field called key. */
void leat_field_bad(struct field_reader *f, const char *key, const char *what);

/* leat_field_object and _list take one, and leave NULL when it is none.  What is read of an object
 * is placed in it until leat_field_leave. */
const json_t *leat_field_object(struct field_reader *f, const json_t *in, const char *key);
const json_t *leat_field_list(
	struct field_reader *f, const json_t *in, const char *key, uint32_t cnt_max);
void leat_field_leave(struct field_reader *f);

uint64_t leat_field_count(struct field_reader *f, const json_t *in, const char *key, uint64_t max);
/* Of a field that came later than the first reports: 0 when it is not there. */
uint64_t leat_field_count_later(
	struct field_reader *f, const json_t *in, const char *key, uint64_t max);
bool leat_field_flag(struct field_reader *f, const json_t *in, const char *key);
const char *leat_field_text(struct field_reader *f, const json_t *in, const char *key);

/* leat_field_scaled is a number of at least 0 times scale. */
uint64_t leat_field_scaled(struct field_reader *f, const json_t *in, const char *key, double scale);

/* leat_field_instant is a time "2026-11-21T09:30:00.123Z" as ns since 1970. */
uint64_t leat_field_instant(struct field_reader *f, const json_t *in, const char *key);

/* leat_field_number is the same of a value that was already found; it is called key. */
uint64_t leat_field_number(
	struct field_reader *f, const json_t *value, const char *key, double scale);

#endif
