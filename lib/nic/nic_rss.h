/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_RSS_H
#define LEAT_NIC_RSS_H

/* nic_rss: a device that spreads flows over its queues by our key and our table, with proof.
 *
 * What a device says it can do is read, not assumed: the length of its key (0: it does not say; 40
 * is tried), the length of its redirection table (0: none), the types of packets it hashes: TCP of
 * both versions of IP, or it is left alone.  It starts with our key.  Key and table are then set,
 * read back and compared octet by octet and entry by entry.  Only equal counts; a device that takes
 * a key and keeps its own is not trusted.
 *
 *	nic_rss_table ─► (the caller draws a key, deals a table) ─► start ─► port.rss: the proof
 *
 * Shape      a table of NIC_RSS_TABLE_MAX entries at most; a device's longer one repeats it, which
 *            selects by the same low bits.
 * Affinity   boot.
 * Errors     none: what does not hold is said in struct nic_rss.
 * See        flow_steer.h, the same function in software; shard_steer.h, which verifies at run. */

#include <stdbool.h>
#include <stdint.h>

struct rte_eth_conf;
struct rte_eth_dev_info;
struct nic_port;

#define NIC_RSS_KEY       40 /* octets of a key that count for TCP over IPv6 */
#define NIC_RSS_KEY_MAX   128
#define NIC_RSS_TABLE_MAX 512
#define NIC_RSS_WHY_MAX   96

/* What to set.  table_cnt is what nic_rss_table said. */
struct nic_rss_config {
	const uint8_t *key;   /* NIC_RSS_KEY octets; NULL: leave the device as it is */
	const uint8_t *table; /* queue of each entry */
	uint32_t table_cnt;
};

/* What came of it. */
struct nic_rss {
	bool ours;                    /* key and table were read back equal */
	uint32_t key_octets;          /* of the device; 0: it does not say */
	uint32_t table_entries;       /* of the device; 0: it has none */
	uint8_t key[NIC_RSS_KEY_MAX]; /* as the device was given it */
	char why[NIC_RSS_WHY_MAX];    /* not ours: because; else empty */
};

/* leat_nic_rss_table is how many low bits of a hash the device's table can select by, as a number
 * of entries, a power of two; 0: it cannot spread TCP flows by a table of ours. */
uint32_t leat_nic_rss_table(const struct nic_port *p);
uint32_t leat_nic_rss_table_of(const struct rte_eth_dev_info *info);

/* For nic_port.  leat_nic_rss_wish adds to the configuration what the device needs before it
 * starts; leat_nic_rss_prove sets the table after, and reads all back into p->rss. */
void leat_nic_rss_wish(struct nic_port *p, const struct nic_rss_config *config,
	const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);
void leat_nic_rss_prove(struct nic_port *p, const struct nic_rss_config *config);

#endif
