/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_tx.h"

#include "base_assert.h"
#include "base_bits.h"
#include "nic_offload.h"

#include <rte_mbuf.h>

#include <string.h>

/* refill takes a whole burst of spares, so that a turn takes from the pool about once. */
static void refill(struct shard_tx *tx)
{
	uint32_t missing = STACK_BURST_MAX - tx->spare_cnt;

	if (missing == 0)
		return;
	if (rte_pktmbuf_alloc_bulk(tx->pool, tx->spare + tx->spare_cnt, missing) == 0)
		tx->spare_cnt = STACK_BURST_MAX;
	else
		tx->no_buf++;
}

/* finish makes of a written frame what the device sends. */
static void finish(const struct shard_tx *tx, const struct stack_frame *f, struct rte_mbuf *m)
{
	DCHECK(f->octets > 0);
	DCHECK(f->octets <= f->room);
	m->data_len = (uint16_t)f->octets;
	m->pkt_len = f->octets;
	if ((f->is_tcp && tx->port->tx_csum_l4) || (f->is_ip4 && tx->port->tx_csum_ip)) {
		m->tx_offload = rte_mbuf_tx_offload(f->l2_octets, f->l3_octets, 0, 0, 0, 0, 0);
		nic_csum_ask(tx->port, m, f->is_tcp, f->is_ip4);
	}
}

/* output_burst asks the stack for want frames, taking spares from the end; returns how many. */
static uint32_t output_burst(
	struct shard_tx *tx, struct leat_stack *stack, uint64_t now, uint32_t want)
{
	struct stack_frame f[STACK_BURST_MAX];

	for (uint32_t i = 0; i < want; i++) {
		struct rte_mbuf *m = tx->spare[tx->spare_cnt - 1 - i];

		f[i].data = rte_pktmbuf_mtod(m, uint8_t *);
		f[i].room = rte_pktmbuf_tailroom(m);
	}
	uint32_t cnt = leat_stack_output(stack, now, f, want);
	DCHECK(cnt <= want);
	for (uint32_t i = 0; i < cnt; i++) {
		struct rte_mbuf *m = tx->spare[--tx->spare_cnt];

		finish(tx, &f[i], m);
		tx->frame[tx->queue_cnt++] = m;
	}
	return cnt;
}

uint32_t leat_shard_tx_output(struct shard_tx *tx, struct leat_stack *stack, uint64_t now)
{
	uint32_t total = 0;

	while (tx->queue_cnt < SHARD_TX_QUEUE) {
		refill(tx);
		uint32_t want = u32_min(tx->spare_cnt, SHARD_TX_QUEUE - tx->queue_cnt);
		uint32_t cnt = want == 0 ? 0 : output_burst(tx, stack, now, want);
		total += cnt;
		if (cnt < want || want == 0)
			break;
	}
	return total;
}

/* put gives the device what it takes of cnt frames. */
static uint32_t put(struct shard_tx *tx, struct rte_mbuf **frame, uint32_t cnt)
{
	if (LIKELY(!tx->off))
		return leat_nic_port_tx(tx->port, tx->queue, frame, (uint16_t)cnt);
	rte_pktmbuf_free_bulk(frame, cnt);
	tx->lost += cnt;
	return cnt;
}

void leat_shard_tx_send(struct shard_tx *tx)
{
	if (tx->queue_cnt == 0)
		return;
	uint32_t sent = put(tx, tx->frame, tx->queue_cnt);
	tx->frames += sent;
	tx->queue_cnt -= sent;
	if (UNLIKELY(tx->queue_cnt != 0)) {
		tx->full++;
		memmove(tx->frame, tx->frame + sent, tx->queue_cnt * sizeof(tx->frame[0]));
	}
}

void leat_shard_tx_close(struct shard_tx *tx)
{
	rte_pktmbuf_free_bulk(tx->frame, tx->queue_cnt);
	rte_pktmbuf_free_bulk(tx->spare, tx->spare_cnt);
	tx->queue_cnt = tx->spare_cnt = 0;
}
