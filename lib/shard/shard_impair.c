/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_impair.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#define MILLION 1000000

void leat_shard_impair_init(struct shard_impair *w, const struct shard_impair_config *config)
{
	ASSERT(config->loss_millionths <= MILLION);
	ASSERT(config->reorder_millionths <= MILLION);
	*w = (struct shard_impair){.config = *config};
	leat_prng_seed(&w->prng, config->seed);
}

uint32_t leat_shard_impair_lose(struct shard_impair *w, void **frame, uint32_t cnt)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		if (leat_prng_chance(&w->prng, w->config.loss_millionths))
			continue;
		void *keep = frame[i];
		frame[i] = frame[kept];
		frame[kept++] = keep;
	}
	w->lost_cnt += cnt - kept;
	return kept;
}

/* release writes to out the held frames that are due by count or by time. */
static uint32_t release(struct shard_impair *w, uint64_t now, void **out)
{
	uint32_t out_cnt = 0, left = 0;

	for (uint32_t i = 0; i < w->held_cnt; i++) {
		struct shard_impair_held h = w->held[i];

		if (h.behind <= w->passed_cnt || h.due_at <= now)
			out[out_cnt++] = h.frame;
		else
			w->held[left++] = h;
	}
	w->held_cnt = left;
	return out_cnt;
}

static void hold(struct shard_impair *w, uint64_t now, void *frame)
{
	uint32_t behind = 1 + leat_prng_below(&w->prng, SHARD_IMPAIR_BEHIND_MAX);

	DCHECK(w->held_cnt < SHARD_IMPAIR_HELD_MAX);
	w->held[w->held_cnt++] = (struct shard_impair_held){.frame = frame,
		.behind = w->passed_cnt + behind,
		.due_at = now + SHARD_IMPAIR_HOLD_NS};
	w->reordered_cnt++;
}

uint32_t leat_shard_impair_mix(
	struct shard_impair *w, uint64_t now, void *const *in, uint32_t in_cnt, void **out)
{
	uint32_t out_cnt = release(w, now, out);

	for (uint32_t i = 0; i < in_cnt; i++) {
		if (w->held_cnt < SHARD_IMPAIR_HELD_MAX &&
			leat_prng_chance(&w->prng, w->config.reorder_millionths)) {
			hold(w, now, in[i]);
			continue;
		}
		out[out_cnt++] = in[i];
		w->passed_cnt++;
		if (w->held_cnt != 0)
			out_cnt += release(w, now, out + out_cnt);
	}
	return out_cnt;
}

uint64_t leat_shard_impair_next_deadline(const struct shard_impair *w)
{
	return w->held_cnt == 0 ? TIME_NEVER : w->held[0].due_at;
}

uint32_t leat_shard_impair_flush(struct shard_impair *w, void **out)
{
	uint32_t cnt = w->held_cnt;

	for (uint32_t i = 0; i < cnt; i++)
		out[i] = w->held[i].frame;
	w->held_cnt = 0;
	return cnt;
}
