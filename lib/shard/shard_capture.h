/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_CAPTURE_H
#define LEAT_SHARD_CAPTURE_H

/* shard_capture: copies of frames, with what became of them, for who looks on.
 *
 *	shard ─ drops? ─ filter ─► [ slot slot slot ... ] ─► reader
 *	                            tail              head
 *
 * A received frame is copied after the engine judged it, so that its verdict stands beside it and
 * the state of its connection before and after; one that is sent, when the stack handed it out.
 * What a bad wire of ours (shard_impair, shard_wire) does to frames happens outside of that.
 *
 * Slots are full: what comes is lost and counted; the shard waits for nobody.  With `newest` the
 * oldest is lost instead, nobody reads while it lasts, and it ends at the first frame that is what
 * `event` names: one such frame at any of the shards that share `fired` stops them all.
 *
 * Shape      slot_cnt slots, a power of two, of a head and snap octets each, in one block.
 * Units      ns on the shard's clock.
 * Memory     the caller's, slots and struct, from the letter that begins until the one that ends is
 *            answered.
 * Affinity   who asks writes all but what is marked, before it sends SHARD_MAIL_CAPTURE; the shard
 *            from then on writes its part, the reader `head`.
 * Cost       nobody captures: one test in rx and one in tx of a turn.  Else two lookups a frame and
 *            a copy; the filter has no loops, so at most SHARD_CAPTURE_INSN_MAX steps.
 * Errors     `refused`: there are SHARD_CAPTURE_MAX already.
 * See        bpf(4) for the filter's language. */

#include "base_bits.h"
#include "stack.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;

#define SHARD_CAPTURE_MAX      4 /* at one time */
#define SHARD_CAPTURE_INSN_MAX 192
#define SHARD_CAPTURE_SNAP_MAX 16384

enum shard_capture_kind {
	SHARD_CAPTURE_RECEIVED,
	SHARD_CAPTURE_SENT,
	SHARD_CAPTURE_SENT_AGAIN,
	SHARD_CAPTURE_LANE_FULL, /* received for another shard, whose lane took no more */
};

/* The head of a slot; the frame's octets follow. */
struct shard_captured {
	uint64_t at;
	uint32_t octets, kept;
	uint32_t snd_nxt, rcv_nxt;
	uint8_t kind;          /* enum shard_capture_kind */
	uint8_t before, after; /* enum tcp_state; NONE: of no segment that was read */
	uint8_t wire;          /* received: enum wire_verdict */
	uint8_t tcp;           /* with WIRE_V_TCP enum tcp_verdict; TCP_V_CNT: SYN refused */
	bool numbers;          /* snd_nxt and rcv_nxt are known */
	bool reset;            /* a segment with RST */
};

/* What ends a capture of the newest frames: any of these. */
struct shard_capture_event {
	uint64_t wire, tcp; /* a bit for each verdict */
	uint32_t states;    /* a bit for each state that a segment leads to */
	bool drop, reset, again;
};

STATIC_ASSERT(WIRE_V_CNT <= 64 && TCP_V_CNT <= 64, "a bit for each verdict");

struct shard_capture {
	uint32_t snap, slot_cnt, slot_octets;
	bool drops;  /* only frames that were not used */
	bool newest; /* keep these, until event */
	atomic_bool
		end; /* the letter ends it, and one to begin that is read only now does nothing */
	struct shard_capture_event event;
	uint32_t insn_cnt; /* 0: every frame */
	const struct bpf_insn *insn;
	atomic_bool *fired; /* all shards': event has come */
	uint8_t *slot;
	/* The shard's. */
	bool refused;
	uint64_t seen, accepted, lost;
	atomic_bool answered;
	_Alignas(CACHE_LINE) _Atomic uint64_t tail; /* slots ever filled */
	/* The reader's. */
	_Alignas(CACHE_LINE) _Atomic uint64_t head; /* slots ever read */
};

/* Those that a shard has. */
struct shard_capture_set {
	struct leat_stack *stack;
	const uint64_t *now;
	uint32_t cnt;
	struct shard_capture *at[SHARD_CAPTURE_MAX];
};

static inline uint32_t shard_capture_slot_octets(uint32_t snap)
{
	return (uint32_t)((sizeof(struct shard_captured) + snap + CACHE_LINE - 1) / CACHE_LINE *
			  CACHE_LINE);
}

/* leat_shard_capture_init prepares c, of which snap, slot_cnt, what to keep and the filter are set,
 * to write to slot_cnt * shard_capture_slot_octets(snap) octets at slot. */
void leat_shard_capture_init(struct shard_capture *c, void *slot);

/* leat_shard_capture_is_drop says whether a frame was not used. */
bool leat_shard_capture_is_drop(const struct shard_captured *f);

/* For the shard. */

/* leat_shard_capture_letter begins or ends c, and answers. */
void leat_shard_capture_letter(struct shard_capture_set *set, struct shard_capture *c);

/* leat_shard_capture_input does what leat_stack_input does, and copies. */
void leat_shard_capture_input(
	const struct shard_capture_set *set, const struct stack_burst *burst, uint64_t now);

void leat_shard_capture_sent(const struct shard_capture_set *set, const struct stack_frame *frame,
	uint32_t cnt, uint64_t now);

/* leat_shard_capture_lost copies a received frame that no stack saw, what it is but for the
 * instant: of its octets the first part lie at data. */
void leat_shard_capture_lost(const struct shard_capture_set *set, const uint8_t *data,
	uint32_t part, const struct shard_captured *what);

/* For the reader. */

/* leat_shard_capture_peek is the oldest that was not read, NULL when there is none; with newest
 * only after the end. */
const struct shard_captured *leat_shard_capture_peek(struct shard_capture *c);

/* leat_shard_capture_next gives the one that was peeked at back. */
void leat_shard_capture_next(struct shard_capture *c);

#endif
