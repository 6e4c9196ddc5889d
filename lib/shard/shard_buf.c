/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_buf.h"

#include "base_assert.h"
#include "base_bits.h"

#include <rte_mbuf.h>

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

/* is_plain says whether m can go back to pool as it is. */
static inline bool is_plain(const struct rte_mempool *pool, const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m) &&
	       m->pool == pool;
}

void leat_shard_buf_free(struct rte_mempool *pool, void **buf, uint32_t cnt)
{
	uint32_t plain = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		struct rte_mbuf *m = buf[i];

		if (LIKELY(is_plain(pool, m))) {
			DCHECK(m->next == NULL);
			buf[plain++] = m;
		} else {
			rte_pktmbuf_free(m);
		}
	}
	if (plain != 0)
		rte_mempool_put_bulk(pool, buf, plain);
}
