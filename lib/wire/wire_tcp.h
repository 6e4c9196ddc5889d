/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_TCP_H
#define LEAT_WIRE_TCP_H

/* wire_tcp: a TCP segment as the engine sees it, and back to octets.
 *
 * struct seg carries the variables of RFC 9293 3.3.1 under their names.  SEG.LEN, which counts
 * SYN and FIN, is `len`; octets of text are `text`.  The text itself stays where it arrived.
 *
 *	 0                   1                   2                   3
 *	|          source port          |       destination port        |
 *	|                        sequence number                        |
 *	|                     acknowledgment number                     |
 *	|  off  | rsvd  |     flags     |            window             |
 *	|           checksum            |        urgent pointer         |
 *	|                 options ...                   |    padding    |
 *
 * Units      octets; the window is as on the wire, not scaled.
 * Memory     data points into the frame; it lives as long as buf is not given back.
 * Affinity   none; pure.
 * Errors     a verdict of wire_verdict.def.
 * RFC        9293 3.1, 3.2; 7323 (WS, TS); 2018 (SACK). */

#include "base_seq.h"
#include "wire_addr.h"
#include "wire_verdict.h"

#include <stddef.h>
#include <stdint.h>

enum wire_tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

/* Options that were present and well formed. */
enum wire_tcp_opt {
	TCP_OPT_MSS = 0x01,
	TCP_OPT_WS = 0x02,
	TCP_OPT_SACK_OK = 0x04,
	TCP_OPT_TS = 0x08,
	TCP_OPT_SACK = 0x10,
};

/* RFC 3168 5. */
enum wire_ecn {
	WIRE_ECN_NOT = 0,
	WIRE_ECN_ECT1 = 1,
	WIRE_ECN_ECT0 = 2,
	WIRE_ECN_CE = 3,
	WIRE_ECN_MASK = 3,
};

#define TCP_HDR_OCTETS     20
#define TCP_OPT_OCTETS_MAX 40
#define TCP_SACK_MAX       4
#define TCP_WSCALE_MAX     14 /* RFC 7323 2.3 */

struct seg_sack {
	struct seq left, right;
};

struct seg {
	struct seq seq, ack;
	uint32_t len;        /* SEG.LEN: text, and one each for SYN and FIN */
	uint16_t text;       /* octets at data */
	uint16_t wnd;        /* SEG.WND, not scaled */
	uint16_t up;         /* SEG.UP, relative to seq */
	uint8_t flags;       /* enum wire_tcp_flag */
	uint8_t opts;        /* enum wire_tcp_opt */
	uint16_t mss;        /* valid with TCP_OPT_MSS; 0 was treated as absent */
	uint8_t wscale;      /* valid with TCP_OPT_WS, at most 14 */
	uint8_t sack_cnt;    /* valid with TCP_OPT_SACK */
	uint8_t opt_bad_cnt; /* options that were ignored: length, repetition, range */
	uint8_t tos;         /* of the IP header: DSCP and, in two bits, enum wire_ecn */
	uint16_t room;       /* octets behind the text that may be written, while buf is held */
	uint32_t ts_val, ts_ecr;
	struct seg_sack sack[TCP_SACK_MAX];
	const uint8_t *data;
	void *buf; /* the handle of the buffer data lies in */
};

/* leat_wire_tcp_parse takes octets of TCP header, options and text apart.  Ports go to
 * tuple->lport (destination) and tuple->rport (source).  Does not look at the checksum.
 *
 * Returns WIRE_V_TCP, or the reason why it is not a segment. */
enum wire_verdict leat_wire_tcp_parse(
	const uint8_t *p, uint32_t octets, struct tuple *tuple, struct seg *seg);

/* leat_wire_tcp_hdr_octets is the length of the header that leat_wire_seg_put writes for seg. */
uint32_t leat_wire_tcp_hdr_octets(const struct seg *seg);

/* leat_wire_seg_put writes header and options of seg at p, checksum field 0, and returns its
 * octets.  SACK blocks for which there is no room (the fourth beside timestamps) are left out.
 * The text is the caller's. */
uint32_t leat_wire_seg_put(uint8_t *p, uint16_t lport, uint16_t rport, const struct seg *seg);

#endif
