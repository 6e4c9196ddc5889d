/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_KNOBS_H
#define LEAT_KNOBS_H

/* knobs: the options of TCP as a stack takes them. */

#include "opt_tcp.h"
#include "opt_wire.h"
#include "shard_wire.h"
#include "stack.h"

/* leat_knobs_set puts the options into config, and lets its pools hold at least one connection
 * that fills its buffers. */
void leat_knobs_set(struct stack_config *config, const struct tcp_options *o);

/* leat_knobs_wire is a bad wire as a shard takes it. */
struct shard_wire_config leat_knobs_wire(const struct wire_options *o, uint64_t seed);

#endif
