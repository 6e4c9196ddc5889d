/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NOTE_H
#define LEAT_NOTE_H

/* note: what counts that have one cause as a rule tell of it, and what to do.
 *
 * Affinity   none: works on copies. */

#include "shard.h"

#include <stdio.h>

/* leat_note_challenged writes a line when the peer answered SYNs of a generator by an ACK of an
 * older connection of the same ports. */
void leat_note_challenged(const struct shard_counts *c, FILE *out);

/* leat_note_queues writes a line when most of what a device of this driver gave was never sent by
 * anybody: a memif does that when its ends have different numbers of queues. */
void leat_note_queues(const struct shard_counts *c, const char *driver, FILE *out);

#endif
