/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_TW_STORE_H
#define LEAT_TCP_TW_STORE_H

/* tcp_tw_store: how the ring of TIME-WAIT (tcp_tw_ring.h) lies in memory.
 *
 *	tcp_tw_ring  what comes, what ends, and what is moved
 *	tcp_tw_look  what there is, and what is due
 *
 * Units      instants in ns, places in units of TW_UNIT_OCTETS.
 * Affinity   the shard's lcore. */

#include "tcp_tw_ring.h"

#define TW_QUEUE_CNT  (2 * TW_LENGTH_MAX) /* for small ones and wide ones */
#define TW_HIGH_SHIFT 32
#define TW_BIT_HIGH   UINT32_C(0xff) /* of the end, above low, from its block's on */
#define TW_BIT_HOLE   (UINT32_C(1) << 31)
#define TW_BLOCK_BITS 29
#define TW_BLOCK_MASK ((UINT32_C(1) << TW_BLOCK_BITS) - 1)

/* What small and wide records have alike.  The low of the first and of the last of holes that stand
 * together is how many units they are. */
struct body {
	struct seq snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	uint32_t low, bits;
};

struct small {
	struct tuple4 tuple;
	struct body body;
};

struct wide {
	struct tuple tuple;
	struct body body;
	uint32_t mark;
};

STATIC_ASSERT(sizeof(struct small) == TW_UNIT_OCTETS, "a unit");
STATIC_ASSERT(sizeof(struct wide) == 2 * TW_UNIT_OCTETS, "two of them");

struct block {
	uint32_t base; /* the end of its first record, without the low half */
	uint32_t next;
	uint32_t prev : TW_BLOCK_BITS, queue : 3; /* prev: unless it is the first */
	uint16_t used;                            /* units, holes among them */
	uint16_t live;                            /* records */
};

STATIC_ASSERT(sizeof(struct block) == 16 && TW_QUEUE_CNT == 8, "little beside 32 records");

struct queue {
	uint64_t next_at; /* the end of the record at the head; TIME_NEVER: there is none */
	uint64_t last_at; /* of the one that came last */
	uint32_t head, tail;
	uint32_t pack;    /* the block to be packed next */
	uint32_t head_at; /* the unit in the head block where that record stands */
};

struct tw_ring {
	uint8_t *unit;
	struct block *block;
	const uint32_t *local4;
	uint32_t shift, block_cnt;
	uint32_t free_head, free_cnt;
	uint32_t record_cnt, record_max, passive_cnt;
	uint32_t queue_cnt; /* those that have a record */
	uint64_t unit_cnt;  /* of all records */
	uint32_t pack_queue;
	uint32_t turn_left; /* what may be moved at turn_at */
	uint64_t turn_at, debt;
	bool wide;
	struct queue queue[TW_QUEUE_CNT];
};

static inline void *tw_at(const struct tw_ring *r, uint32_t name)
{
	DCHECK(name & TW_NAME);
	return r->unit + (size_t)(name & TW_UNIT_MASK) * TW_UNIT_OCTETS;
}

static inline struct body *tw_body(const struct tw_ring *r, uint32_t name)
{
	return name & TW_WIDE ? &((struct wide *)tw_at(r, name))->body
			      : &((struct small *)tw_at(r, name))->body;
}

static inline struct block *tw_block(const struct tw_ring *r, uint32_t name)
{
	return &r->block[(name & TW_UNIT_MASK) >> r->shift];
}

static inline uint32_t tw_step(uint32_t queue)
{
	return queue & 1 ? 2 : 1;
}

/* The record at unit `place` of block `no`, of this queue. */
static inline uint32_t tw_name_of(
	const struct tw_ring *r, uint32_t queue, uint32_t no, uint32_t place)
{
	return TW_NAME | (queue & 1 ? TW_WIDE : 0) | ((no << r->shift) + place);
}

/* The end of a record that has this body, in block b. */
static inline uint64_t tw_end(const struct block *b, const struct body *body)
{
	return (uint64_t)(b->base + (body->bits & TW_BIT_HIGH)) << TW_HIGH_SHIFT | body->low;
}

#endif
