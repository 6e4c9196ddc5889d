/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_ASK_H
#define LEAT_ASK_H

/* ask: one question to a running instance, and its answer.
 *
 * Affinity   none.
 * Errors     an enum opt_exit, after what was wrong went to stderr.
 * See        instance.h for what goes over the socket. */

/* leat_ask asks the instance of that name (NULL: the only one) the question, a line without its
 * end.  When the answer begins with `ok` it gives the descriptor to read the rest from, and close;
 * else -1 and the exit code.  words, when not NULL, is what the place in a refusal is counted from:
 * it is shown with a caret. */
int leat_ask(
	const char *verb, const char *name, const char *question, const char *words, int *code);

/* leat_ask_copy writes the answer to stdout as it comes, until its end; gives the exit code. */
int leat_ask_copy(const char *verb, const char *name, const char *question, const char *words);

#endif
