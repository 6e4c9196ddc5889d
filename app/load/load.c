/* SPDX-License-Identifier: BSD-3-Clause */
#include "load.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "load_core.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOAD_NO_TIMEOUT_NS (1000 * 3600 * TIME_S)

void leat_load_config_default(struct load_config *config)
{
	*config = (struct load_config){.local_cnt = 1,
		.model = LOAD_MODEL_CLOSED,
		.stride = 1,
		.conn_cnt = 1024,
		.open_max = 64,
		.late_max_ns = TIME_S,
		.speak = LOAD_SPEAK_HTTP,
		.request_cnt = 1,
		.request = dist_fixed(64),
		.response = dist_fixed(512),
		.verify = true,
		.close = LOAD_CLOSE_SERVER,
		.path = "/",
		.host = "leat"};
}

/* program_text is what is said, as a program; NULL: HTTP is. */
static const char *program_text(const struct load_config *config, char *text, size_t size)
{
	const char *verb = config->speak == LOAD_SPEAK_ECHO ? "exchange" : "send";
	uint64_t octets = u64_max(config->request.a, 1);
	bool thinks = config->think.b != 0 || config->think.item_cnt != 0;

	switch (config->speak) {
	case LOAD_SPEAK_HTTP:
		return NULL;
	case LOAD_SPEAK_PROGRAM:
		return config->program;
	case LOAD_SPEAK_CONNECT:
		return "";
	default:
		/* The quantities themselves are put in by compile, drawn or not. */
		if (thinks && config->request_cnt > 1)
			snprintf(text, size, "%s %" PRIu64 "; loop %u { wait 1s; %s %" PRIu64 " }",
				verb, octets, config->request_cnt - 1, verb, octets);
		else
			snprintf(text, size, "loop %u { %s %" PRIu64 " }", config->request_cnt,
				verb, octets);
		return text;
	}
}

/* compile makes the program of a config, if it has one. */
static bool compile(const struct load_config *config, struct prog *prog, char *why, size_t size)
{
	char made[128];
	const char *text = program_text(config, made, sizeof(made));

	if (!text)
		return true;
	if (!leat_prog_parse(prog, text, why, size))
		return false;
	if (text == made) {
		prog->dist[0] = prog->dist[2] = config->request;
		prog->dist[1] = config->think;
	}
	return true;
}

static const char *range_error(const struct load_config *config, char *text, size_t size)
{
	const struct {
		const char *key;
		uint64_t value, from, to;
	} bound[] = {
		{"load.local_cnt", config->local_cnt, 1, 1 << 24},
		{"load.target", leat_load_pairs(config->target, config->target_cnt), 1,
			LOAD_PAIR_MAX},
		{"load.conn_cnt", config->conn_cnt, 1, 1 << 26},
		{"load.open_max", config->open_max, 1, UINT32_MAX},
		{"load.request_cnt", config->request_cnt, 1, 1000000000},
		{"load.close", config->close, 0, LOAD_CLOSE_CNT - 1},
		{"load.speak", config->speak, 0, LOAD_SPEAK_CNT - 1},
		{"load.stride", config->stride, 1, UINT32_MAX},
		{"load.phase", config->phase, 0, config->stride - 1},
		{"load.timeout_ns", config->timeout_ns, 0, LOAD_NO_TIMEOUT_NS},
		{"load.late_max_ns", config->late_max_ns, 0, LOAD_NO_TIMEOUT_NS},
		{"load.plan.rate_milli", config->plan.rate_milli, config->model == LOAD_MODEL_OPEN,
			LOAD_RATE_MILLI_MAX},
		{"load.plan.ramp_ns", config->plan.ramp_ns, 0, LOAD_RAMP_NS_MAX},
		{"load.plan.duration_ns", config->plan.duration_ns, 0,
			LOAD_PLAN_NS_MAX - LOAD_RAMP_NS_MAX},
		{"load.request", leat_dist_max(&config->request), 0, LOAD_POST_MAX},
	};

	for (uint32_t i = 0; i < COUNT_OF(bound); i++) {
		if (bound[i].value >= bound[i].from && bound[i].value <= bound[i].to)
			continue;
		snprintf(text, size,
			"%s: %" PRIu64 " is out of range: from %" PRIu64 " to %" PRIu64,
			bound[i].key, bound[i].value, bound[i].from, bound[i].to);
		return text;
	}
	return NULL;
}

const char *leat_load_config_error(const struct load_config *config, char *text, size_t size)
{
	char why[PROG_WHY_MAX];
	struct prog prog;

	if (range_error(config, text, size))
		return text;
	if (config->path[0] != '/') {
		snprintf(text, size, "load.path: `%s` does not begin with /", config->path);
		return text;
	}
	if (!compile(config, &prog, why, sizeof(why))) {
		snprintf(text, size, "load.program: %s", why);
		return text;
	}
	return NULL;
}

static struct load *cut(struct arena *a, const struct load_config *config)
{
	struct load *load = arena_take(a, 1, sizeof(*load), CACHE_LINE);
	struct load_conn *conn = arena_take(a, config->conn_cnt, sizeof(*conn), CACHE_LINE);
	void *timeout = arena_take(a, 1, leat_timer_ring_footprint(config->conn_cnt), CACHE_LINE);
	void *pause = arena_take(a, 1, leat_timer_wheel_footprint(config->conn_cnt), CACHE_LINE);
	uint8_t *pattern = arena_take(a, 1, PROG_PERIOD + PROG_PIECE, CACHE_LINE);
	struct prog *prog = arena_take(a, 1, sizeof(*prog), CACHE_LINE);

	if (!load)
		return NULL;
	*load = (struct load){.config = *config, .conn = conn, .pattern = pattern};
	load->prog = config->speak != LOAD_SPEAK_HTTP ? prog : NULL;
	load->timeout = leat_timer_ring_new(timeout, config->conn_cnt,
		config->timeout_ns ? config->timeout_ns : LOAD_NO_TIMEOUT_NS);
	load->pause = leat_timer_wheel_new(pause, config->conn_cnt, 0);
	return load;
}

size_t leat_load_footprint(const struct load_config *config)
{
	struct arena a = arena_at(NULL);
	char text[PROG_WHY_MAX];

	if (leat_load_config_error(config, text, sizeof(text)))
		return 0;
	cut(&a, config);
	return arena_used(&a);
}

/* Numbers of this load: the plan's that are phase modulo stride. */
static void set_next(struct load *load, uint64_t number)
{
	load->next = number;
	if (load->config.model == LOAD_MODEL_OPEN && number < load->plan_cnt)
		load->next_at = load->start_at + leat_load_plan_at(&load->config.plan, number);
}

/* skip_below counts all below number as not begun. */
static void skip_below(struct load *load, uint64_t number, enum load_skip why)
{
	uint64_t stride = load->config.stride, cnt;

	if (load->next >= number)
		return;
	cnt = (number - load->next + stride - 1) / stride;
	load->counters.planned += cnt;
	load->counters.not_started[why] += cnt;
	set_next(load, load->next + cnt * stride);
}

/* due is how many of the whole plan are due by an instant. */
static uint64_t due(const struct load *load, uint64_t at)
{
	return at <= load->start_at ? 0
				    : leat_load_plan_due(&load->config.plan, at - load->start_at);
}

/* skip_late gives up what should have begun longer than late_max_ns ago. */
static void skip_late(struct load *load, uint64_t now)
{
	if (load->next >= load->plan_cnt || now - load->next_at <= load->config.late_max_ns ||
		now < load->next_at)
		return;
	skip_below(load, due(load, now - load->config.late_max_ns), load->blocked);
}

/* may_open: is one more to begin now? */
static bool may_open(struct load *load, uint64_t now)
{
	const struct load_config *c = &load->config;

	if (load->next >= load->plan_cnt || now < load->start_at)
		return false;
	if (c->model == LOAD_MODEL_CLOSED)
		return load->counters.in_flight <
		       leat_load_plan_held(&c->plan, load->held, now - load->start_at);
	if (now < load->next_at)
		return false;
	if (load->free_head == LOAD_NONE)
		load->blocked = LOAD_SKIP_LIMIT;
	return load->free_head != LOAD_NONE;
}

static void begin_due(struct load *load, struct leat_stack *s)
{
	uint64_t now = leat_now(s);

	if (load->start_at == TIME_NEVER && !load->config.wait_start)
		leat_load_start(load, now);
	if (load->stopped || load->start_at == TIME_NEVER)
		return;
	if (load->config.model == LOAD_MODEL_OPEN)
		skip_late(load, now);
	else if (now >= load->end_at)
		load->plan_cnt = load->next; /* the plan is over */
	if (now < load->retry_at)
		return;
	for (uint32_t i = 0; i < load->config.open_max && may_open(load, now); i++) {
		if (!leat_load_open(load, s)) {
			load->retry_at = now + LOAD_RETRY_NS;
			return;
		}
		set_next(load, load->next + load->config.stride);
		load->blocked = LOAD_SKIP_LATE;
	}
}

/* tell_slice tells a few more that the load stops: no turn gets long by it. */
static void tell_slice(struct load *load, struct leat_stack *s)
{
	uint32_t to = u32_min(load->told + LOAD_STOP_MAX, load->config.conn_cnt);

	for (; load->told < to; load->told++)
		leat_load_told(load, s, &load->conn[load->told]);
}

/* look_held notes how many are in flight, LOAD_HELD_NS after the look before: nothing changes while
 * no turn is made, so that a turn that comes late is as many looks. */
static void look_held(struct load *load, uint64_t now)
{
	const struct load_config *c = &load->config;
	struct load_counters *n = &load->counters;
	bool begins = n->held_looks == 0;

	if (load->next >= load->plan_cnt || load->start_at == TIME_NEVER ||
		now < load->start_at + c->plan.ramp_ns)
		return;
	if (begins && c->model == LOAD_MODEL_CLOSED && n->in_flight != load->held)
		return;
	if (begins) {
		load->held_at = now;
		n->held_min = UINT32_MAX;
	}
	if (now < load->held_at)
		return;
	uint64_t looks = (now - load->held_at) / LOAD_HELD_NS + 1;

	load->held_at += looks * LOAD_HELD_NS;
	n->held_looks += looks;
	n->held_min = u32_min(n->held_min, n->in_flight);
	n->held_max = u32_max(n->held_max, n->in_flight);
}

static void on_turn(void *arg, struct leat_stack *s)
{
	struct load *load = arg;
	uint32_t id[LOAD_TURN_MAX], cnt;

	cnt = leat_timer_ring_expire(load->timeout, leat_now(s), id, LOAD_TURN_MAX);
	for (uint32_t i = 0; i < cnt; i++)
		leat_load_fail(load, s, &load->conn[id[i]], leat_load_late(&load->conn[id[i]]));
	cnt = leat_timer_wheel_expire(load->pause, leat_now(s), id, LOAD_TURN_MAX);
	for (uint32_t i = 0; i < cnt; i++)
		leat_load_resume(load, s, &load->conn[id[i]]);
	if (load->stopped) {
		tell_slice(load, s);
	} else {
		begin_due(load, s);
		look_held(load, leat_now(s));
	}
	if (load->prog) {
		load->counters.octets_in = load->env.octets_in;
		load->counters.octets_out = load->env.octets_out;
	}
}

static void on_drain(void *arg, struct leat_stack *s)
{
	struct load *load = arg;

	/* What was due and could not begin until now never will. */
	if (!load->stopped && load->config.model == LOAD_MODEL_OPEN && load->start_at != TIME_NEVER)
		skip_below(load, due(load, leat_now(s)), LOAD_SKIP_STOPPED);
	leat_load_stop(load);
}

struct load *leat_load_new(void *mem, const struct load_config *config)
{
	struct arena a = arena_at(mem);
	struct load *load = cut(&a, config);
	char why[PROG_WHY_MAX];

	load->app = (struct leat_app){
		.arg = load, .event = leat_load_event, .turn = on_turn, .drain = on_drain};
	for (uint32_t i = 0; i < config->conn_cnt; i++)
		load->conn[i] = (struct load_conn){
			.next_free = i + 1 < config->conn_cnt ? i + 1 : LOAD_NONE};
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++)
		leat_hist_clear(&load->hist[i]);
	leat_prog_fill(load->pattern);
	if (load->prog) {
		bool good = compile(config, load->prog, why, sizeof(why));
		ASSERT(good); /* or the footprint was 0 */
		load->env = (struct prog_env){.prog = load->prog,
			.pattern = load->pattern,
			.seed = config->seed,
			.verify = config->verify};
	}
	leat_load_http_make(load);
	load->tries = (uint32_t)u64_min(LOAD_TRIES,
		config->local_cnt * leat_load_pairs(config->target, config->target_cnt));
	load->start_at = load->end_at = TIME_NEVER;
	load->blocked = LOAD_SKIP_LATE;
	load->held = config->conn_cnt;
	load->plan_cnt = config->model == LOAD_MODEL_OPEN ? leat_load_plan_cnt(&config->plan)
			 : config->plan.total             ? config->plan.total
							  : UINT64_MAX;
	load->next = config->phase;
	return load;
}

const struct leat_app *leat_load_app(const struct load *load)
{
	return &load->app;
}

void leat_load_start(struct load *load, uint64_t at)
{
	const struct load_plan *plan = &load->config.plan;

	ASSERT(load->start_at == TIME_NEVER);
	load->start_at = at;
	if (plan->duration_ns != 0)
		load->end_at = at + plan->ramp_ns + plan->duration_ns;
	set_next(load, load->next);
}

void leat_load_change(struct load *load, uint64_t from_ns, uint64_t rate_milli)
{
	struct load_plan *plan = &load->config.plan;

	if (load->config.model != LOAD_MODEL_OPEN || load->start_at == TIME_NEVER ||
		!leat_load_plan_change(plan, from_ns, rate_milli))
		return;
	load->plan_cnt = leat_load_plan_cnt(plan);
	set_next(load, load->next);
}

void leat_load_hold(struct load *load, uint32_t cnt)
{
	load->held = u32_min(cnt, load->config.conn_cnt);
	/* What is told of it is how it is from now on. */
	load->counters.held_min = load->counters.held_max = 0;
	load->counters.held_looks = 0;
}

void leat_load_stop(struct load *load)
{
	load->stopped = true;
}

bool leat_load_done(const struct load *load)
{
	return load->counters.in_flight == 0 && (load->stopped || load->next >= load->plan_cnt);
}

void leat_load_cut(struct load *load, struct leat_stack *s, bool by_choice)
{
	on_drain(load, s);
	for (uint32_t i = 0; i < load->config.conn_cnt; i++) {
		struct load_conn *c = &load->conn[i];

		if (c->phase == LOAD_PH_FREE)
			continue;
		c->short_cut = by_choice;
		if (by_choice)
			leat_load_reset(load, s, c);
		else
			leat_load_fail(load, s, c, LOAD_FAIL_CUT);
	}
}

const struct load_counters *leat_load_counters(const struct load *load)
{
	return &load->counters;
}

uint64_t leat_load_last(const struct load *load)
{
	return load->last_at;
}

const struct hist *leat_load_hist(const struct load *load, enum load_hist which)
{
	return &load->hist[which];
}
