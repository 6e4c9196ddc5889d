/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_TW_H
#define LEAT_TCP_TW_H

/* tcp_tw: TIME-WAIT without a control block.
 *
 * A connection in TIME-WAIT whose user is gone and which owes nothing becomes a record of the ring
 * (tcp_tw_ring.h), and its tcb is free.  When a segment comes for it the record is awake: a tcb
 * beyond limits.tcb_max says what it says, and every function of the engine takes it for the
 * connection that it is, until its answer has left.
 *
 *	tcb in TIME-WAIT ──rest──► record ──due──► over
 *	                            │  ▲
 *	                         wake  sleep       no more than TCP_TW_AWAKE at once
 *	                            ▼  │
 *	                    tcb beyond tcb_max
 *
 * What a record has not is what TIME-WAIT does not use: cwnd, the estimate of the round trip,
 * offsets of the streams, when it was opened.  With knobs.time_wait_compact off nothing rests, and
 * the tcb does it all: the oracle of the tests.
 *
 * The caller keeps names of records as it keeps indexes of tcbs; a name changes when the record
 * begins anew.
 *
 * Affinity   one lcore.
 * Errors     rest is TCP_NONE when the connection stays a tcb.
 * RFC        9293 3.6.1, MUST-13. */

#include "tcp_engine.h"
#include "tcp_tw_ring.h"

#define TCP_TW_AWAKE 64

/* leat_tcp_tw_locals gives the list of local addresses that records name by number; it is kept. */
void leat_tcp_tw_locals(struct tcp_engine *e, const uint32_t *local4);

/* Where the records are, for the flow table. */
const void *leat_tcp_tw_units(const struct tcp_engine *e);

/* leat_tcp_tw_settled says whether tcb, in TIME-WAIT and nobody's, only has to wait: it owes
 * nothing and nothing of it can be read. */
bool leat_tcp_tw_settled(const struct tcp_engine *e, const struct tcb *tcb);

/* leat_tcp_tw_rest makes a record of tcb, which is settled, and frees it; gives the record's name.
 * Settled, it offers its whole buffer, as a record or, with TCP_NONE, as what it is.
 * local_idx is the number of its local address, or TCP_NONE; flags are the record's. */
uint32_t leat_tcp_tw_rest(struct tcp_engine *e, struct tcb *tcb, uint32_t local_idx, uint8_t flags);

/* leat_tcp_tw_wake is the tcb of record name until leat_tcp_tw_sleep, or until it is freed.  When
 * too many are awake it is one that answers nothing; leat_tcp_tw_look is always such a one. */
struct tcb *leat_tcp_tw_wake(struct tcp_engine *e, uint32_t name, uint64_t now);
struct tcb *leat_tcp_tw_look(struct tcp_engine *e, uint32_t name, uint64_t now);

/* leat_tcp_tw_sleep notes in the record what tcb has learnt; it stays awake while it owes an ACK,
 * and leat_tcp_output does this then. */
void leat_tcp_tw_sleep(struct tcp_engine *e, struct tcb *tcb);

/* leat_tcp_tw_name is what tcb is to be called: the name of its record, if it is awake. */
uint32_t leat_tcp_tw_name(const struct tcp_engine *e, const struct tcb *tcb);

void leat_tcp_tw_tuple(const struct tcp_engine *e, uint32_t name, struct tuple *tuple);
uint8_t leat_tcp_tw_flags(const struct tcp_engine *e, uint32_t name);
void leat_tcp_tw_flag(struct tcp_engine *e, uint32_t name, enum tw_flag flag, bool on);
uint64_t leat_tcp_tw_ends_at(const struct tcp_engine *e, uint32_t name);

/* leat_tcp_tw_next is when the next record is due, exactly; TIME_NEVER: there is none. */
uint64_t leat_tcp_tw_next(const struct tcp_engine *e);

/* leat_tcp_tw_first_began is when 2MSL of the record that has waited longest began; TIME_NEVER:
 * there is none. */
uint64_t leat_tcp_tw_first_began(const struct tcp_engine *e);

/* leat_tcp_tw_due names at most max records that are due at until; they stay until _over. */
uint32_t leat_tcp_tw_due(const struct tcp_engine *e, uint64_t until, uint32_t *name, uint32_t max);

/* leat_tcp_tw_oldest is the name of the connection that has waited longest since its 2MSL began, or
 * began anew, be it a record or a tcb, but not spared; TCP_NONE: there is none.  A record for whose
 * new beginning there was no block (TW_F_LATER) counts from the old one. */
uint32_t leat_tcp_tw_oldest(const struct tcp_engine *e, uint32_t spared);

/* leat_tcp_tw_later is for one that was due, with TW_F_LATER: it begins again, under a new name;
 * TCP_NONE: there is no block, and it is due. */
uint32_t leat_tcp_tw_later(struct tcp_engine *e, uint32_t name, uint64_t now);

/* leat_tcp_tw_pace is how many records are to be moved for each that comes, to close the holes of
 * those that are gone; _pack does so for those of a block, and tells their new names. */
uint32_t leat_tcp_tw_pace(const struct tcp_engine *e);
uint32_t leat_tcp_tw_pack(struct tcp_engine *e, struct tw_move move[TW_MOVE_MAX]);

/* leat_tcp_tw_over ends a record: TIME_WAIT when it was due, REUSED, GAVE_WAY. */
void leat_tcp_tw_over(struct tcp_engine *e, uint32_t name, enum tcp_end why, uint64_t now);

/* leat_tcp_tw_cnt is how many records there are. */
uint32_t leat_tcp_tw_cnt(const struct tcp_engine *e);

/* leat_tcp_tw_read takes record name apart. */
void leat_tcp_tw_read(const struct tcp_engine *e, uint32_t name, struct tw_info *info);

/* leat_tcp_tw_count_due and leat_tcp_tw_passive_cnt are those of the ring. */
bool leat_tcp_tw_count_due(
	const struct tcp_engine *e, uint32_t *cursor, uint32_t look, struct tw_due *due);
uint32_t leat_tcp_tw_passive_cnt(const struct tcp_engine *e);

/* leat_tcp_tw_scan_end is the cursor from which leat_tcp_tw_scan finds none. */
uint32_t leat_tcp_tw_scan_end(const struct tcp_engine *e);

/* leat_tcp_tw_scan goes through the records, as leat_tcp_tw_ring_scan does. */
bool leat_tcp_tw_scan(const struct tcp_engine *e, uint32_t *cursor, uint32_t *look, uint32_t *name);

/* leat_tcp_tw_check asserts what must hold of all records, at a cost. */
void leat_tcp_tw_check(const struct tcp_engine *e);

/* leat_tcp_tw_full says whether there is no place in TIME-WAIT for one connection more, should it
 * come to that. */
bool leat_tcp_tw_full(const struct tcp_engine *e);

static inline bool tcp_tw_is_awake(uint32_t tcb_idx, uint32_t tcb_max)
{
	return tcb_idx >= tcb_max;
}

#endif
