/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_USER_H
#define LEAT_TCP_USER_H

/* tcp_user: the user's calls of RFC 9293 3.10.1 to 3.10.6, without waiting.
 *
 *	OPEN     leat_tcp_open_passive, leat_tcp_open_active
 *	SEND     leat_tcp_send       says how many octets there are to send; the engine asks for
 *	                             them by offset when it emits, and again to retransmit
 *	RECEIVE  leat_tcp_peek, leat_tcp_receive
 *	CLOSE    leat_tcp_close      our direction; leat_tcp_shut_rcv the other
 *	ABORT    leat_tcp_abort
 *	STATUS   struct tcb, read only
 *
 * Affinity   the shard's lcore.
 * Errors     enum tcp_error; a call that is refused changes nothing.
 * RFC        9293 3.9.1, 3.10.1 to 3.10.6. */

#include "tcp_engine.h"

/* leat_tcp_open_passive makes a listener on tuple->local:lport (local may be any).  When tuple
 * names a remote, only that one may connect and SEND may turn it into an active open.  Gives the
 * record, NULL when none is free. */
struct tcb *leat_tcp_open_passive(struct tcp_engine *e, const struct tuple *tuple, uint64_t now);

/* leat_tcp_open_active begins to connect; the SYN leaves with the next output.  Gives the record,
 * NULL when none is free.  Assumes all of tuple is specified and in no other record. */
struct tcb *leat_tcp_open_active(struct tcp_engine *e, const struct tuple *tuple, uint64_t now);

/* leat_tcp_send queues octets more (at least 1).  In LISTEN with a remote it becomes an active
 * open.  The sum queued and not acknowledged must stay below 2^30. */
enum tcp_error leat_tcp_send(struct tcp_engine *e, struct tcb *tcb, uint32_t octets, uint64_t now);

/* leat_tcp_peek gives the first piece of unread text and returns its octets; 0: none.  The piece
 * stays valid until leat_tcp_receive. */
uint32_t leat_tcp_peek(const struct tcp_engine *e, const struct tcb *tcb, const uint8_t **data);

/* leat_tcp_piece gives the nth piece (from 0) of unread text in the same way. */
uint32_t leat_tcp_piece(
	const struct tcp_engine *e, const struct tcb *tcb, uint32_t nth, const uint8_t **data);

/* leat_tcp_receive takes octets of text, at most tcb->rcv.unread; may owe a window update. */
void leat_tcp_receive(struct tcp_engine *e, struct tcb *tcb, uint32_t octets);

/* leat_tcp_eof says whether the user has read all there will be: the peer closed. */
bool leat_tcp_eof(const struct tcb *tcb);

/* leat_tcp_close: no more SENDs; FIN follows the text that is queued.  In LISTEN and SYN-SENT the
 * record becomes CLOSED (io.gone). */
enum tcp_error leat_tcp_close(
	struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io);

/* leat_tcp_shut_rcv: the user will not read any more.  With unread text, or when text arrives
 * later, the connection is reset (RFC 9293 3.6.1, SHLD-3); no news of it is told.  Call it after
 * leat_tcp_close. */
void leat_tcp_shut_rcv(struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io);

/* leat_tcp_abort sends a reset where the RFC asks for one; the record becomes CLOSED (io.gone). */
enum tcp_error leat_tcp_abort(
	struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io);

/* leat_tcp_kill is an abort that not the user asked for but the operator, and is counted so. */
enum tcp_error leat_tcp_kill(
	struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io);

#define TCP_RING_2MSL "2msl"

/* What STATUS (3.10.6) tells that is not in the tcb. */
struct tcp_status {
	const char *cc, *phase;
	uint32_t in_flight, sacked, lost; /* octets */
	uint32_t flight_segs;             /* records of what is not acknowledged; 0: not kept */
	uint32_t reo_wnd_us;              /* RACK's reordering window */
	bool reordered;                   /* the network has been seen to reorder, in this flight */
	bool app_limited;                 /* the last output ended for want of text, not for cwnd */
	uint32_t min_rtt_us, adv_mss;
	uint32_t r2_ms;        /* TCP_R2_NEVER: no limit */
	const char *rtx_name;  /* what rtx_at is for */
	const char *ring_name; /* what leat_tcp_ring_deadline is for */
};

void leat_tcp_status(const struct tcp_engine *e, const struct tcb *tcb, struct tcp_status *status);

/* leat_tcp_urgent_ahead is the octets from where the user reads to the urgent mark; 0: there is
 * none ahead (MUST-33). */
uint32_t leat_tcp_urgent_ahead(const struct tcp_engine *e, const struct tcb *tcb);

/* leat_tcp_urgent_mark makes the text sent so far urgent, to its last octet.  Assumes
 * leat_tcp_urgent_may. */
void leat_tcp_urgent_mark(struct tcp_engine *e, struct tcb *tcb);

/* leat_tcp_urgent_may says whether tcb may mark text urgent: false when its place for that is
 * not to be had. */
bool leat_tcp_urgent_may(struct tcp_engine *e, struct tcb *tcb);

/* leat_tcp_keepalive switches keep-alives of this connection on or off (MUST-24).  false: there
 * is no struct tcp_side left, as below. */
bool leat_tcp_keepalive(struct tcp_engine *e, struct tcb *tcb, bool on, uint64_t now);

/* leat_tcp_user_timeout sets R2 of this connection, that of its SYN as well (MUST-21); 0: as the
 * knobs have it; TIME_NEVER: no limit.  Counted in ms. */
bool leat_tcp_user_timeout(struct tcp_engine *e, struct tcb *tcb, uint64_t r2_ns, uint64_t now);

#endif
