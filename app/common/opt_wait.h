/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_WAIT_H
#define LEAT_OPT_WAIT_H

/* opt_wait: TIME-WAIT of one listener, as --time-wait-at has it.
 *
 *	80:length=10s,reuse=off,rst=obey
 *
 * What is not named is as for all others.
 *
 * Units      ns.
 * Errors     a clause that says what is wrong and what would do (opt.h). */

#include "opt_tcp.h"

#define OPT_WAIT_OTHER UINT32_MAX

struct opt_wait {
	uint16_t port;
	uint64_t length_ns;  /* of 2MSL; 0: not named */
	uint32_t reuse, rst; /* enum opt_tcp_reuse, opt_tcp_rst; OPT_WAIT_OTHER: not named */
};

/* leat_opt_wait_read reads text into w; false: it is no such thing. */
bool leat_opt_wait_read(const char *text, struct opt_wait *w, char *why, size_t size);

#endif
