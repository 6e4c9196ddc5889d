/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_page.h"

#include "base_bits.h"
#include "base_time.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

#define OCTAVE_FIRST 3 /* shorter durations are drawn with it: below 1 us */
#define CHART_ROWS   6
#define LIST_MAX     128

static enum top_attr heat(uint64_t value, uint64_t most)
{
	if (value == 0)
		return TOP_DIM;
	return value * 4 >= most ? TOP_HOT : value * 64 >= most ? TOP_WARM : TOP_COOL;
}

/* ---- timers ---- */

/* chart draws value[0..cnt) as columns of CHART_ROWS rows. */
static void chart(struct top_pen *p, uint32_t col, const uint64_t *value, uint32_t cnt)
{
	static const char *const step[] = {"", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	uint64_t most = 1;

	for (uint32_t i = 0; i < cnt; i++)
		most = u64_max(most, value[i]);
	for (uint32_t i = 0; i < cnt; i++) {
		uint64_t eighths = (value[i] * CHART_ROWS * 8 + most - 1) / most;

		for (uint32_t row = 0; row < CHART_ROWS; row++) {
			uint64_t base = (CHART_ROWS - 1 - row) * 8;
			uint64_t high = eighths > base ? u64_min(eighths - base, 8) : 0;

			leat_top_put(p->s, p->row + row, col + i, TOP_PLAIN, "%s", step[high]);
		}
	}
}

static void lateness(struct top_pen *p, const char *name, uint32_t cells, uint64_t max_ns)
{
	uint64_t since[HIST_OCTAVE_CNT], all = 0, most = 1;
	char n[3][TOP_NUMBER_MAX];

	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++) {
		since[i] = top_since(p->t, cells + i);
		all += since[i];
		most = u64_max(most, since[i]);
	}
	leat_text_ns(leat_watch_octave_at(since, 500000), n[0], TOP_NUMBER_MAX);
	leat_text_ns(leat_watch_octave_at(since, 990000), n[1], TOP_NUMBER_MAX);
	leat_text_ns(max_ns, n[2], TOP_NUMBER_MAX);
	uint32_t col = leat_top_put(p->s, p->row, 1, TOP_PLAIN, "%-7s", name);
	for (uint32_t i = OCTAVE_FIRST; i < HIST_OCTAVE_CNT; i++) {
		uint64_t v = since[i];

		for (uint32_t k = 0; i == OCTAVE_FIRST && k < OCTAVE_FIRST; k++)
			v += since[k];
		if (v == 0)
			leat_top_put(p->s, p->row, col + i - OCTAVE_FIRST, TOP_DIM, "·");
		else
			leat_top_put(p->s, p->row, col + i - OCTAVE_FIRST, heat(v, most), "%s",
				v * 4 >= most    ? "█"
				: v * 64 >= most ? "▄"
						 : "▁");
	}
	leat_top_put(p->s, p->row++, 36, TOP_PLAIN, "%8s p50 %s p99 %s max %s",
		leat_top_number(all, 8, (char[TOP_NUMBER_MAX]){0}), n[0], n[1], n[2]);
}

void leat_top_page_timers(struct top_pen *p)
{
	static const struct {
		const char *name;
		uint32_t cell;
	} fired[] = {{"2MSL over", WATCH_ENDED + TCP_END_TIME_WAIT},
		{"2MSL began again", WATCH_OUTCOME + 2}, {"retransmission", WATCH_C_RTO_FIRED},
		{"tail probe", WATCH_C_TLP_FIRED}, {"reordering", WATCH_C_REORDER_FIRED},
		{"window probe", WATCH_C_PROBE_FIRED}, {"keep-alive", WATCH_C_KEEP_FIRED},
		{"turns that put some off", WATCH_C_TIMERS_PUT_OFF}};
	const struct top *t = p->t;
	uint64_t due[60] = {0};
	char n[2][TOP_NUMBER_MAX];

	for (uint32_t i = 0; i < WATCH_DUE_CNT; i++)
		due[u32_min(i, 59)] += t->sum[WATCH_DUE + i];
	leat_text_ns(t->now.head[WATCH_H_TWO_MSL_NS], n[0], TOP_NUMBER_MAX);
	leat_top_put(p->s, p->row++, 1, TOP_DIM, "2MSL ring: %s in TIME-WAIT, by when they end",
		leat_top_number(t->sum[WATCH_PRESENT + TCP_ST_TIME_WAIT], 14, n[1]));
	chart(p, 9, due, COUNT_OF(due));
	p->row += CHART_ROWS;
	leat_top_put(p->s, p->row, 9, TOP_DIM, "now");
	leat_top_put(p->s, p->row++, 9 + COUNT_OF(due) - 6, TOP_DIM, "%6s", n[0]);
	leat_top_rule(p->s, p->row++);
	leat_top_put(p->s, p->row++, 1, TOP_DIM, "late   1us       1ms       1s         fired");
	lateness(p, "2MSL", WATCH_TW_LATE, t->sum[WATCH_C_TW_LATE_MAX_NS]);
	lateness(p, "others", WATCH_TIMER_LATE, t->sum[WATCH_C_TIMER_LATE_MAX_NS]);
	leat_top_rule(p->s, p->row++);
	for (uint32_t i = 0; i < COUNT_OF(fired) && p->row < p->end; i++, p->row++)
		leat_top_put(p->s, p->row, 1, TOP_PLAIN, "%-24s %12s /s  %14s in all",
			fired[i].name,
			leat_top_number(leat_top_rate(t, t->sum_before[fired[i].cell],
						t->sum[fired[i].cell]),
				12, n[0]),
			leat_top_number(t->sum[fired[i].cell], 14, n[1]));
}

/* ---- drops ---- */

void leat_top_page_drops(struct top_pen *p)
{
	const struct top *t = p->t;
	struct watch_drop now, was;
	char n[2][TOP_NUMBER_MAX];
	uint32_t shown = 0, hidden = 0;

	leat_top_put(p->s, p->row++, 1, TOP_DIM, "%-20s %10s %8s  %s", "not used", "in all", "/s",
		"why");
	for (uint32_t i = 0; leat_watch_drop(t->sum, i, &now); i++) {
		leat_watch_drop(t->sum_before, i, &was);
		if (now.cnt == 0)
			continue;
		if (shown++ < t->first_row || p->row + 1 >= p->end) {
			hidden++;
			continue;
		}
		uint64_t rate = leat_top_rate(t, was.cnt, now.cnt);

		leat_top_put(p->s, p->row++, 1, rate != 0 ? TOP_WARN : TOP_PLAIN,
			"%-20s %10s %8s  %s", now.name, leat_top_number(now.cnt, 10, n[0]),
			leat_top_number(rate, 8, n[1]), now.sentence);
	}
	if (shown == 0)
		leat_top_put(
			p->s, p->row++, 1, TOP_GOOD, "nothing: every frame and segment was used");
	else if (hidden != 0)
		leat_top_put(p->s, p->end - 1, 1, TOP_DIM, "%u more: up, down", hidden);
}

/* ---- latency ---- */

/* shade draws the sum of cnt counts as one cell of a map. */
static void shade(
	struct top_pen *p, uint32_t col, const uint64_t *count, uint32_t cnt, uint64_t most)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < cnt; i++)
		v += count[i];
	leat_top_put(p->s, p->row, col, heat(v, most), "%s",
		v == 0           ? "·"
		: v * 4 >= most  ? "█"
		: v * 64 >= most ? "▓"
				 : "░");
}

/* Columns are seconds, rows powers of two, or some of them together. */
static void strip(struct top_pen *p, uint32_t rows)
{
	const struct top *t = p->t;
	uint32_t cols = u32_min(t->past_cnt, p->s->cols - 12), low = HIST_OCTAVE_CNT, high = 0;
	uint64_t most = 1;

	for (uint32_t c = t->past_cnt - cols; c < t->past_cnt; c++)
		for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++) {
			if (t->connect[c][i] == 0)
				continue;
			low = u32_min(low, i);
			high = u32_max(high, i);
			most = u64_max(most, t->connect[c][i]);
		}
	if (low > high)
		return;
	uint32_t each = (high - low + rows) / rows; /* octaves a row */
	for (uint32_t top = low + (high - low) / each * each;; top -= each, p->row++) {
		char text[TOP_NUMBER_MAX];

		leat_text_ns(hist_octave_end(u32_min(top + each, HIST_OCTAVE_CNT) - 1), text,
			sizeof(text));
		leat_top_put(p->s, p->row, 1, TOP_DIM, "%8s", text);
		for (uint32_t c = 0; c < cols; c++)
			shade(p, 11 + c, t->connect[t->past_cnt - cols + c] + top,
				u32_min(each, HIST_OCTAVE_CNT - top), most);
		if (top == low)
			break;
	}
}

static void of_load(struct top_pen *p)
{
	static const uint32_t number[] = {WATCH_L_PLANNED, WATCH_L_STARTED, WATCH_L_CONNECTED,
		WATCH_L_COMPLETED, WATCH_L_FAILED, WATCH_L_NOT_STARTED, WATCH_L_LATE};
	const struct top *t = p->t;
	char n[2][TOP_NUMBER_MAX];
	uint32_t room = p->s->cols - 46, from = t->past_cnt - u32_min(t->past_cnt, room);
	uint32_t top_row = p->row;

	for (uint32_t i = 0; i < COUNT_OF(number); i++, p->row++) {
		uint64_t a = t->sum_before[WATCH_LOAD + number[i]],
			 b = t->sum[WATCH_LOAD + number[i]];

		leat_top_put(p->s, p->row, 1,
			number[i] == WATCH_L_FAILED && b != 0 ? TOP_BAD : TOP_PLAIN,
			"%-12s %14s %10s /s", leat_watch_load_key(number[i]),
			leat_top_number(b, 14, n[0]),
			leat_top_number(leat_top_rate(t, a, b), 10, n[1]));
	}
	leat_top_spark(p->s, top_row, 44, t->planned + from, t->past_cnt - from);
	leat_top_spark(p->s, top_row + 1, 44, t->started + from, t->past_cnt - from);
	leat_top_put(p->s, p->row++, 1, TOP_PLAIN, "%-12s %14s", "in flight",
		leat_top_number(t->sum[WATCH_LOAD + WATCH_L_IN_FLIGHT], 14, n[0]));
}

static void percentiles(struct top_pen *p, const char *name, uint32_t cells)
{
	static const uint32_t at[] = {500000, 900000, 990000, 999000, 999900};
	uint64_t since[HIST_OCTAVE_CNT], all = 0;
	char n[TOP_NUMBER_MAX];

	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++)
		all += since[i] = top_since(p->t, cells + i);
	uint32_t col = leat_top_put(p->s, p->row, 1, TOP_PLAIN, "%-10s %10s", name,
		leat_top_number(all, 10, (char[TOP_NUMBER_MAX]){0}));
	for (uint32_t i = 0; i < COUNT_OF(at); i++) {
		leat_text_ns(leat_watch_octave_at(since, at[i]), n, sizeof(n));
		col = leat_top_put(p->s, p->row, col, TOP_PLAIN, " %10s", n);
	}
	p->row++;
}

static void of_turns(struct top_pen *p)
{
	const struct top *t = p->t;
	char n[3][TOP_NUMBER_MAX];

	leat_top_put(p->s, p->row++, 1, TOP_DIM, "%-7s %10s %10s %10s", "turn of", "p50", "p99",
		"longest");
	for (uint32_t i = t->first_row; i < t->now.shard_cnt && p->row < p->end; i++, p->row++) {
		uint64_t turn[WATCH_TURN_CNT];

		for (uint32_t k = 0; k < WATCH_TURN_CNT; k++)
			turn[k] =
				t->now.cell[i][WATCH_TURN + k] - t->before.cell[i][WATCH_TURN + k];
		leat_text_ns(leat_watch_turn_at(turn, 500000), n[0], TOP_NUMBER_MAX);
		leat_text_ns(leat_watch_turn_at(turn, 990000), n[1], TOP_NUMBER_MAX);
		leat_text_ns(leat_watch_turn_at(turn, 1000000), n[2], TOP_NUMBER_MAX);
		leat_top_put(p->s, p->row, 1, TOP_PLAIN, "%7u %10s %10s %10s", i, n[0], n[1], n[2]);
	}
}

void leat_top_page_latency(struct top_pen *p)
{
	const struct top *t = p->t;
	bool load = t->sum[WATCH_LOAD + WATCH_L_PLANNED] != 0;

	if (load) {
		of_load(p);
		leat_top_rule(p->s, p->row++);
		leat_top_put(p->s, p->row++, 1, TOP_DIM, "%-10s %10s %10s %10s %10s %10s %10s",
			"latency", "of", "p50", "p90", "p99", "p99.9", "p99.99");
		percentiles(p, "connect", WATCH_CONNECT);
		percentiles(p, "response", WATCH_RESPONSE);
		leat_top_put(p->s, p->row++, 1, TOP_DIM, "connect, by second");
		strip(p, u32_min(p->end - p->row, HIST_OCTAVE_CNT));
	} else {
		leat_top_put(p->s, p->row++, 1, TOP_DIM,
			"no generator runs here; how long the turns of its shards take:");
	}
	if (p->row + 3 < p->end)
		of_turns(p);
}

/* ---- transitions ---- */

struct arrow {
	uint8_t from, event, to;
	const char *event_name;
};

static const struct arrow arrows[TCP_ARROW_CNT] = {
#define ARROW(from, event, to, where) {TCP_ST_##from, TCP_EV_##event, TCP_ST_##to, #event},
#include "tcp_fsm.def"
#undef ARROW
};

static const char *const event_head[TCP_EV_CNT][2] = {
	[TCP_EV_PASSIVE_OPEN] = {"pas", "opn"},
	[TCP_EV_ACTIVE_OPEN] = {"act", "opn"},
	[TCP_EV_SEND] = {"", "snd"},
	[TCP_EV_CLOSE] = {"", "cls"},
	[TCP_EV_ABORT] = {"", "abt"},
	[TCP_EV_RCV_SYN] = {"rcv", "SYN"},
	[TCP_EV_RCV_SYN_ACK] = {"SYN", "ACK"},
	[TCP_EV_RCV_ACK_OF_SYN] = {"ack", "SYN"},
	[TCP_EV_RCV_FIN] = {"rcv", "FIN"},
	[TCP_EV_RCV_ACK_OF_FIN] = {"ack", "FIN"},
	[TCP_EV_RCV_RST] = {"rcv", "RST"},
	[TCP_EV_TWO_MSL] = {"2", "MSL"},
	[TCP_EV_GIVE_UP] = {"giv", "up"},
	[TCP_EV_REUSED] = {"re-", "use"},
	[TCP_EV_HARD_ERROR] = {"hrd", "err"},
};

/* brief writes a count in three columns: 217, 2e5. */
static const char *brief(uint64_t value, char text[TOP_NUMBER_MAX])
{
	uint32_t tens = 0;

	for (; value > 999 || (tens > 0 && value > 9); value /= 10)
		tens++;
	snprintf(text, TOP_NUMBER_MAX, tens > 0 ? "%" PRIu64 "e%" PRIu32 : "%" PRIu64, value, tens);
	return text;
}

static void matrix(struct top_pen *p)
{
	const struct top *t = p->t;
	uint64_t most = 1;
	char n[TOP_NUMBER_MAX];

	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		most = u64_max(most, t->sum[WATCH_ARROW + i]);
	leat_top_put(p->s, p->row, 1, TOP_DIM, "how often");
	for (uint32_t e = 0; e < TCP_EV_CNT; e++)
		for (uint32_t k = 0; k < 2; k++)
			leat_top_put(p->s, p->row + k, 14 + 4 * e + e / 4, TOP_DIM, "%4s",
				event_head[e][k]);
	p->row += 2;
	for (uint32_t st = TCP_ST_CLOSED; st < TCP_ST_CNT; st++) {
		leat_top_put(p->s, p->row + st - TCP_ST_CLOSED, 1, TOP_PLAIN, "%-12s",
			leat_tcp_state_name((enum tcp_state)st));
		for (uint32_t e = 0; e < TCP_EV_CNT; e++)
			leat_top_put(p->s, p->row + st - TCP_ST_CLOSED, 17 + 4 * e + e / 4, TOP_DIM,
				"·");
	}
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++) {
		const struct arrow *a = &arrows[i];
		uint64_t cnt = t->sum[WATCH_ARROW + i];

		leat_top_put(p->s, p->row + a->from - TCP_ST_CLOSED,
			14 + 4u * a->event + a->event / 4u, heat(cnt, most), "%4s", brief(cnt, n));
	}
	p->row += TCP_ST_CNT - TCP_ST_CLOSED;
}

/* The arrows that were taken, those taken most often first. */
static void busiest(struct top_pen *p)
{
	const struct top *t = p->t;
	uint64_t below = UINT64_MAX;
	uint32_t last = TCP_ARROW_CNT;
	char n[2][TOP_NUMBER_MAX];

	for (; p->row < p->end; p->row++) {
		uint32_t at = TCP_ARROW_CNT;

		for (uint32_t i = 0; i < TCP_ARROW_CNT; i++) {
			uint64_t v = t->sum[WATCH_ARROW + i];
			bool comes = v < below || (v == below && i > last);

			if (v != 0 && comes &&
				(at == TCP_ARROW_CNT || v > t->sum[WATCH_ARROW + at]))
				at = i;
		}
		if (at == TCP_ARROW_CNT)
			return;
		below = t->sum[WATCH_ARROW + at];
		last = at;
		leat_top_put(p->s, p->row, 1, TOP_PLAIN, "%-12s %-13s ─▶ %-12s %14s %10s /s",
			leat_tcp_state_name((enum tcp_state)arrows[at].from), arrows[at].event_name,
			leat_tcp_state_name((enum tcp_state)arrows[at].to),
			leat_top_number(below, 14, n[0]),
			leat_top_number(leat_top_rate(t, t->sum_before[WATCH_ARROW + at], below),
				10, n[1]));
	}
}

void leat_top_page_transitions(struct top_pen *p)
{
	matrix(p);
	leat_top_rule(p->s, p->row++);
	busiest(p);
}

/* ---- the page of connections ---- */

#define CONN_COLS 9
#define CONN_END  21  /* an address of IPv4 and its port */
#define CONN_WIDE 102 /* columns of a row as leat conns has it, and one before it and behind */

/* draw_end puts an address and its port; of one that is too long the end, where the port is. */
static void draw_end(struct top_pen *p, uint32_t col, enum top_attr attr, const char *end)
{
	uint32_t octets = (uint32_t)strlen(end);

	if (octets > CONN_END)
		leat_top_put(p->s, p->row, col, attr, "…%s", end + octets - (CONN_END - 1));
	else
		leat_top_put(p->s, p->row, col, attr, "%s", end);
}

/* draw_narrow leaves out queues and shard, so that the timer and what is left of it are seen;
 * false: the line is none of a connection. */
static bool draw_narrow(struct top_pen *p, const char *line, enum top_attr attr)
{
	char text[256], *word[CONN_COLS + 1], *rest;
	uint32_t cnt = 0;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	for (char *w = strtok_r(text, " ", &rest); w != NULL && cnt <= CONN_COLS;
		w = strtok_r(NULL, " ", &rest))
		word[cnt++] = w;
	if (cnt != CONN_COLS || *line < 'A' || *line > 'Z')
		return false;
	leat_top_put(p->s, p->row, 1, attr, "%s", word[0]);
	draw_end(p, 13, attr, word[3]);
	draw_end(p, 14 + CONN_END, attr, word[4]);
	leat_top_put(
		p->s, p->row, 15 + 2 * CONN_END, attr, "%-10s %6s %4s", word[6], word[7], word[8]);
	p->row++;
	return true;
}

void leat_top_page_connections(struct top_pen *p)
{
	const char *line = p->t->conns;

	if (*line == '\0')
		leat_top_put(
			p->s, p->row, 1, TOP_DIM, "a file of snapshots has no connections in it");
	for (uint32_t n = 0; *line != '\0' && p->row < p->end; n++) {
		uint32_t octets = (uint32_t)strcspn(line, "\n");

		enum top_attr attr = n == 0 ? TOP_BOLD : TOP_PLAIN;

		if ((n == 0 || n > p->t->first_row) &&
			(p->s->cols >= CONN_WIDE || !draw_narrow(p, line, attr)))
			leat_top_put(p->s, p->row++, 1, attr, "%.*s", (int)octets, line);
		line += octets + (line[octets] == '\n');
	}
}
