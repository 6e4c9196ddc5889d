/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_engine.h"

#include "base_arena.h"
#include "base_time.h"
#include "tcp_sendq.h"

#include <string.h>

#define TCB_MAX_LIMIT   (UINT32_C(1) << 29)
#define RBUF_MAX_LIMIT  (UINT32_C(1) << 29)
#define EXT_MAX_DEFAULT (UINT32_C(1) << 17)
#define SIDE_SHARE      16

void leat_tcp_knobs_default(struct tcp_knobs *knobs)
{
	*knobs = (struct tcp_knobs){
		.two_msl_ns = 60 * TIME_S, /* DEVIATION(two-msl) */
		.rto_initial_ns = TIME_S,
		.rto_min_ns = TIME_S,
		.rto_max_ns = 60 * TIME_S,
		.r2_ns = 100 * TIME_S,
		.r2_syn_ns = 180 * TIME_S,
		.fin_wait_2_ns = 60 * TIME_S,
		.keep_idle_ns = 7200 * TIME_S,
		.keep_interval_ns = 75 * TIME_S,
		.delack_ns = 40 * TIME_MS,
		.reply_interval_ns = 500 * TIME_MS,
		.rcv_buf_octets = 65535,
		.rcv_seg_max = 128,
		.rbuf_octets = 1460,
		.mtu = 1500,
		.iw_segs = 10,
		.ack_every = 2,
		.ecn = TCP_ECN_PASSIVE,
		.r1_cnt = 3,
		.keep_cnt = 9,
		.cc = TCP_CC_CUBIC,
		.sack = true,
		.syn_ack_tries = 5, /* DEVIATION(syn-ack-r2) */
		.syn_cookies = TCP_COOKIES_AUTO,
		.time_wait_reuse = TCP_REUSE_TS,
		.time_wait_compact = true,
		.pmtu_min = 552,
		.icmp_pmtu = true,
		.icmp_hard = true,
		.icmp_soft = true,
		.wscale = true,
		.timestamps = true,
		.ts_required = true,
		.nagle = true,
		.rst_ends_time_wait = false,
		.fast_path = true,
	};
}

/* The parts of an engine; with a NULL arena memory only their extent counts. */
struct parts {
	struct tcp_engine *e;
	void *wheel, *two_msl, *fin_wait_2, *tw;
	struct tcb *tcb;
	uint64_t *high;
	struct tcp_side *side;
	struct tcp_tally *tally;
	struct tcp_rbuf *rbuf;
	struct tcp_ext *ext;
	struct tcp_srec *srec;
	size_t octets;
};

static struct parts parts_cut(void *mem, const struct tcp_limits *limits)
{
	struct arena a = arena_at(mem);
	struct parts p = {0};
	uint32_t cnt = limits->tcb_max + TCP_TW_AWAKE + 1;

	p.e = arena_take(&a, 1, sizeof(*p.e), CACHE_LINE);
	/* Behind them come the anchors of two rings. */
	p.tcb = arena_take(&a, cnt + 2 * TIMER_RING_LENGTHS, sizeof(*p.tcb), CACHE_LINE);
	p.high = arena_take(&a, limits->time_wait_wide ? cnt : 0, sizeof(*p.high), CACHE_LINE);
	p.side = arena_take(&a, limits->side_max, sizeof(*p.side), CACHE_LINE);
	p.tally = arena_take(&a, limits->tally ? cnt : 0, sizeof(*p.tally), CACHE_LINE);
	p.rbuf = arena_take(&a, limits->rbuf_max, sizeof(*p.rbuf), CACHE_LINE);
	p.ext = arena_take(&a, limits->ext_max + 1, sizeof(*p.ext), CACHE_LINE);
	p.srec = arena_take(&a, limits->srec_max, sizeof(*p.srec), CACHE_LINE);
	p.wheel = arena_take(&a, 1, leat_timer_wheel_within_footprint(cnt), CACHE_LINE);
	p.two_msl = arena_take(&a, 1, leat_timer_ring_within_footprint(), CACHE_LINE);
	p.fin_wait_2 = arena_take(&a, 1, leat_timer_ring_within_footprint(), CACHE_LINE);
	size_t tw = leat_tcp_tw_ring_footprint(limits->time_wait_max, limits->time_wait_wide);
	p.tw = arena_take(&a, 1, tw, CACHE_LINE);
	p.octets = tw != 0 ? arena_used(&a) : 0;
	return p;
}

struct tcp_limits leat_tcp_limits(const struct tcp_limits *limits)
{
	struct tcp_limits full = *limits;

	if (full.time_wait_max == 0)
		full.time_wait_max = full.tcb_max;
	if (full.ext_max == 0)
		full.ext_max = u32_min(u32_max(full.tcb_max / 4, 64), EXT_MAX_DEFAULT);
	if (full.srec_max == 0)
		full.srec_max = u32_min(u32_max(8 * full.ext_max, 4096), 4 * EXT_MAX_DEFAULT);
	if (full.side_max == 0)
		full.side_max = u32_max(full.tcb_max / SIDE_SHARE, 64);
	return full;
}

size_t leat_tcp_footprint(const struct tcp_limits *limits)
{
	if (limits->tcb_max == 0 || limits->tcb_max > TCB_MAX_LIMIT || limits->rbuf_max == 0 ||
		limits->rbuf_max > RBUF_MAX_LIMIT || limits->ext_max > TCB_MAX_LIMIT ||
		limits->srec_max > RBUF_MAX_LIMIT || limits->side_max > TCB_MAX_LIMIT)
		return 0;
	struct tcp_limits full = leat_tcp_limits(limits);

	return parts_cut(NULL, &full).octets;
}

static void timers_new(struct tcp_engine *e, const struct parts *p, uint64_t now)
{
	const struct tcp_limits *l = &e->limits;
	uint32_t cnt = l->tcb_max + TCP_TW_AWAKE + 1;

	e->wheel = leat_timer_wheel_new_within(p->wheel, &e->tcb->wheel, sizeof(*e->tcb), cnt, now);
	struct timer_within links = {&e->tcb->ring, sizeof(*e->tcb), cnt, cnt};

	e->two_msl = leat_timer_ring_new_within(p->two_msl, &links, e->knobs.two_msl_ns);
	links.anchor += TIMER_RING_LENGTHS;
	e->fin_wait_2 = leat_timer_ring_new_within(p->fin_wait_2, &links, e->knobs.fin_wait_2_ns);
	e->tw = leat_tcp_tw_ring_new(p->tw, l->time_wait_max, l->time_wait_wide);
	e->awake_free = UINT64_MAX;
}

/* Whatever of a connection follows from the knobs. */
static void knobs_take(struct tcp_engine *e)
{
	const struct tcp_knobs *k = &e->knobs;

	e->fresh = (struct tcb){.tos = (uint8_t)(k->dscp << 2),
		.quick = k->quick_acks,
		.flags = k->nagle ? 0 : TCP_F_NODELAY,
		.opts = k->keepalive ? TCP_O_KEEPALIVE : 0,
		.rtx_at = TIME_NEVER,
		.delack_at = TIME_NEVER,
		.rcv_head = TCP_NONE,
		.ooo_head = TCP_NONE};
	leat_tcp_rst_ends(&e->fresh, k->rst_ends_time_wait);
	leat_tcp_opts_prepare(e);
	leat_tcp_rtt_prepare(e);
}

static void free_lists_new(struct tcp_engine *e)
{
	const struct tcp_limits *l = &e->limits;
	uint32_t all = l->tcb_max + TCP_TW_AWAKE + 1;

	memset(e->tcb, 0, all * sizeof(*e->tcb));
	if (e->high)
		memset(e->high, 0, all * sizeof(*e->high));
	for (uint32_t i = 0; i < all; i++) {
		e->tcb[i].idx = i;
		e->tcb[i].rcv_head = i + 1 < l->tcb_max ? i + 1 : TCP_NONE;
	}
	for (uint32_t i = 0; i < l->rbuf_max; i++)
		e->rbuf[i].next = i + 1 < l->rbuf_max ? i + 1 : TCP_NONE;
	for (uint32_t i = 0; i < l->ext_max; i++)
		e->ext[i].head = i + 1 < l->ext_max ? i + 1 : TCP_NONE;
	e->ext[l->ext_max] = leat_tcp_ext_of_lone();
	for (uint32_t i = 0; i < l->side_max; i++)
		e->side[i].r2_ms = i + 1 < l->side_max ? i + 1 : TCP_NONE;
	for (uint32_t i = 0; i < l->srec_max; i++)
		e->srec[i].next = i + 1 < l->srec_max ? i + 1 : TCP_NONE;
}

struct tcp_engine *leat_tcp_new(void *mem, const struct tcp_limits *limits,
	const struct tcp_knobs *knobs, struct hash_key secret, uint64_t now)
{
	struct tcp_limits full = leat_tcp_limits(limits);
	struct parts p = parts_cut(mem, &full);
	struct tcp_engine *e = p.e;

	DCHECK(knobs->cc < TCP_CC_CNT);
	memset(e, 0, sizeof(*e));
	e->limits = full;
	e->knobs = *knobs;
	knobs_take(e);
	e->secret = secret;
	e->cookie_key = leat_tcp_cookie_key(&secret);
	e->tcb = p.tcb;
	e->high = limits->time_wait_wide ? p.high : NULL;
	e->side = p.side;
	e->tally = limits->tally ? p.tally : NULL;
	e->rbuf = p.rbuf;
	e->ext = p.ext;
	e->srec = p.srec;
	e->out_head = e->out_tail = e->news_head = e->news_tail = e->home_head = TCP_NONE;
	free_lists_new(e);
	timers_new(e, &p, now);
	e->cnt.present[TCP_ST_NONE] = limits->tcb_max;
	return e;
}

struct tcb *leat_tcp_tcb(struct tcp_engine *e, uint32_t idx)
{
	DCHECK(idx <= e->limits.tcb_max + TCP_TW_AWAKE);
	return &e->tcb[idx];
}

bool leat_tcp_has_tcb(const struct tcp_engine *e)
{
	return e->tcb_free != TCP_NONE;
}

bool leat_tcp_is_full(const struct tcp_engine *e)
{
	return !leat_tcp_has_tcb(e) || leat_tcp_tw_full(e);
}

const struct tcp_side *leat_tcp_side(const struct tcp_engine *e, const struct tcb *tcb)
{
	static const struct tcp_side none = {0};

	return tcb->opts & TCP_O_SIDE ? &e->side[tcb->side] : &none;
}

const struct tcp_tally *leat_tcp_tally(const struct tcp_engine *e, const struct tcb *tcb)
{
	static const struct tcp_tally none = {0};

	return e->tally ? &e->tally[tcb->idx] : &none;
}

/* A record of TIME-WAIT that is awake has none: it has nothing to keep there. */
struct tcp_side *leat_tcp_side_make(struct tcp_engine *e, struct tcb *tcb)
{
	if (tcb->opts & TCP_O_SIDE)
		return &e->side[tcb->side];
	if (e->side_free == TCP_NONE || tcp_tw_is_awake(tcb->idx, e->limits.tcb_max)) {
		e->cnt.side_none += e->side_free == TCP_NONE;
		return NULL;
	}
	struct tcp_side *side = &e->side[e->side_free];

	tcb->side = e->side_free;
	tcb->opts |= TCP_O_SIDE;
	e->side_free = side->r2_ms;
	e->cnt.side_held++;
	*side = (struct tcp_side){0};
	return side;
}

static void side_free(struct tcp_engine *e, struct tcb *tcb)
{
	if (LIKELY(!(tcb->opts & TCP_O_SIDE)))
		return;
	tcb->opts &= (uint16_t)~TCP_O_SIDE;
	e->side[tcb->side].r2_ms = e->side_free;
	e->side_free = tcb->side;
	e->cnt.side_held--;
}

void leat_tcp_tuple(const struct tcp_engine *e, const struct tcb *tcb, struct tuple *tuple)
{
	tcp_tuple(e, tcb, tuple);
}

const void *leat_tcp_ends(const struct tcp_engine *e)
{
	STATIC_ASSERT(offsetof(struct tcb, ends) == 0, "they are the record's first member");
	return e->tcb;
}

const struct tcp_limits *leat_tcp_limits_of(const struct tcp_engine *e)
{
	return &e->limits;
}

const uint64_t *leat_tcp_high(const struct tcp_engine *e)
{
	return e->high;
}

void leat_tcp_link(struct tcp_engine *e, const struct wire_link *link)
{
	e->link = link;
}

void leat_tcp_follow(struct tcp_engine *e, struct tcp_follow *f)
{
	e->follow = f;
}

const struct tcp_counters *leat_tcp_counters(const struct tcp_engine *e)
{
	return &e->cnt;
}

/* The free list runs through rcv_head, as out_next and news_next may still be on their lists: a
 * record that is freed while it waits there is passed over when its turn comes. */
struct tcb *leat_tcp_alloc(
	struct tcp_engine *e, const struct tuple *tuple, enum tcp_state state, uint64_t now)
{
	if (e->tcb_free == TCP_NONE)
		return NULL;

	struct tcb *tcb = &e->tcb[e->tcb_free];
	uint16_t flags = tcb->flags & (TCP_F_IN_OUT | TCP_F_IN_NEWS);

	e->tcb_free = tcb->rcv_head;
	memcpy(tcb, &e->fresh, offsetof(struct tcb, idx));
	tcp_tuple_set(e, tcb, tuple);
	tcb->flags |= flags;
	tcb->opened_at = now;
	if (e->tally)
		e->tally[tcb->idx] = (struct tcp_tally){0};
	leat_tcp_state_born(e, tcb, state);
	return tcb;
}

void leat_tcp_free(struct tcp_engine *e, struct tcb *tcb)
{
	DCHECK(tcb->state == TCP_ST_CLOSED);
	leat_tcp_reass_purge(e, tcb, false); /* what the user left unread */
	leat_tcp_state_freed(e, tcb);
	if (tcp_tw_is_awake(tcb->idx, e->limits.tcb_max))
		leat_tcp_tw_gone(e, tcb);
	else
		leat_tcp_unuse(e, tcb);
}

void leat_tcp_unuse(struct tcp_engine *e, struct tcb *tcb)
{
	side_free(e, tcb);
	tcb->news = 0;
	tcb->gen++;
	tcb->rcv_head = e->tcb_free;
	e->tcb_free = tcb->idx;
}

void leat_tcp_want_output(struct tcp_engine *e, struct tcb *tcb)
{
	if (tcb->flags & TCP_F_IN_OUT)
		return;
	tcb->flags |= TCP_F_IN_OUT;
	tcb->out_next = TCP_NONE;
	if (e->out_head == TCP_NONE)
		e->out_head = tcb->idx;
	else
		e->tcb[e->out_tail].out_next = tcb->idx;
	e->out_tail = tcb->idx;
}

void leat_tcp_tell(struct tcp_engine *e, struct tcb *tcb, uint8_t news)
{
	if (tcb->flags & TCP_F_RCV_SHUT)
		return; /* nobody is there to hear it */
	tcb->news |= news;
	if (tcb->flags & TCP_F_IN_NEWS)
		return;
	tcb->flags |= TCP_F_IN_NEWS;
	tcb->news_next = TCP_NONE;
	if (e->news_head == TCP_NONE)
		e->news_head = tcb->idx;
	else
		e->tcb[e->news_tail].news_next = tcb->idx;
	e->news_tail = tcb->idx;
}

void leat_tcp_news(struct tcp_engine *e, struct tcp_io *io)
{
	while (e->news_head != TCP_NONE && io->news_cnt < TCP_IO_NEWS_MAX) {
		struct tcb *tcb = &e->tcb[e->news_head];

		e->news_head = tcb->news_next;
		tcb->flags &= (uint16_t)~TCP_F_IN_NEWS;
		if (tcb->news != 0)
			io->news[io->news_cnt++] = (struct tcp_news){tcb->idx, tcb->gen, tcb->news};
		tcb->news = 0;
	}
}

void leat_tcp_give(struct tcp_engine *e, struct tcp_io *io)
{
	while (e->home_head != TCP_NONE && io->give_cnt < TCP_IO_GIVE_MAX) {
		struct tcp_rbuf *rbuf = &e->rbuf[e->home_head];
		uint32_t idx = e->home_head;

		e->home_head = rbuf->next;
		if (rbuf->buf)
			io->give[io->give_cnt++] = rbuf->buf;
		rbuf->next = e->rbuf_free;
		e->rbuf_free = idx;
		e->cnt.rbuf_held--;
	}
}

void leat_tcp_end(struct tcp_call *c, enum tcp_event event, enum tcp_end why)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	uint8_t was = tcb->state;
	bool graceful = tcp_end_is_graceful((uint8_t)why);

	leat_tcp_step(e, tcb, event);
	leat_timer_wheel_stop(e->wheel, tcb->idx);
	if (was == TCP_ST_TIME_WAIT)
		leat_tcp_ring_stop(e->two_msl, tcb);
	if (was == TCP_ST_FIN_WAIT_2)
		leat_tcp_ring_stop(e->fin_wait_2, tcb);
	tcb->rtx_at = tcb->delack_at = TIME_NEVER;
	tcb->opts &= (uint16_t)~TCP_O_KEEP_NOW;
	tcb->flags &= (uint16_t) ~(TCP_F_ACK_NOW | TCP_F_ACK_DELAY | TCP_F_PROBE | TCP_F_RTX_ONE);
	tcb->end_why = (uint8_t)why;
	leat_tcp_ext_end(e, tcb);
	leat_tcp_reass_purge(e, tcb, graceful && !(tcb->flags & TCP_F_RCV_SHUT));
	if (UNLIKELY(e->follow != NULL) && was != TCP_ST_LISTEN)
		leat_tcp_state_note(e, tcb, was, TCP_ST_CLOSED, why);
	if (was != TCP_ST_LISTEN) { /* which was never counted as opened */
		e->cnt.ended[why]++;
		e->open_cnt--;
	}
	leat_tcp_tell(e, tcb, TCP_NEWS_CLOSED);
	ASSERT(c->io->gone_cnt < TCP_IO_GONE_MAX);
	c->io->gone[c->io->gone_cnt++] = tcb->idx;
}

void leat_tcp_drop(struct tcp_engine *e, struct tcb *tcb, enum tcp_end why, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .io = io};
	enum tcp_event event = why == TCP_END_EVICTED  ? TCP_EV_GIVE_UP
			       : why == TCP_END_REUSED ? TCP_EV_REUSED
						       : TCP_EV_ABORT;

	leat_tcp_end(&c, event, why);
}
