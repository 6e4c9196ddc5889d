/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_RING_PAIR_H
#define LEAT_TEST_RING_PAIR_H

/* test_ring_pair: shards joined by ring ports and turned by hand on one lcore, for tests: real
 * buffers, a real device interface, no hugepages, no rights.  Only time is made up: a turn takes
 * TURN_NS, however busy the machine. */

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
#define TURN_NS  (10 * TIME_US)
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
	struct load_target target;
	struct service_set *service;
	void *mem[5];
};

static inline void *take(struct pair *p, size_t octets)
{
	uint32_t i = 0;

	while (p->mem[i] != NULL)
		i++;
	assert_in_range(i, 0, COUNT_OF(p->mem) - 1);
	p->mem[i] = aligned_alloc(CACHE_LINE, octets);
	assert_non_null(p->mem[i]);
	return p->mem[i];
}

static inline struct leat_addr address(uint32_t ip, uint16_t port)
{
	return (struct leat_addr){.family = 4,
		.octet = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
			(uint8_t)ip},
		.port = port};
}

static inline struct shard *make_shard(struct pair *p, const struct setup *u,
	const struct nic_port *port, uint32_t ip, uint16_t queue)
{
	struct shard_config c = {
		.port = port, .pool = p->pool, .queue = queue, .impair = u->impair};
	struct shard_clock clock = {.now = TIME_S}; /* a tick takes no time */

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

static inline void open_wire(struct pair *p, const struct setup *u)
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

static inline void open_pair(struct pair *p, const struct setup *u)
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
	sc.listen[0] =
		(struct service_listen){.kind = SERVICE_KIND_HTTP, .local = address(0, PORT)};
	sc.listen[0].local.family = 0;
	sc.close = SERVICE_CLOSE_SERVER;
	sc.body_octets = u->body_octets;
	p->service = leat_service_new(take(p, leat_service_footprint(&sc)), &sc);
	assert_int_equal(leat_service_listen(p->service, p->server->stack, &at), LEAT_OK);
	leat_shard_app(p->server, leat_service_app(p->service));
	leat_load_config_default(&lc);
	lc.local = address(CLIENT, 0);
	p->target = (struct load_target){address(SERVER, PORT), 1, 1};
	lc.local_cnt = lc.target_cnt = 1;
	lc.target = &p->target;
	lc.conn_cnt = u->conn_cnt;
	lc.plan.total = u->conn_total;
	lc.response = dist_fixed(u->body_octets);
	p->load = leat_load_new(take(p, leat_load_footprint(&lc)), &lc);
	leat_shard_app(p->client, leat_load_app(p->load));
	leat_shard_mail_init(&p->box[0]);
	leat_shard_box(p->server, &p->box[0]);
}

static inline void check_ledger(struct shard *s)
{
	char text[160];
	const char *why = leat_shard_ledger_error(s, text, sizeof(text));

	if (why != NULL)
		print_error("%s\n", why);
	assert_null(why);
}

/* home is how many buffers the pool gives.  Its own count would hide one that came home twice. */
static inline uint32_t home(const struct pair *p)
{
	static struct rte_mbuf *all[65536];
	uint32_t cnt = 0;

	while (cnt < COUNT_OF(all) && (all[cnt] = rte_pktmbuf_alloc(p->pool)) != NULL)
		cnt++;
	rte_pktmbuf_free_bulk(all, cnt);
	return cnt;
}

/* close_pair takes everything down and looks whether all buffers are home. */
static inline void close_pair(struct pair *p)
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

static inline void turn(struct shard *s)
{
	struct shard_counts c;
	char text[160];

	s->clock.now += TURN_NS;
	leat_shard_turn(s);
	leat_shard_count(s, &c);
	if (leat_shard_counts_error(&c, text, sizeof(text)) != NULL)
		fail_msg("%s", text);
}

static inline void turn_both(struct pair *p)
{
	turn(p->client);
	turn(p->server);
}

static inline void turn_until_done(struct pair *p)
{
	while (!leat_load_done(p->load) && p->client->now < LIMIT_NS)
		turn_both(p);
	assert_true(leat_load_done(p->load));
}

static inline uint32_t present(const struct shard *s)
{
	const struct tcp_counters *c = leat_stack_tcp(s->stack);
	uint32_t sum = 0;

	for (uint32_t i = TCP_ST_SYN_SENT; i < TCP_ST_CNT; i++)
		sum += c->present[i];
	return sum;
}

/* run_all lets conn_total connections through and waits until both ends hold none. */
static inline void run_all(struct pair *p, const struct setup *u)
{
	turn_until_done(p);
	assert_int_equal(leat_load_counters(p->load)->completed, u->conn_total);
	while ((present(p->client) || present(p->server)) && p->client->now < LIMIT_NS)
		turn_both(p);
	assert_int_equal(present(p->client), 0);
	assert_int_equal(present(p->server), 0);
}

/* start_eal gives EAL a runtime directory of its own, on the first processor we may use. */
static inline int start_eal(void)
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

#endif
