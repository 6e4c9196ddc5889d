/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_ASK_H
#define LEAT_ASK_H

/* ask: one question to a running instance, and its answer.
 *
 * Affinity   none.
 * Errors     an enum opt_exit, after what was wrong went to stderr; OPT_EXIT_FAILED when nothing is
 *            answered, after some seconds.
 * See        instance.h for what goes over the socket. */

#include "opt.h"

/* The option of each verb that asks.  Its options begin with `const char *name`, NULL: the only
 * instance there is. */
#define ASK_ROW_NAME                                                                               \
	{                                                                                          \
		.name = "name", .letter = 'n', .kind = OPT_KIND_OTHER, .read = leat_ask_name,      \
		.metavar = "NAME", .sentence = "of which instance; may be left out when one runs"  \
	}

/* leat_ask_name reads it: as read of struct opt_row. */
bool leat_ask_name(void *options, const char *text, char *why, size_t size);

/* leat_ask asks the instance of that name (NULL: the only one) the question, a line without its
 * end.  When the answer begins with `ok` it gives the descriptor to read the rest from, and close;
 * else -1 and the exit code.  words, when not NULL, is what the place in a refusal is counted from:
 * it is shown with a caret. */
int leat_ask(
	const char *verb, const char *name, const char *question, const char *words, int *code);

/* leat_ask_copy writes the answer to stdout as it comes, until its end; gives the exit code. */
int leat_ask_copy(const char *verb, const char *name, const char *question, const char *words);

#endif
