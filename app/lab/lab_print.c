/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_print.h"

#include "base_assert.h"
#include "base_time.h"
#include "json_text.h"
#include "opt.h"
#include "text.h"

#include <inttypes.h>

#define FIELD_MAX    24
#define FIELD_OCTETS 32

/* One value of a row, as CSV and JSON have it. */
struct field {
	const char *name;
	bool is_word;
	char text[FIELD_OCTETS];
};

/* As the options have it: 60s and not 1min. */
void leat_lab_time_text(uint64_t ns, char *text, size_t size)
{
	static const struct opt_row row = {.kind = OPT_KIND_DURATION};

	if (ns % TIME_S == 0 && ns > 0)
		snprintf(text, size, "%" PRIu64 "s", ns / TIME_S);
	else
		leat_opt_value_text(&row, ns, text, size);
}

void leat_lab_share_text(uint32_t millionths, char *text, size_t size)
{
	static const struct opt_row row = {.kind = OPT_KIND_PERCENT};

	leat_opt_value_text(&row, millionths, text, size);
}

uint32_t leat_lab_broken(const struct lab_row *row, uint32_t cnt)
{
	uint32_t broken = 0;

	for (uint32_t i = 0; i < cnt; i++)
		broken +=
			row[i].result.protected && (row[i].result.stale_octets_accepted > 0 ||
							   row[i].result.resets_after_lost_ack > 0);
	return broken;
}

static struct field number(const char *name, uint64_t value)
{
	struct field f = {.name = name};

	snprintf(f.text, sizeof(f.text), "%" PRIu64, value);
	return f;
}

static struct field word(const char *name, const char *value)
{
	struct field f = {.name = name, .is_word = true};

	snprintf(f.text, sizeof(f.text), "%s", value);
	return f;
}

static struct field truth(const char *name, bool value)
{
	struct field f = word(name, value ? "true" : "false");

	f.is_word = false;
	return f;
}

static struct field percent(const char *name, uint32_t millionths)
{
	struct field f = {.name = name};

	snprintf(f.text, sizeof(f.text), "%g", millionths / 10000.0);
	return f;
}

static uint32_t fields_of(const struct lab_row *row, struct field field[FIELD_MAX])
{
	const struct lab_case *c = &row->c;
	const struct lab_result *r = &row->result;
	const struct field all[] = {
		number("time_wait_ns", c->time_wait_ns),
		word("close", leat_lab_close_name[c->close]),
		word("reuse", leat_lab_reuse_name[c->reuse]),
		truth("timestamps", c->timestamps),
		percent("loss_percent", c->loss_millionths),
		percent("reorder_percent", c->reorder_millionths),
		number("rate", c->rate),
		number("packet_life_ns", r->packet_life_ns),
		truth("protected", r->protected),
		number("stale_segments_accepted", r->stale_segs_accepted),
		number("stale_octets_accepted", r->stale_octets_accepted),
		number("resets_after_lost_ack", r->resets_after_lost_ack),
		number("connects", r->connects),
		number("connects_refused", r->connects_refused),
		number("completed", r->completed),
		number("failed", r->failed),
		number("reused", r->reused),
		number("peak_time_wait", r->peak_time_wait),
		number("peak_octets", r->peak_octets),
		number("frames", r->frames),
		number("frames_lost", r->lost),
		number("frames_kept_back", r->kept_back),
		number("virtual_ns", r->lasted_ns),
	};
	STATIC_ASSERT(sizeof(all) <= FIELD_MAX * sizeof(*field), "room for each");

	for (uint32_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		field[i] = all[i];
	return sizeof(all) / sizeof(*all);
}

/* The command as JSON has it: who called it may have named a file as he liked. */
static void put_command(const struct lab_report *report)
{
	fputs("\"leat", report->out);
	for (int i = 0; i < report->argc; i++) {
		fputc(' ', report->out);
		leat_json_inside(report->argv[i], report->out);
	}
	fputc('"', report->out);
}

static void begin_json(const struct lab_report *report)
{
	const struct lab_world *w = &report->sweep->world;

	fprintf(report->out,
		"{\"schema\":\"leat.lab/1\",\"version\":\"%s\",\"seed\":%" PRIu64 ",\"command\":",
		report->version, w->seed);
	put_command(report);
	fprintf(report->out,
		",\"packet_life_max_ns\":%" PRIu64 ",\"connect_reuse_ns\":%" PRIu64
		",\"connections\":%u,\"ports\":%u,\"octets\":%u,\"rows\":[",
		w->packet_life_ns, w->connect_reuse_ns, w->connect_cnt, w->port_cnt, w->octets);
}

static void begin_table(const struct lab_report *report)
{
	const struct lab_world *w = &report->sweep->world;
	char life[FIELD_OCTETS];

	leat_lab_time_text(w->packet_life_ns, life, sizeof(life));
	fprintf(report->out,
		"leat %s, TIME-WAIT laboratory: %u runs of %u connects from %u ports, seed %" PRIu64
		".\nA packet lives %s at most, with what its sender repeats; without loss or "
		"without reordering\nless, as `life` says.  A row is protected when its 2MSL is at "
		"least that and its reuse is safe.\n",
		report->version, report->row_cnt, w->connect_cnt, w->port_cnt, w->seed, life);
}

void leat_lab_print_begin(const struct lab_report *report)
{
	struct field field[FIELD_MAX];
	uint32_t cnt = fields_of(&report->row[0], field);

	if (report->form == LAB_FORM_JSON)
		begin_json(report);
	else if (report->form == LAB_FORM_TABLE)
		begin_table(report);
	for (uint32_t i = 0; report->form == LAB_FORM_CSV && i < cnt; i++)
		fprintf(report->out, "%s%s", field[i].name, i + 1 < cnt ? "," : "\n");
}

const char *leat_lab_also(const struct lab_case *c)
{
	return c->timestamps && c->reuse < LAB_REUSE_TIMESTAMPS ? ", with timestamps" : "";
}

static bool same_group(const struct lab_row *a, const struct lab_row *b)
{
	return a->c.close == b->c.close && a->c.reuse == b->c.reuse &&
	       a->c.timestamps == b->c.timestamps;
}

static void head_table(const struct lab_report *report, const struct lab_row *row)
{
	fprintf(report->out,
		"\nThe %s waits, reuse %s%s\n"
		" loss reorder rate/s   life   2MSL protected     stale resets refused failed "
		"reused "
		"waiting    octets\n",
		leat_lab_close_name[row->c.close], leat_lab_reuse_name[row->c.reuse],
		leat_lab_also(&row->c));
}

static void row_table(const struct lab_report *report, uint32_t nth)
{
	const struct lab_row *row = &report->row[nth];
	const struct lab_result *r = &row->result;
	char loss[FIELD_OCTETS], reorder[FIELD_OCTETS], life[FIELD_OCTETS], wait[FIELD_OCTETS];
	char stale[TEXT_GROUP_MAX], octets[TEXT_GROUP_MAX];

	leat_lab_share_text(row->c.loss_millionths, loss, sizeof(loss));
	leat_lab_share_text(row->c.reorder_millionths, reorder, sizeof(reorder));
	leat_lab_time_text(r->packet_life_ns, life, sizeof(life));
	leat_lab_time_text(row->c.time_wait_ns, wait, sizeof(wait));
	leat_text_group(r->stale_octets_accepted, stale, sizeof(stale));
	leat_text_group(r->peak_octets, octets, sizeof(octets));
	if (nth == 0 || !same_group(row - 1, row))
		head_table(report, row);
	fprintf(report->out,
		"%5s %7s %6u %6s %6s %-9s %9s %6" PRIu64 " %7" PRIu64 " %6" PRIu64 " %6" PRIu64
		" %7" PRIu64 " %9s\n",
		loss, reorder, row->c.rate, life, wait, r->protected ? "yes" : "no", stale,
		r->resets_after_lost_ack, r->connects_refused, r->failed, r->reused,
		r->peak_time_wait, octets);
}

void leat_lab_print_row(const struct lab_report *report, uint32_t nth)
{
	struct field field[FIELD_MAX];
	uint32_t cnt = fields_of(&report->row[nth], field);
	bool json = report->form == LAB_FORM_JSON;

	if (report->form == LAB_FORM_TABLE) {
		row_table(report, nth);
		return;
	}
	if (json)
		fprintf(report->out, "%s\n{", nth > 0 ? "," : "");
	for (uint32_t i = 0; i < cnt; i++) {
		const char *quote = json && field[i].is_word ? "\"" : "";

		if (json)
			fprintf(report->out, "\"%s\":", field[i].name);
		fprintf(report->out, "%s%s%s%s", quote, field[i].text, quote,
			i + 1 < cnt ? "," : "");
	}
	fputs(json ? "}" : "\n", report->out);
}

/* What was found in the rows that are protected, or in those that are not. */
struct tally {
	uint32_t rows, with_stale, with_resets;
	uint64_t stale_octets, resets, completed;
};

static struct tally tally_of(const struct lab_report *report, bool protected)
{
	struct tally t = {0};

	for (uint32_t i = 0; i < report->row_cnt; i++) {
		const struct lab_result *r = &report->row[i].result;

		if (r->protected != protected)
			continue;
		t.rows++;
		t.with_stale += r->stale_octets_accepted > 0;
		t.with_resets += r->resets_after_lost_ack > 0;
		t.stale_octets += r->stale_octets_accepted;
		t.resets += r->resets_after_lost_ack;
		t.completed += r->completed;
	}
	return t;
}

static void print_tally(const struct lab_report *report, bool protected)
{
	struct tally t = tally_of(report, protected);
	char completed[TEXT_GROUP_MAX], stale[TEXT_GROUP_MAX];

	leat_text_group(t.completed, completed, sizeof(completed));
	leat_text_group(t.stale_octets, stale, sizeof(stale));
	fprintf(report->out,
		"%-14s %5u rows, %9s connections: %8s stale octets in %u rows, %5" PRIu64
		" resets in %u\n",
		protected ? "protected" : "not protected", t.rows, completed, stale, t.with_stale,
		t.resets, t.with_resets);
}

/* The row in which most stale octets were accepted, to look at alone. */
static void print_worst(const struct lab_report *report)
{
	const struct lab_row *worst = &report->row[0];
	char loss[FIELD_OCTETS], reorder[FIELD_OCTETS], wait[FIELD_OCTETS];

	for (uint32_t i = 1; i < report->row_cnt; i++)
		if (report->row[i].result.stale_octets_accepted >
			worst->result.stale_octets_accepted)
			worst = &report->row[i];
	if (worst->result.stale_octets_accepted == 0)
		return;
	leat_lab_share_text(worst->c.loss_millionths, loss, sizeof(loss));
	leat_lab_share_text(worst->c.reorder_millionths, reorder, sizeof(reorder));
	leat_lab_time_text(worst->c.time_wait_ns, wait, sizeof(wait));
	fprintf(report->out,
		"\nWorst: 2MSL %s, %s waits, reuse %s, loss %s, reorder %s, %u/s.  The same with "
		"timestamps:\n  %s lab --time-wait %s --close %s --reuse %s --loss %s --reorder %s "
		"--rate %u --seed %" PRIu64 " --timestamps off,on\n",
		wait, leat_lab_close_name[worst->c.close], leat_lab_reuse_name[worst->c.reuse],
		loss, reorder, worst->c.rate, leat_text_call(), wait,
		leat_lab_close_name[worst->c.close], leat_lab_reuse_name[worst->c.reuse], loss,
		reorder, worst->c.rate, report->sweep->world.seed);
}

void leat_lab_print_end(const struct lab_report *report)
{
	if (report->form == LAB_FORM_JSON)
		fputs("\n]}\n", report->out);
	if (report->form != LAB_FORM_TABLE)
		return;
	fputc('\n', report->out);
	print_tally(report, true);
	print_tally(report, false);
	print_worst(report);
	if (leat_lab_broken(report->row, report->row_cnt) > 0)
		fprintf(report->out, "\nFAILED: a protected row must have neither.\n");
}
