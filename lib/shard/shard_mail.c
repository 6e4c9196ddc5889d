/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_mail.h"

#include "base_assert.h"

STATIC_ASSERT((SHARD_MAIL_SLOTS & (SHARD_MAIL_SLOTS - 1)) == 0, "the counters wrap at 2^32");

void leat_shard_mail_init(struct shard_mail *m)
{
	atomic_init(&m->head, 0);
	atomic_init(&m->tail, 0);
}

bool leat_shard_mail_put(struct shard_mail *m, struct shard_letter letter)
{
	uint32_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);

	/* Acquire: the slot may be written again only after the reader has copied it. */
	if (tail - atomic_load_explicit(&m->head, memory_order_acquire) == SHARD_MAIL_SLOTS)
		return false;
	m->slot[tail % SHARD_MAIL_SLOTS] = letter;
	atomic_store_explicit(&m->tail, tail + 1, memory_order_release);
	return true;
}

bool leat_shard_mail_take(struct shard_mail *m, struct shard_letter *letter)
{
	uint32_t head = atomic_load_explicit(&m->head, memory_order_relaxed);

	if (atomic_load_explicit(&m->tail, memory_order_acquire) == head)
		return false;
	*letter = m->slot[head % SHARD_MAIL_SLOTS];
	atomic_store_explicit(&m->head, head + 1, memory_order_release);
	return true;
}
