/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

void leat_stack_parse(struct leat_stack *s, struct stack_burst *b)
{
	DCHECK(b->cnt <= STACK_BURST_MAX);
	leat_wire_pkt_parse_bulk(b->pkt, b->cnt, &s->config.link, b->verdict);
}

void leat_stack_lookup(struct leat_stack *s, struct stack_burst *b)
{
	b->births = s->changed_since = s->births;
	s->changed = 0;
	for (uint32_t i = 0; i < b->cnt; i++)
		b->tuple[i] = b->verdict[i] == WIRE_V_TCP ? &b->pkt[i].tuple : NULL;
	leat_flow_table_find_bulk(s->flow, b->tuple, b->cnt, b->hash, b->idx);
	for (uint32_t i = 0; i < b->cnt; i++) {
		if (b->idx[i] & FLOW_UNIT) /* or FLOW_NONE */
			continue;
		const struct tcb *tcb = stack_tcb(s, b->idx[i]);

		__builtin_prefetch((const uint8_t *)tcb + CACHE_LINE);
		__builtin_prefetch(&tcb->una_offset);
		__builtin_prefetch(&s->conn[b->idx[i]]);
	}
}

/* The two traps of a burst, when the table has changed at this place since.  A miss may have been
 * born by an earlier segment; and what was found may have been freed by one, and its record may
 * serve another tuple by now. */
static uint32_t flow_of(struct leat_stack *s, const struct stack_burst *b, uint32_t i)
{
	const struct tuple *tuple = &b->pkt[i].tuple;
	uint32_t idx = b->idx[i];

	bool same = s->births == b->births ||
		    (b->births == s->changed_since && !(s->changed >> (b->hash[i] & 63) & 1));

	if (LIKELY(same))
		return idx;
	if (!(idx & FLOW_UNIT)) {
		const struct tcb *tcb = stack_tcb(s, idx);

		if ((tcb->flags & TCP_F_FLOW) && stack_is_of(s, tcb, tuple))
			return idx;
	}
	return leat_flow_table_find(s->flow, b->hash[i], tuple);
}

/* A SYN that would make a connection, were there room (RFC 9293 3.10.7.2). */
static bool is_opening(const struct seg *seg)
{
	return (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* A child of listener: new, half open, or, from a cookie, synchronized. */
static inline void born(struct leat_stack *s, const struct stack_burst *b, uint32_t i,
	const struct tcb *listener, struct tcb *old)
{
	const struct pkt *p = &b->pkt[i];
	struct tcb *child = stack_tcb(s, s->io.born);
	struct conn *c = stack_conn(s, child);

	s->io.born = TCP_NONE;
	leat_stack_conn_init(s, child);
	if (old != NULL ? !leat_stack_take_over(s, child, old)
			: !leat_stack_flow_insert(s, child, b->hash[i])) {
		s->cnt.flow_refused++;
		leat_tcp_drop(s->tcp, child, TCP_END_ABORTED, &s->io);
		return;
	}
	c->flags |= CONN_CHILD;
	c->listener = listener->idx;
	stack_conn(s, listener)->waiting++;
	if (child->state == TCP_ST_SYN_RECEIVED)
		leat_stack_half_begin(s, child);
	if (!s->config.link.raw_ip && (p->src.octet[0] & 1) == 0) {
		c->flags |= CONN_MAC;
		c->mac = p->src;
	}
}

/* What becomes of a SYN to a listener. */
enum admission {
	ADMIT_CHILD,
	ADMIT_COOKIE,
	ADMIT_NONE, /* dropped: no SYN-ACK, as what would follow it is silence (N103) */
};

/* There is no place for one more.  Those that are open and not taken stay (N103).  Half-open ones
 * may be nobody's, so that they do not keep others out: a cookie needs no place before it comes
 * back, or else the oldest gives way. */
static __attribute__((noinline)) enum admission admit_full(struct leat_stack *s,
	const struct tcb *listener, enum tcp_cookies cookies, const struct tcb *old)
{
	const struct conn *c = stack_conn(s, listener);

	if (c->waiting - c->half_cnt >= c->backlog)
		return ADMIT_NONE;
	if (c->half_head == STACK_NONE) /* it is only a record that lacks: TCP_V_NO_TCB */
		return ADMIT_CHILD;
	if (cookies != TCP_COOKIES_OFF && !leat_stack_is_full(s, old))
		return ADMIT_COOKIE;
	if (leat_stack_half_evict(s, listener))
		return ADMIT_CHILD;
	bool may = c->waiting < c->backlog || cookies != TCP_COOKIES_OFF;

	/* The engine says what lacks: TCP_V_TIME_WAIT_FULL, or TCP_V_NO_TCB. */
	return may && leat_stack_lacks_place(s, old) ? ADMIT_CHILD : ADMIT_NONE;
}

/* old: the one in TIME-WAIT whose tuple it is, or NULL. */
static inline enum admission admit(struct leat_stack *s, const struct tcb *listener,
	enum tcp_cookies cookies, const struct tcb *old)
{
	const struct conn *c = stack_conn(s, listener);
	enum admission a = ADMIT_CHILD;

	if (s->refuse)
		return ADMIT_NONE;
	if (UNLIKELY(c->waiting >= c->backlog || leat_stack_is_full(s, old)))
		a = admit_full(s, listener, cookies, old);
	else if (cookies == TCP_COOKIES_ALWAYS)
		a = ADMIT_COOKIE;
	if (a == ADMIT_CHILD && UNLIKELY(leat_tcp_tw_full(s->tcp)))
		leat_stack_wait_evict(s, old);
	return a == ADMIT_COOKIE && s->io.emit_cnt == TCP_IO_EMIT_MAX ? ADMIT_NONE : a;
}

/* An ACK to a listener that is a cookie come back is as good as a SYN that finds room: by choice
 * the oldest in TIME-WAIT gives way to it.  One that is none, or finds no place for other reasons,
 * costs nobody his. */
static void cookie_room(struct leat_stack *s, const struct tcb *listener, const struct pkt *p)
{
	const struct conn *c = stack_conn(s, listener);

	if (LIKELY(!leat_tcp_tw_full(s->tcp)) || !s->config.knobs.time_wait_evict || s->refuse ||
		c->waiting - c->half_cnt >= c->backlog)
		return;
	if (leat_tcp_is_cookie(s->tcp, &p->tuple, &p->seg, s->now))
		leat_stack_wait_evict(s, NULL);
}

/* A cookie that came back made a connection; the place for it is looked for only now.  When there
 * is none it is as if the ACK had been lost: the first of the peer's text will bring the cookie
 * again.  Any other segment of it before that is an ACK to a listener, and is reset. */
static void cookie_settle(struct leat_stack *s, struct tcb *listener, uint32_t born_idx)
{
	const struct conn *c = stack_conn(s, listener);
	struct tcb *child = stack_tcb(s, born_idx);

	if (!(child->flags & TCP_F_FLOW))
		return; /* there was no room in the table */
	if (!s->refuse && c->waiting - c->half_cnt <= c->backlog)
		return;
	s->cnt.cookie_refused++;
	if (s->refuse) {
		leat_stack_abort_push(s, child);
		leat_stack_abort_work(s);
	} else {
		leat_tcp_drop(s->tcp, child, TCP_END_EVICTED, &s->io);
	}
}

static void not_admitted(struct leat_stack *s, struct stack_burst *b, uint32_t i)
{
	s->cnt.accept_refused++;
	b->tcp_verdict[i] = TCP_V_CNT;
	leat_stack_keep_buf(s, b->pkt[i].buf);
}

/* One more was not taken, be it the ACK of a cookie; was it for want of a place in TIME-WAIT? */
static void not_taken(struct leat_stack *s, const struct tcb *listener, const struct tcb *old)
{
	const struct conn *c = stack_conn(s, listener);

	s->cnt.time_wait_refused += !s->refuse && c->waiting - c->half_cnt < c->backlog &&
				    leat_stack_lacks_place(s, old);
}

/* for_listener gives the listener of tcb's tuple its segment. */
static void for_listener(struct leat_stack *s, struct stack_burst *b, uint32_t i, struct tcb *l)
{
	struct pkt *p = &b->pkt[i];
	enum tcp_cookies cookies = (enum tcp_cookies)s->config.knobs.syn_cookies;
	enum admission a = ADMIT_CHILD;

	if (is_opening(&p->seg))
		a = admit(s, l, cookies, NULL);
	else
		cookie_room(s, l, p);
	if (a == ADMIT_NONE) {
		not_admitted(s, b, i);
		return;
	}
	s->cnt.segments++;
	if (a == ADMIT_COOKIE) {
		s->cookie_mac[s->io.emit_cnt] = p->src;
		b->tcp_verdict[i] = leat_tcp_cookie(s->tcp, l, &p->tuple, &p->seg, s->now, &s->io);
	} else {
		b->tcp_verdict[i] =
			leat_tcp_segment_arrives(s->tcp, l, &p->tuple, &p->seg, s->now, &s->io);
	}
	if (UNLIKELY(b->tcp_verdict[i] == TCP_V_TIME_WAIT_FULL))
		not_taken(s, l, NULL);
	if (s->io.born != TCP_NONE) {
		uint32_t born_idx = s->io.born;

		born(s, b, i, l, NULL);
		stack_settle(s);
		if (b->tcp_verdict[i] == TCP_V_COOKIE_OK)
			cookie_settle(s, l, born_idx);
	}
	stack_settle(s);
}

/* A SYN for a connection in TIME-WAIT; false: nobody listens who would take it.  An old duplicate
 * is answered, whatever room there is: it wants none.  A newer one is admitted as any other is, but
 * for cookies: one would come back to TIME-WAIT, which does not look for any. */
static bool reopen(struct leat_stack *s, struct stack_burst *b, uint32_t i, struct tcb *old)
{
	struct pkt *p = &b->pkt[i];
	struct tcb *l = leat_stack_listener_find(s, &p->tuple);

	if (l == NULL || !(l->opts & TCP_O_REUSE_SEQ))
		return false;
	enum admission a = ADMIT_CHILD;

	if (leat_tcp_may_reopen(s->tcp, old, l, &p->seg))
		a = admit(s, l, TCP_COOKIES_OFF, old);
	if (a != ADMIT_CHILD) {
		not_admitted(s, b, i);
		return true;
	}
	s->cnt.segments++;
	b->tcp_verdict[i] = leat_tcp_reopen(s->tcp, old, l, &p->seg, s->now, &s->io);
	if (UNLIKELY(b->tcp_verdict[i] == TCP_V_TIME_WAIT_FULL))
		not_taken(s, l, old);
	if (s->io.born != TCP_NONE)
		born(s, b, i, l, old);
	stack_settle(s);
	return true;
}

/* A segment for tcb, in TIME-WAIT, is answered where it came from, should nobody know better: a
 * record remembers no station. */
static void waiting(struct leat_stack *s, struct stack_burst *b, uint32_t i, struct tcb *tcb)
{
	struct pkt *p = &b->pkt[i];
	struct conn *c = stack_conn(s, tcb);

	if (!s->config.link.raw_ip && (p->src.octet[0] & 1) == 0) {
		c->flags |= CONN_MAC;
		c->mac = p->src;
	}
	if (is_opening(&p->seg) && reopen(s, b, i, tcb))
		return;
	uint32_t was = leat_tcp_tw_name(s->tcp, tcb);

	s->cnt.segments++;
	b->tcp_verdict[i] =
		leat_tcp_segment_arrives(s->tcp, tcb, &p->tuple, &p->seg, s->now, &s->io);
	leat_stack_wait_named(s, tcb, was);
	stack_settle(s);
}

static void segment(struct leat_stack *s, struct stack_burst *b, uint32_t i)
{
	struct pkt *p = &b->pkt[i];
	uint32_t name = flow_of(s, b, i);
	struct tcb *tcb = NULL;

	if (name == FLOW_NONE) {
		struct tcb *l = leat_stack_listener_find(s, &p->tuple);

		if (l != NULL) {
			for_listener(s, b, i, l);
			return;
		}
	} else if (name & FLOW_UNIT) {
		tcb = leat_stack_wait_wake(s, name, b->hash[i]);
		waiting(s, b, i, tcb);
		leat_stack_wait_done(s, tcb);
		return;
	} else {
		tcb = stack_tcb(s, name);
		if (tcb->state == TCP_ST_TIME_WAIT) {
			waiting(s, b, i, tcb);
			return;
		}
	}
	s->cnt.segments++;
	b->tcp_verdict[i] =
		leat_tcp_segment_arrives(s->tcp, tcb, &p->tuple, &p->seg, s->now, &s->io);
	if (tcb != NULL) {
		if (stack_conn(s, tcb)->flags & (CONN_HALF | CONN_HEIR) &&
			tcb->state != TCP_ST_CLOSED) /* else when it left the table */
			leat_stack_half_end(s, tcb);
		leat_stack_chunks_trim(s, tcb);
	}
	stack_settle(s);
	if (tcb != NULL && tcb->state == TCP_ST_TIME_WAIT && !(tcb->flags & TCP_F_IN_OUT))
		leat_stack_rest(s, tcb); /* both closed at once: nothing is owed */
}

void leat_stack_input(struct leat_stack *s, struct stack_burst *b, uint64_t now)
{
	/* A frame gives back one buffer at the most, so that none of this burst can find the list
	 * full; a list that is full already is a caller's who does not empty it, whatever peers
	 * send. */
	ASSERT(s->give_cnt + s->io.give_cnt <= STACK_GIVE_MAX - b->cnt);
	leat_stack_set_now(s, now);
	s->cnt.frames_in += b->cnt;
	for (uint32_t i = 0; i < b->cnt; i++) {
		const struct pkt *p = &b->pkt[i];

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
