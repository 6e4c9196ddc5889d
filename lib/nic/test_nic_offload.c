/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_offload.h"

#include "base_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void each_flag_of_a_device_has_its_own_word(void **state)
{
	static const struct {
		uint64_t ip, l4;
		enum nic_csum want;
	} rows[] = {
		{RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN, RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, NIC_CSUM_UNKNOWN},
		{RTE_MBUF_F_RX_IP_CKSUM_BAD, RTE_MBUF_F_RX_L4_CKSUM_BAD, NIC_CSUM_BAD},
		{RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_GOOD, NIC_CSUM_GOOD},
		{RTE_MBUF_F_RX_IP_CKSUM_NONE, RTE_MBUF_F_RX_L4_CKSUM_NONE, NIC_CSUM_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t k = 0; k < COUNT_OF(rows); k++) {
			uint64_t flags = rows[i].ip | rows[k].l4 | RTE_MBUF_F_RX_RSS_HASH;
			assert_int_equal(nic_csum_ip(flags), rows[i].want);
			assert_int_equal(nic_csum_l4(flags, false), rows[k].want);
		}
	}
}

static void only_where_none_means_verified_it_counts_as_good(void **state)
{
	(void)state;
	assert_int_equal(nic_csum_l4(RTE_MBUF_F_RX_L4_CKSUM_NONE, true), NIC_CSUM_GOOD);
	assert_int_equal(nic_csum_l4(RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, true), NIC_CSUM_UNKNOWN);
	assert_int_equal(nic_csum_l4(RTE_MBUF_F_RX_L4_CKSUM_BAD, true), NIC_CSUM_BAD);
}

static void a_device_is_asked_only_for_what_it_granted(void **state)
{
	struct nic_port port = {.tx_csum_l4 = true};
	struct rte_mbuf m = {.ol_flags = 0};

	(void)state;
	nic_csum_ask(&port, &m, true, true);
	assert_true(m.ol_flags == (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM));
	m.ol_flags = 0;
	nic_csum_ask(&port, &m, true, false);
	assert_true(m.ol_flags == (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM));
	m.ol_flags = 0;
	port = (struct nic_port){.tx_csum_ip = true};
	nic_csum_ask(&port, &m, true, true);
	assert_true(m.ol_flags == (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM));
	m.ol_flags = 0;
	nic_csum_ask(&port, &m, false, true);
	assert_true(m.ol_flags == (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flag_of_a_device_has_its_own_word),
		cmocka_unit_test(only_where_none_means_verified_it_counts_as_good),
		cmocka_unit_test(a_device_is_asked_only_for_what_it_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
