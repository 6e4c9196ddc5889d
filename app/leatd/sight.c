/* SPDX-License-Identifier: BSD-3-Clause */
#include "sight.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"
#include "base_time.h"
#include "device.h"
#include "telemetry.h"

#include <rte_mempool.h>
#include <rte_version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUE_CNT    60  /* parts of 2MSL by which its ends are told */
#define WALK_LOOK  128 /* control blocks of a step */
#define POOL_LOW   20  /* one in so many buffers free is too few */
#define FOR_MAX_NS (120 * TIME_S)

STATIC_ASSERT((uint32_t)WATCH_STAGE_CNT == SHARD_STAGE_CNT, "a cell for each stage");
STATIC_ASSERT((uint32_t)WATCH_TURN_CNT == SHARD_TURN_CNT, "a cell for each place of a turn");
STATIC_ASSERT(WATCH_TURN_SHIFT == SHARD_TURN_SHIFT, "the same places");
STATIC_ASSERT(WATCH_SHARD_MAX == SHARD_MAX, "a row for each shard");
STATIC_ASSERT((uint32_t)WATCH_FAIL_CNT >= LOAD_FAIL_CNT, "a cell for each failure");
STATIC_ASSERT((uint32_t)WATCH_SKIP_CNT >= LOAD_SKIP_CNT, "a cell for each reason not to begin");

static bool take(void *arg, struct watch_snapshot *out)
{
	return leat_sight_take(arg, FOR_MAX_NS, out);
}

/* show gives it to who asks from outside. */
static void show(struct sight *s, const struct opt_metrics *m)
{
	const struct metrics_source source = {
		.arg = s, .take = take, .ready = leat_sight_ready, .lives = leat_sight_lives};
	const char *open = strchr(m->address, ':') != NULL ? "[" : "", *close = *open ? "]" : "";
	char why[METRICS_WHY_MAX];

	leat_telemetry_start(s);
	if (m->off)
		return;
	s->server = leat_metrics_start(
		m->address, m->port, &s->config.plane->eal.allowed, &source, why);
	if (s->server != NULL) {
		snprintf(s->where, sizeof(s->where), "http://%s%s%s:%u/metrics", open, m->address,
			close, m->port);
		return;
	}
	snprintf(s->where, sizeof(s->where), "none: %s%s%s:%u: %s; --metrics ADDR:PORT, or off",
		open, m->address, close, m->port, why);
	if (m->given)
		leat_log(LOG_LV_WARN, "leatd", "metrics: %s", s->where);
}

void leat_sight_open(struct sight *s, const struct sight_config *config)
{
	const struct plane *p = config->plane;

	*s = (struct sight){.config = *config, .clock = p->clock, .rate_milli = config->rate_milli};
	if (config->serve != NULL) {
		s->config.name = config->serve->name;
		s->config.two_msl_ns = config->serve->time_wait_ns;
		s->config.metrics = &config->serve->metrics;
		s->config.evicts = config->serve->tcp.full == OPT_TCP_FULL_EVICT;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->opened_at = shard_clock_read(&s->clock);
	s->last = calloc(1, sizeof(*s->last));
	s->shard = aligned_alloc(CACHE_LINE, p->shard_cnt * sizeof(*s->shard));
	if (s->shard == NULL || s->last == NULL) {
		leat_log(
			LOG_LV_WARN, "leatd", "no memory for what others may see of this instance");
		free(s->shard);
		s->shard = NULL;
		return;
	}
	memset(s->shard, 0, p->shard_cnt * sizeof(*s->shard));
	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		leat_shard_mail_init(&s->shard[i].box);
		leat_shard_box(p->shard[i].shard, &s->shard[i].box);
	}
	config->plane->sight = s;
	show(s, s->config.metrics);
}

void leat_sight_load(struct sight *s, uint32_t i, const struct load *load)
{
	pthread_mutex_lock(&s->lock);
	if (s->shard != NULL)
		s->shard[i].load = load;
	pthread_mutex_unlock(&s->lock);
}

static void fold(uint64_t octave[HIST_OCTAVE_CNT], const struct hist *h)
{
	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++) {
		octave[i] = 0;
		for (uint32_t k = 0; k < HIST_HALF; k++)
			octave[i] += h->cnt[i * HIST_HALF + k];
	}
}

/* copy_load runs on the shard's lcore. */
static void copy_load(void *arg)
{
	struct sight_shard *s = arg;
	const struct load_counters *c = leat_load_counters(s->load);
	const struct hist *connect = leat_load_hist(s->load, LOAD_HIST_CONNECT);
	const struct hist *response = leat_load_hist(s->load, LOAD_HIST_RESPONSE);
	const uint64_t number[WATCH_L_CNT] = {[WATCH_L_PLANNED] = c->planned,
		[WATCH_L_STARTED] = c->started,
		[WATCH_L_LATE] = c->late,
		[WATCH_L_CONNECTED] = c->connected,
		[WATCH_L_COMPLETED] = c->completed,
		[WATCH_L_FAILED] = leat_load_failed(c),
		[WATCH_L_NOT_STARTED] = leat_load_not_started(c),
		[WATCH_L_IN_FLIGHT] = c->in_flight,
		[WATCH_L_CONNECT_NS] = connect->sum_ns,
		[WATCH_L_RESPONSE_NS] = response->sum_ns};

	memcpy(s->copy.number, number, sizeof(number));
	memcpy(s->copy.failed, c->failed, sizeof(c->failed));
	memcpy(s->copy.skipped, c->not_started, sizeof(c->not_started));
	fold(s->copy.connect, connect);
	fold(s->copy.response, response);
}

/* ---- asking ---- */

static void ask(struct sight_shard *sh, uint64_t for_ns)
{
	if (sh->owed)
		return;
	sh->look.for_ns = u64_min(for_ns, FOR_MAX_NS);
	sh->look.also = sh->load != NULL ? copy_load : NULL;
	sh->look.arg = sh;
	atomic_store_explicit(&sh->look.answered, false, memory_order_relaxed);
	sh->owed = leat_shard_mail_put(&sh->box, (struct shard_letter){SHARD_MAIL_LOOK, &sh->look});
}

/* step runs on the shard's lcore. */
static bool step(void *arg, struct leat_stack *stack, uint64_t now)
{
	struct sight_walk *w = arg;

	if (w->cursor == 0) {
		w->gauge = (struct stack_gauge){.ends.until_cnt = DUE_CNT};
		for (uint32_t i = 0; i < DUE_CNT; i++)
			w->gauge.ends.until[i] = now + (i + 1) * w->width_ns;
	}
	return leat_stack_gauge(stack, &w->cursor, WALK_LOOK, &w->gauge);
}

static void ask_walk(struct sight_shard *sh, uint64_t two_msl_ns)
{
	if (sh->walk_owed)
		return;
	sh->walk.cursor = 0;
	sh->walk.width_ns = u64_max(two_msl_ns / DUE_CNT, 1);
	sh->walk.walk = (struct shard_walk){.step = step, .arg = &sh->walk};
	sh->walk_owed = leat_shard_mail_put(
		&sh->box, (struct shard_letter){SHARD_MAIL_WALK, &sh->walk.walk});
}

/* await waits until shard i has answered; false: it stands still, or nobody is to wait. */
static bool await(struct sight *s, uint32_t i, const atomic_bool *answered)
{
	return leat_plane_heard(s->config.plane, i, answered, &s->stop, s->clock);
}

/* ---- filling ---- */

static void copy(uint64_t *cell, const uint64_t *from, uint32_t cnt)
{
	memcpy(cell, from, cnt * sizeof(*cell));
}

static void fill_walk(uint64_t *cell, const struct sight_walk *l)
{
	copy(cell + WATCH_OLDEST, l->gauge.oldest_ns, TCP_ST_CNT);
	cell[WATCH_C_PERSISTS] = l->gauge.persist_cnt;
	cell[WATCH_C_UNHEARD] = l->gauge.unheard_cnt;
	for (uint32_t i = 0; i < WATCH_DUE_CNT; i++)
		cell[WATCH_DUE + i] = l->gauge.ends.cnt[i];
}

static void fill_load(uint64_t *cell, const struct sight_load *l)
{
	copy(cell + WATCH_LOAD, l->number, WATCH_LOAD_CNT);
	copy(cell + WATCH_FAIL, l->failed, WATCH_FAIL_CNT);
	copy(cell + WATCH_SKIP, l->skipped, WATCH_SKIP_CNT);
	copy(cell + WATCH_CONNECT, l->connect, HIST_OCTAVE_CNT);
	copy(cell + WATCH_RESPONSE, l->response, HIST_OCTAVE_CNT);
}

static void fill_shard(uint64_t *cell, const struct sight_shard *sh)
{
	const struct shard_look *l = &sh->look;
	struct stack_outcome o[STACK_OUTCOME_MAX];
	uint32_t cnt = leat_stack_time_wait(&l->counts.stack, &l->counts.tcp, o);

#define CELL(NAME, name, from) cell[WATCH_C_##NAME] = (from);
#define PEAK                   CELL
#include "watch_cell.def"
#undef PEAK
#undef CELL
	cell[WATCH_C_ROLE] = sh->load != NULL ? WATCH_CLIENT : WATCH_SERVER;
	copy(cell + WATCH_WIRE, l->counts.stack.wire, WIRE_V_CNT);
	copy(cell + WATCH_SEGMENT, l->counts.tcp.verdict, TCP_V_CNT);
	copy(cell + WATCH_ARROW, l->counts.tcp.arrow, TCP_ARROW_CNT);
	copy(cell + WATCH_ENDED, l->counts.tcp.ended, TCP_END_CNT);
	for (uint32_t i = 0; i < cnt; i++)
		cell[WATCH_OUTCOME + i] = o[i].cnt;
	for (uint32_t i = TCP_ST_CLOSED; i < TCP_ST_CNT; i++)
		cell[WATCH_PRESENT + i] = l->counts.tcp.present[i];
	copy(cell + WATCH_TW_LATE, l->counts.tcp.time_wait_late, HIST_OCTAVE_CNT);
	copy(cell + WATCH_TIMER_LATE, l->counts.tcp.timer_late, HIST_OCTAVE_CNT);
	copy(cell + WATCH_STAGE, l->stages.ns, WATCH_STAGE_CNT);
	copy(cell + WATCH_TURN, l->stages.turn, WATCH_TURN_CNT);
	if (sh->load != NULL)
		fill_load(cell, &sh->copy);
}

static void fill_device(struct sight *s, uint64_t *head)
{
	bool up = true;

	if (s->off)
		return;
	for (uint32_t i = 0; i < WATCH_HEAD_CNT; i++)
		head[i] = i >= WATCH_H_RX_OCTETS ? 0 : head[i];
	for (uint32_t i = 0; i < SIGHT_PORT_MAX && s->config.port[i] != NULL; i++) {
		struct nic_port_stats st = leat_nic_port_stats(s->config.port[i]);

		up &= leat_nic_port_link(s->config.port[i]).up;
		head[WATCH_H_RX_OCTETS] += st.rx_octets;
		head[WATCH_H_RX_PACKETS] += st.rx_frames;
		head[WATCH_H_RX_MISSED] += st.rx_missed;
		head[WATCH_H_RX_NO_BUF] += st.rx_no_mbuf;
		head[WATCH_H_RX_ERRORS] += st.rx_errors;
		head[WATCH_H_TX_OCTETS] += st.tx_octets;
		head[WATCH_H_TX_PACKETS] += st.tx_frames;
		head[WATCH_H_TX_ERRORS] += st.tx_errors;
	}
	head[WATCH_H_LINK_UP] = s->config.serve != NULL
					? leat_device_is_up(s->config.serve, s->config.port[0])
					: up;
}

static void fill_head(struct sight *s, uint64_t now)
{
	const struct sight_config *c = &s->config;
	const struct plane *p = c->plane;
	uint64_t *head = s->last->head;

	snprintf(s->last->name, WATCH_TEXT_MAX, "%s", c->name);
	snprintf(s->last->verb, WATCH_TEXT_MAX, "%s", c->verb);
	snprintf(s->last->version, WATCH_TEXT_MAX, "%s", LEAT_VERSION);
	snprintf(s->last->dpdk, WATCH_TEXT_MAX, "%s", rte_version());
	if (c->port[0] != NULL)
		snprintf(s->last->device, WATCH_TEXT_MAX, "%s", c->port[0]->name);
	head[WATCH_H_UP_NS] = now - s->opened_at;
	head[WATCH_H_WALL_NS] = leat_shard_clock_wall_ns();
	head[WATCH_H_TWO_MSL_NS] = c->two_msl_ns;
	head[WATCH_H_DUE_WIDTH_NS] = u64_max(c->two_msl_ns / DUE_CNT, 1);
	head[WATCH_H_POOL_SIZE] = p->pool->size;
	head[WATCH_H_POOL_FREE] = rte_mempool_avail_count(p->pool);
	head[WATCH_H_DRAINING] = atomic_load(&s->draining);
	head[WATCH_H_STARTS_NS] = atomic_load(&s->starts_ns);
	head[WATCH_H_RATE_MILLI] = atomic_load(&s->rate_milli);
	head[WATCH_H_TUPLES] = c->tuples;
	head[WATCH_H_EVICTS] = c->evicts;
	head[WATCH_H_CONN_MAX] = head[WATCH_H_WAIT_MAX] = 0;
	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		head[WATCH_H_CONN_MAX] += p->shard[i].limits.tcb_max;
		head[WATCH_H_WAIT_MAX] += p->shard[i].limits.time_wait_max;
	}
	fill_device(s, head);
}

/* take_answers takes what shard i owes; false: it does not turn. */
static bool take_answers(struct sight *s, uint32_t i, bool wait_walk)
{
	struct sight_shard *sh = &s->shard[i];
	bool heard = sh->owed && await(s, i, &sh->look.answered);

	sh->owed &= !heard;
	if (heard)
		fill_shard(s->last->cell[i], sh);
	if (heard && wait_walk && sh->walk_owed)
		await(s, i, &sh->walk.walk.answered);
	if (sh->walk_owed && atomic_load_explicit(&sh->walk.walk.answered, memory_order_acquire)) {
		if (!sh->walk.walk.busy) /* with somebody else's */
			fill_walk(s->last->cell[i], &sh->walk);
		sh->walk_owed = false;
	}
	return heard;
}

/* fill_lately adds what the audit of each second remembers. */
static void fill_lately(uint64_t *cell, const struct audit *a, uint32_t i)
{
	cell[WATCH_C_LATELY_FULL] = leat_audit_lately(a, i, AUDIT_TIME_WAIT_FULL);
	cell[WATCH_C_LATELY_REJECTED] = leat_audit_lately(a, i, AUDIT_REUSE_REJECTED);
}

static void refresh(struct sight *s, uint64_t for_ns, uint64_t now)
{
	const struct plane *p = s->config.plane;
	bool walk = now >= s->walked_at + SIGHT_WALK_NS || s->walked_at == 0;

	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		ask(&s->shard[i], for_ns);
		if (walk)
			ask_walk(&s->shard[i], s->config.two_msl_ns);
	}
	s->last->shard_cnt = p->shard_cnt;
	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		bool heard = take_answers(s, i, s->walked_at == 0);

		s->last->cell[i][WATCH_C_CPU] = p->eal.cpu[p->shard[i].lcore_idx];
		s->last->cell[i][WATCH_C_SILENT] = !heard;
		s->last->cell[i][WATCH_C_PLACES] = p->shard[i].limits.time_wait_max;
		fill_lately(s->last->cell[i], &p->audit, i);
	}
	if (walk)
		s->walked_at = now;
	s->watched_until = u64_max(s->watched_until, now + u64_min(for_ns, FOR_MAX_NS));
	s->taken_at = shard_clock_read(&s->clock);
	fill_head(s, s->taken_at);
}

bool leat_sight_take(struct sight *s, uint64_t for_ns, struct watch_snapshot *out)
{
	if (s->shard == NULL || atomic_load(&s->stop))
		return false;
	pthread_mutex_lock(&s->lock);
	uint64_t now = shard_clock_read(&s->clock);

	/* One that is fresh will do, unless nobody measures stages as long as is wished. */
	if (s->taken_at == 0 || now >= s->taken_at + SIGHT_FRESH_NS ||
		now + u64_min(for_ns, FOR_MAX_NS) > s->watched_until + SIGHT_FRESH_NS)
		refresh(s, for_ns, now);
	*out = *s->last;
	pthread_mutex_unlock(&s->lock);
	return true;
}

void leat_sight_port(struct sight *s, bool on)
{
	pthread_mutex_lock(&s->lock);
	s->off = !on;
	pthread_mutex_unlock(&s->lock);
}

void leat_sight_rate(struct sight *s, uint64_t rate_milli)
{
	atomic_store(&s->rate_milli, rate_milli);
}

void leat_sight_starts(struct sight *s, uint64_t starts_ns)
{
	atomic_store(&s->starts_ns, starts_ns);
}

void leat_sight_drains(struct sight *s, bool drains)
{
	atomic_store(&s->draining, drains);
}

bool leat_sight_lives(const struct watch_snapshot *s)
{
	for (uint32_t i = 0; i < s->shard_cnt; i++)
		if (s->cell[i][WATCH_C_SILENT] != 0)
			return false;
	return true;
}

/* refuses says that a server has no place in TIME-WAIT for one more, or had none lately: one that
 * is still full turns away who comes, and who has just left room has no more of it. */
static bool refuses(const struct watch_snapshot *s)
{
	if (s->head[WATCH_H_EVICTS] != 0)
		return false;
	for (uint32_t i = 0; i < s->shard_cnt; i++) {
		const uint64_t *cell = s->cell[i];

		if (cell[WATCH_C_ROLE] == WATCH_SERVER && cell[WATCH_C_PLACES] != 0 &&
			(cell[WATCH_C_LATELY_FULL] != 0 ||
				cell[WATCH_PRESENT + TCP_ST_TIME_WAIT] >= cell[WATCH_C_PLACES]))
			return true;
	}
	return false;
}

bool leat_sight_ready(const struct watch_snapshot *s, const char **why)
{
	*why = s->head[WATCH_H_DRAINING] != 0  ? "draining"
	       : s->head[WATCH_H_LINK_UP] == 0 ? "link down"
	       : !leat_sight_lives(s)          ? "a shard does not turn"
	       : s->head[WATCH_H_POOL_FREE] < s->head[WATCH_H_POOL_SIZE] / POOL_LOW ? "buffers low"
	       : refuses(s) ? "TIME-WAIT full"
			    : NULL;
	return *why == NULL;
}

void leat_sight_stop(struct sight *s)
{
	atomic_store(&s->stop, true);
	leat_telemetry_stop();
	leat_metrics_stop(s->server);
	s->server = NULL;
	pthread_mutex_lock(&s->lock); /* whoever was at it is gone now */
	pthread_mutex_unlock(&s->lock);
}

void leat_sight_close(struct sight *s)
{
	free(s->shard);
	free(s->last);
	s->shard = NULL;
	s->last = NULL;
}
