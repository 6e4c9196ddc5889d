/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_plan.h"

#include <inttypes.h>

/* A plan in words. */

#define NEVER_RX UINT32_MAX

const char *leat_sim_style_name(enum sim_style style)
{
	static const char *const name[SIM_STYLE_CNT] = {"none", "mild", "harsh", "clog", "evil",
		"famine", "stall", "flap", "restart", "hostile"};

	return name[style];
}

static const char *kind_name(enum sim_fault_kind kind)
{
	static const char *const name[SIM_FAULT_KIND_CNT] = {"loss", "burst loss", "each n-th lost",
		"loss of a kind", "one evil packet", "duplication", "reordering", "delay spikes",
		"corruption", "forgery", "truncation", "clog", "partition", "replay",
		"options stripped", "MSS clamped", "sequence numbers moved", "ports bound anew",
		"blind attacker", "spy", "SYN flood", "noise", "blind ICMP errors", "narrow path",
		"nobody there", "stall", "clock jump", "famine", "NIC refuses", "NIC reset",
		"listeners closed", "restart"};

	return name[kind];
}

static void print_side(const struct sim_side *s, FILE *out)
{
	static const char *const how[] = {
		"after writing", "after reading", "at EOF", "both", "late", "abort"};

	fprintf(out, "writes %u by %u", s->tx_octets, s->tx_chunk);
	if (s->tx_gap > 0)
		fprintf(out, " each %g ms", (double)s->tx_gap / 1e6);
	if (s->tx_after_rx == NEVER_RX)
		fprintf(out, " after EOF");
	else if (s->tx_after_rx > 0)
		fprintf(out, " after reading %u", s->tx_after_rx);
	fprintf(out, ", reads by %u", s->rx_chunk);
	if (s->rx_gap > 0)
		fprintf(out, " each %g ms", (double)s->rx_gap / 1e6);
	if (s->rx_pause_at != NEVER_RX)
		fprintf(out, " up to %u until the calm", s->rx_pause_at);
	fprintf(out, ", closes %s", how[s->close]);
}

void leat_sim_plan_print(const struct sim_plan *plan, FILE *out)
{
	fprintf(out, "# seed %" PRIu64 ": %s, %u hosts, %s%s%s, delay %g ms, calm at %g s\n",
		plan->seed, leat_sim_style_name(plan->style), plan->host_cnt,
		plan->ip6 ? "IPv6" : "IPv4", plan->raw_ip ? "" : ", Ethernet",
		plan->resolve ? ", ARP" : "", (double)plan->link[0][1].delay / 1e6,
		(double)plan->faults_until / 1e9);
	for (uint32_t i = 0; i < plan->host_cnt; i++) {
		const struct sim_host_plan *h = &plan->host[i];

		fprintf(out, "#   host %u: %u shards, mtu %u, %u records, %u pieces, %u chunks\n",
			i, h->shards, h->config.link.mtu, h->config.tcp.tcb_max,
			h->config.tcp.rbuf_max, h->config.send_chunk_cnt);
	}
	for (uint32_t i = 0; i < plan->fault_cnt; i++) {
		const struct sim_fault *f = &plan->fault[i];

		if (!(plan->fault_mask >> i & 1))
			continue;
		fprintf(out,
			"#   fault %u: %s from %g to %g s, src %d dst %d p %u q %u n %u %g ms\n", i,
			kind_name(f->kind), (double)f->from / 1e9, (double)f->to / 1e9,
			f->src == SIM_ANY ? -1 : f->src, f->dst == SIM_ANY ? -1 : f->dst, f->p,
			f->q, f->n, (double)f->ns / 1e6);
	}
	for (uint32_t i = 0; i < plan->flow_cnt; i++) {
		const struct sim_flow *f = &plan->flow[i];

		if (!(plan->flow_mask >> i & 1))
			continue;
		fprintf(out,
			"#   flow %u: host %u.%u to %u:%u%s, %u times from %g s\n#     client ", i,
			f->client, f->shard, f->server, f->rport, f->both ? " and back" : "",
			f->repeat, (double)f->start / 1e9);
		print_side(&f->side[0], out);
		fprintf(out, "\n#     server ");
		print_side(&f->side[1], out);
		fprintf(out, "\n");
	}
}
