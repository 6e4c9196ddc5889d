/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_HIST_H
#define LEAT_BASE_HIST_H

/* base_hist: how often which duration occurred, to two significant digits.
 *
 * The array is that of HdrHistogram for the range 1 ns to 60 s and two digits, slot for slot, so
 * that its files and viewers can be fed from it.  The first row counts single nanoseconds; each
 * later row spans twice as much in as many slots, of which the lower half repeats the row before
 * and is left out.
 *
 *	row 0     0 ................ 255        256 slots of 1 ns
 *	row 1        256 ........... 511        128 slots of 2 ns
 *	row 2        512 ........... 1023       128 slots of 4 ns
 *	...
 *	row 28       2^35 .......... 2^36-1     128 slots of 2^28 ns
 *
 * Shape      3840 counts, 31 KB.  Histograms merge by addition.
 * Units      ns.  What is longer than HIST_NS_MAX (68.7 s) counts in the last slot.
 * Affinity   one writer; no atomics.
 * Cost       record: one line of the array and one of the head.
 * Errors     none. */

#include "base_bits.h"

#include <stdint.h>

#define HIST_HALF_BITS  7 /* two digits need 2 x 100 slots a row, rounded up to 2^8 */
#define HIST_HALF       (1u << HIST_HALF_BITS)
#define HIST_ROW_CNT    29
#define HIST_SLOT_CNT   ((HIST_ROW_CNT + 1) * HIST_HALF)
#define HIST_OCTAVE_CNT (HIST_ROW_CNT + 1)
#define HIST_NS_MAX     ((UINT64_C(1) << (HIST_HALF_BITS + HIST_ROW_CNT)) - 1)

struct hist {
	uint64_t total_cnt, sum_ns;
	uint64_t min_ns, max_ns; /* as recorded, not rounded; UINT64_MAX and 0 when empty */
	uint64_t cnt[HIST_SLOT_CNT];
};

/* leat_hist_clear makes h empty; memory of zeros is not an empty histogram. */
void leat_hist_clear(struct hist *h);

/* leat_hist_merge adds from to h. */
void leat_hist_merge(struct hist *h, const struct hist *from);

/* leat_hist_at is the least recorded duration, rounded up to the end of its slot but not beyond
 * max_ns, that at least millionths / 1,000,000 of all do not exceed; 0 when h is empty.  990000
 * is p99; millionths is at most 1,000,000. */
uint64_t leat_hist_at(const struct hist *h, uint32_t millionths);

static inline uint32_t hist_slot(uint64_t ns)
{
	uint32_t row = 63 - HIST_HALF_BITS - (uint32_t)__builtin_clzll(ns | (2 * HIST_HALF - 1));

	return (row << HIST_HALF_BITS) + (uint32_t)(ns >> row);
}

/* hist_slot_end is the longest duration that counts in slot. */
static inline uint64_t hist_slot_end(uint32_t slot)
{
	uint32_t row = slot < 2 * HIST_HALF ? 0 : (slot >> HIST_HALF_BITS) - 1;
	uint64_t in_row = slot - (row << HIST_HALF_BITS);

	return ((in_row + 1) << row) - 1;
}

/* hist_octave is the coarse place of a duration, for counts that are copied often: octave 0 is
 * below 128 ns, each later one the next power of two.  hist_octave_end is the longest in it. */
static inline uint32_t hist_octave(uint64_t ns)
{
	return hist_slot(u64_min(ns, HIST_NS_MAX)) >> HIST_HALF_BITS;
}

static inline uint64_t hist_octave_end(uint32_t octave)
{
	return hist_slot_end((octave << HIST_HALF_BITS) + HIST_HALF - 1);
}

static inline void hist_record(struct hist *h, uint64_t ns)
{
	h->total_cnt++;
	h->sum_ns += ns;
	h->min_ns = u64_min(h->min_ns, ns);
	h->max_ns = u64_max(h->max_ns, ns);
	h->cnt[hist_slot(u64_min(ns, HIST_NS_MAX))]++;
}

#endif
