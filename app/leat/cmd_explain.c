/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "base_bits.h"
#include "load_count.h"
#include "text.h"
#include "watch_word.h"

#include <string.h>

#define WORDS_MAX 32
#define NAMES_MAX 512

struct explain_options {
	bool json;
	const char *name[WORDS_MAX];
	uint32_t name_cnt;
};

#define AT(member) offsetof(struct explain_options, member)

static bool read_name(void *options, const char *text, char *why, size_t size)
{
	struct explain_options *o = options;

	if (o->name_cnt == WORDS_MAX) {
		snprintf(why, size, "at most %d words at a time", WORDS_MAX);
		return false;
	}
	o->name[o->name_cnt++] = text;
	return true;
}

static const struct opt_row row[] = {
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "a line of JSON for each"},
};

static void defaults(void *options)
{
	*(struct explain_options *)options = (struct explain_options){0};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	(void)options;
	(void)given;
	(void)why;
	(void)size;
	return true;
}

const struct opt_verb leat_opt_explain = {
	.name = "explain",
	.one_line = "Say what a counter, a drop reason, a verdict or an ending means",
	.usage = "@ explain [OPTION]... [NAME]...",
	.prose = "Without a NAME: all there are.\n\n"
		 "Exit 0, 1 when there is no such word; the others are explained all the same;\n"
		 "5 when this could not be written.\n\n"
		 "  @ explain drop_tcp_csum\n"
		 "  @ explain -j\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.stray = read_name,
	.defaults = defaults,
	.check = check,
};

/* ---- words of a load ---- */

/* What a load counts beside its reasons, and how it ends. */
static const struct load_word {
	const char *name, *sentence;
} load_word[] = {
	{"planned", "Connections that the plan had due."},
	{"started", "Connections of the plan that were begun."},
	{"late", "Connections that the generator began later than planned."},
	{"connected", "Connections that became ESTABLISHED."},
	{"completed",
		"Exchanges carried out whole, each octet verified, and closed in both directions."},
	{"failed",
		"Connections that were begun and did not complete: the reasons are counted each."},
	{"not_started",
		"Connections of the plan that were never begun: the reasons are counted each."},
	{"in_flight", "Connections begun that have not ended."},
	{"verdict", "How a load ended: pass, fail or inconclusive."},
	{"pass", "A verdict: every expectation was met."},
	{"fail", "A verdict: an expectation was not met, and the generator was not what broke it."},
	{"inconclusive", "A verdict: the generator was the limit, or the run was cut short."},
	{"why", "What kept a load from its plan, or keeps it from being faster: leat ctl why."},
};

/* The timers of leat conns and leat top. */
static const struct {
	const char *name, *where, *sentence;
} timer[] = {
	{"rto", "RFC 6298", "A timer: what was sent and is not acknowledged goes again."},
	{"persist", "RFC 9293 3.8.6.1", "A timer: the peer's window is closed, and is probed."},
	{"keepalive", "RFC 9293 3.8.4",
		"A timer: nothing was heard for long, and the peer is probed."},
	{"tlp", "RFC 8985 7.2", "A timer: the tail of what was sent is probed before the RTO."},
	{"reorder", "RFC 8985 6.2",
		"A timer: what was not heard of by then is lost, not reordered."},
	{"r2", "RFC 9293 3.8.3",
		"A timer: nothing was acknowledged for so long that it is given up."},
	{"delack", "RFC 9293 3.8.6.3", "A timer: an ACK that was put off is sent."},
	{"2msl", "RFC 9293 3.6.1", "A timer: TIME-WAIT ends."},
	{"fin-wait-2", "RFC 1122 4.2.2.13", "A timer: FIN-WAIT-2 of a closed connection ends."},
};

static const char *const fail_sentence[LOAD_FAIL_CNT] = {
	[LOAD_FAIL_REFUSED] = "Our SYN was answered by a reset, or an ICMP error that forbids it.",
	[LOAD_FAIL_SYN_TIMEOUT] = "Our SYN was not answered in time.",
	[LOAD_FAIL_RESET] = "The peer reset it before the exchange was done.",
	[LOAD_FAIL_RESPONSE_TIMEOUT] = "It was open, and the next step did not come in time.",
	[LOAD_FAIL_CLOSE_TIMEOUT] = "All was exchanged, and the peer did not close in time.",
	[LOAD_FAIL_RESPONSE] =
		"The response was not HTTP, not 200, or of another length than it must be.",
	[LOAD_FAIL_OCTETS] = "An octet of the body was wrong.",
	[LOAD_FAIL_SHORT] = "The peer closed before the exchange was done.",
	[LOAD_FAIL_LONG] = "More came than was announced.",
	[LOAD_FAIL_CUT] = "We reset it, as the grace at the end of the run was over.",
};

static const char *const skip_sentence[LOAD_SKIP_CNT] = {
	[LOAD_SKIP_NO_PORT] = "Every local port was taken, most of them by TIME-WAIT.",
	[LOAD_SKIP_NO_ROOM] = "A table of the stack was full.",
	[LOAD_SKIP_LIMIT] = "So many were in flight already as may be.",
	[LOAD_SKIP_LATE] = "The generator itself came too late.",
	[LOAD_SKIP_STOPPED] = "It was due when the run was stopped.",
	[LOAD_SKIP_WAITING] = "There was no place in TIME-WAIT for one more.",
};

static const char *const hist_sentence[LOAD_HIST_CNT] = {
	[LOAD_HIST_CONNECT] = "From the planned start to ESTABLISHED.",
	[LOAD_HIST_FIRST] = "From the planned start to the first octet of the peer.",
	[LOAD_HIST_WHOLE] = "From the planned start to the last octet of the last response.",
	[LOAD_HIST_SERVICE] =
		"From the real start to the last octet of the last response: uncorrected.",
	[LOAD_HIST_RESPONSE] = "Of each request, from its last octet sent to its response.",
	[LOAD_HIST_LATE] = "From the planned start to the real one.",
};

#define LOAD_WORD_CNT (COUNT_OF(load_word) + LOAD_FAIL_CNT + LOAD_SKIP_CNT + LOAD_HIST_CNT)

/* load_word_at is the i-th of all, with its kind; its name is what stands in files. */
static struct load_word load_word_at(uint32_t i, const char **kind)
{
	*kind = "load";
	if (i < COUNT_OF(load_word))
		return load_word[i];
	i -= (uint32_t)COUNT_OF(load_word);
	*kind = "load-fail";
	if (i < LOAD_FAIL_CNT)
		return (struct load_word){leat_load_fail_key((enum load_fail)i), fail_sentence[i]};
	i -= LOAD_FAIL_CNT;
	*kind = "load-skip";
	if (i < LOAD_SKIP_CNT)
		return (struct load_word){leat_load_skip_key((enum load_skip)i), skip_sentence[i]};
	i -= LOAD_SKIP_CNT;
	*kind = "load-time";
	return (struct load_word){leat_load_hist_key((enum load_hist)i), hist_sentence[i]};
}

/* ---- printing ---- */

/* print_word: where is the text that it rests on, or "-". */
static void print_word(
	const char *kind, const char *name, const char *where, const char *sentence, bool json)
{
	bool rfc = strcmp(where, "-") != 0;

	if (json) /* nothing in the tables wants an escape */
		printf("{\"schema\":\"leat.word/1\",\"kind\":\"%s\",\"name\":\"%s\","
		       "\"where\":%s%s%s,\"sentence\":\"%s\"}\n",
			kind, name, rfc ? "\"" : "", rfc ? where : "null", rfc ? "\"" : "",
			sentence);
	else
		printf("%-10s %-20s %s%s%s%s\n", kind, name, sentence, rfc ? " (" : "",
			rfc ? where : "", rfc ? ")" : "");
}

static void print(const struct watch_word *w, bool json)
{
	print_word(leat_watch_word_kind_name(w->kind), w->name, w->where, w->sentence, json);
}

/* print_load prints those called name, NULL: all; it gives how many. */
static uint32_t print_load(const char *name, bool json)
{
	const char *kind;
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < LOAD_WORD_CNT; i++) {
		const struct load_word w = load_word_at(i, &kind);

		if (name != NULL && strcmp(name, w.name) != 0)
			continue;
		cnt++;
		print_word(kind, w.name, "-", w.sentence, json);
	}
	return cnt;
}

/* print_timer does so for the timers. */
static uint32_t print_timer(const char *name, bool json)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < COUNT_OF(timer); i++) {
		if (name != NULL && strcmp(name, timer[i].name) != 0)
			continue;
		cnt++;
		print_word("timer", timer[i].name, timer[i].where, timer[i].sentence, json);
	}
	return cnt;
}

static void list(bool json)
{
	const struct watch_word *w;

	for (uint32_t i = 0; (w = leat_watch_word(i)) != NULL; i++)
		print(w, json);
	print_load(NULL, json);
	print_timer(NULL, json);
}

static int unknown(const char *name)
{
	const char *names[NAMES_MAX], *kind;
	const struct watch_word *w;
	uint32_t cnt = 0;

	for (uint32_t i = 0; (w = leat_watch_word(i)) != NULL && cnt < NAMES_MAX - 1; i++)
		names[cnt++] = w->name;
	for (uint32_t i = 0; leat_watch_word_other_at(i) != NULL && cnt < NAMES_MAX - 1; i++)
		names[cnt++] = leat_watch_word_other_at(i);
	for (uint32_t i = 0; i < LOAD_WORD_CNT && cnt < NAMES_MAX - 1; i++)
		names[cnt++] = load_word_at(i, &kind).name;
	for (uint32_t i = 0; i < COUNT_OF(timer) && cnt < NAMES_MAX - 1; i++)
		names[cnt++] = timer[i].name;
	names[cnt] = NULL;
	const char *near = leat_opt_nearest(name, names);
	if (near != NULL)
		fprintf(stderr, "leat explain: there is no `%s`; did you mean %s?\n", name, near);
	else
		fprintf(stderr, "leat explain: there is no `%s`; %s explain lists what there is\n",
			name, leat_text_call());
	return OPT_EXIT_USAGE;
}

static int explain(const char *name, bool json)
{
	const char *other = leat_watch_word_other(name);
	const struct watch_word *w;
	uint32_t i = 0, cnt = 0;

	for (; (w = leat_watch_word_find(name, &i)) != NULL; i++, cnt++)
		print(w, json);
	if (other != NULL)
		for (i = 0; (w = leat_watch_word_find(other, &i)) != NULL; i++, cnt++)
			print(w, json);
	cnt += print_load(name, json) + print_timer(name, json);
	return cnt != 0 ? OPT_EXIT_OK : unknown(name);
}

int leat_cmd_explain(int argc, char **argv)
{
	struct explain_options o;
	int code = OPT_EXIT_OK;

	switch (leat_opt_parse(&leat_opt_explain, argc, argv, &o, NULL, stderr)) {
	case OPT_RESULT_OK:
		break;
	case OPT_RESULT_HELP:
		leat_opt_help(&leat_opt_explain, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		return OPT_EXIT_USAGE;
	}
	if (o.name_cnt == 0)
		list(o.json);
	for (uint32_t i = 0; i < o.name_cnt; i++)
		if (explain(o.name[i], o.json) != OPT_EXIT_OK)
			code = OPT_EXIT_USAGE;
	return code;
}
