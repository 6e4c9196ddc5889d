/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_TCB_H
#define LEAT_TCP_TCB_H

/* tcp_tcb: the transmission control block, RFC 9293 3.3.1, under the RFC's names.
 *
 *	send sequence space                         receive sequence space
 *	   1         2          3          4           1          2          3
 *	──────┬──────────┬──────────┬─────────      ──────┬──────────┬─────────
 *	   SND.UNA    SND.NXT    SND.UNA                RCV.NXT    RCV.NXT
 *	                        +SND.WND                          +RCV.WND
 *
 * snd.end is where the text the user gave us ends, and so the sequence number of our FIN.
 * snd.rtx is the next octet to send again; it equals SND.NXT when nothing has to be.
 * rcv.edge is the right edge we promised (RCV.NXT + RCV.WND); it never moves left (SHLD-14).
 *
 * What is true in each state (checked by leat_tcp_tcb_check):
 *
 *	CLOSED        no timer, nothing to send; text that a user has not read yet, after a
 *	              graceful end.
 *	LISTEN        the local address may be any; remote may be unspecified; no timer, no buffers.
 *	SYN-SENT      SND.NXT is ISS or ISS+1; nothing of rcv is valid; retransmission timer.
 *	SYN-RECEIVED  ISS = SND.UNA; rcv is valid; retransmission timer; no text was emitted.
 *	ESTABLISHED   both directions open.
 *	FIN-WAIT-1    FIN queued; retransmission timer until it is acknowledged.
 *	FIN-WAIT-2    our FIN is acknowledged: SND.UNA = SND.NXT = snd.end + 1; no retransmission.
 *	CLOSE-WAIT    the peer's FIN was taken: RCV.NXT is behind it; text may be sent.
 *	CLOSING       both FINs are out, ours not acknowledged; retransmission timer.
 *	LAST-ACK      as CLOSING, but the peer closed first.
 *	TIME-WAIT     only the 2MSL timer; nothing to send but ACKs.
 *
 * Shape      232 octets, those that each segment touches first; what is on the way, received and
 *            not read, or rare, comes from pools.
 * Units      octets, ns.  Offsets count the user's octets from the first, as 64 bits.
 * Affinity   the shard's lcore. */

#include "base_seq.h"
#include "tcp_io.h"
#include "tcp_state.h"
#include "timer_ring.h"
#include "timer_wheel.h"
#include "wire_ends.h"

enum tcp_tcb_flag {
	TCP_F_PASSIVE = 0x0001,    /* origin of SYN-RECEIVED is a listener (MUST-11) */
	TCP_F_FIN_QUEUED = 0x0002, /* the user closed: FIN stands at snd.end */
	TCP_F_RCV_SHUT = 0x0004,   /* the user will not read any more */
	TCP_F_FIN_HELD = 0x0008, /* a FIN arrived at rcv_fin, perhaps before text that is missing */
	TCP_F_ACK_NOW = 0x0010,  /* an ACK is owed with the next output */
	TCP_F_ACK_DELAY = 0x0020, /* an ACK is owed before delack_at */
	TCP_F_IN_OUT = 0x0040,    /* on the engine's output list */
	TCP_F_IN_NEWS = 0x0080,   /* on the engine's news list */
	TCP_F_NODELAY = 0x0100,   /* Nagle is off (MUST-17) */
	TCP_F_PROBE = 0x0200,     /* send one octet into a closed window */
	TCP_F_RTX_ONE = 0x0400,   /* send the segment at SND.UNA again */
	TCP_F_RECOVERY = 0x0800,  /* NewReno fast recovery until `recover` */
	TCP_F_SYN_RTX = 0x1000,   /* our SYN went more than once, and no time was measured since */
	TCP_F_RTT = 0x2000,       /* rtt_seq is being timed since rtt_at */
	TCP_F_USER = 0x4000,      /* the stack's mark: a user holds a handle */
	TCP_F_FLOW = 0x8000,      /* the stack's mark: in the flow table */
};

/* What few connections have on; some of it lives in their struct tcp_side. */
enum tcp_tcb_opt {
	TCP_O_SIDE = 0x0001,      /* its struct tcp_side is valid, else as if all 0 */
	TCP_O_KEEPALIVE = 0x0002, /* probe when idle; side.heard_at is valid (MUST-24) */
	TCP_O_KEEP_NOW = 0x0004,  /* a keep-alive probe is due with the next output */
	TCP_O_R2 = 0x0008,        /* side.r2_ms stands for the knob (MUST-21) */
	TCP_O_URG_RCV = 0x0010,   /* side.rcv_up lies before us */
	TCP_O_URG_SND = 0x0020,   /* side.snd_up is not acknowledged */
	TCP_O_ECE = 0x0040,       /* CE was seen: tell it with every ACK, until CWR */
	TCP_O_CWR = 0x0080,       /* cwnd was cut: tell it with the next new text */
	TCP_O_ECN_CUT = 0x0100,   /* side.ecn_high is valid: until then there is no other cut */
	TCP_O_REUSE_SEQ = 0x0200, /* a listener: a SYN with a higher number ends TIME-WAIT */
	TCP_O_REUSE_TS = 0x0400,  /* so does one with a newer timestamp, RFC 6191 */
	TCP_O_RST_ENDS = 0x0800,  /* an exact reset ends TIME-WAIT */
	TCP_O_TWO_MSL = 0x3000,   /* which of the lengths of 2MSL it has */
	TCP_O_RING = 0x4000,      /* tcb.ring runs: 2MSL, or the limit of FIN-WAIT-2 */
	TCP_O_EXT = 0x8000,       /* tcb.ext is valid, while text is on the way */
};

/* Beside the options, in tcb.agreed. */
#define TCP_AGREED_ECN 0x20
#define TCP_AGREED_SYN 0x40 /* our SYN is acknowledged */

/* By the children of a listener, in place of what the knobs say. */
#define TCP_O_INHERITED     (TCP_O_KEEPALIVE | TCP_O_R2 | TCP_O_RST_ENDS | TCP_O_TWO_MSL)
#define TCP_O_TWO_MSL_SHIFT 12

/* What the one timer of the send side waits for (the instant of R2 bounds each). */
enum tcp_rtx_kind {
	TCP_RTX_RTO,     /* RFC 6298, and the SYN */
	TCP_RTX_PERSIST, /* the peer's window is closed, MUST-36 */
	TCP_RTX_KEEP,    /* nothing: the next keep-alive, side.heard_at */
	TCP_RTX_TLP,     /* probe of the tail, RFC 8985 7.2 */
	TCP_RTX_REORDER, /* the reordering window ends, RFC 8985 6.2 step 5 */
};

/* How a connection ended; the ledger has a counter for each. */
enum tcp_end {
	TCP_END_NONE,
	TCP_END_TIME_WAIT, /* TIME-WAIT lasted its 2MSL */
	TCP_END_LAST_ACK,  /* the peer closed first and acknowledged our FIN */
	TCP_END_RESET,     /* the peer reset an open connection */
	TCP_END_REFUSED,   /* the peer reset our SYN, or its own handshake */
	TCP_END_ABORTED,   /* we reset it: the user's ABORT, or text nobody would read */
	TCP_END_TIMEOUT,   /* nothing was acknowledged for R2 */
	TCP_END_FW2_LIMIT, /* nobody closed for the FIN-WAIT-2 limit */
	TCP_END_CLOSED,    /* the user closed before the handshake */
	TCP_END_EVICTED,   /* half open, it gave way to another SYN */
	TCP_END_REUSED,    /* TIME-WAIT ended when the tuple's next connection was open */
	TCP_END_GAVE_WAY,  /* TIME-WAIT ended before its time, as its table was full */
	TCP_END_KILLED,    /* the operator would not have it any longer */
	TCP_END_CNT
};

/* Had both sides closed, and heard so?  Then text that was not read yet still may be. */
static inline bool tcp_end_is_graceful(uint8_t why)
{
	return why == TCP_END_TIME_WAIT || why == TCP_END_LAST_ACK || why == TCP_END_REUSED ||
	       why == TCP_END_GAVE_WAY;
}

struct tcp_snd {
	struct seq una, nxt, rtx, end, wl1; /* ISS is tcp_iss, SND.WL2 is SND.UNA: tcp_ack.c */
	uint32_t wnd, wnd_max;              /* scaled: true octets (REC-1) */
};

struct tcp_rcv {
	struct seq nxt, edge;
	union {
		struct seq irs;   /* until the handshake is over */
		struct seq dsack; /* then: text that came twice, to be reported (RFC 2883) */
	};
	uint32_t unread; /* octets of text in order that the user has not taken */
};

/* In order of the four lines and a half that it takes; what is last outlives the connection, as the
 * record may still be on lists of the engine's, and in the wheel. */
struct tcb {
	/* Fixed at OPEN. */
	union {
		struct ends4 ends; /* leat_tcp_tuple tells the tuple, of IPv6, too */
		struct ends46 ends_all;
	};
	/* Per segment. */
	struct tcp_snd snd;
	struct tcp_rcv rcv;
	uint32_t cwnd, ssthresh;
	struct seq recover;
	uint32_t ts_recent, ts_recent_s; /* TS.Recent, and the second it was taken in */
	uint32_t ts_offset;              /* of our TSval from the clock */
	struct seq last_ack;             /* Last.ACK.sent, RFC 7323 4.3 */
	uint16_t flags;                  /* enum tcp_tcb_flag */
	uint16_t snd_mss;                /* octets of text in a full segment (MUST-16) */
	uint8_t state;                   /* enum tcp_state */
	union {
		uint8_t dup_acks;
		uint8_t end_why; /* enum tcp_end, of one that is CLOSED */
	};
	uint8_t backoff;              /* doublings of the RTO */
	uint8_t ack_owed;             /* segments with text since our last ACK */
	uint8_t agreed;               /* enum wire_tcp_opt, TCP_AGREED_*: what both SYNs offered */
	uint8_t snd_scale, rcv_scale; /* shifts of SND.WND and RCV.WND, RFC 7323 2.2 */
	uint8_t tos;                  /* DSCP of what we send (MUST-48), the ECN bits are 0 */
	uint16_t opts;                /* enum tcp_tcb_opt */
	uint16_t rbuf_cnt;            /* records on the two queues */
	uint64_t una_offset;          /* user octets that the peer has acknowledged */
	uint64_t rtx_at;    /* retransmission, persist, R2 or keep-alive; TIME_NEVER: not armed */
	uint64_t delack_at; /* TIME_NEVER: not armed */
	union {
		struct {
			/* When the octet at SND.UNA was first sent and not acknowledged. */
			uint64_t rtx_since;
			/* Of tcp_rtt_seq, or a timeout since; with a tcp_ext: when something new
			 * was sent last. */
			uint64_t rtt_at;
		};
		struct timer_link ring; /* with TCP_O_RING: there is nothing more to send */
	};
	uint64_t opened_at;
	uint32_t srtt_us;   /* 0: no time was measured yet, and */
	uint32_t rttvar_us; /* this is the RTO: leat_tcp_rto_us */
	union {
		struct seq rtt_seq; /* tcp_rtt_seq */
		uint32_t ext;       /* with TCP_O_EXT: index of struct tcp_ext */
	};
	struct seq rcv_fin;
	uint32_t rcv_head; /* records of text in order, unread; the first one's stamp is the last
				 * one's index */
	uint32_t ooo_head; /* records of text out of order, by sequence */
	uint32_t side;     /* index of struct tcp_side, with TCP_O_SIDE */
	uint32_t challenged_ms; /* the ms of the last limited reply; 0: never */
	uint16_t rtx_cnt;       /* segments sent again, for STATUS, up to its maximum */
	uint16_t dsack_octets;  /* at rcv.dsack; 0: none */
	uint8_t news;           /* enum tcp_news_bit, not yet told */
	uint8_t rtx_kind;       /* enum tcp_rtx_kind: what rtx_at is for */
	uint8_t tries;          /* timeouts since SND.UNA moved; R1 and dead gateways */
	uint8_t quick;          /* segments with text that are still acknowledged at once */
	/* What outlives it. */
	uint32_t idx, gen;
	uint32_t out_next, news_next;
	struct timer_entry wheel; /* mark is the stack's */
};

/* What few connections need, from a pool of its own: tcb.side, with TCP_O_SIDE.  When there is none
 * left TCP goes on without (tcp_counters.side_none):
 *
 *	keep-alive, a user timeout   refused, and a child does without its listener's
 *	urgent mark                  refused; one of the peer's is not told, its text is in line
 *	ECN                          cwnd is cut; again in the same window if our CWR left
 *	path mtu                     the MSS is narrowed all the same
 *	soft errors                  told, not counted */
struct tcp_side {
	uint64_t heard_at;   /* when the last segment that counted arrived */
	struct seq rcv_up;   /* RCV.UP: the octet behind the urgent text (MUST-62) */
	struct seq snd_up;   /* SND.UP, likewise */
	uint32_t r2_ms;      /* TCP_R2_NEVER: no limit; of a free one: the next free one */
	struct seq ecn_high; /* SND.NXT when cwnd was cut for ECE */
	uint16_t pmtu;       /* of the path, when it is less than the link's; else 0 */
	uint16_t soft_cnt;   /* ICMP errors that ended nothing, up to its maximum */
	uint8_t soft_why;    /* enum tcp_icmp_kind of the last */
	uint8_t keep_cnt;    /* probes since heard_at */
};

/* Is our SYN still to be acknowledged? */
static inline bool tcp_syn_unacked(const struct tcb *tcb)
{
	return !(tcb->agreed & TCP_AGREED_SYN);
}

/* ISS, until our FIN is acknowledged: what SND.UNA has moved over is the SYN and text. */
static inline struct seq tcp_iss(const struct tcb *tcb)
{
	return seq_sub(tcb->snd.una, (uint32_t)tcb->una_offset + !tcp_syn_unacked(tcb));
}

#define TCP_R2_NEVER UINT32_MAX

STATIC_ASSERT(sizeof(struct tcp_side) == 32, "two to a cache line");

STATIC_ASSERT(sizeof(struct tcb) == 232, "no hole");

struct tcp_engine;

/* leat_tcp_tcb_check asserts every sentence above that holds in tcb's state. */
void leat_tcp_tcb_check(const struct tcp_engine *e, const struct tcb *tcb);

#endif
