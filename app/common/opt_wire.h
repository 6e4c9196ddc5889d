/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_WIRE_H
#define LEAT_OPT_WIRE_H

/* opt_wire: a bad wire in one direction, as a text.
 *
 *	loss=1%,delay=5ms,jitter=1ms,reorder=0.5%,duplicate=0.1%,corrupt=0.1%
 *
 * Units      millionths; ns.
 * Errors     a clause that says what is wrong and what to type instead. */

#include "opt.h"

struct wire_options {
	uint32_t loss_millionths, reorder_millionths, duplicate_millionths, corrupt_millionths;
	uint64_t delay_ns, jitter_ns;
};

/* leat_opt_wire reads text; what it does not name is 0. */
bool leat_opt_wire(struct wire_options *w, const char *text, char *why, size_t size);

/* opt_wire_is_on: does it do anything? */
static inline bool opt_wire_is_on(const struct wire_options *w)
{
	return w->loss_millionths + w->reorder_millionths + w->duplicate_millionths +
			       w->corrupt_millionths !=
		       0 ||
	       w->delay_ns + w->jitter_ns != 0;
}

#endif
