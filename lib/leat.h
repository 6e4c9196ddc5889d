/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_H
#define LEAT_H

/* leat.h: TCP connections of one stack, as a program that links libleat uses them.
 *
 * Nothing here waits.  A program takes events and answers them with calls; a call that cannot be
 * carried out now says so at once.  A connection is named by a handle that carries a generation:
 * it stays valid until released, and a stale one is refused, never mistaken for its successor.
 *
 *	while (leat_next_event(stack, &ev))
 *		if (ev.bits & LEAT_READABLE)
 *			n = leat_recv(stack, ev.conn, buf, sizeof(buf));
 *
 * Shape      one struct leat_stack per core; its connections never leave it.
 * Units      octets; ns.
 * Affinity   every call on the core that owns the stack.
 * Errors     enum leat_error, negative.
 * RFC        9293 3.9.1 (user interface), 3.10.1 to 3.10.6. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leat_stack;

struct leat_conn {
	uint64_t id; /* 0 is no connection */
};

/* An address as octets in the order they are written; IPv4 uses the first four. */
struct leat_addr {
	uint8_t family; /* 4 or 6; 0: any */
	uint8_t octet[16];
	uint16_t port; /* 0: any, or choose one */
};

enum leat_error {
	LEAT_OK = 0,
	LEAT_ERR_STALE = -1,    /* no such connection any more */
	LEAT_ERR_STATE = -2,    /* not possible in this state */
	LEAT_ERR_IN_USE = -3,   /* port or tuple taken (TIME-WAIT too), or another shard's */
	LEAT_ERR_FULL = -4,     /* a limit of the stack is reached */
	LEAT_ERR_ADDRESS = -5,  /* not ours, not reachable, or not one host (MUST-46) */
	LEAT_ERR_NO_PORT = -6,  /* every local port to this target is taken */
	LEAT_ERR_ARG = -7,      /* an argument is out of range */
	LEAT_ERR_AGAIN = -8,    /* nothing to read now, or no room to send now */
	LEAT_ERR_QUIET = -9,    /* too soon after a restart to connect (RFC 9293 3.4.3) */
	LEAT_ERR_WAITING = -10, /* no place in TIME-WAIT is left for a connection more */
};

enum leat_event_bit {
	LEAT_ACCEPTED = 0x01,    /* a listener has a new connection, established */
	LEAT_CONNECTED = 0x02,   /* our connect succeeded */
	LEAT_READABLE = 0x04,    /* text to read */
	LEAT_WRITABLE = 0x08,    /* the peer acknowledged; there is room again */
	LEAT_PEER_CLOSED = 0x10, /* the peer will send no more; read what is left, then EOF */
	LEAT_CLOSED = 0x20,      /* the connection is over; leat_info says how; release it */
	LEAT_SLOW = 0x40,        /* R1: sent again several times without an answer (SHLD-9) */
	LEAT_URGENT = 0x80,      /* an urgent mark is ahead, or it moved; ask leat_urgent */
	LEAT_SOFT_ERROR = 0x100, /* the network says something is wrong: leat_info (MUST-47) */
};

struct leat_event {
	struct leat_conn conn;
	struct leat_conn listener; /* with LEAT_ACCEPTED */
	uint32_t bits;
};

/* Text that is made when it is sent, and again when it is sent again: fill writes octets of the
 * stream [offset, offset + octets) to dst.  It must give the same octets for the same offset, also
 * after leat_close until they are acknowledged, and must not call the stack. */
struct leat_source {
	void (*fill)(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets);
	void *arg;
};

/* A timer of a connection: "rto", "persist", "keepalive", "tlp" (probe of the tail), "reorder",
 * "r2" (the limit of the one that runs), "delack", "2msl", "fin-wait-2". */
struct leat_timer {
	const char *name; /* NULL: none */
	uint64_t at;
};

#define LEAT_TIMER_MAX 3

/* All of RFC 9293 3.10.6 STATUS, and what is known besides: what the kernel's `ss -tieo` tells.
 * Instants are those of leat_now, 0: none yet.  With the stack's limit `tally` off, what stands
 * under it is 0.
 *
 * Of what ss tells is not here, as there is no such thing: pacing, a receive buffer that grows by
 * itself (rcv_space, rcv_rtt, rcv_ssthresh: the window is what rcv_buf lets it be), the peer's MSS
 * guessed from what arrives (rcvmss).  Not kept: busy and limited time, samples of the delivery
 * rate, the greatest reordering (RACK has a window of time, reo_wnd_us).  Computed from others:
 * send rate 8e6 * cwnd / srtt_us bits a second, unacknowledged snd_nxt - snd_una, sent
 * snd_nxt + again_octets. */
struct leat_info {
	const char *state; /* "ESTABLISHED" */
	const char *end;   /* how it ended, "-" while it lives */
	struct leat_addr local, remote;
	uint64_t opened_at;
	struct leat_timer timer[LEAT_TIMER_MAX]; /* those that are armed, the next first */
	uint64_t snd_una, snd_nxt, rcv_nxt; /* octets of user text acknowledged, sent, received */
	uint32_t unread, unsent;
	uint32_t cwnd, ssthresh, snd_wnd, rcv_wnd, mss;
	uint32_t srtt_us, rttvar_us, rto_us, rtx_cnt;
	const char *cc;    /* congestion control: "cubic" */
	const char *phase; /* "open", "recovery" or "loss" (a timeout is being repaired) */
	uint32_t in_flight, sacked, lost; /* of the octets sent and not acknowledged */
	uint32_t held;                    /* segments received, unread or out of order */
	uint32_t min_rtt_us;              /* of this flight; 0: not known */
	uint32_t adv_mss, backoff;        /* what we offered; doublings of the RTO */
	uint32_t urgent;                  /* as leat_urgent */
	uint8_t snd_wscale, rcv_wscale, dscp;
	bool passive; /* a peer opened it */
	bool wscale_on, sack_on, timestamps_on, ecn_on, keepalive_on, nodelay_on;
	const char *soft_error; /* the last ICMP error that ended nothing, "-": none */
	uint32_t soft_error_cnt;
	uint32_t pmtu;               /* octets of IP packet that the path takes */
	uint32_t flight_segs;        /* segments on the way; 0 also when not kept (no SACK) */
	uint32_t reo_wnd_us;         /* how much later than others one may come, RFC 8985 */
	uint32_t ato_us;             /* how long an ACK is delayed at most */
	uint32_t rcv_buf, send_buf;  /* octets that are held at most */
	uint32_t user_timeout_ms;    /* R2; UINT32_MAX: never */
	uint32_t keep_probes, tries; /* unanswered keep-alives; timeouts in a row */
	bool reordered;              /* the network has reordered this flight */
	bool app_limited;            /* there is less to send than may be */
	bool tally_on;               /* the rest is kept */
	uint64_t again_octets;       /* sent again; rtx_cnt segments */
	uint64_t last_sent_at, last_text_at, last_ack_at; /* text sent; text, ACK received */
	uint32_t segs_in, segs_out, text_segs_in, text_segs_out;
	uint32_t ooo_segs, dsacks, ce_segs; /* out of order; our text came twice; marked CE */
};

/* leat_listen listens on local (any address when family is 0, any of IPv4 when it is 0.0.0.0).  The
 * listener that names a connection most exactly gets it.  At most backlog connections may be
 * half open or not yet taken by an event; what a SYN cookie brings is not kept out by half-open
 * ones.  Gives the listener's handle.  LEAT_ERR_IN_USE when
 * another listener has it (MUST-41), LEAT_ERR_ADDRESS when it is not ours. */
int leat_listen(struct leat_stack *s, const struct leat_addr *local, uint32_t backlog,
	struct leat_conn *listener);

/* leat_connect begins to connect to remote from local (family 0: choose an address; port 0: choose
 * a port).  Gives the handle; LEAT_CONNECTED or LEAT_CLOSED follows. */
int leat_connect(struct leat_stack *s, const struct leat_addr *local,
	const struct leat_addr *remote, struct leat_conn *conn);

/* leat_listen_from listens for one remote only; leat_send on it turns it into an active open. */
int leat_listen_from(struct leat_stack *s, const struct leat_addr *local,
	const struct leat_addr *remote, struct leat_conn *listener);

/* Which SYN of a peer ends TIME-WAIT before its time (RFC 9293 3.6.1, MAY-2). */
enum leat_reuse {
	LEAT_REUSE_OFF,
	LEAT_REUSE_SEQ, /* one with a higher sequence number (RFC 1122 4.2.2.13) */
	LEAT_REUSE_TS,  /* and one with a newer timestamp (RFC 6191, SHLD-4) */
};

/* leat_reuse sets it for the connections that listener would get; new listeners have the stack's
 * default.  TIME-WAIT goes on beside the new connection until that is open, and is back when the
 * SYN proves to be an old duplicate. */
int leat_reuse(struct leat_stack *s, struct leat_conn listener, enum leat_reuse how);

/* leat_time_wait sets the length of 2MSL, 1 ms to 8 min, for the connection, which is not in
 * TIME-WAIT yet, or for those that a listener is going to have.  New ones have the stack's default.
 * Less than 2 s is not what RFC 9293 means.  LEAT_ERR_FULL: the stack has four other lengths. */
int leat_time_wait(struct leat_stack *s, struct leat_conn c, uint64_t two_msl_ns);

/* leat_time_wait_rst sets what an exact reset is to TIME-WAIT of the connection, or of those that a
 * listener is going to have: obeyed, it ends it, as RFC 9293 3.10.7.4 has it; ignored, it does not
 * (RFC 1337 3).  New ones have the stack's default. */
int leat_time_wait_rst(struct leat_stack *s, struct leat_conn c, bool obeyed);

/* leat_next_event gives the next event; false: none now.  Bits of one connection are collected, so
 * there is at most one pending event per connection. */
bool leat_next_event(struct leat_stack *s, struct leat_event *event);

/* leat_send copies as many octets as there is room for and returns how many; LEAT_ERR_AGAIN when
 * there is none. */
int64_t leat_send(struct leat_stack *s, struct leat_conn c, const void *data, size_t octets);

/* leat_send_source queues octets that source makes, all or, with LEAT_ERR_AGAIN, none; less than
 * 2^30 may be unacknowledged.  The octets of one connection come either all from leat_send or all
 * from sources with one fill and arg; there may be no place for one
 * more connection that has a source (stack_config.source_max). */
int leat_send_source(struct leat_stack *s, struct leat_conn c, const struct leat_source *source,
	uint64_t octets);

/* leat_send_room is how many octets leat_send, or leat_send_source where that was used, would take
 * now. */
size_t leat_send_room(struct leat_stack *s, struct leat_conn c);

/* leat_send_urgent sends as leat_send does and, when it took octets, puts the urgent mark behind
 * the last of them; LEAT_ERR_FULL as with leat_keepalive.  New programs should not use it (RFC 6093
 * 5, SHLD-13). */
int64_t leat_send_urgent(struct leat_stack *s, struct leat_conn c, const void *data, size_t octets);

/* leat_urgent is how many octets are to be read, or yet to arrive, up to the urgent mark; 0: there
 * is none ahead.  Urgent text stays in line with the rest (RFC 6093). */
int64_t leat_urgent(struct leat_stack *s, struct leat_conn c);

/* leat_recv copies at most octets (at least 1) and takes them.  0: EOF, the peer closed.
 * LEAT_ERR_AGAIN: nothing now.  LEAT_ERR_STATE: reset. */
int64_t leat_recv(struct leat_stack *s, struct leat_conn c, void *data, size_t octets);

/* leat_peek gives the first piece of text in place, without copy, and returns as leat_recv does;
 * the piece is valid until leat_take or the next call of the stack's turn. */
int64_t leat_peek(struct leat_stack *s, struct leat_conn c, const uint8_t **data);

/* leat_take takes octets of text that leat_peek showed. */
int leat_take(struct leat_stack *s, struct leat_conn c, size_t octets);

size_t leat_readable(struct leat_stack *s, struct leat_conn c);

/* leat_shutdown closes our direction: FIN after all that was sent.  Reading goes on. */
int leat_shutdown(struct leat_stack *s, struct leat_conn c);

/* leat_close closes both directions and releases the handle.  With unread text, or when text comes
 * later, the peer gets a reset (RFC 9293 3.6.1).  Closing a listener aborts what it has not handed
 * over. */
int leat_close(struct leat_stack *s, struct leat_conn c);

/* leat_abort resets the connection and releases the handle. */
int leat_abort(struct leat_stack *s, struct leat_conn c);

/* leat_release gives the handle up after LEAT_CLOSED. */
int leat_release(struct leat_stack *s, struct leat_conn c);

/* leat_nodelay switches Nagle's algorithm off (on: true sends at once).  RFC 9293 MUST-17. */
int leat_nodelay(struct leat_stack *s, struct leat_conn c, bool on);

/* leat_keepalive switches keep-alives on or off (MUST-24); they are off unless the stack's
 * default says otherwise (MUST-25).  Idle time, interval and number are the stack's (MUST-27).
 * LEAT_ERR_FULL: too many connections have one of these three, tcp.side_max of them. */
int leat_keepalive(struct leat_stack *s, struct leat_conn c, bool on);

/* leat_user_timeout sets after which time without an answer the connection is given up (R2,
 * MUST-21), its SYN included; 0: the stack's default; UINT64_MAX: never.  LEAT_ERR_FULL as with
 * leat_keepalive. */
int leat_user_timeout(struct leat_stack *s, struct leat_conn c, uint64_t ns);

/* leat_dscp sets the DSCP, 0 to 63, of what the connection sends, or of the connections that a
 * listener is going to have (MUST-48).  It may change any time (SHLD-21), but one path is not
 * another: better before anything is sent (SHLD-23). */
int leat_dscp(struct leat_stack *s, struct leat_conn c, uint8_t dscp);

/* A word of the program's own with each connection; 0 at first. */
int leat_set_user(struct leat_stack *s, struct leat_conn c, uint64_t user);
uint64_t leat_user(struct leat_stack *s, struct leat_conn c);

int leat_info(struct leat_stack *s, struct leat_conn c, struct leat_info *info);

/* leat_end is leat_info's `end` alone, which costs far less; "-" also for a stale handle. */
const char *leat_end(struct leat_stack *s, struct leat_conn c);

/* leat_now is the instant of the turn under way, in ns. */
uint64_t leat_now(const struct leat_stack *s);

const char *leat_error_text(int error);

/* A program as a shard runs it.  Each function may be NULL; none may wait.
 *
 *	event   one event of one connection
 *	turn    once a turn, after the events: begin connects, look at leat_now
 *	drain   finish: close what is idle now and the rest when its exchange is done
 *	undrain go on as before: NULL when it cannot */
struct leat_app {
	void *arg;
	void (*event)(void *arg, struct leat_stack *s, const struct leat_event *event);
	void (*turn)(void *arg, struct leat_stack *s);
	void (*drain)(void *arg, struct leat_stack *s);
	void (*undrain)(void *arg, struct leat_stack *s);
};

/* leat_next_conn walks what a program holds a handle of, in order of record: listeners, connections
 * that it opened, and those that it was told of with LEAT_ACCEPTED, also when they are CLOSED and
 * not released.  Not walked: half-open ones, those that wait to be accepted, and those that were
 * closed or released and now wait in TIME-WAIT or for the peer's FIN.  Begin with *cursor = 0;
 * false: no more.  The walk may be interleaved with other calls; what is opened meanwhile may be
 * missed. */
bool leat_next_conn(struct leat_stack *s, uint32_t *cursor, struct leat_conn *conn);

#endif
