/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

/* A local address that is any takes both versions; 0.0.0.0 takes IPv4. */
static bool is_ours_to(const struct stack_listener *l, const struct tuple *t)
{
	if (l->lport != t->lport)
		return false;
	if (l->rport != 0 && (l->rport != t->rport || !ip_eq(l->remote, t->remote)))
		return false;
	if (!ip_is_any(l->local))
		return ip_eq(l->local, t->local);
	return !ip_is4(l->local) || ip_is4(t->local);
}

/* How exactly it names the segment: one with a remote first, then an address, then any. */
static uint32_t rank(const struct stack_listener *l)
{
	return (l->rport != 0 ? 4U : 0) + (ip_is_any(l->local) ? 0 : 2U) +
	       (ip_is4(l->local) ? 1U : 0);
}

struct tcb *leat_stack_listener_find(const struct leat_stack *s, const struct tuple *tuple)
{
	const struct stack_listener *best = NULL;

	for (uint32_t i = 0; i < s->listener_cnt; i++) {
		const struct stack_listener *l = &s->listener[i];

		if (is_ours_to(l, tuple) && (best == NULL || rank(l) > rank(best)))
			best = l;
	}
	return best != NULL ? stack_tcb(s, best->idx) : NULL;
}

static bool is_taken(const struct leat_stack *s, const struct tuple *t)
{
	for (uint32_t i = 0; i < s->listener_cnt; i++) {
		const struct stack_listener *l = &s->listener[i];

		if (l->lport == t->lport && l->rport == t->rport && ip_eq(l->local, t->local) &&
			ip_eq(l->remote, t->remote))
			return true;
	}
	return false;
}

static int listen(struct leat_stack *s, const struct tuple *tuple, uint32_t backlog,
	struct leat_conn *listener)
{
	if (is_taken(s, tuple))
		return LEAT_ERR_IN_USE; /* MUST-41 */
	if (s->listener_cnt == s->config.listener_max)
		return LEAT_ERR_FULL;
	struct tcb *tcb = leat_tcp_open_passive(s->tcp, tuple, s->now);
	if (tcb == NULL)
		return LEAT_ERR_FULL;
	leat_stack_conn_init(s, tcb);
	struct conn *c = stack_conn(s, tcb);
	c->flags = CONN_LISTENER;
	c->backlog = backlog;
	c->waiting = 0;
	c->half_head = c->half_tail = STACK_NONE;
	c->half_cnt = 0;
	tcb->flags |= TCP_F_USER;
	s->listener[s->listener_cnt++] = (struct stack_listener){
		tuple->local, tuple->remote, tuple->lport, tuple->rport, tcb->idx};
	*listener = leat_stack_handle(tcb);
	return LEAT_OK;
}

int leat_listen(struct leat_stack *s, const struct leat_addr *local, uint32_t backlog,
	struct leat_conn *listener)
{
	struct tuple tuple = {.lport = local->port};

	DCHECK(!s->in_fill);
	if (local->port == 0 || backlog == 0 || !leat_stack_addr_in(local, &tuple.local))
		return LEAT_ERR_ARG;
	if (!ip_is_any(tuple.local) && !leat_wire_is_local(&s->config.link, tuple.local))
		return LEAT_ERR_ADDRESS;
	return listen(s, &tuple, backlog, listener);
}

int leat_listen_from(struct leat_stack *s, const struct leat_addr *local,
	const struct leat_addr *remote, struct leat_conn *listener)
{
	struct tuple tuple = {.lport = local->port, .rport = remote->port};

	DCHECK(!s->in_fill);
	if (local->port == 0 || remote->port == 0 || !leat_stack_addr_in(local, &tuple.local) ||
		!leat_stack_addr_in(remote, &tuple.remote))
		return LEAT_ERR_ARG;
	if (!leat_stack_may_talk_to(s, tuple.remote))
		return LEAT_ERR_ADDRESS;
	if (ip_is_any(tuple.local) && !leat_stack_source_for(s, tuple.remote, &tuple.local))
		return LEAT_ERR_ADDRESS;
	if (ip_is4(tuple.local) != ip_is4(tuple.remote) ||
		!leat_wire_is_local(&s->config.link, tuple.local))
		return LEAT_ERR_ADDRESS;
	return listen(s, &tuple, 1, listener);
}

int leat_reuse(struct leat_stack *s, struct leat_conn listener, enum leat_reuse how)
{
	static const uint8_t of[] = {
		[LEAT_REUSE_OFF] = TCP_REUSE_OFF,
		[LEAT_REUSE_SEQ] = TCP_REUSE_SEQ,
		[LEAT_REUSE_TS] = TCP_REUSE_TS,
	};
	struct tcb *tcb = leat_stack_by_handle(s, listener);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if ((uint32_t)how >= COUNT_OF(of))
		return LEAT_ERR_ARG;
	if (tcb->state != TCP_ST_LISTEN)
		return LEAT_ERR_STATE;
	leat_tcp_reuse(tcb, (enum tcp_reuse)of[how]);
	return LEAT_OK;
}

void leat_stack_listener_remove(struct leat_stack *s, const struct tcb *tcb)
{
	for (uint32_t i = 0; i < s->listener_cnt; i++) {
		if (s->listener[i].idx != tcb->idx)
			continue;
		s->listener[i] = s->listener[--s->listener_cnt];
		return;
	}
}

void leat_stack_child_done(struct leat_stack *s, const struct tcb *child)
{
	struct conn *c = stack_conn(s, child), *l = &s->conn[c->listener];
	struct tcb *listener = stack_tcb(s, c->listener);

	DCHECK(l->flags & CONN_LISTENER);
	DCHECK(l->waiting > 0);
	c->flags &= (uint16_t)~CONN_CHILD;
	c->listener = 0;
	l->waiting--;
	leat_stack_conn_free(s, listener);
}

/* The order of children is their own, and not that of the records that they happen to have. */
static bool is_before(struct leat_stack *s, uint32_t a, uint32_t b)
{
	uint64_t x = stack_tcb(s, a)->opened_at, y = stack_tcb(s, b)->opened_at;

	return x != y ? x < y : s->conn[a].hash < s->conn[b].hash;
}

/* by_age takes cnt children off the list at *from, linked by abort_next, and gives them sorted. */
static uint32_t by_age(struct leat_stack *s, uint32_t *from, uint32_t cnt)
{
	uint32_t head = *from, *to = &head;

	if (cnt == 1) {
		*from = s->conn[head].abort_next;
		s->conn[head].abort_next = STACK_NONE;
		return head;
	}
	uint32_t a = by_age(s, from, cnt / 2), b = by_age(s, from, cnt - cnt / 2);

	while (a != STACK_NONE && b != STACK_NONE) {
		uint32_t *first = is_before(s, b, a) ? &b : &a;

		*to = *first;
		to = &s->conn[*to].abort_next;
		*first = *to;
	}
	*to = a != STACK_NONE ? a : b;
	return head;
}

/* children_open makes a list of the listener's children that are not half open. */
static uint32_t children_open(struct leat_stack *s, const struct tcb *listener, uint32_t *cnt)
{
	const struct conn *l = stack_conn(s, listener);
	uint32_t head = STACK_NONE, left = l->waiting - l->half_cnt;

	*cnt = 0;
	for (uint32_t i = 0; left > 0; i++) {
		ASSERT(i < s->config.tcp.tcb_max);
		const struct tcb *child = stack_tcb(s, i);

		if (child->state == TCP_ST_NONE ||
			(s->conn[i].flags & (CONN_CHILD | CONN_HALF)) != CONN_CHILD ||
			s->conn[i].listener != listener->idx)
			continue;
		left--;
		if (s->conn[i].flags & CONN_ABORT)
			continue;
		DCHECK(s->conn[i].chunk == STACK_NONE);
		s->conn[i].abort_next = head;
		head = i;
		++*cnt;
	}
	return head;
}

static void children_abort(struct leat_stack *s, const struct tcb *listener)
{
	const struct conn *l = stack_conn(s, listener);
	uint32_t cnt, head = children_open(s, listener, &cnt);

	for (uint32_t i = l->half_head; i != STACK_NONE; i = s->conn[i].half_next)
		leat_stack_abort_push(s, stack_tcb(s, i));
	head = cnt > 0 ? by_age(s, &head, cnt) : STACK_NONE;
	for (uint32_t i = head, next; i != STACK_NONE; i = next) {
		next = s->conn[i].abort_next;
		s->conn[i].chunk = STACK_NONE; /* as it was: nobody could give it text to send */
		leat_stack_abort_push(s, stack_tcb(s, i));
	}
}

/* N102: the children that were not handed over are reset.  The listener's record stays until the
 * last of them is gone, as they refer to it. */
void leat_stack_listener_close(struct leat_stack *s, struct tcb *tcb, bool abort)
{
	stack_conn(s, tcb)->flags |= CONN_CLOSING;
	children_abort(s, tcb);
	if (abort)
		(void)leat_tcp_abort(s->tcp, tcb, s->now, &s->io);
	else
		(void)leat_tcp_close(s->tcp, tcb, s->now, &s->io);
	stack_settle(s);
	leat_stack_abort_work(s);
}

int leat_stack_listener_promote(struct leat_stack *s, struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb);
	const struct tuple tuple = stack_tuple(s, tcb);
	uint64_t hash = leat_flow_hash(s->flow, &tuple);

	DCHECK(c->flags & CONN_LISTENER);
	if (tuple.rport == 0)
		return LEAT_ERR_STATE;
	if (!leat_stack_may_open(s))
		return LEAT_ERR_QUIET;
	if (leat_flow_table_find(s->flow, hash, &tuple) != FLOW_NONE)
		return LEAT_ERR_IN_USE;
	leat_stack_wait_evict_place(s);
	if (leat_tcp_tw_full(s->tcp)) {
		s->cnt.time_wait_refused++;
		return LEAT_ERR_WAITING;
	}
	if (!leat_stack_flow_insert(s, tcb, hash)) {
		s->cnt.flow_refused++;
		c->half_cnt = 0; /* where the hash was put */
		return LEAT_ERR_FULL;
	}
	DCHECK(c->waiting == 0);
	leat_stack_listener_remove(s, tcb);
	c->flags &= (uint16_t)~CONN_LISTENER;
	c->taken = 0;
	c->chunk = STACK_NONE;
	return LEAT_OK;
}
