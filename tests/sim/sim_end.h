/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIM_END_H
#define LEAT_SIM_END_H

/* sim_end: what the files of the simulated programs share.
 *
 *	sim_end    slots, peers, the end of an end     sim_open   listeners, connects, accepts
 *	sim_work   reading, writing, closing           sim_calm   when faults or everything are over
 *
 * See        sim.h. */

#include "sim.h"

#include <string.h>

#define SIM_NO_FLOW UINT32_MAX
#define SIM_NO_PEER UINT32_MAX

static inline uint32_t sim_end_idx(const struct sim_world *w, const struct sim_end *e)
{
	return (uint32_t)(e - w->end);
}

static inline bool sim_addr_eq(const struct leat_addr *a, const struct leat_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->octet, b->octet, a->family == 4 ? 4 : 16) == 0;
}

/* leat_sim_end_new gives a slot, NULL when all are taken.  Slots are used in turn, so that an end
 * that is over can still be asked for long. */
struct sim_end *leat_sim_end_new(struct sim_world *w, uint32_t host, uint32_t shard);
struct leat_stack *leat_sim_end_stack(struct sim_world *w, const struct sim_end *e);

/* leat_sim_end_expected is how many octets its peer means to write. */
uint32_t leat_sim_end_expected(const struct sim_world *w, const struct sim_end *e);

/* leat_sim_end_peer is the end it reads from, NULL while that is not known. */
struct sim_end *leat_sim_end_peer(struct sim_world *w, const struct sim_end *e);
bool leat_sim_graceful(const char *how);

/* leat_sim_end_over: the program is done with it. */
void leat_sim_end_over(struct sim_world *w, struct sim_end *e);
void leat_sim_end_close(struct sim_world *w, struct sim_end *e);
void leat_sim_end_abort(struct sim_world *w, struct sim_end *e);

/* leat_sim_end_arm lets it go on at an instant; leat_sim_end_step lets it do all it can now. */
void leat_sim_end_arm(struct sim_world *w, struct sim_end *e, uint64_t at);
void leat_sim_end_step(struct sim_world *w, struct sim_end *e);

/* leat_sim_flow_later tries to open once more. */
void leat_sim_flow_later(struct sim_world *w, uint32_t flow);

/* leat_sim_must fails the run when a call did not say what it should. */
void leat_sim_must(struct sim_world *w, int got, int want, const char *call);

/* sim_open.c */
void leat_sim_open_accepted(
	struct sim_world *w, uint32_t host, uint32_t shard, struct leat_conn conn);

#endif
