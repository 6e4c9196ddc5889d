/* SPDX-License-Identifier: BSD-3-Clause */
/* How much longer does a turn get while somebody lists, with so many in TIME-WAIT?
 *
 *	bench_conns [--json] [--quick] [--population N]
 *
 * A stack as a shard has it, without a device, with N records in TIME-WAIT, 10 million when nothing
 * is said.  Traffic flows: in each turn 32 connections enter TIME-WAIT, the 32 oldest end, and 4
 * retransmitted FINs are answered.  Turns are measured
 *
 *	filter     with a step of: state time-wait left < 50s dst 11.0.0.0/12 sort left limit 1000
 *	all        with a step of: state time-wait sort dport desc limit 1000
 *	sum        with a step of: -s
 *	sum-each   with a step of: -s, and a filter, so that each is looked at
 *	top        with a step of what leat top and /metrics have gathered once a second
 *
 * until the question is answered, and after it as many turns without one (`alone`).  The step by
 * itself is measured as well: it is what a turn gets longer by.  The time is that of this thread,
 * which others' turns on the processor are not part of; but what they leave of its caches is, and
 * the machine's interrupts, and what a hypervisor takes.  So each question is asked PASSES times,
 * and beside what was measured stands the longest `own`: of the least that the n-th step of a pass
 * took in any of them.  An interrupt does not come at the same step each time; what a step does, it
 * does each time, and with records that are cold, since there are many times more of them than fit
 * into any cache. */
#include "bench_wait.h"

#include "stack_gauge.h"
#include "watch_scan.h"

#define BURST        32
#define FINS         4 /* of a turn, sent again */
#define FRAME_OCTETS 256
#define LIMIT        1000
#define TURNS_MAX    400000
#define PASSES       5
#define BOUND_NS     20000 /* no turn is to be longer by more */
#define GAUGE_LOOK   128   /* WALK_LOOK of sight.h */
#define DUE_CNT      60

struct world {
	struct leat_stack *s;
	uint64_t now, first, next; /* those in TIME-WAIT are about the numbers from first to next */
	uint64_t turn_ns;          /* so that as many end by themselves as enter */
	uint8_t in[FINS][FRAME_OCTETS], out[FINS][1600];
	uint32_t in_octets[FINS];
};

struct row {
	const char *what;
	uint64_t turns, matched, scan_ns;
	uint64_t longest_turn_ns, usual_turn_ns, longest_step_ns, usual_step_ns, median_step_ns;
	uint64_t longest_alone_ns, usual_alone_ns;
	uint64_t over_cnt;       /* of all passes: steps beyond BOUND_NS */
	uint64_t longest_own_ns; /* of the least of each step */
};

/* A question, and what of its answer is known. */
struct asked {
	const char *what, *filter;
	enum watch_scan_kind kind;
	bool gauge; /* what leat top asks for */
	struct watch_scan scan;
	struct stack_gauge gauged;
	uint32_t cursor;
	bool ended;
};

static uint64_t turn_ns[PASSES * TURNS_MAX], step_ns[PASSES * TURNS_MAX];
static uint64_t alone_ns[PASSES * TURNS_MAX];
static uint64_t least_ns[TURNS_MAX];

/* Connection n goes into TIME-WAIT, as its last ACK would have it. */
static void enter(struct world *w, uint64_t n)
{
	leat_stack_rest(w->s, bench_wait_make(w->s, w->now, n));
}

static void set_now(struct world *w, uint64_t now)
{
	w->now = now;
	leat_stack_set_now(w->s, now);
}

/* traffic is what a turn has to do anyhow. */
static void traffic(struct world *w)
{
	static struct stack_burst b;
	struct stack_frame out[FINS];

	for (uint32_t i = 0; i < FINS; i++) {
		b.pkt[i] = (struct pkt){.frame = w->in[i], .octets = w->in_octets[i]};
		out[i] = (struct stack_frame){.data = w->out[i], .room = sizeof(w->out[i])};
	}
	b.cnt = FINS;
	leat_stack_parse(w->s, &b);
	leat_stack_lookup(w->s, &b);
	leat_stack_input(w->s, &b, w->now);
	ASSERT(leat_stack_output(w->s, w->now, out, FINS) == FINS);
	ASSERT(leat_stack_wait_due(w->s, TIME_NEVER - 1, BURST) == BURST);
	w->first += BURST;
	for (uint32_t i = 0; i < BURST; i++)
		enter(w, w->next++);
}

/* FINs of connections from all over those that came late, which do not end meanwhile. */
static void prepare_turn(struct world *w)
{
	uint64_t half = (w->next - w->first) / 2, stride = half / FINS;

	set_now(w, w->now + w->turn_ns);
	for (uint32_t i = 0; i < FINS; i++) {
		uint64_t n = w->first + half + i * stride + w->now / TIME_US % stride;

		w->in_octets[i] = bench_wait_frame(w->s, w->in[i], n, bench_wait_fin(n));
	}
}

static void settle(struct row *r, uint64_t turns)
{
	bench_sort(turn_ns, turns);
	bench_sort(step_ns, turns);
	bench_sort(alone_ns, turns);
	r->turns = turns;
	r->longest_alone_ns = alone_ns[turns - 1];
	r->usual_alone_ns = alone_ns[turns * 999 / 1000];
	r->longest_turn_ns = turn_ns[turns - 1];
	r->usual_turn_ns = turn_ns[turns * 999 / 1000];
	r->longest_step_ns = step_ns[turns - 1];
	r->usual_step_ns = step_ns[turns * 999 / 1000];
	r->median_step_ns = step_ns[turns / 2];
	for (uint64_t i = turns; i > 0 && step_ns[i - 1] > BOUND_NS; i--)
		r->over_cnt++;
}

/* step does one of a question; false: that was the last of a slice. */
static bool step(struct asked *q, struct world *world)
{
	bool more;

	if (!q->gauge) {
		more = leat_watch_scan_step(&q->scan, world->s, world->now);
		q->ended = q->scan.ended;
		return more;
	}
	if (q->cursor == 0) {
		q->gauged = (struct stack_gauge){.ends.until_cnt = DUE_CNT};
		for (uint32_t i = 0; i < DUE_CNT; i++)
			q->gauged.ends.until[i] = world->now + (i + 1) * BENCH_WAIT_NS / DUE_CNT;
	}
	more = leat_stack_gauge(world->s, &q->cursor, GAUGE_LOOK, &q->gauged);
	q->ended = !more;
	return more;
}

/* alone is a turn without a question. */
static void alone(struct world *world, uint64_t at)
{
	prepare_turn(world);
	uint64_t began = bench_thread_ns();

	traffic(world);
	alone_ns[at] = bench_thread_ns() - began;
}

/* with_step is one with a step of q in it; false: the step was the last of a slice. */
static bool with_step(struct world *world, struct asked *q, uint64_t at)
{
	prepare_turn(world);
	uint64_t began = bench_thread_ns();

	traffic(world);
	uint64_t before = bench_thread_ns();
	bool more = step(q, world);
	uint64_t after = bench_thread_ns();

	turn_ns[at] = after - began;
	step_ns[at] = after - before;
	return more;
}

/* keep holds the worst of a sorted answer, as who asks does: of the rows of a slice the last of
 * the first LIMIT. */
static void keep(struct watch_scan *w, struct stack_brief *best, uint32_t *cnt)
{
	for (uint32_t i = 0; i < w->row_cnt; i++) {
		struct watch_conn c = {&w->row[i], NULL, 0, w->now};
		uint32_t at = *cnt < LIMIT ? (*cnt)++ : LIMIT;

		for (; at > 0; at--) {
			const struct watch_conn b = {&best[at - 1], NULL, 0, w->now};

			if (!leat_watch_before(&w->filter, &c, &b))
				break;
			if (at < LIMIT)
				best[at] = best[at - 1];
		}
		if (at < LIMIT)
			best[at] = *c.brief;
	}
	w->row_cnt = 0;
	w->has_worst = *cnt == LIMIT;
	w->worst = best[LIMIT - 1];
	w->worst_now = w->now;
}

/* pass asks once, and gives how many turns that took; what they took stands from at on. */
static uint64_t pass(struct world *world, struct asked *q, uint64_t at)
{
	static struct stack_brief row[WATCH_SCAN_ROWS], best[LIMIT];
	struct watch_error err;
	uint64_t turns = 0;
	uint32_t cnt = 0;

	memset(row, 0, sizeof(row)); /* as who asks does */
	q->scan = (struct watch_scan){.kind = q->kind, .row_max = WATCH_SCAN_ROWS};
	q->scan.row = q->kind == WATCH_SCAN_SUM ? NULL : row;
	q->cursor = 0;
	ASSERT(leat_watch_filter_parse(&q->scan.filter, q->filter, &err));
	for (q->ended = false; !q->ended && turns < TURNS_MAX; turns++) {
		bool more = with_step(world, q, at + turns);

		least_ns[turns] = u64_min(least_ns[turns], step_ns[at + turns]);
		if (!more && q->scan.row != NULL)
			keep(&q->scan, best, &cnt);
	}
	ASSERT(q->ended);
	for (uint64_t i = 0; i < turns; i++)
		alone(world, at + i);
	return turns;
}

static void ask(struct world *world, struct row *r, struct asked *q)
{
	uint64_t turns = 0, most = 0;

	memset(least_ns, 0xff, sizeof(least_ns));
	for (uint32_t i = 0; i < PASSES; i++) {
		uint64_t cnt = pass(world, q, turns);

		turns += cnt;
		most = u64_max(most, cnt);
	}
	r->matched = q->scan.matched;
	for (uint64_t i = 0; i < turns; i++)
		r->scan_ns += turn_ns[i];
	r->scan_ns /= PASSES;
	for (uint64_t i = 0; i < most; i++)
		r->longest_own_ns = u64_max(r->longest_own_ns, least_ns[i]);
	settle(r, turns);
}

static void print_row(const struct bench *b, uint64_t population, const struct row *r)
{
	if (b->json)
		printf("{\"population\":%llu,\"question\":\"%s\",\"matched\":%llu,\"turns\":%llu,"
		       "\"all_turns_ns\":%llu,\"longest_turn_ns\":%llu,"
		       "\"turn_of_999_in_1000_ns\":%llu,\"longest_turn_alone_ns\":%llu,"
		       "\"turn_alone_of_999_in_1000_ns\":%llu,\"longest_step_ns\":%llu,"
		       "\"step_of_999_in_1000_ns\":%llu,\"step_median_ns\":%llu,"
		       "\"steps_over_20us\":%llu,\"longest_own_step_ns\":%llu}\n",
			(unsigned long long)population, r->what, (unsigned long long)r->matched,
			(unsigned long long)r->turns, (unsigned long long)r->scan_ns,
			(unsigned long long)r->longest_turn_ns,
			(unsigned long long)r->usual_turn_ns,
			(unsigned long long)r->longest_alone_ns,
			(unsigned long long)r->usual_alone_ns,
			(unsigned long long)r->longest_step_ns,
			(unsigned long long)r->usual_step_ns, (unsigned long long)r->median_step_ns,
			(unsigned long long)r->over_cnt, (unsigned long long)r->longest_own_ns);
	else
		printf("%10llu %-9s %9llu %7llu %9.3f %9.1f %9.1f %9.1f %9.1f %9.1f %9.1f %8.1f "
		       "%8llu %8.1f\n",
			(unsigned long long)population, r->what, (unsigned long long)r->matched,
			(unsigned long long)r->turns, (double)r->scan_ns / 1e9,
			(double)r->longest_turn_ns / 1e3, (double)r->usual_turn_ns / 1e3,
			(double)r->longest_alone_ns / 1e3, (double)r->usual_alone_ns / 1e3,
			(double)r->longest_step_ns / 1e3, (double)r->usual_step_ns / 1e3,
			(double)r->median_step_ns / 1e3, (unsigned long long)r->over_cnt,
			(double)r->longest_own_ns / 1e3);
	fflush(stdout);
}

static void measure(const struct bench *b, uint64_t population)
{
	static struct asked question[] = {
		{.what = "filter",
			.filter = "state time-wait left < 50s dst 11.0.0.0/12 sort left limit 1000",
			.kind = WATCH_SCAN_LIST},
		{.what = "all",
			.filter = "state time-wait sort dport desc limit 1000",
			.kind = WATCH_SCAN_LIST},
		{.what = "sum", .filter = "", .kind = WATCH_SCAN_SUM},
		{.what = "sum-each", .filter = "sport = 80", .kind = WATCH_SCAN_SUM},
		{.what = "top", .filter = "", .kind = WATCH_SCAN_SUM, .gauge = true},
	};
	static struct world w;
	struct stack_config c;
	struct row row;

	w = (struct world){.now = 1000 * TIME_S, .turn_ns = BENCH_WAIT_NS / (population / BURST)};
	bench_wait_config(&c, population + population / 8 + BENCH_WAIT_CONTROL);
	void *mem = bench_memory(leat_stack_footprint(&c));
	w.s = leat_stack_new(mem, &c, w.now);
	while (w.next < population) {
		enter(&w, w.next++);
		set_now(&w, w.now + BENCH_WAIT_NS / population);
	}
	for (uint32_t i = 0; i < COUNT_OF(question); i++) {
		row = (struct row){.what = question[i].what};
		ask(&w, &row, &question[i]);
		print_row(b, population, &row);
	}
	free(mem);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	uint64_t population = 0;

	bench_numbers(argc, argv, "--population", b.quick ? "10000" : "10000000", &population, 1);
	if (population < 4 * BURST || population > 100000000) {
		fprintf(stderr, "a population is from %d to 100000000\n", 4 * BURST);
		return 2;
	}
	if (!b.json)
		printf("# population question    matched   turns   all, s   longest    99.9%%"
		       "   longest    99.9%%   longest    99.9%%   median   > 20us      own\n"
		       "#                                                  turn, us  turn, us"
		       " alone, us alone, us  step, us  step, us  step, us           step, us\n");
	measure(&b, population);
	return 0;
}
