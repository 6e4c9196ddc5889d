/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <string.h>

#define ETH_OCTETS     14
#define FLIPS_MAX      3
#define FLIP_TRIES     8
#define LATE_DUP       (3 * TIME_S)
#define MEDDLE_DELAY   (30 * TIME_MS)
#define RELEASE_SPREAD (5 * TIME_MS)
#define NOISE_FIRST    (1 * TIME_MS)

/* A glance at a frame, without judging it. */
struct glance {
	bool tcp;
	uint8_t flags;
	uint32_t text, l4_at, opt_octets, part;
};

static struct glance glance(const struct sim_world *w, const struct sim_buf *b)
{
	struct glance g = {0};
	uint32_t at = w->plan.raw_ip ? 0 : ETH_OCTETS;
	const uint8_t *ip = b->data + at;
	uint32_t end = b->octets;

	if (!w->plan.raw_ip && be16_get(b->data + 12) != 0x0800 && be16_get(b->data + 12) != 0x86dd)
		return g;
	if (b->octets < at + 40)
		return g;
	bool is4 = ip[0] >> 4 == 4;
	if (ip[is4 ? 9 : 6] != WIRE_PROTO_TCP)
		return g;
	g.l4_at = at + (is4 ? 20 : 40);
	if (end < g.l4_at + TCP_HDR_OCTETS)
		return g;
	const uint8_t *tcp = b->data + g.l4_at;
	uint32_t header = (tcp[12] >> 4) * 4U;

	g.tcp = header >= TCP_HDR_OCTETS && g.l4_at + header <= end;
	g.flags = tcp[13];
	g.text = g.tcp ? end - g.l4_at - header : 0;
	g.opt_octets = g.tcp ? header - TCP_HDR_OCTETS : 0;
	g.part = 1U << ((be16_get(tcp) + be16_get(tcp + 2)) & 3);
	return g;
}

static bool picked(const struct glance *g, uint32_t pick)
{
	uint8_t syn = g->flags & (TCP_SYN | TCP_ACK);

	if (!g->tcp)
		return false;
	switch (pick) {
	case SIM_PICK_SYN:
		return syn == TCP_SYN;
	case SIM_PICK_SYN_ACK:
		return syn == (TCP_SYN | TCP_ACK);
	case SIM_PICK_FIN:
		return (g->flags & TCP_FIN) != 0;
	case SIM_PICK_RST:
		return (g->flags & TCP_RST) != 0;
	case SIM_PICK_BARE:
		return syn == TCP_ACK && g->text == 0 && !(g->flags & (TCP_FIN | TCP_RST));
	case SIM_PICK_TEXT:
		return g->text > 0;
	default:
		return true;
	}
}

/* ---- what faults do to a frame ---- */

static void again(struct sim_world *w, const struct sim_buf *b, uint64_t within, struct prng *prng)
{
	struct sim_buf *copy = leat_sim_buf_copy(w, b);

	w->stats.doubled++;
	leat_sim_arrive_at(w, copy, w->now + leat_prng_next(prng) % within + 1);
}

static struct sim_buf *lose(struct sim_world *w, struct sim_buf *b)
{
	w->stats.lost++;
	leat_sim_buf_free(w, b);
	return NULL;
}

static void flip_bit(struct prng *prng, struct sim_buf *b, uint32_t from)
{
	uint32_t bit = leat_prng_below(prng, (b->octets - from) * 8);

	b->data[from + bit / 8] ^= (uint8_t)(1U << bit % 8);
}

void leat_sim_flip(struct sim_world *w, struct prng *prng, struct sim_buf *b, bool forged)
{
	struct glance g = glance(w, b);
	struct watch_pkt p;

	if (!g.tcp)
		return;
	if (forged) {
		flip_bit(prng, b, g.l4_at);
		leat_sim_checksum(w, b->data, b->octets);
		w->forged = true;
		w->stats.forged++;
		return;
	}
	uint32_t flips = 1 + leat_prng_below(prng, FLIPS_MAX);
	for (uint32_t i = 0; i < flips + FLIP_TRIES; i++) {
		flip_bit(prng, b, w->plan.raw_ip ? 1 : ETH_OCTETS);
		if (i + 1 >= flips &&
			leat_sim_watch_parse(b->data, b->octets, w->plan.raw_ip, &p) != NULL)
			break;
	}
	w->stats.corrupted++;
	if (leat_sim_watch_parse(b->data, b->octets, w->plan.raw_ip, &p) == NULL)
		b->octets = ETH_OCTETS + 1; /* so many flips and still whole: cut it instead */
}

static void cut(struct sim_world *w, struct prng *prng, struct sim_buf *b)
{
	uint32_t least = w->plan.raw_ip ? 1 : ETH_OCTETS;

	if (!glance(w, b).tcp)
		return;
	b->octets = least + leat_prng_below(prng, b->octets - least);
	w->stats.corrupted++;
}

static void hold(struct sim_world *w, uint32_t i, struct sim_buf *b)
{
	struct sim_buf **link = &w->fault_held[i];

	while (*link)
		link = &(*link)->next;
	*link = b;
	w->stats.delayed++;
}

static void spike(struct sim_world *w, uint32_t i, uint64_t *later)
{
	const struct sim_fault *f = &w->plan.fault[i];

	if (w->now >= w->fault_until[i] && leat_prng_chance(&w->fault_prng[i], f->p))
		w->fault_until[i] = w->now + f->q * TIME_US;
	if (w->now < w->fault_until[i])
		*later += f->ns;
}

static bool in_bad_state(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	if (leat_prng_chance(&w->fault_prng[i], w->fault_bad[i] ? f->q : f->p))
		w->fault_bad[i] = !w->fault_bad[i];
	return w->fault_bad[i];
}

static struct sim_buf *evil(struct sim_world *w, uint32_t i, struct sim_buf *b)
{
	const struct sim_fault *f = &w->plan.fault[i];

	if (w->fault_cnt[i]++ != f->q)
		return b;
	if (f->ns == 0)
		return lose(w, b);
	again(w, b, f->ns, &w->fault_prng[i]);
	return b;
}

/* The faults that need no dice. */
static struct sim_buf *certain(struct sim_world *w, uint32_t i, struct sim_buf *b, uint64_t *later)
{
	const struct sim_fault *f = &w->plan.fault[i];

	switch (f->kind) {
	case SIM_FAULT_BURST_LOSS:
		return in_bad_state(w, i) ? lose(w, b) : b;
	case SIM_FAULT_EVERY:
		return ++w->fault_cnt[i] % f->n == 0 ? lose(w, b) : b;
	case SIM_FAULT_EVIL:
		return evil(w, i, b);
	case SIM_FAULT_SPIKE:
		spike(w, i, later);
		return b;
	case SIM_FAULT_CLOG:
		hold(w, i, b);
		return NULL;
	case SIM_FAULT_PARTITION:
	case SIM_FAULT_NIC:
		return lose(w, b);
	case SIM_FAULT_STRIP:
	case SIM_FAULT_CLAMP:
		leat_sim_middle_syn(w, f, b);
		return b;
	case SIM_FAULT_REBIND:
		return leat_sim_middle_rebind(w, i, b);
	case SIM_FAULT_NARROW:
		return leat_sim_narrow(w, f, b);
	default:
		return b;
	}
}

static struct sim_buf *by_chance(
	struct sim_world *w, uint32_t i, struct sim_buf *b, uint64_t *later)
{
	const struct sim_fault *f = &w->plan.fault[i];
	struct prng *prng = &w->fault_prng[i];

	switch (f->kind) {
	case SIM_FAULT_NOBODY:
		leat_sim_icmp(w, b, 0, w->now + w->plan.link[b->src][b->dst].delay);
		return lose(w, b);
	case SIM_FAULT_LOSS:
	case SIM_FAULT_PICK:
		return lose(w, b);
	case SIM_FAULT_DUP:
		again(w, b, f->ns, prng);
		break;
	case SIM_FAULT_REPLAY:
		for (uint32_t cnt = 1 + leat_prng_below(prng, 3); cnt > 0; cnt--)
			again(w, b, w->msl, prng);
		w->stats.replayed++;
		break;
	case SIM_FAULT_REORDER:
		*later += leat_prng_next(prng) % f->ns + 1;
		w->stats.delayed++;
		break;
	case SIM_FAULT_CORRUPT:
	case SIM_FAULT_FORGE:
		leat_sim_flip(w, prng, b, f->kind == SIM_FAULT_FORGE);
		break;
	case SIM_FAULT_CUT:
		cut(w, prng, b);
		break;
	default:
		break;
	}
	return b;
}

static bool has_dice(enum sim_fault_kind kind)
{
	return kind == SIM_FAULT_NOBODY || kind == SIM_FAULT_LOSS || kind == SIM_FAULT_PICK ||
	       kind == SIM_FAULT_DUP || kind == SIM_FAULT_REPLAY || kind == SIM_FAULT_REORDER ||
	       kind == SIM_FAULT_CORRUPT || kind == SIM_FAULT_FORGE || kind == SIM_FAULT_CUT;
}

/* Those with both ways in hand see what goes to src as well. */
static bool concerns(const struct sim_fault *f, const struct sim_buf *b)
{
	bool both = f->kind == SIM_FAULT_REBIND || f->kind == SIM_FAULT_NIC;

	if (both && f->src == b->dst)
		return true;
	return (f->src == SIM_ANY || f->src == b->src) && (f->dst == SIM_ANY || f->dst == b->dst);
}

struct sim_buf *leat_sim_fault_frame(struct sim_world *w, struct sim_buf *b, uint64_t *later)
{
	struct glance g = {0};
	bool seen = false;

	for (uint32_t i = 0; b && i < w->plan.fault_cnt; i++) {
		const struct sim_fault *f = &w->plan.fault[i];

		if (!w->fault_on[i] || !concerns(f, b))
			continue;
		if (!seen)
			g = glance(w, b);
		seen = true;
		if (f->flow_part != 0 && !(g.part & f->flow_part))
			continue;
		bool by_pick = f->kind == SIM_FAULT_PICK || f->kind == SIM_FAULT_EVIL ||
			       f->kind == SIM_FAULT_NOBODY;
		if (by_pick && !picked(&g, f->n))
			continue;
		if (!has_dice(f->kind))
			b = certain(w, i, b, later);
		else if (leat_prng_chance(&w->fault_prng[i], f->p))
			b = by_chance(w, i, b, later);
	}
	return b;
}

struct sim_buf *leat_sim_meddle(struct sim_world *w, struct sim_buf *b, uint64_t *later)
{
	struct sim_meddling *m = w->meddling;
	uint32_t no = m->seen++;
	struct prng prng;

	if (no >= m->cnt)
		return b;
	leat_prng_seed(&prng, no);
	switch (m->of_frame[no]) {
	case SIM_MEDDLE_DROP:
		return lose(w, b);
	case SIM_MEDDLE_DUP:
		again(w, b, 1, &prng);
		break;
	case SIM_MEDDLE_DUP_LATE:
		again(w, b, LATE_DUP, &prng);
		break;
	case SIM_MEDDLE_DELAY:
		*later += MEDDLE_DELAY;
		break;
	case SIM_MEDDLE_CORRUPT:
		leat_sim_flip(w, &prng, b, false);
		break;
	case SIM_MEDDLE_CUT:
		cut(w, &prng, b);
		break;
	default:
		break;
	}
	return b;
}

/* ---- what faults do to hosts ---- */

void leat_sim_fault_init(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->plan.fault_cnt; i++) {
		const struct sim_fault *f = &w->plan.fault[i];

		leat_prng_seed(&w->fault_prng[i], f->seed);
		if (!(w->plan.fault_mask >> i & 1))
			continue;
		if (f->kind == SIM_FAULT_SHIFT) { /* a connection would not outlive its end */
			w->fault_on[i] = true;
			continue;
		}
		leat_sim_at(
			w, (struct sim_event){
				   .at = w->now + f->from, .kind = SIM_EVENT_FAULT_ON, .arg = i});
		leat_sim_at(
			w, (struct sim_event){
				   .at = w->now + f->to, .kind = SIM_EVENT_FAULT_OFF, .arg = i});
	}
}

static void each_shard(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	for (uint32_t s = 0; s < w->plan.host[f->src].shards; s++) {
		struct sim_shard *shard = leat_sim_shard(w, f->src, s);

		if (f->shard != SIM_ANY && f->shard != s)
			continue;
		if (f->kind == SIM_FAULT_STALL)
			shard->stalled_until = w->now + (f->to - f->from);
		else
			shard->ahead += f->ns;
		leat_sim_host_want(w, f->src, s, u64_max(w->now, shard->stalled_until));
	}
}

static void restart(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	leat_sim_host_stop(w, f->src);
	leat_sim_work_lost(w, f->src);
	leat_sim_watch_restart(w->watch, f->src);
	w->host[f->src].quiet_until = w->now + (f->n ? w->msl : TIME_MS);
	leat_sim_at(w, (struct sim_event){.at = w->host[f->src].quiet_until,
			       .kind = SIM_EVENT_QUIET,
			       .host = f->src});
}

void leat_sim_fault_on(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	w->fault_on[i] = true;
	switch (f->kind) {
	case SIM_FAULT_STALL:
	case SIM_FAULT_JUMP:
		each_shard(w, i);
		break;
	case SIM_FAULT_FAMINE:
		w->host[f->src].rx_max = f->n;
		break;
	case SIM_FAULT_REFUSE:
		w->host[f->src].tx_most = f->n;
		break;
	case SIM_FAULT_NIC:
		leat_sim_host_nic_reset(w, f->src);
		break;
	case SIM_FAULT_DEAF:
		leat_sim_work_deaf(w, f->src, f->n != 0);
		break;
	case SIM_FAULT_RESTART:
		restart(w, i);
		break;
	case SIM_FAULT_BLIND:
	case SIM_FAULT_SPY:
	case SIM_FAULT_FLOOD:
	case SIM_FAULT_NOISE:
	case SIM_FAULT_ICMP:
		leat_sim_at(
			w, (struct sim_event){
				   .at = w->now + NOISE_FIRST, .kind = SIM_EVENT_NOISE, .arg = i});
		break;
	default:
		break;
	}
}

void leat_sim_fault_off(struct sim_world *w, uint32_t i)
{
	const struct sim_fault *f = &w->plan.fault[i];

	w->fault_on[i] = false;
	if (f->kind == SIM_FAULT_FAMINE)
		w->host[f->src].rx_max = w->plan.host[f->src].buffers;
	if (f->kind == SIM_FAULT_REFUSE)
		w->host[f->src].tx_most = UINT32_MAX;
	for (uint32_t s = 0; f->kind == SIM_FAULT_DEAF && s < w->plan.host[f->src].shards; s++)
		leat_sim_work_listen(w, f->src, s);
	while (w->fault_held[i]) { /* what was clogged comes, and not in its order */
		struct sim_buf *b = w->fault_held[i];

		w->fault_held[i] = b->next;
		b->next = NULL;
		leat_sim_arrive_at(
			w, b, w->now + leat_prng_next(&w->fault_prng[i]) % RELEASE_SPREAD);
	}
}
