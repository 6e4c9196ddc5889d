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
#define FLOOR_SHARED 700U
#define BULK_TEXT    10000000U
#define SLOW_TEXT    5000U
#define CHURN_CNT    10000U
#define CHURN_FLOWS  40U
#define FAIR_TEXT    (512U * 1024)

static void line(uint32_t *no, uint32_t *failed, bool ok, const char *what)
{
	*failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++*no, what);
}

/* 31: one stream through a bottleneck, by loss and round trip, in parts of its rate. */
static const struct floor {
	uint64_t rtt_ms;
	uint32_t loss;  /* millionths */
	uint32_t least; /* thousandths of the bottleneck's rate */
} floor_of[] = {
	{1, 0, 900},
	{20, 0, 850},
	{100, 0, 650},
	{1, 1000, 900},
	{20, 1000, 850},
	{100, 1000, 600},
	{1, 10000, 850},
	{20, 10000, 600},
	{100, 10000, 350},
};

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

static uint32_t goodput(const struct sim_plan *plan)
{
	struct sim_world *w = leat_sim_world_new(plan);
	struct sim_result r;

	leat_sim_world_run(w, &r);
	leat_sim_world_free(w);
	if (r.failed)
		printf("# %s\n", r.why);
	if (r.failed || r.last_at == 0)
		return 0;
	return (uint32_t)((uint64_t)FLOOR_TEXT * 1000 / FLOOR_RATE * TIME_S / r.last_at);
}

int leat_sim_mode_floor(void)
{
	struct sim_plan plan;
	uint32_t failed = 0, no = 0;

	for (uint32_t i = 0; i < COUNT_OF(floor_of); i++) {
		const struct floor *f = &floor_of[i];

		floor_plan(&plan, f->rtt_ms * TIME_MS, 1);
		plan.fault[0] = (struct sim_fault){.kind = SIM_FAULT_LOSS,
			.to = plan.faults_until,
			.src = 0,
			.dst = 1,
			.p = f->loss,
			.seed = i};
		plan.fault_cnt = f->loss > 0;
		uint32_t got = goodput(&plan);
		failed += got < f->least;
		printf("%sok %u - goodput at %" PRIu64
		       " ms and %g %% loss is %u thousandths, at least "
		       "%u\n",
			got < f->least ? "not " : "", ++no, f->rtt_ms, f->loss / 1e4, got,
			f->least);
	}
	/* Eight of them share it: the last is done when a bottleneck in full use would be. */
	floor_plan(&plan, 20 * TIME_MS, 8);
	uint32_t got = goodput(&plan) * 8;
	failed += got < FLOOR_SHARED;
	printf("%sok %u - eight streams have %u thousandths of it, at least %u\n",
		got < FLOOR_SHARED ? "not " : "", no + 1, got, FLOOR_SHARED);
	printf("1..%u\n", no + 1);
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
