/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_port.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"
#include "nic_dpdk.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

STATIC_ASSERT(NIC_NAME_MAX >= RTE_ETH_NAME_MAX_LEN, "a device name fits");

/* refuse logs what could not be done with the port and returns the error. */
static int refuse(const struct nic_port *p, const char *what, int error)
{
	leat_log(LOG_LV_ERROR, "nic", "%s: cannot %s: %s", p->name, what, strerror(-error));
	return error;
}

int leat_nic_port_by_id(uint16_t id, struct nic_port *p)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;

	*p = (struct nic_port){.id = id};
	snprintf(p->name, sizeof(p->name), "port %u", id);
	if (!rte_eth_dev_is_valid_port(id))
		return refuse(p, "open it", -ENODEV);
	int error = rte_eth_dev_info_get(id, &info);
	if (error == 0)
		error = rte_eth_macaddr_get(id, &mac);
	if (error != 0)
		return refuse(p, "read what it can do", error);
	if (rte_eth_dev_get_name_by_port(id, p->name) != 0)
		return refuse(p, "read its name", -ENODEV);
	int node = rte_eth_dev_socket_id(id);
	p->driver = info.driver_name;
	p->node = node < 0 ? 0 : node;
	p->is_virtual = strcmp(rte_bus_name(rte_dev_bus(info.device)), "vdev") == 0;
	p->none_is_good = strcmp(p->driver, "net_virtio") == 0 ||
			  strcmp(p->driver, "net_virtio_user") == 0 ||
			  strcmp(p->driver, "net_vhost") == 0;
	memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
	return 0;
}

/* probe makes EAL's bus look for name, unless a port has that name already. */
static int probe(const char *bus, const char *name, const char *args, struct nic_port *p)
{
	const char *what = strcmp(bus, "pci") == 0 ? "find this device" : "make this device";
	uint16_t id;
	bool made = false;

	if (rte_eth_dev_get_port_by_name(name, &id) != 0) {
		int error = rte_eal_hotplug_add(bus, name, args);
		made = error == 0;
		if (error == 0)
			error = rte_eth_dev_get_port_by_name(name, &id);
		if (error != 0) {
			if (made)
				(void)rte_eal_hotplug_remove(bus, name);
			return refuse(p, what, error);
		}
	}
	int error = leat_nic_port_by_id(id, p);
	if (error != 0 && made)
		(void)rte_eal_hotplug_remove(bus, name);
	p->remove = error == 0 && made;
	return error;
}

int leat_nic_port_by_vdev(const char *args, struct nic_port *p)
{
	size_t name_octets = strcspn(args, ",");
	const char *rest = args[name_octets] == ',' ? args + name_octets + 1 : "";

	*p = (struct nic_port){0};
	snprintf(p->name, sizeof(p->name), "%.*s", (int)u64_min(name_octets, NIC_NAME_MAX), args);
	if (name_octets == 0 || name_octets >= RTE_ETH_NAME_MAX_LEN)
		return refuse(p, "make a device of that name", -EINVAL);
	char name[NIC_NAME_MAX];
	memcpy(name, p->name, sizeof(name));
	return probe("vdev", name, rest, p);
}

int leat_nic_port_by_pci(const char *address, struct nic_port *p)
{
	*p = (struct nic_port){0};
	snprintf(p->name, sizeof(p->name), "%s", address);
	return probe("pci", address, "", p);
}

/* grant keeps of the wished offloads those that the device offers. */
static void grant(struct nic_port *p, const struct nic_port_config *config,
	const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	uint64_t rx = 0, tx = 0;

	if (config->csum) {
		rx = info->rx_offload_capa &
		     (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
		tx = info->tx_offload_capa &
		     (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
	}
	p->rx_csum_ip = (rx & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	p->rx_csum_l4 = (rx & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
	p->tx_csum_ip = (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
	p->tx_csum_l4 = (tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
	conf->rxmode.offloads = rx;
	conf->txmode.offloads = tx;
	leat_nic_rss_wish(p, &config->rss, info, conf);
}

static int set_up_queues(struct nic_port *p, const struct nic_port_config *config,
	const struct rte_eth_dev_info *info, const struct rte_eth_conf *conf)
{
	uint16_t rx_slots = config->rx_slots, tx_slots = config->tx_slots;
	struct rte_eth_rxconf rxconf = info->default_rxconf;
	struct rte_eth_txconf txconf = info->default_txconf;
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx_slots, &tx_slots);

	if (error != 0)
		return refuse(p, "size its queues", error);
	rxconf.offloads = conf->rxmode.offloads;
	txconf.offloads = conf->txmode.offloads;
	for (uint16_t q = 0; q < config->queue_cnt; q++) {
		error = rte_eth_rx_queue_setup(
			p->id, q, rx_slots, (unsigned)p->node, &rxconf, config->pool);
		if (error == 0)
			error = rte_eth_tx_queue_setup(
				p->id, q, tx_slots, (unsigned)p->node, &txconf);
		if (error != 0)
			return refuse(p, "set up a queue", error);
	}
	return 0;
}

static int set_mtu_and_mac(struct nic_port *p, const struct nic_port_config *config)
{
	uint16_t mtu = 0;

	if (rte_eth_dev_get_mtu(p->id, &mtu) != 0 || mtu != config->mtu) {
		int error = rte_eth_dev_set_mtu(p->id, config->mtu);
		/* A device that has no such call passes frames of any length. */
		if (error != 0 && error != -ENOTSUP)
			return refuse(p, "set its mtu", error);
	}
	if (config->mac_set) {
		struct rte_ether_addr mac;
		memcpy(mac.addr_bytes, config->mac, sizeof(mac.addr_bytes));
		int error = rte_eth_dev_default_mac_addr_set(p->id, &mac);
		if (error != 0)
			return refuse(p, "set its address", error);
		memcpy(p->mac, config->mac, sizeof(p->mac));
	}
	return 0;
}

/* hear_groups lets multicast in: a neighbour solicitation comes to a group of its target (RFC 4861
 * 7.2.1), which a card filters out by default. */
static void hear_groups(struct nic_port *p)
{
	int error = rte_eth_allmulticast_enable(p->id);

	p->groups = error == 0;
	if (error != 0 && !p->is_virtual)
		leat_log(LOG_LV_WARN, "nic", "%s: multicast stays out, and so IPv6: %s", p->name,
			strerror(-error));
}

/* mtu_most is the largest mtu that the device takes: many name none, but the longest frame, and
 * ethdev then counts a header and a check sequence besides the packet. */
static uint32_t mtu_most(const struct rte_eth_dev_info *info)
{
	const uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX || info->max_rx_pktlen <= overhead)
		return info->max_mtu;
	return u32_min(info->max_mtu, info->max_rx_pktlen - overhead);
}

/* queue_max is what the device says, or less.  TAP of DPDK 22.11 says 16, but at start writes a
 * descriptor for each queue and direction into a message that has room for RTE_MP_MAX_FD_NUM: with
 * more it overwrites its stack. */
static uint32_t queue_max(const struct rte_eth_dev_info *info)
{
	uint32_t max = u32_min(info->max_rx_queues, info->max_tx_queues);

	return strcmp(info->driver_name, "net_tap") == 0 ? u32_min(max, RTE_MP_MAX_FD_NUM / 2)
							 : max;
}

uint32_t leat_nic_port_queue_max(const struct nic_port *p)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(p->id, &info) == 0 ? queue_max(&info) : 0;
}

uint32_t leat_nic_port_queues(const struct nic_port *p, uint32_t want)
{
	uint32_t cnt = u32_min(leat_nic_port_queue_max(p), want);

	/* It refuses what is no power of two, and says so only then. */
	if (strcmp(p->driver, "net_vmxnet3") == 0 && cnt != 0)
		cnt = (uint32_t)pow2_ceil(cnt + 1) / 2;
	return cnt;
}

/* check_wish compares what was asked for with what the device can do, before it is touched. */
static int check_wish(const struct nic_port *p, const struct nic_port_config *config,
	const struct rte_eth_dev_info *info)
{
	uint32_t max = queue_max(info);

	if (config->queue_cnt > max) {
		leat_log(LOG_LV_ERROR, "nic",
			"%s: the device has %u queues, %u shards were asked for", p->name, max,
			config->queue_cnt);
		return -ERANGE;
	}
	uint32_t mtu_max = mtu_most(info);
	if (config->mtu < info->min_mtu || config->mtu > mtu_max) {
		leat_log(LOG_LV_ERROR, "nic",
			"%s: the device takes an mtu from %u to %u, %u was asked for", p->name,
			info->min_mtu, mtu_max, config->mtu);
		return -ERANGE;
	}
	return 0;
}

int leat_nic_port_start(struct nic_port *p, const struct nic_port_config *config)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {.rxmode = {.mtu = config->mtu}};

	ASSERT(config->queue_cnt > 0);
	ASSERT(config->queue_cnt <= NIC_QUEUE_MAX);
	ASSERT(config->pool != NULL);
	ASSERT(!p->started);
	int error = rte_eth_dev_info_get(p->id, &info);
	if (error != 0)
		return refuse(p, "read what it can do", error);
	error = check_wish(p, config, &info);
	if (error != 0)
		return error;
	grant(p, config, &info, &conf);
	error = rte_eth_dev_configure(p->id, config->queue_cnt, config->queue_cnt, &conf);
	if (error != 0)
		return refuse(p, "configure it", error);
	error = set_up_queues(p, config, &info, &conf);
	if (error == 0)
		error = set_mtu_and_mac(p, config);
	if (error != 0)
		return error;
	error = rte_eth_dev_start(p->id);
	if (error != 0)
		return refuse(p, "start it", error);
	leat_nic_rss_prove(p, &config->rss);
	hear_groups(p);
	p->started = true;
	p->queue_cnt = config->queue_cnt;
	return 0;
}

int leat_nic_port_restart(struct nic_port *p, const struct nic_port_config *config)
{
	ASSERT(p->started);
	int error = rte_eth_dev_stop(p->id);
	if (error == 0)
		error = rte_eth_dev_reset(p->id);
	/* Virtual devices have nothing to reset. */
	if (error != 0 && error != -ENOTSUP)
		return refuse(p, "reset it", error);
	p->started = false;
	return leat_nic_port_start(p, config);
}

struct nic_link leat_nic_port_link(const struct nic_port *p)
{
	struct rte_eth_link link = {0};

	if (rte_eth_link_get_nowait(p->id, &link) != 0)
		return (struct nic_link){0};
	return (struct nic_link){.up = link.link_status == RTE_ETH_LINK_UP,
		.mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed};
}

struct nic_port_stats leat_nic_port_stats(const struct nic_port *p)
{
	struct rte_eth_stats s = {0};

	if (rte_eth_stats_get(p->id, &s) != 0)
		return (struct nic_port_stats){0};
	return (struct nic_port_stats){.rx_frames = s.ipackets,
		.rx_octets = s.ibytes,
		.rx_missed = s.imissed,
		.rx_no_mbuf = s.rx_nombuf,
		.rx_errors = s.ierrors,
		.tx_frames = s.opackets,
		.tx_octets = s.obytes,
		.tx_errors = s.oerrors};
}

uint32_t leat_nic_port_rx(
	const struct nic_port *p, uint16_t queue, struct rte_mbuf **m, uint16_t max)
{
	DCHECK(queue < p->queue_cnt);
	return rte_eth_rx_burst(p->id, queue, m, max);
}

uint32_t leat_nic_port_tx(
	const struct nic_port *p, uint16_t queue, struct rte_mbuf **m, uint16_t cnt)
{
	DCHECK(queue < p->queue_cnt);
	return rte_eth_tx_burst(p->id, queue, m, cnt);
}

void leat_nic_port_close(struct nic_port *p)
{
	struct rte_eth_dev_info info;
	int known = rte_eth_dev_info_get(p->id, &info);
	int error = p->started ? rte_eth_dev_stop(p->id) : 0;

	if (error == 0)
		error = rte_eth_dev_close(p->id);
	if (error == 0 && p->remove && known == 0)
		error = rte_dev_remove(info.device);
	if (error != 0)
		leat_log(LOG_LV_WARN, "nic", "%s: did not close: %s", p->name, strerror(-error));
	p->started = false;
}
