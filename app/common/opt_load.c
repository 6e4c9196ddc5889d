/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_load.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "load_text.h"
#include "prog.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

#define NAME "load"

static const char *const close_words[] = {"server", "client", "reset", NULL};
static const char *const verify_words[] = {"auto", "length", "pattern", NULL};
static const char *const speak_words[] = {"http", "echo", "discard", "connect-only", NULL};

STATIC_ASSERT(COUNT_OF(close_words) == LOAD_CLOSE_CNT + 1, "in the order of enum load_close");
STATIC_ASSERT(COUNT_OF(speak_words) == LOAD_SPEAK_PROGRAM + 1, "in the order of enum load_speak");

static bool read_target(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;

	if (*text == '@' && text[1] != '\0' && o->target_file == NULL) {
		o->target_file = text + 1;
		return true;
	}
	if (*text == '@') {
		snprintf(why, size, "`%s`: %s", text,
			text[1] == '\0' ? "names no file; @targets.txt?"
					: "one file at most; put all into one");
		return false;
	}
	if (o->target_cnt == LOAD_TARGET_MAX) {
		snprintf(why, size,
			"`%s`: at most %d of them; ranges A-B:P-Q, or a file of them, "
			"@targets.txt?",
			text, LOAD_TARGET_MAX);
		return false;
	}
	return leat_load_target_parse(text, &o->target[o->target_cnt++], why, size);
}

/* prefix_range is all hosts of A/LEN. */
static bool prefix_range(const char *text, struct ip *from, struct ip *to)
{
	const char *slash = strchr(text, '/');
	char ip[IP_TEXT_MAX];
	unsigned bits;
	int end = 0;

	snprintf(ip, sizeof(ip), "%.*s", (int)(slash - text), text);
	if (!leat_wire_ip_parse(ip, from) || sscanf(slash, "/%3u%n", &bits, &end) != 1 ||
		slash[end] != '\0')
		return false;
	uint32_t width = ip_is4(*from) ? 32 : 128;
	if (bits > width || width - bits > 16)
		return false;
	uint64_t rest = (UINT64_C(1) << (width - bits)) - 1;

	*to = *from;
	from->lo &= ~rest;
	to->lo |= rest;
	if (rest > 1) { /* the network's own number and its broadcast address are no hosts */
		from->lo++;
		to->lo -= ip_is4(*to);
	}
	return true;
}

static bool read_sources(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;
	bool good = strchr(text, '/') != NULL
			    ? prefix_range(text, &o->source_from, &o->source_to)
			    : leat_load_range_parse(text, &o->source_from, &o->source_to);

	if (good && o->source_to.lo - o->source_from.lo < LOAD_SOURCE_MAX)
		return true;
	snprintf(why, size,
		"`%s` is no range of up to 65,536 addresses: 198.18.0.0/24, or "
		"198.18.0.1-198.18.0.254?",
		text);
	return false;
}

static bool read_source_ports(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;

	if (leat_load_ports_parse(text, &o->port_from, &o->port_to))
		return true;
	snprintf(why, size, "`%s` is no range of ports from 1 to 65535: 1024-65535?", text);
	return false;
}

static bool read_rate(void *options, const char *text, char *why, size_t size)
{
	return leat_load_rate_parse(text, &((struct load_options *)options)->rate_milli, why, size);
}

static bool read_think(void *options, const char *text, char *why, size_t size)
{
	static const struct dist_range range = {OPT_KIND_DURATION, 0, 3600 * TIME_S, "10ms"};

	return leat_dist_parse(&((struct load_options *)options)->think, &range, text, why, size);
}

static bool read_request(void *options, const char *text, char *why, size_t size)
{
	static const struct dist_range range = {OPT_KIND_OCTETS, 1, LOAD_POST_MAX, "64"};
	struct load_options *o = options;

	o->has_request = true;
	if (*text != '@')
		return leat_dist_parse(&o->request, &range, text, why, size);
	o->body_file = text + 1;
	if (*o->body_file != '\0')
		return true;
	snprintf(why, size, "`@` names no file; @body.json?");
	return false;
}

static bool read_response(void *options, const char *text, char *why, size_t size)
{
	static const struct dist_range range = {OPT_KIND_OCTETS, 0, SERVICE_BODY_MAX, "512"};
	struct load_options *o = options;

	o->has_response = strcmp(text, "any") != 0;
	return !o->has_response || leat_dist_parse(&o->response, &range, text, why, size);
}

/* A known program, or the text of one. */
static bool read_program(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;
	const char *near = leat_opt_nearest(text, speak_words);
	struct prog prog;

	for (uint32_t i = 0; speak_words[i] != NULL; i++) {
		if (strcmp(speak_words[i], text) == 0) {
			o->speak = (enum load_speak)i;
			return true;
		}
	}
	if (strpbrk(text, " ;{\n") == NULL && near != NULL) {
		snprintf(why, size, "`%s` is no program; did you mean %s?", text, near);
		return false;
	}
	o->speak = LOAD_SPEAK_PROGRAM;
	o->program = text;
	if (text[strspn(text, " ;\n")] == '\0') {
		snprintf(why, size, "`%s` does nothing; connect-only?", text);
		return false;
	}
	return leat_prog_parse(&prog, text, why, size);
}

static bool read_path(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;

	o->path = text;
	if (*text == '/' && strlen(text) < LOAD_PATH_TEXT_MAX &&
		text[strcspn(text, " \t\r\n")] == '\0')
		return true;
	snprintf(why, size, "`%s` is no path: / and at most %zu characters, no blanks", text,
		LOAD_PATH_TEXT_MAX - 1);
	return false;
}

static bool read_host(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;

	o->host = text;
	if (*text != '\0' && strlen(text) < 64 && text[strcspn(text, " \t\r\n")] == '\0')
		return true;
	snprintf(why, size, "`%s` is no name of a host: www.example?", text);
	return false;
}

static bool read_expect(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;

	if (o->rule_cnt == LOAD_EXPECT_MAX) {
		snprintf(why, size, "at most %d rules; leave `%s` out", LOAD_EXPECT_MAX, text);
		return false;
	}
	return leat_load_rule_parse(&o->rule[o->rule_cnt++], text, why, size);
}

static bool read_segment(void *options, const char *text, char *why, size_t size)
{
	struct load_options *o = options;
	int end = 0;

	if (sscanf(text, "%4u/%4u%n", &o->segment, &o->segment_cnt, &end) == 2 &&
		text[end] == '\0' && o->segment >= 1 && o->segment <= o->segment_cnt)
		return true;
	snprintf(why, size, "`%s` is no part of a whole: 2/5 is the second of five", text);
	return false;
}

static bool read_report(void *options, const char *text, char *why, size_t size)
{
	((struct load_options *)options)->report = text;
	snprintf(why, size, "needs the name of a directory: runs/monday?");
	return *text != '\0';
}

static bool read_formats(void *options, const char *text, char *why, size_t size)
{
	((struct load_options *)options)->formats = text;
	snprintf(why, size, "needs one at least: json,html?");
	return *text != '\0';
}

static bool read_start_at(void *options, const char *text, char *why, size_t size)
{
	uint64_t at; /* who starts it reads it again, by his clock */

	((struct load_options *)options)->start_at = text;
	return leat_when_read(text, 0, &at, why, size);
}

#define AT(member) offsetof(struct load_options, member)

/* The rows of serve that are ours as well, by name. */
static const char *const of_serve[] = {"tap", "vdev", "device", "address", "gateway", "vlan", "mtu",
	"shards", "lcores", "hugepages", "buffers", "time-wait", "time-wait-rst", "time-wait-max",
	"time-wait-full", "congestion", "sack", "timestamps", "window-scale", "ecn", "nagle",
	"ack-delay", "ack-every", "initial-window", "send-buffer", "receive-buffer", "loss",
	"reorder", "impair-in", "impair-out", "grace", "eal", "metrics", "ctl-group", "name",
	"verbose"};

static const struct opt_row own[] = {
	{.name = "target",
		.letter = 't',
		.kind = OPT_KIND_OTHER,
		.read = read_target,
		.metavar = "A[-B]:P[-Q]|@FILE",
		.sentence = "where to connect to, pair after pair of address and port; port 80 "
			    "when none is given; @FILE: one such a line"},
	{.name = "sources",
		.kind = OPT_KIND_OTHER,
		.read = read_sources,
		.metavar = "A/LEN|A-B",
		.sentence = "addresses of ours to connect from, taken in turn; without it the "
			    "first --address"},
	{.name = "source-ports",
		.kind = OPT_KIND_OTHER,
		.read = read_source_ports,
		.metavar = "P-Q",
		.fallback = "1024-65535",
		.sentence = "ports to connect from"},
	{.name = "rate",
		.letter = 'r',
		.kind = OPT_KIND_OTHER,
		.read = read_rate,
		.metavar = "R",
		.sentence = "connections begun a second, such as 200k/s, whatever the peer does: "
			    "an open load; without it it is closed"},
	{.name = "ramp",
		.kind = OPT_KIND_DURATION,
		.at = AT(ramp_ns),
		.to = LOAD_RAMP_NS_MAX,
		.metavar = "T",
		.fallback = "0s",
		.sentence = "from nothing to the full rate, or number in flight, in so long"},
	{.name = "duration",
		.letter = 'd',
		.kind = OPT_KIND_DURATION,
		.at = AT(duration_ns),
		.to = LOAD_PLAN_NS_MAX - LOAD_RAMP_NS_MAX,
		.metavar = "T",
		.fallback = "10s",
		.sentence = "how long after the ramp; 0s: until --total, or ^C"},
	{.name = "total",
		.kind = OPT_KIND_NUMBER,
		.at = AT(total),
		.to = UINT64_C(1000000000000),
		.metavar = "N",
		.sentence = "no more connections than so many"},
	{.name = "concurrency",
		.letter = 'c',
		.kind = OPT_KIND_NUMBER,
		.at = AT(concurrency),
		.from = 1,
		.to = SERVE_CONNECTIONS_MAX,
		.metavar = "N",
		.sentence = "closed: connections held in flight, exactly (64); open: at most, "
			    "beyond which planned ones wait (a second's, 1,024 to 65,536)"},
	{.name = "closes",
		.kind = OPT_KIND_WORD,
		.at = AT(close),
		.metavar = "WHO",
		.fallback = "client",
		.words = close_words,
		.sentence = "who closes first and so waits 2MSL: server, client, or reset: nobody"},
	{.name = "requests",
		.kind = OPT_KIND_NUMBER,
		.at = AT(requests),
		.from = 1,
		.to = 1000000000,
		.metavar = "N",
		.fallback = "1",
		.sentence = "of each connection, one after the other"},
	{.name = "think",
		.kind = OPT_KIND_OTHER,
		.read = read_think,
		.metavar = "T",
		.fallback = "0s",
		.sentence = "between a response and the next request; may be drawn, as "
			    "uniform:1ms-9ms, exp:5ms-1s, list:1ms*9,1s"},
	{.name = "half-close",
		.kind = OPT_KIND_FLAG,
		.at = AT(half_close),
		.sentence = "our FIN follows the last request, before its response"},
	{.name = "program",
		.letter = 'p',
		.kind = OPT_KIND_OTHER,
		.read = read_program,
		.metavar = "WHAT",
		.fallback = "http",
		.sentence = "http, echo, discard, connect-only, or a text such as 'send 64; expect "
			    "1KiB; close' (docs/load.md)"},
	{.name = "path",
		.kind = OPT_KIND_OTHER,
		.read = read_path,
		.metavar = "PATH",
		.sentence = "what to ask for; without it /, or /bytes/N where --body is given"},
	{.name = "host",
		.kind = OPT_KIND_OTHER,
		.read = read_host,
		.metavar = "NAME",
		.fallback = "leat",
		.sentence = "of the Host field"},
	{.name = "request",
		.kind = OPT_KIND_OTHER,
		.read = read_request,
		.metavar = "N|@FILE",
		.sentence = "octets that each request carries, which makes http POST; they may be "
			    "drawn, as with --think; @FILE: its content"},
	{.name = "body",
		.kind = OPT_KIND_OTHER,
		.read = read_response,
		.metavar = "N",
		.fallback = "any",
		.sentence = "octets that each response must carry; they may be drawn; any: as it "
			    "announces"},
	{.name = "verify",
		.kind = OPT_KIND_WORD,
		.at = AT(verify),
		.metavar = "HOW",
		.fallback = "auto",
		.words = verify_words,
		.sentence = "length, or pattern: each octet is that of its place, as leat serve "
			    "sends them; auto: pattern, but length for http with --path or any "
			    "--body"},
	{.name = "timeout",
		.kind = OPT_KIND_DURATION,
		.at = AT(timeout_ns),
		.to = 3600 * TIME_S,
		.metavar = "T",
		.fallback = "10s",
		.sentence = "how long each step of a connection may take; 0s: TCP's own limits"},
	{.name = "late-max",
		.kind = OPT_KIND_DURATION,
		.at = AT(late_max_ns),
		.from = TIME_MS,
		.to = 3600 * TIME_S,
		.metavar = "T",
		.fallback = "1s",
		.sentence = "open: what cannot begin within so long of its planned instant is not "
			    "begun, and counted"},
	OPT_TCP_CONNECT_ROW(AT(serve.tcp)),
	{.name = "connections",
		.kind = OPT_KIND_NUMBER,
		.at = AT(serve.connections),
		.from = 64,
		.to = UINT64_C(400000000),
		.metavar = "N",
		.sentence = "records, with those in TIME-WAIT, all shards; without it as many as "
			    "the plan needs"},
	{.name = "expect",
		.letter = 'e',
		.kind = OPT_KIND_OTHER,
		.read = read_expect,
		.metavar = "RULE",
		.sentence = "what the run must show, as 'connect_p99 < 500us'; up to 16; without "
			    "any: errors == 0, and for an open load achieved >= 99%"},
	{.name = "seed",
		.kind = OPT_KIND_NUMBER,
		.at = AT(seed),
		.from = 1,
		.to = UINT64_C(999999999999999999),
		.metavar = "N",
		.sentence = "draw the same sizes, pauses and lost frames again; without it they "
			    "are new and the seed is in the report"},
	{.name = "segment",
		.kind = OPT_KIND_OTHER,
		.read = read_segment,
		.metavar = "I/N",
		.fallback = "1/1",
		.sentence = "of a plan that N generators share, begin every N-th connection"},
	{.name = "paused",
		.kind = OPT_KIND_FLAG,
		.at = AT(paused),
		.sentence =
			"get ready, and wait for the word to begin: leat ctl start, or SIGUSR1"},
	{.name = "start-at",
		.kind = OPT_KIND_OTHER,
		.read = read_start_at,
		.metavar = "WHEN",
		.sentence = "begin at this instant: 2026-11-21T09:30:00Z, seconds since 1970, or "
			    "+10s from now; planned starts count from it, also when we are late"},
	{.name = "abort-at-end",
		.kind = OPT_KIND_FLAG,
		.at = AT(abort_at_end),
		.sentence = "when the plan or ^C ends the run, reset at once what is still open, "
			    "instead of waiting for it for --grace and closing it with a FIN; it "
			    "counts as stopped early, not as failed"},
	{.name = "anyway",
		.kind = OPT_KIND_FLAG,
		.at = AT(anyway),
		.sentence = "begin although there are too few pairs of address and port; the "
			    "verdict is then inconclusive at best"},
	{.name = "report",
		.kind = OPT_KIND_OTHER,
		.read = read_report,
		.metavar = "DIR",
		.sentence = "write the run as files into this directory, which is made: "
			    "report.json, report.html and more (docs/report.md)"},
	{.name = "formats",
		.kind = OPT_KIND_OTHER,
		.read = read_formats,
		.metavar = "WHAT,...",
		.sentence = "which files of --report: json, html, hlog, csv, config, env; without "
			    "it all"},
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "the result as one JSON object (leat.run/1), nothing else on stdout"},
};

#define ROW_CNT (COUNT_OF(of_serve) + COUNT_OF(own))

STATIC_ASSERT(ROW_CNT + 2 <= OPT_ROW_MAX, "all rows in one table, and two of leat's");

/* The device's rows, then ours, then the machine's and TCP's. */
static struct opt_row row[ROW_CNT];

#define FIRST_CNT 7 /* of those of serve: what a reader of the help wants before ours */

static void take_row(uint32_t at, const char *name)
{
	for (uint32_t k = 0; k < leat_opt_serve.row_cnt; k++)
		if (strcmp(leat_opt_serve.row[k].name, name) == 0)
			row[at] = leat_opt_serve.row[k];
	ASSERT(row[at].name != NULL);
	if (strcmp(name, "name") == 0)
		row[at].fallback = NAME;
	if (strcmp(name, "grace") == 0)
		row[at].sentence =
			"when the plan ends, and after ^C, how long connections may take "
			"to finish";
}

/* compose runs before main: tables are data, and this one is made of two. */
__attribute__((constructor)) static void compose(void)
{
	for (uint32_t i = 0; i < COUNT_OF(of_serve); i++)
		take_row(i < FIRST_CNT ? i : i + (uint32_t)COUNT_OF(own), of_serve[i]);
	memcpy(&row[FIRST_CNT], own, sizeof(own));
}

static void defaults(void *options)
{
	struct load_options *o = options;

	*o = (struct load_options){.port_from = 1024,
		.port_to = 65535,
		.duration_ns = 10 * TIME_S,
		.requests = 1,
		.close = LOAD_CLOSE_CLIENT,
		.request = dist_fixed(64),
		.host = "leat",
		.timeout_ns = 10 * TIME_S,
		.late_max_ns = TIME_S,
		.segment = 1,
		.segment_cnt = 1};
	leat_opt_serve.defaults(&o->serve);
	o->serve.name = NAME;
	o->serve.connections = 0;
}

static bool was_given(uint64_t given, const char *name)
{
	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		if (strcmp(row[i].name, name) == 0)
			return opt_given(given, i);
	return false;
}

/* What has no object with a program that is not http. */
static const char *const of_http[] = {"path", "host", "half-close", "body"};

static bool thinks(const struct load_options *o)
{
	return o->think.b != 0 || o->think.item_cnt != 0;
}

static bool check_program(const struct load_options *o, uint64_t given, char *why, size_t size)
{
	for (uint32_t i = 0; o->speak != LOAD_SPEAK_HTTP && i < COUNT_OF(of_http); i++) {
		if (was_given(given, of_http[i])) {
			snprintf(why, size, "--%s is of http; leave it out, or --program",
				of_http[i]);
			return false;
		}
	}
	bool sized = o->speak == LOAD_SPEAK_ECHO || o->speak == LOAD_SPEAK_DISCARD;
	bool asks = sized || o->speak == LOAD_SPEAK_HTTP;
	if (!asks && (o->requests > 1 || thinks(o))) {
		snprintf(why, size, "--%s is of http, echo and discard; %s",
			o->requests > 1 ? "requests" : "think",
			o->speak == LOAD_SPEAK_PROGRAM
				? "a text says it itself, with loop and wait; leave it out"
				: "leave it out, or --program");
		return false;
	}
	/* RFC 862, RFC 863: until the calling user terminates the connection. */
	if (sized && o->close == LOAD_CLOSE_SERVER) {
		snprintf(why, size,
			"--closes: a server of echo or discard does not close first, and each "
			"connection would wait for it until --timeout; client or reset?");
		return false;
	}
	if (thinks(o) && o->requests == 1) {
		snprintf(why, size,
			"--think is between two requests of a connection, and there is one; give "
			"--requests of 2 or more, or leave it out");
		return false;
	}
	if (o->speak != LOAD_SPEAK_HTTP && o->has_request && (!sized || o->body_file != NULL)) {
		snprintf(why, size, "--request: %s; leave it out",
			sized ? "a file is for http" : "this program says itself what it sends");
		return false;
	}
	return true;
}

static bool check_plan(struct load_options *o, uint64_t given, char *why, size_t size)
{
	if (o->total != 0 && !was_given(given, "duration"))
		o->duration_ns = 0;
	o->any_concurrency = o->concurrency == 0;
	if (o->any_concurrency)
		o->concurrency = o->rate_milli == 0
					 ? 64
					 : u64_max(1024, u64_min(o->rate_milli / 1000, 65536));
	if (o->concurrency < o->serve.shards) {
		snprintf(why, size, "--concurrency: %ju for %ju shards; at least one for each",
			(uintmax_t)o->concurrency, (uintmax_t)o->serve.shards);
		return false;
	}
	if (o->rate_milli == 0 && was_given(given, "late-max")) {
		snprintf(why, size, "--late-max is of an open load; give --rate, or leave it out");
		return false;
	}
	return true;
}

/* check_target says whether ip can be sent to. */
static bool check_target(const struct load_options *o, struct ip ip, char *why, size_t size)
{
	const char *what = leat_opt_serve_no_peer(&o->serve, ip, false);
	char text[IP_TEXT_MAX];

	if (!ip_is_any(o->source_from) && ip.hi == o->source_from.hi &&
		ip.lo >= o->source_from.lo && ip.lo <= o->source_to.lo)
		what = "one of our own --sources";
	if (what == NULL && leat_opt_serve_reaches(&o->serve, ip))
		return true;
	leat_wire_ip_text(ip, text);
	if (what != NULL)
		snprintf(why, size, "--target: `%s` is %s; give one of somebody else", text, what);
	else
		snprintf(why, size,
			"--target: `%s` is in the prefix of no --address; correct one, or give the "
			"--gateway to it",
			text);
	return false;
}

bool leat_opt_load_reaches(
	const struct load_options *o, const struct load_target *t, char *why, size_t size)
{
	bool four = ip_is4(o->source_from);

	if (!ip_is_any(o->source_from) && (t->first.family == 4) != four) {
		snprintf(why, size, "--sources: %s, but a --target is not; leave one of them out",
			four ? "IPv4" : "IPv6");
		return false;
	}
	for (uint32_t i = 0; i < t->addr_cnt; i++)
		if (!check_target(o, load_addr_nth(&t->first, i), why, size))
			return false;
	return true;
}

static bool check_sources(const struct load_options *o, char *why, size_t size)
{
	char text[IP_TEXT_MAX];
	uint64_t cnt = ip_is_any(o->source_from) ? 0 : o->source_to.lo - o->source_from.lo + 1;

	for (uint64_t i = 0; i < cnt; i++) {
		const struct ip ip = {o->source_from.hi, o->source_from.lo + i};
		const char *what = leat_opt_serve_no_peer(&o->serve, ip, true);

		if (what == NULL)
			continue;
		leat_wire_ip_text(ip, text);
		snprintf(why, size, "--sources: `%s` is %s; give addresses of hosts", text, what);
		return false;
	}
	return true;
}

/* add_rule adds a default, unless a rule that was given names the same. */
static void add_rule(struct load_options *o, const char *text)
{
	struct load_rule rule;
	char why[OPT_WHY_MAX];

	leat_load_rule_parse(&rule, text, why, sizeof(why));
	for (uint32_t i = 0; i < o->rule_cnt; i++)
		if (o->rule[i].metric == rule.metric)
			return;
	if (o->rule_cnt < LOAD_EXPECT_MAX)
		o->rule[o->rule_cnt++] = rule;
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	struct load_options *o = options;

	if (o->serve.tap == NULL && o->serve.vdev == NULL && o->serve.device == NULL) {
		snprintf(why, size,
			"no device to send over: --tap leat0, --vdev ARGS or --device DEVICE?");
		return false;
	}
	if (o->serve.address_cnt == 0) {
		snprintf(why, size, "no address of ours: --address 198.18.0.2/24?");
		return false;
	}
	if (o->target_cnt == 0 && o->target_file == NULL) {
		snprintf(why, size, "nowhere to connect to: --target 198.18.0.1:80?");
		return false;
	}
	if (o->paused && o->start_at != NULL) {
		snprintf(why, size,
			"--paused waits for a word, --start-at for an instant; leave "
			"one of them out (leat ctl start takes an instant, too)");
		return false;
	}
	if (o->formats != NULL && o->report == NULL) {
		snprintf(why, size, "--formats are of --report; give it a directory");
		return false;
	}
	if (!check_program(o, given, why, size) || !check_plan(o, given, why, size))
		return false;
	add_rule(o, "errors == 0");
	if (o->rate_milli != 0)
		add_rule(o, "achieved >= 99%");
	if (!check_sources(o, why, size))
		return false;
	for (uint32_t i = 0; i < o->target_cnt; i++)
		if (!leat_opt_load_reaches(o, &o->target[i], why, size))
			return false;
	if (!leat_opt_serve.check(&o->serve, 0, why, size))
		return false;
	o->serve.listen_cnt = 0; /* here nobody serves */
	return true;
}

const struct opt_verb leat_opt_load = {
	.name = "load",
	.one_line = "Open connections by a plan, verify all that comes back, end with a verdict",
	.usage = "@ load (--tap NAME | --vdev ARGS | --device DEVICE) --address A/LEN --target A:P "
		 "[OPTION]...",
	.prose =
		"An open load (--rate) begins each connection at its planned instant and measures\n"
		"from there, whatever the peer does; a closed one holds --concurrency in flight.\n"
		"A connection counts as completed when all was exchanged, verified and closed.\n\n"
		"Before it begins it tells how many pairs of address and port the plan needs at\n"
		"this 2MSL, and does not begin with too few.  ^C ends the run in order, with a\n"
		"partial report; a second one cuts.\n\n"
		"A second that comes to less than was planned has a line `why`; leat ctl why says\n"
		"what it is now, and leat ctl rate has the plan go on at another rate.\n\n"
		"Exit 0: pass, 99: an expectation was not met, 98: inconclusive, the generator\n"
		"was the limit; 1 for wrong options, 2 for options that no stack can be made of,\n"
		"3 without the memory, cores or tuples, 4 without the device, 5 when a target\n"
		"or the gateway is not there at all, or its counts do not add up.\n\n"
		"  @ load --tap leat0 -a 198.18.0.2/24 -t 198.18.0.1:80 --rate 1000/s -d 10s\n"
		"  @ load --vdev net_af_packet0,iface=veth1 -a 198.18.0.2/24 -t 198.18.0.1:7\n"
		"     -p echo --request exp:1KiB-64KiB -c 100 -e 'whole_p99 < 5ms'\n",
	.row = row,
	.row_cnt = ROW_CNT,
	.defaults = defaults,
	.check = check,
};

const struct opt_verb leat_opt_plan_load = {
	.name = "plan load",
	.one_line =
		"What load with these options would take, and what its rate needs; touches nothing",
	.usage =
		"@ plan load (--tap NAME | --vdev ARGS | --device DEVICE) --address A/LEN --target "
		"A:P [OPTION]...",
	.prose =
		"Each kind of record, of one shard and of all; the cores; how many pairs of "
		"address\n"
		"and port the rate needs at this 2MSL, how many there are, the highest rate.\n\n"
		"Exit 0 when it can be had, 1 for wrong options, 2 for options that no stack can\n"
		"be made of, 3 without the memory, cores or pairs; then stderr says what to "
		"add.\n\n"
		"  @ plan load --tap leat0 -a 198.18.0.2/24 -t 198.18.0.1:80 --rate 5k/s -d 1min\n",
	.row = row,
	.row_cnt = ROW_CNT,
	.defaults = defaults,
	.check = check,
};
