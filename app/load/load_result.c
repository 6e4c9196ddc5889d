/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_result.h"

#include "base_bits.h"
#include "base_time.h"

#define EXIT_INCONCLUSIVE 98
#define EXIT_FAIL         99 /* as k6 has it */

static const char *const verdict_name[LOAD_VERDICT_CNT] = {
	[LOAD_VERDICT_PASS] = "pass",
	[LOAD_VERDICT_FAIL] = "fail",
	[LOAD_VERDICT_INCONCLUSIVE] = "inconclusive",
};

const char *leat_load_verdict_name(enum load_verdict verdict)
{
	return verdict_name[verdict];
}

int leat_load_verdict_exit(enum load_verdict verdict)
{
	return verdict == LOAD_VERDICT_PASS   ? 0
	       : verdict == LOAD_VERDICT_FAIL ? EXIT_FAIL
					      : EXIT_INCONCLUSIVE;
}

void leat_load_result_init(
	struct load_result *r, struct load_second *second, uint32_t second_max_cnt)
{
	*r = (struct load_result){.where = {.segment = 1, .segment_cnt = 1},
		.second = second,
		.second_max_cnt = second_max_cnt,
		.second_min = UINT64_MAX};
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++)
		leat_hist_clear(&r->hist[i]);
}

uint64_t leat_load_result_rate_milli(const struct load_result *r)
{
	__extension__ unsigned __int128 per = r->steady_completed;

	per *= TIME_S * 1000;
	return r->steady_ns != 0 ? (uint64_t)(per / r->steady_ns) : 0;
}

uint32_t leat_load_result_achieved(const struct load_result *r)
{
	const struct load_counters *c = &r->counters;
	uint64_t of = u64_max(c->planned, c->started);
	__extension__ unsigned __int128 share = (unsigned __int128)c->completed * 1000000;

	return of != 0 ? (uint32_t)(share / of) : 0;
}

uint64_t leat_load_result_own(const struct load_result *r, uint64_t rate_milli)
{
	uint64_t cnt = r->part_cnt != 0 ? r->part_cnt : 1;
	uint64_t of = r->part_cnt != 0 ? u64_max(r->part_of, cnt) : r->where.segment_cnt;

	return (rate_milli * cnt + of / 2) / of;
}

uint64_t leat_load_result_own_total(const struct load_result *r)
{
	const struct load_where *w = &r->where;
	uint64_t total = r->intent.total, of = u64_max(r->part_of, r->part_cnt), sum = 0;

	if (r->part_cnt == 0)
		return (total + w->segment_cnt - w->segment) / w->segment_cnt;
	for (uint32_t i = 0; i < r->part_cnt; i++)
		sum += (total + of - r->part[i].segment) / of;
	return sum;
}
