/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIM_WATCH_FLOW_H
#define LEAT_SIM_WATCH_FLOW_H

/* sim_watch_flow: what the observer remembers of one direction pair of one flow, seen at one host.
 *
 *	sent:    iss ── una ─── nxt          octets from una on are kept in `text`, to compare
 *	came:    irs ─────── frontier   [range] [range]
 *
 * Units      sequence numbers as uint32_t.
 * See        sim_watch.h. */

#include "sim_watch.h"

#define WATCH_SYN_MAX   8  /* SYNs of the peer that the host may have taken */
#define WATCH_COOKIES   4  /* SYN,ACKs of the host of which any may be the one that counts */
#define WATCH_EARLY_MAX 16 /* pieces of text that came before the host chose among them */

struct watch_key {
	uint32_t host;
	struct watch_addr local, remote;
	uint16_t lport, rport;
};

struct watch_range {
	uint32_t left, right;
};

struct watch_syn {
	bool used, ecn;
	uint32_t seq, ts_val, ts_max; /* the least and the latest of its copies */
	uint16_t mss;
	uint8_t opts, ws;
};

struct watch_flow {
	struct watch_flow *next;
	struct watch_key key;
	/* sent */
	bool syn_sent, plain_syn, fin_sent, ack_sent, edge_known, ts_sent, own_ecn, may_lose,
		forged;
	bool ambiguous; /* copies of the peer's SYN differ: nobody can tell which one counts */
	uint8_t own_opts, own_ws;
	uint32_t iss, una, nxt, fin, last_ack, edge, ts_last;
	uint64_t born_at, ts_sent_at, ts_came_at;
	uint8_t *text; /* ring of text_cap octets; that of sequence number q at q % text_cap */
	uint32_t text_cap;
	uint32_t text_from; /* the first octet that is in the ring */
	/* came */
	bool irs_known, peer_edge_known, ts_came;
	bool ce_came; /* in any incarnation */
	bool again;   /* the last text was sent before */
	struct watch_syn syn[WATCH_SYN_MAX], peer;
	uint8_t peer_maybe; /* options that some copy of its SYN had; peer.opts: all copies */
	uint32_t syn_cnt;
	uint32_t irs, frontier, peer_edge, ts_max;
	struct watch_range *range; /* beyond the frontier, in order, apart */
	uint32_t range_cnt, range_max;
	struct watch_range early[WATCH_EARLY_MAX];
	uint32_t early_cnt;
	bool old_known; /* an incarnation before was closed: TIME-WAIT may have these again */
	uint32_t old_nxt, old_ack;
	/* both */
	struct watch_pkt cookie[WATCH_COOKIES];
	uint32_t cookie_cnt;
	bool did_reset;      /* in any incarnation */
	bool owed, peer_fin; /* an ACK, since owed_since */
	uint64_t owed_since;
	uint64_t arrived, bare;
	uint64_t quiet_since;
	uint32_t quiet_run;
};

/* RFC 9293 3.4: the way from b to a, negative when a is before b. */
static inline int32_t watch_seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* leat_sim_flow_numbers: what the host's SYN p says is what the host sends with. */
void leat_sim_flow_numbers(struct watch_flow *f, const struct watch_pkt *p, uint64_t now);

/* leat_sim_flow_begin: the host sent a SYN that it had not sent before. */
void leat_sim_flow_begin(struct watch_flow *f, const struct watch_pkt *p, uint64_t now);

/* leat_sim_flow_irs finds the SYN of the peer that ack can belong to; false: none came. */
bool leat_sim_flow_irs(struct watch_flow *f, uint32_t ack);

/* leat_sim_flow_came notes that [left, right) reached the host. */
void leat_sim_flow_came(struct watch_flow *f, uint32_t left, uint32_t right);

/* leat_sim_flow_text keeps the text of p; false: an octet differs from what was there. */
bool leat_sim_flow_text(struct watch_flow *f, const struct watch_pkt *p);

/* leat_sim_flow_sack judges SACK blocks. */
const char *leat_sim_flow_sack(const struct watch_flow *f, const struct watch_pkt *p);

uint32_t leat_sim_flow_peer_mss(const struct watch_flow *f);
uint32_t leat_sim_flow_own_shift(const struct watch_flow *f);
uint32_t leat_sim_flow_peer_shift(const struct watch_flow *f, const struct watch_pkt *p);

#endif
