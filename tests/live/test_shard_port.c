/* SPDX-License-Identifier: BSD-3-Clause */
/* A port and its shards, with the test itself at the other end of the wire: frames as devices give
 * them, shards that share a port, devices that stand still or are not what was asked for. */
#include "test_ring_pair.h"

#include "base_be.h"
#include "wire_cksum.h"

#define ip netinet_ip /* rte_ethdev.h draws in a header with a struct ip of its own */
#include <rte_ethdev.h>
#undef ip

static void open_server(struct pair *p, uint16_t queue_cnt)
{
	const struct setup u = {.slots = 255, .queue_cnt = queue_cnt};

	*p = (struct pair){.pool = NULL};
	open_wire(p, &u);
	p->server = make_shard(p, &u, &p->wire.b, SERVER, 0);
	if (queue_cnt == 2)
		p->second = make_shard(p, &u, &p->wire.b, SERVER, 1);
}

/* echo_frame writes an echo request of octets to frame and returns the octets of the frame. */
static uint32_t echo_frame(const struct pair *p, uint8_t *frame, uint32_t octets)
{
	struct wire_link link = {.mtu = 1500};
	struct tuple tuple = {.local = ip_from4(CLIENT), .remote = ip_from4(SERVER)};
	struct ip_hdr hdr = {
		.proto = WIRE_PROTO_ICMP, .ttl = 64, .octets = ICMP_HDR_OCTETS + octets};
	struct icmp_echo echo = {.id = 7, .seq = 9, .octets = octets};
	uint8_t data[1472];
	struct mac dst;

	for (uint32_t i = 0; i < octets; i++)
		data[i] = (uint8_t)(i * 7);
	echo.data = data;
	memcpy(link.mac.octet, p->wire.a.mac, sizeof(link.mac.octet));
	memcpy(dst.octet, p->wire.b.mac, sizeof(dst.octet));
	uint32_t at = leat_wire_pkt_hdr_put(frame, &link, &dst, &tuple, &hdr);
	return at + leat_wire_icmp_echo_put(frame + at, &tuple, &echo);
}

/* piece makes a buffer of octets at data. */
static struct rte_mbuf *piece(struct pair *p, const uint8_t *data, uint32_t octets)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);

	assert_non_null(m);
	if (octets != 0)
		memcpy(rte_pktmbuf_append(m, (uint16_t)octets), data, octets);
	return m;
}

static void send_one(struct pair *p, struct rte_mbuf *m)
{
	assert_int_equal(leat_nic_port_tx(&p->wire.a, 0, &m, 1), 1);
	turn(p->server);
}

/* An answer as octets, 0: none came. */
static uint32_t answer(struct pair *p, uint8_t *frame, uint32_t room)
{
	struct rte_mbuf *m;
	uint32_t octets = 0;

	turn(p->server);
	while (leat_nic_port_rx(&p->wire.a, 0, &m, 1) == 1) {
		octets = rte_pktmbuf_data_len(m);
		assert_in_range(octets, 1, room);
		memcpy(frame, rte_pktmbuf_mtod(m, uint8_t *), octets);
		rte_pktmbuf_free(m);
	}
	return octets;
}

static void a_frame_in_two_pieces_is_read_as_one_wherever_it_is_cut(void **state)
{
	uint8_t frame[256], whole[256], parted[256];
	struct pair p;

	(void)state;
	open_server(&p, 1);
	uint32_t octets = echo_frame(&p, frame, 56);
	send_one(&p, piece(&p, frame, octets));
	uint32_t whole_octets = answer(&p, whole, sizeof(whole));
	assert_int_equal(whole_octets, octets);
	assert_memory_equal(whole + HEADERS, frame + HEADERS, 56);
	for (uint32_t cut = 0; cut <= octets; cut++) {
		struct rte_mbuf *m = piece(&p, frame, cut);

		assert_int_equal(rte_pktmbuf_chain(m, piece(&p, frame + cut, octets - cut)), 0);
		send_one(&p, m);
		assert_int_equal(answer(&p, parted, sizeof(parted)), whole_octets);
		assert_memory_equal(parted, whole, whole_octets);
	}
	assert_int_equal(p.server->rx.gathered, octets + 1);
	close_pair(&p);
}

static void a_frame_in_pieces_that_lie_in_other_buffers_leaves_those_alone(void **state)
{
	uint8_t frame[256], got[256];
	struct pair p;

	(void)state;
	open_server(&p, 1);
	uint32_t octets = echo_frame(&p, frame, 56);
	struct rte_mbuf *m = piece(&p, frame, 20);
	assert_int_equal(rte_pktmbuf_chain(m, piece(&p, frame + 20, octets - 20)), 0);
	struct rte_mbuf *clone = rte_pktmbuf_clone(m, p.pool);
	assert_non_null(clone);
	rte_pktmbuf_free(m);
	send_one(&p, clone);
	assert_int_equal(answer(&p, got, sizeof(got)), octets);
	close_pair(&p);
}

static void a_frame_in_too_many_or_too_long_pieces_is_dropped_by_name(void **state)
{
	uint8_t frame[256], got[256];
	struct pair p;

	(void)state;
	open_server(&p, 1);
	uint32_t octets = echo_frame(&p, frame, 56);
	struct rte_mbuf *m = piece(&p, frame, octets - SHARD_RX_CHUNK_MAX);
	for (uint32_t i = octets - SHARD_RX_CHUNK_MAX; i < octets; i++)
		assert_int_equal(rte_pktmbuf_chain(m, piece(&p, frame + i, 1)), 0);
	assert_int_equal(m->nb_segs, SHARD_RX_CHUNK_MAX + 1);
	send_one(&p, m);
	assert_int_equal(p.server->rx.drop_frame_long, 1);
	m = piece(&p, frame, octets);
	for (uint32_t i = 0; i < 2; i++) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(p.pool);

		assert_non_null(rte_pktmbuf_append(more, 2000));
		assert_int_equal(rte_pktmbuf_chain(m, more), 0);
	}
	send_one(&p, m);
	assert_int_equal(p.server->rx.drop_frame_long, 2);
	assert_int_equal(answer(&p, got, sizeof(got)), 0);
	close_pair(&p);
}

static void a_frame_in_pieces_without_a_buffer_for_it_is_dropped_by_name(void **state)
{
	static struct rte_mbuf *all[65536];
	uint8_t frame[256];
	uint32_t cnt = 0;
	struct pair p;

	(void)state;
	open_server(&p, 1);
	uint32_t octets = echo_frame(&p, frame, 56);
	struct rte_mbuf *m = piece(&p, frame, 20);
	assert_int_equal(rte_pktmbuf_chain(m, piece(&p, frame + 20, octets - 20)), 0);
	while (cnt < COUNT_OF(all) && (all[cnt] = rte_pktmbuf_alloc(p.pool)) != NULL)
		cnt++;
	send_one(&p, m);
	assert_int_equal(p.server->rx.drop_no_buf, 1);
	rte_pktmbuf_free_bulk(all, cnt);
	close_pair(&p);
}

/* ask has a shard ask for ip; the question is taken from the wire. */
static void ask(struct pair *p, struct shard *s, uint32_t ip)
{
	struct rte_mbuf *m;
	struct mac mac;

	assert_int_equal(
		leat_inet_neigh_find(leat_stack_neigh(s->stack), ip_from4(ip), s->now, &mac),
		INET_NEIGH_ASKING);
	turn(s);
	for (uint16_t queue = 0; queue < 2; queue++) {
		while (leat_nic_port_rx(&p->wire.a, queue, &m, 1) == 1)
			rte_pktmbuf_free(m);
	}
}

/* join lets both shards of the server's port write to each other. */
static void join(struct pair *p)
{
	static struct shard_asked asked[2];

	for (uint32_t i = 0; i < 2; i++) {
		leat_shard_mail_init(&p->box[i]);
		leat_shard_asked_init(&asked[i]);
	}
	leat_shard_peer(p->server, &p->box[0], &asked[1], &asked[0]);
	leat_shard_box(p->second, &p->box[0]);
	leat_shard_peer(p->second, &p->box[1], &asked[0], &asked[1]);
	leat_shard_box(p->server, &p->box[1]);
}

/* arp_frame writes what the client says, or asks, about itself. */
static uint32_t arp_frame(const struct pair *p, uint16_t op, uint8_t *frame)
{
	struct arp arp = {.op = op, .sender_ip = CLIENT, .target_ip = SERVER};

	memcpy(arp.sender_mac.octet, p->wire.a.mac, sizeof(arp.sender_mac.octet));
	memcpy(arp.target_mac.octet, p->wire.b.mac, sizeof(arp.target_mac.octet));
	uint32_t octets =
		leat_wire_eth_put(frame, &arp.target_mac, &arp.sender_mac, WIRE_ETHERTYPE_ARP);
	return octets + leat_wire_arp_put(frame + octets, &arp);
}

static void an_answer_about_a_neighbour_reaches_the_shard_that_asked_and_no_other(void **state)
{
	uint8_t frame[64] = {0};
	struct mac mac;
	struct pair p;

	(void)state;
	open_server(&p, 2);
	join(&p);
	uint32_t octets = arp_frame(&p, WIRE_ARP_REPLY, frame);
	/* Nobody asked, and then for somebody else, and then only who received it. */
	for (uint32_t i = 0; i < 100; i++)
		send_one(&p, piece(&p, frame, octets));
	ask(&p, p.second, CLIENT + 1);
	send_one(&p, piece(&p, frame, octets));
	ask(&p, p.server, CLIENT);
	send_one(&p, piece(&p, frame, octets));
	assert_int_equal(leat_inet_neigh_find(leat_stack_neigh(p.server->stack), ip_from4(CLIENT),
				 p.server->now, &mac),
		INET_NEIGH_FOUND);
	assert_int_equal(p.server->mailed_out, 0);
	ask(&p, p.second, CLIENT);
	send_one(&p, piece(&p, frame, octets));
	turn(p.second);
	assert_int_equal(p.server->mailed_out, 1);
	assert_int_equal(p.second->mailed_in, 1);
	assert_int_equal(leat_stack_counters(p.second->stack)->wire[WIRE_V_ARP], 1);
	assert_int_equal(leat_inet_neigh_find(leat_stack_neigh(p.second->stack), ip_from4(CLIENT),
				 p.second->now, &mac),
		INET_NEIGH_FOUND);
	/* A question is answered by the shard that got it and told to nobody else. */
	octets = arp_frame(&p, WIRE_ARP_REQUEST, frame);
	send_one(&p, piece(&p, frame, octets));
	assert_int_equal(answer(&p, frame, sizeof(frame)), octets);
	assert_int_equal(p.server->mailed_out, 1);
	close_pair(&p);
}

/* use tells the server how to use its port, and lets it read that. */
static void use(struct pair *p, enum shard_port_use how)
{
	assert_true(leat_shard_mail_put(&p->box[0], shard_letter_port(how)));
	turn(p->server);
}

static void trust_comes_back_with_a_port_that_was_started_anew_if_it_has_our_key(void **state)
{
	struct pair p;

	(void)state;
	open_server(&p, 1);
	leat_shard_mail_init(&p.box[0]);
	leat_shard_box(p.server, &p.box[0]);
	struct shard_steer *steer = &p.server->rx.steer;
	p.server->trust = SHARD_TRUST_DEVICE;
	assert_false(steer->trust);
	for (uint32_t ours = 0; ours <= 2; ours++) { /* and not when it lost it */
		use(&p, SHARD_PORT_OFF);
		p.wire.b.rss.ours = ours == 1;
		use(&p, SHARD_PORT_DOWN);
		assert_int_equal(steer->trust, ours == 1);
		use(&p, SHARD_PORT_ON);
		assert_int_equal(steer->trust, ours == 1);
	}
	/* A link that was down and up is no start: who lost the trust has it no more. */
	p.wire.b.rss.ours = true;
	use(&p, SHARD_PORT_DOWN);
	use(&p, SHARD_PORT_ON);
	assert_false(steer->trust);
	close_pair(&p);
}

/* Each of more boxes than a port has shards of ordinary size is full of answers that nobody asked
 * for: a turn takes its share of each, and is done with all of it. */
static void a_flood_through_every_box_is_read_in_one_turn_and_comes_home(void **state)
{
	static struct shard_mail box[SHARD_MAX];
	uint8_t frame[64] = {0};
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_server(&p, 1);
	uint32_t octets = arp_frame(&p, WIRE_ARP_REPLY, frame);
	for (uint32_t i = 0; i < SHARD_MAX; i++) {
		leat_shard_mail_init(&box[i]);
		leat_shard_box(p.server, &box[i]);
		for (uint32_t k = 0; k < SHARD_LETTER_MAX; k++) {
			struct shard_letter letter = {SHARD_MAIL_FRAME, piece(&p, frame, octets)};

			assert_true(leat_shard_mail_put(&box[i], letter));
		}
	}
	turn(p.server);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.mailed_in, SHARD_MAX * SHARD_LETTER_MAX);
	assert_int_equal(c.letters_used_up, SHARD_MAX);
	assert_int_equal(c.stack.wire[WIRE_V_ARP], SHARD_MAX * SHARD_LETTER_MAX);
	assert_int_equal(c.neigh_refused, 0); /* who received it counts it, if anybody */
	close_pair(&p);
}

/* put_off is how many turns left due timers behind while the first timers of cnt SYNs fired. */
static uint64_t put_off(uint32_t cnt)
{
	const struct setup u = {.slots = 1023, .queue_cnt = 1, .conn_cnt = 1};
	struct leat_addr local = {.family = 0}, nobody = address(CLIENT + 76, PORT);
	struct shard_counts c;
	struct leat_conn conn;
	struct pair p;

	open_pair(&p, &u);
	struct leat_stack *stack = p.server->stack;
	leat_inet_neigh_set(
		leat_stack_neigh(stack), ip_from4(CLIENT + 76), (struct mac){{2, 0, 0, 0, 0, 9}});
	for (uint32_t i = 0; i < cnt; i++)
		assert_int_equal(leat_connect(stack, &local, &nobody, &conn), LEAT_OK);
	while (leat_stack_tcp(stack)->rto_fired < cnt && p.server->now < LIMIT_NS)
		turn(p.server);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.tcp.rto_fired, cnt);
	close_pair(&p);
	return c.timers_put_off;
}

static void a_turn_that_fired_all_that_was_due_put_off_none(void **state)
{
	(void)state;
	assert_int_equal(put_off(SHARD_TIMER_MAX), 0);
	assert_int_equal(put_off(SHARD_TIMER_MAX + 1), 1);
}

/* steer_two gives the server's port two shards that share its flows, and returns their function. */
static const struct flow_steer *steer_two(struct pair *p, struct shard_lane lane[2])
{
	static struct flow_steer flow;
	uint8_t key[FLOW_RSS_KEY_OCTETS];

	leat_flow_steer_key(key, 5, FLOW_STEER_TABLE, false);
	leat_flow_steer_init(&flow, key, FLOW_STEER_TABLE, 2);
	p->server->rx.steer.flow = p->second->rx.steer.flow = &flow;
	p->second->rx.steer.idx = 1;
	for (uint32_t i = 0; i < 2; i++)
		leat_shard_lane_init(&lane[i]);
	leat_shard_move(p->server, p->second, &lane[0]);
	leat_shard_move(p->second, p->server, &lane[1]);
	return &flow;
}

/* segment_of writes a SYN to a closed port of the server that belongs to the second shard. */
static uint32_t segment_of_second(
	const struct pair *p, const struct flow_steer *flow, uint8_t *frame)
{
	struct wire_link link = {.mtu = 1500};
	struct tuple t = {.local = ip_from4(SERVER), .remote = ip_from4(CLIENT), .lport = PORT};
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64, .octets = 20};
	struct mac dst;

	for (t.rport = 1024; leat_flow_steer_owner(flow, &t) != 1;)
		t.rport++;
	memcpy(link.mac.octet, p->wire.a.mac, sizeof(link.mac.octet));
	memcpy(dst.octet, p->wire.b.mac, sizeof(dst.octet));
	struct tuple from = tuple_turned(&t);
	memset(frame, 0, 54);
	uint32_t at = leat_wire_pkt_hdr_put(frame, &link, &dst, &from, &hdr);
	be16_put(frame + at, from.lport);
	be16_put(frame + at + 2, from.rport);
	return at + 20;
}

/* N197: a full lane costs frames and nobody's time. */
static void a_shard_that_stands_still_costs_counted_frames_and_stops_nobody(void **state)
{
	static struct shard_lane lane[2];
	const uint32_t more = 88;
	uint8_t frame[64];
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_server(&p, 2);
	uint32_t octets = segment_of_second(&p, steer_two(&p, lane), frame);
	for (uint32_t i = 0; i < SHARD_LANE_SLOTS + more; i++)
		send_one(&p, piece(&p, frame, octets));
	leat_shard_count(p.server, &c);
	assert_int_equal(c.moved_out, SHARD_LANE_SLOTS);
	assert_int_equal(c.move_dropped, more);
	assert_int_equal(c.moved_high, SHARD_LANE_SLOTS);
	assert_int_equal(c.stack.frames_in, 0);
	check_ledger(p.server);
	while (leat_shard_lane_held(&lane[0]) != 0)
		turn(p.second);
	leat_shard_count(p.second, &c);
	assert_int_equal(c.moved_in, SHARD_LANE_SLOTS);
	assert_int_equal(c.stack.frames_in, SHARD_LANE_SLOTS);
	assert_int_equal(c.wrong_shard, 0);
	/* What is on a lane at the end comes home as well. */
	send_one(&p, piece(&p, frame, octets));
	assert_int_equal(leat_shard_lane_held(&lane[0]), 1);
	close_pair(&p);
}

/* A frame that no stack sees is captured all the same, with the reason. */
static void a_capture_shows_what_lanes_and_buffers_lost(void **state)
{
	static struct shard_lane lane[2];
	static struct shard_mail box;
	struct shard_capture c = {.snap = 64, .slot_cnt = 16, .drops = true};
	uint8_t frame[64];
	struct pair p;

	(void)state;
	open_server(&p, 2);
	leat_shard_capture_init(&c, take(&p, 16 * shard_capture_slot_octets(64)));
	leat_shard_mail_init(&box);
	leat_shard_box(p.server, &box);
	uint32_t octets = segment_of_second(&p, steer_two(&p, lane), frame);
	for (uint32_t i = 0; i < SHARD_LANE_SLOTS; i++)
		send_one(&p, piece(&p, frame, octets));
	assert_true(leat_shard_mail_put(&box, (struct shard_letter){SHARD_MAIL_CAPTURE, &c}));
	turn(p.server);
	assert_true(atomic_load(&c.answered));
	send_one(&p, piece(&p, frame, octets));
	const struct shard_captured *got = leat_shard_capture_peek(&c);
	assert_non_null(got);
	assert_int_equal(got->kind, SHARD_CAPTURE_LANE_FULL);
	assert_int_equal(got->octets, octets);
	assert_memory_equal(got + 1, frame, octets);
	leat_shard_capture_next(&c);
	struct rte_mbuf *m = piece(&p, frame, octets), *last = m;
	for (uint32_t i = 0; i < SHARD_RX_CHUNK_MAX; i++) {
		last->next = piece(&p, frame, 1);
		last = last->next;
	}
	m->nb_segs = SHARD_RX_CHUNK_MAX + 1;
	m->pkt_len = octets + SHARD_RX_CHUNK_MAX;
	p.server->rx.steer.flow = NULL;
	send_one(&p, m);
	got = leat_shard_capture_peek(&c);
	assert_non_null(got);
	assert_int_equal(got->wire, WIRE_V_DROP_FRAME_LONG);
	assert_int_equal(got->octets, octets + SHARD_RX_CHUNK_MAX);
	c.end = true;
	assert_true(leat_shard_mail_put(&box, (struct shard_letter){SHARD_MAIL_CAPTURE, &c}));
	turn(p.server);
	assert_null(p.server->rx.capture);
	assert_int_equal(c.accepted, 2);
	close_pair(&p);
}

/* What one without a queue sends is carried, and what the device does not take of it waits. */
static void a_shard_without_a_queue_is_carried_and_counts_on_both_sides_agree(void **state)
{
	static struct shard_lane lane;
	const struct setup u = {.slots = 255, .queue_cnt = 1};
	struct leat_addr from = {.family = 0}, to = address(CLIENT, PORT);
	struct shard_counts own, carrier;
	struct leat_conn conn;
	uint8_t frame[256];
	struct pair p;

	(void)state;
	open_server(&p, 1);
	p.second = make_shard(&p, &u, &p.wire.b, SERVER, SHARD_NO_QUEUE);
	leat_shard_lane_init(&lane);
	leat_shard_carry(p.second, p.server, &lane);
	assert_int_equal(leat_connect(p.second->stack, &from, &to, &conn), LEAT_OK);
	turn(p.second);
	turn(p.server);
	leat_shard_count(p.second, &own);
	leat_shard_count(p.server, &carrier);
	assert_int_equal(own.tx_over, 1);
	assert_int_equal(carrier.tx_carried, 1);
	uint32_t octets = echo_frame(&p, frame, 56);
	for (uint32_t i = 0; i < 600; i++) /* answers fill the device */
		send_one(&p, piece(&p, frame, octets));
	while (leat_shard_next_deadline(p.second) != TIME_NEVER && own.tx_over == 1) {
		p.second->clock.now = leat_shard_next_deadline(p.second);
		turn(p.second); /* asks again */
		leat_shard_count(p.second, &own);
	}
	turn(p.server);
	leat_shard_count(p.server, &carrier);
	assert_int_equal(own.tx_over, 2);
	assert_int_equal(carrier.tx_waiting, 1);
	assert_int_equal(carrier.tx_carried, 1);
	close_pair(&p);
}

/* N197: and a full box a letter. */
static void a_full_box_costs_a_counted_frame_and_is_not_waited_for(void **state)
{
	uint8_t frame[64] = {0};
	struct mac mac;
	struct pair p;

	(void)state;
	open_server(&p, 2);
	join(&p);
	uint32_t octets = arp_frame(&p, WIRE_ARP_REPLY, frame);
	ask(&p, p.second, CLIENT);
	for (uint32_t i = 0; i < SHARD_MAIL_SLOTS; i++) {
		struct shard_letter letter = {SHARD_MAIL_FRAME, piece(&p, frame, octets)};

		assert_true(leat_shard_mail_put(&p.box[0], letter));
	}
	uint64_t turns = p.server->turns;
	send_one(&p, piece(&p, frame, octets));
	assert_int_equal(p.server->turns, turns + 1);
	assert_int_equal(p.server->mail_refused, 1);
	assert_int_equal(p.server->mailed_out, 0);
	assert_int_equal(leat_stack_counters(p.server->stack)->wire[WIRE_V_ARP], 1);
	check_ledger(p.server);
	/* Its reader takes a share a turn, and learns from the first. */
	for (uint32_t i = 1; i <= SHARD_MAIL_SLOTS / SHARD_LETTER_MAX; i++) {
		turn(p.second);
		assert_int_equal(p.second->mailed_in, i * SHARD_LETTER_MAX);
	}
	assert_int_equal(leat_inet_neigh_find(leat_stack_neigh(p.second->stack), ip_from4(CLIENT),
				 p.second->now, &mac),
		INET_NEIGH_FOUND);
	close_pair(&p);
}

/* syn_frame writes a SYN to a port of the server where nobody listens. */
static uint32_t syn_frame(const struct pair *p, uint8_t *frame)
{
	struct wire_link link = {.mtu = 1500};
	struct tuple t = {.local = ip_from4(CLIENT), .remote = ip_from4(SERVER), .lport = 4000};
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64, .octets = 20};
	struct seg syn = {.flags = TCP_SYN, .wnd = 1000};
	struct mac dst;

	t.rport = PORT + 1;
	memcpy(link.mac.octet, p->wire.a.mac, sizeof(link.mac.octet));
	memcpy(dst.octet, p->wire.b.mac, sizeof(dst.octet));
	uint32_t at = leat_wire_pkt_hdr_put(frame, &link, &dst, &t, &hdr);
	uint32_t octets = leat_wire_seg_put(frame + at, t.lport, t.rport, &syn);
	be16_put(frame + at + 16, leat_wire_cksum(&t, WIRE_PROTO_TCP, frame + at, octets));
	return at + octets;
}

/* What came to the other end: answers of ARP, resets, the rest. */
struct came {
	uint32_t arp, rst, rest;
};

static void look_at(struct pair *p, struct came *came)
{
	struct rte_mbuf *m;

	turn(p->server);
	while (leat_nic_port_rx(&p->wire.a, 0, &m, 1) == 1) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

		if (be16_get(data + 12) == WIRE_ETHERTYPE_ARP)
			came->arp += be16_get(data + WIRE_ETH_OCTETS + 6) == WIRE_ARP_REPLY;
		else if (data[WIRE_ETH_OCTETS + 9] == WIRE_PROTO_TCP)
			came->rst += (data[WIRE_ETH_OCTETS + 20 + 13] & TCP_RST) != 0;
		else
			came->rest++;
		rte_pktmbuf_free(m);
	}
}

/* N210: a device that takes nothing for a second. */
static void a_device_that_stands_still_bounds_what_waits_and_does_not_stop_what_comes(void **state)
{
	struct came came = {0};
	uint8_t frame[256];
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_server(&p, 1);
	uint32_t octets = echo_frame(&p, frame, 56), sent = 0;
	uint64_t began_at = p.server->now;
	while (p.server->now - began_at < TIME_S) {
		uint8_t other[64] = {0};
		uint32_t others = sent == 2000   ? arp_frame(&p, WIRE_ARP_REQUEST, other)
				  : sent == 3000 ? syn_frame(&p, other)
						 : 0;

		send_one(&p, others != 0 ? piece(&p, other, others) : piece(&p, frame, octets));
		sent++;
		assert_in_range(p.server->tx.queue_cnt, 0, SHARD_TX_QUEUE);
	}
	leat_shard_count(p.server, &c);
	assert_int_equal(c.rx_frames, sent);
	assert_int_equal(c.tx_frames, 255);
	assert_int_equal(c.tx_queued, SHARD_TX_QUEUE);
	assert_true(sent > 3000);
	/* Each that waited is counted once, however often it was tried. */
	assert_in_range(c.tx_full, SHARD_TX_QUEUE, c.tx_frames + c.tx_queued);
	assert_true(c.echo_no_room > 0);
	assert_int_equal(c.neigh_unanswered + c.tcp.rst_unsent + c.stack.out_no_neigh, 0);
	check_ledger(p.server);
	for (uint32_t i = 0; i < 10; i++)
		look_at(&p, &came);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.tx_queued, 0);
	assert_true(came.rest > SHARD_TX_QUEUE);
	assert_int_equal(came.arp, 1); /* what was owed is paid */
	assert_int_equal(came.rst, 1);
	send_one(&p, piece(&p, frame, echo_frame(&p, frame, 56)));
	assert_int_equal(answer(&p, frame, sizeof(frame)), octets);
	close_pair(&p);
}

/* N221: the key is never the device's default; it is ours, or the device is not trusted. */
static void a_device_with_a_table_takes_ours_and_one_without_says_so(void **state)
{
	const struct setup u = {.slots = 63, .queue_cnt = 2};
	uint8_t key[NIC_RSS_KEY], table[NIC_RSS_TABLE_MAX];
	struct nic_port_config config = {.queue_cnt = 2,
		.rx_slots = 64,
		.tx_slots = 64,
		.mtu = 1500,
		.rss = {.key = key, .table = table}};
	struct nic_port port;
	struct pair p = {.pool = NULL};

	(void)state;
	leat_flow_steer_key(key, 1, 128, false);
	for (uint32_t i = 0; i < sizeof(table); i++)
		table[i] = i % 2;
	open_wire(&p, &u);
	assert_false(p.wire.a.rss.ours);
	assert_int_equal(leat_nic_rss_table(&p.wire.a), 0);
	assert_int_equal(leat_nic_port_by_vdev("net_null0,no-rx=1", &port), 0);
	config.pool = p.pool;
	config.rss.table_cnt = leat_nic_rss_table(&port);
	assert_int_equal(config.rss.table_cnt, 128);
	assert_int_equal(leat_nic_port_start(&port, &config), 0);
	assert_string_equal(port.rss.why, "");
	assert_true(port.rss.ours);
	/* What a reset may do to it is mended by the start after it. */
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = 1, .reta = {1}}};
	assert_int_equal(rte_eth_dev_rss_reta_update(port.id, reta, 128), 0);
	port.rss.ours = false;
	assert_int_equal(leat_nic_port_restart(&port, &config), 0);
	assert_true(port.rss.ours);
	assert_int_equal(rte_eth_dev_rss_reta_query(port.id, reta, 128), 0);
	assert_int_equal(reta[0].reta[0], table[0]);
	leat_nic_port_close(&port);
	close_pair(&p);
}

static void a_port_that_is_not_there_or_too_small_is_refused(void **state)
{
	const struct setup u = {.slots = 63, .queue_cnt = 1};
	struct nic_port_config config = {
		.queue_cnt = 2, .rx_slots = 64, .tx_slots = 64, .mtu = 1500};
	struct nic_port port;
	struct pair p = {.pool = NULL};

	(void)state;
	assert_int_equal(leat_nic_port_by_id(77, &port), -ENODEV);
	assert_true(leat_nic_port_by_pci("0000:ff:1f.7", &port) < 0);
	assert_int_equal(leat_nic_port_by_vdev(",iface=x", &port), -EINVAL);
	assert_true(leat_nic_port_by_vdev("net_nosuch0", &port) < 0);
	open_wire(&p, &u);
	assert_int_equal(leat_nic_port_by_vdev("net_null0", &port), 0);
	assert_true(port.is_virtual);
	config.pool = p.pool;
	config.mtu = 10;
	assert_int_equal(leat_nic_port_start(&port, &config), -ERANGE);
	config.mtu = 1500;
	config.queue_cnt = NIC_QUEUE_MAX;
	assert_int_equal(leat_nic_port_start(&port, &config), 0);
	leat_nic_port_close(&port);
	assert_int_equal(leat_nic_port_by_id(port.id, &port), -ENODEV);
	close_pair(&p);
}

static void a_port_hears_groups(void **state)
{
	struct pair p;

	(void)state;
	open_server(&p, 1);
	assert_true(p.wire.b.groups);
	close_pair(&p);
}

static void a_port_without_enough_queues_is_refused(void **state)
{
	const struct setup u = {.slots = 63, .queue_cnt = 1};
	struct pair p = {.pool = NULL};
	struct nic_ring more;
	struct nic_port_config config = {
		.queue_cnt = 2, .rx_slots = 64, .tx_slots = 64, .mtu = 1500};

	(void)state;
	open_wire(&p, &u);
	config.pool = p.pool;
	assert_int_equal(leat_nic_ring_open(&more, "more", 1, 63), 0);
	assert_int_equal(leat_nic_port_start(&more.a, &config), -ERANGE);
	leat_nic_ring_close(&more);
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			trust_comes_back_with_a_port_that_was_started_anew_if_it_has_our_key),
		cmocka_unit_test(a_frame_in_two_pieces_is_read_as_one_wherever_it_is_cut),
		cmocka_unit_test(a_frame_in_pieces_that_lie_in_other_buffers_leaves_those_alone),
		cmocka_unit_test(a_frame_in_too_many_or_too_long_pieces_is_dropped_by_name),
		cmocka_unit_test(a_frame_in_pieces_without_a_buffer_for_it_is_dropped_by_name),
		cmocka_unit_test(
			an_answer_about_a_neighbour_reaches_the_shard_that_asked_and_no_other),
		cmocka_unit_test(a_flood_through_every_box_is_read_in_one_turn_and_comes_home),
		cmocka_unit_test(a_turn_that_fired_all_that_was_due_put_off_none),
		cmocka_unit_test(a_shard_that_stands_still_costs_counted_frames_and_stops_nobody),
		cmocka_unit_test(a_capture_shows_what_lanes_and_buffers_lost),
		cmocka_unit_test(a_shard_without_a_queue_is_carried_and_counts_on_both_sides_agree),
		cmocka_unit_test(a_full_box_costs_a_counted_frame_and_is_not_waited_for),
		cmocka_unit_test(
			a_device_that_stands_still_bounds_what_waits_and_does_not_stop_what_comes),
		cmocka_unit_test(a_device_with_a_table_takes_ours_and_one_without_says_so),
		cmocka_unit_test(a_port_that_is_not_there_or_too_small_is_refused),
		cmocka_unit_test(a_port_hears_groups),
		cmocka_unit_test(a_port_without_enough_queues_is_refused),
	};

	if (start_eal() < 0)
		return 77; /* no memory, or no right to it: skipped */
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rte_eal_cleanup();
	return failed;
}
