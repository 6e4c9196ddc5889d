/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

/* Options: what a SYN offers, what both offered and so hold from then on, and what each segment
 * carries because of it.
 *
 *	          SYN             SYN,ACK             every other segment
 *	MSS       always          always              never (MUST-65)
 *	WS        offered         when it was offered shifts SND.WND and RCV.WND
 *	SACK_OK   offered         when it was offered SACK on ACKs with news (RFC 2018 2)
 *	TS        offered         when it was offered always, resets too */

#define MSS_FLOOR 48 /* a smaller offer would have us send mostly headers */
#define TS_OCTETS 12 /* of each segment, with two NOPs */

uint32_t leat_tcp_hdr_octets(const struct tcb *tcb)
{
	return !ends4_is_wide(&tcb->ends) ? 40 : 60;
}

/* The whole receive buffer is offered, as far as it can be held, by the least shift for it. */
void leat_tcp_opts_prepare(struct tcp_engine *e)
{
	const struct tcp_knobs *k = &e->knobs;
	uint64_t held_max = (uint64_t)k->rcv_seg_max * k->rbuf_octets;

	e->offered = (uint8_t)((k->wscale ? TCP_OPT_WS : 0) | (k->sack ? TCP_OPT_SACK_OK : 0) |
			       (k->timestamps ? TCP_OPT_TS : 0));
	e->rcv_half = k->rcv_buf_octets / 2;
	e->rcv_room = (uint32_t)u64_min(k->rcv_buf_octets, held_max);
	while (e->rcv_room >> e->shift_wanted > UINT16_MAX && e->shift_wanted < TCP_WSCALE_MAX)
		e->shift_wanted++;
}

/* MUST-15, MUST-16: the smaller of what the peer and the link take, less the options that each
 * segment carries. */
static void mss_learn(const struct tcp_engine *e, struct tcb *tcb, const struct seg *seg)
{
	uint32_t mss = !ends4_is_wide(&tcb->ends) ? 536 : 1220;

	if (seg->opts & TCP_OPT_MSS)
		mss = seg->mss;
	mss = u32_min(mss, e->knobs.mtu - leat_tcp_hdr_octets(tcb));
	mss = u32_max(mss, MSS_FLOOR) - (tcb->agreed & TCP_OPT_TS ? TS_OCTETS : 0);
	tcb->snd_mss = (uint16_t)mss;
}

uint16_t leat_tcp_adv_mss(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint32_t mss = e->knobs.mtu - leat_tcp_hdr_octets(tcb);

	if (e->knobs.adv_mss != 0)
		mss = u32_min(mss, e->knobs.adv_mss);
	return (uint16_t)mss;
}

bool leat_tcp_mss_narrow(struct tcb *tcb, uint32_t mtu)
{
	uint32_t mss = mtu - leat_tcp_hdr_octets(tcb) - (tcb->agreed & TCP_OPT_TS ? TS_OCTETS : 0);

	if (mss >= tcb->snd_mss)
		return false;
	tcb->snd_mss = (uint16_t)mss;
	return true;
}

void leat_tcp_opts_learn(const struct tcp_call *c, struct tcb *tcb, const struct seg *seg)
{
	const struct tcp_engine *e = c->e;

	DCHECK(seg->flags & TCP_SYN);
	tcb->agreed = seg->opts & e->offered;
	if (tcb->agreed & TCP_OPT_WS) {
		tcb->snd_scale = seg->wscale;
		tcb->rcv_scale = e->shift_wanted;
	}
	if (tcb->agreed & TCP_OPT_TS) {
		tcb->ts_recent = seg->ts_val;
		tcb->ts_recent_s = (uint32_t)(c->now / TIME_S);
	}
	leat_tcp_ecn_learn(e, tcb, seg);
	mss_learn(e, tcb, seg);
}

void leat_tcp_opts_keep(struct tcb *tcb, const struct seg *seg)
{
	uint8_t lost =
		tcb->agreed & (TCP_OPT_TS | TCP_OPT_WS | TCP_OPT_SACK_OK) & (uint8_t)~seg->opts;

	tcb->agreed &= (uint8_t)~lost;
	if (!(lost & TCP_OPT_WS))
		return;
	tcb->snd_scale = tcb->rcv_scale = 0;
	tcb->rcv.edge = seq_min(tcb->rcv.edge, seq_add(tcb->rcv.nxt, UINT16_MAX));
}

void leat_tcp_syn_opts_put(const struct tcp_call *c, struct seg *seg)
{
	const struct tcb *tcb = c->tcb;
	uint8_t opts = c->e->offered;

	if (seg->flags & TCP_ACK)
		opts &= tcb->agreed;
	seg->opts = TCP_OPT_MSS | opts;
	seg->mss = leat_tcp_adv_mss(c->e, tcb);
	seg->wscale = c->e->shift_wanted;
}
