/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TELEMETRY_H
#define LEAT_TELEMETRY_H

/* telemetry: what dpdk-telemetry.py and telegraf ask DPDK's own socket.
 *
 *	/leat/info         instance, devices, pool, limits
 *	/leat/states       connections by state, all shards
 *	/leat/shard,N      what shard N counted
 *	/leat/timers,N     its timers: fired, how late
 *	/leat/drops        what was not used, by reason
 *	/leat/latency      of a client: connect and response, in microseconds
 *
 * Each is one flat dictionary of numbers, as telegraf flattens JSON.
 *
 * Affinity   start, stop: the main thread, EAL being up; the commands: DPDK's threads.
 * Errors     a command without an instance, or with a number of no shard, gives an error. */

#include "sight.h"

/* leat_telemetry_start registers the commands, which look through s until _stop. */
void leat_telemetry_start(struct sight *s);
void leat_telemetry_stop(void);

#endif
