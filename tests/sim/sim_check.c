/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_bits.h"
#include "base_time.h"
#include "tcp_sendq.h"
#include "tcp_tw.h"
#include "tcp_user.h"

#include <string.h>

/* What must hold inside the stacks, after each turn. */

#define RECORDS_PLENTY 4096 /* of text: more than the connections of a plan hold */
#define PIPE_SLACK     2    /* full segments */

/* Figure 5 and the text, written down once more: from each state the next ones. */
#define S(name) (1U << TCP_ST_##name)
static const uint32_t next_of[TCP_ST_CNT] = {
	[TCP_ST_NONE] = S(CLOSED) | S(LISTEN),
	[TCP_ST_CLOSED] = S(LISTEN) | S(SYN_SENT) | S(NONE),
	[TCP_ST_LISTEN] = S(SYN_RECEIVED) | S(SYN_SENT) | S(CLOSED),
	[TCP_ST_SYN_SENT] = S(SYN_RECEIVED) | S(ESTABLISHED) | S(CLOSED),
	[TCP_ST_SYN_RECEIVED] = S(ESTABLISHED) | S(FIN_WAIT_1) | S(CLOSED) | S(LISTEN),
	[TCP_ST_ESTABLISHED] = S(FIN_WAIT_1) | S(CLOSE_WAIT) | S(CLOSED),
	[TCP_ST_FIN_WAIT_1] = S(FIN_WAIT_2) | S(CLOSING) | S(CLOSED),
	[TCP_ST_FIN_WAIT_2] = S(TIME_WAIT) | S(CLOSED),
	[TCP_ST_CLOSE_WAIT] = S(LAST_ACK) | S(CLOSED),
	[TCP_ST_CLOSING] = S(TIME_WAIT) | S(CLOSED),
	[TCP_ST_LAST_ACK] = S(CLOSED),
	[TCP_ST_TIME_WAIT] = S(CLOSED),
};
#undef S

static bool reachable(uint8_t from, uint8_t to)
{
	uint32_t seen = 1U << from, before;

	if (from == TCP_ST_CLOSED) /* no way back to life for the same record */
		return to == TCP_ST_CLOSED || to == TCP_ST_LISTEN || to == TCP_ST_SYN_SENT;
	do {
		before = seen;
		for (uint32_t s = 0; s < TCP_ST_CNT; s++)
			if (seen >> s & 1 && s != TCP_ST_CLOSED && s != TCP_ST_NONE)
				seen |= next_of[s];
	} while (seen != before);
	return (seen >> to & 1) != 0;
}

static bool synchronized(uint8_t state)
{
	return tcp_in(state, TCP_SYNCHRONIZED);
}

struct place {
	struct sim_world *w;
	struct sim_shard *s;
	struct tcp_engine *e;
	const struct stack_config *config;
	uint64_t now;
	uint32_t host;
};

static _Noreturn void broken(const struct place *p, const struct tcb *tcb, const char *what)
{
	leat_sim_fail(p->w, "%s (host %u, record %u.%u, %s, ports %u and %u)", what, p->host,
		tcb->idx, tcb->gen, leat_tcp_state_name((enum tcp_state)tcb->state),
		tcb->ends.lport, tcb->ends.rport);
}

/* Is there a next connection of old's tuple whose SYN is not acknowledged yet, or one whose SYN
 * was, if only in this very turn?  What a record was tells one that was freed, too, until it
 * serves somebody else. */
static bool has_heir(const struct place *p, const struct tcb *old, bool open, uint64_t since)
{
	uint32_t half = TCP_SYNCHRONIZED | TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED);
	struct tuple its, tuple;

	leat_tcp_tuple(p->e, old, &its);

	for (uint32_t i = 0; i < p->config->tcp.tcb_max; i++) {
		const struct tcb *t = leat_tcp_tcb(p->e, i);

		leat_tcp_tuple(p->e, t, &tuple);
		if (t != old && tuple_eq(&tuple, &its) && t->opened_at >= since &&
			tcp_syn_unacked(t) != open && (open || tcp_in(t->state, half)))
			return true;
	}
	return false;
}

/* 12: who is in TIME-WAIT beside the table has an heir that is not open yet. */
static void check_aside(const struct place *p, const struct tcb *tcb)
{
	if (tcb->state == TCP_ST_TIME_WAIT && !(tcb->flags & TCP_F_FLOW) &&
		leat_stack_counters(p->s->stack)->flow_refused == 0 && !has_heir(p, tcb, false, 0))
		broken(p, tcb, "12 TIME-WAIT did not go back to its place");
}

/* 12: TIME-WAIT lasts 2MSL, unless it ends by the user, a reset that it may obey, or the next
 * connection of its tuple once that is open. */
static void check_time_wait(
	const struct place *p, const struct tcb *tcb, const struct sim_shadow *old)
{
	/* A record that was freed still tells how it ended, until it serves another. */
	bool told = tcb->gen == old->gen || (tcb->state == TCP_ST_NONE && tcb->gen == old->gen + 1);

	if (p->w->plan.check_every > 1 || /* it was not seen at once when it began */
		old->state != TCP_ST_TIME_WAIT || !told || tcb->state == TCP_ST_TIME_WAIT)
		return;
	if (tcb->end_why == TCP_END_TIME_WAIT &&
		p->now < old->time_wait_at + p->config->knobs.two_msl_ns)
		broken(p, tcb, "12 TIME-WAIT ended before 2MSL");
	if (tcb->end_why == TCP_END_RESET && !p->config->knobs.rst_ends_time_wait)
		broken(p, tcb, "12 a reset ended TIME-WAIT");
	if (tcb->end_why == TCP_END_REUSED && !has_heir(p, tcb, true, old->time_wait_at))
		broken(p, tcb, "12 TIME-WAIT was reused by nobody that is open");
}

/* 4, 5, 6: what only moves forward. */
static void check_moves(const struct place *p, const struct tcb *tcb, const struct sim_shadow *old)
{
	if (!reachable(old->state, tcb->state))
		broken(p, tcb, "4 a state that cannot follow");
	if (!synchronized(old->state) || !synchronized(tcb->state))
		return;
	if (seq_lt(tcb->snd.una, old->una) || seq_lt(tcb->snd.nxt, old->nxt))
		broken(p, tcb, "5 SND.UNA or SND.NXT moved back");
	if (tcb->una_offset < old->una_offset)
		broken(p, tcb, "5 acknowledged text moved back");
	if (seq_lt(tcb->rcv.nxt, old->rcv_nxt) || seq_lt(tcb->rcv.edge, old->edge))
		broken(p, tcb, "6 RCV.NXT or the right edge moved back");
}

static void check_windows(const struct place *p, const struct tcb *tcb)
{
	uint32_t flight = seq_from(tcb->snd.una, tcb->snd.nxt);
	uint32_t promised = seq_from(tcb->rcv.nxt, tcb->rcv.edge);
	uint32_t buf = p->config->knobs.rcv_buf_octets;

	if (!synchronized(tcb->state))
		return;
	if (flight > tcb->snd.wnd_max + 2)
		broken(p, tcb, "5 more in flight than the peer ever offered");
	if (tcb->rcv.unread > buf || promised > buf - tcb->rcv.unread)
		leat_sim_fail(p->w,
			"6 more offered than there is room for (host %u, %u to 2^%u, %u of %u "
			"unread)",
			p->host, promised, tcb->rcv_scale, tcb->rcv.unread, buf);
}

/* 7: the records of what was sent, summed up once more. */
static void check_sent(const struct place *p, const struct tcb *tcb)
{
	const struct tcp_ext *ext = tcp_sendq_of(p->e, tcb);
	uint32_t octets[TCP_SREC_LOST + 1] = {0}, cnt = 0;
	struct seq at = tcb->snd.una;

	if (!ext || tcp_is_lone(p->e, tcb))
		return;
	for (uint32_t i = ext->head; i != TCP_NONE; i = p->e->srec[i].next) {
		const struct tcp_srec *rec = &p->e->srec[i];

		if (!seq_eq(rec->seq, at) || !seq_lt(rec->seq, rec->end) ||
			rec->flags > TCP_SREC_LOST || ++cnt > ext->srec_cnt)
			broken(p, tcb, "7 what was sent is not in order, whole and once");
		octets[rec->flags] += tcp_srec_octets(rec);
		at = rec->end;
	}
	if (!seq_eq(at, tcb->snd.nxt) || cnt != ext->srec_cnt)
		broken(p, tcb, "7 what was sent does not end at SND.NXT");
	if (octets[TCP_SREC_SACKED] != ext->sacked_octets ||
		octets[TCP_SREC_LOST] != ext->lost_octets)
		broken(p, tcb, "7 the sums of what is SACKED or lost are wrong");
}

/* 8: what waits out of order, and what it holds. */
static void check_held(const struct place *p, const struct tcb *tcb)
{
	struct seq from = seq_add(tcb->rcv.nxt, 1);
	uint32_t cnt = 0;

	for (uint32_t i = tcb->rcv_head; i != TCP_NONE && cnt <= tcb->rbuf_cnt;
		i = p->e->rbuf[i].next)
		cnt++;
	for (uint32_t i = tcb->ooo_head; i != TCP_NONE && cnt <= tcb->rbuf_cnt;
		i = p->e->rbuf[i].next) {
		if (seq_lt(p->e->rbuf[i].seq, from))
			broken(p, tcb, "8 what waits out of order is not sorted, or overlaps");
		from = seq_add(p->e->rbuf[i].seq, p->e->rbuf[i].text);
		if (seq_gt(from, tcb->rcv.edge))
			broken(p, tcb, "8 what waits out of order is beyond the window");
		cnt++;
	}
	if (cnt != tcb->rbuf_cnt)
		broken(p, tcb, "8 other pieces are held than are counted");
}

/* 17: no table, queue or share of one is fuller than it may be. */
static void check_bounds(const struct place *p)
{
	const struct tcp_counters *c = leat_tcp_counters(p->e);
	const struct tcp_limits *limits = &p->e->limits;
	uint32_t records = 0;

	for (uint32_t i = TCP_ST_CLOSED; i < TCP_ST_CNT; i++)
		records += c->present[i];
	records -= leat_tcp_tw_cnt(p->e);
	if (records > p->config->tcp.tcb_max || c->rbuf_held > p->config->tcp.rbuf_max ||
		c->ext_held > limits->ext_max || c->srec_held > limits->srec_max ||
		c->side_held > limits->side_max ||
		c->present[TCP_ST_LISTEN] > p->config->listener_max)
		leat_sim_fail(p->w, "17 a table is fuller than it may be (host %u)", p->host);
}

/* 10: exactly what is outstanding, or held back by a window, has a timer. */
static void check_timer(const struct place *p, const struct tcb *tcb)
{
	bool outstanding = !seq_eq(tcb->snd.una, tcb->snd.nxt);
	bool queued = seq_lt(tcb->snd.nxt, tcb->snd.end);
	uint32_t alive = TCP_SYNCHRONIZED | TCP_SET(SYN_SENT) | TCP_SET(SYN_RECEIVED);

	if (!tcp_in(tcb->state, alive) || tcb->flags & TCP_F_IN_OUT)
		return;
	if (outstanding && tcb->rtx_at == TIME_NEVER)
		broken(p, tcb, "10 something is outstanding without a timer");
	if (!outstanding && queued && tcp_in(tcb->state, TCP_MAY_EMIT_TEXT) &&
		tcb->rtx_at == TIME_NEVER)
		broken(p, tcb, "10 text is held back without a timer");
	if (!outstanding && !queued && tcb->rtx_at != TIME_NEVER && tcb->rtx_kind != TCP_RTX_KEEP)
		broken(p, tcb, "10 a timer without a cause");
}

static void check_record(const struct place *p, struct tcb *tcb)
{
	struct sim_shadow *old = &p->s->shadow[tcb->idx];

	if (tcb->gen == old->gen && tcb->state != TCP_ST_NONE && old->state != TCP_ST_NONE)
		check_moves(p, tcb, old);
	check_time_wait(p, tcb, old);
	check_aside(p, tcb);
	if (tcb->state != TCP_ST_NONE) {
		if (tcb->state != TCP_ST_LISTEN && tcb->state != TCP_ST_CLOSED) {
			check_windows(p, tcb);
			check_timer(p, tcb);
			check_sent(p, tcb);
		}
		if (synchronized(tcb->state))
			check_held(p, tcb);
		if (tcb->rbuf_cnt > p->config->knobs.rcv_seg_max)
			broken(p, tcb, "17 more pieces held than one connection may");
		leat_tcp_tcb_check(p->e, tcb); /* what the product says of itself */
	}
	if (tcb->state == TCP_ST_TIME_WAIT &&
		(old->state != TCP_ST_TIME_WAIT || old->gen != tcb->gen))
		old->time_wait_at = p->now;
	old->gen = tcb->gen;
	old->state = tcb->state;
	old->una = tcb->snd.una;
	old->nxt = tcb->snd.nxt;
	old->rcv_nxt = tcb->rcv.nxt;
	old->edge = tcb->rcv.edge;
	old->una_offset = tcb->una_offset;
}

/* 18: counters never decrease. */
static void check_counters(const struct place *p)
{
	const struct tcp_counters *c = leat_tcp_counters(p->e);
	struct tcp_counters *last = &p->s->last;
	bool less = c->opened_active < last->opened_active ||
		    c->opened_passive < last->opened_passive || c->emitted < last->emitted ||
		    c->time_wait_entered < last->time_wait_entered ||
		    c->rto_fired < last->rto_fired || c->probe_fired < last->probe_fired;

	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		less |= c->verdict[i] < last->verdict[i];
	for (uint32_t i = 0; i < TCP_END_CNT; i++)
		less |= c->ended[i] < last->ended[i];
	if (less)
		leat_sim_fail(p->w, "18 a counter went down (host %u)", p->host);
	/* Only a pool of records that all connections share may run out. */
	if (c->text_refused > 0 && p->config->tcp.rbuf_max >= RECORDS_PLENTY)
		leat_sim_fail(p->w, "6 text inside the window was refused (host %u)", p->host);
	*last = *c;
}

/* 15: the arrows that were walked explain how many records are in each state. */
static void check_population(const struct place *p)
{
	static const struct {
		uint8_t from, to;
	} arrow[TCP_ARROW_CNT] = {
#define ARROW(a, event, b, where) {TCP_ST_##a, TCP_ST_##b},
#include "tcp_fsm.def"
#undef ARROW
	};
	const struct tcp_counters *c = leat_tcp_counters(p->e);
	int64_t in[TCP_ST_CNT] = {0};

	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++) {
		in[arrow[i].from] -= (int64_t)c->arrow[i];
		in[arrow[i].to] += (int64_t)c->arrow[i];
		if (c->arrow[i] > 0 && !(next_of[arrow[i].from] >> arrow[i].to & 1))
			leat_sim_fail(p->w, "4 an arrow that no RFC has: %s",
				leat_tcp_arrow_name((enum tcp_arrow)i));
	}
	in[TCP_ST_LISTEN] += (int64_t)c->opened_passive; /* a child is born in LISTEN */
	for (uint32_t i = TCP_ST_LISTEN; i < TCP_ST_CNT; i++)
		if (in[i] != c->present[i])
			leat_sim_fail(p->w, "15 %u records in %s, but the arrows explain %lld",
				c->present[i], leat_tcp_state_name((enum tcp_state)i),
				(long long)in[i]);
}

/* 14: each buffer is somewhere, and in one place. */
static void check_buffers(const struct place *p)
{
	const struct sim_world *w = p->w;
	uint32_t all = 0;

	for (uint32_t i = 0; i < SIM_OWNER_CNT; i++)
		all += w->owned[i];
	if (all != w->buf_cnt)
		leat_sim_fail(p->w, "14 %u buffers, %u accounted for", w->buf_cnt, all);
	if (p->s->held > leat_tcp_counters(p->e)->rbuf_held)
		leat_sim_fail(p->w, "14 host %u holds %u buffers for %u records of text", p->host,
			p->s->held, leat_tcp_counters(p->e)->rbuf_held);
}

void leat_sim_check(struct sim_world *w, uint32_t host, uint32_t shard, bool all)
{
	struct sim_shard *s = leat_sim_shard(w, host, shard);
	const struct stack_config *config = &w->plan.host[host].config;
	struct place p = {w, s, leat_stack_engine(s->stack), config, w->now + s->ahead, host};
	char text[SIM_TEXT_MAX];

	if (!all && w->stats.steps % w->plan.check_every != 0)
		return;
	for (uint32_t i = 0; i < config->tcp.tcb_max; i++) {
		struct tcb *tcb = leat_tcp_tcb(p.e, i);

		if (tcb->state != TCP_ST_NONE || s->shadow[i].state != TCP_ST_NONE)
			check_record(&p, tcb);
	}
	leat_sim_check_rest(w, s, config, p.now);
	check_buffers(&p);
	if (!leat_twin_engine(w->twin, host * SIM_SHARD_MAX + shard, p.e))
		leat_sim_fail(w, "34 the fast path makes a difference");
	if (!all && w->stats.steps % (w->plan.check_every * 8) != 0)
		return;
	const char *error = leat_stack_ledger_error(s->stack, text, sizeof(text));
	if (error)
		leat_sim_fail(w, "16 host %u: %s", host, error);
	check_counters(&p);
	check_bounds(&p);
	check_population(&p);
}

/* 9: what was just sent fits into the congestion window, but for limited transmit (RFC 3042). */
static void check_flight(struct sim_world *w, const struct tcp_engine *e, const struct tcb *tcb,
	struct sim_shadow *old)
{
	const struct tcp_ext *ext = tcp_sendq_of(e, tcb);
	uint32_t flight = seq_from(tcb->snd.una, tcb->snd.nxt);
	bool same = old->sent_gen == tcb->gen && seq_geq(tcb->snd.nxt, old->sent);
	uint32_t more = same ? seq_from(old->sent, tcb->snd.nxt) : 0;

	old->sent = tcb->snd.nxt;
	old->sent_gen = tcb->gen;
	if (more <= 1)
		return; /* nothing, a probe of the window, or a bare FIN, which fills no queue */
	if (ext && ext->flags & TCP_EXT_TLP_OUT && more <= tcb->snd_mss)
		return; /* a probe of the tail leaves even when cwnd was cut below the flight */
	if (ext)
		flight = tcp_pipe(tcb, ext);
	if (flight > tcb->cwnd + PIPE_SLACK * tcb->snd_mss + 2)
		leat_sim_fail(w, "9 more in flight than the congestion window (%u of %u)", flight,
			tcb->cwnd);
}

void leat_sim_check_sent(struct sim_world *w, uint32_t host, uint32_t shard)
{
	struct sim_shard *s = leat_sim_shard(w, host, shard);
	struct tcp_engine *e = leat_stack_engine(s->stack);

	for (uint32_t i = 0; i < w->plan.host[host].config.tcp.tcb_max; i++) {
		const struct tcb *tcb = leat_tcp_tcb(e, i);

		if (synchronized(tcb->state))
			check_flight(w, e, tcb, &s->shadow[i]);
	}
}

/* When all is over: no record but listeners, no buffer out, no timer. */
void leat_sim_check_end(struct sim_world *w)
{
	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		for (uint32_t i = 0; i < w->plan.host[h].shards; i++) {
			struct sim_shard *s = leat_sim_shard(w, h, i);

			if (!s->stack)
				leat_sim_fail(w, "plan: host %u never came back", h);
			const struct tcp_counters *c = leat_stack_tcp(s->stack);

			leat_sim_check(w, h, i, true);
			for (uint32_t st = TCP_ST_CLOSED; st < TCP_ST_CNT; st++)
				if (st != TCP_ST_LISTEN && c->present[st] > 0)
					leat_sim_fail(w, "28 %u records left in %s (host %u)",
						c->present[st],
						leat_tcp_state_name((enum tcp_state)st), h);
			if (s->held > 0 || c->rbuf_held > 0)
				leat_sim_fail(w, "14 %u buffers left in host %u", s->held, h);
		}
	}
}
