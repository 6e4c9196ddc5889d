/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "conf_value.h"
#include "nic_numa.h"
#include "plan.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

#define RATE_WISH 10 /* times the rate that is told, for the line that says how to get it */

static void size_text(uint64_t octets, char *text, size_t size)
{
	static const struct {
		uint64_t octets;
		const char *name;
	} unit[] = {{UINT64_C(1) << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}};
	uint32_t i = 0;

	while (i < COUNT_OF(unit) - 1 && octets < unit[i].octets)
		i++;
	if (unit[i].octets == 1)
		snprintf(text, size, "%" PRIu64 " B", octets);
	else
		snprintf(text, size, "%.1f %s", (double)octets / (double)unit[i].octets,
			unit[i].name);
}

static void print_row(const struct plan *p, const struct plan_row *r, FILE *out)
{
	uint64_t times = r->shared ? 1 : p->shard_cnt;
	char cnt[REPORT_TEXT_MAX] = "", all[REPORT_TEXT_MAX] = "", one[32] = "", sum[32];

	if (r->cnt != 0) {
		if (!r->shared)
			leat_report_group(r->cnt, cnt);
		leat_report_group(r->cnt * times, all);
		size_text(r->octets / r->cnt, one, sizeof(one));
	}
	size_text(r->octets * times, sum, sizeof(sum));
	fprintf(out, "  %-24s %14s %14s %10s %10s\n", r->name, cnt, all, one, sum);
}

static void print_cores(const struct plan *p, FILE *out)
{
	fprintf(out, "  cores                    ");
	for (uint32_t i = 0; i < p->cpu_cnt; i++) {
		int node = leat_nic_topo_cpu_node(&p->topo, p->cpu[i]);
		bool last = i + 1 == p->cpu_cnt ||
			    node != leat_nic_topo_cpu_node(&p->topo, p->cpu[i + 1]);

		fprintf(out, "%s%u", i != 0 ? ", " : "", p->cpu[i]);
		if (last)
			fprintf(out, " of node %d", node);
		if (last && p->node >= 0)
			fprintf(out, " (distance %u)",
				leat_nic_topo_distance(&p->topo, p->node, node));
	}
	if (p->node >= 0)
		fprintf(out, ", the device on node %d", p->node);
	if (p->cpu_cnt < p->shard_cnt)
		fprintf(out, "; %u shards take turns on them", p->shard_cnt);
	fprintf(out, "\n");
}

static void print_memory(const struct plan *p, FILE *out)
{
	char have[32], limit[ROOM_LIMIT_MAX];

	size_text(p->room.octets, have, sizeof(have));
	fprintf(out, "  memory                   %s free%s; %s, %" PRIu64 " of 2 MiB needed:", have,
		leat_room_limit(&p->room, limit),
		p->eal.huge ? "packet buffers in huge pages" : "no huge pages used",
		p->eal.huge_octets / NIC_NUMA_HUGE_OCTETS);
	for (uint32_t i = 0; i < p->topo.node_cnt; i++)
		fprintf(out, " node %u has %u free", i, p->topo.node[i].huge_free);
	fprintf(out, "\n");
	for (uint32_t i = 0; p->topo.node_cnt > 1 && i < p->topo.node_cnt; i++) {
		char need[32];

		size_text(leat_plan_node_octets(p, (int)i), need, sizeof(need));
		size_text(p->topo.node[i].free_octets, have, sizeof(have));
		fprintf(out,
			"  node %-3u                 %s for the shards on its cores, %s free\n", i,
			need, have);
	}
}

/* place_octets is what one place in TIME-WAIT takes: of the ring, and of the flow index. */
static double place_octets(const struct plan *p)
{
	double octets = 0;

	for (uint32_t i = 0; i < p->row_cnt; i++)
		if (strcmp(p->row[i].name, "TIME-WAIT") == 0 ||
			strcmp(p->row[i].name, "flow index") == 0)
			octets += (double)p->row[i].octets / (double)p->row[i].cnt;
	return octets;
}

/* print_rate tells what 2MSL allows: a connection that we close first keeps its record so long. */
static void print_rate(const struct serve_options *o, const struct plan *p, FILE *out)
{
	uint64_t places = p->stack.tcp.time_wait_max, records = places * p->shard_cnt;
	uint64_t rate = (uint64_t)((double)records * (double)TIME_S / (double)o->time_wait_ns);
	char msl[REPORT_TEXT_MAX], t[REPORT_TEXT_MAX];

	leat_text_ns(o->time_wait_ns, msl, sizeof(msl));
	fprintf(out,
		"  at 2MSL %-16s highest steady rate %s conn/s when we close first: TIME-WAIT is "
		"the limit\n",
		msl, leat_report_group(rate, t));
	/* As it can be typed. */
	leat_conf_value_text(CONF_KIND_DURATION,
		u64_max(o->time_wait_ns / RATE_WISH / TIME_MS, 1) * TIME_MS, msl, sizeof(msl));
	fprintf(out, "  to carry %-15s ", leat_report_group(RATE_WISH * rate, t));
	if (RATE_WISH * places <= OPT_TCP_TIME_WAIT_MAX)
		fprintf(out, "--time-wait-max %" PRIu64 ", or ", RATE_WISH * places);
	fprintf(out,
		"--time-wait %s: so many conn/s, %d times the rate above, when we close first\n",
		msl, RATE_WISH);
	fprintf(out,
		"  TIME-WAIT has            %s places on each shard, %.1f octets each with the "
		"index; when full: ",
		leat_report_group(places, t), place_octets(p));
	fprintf(out, "%s\n", leat_report_full(p->stack.knobs.time_wait_evict));
}

void leat_plan_table(
	const struct serve_options *o, const struct plan *p, const char *role, FILE *out)
{
	char text[PLAN_OPEN_MAX];

	fprintf(out, "%s, %s, %u shard%s\n", o->name, role, p->shard_cnt,
		p->shard_cnt == 1 ? "" : "s");
	fprintf(out, "  %-24s %14s %14s %10s %10s\n", "", "each shard", "all", "each one", "all");
	for (uint32_t i = 0; i < p->row_cnt; i++)
		print_row(p, &p->row[i], out);
	size_text(leat_plan_octets(p), text, sizeof(text));
	fprintf(out, "  %-24s %14s %14s %10s %10s  (%" PRIu64 " octets)\n", "total", "", "", "",
		text, leat_plan_octets(p));
	if (leat_plan_open(o, p, text, sizeof(text)))
		fprintf(out, "  open                     %s\n", text);
	print_cores(p, out);
	print_memory(p, out);
}

void leat_plan_print(const struct serve_options *o, const struct plan *p, FILE *out)
{
	leat_plan_table(o, p, "server", out);
	print_rate(o, p, out);
}
