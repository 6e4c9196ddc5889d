/* SPDX-License-Identifier: BSD-3-Clause */
#include "try_wire.h"

#include "base_log.h"
#include "base_time.h"
#include "device.h"

#include <sys/random.h>
#include <time.h>

#define LINK_NAP_NS (5 * TIME_MS)
#define LINK_NAPS   400

/* key_seed is one for both ends of a wire inside the process, which must draw the same key.  Of a
 * client alone it is new: others are on its wire, and --seed with its few digits is printed. */
static uint64_t key_seed(const struct try_wire *w, const struct try_options *o)
{
	uint64_t seed;

	if (w->rings || o->server_vdev != NULL || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return o->seed;
	return seed;
}

/* start starts the port of one end with a queue for each shard, or as many as it has. */
static enum opt_exit start(struct try_wire *w, enum try_end end, struct nic_port *port,
	const struct try_options *o, struct rte_mempool *pool)
{
	struct nic_port_config config = {.rx_slots = TRY_SLOTS,
		.tx_slots = TRY_SLOTS,
		.mtu = 1500,
		.csum = !w->rings,
		.pool = pool};
	struct steer_want want = {.shard_cnt = (uint32_t)o->shards,
		.seed = key_seed(w, o),
		.symmetric = w->rings || o->server_vdev != NULL,
		.wire = w->rings};

	want.queue_cnt = leat_device_queues(port, want.shard_cnt);
	if (want.queue_cnt == 0)
		return OPT_EXIT_DEVICE;
	config.queue_cnt = (uint16_t)want.queue_cnt;
	want.table_cnt = leat_nic_rss_table(port);
	leat_steer_plan(&w->steer[end], &want, &config);
	if (leat_nic_port_start(port, &config) != 0)
		return OPT_EXIT_DEVICE;
	leat_steer_settle(&w->steer[end], port);
	w->port[end] = port;
	return OPT_EXIT_OK;
}

static enum opt_exit open_device(struct try_wire *w, enum try_end end, const char *vdev,
	const struct try_options *o, struct rte_mempool *pool)
{
	enum opt_exit result = leat_device_by_vdev(vdev, &w->device[end]);
	if (result != OPT_EXIT_OK)
		return result;
	result = start(w, end, &w->device[end], o, pool);
	if (result != OPT_EXIT_OK)
		leat_nic_port_close(&w->device[end]);
	return result;
}

static enum opt_exit open_rings(
	struct try_wire *w, const struct try_options *o, struct rte_mempool *pool)
{
	if (leat_nic_ring_open(&w->ring, "wire", (uint16_t)o->shards, TRY_RING_SLOTS) != 0)
		return OPT_EXIT_DEVICE;
	enum opt_exit result = start(w, TRY_CLIENT, &w->ring.a, o, pool);
	if (result == OPT_EXIT_OK)
		result = start(w, TRY_SERVER, &w->ring.b, o, pool);
	if (result != OPT_EXIT_OK)
		leat_nic_ring_close(&w->ring);
	return result;
}

enum opt_exit leat_try_wire_open(
	struct try_wire *w, const struct try_options *o, struct rte_mempool *pool)
{
	enum opt_exit result = OPT_EXIT_OK;

	*w = (struct try_wire){.rings = o->client_vdev == NULL};
	if (w->rings)
		return open_rings(w, o, pool);
	/* The server first: it is the one that listens on a socket, where there is one. */
	if (o->server_vdev != NULL)
		result = open_device(w, TRY_SERVER, o->server_vdev, o, pool);
	if (result == OPT_EXIT_OK)
		result = open_device(w, TRY_CLIENT, o->client_vdev, o, pool);
	if (result != OPT_EXIT_OK)
		leat_try_wire_close(w);
	return result;
}

void leat_try_wire_wait(const struct try_wire *w)
{
	uint32_t end = 0;

	for (uint32_t n = 0; !w->rings && n < LINK_NAPS && end < TRY_END_CNT; n++) {
		while (end < TRY_END_CNT &&
			(w->port[end] == NULL || leat_nic_port_link(w->port[end]).up))
			end++;
		if (end < TRY_END_CNT)
			nanosleep(&(struct timespec){.tv_nsec = (long)LINK_NAP_NS}, NULL);
	}
	if (!w->rings && end < TRY_END_CNT)
		leat_log(LOG_LV_WARN, "leatd",
			"%s: the link is down; is the other end there, with as many shards?",
			w->port[end]->name);
}

uint64_t leat_try_wire_rights(const struct try_wire *w)
{
	uint64_t rights = 0;

	for (uint32_t end = 0; end < TRY_END_CNT; end++)
		rights |= w->port[end] != NULL ? leat_device_rights(w->port[end]) : 0;
	return rights;
}

void leat_try_wire_close(struct try_wire *w)
{
	if (w->rings) {
		leat_nic_ring_close(&w->ring);
		return;
	}
	/* The client first: it leaves a server that can still be told. */
	for (uint32_t end = 0; end < TRY_END_CNT; end++) {
		if (w->port[end] != NULL)
			leat_nic_port_close(&w->device[end]);
		w->port[end] = NULL;
	}
}
