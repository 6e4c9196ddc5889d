/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_SEQ_H
#define LEAT_BASE_SEQ_H

/* base_seq: sequence numbers, a circle of 2^32 on which `<` of C does not compile.
 *
 * a is before b when the way from a forward to b is shorter than half the circle.  The relation
 * is total only between numbers less than 2^31 apart, which windows guarantee.
 *
 * Units      octets.
 * RFC        9293 3.4. */

#include <stdbool.h>
#include <stdint.h>

struct seq {
	uint32_t v;
};

static inline struct seq seq_of(uint32_t v)
{
	return (struct seq){v};
}

/* seq_add is a moved forward by octets. */
static inline struct seq seq_add(struct seq a, uint32_t octets)
{
	return (struct seq){a.v + octets};
}

/* seq_sub is a moved back by octets. */
static inline struct seq seq_sub(struct seq a, uint32_t octets)
{
	return (struct seq){a.v - octets};
}

/* seq_diff is the way from b to a: negative when a is before b. */
static inline int32_t seq_diff(struct seq a, struct seq b)
{
	return (int32_t)(a.v - b.v);
}

/* seq_from is the octets from a forward to b, where a is known not to be after b. */
static inline uint32_t seq_from(struct seq a, struct seq b)
{
	return b.v - a.v;
}

static inline bool seq_eq(struct seq a, struct seq b)
{
	return a.v == b.v;
}

static inline bool seq_lt(struct seq a, struct seq b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_leq(struct seq a, struct seq b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(struct seq a, struct seq b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_geq(struct seq a, struct seq b)
{
	return seq_diff(a, b) >= 0;
}

static inline struct seq seq_max(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? b : a;
}

static inline struct seq seq_min(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? a : b;
}

#endif
