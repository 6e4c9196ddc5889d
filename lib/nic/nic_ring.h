/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_RING_H
#define LEAT_NIC_RING_H

/* nic_ring: two ports joined inside the process, a wire made of rings.
 *
 *	port a   tx q ──► ring ──► rx q   port b
 *	         rx q ◄── ring ◄── tx q
 *
 * What one end sends is what the other receives: the same buffer, not a copy.  A full ring takes
 * no more, as a device does; nothing is lost on it.
 *
 * Shape      queue_cnt rings each way, one producer and one consumer each.
 * Units      slots: frames a ring holds, rounded up to a power of two less one.
 * Memory     the rings, from EAL, until close.
 * Affinity   boot; each queue's ends belong to two shards.
 * Errors     negative errno and one line in the log. */

#include "nic_port.h"

struct rte_ring;

struct nic_ring {
	struct nic_port a, b;
	uint16_t queue_cnt;
	struct rte_ring *ring[2 * NIC_QUEUE_MAX]; /* a to b first, then b to a */
};

/* leat_nic_ring_open makes both ports; name keeps several pairs apart.  Each end gets a locally
 * administered address.  -ENOMEM, or the driver's error. */
__attribute__((warn_unused_result)) int leat_nic_ring_open(
	struct nic_ring *r, const char *name, uint16_t queue_cnt, uint32_t slots);

/* leat_nic_ring_held is how many frames lie on the wire from a to b, or from b to a. */
uint32_t leat_nic_ring_held(const struct nic_ring *r, bool a_to_b);

/* leat_nic_ring_close closes both ports and frees what still lay on the rings. */
void leat_nic_ring_close(struct nic_ring *r);

#endif
