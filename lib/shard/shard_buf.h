/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_BUF_H
#define LEAT_SHARD_BUF_H

/* shard_buf: packet buffers from the pool and back, most of them by a short way.
 *
 * EAL's own calls reset all of a buffer, and look at all of it again when it comes back.  A buffer
 * in the pool has one reference, one piece and no next (rte_mbuf.h), and a frame that we write
 * asks for none of the fields that a flag would have to name.  So a taken one needs no more than
 * its first line, and one that comes back as such goes to the pool by its address.  What is
 * shared, attached to foreign memory, chained, or of another pool goes EAL's way.
 *
 * Affinity   the shard's lcore; the pool is EAL's, which makes it safe.
 * Cost       one line of each buffer.
 * Errors     take: false, and nothing was taken. */

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

/* leat_shard_buf_take takes cnt empty buffers out of pool; all of them, or none. */
__attribute__((warn_unused_result)) bool leat_shard_buf_take(
	struct rte_mempool *pool, struct rte_mbuf **m, uint32_t cnt);

/* leat_shard_buf_free gives cnt frames back, most of them pool's.  The list is used up. */
void leat_shard_buf_free(struct rte_mempool *pool, void **buf, uint32_t cnt);

#endif
