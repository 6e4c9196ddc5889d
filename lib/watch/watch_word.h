/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_WORD_H
#define LEAT_WATCH_WORD_H

/* watch_word: what the words of reports, metrics and captures mean, in a sentence each.
 *
 *	wire_verdict.def ─┐
 *	tcp_verdict.def  ─┼─► words: leat explain NAME
 *	watch_word.def   ─┘
 *
 * One name may mean two things: "closed" is a way to end, and a state.
 *
 * Memory     constant texts.
 * Affinity   none: no state.
 * See        tests/reach, which sees that every one of them is counted somewhere. */

#include <stdbool.h>
#include <stdint.h>

enum watch_word_kind {
	WATCH_WORD_FRAME,     /* a frame that was used */
	WATCH_WORD_SEGMENT,   /* a segment that counted */
	WATCH_WORD_DROP,      /* a frame or segment that was not used, or did not count */
	WATCH_WORD_END,       /* how a connection ended */
	WATCH_WORD_ADMISSION, /* why one more was not taken */
	WATCH_WORD_COUNTER,
	WATCH_WORD_KIND_CNT
};

struct watch_word {
	const char *name;
	enum watch_word_kind kind;
	const char *where; /* "-": nowhere but here */
	const char *sentence;
};

/* leat_watch_word is word i, in the order of the tables; NULL: there are no more. */
const struct watch_word *leat_watch_word(uint32_t i);

/* leat_watch_word_find is the first word from i on that is called name; NULL: none is. */
const struct watch_word *leat_watch_word_find(const char *name, uint32_t *i);

/* leat_watch_word_sentence is that of name, which is a word. */
const char *leat_watch_word_sentence(const char *name);

/* leat_watch_word_other is what a word that people use is called here: "drop_tcp_csum" for
 * "bad_checksum"; NULL: no such word. */
const char *leat_watch_word_other(const char *name);

/* leat_watch_word_other_at is the i-th of these words; NULL: there are no more. */
const char *leat_watch_word_other_at(uint32_t i);

/* leat_watch_word_kind_name: "drop". */
const char *leat_watch_word_kind_name(enum watch_word_kind kind);

#endif
