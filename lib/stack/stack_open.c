/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

#include <string.h>

/* A port that is free by the bitmap may stand in the flow table all the same: a peer connected
 * to us from there.  So many are tried before we say that there is none. */
#define PORT_TRIES 8

bool leat_stack_addr_in(const struct leat_addr *addr, struct ip *ip)
{
	*ip = ip_get(addr->family, addr->octet);
	return addr->family == 0 || addr->family == 4 || (addr->family == 6 && !ip_is4(*ip));
}

struct leat_addr leat_stack_addr_out(struct ip ip, uint16_t port)
{
	struct leat_addr addr = {.port = port};

	addr.family = ip_put(ip, addr.octet);
	return addr;
}

bool leat_stack_next_hop(const struct leat_stack *s, struct ip remote, struct ip *hop)
{
	if (leat_inet_on_link(&s->config.link, remote))
		*hop = remote;
	else
		*hop = ip_is4(remote) ? s->config.gateway4 : s->config.gateway6;
	return !ip_is_any(*hop);
}

static bool is_prefix_broadcast(const struct wire_link *link, struct ip ip)
{
	for (uint32_t i = 0; i < link->local_cnt; i++) {
		const struct wire_local *l = &link->local[i];
		uint32_t host = l->prefix_bits < 31 ? UINT32_MAX >> l->prefix_bits : 0;

		if (host != 0 && ip_is4(l->ip) && ip_is4(ip) &&
			ip_to4(ip) == (ip_to4(l->ip) | host))
			return true;
	}
	return false;
}

/* One host, not ourselves (N061), and somewhere to send it: MUST-46. */
bool leat_stack_may_talk_to(const struct leat_stack *s, struct ip remote)
{
	const struct wire_link *link = &s->config.link;
	struct ip hop;

	return !ip_is_any(remote) && leat_wire_ip_may_send(remote) &&
	       !leat_wire_ip_is_group(remote) && !is_prefix_broadcast(link, remote) &&
	       !leat_wire_is_local(link, remote) &&
	       (link->raw_ip || leat_stack_next_hop(s, remote, &hop));
}

bool leat_stack_source_for(struct leat_stack *s, struct ip remote, struct ip *local)
{
	const struct wire_link *link = &s->config.link;
	uint32_t cnt = wire_range_cnt(link);

	if (cnt == 0 || ip_is4(link->range_from) != ip_is4(remote))
		return leat_inet_own_for(link, remote, local);
	*local = (struct ip){link->range_from.hi, link->range_from.lo + s->range_next};
	s->range_next = (s->range_next + 1) % cnt;
	return true;
}

uint32_t leat_stack_port_base(struct leat_stack *s, const struct tuple *tuple)
{
	uint32_t target = leat_stack_target_find(s, tuple->remote, tuple->rport);

	DCHECK(s->target[target].taken_cnt > 0);
	return wire_own_idx(&s->config.link, tuple->local) * s->config.target_max + target;
}

/* The connection that has tuple, NULL when there is none. */
static struct tcb *holder(struct leat_stack *s, const struct tuple *tuple)
{
	uint64_t hash = leat_flow_hash(s->flow, tuple);
	uint32_t idx = leat_flow_table_find(s->flow, hash, tuple);

	if (idx == FLOW_NONE)
		return NULL;
	return idx & FLOW_UNIT ? leat_stack_wait_look(s, idx, hash) : stack_tcb(s, idx);
}

uint32_t leat_stack_port_of(struct leat_stack *s, const struct tcb *tcb)
{
	const struct conn *c = stack_conn(s, tcb);

	if (!(c->flags & CONN_PORT))
		return STACK_NONE;
	if (!(c->flags & CONN_MAC))
		return c->port_base;
	const struct tuple tuple = stack_tuple(s, tcb);

	return leat_stack_port_base(s, &tuple);
}

void leat_stack_port_hold(struct leat_stack *s, const struct tcb *tcb, uint32_t base)
{
	struct conn *c = stack_conn(s, tcb);

	DCHECK(!(c->flags & CONN_PORT));
	if (base == STACK_NONE)
		return;
	c->flags |= CONN_PORT;
	if (!(c->flags & CONN_MAC))
		c->port_base = base;
}

/* old, which has none, has its port from this base, if any. */
static void port_back(struct leat_stack *s, const struct tcb *old, uint32_t base)
{
	uint32_t name = leat_tcp_tw_name(s->tcp, old);

	leat_stack_port_hold(s, old, base);
	if (name & FLOW_UNIT)
		leat_tcp_tw_flag(s->tcp, name, TW_F_PORT, base != STACK_NONE);
}

/* TIME-WAIT that may be taken over gives its port up for it, and gets it back should it come
 * back. */
static bool take_from(struct leat_stack *s, struct tcb *old)
{
	if (!leat_tcp_may_reuse(s->tcp, old, s->now))
		return false;
	leat_stack_port_give(s, old);
	port_back(s, old, STACK_NONE);
	return true;
}

static int port_named(struct leat_stack *s, const struct tuple *tuple, uint32_t *base)
{
	const struct flow_steer *steer = s->config.steer;
	struct tcb *old = holder(s, tuple);

	if (steer != NULL && leat_flow_steer_owner(steer, tuple) != s->config.shard_idx)
		return LEAT_ERR_IN_USE;
	if (old != NULL && !take_from(s, old))
		return LEAT_ERR_IN_USE;
	if (tuple->lport < s->config.port_from || tuple->lport > s->config.port_to) {
		*base = STACK_NONE;
		return LEAT_OK;
	}
	return leat_flow_port_claim(s->port, *base, tuple->lport) ? LEAT_OK : LEAT_ERR_IN_USE;
}

/* No port is free: perhaps one in TIME-WAIT may be taken over.  They are looked at in turn, so that
 * those that wait longest come first. */
static int port_reused(struct leat_stack *s, struct tuple *tuple, uint32_t base)
{
	const struct stack_config *c = &s->config;

	for (uint32_t i = 0; c->knobs.connect_reuse_ns != 0 && i < PORT_TRIES; i++) {
		if (s->reuse_next < c->port_from || s->reuse_next > c->port_to)
			s->reuse_next = c->port_from;
		tuple->lport = s->reuse_next++;
		struct tcb *old = holder(s, tuple);
		if (old != NULL && take_from(s, old) &&
			leat_flow_port_claim(s->port, base, tuple->lport))
			return LEAT_OK;
	}
	return LEAT_ERR_NO_PORT;
}

static int port_chosen(struct leat_stack *s, struct tuple *tuple, uint32_t base)
{
	for (uint32_t i = 0; i < PORT_TRIES; i++) {
		tuple->lport = leat_flow_port_take(s->port, base, tuple);
		if (tuple->lport == 0)
			return port_reused(s, tuple, base);
		if (holder(s, tuple) == NULL)
			return LEAT_OK;
		leat_flow_port_give(s->port, base, tuple->lport);
	}
	return LEAT_ERR_NO_PORT;
}

/* port_take completes tuple with a local port and tells the base it was taken from. */
static int port_take(struct leat_stack *s, struct tuple *tuple, uint32_t *base)
{
	uint32_t target = leat_stack_target_find(s, tuple->remote, tuple->rport);
	int error;

	if (target == STACK_NONE)
		return LEAT_ERR_FULL;
	*base = wire_own_idx(&s->config.link, tuple->local) * s->config.target_max + target;
	error = tuple->lport != 0 ? port_named(s, tuple, base) : port_chosen(s, tuple, *base);
	if (error == LEAT_OK && *base != STACK_NONE)
		leat_stack_target_take(s, target);
	return error;
}

void leat_stack_port_untake(struct leat_stack *s, uint32_t base, uint16_t port)
{
	if (base == STACK_NONE)
		return;
	leat_flow_port_give(s->port, base, port);
	leat_stack_target_give(s, base % s->config.target_max);
}

void leat_stack_port_give(struct leat_stack *s, const struct tcb *tcb)
{
	leat_stack_port_untake(s, leat_stack_port_of(s, tcb), tcb->ends.lport);
	stack_conn(s, tcb)->flags &= (uint16_t)~CONN_PORT;
}

/* source_and_port chooses what the caller left open; of a range of addresses the next that has a
 * port. */
static int source_and_port(struct leat_stack *s, struct tuple *tuple, uint32_t *base)
{
	uint32_t tries = u32_max(wire_range_cnt(&s->config.link), 1);
	int error = LEAT_ERR_ADDRESS;

	if (!ip_is_any(tuple->local))
		return port_take(s, tuple, base);
	for (uint32_t i = 0; i < tries; i++) {
		uint16_t lport = tuple->lport;

		if (!leat_stack_source_for(s, tuple->remote, &tuple->local))
			return LEAT_ERR_ADDRESS;
		error = port_take(s, tuple, base);
		if (error != LEAT_ERR_NO_PORT && error != LEAT_ERR_IN_USE)
			return error;
		tuple->lport = lport;
	}
	return error;
}

static int open_active(
	struct leat_stack *s, const struct tuple *tuple, uint32_t base, struct leat_conn *conn)
{
	/* Another one gives way than the one whose numbers ours are to be above. */
	leat_stack_wait_evict(s, holder(s, tuple));
	struct tcb *tcb = leat_tcp_open_active(s->tcp, tuple, s->now);
	struct tcb *old = holder(s, tuple);

	if (tcb == NULL) {
		bool waits = leat_tcp_has_tcb(s->tcp); /* it is a place in TIME-WAIT that lacks */

		s->cnt.time_wait_refused += waits;
		if (old != NULL)
			port_back(s, old, base);
		else
			leat_stack_port_untake(s, base, tuple->lport);
		return waits ? LEAT_ERR_WAITING : LEAT_ERR_FULL;
	}
	leat_stack_conn_init(s, tcb);
	leat_stack_port_hold(s, tcb, base);
	if (old != NULL)
		leat_tcp_iss_after(tcb, old);
	if (old != NULL ? !leat_stack_take_over(s, tcb, old)
			: !leat_stack_flow_insert(s, tcb, leat_flow_hash(s->flow, tuple))) {
		s->cnt.flow_refused++;
		leat_tcp_drop(s->tcp, tcb, TCP_END_ABORTED, &s->io);
		stack_settle(s);
		return LEAT_ERR_FULL;
	}
	s->cnt.connect_reused += old != NULL;
	tcb->flags |= TCP_F_USER;
	*conn = leat_stack_handle(tcb);
	return LEAT_OK;
}

bool leat_stack_may_open(struct leat_stack *s)
{
	if (s->now >= s->quiet_until)
		return true;
	s->cnt.quiet_refused++;
	return false;
}

int leat_connect(struct leat_stack *s, const struct leat_addr *local,
	const struct leat_addr *remote, struct leat_conn *conn)
{
	const struct wire_link *link = &s->config.link;
	struct tuple tuple = {.lport = local->port, .rport = remote->port};
	uint32_t base = STACK_NONE;

	DCHECK(!s->in_fill);
	if (remote->port == 0 || !leat_stack_addr_in(local, &tuple.local) ||
		!leat_stack_addr_in(remote, &tuple.remote))
		return LEAT_ERR_ARG;
	if (!leat_stack_may_talk_to(s, tuple.remote))
		return LEAT_ERR_ADDRESS;
	if (!ip_is_any(tuple.local) && (ip_is4(tuple.local) != ip_is4(tuple.remote) ||
					       !leat_wire_is_local(link, tuple.local)))
		return LEAT_ERR_ADDRESS;
	if (!leat_stack_may_open(s))
		return LEAT_ERR_QUIET;
	int error = source_and_port(s, &tuple, &base);
	if (error == LEAT_ERR_NO_PORT)
		s->cnt.no_port++;
	if (error != LEAT_OK)
		return error;
	return open_active(s, &tuple, base, conn);
}
