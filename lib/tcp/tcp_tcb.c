/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_tcb.h"

#include "base_time.h"
#include "tcp_sendq.h"

/* The sentences of tcp_tcb.h, asserted. */

static void check_send(const struct tcp_engine *e, const struct tcb *tcb)
{
	bool fin_sent = seq_gt(tcb->snd.nxt, tcb->snd.end) && tcb->state != TCP_ST_SYN_SENT;

	ASSERT(seq_leq(tcb->snd.una, tcb->snd.rtx));
	ASSERT(seq_leq(tcb->snd.rtx, tcb->snd.nxt));
	ASSERT(seq_leq(tcb->snd.nxt, seq_add(tcb->snd.end, 1)));
	ASSERT(!fin_sent || tcb->flags & TCP_F_FIN_QUEUED);
	ASSERT(!(tcb->flags & TCP_F_FIN_QUEUED) ||
		!tcp_in(tcb->state, TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED) |
					    TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT)));
	ASSERT(tcb->backoff == 0 || leat_tcp_rto_us(e, tcb) > 0);
	leat_tcp_sendq_check(e, tcb);
	ASSERT(tcb->rtx_kind <= TCP_RTX_REORDER);
	ASSERT(tcb->rtx_at == TIME_NEVER || tcb->rtx_kind < TCP_RTX_TLP || tcp_sendq_of(e, tcb));
	if (tcb->opts & TCP_O_EXT) /* an idle connection has none */
		ASSERT(seq_lt(tcb->snd.una, tcb->snd.nxt) || seq_lt(tcb->snd.nxt, tcb->snd.end));
	if (seq_eq(tcb->snd.una, tcb->snd.nxt) || tcb->flags & TCP_F_IN_OUT)
		return;
	ASSERT(tcp_rtx_runs(tcb)); /* something is outstanding, so its timer runs */
	ASSERT(leat_timer_wheel_deadline(e->wheel, tcb->idx) <= tcb->rtx_at);
}

static uint32_t check_queue(const struct tcp_engine *e, uint32_t head, struct seq from,
	uint32_t *octets, struct seq *to)
{
	uint32_t cnt = 0;

	*octets = 0;
	for (uint32_t i = head; i != TCP_NONE; i = e->rbuf[i].next) {
		ASSERT(seq_leq(from, e->rbuf[i].seq));
		ASSERT(e->rbuf[i].text > 0);
		from = seq_add(e->rbuf[i].seq, e->rbuf[i].text);
		*octets += e->rbuf[i].text;
		ASSERT(++cnt <= e->limits.rbuf_max);
	}
	*to = from;
	return cnt;
}

static void check_receive(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint32_t octets, cnt;
	struct seq to, first = tcb->rcv.nxt;

	ASSERT(seq_leq(tcb->rcv.nxt, tcb->rcv.edge));
	if (tcb->rcv_head != TCP_NONE)
		first = e->rbuf[tcb->rcv_head].seq;
	cnt = check_queue(e, tcb->rcv_head, first, &octets, &to);
	ASSERT(octets == tcb->rcv.unread);
	ASSERT(octets == 0 || seq_eq(to, tcb->rcv.nxt) || seq_eq(seq_add(to, 1), tcb->rcv.nxt));
	cnt += check_queue(e, tcb->ooo_head, seq_add(tcb->rcv.nxt, 1), &octets, &to);
	ASSERT(cnt == tcb->rbuf_cnt);
	ASSERT(octets == 0 || seq_leq(to, tcb->rcv.edge));
	ASSERT(tcb->rbuf_cnt <= e->knobs.rcv_seg_max);
	ASSERT(tcb->agreed & TCP_OPT_WS || (tcb->snd_scale == 0 && tcb->rcv_scale == 0));
	ASSERT(tcb->snd_scale <= TCP_WSCALE_MAX);
}

static void check_timers(const struct tcp_engine *e, const struct tcb *tcb)
{
	bool ring = (tcb->opts & TCP_O_RING) != 0;
	bool limited = tcb->state == TCP_ST_FIN_WAIT_2 && (tcb->flags & TCP_F_RCV_SHUT) != 0;

	ASSERT(ring == (tcb->state == TCP_ST_TIME_WAIT || limited));
	ASSERT(!ring || leat_timer_ring_runs(limited ? e->fin_wait_2 : e->two_msl, tcb->idx));
	if (tcp_in(tcb->state, TCP_SET(CLOSED) | TCP_SET(LISTEN)))
		ASSERT(leat_timer_wheel_deadline(e->wheel, tcb->idx) == TIME_NEVER);
	if (tcp_in(tcb->state, TCP_SET(FIN_WAIT_2) | TCP_SET(TIME_WAIT)))
		ASSERT(!tcp_rtx_runs(tcb));
	if (tcb->rtx_kind == TCP_RTX_KEEP && tcb->rtx_at != TIME_NEVER)
		ASSERT(tcb->opts & TCP_O_KEEPALIVE);
	ASSERT((tcb->delack_at == TIME_NEVER) || (tcb->flags & TCP_F_ACK_DELAY) != 0);
}

void leat_tcp_tcb_check(const struct tcp_engine *e, const struct tcb *tcb)
{
	if (tcb->state == TCP_ST_NONE)
		return;
	ASSERT(tcb->state < TCP_ST_CNT);
	ASSERT(&e->tcb[tcb->idx] == tcb);
	check_timers(e, tcb);
	if (tcp_in(tcb->state, TCP_SET(CLOSED) | TCP_SET(LISTEN))) {
		ASSERT(tcb->state == TCP_ST_CLOSED || tcb->rbuf_cnt == 0);
		ASSERT(tcb->ooo_head == TCP_NONE);
		ASSERT(!(tcb->opts & TCP_O_EXT));
		ASSERT(!(tcb->flags & (TCP_F_ACK_NOW | TCP_F_PROBE | TCP_F_RTX_ONE)));
		return;
	}
	check_send(e, tcb);
	if (tcb->state != TCP_ST_SYN_SENT)
		check_receive(e, tcb);
	if (tcb->state == TCP_ST_FIN_WAIT_2 || tcb->state == TCP_ST_TIME_WAIT)
		ASSERT(seq_eq(tcb->snd.una, seq_add(tcb->snd.end, 1)));
	if (tcp_in(tcb->state, TCP_SET(CLOSE_WAIT) | TCP_SET(CLOSING) | TCP_SET(LAST_ACK) |
				       TCP_SET(TIME_WAIT)))
		ASSERT(seq_eq(tcb->rcv.nxt, seq_add(tcb->rcv_fin, 1)));
}
