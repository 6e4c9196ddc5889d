/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_law.h"
#include "shard_buf.h"

#include <rte_mbuf.h>

#include <stdio.h>

STATIC_ASSERT(SHARD_MAX <= FLOW_STEER_SHARD_MAX, "every shard has its lanes");
STATIC_ASSERT(SHARD_MAX <= SHARD_TX_LANE_MAX, "one may carry for all others");

struct parts {
	struct shard *shard;
	void *stack, *wire_in, *wire_out;
};

/* plan walks the parts of a shard through an arena. */
static struct parts plan(struct arena *a, const struct shard_config *c, size_t stack_octets)
{
	struct parts p;

	p.shard = arena_take(a, 1, sizeof(*p.shard), CACHE_LINE);
	p.stack = arena_take(a, stack_octets, 1, CACHE_LINE);
	p.wire_in = arena_take(a, leat_shard_wire_footprint(&c->wire_in), 1, CACHE_LINE);
	p.wire_out = arena_take(a, leat_shard_wire_footprint(&c->wire_out), 1, CACHE_LINE);
	return p;
}

size_t leat_shard_footprint(const struct shard_config *config)
{
	struct arena a = arena_at(NULL);
	size_t stack_octets = leat_stack_footprint(&config->stack);

	if (stack_octets == 0)
		return 0;
	plan(&a, config, stack_octets);
	return arena_used(&a);
}

/* give_trust looks at what the start of the port gave. */
static void give_trust(struct shard *s)
{
	leat_shard_steer_trust(
		&s->rx.steer, s->trust == SHARD_TRUST_WIRE ||
				      (s->trust == SHARD_TRUST_DEVICE && s->rx.port->rss.ours));
}

struct shard *leat_shard_new(
	void *mem, const struct shard_config *config, const struct shard_clock *clock)
{
	struct arena a = arena_at(mem);
	struct stack_config stack = config->stack;

	ASSERT(config->queue < config->port->queue_cnt || config->queue == SHARD_NO_QUEUE);
	struct parts p = plan(&a, config, leat_stack_footprint(&stack));
	struct shard *s = p.shard;
	*s = (struct shard){.clock = *clock,
		.rx = {.port = config->port,
			.pool = config->pool,
			.queue = config->queue,
			.steer = {.flow = stack.steer, .idx = stack.shard_idx}},
		.tx = {.port = config->port, .pool = config->pool, .queue = config->queue},
		.trust = config->trust};
	give_trust(s);
	s->now = shard_clock_read(&s->clock);
	stack.tx_csum_ip = config->port->tx_csum_ip;
	stack.tx_csum_l4 = config->port->tx_csum_l4;
	s->stack = leat_stack_new(p.stack, &stack, s->now);
	s->capture = (struct shard_capture_set){.stack = s->stack, .now = &s->now};
	leat_shard_impair_init(&s->rx.impair, &config->impair);
	struct shard_wire_ops ops = leat_shard_wire_mbufs(config->pool);
	leat_shard_wire_init(&s->rx.wire, p.wire_in, &config->wire_in, &ops);
	leat_shard_wire_init(&s->tx.wire, p.wire_out, &config->wire_out, &ops);
	return s;
}

void leat_shard_app(struct shard *s, const struct leat_app *app)
{
	s->app = *app;
}

void leat_shard_box(struct shard *s, struct shard_mail *box)
{
	ASSERT(s->box_cnt < SHARD_BOX_MAX);
	s->box[s->box_cnt++] = box;
}

void leat_shard_peer(struct shard *s, struct shard_mail *box, const struct shard_asked *wants,
	struct shard_asked *asked)
{
	ASSERT(s->peer_cnt < SHARD_MAX);
	s->wants[s->peer_cnt] = wants;
	s->peer[s->peer_cnt++] = box;
	s->tx.asked[s->tx.asked_cnt++] = asked;
}

void leat_shard_move(struct shard *from, struct shard *to, struct shard_lane *lane)
{
	struct shard_steer *there = &to->rx.steer;

	ASSERT(from != to && there->from_cnt < FLOW_STEER_SHARD_MAX);
	from->rx.steer.to[there->idx] = lane;
	there->from[there->from_cnt++] = lane;
}

void leat_shard_carry(struct shard *from, struct shard *by, struct shard_lane *lane)
{
	ASSERT(from->tx.queue == SHARD_NO_QUEUE && by->tx.queue != SHARD_NO_QUEUE);
	ASSERT(by->tx.lane_cnt < SHARD_TX_LANE_MAX);
	from->tx.over = lane;
	by->tx.lane[by->tx.lane_cnt++] = lane;
}

/* turn_clock begins a turn, whose instant everybody below is told: the time since the last one was
 * busy if that one had work. */
static void turn_clock(struct shard *s)
{
	uint64_t before = s->now;

	s->now = shard_clock_read(&s->clock);
	s->busy_ns += s->worked ? s->now - before : 0;
	s->turns++;
	leat_stack_set_now(s->stack, s->now);
}

static void turn_rx(struct shard *s)
{
	s->burst.cnt = 0;
	s->worked = LIKELY(!s->rx_off) && leat_shard_rx(&s->rx, s->now, &s->burst) != 0;
}

/* is_answer says whether a frame answers a question about a neighbour, and about which. */
static bool is_answer(const struct pkt *p, enum wire_verdict v, struct ip *ip)
{
	if (v == WIRE_V_ARP && p->arp.op == WIRE_ARP_REPLY) {
		*ip = ip_from4(p->arp.sender_ip);
		return true;
	}
	if (v != WIRE_V_ND || p->icmp.nd.solicitation)
		return false;
	*ip = p->icmp.nd.target;
	return true;
}

/* share copies an answer about ip to those other shards of the port that asked. */
static void share(struct shard *s, struct ip ip, struct rte_mbuf *m)
{
	for (uint32_t i = 0; i < s->peer_cnt; i++) {
		if (!leat_shard_asked_wants(s->wants[i], ip, s->now))
			continue;
		struct rte_mbuf *copy = rte_pktmbuf_copy(m, s->rx.pool, 0, UINT32_MAX);

		if (copy != NULL && leat_shard_mail_put(s->peer[i],
					    (struct shard_letter){SHARD_MAIL_FRAME, copy})) {
			s->mailed_out++;
		} else {
			s->mail_refused++;
			rte_pktmbuf_free(copy);
		}
	}
}

static void turn_parse(struct shard *s)
{
	struct ip ip;

	leat_stack_parse(s->stack, &s->burst);
	for (uint32_t i = 0; s->peer_cnt != 0 && i < s->burst.cnt; i++) {
		if (is_answer(&s->burst.pkt[i], s->burst.verdict[i], &ip))
			share(s, ip, s->burst.pkt[i].buf);
	}
	if (s->rx.steer.flow != NULL)
		leat_shard_steer_check(&s->rx.steer, &s->burst);
}

static void turn_lookup(struct shard *s)
{
	leat_stack_lookup(s->stack, &s->burst);
}

static void turn_input(struct shard *s)
{
	if (UNLIKELY(s->rx.capture != NULL))
		leat_shard_capture_input(&s->capture, &s->burst, s->now);
	else
		leat_stack_input(s->stack, &s->burst, s->now);
}

static void answer(const struct shard *s, struct shard_ask *ask)
{
	leat_shard_count(s, &ask->counts);
	if (ask->also != NULL)
		ask->also(ask->arg);
	/* Release: whoever sees the mark sees the answer. */
	atomic_store_explicit(&ask->answered, true, memory_order_release);
}

/* give_back frees the buffers the stack is finished with. */
static void give_back(struct shard *s)
{
	void *buf[SHARD_GIVE_MAX];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(s->stack, buf, SHARD_GIVE_MAX);
		leat_shard_buf_free(s->rx.pool, buf, cnt);
	} while (cnt == SHARD_GIVE_MAX);
}

/* use_port changes what becomes of frames.  A port that was kept off was started anew. */
static void use_port(struct shard *s, enum shard_port_use use)
{
	if (s->rx_off && use != SHARD_PORT_OFF)
		give_trust(s);
	s->rx_off = use == SHARD_PORT_OFF;
	s->tx.off = use == SHARD_PORT_OFF;
	s->tx.down = use != SHARD_PORT_ON;
	leat_stack_link(s->stack, use == SHARD_PORT_ON);
}

/* take_copy reads what another shard received.  That this one had not asked is nothing to count. */
static void take_copy(struct shard *s, struct rte_mbuf *m)
{
	const struct inet_neigh_counters *neigh =
		leat_inet_neigh_counters(leat_stack_neigh(s->stack));
	uint64_t refused = neigh->refused_unsolicited;

	s->mailed_in++;
	leat_stack_inject(
		s->stack, rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), m, s->now);
	s->neigh_copies += neigh->refused_unsolicited - refused;
	give_back(s); /* many boxes hold more than the stack's list of these */
}

static void take_walk(struct shard *s, struct shard_walk *w)
{
	w->busy = s->walk != NULL;
	if (w->busy)
		atomic_store_explicit(&w->answered, true, memory_order_release);
	else
		s->walk = w;
}

static void take_capture(struct shard *s, struct shard_capture *c)
{
	leat_shard_capture_letter(&s->capture, c);
	const struct shard_capture_set *set = s->capture.cnt != 0 ? &s->capture : NULL;

	s->rx.capture = s->rx.steer.capture = s->tx.capture = set;
}

static void take_look(struct shard *s, struct shard_look *l)
{
	if (s->now >= s->stages.until)
		s->stages.at = 0;
	s->stages.until = u64_max(s->stages.until, s->now + l->for_ns);
	leat_shard_count(s, &l->counts);
	l->stages = s->stages;
	if (l->also != NULL)
		l->also(l->arg);
	/* Release: whoever sees the mark sees the answer. */
	atomic_store_explicit(&l->answered, true, memory_order_release);
}

static void read_letter(struct shard *s, struct shard_letter letter)
{
	switch (letter.kind) {
	case SHARD_MAIL_DRAIN:
		leat_stack_refuse(s->stack, true);
		if (s->app.drain != NULL)
			s->app.drain(s->app.arg, s->stack);
		break;
	case SHARD_MAIL_UNDRAIN:
		leat_stack_refuse(s->stack, false);
		if (s->app.undrain != NULL)
			s->app.undrain(s->app.arg, s->stack);
		break;
	case SHARD_MAIL_ABORT:
		leat_stack_refuse(s->stack, true);
		s->aborting = true;
		s->abort_at = 0;
		break;
	case SHARD_MAIL_WALK:
		take_walk(s, letter.what);
		break;
	case SHARD_MAIL_CAPTURE:
		take_capture(s, letter.what);
		break;
	case SHARD_MAIL_LOOK:
		take_look(s, letter.what);
		break;
	case SHARD_MAIL_PORT:
		use_port(s, (enum shard_port_use)(uintptr_t)letter.what);
		break;
	case SHARD_MAIL_ASK:
		answer(s, letter.what);
		break;
	case SHARD_MAIL_FRAME:
		take_copy(s, letter.what);
		break;
	}
}

/* walk_step goes on with the walk under way. */
static void walk_step(struct shard *s)
{
	struct shard_walk *w = s->walk;

	s->worked = true;
	w->turns++;
	if (w->step(w->arg, s->stack, s->now))
		return;
	s->walk = NULL;
	/* Release: whoever sees the mark sees what was found. */
	atomic_store_explicit(&w->answered, true, memory_order_release);
}

static void turn_mail(struct shard *s)
{
	struct shard_letter letter;

	for (uint32_t i = 0; i < s->box_cnt; i++) {
		uint32_t n = 0;

		for (; n < SHARD_LETTER_MAX; n++) {
			if (!leat_shard_mail_take(s->box[i], &letter))
				break;
			read_letter(s, letter);
			s->worked = true;
		}
		s->letters_used_up += n == SHARD_LETTER_MAX;
	}
	if (UNLIKELY(s->walk != NULL))
		walk_step(s);
	if (UNLIKELY(s->aborting)) {
		s->aborting = leat_stack_abort_some(s->stack, &s->abort_at, SHARD_ABORT_LOOK);
		s->worked = true;
	}
}

static void turn_timers(struct shard *s)
{
	uint32_t cnt = leat_stack_timers(s->stack, s->now, SHARD_TIMER_MAX);

	s->worked |= cnt != 0;
	s->timers_put_off += cnt == SHARD_TIMER_MAX && leat_stack_next_deadline(s->stack) <= s->now;
}

static void turn_app(struct shard *s)
{
	struct leat_event event;
	uint32_t n = 0;

	for (; n < SHARD_EVENT_MAX && leat_next_event(s->stack, &event); n++) {
		s->worked = true;
		if (s->app.event != NULL)
			s->app.event(s->app.arg, s->stack, &event);
	}
	s->events_used_up += n == SHARD_EVENT_MAX;
	if (s->app.turn != NULL)
		s->app.turn(s->app.arg, s->stack);
}

static void turn_output(struct shard *s)
{
	s->worked |= leat_shard_tx_output(&s->tx, s->stack, s->now) != 0;
	give_back(s);
}

static void turn_tx(struct shard *s)
{
	s->worked |= leat_shard_tx_send(&s->tx) != 0;
}

/* turn_watched is a turn of which every part is measured. */
static void turn_watched(struct shard *s)
{
	static const struct {
		void (*step)(struct shard *s);
		enum shard_stage stage;
	} part[] = {{turn_rx, SHARD_STAGE_RX}, {turn_parse, SHARD_STAGE_PARSE},
		{turn_lookup, SHARD_STAGE_TCP}, {turn_input, SHARD_STAGE_TCP},
		{turn_mail, SHARD_STAGE_MAIL}, {turn_timers, SHARD_STAGE_TIMERS},
		{turn_app, SHARD_STAGE_APP}, {turn_output, SHARD_STAGE_TX},
		{turn_tx, SHARD_STAGE_TX}};
	uint64_t ns[SHARD_STAGE_CNT] = {0};

	turn_clock(s);
	uint64_t at = s->now, from = s->stages.at != 0 ? s->stages.at : at;
	for (uint32_t i = 0; i < COUNT_OF(part); i++) {
		part[i].step(s);
		uint64_t now = shard_clock_read(&s->clock);

		ns[part[i].stage] += now - at;
		at = now;
	}
	s->stages.watched_ns += at - from;
	s->stages.at = at;
	if (s->worked)
		leat_shard_stages_turn(&s->stages, ns);
}

void leat_shard_turn(struct shard *s)
{
	if (UNLIKELY(s->now < s->stages.until)) {
		turn_watched(s);
		return;
	}
	turn_clock(s);
	turn_rx(s);
	if (s->burst.cnt != 0) {
		turn_parse(s);
		turn_lookup(s);
		turn_input(s);
	}
	turn_mail(s);
	turn_timers(s);
	turn_app(s);
	turn_output(s);
	turn_tx(s);
}

uint64_t leat_shard_next_deadline(struct shard *s)
{
	uint64_t wires = u64_min(leat_shard_wire_next_deadline(&s->rx.wire),
		leat_shard_wire_next_deadline(&s->tx.wire));

	if (s->tx.queue_cnt + s->tx.waiting_cnt + s->tx.due_cnt != 0)
		return s->now;
	wires = u64_min(wires, leat_shard_impair_next_deadline(&s->rx.impair));
	return u64_min(leat_stack_next_deadline(s->stack), wires);
}

void leat_shard_count(const struct shard *s, struct shard_counts *c)
{
	const struct inet_icmp_counters *icmp = leat_stack_icmp(s->stack);
	const struct inet_neigh_counters *neigh =
		leat_inet_neigh_counters(leat_stack_neigh(s->stack));

	const struct shard_steer *steer = &s->rx.steer;

	*c = (struct shard_counts){.now = s->now,
		.moved_high = leat_shard_steer_high(steer),
		.moved_in = steer->moved_in,
		.moved_out = steer->moved_out,
		.move_dropped = steer->dropped,
		.steer_probed = steer->probed,
		.steer_astray = steer->astray,
		.wrong_shard = steer->wrong,
		.tx_over = s->tx.over != NULL ? s->tx.frames : 0,
		.tx_carried = s->tx.carried,
		.tx_waiting = s->tx.waiting_cnt,
		.turns = s->turns,
		.busy_ns = s->busy_ns,
		.rx_frames = s->rx.frames,
		.rx_drop_frame_long = s->rx.drop_frame_long,
		.rx_drop_no_buf = s->rx.drop_no_buf,
		.rx_gathered = s->rx.gathered,
		.rx_lost = s->rx.impair.lost_cnt,
		.rx_held = s->rx.impair.held_cnt,
		.rx_reordered = s->rx.impair.reordered_cnt,
		.tx_frames = s->tx.frames,
		.tx_queued = s->tx.queue_cnt,
		.tx_full = s->tx.full,
		.tx_no_buf = s->tx.no_buf,
		.tx_link_down = s->tx.lost,
		.mailed_in = s->mailed_in,
		.mailed_out = s->mailed_out,
		.mail_refused = s->mail_refused,
		.wire_lost = s->rx.wire.lost_cnt + s->tx.wire.lost_cnt,
		.wire_full = s->rx.wire.full_cnt + s->tx.wire.full_cnt,
		.wire_doubled = s->rx.wire.doubled_cnt + s->tx.wire.doubled_cnt,
		.wire_spoilt = s->rx.wire.spoilt_cnt + s->tx.wire.spoilt_cnt,
		.wire_late = s->rx.wire.late_cnt + s->tx.wire.late_cnt,
		.timers_put_off = s->timers_put_off,
		.events_used_up = s->events_used_up,
		.letters_used_up = s->letters_used_up,
		.echo_refused = icmp->echo_refused,
		.echo_no_room = icmp->echo_no_room,
		.neigh_refused = neigh->refused_unsolicited - s->neigh_copies,
		.own_address_seen = neigh->own_address_seen,
		.neigh_unanswered = neigh->unanswered,
		.stack = *leat_stack_counters(s->stack),
		.tcp = *leat_stack_tcp(s->stack)};
}

const char *leat_shard_counts_error(const struct shard_counts *c, char *text, size_t size)
{
	const struct law law[] = {
		{"frames received = those that the stack saw and those that it did not",
			c->rx_frames + c->mailed_in + c->moved_in,
			c->stack.frames_in + c->rx_drop_frame_long + c->rx_drop_no_buf +
				c->rx_lost + c->rx_held + c->moved_out + c->move_dropped},
		{"frames out = sent + queued", c->stack.frames_out, c->tx_frames + c->tx_queued},
	};
	const char *error = law_broken(law, COUNT_OF(law), text, size);

	return error != NULL ? error : leat_stack_counts_error(&c->stack, &c->tcp, text, size);
}

const char *leat_shard_ledger_error(struct shard *s, char *text, size_t size)
{
	struct shard_counts c;

	leat_shard_count(s, &c);
	const char *error = leat_shard_counts_error(&c, text, size);
	if (error != NULL)
		return error;
	give_back(s);
	return leat_stack_ledger_error(s->stack, text, size);
}

/* close_boxes frees the frames that lie in boxes unread. */
static void close_boxes(struct shard *s)
{
	struct shard_letter letter;

	for (uint32_t i = 0; i < s->box_cnt; i++) {
		while (leat_shard_mail_take(s->box[i], &letter)) {
			if (letter.kind == SHARD_MAIL_FRAME)
				rte_pktmbuf_free(letter.what);
		}
	}
}

void leat_shard_close(struct shard *s)
{
	leat_stack_abort_all(s->stack);
	give_back(s);
	leat_shard_rx_close(&s->rx);
	leat_shard_tx_close(&s->tx);
	close_boxes(s);
}
