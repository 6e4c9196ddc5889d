/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab.h"
#include "lab_text.h"
#include "lab_wire.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

#define LAB_SERVER_PORT 80
#define LAB_LIVES_MAX   64 /* a connection that takes longer, in lives of a packet, has failed */
#define LAB_NO_LIMIT    UINT8_MAX
#define LAB_RECORDS     (UINT32_C(1) << 20)

enum lab_end_idx {
	LAB_CLIENT,
	LAB_SERVER
};

enum lab_phase {
	LAB_PH_NONE, /* the server has not heard of it */
	LAB_PH_CONNECT,
	LAB_PH_OPEN,
	LAB_PH_SHUT, /* FIN sent, or to be sent */
	LAB_PH_OVER
};

struct lab_side {
	struct leat_conn conn;
	uint64_t got;
	uint8_t phase; /* enum lab_phase */
	bool whole;    /* all that the other sent, and its FIN */
};

/* One connection, as both ends have it. */
struct lab_flow {
	struct lab_side side[2];
	uint64_t begun_at;
	uint32_t number;
	uint16_t port_idx;
	bool failed;
};

struct lab_run {
	struct lab_world world;
	struct lab_case c;
	struct lab_result *result;
	struct lab_wire *wire;
	struct prng prng;
	struct leat_stack *stack[2];
	void *mem[2];
	uint64_t now, started_at;
	uint32_t begun, oldest; /* flows up to oldest are over */
	struct lab_flow *flow;
	uint32_t *flow_of_port; /* the latest connection from it */
	uint8_t *may_lose;      /* of the segments from and to it, now */
};

static struct leat_addr addr_of(uint32_t end, uint16_t port)
{
	return (struct leat_addr){
		.family = 4, .octet = {198, 18, 0, (uint8_t)(1 + end)}, .port = port};
}

static void config_of(const struct lab_run *r, uint32_t end, struct stack_config *c)
{
	uint64_t rto = lab_quarter_ns(&r->world);

	leat_stack_config_default(c);
	c->seed = r->world.seed * 2 + end;
	c->link.raw_ip = true;
	c->link.local_cnt = 1;
	c->link.local[0] = (struct wire_local){ip_from4(0xc6120001 + end), 24};
	c->port_from = LAB_PORT_FROM;
	c->port_to = (uint16_t)(LAB_PORT_FROM + r->world.port_cnt - 1);
	c->target_max = 1;
	c->send_chunk_cnt = 1;
	c->tcp.tcb_max = 4 * r->world.port_cnt + 64;
	c->source_max = c->tcp.tcb_max;
	c->knobs.two_msl_ns = r->c.time_wait_ns;
	c->knobs.time_wait_reuse = r->c.reuse == LAB_REUSE_SEQUENCE     ? TCP_REUSE_SEQ
				   : r->c.reuse == LAB_REUSE_TIMESTAMPS ? TCP_REUSE_TS
									: TCP_REUSE_OFF;
	c->knobs.connect_reuse_ns = r->c.reuse == LAB_REUSE_CONNECT ? r->world.connect_reuse_ns : 0;
	c->knobs.timestamps = r->c.timestamps;
	c->knobs.rto_initial_ns = c->knobs.rto_min_ns = c->knobs.rto_max_ns = rto;
	c->knobs.delack_ns = u64_min(c->knobs.delack_ns, rto / 8);
	c->knobs.reply_interval_ns = rto / 8;
	c->knobs.syn_ack_tries = 0;
	c->knobs.r2_ns = LAB_LIVES_MAX * r->world.packet_life_ns;
}

/* The parts of a stack with cnt records that TIME-WAIT has to do with. */
static size_t wait_octets(const struct lab_run *r, uint32_t cnt)
{
	struct stack_part part[STACK_PART_MAX];
	struct stack_config c;
	size_t octets = 0;

	config_of(r, 0, &c);
	c.tcp.tcb_max = cnt;
	for (uint32_t i = leat_stack_parts(&c, part); i-- > 0;)
		if (strstr(part[i].name, "TIME-WAIT") || strstr(part[i].name, "flow index"))
			octets += part[i].octets;
	ASSERT(octets > 0);
	return octets;
}

/* What a record of TIME-WAIT costs where there are many of them, all told. */
static uint64_t record_octets(const struct lab_run *r)
{
	return (wait_octets(r, 2 * LAB_RECORDS) - wait_octets(r, LAB_RECORDS)) / LAB_RECORDS;
}

static struct lab_flow *flow_of(const struct lab_run *r, struct leat_stack *s, struct leat_conn c)
{
	uint64_t user = leat_user(s, c);

	return user != 0 ? &r->flow[user - 1] : NULL;
}

static bool is_over(const struct lab_flow *f)
{
	return f->side[LAB_CLIENT].phase == LAB_PH_OVER &&
	       (f->side[LAB_SERVER].phase == LAB_PH_OVER ||
		       f->side[LAB_SERVER].phase == LAB_PH_NONE);
}

/* Nobody waits for anything any more on this connection. */
static void give_up(struct lab_run *r, struct lab_flow *f)
{
	for (uint32_t end = 0; end < 2; end++) {
		struct lab_side *side = &f->side[end];

		if (side->phase != LAB_PH_NONE && side->phase != LAB_PH_OVER)
			leat_abort(r->stack[end], side->conn);
		side->phase = LAB_PH_OVER;
	}
	f->failed = true;
}

static void fill(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	lab_text_make((uint64_t)(uintptr_t)arg, offset, dst, octets);
}

static void begin_text(struct lab_run *r, struct lab_flow *f, uint32_t end)
{
	uint64_t stream = lab_text_stream(f->number, end);
	struct leat_source source = {fill, (void *)(uintptr_t)stream};
	int error = leat_send_source(r->stack[end], f->side[end].conn, &source, r->world.octets);

	if (error != LEAT_OK)
		give_up(r, f);
}

/* A connect that finds no port is refused, and so is one that nobody lets in. */
static void begin_connect(struct lab_run *r)
{
	struct lab_flow *f = &r->flow[r->begun];
	struct leat_addr local = addr_of(LAB_CLIENT, 0),
			 remote = addr_of(LAB_SERVER, LAB_SERVER_PORT);
	struct lab_side *side = &f->side[LAB_CLIENT];
	struct leat_stack *s = r->stack[LAB_CLIENT];
	struct leat_info info;

	f->number = r->begun++;
	f->begun_at = r->now;
	r->result->connects++;
	if (leat_connect(s, &local, &remote, &side->conn) != LEAT_OK) {
		r->result->connects_refused++;
		side->phase = LAB_PH_OVER;
		return;
	}
	leat_user_timeout(s, side->conn, 5 * lab_quarter_ns(&r->world));
	leat_set_user(s, side->conn, f->number + 1);
	leat_info(s, side->conn, &info);
	f->port_idx = (uint16_t)(info.local.port - LAB_PORT_FROM);
	r->flow_of_port[f->port_idx] = f->number;
	r->may_lose[f->port_idx] = LAB_LOSS_MAX;
	side->phase = LAB_PH_CONNECT;
}

static void connected(struct lab_run *r, struct lab_flow *f)
{
	struct lab_side *side = &f->side[LAB_CLIENT];

	leat_user_timeout(r->stack[LAB_CLIENT], side->conn, 0);
	side->phase = LAB_PH_OPEN;
	r->may_lose[f->port_idx] = LAB_NO_LIMIT;
	begin_text(r, f, LAB_CLIENT);
}

/* The server has the connection that the client has now from this port, unless its SYN came before
 * the client began that one: then it is of another, of which the client knows no more. */
static void accepted(struct lab_run *r, struct leat_conn conn)
{
	struct leat_stack *s = r->stack[LAB_SERVER];
	struct leat_info info;

	leat_info(s, conn, &info);
	uint32_t number = r->flow_of_port[info.remote.port - LAB_PORT_FROM];
	struct lab_flow *f = &r->flow[number];
	struct lab_side *side = &f->side[LAB_SERVER];
	if (info.opened_at < f->begun_at || side->phase != LAB_PH_NONE ||
		f->side[LAB_CLIENT].phase == LAB_PH_OVER) {
		leat_abort(s, conn);
		return;
	}
	leat_set_user(s, conn, number + 1);
	side->conn = conn;
	side->phase = LAB_PH_OPEN;
	begin_text(r, f, LAB_SERVER);
}

/* compare counts what another connection sent, or this one at another place. */
static void compare(struct lab_run *r, const struct lab_flow *f, uint32_t end, const uint8_t *data,
	uint32_t octets)
{
	uint64_t stream = lab_text_stream(f->number, 1 - end), at = f->side[end].got;
	uint32_t due = at < r->world.octets ? (uint32_t)u64_min(octets, r->world.octets - at) : 0;
	uint32_t foreign = lab_text_foreign(stream, at, data, due) + octets - due;

	r->result->stale_octets_accepted += foreign;
	r->result->stale_segs_accepted += foreign > 0;
}

/* True: the other's FIN is next. */
static bool read_all(struct lab_run *r, struct lab_flow *f, uint32_t end)
{
	struct leat_conn conn = f->side[end].conn;
	const uint8_t *data;
	int64_t octets;

	while ((octets = leat_peek(r->stack[end], conn, &data)) > 0) {
		octets = octets < LAB_TEXT_MAX ? octets : LAB_TEXT_MAX;
		compare(r, f, end, data, (uint32_t)octets);
		f->side[end].got += (uint64_t)octets;
		leat_take(r->stack[end], conn, (size_t)octets);
	}
	return octets == 0;
}

static bool closes_first(const struct lab_run *r, uint32_t end)
{
	return (end == LAB_SERVER) == (r->c.close == LAB_CLOSE_SERVER);
}

static void shut(struct lab_run *r, struct lab_flow *f, uint32_t end)
{
	leat_shutdown(r->stack[end], f->side[end].conn);
	f->side[end].phase = LAB_PH_SHUT;
}

static bool all_acknowledged(const struct lab_run *r, const struct lab_side *side, uint32_t end)
{
	struct leat_info info;

	return leat_info(r->stack[end], side->conn, &info) == LEAT_OK &&
	       info.snd_una >= r->world.octets;
}

/* The other has closed.  Who closed first is in TIME-WAIT now, which goes on without him. */
static void heard_fin(struct lab_run *r, struct lab_flow *f, uint32_t end)
{
	struct lab_side *side = &f->side[end];

	side->whole = side->got == r->world.octets;
	if (!side->whole || closes_first(r, end) != (side->phase == LAB_PH_SHUT)) {
		give_up(r, f);
	} else if (side->phase == LAB_PH_OPEN) {
		shut(r, f, end);
	} else {
		leat_close(r->stack[end], side->conn);
		side->phase = LAB_PH_OVER;
	}
}

/* Who closes first does so when it has all text, and the other, too.  Its FIN tells the other that
 * its text has arrived, so that nothing but the FINs and their ACKs is under way from then on. */
static void go_on(struct lab_run *r, struct lab_flow *f, uint32_t end)
{
	struct lab_side *side = &f->side[end];

	if (!side->whole && read_all(r, f, end)) {
		heard_fin(r, f, end);
	} else if (side->phase == LAB_PH_OPEN && closes_first(r, end) &&
		   side->got >= r->world.octets && all_acknowledged(r, side, end)) {
		r->may_lose[f->port_idx] = LAB_LOSS_MAX;
		shut(r, f, end);
	}
}

/* Who closes second hears of the end by the ACK of its FIN.  Reset instead: nobody waits there. */
static void closed(struct lab_run *r, struct lab_flow *f, uint32_t end)
{
	struct lab_side *side = &f->side[end];
	struct leat_info info;

	leat_info(r->stack[end], side->conn, &info);
	leat_release(r->stack[end], side->conn);
	if (side->phase == LAB_PH_SHUT && !closes_first(r, end) &&
		strcmp(info.end, "reset by peer") == 0)
		r->result->resets_after_lost_ack++;
	else if (side->phase == LAB_PH_CONNECT)
		r->result->connects_refused++;
	else
		f->failed |= strcmp(info.end, "closed") != 0;
	side->phase = LAB_PH_OVER;
}

static void on_event(struct lab_run *r, uint32_t end, const struct leat_event *ev)
{
	struct lab_flow *f = NULL;

	if (ev->bits & LEAT_ACCEPTED)
		accepted(r, ev->conn);
	f = flow_of(r, r->stack[end], ev->conn);
	if (f == NULL || f->side[end].phase == LAB_PH_OVER)
		return;
	if (ev->bits & LEAT_CONNECTED)
		connected(r, f);
	if (f->side[end].phase == LAB_PH_OPEN || f->side[end].phase == LAB_PH_SHUT)
		go_on(r, f, end);
	if (ev->bits & LEAT_CLOSED && f->side[end].phase != LAB_PH_OVER)
		closed(r, f, end);
}

static uint16_t client_port_idx(uint32_t to, const uint8_t *segment)
{
	return (uint16_t)(be16_get(segment + (to == LAB_CLIENT ? 2 : 0)) - LAB_PORT_FROM);
}

/* The wire may lose f, or keep it back for a quarter of a life; all else takes LAB_DELAY_NS. */
static void travel(struct lab_run *r, struct lab_frame *f)
{
	uint8_t *may_lose = &r->may_lose[client_port_idx(f->to, f->data + 20)];

	r->result->frames++;
	if (*may_lose > 0 && leat_prng_chance(&r->prng, r->c.loss_millionths)) {
		if (*may_lose != LAB_NO_LIMIT)
			--*may_lose;
		r->result->lost++;
		leat_lab_wire_give(r->wire, f);
		return;
	}
	f->at = r->now + LAB_DELAY_NS;
	if (leat_prng_chance(&r->prng, r->c.reorder_millionths)) {
		uint64_t most_us = (lab_quarter_ns(&r->world) - LAB_DELAY_NS) / TIME_US;

		f->at += leat_prng_below(&r->prng, (uint32_t)most_us + 1) * TIME_US;
		r->result->kept_back++;
	}
	leat_lab_wire_put(r->wire, f);
}

static void give_back(struct lab_run *r, uint32_t end)
{
	void *buf[STACK_BURST_MAX];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(r->stack[end], buf, STACK_BURST_MAX);
		for (uint32_t i = 0; i < cnt; i++)
			leat_lab_wire_give(r->wire, buf[i]);
	} while (cnt == STACK_BURST_MAX);
}

/* Without a buffer a frame stays in its stack until one has arrived. */
static void leave(struct lab_run *r, uint32_t end)
{
	struct lab_frame *f;

	while ((f = leat_lab_wire_take(r->wire)) != NULL) {
		struct stack_frame frame = {.data = f->data, .room = sizeof(f->data)};

		if (leat_stack_output(r->stack[end], r->now, &frame, 1) == 0) {
			leat_lab_wire_give(r->wire, f);
			break;
		}
		f->octets = frame.octets;
		f->to = 1 - end;
		travel(r, f);
	}
	give_back(r, end);
}

static void arrive(struct lab_run *r)
{
	while (leat_lab_wire_at(r->wire) <= r->now) {
		struct lab_frame *f = leat_lab_wire_pop(r->wire);

		leat_stack_inject(r->stack[f->to], f->data, f->octets, f, r->now);
		give_back(r, f->to);
	}
}

static void end_turn(struct lab_run *r, uint32_t end)
{
	struct leat_event event;

	while (leat_stack_timers(r->stack[end], r->now, 64) == 64)
		leave(r, end);
	while (leat_next_event(r->stack[end], &event))
		on_event(r, end, &event);
	leave(r, end);
}

static uint64_t connect_at(const struct lab_run *r)
{
	if (r->begun == r->world.connect_cnt)
		return TIME_NEVER;
	return r->started_at + r->begun * TIME_S / r->c.rate;
}

/* The oldest connection is given up in time. */
static uint64_t give_up_at(struct lab_run *r)
{
	while (r->oldest < r->begun && is_over(&r->flow[r->oldest]))
		r->oldest++;
	if (r->oldest == r->begun)
		return TIME_NEVER;
	return r->flow[r->oldest].begun_at + LAB_LIVES_MAX * r->world.packet_life_ns;
}

static void count_waiting(struct lab_run *r)
{
	uint64_t waiting = 0;

	for (uint32_t end = 0; end < 2; end++)
		waiting += leat_stack_tcp(r->stack[end])->present[TCP_ST_TIME_WAIT];
	r->result->peak_time_wait = u64_max(r->result->peak_time_wait, waiting);
}

static void turn(struct lab_run *r)
{
	uint64_t next = leat_lab_wire_at(r->wire);

	for (uint32_t end = 0; end < 2; end++)
		leat_stack_set_now(r->stack[end], r->now);
	arrive(r);
	while (connect_at(r) <= r->now)
		begin_connect(r);
	while (give_up_at(r) <= r->now)
		give_up(r, &r->flow[r->oldest]);
	end_turn(r, LAB_CLIENT);
	end_turn(r, LAB_SERVER);
	count_waiting(r);
	next = u64_min(leat_lab_wire_at(r->wire), u64_min(connect_at(r), give_up_at(r)));
	for (uint32_t end = 0; end < 2 && !leat_lab_wire_is_full(r->wire); end++)
		next = u64_min(next, leat_stack_next_deadline(r->stack[end]));
	if (next != TIME_NEVER)
		r->now = u64_max(r->now, next);
}

static void sum_up(struct lab_run *r)
{
	for (uint32_t i = 0; i < r->begun; i++) {
		const struct lab_side *side = r->flow[i].side;

		r->result->failed += r->flow[i].failed;
		r->result->completed +=
			side[LAB_CLIENT].whole && side[LAB_SERVER].whole && !r->flow[i].failed;
	}
	for (uint32_t end = 0; end < 2; end++)
		r->result->reused += leat_stack_tcp(r->stack[end])->ended[TCP_END_REUSED];
	r->result->peak_octets = r->result->peak_time_wait * record_octets(r);
	r->result->lasted_ns = r->now - r->started_at;
}

static bool end_new(struct lab_run *r, uint32_t end)
{
	struct stack_config c;

	config_of(r, end, &c);
	size_t octets = leat_stack_footprint(&c);
	ASSERT(octets > 0);
	r->mem[end] = aligned_alloc(CACHE_LINE, align_up(octets, CACHE_LINE));
	if (r->mem[end] == NULL)
		return false;
	r->stack[end] = leat_stack_new(r->mem[end], &c, r->now);
	return true;
}

static bool run_new(struct lab_run *r)
{
	const struct lab_world *w = &r->world;

	leat_prng_seed(&r->prng, w->seed);
	r->now = r->started_at = 1000 * TIME_S;
	r->wire = leat_lab_wire_new();
	r->flow = calloc(w->connect_cnt, sizeof(*r->flow));
	r->flow_of_port = calloc(w->port_cnt, sizeof(*r->flow_of_port));
	r->may_lose = calloc(w->port_cnt, sizeof(*r->may_lose));
	return r->wire != NULL && r->flow != NULL && r->flow_of_port != NULL &&
	       r->may_lose != NULL && end_new(r, LAB_CLIENT) && end_new(r, LAB_SERVER);
}

static void run_free(struct lab_run *r)
{
	if (r->wire != NULL)
		leat_lab_wire_free(r->wire);
	free(r->flow);
	free(r->flow_of_port);
	free(r->may_lose);
	free(r->mem[LAB_CLIENT]);
	free(r->mem[LAB_SERVER]);
}

bool leat_lab_run(
	const struct lab_world *world, const struct lab_case *c, struct lab_result *result)
{
	struct lab_run r = {.world = *world, .c = *c, .result = result};
	struct leat_addr local = addr_of(LAB_SERVER, LAB_SERVER_PORT);
	bool made = run_new(&r);
	struct leat_conn listener;

	*result = (struct lab_result){.packet_life_ns = leat_lab_life(world, c),
		.protected = leat_lab_is_protected(world, c)};
	if (made) {
		int error = leat_listen(r.stack[LAB_SERVER], &local, world->port_cnt, &listener);
		ASSERT(error == LEAT_OK);
		do
			turn(&r);
		while (r.begun < world->connect_cnt || r.oldest < r.begun);
		sum_up(&r);
	}
	run_free(&r);
	return made;
}
