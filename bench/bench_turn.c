/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a turn of a shard cost?
 *
 *	bench_turn [--json] [--quick] [--connections N,N,...]
 *
 * One shard as leatd has it, with clock, mail, packet buffers and all, but its port is a ring in
 * memory, whose other end the benchmark fills and empties outside of what is measured.  N
 * connections are open.
 *
 *	empty    nothing has arrived, nothing is due
 *	acked    32 ACKs of responses
 *	request  32 requests, each of another connection, and as many responses
 *	syn      32 SYNs, and as many SYN-ACKs
 *
 * A figure is the median of many turns. */
#include "bench_eal.h"
#include "bench_forge.h"
#include "bench_http.h"

#include "base_prng.h"
#include "nic_pool.h"
#include "nic_ring.h"
#include "shard.h"

#include <rte_mbuf.h>

#include <sched.h>

#define ROUNDS  2000
#define EMPTIES 16 /* empty turns in a row are measured as one */
#define SIZES   8
#define SLOTS   512
#define SPARE   65536 /* numbers of those that are opened and reset */

enum kind {
	KIND_EMPTY,
	KIND_ACKED,
	KIND_REQUEST,
	KIND_SYN,
	KIND_CNT
};

static const char *const kind_name[KIND_CNT] = {"empty", "acked", "request", "syn"};

struct world {
	struct nic_ring wire; /* the shard is at b */
	struct rte_mempool *pool;
	struct shard *shard;
	struct bench_forge forge;
	uint32_t held, spare;
	uint64_t n[BENCH_BURST];
	struct prng prng;
	void *mem;
};

static uint64_t cycles[KIND_CNT][ROUNDS];

static void answer(void *arg, struct leat_stack *s, const struct leat_event *ev)
{
	const uint8_t *text;

	(void)arg;
	if (ev->bits & LEAT_CLOSED)
		leat_release(s, ev->conn);
	if (!(ev->bits & LEAT_READABLE))
		return;
	int64_t octets = leat_peek(s, ev->conn, &text);

	ASSERT(octets > 0 && leat_take(s, ev->conn, (size_t)octets) == LEAT_OK);
	ASSERT(leat_send(s, ev->conn, bench_http_response, 64) == 64);
}

/* A segment of each of n lies on the wire then. */
static void put(struct world *w, uint8_t flags, const char *text)
{
	struct rte_mbuf *m[BENCH_BURST];

	ASSERT(rte_pktmbuf_alloc_bulk(w->pool, m, BENCH_BURST) == 0);
	for (uint32_t i = 0; i < BENCH_BURST; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(m[i], uint8_t *);

		m[i]->data_len = (uint16_t)bench_forge_put(&w->forge, frame, w->n[i], flags, text);
		m[i]->pkt_len = m[i]->data_len;
		m[i]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	ASSERT(leat_nic_port_tx(&w->wire.a, 0, m, BENCH_BURST) == BENCH_BURST);
}

/* Takes what the shard sent; how many frames that was. */
static uint32_t hear(struct world *w)
{
	struct rte_mbuf *m[BENCH_BURST];
	uint32_t all = 0, cnt;

	do {
		cnt = leat_nic_port_rx(&w->wire.a, 0, m, BENCH_BURST);
		for (uint32_t i = 0; i < cnt; i++)
			bench_forge_hear(&w->forge, rte_pktmbuf_mtod(m[i], const uint8_t *),
				rte_pktmbuf_data_len(m[i]));
		rte_pktmbuf_free_bulk(m, cnt);
		all += cnt;
	} while (cnt > 0);
	return all;
}

static uint64_t turn(struct world *w)
{
	uint64_t from = bench_cycles();

	leat_shard_turn(w->shard);
	return bench_cycles() - from;
}

static void choose(struct world *w, uint64_t first, uint64_t stride)
{
	for (uint32_t i = 0; i < BENCH_BURST; i++)
		w->n[i] = first + i * stride;
}

/* A burst of SYNs and of ACKs; the cycles of the first. */
static uint64_t open_burst(struct world *w, uint64_t first)
{
	choose(w, first, 1);
	put(w, TCP_SYN, NULL);
	uint64_t took = turn(w);

	ASSERT(hear(w) == BENCH_BURST);
	put(w, TCP_ACK, NULL);
	turn(w);
	ASSERT(hear(w) == 0);
	return took;
}

static void measure_round(struct world *w, uint32_t round)
{
	uint64_t stride = w->held / BENCH_BURST;

	cycles[KIND_SYN][round] = open_burst(w, w->held + w->spare);
	w->spare = (w->spare + BENCH_BURST) % SPARE;
	put(w, TCP_RST | TCP_ACK, NULL);
	turn(w);
	choose(w, leat_prng_next(&w->prng) % stride, stride);
	put(w, TCP_ACK | TCP_PSH, bench_http_request);
	cycles[KIND_REQUEST][round] = turn(w);
	ASSERT(hear(w) == BENCH_BURST);
	put(w, TCP_ACK, NULL);
	cycles[KIND_ACKED][round] = turn(w);
	uint64_t from = bench_cycles();

	for (uint32_t i = 0; i < EMPTIES; i++)
		leat_shard_turn(w->shard);
	cycles[KIND_EMPTY][round] = (bench_cycles() - from) / EMPTIES;
	ASSERT(hear(w) == 0);
}

static void open_wire(struct world *w)
{
	const struct nic_pool_plan plan = {.rx_slots = 2 * SLOTS,
		.tx_slots = 2 * SLOTS,
		.held = 4096,
		.lcore_cnt = 1,
		.shard_cnt = 1,
		.own = SHARD_OWN_BUFFERS,
		.mtu = 1500};
	struct nic_port_config config = {
		.queue_cnt = 1, .rx_slots = SLOTS, .tx_slots = SLOTS, .mtu = 1500};

	config.pool = w->pool = leat_nic_pool_new("turn", &plan, -1);
	ASSERT(w->pool != NULL);
	int error = leat_nic_ring_open(&w->wire, "turn", 1, SLOTS - 1);
	ASSERT(error == 0);
	error = leat_nic_port_start(&w->wire.a, &config);
	ASSERT(error == 0);
	error = leat_nic_port_start(&w->wire.b, &config);
	ASSERT(error == 0);
}

static void make_shard(struct world *w)
{
	struct shard_config c = {.port = &w->wire.b, .pool = w->pool, .trust = SHARD_TRUST_WIRE};
	struct shard_clock clock = shard_clock_start();
	const struct leat_app app = {.event = answer};
	struct leat_addr local = bench_server_addr();
	struct leat_conn listener;

	bench_http_config(&c.stack, true, 1024, false);
	c.stack.tcp.tcb_max = w->held + 4096;
	w->mem = bench_memory(leat_shard_footprint(&c));
	w->shard = leat_shard_new(w->mem, &c, &clock);
	leat_shard_app(w->shard, &app);
	leat_inet_neigh_set(
		leat_stack_neigh(w->shard->stack), ip_from4(BENCH_ROUTER), bench_station(1));
	int error = leat_listen(w->shard->stack, &local, 4 * BENCH_BURST, &listener);
	ASSERT(error == LEAT_OK);
}

static void tell(const struct bench *b, const struct world *w, uint32_t rounds)
{
	for (uint32_t k = 0; k < KIND_CNT; k++)
		printf(b->json ? "{\"bench\":\"turn\",\"kind\":\"%s\",\"connections\":%u,"
				 "\"frames\":%d,\"cycles\":%llu}\n"
			       : "%-8s %8u connections, %2d frames: %6llu cycles a turn\n",
			kind_name[k], w->held, k == KIND_EMPTY ? 0 : BENCH_BURST,
			(unsigned long long)bench_median(cycles[k], rounds));
	fflush(stdout);
}

static void measure(const struct bench *b, struct world *w, uint32_t held)
{
	uint32_t rounds = b->quick ? ROUNDS / 20 : ROUNDS;
	char why[256];

	w->held = held / BENCH_BURST * BENCH_BURST;
	w->spare = 0;
	bench_forge_new(&w->forge, w->held + SPARE);
	make_shard(w);
	for (uint64_t n = 0; n < w->held; n += BENCH_BURST)
		open_burst(w, n);
	for (uint32_t i = 0; i < rounds; i++)
		measure_round(w, i);
	const char *error = leat_shard_ledger_error(w->shard, why, sizeof(why));
	if (error != NULL)
		fprintf(stderr, "%s\n", error);
	ASSERT(error == NULL);
	tell(b, w, rounds);
	leat_shard_close(w->shard);
	free(w->forge.conn);
	free(w->mem);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	static struct world w;
	uint64_t size[SIZES];
	uint32_t cnt = bench_numbers(
		argc, argv, "--connections", b.quick ? "1000" : "1000,1000000", size, SIZES);

	if (!bench_eal_start(256, (uint32_t)sched_getcpu(), "turn"))
		return 1;
	open_wire(&w);
	leat_prng_seed(&w.prng, 1);
	for (uint32_t i = 0; i < cnt; i++)
		measure(&b, &w, u32_max((uint32_t)size[i], BENCH_BURST));
	leat_nic_ring_close(&w.wire);
	return 0;
}
