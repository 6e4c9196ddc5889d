/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_word.h"

#include "base_assert.h"
#include "base_bits.h"
#include "tcp_tcb.h"
#include "tcp_verdict.h"
#include "wire_verdict.h"

#include <string.h>

#define W(kind, name, where, sentence) {name, WATCH_WORD_##kind, where, sentence},
#define V(id, name, where, sentence)                                                               \
	{name, WIRE_V_##id < WIRE_V_DROP_FIRST ? WATCH_WORD_FRAME : WATCH_WORD_DROP, where,        \
		sentence},
static const struct watch_word word[] = {
#include "wire_verdict.def"
#undef V
#define V(id, name, where, sentence)                                                               \
	/* the first rows are segments that counted */                                             \
	{name, TCP_V_##id <= TCP_V_SYN_AGAIN ? WATCH_WORD_SEGMENT : WATCH_WORD_DROP, where,        \
		sentence},
#include "tcp_verdict.def"
#undef V
#include "watch_word.def"
};
#undef W

static const char *const kind_name[] = {
	[WATCH_WORD_FRAME] = "frame",
	[WATCH_WORD_SEGMENT] = "segment",
	[WATCH_WORD_DROP] = "drop",
	[WATCH_WORD_END] = "end",
	[WATCH_WORD_ADMISSION] = "admission",
	[WATCH_WORD_COUNTER] = "counter",
};

STATIC_ASSERT(COUNT_OF(kind_name) == WATCH_WORD_KIND_CNT, "each kind has a name");

static const struct {
	const char *other, *name;
} others[] = {
	{"bad_checksum", "drop_tcp_csum"},
	{"checksum", "drop_tcp_csum"},
	{"csum", "drop_tcp_csum"},
	{"fragment", "drop_frag"},
	{"retransmission", "emitted_again"},
	{"retransmissions", "emitted_again"},
	{"retransmit", "emitted_again"},
	{"backlog_full", "accept_refused"},
	{"listen_overflow", "accept_refused"},
	{"time-wait", "time_wait"},
	{"no_listener", "closed_rst"},
	{"port_exhausted", "no_port"},
};

const struct watch_word *leat_watch_word(uint32_t i)
{
	return i < COUNT_OF(word) ? &word[i] : NULL;
}

const struct watch_word *leat_watch_word_find(const char *name, uint32_t *i)
{
	for (; *i < COUNT_OF(word); ++*i)
		if (strcmp(word[*i].name, name) == 0)
			return &word[*i];
	return NULL;
}

const char *leat_watch_word_sentence(const char *name)
{
	uint32_t i = 0;
	const struct watch_word *w = leat_watch_word_find(name, &i);

	ASSERT(w != NULL);
	return w->sentence;
}

const char *leat_watch_word_other(const char *name)
{
	for (uint32_t i = 0; i < COUNT_OF(others); i++)
		if (strcmp(others[i].other, name) == 0)
			return others[i].name;
	return NULL;
}

const char *leat_watch_word_other_at(uint32_t i)
{
	return i < COUNT_OF(others) ? others[i].other : NULL;
}

const char *leat_watch_word_kind_name(enum watch_word_kind kind)
{
	return kind_name[kind];
}
