/* SPDX-License-Identifier: BSD-3-Clause */
#include "reach.h"

#include "shard.h"

/* What a shard counts besides its stack, by the order of struct shard_counts; a new counter there
 * wants a name here, and a test. */
#define SHARD_NAMES                                                                                \
	N(moved_high)                                                                              \
	N(turns)                                                                                   \
	N(busy_ns)                                                                                 \
	N(rx_frames)                                                                               \
	N(rx_drop_frame_long)                                                                      \
	N(rx_drop_no_buf)                                                                          \
	N(rx_lost)                                                                                 \
	N(rx_held)                                                                                 \
	N(rx_reordered)                                                                            \
	N(rx_gathered)                                                                             \
	N(tx_frames)                                                                               \
	N(tx_queued)                                                                               \
	N(tx_full)                                                                                 \
	N(tx_no_buf)                                                                               \
	N(tx_link_down)                                                                            \
	N(mailed_in)                                                                               \
	N(mailed_out)                                                                              \
	N(mail_refused)                                                                            \
	N(moved_in)                                                                                \
	N(moved_out)                                                                               \
	N(move_dropped)                                                                            \
	N(steer_probed)                                                                            \
	N(steer_astray)                                                                            \
	N(wrong_shard)                                                                             \
	N(tx_over)                                                                                 \
	N(tx_carried)                                                                              \
	N(tx_waiting)                                                                              \
	N(wire_lost)                                                                               \
	N(wire_full)                                                                               \
	N(wire_doubled)                                                                            \
	N(wire_spoilt)                                                                             \
	N(wire_late)                                                                               \
	N(timers_put_off)                                                                          \
	N(events_used_up)                                                                          \
	N(letters_used_up)

/* Those of the stack's parts that struct shard_counts repeats: named as icmp and neigh already. */
#define REPEATED (5 + 1) /* and now, which is no counter */

#define N(name)  sizeof(((const struct shard_counts *)0)->name) +
STATIC_ASSERT(SHARD_NAMES REPEATED * sizeof(uint64_t) == offsetof(struct shard_counts, stack),
	"each counter of a shard has a name");
#undef N

/* All that reach.py wants to see reached. */
int main(void)
{
#define N(name) #name,
	static const char *const shard[] = {SHARD_NAMES};
#undef N

	leat_reach_names(stdout);
	for (size_t i = 0; i < COUNT_OF(shard); i++)
		printf("shard\t%s\t0\n", shard[i]);
	return 0;
}
