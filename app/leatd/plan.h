/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PLAN_H
#define LEAT_PLAN_H

/* plan: what `leat serve` is going to take, before it takes any of it.
 *
 * One formula: what is planned here is what the run allocates, and `leat plan serve` prints it.
 * Nothing is touched but files of the kernel that tell of cores, nodes and memory.
 *
 *	options ─► cores, node ─► limits of a stack ─► rows ─► refuse, print, or run
 *
 * Shape      a row is one kind of record of each shard, or of all shards together.
 * Units      octets, of memory that is taken at the start and never again.
 * Affinity   boot.
 * Errors     enum opt_exit, after one line on stderr with what is needed and what there is. */

#include "nic_topo.h"
#include "opt_serve.h"
#include "plane_eal.h"
#include "room.h"
#include "service.h"
#include "stack.h"

#define PLAN_ROW_MAX  20
#define PLAN_SLOTS    1024 /* descriptors of a queue */
#define PLAN_OPEN_MAX 160

struct plan_row {
	const char *name;
	uint64_t cnt;    /* records of one shard; 0: none to speak of */
	uint64_t octets; /* of one shard */
	bool shared;     /* once, for all shards */
};

struct plan {
	struct nic_topo topo;
	int node; /* of the device, -1: nowhere in particular */
	uint16_t cpu[PLANE_LCORE_MAX];
	uint32_t cpu_cnt, shard_cnt;
	uint64_t open_wish; /* connections of each shard that are wished to be open at once */
	struct stack_config stack;
	struct nic_pool_plan pool;
	struct service_config service;
	size_t program_octets; /* of one shard's program, with */
	uint32_t program_cnt;  /* so many records */
	struct eal_memory eal;
	struct plan_row row[PLAN_ROW_MAX];
	uint32_t row_cnt;
	uint64_t taken_octets; /* by the plane: stacks, programs, boxes */
	uint64_t each_octets;  /* of them by one shard, at its core's node */
	struct room room;      /* that the kernel could give now */
};

/* leat_plan_serve works the plan of o out; it says only what is wrong with the options. */
enum opt_exit leat_plan_serve(const struct serve_options *o, struct plan *p);

/* leat_plan_begin works out a stack and the cores for any role; what the role wants of the stack
 * besides is put in before leat_plan_end, which adds packet buffers, a program of octets and cnt
 * records on each shard, and the sums. */
enum opt_exit leat_plan_begin(const struct serve_options *o, struct plan *p);
enum opt_exit leat_plan_end(
	const struct serve_options *o, struct plan *p, size_t octets, uint32_t cnt);

/* leat_plan_check says whether the machine has what the plan needs. */
enum opt_exit leat_plan_check(const struct serve_options *o, const struct plan *p);

/* leat_plan_warn writes a line to stderr for each core that is not at the device's node, and when
 * huge pages are there but too few. */
void leat_plan_warn(const struct serve_options *o, const struct plan *p);

/* leat_plan_pool_node is where packet buffers in huge pages belong: at the device, when that node
 * has as many; else -1. */
int leat_plan_pool_node(const struct plan *p);

/* leat_plan_node_octets is what the shards whose cores are at node take there. */
uint64_t leat_plan_node_octets(const struct plan *p, int node);

/* leat_plan_open writes that fewer connections can be open than are wished, and what would do, into
 * text of PLAN_OPEN_MAX; false: as many can be. */
bool leat_plan_open(const struct serve_options *o, const struct plan *p, char *text, size_t size);

/* leat_plan_octets is the sum of the rows over all shards. */
uint64_t leat_plan_octets(const struct plan *p);

/* leat_plan_print writes the table, and what follows from it for a server; _table without that,
 * for any role. */
void leat_plan_print(const struct serve_options *o, const struct plan *p, FILE *out);
void leat_plan_table(
	const struct serve_options *o, const struct plan *p, const char *role, FILE *out);

#endif
