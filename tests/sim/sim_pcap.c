/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_bits.h"
#include "base_time.h"

#define MAGIC_NS  UINT32_C(0xa1b23c4d)
#define LINK_ETH  1
#define LINK_RAW  101
#define SNAP_MAX  65535
#define VERSION_A 2
#define VERSION_B 4

bool leat_sim_pcap_open(struct sim_world *w, const char *prefix)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, exact, snap, link;
	} head = {MAGIC_NS, VERSION_A, VERSION_B, 0, 0, SNAP_MAX,
		w->plan.raw_ip ? LINK_RAW : LINK_ETH};
	char path[512];

	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		snprintf(path, sizeof(path), "%s-host%u.pcap", prefix, h);
		w->pcap[h] = fopen(path, "wb");
		if (!w->pcap[h] || fwrite(&head, sizeof(head), 1, w->pcap[h]) != 1)
			return false;
	}
	return true;
}

void leat_sim_pcap_frame(struct sim_world *w, uint32_t host, const uint8_t *frame, uint32_t octets)
{
	if (!w->pcap[host])
		return;
	uint32_t head[4] = {
		(uint32_t)(w->now / TIME_S), (uint32_t)(w->now % TIME_S), octets, octets};

	(void)fwrite(head, sizeof(head), 1, w->pcap[host]);
	(void)fwrite(frame, 1, octets, w->pcap[host]);
}

void leat_sim_trace_frame(
	struct sim_world *w, uint32_t host, const char *what, const struct sim_buf *b)
{
	static const char names[] = "FSRPAUEC";
	struct watch_pkt p;
	char flags[sizeof(names)] = "";
	uint32_t n = 0;
	const char *wrong = leat_sim_watch_parse(b->data, b->octets, w->plan.raw_ip, &p);

	fprintf(w->trace, "%14.6f host%u %s ", (double)(w->now - w->plan.epoch) / 1e9, host, what);
	if (wrong || p.kind != WATCH_TCP) {
		fprintf(w->trace, "%s\n", wrong ? wrong : "neighbours or ICMP");
		return;
	}
	for (uint32_t i = 0; i < 8; i++)
		if (p.flags >> i & 1)
			flags[n++] = names[i];
	flags[n] = '\0';
	fprintf(w->trace, "%u>%u %s seq %u:%u(%u) ack %u wnd %u", p.sport, p.dport, flags, p.seq,
		p.seq + p.text, p.text, p.ack, p.wnd);
	if (p.opts & WATCH_OPT_TS)
		fprintf(w->trace, " ts %u %u", p.ts_val, p.ts_ecr);
	for (uint32_t i = 0; i < p.sack_cnt; i++)
		fprintf(w->trace, " sack %u:%u", p.sack[i][0], p.sack[i][1]);
	fprintf(w->trace, "\n");
}
