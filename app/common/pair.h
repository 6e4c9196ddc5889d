/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PAIR_H
#define LEAT_PAIR_H

/* pair: two stacks in one process, joined by a wire of constant delay, under a virtual clock.
 *
 * For tests of programs that use leat.h: end 0 is the client (198.18.0.1, 2001:db8::1), end 1 the
 * server (198.18.0.2, 2001:db8::2).  Time moves to the next frame, timer, or tick of the programs.
 *
 * Memory     from the C library; leat_pair_free gives it back.
 * Errors     a law of conservation that does not hold asserts, every
 *            PAIR_CHECK_TURNS turns and at the end. */

#include "base_prng.h"
#include "stack.h"

#define PAIR_DELAY_NS    UINT64_C(10000)
#define PAIR_TICK_NS     UINT64_C(100000) /* programs have a turn at least this often */
#define PAIR_CHECK_TURNS 512
#define PAIR_BUF_CNT     8192
#define PAIR_BUF_MAX     2048

struct pair_buf {
	uint64_t at; /* when it arrives */
	uint32_t octets, next;
	uint8_t data[PAIR_BUF_MAX];
};

struct pair_end {
	struct leat_stack *stack;
	const struct leat_app *app; /* NULL: events are left for the test */
	uint32_t head, tail;        /* frames under way to this end */
	void *mem;
};

struct pair_config {
	uint64_t seed;
	uint32_t loss_millionths;
	uint64_t two_msl_ns;
	uint32_t tcb_max, send_buf_octets, send_chunk_cnt;
	uint32_t time_wait_max; /* of the connecting end; 0: as many as tcb_max */
	uint16_t port_cnt; /* local ports of connects */
};

struct pair {
	struct pair_config config;
	struct pair_end end[2];
	uint64_t now, turn_cnt, frames, lost;
	struct prng prng;
	uint32_t free_head, held; /* held: buffers out of the free list */
	struct pair_buf *buf;
};

void leat_pair_config_default(struct pair_config *config);
struct pair *leat_pair_new(const struct pair_config *config);
void leat_pair_free(struct pair *p);

/* leat_pair_turn gives both ends a turn at p->now, then moves time on. */
void leat_pair_turn(struct pair *p);

/* leat_pair_run takes turns until done(arg), or for_ns of virtual time have passed: false. */
bool leat_pair_run(struct pair *p, bool (*done)(void *arg), void *arg, uint64_t for_ns);

/* leat_pair_addr is the address of an end in family 4 or 6, with port. */
struct leat_addr leat_pair_addr(uint32_t end, uint8_t family, uint16_t port);

#endif
