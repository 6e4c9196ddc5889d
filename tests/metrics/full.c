/* SPDX-License-Identifier: BSD-3-Clause */

/* Metrics of a snapshot of which every number is another, for what reads them:
 *
 *	metrics_full [open] [sum] */

#include "metrics.h"

#include <string.h>

static struct watch_snapshot s = {.name = "full",
	.verb = "load",
	.version = "0",
	.dpdk = "DPDK 0",
	.device = "net_ring0",
	.shard_cnt = 2};

int main(int argc, char **argv)
{
	struct metrics_form form = {0};
	uint64_t n = 1;

	for (int i = 1; i < argc; i++) {
		form.open |= strcmp(argv[i], "open") == 0;
		form.sum |= strcmp(argv[i], "sum") == 0;
	}
	for (uint32_t i = 0; i < WATCH_HEAD_CNT; i++)
		s.head[i] = n++;
	for (uint32_t i = 0; i < s.shard_cnt; i++) {
		for (uint32_t c = 0; c < WATCH_CELL_CNT; c++)
			s.cell[i][c] = n++;
		s.cell[i][WATCH_C_ROLE] = i == 0 ? WATCH_SERVER : WATCH_CLIENT;
	}
	leat_metrics_print(&s, true, form, stdout);
	return 0;
}
