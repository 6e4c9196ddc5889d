/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "tcp_core.h"
#include "tcp_user.h"

/* Urgent text, RFC 9293 3.8.5 and RFC 6093: it stays in line with the rest, of any length (MUST-30,
 * MUST-31); all there is beside it is a mark, the octet behind it (MUST-62). */

/* Where the user reads: a FIN that was taken is not text. */
static struct seq read_to(const struct tcb *tcb)
{
	bool fin_taken = tcb->flags & TCP_F_FIN_HELD && seq_lt(tcb->rcv_fin, tcb->rcv.nxt);

	return seq_sub(tcb->rcv.nxt, tcb->rcv.unread + fin_taken);
}

/* "RCV.UP <- max(RCV.UP,SEG.UP), and signal the user": only a mark that is news, MUST-32. */
void leat_tcp_in_urg(struct tcp_call *c, struct seq first, const struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	struct seq up = seq_add(first, seg->up);

	if (!tcp_in(tcb->state, TCP_MAY_RECEIVE_TEXT) || seq_leq(up, read_to(tcb)))
		return;
	struct tcp_side *side = leat_tcp_side_make(c->e, tcb);

	if (!side || (tcb->opts & TCP_O_URG_RCV && seq_leq(up, side->rcv_up)))
		return;
	side->rcv_up = up;
	tcb->opts |= TCP_O_URG_RCV;
	leat_tcp_tell(c->e, tcb, TCP_NEWS_URGENT);
}

void leat_tcp_urg_read(const struct tcp_engine *e, struct tcb *tcb)
{
	if (seq_leq(tcp_side(e, tcb)->rcv_up, read_to(tcb)))
		tcb->opts &= (uint16_t)~TCP_O_URG_RCV;
}

uint32_t leat_tcp_urgent_ahead(const struct tcp_engine *e, const struct tcb *tcb)
{
	if (!(tcb->opts & TCP_O_URG_RCV))
		return 0;
	return seq_from(read_to(tcb), tcp_side(e, tcb)->rcv_up);
}

void leat_tcp_urgent_mark(struct tcp_engine *e, struct tcb *tcb)
{
	tcp_side(e, tcb)->snd_up = tcb->snd.end;
	tcb->opts |= TCP_O_URG_SND;
}

bool leat_tcp_urgent_may(struct tcp_engine *e, struct tcb *tcb)
{
	return leat_tcp_side_make(e, tcb) != NULL;
}

void leat_tcp_urg_put(const struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;
	struct seq up = tcp_side(c->e, tcb)->snd_up;

	if (seq_leq(up, tcb->snd.una)) {
		tcb->opts &= (uint16_t)~TCP_O_URG_SND;
		return;
	}
	if (!seq_lt(seg->seq, up) || seg->flags & TCP_SYN)
		return;
	seg->flags |= TCP_URG;
	seg->up = (uint16_t)u32_min(seq_from(seg->seq, up), UINT16_MAX); /* RFC 6093 3.3 */
}
