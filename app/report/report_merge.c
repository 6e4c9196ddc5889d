/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_merge.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "load_text.h"
#include "report_dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COMMON_MIN 95 /* of 100: so much of the time from first to last all must have run */

static const struct load_result *nth(const struct report_merge *m, uint32_t i)
{
	return &m->run[i].r;
}

static uint64_t end_of(const struct load_result *r)
{
	return r->start_unix_ns + r->ran_ns;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool same_rules(const struct load_result *a, const struct load_result *b)
{
	bool same = a->expect_cnt == b->expect_cnt;

	for (uint32_t i = 0; same && i < a->expect_cnt; i++)
		same = same_text(a->expect[i].rule, b->expect[i].rule);
	return same;
}

/* same_changes: the instants may differ, where people told each segment for itself. */
static bool same_changes(const struct load_intent *a, const struct load_intent *b)
{
	bool same = a->change_cnt == b->change_cnt;

	for (uint32_t i = 0; same && i < a->change_cnt; i++)
		same = a->change[i].rate_milli == b->change[i].rate_milli;
	return same;
}

const char *leat_report_other_plan(const struct load_result *a, const struct load_result *b)
{
	const struct load_intent *i = &a->intent, *k = &b->intent;
	const struct {
		const char *what;
		bool same;
	} row[] = {
		{"config hashes", same_text(a->where.config_hash, b->where.config_hash)},
		{"numbers of segments", a->where.segment_cnt == b->where.segment_cnt},
		{"models", i->model == k->model},
		{"rates", i->rate_milli == k->rate_milli},
		{"changes of the rate", same_changes(i, k)},
		{"ramps", i->ramp_ns == k->ramp_ns},
		{"durations", i->duration_ns == k->duration_ns},
		{"totals", i->total == k->total || i->change_cnt != 0},
		{"2MSLs", i->time_wait_ns == k->time_wait_ns},
		{"--connect-reuse", i->rest_ns == k->rest_ns},
		{"programs", same_text(i->program, k->program)},
		{"closes", same_text(i->close, k->close)},
		{"expectations", same_rules(a, b)},
	};

	for (uint32_t n = 0; n < COUNT_OF(row); n++)
		if (!row[n].same)
			return row[n].what;
	return NULL;
}

static uint32_t find_segment(const struct report_merge *m, uint32_t segment, uint32_t from)
{
	for (uint32_t i = from; i < m->run_cnt; i++)
		if (nth(m, i)->where.segment == segment)
			return i;
	return UINT32_MAX;
}

static bool check_plans(const struct report_merge *m, char *why, size_t size)
{
	for (uint32_t i = 1; i < m->run_cnt; i++) {
		const char *what = leat_report_other_plan(nth(m, 0), nth(m, i));

		if (what == NULL)
			continue;
		const char *option =
			leat_report_config_other(nth(m, 0)->where.config, nth(m, i)->where.config);
		int octets = option != NULL ? (int)strcspn(option, "=\n") : 0;

		snprintf(why, size, "%s and %s have different %s%s%.*s: they are not of one plan",
			m->name[0], m->name[i], what, octets != 0 ? ", by --" : "", octets,
			octets != 0 ? option : "");
		return false;
	}
	for (uint32_t i = 0; i < m->run_cnt; i++) {
		const struct load_where *w = &nth(m, i)->where;
		uint32_t twin = find_segment(m, w->segment, i + 1);

		if (twin == UINT32_MAX)
			continue;
		snprintf(why, size, "%s and %s are both segment %u/%u; leave one of them out",
			m->name[i], m->name[twin], w->segment, w->segment_cnt);
		return false;
	}
	return true;
}

/* missing is the first segment that is not there; 0: all are. */
static uint32_t missing(const struct report_merge *m)
{
	if (m->run_cnt == nth(m, 0)->where.segment_cnt)
		return 0;
	for (uint32_t s = 1;; s++)
		if (find_segment(m, s, 0) == UINT32_MAX)
			return s;
}

static bool check_all_there(const struct report_merge *m, char *why, size_t size)
{
	uint32_t segment = missing(m), cnt = nth(m, 0)->where.segment_cnt;

	if (segment == 0 || m->anyway)
		return true;
	snprintf(why, size,
		"%u of %u segments: %u/%u is missing; give its file, or --anyway for a verdict "
		"that is inconclusive at best",
		m->run_cnt, cnt, segment, cnt);
	return false;
}

/* measure_windows notes how much of the wall clock all had in common. */
static void measure_windows(struct report_merge *m)
{
	uint64_t first = UINT64_MAX, last = 0, from = 0, to = UINT64_MAX;

	for (uint32_t i = 0; i < m->run_cnt; i++) {
		const struct load_result *r = nth(m, i);

		first = u64_min(first, r->start_unix_ns);
		from = u64_max(from, r->start_unix_ns);
		to = u64_min(to, end_of(r));
		last = u64_max(last, end_of(r));
	}
	m->skew_ns = from - first;
	m->whole_ns = last - first;
	m->common_ns = to > from ? to - from : 0;
}

static bool windows_fit(const struct report_merge *m)
{
	return m->common_ns / COMMON_MIN >= m->whole_ns / 100;
}

static bool check_windows(const struct report_merge *m, char *why, size_t size)
{
	char common[32], whole[32];

	if (windows_fit(m) || m->anyway)
		return true;
	leat_text_ns(m->common_ns, common, sizeof(common));
	leat_text_ns(m->whole_ns, whole, sizeof(whole));
	snprintf(why, size,
		"their windows have %s of %s in common, and rates of different times do not add "
		"up: at least %d %% must be; --anyway merges them for a verdict that is "
		"inconclusive at best",
		m->common_ns == 0 ? "nothing" : common, whole, COMMON_MIN);
	return false;
}

/* shift_of is how many whole seconds later than the first this one began. */
static uint32_t shift_of(const struct report_merge *m, uint32_t i)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t k = 0; k < m->run_cnt; k++)
		first = u64_min(first, nth(m, k)->start_unix_ns);
	uint64_t seconds = (nth(m, i)->start_unix_ns - first + TIME_S / 2) / TIME_S;
	return (uint32_t)u64_min(seconds, UINT32_MAX);
}

uint32_t leat_report_merge_seconds(const struct report_merge *m)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < m->run_cnt; i++)
		if (nth(m, i)->second_cnt > 0)
			most = u64_max(most, (uint64_t)shift_of(m, i) + nth(m, i)->second_cnt);
	return (uint32_t)u64_min(most, UINT32_MAX);
}

static void add_second(struct load_second *to, const struct load_second *s, uint64_t shift_ns)
{
	to->at_ns = u64_max(to->at_ns, s->at_ns + shift_ns);
	to->planned += s->planned;
	to->started += s->started;
	to->connected += s->connected;
	to->completed += s->completed;
	to->failed += s->failed;
	to->not_started += s->not_started;
	to->late += s->late;
	to->octets_in += s->octets_in;
	to->octets_out += s->octets_out;
	to->again += s->again;
	to->in_flight += s->in_flight;
	to->busy_millionths = u32_max(to->busy_millionths, s->busy_millionths);
	for (uint32_t i = 0; i < LOAD_STATE_CNT; i++)
		to->present[i] += s->present[i];
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++) {
		to->hist[i].p50_ns = u64_max(to->hist[i].p50_ns, s->hist[i].p50_ns);
		to->hist[i].p99_ns = u64_max(to->hist[i].p99_ns, s->hist[i].p99_ns);
		to->hist[i].max_ns = u64_max(to->hist[i].max_ns, s->hist[i].max_ns);
	}
}

static void add_shards(struct load_result *to, const struct load_result *r)
{
	for (uint32_t i = 0; i < r->where.shard_cnt && i < LOAD_SHARD_MAX; i++)
		if (to->where.shard_cnt + i < LOAD_SHARD_MAX)
			to->shard[to->where.shard_cnt + i] = r->shard[i];
	if (r->limits.busiest_millionths >= to->limits.busiest_millionths) {
		to->limits.busiest_millionths = r->limits.busiest_millionths;
		to->limits.busiest_shard = to->where.shard_cnt + r->limits.busiest_shard;
	}
	to->where.shard_cnt += r->where.shard_cnt;
}

static void add_tcp(struct load_tcp *to, const struct load_tcp *t)
{
	for (uint32_t i = 0; i < AGAIN_CNT; i++)
		to->again[i] += t->again[i];
	to->rto_fired += t->rto_fired;
	to->recoveries += t->recoveries;
	to->time_wait_peak += t->time_wait_peak;
	to->time_wait_reused += t->time_wait_reused;
	to->time_wait_evicted += t->time_wait_evicted;
}

static void add_part(struct load_result *to, const struct load_result *r)
{
	struct load_part *p = &to->part[to->part_cnt++];

	*p = (struct load_part){.segment = r->where.segment,
		.partial = r->partial,
		.start_unix_ns = r->start_unix_ns,
		.ran_ns = r->ran_ns,
		.rate_milli = leat_load_result_rate_milli(r),
		.completed = r->counters.completed,
		.connect_p99_ns = leat_hist_at(&r->hist[LOAD_HIST_CONNECT], 990000)};
	memcpy(p->node, r->where.node, sizeof(p->node));
}

/* add_link takes the device of the segment whose link was the worst. */
static void add_link(struct load_result *to, const struct load_result *r)
{
	const struct load_limits *l = &r->limits;

	if (l->port_gone || (l->link_down_cnt > 0 && !to->limits.port_gone))
		to->where.device = r->where.device;
	to->limits.link_down_cnt += l->link_down_cnt;
	to->limits.link_down_ns += l->link_down_ns;
	to->limits.port_gone |= l->port_gone;
	to->limits.start_late_ns = u64_max(to->limits.start_late_ns, l->start_late_ns);
}

/* add_run adds what is counted.  The time that rates are of is the longest one. */
static void add_run(struct load_result *to, const struct load_result *r, uint32_t shift)
{
	to->start_unix_ns = u64_min(to->start_unix_ns, r->start_unix_ns);
	to->planned_start_unix_ns = u64_min(to->planned_start_unix_ns, r->planned_start_unix_ns);
	to->drain_ns = u64_max(to->drain_ns, r->drain_ns);
	to->partial |= r->partial;
	to->balanced &= r->balanced;
	leat_load_add(&to->counters, &r->counters);
	to->steady_started += r->steady_started;
	to->steady_completed += r->steady_completed;
	to->steady_ns = u64_max(to->steady_ns, r->steady_ns);
	for (uint32_t k = 0; k < LOAD_HIST_CNT; k++)
		leat_hist_merge(&to->hist[k], &r->hist[k]);
	add_tcp(&to->tcp, &r->tcp);
	add_shards(to, r);
	to->limits.nic_missed += r->limits.nic_missed;
	to->limits.nic_no_buf += r->limits.nic_no_buf;
	to->limits.buffers_low_millionths =
		u32_min(to->limits.buffers_low_millionths, r->limits.buffers_low_millionths);
	to->limits.late_p99_ns = u64_max(to->limits.late_p99_ns, r->limits.late_p99_ns);
	add_link(to, r);
	to->held_min += r->held_min;
	to->held_max += r->held_max;
	to->held_looks = u64_max(to->held_looks, r->held_looks);
	to->intent.concurrency += r->intent.concurrency;
	for (uint32_t i = 0; i < to->intent.change_cnt; i++)
		to->intent.change[i].held += r->intent.change[i].held;
	to->intent.tuples += r->intent.tuples;
	to->intent.tuples_needed += r->intent.tuples_needed;
	to->intent.rate_milli_max += r->intent.rate_milli_max;
	for (uint32_t i = 0; i < r->second_cnt && shift + i < to->second_max_cnt; i++)
		add_second(&to->second[shift + i], &r->second[i], shift * TIME_S);
	add_part(to, r);
}

/* end_gaps gives the seconds in which no segment ran an end, as each has one. */
static void end_gaps(struct load_result *r)
{
	for (uint32_t i = 0; i < r->second_cnt; i++)
		if (r->second[i].at_ns == 0)
			r->second[i].at_ns = (i + 1) * TIME_S;
}

/* note_rates finds the fewest and most that all together began in a whole second at full rate. */
static void note_rates(struct load_result *r)
{
	uint64_t from = r->intent.ramp_ns + TIME_S;
	uint64_t to = r->intent.duration_ns != 0
			      ? r->intent.ramp_ns + r->intent.duration_ns + TIME_MS
			      : UINT64_MAX;

	for (uint32_t i = 0; i < r->second_cnt; i++) {
		if (r->second[i].at_ns < from || r->second[i].at_ns >= to)
			continue;
		r->second_min = u64_min(r->second_min, r->second[i].started);
		r->second_max = u64_max(r->second_max, r->second[i].started);
	}
}

static void judge(const struct report_merge *m, struct load_result *r)
{
	uint32_t cnt = nth(m, 0)->where.segment_cnt;

	leat_load_judge(r, m->run[0].rule, nth(m, 0)->expect_cnt);
	if (missing(m) != 0)
		snprintf(r->why, sizeof(r->why), "%u of %u segments: %u/%u is missing", m->run_cnt,
			cnt, missing(m), cnt);
	else if (!windows_fit(m))
		snprintf(r->why, sizeof(r->why), "its segments did not run at the same time");
}

/* name_of: what is of several runs has the name of none of them. */
static const char *name_of(const struct report_merge *m)
{
	for (uint32_t i = 1; i < m->run_cnt; i++)
		if (!same_text(nth(m, i)->where.name, nth(m, 0)->where.name))
			return "merged";
	return nth(m, 0)->where.name;
}

static void begin(const struct report_merge *m, struct load_result *r, struct load_second *second)
{
	const struct load_result *first = nth(m, 0);
	uint32_t seconds = leat_report_merge_seconds(m);

	if (seconds != 0)
		memset(second, 0, seconds * sizeof(*second));
	leat_load_result_init(r, second, seconds);
	r->second_cnt = seconds;
	r->intent = first->intent;
	r->intent.concurrency = r->intent.tuples = r->intent.tuples_needed = 0;
	r->intent.rate_milli_max = 0;
	for (uint32_t i = 0; i < r->intent.change_cnt; i++)
		r->intent.change[i].held = 0;
	r->where = first->where;
	r->where.name = name_of(m);
	r->where.shard_cnt = 0;
	r->where.segment = r->where.segment_cnt = 1;
	r->part_of = first->where.segment_cnt;
	if (m->run_cnt > 1)
		snprintf(r->where.node, sizeof(r->where.node), "%u generators", m->run_cnt);
	r->start_unix_ns = r->planned_start_unix_ns = UINT64_MAX;
	r->ran_ns = m->whole_ns;
	r->balanced = true;
	r->partial = missing(m) != 0 || !windows_fit(m);
	r->limits.buffers_low_millionths = 1000000;
}

bool leat_report_merge(struct report_merge *m, struct load_result *r, struct load_second *second,
	char *why, size_t size)
{
	DCHECK(m->run_cnt > 0 && m->run_cnt <= LOAD_PART_MAX);
	measure_windows(m);
	if (!check_plans(m, why, size) || !check_all_there(m, why, size) ||
		!check_windows(m, why, size))
		return false;
	begin(m, r, second);
	for (uint32_t s = 1; r->part_cnt < m->run_cnt; s++) {
		uint32_t i = find_segment(m, s, 0);

		if (i != UINT32_MAX)
			add_run(r, nth(m, i), shift_of(m, i));
	}
	if (r->intent.change_cnt != 0 && r->intent.total != 0 && !r->partial)
		r->intent.total = r->counters.planned; /* the instants may differ */
	end_gaps(r);
	note_rates(r);
	judge(m, r);
	return true;
}

void leat_report_merge_print(const struct report_merge *m, const struct load_result *r, FILE *out)
{
	char skew[32], common[32], whole[32], text[32];
	uint32_t cnt = nth(m, 0)->where.segment_cnt;

	leat_text_ns(m->skew_ns, skew, sizeof(skew));
	leat_text_ns(m->common_ns, common, sizeof(common));
	leat_text_ns(m->whole_ns, whole, sizeof(whole));
	bool one_name = r->where.name == nth(m, 0)->where.name;
	fprintf(out, "merged    %u of %u segments%s%s; start skew %s, common window %s of %s\n",
		m->run_cnt, cnt, one_name ? " of " : "", one_name ? r->where.name : "",
		m->skew_ns == 0 ? "0" : skew, common, whole);
	for (uint32_t i = 0; i < r->part_cnt; i++) {
		const struct load_part *p = &r->part[i];

		leat_load_text_rate(p->rate_milli, text, sizeof(text));
		leat_text_ns(p->connect_p99_ns, skew, sizeof(skew));
		fprintf(out, "  %3u/%-3u  %-24s %14s   connect p99 %9s%s\n", p->segment, cnt,
			p->node, text, skew, p->partial ? "   PARTIAL" : "");
	}
}
