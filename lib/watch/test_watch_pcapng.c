/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_pcapng.h"

#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEED UINT64_C(20251)

static uint8_t block[WATCH_PCAPNG_HEAD + 65536];

static void equal(const char *got_name, size_t got, const char *want, size_t want_octets)
{
	for (size_t i = 0; i < got && i < want_octets; i++)
		if (block[i] != (uint8_t)want[i])
			fail_msg("%s: octet %zu is %02x, not %02x", got_name, i, block[i],
				(uint8_t)want[i]);
	assert_int_equal(got, want_octets);
}

#define EQUAL(call, want) equal(#call, call, want, sizeof(want) - 1)

static void a_section_begins_a_file_that_says_who_wrote_it(void **state)
{
	(void)state;
	EQUAL(leat_watch_pcapng_section(block, "leat"), "\x0a\x0d\x0d\x0a"
							"\x28\0\0\0"
							"\x4d\x3c\x2b\x1a"
							"\1\0\0\0"
							"\xff\xff\xff\xff\xff\xff\xff\xff"
							"\4\0\4\0leat"
							"\0\0\0\0"
							"\x28\0\0\0");
}

static void an_interface_counts_in_nanoseconds_and_names_its_filter(void **state)
{
	(void)state;
	EQUAL(leat_watch_pcapng_interface(block, "r/0", "ip", 128), "\1\0\0\0"
								    "\x30\0\0\0"
								    "\1\0\0\0"
								    "\x80\0\0\0"
								    "\2\0\3\0r/0\0"
								    "\x09\0\1\0\x09\0\0\0"
								    "\x0b\0\3\0\0ip\0"
								    "\0\0\0\0"
								    "\x30\0\0\0");
}

static void a_packet_has_its_date_its_direction_and_a_comment(void **state)
{
	const struct watch_packet p = {.interface = 3,
		.way = WATCH_PCAPNG_OUT,
		.at = UINT64_C(0x123456789abcdef0),
		.octets = 1500,
		.kept = 5,
		.data = (const uint8_t *)"abcde",
		.comment = "why"};

	(void)state;
	EQUAL(leat_watch_pcapng_packet(block, &p), "\6\0\0\0"
						   "\x3c\0\0\0"
						   "\3\0\0\0"
						   "\x78\x56\x34\x12\xf0\xde\xbc\x9a"
						   "\5\0\0\0"
						   "\xdc\5\0\0"
						   "abcde\0\0\0"
						   "\2\0\4\0\2\0\0\0"
						   "\1\0\3\0why\0"
						   "\0\0\0\0"
						   "\x3c\0\0\0");
}

static void the_last_block_of_an_interface_says_what_was_lost(void **state)
{
	const struct watch_pcapng_stats s = {.interface = 1,
		.from = UINT64_C(0x0000000100000002),
		.to = UINT64_C(0x0000000300000004),
		.received = 9,
		.accepted = UINT64_C(0x500000006),
		.lost = 7};

	(void)state;
	EQUAL(leat_watch_pcapng_stats(block, &s), "\5\0\0\0"
						  "\x58\0\0\0"
						  "\1\0\0\0"
						  "\3\0\0\0\4\0\0\0"
						  "\2\0\x08\0\1\0\0\0\2\0\0\0"
						  "\3\0\x08\0\3\0\0\0\4\0\0\0"
						  "\4\0\x08\0\x09\0\0\0\0\0\0\0"
						  "\5\0\x08\0\7\0\0\0\0\0\0\0"
						  "\6\0\x08\0\6\0\0\0\5\0\0\0"
						  "\0\0\0\0"
						  "\x58\0\0\0");
}

static void what_is_said_is_read_back_by_its_head(void **state)
{
	uint32_t type;
	size_t octets = leat_watch_pcapng_said(block, "12 lost");

	(void)state;
	assert_int_equal(leat_watch_pcapng_head(block, &type), octets);
	assert_int_equal(type, WATCH_PCAPNG_SAID);
	assert_string_equal((const char *)block + 8, "12 lost");
	block[4] = 0xff;
	assert_int_equal(leat_watch_pcapng_head(block, &type), 0);
	memset(block, 0, WATCH_PCAPNG_MIN);
	assert_int_equal(leat_watch_pcapng_head(block, &type), 0);
}

/* walk adds up the options from at to the end of the block; returns the longest. */
static uint32_t walk(size_t at, size_t octets)
{
	uint32_t longest = 0;

	for (;;) {
		assert_true(at + 4 <= octets - 4);
		uint32_t code = block[at] | (uint32_t)block[at + 1] << 8;
		uint32_t value = block[at + 2] | (uint32_t)block[at + 3] << 8;

		at += 4 + (value + 3) / 4 * 4;
		longest = u32_max(longest, value);
		if (code == 0)
			break;
	}
	assert_int_equal(at, octets - 4);
	return longest;
}

static void whatever_is_kept_and_said_blocks_are_whole_and_long_text_is_cut(void **state)
{
	static uint8_t data[65536];
	static char text[2 * WATCH_PCAPNG_TEXT];
	struct prng prng;
	uint32_t type;

	(void)state;
	print_message("# seed %lu\n", (unsigned long)SEED);
	leat_prng_seed(&prng, SEED);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t said = (uint32_t)(leat_prng_next(&prng) % (sizeof(text) - 1));
		uint32_t kept = (uint32_t)(leat_prng_next(&prng) % (i % 2 ? 64 : sizeof(data)));
		struct watch_packet p = {
			.way = WATCH_PCAPNG_IN, .kept = kept, .data = data, .comment = text};

		memset(text, 0, sizeof(text));
		for (uint32_t k = 0; k < said; k++) /* two octets to a character */
			text[k] = (char)(k % 2 ? 0xa9 : 0xc3);
		if (said % 2 != 0)
			text[said - 1] = 'x';
		size_t octets = leat_watch_pcapng_packet(block, &p);

		assert_true(octets <= WATCH_PCAPNG_HEAD + kept);
		assert_int_equal(leat_watch_pcapng_head(block, &type), octets);
		assert_memory_equal(block + octets - 4, block + 4, 4);
		uint32_t longest = walk(28 + (kept + 3) / 4 * 4, octets);
		assert_int_equal(longest, u32_max(u32_min(said, WATCH_PCAPNG_TEXT), 4));
	}
	memset(text, 'n', sizeof(text) - 1);
	size_t octets = leat_watch_pcapng_interface(block, text, text, 96);
	assert_true(octets <= WATCH_PCAPNG_HEAD);
	walk(16, octets);
	text[WATCH_PCAPNG_TEXT - 1] = (char)0xc3;
	text[WATCH_PCAPNG_TEXT] = (char)0xa9;
	octets = leat_watch_pcapng_section(block, text);
	assert_true(octets <= WATCH_PCAPNG_HEAD);
	assert_int_equal(walk(24, octets), WATCH_PCAPNG_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_begins_a_file_that_says_who_wrote_it),
		cmocka_unit_test(an_interface_counts_in_nanoseconds_and_names_its_filter),
		cmocka_unit_test(a_packet_has_its_date_its_direction_and_a_comment),
		cmocka_unit_test(the_last_block_of_an_interface_says_what_was_lost),
		cmocka_unit_test(what_is_said_is_read_back_by_its_head),
		cmocka_unit_test(whatever_is_kept_and_said_blocks_are_whole_and_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
