/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_why.h"

#include "base_bits.h"
#include "base_time.h"

#include <inttypes.h>

#define BUSY_MAX       900 /* thousandths: a shard that is busier has no time left */
#define POOL_LOW       20  /* one in so many buffers free is too few */
#define LATE_NS        (10 * TIME_MS)
#define AS_ASKED_SHARE 99 /* per cent of what was planned */

/* Of the reasons of a generator not to begin a connection: load_count.h. */
#define SKIP_NO_PORT     0
#define SKIP_LIMIT       2
#define SKIP_WAITING     5

#define OUTCOME_REJECTED 6  /* of TIME-WAIT, leat_stack_time_wait: "reuse_rejected" */
#define OUTCOME_REFUSED  11 /* likewise: "refused" */

#define STANDS_NS        (900 * TIME_MS) /* nothing in so long is no rate */
#define STANDS_AGE       (3 * TIME_S)    /* a SYN so old has gone again more than once */

/* What passed between the two, of all shards. */
struct change {
	const struct watch_snapshot *before, *now;
	uint64_t tw_late[HIST_OCTAVE_CNT];
};

static uint64_t since(const struct change *c, uint32_t cell)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < c->now->shard_cnt; i++)
		n += c->now->cell[i][cell] -
		     u64_min(c->before->cell[i][cell], c->now->cell[i][cell]);
	return n;
}

/* What is of now, or of lately, of all shards. */
static uint64_t sum(const struct change *c, uint32_t cell)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < c->now->shard_cnt; i++)
		n += c->now->cell[i][cell];
	return n;
}

/* Connections that are neither ended nor in TIME-WAIT. */
static uint64_t open_now(const struct change *c)
{
	uint64_t n = 0;

	for (uint32_t st = TCP_ST_SYN_SENT; st < TCP_ST_TIME_WAIT; st++)
		n += sum(c, WATCH_PRESENT + st);
	return n;
}

static uint64_t head_since(const struct change *c, enum watch_head h)
{
	return c->now->head[h] - u64_min(c->before->head[h], c->now->head[h]);
}

uint32_t leat_watch_busy(
	const struct watch_snapshot *before, const struct watch_snapshot *now, uint32_t i)
{
	uint64_t ns = now->cell[i][WATCH_C_NOW] - before->cell[i][WATCH_C_NOW];
	uint64_t busy = now->cell[i][WATCH_C_BUSY_NS] - before->cell[i][WATCH_C_BUSY_NS];

	if (now->cell[i][WATCH_C_NOW] <= before->cell[i][WATCH_C_NOW])
		return 0;
	return (uint32_t)u64_min(busy * 1000 / ns, 1000);
}

uint32_t leat_watch_busiest(const struct watch_snapshot *before, const struct watch_snapshot *now)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < now->shard_cnt; i++)
		if (leat_watch_busy(before, now, i) > leat_watch_busy(before, now, at))
			at = i;
	return at;
}

/* A generator that has not begun, as it was told. */
static bool of_start(const struct watch_snapshot *s, char *text)
{
	uint64_t at = s->head[WATCH_H_STARTS_NS], now = s->head[WATCH_H_WALL_NS];
	uint64_t tenths = (at - u64_min(now, at)) / (TIME_S / 10);

	if (at == UINT64_MAX)
		snprintf(text, WATCH_REASON_MAX, "it is paused: leat ctl start begins it");
	else
		snprintf(text, WATCH_REASON_MAX,
			"it waits for its instant: it begins in %" PRIu64 ".%" PRIu64 " s",
			tenths / 10, tenths % 10);
	return true;
}

/* What the instance is, whatever it does. */
static bool of_instance(const struct change *c, char *text)
{
	if (c->now->head[WATCH_H_DRAINING] != 0) {
		snprintf(text, WATCH_REASON_MAX, "it drains: nothing new is taken");
		return true;
	}
	if (c->now->head[WATCH_H_STARTS_NS] != 0)
		return of_start(c->now, text);
	if (c->now->head[WATCH_H_LINK_UP] == 0) {
		snprintf(text, WATCH_REASON_MAX, "the link is down");
		return true;
	}
	for (uint32_t i = 0; i < c->now->shard_cnt; i++) {
		if (c->now->cell[i][WATCH_C_SILENT] == 0)
			continue;
		snprintf(text, WATCH_REASON_MAX,
			"shard %" PRIu32 " on cpu %" PRIu64 " does not turn", i,
			c->now->cell[i][WATCH_C_CPU]);
		return true;
	}
	return false;
}

/* The shard whose TIME-WAIT is the fullest; of those, the first. */
static uint32_t fullest(const struct watch_snapshot *now)
{
	double most = -1;
	uint32_t at = 0;

	for (uint32_t i = 0; i < now->shard_cnt; i++) {
		uint64_t max = u64_max(now->cell[i][WATCH_C_PLACES], 1);
		double full = (double)now->cell[i][WATCH_PRESENT + TCP_ST_TIME_WAIT] / (double)max;

		if (full > most) {
			most = full;
			at = i;
		}
	}
	return at;
}

/* Each shard has places of its own: one is full, be the others empty.  Where the one that waits
 * longest gives way a full table keeps nobody from anything. */
static bool is_full(const struct change *c, char *text)
{
	uint32_t at = fullest(c->now);
	uint64_t waiting = c->now->cell[at][WATCH_PRESENT + TCP_ST_TIME_WAIT];
	uint64_t max = c->now->cell[at][WATCH_C_PLACES];
	uint64_t refused = since(c, WATCH_SKIP + SKIP_WAITING) +
			   since(c, WATCH_OUTCOME + OUTCOME_REFUSED),
		 lately = sum(c, WATCH_C_LATELY_FULL);
	bool full = c->now->head[WATCH_H_EVICTS] == 0 && max != 0 && waiting >= max - max / 100;

	if (full || refused != 0)
		snprintf(text, WATCH_REASON_MAX,
			"TIME-WAIT is full: shard %" PRIu32 ": %" PRIu64 " of %" PRIu64
			"; more records, or a shorter 2MSL",
			at, waiting, max);
	else if (lately != 0)
		snprintf(text, WATCH_REASON_MAX,
			"TIME-WAIT had no place: %" PRIu64 " refused lately, shard %" PRIu32
			" has %" PRIu64 " of %" PRIu64 "; more records, or a shorter 2MSL",
			lately, at, waiting, max);
	else
		return false;
	return true;
}

/* SYNs that may not reuse TIME-WAIT: as many as opened in this time, or some lately and none
 * opened; who is rejected comes back ever more seldom. */
static bool is_rejected(const struct change *c, char *text)
{
	uint64_t rejected = since(c, WATCH_OUTCOME + OUTCOME_REJECTED);
	uint64_t opened = since(c, WATCH_C_OPENED_PASSIVE);

	rejected = u64_max(rejected, opened == 0 ? sum(c, WATCH_C_LATELY_REJECTED) : 0);
	if (rejected == 0 || rejected < opened)
		return false;
	snprintf(text, WATCH_REASON_MAX,
		"TIME-WAIT rejects SYNs: %" PRIu64 " lately, %" PRIu64
		" opened; reuse, more sources, or a shorter 2MSL",
		rejected, opened);
	return true;
}

static void say_tuples(const struct change *c, char *text)
{
	bool waiting = watch_waiting_has(sum(c, WATCH_LOAD + WATCH_L_IN_FLIGHT),
		sum(c, WATCH_PRESENT + TCP_ST_TIME_WAIT));

	snprintf(text, WATCH_REASON_MAX, "tuples exhausted: %s; more sources or targets, or %s",
		waiting ? "TIME-WAIT has most" : "those in flight have most",
		waiting ? "a shorter 2MSL" : "is the peer slow?");
}

static bool of_tables(const struct change *c, char *text)
{
	if (since(c, WATCH_SKIP + SKIP_NO_PORT) + since(c, WATCH_C_NO_PORT) == 0)
		return is_full(c, text) || is_rejected(c, text);
	say_tuples(c, text);
	return true;
}

static bool of_shards(const struct change *c, char *text)
{
	uint32_t at = leat_watch_busiest(c->before, c->now), stage = 0;
	uint32_t busy = leat_watch_busy(c->before, c->now, at);

	if (busy < BUSY_MAX)
		return false;
	for (uint32_t i = 1; i < WATCH_STAGE_CNT; i++)
		if (c->now->cell[at][WATCH_STAGE + i] - c->before->cell[at][WATCH_STAGE + i] >
			c->now->cell[at][WATCH_STAGE + stage] -
				c->before->cell[at][WATCH_STAGE + stage])
			stage = i;
	snprintf(text, WATCH_REASON_MAX,
		"shard %" PRIu32 " is saturated: %" PRIu32 " %% busy, most of it in %s", at,
		busy / 10, leat_watch_stage_name(stage));
	return true;
}

static bool of_device(const struct change *c, char *text)
{
	uint64_t missed = head_since(c, WATCH_H_RX_MISSED);
	uint64_t none = head_since(c, WATCH_H_RX_NO_BUF) + since(c, WATCH_C_TX_NO_BUF) +
			since(c, WATCH_C_RX_DROP_NO_BUF);

	if (missed != 0)
		snprintf(text, WATCH_REASON_MAX, "the device missed %" PRIu64 " frames", missed);
	else if (none != 0 ||
		 c->now->head[WATCH_H_POOL_FREE] < c->now->head[WATCH_H_POOL_SIZE] / POOL_LOW)
		snprintf(text, WATCH_REASON_MAX,
			"packet buffers are low: %" PRIu64 " of %" PRIu64 " are free",
			c->now->head[WATCH_H_POOL_FREE], c->now->head[WATCH_H_POOL_SIZE]);
	else
		return false;
	return true;
}

/* are_unanswered: most are in SYN-SENT, and none of them comes any further.  Their SYNs go again
 * ever more seldom, so that there may be none in this second. */
static bool are_unanswered(const struct change *c)
{
	uint64_t cnt = sum(c, WATCH_PRESENT + TCP_ST_SYN_SENT), oldest = 0, for_ns = 0;

	for (uint32_t i = 0; i < c->now->shard_cnt; i++) {
		uint64_t ns = c->now->cell[i][WATCH_C_NOW];

		oldest = u64_max(oldest, c->now->cell[i][WATCH_OLDEST + TCP_ST_SYN_SENT]);
		for_ns = u64_max(for_ns, ns - u64_min(c->before->cell[i][WATCH_C_NOW], ns));
	}
	bool stands = for_ns >= STANDS_NS && since(c, WATCH_LOAD + WATCH_L_CONNECTED) == 0;
	return cnt != 0 && cnt * 2 >= open_now(c) && (stands || oldest >= STANDS_AGE);
}

/* Connections that stand still: what they wait for, where that is most of them. */
static bool of_states(const struct change *c, char *text)
{
	uint64_t all = open_now(c), closed = sum(c, WATCH_C_PERSISTS);
	uint64_t unheard = sum(c, WATCH_C_UNHEARD);

	if (are_unanswered(c))
		snprintf(text, WATCH_REASON_MAX,
			"SYNs are not answered: %" PRIu64 " of %" PRIu64 " open are in SYN-SENT",
			sum(c, WATCH_PRESENT + TCP_ST_SYN_SENT), all);
	else if (closed != 0 && closed * 2 >= all)
		snprintf(text, WATCH_REASON_MAX,
			"the peer's window is closed: %" PRIu64 " of %" PRIu64 " open wait for it",
			closed, all);
	else if (unheard != 0 && unheard * 2 >= all)
		snprintf(text, WATCH_REASON_MAX,
			"the peer does not acknowledge: %" PRIu64 " of %" PRIu64 " open send again",
			unheard, all);
	else
		return false;
	return true;
}

static bool of_peers(struct change *c, char *text)
{
	for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++)
		c->tw_late[i] = since(c, WATCH_TW_LATE + i);
	uint64_t late = leat_watch_octave_at(c->tw_late, 990000);
	uint64_t probes = since(c, WATCH_C_PROBE_FIRED);

	if (late > LATE_NS)
		snprintf(text, WATCH_REASON_MAX,
			"timers fire late: 2MSL by up to %" PRIu64 " ms at p99", late / TIME_MS);
	else if (of_states(c, text))
		return true;
	else if (since(c, WATCH_C_AGAIN_SYN) != 0)
		snprintf(text, WATCH_REASON_MAX, "SYNs are not answered: %" PRIu64 " went again",
			since(c, WATCH_C_AGAIN_SYN));
	else if (probes != 0)
		snprintf(text, WATCH_REASON_MAX,
			"the peer's window is closed: %" PRIu64 " probe%s of it", probes,
			probes == 1 ? "" : "s");
	else
		return false;
	return true;
}

/* What a generator does not come to, where nothing else was found. */
static bool of_generator(const struct change *c, char *text)
{
	uint64_t late = since(c, WATCH_LOAD + WATCH_L_LATE),
		 full = since(c, WATCH_SKIP + SKIP_LIMIT);
	uint64_t started = since(c, WATCH_LOAD + WATCH_L_STARTED);

	if (full != 0)
		snprintf(text, WATCH_REASON_MAX,
			"the peer is slow: %" PRIu64
			" were not begun, as many are in flight as --concurrency allows",
			full);
	else if (late * 100 > started)
		snprintf(text, WATCH_REASON_MAX,
			"starts are late, %" PRIu64 " of %" PRIu64
			": too many in flight, or other programs on its cores",
			late, started);
	else
		return false;
	return true;
}

bool leat_watch_why(const struct watch_snapshot *before, const struct watch_snapshot *now,
	char text[WATCH_REASON_MAX])
{
	struct change c = {.before = before, .now = now};

	if (of_instance(&c, text) || of_tables(&c, text) || of_shards(&c, text) ||
		of_device(&c, text) || of_peers(&c, text) || of_generator(&c, text))
		return true;
	uint64_t planned = since(&c, WATCH_LOAD + WATCH_L_PLANNED);
	uint64_t started = since(&c, WATCH_LOAD + WATCH_L_STARTED);
	uint32_t at = leat_watch_busiest(before, now);

	if (now->head[WATCH_H_RATE_MILLI] != 0 && started * 100 >= planned * AS_ASKED_SHARE)
		snprintf(text, WATCH_REASON_MAX,
			"the rate is as asked; shard %" PRIu32 " is the busiest at %" PRIu32 " %%",
			at, leat_watch_busy(before, now, at) / 10);
	else
		snprintf(text, WATCH_REASON_MAX,
			"nothing here: shard %" PRIu32 " is the busiest at %" PRIu32 " %%", at,
			leat_watch_busy(before, now, at) / 10);
	return false;
}
