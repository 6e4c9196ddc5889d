/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PORT_H
#define LEAT_PORT_H

/* port: the device that the options name, started with its flows dealt out to the shards.
 *
 *	the device ─► queues it has ─► plan of steering ─► start ─► settle by what came of it
 *
 * Affinity   boot, the main thread.
 * Errors     enum opt_exit, after one line on stderr; the port is closed then.
 * See        device.h, steer.h. */

#include "opt_serve.h"
#include "steer.h"

/* leat_port_open takes the device and starts it with as many queues as there are shards, or as it
 * has; frames arrive in buffers of config->pool.  seed is of the key of steering.  config is filled
 * for who starts it again; it and steer stay where they are while the port may be. */
enum opt_exit leat_port_open(const struct serve_options *o, struct nic_port *port,
	struct steer *steer, uint64_t seed, struct nic_port_config *config);

#endif
