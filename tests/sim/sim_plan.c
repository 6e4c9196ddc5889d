/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_plan.h"

#include "base_bits.h"
#include "base_time.h"
#include "sim.h"

#include <string.h>

#define NEVER_RX UINT32_MAX
#define KB       1024U
#define MB       (1024U * 1024)

/* ---- dice ---- */

static uint32_t below(struct prng *p, uint32_t bound)
{
	return leat_prng_below(p, bound);
}

static uint64_t between(struct prng *p, uint64_t least, uint64_t most)
{
	return least + leat_prng_next(p) % (most - least + 1);
}

static bool one_in(struct prng *p, uint32_t n)
{
	return below(p, n) == 0;
}

#define ONE_OF(p, ...)                                                                             \
	(((const uint64_t[]){__VA_ARGS__})[below(                                                  \
		(p), (uint32_t)(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))])

/* ---- hosts and links ---- */

static void draw_config(struct prng *p, struct sim_plan *plan, struct stack_config *c)
{
	struct tcp_knobs *k = &c->knobs;

	leat_stack_config_default(c);
	c->link.mtu = (uint16_t)ONE_OF(p, 1500, 1500, 1500, 1280, 9000, 576);
	if (plan->ip6 && c->link.mtu < 1280)
		c->link.mtu = 1280;
	k->mtu = c->link.mtu;
	k->rto_min_ns = ONE_OF(p, TIME_S, TIME_S, 200 * TIME_MS);
	k->r2_ns = ONE_OF(p, 100 * TIME_S, 100 * TIME_S, 30 * TIME_S);
	k->delack_ns = ONE_OF(p, 40 * TIME_MS, 40 * TIME_MS, 200 * TIME_MS, TIME_MS);
	k->fin_wait_2_ns = ONE_OF(p, 60 * TIME_S, 10 * TIME_S);
	k->rcv_buf_octets =
		(uint32_t)ONE_OF(p, 65535, 65535, 65535, 256 * KB, MB, 16 * KB, 4000, 1000);
	k->rcv_seg_max = (uint16_t)ONE_OF(p, 128, 128, 32, 8);
	k->ack_every = (uint8_t)ONE_OF(p, 2, 2, 1);
	k->iw_segs = (uint16_t)ONE_OF(p, 10, 10, 2, 1);
	k->nagle = !one_in(p, 4);
	k->ecn = (uint8_t)ONE_OF(p, TCP_ECN_PASSIVE, TCP_ECN_ACTIVE, TCP_ECN_OFF);
	k->sack = !one_in(p, 4);
	k->wscale = !one_in(p, 4);
	k->timestamps = !one_in(p, 4);
	k->ts_required = !one_in(p, 4);
	k->icmp_pmtu = !one_in(p, 8);
	k->icmp_hard = !one_in(p, 3);
	k->icmp_soft = !one_in(p, 3);
	k->cc = one_in(p, 3) ? TCP_CC_RENO : TCP_CC_CUBIC;
	k->keepalive = one_in(p, 8);
	k->keep_idle_ns = ONE_OF(p, 7200 * TIME_S, 10 * TIME_S, 2 * TIME_S);
	k->keep_interval_ns = ONE_OF(p, 75 * TIME_S, 5 * TIME_S);
	c->tcp = (struct tcp_limits){.tcb_max = 96, .rbuf_max = 4096, .tally = true};
	c->listener_max = 4;
	c->target_max = 8;
	c->neigh_max = 32;
	c->send_buf_octets = (uint32_t)ONE_OF(p, 64 * KB, 64 * KB, MB, 16 * KB, 3000);
	c->send_chunk_cnt = 768;
	c->port_from = SIM_CLIENT_PORT;
	c->port_to = SIM_CLIENT_PORT + 1023;
}

static void draw_host(struct prng *p, struct sim_plan *plan, uint32_t i)
{
	struct sim_host_plan *h = &plan->host[i];

	draw_config(p, plan, &h->config);
	h->shards = (uint32_t)ONE_OF(p, 1, 1, 2, 4);
	h->by_address = h->shards > 1 && one_in(p, 2);
	h->csum_offload = one_in(p, 3);
	h->ring = (uint32_t)ONE_OF(p, 512, 512, 64);
	h->buffers = 4096;
	h->backlog = (uint32_t)ONE_OF(p, 64, 64, 4);
	h->config.knobs.syn_cookies =
		(uint8_t)ONE_OF(p, TCP_COOKIES_AUTO, TCP_COOKIES_AUTO, TCP_COOKIES_OFF);
	h->config.knobs.time_wait_reuse =
		(uint8_t)ONE_OF(p, TCP_REUSE_TS, TCP_REUSE_TS, TCP_REUSE_SEQ, TCP_REUSE_OFF);
	h->config.knobs.connect_reuse_ns = one_in(p, 4) ? TIME_S : 0;
	if (one_in(p, 8))
		h->config.port_to = (uint16_t)(h->config.port_from + 8 * h->shards - 1);
}

static void draw_hosts(struct prng *p, struct sim_plan *plan)
{
	uint64_t two_msl = ONE_OF(p, 60 * TIME_S, 60 * TIME_S, 4 * TIME_S, 2 * TIME_S);

	plan->host_cnt = one_in(p, 4) ? 3 : 2;
	for (uint32_t i = 0; i < plan->host_cnt; i++) {
		draw_host(p, plan, i);
		plan->host[i].config.knobs.two_msl_ns = two_msl;
		plan->host[i].config.knobs.rst_ends_time_wait =
			plan->style == SIM_STYLE_NONE && one_in(p, 4);
	}
}

static void draw_links(struct prng *p, struct sim_plan *plan)
{
	uint64_t delay =
		ONE_OF(p, 10 * TIME_US, 100 * TIME_US, TIME_MS, 10 * TIME_MS, 100 * TIME_MS);
	uint64_t rate = ONE_OF(p, 0, 0, 125000, 1250000, 12500000);
	uint32_t queue = (uint32_t)ONE_OF(p, 20000, 64000, 256000);
	bool jitter = one_in(p, 2), normal = one_in(p, 2), marks = one_in(p, 2);

	for (uint32_t a = 0; a < plan->host_cnt; a++) {
		for (uint32_t b = 0; b < plan->host_cnt; b++) {
			uint64_t d = delay + between(p, 0, delay / 4);

			plan->link[a][b] = (struct sim_link){.delay = d,
				.jitter = jitter ? d / 2 : 0,
				.normal = normal,
				.octets_per_s = rate,
				.queue_octets = queue,
				.mark_octets = marks ? queue / 8 : 0};
		}
	}
}

/* ---- flows ---- */

/* The last ports of the range of a shard are for those that name theirs. */
static uint16_t own_port(const struct sim_plan *plan, uint32_t host, uint32_t shard, uint32_t nth)
{
	const struct sim_host_plan *h = &plan->host[host];
	uint32_t ports = (uint32_t)(h->config.port_to - h->config.port_from) + 1;
	uint32_t first = h->config.port_from;

	if (!h->by_address) {
		ports /= h->shards;
		first += shard * ports;
	}
	return (uint16_t)(first + ports - 1 - nth % ports);
}

static void plain_side(struct prng *p, struct sim_side *s)
{
	*s = (struct sim_side){.tx_chunk = (uint32_t)ONE_OF(p, 16384, 4000, 1460, 100),
		.rx_chunk = (uint32_t)ONE_OF(p, 16384, 4096, 1000),
		.rx_pause_at = NEVER_RX};
	s->nodelay = one_in(p, 3);
	s->source = one_in(p, 4);
	s->peek = one_in(p, 4);
	s->lazy = one_in(p, 2);
	s->urgent = !s->source && one_in(p, 8);
	s->keepalive = one_in(p, 8);
}

static uint32_t size(struct prng *p, uint32_t most)
{
	return 8 + below(p, (uint32_t)ONE_OF(p, 100, 1000, 5000, most));
}

static void flow_exchange(struct prng *p, struct sim_flow *f)
{
	static const enum sim_close how[][2] = {{SIM_CLOSE_TX, SIM_CLOSE_EOF},
		{SIM_CLOSE_EOF, SIM_CLOSE_TX}, {SIM_CLOSE_RX, SIM_CLOSE_EOF},
		{SIM_CLOSE_EOF, SIM_CLOSE_RX}, {SIM_CLOSE_TX, SIM_CLOSE_TX},
		{SIM_CLOSE_RX, SIM_CLOSE_RX}, {SIM_CLOSE_FULL, SIM_CLOSE_EOF},
		{SIM_CLOSE_EOF, SIM_CLOSE_FULL}, {SIM_CLOSE_FULL, SIM_CLOSE_FULL}};
	const enum sim_close *pair = how[below(p, COUNT_OF(how))];

	f->side[0].tx_octets = size(p, 20000);
	f->side[1].tx_octets = one_in(p, 5) ? 0 : size(p, 20000);
	if (!one_in(p, 3))
		f->side[1].tx_after_rx = f->side[0].tx_octets;
	f->side[0].close = pair[0];
	f->side[1].close = pair[1];
	f->side[0].early = one_in(p, 3);
}

static void flow_half_close(struct prng *p, struct sim_flow *f)
{
	f->side[0].tx_octets = size(p, 3000);
	f->side[0].close = SIM_CLOSE_TX;
	f->side[1].tx_octets = size(p, 60000);
	f->side[1].tx_after_rx = NEVER_RX;
	f->side[1].close = SIM_CLOSE_EOF;
}

static void flow_bulk(struct prng *p, struct sim_flow *f, uint32_t most)
{
	uint32_t dir = below(p, 2);

	f->side[dir].tx_octets = (uint32_t)between(p, most / 4, most);
	f->side[dir].tx_chunk = 16384;
	f->side[!dir].tx_octets = 8;
	f->side[0].close = SIM_CLOSE_RX;
	f->side[1].close = SIM_CLOSE_EOF;
}

static void flow_small_writes(struct prng *p, struct sim_flow *f)
{
	struct sim_side *s = &f->side[below(p, 2)];

	flow_exchange(p, f);
	s->tx_octets = 8 + below(p, 300);
	s->tx_chunk = 1 + below(p, 20);
	s->tx_gap = ONE_OF(p, 0, TIME_MS, 30 * TIME_MS);
	if (f->side[1].tx_after_rx != 0)
		f->side[1].tx_after_rx = f->side[0].tx_octets;
}

static void flow_slow_reader(struct prng *p, struct sim_flow *f)
{
	struct sim_side *s = &f->side[below(p, 2)];

	flow_bulk(p, f, 100000);
	s->rx_chunk = (uint32_t)ONE_OF(p, 1, 10, 500, 3000);
	s->rx_gap = ONE_OF(p, TIME_MS, 10 * TIME_MS, 100 * TIME_MS);
}

static void flow_zero_window(struct prng *p, struct sim_flow *f)
{
	uint32_t dir = below(p, 2);

	flow_bulk(p, f, 200000);
	f->side[dir].rx_pause_at = below(p, 3000);
	if (one_in(p, 3))
		f->side[!dir].rx_pause_at = below(p, 3000);
}

static void flow_abort(struct prng *p, struct sim_flow *f)
{
	struct sim_side *s = &f->side[below(p, 2)];

	flow_exchange(p, f);
	s->close = SIM_CLOSE_ABORT;
	s->abort_at = below(p, s->tx_octets + 1);
}

static void flow_reuse(struct prng *p, struct sim_plan *plan, struct sim_flow *f)
{
	flow_exchange(p, f);
	if (one_in(p, 4))
		f->side[0].close = SIM_CLOSE_ABORT;
	f->repeat = 2 + below(p, 4);
	f->gap = ONE_OF(p, 1, TIME_MS, TIME_S, 3 * TIME_S);
	f->lport = own_port(plan, f->client, f->shard, below(p, 4));
}

static void flow_both(struct prng *p, struct sim_plan *plan, struct sim_flow *f, uint32_t i)
{
	flow_exchange(p, f);
	f->both = true;
	f->side[0].early = f->side[1].early = false;
	f->lport = own_port(plan, f->client, f->shard, i);
	f->rport = own_port(plan, f->server, 0, i);
	if (one_in(p, 3)) { /* while both SYNs are on their way */
		struct sim_side *s = &f->side[below(p, 2)];

		s->end_after = between(p, 1, 3 * plan->link[f->client][f->server].delay);
		s->end_by_abort = one_in(p, 2);
	}
}

static void flow_impatient(struct prng *p, struct sim_flow *f)
{
	struct sim_side *s = &f->side[below(p, 2)];

	if (one_in(p, 2))
		flow_exchange(p, f);
	else
		flow_bulk(p, f, 50000);
	uint64_t most = ONE_OF(p, TIME_US, TIME_MS, 50 * TIME_MS, TIME_S, 90 * TIME_S);
	s->end_after = between(p, 1, most);
	s->end_by_abort = one_in(p, 2);
}

static void flow_late(struct prng *p, struct sim_flow *f)
{
	flow_exchange(p, f);
	f->side[0].close = one_in(p, 2) ? SIM_CLOSE_FULL : SIM_CLOSE_TX;
	f->side[1].close = SIM_CLOSE_LATE;
}

static void flow_promote(struct prng *p, struct sim_plan *plan, struct sim_flow *f, uint32_t i)
{
	flow_exchange(p, f);
	f->promote = true;
	f->side[0].early = true;
	f->lport = own_port(plan, f->client, f->shard, i);
}

static void draw_flow(struct prng *p, struct sim_plan *plan, uint32_t i)
{
	struct sim_flow *f = &plan->flow[i];
	uint32_t bulk = plan->style == SIM_STYLE_HARSH ? 30000 : 300000;

	f->client = (uint8_t)below(p, plan->host_cnt);
	f->server = (uint8_t)((f->client + 1 + below(p, plan->host_cnt - 1)) % plan->host_cnt);
	f->shard = (uint8_t)below(p, plan->host[f->client].shards);
	f->rport = SIM_SERVER_PORT;
	f->repeat = one_in(p, 4) ? 1 + below(p, 8) : 1;
	f->gap = ONE_OF(p, TIME_MS, 100 * TIME_MS, TIME_S);
	f->start = between(p, 0, u64_min(plan->faults_until / 2, 10 * TIME_S));
	f->seed = leat_prng_next(p);
	plain_side(p, &f->side[0]);
	plain_side(p, &f->side[1]);
	if (plan->style != SIM_STYLE_NONE && one_in(p, 6)) {
		struct sim_side *s = &f->side[below(p, 2)];

		s->user_timeout = ONE_OF(p, TIME_S, 10 * TIME_S, UINT64_MAX);
	}
	switch (below(p, 17)) {
	case 0:
	case 1:
		flow_half_close(p, f);
		break;
	case 2:
	case 3:
		flow_bulk(p, f, bulk);
		break;
	case 4:
		flow_small_writes(p, f);
		break;
	case 5:
		flow_slow_reader(p, f);
		break;
	case 6:
		flow_zero_window(p, f);
		break;
	case 7:
		flow_abort(p, f);
		break;
	case 8:
		flow_reuse(p, plan, f);
		break;
	case 9:
		flow_both(p, plan, f, i);
		break;
	case 10:
		flow_exchange(p, f);
		f->closed_port = true;
		f->rport = SIM_CLOSED_PORT;
		break;
	case 11:
		flow_impatient(p, f);
		break;
	case 12:
		flow_late(p, f);
		break;
	case 13:
		flow_promote(p, plan, f, i);
		break;
	default:
		flow_exchange(p, f);
		break;
	}
}

/* 30: when all faults are over, one more of each direction. */
static void probe_flow(struct prng *p, struct sim_plan *plan, uint32_t client, uint32_t server)
{
	struct sim_flow *f = &plan->flow[plan->flow_cnt++];

	*f = (struct sim_flow){.client = (uint8_t)client,
		.server = (uint8_t)server,
		.shard = (uint8_t)below(p, plan->host[client].shards),
		.rport = SIM_SERVER_PORT,
		.repeat = 1,
		.gap = TIME_S,
		.start = plan->faults_until + 2 * TIME_S +
			 plan->host[0].config.knobs.two_msl_ns / 2};
	plain_side(p, &f->side[0]);
	plain_side(p, &f->side[1]);
	f->side[0].tx_octets = 1000;
	f->side[0].close = SIM_CLOSE_RX;
	f->side[1].tx_octets = 3000;
	f->side[1].tx_after_rx = 1000;
	f->side[1].close = SIM_CLOSE_EOF;
}

static void draw_flows(struct prng *p, struct sim_plan *plan)
{
	plan->flow_cnt = 1 + below(p, (uint32_t)ONE_OF(p, 3, 8, 20));
	for (uint32_t i = 0; i < plan->flow_cnt; i++)
		draw_flow(p, plan, i);
	probe_flow(p, plan, 0, 1);
	probe_flow(p, plan, 1, 0);
}

/* ---- faults ---- */

static struct sim_fault *fault(struct prng *p, struct sim_plan *plan, enum sim_fault_kind kind)
{
	struct sim_fault *f = &plan->fault[plan->fault_cnt % SIM_FAULT_MAX];
	uint64_t length = ONE_OF(p, plan->faults_until, TIME_S, 5 * TIME_S);

	plan->fault_cnt = u32_min(plan->fault_cnt + 1, SIM_FAULT_MAX);
	*f = (struct sim_fault){.kind = kind, .src = SIM_ANY, .dst = SIM_ANY, .shard = SIM_ANY};
	f->from = length == plan->faults_until ? 0 : between(p, 0, plan->faults_until - length);
	f->to = u64_min(f->from + length, plan->faults_until);
	f->seed = leat_prng_next(p);
	if (one_in(p, 3))
		f->src = (uint8_t)below(p, plan->host_cnt);
	else if (one_in(p, 3))
		f->dst = (uint8_t)below(p, plan->host_cnt);
	return f;
}

static struct sim_fault *host_fault(struct prng *p, struct sim_plan *plan, enum sim_fault_kind kind)
{
	struct sim_fault *f = fault(p, plan, kind);

	f->src = (uint8_t)below(p, plan->host_cnt);
	f->dst = SIM_ANY;
	return f;
}

static void chance(struct prng *p, struct sim_plan *plan, enum sim_fault_kind kind, uint32_t most)
{
	struct sim_fault *f = fault(p, plan, kind);

	f->p = 1 + below(p, most);
	f->q = 1 + below(p, 500000);
	f->n = 2 + below(p, 20);
	f->ns = ONE_OF(p, 100 * TIME_US, 5 * TIME_MS, 100 * TIME_MS, 2 * TIME_S);
	if (kind == SIM_FAULT_PICK)
		f->n = below(p, SIM_PICK_CNT);
}

/* A path that becomes narrow for a while, and SYNs for which a router finds nobody. */
static void style_router(struct prng *p, struct sim_plan *plan)
{
	if (one_in(p, 2)) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_NARROW);

		f->n = plan->ip6 ? 1280 : (uint32_t)ONE_OF(p, 576, 1006, 1400);
	}
	if (one_in(p, 4)) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_NOBODY);

		f->p = 300000;
		f->n = SIM_PICK_SYN;
	}
}

static void style_mild(struct prng *p, struct sim_plan *plan)
{
	if (one_in(p, 2))
		chance(p, plan, SIM_FAULT_LOSS, 20000);
	if (one_in(p, 2))
		chance(p, plan, SIM_FAULT_REORDER, 50000);
	if (one_in(p, 2))
		chance(p, plan, SIM_FAULT_DUP, 20000);
	if (one_in(p, 4))
		chance(p, plan, SIM_FAULT_CORRUPT, 10000);
	if (one_in(p, 4))
		chance(p, plan, SIM_FAULT_SPIKE, 1000);
	if (one_in(p, 3))
		style_router(p, plan);
}

static void style_harsh(struct prng *p, struct sim_plan *plan)
{
	static const enum sim_fault_kind kind[] = {SIM_FAULT_LOSS, SIM_FAULT_BURST_LOSS,
		SIM_FAULT_EVERY, SIM_FAULT_PICK, SIM_FAULT_DUP, SIM_FAULT_REORDER, SIM_FAULT_SPIKE,
		SIM_FAULT_CORRUPT, SIM_FAULT_CUT, SIM_FAULT_REPLAY};
	uint32_t cnt = 2 + below(p, 6);

	for (uint32_t i = 0; i < cnt; i++)
		chance(p, plan, kind[below(p, COUNT_OF(kind))], 200000);
}

static void style_clog(struct prng *p, struct sim_plan *plan)
{
	uint32_t cnt = 2 + below(p, 6);

	for (uint32_t i = 0; i < cnt; i++) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_CLOG);
		uint64_t length = ONE_OF(p, 50 * TIME_MS, TIME_S, 4 * TIME_S);

		f->from = between(p, 0, plan->faults_until - length);
		f->to = f->from + length;
		f->flow_part = one_in(p, 3) ? 0 : 1U << below(p, 4);
	}
}

static void style_evil(struct prng *p, struct sim_plan *plan)
{
	struct sim_fault *f = fault(p, plan, SIM_FAULT_EVIL);

	f->from = 0;
	f->to = plan->faults_until;
	f->n = below(p, SIM_PICK_CNT);
	f->q = below(p, (uint32_t)ONE_OF(p, 2, 10, 50));
	f->ns = ONE_OF(p, 0, 1, 50 * TIME_MS, 2 * TIME_S);
}

/* Of two hosts that open to each other with all their records, neither has one for the other. */
static uint32_t opens_of(const struct sim_plan *plan, uint32_t host)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < plan->flow_cnt; i++)
		cnt += plan->flow[i].client == host || plan->flow[i].both;
	return cnt;
}

static void style_famine(struct prng *p, struct sim_plan *plan)
{
	/* Text queued before the handshake could hold all chunks while the handshake waits for a
	 * record that is held by one who waits for a chunk. */
	for (uint32_t i = 0; i < plan->flow_cnt; i++)
		plan->flow[i].side[0].early = plan->flow[i].promote = false;
	for (uint32_t h = 0; h < plan->host_cnt; h++) {
		struct stack_config *c = &plan->host[h].config;

		if (one_in(p, 2))
			c->tcp.tcb_max = 4 + opens_of(plan, h) + below(p, 12);
		if (one_in(p, 2))
			c->tcp.rbuf_max = 4 + below(p, 28);
		if (one_in(p, 2))
			c->tcp.ext_max = 1 + below(p, 6);
		if (one_in(p, 2))
			c->tcp.srec_max = 2 + below(p, 30);
		if (one_in(p, 2))
			c->send_chunk_cnt = 2 + below(p, 10);
		if (one_in(p, 4))
			plan->host[h].ring = 4 + below(p, 28);
		if (one_in(p, 4))
			plan->host[h].backlog = 1 + below(p, 3);
	}
	uint32_t cnt = 1 + below(p, 4);
	if (one_in(p, 3)) {
		struct sim_fault *f = host_fault(p, plan, SIM_FAULT_DEAF);

		f->n = below(p, 2);
	}
	for (uint32_t i = 0; i < cnt; i++) {
		bool rx = one_in(p, 2);
		struct sim_fault *f = host_fault(p, plan, rx ? SIM_FAULT_FAMINE : SIM_FAULT_REFUSE);

		f->n = rx ? below(p, 8) : 1 + below(p, 3);
	}
}

static void style_stall(struct prng *p, struct sim_plan *plan)
{
	uint32_t cnt = 1 + below(p, 5);

	for (uint32_t i = 0; i < cnt; i++) {
		bool jump = one_in(p, 3);
		struct sim_fault *f = host_fault(p, plan, jump ? SIM_FAULT_JUMP : SIM_FAULT_STALL);
		uint64_t length = ONE_OF(p, TIME_MS, 100 * TIME_MS, 900 * TIME_MS);

		f->from = between(p, 0, plan->faults_until - length);
		f->to = f->from + length;
		f->shard = one_in(p, 2) ? SIM_ANY : (uint8_t)below(p, plan->host[f->src].shards);
		f->ns = ONE_OF(p, TIME_MS, 500 * TIME_MS, 5 * TIME_S);
	}
}

static void style_flap(struct prng *p, struct sim_plan *plan)
{
	uint32_t cnt = 1 + below(p, 6);

	if (one_in(p, 2))
		style_router(p, plan);
	if (one_in(p, 2)) {
		struct sim_fault *f = host_fault(p, plan, SIM_FAULT_NIC);

		f->from = between(p, 0, plan->faults_until - TIME_S);
		f->to = f->from + ONE_OF(p, TIME_US, TIME_MS, TIME_S);
	}
	for (uint32_t i = 0; i < cnt; i++) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_PARTITION);
		uint64_t length = ONE_OF(p, 50 * TIME_MS, TIME_S, 4 * TIME_S, plan->faults_until);

		f->from = between(p, 0, plan->faults_until - length);
		f->to = plan->faults_until;
		if (length < plan->faults_until)
			f->to = f->from + length;
		else
			f->from = between(p, 0, plan->faults_until / 8);
	}
}

static void style_restart(struct prng *p, struct sim_plan *plan)
{
	uint32_t cnt = 1 + below(p, 2);

	for (uint32_t i = 0; i < cnt; i++) {
		struct sim_fault *f = host_fault(p, plan, SIM_FAULT_RESTART);

		f->from = between(p, 0, plan->faults_until);
		f->to = f->from;
		f->n = one_in(p, 2);
	}
	if (one_in(p, 2))
		chance(p, plan, SIM_FAULT_REPLAY, 30000);
	style_mild(p, plan);
}

/* Boxes on the way that know TCP better than its ends. */
static void style_middle(struct prng *p, struct sim_plan *plan)
{
	if (one_in(p, 2)) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_STRIP);

		f->n = (uint32_t)leat_prng_next(p);
	}
	if (one_in(p, 3)) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_CLAMP);

		f->n = (uint32_t)ONE_OF(p, 1400, 536, 100);
	}
	if (one_in(p, 3)) {
		struct sim_fault *f = host_fault(p, plan, SIM_FAULT_SHIFT);

		f->n = one_in(p, 3);
	}
	if (one_in(p, 2))
		host_fault(p, plan, SIM_FAULT_REBIND);
}

static void style_hostile(struct prng *p, struct sim_plan *plan)
{
	static const enum sim_fault_kind stranger[] = {
		SIM_FAULT_SPY, SIM_FAULT_BLIND, SIM_FAULT_FLOOD, SIM_FAULT_NOISE};
	uint32_t cnt = 1 + below(p, 3);

	for (uint32_t i = 0; i < cnt; i++) {
		struct sim_fault *f = fault(p, plan, stranger[below(p, COUNT_OF(stranger))]);

		f->n = (uint32_t)ONE_OF(p, 10, 100, 300);
	}
	style_middle(p, plan);
	if (one_in(p, 2))
		chance(p, plan, SIM_FAULT_REPLAY, 30000);
	if (one_in(p, 3))
		chance(p, plan, SIM_FAULT_FORGE, 10000);
	if (one_in(p, 2)) {
		struct sim_fault *f = fault(p, plan, SIM_FAULT_ICMP);

		f->n = (uint32_t)ONE_OF(p, 10, 100);
	}
}

static void draw_faults(struct prng *p, struct sim_plan *plan)
{
	static void (*const of[SIM_STYLE_CNT])(struct prng *, struct sim_plan *) = {
		[SIM_STYLE_MILD] = style_mild,
		[SIM_STYLE_HARSH] = style_harsh,
		[SIM_STYLE_CLOG] = style_clog,
		[SIM_STYLE_EVIL] = style_evil,
		[SIM_STYLE_FAMINE] = style_famine,
		[SIM_STYLE_STALL] = style_stall,
		[SIM_STYLE_FLAP] = style_flap,
		[SIM_STYLE_RESTART] = style_restart,
		[SIM_STYLE_HOSTILE] = style_hostile,
	};

	if (of[plan->style])
		of[plan->style](p, plan);
}

/* Cookies remember nothing, also not that one has been used: who replays a handshake with its text
 * opens a second connection (docs/deviations.md, syn-cookie).  No stream would be read once. */
static void no_cookies_to_replay(struct sim_plan *plan)
{
	bool flood = false, replay = false;

	for (uint32_t i = 0; i < plan->fault_cnt; i++) {
		flood |= plan->fault[i].kind == SIM_FAULT_FLOOD;
		replay |= plan->fault[i].kind == SIM_FAULT_REPLAY;
	}
	for (uint32_t h = 0; flood && replay && h < plan->host_cnt; h++)
		plan->host[h].config.knobs.syn_cookies = TCP_COOKIES_OFF;
}

void leat_sim_plan_draw(struct sim_plan *plan, uint64_t seed)
{
	struct prng p;

	leat_prng_seed(&p, seed);
	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	plan->style = (enum sim_style)(seed % SIM_STYLE_CNT);
	plan->ip6 = one_in(&p, 2);
	plan->raw_ip = one_in(&p, 3);
	plan->resolve = !plan->raw_ip && one_in(&p, 3);
	plan->strict_burst = one_in(&p, 2);
	plan->poll_jitter = ONE_OF(&p, 0, 20 * TIME_US, TIME_MS);
	plan->misuse = one_in(&p, 3) ? 20000 : 0;
	plan->check_every = 1;
	plan->faults_until = ONE_OF(&p, 5 * TIME_S, 20 * TIME_S, 40 * TIME_S);
	/* The clocks of ISNs (4 us) and timestamps (1 ms) wrap soon in some of them. */
	plan->epoch = ONE_OF(&p, 1000 * TIME_S, 1000 * TIME_S,
		((UINT64_C(1) << 32) - 1000000) * 4 * TIME_US,
		((UINT64_C(1) << 32) - 8000) * TIME_MS, ((UINT64_C(1) << 31) - 8000) * TIME_MS);
	draw_hosts(&p, plan);
	draw_links(&p, plan);
	draw_flows(&p, plan);
	draw_faults(&p, plan);
	no_cookies_to_replay(plan);
	plan->fault_mask = plan->flow_mask = UINT64_MAX;
}

void leat_sim_plan_small(struct sim_plan *plan, uint64_t seed)
{
	struct prng p;

	leat_prng_seed(&p, seed);
	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	plan->raw_ip = true;
	plan->check_every = 1;
	plan->faults_until = TIME_S;
	plan->epoch = 1000 * TIME_S;
	plan->host_cnt = 2;
	for (uint32_t i = 0; i < plan->host_cnt; i++) {
		struct sim_host_plan *h = &plan->host[i];

		leat_stack_config_default(&h->config);
		h->config.tcp = (struct tcp_limits){.tcb_max = 6, .rbuf_max = 16};
		h->config.listener_max = 1;
		h->config.target_max = 1;
		h->config.neigh_max = 4;
		h->config.send_chunk_cnt = 4;
		h->config.port_from = SIM_CLIENT_PORT;
		h->config.port_to = SIM_CLIENT_PORT + 63;
		h->shards = 1;
		h->ring = 64;
		h->buffers = 64;
		h->backlog = 4;
	}
	plan->link[0][1] = plan->link[1][0] = (struct sim_link){.delay = 10 * TIME_MS};
	plan->flow_cnt = 1;
	plan->flow[0] = (struct sim_flow){
		.server = 1, .rport = SIM_SERVER_PORT, .repeat = 1, .gap = TIME_S};
	for (uint32_t i = 0; i < 2; i++)
		plan->flow[0].side[i] = (struct sim_side){
			.tx_chunk = 1000, .rx_chunk = 1000, .rx_pause_at = NEVER_RX, .lazy = true};
	plan->fault_mask = plan->flow_mask = UINT64_MAX;
}
