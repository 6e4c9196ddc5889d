/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_NONE UINT32_MAX

void leat_pair_config_default(struct pair_config *config)
{
	*config = (struct pair_config){.seed = 1,
		.two_msl_ns = TIME_S,
		.tcb_max = 1024,
		.send_buf_octets = 65536,
		.send_chunk_cnt = 4096,
		.port_cnt = 20000};
}

struct leat_addr leat_pair_addr(uint32_t end, uint8_t family, uint16_t port)
{
	struct leat_addr a = {.family = family, .port = port};
	static const uint8_t four[4] = {198, 18, 0, 1}, six[4] = {0x20, 0x01, 0x0d, 0xb8};

	memcpy(a.octet, family == 4 ? four : six, 4);
	a.octet[family == 4 ? 3 : 15] = (uint8_t)(1 + end);
	return a;
}

static void end_new(struct pair *p, uint32_t nth)
{
	struct pair_end *end = &p->end[nth];
	struct stack_config c;
	size_t octets;

	leat_stack_config_default(&c);
	c.seed = p->config.seed * 2 + nth;
	c.link.raw_ip = true;
	c.link.local_cnt = 2;
	c.link.local[0] = (struct wire_local){ip_from4(0xc6120001 + nth), 24};
	c.link.local[1] = (struct wire_local){{UINT64_C(0x20010db800000000), 1 + nth}, 64};
	c.tcp.tcb_max = p->config.tcb_max;
	if (nth == 0)
		c.tcp.time_wait_max = p->config.time_wait_max;
	c.knobs.two_msl_ns = p->config.two_msl_ns;
	c.knobs.nagle = false; /* as leatd has it, too, unless it is told otherwise */
	c.send_buf_octets = p->config.send_buf_octets;
	c.send_chunk_cnt = p->config.send_chunk_cnt;
	c.port_to = (uint16_t)(c.port_from + p->config.port_cnt - 1);
	octets = leat_stack_footprint(&c);
	ASSERT(octets != 0);
	end->mem = aligned_alloc(CACHE_LINE, octets);
	ASSERT(end->mem);
	end->stack = leat_stack_new(end->mem, &c, p->now);
	end->head = end->tail = PAIR_NONE;
}

struct pair *leat_pair_new(const struct pair_config *config)
{
	struct pair *p = calloc(1, sizeof(*p));

	ASSERT(p);
	p->config = *config;
	p->now = 1000 * TIME_S;
	leat_prng_seed(&p->prng, config->seed);
	p->buf = calloc(PAIR_BUF_CNT, sizeof(*p->buf));
	ASSERT(p->buf);
	for (uint32_t i = 0; i < PAIR_BUF_CNT; i++)
		p->buf[i].next = i + 1 < PAIR_BUF_CNT ? i + 1 : PAIR_NONE;
	end_new(p, 0);
	end_new(p, 1);
	return p;
}

static struct pair_buf *buf_take(struct pair *p)
{
	struct pair_buf *b = &p->buf[p->free_head];

	ASSERT(p->free_head != PAIR_NONE);
	p->free_head = b->next;
	b->next = PAIR_NONE;
	p->held++;
	return b;
}

static void buf_give(struct pair *p, struct pair_buf *b)
{
	b->next = p->free_head;
	p->free_head = (uint32_t)(b - p->buf);
	p->held--;
}

static void give(struct pair *p, struct pair_end *end)
{
	void *buf[STACK_BURST_MAX];
	uint32_t cnt;

	while ((cnt = leat_stack_give(end->stack, buf, STACK_BURST_MAX)) != 0)
		for (uint32_t i = 0; i < cnt; i++)
			buf_give(p, buf[i]);
}

static void arrive(struct pair *p, struct pair_end *end)
{
	while (end->head != PAIR_NONE && p->buf[end->head].at <= p->now) {
		struct pair_buf *b = &p->buf[end->head];
		end->head = b->next;
		if (end->head == PAIR_NONE)
			end->tail = PAIR_NONE;
		leat_stack_inject(end->stack, b->data, b->octets, b, p->now);
		give(p, end);
	}
}

static void leave(struct pair *p, struct pair_end *from, struct pair_end *to)
{
	for (;;) {
		struct pair_buf *b = buf_take(p);
		struct stack_frame frame = {.data = b->data, .room = PAIR_BUF_MAX};

		if (leat_stack_output(from->stack, p->now, &frame, 1) == 0) {
			buf_give(p, b);
			break;
		}
		p->frames++;
		if (leat_prng_chance(&p->prng, p->config.loss_millionths)) {
			p->lost++;
			buf_give(p, b);
			continue;
		}
		b->octets = frame.octets;
		b->at = p->now + PAIR_DELAY_NS;
		if (to->tail == PAIR_NONE)
			to->head = (uint32_t)(b - p->buf);
		else
			p->buf[to->tail].next = (uint32_t)(b - p->buf);
		to->tail = (uint32_t)(b - p->buf);
	}
	give(p, from);
}

static void end_turn(struct pair *p, struct pair_end *end, struct pair_end *other)
{
	struct leat_event event;

	leat_stack_set_now(end->stack, p->now);
	arrive(p, end);
	while (leat_stack_timers(end->stack, p->now, 64) == 64)
		;
	if (end->app) {
		while (leat_next_event(end->stack, &event))
			end->app->event(end->app->arg, end->stack, &event);
		if (end->app->turn)
			end->app->turn(end->app->arg, end->stack);
	}
	leave(p, end, other);
}

/* A recount of everything: too slow for every turn. */
static void check(struct pair *p)
{
	char text[160];

	for (uint32_t i = 0; i < 2; i++) {
		give(p, &p->end[i]);
		ASSERT(leat_stack_ledger_error(p->end[i].stack, text, sizeof(text)) == NULL);
	}
}

static uint64_t next_at(const struct pair *p, const struct pair_end *end)
{
	uint64_t at = leat_stack_next_deadline(end->stack);

	return end->head == PAIR_NONE ? at : u64_min(at, p->buf[end->head].at);
}

void leat_pair_turn(struct pair *p)
{
	uint64_t at;

	end_turn(p, &p->end[0], &p->end[1]);
	end_turn(p, &p->end[1], &p->end[0]);
	at = u64_min(next_at(p, &p->end[0]), next_at(p, &p->end[1]));
	p->now = u64_max(p->now, u64_min(at, p->now + PAIR_TICK_NS));
	if (++p->turn_cnt % PAIR_CHECK_TURNS == 0)
		check(p);
}

void leat_pair_free(struct pair *p)
{
	check(p);
	free(p->end[0].mem);
	free(p->end[1].mem);
	free(p->buf);
	free(p);
}

bool leat_pair_run(struct pair *p, bool (*done)(void *arg), void *arg, uint64_t for_ns)
{
	uint64_t end_at = p->now + for_ns;

	while (!done(arg)) {
		if (p->now >= end_at)
			return false;
		leat_pair_turn(p);
	}
	return true;
}
