/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_HOPS_H
#define LEAT_LOAD_HOPS_H

/* load_hops: before a load begins, its targets' next hops are neighbours that are known.
 *
 * A thousand SYNs in the first turns are more than wait for an answer to one question.  Targets on
 * the link are each its own next hop, and may be many: so many are asked for at one time, and
 * the next ones when all of these have answered; of those that are known, or behind a gateway that
 * is, no more are looked at in one turn than LOAD_HOPS_LOOK.
 *
 * Affinity   ask: the shard's lcore; the rest is read when it has answered. */

#include "base_bits.h"
#include "load_need.h"
#include "plane.h"
#include "shard.h"

#define LOAD_HOPS_LOOK 8192

/* Of one shard; no line of it is another's. */
struct load_hops {
	_Alignas(CACHE_LINE) const struct load_need *need;
	const struct shard *shard;
	uint32_t target, addr; /* the first that is not known */
	bool more;             /* are known than before the last question */
	struct ip silent;      /* the next hop, with !all, that did not answer yet */
	bool all;              /* are known, as far as they were looked at */
	bool ended;            /* that was all there are */
};

/* leat_load_hops_ask asks for those to come; arg is a struct load_hops. */
void leat_load_hops_ask(void *arg);

/* leat_load_hops_say says on stderr which next hop, or which of the plane's shards, does not
 * answer. */
void leat_load_hops_say(const struct load_hops *hops, const struct plane *plane);

#endif
