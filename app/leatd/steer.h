/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STEER_H
#define LEAT_STEER_H

/* steer: how the flows of one port find their shards, decided at boot and told to the user.
 *
 *	one shard   nothing to decide
 *	wire        rings inside the process, queue to queue: both ends compute one symmetric hash
 *	device      RSS with our key and table, read back equal
 *	part        the same, with fewer queues than shards: those without one get theirs by lanes
 *	software    all else: one hash a frame; frames of other shards move by lanes
 *
 * A restart of the port is a new decision: settle again.
 *
 * Affinity   boot, then read only; the printing: the control thread.
 * See        flow_steer.h, nic_rss.h, shard_steer.h; docs/shard.md. */

#include "flow_steer.h"
#include "nic_port.h"
#include "shard.h"

#include <stdio.h>

enum steer_mode {
	STEER_ONE,
	STEER_WIRE,
	STEER_DEVICE,
	STEER_PART,
	STEER_SOFTWARE,
};

#define STEER_WHY_MAX (NIC_RSS_WHY_MAX + 64)

struct steer {
	enum steer_mode mode;
	uint32_t shard_cnt, queue_cnt;
	uint8_t key[FLOW_RSS_KEY_OCTETS];
	uint8_t queue[FLOW_STEER_TABLE_MAX]; /* of each entry, as the device gets it */
	char why[STEER_WHY_MAX];             /* software: because */
	struct flow_steer flow;
};

/* What is known before the port starts. */
struct steer_want {
	uint32_t shard_cnt, queue_cnt; /* queue_cnt: of the port, at most shard_cnt */
	uint32_t table_cnt;            /* of the device, by nic_rss.h; 0: none */
	uint64_t seed;                 /* of the key, and of nothing else: who knows it can aim */
	bool symmetric;                /* both ends of the wire are ours and must agree */
	bool wire;                     /* and what leaves by a queue arrives by the same */
};

/* leat_steer_plan draws the key, deals the table, and puts both into config where the device can
 * use them; s stays where it is while the port may be started. */
void leat_steer_plan(
	struct steer *s, const struct steer_want *want, struct nic_port_config *config);

/* leat_steer_settle decides by what came of it, each time the port was started. */
void leat_steer_settle(struct steer *s, const struct nic_port *port);

/* leat_steer_shard writes into the configuration of shard idx what steering decides. */
void leat_steer_shard(const struct steer *s, uint32_t idx, struct shard_config *config);

/* leat_steer_shared says whether frames of other shards arrive at the queue of shard idx. */
bool leat_steer_shared(const struct steer *s, uint32_t idx);

/* leat_steer_print writes which mode is on and what it costs, without an end of line. */
void leat_steer_print(const struct steer *s, FILE *out);

/* leat_steer_ledger_error checks, of all shards of a port and when none turns any more, that what
 * one handed to another came there or lies between them, and that none got what is another's.
 * NULL, or what does not hold, written to text.  moving and carrying: plane.h. */
const char *leat_steer_ledger_error(const struct shard_counts *sum, uint64_t moving,
	uint64_t carrying, char *text, size_t size);

/* leat_steer_end writes what was moved and verified, of all shards of the port. */
void leat_steer_end(const struct steer *s, const struct shard_counts *sum, FILE *out);

const char *leat_steer_name(const struct steer *s);

#endif
