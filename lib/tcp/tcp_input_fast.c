/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_sendq.h"

/* What most segments are, and nothing else besides: of an open connection the next text, or an ACK
 * of ours; and of a short one the ACK of our SYN, perhaps with the request, and the FIN that
 * acknowledges ours.  It does what the eight checks would do, and nothing that they would not; all
 * else is not its own.  Left out of the build with -Dfast_path=false, and off with
 * knobs.fast_path. */

#define ALL_BUT_PSH  ((uint8_t)~TCP_PSH)
#define BUSY         (TCP_F_FIN_HELD | TCP_F_RECOVERY)
#define CLOSED       (TCP_F_FIN_QUEUED | TCP_F_RCV_SHUT)    /* by the user */
#define NOT_SO_QUIET ((uint16_t) ~(TCP_O_SIDE | TCP_O_EXT)) /* records that say nothing */

/* RFC 7323 5.3: exactly the options that were agreed on, and a timestamp that is not older. */
static bool options_fit(const struct tcb *tcb, const struct seg *seg)
{
	uint8_t want = tcb->agreed & TCP_OPT_TS;

	if (seg->opts != want)
		return false;
	return want == 0 || (int32_t)(seg->ts_val - tcb->ts_recent) >= 0;
}

/* Nothing has to be repaired, nothing is marked, and seg has what was agreed on and not more. */
static bool is_quiet(const struct tcb *tcb, const struct seg *seg)
{
	bool marked = (seg->tos & WIRE_ECN_MASK) == WIRE_ECN_CE && tcb->agreed & TCP_AGREED_ECN;

	return !(tcb->flags & BUSY) && !(tcb->opts & NOT_SO_QUIET) && tcb->backoff == 0 &&
	       tcb->ooo_head == TCP_NONE && !marked && options_fit(tcb, seg);
}

/* First check: it begins at RCV.NXT and ends in the window. */
static bool is_next(const struct tcb *tcb, const struct seg *seg)
{
	return seq_eq(seg->seq, tcb->rcv.nxt) && seg->len <= seq_from(tcb->rcv.nxt, tcb->rcv.edge);
}

/* Fifth: SND.UNA =< SEG.ACK =< SND.NXT, the window is open and as it was, and the segment is no
 * duplicate ACK. */
static bool is_plain(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;
	uint32_t acked = seg->ack.v - tcb->snd.una.v;

	return (seg->flags & ALL_BUT_PSH) == TCP_ACK && !(tcb->flags & CLOSED) &&
	       acked <= seq_from(tcb->snd.una, tcb->snd.nxt) && c->wnd == tcb->snd.wnd &&
	       c->wnd > 0 && (acked > 0 || seg->text > 0);
}

/* It acknowledges our SYN, behind which nothing is queued. */
static bool opens(const struct tcb *tcb, const struct seg *seg)
{
	return (seg->flags & ALL_BUT_PSH) == TCP_ACK && !(tcb->flags & TCP_F_SYN_RTX) &&
	       tcp_syn_unacked(tcb) && seq_eq(seg->ack, tcb->snd.nxt) &&
	       seq_eq(tcb->snd.nxt, tcb->snd.end);
}

/* It acknowledges our FIN and all before it, and is the peer's. */
static bool closes(const struct tcb *tcb, const struct seg *seg)
{
	return (seg->flags & ALL_BUT_PSH) == (TCP_FIN | TCP_ACK) && seg->text == 0 &&
	       seq_eq(seg->ack, tcb->snd.nxt) && seq_gt(tcb->snd.nxt, tcb->snd.end) &&
	       tcb->snd.wnd > 0 && !tcp_syn_unacked(tcb);
}

/* SND.UNA moves up to ack, over octets of text. */
static inline void advance(struct tcp_call *c, struct seq ack, uint32_t text)
{
	struct tcb *tcb = c->tcb;

	tcb->una_offset += text;
	tcb->snd.una = ack;
	tcb->snd.rtx = seq_max(tcb->snd.rtx, tcb->snd.una);
	tcb->rtx_since = c->now;
	tcb->tries = 0;
	if (tcb->flags & TCP_F_RTT && seq_gt(tcb->snd.una, *tcp_rtt_seq(c->e, tcb))) {
		tcb->flags &= (uint16_t)~TCP_F_RTT;
		leat_tcp_rtt_sample(tcb, c->now - tcb->rtt_at);
	}
	if (text > 0)
		leat_tcp_tell(c->e, tcb, TCP_NEWS_WRITABLE);
}

static void take_window(const struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	tcb->snd.wnd = c->wnd;
	tcb->snd.wnd_max = u32_max(tcb->snd.wnd_max, c->wnd);
	tcb->snd.wl1 = seg->seq;
}

static void take_ts(const struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!(seg->opts & TCP_OPT_TS) || !seq_leq(seg->seq, tcb->last_ack))
		return;
	tcb->ts_recent = seg->ts_val;
	tcb->ts_recent_s = (uint32_t)(c->now / TIME_S);
}

/* Nothing is on the way, and nothing waits: no timer is to run but that of keep-alives.  The output
 * brings the wheel up to date. */
static void all_acked(struct tcp_call *c)
{
	leat_tcp_want_output(c->e, c->tcb);
	leat_tcp_keep_arm(c);
}

/* Fifth check. */
static void take_ack(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	const struct tcp_ext *queue = tcp_sendq_of(c->e, tcb);
	uint32_t acked = seq_from(tcb->snd.una, seg->ack);

	if (acked > 0)
		advance(c, seg->ack, acked);
	if (queue)
		leat_tcp_loss_ack(c, seg, acked);
	else if (acked > 0)
		leat_tcp_cc_acked(c, acked);
	if (acked > 0 || seq_leq(tcb->snd.wl1, seg->seq))
		tcb->snd.wl1 = seg->seq;
	if (seq_eq(tcb->snd.una, tcb->snd.end))
		leat_tcp_ext_end(c->e, tcb);
	leat_tcp_want_output(c->e, tcb);
	if (acked > 0)
		tcp_rtx_arm(c, true);
}

/* SYN-RECEIVED, fifth check and seventh. */
static enum tcp_verdict take_open(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	leat_tcp_go(c->e, tcb, TCP_ARROW_SYN_RECEIVED_RCV_ACK_OF_SYN);
	advance(c, seg->ack, 0);
	tcb->agreed |= TCP_AGREED_SYN;
	take_window(c, seg);
	leat_tcp_cc_init(c->e, tcb);
	all_acked(c);
	leat_tcp_tell(c->e, tcb, TCP_NEWS_ESTABLISHED);
	take_ts(c, seg);
	return seg->text > 0 ? leat_tcp_reass(c, seg) : TCP_V_OK;
}

/* FIN-WAIT-1, fifth check and eighth: by FIN-WAIT-2, where nothing can happen, to TIME-WAIT. */
static enum tcp_verdict take_close(struct tcp_call *c, const struct seg *seg)
{
	struct tcp_engine *e = c->e;
	struct tcb *tcb = c->tcb;
	const struct tcp_ext *queue = tcp_sendq_of(e, tcb);
	uint32_t acked = seq_from(tcb->snd.una, seg->ack);

	advance(c, seg->ack, acked - 1);
	if (queue)
		leat_tcp_loss_ack(c, seg, acked);
	else
		leat_tcp_cc_acked(c, acked);
	take_window(c, seg);
	leat_tcp_ext_end(e, tcb);
	all_acked(c);
	leat_tcp_go(e, tcb, TCP_ARROW_FIN_WAIT_1_RCV_ACK_OF_FIN);
	take_ts(c, seg);
	tcb->rcv_fin = seg->seq;
	tcb->rcv.nxt = seq_add(seg->seq, 1);
	tcb->flags |= TCP_F_FIN_HELD | TCP_F_ACK_NOW;
	leat_tcp_go(e, tcb, TCP_ARROW_FIN_WAIT_2_RCV_FIN);
	leat_tcp_tell(e, tcb, TCP_NEWS_PEER_CLOSED);
	leat_tcp_tw_begin(c);
	e->cnt.time_wait_entered++;
	return TCP_V_OK;
}

enum tcp_verdict leat_tcp_in_fast(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!LIKELY(is_quiet(tcb, seg)) || !LIKELY(is_next(tcb, seg)))
		return TCP_V_CNT;
	if (tcb->state == TCP_ST_ESTABLISHED && LIKELY(is_plain(c, seg))) {
		c->e->cnt.fast++;
		take_ack(c, seg);
		take_ts(c, seg);
		return seg->text > 0 ? leat_tcp_reass(c, seg) : TCP_V_OK; /* seventh check */
	}
	if (tcb->state == TCP_ST_SYN_RECEIVED && LIKELY(opens(tcb, seg))) {
		c->e->cnt.fast++;
		return take_open(c, seg);
	}
	if (tcb->state == TCP_ST_FIN_WAIT_1 && LIKELY(closes(tcb, seg))) {
		c->e->cnt.fast++;
		return take_close(c, seg);
	}
	return TCP_V_CNT;
}
