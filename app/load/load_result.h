/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_RESULT_H
#define LEAT_LOAD_RESULT_H

/* load_result: one finished run, as every report is written from it.
 *
 *	plan ── counters ── histograms ── seconds ── shards ── limits ── expectations ── verdict
 *
 * It knows nothing of DPDK or of a stack, so that files can be written, read back and merged
 * without either.  Runs merge by addition: counters, histograms slot for slot, and seconds that
 * have the same place in the wall clock.
 *
 * Shape      histograms are those of base_hist: the array of a two-digit HdrHistogram.
 * Units      ns, octets, shares in millionths, rates in thousandths of a connection a second.
 * Memory     seconds lie in memory of the owner; texts are borrowed.
 * Affinity   the control thread.
 * See        load_expect.h for what a verdict is made of; schema/run-1.json for the JSON. */

#include "again.h"
#include "load_count.h"
#include "load_plan.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_SCHEMA     "leat.run/1"
#define LOAD_EXPECT_MAX 16
#define LOAD_SHARD_MAX  64
#define LOAD_STATE_CNT  12 /* of TCP, in the order of enum tcp_state */
#define LOAD_TEXT_MAX   160
#define LOAD_PART_MAX   256

/* A change of what was planned, by `leat ctl rate`, from an instant of the plan on. */
struct load_change {
	uint64_t at_ns;
	uint64_t rate_milli; /* of an open load */
	uint64_t held;       /* of a closed one */
};

/* What was planned, and what it needs of address and port. */
struct load_intent {
	enum load_model model;
	uint64_t rate_milli; /* open: at the top of the ramp, before it was changed */
	uint64_t ramp_ns, duration_ns;
	uint64_t total;       /* connections of the whole plan; 0: until it is stopped */
	uint64_t concurrency; /* closed: held in flight, at last; open: at most */
	uint64_t time_wait_ns;
	uint64_t rest_ns; /* of a pair that we closed first: 2MSL, or --connect-reuse below it */
	uint64_t tuples, tuples_needed; /* sources x ports x targets; at this rate and rest */
	uint64_t rate_milli_max;        /* that these tuples can carry for ever; 0: any */
	const char *program, *close;    /* "http", "client" */
	uint64_t seed;
	uint32_t change_cnt;
	struct load_change change[LOAD_LEG_MAX];
};

/* Where it ran: what a reader needs to run it again. */
struct load_where {
	const char *leat, *dpdk, *name, *command;
	const char *nic, *device; /* its driver, and what it is called here */
	char node[64], kernel[64], cpu[96];
	uint32_t shard_cnt;
	uint32_t segment, segment_cnt; /* 1 of 1 */
	const char *config;            /* as given; NULL: none */
	char config_hash[20];          /* of what all segments of a plan have in common; "": none */
};

/* One of the segments that a merged run was made of. */
struct load_part {
	uint32_t segment;
	bool partial;
	char node[64];
	uint64_t start_unix_ns, ran_ns, rate_milli, completed, connect_p99_ns;
};

/* One second of the run.  Counts are of this second alone, states at its end. */
struct load_second {
	uint64_t at_ns; /* its end, from the start of the run */
	uint64_t planned, started, connected, completed, failed, not_started, late;
	uint64_t octets_in, octets_out, again; /* again: segments sent again */
	uint32_t in_flight;
	uint32_t present[LOAD_STATE_CNT]; /* connections in each state */
	uint32_t busy_millionths;         /* of the busiest shard */
	struct {
		uint64_t p50_ns, p99_ns, max_ns;
	} hist[LOAD_HIST_CNT];
};

struct load_shard {
	uint32_t cpu, busy_millionths;
	struct load_counters counters;
	uint64_t late_p99_ns;
	uint64_t rx_frames, tx_frames, tx_full, tx_no_buf;
};

/* What TCP did for it, all shards. */
struct load_tcp {
	uint64_t again[AGAIN_CNT]; /* segments sent again */
	uint64_t rto_fired, recoveries;
	uint64_t time_wait_peak, time_wait_reused, time_wait_evicted;
};

/* What of the generator could have been the limit. */
struct load_limits {
	uint32_t busiest_shard, busiest_millionths;
	uint64_t nic_missed, nic_no_buf;
	uint32_t buffers_low_millionths; /* the least share of packet buffers that was free */
	uint64_t late_p99_ns;
	/* The link of the device, during the run. */
	uint32_t link_down_cnt;
	uint64_t link_down_ns; /* in all */
	bool port_gone;
	uint64_t start_late_ns; /* behind the instant of --start-at */
};

enum load_verdict {
	LOAD_VERDICT_PASS,
	LOAD_VERDICT_FAIL,         /* an expectation was not met */
	LOAD_VERDICT_INCONCLUSIVE, /* nothing is proved (load_expect.h) */
	LOAD_VERDICT_CNT
};

/* An expectation, and what became of it. */
struct load_expect_result {
	char rule[64];    /* "connect_p99 < 500us" */
	double value;     /* in the unit of its metric: seconds, a share, a count */
	char text[32];    /* the value as people read it */
	bool ok, of_peer; /* of_peer: what only the peer can do alone broke it */
};

struct load_result {
	struct load_intent intent;
	struct load_where where;
	uint64_t planned_start_unix_ns, start_unix_ns; /* wall clock */
	uint64_t ran_ns;   /* from the first planned start to the end of the plan, or to the stop */
	uint64_t drain_ns; /* and from there until all was closed */
	bool partial;      /* stopped by a signal before the plan ended */
	bool balanced;     /* every law of conservation held */
	struct load_counters counters;
	/* Of the time between ramp and end: how many were begun in it, how many of these were
	 * completed, and how long it was. */
	uint64_t steady_started, steady_completed, steady_ns;
	uint64_t second_min, second_max;         /* fewest and most begun in a whole second of it */
	uint64_t held_min, held_max, held_looks; /* in flight (load_count.h) */
	struct hist hist[LOAD_HIST_CNT];
	struct load_second *second; /* second_cnt of them */
	uint32_t second_cnt, second_max_cnt;
	struct load_shard shard[LOAD_SHARD_MAX];
	struct load_tcp tcp;
	struct load_limits limits;
	struct load_expect_result expect[LOAD_EXPECT_MAX];
	uint32_t expect_cnt;
	enum load_verdict verdict;
	char why[LOAD_TEXT_MAX]; /* of inconclusive and partial; "" else */
	struct load_part part[LOAD_PART_MAX];
	uint32_t part_cnt; /* 0: not merged */
	uint32_t part_of;  /* and so many segments its plan has */
};

/* Who is told of each second while it is fresh, with the histograms of that second alone: a
 * histogram log is written so.  May be NULL. */
struct load_sink {
	void *arg;
	void (*second)(void *arg, const struct load_result *r, const struct load_second *second,
		const struct hist delta[LOAD_HIST_CNT]);
};

/* leat_load_result_init makes an empty one that keeps second_max_cnt seconds at second. */
void leat_load_result_init(
	struct load_result *r, struct load_second *second, uint32_t second_max_cnt);

/* leat_load_result_rate_milli is the rate between ramp and end of those that were completed, in
 * thousandths of a connection a second. */
uint64_t leat_load_result_rate_milli(const struct load_result *r);

/* leat_load_result_achieved is the share of the planned connections that was completed, in
 * millionths; of those that ended, where nothing was planned beforehand. */
uint32_t leat_load_result_achieved(const struct load_result *r);

/* leat_load_result_own is the share of a rate of the whole plan that is this run's: all of it,
 * unless it is a segment, or is merged of fewer than there are.  _own_total is how many of the
 * plan's connections are (load_plan.h). */
uint64_t leat_load_result_own(const struct load_result *r, uint64_t rate_milli);
uint64_t leat_load_result_own_total(const struct load_result *r);

const char *leat_load_verdict_name(enum load_verdict verdict);

/* The exit code that says it. */
int leat_load_verdict_exit(enum load_verdict verdict);

#endif
