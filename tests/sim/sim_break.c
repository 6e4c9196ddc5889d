/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_end.h"
#include "sim_modes.h"

#include "base_bits.h"
#include "base_time.h"
#include "tcp_sendq.h"

#include <stdio.h>

/* A check that cannot fail is no check: for each invariant one thing is broken in a run that would
 * be fine, and the run must fail with its number.  (Those of the wire are in test_sim_watch.c.) */

#define SEEDS_MAX 400
#define FAR       (1000000 * TIME_S)

struct place {
	struct sim_world *w;
	struct sim_shard *s;
	struct tcp_engine *e;
	uint32_t host, shard;
};

static struct tcb *tcb_where(const struct place *p, bool (*is)(const struct place *, struct tcb *))
{
	for (uint32_t i = 0; i < p->e->limits.tcb_max; i++) {
		struct tcb *tcb = leat_tcp_tcb(p->e, i);

		if (is(p, tcb))
			return tcb;
	}
	return NULL;
}

static struct sim_shadow *shadow(const struct place *p, const struct tcb *tcb)
{
	return &p->s->shadow[tcb->idx];
}

static bool is_open(const struct place *p, struct tcb *tcb)
{
	return tcb->state == TCP_ST_ESTABLISHED && shadow(p, tcb)->state == TCP_ST_ESTABLISHED &&
	       shadow(p, tcb)->gen == tcb->gen;
}

static bool has_flight(const struct place *p, struct tcb *tcb)
{
	return is_open(p, tcb) && seq_from(tcb->snd.una, tcb->snd.nxt) > 2 &&
	       !(tcb->flags & TCP_F_IN_OUT);
}

static bool has_sendq(const struct place *p, struct tcb *tcb)
{
	return is_open(p, tcb) && tcp_sendq_of(p->e, tcb) && !tcp_is_lone(p->e, tcb);
}

static bool has_held(const struct place *p, struct tcb *tcb)
{
	return is_open(p, tcb) && tcb->ooo_head != TCP_NONE;
}

static bool has_much(const struct place *p, struct tcb *tcb)
{
	return has_flight(p, tcb) && seq_from(tcb->snd.una, tcb->snd.nxt) > 8U * tcb->snd_mss;
}

static bool has_unread(const struct place *p, struct tcb *tcb)
{
	return is_open(p, tcb) && tcb->rcv_head != TCP_NONE && tcb->rcv.unread > 0 &&
	       p->e->rbuf[tcb->rcv_head].text > 100;
}

/* 1: an octet on its way to the program. */
static bool octet(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, has_unread);

	if (!tcb)
		return false;
	const struct tcp_rbuf *r = &p->e->rbuf[tcb->rcv_head];
	struct sim_buf *b = r->buf;
	b->data[r->data - b->data + r->text - 1] ^= 1;
	return true;
}

static struct sim_end *end_where(
	const struct place *p, bool (*is)(struct sim_world *, struct sim_end *))
{
	for (uint32_t i = 0; i < p->w->end_cnt; i++)
		if (p->w->end[i].used && is(p->w, &p->w->end[i]))
			return &p->w->end[i];
	return NULL;
}

static bool is_unmet(struct sim_world *w, struct sim_end *e)
{
	(void)w;
	return e->connected && e->tx_done >= sizeof(e->head) && e->peer_idx == SIM_NO_PEER;
}

static bool is_unmet_server(struct sim_world *w, struct sim_end *e)
{
	return e->server && is_unmet(w, e);
}

/* 2: somebody else's stream. */
static bool stream(const struct place *p)
{
	struct sim_end *e = end_where(p, is_unmet_server);

	if (e)
		e->local.port ^= 1;
	return e != NULL;
}

static bool has_closed(struct sim_world *w, struct sim_end *e)
{
	const struct sim_end *p = leat_sim_end_peer(w, e);

	return p && p->used && e->shut && !p->eof && e->tx_done > sizeof(e->head);
}

/* 3: an octet that is missing before EOF. */
static bool early_eof(const struct place *p)
{
	struct sim_end *e = end_where(p, has_closed);

	if (e)
		e->tx_done++;
	return e != NULL;
}

static bool state(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, is_open);

	if (tcb)
		shadow(p, tcb)->state = TCP_ST_LAST_ACK;
	return tcb != NULL;
}

static bool una(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, is_open);

	if (tcb)
		shadow(p, tcb)->una = seq_add(tcb->snd.una, 1);
	return tcb != NULL;
}

static bool wnd(const struct place *p)
{
	struct tcb *tcb = tcb_where(p, has_flight);

	if (tcb)
		tcb->snd.wnd_max = 0;
	return tcb != NULL;
}

static bool edge(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, is_open);

	if (tcb)
		shadow(p, tcb)->edge = seq_add(tcb->rcv.edge, 1);
	return tcb != NULL;
}

static bool room(const struct place *p)
{
	struct tcb *tcb = tcb_where(p, is_open);

	if (tcb)
		tcb->rcv.edge = seq_add(tcb->rcv.edge, 1U << 21);
	return tcb != NULL;
}

static bool sacked(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, has_sendq);

	if (tcb)
		tcp_sendq_of(p->e, tcb)->sacked_octets++;
	return tcb != NULL;
}

static bool record(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, has_sendq);

	if (tcb) {
		struct tcp_srec *rec = &p->e->srec[tcp_sendq_of(p->e, tcb)->head];

		rec->end = seq_sub(rec->end, 1);
	}
	return tcb != NULL;
}

static bool held(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, has_held);

	if (tcb)
		p->e->rbuf[tcb->ooo_head].seq = tcb->rcv.nxt;
	return tcb != NULL;
}

static bool held_cnt(const struct place *p)
{
	struct tcb *tcb = tcb_where(p, has_held);

	if (tcb)
		tcb->rbuf_cnt++;
	return tcb != NULL;
}

/* 9: as if two segments of what is on the way had just left. */
static bool flight(const struct place *p)
{
	struct tcb *tcb = tcb_where(p, has_much);

	if (!tcb)
		return false;
	shadow(p, tcb)->sent = seq_sub(tcb->snd.nxt, 2U * tcb->snd_mss);
	tcb->cwnd = tcb->snd_mss;
	p->w->broken = true;
	leat_sim_check_sent(p->w, p->host, p->shard);
	return true;
}

static bool rtx(const struct place *p)
{
	struct tcb *tcb = tcb_where(p, has_flight);

	if (tcb)
		tcb->rtx_at = TIME_NEVER;
	return tcb != NULL;
}

static bool causeless(const struct place *p)
{
	struct tcb *tcb = tcb_where(p, is_open);

	if (!tcb || !seq_eq(tcb->snd.una, tcb->snd.end) || tcb->rtx_at != TIME_NEVER)
		return false;
	tcb->rtx_at = p->w->now;
	tcb->rtx_kind = TCP_RTX_RTO;
	return true;
}

static bool timers(const struct place *p)
{
	p->w->timers_max = 0;
	return true;
}

static bool two_msl(const struct place *p)
{
	if (p->s->rest_cnt > 0)
		p->s->rest[0].ends_at += TIME_S;
	return p->s->rest_cnt > 0;
}

static bool buffer(const struct place *p)
{
	p->w->owned[SIM_OWNER_FREE]--;
	return true;
}

/* The engine's own counters, which nobody else may write. */
static struct tcp_counters *counters(const struct place *p)
{
	return &p->e->cnt;
}

static bool arrow(const struct place *p)
{
	counters(p)->arrow[0]++;
	return true;
}

static bool verdict(const struct place *p)
{
	counters(p)->verdict[0]++;
	return true;
}

static bool again(const struct place *p)
{
	counters(p)->again_fin++;
	return true;
}

static bool table(const struct place *p)
{
	p->w->plan.host[p->host].config.listener_max = 0;
	return counters(p)->present[TCP_ST_LISTEN] > 0;
}

static bool less(const struct place *p)
{
	if (p->s->last.emitted == 0)
		return false;
	counters(p)->emitted = 0;
	return true;
}

/* 27 and 29: a program that wants to write more and does not come to it. */
static bool linger(const struct place *p, uint32_t after)
{
	static struct sim_side side;
	struct sim_end *e = end_where(p, is_unmet);

	if (!e || e->shut || e->side->close > SIM_CLOSE_EOF || e->end_at > 0)
		return false;
	side = *e->side;
	side.tx_octets += 100;
	side.tx_after_rx = after;
	e->side = &side;
	e->tx_next_at = FAR;
	return true;
}

static bool hang(const struct place *p)
{
	return linger(p, UINT32_MAX - 1);
}

static bool wait_to_write(const struct place *p)
{
	return linger(p, 0);
}

static bool far_event(const struct place *p)
{
	leat_sim_at(p->w, (struct sim_event){.at = p->w->now + FAR, .kind = SIM_EVENT_LISTEN});
	return true;
}

static bool outcome(const struct place *p)
{
	p->w->outcome[p->w->plan.flow_cnt - 1].failed++;
	return true;
}

/* 33: a reset with the right numbers, from nobody. */
static bool reset(const struct place *p)
{
	const struct tcb *tcb = tcb_where(p, is_open);
	struct seg seg = {.flags = TCP_RST};

	if (!tcb)
		return false;
	struct tuple t = sim_mirror(p->e, tcb);
	seg.seq = tcb->rcv.nxt;
	leat_sim_arrive_at(p->w, leat_sim_segment(p->w, p->host, &t, &seg), p->w->now);
	return true;
}

static const struct sim_break {
	const char *number, *what;
	bool (*now)(const struct place *p); /* breaks something; false: there is nothing now */
} breaks[] = {
	{"1 ", "an octet of a stream is another", octet},
	{"2 ", "a stream comes from another connection", stream},
	{"3 ", "EOF comes before the last octet", early_eof},
	{"4 ", "a state goes back", state},
	{"5 ", "SND.UNA goes back", una},
	{"5 ", "the window of the peer is not obeyed", wnd},
	{"6 ", "the right edge goes back", edge},
	{"6 ", "more is offered than there is room for", room},
	{"7 ", "the sum of what is SACKED is wrong", sacked},
	{"7 ", "a record of what was sent ends too early", record},
	{"8 ", "text held out of order overlaps", held},
	{"8 ", "a piece is counted that is not held", held_cnt},
	{"9 ", "the congestion window is not obeyed", flight},
	{"10 ", "a retransmission timer is lost", rtx},
	{"10 ", "a retransmission timer runs for nothing", causeless},
	{"11 ", "timers do not fire", timers},
	{"12 ", "TIME-WAIT is too short", two_msl},
	{"14 ", "a buffer is lost", buffer},
	{"15 ", "an arrow is counted that nobody walked", arrow},
	{"16 ", "a segment is counted twice", verdict},
	{"16 ", "a retransmission is of two kinds", again},
	{"17 ", "a table holds more than it may", table},
	{"18 ", "a counter goes back", less},
	{"27 ", "a connection does not end", hang},
	{"28 ", "something is left that moves", far_event},
	{"29 ", "a writer is not let on", wait_to_write},
	{"30 ", "a connection fails after all faults", outcome},
	{"33 ", "a stranger resets a connection", reset},
};

void leat_sim_break(struct sim_world *w, uint32_t host, uint32_t shard)
{
	struct sim_shard *s = leat_sim_shard(w, host, shard);
	struct place p = {w, s, leat_stack_engine(s->stack), host, shard};

	if (!w->broken)
		w->broken = w->breaking->now(&p);
}

/* The first seed in which there is something to break decides. */
static bool fails(const struct sim_break *b, uint64_t *seed, char *why)
{
	for (*seed = 0; *seed < SEEDS_MAX; ++*seed) {
		struct sim_plan plan;
		struct sim_result r;

		leat_sim_plan_draw(&plan, *seed);
		if (plan.style > SIM_STYLE_MILD)
			continue;
		struct sim_world *w = leat_sim_world_new(&plan);
		w->breaking = b;
		leat_sim_world_run(w, &r);
		bool broken = w->broken;
		leat_sim_world_free(w);
		memcpy(why, r.why, SIM_TEXT_MAX);
		if (broken)
			return r.failed && strncmp(r.why, b->number, strlen(b->number)) == 0;
	}
	return false;
}

int leat_sim_mode_break(void)
{
	uint32_t failed = 0, no = 0;

	for (uint32_t i = 0; i < COUNT_OF(breaks); i++) {
		char why[SIM_TEXT_MAX] = "";
		uint64_t seed;
		bool ok = fails(&breaks[i], &seed, why);

		failed += !ok;
		printf("%sok %u - %sis broken: %s\n", ok ? "" : "not ", ++no, breaks[i].number,
			breaks[i].what);
		if (!ok)
			printf("# seed %llu: %s\n", (unsigned long long)seed,
				why[0] ? why : "nothing was seen");
	}
	printf("1..%u\n", no);
	return failed > 0;
}
