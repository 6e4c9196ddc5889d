/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_expect.h"

#include "base_bits.h"
#include "base_time.h"
#include "load_text.h"
#include "opt.h"
#include "watch_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LATE_HINT "other programs on its core? --lcores of cores it has alone"

const char *const leat_load_quantile_key[LOAD_QUANTILE_CNT] = {
	"min", "p50", "p90", "p99", "p99_9", "p99_99", "max"};
const char *const leat_load_quantile_name[LOAD_QUANTILE_CNT] = {
	"min", "p50", "p90", "p99", "p99.9", "p99.99", "max"};

static const char *const compare_text[] = {
	[LOAD_LESS] = "<",
	[LOAD_LESS_EQUAL] = "<=",
	[LOAD_EQUAL] = "==",
	[LOAD_MORE_EQUAL] = ">=",
	[LOAD_MORE] = ">",
};

static const char *const plain_metric[] = {
	[LOAD_METRIC_ACHIEVED] = "achieved",
	[LOAD_METRIC_RATE] = "rate",
	[LOAD_METRIC_ERRORS] = "errors",
	[LOAD_METRIC_NOT_STARTED] = "not_started",
};

uint64_t leat_load_quantile(const struct hist *h, uint32_t idx)
{
	static const uint32_t millionths[LOAD_QUANTILE_CNT] = {
		0, 500000, 900000, 990000, 999000, 999900, 1000000};

	if (h->total_cnt == 0)
		return 0;
	return idx == 0 ? h->min_ns : leat_hist_at(h, millionths[idx]);
}

/* find_hist splits "connect_p99_9" into a histogram and a quantile. */
static bool find_hist(struct load_rule *rule, const char *name)
{
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		const char *key = leat_load_hist_key((enum load_hist)h);
		size_t octets = strlen(key);

		if (strncmp(name, key, octets) != 0 || name[octets] != '_')
			continue;
		for (uint32_t q = 0; q < LOAD_QUANTILE_CNT; q++) {
			if (strcmp(name + octets + 1, leat_load_quantile_key[q]) != 0)
				continue;
			rule->metric = LOAD_METRIC_HIST;
			rule->which = h;
			rule->quantile = q;
			return true;
		}
	}
	return false;
}

static bool find_metric(struct load_rule *rule, const char *name)
{
	for (uint32_t i = 0; i < COUNT_OF(plain_metric); i++) {
		if (strcmp(name, plain_metric[i]) == 0) {
			rule->metric = (enum load_metric)i;
			return true;
		}
	}
	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++) {
		if (strcmp(name, leat_load_fail_key((enum load_fail)i)) == 0) {
			rule->metric = LOAD_METRIC_FAILED;
			rule->which = i;
			return true;
		}
	}
	return find_hist(rule, name);
}

static bool say_metric(const char *name, char *why, size_t size)
{
	const char *names[COUNT_OF(plain_metric) + LOAD_FAIL_CNT + LOAD_HIST_CNT + 1], *near;
	char hist[LOAD_HIST_CNT][24];
	uint32_t n = 0;

	for (uint32_t i = 0; i < COUNT_OF(plain_metric); i++)
		names[n++] = plain_metric[i];
	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++)
		names[n++] = leat_load_fail_key((enum load_fail)i);
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++) {
		snprintf(hist[i], sizeof(hist[i]), "%s_p99", leat_load_hist_key((enum load_hist)i));
		names[n++] = hist[i];
	}
	names[n] = NULL;
	near = leat_opt_nearest(name, names);
	snprintf(why, size, "`%s` is no metric; %s%s%s", name,
		near ? "did you mean " : "there are achieved, rate, errors, connect_p99 and more",
		near ? near : "", near ? "?" : "");
	return false;
}

/* read_value reads the value in the unit of the metric. */
static bool read_value(struct load_rule *rule, const char *text, char *why, size_t size)
{
	struct opt_row row = {.kind = OPT_KIND_NUMBER,
		.to = UINT64_C(1000000000000000),
		.metavar = "0",
		.fallback = "0"};
	double per = 1;
	uint64_t value;

	if (rule->metric == LOAD_METRIC_RATE) {
		if (!leat_load_rate_parse(text, &value, why, size))
			return false;
		rule->value = (double)value / 1000;
		return true;
	}
	if (rule->metric == LOAD_METRIC_HIST) {
		row.kind = OPT_KIND_DURATION;
		row.fallback = "500us";
		row.to = 3600 * TIME_S;
		per = 1e9;
	} else if (rule->metric == LOAD_METRIC_ACHIEVED) {
		uint32_t share;

		row.kind = OPT_KIND_PERCENT;
		row.fallback = "99%";
		row.to = 1000000;
		if (!leat_opt_read(&row, text, &share, why, size))
			return false;
		rule->value = share / 1e6;
		return true;
	}
	if (!leat_opt_read(&row, text, &value, why, size))
		return false;
	rule->value = (double)value / per;
	return true;
}

bool leat_load_rule_parse(struct load_rule *rule, const char *text, char *why, size_t size)
{
	size_t blank = strspn(text, " "), name_octets = strcspn(text + blank, " <>=");
	const char *op = text + blank + name_octets;
	char name[32];

	*rule = (struct load_rule){0};
	if (snprintf(rule->text, sizeof(rule->text), "%s", text + blank) >=
		(int)sizeof(rule->text)) {
		snprintf(why, size, "`%s` is too long for a rule: connect_p99 < 500us?", text);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", (int)name_octets, text + blank);
	if (!find_metric(rule, name))
		return say_metric(name, why, size);
	op += strspn(op, " ");
	size_t op_octets = strspn(op, "<>=");
	for (uint32_t i = 0; i < COUNT_OF(compare_text); i++) {
		if (strlen(compare_text[i]) != op_octets ||
			strncmp(op, compare_text[i], op_octets) != 0)
			continue;
		rule->compare = (enum load_compare)i;
		op += op_octets;
		return read_value(rule, op + strspn(op, " "), why, size);
	}
	snprintf(why, size, "`%s` does not compare: one of < <= == >= > behind %s", text, name);
	return false;
}

static bool holds(enum load_compare compare, double left, double right)
{
	switch (compare) {
	case LOAD_LESS:
		return left < right;
	case LOAD_LESS_EQUAL:
		return left <= right;
	case LOAD_EQUAL:
		return left >= right && left <= right;
	case LOAD_MORE_EQUAL:
		return left >= right;
	case LOAD_MORE:
		return left > right;
	}
	return false;
}

static uint64_t failed_by_peer(const struct load_counters *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++)
		sum += leat_load_fail_is_peers((enum load_fail)i) ? c->failed[i] : 0;
	return sum;
}

/* count_of is a metric that counts connections; by_peer: only what the peer alone can cause. */
static uint64_t count_of(const struct load_result *r, const struct load_rule *rule, bool by_peer)
{
	const struct load_counters *c = &r->counters;

	if (rule->metric == LOAD_METRIC_ERRORS)
		return by_peer ? failed_by_peer(c) : leat_load_failed(c);
	if (rule->metric == LOAD_METRIC_FAILED)
		return !by_peer || leat_load_fail_is_peers((enum load_fail)rule->which)
			       ? c->failed[rule->which]
			       : 0;
	return by_peer ? 0 : leat_load_not_started(c);
}

static void judge_rule(
	const struct load_result *r, const struct load_rule *rule, struct load_expect_result *e)
{
	uint64_t ns;

	*e = (struct load_expect_result){0};
	snprintf(e->rule, sizeof(e->rule), "%s", rule->text);
	switch (rule->metric) {
	case LOAD_METRIC_ACHIEVED:
		e->value = leat_load_result_achieved(r) / 1e6;
		leat_load_text_share(leat_load_result_achieved(r), e->text, sizeof(e->text));
		break;
	case LOAD_METRIC_RATE:
		e->value = (double)leat_load_result_rate_milli(r) / 1000;
		leat_load_text_rate(leat_load_result_rate_milli(r), e->text, sizeof(e->text));
		break;
	case LOAD_METRIC_HIST:
		ns = leat_load_quantile(&r->hist[rule->which], rule->quantile);
		e->value = (double)ns / 1e9;
		leat_text_ns(ns, e->text, sizeof(e->text));
		break;
	default:
		e->value = (double)count_of(r, rule, false);
		leat_text_group(count_of(r, rule, false), e->text, sizeof(e->text));
		e->of_peer = !holds(rule->compare, e->value, rule->value) &&
			     !holds(rule->compare, (double)count_of(r, rule, true), rule->value);
	}
	e->ok = holds(rule->compare, e->value, rule->value);
}

/* A limit that shows in one number: told when it is above most. */
static bool too_many(char *text, size_t size, uint64_t cnt, const char *format)
{
	char t[TEXT_GROUP_MAX];

	if (cnt == 0)
		return false;
	leat_text_group(cnt, t, sizeof(t));
	snprintf(text, size, "%s %s", t, format);
	return true;
}

/* link_text: the device's link, of which nothing proves anything about the peer. */
static bool link_text(const struct load_result *r, char *text, size_t size)
{
	const struct load_limits *l = &r->limits;
	const char *name = r->where.device;
	char t[TEXT_GROUP_MAX];

	if (l->port_gone) {
		snprintf(text, size, "%s, the generator's device, is gone", name);
		return true;
	}
	if (l->link_down_cnt == 0)
		return false;
	leat_text_ns(l->link_down_ns, t, sizeof(t));
	snprintf(text, size, "the link of %s, the generator's device, was down %u time%s, for %s",
		name, l->link_down_cnt, l->link_down_cnt == 1 ? "" : "s", t);
	return true;
}

/* waiting_has: who had the tuples that were missing, as far as peaks can tell. */
static bool waiting_has(const struct load_result *r)
{
	return watch_waiting_has(r->held_max, r->tcp.time_wait_peak);
}

/* holds_fewer: a closed load begins the next as soon as one has ended, whatever the peer does; when
 * it holds fewer than it is to, its own ports or places ran out. */
static bool holds_fewer(const struct load_result *r, char *text, size_t size)
{
	const struct load_counters *c = &r->counters;
	const struct load_intent *i = &r->intent;
	char least[TEXT_GROUP_MAX], whole[TEXT_GROUP_MAX];
	bool never = r->held_looks == 0; /* it did not come to as many */

	if (i->model != LOAD_MODEL_CLOSED || c->no_port + c->no_place + c->no_room == 0 ||
		(never ? i->total != 0 && i->total < i->concurrency
		       : r->held_min >= i->concurrency))
		return false;
	leat_text_group(r->held_min, least, sizeof(least));
	leat_text_group(i->concurrency, whole, sizeof(whole));
	const char *why = "found no room in the generator's stack; more --connections?";

	if (c->no_port != 0 && waiting_has(r))
		why = "waited for a pair of address and port (TIME-WAIT has most); more --sources?";
	else if (c->no_port != 0)
		why = "waited for a pair of address and port (those in flight have most); more "
		      "--sources?";
	else if (c->no_place != 0)
		why = "waited for a place in the generator's TIME-WAIT; more --time-wait-max?";
	snprintf(text, size, "%s%s of %s were in flight%s: the next %s", never ? "fewer than " : "",
		never ? "all" : least, whole, never ? "" : " at times", why);
	return true;
}

/* are_late: so many of an open load's starts were late that it was no load as planned. */
static bool are_late(const struct load_result *r)
{
	return r->intent.model == LOAD_MODEL_OPEN && r->limits.late_p99_ns > LOAD_LATE_MAX_NS;
}

/* waited_text: starts were late, and some were put off for want of a pair or a place, if not for so
 * long that they were given up: that is why they, and those behind them, were late. */
static bool waited_text(const struct load_result *r, char *text, size_t size)
{
	const struct load_counters *c = &r->counters;
	char t[TEXT_GROUP_MAX];

	if (!are_late(r) || c->no_port + c->no_place == 0)
		return false;
	leat_text_ns(r->limits.late_p99_ns, t, sizeof(t));
	if (c->no_port != 0)
		snprintf(text, size,
			"starts waited for a pair of address and port (%s), %s at p99; more "
			"--sources?",
			waiting_has(r) ? "TIME-WAIT has most" : "those in flight have most", t);
	else
		snprintf(text, size,
			"starts waited for a place in the generator's TIME-WAIT, %s at p99; more "
			"--time-wait-max, or a shorter --time-wait?",
			t);
	return true;
}

const char *leat_load_limit_text(const struct load_result *r, char *text, size_t size)
{
	const struct load_limits *l = &r->limits;
	const uint64_t *skip = r->counters.not_started;
	char t[TEXT_GROUP_MAX];

	if (link_text(r, text, size))
		return text;
	if (l->start_late_ns > LOAD_START_LATE_NS) {
		leat_text_ns(l->start_late_ns, t, sizeof(t));
		snprintf(text, size,
			"it began %s after the instant of --start-at; start it sooner?", t);
		return text;
	}
	if (l->busiest_millionths > LOAD_BUSY_MAX) {
		leat_load_text_share(l->busiest_millionths, t, sizeof(t));
		snprintf(text, size, "shard %u of the generator was %s busy; more --shards?",
			l->busiest_shard, t);
		return text;
	}
	if (too_many(text, size, l->nic_missed,
		    "frames were missed by the generator's device; more --shards?") ||
		too_many(text, size, l->nic_no_buf,
			"frames found no packet buffer in the generator; more --buffers?"))
		return text;
	if (l->buffers_low_millionths < LOAD_BUFFERS_MIN) {
		leat_load_text_share(l->buffers_low_millionths, t, sizeof(t));
		snprintf(text, size, "packet buffers ran down to %s; more --buffers?", t);
		return text;
	}
	if (holds_fewer(r, text, size))
		return text;
	if (too_many(text, size, skip[LOAD_SKIP_NO_PORT],
		    waiting_has(r)
			    ? "connections found no free pair of address and port (TIME-WAIT has "
			      "most of them); more --sources?"
			    : "connections found no free pair of address and port (those in "
			      "flight have most of them); more --sources, or is the peer slow?") ||
		too_many(text, size, skip[LOAD_SKIP_LIMIT],
			"connections found --concurrency in flight; is the peer slow, or more of "
			"it?") ||
		too_many(text, size, skip[LOAD_SKIP_WAITING],
			"connections found no place in the generator's TIME-WAIT; more "
			"--time-wait-max?") ||
		too_many(text, size, skip[LOAD_SKIP_NO_ROOM],
			"connections found no room in the generator's stack; more "
			"--connections?") ||
		waited_text(r, text, size) ||
		too_many(text, size, skip[LOAD_SKIP_LATE],
			"connections were not begun: the generator was late; " LATE_HINT))
		return text;
	if (r->intent.tuples_needed > r->intent.tuples) {
		leat_text_group(r->intent.tuples_needed, t, sizeof(t));
		snprintf(text, size,
			"begun --anyway: %s pairs of address and port were needed, and there were "
			"%" PRIu64 "; more --sources?",
			t, r->intent.tuples);
		return text;
	}
	if (!are_late(r))
		return NULL;
	leat_text_ns(l->late_p99_ns, t, sizeof(t));
	snprintf(text, size, "the generator's own starts were late: %s at p99; " LATE_HINT, t);
	return text;
}

void leat_load_judge(struct load_result *r, const struct load_rule *rule, uint32_t rule_cnt)
{
	bool failed = false, by_peer = false;

	r->expect_cnt = u32_min(rule_cnt, LOAD_EXPECT_MAX);
	for (uint32_t i = 0; i < r->expect_cnt; i++) {
		judge_rule(r, &rule[i], &r->expect[i]);
		failed |= !r->expect[i].ok;
		by_peer |= r->expect[i].of_peer;
	}
	const char *limit = leat_load_limit_text(r, r->why, sizeof(r->why));
	if (limit == NULL && r->partial)
		limit = strcpy(r->why, "it was stopped before its end");
	if (limit == NULL && !r->balanced)
		limit = strcpy(r->why, "the generator's own counts do not add up");
	if (limit == NULL && r->counters.started == 0)
		limit = strcpy(r->why, "no connection was begun");
	/* What the end of the run stopped is no failure, and proves nothing when it is all. */
	bool nothing = limit == NULL && r->counters.completed == 0;
	if (nothing && !failed && leat_load_failed(&r->counters) == 0)
		limit = strcpy(r->why, "no connection was completed before the plan ended; a "
				       "longer --duration?");
	else if (nothing)
		strcpy(r->why, "no connection was completed");
	else if (limit == NULL)
		r->why[0] = '\0';
	r->verdict = by_peer             ? LOAD_VERDICT_FAIL
		     : limit != NULL     ? LOAD_VERDICT_INCONCLUSIVE
		     : failed || nothing ? LOAD_VERDICT_FAIL
					 : LOAD_VERDICT_PASS;
}
