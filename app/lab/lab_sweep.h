/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LAB_SWEEP_H
#define LEAT_LAB_SWEEP_H

/* lab_sweep: every case that a list of values for each dimension has, and what came of it.
 *
 * Units      as lab.h. */

#include "lab.h"

#include <stdbool.h>
#include <stdint.h>

#define LAB_LIST_MAX 16
#define LAB_CASE_MAX 20000

struct lab_list {
	uint32_t cnt;
	uint64_t value[LAB_LIST_MAX];
};

struct lab_sweep {
	struct lab_world world;
	struct lab_list time_wait; /* ns */
	struct lab_list close;     /* enum lab_close */
	struct lab_list reuse;     /* enum lab_reuse */
	struct lab_list timestamps;
	struct lab_list loss, reorder; /* millionths */
	struct lab_list rate;
};

struct lab_row {
	struct lab_case c;
	struct lab_result result;
};

/* leat_lab_sweep_cases writes the cases that make sense, 2MSL changing first; the lists of others
 * give one situation each.  Policies by timestamps are tried with them, whatever the list says.
 * Returns how many there are, more than max perhaps. */
uint32_t leat_lab_sweep_cases(const struct lab_sweep *sweep, struct lab_row *row, uint32_t max);

#endif
