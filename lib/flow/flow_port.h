/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FLOW_PORT_H
#define LEAT_FLOW_PORT_H

/* flow_port: which local port a connect may use next.
 *
 * Per base (local address, remote address, remote port) one bit a port; the search goes on where
 * it last stopped, so a port that was given back is taken again as late as possible.  The start
 * is drawn from the seed (RFC 6056 3.3.1 in spirit: an outsider cannot tell where it stands).
 * A search reads whole words, and gives up after one round: never a random probe.
 *
 * Shared among shards, each takes only ports whose replies come home to it (flow_steer.h): which
 * of 64 ports those are is one word of a table, selected by the hash of the rest of the tuple, and
 * the search reads `free & own`.  So no port is tried, and no two shards take one port.
 *
 * Shape      base_cnt bitmaps of the 64-port words from port_from to port_to; 8 KiB of shares.
 * Memory     leat_flow_port_footprint() octets.
 * Affinity   one lcore; no atomics.
 * Errors     take returns 0 when every port of the base is taken.
 * RFC        6056.
 * See        flow_steer.h. */

#include "base_prng.h"
#include "flow_steer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_port;

/* 0 when port_from is 0, above port_to, or base_cnt is 0. */
size_t leat_flow_port_footprint(uint32_t base_cnt, uint16_t port_from, uint16_t port_to);

struct flow_port *leat_flow_port_new(
	void *mem, uint32_t base_cnt, uint16_t port_from, uint16_t port_to, uint64_t seed);

/* leat_flow_port_share leaves to shard_idx its own ports of each base.  Keeps steer as long as f is
 * used.  Before the first port is taken. */
void leat_flow_port_share(struct flow_port *f, const struct flow_steer *steer, uint32_t shard_idx);

/* leat_flow_port_take marks a free port of base as taken and returns it; 0 when there is none.
 * tuple, of which the local port is not read, is that of the base; NULL unless shared. */
uint16_t leat_flow_port_take(struct flow_port *f, uint32_t base, const struct tuple *tuple);

/* leat_flow_port_claim takes this very port; false when it is taken or out of range. */
bool leat_flow_port_claim(struct flow_port *f, uint32_t base, uint16_t port);

/* leat_flow_port_give makes port free again.  Assumes it is taken. */
void leat_flow_port_give(struct flow_port *f, uint32_t base, uint16_t port);

/* leat_flow_port_free_cnt counts the ports of base that were not taken here, whosever they are. */
uint32_t leat_flow_port_free_cnt(const struct flow_port *f, uint32_t base);

#endif
