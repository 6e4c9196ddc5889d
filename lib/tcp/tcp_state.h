/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_STATE_H
#define LEAT_TCP_STATE_H

/* tcp_state: the eleven states, the events between them, and the one place that moves them.
 *
 * tcp_fsm.def lists the arrows; here they become a table of next states.  State 0 is none: memory
 * that was cleared is not a connection, and an absent arrow is not CLOSED.
 *
 * Affinity   the shard's lcore.
 * Errors     a step without an arrow is a fault of this program and asserts.
 * RFC        9293 3.3.2, figure 5. */

#include <stdbool.h>
#include <stdint.h>

enum tcp_state {
	TCP_ST_NONE,
	TCP_ST_CLOSED,
	TCP_ST_LISTEN,
	TCP_ST_SYN_SENT,
	TCP_ST_SYN_RECEIVED,
	TCP_ST_ESTABLISHED,
	TCP_ST_FIN_WAIT_1,
	TCP_ST_FIN_WAIT_2,
	TCP_ST_CLOSE_WAIT,
	TCP_ST_CLOSING,
	TCP_ST_LAST_ACK,
	TCP_ST_TIME_WAIT,
	TCP_ST_CNT
};

enum tcp_event {
	TCP_EV_PASSIVE_OPEN,
	TCP_EV_ACTIVE_OPEN,
	TCP_EV_SEND,
	TCP_EV_CLOSE,
	TCP_EV_ABORT,
	TCP_EV_RCV_SYN,
	TCP_EV_RCV_SYN_ACK,
	TCP_EV_RCV_ACK_OF_SYN,
	TCP_EV_RCV_FIN,
	TCP_EV_RCV_ACK_OF_FIN,
	TCP_EV_RCV_RST,
	TCP_EV_TWO_MSL,
	TCP_EV_GIVE_UP,
	TCP_EV_REUSED,
	TCP_EV_HARD_ERROR,
	TCP_EV_CNT
};

enum tcp_arrow {
#define ARROW(from, event, to, where) TCP_ARROW_##from##_##event,
#include "tcp_fsm.def"
#undef ARROW
	TCP_ARROW_CNT
};

/* Lists of states, as the RFC's text has them, are sets in the code. */
#define TCP_SET(st) (1U << TCP_ST_##st)
#define TCP_SYNCHRONIZED                                                                           \
	(TCP_SET(ESTABLISHED) | TCP_SET(FIN_WAIT_1) | TCP_SET(FIN_WAIT_2) | TCP_SET(CLOSE_WAIT) |  \
		TCP_SET(CLOSING) | TCP_SET(LAST_ACK) | TCP_SET(TIME_WAIT))
/* 3.10.7.4 seventh: text is for the user in these. */
#define TCP_MAY_RECEIVE_TEXT (TCP_SET(ESTABLISHED) | TCP_SET(FIN_WAIT_1) | TCP_SET(FIN_WAIT_2))
/* 3.10.2: SEND is taken in these. */
#define TCP_MAY_SEND                                                                               \
	(TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED) | TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT))
/* Text and FIN of ours may leave, or be sent again, in these. */
#define TCP_MAY_EMIT_TEXT                                                                          \
	(TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT) | TCP_SET(FIN_WAIT_1) | TCP_SET(CLOSING) |     \
		TCP_SET(LAST_ACK))
/* We closed, and the FIN is on its way or acknowledged. */
#define TCP_FIN_OWED (TCP_SET(FIN_WAIT_1) | TCP_SET(CLOSING) | TCP_SET(LAST_ACK))

static inline bool tcp_in(uint8_t state, uint32_t set)
{
	return (set >> state & 1) != 0;
}

struct tcp_engine;
struct tcb;

/* leat_tcp_step moves tcb along the arrow that event names, counts it, and keeps the count of
 * connections per state.  It is the only place that assigns tcb->state. */
void leat_tcp_step(struct tcp_engine *e, struct tcb *tcb, enum tcp_event event);

/* leat_tcp_go is the same for who knows which arrow it is: tcb is where that begins. */
void leat_tcp_go(struct tcp_engine *e, struct tcb *tcb, enum tcp_arrow arrow);

/* leat_tcp_state_born puts a fresh record into CLOSED, or a listener's child into LISTEN. */
void leat_tcp_state_born(struct tcp_engine *e, struct tcb *tcb, enum tcp_state state);

/* leat_tcp_state_freed puts a CLOSED record back to no state. */
void leat_tcp_state_freed(struct tcp_engine *e, struct tcb *tcb);

/* Names as the RFC spells them ("FIN-WAIT-1"); an arrow as its row reads. */
const char *leat_tcp_state_name(enum tcp_state state);
const char *leat_tcp_arrow_name(enum tcp_arrow arrow);

#endif
