/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_rx.h"

#include "base_assert.h"
#include "base_bits.h"
#include "nic_offload.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#define IMPAIRED_BURST (STACK_BURST_MAX - SHARD_IMPAIR_HELD_MAX)

STATIC_ASSERT(SHARD_IMPAIR_HELD_MAX < STACK_BURST_MAX, "all held frames fit into one burst");
STATIC_ASSERT((int)NIC_CSUM_UNKNOWN == (int)WIRE_CSUM_UNKNOWN, "one meaning, one number");
STATIC_ASSERT((int)NIC_CSUM_BAD == (int)WIRE_CSUM_BAD, "one meaning, one number");
STATIC_ASSERT((int)NIC_CSUM_GOOD == (int)WIRE_CSUM_GOOD, "one meaning, one number");
STATIC_ASSERT((int)NIC_CSUM_NONE == (int)WIRE_CSUM_NONE, "one meaning, one number");

/* receive reads the queue, or what of it is due where a wire lies in front of it. */
static uint32_t receive(struct shard_rx *rx, uint64_t now, struct rte_mbuf **m, uint32_t max)
{
	uint32_t cnt = leat_nic_port_rx(rx->port, rx->queue, m, (uint16_t)max);

	if (UNLIKELY(rx->wire.on)) {
		leat_shard_wire_put(&rx->wire, now, (void **)m, cnt);
		cnt = leat_shard_wire_take(&rx->wire, now, (void **)m, max);
	}
	rx->frames += cnt;
	return cnt;
}

/* receive_impaired reads the queue through the impaired wire. */
static uint32_t receive_impaired(struct shard_rx *rx, uint64_t now, void **out)
{
	struct rte_mbuf *m[IMPAIRED_BURST];
	void *frame[IMPAIRED_BURST];
	uint32_t cnt = receive(rx, now, m, IMPAIRED_BURST);

	for (uint32_t i = 0; i < cnt; i++)
		frame[i] = m[i];
	uint32_t kept = leat_shard_impair_lose(&rx->impair, frame, cnt);
	for (uint32_t i = kept; i < cnt; i++)
		rte_pktmbuf_free(frame[i]);
	return leat_shard_impair_mix(&rx->impair, now, frame, kept, out);
}

/* capture_drop tells those who capture of a frame that was not gathered. */
static void capture_drop(const struct shard_rx *rx, const struct rte_mbuf *m, enum wire_verdict v)
{
	const struct shard_captured what = {.octets = rte_pktmbuf_pkt_len(m),
		.kind = SHARD_CAPTURE_RECEIVED,
		.wire = (uint8_t)v};

	if (rx->capture != NULL)
		leat_shard_capture_lost(rx->capture, rte_pktmbuf_mtod(m, const uint8_t *),
			rte_pktmbuf_data_len(m), &what);
}

/* gather copies the pieces of a frame into one buffer; NULL: it was dropped. */
static struct rte_mbuf *gather(struct shard_rx *rx, struct rte_mbuf *m)
{
	struct wire_chunk chunk[SHARD_RX_CHUNK_MAX];
	uint32_t chunk_cnt = 0, octets = 0;
	bool fits = m->nb_segs <= SHARD_RX_CHUNK_MAX;
	struct rte_mbuf *one = rte_pktmbuf_alloc(rx->pool);

	for (struct rte_mbuf *seg = m; fits && seg != NULL; seg = seg->next)
		chunk[chunk_cnt++] = (struct wire_chunk){
			rte_pktmbuf_mtod(seg, const uint8_t *), rte_pktmbuf_data_len(seg)};
	if (fits && one != NULL)
		octets = leat_wire_gather(chunk, chunk_cnt, rte_pktmbuf_mtod(one, uint8_t *),
			rte_pktmbuf_tailroom(one));
	if (octets != 0) {
		one->data_len = (uint16_t)octets;
		one->pkt_len = octets;
		/* Not the flags that say where m's octets lie: those of one lie in itself. */
		one->ol_flags =
			m->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
		rx->gathered++;
	} else if (fits && one == NULL) {
		rx->drop_no_buf++;
		capture_drop(rx, m, WIRE_V_DROP_NO_BUF);
	} else {
		rx->drop_frame_long++;
		capture_drop(rx, m, WIRE_V_DROP_FRAME_LONG);
		rte_pktmbuf_free(one);
		one = NULL;
	}
	rte_pktmbuf_free(m);
	return one;
}

/* take_csums notes what the device says of a frame's checksums; many devices say nothing. */
static inline void take_csums(struct pkt *p, uint64_t ol_flags, bool none_is_good)
{
	if ((ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)) == 0) {
		p->ip_csum = p->l4_csum = WIRE_CSUM_UNKNOWN;
		return;
	}
	p->ip_csum = (uint8_t)nic_csum_ip(ol_flags);
	p->l4_csum = (uint8_t)nic_csum_l4(ol_flags, none_is_good);
}

/* hand_over makes a burst of cnt frames. */
static void hand_over(
	struct shard_rx *rx, void *const *frame, uint32_t cnt, struct stack_burst *burst)
{
	const bool none_is_good = rx->port->none_is_good;
	struct pkt *p = burst->pkt;

	for (uint32_t i = 0; i < cnt; i++) {
		struct rte_mbuf *m = frame[i];

		if (UNLIKELY(m->nb_segs != 1)) {
			m = gather(rx, m);
			if (m == NULL)
				continue;
		}
		p->frame = rte_pktmbuf_mtod(m, const uint8_t *);
		rte_prefetch0(p->frame);
		p->octets = rte_pktmbuf_data_len(m);
		take_csums(p, m->ol_flags, none_is_good);
		p->room = (uint16_t)rte_pktmbuf_tailroom(m);
		p->buf = m;
		p++;
	}
	burst->cnt = (uint32_t)(p - burst->pkt);
	rx->handed += burst->cnt;
}

/* keep_home moves on what is another shard's; how many frames are left at the front. */
static uint32_t keep_home(struct shard_rx *rx, void **frame, uint32_t cnt)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cnt; i++)
		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)frame[i], void *));
	for (uint32_t i = 0; i < cnt; i++) {
		if (leat_shard_steer_home(&rx->steer, frame[i]))
			frame[kept++] = frame[i];
	}
	return kept;
}

uint32_t leat_shard_rx(struct shard_rx *rx, uint64_t now, struct stack_burst *burst)
{
	const bool impaired = shard_impair_on(&rx->impair), steers = rx->steer.flow != NULL;
	void *frame[STACK_BURST_MAX];
	uint32_t moved = 0, own = 0, cnt = 0;

	/* An impaired wire may let out a whole burst at once: it goes first. */
	if (!impaired && steers)
		cnt = moved = leat_shard_steer_take(&rx->steer, frame, SHARD_RX_MOVED_MAX);
	if (UNLIKELY(impaired) && rx->queue != SHARD_NO_QUEUE)
		own = receive_impaired(rx, now, frame);
	else if (rx->queue != SHARD_NO_QUEUE)
		own = receive(rx, now, (struct rte_mbuf **)frame + cnt, STACK_BURST_MAX - cnt);
	cnt += steers ? keep_home(rx, frame + cnt, own) : own;
	if (impaired && steers) {
		moved = leat_shard_steer_take(&rx->steer, frame + cnt, STACK_BURST_MAX - cnt);
		cnt += moved;
	}
	hand_over(rx, frame, cnt, burst);
	return moved + own;
}

void leat_shard_rx_close(struct shard_rx *rx)
{
	void *frame[SHARD_IMPAIR_HELD_MAX];
	uint32_t cnt = leat_shard_impair_flush(&rx->impair, frame);

	leat_shard_steer_close(&rx->steer);
	leat_shard_wire_close(&rx->wire);
	rx->impair.lost_cnt += cnt;
	for (uint32_t i = 0; i < cnt; i++)
		rte_pktmbuf_free(frame[i]);
}
