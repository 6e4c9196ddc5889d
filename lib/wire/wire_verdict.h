/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_VERDICT_H
#define LEAT_WIRE_VERDICT_H

/* wire_verdict: what became of a frame, one row of wire_verdict.def each.
 *
 * The rows before WIRE_V_DROP_FIRST hand the frame on; all others drop it.  Whoever counts does
 * so once per frame, so that frames received = the sum over all verdicts.
 *
 * Memory     constant texts.
 * Affinity   none: no state.
 * RFC        each row names its own.
 * See        wire_pkt.h, which gives them; tcp_verdict.h for what then becomes of a segment. */

enum wire_verdict {
#define V(name, text, where, sentence) WIRE_V_##name,
#include "wire_verdict.def"
#undef V
	WIRE_V_CNT
};

#define WIRE_V_DROP_FIRST WIRE_V_DROP_L2_SHORT

/* The counter's name (`drop_l2_short`), the RFC it rests on, and one sentence of help. */
const char *leat_wire_verdict_name(enum wire_verdict v);
const char *leat_wire_verdict_where(enum wire_verdict v);
const char *leat_wire_verdict_help(enum wire_verdict v);

#endif
