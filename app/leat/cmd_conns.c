/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "ask.h"
#include "base_bits.h"
#include "instance.h"
#include "watch_filter.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct conns_options {
	const char *name; /* NULL: the only one */
	bool json, detail, summary, bare, kill, yes, follow;
	uint32_t form; /* index of form_words */
	bool get;
	uint32_t end_cnt; /* of get: words that came */
	char filter[INSTANCE_QUESTION_MAX / 2];
};

static const char *const form_words[] = {"text", "ss", "ipvs", "json", NULL};

#define AT(member) offsetof(struct conns_options, member)

static bool add_word(struct conns_options *o, const char *text, char *why, size_t size)
{
	size_t at = strlen(o->filter), room = sizeof(o->filter) - at;
	int octets = snprintf(o->filter + at, room, "%s%s", at > 0 ? " " : "", text);

	if (octets >= 0 && (size_t)octets < room && strchr(text, '\n') == NULL)
		return true;
	snprintf(why, size, "the filter is too long, or has more than one line");
	return false;
}

/* read_word adds one more word to the filter.  `kill FILTER` is --kill; `get LOCAL PEER` is a
 * filter that names both ends; `follow FILTER` is another question. */
static bool read_word(void *options, const char *text, char *why, size_t size)
{
	static const char *const end[] = {"src", "dst"};
	struct conns_options *o = options;
	bool first = o->filter[0] == '\0' && !o->get && !o->follow;

	if (first && strcmp(text, "get") == 0)
		return o->get = true;
	if (first && strcmp(text, "follow") == 0)
		return o->follow = true;
	if (first && strcmp(text, "kill") == 0 && !o->kill)
		return o->kill = true;
	if (o->get && o->end_cnt < COUNT_OF(end) && !add_word(o, end[o->end_cnt++], why, size))
		return false;
	return add_word(o, text, why, size);
}

STATIC_ASSERT(offsetof(struct conns_options, name) == 0, "as ASK_ROW_NAME has it");

static const struct opt_row row[] = {
	ASK_ROW_NAME,
	{.name = "info",
		.letter = 'i',
		.kind = OPT_KIND_FLAG,
		.at = AT(detail),
		.sentence = "what else is known of each, as ss -i"},
	{.name = "summary",
		.letter = 's',
		.kind = OPT_KIND_FLAG,
		.at = AT(summary),
		.sentence = "how many in each state, how long TIME-WAIT still lasts, the oldest"},
	{.name = "format",
		.letter = 'o',
		.kind = OPT_KIND_WORD,
		.at = AT(form),
		.metavar = "FORM",
		.fallback = "text",
		.words = form_words,
		.sentence = "text, json (a line each), ss (as ss -Htno), ipvs (as ipvsadm -Lcn)"},
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "the same as -o json"},
	{.name = "kill",
		.letter = 'K',
		.kind = OPT_KIND_FLAG,
		.at = AT(kill),
		.sentence = "end what FILTER means, with a reset, and list it; more than one only "
			    "with --yes"},
	{.name = "yes",
		.kind = OPT_KIND_FLAG,
		.at = AT(yes),
		.sentence = "with --kill: all of them"},
	{.name = "no-header",
		.letter = 'H',
		.kind = OPT_KIND_FLAG,
		.at = AT(bare),
		.sentence = "rows only: no line above and none below them"},
};

static void defaults(void *options)
{
	*(struct conns_options *)options = (struct conns_options){0};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	struct conns_options *o = options;

	(void)given;
	if (o->json && o->form != 0 && strcmp(form_words[o->form], "json") != 0) {
		snprintf(why, size, "-j with -o %s: leave one of them out", form_words[o->form]);
		return false;
	}
	if (o->kill && (o->detail || o->summary)) {
		snprintf(
			why, size, "--kill with -%c: leave one of them out", o->detail ? 'i' : 's');
		return false;
	}
	if (o->follow && (o->kill || o->detail || o->summary || (o->form != 0 && !o->json))) {
		snprintf(why, size, "follow has text or -j, and no other option");
		return false;
	}
	if (o->get && o->end_cnt < 2) {
		snprintf(why, size, "get: both ends are to be named: get LOCAL:PORT PEER:PORT");
		return false;
	}
	if (o->yes && !o->kill) {
		snprintf(why, size, "--yes is for --kill");
		return false;
	}
	if (o->json)
		o->form = COUNT_OF(form_words) - 2;
	return true;
}

const struct opt_verb leat_opt_conns = {
	.name = "conns",
	.one_line = "List the connections of a running instance, in the words of ss",
	.usage = "@ conns [OPTION]... [FILTER]\n       @ conns get LOCAL PEER\n       @ conns "
		 "follow [FILTER]",
	.prose =
		"ss, netstat and lsof see none of these: the kernel has no part in them.\n\n"
		"FILTER has the words of ss, and a few more:\n"
		"  state STATE, exclude STATE   established, time-wait, ... or all, connected,\n"
		"                               synchronized, bucket, big; without one all but\n"
		"                               listeners and closed ones; more than one add up\n"
		"  src ADDRESS, dst ADDRESS     ours, the peer's: 198.18.0.1, 198.18.0.0/16,\n"
		"                               [::1]:80, :80\n"
		"  sport, dport OP PORT         the same; OP: < <= = != >= > or lt le eq ne ge gt\n"
		"  left, age, idle OP T         T as 500ms or 5s: of the next timer, which in\n"
		"                               TIME-WAIT is 2MSL; since opened, since used\n"
		"  shard, rtx, recv-q, send-q OP N\n"
		"  timer NAME, role ROLE        rto, 2msl, ...; client or server\n"
		"  and or not ( )               none between two: and\n"
		"  sort KEY [desc], limit N     1000 rows unless `limit N` or `limit all` says "
		"so\n\n"
		"get looks one connection up.  follow prints what happens, until ^C: each opened,\n"
		"each change of state, each ended and why; what comes too fast is counted as "
		"lost.\n\n"
		"-o ipvs has the columns pro, expire, state, source and destination.  ipvsadm\n"
		"has a title above them and a column virtual between the last two: here the\n"
		"address that is asked for is the one that answers.\n\n"
		"Exit 0, 1 for a wrong option or filter, 3 when no such instance runs, or get\n"
		"finds no such connection, 5 when it ended meanwhile or does not answer.\n\n"
		"  @ conns state time-wait dst 198.18.0.17 left '<' 5s sort left\n"
		"  @ conns -s\n"
		"  @ conns -i dst 198.18.0.17:40211\n"
		"  @ conns get 198.18.128.1:80 198.18.0.17:40211\n"
		"  @ conns --kill --yes state close-wait age '>' 1min\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.words = leat_watch_filter_words,
	.stray = read_word,
	.defaults = defaults,
	.check = check,
};

/* ---- answers of which the lines count ---- */

static int asked_fd = -1;

/* stop asks for the end: what was told until now still comes. */
static void stop(int signal)
{
	(void)signal;
	shutdown(asked_fd, SHUT_WR);
}

/* lost_of is how many events a line tells the loss of; 0: it is an event itself. */
static uint64_t lost_of(const char *line)
{
	uint64_t cnt = 0;

	if (sscanf(line, "note: %" SCNu64 " events of shard", &cnt) != 1 &&
		sscanf(line, "{\"event\":\"lost\",\"shard\":%*u,\"cnt\":%" SCNu64, &cnt) != 1)
		cnt = 0;
	return cnt;
}

/* is_row says whether a line of an answer is a connection. */
static bool is_row(const char *line)
{
	return strncmp(line, "State ", 6) != 0 && strncmp(line, "pro ", 4) != 0 &&
	       strncmp(line, "note: ", 6) != 0 && strstr(line, "\"event\":\"silent\"") == NULL &&
	       strstr(line, " that match, of ") == NULL;
}

/* copy_lines writes the answer; follow: how many events it had, at its end. */
static int copy_lines(const struct conns_options *o, FILE *in)
{
	uint64_t rows = 0, lost = 0;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, in) > 0 && fputs(line, stdout) >= 0 && fflush(stdout) == 0) {
		uint64_t cnt = o->follow ? lost_of(line) : 0;

		lost += cnt;
		rows += cnt == 0 && is_row(line);
	}
	free(line);
	if (ferror(stdout))
		return OPT_EXIT_FAILED;
	if (o->follow)
		fprintf(stderr, "leat conns: %" PRIu64 " event%s, and %" PRIu64 " lost\n", rows,
			rows == 1 ? "" : "s", lost);
	return o->get && rows == 0 ? OPT_EXIT_RESOURCE : OPT_EXIT_OK;
}

static int ask_lines(const struct conns_options *o, const char *question)
{
	const struct sigaction act = {
		.sa_handler = stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
	int code, fd = leat_ask("conns", o->name, question, o->filter, &code);
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd < 0)
		return code;
	if (in == NULL) {
		fprintf(stderr, "leat conns: %s\n", strerror(errno));
		close(fd);
		return OPT_EXIT_FAILED;
	}
	asked_fd = fd;
	if (o->follow) {
		sigaction(SIGINT, &act, NULL);
		sigaction(SIGTERM, &act, NULL);
	}
	code = copy_lines(o, in);
	fclose(in);
	return code;
}

static int ask(const struct conns_options *o)
{
	char question[INSTANCE_QUESTION_MAX];

	snprintf(question, sizeof(question), "%s form=%s%s%s%s%s %s",
		o->kill     ? "kill"
		: o->follow ? "follow"
			    : "conns",
		form_words[o->form], o->detail ? " detail" : "", o->summary ? " summary" : "",
		o->bare ? " bare" : "", o->yes ? " yes" : "", o->filter);
	if (o->follow || (o->get && !o->summary))
		return ask_lines(o, question);
	return leat_ask_copy("conns", o->name, question, o->filter);
}

int leat_cmd_conns(int argc, char **argv)
{
	struct conns_options options;

	switch (leat_opt_parse(&leat_opt_conns, argc, argv, &options, NULL, stderr)) {
	case OPT_RESULT_OK:
		return ask(&options);
	case OPT_RESULT_HELP:
		leat_opt_help(&leat_opt_conns, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		break;
	}
	return OPT_EXIT_USAGE;
}
