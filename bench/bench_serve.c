/* SPDX-License-Identifier: BSD-3-Clause */
/* What are the cycles of `leat serve` for a short connection made of?
 *
 *	bench_serve [--json] [--quick] [--step N]...
 *
 * The server is what `leat serve` runs: a shard with its clock, counters, packet buffers and port,
 * and the HTTP program.  The client is what `leat load` runs.  Each step is the one before it with
 * one thing more, so that what that costs is the difference; each in a process of its own:
 *
 *	ring     the port is a ring in memory; checksums in software, as in all steps
 *	wait     2MSL of 1 s: records of TIME-WAIT by the 100,000, of 245 clients behind a router
 *	link     the clients are 245 neighbours
 *	memif    the port is memif, and each end has buffers of its own
 *	short    beside memif: so few at once that bursts are short
 *	cores    beside memif: each end on a core of its own
 *
 * Up to short both ends take turns in one thread.  A figure is of the middle half of many parts;
 * turns that somebody interrupted are left out, and those that found nothing to do are told apart.
 * Instructions: valgrind --tool=callgrind --toggle-collect=server_turn bench_serve --quick */
#include "base_be.h"
#include "bench.h"
#include "bench_eal.h"
#include "load.h"
#include "nic_pool.h"
#include "nic_port.h"
#include "nic_ring.h"
#include "service.h"
#include "shard.h"

#include <rte_lcore.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define ROUTER     0xc6120001 /* and the client's own address */
#define SERVER     0xc6120002
#define CLIENTS    0xc6120101
#define CLIENT_CNT 245
#define SLOTS      1024
#define HELD       1000
#define FEW        6
#define BODY       64
#define WARM_NS    (2 * TIME_S)
#define RUN_NS     (3 * TIME_S)
#define QUICK_NS   (TIME_S / 4)
#define PART       2000 /* connections of a part */
#define PARTS      4096
#define TURN_MOST  100000 /* cycles; who takes longer was interrupted */
#define LINK_NS    (30 * TIME_S)

struct step {
	const char *name;
	bool wait, link, memif, cores;
	uint32_t held;
};

static const struct step steps[] = {
	{"ring", false, false, false, false, HELD},
	{"wait", true, false, false, false, HELD},
	{"link", true, true, false, false, HELD},
	{"memif", true, true, true, false, HELD},
	{"short", true, true, true, false, FEW},
	{"cores", true, true, true, true, HELD},
};

/* What the server did in a part, in turns with work and in those without. */
struct part {
	uint64_t cycles, turns, idle_cycles, idle_turns, frames, conns;
	uint64_t stage_ns[SHARD_STAGE_CNT];
};

struct end {
	struct nic_port port;
	struct rte_mempool *pool;
	struct shard *shard;
};

static struct end client, server;
static struct nic_ring wire;
static struct load *load;
static struct load_target target;
static struct part part[PARTS];
static atomic_bool stop;

static const char *const stage_name[SHARD_STAGE_CNT] = {
	"rx", "parse", "tcp", "mail", "timers", "app", "tx"};

static uint64_t clock_ns(void)
{
	return shard_clock_kernel_ns();
}

static struct leat_addr address(uint32_t ip, uint16_t port)
{
	struct leat_addr a = {.family = 4, .port = port};

	be32_put(a.octet, ip);
	return a;
}

/* ---- the two ends ---- */

static void start_port(struct end *e)
{
	const struct nic_port_config config = {
		.queue_cnt = 1, .rx_slots = SLOTS, .tx_slots = SLOTS, .mtu = 1500, .pool = e->pool};
	int error = leat_nic_port_start(&e->port, &config);

	ASSERT(error == 0);
}

static void open_pool(struct end *e, const char *name)
{
	const struct nic_pool_plan plan = {.rx_slots = SLOTS,
		.tx_slots = SLOTS,
		.held = 32768,
		.lcore_cnt = 1,
		.shard_cnt = 1,
		.own = SHARD_OWN_BUFFERS,
		.mtu = 1500};

	e->pool = leat_nic_pool_new(name, &plan, -1);
	ASSERT(e->pool != NULL);
}

static void open_memif(void)
{
	char args[96];

	snprintf(args, sizeof(args), "net_memif0,role=server,socket=@bench-serve-%d", getpid());
	int error = leat_nic_port_by_vdev(args, &server.port);
	ASSERT(error == 0);
	start_port(&server);
	snprintf(args, sizeof(args), "net_memif1,socket=@bench-serve-%d", getpid());
	error = leat_nic_port_by_vdev(args, &client.port);
	ASSERT(error == 0);
	start_port(&client);
	for (uint64_t until = clock_ns() + LINK_NS; !leat_nic_port_link(&server.port).up;) {
		ASSERT(clock_ns() < until);
		usleep(1000);
	}
}

static void open_ring(void)
{
	int error = leat_nic_ring_open(&wire, "serve", 1, 4 * SLOTS - 1);

	ASSERT(error == 0);
	client.port = wire.a;
	server.port = wire.b;
	start_port(&client);
	start_port(&server);
}

static struct shard *make_shard(const struct step *st, struct end *e)
{
	bool serves = e == &server;
	struct shard_config c = {.port = &e->port, .pool = e->pool, .trust = SHARD_TRUST_WIRE};
	struct shard_clock clock = shard_clock_start();

	leat_stack_config_default(&c.stack);
	c.stack.seed = 1 + serves;
	c.stack.link.local_cnt = 1;
	c.stack.link.local[0] = (struct wire_local){
		ip_from4(serves ? SERVER : ROUTER), st->link || !serves ? 16 : 30};
	memcpy(c.stack.link.mac.octet, e->port.mac, sizeof(e->port.mac));
	c.stack.tcp = (struct tcp_limits){
		.tcb_max = 8192 + 64, .time_wait_max = 4000000, .rbuf_max = 32768};
	c.stack.neigh_max = 1024;
	c.stack.send_chunk_cnt = 131072;
	c.stack.knobs.two_msl_ns = st->wait ? TIME_S : TIME_MS;
	c.stack.port_from = 1024;
	c.stack.port_to = UINT16_MAX;
	if (serves) {
		c.stack.gateway4 = ip_from4(ROUTER);
	} else {
		c.stack.tcp.time_wait_max = 65536;
		c.stack.link.range_from = ip_from4(CLIENTS);
		c.stack.link.range_to = ip_from4(CLIENTS + CLIENT_CNT - 1);
	}
	return leat_shard_new(bench_memory(leat_shard_footprint(&c)), &c, &clock);
}

static void know(struct end *at, uint32_t ip, const struct end *who)
{
	struct mac mac;

	memcpy(mac.octet, who->port.mac, sizeof(mac.octet));
	leat_inet_neigh_set(leat_stack_neigh(at->shard->stack), ip_from4(ip), mac);
}

static void start_client(const struct step *st)
{
	struct load_config c;

	leat_load_config_default(&c);
	c.local = address(CLIENTS, 0);
	target = (struct load_target){address(SERVER, 80), 1, 1};
	c.local_cnt = st->wait ? CLIENT_CNT : 1;
	c.target_cnt = 1;
	c.target = &target;
	c.conn_cnt = st->held;
	c.response.a = BODY;
	c.timeout_ns = 10 * TIME_S;
	load = leat_load_new(bench_memory(leat_load_footprint(&c)), &c);
	leat_shard_app(client.shard, leat_load_app(load));
	know(&client, SERVER, &server);
	know(&server, ROUTER, &client);
}

static void start_server(void)
{
	struct service_config c;
	uint32_t at;

	leat_service_config_default(&c);
	c.conn_max = c.backlog = 8192 + 64;
	c.listen_cnt = 1;
	c.listen[0] =
		(struct service_listen){.kind = SERVICE_KIND_HTTP, .local = address(SERVER, 80)};
	c.close = SERVICE_CLOSE_SERVER;
	c.body_octets = BODY;
	struct service_set *service =
		leat_service_new(bench_memory(leat_service_footprint(&c)), &c);
	int error = leat_service_listen(service, server.shard->stack, &at);

	ASSERT(error == LEAT_OK);
	leat_shard_app(server.shard, leat_service_app(service));
}

static void start(const struct step *st)
{
	open_pool(&server, "server");
	client.pool = server.pool; /* a ring hands over the buffers themselves */
	if (st->memif) {
		open_pool(&client, "client");
		open_memif();
	} else {
		open_ring();
	}
	client.shard = make_shard(st, &client);
	server.shard = make_shard(st, &server);
	server.shard->stages.until = TIME_NEVER; /* watched all the time */
	start_server();
	start_client(st);
}

/* ---- turns ---- */

/* Not inlined: by its name instructions are counted. */
__attribute__((noinline)) static void server_turn(void)
{
	leat_shard_turn(server.shard);
}

static uint64_t served(void)
{
	return leat_stack_tcp(server.shard->stack)->time_wait_entered;
}

/* A turn that somebody interrupted is left out with all that it did. */
static void serve(struct part *sum)
{
	struct shard *s = server.shard;
	uint64_t stage_ns[SHARD_STAGE_CNT], frames = s->rx.frames, conns = served();

	memcpy(stage_ns, s->stages.ns, sizeof(stage_ns));
	uint64_t from = bench_cycles();

	server_turn();
	uint64_t took = bench_cycles() - from;

	if (took > TURN_MOST)
		return;
	if (!s->worked) {
		sum->idle_cycles += took;
		sum->idle_turns++;
		return;
	}
	sum->cycles += took;
	sum->turns++;
	sum->frames += s->rx.frames - frames;
	sum->conns += served() - conns;
	for (uint32_t i = 0; i < SHARD_STAGE_CNT; i++)
		sum->stage_ns[i] += s->stages.ns[i] - stage_ns[i];
}

static bool has_cores(void)
{
	cpu_set_t all;

	return sched_getaffinity(0, sizeof(all), &all) == 0 && CPU_COUNT(&all) > 1;
}

/* Assumes that there are more than nth. */
static void on_core(uint32_t nth)
{
	cpu_set_t all, one;
	uint32_t cpu = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (; nth != 0 || !CPU_ISSET(cpu, &all); cpu++)
		nth -= CPU_ISSET(cpu, &all) != 0;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void *client_core(void *arg)
{
	(void)arg;
	int error = rte_thread_register();
	ASSERT(error == 0);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		leat_shard_turn(client.shard);
	rte_thread_unregister();
	return NULL;
}

static uint32_t waiting(void)
{
	const struct tcp_counters *c = leat_stack_tcp(server.shard->stack);

	return (uint32_t)(c->time_wait_entered - c->ended[TCP_END_TIME_WAIT] -
			  c->ended[TCP_END_REUSED]);
}

/* Turns until PART connections more have been served. */
static struct part make_part(const struct step *st)
{
	struct part sum = {0};

	while (sum.conns < PART) {
		serve(&sum);
		if (!st->cores)
			leat_shard_turn(client.shard);
	}
	return sum;
}

/* How many parts were made. */
static uint32_t run(const struct step *st, uint64_t for_ns)
{
	uint64_t from = clock_ns(), warm = st->wait && for_ns == RUN_NS ? WARM_NS : QUICK_NS;
	uint32_t cnt = 0;

	while (clock_ns() < from + warm)
		(void)make_part(st);
	from = clock_ns();
	do {
		part[cnt++] = make_part(st);
	} while (cnt < PARTS && clock_ns() < from + for_ns);
	return cnt;
}

static int by_cost(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	double of_x = (double)x->cycles / (double)x->conns;
	double of_y = (double)y->cycles / (double)y->conns;

	return of_x < of_y ? -1 : of_x > of_y;
}

/* The stages of the middle parts, of which each alone has some timers more or less. */
static void tell(const struct bench *b, const struct step *st, uint32_t cnt)
{
	struct part sum = {0};
	double ghz = bench_ghz();

	qsort(part, cnt, sizeof(part[0]), by_cost);
	for (uint32_t i = cnt / 4; i <= cnt / 2 + cnt / 4; i++) {
		const uint64_t *from = (const uint64_t *)&part[u32_min(i, cnt - 1)];

		for (uint32_t k = 0; k < sizeof(sum) / sizeof(uint64_t); k++)
			((uint64_t *)&sum)[k] += from[k];
	}
	double conns = (double)sum.conns;
	printf(b->json ? "{\"bench\":\"serve\",\"step\":\"%s\",\"server_cycles_per_connection\":%."
			 "0f,"
			 "\"frames_per_turn\":%.1f,\"turns_per_connection\":%.3f,"
			 "\"empty_turns_per_connection\":%.3f,\"cycles_of_empty\":%.0f,"
			 "\"time_wait\":%u,\"parts\":%u"
		       : "%-6s %5.0f cycles a connection, %4.1f frames and %5.3f turns; %5.3f "
			 "empty "
			 "turns of %3.0f; %7u in TIME-WAIT; %u parts\n      ",
		st->name, (double)sum.cycles / conns, (double)sum.frames / (double)sum.turns,
		(double)sum.turns / conns, (double)sum.idle_turns / conns,
		(double)sum.idle_cycles / (double)(sum.idle_turns + (sum.idle_turns == 0)),
		waiting(), cnt);
	for (uint32_t i = 0; i < SHARD_STAGE_CNT; i++)
		printf(b->json ? ",\"%s\":%.0f" : " %s %.0f", stage_name[i],
			(double)sum.stage_ns[i] * ghz / conns);
	printf(b->json ? "}\n" : "\n");
	fflush(stdout);
}

static int measure(const struct bench *b, const struct step *st)
{
	pthread_t other;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "serve-%d", getpid());
	if (!bench_eal_start(300, 0, prefix))
		return 1;
	start(st);
	if (st->cores) {
		on_core(1);
		if (pthread_create(&other, NULL, client_core, NULL) != 0)
			return 1;
	}
	on_core(0);
	tell(b, st, run(st, b->quick ? QUICK_NS : RUN_NS));
	atomic_store(&stop, true);
	if (st->cores)
		pthread_join(other, NULL);
	rte_eal_cleanup();
	return 0;
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	bool all = true, ok = true;

	for (int i = 1; i < argc; i++)
		all &= strcmp(argv[i], "--step") != 0;
	for (uint32_t k = 0; k < COUNT_OF(steps); k++) {
		bool wanted = all;
		int status = 1;

		for (int i = 1; i + 1 < argc; i++)
			wanted |= strcmp(argv[i], "--step") == 0 &&
				  strcmp(argv[i + 1], steps[k].name) == 0;
		if (!wanted || (steps[k].cores && !has_cores()))
			continue;
		fflush(stdout);
		pid_t pid = fork();

		if (pid == 0)
			_exit(measure(&b, &steps[k]));
		ok &= pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
	}
	return !ok;
}
