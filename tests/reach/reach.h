/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REACH_H
#define LEAT_REACH_H

/* reach: what the suites together reach of arrows, verdicts, ends and counters.
 *
 *	talk, chance, every, sim, fuzz_* ─► reach_* ─► lines in the file LEAT_REACH ─► reach.py
 *
 * A program adds what its stacks counted before it forgets them; at its exit the sums go behind
 * what is in the file that LEAT_REACH names.  Without that variable nothing is written.
 *
 * Shape      a line is `group name count`, of what is not 0.
 * Errors     a file that cannot be written ends the program.
 * See        reach.py, which runs the programs and prints the table. */

#include "stack.h"

void leat_reach_stack(struct leat_stack *s);
void leat_reach_tcp(const struct tcp_counters *c);
void leat_reach_neigh(const struct inet_neigh_counters *c);
void leat_reach_wire(enum wire_verdict v);

/* leat_reach_names writes all there is, with count 0. */
void leat_reach_names(FILE *out);

#endif
