/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_SNAPSHOT_H
#define LEAT_WATCH_SNAPSHOT_H

/* watch_snapshot: everything an operator sees of an instance, at one time.
 *
 *	head                       what is of the instance: its name, its pool, its device
 *	cell[shard][0..CELL_CNT)   numbers of each shard, the same of each:
 *	    single ones            watch_cell.def: turns, busy_ns, rx_frames, ...
 *	    groups                 wire.drop_ip_csum, segment.ok, arrow.LISTEN.SEND, ended.reset,
 *	                           time_wait.expired, present.listen, oldest_ns.listen, due.0, ...
 *
 * All are counts since the start, but present, oldest_ns, due, persisting, unheard, rbuf_held,
 * tx_queued and the load's in_flight, which are of now, and what is called lately_, which is of the
 * last seconds, since an event that comes ever more seldom is no rate.  So a rate is a difference
 * of two snapshots, of whatever age.
 *
 * As text it is a line a name, without those that are 0 of every shard; who reads it passes over
 * names he does not know, so that another version of the program can be read as far as it goes:
 *
 *	leat.snapshot/1
 *	text name lab-a
 *	head up_ns 761000000000
 *	shards 2
 *	row turns 8123456 8123990
 *	end
 *
 * Shape      WATCH_SHARD_MAX shards of some 4 KiB each.
 * Units      ns, octets, connections; names say which.
 * Memory     the caller's.
 * Affinity   none; a copy.
 * Errors     false for what is no snapshot, or ends before its end.
 * See        shard_look.h, which measures; docs/top.md, docs/metrics.md for what is shown of it. */

#include "base_hist.h"
#include "stack_gauge.h"
#include "tcp_engine.h"
#include "wire_verdict.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WATCH_SHARD_MAX  64
#define WATCH_TEXT_MAX   64
#define WATCH_NAME_MAX   64 /* of a cell */
#define WATCH_STAGE_CNT  7
#define WATCH_TURN_CNT   (HIST_SLOT_CNT >> WATCH_TURN_SHIFT)
#define WATCH_TURN_SHIFT 5  /* of hist_slot: a place is a quarter of a power of two */
#define WATCH_LOAD_CNT   10 /* numbers of a generator */
#define WATCH_DUE_CNT    64 /* places of when TIME-WAIT ends */
#define WATCH_FAIL_CNT   16
#define WATCH_SKIP_CNT   8

enum watch_head {
#define HEAD(NAME, name) WATCH_H_##NAME,
#include "watch_head.def"
#undef HEAD
	WATCH_HEAD_CNT
};

/* The groups, and where each begins; WATCH_C_ of watch_cell.def are before them. */
enum watch_cell {
#define CELL(NAME, name, from) WATCH_C_##NAME,
#define PEAK                   CELL
#include "watch_cell.def"
#undef PEAK
#undef CELL
	WATCH_C_CPU, /* what is of a shard and no count */
	WATCH_C_ROLE,
	WATCH_C_SILENT,   /* it does not turn: its numbers are older */
	WATCH_C_PLACES,   /* in its TIME-WAIT */
	WATCH_C_PERSISTS, /* connections that wait for a window, for an acknowledgment */
	WATCH_C_UNHEARD,
	WATCH_C_LATELY_FULL, /* of the last seconds: SYNs and connects without a place to wait in */
	WATCH_C_LATELY_REJECTED, /* SYNs to TIME-WAIT that might not reuse it */
	WATCH_CELL_SINGLE_CNT,
	WATCH_WIRE = WATCH_CELL_SINGLE_CNT,
	WATCH_SEGMENT = WATCH_WIRE + WIRE_V_CNT,
	WATCH_ARROW = WATCH_SEGMENT + TCP_V_CNT,
	WATCH_ENDED = WATCH_ARROW + TCP_ARROW_CNT,
	WATCH_OUTCOME = WATCH_ENDED + TCP_END_CNT,
	WATCH_PRESENT = WATCH_OUTCOME + STACK_OUTCOME_MAX,
	WATCH_OLDEST = WATCH_PRESENT + TCP_ST_CNT, /* of all shards the greatest */
	WATCH_DUE = WATCH_OLDEST + TCP_ST_CNT,     /* when TIME-WAIT ends: i-th width from now */
	WATCH_TW_LATE = WATCH_DUE + WATCH_DUE_CNT, /* by hist_octave */
	WATCH_TIMER_LATE = WATCH_TW_LATE + HIST_OCTAVE_CNT,
	WATCH_STAGE = WATCH_TIMER_LATE + HIST_OCTAVE_CNT, /* ns */
	WATCH_TURN = WATCH_STAGE + WATCH_STAGE_CNT,
	WATCH_LOAD = WATCH_TURN + WATCH_TURN_CNT,
	WATCH_FAIL = WATCH_LOAD + WATCH_LOAD_CNT,
	WATCH_SKIP = WATCH_FAIL + WATCH_FAIL_CNT,
	WATCH_CONNECT = WATCH_SKIP + WATCH_SKIP_CNT, /* by hist_octave */
	WATCH_RESPONSE = WATCH_CONNECT + HIST_OCTAVE_CNT,
	WATCH_CELL_CNT = WATCH_RESPONSE + HIST_OCTAVE_CNT
};

/* Of WATCH_LOAD. */
enum watch_load {
	WATCH_L_PLANNED,
	WATCH_L_STARTED,
	WATCH_L_LATE,
	WATCH_L_CONNECTED,
	WATCH_L_COMPLETED,
	WATCH_L_FAILED,
	WATCH_L_NOT_STARTED,
	WATCH_L_IN_FLIGHT,
	WATCH_L_CONNECT_NS, /* sums of the two histograms */
	WATCH_L_RESPONSE_NS,
	WATCH_L_CNT
};

enum watch_role {
	WATCH_SERVER,
	WATCH_CLIENT,
	WATCH_ROLE_CNT
};

struct watch_snapshot {
	char name[WATCH_TEXT_MAX], verb[WATCH_TEXT_MAX], version[WATCH_TEXT_MAX];
	char dpdk[WATCH_TEXT_MAX], device[WATCH_TEXT_MAX];
	uint64_t head[WATCH_HEAD_CNT];
	uint32_t shard_cnt;
	uint64_t cell[WATCH_SHARD_MAX][WATCH_CELL_CNT];
};

/* leat_watch_cell_name writes the name of a cell: "turns", "present.time_wait". */
const char *leat_watch_cell_name(uint32_t cell, char name[WATCH_NAME_MAX]);

/* leat_watch_state_key is a state as node_exporter spells it: "syn_recv", "fin_wait1". */
const char *leat_watch_state_key(uint8_t state);

/* leat_watch_stage_name is what a shard spends its time on: "rx", "parse", ... */
const char *leat_watch_stage_name(uint32_t stage);

/* leat_watch_end_key is how a connection ended: "reset"; leat_watch_load_key a number of
 * WATCH_LOAD; leat_watch_role_name "server" or "client". */
const char *leat_watch_end_key(uint32_t end);
const char *leat_watch_load_key(uint32_t load);
const char *leat_watch_role_name(uint64_t role);

/* leat_watch_snapshot_sum adds up all shards; role below WATCH_ROLE_CNT: only those of that role.
 */
void leat_watch_snapshot_sum(
	const struct watch_snapshot *s, uint32_t role, uint64_t sum[WATCH_CELL_CNT]);

/* leat_watch_drops is how many frames and segments of cell were not used, for whatever reason. */
uint64_t leat_watch_drops(const uint64_t cell[WATCH_CELL_CNT]);

/* A reason for which frames and segments are not used. */
struct watch_drop {
	const char *name;
	const char *sentence;
	uint64_t cnt;
};

/* leat_watch_drop is reason i; false: there are no more. */
bool leat_watch_drop(const uint64_t cell[WATCH_CELL_CNT], uint32_t i, struct watch_drop *drop);

/* leat_watch_octave_at is the longest duration of the octave that millionths of all counts do not
 * exceed; 0: there are none. */
uint64_t leat_watch_octave_at(const uint64_t cnt[HIST_OCTAVE_CNT], uint32_t millionths);

/* leat_watch_turn_at is likewise of WATCH_TURN. */
uint64_t leat_watch_turn_at(const uint64_t cnt[WATCH_TURN_CNT], uint32_t millionths);

/* leat_watch_snapshot_print writes s as text; _read reads the next one from in. */
void leat_watch_snapshot_print(const struct watch_snapshot *s, FILE *out);
bool leat_watch_snapshot_read(struct watch_snapshot *s, FILE *in);

#endif
