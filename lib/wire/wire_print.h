/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_PRINT_H
#define LEAT_WIRE_PRINT_H

/* wire_print: a segment as one line of text, in the notation of the .talk scripts.
 *
 *	S. 300:300(0) ack 101 win 8192 <mss 1460>
 *
 * flags first (S F R P . U E W, or - for none), then first:after(text octets), then ack when
 * there is one, the window, the urgent pointer when there is one, and options:
 *
 *	<mss 1460, wscale 7, sackok, ts 17 0, sack 301:401 501:601>
 *
 * Numbers are relative to the two bases the caller names, SACK blocks to that of ack.
 *
 * Memory     the caller's.
 * Affinity   none: no state.
 * Errors     none; what does not fit is cut, and the length that was wanted is returned.
 * See        tests/talk/README.md for the notation. */

#include "wire_tcp.h"

#include <stddef.h>

/* leat_wire_print writes at most size octets with the end mark and returns the length that was
 * wanted.  seq_base is subtracted from seq, ack_base from ack. */
size_t leat_wire_print(
	char *text, size_t size, const struct seg *seg, struct seq seq_base, struct seq ack_base);

#endif
