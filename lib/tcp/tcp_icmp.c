/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_sendq.h"

/* ICMP errors, RFC 9293 3.9.2.2: matched to a connection (MUST-54) and, as anybody can write one,
 * to octets that are on the way now (RFC 5927 4.1).  Soft ones end nothing (MUST-56). */

#define IP6_MTU_MIN 1280

const char *leat_tcp_icmp_name(enum tcp_icmp_kind kind)
{
	static const char *const name[TCP_ICMP_CNT] = {
		[TCP_ICMP_NONE] = "-",
		[TCP_ICMP_UNREACHABLE] = "unreachable",
		[TCP_ICMP_TIME] = "time exceeded",
		[TCP_ICMP_PARAM] = "parameter problem",
		[TCP_ICMP_REFUSED] = "refused",
		[TCP_ICMP_TOO_BIG] = "too big",
	};

	return kind < TCP_ICMP_CNT ? name[kind] : "?";
}

/* Routers before RFC 1191 did not tell their MTU: the next of its table 7-1. */
static uint32_t plateau_below(uint32_t mtu)
{
	static const uint16_t plateau[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508};

	for (uint32_t i = 0; i < COUNT_OF(plateau); i++)
		if (plateau[i] < mtu)
			return plateau[i];
	return 0;
}

/* What we believe of the path: never less than the floor (N174).  An IPv6 node has no reason to
 * say less than 1280, and is not listened to (RFC 8201 4). */
static uint32_t believed(const struct tcp_call *c, uint32_t mtu)
{
	uint32_t now = leat_tcp_side(c->e, c->tcb)->pmtu;

	if (ends4_is_wide(&c->tcb->ends))
		return mtu >= IP6_MTU_MIN ? mtu : UINT32_MAX;
	if (now == 0 && c->e->side_free == TCP_NONE) /* perhaps it could not be noted */
		now = leat_tcp_hdr_octets(c->tcb) + c->tcb->snd_mss;
	if (mtu == 0)
		mtu = plateau_below(now != 0 ? now : c->e->knobs.mtu);
	return u32_max(mtu, c->e->knobs.pmtu_min);
}

/* SHLD-6, RFC 1191 6.4: what was cut too large goes again at once, in pieces that fit; no loss is
 * meant by that. */
static void too_big(struct tcp_call *c, uint32_t told)
{
	struct tcb *tcb = c->tcb;
	uint32_t mtu = believed(c, told);

	if (!c->e->knobs.icmp_pmtu || tcp_syn_unacked(tcb) || mtu >= c->e->knobs.mtu ||
		!leat_tcp_mss_narrow(tcb, mtu)) {
		c->e->cnt.icmp_ignored++;
		return;
	}
	c->e->cnt.icmp_narrowed++;
	struct tcp_side *side = leat_tcp_side_make(c->e, tcb);

	if (side)
		side->pmtu = (uint16_t)mtu;
	leat_tcp_ext_own(c->e, tcb, tcb->snd.una, c->now);
	if (tcp_sendq_of(c->e, tcb))
		leat_tcp_sendq_recut(c->e, tcb);
	else
		tcb->snd.rtx = tcb->snd.una;
	leat_tcp_rtx_arm(c, true);
	leat_tcp_want_output(c->e, tcb);
}

/* DEVIATION(icmp-hard-errors): once established, a hard error ends no more than a soft one. */
static bool refuses(const struct tcp_call *c, enum tcp_icmp_kind kind)
{
	return kind == TCP_ICMP_REFUSED && c->e->knobs.icmp_hard &&
	       tcp_in(c->tcb->state, TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED));
}

static void soft(struct tcp_call *c, enum tcp_icmp_kind kind)
{
	if (!c->e->knobs.icmp_soft) {
		c->e->cnt.icmp_ignored++;
		return;
	}
	c->e->cnt.icmp_soft++;
	struct tcp_side *side = leat_tcp_side_make(c->e, c->tcb);

	if (side) {
		side->soft_why = (uint8_t)kind;
		if (side->soft_cnt < UINT16_MAX)
			side->soft_cnt++;
	}
	leat_tcp_tell(c->e, c->tcb, TCP_NEWS_SOFT);
}

void leat_tcp_icmp_arrives(struct tcp_engine *e, struct tcb *tcb, const struct tcp_icmp *icmp,
	uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now, .io = io};

	if (!tcb ||
		!tcp_in(tcb->state, TCP_SYNCHRONIZED | TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED)) ||
		!seq_leq(tcb->snd.una, icmp->seq) || !seq_lt(icmp->seq, tcb->snd.nxt)) {
		e->cnt.icmp_stray++;
	} else if (icmp->kind == TCP_ICMP_TOO_BIG) {
		too_big(&c, icmp->mtu);
	} else if (refuses(&c, icmp->kind)) {
		e->cnt.icmp_refused++;
		leat_tcp_end(&c, TCP_EV_HARD_ERROR, TCP_END_REFUSED);
	} else {
		soft(&c, icmp->kind);
	}
}
