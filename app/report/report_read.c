/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_read.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "hdr.h"
#include "report_field.h"
#include "tcp_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NS_PER_S     1e9
#define COLUMN_MAX   256
#define CNT_MAX      (UINT64_C(1) << 53) /* what every reader of JSON holds exactly */
#define SHARES_PER_1 1e6

/* What was added to files later: a reader takes older ones, too. */
static uint64_t count_if(struct field_reader *f, const json_t *in, const char *key)
{
	return json_object_get(in, key) != NULL ? leat_field_count(f, in, key, CNT_MAX) : 0;
}

static uint64_t ns_if(struct field_reader *f, const json_t *in, const char *key)
{
	return json_object_get(in, key) != NULL ? leat_field_scaled(f, in, key, NS_PER_S) : 0;
}

static void read_where(struct field_reader *f, const json_t *root, struct load_where *w)
{
	w->name = leat_field_text(f, root, "name");
	snprintf(w->node, sizeof(w->node), "%.63s", leat_field_text(f, root, "node"));
	const char *segment = leat_field_text(f, root, "segment");
	char end;

	if (sscanf(segment, "%5" SCNu32 "/%5" SCNu32 "%c", &w->segment, &w->segment_cnt, &end) !=
			2 ||
		w->segment < 1 || w->segment > w->segment_cnt)
		leat_field_bad(f, "segment", "is none, as 2/5 is");
	const json_t *in = leat_field_object(f, root, "environment");
	w->leat = leat_field_text(f, in, "leat");
	w->dpdk = leat_field_text(f, in, "dpdk");
	w->nic = leat_field_text(f, in, "nic");
	w->device =
		json_object_get(in, "device") != NULL ? leat_field_text(f, in, "device") : w->nic;
	w->command = leat_field_text(f, in, "command");
	w->config = leat_field_text(f, in, "config");
	snprintf(w->kernel, sizeof(w->kernel), "%.63s", leat_field_text(f, in, "kernel"));
	snprintf(w->cpu, sizeof(w->cpu), "%.95s", leat_field_text(f, in, "cpu"));
	snprintf(w->config_hash, sizeof(w->config_hash), "%.19s",
		leat_field_text(f, in, "config_hash"));
	w->shard_cnt = (uint32_t)leat_field_count(f, in, "shards", UINT32_MAX);
	leat_field_leave(f);
}

/* read_changes: files of before there was `leat ctl rate` have none. */
static void read_changes(struct field_reader *f, const json_t *plan, struct load_intent *i)
{
	const json_t *list;

	if (json_object_get(plan, "changes") == NULL)
		return;
	list = leat_field_list(f, plan, "changes", LOAD_LEG_MAX);
	f->place[f->depth++] = "changes";
	for (size_t n = 0; n < json_array_size(list); n++) {
		const json_t *in = json_array_get(list, n);
		struct load_change *c = &i->change[i->change_cnt++];

		f->item = (uint32_t)n;
		c->at_ns = leat_field_scaled(f, in, "at_s", NS_PER_S);
		c->rate_milli = leat_field_scaled(f, in, "rate_per_s", 1e3);
		c->held = leat_field_count(f, in, "concurrency", CNT_MAX);
	}
	f->item = UINT32_MAX;
	leat_field_leave(f);
}

static void read_intent(struct field_reader *f, const json_t *root, struct load_intent *i)
{
	const json_t *in = leat_field_object(f, root, "plan");
	const char *model = leat_field_text(f, in, "model");

	i->model = strcmp(model, "closed") == 0 ? LOAD_MODEL_CLOSED : LOAD_MODEL_OPEN;
	if (i->model == LOAD_MODEL_OPEN && strcmp(model, "open") != 0)
		leat_field_bad(f, "model", "is neither open nor closed");
	i->rate_milli = leat_field_scaled(f, in, "rate_per_s", 1e3);
	i->ramp_ns = leat_field_scaled(f, in, "ramp_s", NS_PER_S);
	i->duration_ns = leat_field_scaled(f, in, "duration_s", NS_PER_S);
	i->total = leat_field_count(f, in, "total", CNT_MAX);
	i->concurrency = leat_field_count(f, in, "concurrency", CNT_MAX);
	i->time_wait_ns = leat_field_scaled(f, in, "time_wait_s", NS_PER_S);
	i->rest_ns = i->time_wait_ns;
	if (json_object_get(in, "pair_rest_s") != NULL) /* it came later */
		i->rest_ns = leat_field_scaled(f, in, "pair_rest_s", NS_PER_S);
	i->tuples = leat_field_count(f, in, "tuples", CNT_MAX);
	i->tuples_needed = leat_field_count(f, in, "tuples_needed", CNT_MAX);
	i->rate_milli_max = leat_field_scaled(f, in, "rate_per_s_max", 1e3);
	i->program = leat_field_text(f, in, "program");
	i->close = leat_field_text(f, in, "close");
	i->seed = leat_field_count(f, in, "seed", INT64_MAX);
	read_changes(f, in, i);
	leat_field_leave(f);
}

static uint64_t length_if(struct field_reader *f, const json_t *in, const char *key)
{
	return json_object_get(in, key) != NULL ? leat_field_count(f, in, key, LOAD_LENGTH_MAX)
						: LOAD_LENGTH_NONE;
}

/* read_bad: where no response was bad there is none, nor in older files. */
static void read_bad(struct field_reader *f, const json_t *in, struct load_bad *bad)
{
	if (json_object_get(in, "first_bad_response") == NULL)
		return;
	in = leat_field_object(f, in, "first_bad_response");
	bad->seen = true;
	bad->status = (uint16_t)leat_field_count(f, in, "status", 999);
	bad->octets = length_if(f, in, "octets");
	bad->wanted = length_if(f, in, "wanted");
	leat_field_leave(f);
}

static void read_counters(struct field_reader *f, const json_t *in, struct load_counters *c)
{
	const struct {
		const char *key;
		uint64_t *cnt;
	} row[] = {{"planned", &c->planned}, {"started", &c->started}, {"late", &c->late},
		{"steady", &c->steady}, {"established", &c->connected},
		{"completed", &c->completed}, {"stopped", &c->stopped},
		{"late_reset", &c->late_reset}, {"requests", &c->requests},
		{"responses", &c->responses}, {"octets_out", &c->octets_out},
		{"octets_in", &c->octets_in}, {"head_octets_in", &c->head_octets_in},
		{"put_off_no_port", &c->no_port}, {"put_off_no_room", &c->no_room},
		{"put_off_no_chunk", &c->send_waits}};

	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		*row[i].cnt = leat_field_count(f, in, row[i].key, CNT_MAX);
	c->no_place = leat_field_count_later(f, in, "put_off_time_wait", CNT_MAX);
	if (c->completed > c->started)
		leat_field_bad(f, "completed", "are more than were started");
	const json_t *kind = leat_field_object(f, in, "failed");
	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++)
		c->failed[i] = leat_field_count(
			f, kind, leat_load_fail_key((enum load_fail)i), CNT_MAX / LOAD_FAIL_CNT);
	leat_field_leave(f);
	kind = leat_field_object(f, in, "not_started");
	for (uint32_t i = 0; i < LOAD_SKIP_CNT; i++)
		c->not_started[i] = leat_field_count_later(
			f, kind, leat_load_skip_key((enum load_skip)i), CNT_MAX / LOAD_SKIP_CNT);
	leat_field_leave(f);
	read_bad(f, in, &c->bad);
}

static void read_steady(struct field_reader *f, const json_t *root, struct load_result *r)
{
	const json_t *in = leat_field_object(f, root, "steady");

	r->steady_started = leat_field_count(f, in, "started", CNT_MAX);
	r->steady_completed = json_object_get(in, "completed") != NULL
				      ? leat_field_count(f, in, "completed", r->steady_started)
				      : r->steady_started;
	r->steady_ns = leat_field_scaled(f, in, "seconds", NS_PER_S);
	r->second_max = leat_field_count(f, in, "second_max", CNT_MAX);
	r->second_min = leat_field_count(f, in, "second_min", r->second_max);
	if (r->second_max == 0)
		r->second_min = UINT64_MAX;
	r->held_min = count_if(f, in, "in_flight_min");
	r->held_max = count_if(f, in, "in_flight_max");
	r->held_looks = count_if(f, in, "in_flight_looks");
	leat_field_leave(f);
}

/* read_slot takes one pair of slot and count; false: no such pair, or not behind the last. */
static bool read_slot(struct hist *h, const json_t *pair, int64_t *last)
{
	const json_t *slot = json_array_get(pair, 0), *cnt = json_array_get(pair, 1);
	json_int_t nth = json_integer_value(slot), n = json_integer_value(cnt);

	if (json_array_size(pair) != 2 || !json_is_integer(slot) || !json_is_integer(cnt))
		return false;
	if (nth <= *last || nth >= HIST_SLOT_CNT || n <= 0 || (uint64_t)n > CNT_MAX - h->total_cnt)
		return false;
	h->cnt[nth] = (uint64_t)n;
	h->total_cnt += (uint64_t)n;
	*last = nth;
	return true;
}

static bool ends_fit(const struct hist *h, int64_t last)
{
	uint32_t first = 0;

	if (h->total_cnt == 0)
		return h->max_ns == 0 && h->sum_ns == 0;
	while (h->cnt[first] == 0)
		first++;
	return hist_slot(u64_min(h->min_ns, HIST_NS_MAX)) == first && h->min_ns <= h->max_ns &&
	       hist_slot(u64_min(h->max_ns, HIST_NS_MAX)) == (uint64_t)last;
}

static void read_hist(struct field_reader *f, const json_t *in, const char *key, struct hist *h)
{
	const json_t *at = leat_field_object(f, in, key);
	const json_t *slots = leat_field_list(f, at, "slots", HIST_SLOT_CNT);
	int64_t last = -1;

	leat_hist_clear(h);
	for (size_t i = 0; i < json_array_size(slots); i++) {
		if (!read_slot(h, json_array_get(slots, i), &last)) {
			f->item = (uint32_t)i;
			leat_field_bad(f, "slots", "is no slot and its count, in rising order");
			f->item = UINT32_MAX;
			break;
		}
	}
	f->number_max = FIELD_WIDE_MAX;
	h->sum_ns = leat_field_scaled(f, at, "sum", NS_PER_S);
	f->number_max = FIELD_EXACT_MAX;
	h->max_ns = leat_field_scaled(f, at, "max", NS_PER_S);
	uint64_t min_ns = leat_field_scaled(f, at, "min", NS_PER_S);
	if (h->total_cnt != 0)
		h->min_ns = min_ns;
	if (leat_field_count(f, at, "count", CNT_MAX) != h->total_cnt)
		leat_field_bad(f, "count", "is not what its slots add up to");
	if (f->why[0] == '\0' && !ends_fit(h, last))
		leat_field_bad(f, "slots", "do not begin at its min and end at its max");
	leat_field_leave(f);
}

static void read_hists(struct field_reader *f, const json_t *root, struct load_result *r)
{
	const json_t *in = leat_field_object(f, root, "latency");
	uint64_t digits = leat_field_count(f, in, "digits", 5);
	char what[96];

	snprintf(what, sizeof(what),
		"%ju significant digits; this leat reads and merges histograms of %d",
		(uintmax_t)digits, HDR_DIGITS);
	if (digits != HDR_DIGITS)
		leat_field_bad(f, "digits", what);
	for (uint32_t k = 0; k < LOAD_HIST_CNT; k++)
		read_hist(f, in, leat_load_hist_key((enum load_hist)k), &r->hist[k]);
	leat_field_leave(f);
}

/* read_again reads what was sent again; a file from before there were kinds has a number alone,
 * which is mostly data. */
static void read_again(struct field_reader *f, const json_t *in, uint64_t again[AGAIN_CNT])
{
	uint64_t all = leat_field_count(f, in, "retransmits", CNT_MAX), sum = 0;

	again[AGAIN_DATA] = all;
	if (json_object_get(in, "retransmits_by_kind") == NULL)
		return;
	in = leat_field_object(f, in, "retransmits_by_kind");
	for (uint32_t i = 0; i < AGAIN_CNT; i++) {
		again[i] = leat_field_count(f, in, leat_again_key((enum again_kind)i), CNT_MAX);
		sum += again[i];
	}
	leat_field_leave(f);
	if (sum != all)
		leat_field_bad(f, "retransmits_by_kind", "are not all of retransmits");
}

static void read_tcp(struct field_reader *f, const json_t *root, struct load_tcp *t)
{
	const json_t *in = leat_field_object(f, root, "tcp");

	read_again(f, in, t->again);
	t->rto_fired = leat_field_count(f, in, "timeouts", CNT_MAX);
	t->recoveries = leat_field_count(f, in, "recoveries", CNT_MAX);
	in = leat_field_object(f, in, "time_wait");
	t->time_wait_peak = leat_field_count(f, in, "peak", CNT_MAX);
	t->time_wait_reused = leat_field_count(f, in, "reused", CNT_MAX);
	t->time_wait_evicted = leat_field_count(f, in, "evicted", CNT_MAX);
	leat_field_leave(f);
	leat_field_leave(f);
}

static uint32_t read_share(struct field_reader *f, const json_t *in, const char *key)
{
	uint64_t share = leat_field_scaled(f, in, key, SHARES_PER_1);

	if (share > (uint64_t)SHARES_PER_1)
		leat_field_bad(f, key, "is no share of 1");
	return (uint32_t)u64_min(share, (uint64_t)SHARES_PER_1);
}

static void read_limits(struct field_reader *f, const json_t *root, struct load_limits *l)
{
	const json_t *in = leat_field_object(f, root, "limits");
	const json_t *busiest = leat_field_object(f, in, "busiest_shard");

	l->busiest_shard = (uint32_t)leat_field_count(f, busiest, "shard", UINT32_MAX);
	l->busiest_millionths = read_share(f, busiest, "busy");
	leat_field_leave(f);
	l->nic_missed = leat_field_count(f, in, "nic_missed", CNT_MAX);
	l->nic_no_buf = leat_field_count(f, in, "nic_no_buffer", CNT_MAX);
	l->buffers_low_millionths = read_share(f, in, "buffers_low");
	l->late_p99_ns = leat_field_scaled(f, in, "late_p99", NS_PER_S);
	l->link_down_cnt = (uint32_t)u64_min(count_if(f, in, "link_down"), UINT32_MAX);
	l->link_down_ns = ns_if(f, in, "link_down_s");
	l->port_gone =
		json_object_get(in, "device_gone") != NULL && leat_field_flag(f, in, "device_gone");
	l->start_late_ns = ns_if(f, in, "start_late_s");
	leat_field_leave(f);
}

static void read_shards(struct field_reader *f, const json_t *root, struct load_result *r)
{
	const json_t *list = leat_field_list(f, root, "shards", LOAD_SHARD_MAX);
	size_t cnt = json_array_size(list);

	if (cnt != u32_min(r->where.shard_cnt, LOAD_SHARD_MAX))
		leat_field_bad(f, "shards", "are not as many as environment.shards says");
	f->place[f->depth++] = "shards";
	for (size_t i = 0; i < cnt; i++) {
		const json_t *in = json_array_get(list, i);
		struct load_shard *s = &r->shard[i];

		f->item = (uint32_t)i;
		s->cpu = (uint32_t)leat_field_count(f, in, "cpu", UINT32_MAX);
		s->busy_millionths = read_share(f, in, "busy");
		s->rx_frames = leat_field_count(f, in, "frames_in", CNT_MAX);
		s->tx_frames = leat_field_count(f, in, "frames_out", CNT_MAX);
		s->tx_full = leat_field_count(f, in, "device_full", CNT_MAX);
		s->tx_no_buf = leat_field_count(f, in, "no_buffer", CNT_MAX);
		s->late_p99_ns = leat_field_scaled(f, in, "late_p99", NS_PER_S);
		read_counters(f, leat_field_object(f, in, "connections"), &s->counters);
		leat_field_leave(f);
	}
	f->item = UINT32_MAX;
	leat_field_leave(f);
}

static void read_parts(struct field_reader *f, const json_t *root, struct load_result *r)
{
	const json_t *list = leat_field_list(f, root, "segments", LOAD_PART_MAX);

	r->part_of = (uint32_t)json_array_size(list);
	if (json_object_get(root, "segments_of_plan") != NULL) /* it came later */
		r->part_of = (uint32_t)leat_field_count(f, root, "segments_of_plan", UINT32_MAX);
	f->place[f->depth++] = "segments";
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *in = json_array_get(list, i);
		struct load_part *p = &r->part[r->part_cnt++];

		f->item = (uint32_t)i;
		p->segment = (uint32_t)leat_field_count(f, in, "segment", UINT32_MAX);
		snprintf(p->node, sizeof(p->node), "%.63s", leat_field_text(f, in, "node"));
		p->partial = leat_field_flag(f, in, "partial");
		p->start_unix_ns = leat_field_instant(f, in, "start");
		p->ran_ns = leat_field_scaled(f, in, "seconds", NS_PER_S);
		p->rate_milli = leat_field_scaled(f, in, "rate_per_s", 1e3);
		p->completed = leat_field_count(f, in, "completed", CNT_MAX);
		p->connect_p99_ns = leat_field_scaled(f, in, "connect_p99", NS_PER_S);
	}
	f->item = UINT32_MAX;
	leat_field_leave(f);
}

/* Where in struct load_second a column goes, and how. */
struct column {
	char name[32];
	size_t at;
	bool wide; /* 64 bits, else 32 */
	double scale;
};

#define WIDE(member, scale) offsetof(struct load_second, member), true, scale

/* list_columns fills column and returns how many there are. */
static uint32_t list_columns(struct column column[COLUMN_MAX])
{
	static const struct column plain[] = {{"t", WIDE(at_ns, NS_PER_S)},
		{"planned", WIDE(planned, 1)}, {"started", WIDE(started, 1)},
		{"established", WIDE(connected, 1)}, {"completed", WIDE(completed, 1)},
		{"failed", WIDE(failed, 1)}, {"not_started", WIDE(not_started, 1)},
		{"late", WIDE(late, 1)}, {"octets_in", WIDE(octets_in, 1)},
		{"octets_out", WIDE(octets_out, 1)}, {"retransmits", WIDE(again, 1)},
		{"in_flight", offsetof(struct load_second, in_flight), false, 1},
		{"busy", offsetof(struct load_second, busy_millionths), false, SHARES_PER_1}};
	static const char *const part[] = {"p50", "p99", "max"};
	uint32_t n = COUNT_OF(plain);

	memcpy(column, plain, sizeof(plain));
	for (uint32_t i = TCP_ST_CLOSED; i < LOAD_STATE_CNT; i++) {
		column[n] = (struct column){
			.at = offsetof(struct load_second, present) + i * sizeof(uint32_t),
			.scale = 1};
		snprintf(column[n++].name, sizeof(column[0].name), "state %s",
			leat_tcp_state_name((enum tcp_state)i));
	}
	for (uint32_t i = 0; i < LOAD_HIST_CNT * COUNT_OF(part); i++) {
		column[n] = (struct column){"", WIDE(hist[0].p50_ns, NS_PER_S)};
		column[n].at += i * sizeof(uint64_t);
		snprintf(column[n++].name, sizeof(column[0].name), "%s_%s",
			leat_load_hist_key((enum load_hist)(i / COUNT_OF(part))),
			part[i % COUNT_OF(part)]);
	}
	return n;
}

STATIC_ASSERT(sizeof(((struct load_second *)0)->hist[0]) == 3 * sizeof(uint64_t),
	"columns of latencies lie one behind the other");

/* match_columns finds for each column of the file ours, UINT32_MAX: none; all of ours must be. */
static bool match_columns(struct field_reader *f, const json_t *names, const struct column *column,
	uint32_t cnt, uint32_t ours[COLUMN_MAX])
{
	bool seen[COLUMN_MAX] = {false};
	uint32_t found = 0;

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		ours[i] = UINT32_MAX;
		for (uint32_t k = 0; name != NULL && k < cnt; k++)
			if (!seen[k] && strcmp(column[k].name, name) == 0)
				ours[i] = k;
		found += ours[i] != UINT32_MAX;
		if (ours[i] != UINT32_MAX)
			seen[ours[i]] = true;
	}
	if (found != cnt)
		leat_field_bad(f, "columns", "are not those of a run, each once");
	return found == cnt;
}

static void read_second(struct field_reader *f, const json_t *row, const struct column *column,
	const uint32_t *ours, struct load_second *s)
{
	for (size_t i = 0; i < json_array_size(row); i++) {
		const struct column *c = &column[ours[i]];

		if (ours[i] == UINT32_MAX)
			continue;
		uint64_t value = leat_field_number(f, json_array_get(row, i), c->name, c->scale);
		uint32_t narrow = (uint32_t)u64_min(value, UINT32_MAX);
		if (c->wide)
			memcpy((char *)s + c->at, &value, sizeof(value));
		else
			memcpy((char *)s + c->at, &narrow, sizeof(narrow));
	}
}

static void read_series(struct field_reader *f, const json_t *root, struct report_run *run)
{
	const json_t *in = leat_field_object(f, root, "series");
	const json_t *names = leat_field_list(f, in, "columns", COLUMN_MAX);
	const json_t *rows = leat_field_list(f, in, "rows", UINT32_MAX - 1);
	struct column column[COLUMN_MAX];
	uint32_t ours[COLUMN_MAX], cnt = list_columns(column);
	size_t row_cnt = json_array_size(rows);

	run->second = calloc(row_cnt + 1, sizeof(*run->second));
	if (run->second == NULL)
		leat_field_bad(f, "rows", "no memory for so many");
	bool good = run->second != NULL && match_columns(f, names, column, cnt, ours);
	for (size_t i = 0; good && i < row_cnt; i++) {
		const json_t *row = json_array_get(rows, i);

		f->item = (uint32_t)i;
		if (!json_is_array(row) || json_array_size(row) != json_array_size(names))
			leat_field_bad(f, "rows", "is no row with a value in each column");
		else
			read_second(f, row, column, ours, &run->second[i]);
		good = f->why[0] == '\0';
	}
	f->item = UINT32_MAX;
	leat_field_leave(f);
	run->r.second = run->second;
	run->r.second_cnt = run->r.second_max_cnt = (uint32_t)row_cnt;
}

/* read_expect reads the rules, and judges by them once more: what a value is as a text is not in
 * the file. */
static void read_expect(struct field_reader *f, const json_t *root, struct report_run *run)
{
	const json_t *list = leat_field_list(f, root, "expect", LOAD_EXPECT_MAX);
	uint32_t cnt = (uint32_t)json_array_size(list);
	char what[REPORT_WHY_MAX];

	f->place[f->depth++] = "expect";
	for (uint32_t i = 0; i < cnt; i++) {
		f->item = i;
		const char *rule = leat_field_text(f, json_array_get(list, i), "rule");
		if (f->why[0] == '\0' &&
			!leat_load_rule_parse(&run->rule[i], rule, what, sizeof(what)))
			leat_field_bad(f, "rule", what);
	}
	f->item = UINT32_MAX;
	leat_field_leave(f);
	if (f->why[0] == '\0')
		leat_load_judge(&run->r, run->rule, cnt);
}

/* read_verdict takes that of the file, for a merged run may know more than its numbers say. */
static void read_verdict(struct field_reader *f, const json_t *root, struct load_result *r)
{
	const char *name = leat_field_text(f, root, "verdict");

	r->verdict = LOAD_VERDICT_CNT;
	for (uint32_t i = 0; i < LOAD_VERDICT_CNT; i++)
		if (strcmp(name, leat_load_verdict_name((enum load_verdict)i)) == 0)
			r->verdict = (enum load_verdict)i;
	if (r->verdict == LOAD_VERDICT_CNT)
		leat_field_bad(f, "verdict", "is none of pass, fail and inconclusive");
	snprintf(
		r->why, sizeof(r->why), "%.*s", LOAD_TEXT_MAX - 1, leat_field_text(f, root, "why"));
}

static void read_all(struct field_reader *f, const json_t *root, struct report_run *run)
{
	struct load_result *r = &run->r;

	if (strcmp(leat_field_text(f, root, "schema"), LOAD_SCHEMA) != 0)
		leat_field_bad(f, "schema", "is not " LOAD_SCHEMA);
	read_where(f, root, &r->where);
	r->partial = leat_field_flag(f, root, "partial");
	r->balanced = leat_field_flag(f, root, "balanced");
	r->planned_start_unix_ns = leat_field_instant(f, root, "planned_start");
	r->start_unix_ns = leat_field_instant(f, root, "start");
	r->ran_ns = leat_field_scaled(f, root, "seconds", NS_PER_S);
	r->drain_ns = leat_field_scaled(f, root, "drain_seconds", NS_PER_S);
	read_counters(f, leat_field_object(f, root, "connections"), &r->counters);
	leat_field_leave(f);
	read_intent(f, root, &r->intent);
	read_steady(f, root, r);
	read_hists(f, root, r);
	read_tcp(f, root, &r->tcp);
	read_limits(f, root, &r->limits);
	read_shards(f, root, r);
	read_parts(f, root, r);
	read_series(f, root, run);
	read_expect(f, root, run);
	read_verdict(f, root, r);
}

bool leat_report_read(
	struct report_run *run, const char *text, size_t octets, char *why, size_t size)
{
	struct field_reader f = {
		.why = why, .size = size, .number_max = FIELD_EXACT_MAX, .item = UINT32_MAX};
	json_error_t error;
	json_t *root = json_loadb(text, octets, JSON_REJECT_DUPLICATES, &error);

	*why = '\0';
	memset(run, 0, sizeof(*run));
	if (root == NULL) {
		snprintf(why, size, "line %d, column %d: no JSON: %s", error.line, error.column,
			error.text);
		return false;
	}
	leat_load_result_init(&run->r, NULL, 0);
	run->tree = root;
	if (json_is_object(root))
		read_all(&f, root, run);
	else
		snprintf(why, size, "is no object of " LOAD_SCHEMA);
	DCHECK(f.depth == 0);
	if (*why == '\0')
		return true;
	leat_report_free(run);
	return false;
}

static char *read_octets(const char *path, size_t *octets, char *why, size_t size)
{
	FILE *in = fopen(path, "rbe");
	struct stat st;
	char *text = NULL;

	if (in == NULL || fstat(fileno(in), &st) != 0) {
		snprintf(why, size, "cannot be read: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > REPORT_OCTETS_MAX) {
		snprintf(why, size, "is no file of at most %ju octets",
			(uintmax_t)REPORT_OCTETS_MAX);
	} else if ((text = malloc((size_t)st.st_size + 1)) == NULL) {
		snprintf(why, size, "no memory for its %ju octets", (uintmax_t)st.st_size);
	} else {
		*octets = fread(text, 1, (size_t)st.st_size, in);
	}
	if (in != NULL)
		fclose(in);
	return text;
}

bool leat_report_read_file(struct report_run *run, const char *path, char *why, size_t size)
{
	char inside[4096];
	struct stat st;
	size_t octets = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(inside, sizeof(inside), "%s/report.json", path);
		path = inside;
	}
	char *text = read_octets(path, &octets, why, size);
	if (text == NULL && path == inside) {
		char of[REPORT_WHY_MAX];

		snprintf(of, sizeof(of), "%s", why);
		snprintf(why, size, "its report.json %s", of);
	}
	bool good = text != NULL && leat_report_read(run, text, octets, why, size);
	free(text);
	return good;
}

void leat_report_free(struct report_run *run)
{
	free(run->second);
	json_decref(run->tree);
	run->second = NULL;
	run->tree = NULL;
}
