/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_CORE_H
#define LEAT_TCP_CORE_H

/* tcp_core: what the files of this module say to each other; nobody else includes it.
 *
 * Every call from outside becomes a struct tcp_call: the engine, the connection, the instant, the
 * lists to fill.  The files, in the order a segment meets them:
 *
 *	tcp_input_open   CLOSED, LISTEN, SYN-SENT             3.10.7.1 to 3.10.7.3
 *	tcp_syn          SYN cookies                          RFC 4987
 *	tcp_input        the eight checks                     3.10.7.4
 *	tcp_input_fast   the same for most of the segments    architecture.md
 *	tcp_ack          SND.UNA, SND.WND, duplicate ACKs     fifth check
 *	tcp_opt          what both ends agree on in their SYNs RFC 7323, 9293 3.7.1
 *	tcp_ts           timestamps and PAWS                  RFC 7323
 *	tcp_urg          the urgent mark                      sixth check
 *	tcp_ecn          congestion that routers mark         RFC 3168
 *	tcp_icmp         errors of the network                3.9.2.2
 *	tcp_reass        text in order and out of order       seventh check
 *	tcp_rtt, tcp_cc  how long to wait, how much to send   RFC 6298, 5681, 6582, 9438, 9406
 *	tcp_sendq        what was sent: tcp_sack, tcp_rack, tcp_loss  RFC 2018, 6675, 8985, 9937
 *	tcp_tw           TIME-WAIT as a record                3.6.1
 *	tcp_timeout      the timers                           3.10.8
 *	tcp_keep         keep-alive                           3.8.4
 *	tcp_output       what leaves
 *
 * Affinity   the shard's lcore. */

#include "base_bits.h"
#include "base_time.h"
#include "tcp_engine.h"
#include "tcp_tw.h"
#include "timer_ring.h"
#include "timer_wheel.h"

/* A piece of received text, on the queue of a connection or on the way home. */
struct tcp_rbuf {
	uint32_t next;
	struct seq seq;
	uint16_t text;
	uint16_t room;  /* octets behind the text that may be written; 0: not even the text */
	uint32_t stamp; /* of the last time an octet of it arrived, while it is out of order; of the
			 * first in order the index of the last */
	const uint8_t *data;
	void *buf;
};

STATIC_ASSERT(sizeof(struct tcp_rbuf) == 32, "two to a cache line");

struct tcp_engine {
	struct tcp_limits limits;
	struct tcp_knobs knobs;
	struct hash_key secret, cookie_key;
	/* What the knobs make of every connection, worked out once. */
	struct tcb fresh;            /* a record as it begins */
	uint32_t rcv_room, rcv_half; /* octets of text that one may hold; half of the buffer */
	uint32_t rto_initial_us, rto_min_us, rto_max_us;
	uint8_t offered;           /* enum wire_tcp_opt of our SYN, but for MSS (MUST-67) */
	uint8_t shift_wanted;      /* of our window, when that is agreed on */
	struct tcp_follow *follow; /* where arrows are noted; NULL: nowhere */
	uint64_t cookie_until;     /* so long an ACK to a listener may bring a cookie back */
	struct tcb *tcb;
	uint64_t *high; /* of the remote of tcb[i], when its ends are wide, at [i]; NULL: none is */
	const struct wire_link *link; /* whose addresses such a tcb's is one of */
	struct tcp_side *side;
	struct tcp_rbuf *rbuf;
	struct tcp_tally *tally; /* likewise; NULL: not kept */
	struct tcp_ext *ext;     /* tcp_sendq.h */
	struct tcp_srec *srec;
	struct timer_wheel *wheel;               /* retransmission, persist, delayed ACK */
	struct timer_ring *two_msl, *fin_wait_2; /* of tcbs, of their ring */
	struct tw_ring *tw;
	uint64_t awake_free;                   /* one bit each */
	uint32_t awake_name[TCP_TW_AWAKE + 1]; /* of tcb[tcb_max + i] at [i] */
	uint32_t open_cnt;                     /* opened and not ended */
	/* Heads of the free lists, TCP_NONE: empty. */
	uint32_t tcb_free, rbuf_free, ext_free, srec_free, side_free;
	uint32_t out_head, out_tail;   /* connections that may have to send */
	uint32_t news_head, news_tail; /* connections with something to tell */
	uint32_t home_head;            /* pieces whose buffers go back */
	uint32_t ooo_stamp;            /* counts what arrives out of order */
	uint32_t iss_forced;
	bool iss_is_forced;
	struct tcp_counters cnt;
};

struct tcp_call {
	struct tcp_engine *e;
	struct tcb *tcb;
	uint64_t now;
	struct tcp_io *io;
	const uint8_t *data; /* where the text of the segment began, before it was trimmed */
	uint32_t wnd;        /* SEG.WND in true octets */
	bool ece;            /* SEG says that our text met congestion */
	bool kept;           /* the segment's buffer went into a queue */
};

/* Is the fast path in this build, and on?  Shortcuts elsewhere ask this as well. */
static inline bool tcp_is_quick(const struct tcp_engine *e)
{
	return LEAT_FAST_PATH && e->knobs.fast_path;
}

/* What our TSval is now: ms on the shard's clock, from a place of the tuple's own. */
static inline uint32_t tcp_ts_val(const struct tcb *tcb, uint64_t now)
{
	return tcb->ts_offset + (uint32_t)(now / TIME_MS);
}

/* Does the retransmission timer run, for anything but a keep-alive? */
static inline bool tcp_rtx_runs(const struct tcb *tcb)
{
	return tcb->rtx_at != TIME_NEVER && tcb->rtx_kind != TCP_RTX_KEEP;
}

/* The number of its length of 2MSL, and that. */
static inline uint32_t tcp_two_msl_length(const struct tcb *tcb)
{
	return (tcb->opts & TCP_O_TWO_MSL) >> TCP_O_TWO_MSL_SHIFT;
}

static inline uint64_t tcp_two_msl_ns(const struct tcp_engine *e, const struct tcb *tcb)
{
	return leat_timer_ring_lasts(e->two_msl, tcp_two_msl_length(tcb));
}

/* The tuple of tcb, and what sets it. */
static inline void tcp_tuple(const struct tcp_engine *e, const struct tcb *tcb, struct tuple *tuple)
{
	if (LIKELY(!ends4_is_wide(&tcb->ends)))
		ends4_tuple(&tcb->ends, tuple);
	else
		ends_wide_tuple(&tcb->ends_all, e->high[tcb->idx], e->link, tuple);
}

static inline void tcp_tuple_set(
	const struct tcp_engine *e, struct tcb *tcb, const struct tuple *tuple)
{
	tcb->ends = ends4_of(tuple);
	if (LIKELY(!ends4_is_wide(&tcb->ends)))
		return;
	ASSERT(e->high && e->link); /* limits.time_wait_wide, leat_tcp_link */
	ends_wide_set(&tcb->ends_all, &e->high[tcb->idx], e->link, tuple);
}

/* tcp_side is for a tcb that has it; leat_tcp_side, for reading, and leat_tcp_side_make for any:
 * NULL, counted, when there is none left. */
static inline struct tcp_side *tcp_side(const struct tcp_engine *e, const struct tcb *tcb)
{
	DCHECK(tcb->opts & TCP_O_SIDE);
	return &e->side[tcb->side];
}

/* tcp_engine.c */
struct tcp_side *leat_tcp_side_make(struct tcp_engine *e, struct tcb *tcb);
struct tcb *leat_tcp_alloc(
	struct tcp_engine *e, const struct tuple *tuple, enum tcp_state state, uint64_t now);
void leat_tcp_want_output(struct tcp_engine *e, struct tcb *tcb);
void leat_tcp_tell(struct tcp_engine *e, struct tcb *tcb, uint8_t news);
/* Moves to CLOSED by event, stops timers, sends the queues home and adds to io.gone. */
void leat_tcp_end(struct tcp_call *c, enum tcp_event event, enum tcp_end why);

/* tcb, in no state, is free from now on. */
void leat_tcp_unuse(struct tcp_engine *e, struct tcb *tcb);

/* tcp_state.c, for records of TIME-WAIT */
/* tcb goes on as a record. */
void leat_tcp_state_rest(struct tcp_engine *e, struct tcb *tcb);
/* tcb says what a record would; it is counted already. */
void leat_tcp_state_speaks(struct tcb *tcb);
/* Tells who follows of an arrow; assumes somebody does. */
void leat_tcp_state_note(
	struct tcp_engine *e, const struct tcb *tcb, uint8_t from, uint8_t to, enum tcp_end why);
/* A record that is no tcb ends by event. */
void leat_tcp_state_over(struct tcp_engine *e, enum tcp_event event);

/* tcp_tw.c */
/* 2MSL begins, or begins again. */
void leat_tcp_tw_begin(const struct tcp_call *c);
void leat_tcp_tw_late(struct tcp_engine *e, uint64_t late_ns);
bool leat_tcp_tw_is_deaf(const struct tcp_engine *e, const struct tcb *tcb);
void leat_tcp_tw_gone(struct tcp_engine *e, const struct tcb *tcb);

/* tcp_input_open.c */
enum tcp_verdict leat_tcp_in_closed(
	struct tcp_call *c, const struct tuple *tuple, const struct seg *seg);
enum tcp_verdict leat_tcp_in_listen(
	struct tcp_call *c, const struct tuple *tuple, const struct seg *seg);
enum tcp_verdict leat_tcp_in_syn_sent(struct tcp_call *c, struct seg *seg);

/* A record for the peer's SYN to listener, in SYN-RECEIVED; NULL: there is none left. */
struct tcb *leat_tcp_child(struct tcp_call *c, const struct tcb *listener,
	const struct tuple *tuple, const struct seg *syn);

/* tcp_syn.c */
struct hash_key leat_tcp_cookie_key(const struct hash_key *secret);
/* Is seg, an ACK to a listener, the answer to a cookie?  Then syn is the SYN that it answered. */
bool leat_tcp_cookie_back(const struct tcp_call *c, const struct tuple *tuple,
	const struct seg *seg, struct seg *syn);

/* tcp_input.c */
/* 3.10.7.4, for any state beyond SYN-SENT. */
enum tcp_verdict leat_tcp_in_otherwise(struct tcp_call *c, struct seg *seg);
enum tcp_verdict leat_tcp_in_text(struct tcp_call *c, struct seg *seg); /* seventh */
void leat_tcp_in_fin(struct tcp_call *c, const struct seg *seg);        /* eighth */
/* seg has been dealt with: gives its buffer back unless it was kept, and counts. */
enum tcp_verdict leat_tcp_in_done(
	const struct tcp_call *c, const struct seg *seg, enum tcp_verdict v);
/* An ACK for a segment that was not acceptable: at once when it carried text or FIN, else at most
 * one each reply_interval_ns, so that two confused ends cannot keep each other busy. */
void leat_tcp_reply(struct tcp_call *c, const struct seg *seg);

/* tcp_input_fast.c: TCP_V_CNT when seg is not its own, and then nothing happened. */
enum tcp_verdict leat_tcp_in_fast(struct tcp_call *c, const struct seg *seg);

/* tcp_ack.c */
void leat_tcp_in_ack(struct tcp_call *c, const struct seg *seg);
void leat_tcp_ack_syn(struct tcp_call *c, const struct seg *seg);
bool leat_tcp_fin_acked(const struct tcb *tcb);

/* tcp_opt.c */
/* What the peer's SYN offers and we do as well; sets the shifts and the MSS. */
void leat_tcp_opts_learn(const struct tcp_call *c, struct tcb *tcb, const struct seg *seg);
/* In figure 7 the peer's SYN,ACK, after its SYN, says what it has heard of ours: no more holds. */
void leat_tcp_opts_keep(struct tcb *tcb, const struct seg *seg);
/* Sets what of e comes from the knobs for options and windows; for timeouts, in tcp_rtt.c. */
void leat_tcp_opts_prepare(struct tcp_engine *e);
void leat_tcp_rtt_prepare(struct tcp_engine *e);
/* Octets of the headers of IP and TCP, without options. */
uint32_t leat_tcp_hdr_octets(const struct tcb *tcb);
uint16_t leat_tcp_adv_mss(const struct tcp_engine *e, const struct tcb *tcb);
/* The path takes packets of mtu octets: sets the MSS, which never grows; false: no change. */
bool leat_tcp_mss_narrow(struct tcb *tcb, uint32_t mtu);
/* What we offer in a SYN, but for its timestamp (MUST-14, MUST-65, MUST-67). */
void leat_tcp_syn_opts_put(const struct tcp_call *c, struct seg *seg);
/* Adds the options that seg, about to be sent, must carry. */
static inline void tcp_opts_put(const struct tcp_call *c, struct seg *seg)
{
	const struct tcb *tcb = c->tcb;

	seg->opts = tcb->agreed & TCP_OPT_TS;
	if (seg->flags & TCP_SYN)
		leat_tcp_syn_opts_put(c, seg);
	if (seg->opts & TCP_OPT_TS) {
		seg->ts_val = tcp_ts_val(tcb, c->now);
		seg->ts_ecr = tcb->ts_recent; /* 0 in our first SYN */
	}
}

/* tcp_ts.c: RFC 7323 3 to 5 */
/* PAWS, before the first check: OK, or why the segment is dropped. */
enum tcp_verdict leat_tcp_ts_check(struct tcp_call *c, const struct seg *seg);
/* Takes TS.Recent from an acceptable segment that began at first, before it was trimmed. */
void leat_tcp_ts_update(const struct tcp_call *c, struct seq first, const struct seg *seg);
/* The time since seg's TSecr left us; false when it never did. */
bool leat_tcp_ts_echo(const struct tcp_call *c, const struct seg *seg, uint64_t *since_ns);

/* tcp_reass.c */
enum tcp_verdict leat_tcp_reass(struct tcp_call *c, const struct seg *seg);
/* Sends the queues home; what is in order stays when a user may still read it. */
void leat_tcp_reass_purge(struct tcp_engine *e, struct tcb *tcb, bool may_read);
/* What is left of e->rcv_room where tcb holds text. */
uint32_t leat_tcp_rcv_rest(const struct tcp_engine *e, const struct tcb *tcb);
/* Octets behind RCV.NXT that there is room for. */
static inline uint32_t tcp_rcv_room(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint32_t room = LIKELY(tcb->rbuf_cnt == 0) ? e->rcv_room : leat_tcp_rcv_rest(e, tcb);

	return u32_min(room, (uint32_t)UINT16_MAX << tcb->rcv_scale);
}
/* Those of them that a new promise may be for.  Each ACK of less than a granule of the window scale
 * must round the rest of the promise up, which moves the edge to the right; the spare is left to
 * that. */
#define TCP_RCV_SPARE_GRANULES 256u
static inline uint32_t tcp_rcv_offer(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint32_t room = tcp_rcv_room(e, tcb);

	if (LIKELY(tcb->rcv_scale == 0))
		return room;
	uint32_t spare = TCP_RCV_SPARE_GRANULES << tcb->rcv_scale;

	return room > spare ? (room - spare) >> tcb->rcv_scale << tcb->rcv_scale : 0;
}

/* tcp_sack.c */
/* octets of text at seq came a second time: the next ACK says so (RFC 2883). */
void leat_tcp_dsack_note(struct tcb *tcb, struct seq seq, uint32_t octets);
/* Is there anything to report? */
static inline bool tcp_sack_news(const struct tcb *tcb)
{
	return tcb->agreed & TCP_OPT_SACK_OK &&
	       (tcb->ooo_head != TCP_NONE || tcb->dsack_octets > 0);
}
/* With news: what of a full segment to leave to the blocks. */
uint32_t leat_tcp_sack_reserve(const struct tcb *tcb);
/* With news: adds to an ACK, which has its other options and its length, what still fits. */
void leat_tcp_sack_put(struct tcp_call *c, struct seg *seg);

/* tcp_output.c */
/* A segment of no connection, as it stands; io.emit has room. */
void leat_tcp_emit_alone(struct tcp_call *c, const struct tuple *tuple, const struct seg *seg);
/* tuple: NULL for that of c->tcb. */
void leat_tcp_emit_rst(struct tcp_call *c, const struct tuple *tuple, const struct seg *rst);
/* The reset that answers seg when there is no connection. */
void leat_tcp_answer_rst(struct tcp_call *c, const struct tuple *tuple, const struct seg *seg);
/* The same for an unacceptable ACK of c->tcb. */
void leat_tcp_refuse_ack(struct tcp_call *c, const struct seg *seg);
/* <SEQ=SND.NXT><CTL=RST> */
void leat_tcp_send_rst(struct tcp_call *c);

/* tcp_timeout.c */
/* tcb, which has nothing more to send, ends after that length of ring, e->two_msl or
 * e->fin_wait_2; stop: it does not, if it would have by that ring. */
void leat_tcp_ring_start(struct timer_ring *ring, struct tcb *tcb, uint32_t length, uint64_t now);
void leat_tcp_ring_stop(struct timer_ring *ring, struct tcb *tcb);
/* Moves the timer of tcb to the earlier of its instants; but what is on the output list is about to
 * move them again: the output sees to it. */
static inline void tcp_timer_sync(struct tcp_engine *e, struct tcb *tcb)
{
	uint64_t at = u64_min(tcb->rtx_at, tcb->delack_at);

	if (tcb->flags & TCP_F_IN_OUT || at == timer_entry_deadline(&tcb->wheel))
		return;
	if (at == TIME_NEVER)
		leat_timer_wheel_stop(e->wheel, tcb->idx);
	else
		leat_timer_wheel_set(e->wheel, tcb->idx, at);
}
/* Arms, keeps or stops the retransmission or persist timer by what is outstanding; tcp_rtx_arm does
 * the same, at once where all that there is was sent and acknowledged. */
void leat_tcp_rtx_arm(struct tcp_call *c, bool restart);
static inline void tcp_rtx_arm(struct tcp_call *c, bool restart)
{
	struct tcb *tcb = c->tcb;
	bool waits = !seq_eq(tcb->snd.una, tcb->snd.nxt) || seq_lt(tcb->snd.nxt, tcb->snd.end);

	if (waits || tcb->opts & TCP_O_KEEPALIVE) {
		leat_tcp_rtx_arm(c, restart);
		return;
	}
	tcb->rtx_at = TIME_NEVER;
	tcb->rtx_kind = TCP_RTX_KEEP;
	tcp_timer_sync(c->e, tcb);
}
uint64_t leat_tcp_r2_at(const struct tcp_engine *e, const struct tcb *tcb);

/* tcp_ecn.c: RFC 3168 6.1 */
/* What the peer's SYN says of ECN. */
void leat_tcp_ecn_learn(const struct tcp_engine *e, struct tcb *tcb, const struct seg *seg);
/* Adds ECN flags to a SYN of ours. */
uint8_t leat_tcp_ecn_syn_flags(const struct tcp_engine *e, const struct tcb *tcb, uint8_t flags);
/* Takes the marks of an acceptable segment. */
void leat_tcp_ecn_in(struct tcp_call *c, const struct seg *seg);
/* Adds marks to seg, which is no SYN; fresh: its text leaves for the first time. */
void leat_tcp_ecn_put(const struct tcp_call *c, struct seg *seg, bool fresh);

/* tcp_keep.c */
/* A segment of the peer's counted. */
void leat_tcp_keep_heard(const struct tcp_call *c);
/* Nothing is outstanding: rtx_at is for the next keep-alive, or TIME_NEVER. */
void leat_tcp_keep_arm(const struct tcp_call *c);
/* That instant has come; true: nobody is there any more. */
bool leat_tcp_keep_due(struct tcp_call *c);

/* tcp_urg.c */
/* Sixth: seg began at first, before it was trimmed. */
void leat_tcp_in_urg(struct tcp_call *c, struct seq first, const struct seg *seg);
/* The user has read on. */
void leat_tcp_urg_read(const struct tcp_engine *e, struct tcb *tcb);
/* Adds the mark to seg, about to be sent. */
void leat_tcp_urg_put(const struct tcp_call *c, struct seg *seg);

/* tcp_rtt.c */
void leat_tcp_rtt_sample(struct tcb *tcb, uint64_t rtt_ns);
uint64_t leat_tcp_rto_ns(const struct tcp_engine *e, const struct tcb *tcb); /* with backoff */

/* tcp_cc.c */
void leat_tcp_cc_init(const struct tcp_engine *e, struct tcb *tcb);
/* The first text after all was acknowledged is about to leave. */
void leat_tcp_cc_begin(struct tcp_call *c);
/* Without records of what was sent. */
void leat_tcp_cc_acked(struct tcp_call *c, uint32_t octets);
void leat_tcp_cc_dup_ack(struct tcp_call *c);
void leat_tcp_cc_timeout(struct tcp_call *c);
uint32_t leat_tcp_cc_limited_transmit(const struct tcb *tcb); /* RFC 3042: octets beyond cwnd */

/* tcp_isn.c */
/* Where the timestamps of tuple begin. */
uint32_t leat_tcp_ts_offset(const struct tcp_engine *e, const struct tuple *tuple);
/* The initial sequence number of tcb; sets the offset of its timestamps as well. */
struct seq leat_tcp_isn(struct tcp_engine *e, struct tcb *tcb, uint64_t now);

#endif
