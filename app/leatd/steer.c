/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer.h"

#include "base_assert.h"
#include "base_bits.h"
#include "report.h"

#include <string.h>

void leat_steer_plan(struct steer *s, const struct steer_want *want, struct nic_port_config *config)
{
	uint32_t table = want->queue_cnt > 1 && !want->wire ? want->table_cnt : 0;
	bool by_device = want->shard_cnt > 1 && table >= want->shard_cnt;

	ASSERT(want->queue_cnt <= want->shard_cnt);
	s->mode = want->shard_cnt == 1 ? STEER_ONE : want->wire ? STEER_WIRE : STEER_SOFTWARE;
	s->shard_cnt = want->shard_cnt;
	s->queue_cnt = want->queue_cnt;
	s->why[0] = '\0';
	if (s->mode == STEER_ONE)
		return;
	table = by_device ? table : FLOW_STEER_TABLE;
	leat_flow_steer_key(s->key, want->seed, table, want->symmetric);
	leat_flow_steer_init(&s->flow, s->key, table, want->shard_cnt);
	for (uint32_t i = 0; i < table; i++)
		s->queue[i] = (uint8_t)(s->flow.table[i] % want->queue_cnt);
	if (by_device)
		config->rss = (struct nic_rss_config){
			.key = s->key, .table = s->queue, .table_cnt = table};
}

/* explain says why the device does not do it. */
static void explain(struct steer *s, const struct nic_port *port)
{
	char queues[64] = "", lacks[NIC_RSS_WHY_MAX];

	if (s->queue_cnt < s->shard_cnt)
		snprintf(queues, sizeof(queues), "%u queue%s for %u shards", s->queue_cnt,
			s->queue_cnt == 1 ? "" : "s", s->shard_cnt);
	if (port->rss.table_entries == 0)
		snprintf(lacks, sizeof(lacks), "%s has no redirection table", port->driver);
	else if (port->rss.table_entries < s->shard_cnt)
		snprintf(lacks, sizeof(lacks), "a table of %u for %u shards",
			port->rss.table_entries, s->shard_cnt);
	else
		memcpy(lacks, port->rss.why, sizeof(lacks));
	if (s->queue_cnt == 1) /* with whatever table */
		lacks[0] = '\0';
	snprintf(s->why, sizeof(s->why), "%s%s%s", queues,
		queues[0] != '\0' && lacks[0] != '\0' ? ", and " : "", lacks);
}

void leat_steer_settle(struct steer *s, const struct nic_port *port)
{
	if (s->mode == STEER_ONE || s->mode == STEER_WIRE)
		return;
	s->mode = !port->rss.ours               ? STEER_SOFTWARE
		  : s->queue_cnt < s->shard_cnt ? STEER_PART
						: STEER_DEVICE;
	s->why[0] = '\0';
	if (s->mode == STEER_SOFTWARE)
		explain(s, port);
}

/* carries_others says whether frames of a shard without a queue are dealt to queue idx. */
static bool carries_others(const struct steer *s, uint32_t idx)
{
	return idx + s->queue_cnt < s->shard_cnt;
}

void leat_steer_shard(const struct steer *s, uint32_t idx, struct shard_config *config)
{
	bool alone = idx < s->queue_cnt && !carries_others(s, idx);

	config->queue = idx < s->queue_cnt ? (uint16_t)idx : SHARD_NO_QUEUE;
	config->trust = s->mode == STEER_WIRE ? SHARD_TRUST_WIRE
			: alone               ? SHARD_TRUST_DEVICE
					      : SHARD_TRUST_NONE;
	config->stack.steer = s->mode == STEER_ONE ? NULL : &s->flow;
	config->stack.shard_idx = idx;
}

bool leat_steer_shared(const struct steer *s, uint32_t idx)
{
	return idx < s->queue_cnt &&
	       (s->mode == STEER_SOFTWARE || (s->mode == STEER_PART && carries_others(s, idx)));
}

const char *leat_steer_name(const struct steer *s)
{
	static const char *const name[] = {
		"one shard", "queue to queue", "device", "device in part", "software"};

	return name[s->mode];
}

/* print_proof writes what shows that the device does as it was told. */
static void print_proof(const struct steer *s, FILE *out)
{
	fprintf(out,
		"our key of %u bits and table of %u were set, read back equal, and of a queue the "
		"first %u segments are verified, then one a burst",
		8 * FLOW_RSS_KEY_OCTETS, s->flow.table_cnt, SHARD_STEER_TRIAL);
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
		fprintf(out, "by the device: ");
		print_proof(s, out);
		fprintf(out, "; none moves");
		break;
	case STEER_PART:
		fprintf(out, "by the device IN PART, since it has %u queues for %u shards: ",
			s->queue_cnt, s->shard_cnt);
		print_proof(s, out);
		fprintf(out,
			"; %u of %u frames are of shards without a queue and move, and where they "
			"arrive each frame is hashed; %u shards would move none",
			s->shard_cnt - s->queue_cnt, s->shard_cnt, s->queue_cnt);
		break;
	case STEER_SOFTWARE:
		fprintf(out,
			"in software, since %s: one hash a frame, and up to %u of %u move "
			"to their shard",
			s->why, s->shard_cnt - 1, s->shard_cnt);
		break;
	}
}

const char *leat_steer_ledger_error(
	const struct shard_counts *sum, uint64_t moving, uint64_t carrying, char *text, size_t size)
{
	if (sum->moved_out != sum->moved_in + moving || sum->wrong_shard != 0)
		snprintf(text, size,
			"moved %ju frames, taken %ju, on lanes %ju; on a wrong shard %ju",
			(uintmax_t)sum->moved_out, (uintmax_t)sum->moved_in, (uintmax_t)moving,
			(uintmax_t)sum->wrong_shard);
	else if (sum->tx_over != sum->tx_carried + sum->tx_waiting + carrying)
		snprintf(text, size,
			"%ju frames given to another's queue, carried %ju, waiting %ju, on lanes "
			"%ju",
			(uintmax_t)sum->tx_over, (uintmax_t)sum->tx_carried,
			(uintmax_t)sum->tx_waiting, (uintmax_t)carrying);
	else
		return NULL;
	return text;
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
	if (sum->tx_over != 0)
		fprintf(out, "; carried %s frames for shards without a queue",
			leat_report_group(sum->tx_carried, t[4]));
	if (sum->steer_probed != 0)
		fprintf(out, "; verified %s segments%s", leat_report_group(sum->steer_probed, t[4]),
			sum->steer_astray == 0 ? ", each as computed" : "");
	if (sum->steer_astray != 0)
		fprintf(out,
			"; %s ASTRAY: the device does not do what it read back; segments "
			"were moved in software",
			leat_report_group(sum->steer_astray, t[4]));
	fprintf(out, "; on a wrong shard %s\n", leat_report_group(sum->wrong_shard, t[0]));
}
