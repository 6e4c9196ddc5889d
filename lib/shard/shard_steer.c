/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_steer.h"

#include "base_assert.h"
#include "base_be.h"
#include "shard_capture.h"
#include "stack.h"
#include "wire_cksum.h"

#include <rte_mbuf.h>

#define HEADERS_MAX 256 /* octets in which a flow shows */

/* sum_pieces is the sum of octets of a frame from at on, in however many pieces; it ends where the
 * frame does. */
static uint64_t sum_pieces(const struct rte_mbuf *m, uint32_t at, uint32_t octets)
{
	uint64_t sum = 0;
	bool odd = false;

	for (; m != NULL && octets > 0; m = m->next) {
		uint32_t skip = u32_min(at, m->data_len), cnt = u32_min(octets, m->data_len - skip);
		const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, skip);
		uint16_t part = leat_wire_sum_fold(leat_wire_sum(0, p, cnt));
		uint8_t word[2];

		be16_put(word, odd ? __builtin_bswap16(part) : part);
		sum = leat_wire_sum(sum, word, sizeof(word));
		odd ^= cnt % 2 != 0;
		at -= skip;
		octets -= cnt;
	}
	return sum;
}

/* is_whole says whether a plain segment is as it was sent, as far as anybody can tell. */
static bool is_whole(const struct rte_mbuf *m, const struct tuple *tuple)
{
	uint64_t seen = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint8_t copy[HEADERS_MAX];
	uint32_t at = WIRE_ETH_OCTETS;
	const uint8_t *frame = rte_pktmbuf_read(m, 0, u32_min(m->pkt_len, HEADERS_MAX), copy);

	if (seen != RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN) /* or none is in it yet, and none is needed */
		return seen != RTE_MBUF_F_RX_L4_CKSUM_BAD;
	/* Tags: who found the flow has seen their end. */
	while (be16_get(frame + at - 2) == WIRE_ETHERTYPE_VLAN ||
		be16_get(frame + at - 2) == WIRE_ETHERTYPE_QINQ)
		at += 4;
	bool is4 = be16_get(frame + at - 2) == WIRE_ETHERTYPE_IP4;
	if (is4 && leat_wire_sum_fold(leat_wire_sum(0, frame + at, WIRE_IP4_OCTETS)) != UINT16_MAX)
		return false;
	uint32_t octets = be16_get(frame + at + (is4 ? 2 : 4));
	octets -= is4 ? u32_min(octets, WIRE_IP4_OCTETS) : 0;
	at += is4 ? WIRE_IP4_OCTETS : WIRE_IP6_OCTETS;
	return leat_wire_sum_fold(leat_wire_sum_pseudo(tuple, WIRE_PROTO_TCP, octets) +
				  sum_pieces(m, at, octets)) == UINT16_MAX;
}

/* verify looks whether a trusted segment is where it belongs, by a hash that is ours. */
static bool verify(struct shard_steer *s, const struct rte_mbuf *m, const struct tuple *tuple)
{
	uint32_t hash = leat_flow_rss_arriving(&s->flow->rss, tuple);
	bool same = !(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) || m->hash.rss == hash;
	bool right = same && flow_steer_of(s->flow, hash) == s->idx;

	/* One that was damaged on the way says nothing about the device, and ends here anyway. */
	if (UNLIKELY(!right) && !is_whole(m, tuple))
		return true;
	s->probed++;
	s->verified = s->probed >= s->trial_end;
	if (LIKELY(right))
		return true;
	s->astray++;
	s->trust = false;
	return false;
}

/* owner_of is the shard to which a frame belongs. */
static uint32_t owner_of(struct shard_steer *s, const struct rte_mbuf *m)
{
	uint8_t copy[HEADERS_MAX];
	uint32_t octets = m->data_len;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct tuple tuple;

	if (UNLIKELY(m->nb_segs != 1)) {
		octets = u32_min(m->pkt_len, HEADERS_MAX);
		frame = rte_pktmbuf_read(m, 0, octets, copy);
	}
	enum flow_peek peek = leat_flow_steer_peek(frame, octets, &tuple);
	if (peek == FLOW_PEEK_NONE)
		return s->idx;
	if (peek == FLOW_PEEK_PLAIN && s->trust && (s->verified || verify(s, m, &tuple)))
		return s->idx;
	return leat_flow_steer_owner(s->flow, &tuple);
}

void leat_shard_steer_trust(struct shard_steer *s, bool trust)
{
	s->trust = trust;
	s->verified = false;
	s->trial_end = s->probed + SHARD_STEER_TRIAL;
}

/* recount looks how far the readers are by now. */
static void recount(struct shard_steer *s)
{
	s->recounted = true;
	s->lent = 0;
	for (uint32_t i = 0; i < s->flow->shard_cnt; i++)
		s->lent += s->to[i] != NULL ? leat_shard_lane_look(s->to[i]) : 0;
}

/* lend puts a frame on a lane, if its share of what may lie on all is not used up. */
static bool lend(struct shard_steer *s, struct shard_lane *to, struct rte_mbuf *m)
{
	if (UNLIKELY(shard_lane_lent(to) + s->lent >= SHARD_STEER_LENT_MAX) && !s->recounted)
		recount(s);
	if (shard_lane_lent(to) + s->lent >= SHARD_STEER_LENT_MAX || !leat_shard_lane_put(to, m))
		return false;
	s->lent++;
	return true;
}

static void capture_drop(const struct shard_steer *s, const struct rte_mbuf *m)
{
	const struct shard_captured what = {
		.octets = rte_pktmbuf_pkt_len(m), .kind = SHARD_CAPTURE_LANE_FULL};

	if (s->capture != NULL)
		leat_shard_capture_lost(s->capture, rte_pktmbuf_mtod(m, const uint8_t *),
			rte_pktmbuf_data_len(m), &what);
}

bool leat_shard_steer_home(struct shard_steer *s, struct rte_mbuf *m)
{
	if (s->trust && s->verified &&
		flow_steer_is_plain(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len))
		return true;
	uint32_t owner = owner_of(s, m);

	if (owner == s->idx)
		return true;
	DCHECK(s->to[owner] != NULL);
	if (lend(s, s->to[owner], m)) {
		s->moved_out++;
	} else {
		s->dropped++;
		capture_drop(s, m);
		rte_pktmbuf_free(m);
	}
	return false;
}

uint32_t leat_shard_steer_take(struct shard_steer *s, void **frame, uint32_t max)
{
	uint32_t cnt = 0;

	s->verified = s->recounted = false;
	for (uint32_t i = 0; i < s->from_cnt && cnt < max; i++) {
		uint32_t at = s->from_next + i;

		at -= at >= s->from_cnt ? s->from_cnt : 0;
		cnt += leat_shard_lane_take(s->from[at], frame + cnt, max - cnt);
	}
	s->from_next = s->from_next + 1 >= s->from_cnt ? 0 : s->from_next + 1;
	s->moved_in += cnt;
	return cnt;
}

void leat_shard_steer_check(struct shard_steer *s, const struct stack_burst *b)
{
	for (uint32_t i = 0; i < b->cnt; i++) {
		const struct tuple *t = b->verdict[i] == WIRE_V_TCP ? &b->pkt[i].tuple
					: b->verdict[i] == WIRE_V_ICMP_ERROR
						? &b->pkt[i].icmp.error.tuple
						: NULL;

		if (t == NULL)
			continue;
		s->wrong += leat_flow_steer_owner(s->flow, t) != s->idx;
		if (!LEAT_CHECK)
			break;
	}
}

uint32_t leat_shard_steer_high(const struct shard_steer *s)
{
	uint32_t high = 0;

	for (uint32_t i = 0; s->flow != NULL && i < s->flow->shard_cnt; i++)
		high = s->to[i] != NULL ? u32_max(high, s->to[i]->high) : high;
	return high;
}

void leat_shard_steer_close(struct shard_steer *s)
{
	void *frame;

	for (uint32_t i = 0; i < s->from_cnt; i++) {
		while (leat_shard_lane_take(s->from[i], &frame, 1) == 1)
			rte_pktmbuf_free(frame);
	}
}
