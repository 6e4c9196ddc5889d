/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_print.h"

static char text[256];

static const char *printed(const struct seg *seg)
{
	size_t wanted = leat_wire_print(text, sizeof(text), seg, seq_of(1000), seq_of(2000));

	assert_int_equal(wanted, strlen(text));
	return text;
}

static void a_segment_is_one_line_in_the_notation_of_the_scripts(void **state)
{
	(void)state;
	struct seg syn = {.seq = {1300},
		.ack = {2101},
		.wnd = 8192,
		.flags = TCP_SYN | TCP_ACK,
		.len = 1,
		.opts = TCP_OPT_MSS,
		.mss = 1460};
	assert_string_equal(printed(&syn), "S. 300:300(0) ack 101 win 8192 <mss 1460>");

	struct seg data = {.seq = {1001},
		.ack = {2001},
		.wnd = 0,
		.flags = TCP_PSH | TCP_ACK,
		.text = 10,
		.len = 10};
	assert_string_equal(printed(&data), "P. 1:11(10) ack 1 win 0");

	struct seg rst = {.seq = {1007}, .ack = {5}, .flags = TCP_RST};
	assert_string_equal(printed(&rst), "R 7:7(0) win 0");
}

static void every_flag_and_option_has_its_place(void **state)
{
	struct seg all = {.seq = {1000},
		.ack = {2000},
		.flags = 0xff,
		.up = 3,
		.opts = 0x1f,
		.mss = 536,
		.wscale = 7,
		.ts_val = 17,
		.ts_ecr = 5,
		.sack_cnt = 2,
		.sack = {{{2301}, {2401}}, {{2501}, {2601}}}};
	struct seg none = {.seq = {1000}};

	(void)state;
	assert_string_equal(printed(&all),
		"SFRP.UEW 0:0(0) ack 0 win 0 urg 3 "
		"<mss 536, wscale 7, sackok, ts 17 5, sack 301:401 501:601>");
	assert_string_equal(printed(&none), "- 0:0(0) win 0");
	all.opts = TCP_OPT_SACK_OK;
	all.flags = TCP_SYN;
	assert_string_equal(printed(&all), "S 0:0(0) win 0 <sackok>");
}

static void numbers_are_relative_across_the_end_of_the_circle(void **state)
{
	struct seg seg = {.seq = {2}, .ack = {1}, .flags = TCP_ACK, .text = 4};

	(void)state;
	leat_wire_print(text, sizeof(text), &seg, seq_of(0xfffffffe), seq_of(0xffffffff));
	assert_string_equal(text, ". 4:8(4) ack 2 win 0");
}

static void a_text_that_does_not_fit_is_cut_and_its_length_told(void **state)
{
	struct seg seg = {.seq = {1300},
		.ack = {2101},
		.wnd = 8192,
		.flags = TCP_SYN | TCP_ACK,
		.opts = TCP_OPT_MSS,
		.mss = 1460};
	const char *whole = "S. 300:300(0) ack 101 win 8192 <mss 1460>";

	(void)state;
	for (size_t size = 0; size <= strlen(whole) + 1; size++) {
		char *mem = malloc(size);
		size_t wanted = leat_wire_print(mem, size, &seg, seq_of(1000), seq_of(2000));
		assert_int_equal(wanted, strlen(whole));
		if (size) {
			assert_int_equal(strlen(mem), size - 1);
			assert_memory_equal(mem, whole, size - 1);
		}
		free(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_is_one_line_in_the_notation_of_the_scripts),
		cmocka_unit_test(every_flag_and_option_has_its_place),
		cmocka_unit_test(numbers_are_relative_across_the_end_of_the_circle),
		cmocka_unit_test(a_text_that_does_not_fit_is_cut_and_its_length_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
