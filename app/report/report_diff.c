/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_diff.h"

#include "base_bits.h"
#include "load_text.h"
#include "report_merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESOLUTION (1.0 / HIST_HALF) /* of a latency: the width of its slot */

static const char *const change_text[] = {
	[REPORT_CHANGE_SAME] = "same",
	[REPORT_CHANGE_NOISE] = "inside noise",
	[REPORT_CHANGE_BETTER] = "better",
	[REPORT_CHANGE_WORSE] = "WORSE",
	[REPORT_CHANGE_UNKNOWN] = "",
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* sorted copies the values, the least first. */
static void sorted(const struct report_values *v, double *to)
{
	memcpy(to, v->value, v->cnt * sizeof(*to));
	qsort(to, v->cnt, sizeof(*to), by_value);
}

static double median(const struct report_values *v)
{
	double value[LOAD_PART_MAX];

	sorted(v, value);
	return (value[(v->cnt - 1) / 2] + value[v->cnt / 2]) / 2;
}

static double range(const struct report_values *v)
{
	double value[LOAD_PART_MAX];

	sorted(v, value);
	return value[v->cnt - 1] - value[0];
}

enum report_change leat_report_change(const struct report_values *old,
	const struct report_values *now, double resolution, bool more_is_better)
{
	double a = median(old), b = median(now), apart = fabs(b - a);

	if (apart <= resolution * fmax(fabs(a), fabs(b)))
		return REPORT_CHANGE_SAME;
	if (old->cnt == 1 && now->cnt == 1)
		return REPORT_CHANGE_UNKNOWN;
	if (apart <= fmax(range(old), range(now)))
		return REPORT_CHANGE_NOISE;
	return (b > a) == more_is_better ? REPORT_CHANGE_BETTER : REPORT_CHANGE_WORSE;
}

/* is_same: one generator begins no two runs at one instant and counts the same in both. */
static bool is_same(const struct load_result *a, const struct load_result *b)
{
	return a->start_unix_ns == b->start_unix_ns && strcmp(a->where.node, b->where.node) == 0 &&
	       strcmp(a->where.name, b->where.name) == 0 && a->where.segment == b->where.segment &&
	       a->intent.seed == b->intent.seed &&
	       memcmp(&a->counters, &b->counters, sizeof(a->counters)) == 0 &&
	       memcmp(a->hist, b->hist, sizeof(a->hist)) == 0;
}

bool leat_report_twice(const struct report_set *set, uint32_t *first, uint32_t *again)
{
	for (*again = 1; *again < set->run_cnt; ++*again)
		for (*first = 0; *first < *again; ++*first)
			if (is_same(&set->run[*first].r, &set->run[*again].r))
				return true;
	return false;
}

/* What is compared, and how it is told. */
struct metric {
	char name[24];
	enum load_metric kind;
	uint32_t which, quantile;
	bool more_is_better;
};

static double value_of(const struct load_result *r, const struct metric *m)
{
	switch (m->kind) {
	case LOAD_METRIC_ACHIEVED:
		return leat_load_result_achieved(r) / 1e6;
	case LOAD_METRIC_RATE:
		return (double)leat_load_result_rate_milli(r);
	case LOAD_METRIC_ERRORS:
		return (double)leat_load_failed(&r->counters);
	case LOAD_METRIC_NOT_STARTED:
		return (double)leat_load_not_started(&r->counters);
	default:
		return (double)leat_load_quantile(&r->hist[m->which], m->quantile);
	}
}

static void value_text(const struct metric *m, double value, char *text, size_t size)
{
	if (m->kind == LOAD_METRIC_ACHIEVED)
		leat_load_text_share((uint32_t)lround(value * 1e6), text, size);
	else if (m->kind == LOAD_METRIC_RATE)
		leat_load_text_rate((uint64_t)llround(value), text, size);
	else if (m->kind == LOAD_METRIC_HIST)
		leat_text_ns((uint64_t)llround(value), text, size);
	else
		leat_text_group((uint64_t)llround(value), text, size);
}

static struct report_values values_of(
	const struct report_set *set, const struct metric *m, double value[LOAD_PART_MAX])
{
	for (uint32_t i = 0; i < set->run_cnt && i < LOAD_PART_MAX; i++)
		value[i] = value_of(&set->run[i].r, m);
	return (struct report_values){value, u32_min(set->run_cnt, LOAD_PART_MAX)};
}

static void print_metric(const struct report_set *old, const struct report_set *now,
	const struct metric *m, FILE *out)
{
	double value[2][LOAD_PART_MAX];
	struct report_values a = values_of(old, m, value[0]), b = values_of(now, m, value[1]);
	double resolution = m->kind == LOAD_METRIC_HIST ? RESOLUTION : 0;
	enum report_change change = leat_report_change(&a, &b, resolution, m->more_is_better);
	char text[2][TEXT_GROUP_MAX], percent[32] = "";

	value_text(m, median(&a), text[0], sizeof(text[0]));
	value_text(m, median(&b), text[1], sizeof(text[1]));
	if (median(&a) > 0 && change != REPORT_CHANGE_SAME)
		snprintf(percent, sizeof(percent), "%+.1f %%", (median(&b) / median(&a) - 1) * 100);
	fprintf(out, "  %-20s %16s %16s %10s%s%s\n", m->name, text[0], text[1], percent,
		change_text[change][0] != '\0' ? "   " : "", change_text[change]);
}

static void print_latencies(const struct report_set *old, const struct report_set *now, FILE *out)
{
	static const uint32_t quantile[] = {1, 3, 4, 6}; /* p50 p99 p99.9 max */

	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		if (old->run[0].r.hist[h].total_cnt == 0 && now->run[0].r.hist[h].total_cnt == 0)
			continue;
		for (uint32_t q = 0; q < COUNT_OF(quantile); q++) {
			struct metric m = {
				.kind = LOAD_METRIC_HIST, .which = h, .quantile = quantile[q]};

			snprintf(m.name, sizeof(m.name), "%s %s",
				leat_load_hist_key((enum load_hist)h),
				leat_load_quantile_name[quantile[q]]);
			print_metric(old, now, &m, out);
		}
	}
}

/* verdict_text is that of a run, or how many of several had which: "2 pass, 1 fail". */
static const char *verdict_text(const struct report_set *set, char *text, size_t size)
{
	uint32_t cnt[LOAD_VERDICT_CNT] = {0};
	size_t at = 0;

	if (set->run_cnt == 1)
		return leat_load_verdict_name(set->run[0].r.verdict);
	for (uint32_t i = 0; i < set->run_cnt; i++)
		cnt[set->run[i].r.verdict]++;
	for (uint32_t v = 0; v < LOAD_VERDICT_CNT; v++)
		if (cnt[v] != 0)
			at += (size_t)snprintf(text + at, size - at, "%s%u %s", at ? ", " : "",
				cnt[v], leat_load_verdict_name((enum load_verdict)v));
	return text;
}

void leat_report_diff(const struct report_set *old, const struct report_set *now, FILE *out)
{
	static const struct metric plain[] = {
		{"achieved", LOAD_METRIC_ACHIEVED, 0, 0, true},
		{"rate", LOAD_METRIC_RATE, 0, 0, true},
		{"failed", LOAD_METRIC_ERRORS, 0, 0, false},
		{"not started", LOAD_METRIC_NOT_STARTED, 0, 0, false},
	};
	const struct load_result *a = &old->run[0].r, *b = &now->run[0].r;
	const char *other = leat_report_other_plan(a, b);
	char text[2][64];

	if (other != NULL)
		fprintf(out, "note      they have different %s\n", other);
	fprintf(out, "  %-20s %16s %16s\n", old->run_cnt + now->run_cnt > 2 ? "median" : "", "old",
		"new");
	for (uint32_t i = 0; i < COUNT_OF(plain); i++)
		print_metric(old, now, &plain[i], out);
	print_latencies(old, now, out);
	fprintf(out, "  %-20s %16s %16s\n", "verdict", verdict_text(old, text[0], sizeof(text[0])),
		verdict_text(now, text[1], sizeof(text[1])));
	if (old->run_cnt + now->run_cnt == 2)
		fprintf(out, "one run each: how much such runs vary is not known; give repeated "
			     "ones, as old1.json,old2.json new1.json,new2.json\n");
}
