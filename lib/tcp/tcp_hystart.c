/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_sendq.h"

/* HyStart++, RFC 9406: the first slow start ends when round trips begin to take longer, before it
 * fills the queue and loses half of it.
 *
 *	slow start ──RTT rises──► conservative slow start ──5 rounds──► congestion avoidance
 *	     ▲                            │
 *	     └──────RTT falls back────────┘ */

#define RTT_THRESH_MIN_US 4000
#define RTT_THRESH_MAX_US 16000
#define RTT_DIVISOR       8
#define SAMPLE_CNT        8
#define CSS_ROUNDS        5

static void round_begin(const struct tcb *tcb, struct tcp_hystart *h)
{
	h->round_end = tcb->snd.nxt;
	h->last_us = h->now_us;
	h->now_us = UINT32_MAX;
	h->sample_cnt = 0;
}

static bool rises(const struct tcp_hystart *h)
{
	if (h->sample_cnt < SAMPLE_CNT || h->now_us == UINT32_MAX || h->last_us == UINT32_MAX)
		return false;
	uint32_t thresh =
		u32_min(u32_max(h->last_us / RTT_DIVISOR, RTT_THRESH_MIN_US), RTT_THRESH_MAX_US);

	return h->now_us >= h->last_us + thresh;
}

/* 4.3: a round of conservative slow start has an ACK. */
static void conservative(struct tcb *tcb, struct tcp_ext *ext, struct tcp_hystart *h, bool ended)
{
	if (h->sample_cnt >= SAMPLE_CNT && h->now_us < h->base_us) {
		ext->flags &= (uint16_t)~TCP_EXT_CSS; /* it was a jitter */
		h->base_us = UINT32_MAX;
	} else if (ended && ++h->css_rounds >= CSS_ROUNDS) {
		tcb->ssthresh = tcb->cwnd;
		ext->flags &= (uint16_t) ~(TCP_EXT_CSS | TCP_EXT_HYSTART);
	}
}

void leat_tcp_hystart_acked(struct tcb *tcb, struct tcp_ext *ext, uint32_t rtt_us)
{
	struct tcp_hystart *h = &ext->u.hystart;

	if (tcb->ssthresh != TCP_CWND_MAX || ext->flags & TCP_EXT_LOSS)
		return; /* 4.3: "only for the initial slow start" */
	if (!(ext->flags & TCP_EXT_HYSTART)) {
		ext->flags |= TCP_EXT_HYSTART;
		h->now_us = h->base_us = UINT32_MAX;
		h->css_rounds = 0;
		round_begin(tcb, h);
	}
	bool ended = seq_geq(tcb->snd.una, h->round_end);

	if (rtt_us > 0) {
		h->now_us = u32_min(h->now_us, rtt_us);
		if (h->sample_cnt < UINT8_MAX)
			h->sample_cnt++;
	}
	if (ext->flags & TCP_EXT_CSS) {
		conservative(tcb, ext, h, ended);
	} else if (rises(h)) {
		ext->flags |= TCP_EXT_CSS;
		h->base_us = h->now_us;
		h->css_rounds = 0;
	}
	if (ended)
		round_begin(tcb, h);
}
