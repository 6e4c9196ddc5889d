/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"
#include "tcp_tcb.h"
#include "wire_cksum.h"

#include <string.h>

/* Frames of strangers: guesses at connections, floods, and what nobody may answer. */

#define STRANGER_MAC   0xfe
#define STRANGERS_FROM 200 /* last octet of their addresses */
#define STRANGERS_CNT  50
#define GUESS_TEXT_MAX 64

void leat_sim_checksum(const struct sim_world *w, uint8_t *frame, uint32_t octets)
{
	uint32_t at = w->plan.raw_ip ? 0 : WIRE_ETH_OCTETS;
	uint8_t *ip = frame + at;
	struct tuple t = {0};

	if (ip[0] >> 4 == 4) {
		t.local = ip_from4(be32_get(ip + 12));
		t.remote = ip_from4(be32_get(ip + 16));
		be16_put(ip + 10, 0);
		be16_put(ip + 10, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, ip, 20)));
		at += WIRE_IP4_OCTETS;
	} else {
		t.local = (struct ip){be64_get(ip + 8), be64_get(ip + 16)};
		t.remote = (struct ip){be64_get(ip + 24), be64_get(ip + 32)};
		at += WIRE_IP6_OCTETS;
	}
	be16_put(frame + at + 16, 0);
	be16_put(frame + at + 16, leat_wire_cksum(&t, WIRE_PROTO_TCP, frame + at, octets - at));
}

struct sim_buf *leat_sim_segment(
	struct sim_world *w, uint32_t dst, const struct tuple *t, const struct seg *seg)
{
	struct wire_link link = {.raw_ip = w->plan.raw_ip, .mtu = 1500};
	struct sim_buf *b = leat_sim_buf_take(w, SIM_OWNER_NET);
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64};

	link.mac = (struct mac){{2, 0, 0, 0, 0, STRANGER_MAC}};
	hdr.octets = leat_wire_tcp_hdr_octets(seg) + seg->text;
	uint32_t at = leat_wire_pkt_hdr_put(b->data, &link, &w->host[dst].mac, t, &hdr);
	at += leat_wire_seg_put(b->data + at, t->lport, t->rport, seg);
	memset(b->data + at, 0xa5, seg->text);
	b->octets = at + seg->text;
	b->dst = (uint8_t)dst;
	leat_sim_checksum(w, b->data, b->octets);
	return b;
}

static struct ip stranger(const struct sim_world *w, struct prng *prng)
{
	struct ip a = w->host[0].addr;

	a.lo = (a.lo & ~UINT64_C(0xff)) | (STRANGERS_FROM + leat_prng_below(prng, STRANGERS_CNT));
	return a;
}

static void arrive(struct sim_world *w, struct sim_buf *b)
{
	w->stats.noise++;
	leat_sim_arrive_at(w, b, w->now + 1);
}

static void addr_in(const struct leat_addr *a, struct ip *ip)
{
	if (a->family == 4)
		*ip = ip_from4(be32_get(a->octet));
	else
		*ip = (struct ip){be64_get(a->octet), be64_get(a->octet + 8)};
}

struct tuple leat_sim_tuple(const struct leat_addr *from, const struct leat_addr *to)
{
	struct tuple t = {.lport = from->port, .rport = to->port};

	addr_in(from, &t.local);
	addr_in(to, &t.remote);
	return t;
}

const struct sim_end *leat_sim_guess(struct sim_world *w, struct prng *prng)
{
	const struct sim_end *e;

	if (w->end_cnt == 0)
		return NULL;
	e = &w->end[leat_prng_below(prng, w->end_cnt)];
	return e->used && e->remote.port != 0 ? e : NULL;
}

/* A guess at a connection: right addresses and ports, everything else by chance. */
static void blind(struct sim_world *w, uint32_t i)
{
	static const uint8_t flags[] = {TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK,
		TCP_ACK, TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK, 0, 0xff};
	struct prng *prng = &w->fault_prng[i];
	struct seg seg = {0};
	struct tuple t;
	const struct sim_end *e = leat_sim_guess(w, prng);

	if (e == NULL)
		return;
	t = leat_sim_tuple(&e->remote, &e->local);
	seg.flags = flags[leat_prng_below(prng, COUNT_OF(flags))];
	seg.seq = seq_of((uint32_t)leat_prng_next(prng));
	seg.ack = seq_of((uint32_t)leat_prng_next(prng));
	seg.wnd = (uint16_t)leat_prng_next(prng);
	if (seg.flags & TCP_PSH)
		seg.text = (uint16_t)leat_prng_below(prng, GUESS_TEXT_MAX);
	arrive(w, leat_sim_segment(w, e->host, &t, &seg));
}

/* The record behind an end; NULL: it is gone, or not yet synchronized. */
static const struct tcb *record_of(struct sim_world *w, const struct sim_end *e)
{
	const struct sim_shard *s = &w->host[e->host].shard[e->shard];
	uint32_t idx = (uint32_t)e->conn.id - 1;

	if (!s->stack || !e->used || idx >= w->plan.host[e->host].config.tcp.tcb_max)
		return NULL;
	const struct tcb *tcb = leat_tcp_tcb(leat_stack_engine(s->stack), idx);
	bool same = tcb->gen == e->conn.id >> 32 && tcp_in(tcb->state, TCP_SYNCHRONIZED);
	return same && tcb->state != TCP_ST_TIME_WAIT ? tcb : NULL;
}

/* RFC 5961: what a segment must not do although it is near the truth.  False: no such now. */
static bool spoil(struct prng *prng, const struct tcb *tcb, struct seg *seg)
{
	uint32_t wnd = seq_from(tcb->rcv.nxt, tcb->rcv.edge);

	seg->seq = tcb->rcv.nxt;
	seg->ack = tcb->snd.nxt;
	seg->flags = TCP_ACK;
	switch (leat_prng_below(prng, 5)) {
	case 0: /* a reset in the window, but not exact */
		if (wnd < 2)
			return false;
		seg->flags = TCP_RST;
		seg->seq = seq_add(tcb->rcv.nxt, 1 + leat_prng_below(prng, wnd - 1));
		return true;
	case 1: /* a reset outside the window */
		seg->flags = TCP_RST | TCP_ACK;
		seg->seq = seq_sub(tcb->rcv.nxt, 1 + leat_prng_below(prng, 1000));
		return true;
	case 2: /* a SYN anywhere */
		seg->flags = leat_prng_below(prng, 2) ? TCP_SYN : TCP_SYN | TCP_ACK;
		seg->seq = seq_add(tcb->rcv.nxt, leat_prng_below(prng, 1000));
		return true;
	case 3: /* text and FIN with an ACK of what was never sent */
		seg->flags |= leat_prng_below(prng, 2) ? TCP_FIN | TCP_PSH : TCP_PSH;
		seg->ack = seq_add(tcb->snd.nxt, 1 + leat_prng_below(prng, 1U << 20));
		break;
	default: /* and with one that is far too old */
		seg->flags |= TCP_PSH;
		seg->ack = seq_sub(
			tcb->snd.una, tcb->snd.wnd_max + 1 + leat_prng_below(prng, 1U << 20));
		break;
	}
	seg->text = (uint16_t)(1 + leat_prng_below(prng, GUESS_TEXT_MAX));
	return true;
}

static void spy(struct sim_world *w, uint32_t i)
{
	struct prng *prng = &w->fault_prng[i];
	struct seg seg = {.wnd = 1000};
	struct tuple t = {0};

	if (w->end_cnt == 0)
		return;
	const struct sim_end *e = &w->end[leat_prng_below(prng, w->end_cnt)];
	const struct tcb *tcb = record_of(w, e);
	if (!tcb || !spoil(prng, tcb, &seg))
		return;
	t = sim_mirror(leat_stack_engine(w->host[e->host].shard[e->shard].stack), tcb);
	if (tcb->agreed & TCP_OPT_TS) {
		seg.opts = TCP_OPT_TS;
		seg.ts_val = tcb->ts_recent;
	}
	arrive(w, leat_sim_segment(w, e->host, &t, &seg));
}

static struct sim_buf *stranger_syn(struct sim_world *w, uint32_t i, uint32_t dst)
{
	struct prng *prng = &w->fault_prng[i];
	struct seg seg = {.flags = TCP_SYN, .wnd = 1000, .len = 1};
	struct tuple t = {.rport = SIM_SERVER_PORT};

	t.lport = (uint16_t)(1024 + leat_prng_below(prng, 60000));
	t.local = stranger(w, prng);
	t.remote = w->host[dst].addr;
	seg.seq = seq_of((uint32_t)leat_prng_next(prng));
	return leat_sim_segment(w, dst, &t, &seg);
}

static uint32_t target(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	return f->dst != SIM_ANY ? f->dst : leat_prng_below(&w->fault_prng[i], w->plan.host_cnt);
}

/* What must never be answered: each has one thing wrong. */
static void noise(struct sim_world *w, uint32_t i)
{
	struct prng *prng = &w->fault_prng[i];
	uint32_t dst = target(w, i);
	struct sim_buf *b = stranger_syn(w, i, dst);
	uint32_t at = w->plan.raw_ip ? 0 : WIRE_ETH_OCTETS;
	uint8_t *ip = b->data + at;
	bool is4 = ip[0] >> 4 == 4;
	uint8_t *tcp = ip + (is4 ? 20 : 40);
	uint8_t *from = ip + (is4 ? 12 : 8), *to = ip + (is4 ? 16 : 24);
	uint32_t addr_octets = is4 ? 4 : 16;

	switch (leat_prng_below(prng, 9)) {
	case 0: /* a wrong checksum */
		tcp[16] ^= 0x5a;
		arrive(w, b);
		return;
	case 1: /* from a group */
		from[0] = is4 ? 224 : 0xff;
		break;
	case 2: /* to a group */
		to[0] = is4 ? 224 : 0xff;
		break;
	case 3: /* from ourselves */
		memcpy(from, to, addr_octets);
		break;
	case 4: /* a reset to nobody */
		tcp[13] = TCP_RST;
		tcp[3] = SIM_CLOSED_PORT;
		break;
	case 5: /* a reset to a listener */
		tcp[13] = TCP_RST | TCP_ACK;
		break;
	case 7: /* SYN and FIN at once, which no honest peer sends */
		tcp[13] = TCP_SYN | TCP_FIN;
		break;
	case 6: /* from nobody */
		memset(from, 0, addr_octets);
		break;
	default: /* port 0 */
		tcp[0] = tcp[1] = 0;
		break;
	}
	leat_sim_checksum(w, b->data, b->octets);
	arrive(w, b);
}

void leat_sim_noise(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	if (!w->fault_on[i])
		return;
	if (f->kind == SIM_FAULT_BLIND)
		blind(w, i);
	else if (f->kind == SIM_FAULT_SPY)
		spy(w, i);
	else if (f->kind == SIM_FAULT_ICMP)
		leat_sim_icmp_blind(w, i);
	else if (f->kind == SIM_FAULT_FLOOD)
		arrive(w, stranger_syn(w, i, target(w, i)));
	else
		noise(w, i);
	leat_sim_at(w, (struct sim_event){
			       .at = w->now + TIME_S / f->n, .kind = SIM_EVENT_NOISE, .arg = i});
}
