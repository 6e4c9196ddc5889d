/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_rows.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

/* Behind what a note has already. */
#define ROOM(row)         (row)->note + strlen((row)->note), LOAD_NOTE_MAX - strlen((row)->note)
#define NUMBER(to, value) leat_text_group(value, to, sizeof(to))

/* next is one more row, whose texts are empty. */
static struct load_row *next(struct load_rows *rows, const char *name)
{
	struct load_row *row = &rows->row[rows->cnt++];

	*row = (struct load_row){.name = name};
	return row;
}

static void note_kind(struct load_row *row, uint64_t cnt, const char *name)
{
	char n[TEXT_GROUP_MAX];

	if (cnt == 0)
		return;
	NUMBER(n, cnt);
	snprintf(ROOM(row), "%s%s %s", row->note[0] != '\0' ? ", " : "", n, name);
}

static void add_rate(const struct load_result *r, struct load_rows *rows)
{
	struct load_row *row = next(rows, "rate");
	char low[TEXT_GROUP_MAX], high[TEXT_GROUP_MAX];

	if (r->intent.model == LOAD_MODEL_OPEN)
		leat_load_text_rate(leat_load_result_own(r, r->intent.rate_milli), row->planned,
			sizeof(row->planned));
	leat_load_text_rate(leat_load_result_rate_milli(r), row->achieved, sizeof(row->achieved));
	NUMBER(low, r->second_min == UINT64_MAX ? 0 : r->second_min);
	NUMBER(high, r->second_max);
	if (r->second_max != 0)
		snprintf(ROOM(row), "min %s, max %s begun in any second", low, high);
}

/* add_changes tells from when on which rate was planned, or how many were to be in flight. */
static void add_changes(const struct load_result *r, struct load_rows *rows)
{
	bool open = r->intent.model == LOAD_MODEL_OPEN;

	for (uint32_t i = 0; i < r->intent.change_cnt; i++) {
		const struct load_change *c = &r->intent.change[i];
		struct load_row *row = next(rows, open ? "  changed" : "held");

		if (open)
			leat_load_text_rate(leat_load_result_own(r, c->rate_milli), row->planned,
				sizeof(row->planned));
		else
			NUMBER(row->planned, c->held);
		snprintf(ROOM(row), "from %.3f s on, by leat ctl rate", (double)c->at_ns / 1e9);
	}
}

/* add_held tells how many were in flight between ramp and end, where so many were to be. */
static void add_held(const struct load_result *r, struct load_rows *rows)
{
	char n[TEXT_GROUP_MAX];

	if (r->intent.model == LOAD_MODEL_OPEN || r->held_looks == 0)
		return;
	struct load_row *row = next(rows, "in flight");
	NUMBER(row->planned, r->intent.concurrency);
	NUMBER(row->achieved, r->held_min);
	if (r->held_max != r->held_min) {
		size_t at = strlen(row->achieved);

		NUMBER(n, r->held_max);
		snprintf(row->achieved + at, sizeof(row->achieved) - at, "-%s", n);
	}
	NUMBER(n, r->held_looks);
	snprintf(ROOM(row), "at %s looks, one each 10 ms", n);
}

/* note_bad tells what the first bad response was, behind how many there were. */
static void note_bad(struct load_row *row, const struct load_bad *bad)
{
	char octets[TEXT_GROUP_MAX], wanted[TEXT_GROUP_MAX];

	if (!bad->seen)
		return;
	if (bad->status == 0) {
		snprintf(ROOM(row), " (the first: no HTTP)");
		return;
	}
	NUMBER(octets, bad->octets);
	NUMBER(wanted, bad->wanted);
	snprintf(ROOM(row), " (the first: status %u, %s octets", bad->status,
		bad->octets == LOAD_LENGTH_NONE ? "no number of" : octets);
	if (bad->wanted != LOAD_LENGTH_NONE && bad->wanted != bad->octets)
		snprintf(ROOM(row), ", not %s", wanted);
	snprintf(ROOM(row), ")");
}

static void add_ends(const struct load_counters *c, struct load_rows *rows)
{
	struct load_row *row = next(rows, "not started");

	NUMBER(row->achieved, leat_load_not_started(c));
	for (uint32_t i = 0; i < LOAD_SKIP_CNT; i++)
		note_kind(row, c->not_started[i], leat_load_skip_name((enum load_skip)i));
	row = next(rows, "failed");
	NUMBER(row->achieved, leat_load_failed(c));
	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++) {
		note_kind(row, c->failed[i], leat_load_fail_name((enum load_fail)i));
		if (i == LOAD_FAIL_RESPONSE && c->failed[i] != 0)
			note_bad(row, &c->bad);
	}
	if (c->stopped == 0)
		return;
	row = next(rows, "stopped early");
	NUMBER(row->achieved, c->stopped);
	snprintf(ROOM(row), "before its exchange was done, by the end of the run");
}

void leat_load_rows(const struct load_result *r, struct load_rows *rows)
{
	const struct load_counters *c = &r->counters;
	char in[TEXT_GROUP_MAX], out[TEXT_GROUP_MAX];

	rows->cnt = 0;
	struct load_row *row = next(rows, "connections");
	if (r->intent.model == LOAD_MODEL_OPEN)
		NUMBER(row->planned, c->planned);
	NUMBER(row->achieved, c->completed);
	leat_load_text_share(leat_load_result_achieved(r), row->note, sizeof(row->note));
	add_rate(r, rows);
	add_changes(r, rows);
	add_held(r, rows);
	add_ends(c, rows);
	row = next(rows, "responses");
	NUMBER(row->achieved, c->responses);
	NUMBER(in, c->octets_in);
	NUMBER(out, c->octets_out);
	snprintf(ROOM(row), "right; %s octets of text received, %s sent", in, out);
}
