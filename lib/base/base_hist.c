/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_hist.h"

#include "base_assert.h"
#include "base_time.h"

#include <string.h>

STATIC_ASSERT(sizeof(struct hist) <= 31 * 1024, "31 KB is what a shard plans for each kind");
STATIC_ASSERT(HIST_NS_MAX > 60 * TIME_S, "a minute must fit");

void leat_hist_clear(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min_ns = UINT64_MAX;
}

void leat_hist_merge(struct hist *h, const struct hist *from)
{
	h->total_cnt += from->total_cnt;
	h->sum_ns += from->sum_ns;
	h->min_ns = u64_min(h->min_ns, from->min_ns);
	h->max_ns = u64_max(h->max_ns, from->max_ns);
	for (uint32_t i = 0; i < HIST_SLOT_CNT; i++)
		h->cnt[i] += from->cnt[i];
}

/* rank_of is total x millionths / 1,000,000 rounded up, at least 1; whole millions are taken out
 * first, so that the product fits. */
static uint64_t rank_of(uint64_t total, uint32_t millionths)
{
	uint64_t rest = total % 1000000 * millionths;

	return u64_max(total / 1000000 * millionths + (rest + 999999) / 1000000, 1);
}

uint64_t leat_hist_at(const struct hist *h, uint32_t millionths)
{
	DCHECK(millionths <= 1000000);
	uint64_t rank = rank_of(h->total_cnt, millionths), seen = 0;

	for (uint32_t i = 0; i < HIST_SLOT_CNT; i++) {
		seen += h->cnt[i];
		if (seen >= rank)
			return i == HIST_SLOT_CNT - 1 ? h->max_ns
						      : u64_min(hist_slot_end(i), h->max_ns);
	}
	return 0;
}
