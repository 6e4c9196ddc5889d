/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a short HTTP connection cost when a port has many shards?
 *
 *	bench_shards SHARDS [wire|software]
 *
 * SHARDS clients and as many servers in one thread, on ring ports of as many queues; each client
 * holds HELD connections.  After a warm-up each makes TOTAL more.  wire: both ends agree by a
 * symmetric key and nothing moves.  software: the ends have keys of their own, and nearly every
 * frame moves.  Prints the connections made in measured_turns, for who counts instructions there
 * (shards.py). */
#include "base_be.h"
#include "bench.h"
#include "bench_eal.h"
#include "load.h"
#include "nic_pool.h"
#include "nic_ring.h"
#include "service.h"
#include "shard.h"

#define CLIENT 0xc6120001
#define SERVER 0xc6128001
#define SHARDS 16
#define HELD   64
#define WARM   300 /* connections of each shard before */
#define TOTAL  400 /* and measured */

static struct nic_ring wire;
static struct rte_mempool *pool;
static struct flow_steer steer[2];
static struct shard *shard[2][SHARDS];
static struct load *load[SHARDS];
static struct load_target target;
static struct shard_lane lane[2][SHARDS][SHARDS];
static uint32_t shard_cnt;

static struct leat_addr address(uint32_t ip, uint16_t port)
{
	struct leat_addr a = {.family = 4, .port = port};

	be32_put(a.octet, ip);
	return a;
}

static void open_wire(void)
{
	const struct nic_pool_plan plan = {.rx_slots = 2 * 1024 * shard_cnt,
		.held = 2 * 2048 * shard_cnt,
		.lcore_cnt = 1,
		.shard_cnt = 2 * shard_cnt,
		.own = SHARD_OWN_BUFFERS + shard_lane_buffers(shard_cnt),
		.mtu = 1500};
	struct nic_port_config config = {
		.queue_cnt = (uint16_t)shard_cnt, .rx_slots = 512, .tx_slots = 512, .mtu = 1500};

	pool = config.pool = leat_nic_pool_new("bench", &plan, -1);
	ASSERT(pool != NULL);
	int error = leat_nic_ring_open(&wire, "bench", (uint16_t)shard_cnt, 1023);
	ASSERT(error == 0);
	error = leat_nic_port_start(&wire.a, &config);
	ASSERT(error == 0);
	error = leat_nic_port_start(&wire.b, &config);
	ASSERT(error == 0);
}

static struct shard *make_shard(uint32_t end, uint32_t i, bool moves)
{
	struct shard_config c = {.port = end == 0 ? &wire.a : &wire.b,
		.pool = pool,
		.queue = (uint16_t)i,
		.trust = moves ? SHARD_TRUST_NONE : SHARD_TRUST_WIRE};
	struct shard_clock clock = shard_clock_start();

	leat_stack_config_default(&c.stack);
	c.stack.seed = 2 * i + end;
	c.stack.link.local_cnt = 1;
	c.stack.link.local[0] = (struct wire_local){ip_from4(end == 0 ? CLIENT : SERVER), 15};
	memcpy(c.stack.link.mac.octet, c.port->mac, sizeof(c.port->mac));
	c.stack.tcp = (struct tcp_limits){.tcb_max = 4096, .rbuf_max = 2048};
	c.stack.knobs.two_msl_ns = TIME_MS;
	c.stack.knobs.nagle = false;
	c.stack.port_from = 1024;
	c.stack.port_to = UINT16_MAX;
	c.stack.steer = shard_cnt == 1 ? NULL : &steer[end];
	c.stack.shard_idx = i;
	return leat_shard_new(bench_memory(leat_shard_footprint(&c)), &c, &clock);
}

static void join(uint32_t end)
{
	for (uint32_t from = 0; from < shard_cnt; from++) {
		for (uint32_t to = 0; to < shard_cnt; to++) {
			if (from == to)
				continue;
			leat_shard_lane_init(&lane[end][from][to]);
			leat_shard_move(shard[end][from], shard[end][to], &lane[end][from][to]);
		}
	}
}

static void start_client(uint32_t i)
{
	struct load_config c;
	struct mac mac;

	leat_load_config_default(&c);
	c.local = address(CLIENT, 0);
	target = (struct load_target){address(SERVER, 80), 1, 1};
	c.local_cnt = c.target_cnt = 1;
	c.target = &target;
	c.conn_cnt = HELD;
	c.plan.total = WARM + TOTAL;
	load[i] = leat_load_new(bench_memory(leat_load_footprint(&c)), &c);
	leat_shard_app(shard[0][i], leat_load_app(load[i]));
	memcpy(mac.octet, wire.b.mac, sizeof(mac.octet));
	leat_inet_neigh_set(leat_stack_neigh(shard[0][i]->stack), ip_from4(SERVER), mac);
	memcpy(mac.octet, wire.a.mac, sizeof(mac.octet));
	leat_inet_neigh_set(leat_stack_neigh(shard[1][i]->stack), ip_from4(CLIENT), mac);
}

static void start_server(uint32_t i)
{
	struct service_config c;
	uint32_t at;

	leat_service_config_default(&c);
	c.conn_max = c.backlog = 4096;
	c.listen_cnt = 1;
	c.listen[0] =
		(struct service_listen){.kind = SERVICE_KIND_HTTP, .local = address(SERVER, 80)};
	c.close = SERVICE_CLOSE_SERVER;
	struct service_set *service =
		leat_service_new(bench_memory(leat_service_footprint(&c)), &c);
	int error = leat_service_listen(service, shard[1][i]->stack, &at);
	ASSERT(error == LEAT_OK);
	leat_shard_app(shard[1][i], leat_service_app(service));
}

static uint64_t completed(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < shard_cnt; i++)
		sum += leat_load_counters(load[i])->completed;
	return sum;
}

static void turn_all(void)
{
	for (uint32_t i = 0; i < shard_cnt; i++) {
		leat_shard_turn(shard[0][i]);
		leat_shard_turn(shard[1][i]);
	}
}

/* Not inlined: by its name instructions are counted. */
__attribute__((noinline)) static void measured_turns(uint64_t until)
{
	while (completed() < until)
		turn_all();
}

int main(int argc, char **argv)
{
	bool moves = argc > 2 && strcmp(argv[2], "software") == 0;
	uint8_t key[FLOW_RSS_KEY_OCTETS];

	shard_cnt = argc > 1 ? (uint32_t)atoi(argv[1]) : 0;
	if (shard_cnt == 0 || shard_cnt > SHARDS || !bench_eal_start(400, 0, "shards")) {
		fputs("usage: bench_shards SHARDS [wire|software]\n", stderr);
		return 1;
	}
	open_wire();
	for (uint32_t end = 0; end < 2; end++) {
		leat_flow_steer_key(key, moves ? 7 + end : 7, FLOW_STEER_TABLE, !moves);
		leat_flow_steer_init(&steer[end], key, FLOW_STEER_TABLE, shard_cnt);
		for (uint32_t i = 0; i < shard_cnt; i++)
			shard[end][i] = make_shard(end, i, moves);
		join(end);
	}
	for (uint32_t i = 0; i < shard_cnt; i++) {
		start_server(i);
		start_client(i);
	}
	while (completed() < (uint64_t)WARM * shard_cnt)
		turn_all();
	uint64_t before = completed(), frames = 0, moved = 0;
	measured_turns(before + (uint64_t)(TOTAL - HELD) * shard_cnt);
	for (uint32_t i = 0; i < 2 * shard_cnt; i++) {
		frames += shard[i % 2][i / 2]->rx.frames;
		moved += shard[i % 2][i / 2]->rx.steer.moved_out;
	}
	printf("{\"shards\":%u,\"connections\":%ju,\"frames\":%ju,\"moved\":%ju}\n", shard_cnt,
		(uintmax_t)(completed() - before), (uintmax_t)frames, (uintmax_t)moved);
	return 0;
}
