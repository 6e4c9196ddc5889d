/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FUZZ_SESSION_H
#define LEAT_FUZZ_SESSION_H

/* session: two stacks, the wire between them, and their users, for fuzz_session.
 *
 *	fuzz_session.c   reads the program: one operation after the other, then recovery
 *	session_wire.c   frames between the stacks, the clock, and what must hold at every instant
 *	session_user.c   listens, connects, sends and reads, and compares what it reads
 *
 * A connection has a serial number from its connect on; what its two users send each other depends
 * on it, so that an octet of one connection is not taken for one of another. */

#include "fuzz.h"

#include "base_bits.h"
#include "base_time.h"
#include "leat.h"
#include "stack.h"

#define SESSION_FLIGHT_MAX 64
#define SESSION_FRAME_MAX  1600
#define SESSION_SERIAL_MAX 64
#define SESSION_PORT       80
#define SESSION_PORT_FROM  50000
#define SESSION_PORT_CNT   16
#define SESSION_MSL        (30 * TIME_S) /* no frame lives longer */

struct session_frame {
	uint64_t sent_at, due_at;
	uint32_t to, octets;
	bool bent;
	uint8_t data[SESSION_FRAME_MAX];
};

/* One user of a connection. */
struct session_end {
	struct leat_conn conn;
	bool open;     /* the handle is ours */
	bool shut;     /* it called leat_shutdown */
	bool closed;   /* it called leat_close */
	bool aborted;  /* it called leat_abort */
	bool eof;      /* it read the end */
	bool graceful; /* LEAT_CLOSED came and it was not cut short */
	bool over;     /* LEAT_CLOSED came */
	uint64_t sent, received;
};

struct session {
	uint64_t now;
	struct stack_config config;
	struct leat_stack *stack[2];
	uint8_t *mem[2];
	uint32_t bufs_out[2], frames_at_once;
	bool family6;
	/* A frame was bent and its sum put right, or a port came again, perhaps within 2MSL:
	 * the streams may differ then, and only that all ends well is asked for. */
	bool tainted;
	bool stalled[2];
	struct leat_conn listener[2];
	uint32_t serial_cnt, serial_of_port[2][SESSION_PORT_CNT];
	bool port_used[2][SESSION_PORT_CNT];
	struct session_end end[SESSION_SERIAL_MAX][2]; /* [serial][side] */
	uint32_t flight_cnt;
	struct session_frame flight[SESSION_FLIGHT_MAX];
};

/* session_wire.c */
void leat_session_begin(struct session *s, struct fuzz_in *in);
void leat_session_end(struct session *s);
/* leat_session_pump takes what the stacks send and tell, and checks all that must hold. */
void leat_session_pump(struct session *s);
/* leat_session_deliver takes frame k off the wire and gives it to its stack. */
void leat_session_deliver(struct session *s, uint32_t k);
void leat_session_drop(struct session *s, uint32_t k);
void leat_session_repeat(struct session *s, uint32_t k);
/* leat_session_bend sets an octet; with fix the checksums are put right. */
void leat_session_bend(struct session *s, uint32_t k, uint32_t at, uint8_t value, bool fix);
uint64_t leat_session_next(const struct session *s);
/* leat_session_until lets time pass, timer by timer; with wire frames arrive when they are due. */
void leat_session_until(struct session *s, uint64_t at, bool wire);

/* session_user.c */
void leat_session_listen(struct session *s, uint32_t side);
void leat_session_connect(struct session *s, uint32_t side);
void leat_session_send(struct session *s, struct session_end *e, uint32_t octets);
void leat_session_recv(struct session *s, struct session_end *e, uint32_t octets);
void leat_session_events(struct session *s);
/* leat_session_check_streams asserts that what ended in good order arrived whole. */
void leat_session_check_streams(const struct session *s);

#endif
