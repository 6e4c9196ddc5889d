/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_intent.h"

#include "base_bits.h"
#include "base_time.h"
#include "ctl.h"
#include "load_text.h"
#include "sight.h"
#include "text.h"
#include "when.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAD_NS    (100 * TIME_MS) /* from a change to its instant, where none is named */
#define STEP_NS    (5 * TIME_MS)
#define WORDS_MAX  96
#define ANSWER_MAX 512

/* A question passes from who asks to the control thread, and its answer back. */
enum asked {
	ASKED_NOT,
	ASKED_YES,
	ASKED_TAKEN, /* its answer will come */
	ASKED_ANSWERED,
};

static struct {
	atomic_uint state; /* enum asked */
	atomic_bool runs;  /* there is a plan under way */
	char words[WORDS_MAX], answer[ANSWER_MAX];
	uint64_t late; /* a bit for each shard that will carry it out later */
} question;

/* What shards are told: theirs from then on until each has answered. */
static struct change {
	_Alignas(CACHE_LINE) const struct load_view *view; /* no line of it is anything else's */
	uint64_t from_ns, rate_milli, held;                /* rate 0: a closed load */
} told;

void leat_load_intent_begin(
	struct load_result *r, const struct load_options *o, const struct load_need *need)
{
	static const char *const program[] = {
		"http", "echo", "discard", "connect-only", "a program"};
	static const char *const close[] = {"server", "client", "reset"};
	uint64_t cnt = leat_load_plan_cnt(&need->load.plan);

	r->intent = (struct load_intent){
		.model = o->rate_milli != 0 ? LOAD_MODEL_OPEN : LOAD_MODEL_CLOSED,
		.rate_milli = o->rate_milli,
		.ramp_ns = o->ramp_ns,
		.duration_ns = o->duration_ns,
		.total = o->rate_milli == 0  ? o->total
			 : cnt == UINT64_MAX ? 0
					     : cnt,
		.concurrency = o->concurrency,
		.time_wait_ns = o->serve.time_wait_ns,
		.rest_ns = need->rest_ns,
		.tuples = need->tuples,
		.tuples_needed = need->needed,
		.rate_milli_max = need->rate_milli_max,
		.program = o->speak == LOAD_SPEAK_PROGRAM ? o->program : program[o->speak],
		.close = close[o->close],
		.seed = o->seed};
}

__attribute__((format(printf, 1, 2))) static bool say(const char *format, ...)
{
	size_t at = strlen(question.answer);
	va_list args;

	va_start(args, format);
	vsnprintf(question.answer + at, sizeof(question.answer) - at, format, args);
	va_end(args);
	return false;
}

/* apply runs on the lcore of each shard, with its struct load_view_shard. */
static void apply(void *arg)
{
	const struct load_view_shard *s = arg;
	uint64_t i = (uint64_t)(s - told.view->shard), cnt = told.view->plane->shard_cnt;

	if (told.rate_milli != 0)
		leat_load_change(s->load, told.from_ns, told.rate_milli);
	else
		leat_load_hold(s->load, (uint32_t)((told.held + cnt - 1 - i) / cnt));
}

/* all_turn: who does not turn would carry out a change much later than the others.  Who was heard
 * last owes no answer, so that the change before this one is no shard's any more. */
static bool all_turn(const struct load_view *v)
{
	for (uint32_t i = 0; i < v->plane->shard_cnt; i++)
		if (!v->plane->shard[i].heard || v->plane->shard[i].asked)
			return say(
				"no 5 - shard %" PRIu32 " does not turn; nothing was changed\n", i);
	return true;
}

/* carry_out tells the shards, of which all turned, and notes the change. */
static void carry_out(struct load_view *v, const struct change *next)
{
	struct load_intent *i = &v->r->intent;

	told = *next;
	told.view = v;
	leat_plane_ask_each(v->plane, apply, v->shard, sizeof(*v->shard));
	i->change[i->change_cnt++] = (struct load_change){
		.at_ns = next->from_ns, .rate_milli = next->rate_milli, .held = next->held};
}

/* late_of is those that did not answer: what they were told they will still do. */
static uint64_t late_of(const struct plane *p)
{
	uint64_t late = 0;

	for (uint32_t i = 0; i < p->shard_cnt; i++)
		late |= p->shard[i].heard ? 0 : UINT64_C(1) << i;
	return late;
}

/* hold is `rate N` of a closed load: so many are in flight from now on. */
static bool hold(struct load_view *v, const char *words, uint64_t now)
{
	struct change next = {.from_ns = now - u64_min(v->start_at, now)};
	uint64_t max = v->o->concurrency;
	char *end;

	next.held = strtoull(words, &end, 10);
	if (*end == ' ')
		return say("no 1 - a closed load changes at once: no instant can be named\n");
	if (end == words || *end != '\0' || *words == '-' || next.held == 0)
		return say("no 1 - `%s` is no number of connections; this is a closed load, which "
			   "has no rate but holds so many in flight\n",
			words);
	if (next.held > max)
		return say("no 1 - there is room for %" PRIu64
			   " in flight; begin it with a --concurrency of %" PRIu64 "\n",
			max, next.held);
	if (v->r->intent.change_cnt == LOAD_LEG_MAX)
		return say("no 1 - it was changed %d times; that is all\n", LOAD_LEG_MAX);
	if (!all_turn(v))
		return false;
	carry_out(v, &next);
	v->r->intent.concurrency = next.held;
	say("ok\nheld in flight: %" PRIu64 "\n", next.held);
	return true;
}

/* read_from finds where in the plan the instant of the words is. */
static bool read_from(const struct load_view *v, const char *when, uint64_t now, uint64_t *from_ns)
{
	uint64_t at, wall = leat_shard_clock_wall_ns(), zero = v->r->planned_start_unix_ns;
	char why[OPT_WHY_MAX];

	if (when == NULL) {
		*from_ns = u64_max(now, v->start_at) - v->start_at + LEAD_NS;
		return true;
	}
	if (!leat_when_read(when, wall, &at, why, sizeof(why)))
		return say("no 1 - %s\n", why);
	if (at < wall + LEAD_NS || at < zero)
		return say("no 1 - `%s` is past, or not %d ms ahead\n", when,
			(int)(LEAD_NS / TIME_MS));
	*from_ns = at - zero;
	return true;
}

/* say_full: more will wait 2MSL than there is room for. */
static void say_full(const struct load_view *v, const struct load_need *n, uint64_t rate_milli)
{
	uint64_t records = (uint64_t)n->plan.stack.tcp.time_wait_max * v->plane->shard_cnt;
	uint64_t waiting = leat_load_need_waiting(v->o, n, rate_milli);

	if (waiting > records)
		say("note: %" PRIu64 " will be in TIME-WAIT, which has room for %" PRIu64
		    "; begin it with --time-wait-max %" PRIu64 "\n",
			waiting, records, waiting);
}

/* turn_plan tries the change on a copy of what is needed, which is kept when it may be so. */
static bool turn_plan(struct load_view *v, struct load_need *need, const struct change *to)
{
	struct load_need next = *need;
	char rate[32], most[32];

	if (!leat_load_plan_change(&next.load.plan, to->from_ns, to->rate_milli))
		return say("no 1 - the plan is over by then, was changed %d times, or is to change "
			   "later than that already\n",
			LOAD_LEG_MAX);
	next.needed = u64_max(next.needed, leat_load_need_pairs(v->o, &next, to->rate_milli));
	leat_load_text_rate(to->rate_milli, rate, sizeof(rate));
	leat_load_text_rate(need->rate_milli_max, most, sizeof(most));
	if (next.needed > next.tuples && !v->o->anyway)
		return say("no 3 - %" PRIu64
			   " pairs of address and port are needed at %s, there are %" PRIu64
			   ": at most %s can go on; nothing was changed\n",
			next.needed, rate, next.tuples, most);
	if (!all_turn(v))
		return false;
	*need = next;
	return true;
}

/* turn is `rate N [WHEN]` of an open one. */
static bool turn(struct load_view *v, struct load_need *need, char *words, uint64_t now)
{
	struct load_intent *i = &v->r->intent;
	struct change next = {0};
	char why[OPT_WHY_MAX], rate[32];
	const char *text = strsep(&words, " ");
	uint64_t cnt;

	if (!leat_load_rate_parse(text, &next.rate_milli, why, sizeof(why)))
		return say("no 1 - %s\n", why);
	if (!read_from(v, words, now, &next.from_ns) || !turn_plan(v, need, &next))
		return false;
	carry_out(v, &next);
	cnt = leat_load_plan_cnt(&need->load.plan);
	i->total = cnt == UINT64_MAX ? 0 : cnt;
	i->tuples_needed = need->needed;
	leat_load_text_rate(next.rate_milli, rate, sizeof(rate));
	say("ok\n%s from %" PRIu64 ".%03" PRIu64 " s of the plan on", rate, next.from_ns / TIME_S,
		next.from_ns / TIME_MS % 1000);
	if (i->total != 0)
		say("; %" PRIu64 " connections in all", i->total);
	say("\n");
	say_full(v, need, next.rate_milli);
	return true;
}

void leat_load_intent_look(struct load_view *v, struct load_need *need)
{
	uint64_t now = leat_plane_now(v->plane);
	unsigned asked = ASKED_YES;
	bool open = v->o->rate_milli != 0;

	atomic_store(&question.runs, true);
	if (atomic_compare_exchange_strong(&question.state, &asked, ASKED_TAKEN)) {
		question.answer[0] = '\0';
		bool done =
			open ? turn(v, need, question.words, now) : hold(v, question.words, now);
		question.late = done ? late_of(v->plane) : 0;
		atomic_store(&question.state, ASKED_ANSWERED);
	}
	if (open && v->plane->sight != NULL)
		leat_sight_rate(v->plane->sight,
			leat_load_plan_rate(&need->load.plan, now - u64_min(v->start_at, now)));
}

void leat_load_intent_end(void)
{
	atomic_store(&question.runs, false);
}

/* wait_answer waits for the control thread; false: it has no plan to change. */
static bool wait_answer(void)
{
	const struct timespec step = {.tv_nsec = STEP_NS};

	while (atomic_load(&question.state) != ASKED_ANSWERED) {
		unsigned asked = ASKED_YES;

		if (!atomic_load(&question.runs) &&
			atomic_compare_exchange_strong(&question.state, &asked, ASKED_NOT))
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}

void leat_ctl_rate(struct ctl_client *q, char *words)
{
	if (strcmp(q->ctl->role->verb, "load") != 0) {
		fprintf(q->out,
			"no 1 - %s has no rate of its own; one of leat load can be changed\n",
			q->ctl->role->verb);
		return;
	}
	if (strlen(words) >= WORDS_MAX) {
		fputs("no 1 - that is no rate\n", q->out);
		return;
	}
	pthread_mutex_lock(&q->ctl->changing);
	snprintf(question.words, sizeof(question.words), "%s", words);
	atomic_store(&question.state, ASKED_YES);
	if (wait_answer()) {
		fputs(question.answer, q->out);
		ctl_print_silent(question.late, WATCH_FORM_TEXT, CTL_DOES_IT_LATER, q->out);
	} else {
		fputs("no 1 - no plan is under way: it has not begun, or is over\n", q->out);
	}
	atomic_store(&question.state, ASKED_NOT);
	pthread_mutex_unlock(&q->ctl->changing);
}
