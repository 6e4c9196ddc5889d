/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STACK_H
#define LEAT_STACK_H

/* stack: the whole endpoint of one core, without a device.
 *
 * Frames in, frames out, instants, and the calls of leat.h.  It is what a shard runs on its
 * queues, and what the conversations, the simulator and the fuzzers drive under a virtual clock.
 *
 *	  frames ─► parse ─► lookup ─► input ─┐             ┌─► events ─► the program (leat.h)
 *	                     (flow table)     ├─► tcp, inet ┤
 *	                          timers ─────┘             └─► output ─► frames
 *
 * Deterministic: an instance object, no globals, no threads; time is an argument (64-bit ns, any
 * epoch, may jump by days, never goes back); next_deadline is exact; one seed decides initial
 * sequence numbers, ports and hash keys.  What an injected frame, a call or a timer makes sendable
 * is handed out by the leat_stack_output calls that follow, before time moves on.
 *
 * A connection that a peer opened answers to the station its SYN came from until the neighbour
 * table knows better, so that a SYN-ACK leaves at once; the table itself learns nothing from that.
 * A segment whose neighbour is not known yet waits in a short list, of which text has at most
 * half, for the answer; what finds no place there, or nobody answers for, is dropped and counted,
 * and TCP sends it again.
 *
 * Buffers: the stack knows a received buffer as a handle (pkt.buf) that it takes with
 * leat_stack_input and gives back through leat_stack_give, each exactly once.  Frames to send are
 * written into memory the caller lends to leat_stack_output.
 *
 * Shape      leat_stack_footprint(config) octets; everything inside is sized by the config.
 * Memory     keeps mem as long as it is used; nothing to free.
 * Affinity   one lcore; no atomics.
 * Errors     a frame: enum wire_verdict, then enum tcp_verdict, each counted once.  Impossible
 *            config: footprint is 0 and leat_stack_config_error says why.
 * See        leat.h for connections, tcp_engine.h for TCP. */

#include "inet_icmp.h"
#include "inet_neigh.h"
#include "leat.h"
#include "tcp_engine.h"
#include "wire_pkt.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STACK_BURST_MAX    32
#define STACK_PART_MAX     9
#define STACK_TARGET_MAX   (UINT32_C(1) << 24)
#define STACK_NEIGH_MAX    (UINT32_C(1) << 20)
#define STACK_CHUNK_OCTETS 2048 /* of the pool that leat_send copies into */

struct flow_steer;

struct stack_config {
	uint64_t seed;
	struct hash_key secret; /* of ISNs and timestamps, kept from run to run; 0 0: the seed's */
	uint64_t quiet_ns;      /* so long after new, connects are refused: RFC 9293 3.4.3 */
	struct wire_link link;
	struct ip gateway4, gateway6; /* any: none, everything must be on-link */
	struct tcp_limits tcp;
	struct tcp_knobs knobs;
	uint32_t listener_max;
	uint32_t target_max; /* distinct (address, port) that leat_connect may go to at one time */
	uint32_t neigh_max;
	uint32_t send_buf_octets; /* leat_send: octets queued and unacknowledged per connection */
	uint32_t send_chunk_cnt;  /* pool of STACK_CHUNK_OCTETS each, all connections */
	uint32_t source_max;      /* connections whose text is made by a leat_source; 0: a
				   * sixty-fourth of the connections, at least 64 */
	uint16_t port_from, port_to;    /* local ports of leat_connect */
	const struct flow_steer *steer; /* kept; which flows are ours.  NULL: all */
	uint32_t shard_idx;             /* who we are to steer */
	uint8_t ttl;
	bool tx_csum_l4; /* the device completes the TCP checksum (pseudo sum is written) */
	bool tx_csum_ip; /* the device writes the IPv4 header checksum */
};

/* One burst on its way through parse, lookup and input. */
struct stack_burst {
	uint32_t cnt;
	struct pkt pkt[STACK_BURST_MAX];
	enum wire_verdict verdict[STACK_BURST_MAX];
	/* With WIRE_V_TCP, after input; TCP_V_CNT: a listener refused the SYN (accept_refused). */
	enum tcp_verdict tcp_verdict[STACK_BURST_MAX];
	const struct tuple *tuple[STACK_BURST_MAX];
	uint64_t hash[STACK_BURST_MAX];
	uint32_t idx[STACK_BURST_MAX];
	uint64_t births; /* the stack's count at lookup: a miss may have been born since */
};

/* A frame to send: the caller sets data and room; output sets the rest. */
struct stack_frame {
	uint8_t *data;
	uint32_t room; /* at least mtu + 18 */
	uint32_t octets;
	uint8_t l2_octets, l3_octets;
	bool is_tcp, is_ip4; /* with tx_csum_*: what the device must complete */
	bool again;          /* a retransmission */
};

struct stack_counters {
	uint64_t frames_in, octets_in; /* frames_in = sum of wire */
	uint64_t frames_out, octets_out;
	uint64_t wire[WIRE_V_CNT];
	uint64_t segments;       /* shown to the engine = sum of its verdicts;
					  * wire[WIRE_V_TCP] = segments + accept_refused */
	uint64_t out_no_neigh;   /* segments dropped: the neighbour did not answer, or no place */
	uint64_t out_held;       /* connections that it made wait, or a link that was down, however
				  * often they tried; they send again when the neighbour is there */
	uint64_t out_waited;     /* segments that had to wait for a neighbour */
	uint64_t out_void;       /* text that was not wanted any more when he answered */
	uint64_t accept_refused; /* SYNs dropped: backlog full, a cookie no remedy; draining */
	uint64_t cookie_refused; /* came back and found no place: dropped, or draining: reset */
	uint64_t time_wait_returned; /* taken over, but by an old duplicate: MAY-2 */
	uint64_t time_wait_refused;  /* SYNs and connects: nowhere to wait, should it close first */
	uint64_t connect_reused;     /* tuples in TIME-WAIT that leat_connect took over */
	uint64_t flow_refused;       /* SYNs and connects dropped: no room in the flow table */
	uint64_t quiet_refused;      /* connects refused: LEAT_ERR_QUIET */
	uint64_t no_port;            /* connects refused: LEAT_ERR_NO_PORT */
	uint64_t send_no_chunk;      /* leat_send cut short, or leat_send_source refused: there is
				      * no chunk, or no place for a source, left */
	uint64_t stale_handle;       /* calls refused: LEAT_ERR_STALE */
};

/* leat_stack_config_default fills knobs and small limits; link and tcp limits are the caller's. */
void leat_stack_config_default(struct stack_config *config);

/* leat_stack_config_error is NULL, or a sentence that names the key, its value and its range. */
const char *leat_stack_config_error(const struct stack_config *config, char *text, size_t size);

size_t leat_stack_footprint(const struct stack_config *config);

/* What of a footprint is for what. */
struct stack_part {
	const char *name;
	uint32_t cnt; /* records; 0: none to speak of */
	size_t octets;
};

/* leat_stack_parts takes the footprint apart and returns how many parts there are; 0 for a config
 * that is impossible.  They add up to the footprint. */
uint32_t leat_stack_parts(
	const struct stack_config *config, struct stack_part part[STACK_PART_MAX]);

struct leat_stack *leat_stack_new(void *mem, const struct stack_config *config, uint64_t now);

/* The three steps of a burst.  The caller sets cnt and the in part of each pkt, and has fetched the
 * first line of each frame. */
void leat_stack_parse(struct leat_stack *s, struct stack_burst *b);
void leat_stack_lookup(struct leat_stack *s, struct stack_burst *b);
void leat_stack_input(struct leat_stack *s, struct stack_burst *b, uint64_t now);

/* leat_stack_inject does the three for one frame and returns its verdict. */
enum wire_verdict leat_stack_inject(
	struct leat_stack *s, const uint8_t *frame, uint32_t octets, void *buf, uint64_t now);

/* leat_stack_timers fires at most max timers that are due, TCP's and the neighbours' in one order
 * of deadline; returns how many.  Those that are due still, with fewer than max, wait until
 * leat_stack_output has taken the resets of others. */
uint32_t leat_stack_timers(struct leat_stack *s, uint64_t now, uint32_t max);

/* leat_stack_next_deadline is the instant of the next timer; TIME_NEVER: none.  Exactly so once
 * leat_stack_output has had everything out. */
uint64_t leat_stack_next_deadline(struct leat_stack *s);

/* leat_stack_output writes at most max frames and returns how many; fewer than max: all is out that
 * may be sent in one turn, and leat_stack_next_deadline tells whether that is all. */
uint32_t leat_stack_output(
	struct leat_stack *s, uint64_t now, struct stack_frame *frame, uint32_t max);

/* leat_stack_give returns at most max buffers that the stack is finished with; fewer than max: no
 * more.  Assumes it is called until then after each burst that carried buffers. */
uint32_t leat_stack_give(struct leat_stack *s, void **buf, uint32_t max);

/* leat_stack_set_now tells the calls of leat.h the instant of this turn; input, timers and output
 * do so too. */
void leat_stack_set_now(struct leat_stack *s, uint64_t now);

/* leat_stack_link tells that the link went down, or came up: another station may be at its end
 * then, so neighbours are forgotten when it goes, and asked for anew; and when it comes, those
 * connections go on whose segments did not leave. */
void leat_stack_link(struct leat_stack *s, bool up);

/* leat_stack_refuse makes listeners drop new SYNs from now on (true), or take them again. */
void leat_stack_refuse(struct leat_stack *s, bool refuse);

/* leat_stack_abort_some closes every listener and resets the connections among the next max
 * records from *cursor, which is 0 at first; TIME-WAIT stays.  False: that was the last record.
 * What is more than one list of resets follows with the calls of leat_stack_output. */
bool leat_stack_abort_some(struct leat_stack *s, uint32_t *cursor, uint32_t max);

/* leat_stack_abort_all does it for all records at once. */
void leat_stack_abort_all(struct leat_stack *s);

const struct stack_counters *leat_stack_counters(const struct leat_stack *s);
const struct tcp_counters *leat_stack_tcp(const struct leat_stack *s);
const struct inet_icmp_counters *leat_stack_icmp(const struct leat_stack *s);
struct inet_neigh *leat_stack_neigh(struct leat_stack *s);
struct tcp_engine *leat_stack_engine(struct leat_stack *s);

/* leat_stack_counts_error checks the laws that hold between the counters alone, at any time between
 * two calls; a copy of them will do. */
const char *leat_stack_counts_error(
	const struct stack_counters *c, const struct tcp_counters *t, char *text, size_t size);

/* leat_stack_ledger_error checks the laws of conservation (frames, segments, connections, buffers,
 * flow table against a recount of the records) and is NULL, or the law that does not hold.  Moves
 * nothing.  Assumes leat_stack_give was called until it had no more: what the connections do not
 * hold is home. */
const char *leat_stack_ledger_error(struct leat_stack *s, char *text, size_t size);

/* What a capture tells of a connection. */
struct stack_glance {
	uint8_t state; /* enum tcp_state; CLOSED: there is none */
	bool numbers;  /* the two below are known */
	uint32_t snd_nxt, rcv_nxt;
};

/* leat_stack_glance looks at the connection that has this tuple, or, with listeners and when there
 * is none, at the listener that a SYN would reach. */
struct stack_glance leat_stack_glance(
	const struct leat_stack *s, const struct tuple *tuple, bool listeners);

/* leat_stack_end_name is how a connection ended: "reset by peer"; why is an enum tcp_end. */
const char *leat_stack_end_name(uint8_t why);

/* leat_stack_follow has each arrow of each connection noted in f (tcp_follow.h) from now on; NULL:
 * nowhere. */
void leat_stack_follow(struct leat_stack *s, struct tcp_follow *f);

/* leat_stack_dump writes one line per connection, in order of record: stable text for tests. */
void leat_stack_dump(struct leat_stack *s, FILE *out);

#endif
