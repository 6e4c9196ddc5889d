/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_modes.h"

#include "base_bits.h"
#include "base_time.h"

#include <inttypes.h>
#include <stdio.h>

/* Much of it: long streams, many connections, small tables, one bottleneck for all. */

#define FLOOR_RATE   1250000U
#define FLOOR_TEXT   (2U << 20)
#define FLOOR_BUF    (256U * 1024)
#define FLOOR_SHARED 850U
#define BULK_TEXT    10000000U
#define SLOW_TEXT    5000U
#define CHURN_CNT    10000U
#define CHURN_FLOWS  40U

static void line(uint32_t *no, uint32_t *failed, bool ok, const char *what)
{
	*failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++*no, what);
}

/* 31: one stream through a bottleneck, by round trip, loss and the bottleneck's queue: at least so
 * many thousandths of its rate. */
static const uint64_t rtt_ms[] = {1, 20, 100};
static const uint32_t loss_of[] = {0, 1000, 10000}; /* millionths */
static const uint32_t queue_of[] = {16 * 1024, 64 * 1024, 256 * 1024};
static const uint32_t least_of[COUNT_OF(rtt_ms)][COUNT_OF(loss_of)][COUNT_OF(queue_of)] = {
	{{900, 900, 900}, {900, 900, 900}, {900, 900, 900}},
	{{850, 850, 850}, {850, 850, 850}, {540, 650, 650}},
	{{340, 680, 680}, {300, 680, 650}, {200, 450, 450}},
};

/* Streams that share it: what the slowest has when the first is done, in thousandths of that. */
static const struct {
	uint32_t flows, least;
} fair_of[] = {{1, 1000}, {2, 700}, {8, 400}, {64, 400}};

static void floor_plan(struct sim_plan *plan, uint64_t rtt, uint32_t flows)
{
	leat_sim_plan_small(plan, 1);
	plan->check_every = 64;
	plan->faults_until = 600 * TIME_S;
	plan->flow_cnt = flows;
	for (uint32_t h = 0; h < 2; h++) {
		struct stack_config *c = &plan->host[h].config;

		c->tcp = (struct tcp_limits){.tcb_max = 2 * flows + 4, .rbuf_max = 8192};
		c->knobs.rcv_buf_octets = c->send_buf_octets = FLOOR_BUF;
		c->knobs.rcv_seg_max = 1024;
		c->send_chunk_cnt = flows * 512;
		plan->host[h].ring = plan->host[h].buffers = 8192;
		plan->host[h].backlog = flows;
	}
	plan->link[0][1] = plan->link[1][0] = (struct sim_link){
		.delay = rtt / 2, .octets_per_s = FLOOR_RATE, .queue_octets = 64 * 1024};
	for (uint32_t i = 0; i < flows; i++) {
		plan->flow[i] = plan->flow[0];
		plan->flow[i].side[0].tx_octets = FLOOR_TEXT;
		plan->flow[i].side[0].tx_chunk = plan->flow[i].side[1].rx_chunk = 16384;
		plan->flow[i].side[0].close = SIM_CLOSE_TX;
		plan->flow[i].side[1].close = SIM_CLOSE_EOF;
		plan->flow[i].side[0].lazy = plan->flow[i].side[1].lazy = false;
	}
}

static void run(const struct sim_plan *plan, struct sim_result *r)
{
	struct sim_world *w = leat_sim_world_new(plan);

	leat_sim_world_run(w, r);
	leat_sim_world_free(w);
	if (r->failed)
		printf("# %s\n", r->why);
}

static void at_least(uint32_t *no, uint32_t *failed, uint32_t got, uint32_t least, const char *what)
{
	*failed += got < least;
	printf("%sok %u - %s: %u thousandths, at least %u\n", got < least ? "not " : "", ++*no,
		what, got, least);
}

static uint32_t goodput(uint32_t rtt, uint32_t loss, uint32_t queue)
{
	struct sim_plan plan;
	struct sim_result r;

	floor_plan(&plan, rtt_ms[rtt] * TIME_MS, 1);
	plan.link[0][1].queue_octets = plan.link[1][0].queue_octets = queue_of[queue];
	plan.fault[0] = (struct sim_fault){.kind = SIM_FAULT_LOSS,
		.to = plan.faults_until,
		.src = 0,
		.dst = 1,
		.p = loss_of[loss],
		.seed = rtt + 3 * loss};
	plan.fault_cnt = loss > 0;
	run(&plan, &r);
	if (r.failed || r.last_at == 0)
		return 0;
	return (uint32_t)((uint64_t)FLOOR_TEXT * 1000 / FLOOR_RATE * TIME_S / r.last_at);
}

static void floors(uint32_t *no, uint32_t *failed)
{
	char what[SIM_TEXT_MAX];

	for (uint32_t i = 0; i < COUNT_OF(rtt_ms) * COUNT_OF(loss_of) * COUNT_OF(queue_of); i++) {
		uint32_t rtt = i / COUNT_OF(queue_of) / COUNT_OF(loss_of);
		uint32_t loss = i / COUNT_OF(queue_of) % COUNT_OF(loss_of);
		uint32_t queue = i % COUNT_OF(queue_of);

		snprintf(what, sizeof(what), "goodput at %" PRIu64 " ms, %g %% loss, a queue of %u",
			rtt_ms[rtt], loss_of[loss] / 1e4, queue_of[queue]);
		at_least(no, failed, goodput(rtt, loss, queue), least_of[rtt][loss][queue], what);
	}
}

static void fairness(uint32_t *no, uint32_t *failed)
{
	char what[SIM_TEXT_MAX];

	for (uint32_t i = 0; i < COUNT_OF(fair_of); i++) {
		uint32_t flows = fair_of[i].flows;
		struct sim_plan plan;
		struct sim_result r;

		floor_plan(&plan, 20 * TIME_MS, flows);
		plan.link[0][1].queue_octets = 256 * 1024;
		for (uint32_t f = 0; f < flows; f++)
			plan.flow[f].start = f * TIME_MS;
		run(&plan, &r);
		uint32_t share = (uint32_t)(r.least_rx * 1000 / FLOOR_TEXT);
		snprintf(what, sizeof(what), "%u streams share it, the slowest has", flows);
		at_least(no, failed, r.failed ? 0 : share, fair_of[i].least, what);
		/* The last is done when a bottleneck in full use would be. */
		uint64_t used = (uint64_t)FLOOR_TEXT * flows * 1000 / FLOOR_RATE * TIME_S;
		snprintf(what, sizeof(what), "%u streams use it", flows);
		at_least(no, failed, r.failed ? 0 : (uint32_t)(used / r.last_at), FLOOR_SHARED,
			what);
	}
}

int leat_sim_mode_floor(void)
{
	uint32_t failed = 0, no = 0;

	floors(&no, &failed);
	fairness(&no, &failed);
	line(&no, &failed, goodput(2, 2, 2) < least_of[2][0][2],
		"with loss the floor of a path without is not reached");
	printf("1..%u\n", no);
	return failed > 0;
}

/* ---- long streams and many connections ---- */

static void room_for(struct sim_plan *plan, uint32_t records, uint32_t octets)
{
	for (uint32_t h = 0; h < plan->host_cnt; h++) {
		struct stack_config *c = &plan->host[h].config;

		c->tcp = (struct tcp_limits){.tcb_max = records, .rbuf_max = 4096};
		c->knobs.rcv_buf_octets = c->send_buf_octets = octets;
		c->knobs.rcv_seg_max = 1024;
		c->send_chunk_cnt = 1024;
		plan->host[h].ring = plan->host[h].buffers = 4096;
	}
}

static bool plays(const struct sim_plan *plan, bool golden, const char *what, const char *prefix,
	struct sim_result *r)
{
	uint8_t none[1] = {0};
	struct sim_meddling m = {
		.of_frame = none, .no_buffer_at = UINT32_MAX, .golden = golden, .result = r};

	return leat_sim_mode_play(plan, &m, what, prefix);
}

/* 10 MB each way at once, while one packet in a hundred is lost and two in a hundred are late. */
static bool bulk(const char *prefix)
{
	struct sim_plan plan;
	struct sim_result r;

	leat_sim_plan_small(&plan, 1);
	plan.check_every = 16;
	plan.faults_until = 600 * TIME_S;
	room_for(&plan, 8, FLOOR_BUF);
	for (uint32_t i = 0; i < 2; i++) {
		struct sim_side *s = &plan.flow[0].side[i];

		s->tx_octets = BULK_TEXT;
		s->tx_chunk = s->rx_chunk = 16384;
		s->close = SIM_CLOSE_TX;
		plan.fault[i] = (struct sim_fault){.kind = i ? SIM_FAULT_REORDER : SIM_FAULT_LOSS,
			.to = plan.faults_until,
			.src = SIM_ANY,
			.dst = SIM_ANY,
			.p = i ? 20000 : 10000,
			.ns = 5 * TIME_MS};
	}
	plan.fault_cnt = 2;
	return plays(&plan, true, "10 MB", prefix, &r) && r.stats.octets == 2 * BULK_TEXT;
}

/* One octet a call on both sides, with and without Nagle. */
static bool octet_by_octet(bool nodelay, const char *prefix)
{
	struct sim_plan plan;
	struct sim_result r;

	leat_sim_plan_small(&plan, 1);
	plan.faults_until = 60 * TIME_S;
	room_for(&plan, 8, 4000);
	for (uint32_t i = 0; i < 2; i++) {
		struct sim_side *s = &plan.flow[0].side[i];

		s->tx_octets = SLOW_TEXT;
		s->tx_chunk = s->rx_chunk = 1;
		s->tx_gap = TIME_MS;
		s->nodelay = nodelay;
		s->close = SIM_CLOSE_TX;
	}
	return plays(&plan, true, "octet by octet", prefix, &r) &&
	       r.stats.octets == 2 * SLOW_TEXT &&
	       (nodelay ? r.stats.frames > SLOW_TEXT : r.stats.frames < SLOW_TEXT);
}

/* 10,000 connections through tables of a few slots, which are full all the time. */
static bool churn(uint32_t slots, bool ports, const char *prefix)
{
	struct sim_plan plan;
	struct sim_result r;

	leat_sim_plan_small(&plan, slots);
	plan.faults_until = 3600 * TIME_S;
	plan.retry_for = 50 * TIME_MS;
	room_for(&plan, slots, 16384);
	plan.link[0][1].delay = plan.link[1][0].delay = TIME_MS;
	plan.flow_cnt = CHURN_FLOWS;
	for (uint32_t h = 0; h < 2; h++) {
		plan.host[h].config.knobs.two_msl_ns = TIME_S;
		plan.host[h].config.knobs.r2_syn_ns = 10 * TIME_S;
		plan.host[h].config.port_to = SIM_CLIENT_PORT + (ports ? 7 : 255);
		plan.host[h].backlog = slots / 2;
	}
	for (uint32_t i = 0; i < CHURN_FLOWS; i++) {
		struct sim_flow *f = &plan.flow[i];

		*f = plan.flow[0];
		f->repeat = CHURN_CNT / CHURN_FLOWS;
		f->gap = TIME_MS;
		f->seed = i;
		f->side[0].tx_octets = 50 + i;
		f->side[1].tx_octets = 200;
		f->side[i % 2].close = SIM_CLOSE_TX;
		f->side[!(i % 2)].close = i % 5 == 0 ? SIM_CLOSE_ABORT : SIM_CLOSE_EOF;
		f->side[0].lazy = f->side[1].lazy = i % 3 == 0;
	}
	return plays(&plan, false, "many connections", prefix, &r) && r.stats.connects >= CHURN_CNT;
}

int leat_sim_mode_load(const char *prefix)
{
	uint32_t failed = 0, no = 0;

	line(&no, &failed, bulk(prefix), "10 MB each way with loss and reordering");
	line(&no, &failed, octet_by_octet(false, prefix), "an octet a call, gathered by Nagle");
	line(&no, &failed, octet_by_octet(true, prefix), "an octet a call, each at once");
	line(&no, &failed, churn(16, false, prefix), "10,000 connections through 16 records");
	line(&no, &failed, churn(64, false, prefix), "10,000 connections through 64 records");
	line(&no, &failed, churn(64, true, prefix), "10,000 connections from 8 ports");
	printf("1..%u\n", no);
	return failed > 0;
}
