/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_sendq.h"

/* Timers, RFC 9293 3.10.8 and RFC 6298.  One wheel entry per connection stands at the earlier of
 * two instants: rtx_at (retransmission, persist, and R2, whichever is next) and delack_at.  2MSL
 * and the FIN-WAIT-2 limit are rings.  At equal instants the rings come first. */

#define BATCH 32

/* RFC 9293 3.8.3: R2 is greater than R1.  Where the backoff of what was acknowledged since still
 * lasts, as none of it could be timed (RFC 6298 5), R2 would be over after one retransmission. */
static bool before_r1(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->backoff > tcb->tries && tcb->tries < e->knobs.r1_cnt && !tcp_syn_unacked(tcb) &&
	       tcb->snd.wnd > 0 && !seq_eq(tcb->snd.una, tcb->snd.nxt);
}

static inline uint64_t r2_at_of(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint64_t r2_ns = tcp_syn_unacked(tcb) ? e->knobs.r2_syn_ns : e->knobs.r2_ns;

	if (tcb->opts & TCP_O_R2) { /* MUST-21 */
		if (tcp_side(e, tcb)->r2_ms == TCP_R2_NEVER)
			return TIME_NEVER;
		r2_ns = tcp_side(e, tcb)->r2_ms * TIME_MS;
	} else if (before_r1(e, tcb)) {
		return TIME_NEVER;
	}
	return tcb->rtx_since + r2_ns;
}

uint64_t leat_tcp_r2_at(const struct tcp_engine *e, const struct tcb *tcb)
{
	return r2_at_of(e, tcb);
}

/* Text or FIN waits, nothing is outstanding, and the peer's window is why: probe it (MUST-36). */
static bool blocked(const struct tcb *tcb)
{
	return tcp_in(tcb->state, TCP_MAY_EMIT_TEXT) && !tcp_syn_unacked(tcb) &&
	       seq_lt(tcb->snd.nxt, tcb->snd.end);
}

/* When the timer is due by what it is for, without R2. */
static uint64_t rtx_due_at(struct tcp_call *c, bool restart, bool outstanding)
{
	struct tcb *tcb = c->tcb;

	if (LIKELY(tcp_is_lone(c->e, tcb)) && (!restart || tcb->rtt_at == c->now))
		return u64_max(leat_tcp_rack_timer_lone(c, &tcb->rtx_kind), c->now);
	if (tcp_sendq_of(c->e, tcb)) {
		struct tcp_ext *ext = leat_tcp_ext_own(c->e, tcb, tcb->snd.una, c->now);

		if (restart)
			ext->rto_from = c->now;
		return u64_max(leat_tcp_rack_timer(c, ext, &tcb->rtx_kind), c->now);
	}
	tcb->rtx_kind = outstanding && (tcb->snd.wnd > 0 || tcp_syn_unacked(tcb)) ? TCP_RTX_RTO
										  : TCP_RTX_PERSIST;
	return c->now + leat_tcp_rto_ns(c->e, tcb);
}

/* With records the timer is looked at again after each output and each ACK, for its kind may have
 * changed; without, it stands where it was until it is to start anew. */
static inline void begin_rtx(struct tcp_call *c, bool restart, bool outstanding)
{
	struct tcb *tcb = c->tcb;

	if (!restart && !tcp_sendq_of(c->e, tcb))
		return;
	if (!tcp_rtx_runs(tcb))
		tcb->rtx_since = c->now;
	uint64_t at = rtx_due_at(c, restart, outstanding), r2_at = r2_at_of(c->e, tcb);

	/* When it passed before R1 the last try has its time, too. */
	tcb->rtx_at = r2_at > c->now ? u64_min(at, r2_at) : at;
}

void leat_tcp_rtx_arm(struct tcp_call *c, bool restart)
{
	struct tcb *tcb = c->tcb;
	bool outstanding = !seq_eq(tcb->snd.una, tcb->snd.nxt);
	bool runs = tcp_rtx_runs(tcb);

	if (!outstanding && !blocked(tcb))
		leat_tcp_keep_arm(c);
	else if (restart || !runs || tcb->opts & TCP_O_EXT)
		begin_rtx(c, restart || !runs, outstanding);
	tcp_timer_sync(c->e, tcb);
}

/* Nothing was acknowledged for R2: the connection is over.  The peer is told when it knows us. */
static void give_up(struct tcp_call *c)
{
	if (c->tcb->state != TCP_ST_SYN_SENT)
		leat_tcp_send_rst(c);
	leat_tcp_end(c, TCP_EV_GIVE_UP, TCP_END_TIMEOUT);
}

/* The knobs may limit how often something goes again, besides R2. */
static bool tries_over(const struct tcp_call *c)
{
	const struct tcp_knobs *k = &c->e->knobs;
	uint8_t most = k->rtx_tries;

	if (tcp_syn_unacked(c->tcb))
		most = c->tcb->flags & TCP_F_PASSIVE ? k->syn_ack_tries : k->syn_tries;
	return most != 0 && c->tcb->tries >= most;
}

static void rtx_due(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	bool outstanding = !seq_eq(tcb->snd.una, tcb->snd.nxt);

	if (!outstanding && !blocked(tcb)) {
		if (leat_tcp_keep_due(c))
			give_up(c);
		return;
	}
	if (c->now >= leat_tcp_r2_at(c->e, tcb)) {
		give_up(c);
		return;
	}
	if (tcb->rtx_kind == TCP_RTX_REORDER || tcb->rtx_kind == TCP_RTX_TLP) {
		if (tcb->rtx_kind == TCP_RTX_REORDER)
			leat_tcp_loss_reorder_due(c);
		else
			leat_tcp_loss_tlp_due(c);
		leat_tcp_rtx_arm(c, false);
		leat_tcp_want_output(c->e, tcb);
		return;
	}
	if (tries_over(c)) {
		give_up(c);
		return;
	}
	bool again = tcp_syn_unacked(tcb) || (outstanding && tcb->snd.wnd > 0);

	if (again) {
		if (tcp_syn_unacked(tcb))
			tcb->flags |= TCP_F_SYN_RTX;
		else if (tcp_sendq_of(c->e, tcb))
			leat_tcp_loss_rto_due(c);
		else
			leat_tcp_cc_timeout(c);
		if (!tcp_sendq_of(c->e, tcb)) {
			tcb->snd.rtx = tcb->snd.una;
			tcb->flags &= (uint16_t)~TCP_F_RTT;
			tcb->rtt_at = c->now;
		}
		c->e->cnt.rto_fired++;
	} else {
		tcb->flags |= TCP_F_PROBE;
		c->e->cnt.probe_fired++;
	}
	/* A window that is open but below a segment is no reason to wait ever longer. */
	if ((again || tcb->snd.wnd == 0) && tcb->backoff < UINT8_MAX)
		tcb->backoff++;
	if (again && tcb->tries < UINT8_MAX && ++tcb->tries == c->e->knobs.r1_cnt)
		leat_tcp_tell(c->e, tcb, TCP_NEWS_SLOW); /* SHLD-9, SHLD-10 */
	leat_tcp_rtx_arm(c, true);
	leat_tcp_want_output(c->e, tcb);
}

void leat_tcp_send_again(struct tcp_engine *e, struct tcb *tcb, uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .tcb = tcb, .now = now, .io = io};

	if (!tcp_rtx_runs(tcb) || seq_eq(tcb->snd.una, tcb->snd.nxt))
		return;
	leat_tcp_ext_own(e, tcb, tcb->snd.una, now);
	struct tcp_ext *queue = tcp_sendq_of(e, tcb);

	/* With records the first segment is enough: what its ACK says of the others is known. */
	if (!queue)
		tcb->snd.rtx = tcb->snd.una;
	else if (queue->head != TCP_NONE && e->srec[queue->head].flags == 0)
		leat_tcp_sendq_lose(e, queue, &e->srec[queue->head]);
	leat_tcp_rtx_arm(&c, true);
	leat_tcp_want_output(e, tcb);
}

static void delack_due(struct tcp_call *c)
{
	c->tcb->delack_at = TIME_NEVER;
	c->tcb->flags |= TCP_F_ACK_NOW;
	leat_tcp_want_output(c->e, c->tcb);
}

static void wheel_due(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	if (tcb->delack_at <= c->now)
		delack_due(c);
	if (tcb->rtx_at <= c->now)
		rtx_due(c);
	if (tcb->state != TCP_ST_CLOSED)
		tcp_timer_sync(c->e, tcb);
}

void leat_tcp_ring_start(struct timer_ring *ring, struct tcb *tcb, uint32_t length, uint64_t now)
{
	if (!(tcb->opts & TCP_O_RING))
		tcb->ring.expires_at = TIME_NEVER;
	tcb->opts |= TCP_O_RING;
	leat_timer_ring_start_length(ring, tcb->idx, length, now);
}

void leat_tcp_ring_stop(struct timer_ring *ring, struct tcb *tcb)
{
	if (!(tcb->opts & TCP_O_RING))
		return;
	tcb->opts &= (uint16_t)~TCP_O_RING;
	leat_timer_ring_stop(ring, tcb->idx);
}

static uint32_t ring_due(struct tcp_call *c, struct timer_ring *ring, uint64_t until, uint32_t max)
{
	uint32_t id[BATCH];
	uint32_t cnt = leat_timer_ring_expire(ring, until, id, u32_min(max, BATCH));

	for (uint32_t i = 0; i < cnt; i++) {
		c->tcb = &c->e->tcb[id[i]];
		c->tcb->opts &= (uint16_t)~TCP_O_RING;
		if (ring == c->e->two_msl)
			leat_tcp_end(c, TCP_EV_TWO_MSL, TCP_END_TIME_WAIT);
		else
			leat_tcp_end(c, TCP_EV_GIVE_UP, TCP_END_FW2_LIMIT);
	}
	return cnt;
}

/* note_late counts how long after its deadline a timer of the wheel fired. */
static void note_late(struct tcp_engine *e, uint64_t late_ns)
{
	e->cnt.timer_late_ns += late_ns;
	e->cnt.timer_late_ns_max = u64_max(e->cnt.timer_late_ns_max, late_ns);
	e->cnt.timer_late[hist_octave(late_ns)]++;
}

uint32_t leat_tcp_timers(struct tcp_engine *e, uint64_t now, uint32_t max, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .now = now, .io = io};
	uint32_t fired = 0;

	DCHECK(max <= TCP_IO_GONE_MAX - io->gone_cnt);
	while (fired < max) {
		uint64_t msl = leat_timer_ring_next(e->two_msl);
		uint64_t fw2 = leat_timer_ring_next(e->fin_wait_2);
		uint64_t wheel = leat_timer_wheel_due(e->wheel, now);
		uint32_t left = max - fired, id;

		if (u64_min(wheel, u64_min(msl, fw2)) > now)
			break;
		if (msl <= u64_min(wheel, fw2)) {
			leat_tcp_tw_late(e, now - msl);
			fired += ring_due(&c, e->two_msl, now, 1);
		} else if (fw2 <= wheel) {
			fired += ring_due(
				&c, e->fin_wait_2, u64_min(now, u64_min(wheel, msl)), left);
		} else if (leat_timer_wheel_expire(e->wheel, now, &id, 1) == 1) {
			note_late(e, now - wheel);
			c.tcb = &e->tcb[id];
			wheel_due(&c);
			fired++;
		}
	}
	return fired;
}

uint64_t leat_tcp_next_deadline(struct tcp_engine *e)
{
	uint64_t rings =
		u64_min(leat_timer_ring_next(e->two_msl), leat_timer_ring_next(e->fin_wait_2));

	rings = u64_min(rings, leat_tcp_tw_next(e));
	return u64_min(rings, leat_timer_wheel_next(e->wheel));
}

uint64_t leat_tcp_due(struct tcp_engine *e, uint64_t now)
{
	uint64_t rings =
		u64_min(leat_timer_ring_next(e->two_msl), leat_timer_ring_next(e->fin_wait_2));

	return u64_min(rings, leat_timer_wheel_due(e->wheel, now));
}

uint64_t leat_tcp_ring_deadline(const struct tcp_engine *e, const struct tcb *tcb)
{
	if (tcp_tw_is_awake(tcb->idx, e->limits.tcb_max))
		return leat_tcp_tw_ends_at(e, leat_tcp_tw_name(e, tcb));
	return tcb->opts & TCP_O_RING ? tcb->ring.expires_at : TIME_NEVER;
}

uint64_t leat_tcp_ring_lasts(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->state == TCP_ST_TIME_WAIT ? tcp_two_msl_ns(e, tcb) : e->knobs.fin_wait_2_ns;
}
