/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_PAIR_H
#define LEAT_BENCH_PAIR_H

/* bench_pair: a client and a server stack in one thread, without a device.
 *
 *	client ── to_server ──► server
 *	       ◄── to_client ──
 *
 * Frames are handed over in bursts, through queues as long as is asked for.  Each end has its own
 * clock, and the cycles of its turns are counted, by stage.  What the others on the machine take
 * can only add: who measures keeps the least of many short parts.
 *
 * Units      cycles of the time stamp counter; octets. */

#include "bench.h"

#include "base_time.h"
#include "stack.h"

#define BENCH_BURST     32
#define BENCH_PORT      80
#define BENCH_CLIENTS   64 /* addresses of the client */
#define BENCH_PORT_FROM 1024
#define BENCH_SERVER    0x0a000001 /* 10.0.0.1 */
#define BENCH_ROUTER    0x0a000002 /* beyond it are the clients */
#define BENCH_CLIENT    0x0a010000

/* Its octets begin a line, as those of a device's buffers do. */
struct bench_frame {
	uint64_t at; /* when it left, by the sender's clock */
	uint32_t octets;
	_Alignas(CACHE_LINE) uint8_t data[];
};

/* The frames on their way to one end. */
struct bench_wire {
	struct bench_frame **frame;
	uint32_t head, cnt, mask;
};

/* What a turn does, in its order. */
enum bench_stage {
	BENCH_STAGE_FRAMES, /* the benchmark's own: to take frames off the queue */
	BENCH_STAGE_PARSE,
	BENCH_STAGE_LOOKUP,
	BENCH_STAGE_INPUT,
	BENCH_STAGE_TIMERS,
	BENCH_STAGE_USER,
	BENCH_STAGE_OUTPUT,
	BENCH_STAGE_GIVE,
	BENCH_STAGE_CNT
};

struct bench_end {
	struct leat_stack *s;
	struct bench_wire *in, *out;
	uint64_t now; /* ns */
	uint64_t cycles, frames;
	uint64_t stage[BENCH_STAGE_CNT];
	uint64_t turn_from, stage_from;
};

struct bench_pair {
	struct bench_end client, server;
	struct bench_wire to_server, to_client;
	struct bench_frame **free_frame;
	uint32_t free_cnt, room; /* octets of a frame at most */
	bool csum;               /* the receiver sums in software what else a device would */
	void *mem[4];
	struct leat_conn listener;
};

/* What a program does at its end: with an event, and once a turn. */
struct bench_user {
	void (*event)(void *arg, const struct leat_event *ev);
	void (*more)(void *arg);
};

static inline struct mac bench_station(uint8_t last)
{
	return (struct mac){{2, 0, 0, 0, 0, last}};
}

/* bench_pair_config is that of one end; records and what they have are the program's to set. */
static inline void bench_pair_config(struct stack_config *c, bool server, bool csum)
{
	leat_stack_config_default(c);
	c->target_max = 1;
	c->neigh_max = 2 * BENCH_CLIENTS;
	c->port_from = BENCH_PORT_FROM;
	c->port_to = UINT16_MAX;
	c->tx_csum_l4 = c->tx_csum_ip = !csum;
	c->link.mac = bench_station(server ? 2 : 1);
	c->link.local_cnt = 1;
	c->link.local[0] = (struct wire_local){
		ip_from4(server ? BENCH_SERVER : BENCH_ROUTER), server ? 30 : 8};
	if (server) {
		c->gateway4 = ip_from4(BENCH_ROUTER);
	} else {
		c->link.range_from = ip_from4(BENCH_CLIENT);
		c->link.range_to = ip_from4(BENCH_CLIENT + BENCH_CLIENTS - 1);
	}
}

/* bench_stack_new formats *mem, which it takes, and knows its neighbours. */
static inline struct leat_stack *bench_stack_new(
	const struct stack_config *c, uint64_t now, void **mem)
{
	char why[128];
	const char *error = leat_stack_config_error(c, why, sizeof(why));

	if (error != NULL)
		fprintf(stderr, "%s\n", error);
	*mem = bench_memory(leat_stack_footprint(c));
	struct leat_stack *s = leat_stack_new(*mem, c, now);
	struct inet_neigh *n = leat_stack_neigh(s);

	leat_inet_neigh_set(n, ip_from4(BENCH_SERVER), bench_station(2));
	leat_inet_neigh_set(n, ip_from4(BENCH_ROUTER), bench_station(1));
	return s;
}

static inline struct leat_addr bench_server_addr(void)
{
	return (struct leat_addr){.family = 4, .octet = {10, 0, 0, 1}, .port = BENCH_PORT};
}

static inline void bench_wire_new(struct bench_wire *w, uint32_t max)
{
	uint32_t slots = 1;

	while (slots < max)
		slots *= 2;
	w->frame = calloc(slots, sizeof(struct bench_frame *));
	ASSERT(w->frame != NULL);
	w->mask = slots - 1;
}

/* bench_pair_new makes both ends, and frames buffers of room octets; the server listens. */
static inline void bench_pair_new(
	struct bench_pair *p, const struct stack_config config[2], uint32_t frames, uint32_t room)
{
	size_t each = align_up(sizeof(struct bench_frame) + room, CACHE_LINE);
	struct leat_addr local = bench_server_addr();

	bench_wire_new(&p->to_server, frames);
	bench_wire_new(&p->to_client, frames);
	p->room = room;
	p->mem[2] = bench_memory(frames * each);
	p->mem[3] = bench_memory(frames * sizeof(struct bench_frame *));
	p->free_frame = p->mem[3];
	for (p->free_cnt = 0; p->free_cnt < frames; p->free_cnt++)
		p->free_frame[p->free_cnt] = (void *)((char *)p->mem[2] + p->free_cnt * each);
	p->client = (struct bench_end){.in = &p->to_client, .out = &p->to_server, .now = TIME_S};
	p->server = (struct bench_end){.in = &p->to_server, .out = &p->to_client, .now = TIME_S};
	p->client.s = bench_stack_new(&config[0], TIME_S, &p->mem[0]);
	p->server.s = bench_stack_new(&config[1], TIME_S, &p->mem[1]);
	ASSERT(leat_listen(p->server.s, &local, config[1].tcp.tcb_max, &p->listener) == LEAT_OK);
}

static inline void bench_pair_free(struct bench_pair *p)
{
	for (uint32_t i = 0; i < COUNT_OF(p->mem); i++)
		free(p->mem[i]);
	free(p->to_server.frame);
	free(p->to_client.frame);
}

/* bench_stage_done: the cycles since the last call, or since the turn began, were this stage's. */
static inline void bench_stage_done(struct bench_end *e, enum bench_stage stage)
{
	uint64_t now = bench_cycles();

	e->stage[stage] += now - e->stage_from;
	e->stage_from = now;
}

/* bench_burst takes what has arrived by now off the queue. */
static inline void bench_burst(
	const struct bench_pair *p, struct bench_end *e, struct stack_burst *b)
{
	struct bench_wire *w = e->in;
	uint32_t max = u32_min(w->cnt, BENCH_BURST);
	uint8_t csum = p->csum ? WIRE_CSUM_UNKNOWN : WIRE_CSUM_GOOD;

	for (b->cnt = 0; b->cnt < max; b->cnt++) {
		struct bench_frame *f = w->frame[w->head & w->mask];

		if (f->at > e->now)
			break;
		w->head++;
		__builtin_prefetch(f->data); /* as shard_rx does */
		b->pkt[b->cnt].frame = f->data;
		b->pkt[b->cnt].octets = f->octets;
		b->pkt[b->cnt].buf = f;
		b->pkt[b->cnt].ip_csum = b->pkt[b->cnt].l4_csum = csum;
	}
	w->cnt -= b->cnt;
}

/* bench_input_stages takes a burst through the three steps. */
static inline void bench_input_stages(struct bench_end *e, struct stack_burst *b)
{
	leat_stack_parse(e->s, b);
	bench_stage_done(e, BENCH_STAGE_PARSE);
	leat_stack_lookup(e->s, b);
	bench_stage_done(e, BENCH_STAGE_LOOKUP);
	leat_stack_input(e->s, b, e->now);
	bench_stage_done(e, BENCH_STAGE_INPUT);
}

/* bench_output puts what may be sent on the queue. */
static inline void bench_output(struct bench_pair *p, struct bench_end *e)
{
	struct stack_frame out[BENCH_BURST];
	struct bench_wire *w = e->out;
	uint32_t cnt;

	do {
		ASSERT(p->free_cnt >= BENCH_BURST);
		for (uint32_t i = 0; i < BENCH_BURST; i++) {
			out[i].data = p->free_frame[p->free_cnt - 1 - i]->data;
			out[i].room = p->room;
		}
		cnt = leat_stack_output(e->s, e->now, out, BENCH_BURST);
		for (uint32_t i = 0; i < cnt; i++) {
			struct bench_frame *f = p->free_frame[--p->free_cnt];

			f->octets = out[i].octets;
			f->at = e->now;
			w->frame[(w->head + w->cnt++) & w->mask] = f;
		}
		e->frames += cnt;
	} while (cnt == BENCH_BURST);
}

/* bench_give takes back the buffers that the stack is finished with. */
static inline void bench_give(struct bench_pair *p, struct bench_end *e)
{
	void *buf[BENCH_BURST];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(e->s, buf, BENCH_BURST);
		for (uint32_t i = 0; i < cnt; i++)
			p->free_frame[p->free_cnt++] = buf[i];
	} while (cnt == BENCH_BURST);
}

/* bench_turn is a turn of one end, as a shard's. */
__attribute__((always_inline)) static inline void bench_turn(
	struct bench_pair *p, struct bench_end *e, struct bench_user user, void *arg)
{
	struct stack_burst b;
	struct leat_event ev;

	e->turn_from = e->stage_from = bench_cycles();
	bench_burst(p, e, &b);
	bench_stage_done(e, BENCH_STAGE_FRAMES);
	bench_input_stages(e, &b);
	leat_stack_timers(e->s, e->now, BENCH_BURST);
	bench_stage_done(e, BENCH_STAGE_TIMERS);
	while (leat_next_event(e->s, &ev))
		user.event(arg, &ev);
	if (user.more != NULL)
		user.more(arg);
	bench_stage_done(e, BENCH_STAGE_USER);
	bench_output(p, e);
	bench_stage_done(e, BENCH_STAGE_OUTPUT);
	bench_give(p, e);
	bench_stage_done(e, BENCH_STAGE_GIVE);
	e->cycles += e->stage_from - e->turn_from;
}

static inline void bench_end_clear(struct bench_end *e)
{
	e->cycles = e->frames = 0;
	memset(e->stage, 0, sizeof(e->stage));
}

static inline double bench_least(double a, double b)
{
	return a < b ? a : b;
}

#endif
