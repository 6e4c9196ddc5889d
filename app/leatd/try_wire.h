/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TRY_WIRE_H
#define LEAT_TRY_WIRE_H

/* try_wire: what lies between the client and the server of a trial.
 *
 *	rings     client queue i ◄──► server queue i, inside the process
 *	devices   client on one, server on another, and whatever joins them outside: a memif, a
 *	          vhost-user socket, a veth pair, a bridge; or the client alone
 *
 * Affinity   boot.
 * Errors     enum opt_exit, after one line on stderr. */

#include "nic_ring.h"
#include "opt_try.h"
#include "steer.h"

enum try_end {
	TRY_CLIENT,
	TRY_SERVER,
	TRY_END_CNT
};

#define TRY_RING_SLOTS 1023 /* frames on one ring */
#define TRY_SLOTS      512  /* descriptors of a device's queue */

struct try_wire {
	bool rings;
	struct nic_ring ring;
	struct nic_port device[TRY_END_CNT];
	const struct nic_port *port[TRY_END_CNT]; /* NULL: that end is not here */
	struct steer steer[TRY_END_CNT];
};

/* leat_try_wire_open opens and starts what the options name, and decides how flows find their
 * shards. */
enum opt_exit leat_try_wire_open(
	struct try_wire *w, const struct try_options *o, struct rte_mempool *pool);

/* leat_try_wire_wait waits until frames pass between devices, or some seconds are over. */
void leat_try_wire_wait(const struct try_wire *w);

/* leat_try_wire_rights is leat_device_rights of all its devices. */
uint64_t leat_try_wire_rights(const struct try_wire *w);

void leat_try_wire_close(struct try_wire *w);

#endif
