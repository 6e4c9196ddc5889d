/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include "base_time.h"
#include "ctl_words.h"
#include "tcp_follow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_NS       (5 * TIME_MS)
#define LEAVING_LOOKS 20
#define LEAVING_NS    (50 * TIME_MS)

/* What one shard notes for who follows; its own while it owes the answer to attach. */
struct ctl_follow {
	struct tcp_follow ring;
	struct shard_walk walk;
	_Atomic(struct tcp_follow *) attach; /* what the engine is to be told of; NULL: nothing */
	bool owed, attached;                 /* it owes the answer to that; it may write to ring */
	uint64_t told_lost;
};

struct question {
	struct ctl_words words;
	struct watch_filter filter;
	FILE *out;
	uint64_t wall_ns; /* of the shards' clock's 0 */
};

static bool attach(void *arg, struct leat_stack *s, uint64_t now)
{
	struct ctl_follow *f = arg;

	(void)now;
	leat_stack_follow(s, atomic_load(&f->attach));
	return false;
}

/* tell has the engine of one shard note in ring, or nowhere (NULL); false: it does not turn. */
static bool tell(struct ctl *c, uint32_t shard, struct ctl_follow *f, struct tcp_follow *ring)
{
	const struct timespec step = {.tv_nsec = CTL_STEP_NS};

	if (ring == NULL && !f->attached)
		return true;
	atomic_store(&f->attach, ring); /* one that is read only now attaches nothing more */
	if (f->owed && !leat_ctl_await(c, shard, &f->walk.answered))
		return false;
	f->attached = true;
	f->walk = (struct shard_walk){.step = attach, .arg = f, .busy = true};
	while (f->walk.busy) {
		atomic_store(&f->walk.answered, false);
		f->owed = leat_ctl_put(c, shard, (struct shard_letter){SHARD_MAIL_WALK, &f->walk});
		if (!f->owed || !leat_ctl_await(c, shard, &f->walk.answered))
			return false;
		f->owed = false;
		if (f->walk.busy)
			nanosleep(&step, NULL);
	}
	f->attached = ring != NULL;
	return true;
}

/* leave has the engine note nothing more, and forgets what it did; false: it does not turn. */
static bool leave(struct ctl *c, uint32_t shard, struct ctl_follow *f)
{
	bool left = tell(c, shard, f, NULL);

	for (struct tcp_follow_event e; leat_tcp_follow_take(&f->ring, &e);)
		;
	return left;
}

/* enter has the engine note from now on; what may still be attached is of an earlier one. */
static bool enter(const struct question *q, struct ctl *c, uint32_t shard, struct ctl_follow *f)
{
	if (!leave(c, shard, f))
		return false;
	f->ring.states = q->filter.states;
	f->told_lost = atomic_load(&f->ring.lost);
	return tell(c, shard, f, &f->ring);
}

static void print_at(const struct question *q, uint64_t at)
{
	uint64_t wall = q->wall_ns + at;
	time_t s = (time_t)(wall / TIME_S);
	struct tm tm;

	if (q->words.form == WATCH_FORM_JSON)
		fprintf(q->out, "{\"at_s\":%" PRIu64 ".%06" PRIu64, wall / TIME_S,
			wall / TIME_US % 1000000);
	else if (gmtime_r(&s, &tm) != NULL)
		fprintf(q->out, "%02d:%02d:%02d.%06" PRIu64, tm.tm_hour, tm.tm_min, tm.tm_sec,
			wall / TIME_US % 1000000);
}

/* print_event writes one line: what it is now, what it was, and when it is over why. */
static void print_event(
	const struct question *q, const struct tcp_follow_event *e, const struct watch_conn *c)
{
	char local[WATCH_END_MAX], peer[WATCH_END_MAX];
	bool opened = e->from == TCP_ST_CLOSED || e->from == TCP_ST_LISTEN;
	bool ended = e->to == TCP_ST_CLOSED;
	const char *what = opened ? "opened" : ended ? "ended" : "state";

	leat_watch_end_text(e->tuple.local, e->tuple.lport, local);
	leat_watch_end_text(e->tuple.remote, e->tuple.rport, peer);
	print_at(q, e->at);
	if (q->words.form == WATCH_FORM_JSON)
		fprintf(q->out,
			",\"event\":\"%s\",\"from\":\"%s\",\"state\":\"%s\",\"local\":\"%s\","
			"\"peer\":\"%s\",\"shard\":%" PRIu32 ",\"role\":\"%s\"",
			what, leat_watch_state_name(e->from), leat_watch_state_name(e->to), local,
			peer, c->shard, e->passive ? "server" : "client");
	else
		fprintf(q->out, " %-6s %-11s %-22s %-22s %5" PRIu32, what,
			leat_watch_state_name(e->to), local, peer, c->shard);
	if (q->words.form == WATCH_FORM_JSON)
		fprintf(q->out, ended ? ",\"why\":\"%s\"}\n" : "}\n", leat_stack_end_name(e->why));
	else
		fprintf(q->out, " %s\n",
			ended ? leat_stack_end_name(e->why) : leat_watch_state_name(e->from));
}

/* print_lost tells of what the ring had no room for. */
static void print_lost(const struct question *q, struct ctl_follow *f, uint32_t shard)
{
	uint64_t lost = atomic_load_explicit(&f->ring.lost, memory_order_relaxed);

	if (lost == f->told_lost)
		return;
	if (q->words.form == WATCH_FORM_JSON)
		fprintf(q->out, "{\"event\":\"lost\",\"shard\":%" PRIu32 ",\"cnt\":%" PRIu64 "}\n",
			shard, lost - f->told_lost);
	else
		fprintf(q->out,
			"note: %" PRIu64 " events of shard %" PRIu32
			" were lost: they came faster than they were read\n",
			lost - f->told_lost, shard);
	f->told_lost = lost;
}

static bool is_meant(const struct question *q, const struct watch_conn *c, uint8_t from)
{
	struct watch_filter f = q->filter; /* either state will do */

	f.states = UINT32_MAX;
	return ((q->filter.states >> c->brief->state | q->filter.states >> from) & 1) != 0 &&
	       leat_watch_filter_match(&f, c);
}

/* show prints what has come of one shard. */
static void show(const struct question *q, struct ctl_follow *f, uint32_t shard)
{
	struct tcp_follow_event e;

	for (uint32_t n = 0; n < TCP_FOLLOW_SLOTS && leat_tcp_follow_take(&f->ring, &e); n++) {
		const struct stack_brief brief = {
			.tuple = e.tuple, .state = e.to, .passive = e.passive};
		const struct watch_conn c = {&brief, NULL, shard, e.at};

		if (is_meant(q, &c, e.from))
			print_event(q, &e, &c);
	}
	print_lost(q, f, shard);
}

static void follow(const struct question *q, struct ctl_client *client)
{
	struct ctl *c = client->ctl;

	fputs("ok\n", q->out);
	for (uint32_t i = 0; i < c->plane->shard_cnt; i++) {
		if (!enter(q, c, i, &c->follow[i]))
			ctl_print_silent(UINT64_C(1) << i, q->words.form, "", q->out);
	}
	do {
		for (uint32_t i = 0; i < c->plane->shard_cnt; i++)
			show(q, &c->follow[i], i);
	} while (!ferror(q->out) && leat_ctl_pause(client, LOOK_NS));
	for (uint32_t i = 0; i < c->plane->shard_cnt; i++)
		leave(c, i, &c->follow[i]);
}

/* make_rings: at the first question; they stay until all shards are closed. */
static bool make_rings(struct ctl *c)
{
	if (c->follow == NULL)
		c->follow = ctl_memory(c->plane->shard_cnt * sizeof(*c->follow));
	return c->follow != NULL;
}

/* be_the_one waits a little for one who is just leaving. */
static bool be_the_one(struct ctl_client *client)
{
	for (uint32_t i = 0; i < LEAVING_LOOKS; i++) {
		if (!atomic_exchange(&client->ctl->following, true))
			return true;
		if (!leat_ctl_pause(client, LEAVING_NS))
			return false;
	}
	return false;
}

void leat_ctl_follow(struct ctl_client *client, char *words)
{
	struct question q = {.out = client->out};
	struct ctl *c = client->ctl;
	struct watch_error err;
	const char *filter = leat_ctl_words(&q.words, words);

	q.wall_ns = leat_shard_clock_wall_ns() - ctl_now(c);
	if (!leat_watch_filter_parse(&q.filter, filter, &err)) {
		fprintf(q.out, "no 1 %" PRIu32 " %s\n", err.at, err.why);
	} else if (!be_the_one(client)) {
		fputs("no 3 - somebody follows already; one can at a time\n", q.out);
	} else {
		if (make_rings(c))
			follow(&q, client);
		else
			fputs("no 3 - there is no memory to follow\n", q.out);
		atomic_store(&c->following, false);
	}
}
