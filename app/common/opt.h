/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_H
#define LEAT_OPT_H

/* opt: one table per verb is its options: parsing, help, messages.
 *
 * A row names an option, the kind of its value, its range and default, and a sentence.  From the
 * rows come the getopt_long tables, the text of `leat help VERB`, every message that says no and
 * what to type instead, and the command line that leat hands to leatd, which reads it with the
 * same table.
 *
 * Units      durations in ns, sizes in octets, shares in millionths.
 * Affinity   boot only; getopt_long is global.
 * Errors     the first bad option is a sentence on stderr: `leat try: --loss: ...`. */

#include "base_assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPT_ROW_MAX     96
#define OPT_GIVEN_MAX   64 /* rows that a check may ask for: the first ones */
#define OPT_LINE_MAX    96
#define OPT_LINE_OCTETS 8192
#define OPT_WHY_MAX     256
#define OPT_RANGE_MAX   128

/* Exit codes of every verb. */
enum opt_exit {
	OPT_EXIT_OK = 0,
	OPT_EXIT_USAGE = 1,
	OPT_EXIT_CONFIG = 2,
	OPT_EXIT_RESOURCE = 3,
	OPT_EXIT_DEVICE = 4,
	OPT_EXIT_FAILED = 5,
};

enum opt_kind {
	OPT_KIND_FLAG,     /* bool */
	OPT_KIND_COUNT,    /* uint32_t, one more each time */
	OPT_KIND_NUMBER,   /* uint64_t */
	OPT_KIND_OCTETS,   /* uint64_t; 512, 64KiB, 10MiB */
	OPT_KIND_DURATION, /* uint64_t ns; 250ms, 60s, 2min */
	OPT_KIND_PERCENT,  /* uint32_t millionths; 1%, 0.5% */
	OPT_KIND_WORD,     /* uint32_t: index into words */
	OPT_KIND_OTHER     /* read does it */
};

struct opt_row {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum opt_kind kind;
	uint32_t at;          /* offsetof the value in the verb's struct */
	uint64_t from, to;    /* range of the value */
	const char *metavar;  /* "N", "P%", NULL for flags */
	const char *fallback; /* the default as text, NULL: none */
	const char *const
		*words; /* OPT_KIND_WORD: ends with NULL; OPT_KIND_DURATION: the word for 0,
				   * which is below the range then; NULL: none */
	const char *sentence;
	/* OPT_KIND_OTHER: puts text into options (the whole struct); false with a clause that says
	 * what is wrong and what to type instead. */
	bool (*read)(void *options, const char *text, char *why, size_t size);
};

struct opt_verb {
	const char *name;     /* "try" */
	const char *one_line; /* for `leat --help` */
	const char *usage;    /* "@ try [OPTION]..."; @: as leat is called */
	const char *prose;    /* below the options in `leat help try`; @ as above */
	const struct opt_row *row;
	uint32_t row_cnt;
	const char *const *words; /* that may stand beside options; ends with NULL; NULL: any */
	/* Fills the defaults.  check looks at the options together, as read does; opt_given of
	 * its bits tells that row i was given. */
	void (*defaults)(void *options);
	bool (*check)(void *options, uint64_t given, char *why, size_t size);
	/* Takes a word that belongs to no option, as read does; NULL: there may be none. */
	bool (*stray)(void *options, const char *text, char *why, size_t size);
};

/* opt_given_bit is the bit of row i, 0: nobody may ask for it; opt_given says whether it was. */
static inline uint64_t opt_given_bit(uint32_t i)
{
	return i < OPT_GIVEN_MAX ? UINT64_C(1) << i : 0;
}

static inline bool opt_given(uint64_t given, uint32_t i)
{
	ASSERT(i < OPT_GIVEN_MAX);
	return (given >> i & 1) != 0;
}

/* A command line for execv: argv ends with NULL. */
struct opt_line {
	int argc;
	char *argv[OPT_LINE_MAX + 1];
	char text[OPT_LINE_OCTETS];
	size_t text_octets;
};

enum opt_result {
	OPT_RESULT_OK,
	OPT_RESULT_HELP, /* --help was among them */
	OPT_RESULT_BAD   /* a message was written to err */
};

/* leat_opt_parse fills options from argv[1..argc), argv[0] being the verb, and, when line is not
 * NULL, line with the same options in their long form.  Text in options points into argv, which
 * may be reordered. */
enum opt_result leat_opt_parse(const struct opt_verb *verb, int argc, char **argv, void *options,
	struct opt_line *line, FILE *err);

/* leat_opt_begin is leat_opt_parse for a program: help is on stdout, messages on stderr.  -1: go
 * on; else the exit code to end with. */
int leat_opt_begin(
	const struct opt_verb *verb, int argc, char **argv, void *options, struct opt_line *line);

/* leat_opt_line_add adds --name=value, or --name for NULL; false: the line is full. */
bool leat_opt_line_add(struct opt_line *line, const char *name, const char *value);

/* leat_opt_help writes the help of one verb. */
void leat_opt_help(const struct opt_verb *verb, FILE *out);

/* leat_opt_range_text writes "from 1s to 2min; default 1s", as far as it is known. */
void leat_opt_range_text(const struct opt_row *row, char *text, size_t size);

/* leat_opt_prose writes text of a verb, and for each @ how leat is called. */
void leat_opt_prose(const char *text, FILE *out);

/* leat_opt_read puts text as the value of row into options; false with a clause in why that says
 * what is wrong and what to type instead. */
bool leat_opt_read(
	const struct opt_row *row, const char *text, void *options, char *why, size_t size);

/* leat_opt_value_text writes value as row would be given it: "1,024", "60s", "1%". */
void leat_opt_value_text(const struct opt_row *row, uint64_t value, char *text, size_t size);

/* leat_opt_nearest is the word most like text, NULL when none is close.  words ends with NULL. */
const char *leat_opt_nearest(const char *text, const char *const *words);

#endif
