/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_LAW_H
#define LEAT_BASE_LAW_H

/* base_law: two counts that must be equal, and how it is said when they are not.
 *
 *	frames in = sum of wire verdicts: 1000 is not 999
 *
 * Affinity   none; pure. */

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct law {
	const char *name;
	uint64_t left, right;
};

/* law_broken is NULL, or the first of cnt laws that does not hold, with its numbers, in text. */
static inline const char *law_broken(const struct law *law, uint32_t cnt, char *text, size_t size)
{
	for (uint32_t i = 0; i < cnt; i++) {
		if (law[i].left == law[i].right)
			continue;
		snprintf(text, size, "%s: %" PRIu64 " is not %" PRIu64, law[i].name, law[i].left,
			law[i].right);
		return text;
	}
	return NULL;
}

#endif
