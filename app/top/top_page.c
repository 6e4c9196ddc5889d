/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_page.h"

#include "base_bits.h"
#include "base_time.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

#define WHY_COL 18

#define KEYS    " s shards t timers d drops l latency x arrows c conns f freeze j json q quit"

static void (*const pages[TOP_PAGE_CNT])(struct top_pen *p) = {
	[TOP_SHARDS] = leat_top_page_shards,
	[TOP_TIMERS] = leat_top_page_timers,
	[TOP_DROPS] = leat_top_page_drops,
	[TOP_LATENCY] = leat_top_page_latency,
	[TOP_TRANSITIONS] = leat_top_page_transitions,
	[TOP_CONNECTIONS] = leat_top_page_connections,
};

/* up_text is how long it runs: "41s", "12m41s", "3h07m". */
static const char *up_text(uint64_t ns, char text[TOP_NUMBER_MAX])
{
	uint64_t s = ns / TIME_S;

	if (s < 60)
		snprintf(text, TOP_NUMBER_MAX, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, TOP_NUMBER_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(text, TOP_NUMBER_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	return text;
}

static void draw_title(struct top_pen *p)
{
	const struct watch_snapshot *n = &p->t->now;
	char up[TOP_NUMBER_MAX], msl[TOP_NUMBER_MAX], step[TOP_NUMBER_MAX], right[256];
	bool drains = n->head[WATCH_H_DRAINING] != 0, link = n->head[WATCH_H_LINK_UP] != 0;
	uint64_t starts = n->head[WATCH_H_STARTS_NS];
	enum top_attr attr = p->t->ended || drains || !link ? TOP_BAD
			     : starts != 0                  ? TOP_WARN
							    : TOP_GOOD;
	uint32_t col = leat_top_put(p->s, 0, 1, TOP_BOLD, "%.24s", n->name);

	col = leat_top_put(p->s, 0, col, TOP_PLAIN, "  %s  ", n->verb);
	col = leat_top_put(p->s, 0, col, attr, "%s",
		p->t->ended            ? "ended"
		: drains               ? "draining"
		: !link                ? "link down"
		: starts == UINT64_MAX ? "paused"
		: starts != 0          ? "waits"
				       : "running");
	col = leat_top_put(p->s, 0, col, TOP_PLAIN, "  up %s", up_text(n->head[WATCH_H_UP_NS], up));
	if (p->t->frozen)
		leat_top_put(p->s, 0, col, TOP_WARN, "  frozen");
	leat_text_ns(n->head[WATCH_H_TWO_MSL_NS], msl, sizeof(msl));
	leat_text_ns(p->t->for_ns, step, sizeof(step));
	int octets = snprintf(right, sizeof(right), "%.20s  2MSL %s%s  every %s", n->dpdk, msl,
		text_two_msl_conforms(n->head[WATCH_H_TWO_MSL_NS]) ? "" : " (not RFC)",
		p->t->for_ns != 0 ? step : "-");
	leat_top_put(p->s, 0, p->s->cols - 1 - u32_min((uint32_t)octets, p->s->cols - 1), TOP_DIM,
		"%s", right);
}

/* first_line is how much of the reason stands on its first line: all of it, or whole words. */
static uint32_t first_line(const char *why, uint32_t cols)
{
	uint32_t room = cols - WHY_COL - 1, octets = (uint32_t)strlen(why);

	if (octets <= room)
		return octets;
	for (octets = room; octets > 0 && why[octets] != ' '; octets--)
		;
	return octets > 0 ? octets : room;
}

/* find_why returns how many lines the bottom has above the keys: a reason may need two. */
static uint32_t find_why(struct top_pen *p)
{
	const struct top *t = p->t;

	if (t->fed == 0 || t->ended || t->note[0] != '\0' || t->for_ns == 0)
		return 1;
	p->limited = leat_watch_why(&t->before, &t->now, p->why);
	return p->why[first_line(p->why, p->s->cols)] == '\0' ? 1 : 2;
}

static void draw_why(struct top_pen *p)
{
	const char *why = p->why;
	enum top_attr attr = p->limited ? TOP_WARN : TOP_PLAIN;
	uint32_t octets = first_line(why, p->s->cols), row = p->end;

	leat_top_put(p->s, row, 1, TOP_DIM, "why not faster?");
	leat_top_put(p->s, row, WHY_COL, attr, "%.*s", (int)octets, why);
	if (why[octets] != '\0')
		leat_top_put(p->s, row + 1, WHY_COL, attr, "%s", why + octets + 1);
}

static void draw_bottom(struct top_pen *p)
{
	uint32_t row = p->s->rows;

	if (p->t->ended)
		leat_top_put(p->s, row - 2, 1, TOP_BAD,
			"the instance has ended; what is shown is the last that it told");
	else if (p->t->note[0] != '\0')
		leat_top_put(p->s, row - 2, 1, TOP_WARN, "%s", p->t->note);
	else if (p->why[0] != '\0')
		draw_why(p);
	leat_top_put(p->s, row - 1, 0, TOP_DIM, KEYS);
}

void leat_top_page(const struct top *t, enum top_page page, struct top_screen *s)
{
	struct top_pen p = {.t = t, .s = s, .row = 1};

	if (s->rows < TOP_ROWS_MIN || s->cols < TOP_COLS_MIN) {
		leat_top_put(s, 0, 0, TOP_BAD, "%ux%u: at least %ux%u", s->cols, s->rows,
			TOP_COLS_MIN, TOP_ROWS_MIN);
		return;
	}
	p.end = s->rows - 1 - find_why(&p);
	if (t->fed == 0) {
		leat_top_put(s, 0, 1, TOP_DIM, "waiting for an answer");
	} else {
		draw_title(&p);
		pages[page](&p);
	}
	draw_bottom(&p);
}

/* ---- the page of shards ---- */

static void draw_rates(struct top_pen *p)
{
	const struct top *t = p->t;
	const uint64_t *a = t->side_before, *b = t->side;
	char n[3][TOP_NUMBER_MAX];
	uint32_t room = p->s->cols - 62, from = t->past_cnt - u32_min(t->past_cnt, room);

	for (uint32_t i = 0; i < 2; i++) {
		const uint64_t *past = i == 0 ? t->opened : t->closed;
		uint32_t octets = i == 0 ? WATCH_C_OCTETS_IN : WATCH_C_OCTETS_OUT;
		uint32_t frames = i == 0 ? WATCH_C_FRAMES_IN : WATCH_C_FRAMES_OUT;
		uint64_t last = t->past_cnt > 0 ? past[t->past_cnt - 1] : 0;
		uint64_t lost =
			i == 0 ? t->now.head[WATCH_H_RX_MISSED]
			       : b[WATCH_C_ACCEPT_REFUSED] + b[WATCH_ENDED + TCP_END_REFUSED];

		leat_top_put(p->s, p->row, 1, TOP_PLAIN, "%-8s %10s",
			i == 0 ? "conn/s" : "closed/s",
			t->for_ns != 0 ? leat_top_number(last, 10, n[0]) : "-");
		leat_top_spark(p->s, p->row, 21, past + from, t->past_cnt - from);
		leat_top_put(p->s, p->row, p->s->cols - 40, TOP_PLAIN, "%s %5.2f Gb/s %9s pps",
			i == 0 ? "rx" : "tx",
			(double)leat_top_rate(t, a[octets], b[octets]) * 8 / 1e9,
			leat_top_number(leat_top_rate(t, a[frames], b[frames]), 9, n[1]));
		leat_top_put(p->s, p->row, p->s->cols - 12, lost != 0 ? TOP_BAD : TOP_DIM, "%s %s",
			i == 0 ? "missed" : "refused", leat_top_number(lost, 4, n[2]));
		p->row++;
	}
}

/* state puts how many are in a state, marked when they grow. */
static void state(struct top_pen *p, uint32_t row, uint32_t col, uint32_t st)
{
	char n[TOP_NUMBER_MAX];
	uint64_t cnt = p->t->sum[WATCH_PRESENT + st];
	bool grows = leat_top_grows(p->t, st);

	col = leat_top_put(p->s, row, col,
		grows      ? TOP_WARN
		: cnt != 0 ? TOP_BOLD
			   : TOP_DIM,
		"%s", leat_top_number(cnt, 9, n));
	if (grows)
		leat_top_put(p->s, row, col, TOP_WARN, "▲");
}

static void draw_figure(struct top_pen *p)
{
	static const char *const line[] = {
		" LISTEN ──▶ SYN-RECV ──▶ ESTAB ─┬─▶ FIN-WAIT-1 ──▶ FIN-WAIT-2 ─┬▶ TIME-WAIT ─▶",
		"                                │                              │",
		" SYN-SENT             ─▶ ESTAB  │   └────────────▶ CLOSING     ┘",
		"                                └─▶ CLOSE-WAIT ──▶ LAST-ACK ───▶ gone",
	};
	uint32_t row = p->row;

	for (uint32_t i = 0; i < 4; i++)
		leat_top_put(p->s, row + i, 0, TOP_DIM, "%s", line[i]);
	state(p, row + 1, 1, TCP_ST_LISTEN);
	state(p, row + 1, 12, TCP_ST_SYN_RECEIVED);
	state(p, row + 1, 25, TCP_ST_ESTABLISHED);
	state(p, row + 1, 36, TCP_ST_FIN_WAIT_1);
	state(p, row + 1, 51, TCP_ST_FIN_WAIT_2);
	state(p, row + 1, 67, TCP_ST_TIME_WAIT);
	state(p, row + 2, 11, TCP_ST_SYN_SENT);
	state(p, row + 4, 36, TCP_ST_CLOSE_WAIT);
	state(p, row + 4, 51, TCP_ST_LAST_ACK);
	state(p, row + 2, 59, TCP_ST_CLOSING);
	p->row += 5;
}

static void draw_waiting(struct top_pen *p)
{
	struct top_waiting w = leat_top_waiting(&p->t->now);
	char n[2][TOP_NUMBER_MAX];
	uint32_t col = leat_top_put(p->s, p->row, 1, TOP_PLAIN, "TIME-WAIT %s of %s%s%s  ",
		leat_top_number(w.cnt, 6, n[0]), leat_top_number(w.max, 6, n[1]),
		w.alone ? "" : ", ", w.alone ? "" : leat_watch_role_name(w.role));

	col = leat_top_bar(p->s, p->row, col, p->s->cols - 8 - col, w.cnt, w.max);
	leat_top_put(p->s, p->row, col + 1, TOP_PLAIN, "%3" PRIu64 " %%",
		w.cnt * 100 / u64_max(w.max, 1));
	p->row++;
}

/* share is part of whole in per cent. */
static uint64_t share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : u64_min(part * 100 / whole, 100);
}

static void draw_shard(struct top_pen *p, uint32_t i)
{
	static const uint32_t stage[] = {0, 2, 4, 5, 6}; /* rx tcp timers app tx */
	const uint64_t *a = p->t->before.cell[i], *b = p->t->now.cell[i];
	uint64_t watched = b[WATCH_C_WATCHED_NS] - a[WATCH_C_WATCHED_NS], turn[WATCH_TURN_CNT];
	uint32_t busy = leat_watch_busy(&p->t->before, &p->t->now, i) / 10;
	char n[4][TOP_NUMBER_MAX], p99[TOP_NUMBER_MAX];
	bool silent = b[WATCH_C_SILENT] != 0;

	leat_top_put(p->s, p->row, 1, silent ? TOP_BAD : TOP_PLAIN,
		"%3u%c %3" PRIu64 " %8s %6s %9s", i, leat_watch_role_name(b[WATCH_C_ROLE])[0],
		b[WATCH_C_CPU],
		leat_top_number(
			leat_top_rate(p->t, leat_top_opened(a), leat_top_opened(b)), 8, n[0]),
		leat_top_number(b[WATCH_PRESENT + TCP_ST_ESTABLISHED], 6, n[1]),
		leat_top_number(b[WATCH_PRESENT + TCP_ST_TIME_WAIT], 9, n[2]));
	if (silent) {
		leat_top_put(p->s, p->row++, 37, TOP_BAD, "does not turn");
		return;
	}
	for (uint32_t k = 0; k < WATCH_TURN_CNT; k++)
		turn[k] = b[WATCH_TURN + k] - a[WATCH_TURN + k];
	leat_text_ns(leat_watch_turn_at(turn, 990000), p99, sizeof(p99));
	uint32_t col = leat_top_put(p->s, p->row, 36,
		busy >= 85   ? TOP_BAD
		: busy >= 60 ? TOP_WARN
			     : TOP_PLAIN,
		"%3u%%", busy);
	for (uint32_t k = 0; k < COUNT_OF(stage); k++)
		col = leat_top_put(p->s, p->row, col, TOP_PLAIN, " %3" PRIu64,
			share(b[WATCH_STAGE + stage[k]] - a[WATCH_STAGE + stage[k]], watched));
	leat_top_put(p->s, p->row, col, TOP_PLAIN, "%8s %5s %4s", p99,
		leat_top_number(b[WATCH_C_RBUF_HELD], 5, n[0]),
		leat_top_number(leat_watch_drops(b), 4, n[3]));
	p->row++;
}

/* Shards as many as fit, from first_row on. */
static void draw_shards(struct top_pen *p, uint32_t rows)
{
	const struct top *t = p->t;
	uint32_t cnt = t->now.shard_cnt, first = u32_min(t->first_row, cnt > rows ? cnt - rows : 0);

	leat_top_put(p->s, p->row, 1, TOP_DIM,
		"shard cpu  conn/s  estab time-wait busy  rx tcp tmr app  tx turnp99 held drop");
	if (cnt > rows)
		leat_top_put(p->s, p->row, p->s->cols - 2, TOP_WARN, "▼");
	p->row++;
	for (uint32_t i = first; i < cnt && i < first + rows; i++)
		draw_shard(p, i);
}

void leat_top_ring(struct top_pen *p)
{
	uint64_t bar[WATCH_DUE_CNT], width = p->t->now.head[WATCH_H_DUE_WIDTH_NS];
	uint32_t bars = 60, cols = p->s->cols - 30, each = u32_max(cols / bars, 1);
	char msl[TOP_NUMBER_MAX];
	uint32_t group = each > 1 ? 1 : (bars + cols - 1) / cols;

	leat_text_ns(p->t->now.head[WATCH_H_TWO_MSL_NS], msl, sizeof(msl));
	uint32_t col = leat_top_put(p->s, p->row, 1, TOP_PLAIN, "2MSL ring due in 0 s ");
	memset(bar, 0, sizeof(bar));
	for (uint32_t i = 0; width != 0 && i < WATCH_DUE_CNT; i++)
		bar[u32_min(i, bars - 1) / group] += p->t->sum[WATCH_DUE + i];
	leat_top_spark(p->s, p->row, col, bar, (bars + group - 1) / group);
	leat_top_put(p->s, p->row, col + (bars + group - 1) / group + 1, TOP_PLAIN, "%s", msl);
	p->row++;
}

static void draw_lateness(struct top_pen *p)
{
	const struct top *t = p->t;
	uint64_t late[HIST_OCTAVE_CNT];
	char n[6][TOP_NUMBER_MAX];

	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++)
		late[i] = top_since(t, WATCH_TW_LATE + i);
	leat_text_ns(leat_watch_octave_at(late, 500000), n[0], TOP_NUMBER_MAX);
	leat_text_ns(leat_watch_octave_at(late, 990000), n[1], TOP_NUMBER_MAX);
	leat_text_ns(t->sum[WATCH_C_TW_LATE_MAX_NS], n[2], TOP_NUMBER_MAX);
	leat_top_put(p->s, p->row++, 11, TOP_PLAIN,
		"late p50 %s  p99 %s  max %s   reused %s  evicted %s", n[0], n[1], n[2],
		leat_top_number(t->sum[WATCH_ENDED + TCP_END_REUSED], 6, n[3]),
		leat_top_number(t->sum[WATCH_ENDED + TCP_END_GAVE_WAY], 6, n[4]));
	const struct {
		const char *name;
		uint32_t cell;
	} fired[] = {{"2msl", WATCH_ENDED + TCP_END_TIME_WAIT}, {"rto", WATCH_C_RTO_FIRED},
		{"tlp", WATCH_C_TLP_FIRED}, {"reorder", WATCH_C_REORDER_FIRED},
		{"persist", WATCH_C_PROBE_FIRED}, {"keepalive", WATCH_C_KEEP_FIRED}};
	uint32_t col = leat_top_put(p->s, p->row, 1, TOP_PLAIN, "fired/s ");
	for (uint32_t i = 0; i < COUNT_OF(fired); i++)
		col = leat_top_put(p->s, p->row, col, TOP_PLAIN, "  %s %s", fired[i].name,
			leat_top_number(leat_top_rate(t, t->sum_before[fired[i].cell],
						t->sum[fired[i].cell]),
				7, n[0]));
	p->row++;
}

/* What became of TIME-WAIT, and the first reasons of drops, where there is room. */
static void draw_more(struct top_pen *p)
{
	char n[TOP_NUMBER_MAX], name[WATCH_NAME_MAX];
	struct watch_drop drop;
	uint32_t row = p->row + 1;

	if (p->end < p->row + STACK_OUTCOME_MAX + 2)
		return;
	leat_top_rule(p->s, p->row);
	leat_top_put(p->s, row, 1, TOP_DIM, "TIME-WAIT, all in all");
	for (uint32_t i = 0; i < STACK_OUTCOME_MAX; i++) {
		leat_watch_cell_name(WATCH_OUTCOME + i, name);
		uint64_t cnt = p->t->sum[WATCH_OUTCOME + i];

		if (strchr(name, '.')[1] >= 'a' && (i < 2 || cnt != 0))
			leat_top_put(p->s, ++row, 1, TOP_PLAIN, "%-22s %14s", strchr(name, '.') + 1,
				leat_top_number(cnt, 14, n));
	}
	row = p->row + 1;
	leat_top_put(p->s, row, 44, TOP_DIM, "not used, by reason");
	for (uint32_t i = 0; row < p->end && leat_watch_drop(p->t->sum, i, &drop); i++)
		if (drop.cnt != 0)
			leat_top_put(p->s, ++row, 44, TOP_PLAIN, "%-20s %10s  %s", drop.name,
				leat_top_number(drop.cnt, 10, n), drop.sentence);
}

void leat_top_page_shards(struct top_pen *p)
{
	draw_rates(p);
	leat_top_rule(p->s, p->row++);
	draw_figure(p);
	draw_waiting(p);
	leat_top_rule(p->s, p->row++);
	uint32_t room = p->end - p->row - 5;
	draw_shards(p, u32_min(room, u32_max(p->t->now.shard_cnt, 1)));
	leat_top_rule(p->s, p->row++);
	leat_top_ring(p);
	draw_lateness(p);
	draw_more(p);
}
