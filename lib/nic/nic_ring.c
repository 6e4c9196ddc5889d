/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_ring.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int make_rings(struct nic_ring *r, const char *name, uint32_t slots)
{
	for (uint32_t i = 0; i < 2u * r->queue_cnt; i++) {
		char text[RTE_RING_NAMESIZE];

		snprintf(text, sizeof(text), "%s_%u", name, i);
		r->ring[i] = rte_ring_create(text, (unsigned)pow2_ceil((uint64_t)slots + 1),
			SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (r->ring[i] == NULL) {
			leat_log(LOG_LV_ERROR, "nic", "%s: cannot make a ring of %u slots: %s",
				text, slots, strerror(rte_errno));
			return rte_errno > 0 ? -rte_errno : -ENOMEM;
		}
	}
	return 0;
}

/* make_port joins rx and tx into a port whose last address octet is octet. */
static int make_port(struct nic_ring *r, const char *name, struct rte_ring *const *rx,
	struct rte_ring *const *tx, uint8_t octet, struct nic_port *p)
{
	int id = rte_eth_from_rings(name, rx, r->queue_cnt, tx, r->queue_cnt, 0);

	if (id < 0) {
		leat_log(LOG_LV_ERROR, "nic", "%s: cannot make a ring port: %s", name,
			strerror(rte_errno));
		return rte_errno > 0 ? -rte_errno : -ENOMEM;
	}
	int error = leat_nic_port_by_id((uint16_t)id, p);
	p->remove = true;
	memcpy(p->mac, (const uint8_t[]){0x02, 0, 0, 0, 0, octet}, sizeof(p->mac));
	return error;
}

static void free_rings(struct nic_ring *r)
{
	for (uint32_t i = 0; i < 2u * r->queue_cnt; i++) {
		void *frame;

		while (r->ring[i] != NULL && rte_ring_dequeue(r->ring[i], &frame) == 0)
			rte_pktmbuf_free(frame);
		rte_ring_free(r->ring[i]);
		r->ring[i] = NULL;
	}
}

int leat_nic_ring_open(struct nic_ring *r, const char *name, uint16_t queue_cnt, uint32_t slots)
{
	char text[RTE_ETH_NAME_MAX_LEN];

	ASSERT(queue_cnt > 0);
	ASSERT(queue_cnt <= NIC_QUEUE_MAX);
	*r = (struct nic_ring){.queue_cnt = queue_cnt};
	int error = make_rings(r, name, slots);
	if (error != 0)
		goto no_port;
	snprintf(text, sizeof(text), "%s_a", name);
	error = make_port(r, text, r->ring + queue_cnt, r->ring, 1, &r->a);
	if (error != 0)
		goto no_port;
	snprintf(text, sizeof(text), "%s_b", name);
	error = make_port(r, text, r->ring, r->ring + queue_cnt, 2, &r->b);
	if (error != 0)
		goto one_port;
	return 0;
one_port:
	leat_nic_port_close(&r->a);
no_port:
	free_rings(r);
	return error;
}

uint32_t leat_nic_ring_held(const struct nic_ring *r, bool a_to_b)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < r->queue_cnt; i++)
		held += rte_ring_count(r->ring[a_to_b ? i : r->queue_cnt + i]);
	return held;
}

void leat_nic_ring_close(struct nic_ring *r)
{
	leat_nic_port_close(&r->a);
	leat_nic_port_close(&r->b);
	free_rings(r);
}
