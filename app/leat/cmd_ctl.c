/* SPDX-License-Identifier: BSD-3-Clause */
#include "ask.h"
#include "base_bits.h"
#include "cmd.h"
#include "instance.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 4

struct ctl_options {
	const char *name; /* NULL: the only one */
	bool json, wait, now;
	const char *word[WORDS_MAX];
	uint32_t word_cnt;
};

#define AT(member) offsetof(struct ctl_options, member)

static bool read_word(void *options, const char *text, char *why, size_t size)
{
	struct ctl_options *o = options;

	if (o->word_cnt < WORDS_MAX && strchr(text, '\n') == NULL) {
		o->word[o->word_cnt++] = text;
		return true;
	}
	snprintf(why, size, "`%s` is one word too many", text);
	return false;
}

STATIC_ASSERT(offsetof(struct ctl_options, name) == 0, "as ASK_ROW_NAME has it");

static const struct opt_row row[] = {
	ASK_ROW_NAME,
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "info, why: as a JSON object"},
	{.name = "wait",
		.kind = OPT_KIND_FLAG,
		.at = AT(wait),
		.sentence = "drain: until none is open, or it is undrained"},
	{.name = "now",
		.kind = OPT_KIND_FLAG,
		.at = AT(now),
		.sentence = "stop: at once, as a second ^C"},
};

static const struct {
	const char *name;
	uint32_t max; /* words behind it */
} verbs[] = {{"drain", 0}, {"undrain", 0}, {"reload", 0}, {"start", 2}, {"stop", 0}, {"rate", 3},
	{"info", 0}, {"why", 0}};

static const char *const words[] = {
	"drain", "undrain", "reload", "start", "stop", "rate", "info", "why", NULL};

STATIC_ASSERT(COUNT_OF(words) == COUNT_OF(verbs) + 1, "a word for each");

static void defaults(void *options)
{
	*(struct ctl_options *)options = (struct ctl_options){0};
}

static bool unknown(const char *word, char *why, size_t size)
{
	const char *near = leat_opt_nearest(word, words);

	if (near != NULL)
		snprintf(why, size, "there is no `%s`; did you mean `%s`?", word, near);
	else
		snprintf(why, size,
			"there is no `%s`; there are drain, undrain, reload, start, stop, rate, "
			"info, why",
			word);
	return false;
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	const struct ctl_options *o = options;
	uint32_t i = 0;

	(void)given;
	if (o->word_cnt == 0) {
		snprintf(why, size,
			"what is to be done?  drain, undrain, reload, start, stop, rate, info, "
			"why");
		return false;
	}
	while (i < COUNT_OF(verbs) && strcmp(verbs[i].name, o->word[0]) != 0)
		i++;
	if (i == COUNT_OF(verbs))
		return unknown(o->word[0], why, size);
	if (o->word_cnt - 1 > verbs[i].max) {
		snprintf(why, size, "`%s` is one word too many behind %s",
			o->word[verbs[i].max + 1], o->word[0]);
		return false;
	}
	if ((o->wait && strcmp(o->word[0], "drain") != 0) ||
		(o->now && strcmp(o->word[0], "stop") != 0) ||
		(o->json && strcmp(o->word[0], "info") != 0 && strcmp(o->word[0], "why") != 0)) {
		snprintf(why, size, "--%s is not for %s",
			o->wait  ? "wait"
			: o->now ? "now"
				 : "json",
			o->word[0]);
		return false;
	}
	return true;
}

const struct opt_verb leat_opt_ctl = {
	.name = "ctl",
	.one_line = "Tell a running instance: drain, reload, start, rate, stop; ask it: info, why",
	.usage = "@ ctl [OPTION]... WHAT",
	.prose = "  drain         new SYNs are dropped, what is open is finished; it goes on to "
		 "run\n"
		 "  undrain       new ones are taken again\n"
		 "  reload        read the file again: all of it applies, or nothing and it is "
		 "said\n"
		 "                what would need a restart\n"
		 "  start [WHEN]  the word that `load --paused` waits for\n"
		 "  stop          as ^C: drain, and end\n"
		 "  rate N [WHEN] of a load: N connections a second from now or WHEN on, as 500/s "
		 "or\n"
		 "                2k/s; of a closed one, N in flight.  With segments N is that of "
		 "all:\n"
		 "                tell each the same N and the same WHEN, as 2026-11-21T09:30:00Z\n"
		 "  info          name, version, since when, ports, shards, files\n"
		 "  why           what keeps it from being faster, by what happens in a second\n\n"
		 "Who is neither the user of the instance nor root may only read: info, why.  He "
		 "is\n"
		 "let in by --ctl-group of the instance.\n\n"
		 "Exit 0, 1 for what cannot be asked, 2 for a wrong file or what cannot change, 3\n"
		 "when no such instance runs or 10 ask already, 5 when it ended, does not answer, "
		 "or\n"
		 "a shard of it stands still.\n\n"
		 "  @ ctl -n lab-a drain --wait\n"
		 "  @ ctl info -j\n"
		 "  @ ctl rate 2k/s\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.words = words,
	.stray = read_word,
	.defaults = defaults,
	.check = check,
};

static int ask(const struct ctl_options *o)
{
	char question[INSTANCE_QUESTION_MAX];
	int at = snprintf(question, sizeof(question), "%s%s%s%s", o->word[0],
		o->wait ? " wait" : "", o->now ? " now" : "", o->json ? " form=json" : "");

	for (uint32_t i = 1; i < o->word_cnt; i++)
		at += snprintf(question + at, sizeof(question) - (size_t)at, " %.256s", o->word[i]);
	return leat_ask_copy("ctl", o->name, question, NULL);
}

int leat_cmd_ctl(int argc, char **argv)
{
	struct ctl_options options;

	switch (leat_opt_parse(&leat_opt_ctl, argc, argv, &options, NULL, stderr)) {
	case OPT_RESULT_OK:
		if (strcmp(options.word[0], "reload") == 0)
			return leat_cmd_reload(options.name);
		return ask(&options);
	case OPT_RESULT_HELP:
		leat_opt_help(&leat_opt_ctl, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		break;
	}
	return OPT_EXIT_USAGE;
}
