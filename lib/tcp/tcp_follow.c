/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_follow.h"

void leat_tcp_follow_note(struct tcp_follow *f, const struct tcp_follow_event *event)
{
	uint32_t tail = atomic_load_explicit(&f->tail, memory_order_relaxed);
	uint32_t head = atomic_load_explicit(&f->head, memory_order_acquire);

	if (!((f->states >> event->from | f->states >> event->to) & 1))
		return;
	if (tail - head == TCP_FOLLOW_SLOTS) {
		atomic_store_explicit(&f->lost,
			atomic_load_explicit(&f->lost, memory_order_relaxed) + 1,
			memory_order_relaxed);
		return;
	}
	struct tcp_follow_event *slot = &f->slot[tail % TCP_FOLLOW_SLOTS];

	*slot = *event;
	slot->at = *f->now;
	atomic_store_explicit(&f->tail, tail + 1, memory_order_release);
}

bool leat_tcp_follow_take(struct tcp_follow *f, struct tcp_follow_event *event)
{
	uint32_t head = atomic_load_explicit(&f->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&f->tail, memory_order_acquire))
		return false;
	*event = f->slot[head % TCP_FOLLOW_SLOTS];
	atomic_store_explicit(&f->head, head + 1, memory_order_release);
	return true;
}
