/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_METRICS_H
#define LEAT_METRICS_H

/* metrics: a snapshot as text for Prometheus, and the endpoint that gives it.
 *
 *	GET /metrics               text 0.0.4, or OpenMetrics 1.0 when Accept asks for it
 *	GET /metrics?shards=sum    all shards of a role together: fewer series
 *	GET /livez                 200 while all shards turn, else 503
 *	GET /readyz                200 when balancers should send some here, else 503 and why
 *
 * Names and labels are those of tests/metrics/names.txt, which only grows.  States are spelled as
 * node_exporter does.  Bounds of histograms are powers of two of a nanosecond, always the same.
 *
 * Units      seconds and bytes, as Prometheus has them.
 * Affinity   print: none, pure; the endpoint: a thread of its own, on any processor of ours.
 * Errors     start says why there is none; then there is none.
 * See        docs/metrics.md. */

#include "watch_snapshot.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define METRICS_WHY_MAX 128

struct metrics_form {
	bool open; /* OpenMetrics 1.0 */
	bool sum;
};

/* leat_metrics_print writes all there is of s; ready: should who balances send some here? */
void leat_metrics_print(
	const struct watch_snapshot *s, bool ready, struct metrics_form form, FILE *out);

/* What the endpoint asks, from its thread. */
struct metrics_source {
	void *arg;
	bool (*take)(void *arg, struct watch_snapshot *out); /* false: it is ending */
	bool (*ready)(const struct watch_snapshot *s, const char **why);
	bool (*lives)(const struct watch_snapshot *s);
};

struct metrics_server;

/* leat_metrics_start listens at address (IPv4, or IPv6 with colons) and port; NULL with why.  Its
 * thread may run on cpus. */
struct metrics_server *leat_metrics_start(const char *address, uint16_t port, const cpu_set_t *cpus,
	const struct metrics_source *source, char why[METRICS_WHY_MAX]);

/* leat_metrics_stop ends it, and whoever is being answered; NULL: nothing. */
void leat_metrics_stop(struct metrics_server *m);

#endif
