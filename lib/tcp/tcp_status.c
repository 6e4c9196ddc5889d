/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_sendq.h"
#include "tcp_user.h"

/* 3.10.6 STATUS: what lies in several records, as one. */

static const char *rtx_name(const struct tcp_engine *e, const struct tcb *tcb)
{
	static const char *const name[] = {
		[TCP_RTX_RTO] = "rto",
		[TCP_RTX_PERSIST] = "persist",
		[TCP_RTX_KEEP] = "keepalive",
		[TCP_RTX_TLP] = "tlp",
		[TCP_RTX_REORDER] = "reorder",
	};

	return tcp_rtx_runs(tcb) && tcb->rtx_at == leat_tcp_r2_at(e, tcb) ? "r2"
									  : name[tcb->rtx_kind];
}

static const char *phase_name(const struct tcb *tcb, const struct tcp_ext *ext)
{
	if (ext && ext->flags & TCP_EXT_LOSS)
		return "loss";
	return tcb->flags & TCP_F_RECOVERY ? "recovery" : "open";
}

void leat_tcp_status(const struct tcp_engine *e, const struct tcb *tcb, struct tcp_status *status)
{
	const struct tcp_ext *ext = tcp_ext_of(e, tcb);
	const struct tcp_ext *sendq = tcp_sendq_of(e, tcb);

	*status = (struct tcp_status){
		.flight_segs = sendq ? sendq->srec_cnt : 0,
		.reo_wnd_us = sendq ? leat_tcp_rack_window_us(tcb, sendq) : 0,
		.reordered = ext && ext->flags & TCP_EXT_REORDER,
		.app_limited = ext && !(ext->flags & TCP_EXT_LIMITED),
		.r2_ms = tcb->opts & TCP_O_R2
				 ? leat_tcp_side(e, tcb)->r2_ms
				 : (uint32_t)u64_min(e->knobs.r2_ns / TIME_MS, TCP_R2_NEVER),
		.cc = leat_tcp_cc_name(e),
		.phase = phase_name(tcb, ext),
		.in_flight = sendq ? tcp_pipe(tcb, sendq) : seq_from(tcb->snd.una, tcb->snd.nxt),
		.sacked = sendq ? sendq->sacked_octets : 0,
		.lost = sendq ? sendq->lost_octets : 0,
		.min_rtt_us = ext ? ext->min_rtt_us : 0,
		.adv_mss = leat_tcp_adv_mss(e, tcb),
		.rtx_name = rtx_name(e, tcb),
		.ring_name = tcb->state == TCP_ST_TIME_WAIT ? TCP_RING_2MSL : "fin-wait-2",
	};
}
