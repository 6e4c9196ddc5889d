/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_DRAW_H
#define LEAT_REPORT_DRAW_H

/* report_draw: the plots of a run.
 *
 * A long run is drawn from so many points as there are pixels: seconds are put together, their
 * counts added, of latencies and states the greatest kept.
 *
 * Memory     a few points on the stack.
 * Affinity   none. */

#include "load_result.h"

#include <stdio.h>

/* leat_report_draw_rate: planned and begun connections a second, seconds with failures marked;
 * _latency: p50, p99 and the greatest over time; _quantiles: the whole run up to 99.999 %;
 * _states: connections in each state, TIME-WAIT by its own axis; _shards: how busy each was. */
void leat_report_draw_rate(const struct load_result *r, FILE *out);
void leat_report_draw_latency(const struct load_result *r, FILE *out);
void leat_report_draw_quantiles(const struct load_result *r, FILE *out);
void leat_report_draw_states(const struct load_result *r, FILE *out);
void leat_report_draw_shards(const struct load_result *r, FILE *out);

#endif
