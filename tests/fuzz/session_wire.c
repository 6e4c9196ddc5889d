/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include "fuzz_sums.h"
#include "fuzz_twin.h"

#define EPOCH       (1000 * TIME_S)
#define ONE_WAY     (10 * TIME_MS)
#define OUT_MAX     8
#define AT_ONCE_MAX 512 /* frames without input or time: more would never end */
#define FIRES_MAX   100000

static struct ip address(const struct session *s, uint32_t side)
{
	return s->family6 ? (struct ip){UINT64_C(0xfd00) << 48, 1 + side}
			  : ip_from4(0x0a000001 + side);
}

static void configure(struct session *s, struct fuzz_in *in)
{
	struct stack_config *c = &s->config;
	uint8_t how = fuzz_u8(in), more = fuzz_u8(in);

	s->family6 = how & 1;
	leat_stack_config_default(c);
	c->tcp = (struct tcp_limits){.tcb_max = how & 2 ? 3 : 8,
		.rbuf_max = how & 4 ? 4 : 64,
		.ext_max = more & 8 ? 1 : 8,
		.srec_max = more & 16 ? 4 : 64};
	c->knobs.sack = !(more & 32);
	c->knobs.timestamps = !(more & 64);
	c->knobs.wscale = !(more & 128);
	c->knobs.rcv_buf_octets = how & 8 ? 600 : 65535;
	c->knobs.rcv_seg_max = how & 16 ? 2 : 64;
	c->knobs.nagle = !(how & 32);
	c->knobs.ack_every = how & 64 ? 1 : 2;
	c->knobs.rst_ends_time_wait = how & 128;
	c->listener_max = 1;
	c->target_max = 2;
	c->neigh_max = 4;
	c->send_buf_octets = more & 1 ? 1000 : 16384;
	c->send_chunk_cnt = more & 2 ? 2 : 16;
	c->port_from = SESSION_PORT_FROM;
	c->port_to = SESSION_PORT_FROM + SESSION_PORT_CNT - 1;
	c->link = (struct wire_link){.raw_ip = true, .mtu = more & 4 ? 576 : 1500, .local_cnt = 1};
	c->knobs.mtu = c->link.mtu;
	leat_twin_knobs(&fuzz_twin, &c->knobs);
	leat_twin_limits(&fuzz_twin, &c->tcp);
}

void leat_session_begin(struct session *s, struct fuzz_in *in)
{
	memset(s, 0, offsetof(struct session, flight));
	s->now = EPOCH;
	configure(s, in);
	for (uint32_t i = 0; i < 2; i++) {
		struct stack_config c = s->config;
		char text[256];

		c.seed = i + 1;
		c.link.local[0] = (struct wire_local){address(s, i), s->family6 ? 64 : 24};
		ASSERT(leat_stack_config_error(&c, text, sizeof(text)) == NULL);
		size_t octets = leat_stack_footprint(&c);
		s->mem[i] = aligned_alloc(64, align_up(octets, 64));
		ASSERT(s->mem[i] != NULL);
		s->stack[i] = leat_stack_new(s->mem[i], &c, s->now);
	}
}

static void take_home(struct session *s, uint32_t side)
{
	void *buf[8];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(s->stack[side], buf, COUNT_OF(buf));
		for (uint32_t i = 0; i < cnt; i++)
			free(buf[i]);
		ASSERT(s->bufs_out[side] >= cnt);
		s->bufs_out[side] -= cnt;
	} while (cnt == COUNT_OF(buf));
}

void leat_session_end(struct session *s)
{
	for (uint32_t i = 0; i < 2; i++) {
		take_home(s, i);
		ASSERT(s->bufs_out[i] == 0);
		free(s->mem[i]);
	}
}

void leat_session_drop(struct session *s, uint32_t k)
{
	s->flight_cnt--;
	memmove(&s->flight[k], &s->flight[k + 1], (s->flight_cnt - k) * sizeof(s->flight[0]));
}

static void transmit(struct session *s, uint32_t from, const struct stack_frame *frame)
{
	ASSERT(++s->frames_at_once <= AT_ONCE_MAX);
	leat_twin_frame(&fuzz_twin, from, frame->data, frame->octets);
	if (s->flight_cnt == SESSION_FLIGHT_MAX)
		leat_session_drop(s, 0);
	struct session_frame *f = &s->flight[s->flight_cnt++];
	f->sent_at = s->now;
	f->due_at = s->now + ONE_WAY;
	f->to = 1 - from;
	f->octets = frame->octets;
	f->bent = false;
	memcpy(f->data, frame->data, frame->octets);
}

static void check(struct session *s)
{
	char text[256];

	for (uint32_t i = 0; i < 2; i++) {
		struct tcp_engine *e = leat_stack_engine(s->stack[i]);

		for (uint32_t t = 0; t < s->config.tcp.tcb_max; t++)
			leat_tcp_tcb_check(e, leat_tcp_tcb(e, t));
		ASSERT(leat_stack_ledger_error(s->stack[i], text, sizeof(text)) == NULL);
		leat_twin_engine(&fuzz_twin, i, e);
	}
}

static void pump_side(struct session *s, uint32_t side)
{
	static uint8_t room[OUT_MAX][SESSION_FRAME_MAX];
	struct stack_frame frame[OUT_MAX];
	uint32_t cnt;

	do {
		for (uint32_t i = 0; i < OUT_MAX; i++)
			frame[i] = (struct stack_frame){.data = room[i], .room = SESSION_FRAME_MAX};
		cnt = leat_stack_output(s->stack[side], s->now, frame, OUT_MAX);
		for (uint32_t i = 0; i < cnt; i++)
			transmit(s, side, &frame[i]);
	} while (cnt == OUT_MAX);
	take_home(s, side);
}

void leat_session_pump(struct session *s)
{
	s->frames_at_once = 0;
	pump_side(s, 0);
	pump_side(s, 1);
	leat_session_events(s);
	pump_side(s, 0);
	pump_side(s, 1);
	check(s);
}

void leat_session_deliver(struct session *s, uint32_t k)
{
	const struct session_frame *f = &s->flight[k];
	uint32_t to = f->to, octets = f->octets;

	if (s->now - f->sent_at > SESSION_MSL) {
		leat_session_drop(s, k);
		return;
	}
	uint8_t *buf = fuzz_copy(f->data, octets);
	leat_session_drop(s, k);
	s->bufs_out[to]++;
	leat_stack_inject(s->stack[to], buf, octets, buf, s->now);
	leat_session_pump(s);
}

void leat_session_repeat(struct session *s, uint32_t k)
{
	if (s->flight_cnt < SESSION_FLIGHT_MAX)
		s->flight[s->flight_cnt++] = s->flight[k];
}

void leat_session_bend(struct session *s, uint32_t k, uint32_t at, uint8_t value, bool fix)
{
	struct session_frame *f = &s->flight[k];

	f->data[at % f->octets] = value;
	if (fix)
		fuzz_fix_ip(f->data, f->octets);
	s->tainted = s->tainted || fix || f->bent; /* two octets may keep the sum */
	f->bent = true;
}

uint64_t leat_session_next(const struct session *s)
{
	return u64_min(
		leat_stack_next_deadline(s->stack[0]), leat_stack_next_deadline(s->stack[1]));
}

static void fire(struct session *s, uint64_t at)
{
	uint32_t fired = 0;

	ASSERT(at >= s->now); /* a deadline that passed would have been due before */
	s->now = at;
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t cnt;

		leat_stack_set_now(s->stack[i], at);
		do {
			cnt = leat_stack_timers(s->stack[i], at, 4);
			fired += cnt;
		} while (cnt == 4);
	}
	ASSERT(fired > 0);
	leat_session_pump(s);
}

static uint32_t first_due(const struct session *s)
{
	uint32_t first = 0;

	for (uint32_t k = 1; k < s->flight_cnt; k++) {
		if (s->flight[k].due_at < s->flight[first].due_at)
			first = k;
	}
	return first;
}

void leat_session_until(struct session *s, uint64_t at, bool wire)
{
	for (uint32_t fires = 0;; fires++) {
		uint64_t timer = leat_session_next(s), frame = TIME_NEVER;
		uint32_t k = first_due(s);

		ASSERT(fires < FIRES_MAX);
		if (wire && s->flight_cnt > 0)
			frame = u64_max(s->flight[k].due_at, s->now);
		if (u64_min(timer, frame) > at)
			break;
		if (timer <= frame) {
			fire(s, timer);
			continue;
		}
		s->now = frame;
		leat_session_deliver(s, k);
	}
	s->now = at;
	leat_stack_set_now(s->stack[0], at);
	leat_stack_set_now(s->stack[1], at);
}
