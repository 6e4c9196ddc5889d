/* SPDX-License-Identifier: BSD-3-Clause */

/* What leat_info tells of one conversation, phase by phase: all of it that is not 0. */

#include "base_bits.h"
#include "stack_brief.h"
#include "test_stack_net.h"

#include <inttypes.h>

struct page {
	size_t octets;
	char text[2048];
};

__attribute__((format(printf, 2, 3))) static void put(struct page *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(p->text + p->octets, sizeof(p->text) - p->octets, format, args);
	va_end(args);
	assert_true(n >= 0);
	p->octets += (size_t)n;
	assert_true(p->octets < sizeof(p->text));
}

static void number(struct page *p, const char *name, uint64_t value)
{
	if (value != 0)
		put(p, " %s %" PRIu64, name, value);
}

/* An instant as the us before now. */
static void instant(struct page *p, const char *name, uint64_t at, uint64_t now)
{
	if (at != 0)
		put(p, " %s -%" PRIu64 "us", name, (now - at) / TIME_US);
}

#define NUMBER(name) number(p, #name, i->name)

static void put_text(struct page *p, const struct leat_info *i, uint64_t now)
{
	put(p, "%s end %s cc %s %s soft %s", i->state, i->end, i->cc, i->phase, i->soft_error);
	for (uint32_t t = 0; t < LEAT_TIMER_MAX && i->timer[t].name != NULL; t++)
		put(p, " [%s %" PRIu64 "us]", i->timer[t].name, (i->timer[t].at - now) / TIME_US);
	put(p, "\n ");
	NUMBER(snd_una), NUMBER(snd_nxt), NUMBER(rcv_nxt), NUMBER(unread), NUMBER(unsent);
	NUMBER(cwnd), NUMBER(ssthresh), NUMBER(snd_wnd), NUMBER(rcv_wnd), NUMBER(mss);
	put(p, "\n ");
	NUMBER(srtt_us), NUMBER(rttvar_us), NUMBER(rto_us), NUMBER(rtx_cnt), NUMBER(in_flight);
	NUMBER(sacked), NUMBER(lost), NUMBER(held), NUMBER(min_rtt_us), NUMBER(adv_mss);
	NUMBER(backoff), NUMBER(urgent), NUMBER(snd_wscale), NUMBER(rcv_wscale), NUMBER(dscp);
	put(p, "\n ");
	NUMBER(wscale_on), NUMBER(sack_on), NUMBER(timestamps_on), NUMBER(ecn_on);
	NUMBER(keepalive_on), NUMBER(nodelay_on), NUMBER(soft_error_cnt), NUMBER(pmtu);
	NUMBER(flight_segs), NUMBER(reo_wnd_us), NUMBER(ato_us), NUMBER(rcv_buf), NUMBER(send_buf);
	NUMBER(user_timeout_ms), NUMBER(keep_probes), NUMBER(tries), NUMBER(reordered);
	NUMBER(app_limited), NUMBER(tally_on);
	put(p, "\n ");
	NUMBER(again_octets), NUMBER(segs_in), NUMBER(segs_out), NUMBER(text_segs_in);
	NUMBER(text_segs_out), NUMBER(ooo_segs), NUMBER(dsacks), NUMBER(ce_segs);
	instant(p, "sent", i->last_sent_at, now);
	instant(p, "text", i->last_text_at, now);
	instant(p, "ack", i->last_ack_at, now);
	put(p, "\n");
}

static void shows(struct net *n, uint32_t stack, struct leat_conn c, const char *expected)
{
	struct page page = {.octets = 0};
	struct leat_info info;

	assert_int_equal(leat_info(n->stack[stack], c, &info), LEAT_OK);
	put_text(&page, &info, n->now);
	assert_string_equal(page.text, expected);
}

/* An end of the conversation below, each time it is looked at. */
static const char *const golden[] = {
	"ESTABLISHED end - cc cubic open soft -\n"
	"  cwnd 14480 ssthresh 1073741824 snd_wnd 65535 rcv_wnd 65535 mss 1448\n"
	"  srtt_us 4000 rttvar_us 2000 rto_us 1000000 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 ato_us 40000 "
	"rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tally_on 1\n"
	"  segs_in 1 segs_out 2\n",

	"ESTABLISHED end - cc cubic open soft - [tlp 9500us]\n"
	"  snd_nxt 2896 unsent 104 cwnd 14480 ssthresh 1073741824 snd_wnd 65535 "
	"rcv_wnd 65535 mss 1448\n"
	"  srtt_us 4000 rttvar_us 2000 rto_us 1000000 in_flight 2896 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 flight_segs 2 "
	"ato_us 40000 rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 app_limited "
	"1 tally_on 1\n"
	"  segs_in 1 segs_out 4 text_segs_out 2 sent -500us\n",

	"ESTABLISHED end - cc cubic open soft -\n"
	"  rcv_nxt 2896 unread 2896 cwnd 14480 ssthresh 1073741824 snd_wnd 65535 "
	"rcv_wnd 62639 mss 1448\n"
	"  srtt_us 2000 rttvar_us 1000 rto_us 1000000 held 2 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 ato_us 40000 "
	"rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tally_on 1\n"
	"  segs_in 4 segs_out 2 text_segs_in 2 text -500us ack -500us\n",

	"ESTABLISHED end - cc cubic loss soft - [rto 519062us]\n"
	"  snd_una 3000 snd_nxt 6000 cwnd 1448 ssthresh 2896 snd_wnd 62535 rcv_wnd "
	"65535 mss 1448\n"
	"  srtt_us 8531 rttvar_us 11062 rto_us 1000000 rtx_cnt 1 in_flight 1448 lost "
	"1552 adv_mss 1460 backoff 1\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 flight_segs 3 "
	"ato_us 40000 rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tries 1 "
	"tally_on 1\n"
	"  again_octets 1448 segs_in 3 segs_out 9 text_segs_out 7 sent -1480938us ack "
	"-2557500us\n",

	"FIN-WAIT-2 end - cc cubic open soft -\n"
	"  snd_una 6000 snd_nxt 6000 cwnd 2897 ssthresh 2896 snd_wnd 63534 rcv_wnd "
	"65535 mss 1448\n"
	"  srtt_us 11374 rttvar_us 15175 rto_us 1000000 rtx_cnt 4 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 ato_us 40000 "
	"rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tally_on 1\n"
	"  again_octets 4448 segs_in 7 segs_out 13 text_segs_out 10 sent -9448938us "
	"ack -8000us\n",

	"CLOSE-WAIT end - cc cubic open soft -\n"
	"  rcv_nxt 6000 unread 2000 cwnd 14480 ssthresh 1073741824 snd_wnd 65535 "
	"rcv_wnd 63534 mss 1448\n"
	"  srtt_us 2000 rttvar_us 1000 rto_us 1000000 held 3 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 ato_us 40000 "
	"rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tally_on 1\n"
	"  segs_in 9 segs_out 7 text_segs_in 6 text -9447938us ack -9000us\n",

	"TIME-WAIT end - cc cubic open soft - [2msl 59991000us]\n"
	"  snd_una 6000 snd_nxt 6000 cwnd 2897 ssthresh 2896 snd_wnd 63534 rcv_wnd "
	"65535 mss 1448\n"
	"  srtt_us 11374 rttvar_us 15175 rto_us 1000000 rtx_cnt 4 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 ato_us 40000 "
	"rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tally_on 1\n"
	"  again_octets 4448 segs_in 8 segs_out 14 text_segs_out 10 sent -9458938us "
	"ack -9000us\n",

	"CLOSED end closed cc cubic open soft -\n"
	"  rcv_nxt 6000 unread 2000 cwnd 14481 ssthresh 1073741824 snd_wnd 65535 "
	"rcv_wnd 63534 mss 1448\n"
	"  srtt_us 2000 rttvar_us 750 rto_us 1000000 held 3 adv_mss 1460\n"
	"  wscale_on 1 sack_on 1 timestamps_on 1 ecn_on 1 pmtu 1500 ato_us 40000 "
	"rcv_buf 65535 send_buf 65536 user_timeout_ms 100000 tally_on 1\n"
	"  segs_in 10 segs_out 8 text_segs_in 6 text -9457938us ack -8000us\n",
};

static void info_tells_a_conversation_phase_by_phase(void **state)
{
	static const char text[3000] = {0};
	struct leat_conn conn[2];
	char got[4000];
	struct net n;

	(void)state;
	net_init(&n, 1);
	n.config[0].tcp.tally = n.config[1].tcp.tally = true;
	n.config[0].knobs.ecn = TCP_ECN_ACTIVE;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	shows(&n, 0, conn[0], golden[0]);
	/* Two segments and a piece are on the way, nobody has them yet. */
	assert_int_equal(leat_send(n.stack[0], conn[0], text, sizeof(text)), sizeof(text));
	net_run(&n, TIME_MS / 2);
	shows(&n, 0, conn[0], golden[1]);
	/* They arrived, and nobody reads. */
	net_run(&n, TIME_MS);
	shows(&n, 1, conn[1], golden[2]);
	/* What follows is lost: the probe of the tail, and then the timeout. */
	net_run(&n, 100 * TIME_MS);
	n.cut = true;
	assert_int_equal(leat_send(n.stack[0], conn[0], text, sizeof(text)), sizeof(text));
	net_run(&n, 2500 * TIME_MS);
	shows(&n, 0, conn[0], golden[3]);
	n.cut = false;
	net_run(&n, 10 * TIME_S);
	assert_int_equal(leat_recv(n.stack[1], conn[1], got, sizeof(got)), sizeof(got));
	assert_int_equal(leat_shutdown(n.stack[0], conn[0]), LEAT_OK);
	net_run(&n, 10 * TIME_MS);
	shows(&n, 0, conn[0], golden[4]);
	shows(&n, 1, conn[1], golden[5]);
	assert_int_equal(leat_shutdown(n.stack[1], conn[1]), LEAT_OK);
	net_run(&n, 10 * TIME_MS);
	shows(&n, 0, conn[0], golden[6]);
	shows(&n, 1, conn[1], golden[7]);
	assert_int_equal(leat_release(n.stack[1], conn[1]), LEAT_OK);
	net_stop(&n);
}

/* N085: what is asked of a program that never closes is to be seen: how many, and the oldest. */
static void n085_connections_that_nobody_closes_are_counted_and_the_oldest_is_known(void **state)
{
	struct stack_walk w = {.states = TCP_SET(CLOSE_WAIT)};
	struct stack_brief brief[STACK_BRIEF_MAX];
	struct leat_conn conn[3][2];
	uint64_t opened[3], oldest = TIME_NEVER;
	uint32_t work = UINT32_MAX, cnt = 0;
	struct net n;

	(void)state;
	net_init(&n, 85);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	for (uint32_t i = 0; i < 3; i++) {
		opened[i] = n.now;
		net_open(&n, 4, 80, conn[i]);
		net_run(&n, 600 * TIME_S);
	}
	for (uint32_t i = 1; i < 3; i++) /* the first of all stays open, and is not counted */
		assert_int_equal(leat_close(n.stack[0], conn[i][0]), LEAT_OK);
	net_run(&n, 3600 * TIME_S);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_CLOSE_WAIT], 2);
	uint32_t found = leat_stack_brief_some(n.stack[1], &w, &work, brief);
	assert_true(leat_stack_brief_ended(n.stack[1], &w));
	for (uint32_t i = 0; i < found; i++) {
		assert_null(brief[i].timer.name);
		oldest = u64_min(oldest, brief[i].opened_at);
		cnt++;
	}
	assert_int_equal(cnt, 2);
	assert_in_range(oldest, opened[1], opened[1] + 20 * TIME_MS);
	for (uint32_t i = 1; i < 3; i++)
		assert_int_equal(leat_close(n.stack[1], conn[i][1]), LEAT_OK);
	net_run(&n, TIME_S);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_CLOSE_WAIT], 0);
	net_stop(&n);
}

/* Its first half-open child stands where others have what was read. */
static void a_listener_has_received_nothing(void **state)
{
	struct leat_info info;
	struct leat_conn l;
	struct net n;

	(void)state;
	net_init(&n, 4);
	net_start(&n);
	l = net_listen(&n, 1, 4, 80, 8);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(leat_info(n.stack[1], l, &info), LEAT_OK);
		assert_true(info.rcv_nxt == 0);
		(void)net_connect(&n, 4, 80);
		net_run(&n, 3 * TIME_MS + TIME_MS / 2); /* half open */
	}
	net_run(&n, 20 * TIME_MS);
	assert_int_equal(leat_info(n.stack[1], l, &info), LEAT_OK);
	assert_true(info.rcv_nxt == 0);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			n085_connections_that_nobody_closes_are_counted_and_the_oldest_is_known),
		cmocka_unit_test(info_tells_a_conversation_phase_by_phase),
		cmocka_unit_test(a_listener_has_received_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
