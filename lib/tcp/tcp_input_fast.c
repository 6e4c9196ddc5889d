/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_time.h"
#include "tcp_sendq.h"

/* What most segments of an open connection are: the next text, or an ACK of ours, and nothing else
 * besides.  It does what the eight checks would do, and nothing that they would not; all else is
 * not its own.  Left out of the build with -Dfast_path=false, and off with knobs.fast_path. */

#define ACK_OR_PSH   ((uint8_t)~TCP_PSH)
#define BUSY         (TCP_F_FIN_QUEUED | TCP_F_RCV_SHUT | TCP_F_FIN_HELD | TCP_F_RECOVERY)
#define NOT_SO_QUIET ((uint16_t) ~(TCP_O_SIDE | TCP_O_EXT)) /* records that say nothing */

/* RFC 7323 5.3: exactly the options that were agreed on, and a timestamp that is not older. */
static bool options_fit(const struct tcb *tcb, const struct seg *seg)
{
	uint8_t want = tcb->agreed & TCP_OPT_TS;

	if (seg->opts != want)
		return false;
	return want == 0 || (int32_t)(seg->ts_val - tcb->ts_recent) >= 0;
}

/* First check: it begins at RCV.NXT and ends in the window.  Fifth: SND.UNA =< SEG.ACK =< SND.NXT,
 * the window is open and as it was, and the segment is no duplicate ACK. */
static bool numbers_fit(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;
	uint32_t acked = seg->ack.v - tcb->snd.una.v;

	return seq_eq(seg->seq, tcb->rcv.nxt) &&
	       seg->text <= seq_from(tcb->rcv.nxt, tcb->rcv.edge) &&
	       acked <= seq_from(tcb->snd.una, tcb->snd.nxt) && c->wnd == tcb->snd.wnd &&
	       c->wnd > 0 && (acked > 0 || seg->text > 0);
}

static bool is_mine(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;
	bool marked = (seg->tos & WIRE_ECN_MASK) == WIRE_ECN_CE && tcb->agreed & TCP_AGREED_ECN;

	return tcb->state == TCP_ST_ESTABLISHED && (seg->flags & ACK_OR_PSH) == TCP_ACK &&
	       !(tcb->flags & BUSY) && !(tcb->opts & NOT_SO_QUIET) && tcb->backoff == 0 &&
	       tcb->ooo_head == TCP_NONE && !marked && options_fit(tcb, seg) && numbers_fit(c, seg);
}

/* SND.UNA moves by acked octets, all of them text: SYN and FIN are not on the way. */
static void advance(struct tcp_call *c, uint32_t acked)
{
	struct tcb *tcb = c->tcb;

	tcb->una_offset += acked;
	tcb->snd.una = seq_add(tcb->snd.una, acked);
	tcb->snd.rtx = seq_max(tcb->snd.rtx, tcb->snd.una);
	tcb->rtx_since = c->now;
	tcb->tries = 0;
	if (tcb->flags & TCP_F_RTT && seq_gt(tcb->snd.una, *tcp_rtt_seq(c->e, tcb))) {
		tcb->flags &= (uint16_t)~TCP_F_RTT;
		leat_tcp_rtt_sample(c->e, tcb, c->now - tcb->rtt_at);
	}
	leat_tcp_tell(c->e, tcb, TCP_NEWS_WRITABLE);
}

/* Fifth check. */
static void take_ack(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	const struct tcp_ext *queue = tcp_sendq_of(c->e, tcb);
	uint32_t acked = seq_from(tcb->snd.una, seg->ack);

	if (acked > 0)
		advance(c, acked);
	if (queue)
		leat_tcp_loss_ack(c, seg, acked);
	else if (acked > 0)
		leat_tcp_cc_acked(c, acked);
	if (acked > 0 || seq_leq(tcb->snd.wl1, seg->seq)) {
		tcb->snd.wl1 = seg->seq;
		tcb->snd.wl2 = seg->ack;
	}
	if (seq_eq(tcb->snd.una, tcb->snd.end))
		leat_tcp_ext_end(c->e, tcb);
	leat_tcp_want_output(c->e, tcb);
	if (acked > 0)
		tcp_rtx_arm(c, true);
}

enum tcp_verdict leat_tcp_in_fast(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (!is_mine(c, seg))
		return TCP_V_CNT;
	c->e->cnt.fast++;
	take_ack(c, seg);
	if (seg->opts & TCP_OPT_TS && seq_leq(seg->seq, tcb->last_ack)) {
		tcb->ts_recent = seg->ts_val;
		tcb->ts_recent_s = (uint32_t)(c->now / TIME_S);
	}
	return seg->text > 0 ? leat_tcp_reass(c, seg) : TCP_V_OK; /* seventh check */
}
