/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIM_WATCH_H
#define LEAT_SIM_WATCH_H

/* sim_watch: judges hosts by their frames alone.
 *
 * It was written from the RFCs, apart from lib/: own parser, own state per flow, no header of the
 * product.  It is told each frame that a host sent and each that reached it, in that order, and
 * says what a frame breaks.
 *
 *	     arrived ──► ┌──────┐        per host and flow:
 *	                 │ host │        what came, what was sent, what was promised
 *	        sent ◄── └──────┘
 *
 * The numbers are those of the invariants in docs/testing.md:
 *
 *	W19  well formed, checksums right, addresses the host's own, options legal
 *	W20  nothing answers a reset with a reset, or a frame that is not to be believed
 *	W21  no text beyond the right edge the peer offered, except one octet
 *	W22  acknowledges only what came, and never goes back
 *	W23  a sequence number always carries the same octet; FIN stays where it was
 *	W24  no more answers than questions
 *	W25  options and ECN as negotiated; timestamps never go back; SACK blocks name what came
 *	W40  text is acknowledged within half a second (MUST-40)
 *	W6   the right edge offered never moves left
 *	W13  a new incarnation begins beyond the last sequence number of the old one
 *
 * Shape      one flow per host and tuple; octets sent are kept until acknowledged, to compare.
 * Units      ns; sequence numbers are uint32_t here and compared as RFC 9293 3.4 says.
 * Memory     malloc.
 * Errors     a sentence with the invariant's number first, or NULL. */

#include <stdbool.h>
#include <stdint.h>

#define WATCH_HOST_MAX 4
#define WATCH_ADDR_MAX 16

struct watch_addr {
	uint64_t hi, lo; /* IPv4: as ::ffff:a.b.c.d */
};

struct watch_socket {
	struct watch_addr addr;
	uint16_t port;
};

enum watch_flag {
	WATCH_FIN = 0x01,
	WATCH_SYN = 0x02,
	WATCH_RST = 0x04,
	WATCH_PSH = 0x08,
	WATCH_ACK = 0x10,
	WATCH_URG = 0x20,
	WATCH_ECE = 0x40,
	WATCH_CWR = 0x80,
};

enum watch_kind {
	WATCH_BAD, /* nobody may believe it */
	WATCH_TCP,
	WATCH_NEIGH, /* ARP or neighbour discovery */
	WATCH_ICMP,
};

enum watch_opt {
	WATCH_OPT_MSS = 0x01,
	WATCH_OPT_WS = 0x02,
	WATCH_OPT_SACK_OK = 0x04,
	WATCH_OPT_TS = 0x08,
	WATCH_OPT_SACK = 0x10,
	WATCH_OPT_OTHER = 0x20,
};

#define WATCH_SACK_MAX 4
#define WATCH_ECN_CE   3 /* of the two bits of the IP header */

struct watch_pkt {
	enum watch_kind kind;
	bool is4;
	struct watch_addr src, dst;
	uint16_t sport, dport, wnd, mss;
	uint32_t seq, ack, text, opt_octets, ts_val, ts_ecr;
	uint8_t flags, opts, ws, sack_cnt, ecn;
	uint8_t opts_twice; /* an option that stood there more than once */
	uint32_t sack[WATCH_SACK_MAX][2];
	const uint8_t *data;
	const uint8_t *l4; /* where the TCP header begins */
};

struct watch_host {
	uint8_t mac[6];
	uint32_t addr_cnt;
	struct watch_addr addr[WATCH_ADDR_MAX];
};

struct watch_config {
	bool raw_ip;     /* frames begin with the IP header */
	bool cookies;    /* the number of a SYN,ACK may be a cookie: W13 does not hold for it */
	bool iss_forced; /* a test chose initial sequence numbers: W13 does not hold */
	bool may_lose;   /* text that waits for a neighbour is lost before it is seen here */
	bool forged;     /* somebody on the path rewrites segments: no word on echoed timestamps */
	bool prompt;     /* hosts always run, and have what they need: ACKs come within 0.5 s */
	uint32_t mtu;
	uint32_t host_cnt;
	struct watch_host host[WATCH_HOST_MAX];
};

struct watch_counters {
	uint64_t sent, arrived, arrived_bad;
	uint64_t sent_text, sent_again, sent_bare, sent_rst, sent_syn, sent_fin, sent_sack;
	uint64_t flows, incarnations;
};

struct watch;

struct watch *leat_sim_watch_new(const struct watch_config *config);
void leat_sim_watch_free(struct watch *w);

/* leat_sim_watch_sent judges a frame that host sent; NULL, or what is wrong with it. */
const char *leat_sim_watch_sent(
	struct watch *w, uint32_t host, uint64_t now, const uint8_t *frame, uint32_t octets);

/* leat_sim_watch_arrived notes a frame that host was given. */
void leat_sim_watch_arrived(
	struct watch *w, uint32_t host, uint64_t now, const uint8_t *frame, uint32_t octets);

/* Between begin and end, what host sends can only be an answer to what arrived in between. */
void leat_sim_watch_burst_begin(struct watch *w, uint32_t host);
void leat_sim_watch_burst_end(struct watch *w);

/* leat_sim_watch_restart: host lost its memory; what it sends next belongs to a new life. */
void leat_sim_watch_restart(struct watch *w, uint32_t host);

/* leat_sim_watch_did_reset: did host ever send a reset from local to remote? */
bool leat_sim_watch_did_reset(struct watch *w, uint32_t host, const struct watch_socket *local,
	const struct watch_socket *remote);

const struct watch_counters *leat_sim_watch_counters(const struct watch *w);

/* sim_watch_parse.c */

/* leat_sim_watch_parse takes a frame apart.  NULL, or why nobody may believe it (kind is WATCH_BAD
 * then). */
const char *leat_sim_watch_parse(
	const uint8_t *frame, uint32_t octets, bool raw_ip, struct watch_pkt *p);

/* leat_sim_watch_form judges what only the one who sends must obey: padding, reserved bits, legal
 * combinations.  Assumes the frame could be parsed. */
const char *leat_sim_watch_form(const struct watch_config *c, const struct watch_host *from,
	const uint8_t *frame, uint32_t octets, const struct watch_pkt *p);

#endif
