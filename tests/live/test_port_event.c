/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of EAL's, to which things happen: what a driver would tell is told, and the port is
 * restarted while its queues rest.  No hugepages, no rights. */
#include "base_bits.h"
#include "base_time.h"
#include "nic_event.h"
#include "nic_pool.h"

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#define BURST 32

/* What drivers call; their header is not installed. */
struct rte_eth_dev {
	char unknown;
};
extern struct rte_eth_dev rte_eth_devices[];
int rte_eth_dev_callback_process(
	struct rte_eth_dev *dev, enum rte_eth_event_type event, void *what);

static struct nic_port port;
static struct nic_port_config config = {
	.queue_cnt = 2, .rx_slots = 64, .tx_slots = 64, .mtu = 1500, .csum = true};

static void tell(enum rte_eth_event_type event)
{
	/* The first port is the first of the array, whose elements only drivers know. */
	assert_int_equal(port.id, 0);
	assert_int_equal(rte_eth_dev_callback_process(rte_eth_devices, event, NULL), 0);
}

/* receive takes a burst of what the device makes up, and gives it back. */
static void receive(uint16_t queue)
{
	struct rte_mbuf *m[BURST];
	uint32_t cnt = leat_nic_port_rx(&port, queue, m, BURST);

	assert_true(cnt > 0);
	rte_pktmbuf_free_bulk(m, cnt);
}

static void n209_a_reset_that_the_driver_asks_for_is_done_and_the_queues_work_again(void **state)
{
	struct nic_marks marks;
	struct nic_watch watch;

	(void)state;
	leat_nic_marks_open(&port, &marks);
	leat_nic_watch_init(&watch, true, TIME_S);
	for (uint32_t i = 1; i <= 3; i++) {
		receive(0);
		tell(RTE_ETH_EVENT_INTR_RESET);
		assert_true(leat_nic_watch_look(&watch, &marks, true, (2 * i) * TIME_S));
		assert_int_equal(watch.state, NIC_ST_RESET);
		assert_int_equal(leat_nic_port_restart(&port, &config), 0);
		leat_nic_watch_restarted(
			&watch, true, leat_nic_port_link(&port).up, (2 * i + 1) * TIME_S);
		assert_int_equal(watch.state, NIC_ST_UP);
		assert_int_equal(watch.resets, i);
		receive(0);
		receive(1);
	}
	leat_nic_marks_close(&port, &marks);
}

static void n208_a_link_that_changes_between_two_looks_is_heard_of(void **state)
{
	struct nic_marks marks;
	struct nic_watch watch;

	(void)state;
	leat_nic_marks_open(&port, &marks);
	leat_nic_watch_init(&watch, true, TIME_S);
	for (uint32_t i = 0; i < 6; i++)
		tell(RTE_ETH_EVENT_INTR_LSC);
	assert_false(leat_nic_watch_look(&watch, &marks, true, 2 * TIME_S));
	assert_int_equal(watch.flaps, 3);
	leat_nic_marks_close(&port, &marks);
}

static void n209_recovery_and_removal_are_heard_of_and_nothing_after_the_end(void **state)
{
	struct nic_marks marks;
	struct nic_watch watch;

	(void)state;
	leat_nic_marks_open(&port, &marks);
	leat_nic_watch_init(&watch, true, TIME_S);
	tell(RTE_ETH_EVENT_ERR_RECOVERING);
	assert_true(leat_nic_watch_look(&watch, &marks, true, 2 * TIME_S));
	assert_false(nic_may_use(watch.state));
	tell(RTE_ETH_EVENT_RECOVERY_SUCCESS);
	assert_true(leat_nic_watch_look(&watch, &marks, true, 3 * TIME_S));
	assert_int_equal(watch.state, NIC_ST_UP);
	tell(RTE_ETH_EVENT_INTR_RMV);
	assert_true(leat_nic_watch_look(&watch, &marks, true, 4 * TIME_S));
	assert_int_equal(watch.state, NIC_ST_GONE);
	leat_nic_marks_close(&port, &marks);
	tell(RTE_ETH_EVENT_INTR_RMV);
	assert_int_equal(marks.bits, 0);
}

int main(void)
{
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "event-%d", (int)getpid());
	char *eal[] = {(char[]){"test"}, (char[]){"--no-huge"}, (char[]){"-m"}, (char[]){"64"},
		(char[]){"--no-pci"}, (char[]){"--no-telemetry"}, (char[]){"--no-shconf"},
		(char[]){"--file-prefix"}, prefix, (char[]){"--log-level=*:critical"}, NULL};
	const struct nic_pool_plan plan = {.rx_slots = 256,
		.tx_slots = 256,
		.lcore_cnt = 1,
		.shard_cnt = 2,
		.own = 64,
		.mtu = 1500};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			n209_a_reset_that_the_driver_asks_for_is_done_and_the_queues_work_again),
		cmocka_unit_test(n208_a_link_that_changes_between_two_looks_is_heard_of),
		cmocka_unit_test(n209_recovery_and_removal_are_heard_of_and_nothing_after_the_end),
	};

	if (rte_eal_init((int)COUNT_OF(eal) - 1, eal) < 0)
		return 77; /* no memory, or no right to it: skipped */
	(void)rmdir(rte_eal_get_runtime_dir());
	config.pool = leat_nic_pool_new("events", &plan, -1);
	if (config.pool == NULL || leat_nic_port_by_vdev("net_null0,no-rx=0", &port) != 0 ||
		leat_nic_port_start(&port, &config) != 0)
		return 1;
	int failed = cmocka_run_group_tests_name("port_event", tests, NULL, NULL);
	leat_nic_port_close(&port);
	leat_nic_pool_free(config.pool);
	rte_eal_cleanup();
	return failed;
}
