/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TRY_PRINT_H
#define LEAT_TRY_PRINT_H

/* try_print: what `leat try` shows: a header, a line a second, the ledger.
 *
 * With json each is one object on one line, and nothing else stands on stdout.
 *
 * Affinity   the thread that holds the view. */

#include "base_hist.h"
#include "base_time.h"
#include "boot.h"
#include "load.h"
#include "opt_try.h"
#include "report.h"
#include "try_wire.h"

/* The wire is a microsecond long: the kernels' least RTO, not RFC 6298's second, so that a lost FIN
 * comes again within the demo's 2MSL. */
#define TRY_RTO_MIN_NS (200 * TIME_MS)

/* What is known of both ends at one instant, and what was known a second before. */
struct try_view {
	const struct try_options *o;
	const struct boot *boot; /* NULL: no peer outlives this run */
	bool huge, one_lcore, shrunk, load_done;
	const struct try_wire *wire;
	uint32_t lcore_cnt;
	uint32_t cpu[2]; /* of the first client and the first server */
	size_t octets;   /* of memory */
	uint64_t seconds, ran_ns, rate_completed;
	struct shard_counts client, server;
	struct stack_gauge client_gauge, server_gauge; /* at the end */
	struct load_counters load;
	struct hist connect;
	uint64_t before_completed, before_ns, before_busy_ns;
	struct hist before_connect, delta;
	uint64_t busiest_ns; /* of the busiest shard; a server's?  Where? */
	bool busy_server;
	uint32_t busy_cpu;
	uint32_t busy;                           /* the same in per cent, by leat_try_busy */
	uint32_t wire_to_server, wire_to_client; /* frames left on the rings */
};

void leat_try_print_head(const struct try_view *v);

/* leat_try_print_second prints the view at_ns after the start and makes it the one before. */
void leat_try_print_second(struct try_view *v, uint64_t at_ns);

/* leat_try_print_drain says what is still open a while after the load ended. */
void leat_try_print_drain(const struct try_view *v);

/* leat_try_busy is how busy the busiest shard was, in per cent of the time so far. */
uint32_t leat_try_busy(const struct try_view *v);

/* leat_try_print_end prints the ledger and says whether it balances. */
bool leat_try_print_end(struct try_view *v);

#endif
