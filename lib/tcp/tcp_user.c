/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_user.h"

#include "base_bits.h"
#include "tcp_core.h"

#define SEND_OCTETS_MAX (UINT32_C(1) << 30)

/* The send half of OPEN: what the eleven states have in common once a SYN is to leave. */
static void syn_prepare(struct tcp_engine *e, struct tcb *tcb, uint64_t now)
{
	struct seq iss = leat_tcp_isn(e, tcb, now);

	tcb->snd.una = tcb->snd.nxt = tcb->snd.rtx = iss;
	tcb->snd.end = seq_add(iss, 1);
	tcb->rttvar_us = e->rto_initial_us; /* RFC 6298 2.1 */
	e->cnt.opened_active++;
	e->open_cnt++;
	leat_tcp_want_output(e, tcb);
}

struct tcb *leat_tcp_open_passive(struct tcp_engine *e, const struct tuple *tuple, uint64_t now)
{
	struct tcb *tcb = leat_tcp_alloc(e, tuple, TCP_ST_CLOSED, now);

	if (tcb) {
		leat_tcp_step(e, tcb, TCP_EV_PASSIVE_OPEN);
		leat_tcp_reuse(tcb, (enum tcp_reuse)e->knobs.time_wait_reuse);
	}
	return tcb;
}

struct tcb *leat_tcp_open_active(struct tcp_engine *e, const struct tuple *tuple, uint64_t now)
{
	struct tcb *tcb = leat_tcp_is_full(e) ? NULL : leat_tcp_alloc(e, tuple, TCP_ST_CLOSED, now);

	if (tcb) {
		leat_tcp_step(e, tcb, TCP_EV_ACTIVE_OPEN);
		syn_prepare(e, tcb, now);
	}
	return tcb;
}

enum tcp_error leat_tcp_send(struct tcp_engine *e, struct tcb *tcb, uint32_t octets, uint64_t now)
{
	DCHECK(octets > 0);
	DCHECK(seq_from(tcb->snd.una, tcb->snd.end) + octets < SEND_OCTETS_MAX);
	if (tcb->state == TCP_ST_LISTEN) { /* 3.10.2: from passive to active */
		if (tcb->ends.rport == 0 || tcb->ends.remote == 0)
			return TCP_ERR_REMOTE;
		leat_tcp_step(e, tcb, TCP_EV_SEND);
		leat_tcp_reuse(tcb, TCP_REUSE_OFF); /* which is a listener's alone */
		syn_prepare(e, tcb, now);
	}
	if (!tcp_in(tcb->state, TCP_MAY_SEND))
		return TCP_ERR_STATE;
	tcb->snd.end = seq_add(tcb->snd.end, octets);
	leat_tcp_want_output(e, tcb);
	return TCP_ERR_NONE;
}

uint32_t leat_tcp_piece(
	const struct tcp_engine *e, const struct tcb *tcb, uint32_t nth, const uint8_t **data)
{
	uint32_t idx = tcb->rcv_head;

	while (idx != TCP_NONE && nth-- > 0)
		idx = e->rbuf[idx].next;
	if (idx == TCP_NONE)
		return 0;
	*data = e->rbuf[idx].data;
	return e->rbuf[idx].text;
}

uint32_t leat_tcp_peek(const struct tcp_engine *e, const struct tcb *tcb, const uint8_t **data)
{
	return leat_tcp_piece(e, tcb, 0, data);
}

void leat_tcp_receive(struct tcp_engine *e, struct tcb *tcb, uint32_t octets)
{
	DCHECK(octets <= tcb->rcv.unread);
	tcb->rcv.unread -= octets;
	if (tcb->opts & TCP_O_URG_RCV)
		leat_tcp_urg_read(e, tcb);
	while (octets > 0) {
		struct tcp_rbuf *rbuf = &e->rbuf[tcb->rcv_head];
		uint32_t taken = u32_min(octets, rbuf->text);
		uint32_t idx = tcb->rcv_head;

		octets -= taken;
		rbuf->data += taken;
		rbuf->text = (uint16_t)(rbuf->text - taken);
		rbuf->seq = seq_add(rbuf->seq, taken);
		if (rbuf->text > 0)
			break;
		tcb->rcv_head = rbuf->next;
		if (rbuf->next != TCP_NONE)
			e->rbuf[rbuf->next].stamp = rbuf->stamp;
		tcb->rbuf_cnt--;
		rbuf->next = e->home_head;
		e->home_head = idx;
	}
	/* A window that opened by two segments, or by half, is worth an ACK of its own. */
	if (!tcp_in(tcb->state, TCP_MAY_RECEIVE_TEXT) || tcb->flags & TCP_F_FIN_HELD)
		return;
	uint32_t promised = seq_from(tcb->rcv.nxt, tcb->rcv.edge);
	uint32_t worth =
		u32_max(u32_min(2U * tcb->snd_mss, e->rcv_half), UINT32_C(1) << tcb->rcv_scale);

	if (e->knobs.rcv_buf_octets < promised + worth)
		return; /* however much of it is free */
	uint32_t offer = tcp_rcv_offer(e, tcb);

	if (offer > promised && offer - promised >= worth) {
		tcb->flags |= TCP_F_ACK_NOW;
		leat_tcp_want_output(e, tcb);
	}
}

bool leat_tcp_eof(const struct tcb *tcb)
{
	return tcb->flags & TCP_F_FIN_HELD && tcb->rcv.unread == 0 &&
	       seq_eq(tcb->rcv.nxt, seq_add(tcb->rcv_fin, 1));
}

enum tcp_error leat_tcp_close(
	struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io)
{
	switch (tcb->state) {
	case TCP_ST_LISTEN:
	case TCP_ST_SYN_SENT:
		leat_tcp_end(&(struct tcp_call){.e = e, .tcb = tcb, .now = now, .io = io},
			TCP_EV_CLOSE, TCP_END_CLOSED);
		return TCP_ERR_NONE;
	case TCP_ST_SYN_RECEIVED:
	case TCP_ST_ESTABLISHED:
	case TCP_ST_CLOSE_WAIT:
		leat_tcp_step(e, tcb, TCP_EV_CLOSE);
		tcb->flags |= TCP_F_FIN_QUEUED;
		leat_tcp_want_output(e, tcb);
		return TCP_ERR_NONE;
	default:
		return TCP_ERR_STATE;
	}
}

void leat_tcp_shut_rcv(struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io)
{
	if (tcb->state == TCP_ST_CLOSED || tcb->flags & TCP_F_RCV_SHUT)
		return;
	tcb->flags |= TCP_F_RCV_SHUT;
	if (tcb->rbuf_cnt > 0 && tcb->state != TCP_ST_TIME_WAIT) {
		struct tcp_call c = {.e = e, .tcb = tcb, .now = now, .io = io};

		leat_tcp_send_rst(&c); /* RFC 9293 3.6.1: text is lost, so say so */
		leat_tcp_end(&c, TCP_EV_ABORT, TCP_END_ABORTED);
		return;
	}
	leat_tcp_reass_purge(e, tcb, false);
	if (tcb->state == TCP_ST_FIN_WAIT_2)
		leat_tcp_ring_start(e->fin_wait_2, tcb, 0, now);
}

static enum tcp_error abort_as(struct tcp_call *c, enum tcp_end why)
{
	const struct tcb *tcb = c->tcb;

	if (tcb->state == TCP_ST_CLOSED || tcb->state == TCP_ST_NONE)
		return TCP_ERR_STATE;
	if (tcp_in(tcb->state, TCP_SET(SYN_RECEIVED) | TCP_SET(ESTABLISHED) | TCP_SET(FIN_WAIT_1) |
				       TCP_SET(FIN_WAIT_2) | TCP_SET(CLOSE_WAIT)))
		leat_tcp_send_rst(c);
	leat_tcp_end(c, TCP_EV_ABORT, why);
	return TCP_ERR_NONE;
}

enum tcp_error leat_tcp_abort(
	struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now, .io = io};

	return abort_as(&c, TCP_END_ABORTED);
}

enum tcp_error leat_tcp_kill(struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now, .io = io};

	return abort_as(&c, TCP_END_KILLED);
}
