/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_ENGINE_H
#define LEAT_TCP_ENGINE_H

/* tcp_engine: TCP for one shard.  Segments, user calls and instants in; lists out.
 *
 * It does no I/O, reads no clock, allocates nothing after new, and calls nobody.  Which tuple has
 * which tcb is the caller's knowledge (the flow table); the engine names a tcb by index.
 *
 *	    leat_tcp_segment_arrives ─┐                       ┌─► io.emit  segments to build
 *	    leat_tcp_open .. _abort  ─┼─► tcb, timers, lists ─┼─► io.give  buffers to free
 *	    leat_tcp_timers          ─┘                       ├─► io.news  users to tell
 *	                                                      └─► io.gone, io.born
 *
 * What a call makes sendable waits on the output list until leat_tcp_output, so that one ACK
 * answers a burst (MUST-58, MUST-59).  Call _output, _give and _news after each burst, each until
 * its list comes back not full.
 *
 * Lifecycle of a record: leat_tcp_open_* or io.born gives it; at io.gone it is CLOSED and must
 * leave the flow table; leat_tcp_free takes it back when no user holds a handle.
 *
 * Memory     leat_tcp_footprint(limits) octets, aligned to 64, kept as long as the engine is used.
 * Affinity   one lcore; no atomics.
 * Errors     a segment: enum tcp_verdict, counted.  A user call: enum tcp_error.  Impossible
 *            limits: footprint is 0.
 * RFC        9293 3.10. */

#include "base_hash.h"
#include "base_hist.h"
#include "tcp_io.h"
#include "tcp_state.h"
#include "tcp_tcb.h"
#include "tcp_verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_limits {
	uint32_t tcb_max; /* records: connections in any state, listeners, handles not released */
	uint32_t time_wait_max; /* connections that are open or in TIME-WAIT: each may come to that;
				 * 0: tcb_max */
	bool time_wait_wide;    /* they may be of IPv6: each takes 32 octets more, and each tcb 8 */
	uint32_t rbuf_max; /* received segments held for users or reassembly, all connections */
	uint32_t ext_max;  /* connections with text on the way that have more than NewReno; 0: a
			    * quarter of tcb_max, at least 64, at most 131,072 */
	uint32_t srec_max; /* segments sent and not acknowledged, all connections; 0: 8 x ext_max,
			    * at least 4,096, at most 524,288 */
	uint32_t side_max; /* connections that have a struct tcp_side; 0: a sixteenth of tcb_max, at
			    * least 64 */
	bool tally;        /* keep a struct tcp_tally of each connection, a line of memory that
			    * each segment touches */
};

/* RFC 3168 6.1.1; as in most kernels, a listener does what it is asked for. */
enum tcp_ecn {
	TCP_ECN_OFF,
	TCP_ECN_PASSIVE, /* when the peer asks */
	TCP_ECN_ACTIVE,  /* ask, too */
};

/* RFC 4987 3.6: what answers a SYN for which a listener has no half-open place. */
enum tcp_cookies {
	TCP_COOKIES_OFF,    /* the oldest half-open connection gives way */
	TCP_COOKIES_AUTO,   /* a cookie */
	TCP_COOKIES_ALWAYS, /* a cookie, also while there is a place */
	TCP_COOKIES_CNT
};

/* Which SYN ends TIME-WAIT (RFC 9293 3.6.1, MAY-2). */
enum tcp_reuse {
	TCP_REUSE_OFF,
	TCP_REUSE_SEQ, /* one with a higher sequence number, RFC 1122 4.2.2.13 */
	TCP_REUSE_TS,  /* and one with a newer timestamp, RFC 6191 (SHLD-4) */
	TCP_REUSE_CNT
};

/* Durations in ns, sizes in octets.  leat_tcp_knobs_default has the RFC's values. */
struct tcp_knobs {
	uint64_t two_msl_ns;        /* of new ones.  60 s: MSL of 30 s, as is usual; RFC 9293 3.4.2
				     * says 2 min */
	uint64_t connect_reuse_ns;  /* 0: never; so long after a TIME-WAIT, with timestamps, began
				     * our SYN may end it; at least 1 ms */
	uint64_t epoch_ns;          /* 0: what to add to now for the clock that peers see, in ISNs,
				     * timestamps and cookies: it goes on where the process's
				     * last run, under the same secret, left it (3.4.3) */
	uint64_t rto_initial_ns;    /* 1 s, RFC 6298 2.1 */
	uint64_t rto_min_ns;        /* 1 s, RFC 6298 2.4 */
	uint64_t rto_max_ns;        /* 60 s, RFC 6298 2.5 */
	uint64_t r2_ns;             /* 100 s, SHLD-11 */
	uint64_t r2_syn_ns;         /* 180 s, MUST-23 */
	uint64_t fin_wait_2_ns;     /* 60 s, once the user closed both directions */
	uint64_t keep_idle_ns;      /* 2 h of silence before the first keep-alive, MUST-28 */
	uint64_t keep_interval_ns;  /* 75 s between unanswered keep-alives */
	uint64_t delack_ns;         /* 40 ms, below 500 ms (MUST-40); 0: no delay */
	uint64_t reply_interval_ns; /* 500 ms between limited replies of one connection */
	uint32_t rcv_buf_octets;    /* 65,535, at most 1 GiB: text of one connection that we hold */
	uint16_t rcv_seg_max;       /* 128: buffers held for one connection, half of them for text
				     * out of order; so much of the pool a peer can use up */
	uint16_t rbuf_octets;       /* 1,460: text a buffer takes, at least, with its room; no more
				     * is offered than rcv_seg_max of them hold */
	uint16_t mtu;               /* 1500: octets of IP packet */
	uint16_t iw_segs;           /* 10, RFC 6928 */
	uint8_t ack_every;          /* 2, SHLD-19; 1 acknowledges each segment */
	uint8_t ecn;                /* TCP_ECN_PASSIVE; enum tcp_ecn, SHLD-8 */
	uint8_t dscp;               /* 0: of a new connection, MUST-48 */
	uint8_t quick_acks;         /* 0: first segments that are acknowledged at once */
	uint8_t syn_tries;          /* 0: how often a SYN goes again is up to r2_syn_ns alone */
	uint8_t syn_ack_tries;      /* 5, given up after 63 s; 0: likewise a SYN,ACK */
	uint8_t syn_cookies;        /* TCP_COOKIES_AUTO; enum tcp_cookies */
	uint8_t time_wait_reuse;    /* TCP_REUSE_TS; enum tcp_reuse, of a new listener */
	bool time_wait_compact;     /* true: as records; false: as control blocks, the oracle */
	bool time_wait_evict;       /* false: when it is full the oldest goes, not the new one */
	uint8_t rtx_tries;          /* 0: likewise text and FIN, and r2_ns */
	uint8_t r1_cnt;             /* 3 retransmissions until the user hears, SHLD-10 */
	uint8_t keep_cnt;           /* 9 keep-alives unanswered end it; at least 2, MUST-29 */
	bool keepalive;             /* false: of a new connection, MUST-25 */
	uint8_t cc;                 /* TCP_CC_CUBIC; enum tcp_cc_name */
	bool sack;                  /* true: offer and take SACK, RFC 2018 */
	uint16_t adv_mss;           /* 0: what mtu allows; else at most this is offered */
	uint16_t pmtu_min;          /* 552: IPv4 paths are not believed to be narrower */
	bool icmp_pmtu;             /* true: "too big" narrows the path, RFC 1191, 8201 */
	bool icmp_hard;             /* true: a hard error ends a handshake, SHLD-26 */
	bool icmp_soft;             /* true: users hear of the others, SHLD-20, SHLD-25 */
	bool wscale;                /* true: offer and take window scale, RFC 7323 2 */
	bool timestamps;            /* true: offer and take them, RFC 7323 3 */
	bool ts_required;           /* true: once agreed, drop segments without (RFC 7323 3.2) */
	bool nagle;                 /* true, SHLD-7 */
	bool rst_ends_time_wait;    /* of new ones.  false: RFC 1337; true: 9293 3.10.7.4's text */
	bool fast_path;             /* true: tcp_input_fast.c, when it is in the build */
};

enum tcp_cc_name {
	TCP_CC_RENO,  /* RFC 5681 */
	TCP_CC_CUBIC, /* RFC 9438 */
	TCP_CC_CNT
};

/* What an ICMP error says, RFC 9293 3.9.2.2. */
enum tcp_icmp_kind {
	TCP_ICMP_NONE,
	TCP_ICMP_UNREACHABLE, /* net, host, route, address: soft, MUST-56 */
	TCP_ICMP_TIME,        /* time exceeded: soft */
	TCP_ICMP_PARAM,       /* parameter problem: soft */
	TCP_ICMP_REFUSED,     /* protocol, port, or prohibited for good: hard, SHLD-26 */
	TCP_ICMP_TOO_BIG,     /* the path takes no more than mtu */
	TCP_ICMP_CNT
};

struct tcp_icmp {
	enum tcp_icmp_kind kind;
	struct seq seq; /* of the segment it quotes */
	uint32_t mtu;   /* with TOO_BIG; 0: not told */
};

/* Why a user call was refused; 0 is no error. */
enum tcp_error {
	TCP_ERR_NONE,
	TCP_ERR_NO_TCB, /* no free record */
	TCP_ERR_STATE,  /* not in this state: "connection does not exist" or "closing" */
	TCP_ERR_REMOTE, /* SEND in LISTEN without a remote socket: "unspecified" */
	TCP_ERR_CNT
};

/* The engine's counters; all since new, but present and held, which are now. */
struct tcp_counters {
	uint64_t verdict[TCP_V_CNT];
	uint64_t arrow[TCP_ARROW_CNT];
	uint64_t opened_active, opened_passive; /* opened = sum of ended + present */
	uint64_t ended[TCP_END_CNT];
	uint64_t time_wait_entered, time_wait_restarted;
	uint64_t time_wait_stayed;  /* as control blocks: no record would hold them in order */
	uint64_t time_wait_put_off; /* restarts that wait for their place, as there was no block */
	uint64_t time_wait_moved;   /* records, to close the holes of others */
	uint64_t time_wait_unanswered; /* too many were to be answered at once */
	uint64_t time_wait_late_ns, time_wait_late_ns_max; /* behind 2MSL, of all that expired */
	uint64_t time_wait_late[HIST_OCTAVE_CNT];          /* the same, by hist_octave */
	uint64_t timer_late_ns, timer_late_ns_max;         /* likewise of the timers of the wheel */
	uint64_t timer_late[HIST_OCTAVE_CNT];
	uint64_t fast; /* segments that tcp_input_fast.c took; they have a verdict, too */
	uint64_t emitted, emitted_rst, emitted_again; /* segments; again: retransmissions */
	/* What was retransmitted, each in one of these: text has it even with a FIN behind it; fin:
	 * a FIN alone; probe: of a closed window. */
	uint64_t again_syn, again_syn_ack, again_text, again_fin, again_probe;
	uint64_t ecn_ce_seen, ecn_cut; /* segments marked CE; reductions for ECE */
	/* ICMP errors, one of these each: about nothing that is on the way; told the user; ended a
	 * handshake; narrowed the path; without consequence. */
	uint64_t icmp_stray, icmp_soft, icmp_refused, icmp_narrowed, icmp_ignored;
	uint64_t rst_unsent;   /* resets dropped because io.emit was full */
	uint64_t text_ooo;     /* segments held out of order */
	uint64_t text_refused; /* segments in order for which there was no record */
	uint64_t text_packed;  /* octets copied behind those of another segment */
	uint64_t text_evicted; /* segments out of order that made room for text in order */
	uint64_t reass_steps;  /* records passed over in search of a segment's place */
	uint64_t rto_fired, probe_fired, keep_fired;
	uint64_t tlp_fired, reorder_fired;    /* RFC 8985 */
	uint64_t recoveries, recovery_undone; /* fast recoveries; those that were not needed */
	uint64_t rto_undone;                  /* timeouts that were not needed (RFC 5682, 2883) */
	uint64_t sack_bad, dsack_heard;       /* blocks that cannot be; reports of duplicates */
	uint64_t dsack_told;                  /* duplicates that we reported */
	uint64_t reneged;                     /* timeouts at which SACKed text had to go again */
	uint64_t ext_none, srec_none;         /* a pool was empty: plain NewReno; not sent now */
	uint64_t side_none;                   /* likewise: struct tcp_side says what that means */
	uint32_t present[TCP_ST_CNT];         /* records in each state */
	uint32_t rbuf_held;                   /* records of text on any queue */
	uint32_t ext_held, srec_held, side_held; /* in use */
};

/* tcp_again_sum is emitted_again, by kind: the same number. */
static inline uint64_t tcp_again_sum(const struct tcp_counters *c)
{
	return c->again_syn + c->again_syn_ack + c->again_text + c->again_fin + c->again_probe;
}

/* What is counted of one connection, with limits.tally; instants of the last, 0: none yet. */
struct tcp_tally {
	uint64_t sent_at, text_at, ack_at; /* text sent; text and an acceptable ACK received */
	uint64_t again_octets;             /* sent again */
	uint32_t segs_in, segs_out;
	uint32_t text_segs_in, text_segs_out;
	uint32_t ooo_segs; /* received out of order, and held */
	uint32_t dsacks;   /* reports of ours that came twice */
	uint32_t ce_segs;  /* received with a mark of congestion */
	uint32_t spare;
};

STATIC_ASSERT(sizeof(struct tcp_tally) == 64, "a line of its own");

struct tcp_engine;
struct tcp_follow;

/* leat_tcp_follow has each arrow of a connection noted in f (tcp_follow.h), which is kept until
 * another is given, or NULL. */
void leat_tcp_follow(struct tcp_engine *e, struct tcp_follow *f);

void leat_tcp_knobs_default(struct tcp_knobs *knobs);

/* leat_tcp_limits is limits with those that were left to us, as 0. */
struct tcp_limits leat_tcp_limits(const struct tcp_limits *limits);

/* leat_tcp_footprint is the octets an engine needs; 0 for impossible limits. */
size_t leat_tcp_footprint(const struct tcp_limits *limits);

/* leat_tcp_new formats mem, which it keeps.  secret keys the initial sequence numbers (RFC 6528);
 * now is the shard's clock. */
struct tcp_engine *leat_tcp_new(void *mem, const struct tcp_limits *limits,
	const struct tcp_knobs *knobs, struct hash_key secret, uint64_t now);

/* leat_tcp_tcb is record idx, which is less than limits.tcb_max; in state NONE when it is free. */
struct tcb *leat_tcp_tcb(struct tcp_engine *e, uint32_t idx);

/* leat_tcp_is_full says whether there is no record left (leat_tcp_has_tcb), or no place in
 * TIME-WAIT. */
bool leat_tcp_has_tcb(const struct tcp_engine *e);
bool leat_tcp_is_full(const struct tcp_engine *e);

/* leat_tcp_side is what tcb has beside itself. */
const struct tcp_side *leat_tcp_side(const struct tcp_engine *e, const struct tcb *tcb);

/* leat_tcp_tally is what was counted of tcb; all 0 when nothing is. */
const struct tcp_tally *leat_tcp_tally(const struct tcp_engine *e, const struct tcb *tcb);

/* leat_tcp_tuple is the tuple of tcb. */
void leat_tcp_tuple(const struct tcp_engine *e, const struct tcb *tcb, struct tuple *tuple);

/* leat_tcp_link says which addresses are ours, before the first connection of IPv6; it is kept, and
 * does not change. */
void leat_tcp_link(struct tcp_engine *e, const struct wire_link *link);

/* For the flow table: the struct ends46 of record i is at leat_tcp_ends + i * sizeof(struct tcb),
 * and what of a wide one stands apart at leat_tcp_high + i. */
const void *leat_tcp_ends(const struct tcp_engine *e);
const uint64_t *leat_tcp_high(const struct tcp_engine *e);

/* leat_tcp_rto_us is the retransmission timeout of tcb before it is doubled (RFC 6298 2). */
uint32_t leat_tcp_rto_us(const struct tcp_engine *e, const struct tcb *tcb);

const struct tcp_counters *leat_tcp_counters(const struct tcp_engine *e);

/* leat_tcp_limits_of is what it was made for; what was 0 is filled in. */
const struct tcp_limits *leat_tcp_limits_of(const struct tcp_engine *e);

/* leat_tcp_segment_arrives is RFC 9293 3.10.7 for one segment.  tcb is the connection or listener
 * that has the segment's tuple, or NULL.  Takes seg->buf: it comes back through io.give, at once
 * or when the user has read the text.  At most one emit, one gone, one born. */
enum tcp_verdict leat_tcp_segment_arrives(struct tcp_engine *e, struct tcb *tcb,
	const struct tuple *tuple, const struct seg *seg, uint64_t now, struct tcp_io *io);

/* leat_tcp_icmp_arrives is an ICMP error about a segment of ours; tcb has its tuple, or is NULL. */
void leat_tcp_icmp_arrives(struct tcp_engine *e, struct tcb *tcb, const struct tcp_icmp *icmp,
	uint64_t now, struct tcp_io *io);

const char *leat_tcp_icmp_name(enum tcp_icmp_kind kind);

/* leat_tcp_timers fires at most max (at most TCP_IO_GONE_MAX) timers that are due at now. */
uint32_t leat_tcp_timers(struct tcp_engine *e, uint64_t now, uint32_t max, struct tcp_io *io);

/* leat_tcp_send_again: of what tcb sent and nobody acknowledged some may not have left; it goes
 * with the next output, without a word about the network. */
void leat_tcp_send_again(struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io);

/* leat_tcp_output builds what is sendable until io.emit is full. */
void leat_tcp_output(struct tcp_engine *e, uint64_t now, struct tcp_io *io);

/* leat_tcp_give adds buffers that are finished with until io.give is full. */
void leat_tcp_give(struct tcp_engine *e, struct tcp_io *io);

/* leat_tcp_news adds what users should hear until io.news is full. */
void leat_tcp_news(struct tcp_engine *e, struct tcp_io *io);

/* leat_tcp_next_deadline is the instant of the next timer; TIME_NEVER: none.  Exactly so once
 * leat_tcp_output has emptied its list: a connection that waits on it has its timers set there. */
uint64_t leat_tcp_next_deadline(struct tcp_engine *e);

/* leat_tcp_due is the same when that is not after now, else any instant after it; it costs less. */
uint64_t leat_tcp_due(struct tcp_engine *e, uint64_t now);

/* leat_tcp_ring_deadline is when tcb leaves TIME-WAIT (or FIN-WAIT-2 by its limit). */
uint64_t leat_tcp_ring_deadline(const struct tcp_engine *e, const struct tcb *tcb);

/* leat_tcp_ring_lasts is how long that lasts from its start, for a tcb that is there. */
uint64_t leat_tcp_ring_lasts(const struct tcp_engine *e, const struct tcb *tcb);

/* leat_tcp_iss_force makes the next OPEN or SYN use iss, to test the wrap at 2^32. */
void leat_tcp_iss_force(struct tcp_engine *e, uint32_t iss);

/* leat_tcp_free takes back a CLOSED record; its index may be used again at once. */
void leat_tcp_free(struct tcp_engine *e, struct tcb *tcb);

/* leat_tcp_drop ends a connection without a word, and adds it to io.gone: ABORTED one that found no
 * room in the flow table, EVICTED one in SYN-RECEIVED, REUSED or GAVE_WAY one in TIME-WAIT. */
void leat_tcp_drop(struct tcp_engine *e, struct tcb *tcb, enum tcp_end why, struct tcp_io *io);

/* leat_tcp_cookie answers a SYN to a listener with a cookie and keeps nothing of it; for those of
 * the next minutes leat_tcp_segment_arrives takes the ACK that brings it back.  Takes seg->buf.
 * Assumes io.emit is not full. */
enum tcp_verdict leat_tcp_cookie(struct tcp_engine *e, const struct tcb *listener,
	const struct tuple *tuple, const struct seg *seg, uint64_t now, struct tcp_io *io);

/* leat_tcp_is_cookie says whether seg, for a listener, is such an ACK. */
bool leat_tcp_is_cookie(
	struct tcp_engine *e, const struct tuple *tuple, const struct seg *seg, uint64_t now);

/* leat_tcp_reuse sets which SYNs may end TIME-WAIT on behalf of listener. */
void leat_tcp_reuse(struct tcb *listener, enum tcp_reuse reuse);

/* leat_tcp_two_msl sets the length of TIME-WAIT of tcb, which is not in it, or of the connections
 * that tcb, a listener, will have.  false: there are TIMER_RING_LENGTHS others. */
bool leat_tcp_two_msl(struct tcp_engine *e, struct tcb *tcb, uint64_t ns);

/* leat_tcp_rst_ends sets whether an exact reset ends TIME-WAIT of tcb, or of the connections that
 * tcb, a listener, will have. */
void leat_tcp_rst_ends(struct tcb *tcb, bool on);

/* leat_tcp_may_reopen says whether leat_tcp_reopen would make a child, if there is a record: the
 * SYN is newer than all that old heard. */
bool leat_tcp_may_reopen(const struct tcp_engine *e, const struct tcb *old,
	const struct tcb *listener, const struct seg *seg);

/* leat_tcp_reopen is a SYN for old, in TIME-WAIT, whose tuple listener, which reuses, would take.
 * When it opens anew io.born is the child, and old stays as it is, beside it: once the child is
 * synchronized old is to be dropped (REUSED), and when that fails, old is what the tuple names
 * again (MAY-2). */
enum tcp_verdict leat_tcp_reopen(struct tcp_engine *e, struct tcb *old, const struct tcb *listener,
	const struct seg *seg, uint64_t now, struct tcp_io *io);

/* leat_tcp_may_reuse says whether an OPEN of ours may take the tuple of old over, as a SYN that
 * does would be newer than all that old sent; leat_tcp_iss_after is for the new one then. */
bool leat_tcp_may_reuse(const struct tcp_engine *e, const struct tcb *old, uint64_t now);
void leat_tcp_iss_after(struct tcb *tcb, const struct tcb *old);

#endif
