/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_EXPECT_H
#define LEAT_LOAD_EXPECT_H

/* load_expect: what a run was expected to show, and what it proves.
 *
 *	connect_p99 < 500us     achieved >= 99%     errors == 0     rate >= 9.9k/s
 *
 * A rule names a metric, compares, and gives a value in the metric's unit.  Metrics are
 *
 *	achieved                          share of the planned connections that were completed
 *	rate                              connections a second between ramp and end
 *	errors, not_started               connections
 *	refused, syn_timeout, ...         failures of one kind (load_count.h)
 *	connect_p99, whole_max, ...       connect, first_byte, whole, service, response, late; with
 *	                                  _min _p50 _p90 _p99 _p99_9 _p99_99 _max
 *
 * The verdict is `fail` when what only the peer can do alone breaks a rule; `inconclusive` when the
 * generator was the limit, or the run was cut short, for then its numbers are not the peer's;
 * `fail` when any other rule is broken, or some failed and none was completed; `inconclusive` when
 * the end of the plan stopped all there were; else `pass`.
 *
 * Units      values in seconds, shares, counts, a second.
 * Affinity   none; pure.
 * Errors     of a text: a clause that says what is wrong and what to type instead. */

#include "load_result.h"

#include <stddef.h>

#define LOAD_BUSY_MAX      850000             /* millionths: a busier shard is the limit itself */
#define LOAD_START_LATE_NS UINT64_C(10000000) /* behind --start-at: what clocks differ by */
#define LOAD_LATE_MAX_NS   UINT64_C(1000000)  /* p99 of our own starts */
#define LOAD_BUFFERS_MIN   50000 /* millionths: fewer free packet buffers are too few */

enum load_metric {
	LOAD_METRIC_ACHIEVED,
	LOAD_METRIC_RATE,
	LOAD_METRIC_ERRORS,
	LOAD_METRIC_NOT_STARTED,
	LOAD_METRIC_FAILED, /* of one kind */
	LOAD_METRIC_HIST,
	LOAD_METRIC_CNT
};

enum load_compare {
	LOAD_LESS,
	LOAD_LESS_EQUAL,
	LOAD_EQUAL,
	LOAD_MORE_EQUAL,
	LOAD_MORE,
};

struct load_rule {
	char text[64];
	enum load_metric metric;
	enum load_compare compare;
	uint32_t which;    /* enum load_fail or load_hist */
	uint32_t quantile; /* of a histogram: index */
	double value;
};

/* leat_load_rule_parse reads one rule; false with a clause in why. */
bool leat_load_rule_parse(struct load_rule *rule, const char *text, char *why, size_t size);

/* leat_load_judge fills the expectations, the verdict and its reason. */
void leat_load_judge(struct load_result *r, const struct load_rule *rule, uint32_t rule_cnt);

/* leat_load_limit_text says why the generator was the limit, or is NULL: it was not. */
const char *leat_load_limit_text(const struct load_result *r, char *text, size_t size);

/* Quantiles that are told of each histogram. */
#define LOAD_QUANTILE_CNT 7
extern const char *const leat_load_quantile_key[LOAD_QUANTILE_CNT]; /* "min", "p50", ... */
extern const char *const leat_load_quantile_name[LOAD_QUANTILE_CNT];
uint64_t leat_load_quantile(const struct hist *h, uint32_t idx);

#endif
