/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_PORT_H
#define LEAT_NIC_PORT_H

/* nic_port: one device, from its name to running queues and back.
 *
 * A port is found by its number, made from the arguments of a virtual device, or named by its PCI
 * address.  EAL accepts an absent PCI address without a word, so a port counts as found only when
 * a device of that name answers.  Offloads are what was wished for and the device offers; what it
 * does not offer is left to software, which the grants in struct nic_port say.
 *
 *	by_id, by_vdev, by_pci ─► start (queues, offloads, mtu) ─► bursts ─► close
 *
 * Shape      queue q of rx and tx belong to shard q; one pool feeds all rx queues.
 * Units      slots are descriptors; octets of frames without their check sequence.
 * Memory     the device's own, until close.
 * Affinity   boot and control thread; the queues themselves belong to the shards.
 * Errors     negative errno and one line in the log, here and nowhere else.
 * See        nic_ring.h for two ports joined inside the process. */

#include "nic_rss.h"

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

#define NIC_NAME_MAX  64 /* octets of a device name with its end */
#define NIC_QUEUE_MAX 64

struct nic_port {
	uint16_t id;
	char name[NIC_NAME_MAX];
	const char *driver; /* "net_tap"; the device's own string */
	int node;           /* memory node; 0 when the device does not say */
	uint8_t mac[6];
	uint16_t queue_cnt;
	bool is_virtual;   /* a vdev: no interrupt is lost by napping */
	bool none_is_good; /* "checksum none" means verified, field not valid (virtio) */
	bool remove;       /* made by us: close takes it away */
	bool started;
	bool rx_csum_ip, rx_csum_l4, tx_csum_ip, tx_csum_l4; /* granted by start */
	struct nic_rss rss;                                  /* what came of it, by start */
	bool groups; /* multicast comes in, which IPv6 needs; granted by start */
};

struct nic_port_config {
	uint16_t queue_cnt;
	uint16_t rx_slots, tx_slots; /* wished; the device's limits win */
	uint16_t mtu;                /* octets of IP packet */
	bool csum;                   /* wish for checksum offload in both directions */
	bool mac_set;
	uint8_t mac[6]; /* with mac_set */
	struct nic_rss_config rss;
	struct rte_mempool *pool;
};

struct nic_port_stats {
	uint64_t rx_frames, rx_octets, rx_missed, rx_no_mbuf, rx_errors;
	uint64_t tx_frames, tx_octets, tx_errors;
};

struct nic_link {
	bool up;
	uint32_t mbps; /* 0: the device does not say */
};

/* leat_nic_port_by_id takes a port that exists.  -ENODEV: it does not. */
__attribute__((warn_unused_result)) int leat_nic_port_by_id(uint16_t id, struct nic_port *p);

/* leat_nic_port_by_vdev makes the virtual device args names ("net_tap0,iface=leat0"); close
 * removes it.  -EINVAL: no device name; else the driver's own error. */
__attribute__((warn_unused_result)) int leat_nic_port_by_vdev(const char *args, struct nic_port *p);

/* leat_nic_port_by_pci takes the device at a PCI address, which must be bound to a driver that
 * EAL can use.  -ENODEV: none is there. */
__attribute__((warn_unused_result)) int leat_nic_port_by_pci(
	const char *address, struct nic_port *p);

/* leat_nic_port_queue_max is how many queues the device has in both directions. */
uint32_t leat_nic_port_queue_max(const struct nic_port *p);

/* leat_nic_port_queues is how many queues to start for want shards: as many, or as the device has,
 * or the most below that its driver takes. */
uint32_t leat_nic_port_queues(const struct nic_port *p, uint32_t want);

/* leat_nic_port_start configures and starts the device.  -ERANGE: fewer queues, or another mtu,
 * than asked for.  After an error the port is stopped and may be closed. */
__attribute__((warn_unused_result)) int leat_nic_port_start(
	struct nic_port *p, const struct nic_port_config *config);

/* leat_nic_port_restart stops a started port, resets the device where it can be, and starts it as
 * before.  Nobody may use its queues meanwhile. */
__attribute__((warn_unused_result)) int leat_nic_port_restart(
	struct nic_port *p, const struct nic_port_config *config);

struct nic_link leat_nic_port_link(const struct nic_port *p);

/* leat_nic_port_stats reads the device's counters, which are 0 where it has none. */
struct nic_port_stats leat_nic_port_stats(const struct nic_port *p);

/* leat_nic_port_rx receives at most max frames of queue, which the caller then owns; _tx sends as
 * many of cnt as the device takes, which are then the device's.  Both return how many. */
uint32_t leat_nic_port_rx(
	const struct nic_port *p, uint16_t queue, struct rte_mbuf **m, uint16_t max);
uint32_t leat_nic_port_tx(
	const struct nic_port *p, uint16_t queue, struct rte_mbuf **m, uint16_t cnt);

/* leat_nic_port_close stops and closes the device, and removes it when it was made here. */
void leat_nic_port_close(struct nic_port *p);

#endif
