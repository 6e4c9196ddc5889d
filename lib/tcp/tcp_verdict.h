/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_VERDICT_H
#define LEAT_TCP_VERDICT_H

/* tcp_verdict: what became of a segment, one row of tcp_verdict.def each.
 *
 * Segments that reached the engine = the sum over all verdicts. */

enum tcp_verdict {
#define V(name, text, where, sentence) TCP_V_##name,
#include "tcp_verdict.def"
#undef V
	TCP_V_CNT
};

const char *leat_tcp_verdict_name(enum tcp_verdict v);
const char *leat_tcp_verdict_where(enum tcp_verdict v);
const char *leat_tcp_verdict_help(enum tcp_verdict v);

#endif
