/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_EVERY_H
#define LEAT_EVERY_H

/* every: TCP's space of control, walked whole.
 *
 *	every.c        comes to each state, lets each segment arrive, compares with the model
 *	every_model.c  what RFC 9293 3.10.7 says of one segment, written apart from the engine
 *	every_table.c  the outcomes as text, rows that say the same folded into one
 *
 * The model knows nothing of the engine: it is given where a connection's variables stand, and a
 * segment, and says in which state the connection is afterwards and what is answered at once. */

#include "tcp_state.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define EVERY_SEQ_CNT  6
#define EVERY_ACK_CNT  6
#define EVERY_FLAG_CNT 64

enum every_reply {
	EVERY_REPLY_NONE,
	EVERY_REPLY_ACK,
	EVERY_REPLY_RST,
	EVERY_REPLY_SYN_ACK,
};

/* Where a connection stands.  In CLOSED and LISTEN only the state counts. */
struct every_at {
	enum tcp_state state;
	uint32_t una, nxt, rcv_nxt, edge;
	uint32_t snd_wnd_max;
	uint32_t held; /* text from here on is held out of order; 0: none */
	bool listens;  /* somebody listens for the next connection of the tuple */
};

struct every_seg {
	uint32_t seq, ack, text;
	uint8_t flags; /* enum wire_tcp_flag */
};

/* leat_every_model says what becomes of seg at such a place. */
void leat_every_model(const struct every_at *at, const struct every_seg *seg, enum tcp_state *state,
	enum every_reply *reply);

/* What came of one segment. */
struct every_outcome {
	uint8_t verdict; /* enum tcp_verdict */
	uint8_t reply;   /* enum every_reply */
	uint8_t state;   /* enum tcp_state */
};

/* All segments at one place.  Flags are bits 0 to 5 of the index: RST SYN ACK FIN PSH URG. */
struct every_table {
	struct every_outcome at[EVERY_SEQ_CNT][EVERY_ACK_CNT][EVERY_FLAG_CNT];
};

extern const char *const leat_every_seq_name[EVERY_SEQ_CNT];
extern const char *const leat_every_ack_name[EVERY_ACK_CNT];
extern const char *const leat_every_reply_name[];

/* leat_every_head writes what stands above the tables, leat_every_fold the rows of one. */
void leat_every_head(FILE *out);
void leat_every_fold(FILE *out, const struct every_table *table, enum tcp_state state);

/* leat_every_matrix writes kinds of segment x states x edges of the window; table[state]. */
void leat_every_matrix(FILE *out, const struct every_table *const table[TCP_ST_CNT]);

#endif
