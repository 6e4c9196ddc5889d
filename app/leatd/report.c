/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include "base_bits.h"
#include "base_log.h"
#include "text.h"
#include "watch_word.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define REPORT_COLUMNS 96

/* What the ledger calls each way to end. */
static const char *const end_text[TCP_END_CNT] = {
	[TCP_END_TIME_WAIT] = "expired from TIME-WAIT",
	[TCP_END_LAST_ACK] = "closed second",
	[TCP_END_RESET] = "reset",
	[TCP_END_REFUSED] = "refused",
	[TCP_END_ABORTED] = "aborted",
	[TCP_END_TIMEOUT] = "timed out",
	[TCP_END_FW2_LIMIT] = "given up in FIN-WAIT-2",
	[TCP_END_CLOSED] = "closed before open",
	[TCP_END_EVICTED] = "gave way half open",
	[TCP_END_REUSED] = "reused from TIME-WAIT",
	[TCP_END_GAVE_WAY] = "gave way in TIME-WAIT",
	[TCP_END_KILLED] = "killed by an operator",
};

const char *leat_report_group(uint64_t value, char *text)
{
	leat_text_group(value, text, REPORT_TEXT_MAX);
	return text;
}

static void add_words(uint64_t *sum, const uint64_t *more, size_t octets)
{
	for (size_t i = 0; i < octets / sizeof(*sum); i++)
		sum[i] += more[i];
}

STATIC_ASSERT(sizeof(struct stack_counters) % sizeof(uint64_t) == 0, "all of 64 bits");
STATIC_ASSERT(offsetof(struct tcp_counters, present) % sizeof(uint64_t) == 0, "all of 64 bits");

void leat_report_add(struct shard_counts *sum, const struct shard_counts *more)
{
	sum->now = u64_max(sum->now, more->now);
	sum->moved_high = u64_max(sum->moved_high, more->moved_high);
	add_words(&sum->turns, &more->turns,
		offsetof(struct shard_counts, stack) - offsetof(struct shard_counts, turns));
	add_words(&sum->stack.frames_in, &more->stack.frames_in, sizeof(sum->stack));
	uint64_t late_ns_max =
		u64_max(sum->tcp.time_wait_late_ns_max, more->tcp.time_wait_late_ns_max);
	add_words(sum->tcp.verdict, more->tcp.verdict, offsetof(struct tcp_counters, present));
	sum->tcp.time_wait_late_ns_max = late_ns_max;
	for (uint32_t i = 0; i < TCP_ST_CNT; i++)
		sum->tcp.present[i] += more->tcp.present[i];
	sum->tcp.rbuf_held += more->tcp.rbuf_held;
}

uint64_t leat_report_opened(const struct shard_counts *c)
{
	return c->tcp.opened_active + c->tcp.opened_passive;
}

uint64_t leat_report_open(const struct shard_counts *c)
{
	uint64_t open = 0;

	for (uint32_t i = TCP_ST_SYN_SENT; i < TCP_ST_TIME_WAIT; i++)
		open += c->tcp.present[i];
	return open;
}

/* term adds one summand to a line of the ledger. */
static uint64_t term(FILE *out, uint32_t *cnt, const char *name, uint64_t value)
{
	char text[REPORT_TEXT_MAX];

	fprintf(out, "%s%s %s", (*cnt)++ != 0 ? " + " : " = ", name,
		leat_report_group(value, text));
	return value;
}

static bool close_line(FILE *out, bool equal)
{
	fprintf(out, "   %s\n", equal ? "balanced" : "NOT BALANCED");
	return equal;
}

bool leat_report_connections(const struct shard_counts *c, FILE *out)
{
	uint64_t opened = leat_report_opened(c), known = 0;
	char text[REPORT_TEXT_MAX];
	uint32_t cnt = 0;

	fprintf(out, "opened %s", leat_report_group(opened, text));
	for (uint32_t i = TCP_END_NONE + 1; i < TCP_END_CNT; i++) {
		/* A reset is always told: that there was none is news. */
		if (c->tcp.ended[i] != 0 || i == TCP_END_RESET)
			known += term(out, &cnt, end_text[i], c->tcp.ended[i]);
		if (i == TCP_END_TIME_WAIT && (cnt != 0 || c->tcp.present[TCP_ST_TIME_WAIT] != 0))
			known += term(out, &cnt, "still waiting", c->tcp.present[TCP_ST_TIME_WAIT]);
	}
	if (leat_report_open(c) != 0)
		known += term(out, &cnt, "still open", leat_report_open(c));
	return close_line(out, known == opened);
}

bool leat_report_frames(const struct shard_counts *c, FILE *out)
{
	uint64_t received = c->rx_frames + c->mailed_in, known = 0, dropped = 0;
	char text[REPORT_TEXT_MAX];
	uint32_t cnt = 0;

	/* What was lost on the wire was sent, and not received. */
	fprintf(out, "%s %s frames", c->rx_lost + c->rx_held != 0 ? "was sent" : "received",
		leat_report_group(c->rx_frames, text));
	if (c->mailed_in != 0) /* ARP and ND, of which each shard is told */
		fprintf(out, " + %s copies from other shards",
			leat_report_group(c->mailed_in, text));
	for (uint32_t v = 0; v < WIRE_V_DROP_FIRST; v++) {
		if (c->stack.wire[v] != 0)
			known += term(out, &cnt, leat_wire_verdict_name((enum wire_verdict)v),
				c->stack.wire[v]);
	}
	for (uint32_t v = WIRE_V_DROP_FIRST; v < WIRE_V_CNT; v++)
		dropped += c->stack.wire[v];
	dropped += c->rx_drop_frame_long + c->rx_drop_no_buf + c->move_dropped;
	known += term(out, &cnt, "dropped", dropped);
	if (c->rx_lost + c->rx_held != 0)
		known += term(out, &cnt, "lost on the wire", c->rx_lost + c->rx_held);
	/* Of all shards of a port together: what lay on the lanes at the end. */
	if (c->moved_out != c->moved_in)
		known += term(out, &cnt, "between shards", c->moved_out - c->moved_in);
	return close_line(out, known == received);
}

void leat_report_gauge(struct stack_gauge *g, struct shard *shard)
{
	uint32_t cursor = 0;

	while (leat_stack_gauge(shard->stack, &cursor, UINT32_MAX, g))
		;
}

void leat_report_states(const struct stack_gauge *g, FILE *out)
{
	char text[REPORT_TEXT_MAX], age[REPORT_TEXT_MAX];
	uint32_t cnt = 0;

	fprintf(out, "connections by state when it stopped\n");
	for (uint32_t i = TCP_ST_LISTEN; i < TCP_ST_CNT; i++) {
		if (g->cnt[i] == 0)
			continue;
		leat_text_ns(g->oldest_ns[i], age, sizeof(age));
		fprintf(out, "  %-20s %12s  the oldest %s\n",
			leat_tcp_state_name((enum tcp_state)i), leat_report_group(g->cnt[i], text),
			age);
		cnt++;
	}
	if (cnt == 0)
		fprintf(out, "  none\n");
}

void leat_report_ages(const struct stack_gauge *g, FILE *out)
{
	char text[REPORT_TEXT_MAX], age[REPORT_TEXT_MAX];
	const char *comma = "";

	for (uint32_t i = TCP_ST_LISTEN + 1; i < TCP_ST_CNT; i++) {
		if (g->cnt[i] == 0)
			continue;
		leat_text_ns(g->oldest_ns[i], age, sizeof(age));
		fprintf(out, "%s%s in %s, the oldest %s", comma, leat_report_group(g->cnt[i], text),
			leat_tcp_state_name((enum tcp_state)i), age);
		comma = "; ";
	}
	fprintf(out, "%s\n", *comma ? "" : "no connection is left");
}

/* put writes text behind what is in column, or on a line of its own; gives the column behind it. */
static uint32_t put(FILE *out, uint32_t column, uint32_t indent, const char *text)
{
	uint32_t octets = (uint32_t)strlen(text);

	if (column == indent) {
		fprintf(out, "%s", text);
		return column + octets;
	}
	if (column + 2 + octets > REPORT_COLUMNS) {
		fprintf(out, ",\n%*s%s", indent, "", text);
		return indent + octets;
	}
	fprintf(out, ", %s", text);
	return column + 2 + octets;
}

void leat_report_time_wait(const struct shard_counts *c, uint32_t indent, FILE *out)
{
	struct stack_outcome o[STACK_OUTCOME_MAX];
	uint32_t cnt = leat_stack_time_wait(&c->stack, &c->tcp, o), column = indent;
	char text[2 * REPORT_TEXT_MAX], n[REPORT_TEXT_MAX];

	for (uint32_t i = 0; i < cnt; i++) {
		if (i > 0 && o[i].cnt == 0)
			continue;
		snprintf(text, sizeof(text), "%s %s", o[i].name, leat_report_group(o[i].cnt, n));
		column = put(out, column, indent, text);
	}
	if (c->tcp.time_wait_late_ns_max != 0) {
		leat_text_ns(c->tcp.time_wait_late_ns_max, n, sizeof(n));
		snprintf(text, sizeof(text), "at most %s after 2MSL", n);
		put(out, column, indent, text);
	}
	fprintf(out, "\n");
}

void leat_report_time_wait_json(const struct shard_counts *c, FILE *out)
{
	struct stack_outcome o[STACK_OUTCOME_MAX];
	uint32_t cnt = leat_stack_time_wait(&c->stack, &c->tcp, o);

	for (uint32_t i = 0; i < cnt; i++)
		fprintf(out, "\"%s\":%" PRIu64 ",", o[i].key, o[i].cnt);
	fprintf(out, "\"late_max\":%.9f", (double)c->tcp.time_wait_late_ns_max / 1e9);
}

void leat_report_again(const struct tcp_counters *c, uint64_t again[AGAIN_CNT])
{
	again[AGAIN_SYN] = c->again_syn;
	again[AGAIN_SYN_ACK] = c->again_syn_ack;
	again[AGAIN_DATA] = c->again_text;
	again[AGAIN_FIN] = c->again_fin;
	again[AGAIN_PROBE] = c->again_probe;
}

void leat_report_again_line(const struct shard_counts *c, FILE *out)
{
	uint64_t again[AGAIN_CNT];
	char text[AGAIN_TEXT_MAX];

	if (c->tcp.emitted_again == 0)
		return;
	leat_report_again(&c->tcp, again);
	leat_again_text(again, text, sizeof(text));
	fprintf(out, "sent again %s\n", text);
}

/* Why stdout could not be flushed, the last time that it could not. */
static int unwritten;

void leat_report_flush(void)
{
	if (fflush(stdout) != 0)
		unwritten = errno;
}

bool leat_report_written(void)
{
	leat_report_flush();
	if (unwritten == 0 && !ferror(stdout))
		return true;
	leat_log(LOG_LV_ERROR, "leatd", "the report could not be written%s%s",
		unwritten != 0 ? ": " : "", unwritten != 0 ? strerror(unwritten) : "");
	return false;
}

/* drop_row writes a row when there is something to tell; where is the text it rests on. */
static uint32_t drop_row(
	FILE *out, const char *name, uint64_t value, const char *sentence, const char *where)
{
	char text[REPORT_TEXT_MAX];

	if (value == 0)
		return 0;
	fprintf(out, "  %-20s %12s  %s", name, leat_report_group(value, text), sentence);
	if (strcmp(where, "-") != 0)
		fprintf(out, "  (%s)", where);
	fprintf(out, "\n");
	return 1;
}

struct drop {
	const char *name;
	uint64_t value;
};

/* drop_rows writes those of drops that are counted, with the sentences of leat explain. */
static uint32_t drop_rows(FILE *out, const struct drop *drop, uint32_t drop_cnt)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < drop_cnt; i++)
		cnt += drop_row(out, drop[i].name, drop[i].value,
			leat_watch_word_sentence(drop[i].name), "-");
	return cnt;
}

static uint32_t other_rows(const struct shard_counts *c, FILE *out)
{
	const struct drop row[] = {
		{"accept_refused", c->stack.accept_refused},
		{"flow_refused", c->stack.flow_refused},
		{"echo_refused", c->echo_refused},
		{"echo_no_room", c->echo_no_room},
		{"neigh_refused", c->neigh_refused},
		{"neigh_unanswered", c->neigh_unanswered},
		{"out_no_neigh", c->stack.out_no_neigh},
		{"rst_unsent", c->tcp.rst_unsent},
		{"tx_link_down", c->tx_link_down},
		{"move_dropped", c->move_dropped},
		{"wrong_shard", c->wrong_shard},
		{"mail_refused", c->mail_refused},
	};

	return drop_rows(out, row, COUNT_OF(row));
}

/* later_rows tells what took longer than it might; nothing was lost by it. */
static void later_rows(const struct shard_counts *c, FILE *out)
{
	const struct drop row[] = {
		{"tx_full", c->tx_full},
		{"tx_no_buf", c->tx_no_buf},
		{"out_held", c->stack.out_held},
		{"rx_gathered", c->rx_gathered},
		{"timers_put_off", c->timers_put_off},
		{"events_used_up", c->events_used_up},
		{"letters_used_up", c->letters_used_up},
	};
	uint64_t any = 0;

	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		any |= row[i].value;
	if (any == 0)
		return;
	fprintf(out, "done later, or in another way; nothing was lost\n");
	drop_rows(out, row, COUNT_OF(row));
}

void leat_report_drops(const struct shard_counts *c, FILE *out)
{
	uint32_t cnt = 0;

	fprintf(out, "frames and segments not used, by reason\n");
	for (uint32_t v = WIRE_V_DROP_FIRST; v < WIRE_V_CNT; v++) {
		uint64_t value = c->stack.wire[v];

		value += v == WIRE_V_DROP_FRAME_LONG ? c->rx_drop_frame_long : 0;
		value += v == WIRE_V_DROP_NO_BUF ? c->rx_drop_no_buf : 0;
		cnt += drop_row(out, leat_wire_verdict_name((enum wire_verdict)v), value,
			leat_wire_verdict_help((enum wire_verdict)v),
			leat_wire_verdict_where((enum wire_verdict)v));
	}
	/* The first rows of tcp_verdict.def are segments that counted. */
	for (uint32_t v = TCP_V_SYN_AGAIN + 1; v < TCP_V_CNT; v++)
		cnt += drop_row(out, leat_tcp_verdict_name((enum tcp_verdict)v), c->tcp.verdict[v],
			leat_tcp_verdict_help((enum tcp_verdict)v),
			leat_tcp_verdict_where((enum tcp_verdict)v));
	cnt += other_rows(c, out);
	if (cnt == 0)
		fprintf(out, "  none\n");
	later_rows(c, out);
}

/* DEVIATION(two-msl): an MSL below 1 s is for trials, and said to be. */
const char *leat_report_two_msl(uint64_t two_msl_ns)
{
	if (two_msl_ns == 60 * TIME_S)
		return "";
	return text_two_msl_conforms(two_msl_ns)
		       ? " (the default of serve is 60 s)"
		       : " (not RFC-conformant: MSL below 1 s; the default of serve is 60 s)";
}

const char *leat_report_full(bool evict)
{
	return evict ? "the one that has waited longest gives way" : "new connections are refused";
}

void leat_report_wire_plan(const struct wire_options *w, const char *way, FILE *out)
{
	char delay[REPORT_TEXT_MAX], jitter[REPORT_TEXT_MAX];

	if (!opt_wire_is_on(w))
		return;
	leat_text_ns(w->delay_ns, delay, sizeof(delay));
	leat_text_ns(w->jitter_ns, jitter, sizeof(jitter));
	fprintf(out,
		"  bad wire %-4s lost %g%%, reordered %g%%, doubled %g%%, corrupted %g%%, delay "
		"%s, "
		"jitter %s\n",
		way, w->loss_millionths / 1e4, w->reorder_millionths / 1e4,
		w->duplicate_millionths / 1e4, w->corrupt_millionths / 1e4, delay, jitter);
}

void leat_report_wire(const struct shard_counts *c, FILE *out)
{
	char t[5][REPORT_TEXT_MAX];

	if (c->wire_lost + c->wire_full + c->wire_doubled + c->wire_spoilt + c->wire_late == 0)
		return;
	fprintf(out,
		"bad wire  frames lost %s (and %s for want of a place), doubled %s, corrupted %s, "
		"delayed more %s\n",
		leat_report_group(c->wire_lost, t[0]), leat_report_group(c->wire_full, t[1]),
		leat_report_group(c->wire_doubled, t[2]), leat_report_group(c->wire_spoilt, t[3]),
		leat_report_group(c->wire_late, t[4]));
}
