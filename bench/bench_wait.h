/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_WAIT_H
#define LEAT_BENCH_WAIT_H

/* bench_wait: a stack that is full of TIME-WAIT, without a device: connection n has its tuple and
 * its numbers from n alone.
 *
 * Shape      our port 80, and each of 60,000 ports of 11.0.0.0, 11.0.0.1, ... */

#include "bench.h"
#include "bench_frame.h"

#include "base_time.h"
#include "stack_core.h"
#include "tcp_core.h"

#define BENCH_WAIT_NS      (60 * TIME_S)
#define BENCH_WAIT_PORTS   60000
#define BENCH_WAIT_OURS    0xc0000201 /* 192.0.2.1 */
#define BENCH_WAIT_THEIRS  0x0b000000
#define BENCH_WAIT_CONTROL 4096 /* control blocks */

static inline struct tuple bench_wait_tuple(uint64_t n)
{
	return (struct tuple){ip_from4(BENCH_WAIT_OURS),
		ip_from4(BENCH_WAIT_THEIRS + (uint32_t)(n / BENCH_WAIT_PORTS)), 80,
		(uint16_t)(1024 + n % BENCH_WAIT_PORTS), 0};
}

static inline struct seq bench_wait_snd_nxt(uint64_t n)
{
	return seq_of((uint32_t)n * 2654435761U);
}

static inline struct seq bench_wait_rcv_nxt(uint64_t n)
{
	return seq_of((uint32_t)n * 40503U + 77);
}

/* bench_wait_config is that of a stack with so many places in TIME-WAIT. */
static inline void bench_wait_config(struct stack_config *c, uint64_t places)
{
	leat_stack_config_default(c);
	c->tcp.tcb_max = BENCH_WAIT_CONTROL;
	c->tcp.time_wait_max = (uint32_t)places;
	c->link.raw_ip = true;
	c->link.local_cnt = 1;
	c->link.local[0] = (struct wire_local){ip_from4(BENCH_WAIT_OURS), 24};
	c->knobs.two_msl_ns = BENCH_WAIT_NS;
	c->tx_csum_l4 = c->tx_csum_ip = true;
}

/* bench_wait_make is connection n as its last ACK has left it: in TIME-WAIT, a control block,
 * nobody's. */
static inline struct tcb *bench_wait_make(struct leat_stack *s, uint64_t now, uint64_t n)
{
	static const enum tcp_event way[] = {TCP_EV_RCV_SYN, TCP_EV_RCV_ACK_OF_SYN, TCP_EV_CLOSE,
		TCP_EV_RCV_ACK_OF_FIN, TCP_EV_RCV_FIN};
	struct tcp_engine *e = leat_stack_engine(s);
	struct tuple tuple = bench_wait_tuple(n);
	struct tcb *tcb = leat_tcp_alloc(e, &tuple, TCP_ST_LISTEN, now);
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now};

	ASSERT(tcb != NULL);
	tcb->snd.una = tcb->snd.nxt = tcb->snd.rtx = bench_wait_snd_nxt(n);
	tcb->snd.end = seq_sub(tcb->snd.nxt, 1);
	tcb->rcv.nxt = tcb->rcv.edge = tcb->last_ack = bench_wait_rcv_nxt(n);
	tcb->rcv_fin = seq_sub(tcb->rcv.nxt, 1);
	tcb->una_offset = 499;
	tcb->agreed = TCP_OPT_TS | TCP_AGREED_SYN;
	tcb->ts_recent = 100;
	tcb->flags |= TCP_F_PASSIVE;
	for (uint32_t i = 0; i < COUNT_OF(way); i++)
		leat_tcp_step(e, tcb, way[i]);
	e->cnt.opened_passive++;
	e->cnt.time_wait_entered++;
	e->open_cnt++;
	leat_tcp_tw_begin(&c);
	leat_stack_conn_init(s, tcb);
	ASSERT(leat_stack_flow_insert(s, tcb, leat_flow_hash(s->flow, &tuple)));
	return tcb;
}

/* bench_wait_fin is the peer's FIN of connection n, again. */
static inline struct seg bench_wait_fin(uint64_t n)
{
	return (struct seg){.seq = seq_sub(bench_wait_rcv_nxt(n), 1),
		.ack = bench_wait_snd_nxt(n),
		.flags = TCP_FIN | TCP_ACK,
		.len = 1,
		.wnd = 1000,
		.ts_val = 100};
}

/* bench_wait_frame writes a segment of the peer of connection n, with timestamps; its octets. */
static inline uint32_t bench_wait_frame(
	const struct leat_stack *s, uint8_t *frame, uint64_t n, struct seg seg)
{
	struct tuple t = bench_wait_tuple(n), from = tuple_turned(&t);

	seg.opts |= TCP_OPT_TS;
	return bench_frame_put(frame, &s->config.link, NULL, &from, &seg);
}

#endif
