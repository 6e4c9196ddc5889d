/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"
#include "reach.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX     UINT64_C(400000000)
#define BOUND_BASE     (900 * TIME_S)
#define HEADERS_OCTETS 134U /* Ethernet, IPv6, TCP with options */
#define MIX            UINT64_C(0x9fb21c651e98df25)
#define TIMERS_MAX     4096
#define SAME_INSTANT   2000000 /* events without time passing: the world is stuck */

static struct sim_world *running; /* for the handler of SIGABRT */

_Noreturn void leat_sim_fail(struct sim_world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, sizeof(w->why), format, args);
	va_end(args);
	siglongjmp(w->failed, 1);
}

/* A failed assertion of the product fails this run only; its line is on stderr. */
static void on_abort(int sig)
{
	(void)sig;
	siglongjmp(running->failed, 2);
}

/* ---- the digest ---- */

void leat_sim_digest(struct sim_world *w, uint64_t word)
{
	w->digest = rotl64((w->digest ^ word) * MIX, 29);
}

void leat_sim_digest_octets(struct sim_world *w, const uint8_t *data, uint32_t octets)
{
	uint64_t lane[4] = {1, 2, 3, 4};
	uint8_t rest[8] = {0};

	for (; octets >= 32; octets -= 32, data += 32)
		for (uint32_t i = 0; i < 4; i++)
			lane[i] = rotl64((lane[i] ^ be64_get(data + 8 * i)) * MIX, 29);
	for (uint32_t i = 0; i < 4; i++)
		leat_sim_digest(w, lane[i]);
	for (; octets >= 8; octets -= 8, data += 8)
		leat_sim_digest(w, be64_get(data));
	memcpy(rest, data, octets);
	leat_sim_digest(w, be64_get(rest) ^ octets);
}

/* ---- the queue of events: a heap by (instant, order) ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_swap(struct sim_world *w, uint32_t a, uint32_t b)
{
	struct sim_event e = w->heap[a];

	w->heap[a] = w->heap[b];
	w->heap[b] = e;
}

void leat_sim_at(struct sim_world *w, struct sim_event event)
{
	if (w->heap_cnt == w->heap_max) {
		w->heap_max = w->heap_max ? 2 * w->heap_max : 256;
		w->heap = realloc(w->heap, w->heap_max * sizeof(*w->heap));
		ASSERT(w->heap != NULL);
	}
	/* At one instant the order is by chance: any may come first. */
	event.order = leat_prng_next(&w->prng) << 32 | (w->order++ & UINT32_MAX);
	uint32_t at = w->heap_cnt++;
	w->heap[at] = event;
	while (at > 0 && before(&w->heap[at], &w->heap[(at - 1) / 2])) {
		heap_swap(w, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static struct sim_event heap_take(struct sim_world *w)
{
	struct sim_event first = w->heap[0];
	uint32_t at = 0;

	w->heap[0] = w->heap[--w->heap_cnt];
	for (;;) {
		uint32_t least = at;

		for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < w->heap_cnt && before(&w->heap[child], &w->heap[least]))
				least = child;
		if (least == at)
			return first;
		heap_swap(w, at, least);
		at = least;
	}
}

/* ---- a world ---- */

static void watch_begin(struct sim_world *w)
{
	struct watch_config c = {.raw_ip = w->plan.raw_ip, .iss_forced = w->plan.iss_forced};

	c.may_lose = w->plan.resolve;
	c.prompt = !w->plan.resolve &&
		   (w->plan.style < SIM_STYLE_FAMINE || w->plan.style == SIM_STYLE_FLAP);
	for (uint32_t i = 0; i < w->plan.fault_cnt; i++)
		c.forged |= w->plan.fault[i].kind == SIM_FAULT_FORGE;
	c.host_cnt = w->plan.host_cnt;
	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		c.cookies |= w->plan.host[h].config.knobs.syn_cookies != TCP_COOKIES_OFF;
		struct watch_host *host = &c.host[h];

		c.mtu = u32_max(c.mtu, w->plan.host[h].config.link.mtu);
		memcpy(host->mac, w->host[h].mac.octet, sizeof(host->mac));
		host->addr[host->addr_cnt++] =
			(struct watch_addr){w->host[h].addr.hi, w->host[h].addr.lo};
		for (uint32_t s = 0; s < w->plan.host[h].shards; s++) {
			struct ip a = leat_sim_host_addr(w, h, s);

			host->addr[host->addr_cnt++] = (struct watch_addr){a.hi, a.lo};
		}
	}
	w->watch = leat_sim_watch_new(&c);
}

struct sim_world *leat_sim_world_new(const struct sim_plan *plan)
{
	struct sim_world *w = calloc(1, sizeof(*w));
	uint64_t msl = TIME_NEVER;

	ASSERT(w != NULL);
	w->plan = *plan;
	leat_prng_seed(&w->prng, plan->seed ^ UINT64_C(0x776f726c64));
	w->now = plan->epoch;
	w->calm_at = plan->epoch + plan->faults_until;
	w->digest = plan->seed;
	for (uint32_t h = 0; h < plan->host_cnt; h++) {
		const struct stack_config *c = &plan->host[h].config;

		msl = u64_min(msl, c->knobs.two_msl_ns / 2);
		w->buf_octets = u32_max(w->buf_octets, c->link.mtu + 64U);
		w->buf_octets = u32_max(w->buf_octets, c->knobs.rbuf_octets + HEADERS_OCTETS);
	}
	w->msl = msl;
	w->timers_max = TIMERS_MAX;
	w->end = calloc(SIM_END_MAX, sizeof(*w->end));
	ASSERT(w->end != NULL);
	return w;
}

void leat_sim_world_free(struct sim_world *w)
{
	for (uint32_t h = 0; h < SIM_HOST_MAX; h++) {
		for (uint32_t s = 0; s < SIM_SHARD_MAX; s++) {
			free(w->host[h].shard[s].mem);
			free(w->host[h].shard[s].shadow);
			free(w->host[h].shard[s].rest);
		}
		if (w->pcap[h])
			fclose(w->pcap[h]);
	}
	for (uint32_t i = 0; i < w->slab_cnt; i++)
		free(w->slab[i]);
	free(w->slab);
	free(w->heap);
	free(w->end);
	leat_sim_watch_free(w->watch);
	free(w);
}

/* ---- a run ---- */

static void begin(struct sim_world *w)
{
	leat_sim_work_init(w);
	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		w->host[h].mac = (struct mac){{2, 0, 0, 0, 0, (uint8_t)(h + 1)}};
		w->host[h].plan = &w->plan.host[h];
	}
	for (uint32_t h = 0; h < w->plan.host_cnt; h++)
		leat_sim_host_start(w, h);
	watch_begin(w);
	for (uint32_t i = 0; i < w->plan.flow_cnt; i++) {
		if (!(w->plan.flow_mask >> i & 1))
			continue;
		w->outcome[i].left = w->plan.flow[i].repeat;
		leat_sim_at(w, (struct sim_event){.at = w->now + w->plan.flow[i].start,
				       .kind = SIM_EVENT_FLOW,
				       .arg = i});
	}
	leat_sim_fault_init(w);
}

static void happen(struct sim_world *w, const struct sim_event *e)
{
	switch (e->kind) {
	case SIM_EVENT_FRAME:
		leat_sim_host_receive(w, e->host, e->buf);
		break;
	case SIM_EVENT_POLL:
		if (w->host[e->host].shard[e->shard].poll_at != e->at)
			break; /* a restart or an earlier poll took its place */
		w->host[e->host].shard[e->shard].poll_at = TIME_NEVER;
		leat_sim_host_poll(w, e->host, e->shard);
		break;
	case SIM_EVENT_END:
		leat_sim_work_go(w, e->arg);
		break;
	case SIM_EVENT_FLOW:
		leat_sim_work_open(w, e->arg);
		break;
	case SIM_EVENT_FAULT_ON:
		leat_sim_fault_on(w, e->arg);
		break;
	case SIM_EVENT_FAULT_OFF:
		leat_sim_fault_off(w, e->arg);
		break;
	case SIM_EVENT_NOISE:
		leat_sim_noise(w, e->arg);
		break;
	case SIM_EVENT_QUIET: /* unless it was restarted once more in the meantime */
		if (w->host[e->host].quiet_until == e->at)
			leat_sim_host_start(w, e->host);
		break;
	case SIM_EVENT_LISTEN:
		if (!w->silent)
			leat_sim_work_listen(w, e->host, e->shard);
		break;
	}
}

static uint64_t next_deadline(const struct sim_world *w, uint32_t *host, uint32_t *shard)
{
	uint64_t at = TIME_NEVER;

	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		for (uint32_t s = 0; s < w->plan.host[h].shards; s++) {
			uint64_t due = leat_sim_host_deadline(w, h, s);

			if (due >= at)
				continue;
			at = due;
			*host = h;
			*shard = s;
		}
	}
	return at;
}

/* run_until lets everything happen up to an instant; false: there is nothing left to happen. */
static bool run_until(struct sim_world *w, uint64_t until)
{
	uint32_t same = 0;

	for (;;) {
		uint32_t host = 0, shard = 0;
		uint64_t due = next_deadline(w, &host, &shard);
		uint64_t at = w->heap_cnt > 0 ? w->heap[0].at : TIME_NEVER;
		uint64_t next = u64_min(due, at);

		if (next == TIME_NEVER)
			return false;
		if (next > until)
			break;
		same = next > w->now ? 0 : same + 1;
		if (same > SAME_INSTANT || ++w->stats.events > EVENTS_MAX)
			leat_sim_fail(w, "26 events without end");
		w->now = u64_max(w->now, next);
		if (due < at) {
			leat_sim_host_poll(w, host, shard);
		} else {
			struct sim_event e = heap_take(w);

			happen(w, &e);
		}
	}
	w->now = until;
	return true;
}

/* 27: everything comes to its end within the limits of R2, the timers and the work to do. */
static uint64_t bound(const struct sim_world *w)
{
	uint64_t most = BOUND_BASE;

	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		const struct tcp_knobs *k = &w->plan.host[h].config.knobs;

		most = u64_max(most, BOUND_BASE + 2 * (k->r2_ns + k->r2_syn_ns) + k->fin_wait_2_ns +
					     4 * k->two_msl_ns);
	}
	return most;
}

static void play(struct sim_world *w)
{
	begin(w);
	run_until(w, w->calm_at);
	w->now = u64_max(w->now, w->calm_at);
	w->calm = true;
	leat_sim_work_calm(w);
	if (run_until(w, w->now + bound(w))) {
		leat_sim_work_overdue(w);
		if (run_until(w, w->now + bound(w)))
			leat_sim_fail(w, "28 something still moves after everything was closed");
	}
	w->silent = true;
	leat_sim_work_finish(w);
	if (run_until(w, w->now + bound(w)))
		leat_sim_fail(w, "26 something moves in the silence");
	leat_sim_check_end(w);
	if (!leat_twin_end(w->twin))
		leat_sim_fail(w, "34 the fast path makes a difference");
}

/* By its name, so that a row more in a table changes nothing. */
static void digest_count(struct sim_world *w, const char *name, uint64_t count)
{
	if (count == 0)
		return;
	leat_sim_digest_octets(w, (const uint8_t *)name, (uint32_t)strlen(name));
	leat_sim_digest(w, count);
}

static void sum_up(struct sim_world *w, struct sim_result *r)
{
	const struct watch_counters *c = leat_sim_watch_counters(w->watch);

	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		for (uint32_t s = 0; s < w->plan.host[h].shards; s++) {
			struct leat_stack *stack = w->host[h].shard[s].stack;

			if (!stack)
				continue;
			leat_reach_stack(stack);
			r->stats.narrowed += leat_stack_tcp(stack)->icmp_narrowed;
			r->stats.segments += leat_stack_counters(stack)->segments;
			r->stats.fast += leat_stack_tcp(stack)->fast;
			for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
				r->arrow[i] += leat_stack_tcp(stack)->arrow[i];
			for (uint32_t i = 0; i < TCP_V_CNT; i++)
				r->verdict[i] += leat_stack_tcp(stack)->verdict[i];
			for (uint32_t i = 0; i < WIRE_V_CNT; i++)
				r->wire[i] += leat_stack_counters(stack)->wire[i];
		}
	}
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		digest_count(w, leat_tcp_arrow_name((enum tcp_arrow)i), r->arrow[i]);
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		digest_count(w, leat_tcp_verdict_name((enum tcp_verdict)i), r->verdict[i]);
	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		digest_count(w, leat_wire_verdict_name((enum wire_verdict)i), r->wire[i]);
	leat_sim_digest(w, c->sent ^ c->arrived << 32);
	leat_sim_digest(w, w->now);
	leat_sim_digest(w, w->event_cnt);
	r->digest = w->digest;
}

/* The state of all there is, as it was when it failed. */
static void dump(struct sim_world *w)
{
	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		for (uint32_t i = 0; i < w->plan.host[h].shards; i++) {
			fprintf(w->trace, "host %u, shard %u:\n", h, i);
			if (w->host[h].shard[i].stack)
				leat_stack_dump(w->host[h].shard[i].stack, w->trace);
		}
	}
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		const struct sim_end *e = &w->end[i];

		if (e->used)
			fprintf(w->trace,
				"end %u of flow %d at host %u, ports %u and %u: wrote %u, read "
				"%u\n",
				i, (int)e->flow, e->host, e->local.port, e->remote.port,
				(uint32_t)e->tx_done, (uint32_t)e->rx_done);
	}
}

static void run(struct sim_world *w, struct sim_result *result)
{
	struct sigaction act = {.sa_handler = on_abort}, old;

	memset(result, 0, sizeof(*result));
	running = w;
	sigaction(SIGABRT, &act, &old);
	int failed = sigsetjmp(w->failed, 1);
	if (failed == 0)
		play(w);
	if (failed == 2 && w->why[0] == '\0')
		snprintf(w->why, sizeof(w->why), "an assertion of the product, see stderr");
	sigaction(SIGABRT, &old, NULL);
	result->failed = failed != 0;
	if (result->failed && w->trace)
		dump(w);
	memcpy(result->why, w->why, sizeof(result->why));
	result->ended_at = w->now - w->plan.epoch;
	result->stats = w->stats;
	result->last_at = w->last_at;
	result->least_rx = w->least_rx;
	result->strangers = w->strangers;
	if (!result->failed)
		sum_up(w, result);
}

#define ORACLE_EVERY 3 /* seeds of so many are also compared with the oracle of TIME-WAIT */

static void knobs_of(const struct twin *twin, struct stack_config *config)
{
	leat_twin_knobs(twin, &config->knobs);
	leat_twin_limits(twin, &config->tcp);
}

/* The same world once more, with what is compared or without. */
static void run_again(const struct sim_world *w, struct sim_result *result)
{
	struct sim_meddling meddling = {.cnt = 0};
	struct sim_plan *plan = malloc(sizeof(*plan));

	ASSERT(plan != NULL);
	*plan = w->plan;
	for (uint32_t h = 0; h < plan->host_cnt; h++)
		knobs_of(w->twin, &plan->host[h].config);
	struct sim_world *other = leat_sim_world_new(plan);
	if (w->meddling) {
		meddling = *w->meddling;
		meddling.seen = meddling.allocated = 0;
		other->meddling = &meddling;
	}
	other->twin = w->twin;
	run(other, result);
	leat_sim_world_free(other);
	free(plan);
}

static void compare(struct sim_world *w, struct sim_result *result)
{
	struct sim_result other;

	leat_twin_again(w->twin);
	run_again(w, &other);
	/* Handles are in the digest, and with the oracle they are other ones. */
	bool same = w->twin->oracle || other.digest == result->digest;

	if (!w->twin->differs && !other.failed && same)
		return;
	result->failed = true;
	if (!w->twin->differs) {
		snprintf(result->why, sizeof(result->why),
			"34 %s makes a difference (only without it: %.180s)",
			leat_twin_name(w->twin), other.failed ? other.why : "another digest");
		return;
	}
	leat_twin_where(w->twin);
	run_again(w, &other);
	snprintf(result->why, sizeof(result->why), "34 %s makes a difference (%.190s)",
		leat_twin_name(w->twin), w->twin->why);
}

/* And with TIME-WAIT as records, and as control blocks: for that it has to begin anew, as both runs
 * have other limits than the first. */
static void compare_oracle(struct sim_world *w, struct sim_result *result)
{
	struct sim_result first;

	w->twin->oracle = true;
	leat_twin_begin(w->twin);
	run_again(w, &first);
	if (first.failed) {
		result->failed = true;
		snprintf(result->why, sizeof(result->why), "%s", first.why);
		return;
	}
	compare(w, result);
}

void leat_sim_world_run(struct sim_world *w, struct sim_result *result)
{
	static struct twin twin;

	w->twin = &twin;
	twin.part = TWIN_OFF;
	twin.oracle = false;
	twin.spoil = w->spoil;
	if (!w->once)
		leat_twin_begin(&twin);
	run(w, result);
	if (!w->once && !result->failed)
		compare(w, result);
	if (!w->once && !result->failed && w->plan.seed % ORACLE_EVERY == 0)
		compare_oracle(w, result);
}
