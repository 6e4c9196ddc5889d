/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_DIST_H
#define LEAT_DIST_H

/* dist: a quantity that is always the same, or drawn anew each time.
 *
 *	512                      always
 *	uniform:100-1500         each with the same chance
 *	exp:4KiB-1MiB            exponential with this mean, never above the second
 *	list:200*7,64KiB*2,1MiB  one of these, with weights (1 when none is given)
 *
 * A draw is a function of 64 random bits that the caller makes from a seed and the place of the
 * draw: so what is drawn does not depend on who else drew before.
 *
 * Units      of the row that it is read with: octets, ns.
 * Shape      struct dist 224 octets.
 * Affinity   none; pure.
 * Errors     a clause that says what is wrong and what to type instead. */

#include "opt.h"

#define DIST_ITEM_MAX 12
#define DIST_TEXT_MAX 160

enum dist_kind {
	DIST_KIND_FIXED,
	DIST_KIND_UNIFORM,
	DIST_KIND_EXP,
	DIST_KIND_LIST,
};

struct dist_item {
	uint64_t value;
	uint64_t below; /* of the sum of weights */
};

struct dist {
	enum dist_kind kind;
	uint32_t item_cnt;
	/* FIXED: a.  UNIFORM: a to b.  EXP: mean a, from least to b. */
	uint64_t a, b, least;
	struct dist_item item[DIST_ITEM_MAX];
};

/* What a value of it may be: the kind of quantity and its range. */
struct dist_range {
	enum opt_kind kind; /* OPT_KIND_OCTETS, _DURATION, _NUMBER */
	uint64_t from, to;
	const char *example;
};

/* leat_dist_parse reads text; false with a clause in why. */
bool leat_dist_parse(
	struct dist *d, const struct dist_range *range, const char *text, char *why, size_t size);

/* leat_dist_draw is the value that these random bits choose. */
uint64_t leat_dist_draw(const struct dist *d, uint64_t bits);

/* The least and the greatest value that can be drawn, and what is drawn on the average. */
uint64_t leat_dist_min(const struct dist *d);
uint64_t leat_dist_max(const struct dist *d);
double leat_dist_mean(const struct dist *d);

static inline struct dist dist_fixed(uint64_t value)
{
	return (struct dist){.kind = DIST_KIND_FIXED, .a = value, .b = value};
}

/* dist_bits mixes a seed and a place into random bits (the finisher of splitmix64). */
static inline uint64_t dist_bits(uint64_t seed, uint64_t conn, uint32_t draw)
{
	uint64_t z = seed + (conn + 1) * UINT64_C(0x9e3779b97f4a7c15) +
		     (draw + UINT64_C(1)) * UINT64_C(0xd1342543de82ef95);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
