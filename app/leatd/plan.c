/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"
#include "device.h"
#include "knobs.h"
#include "nic_numa.h"
#include "plane.h"
#include "report.h"

#include <inttypes.h>
#include <string.h>

#define PLAN_PORTS   "ports to connect from" /* its row in the table of a stack */
#define HELD_MAX     32768
#define CHUNK_MAX    131072

#define OPEN_SPARE   64 /* records for listeners, and for what a program has yet to let go */
#define WAITING_EACH 4  /* records of TIME-WAIT for each connection that may be open */

static uint32_t held_of(const struct serve_options *o, uint64_t each)
{
	return (uint32_t)u64_min(16 * each, HELD_MAX / o->shards);
}

/* open_of is how many records one shard has for connections that are open.  Each of them keeps a
 * place in TIME-WAIT, so that more than there are places could never be used. */
static uint64_t open_of(const struct serve_options *o)
{
	uint64_t each = o->connections / o->shards, places = o->tcp.time_wait_max;

	return (places != 0 ? u64_min(each, places) : each) + OPEN_SPARE;
}

static void plan_stack(const struct serve_options *o, struct stack_config *c)
{
	uint64_t each = open_of(o);

	leat_stack_config_default(c);
	c->link.mtu = c->knobs.mtu = (uint16_t)o->mtu;
	c->link.local_cnt = (uint8_t)o->address_cnt;
	for (uint32_t i = 0; i < o->address_cnt; i++) {
		c->link.local[i] = (struct wire_local){o->address[i].ip, o->address[i].prefix_bits};
		if (o->address[i].vip && o->vip_arp != 0)
			c->link.quiet |= (uint8_t)(1 << i);
	}
	c->link.vlan = (uint16_t)o->vlan;
	c->gateway4 = o->gateway4;
	c->gateway6 = o->gateway6;
	c->knobs.two_msl_ns = o->time_wait_ns;
	c->tcp.tcb_max = (uint32_t)each;
	c->tcp.time_wait_max = (uint32_t)(WAITING_EACH * each);
	c->tcp.rbuf_max = held_of(o, each);
	c->listener_max = SERVICE_LISTEN_MAX;
	c->neigh_max = 1024;
	c->send_chunk_cnt = (uint32_t)u64_min(16 * each, CHUNK_MAX / o->shards);
	leat_knobs_set(c, &o->tcp);
}

/* plan_pool sizes the packet buffers; with --buffers, what stacks may hold of them follows. */
static enum opt_exit plan_pool(const struct serve_options *o, struct plan *p)
{
	uint32_t wires = (uint32_t)opt_wire_is_on(&o->wire_in) + opt_wire_is_on(&o->wire_out);
	/* One connection may fill what it is promised, if nobody else needs any. */
	uint32_t shards = (uint32_t)o->shards, each = p->stack.knobs.rcv_seg_max, least;

	p->pool = (struct nic_pool_plan){.rx_slots = PLAN_SLOTS * shards,
		.tx_slots = PLAN_SLOTS * shards,
		.lcore_cnt = shards,
		.shard_cnt = shards,
		.own = SHARD_OWN_BUFFERS + shard_lane_buffers(shards) + wires * SHARD_WIRE_SLOTS,
		.mtu = p->stack.link.mtu};
	least = leat_nic_pool_buffers(&p->pool) + shards * each;
	if (o->buffers != 0 && o->buffers < least) {
		leat_log(LOG_LV_ERROR, "leatd",
			"--buffers: %ju are too few for %u shard%s: %u to receive into + %u to "
			"send + %u in hand and in caches + %u held, %u by one connection in each "
			"shard (--receive-buffer %ju), = %u",
			(uintmax_t)o->buffers, shards, shards == 1 ? "" : "s", p->pool.rx_slots,
			p->pool.tx_slots,
			least - p->pool.rx_slots - p->pool.tx_slots - shards * each, shards * each,
			each, (uintmax_t)o->tcp.receive_buffer_octets, least);
		return OPT_EXIT_CONFIG;
	}
	if (o->buffers != 0)
		p->stack.tcp.rbuf_max = (uint32_t)((o->buffers - least) / shards) + each;
	p->pool.held = p->stack.tcp.rbuf_max * shards;
	return OPT_EXIT_OK;
}

/* plan_waits gives listeners the TIME-WAIT that is their own. */
static void plan_waits(const struct serve_options *o, struct service_config *c)
{
	for (uint32_t i = 0; i < o->wait_cnt * o->listen_cnt; i++) {
		const struct opt_wait *w = &o->wait[i / o->listen_cnt];
		struct service_listen *l = &c->listen[i % o->listen_cnt];

		if (l->local.port != w->port)
			continue;
		if (w->length_ns != 0)
			l->two_msl_ns = w->length_ns;
		if (w->reuse != OPT_WAIT_OTHER)
			l->reuse = (uint8_t)(w->reuse + 1);
		if (w->rst != OPT_WAIT_OTHER)
			l->rst = (uint8_t)(w->rst + 1);
	}
}

static enum opt_exit plan_service(const struct serve_options *o, struct service_config *c)
{
	char why[160];

	leat_service_config_default(c);
	c->conn_max = (uint32_t)open_of(o);
	c->backlog = c->conn_max;
	c->listen_cnt = o->listen_cnt;
	for (uint32_t i = 0; i < o->listen_cnt; i++)
		c->listen[i] = (struct service_listen){.kind = o->listen[i].kind,
			.local = {.family = 0, .port = o->listen[i].port},
			.program = o->listen[i].program};
	plan_waits(o, c);
	c->close = (enum service_close)o->close;
	c->body_octets = o->body_octets;
	if (leat_service_footprint(c) != 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "%s", leat_service_config_error(c, why, sizeof(why)));
	return OPT_EXIT_CONFIG;
}

static enum opt_exit plan_cores(const struct serve_options *o, struct plan *p)
{
	leat_nic_topo_read(&p->topo);
	p->node = leat_device_node(o);
	for (uint32_t i = 0; i < o->lcore_cnt; i++) {
		if (!leat_nic_topo_allowed(&p->topo, o->lcore[i])) {
			leat_log(LOG_LV_ERROR, "leatd",
				"--lcores: this process may not run on core %u; taskset -cp $$ "
				"tells where it may",
				o->lcore[i]);
			return OPT_EXIT_RESOURCE;
		}
		p->cpu[i] = o->lcore[i];
	}
	p->cpu_cnt = u32_min(o->lcore_cnt, (uint32_t)o->shards);
	if (p->cpu_cnt == 0)
		p->cpu_cnt = leat_nic_topo_cpus(
			&p->topo, p->node, u32_min((uint32_t)o->shards, PLANE_LCORE_MAX), p->cpu);
	if (p->cpu_cnt != 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "there is no core that this process may run on");
	return OPT_EXIT_RESOURCE;
}

static void add_row(struct plan *p, const char *name, uint64_t cnt, uint64_t octets, bool shared)
{
	ASSERT(p->row_cnt < PLAN_ROW_MAX);
	p->row[p->row_cnt++] = (struct plan_row){name, cnt, octets, shared};
}

/* add_rows writes the table; taken_octets is what of it comes from the kernel in pieces of its
 * own. */
static enum opt_exit add_rows(const struct serve_options *o, struct plan *p)
{
	struct shard_config shard = {.stack = p->stack,
		.wire_in = leat_knobs_wire(&o->wire_in, 0),
		.wire_out = leat_knobs_wire(&o->wire_out, 0)};
	struct stack_part part[STACK_PART_MAX];
	uint64_t octets = leat_shard_footprint(&shard), known = 0;
	uint64_t program = leat_nic_numa_octets(p->program_octets);
	uint64_t boxes = leat_nic_numa_octets(leat_plane_join_octets(p->shard_cnt));
	char text[160];

	if (octets == 0) {
		const char *why = leat_stack_config_error(&p->stack, text, sizeof(text));
		leat_log(LOG_LV_ERROR, "shard", "%s", why != NULL ? why : "too large");
		return OPT_EXIT_CONFIG;
	}
	uint32_t cnt = leat_stack_parts(&p->stack, part);
	for (uint32_t i = 0; i < cnt; i++) {
		add_row(p, part[i].name, part[i].cnt, part[i].octets, false);
		known += part[i].octets;
	}
	octets = leat_nic_numa_octets(octets);
	add_row(p, "turns, bursts, counters", 0, octets - known, false);
	add_row(p, "programs", p->program_cnt, program, false);
	if (p->shard_cnt > 1)
		add_row(p, "boxes between shards", 0, boxes, true);
	add_row(p, "packet buffers", leat_nic_pool_buffers(&p->pool), p->eal.pool_octets, true);
	add_row(p, "DPDK", 0, p->eal.octets - p->eal.pool_octets, true);
	p->each_octets = octets + program;
	p->taken_octets = p->shard_cnt * p->each_octets + (p->shard_cnt > 1 ? boxes : 0);
	return OPT_EXIT_OK;
}

enum opt_exit leat_plan_begin(const struct serve_options *o, struct plan *p)
{
	*p = (struct plan){.shard_cnt = (uint32_t)o->shards,
		.open_wish = (o->connections + o->shards - 1) / o->shards};
	leat_room_read("", &p->room);
	plan_stack(o, &p->stack);
	return plan_cores(o, p);
}

enum opt_exit leat_plan_end(
	const struct serve_options *o, struct plan *p, size_t octets, uint32_t cnt)
{
	enum opt_exit result = plan_pool(o, p);

	if (result != OPT_EXIT_OK)
		return result;
	p->program_octets = octets;
	p->program_cnt = cnt;
	p->eal = leat_eal_memory(&p->pool, (enum eal_huge)o->hugepages);
	return add_rows(o, p);
}

enum opt_exit leat_plan_serve(const struct serve_options *o, struct plan *p)
{
	enum opt_exit result = leat_plan_begin(o, p);

	if (result == OPT_EXIT_OK)
		result = plan_service(o, &p->service);
	if (result == OPT_EXIT_OK)
		result = leat_plan_end(
			o, p, leat_service_footprint(&p->service), p->service.conn_max);
	return result;
}

bool leat_plan_open(const struct serve_options *o, const struct plan *p, char *text, size_t size)
{
	char most[REPORT_TEXT_MAX], wish[REPORT_TEXT_MAX];
	uint64_t places = o->tcp.time_wait_max;

	if (places == 0 || places >= p->open_wish)
		return false;
	snprintf(text, size,
		"at most %s can be open at once: --time-wait-max; %s need --time-wait-max %" PRIu64,
		leat_report_group(places * p->shard_cnt, most),
		leat_report_group(p->open_wish * p->shard_cnt, wish), p->open_wish);
	return true;
}

static uint64_t row_octets(const struct plan *p, const struct plan_row *r)
{
	return r->octets * (r->shared ? 1 : p->shard_cnt);
}

uint64_t leat_plan_octets(const struct plan *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->row_cnt; i++)
		sum += row_octets(p, &p->row[i]);
	return sum;
}

/* pages_of is the huge pages that EAL's memory fills. */
static uint64_t pages_of(const struct plan *p)
{
	return p->eal.huge_octets / NIC_NUMA_HUGE_OCTETS;
}

int leat_plan_pool_node(const struct plan *p)
{
	return leat_nic_topo_huge_free(&p->topo, p->node) >= pages_of(p) ? p->node : -1;
}

uint64_t leat_plan_node_octets(const struct plan *p, int node)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		if (leat_nic_topo_cpu_node(&p->topo, p->cpu[i % p->cpu_cnt]) == node)
			sum += p->each_octets;
	}
	return sum;
}

/* part_octets is what all shards have of the row of that name. */
static uint64_t part_octets(const struct plan *p, const char *name)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->row_cnt; i++)
		if (strcmp(p->row[i].name, name) == 0)
			sum += row_octets(p, &p->row[i]);
	return sum;
}

/* spare_what names the option that made the most of it. */
static const char *spare_what(const struct serve_options *o, const struct plan *p)
{
	uint64_t all = leat_plan_octets(p);

	/* The index has a place for each that waits. */
	if (o->tcp.time_wait_max != 0 &&
		2 * (part_octets(p, "TIME-WAIT") + part_octets(p, "flow index")) > all)
		return "a smaller --time-wait-max";
	if (o->buffers != 0 && 2 * part_octets(p, "packet buffers") > all)
		return "fewer --buffers";
	if (2 * part_octets(p, PLAN_PORTS) > all)
		return "fewer --source-ports, --sources or --target addresses and ports";
	return "fewer --connections";
}

/* check_nodes: tables are bound to their node, and the kernel would rather end us than take them
 * from another one. */
static enum opt_exit check_nodes(const struct serve_options *o, const struct plan *p)
{
	for (int i = 0; p->topo.node_cnt > 1 && i < (int)p->topo.node_cnt; i++) {
		uint64_t needed = leat_plan_node_octets(p, i);

		if (needed <= p->topo.node[i].free_octets)
			continue;
		leat_log(LOG_LV_ERROR, "leatd",
			"node %d: %ju MiB are needed there by the shards on its cores, %ju MiB are "
			"free; %s, or --lcores of several nodes?",
			i, (uintmax_t)(needed >> 20),
			(uintmax_t)(p->topo.node[i].free_octets >> 20), spare_what(o, p));
		return OPT_EXIT_RESOURCE;
	}
	return OPT_EXIT_OK;
}

enum opt_exit leat_plan_check(const struct serve_options *o, const struct plan *p)
{
	uint64_t needed = leat_plan_octets(p) - (p->eal.huge ? p->eal.octets : 0);
	uint64_t pages = leat_nic_topo_huge_free(&p->topo, p->node);
	char limit[ROOM_LIMIT_MAX];

	if (o->hugepages == EAL_HUGE_NEED && pages < pages_of(p)) {
		leat_log(LOG_LV_ERROR, "leatd",
			"%ju huge pages of 2 MiB are needed, %ju are free: dpdk-hugepages.py -p 2M "
			"-n %d --setup %juM, or --hugepages auto",
			(uintmax_t)pages_of(p), (uintmax_t)pages, p->node < 0 ? 0 : p->node,
			(uintmax_t)(p->eal.huge_octets >> 20));
		return OPT_EXIT_RESOURCE;
	}
	if (needed <= p->room.octets)
		return check_nodes(o, p);
	leat_log(LOG_LV_ERROR, "leatd",
		"%ju MiB are needed, %ju MiB are free%s; `plan` shows what for; %s?",
		(uintmax_t)(needed >> 20), (uintmax_t)(p->room.octets >> 20),
		leat_room_limit(&p->room, limit), spare_what(o, p));
	return OPT_EXIT_RESOURCE;
}

void leat_plan_warn(const struct serve_options *o, const struct plan *p)
{
	uint64_t pages = leat_nic_topo_huge_free(&p->topo, p->node);

	/* Who made some meant them to be used. */
	if (o->hugepages == EAL_HUGE_AUTO && pages < pages_of(p) &&
		leat_nic_topo_huge_free(&p->topo, -1) != 0)
		leat_log(LOG_LV_WARN, "leatd",
			"%ju huge pages of 2 MiB are needed, %ju are free where the device is: "
			"%s",
			(uintmax_t)pages_of(p), (uintmax_t)pages,
			p->eal.huge ? "others are used" : "ordinary memory is used");
	for (uint32_t i = 0; i < p->cpu_cnt; i++) {
		int node = leat_nic_topo_cpu_node(&p->topo, p->cpu[i]);
		uint32_t distance = leat_nic_topo_distance(&p->topo, p->node, node);

		if (distance != NIC_TOPO_NEAR)
			leat_log(LOG_LV_WARN, "leatd",
				"core %u is on node %d, the device on node %d, %u apart where %u "
				"is near: each frame crosses; --lcores of node %d?",
				p->cpu[i], node, p->node, distance, NIC_TOPO_NEAR, p->node);
	}
}
