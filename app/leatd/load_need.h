/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_NEED_H
#define LEAT_LOAD_NEED_H

/* load_need: what `leat load` needs of addresses, ports, records and memory for its plan.
 *
 * A connection that we close first keeps its pair of address and port for 2MSL.  So
 *
 *	tuples  =  sources x source ports x targets
 *	needed  =  min(connections of the plan, rate x 2MSL)
 *	highest rate that can go on  =  tuples / 2MSL
 *
 * When the server closes first, or nobody (reset), a pair is free again at once: there is no such
 * limit on our side.
 *
 * Affinity   boot.
 * Errors     enum opt_exit, after one line on stderr with what is needed, what there is, and what
 *            to add. */

#include "load_result.h"
#include "opt_load.h"
#include "plan.h"

struct load_need {
	struct plan plan;
	struct load_config load; /* of a shard, but for its phase and its share in flight */
	uint64_t tuples, needed;
	uint64_t rest_ns;           /* how long a pair that we closed first is of no use */
	uint64_t rate_milli_max;    /* 0: any */
	struct load_target *target; /* of the options, and of their file */
	uint32_t target_cnt;
	uint64_t pairs; /* of address and port, of all targets */
	uint8_t *body;  /* of POST, from a file */
	uint64_t body_octets;
};

/* leat_load_need works it out, and reads the files of --request @FILE and --target @FILE.  A
 * concurrency that nobody gave becomes no more than there are pairs, where each in flight needs
 * one. */
enum opt_exit leat_load_need(struct load_options *o, struct load_need *n);

/* leat_load_need_check says whether the pairs suffice, and the machine; a note when a closed load
 * may come to the limit. */
enum opt_exit leat_load_need_check(const struct load_options *o, const struct load_need *n);

/* leat_load_need_flight is how many of those in flight shard idx has room for: its share, but no
 * more than the pairs can be of use to. */
uint32_t leat_load_need_flight(
	const struct load_options *o, const struct load_need *n, uint32_t idx);

/* leat_load_need_pairs is how many pairs of address and port an open load needs at a rate;
 * _waiting how many of its connections will be in TIME-WAIT here. */
uint64_t leat_load_need_pairs(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli);
uint64_t leat_load_need_waiting(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli);

void leat_load_need_free(struct load_need *n);

#endif
