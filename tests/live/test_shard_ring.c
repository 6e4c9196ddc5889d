/* SPDX-License-Identifier: BSD-3-Clause */
/* Two shards, or one and the test, joined by ring ports and turned by hand on one lcore: real
 * buffers, a real device interface, no hugepages, no rights. */
#include "base_bits.h"
#include "load.h"
#include "nic_pool.h"
#include "nic_ring.h"
#include "service.h"
#include "shard_loop.h"

#include <rte_eal.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define CLIENT   0xc6120001
#define SERVER   0xc6128001
#define PORT     80
#define LIMIT_NS (20 * TIME_S)
#define HEADERS  (WIRE_ETH_OCTETS + WIRE_IP4_OCTETS + ICMP_HDR_OCTETS)

struct setup {
	uint32_t slots, conn_cnt, conn_total, body_octets;
	struct shard_impair_config impair;
	uint16_t queue_cnt;
};

struct pair {
	struct rte_mempool *pool;
	uint32_t buffers;
	struct nic_ring wire;
	struct shard *client, *server, *second; /* second: of the server's port, with two queues */
	struct shard_mail box[2];
	struct load *load;
	struct service_set *service;
	void *mem[5];
};

static void *take(struct pair *p, size_t octets)
{
	uint32_t i = 0;

	while (p->mem[i] != NULL)
		i++;
	assert_in_range(i, 0, COUNT_OF(p->mem) - 1);
	p->mem[i] = aligned_alloc(CACHE_LINE, octets);
	assert_non_null(p->mem[i]);
	return p->mem[i];
}

static struct leat_addr address(uint32_t ip, uint16_t port)
{
	return (struct leat_addr){.family = 4,
		.octet = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
			(uint8_t)ip},
		.port = port};
}

static struct shard *make_shard(struct pair *p, const struct setup *u, const struct nic_port *port,
	uint32_t ip, uint16_t queue)
{
	struct shard_config c = {
		.port = port, .pool = p->pool, .queue = queue, .impair = u->impair};
	struct shard_clock clock = shard_clock_start();

	leat_stack_config_default(&c.stack);
	c.stack.link.local_cnt = 1;
	c.stack.link.local[0] = (struct wire_local){ip_from4(ip), 15};
	memcpy(c.stack.link.mac.octet, port->mac, sizeof(port->mac));
	c.stack.tcp = (struct tcp_limits){.tcb_max = 4096, .rbuf_max = 2048};
	c.stack.send_chunk_cnt = 4096;
	c.stack.knobs.two_msl_ns = 20 * TIME_MS;
	c.stack.knobs.rto_initial_ns = c.stack.knobs.rto_min_ns = 20 * TIME_MS;
	c.impair.seed += ip;
	size_t octets = leat_shard_footprint(&c);
	assert_true(octets > 0);
	return leat_shard_new(take(p, octets), &c, &clock);
}

static void open_wire(struct pair *p, const struct setup *u)
{
	const struct nic_pool_plan plan = {.rx_slots = 2 * u->slots * u->queue_cnt,
		.held = 2 * 2048,
		.lcore_cnt = 1,
		.shard_cnt = 3,
		.own = SHARD_OWN_BUFFERS,
		.mtu = 1500};
	struct nic_port_config config = {
		.queue_cnt = u->queue_cnt, .rx_slots = 64, .tx_slots = 64, .mtu = 1500};

	p->buffers = leat_nic_pool_buffers(&plan);
	p->pool = config.pool = leat_nic_pool_new("test", &plan, -1);
	assert_non_null(p->pool);
	assert_int_equal(leat_nic_ring_open(&p->wire, "test", u->queue_cnt, u->slots), 0);
	assert_int_equal(leat_nic_port_start(&p->wire.a, &config), 0);
	assert_int_equal(leat_nic_port_start(&p->wire.b, &config), 0);
}

static void open_pair(struct pair *p, const struct setup *u)
{
	struct service_config sc;
	struct load_config lc;
	uint32_t at;

	*p = (struct pair){.pool = NULL};
	open_wire(p, u);
	p->client = make_shard(p, u, &p->wire.a, CLIENT, 0);
	p->server = make_shard(p, u, &p->wire.b, SERVER, 0);
	leat_service_config_default(&sc);
	sc.conn_max = sc.backlog = 2048;
	sc.listen_cnt = 1;
	sc.listen[0] = (struct service_listen){SERVICE_KIND_HTTP, address(0, PORT)};
	sc.listen[0].local.family = 0;
	sc.close = SERVICE_CLOSE_SERVER;
	sc.body_octets = u->body_octets;
	p->service = leat_service_new(take(p, leat_service_footprint(&sc)), &sc);
	assert_int_equal(leat_service_listen(p->service, p->server->stack, &at), LEAT_OK);
	leat_shard_app(p->server, leat_service_app(p->service));
	leat_load_config_default(&lc);
	lc.local = address(CLIENT, 0);
	lc.local_cnt = lc.target_cnt = 1;
	lc.target[0] = address(SERVER, PORT);
	lc.conn_cnt = u->conn_cnt;
	lc.conn_total = u->conn_total;
	lc.body_octets = u->body_octets;
	p->load = leat_load_new(take(p, leat_load_footprint(&lc)), &lc);
	leat_shard_app(p->client, leat_load_app(p->load));
	leat_shard_mail_init(&p->box[0]);
	leat_shard_box(p->server, &p->box[0]);
}

static void check_ledger(struct shard *s)
{
	char text[160];
	const char *why = leat_shard_ledger_error(s, text, sizeof(text));

	if (why != NULL)
		print_error("%s\n", why);
	assert_null(why);
}

/* home is how many buffers the pool gives.  Its own count would hide one that came home twice. */
static uint32_t home(const struct pair *p)
{
	static struct rte_mbuf *all[65536];
	uint32_t cnt = 0;

	while (cnt < COUNT_OF(all) && (all[cnt] = rte_pktmbuf_alloc(p->pool)) != NULL)
		cnt++;
	rte_pktmbuf_free_bulk(all, cnt);
	return cnt;
}

/* close_pair takes everything down and looks whether all buffers are home. */
static void close_pair(struct pair *p)
{
	struct shard *shard[] = {p->client, p->server, p->second};

	for (uint32_t i = 0; i < COUNT_OF(shard); i++) {
		if (shard[i] == NULL)
			continue;
		check_ledger(shard[i]);
		leat_shard_close(shard[i]);
	}
	leat_nic_ring_close(&p->wire);
	assert_int_equal(home(p), p->buffers);
	leat_nic_pool_free(p->pool);
	for (uint32_t i = 0; i < COUNT_OF(p->mem); i++)
		free(p->mem[i]);
}

static void turn_both(struct pair *p)
{
	leat_shard_turn(p->client);
	leat_shard_turn(p->server);
}

static void turn_until_done(struct pair *p)
{
	while (!leat_load_done(p->load) && p->client->now < LIMIT_NS)
		turn_both(p);
	assert_true(leat_load_done(p->load));
}

static uint32_t present(const struct shard *s)
{
	const struct tcp_counters *c = leat_stack_tcp(s->stack);
	uint32_t sum = 0;

	for (uint32_t i = TCP_ST_SYN_SENT; i < TCP_ST_CNT; i++)
		sum += c->present[i];
	return sum;
}

/* run_all lets conn_total connections through and waits until both ends hold none. */
static void run_all(struct pair *p, const struct setup *u)
{
	turn_until_done(p);
	assert_int_equal(leat_load_counters(p->load)->completed, u->conn_total);
	while ((present(p->client) || present(p->server)) && p->client->now < LIMIT_NS)
		turn_both(p);
	assert_int_equal(present(p->client), 0);
	assert_int_equal(present(p->server), 0);
}

static void connections_complete_and_all_buffers_come_home(void **state)
{
	const struct setup u = {.slots = 255,
		.conn_cnt = 64,
		.conn_total = 5000,
		.body_octets = 512,
		.queue_cnt = 1};
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.tcp.opened_passive, u.conn_total);
	assert_int_equal(c.tcp.ended[TCP_END_TIME_WAIT], u.conn_total);
	assert_int_equal(c.tcp.emitted_again, 0);
	assert_int_equal(c.rx_frames, p.client->tx.frames);
	close_pair(&p);
}

static void a_bad_wire_costs_time_but_no_connection_and_no_buffer(void **state)
{
	const struct setup u = {.slots = 255,
		.conn_cnt = 64,
		.conn_total = 1000,
		.body_octets = 5000,
		.impair = {.seed = 5, .loss_millionths = 20000, .reorder_millionths = 50000},
		.queue_cnt = 1};
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_true(c.rx_lost > 0);
	assert_true(c.rx_reordered > 0);
	assert_true(c.tcp.emitted_again > 0);
	close_pair(&p);
}

static void a_full_device_makes_frames_wait_and_loses_none(void **state)
{
	const struct setup u = {.slots = 7,
		.conn_cnt = 16,
		.conn_total = 100,
		.body_octets = 60000,
		.queue_cnt = 1};
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	run_all(&p, &u);
	leat_shard_count(p.server, &c);
	assert_true(c.tx_full > 0);
	assert_int_equal(c.tx_frames, p.client->rx.frames);
	close_pair(&p);
}

static void an_empty_pool_makes_frames_wait_until_there_are_buffers(void **state)
{
	const struct setup u = {.slots = 255,
		.conn_cnt = 16,
		.conn_total = 200,
		.body_octets = 512,
		.queue_cnt = 1};
	static struct rte_mbuf *all[65536];
	uint32_t cnt = 0;
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	while (cnt < COUNT_OF(all) && (all[cnt] = rte_pktmbuf_alloc(p.pool)) != NULL)
		cnt++;
	assert_int_equal(cnt, p.buffers);
	for (uint32_t i = 0; i < 100; i++)
		turn_both(&p);
	assert_true(p.client->tx.no_buf > 0);
	assert_int_equal(p.client->tx.frames, 0);
	rte_pktmbuf_free_bulk(all, cnt);
	run_all(&p, &u);
	close_pair(&p);
}

static void a_draining_shard_takes_no_syn_and_an_aborted_one_has_no_connection(void **state)
{
	const struct setup u = {.slots = 255,
		.conn_cnt = 32,
		.conn_total = 100000,
		.body_octets = 512,
		.queue_cnt = 1};
	struct shard_ask ask = {.answered = false};
	struct pair p;

	(void)state;
	open_pair(&p, &u);
	while (leat_load_counters(p.load)->completed < 100)
		turn_both(&p);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_DRAIN, NULL}));
	for (uint32_t i = 0; i < 2000; i++)
		turn_both(&p);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_ASK, &ask}));
	assert_false(atomic_load(&ask.answered));
	leat_shard_turn(p.server);
	assert_true(atomic_load(&ask.answered));
	assert_true(ask.counts.stack.accept_refused > 0);
	assert_true(leat_shard_mail_put(&p.box[0], (struct shard_letter){SHARD_MAIL_ABORT, NULL}));
	leat_load_stop(p.load);
	leat_load_cut(p.load, p.client->stack);
	while ((present(p.client) || present(p.server)) && p.client->now < LIMIT_NS)
		turn_both(&p);
	assert_int_equal(present(p.server), 0);
	close_pair(&p);
}

/* What follows has the test itself at the client's end of the wire. */

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
	leat_shard_turn(p->server);
}

/* An answer as octets, 0: none came. */
static uint32_t answer(struct pair *p, uint8_t *frame, uint32_t room)
{
	struct rte_mbuf *m;
	uint32_t octets = 0;

	leat_shard_turn(p->server);
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

static void an_answer_about_a_neighbour_reaches_every_shard_of_the_port(void **state)
{
	struct arp arp = {.op = WIRE_ARP_REPLY, .sender_ip = CLIENT, .target_ip = SERVER};
	uint8_t frame[64] = {0};
	struct mac src, dst;
	struct pair p;

	(void)state;
	open_server(&p, 2);
	leat_shard_mail_init(&p.box[0]);
	leat_shard_peer(p.server, &p.box[0]);
	leat_shard_box(p.second, &p.box[0]);
	memcpy(src.octet, p.wire.a.mac, sizeof(src.octet));
	memcpy(dst.octet, p.wire.b.mac, sizeof(dst.octet));
	arp.sender_mac = src;
	arp.target_mac = dst;
	uint32_t octets = leat_wire_eth_put(frame, &dst, &src, WIRE_ETHERTYPE_ARP);
	octets += leat_wire_arp_put(frame + octets, &arp);
	send_one(&p, piece(&p, frame, octets));
	leat_shard_turn(p.second);
	assert_int_equal(p.server->mailed_out, 1);
	assert_int_equal(p.second->mailed_in, 1);
	assert_int_equal(leat_stack_counters(p.second->stack)->wire[WIRE_V_ARP], 1);
	/* A question is answered by the shard that got it and told to nobody else. */
	arp.op = WIRE_ARP_REQUEST;
	leat_wire_arp_put(frame + WIRE_ETH_OCTETS, &arp);
	send_one(&p, piece(&p, frame, octets));
	assert_int_equal(answer(&p, frame, sizeof(frame)), octets);
	assert_int_equal(p.server->mailed_out, 1);
	close_pair(&p);
}

/* Each of more boxes than a port has shards of ordinary size is full of answers that nobody asked
 * for: a turn takes its share of each, and is done with all of it. */
static void a_flood_through_every_box_is_read_in_one_turn_and_comes_home(void **state)
{
	static struct shard_mail box[SHARD_MAX];
	struct arp arp = {.op = WIRE_ARP_REPLY, .sender_ip = CLIENT, .target_ip = SERVER};
	uint8_t frame[64] = {0};
	struct mac src, dst;
	struct shard_counts c;
	struct pair p;

	(void)state;
	open_server(&p, 1);
	memcpy(src.octet, p.wire.a.mac, sizeof(src.octet));
	memcpy(dst.octet, p.wire.b.mac, sizeof(dst.octet));
	arp.sender_mac = src;
	arp.target_mac = dst;
	uint32_t octets = leat_wire_eth_put(frame, &dst, &src, WIRE_ETHERTYPE_ARP);
	octets += leat_wire_arp_put(frame + octets, &arp);
	for (uint32_t i = 0; i < SHARD_MAX; i++) {
		leat_shard_mail_init(&box[i]);
		leat_shard_box(p.server, &box[i]);
		for (uint32_t k = 0; k < SHARD_LETTER_MAX; k++) {
			struct shard_letter letter = {SHARD_MAIL_FRAME, piece(&p, frame, octets)};

			assert_true(leat_shard_mail_put(&box[i], letter));
		}
	}
	leat_shard_turn(p.server);
	leat_shard_count(p.server, &c);
	assert_int_equal(c.mailed_in, SHARD_MAX * SHARD_LETTER_MAX);
	assert_int_equal(c.neigh_refused, SHARD_MAX * SHARD_LETTER_MAX);
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
		leat_shard_turn(p.server);
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

/* start_eal gives EAL a runtime directory of its own, on the first processor we may use. */
static int start_eal(void)
{
	char dir[] = "/tmp/leat-test-XXXXXX", lcores[32];
	char *argv[] = {(char[]){"test"}, (char[]){"--no-huge"}, (char[]){"-m"}, (char[]){"256"},
		(char[]){"--no-pci"}, (char[]){"--no-telemetry"}, (char[]){"--no-shconf"},
		(char[]){"--log-level=*:critical"}, (char[]){"--lcores"}, lcores, NULL};
	cpu_set_t set;
	unsigned cpu = 0;

	if (mkdtemp(dir) == NULL || sched_getaffinity(0, sizeof(set), &set) != 0)
		return -1;
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	snprintf(lcores, sizeof(lcores), "0@%u", cpu);
	setenv("RUNTIME_DIRECTORY", dir, 1);
	int result = rte_eal_init((int)COUNT_OF(argv) - 1, argv);
	char path[64];
	snprintf(path, sizeof(path), "%s/dpdk/rte", dir);
	rmdir(path);
	path[strlen(path) - 4] = '\0';
	rmdir(path);
	rmdir(dir);
	return result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_complete_and_all_buffers_come_home),
		cmocka_unit_test(a_bad_wire_costs_time_but_no_connection_and_no_buffer),
		cmocka_unit_test(a_full_device_makes_frames_wait_and_loses_none),
		cmocka_unit_test(an_empty_pool_makes_frames_wait_until_there_are_buffers),
		cmocka_unit_test(
			a_draining_shard_takes_no_syn_and_an_aborted_one_has_no_connection),
		cmocka_unit_test(a_frame_in_two_pieces_is_read_as_one_wherever_it_is_cut),
		cmocka_unit_test(a_frame_in_pieces_that_lie_in_other_buffers_leaves_those_alone),
		cmocka_unit_test(a_frame_in_too_many_or_too_long_pieces_is_dropped_by_name),
		cmocka_unit_test(a_frame_in_pieces_without_a_buffer_for_it_is_dropped_by_name),
		cmocka_unit_test(an_answer_about_a_neighbour_reaches_every_shard_of_the_port),
		cmocka_unit_test(a_flood_through_every_box_is_read_in_one_turn_and_comes_home),
		cmocka_unit_test(a_turn_that_fired_all_that_was_due_put_off_none),
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
