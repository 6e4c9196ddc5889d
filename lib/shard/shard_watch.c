/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_watch.h"

enum shard_watch_news leat_shard_watch_look(
	struct shard_watch *w, const struct shard_beat *beat, uint64_t now, uint64_t *for_ns)
{
	uint64_t at = atomic_load_explicit(&beat->at, memory_order_relaxed);

	*for_ns = 0;
	if (w->late_since != 0) {
		if (at == w->late_since)
			return SHARD_WATCH_NOTHING;
		*for_ns = at - w->late_since;
		w->late_since = 0;
		return SHARD_WATCH_BACK;
	}
	/* The clocks of threads agree only about; what nobody started is not late. */
	if (at == 0 || now < at + SHARD_LATE_NS)
		return SHARD_WATCH_NOTHING;
	*for_ns = now - at;
	w->late_since = at;
	w->late_cnt++;
	return SHARD_WATCH_LATE;
}
