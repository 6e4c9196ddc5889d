/* SPDX-License-Identifier: BSD-3-Clause */

/* Counts that have one cause as a rule, and what is said of them. */

#include "base_bits.h"
#include "note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char said[1024];

static const char *notes(const struct shard_counts *c, const char *driver)
{
	FILE *out = fmemopen(said, sizeof(said), "w");

	assert_non_null(out);
	leat_note_challenged(c, out);
	leat_note_queues(c, driver, out);
	fputc('\0', out);
	fclose(out);
	return said;
}

static void a_load_whose_syns_are_challenged_says_who_has_the_ports(void **state)
{
	static struct shard_counts c;

	(void)state;
	assert_string_equal(notes(&c, "net_tap"), "");
	c.tcp.verdict[TCP_V_SYN_SENT_BAD_ACK] = 1234;
	const char *text = notes(&c, "net_tap");
	assert_int_equal(strncmp(text, "note      syn_sent_bad_ack: 1,234 challenge ACKs", 48), 0);
	assert_non_null(strstr(text, "the peer still has the last connection of these ports"));
	assert_non_null(strstr(text, "--closes client"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void frames_that_nobody_sent_make_one_look_at_the_queues(void **state)
{
	static const struct {
		uint64_t frames, too_long, gathered, other;
		const char *driver;
		bool told;
	} row[] = {
		{0, 0, 0, 0, "net_memif", false}, {1000, 0, 0, 0, "net_memif", false},
		{1000, 300, 0, 200, "net_memif", false}, /* no more than half */
		{1000, 300, 0, 201, "net_memif", true}, {1000, 0, 501, 0, "net_memif", true},
		{1000, 0, 0, 1000, "net_memif", true},
		{1000, 0, 0, 1000, "net_af_packet", false}, /* a wire has others' frames */
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		static struct shard_counts c;

		c.rx_frames = row[i].frames;
		c.stack.wire[WIRE_V_DROP_FRAME_LONG] = row[i].too_long;
		c.rx_drop_frame_long = row[i].gathered;
		c.stack.wire[WIRE_V_DROP_L2_OTHER] = row[i].other;
		const char *text = notes(&c, row[i].driver);
		if ((strstr(text, "number of queues (--shards)?\n") != NULL) != row[i].told)
			fail_msg("row %u: %s", i, text);
	}
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_whose_syns_are_challenged_says_who_has_the_ports),
		cmocka_unit_test(frames_that_nobody_sent_make_one_look_at_the_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
