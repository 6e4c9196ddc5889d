/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CTL_PACKET_H
#define LEAT_CTL_PACKET_H

/* ctl_packet: what is said of a captured frame, and how events are named.
 *
 *	shard 2  ESTABLISHED -> CLOSE-WAIT  snd.nxt 1001 rcv.nxt 73  verdict ok
 *	shard 2  verdict drop_tcp_csum: A wrong TCP checksum (MUST-3). (RFC 9293 3.1)
 *	shard 2  FIN-WAIT-1  snd.nxt 1002 rcv.nxt 73  sent again
 *
 * Numbers are those after the segment; a state without an arrow did not change, or is that of who
 * sends.
 *
 * Affinity   none; pure. */

#include "shard_capture.h"

/* leat_ctl_packet_text writes the comment on f. */
void leat_ctl_packet_text(const struct shard_captured *f, uint32_t shard, char *text, size_t size);

/* leat_ctl_packet_event adds what words, with commas between them, name to e: drop, reset,
 * retransmission, states, verdicts.  Changes words; gives the one that names nothing, or NULL. */
char *leat_ctl_packet_event(struct shard_capture_event *e, char *words);

#endif
