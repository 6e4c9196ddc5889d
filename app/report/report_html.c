/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_html.h"

#include "base_bits.h"
#include "base_time.h"
#include "load_expect.h"
#include "load_rows.h"
#include "load_text.h"
#include "report_draw.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n<style>\n"
	":root{--bg:#fff;--ink:#1c2024;--soft:#667;--line:#dde1e6;--box:#f7f8fa;--pass:#1a7f37;"
	"--fail:#c62828;--maybe:#9a6700;--c1:#1f6feb;--c2:#d9730d;--c3:#2da44e;--c4:#8250df;"
	"--c5:#bf3989;--c6:#6e7781;--c7:#9e6a03;--c8:#8b949e}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171b;--ink:#e4e7eb;--soft:#98a1ab;"
	"--line:#30363d;--box:#1b2026;--pass:#2a8a45;--fail:#d64545;--maybe:#b07a10;--c1:#58a6ff;"
	"--c2:#f0883e;--c3:#56d364;--c4:#bc8cff;--c5:#f778ba;--c6:#8b949e;--c7:#e3b341;"
	"--c8:#7d8590}}\n"
	"body{background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,sans-serif;"
	"max-width:960px;margin:24px auto;padding:0 16px;overflow-wrap:anywhere}\n"
	"h1{font-size:20px;margin:0}h2{font-size:16px;margin:28px 0 6px}"
	"p{margin:4px 0}.soft,.tick{color:var(--soft)}\n"
	".banner{color:#fff;border-radius:6px;padding:12px 16px;margin:14px 0}"
	".banner b{font-size:20px;margin-right:12px}\n"
	".banner.pass{background:var(--pass)}.banner.fail{background:var(--fail)}"
	".banner.inconclusive{background:var(--maybe)}\n"
	"table{border-collapse:collapse;margin:6px 0;display:block;overflow-x:auto;"
	"white-space:nowrap}td,th{padding:3px 14px 3px 0;text-align:right;"
	"border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}\n"
	"td:first-child,th:first-child,td.text{text-align:left}th{color:var(--soft);"
	"font-weight:normal}\n"
	"pre{background:var(--box);border:1px solid var(--line);padding:10px;overflow:auto;"
	"white-space:pre-wrap}\n"
	".plot{overflow-x:auto}svg{width:100%;min-width:640px;height:auto;display:block}.box{fill:"
	"var(--box);stroke:var(--line)}"
	".grid{stroke:var(--line)}.tick{fill:var(--soft);font-size:12px}\n"
	".line{fill:none;stroke:var(--k);stroke-width:1.7}.line.dash{stroke-dasharray:6 4}"
	".area{fill:var(--k);fill-opacity:.75}.fill{fill:var(--k)}\n"
	".key{font-size:13px;color:var(--soft)}.key span{margin-right:16px;white-space:nowrap}"
	".key i{display:inline-block;width:18px;height:4px;margin-right:5px;"
	"vertical-align:middle;background:var(--k)}.key "
	"i.dash{background:repeating-linear-gradient("
	"90deg,var(--k) 0 5px,transparent 5px 8px)}\n"
	"line.bad{stroke:var(--k);stroke-width:2}.no{color:var(--fail);font-weight:bold}"
	".line.wait{stroke-width:2}.wait{--k:var(--ink)}.bad{--k:var(--fail)}\n";

/* Texts of the run, with what HTML takes for its own said in another way. */
static void put_text(const char *text, FILE *out)
{
	for (; text != NULL && *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void put_head(const struct load_result *r, FILE *out)
{
	fputs(head, out);
	for (uint32_t i = 1; i <= 8; i++)
		fprintf(out, ".c%u{--k:var(--c%u)}", i, i);
	fputs("\n</style><title>", out);
	put_text(r->where.name, out);
	fprintf(out, ": %s</title></head><body>\n", leat_load_verdict_name(r->verdict));
}

static void put_banner(const struct load_result *r, FILE *out)
{
	static const char *const word[LOAD_VERDICT_CNT] = {"PASS", "FAIL", "INCONCLUSIVE"};
	time_t at = (time_t)(r->start_unix_ns / TIME_S);
	char when[40], ran[32];
	uint32_t bad = 0;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	leat_text_ns(r->ran_ns, ran, sizeof(ran));
	fputs("<h1>", out);
	put_text(r->where.name, out);
	fprintf(out, "</h1>\n<p class=\"soft\">%s, %s, ", when, ran);
	put_text(r->where.node, out);
	fprintf(out, ", %u shard%s, ", r->where.shard_cnt, r->where.shard_cnt == 1 ? "" : "s");
	put_text(r->where.nic, out);
	if (r->where.segment_cnt > 1)
		fprintf(out, ", segment %u of %u", r->where.segment, r->where.segment_cnt);
	if (r->part_cnt != 0)
		fprintf(out, ", merged of %u segment%s", r->part_cnt, r->part_cnt == 1 ? "" : "s");
	fprintf(out, "</p>\n<div class=\"banner %s\"><b>%s</b>", leat_load_verdict_name(r->verdict),
		word[r->verdict]);
	for (uint32_t i = 0; i < r->expect_cnt; i++)
		bad += !r->expect[i].ok;
	if (r->verdict != LOAD_VERDICT_INCONCLUSIVE)
		fprintf(out, "%u of %u expectations met%s", r->expect_cnt - bad, r->expect_cnt,
			r->why[0] != '\0' ? "; " : "");
	put_text(r->why, out);
	fprintf(out, "%s</div>\n",
		r->partial ? " <b>PARTIAL</b>this is not the whole of what was planned" : "");
}

static void put_result(const struct load_result *r, FILE *out)
{
	struct load_rows rows;

	leat_load_rows(r, &rows);
	fputs("<h2>Planned and achieved</h2>\n<table><tr><th></th><th>planned</th><th>achieved</th>"
	      "<th></th></tr>\n",
		out);
	for (uint32_t i = 0; i < rows.cnt; i++)
		fprintf(out,
			"<tr><td>%s</td><td>%s</td><td>%s</td><td class=\"text "
			"soft\">%s</td></tr>\n",
			rows.row[i].name, rows.row[i].planned, rows.row[i].achieved,
			rows.row[i].note);
	fputs("</table>\n", out);
}

static void put_expect(const struct load_result *r, FILE *out)
{
	if (r->expect_cnt == 0)
		return;
	fputs("<h2>Expectations</h2>\n<table><tr><th>rule</th><th>was</th><th></th></tr>\n", out);
	for (uint32_t i = 0; i < r->expect_cnt; i++) {
		const struct load_expect_result *e = &r->expect[i];

		fputs("<tr><td>", out);
		put_text(e->rule, out);
		fprintf(out, "</td><td>%s</td><td class=\"text%s\">%s</td></tr>\n", e->text,
			e->ok ? "" : " no", e->ok ? "ok" : "FAIL");
	}
	fputs("</table>\n", out);
}

static void put_latency(const struct load_result *r, FILE *out)
{
	char text[32];

	fputs("<h2>Latency from the planned start</h2>\n<table><tr><th></th>", out);
	for (uint32_t q = 0; q < LOAD_QUANTILE_CNT; q++)
		fprintf(out, "<th>%s</th>", leat_load_quantile_name[q]);
	fputs("</tr>\n", out);
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++) {
		if (r->hist[h].max_ns == 0)
			continue;
		fprintf(out, "<tr><td>%s</td>", leat_load_hist_name((enum load_hist)h));
		for (uint32_t q = 0; q < LOAD_QUANTILE_CNT; q++) {
			leat_text_ns(leat_load_quantile(&r->hist[h], q), text, sizeof(text));
			fprintf(out, "<td>%s</td>", text);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

/* What the colours of a plot stand for: pairs of class and text, until NULL. */
static void put_plot(const char *title, const char *const *key, const struct load_result *r,
	void (*draw)(const struct load_result *, FILE *), FILE *out)
{
	fprintf(out, "<h2>%s</h2>\n<p class=\"key\">", title);
	for (; *key != NULL; key += 2)
		fprintf(out, "<span><i class=\"%s\"></i>%s</span>", key[0], key[1]);
	fputs("</p>\n<div class=\"plot\">", out);
	draw(r, out);
	fputs("</div>\n", out);
}

static void put_plots(const struct load_result *r, FILE *out)
{
	static const char *const rate[] = {
		"c8 dash", "planned", "c1", "begun", "bad", "seconds with failures", NULL};
	static const char *const latency[] = {"c1", "connect p50", "c2", "connect p99", "c8",
		"connect, the longest", "c3 dash", "whole p99", NULL};
	static const char *const quantile[] = {"c1", "connect", "c2", "first byte", "c3", "whole",
		"c8 dash", "service time only", NULL};
	static const char *const state[] = {"c1", "ESTABLISHED", "c4", "SYN-SENT, SYN-RECEIVED",
		"c2", "FIN-WAIT-1", "c3", "FIN-WAIT-2", "c5", "CLOSE-WAIT", "c6", "CLOSING", "c7",
		"LAST-ACK", "wait", "TIME-WAIT (line, axis on the right)", NULL};

	put_plot("Connections a second", rate, r, leat_report_draw_rate, out);
	put_plot("Latency over time", latency, r, leat_report_draw_latency, out);
	put_plot("Latency by percentile", quantile, r, leat_report_draw_quantiles, out);
	put_plot("Connections in each state", state, r, leat_report_draw_states, out);
}

static void put_generator(const struct load_result *r, FILE *out)
{
	char why[LOAD_TEXT_MAX], again[AGAIN_TEXT_MAX], n[3][TEXT_GROUP_MAX];
	const char *limit = leat_load_limit_text(r, why, sizeof(why));

	fputs("<h2>This generator, busy by shard</h2>\n", out);
	fputs("<div class=\"plot\">", out);
	leat_report_draw_shards(r, out);
	fputs("</div>\n<p>", out);
	put_text(limit != NULL ? limit : "it was not the limit", out);
	leat_again_text(r->tcp.again, again, sizeof(again));
	leat_text_group(r->tcp.time_wait_peak, n[0], sizeof(n[0]));
	leat_text_group(r->tcp.time_wait_reused, n[1], sizeof(n[1]));
	leat_text_group(r->tcp.time_wait_evicted, n[2], sizeof(n[2]));
	fprintf(out,
		"</p>\n<p>segments sent again: %s; TIME-WAIT: at most %s, reused %s, evicted "
		"%s</p>\n",
		again, n[0], n[1], n[2]);
}

static void put_parts(const struct load_result *r, FILE *out)
{
	char rate[32], p99[32];

	if (r->part_cnt == 0)
		return;
	fputs("<h2>Segments</h2>\n<table><tr><th></th><th>generator</th><th>rate</th>"
	      "<th>connect p99</th><th></th></tr>\n",
		out);
	for (uint32_t i = 0; i < r->part_cnt; i++) {
		const struct load_part *p = &r->part[i];

		leat_load_text_rate(p->rate_milli, rate, sizeof(rate));
		leat_text_ns(p->connect_p99_ns, p99, sizeof(p99));
		fprintf(out, "<tr><td>%u</td><td>", p->segment);
		put_text(p->node, out);
		fprintf(out, "</td><td>%s</td><td>%s</td><td class=\"text no\">%s</td></tr>\n",
			rate, p99, p->partial ? "partial" : "");
	}
	fputs("</table>\n", out);
}

static void put_where(const struct load_result *r, FILE *out)
{
	const struct load_where *w = &r->where;
	const struct {
		const char *name, *text;
	} row[] = {{"leat", w->leat}, {"DPDK", w->dpdk}, {"kernel", w->kernel},
		{"processor", w->cpu}, {"device", w->nic}, {"config hash", w->config_hash}};

	if (w->config != NULL && w->config[0] != '\0') {
		fputs("<h2>Config</h2>\n<pre>", out);
		put_text(w->config, out);
		fputs("</pre>\n", out);
	}
	fputs("<h2>Environment</h2>\n<table>\n", out);
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		fprintf(out, "<tr><td>%s</td><td class=\"text\">", row[i].name);
		put_text(row[i].text, out);
		fputs("</td></tr>\n", out);
	}
	fputs("</table>\n<h2>To repeat it</h2>\n<pre>", out);
	put_text(w->command, out);
	fprintf(out, "</pre>\n<p class=\"soft\">seed %ju</p>\n", (uintmax_t)r->intent.seed);
}

void leat_report_html(const struct load_result *r, FILE *out)
{
	char *plan = NULL;
	size_t octets = 0;
	FILE *text = open_memstream(&plan, &octets);

	put_head(r, out);
	put_banner(r, out);
	if (text != NULL) {
		leat_load_print_plan(r, text);
		fclose(text);
		fputs("<p>", out);
		put_text(plan, out);
		fputs("</p>\n", out);
		free(plan);
	}
	put_result(r, out);
	put_expect(r, out);
	put_latency(r, out);
	put_plots(r, out);
	put_generator(r, out);
	put_parts(r, out);
	put_where(r, out);
	fputs("</body></html>\n", out);
}
