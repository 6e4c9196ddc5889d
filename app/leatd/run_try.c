/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_assert.h"
#include "ctl.h"
#include "base_bits.h"
#include "base_log.h"
#include "boot.h"
#include "caps.h"
#include "knobs.h"
#include "load.h"
#include "nic_numa.h"
#include "plane.h"
#include "report.h"
#include "room.h"
#include "run.h"
#include "service.h"
#include "sight.h"
#include "text.h"
#include "try_print.h"
#include "try_wire.h"
#include "vdev.h"

#include <rte_version.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PORT            80
#define SOURCE_CNT      254
#define PREFIX_BITS     15
#define CLIENT_FROM     UINT32_C(0xc6120001) /* 198.18.0.1, RFC 2544: the benchmark range */
#define SERVER_ADDRESS  UINT32_C(0xc6128001) /* 198.18.128.1 */

#define RATE_PLANNED    4000000 /* connections a second that TIME-WAIT is planned for */
#define RECORDS_WAITING 4000000 /* at most */
#define RECORDS_FEW     1000000 /* so many may stay while little memory is free */
#define RATE_REACHED    2000000 /* so many a fast machine makes: what allows fewer is told */
#define GRACE_NS        (10 * TIME_S)
#define TELL_NS         TIME_S /* a drain that takes longer is told */
#define ABORT_NS        (2 * TIME_S)
#define LOOK_NS         (20 * TIME_MS)

/* What a client's program has counted. */
struct try_load {
	struct load_counters counters;
	struct hist connect;
	bool done;
};

/* A client shard's program, and what that shard copied of it last: on lines of its own, which are
 * the shard's while it owes an answer. */
struct try_client {
	_Alignas(CACHE_LINE) struct load *load;
	struct shard *shard;
	struct try_load copy;
};

struct try_run {
	const struct try_options *o;
	struct try_view view;
	struct plane plane;
	struct ctl ctl;
	struct sight sight;
	struct try_wire wire;
	struct load_target target;
	struct boot boot;
	uint32_t shard_cnt; /* of each end */
	uint32_t
		first[TRY_END_CNT]; /* its first shard; of an end that is not here, all there are */
	struct try_client client[TRY_SHARDS_MAX];
	struct try_load seen[TRY_SHARDS_MAX];   /* the last copy of those that answered */
	void *mem[TRY_END_CNT][TRY_SHARDS_MAX]; /* of load and service */
	size_t mem_octets[TRY_END_CNT][TRY_SHARDS_MAX];
	bool cut;
};

static struct try_run run;

/* each is the share of one shard. */
static uint64_t each(uint64_t all)
{
	return (all + run.shard_cnt - 1) / run.shard_cnt;
}

/* plan_records decides how many connections each end can hold: those in flight, and on the side
 * that closes first those that wait 2MSL at the planned rate, as far as memory allows. */
static void plan_records(struct stack_config *config, enum try_end end, const struct try_options *o)
{
	bool closes_first = (end == TRY_SERVER) == (o->close == TRY_CLOSE_SERVER);
	uint64_t connections = each(o->connections);
	uint64_t flight = 2 * connections + 1024;
	uint64_t waiting = RATE_PLANNED * o->time_wait_ns / TIME_S;
	uint64_t body_segs = o->body_octets / 1400 + 1;

	waiting = closes_first ? each(u64_min(waiting, RECORDS_WAITING)) : 0;
	config->tcp.tcb_max = (uint32_t)flight;
	config->tcp.time_wait_max = (uint32_t)(flight + waiting);
	config->tcp.rbuf_max =
		(uint32_t)u64_min(connections * u64_min(body_segs, 48) + 4096, each(65536));
	config->send_chunk_cnt = (uint32_t)u64_min(
		connections * u64_min(o->body_octets / STACK_CHUNK_OCTETS + 2, 16) + 1024, 1 << 20);
}

static struct stack_config stack_config(enum try_end end, const struct try_options *o)
{
	struct stack_config c;

	leat_stack_config_default(&c);
	c.seed = 2 * o->seed + end;
	c.link.local_cnt = 1;
	c.link.local[0] = (struct wire_local){
		ip_from4(end == TRY_CLIENT ? CLIENT_FROM : SERVER_ADDRESS), PREFIX_BITS};
	if (end == TRY_CLIENT) {
		c.link.range_from = ip_from4(CLIENT_FROM);
		c.link.range_to = ip_from4(CLIENT_FROM + SOURCE_CNT - 1);
	}
	c.neigh_max = 2 * SOURCE_CNT;
	c.target_max = 1;
	c.port_from = 1024;
	c.port_to = 65535;
	c.knobs.two_msl_ns = o->time_wait_ns;
	c.knobs.rto_min_ns = TRY_RTO_MIN_NS;
	plan_records(&c, end, o);
	leat_knobs_set(&c, &o->tcp);
	return c;
}

/* places_given: who asked for so many gets them, or is refused. */
static bool places_given(void)
{
	return run.o->tcp.time_wait_max != 0;
}

/* halve_waiting has who waits in great number give way before who is open; false: nobody does. */
static bool halve_waiting(struct stack_config config[TRY_END_CNT])
{
	bool found = false;

	for (uint32_t i = 0; i < TRY_END_CNT; i++) {
		struct tcp_limits *limits = &config[i].tcp;

		if (limits->time_wait_max / 2 < u64_max(each(RECORDS_FEW), limits->tcb_max))
			continue;
		limits->time_wait_max /= 2;
		found = true;
	}
	return found;
}

/* halve leaves room for --connections; false: there is no more than that. */
static bool halve(struct tcp_limits *limits)
{
	uint32_t few = u32_max((uint32_t)each(run.o->connections) + 512, 1024);

	if (limits->tcb_max <= few)
		return false;
	limits->tcb_max = u32_max(limits->tcb_max / 2, few);
	if (!places_given())
		limits->time_wait_max = u32_max(limits->time_wait_max / 2, 1024);
	return true;
}

static uint64_t needed(const struct stack_config config[TRY_END_CNT], size_t pool_octets)
{
	uint64_t octets = pool_octets;

	for (uint32_t i = 0; i < TRY_END_CNT; i++)
		octets += run.shard_cnt * leat_stack_footprint(&config[i]);
	return octets;
}

/* shrink halves the tables until the free memory carries them, but not what was asked for; false:
 * not even the smallest. */
static bool shrink(struct stack_config config[TRY_END_CNT], size_t pool_octets)
{
	struct room room;
	char limit[ROOM_LIMIT_MAX];
	bool smaller = true;

	leat_room_read("", &room);
	while (needed(config, pool_octets) > room.octets / 4 * 3 && smaller) {
		run.view.shrunk = true;
		if (!places_given() && halve_waiting(config))
			continue;
		smaller = false;
		for (uint32_t i = 0; i < TRY_END_CNT; i++)
			smaller |= halve(&config[i].tcp);
	}
	if (smaller)
		return true;
	leat_log(LOG_LV_ERROR, "leatd",
		"%ju MiB are free%s, the smallest trial needs %ju MiB and takes no more than three "
		"quarters; %s?",
		(uintmax_t)(room.octets >> 20), leat_room_limit(&room, limit),
		(uintmax_t)(needed(config, pool_octets) >> 20),
		places_given() ? "a smaller --time-wait-max" : "fewer --connections");
	return false;
}

static struct nic_pool_plan pool_plan(const struct stack_config config[TRY_END_CNT])
{
	uint32_t n = run.shard_cnt,
		 slots = run.o->client_vdev == NULL ? TRY_RING_SLOTS + 1 : 2 * TRY_SLOTS;

	return (struct nic_pool_plan){.rx_slots = 2 * n * slots,
		.held = n * (config[TRY_CLIENT].tcp.rbuf_max + config[TRY_SERVER].tcp.rbuf_max),
		.lcore_cnt = 2 * n,
		.shard_cnt = 2 * n,
		.own = SHARD_OWN_BUFFERS + shard_lane_buffers(n),
		.mtu = config[TRY_CLIENT].link.mtu};
}

/* know_server tells a client the server's address on the wire: a thousand SYNs in the first turns
 * are more than wait for an answer to one question. */
static void know_server(struct shard *client)
{
	struct mac mac;

	if (run.wire.port[TRY_SERVER] == NULL)
		return;
	memcpy(mac.octet, run.wire.port[TRY_SERVER]->mac, sizeof(mac.octet));
	leat_inet_neigh_set(leat_stack_neigh(client->stack), ip_from4(SERVER_ADDRESS), mac);
}

/* end_cnt is how many ends are here. */
static uint32_t end_cnt(void)
{
	return run.o->client_vdev != NULL && run.o->server_vdev == NULL ? 1 : TRY_END_CNT;
}

/* add_shards adds the shards of one end: clients on even lcores, servers on odd ones; or a client
 * alone on all. */
static enum opt_exit add_shards(const struct stack_config *config, enum try_end end)
{
	const struct nic_port *port = run.wire.port[end];
	enum opt_exit result = OPT_EXIT_OK;

	run.first[end] = run.plane.shard_cnt;
	for (uint32_t i = 0; port != NULL && i < run.shard_cnt && result == OPT_EXIT_OK; i++) {
		struct shard_config shard = {.stack = *config,
			.port = port,
			.pool = run.plane.pool,
			.impair = {.seed = run.o->seed + end + 2 * i,
				.loss_millionths = run.o->loss_millionths,
				.reorder_millionths = run.o->reorder_millionths}};

		leat_steer_shard(&run.wire.steer[end], i, &shard);
		run.plane.shard[run.plane.shard_cnt].queue_shared =
			leat_steer_shared(&run.wire.steer[end], i);
		shard.stack.seed += (uint64_t)i << 32;
		memcpy(shard.stack.link.mac.octet, port->mac, sizeof(port->mac));
		result = leat_plane_add(&run.plane, &shard, end_cnt() * i + end);
	}
	if (result == OPT_EXIT_OK && port != NULL && run.shard_cnt > 1)
		result = leat_plane_join(&run.plane, run.first[end], run.shard_cnt);
	return result;
}

static struct leat_addr address(uint32_t ip, uint16_t port)
{
	return (struct leat_addr){.family = 4,
		.octet = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
			(uint8_t)ip},
		.port = port};
}

/* take gives the memory of a program at its shard's node, kept in run.mem until the end. */
static void *take(enum try_end end, uint32_t i, size_t octets)
{
	run.mem_octets[end][i] = octets;
	run.mem[end][i] =
		leat_plane_take(&run.plane, octets, run.plane.shard[run.first[end] + i].node);
	return run.mem[end][i];
}

static enum opt_exit start_service(const struct stack_config *stack, uint32_t i)
{
	struct shard *shard = run.plane.shard[run.first[TRY_SERVER] + i].shard;
	struct service_config c;
	char why[160];
	uint32_t at;

	leat_service_config_default(&c);
	c.conn_max = (uint32_t)u64_min(stack->tcp.tcb_max, 4 * each(run.o->connections) + 16384);
	c.backlog = stack->tcp.tcb_max;
	c.shard_idx = i;
	c.listen_cnt = 1;
	c.listen[0] = (struct service_listen){
		.kind = SERVICE_KIND_HTTP, .local = address(SERVER_ADDRESS, PORT)};
	c.close = run.o->close == TRY_CLOSE_SERVER ? SERVICE_CLOSE_SERVER : SERVICE_CLOSE_CLIENT;
	c.body_octets = run.o->body_octets;
	c.linger_ns = 60 * TIME_S; /* on a bad wire the peer's FIN may be sent many times */
	if (leat_service_footprint(&c) == 0) {
		leat_log(LOG_LV_ERROR, "leatd", "%s",
			leat_service_config_error(&c, why, sizeof(why)));
		return OPT_EXIT_CONFIG;
	}
	if (take(TRY_SERVER, i, leat_service_footprint(&c)) == NULL)
		return OPT_EXIT_RESOURCE;
	struct service_set *service = leat_service_new(run.mem[TRY_SERVER][i], &c);
	int error = leat_service_listen(service, shard->stack, &at);
	if (error != LEAT_OK) {
		leat_log(LOG_LV_ERROR, "leatd", "cannot listen: %s", leat_error_text(error));
		return OPT_EXIT_CONFIG;
	}
	leat_shard_app(shard, leat_service_app(service));
	return OPT_EXIT_OK;
}

static enum opt_exit start_load(uint32_t i)
{
	struct try_client *client = &run.client[i];
	struct load_config c;
	char why[160];

	leat_load_config_default(&c);
	c.local = address(CLIENT_FROM, 0);
	c.local_cnt = SOURCE_CNT;
	run.target = (struct load_target){address(SERVER_ADDRESS, PORT), 1, 1};
	c.target_cnt = 1;
	c.target = &run.target;
	c.conn_cnt = (uint32_t)((run.o->connections + i) / run.shard_cnt);
	c.response = dist_fixed(run.o->body_octets);
	c.close = run.o->close == TRY_CLOSE_SERVER ? LOAD_CLOSE_SERVER : LOAD_CLOSE_CLIENT;
	if (leat_load_footprint(&c) == 0) {
		leat_log(LOG_LV_ERROR, "leatd", "%s", leat_load_config_error(&c, why, sizeof(why)));
		return OPT_EXIT_CONFIG;
	}
	if (take(TRY_CLIENT, i, leat_load_footprint(&c)) == NULL)
		return OPT_EXIT_RESOURCE;
	client->load = leat_load_new(run.mem[TRY_CLIENT][i], &c);
	client->shard = run.plane.shard[run.first[TRY_CLIENT] + i].shard;
	know_server(client->shard);
	leat_shard_app(client->shard, leat_load_app(client->load));
	return OPT_EXIT_OK;
}

static enum opt_exit start_programs(const struct stack_config config[TRY_END_CNT])
{
	enum opt_exit result = OPT_EXIT_OK;

	for (uint32_t i = 0; i < run.shard_cnt && result == OPT_EXIT_OK; i++) {
		if (run.wire.port[TRY_SERVER] != NULL)
			result = start_service(&config[TRY_SERVER], i);
		if (result == OPT_EXIT_OK)
			result = start_load(i);
	}
	return result;
}

/* The rest runs in the control thread, except the two functions that are asked of a shard. */

static void copy_load(void *arg)
{
	struct try_client *c = arg;

	if (c == NULL)
		return;
	c->copy.counters = *leat_load_counters(c->load);
	c->copy.connect = *leat_load_hist(c->load, LOAD_HIST_CONNECT);
	c->copy.done = leat_load_done(c->load);
}

static void cut_load(void *arg)
{
	struct try_client *c = arg;

	if (c != NULL)
		leat_load_cut(c->load, c->shard->stack, false);
}

/* ask has the clients do also, and all shards count. */
static void ask(void (*also)(void *arg))
{
	void *arg[SHARD_MAX] = {NULL};

	for (uint32_t i = 0; i < run.shard_cnt; i++)
		arg[run.first[TRY_CLIENT] + i] = &run.client[i];
	leat_plane_ask(&run.plane, also, arg);
}

/* sum_loads adds up what was copied of the clients. */
static void sum_loads(void)
{
	struct try_view *v = &run.view;

	v->load = (struct load_counters){0};
	v->load_done = true;
	leat_hist_clear(&v->connect);
	for (uint32_t i = 0; i < run.shard_cnt; i++) {
		leat_load_add(&v->load, &run.seen[i].counters);
		leat_hist_merge(&v->connect, &run.seen[i].connect);
		v->load_done &= run.seen[i].done;
	}
}

/* sum_shard adds what one shard counted to its end. */
static void sum_shard(enum try_end end, uint32_t i, const struct shard_counts *c)
{
	struct try_view *v = &run.view;

	leat_report_add(end == TRY_CLIENT ? &v->client : &v->server, c);
	if (c->busy_ns < v->busiest_ns)
		return;
	v->busiest_ns = c->busy_ns;
	v->busy_server = end == TRY_SERVER;
	v->busy_cpu = run.plane.eal.cpu[run.plane.shard[run.first[end] + i].lcore_idx];
}

static void sum_begin(void)
{
	run.view.client = run.view.server = (struct shard_counts){0};
	run.view.busiest_ns = 0;
}

/* look takes a new view of both ends. */
static void look(void)
{
	ask(copy_load);
	for (uint32_t i = 0; i < run.shard_cnt; i++) {
		if (run.plane.shard[run.first[TRY_CLIENT] + i].heard)
			run.seen[i] = run.client[i].copy;
	}
	sum_begin();
	sum_loads();
	for (uint32_t end = 0; end < TRY_END_CNT; end++) {
		for (uint32_t i = 0; run.wire.port[end] != NULL && i < run.shard_cnt; i++)
			sum_shard(
				(enum try_end)end, i, &run.plane.shard[run.first[end] + i].counts);
	}
}

static bool all_closed(void)
{
	return run.view.load_done && leat_report_open(&run.view.client) == 0 &&
	       leat_report_open(&run.view.server) == 0;
}

/* wait_closed looks until everything is closed, until at, or until so many signals came. */
static bool wait_closed(uint64_t at, uint32_t signal_max)
{
	look();
	while (!all_closed() && leat_plane_now(&run.plane) < at) {
		if (leat_plane_wait(&run.plane, leat_plane_now(&run.plane) + LOOK_NS) >= signal_max)
			break;
		look();
	}
	return all_closed();
}

static void tell(enum try_end end, enum shard_mail_kind kind)
{
	for (uint32_t i = 0; run.wire.port[end] != NULL && i < run.shard_cnt; i++)
		leat_plane_tell(&run.plane, run.first[end] + i, kind);
}

static void finish(void)
{
	uint64_t at = leat_plane_now(&run.plane);

	leat_sight_drains(&run.sight, true);
	tell(TRY_CLIENT, SHARD_MAIL_DRAIN);
	if (wait_closed(at + TELL_NS, PLANE_SIGNALS_CUT))
		return;
	leat_try_print_drain(&run.view);
	if (wait_closed(at + GRACE_NS, PLANE_SIGNALS_CUT))
		return;
	run.cut = true;
	ask(cut_load);
	tell(TRY_CLIENT, SHARD_MAIL_ABORT);
	tell(TRY_SERVER, SHARD_MAIL_ABORT);
	wait_closed(leat_plane_now(&run.plane) + ABORT_NS, UINT32_MAX);
}

static void control(void *arg)
{
	uint64_t start = leat_plane_now(&run.plane);

	(void)arg;
	leat_try_print_head(&run.view);
	if (run.sight.where[0] != '\0' && !run.o->json) {
		printf("metrics   %s\n", run.sight.where);
		fflush(stdout);
	}
	for (uint64_t second = 1; run.o->seconds == 0 || second <= run.o->seconds; second++) {
		if (leat_plane_wait(&run.plane, start + second * TIME_S) != 0)
			break;
		look();
		run.view.seconds = second;
		leat_try_print_second(&run.view, leat_plane_now(&run.plane) - start);
	}
	run.view.ran_ns = leat_plane_now(&run.plane) - start;
	look();
	run.view.rate_completed = run.view.load.completed;
	run.view.busy = leat_try_busy(&run.view);
	finish();
}

/* settle_shard checks the laws of one shard. */
static bool settle_shard(enum try_end end, uint32_t i)
{
	struct shard *s = run.plane.shard[run.first[end] + i].shard;
	struct shard_counts counts;
	char text[160];
	const char *why = leat_shard_ledger_error(s, text, sizeof(text));

	leat_shard_count(s, &counts);
	sum_shard(end, i, &counts);
	leat_report_gauge(end == TRY_CLIENT ? &run.view.client_gauge : &run.view.server_gauge, s);
	if (why != NULL)
		leat_log(LOG_LV_ERROR, "ledger", "%s %u: %s",
			end == TRY_CLIENT ? "client" : "server", i, why);
	return why == NULL;
}

static bool settle_end(enum try_end end)
{
	const struct shard_counts *sum = end == TRY_CLIENT ? &run.view.client : &run.view.server;
	char text[160];
	const char *why = leat_steer_ledger_error(sum, leat_plane_moving(&run.plane, end),
		leat_plane_carrying(&run.plane, end), text, sizeof(text));

	if (why != NULL)
		leat_log(LOG_LV_ERROR, "ledger", "%s: %s", end == TRY_CLIENT ? "client" : "server",
			why);
	return why == NULL;
}

/* settle reads the last counts, when no shard turns any more, and checks every law. */
static bool settle(void)
{
	bool good = true;

	for (uint32_t i = 0; i < run.shard_cnt; i++) {
		copy_load(&run.client[i]);
		run.seen[i] = run.client[i].copy;
	}
	sum_begin();
	sum_loads();
	for (uint32_t end = 0; end < TRY_END_CNT; end++) {
		if (run.wire.port[end] == NULL)
			continue;
		for (uint32_t i = 0; i < run.shard_cnt; i++)
			good &= settle_shard((enum try_end)end, i);
		good &= settle_end((enum try_end)end);
	}
	if (run.wire.rings) {
		run.view.wire_to_server = leat_nic_ring_held(&run.wire.ring, true);
		run.view.wire_to_client = leat_nic_ring_held(&run.wire.ring, false);
	}
	return good;
}

/* show_plan fills what the header tells. */
static void show_plan(void)
{
	struct try_view *v = &run.view;

	v->wire = &run.wire;
	v->octets = run.plane.eal.octets + run.plane.stack_octets;
	for (uint32_t i = 0; i < run.shard_cnt; i++)
		v->octets += run.mem_octets[TRY_CLIENT][i] + run.mem_octets[TRY_SERVER][i];
	for (uint32_t end = 0; end < TRY_END_CNT; end++)
		if (run.wire.port[end] != NULL)
			v->cpu[end] = run.plane.eal.cpu[run.plane.shard[run.first[end]].lcore_idx];
	v->one_lcore = run.plane.eal.lcore_cnt == 1;
	v->lcore_cnt = run.plane.loop_cnt;
}

/* open_sight lets others see what there is to see. */
static void open_sight(void)
{
	uint32_t port_cnt = 0;
	struct sight_config c = {.name = "try",
		.verb = "try",
		.plane = &run.plane,
		.metrics = &run.o->metrics,
		.two_msl_ns = run.o->time_wait_ns,
		.evicts = run.o->tcp.full == OPT_TCP_FULL_EVICT};

	for (uint32_t end = 0; end < TRY_END_CNT; end++)
		if (run.wire.port[end] != NULL)
			c.port[port_cnt++] = run.wire.port[end];
	leat_sight_open(&run.sight, &c);
	for (uint32_t i = 0; i < run.shard_cnt; i++)
		leat_sight_load(&run.sight, run.first[TRY_CLIENT] + i, run.client[i].load);
}

static const struct ctl_role *role(void)
{
	static struct ctl_role r;

	r = (struct ctl_role){.verb = "try", .two_msl_ns = run.o->time_wait_ns};
	for (uint32_t end = 0; end < TRY_END_CNT; end++)
		if (run.wire.port[end] != NULL)
			r.port[r.port_cnt++] = run.wire.port[end];
	return &r;
}

static enum opt_exit run_shards(struct stack_config config[TRY_END_CNT])
{
	enum opt_exit result = add_shards(&config[TRY_CLIENT], TRY_CLIENT);

	if (result == OPT_EXIT_OK)
		result = add_shards(&config[TRY_SERVER], TRY_SERVER);
	if (result == OPT_EXIT_OK)
		result = start_programs(config);
	if (result == OPT_EXIT_OK) {
		show_plan();
		leat_try_wire_wait(&run.wire);
		leat_caps_drop(leat_try_wire_rights(&run.wire));
		if (run.o->hold)
			open_sight();
		leat_ctl_start(&run.ctl, &run.plane, role(), "try");
		result = leat_plane_run(&run.plane, control, NULL);
		if (run.o->hold)
			leat_sight_stop(&run.sight);
		leat_ctl_stop(&run.ctl);
	}
	if (result == OPT_EXIT_OK) {
		bool good = settle() && run.plane.audit.broken_cnt == 0;
		good &= leat_try_print_end(&run.view);
		result = good && run.view.load.completed > 0 ? OPT_EXIT_OK : OPT_EXIT_FAILED;
	}
	leat_plane_shards_close(&run.plane);
	leat_ctl_free(&run.ctl);
	leat_sight_close(&run.sight);
	for (uint32_t i = 0; i < TRY_END_CNT * run.shard_cnt; i++)
		leat_nic_numa_free(run.mem[i % TRY_END_CNT][i / TRY_END_CNT],
			run.mem_octets[i % TRY_END_CNT][i / TRY_END_CNT]);
	return result;
}

static enum opt_exit run_plane(
	struct eal *eal, const struct nic_pool_plan *plan, struct stack_config config[TRY_END_CNT])
{
	enum opt_exit result = leat_plane_open(&run.plane, eal, plan, -1, false);

	if (result != OPT_EXIT_OK)
		return result;
	result = leat_try_wire_open(&run.wire, run.o, run.plane.pool);
	if (result == OPT_EXIT_OK) {
		result = run_shards(config);
		leat_try_wire_close(&run.wire);
	}
	leat_plane_close(&run.plane);
	return result;
}

/* The server alone, behind a TAP interface whose other end is the kernel. */
static enum opt_exit run_tap(const struct try_options *o, const struct run_eal *from)
{
	struct serve_options s;

	leat_opt_serve.defaults(&s);
	s.tap = "leat0";
	s.name = "try";
	s.address_cnt = 1;
	s.address[0] = (struct serve_address){.ip = ip_from4(CLIENT_FROM + 1), .prefix_bits = 24};
	s.listen_cnt = 1;
	s.listen[0] = (struct serve_listen){.port = PORT, .kind = SERVICE_KIND_HTTP};
	s.body_octets = o->body_octets;
	s.time_wait_ns = o->time_wait_ns;
	s.seconds = o->seconds;
	s.metrics = o->metrics;
	s.shards = o->shards;
	s.close = o->close == TRY_CLOSE_SERVER   ? SERVICE_CLOSE_SERVER
		  : o->close == TRY_CLOSE_CLIENT ? SERVICE_CLOSE_CLIENT
						 : SERVICE_CLOSE_KEEP;
	s.verbose = o->verbose;
	s.tcp = o->tcp;
	return leat_run_serve(&s, from, true);
}

/* note_rate tells when 2MSL is the limit: of the end that closes first every connection keeps a
 * record so long, and of both a pair of address and port. */
static void note_rate(const struct stack_config config[TRY_END_CNT], const struct try_options *o)
{
	const struct stack_config *first =
		&config[o->close == TRY_CLOSE_SERVER ? TRY_SERVER : TRY_CLIENT];
	uint32_t ports = config[TRY_CLIENT].port_to - config[TRY_CLIENT].port_from + 1u;
	uint64_t records = (uint64_t)first->tcp.time_wait_max * run.shard_cnt;
	uint64_t pairs = (uint64_t)SOURCE_CNT * ports;
	uint64_t rate = u64_min(records, pairs) * (TIME_S / TIME_MS) / (o->time_wait_ns / TIME_MS);
	char t[4][REPORT_TEXT_MAX], msl[REPORT_TEXT_MAX];

	if (rate >= RATE_REACHED)
		return;
	leat_text_ns(o->time_wait_ns, msl, sizeof(msl));
	leat_log(LOG_LV_NOTE, "leatd",
		"at 2MSL %s no more than %s conn/s can go on: TIME-WAIT has %s places, and %u "
		"addresses with %s ports are %s pairs; beyond that %s",
		msl, leat_report_group(rate, t[0]), leat_report_group(records, t[1]), SOURCE_CNT,
		leat_report_group(ports, t[2]), leat_report_group(pairs, t[3]),
		records <= pairs ? leat_report_full(o->tcp.full == OPT_TCP_FULL_EVICT)
				 : "connects find no port");
}

/* begin_boot is for what outlives this run: a client's peers beyond a device. */
static enum opt_exit begin_boot(
	struct stack_config config[TRY_END_CNT], const struct try_options *o)
{
	const struct stack_config *c = &config[TRY_CLIENT];
	struct boot_want want = {.path = o->boot_record,
		.quiet_ns = o->quiet_ns,
		.two_msl_ns = o->time_wait_ns,
		.port_from = c->port_from,
		.port_to = c->port_to};

	if (o->client_vdev == NULL)
		return OPT_EXIT_OK;
	enum opt_exit result = leat_boot_begin(&run.boot, &want, leat_shard_clock_wall_ns());
	for (uint32_t i = 0; i < TRY_END_CNT && result == OPT_EXIT_OK; i++)
		leat_boot_set(&run.boot, &config[i]);
	run.view.boot = &run.boot;
	return result;
}

enum opt_exit leat_run_try(const struct try_options *options, const struct run_eal *from)
{
	struct try_options o = *options;
	struct stack_config config[TRY_END_CNT];
	struct eal eal;

	if (o.tap)
		return run_tap(&o, from);
	if (leat_vdev_claim(o.server_vdev) != OPT_EXIT_OK ||
		leat_vdev_claim(o.client_vdev) != OPT_EXIT_OK)
		return OPT_EXIT_DEVICE;
	if (o.seed == 0 && getrandom(&o.seed, sizeof(o.seed), 0) == sizeof(o.seed))
		o.seed %= 1000000;
	o.seed += o.seed == 0;
	run = (struct try_run){.o = &o, .view = {.o = &o}, .shard_cnt = (uint32_t)o.shards};
	for (uint32_t i = 0; i < TRY_END_CNT; i++)
		config[i] = stack_config((enum try_end)i, &o);
	struct nic_pool_plan plan = pool_plan(config);
	if (!shrink(config, leat_nic_pool_octets(&plan, NIC_NUMA_SMALL_OCTETS)))
		return OPT_EXIT_RESOURCE;
	note_rate(config, &o);
	struct eal_want want = {.name = "try",
		.lcore_cnt = o.one_lcore ? 1 : end_cnt() * run.shard_cnt,
		.pool = plan,
		.verbose = o.verbose};
	enum opt_exit result = begin_boot(config, &o);
	if (result == OPT_EXIT_OK)
		result = leat_run_start_eal(from, &want, &eal);
	if (result == OPT_EXIT_OK) {
		if (o.one_lcore)
			eal.lcore_cnt = 1;
		run.view.huge = eal.huge;
		result = run_plane(&eal, &plan, config);
		leat_eal_stop(&eal);
	}
	leat_boot_end(&run.boot, leat_shard_clock_wall_ns());
	return result;
}
