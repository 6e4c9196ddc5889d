/* SPDX-License-Identifier: BSD-3-Clause */
/* How much longer does a turn get while somebody lists, with so many in TIME-WAIT?
 *
 *	bench_conns [--json] [--quick] [--population N]
 *
 * A stack as a shard has it, without a device, with N records in TIME-WAIT, 10 million when nothing
 * is said.  Traffic flows: in each turn 32 connections enter TIME-WAIT, the 32 oldest end, and 4
 * retransmitted FINs are answered.  Turns are measured
 *
 *	none       alone
 *	filter     with a step of: state time-wait left < 50s dst 11.0.0.0/12 sort left limit 1000
 *	all        with a step of: state time-wait sort dport desc limit 1000
 *	sum        with a step of: -s
 *	sum-each   with a step of: -s, and a filter, so that each is looked at
 *
 * until the question is answered.  The step by itself is measured as well: it is what a turn gets
 * longer by.  The time is that of this thread, which others' turns on the processor are not part
 * of; but what they leave of its caches is, and what a hypervisor takes: so the figure of 999 in
 * 1000 turns stands beside that of all. */
#include "bench_wait.h"

#include "watch_scan.h"

#include <time.h>

#define BURST        32
#define FINS         4 /* of a turn, sent again */
#define FRAME_OCTETS 256
#define LIMIT        1000
#define TURNS_MAX    400000
#define ALONE        20000 /* turns without a question */

struct world {
	struct leat_stack *s;
	uint64_t now, first, next; /* those in TIME-WAIT are the numbers from first to next */
	uint8_t in[FINS][FRAME_OCTETS], out[FINS][1600];
	uint32_t in_octets[FINS];
};

struct row {
	const char *what;
	uint64_t turns, matched, scan_ns;
	uint64_t longest_turn_ns, usual_turn_ns, longest_step_ns, usual_step_ns, median_step_ns;
};

static uint64_t turn_ns[TURNS_MAX], step_ns[TURNS_MAX];

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

/* The FIN of connection n again. */
static void put(struct world *w, uint32_t at, uint64_t n)
{
	const struct seg seg = {.seq = seq_sub(bench_wait_rcv_nxt(n), 1),
		.ack = bench_wait_snd_nxt(n),
		.flags = TCP_FIN | TCP_ACK,
		.len = 1,
		.wnd = 1000,
		.ts_val = 100};

	w->in_octets[at] = bench_wait_frame(w->s, w->in[at], n, seg);
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
	for (uint32_t i = 0; i < BURST; i++)
		enter(w, w->next++);
}

/* Frames of connections from all over those that came late, which do not end meanwhile. */
static void prepare_turn(struct world *w)
{
	uint64_t half = (w->next - w->first) / 2, stride = half / FINS;

	set_now(w, w->now + 20 * TIME_US);
	for (uint32_t i = 0; i < FINS; i++)
		put(w, i, w->first + half + i * stride + w->now / TIME_US % stride);
}

static void settle(struct row *r, uint64_t turns)
{
	bench_sort(turn_ns, turns);
	bench_sort(step_ns, turns);
	r->turns = turns;
	r->longest_turn_ns = turn_ns[turns - 1];
	r->usual_turn_ns = turn_ns[turns * 999 / 1000];
	r->longest_step_ns = step_ns[turns - 1];
	r->usual_step_ns = step_ns[turns * 999 / 1000];
	r->median_step_ns = step_ns[turns / 2];
}

/* one_turn has a step of w in it, if there is one; false: the step was the last of a slice. */
static bool one_turn(struct world *world, struct watch_scan *w, uint64_t at)
{
	bool more = true;

	prepare_turn(world);
	uint64_t began = bench_thread_ns();

	traffic(world);
	uint64_t before = bench_thread_ns();

	if (w != NULL)
		more = leat_watch_scan_step(w, world->s, world->now);
	uint64_t after = bench_thread_ns();

	turn_ns[at] = after - began;
	step_ns[at] = after - before;
	return more;
}

static void alone(struct world *world, struct row *r)
{
	*r = (struct row){.what = "none"};
	for (uint64_t i = 0; i < ALONE; i++)
		one_turn(world, NULL, i);
	settle(r, ALONE);
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

static void ask(struct world *world, struct row *r, const char *filter, enum watch_scan_kind kind)
{
	static struct stack_brief row[WATCH_SCAN_ROWS], best[LIMIT];
	static struct watch_scan w;
	struct watch_error err;
	uint64_t turns = 0;
	uint32_t cnt = 0;

	w = (struct watch_scan){.kind = kind, .row_max = WATCH_SCAN_ROWS};
	w.row = kind == WATCH_SCAN_SUM ? NULL : row;
	ASSERT(leat_watch_filter_parse(&w.filter, filter, &err));
	for (; !w.ended && turns < TURNS_MAX; turns++) {
		if (one_turn(world, &w, turns))
			continue;
		if (w.row != NULL)
			keep(&w, best, &cnt);
	}
	ASSERT(w.ended);
	r->matched = w.matched;
	for (uint64_t i = 0; i < turns; i++)
		r->scan_ns += turn_ns[i];
	settle(r, turns);
}

static void print_row(const struct bench *b, uint64_t population, const struct row *r)
{
	if (b->json)
		printf("{\"population\":%llu,\"question\":\"%s\",\"matched\":%llu,\"turns\":%llu,"
		       "\"all_turns_ns\":%llu,\"longest_turn_ns\":%llu,"
		       "\"turn_of_999_in_1000_ns\":%llu,\"longest_step_ns\":%llu,"
		       "\"step_of_999_in_1000_ns\":%llu,\"step_median_ns\":%llu}\n",
			(unsigned long long)population, r->what, (unsigned long long)r->matched,
			(unsigned long long)r->turns, (unsigned long long)r->scan_ns,
			(unsigned long long)r->longest_turn_ns,
			(unsigned long long)r->usual_turn_ns,
			(unsigned long long)r->longest_step_ns,
			(unsigned long long)r->usual_step_ns,
			(unsigned long long)r->median_step_ns);
	else
		printf("%10llu %-9s %9llu %7llu %9.3f %9.1f %9.1f %9.1f %9.1f %8.1f\n",
			(unsigned long long)population, r->what, (unsigned long long)r->matched,
			(unsigned long long)r->turns, (double)r->scan_ns / 1e9,
			(double)r->longest_turn_ns / 1e3, (double)r->usual_turn_ns / 1e3,
			(double)r->longest_step_ns / 1e3, (double)r->usual_step_ns / 1e3,
			(double)r->median_step_ns / 1e3);
	fflush(stdout);
}

static void measure(const struct bench *b, uint64_t population)
{
	static const struct {
		const char *what, *filter;
		enum watch_scan_kind kind;
	} question[] = {
		{"filter", "state time-wait left < 50s dst 11.0.0.0/12 sort left limit 1000",
			WATCH_SCAN_LIST},
		{"all", "state time-wait sort dport desc limit 1000", WATCH_SCAN_LIST},
		{"sum", "", WATCH_SCAN_SUM},
		{"sum-each", "sport = 80", WATCH_SCAN_SUM},
	};
	static struct world w;
	struct stack_config c;
	struct row row;

	w.now = 1000 * TIME_S;
	bench_wait_config(&c, population + population / 8 + BENCH_WAIT_CONTROL);
	void *mem = bench_memory(leat_stack_footprint(&c));
	w.s = leat_stack_new(mem, &c, w.now);
	while (w.next < population) {
		enter(&w, w.next++);
		set_now(&w, w.now + BENCH_WAIT_NS / 2 / population);
	}
	alone(&w, &row);
	print_row(b, population, &row);
	for (uint32_t i = 0; i < COUNT_OF(question); i++) {
		row = (struct row){.what = question[i].what};
		ask(&w, &row, question[i].filter, question[i].kind);
		print_row(b, population, &row);
	}
	free(mem);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	uint64_t population = b.quick ? 10000 : 10000000;

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--population") == 0)
			population = strtoull(argv[i + 1], NULL, 10);
	if (population < 4 * BURST || population > 100000000) {
		fprintf(stderr, "a population is from %d to 100000000\n", 4 * BURST);
		return 2;
	}
	if (!b.json)
		printf("# population question    matched   turns   all, s   longest    99.9%%"
		       "   longest    99.9%%   median\n"
		       "#                                                  turn, us  turn, us"
		       "  step, us  step, us  step, us\n");
	measure(&b, population);
	return 0;
}
