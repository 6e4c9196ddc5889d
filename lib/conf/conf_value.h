/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_VALUE_H
#define LEAT_CONF_VALUE_H

/* conf_value: quantities and words as people write them, in a file and on a command line alike.
 *
 * The text has the unit that its kind asks for and no other: `60` is no duration, `10k` no number
 * of octets.  Nothing is guessed from the form of a text, as YAML and many parsers do.
 *
 *	NUMBER    1500             plain decimal
 *	COUNT     65536 64k 1M     k M G are powers of 1024
 *	OCTETS    512 64KiB        KiB MiB GiB
 *	DURATION  250ms 60s        ns us ms s min h; the value is in ns
 *	PERCENT   1% 0.5%          the value is in millionths
 *	RATE      200k/s 0.5/s 200k     k M G are powers of 1000; the value is in thousandths a second
 *	WORD      cubic            the value is its index in words
 *
 * Affinity   none; pure.
 * Errors     a clause that says what is wrong, then after `;` or `:` what to type instead. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_GROUP_MAX 28 /* octets of the longest grouped number, with its end */
#define CONF_WHY_MAX   256

enum conf_kind {
	CONF_KIND_NUMBER,
	CONF_KIND_COUNT,
	CONF_KIND_OCTETS,
	CONF_KIND_DURATION,
	CONF_KIND_PERCENT,
	CONF_KIND_RATE,
	CONF_KIND_WORD,
	CONF_KIND_QUANTITY_CNT, /* what leat_conf_value_read reads comes before */

	CONF_KIND_SECTION = CONF_KIND_QUANTITY_CNT, /* has keys of its own */
	CONF_KIND_TEXT,                             /* from to octets long, on one line */
	CONF_KIND_SCRIPT,                           /* the same, on lines */
	CONF_KIND_NAME,                             /* A-Z a-z 0-9 . _ - */
};

struct conf_type {
	enum conf_kind kind;
	uint64_t from, to; /* range of the value */
	/* WORD: ends with NULL.  DURATION: the word for 0, which is below the range then. */
	const char *const *words;
	const char *fallback; /* the default as text, NULL: none */
	const char *example;  /* for messages where there is no fallback */
};

/* leat_conf_value_read reads a kind before CONF_KIND_QUANTITY_CNT; false with a clause in why. */
bool leat_conf_value_read(
	const struct conf_type *type, const char *text, uint64_t *value, char *why, size_t size);

/* leat_conf_value_text writes value as it would be given: "1,024", "60s", "1%". */
void leat_conf_value_text(enum conf_kind kind, uint64_t value, char *text, size_t size);

/* leat_conf_value_example is a text that type takes. */
const char *leat_conf_value_example(const struct conf_type *type);

/* leat_conf_value_nearest is the word most like text, NULL when none is close.  words ends with
 * NULL. */
const char *leat_conf_value_nearest(const char *text, const char *const *words);

/* leat_conf_value_group writes value with its digits in groups: "1,234,567". */
void leat_conf_value_group(uint64_t value, char *text, size_t size);

#endif
