/* SPDX-License-Identifier: BSD-3-Clause */
#include "audit.h"

#include "base_log.h"

#define WHY_MAX 160

/* remember: before AUDIT_LATELY_CNT rounds nothing was, as all began with 0. */
static void remember(struct audit_lately *l, const struct shard_counts *c)
{
	const uint64_t now[AUDIT_SEEN_CNT] = {[AUDIT_TIME_WAIT_FULL] = c->stack.time_wait_refused,
		[AUDIT_REUSE_REJECTED] = c->tcp.verdict[TCP_V_TIME_WAIT_SYN_OLD] +
					 c->tcp.verdict[TCP_V_TIME_WAIT_SYN_OFF]};
	uint64_t *oldest = l->past[l->round_cnt++ % AUDIT_LATELY_CNT];

	for (uint32_t i = 0; i < AUDIT_SEEN_CNT; i++) {
		atomic_store_explicit(&l->cnt[i], now[i] - oldest[i], memory_order_relaxed);
		oldest[i] = now[i];
	}
}

uint64_t leat_audit_lately(const struct audit *a, uint32_t shard_idx, enum audit_seen what)
{
	return atomic_load_explicit(&a->lately[shard_idx].cnt[what], memory_order_relaxed);
}

void leat_audit_shard(struct audit *a, uint32_t shard_idx, const struct shard_counts *c)
{
	char text[WHY_MAX];
	const char *why = leat_shard_counts_error(c, text, sizeof(text));

	remember(&a->lately[shard_idx], c);
	if (why == NULL)
		return;
	a->broken_cnt++;
	if (!a->told[shard_idx])
		leat_log(LOG_LV_ERROR, "ledger", "shard %u: COUNTS DO NOT ADD UP: %s", shard_idx,
			why);
	a->told[shard_idx] = true;
}

void leat_audit_moves(struct audit *a, uint32_t shard_cnt, uint64_t moved_in, uint64_t moved_out)
{
	uint64_t lanes = (uint64_t)shard_cnt * SHARD_STEER_LENT_MAX;
	/* At any instant in <= out <= in + lanes, and neither ever falls. */
	bool good = !a->begun || (a->moved_in <= moved_out && a->moved_out <= moved_in + lanes);

	if (!good) {
		a->broken_cnt++;
		if (!a->told_moves)
			leat_log(LOG_LV_ERROR, "ledger",
				"COUNTS DO NOT ADD UP: shards handed over %ju frames, then %ju, "
				"and took %ju, then %ju; %ju may be under way",
				(uintmax_t)a->moved_out, (uintmax_t)moved_out,
				(uintmax_t)a->moved_in, (uintmax_t)moved_in, (uintmax_t)lanes);
		a->told_moves = true;
	}
	a->begun = true;
	a->moved_in = moved_in;
	a->moved_out = moved_out;
}
