/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_draw.h"

#include "base_bits.h"
#include "base_time.h"
#include "load_text.h"
#include "report_plot.h"
#include "tcp_state.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define POINT_MAX    720 /* no more than pixels */
#define QUANTILE_CNT 101 /* points of a percentile curve */
#define NINES        5   /* it ends at 99.999 % */
#define SHARD_WIDTH  100
#define SHARD_COLUMN 8

/* Seconds, so many put together that POINT_MAX are enough. */
struct series {
	struct load_second at[POINT_MAX];
	double lasted_s[POINT_MAX];
	uint32_t cnt;
};

static void put_together(struct load_second *to, const struct load_second *s)
{
	to->at_ns = s->at_ns;
	to->planned += s->planned;
	to->started += s->started;
	to->failed += s->failed + s->not_started;
	for (uint32_t i = 0; i < LOAD_STATE_CNT; i++)
		to->present[i] = u32_max(to->present[i], s->present[i]);
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		to->hist[h].p50_ns = u64_max(to->hist[h].p50_ns, s->hist[h].p50_ns);
		to->hist[h].p99_ns = u64_max(to->hist[h].p99_ns, s->hist[h].p99_ns);
		to->hist[h].max_ns = u64_max(to->hist[h].max_ns, s->hist[h].max_ns);
	}
}

static void make_series(const struct load_result *r, struct series *s)
{
	uint32_t each = r->second_cnt / POINT_MAX + 1;
	uint64_t before = 0;

	memset(s, 0, sizeof(*s));
	for (uint32_t i = 0; i < r->second_cnt; i++)
		put_together(&s->at[i / each], &r->second[i]);
	s->cnt = (r->second_cnt + each - 1) / each;
	for (uint32_t i = 0; i < s->cnt; i++) {
		uint64_t at = s->at[i].at_ns;

		s->lasted_s[i] = at > before ? (double)(at - before) / 1e9 : 1;
		before = at;
	}
}

static double end_s(const struct series *s)
{
	return s->cnt != 0 ? fmax((double)s->at[s->cnt - 1].at_ns / 1e9, 1e-3) : 1;
}

static void si_text(double value, char *text, size_t size)
{
	if (value >= 1e9)
		snprintf(text, size, "%gG", value / 1e9);
	else if (value >= 1e6)
		snprintf(text, size, "%gM", value / 1e6);
	else if (value >= 1e4)
		snprintf(text, size, "%gk", value / 1e3);
	else
		snprintf(text, size, "%g", value);
}

static void s_text(double s, char *text, size_t size)
{
	leat_text_ns((uint64_t)llround(s * 1e9), text, size);
}

void leat_report_draw_rate(const struct load_result *r, FILE *out)
{
	struct plot_point planned[POINT_MAX], begun[POINT_MAX];
	struct plot p = {.out = out};
	char text[64];
	struct series s;

	make_series(r, &s);
	for (uint32_t i = 0; i < s.cnt; i++) {
		double at = (double)s.at[i].at_ns / 1e9;

		planned[i] = (struct plot_point){at, (double)s.at[i].planned / s.lasted_s[i]};
		begun[i] = (struct plot_point){at, (double)s.at[i].started / s.lasted_s[i]};
		p.y_max = fmax(p.y_max, fmax(planned[i].y, begun[i].y));
	}
	p.x_max = end_s(&s);
	p.y_max = p.y_max > 0 ? p.y_max * 1.1 : 1;
	leat_plot_begin(&p, "connections a second, planned and begun");
	if (s.cnt == 0)
		leat_plot_none(&p, "it ended before its first second was told");
	leat_plot_time_axis(&p);
	leat_plot_y_axis(&p, si_text);
	if (r->intent.model == LOAD_MODEL_OPEN)
		leat_plot_steps(&p, "c8 dash", planned, s.cnt);
	leat_plot_steps(&p, "c1", begun, s.cnt);
	for (uint32_t i = 0; i < s.cnt; i++) {
		snprintf(text, sizeof(text), "%" PRIu64 " failed or not begun until %.0f s",
			s.at[i].failed, begun[i].x);
		if (s.at[i].failed != 0)
			leat_plot_tick(&p, "bad", begun[i].x, text);
	}
	leat_plot_end(&p);
}

/* begin_latency settles the decades that hold all from low to high ns, and draws the frame; false:
 * nothing was measured. */
static bool begin_latency(struct plot *p, uint64_t low, uint64_t high, const char *label)
{
	leat_plot_begin(p, label);
	if (high == 0) {
		leat_plot_none(p, "no connection was established");
		leat_plot_end(p);
		return false;
	}
	p->log_y = true;
	p->y_min = pow(10, floor(log10(fmax((double)low, 1) / 1e9) + 1e-9));
	p->y_max = pow(10, ceil(log10(fmax((double)high, 1) / 1e9) - 1e-9));
	if (p->y_max < p->y_min * 10)
		p->y_max = p->y_min * 10;
	leat_plot_y_axis(p, s_text);
	return true;
}

static double seconds_or_none(uint64_t ns)
{
	return ns != 0 ? (double)ns / 1e9 : (double)NAN;
}

void leat_report_draw_latency(const struct load_result *r, FILE *out)
{
	struct plot_point line[4][POINT_MAX];
	uint64_t low = UINT64_MAX, high = 0;
	struct plot p = {.out = out};
	struct series s;

	make_series(r, &s);
	for (uint32_t i = 0; i < s.cnt; i++) {
		const uint64_t ns[4] = {s.at[i].hist[LOAD_HIST_CONNECT].max_ns,
			s.at[i].hist[LOAD_HIST_WHOLE].p99_ns,
			s.at[i].hist[LOAD_HIST_CONNECT].p99_ns,
			s.at[i].hist[LOAD_HIST_CONNECT].p50_ns};

		for (uint32_t k = 0; k < 4; k++) {
			line[k][i] = (struct plot_point){
				(double)s.at[i].at_ns / 1e9, seconds_or_none(ns[k])};
			low = ns[k] != 0 ? u64_min(low, ns[k]) : low;
			high = u64_max(high, ns[k]);
		}
	}
	p.x_max = end_s(&s);
	if (!begin_latency(&p, low, high, "latency over time"))
		return;
	leat_plot_time_axis(&p);
	leat_plot_steps(&p, "c8", line[0], s.cnt);
	leat_plot_steps(&p, "c3 dash", line[1], s.cnt);
	leat_plot_steps(&p, "c2", line[2], s.cnt);
	leat_plot_steps(&p, "c1", line[3], s.cnt);
	leat_plot_end(&p);
}

static void quantile_axis(const struct plot *p)
{
	static const char *const text[NINES + 1] = {
		"0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"};

	for (uint32_t i = 0; i <= NINES; i++)
		leat_plot_x_tick(p, i, text[i]);
	leat_plot_x_tick(p, log10(2), "50 %");
}

void leat_report_draw_quantiles(const struct load_result *r, FILE *out)
{
	static const enum load_hist of[] = {
		LOAD_HIST_CONNECT, LOAD_HIST_FIRST, LOAD_HIST_WHOLE, LOAD_HIST_SERVICE};
	static const char *const style[] = {"c1", "c2", "c3", "c8 dash"};
	struct plot p = {.out = out, .x_max = NINES};
	uint64_t low = UINT64_MAX, high = 0;

	for (uint32_t k = 0; k < COUNT_OF(of); k++) {
		const struct hist *h = &r->hist[of[k]];

		if (h->total_cnt == 0)
			continue;
		low = u64_min(low, u64_max(h->min_ns, 1));
		high = u64_max(high, h->max_ns);
	}
	if (!begin_latency(&p, low, high, "latency by percentile"))
		return;
	quantile_axis(&p);
	for (uint32_t k = 0; k < COUNT_OF(of); k++) {
		struct plot_point line[QUANTILE_CNT];

		for (uint32_t i = 0; i < QUANTILE_CNT; i++) {
			double x = (double)NINES * i / (QUANTILE_CNT - 1);
			double share = 1 - pow(10, -x);

			line[i] =
				(struct plot_point){x, seconds_or_none(leat_hist_at(&r->hist[of[k]],
							       (uint32_t)lround(share * 1e6)))};
		}
		leat_plot_line(&p, style[k], line, QUANTILE_CNT, false);
	}
	leat_plot_end(&p);
}

/* The states that are stacked, from below, and the class of each. */
static const struct {
	enum tcp_state state;
	const char *style;
} stack[] = {{TCP_ST_ESTABLISHED, "c1"}, {TCP_ST_SYN_SENT, "c4"}, {TCP_ST_SYN_RECEIVED, "c4"},
	{TCP_ST_FIN_WAIT_1, "c2"}, {TCP_ST_FIN_WAIT_2, "c3"}, {TCP_ST_CLOSE_WAIT, "c5"},
	{TCP_ST_CLOSING, "c6"}, {TCP_ST_LAST_ACK, "c7"}};

static void draw_stack(const struct plot *p, const struct series *s)
{
	struct plot_point low[POINT_MAX], high[POINT_MAX];

	for (uint32_t i = 0; i < s->cnt; i++)
		high[i] = (struct plot_point){(double)s->at[i].at_ns / 1e9, 0};
	for (uint32_t k = 0; k < COUNT_OF(stack); k++) {
		bool any = false;

		memcpy(low, high, s->cnt * sizeof(low[0]));
		for (uint32_t i = 0; i < s->cnt; i++) {
			high[i].y += s->at[i].present[stack[k].state];
			any |= s->at[i].present[stack[k].state] != 0;
		}
		if (any)
			leat_plot_area(p, stack[k].style, low, high, s->cnt);
	}
}

void leat_report_draw_states(const struct load_result *r, FILE *out)
{
	struct plot_point wait[POINT_MAX + 1] = {{0, 0}}; /* before the first second: nothing */
	struct plot p = {.out = out};
	struct series s;

	make_series(r, &s);
	for (uint32_t i = 0; i < s.cnt; i++) {
		double sum = 0;

		for (uint32_t k = 0; k < COUNT_OF(stack); k++)
			sum += s.at[i].present[stack[k].state];
		wait[i + 1] = (struct plot_point){
			(double)s.at[i].at_ns / 1e9, s.at[i].present[TCP_ST_TIME_WAIT]};
		p.y_max = fmax(p.y_max, sum);
		p.right_max = fmax(p.right_max, wait[i + 1].y);
	}
	p.x_max = end_s(&s);
	p.y_max *= 1.1;
	p.right_max *= 1.1;
	leat_plot_begin(&p, "connections in each state");
	leat_plot_time_axis(&p);
	if (p.y_max > 0) {
		leat_plot_y_axis(&p, si_text);
		draw_stack(&p, &s);
	}
	if (p.right_max > 0) {
		leat_plot_right_axis(&p, si_text);
		leat_plot_line(&p, "wait", wait, s.cnt + 1, true);
	}
	if (p.y_max <= 0 && p.right_max <= 0)
		leat_plot_none(&p, "none at the end of any second");
	leat_plot_end(&p);
}

void leat_report_draw_shards(const struct load_result *r, FILE *out)
{
	uint32_t cnt = u32_min(r->where.shard_cnt, LOAD_SHARD_MAX);
	uint32_t rows = (cnt + SHARD_COLUMN - 1) / SHARD_COLUMN;
	char busy[32];

	fprintf(out,
		"<svg viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"how busy each shard was\">\n",
		SHARD_COLUMN * SHARD_WIDTH, rows * 46);
	for (uint32_t i = 0; i < cnt; i++) {
		const struct load_shard *s = &r->shard[i];
		uint32_t x = i % SHARD_COLUMN * SHARD_WIDTH, y = i / SHARD_COLUMN * 46;

		leat_load_text_share(s->busy_millionths, busy, sizeof(busy));
		fprintf(out,
			"<rect class=\"box\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"20\"/>"
			"<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"%.1f\" height=\"20\"/>"
			"<text class=\"tick\" x=\"%u\" y=\"%u\">%u (cpu %u) %s</text>\n",
			x, y, SHARD_WIDTH - 8, s->busy_millionths > 850000 ? "fill bad" : "fill c1",
			x, y, s->busy_millionths / 1e6 * (SHARD_WIDTH - 8), x, y + 35, i, s->cpu,
			busy);
	}
	fputs("</svg>\n", out);
}
