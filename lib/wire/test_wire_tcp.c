/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_wire.h"

#include "wire_tcp.h"

static struct seg seg;
static struct tuple tuple;

/* parse_opts parses a segment of flags whose options are the octets at opt, filled with END to a
 * multiple of 4, from memory of exactly its length. */
static void parse_opts(uint8_t flags, const uint8_t *opt, uint32_t octets)
{
	uint32_t hdr_octets = TCP_HDR_OCTETS + (octets + 3) / 4 * 4;
	uint8_t *mem = calloc(1, hdr_octets);

	assert_true(octets <= TCP_OPT_OCTETS_MAX);
	be16_put(mem, 40000);
	be16_put(mem + 2, 80);
	mem[12] = (uint8_t)(hdr_octets / 4 << 4);
	mem[13] = flags;
	memcpy(mem + TCP_HDR_OCTETS, opt, octets);
	memset(&seg, 0xa5, sizeof(seg));
	assert_verdict(leat_wire_tcp_parse(mem, hdr_octets, &tuple, &seg), WIRE_V_TCP);
	assert_int_equal(seg.text, 0);
	free(mem);
}

#define PARSE_OPTS(flags, ...)                                                                     \
	do {                                                                                       \
		static const uint8_t given[] = {__VA_ARGS__};                                      \
		parse_opts(flags, given, sizeof(given));                                           \
	} while (0)

#define MSS_1460 2, 4, 0x05, 0xb4
#define WS_7     3, 3, 7
#define SACK_OK  4, 2
#define TS_1_2   8, 10, 0, 0, 0, 1, 0, 0, 0, 2
#define BLOCK(n) 0, 0, n, 1, 0, 0, n, 9

static void n018_an_option_of_length_0_ends_the_walk(void **state)
{
	(void)state;
	PARSE_OPTS(TCP_SYN, MSS_1460, 254, 0, WS_7);
	assert_int_equal(seg.opts, TCP_OPT_MSS);
	assert_int_equal(seg.opt_bad_cnt, 1);
}

static void n019_an_option_of_length_1_ends_the_walk(void **state)
{
	(void)state;
	PARSE_OPTS(TCP_SYN, MSS_1460, 254, 1, WS_7);
	assert_int_equal(seg.opts, TCP_OPT_MSS);
	PARSE_OPTS(TCP_SYN, WS_7, 2, 1, MSS_1460);
	assert_int_equal(seg.opts, TCP_OPT_WS);
	assert_int_equal(seg.opt_bad_cnt, 1);
}

static void n020_a_last_octet_that_needs_a_length_is_not_read_past(void **state)
{
	static const uint8_t kind[] = {2, 3, 4, 5, 8, 34, 254, 255};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(kind); i++) {
		const uint8_t opt[] = {MSS_1460, 1, 1, 1, kind[i]};
		parse_opts(TCP_SYN, opt, sizeof(opt));
		assert_int_equal(seg.opts, TCP_OPT_MSS);
		assert_int_equal(seg.mss, 1460);
		assert_int_equal(seg.opt_bad_cnt, 1);
	}
}

static void n020_a_length_past_the_data_offset_keeps_the_options_before(void **state)
{
	(void)state;
	for (unsigned octets = 5; octets <= 255; octets++) {
		const uint8_t opt[] = {MSS_1460, 8, (uint8_t)octets, 0, 0};
		parse_opts(TCP_SYN, opt, sizeof(opt));
		assert_int_equal(seg.opts, TCP_OPT_MSS);
		assert_int_equal(seg.opt_bad_cnt, 1);
	}
}

/* Every known option is tried with every length from 2 on that lies within the header. */
static void n021_an_option_of_a_wrong_length_is_ignored_and_counted(void **state)
{
	static const struct {
		uint8_t kind, right, opt;
	} known[] = {{2, 4, TCP_OPT_MSS}, {3, 3, TCP_OPT_WS}, {4, 2, TCP_OPT_SACK_OK},
		{8, 10, TCP_OPT_TS}};
	uint8_t opt[TCP_OPT_OCTETS_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		for (uint8_t octets = 2; octets <= sizeof(opt); octets++) {
			memset(opt, 1, sizeof(opt));
			opt[0] = known[i].kind;
			opt[1] = octets;
			parse_opts(TCP_SYN, opt, sizeof(opt));
			bool right = octets == known[i].right;
			assert_int_equal(seg.opts, right ? known[i].opt : 0);
			assert_int_equal(seg.opt_bad_cnt, right ? 0 : 1);
		}
	}
}

static void n021_sack_has_one_to_four_whole_blocks(void **state)
{
	uint8_t opt[TCP_OPT_OCTETS_MAX];

	(void)state;
	for (uint8_t octets = 2; octets <= sizeof(opt); octets++) {
		memset(opt, 1, sizeof(opt));
		opt[0] = 5;
		opt[1] = octets;
		parse_opts(TCP_ACK, opt, sizeof(opt));
		bool right = octets > 2 && (octets - 2) % 8 == 0;
		assert_int_equal(seg.opts, right ? TCP_OPT_SACK : 0);
		assert_int_equal(seg.sack_cnt, right ? (octets - 2) / 8 : 0);
		assert_int_equal(seg.opt_bad_cnt, right ? 0 : 1);
	}
	PARSE_OPTS(TCP_ACK, 1, 1, 5, 18, BLOCK(3), BLOCK(5));
	assert_int_equal(seg.sack_cnt, 2);
	assert_int_equal(seg.sack[0].left.v, 0x301);
	assert_int_equal(seg.sack[1].right.v, 0x509);
}

static void n022_forty_nops_are_accepted(void **state)
{
	uint8_t opt[TCP_OPT_OCTETS_MAX];

	(void)state;
	memset(opt, 1, sizeof(opt));
	parse_opts(TCP_ACK, opt, sizeof(opt));
	assert_int_equal(seg.opts, 0);
	assert_int_equal(seg.opt_bad_cnt, 0);
}

static void n022_nothing_behind_the_end_of_options_is_read(void **state)
{
	(void)state;
	PARSE_OPTS(TCP_SYN, MSS_1460, 0, WS_7, 254, 0, 8, 99);
	assert_int_equal(seg.opts, TCP_OPT_MSS);
	assert_int_equal(seg.opt_bad_cnt, 0);
}

static void n023_the_first_of_two_equal_options_wins_and_the_second_counts(void **state)
{
	(void)state;
	PARSE_OPTS(TCP_SYN, MSS_1460, WS_7, 3, 3, 2, 2, 4, 0, 99, 4, 2, 4, 2);
	assert_int_equal(seg.opts, TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_SACK_OK);
	assert_int_equal(seg.mss, 1460);
	assert_int_equal(seg.wscale, 7);
	assert_int_equal(seg.opt_bad_cnt, 3);
	PARSE_OPTS(TCP_ACK, TS_1_2, 8, 10, 9, 9, 9, 9, 9, 9, 9, 9);
	assert_int_equal(seg.ts_val, 1);
	assert_int_equal(seg.ts_ecr, 2);
	assert_int_equal(seg.opt_bad_cnt, 1);
	PARSE_OPTS(TCP_ACK, 5, 10, BLOCK(1), 5, 18, BLOCK(2), BLOCK(3));
	assert_int_equal(seg.sack_cnt, 1);
	assert_int_equal(seg.sack[0].left.v, 0x101);
	assert_int_equal(seg.opt_bad_cnt, 1);
}

static void n023_a_broken_option_does_not_keep_a_sound_one_out(void **state)
{
	(void)state;
	PARSE_OPTS(TCP_SYN, 2, 3, 1, MSS_1460);
	assert_int_equal(seg.opts, TCP_OPT_MSS);
	assert_int_equal(seg.mss, 1460);
	assert_int_equal(seg.opt_bad_cnt, 1);
}

static void n024_unknown_options_are_passed_over_at_every_alignment(void **state)
{
	static const uint8_t known[] = {2, 3, 4, 5, 8};

	(void)state;
	for (unsigned kind = 6; kind <= 255; kind++) {
		if (memchr(known, (int)kind, sizeof(known)))
			continue;
		for (uint8_t octets = 2; octets <= 11; octets++) {
			uint8_t opt[11 + 4 + 10] = {(uint8_t)kind, octets};
			const uint8_t behind[] = {MSS_1460, TS_1_2};
			memcpy(opt + octets, behind, sizeof(behind));
			parse_opts(TCP_SYN, opt, octets + (uint32_t)sizeof(behind));
			assert_int_equal(seg.opts, TCP_OPT_MSS | TCP_OPT_TS);
			assert_int_equal(seg.mss, 1460);
			assert_int_equal(seg.ts_ecr, 2);
			assert_int_equal(seg.opt_bad_cnt, 0);
		}
	}
}

static void n024_unknown_options_are_passed_over_on_every_segment_type(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++) {
		const uint8_t opt[] = {254, 5, 0, 0, 0, 1, TS_1_2};
		parse_opts((uint8_t)flags, opt, sizeof(opt));
		assert_int_equal(seg.opts, TCP_OPT_TS);
		assert_int_equal(seg.opt_bad_cnt, 0);
	}
}

static void n025_options_of_a_syn_are_ignored_elsewhere(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++) {
		const uint8_t opt[] = {MSS_1460, WS_7, SACK_OK, TS_1_2};
		uint8_t of_syn = TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_SACK_OK;
		parse_opts((uint8_t)flags, opt, sizeof(opt));
		assert_int_equal(seg.opts, TCP_OPT_TS | (flags & TCP_SYN ? of_syn : 0));
		assert_int_equal(seg.opt_bad_cnt, 0);
	}
}

static void n026_an_mss_of_0_is_absent_and_others_are_told_as_they_are(void **state)
{
	static const uint16_t mss[] = {1, 47, 536, 1460, 65535};

	(void)state;
	PARSE_OPTS(TCP_SYN, 2, 4, 0, 0, WS_7);
	assert_int_equal(seg.opts, TCP_OPT_WS);
	assert_int_equal(seg.opt_bad_cnt, 1);
	for (size_t i = 0; i < COUNT_OF(mss); i++) {
		const uint8_t opt[] = {2, 4, (uint8_t)(mss[i] >> 8), (uint8_t)mss[i]};
		parse_opts(TCP_SYN, opt, sizeof(opt));
		assert_int_equal(seg.opts, TCP_OPT_MSS);
		assert_int_equal(seg.mss, mss[i]);
	}
}

static void n027_a_shift_above_14_is_taken_for_14_and_counted(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 256; shift++) {
		const uint8_t opt[] = {3, 3, (uint8_t)shift};
		parse_opts(TCP_SYN, opt, sizeof(opt));
		assert_int_equal(seg.opts, TCP_OPT_WS);
		assert_int_equal(seg.wscale, shift > 14 ? 14 : shift);
		assert_int_equal(seg.opt_bad_cnt, shift > 14 ? 1 : 0);
	}
}

static void n028_n029_every_flag_octet_is_told_as_it_is_and_syn_and_fin_count(void **state)
{
	uint8_t octet[TCP_HDR_OCTETS + 3] = {0x9c, 0x40, 0, 80};

	(void)state;
	octet[12] = 5 << 4;
	for (unsigned flags = 0; flags < 256; flags++) {
		for (uint32_t text = 0; text <= 3; text += 3) {
			octet[13] = (uint8_t)flags;
			enum wire_verdict v =
				leat_wire_tcp_parse(octet, TCP_HDR_OCTETS + text, &tuple, &seg);
			assert_verdict(v, WIRE_V_TCP);
			assert_int_equal(seg.flags, flags);
			assert_int_equal(seg.text, text);
			assert_int_equal(seg.len, text + !!(flags & TCP_SYN) + !!(flags & TCP_FIN));
			assert_ptr_equal(seg.data, octet + TCP_HDR_OCTETS);
		}
	}
}

static void n032_reserved_bits_are_ignored_and_sent_as_zero(void **state)
{
	uint8_t octet[TCP_HDR_OCTETS + TCP_OPT_OCTETS_MAX] = {0x9c, 0x40, 0, 80};
	struct seg plain;

	(void)state;
	octet[12] = 5 << 4;
	octet[13] = TCP_ACK;
	memset(&plain, 0, sizeof(plain));
	memset(&seg, 0, sizeof(seg));
	assert_verdict(leat_wire_tcp_parse(octet, TCP_HDR_OCTETS, &tuple, &plain), WIRE_V_TCP);
	for (uint8_t reserved = 0; reserved < 16; reserved++) {
		octet[12] = (uint8_t)(5 << 4 | reserved);
		assert_verdict(
			leat_wire_tcp_parse(octet, TCP_HDR_OCTETS, &tuple, &seg), WIRE_V_TCP);
		assert_seg_equal(&seg, &plain);
		leat_wire_seg_put(octet, tuple.lport, tuple.rport, &seg);
		assert_int_equal(octet[12] & 15, 0);
	}
}

static void n033_the_urgent_pointer_is_told_and_changes_no_text(void **state)
{
	static const uint16_t up[] = {0, 1, 2, 3, 4, 0x7fff, 0xffff};
	uint8_t octet[TCP_HDR_OCTETS + 3] = {0x9c, 0x40, 0, 80};

	(void)state;
	octet[12] = 5 << 4;
	octet[13] = TCP_ACK | TCP_URG;
	for (size_t i = 0; i < COUNT_OF(up); i++) {
		be16_put(octet + 18, up[i]);
		enum wire_verdict v = leat_wire_tcp_parse(octet, sizeof(octet), &tuple, &seg);
		assert_verdict(v, WIRE_V_TCP);
		assert_int_equal(seg.up, up[i]);
		assert_int_equal(seg.text, 3);
		assert_int_equal(seg.len, 3);
		assert_ptr_equal(seg.data, octet + TCP_HDR_OCTETS);
	}
}

static struct seg draw_seg(struct prng *p)
{
	struct seg s = {.seq = seq_of((uint32_t)leat_prng_next(p))};

	s.ack = seq_of((uint32_t)leat_prng_next(p));
	s.wnd = (uint16_t)leat_prng_next(p);
	s.up = (uint16_t)leat_prng_next(p);
	s.flags = (uint8_t)leat_prng_next(p);
	s.opts = (uint8_t)(leat_prng_next(p) & 31);
	if (!(s.flags & TCP_SYN))
		s.opts &= TCP_OPT_TS | TCP_OPT_SACK;
	s.mss = s.opts & TCP_OPT_MSS ? (uint16_t)(1 + leat_prng_below(p, 65535)) : 0;
	s.wscale = s.opts & TCP_OPT_WS ? (uint8_t)leat_prng_below(p, 15) : 0;
	s.ts_val = s.opts & TCP_OPT_TS ? (uint32_t)leat_prng_next(p) : 0;
	s.ts_ecr = s.opts & TCP_OPT_TS ? (uint32_t)leat_prng_next(p) : 0;
	s.sack_cnt = s.opts & TCP_OPT_SACK ? (uint8_t)(1 + leat_prng_below(p, 4)) : 0;
	for (int i = 0; i < s.sack_cnt; i++) {
		s.sack[i].left = seq_of((uint32_t)leat_prng_next(p));
		s.sack[i].right = seq_of((uint32_t)leat_prng_next(p));
	}
	return s;
}

/* fits takes the SACK blocks from want for which there is no room behind the other options. */
static void fits(struct seg *want)
{
	unsigned others = 0;

	others += want->opts & TCP_OPT_MSS ? 4 : 0;
	others += want->opts & TCP_OPT_WS ? 4 : 0;
	others += want->opts & TCP_OPT_TS ? 12 : want->opts & TCP_OPT_SACK_OK ? 4 : 0;
	while (want->sack_cnt && others + 4 + 8u * want->sack_cnt > TCP_OPT_OCTETS_MAX)
		memset(&want->sack[--want->sack_cnt], 0, sizeof(want->sack[0]));
	if (want->sack_cnt == 0)
		want->opts &= (uint8_t)~TCP_OPT_SACK;
}

static void what_is_put_is_what_is_parsed(void **state)
{
	const uint64_t seed = 51;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (int i = 0; i < 50000; i++) {
		struct tuple t = from_peer(i & 1), got_t = {.zone = 0};
		struct seg want = draw_seg(&p);
		uint32_t text = leat_prng_below(&p, 100);
		uint32_t hdr_octets = leat_wire_tcp_hdr_octets(&want);
		uint8_t *mem = malloc(hdr_octets + text);

		t.lport = (uint16_t)(1 + leat_prng_below(&p, 65535));
		assert_int_equal(leat_wire_seg_put(mem, t.lport, t.rport, &want), hdr_octets);
		assert_int_equal(be16_get(mem + 16), 0);
		memset(&seg, 0, sizeof(seg));
		enum wire_verdict v = leat_wire_tcp_parse(mem, hdr_octets + text, &got_t, &seg);
		assert_verdict(v, WIRE_V_TCP);
		assert_int_equal(got_t.rport, t.lport);
		assert_int_equal(got_t.lport, t.rport);
		fits(&want);
		want.text = (uint16_t)text;
		want.len = text + !!(want.flags & TCP_SYN) + !!(want.flags & TCP_FIN);
		assert_seg_equal(&seg, &want);
		assert_ptr_equal(seg.data, mem + hdr_octets);
		free(mem);
	}
}

static void three_blocks_fit_beside_timestamps_and_four_alone(void **state)
{
	struct seg s = {.flags = TCP_ACK, .opts = TCP_OPT_TS | TCP_OPT_SACK, .sack_cnt = 4};

	(void)state;
	assert_int_equal(leat_wire_tcp_hdr_octets(&s), TCP_HDR_OCTETS + 12 + 4 + 3 * 8);
	s.opts = TCP_OPT_SACK;
	assert_int_equal(leat_wire_tcp_hdr_octets(&s), TCP_HDR_OCTETS + 4 + 4 * 8);
	s.sack_cnt = 0;
	assert_int_equal(leat_wire_tcp_hdr_octets(&s), TCP_HDR_OCTETS);
	s.sack_cnt = 2;
	s.opts = 0;
	assert_int_equal(leat_wire_tcp_hdr_octets(&s), TCP_HDR_OCTETS);
}

static void what_is_no_segment_is_refused_with_the_reason(void **state)
{
	uint8_t octet[TCP_HDR_OCTETS + 4] = {0x9c, 0x40, 0, 80};

	(void)state;
	octet[12] = 5 << 4;
	for (uint32_t octets = 0; octets < TCP_HDR_OCTETS; octets++) {
		uint8_t *mem = malloc(octets + 1);
		memcpy(mem + 1, octet, octets);
		enum wire_verdict v = leat_wire_tcp_parse(mem + 1, octets, &tuple, &seg);
		assert_verdict(v, WIRE_V_DROP_TCP_SHORT);
		free(mem);
	}
	for (uint8_t words = 0; words < 16; words++) {
		octet[12] = (uint8_t)(words << 4);
		enum wire_verdict v = leat_wire_tcp_parse(octet, sizeof(octet), &tuple, &seg);
		bool fit = words == 5 || words == 6;
		assert_verdict(v, fit ? WIRE_V_TCP : WIRE_V_DROP_TCP_DOFF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n018_an_option_of_length_0_ends_the_walk),
		cmocka_unit_test(n019_an_option_of_length_1_ends_the_walk),
		cmocka_unit_test(n020_a_last_octet_that_needs_a_length_is_not_read_past),
		cmocka_unit_test(n020_a_length_past_the_data_offset_keeps_the_options_before),
		cmocka_unit_test(n021_an_option_of_a_wrong_length_is_ignored_and_counted),
		cmocka_unit_test(n021_sack_has_one_to_four_whole_blocks),
		cmocka_unit_test(n022_forty_nops_are_accepted),
		cmocka_unit_test(n022_nothing_behind_the_end_of_options_is_read),
		cmocka_unit_test(n023_the_first_of_two_equal_options_wins_and_the_second_counts),
		cmocka_unit_test(n023_a_broken_option_does_not_keep_a_sound_one_out),
		cmocka_unit_test(n024_unknown_options_are_passed_over_at_every_alignment),
		cmocka_unit_test(n024_unknown_options_are_passed_over_on_every_segment_type),
		cmocka_unit_test(n025_options_of_a_syn_are_ignored_elsewhere),
		cmocka_unit_test(n026_an_mss_of_0_is_absent_and_others_are_told_as_they_are),
		cmocka_unit_test(n027_a_shift_above_14_is_taken_for_14_and_counted),
		cmocka_unit_test(n028_n029_every_flag_octet_is_told_as_it_is_and_syn_and_fin_count),
		cmocka_unit_test(n032_reserved_bits_are_ignored_and_sent_as_zero),
		cmocka_unit_test(n033_the_urgent_pointer_is_told_and_changes_no_text),
		cmocka_unit_test(what_is_put_is_what_is_parsed),
		cmocka_unit_test(three_blocks_fit_beside_timestamps_and_four_alone),
		cmocka_unit_test(what_is_no_segment_is_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
