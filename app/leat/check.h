/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CHECK_H
#define LEAT_CHECK_H

/* check: does this machine have what serve would take?  It looks and changes nothing; what is
 * missing is named with the command that mends it.
 *
 * Looked at are files of /sys and /dev below root, interfaces, and what this process may do.  How
 * much memory a configuration takes is the business of `leat plan`, which has the sizes.
 *
 * Affinity   boot only.
 * See        README of DPDK's dpdk-devbind.py and dpdk-hugepages.py. */

#include "opt_serve.h"

#include <sched.h>

enum check_link {
	CHECK_LINK_NONE,
	CHECK_LINK_DOWN,
	CHECK_LINK_UP,
};

struct check_machine {
	const char *root; /* "" of the real one */
	/* How an interface of our network namespace is, which /sys need not be of. */
	enum check_link (*link)(const char *name);
	uint64_t caps; /* effective, a bit each */
	uint64_t memlock_octets;
	cpu_set_t allowed;
};

/* What was found. */
struct check_result {
	uint32_t fail_cnt, warn_cnt;
};

/* leat_check_here fills m with this machine and what this process may do. */
void leat_check_here(struct check_machine *m);

/* leat_check_machine writes what m has for o, one line each, commands below.  Without a device in o
 * it looks at what any of them would need, and nothing fails. */
struct check_result leat_check_machine(
	const struct check_machine *m, const struct serve_options *o, FILE *out);

#endif
