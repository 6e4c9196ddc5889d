/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PREPARE_H
#define LEAT_PREPARE_H

/* prepare: the time between EAL's start and ready, which much memory makes long.
 *
 * Signals wait for the control thread, which does not run yet.  Meanwhile a thread of its own takes
 * them, and ends the process at once: nobody was served, so there is nothing to finish.
 *
 * Affinity   the main thread, begin before the memory is taken and end after.
 * Errors     enum opt_exit, after one line on stderr. */

#include "plane_eal.h"

/* leat_prepare_begin says on stderr that octets of memory are taken when they are many, and lets
 * signals end the process.  eal lives until the end. */
enum opt_exit leat_prepare_begin(struct eal *eal, size_t octets);

/* leat_prepare_end leaves signals to who comes next. */
void leat_prepare_end(void);

#endif
