/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_core.h"

#define YOUNG_NS (250 * TIME_MS) /* an honest peer's ACK may be on its way so long */

/* Connections that are not open yet and stand in somebody's way.
 *
 * The children of a listener that are in SYN-RECEIVED form a list by age, so that the oldest can
 * give way.
 *
 * A SYN, or a connect, that takes a tuple over from TIME-WAIT makes an heir: it is in the flow
 * table in place of the old record, which waits beside it, its 2MSL running.  When the heir is
 * synchronized the old record ends; when the heir ends before (its peer knows nothing of that SYN,
 * which so was an old duplicate), the old record goes back to its place (MAY-2), and has the port
 * of an heir that was ours. */

static void link_last(struct leat_stack *s, struct conn *l, uint32_t idx)
{
	struct conn *c = &s->conn[idx];

	c->half_prev = l->half_tail;
	c->half_next = STACK_NONE;
	if (l->half_tail == STACK_NONE)
		l->half_head = idx;
	else
		s->conn[l->half_tail].half_next = idx;
	l->half_tail = idx;
	l->half_cnt++;
}

static void unlink_one(struct leat_stack *s, struct conn *l, struct conn *c)
{
	if (c->half_prev == STACK_NONE)
		l->half_head = c->half_next;
	else
		s->conn[c->half_prev].half_next = c->half_next;
	if (c->half_next == STACK_NONE)
		l->half_tail = c->half_prev;
	else
		s->conn[c->half_next].half_prev = c->half_prev;
	c->user = 0;
	l->half_cnt--;
}

void leat_stack_half_begin(struct leat_stack *s, const struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb), *l = &s->conn[c->listener];

	DCHECK(tcb->state == TCP_ST_SYN_RECEIVED);
	DCHECK(l->flags & CONN_LISTENER);
	c->flags |= CONN_HALF;
	link_last(s, l, tcb->idx);
}

/* As inherit(), where the old one is a record of TIME-WAIT. */
static void inherit_record(struct leat_stack *s, const struct tcb *heir, uint32_t name)
{
	struct conn *c = stack_conn(s, heir);

	DCHECK(leat_tcp_tw_flags(s->tcp, name) & TW_F_ASIDE);
	leat_tcp_tw_flag(s->tcp, name, TW_F_ASIDE, false);
	leat_tcp_tw_flag(s->tcp, name, TW_F_OUT, true);
	if (heir->state != TCP_ST_CLOSED) {
		leat_stack_wait_over(s, name, TCP_END_REUSED);
		return;
	}
	s->cnt.time_wait_returned++;
	if (!leat_flow_table_insert(s->flow, stack_hash(s, heir), name)) {
		s->cnt.flow_refused++;
		return;
	}
	leat_tcp_tw_flag(s->tcp, name, TW_F_OUT, false);
	stack_flow_changed(s, stack_hash(s, heir));
	if (c->flags & CONN_PORT) {
		leat_tcp_tw_flag(s->tcp, name, TW_F_PORT, true);
		c->flags &= (uint16_t)~CONN_PORT;
	}
}

/* The heir is open, or gone: the old record ends, or goes back. */
static __attribute__((noinline)) void inherit(struct leat_stack *s, const struct tcb *heir)
{
	struct conn *c = stack_conn(s, heir);
	uint32_t name = c->old;

	c->flags &= (uint16_t)~CONN_HEIR;
	c->old = 0;
	if (name & FLOW_UNIT) {
		inherit_record(s, heir, name);
		return;
	}
	struct tcb *old = stack_tcb(s, name);
	struct conn *o = stack_conn(s, old);

	DCHECK(o->flags & CONN_ASIDE);
	o->flags &= (uint16_t)~CONN_ASIDE;
	if (heir->state != TCP_ST_CLOSED) {
		leat_tcp_drop(s->tcp, old, TCP_END_REUSED, &s->io);
		return;
	}
	s->cnt.time_wait_returned++;
	if (!leat_stack_flow_insert(s, old, stack_hash(s, heir))) {
		s->cnt.flow_refused++; /* others filled its walk since; 2MSL ends it all the same */
	} else if (c->flags & CONN_PORT) {
		leat_stack_port_hold(s, old, leat_stack_port_of(s, heir));
		c->flags &= (uint16_t)~CONN_PORT;
	}
	leat_stack_rest(s, old);
}

void leat_stack_half_end(struct leat_stack *s, const struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb);

	if (tcb->state != TCP_ST_CLOSED && tcp_syn_unacked(tcb))
		return; /* its SYN is not acknowledged */
	if (c->flags & CONN_HALF) {
		c->flags &= (uint16_t)~CONN_HALF;
		unlink_one(s, &s->conn[c->listener], c);
	}
	if (c->flags & CONN_HEIR)
		inherit(s, tcb);
}

bool leat_stack_half_evict(struct leat_stack *s, const struct tcb *listener)
{
	uint32_t idx = stack_conn(s, listener)->half_head;

	if (idx == STACK_NONE || s->now - stack_tcb(s, idx)->opened_at < YOUNG_NS)
		return false;
	leat_tcp_drop(s->tcp, stack_tcb(s, idx), TCP_END_EVICTED, &s->io);
	stack_settle(s);
	return true;
}

bool leat_stack_take_over(struct leat_stack *s, struct tcb *tcb, struct tcb *old)
{
	struct conn *c = stack_conn(s, tcb), *o = stack_conn(s, old);

	uint64_t hash = stack_hash(s, old);
	uint32_t name = leat_tcp_tw_name(s->tcp, old);

	DCHECK(old->state == TCP_ST_TIME_WAIT);
	DCHECK(old->flags & TCP_F_FLOW);
	leat_flow_table_remove(s->flow, hash, name);
	old->flags &= (uint16_t)~TCP_F_FLOW;
	if (name & FLOW_UNIT) {
		leat_tcp_tw_flag(s->tcp, name, TW_F_ASIDE, true);
	} else {
		o->flags |= CONN_ASIDE;
		o->heir = tcb->idx;
	}
	c->flags |= CONN_HEIR;
	c->old = name;
	return leat_stack_flow_insert(s, tcb, hash);
}

void leat_stack_aside_gone(struct leat_stack *s, const struct tcb *old)
{
	struct conn *o = stack_conn(s, old), *c = &s->conn[o->heir];

	DCHECK(c->flags & CONN_HEIR);
	c->flags &= (uint16_t)~CONN_HEIR;
	c->old = 0;
	o->flags &= (uint16_t)~CONN_ASIDE;
}
