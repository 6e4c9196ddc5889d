/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_print.h"

#include "base_time.h"
#include "tcp_state.h"
#include "test_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW (1000 * TIME_S)

static const struct leat_info waiting = {.local = {4, {198, 18, 0, 2}, 80},
	.remote = {4, {198, 18, 7, 9}, 40211},
	.timer = {{"2msl", NOW + 1200 * TIME_MS}},
	.rtx_cnt = 1,
	.passive = true};

static const struct leat_info open6 = {
	.local = {6, {0x20, 1, 0xd, 0xb8, [15] = 1}, 80},
	.remote = {6, {0x20, 1, 0xd, 0xb8, [15] = 2}, 2210},
	.opened_at = NOW - 252 * TIME_S,
	.timer = {{"rto", NOW + 212 * TIME_MS}},
	.snd_una = 1000,
	.snd_nxt = 5344,
	.unread = 7,
	.cc = "cubic",
	.phase = "open",
	.mss = 1448,
	.cwnd = 14480,
	.srtt_us = 31,
	.rttvar_us = 9,
	.rto_us = 201000,
	.snd_wnd = 64256,
	.rcv_wnd = 65535,
	.snd_wscale = 7,
	.rcv_wscale = 6,
	.wscale_on = true,
	.sack_on = true,
};

static void same(enum watch_form form, const struct leat_info *info, uint8_t state, bool detail,
	const char *want)
{
	struct leat_info copy = *info;
	struct watch_conn c = {NULL, detail ? &copy : NULL, 2, NOW};
	char *text = NULL;
	size_t octets;
	FILE *out = open_memstream(&text, &octets);

	assert_non_null(out);
	copy.state = leat_tcp_state_name((enum tcp_state)state);
	const struct stack_brief brief = test_watch_brief(&copy);
	c.brief = &brief;
	leat_watch_print(form, &c, out);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void a_row_of_text_has_the_columns_of_its_head(void **state)
{
	char *text = NULL;
	size_t octets;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	leat_watch_print_head(WATCH_FORM_TEXT, out);
	fclose(out);
	assert_string_equal(text,
		"State       Recv-Q Send-Q Local                  Peer                   Shard "
		"Timer        Left  Rtx\n");
	free(text);
	same(WATCH_FORM_TEXT, &waiting, TCP_ST_TIME_WAIT, true,
		"TIME-WAIT        0      0 198.18.0.2:80          198.18.7.9:40211           2 "
		"2msl         1.2s    1\n");
	same(WATCH_FORM_TEXT, &open6, TCP_ST_ESTABLISHED, true,
		"ESTAB            7   4344 [2001:db8::1]:80       [2001:db8::2]:2210         2 "
		"rto         212ms    0\n"
		"\t cubic rto:201000us rtt:31us/9us mss:1448 cwnd:14480 ssthresh:0 "
		"wnd:64256/65535 wscale:7,6 sack unacked:4344 in-flight:0 lost:0 "
		"bytes_acked:1000 bytes_received:0\n");
}

static void what_is_not_there_is_a_dash_or_a_star(void **state)
{
	static const struct leat_info listener = {.local = {0, {0}, 80}};

	(void)state;
	same(WATCH_FORM_TEXT, &listener, TCP_ST_LISTEN, false,
		"LISTEN           0      0 *:80                   *:*                        2 "
		"-               -    0\n");
}

static void scripts_made_for_ss_and_ipvsadm_find_their_words(void **state)
{
	(void)state;
	same(WATCH_FORM_SS, &waiting, TCP_ST_TIME_WAIT, false,
		"TIME-WAIT  0      0             198.18.0.2:80     198.18.7.9:40211 "
		"timer:(timewait,1.2sec,0)\n");
	same(WATCH_FORM_SS, &open6, TCP_ST_ESTABLISHED, false,
		"ESTAB      7      4344       [2001:db8::1]:80   [2001:db8::2]:2210 "
		"timer:(on,212ms,0)\n");
	same(WATCH_FORM_IPVS, &waiting, TCP_ST_TIME_WAIT, false,
		"TCP 00:01  TIME_WAIT   198.18.7.9:40211   198.18.0.2:80\n");
}

static void json_leaves_out_what_is_not_known(void **state)
{
	(void)state;
	same(WATCH_FORM_JSON, &waiting, TCP_ST_TIME_WAIT, false,
		"{\"state\":\"time-wait\",\"local\":\"198.18.0.2:80\","
		"\"peer\":\"198.18.7.9:40211\",\"shard\":2,\"role\":\"server\",\"recv_q\":0,"
		"\"send_q\":0,\"rtx\":1,\"timer\":\"2msl\",\"left_s\":1.200000000}\n");
	same(WATCH_FORM_JSON, &open6, TCP_ST_CLOSE_WAIT, false,
		"{\"state\":\"close-wait\",\"local\":\"[2001:db8::1]:80\","
		"\"peer\":\"[2001:db8::2]:2210\",\"shard\":2,\"role\":\"client\",\"recv_q\":7,"
		"\"send_q\":4344,\"rtx\":0,\"timer\":\"rto\",\"left_s\":0.212000000,"
		"\"age_s\":252.000000000}\n");
}

static void every_state_has_a_name_that_the_filter_takes(void **state)
{
	(void)state;
	for (uint8_t i = TCP_ST_NONE + 1; i < TCP_ST_CNT; i++) {
		const struct stack_brief brief = {.state = i};
		const struct watch_conn c = {&brief, NULL, 0, NOW};
		struct watch_filter f;
		struct watch_error err;
		char text[64];

		snprintf(text, sizeof(text), "state %s", leat_watch_state_name(i));
		assert_true(leat_watch_filter_parse(&f, text, &err));
		assert_int_equal(f.states, 1U << i);
		assert_true(leat_watch_filter_match(&f, &c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_of_text_has_the_columns_of_its_head),
		cmocka_unit_test(what_is_not_there_is_a_dash_or_a_star),
		cmocka_unit_test(scripts_made_for_ss_and_ipvsadm_find_their_words),
		cmocka_unit_test(json_leaves_out_what_is_not_known),
		cmocka_unit_test(every_state_has_a_name_that_the_filter_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
