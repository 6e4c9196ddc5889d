/* SPDX-License-Identifier: BSD-3-Clause */

/* What steering makes of devices that are not there. */

#include "base_bits.h"
#include "steer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct steer steer;
static struct nic_port_config config;
static struct nic_port port;
static char said[1024];

/* settle starts a device with so many queues and a table of table_cnt for shard_cnt shards; ours:
 * it takes our key and table. */
static void settle(uint32_t shard_cnt, uint32_t queue_cnt, uint32_t table_cnt, bool ours)
{
	const struct steer_want want = {
		.shard_cnt = shard_cnt, .queue_cnt = queue_cnt, .table_cnt = table_cnt, .seed = 7};

	memset(&config, 0, sizeof(config));
	port = (struct nic_port){.driver = "net_card",
		.queue_cnt = (uint16_t)queue_cnt,
		.rss = {.table_entries = table_cnt, .why = "it kept a key of its own"}};
	leat_steer_plan(&steer, &want, &config);
	port.rss.ours = ours && config.rss.key != NULL;
	leat_steer_settle(&steer, &port);
}

static const char *print(void)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	leat_steer_print(&steer, file);
	rewind(file);
	said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
	fclose(file);
	return said;
}

static struct shard_config shard_of(uint32_t idx)
{
	struct shard_config c = {.port = &port};

	leat_steer_shard(&steer, idx, &c);
	assert_int_equal(c.stack.shard_idx, idx);
	return c;
}

static void as_many_queues_as_shards_and_a_table_leave_all_to_the_device(void **state)
{
	(void)state;
	for (uint32_t shards = 2; shards <= 64; shards++) {
		settle(shards, shards, 128, true);
		assert_int_equal(steer.mode, STEER_DEVICE);
		assert_int_equal(config.rss.table_cnt, 128);
		for (uint32_t i = 0; i < 128; i++)
			assert_int_equal(config.rss.table[i], steer.flow.table[i]);
		for (uint32_t i = 0; i < shards; i++) {
			assert_false(leat_steer_shared(&steer, i));
			assert_int_equal(shard_of(i).trust, SHARD_TRUST_DEVICE);
			assert_int_equal(shard_of(i).queue, i);
		}
	}
	assert_non_null(strstr(print(), "table of 128 were set, read back equal"));
	assert_non_null(strstr(said, "first 256 segments are verified"));
}

/* Whoever owns a flow: it comes to the owner's queue, or to one that is looked at frame by frame,
 * and where no strange frame comes none is hashed. */
static void fewer_queues_than_shards_share_the_table_and_mixed_ones_are_looked_at(void **state)
{
	(void)state;
	for (uint32_t shards = 3; shards <= 64; shards++) {
		for (uint32_t queues = 2; queues < shards; queues++) {
			bool strange[64] = {false};
			uint32_t at[64] = {0}, most = 0;

			settle(shards, queues, 512, true);
			assert_int_equal(steer.mode, STEER_PART);
			for (uint32_t i = 0; i < 512; i++) {
				uint32_t owner = steer.flow.table[i], queue = config.rss.table[i];

				assert_true(queue < queues);
				assert_true(owner >= queues || owner == queue);
				strange[queue] |= owner != queue;
				at[queue]++;
			}
			for (uint32_t i = 0; i < shards; i++) {
				bool own = i < queues;

				assert_int_equal(shard_of(i).trust == SHARD_TRUST_DEVICE,
					own && !strange[i]);
				assert_int_equal(leat_steer_shared(&steer, i), own && strange[i]);
				assert_int_equal(shard_of(i).queue, own ? i : SHARD_NO_QUEUE);
				most = own ? u32_max(most, at[i]) : most;
			}
			/* Those without a queue are shared out evenly, too. */
			uint32_t each = (shards + queues - 1) / queues;
			assert_true(most <= each * (512 / shards + 1));
		}
	}
}

/* N220. */
static void fewer_queues_than_shards_are_told_with_what_they_cost(void **state)
{
	(void)state;
	settle(4, 2, 128, true);
	assert_non_null(strstr(print(), "IN PART, since it has 2 queues for 4 shards"));
	assert_non_null(strstr(said, "2 of 4 frames are of shards without a queue and move"));
	settle(4, 1, 128, true);
	assert_int_equal(steer.mode, STEER_SOFTWARE);
	assert_null(config.rss.key); /* whatever its table: there is nothing to spread over */
	assert_non_null(strstr(print(), "in software, since 1 queue for 4 shards:"));
	settle(20, 16, 0, true);
	assert_non_null(strstr(
		print(), "since 16 queues for 20 shards, and net_card has no redirection table:"));
	settle(20, 20, 16, true);
	assert_non_null(strstr(print(), "since a table of 16 for 20 shards:"));
	assert_null(config.rss.key);
}

static void a_device_that_refuses_at_a_later_start_is_trusted_no_more_and_later_again(void **state)
{
	(void)state;
	for (uint32_t queues = 2; queues <= 4; queues += 2) {
		enum steer_mode good = queues == 4 ? STEER_DEVICE : STEER_PART;

		settle(4, queues, 128, true);
		assert_int_equal(steer.mode, good);
		port.rss.ours = false;
		leat_steer_settle(&steer, &port);
		assert_int_equal(steer.mode, STEER_SOFTWARE);
		assert_non_null(strstr(print(), "it kept a key of its own"));
		port.rss.ours = true;
		leat_steer_settle(&steer, &port);
		assert_int_equal(steer.mode, good);
		assert_string_equal(steer.why, "");
	}
}

static void one_shard_and_a_wire_inside_the_process_need_no_device(void **state)
{
	const struct steer_want wire = {.shard_cnt = 4,
		.queue_cnt = 4,
		.table_cnt = 128,
		.seed = 7,
		.symmetric = true,
		.wire = true};

	(void)state;
	settle(1, 1, 128, true);
	assert_int_equal(steer.mode, STEER_ONE);
	assert_null(shard_of(0).stack.steer);
	memset(&config, 0, sizeof(config));
	leat_steer_plan(&steer, &wire, &config);
	leat_steer_settle(&steer, &port);
	assert_int_equal(steer.mode, STEER_WIRE);
	assert_null(config.rss.key);
	assert_int_equal(shard_of(3).trust, SHARD_TRUST_WIRE);
}

static void another_seed_is_another_key_and_the_same_seed_the_same(void **state)
{
	struct steer_want want = {.shard_cnt = 4, .queue_cnt = 4, .table_cnt = 128};
	uint8_t first[FLOW_RSS_KEY_OCTETS];

	(void)state;
	for (want.seed = 1; want.seed < 100; want.seed++) {
		leat_steer_plan(&steer, &want, &config);
		assert_true(want.seed == 1 || memcmp(first, steer.key, sizeof(first)) != 0);
		memcpy(first, steer.key, sizeof(first));
		leat_steer_plan(&steer, &want, &config);
		assert_memory_equal(first, steer.key, sizeof(first));
	}
}

static void a_frame_that_is_lost_between_shards_is_named_wherever_it_was(void **state)
{
	const struct shard_counts good = {
		.moved_out = 100, .moved_in = 93, .tx_over = 50, .tx_carried = 40, .tx_waiting = 4};
	struct shard_counts bad = good;
	char text[160];

	(void)state;
	assert_null(leat_steer_ledger_error(&good, 7, 6, text, sizeof(text)));
	assert_non_null(leat_steer_ledger_error(&good, 6, 6, text, sizeof(text)));
	assert_string_equal(text, "moved 100 frames, taken 93, on lanes 6; on a wrong shard 0");
	assert_non_null(leat_steer_ledger_error(&good, 7, 5, text, sizeof(text)));
	assert_string_equal(
		text, "50 frames given to another's queue, carried 40, waiting 4, on lanes 5");
	bad.wrong_shard = 1;
	assert_non_null(leat_steer_ledger_error(&bad, 7, 6, text, sizeof(text)));
	bad = good;
	bad.tx_waiting++;
	assert_non_null(leat_steer_ledger_error(&bad, 7, 6, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_queues_as_shards_and_a_table_leave_all_to_the_device),
		cmocka_unit_test(
			fewer_queues_than_shards_share_the_table_and_mixed_ones_are_looked_at),
		cmocka_unit_test(fewer_queues_than_shards_are_told_with_what_they_cost),
		cmocka_unit_test(
			a_device_that_refuses_at_a_later_start_is_trusted_no_more_and_later_again),
		cmocka_unit_test(one_shard_and_a_wire_inside_the_process_need_no_device),
		cmocka_unit_test(a_frame_that_is_lost_between_shards_is_named_wherever_it_was),
		cmocka_unit_test(another_seed_is_another_key_and_the_same_seed_the_same),
	};

	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
