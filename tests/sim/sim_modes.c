/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_modes.h"

#include "base_bits.h"
#include "base_time.h"
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES_MAX    64
#define SPEED_TEXT    (64U << 20)
#define STRANGER_RUNS 20
#define SPEED_FLOWS   16
#define SPEED_OPENS   3000
#define DAY_NS        (UINT64_C(86400) * TIME_S)
#define DAYS          60
#define FATES         4 /* delivered, lost, doubled, delayed */
#define LOST_TO_END   5 /* losses that together may last longer than R2 */

/* The conversations that the golden runs have. */
static const struct script {
	const char *name;
	uint32_t tx[2];
	enum sim_close close[2];
	bool reply; /* the server waits for what the client writes */
	bool both, eof_first;
	uint32_t abort_at;
} script[] = {
	{.name = "client closes first", .tx = {100, 100}, .close = {SIM_CLOSE_TX, SIM_CLOSE_EOF}},
	{.name = "server closes first",
		.tx = {100, 100},
		.close = {SIM_CLOSE_EOF, SIM_CLOSE_TX},
		.reply = true},
	{.name = "both close at once", .tx = {100, 100}, .close = {SIM_CLOSE_TX, SIM_CLOSE_TX}},
	{.name = "nothing is said", .tx = {0, 0}, .close = {SIM_CLOSE_TX, SIM_CLOSE_TX}},
	{.name = "half-close with a long reply",
		.tx = {50, 5000},
		.close = {SIM_CLOSE_TX, SIM_CLOSE_EOF},
		.eof_first = true},
	{.name = "close of both directions",
		.tx = {3000, 100},
		.close = {SIM_CLOSE_FULL, SIM_CLOSE_FULL},
		.reply = true},
	{.name = "both open at once",
		.tx = {100, 100},
		.close = {SIM_CLOSE_TX, SIM_CLOSE_EOF},
		.both = true},
	{.name = "abort",
		.tx = {100, 100},
		.close = {SIM_CLOSE_ABORT, SIM_CLOSE_EOF},
		.abort_at = 50},
};

static void script_plan(struct sim_plan *plan, const struct script *s, uint64_t seed)
{
	leat_sim_plan_small(plan, seed);
	struct sim_flow *f = &plan->flow[0];

	plan->ip6 = seed % 2;
	plan->iss_forced = seed % 3 == 0;
	for (uint32_t i = 0; i < 2; i++) {
		f->side[i].tx_octets = s->tx[i];
		f->side[i].close = s->close[i];
		f->side[i].abort_at = s->abort_at;
		f->side[i].lazy = s->close[i] != SIM_CLOSE_FULL;
	}
	if (s->reply)
		f->side[1].tx_after_rx = s->tx[0];
	if (s->eof_first)
		f->side[1].tx_after_rx = UINT32_MAX;
	if (s->both) {
		f->both = true;
		f->lport = SIM_CLIENT_PORT + 5;
		f->rport = SIM_CLIENT_PORT + 6;
	}
}

bool leat_sim_mode_play(
	const struct sim_plan *plan, struct sim_meddling *m, const char *what, const char *prefix)
{
	struct sim_world *w = leat_sim_world_new(plan);
	struct sim_result r;
	char name[256];

	m->seen = m->allocated = 0;
	w->meddling = m;
	leat_sim_world_run(w, &r);
	leat_sim_world_free(w);
	if (m->result)
		*m->result = r;
	if (!r.failed)
		return true;
	printf("# %s: %s\n# fates", what, r.why);
	for (uint32_t i = 0; i < m->cnt; i++)
		printf(" %u", m->of_frame[i]);
	if (m->no_buffer_at != UINT32_MAX)
		printf(", no buffer %u", m->no_buffer_at);
	printf("\n");
	leat_sim_plan_print(plan, stdout);
	w = leat_sim_world_new(plan);
	m->seen = m->allocated = 0;
	w->meddling = m;
	w->trace = stdout;
	snprintf(name, sizeof(name), "%s-fates", prefix);
	if (leat_sim_pcap_open(w, name))
		printf("# frames: %s-host*.pcap\n", name);
	leat_sim_world_run(w, &r);
	leat_sim_world_free(w);
	return false;
}

/* golden counts the packets of an undisturbed run. */
static uint32_t golden(const struct sim_plan *plan, const char *name, const char *prefix)
{
	uint8_t none[1] = {0};
	struct sim_meddling m = {
		.cnt = 0, .of_frame = none, .no_buffer_at = UINT32_MAX, .golden = true};

	if (!leat_sim_mode_play(plan, &m, name, prefix))
		return 0;
	return u32_min(m.seen, FRAMES_MAX);
}

static bool packets_of(
	const struct script *s, uint64_t seed, const char *prefix, bool pairs, uint32_t *runs)
{
	uint8_t fate[FRAMES_MAX] = {0};
	struct sim_meddling m = {
		.cnt = FRAMES_MAX, .of_frame = fate, .no_buffer_at = UINT32_MAX, .golden = true};
	struct sim_plan plan;

	script_plan(&plan, s, seed);
	uint32_t cnt = golden(&plan, s->name, prefix);
	if (cnt == 0)
		return false;
	for (uint32_t a = 0; a < cnt * (SIM_MEDDLE_CNT - 1); a++) {
		uint32_t from = pairs ? a + SIM_MEDDLE_CNT - 1 : a;
		uint32_t to = pairs ? cnt * (SIM_MEDDLE_CNT - 1) : a + 1;

		for (uint32_t b = from; b < to; b++) {
			memset(fate, 0, sizeof(fate));
			fate[a / (SIM_MEDDLE_CNT - 1)] = (uint8_t)(1 + a % (SIM_MEDDLE_CNT - 1));
			fate[b / (SIM_MEDDLE_CNT - 1)] = (uint8_t)(1 + b % (SIM_MEDDLE_CNT - 1));
			++*runs;
			if (!leat_sim_mode_play(&plan, &m, s->name, prefix))
				return false;
		}
	}
	return true;
}

int leat_sim_mode_packets(const char *prefix, bool pairs)
{
	uint32_t failed = 0, runs = 0, no = 0;

	for (uint32_t i = 0; i < COUNT_OF(script); i++) {
		for (uint64_t seed = 0; seed < 2; seed++) {
			bool ok = packets_of(&script[i], seed * 3, prefix, pairs, &runs);

			failed += !ok;
			printf("%sok %u - each packet%s meddled with: %s (IPv%c)\n",
				ok ? "" : "not ", ++no, pairs ? " and each other one" : "",
				script[i].name, seed ? '6' : '4');
		}
	}
	printf("1..%u\n# %u runs\n", no, runs);
	return failed > 0;
}

static bool every_of(const struct script *s, uint32_t depth, const char *prefix, uint64_t *runs)
{
	static const uint8_t fates[FATES] = {
		SIM_MEDDLE_NONE, SIM_MEDDLE_DROP, SIM_MEDDLE_DUP, SIM_MEDDLE_DELAY};
	uint8_t fate[FRAMES_MAX] = {0};
	struct sim_meddling m = {.cnt = depth, .of_frame = fate, .no_buffer_at = UINT32_MAX};
	struct sim_plan plan;

	script_plan(&plan, s, 0); /* sequence numbers wrap */
	for (uint64_t no = 0; no < UINT64_C(1) << 2 * depth;) {
		uint32_t lost = 0;

		/* The first fate changes last, so that what was never sent can be skipped. */
		for (uint32_t i = 0; i < depth; i++) {
			fate[i] = fates[no >> 2 * (depth - 1 - i) & 3];
			lost += fate[i] == SIM_MEDDLE_DROP;
		}
		m.golden = lost < LOST_TO_END;
		++*runs;
		if (!leat_sim_mode_play(&plan, &m, s->name, prefix))
			return false;
		uint32_t unsent = m.seen < depth ? depth - m.seen : 0;
		no = ((no >> 2 * unsent) + 1) << 2 * unsent;
	}
	return true;
}

int leat_sim_mode_every(const char *prefix, uint32_t depth)
{
	uint32_t failed = 0, no = 0;
	uint64_t runs = 0;

	if (depth == 0 || depth > 12) {
		fprintf(stderr, "sim: --every wants 1 to 12\n");
		return 2;
	}
	for (uint32_t i = 0; i < COUNT_OF(script); i++) {
		bool ok = every_of(&script[i], depth, prefix, &runs);

		failed += !ok;
		printf("%sok %u - all fates of the first %u packets: %s\n", ok ? "" : "not ", ++no,
			depth, script[i].name);
	}
	printf("1..%u\n# %" PRIu64 " runs\n", no, runs);
	return failed > 0;
}

/* The receive buffer of each number is missing once. */
static bool starve_buffers(const struct script *s, const char *prefix, uint32_t *runs)
{
	uint8_t none[1] = {0};
	struct sim_meddling m = {.of_frame = none, .no_buffer_at = UINT32_MAX, .golden = true};
	struct sim_plan plan;

	script_plan(&plan, s, 1);
	if (!leat_sim_mode_play(&plan, &m, s->name, prefix))
		return false;
	uint32_t cnt = m.allocated;
	for (uint32_t i = 0; i < cnt; i++) {
		m.no_buffer_at = i;
		++*runs;
		if (!leat_sim_mode_play(&plan, &m, s->name, prefix))
			return false;
	}
	return true;
}

/* Tables as small as they may be, with three connections that want more. */
static bool starve_tables(const struct script *s, const char *prefix, uint32_t *runs)
{
	uint8_t none[1] = {0};
	struct sim_meddling m = {.of_frame = none, .no_buffer_at = UINT32_MAX};
	struct sim_plan plan;

	for (uint32_t no = 0; no < 4 * 4 * 4; no++) {
		script_plan(&plan, s, 1);
		for (uint32_t h = 0; h < 2; h++) {
			struct stack_config *c = &plan.host[h].config;

			c->tcp.tcb_max = 2 + no % 4;
			c->tcp.rbuf_max = 1 + no / 4 % 4;
			c->send_chunk_cnt = 1 + no / 16 % 4;
			c->knobs.rcv_seg_max = (uint16_t)(2 + no / 4 % 4);
			c->knobs.time_wait_evict = no / 16 % 2;
			plan.host[h].backlog = 1 + no % 2;
		}
		plan.flow_cnt = 3;
		plan.flow[1] = plan.flow[2] = plan.flow[0];
		if (plan.flow[0].both)
			plan.flow_cnt = 1;
		++*runs;
		if (!leat_sim_mode_play(&plan, &m, s->name, prefix))
			return false;
	}
	return true;
}

int leat_sim_mode_starve(const char *prefix)
{
	uint32_t failed = 0, runs = 0, no = 0;

	for (uint32_t i = 0; i < COUNT_OF(script); i++) {
		bool ok = starve_buffers(&script[i], prefix, &runs);

		failed += !ok;
		printf("%sok %u - each buffer missing once: %s\n", ok ? "" : "not ", ++no,
			script[i].name);
		ok = starve_tables(&script[i], prefix, &runs);
		failed += !ok;
		printf("%sok %u - small tables: %s\n", ok ? "" : "not ", ++no, script[i].name);
	}
	printf("1..%u\n# %u runs\n", no, runs);
	return failed > 0;
}

/* A packet a day, and one connection that is idle for longer than timestamps are good for. */
int leat_sim_mode_long(const char *prefix)
{
	uint8_t none[1] = {0};
	struct sim_meddling m = {.of_frame = none, .no_buffer_at = UINT32_MAX, .golden = true};
	struct sim_plan plan;
	bool ok = true;

	for (uint64_t seed = 0; seed < 4 && ok; seed++) {
		leat_sim_plan_small(&plan, seed);
		plan.faults_until = (DAYS + 1) * DAY_NS;
		plan.flow_cnt = 3;
		for (uint32_t i = 0; i < plan.flow_cnt; i++) {
			struct sim_flow *f = &plan.flow[i];

			*f = plan.flow[0];
			f->start = i * 100 * TIME_S;
			f->side[0].tx_octets = 100 * DAYS;
			f->side[0].tx_chunk = 100;
			f->side[0].tx_gap = DAY_NS - TIME_S;
			f->side[0].close = SIM_CLOSE_TX;
			f->side[1].tx_octets = 50;
			f->side[1].close = SIM_CLOSE_EOF;
		}
		plan.flow[1].side[0].tx_octets = 300; /* one of three, each 25 days */
		plan.flow[1].side[0].tx_gap = 25 * DAY_NS;
		plan.flow[2].side[0].tx_octets = 200;
		plan.flow[2].side[0].tx_gap = 50 * DAY_NS;
		ok = leat_sim_mode_play(&plan, &m, "60 days", prefix);
	}
	printf("%sok 1 - 60 days with a packet a day\n1..1\n", ok ? "" : "not ");
	return !ok;
}

/* 32: what a stranger sees of us is the same, whether others talk to us or not: while there is room
 * for all, of which records is the number. */
static bool is_told(uint64_t seed, uint32_t records)
{
	struct sim_plan plan;
	struct sim_result r[2];

	for (uint32_t with = 0; with < 2; with++) {
		leat_sim_plan_small(&plan, seed);
		plan.faults_until = 10 * TIME_S;
		plan.flow[0].repeat = 5;
		plan.flow[0].start = TIME_S;
		plan.flow[0].side[0].tx_octets = plan.flow[0].side[1].tx_octets = 5000;
		plan.flow[0].side[0].close = plan.flow[0].side[1].close = SIM_CLOSE_TX;
		plan.host[1].backlog = 60;
		plan.host[1].config.tcp.tcb_max = records;
		plan.fault_cnt = 2;
		plan.fault[0] = (struct sim_fault){.kind = SIM_FAULT_FLOOD, .n = 5, .seed = seed};
		plan.fault[1] = (struct sim_fault){.kind = SIM_FAULT_NOISE, .n = 20, .seed = seed};
		for (uint32_t i = 0; i < 2; i++) {
			plan.fault[i].to = plan.faults_until;
			plan.fault[i].dst = 1;
		}
		plan.flow_mask = with;
		struct sim_world *w = leat_sim_world_new(&plan);
		leat_sim_world_run(w, &r[with]);
		leat_sim_world_free(w);
		if (r[with].failed)
			printf("# seed %" PRIu64 ": %s\n", seed, r[with].why);
	}
	return r[0].failed || r[1].failed || r[0].strangers != r[1].strangers ||
	       r[0].strangers == 0 || r[0].digest == r[1].digest;
}

int leat_sim_mode_strangers(void)
{
	uint32_t failed = 0;

	for (uint64_t seed = 0; seed < STRANGER_RUNS; seed++) {
		bool told = is_told(seed, 200);

		failed += told;
		printf("%sok %" PRIu64
		       " - a stranger cannot tell who else talks to us, seed %" PRIu64 "\n",
			told ? "not " : "", seed + 1, seed);
	}
	bool seen = is_told(0, 20); /* which are full before the flood is over */
	failed += !seen;
	printf("%sok %u - where there is no room for all it is seen that he can\n",
		seen ? "" : "not ", STRANGER_RUNS + 1);
	printf("1..%u\n", STRANGER_RUNS + 1);
	return failed > 0;
}

/* That the second run can find a difference, and says where. */
int leat_sim_mode_spoil(void)
{
	struct sim_plan plan;
	struct sim_result r;

	leat_sim_plan_small(&plan, 1);
	plan.flow[0].side[0].tx_octets = 5000;
	plan.flow[0].side[1].close = SIM_CLOSE_EOF;
	struct sim_world *w = leat_sim_world_new(&plan);
	w->spoil = true;
	leat_sim_world_run(w, &r);
	leat_sim_world_free(w);
	bool found = r.failed && strstr(r.why, "cwnd") != NULL;
	printf("# %s\n%sok 1 - a control block that is not the same is found\n1..1\n", r.why,
		found ? "" : "not ");
	return !found;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void speed(const char *what, const struct sim_plan *plan)
{
	struct sim_world *w = leat_sim_world_new(plan);
	struct sim_result r;
	double begin = seconds();

	w->once = true;
	leat_sim_world_run(w, &r);
	double took = seconds() - begin;
	leat_sim_world_free(w);
	printf("%-24s %9" PRIu64 " packets in %.2f s: %.2f M/s, %.2f Gbit/s%s%s\n", what,
		r.stats.frames, took, (double)r.stats.frames / took / 1e6,
		(double)r.stats.octets * 8 / took / 1e9, r.failed ? ", failed: " : "",
		r.failed ? r.why : "");
}

int leat_sim_mode_speed(void)
{
	struct sim_plan plan;

	leat_sim_plan_small(&plan, 1);
	plan.check_every = 64;
	plan.host[0].ring = plan.host[1].ring = 1024;
	for (uint32_t h = 0; h < 2; h++) {
		plan.host[h].buffers = 4096;
		plan.host[h].config.tcp = (struct tcp_limits){.tcb_max = 6, .rbuf_max = 4096};
		plan.host[h].config.send_chunk_cnt = 128;
	}
	plan.flow[0].side[0].tx_octets = SPEED_TEXT;
	plan.flow[0].side[0].tx_chunk = 16384;
	plan.flow[0].side[1].rx_chunk = 16384;
	plan.flow[0].side[0].close = SIM_CLOSE_TX;
	plan.flow[0].side[1].close = SIM_CLOSE_EOF;
	speed("one bulk stream", &plan);
	leat_sim_plan_small(&plan, 1);
	plan.check_every = 1U << 20;
	plan.link[0][1] = plan.link[1][0] = (struct sim_link){.delay = 10 * TIME_US};
	plan.faults_until = 60 * TIME_S;
	plan.flow_cnt = SPEED_FLOWS;
	for (uint32_t h = 0; h < 2; h++) {
		plan.host[h].config.tcp = (struct tcp_limits){.tcb_max = 60000, .rbuf_max = 1024};
		plan.host[h].config.port_to = 65000;
		plan.host[h].config.send_chunk_cnt = 128;
		plan.host[h].ring = plan.host[h].buffers = 1024;
		plan.host[h].backlog = 64;
	}
	for (uint32_t i = 0; i < SPEED_FLOWS; i++) {
		plan.flow[i] = plan.flow[0];
		plan.flow[i].side[0].tx_octets = plan.flow[i].side[1].tx_octets = 100;
		plan.flow[i].side[1].tx_after_rx = 100;
		plan.flow[i].side[0].close = SIM_CLOSE_EOF;
		plan.flow[i].side[1].close = SIM_CLOSE_TX;
		plan.flow[i].side[0].lazy = plan.flow[i].side[1].lazy = false;
		plan.flow[i].repeat = SPEED_OPENS;
		plan.flow[i].gap = TIME_US;
	}
	speed("short connections", &plan);
	return 0;
}
