/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer.h"

#include "base_bits.h"
#include "report.h"

#include <string.h>

void leat_steer_plan(struct steer *s, const struct steer_want *want, const struct nic_port *port,
	struct nic_port_config *config)
{
	uint32_t table = want->queue_cnt == want->shard_cnt ? leat_nic_rss_table(port) : 0;
	bool by_device = want->shard_cnt > 1 && !want->wire && table >= want->shard_cnt;

	s->mode = want->shard_cnt == 1 ? STEER_ONE : want->wire ? STEER_WIRE : STEER_SOFTWARE;
	s->shard_cnt = want->shard_cnt;
	s->queue_cnt = want->queue_cnt;
	s->why[0] = '\0';
	if (s->mode == STEER_ONE)
		return;
	table = by_device ? table : FLOW_STEER_TABLE;
	leat_flow_steer_key(s->key, want->seed, table, want->symmetric);
	leat_flow_steer_init(&s->flow, s->key, table, want->shard_cnt);
	if (by_device)
		config->rss = (struct nic_rss_config){
			.key = s->key, .table = s->flow.table, .table_cnt = table};
}

void leat_steer_settle(struct steer *s, const struct nic_port *port)
{
	if (s->mode != STEER_SOFTWARE)
		return;
	if (port->rss.ours)
		s->mode = STEER_DEVICE;
	else if (s->queue_cnt < s->shard_cnt)
		snprintf(s->why, sizeof(s->why), "%u queue%s for %u shards", s->queue_cnt,
			s->queue_cnt == 1 ? "" : "s", s->shard_cnt);
	else if (port->rss.table_entries == 0)
		snprintf(s->why, sizeof(s->why), "%s has no redirection table", port->driver);
	else if (port->rss.table_entries < s->shard_cnt)
		snprintf(s->why, sizeof(s->why), "a table of %u for %u shards",
			port->rss.table_entries, s->shard_cnt);
	else
		memcpy(s->why, port->rss.why, sizeof(s->why));
}

void leat_steer_shard(const struct steer *s, uint32_t idx, struct shard_config *config)
{
	config->queue = idx < s->queue_cnt ? (uint16_t)idx : SHARD_NO_QUEUE;
	config->trust = s->mode == STEER_WIRE || s->mode == STEER_DEVICE;
	config->stack.steer = s->mode == STEER_ONE ? NULL : &s->flow;
	config->stack.shard_idx = idx;
}

const char *leat_steer_name(const struct steer *s)
{
	static const char *const name[] = {"one shard", "queue to queue", "device", "software"};

	return name[s->mode];
}

void leat_steer_print(const struct steer *s, FILE *out)
{
	switch (s->mode) {
	case STEER_ONE:
		fprintf(out, "one shard has all flows");
		break;
	case STEER_WIRE:
		fprintf(out, "queue to queue: both ends share a symmetric hash; one segment a "
			     "burst is verified, none moves");
		break;
	case STEER_DEVICE:
		fprintf(out,
			"by the device: our key of %u bits and table of %u read back equal; one "
			"segment a burst is verified, none moves",
			8 * FLOW_RSS_KEY_OCTETS, s->flow.table_cnt);
		break;
	case STEER_SOFTWARE:
		fprintf(out,
			"in software, since %s: one hash a frame, and up to %u of %u move "
			"to their shard",
			s->why, s->shard_cnt - 1, s->shard_cnt);
		break;
	}
}

void leat_steer_end(const struct steer *s, const struct shard_counts *sum, FILE *out)
{
	char t[5][REPORT_TEXT_MAX];

	if (s->mode == STEER_ONE)
		return;
	fprintf(out, "%s; moved %s frames of %s, dropped %s, at most %s of %u on a lane",
		leat_steer_name(s), leat_report_group(sum->moved_out, t[0]),
		leat_report_group(sum->rx_frames, t[1]), leat_report_group(sum->move_dropped, t[2]),
		leat_report_group(sum->moved_high, t[3]), SHARD_LANE_SLOTS);
	if (sum->steer_probed != 0)
		fprintf(out, "; verified %s segments", leat_report_group(sum->steer_probed, t[4]));
	if (sum->steer_astray != 0)
		fprintf(out,
			"; %s ASTRAY: the device does not do what it read back; segments "
			"were moved in software",
			leat_report_group(sum->steer_astray, t[4]));
	fprintf(out, "; on a wrong shard %s\n", leat_report_group(sum->wrong_shard, t[0]));
}
