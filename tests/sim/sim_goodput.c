/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "sim.h"
#include "sim_modes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The goodput table: one stream through a bottleneck, by loss, round trip and queue, under virtual
 * time and so the same on every machine.  bench/goodput.py reads it and measures the same cells
 * with the kernel's TCP. */

#define RATE_OCTETS  5000000U /* a second: 40 Mbit/s */
#define RATE_MBIT    40.0
#define TEXT_MAX     10000000U
#define TEXT_SECONDS 15 /* what is expected to get through in so long is sent */
#define BUFFER       (8U << 20)
#define RUNS         5
#define MSS          1448
#define ROW_MAX      128
#define RACE_TEXT    100000000U /* 100 MB at 1 % loss, 2 % reordering and 50 ms */
#define RACE_LOSS    10000
#define RACE_LATE    20000
#define RACE_LATE_NS (20 * TIME_MS) /* at most, so 10 ms on the average */
#define RACE_RTT_MS  50
#define RACE_QUEUE   250000

static const struct {
	uint32_t millionths;
	uint32_t window; /* segments, 1.22 / sqrt(p); 0: no limit */
} loss_of[] = {{0, 0}, {1000, 39}, {10000, 12}, {30000, 7}};

static const uint32_t rtt_ms_of[] = {1, 10, 50, 200};

/* In products of rate and RTT, quarters, and at least so much. */
static const struct {
	const char *name;
	uint32_t quarters, least;
} queue_of[] = {{"small", 1, 15000}, {"bdp", 4, 30000}, {"large", 16, 250000}};

static uint32_t text_of(uint32_t window, uint32_t rtt_ms)
{
	if (window == 0)
		return TEXT_MAX;
	return u32_min(window * MSS * (TEXT_SECONDS * 1000 / rtt_ms), TEXT_MAX);
}

static void plan_of(struct sim_plan *plan, uint32_t millionths, uint32_t rtt_ms, uint32_t queue)
{
	leat_sim_plan_small(plan, 1);
	plan->check_every = 4096;
	plan->faults_until = 3600 * TIME_S;
	for (uint32_t h = 0; h < 2; h++) {
		struct stack_config *c = &plan->host[h].config;

		c->tcp = (struct tcp_limits){.tcb_max = 8, .rbuf_max = 16384, .srec_max = 16384};
		c->knobs.rcv_buf_octets = c->send_buf_octets = BUFFER;
		c->knobs.rcv_seg_max = 16384;
		c->send_chunk_cnt = 2 * BUFFER / STACK_CHUNK_OCTETS;
		plan->host[h].ring = plan->host[h].buffers = 16384;
	}
	plan->link[0][1] = plan->link[1][0] = (struct sim_link){
		.delay = rtt_ms * TIME_MS / 2, .octets_per_s = RATE_OCTETS, .queue_octets = queue};
	plan->flow[0].side[0].tx_chunk = plan->flow[0].side[1].rx_chunk = 65536;
	plan->flow[0].side[0].close = SIM_CLOSE_TX;
	plan->flow[0].side[1].close = SIM_CLOSE_EOF;
	plan->flow[0].side[0].lazy = plan->flow[0].side[1].lazy = false;
	plan->fault_cnt = millionths > 0 ? 2 : 0;
	for (uint32_t i = 0; i < plan->fault_cnt; i++)
		plan->fault[i] = (struct sim_fault){.kind = SIM_FAULT_LOSS,
			.to = plan->faults_until,
			.src = (uint8_t)i,
			.dst = (uint8_t)(1 - i),
			.p = millionths};
}

/* Mbit/s; negative after a failure, which is told. */
static double play(struct sim_plan *plan, uint32_t text, uint64_t seed)
{
	struct sim_result r;

	plan->flow[0].side[0].tx_octets = text;
	for (uint32_t i = 0; i < plan->fault_cnt; i++)
		plan->fault[i].seed = 2 * seed + i;
	struct sim_world *w = leat_sim_world_new(plan);

	leat_sim_world_run(w, &r);
	leat_sim_world_free(w);
	if (r.failed)
		printf("# %s\n", r.why);
	return r.failed || r.last_at == 0 ? -1 : text * 8.0 * 1e3 / (double)r.last_at;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Plays plan with RUNS seeds and writes the row that begins with head; false: a run failed. */
static bool measure(struct sim_plan *plan, uint32_t octets, const char *head, char *text)
{
	double got[RUNS];

	for (uint32_t i = 0; i < RUNS; i++)
		got[i] = play(plan, octets, i);
	qsort(got, RUNS, sizeof(got[0]), compare);
	snprintf(text, ROW_MAX, "%s %9u %7.3f %7.3f %7.3f %6.1f\n", head, octets, got[0],
		got[RUNS / 2], got[RUNS - 1], got[RUNS / 2] * 100 / RATE_MBIT);
	return got[0] > 0;
}

static bool cell(uint32_t loss, uint32_t rtt_ms, uint32_t kind, char *text)
{
	uint32_t least = queue_of[kind].least;
	uint32_t bdp = RATE_OCTETS / 1000 * rtt_ms;
	uint32_t queue = u32_max(bdp / 4 * queue_of[kind].quarters, least);
	uint32_t octets = text_of(loss_of[loss].window, rtt_ms);
	struct sim_plan plan;
	char head[ROW_MAX / 2];

	plan_of(&plan, loss_of[loss].millionths, rtt_ms, queue);
	snprintf(head, sizeof(head), "%7g %7u  %-5s %8u", loss_of[loss].millionths / 1e4, rtt_ms,
		queue_of[kind].name, queue);
	return measure(&plan, octets, head, text);
}

/* The last row: what bench/goodput.sh races with, both ends ours. */
static bool race(char *text)
{
	struct sim_plan plan;
	char head[ROW_MAX / 2];

	plan_of(&plan, RACE_LOSS, RACE_RTT_MS, RACE_QUEUE);
	for (uint32_t i = 0; i < 2; i++) {
		struct sim_fault *late = &plan.fault[plan.fault_cnt++];

		*late = plan.fault[i];
		late->kind = SIM_FAULT_REORDER;
		late->p = RACE_LATE;
		late->ns = RACE_LATE_NS;
	}
	snprintf(head, sizeof(head), "%7g %7u  %-5s %8u", RACE_LOSS / 1e4, RACE_RTT_MS, "race",
		RACE_QUEUE);
	return measure(&plan, RACE_TEXT, head, text);
}

/* Row i of the table; false: a run failed. */
static bool row(uint32_t i, char *text)
{
	uint32_t at = i / COUNT_OF(queue_of);
	uint32_t rtt = at % COUNT_OF(rtt_ms_of), loss = at / COUNT_OF(rtt_ms_of);

	if (loss == COUNT_OF(loss_of))
		return race(text);
	return cell(loss, rtt_ms_of[rtt], i % COUNT_OF(queue_of), text);
}

/* The next line of golden that is no comment; false: there is none. */
static bool next_golden(FILE *golden, char *line)
{
	while (fgets(line, ROW_MAX, golden))
		if (line[0] != '#')
			return true;
	return false;
}

int leat_sim_mode_goodput(const char *path)
{
	FILE *golden = path ? fopen(path, "r") : NULL;
	char line[ROW_MAX], expected[ROW_MAX];
	uint32_t no = 0, failed = 0;

	if (path && !golden) {
		printf("not ok 1 - cannot read %s\n1..1\n", path);
		return 1;
	}
	if (!path)
		printf("# Goodput of one stream, Leat to Leat, in the simulator: 40 Mbit/s; median "
		       "of "
		       "%d runs.\n# Written by: sim --goodput\n"
		       "# loss %%  RTT ms  queue   octets      text     min  median     max  %% "
		       "rate\n",
			RUNS);
	for (uint32_t i = 0; i <= COUNT_OF(loss_of) * COUNT_OF(rtt_ms_of) * COUNT_OF(queue_of);
		i++) {
		bool good = row(i, line);

		if (golden) {
			good = good && next_golden(golden, expected) && strcmp(line, expected) == 0;
			printf("%sok %u - %s", good ? "" : "not ", ++no, line);
		} else {
			fputs(line, stdout);
		}
		failed += !good;
	}
	if (golden) {
		bool more = next_golden(golden, expected);

		printf("%sok %u - and no more rows\n1..%u\n", more ? "not " : "", no + 1, no + 1);
		failed += more;
		fclose(golden);
	}
	return failed > 0;
}
