/* SPDX-License-Identifier: BSD-3-Clause */
#include "top.h"

#include "base_bits.h"
#include "base_time.h"
#include "json_text.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

/* seconds writes ns as a number of seconds. */
static void seconds(const char *name, uint64_t ns, FILE *out)
{
	fprintf(out, ",\"%s\":%" PRIu64 ".%09" PRIu64, name, ns / TIME_S, ns % TIME_S);
}

/* cells writes those of a group, by the last word of their names; all: those that are 0, too. */
static void cells(
	const char *name, const uint64_t *cell, uint32_t from, uint32_t cnt, bool all, FILE *out)
{
	char text[WATCH_NAME_MAX];
	const char *comma = "";

	fprintf(out, ",\"%s\":{", name);
	for (uint32_t i = 0; i < cnt; i++) {
		const char *word = strchr(leat_watch_cell_name(from + i, text), '.');

		bool none = word != NULL && word[1] < 'A'; /* no more than a number */
		if (none || (!all && cell[from + i] == 0))
			continue;
		fprintf(out, "%s\"%s\":%" PRIu64, comma, word != NULL ? word + 1 : text,
			cell[from + i]);
		comma = ",";
	}
	fputc('}', out);
}

static void rates(const struct top *t, FILE *out)
{
	const uint64_t *a = t->side_before, *b = t->side;
	const struct {
		const char *name;
		uint64_t before, now;
	} rate[] = {
		{"opened_per_s", leat_top_opened(a), leat_top_opened(b)},
		{"closed_per_s", leat_top_closed(a), leat_top_closed(b)},
		{"frames_in_per_s", a[WATCH_C_FRAMES_IN], b[WATCH_C_FRAMES_IN]},
		{"frames_out_per_s", a[WATCH_C_FRAMES_OUT], b[WATCH_C_FRAMES_OUT]},
		{"octets_in_per_s", a[WATCH_C_OCTETS_IN], b[WATCH_C_OCTETS_IN]},
		{"octets_out_per_s", a[WATCH_C_OCTETS_OUT], b[WATCH_C_OCTETS_OUT]},
		{"drops_per_s", leat_watch_drops(t->sum_before), leat_watch_drops(t->sum)},
		{"planned_per_s", t->sum_before[WATCH_LOAD + WATCH_L_PLANNED],
			t->sum[WATCH_LOAD + WATCH_L_PLANNED]},
		{"started_per_s", t->sum_before[WATCH_LOAD + WATCH_L_STARTED],
			t->sum[WATCH_LOAD + WATCH_L_STARTED]},
	};

	fputs(",\"rates\":{", out);
	for (uint32_t i = 0; i < COUNT_OF(rate); i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", rate[i].name,
			leat_top_rate(t, rate[i].before, rate[i].now));
	fputc('}', out);
}

static void shard(const struct top *t, uint32_t i, FILE *out)
{
	const uint64_t *a = t->before.cell[i], *b = t->now.cell[i];
	uint64_t turn[WATCH_TURN_CNT], watched = b[WATCH_C_WATCHED_NS] - a[WATCH_C_WATCHED_NS];

	for (uint32_t k = 0; k < WATCH_TURN_CNT; k++)
		turn[k] = b[WATCH_TURN + k] - a[WATCH_TURN + k];
	fprintf(out,
		"%s{\"shard\":%" PRIu32 ",\"cpu\":%" PRIu64 ",\"role\":\"%s\",\"turns\":%s,"
		"\"opened_per_s\":%" PRIu64 ",\"busy\":%.3f",
		i > 0 ? "," : "", i, b[WATCH_C_CPU], leat_watch_role_name(b[WATCH_C_ROLE]),
		b[WATCH_C_SILENT] != 0 ? "false" : "true",
		leat_top_rate(t, leat_top_opened(a), leat_top_opened(b)),
		leat_watch_busy(&t->before, &t->now, i) / 1e3);
	fputs(",\"stages\":{", out);
	for (uint32_t k = 0; k < WATCH_STAGE_CNT; k++)
		fprintf(out, "%s\"%s\":%.4f", k > 0 ? "," : "", leat_watch_stage_name(k),
			watched == 0 ? 0.0
				     : (double)(b[WATCH_STAGE + k] - a[WATCH_STAGE + k]) /
					       (double)watched);
	fputc('}', out);
	seconds("turn_p99_s", leat_watch_turn_at(turn, 990000), out);
	fprintf(out,
		",\"time_wait_max\":%" PRIu64 ",\"buffers_held\":%" PRIu64 ",\"drops\":%" PRIu64,
		b[WATCH_C_PLACES], b[WATCH_C_RBUF_HELD], leat_watch_drops(b));
	cells("states", b, WATCH_PRESENT + TCP_ST_CLOSED, TCP_ST_CNT - TCP_ST_CLOSED, true, out);
	fputc('}', out);
}

static void drops(const struct top *t, FILE *out)
{
	struct watch_drop d;
	const char *comma = "";

	fputs(",\"drops\":{", out);
	for (uint32_t i = 0; leat_watch_drop(t->sum, i, &d); i++) {
		if (d.cnt == 0)
			continue;
		fprintf(out, "%s\"%s\":%" PRIu64, comma, d.name, d.cnt);
		comma = ",";
	}
	fputc('}', out);
}

static void due(const struct top *t, FILE *out)
{
	seconds("due_width_s", t->now.head[WATCH_H_DUE_WIDTH_NS], out);
	fputs(",\"due\":[", out);
	for (uint32_t i = 0; i < WATCH_DUE_CNT; i++)
		fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", t->sum[WATCH_DUE + i]);
	fputc(']', out);
}

void leat_top_json(const struct top *t, FILE *out)
{
	const uint64_t *head = t->now.head;
	char why[WATCH_REASON_MAX];

	fputs("{\"schema\":\"leat.top/1\",\"name\":", out);
	leat_json_text(t->now.name, out);
	fputs(",\"verb\":", out);
	leat_json_text(t->now.verb, out);
	seconds("time_s", head[WATCH_H_WALL_NS], out);
	seconds("up_s", head[WATCH_H_UP_NS], out);
	seconds("interval_s", t->for_ns, out);
	seconds("two_msl_s", head[WATCH_H_TWO_MSL_NS], out);
	fprintf(out, ",\"two_msl_rfc_conformant\":%s,\"link_up\":%s,\"draining\":%s,\"paused\":%s",
		text_two_msl_conforms(head[WATCH_H_TWO_MSL_NS]) ? "true" : "false",
		head[WATCH_H_LINK_UP] != 0 ? "true" : "false",
		head[WATCH_H_DRAINING] != 0 ? "true" : "false",
		head[WATCH_H_STARTS_NS] == UINT64_MAX ? "true" : "false");
	fprintf(out,
		",\"pool_size\":%" PRIu64 ",\"pool_free\":%" PRIu64 ",\"time_wait_max\":%" PRIu64
		",\"device_missed\":%" PRIu64,
		head[WATCH_H_POOL_SIZE], head[WATCH_H_POOL_FREE], head[WATCH_H_WAIT_MAX],
		head[WATCH_H_RX_MISSED]);
	struct top_waiting w = leat_top_waiting(&t->now);
	fprintf(out, ",\"waiting\":{\"role\":\"%s\",\"cnt\":%" PRIu64 ",\"max\":%" PRIu64 "}",
		leat_watch_role_name(w.role), w.cnt, w.max);
	leat_watch_why(&t->before, &t->now, why);
	fputs(",\"why\":", out);
	leat_json_text(why, out);
	rates(t, out);
	cells("states", t->sum, WATCH_PRESENT + TCP_ST_CLOSED, TCP_ST_CNT - TCP_ST_CLOSED, true,
		out);
	cells("oldest_ns", t->sum, WATCH_OLDEST + TCP_ST_CLOSED, TCP_ST_CNT - TCP_ST_CLOSED, false,
		out);
	cells("ended", t->sum, WATCH_ENDED + 1, TCP_END_CNT - 1, true, out);
	cells("time_wait", t->sum, WATCH_OUTCOME, STACK_OUTCOME_MAX, true, out);
	due(t, out);
	drops(t, out);
	cells("transitions", t->sum, WATCH_ARROW, TCP_ARROW_CNT, false, out);
	cells("load", t->sum, WATCH_LOAD, WATCH_L_CNT, false, out);
	fputs(",\"shards\":[", out);
	for (uint32_t i = 0; i < t->now.shard_cnt; i++)
		shard(t, i, out);
	fputs("]}\n", out);
	fflush(out);
}
