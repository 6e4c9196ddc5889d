/* SPDX-License-Identifier: BSD-3-Clause */
#include "audit.h"

#include "base_log.h"

#define WHY_MAX 160

void leat_audit_shard(struct audit *a, uint32_t shard_idx, const struct shard_counts *c)
{
	char text[WHY_MAX];
	const char *why = leat_shard_counts_error(c, text, sizeof(text));

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
