/* SPDX-License-Identifier: BSD-3-Clause */

/* Cores, memory and devices of machines that are not there. */

#include "base_bits.h"
#include "nic_topo.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* machine has nodes with four cores each, in order, and a ring of distances. */
static struct nic_topo machine(uint32_t nodes)
{
	struct nic_topo t = {.node_cnt = nodes};

	memset(t.node_of_cpu, -1, sizeof(t.node_of_cpu));
	for (uint32_t i = 0; i < 4 * nodes; i++)
		t.node_of_cpu[i] = (int8_t)(i / 4);
	for (uint32_t i = 0; i < nodes; i++) {
		for (uint32_t k = 0; k < nodes; k++) {
			uint32_t apart = i > k ? i - k : k - i;

			t.distance[i][k] = (uint8_t)(10 + 11 * u32_min(apart, nodes - apart));
		}
	}
	return t;
}

static void a_device_gets_the_cores_of_its_own_node(void **state)
{
	struct nic_topo t = machine(2);
	uint16_t cpu[8];

	(void)state;
	assert_int_equal(leat_nic_topo_cpus(&t, 1, 3, cpu), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(cpu[i], 4 + i);
	/* It has four: four is what eight shards get. */
	assert_int_equal(leat_nic_topo_cpus(&t, 1, 8, cpu), 4);
	assert_int_equal(cpu[3], 7);
}

static void a_node_without_cores_of_ours_sends_to_the_nearest_that_has(void **state)
{
	struct nic_topo t = machine(5);
	uint16_t cpu[8];

	(void)state;
	for (uint32_t i = 8; i < 12; i++)
		t.node_of_cpu[i] = -1; /* node 2 */
	for (uint32_t i = 4; i < 8; i++)
		t.node_of_cpu[i] = -1; /* node 1 */
	assert_int_equal(leat_nic_topo_cpus(&t, 2, 8, cpu), 4);
	assert_int_equal(leat_nic_topo_cpu_node(&t, cpu[0]), 3);
	assert_int_equal(leat_nic_topo_distance(&t, 2, leat_nic_topo_cpu_node(&t, cpu[0])), 21);
	/* From node 1, node 0 is nearer than node 3. */
	assert_int_equal(leat_nic_topo_cpus(&t, 1, 8, cpu), 4);
	assert_int_equal(leat_nic_topo_cpu_node(&t, cpu[0]), 0);
}

static void a_device_that_is_nowhere_takes_cores_in_order(void **state)
{
	struct nic_topo t = machine(2);
	uint16_t cpu[8];

	(void)state;
	t.node_of_cpu[0] = t.node_of_cpu[2] = -1;
	assert_int_equal(leat_nic_topo_cpus(&t, -1, 3, cpu), 3);
	assert_int_equal(cpu[0], 1);
	assert_int_equal(cpu[1], 3);
	assert_int_equal(cpu[2], 4);
}

static void cores_that_are_not_ours_are_never_picked(void **state)
{
	struct nic_topo t = machine(2);
	uint16_t cpu[8];

	(void)state;
	memset(t.node_of_cpu, -1, sizeof(t.node_of_cpu));
	assert_int_equal(leat_nic_topo_cpus(&t, 0, 8, cpu), 0);
	assert_int_equal(leat_nic_topo_cpus(&t, -1, 8, cpu), 0);
	assert_false(leat_nic_topo_allowed(&t, 0));
	assert_false(leat_nic_topo_allowed(&t, NIC_TOPO_CPU_MAX));
}

static void distances_to_nowhere_and_beyond_are_near(void **state)
{
	struct nic_topo t = machine(2);

	(void)state;
	assert_int_equal(leat_nic_topo_distance(&t, 0, 1), 21);
	assert_int_equal(leat_nic_topo_distance(&t, 1, 1), NIC_TOPO_NEAR);
	assert_int_equal(leat_nic_topo_distance(&t, -1, 1), NIC_TOPO_NEAR);
	assert_int_equal(leat_nic_topo_distance(&t, 1, 7), NIC_TOPO_NEAR);
}

static void huge_pages_on_another_node_are_not_this_nodes(void **state)
{
	struct nic_topo t = machine(2);

	(void)state;
	leat_nic_topo_parse_free(&t, 0, "512\n",
		"Node 0 MemTotal:  2048 kB\nNode 0 MemFree:  1024 kB\n"
		"Node 0 Active:  900 kB\nNode 0 Inactive:  900 kB\n"
		"Node 0 Active(file):  100 kB\nNode 0 Inactive(file):  28 kB\n");
	leat_nic_topo_parse_free(&t, 1, "3\n", NULL);
	assert_int_equal(leat_nic_topo_huge_free(&t, 0), 512);
	assert_int_equal(leat_nic_topo_huge_free(&t, 1), 3);
	assert_int_equal(leat_nic_topo_huge_free(&t, -1), 515);
	assert_int_equal(t.node[0].free_octets, (1024 + 64) << 10);
	assert_int_equal(t.node[1].free_octets, 0);
}

static void the_machine_under_us_has_the_cores_we_may_use(void **state)
{
	static struct nic_topo t;
	cpu_set_t ours;
	uint32_t cnt = 0;

	(void)state;
	leat_nic_topo_read(&t);
	assert_in_range(t.node_cnt, 1, NIC_TOPO_NODE_MAX);
	assert_int_equal(sched_getaffinity(0, sizeof(ours), &ours), 0);
	for (uint32_t i = 0; i < NIC_TOPO_CPU_MAX; i++)
		cnt += leat_nic_topo_allowed(&t, i);
	assert_int_equal(cnt, CPU_COUNT(&ours));
	assert_int_equal(leat_nic_topo_distance(&t, 0, 0), NIC_TOPO_NEAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_gets_the_cores_of_its_own_node),
		cmocka_unit_test(a_node_without_cores_of_ours_sends_to_the_nearest_that_has),
		cmocka_unit_test(a_device_that_is_nowhere_takes_cores_in_order),
		cmocka_unit_test(cores_that_are_not_ours_are_never_picked),
		cmocka_unit_test(distances_to_nowhere_and_beyond_are_near),
		cmocka_unit_test(huge_pages_on_another_node_are_not_this_nodes),
		cmocka_unit_test(the_machine_under_us_has_the_cores_we_may_use),
	};

	return cmocka_run_group_tests_name("nic_topo", tests, NULL, NULL);
}
