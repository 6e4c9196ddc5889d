/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_rss.h"

#include "nic_port.h"

#include <rte_ethdev.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define TCP4 RTE_ETH_RSS_NONFRAG_IPV4_TCP
#define TCP6 RTE_ETH_RSS_NONFRAG_IPV6_TCP

static const uint8_t key[NIC_RSS_KEY] = {1, 2, 3};
static uint8_t table[NIC_RSS_TABLE_MAX];

/* wish asks a device that says this of itself for with_key; the reason why not, or "". */
static const char *wish(
	const struct rte_eth_dev_info *info, const uint8_t *with_key, struct rte_eth_conf *conf)
{
	static struct nic_port port;
	const struct nic_rss_config config = {.key = with_key, .table = table, .table_cnt = 128};

	port = (struct nic_port){.id = 0};
	*conf = (struct rte_eth_conf){.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	leat_nic_rss_wish(&port, &config, info, conf);
	return port.rss.why;
}

static void a_device_with_key_table_and_ports_is_asked_for_them(void **state)
{
	static const uint8_t key_octets[] = {0, 40, 52, 64, 128};
	struct rte_eth_conf conf;

	(void)state;
	for (uint32_t i = 0; i < sizeof(key_octets); i++) {
		struct rte_eth_dev_info info = {.reta_size = 128,
			.hash_key_size = key_octets[i],
			.flow_type_rss_offloads = TCP4 | TCP6 | RTE_ETH_RSS_NONFRAG_IPV4_UDP,
			.rx_offload_capa = RTE_ETH_RX_OFFLOAD_RSS_HASH};

		assert_string_equal(wish(&info, key, &conf), "");
		assert_int_equal(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
		assert_true(conf.rx_adv_conf.rss_conf.rss_hf == (TCP4 | TCP6));
		assert_true(conf.rxmode.offloads == RTE_ETH_RX_OFFLOAD_RSS_HASH);
		/* It has our key before the first frame, not after it. */
		const struct rte_eth_rss_conf *rss = &conf.rx_adv_conf.rss_conf;
		assert_int_equal(rss->rss_key != NULL, key_octets[i] != 0);
		for (uint32_t k = 0; k < key_octets[i]; k++)
			assert_int_equal(rss->rss_key[k], key[k % NIC_RSS_KEY]);
		assert_true(key_octets[i] == 0 || rss->rss_key_len == key_octets[i]);
	}
}

/* N220: no table, a key or a table of other lengths, no hash of ports, or of one version of IP
 * only; also when, as steering found that out before, nothing was asked for. */
static void a_device_that_lacks_a_part_is_left_alone_and_the_part_is_named(void **state)
{
	static const struct {
		uint16_t entries;
		uint8_t key_octets;
		uint64_t types;
		const char *why;
	} row[] = {
		{0, 40, TCP4 | TCP6, "no redirection table"},
		{128, 16, TCP4 | TCP6, "a key of 16 octets"},
		{128, 255, TCP4 | TCP6, "a key of 255 octets"},
		{128, 40, RTE_ETH_RSS_IPV4, "no hash of TCP's ports"},
		{128, 40, TCP4, "no hash of TCP's ports"},
		{128, 40, TCP6, "no hash of TCP's ports"},
		{100, 40, TCP4 | TCP6, "a table of 100 entries"},
		{4096, 40, TCP4 | TCP6, "a table of 4096 entries"},
	};
	struct rte_eth_conf conf;

	(void)state;
	for (uint32_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct rte_eth_dev_info info = {.reta_size = row[i].entries,
			.hash_key_size = row[i].key_octets,
			.flow_type_rss_offloads = row[i].types};

		assert_non_null(strstr(wish(&info, NULL, &conf), row[i].why));
		assert_non_null(strstr(wish(&info, key, &conf), row[i].why));
		assert_int_equal(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
		assert_true(conf.rx_adv_conf.rss_conf.rss_hf == 0);
	}
}

static void a_longer_table_is_selected_by_as_many_bits_as_we_use(void **state)
{
	struct rte_eth_dev_info info = {.flow_type_rss_offloads = TCP4 | TCP6};
	static const uint16_t entries[][2] = {{0, 0}, {2, 2}, {64, 64}, {128, 128}, {512, 512},
		{1024, 512}, {2048, 512}, {4096, 0}, {96, 0}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		info.reta_size = entries[i][0];
		assert_int_equal(leat_nic_rss_table_of(&info), entries[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_with_key_table_and_ports_is_asked_for_them),
		cmocka_unit_test(a_device_that_lacks_a_part_is_left_alone_and_the_part_is_named),
		cmocka_unit_test(a_longer_table_is_selected_by_as_many_bits_as_we_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
