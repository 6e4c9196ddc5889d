/* SPDX-License-Identifier: BSD-3-Clause */

/* What determinism asks: one order of deadlines, instants far apart, frames of bounded length, a
 * stable dump; and nothing at all of a broken segment. */

#include "base_bits.h"
#include "test_stack_net.h"

static void neighbours_and_connections_share_one_order_and_one_budget(void **state)
{
	struct leat_addr local = {0}, silent = net_addr(1, 4, 80), unknown = net_addr(8, 4, 80);
	struct leat_conn conn;
	struct net n;

	(void)state;
	net_init(&n, 5);
	net_start(&n);
	struct leat_stack *s = n.stack[0];
	uint64_t t0 = n.now;
	n.cut = true;
	leat_inet_neigh_set(leat_stack_neigh(s), net_ip(1, 4), n.config[1].link.mac);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(leat_connect(s, &local, i % 2 ? &unknown : &silent, &conn), 0);
		net_run(&n, 200 * TIME_MS);
		unknown.octet[3]++;
	}
	/* Each connection has a SYN to resend a second later; half of them, a question as well. */
	static const struct {
		uint64_t ms;
		uint64_t rto_fired; /* after it */
	} due[] = {{1000, 1}, {1200, 1}, {1200, 2}, {1400, 3}, {1600, 3}, {1600, 4}};
	for (uint32_t i = 0; i < COUNT_OF(due); i++) {
		assert_int_equal(leat_stack_next_deadline(s), t0 + due[i].ms * TIME_MS);
		assert_int_equal(leat_stack_timers(s, t0 + 1900 * TIME_MS, 1), 1);
		assert_int_equal(leat_stack_tcp(s)->rto_fired, due[i].rto_fired);
	}
	assert_int_equal(leat_stack_timers(s, t0 + 1900 * TIME_MS, 64), 0);
	assert_int_equal(leat_stack_timers(s, t0 + 10 * TIME_S, 3), 3);
	net_stop(&n);
}

/* More connections are given up at one instant than one list of resets holds. */
static void each_connection_that_is_given_up_is_reset(void **state)
{
	enum {
		CNT = 200
	};
	struct leat_conn conn[CNT][2];
	struct net n;
	uint32_t fired, calls = 0;

	(void)state;
	net_init(&n, 6);
	net_start(&n);
	net_listen(&n, 1, 4, 80, CNT);
	leat_inet_neigh_set(leat_stack_neigh(n.stack[0]), net_ip(1, 4), n.config[1].link.mac);
	for (uint32_t i = 0; i < CNT; i++)
		net_open(&n, 4, 80, conn[i]);
	net_run(&n, 10 * TIME_S);
	n.cut = true;
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(leat_send(n.stack[0], conn[i][0], "x", 1), 1);
	net_run(&n, n.config[0].knobs.r2_ns - 1);
	net_pump(&n, 0);
	n.cut = false;
	n.now++;
	do {
		fired = leat_stack_timers(n.stack[0], n.now, 1000);
		net_pump(&n, 0);
		calls++;
	} while (leat_stack_next_deadline(n.stack[0]) <= n.now);
	assert_true(calls > 1 && fired <= TCP_IO_EMIT_MAX);
	assert_int_equal(leat_stack_tcp(n.stack[0])->ended[TCP_END_TIMEOUT], CNT);
	assert_int_equal(leat_stack_tcp(n.stack[0])->emitted_rst, CNT);
	assert_int_equal(leat_stack_tcp(n.stack[0])->rst_unsent, 0);
	net_run(&n, TIME_MS); /* each stands behind the octet that was lost */
	assert_int_equal(leat_stack_tcp(n.stack[1])->verdict[TCP_V_RST_CHALLENGED], CNT);
	net_stop(&n);
}

/* Both ends' records as text. */
static void dump_of(struct net *n, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	assert_non_null(out);
	leat_stack_dump(n->stack[0], out);
	leat_stack_dump(n->stack[1], out);
	fclose(out);
}

static void time_may_jump_by_days(void **state)
{
	const uint64_t day = 86400 * TIME_S;
	struct leat_conn conn[2];
	struct net n;
	char text[8];

	(void)state;
	net_init(&n, 9);
	n.now = 3;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	for (uint32_t i = 0; i < 5; i++) {
		n.now += (i * 40 + 1) * day + i;
		leat_stack_set_now(n.stack[0], n.now);
		leat_stack_set_now(n.stack[1], n.now);
		assert_int_equal(leat_send(n.stack[0], conn[0], "day", 3), 3);
		net_run(&n, TIME_S);
		assert_int_equal(leat_recv(n.stack[1], conn[1], text, sizeof(text)), 3);
		assert_string_equal(net_state(&n, 0, conn[0]), "ESTABLISHED");
		net_ledger(&n);
	}
	/* A timer that is late by days fires once, and at once. */
	n.cut = true;
	assert_int_equal(leat_send(n.stack[0], conn[0], "lost", 4), 4);
	net_pump(&n, 0);
	n.now += 30 * day;
	assert_int_equal(leat_stack_timers(n.stack[0], n.now, 64), 1);
	assert_true(leat_stack_next_deadline(n.stack[0]) > n.now);
	net_stop(&n);
}

static void nothing_is_longer_than_the_mtu(void **state)
{
	static const uint16_t mtu[] = {576, 1280, 1499, 1500};
	static uint8_t text[20000], room[NET_OUT_MAX][NET_FRAME_MAX];
	struct stack_frame f[NET_OUT_MAX];

	(void)state;
	for (uint32_t m = 0; m < COUNT_OF(mtu); m++) {
		for (int fam = mtu[m] < 1280 ? 4 : 6; fam >= 4; fam -= 2) {
			uint32_t longest = 0, cnt;
			struct leat_conn conn[2];
			struct net n;

			net_init(&n, m);
			n.config[0].link.mtu = n.config[0].knobs.mtu = mtu[m];
			net_start(&n);
			net_listen(&n, 1, fam, 80, 4);
			net_open(&n, fam, 80, conn);
			assert_int_equal(
				leat_send(n.stack[0], conn[0], text, sizeof(text)), sizeof(text));
			do {
				for (uint32_t k = 0; k < NET_OUT_MAX; k++)
					f[k] = (struct stack_frame){
						.data = room[k], .room = NET_FRAME_MAX};
				cnt = leat_stack_output(n.stack[0], n.now, f, NET_OUT_MAX);
				for (uint32_t k = 0; k < cnt; k++) {
					longest = u32_max(longest, f[k].octets);
					net_transmit(&n, 0, &f[k]);
				}
			} while (cnt == NET_OUT_MAX);
			assert_int_equal(longest, mtu[m] + WIRE_ETH_OCTETS); /* and full */
			net_run(&n, TIME_S);
			net_stop(&n);
		}
	}
}

static const char golden[] = "0.0 FIN-WAIT-2 10.0.0.1.46940 10.0.0.2.80"
			     " snd una 1748952277 nxt 1748952277 end 1748952276 wnd 65529 offset 5"
			     " rcv nxt 409341123 edge 409406658 unread 0"
			     " cwnd 14480 ssthresh 1073741824 srtt 4375 rto 1000000 flags 8006"
			     " fin-wait-2 1060027000000\n"
			     "0.0 LISTEN 10.0.0.2.80 ::.0\n"
			     "1.0 CLOSE-WAIT 10.0.0.2.80 10.0.0.1.46940"
			     " snd una 409341123 nxt 409341123 end 409341123 wnd 65535 offset 0"
			     " rcv nxt 1748952277 edge 1749017806 unread 5"
			     " cwnd 14480 ssthresh 1073741824 srtt 2000 rto 1000000 flags c089\n";

/* The text is for tests and people: what is in it, and its order, is a promise. */
static void a_dump_is_this_text(void **state)
{
	struct leat_conn conn[2];
	char text[4096];
	struct net n;

	(void)state;
	net_init(&n, 2);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	assert_int_equal(leat_send(n.stack[0], conn[0], "hello", 5), 5);
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_close(n.stack[0], conn[0]), LEAT_OK);
	net_run(&n, 5 * TIME_MS);
	dump_of(&n, text, sizeof(text));
	assert_string_equal(text, golden);
	net_stop(&n);
}

/* N013: each single bit of a segment, of which the checksum tells that it was flipped. */
static void a_wrong_checksum_changes_no_octet_of_a_connection(void **state)
{
	struct tuple from = {.local = net_ip(0, 4), .remote = net_ip(1, 4), .rport = 80};
	static char before[4096], after[4096];
	struct leat_conn conn[2];
	uint8_t frame[NET_FRAME_MAX];
	struct leat_info info;
	struct net n;

	(void)state;
	net_init(&n, 4);
	n.config[0].knobs.timestamps = n.config[1].knobs.timestamps = false;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	net_run(&n, TIME_S);
	net_no_events(&n, 1);
	assert_int_equal(leat_info(n.stack[0], conn[0], &info), LEAT_OK);
	from.lport = info.local.port;
	const struct tcb *tcb = leat_tcp_tcb(leat_stack_engine(n.stack[1]), 1);
	struct tcb was = *tcb;
	struct seg seg = {.seq = tcb->rcv.nxt, .ack = tcb->snd.nxt, .flags = TCP_ACK, .text = 4};
	uint32_t octets = net_frame(&n, frame, &from, &seg, "text");
	uint64_t sent = n.sent[1];
	dump_of(&n, before, sizeof(before));
	for (uint32_t bit = (WIRE_ETH_OCTETS + 20) * 8; bit < octets * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		enum wire_verdict v = net_inject(&n, 1, frame, octets);
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(v == WIRE_V_DROP_TCP_CSUM || v == WIRE_V_DROP_TCP_DOFF);
		assert_memory_equal(tcb, &was, sizeof(was));
	}
	net_pump(&n, 1);
	dump_of(&n, after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(n.sent[1], sent);
	net_silent(&n, 1);
	assert_int_equal(net_inject(&n, 1, frame, octets), WIRE_V_TCP); /* it was the bit */
	assert_memory_not_equal(tcb, &was, sizeof(was));
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_and_connections_share_one_order_and_one_budget),
		cmocka_unit_test(each_connection_that_is_given_up_is_reset),
		cmocka_unit_test(time_may_jump_by_days),
		cmocka_unit_test(nothing_is_longer_than_the_mtu),
		cmocka_unit_test(a_dump_is_this_text),
		cmocka_unit_test(a_wrong_checksum_changes_no_octet_of_a_connection),
	};

	return cmocka_run_group_tests_name("stack_time", tests, NULL, NULL);
}
