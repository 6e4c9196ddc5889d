/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_HOPS_H
#define LEAT_LOAD_HOPS_H

/* load_hops: before a load begins, its targets' next hops are neighbours that are known.
 *
 * A thousand SYNs in the first turns are more than wait for an answer to one question.  Targets on
 * the link are each its own next hop, and may be many: so many are asked for at one time, and
 * the next ones when all of these have answered.
 *
 * Affinity   ask: the shard's lcore; the rest is read when it has answered. */

#include "load_need.h"
#include "shard.h"

struct load_hops {
	const struct load_need *need;
	const struct shard *shard;
	uint32_t target, addr; /* the first that is not known */
	uint64_t known_cnt;    /* addresses before it */
	struct ip silent;      /* the next hop, with !all, that did not answer yet */
	bool all;              /* are known */
};

/* leat_load_hops_ask asks for those to come; arg is a struct load_hops. */
void leat_load_hops_ask(void *arg);

/* leat_load_hops_say says on stderr who of those of cnt shards does not answer. */
void leat_load_hops_say(const struct load_hops *hops, uint32_t cnt);

#endif
