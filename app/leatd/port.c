/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include "device.h"
#include "plan.h"

static enum opt_exit start(const struct serve_options *o, struct nic_port *port,
	struct steer *steer, uint64_t seed, struct nic_port_config *config)
{
	struct steer_want want = {.shard_cnt = (uint32_t)o->shards, .seed = seed};

	*config = (struct nic_port_config){.rx_slots = PLAN_SLOTS,
		.tx_slots = PLAN_SLOTS,
		.mtu = (uint16_t)o->mtu,
		.csum = true,
		.pool = config->pool};
	want.queue_cnt = leat_device_queues(port, want.shard_cnt);
	if (want.queue_cnt == 0) {
		leat_nic_port_close(port);
		return OPT_EXIT_DEVICE;
	}
	config->queue_cnt = (uint16_t)want.queue_cnt;
	want.table_cnt = leat_nic_rss_table(port);
	leat_steer_plan(steer, &want, config);
	enum opt_exit result = leat_device_start(o, port, config);
	if (result == OPT_EXIT_OK)
		leat_steer_settle(steer, port);
	return result;
}

enum opt_exit leat_port_open(const struct serve_options *o, struct nic_port *port,
	struct steer *steer, uint64_t seed, struct nic_port_config *config)
{
	enum opt_exit result = leat_device_find(o, port);

	return result == OPT_EXIT_OK ? start(o, port, steer, seed, config) : result;
}
