/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "load_count.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define BOUND_FIRST 3 /* octave: 1.024 us */
#define LABEL_MAX   64
#define NS_TEXT_MAX 32

enum type {
	COUNTER,
	GAUGE,
	HISTOGRAM,
	INFO,
};

/* A row of series: a shard, or all of a role. */
struct line {
	const uint64_t *cell;
	char label[LABEL_MAX]; /* role="server",shard="0" */
};

struct page {
	const struct watch_snapshot *s;
	struct metrics_form form;
	FILE *out;
	const char *family;
	enum type type;
	uint32_t line_cnt;
	struct line line[WATCH_SHARD_MAX];
	uint64_t sum[WATCH_ROLE_CNT][WATCH_CELL_CNT];
};

static const char *ns_text(uint64_t ns, char text[NS_TEXT_MAX])
{
	snprintf(text, NS_TEXT_MAX, "%" PRIu64 ".%09" PRIu64, ns / TIME_S, ns % TIME_S);
	return text;
}

/* family begins the series of one name; a counter's name ends in _total, which OpenMetrics has only
 * in the samples. */
static void family(struct page *p, const char *name, enum type type, const char *help)
{
	static const char *const word[] = {"counter", "gauge", "histogram", "info"};
	size_t octets = strlen(name);

	p->family = name;
	p->type = type;
	if (p->form.open && type == COUNTER)
		octets -= strlen("_total");
	if (p->form.open && type == INFO)
		octets -= strlen("_info");
	fprintf(p->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)octets, name, help, (int)octets,
		name, type == INFO && !p->form.open ? "gauge" : word[type]);
}

/* sample writes a value; labels go behind those of the line, NULL: there are no more. */
__attribute__((format(printf, 4, 5))) static void sample(
	struct page *p, const struct line *line, const char *value, const char *labels, ...)
{
	va_list args;
	bool open = false;

	fputs(p->family, p->out);
	if (line != NULL && line->label[0] != '\0') {
		fprintf(p->out, "{%s", line->label);
		open = true;
	}
	if (labels != NULL) {
		fputs(open ? "," : "{", p->out);
		va_start(args, labels);
		vfprintf(p->out, labels, args);
		va_end(args);
		open = true;
	}
	fprintf(p->out, "%s %s\n", open ? "}" : "", value);
}

static const char *number(uint64_t value)
{
	static _Thread_local char text[NS_TEXT_MAX];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return text;
}

static void single(
	struct page *p, const char *name, enum type type, const char *help, uint32_t cell)
{
	family(p, name, type, help);
	for (uint32_t i = 0; i < p->line_cnt; i++)
		sample(p, &p->line[i], number(p->line[i].cell[cell]), NULL);
}

static void single_seconds(
	struct page *p, const char *name, enum type type, const char *help, uint32_t cell)
{
	char text[NS_TEXT_MAX];

	family(p, name, type, help);
	for (uint32_t i = 0; i < p->line_cnt; i++)
		sample(p, &p->line[i], ns_text(p->line[i].cell[cell], text), NULL);
}

/* ---- histograms: every second octave is a bound ---- */

/* fold adds the octaves up so that bucket[k] is what is not longer than the bound of octave k. */
static void buckets(struct page *p, const struct line *line, const char *labels,
	const uint64_t octave[HIST_OCTAVE_CNT], uint64_t sum_ns, uint32_t step)
{
	char text[NS_TEXT_MAX];
	const char *comma = labels[0] != '\0' ? "," : "";
	uint64_t below = 0;

	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++) {
		below += octave[i];
		if (i < BOUND_FIRST || (i - BOUND_FIRST) % step != 0)
			continue;
		fprintf(p->out, "%s_bucket{%s%s%s%sle=\"%.9g\"} %" PRIu64 "\n", p->family,
			line->label, line->label[0] != '\0' ? "," : "", labels, comma,
			(double)(hist_octave_end(i) + 1) / 1e9, below);
	}
	const char *dot = line->label[0] != '\0' && labels[0] != '\0' ? "," : "";

	fprintf(p->out, "%s_bucket{%s%s%s%sle=\"+Inf\"} %" PRIu64 "\n", p->family, line->label,
		line->label[0] != '\0' ? "," : "", labels, comma, below);
	fprintf(p->out, "%s_sum{%s%s%s} %s\n", p->family, line->label, dot, labels,
		ns_text(sum_ns, text));
	fprintf(p->out, "%s_count{%s%s%s} %" PRIu64 "\n", p->family, line->label, dot, labels,
		below);
}

static void print_histograms(struct page *p)
{
	family(p, "leat_timer_lateness_seconds", HISTOGRAM,
		"How late timers fired: of the 2MSL ring, and of the wheel of all others.");
	for (uint32_t i = 0; i < p->line_cnt; i++) {
		const uint64_t *c = p->line[i].cell;

		buckets(p, &p->line[i], "ring=\"2msl\"", c + WATCH_TW_LATE, c[WATCH_C_TW_LATE_NS],
			2);
		buckets(p, &p->line[i], "ring=\"wheel\"", c + WATCH_TIMER_LATE,
			c[WATCH_C_TIMER_LATE_NS], 2);
	}
	family(p, "leat_shard_turn_seconds", HISTOGRAM,
		"How long turns with work took, while somebody watches.");
	for (uint32_t i = 0; i < p->line_cnt; i++) {
		uint64_t octave[HIST_OCTAVE_CNT] = {0};

		for (uint32_t k = 0; k < WATCH_TURN_CNT; k++)
			octave[k >> (HIST_HALF_BITS - WATCH_TURN_SHIFT)] +=
				p->line[i].cell[WATCH_TURN + k];
		buckets(p, &p->line[i], "", octave, p->line[i].cell[WATCH_C_TURN_NS], 2);
	}
}

/* ---- families of one label ---- */

static void print_states(struct page *p)
{
	char text[NS_TEXT_MAX];

	family(p, "leat_tcp_connections", GAUGE, "Connections by TCP state.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint8_t st = TCP_ST_LISTEN; st < TCP_ST_CNT; st++)
			sample(p, &p->line[i], number(p->line[i].cell[WATCH_PRESENT + st]),
				"state=\"%s\"", leat_watch_state_key(st));
	family(p, "leat_tcp_oldest_seconds", GAUGE,
		"How long the oldest connection of each state has been there.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint8_t st = TCP_ST_SYN_SENT; st < TCP_ST_CNT; st++)
			sample(p, &p->line[i], ns_text(p->line[i].cell[WATCH_OLDEST + st], text),
				"state=\"%s\"", leat_watch_state_key(st));
	family(p, "leat_tcp_closed_total", COUNTER,
		"Connections that left the table, by what ended them.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = TCP_END_NONE + 1; k < TCP_END_CNT; k++)
			sample(p, &p->line[i], number(p->line[i].cell[WATCH_ENDED + k]),
				"cause=\"%s\"", leat_watch_end_key(k));
}

static void print_opened(struct page *p)
{
	family(p, "leat_tcp_opened_total", COUNTER,
		"Connections that were begun, by who sent the first SYN.");
	for (uint32_t i = 0; i < p->line_cnt; i++) {
		sample(p, &p->line[i], number(p->line[i].cell[WATCH_C_OPENED_ACTIVE]),
			"side=\"active\"");
		sample(p, &p->line[i], number(p->line[i].cell[WATCH_C_OPENED_PASSIVE]),
			"side=\"passive\"");
	}
	family(p, "leat_tcp_established_total", COUNTER, "Connections that reached ESTABLISHED.");
	for (uint32_t i = 0; i < p->line_cnt; i++) {
		const uint64_t *arrow = p->line[i].cell + WATCH_ARROW;

		sample(p, &p->line[i],
			number(arrow[TCP_ARROW_SYN_SENT_RCV_SYN_ACK] +
				arrow[TCP_ARROW_SYN_RECEIVED_RCV_ACK_OF_SYN]),
			NULL);
	}
}

/* group_of writes cells from .. from + cnt - 1 under the last part of their names. */
static void group_of(struct page *p, uint32_t from, uint32_t cnt, const char *label)
{
	char name[WATCH_NAME_MAX];

	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; k < cnt; k++) {
			const char *word = strchr(leat_watch_cell_name(from + k, name), '.');

			ASSERT(word != NULL);
			if (word[1] >= 'A') /* there is one of this number */
				sample(p, &p->line[i], number(p->line[i].cell[from + k]),
					"%s=\"%s\"", label, word + 1);
		}
}

static void print_transitions(struct page *p)
{
	static const char *const arrow[TCP_ARROW_CNT][2] = {
#define ARROW(from, event, to, where) {#from, #event},
#include "tcp_fsm.def"
#undef ARROW
	};

	family(p, "leat_tcp_transitions_total", COUNTER,
		"Arrows of the state machine that were taken.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; k < TCP_ARROW_CNT; k++)
			sample(p, &p->line[i], number(p->line[i].cell[WATCH_ARROW + k]),
				"from=\"%s\",event=\"%s\"", arrow[k][0], arrow[k][1]);
}

static void print_drops(struct page *p)
{
	struct watch_drop d;

	family(p, "leat_drops_total", COUNTER,
		"Frames and segments not used, by reason. Every drop has exactly one reason.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; leat_watch_drop(p->line[i].cell, k, &d); k++)
			sample(p, &p->line[i], number(d.cnt), "reason=\"%s\"", d.name);
}

/* named writes one family whose members are single cells. */
static void named(struct page *p, const char *label, const char *const *name, const uint32_t *cell,
	uint32_t cnt)
{
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; k < cnt; k++)
			sample(p, &p->line[i], number(p->line[i].cell[cell[k]]), "%s=\"%s\"", label,
				name[k]);
}

static void print_timers(struct page *p)
{
	static const char *const kind[] = {"syn", "syn_ack", "text", "fin", "probe"};
	static const uint32_t again[] = {WATCH_C_AGAIN_SYN, WATCH_C_AGAIN_SYN_ACK,
		WATCH_C_AGAIN_TEXT, WATCH_C_AGAIN_FIN, WATCH_C_AGAIN_PROBE};
	static const char *const timer[] = {
		"2msl", "rto", "tlp", "reorder", "persist", "keepalive"};
	static const uint32_t fired[] = {WATCH_ENDED + TCP_END_TIME_WAIT, WATCH_C_RTO_FIRED,
		WATCH_C_TLP_FIRED, WATCH_C_REORDER_FIRED, WATCH_C_PROBE_FIRED, WATCH_C_KEEP_FIRED};

	family(p, "leat_tcp_retransmits_total", COUNTER,
		"Segments sent again, by what they carried.");
	named(p, "kind", kind, again, COUNT_OF(kind));
	family(p, "leat_timer_fired_total", COUNTER, "Timers that fired.");
	named(p, "timer", timer, fired, COUNT_OF(timer));
	static const char *const ring[] = {"2msl"};
	static const uint32_t waiting[] = {WATCH_PRESENT + TCP_ST_TIME_WAIT},
			      places[] = {WATCH_C_PLACES};

	family(p, "leat_timer_entries", GAUGE, "Timers that run on the 2MSL ring.");
	named(p, "ring", ring, waiting, COUNT_OF(ring));
	family(p, "leat_timer_capacity", GAUGE, "Places on the 2MSL ring.");
	named(p, "ring", ring, places, COUNT_OF(ring));
}

static void print_shards(struct page *p)
{
	char text[NS_TEXT_MAX];

	single_seconds(p, "leat_shard_work_seconds_total", COUNTER,
		"Wall time of a shard's turns that had work, each until the next.",
		WATCH_C_BUSY_NS);
	family(p, "leat_shard_busy_seconds_total", COUNTER,
		"Time a shard spent at work, by stage, while somebody watches.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; k < WATCH_STAGE_CNT; k++)
			sample(p, &p->line[i], ns_text(p->line[i].cell[WATCH_STAGE + k], text),
				"stage=\"%s\"", leat_watch_stage_name(k));
	single(p, "leat_shard_turns_total", COUNTER, "Turns of a shard's loop.", WATCH_C_TURNS);
	single(p, "leat_shard_silent", GAUGE, "1: the shard does not turn.", WATCH_C_SILENT);
	single(p, "leat_shard_buffers_held", GAUGE, "Packet buffers that hold received text.",
		WATCH_C_RBUF_HELD);
	single(p, "leat_shard_received_bytes_total", COUNTER, "Octets of frames received.",
		WATCH_C_OCTETS_IN);
	single(p, "leat_shard_transmitted_bytes_total", COUNTER, "Octets of frames sent.",
		WATCH_C_OCTETS_OUT);
	single(p, "leat_shard_received_packets_total", COUNTER, "Frames received.",
		WATCH_C_FRAMES_IN);
	single(p, "leat_shard_transmitted_packets_total", COUNTER, "Frames sent.",
		WATCH_C_FRAMES_OUT);
}

/* off is how far opened is from ended and present together: the ledger does not balance. */
static uint64_t off(const uint64_t *c)
{
	uint64_t opened = c[WATCH_C_OPENED_ACTIVE] + c[WATCH_C_OPENED_PASSIVE], known = 0;

	for (uint32_t i = TCP_END_NONE + 1; i < TCP_END_CNT; i++)
		known += c[WATCH_ENDED + i];
	for (uint32_t i = TCP_ST_SYN_SENT; i < TCP_ST_CNT; i++)
		known += c[WATCH_PRESENT + i];
	return opened > known ? opened - known : known - opened;
}

static void print_ledger(struct page *p)
{
	family(p, "leat_ledger_unaccounted_connections", GAUGE,
		"Connections opened and neither ended nor there; anything but 0 is a fault of "
		"leat.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		sample(p, &p->line[i], number(off(p->line[i].cell)), NULL);
}

static void print_load(struct page *p)
{
	static const struct {
		const char *name, *help;
		uint32_t load;
	} number_of[] = {
		{"leat_planned_starts_total", "Connections due by the plan.", WATCH_L_PLANNED},
		{"leat_starts_total", "Connections that were begun.", WATCH_L_STARTED},
		{"leat_late_starts_total", "Of those begun: by more than 1 ms too late.",
			WATCH_L_LATE},
		{"leat_completed_total", "Exchanges carried out whole, and verified.",
			WATCH_L_COMPLETED},
	};

	for (uint32_t i = 0; i < COUNT_OF(number_of); i++)
		single(p, number_of[i].name, COUNTER, number_of[i].help,
			WATCH_LOAD + number_of[i].load);
	family(p, "leat_failed_total", COUNTER, "Connections that failed, by how.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; k < LOAD_FAIL_CNT; k++)
			sample(p, &p->line[i], number(p->line[i].cell[WATCH_FAIL + k]),
				"cause=\"%s\"", leat_load_fail_key((enum load_fail)k));
	family(p, "leat_not_started_total", COUNTER,
		"Connections due that were not begun, by why.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		for (uint32_t k = 0; k < LOAD_SKIP_CNT; k++)
			sample(p, &p->line[i], number(p->line[i].cell[WATCH_SKIP + k]),
				"cause=\"%s\"", leat_load_skip_key((enum load_skip)k));
	family(p, "leat_connect_duration_seconds", HISTOGRAM,
		"From the planned start of a connection to ESTABLISHED.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		buckets(p, &p->line[i], "", p->line[i].cell + WATCH_CONNECT,
			p->line[i].cell[WATCH_LOAD + WATCH_L_CONNECT_NS], 1);
	family(p, "leat_response_duration_seconds", HISTOGRAM,
		"From the last octet of a request to the last of its response.");
	for (uint32_t i = 0; i < p->line_cnt; i++)
		buckets(p, &p->line[i], "", p->line[i].cell + WATCH_RESPONSE,
			p->line[i].cell[WATCH_LOAD + WATCH_L_RESPONSE_NS], 1);
}

/* ---- of the instance ---- */

static void print_instance(struct page *p, bool ready)
{
	static const struct {
		enum watch_head head;
		enum type type;
		const char *name, *help;
	} device[] = {
		{WATCH_H_RX_OCTETS, COUNTER, "leat_port_receive_bytes_total",
			"Octets the device received."},
		{WATCH_H_RX_PACKETS, COUNTER, "leat_port_receive_packets_total",
			"Frames the device received."},
		{WATCH_H_RX_MISSED, COUNTER, "leat_port_receive_missed_total",
			"Frames the device had no descriptor for."},
		{WATCH_H_RX_NO_BUF, COUNTER, "leat_port_receive_no_buffer_total",
			"Frames the device had no packet buffer for."},
		{WATCH_H_RX_ERRORS, COUNTER, "leat_port_receive_errors_total",
			"Frames the device received broken."},
		{WATCH_H_TX_OCTETS, COUNTER, "leat_port_transmit_bytes_total",
			"Octets the device sent."},
		{WATCH_H_TX_PACKETS, COUNTER, "leat_port_transmit_packets_total",
			"Frames the device sent."},
		{WATCH_H_TX_ERRORS, COUNTER, "leat_port_transmit_errors_total",
			"Frames the device could not send."},
		{WATCH_H_LINK_UP, GAUGE, "leat_port_link_up", "1: the link is up."},
	};
	const uint64_t *head = p->s->head;
	char text[NS_TEXT_MAX];

	family(p, "leat_build_info", INFO, "Which leat this is.");
	sample(p, NULL, "1", "version=\"%s\",dpdk=\"%s\",verb=\"%s\"", p->s->version, p->s->dpdk,
		p->s->verb);
	family(p, "leat_ready", GAUGE, "1: who balances load should send some here.");
	sample(p, NULL, number(ready), NULL);
	family(p, "leat_up_seconds", GAUGE, "Since the shards began to turn.");
	sample(p, NULL, ns_text(head[WATCH_H_UP_NS], text), NULL);
	family(p, "leat_tcp_two_msl_seconds", GAUGE, "How long TIME-WAIT lasts.");
	sample(p, NULL, ns_text(head[WATCH_H_TWO_MSL_NS], text), NULL);
	family(p, "leat_tcp_two_msl_conformant", GAUGE,
		"1: as RFC 9293 has it; 0: MSL is below 1 s, for trials.");
	sample(p, NULL, number(text_two_msl_conforms(head[WATCH_H_TWO_MSL_NS])), NULL);
	family(p, "leat_pool_size", GAUGE, "Packet buffers.");
	sample(p, NULL, number(head[WATCH_H_POOL_SIZE]), NULL);
	family(p, "leat_pool_free", GAUGE, "Packet buffers that nobody holds.");
	sample(p, NULL, number(head[WATCH_H_POOL_FREE]), NULL);
	for (uint32_t i = 0; i < COUNT_OF(device); i++) {
		family(p, device[i].name, device[i].type, device[i].help);
		sample(p, NULL, number(head[device[i].head]), "device=\"%s\"", p->s->device);
	}
}

static void add_line(struct page *p, const uint64_t *cell, uint64_t role, uint32_t shard)
{
	struct line *l = &p->line[p->line_cnt++];

	l->cell = cell;
	if (p->form.sum)
		snprintf(l->label, LABEL_MAX, "role=\"%s\"", leat_watch_role_name(role));
	else
		snprintf(l->label, LABEL_MAX, "role=\"%s\",shard=\"%" PRIu32 "\"",
			leat_watch_role_name(role), shard);
}

static void add_lines(struct page *p)
{
	uint32_t roles = 0;

	for (uint32_t i = 0; i < p->s->shard_cnt; i++) {
		roles |= 1u << (p->s->cell[i][WATCH_C_ROLE] % WATCH_ROLE_CNT);
		if (!p->form.sum)
			add_line(p, p->s->cell[i], p->s->cell[i][WATCH_C_ROLE], i);
	}
	for (uint32_t role = 0; p->form.sum && role < WATCH_ROLE_CNT; role++) {
		if ((roles >> role & 1) == 0)
			continue;
		leat_watch_snapshot_sum(p->s, role, p->sum[role]);
		add_line(p, p->sum[role], role, 0);
	}
}

/* Only shards that run a client have numbers of a load. */
static void keep_clients(struct page *p)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < p->line_cnt; i++)
		if (strncmp(p->line[i].label, "role=\"client\"", 13) == 0)
			p->line[cnt++] = p->line[i];
	p->line_cnt = cnt;
}

void leat_metrics_print(
	const struct watch_snapshot *s, bool ready, struct metrics_form form, FILE *out)
{
	struct page p = {.s = s, .form = form, .out = out};

	add_lines(&p);
	print_instance(&p, ready);
	print_states(&p);
	print_opened(&p);
	family(&p, "leat_tcp_time_wait_total", COUNTER, "TIME-WAIT by what became of it.");
	group_of(&p, WATCH_OUTCOME, STACK_OUTCOME_MAX, "outcome");
	print_transitions(&p);
	family(&p, "leat_frames_total", COUNTER, "Frames received, by what became of them.");
	group_of(&p, WATCH_WIRE, WIRE_V_CNT, "verdict");
	family(&p, "leat_tcp_segments_total", COUNTER,
		"Segments received, by what became of them.");
	group_of(&p, WATCH_SEGMENT, TCP_V_CNT, "verdict");
	print_drops(&p);
	print_timers(&p);
	print_shards(&p);
	print_ledger(&p);
	print_histograms(&p);
	keep_clients(&p);
	if (p.line_cnt != 0)
		print_load(&p);
	if (form.open)
		fputs("# EOF\n", out);
}
