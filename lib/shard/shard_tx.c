/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_tx.h"

#include "base_assert.h"
#include "base_bits.h"
#include "nic_offload.h"
#include "shard_buf.h"

#include <rte_mbuf.h>

#include <string.h>

/* refill makes spares a whole burst again, so that a turn takes from the pool about once. */
static void refill(struct shard_tx *tx)
{
	uint32_t missing = STACK_BURST_MAX - tx->spare_cnt;

	if (missing == 0)
		return;
	if (UNLIKELY(!leat_shard_buf_take(tx->pool, tx->spare, missing))) {
		tx->no_buf++;
		return;
	}
	for (uint32_t i = 0; i < missing; i++) {
		tx->out[i].data = rte_pktmbuf_mtod(tx->spare[i], uint8_t *);
		tx->out[i].room = rte_pktmbuf_tailroom(tx->spare[i]);
	}
	tx->spare_cnt = STACK_BURST_MAX;
}

/* ask_csums tells the device which checksums of a frame to complete. */
static void ask_csums(const struct shard_tx *tx, const struct stack_frame *f, struct rte_mbuf *m)
{
	if ((f->is_tcp && tx->port->tx_csum_l4) || (f->is_ip4 && tx->port->tx_csum_ip)) {
		m->tx_offload = rte_mbuf_tx_offload(f->l2_octets, f->l3_octets, 0, 0, 0, 0, 0);
		nic_csum_ask(tx->port, m, f->is_tcp, f->is_ip4);
	}
}

/* tell_question tells the other shards of the port whom a frame asks for. */
static void tell_question(struct shard_tx *tx, const struct stack_frame *f)
{
	struct ip ip;

	if (!leat_shard_asked_question(f->data, f->octets, &ip))
		return;
	for (uint32_t i = 0; i < tx->asked_cnt; i++)
		leat_shard_asked_tell(tx->asked[i], ip, tx->now);
}

/* queue_up takes cnt spares, which are written now, as frames to send. */
static void queue_up(struct shard_tx *tx, uint32_t cnt)
{
	const bool asks = tx->port->tx_csum_l4 || tx->port->tx_csum_ip;
	const uint32_t from = STACK_BURST_MAX - tx->spare_cnt;

	for (uint32_t i = 0; i < cnt; i++) {
		const struct stack_frame *f = &tx->out[from + i];
		struct rte_mbuf *m = tx->spare[from + i];

		DCHECK(f->octets > 0);
		DCHECK(f->octets <= f->room);
		m->data_len = (uint16_t)f->octets;
		m->pkt_len = f->octets;
		if (asks)
			ask_csums(tx, f, m);
		if (UNLIKELY(!f->is_tcp) && tx->asked_cnt != 0)
			tell_question(tx, f);
	}
	memcpy(&tx->frame[tx->queue_cnt], &tx->spare[from], cnt * sizeof(tx->frame[0]));
	tx->spare_cnt -= cnt;
	tx->queue_cnt += cnt;
}

/* output_burst asks the stack for want frames, written to spares; returns how many. */
static uint32_t output_burst(struct shard_tx *tx, struct leat_stack *stack, uint32_t want)
{
	struct stack_frame *f = &tx->out[STACK_BURST_MAX - tx->spare_cnt];
	uint32_t cnt = leat_stack_output(stack, tx->now, f, want);

	DCHECK(cnt <= want);
	if (cnt == 0)
		return 0;
	if (UNLIKELY(tx->capture != NULL))
		leat_shard_capture_sent(tx->capture, f, cnt, tx->now);
	queue_up(tx, cnt);
	return cnt;
}

uint32_t leat_shard_tx_output(struct shard_tx *tx, struct leat_stack *stack, uint64_t now)
{
	uint32_t total = 0;

	tx->now = now;
	while (tx->queue_cnt < SHARD_TX_QUEUE) {
		refill(tx);
		uint32_t want = u32_min(tx->spare_cnt, SHARD_TX_QUEUE - tx->queue_cnt);
		uint32_t cnt = want == 0 ? 0 : output_burst(tx, stack, want);
		total += cnt;
		if (cnt < want || want == 0)
			break;
	}
	return total;
}

/* put_device gives the device what it takes of cnt frames. */
static uint32_t put_device(struct shard_tx *tx, struct rte_mbuf **frame, uint32_t cnt)
{
	uint32_t sent = 0;

	if (LIKELY(!tx->off))
		sent = leat_nic_port_tx(tx->port, tx->queue, frame, (uint16_t)cnt);
	if (LIKELY(!tx->down))
		return sent;
	/* What a device without a link does not take now it would not take the next turn either. */
	rte_pktmbuf_free_bulk(frame + sent, cnt - sent);
	tx->lost += cnt - sent;
	return cnt;
}

/* put gives cnt frames to the device, or lays them on the wire in front of it. */
static uint32_t put(struct shard_tx *tx, struct rte_mbuf **frame, uint32_t cnt)
{
	if (LIKELY(!tx->wire.on))
		return put_device(tx, frame, cnt);
	leat_shard_wire_put(&tx->wire, tx->now, (void **)frame, cnt);
	return cnt;
}

/* send_wire gives the device what has come to the end of the wire. */
static void send_wire(struct shard_tx *tx)
{
	for (;;) {
		if (tx->due_cnt == 0)
			tx->due_cnt = leat_shard_wire_take(
				&tx->wire, tx->now, (void **)tx->due, STACK_BURST_MAX);
		if (tx->due_cnt == 0)
			return;
		uint32_t sent = put_device(tx, tx->due, tx->due_cnt);
		tx->due_cnt -= sent;
		memmove(tx->due, tx->due + sent, tx->due_cnt * sizeof(tx->due[0]));
		if (tx->due_cnt != 0)
			return;
	}
}

/* put_over sends by lane what it takes. */
static uint32_t put_over(struct shard_tx *tx)
{
	uint32_t sent = 0;

	while (sent < tx->queue_cnt && leat_shard_lane_put(tx->over, tx->frame[sent]))
		sent++;
	return sent;
}

static void send_own(struct shard_tx *tx)
{
	if (tx->queue_cnt == 0)
		return;
	uint32_t sent = tx->over != NULL ? put_over(tx) : put(tx, tx->frame, tx->queue_cnt);
	tx->frames += sent;
	tx->queue_cnt -= sent;
	tx->late_cnt -= u32_min(tx->late_cnt, sent);
	if (UNLIKELY(tx->queue_cnt != 0)) {
		tx->full += tx->queue_cnt - tx->late_cnt;
		tx->late_cnt = tx->queue_cnt;
		memmove(tx->frame, tx->frame + sent, tx->queue_cnt * sizeof(tx->frame[0]));
	}
}

/* carry_one sends a burst of one lane; false: the device takes no more. */
static bool carry_one(struct shard_tx *tx, struct shard_lane *lane)
{
	if (tx->waiting_cnt == 0) {
		void **frame = (void **)tx->waiting;
		tx->waiting_cnt = leat_shard_lane_take(lane, frame, STACK_BURST_MAX);
	}
	if (tx->waiting_cnt == 0)
		return true;
	uint32_t sent = put(tx, tx->waiting, tx->waiting_cnt);
	tx->carried += sent;
	tx->waiting_cnt -= sent;
	memmove(tx->waiting, tx->waiting + sent, tx->waiting_cnt * sizeof(tx->waiting[0]));
	return tx->waiting_cnt == 0;
}

uint32_t leat_shard_tx_send(struct shard_tx *tx)
{
	uint64_t before = tx->carried;

	send_own(tx);
	for (uint32_t i = 0; i < tx->lane_cnt; i++) {
		uint32_t at = tx->lane_next;

		tx->lane_next = at + 1 == tx->lane_cnt ? 0 : at + 1;
		if (!carry_one(tx, tx->lane[at]))
			break;
	}
	if (UNLIKELY(tx->wire.on))
		send_wire(tx);
	return (uint32_t)(tx->carried - before);
}

void leat_shard_tx_close(struct shard_tx *tx)
{
	rte_pktmbuf_free_bulk(tx->frame, tx->queue_cnt);
	rte_pktmbuf_free_bulk(tx->spare + STACK_BURST_MAX - tx->spare_cnt, tx->spare_cnt);
	rte_pktmbuf_free_bulk(tx->waiting, tx->waiting_cnt);
	rte_pktmbuf_free_bulk(tx->due, tx->due_cnt);
	leat_shard_wire_close(&tx->wire);
	tx->queue_cnt = tx->late_cnt = tx->spare_cnt = tx->waiting_cnt = tx->due_cnt = 0;
	for (uint32_t i = 0; i < tx->lane_cnt; i++) {
		void *frame;

		while (leat_shard_lane_take(tx->lane[i], &frame, 1) == 1)
			rte_pktmbuf_free(frame);
	}
}
