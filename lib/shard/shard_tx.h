/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_TX_H
#define LEAT_SHARD_TX_H

/* shard_tx: what a stack has to send, to one transmit queue.
 *
 *	spare ─► leat_stack_output writes the frame ─► queue ─► device
 *	  ▲
 *	  └── taken from the pool in bulk, and laid out for the stack as they come
 *
 * When the device takes no more, frames stay on the queue in order, and the stack is asked for no
 * more than the queue has room for: what is not asked for waits in the stack, unsent.  So nothing
 * is lost here; how many frames waited for a full device, and how often the pool was empty, is
 * counted.
 *
 * A shard without a queue of its own sends over a lane to one that has one, and that one carries:
 * a full lane makes frames wait as a full device does.
 *
 *	frames the stack put out = frames + queue_cnt
 *
 * Shape      a queue of SHARD_TX_QUEUE frames.
 * Memory     takes buffers from the pool, gives them to the device.
 * Affinity   the shard's lcore.
 * Errors     none; a full device and an empty pool are counted (full, no_buf), and tried again. */

#include "nic_port.h"
#include "shard_asked.h"
#include "shard_capture.h"
#include "shard_lane.h"
#include "shard_wire.h"
#include "stack.h"

struct rte_mbuf;
struct rte_mempool;

#define SHARD_TX_QUEUE    128
#define SHARD_TX_LANE_MAX 64

struct shard_tx {
	const struct nic_port *port;
	struct rte_mempool *pool;
	uint16_t queue;
	bool down; /* the link is: what the device does not take is lost, and not tried again */
	bool off;  /* with down: the queue is not ours to touch */
	uint64_t frames, full, no_buf, lost;
	uint32_t spare_cnt, queue_cnt;
	uint32_t late_cnt; /* of the queue, its first: they are counted in full */
	struct rte_mbuf *spare[STACK_BURST_MAX]; /* the last spare_cnt places */
	struct stack_frame out[STACK_BURST_MAX]; /* each spare, as the stack is to write it */
	struct rte_mbuf *frame[SHARD_TX_QUEUE];
	/* Told which neighbours are asked for, before the question leaves. */
	uint32_t asked_cnt;
	struct shard_asked *asked[SHARD_TX_LANE_MAX];
	struct shard_lane *over;                 /* NULL: the queue is ours */
	struct shard_wire wire;                  /* frames: what enters it here */
	uint64_t now;                            /* of the last output */
	const struct shard_capture_set *capture; /* NULL: nobody captures */
	uint32_t due_cnt;
	struct rte_mbuf *due[STACK_BURST_MAX]; /* left the wire; the device is to take them */
	/* Carried for shards without a queue: taken from their lanes, and not sent yet. */
	uint64_t carried;
	uint32_t lane_cnt, lane_next, waiting_cnt;
	struct shard_lane *lane[SHARD_TX_LANE_MAX];
	struct rte_mbuf *waiting[STACK_BURST_MAX];
};

/* leat_shard_tx_output asks the stack for frames until it has no more or the queue is full.
 * Returns how many. */
uint32_t leat_shard_tx_output(struct shard_tx *tx, struct leat_stack *stack, uint64_t now);

/* leat_shard_tx_send gives the device what it takes of the queue, and of what is carried; returns
 * how many frames it carried. */
uint32_t leat_shard_tx_send(struct shard_tx *tx);

/* leat_shard_tx_close frees what was not sent, and the spares. */
void leat_shard_tx_close(struct shard_tx *tx);

#endif
