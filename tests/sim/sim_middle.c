/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_be.h"
#include "base_bits.h"

#include <string.h>

/* Boxes on the way that write into segments: options of SYNs, ports, sequence numbers. */

#define MSS_OCTETS 4
#define SACK_KIND  5
#define NAT_BIT    0x4000 /* of a port: what the NAT changes */
#define MIX        UINT64_C(0x9e3779b97f4a7c15)

/* The TCP header of a frame that is whole; NULL: it has none, or is damaged. */
static uint8_t *header(const struct sim_world *w, struct sim_buf *b, struct watch_pkt *p)
{
	if (leat_sim_watch_parse(b->data, b->octets, w->plan.raw_ip, p) || p->kind != WATCH_TCP)
		return NULL;
	return b->data + (p->l4 - b->data);
}

/* The next option from at on, which has *octets; UINT32_MAX: there is none. */
static uint32_t option(const struct watch_pkt *p, const uint8_t *o, uint32_t at, uint32_t *octets)
{
	while (at < p->opt_octets && o[at] == 1)
		at++;
	if (at + 1 >= p->opt_octets || o[at] == 0)
		return UINT32_MAX;
	*octets = o[at + 1];
	return *octets < 2 || at + *octets > p->opt_octets ? UINT32_MAX : at;
}

void leat_sim_middle_syn(struct sim_world *w, const struct sim_fault *f, struct sim_buf *b)
{
	struct watch_pkt p;
	uint8_t *tcp = header(w, b, &p);
	uint32_t octets = 0;

	if (!tcp || !(p.flags & WATCH_SYN))
		return;
	uint8_t *o = tcp + TCP_HDR_OCTETS;
	for (uint32_t at = 0; (at = option(&p, o, at, &octets)) != UINT32_MAX; at += octets) {
		if (f->kind == SIM_FAULT_STRIP && o[at] < 32 && f->n >> o[at] & 1)
			memset(o + at, 1, octets);
		if (f->kind == SIM_FAULT_CLAMP && octets == MSS_OCTETS &&
			be16_get(o + at + 2) > f->n)
			be16_put(o + at + 2, (uint16_t)f->n);
	}
	leat_sim_checksum(w, b->data, b->octets);
	w->stats.stripped++;
}

/* ---- a NAT that forgets ---- */

static struct sim_nat *nat_find(
	struct sim_world *w, const struct sim_buf *b, uint16_t inner, uint16_t far)
{
	for (uint32_t i = 0; i < u32_min(w->nat_cnt, SIM_NAT_MAX); i++) {
		struct sim_nat *n = &w->nat[i];

		if (n->inner == inner && n->far == far && n->src == b->src && n->dst == b->dst)
			return n;
	}
	return NULL;
}

static void nat_port(struct sim_world *w, struct sim_buf *b, uint8_t *port)
{
	be16_put(port, be16_get(port) ^ NAT_BIT);
	leat_sim_checksum(w, b->data, b->octets);
	w->stats.rebound++;
}

/* From inside: a SYN has its own port, the rest of what was already open has another one. */
static void nat_out(struct sim_world *w, struct sim_buf *b, const struct watch_pkt *p, uint8_t *tcp)
{
	struct sim_nat *n = nat_find(w, b, p->sport, p->dport);

	if (!n) {
		n = &w->nat[w->nat_cnt++ % SIM_NAT_MAX];
		*n = (struct sim_nat){p->sport, p->dport, b->src, b->dst, true};
	}
	if (p->flags & WATCH_SYN)
		n->bound = false;
	if (n->bound)
		nat_port(w, b, tcp);
}

/* From outside; false: it comes to a port that is no more, or not yet, in use. */
static bool nat_in(struct sim_world *w, struct sim_buf *b, const struct watch_pkt *p, uint8_t *tcp)
{
	struct sim_buf turned = {.src = b->dst, .dst = b->src};
	const struct sim_nat *n = nat_find(w, &turned, p->dport & (uint16_t)~NAT_BIT, p->sport);

	if (n && n->bound != ((p->dport & NAT_BIT) != 0))
		return false;
	if (n && n->bound)
		nat_port(w, b, tcp + 2);
	return true;
}

struct sim_buf *leat_sim_middle_rebind(struct sim_world *w, uint32_t i, struct sim_buf *b)
{
	struct watch_pkt p;
	uint8_t *tcp = header(w, b, &p);

	if (tcp && b->src == w->plan.fault[i].src) {
		nat_out(w, b, &p, tcp);
	} else if (tcp && !nat_in(w, b, &p, tcp)) {
		w->stats.lost++;
		leat_sim_buf_free(w, b);
		return NULL;
	}
	return b;
}

/* ---- a firewall that hides initial sequence numbers ---- */

static uint32_t shift_of(const struct sim_fault *f, uint16_t inner, uint16_t far)
{
	return (uint32_t)((f->seed ^ ((uint64_t)inner << 16 | far)) * MIX >> 32);
}

static void add32(uint8_t *at, uint32_t n)
{
	be32_put(at, be32_get(at) + n);
}

static void shift_sack(const struct watch_pkt *p, uint8_t *o, uint32_t back)
{
	uint32_t octets = 0;

	for (uint32_t at = 0; (at = option(p, o, at, &octets)) != UINT32_MAX; at += octets)
		for (uint32_t i = 2; o[at] == SACK_KIND && i + 4 <= octets; i += 4)
			add32(o + at + i, back);
}

static void shift(struct sim_world *w, const struct sim_fault *f, struct sim_buf *b)
{
	struct watch_pkt p;
	uint8_t *tcp = header(w, b, &p);

	if (!tcp)
		return;
	if (b->src == f->src) {
		add32(tcp + 4, shift_of(f, p.sport, p.dport));
	} else if (p.flags & WATCH_ACK) {
		uint32_t back = 0U - shift_of(f, p.dport, p.sport);

		add32(tcp + 8, back);
		if (f->n == 0)
			shift_sack(&p, tcp + TCP_HDR_OCTETS, back);
	}
	leat_sim_checksum(w, b->data, b->octets);
	w->stats.shifted++;
}

void leat_sim_middle_shift(struct sim_world *w, struct sim_buf *b)
{
	for (uint32_t i = 0; i < w->plan.fault_cnt && b->src != SIM_ANY; i++) {
		const struct sim_fault *f = &w->plan.fault[i];

		if (f->kind == SIM_FAULT_SHIFT && w->fault_on[i] &&
			(f->src == b->src || f->src == b->dst))
			shift(w, f, b);
	}
}
