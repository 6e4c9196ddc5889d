/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames made by hand, bursts, the link below, and determinism. */

#include "base_be.h"
#include "stack_core.h"
#include "test_stack_net.h"

#define ISS 7777U

static const struct tuple from4 = {.local = {0, UINT64_C(0xffff0a000001)},
	.remote = {0, UINT64_C(0xffff0a000002)},
	.lport = 999,
	.rport = 80};

static void start(struct net *n, uint64_t seed)
{
	net_init(n, seed);
	net_start(n);
	/* So that a reply leaves at once, and alone. */
	leat_inet_neigh_set(leat_stack_neigh(n->stack[1]), net_ip(0, 4), n->config[0].link.mac);
	leat_inet_neigh_set(leat_stack_neigh(n->stack[1]), net_ip(0, 6), n->config[0].link.mac);
}

/* One segment from stack 0's address to stack 1. */
static enum wire_verdict inject(
	struct net *n, const struct tuple *from, const struct seg *seg, const char *text)
{
	uint8_t frame[NET_FRAME_MAX];

	return net_inject(n, 1, frame, net_frame(n, frame, from, seg, text));
}

/* What stack 1 answered: the only frame in flight, taken off the wire. */
static struct pkt answer(struct net *n)
{
	struct pkt p = {.octets = 0};

	net_pump(n, 1);
	if (n->cnt != 1)
		fail_msg("%u answers, one was expected", n->cnt);
	p.frame = n->flight[n->head].data;
	p.octets = n->flight[n->head].octets;
	n->head = (n->head + 1) % NET_FLIGHT_MAX;
	n->cnt = 0;
	assert_int_equal(leat_wire_pkt_parse(&p, &n->config[0].link), WIRE_V_TCP);
	return p;
}

static void silence(struct net *n)
{
	net_pump(n, 1);
	assert_int_equal(n->cnt, 0);
}

/* N051: RFC 9293 3.10.7.1. */
static void a_segment_for_nobody_is_answered_with_a_reset(void **state)
{
	struct net n;
	struct tuple from6 = {
		.local = net_ip(0, 6), .remote = net_ip(1, 6), .lport = 999, .rport = 80};
	struct seg seg = {.flags = TCP_ACK, .seq = {100}, .ack = {500}};
	struct pkt p;

	(void)state;
	start(&n, 1);
	for (uint32_t f = 0; f < 2; f++) {
		const struct tuple *from = f == 0 ? &from4 : &from6;

		seg = (struct seg){.flags = TCP_ACK, .seq = {100}, .ack = {500}, .text = 3};
		assert_int_equal(inject(&n, from, &seg, "abc"), WIRE_V_TCP);
		p = answer(&n);
		assert_int_equal(p.seg.flags, TCP_RST);
		assert_int_equal(p.seg.seq.v, 500);
		assert_int_equal(p.tuple.lport, 999);
		seg = (struct seg){.flags = TCP_SYN | TCP_FIN, .seq = {100}, .text = 3};
		inject(&n, from, &seg, "abc");
		p = answer(&n);
		assert_int_equal(p.seg.flags, TCP_RST | TCP_ACK);
		assert_int_equal(p.seg.seq.v, 0);
		assert_int_equal(p.seg.ack.v, 105);
	}
	assert_int_equal(leat_stack_tcp(n.stack[1])->verdict[TCP_V_CLOSED_RST], 4);
	net_stop(&n);
}

/* N052, N053: RFC 9293 3.10.7.1, 3.10.7.2. */
static void resets_are_never_answered_and_listeners_answer_only_what_they_must(void **state)
{
	struct net n;
	struct seg rst = {.flags = TCP_RST, .seq = {100}};
	struct seg rst_ack = {.flags = TCP_RST | TCP_ACK, .seq = {100}, .ack = {1}};
	struct seg ack = {.flags = TCP_ACK, .seq = {100}, .ack = {600}};
	struct seg text = {.seq = {100}, .text = 1};
	struct seg fin = {.flags = TCP_FIN, .seq = {100}};

	(void)state;
	start(&n, 2);
	for (uint32_t listening = 0; listening < 2; listening++) {
		inject(&n, &from4, &rst, "");
		silence(&n);
		inject(&n, &from4, &rst_ack, "");
		silence(&n);
		if (!listening)
			net_listen(&n, 1, 4, 80, 1);
	}
	inject(&n, &from4, &ack, "");
	struct pkt p = answer(&n);
	assert_int_equal(p.seg.flags, TCP_RST);
	assert_int_equal(p.seg.seq.v, 600);
	inject(&n, &from4, &text, "x");
	silence(&n);
	inject(&n, &from4, &fin, "");
	silence(&n);
	assert_int_equal(net_present(&n, 1), 1);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_LISTEN], 1);
	net_stop(&n);
}

/* N037, N039. */
static void land_and_foreign_frames_make_no_reply(void **state)
{
	struct net n;
	struct tuple land = {
		.local = net_ip(1, 4), .remote = net_ip(1, 4), .lport = 80, .rport = 80};
	struct tuple foreign = from4;
	struct seg syn = {.flags = TCP_SYN, .seq = {1}, .wnd = 100};

	(void)state;
	start(&n, 3);
	net_listen(&n, 1, 4, 80, 4);
	foreign.remote = ip_from4(0x0a000063);
	assert_int_equal(inject(&n, &land, &syn, ""), WIRE_V_DROP_LAND);
	land.lport = 81;
	assert_int_equal(inject(&n, &land, &syn, ""), WIRE_V_DROP_LAND);
	assert_int_equal(inject(&n, &foreign, &syn, ""), WIRE_V_DROP_IP_DST);
	silence(&n);
	assert_int_equal(leat_stack_counters(n.stack[1])->segments, 0);
	assert_int_equal(leat_stack_counters(n.stack[1])->frames_in, 3);
	net_stop(&n);
}

/* A burst of hand-made segments, each in a buffer of its own. */
struct volley {
	struct stack_burst burst;
};

static void load(
	struct net *n, struct volley *v, uint16_t port, const struct seg *seg, const char *text)
{
	struct tuple from = from4;
	uint8_t *buf = malloc(NET_FRAME_MAX);

	assert_non_null(buf);
	from.lport = port;
	struct pkt p = {.frame = buf, .octets = net_frame(n, buf, &from, seg, text), .buf = buf};
	v->burst.pkt[v->burst.cnt++] = p;
	n->bufs_out[1]++;
}

static void fire(struct net *n, struct volley *v)
{
	leat_stack_parse(n->stack[1], &v->burst);
	leat_stack_lookup(n->stack[1], &v->burst);
	leat_stack_input(n->stack[1], &v->burst, n->now);
	net_give(n, 1);
}

static void a_flow_that_is_born_in_a_burst_serves_the_rest_of_the_burst(void **state)
{
	struct net n;
	struct volley v = {.burst.cnt = 0};
	struct seg syn = {.flags = TCP_SYN, .seq = {10}, .wnd = 1000};
	struct seg ack = {.flags = TCP_ACK, .seq = {11}, .ack = {ISS + 1}, .wnd = 1000};

	(void)state;
	start(&n, 4);
	net_listen(&n, 1, 4, 80, 4);
	leat_tcp_iss_force(leat_stack_engine(n.stack[1]), ISS);
	load(&n, &v, 999, &syn, "");
	load(&n, &v, 999, &syn, "");
	load(&n, &v, 999, &ack, "");
	fire(&n, &v);
	assert_int_equal(v.burst.idx[1], FLOW_NONE);
	assert_int_equal(v.burst.tcp_verdict[0], TCP_V_SYN_NEW);
	assert_int_equal(v.burst.tcp_verdict[1], TCP_V_SYN_AGAIN);
	/* Nobody can have seen our SYN-ACK: it was not sent yet. */
	assert_int_equal(v.burst.tcp_verdict[2], TCP_V_BAD_ACK_RST);
	assert_int_equal(net_present(&n, 1), 2);
	net_stop(&n);
}

static struct leat_conn opened_by_hand(struct net *n)
{
	struct seg syn = {.flags = TCP_SYN, .seq = {10}, .wnd = 1000};
	struct seg ack = {.flags = TCP_ACK, .seq = {11}, .ack = {ISS + 1}, .wnd = 1000};

	leat_tcp_iss_force(leat_stack_engine(n->stack[1]), ISS);
	inject(n, &from4, &syn, "");
	(void)answer(n);
	inject(n, &from4, &ack, "");
	return net_event(n, 1, LEAT_ACCEPTED).conn;
}

static void a_flow_that_ends_in_a_burst_is_gone_for_the_rest_of_the_burst(void **state)
{
	struct net n;
	struct volley v = {.burst.cnt = 0};
	struct seg rst = {.flags = TCP_RST, .seq = {11}};
	struct seg text = {.flags = TCP_ACK, .seq = {11}, .ack = {ISS + 1}, .wnd = 1000, .text = 2};
	struct leat_conn c;

	(void)state;
	start(&n, 5);
	net_listen(&n, 1, 4, 80, 4);
	c = opened_by_hand(&n);
	load(&n, &v, 999, &rst, "");
	load(&n, &v, 999, &text, "hi");
	fire(&n, &v);
	assert_int_equal(v.burst.tcp_verdict[0], TCP_V_RST_ACCEPTED);
	assert_int_equal(v.burst.tcp_verdict[1], TCP_V_LISTEN_RST);
	(void)net_event(&n, 1, LEAT_CLOSED);
	assert_int_equal(leat_release(n.stack[1], c), LEAT_OK);
	net_stop(&n);
}

static void a_record_that_is_reborn_in_a_burst_does_not_get_its_predecessors_segments(void **state)
{
	struct net n;
	struct volley v = {.burst.cnt = 0};
	struct seg rst = {.flags = TCP_RST, .seq = {11}};
	struct seg syn = {.flags = TCP_SYN, .seq = {90}, .wnd = 1000};
	struct seg text = {.flags = TCP_ACK, .seq = {11}, .ack = {ISS + 1}, .wnd = 1000, .text = 2};
	uint32_t idx;

	(void)state;
	start(&n, 6);
	net_listen(&n, 1, 4, 80, 4);
	/* Half open, so that no user holds the record and it is free at once. */
	leat_tcp_iss_force(leat_stack_engine(n.stack[1]), ISS);
	syn.seq.v = 10;
	inject(&n, &from4, &syn, "");
	(void)answer(&n);
	load(&n, &v, 999, &rst, "");
	load(&n, &v, 1000, &syn, "");
	load(&n, &v, 999, &text, "hi");
	load(&n, &v, 1000, &syn, "");
	fire(&n, &v);
	assert_int_equal(v.burst.tcp_verdict[0], TCP_V_RST_ACCEPTED);
	assert_int_equal(v.burst.tcp_verdict[1], TCP_V_SYN_NEW);
	assert_int_equal(v.burst.tcp_verdict[2], TCP_V_LISTEN_RST);
	assert_int_equal(v.burst.tcp_verdict[3], TCP_V_SYN_AGAIN);
	idx = v.burst.idx[2]; /* what the lookup had found serves port 1000 now */
	assert_int_equal(leat_tcp_tcb(leat_stack_engine(n.stack[1]), idx)->ends.rport, 1000);
	net_stop(&n);
}

static void a_raw_link_knows_no_neighbours_and_sends_at_once(void **state)
{
	struct net n;
	struct leat_conn conn[2];

	(void)state;
	net_init(&n, 7);
	n.config[0].link.raw_ip = true;
	n.config[1].link.raw_ip = true;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_listen(&n, 1, 6, 80, 4);
	for (uint32_t f = 4; f <= 6; f += 2) {
		conn[0] = net_connect(&n, (int)f, 80);
		net_pump(&n, 0);
		assert_int_equal(n.cnt, 1);
		assert_int_equal(n.flight[n.head].data[0] >> 4, f);
		net_run(&n, 3 * TIME_MS); /* there and back, and the ACK */
		assert_int_equal(net_event(&n, 0, LEAT_CONNECTED).conn.id, conn[0].id);
	}
	assert_int_equal(leat_inet_neigh_counters(leat_stack_neigh(n.stack[0]))->asked, 0);
	net_stop(&n);
}

static void what_is_off_the_link_goes_through_the_gateway(void **state)
{
	struct net n;
	struct leat_addr any = {0}, far = {.family = 4, .octet = {192, 0, 2, 7}, .port = 80};
	struct leat_conn c;

	(void)state;
	net_init(&n, 8);
	n.config[0].gateway4 = net_ip(1, 4);
	net_start(&n);
	assert_int_equal(leat_connect(n.stack[0], &any, &far, &c), LEAT_OK);
	net_pump(&n, 0);
	assert_int_equal(n.cnt, 1);
	assert_int_equal(be16_get(n.flight[n.head].data + 12), WIRE_ETHERTYPE_ARP);
	assert_int_equal(be32_get(n.flight[n.head].data + 14 + 24), 0x0a000002);
	net_run(&n, 2 * TIME_MS);
	assert_int_equal(n.cnt, 1);
	assert_memory_equal(n.flight[n.head].data, n.config[1].link.mac.octet, 6);
	assert_int_equal(be32_get(n.flight[n.head].data + 14 + 16), 0xc0000207);
	net_stop(&n);
}

static void a_neighbour_that_does_not_answer_costs_counted_segments(void **state)
{
	struct net n;
	struct leat_conn c;

	(void)state;
	net_init(&n, 9);
	n.config[0].knobs.r2_syn_ns = 20 * TIME_S;
	net_start(&n);
	n.cut = true;
	c = net_connect(&n, 4, 80);
	net_run(&n, 2900 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[0])->out_held, 0); /* they wait */
	net_run(&n, 200 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[0])->out_held, 1); /* however often it tries */
	assert_int_equal(leat_inet_neigh_counters(leat_stack_neigh(n.stack[0]))->failed, 1);
	net_run(&n, 30 * TIME_S);
	(void)net_event(&n, 0, LEAT_CLOSED);
	struct leat_info info;
	assert_int_equal(leat_info(n.stack[0], c, &info), LEAT_OK);
	assert_string_equal(info.end, "timeout");
	assert_int_equal(leat_release(n.stack[0], c), LEAT_OK);
	net_stop(&n);
}

static void more_segments_than_may_wait_for_a_neighbour_leave_with_its_answer_too(void **state)
{
	struct net n;
	uint32_t open = 0;
	struct leat_event event;

	(void)state;
	net_init(&n, 10);
	net_start(&n);
	net_listen(&n, 1, 6, 80, 400);
	for (uint32_t i = 0; i < 300; i++)
		(void)net_connect(&n, 6, 80);
	net_run(&n, 10 * TIME_MS);
	assert_true(leat_stack_counters(n.stack[0])->out_held > 0);
	assert_int_equal(leat_stack_counters(n.stack[0])->out_no_neigh, 0);
	while (leat_next_event(n.stack[0], &event))
		open += (event.bits & LEAT_CONNECTED) != 0;
	assert_int_equal(open, 300);
	net_stop(&n);
}

static void nothing_of_a_connection_leaves_after_its_reset(void **state)
{
	struct net n;
	struct leat_conn conn[2];
	uint8_t text[8000] = {0}, data[NET_FRAME_MAX];
	struct stack_frame f = {.data = data, .room = sizeof(data)};

	(void)state;
	net_init(&n, 14);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	assert_int_equal(leat_send(n.stack[0], conn[0], text, sizeof(text)), sizeof(text));
	assert_int_equal(leat_stack_output(n.stack[0], n.now, &f, 1), 1);
	assert_int_equal(f.octets, 14 + 20 + 1480);
	assert_int_equal(leat_abort(n.stack[0], conn[0]), LEAT_OK);
	assert_int_equal(leat_stack_output(n.stack[0], n.now, &f, 1), 1);
	assert_int_equal(f.octets, 14 + 20 + 32); /* its timestamp, too */
	assert_int_equal(data[14 + 20 + 13], TCP_RST);
	assert_int_equal(leat_stack_output(n.stack[0], n.now, &f, 1), 0);
	net_stop(&n);
}

static void a_device_that_sums_gets_the_pseudo_sum(void **state)
{
	struct net n;
	struct leat_conn c;
	uint8_t data[NET_FRAME_MAX];
	struct stack_frame f = {.data = data, .room = sizeof(data)};

	(void)state;
	net_init(&n, 11);
	n.config[0].tx_csum_l4 = true;
	n.config[0].tx_csum_ip = true;
	net_start(&n);
	leat_inet_neigh_set(leat_stack_neigh(n.stack[0]), net_ip(1, 4), n.config[1].link.mac);
	c = net_connect(&n, 4, 80);
	assert_int_equal(leat_stack_output(n.stack[0], n.now, &f, 1), 1);
	assert_true(f.is_tcp);
	assert_true(f.is_ip4);
	assert_int_equal(f.l2_octets, 14);
	assert_int_equal(f.l3_octets, 20);
	assert_int_equal(be16_get(data + 14 + 10), 0);
	uint8_t *tcp = data + 34;
	uint32_t octets = f.octets - 34;
	uint64_t sum = 6 + octets + 0x0a00 + 0x0001 + 0x0a00 + 0x0002;
	assert_int_equal(be16_get(tcp + 16), sum);
	/* What the device does then makes a sum that is right. */
	be16_put(tcp + 16, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, tcp, octets)));
	be16_put(data + 24, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(0, data + 14, 20)));
	struct pkt p = {.frame = data, .octets = f.octets};
	assert_int_equal(leat_wire_pkt_parse(&p, &n.config[1].link), WIRE_V_TCP);
	assert_int_equal(leat_abort(n.stack[0], c), LEAT_OK);
	net_stop(&n);
}

static void an_echo_request_is_answered_through_the_stack(void **state)
{
	struct net n;
	uint8_t frame[NET_FRAME_MAX], data[3] = {1, 2, 3};
	struct icmp_echo echo = {.id = 1, .seq = 2, .octets = 3, .data = data};
	struct ip_hdr hdr = {.proto = WIRE_PROTO_ICMP, .ttl = 1, .octets = ICMP_HDR_OCTETS + 3};

	(void)state;
	start(&n, 13);
	uint32_t at = leat_wire_pkt_hdr_put(
		frame, &n.config[0].link, &n.config[1].link.mac, &from4, &hdr);
	at += leat_wire_icmp_echo_put(frame + at, &from4, &echo);
	assert_int_equal(net_inject(&n, 1, frame, at), WIRE_V_ICMP_ECHO);
	net_pump(&n, 1);
	assert_int_equal(n.cnt, 1);
	assert_int_equal(n.flight[n.head].octets, at);
	assert_int_equal(leat_stack_icmp(n.stack[1])->echo_answered, 1);
	/* The other side asked nothing: it drops the answer, and answers nothing. */
	net_run(&n, 5 * TIME_MS);
	assert_int_equal(leat_stack_counters(n.stack[0])->wire[WIRE_V_DROP_ICMP], 1);
	assert_int_equal(n.sent[0], 0);
	net_stop(&n);
}

/* All that take the same walk through the 57 buckets of a flow table for 500 records. */
static bool takes_the_walk(struct net *n, const struct tuple *tuple)
{
	uint64_t hash = leat_flow_hash(n->stack[1]->flow, tuple);

	return (hash & UINT32_MAX) * 57 >> 32 == 1 && (hash >> 48) * 56 >> 16 == 1;
}

static void a_connection_that_finds_no_place_in_the_flow_table_is_dropped(void **state)
{
	struct net n;
	struct tuple from = from4, t;
	struct seg syn = {.flags = TCP_SYN, .seq = {1}, .wnd = 100};
	struct leat_addr local = net_addr(1, 4, 0), remote = net_addr(0, 4, 5555);
	struct leat_conn c;
	uint32_t cnt = 0;

	(void)state;
	net_init(&n, 15);
	n.config[1].tcp.tcb_max = 500;
	net_start(&n);
	net_listen(&n, 1, 4, 80, 500);
	for (uint32_t k = 0; cnt <= 10 * FLOW_PROBE_MAX; k++) {
		from.local = ip_from4(0x0a000001 + (k >> 16) * 3);
		from.lport = (uint16_t)(k | 1);
		t = (struct tuple){from.remote, from.local, 80, from.lport, 0};
		if ((k & 1) == 0 || !takes_the_walk(&n, &t))
			continue;
		inject(&n, &from, &syn, "");
		cnt++;
	}
	assert_int_equal(leat_stack_counters(n.stack[1])->flow_refused, 1);
	assert_int_equal(leat_stack_tcp(n.stack[1])->verdict[TCP_V_SYN_NEW], cnt);
	assert_int_equal(leat_stack_tcp(n.stack[1])->present[TCP_ST_SYN_RECEIVED], cnt - 1);
	net_ledger(&n);
	for (local.port = 32768; local.port < 60999; local.port++) {
		t = (struct tuple){net_ip(1, 4), net_ip(0, 4), local.port, 5555, 0};
		if (takes_the_walk(&n, &t))
			break;
	}
	assert_int_equal(leat_connect(n.stack[1], &local, &remote, &c), LEAT_ERR_FULL);
	assert_int_equal(leat_stack_counters(n.stack[1])->flow_refused, 2);
	net_ledger(&n); /* the port is free again */
	/* A listener that was to become an active open is the listener that it was. */
	assert_int_equal(leat_listen_from(n.stack[1], &local, &remote, &c), LEAT_OK);
	assert_int_equal(leat_send(n.stack[1], c, "x", 1), LEAT_ERR_FULL);
	assert_int_equal(leat_stack_counters(n.stack[1])->flow_refused, 3);
	net_ledger(&n);
	assert_int_equal(leat_close(n.stack[1], c), LEAT_OK);
	net_stop(&n);
}

/* A day in the life, with loss: the digest of all frames and the dump of both stacks. */
static uint64_t life(uint64_t seed, char *dump, size_t size)
{
	struct net n;
	struct leat_event event;
	uint8_t text[3000] = {1, 2, 3};
	FILE *out = fmemopen(dump, size, "w");

	assert_non_null(out);
	net_init(&n, seed);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 100);
	net_listen(&n, 1, 6, 80, 100);
	n.loss = 100000;
	for (uint32_t i = 0; i < 400; i++) {
		if (i % 8 == 0 && i < 300)
			(void)net_connect(&n, i % 16 ? 4 : 6, 80);
		for (uint32_t k = 0; k < 2; k++) {
			while (leat_next_event(n.stack[k], &event)) {
				if (event.bits & (LEAT_CONNECTED | LEAT_READABLE))
					(void)leat_send(n.stack[k], event.conn, text,
						1 + leat_prng_below(&n.prng, sizeof(text)));
				(void)leat_recv(n.stack[k], event.conn, text, sizeof(text));
				if (leat_prng_chance(&n.prng, 50000))
					(void)leat_close(n.stack[k], event.conn);
			}
		}
		net_run(&n, leat_prng_below(&n.prng, 20) * TIME_MS);
		if (i % 50 == 0)
			net_ledger(&n);
	}
	leat_stack_dump(n.stack[0], out);
	leat_stack_dump(n.stack[1], out);
	fclose(out);
	uint64_t digest = n.digest;
	net_stop(&n);
	return digest;
}

static void one_seed_makes_the_same_frames_and_the_same_dump(void **state)
{
	static char dump[3][1 << 17];

	(void)state;
	uint64_t a = life(42, dump[0], sizeof(dump[0]));
	uint64_t b = life(42, dump[1], sizeof(dump[1]));
	uint64_t c = life(43, dump[2], sizeof(dump[2]));
	assert_true(a == b);
	assert_string_equal(dump[0], dump[1]);
	assert_true(strlen(dump[0]) > 1000);
	assert_true(a != c);
	assert_string_not_equal(dump[0], dump[2]);
}

static void an_impossible_config_is_refused_with_the_reason(void **state)
{
	struct net n;
	struct stack_config bad[26];
	char text[128];

	(void)state;
	net_init(&n, 12);
	for (uint32_t i = 0; i < COUNT_OF(bad); i++)
		bad[i] = n.config[0];
	bad[0].link.mtu = 100;
	bad[1].knobs.mtu = 1501;
	bad[2].tcp.tcb_max = 0;
	bad[3].port_from = 0;
	bad[4].port_to = (uint16_t)(bad[4].port_from - 1);
	bad[5].ttl = 0;
	bad[6].link.local_cnt = 0;
	bad[7].gateway4 = ip_from4(0xc0000201);
	bad[8].gateway6 = net_ip(1, 4);
	bad[9].link.range_from = ip_from4(2);
	bad[9].link.range_to = ip_from4(1);
	bad[10].link.local[0].prefix_bits = 33;
	bad[11].send_buf_octets = UINT32_MAX;
	bad[12].knobs.iw_segs = 0;
	bad[13].knobs.ack_every = 0;
	bad[14].knobs.rcv_seg_max = 1;
	bad[15].knobs.rcv_buf_octets = 0;
	bad[16].knobs.rto_initial_ns = bad[16].knobs.rto_max_ns + 1;
	bad[17].knobs.rto_min_ns = bad[17].knobs.rto_max_ns + 1;
	bad[18].knobs.adv_mss = 1461;
	bad[19].knobs.delack_ns = TIME_S / 2;
	bad[20].knobs.keep_cnt = 1;
	bad[21].knobs.r1_cnt = 2;
	bad[22].knobs.dscp = 64;
	bad[23].knobs.ecn = TCP_ECN_ACTIVE + 1;
	bad[24].knobs.cc = TCP_CC_CNT;
	bad[25].knobs.rcv_buf_octets = (UINT32_C(1) << 30) + 1;
	assert_null(leat_stack_config_error(&n.config[0], text, sizeof(text)));
	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		if (leat_stack_config_error(&bad[i], text, sizeof(text)) == NULL)
			fail_msg("row %u is accepted", i);
		assert_int_equal(leat_stack_footprint(&bad[i]), 0);
	}
	(void)leat_stack_config_error(&bad[0], text, sizeof(text));
	assert_string_equal(text, "mtu is 100, but must be from 576 to 9216");
}

/* MUST-20: "reachability to the first hop is doubted" beyond R1, while its entry is still fresh. */
static void a_silent_next_hop_is_asked_for_again(void **state)
{
	struct net n;
	struct leat_conn conn[2];

	(void)state;
	net_init(&n, 31);
	net_start(&n);
	net_listen(&n, 1, 4, 80, 4);
	net_open(&n, 4, 80, conn);
	net_no_events(&n, 0);
	const struct inet_neigh_counters *cnt =
		leat_inet_neigh_counters(leat_stack_neigh(n.stack[0]));
	n.cut = true;
	assert_int_equal(leat_send(n.stack[0], conn[0], "x", 1), 1);
	uint64_t asked = cnt->asked;
	net_run(&n, 6500 * TIME_MS); /* sent again after 1 and 2 s */
	assert_int_equal(cnt->asked, asked);
	net_silent(&n, 0);
	net_run(&n, TIME_S); /* and 4 s */
	assert_int_equal(cnt->asked, asked + 1);
	net_event(&n, 0, LEAT_SLOW);
	n.cut = false;
	net_run(&n, 9 * TIME_S);
	assert_int_equal(leat_readable(n.stack[1], conn[1]), 1);
	net_stop(&n);
}

/* MUST-20, but RFC 1122 2.3.2.1: SYNs to where nobody is, by way of a gateway that answers each
 * question, doubt it one after the other. */
static void a_gateway_that_answers_is_asked_once_for_all_who_doubt_it(void **state)
{
	static const struct leat_addr far[] = {{.family = 4, .octet = {192, 0, 2, 7}, .port = 80},
		{.family = 6, .octet = {0x20, 1, 0xd, 0xb8}, .port = 80}};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(far); i++) {
		struct leat_addr any = {0};
		struct leat_conn conn;
		struct net n;

		net_init(&n, 32);
		n.config[0].gateway4 = net_ip(1, 4);
		n.config[0].gateway6 = net_ip(1, 6);
		net_start(&n);
		const struct inet_neigh_counters *cnt =
			leat_inet_neigh_counters(leat_stack_neigh(n.stack[0]));
		for (uint32_t k = 0; k < 200; k++) {
			assert_int_equal(leat_connect(n.stack[0], &any, &far[i], &conn), LEAT_OK);
			net_run(&n, 5 * TIME_MS);
		}
		net_run(&n, 5900 * TIME_MS); /* they went again after 1 and 2 s */
		assert_int_equal(n.sent[0], 3 * 200 + 1);
		assert_int_equal(cnt->asked, 1);
		net_run(&n, 1200 * TIME_MS); /* and after 4 s */
		assert_int_equal(n.sent[0], 4 * 200 + 2);
		assert_int_equal(cnt->asked, 2);
		assert_int_equal(cnt->failed, 0);
		net_stop(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_for_nobody_is_answered_with_a_reset),
		cmocka_unit_test(
			resets_are_never_answered_and_listeners_answer_only_what_they_must),
		cmocka_unit_test(land_and_foreign_frames_make_no_reply),
		cmocka_unit_test(a_flow_that_is_born_in_a_burst_serves_the_rest_of_the_burst),
		cmocka_unit_test(a_flow_that_ends_in_a_burst_is_gone_for_the_rest_of_the_burst),
		cmocka_unit_test(
			a_record_that_is_reborn_in_a_burst_does_not_get_its_predecessors_segments),
		cmocka_unit_test(a_raw_link_knows_no_neighbours_and_sends_at_once),
		cmocka_unit_test(what_is_off_the_link_goes_through_the_gateway),
		cmocka_unit_test(a_neighbour_that_does_not_answer_costs_counted_segments),
		cmocka_unit_test(
			more_segments_than_may_wait_for_a_neighbour_leave_with_its_answer_too),
		cmocka_unit_test(nothing_of_a_connection_leaves_after_its_reset),
		cmocka_unit_test(a_device_that_sums_gets_the_pseudo_sum),
		cmocka_unit_test(a_connection_that_finds_no_place_in_the_flow_table_is_dropped),
		cmocka_unit_test(an_echo_request_is_answered_through_the_stack),
		cmocka_unit_test(one_seed_makes_the_same_frames_and_the_same_dump),
		cmocka_unit_test(an_impossible_config_is_refused_with_the_reason),
		cmocka_unit_test(a_silent_next_hop_is_asked_for_again),
		cmocka_unit_test(a_gateway_that_answers_is_asked_once_for_all_who_doubt_it),
	};

	return cmocka_run_group_tests_name("stack_frame", tests, NULL, NULL);
}
