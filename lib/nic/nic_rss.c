/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_rss.h"

#include "base_assert.h"
#include "base_bits.h"
#include "nic_port.h"

#include <rte_ethdev.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Both: who trusts a queue trusts it with either version of IP. */
#define RSS_NEED (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define RETA_MAX (2048 / RTE_ETH_RETA_GROUP_SIZE)

STATIC_ASSERT(NIC_RSS_TABLE_MAX == RTE_ETH_RSS_RETA_SIZE_512, "the most that one hash selects by");

__attribute__((format(printf, 2, 3))) static void not_ours(
	struct nic_port *p, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(p->rss.why, sizeof(p->rss.why), format, list);
	va_end(list);
	p->rss.ours = false;
}

uint32_t leat_nic_rss_table_of(const struct rte_eth_dev_info *info)
{
	if (!is_pow2(info->reta_size) || (info->flow_type_rss_offloads & RSS_NEED) != RSS_NEED ||
		info->reta_size > RETA_MAX * RTE_ETH_RETA_GROUP_SIZE)
		return 0;
	return u32_min(info->reta_size, NIC_RSS_TABLE_MAX);
}

uint32_t leat_nic_rss_table(const struct nic_port *p)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(p->id, &info) == 0 ? leat_nic_rss_table_of(&info) : 0;
}

/* key_conf makes of our key one as long as the device wants it: TCP's input ends before.  It stays
 * in p, since drivers read it when they start. */
static struct rte_eth_rss_conf key_conf(struct nic_port *p, const struct nic_rss_config *config)
{
	uint32_t octets = p->rss.key_octets != 0 ? p->rss.key_octets : NIC_RSS_KEY;

	for (uint32_t i = 0; i < octets; i++)
		p->rss.key[i] = config->key[i % NIC_RSS_KEY];
	return (struct rte_eth_rss_conf){
		.rss_key = p->rss.key, .rss_key_len = (uint8_t)octets, .rss_hf = RSS_NEED};
}

void leat_nic_rss_wish(struct nic_port *p, const struct nic_rss_config *config,
	const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	p->rss = (struct nic_rss){
		.key_octets = info->hash_key_size, .table_entries = info->reta_size};
	if (info->reta_size == 0)
		not_ours(p, "the device has no redirection table");
	else if (leat_nic_rss_table_of(info) == 0)
		not_ours(p, "no hash of TCP's ports in IPv4 and IPv6, or a table of %u entries",
			info->reta_size);
	else if (info->hash_key_size != 0 &&
		 (info->hash_key_size < NIC_RSS_KEY || info->hash_key_size > NIC_RSS_KEY_MAX))
		not_ours(p, "a key of %u octets", info->hash_key_size);
	else if (config->key == NULL)
		not_ours(p, "not asked for");
	if (p->rss.why[0] != '\0')
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	/* With the key from its first frame on; one that does not say how long its key is may
	 * refuse it later, and start all the same. */
	conf->rx_adv_conf.rss_conf = key_conf(p, config);
	if (info->hash_key_size == 0)
		conf->rx_adv_conf.rss_conf.rss_key = NULL;
	conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
}

static int set_key(struct nic_port *p, const struct nic_rss_config *config)
{
	struct rte_eth_rss_conf conf = key_conf(p, config);

	return rte_eth_dev_rss_hash_update(p->id, &conf);
}

static int set_table(const struct nic_port *p, const struct nic_rss_config *config)
{
	struct rte_eth_rss_reta_entry64 reta[RETA_MAX] = {{.mask = 0}};

	for (uint32_t i = 0; i < p->rss.table_entries; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = config->table[i % config->table_cnt];
	}
	return rte_eth_dev_rss_reta_update(p->id, reta, (uint16_t)p->rss.table_entries);
}

static void read_key(struct nic_port *p, const struct nic_rss_config *config)
{
	uint8_t key[NIC_RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof(key)};
	int error = rte_eth_dev_rss_hash_conf_get(p->id, &conf);

	if (error != 0)
		not_ours(p, "its key cannot be read back: %s", strerror(-error));
	else if (memcmp(key, config->key, NIC_RSS_KEY) != 0)
		not_ours(p, "it kept a key of its own");
	else if ((conf.rss_hf & RSS_NEED) != RSS_NEED)
		not_ours(p, "it does not hash TCP's ports");
}

static void read_table(struct nic_port *p, const struct nic_rss_config *config)
{
	struct rte_eth_rss_reta_entry64 reta[RETA_MAX];

	for (uint32_t i = 0; i < RETA_MAX; i++)
		reta[i] = (struct rte_eth_rss_reta_entry64){.mask = UINT64_MAX};
	int error = rte_eth_dev_rss_reta_query(p->id, reta, (uint16_t)p->rss.table_entries);
	if (error != 0) {
		not_ours(p, "its table cannot be read back: %s", strerror(-error));
		return;
	}
	for (uint32_t i = 0; i < p->rss.table_entries; i++) {
		uint16_t queue =
			reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];

		if (queue != config->table[i % config->table_cnt]) {
			not_ours(p, "entry %u of its table is %u, not %u", i, queue,
				config->table[i % config->table_cnt]);
			return;
		}
	}
}

void leat_nic_rss_prove(struct nic_port *p, const struct nic_rss_config *config)
{
	int error;

	if (p->rss.why[0] != '\0')
		return;
	ASSERT(is_pow2(config->table_cnt) && config->table_cnt <= p->rss.table_entries);
	p->rss.ours = true;
	if ((error = set_key(p, config)) != 0)
		not_ours(p, "it refused our key: %s", strerror(-error));
	else if ((error = set_table(p, config)) != 0)
		not_ours(p, "it refused our table: %s", strerror(-error));
	if (p->rss.ours)
		read_key(p, config);
	if (p->rss.ours)
		read_table(p, config);
}
