/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FOLLOW_H
#define LEAT_FOLLOW_H

/* follow: what happens to the port of a verb while it runs, and what is done about it.
 *
 *	driver, kernel ─► nic_event's machine ─► a line in the log, shards told, port started anew
 *
 * Affinity   begin, look and lasted: the control thread; end and print: the main thread.
 * Errors     none: a port that is gone is a state.
 * See        nic_event.h for the states. */

#include "device.h"
#include "nic_event.h"
#include "plane.h"
#include "steer.h"

#include <stdio.h>

struct follow {
	const struct serve_options *o;
	struct plane *plane;
	struct nic_port *port;
	const struct nic_port_config *config;
	struct steer *steer;
	struct nic_marks marks; /* what the driver tells */
	struct nic_watch watch;
	uint64_t down_ns; /* all states but up that have ended */
};

/* leat_follow_begin follows a port from now on; keeps what it is given as long as f is used. */
void leat_follow_begin(struct follow *f, const struct serve_options *o, struct plane *plane,
	struct nic_port *port, const struct nic_port_config *config, struct steer *steer);

/* leat_follow_end ends it; of one that is all zero, as it never began, it does nothing. */
void leat_follow_end(struct follow *f);

/* leat_follow_look follows what happened since it looked last; true: the port is gone. */
bool leat_follow_look(struct follow *f);

static inline bool follow_is_gone(const struct follow *f)
{
	return f->watch.state == NIC_ST_GONE;
}

/* leat_follow_shared notes whose queues have frames of others, for the warning about one that
 * stalls; the shards of the plane are all of this port. */
void leat_follow_shared(struct plane *plane, const struct steer *steer);

/* leat_follow_down_ns is how long the link was not up so far. */
uint64_t leat_follow_down_ns(const struct follow *f, uint64_t now);

/* leat_follow_print writes a line on it, when there is something to tell. */
void leat_follow_print(const struct follow *f, FILE *out);

#endif
