/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_core.h"

#include "base_assert.h"
#include "base_bits.h"

#include <string.h>

static void record(struct load *load, enum load_hist which, uint64_t from, uint64_t to)
{
	hist_record(&load->hist[which], to > from ? to - from : 0);
}

static void free_conn(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	leat_timer_ring_stop(load->timeout, load_idx(load, c));
	leat_timer_wheel_stop(load->pause, load_idx(load, c));
	load->retry_at = 0;
	load->counters.established -= c->established;
	load->counters.in_flight--;
	c->phase = LOAD_PH_FREE;
	c->planned_at = leat_now(s);
	c->next_free = load->free_head;
	load->free_head = load_idx(load, c);
}

/* is_steady: it was planned after the ramp. */
static bool is_steady(const struct load *load, uint64_t planned_at)
{
	return planned_at >= load->start_at + load->config.plan.ramp_ns;
}

static void complete(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	if (c->short_cut)
		load->counters.stopped++;
	else
		load->counters.completed++;
	if (!c->short_cut)
		load->counters.steady_completed += is_steady(load, c->planned_at);
	free_conn(load, s, c);
}

void leat_load_fail(
	struct load *load, struct leat_stack *s, struct load_conn *c, enum load_fail why)
{
	load->counters.failed[why]++;
	leat_abort(s, c->conn);
	free_conn(load, s, c);
}

enum load_fail leat_load_late(const struct load_conn *c)
{
	switch ((enum load_phase)c->phase) {
	case LOAD_PH_CONNECT:
		return LOAD_FAIL_SYN_TIMEOUT;
	case LOAD_PH_EOF:
	case LOAD_PH_CLOSE:
	case LOAD_PH_DRAIN:
		return LOAD_FAIL_CLOSE_TIMEOUT;
	default:
		return LOAD_FAIL_RESPONSE_TIMEOUT;
	}
}

void leat_load_watch(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	if (load->config.timeout_ns)
		leat_timer_ring_start(load->timeout, load_idx(load, c), leat_now(s));
}

void leat_load_pause(struct load *load, struct leat_stack *s, struct load_conn *c, uint64_t for_ns)
{
	leat_timer_wheel_set(load->pause, load_idx(load, c), leat_now(s) + for_ns);
}

void leat_load_reset(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	leat_abort(s, c->conn);
	complete(load, s, c);
}

/* shut sends our FIN first. */
static void shut(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	leat_shutdown(s, c->conn);
	c->phase = LOAD_PH_DRAIN;
	leat_load_watch(load, s, c);
}

void leat_load_part(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	c->short_cut = true;
	leat_timer_wheel_stop(load->pause, load_idx(load, c));
	shut(load, s, c);
}

void leat_load_exchanged(struct load *load, struct leat_stack *s, struct load_conn *c, bool is_shut)
{
	uint64_t now = leat_now(s);

	record(load, LOAD_HIST_WHOLE, c->planned_at, now);
	record(load, LOAD_HIST_SERVICE, c->started_at, now);
	if (is_shut) {
		c->phase = LOAD_PH_DRAIN;
		leat_load_watch(load, s, c);
	} else if (load->config.close == LOAD_CLOSE_SERVER) {
		c->phase = LOAD_PH_EOF;
		leat_load_watch(load, s, c);
	} else if (load->config.close == LOAD_CLOSE_RESET) {
		leat_load_reset(load, s, c);
	} else {
		shut(load, s, c);
	}
}

void leat_load_answer(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	if (c->answered)
		return;
	c->answered = true;
	record(load, LOAD_HIST_FIRST, c->planned_at, leat_now(s));
}

void leat_load_response(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	load->counters.responses++;
	record(load, LOAD_HIST_RESPONSE, c->asked_at, leat_now(s));
}

/* The server closed: right only after the last response. */
static void peer_closed(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	switch ((enum load_phase)c->phase) {
	case LOAD_PH_EOF:
		leat_shutdown(s, c->conn);
		c->phase = LOAD_PH_CLOSE;
		leat_load_watch(load, s, c);
		break;
	case LOAD_PH_DRAIN:
		leat_close(s, c->conn); /* TIME-WAIT is the stack's business */
		complete(load, s, c);
		break;
	case LOAD_PH_CLOSE:
		break;
	default:
		leat_load_fail(load, s, c, LOAD_FAIL_SHORT);
	}
}

/* text goes to who waits for it. */
static void text(struct load *load, struct leat_stack *s, struct load_conn *c, const uint8_t *data,
	size_t octets)
{
	if (c->phase == LOAD_PH_HEAD || c->phase == LOAD_PH_BODY) {
		leat_load_answer(load, s, c);
		leat_load_http_text(load, s, c, data, octets);
	} else if (c->phase == LOAD_PH_DRAIN && c->short_cut) {
		leat_take(s, c->conn, octets); /* of what nobody waits for any more */
	} else {
		leat_load_fail(load, s, c, LOAD_FAIL_LONG);
	}
}

/* Does the next step come from what the peer sends, or from its end?  A server may answer before
 * it has read all of a POST: that waits until all is sent. */
static bool reads(const struct load_conn *c)
{
	return c->phase == LOAD_PH_HEAD || c->phase == LOAD_PH_BODY || c->phase == LOAD_PH_EOF ||
	       c->phase == LOAD_PH_DRAIN || c->phase == LOAD_PH_THINK;
}

/* Takes what there is to read, until nothing is left or the connection is done with. */
static void read_text(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	struct leat_conn conn = c->conn;

	while (reads(c)) {
		const uint8_t *data;
		int64_t n = leat_peek(s, conn, &data);
		if (n < 0)
			return;
		if (n == 0)
			peer_closed(load, s, c);
		else
			text(load, s, c, data, (size_t)n);
	}
}

void leat_load_told(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	if (c->phase != LOAD_PH_THINK && c->phase != LOAD_PH_PAUSE)
		return;
	leat_load_part(load, s, c);
	read_text(load, s, c);
}

void leat_load_resume(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	switch ((enum load_phase)c->phase) {
	case LOAD_PH_THINK:
		leat_load_http_ask(load, s, c);
		break;
	case LOAD_PH_SEND:
	case LOAD_PH_POST:
		leat_load_http_send(load, s, c);
		break;
	case LOAD_PH_PAUSE:
		c->phase = LOAD_PH_SAY;
		leat_load_watch(load, s, c);
		leat_load_say(load, s, c);
		break;
	case LOAD_PH_SAY:
		leat_load_say(load, s, c);
		break;
	default: /* an event came first, and it waits for something else now */
		return;
	}
	read_text(load, s, c); /* what came meanwhile has had its event */
}

/* LEAT_CLOSED: after our FIN in answer to the server's that is how it should be, and a reset has
 * nothing left to harm: the server's TIME-WAIT may have ended before our FIN came again. */
static void ended(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	const char *end = leat_end(s, c->conn);
	bool reset = strncmp(end, "reset", 5) == 0, timeout = strcmp(end, "timeout") == 0;

	leat_release(s, c->conn);
	if (c->phase == LOAD_PH_CLOSE && !timeout) {
		load->counters.late_reset += reset;
		complete(load, s, c);
		return;
	}
	if (timeout)
		load->counters.failed[leat_load_late(c)]++;
	else if (c->phase == LOAD_PH_CONNECT)
		load->counters.failed[LOAD_FAIL_REFUSED]++;
	else
		load->counters.failed[LOAD_FAIL_RESET]++;
	free_conn(load, s, c);
}

static void connected(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	record(load, LOAD_HIST_CONNECT, c->planned_at, leat_now(s));
	load->counters.connected++;
	load->counters.established++;
	c->established = true;
	c->asked_at = leat_now(s);
	leat_load_watch(load, s, c);
	if (load->prog) {
		c->phase = LOAD_PH_SAY;
		leat_prog_begin(&c->run, c->number);
	} else {
		c->phase = LOAD_PH_THINK;
		leat_load_http_ask(load, s, c);
	}
}

void leat_load_event(void *arg, struct leat_stack *s, const struct leat_event *event)
{
	struct load *load = arg;
	uint64_t user = leat_user(s, event->conn);
	struct load_conn *c;

	if (!user)
		return;
	c = &load->conn[user - 1];
	DCHECK(c->conn.id == event->conn.id);
	if (event->bits & LEAT_CONNECTED)
		connected(load, s, c);
	if (event->bits & LEAT_CLOSED) {
		ended(load, s, c);
		return;
	}
	if (c->phase == LOAD_PH_SAY)
		leat_load_say(load, s, c);
	else if (c->phase == LOAD_PH_SEND || c->phase == LOAD_PH_POST)
		leat_load_http_send(load, s, c);
	read_text(load, s, c);
}

/* turn goes on to the next pair. */
static void turn(const struct load_config *c, struct load_turn *t)
{
	const struct load_target *target = &c->target[t->target];

	if (++t->port < target->port_cnt)
		return;
	t->port = 0;
	if (++t->addr < target->addr_cnt)
		return;
	t->addr = 0;
	if (++t->target < c->target_cnt)
		return;
	t->target = 0;
	t->local = t->local + 1 < c->local_cnt ? t->local + 1 : 0;
}

/* connect_next tries the next pairs of source and target: all pairs come in turn. */
static int connect_next(struct load *load, struct leat_stack *s, struct leat_conn *conn)
{
	const struct load_config *c = &load->config;
	struct load_turn *t = &load->turn;
	int error = LEAT_ERR_NO_PORT;

	for (uint32_t i = 0; i < load->tries && error == LEAT_ERR_NO_PORT; i++) {
		const struct leat_addr *first = &c->target[t->target].first;
		struct leat_addr local = {0}, target;

		target = leat_load_addr(
			load_addr_nth(first, t->addr), (uint16_t)(first->port + t->port));
		if (c->local.family == target.family)
			local = leat_load_addr(load_addr_nth(&c->local, t->local), 0);
		turn(c, t);
		error = leat_connect(s, &local, &target, conn);
	}
	return error;
}

static void put_off(struct load *load, int error)
{
	struct load_counters *c = &load->counters;

	if (error == LEAT_ERR_NO_PORT) {
		c->no_port++;
		load->blocked = LOAD_SKIP_NO_PORT;
	} else if (error == LEAT_ERR_WAITING) {
		c->no_place++;
		load->blocked = LOAD_SKIP_WAITING;
	} else {
		c->no_room += error != LEAT_ERR_QUIET;
		load->blocked = LOAD_SKIP_NO_ROOM;
	}
}

bool leat_load_open(struct load *load, struct leat_stack *s)
{
	struct load_conn *c = &load->conn[load->free_head];
	bool open = load->config.model == LOAD_MODEL_OPEN;
	uint64_t now = leat_now(s);
	uint64_t planned_at = open ? load->next_at : c->started_at ? c->planned_at : now;
	struct leat_conn conn;
	int error = connect_next(load, s, &conn);

	if (error != LEAT_OK) {
		put_off(load, error);
		return false;
	}
	load->free_head = c->next_free;
	*c = (struct load_conn){.conn = conn,
		.planned_at = planned_at,
		.started_at = now,
		.number = load->next,
		.request_left = load->config.request_cnt,
		.phase = LOAD_PH_CONNECT};
	leat_set_user(s, conn, (uint64_t)load_idx(load, c) + 1);
	leat_load_watch(load, s, c);
	record(load, LOAD_HIST_LATE, planned_at, now);
	load->counters.late += now - planned_at > LOAD_LATE_NS;
	load->counters.steady += is_steady(load, planned_at);
	load->last_at = now;
	load->counters.planned++;
	load->counters.started++;
	load->counters.in_flight++;
	return true;
}
