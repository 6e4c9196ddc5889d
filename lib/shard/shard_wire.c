/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_wire.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

static bool is_on(const struct shard_wire_config *c)
{
	return c->loss_millionths + c->reorder_millionths + c->duplicate_millionths +
			       c->corrupt_millionths !=
		       0 ||
	       c->delay_ns + c->jitter_ns != 0;
}

size_t leat_shard_wire_footprint(const struct shard_wire_config *config)
{
	return is_on(config) ? SHARD_WIRE_SLOTS * sizeof(struct shard_wire_slot) : 0;
}

void leat_shard_wire_init(struct shard_wire *w, void *mem, const struct shard_wire_config *config,
	const struct shard_wire_ops *ops)
{
	*w = (struct shard_wire){.config = *config, .ops = *ops, .on = is_on(config), .heap = mem};
	leat_prng_seed(&w->prng, config->seed);
}

static bool before(const struct shard_wire_slot *a, const struct shard_wire_slot *b)
{
	return a->due_at < b->due_at || (a->due_at == b->due_at && a->order < b->order);
}

/* up puts slot at the place at or above it where it belongs. */
static void up(struct shard_wire *w, uint32_t at, struct shard_wire_slot slot)
{
	while (at != 0 && before(&slot, &w->heap[(at - 1) / 2])) {
		w->heap[at] = w->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	w->heap[at] = slot;
}

/* pop takes the first. */
static void *pop(struct shard_wire *w)
{
	void *frame = w->heap[0].frame;
	struct shard_wire_slot last = w->heap[--w->held_cnt];
	uint32_t at = 0;

	for (uint32_t child; (child = 2 * at + 1) < w->held_cnt; at = child) {
		child += child + 1 < w->held_cnt && before(&w->heap[child + 1], &w->heap[child]);
		if (before(&last, &w->heap[child]))
			break;
		w->heap[at] = w->heap[child];
	}
	w->heap[at] = last;
	return frame;
}

static void lay(struct shard_wire *w, uint64_t now, void *frame)
{
	uint64_t due_at = now + w->config.delay_ns;

	if (w->config.jitter_ns != 0)
		due_at += leat_prng_next(&w->prng) % (w->config.jitter_ns + 1);
	if (leat_prng_chance(&w->prng, w->config.reorder_millionths)) {
		due_at += SHARD_WIRE_LATE_NS;
		w->late_cnt++;
	}
	if (w->held_cnt == SHARD_WIRE_SLOTS) {
		w->full_cnt++;
		w->ops.drop(w->ops.arg, frame);
		return;
	}
	up(w, w->held_cnt++, (struct shard_wire_slot){due_at, w->order++, frame});
}

static void put(struct shard_wire *w, uint64_t now, void *frame)
{
	bool lost = leat_prng_chance(&w->prng, w->config.loss_millionths);

	if (!lost && leat_prng_chance(&w->prng, w->config.corrupt_millionths)) {
		lost = !w->ops.spoil(w->ops.arg, frame, leat_prng_next(&w->prng));
		w->spoilt_cnt += !lost;
	}
	if (lost) {
		w->lost_cnt++;
		w->ops.drop(w->ops.arg, frame);
		return;
	}
	if (leat_prng_chance(&w->prng, w->config.duplicate_millionths)) {
		void *copy = w->ops.copy(w->ops.arg, frame);

		if (copy != NULL) {
			w->doubled_cnt++;
			lay(w, now, copy);
		}
	}
	lay(w, now, frame);
}

void leat_shard_wire_put(struct shard_wire *w, uint64_t now, void *const *frame, uint32_t cnt)
{
	DCHECK(w->on);
	w->in_cnt += cnt;
	for (uint32_t i = 0; i < cnt; i++)
		put(w, now, frame[i]);
}

uint32_t leat_shard_wire_take(struct shard_wire *w, uint64_t now, void **frame, uint32_t max)
{
	uint32_t cnt = 0;

	while (cnt < max && w->held_cnt != 0 && w->heap[0].due_at <= now)
		frame[cnt++] = pop(w);
	w->out_cnt += cnt;
	return cnt;
}

uint64_t leat_shard_wire_next_deadline(const struct shard_wire *w)
{
	return w->held_cnt == 0 ? TIME_NEVER : w->heap[0].due_at;
}

void leat_shard_wire_close(struct shard_wire *w)
{
	while (w->held_cnt != 0) {
		w->lost_cnt++;
		w->ops.drop(w->ops.arg, pop(w));
	}
}
