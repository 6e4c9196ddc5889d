/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PROG_H
#define LEAT_PROG_H

/* prog: what one end of a connection does, as a small text.
 *
 *	send 64; expect 1KiB; wait 10ms; loop 10 { send 1; expect 1 }; half-close; expect eof
 *
 *	send D       send D octets
 *	expect D     read D octets, each of which must be right; `expect eof`: the peer closes
 *	exchange D   send D octets while as many are read: an echo, however large
 *	wait T       do nothing for T
 *	loop N { }   do it N times; loops may stand in loops
 *	half-close   close our direction and go on reading
 *	close        the same, and it ends when the peer has closed, too
 *	abort        reset the connection; it ends
 *
 * D and T may be drawn anew each time (dist.h).  Statements end with `;` or a new line, `#` begins
 * a comment.  Octet i of each direction of the stream is '!' + i % 89, from the first to the last
 * of the connection, so that both ends can verify all they read.
 *
 * Both ends run it by the same function: each call does what can be done now, and says what it
 * waits for.
 *
 * Shape      struct prog, compiled once; struct prog_run, 64 octets a connection.
 * Units      octets; ns.
 * Affinity   a compiled program is read only; a run belongs to its connection's lcore.
 * Errors     of the text: `line:column: what is wrong; what to type instead`. */

#include "dist.h"
#include "leat.h"

#define PROG_OP_MAX    48
#define PROG_DIST_MAX  16
#define PROG_LOOP_MAX  4  /* loops within each other */
#define PROG_STEP_MAX  64 /* statements done in one call */
#define PROG_OCTET_MAX (UINT64_C(1) << 40)
#define PROG_PERIOD    89
#define PROG_PIECE     16384 /* octets beside the period that a pattern has */
#define PROG_WHY_MAX   256

enum prog_op_kind {
	PROG_OP_SEND,
	PROG_OP_EXPECT,
	PROG_OP_EXPECT_EOF,
	PROG_OP_EXCHANGE,
	PROG_OP_WAIT,
	PROG_OP_LOOP, /* n times from here to its end */
	PROG_OP_END,  /* of the loop at jump */
	PROG_OP_HALF_CLOSE,
	PROG_OP_CLOSE,
	PROG_OP_ABORT,
	PROG_OP_CNT
};

struct prog_op {
	uint8_t kind; /* enum prog_op_kind */
	uint8_t dist; /* index of the quantity */
	uint8_t jump; /* END: of its LOOP */
	uint8_t loop; /* LOOP, END: how deep, from 0 */
	uint32_t cnt; /* LOOP */
};

struct prog {
	uint32_t op_cnt, dist_cnt;
	struct prog_op op[PROG_OP_MAX];
	struct dist dist[PROG_DIST_MAX];
};

/* Where one connection is in it. */
struct prog_run {
	uint64_t conn;            /* what its draws depend on besides the seed */
	uint64_t in_at, out_at;   /* octets of the stream read, sent */
	uint64_t in_end, out_end; /* of the statement under way */
	uint32_t loop[PROG_LOOP_MAX];
	uint32_t draw_cnt;
	uint8_t pc;
	bool begun; /* the statement at pc */
	bool shut;  /* our direction is closed */
};

enum prog_step {
	PROG_STEP_WAIT, /* for an event of the connection */
	PROG_STEP_ROOM, /* for room to send, which no event may tell of: ask again a little later */
	PROG_STEP_PAUSE,  /* for *for_ns; then again */
	PROG_STEP_AGAIN,  /* for its turn: it had its share of this one */
	PROG_STEP_ANSWER, /* an expect or exchange is done; go on at once */
	PROG_STEP_DONE,   /* the end, nothing said about closing */
	PROG_STEP_CLOSE,
	PROG_STEP_ABORT,
	PROG_STEP_WRONG, /* an octet is not what it must be */
	PROG_STEP_SHORT, /* the peer closed where more was expected */
	PROG_STEP_LONG,  /* text where the end was expected */
	PROG_STEP_ENDED, /* the connection is not there any more: an event tells how */
};

/* What the connections of one program share. */
struct prog_env {
	const struct prog *prog;
	const uint8_t *pattern; /* PROG_PERIOD + PROG_PIECE octets of it */
	uint64_t seed;
	bool verify;
	uint64_t octets_in, octets_out; /* read and sent, all connections */
};

/* leat_prog_parse compiles text; false with `line:column: ...` in why. */
bool leat_prog_parse(struct prog *p, const char *text, char *why, size_t size);

/* leat_prog_begin starts a run; conn names the connection to the draws. */
void leat_prog_begin(struct prog_run *run, uint64_t conn);

/* leat_prog_step does what can be done now. */
enum prog_step leat_prog_step(struct prog_env *env, struct prog_run *run, struct leat_stack *s,
	struct leat_conn conn, uint64_t *for_ns);

/* leat_prog_right says whether octets at data are those from place at of a stream. */
bool leat_prog_right(const uint8_t *pattern, uint64_t at, const uint8_t *data, size_t octets);

/* leat_prog_fill writes the pattern. */
void leat_prog_fill(uint8_t pattern[PROG_PERIOD + PROG_PIECE]);

#endif
