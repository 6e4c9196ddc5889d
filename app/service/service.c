/* SPDX-License-Identifier: BSD-3-Clause */
#include "service_set.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <inttypes.h>
#include <stdio.h>

STATIC_ASSERT(sizeof(struct service_conn) <= 128, "two cache lines a connection");

/* The range of a number in the config; error texts are made from it. */
struct bound {
	const char *key;
	uint64_t value, from, to;
};

void leat_service_config_default(struct service_config *config)
{
	*config = (struct service_config){.conn_max = 4096,
		.backlog = 1024,
		.close = SERVICE_CLOSE_KEEP,
		.body_octets = 512,
		.linger_ns = 5 * TIME_S};
}

const char *leat_service_config_error(const struct service_config *config, char *text, size_t size)
{
	const struct bound bound[] = {
		{"service.conn_max", config->conn_max, 1, UINT64_C(1) << 30},
		{"service.backlog", config->backlog, 1, UINT32_MAX},
		{"service.listen_cnt", config->listen_cnt, 1, SERVICE_LISTEN_MAX},
		{"service.close", config->close, 0, SERVICE_CLOSE_CNT - 1},
		{"service.body_octets", config->body_octets, 0, SERVICE_BODY_MAX},
		{"service.linger_ns", config->linger_ns, TIME_MS, 3600 * TIME_S},
	};

	for (uint32_t i = 0; i < COUNT_OF(bound); i++) {
		const struct bound *b = &bound[i];
		if (b->value >= b->from && b->value <= b->to)
			continue;
		snprintf(text, size,
			"%s: %" PRIu64 " is out of range: from %" PRIu64 " to %" PRIu64, b->key,
			b->value, b->from, b->to);
		return text;
	}
	for (uint32_t i = 0; i < config->listen_cnt; i++)
		if (config->listen[i].kind == SERVICE_KIND_PROGRAM &&
			leat_service_program_error(config, i, text, size))
			return text;
	return NULL;
}

static bool has_program(const struct service_config *config)
{
	bool any = false;

	for (uint32_t i = 0; i < config->listen_cnt; i++)
		any |= config->listen[i].kind == SERVICE_KIND_PROGRAM;
	return any;
}

/* cut_programs takes what programs need, and compiles them where there is memory. */
static void cut_programs(
	struct arena *a, struct service_set *set, const struct service_config *config)
{
	size_t octets = leat_timer_wheel_footprint(config->conn_max);
	void *pause = has_program(config) ? arena_take(a, 1, octets, CACHE_LINE) : NULL;
	char why[PROG_WHY_MAX];

	if (pause && set)
		set->pause = leat_timer_wheel_new(pause, config->conn_max, 0);
	for (uint32_t i = 0; i < config->listen_cnt; i++) {
		struct prog *prog;

		if (config->listen[i].kind != SERVICE_KIND_PROGRAM)
			continue;
		prog = arena_take(a, 1, sizeof(*prog), CACHE_LINE);
		if (!prog)
			continue;
		bool good = leat_prog_parse(prog, config->listen[i].program, why, sizeof(why));
		ASSERT(good); /* or the footprint was 0 */
		set->env[i] = (struct prog_env){.prog = prog,
			.pattern = set->pattern,
			.seed = config->seed,
			.verify = true};
	}
}

static struct service_set *cut(struct arena *a, const struct service_config *config)
{
	struct service_set *set = arena_take(a, 1, sizeof(*set), CACHE_LINE);
	size_t ring_octets = leat_timer_ring_footprint(config->conn_max);
	struct service_set at;

	at.conn = arena_take(a, config->conn_max, sizeof(*at.conn), CACHE_LINE);
	at.retry = arena_take(a, 1, ring_octets, CACHE_LINE);
	at.linger = arena_take(a, 1, ring_octets, CACHE_LINE);
	at.pattern = arena_take(a, 1, SERVICE_PERIOD + SERVICE_PIECE_OCTETS, CACHE_LINE);
	at.lines = arena_take(a, 1, SERVICE_LINES_OCTETS + SERVICE_PIECE_OCTETS, CACHE_LINE);
	for (uint32_t i = 0; i < SERVICE_READY_CNT; i++)
		at.ready[i].data =
			arena_take(a, 1, leat_service_http_ready_octets(config), CACHE_LINE);
	if (!set) {
		cut_programs(a, NULL, config);
		return NULL;
	}
	*set = (struct service_set){.config = *config,
		.conn = at.conn,
		.retry = leat_timer_ring_new(at.retry, config->conn_max, SERVICE_RETRY_NS),
		.linger = leat_timer_ring_new(at.linger, config->conn_max, config->linger_ns),
		.pattern = at.pattern,
		.lines = at.lines};
	for (uint32_t i = 0; i < SERVICE_READY_CNT; i++)
		set->ready[i].data = at.ready[i].data;
	cut_programs(a, set, config);
	return set;
}

size_t leat_service_footprint(const struct service_config *config)
{
	struct arena a = arena_at(NULL);
	char text[128];

	if (leat_service_config_error(config, text, sizeof(text)))
		return 0;
	cut(&a, config);
	return arena_used(&a);
}

/* RFC 864: the 95 printable characters in lines of 72, each line one character further. */
static void fill_lines(uint8_t *dst, uint32_t octets)
{
	for (uint32_t i = 0; i < octets; i++) {
		uint32_t line = i / SERVICE_LINE_OCTETS % 95, at = i % SERVICE_LINE_OCTETS;
		dst[i] = at == 72 ? '\r' : at == 73 ? '\n' : (uint8_t)(' ' + (line + at) % 95);
	}
}

static void free_conn(struct service_set *set, struct service_conn *c)
{
	uint32_t idx = (uint32_t)(c - set->conn);

	leat_timer_ring_stop(set->retry, idx);
	leat_timer_ring_stop(set->linger, idx);
	if (set->pause)
		leat_timer_wheel_stop(set->pause, idx);
	c->phase = SERVICE_PH_FREE;
	c->next_free = set->free_head;
	set->free_head = idx;
	set->counters.present--;
}

enum service_step leat_service_close(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	leat_close(s, c->conn);
	set->counters.finished++;
	free_conn(set, c);
	return SERVICE_STEP_GONE;
}

enum service_step leat_service_abort(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	leat_abort(s, c->conn);
	set->counters.aborted++;
	free_conn(set, c);
	return SERVICE_STEP_GONE;
}

enum service_step leat_service_linger(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	leat_shutdown(s, c->conn);
	leat_timer_ring_start(set->linger, (uint32_t)(c - set->conn), leat_now(s));
	c->phase = SERVICE_PH_LINGER;
	c->out_at = UINT64_MAX;
	return SERVICE_STEP_ON;
}

enum service_step leat_service_stall(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	leat_timer_ring_start(set->retry, (uint32_t)(c - set->conn), leat_now(s));
	return SERVICE_STEP_WAIT;
}

enum service_step leat_service_skip(
	struct service_set *set, struct leat_stack *s, struct service_conn *c, uint64_t *left)
{
	const uint8_t *data;

	while (*left) {
		int64_t n = leat_peek(s, c->conn, &data);
		if (n == 0)
			return leat_service_close(set, s, c);
		if (n < 0)
			return SERVICE_STEP_WAIT;
		n = (int64_t)u64_min((uint64_t)n, *left);
		leat_take(s, c->conn, (size_t)n);
		set->counters.octets_in += (uint64_t)n;
		*left -= (uint64_t)n;
	}
	return SERVICE_STEP_ON;
}

enum service_step leat_service_pour(struct service_set *set, struct leat_stack *s,
	struct service_conn *c, const uint8_t *table, uint32_t period)
{
	while (c->out_at < c->out_end) {
		uint64_t want = u64_min(c->out_end - c->out_at, SERVICE_PIECE_OCTETS);
		int64_t n = leat_send(s, c->conn, table + c->out_at % period, want);
		if (n <= 0)
			return leat_service_stall(set, s, c);
		c->out_at += (uint64_t)n;
		set->counters.octets_out += (uint64_t)n;
	}
	return SERVICE_STEP_ON;
}

/* All the peer sends until it closes is of no interest. */
static enum service_step step_skip_all(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	uint64_t left = UINT64_MAX;

	return leat_service_skip(set, s, c, &left);
}

static enum service_step step_wait(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	return set->draining ? leat_service_linger(set, s, c) : step_skip_all(set, s, c);
}

static enum service_step step_discard(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	return step_wait(set, s, c);
}

/* RFC 862.  Text is taken when it is queued again, so that a peer that does not read closes its
 * own window. */
static enum service_step step_echo(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	const uint8_t *data;
	int64_t n;

	while ((n = leat_peek(s, c->conn, &data)) > 0) {
		n = leat_send(s, c->conn, data, (size_t)n);
		if (n <= 0)
			return leat_service_stall(set, s, c);
		leat_take(s, c->conn, (size_t)n);
		set->counters.octets_in += (uint64_t)n;
		set->counters.octets_out += (uint64_t)n;
	}
	if (n == 0)
		return leat_service_close(set, s, c);
	return set->draining ? leat_service_linger(set, s, c) : SERVICE_STEP_WAIT;
}

/* RFC 864: it ends when the peer closes; what is queued then still goes. */
static enum service_step step_chargen(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	if (set->draining)
		return leat_service_linger(set, s, c);
	if (step_skip_all(set, s, c) == SERVICE_STEP_GONE)
		return SERVICE_STEP_GONE;
	c->out_end = UINT64_MAX;
	return leat_service_pour(set, s, c, set->lines, SERVICE_LINES_OCTETS);
}

/* A program that pauses looks at nothing until its time has come. */
static enum service_step step_pause(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	(void)set;
	(void)s;
	(void)c;
	return SERVICE_STEP_WAIT;
}

static void run(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	static enum service_step (*const step[SERVICE_PH_CNT])(
		struct service_set *, struct leat_stack *, struct service_conn *) = {
		[SERVICE_PH_REQUEST] = leat_service_http_request,
		[SERVICE_PH_BODY] = leat_service_http_body,
		[SERVICE_PH_HEAD] = leat_service_http_head,
		[SERVICE_PH_STREAM] = leat_service_http_stream,
		[SERVICE_PH_LINGER] = step_skip_all,
		[SERVICE_PH_WAIT] = step_wait,
		[SERVICE_PH_ECHO] = step_echo,
		[SERVICE_PH_DISCARD] = step_discard,
		[SERVICE_PH_CHARGEN] = step_chargen,
		[SERVICE_PH_PROGRAM] = leat_service_program,
		[SERVICE_PH_PAUSE] = step_pause,
	};

	DCHECK(c->phase != SERVICE_PH_FREE);
	while (step[c->phase](set, s, c) == SERVICE_STEP_ON)
		;
}

static uint8_t listen_idx(const struct service_set *set, struct leat_conn listener)
{
	for (uint32_t i = 0; i < set->config.listen_cnt; i++)
		if (set->listener[i].id == listener.id)
			return (uint8_t)i;
	UNREACHABLE("the listeners of this stack are this set's");
}

static uint8_t first_phase(enum service_kind kind)
{
	static const uint8_t first[SERVICE_KIND_CNT] = {
		[SERVICE_KIND_HTTP] = SERVICE_PH_REQUEST,
		[SERVICE_KIND_ECHO] = SERVICE_PH_ECHO,
		[SERVICE_KIND_DISCARD] = SERVICE_PH_DISCARD,
		[SERVICE_KIND_CHARGEN] = SERVICE_PH_CHARGEN,
		[SERVICE_KIND_PROGRAM] = SERVICE_PH_PROGRAM,
	};

	return first[kind];
}

/* NULL: every record is taken, and the connection was reset. */
static struct service_conn *accept_conn(
	struct service_set *set, struct leat_stack *s, const struct leat_event *event)
{
	struct service_conn *c;

	set->counters.accepted++;
	if (set->free_head == SERVICE_NONE) {
		set->counters.no_record++;
		set->counters.aborted++;
		leat_abort(s, event->conn);
		return NULL;
	}
	c = &set->conn[set->free_head];
	set->free_head = c->next_free;
	*c = (struct service_conn){
		.conn = event->conn, .listen_idx = listen_idx(set, event->listener)};
	c->phase = first_phase(set->config.listen[c->listen_idx].kind);
	if (c->phase == SERVICE_PH_PROGRAM)
		leat_prog_begin(&c->run, set->counters.accepted);
	set->counters.present++;
	leat_set_user(s, c->conn, (uint64_t)(c - set->conn) + 1);
	return c;
}

static void end_conn(struct service_set *set, struct leat_stack *s, struct service_conn *c,
	const struct leat_event *event)
{
	if (c->phase == SERVICE_PH_LINGER && (event->bits & LEAT_PEER_CLOSED))
		set->counters.finished++;
	else
		set->counters.ended++;
	leat_release(s, c->conn);
	free_conn(set, c);
}

static void on_event(void *arg, struct leat_stack *s, const struct leat_event *event)
{
	struct service_set *set = arg;
	struct service_conn *c;

	if (event->bits & LEAT_ACCEPTED) {
		c = accept_conn(set, s, event);
	} else {
		uint64_t user = leat_user(s, event->conn);
		c = user ? &set->conn[user - 1] : NULL;
	}
	if (!c)
		return;
	DCHECK(c->conn.id == event->conn.id);
	if (event->bits & LEAT_CLOSED)
		end_conn(set, s, c, event);
	else
		run(set, s, c);
}

/* The peer did not close for linger_ns.  While it takes what we sent it has its time.  When it has
 * all, the stack may wait for its FIN alone: a reset now would take from its user what is not read
 * yet.  One that takes nothing is reset. */
static void lingered(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	struct leat_info info = {0};

	leat_info(s, c->conn, &info);
	if (!info.unsent && info.snd_una == info.snd_nxt) {
		leat_close(s, c->conn);
		set->counters.lingered++;
		free_conn(set, c);
	} else if (info.snd_una != c->out_at) {
		c->out_at = info.snd_una;
		leat_timer_ring_start(set->linger, (uint32_t)(c - set->conn), leat_now(s));
	} else {
		leat_service_abort(set, s, c);
	}
}

/* drain_slice tells a few more that the set drains: no turn gets long by it. */
static void drain_slice(struct service_set *set, struct leat_stack *s)
{
	uint32_t to = u32_min(set->drained + SERVICE_DRAIN_MAX, set->config.conn_max);

	for (; set->drained < to; set->drained++)
		if (set->conn[set->drained].phase != SERVICE_PH_FREE)
			run(set, s, &set->conn[set->drained]);
}

static void on_turn(void *arg, struct leat_stack *s)
{
	struct service_set *set = arg;
	uint32_t id[SERVICE_TURN_MAX], cnt;

	cnt = leat_timer_ring_expire(set->retry, leat_now(s), id, SERVICE_TURN_MAX);
	for (uint32_t i = 0; i < cnt; i++)
		run(set, s, &set->conn[id[i]]);
	cnt = leat_timer_ring_expire(set->linger, leat_now(s), id, SERVICE_TURN_MAX);
	for (uint32_t i = 0; i < cnt; i++)
		lingered(set, s, &set->conn[id[i]]);
	cnt = set->pause ? leat_timer_wheel_expire(set->pause, leat_now(s), id, SERVICE_TURN_MAX)
			 : 0;
	for (uint32_t i = 0; i < cnt; i++) {
		set->conn[id[i]].phase = SERVICE_PH_PROGRAM;
		run(set, s, &set->conn[id[i]]);
	}
	if (set->draining)
		drain_slice(set, s);
}

static void on_drain(void *arg, struct leat_stack *s)
{
	struct service_set *set = arg;

	(void)s;
	set->draining = true;
}

/* on_undrain: those that were told have gone, or will. */
static void on_undrain(void *arg, struct leat_stack *s)
{
	struct service_set *set = arg;

	(void)s;
	set->draining = false;
	set->drained = 0;
}

struct service_set *leat_service_new(void *mem, const struct service_config *config)
{
	struct arena a = arena_at(mem);
	struct service_set *set = cut(&a, config);

	set->app = (struct leat_app){.arg = set,
		.event = on_event,
		.turn = on_turn,
		.drain = on_drain,
		.undrain = on_undrain};
	for (uint32_t i = 0; i < config->conn_max; i++)
		set->conn[i] = (struct service_conn){
			.next_free = i + 1 < config->conn_max ? i + 1 : SERVICE_NONE};
	for (uint32_t i = 0; i < SERVICE_PERIOD + SERVICE_PIECE_OCTETS; i++)
		set->pattern[i] = service_octet(i);
	fill_lines(set->lines, SERVICE_LINES_OCTETS + SERVICE_PIECE_OCTETS);
	leat_service_http_ready(set);
	return set;
}

/* TIME-WAIT of a listener's own. */
static int set_wait(struct leat_stack *s, const struct service_listen *l, struct leat_conn listener)
{
	int error = LEAT_OK;

	if (l->two_msl_ns != 0)
		error = leat_time_wait(s, listener, l->two_msl_ns);
	if (error == LEAT_OK && l->reuse != 0)
		error = leat_reuse(s, listener, (enum leat_reuse)(l->reuse - 1));
	if (error == LEAT_OK && l->rst != 0)
		error = leat_time_wait_rst(s, listener, l->rst == 2);
	return error;
}

int leat_service_listen(struct service_set *set, struct leat_stack *s, uint32_t *at)
{
	for (uint32_t i = 0; i < set->config.listen_cnt; i++) {
		const struct service_listen *l = &set->config.listen[i];
		int error = leat_listen(s, &l->local, set->config.backlog, &set->listener[i]);

		if (error == LEAT_OK)
			error = set_wait(s, l, set->listener[i]);
		if (error != LEAT_OK) {
			*at = i;
			return error;
		}
	}
	return LEAT_OK;
}

bool leat_service_may_change(
	const struct service_config *config, const struct service_change *change)
{
	return change->body_octets <= SERVICE_BODY_MAX &&
	       u64_min(change->body_octets, SERVICE_READY_OCTETS) <=
		       u64_min(config->body_octets, SERVICE_READY_OCTETS);
}

void leat_service_change(
	struct service_set *set, struct leat_stack *s, const struct service_change *change)
{
	if (set->config.body_octets != change->body_octets) {
		set->config.body_octets = change->body_octets;
		leat_service_http_ready(set);
	}
	set->config.close = change->close;
	for (uint32_t i = 0; i < set->config.listen_cnt; i++)
		if (set->config.listen[i].reuse == 0)
			(void)leat_reuse(s, set->listener[i], change->reuse);
}

const struct leat_app *leat_service_app(const struct service_set *set)
{
	return &set->app;
}

const struct service_counters *leat_service_counters(const struct service_set *set)
{
	return &set->counters;
}
