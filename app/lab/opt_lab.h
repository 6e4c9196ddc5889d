/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_LAB_H
#define LEAT_OPT_LAB_H

/* opt_lab: the options of `leat lab`; each dimension is a list of values with commas between.
 *
 * Units      ns, octets, millionths.
 * Errors     a sentence that names the option, its value and what would do (opt.h). */

#include "lab_sweep.h"
#include "opt.h"

struct lab_options {
	struct lab_sweep sweep;
	uint64_t connect_cnt, port_cnt, octets;
	const char *svg; /* NULL: none */
	bool csv, json;
};

extern const struct opt_verb leat_opt_lab;

#endif
