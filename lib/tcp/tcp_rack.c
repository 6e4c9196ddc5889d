/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_time.h"
#include "tcp_sendq.h"

/* RACK-TLP, RFC 8985: a segment is lost when one that was sent sufficiently later was delivered;
 * and when the end of a flight may be lost, a probe asks for the ACK that would tell. */

#define DUP_THRESH       3
#define REO_PERSIST      16
#define TLP_ACK_DELAY_US 200000 /* TLP.max_ack_delay */
#define TLP_SLACK_US     2000
#define TLP_WITHOUT_RTT  TIME_S

/* RACK_sent_after. */
static bool sent_after(uint64_t at1, struct seq end1, uint64_t at2, struct seq end2)
{
	return at1 > at2 || (at1 == at2 && seq_gt(end1, end2));
}

/* 6.2 steps 1 to 3. */
void leat_tcp_rack_delivered(const struct tcp_call *c, struct tcp_ext *ext,
	const struct tcp_srec *rec, const struct tcp_heard *heard)
{
	uint32_t rtt_us = (uint32_t)u64_min((c->now - rec->sent_at) / TIME_US, UINT32_MAX / 16);

	rtt_us = u32_max(rtt_us, 1);
	if (rec->sent_cnt == 1 && (ext->min_rtt_us == 0 || rtt_us < ext->min_rtt_us))
		ext->min_rtt_us = rtt_us;
	if (seq_gt(rec->end, ext->fack))
		ext->fack = rec->end;
	else if (seq_lt(rec->end, ext->fack) && rec->sent_cnt == 1)
		ext->flags |= TCP_EXT_REORDER;
	/* The ACK of a segment that was sent again may be that of its first copy. */
	if (rec->sent_cnt > 1 &&
		(rtt_us < ext->min_rtt_us || tcp_echo_before(c->tcb, heard->seg, rec->sent_at)))
		return;
	if (ext->rack_rtt_us != 0 &&
		!sent_after(rec->sent_at, rec->end, ext->rack_sent_at, ext->rack_end))
		return;
	ext->rack_sent_at = rec->sent_at;
	ext->rack_end = rec->end;
	ext->rack_rtt_us = rtt_us;
}

/* 6.2 step 4: "the reordering window is grown per round that sees a DSACK, and reset after 16
 * recoveries without". */
void leat_tcp_rack_adapt(const struct tcb *tcb, struct tcp_ext *ext, bool dsack, bool recovered)
{
	if (ext->flags & TCP_EXT_DSACK_ROUND && seq_geq(tcb->snd.una, ext->dsack_round))
		ext->flags &= (uint16_t)~TCP_EXT_DSACK_ROUND;
	if (dsack && !(ext->flags & TCP_EXT_DSACK_ROUND)) {
		ext->flags |= TCP_EXT_DSACK_ROUND;
		ext->dsack_round = tcb->snd.nxt;
		if (ext->reo_mult < UINT8_MAX)
			ext->reo_mult++;
		ext->reo_persist = REO_PERSIST;
	} else if (recovered && ext->reo_persist > 0 && --ext->reo_persist == 0) {
		ext->reo_mult = 1;
	}
}

uint32_t leat_tcp_rack_window_us(const struct tcb *tcb, const struct tcp_ext *ext)
{
	if (!(ext->flags & TCP_EXT_REORDER)) {
		if (tcb->flags & TCP_F_RECOVERY || ext->flags & TCP_EXT_LOSS)
			return 0;
		if (ext->sacked_octets > (DUP_THRESH - 1) * (uint32_t)tcb->snd_mss)
			return 0;
	}
	uint64_t window = (uint64_t)ext->reo_mult * ext->min_rtt_us / 4;

	return (uint32_t)u64_min(window, tcb->srtt_us);
}

/* When the segment that was sent first of those in flight will be lost; TIME_NEVER: it was not
 * sent before one that was delivered. */
static uint64_t lost_at(const struct tcp_call *c, const struct tcp_ext *ext)
{
	const struct tcp_srec *rec;

	if (ext->oldest == TCP_NONE || ext->rack_rtt_us == 0)
		return TIME_NEVER;
	rec = &c->e->srec[ext->oldest];
	if (!sent_after(ext->rack_sent_at, ext->rack_end, rec->sent_at, rec->end))
		return TIME_NEVER;
	uint64_t wait_us = (uint64_t)ext->rack_rtt_us + leat_tcp_rack_window_us(c->tcb, ext);

	return rec->sent_at + wait_us * TIME_US;
}

/* 6.2 step 5.  Segments are looked at in the order they were sent, so the first that is not lost
 * ends it, and the timer is for that one: each is marked the moment its own window has passed. */
bool leat_tcp_rack_detect(struct tcp_call *c, struct tcp_ext *ext)
{
	bool any = false;

	while (lost_at(c, ext) <= c->now) {
		leat_tcp_sendq_lose(c->e, ext, &c->e->srec[ext->oldest]);
		any = true;
	}
	return any;
}

/* 7.2: only while nothing says that there are losses, and once a flight. */
static bool may_probe(const struct tcb *tcb, const struct tcp_ext *ext)
{
	uint16_t busy = TCP_EXT_TLP_OUT | TCP_EXT_LOSS;

	return !(ext->flags & busy) && !(tcb->flags & TCP_F_RECOVERY) && ext->sacked_octets == 0 &&
	       ext->lost_octets == 0 && ext->newest != TCP_NONE && tcb->backoff == 0;
}

/* TLP_calc_PTO; the slack is for a peer that looks at its network now and then. */
static uint64_t pto_ns(const struct tcb *tcb, const struct tcp_ext *ext)
{
	if (tcb->srtt_us == 0)
		return TLP_WITHOUT_RTT;
	uint32_t slack_us = ext->srec_cnt == 1 ? TLP_ACK_DELAY_US : TLP_SLACK_US;

	return (2 * (uint64_t)tcb->srtt_us + slack_us) * TIME_US;
}

uint64_t leat_tcp_rack_timer(struct tcp_call *c, const struct tcp_ext *ext, uint8_t *kind)
{
	const struct tcb *tcb = c->tcb;
	uint64_t rto_at = ext->rto_from + leat_tcp_rto_ns(c->e, tcb);
	uint64_t reorder_at = lost_at(c, ext);

	if (tcb->snd.wnd == 0 || seq_eq(tcb->snd.una, tcb->snd.nxt)) {
		*kind = TCP_RTX_PERSIST;
		return rto_at;
	}
	if (reorder_at < rto_at) {
		*kind = TCP_RTX_REORDER;
		return reorder_at;
	}
	*kind = TCP_RTX_RTO;
	if (!may_probe(tcb, ext))
		return rto_at;
	uint64_t from = u64_max(ext->rto_from, c->e->srec[ext->newest].sent_at);

	*kind = TCP_RTX_TLP;
	return u64_min(from + pto_ns(tcb, ext), rto_at);
}

uint64_t leat_tcp_rack_timer_lone(struct tcp_call *c, uint8_t *kind)
{
	const struct tcb *tcb = c->tcb;
	uint64_t rto_ns = leat_tcp_rto_ns(c->e, tcb);

	*kind = tcb->snd.wnd == 0 ? TCP_RTX_PERSIST : TCP_RTX_RTO;
	if (tcb->snd.wnd > 0 && tcb->backoff == 0) {
		*kind = TCP_RTX_TLP;
		rto_ns = u64_min(pto_ns(tcb, &c->e->ext[tcb->ext]), rto_ns);
	}
	return tcb->rtt_at + rto_ns;
}

/* 7.4.2. */
bool leat_tcp_rack_tlp_acked(
	const struct tcb *tcb, struct tcp_ext *ext, const struct tcp_heard *heard)
{
	uint16_t out = TCP_EXT_TLP_OUT | TCP_EXT_TLP_AGAIN;
	bool again = (ext->flags & TCP_EXT_TLP_AGAIN) != 0;

	if (!(ext->flags & TCP_EXT_TLP_OUT) || seq_lt(tcb->snd.una, ext->tlp_end))
		return false;
	if (!again || heard->dsack_tlp || heard->plain) {
		ext->flags &= (uint16_t)~out;
		return false;
	}
	if (!seq_gt(tcb->snd.una, ext->tlp_end))
		return false; /* the next ACK tells: a DSACK, or more text acknowledged */
	ext->flags &= (uint16_t)~out;
	return true;
}
