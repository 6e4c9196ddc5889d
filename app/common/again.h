/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_AGAIN_H
#define LEAT_AGAIN_H

/* again: what was retransmitted, by kind, and how it is told.
 *
 * Affinity   none; pure. */

#include <stddef.h>
#include <stdint.h>

/* In the order in which they are told; the engine counts them (tcp_engine.h). */
enum again_kind {
	AGAIN_SYN,
	AGAIN_SYN_ACK,
	AGAIN_DATA,
	AGAIN_FIN,   /* without text */
	AGAIN_PROBE, /* of a window that is closed */
	AGAIN_CNT
};

#define AGAIN_TEXT_MAX 192

/* leat_again_key is "syn_ack", as it stands in files. */
const char *leat_again_key(enum again_kind kind);

/* leat_again_text writes all of them, and of which kinds they are: "44: SYN 19, data 22, FIN 3";
 * "0" when there are none. */
void leat_again_text(const uint64_t cnt[AGAIN_CNT], char *text, size_t size);

#endif
