/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_view.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"

#include <rte_mempool.h>
#include <rte_version.h>

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

STATIC_ASSERT((uint32_t)LOAD_STATE_CNT == TCP_ST_CNT, "a column for each state");
STATIC_ASSERT(LOAD_SHARD_MAX >= SHARD_MAX, "a row for each shard");

void leat_load_view_copy(void *arg)
{
	struct load_view_shard *v = arg;

	v->counters = *leat_load_counters(v->load);
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++)
		v->hist[i] = *leat_load_hist(v->load, (enum load_hist)i);
	v->last_at = leat_load_last(v->load);
	v->done = leat_load_done(v->load);
}

/* look_buffers notes how many packet buffers are free, when they are fewer than ever. */
static void look_buffers(struct load_view *v)
{
	uint64_t all = v->plane->pool->size, left = rte_mempool_avail_count(v->plane->pool);
	uint32_t share = (uint32_t)(left * 1000000 / u64_max(all, 1));

	v->r->limits.buffers_low_millionths = u32_min(v->r->limits.buffers_low_millionths, share);
}

void leat_load_view_sum(struct load_view *v)
{
	v->sum = (struct shard_counts){0};
	v->counters = (struct load_counters){0};
	v->done = true;
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++)
		leat_hist_clear(&v->hist[i]);
	for (uint32_t i = 0; i < v->plane->shard_cnt; i++) {
		const struct load_view_shard *s = &v->shard[i];

		leat_report_add(&v->sum, &v->plane->shard[i].counts);
		leat_load_add(&v->counters, &s->counters);
		v->last_at = u64_max(v->last_at, s->last_at);
		v->done &= s->done;
		for (uint32_t k = 0; k < LOAD_HIST_CNT; k++)
			leat_hist_merge(&v->hist[k], &s->hist[k]);
	}
	v->r->tcp.time_wait_peak =
		u64_max(v->r->tcp.time_wait_peak, v->sum.tcp.present[TCP_ST_TIME_WAIT]);
}

void leat_load_view_look(struct load_view *v)
{
	leat_plane_ask_each(v->plane, leat_load_view_copy, v->shard, sizeof(*v->shard));
	look_buffers(v);
	for (uint32_t i = 0; i < v->plane->shard_cnt; i++) {
		if (!v->plane->shard[i].heard)
			return; /* it may be writing its copy: the sums stay as they were */
	}
	leat_load_view_sum(v);
}

void leat_load_view_begin(struct load_view *v, const struct nic_port *port)
{
	leat_load_view_look(v);
	v->before_again = v->sum.tcp.emitted_again;
	v->begin_stats = leat_nic_port_stats(port);
	for (uint32_t i = 0; i < v->plane->shard_cnt; i++)
		v->before_busy_ns[i] = v->begin_busy_ns[i] = v->plane->shard[i].counts.busy_ns;
}

/* planned_by is how many of this generator's connections are due by now; when the plan is over, or
 * was stopped, how many were due in it. */
static uint64_t planned_by(const struct load_view *v, uint64_t now)
{
	const struct load_options *o = v->o;

	if (v->r->ran_ns != 0)
		return u64_max(v->counters.planned, v->before_planned);
	if (o->rate_milli == 0 || now <= v->start_at)
		return v->counters.planned;
	uint64_t due = leat_load_plan_due(&v->need->load.plan, now - v->start_at);
	return (due + o->segment_cnt - o->segment) / o->segment_cnt;
}

/* hist_since puts into the second what was recorded since the one before. */
static void hist_since(struct load_view *v, struct load_second *s)
{
	for (uint32_t k = 0; k < LOAD_HIST_CNT; k++) {
		struct hist *d = &v->delta[k];

		leat_hist_clear(d);
		for (uint32_t i = 0; i < HIST_SLOT_CNT; i++) {
			d->cnt[i] = v->hist[k].cnt[i] - v->before_hist[k].cnt[i];
			d->total_cnt += d->cnt[i];
			if (d->cnt[i] != 0)
				d->max_ns = u64_min(hist_slot_end(i), v->hist[k].max_ns);
			if (d->cnt[i] != 0 && d->min_ns == UINT64_MAX)
				d->min_ns = hist_slot_end(i);
		}
		d->sum_ns = v->hist[k].sum_ns - v->before_hist[k].sum_ns;
		s->hist[k].p50_ns = leat_hist_at(d, 500000);
		s->hist[k].p99_ns = leat_hist_at(d, 990000);
		s->hist[k].max_ns = d->max_ns;
		v->before_hist[k] = v->hist[k];
	}
}

/* busy_since is how busy the busiest shard was since the second before. */
static uint32_t busy_since(struct load_view *v, uint64_t lasted_ns)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < v->plane->shard_cnt; i++) {
		uint64_t busy = v->plane->shard[i].counts.busy_ns;

		most = u64_max(most, busy - v->before_busy_ns[i]);
		v->before_busy_ns[i] = busy;
	}
	return (uint32_t)u64_min(most * 1000 / u64_max(lasted_ns / 1000, 1), 1000000);
}

/* note_steady keeps the fewest and the most that were begun in one whole second at full rate. */
static void note_steady(struct load_view *v, const struct load_second *s)
{
	const struct load_options *o = v->o;
	bool whole = s->at_ns + v->start_at >= v->before_at + TIME_S * 9 / 10;
	bool goes_on = v->r->ran_ns == 0; /* it was not stopped in this second */
	bool steady = whole && goes_on && s->at_ns >= o->ramp_ns + TIME_S &&
		      (o->duration_ns == 0 || s->at_ns < o->ramp_ns + o->duration_ns + TIME_MS);

	if (!steady)
		return;
	v->r->second_min = u64_min(v->r->second_min, s->started);
	v->r->second_max = u64_max(v->r->second_max, s->started);
}

bool leat_load_view_news(const struct load_view *v)
{
	return memcmp(&v->counters, &v->before, offsetof(struct load_counters, in_flight)) != 0;
}

const struct load_second *leat_load_view_second(struct load_view *v, uint64_t now)
{
	struct load_result *r = v->r;
	const struct load_counters *c = &v->counters, *b = &v->before;
	uint64_t planned = planned_by(v, now), again = v->sum.tcp.emitted_again;

	if (r->second_cnt == r->second_max_cnt)
		return NULL;
	struct load_second *s = &r->second[r->second_cnt++];
	*s = (struct load_second){.at_ns = now - v->start_at,
		.planned = planned - v->before_planned,
		.started = c->started - b->started,
		.connected = c->connected - b->connected,
		.completed = c->completed - b->completed,
		.failed = leat_load_failed(c) - leat_load_failed(b),
		.not_started = leat_load_not_started(c) - leat_load_not_started(b),
		.late = c->late - b->late,
		.octets_in = c->octets_in - b->octets_in,
		.octets_out = c->octets_out - b->octets_out,
		.again = again - v->before_again,
		.in_flight = c->in_flight};
	for (uint32_t i = 0; i < LOAD_STATE_CNT; i++)
		s->present[i] = v->sum.tcp.present[i];
	s->busy_millionths = busy_since(v, now - u64_max(v->before_at, v->start_at));
	hist_since(v, s);
	note_steady(v, s);
	v->before = *c;
	v->before_at = now;
	v->before_again = again;
	v->before_planned = planned;
	return s;
}

void leat_load_view_busy(struct load_view *v, uint64_t now)
{
	uint64_t ran_ns = u64_max(now - v->start_at, 1000);

	for (uint32_t i = 0; i < v->plane->shard_cnt; i++) {
		uint64_t busy_ns = v->plane->shard[i].counts.busy_ns - v->begin_busy_ns[i];

		v->r->shard[i].busy_millionths =
			(uint32_t)u64_min(busy_ns * 1000 / (ran_ns / 1000), 1000000);
	}
}

static void end_shards(struct load_view *v)
{
	struct load_limits *l = &v->r->limits;

	for (uint32_t i = 0; i < v->plane->shard_cnt; i++) {
		const struct shard_counts *c = &v->plane->shard[i].counts;
		struct load_shard *s = &v->r->shard[i];

		*s = (struct load_shard){.cpu = v->plane->eal.cpu[v->plane->shard[i].lcore_idx],
			.busy_millionths = s->busy_millionths,
			.counters = v->shard[i].counters,
			.late_p99_ns = leat_hist_at(&v->shard[i].hist[LOAD_HIST_LATE], 990000),
			.rx_frames = c->rx_frames,
			.tx_frames = c->tx_frames,
			.tx_full = c->tx_full,
			.tx_no_buf = c->tx_no_buf};
		if (s->busy_millionths >= l->busiest_millionths) {
			l->busiest_millionths = s->busy_millionths;
			l->busiest_shard = i;
		}
	}
}

/* end_steady settles how long the time between ramp and end was: the plan's, or until the last
 * connect was begun, when that was later. */
static void end_steady(struct load_view *v)
{
	struct load_result *r = v->r;
	uint64_t from = v->start_at + v->o->ramp_ns, ns = v->o->duration_ns;

	if (r->partial && r->ran_ns < v->o->ramp_ns + ns)
		ns = r->ran_ns > v->o->ramp_ns ? r->ran_ns - v->o->ramp_ns : 0;
	if (ns == 0 && !r->partial)
		ns = v->last_at > from ? v->last_at - from : 1;
	r->steady_started = v->counters.steady;
	r->steady_completed = v->counters.steady_completed;
	r->steady_ns = v->last_at > from ? u64_max(ns, v->last_at - from) : ns;
}

void leat_load_view_end(struct load_view *v, const struct nic_port *port)
{
	struct nic_port_stats stats = leat_nic_port_stats(port);
	struct load_result *r = v->r;
	const struct tcp_counters *t = &v->sum.tcp;

	r->counters = v->counters;
	r->held_min = v->counters.held_min;
	r->held_max = v->counters.held_max;
	r->held_looks = v->counters.held_looks;
	memcpy(r->hist, v->hist, sizeof(r->hist));
	end_shards(v);
	end_steady(v);
	leat_report_again(t, r->tcp.again);
	r->tcp.rto_fired = t->rto_fired;
	r->tcp.recoveries = t->recoveries;
	r->tcp.time_wait_reused = t->ended[TCP_END_REUSED];
	r->tcp.time_wait_evicted = t->ended[TCP_END_GAVE_WAY];
	r->limits.nic_missed = stats.rx_missed - v->begin_stats.rx_missed;
	r->limits.nic_no_buf = stats.rx_no_mbuf - v->begin_stats.rx_no_mbuf + v->sum.tx_no_buf +
			       v->sum.rx_drop_no_buf;
	r->limits.late_p99_ns = leat_hist_at(&v->hist[LOAD_HIST_LATE], 990000);
}

/* read_cpu finds the name of the first processor. */
static void read_cpu(char *text, size_t size)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "re");

	snprintf(text, size, "-");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || colon == NULL)
			continue;
		memccpy(text, colon + strspn(colon, ": \t"), '\n', size - 1);
		text[size - 1] = '\0';
		text[strcspn(text, "\n")] = '\0';
		break;
	}
	if (f != NULL)
		fclose(f);
}

void leat_load_view_where(struct load_view *v, const struct nic_port *port)
{
	struct load_where *w = &v->r->where;
	struct utsname uts;

	*w = (struct load_where){.leat = LEAT_VERSION,
		.dpdk = rte_version(),
		.nic = port->driver,
		.device = v->o->serve.tap != NULL ? v->o->serve.tap : port->name,
		.name = v->o->serve.name,
		.command = w->command,
		.shard_cnt = v->plane->shard_cnt,
		.segment = v->o->segment,
		.segment_cnt = v->o->segment_cnt};
	if (uname(&uts) == 0) {
		snprintf(w->kernel, sizeof(w->kernel), "%.63s", uts.release);
		snprintf(w->node, sizeof(w->node), "%.63s", uts.nodename);
	}
	read_cpu(w->cpu, sizeof(w->cpu));
}
