/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_be.h"
#include "base_bits.h"
#include "stack_core.h"
#include "wire_cksum.h"

#include <string.h>

#define CSUM_AT 16 /* octet of the checksum in a TCP header */
#define NO_HOP4 1  /* nobody's address, and not 0: no hop */

enum where_to {
	TO_WIRE,
	TO_PARK,
	TO_NOBODY,
};

/* Where the SYN that a cookie answers came from, unless it has waited for a neighbour before. */
static const struct mac *cookie_station(const struct leat_stack *s, const struct tcp_emit *m)
{
	const struct mac *mac;

	if (m->tcb_idx != TCP_NONE || !(m->seg.flags & TCP_SYN) || m < s->io.emit ||
		m >= s->io.emit + TCP_IO_EMIT_MAX)
		return NULL;
	mac = &s->cookie_mac[m - s->io.emit];
	return (mac->octet[0] & 1) == 0 ? mac : NULL;
}

/* Does the record that m came from still have its tuple? */
static bool is_its(const struct leat_stack *s, const struct tcp_emit *m)
{
	struct tuple tuple;

	tcp_emit_tuple(m, &tuple);
	return stack_is_of(s, stack_tcb(s, m->tcb_idx), &tuple);
}

/* Is m what a connection must send until it is acknowledged? */
static bool occupies(struct leat_stack *s, const struct tcp_emit *m)
{
	return m->tcb_idx != TCP_NONE && m->seg.len > 0 && !(m->seg.flags & TCP_RST) &&
	       is_its(s, m);
}

static void drop(struct leat_stack *s, const struct tcp_emit *m)
{
	if (occupies(s, m)) {
		leat_stack_hold(s, stack_tcb(s, m->tcb_idx));
		s->hop4_known = NO_HOP4;
	} else {
		s->cnt.out_no_neigh++;
	}
}

static void l2_put(const struct leat_stack *s, uint8_t *l2, const struct mac *mac, bool is4)
{
	leat_wire_l2_put(l2, &s->config.link, mac, is4 ? WIRE_ETHERTYPE_IP4 : WIRE_ETHERTYPE_IP6);
}

/* What a neighbour answers is asked once in a call for as many segments as go to it in a row. */
static enum inet_neigh_answer ask(struct leat_stack *s, const struct tcp_emit *m, struct ip hop)
{
	struct mac mac;

	if (ip_eq(hop, s->hop_known) && !m->doubt)
		return INET_NEIGH_FOUND;
	if (m->doubt) /* dead gateway: ask for it anew (RFC 1122 3.3.1.4) */
		leat_inet_neigh_doubt(s->neigh, hop);
	enum inet_neigh_answer answer = leat_inet_neigh_find(s->neigh, hop, s->now, &mac);

	if (answer == INET_NEIGH_FOUND) {
		s->hop_known = hop;
		bool usual = ip_is4(hop) && s->held_cnt == 0 && !s->link_down;

		s->hop4_known = usual ? ip_to4(hop) : NO_HOP4;
		l2_put(s, s->hop_l2, &mac, ip_is4(hop));
	}
	return answer;
}

/* Where m goes; to the wire with l2, of WIRE_L2_MAX octets, before its IP header. */
static enum where_to resolve(
	struct leat_stack *s, const struct tcp_emit *m, uint8_t *own, const uint8_t **l2)
{
	enum inet_neigh_answer answer = INET_NEIGH_FAILED;
	struct tuple tuple;
	struct ip hop;

	if (s->config.link.raw_ip)
		return TO_WIRE;
	tcp_emit_tuple(m, &tuple);
	if (leat_stack_next_hop(s, tuple.remote, &hop))
		answer = ask(s, m, hop);
	if (answer == INET_NEIGH_FOUND)
		return TO_WIRE;
	const struct mac *station = NULL;

	if (m->tcb_idx != TCP_NONE && (s->conn[m->tcb_idx].flags & CONN_MAC) && is_its(s, m))
		station = &s->conn[m->tcb_idx].mac;
	else
		station = cookie_station(s, m);
	if (station != NULL) {
		l2_put(s, own, station, ip_is4(tuple.remote));
		*l2 = own;
		return TO_WIRE;
	}
	return answer == INET_NEIGH_ASKING ? TO_PARK : TO_NOBODY;
}

/* The IP header of a segment of octets; returns what of the TCP checksum comes from it. */
static inline __attribute__((always_inline)) uint16_t ip_hdr_put(
	const struct leat_stack *s, const struct tcp_emit *m, uint32_t octets, uint8_t *p, bool is4)
{
	/* MUST-49, SHLD-22: hop limit from the configuration, DSCP as the user gave it. */
	struct ip_hdr hdr = {
		.proto = WIRE_PROTO_TCP,
		.tos = m->seg.tos,
		.ttl = s->config.ttl,
		.octets = octets,
		.csum_later = s->config.tx_csum_ip,
	};

	if (is4) {
		leat_wire_ip4_put(p, m->ends.local, m->ends.remote, &hdr);
		return wire_pseudo4(m->ends.local, m->ends.remote, WIRE_PROTO_TCP, octets);
	}
	leat_wire_ip6_put(p, &m->tuple, &hdr);
	return leat_wire_sum_fold(leat_wire_sum_pseudo(&m->tuple, WIRE_PROTO_TCP, octets));
}

/* Writes m to f, behind l2; one function for each version, so that what is about the other one is
 * not even there. */
static inline __attribute__((always_inline)) void build_ip(struct leat_stack *s,
	const struct tcp_emit *m, const uint8_t *l2, struct stack_frame *f, bool is4)
{
	uint32_t l2_octets = s->l2_octets, l3_octets = is4 ? WIRE_IP4_OCTETS : WIRE_IP6_OCTETS;
	uint8_t *p = f->data, *tcp = p + l2_octets + l3_octets;

	f->is_tcp = true;
	f->is_ip4 = is4;
	f->again = m->again;
	f->l2_octets = (uint8_t)l2_octets;
	f->l3_octets = (uint8_t)l3_octets;
	memcpy(p, l2, WIRE_L2_MAX); /* where it is shorter IP comes over the rest of it */
	uint32_t octets = leat_wire_seg_put(tcp, m->ends.lport, m->ends.rport, &m->seg);

	if (m->seg.text > 0) {
		leat_stack_text(s, stack_tcb(s, m->tcb_idx), m->offset, tcp + octets, m->seg.text);
		octets += m->seg.text;
	}
	f->octets = l2_octets + l3_octets + octets;
	DCHECK(f->octets <= f->room);
	DCHECK(f->octets - l2_octets <= s->config.link.mtu);
	be16_put(tcp + CSUM_AT, ip_hdr_put(s, m, octets, p + l2_octets, is4));
	if (UNLIKELY(!s->config.tx_csum_l4))
		be16_put(tcp + CSUM_AT,
			(uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, tcp, octets)));
}

static __attribute__((noinline)) void build4(
	struct leat_stack *s, const struct tcp_emit *m, const uint8_t *l2, struct stack_frame *f)
{
	build_ip(s, m, l2, f, true);
}

static __attribute__((noinline)) void build6(
	struct leat_stack *s, const struct tcp_emit *m, const uint8_t *l2, struct stack_frame *f)
{
	build_ip(s, m, l2, f, false);
}

/* Text that goes again while it waits takes its own place. */
static bool park_again(struct leat_stack *s, const struct tcp_emit *m)
{
	struct tuple tuple, its;

	tcp_emit_tuple(m, &tuple);
	for (uint32_t i = 0; i < s->park_cnt; i++) {
		uint32_t at = (s->park_head + i) % STACK_PARK_MAX;
		struct tcp_emit *old = &s->park[at];

		if (old->seg.text == 0 || old->tcb_idx != m->tcb_idx || old->offset != m->offset ||
			old->seg.text != m->seg.text)
			continue;
		tcp_emit_tuple(old, &its);
		if (!tuple_eq(&its, &tuple))
			continue;
		*old = *m;
		s->park_gen[at] = stack_tcb(s, m->tcb_idx)->gen;
		return true;
	}
	return false;
}

static void park(struct leat_stack *s, const struct tcp_emit *m)
{
	uint32_t max = m->seg.text > 0 ? STACK_PARK_MAX / 2 : STACK_PARK_MAX;

	if (m->seg.text > 0 && park_again(s, m))
		return;
	if (s->park_cnt >= max) {
		drop(s, m);
		return;
	}
	uint32_t at = (s->park_head + s->park_cnt++) % STACK_PARK_MAX;

	s->park[at] = *m;
	s->park_gen[at] = m->seg.text > 0 ? stack_tcb(s, m->tcb_idx)->gen : 0;
	s->cnt.out_waited++;
}

/* Is the text of m, which waited, still there?  Its user may be gone by now, and its record may
 * serve another; or the peer has it already. */
static bool text_is_there(struct leat_stack *s, const struct tcp_emit *m, uint32_t gen)
{
	const struct tcb *tcb = stack_tcb(s, m->tcb_idx);
	uint64_t end = tcb->una_offset + stack_unacked(tcb);

	return tcb->gen == gen && tcp_in(tcb->state, TCP_MAY_EMIT_TEXT) &&
	       !(stack_conn(s, tcb)->flags & CONN_ABORT) && m->offset >= tcb->una_offset &&
	       m->offset + m->seg.text <= end;
}

/* send writes m to f, parks it or drops it; returns the frames written: 1 or 0. */
static __attribute__((noinline)) uint32_t send(
	struct leat_stack *s, const struct tcp_emit *m, struct stack_frame *f)
{
	uint8_t own[WIRE_L2_MAX];
	const uint8_t *l2 = s->hop_l2;
	enum where_to where = resolve(s, m, own, &l2);

	if (where == TO_PARK)
		park(s, m);
	else if (where == TO_NOBODY)
		drop(s, m);
	else
		(!ends4_is_wide(&m->ends) ? build4 : build6)(s, m, l2, f);
	/* Without a link the device may still take it, or the link be back before we hear of it. */
	if (UNLIKELY(s->held_cnt > 0 || s->link_down) && where == TO_WIRE && occupies(s, m)) {
		if (s->link_down)
			leat_stack_hold(s, stack_tcb(s, m->tcb_idx));
		else
			leat_stack_hold_end(s, m->tcb_idx);
	}
	return where == TO_WIRE;
}

/* leat_stack_next_hop for IPv4; 0: there is none. */
static inline uint32_t next_hop4(const struct leat_stack *s, uint32_t remote)
{
	for (uint32_t i = 0; i < s->net4_cnt; i++)
		if (((remote ^ s->net4[i].ip) & s->net4[i].mask) == 0)
			return remote;
	return s->gateway4;
}

/* Most segments go, over IPv4, where the one before went, or to another neighbour that is known;
 * while somebody is held nobody knows. */
static inline bool to_hop_known(struct leat_stack *s, const struct tcp_emit *m)
{
	uint32_t remote = m->ends.remote, hop = next_hop4(s, remote);
	struct mac mac;

	if (ends4_is_wide(&m->ends) || m->doubt)
		return false;
	if (LIKELY(hop == s->hop4_known))
		return true;
	if (s->hop4_known == NO_HOP4 || hop == 0 ||
		leat_inet_neigh_find(s->neigh, ip_from4(hop), s->now, &mac) != INET_NEIGH_FOUND)
		return false;
	memcpy(s->hop_l2, &mac, sizeof(mac)); /* all else in front of the packet is the same */
	s->hop_known = ip_from4(hop);
	s->hop4_known = hop;
	return true;
}

static uint32_t send_parked(struct leat_stack *s, struct stack_frame *f)
{
	struct tcp_emit m = s->park[s->park_head];
	uint32_t gen = s->park_gen[s->park_head];

	s->park_head = (s->park_head + 1) % STACK_PARK_MAX;
	s->park_cnt--;
	s->park_look--;
	if (m.seg.text > 0 && !text_is_there(s, &m, gen)) {
		s->cnt.out_void++;
		return 0;
	}
	return send(s, &m, f);
}

/* control writes neighbour and ICMP frames. */
static uint32_t control(struct leat_stack *s, struct stack_frame *frame, uint32_t max)
{
	uint32_t n = 0;

	for (; n < max; n++) {
		struct stack_frame *f = &frame[n];

		f->octets = leat_inet_neigh_output(s->neigh, f->data);
		if (f->octets == 0)
			f->octets = leat_inet_icmp_output(s->icmp, f->data);
		if (f->octets == 0)
			break;
		f->l2_octets = 0;
		f->l3_octets = 0;
		f->is_tcp = false;
		f->is_ip4 = false;
		f->again = false;
	}
	return n;
}

/* next_emit is the next segment to send, or NULL.  The engine is asked for no more than max: the
 * text of a segment must be copied before anybody calls us again. */
static const struct tcp_emit *next_emit(struct leat_stack *s, uint32_t max)
{
	struct tcp_io *io = &s->io;

	if (s->emit_at == io->emit_cnt) {
		s->emit_at = io->emit_cnt = 0;
		leat_stack_abort_work(s);
	}
	while (s->emit_at == io->emit_cnt) {
		leat_stack_rest_all(s);
		s->emit_at = io->emit_cnt = TCP_IO_EMIT_MAX - u32_min(max, TCP_IO_EMIT_MAX);
		leat_tcp_output(s->tcp, s->now, io);
		if (io->rest_cnt < TCP_IO_REST_MAX)
			break;
	}
	if (s->emit_at < io->emit_cnt)
		return &io->emit[s->emit_at++];
	s->emit_at = io->emit_cnt = 0;
	return NULL;
}

static uint32_t segments(struct leat_stack *s, struct stack_frame *frame, uint32_t max)
{
	uint32_t n = 0;

	while (n < max) {
		const struct tcp_emit *m = next_emit(s, max - n);

		if (m == NULL)
			break;
		if (LIKELY(to_hop_known(s, m)))
			build4(s, m, s->hop_l2, &frame[n++]);
		else
			n += send(s, m, &frame[n]);
	}
	if (s->emit_at == s->io.emit_cnt) {
		s->emit_at = s->io.emit_cnt = 0;
		leat_stack_rest_all(s);
	}
	return n;
}

uint32_t leat_stack_output(
	struct leat_stack *s, uint64_t now, struct stack_frame *frame, uint32_t max)
{
	uint32_t n;

	leat_stack_set_now(s, now);
	s->hop_known = (struct ip){0, 0};
	s->hop4_known = NO_HOP4;
	if (leat_inet_neigh_changed(s->neigh)) {
		s->park_look = s->park_cnt;
		leat_stack_hold_look(s);
	}
	if (UNLIKELY(s->look_words > 0 && s->look_due))
		leat_stack_hold_slice(s);
	n = control(s, frame, max);
	while (n < max && s->park_look > 0)
		n += send_parked(s, &frame[n]);
	n += segments(s, frame + n, max - n);
	n += control(s, frame + n, max - n); /* the questions that those segments raised */
	for (uint32_t i = 0; i < n; i++)
		s->cnt.octets_out += frame[i].octets;
	s->cnt.frames_out += n;
	return n;
}
