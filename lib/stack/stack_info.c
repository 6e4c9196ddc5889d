/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_law.h"
#include "stack_core.h"

#include <inttypes.h>
#include <stdarg.h>

static const char *const end_name[TCP_END_CNT] = {
	[TCP_END_NONE] = "-",
	[TCP_END_TIME_WAIT] = "time-wait over",
	[TCP_END_LAST_ACK] = "closed",
	[TCP_END_RESET] = "reset by peer",
	[TCP_END_REFUSED] = "refused",
	[TCP_END_ABORTED] = "aborted",
	[TCP_END_TIMEOUT] = "timeout",
	[TCP_END_FW2_LIMIT] = "fin-wait-2 limit",
	[TCP_END_CLOSED] = "closed before the handshake",
	[TCP_END_EVICTED] = "gave way to another SYN",
	[TCP_END_REUSED] = "time-wait, reused",
	[TCP_END_GAVE_WAY] = "time-wait, gave way",
	[TCP_END_KILLED] = "killed by an operator",
};

const char *leat_stack_end_name(uint8_t why)
{
	return why < TCP_END_CNT ? end_name[why] : "-";
}

const char *leat_error_text(int error)
{
	static const char *const text[] = {
		[-LEAT_OK] = "no error",
		[-LEAT_ERR_STALE] = "no such connection any more",
		[-LEAT_ERR_STATE] = "not possible in this state",
		[-LEAT_ERR_IN_USE] = "the port or the tuple is taken",
		[-LEAT_ERR_FULL] = "a limit of the stack is reached",
		[-LEAT_ERR_ADDRESS] = "not ours, not reachable, or not one host",
		[-LEAT_ERR_NO_PORT] = "every local port to this target is taken",
		[-LEAT_ERR_ARG] = "an argument is out of range",
		[-LEAT_ERR_AGAIN] = "nothing now, try again later",
		[-LEAT_ERR_QUIET] = "too soon after a restart",
		[-LEAT_ERR_WAITING] = "no place in TIME-WAIT is left",
	};

	if (error > 0 || error < LEAT_ERR_WAITING)
		return "unknown error";
	return text[-error];
}

/* timers lists those that are armed, the next first. */
static void timers(const struct leat_stack *s, const struct tcb *tcb,
	const struct tcp_status *status, struct leat_timer timer[LEAT_TIMER_MAX])
{
	const struct leat_timer all[LEAT_TIMER_MAX] = {
		{status->rtx_name, tcb->rtx_at},
		{"delack", tcb->delack_at},
		{status->ring_name, leat_tcp_ring_deadline(s->tcp, tcb)},
	};
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < LEAT_TIMER_MAX; i++) {
		uint32_t at = cnt;

		if (all[i].at == TIME_NEVER)
			continue;
		for (; at > 0 && timer[at - 1].at > all[i].at; at--)
			timer[at] = timer[at - 1];
		timer[at] = all[i];
		cnt++;
	}
	for (; cnt < LEAT_TIMER_MAX; cnt++)
		timer[cnt] = (struct leat_timer){NULL, TIME_NEVER};
}

struct leat_timer leat_stack_next_timer(const struct leat_stack *s, const struct tcb *tcb)
{
	struct leat_timer timer[LEAT_TIMER_MAX];
	struct tcp_status status;

	leat_tcp_status(s->tcp, tcb, &status);
	timers(s, tcb, &status, timer);
	return timer[0];
}

/* Octets of text from UNA to NXT: SYN and FIN are no text. */
static uint64_t text_sent(const struct tcb *tcb)
{
	uint32_t unacked = stack_unacked(tcb);
	uint32_t unsent =
		seq_lt(tcb->snd.nxt, tcb->snd.end) ? seq_from(tcb->snd.nxt, tcb->snd.end) : 0;

	return tcb->una_offset + unacked - u32_min(unsent, unacked);
}

static void info_send(const struct leat_stack *s, const struct tcb *tcb, struct leat_info *info)
{
	uint64_t sent = text_sent(tcb);

	info->snd_una = tcb->una_offset;
	info->snd_nxt = sent;
	info->unsent = (uint32_t)(tcb->una_offset + stack_unacked(tcb) - sent);
	info->cwnd = tcb->cwnd;
	info->ssthresh = tcb->ssthresh;
	info->snd_wnd = tcb->snd.wnd;
	info->mss = tcb->snd_mss;
	info->srtt_us = tcb->srtt_us;
	info->rttvar_us = tcb->srtt_us != 0 ? tcb->rttvar_us : 0;
	info->rto_us = leat_tcp_rto_us(s->tcp, tcb);
	info->rtx_cnt = tcb->rtx_cnt;
	info->backoff = tcb->backoff;
}

static void info_agreed(const struct tcb *tcb, struct leat_info *info)
{
	info->wscale_on = (tcb->agreed & TCP_OPT_WS) != 0;
	info->sack_on = (tcb->agreed & TCP_OPT_SACK_OK) != 0;
	info->timestamps_on = (tcb->agreed & TCP_OPT_TS) != 0;
	info->ecn_on = (tcb->agreed & TCP_AGREED_ECN) != 0;
	info->keepalive_on = (tcb->opts & TCP_O_KEEPALIVE) != 0;
	info->nodelay_on = (tcb->flags & TCP_F_NODELAY) != 0;
	info->snd_wscale = tcb->snd_scale;
	info->rcv_wscale = tcb->rcv_scale;
	info->dscp = tcb->tos >> 2;
}

static void info_status(const struct leat_stack *s, const struct tcb *tcb, struct leat_info *info)
{
	const struct tcp_side *side = leat_tcp_side(s->tcp, tcb);
	struct tcp_status status;

	leat_tcp_status(s->tcp, tcb, &status);
	timers(s, tcb, &status, info->timer);
	info->cc = status.cc;
	info->phase = status.phase;
	info->in_flight = status.in_flight;
	info->sacked = status.sacked;
	info->lost = status.lost;
	info->min_rtt_us = status.min_rtt_us;
	info->adv_mss = status.adv_mss;
	info->flight_segs = status.flight_segs;
	info->reo_wnd_us = status.reo_wnd_us;
	info->reordered = status.reordered;
	info->app_limited = status.app_limited;
	info->user_timeout_ms = status.r2_ms;
	info->keep_probes = side->keep_cnt;
	info->tries = tcb->tries;
	info->ato_us = (uint32_t)(s->config.knobs.delack_ns / TIME_US);
	info->rcv_buf = s->config.knobs.rcv_buf_octets;
	info->send_buf = s->config.send_buf_octets;
	info->soft_error = leat_tcp_icmp_name((enum tcp_icmp_kind)side->soft_why);
	info->soft_error_cnt = side->soft_cnt;
	info->pmtu = side->pmtu != 0 ? side->pmtu : s->config.knobs.mtu;
}

static uint64_t text_received(const struct leat_stack *s, const struct tcb *tcb)
{
	const struct conn *c = stack_conn(s, tcb);

	if (c->flags & (CONN_HEIR | CONN_CHILD | CONN_LISTENER))
		return tcb->rcv.unread; /* what it has in the place of `taken` is none */
	return c->taken + tcb->rcv.unread;
}

static void info_tally(const struct leat_stack *s, const struct tcb *tcb, struct leat_info *info)
{
	const struct tcp_tally *t = leat_tcp_tally(s->tcp, tcb);

	info->tally_on = s->config.tcp.tally;
	info->again_octets = t->again_octets;
	info->last_sent_at = t->sent_at;
	info->last_text_at = t->text_at;
	info->last_ack_at = t->ack_at;
	info->segs_in = t->segs_in;
	info->segs_out = t->segs_out;
	info->text_segs_in = t->text_segs_in;
	info->text_segs_out = t->text_segs_out;
	info->ooo_segs = t->ooo_segs;
	info->dsacks = t->dsacks;
	info->ce_segs = t->ce_segs;
}

static const char *end_of(const struct tcb *tcb)
{
	return end_name[tcb->state == TCP_ST_CLOSED ? tcb->end_why : TCP_END_NONE];
}

void leat_stack_describe(struct leat_stack *s, const struct tcb *tcb, struct leat_info *info)
{
	const struct tuple tuple = stack_tuple(s, tcb);

	*info = (struct leat_info){
		.state = leat_tcp_state_name((enum tcp_state)tcb->state),
		.end = end_of(tcb),
		.local = leat_stack_addr_out(tuple.local, tuple.lport),
		.remote = leat_stack_addr_out(tuple.remote, tuple.rport),
		.opened_at = tcb->opened_at,
		.passive = tcb->flags & TCP_F_PASSIVE,
		.rcv_nxt = text_received(s, tcb),
		.rcv_wnd = seq_lt(tcb->rcv.nxt, tcb->rcv.edge)
				   ? seq_from(tcb->rcv.nxt, tcb->rcv.edge)
				   : 0,
		.unread = tcb->rcv.unread,
		.held = tcb->rbuf_cnt,
		.urgent = leat_tcp_urgent_ahead(s->tcp, tcb),
	};
	info_send(s, tcb, info);
	info_agreed(tcb, info);
	info_status(s, tcb, info);
	info_tally(s, tcb, info);
}

int leat_info(struct leat_stack *s, struct leat_conn c, struct leat_info *info)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	leat_stack_describe(s, tcb, info);
	return LEAT_OK;
}

const char *leat_end(struct leat_stack *s, struct leat_conn c)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	return tcb == NULL ? end_name[TCP_END_NONE] : end_of(tcb);
}

struct stack_glance leat_stack_glance(
	const struct leat_stack *s, const struct tuple *tuple, bool listeners)
{
	uint32_t name = leat_flow_table_find(s->flow, leat_flow_hash(s->flow, tuple), tuple);

	if (name == FLOW_NONE)
		return (struct stack_glance){
			.state = listeners && leat_stack_listener_find(s, tuple) != NULL
					 ? TCP_ST_LISTEN
					 : TCP_ST_CLOSED};
	if (name & FLOW_UNIT) /* a record has no numbers that anybody reads */
		return (struct stack_glance){.state = TCP_ST_TIME_WAIT};
	const struct tcb *tcb = stack_tcb(s, name);

	return (struct stack_glance){.state = tcb->state,
		.numbers = true,
		.snd_nxt = tcb->snd.nxt.v,
		.rcv_nxt = tcb->rcv.nxt.v};
}

#define LINE_MAX_OCTETS 1024 /* far above the longest line of a dump */

struct line {
	size_t octets;
	char text[LINE_MAX_OCTETS];
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(l->text + l->octets, sizeof(l->text) - l->octets, format, args);
	va_end(args);
	DCHECK(n >= 0);
	l->octets += (size_t)n;
	DCHECK(l->octets < sizeof(l->text));
}

static void add_timers(struct line *l, const struct leat_stack *s, const struct tcb *tcb)
{
	struct leat_timer timer[LEAT_TIMER_MAX];
	struct tcp_status status;

	leat_tcp_status(s->tcp, tcb, &status);
	timers(s, tcb, &status, timer);
	for (uint32_t i = 0; i < LEAT_TIMER_MAX && timer[i].name != NULL; i++)
		add(l, " %s %" PRIu64, timer[i].name, timer[i].at);
}

static void add_sequences(struct line *l, const struct leat_stack *s, const struct tcb *tcb)
{
	add(l, " snd una %u nxt %u end %u wnd %u offset %" PRIu64, tcb->snd.una.v, tcb->snd.nxt.v,
		tcb->snd.end.v, tcb->snd.wnd, tcb->una_offset);
	add(l, " rcv nxt %u edge %u unread %u", tcb->rcv.nxt.v, tcb->rcv.edge.v, tcb->rcv.unread);
	add(l, " cwnd %u ssthresh %u srtt %u rto %u flags %04x", tcb->cwnd, tcb->ssthresh,
		tcb->srtt_us, leat_tcp_rto_us(s->tcp, tcb), tcb->flags);
}

static void dump_conn(const struct leat_stack *s, const struct tcb *tcb, FILE *out)
{
	char local[IP_TEXT_MAX], remote[IP_TEXT_MAX];
	const struct tuple tuple = stack_tuple(s, tcb);
	struct line l = {.octets = 0};

	leat_wire_ip_text(tuple.local, local);
	leat_wire_ip_text(tuple.remote, remote);
	if (tcb->idx < s->config.tcp.tcb_max)
		add(&l, "%u.%u", tcb->idx, tcb->gen);
	else
		add(&l, "w%u", leat_tcp_tw_name(s->tcp, tcb) & FLOW_UNIT_MASK);
	add(&l, " %s %s.%u %s.%u", leat_tcp_state_name((enum tcp_state)tcb->state), local,
		tuple.lport, remote, tuple.rport);
	if (tcb->state == TCP_ST_CLOSED) {
		add(&l, " end \"%s\"", end_name[tcb->end_why]);
	} else if (tcb->state != TCP_ST_LISTEN) {
		add_sequences(&l, s, tcb);
		add_timers(&l, s, tcb);
	}
	add(&l, "\n");
	(void)fwrite(l.text, 1, l.octets, out);
}

void leat_stack_dump(struct leat_stack *s, FILE *out)
{
	for (uint32_t i = 0; i < s->config.tcp.tcb_max; i++) {
		const struct tcb *tcb = stack_tcb(s, i);

		if (tcb->state != TCP_ST_NONE)
			dump_conn(s, tcb, out);
	}
	for (uint32_t name, look = UINT32_MAX, unit = 0;
		leat_tcp_tw_scan(s->tcp, &unit, &look, &name);)
		dump_conn(s, leat_stack_wait_look(s, name, 0), out);
}

/* What a walk over all records finds, for comparison with what was counted on the way. */
struct recount {
	uint64_t present[TCP_ST_CNT];
	uint64_t flows, rbufs, ports, children, waiting, chunks, sources, sides, half, half_cnt,
		queued, aside, heirs, syn_passive;
};

static void recount_conn(const struct leat_stack *s, const struct tcb *tcb, struct recount *r)
{
	const struct conn *c = stack_conn(s, tcb);

	r->present[tcb->state]++;
	if (tcb->state == TCP_ST_NONE)
		return;
	r->flows += (tcb->flags & TCP_F_FLOW) != 0;
	r->rbufs += tcb->rbuf_cnt;
	r->sides += (tcb->opts & TCP_O_SIDE) != 0;
	r->ports += (c->flags & CONN_PORT) != 0;
	r->children += (c->flags & CONN_CHILD) != 0;
	r->half += (c->flags & CONN_HALF) != 0;
	r->syn_passive += tcb->state == TCP_ST_SYN_RECEIVED && tcb->flags & TCP_F_PASSIVE;
	r->aside += (c->flags & CONN_ASIDE) != 0;
	r->heirs += (c->flags & CONN_HEIR) != 0;
	if (c->flags & CONN_LISTENER) {
		r->waiting += c->waiting;
		r->half_cnt += c->half_cnt;
		for (uint32_t i = c->half_head;
			i != STACK_NONE && r->queued <= s->config.tcp.tcb_max;
			i = s->conn[i].half_next)
			r->queued++;
		return;
	}
	r->sources += (c->flags & CONN_SOURCE) != 0;
	if (c->flags & (CONN_ABORT | CONN_SOURCE))
		return;
	for (uint32_t i = c->chunk; i != STACK_NONE && r->chunks <= s->config.send_chunk_cnt;
		i = s->chunk[i].next)
		r->chunks++;
}

/* Of one that is awake no more is known. */
static void recount_waiting(const struct leat_stack *s, struct recount *r)
{
	for (uint32_t name, look = UINT32_MAX, unit = 0;
		leat_tcp_tw_scan(s->tcp, &unit, &look, &name);) {
		uint8_t flags = leat_tcp_tw_flags(s->tcp, name);

		r->present[TCP_ST_TIME_WAIT]++;
		r->flows += !(flags & (TW_F_ASIDE | TW_F_OUT));
		r->ports += (flags & TW_F_PORT) != 0;
		r->aside += (flags & TW_F_ASIDE) != 0;
	}
}

static uint64_t ports_taken(const struct leat_stack *s)
{
	uint32_t bases = wire_own_cnt(&s->config.link) * s->config.target_max;
	uint64_t all = (uint64_t)(s->config.port_to - s->config.port_from) + 1;
	uint64_t taken = 0;

	for (uint32_t i = 0; i < bases; i++)
		taken += all - leat_flow_port_free_cnt(s->port, i);
	return taken;
}

/* A law: both sides count the same thing on different ways. */
const char *leat_stack_counts_error(
	const struct stack_counters *c, const struct tcp_counters *t, char *text, size_t size)
{
	uint64_t wire = 0, verdicts = 0, ended = 0, present = 0;

	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		wire += c->wire[i];
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		verdicts += t->verdict[i];
	for (uint32_t i = 0; i < TCP_END_CNT; i++)
		ended += t->ended[i];
	for (uint32_t i = TCP_ST_LISTEN + 1; i < TCP_ST_CNT; i++)
		present += t->present[i];
	const struct law law[] = {
		{"frames in = sum of wire verdicts", c->frames_in, wire},
		{"wire tcp = segments + accept refused", c->wire[WIRE_V_TCP],
			c->segments + c->accept_refused},
		{"segments = sum of tcp verdicts", c->segments, verdicts},
		{"icmp errors = what became of them", c->wire[WIRE_V_ICMP_ERROR],
			t->icmp_stray + t->icmp_soft + t->icmp_refused + t->icmp_narrowed +
				t->icmp_ignored},
		{"retransmissions = sum of their kinds", t->emitted_again, tcp_again_sum(t)},
		{"opened = ended + present", t->opened_active + t->opened_passive, ended + present},
	};
	return law_broken(law, COUNT_OF(law), text, size);
}

static const char *state_error(
	const struct tcp_counters *t, const struct recount *r, char *text, size_t size)
{
	const char *error = NULL;

	for (uint32_t i = TCP_ST_CLOSED; i < TCP_ST_CNT && error == NULL; i++) {
		const struct law law = {
			leat_tcp_state_name((enum tcp_state)i), t->present[i], r->present[i]};

		error = law_broken(&law, 1, text, size);
	}
	return error;
}

const char *leat_stack_ledger_error(struct leat_stack *s, char *text, size_t size)
{
	const struct tcp_counters *t = leat_tcp_counters(s->tcp);
	const char *error = leat_stack_counts_error(&s->cnt, t, text, size);
	struct recount r = {0};
	uint64_t targets = 0;

	if (error != NULL)
		return error;
	for (uint32_t i = 0; i < s->config.tcp.tcb_max; i++)
		recount_conn(s, stack_tcb(s, i), &r);
	recount_waiting(s, &r);
	for (uint32_t i = 0; i < s->config.target_max; i++)
		targets += s->target[i].taken_cnt;
	error = state_error(t, &r, text, size);
	if (error != NULL)
		return error;
	const struct law law[] = {
		{"flow table entries = records marked", leat_flow_table_stats(s->flow).entry_cnt,
			r.flows},
		{"text held = text of connections", t->rbuf_held, r.rbufs},
		{"chunks = free + used", s->config.send_chunk_cnt, s->chunk_free_cnt + r.chunks},
		{"sides held = sides of connections", t->side_held, r.sides},
		{"sources = free + used", stack_source_cnt(&s->config),
			s->source_free_cnt + r.sources},
		{"ports taken = ports of connections", ports_taken(s), r.ports},
		{"ports by target = ports of connections", targets, r.ports},
		{"waiting at listeners = children", r.waiting, r.children},
		{"half open at listeners = half-open children", r.queued, r.half},
		{"half open as listeners count = half-open children", r.half_cnt, r.half},
		{"half-open children = records in SYN-RECEIVED of listeners", r.half,
			r.syn_passive},
		{"taken over = those that took over", r.aside, r.heirs},
		{"listeners = records in LISTEN", s->listener_cnt, r.present[TCP_ST_LISTEN]},
	};
	return law_broken(law, COUNT_OF(law), text, size);
}
