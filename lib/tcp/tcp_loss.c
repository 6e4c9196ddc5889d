/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_sendq.h"

/* Loss recovery of a connection that keeps records: what an ACK and a timer change, RFC 6675, 8985,
 * 9937, 5682, 4015.
 *
 *	           RACK marks a segment                  SND.UNA reaches `recover`
 *	open ────────────────────────────► recovery ─────────────────────────────► open
 *	  └──────── timeout ─────────────► loss ─────────────────────────────────► open
 *
 * In recovery PRR sets cwnd; in loss it is slow start from one segment.  Both end at once when it
 * is seen that nothing had been lost. */

static uint32_t flight(const struct tcb *tcb)
{
	return seq_from(tcb->snd.una, tcb->snd.nxt);
}

/* One sample a round trip, so that RTTVAR keeps the memory RFC 6298 means it to have; the first
 * that counts ends a backoff.  Only where SND.UNA moved and the timer starts again: a timeout that
 * became shorter must not be found to be over. */
static void take_rtt(struct tcp_call *c, const struct tcp_heard *heard)
{
	struct tcb *tcb = c->tcb;

	if (heard->rtt_ns == 0 || heard->acked == 0)
		return;
	struct seq *round = tcp_rtt_seq(c->e, tcb);

	if (seq_lt(tcb->snd.una, *round) && tcb->backoff == 0)
		return;
	*round = tcb->snd.nxt;
	leat_tcp_rtt_sample(tcb, heard->rtt_ns);
}

/* Keeps what a reduction that proves needless gives back (RFC 4015 pipe_prev). */
static void remember(struct tcp_ext *ext, const struct tcb *tcb, uint32_t flight_octets)
{
	ext->flags &= (uint16_t)~TCP_EXT_UNDO_RTO;
	ext->flags |= TCP_EXT_UNDO;
	ext->undo_from = tcb->snd.una;
	ext->undo_cwnd = tcb->cwnd;
	ext->undo_ssthresh = u32_max(tcb->ssthresh, flight_octets);
	ext->undo_octets = 0;
}

static void enter_recovery(struct tcp_call *c, struct tcp_ext *ext, const struct tcp_heard *heard)
{
	struct tcb *tcb = c->tcb;
	uint32_t before = u32_min(tcb->cwnd, flight(tcb) + heard->acked);

	remember(ext, tcb, before);
	tcb->ssthresh = leat_tcp_cc_reduced(c, ext, before);
	tcb->recover = tcb->snd.nxt;
	tcb->flags |= TCP_F_RECOVERY;
	uint32_t fs = flight(tcb) - ext->sacked_octets + heard->delivered;
	ext->u.prr = (struct tcp_prr){.recover_fs = u32_max(fs, 1)};
	c->e->cnt.recoveries++;
}

/* RFC 9937 6.2; safe: SND.UNA advances and nothing more was marked. */
static void prr(struct tcb *tcb, struct tcp_ext *ext, uint32_t delivered, bool safe)
{
	struct tcp_prr *p = &ext->u.prr;
	uint32_t pipe = tcp_pipe(tcb, ext), sndcnt;

	p->delivered += delivered;
	uint32_t unsent = p->delivered > p->out ? p->delivered - p->out : 0;

	if (pipe > tcb->ssthresh) {
		uint64_t share = (uint64_t)p->delivered * tcb->ssthresh + p->recover_fs - 1;
		uint32_t due = (uint32_t)u64_min(share / p->recover_fs, TCP_CWND_MAX);

		sndcnt = due > p->out ? due - p->out : 0;
	} else {
		sndcnt = u32_max(unsent, delivered) + (safe ? tcb->snd_mss : 0);
		sndcnt = u32_min(sndcnt, tcb->ssthresh - pipe);
	}
	/* "Force a fast retransmit upon entering recovery"; and where nothing is on the way no ACK
	 * will come to allow the rest of a segment. */
	if (p->out == 0 || pipe == 0)
		sndcnt = u32_max(sndcnt, tcb->snd_mss);
	tcb->cwnd = pipe + sndcnt;
}

/* SND.UNA came to where the losses were noticed. */
static bool leave(struct tcb *tcb, struct tcp_ext *ext)
{
	if (!(tcb->flags & TCP_F_RECOVERY) && !(ext->flags & TCP_EXT_LOSS)) {
		/* Drag the mark along, that it cannot come to lie half the circle behind. */
		tcb->recover = seq_max(tcb->recover, seq_sub(tcb->snd.una, 1));
		return false;
	}
	if (seq_lt(tcb->snd.una, tcb->recover))
		return false;
	if (tcb->flags & TCP_F_RECOVERY)
		tcb->cwnd = tcb->ssthresh;
	tcb->flags &= (uint16_t)~TCP_F_RECOVERY;
	ext->flags &= (uint16_t) ~(TCP_EXT_LOSS | TCP_EXT_FRTO_1 | TCP_EXT_FRTO_2);
	return true;
}

/* RFC 4015 5: what the network held is in the network still; slow start leads back to what it was
 * known to hold. */
static void undo(struct tcp_call *c, struct tcp_ext *ext, const struct tcp_heard *heard)
{
	struct tcb *tcb = c->tcb;
	bool timeout = (ext->flags & TCP_EXT_UNDO_RTO) != 0;
	uint32_t iw = leat_tcp_cc_initial(c->e, tcb);

	leat_tcp_sendq_find_all(c->e, ext);
	ext->rack_rtt_us = 0; /* it may be that of an ACK of the first copy */
	uint32_t cwnd = u32_min(ext->undo_cwnd, tcp_pipe(tcb, ext) + u32_min(heard->acked, iw));

	tcb->cwnd = u32_max(tcb->cwnd, cwnd);
	tcb->ssthresh = u32_max(tcb->ssthresh, ext->undo_ssthresh);
	tcb->flags &= (uint16_t)~TCP_F_RECOVERY;
	ext->flags &= (uint16_t) ~(TCP_EXT_LOSS | TCP_EXT_FRTO_1 | TCP_EXT_FRTO_2 | TCP_EXT_UNDO);
	ext->undo_octets = 0;
	ext->w_max = u32_max(ext->w_max, ext->undo_cwnd);
	if (timeout) {
		tcb->backoff = 0;
		c->e->cnt.rto_undone++;
	} else {
		/* What was overtaken by so much was sent again before it arrived: the test of RFC
		 * 8985 6.2 step 3, on segments that were sent once, does not see it. */
		ext->flags |= TCP_EXT_REORDER;
		c->e->cnt.recovery_undone++;
	}
}

/* Is there a full segment that was never sent, and room for it? */
static bool has_new(const struct tcb *tcb)
{
	struct seq to = seq_add(tcb->snd.nxt, tcb->snd_mss);

	return seq_leq(to, tcb->snd.end) && seq_leq(to, seq_add(tcb->snd.una, tcb->snd.wnd));
}

/* RFC 5682 3.1, the SACK version: after a timeout the first ACK that advances lets new text go
 * instead of more of the old; when the next one is for old text that did not go again, it had only
 * been late.  True: the timeout was spurious. */
static bool frto(const struct tcb *tcb, struct tcp_ext *ext, const struct tcp_heard *heard)
{
	if (ext->flags & TCP_EXT_FRTO_2) {
		if (heard->original)
			return true;
		if (heard->delivered > 0 || heard->plain)
			ext->flags &= (uint16_t)~TCP_EXT_FRTO_2;
	} else if (ext->flags & TCP_EXT_FRTO_1 && heard->acked > 0) {
		ext->flags &= (uint16_t)~TCP_EXT_FRTO_1;
		if (has_new(tcb))
			ext->flags |= TCP_EXT_FRTO_2;
	}
	return false;
}

/* Three ways to see that what reduced cwnd was no loss: DSACKs for all that went again (RFC 2883),
 * an echo older than what went again (Eifel, RFC 3522), and F-RTO. */
static bool was_needless(const struct tcb *tcb, struct tcp_ext *ext, const struct tcp_heard *heard)
{
	bool late = ext->flags & TCP_EXT_LOSS && frto(tcb, ext, heard);

	return ext->flags & TCP_EXT_UNDO && (heard->undo || heard->eifel || late);
}

/* A probe repaired the loss of the tail: that was one (RFC 8985 7.4.2). */
static void tail_was_lost(struct tcp_call *c, struct tcp_ext *ext, const struct tcp_heard *heard)
{
	struct tcb *tcb = c->tcb;

	if (tcb->flags & TCP_F_RECOVERY || ext->flags & TCP_EXT_LOSS)
		return;
	tcb->ssthresh = leat_tcp_cc_reduced(c, ext, u32_min(tcb->cwnd, flight(tcb) + heard->acked));
	tcb->cwnd = u32_min(tcb->cwnd, tcb->ssthresh);
}

/* Is all that was sent acknowledged, and nothing more to send?  What follows from it is a shortcut,
 * so it is for the fast path to be switched off with. */
static bool is_over(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;

	return tcp_is_quick(c->e) && seq_eq(tcb->snd.una, tcb->snd.nxt) &&
	       seq_geq(tcb->snd.nxt, tcb->snd.end) && !(seg->opts & TCP_OPT_SACK);
}

/* Is nothing amiss, and are there no rounds of HyStart++ to compare? */
static bool is_calm(const struct tcb *tcb, const struct tcp_ext *ext)
{
	uint16_t calm = TCP_EXT_SENDQ | TCP_EXT_LIMITED | TCP_EXT_EPOCH;

	return !(ext->flags & (uint16_t)~calm) && !(tcb->flags & TCP_F_RECOVERY) &&
	       ext->sacked_octets == 0 && ext->lost_octets == 0;
}

/* ext is about to end: what RACK and HyStart++ would learn ends with it, and only the round trip
 * and the window are of use. */
static void flight_over(struct tcp_call *c, struct tcp_ext *ext, uint32_t acked)
{
	const struct tcp_srec *rec = &c->e->srec[ext->head];
	struct tcp_heard heard = {.acked = acked};

	while (rec->sent_cnt > 1 && rec->next != TCP_NONE)
		rec = &c->e->srec[rec->next];
	if (rec->sent_cnt == 1)
		heard.rtt_ns = u64_max(c->now - rec->sent_at, 1);
	take_rtt(c, &heard);
	(void)leave(c->tcb, ext);
	leat_tcp_cc_grow(c, ext, acked);
}

/* The same of a lone flight, which cwnd did not limit. */
static void lone_over(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	leat_tcp_rtt_sample(tcb, u64_max(c->now - tcb->rtt_at, 1));
	tcb->recover = seq_max(tcb->recover, seq_sub(tcb->snd.una, 1));
}

/* All that an ACK may tell of a flight that goes on, or was not quite as it should be. */
static __attribute__((noinline)) void take_all(
	struct tcp_call *c, const struct seg *seg, uint32_t acked)
{
	struct tcb *tcb = c->tcb;
	struct tcp_ext *ext = leat_tcp_ext_own(c->e, tcb, seq_sub(tcb->snd.una, acked), c->now);
	struct tcp_heard heard = {.acked = acked, .seg = seg};

	heard.plain = acked == 0 && seg->len == 0 && !(seg->opts & TCP_OPT_SACK);
	if (acked > 0)
		leat_tcp_sendq_acked(c, &heard);
	leat_tcp_sack_in(c, seg, &heard);
	take_rtt(c, &heard);
	if (was_needless(tcb, ext, &heard))
		undo(c, ext, &heard);
	bool recovered = leave(tcb, ext);

	leat_tcp_rack_adapt(tcb, ext, heard.dsack, recovered);
	if (leat_tcp_rack_tlp_acked(tcb, ext, &heard))
		tail_was_lost(c, ext, &heard);
	bool more = leat_tcp_rack_detect(c, ext);

	if (more && !(tcb->flags & TCP_F_RECOVERY) && !(ext->flags & TCP_EXT_LOSS))
		enter_recovery(c, ext, &heard);
	if (tcb->flags & TCP_F_RECOVERY) {
		if (heard.delivered > 0)
			prr(tcb, ext, heard.delivered, acked > 0 && !more);
	} else if (acked > 0 && !recovered) {
		leat_tcp_hystart_acked(tcb, ext, (uint32_t)(heard.rtt_ns / 1000));
		leat_tcp_cc_grow(c, ext, acked);
	}
}

void leat_tcp_loss_ack(struct tcp_call *c, const struct seg *seg, uint32_t acked)
{
	struct tcp_ext *ext = &c->e->ext[c->tcb->ext];
	bool over = acked > 0 && is_over(c, seg);

	if (over && LIKELY(tcp_is_lone(c->e, c->tcb)))
		lone_over(c);
	else if (over && is_calm(c->tcb, ext))
		flight_over(c, ext, acked);
	else
		take_all(c, seg, acked);
}

void leat_tcp_loss_sent(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets)
{
	c->tcb->rtt_at = c->now;
	if (c->tcb->flags & TCP_F_RECOVERY)
		ext->u.prr.out += octets;
}

void leat_tcp_loss_reorder_due(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct tcp_ext *ext = leat_tcp_ext_own(c->e, tcb, tcb->snd.una, c->now);
	struct tcp_heard nothing = {.seg = NULL};

	c->e->cnt.reorder_fired++;
	if (!leat_tcp_rack_detect(c, ext) || ext->flags & TCP_EXT_LOSS)
		return;
	if (!(tcb->flags & TCP_F_RECOVERY))
		enter_recovery(c, ext, &nothing);
	prr(tcb, ext, 0, false);
}

void leat_tcp_loss_tlp_due(struct tcp_call *c)
{
	struct tcp_ext *ext = leat_tcp_ext_own(c->e, c->tcb, c->tcb->snd.una, c->now);

	ext->flags |= TCP_EXT_TLP_SEND | TCP_EXT_TLP_OUT;
	ext->tlp_end = c->tcb->snd.nxt;
	ext->rto_from = c->now; /* 7.3: "MUST re-arm the RTO timer" */
	c->e->cnt.tlp_fired++;
}

void leat_tcp_loss_rto_due(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct tcp_ext *ext = leat_tcp_ext_own(c->e, tcb, tcb->snd.una, c->now);
	const struct tcp_srec *head = &c->e->srec[ext->head];
	bool again = (ext->flags & TCP_EXT_LOSS) != 0;
	/* RFC 2018 8: the peer SACKed what it does not acknowledge; it may have forgotten it. */
	bool reneged = (head->flags & TCP_SREC_SACKED) != 0;
	uint32_t before = u32_min(tcb->cwnd, flight(tcb));

	ext->flags &= (uint16_t) ~(TCP_EXT_TLP_SEND | TCP_EXT_TLP_OUT | TCP_EXT_TLP_AGAIN |
				   TCP_EXT_FRTO_1 | TCP_EXT_FRTO_2);
	if (!again) { /* one event reduces once */
		if (!(tcb->flags & TCP_F_RECOVERY))
			ext->flags |= TCP_EXT_FRTO_1;
		remember(ext, tcb, before);
		ext->flags |= TCP_EXT_UNDO_RTO;
		tcb->ssthresh = leat_tcp_cc_lost_all(c, ext, before);
	}
	if (reneged) {
		ext->flags &= (uint16_t) ~(TCP_EXT_FRTO_1 | TCP_EXT_UNDO);
		c->e->cnt.reneged++;
	}
	tcb->flags &= (uint16_t)~TCP_F_RECOVERY;
	ext->flags |= TCP_EXT_LOSS;
	leat_tcp_sendq_lose_all(c->e, ext, reneged);
	tcb->recover = tcb->snd.nxt;
	tcb->cwnd = tcb->snd_mss;
}
