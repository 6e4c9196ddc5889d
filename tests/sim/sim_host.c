/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <stdlib.h>
#include <string.h>

#define RETA_SIZE     128
#define TX_RETRY      (50 * TIME_US)
#define IP4_NET       UINT32_C(0x0a000000) /* 10.0.0.0/24 */
#define IP6_NET       UINT64_C(0xfd00000000000000)
#define SHARD_ADDR    16 /* last octet of shard addresses: 16 * (host + 1) + shard */
#define SHARD_SEEDS   1000003
#define GIVE_MAX      32
#define ARP_REPLY     2
#define ND_ADVERT     136
#define ICMP6_TYPE_AT 40

static const uint8_t rss_key[FLOW_RSS_KEY_OCTETS] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
	0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30,
	0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
	0x01, 0xfa};

static struct ip addr_of(const struct sim_world *w, uint32_t low)
{
	if (w->plan.ip6)
		return (struct ip){IP6_NET, low};
	return ip_from4(IP4_NET | low);
}

struct ip leat_sim_host_addr(const struct sim_world *w, uint32_t host, uint32_t shard)
{
	if (!w->plan.host[host].by_address)
		return addr_of(w, host + 1);
	return addr_of(w, SHARD_ADDR * (host + 1) + shard);
}

struct sim_shard *leat_sim_shard(struct sim_world *w, uint32_t host, uint32_t shard)
{
	ASSERT(host < w->plan.host_cnt);
	ASSERT(shard < w->plan.host[host].shards);
	return &w->host[host].shard[shard];
}

static uint64_t shard_now(const struct sim_world *w, const struct sim_shard *s)
{
	return w->now + s->ahead;
}

/* ---- start and stop ---- */

static void shard_config(
	const struct sim_world *w, uint32_t host, uint32_t shard, struct stack_config *c)
{
	const struct sim_host_plan *plan = &w->plan.host[host];
	uint32_t ports = (uint32_t)(plan->config.port_to - plan->config.port_from) + 1;
	uint8_t bits = w->plan.ip6 ? 64 : 24;

	*c = plan->config;
	c->seed = w->plan.seed * SHARD_SEEDS + host * 64 + shard * 8 + w->host[host].lives * 4096;
	c->link = (struct wire_link){
		.raw_ip = w->plan.raw_ip, .mtu = plan->config.link.mtu, .local_cnt = 1};
	c->link.mac = w->host[host].mac;
	c->link.local[0] = (struct wire_local){addr_of(w, host + 1), bits};
	c->tx_csum_l4 = c->tx_csum_ip = plan->csum_offload;
	if (plan->by_address) {
		c->link.local[c->link.local_cnt++] =
			(struct wire_local){leat_sim_host_addr(w, host, shard), bits};
		return;
	}
	ports /= plan->shards;
	c->port_from = (uint16_t)(plan->config.port_from + shard * ports);
	c->port_to = (uint16_t)(c->port_from + ports - 1);
}

static void know_neighbours(struct sim_world *w, uint32_t host, struct leat_stack *stack)
{
	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		if (h == host)
			continue;
		leat_inet_neigh_set(leat_stack_neigh(stack), addr_of(w, h + 1), w->host[h].mac);
		for (uint32_t s = 0; w->plan.host[h].by_address && s < w->plan.host[h].shards; s++)
			leat_inet_neigh_set(leat_stack_neigh(stack), leat_sim_host_addr(w, h, s),
				w->host[h].mac);
	}
}

static void shard_start(struct sim_world *w, uint32_t host, uint32_t shard)
{
	struct sim_shard *s = &w->host[host].shard[shard];
	struct stack_config c;
	char why[SIM_TEXT_MAX];

	shard_config(w, host, shard, &c);
	const char *error = leat_stack_config_error(&c, why, sizeof(why));
	if (error)
		leat_sim_fail(w, "plan: %s", error);
	size_t octets = align_up(leat_stack_footprint(&c), CACHE_LINE);
	if (!s->mem)
		s->mem = aligned_alloc(CACHE_LINE, octets);
	if (!s->shadow)
		s->shadow = calloc(c.tcp.tcb_max, sizeof(*s->shadow));
	ASSERT(s->mem != NULL && s->shadow != NULL);
	memset(s->shadow, 0, c.tcp.tcb_max * sizeof(*s->shadow));
	s->rest_cnt = 0;
	memset(&s->last, 0, sizeof(s->last));
	s->stack = leat_stack_new(s->mem, &c, shard_now(w, s));
	s->port_from = c.port_from;
	s->port_to = c.port_to;
	s->addr = leat_sim_host_addr(w, host, shard);
	s->poll_at = s->deadline = TIME_NEVER;
	s->listener.id = 0;
	if (!w->plan.resolve && !w->plan.raw_ip)
		know_neighbours(w, host, s->stack);
	leat_sim_work_listen(w, host, shard);
}

void leat_sim_host_start(struct sim_world *w, uint32_t host)
{
	struct sim_host *h = &w->host[host];

	h->idx = host;
	h->plan = &w->plan.host[host];
	h->addr = addr_of(w, host + 1);
	h->mac = (struct mac){{2, 0, 0, 0, 0, (uint8_t)(host + 1)}};
	h->quiet_until = 0;
	h->rx_max = h->plan->buffers;
	h->tx_most = UINT32_MAX;
	h->lives++;
	leat_flow_rss_init(&h->rss, rss_key);
	for (uint32_t s = 0; s < h->plan->shards; s++)
		shard_start(w, host, s);
}

static void list_free(struct sim_world *w, struct sim_buf **head)
{
	while (*head) {
		struct sim_buf *b = *head;

		*head = b->next;
		leat_sim_buf_free(w, b);
	}
}

void leat_sim_host_nic_reset(struct sim_world *w, uint32_t host)
{
	struct sim_host *h = &w->host[host];

	for (uint32_t i = 0; i < h->plan->shards; i++) {
		struct sim_shard *s = &h->shard[i];

		w->stats.lost += s->ring_cnt + s->tx_cnt;
		h->rx_out -= s->ring_cnt;
		list_free(w, &s->ring_head);
		list_free(w, &s->tx_head);
		s->ring_tail = s->tx_tail = NULL;
		s->ring_cnt = s->tx_cnt = 0;
	}
}

/* Whatever the stacks of host held is gone with their memory. */
void leat_sim_host_stop(struct sim_world *w, uint32_t host)
{
	struct sim_host *h = &w->host[host];

	for (uint32_t i = 0; i < h->plan->shards; i++) {
		struct sim_shard *s = &h->shard[i];

		list_free(w, &s->ring_head);
		list_free(w, &s->tx_head);
		s->ring_tail = s->tx_tail = NULL;
		s->ring_cnt = s->tx_cnt = s->held = 0;
		s->stack = NULL;
		s->poll_at = s->deadline = TIME_NEVER;
	}
	for (uint32_t i = 0; i < w->slab_cnt; i++)
		for (uint32_t k = 0; k < 64; k++) {
			struct sim_buf *b = &w->slab[i][k];

			if (b->owner == SIM_OWNER_STACK && b->host == host)
				leat_sim_buf_free(w, b);
		}
	h->rx_out = 0;
}

/* ---- receiving ---- */

static uint32_t steer_tcp(const struct sim_world *w, uint32_t host, const struct tuple *t)
{
	const struct sim_host *h = &w->host[host];
	uint32_t shards = h->plan->shards;

	for (uint32_t s = 0; s < shards; s++) {
		const struct sim_shard *shard = &h->shard[s];

		if (h->plan->by_address) {
			if (ip_eq(t->local, shard->addr))
				return s;
		} else if (t->lport >= shard->port_from && t->lport <= shard->port_to) {
			return s;
		}
	}
	return leat_flow_rss_arriving(&h->rss, t) % RETA_SIZE % shards;
}

/* The queue for a frame; SIM_ANY: each shard gets one, as any of them may have asked. */
static uint32_t steer(const struct sim_world *w, uint32_t host, const struct sim_buf *b)
{
	uint32_t at = w->plan.raw_ip ? 0 : WIRE_ETH_OCTETS;
	const uint8_t *ip = b->data + at;
	uint32_t type = w->plan.raw_ip ? 0 : be16_get(b->data + 12);
	bool by_address = w->plan.host[host].by_address;
	struct tuple t = {0};

	if (w->plan.host[host].shards == 1 || b->octets < at + 28)
		return 0;
	if (type == WIRE_ETHERTYPE_ARP)
		return be16_get(ip + 6) == ARP_REPLY || by_address ? SIM_ANY : 0;
	if (ip[0] >> 4 == 4) {
		if (b->octets < at + 24 || ip[9] != WIRE_PROTO_TCP)
			return 0;
		t.local = ip_from4(be32_get(ip + 16));
		t.remote = ip_from4(be32_get(ip + 12));
		at += WIRE_IP4_OCTETS;
	} else {
		if (b->octets < at + 44)
			return 0;
		if (ip[6] == WIRE_PROTO_ICMP6 && (ip[ICMP6_TYPE_AT] == ND_ADVERT || by_address))
			return SIM_ANY;
		if (ip[6] != WIRE_PROTO_TCP)
			return 0;
		t.local = (struct ip){be64_get(ip + 24), be64_get(ip + 32)};
		t.remote = (struct ip){be64_get(ip + 8), be64_get(ip + 16)};
		at += WIRE_IP6_OCTETS;
	}
	t.rport = be16_get(b->data + at);
	t.lport = be16_get(b->data + at + 2);
	return steer_tcp(w, host, &t);
}

void leat_sim_host_want(struct sim_world *w, uint32_t host, uint32_t shard, uint64_t at)
{
	struct sim_shard *s = leat_sim_shard(w, host, shard);

	at = u64_max(at, s->stalled_until);
	if (!s->stack || s->poll_at <= at)
		return;
	s->poll_at = at;
	leat_sim_at(w, (struct sim_event){.at = at,
			       .kind = SIM_EVENT_POLL,
			       .host = (uint8_t)host,
			       .shard = (uint8_t)shard});
}

static bool has_buffer(struct sim_world *w, const struct sim_host *h)
{
	if (w->meddling && w->meddling->allocated++ == w->meddling->no_buffer_at)
		return false;
	return h->rx_out < h->rx_max;
}

static void enqueue(struct sim_world *w, uint32_t host, uint32_t shard, struct sim_buf *b)
{
	struct sim_host *h = &w->host[host];
	struct sim_shard *s = &h->shard[shard];
	bool full = s->ring_cnt >= h->plan->ring;

	if (full || !has_buffer(w, h)) {
		w->stats.ring_full += full;
		w->stats.no_buffer += !full;
		leat_sim_buf_free(w, b);
		return;
	}
	leat_sim_buf_own(w, b, SIM_OWNER_NIC);
	b->host = (uint8_t)host;
	b->shard = (uint8_t)shard;
	b->next = NULL;
	if (s->ring_tail)
		s->ring_tail->next = b;
	else
		s->ring_head = b;
	s->ring_tail = b;
	s->ring_cnt++;
	h->rx_out++;
	uint64_t jitter = w->plan.poll_jitter;
	uint64_t wait = jitter > 0 ? leat_prng_next(&w->prng) % jitter : 0;
	leat_sim_host_want(w, host, shard, w->now + wait);
}

void leat_sim_host_receive(struct sim_world *w, uint32_t host, struct sim_buf *b)
{
	if (w->host[host].quiet_until > 0) {
		w->stats.lost++;
		leat_sim_buf_free(w, b);
		return;
	}
	uint32_t shard = steer(w, host, b);
	if (shard != SIM_ANY) {
		enqueue(w, host, shard, b);
		return;
	}
	for (uint32_t s = 1; s < w->plan.host[host].shards; s++)
		enqueue(w, host, s, leat_sim_buf_copy(w, b));
	enqueue(w, host, 0, b);
}

static struct sim_buf *dequeue(struct sim_shard *s)
{
	struct sim_buf *b = s->ring_head;

	if (!b)
		return NULL;
	s->ring_head = b->next;
	if (!s->ring_head)
		s->ring_tail = NULL;
	s->ring_cnt--;
	b->next = NULL;
	return b;
}

static uint8_t csum_of(const struct sim_world *w, const struct sim_host *h, const struct sim_buf *b)
{
	struct watch_pkt p;

	if (!h->plan->csum_offload)
		return WIRE_CSUM_UNKNOWN;
	if (leat_sim_watch_parse(b->data, b->octets, w->plan.raw_ip, &p) || p.kind != WATCH_TCP)
		return WIRE_CSUM_UNKNOWN;
	return WIRE_CSUM_GOOD;
}

static void input(struct sim_world *w, struct sim_host *h, struct sim_shard *s)
{
	struct stack_burst burst;
	struct sim_buf *b;

	burst.cnt = 0;
	while (burst.cnt < STACK_BURST_MAX && (b = dequeue(s)) != NULL) {
		if (w->now - b->born_at > w->msl) {
			w->stats.too_old++;
			h->rx_out--;
			leat_sim_buf_free(w, b);
			continue;
		}
		struct pkt *p = &burst.pkt[burst.cnt++];

		*p = (struct pkt){.frame = b->data, .octets = b->octets, .buf = b};
		p->room = (uint16_t)(w->buf_octets - b->octets);
		p->ip_csum = p->l4_csum = csum_of(w, h, b);
		leat_sim_watch_arrived(w->watch, h->idx, shard_now(w, s), b->data, b->octets);
		leat_sim_pcap_frame(w, h->idx, b->data, b->octets);
		if (w->trace)
			leat_sim_trace_frame(w, h->idx, "<", b);
		leat_sim_digest(w, w->now ^ (uint64_t)h->idx << 56);
		leat_sim_digest(w, b->octets);
		leat_sim_buf_own(w, b, SIM_OWNER_STACK);
		s->held++;
		w->stats.delivered++;
	}
	if (burst.cnt == 0)
		return;
	leat_stack_parse(s->stack, &burst);
	leat_stack_lookup(s->stack, &burst);
	leat_stack_input(s->stack, &burst, shard_now(w, s));
}

/* ---- sending ---- */

static void complete(
	const struct sim_world *w, const struct sim_host *h, const struct stack_frame *f)
{
	if (h->plan->csum_offload && f->is_tcp)
		leat_sim_checksum(w, f->data, f->octets);
}

static void hand_over(struct sim_world *w, struct sim_host *h, struct sim_shard *s)
{
	uint32_t most = h->tx_most;

	while (s->tx_head && most-- > 0) {
		struct sim_buf *b = s->tx_head;

		s->tx_head = b->next;
		b->next = NULL;
		s->tx_cnt--;
		leat_sim_send(w, h->idx, b);
	}
	if (s->tx_head) {
		w->stats.tx_refused++;
		leat_sim_host_want(w, h->idx, (uint32_t)(s - h->shard), w->now + TX_RETRY);
		return;
	}
	s->tx_tail = NULL;
}

static void sent(struct sim_world *w, struct sim_host *h, struct sim_shard *s,
	const struct stack_frame *f, struct sim_buf *b)
{
	complete(w, h, f);
	b->octets = f->octets;
	b->next = NULL;
	if (s->tx_tail)
		s->tx_tail->next = b;
	else
		s->tx_head = b;
	s->tx_tail = b;
	s->tx_cnt++;
	leat_sim_digest(w, w->now ^ (uint64_t)(h->idx + 8) << 56);
	leat_sim_digest_octets(w, b->data, b->octets);
	leat_sim_pcap_frame(w, h->idx, b->data, b->octets);
	if (w->trace)
		leat_sim_trace_frame(w, h->idx, ">", b);
	if (!leat_twin_frame(w->twin, h->idx, b->data, b->octets))
		leat_sim_fail(w, "34 the fast path makes a difference");
	const char *wrong =
		leat_sim_watch_sent(w->watch, h->idx, shard_now(w, s), b->data, b->octets);
	if (wrong)
		leat_sim_fail(w, "%s (host %u, frame %llu)", wrong, h->idx,
			(unsigned long long)w->stats.frames);
}

static void output(struct sim_world *w, struct sim_host *h, struct sim_shard *s)
{
	struct stack_frame frame[SIM_OUT_MAX];
	uint32_t max = w->plan.check_every > 1 ? SIM_OUT_MAX : 1 + leat_prng_below(&w->prng, 16);
	uint32_t cnt, rounds = 0;
	bool some = false;

	do {
		for (uint32_t i = 0; i < max; i++) {
			if (!w->out[i])
				w->out[i] = leat_sim_buf_take(w, SIM_OWNER_NIC);
			w->out[i]->born_at = w->now;
			frame[i].data = w->out[i]->data;
			frame[i].room = w->buf_octets;
		}
		cnt = leat_stack_output(s->stack, shard_now(w, s), frame, max);
		for (uint32_t i = 0; i < cnt; i++) {
			struct sim_buf *b = w->out[i];

			w->out[i] = NULL;
			sent(w, h, s, &frame[i], b);
		}
		some |= cnt > 0;
		if (++rounds > 100000)
			leat_sim_fail(w, "17 output without end (host %u)", h->idx);
	} while (cnt == max);
	if (some && w->stats.steps % w->plan.check_every == 0)
		leat_sim_check_sent(w, h->idx, (uint32_t)(s - h->shard));
	hand_over(w, h, s);
}

static void give(struct sim_world *w, struct sim_host *h, struct sim_shard *s)
{
	void *buf[GIVE_MAX];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(s->stack, buf, GIVE_MAX);
		for (uint32_t i = 0; i < cnt; i++) {
			struct sim_buf *b = buf[i];

			if (b->owner != SIM_OWNER_STACK || b->host != h->idx ||
				&h->shard[b->shard] != s)
				leat_sim_fail(w, "14 a buffer that the stack did not have");
			leat_sim_buf_free(w, b);
			s->held--;
			h->rx_out--;
		}
	} while (cnt == GIVE_MAX);
}

/* ---- one turn ---- */

uint64_t leat_sim_host_deadline(const struct sim_world *w, uint32_t host, uint32_t shard)
{
	const struct sim_shard *s = &w->host[host].shard[shard];

	if (!s->stack || s->deadline == TIME_NEVER)
		return TIME_NEVER;
	uint64_t at = s->deadline > s->ahead ? s->deadline - s->ahead : 0;
	return u64_max(at, s->stalled_until);
}

/* leat_stack_next_deadline is also now while connections wait that held back what they send. */
static uint64_t next_timer(struct leat_stack *s)
{
	return u64_min(leat_tcp_next_deadline(leat_stack_engine(s)),
		leat_inet_neigh_next_deadline(leat_stack_neigh(s)));
}

/* 11: exactly at its deadline a timer fires, and none is left behind. */
static void timers(struct sim_world *w, struct sim_shard *s)
{
	uint64_t now = shard_now(w, s);
	uint64_t next = next_timer(s->stack), told = leat_stack_next_deadline(s->stack);
	bool due = next <= now;
	uint32_t fired = leat_stack_timers(s->stack, now, w->timers_max);

	if (told > u64_max(next, now))
		leat_sim_fail(w, "11 the deadline that is told is after that of a timer");
	if (due && fired == 0)
		leat_sim_fail(w, "11 a timer is due and does not fire");
	if (!due && fired > 0)
		leat_sim_fail(w, "11 a timer fires before its deadline");
	if (fired < w->timers_max && next_timer(s->stack) <= now)
		leat_sim_fail(w, "11 a timer is left behind its deadline");
}

static void programs(struct sim_world *w, uint32_t host, uint32_t shard)
{
	struct sim_shard *s = &w->host[host].shard[shard];
	struct leat_event event;
	uint32_t events = 0;

	while (leat_next_event(s->stack, &event)) {
		leat_sim_digest(w, event.conn.id ^ (uint64_t)event.bits << 40);
		w->event_cnt++;
		leat_sim_work_event(w, host, shard, &event);
		if (++events > 100000)
			leat_sim_fail(w, "17 events without end (host %u)", host);
	}
}

void leat_sim_host_poll(struct sim_world *w, uint32_t host, uint32_t shard)
{
	struct sim_host *h = &w->host[host];
	struct sim_shard *s = &h->shard[shard];

	if (!s->stack)
		return;
	w->stats.polls++;
	leat_stack_set_now(s->stack, shard_now(w, s));
	if (w->plan.strict_burst) {
		output(w, h, s); /* what calls left behind */
		leat_sim_watch_burst_begin(w->watch, host);
		input(w, h, s);
		output(w, h, s);
		leat_sim_watch_burst_end(w->watch);
	} else {
		input(w, h, s);
	}
	timers(w, s);
	programs(w, host, shard);
	output(w, h, s);
	give(w, h, s);
	s->deadline = leat_stack_next_deadline(s->stack);
	w->stats.steps++;
	if (w->breaking)
		leat_sim_break(w, host, shard);
	leat_sim_check(w, host, shard, false);
	if (s->ring_head)
		leat_sim_host_want(w, host, shard, w->now);
}
