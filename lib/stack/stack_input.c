/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

void leat_stack_parse(struct leat_stack *s, struct stack_burst *b)
{
	DCHECK(b->cnt <= STACK_BURST_MAX);
	for (uint32_t i = 0; i < b->cnt; i++)
		__builtin_prefetch(b->pkt[i].frame);
	for (uint32_t i = 0; i < b->cnt; i++)
		b->verdict[i] = leat_wire_pkt_parse(&b->pkt[i], &s->config.link);
}

void leat_stack_lookup(struct leat_stack *s, struct stack_burst *b)
{
	b->births = s->births;
	for (uint32_t i = 0; i < b->cnt; i++)
		b->tuple[i] = b->verdict[i] == WIRE_V_TCP ? &b->pkt[i].tuple : NULL;
	leat_flow_table_find_bulk(s->flow, b->tuple, b->cnt, b->hash, b->idx);
	for (uint32_t i = 0; i < b->cnt; i++) {
		if (b->idx[i] == FLOW_NONE)
			continue;
		const struct tcb *tcb = stack_tcb(s, b->idx[i]);

		__builtin_prefetch((const uint8_t *)tcb + CACHE_LINE);
		__builtin_prefetch(&tcb->una_offset);
		__builtin_prefetch(&s->conn[b->idx[i]]);
	}
}

/* The two traps of a burst.  A miss may have been born by an earlier segment; and what was found
 * may have been freed by one, and its record may serve another tuple by now. */
static struct tcb *flow_of(struct leat_stack *s, const struct stack_burst *b, uint32_t i)
{
	const struct tuple *tuple = &b->pkt[i].tuple;
	uint32_t idx = b->idx[i];

	if (idx != FLOW_NONE) {
		struct tcb *tcb = stack_tcb(s, idx);

		if ((tcb->flags & TCP_F_FLOW) && tuple_eq(&tcb->tuple, tuple))
			return tcb;
	}
	if (s->births == b->births)
		return NULL;
	idx = leat_flow_table_find(s->flow, b->hash[i], tuple);
	return idx != FLOW_NONE ? stack_tcb(s, idx) : NULL;
}

/* A SYN that would make a connection, were there room (RFC 9293 3.10.7.2). */
static bool is_opening(const struct seg *seg)
{
	return (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static void born(struct leat_stack *s, const struct pkt *p, uint64_t hash)
{
	struct tcb *child = stack_tcb(s, s->io.born);
	struct conn *c = stack_conn(s, child);

	s->io.born = TCP_NONE;
	leat_stack_conn_init(s, child);
	if (!leat_stack_flow_insert(s, child, hash)) {
		s->cnt.flow_refused++;
		leat_tcp_drop(s->tcp, child, &s->io);
		return;
	}
	c->flags = CONN_CHILD;
	stack_conn(s, stack_tcb(s, child->listener))->waiting++;
	if (!s->config.link.raw_ip && (p->src.octet[0] & 1) == 0) {
		c->flags |= CONN_MAC;
		c->mac = p->src;
	}
}

static void segment(struct leat_stack *s, struct stack_burst *b, uint32_t i)
{
	struct pkt *p = &b->pkt[i];
	struct tcb *tcb = flow_of(s, b, i);

	if (tcb == NULL)
		tcb = leat_stack_listener_find(s, &p->tuple);
	if (tcb != NULL && tcb->state == TCP_ST_LISTEN && is_opening(&p->seg) &&
		!leat_stack_may_accept(s, tcb)) {
		s->cnt.accept_refused++;
		b->tcp_verdict[i] = TCP_V_CNT;
		leat_stack_keep_buf(s, p->buf);
		return;
	}
	s->cnt.segments++;
	b->tcp_verdict[i] =
		leat_tcp_segment_arrives(s->tcp, tcb, &p->tuple, &p->seg, s->now, &s->io);
	if (s->io.born != TCP_NONE)
		born(s, p, b->hash[i]);
	if (tcb != NULL)
		leat_stack_chunks_trim(s, tcb);
	leat_stack_settle(s);
}

void leat_stack_input(struct leat_stack *s, struct stack_burst *b, uint64_t now)
{
	/* A frame gives back one buffer at the most, so that none of this burst can find the list
	 * full; a list that is full already is a caller's who does not empty it, whatever peers
	 * send. */
	ASSERT(s->give_cnt <= STACK_GIVE_MAX - b->cnt);
	leat_stack_set_now(s, now);
	for (uint32_t i = 0; i < b->cnt; i++) {
		const struct pkt *p = &b->pkt[i];

		s->cnt.frames_in++;
		s->cnt.octets_in += p->octets;
		s->cnt.wire[b->verdict[i]]++;
		if (b->verdict[i] == WIRE_V_TCP) {
			segment(s, b, i);
			continue;
		}
		if (b->verdict[i] == WIRE_V_ARP)
			leat_inet_neigh_arp(s->neigh, p, now);
		else if (b->verdict[i] == WIRE_V_ND)
			leat_inet_neigh_nd(s->neigh, p, now);
		else if (b->verdict[i] == WIRE_V_ICMP_ECHO)
			leat_inet_icmp_echo(s->icmp, p);
		else if (b->verdict[i] == WIRE_V_ICMP_ERROR)
			leat_stack_icmp_error(s, p);
		leat_stack_keep_buf(s, p->buf);
	}
}

enum wire_verdict leat_stack_inject(
	struct leat_stack *s, const uint8_t *frame, uint32_t octets, void *buf, uint64_t now)
{
	struct stack_burst b;

	b.cnt = 1;
	b.pkt[0] = (struct pkt){.frame = frame, .octets = octets, .buf = buf};
	leat_stack_parse(s, &b);
	leat_stack_lookup(s, &b);
	leat_stack_input(s, &b, now);
	return b.verdict[0];
}
