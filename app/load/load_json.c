/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_expect.h"
#include "load_text.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "hdr.h"
#include "json_text.h"
#include "tcp_state.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

STATIC_ASSERT(LOAD_STATE_CNT == TCP_ST_CNT, "a column for each state");

static void put_key(FILE *out, const char *key)
{
	fprintf(out, "\"%s\":", key);
}

static void put_seconds(FILE *out, const char *key, uint64_t ns)
{
	fprintf(out, "\"%s\":%" PRIu64 ".%09" PRIu64, key, ns / TIME_S, ns % TIME_S);
}

static void put_share(FILE *out, const char *key, uint32_t millionths)
{
	fprintf(out, "\"%s\":%u.%06u", key, millionths / 1000000, millionths % 1000000);
}

static void put_instant(FILE *out, const char *key, uint64_t unix_ns)
{
	time_t at = (time_t)(unix_ns / TIME_S);
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "\"%s\":\"%s.%06uZ\"", key, text, (unsigned)(unix_ns % TIME_S / TIME_US));
}

static void put_where(const struct load_result *r, FILE *out)
{
	const struct load_where *w = &r->where;
	const struct {
		const char *key, *text;
	} row[] = {{"leat", w->leat}, {"dpdk", w->dpdk}, {"kernel", w->kernel}, {"cpu", w->cpu},
		{"nic", w->nic}, {"device", w->device}, {"command", w->command},
		{"config", w->config}, {"config_hash", w->config_hash}};

	fputs("\"environment\":{", out);
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		put_key(out, row[i].key);
		leat_json_text(row[i].text, out);
		fputc(',', out);
	}
	fprintf(out, "\"shards\":%u}", w->shard_cnt);
}

static void put_changes(const struct load_intent *i, FILE *out)
{
	fputs("\"changes\":[", out);
	for (uint32_t n = 0; n < i->change_cnt; n++) {
		const struct load_change *c = &i->change[n];

		fputs(n != 0 ? ",{" : "{", out);
		put_seconds(out, "at_s", c->at_ns);
		fprintf(out, ",\"rate_per_s\":%.3f,\"concurrency\":%" PRIu64 "}",
			(double)c->rate_milli / 1000, c->held);
	}
	fputc(']', out);
}

static void put_intent(const struct load_result *r, FILE *out)
{
	const struct load_intent *i = &r->intent;

	fprintf(out, "\"plan\":{\"model\":\"%s\",\"rate_per_s\":%.3f,",
		i->model == LOAD_MODEL_OPEN ? "open" : "closed", (double)i->rate_milli / 1000);
	put_seconds(out, "ramp_s", i->ramp_ns);
	fputc(',', out);
	put_seconds(out, "duration_s", i->duration_ns);
	fprintf(out, ",\"total\":%" PRIu64 ",\"concurrency\":%" PRIu64 ",", i->total,
		i->concurrency);
	put_seconds(out, "time_wait_s", i->time_wait_ns);
	fprintf(out, ",\"two_msl_rfc_conformant\":%s,",
		text_two_msl_conforms(i->time_wait_ns) ? "true" : "false");
	put_seconds(out, "pair_rest_s", i->rest_ns);
	fprintf(out,
		",\"tuples\":%" PRIu64 ",\"tuples_needed\":%" PRIu64 ",\"rate_per_s_max\":%.3f,"
		"\"program\":",
		i->tuples, i->tuples_needed, (double)i->rate_milli_max / 1000);
	leat_json_text(i->program, out);
	fprintf(out, ",\"close\":\"%s\",\"seed\":%" PRIu64 ",", i->close, i->seed);
	put_changes(i, out);
	/* Of this segment alone; the others are of the whole plan, as the hash is. */
	fprintf(out, ",\"own_rate_per_s\":%.3f,\"own_total\":%" PRIu64 "}",
		(double)leat_load_result_own(r, i->rate_milli) / 1000,
		leat_load_result_own_total(r));
}

static void put_kinds(FILE *out, const char *key, const uint64_t *cnt, uint32_t kinds,
	const char *(*name)(uint32_t))
{
	put_key(out, key);
	fputc('{', out);
	for (uint32_t i = 0; i < kinds; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i != 0 ? "," : "", name(i), cnt[i]);
	fputc('}', out);
}

static const char *fail_key(uint32_t i)
{
	return leat_load_fail_key((enum load_fail)i);
}

static const char *skip_key(uint32_t i)
{
	return leat_load_skip_key((enum load_skip)i);
}

static const char *again_key(uint32_t i)
{
	return leat_again_key((enum again_kind)i);
}

/* What is not known of it, or was not wanted, is left out. */
static void put_bad(const struct load_bad *bad, FILE *out)
{
	if (!bad->seen)
		return;
	fprintf(out, ",\"first_bad_response\":{\"status\":%u", bad->status);
	if (bad->octets != LOAD_LENGTH_NONE)
		fprintf(out, ",\"octets\":%" PRIu64, bad->octets);
	if (bad->wanted != LOAD_LENGTH_NONE)
		fprintf(out, ",\"wanted\":%" PRIu64, bad->wanted);
	fputc('}', out);
}

static void put_counters(const struct load_counters *c, FILE *out)
{
	const struct {
		const char *key;
		uint64_t cnt;
	} row[] = {{"planned", c->planned}, {"started", c->started}, {"late", c->late},
		{"steady", c->steady}, {"established", c->connected}, {"completed", c->completed},
		{"stopped", c->stopped}, {"late_reset", c->late_reset}, {"requests", c->requests},
		{"responses", c->responses}, {"octets_out", c->octets_out},
		{"octets_in", c->octets_in}, {"head_octets_in", c->head_octets_in},
		{"put_off_no_port", c->no_port}, {"put_off_no_room", c->no_room},
		{"put_off_time_wait", c->no_place}, {"put_off_no_chunk", c->send_waits},
		{"failed_all", leat_load_failed(c)}, {"not_started_all", leat_load_not_started(c)}};

	fputc('{', out);
	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		fprintf(out, "\"%s\":%" PRIu64 ",", row[i].key, row[i].cnt);
	put_kinds(out, "failed", c->failed, LOAD_FAIL_CNT, fail_key);
	fputc(',', out);
	put_kinds(out, "not_started", c->not_started, LOAD_SKIP_CNT, skip_key);
	put_bad(&c->bad, out);
	fputc('}', out);
}

/* The counts of a histogram as pairs of slot and count: they merge by addition. */
static void put_slots(const struct hist *h, FILE *out)
{
	bool first = true;

	fputs(",\"slots\":[", out);
	for (uint32_t i = 0; i < HIST_SLOT_CNT; i++) {
		if (h->cnt[i] == 0)
			continue;
		fprintf(out, "%s[%u,%" PRIu64 "]", first ? "" : ",", i, h->cnt[i]);
		first = false;
	}
	fputs("],\"hdr\":\"", out);
	leat_hdr_write(h, out);
	fputc('"', out);
}

static void put_hists(const struct load_result *r, FILE *out)
{
	fprintf(out, "\"latency\":{\"unit\":\"s\",\"clock\":\"planned_start\",\"digits\":%u",
		HDR_DIGITS);
	for (uint32_t k = 0; k < LOAD_HIST_CNT; k++) {
		const struct hist *h = &r->hist[k];

		fprintf(out, ",\"%s\":{\"count\":%" PRIu64 ",",
			leat_load_hist_key((enum load_hist)k), h->total_cnt);
		put_seconds(out, "sum", h->sum_ns);
		for (uint32_t q = 0; q < LOAD_QUANTILE_CNT; q++) {
			fputc(',', out);
			put_seconds(out, leat_load_quantile_key[q], leat_load_quantile(h, q));
		}
		put_slots(h, out);
		fputc('}', out);
	}
	fputc('}', out);
}

/* What the rate is computed from, so that segments can be added. */
static void put_steady(const struct load_result *r, FILE *out)
{
	fprintf(out, "\"steady\":{\"started\":%" PRIu64 ",\"completed\":%" PRIu64 ",",
		r->steady_started, r->steady_completed);
	put_seconds(out, "seconds", r->steady_ns);
	fprintf(out,
		",\"second_min\":%" PRIu64 ",\"second_max\":%" PRIu64 ",\"in_flight_min\":%" PRIu64
		",\"in_flight_max\":%" PRIu64 ",\"in_flight_looks\":%" PRIu64 "}",
		r->second_max != 0 ? r->second_min : 0, r->second_max, r->held_min, r->held_max,
		r->held_looks);
}

static void put_parts(const struct load_result *r, FILE *out)
{
	if (r->part_cnt != 0)
		fprintf(out, "\"segments_of_plan\":%u,", r->part_of);
	fputs("\"segments\":[", out);
	for (uint32_t i = 0; i < r->part_cnt; i++) {
		const struct load_part *p = &r->part[i];

		fprintf(out, "%s{\"segment\":%u,\"node\":", i != 0 ? "," : "", p->segment);
		leat_json_text(p->node, out);
		fprintf(out, ",\"partial\":%s,", p->partial ? "true" : "false");
		put_instant(out, "start", p->start_unix_ns);
		fputc(',', out);
		put_seconds(out, "seconds", p->ran_ns);
		fprintf(out, ",\"rate_per_s\":%.3f,\"completed\":%" PRIu64 ",",
			(double)p->rate_milli / 1000, p->completed);
		put_seconds(out, "connect_p99", p->connect_p99_ns);
		fputc('}', out);
	}
	fputc(']', out);
}

static void put_tcp(const struct load_result *r, FILE *out)
{
	const struct load_tcp *t = &r->tcp;
	uint64_t again = 0;

	for (uint32_t i = 0; i < AGAIN_CNT; i++)
		again += t->again[i];
	fprintf(out, "\"tcp\":{\"retransmits\":%" PRIu64 ",", again);
	put_kinds(out, "retransmits_by_kind", t->again, AGAIN_CNT, again_key);
	fprintf(out,
		",\"timeouts\":%" PRIu64 ",\"recoveries\":%" PRIu64
		",\"time_wait\":{\"peak\":%" PRIu64 ",\"reused\":%" PRIu64 ",\"evicted\":%" PRIu64
		"}}",
		t->rto_fired, t->recoveries, t->time_wait_peak, t->time_wait_reused,
		t->time_wait_evicted);
}

static void put_limits(const struct load_result *r, FILE *out)
{
	const struct load_limits *l = &r->limits;
	char text[LOAD_TEXT_MAX];
	const char *limit = leat_load_limit_text(r, text, sizeof(text));

	fprintf(out, "\"limits\":{\"busiest_shard\":{\"shard\":%u,", l->busiest_shard);
	put_share(out, "busy", l->busiest_millionths);
	fprintf(out, "},\"nic_missed\":%" PRIu64 ",\"nic_no_buffer\":%" PRIu64 ",", l->nic_missed,
		l->nic_no_buf);
	put_share(out, "buffers_low", l->buffers_low_millionths);
	fputc(',', out);
	put_seconds(out, "late_p99", l->late_p99_ns);
	fprintf(out, ",\"link_down\":%u,", l->link_down_cnt);
	put_seconds(out, "link_down_s", l->link_down_ns);
	fprintf(out, ",\"device_gone\":%s,", l->port_gone ? "true" : "false");
	put_seconds(out, "start_late_s", l->start_late_ns);
	fprintf(out, ",\"saturated\":%s,\"reason\":", limit != NULL ? "true" : "false");
	leat_json_text(limit, out);
	fputc('}', out);
}

static void put_shards(const struct load_result *r, FILE *out)
{
	fputs("\"shards\":[", out);
	for (uint32_t i = 0; i < r->where.shard_cnt && i < LOAD_SHARD_MAX; i++) {
		const struct load_shard *s = &r->shard[i];

		fprintf(out, "%s{\"cpu\":%u,", i != 0 ? "," : "", s->cpu);
		put_share(out, "busy", s->busy_millionths);
		fprintf(out,
			",\"frames_in\":%" PRIu64 ",\"frames_out\":%" PRIu64
			",\"device_full\":%" PRIu64 ",\"no_buffer\":%" PRIu64 ",",
			s->rx_frames, s->tx_frames, s->tx_full, s->tx_no_buf);
		put_seconds(out, "late_p99", s->late_p99_ns);
		fputs(",\"connections\":", out);
		put_counters(&s->counters, out);
		fputc('}', out);
	}
	fputc(']', out);
}

static void put_expect(const struct load_result *r, FILE *out)
{
	fputs("\"expect\":[", out);
	for (uint32_t i = 0; i < r->expect_cnt; i++) {
		const struct load_expect_result *e = &r->expect[i];

		fprintf(out, "%s{\"rule\":", i != 0 ? "," : "");
		leat_json_text(e->rule, out);
		fprintf(out, ",\"value\":%.9g,\"ok\":%s,\"of_peer\":%s}", e->value,
			e->ok ? "true" : "false", e->of_peer ? "true" : "false");
	}
	fputc(']', out);
}

static const char *const column[] = {"t", "planned", "started", "established", "completed",
	"failed", "not_started", "late", "octets_in", "octets_out", "retransmits", "in_flight",
	"busy"};

static void put_second(const struct load_second *s, FILE *out)
{
	const uint64_t cnt[] = {s->planned, s->started, s->connected, s->completed, s->failed,
		s->not_started, s->late, s->octets_in, s->octets_out, s->again, s->in_flight};

	fprintf(out, "%.9f", (double)s->at_ns / 1e9);
	for (uint32_t i = 0; i < COUNT_OF(cnt); i++)
		fprintf(out, ",%" PRIu64, cnt[i]);
	fprintf(out, ",%.6f", s->busy_millionths / 1e6);
	for (uint32_t i = TCP_ST_CLOSED; i < LOAD_STATE_CNT; i++)
		fprintf(out, ",%u", s->present[i]);
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++)
		fprintf(out, ",%.9f,%.9f,%.9f", (double)s->hist[h].p50_ns / 1e9,
			(double)s->hist[h].p99_ns / 1e9, (double)s->hist[h].max_ns / 1e9);
}

/* The names of the columns, each between two of quote. */
static void put_columns(const char *quote, FILE *out)
{
	for (uint32_t i = 0; i < COUNT_OF(column); i++)
		fprintf(out, "%s%s%s%s", i != 0 ? "," : "", quote, column[i], quote);
	for (uint32_t i = TCP_ST_CLOSED; i < LOAD_STATE_CNT; i++)
		fprintf(out, ",%sstate %s%s", quote, leat_tcp_state_name((enum tcp_state)i), quote);
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		const char *key = leat_load_hist_key((enum load_hist)h);

		fprintf(out, ",%s%s_p50%s,%s%s_p99%s,%s%s_max%s", quote, key, quote, quote, key,
			quote, quote, key, quote);
	}
}

static void put_series(const struct load_result *r, FILE *out)
{
	fputs("\"series\":{\"step_s\":1.0,\"columns\":[", out);
	put_columns("\"", out);
	fputs("],\"rows\":[", out);
	for (uint32_t i = 0; i < r->second_cnt; i++) {
		fputs(i != 0 ? ",[" : "[", out);
		put_second(&r->second[i], out);
		fputc(']', out);
	}
	fputs("]}", out);
}

void leat_load_csv(const struct load_result *r, FILE *out)
{
	put_columns("", out);
	for (uint32_t i = 0; i < r->second_cnt; i++) {
		fputc('\n', out);
		put_second(&r->second[i], out);
	}
	fputc('\n', out);
}

void leat_load_env_json(const struct load_result *r, FILE *out)
{
	fputs("{\"schema\":\"" LOAD_SCHEMA "\",\"node\":", out);
	leat_json_text(r->where.node, out);
	fputc(',', out);
	put_where(r, out);
	fputs("}\n", out);
}

void leat_load_json(const struct load_result *r, FILE *out)
{
	fputs("{\"schema\":\"" LOAD_SCHEMA "\",\"name\":", out);
	leat_json_text(r->where.name, out);
	fputs(",\"node\":", out);
	leat_json_text(r->where.node, out);
	fprintf(out, ",\"segment\":\"%u/%u\",\"verdict\":\"%s\",\"why\":", r->where.segment,
		r->where.segment_cnt, leat_load_verdict_name(r->verdict));
	leat_json_text(r->why, out);
	fprintf(out, ",\"partial\":%s,\"balanced\":%s,", r->partial ? "true" : "false",
		r->balanced ? "true" : "false");
	put_instant(out, "planned_start", r->planned_start_unix_ns);
	fputc(',', out);
	put_instant(out, "start", r->start_unix_ns);
	fputc(',', out);
	put_seconds(out, "seconds", r->ran_ns);
	fputc(',', out);
	put_seconds(out, "drain_seconds", r->drain_ns);
	fprintf(out, ",\"rate_per_s\":%.3f,", (double)leat_load_result_rate_milli(r) / 1000);
	put_share(out, "achieved", leat_load_result_achieved(r));
	void (*const part[])(const struct load_result *, FILE *) = {put_where, put_intent,
		put_steady, put_hists, put_tcp, put_limits, put_shards, put_expect, put_parts,
		put_series};
	fputs(",\"connections\":", out);
	put_counters(&r->counters, out);
	for (uint32_t i = 0; i < COUNT_OF(part); i++) {
		fputc(',', out);
		part[i](r, out);
	}
	fputs("}\n", out);
	fflush(out);
}
