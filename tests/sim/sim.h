/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIM_H
#define LEAT_SIM_H

/* sim: several stacks, a network between them that fails in every way, and one virtual clock.
 *
 *	program ─ shard ┐                                        ┌ shard ─ program
 *	program ─ shard ┴ NIC ─► link: delay, rate, faults ─► NIC ┴ shard ─ program
 *	                   ▲            ▲                      ▲
 *	                   └──── one queue of events by instant ┘
 *
 * The stacks are the production objects.  One process, one thread; everything is decided by the
 * plan (sim_plan.h), so that a seed is a run, on every machine and with every compiler: the digest
 * over all frames, events and counters says so.
 *
 *	sim_main   arguments          sim_world  clock, queue of events
 *	sim_modes  many runs          sim_net    links and buffers
 *	sim_plan   a run from a seed  sim_fault  what goes wrong; sim_noise: strangers' frames
 *	sim_shrink less of a failure  sim_host   shards and NICs
 *	sim_middle boxes on the way   sim_end    the programs, with sim_open, sim_work, sim_calm
 *	sim_check  inside the stacks  sim_misuse their mistakes
 *	sim_pcap   for tcpdump        sim_break  a thing broken for each check
 *	sim_watch  outside, on the wire
 *
 * A run has three parts: faults, calm (everything must come to its end), silence (nothing may
 * move).
 *
 * Memory     malloc; leat_sim_world_free takes all of it back, also after a failure.
 * Errors     leat_sim_fail ends the run with a sentence that begins with the invariant. */

#include "base_prng.h"
#include "flow_hash.h"
#include "leat.h"
#include "sim_plan.h"
#include "sim_watch.h"
#include "stack.h"
#include "twin.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define SIM_TEXT_MAX    256
#define SIM_END_MAX     1024 /* ends of connections that programs hold at one time */
#define SIM_OUT_MAX     32
#define SIM_SERVER_PORT 80
#define SIM_CLOSED_PORT 81
#define SIM_CLIENT_PORT 4000 /* the first local port that the stacks choose */
#define SIM_NAT_MAX     64

struct sim_world;

/* A frame, and who has it. */
enum sim_owner {
	SIM_OWNER_FREE,
	SIM_OWNER_NET, /* on a link, or waiting to be played again */
	SIM_OWNER_NIC, /* in the receive ring or the send queue of a host */
	SIM_OWNER_STACK,
	SIM_OWNER_CNT
};

struct sim_buf {
	struct sim_buf *next;
	uint64_t born_at; /* when a stack sent it; nothing arrives an MSL later */
	uint32_t octets;
	uint8_t owner, host, shard;
	uint8_t src, dst; /* hosts, or SIM_ANY for a stranger */
	uint32_t guard;
	uint8_t *data;
};

enum sim_event_kind {
	SIM_EVENT_FRAME, /* ptr arrives at host */
	SIM_EVENT_POLL,  /* shard of host runs */
	SIM_EVENT_END,   /* the program's end number arg wants to go on */
	SIM_EVENT_FLOW,  /* flow arg opens its next connection */
	SIM_EVENT_FAULT_ON,
	SIM_EVENT_FAULT_OFF,
	SIM_EVENT_NOISE, /* fault arg sends a frame of its own */
	SIM_EVENT_QUIET, /* the host may talk again */
	SIM_EVENT_LISTEN,
};

struct sim_event {
	uint64_t at, order;
	enum sim_event_kind kind;
	uint8_t host, shard;
	uint32_t arg;
	struct sim_buf *buf;
};

/* The records of one shard as they were last seen. */
struct sim_shadow {
	uint32_t gen;
	uint8_t state;
	struct seq una, nxt, rcv_nxt, edge;
	uint64_t time_wait_at, una_offset;
	struct seq sent; /* SND.NXT when frames left last */
	uint32_t sent_gen;
};

/* A record of TIME-WAIT as it was last seen. */
struct sim_rest {
	struct tuple tuple;
	uint64_t ends_at, seen_at; /* seen first */
	bool there;
};

struct sim_shard {
	struct leat_stack *stack;
	void *mem;
	struct sim_buf *ring_head, *ring_tail; /* received, not polled */
	uint32_t ring_cnt;
	struct sim_buf *tx_head, *tx_tail; /* the NIC refused them for now */
	uint32_t tx_cnt;
	uint64_t ahead; /* its clock is so far ahead of the world's */
	uint64_t stalled_until, poll_at, deadline;
	uint32_t held; /* buffers in the stack */
	struct sim_shadow *shadow;
	struct sim_rest *rest;
	uint32_t rest_cnt, rest_max;
	struct tcp_counters last;
	uint16_t port_from, port_to;
	struct ip addr;
	struct leat_conn listener;
};

struct sim_host {
	const struct sim_host_plan *plan;
	struct sim_shard shard[SIM_SHARD_MAX];
	uint32_t idx;
	struct ip addr;
	struct mac mac;
	uint32_t rx_out, rx_max; /* receive buffers in use, and allowed */
	uint32_t tx_most;        /* frames the NIC takes at a time */
	uint64_t quiet_until;    /* after a restart; 0: it runs */
	uint32_t lives;
	struct flow_rss rss;
};

/* One end of a connection, as the program has it. */
struct sim_end {
	bool used, connected, eof, shut, over, dead, server, tainted;
	bool gap_armed, closed_seen, aborted, reset, listening, refused;
	uint8_t host, shard;
	uint32_t flow, incarnation;
	struct leat_conn conn;
	struct leat_addr local, remote;
	uint64_t serial, peer_serial;
	uint64_t tx_done, rx_done, offered; /* offered: queued with leat_send_source */
	uint64_t tx_next_at, rx_next_at, end_at, over_at;
	uint8_t head[8];
	const char *how; /* it ended, as leat_info said */
	const struct sim_side *side;
	struct prng prng;
	uint32_t peer_idx; /* the end it talks to, UINT32_MAX */
};

/* What became of each flow of the plan. */
struct sim_outcome {
	uint32_t opened, refused, complete, failed;
	uint32_t left; /* incarnations to come */
	uint32_t tries;
};

/* A connection that a NAT gave another port; used again when it is full. */
struct sim_nat {
	uint16_t inner, far;
	uint8_t src, dst;
	bool bound; /* to the other port */
};

struct sim_stats {
	uint64_t frames, delivered, lost, doubled, delayed, corrupted, forged, stripped, replayed;
	uint64_t ring_full, no_buffer, tx_refused, too_old, nowhere, noise, polls, events, steps;
	uint64_t octets, connects, accepts, resets, misuses, narrowed, marked, shifted, rebound;
	uint64_t segments, fast; /* to the engines; of them, by the fast path */
};

/* leat_sim_world_run fills it. */
struct sim_result {
	bool failed;
	char why[SIM_TEXT_MAX];
	uint64_t digest;
	uint64_t ended_at;  /* virtual ns since the start */
	uint64_t last_at;   /* when the last end that has a flow was over */
	uint64_t least_rx;  /* octets the slowest server had read when the first was done */
	uint64_t strangers; /* digest of what was sent to nobody here */
	struct sim_stats stats;
	uint64_t arrow[TCP_ARROW_CNT], verdict[TCP_V_CNT], wire[WIRE_V_CNT];
};

/* What a mode does to single frames, by the number of their sending. */
enum sim_meddle {
	SIM_MEDDLE_NONE,
	SIM_MEDDLE_DROP,
	SIM_MEDDLE_DUP,
	SIM_MEDDLE_DUP_LATE,
	SIM_MEDDLE_DELAY,
	SIM_MEDDLE_CORRUPT,
	SIM_MEDDLE_CUT,
	SIM_MEDDLE_CNT
};

struct sim_meddling {
	uint32_t cnt;              /* frames with a number below it are looked up */
	const uint8_t *of_frame;   /* enum sim_meddle */
	uint32_t no_buffer_at;     /* the receive buffer of this number is missing, UINT32_MAX */
	uint32_t seen, allocated;  /* how many there were */
	bool golden;               /* all flows must be complete in the end */
	struct sim_result *result; /* of the run, for who asks; NULL */
};

struct sim_world {
	struct sim_plan plan;
	struct sim_meddling *meddling;
	const struct sim_break *breaking; /* what is to be broken, NULL */
	bool broken;
	uint32_t timers_max; /* that fire in one turn */
	struct sim_host host[SIM_HOST_MAX];
	struct sim_event *heap;
	uint32_t heap_cnt, heap_max;
	uint64_t order, now, calm_at, silence_at;
	bool calm, silent, forged;
	struct prng prng;
	struct prng fault_prng[SIM_FAULT_MAX];
	bool fault_on[SIM_FAULT_MAX], fault_bad[SIM_FAULT_MAX];
	uint32_t fault_cnt[SIM_FAULT_MAX];
	uint64_t fault_until[SIM_FAULT_MAX];
	struct sim_buf *fault_held[SIM_FAULT_MAX];
	struct sim_nat nat[SIM_NAT_MAX];
	uint32_t nat_cnt;
	uint64_t link_free[SIM_HOST_MAX][SIM_HOST_MAX]; /* when its last octet is out */
	uint64_t link_last[SIM_HOST_MAX][SIM_HOST_MAX]; /* arrival of its last frame */
	struct sim_buf *free_list;
	struct sim_buf **slab;
	uint32_t slab_cnt, buf_cnt, buf_octets;
	struct sim_buf *out[SIM_OUT_MAX]; /* empty, lent to the stack that sends */
	uint32_t owned[SIM_OWNER_CNT];
	uint64_t msl;
	struct sim_end *end;
	uint32_t end_cnt, ends_used;
	uint64_t serial;
	struct sim_outcome outcome[SIM_FLOW_MAX];
	struct watch *watch;
	struct sim_stats stats;
	uint64_t digest, strangers, last_at, least_rx;
	bool one_done;
	uint64_t event_cnt;
	FILE *pcap[SIM_HOST_MAX];
	FILE *trace;
	struct twin *twin;
	bool once;  /* no second run: for measurements */
	bool spoil; /* a control block, which the second run must find */
	sigjmp_buf failed;
	char why[SIM_TEXT_MAX];
};

/* sim_world.c */
struct sim_world *leat_sim_world_new(const struct sim_plan *plan);
void leat_sim_world_free(struct sim_world *w);
/* leat_sim_world_run plays the plan to its end, and then once more without the fast path in another
 * world, which must be equal in all control blocks and frames (twin.h). */
void leat_sim_world_run(struct sim_world *w, struct sim_result *result);
void leat_sim_at(struct sim_world *w, struct sim_event event);
void leat_sim_digest(struct sim_world *w, uint64_t word);
void leat_sim_digest_octets(struct sim_world *w, const uint8_t *data, uint32_t octets);
__attribute__((format(printf, 2, 3))) _Noreturn void leat_sim_fail(
	struct sim_world *w, const char *format, ...);

/* sim_net.c */
struct sim_buf *leat_sim_buf_take(struct sim_world *w, enum sim_owner owner);
struct sim_buf *leat_sim_buf_copy(struct sim_world *w, const struct sim_buf *from);
void leat_sim_buf_own(struct sim_world *w, struct sim_buf *b, enum sim_owner owner);
void leat_sim_buf_free(struct sim_world *w, struct sim_buf *b);
/* leat_sim_send puts a frame of host src (SIM_ANY: a stranger) on its way.  Takes b. */
void leat_sim_send(struct sim_world *w, uint32_t src, struct sim_buf *b);
/* leat_sim_arrive_at makes b arrive at its destination. */
void leat_sim_arrive_at(struct sim_world *w, struct sim_buf *b, uint64_t at);

/* sim_fault.c */
void leat_sim_fault_init(struct sim_world *w);
void leat_sim_fault_on(struct sim_world *w, uint32_t i);
void leat_sim_fault_off(struct sim_world *w, uint32_t i);
/* leat_sim_fault_frame lets all faults look at a frame about to travel from src to dst; *later is
 * added to its way.  NULL: it was lost, or is held. */
struct sim_buf *leat_sim_fault_frame(struct sim_world *w, struct sim_buf *b, uint64_t *later);
/* leat_sim_meddle does the same for a mode that picks frames by number. */
struct sim_buf *leat_sim_meddle(struct sim_world *w, struct sim_buf *b, uint64_t *later);
/* leat_sim_flip damages b; it does not look whole afterwards, unless forged. */
void leat_sim_flip(struct sim_world *w, struct prng *prng, struct sim_buf *b, bool forged);

/* sim_noise.c */
void leat_sim_noise(struct sim_world *w, uint32_t fault);
/* sim_mirror is the tuple of tcb as its peer has it. */
static inline struct tuple sim_mirror(const struct tcp_engine *e, const struct tcb *tcb)
{
	struct tuple t;

	leat_tcp_tuple(e, tcb, &t);
	return tuple_turned(&t);
}

/* leat_sim_segment writes a segment from t->local to t->remote, for host. */
struct sim_buf *leat_sim_segment(
	struct sim_world *w, uint32_t host, const struct tuple *t, const struct seg *seg);
struct tuple leat_sim_tuple(const struct leat_addr *from, const struct leat_addr *to);

/* leat_sim_guess is an end of a connection by chance; NULL: that place has none with a peer. */
const struct sim_end *leat_sim_guess(struct sim_world *w, struct prng *prng);
/* leat_sim_checksum writes the checksums of a frame anew. */
void leat_sim_checksum(const struct sim_world *w, uint8_t *frame, uint32_t octets);

/* sim_icmp.c */
/* leat_sim_icmp lets a router tell the sender of b that it is above mtu; 0: nobody is there. */
void leat_sim_icmp(struct sim_world *w, const struct sim_buf *b, uint32_t mtu, uint64_t at);
/* leat_sim_narrow lets b pass, or drops it (NULL) and says so. */
struct sim_buf *leat_sim_narrow(struct sim_world *w, const struct sim_fault *f, struct sim_buf *b);
void leat_sim_icmp_blind(struct sim_world *w, uint32_t fault);

/* sim_middle.c */
/* leat_sim_middle_syn writes over options of a SYN. */
void leat_sim_middle_syn(struct sim_world *w, const struct sim_fault *f, struct sim_buf *b);
/* leat_sim_middle_rebind is a NAT that gave a connection another port; NULL: it knows of none. */
struct sim_buf *leat_sim_middle_rebind(struct sim_world *w, uint32_t fault, struct sim_buf *b);
/* leat_sim_middle_shift is a firewall that moves sequence numbers. */
void leat_sim_middle_shift(struct sim_world *w, struct sim_buf *b);

/* sim_host.c */
void leat_sim_host_start(struct sim_world *w, uint32_t host);
void leat_sim_host_stop(struct sim_world *w, uint32_t host);
/* leat_sim_host_nic_reset loses what is in the rings of host. */
void leat_sim_host_nic_reset(struct sim_world *w, uint32_t host);
void leat_sim_host_receive(struct sim_world *w, uint32_t host, struct sim_buf *b);
void leat_sim_host_poll(struct sim_world *w, uint32_t host, uint32_t shard);
/* leat_sim_host_want makes shard run soon: its program has something to do. */
void leat_sim_host_want(struct sim_world *w, uint32_t host, uint32_t shard, uint64_t at);
uint64_t leat_sim_host_deadline(const struct sim_world *w, uint32_t host, uint32_t shard);
struct ip leat_sim_host_addr(const struct sim_world *w, uint32_t host, uint32_t shard);
struct sim_shard *leat_sim_shard(struct sim_world *w, uint32_t host, uint32_t shard);

/* sim_work.c */
void leat_sim_work_init(struct sim_world *w);
void leat_sim_work_listen(struct sim_world *w, uint32_t host, uint32_t shard);
/* leat_sim_work_deaf closes the listeners of host, or resets them. */
void leat_sim_work_deaf(struct sim_world *w, uint32_t host, bool abort);
void leat_sim_work_event(
	struct sim_world *w, uint32_t host, uint32_t shard, const struct leat_event *event);
void leat_sim_work_open(struct sim_world *w, uint32_t flow);
void leat_sim_work_go(struct sim_world *w, uint32_t end);
/* leat_sim_work_lost: the host lost its memory. */
void leat_sim_work_lost(struct sim_world *w, uint32_t host);
void leat_sim_work_calm(struct sim_world *w);
/* leat_sim_work_overdue: the bound is over; what may hang is ended, what may not is a failure. */
void leat_sim_work_overdue(struct sim_world *w);
void leat_sim_work_finish(struct sim_world *w);

/* sim_misuse.c */
void leat_sim_misuse(struct sim_world *w, struct sim_end *e);
void leat_sim_misuse_stale(struct sim_world *w, struct sim_end *e);

/* sim_stream.c: what the octets of a connection are */
void leat_sim_stream_fill(uint64_t serial, uint64_t offset, uint8_t *dst, uint32_t octets);
bool leat_sim_stream_is(uint64_t serial, uint64_t offset, const uint8_t *src, uint32_t octets);

/* sim_check.c */
void leat_sim_check(struct sim_world *w, uint32_t host, uint32_t shard, bool all);

/* sim_rest.c: what must hold of TIME-WAIT as records. */
void leat_sim_check_rest(
	struct sim_world *w, struct sim_shard *s, const struct stack_config *config, uint64_t now);
/* leat_sim_check_sent: frames have just left. */
void leat_sim_check_sent(struct sim_world *w, uint32_t host, uint32_t shard);
void leat_sim_check_end(struct sim_world *w);

/* sim_break.c */
/* leat_sim_break breaks what w->breaking says, once. */
void leat_sim_break(struct sim_world *w, uint32_t host, uint32_t shard);

/* sim_pcap.c */
bool leat_sim_pcap_open(struct sim_world *w, const char *prefix);
void leat_sim_pcap_frame(struct sim_world *w, uint32_t host, const uint8_t *frame, uint32_t octets);
void leat_sim_trace_frame(
	struct sim_world *w, uint32_t host, const char *what, const struct sim_buf *b);

/* sim_shrink.c */
/* leat_sim_shrink finds less of plan that fails in the same way. */
void leat_sim_shrink(struct sim_plan *plan, struct sim_result *result);
/* leat_sim_report prints plan, the command that replays it, and writes its captures. */
void leat_sim_report(const struct sim_plan *plan, const char *prefix);

#endif
