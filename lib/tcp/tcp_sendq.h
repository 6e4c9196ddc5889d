/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_SENDQ_H
#define LEAT_TCP_SENDQ_H

/* tcp_sendq: what was sent and is not acknowledged, one record a segment; and struct tcp_ext, what
 * a connection has only while it has text on the way.
 *
 *	SND.UNA                                                        SND.NXT
 *	   | in flight | SACKED SACKED | LOST | LOST | in flight (again) |
 *	   head ──────────────────── next ───────────────────────────► tail
 *
 * A record is in exactly one of three states: in flight, LOST (it will be sent again and is not in
 * the network) or SACKED (the peer has it, and may forget it).  So RFC 6675's pipe is
 *
 *	pipe = SND.NXT - SND.UNA - sacked - lost
 *
 * Records in flight are also on a list by the time they were sent last, which is what RACK walks;
 * its head is the oldest.  Neighbours that are SACKED become one record, so the list stays short.
 *
 * Records are kept when the peer said SACK-permitted.  Otherwise, and when a pool is empty at the
 * begin of a flight, NewReno goes back to SND.UNA without them (tcp_cc.c), and ext is only for the
 * congestion control.  A connection that has nothing on the way has no ext and no record.
 *
 * Most flights are lone: one segment, sent once, of which nothing was heard yet.  All that could be
 * written of it is known: it is [SND.UNA, SND.NXT), and left at tcb.rtt_at, from when its timeout
 * counts as well.  So it has none of its own: tcb.ext is that of all lone flights, which is as an
 * ext begins and is never written, and what it needs is only counted as held, so that there will be
 * one.  Whoever is about to write, or to look at records, calls leat_tcp_ext_own before; the ACK
 * of all that there is has nothing to look at.
 *
 * Shape      a record 32 octets, an ext 128: scoreboard and RACK in the first line.
 * Units      octets of sequence space (a FIN is one), ns; RTTs in us.
 * Affinity   the shard's lcore.
 * RFC        6675, 8985, 9937, 5682, 9438, 9406. */

#include "base_bits.h"
#include "tcp_core.h"

enum tcp_srec_flag {
	TCP_SREC_SACKED = 0x01,
	TCP_SREC_LOST = 0x02, /* to be sent again */
};

struct tcp_srec {
	uint64_t sent_at; /* last */
	struct seq seq, end;
	uint32_t next;         /* by sequence; of a free record: the next free one */
	uint32_t older, newer; /* by sent_at, while in flight */
	uint8_t flags;         /* enum tcp_srec_flag */
	uint8_t sent_cnt;      /* stays at its maximum */
};

STATIC_ASSERT(sizeof(struct tcp_srec) == 32, "two to a cache line");

enum tcp_ext_flag {
	TCP_EXT_SENDQ = 0x0001,       /* records are kept */
	TCP_EXT_LOSS = 0x0002,        /* a timeout is being repaired, until `recover` */
	TCP_EXT_REORDER = 0x0004,     /* the network has been seen to reorder (RACK) */
	TCP_EXT_DSACK_ROUND = 0x0008, /* dsack_round is valid */
	TCP_EXT_TLP_SEND = 0x0010,    /* a probe of the tail is to leave */
	TCP_EXT_TLP_OUT = 0x0020,     /* one is on the way: tlp_end is valid */
	TCP_EXT_TLP_AGAIN = 0x0040,   /* and it was a retransmission */
	TCP_EXT_FRTO_1 = 0x0080,      /* RFC 5682 2.1 step 2: waits for the first ACK */
	TCP_EXT_FRTO_2 = 0x0100,      /* step 3: new text was sent, waits for its ACK */
	TCP_EXT_UNDO = 0x0200,        /* what undo_* says may be restored */
	TCP_EXT_LIMITED = 0x0400,     /* it was cwnd that ended the last output */
	TCP_EXT_EPOCH = 0x0800,       /* u.cubic is valid */
	TCP_EXT_HYSTART = 0x1000,     /* u.hystart is valid */
	TCP_EXT_CSS = 0x2000,         /* conservative slow start */
	TCP_EXT_UNDO_RTO = 0x4000,    /* with UNDO: it was a timeout that reduced */
};

/* RFC 9937. */
struct tcp_prr {
	uint32_t recover_fs, delivered, out;
};

/* RFC 9406. */
struct tcp_hystart {
	struct seq round_end;
	uint32_t last_us, now_us; /* the least RTT of the last round and of this one */
	uint32_t base_us;         /* of conservative slow start */
	uint8_t sample_cnt, css_rounds;
};

/* RFC 9438. */
struct tcp_cubic {
	uint32_t epoch_ms, k_ms;
	uint32_t origin; /* the plateau, octets */
	uint32_t w_est;  /* what Reno would have, octets */
};

struct tcp_ext {
	/* Scoreboard and loss detection. */
	uint32_t head, tail;     /* by sequence; free: head is the next free one */
	uint32_t oldest, newest; /* by sent_at */
	uint32_t lost;           /* no LOST record is before it; TCP_NONE: there is none */
	uint32_t sacked_octets, lost_octets;
	uint32_t srec_cnt;
	uint64_t rto_from;     /* the instant the retransmission timeout counts from */
	uint64_t rack_sent_at; /* of the segment sent last of those that were delivered */
	struct seq rack_end;
	uint32_t rack_rtt_us; /* 0: none yet */
	uint32_t min_rtt_us;  /* 0: none yet */
	uint16_t flags;       /* enum tcp_ext_flag */
	uint8_t reo_mult, reo_persist;
	/* The rest. */
	struct seq fack; /* behind the highest octet that was delivered */
	struct seq dsack_round, tlp_end;
	struct seq undo_from;   /* SND.UNA at the reduction */
	uint32_t undo_cwnd;     /* at most this much is restored */
	uint32_t undo_ssthresh; /* RFC 4015 pipe_prev */
	uint32_t undo_octets;   /* sent again since, and not yet reported twice */
	uint32_t w_max;         /* CUBIC: the plateau of the last loss, 0: none */
	uint32_t cwnd_prior;    /* CUBIC: cwnd at the last loss */
	struct seq rtt_seq;     /* tcp_rtt_seq */
	union {
		struct tcp_prr prr;         /* with TCP_F_RECOVERY */
		struct tcp_hystart hystart; /* with TCP_EXT_HYSTART */
		struct tcp_cubic cubic;     /* with TCP_EXT_EPOCH */
	} u;
};

STATIC_ASSERT(offsetof(struct tcp_ext, fack) == 64, "the first line");
STATIC_ASSERT(sizeof(struct tcp_ext) <= 128, "two lines");

/* What one ACK told. */
struct tcp_heard {
	const struct seg *seg;
	uint32_t acked;     /* sequence space that SND.UNA moved */
	uint32_t delivered; /* octets acknowledged or SACKED for the first time */
	uint64_t rtt_ns;    /* of the oldest of them that was sent once; 0: none */
	bool dsack;         /* it reported a duplicate */
	bool dsack_tlp;     /* and that was the probe */
	bool plain;         /* a duplicate ACK without SACK */
	bool undo;          /* the last of what was sent again since a reduction had come before */
	bool original; /* of what is delivered, some was sent before the timeout and not since */
	bool eifel;    /* what was at SND.UNA arrived before it was sent again */
};

static inline struct tcp_ext *tcp_ext_of(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->opts & TCP_O_EXT ? &e->ext[tcb->ext] : NULL;
}

/* tcp_is_lone says whether tcb's flight is lone. */
static inline bool tcp_is_lone(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->opts & TCP_O_EXT && tcb->ext == e->limits.ext_max;
}

/* Where the number of what is timed stands: with TCP_F_RTT, or, with records, the end of what
 * was on the way at the last sample. */
static inline struct seq *tcp_rtt_seq(struct tcp_engine *e, struct tcb *tcb)
{
	return tcb->opts & TCP_O_EXT ? &e->ext[tcb->ext].rtt_seq : &tcb->rtt_seq;
}

/* tcp_sendq_of is ext when tcb keeps records, else NULL. */
static inline struct tcp_ext *tcp_sendq_of(const struct tcp_engine *e, const struct tcb *tcb)
{
	struct tcp_ext *ext = tcp_ext_of(e, tcb);

	return ext && ext->flags & TCP_EXT_SENDQ ? ext : NULL;
}

static inline uint32_t tcp_srec_octets(const struct tcp_srec *rec)
{
	return seq_from(rec->seq, rec->end);
}

/* tcp_pipe is how much is thought to be in the network. */
static inline uint32_t tcp_pipe(const struct tcb *tcb, const struct tcp_ext *ext)
{
	return seq_from(tcb->snd.una, tcb->snd.nxt) - ext->sacked_octets - ext->lost_octets;
}

/* tcp_echo_before says, where timestamps tell, that the ACK was caused by a segment that had left
 * before the instant at. */
static inline bool tcp_echo_before(const struct tcb *tcb, const struct seg *seg, uint64_t at)
{
	return tcb->agreed & seg->opts & TCP_OPT_TS &&
	       (int32_t)(seg->ts_ecr - tcp_ts_val(tcb, at)) < 0;
}

/* leat_tcp_ext_begin gives tcb, with nothing on the way, an ext, that of lone flights when it is to
 * keep records; none when there is none, or it is of no use.  leat_tcp_ext_end takes it back with
 * all records. */
void leat_tcp_ext_begin(struct tcp_engine *e, struct tcb *tcb, uint64_t now);
void leat_tcp_ext_end(struct tcp_engine *e, struct tcb *tcb);

/* leat_tcp_ext_own gives tcb, when its flight is lone, an ext of its own, with a record of what was
 * sent from una, which was SND.UNA then; returns its ext, NULL when it has none.
 *
 * Cost  nothing but a look where it is not lone; it never fails. */
struct tcp_ext *leat_tcp_ext_own(
	struct tcp_engine *e, struct tcb *tcb, struct seq una, uint64_t now);

/* leat_tcp_ext_of_lone makes the ext of all lone flights. */
struct tcp_ext leat_tcp_ext_of_lone(void);

/* leat_tcp_sendq_room says whether one more record can be had (counted when not). */
bool leat_tcp_sendq_room(struct tcp_engine *e, const struct tcp_ext *ext);

/* leat_tcp_sendq_sent adds octets at pos, just sent for the first time; alone where nothing else is
 * on the way and the flight may be lone. */
void leat_tcp_sendq_sent(struct tcp_call *c, struct seq pos, uint32_t octets);

/* leat_tcp_sendq_fit makes rec, which is LOST, octets long, by splitting it or by what is LOST
 * behind it; it may stay shorter.  False: it is too long, and there is no record for the rest. */
bool leat_tcp_sendq_fit(
	struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec, uint32_t octets);

/* leat_tcp_sendq_extend makes the last record, which is LOST, longer by octets that were not sent
 * before and are about to be. */
void leat_tcp_sendq_extend(struct tcp_engine *e, struct tcp_ext *ext, uint32_t octets);

/* leat_tcp_sendq_again: rec was sent again; it is in flight. */
void leat_tcp_sendq_again(struct tcp_call *c, struct tcp_srec *rec);

/* leat_tcp_sendq_last gives the last record, at most octets long, when it is in flight; NULL: it
 * is not. */
struct tcp_srec *leat_tcp_sendq_last(struct tcp_engine *e, struct tcp_ext *ext, uint32_t octets);

/* leat_tcp_sendq_acked removes what is before SND.UNA. */
void leat_tcp_sendq_acked(struct tcp_call *c, struct tcp_heard *heard);

/* leat_tcp_sendq_sack marks the records inside the cnt blocks, which are sorted and disjoint and
 * within (SND.UNA, SND.NXT). */
void leat_tcp_sendq_sack(
	struct tcp_call *c, const struct seg_sack *block, uint32_t cnt, struct tcp_heard *heard);

/* leat_tcp_sendq_lose marks rec, in flight, LOST. */
void leat_tcp_sendq_lose(struct tcp_engine *e, struct tcp_ext *ext, struct tcp_srec *rec);

/* leat_tcp_sendq_lose_all marks all that is not SACKED; with forget, that too. */
void leat_tcp_sendq_lose_all(struct tcp_engine *e, struct tcp_ext *ext, bool forget);

/* leat_tcp_sendq_find_all: nothing is LOST any more, it is in flight since it was sent. */
void leat_tcp_sendq_find_all(struct tcp_engine *e, struct tcp_ext *ext);

/* leat_tcp_sendq_recut marks LOST what is longer than a segment may be now, after the path became
 * narrower (RFC 1191 6.6); no congestion is meant by that. */
void leat_tcp_sendq_recut(struct tcp_engine *e, struct tcb *tcb);

/* leat_tcp_sendq_check asserts what this header says of tcb's queue. */
void leat_tcp_sendq_check(const struct tcp_engine *e, const struct tcb *tcb);

/* tcp_cc.c: how much may be sent.  ext is NULL where there is none, which makes it Reno. */
struct tcp_cc_ops {
	const char *name;
	/* octets were acknowledged while cwnd was what limited us, beyond slow start. */
	void (*avoid)(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets);
	/* A loss, with flight octets on the way: the new ssthresh. */
	uint32_t (*reduce)(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight);
};

#define TCP_CWND_MAX (UINT32_C(1) << 30)

extern const struct tcp_cc_ops leat_tcp_cc_reno, leat_tcp_cc_cubic;

const char *leat_tcp_cc_name(const struct tcp_engine *e);
uint32_t leat_tcp_cc_initial(const struct tcp_engine *e, const struct tcb *tcb);
void leat_tcp_cc_grow(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets);
/* What remains of flight octets: after a loss, and after a timeout. */
uint32_t leat_tcp_cc_reduced(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight);
uint32_t leat_tcp_cc_lost_all(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight);

/* An ACK in slow start, and the round trip it measured; 0: none. */
void leat_tcp_hystart_acked(struct tcb *tcb, struct tcp_ext *ext, uint32_t rtt_us);

/* tcp_sack.c */
/* Takes the blocks of an ACK, after SND.UNA moved. */
void leat_tcp_sack_in(struct tcp_call *c, const struct seg *seg, struct tcp_heard *heard);

/* tcp_rack.c */
/* A record was delivered (RFC 8985 6.2 steps 1 to 3). */
void leat_tcp_rack_delivered(const struct tcp_call *c, struct tcp_ext *ext,
	const struct tcp_srec *rec, const struct tcp_heard *heard);
/* The reordering window of steps 4 and 5, us. */
uint32_t leat_tcp_rack_window_us(const struct tcb *tcb, const struct tcp_ext *ext);
/* Marks what must be lost by now; true when there was any. */
bool leat_tcp_rack_detect(struct tcp_call *c, struct tcp_ext *ext);
/* Adapts the reordering window to what the ACK said (step 4). */
void leat_tcp_rack_adapt(const struct tcb *tcb, struct tcp_ext *ext, bool dsack, bool recovered);
/* Which timer is due next, and when; the same of a lone flight. */
uint64_t leat_tcp_rack_timer(struct tcp_call *c, const struct tcp_ext *ext, uint8_t *kind);
uint64_t leat_tcp_rack_timer_lone(struct tcp_call *c, uint8_t *kind);
/* What an ACK says of a probe; true: it repaired a loss. */
bool leat_tcp_rack_tlp_acked(
	const struct tcb *tcb, struct tcp_ext *ext, const struct tcp_heard *heard);

/* tcp_loss.c */
void leat_tcp_loss_ack(struct tcp_call *c, const struct seg *seg, uint32_t acked);
/* The timers of tcp_rack_timer that came due. */
void leat_tcp_loss_reorder_due(struct tcp_call *c);
void leat_tcp_loss_tlp_due(struct tcp_call *c);
void leat_tcp_loss_rto_due(struct tcp_call *c);
/* octets were sent, first or again. */
void leat_tcp_loss_sent(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets);

#endif
