/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

/* TIME-WAIT as a record (tcp_tw.h): what the stack has beside it, which is its place in the flow
 * table, its port, and its heir, goes with it. */

#define BATCH    32 /* records whose buckets are fetched together */
#define LOOK_MAX 16 /* blocks with holes, or some without */
#define LOOK_PAY 8  /* to look at a block costs about as much as to move so many records */

STATIC_ASSERT(TW_NAME == FLOW_UNIT && TW_WIDE == FLOW_WIDE, "one name for both");
STATIC_ASSERT(TW_UNIT_OCTETS == FLOW_UNIT_OCTETS, "in the same units");

/* What keeps a connection in TIME-WAIT from being a record: somebody else knows its number. */
#define KNOWN (CONN_LISTENER | CONN_CHILD | CONN_ABORT | CONN_HALF | CONN_HEIR | CONN_ASIDE)

/* The heir of record name, which is aside: it has its tuple. */
static struct conn *heir_of(struct leat_stack *s, uint32_t name, uint64_t hash)
{
	struct tuple tuple;

	leat_tcp_tw_tuple(s->tcp, name, &tuple);
	uint32_t idx = leat_flow_table_find(s->flow, hash, &tuple);

	DCHECK(idx < s->config.tcp.tcb_max);
	return &s->conn[idx];
}

/* The heir of record from waits for `to` from now on. */
static void rename_heir(struct leat_stack *s, uint64_t hash, const struct tw_move *move)
{
	struct conn *c = heir_of(s, move->to, hash);

	DCHECK(c->old == move->from);
	c->old = move->to;
}

/* A record has another name: whoever knows it by the old one is told. */
static void renamed(struct leat_stack *s, uint64_t hash, const struct tw_move *move)
{
	uint8_t flags = leat_tcp_tw_flags(s->tcp, move->to);

	if (UNLIKELY(flags & TW_F_ASIDE))
		rename_heir(s, hash, move);
	else if (LIKELY(!(flags & TW_F_OUT)))
		leat_flow_table_move(s->flow, hash, move->from, move->to);
	stack_flow_changed(s, hash);
}

/* Closes some holes, so that there are blocks again; gives how many records moved. */
static uint32_t pack(struct leat_stack *s)
{
	struct tw_move move[TW_MOVE_MAX];
	uint64_t hash[TW_MOVE_MAX];
	uint32_t cnt = leat_tcp_tw_pack(s->tcp, move);

	for (uint32_t i = 0; i < cnt; i++) {
		hash[i] = leat_flow_hash_unit(s->flow, move[i].to);
		leat_flow_table_prefetch(s->flow, hash[i]);
	}
	for (uint32_t i = 0; i < cnt; i++)
		renamed(s, hash[i], &move[i]);
	return cnt;
}

/* As few blocks are left, so much is done for each record that may take one; a block that took more
 * than that is paid by those that follow. */
static void make_blocks(struct leat_stack *s)
{
	uint32_t pace = leat_tcp_tw_pace(s->tcp);

	if (LIKELY(pace == 0))
		return;
	s->pack_owed =
		(int32_t)u64_min(pace, 2 * TW_MOVE_MAX) + (s->pack_owed < 0 ? s->pack_owed : 0);
	for (uint32_t i = 0; i < LOOK_MAX && s->pack_owed > 0; i++)
		s->pack_owed -= (int32_t)(LOOK_PAY + pack(s));
}

void leat_stack_rest(struct leat_stack *s, struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb);
	uint8_t flags = c->flags & CONN_PORT ? TW_F_PORT : 0;
	uint32_t was = tcb->idx;

	if (tcb->state != TCP_ST_TIME_WAIT || c->flags & KNOWN || !(tcb->flags & TCP_F_FLOW) ||
		!leat_tcp_tw_settled(s->tcp, tcb))
		return;
	make_blocks(s);
	bool wide = ends4_is_wide(&tcb->ends);
	struct ip local = UNLIKELY(wide) ? stack_tuple(s, tcb).local : ip_from4(tcb->ends.local);
	uint32_t local_idx = wire_own_idx(&s->config.link, local);
	uint32_t name = leat_tcp_tw_rest(s->tcp, tcb, local_idx, flags);

	if (name == TCP_NONE)
		return;
	leat_stack_chunks_free(s, c);
	uint64_t hash = stack_hash(s, tcb);

	leat_flow_table_move(s->flow, hash, was, name);
	tcb->flags &= (uint16_t)~TCP_F_FLOW;
	stack_flow_changed(s, hash);
}

void leat_stack_rest_all(struct leat_stack *s)
{
	struct tcp_io *io = &s->io;

	for (uint32_t i = 0; i < io->rest_cnt; i++)
		leat_stack_rest(s, stack_tcb(s, io->rest[i]));
	io->rest_cnt = 0;
}

static struct tcb *prepared(struct leat_stack *s, struct tcb *tcb, uint32_t name, uint64_t hash)
{
	const struct tuple tuple = stack_tuple(s, tcb);

	leat_stack_conn_init(s, tcb);
	stack_hash_set(s, tcb, hash);
	if (leat_tcp_tw_flags(s->tcp, name) & TW_F_PORT)
		leat_stack_port_hold(s, tcb, leat_stack_port_base(s, &tuple));
	tcb->flags |= TCP_F_FLOW;
	return tcb;
}

struct tcb *leat_stack_wait_look(struct leat_stack *s, uint32_t name, uint64_t hash)
{
	return prepared(s, leat_tcp_tw_look(s->tcp, name, s->now), name, hash);
}

struct tcb *leat_stack_wait_wake(struct leat_stack *s, uint32_t name, uint64_t hash)
{
	struct tcb *tcb = leat_tcp_tw_wake(s->tcp, name, s->now);

	return tcb->flags & TCP_F_FLOW ? tcb : prepared(s, tcb, name, hash);
}

void leat_stack_wait_named(struct leat_stack *s, const struct tcb *tcb, uint32_t was)
{
	const struct tw_move move = {was, leat_tcp_tw_name(s->tcp, tcb)};

	if (move.to != was)
		renamed(s, stack_hash(s, tcb), &move);
}

void leat_stack_wait_done(struct leat_stack *s, struct tcb *tcb)
{
	if (tcb->state != TCP_ST_TIME_WAIT)
		return; /* it was ended, and that settled */
	leat_tcp_tw_sleep(s->tcp, tcb);
	make_blocks(s);
}

/* The heir of a record that is over goes on alone. */
static void leave_heir(struct leat_stack *s, uint32_t name, uint64_t hash)
{
	struct conn *c = heir_of(s, name, hash);

	DCHECK(c->flags & CONN_HEIR && c->old == name);
	c->flags &= (uint16_t)~CONN_HEIR;
	c->old = 0;
}

static void give_port(struct leat_stack *s, uint32_t name)
{
	struct tuple tuple;

	leat_tcp_tw_tuple(s->tcp, name, &tuple);
	leat_stack_port_untake(s, leat_stack_port_base(s, &tuple), tuple.lport);
}

static inline void over(struct leat_stack *s, uint32_t name, uint64_t hash, enum tcp_end why)
{
	uint8_t flags = leat_tcp_tw_flags(s->tcp, name);

	if (UNLIKELY(flags & TW_F_ASIDE))
		leave_heir(s, name, hash);
	else if (LIKELY(!(flags & TW_F_OUT)))
		leat_flow_table_remove(s->flow, hash, name);
	if (flags & TW_F_PORT)
		give_port(s, name);
	leat_tcp_tw_over(s->tcp, name, why, s->now);
	stack_flow_changed(s, hash);
}

void leat_stack_wait_over(struct leat_stack *s, uint32_t name, enum tcp_end why)
{
	over(s, name, leat_flow_hash_unit(s->flow, name), why);
}

/* One that began anew when there was no place for it, and now is at the head.  Should there still
 * be none, it ends as if it had not, which time_wait_put_off counts: it has lasted its first. */
static void go_on(struct leat_stack *s, uint32_t name, uint64_t hash)
{
	const struct tw_move move = {name, leat_tcp_tw_later(s->tcp, name, s->now)};

	if (LIKELY(move.to != TCP_NONE))
		renamed(s, hash, &move);
	else
		over(s, name, hash, TCP_END_TIME_WAIT);
}

uint32_t leat_stack_wait_due(struct leat_stack *s, uint64_t until, uint32_t max)
{
	uint32_t name[BATCH], cnt = leat_tcp_tw_due(s->tcp, until, name, u32_min(max, BATCH));
	uint64_t hash[BATCH];

	for (uint32_t i = 0; i < cnt; i++) {
		hash[i] = leat_flow_hash_unit(s->flow, name[i]);
		leat_flow_table_prefetch(s->flow, hash[i]);
	}
	for (uint32_t i = 0; i < cnt; i++) {
		if (UNLIKELY(leat_tcp_tw_flags(s->tcp, name[i]) & TW_F_LATER))
			go_on(s, name[i], hash[i]);
		else
			over(s, name[i], hash[i], TCP_END_TIME_WAIT);
	}
	return cnt;
}

/* Whose place one more would have; TCP_NONE: it needs nobody's, or has none. */
static uint32_t place_of(const struct leat_stack *s, const struct tcb *old)
{
	if (LIKELY(!leat_tcp_tw_full(s->tcp)) || !s->config.knobs.time_wait_evict)
		return TCP_NONE;
	return leat_tcp_tw_oldest(s->tcp, old != NULL ? leat_tcp_tw_name(s->tcp, old) : TCP_NONE);
}

/* The same, unless that place alone is of no use, as there is no control block. */
static uint32_t gives_way(const struct leat_stack *s, const struct tcb *old)
{
	uint32_t name = place_of(s, old);

	if (name == TCP_NONE || leat_tcp_has_tcb(s->tcp))
		return name;
	return name & FLOW_UNIT || stack_tcb(s, name)->flags & TCP_F_USER ? TCP_NONE : name;
}

bool leat_stack_is_full(const struct leat_stack *s, const struct tcb *old)
{
	return leat_tcp_is_full(s->tcp) && gives_way(s, old) == TCP_NONE;
}

bool leat_stack_lacks_place(const struct leat_stack *s, const struct tcb *old)
{
	return leat_tcp_tw_full(s->tcp) && leat_tcp_has_tcb(s->tcp) &&
	       gives_way(s, old) == TCP_NONE;
}

static void evict(struct leat_stack *s, uint32_t name)
{
	if (LIKELY(name == TCP_NONE))
		return;
	if (name & FLOW_UNIT) {
		leat_stack_wait_over(s, name, TCP_END_GAVE_WAY);
	} else {
		leat_tcp_drop(s->tcp, stack_tcb(s, name), TCP_END_GAVE_WAY, &s->io);
		stack_settle(s);
	}
}

void leat_stack_wait_evict(struct leat_stack *s, const struct tcb *old)
{
	evict(s, gives_way(s, old));
}

void leat_stack_wait_evict_place(struct leat_stack *s)
{
	evict(s, place_of(s, NULL));
}
