/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_TW_RING_H
#define LEAT_TCP_TW_RING_H

/* tcp_tw_ring: what TIME-WAIT needs of a connection, in 32 octets, or 64 for IPv6.
 *
 * Records of one kind that last equally long end in the order in which they came, so the store is
 * a queue, and the queue is the timer: what comes is written at the tail, what is over is read at
 * the head.  A queue is a list of blocks from one pool, so that lengths and kinds share it.
 *
 *	  head block            ...            tail block
 *	│ · · ○ ● ● ○ ● ● │ ─► │ ● ● ● ○ ● ● │ ─► │ ● ● ●       │     ● a record   ○ a hole
 *	      └► the next to end                          └► the next one to come
 *
 * A record is named by the number of its first unit of 32 octets, with TW_NAME, and TW_WIDE when it
 * has two of them.  One that begins anew is written again at the tail, and leaves a hole.  A block
 * in which nothing but holes is left goes back to the pool at once, wherever it stands.  Holes that
 * stand together tell how many they are, so that the next record is found in one step.
 *
 *	small (32)  │ tuple4 10 │ mark 2 │ SND.NXT 4 │ RCV.NXT 4 │ TS.Recent 4 │ low 4 │ bits 4 │
 *	wide  (64)  │ tuple 40 │ SND.NXT 4 │ RCV.NXT 4 │ TS.Recent 4 │ low 4 │ bits 4 │ mark 4 │
 *
 * low and eight of the bits are the end in ns, of which the block has the rest; 19 bits are when it
 * was last answered within the limit.
 *
 * Units      instants and durations in ns; `now` never decreases.
 * Memory     leat_tcp_tw_ring_footprint octets: 32.6 octets a record, or 64.7; kept while in use.
 * Affinity   one lcore; no atomics.
 * Cost       add, end: the record, and the line of its block's head, which is hot.
 * Errors     add is TCP_NONE when there is no block; the last ones are kept for those that have
 *            to move on at the head, and two for those that may still come: for more of them
 *            holes are closed, at leat_tcp_tw_ring_pace.
 * RFC        9293 MUST-13 (linger 2MSL). */

#include "base_bits.h"
#include "base_seq.h"
#include "tcp_io.h"
#include "wire_addr.h"

#define TW_NAME        (UINT32_C(1) << 31)
#define TW_WIDE        (UINT32_C(1) << 30)
#define TW_UNIT_MASK   (TW_WIDE - 1)
#define TW_UNIT_OCTETS 32
#define TW_LENGTH_MAX  4   /* different lengths of 2MSL */
#define TW_MOVE_MAX    256 /* records moved at once */
#define TW_STAMP_MAX   ((UINT32_C(1) << 19) - 1)

enum tw_mark {
	TW_M_DSCP = 0x003f,
	TW_M_ECE = 0x0040,     /* congestion is still to be told */
	TW_M_WS = 0x0100,      /* window scale was agreed on */
	TW_M_TS = 0x0400,      /* timestamps were */
	TW_M_RST = 0x0800,     /* an exact reset ends it */
	TW_M_ECN = 0x1000,     /* ECN was agreed on */
	TW_M_PASSIVE = 0x2000, /* the peer opened it */
};

enum tw_flag {
	TW_F_PORT = 0x1,  /* its local port was taken for it, and goes back with it */
	TW_F_ASIDE = 0x2, /* not in the flow table: its heir is */
	TW_F_OUT = 0x8,   /* neither in the flow table nor beside an heir: it found no room there */
	TW_F_LATER = 0x4, /* began anew when there was no block: to be added at the head's end */
};

/* A record, taken apart. */
struct tw_info {
	struct tuple tuple;
	struct seq snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	uint64_t ends_at;
	uint32_t stamp; /* up to TW_STAMP_MAX, in the user's units; 0: never */
	uint16_t mark;  /* enum tw_mark */
	uint8_t flags;  /* enum tw_flag */
};

/* Why there should be room. */
enum tw_need {
	TW_NEED_ENTER, /* a connection comes */
	TW_NEED_AGAIN, /* one begins anew; it could stay where it is */
	TW_NEED_LATER, /* one that was due, and could not */
};

struct tw_ring;

/* leat_tcp_tw_ring_footprint is the octets for record_max records, of which each may be wide; 0
 * when that is more than can be named. */
size_t leat_tcp_tw_ring_footprint(uint32_t record_max, bool wide);

struct tw_ring *leat_tcp_tw_ring_new(void *mem, uint32_t record_max, bool wide);

/* leat_tcp_tw_ring_locals gives the list of local addresses, which is kept, that small records name
 * by number. */
void leat_tcp_tw_ring_locals(struct tw_ring *r, const uint32_t *local4);

/* Where the records are, for the flow table: that of unit i at i * TW_UNIT_OCTETS. */
const void *leat_tcp_tw_ring_units(const struct tw_ring *r);

/* leat_tcp_tw_ring_add writes a record that lasts as the others of length, at their tail, and gives
 * its name, or TCP_NONE, also when it would end before the last one of this length.  local_idx is
 * that of its local address; TCP_NONE: it has none, and will be wide. */
uint32_t leat_tcp_tw_ring_add(
	struct tw_ring *r, uint32_t length, uint32_t local_idx, const struct tw_info *info);

/* leat_tcp_tw_ring_add4 does the same with ends, which are not wide, in place of info->tuple. */
uint32_t leat_tcp_tw_ring_add4(struct tw_ring *r, uint32_t length, uint16_t local_idx,
	const struct ends4 *ends, const struct tw_info *info);

/* leat_tcp_tw_ring_again writes record name at the tail, to end at ends_at, and leaves a hole;
 * gives the new name, or TCP_NONE, and then nothing has changed. */
uint32_t leat_tcp_tw_ring_again(
	struct tw_ring *r, uint32_t name, uint64_t ends_at, enum tw_need need);

void leat_tcp_tw_ring_read(const struct tw_ring *r, uint32_t name, struct tw_info *info);
void leat_tcp_tw_ring_tuple(const struct tw_ring *r, uint32_t name, struct tuple *tuple);
uint64_t leat_tcp_tw_ring_ends_at(const struct tw_ring *r, uint32_t name);
uint32_t leat_tcp_tw_ring_length(const struct tw_ring *r, uint32_t name);
uint8_t leat_tcp_tw_ring_flags(const struct tw_ring *r, uint32_t name);

/* The parts of a record that may change where it stands. */
void leat_tcp_tw_ring_note(struct tw_ring *r, uint32_t name, uint32_t ts_recent, uint32_t stamp);
void leat_tcp_tw_ring_flag(struct tw_ring *r, uint32_t name, uint8_t flag, bool on);

/* leat_tcp_tw_ring_end makes a hole of record name. */
void leat_tcp_tw_ring_end(struct tw_ring *r, uint32_t name);

/* A record that has another name now. */
struct tw_move {
	uint32_t from, to;
};

/* leat_tcp_tw_ring_pace is how many records leat_tcp_tw_ring_pack is to move for each that comes,
 * or begins anew, so that there are blocks; 0: there are, or no holes to speak of. */
uint32_t leat_tcp_tw_ring_pace(const struct tw_ring *r);

/* leat_tcp_tw_ring_pack closes the holes of one block with what follows it, goes on to the next
 * with each call, past some that have none, and tells what has moved, at most TW_MOVE_MAX records.
 * 0: it may be that more have none. */
uint32_t leat_tcp_tw_ring_pack(struct tw_ring *r, struct tw_move *move);

/* leat_tcp_tw_ring_next is the earliest end, exactly; TIME_NEVER: there is no record. */
uint64_t leat_tcp_tw_ring_next(const struct tw_ring *r);

/* leat_tcp_tw_ring_next_of is that of the records of one length. */
uint64_t leat_tcp_tw_ring_next_of(const struct tw_ring *r, uint32_t length);

/* leat_tcp_tw_ring_due names at most max records that end not after until, in order of their end,
 * from the queue whose turn it is; 0: none is due.  They stay. */
uint32_t leat_tcp_tw_ring_due(
	const struct tw_ring *r, uint64_t until, uint32_t *name, uint32_t max);

/* leat_tcp_tw_ring_first is the one of this length that came, or began anew, first, but not spared;
 * TCP_NONE: there is none. */
uint32_t leat_tcp_tw_ring_first(const struct tw_ring *r, uint32_t length, uint32_t spared);

/* leat_tcp_tw_ring_scan goes through all records, from *cursor, which is 0 at first.  It looks at
 * no more than *look places, and takes them off; false: there is no other, or *look is used up. */
bool leat_tcp_tw_ring_scan(
	const struct tw_ring *r, uint32_t *cursor, uint32_t *look, uint32_t *name);

/* leat_tcp_tw_ring_scan_end is the cursor at its end. */
uint32_t leat_tcp_tw_ring_scan_end(const struct tw_ring *r);

/* How many records end when: below until[0], until[1], and so on, which ascend. */
#define TW_DUE_MAX 64
struct tw_due {
	uint32_t until_cnt;
	uint64_t until[TW_DUE_MAX];
	uint64_t cnt[TW_DUE_MAX + 1]; /* the last: those that end later than all of them */
};

/* tw_due_place is where an end counts; not before from, where an earlier one does. */
static inline uint32_t tw_due_place(const struct tw_due *due, uint64_t ends_at, uint32_t from)
{
	while (from < due->until_cnt && ends_at >= due->until[from])
		from++;
	return from;
}

/* leat_tcp_tw_ring_count_due adds to due->cnt what stands in at most look blocks from *cursor on,
 * which is 0 at first; false: those were the last.  The records of a block end one after the other:
 * it looks at the first and the last one, and at those between where they are not counted alike. */
bool leat_tcp_tw_ring_count_due(
	const struct tw_ring *r, uint32_t *cursor, uint32_t look, struct tw_due *due);

uint32_t leat_tcp_tw_ring_cnt(const struct tw_ring *r);

/* leat_tcp_tw_ring_passive_cnt is how many of them have TW_M_PASSIVE. */
uint32_t leat_tcp_tw_ring_passive_cnt(const struct tw_ring *r);

/* leat_tcp_tw_ring_check asserts all that must hold, at a cost. */
void leat_tcp_tw_ring_check(const struct tw_ring *r);

/* ---- how it lies in memory; for tcp_tw_ring.c alone ---- */

#define TW_QUEUE_CNT  (2 * TW_LENGTH_MAX) /* for small ones and wide ones */
#define TW_HIGH_SHIFT 32
#define TW_BIT_HIGH   UINT32_C(0xff) /* of the end, above low, from its block's on */
#define TW_BIT_HOLE   (UINT32_C(1) << 31)
#define TW_BLOCK_BITS 29
#define TW_BLOCK_MASK ((UINT32_C(1) << TW_BLOCK_BITS) - 1)

/* What small and wide records have alike.  The low of the first and of the last of holes that stand
 * together is how many units they are. */
struct tw_body {
	struct seq snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	uint32_t low, bits;
};

struct tw_small {
	struct tuple4 tuple;
	struct tw_body body;
};

struct tw_wide {
	struct tuple tuple;
	struct tw_body body;
	uint32_t mark;
};

STATIC_ASSERT(sizeof(struct tw_small) == TW_UNIT_OCTETS, "a unit");
STATIC_ASSERT(sizeof(struct tw_wide) == 2 * TW_UNIT_OCTETS, "two of them");

struct tw_block {
	uint32_t base; /* the end of its first record, without the low half */
	uint32_t next;
	uint32_t prev : TW_BLOCK_BITS, queue : 3; /* prev: unless it is the first */
	uint16_t used;                            /* units, holes among them */
	uint16_t live;                            /* records */
};

STATIC_ASSERT(sizeof(struct tw_block) == 16 && TW_QUEUE_CNT == 8, "little beside 32 records");

struct tw_queue {
	uint64_t next_at; /* the end of the record at the head; TIME_NEVER: there is none */
	uint64_t last_at; /* of the one that came last */
	uint32_t head, tail;
	uint32_t pack;    /* the block to be packed next */
	uint32_t head_at; /* the unit in the head block where that record stands */
};

struct tw_ring {
	uint8_t *unit;
	struct tw_block *block;
	const uint32_t *local4;
	uint32_t shift, block_cnt;
	uint32_t free_head, free_cnt;
	uint32_t record_cnt, record_max, passive_cnt;
	uint32_t queue_cnt; /* those that have a record */
	uint64_t unit_cnt;  /* of all records */
	uint32_t pack_queue;
	bool wide;
	struct tw_queue queue[TW_QUEUE_CNT];
};

static inline void *tw_at(const struct tw_ring *r, uint32_t name)
{
	DCHECK(name & TW_NAME);
	return r->unit + (size_t)(name & TW_UNIT_MASK) * TW_UNIT_OCTETS;
}

static inline struct tw_body *tw_body(const struct tw_ring *r, uint32_t name)
{
	return name & TW_WIDE ? &((struct tw_wide *)tw_at(r, name))->body
			      : &((struct tw_small *)tw_at(r, name))->body;
}

static inline struct tw_block *tw_block(const struct tw_ring *r, uint32_t name)
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
static inline uint64_t tw_end(const struct tw_block *b, const struct tw_body *body)
{
	return (uint64_t)(b->base + (body->bits & TW_BIT_HIGH)) << TW_HIGH_SHIFT | body->low;
}

#endif
