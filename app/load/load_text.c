/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_text.h"

#include "base_bits.h"
#include "base_time.h"
#include "load_expect.h"
#include "load_rows.h"
#include "tcp_state.h"
#include "watch_why.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define DAYS_TEXT_MAX 40

void leat_load_text_share(uint32_t millionths, char *text, size_t size)
{
	if (millionths % 10000 == 0)
		snprintf(text, size, "%u %%", millionths / 10000);
	else if (millionths > 990000)
		snprintf(text, size, "%.4f %%", millionths / 1e4);
	else
		snprintf(text, size, "%.1f %%", millionths / 1e4);
}

void leat_load_text_rate(uint64_t rate_milli, char *text, size_t size)
{
	char t[TEXT_GROUP_MAX];

	if (rate_milli < 100000 && rate_milli % 1000 != 0) {
		snprintf(text, size, "%.3g /s", (double)rate_milli / 1000);
		return;
	}
	leat_text_group((rate_milli + 500) / 1000, t, sizeof(t));
	snprintf(text, size, "%s /s", t);
}

bool leat_load_rate_parse(const char *text, uint64_t *rate_milli, char *why, size_t size)
{
	static const struct {
		const char *name;
		uint64_t milli;
	} unit[] = {{"", 1000}, {"/s", 1000}, {"k", 1000000}, {"k/s", 1000000}, {"M", 1000000000},
		{"M/s", 1000000000}, {"G", UINT64_C(1000000000000)},
		{"G/s", UINT64_C(1000000000000)}};
	uint64_t whole = 0, milli = 0, place = 1000;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && whole < 1000000000; p++)
		whole = whole * 10 + (uint64_t)(*p - '0');
	bool digits = p != text;
	if (digits && *p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, place /= 10)
			milli += (uint64_t)(*p - '0') * place / 10;
	for (uint32_t i = 0; digits && i < COUNT_OF(unit); i++) {
		if (strcmp(p, unit[i].name) != 0)
			continue;
		*rate_milli = whole * unit[i].milli + milli * (unit[i].milli / 1000);
		if (*rate_milli != 0 && *rate_milli <= LOAD_RATE_MILLI_MAX)
			return true;
		snprintf(why, size, "`%s` is out of range: from 0.001/s to 1G/s", text);
		return false;
	}
	snprintf(why, size, "`%s` is no rate: 1000/s, 200k/s or 1.5M/s?", text);
	return false;
}

static void group(uint64_t value, char text[TEXT_GROUP_MAX])
{
	leat_text_group(value, text, TEXT_GROUP_MAX);
}

static void print_tuples(const struct load_intent *i, FILE *out)
{
	char tuples[TEXT_GROUP_MAX], needed[TEXT_GROUP_MAX], rest[32];

	group(i->tuples, tuples);
	group(i->tuples_needed, needed);
	leat_text_ns(i->rest_ns, rest, sizeof(rest));
	fprintf(out, "; %s tuples, %s needed", tuples, needed);
	if (i->model == LOAD_MODEL_OPEN && i->rate_milli_max != 0)
		fprintf(out, " at %s %s%s",
			i->rest_ns < i->time_wait_ns ? "--connect-reuse" : "2MSL", rest,
			i->concurrency > i->tuples && i->tuples_needed <= i->tuples
				? ", if the peer keeps up"
				: "");
	else
		fputs(" in flight", out);
	fprintf(out, ": %s\n", i->tuples_needed <= i->tuples ? "enough" : "NOT ENOUGH");
}

/* print_program writes a program's text on one line, whose end was an end of statement, too. */
static void print_program(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		if (*text != '\n')
			fputc(*text, out);
		else if (text[1] != '\0')
			fputs("; ", out);
}

/* print_total writes how many there are to be, and of a segment what it is a part of. */
static void print_total(const struct load_result *r, FILE *out)
{
	const struct load_intent *i = &r->intent;
	char n[TEXT_GROUP_MAX], rate[32];

	group(leat_load_result_own_total(r), n);
	if (i->total != 0)
		fprintf(out, ", %s connections in all", n);
	if (r->where.segment_cnt == 1)
		return;
	fprintf(out, "; segment %u of %u", r->where.segment, r->where.segment_cnt);
	leat_load_text_rate(i->rate_milli, rate, sizeof(rate));
	if (i->model == LOAD_MODEL_OPEN)
		fprintf(out, " of a plan of %s", rate);
	group(i->total, n);
	if (i->total != 0)
		fprintf(out, "%s%s connections", i->model == LOAD_MODEL_OPEN ? ", " : " of ", n);
}

void leat_load_print_plan(const struct load_result *r, FILE *out)
{
	const struct load_intent *i = &r->intent;
	char rate[32], t[2][32], n[TEXT_GROUP_MAX];

	leat_load_text_rate(leat_load_result_own(r, i->rate_milli), rate, sizeof(rate));
	leat_text_ns(i->duration_ns, t[0], sizeof(t[0]));
	leat_text_ns(i->ramp_ns, t[1], sizeof(t[1]));
	group(i->concurrency, n);
	if (i->model == LOAD_MODEL_OPEN)
		fprintf(out, "plan      %s, %s at most in flight, open loop", rate, n);
	else
		fprintf(out, "plan      %s held in flight, closed loop", n);
	if (i->duration_ns != 0)
		fprintf(out, ", for %s", t[0]);
	if (i->ramp_ns != 0)
		fprintf(out, " after %s of ramp", t[1]);
	print_total(r, out);
	fputs("; ", out);
	print_program(i->program, out);
	if (strcmp(i->close, "reset") == 0)
		fputs(", ended by a reset", out);
	else
		fprintf(out, ", the %s closes", i->close);
	print_tuples(i, out);
}

/* no_tuples says who has them: what is in flight, or what waits. */
static const char *no_tuples(const struct load_second *s)
{
	return watch_waiting_has(s->in_flight, s->present[TCP_ST_TIME_WAIT])
		       ? "tuples exhausted: TIME-WAIT has most; more --sources or --target, or a "
			 "shorter --time-wait"
		       : "tuples exhausted: those in flight have most; more --sources or --target, "
			 "or is the peer slow?";
}

#define NO_PLACE                                                                                   \
	"TIME-WAIT of the generator is full; more --time-wait-max, or a shorter --time-wait"

/* why_fewer: why a closed load holds fewer than it is to. */
static const char *why_fewer(
	const struct load_result *r, const struct load_second *s, char *text, size_t size)
{
	const struct load_intent *in = &r->intent;

	if (s->in_flight >= in->concurrency || r->counters.no_port + r->counters.no_place == 0 ||
		s->at_ns <= in->ramp_ns || s->at_ns >= in->ramp_ns + in->duration_ns)
		return NULL;
	snprintf(text, size, "%s", r->counters.no_port != 0 ? no_tuples(s) : NO_PLACE);
	return text;
}

/* keeps_up: one that is due just at the edge of a second may begin in the next, so that one fewer
 * is no sign; it is, when there was one fewer in the second before, too. */
static bool keeps_up(const struct load_result *r, const struct load_second *s)
{
	const struct load_second *b = r->second_cnt > 1 ? &r->second[r->second_cnt - 2] : NULL;
	uint64_t before = b != NULL ? b->started + b->not_started : 0;

	if (s->started * 100 >= s->planned * 99)
		return true;
	if (s->not_started != 0)
		return false;
	/* One more in the second before is the one that this has fewer. */
	if (b != NULL && before > b->planned)
		return s->started + 2 >= s->planned;
	return s->started + 1 >= s->planned && (b == NULL || before == b->planned);
}

const char *leat_load_why(
	const struct load_result *r, const struct load_second *s, char *text, size_t size)
{
	char t[TEXT_GROUP_MAX];
	const uint64_t *skip = r->counters.not_started;

	if (r->partial)
		return NULL; /* it was stopped in this second: what was due then is no sign */
	if (r->intent.model != LOAD_MODEL_OPEN)
		return why_fewer(r, s, text, size);
	if (keeps_up(r, s))
		return NULL;
	if (s->busy_millionths > LOAD_BUSY_MAX) {
		leat_load_text_share(s->busy_millionths, t, sizeof(t));
		snprintf(text, size, "shard saturated: the busiest is at %s", t);
	} else if (r->counters.no_port != 0 && skip[LOAD_SKIP_NO_PORT] != 0) {
		snprintf(text, size, "%s", no_tuples(s));
	} else if (skip[LOAD_SKIP_WAITING] != 0) {
		snprintf(text, size, "%s", NO_PLACE);
	} else if (skip[LOAD_SKIP_NO_ROOM] != 0) {
		snprintf(text, size, "a table of the stack is full; more --connections?");
	} else if (s->in_flight >= r->intent.concurrency) {
		snprintf(text, size,
			"the peer is slow: as many are in flight as --concurrency "
			"allows");
	} else if (r->limits.nic_missed + r->limits.nic_no_buf != 0) {
		snprintf(text, size, "the device missed frames, or found no buffer");
	} else if (r->counters.no_port != 0) {
		/* Put off, and not yet for as long as --late-max. */
		snprintf(text, size, "%s", no_tuples(s));
	} else if (r->counters.no_place != 0) {
		snprintf(text, size, "%s", NO_PLACE);
	} else {
		snprintf(text, size, "the generator comes late; other programs on its cores?");
	}
	return text;
}

void leat_load_print_second(
	const struct load_result *r, const struct load_second *s, const char *why, FILE *out)
{
	char rate[TEXT_GROUP_MAX], flight[TEXT_GROUP_MAX], failed[TEXT_GROUP_MAX], p99[32];
	char skipped[TEXT_GROUP_MAX];
	/* The last one may be shorter than a second, or longer when it was stopped. */
	uint64_t from = r->second_cnt > 1 ? r->second[r->second_cnt - 2].at_ns : 0;
	double lasted_s = s->at_ns > from ? (double)(s->at_ns - from) / 1e9 : 1;

	group((uint64_t)((double)s->started / lasted_s + 0.5), rate);
	group(s->in_flight, flight);
	group(s->failed, failed);
	group(s->not_started, skipped);
	leat_text_ns(s->hist[LOAD_HIST_CONNECT].p99_ns, p99, sizeof(p99));
	fprintf(out,
		"%5.0f s  %10s conn/s begun   in flight %8s   connect p99 %9s   failed %s"
		"%s%s%s\n",
		(double)s->at_ns / 1e9, rate, flight, p99, failed,
		s->not_started != 0 ? "   not started " : "", s->not_started != 0 ? skipped : "",
		s->at_ns <= r->intent.ramp_ns ? "   ramp" : "");
	if (why != NULL)
		fprintf(out, "         why: %s\n", why);
	fflush(out);
}

/* print_partial says why a run is not the whole of its plan. */
static void print_partial(const struct load_result *r, FILE *out)
{
	bool stopped = r->part_cnt == 0;

	if (!r->partial)
		return;
	for (uint32_t i = 0; i < r->part_cnt; i++)
		stopped |= r->part[i].partial;
	fputs("   PARTIAL: ", out);
	if (r->part_cnt < r->part_of)
		fprintf(out, "%u of %u segments%s", r->part_cnt, r->part_of,
			stopped ? ", stopped before its end" : "");
	else
		fputs(stopped ? "stopped before its end"
			      : "its segments did not run at the same time",
			out);
}

static void print_head(const struct load_result *r, FILE *out)
{
	time_t at = (time_t)(r->start_unix_ns / TIME_S);
	char when[DAYS_TEXT_MAX];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fprintf(out, "%-40s %s, %s, %u shard%s, %s", r->where.name, when, r->where.node,
		r->where.shard_cnt, r->where.shard_cnt == 1 ? "" : "s", r->where.nic);
	if (r->where.segment_cnt > 1)
		fprintf(out, ", segment %u of %u", r->where.segment, r->where.segment_cnt);
	if (r->part_cnt != 0)
		fprintf(out, ", merged of %u segment%s", r->part_cnt, r->part_cnt == 1 ? "" : "s");
	print_partial(r, out);
	fputc('\n', out);
}

static void print_counts(const struct load_result *r, FILE *out)
{
	struct load_rows rows;

	leat_load_rows(r, &rows);
	fprintf(out, "                     planned        achieved\n");
	for (uint32_t i = 0; i < rows.cnt; i++) {
		const struct load_row *row = &rows.row[i];

		fprintf(out, "  %-13s%13s   %13s%s%s\n", row->name,
			row->planned[0] != '\0' ? row->planned : "-", row->achieved,
			row->note[0] != '\0' ? "     " : "", row->note);
	}
	fprintf(out, "\n");
}

static void print_latency(const struct load_result *r, FILE *out)
{
	char t[32];

	fprintf(out, "  %-34s", "latency from the planned start");
	for (uint32_t q = 0; q < LOAD_QUANTILE_CNT; q++)
		fprintf(out, " %8s", leat_load_quantile_name[q]);
	fprintf(out, "\n");
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		if (r->hist[h].max_ns == 0)
			continue;
		fprintf(out, "    %-32s", leat_load_hist_name((enum load_hist)h));
		for (uint32_t q = 0; q < LOAD_QUANTILE_CNT; q++) {
			leat_text_ns(leat_load_quantile(&r->hist[h], q), t, sizeof(t));
			fprintf(out, " %8s", t);
		}
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

static void print_tcp(const struct load_result *r, FILE *out)
{
	const struct load_tcp *t = &r->tcp;
	char again[AGAIN_TEXT_MAX], n[4][TEXT_GROUP_MAX];

	leat_again_text(t->again, again, sizeof(again));
	group(t->rto_fired, n[0]);
	group(t->time_wait_peak, n[1]);
	group(t->time_wait_reused, n[2]);
	group(t->time_wait_evicted, n[3]);
	fprintf(out,
		"  retransmitted     %s; timeouts %s          TIME-WAIT peak %s, reused %s, "
		"evicted %s\n",
		again, n[0], n[1], n[2], n[3]);
}

static void print_limits(const struct load_result *r, FILE *out)
{
	const struct load_limits *l = &r->limits;
	char busy[32], late[32], missed[TEXT_GROUP_MAX], why[LOAD_TEXT_MAX];
	const char *limit = leat_load_limit_text(r, why, sizeof(why));

	leat_load_text_share(l->busiest_millionths, busy, sizeof(busy));
	group(l->nic_missed + l->nic_no_buf, missed);
	fprintf(out,
		"  this generator    busiest shard %s, device missed %s, buffers never below %u %%",
		busy, missed, l->buffers_low_millionths / 10000);
	leat_text_ns(l->late_p99_ns, late, sizeof(late));
	if (r->intent.model == LOAD_MODEL_OPEN)
		fprintf(out, ", starts late %s at p99", late);
	fprintf(out, ": it was %sthe limit\n", limit ? "" : "not ");
	if (r->where.shard_cnt < 2)
		return;
	fprintf(out, "  shards           ");
	for (uint32_t i = 0; i < r->where.shard_cnt && i < LOAD_SHARD_MAX; i++) {
		leat_load_text_share(r->shard[i].busy_millionths, busy, sizeof(busy));
		group(r->shard[i].counters.completed, missed);
		fprintf(out, " %u: %s on cpu %u at %s;", i, missed, r->shard[i].cpu, busy);
	}
	fprintf(out, "\n");
}

static void print_verdict(const struct load_result *r, FILE *out)
{
	uint32_t bad = 0;

	for (uint32_t i = 0; i < r->expect_cnt; i++) {
		const struct load_expect_result *e = &r->expect[i];

		fprintf(out, "  %-17s %-24s %-5s %s\n", i == 0 ? "expectations" : "", e->rule,
			e->ok ? "ok" : "FAIL", e->text);
		bad += !e->ok;
	}
	fprintf(out, "  verdict  ");
	if (r->verdict == LOAD_VERDICT_PASS)
		fprintf(out, "PASS\n");
	else if (r->verdict == LOAD_VERDICT_FAIL)
		fprintf(out, "FAIL (%u of %u)%s%s\n", bad, r->expect_cnt,
			r->why[0] != '\0' ? "; besides: " : "", r->why);
	else
		fprintf(out, "INCONCLUSIVE: %s\n", r->why);
}

void leat_load_print_report(const struct load_result *r, FILE *out)
{
	fprintf(out, "\n");
	print_head(r, out);
	print_counts(r, out);
	print_latency(r, out);
	print_tcp(r, out);
	print_limits(r, out);
	print_verdict(r, out);
	fflush(out);
}
