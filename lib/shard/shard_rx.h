/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_RX_H
#define LEAT_SHARD_RX_H

/* shard_rx: one receive queue to one burst of the stack.
 *
 * A frame of another shard's flow is moved to it (shard_steer.h), and what others received for us
 * joins the burst.  A shard without a queue has nothing but that.
 *
 * The stack reads each frame where the device put it.  Only a frame that arrived in several
 * buffers is copied, into one; when it is too long for one, or there is none, it is dropped here
 * under the same names as the parser's verdicts.
 *
 *	frames + steer.moved_in = handed + drop_frame_long + drop_no_buf
 *		+ impair.lost_cnt + impair.held_cnt + steer.moved_out + steer.dropped
 *
 * Shape      a burst of STACK_BURST_MAX, at most half of it moved frames; of the queue half while
 *            the wire is impaired, which may hold back the other half.
 * Memory     a frame handed to the stack is the stack's until leat_stack_give.
 * Affinity   the shard's lcore.
 * Errors     none; what is dropped is counted by name. */

#include "nic_port.h"
#include "shard_capture.h"
#include "shard_impair.h"
#include "shard_steer.h"
#include "shard_wire.h"
#include "stack.h"

struct rte_mempool;

#define SHARD_NO_QUEUE     UINT16_MAX
#define SHARD_RX_MOVED_MAX (STACK_BURST_MAX / 2) /* of a burst */
#define SHARD_RX_CHUNK_MAX 16                    /* buffers of one frame that are gathered */

struct shard_rx {
	const struct nic_port *port;
	struct rte_mempool *pool;
	uint16_t queue; /* SHARD_NO_QUEUE: none of its own */
	uint64_t frames, handed, drop_frame_long, drop_no_buf, gathered;
	struct shard_impair impair;
	struct shard_wire wire; /* frames: what leaves it here */
	struct shard_steer steer;
	const struct shard_capture_set *capture; /* NULL: nobody captures */
};

/* leat_shard_rx fills burst with what arrived, and returns how many frames were read, those of
 * other shards included. */
uint32_t leat_shard_rx(struct shard_rx *rx, uint64_t now, struct stack_burst *burst);

/* leat_shard_rx_close frees the frames that are held back. */
void leat_shard_rx_close(struct shard_rx *rx);

#endif
