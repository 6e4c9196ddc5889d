/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack.h"

#include "base_arena.h"
#include "stack_core.h"

#include <string.h>

#define SOURCE_MAX (UINT32_C(1) << 16)

void leat_stack_config_default(struct stack_config *config)
{
	*config = (struct stack_config){
		.seed = 1,
		.link.mtu = 1500,
		.tcp = {.tcb_max = 1024, .rbuf_max = 4096},
		.listener_max = 16,
		.target_max = 16,
		.neigh_max = 256,
		.send_buf_octets = 64 * 1024,
		.send_chunk_cnt = 1024,
		.port_from = 32768,
		.port_to = 60999,
		.ttl = 64,
	};
	leat_tcp_knobs_default(&config->knobs);
}

static bool range_ok(const struct wire_link *l)
{
	if (ip_is_any(l->range_to) && ip_is_any(l->range_from))
		return true;
	return l->range_from.hi == l->range_to.hi && l->range_from.lo <= l->range_to.lo &&
	       ip_is4(l->range_from) == ip_is4(l->range_to) &&
	       l->range_to.lo - l->range_from.lo < SOURCE_MAX;
}

static bool prefixes_ok(const struct wire_link *l)
{
	for (uint32_t i = 0; i < l->local_cnt; i++)
		if (l->local[i].prefix_bits > (ip_is4(l->local[i].ip) ? 32 : 128) ||
			ip_is_any(l->local[i].ip))
			return false;
	return true;
}

static bool gateway_ok(const struct stack_config *c, struct ip gateway, bool is4)
{
	return ip_is_any(gateway) ||
	       (ip_is4(gateway) == is4 && leat_inet_on_link(&c->link, gateway));
}

/* One row of what must hold: the sentence has the value and the range. */
struct rule {
	bool ok;
	const char *key;
	uint64_t value, least, most;
};

static struct rule in_range(const char *key, uint64_t value, uint64_t least, uint64_t most)
{
	return (struct rule){value >= least && value <= most, key, value, least, most};
}

static const char *broken(const struct rule *rule, uint32_t cnt, char *text, size_t size)
{
	for (const struct rule *r = rule; r < rule + cnt; r++) {
		if (r->ok)
			continue;
		snprintf(text, size, "%s is %llu, but must be from %llu to %llu", r->key,
			(unsigned long long)r->value, (unsigned long long)r->least,
			(unsigned long long)r->most);
		return text;
	}
	return NULL;
}

static const char *knob_error(const struct stack_config *c, char *text, size_t size)
{
	const struct tcp_knobs *k = &c->knobs;
	const struct rule rule[] = {
		in_range("tcp mtu", k->mtu, 576, c->link.mtu),
		in_range("initial window", k->iw_segs, 1, UINT16_MAX),
		in_range("segments per ack", k->ack_every, 1, UINT8_MAX),
		in_range("segments held", k->rcv_seg_max, 2, UINT16_MAX),
		in_range("octets of a receive buffer", k->rbuf_octets, 1, UINT16_MAX),
		in_range("receive buffer", k->rcv_buf_octets, 1, UINT32_C(1) << 30),
		in_range("first rto", k->rto_initial_ns, 1, k->rto_max_ns),
		in_range("least rto", k->rto_min_ns, 1, k->rto_max_ns),
		in_range("mss to offer", k->adv_mss, 0, k->mtu - 40U),
		in_range("least path mtu", k->pmtu_min, 68, UINT16_MAX),
		in_range("ack delay", k->delack_ns, 0, TIME_S / 2 - 1),        /* MUST-40 */
		in_range("keep-alives", k->keep_cnt, 2, UINT8_MAX),            /* MUST-29 */
		in_range("retransmissions until r1", k->r1_cnt, 3, UINT8_MAX), /* SHLD-10 */
		in_range("keep-alive idle time", k->keep_idle_ns, TIME_MS, UINT64_MAX / 4),
		in_range("keep-alive interval", k->keep_interval_ns, TIME_MS, UINT64_MAX / 1024),
		in_range("dscp", k->dscp, 0, 63),
		in_range("ecn", k->ecn, TCP_ECN_OFF, TCP_ECN_ACTIVE),
		in_range("congestion control", k->cc, 0, TCP_CC_CNT - 1),
		in_range("syn cookies", k->syn_cookies, 0, TCP_COOKIES_CNT - 1),
		in_range("time-wait reuse", k->time_wait_reuse, 0, TCP_REUSE_CNT - 1),
		in_range("connect reuse delay", k->connect_reuse_ns,
			k->connect_reuse_ns == 0 ? 0 : TIME_MS, UINT64_MAX / 4),
	};

	return broken(rule, COUNT_OF(rule), text, size);
}

const char *leat_stack_config_error(const struct stack_config *c, char *text, size_t size)
{
	const struct rule rule[] = {
		in_range("mtu", c->link.mtu, 576, 9216),
		in_range("addresses", c->link.local_cnt, 0, WIRE_LOCAL_MAX),
		in_range("vlan", c->link.vlan, 0, 4094),
		in_range("connections", c->tcp.tcb_max, 1, UINT32_C(1) << 30),
		in_range("receive records", c->tcp.rbuf_max, 1, UINT32_C(1) << 30),
		in_range("listeners", c->listener_max, 1, UINT32_C(1) << 16),
		in_range("targets", c->target_max, 1, STACK_TARGET_MAX),
		in_range("neighbours", c->neigh_max, 4, STACK_NEIGH_MAX),
		in_range("send buffer", c->send_buf_octets, 1, STACK_SEND_MAX),
		in_range("send chunks", c->send_chunk_cnt, 1, UINT32_C(1) << 30),
		in_range("sources", c->source_max, 0, UINT32_C(1) << 30),
		in_range("first port", c->port_from, 1, c->port_to),
		in_range("ttl", c->ttl, 1, 255),
		in_range("quiet time", c->quiet_ns, 0, UINT64_MAX / 4),
	};

	const char *error = broken(rule, COUNT_OF(rule), text, size);

	if (error == NULL)
		error = knob_error(c, text, size);
	if (error != NULL)
		return error;
	if (!prefixes_ok(&c->link))
		return "an address is unspecified, or its prefix longer than an address";
	if (!range_ok(&c->link))
		return "the address range is backwards, of two versions, or above 65536 addresses";
	if (wire_own_cnt(&c->link) == 0)
		return "there is no address and no address range";
	if ((uint64_t)wire_own_cnt(&c->link) * c->target_max >= STACK_NONE)
		return "sources times targets are more than 2^32 - 1: fewer of them, please";
	if (!gateway_ok(c, c->gateway4, true) || !gateway_ok(c, c->gateway6, false))
		return "a gateway is of the other version, or not in a prefix of ours";
	return NULL;
}

struct parts {
	struct leat_stack *s;
	struct conn *conn;
	struct stack_listener *listener;
	struct stack_target *target;
	uint32_t *target_head;
	uint64_t *target_idle;
	struct chunk *chunk;
	uint32_t *local4;
	uint64_t *held;
	uint8_t *chunk_text, *tcp, *flow, *port, *neigh, *icmp;
};

static uint32_t base_cnt(const struct stack_config *c)
{
	return wire_own_cnt(&c->link) * c->target_max;
}

/* The records of TIME-WAIT that are awake have each one, too. */
static size_t conn_cnt(const struct stack_config *c)
{
	return (size_t)c->tcp.tcb_max + TCP_TW_AWAKE + 1;
}

static bool has_ip6(const struct wire_link *l)
{
	bool has = !ip_is_any(l->range_to) && !ip_is4(l->range_to);

	for (uint32_t i = 0; i < l->local_cnt; i++)
		has |= !ip_is4(l->local[i].ip);
	return has;
}

static struct tcp_limits tcp_limits(const struct stack_config *c)
{
	struct tcp_limits limits = c->tcp;

	if (limits.time_wait_max == 0)
		limits.time_wait_max = limits.tcb_max;
	limits.time_wait_wide |= has_ip6(&c->link);
	if (limits.side_max == 0 && c->knobs.keepalive)
		limits.side_max = limits.tcb_max; /* each has one */
	return limits;
}

/* All that are open or in TIME-WAIT, and not more tcbs than there are. */
static uint32_t flow_max(const struct stack_config *c)
{
	return tcp_limits(c).time_wait_max;
}

static uint8_t *cut_object(struct arena *a, size_t octets)
{
	if (octets == 0)
		a->overflow = 1; /* its own limits do not allow it */
	return arena_take(a, octets, 1, CACHE_LINE);
}

static struct parts cut(struct arena *a, const struct stack_config *c)
{
	struct parts p;

	p.s = arena_take(a, 1, sizeof(*p.s), CACHE_LINE);
	p.conn = arena_take(a, conn_cnt(c), sizeof(*p.conn), CACHE_LINE);
	p.local4 = arena_take(a, wire_own_cnt(&c->link), sizeof(*p.local4), CACHE_LINE);
	p.listener = arena_take(a, c->listener_max, sizeof(*p.listener), CACHE_LINE);
	p.target = arena_take(a, c->target_max, sizeof(*p.target), CACHE_LINE);
	p.target_head = arena_take(a, stack_target_heads(c), sizeof(*p.target_head), CACHE_LINE);
	p.target_idle = arena_take(a, stack_target_words(c), sizeof(*p.target_idle), CACHE_LINE);
	p.held = arena_take(a, stack_hold_words(c), sizeof(*p.held), CACHE_LINE);
	p.chunk = arena_take(
		a, (size_t)c->send_chunk_cnt + stack_source_cnt(c), sizeof(*p.chunk), CACHE_LINE);
	p.chunk_text = arena_take(a, c->send_chunk_cnt, STACK_CHUNK_OCTETS, CACHE_LINE);
	const struct tcp_limits tcp = tcp_limits(c);

	p.tcp = cut_object(a, leat_tcp_footprint(&tcp));
	p.flow = cut_object(a, leat_flow_table_footprint(flow_max(c)));
	p.port = cut_object(a, leat_flow_port_footprint(base_cnt(c), c->port_from, c->port_to));
	p.neigh = cut_object(a, leat_inet_neigh_footprint(c->neigh_max));
	p.icmp = cut_object(a, leat_inet_icmp_footprint(&c->link));
	return p;
}

size_t leat_stack_footprint(const struct stack_config *config)
{
	struct arena a = arena_at(NULL);
	char text[128];

	if (leat_stack_config_error(config, text, sizeof(text)) != NULL)
		return 0;
	(void)cut(&a, config);
	return arena_used(&a);
}

/* What connections have that are open and idle. */
static size_t idle_octets(const struct stack_config *c, const struct tcp_limits *full)
{
	struct tcp_limits idle = *full;

	idle.rbuf_max = idle.ext_max = idle.srec_max = 1;
	return leat_tcp_footprint(&idle) -
	       leat_tcp_tw_ring_footprint(full->time_wait_max, full->time_wait_wide) +
	       conn_cnt(c) * sizeof(struct conn) + stack_hold_words(c) * sizeof(uint64_t) +
	       stack_source_cnt(c) * sizeof(struct chunk);
}

/* What one more of the engine's limits makes of its footprint. */
static size_t with_pool(const struct tcp_limits *full, uint32_t rbuf, uint32_t ext, uint32_t srec)
{
	struct tcp_limits some = *full;

	some.rbuf_max = rbuf;
	some.ext_max = ext;
	some.srec_max = srec;
	return leat_tcp_footprint(&some);
}

uint32_t leat_stack_parts(const struct stack_config *c, struct stack_part part[STACK_PART_MAX])
{
	const struct tcp_limits limits = tcp_limits(c), full = leat_tcp_limits(&limits);
	size_t left = leat_stack_footprint(c);
	uint32_t cnt = 0;

	if (left == 0)
		return 0;
	uint32_t waiting = full.time_wait_max;
	size_t bare = with_pool(&full, 1, 1, 1);
	size_t sent = with_pool(&full, 1, full.ext_max, full.srec_max) - bare;
	size_t held = with_pool(&full, full.rbuf_max, 1, 1) - bare;

	part[cnt++] = (struct stack_part){"connections", c->tcp.tcb_max, idle_octets(c, &full)};
	part[cnt++] = (struct stack_part){
		"TIME-WAIT", waiting, leat_tcp_tw_ring_footprint(waiting, full.time_wait_wide)};
	part[cnt++] = (struct stack_part){
		"flow index", flow_max(c), leat_flow_table_footprint(flow_max(c))};
	part[cnt++] = (struct stack_part){"text on the way", full.ext_max, sent};
	part[cnt++] = (struct stack_part){"segments held", c->tcp.rbuf_max, held};
	part[cnt++] = (struct stack_part){"text to send", c->send_chunk_cnt,
		(size_t)c->send_chunk_cnt * (STACK_CHUNK_OCTETS + sizeof(struct chunk))};
	part[cnt++] = (struct stack_part){"ports to connect from", base_cnt(c),
		leat_flow_port_footprint(base_cnt(c), c->port_from, c->port_to)};
	part[cnt++] = (struct stack_part){
		"neighbours", c->neigh_max, leat_inet_neigh_footprint(c->neigh_max)};
	for (uint32_t i = 0; i < cnt; i++)
		left -= part[i].octets;
	part[cnt++] = (struct stack_part){"listeners, targets, lists", 0, left};
	DCHECK(cnt <= STACK_PART_MAX);
	return cnt;
}

/* drawn gives the nth 64 bits that the seed decides; none of them tells another. */
static uint64_t drawn(uint64_t seed, uint64_t nth)
{
	struct hash_key key = {seed, UINT64_C(0x6c656174)};

	return leat_hash_sip24(&key, &nth, 1);
}

static void lists_init(struct leat_stack *s)
{
	const uint32_t chunks = s->config.send_chunk_cnt, sources = stack_source_cnt(&s->config);

	for (uint32_t i = 0; i < chunks + sources; i++)
		s->chunk[i].next = i + 1;
	s->chunk[chunks - 1].next = s->chunk[chunks + sources - 1].next = STACK_NONE;
	s->chunk_free_cnt = chunks;
	s->source_free = chunks;
	s->source_free_cnt = sources;
	s->abort_head = STACK_NONE;
	s->io.born = TCP_NONE;
	leat_stack_target_init(s);
	memset(s->conn, 0, conn_cnt(&s->config) * sizeof(*s->conn));
	for (uint32_t i = 0; i < wire_own_cnt(&s->config.link); i++)
		s->local4[i] = ip_to4(wire_own_at(&s->config.link, i));
	memset(s->held, 0, stack_hold_words(&s->config) * sizeof(*s->held));
}

/* What the configuration says of the link, as the output wants it. */
static void link_init(struct leat_stack *s)
{
	const struct wire_link *link = &s->config.link;

	s->l2_octets = (uint8_t)wire_l2_octets(link);
	s->gateway4 = ip_to4(s->config.gateway4);
	for (uint32_t i = 0; i < link->local_cnt; i++) {
		const struct wire_local *l = &link->local[i];

		if (ip_is4(l->ip))
			s->net4[s->net4_cnt++] = (struct stack_net4){
				ip_to4(l->ip), (uint32_t)(ip_first_bits(l->prefix_bits) >> 32)};
	}
}

static void modules_init(struct leat_stack *s, const struct parts *p)
{
	const struct stack_config *c = &s->config;
	const struct tcp_limits tcp = tcp_limits(c);

	struct hash_key secret = c->secret;

	if (secret.k0 == 0 && secret.k1 == 0)
		secret = (struct hash_key){drawn(c->seed, 1), drawn(c->seed, 2)};
	s->tcp = leat_tcp_new(p->tcp, &tcp, &c->knobs, secret, s->now);
	leat_tcp_link(s->tcp, &c->link);
	leat_tcp_tw_locals(s->tcp, s->local4);
	s->flow = leat_flow_table_new(p->flow, flow_max(c),
		(struct hash_key){drawn(c->seed, 3), drawn(c->seed, 4)},
		(struct flow_records){.first = leat_tcp_high(s->tcp),
			.stride = sizeof(uint64_t),
			.unit = leat_tcp_tw_units(s->tcp),
			.local4 = s->local4,
			.ends = leat_tcp_ends(s->tcp),
			.ends_stride = sizeof(struct tcb),
			.link = &c->link});
	s->port = leat_flow_port_new(
		p->port, base_cnt(c), c->port_from, c->port_to, drawn(c->seed, 5));
	if (c->steer != NULL)
		leat_flow_port_share(s->port, c->steer, c->shard_idx);
	s->neigh = leat_inet_neigh_new(p->neigh, c->neigh_max, &c->link, drawn(c->seed, 6));
	s->icmp = leat_inet_icmp_new(p->icmp, &c->link, c->ttl);
	if (!ip_is_any(c->gateway4))
		leat_inet_neigh_keep(s->neigh, c->gateway4);
	if (!ip_is_any(c->gateway6))
		leat_inet_neigh_keep(s->neigh, c->gateway6);
}

struct leat_stack *leat_stack_new(void *mem, const struct stack_config *config, uint64_t now)
{
	struct arena a = arena_at(mem);
	struct parts p = cut(&a, config);
	struct leat_stack *s = p.s;

	memset(s, 0, sizeof(*s));
	s->config = *config;
	s->now = now;
	s->quiet_until = now + config->quiet_ns;
	s->conn = p.conn;
	s->local4 = p.local4;
	s->listener = p.listener;
	s->target = p.target;
	s->target_head = p.target_head;
	s->target_idle = p.target_idle;
	s->held = p.held;
	s->chunk = p.chunk;
	s->chunk_text = p.chunk_text;
	link_init(s);
	lists_init(s);
	modules_init(s, &p);
	return s;
}

void leat_stack_set_now(struct leat_stack *s, uint64_t now)
{
	DCHECK(now >= s->now);
	s->now = now;
}

uint64_t leat_now(const struct leat_stack *s)
{
	return s->now;
}

void leat_stack_refuse(struct leat_stack *s, bool refuse)
{
	s->refuse = refuse;
}

/* fire fires timers of the module whose turn it is by deadline: one of them, or, when the other has
 * none due, at most max.  A timer that gives up sends a reset, so TCP's wait while there is no room
 * for one. */
static uint32_t fire(struct leat_stack *s, uint32_t max)
{
	uint64_t neigh = leat_inet_neigh_next_deadline(s->neigh);
	uint64_t tcp = leat_tcp_due(s->tcp, s->now), others = u64_min(neigh, tcp);

	if (leat_tcp_tw_next(s->tcp) <= u64_min(others, s->now))
		return leat_stack_wait_due(s, u64_min(others, s->now), max);
	if (u64_max(neigh, tcp) <= s->now)
		max = 1;
	if (neigh <= tcp)
		return leat_inet_neigh_timers(s->neigh, s->now, max);
	max = u32_min(max, u32_min(TCP_IO_GONE_MAX, TCP_IO_EMIT_MAX - s->io.emit_cnt));
	uint32_t cnt = max > 0 ? leat_tcp_timers(s->tcp, s->now, max, &s->io) : 0;
	stack_settle(s);
	return cnt;
}

static bool is_due(const struct leat_stack *s)
{
	return leat_tcp_due(s->tcp, s->now) <= s->now || leat_tcp_tw_next(s->tcp) <= s->now ||
	       leat_inet_neigh_next_deadline(s->neigh) <= s->now;
}

uint32_t leat_stack_timers(struct leat_stack *s, uint64_t now, uint32_t max)
{
	uint32_t fired = 0, cnt = 1;

	leat_stack_set_now(s, now);
	s->look_due = true;
	while (fired < max && cnt > 0 && is_due(s)) {
		cnt = fire(s, max - fired);
		fired += cnt;
	}
	return fired;
}

uint64_t leat_stack_next_deadline(struct leat_stack *s)
{
	if (UNLIKELY(s->look_words > 0 && !s->link_down))
		return s->now;
	return u64_min(leat_tcp_next_deadline(s->tcp), leat_inet_neigh_next_deadline(s->neigh));
}

void leat_stack_keep_buf(struct leat_stack *s, void *buf)
{
	if (buf == NULL)
		return;
	ASSERT(s->give_cnt < STACK_GIVE_MAX);
	s->give[(s->give_head + s->give_cnt++) % STACK_GIVE_MAX] = buf;
}

uint32_t leat_stack_give(struct leat_stack *s, void **buf, uint32_t max)
{
	struct tcp_io *io = &s->io;
	uint32_t n = 0;

	while (n < max && s->give_cnt > 0) {
		buf[n++] = s->give[s->give_head];
		s->give_head = (s->give_head + 1) % STACK_GIVE_MAX;
		s->give_cnt--;
	}
	while (n < max) {
		if (io->give_cnt == 0)
			leat_tcp_give(s->tcp, io);
		if (io->give_cnt == 0)
			break;
		uint32_t cnt = u32_min(max - n, io->give_cnt);

		io->give_cnt -= cnt;
		memcpy(&buf[n], &io->give[io->give_cnt], cnt * sizeof(*buf));
		n += cnt;
	}
	return n;
}

const struct stack_counters *leat_stack_counters(const struct leat_stack *s)
{
	return &s->cnt;
}

const struct tcp_counters *leat_stack_tcp(const struct leat_stack *s)
{
	return leat_tcp_counters(s->tcp);
}

const struct inet_icmp_counters *leat_stack_icmp(const struct leat_stack *s)
{
	return leat_inet_icmp_counters(s->icmp);
}

struct inet_neigh *leat_stack_neigh(struct leat_stack *s)
{
	return s->neigh;
}

struct tcp_engine *leat_stack_engine(struct leat_stack *s)
{
	return s->tcp;
}
