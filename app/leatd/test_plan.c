/* SPDX-License-Identifier: BSD-3-Clause */

/* What a plan says of machines that are not there. */

#include "base_bits.h"
#include "nic_numa.h"
#include "plan.h"
#include "test_said.h"

static char said[1024];

/* Two nodes of two cores, 21 apart; the device at the second; 100 huge pages are needed. */
static struct plan two_nodes(void)
{
	struct plan p = {.node = 1,
		.cpu = {2, 3},
		.cpu_cnt = 2,
		.shard_cnt = 2,
		.room.octets = UINT64_MAX,
		.eal = {.huge_octets = 100 * NIC_NUMA_HUGE_OCTETS},
		.topo = {.node_cnt = 2, .distance = {{10, 21}, {21, 10}}}};

	memset(p.topo.node_of_cpu, -1, sizeof(p.topo.node_of_cpu));
	for (uint32_t i = 0; i < 4; i++)
		p.topo.node_of_cpu[i] = (int8_t)(i / 2);
	return p;
}

/* one_listener is what a user gives at least, on a device that is nothing. */
static struct serve_options one_listener(void)
{
	struct serve_options o;

	leat_opt_serve.defaults(&o);
	o.vdev = "net_null0";
	o.address_cnt = o.listen_cnt = 1;
	o.address[0] = (struct serve_address){.ip = ip_from4(0x0a000001), .prefix_bits = 24};
	o.listen[0] = (struct serve_listen){80, SERVICE_KIND_HTTP, NULL};
	return o;
}

/* listen puts what is written to stderr into said while check, or warn, runs. */
static enum opt_exit listen_to(const struct serve_options *o, const struct plan *p, bool warn)
{
	enum opt_exit result = OPT_EXIT_OK;
	struct said s = said_begin();

	if (warn)
		leat_plan_warn(o, p);
	else
		result = leat_plan_check(o, p);
	said_end(&s, said, sizeof(said));
	return result;
}

static void n195_huge_pages_on_the_wrong_node_are_none(void **state)
{
	const struct serve_options need = {.hugepages = EAL_HUGE_NEED};
	const struct serve_options some = {.hugepages = EAL_HUGE_AUTO};
	struct plan p = two_nodes();

	(void)state;
	p.topo.node[0].huge_free = 1000;
	p.topo.node[1].huge_free = 99;
	assert_int_equal(listen_to(&need, &p, false), OPT_EXIT_RESOURCE);
	assert_non_null(strstr(said, "100 huge pages of 2 MiB are needed, 99 are free"));
	assert_non_null(strstr(said, "-n 1 "));
	assert_int_equal(leat_plan_pool_node(&p), -1);
	listen_to(&some, &p, true);
	assert_non_null(strstr(said, "100 huge pages of 2 MiB are needed, 99 are free"));
	p.topo.node[1].huge_free = 100;
	assert_int_equal(leat_plan_pool_node(&p), 1);
	assert_int_equal(listen_to(&need, &p, false), OPT_EXIT_OK);
	listen_to(&some, &p, true);
	assert_string_equal(said, "");
	/* Who has none at all did not mean any. */
	p.topo.node[0].huge_free = p.topo.node[1].huge_free = 0;
	listen_to(&some, &p, true);
	assert_string_equal(said, "");
}

static void memory_that_is_not_free_is_refused_with_both_numbers(void **state)
{
	const struct serve_options o = {.hugepages = EAL_HUGE_NO};
	struct plan p = two_nodes();

	(void)state;
	p.row[p.row_cnt++] = (struct plan_row){"a", 1, 100 << 20, false};
	p.row[p.row_cnt++] = (struct plan_row){"b", 1, 7 << 20, true};
	assert_int_equal(leat_plan_octets(&p), 207 << 20);
	p.room.octets = 207 << 20;
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_OK);
	p.room.octets--;
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_RESOURCE);
	assert_non_null(strstr(said, "207 MiB are needed, 206 MiB are free"));
	assert_non_null(strstr(said, "206 MiB are free; `plan`"));
	assert_non_null(strstr(said, "; fewer --connections?"));
}

static void a_cgroup_that_allows_less_is_named_by_the_refusal_and_the_table(void **state)
{
	const struct serve_options o = {
		.name = "in", .hugepages = EAL_HUGE_NO, .time_wait_ns = 60 * TIME_S};
	struct plan p = two_nodes();
	char text[4096] = "";

	(void)state;
	p.row[p.row_cnt++] = (struct plan_row){"a", 1, 100 << 20, false};
	p.room = (struct room){.octets = 60 << 20, .group = "/sys/fs/cgroup/a"};
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_RESOURCE);
	assert_non_null(strstr(said, "200 MiB are needed, 60 MiB are free (limit of the cgroup "
				     "/sys/fs/cgroup/a); `plan` shows what for; "));
	FILE *out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	leat_plan_print(&o, &p, out);
	fclose(out);
	assert_non_null(
		strstr(text, "  memory                   60.0 MiB free (limit of the cgroup "
			     "/sys/fs/cgroup/a); no huge pages used, "));
}

static void n195_tables_that_do_not_fit_the_node_of_their_cores_are_refused(void **state)
{
	const struct serve_options o = {.hugepages = EAL_HUGE_NO};
	struct plan p = two_nodes();
	char text[4096] = "";

	(void)state;
	p.each_octets = 100 << 20;
	p.topo.node[0].free_octets = UINT64_C(1) << 40; /* is of no use there */
	p.topo.node[1].free_octets = 200 << 20;
	assert_int_equal(leat_plan_node_octets(&p, 0), 0);
	assert_int_equal(leat_plan_node_octets(&p, 1), 200 << 20);
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_OK);
	p.topo.node[1].free_octets--;
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_RESOURCE);
	assert_non_null(strstr(said, "node 1: 200 MiB are needed there"));
	assert_non_null(strstr(said, "199 MiB are free"));
	p.cpu[1] = 0; /* one on each */
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_OK);
	p.cpu_cnt = 1; /* both in turns on the first core */
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_RESOURCE);
	FILE *out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	struct serve_options named = {.name = "far", .time_wait_ns = 60 * TIME_S};
	leat_plan_print(&named, &p, out);
	fclose(out);
	assert_non_null(strstr(text, "  cores                    2 of node 1 (distance 10), the "
				     "device on node 1; 2 shards"));
	assert_non_null(strstr(text, "node 1                   200.0 MiB for the shards on its"));
	/* Where there is one node nothing is bound. */
	p.topo.node_cnt = 1;
	assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_OK);
}

static void a_core_of_another_node_than_the_devices_is_warned_of_with_the_distance(void **state)
{
	const struct serve_options o = {.hugepages = EAL_HUGE_AUTO};
	struct plan p = two_nodes();

	(void)state;
	listen_to(&o, &p, true);
	assert_string_equal(said, "");
	p.cpu[1] = 0;
	listen_to(&o, &p, true);
	assert_non_null(strstr(said, "core 0 is on node 0, the device on node 1, 21 apart"));
	assert_null(strstr(said, "core 2"));
	p.node = -1; /* a device that is nowhere */
	listen_to(&o, &p, true);
	assert_string_equal(said, "");
}

/* The places in TIME-WAIT are as many as there are to be, and so is the rate that they allow. */
static void places_in_time_wait_are_as_wished_and_give_the_highest_rate(void **state)
{
	char text[8192] = "";
	struct serve_options o = one_listener();
	struct plan p;

	(void)state;
	o.connections = 1000;
	o.shards = 2;
	assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
	assert_int_equal(p.stack.tcp.time_wait_max, 4 * (500 + 64));
	assert_false(p.stack.knobs.time_wait_evict);
	o.tcp.time_wait_max = 1200000;
	o.tcp.full = OPT_TCP_FULL_EVICT;
	assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
	assert_int_equal(p.stack.tcp.time_wait_max, 1200000);
	assert_int_equal(p.stack.tcp.tcb_max, 564);
	assert_true(p.stack.knobs.time_wait_evict);
	FILE *out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	leat_plan_print(&o, &p, out);
	fclose(out);
	assert_non_null(strstr(text, "highest steady rate 40,000 conn/s"));
	assert_non_null(strstr(text, "to carry 400,000         --time-wait-max 12000000, or"));
	assert_non_null(strstr(text, "10 times the rate above, when we close first"));
	assert_non_null(strstr(text, "1,200,000 places on each shard, 39.9 octets each"));
	assert_non_null(strstr(text, "when full: the one that has waited longest gives way"));
}

/* As each that is open has a place in TIME-WAIT kept, no more can be, nor is memory for more. */
static void fewer_places_in_time_wait_than_connections_are_said_and_planned_for(void **state)
{
	char text[PLAN_OPEN_MAX] = "", table[8192] = "";
	struct serve_options o = one_listener();
	struct plan p;

	(void)state;
	o.connections = 2000001;
	o.shards = 2;
	assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
	assert_false(leat_plan_open(&o, &p, text, sizeof(text)));
	o.tcp.time_wait_max = 1000001;
	assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
	assert_false(leat_plan_open(&o, &p, text, sizeof(text)));
	o.tcp.time_wait_max--;
	assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
	assert_true(leat_plan_open(&o, &p, text, sizeof(text)));
	assert_string_equal(text, "at most 2,000,000 can be open at once: --time-wait-max; "
				  "2,000,002 need --time-wait-max 1000001");
	o.tcp.time_wait_max = 100;
	assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
	assert_int_equal(p.stack.tcp.tcb_max, 164);
	assert_int_equal(p.service.conn_max, 164);
	FILE *out = fmemopen(table, sizeof(table), "w");
	assert_non_null(out);
	leat_plan_print(&o, &p, out);
	fclose(out);
	assert_non_null(
		strstr(table, "  open                     at most 200 can be open at once: "));
}

/* What is to be made smaller is what was made large. */
static void memory_that_is_not_free_is_refused_with_the_option_that_wants_it(void **state)
{
	static const struct {
		uint64_t connections, time_wait_max, buffers;
		const char *hint;
	} of[] = {{4000000, 0, 0, "; fewer --connections?"},
		{4000000, 100000, 0, "; fewer --connections?"},
		{1000, 50000000, 0, "; a smaller --time-wait-max?"},
		{1000, 0, 4000000, "; fewer --buffers?"}};
	struct plan p;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(of); i++) {
		struct serve_options o = one_listener();

		o.hugepages = EAL_HUGE_NO;
		o.connections = of[i].connections;
		o.tcp.time_wait_max = of[i].time_wait_max;
		o.buffers = of[i].buffers;
		assert_int_equal(leat_plan_serve(&o, &p), OPT_EXIT_OK);
		p.room.octets = 1 << 20;
		assert_int_equal(listen_to(&o, &p, false), OPT_EXIT_RESOURCE);
		assert_non_null(strstr(said, of[i].hint));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n195_huge_pages_on_the_wrong_node_are_none),
		cmocka_unit_test(memory_that_is_not_free_is_refused_with_both_numbers),
		cmocka_unit_test(n195_tables_that_do_not_fit_the_node_of_their_cores_are_refused),
		cmocka_unit_test(a_cgroup_that_allows_less_is_named_by_the_refusal_and_the_table),
		cmocka_unit_test(
			a_core_of_another_node_than_the_devices_is_warned_of_with_the_distance),
		cmocka_unit_test(memory_that_is_not_free_is_refused_with_the_option_that_wants_it),
		cmocka_unit_test(
			fewer_places_in_time_wait_than_connections_are_said_and_planned_for),
		cmocka_unit_test(places_in_time_wait_are_as_wished_and_give_the_highest_rate),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
