/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "tcp_sendq.h"

/* The fifth check's work: what an acceptable ACK acknowledges, and the window it carries. */

bool leat_tcp_fin_acked(const struct tcb *tcb)
{
	return tcb->flags & TCP_F_FIN_QUEUED && seq_gt(tcb->snd.una, tcb->snd.end);
}

/* An ACK that moved SND.UNA brings its window along, also on text that is older than the last we
 * saw: SND.UNA + the window of before would lie beyond what was ever offered.  So SND.WL2, which is
 * what the last such ACK acknowledged, always is SND.UNA, and what acknowledges less is not looked
 * at: the numbers of 3.10.7.4 are compared by SND.WL1 alone. */
static void window_update(const struct tcp_call *c, const struct seg *seg, bool advanced)
{
	struct tcb *tcb = c->tcb;

	if (!advanced && !seq_leq(tcb->snd.wl1, seg->seq))
		return;
	tcb->snd.wnd = c->wnd;
	tcb->snd.wnd_max = u32_max(tcb->snd.wnd_max, c->wnd);
	tcb->snd.wl1 = seg->seq;
}

/* The octets of user text in (una, ack]: SYN and FIN are not text. */
static uint32_t text_acked(const struct tcb *tcb, struct seq ack)
{
	struct seq from = seq_add(tcb->snd.una, tcp_syn_unacked(tcb) ? 1 : 0);
	struct seq to = seq_min(ack, tcb->snd.end);

	return seq_lt(from, to) ? seq_from(from, to) : 0;
}

/* The time of what was sent again, by its echo, which tells which copy it was (RFC 7323 4.1).  But
 * one of before the timeout says no more than that the ACK of the first copy was late or lost: its
 * time has the timeout in it, and would make the next one longer by that, and so on. */
static bool echo_time(const struct tcp_call *c, const struct seg *seg, uint64_t *since_ns)
{
	const struct tcb *tcb = c->tcb;
	const struct tcp_ext *queue = tcp_sendq_of(c->e, tcb);
	bool has_head = queue && queue->head != TCP_NONE;
	uint64_t again_at = has_head ? c->e->srec[queue->head].sent_at : tcb->rtt_at;

	return tcb->agreed & seg->opts & TCP_OPT_TS && !tcp_echo_before(tcb, seg, again_at) &&
	       leat_tcp_ts_echo(c, seg, since_ns);
}

static void advance(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	struct seq ack = seg->ack;
	uint64_t since_ns;
	uint32_t text = text_acked(tcb, ack);

	tcb->una_offset += text;
	if (text > 0)
		leat_tcp_tell(c->e, tcb, TCP_NEWS_WRITABLE);
	tcb->snd.una = ack;
	tcb->snd.rtx = seq_max(tcb->snd.rtx, ack);
	tcb->rtx_since = c->now;
	tcb->tries = 0;
	if (tcb->flags & TCP_F_RTT && seq_gt(ack, *tcp_rtt_seq(c->e, tcb))) {
		tcb->flags &= (uint16_t)~TCP_F_RTT;
		leat_tcp_rtt_sample(tcb, c->now - tcb->rtt_at);
	} else if (tcb->backoff > 0 && echo_time(c, seg, &since_ns)) {
		leat_tcp_rtt_sample(tcb, since_ns);
	}
}

/* RFC 5681 2: nothing new, no text, the same window, and something outstanding.  A closed window
 * refuses the probe's octet; that says nothing of losses. */
static bool is_duplicate(const struct tcp_call *c, const struct seg *seg)
{
	const struct tcb *tcb = c->tcb;

	return seq_eq(seg->ack, tcb->snd.una) && seg->len == 0 && c->wnd == tcb->snd.wnd &&
	       c->wnd > 0 && !seq_eq(tcb->snd.una, tcb->snd.nxt);
}

void leat_tcp_ack_syn(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	uint16_t again = tcb->flags & TCP_F_SYN_RTX;

	advance(c, seg);
	tcb->agreed |= TCP_AGREED_SYN;
	if (tcb->opts & TCP_O_KEEPALIVE)
		leat_tcp_keep_heard(c);
	if (again) {
		tcb->flags |= again; /* the time of the SYN itself does not count */
		tcb->backoff = 0;
	}
	tcb->snd.wnd = c->wnd;
	tcb->snd.wnd_max = u32_max(tcb->snd.wnd_max, c->wnd);
	tcb->snd.wl1 = seg->seq;
	leat_tcp_cc_init(c->e, tcb);
	leat_tcp_want_output(c->e, tcb);
	tcp_rtx_arm(c, true);
}

/* What is at SND.UNA was refused by a closed window. */
static void go_again(struct tcp_call *c)
{
	struct tcp_ext *ext = tcp_sendq_of(c->e, c->tcb);

	if (!ext)
		c->tcb->snd.rtx = c->tcb->snd.una;
	else if (ext->head != TCP_NONE && c->e->srec[ext->head].flags == 0)
		leat_tcp_sendq_lose(c->e, ext, &c->e->srec[ext->head]);
}

void leat_tcp_in_ack(struct tcp_call *c, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	bool was_closed = tcb->snd.wnd == 0;
	const struct tcp_ext *queue = tcp_sendq_of(c->e, tcb);
	uint32_t acked = seq_gt(seg->ack, tcb->snd.una) ? seq_from(tcb->snd.una, seg->ack) : 0;

	if (tcb->opts & TCP_O_KEEPALIVE)
		leat_tcp_keep_heard(c);
	if (acked > 0) {
		advance(c, seg);
		if (!queue)
			leat_tcp_cc_acked(c, acked);
	} else if (!queue && is_duplicate(c, seg)) {
		leat_tcp_cc_dup_ack(c);
	}
	if (queue)
		leat_tcp_loss_ack(c, seg, acked);
	if (seq_geq(seg->ack, tcb->snd.una))
		window_update(c, seg, acked > 0);
	if (was_closed) {
		if (!(tcb->opts & TCP_O_RING)) /* MUST-37: it answers, so the connection stays */
			tcb->rtx_since = c->now;
		if (tcb->snd.wnd > 0) {
			go_again(c);      /* the probe's octet, in a full segment */
			tcb->backoff = 0; /* it counted probes, not losses */
		}
	}
	if (seq_eq(tcb->snd.una, tcb->snd.nxt) && seq_geq(tcb->snd.nxt, tcb->snd.end))
		leat_tcp_ext_end(c->e, tcb);
	leat_tcp_want_output(c->e, tcb);
	if (acked > 0 || was_closed)
		tcp_rtx_arm(c, true);
}
