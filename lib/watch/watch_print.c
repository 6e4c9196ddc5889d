/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_print.h"

#include "base_bits.h"
#include "base_time.h"
#include "tcp_state.h"

#include <inttypes.h>
#include <string.h>

#define FOR_MAX 24 /* a duration */

static const struct {
	const char *filter, *ss, *ipvs;
} name_of[TCP_ST_CNT] = {
	[TCP_ST_NONE] = {"-", "UNCONN", "NONE"},
	[TCP_ST_CLOSED] = {"closed", "UNCONN", "CLOSE"},
	[TCP_ST_LISTEN] = {"listening", "LISTEN", "LISTEN"},
	[TCP_ST_SYN_SENT] = {"syn-sent", "SYN-SENT", "SYN_SENT"},
	[TCP_ST_SYN_RECEIVED] = {"syn-recv", "SYN-RECV", "SYN_RECV"},
	[TCP_ST_ESTABLISHED] = {"established", "ESTAB", "ESTABLISHED"},
	[TCP_ST_FIN_WAIT_1] = {"fin-wait-1", "FIN-WAIT-1", "FIN_WAIT"},
	[TCP_ST_FIN_WAIT_2] = {"fin-wait-2", "FIN-WAIT-2", "FIN_WAIT"},
	[TCP_ST_CLOSE_WAIT] = {"close-wait", "CLOSE-WAIT", "CLOSE_WAIT"},
	[TCP_ST_CLOSING] = {"closing", "CLOSING", "CLOSE"},
	[TCP_ST_LAST_ACK] = {"last-ack", "LAST-ACK", "LAST_ACK"},
	[TCP_ST_TIME_WAIT] = {"time-wait", "TIME-WAIT", "TIME_WAIT"},
};

/* The kernel's words for our timers (ss(8), timer:(...)). */
static const struct {
	const char *ours, *ss;
} timer_of[] = {
	{"rto", "on"},
	{"tlp", "on"},
	{"reorder", "on"},
	{"r2", "on"},
	{"keepalive", "keepalive"},
	{"persist", "persist"},
	{"2msl", "timewait"},
	{"fin-wait-2", "timewait"},
	{"delack", "on"},
};

const char *leat_watch_state_name(uint8_t state)
{
	return name_of[state < TCP_ST_CNT ? state : TCP_ST_NONE].filter;
}

/* Four digits at most, and the unit. */
static const char *duration(uint64_t ns, char *text)
{
	if (ns < TIME_MS)
		snprintf(text, FOR_MAX, "%" PRIu64 "us", ns / TIME_US);
	else if (ns < TIME_S)
		snprintf(text, FOR_MAX, "%" PRIu64 "ms", ns / TIME_MS);
	else if (ns < 60 * TIME_S)
		snprintf(text, FOR_MAX, "%" PRIu64 ".%" PRIu64 "s", ns / TIME_S,
			ns / (TIME_S / 10) % 10);
	else if (ns < 3600 * TIME_S)
		snprintf(text, FOR_MAX, "%" PRIu64 "m%02" PRIu64 "s", ns / (60 * TIME_S),
			ns / TIME_S % 60);
	else
		snprintf(text, FOR_MAX, "%" PRIu64 "h%02" PRIu64 "m", ns / (3600 * TIME_S),
			ns / (60 * TIME_S) % 60);
	return text;
}

const char *leat_watch_end_text(struct ip a, uint16_t p, char text[WATCH_END_MAX])
{
	char ip[IP_TEXT_MAX] = "*", port[8] = "*";
	bool any = (a.hi | a.lo) == 0;

	if (!any)
		leat_wire_ip_text(a, ip);
	if (p != 0)
		snprintf(port, sizeof(port), "%u", p);
	snprintf(text, WATCH_END_MAX, any || ip_is4(a) ? "%s:%s" : "[%s]:%s", ip, port);
	return text;
}

static const char *local_of(const struct watch_conn *c, char *text)
{
	return leat_watch_end_text(c->brief->tuple.local, c->brief->tuple.lport, text);
}

static const char *peer_of(const struct watch_conn *c, char *text)
{
	return leat_watch_end_text(c->brief->tuple.remote, c->brief->tuple.rport, text);
}

static uint64_t field(const struct watch_conn *c, enum watch_field of)
{
	uint64_t value;

	return leat_watch_field(c, of, &value) ? value : 0;
}

void leat_watch_print_head(enum watch_form form, FILE *out)
{
	if (form == WATCH_FORM_TEXT)
		fprintf(out, "%-11s %6s %6s %-22s %-22s %5s %-10s %6s %4s\n", "State", "Recv-Q",
			"Send-Q", "Local", "Peer", "Shard", "Timer", "Left", "Rtx");
	else if (form == WATCH_FORM_IPVS)
		fputs("pro expire state       source             destination\n", out);
}

static void text_row(const struct watch_conn *c, FILE *out)
{
	char local[WATCH_END_MAX], peer[WATCH_END_MAX], left[FOR_MAX] = "-";
	const char *timer = c->brief->timer.name;

	if (timer != NULL)
		duration(field(c, WATCH_LEFT), left);
	fprintf(out,
		"%-11s %6" PRIu64 " %6" PRIu64 " %-22s %-22s %5" PRIu32 " %-10s %6s %4" PRIu32 "\n",
		name_of[c->brief->state].ss, field(c, WATCH_RECV_Q), field(c, WATCH_SEND_Q),
		local_of(c, local), peer_of(c, peer), c->shard, timer != NULL ? timer : "-", left,
		c->brief->rtx_cnt);
}

static void ss_row(const struct watch_conn *c, FILE *out)
{
	char local[WATCH_END_MAX], peer[WATCH_END_MAX], left[FOR_MAX];
	const char *timer = c->brief->timer.name;

	fprintf(out, "%-10s %-6" PRIu64 " %-6" PRIu64 " %20s %20s", name_of[c->brief->state].ss,
		field(c, WATCH_RECV_Q), field(c, WATCH_SEND_Q), local_of(c, local),
		peer_of(c, peer));
	if (timer != NULL) {
		const char *word = "on";
		uint64_t ns = field(c, WATCH_LEFT);

		for (uint32_t i = 0; i < COUNT_OF(timer_of); i++)
			if (strcmp(timer_of[i].ours, timer) == 0)
				word = timer_of[i].ss;
		if (ns >= TIME_S && ns < 60 * TIME_S) /* as ss has it: 12sec, 1.2sec below ten */
			snprintf(left, sizeof(left), "%.*fsec", ns < 10 * TIME_S ? 1 : 0,
				(double)ns / (double)TIME_S);
		else if (ns >= 60 * TIME_S)
			snprintf(left, sizeof(left), "%" PRIu64 "min%" PRIu64 "sec",
				ns / (60 * TIME_S), ns / TIME_S % 60);
		else
			snprintf(left, sizeof(left), "%" PRIu64 "ms", ns / TIME_MS);
		fprintf(out, " timer:(%s,%s,%" PRIu32 ")", word, left, c->brief->tries);
	}
	fputc('\n', out);
}

static void ipvs_row(const struct watch_conn *c, FILE *out)
{
	char local[WATCH_END_MAX], peer[WATCH_END_MAX];
	uint64_t s = field(c, WATCH_LEFT) / TIME_S;

	fprintf(out, "TCP %02" PRIu64 ":%02" PRIu64 "  %-11s %-18s %s\n", s / 60, s % 60,
		name_of[c->brief->state].ipvs, peer_of(c, peer), local_of(c, local));
}

static void seconds(const struct watch_conn *c, const char *name, enum watch_field of, FILE *out)
{
	uint64_t ns;

	if (leat_watch_field(c, of, &ns))
		fprintf(out, ",\"%s\":%" PRIu64 ".%09" PRIu64, name, ns / TIME_S, ns % TIME_S);
}

static void json_detail(const struct leat_info *i, FILE *out)
{
	fprintf(out,
		",\"snd_una\":%" PRIu64 ",\"snd_nxt\":%" PRIu64 ",\"rcv_nxt\":%" PRIu64
		",\"cwnd\":%" PRIu32 ",\"ssthresh\":%" PRIu32 ",\"snd_wnd\":%" PRIu32
		",\"rcv_wnd\":%" PRIu32 ",\"mss\":%" PRIu32 ",\"srtt_us\":%" PRIu32
		",\"rttvar_us\":%" PRIu32 ",\"rto_us\":%" PRIu32 ",\"cc\":\"%s\",\"phase\":\"%s\"",
		i->snd_una, i->snd_nxt, i->rcv_nxt, i->cwnd, i->ssthresh, i->snd_wnd, i->rcv_wnd,
		i->mss, i->srtt_us, i->rttvar_us, i->rto_us, i->cc != NULL ? i->cc : "-",
		i->phase != NULL ? i->phase : "-");
	fprintf(out,
		",\"in_flight\":%" PRIu32 ",\"sacked\":%" PRIu32 ",\"lost\":%" PRIu32
		",\"sack\":%s,\"timestamps\":%s,\"ecn\":%s",
		i->in_flight, i->sacked, i->lost, i->sack_on ? "true" : "false",
		i->timestamps_on ? "true" : "false", i->ecn_on ? "true" : "false");
	if (i->wscale_on)
		fprintf(out, ",\"snd_wscale\":%u,\"rcv_wscale\":%u", i->snd_wscale, i->rcv_wscale);
	if (i->tally_on)
		fprintf(out, ",\"segs_in\":%" PRIu32 ",\"segs_out\":%" PRIu32, i->segs_in,
			i->segs_out);
}

static void json_row(const struct watch_conn *c, FILE *out)
{
	const struct stack_brief *b = c->brief;
	char local[WATCH_END_MAX], peer[WATCH_END_MAX];

	fprintf(out,
		"{\"state\":\"%s\",\"local\":\"%s\",\"peer\":\"%s\",\"shard\":%" PRIu32
		",\"role\":\"%s\",\"recv_q\":%" PRIu64 ",\"send_q\":%" PRIu64 ",\"rtx\":%" PRIu32,
		leat_watch_state_name(c->brief->state), local_of(c, local), peer_of(c, peer),
		c->shard, b->passive ? "server" : "client", field(c, WATCH_RECV_Q),
		field(c, WATCH_SEND_Q), b->rtx_cnt);
	if (b->timer.name != NULL)
		fprintf(out, ",\"timer\":\"%s\"", b->timer.name);
	seconds(c, "left_s", WATCH_LEFT, out);
	seconds(c, "age_s", WATCH_AGE, out);
	seconds(c, "idle_s", WATCH_IDLE, out);
	if (c->info != NULL)
		json_detail(c->info, out);
	fputs("}\n", out);
}

/* What ss -i has beneath a row. */
static void text_detail(const struct leat_info *i, FILE *out)
{
	fprintf(out,
		"\t %s rto:%" PRIu32 "us rtt:%" PRIu32 "us/%" PRIu32 "us mss:%" PRIu32
		" cwnd:%" PRIu32 " ssthresh:%" PRIu32 " wnd:%" PRIu32 "/%" PRIu32,
		i->cc != NULL ? i->cc : "-", i->rto_us, i->srtt_us, i->rttvar_us, i->mss, i->cwnd,
		i->ssthresh, i->snd_wnd, i->rcv_wnd);
	if (i->wscale_on)
		fprintf(out, " wscale:%u,%u", i->snd_wscale, i->rcv_wscale);
	fprintf(out, "%s%s%s", i->sack_on ? " sack" : "", i->timestamps_on ? " ts" : "",
		i->ecn_on ? " ecn" : "");
	fprintf(out,
		" unacked:%" PRIu64 " in-flight:%" PRIu32 " lost:%" PRIu32 " bytes_acked:%" PRIu64
		" bytes_received:%" PRIu64 "\n",
		i->snd_nxt - i->snd_una, i->in_flight, i->lost, i->snd_una, i->rcv_nxt);
}

void leat_watch_print(enum watch_form form, const struct watch_conn *c, FILE *out)
{
	switch (form) {
	case WATCH_FORM_TEXT:
		text_row(c, out);
		break;
	case WATCH_FORM_SS:
		ss_row(c, out);
		break;
	case WATCH_FORM_IPVS:
		ipvs_row(c, out);
		return;
	case WATCH_FORM_JSON:
		json_row(c, out);
		return;
	case WATCH_FORM_CNT:
		return;
	}
	if (c->info != NULL && c->brief->state != TCP_ST_TIME_WAIT)
		text_detail(c->info, out);
}
