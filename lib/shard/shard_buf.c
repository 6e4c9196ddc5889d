/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_buf.h"

#include "base_assert.h"
#include "base_bits.h"

#include <rte_mbuf.h>

#include <stddef.h>
#include <string.h>

bool leat_shard_buf_take(struct rte_mempool *pool, struct rte_mbuf **m, uint32_t cnt)
{
	if (rte_mempool_get_bulk(pool, (void **)m, cnt) != 0)
		return false;
	for (uint32_t i = 0; i < cnt; i++) {
		DCHECK(rte_mbuf_refcnt_read(m[i]) == 1 && m[i]->next == NULL);
		m[i]->data_off = RTE_PKTMBUF_HEADROOM;
		m[i]->refcnt = 1; /* as it is: four fields beside each other are one store */
		m[i]->nb_segs = 1;
		m[i]->port = RTE_MBUF_PORT_INVALID;
		m[i]->ol_flags = 0;
		m[i]->pkt_len = 0;
		m[i]->data_len = 0;
	}
	return true;
}

STATIC_ASSERT(
	offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, refcnt) + sizeof(uint16_t),
	"one comparison for both");

/* is_plain says whether m can go back to pool as it is. */
static inline bool is_plain(const struct rte_mempool *pool, const struct rte_mbuf *m)
{
	static const uint16_t one[2] = {1, 1}; /* who has it, and how many pieces there are */

	return memcmp(&m->refcnt, one, sizeof(one)) == 0 && RTE_MBUF_DIRECT(m) && m->pool == pool;
}

/* free_others frees what is not plain; how many are left at the front. */
static uint32_t free_others(const struct rte_mempool *pool, void **buf, uint32_t cnt)
{
	uint32_t plain = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		if (is_plain(pool, buf[i]))
			buf[plain++] = buf[i];
		else
			rte_pktmbuf_free(buf[i]);
	}
	return plain;
}

void leat_shard_buf_free(struct rte_mempool *pool, void **buf, uint32_t cnt)
{
	uint32_t plain = 0;

	while (plain < cnt && is_plain(pool, buf[plain]))
		plain++;
	if (UNLIKELY(plain != cnt))
		cnt = plain + free_others(pool, buf + plain, cnt - plain);
	if (cnt != 0)
		rte_mempool_put_bulk(pool, buf, cnt);
}
