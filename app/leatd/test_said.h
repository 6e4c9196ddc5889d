/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_SAID_H
#define LEAT_TEST_SAID_H

/* test_said: for tests of what an instance says, on stderr and to who asks it. */

#include "ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SAID_WORDS_MAX 64

/* stderr, while it is listened to. */
struct said {
	FILE *file;
	int err;
};

static inline struct said said_begin(void)
{
	struct said s = {tmpfile(), dup(STDERR_FILENO)};

	assert_non_null(s.file);
	assert_true(s.err >= 0);
	fflush(stderr);
	dup2(fileno(s.file), STDERR_FILENO);
	return s;
}

/* said_end gives what went there since. */
static inline void said_end(struct said *s, char *text, size_t size)
{
	fflush(stderr);
	dup2(s->err, STDERR_FILENO);
	close(s->err);
	rewind(s->file);
	text[fread(text, 1, size - 1, s->file)] = '\0';
	fclose(s->file);
}

/* said_to gives what a verb answers who asks it a question. */
static inline void said_to(struct ctl_client *q, void (*verb)(struct ctl_client *q, char *words),
	const char *question, char *text, size_t size)
{
	char words[SAID_WORDS_MAX];

	q->out = fmemopen(text, size, "w");
	assert_non_null(q->out);
	memset(text, 0, size);
	snprintf(words, sizeof(words), "%s", question);
	verb(q, words);
	fclose(q->out);
}

#endif
