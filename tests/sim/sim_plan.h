/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIM_PLAN_H
#define LEAT_SIM_PLAN_H

/* sim_plan: what one run is, wholly decided before it begins.
 *
 * leat_sim_plan_draw makes it from a seed.  Each fault and each flow has a seed of its own, so that
 * one of them can be taken away and the others stay as they were: that is how a failing run is
 * shrunk.
 *
 * Units      ns, octets; instants count from the start of the run.
 * Memory     by value.
 * See        sim.h. */

#include "base_prng.h"
#include "stack.h"

#include <stdio.h>

#define SIM_HOST_MAX  3
#define SIM_SHARD_MAX 4
#define SIM_FAULT_MAX 24
#define SIM_FLOW_MAX  64
#define SIM_ANY       0xff

enum sim_style {
	SIM_STYLE_NONE,
	SIM_STYLE_MILD,
	SIM_STYLE_HARSH,
	SIM_STYLE_CLOG,
	SIM_STYLE_EVIL,
	SIM_STYLE_FAMINE,
	SIM_STYLE_STALL,
	SIM_STYLE_FLAP,
	SIM_STYLE_RESTART,
	SIM_STYLE_HOSTILE, /* attackers and middleboxes */
	SIM_STYLE_CNT
};

enum sim_fault_kind {
	SIM_FAULT_LOSS,       /* p of all */
	SIM_FAULT_BURST_LOSS, /* two states: enters with p, leaves with q */
	SIM_FAULT_EVERY,      /* each n-th */
	SIM_FAULT_PICK,       /* p of those that match kind n */
	SIM_FAULT_EVIL,       /* the q-th that matches kind n: lost, or doubled when ns > 0 */
	SIM_FAULT_DUP,        /* p come again after up to ns */
	SIM_FAULT_REORDER,    /* p come up to ns later */
	SIM_FAULT_SPIKE,      /* for q ns after each with p everything comes ns later */
	SIM_FAULT_CORRUPT,    /* p with flipped bits; their checksums tell */
	SIM_FAULT_FORGE,      /* p with flipped bits and a new checksum */
	SIM_FAULT_CUT,        /* p with the end missing */
	SIM_FAULT_CLOG,       /* all wait for the end of the fault */
	SIM_FAULT_PARTITION,  /* none comes through */
	SIM_FAULT_REPLAY,     /* p are kept and sent again later, up to the MSL */
	SIM_FAULT_STRIP,      /* options of SYNs are overwritten with NOPs, those in n */
	SIM_FAULT_CLAMP,      /* the MSS of SYNs is written down to n */
	SIM_FAULT_SHIFT,   /* always: src's sequence numbers are moved; with n, but not in SACK */
	SIM_FAULT_REBIND,  /* src's connections get other ports, until their next SYN */
	SIM_FAULT_BLIND,   /* n segments a second with guessed numbers */
	SIM_FAULT_SPY,     /* n segments a second that know all numbers, and must not count */
	SIM_FAULT_FLOOD,   /* n SYNs a second from addresses of nobody */
	SIM_FAULT_NOISE,   /* n frames a second that nobody may answer */
	SIM_FAULT_ICMP,    /* n ICMP errors a second about what is not on the way */
	SIM_FAULT_NARROW,  /* packets above n octets are lost, and ICMP says so */
	SIM_FAULT_NOBODY,  /* p SYNs are lost, and ICMP says that nobody is there */
	SIM_FAULT_STALL,   /* the shard does not run */
	SIM_FAULT_JUMP,    /* the shard's clock is ns ahead from now on */
	SIM_FAULT_FAMINE,  /* the NIC has n buffers */
	SIM_FAULT_REFUSE,  /* the NIC takes at most n frames to send at a time */
	SIM_FAULT_NIC,     /* the NIC forgets its rings, and what it gets until the end */
	SIM_FAULT_DEAF,    /* the host closes its listeners; with n, it resets them */
	SIM_FAULT_RESTART, /* the host loses its memory; with n, it is quiet for an MSL */
	SIM_FAULT_KIND_CNT
};

/* Whom a targeted fault picks. */
enum sim_pick {
	SIM_PICK_SYN,
	SIM_PICK_SYN_ACK,
	SIM_PICK_FIN,
	SIM_PICK_RST,
	SIM_PICK_BARE,
	SIM_PICK_TEXT,
	SIM_PICK_ANY,
	SIM_PICK_CNT
};

struct sim_fault {
	enum sim_fault_kind kind;
	uint64_t from, to;  /* when */
	uint8_t src, dst;   /* hosts, SIM_ANY */
	uint8_t shard;      /* of src, SIM_ANY */
	uint32_t flow_part; /* 0: all; else only flows whose hash has this bit among 4 */
	uint32_t p, q;      /* millionths, or counts */
	uint32_t n;
	uint64_t ns;
	uint64_t seed;
};

/* What one end of a connection does. */
enum sim_close {
	SIM_CLOSE_TX,    /* shuts down when all is written, reads on to the end */
	SIM_CLOSE_RX,    /* shuts down when all is written and what it expects is read */
	SIM_CLOSE_EOF,   /* shuts down when all is written and the peer closed */
	SIM_CLOSE_FULL,  /* closes both directions when all is written and read */
	SIM_CLOSE_LATE,  /* shuts down in the calm, whatever the peer does */
	SIM_CLOSE_ABORT, /* resets when it wrote abort_at octets */
};

struct sim_side {
	uint32_t tx_octets, tx_chunk;
	uint64_t tx_gap;
	uint32_t tx_after_rx; /* octets it wants first; UINT32_MAX: EOF */
	uint32_t rx_chunk;
	uint64_t rx_gap;
	uint32_t rx_pause_at; /* stops reading there until the calm; UINT32_MAX: never */
	enum sim_close close;
	uint32_t abort_at;
	uint64_t end_after; /* after so long it ends it, whatever the state; 0: never */
	bool end_by_abort;
	uint64_t user_timeout; /* 0: that of the stack */
	bool urgent, keepalive;
	bool nodelay, source, peek, early, lazy; /* lazy: keeps its handle until CLOSED */
};

struct sim_flow {
	uint8_t client, server; /* hosts */
	uint8_t shard;          /* of the client */
	bool closed_port;       /* nobody listens there */
	bool both;              /* simultaneous open */
	bool promote;           /* the client listens for the server, and then sends */
	uint16_t lport;         /* 0: the stack chooses */
	uint16_t rport;
	uint64_t start, gap;
	uint32_t repeat; /* incarnations, one after the other */
	struct sim_side side[2];
	uint64_t seed;
};

struct sim_link {
	uint64_t delay, jitter;
	bool normal;           /* the jitter has a bell's shape, else all of it is as likely */
	uint64_t octets_per_s; /* 0: at once */
	uint32_t queue_octets;
	uint32_t mark_octets; /* a longer queue marks what is ECN-capable; 0: never */
};

struct sim_host_plan {
	uint32_t shards;
	bool by_address; /* each shard has an address of its own, else a range of ports */
	bool csum_offload;
	uint32_t ring, buffers, backlog;
	struct stack_config config; /* of each shard, but address, ports and seed */
};

struct sim_plan {
	uint64_t seed;
	enum sim_style style;
	uint32_t host_cnt;
	struct sim_host_plan host[SIM_HOST_MAX];
	struct sim_link link[SIM_HOST_MAX][SIM_HOST_MAX];
	uint32_t fault_cnt, flow_cnt;
	struct sim_fault fault[SIM_FAULT_MAX];
	struct sim_flow flow[SIM_FLOW_MAX];
	uint64_t fault_mask, flow_mask; /* what of it is played */
	uint64_t epoch;
	uint64_t faults_until; /* then the calm begins */
	uint64_t poll_jitter;
	uint64_t retry_for; /* of a refused connect, for ever; 0: a few times */
	bool ip6, raw_ip, strict_burst, resolve;
	bool iss_forced;
	uint32_t misuse; /* millionths of the program's steps */
	uint32_t check_every;
};

/* leat_sim_plan_draw makes the plan of seed. */
void leat_sim_plan_draw(struct sim_plan *plan, uint64_t seed);

/* leat_sim_plan_small is a plan of two hosts, one shard each, one flow and no fault. */
void leat_sim_plan_small(struct sim_plan *plan, uint64_t seed);

/* leat_sim_plan_print writes what of the plan is played. */
void leat_sim_plan_print(const struct sim_plan *plan, FILE *out);

const char *leat_sim_style_name(enum sim_style style);

#endif
