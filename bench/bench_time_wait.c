/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a connection in TIME-WAIT cost, and what does it take to enter, to answer, to be reused
 * and to end, while so many wait?
 *
 *	bench_time_wait [--json] [--quick] [--population N,N,...]
 *
 * A stack as a shard has it, without a device.  It is filled with N connections; then, of those:
 *
 *	enter     from a control block to a record, and the block is free
 *	expire    32 that are due, out of the flow table
 *	reack     a retransmitted FIN, from the frame that arrives to the one that leaves
 *	reuse     a SYN with a newer timestamp, our SYN,ACK, and the ACK that ends the old one
 *	turns     5 million that are due at once (or all there are), 64 in a turn
 *	sparse    as turns, when of 256 that came one after the other one is left
 *
 * What precedes a measure is as it is in a shard: who enters has just been looked up and answered;
 * who expires has not been touched for 2MSL.  A figure is the median of many bursts.
 *
 * A turn is measured in time of this thread, of which others' turns on the processor are no part;
 * but interrupts are, and what a hypervisor takes.  So turns in which the thread was switched are
 * told apart, all is done ROUNDS times, and next to each round stand as many turns that do nothing
 * for as long: the longest turn is that of the round in which it was shortest, since what is the
 * stack's own is in each of them, and so is the longest idle one.  The longest of all turns of all
 * rounds, whatever happened in it, is told, too. */
#include "bench_wait.h"

#include "base_prng.h"

#include <sys/resource.h>

#define BURST        32
#define BURSTS       4000
#define TURN_MAX     64 /* as SHARD_TIMER_MAX */
#define DUE_AT_ONCE  5000000
#define ROUNDS       5
#define SPARSE       256
#define TURNS_MAX    (DUE_AT_ONCE / TURN_MAX + 2)
#define FRAME_OCTETS 256
#define POPULATIONS  16

struct world {
	struct leat_stack *s;
	struct tcp_engine *e;
	uint64_t now;
	uint64_t first, next; /* those in TIME-WAIT are the numbers from first to next */
	struct prng prng;
	struct leat_conn listener;
	uint8_t in[BURST][FRAME_OCTETS], out[BURST][1600];
	uint32_t in_octets[BURST];
};

struct row {
	uint64_t population;
	double octets, enter, expire, reack, reuse;
	uint64_t due, turns, drain_ns, usual_turn_ns;
	uint64_t longest_turn_ns, longest_idle_ns;    /* each of its quietest round, not switched */
	uint64_t longest_of_all_ns, switched, faults; /* of all rounds */
	uint64_t sparse_turn_ns;
};

/* configure: places for so many, and for those that are made to begin with. */
static void configure(struct stack_config *c, uint64_t population)
{
	bench_wait_config(c, population + (population > 1 ? BENCH_WAIT_CONTROL : 0));
}

/* All that is there because there may be so many: records, index, and what is fixed with them. */
static double octets_each(uint64_t population)
{
	struct stack_config c;

	configure(&c, population);
	c.tcp.time_wait_max = (uint32_t)population;
	size_t all = leat_stack_footprint(&c);

	c.tcp.time_wait_max = 1;
	return (double)(all - leat_stack_footprint(&c)) / (double)population;
}

/* ---- one more in TIME-WAIT ---- */

/* Enters cnt, at most a burst, and returns what that took beyond making them. */
static uint64_t enter(struct world *w, uint32_t cnt)
{
	struct tcb *tcb[BURST];

	for (uint32_t i = 0; i < cnt; i++)
		tcb[i] = bench_wait_make(w->s, w->now, w->next++);
	uint64_t from = bench_cycles();

	for (uint32_t i = 0; i < cnt; i++)
		leat_stack_rest(w->s, tcb[i]);
	return bench_cycles() - from;
}

static void set_now(struct world *w, uint64_t now)
{
	w->now = now;
	leat_stack_set_now(w->s, now);
}

/* ---- frames ---- */

static void put(struct world *w, uint32_t at, uint64_t n, struct seg seg)
{
	w->in_octets[at] = bench_wait_frame(w->s, w->in[at], n, seg);
}

/* Brings in a burst and lets out what it makes sendable, as a turn does; the cycles of that. */
static uint64_t turn(struct world *w, uint32_t answers)
{
	static struct stack_burst b;
	struct stack_frame out[BURST];

	for (uint32_t i = 0; i < BURST; i++) {
		b.pkt[i] = (struct pkt){.frame = w->in[i], .octets = w->in_octets[i]};
		out[i] = (struct stack_frame){.data = w->out[i], .room = sizeof(w->out[i])};
	}
	b.cnt = BURST;
	uint64_t from = bench_cycles();

	leat_stack_parse(w->s, &b);
	leat_stack_lookup(w->s, &b);
	leat_stack_input(w->s, &b, w->now);
	uint32_t sent = leat_stack_output(w->s, w->now, out, BURST);
	uint64_t cycles = bench_cycles() - from;

	ASSERT(sent == answers);
	return cycles;
}

/* The numbers of a burst, each once, from all over the population. */
static void choose(struct world *w, uint64_t *n)
{
	uint64_t stride = (w->next - w->first) / BURST;
	uint64_t at = w->first + leat_prng_next(&w->prng) % stride;

	for (uint32_t i = 0; i < BURST; i++)
		n[i] = at + i * stride;
}

/* ---- the figures ---- */

/* A burst enters and the oldest one ends, again and again: the population stays. */
static void measure_enter_expire(struct world *w, struct row *row)
{
	static uint64_t in[BURSTS], out[BURSTS];

	for (uint32_t i = 0; i < BURSTS; i++) {
		in[i] = enter(w, BURST);
		/* The oldest, whether they are due or not. */
		uint64_t from = bench_cycles();
		uint32_t cnt = leat_stack_wait_due(w->s, TIME_NEVER - 1, BURST);

		out[i] = bench_cycles() - from;
		ASSERT(cnt == BURST);
		w->first += BURST;
	}
	row->enter = (double)bench_median(in, BURSTS) / BURST;
	row->expire = (double)bench_median(out, BURSTS) / BURST;
}

/* The FIN of so many connections again.  Each moves to the tail and leaves a hole. */
static void measure_reack(struct world *w, struct row *row)
{
	static uint64_t cycles[BURSTS];
	uint64_t n[BURST];

	for (uint32_t i = 0; i < BURSTS; i++) {
		set_now(w, w->now + 1);
		choose(w, n);
		for (uint32_t k = 0; k < BURST; k++)
			put(w, k, n[k], bench_wait_fin(n[k]));
		cycles[i] = turn(w, BURST);
	}
	row->reack = (double)bench_median(cycles, BURSTS) / BURST;
}

/* What is open of connection n. */
static struct tcb *reopened(const struct world *w, uint64_t n)
{
	struct tuple tuple = bench_wait_tuple(n);
	uint64_t hash = leat_flow_hash(w->s->flow, &tuple);

	return stack_tcb(w->s, leat_flow_table_find(w->s->flow, hash, &tuple));
}

/* The reopened connection is closed by us at once, and waits again: the population stays. */
static void close_again(struct world *w, uint64_t n)
{
	struct tcb *tcb = reopened(w, n);

	ASSERT(tcb->state == TCP_ST_ESTABLISHED);
	tcb->flags &= (uint16_t)~TCP_F_USER;
	leat_tcp_drop(w->e, tcb, TCP_END_ABORTED, &w->s->io);
	leat_stack_settle(w->s);
	leat_stack_rest(w->s, bench_wait_make(w->s, w->now, n));
}

static void put_syn(struct world *w, uint32_t at, uint64_t n, bool ack)
{
	struct seg seg = {.seq = seq_add(bench_wait_rcv_nxt(n), ack ? 1001 : 1000),
		.flags = ack ? TCP_ACK : TCP_SYN,
		.len = !ack,
		.wnd = 1000,
		.ts_val = 5000};

	if (ack) {
		seg.ack = reopened(w, n)->snd.nxt;
		seg.ts_ecr = 1;
	}
	put(w, at, n, seg);
}

static void measure_reuse(struct world *w, struct row *row)
{
	static uint64_t cycles[BURSTS];
	uint64_t n[BURST];

	for (uint32_t i = 0; i < BURSTS / 4; i++) {
		set_now(w, w->now + TIME_MS);
		choose(w, n);
		for (uint32_t k = 0; k < BURST; k++)
			put_syn(w, k, n[k], false);
		cycles[i] = turn(w, BURST);
		for (uint32_t k = 0; k < BURST; k++)
			put_syn(w, k, n[k], true);
		cycles[i] += turn(w, 0);
		struct leat_event event;

		while (leat_next_event(w->s, &event))
			;
		for (uint32_t k = 0; k < BURST; k++)
			close_again(w, n[k]);
	}
	row->reuse = (double)bench_median(cycles, BURSTS / 4) / BURST;
}

/* What the system counts of this thread: how often it was switched, and pages it had to fetch. */
static void usage(uint64_t *switched, uint64_t *faults)
{
	struct rusage r;

	getrusage(RUSAGE_THREAD, &r);
	*switched = (uint64_t)(r.ru_nvcsw + r.ru_nivcsw);
	*faults = (uint64_t)(r.ru_minflt + r.ru_majflt);
}

static uint64_t turn_ns[TURNS_MAX]; /* of those in which the thread was not switched */

/* A round of turns under the clock. */
struct round {
	uint64_t began_at, before, switched, faults;
	uint32_t cnt; /* in turn_ns */
	struct row *row;
};

static struct round round_begin(struct row *row)
{
	struct round r = {.row = row};

	usage(&r.switched, &r.faults);
	row->faults -= r.faults;
	r.began_at = r.before = bench_thread_ns();
	return r;
}

static void round_turn(struct round *r)
{
	uint64_t took = bench_thread_ns() - r->before, switched;

	usage(&switched, &r->faults);
	if (switched == r->switched)
		turn_ns[r->cnt++] = took;
	r->row->switched += switched != r->switched;
	r->row->longest_of_all_ns = u64_max(r->row->longest_of_all_ns, took);
	r->switched = switched;
	r->before = bench_thread_ns();
}

/* What the round took; its turns are in order then. */
static uint64_t round_end(const struct round *r)
{
	r->row->faults += r->faults;
	bench_sort(turn_ns, r->cnt);
	return r->before - r->began_at;
}

/* All at once: the clock jumps to where 5 million are due, and turns do what they may. */
static void drain(struct world *w, struct row *row)
{
	uint64_t want = u64_min(row->population, DUE_AT_ONCE), due = 0;
	uint32_t cnt = TURN_MAX;

	set_now(w, w->now + 2 * BENCH_WAIT_NS);
	struct round r = round_begin(row);
	for (row->turns = 0; due < want && cnt == TURN_MAX; due += cnt, row->turns++) {
		cnt = leat_stack_timers(w->s, w->now, TURN_MAX);
		round_turn(&r);
	}
	uint64_t drain_ns = round_end(&r);

	w->first += due;
	if (r.cnt == 0 || turn_ns[r.cnt - 1] >= row->longest_turn_ns)
		return;
	row->due = due;
	row->drain_ns = drain_ns;
	row->longest_turn_ns = turn_ns[r.cnt - 1];
	row->usual_turn_ns = turn_ns[(uint64_t)r.cnt * 999 / 1000];
}

/* As many turns, each as long as those of drain are in the mean, in which nothing is done. */
static void idle(struct row *row)
{
	struct row unused = {.population = 0};
	uint64_t each = row->drain_ns / row->turns;
	struct round r = round_begin(&unused);

	for (uint64_t i = 0; i < row->turns; i++) {
		while (bench_thread_ns() - r.before < each)
			;
		round_turn(&r);
	}
	(void)round_end(&r);
	if (r.cnt > 0)
		row->longest_idle_ns = u64_min(row->longest_idle_ns, turn_ns[r.cnt - 1]);
}

/* Up to number next: a burst at an instant, over a 2MSL: none is due before all are in. */
static void fill(struct world *w, uint64_t next)
{
	uint64_t step = u64_max(BENCH_WAIT_NS / 2 / ((next - w->next) / BURST + 1), 1);

	while (w->next < next) {
		enter(w, (uint32_t)u64_min(BURST, next - w->next));
		set_now(w, w->now + step);
	}
}

static void measure_turns(struct world *w, struct row *row)
{
	row->longest_turn_ns = row->longest_idle_ns = UINT64_MAX;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		fill(w, w->first + row->population);
		drain(w, row);
		idle(row);
	}
}

/* The others were reused, say: what is due stands far apart. */
static void measure_sparse(struct world *w, struct row *row)
{
	struct row sparse = {.population = row->population, .longest_turn_ns = UINT64_MAX};
	uint32_t cursor = 0, look = UINT32_MAX, name;

	fill(w, w->first + row->population);
	while (leat_tcp_tw_scan(w->e, &cursor, &look, &name))
		if ((name & TW_UNIT_MASK) % SPARSE != SPARSE / 2)
			leat_stack_wait_over(w->s, name, TCP_END_GAVE_WAY);
	drain(w, &sparse);
	ASSERT(leat_tcp_tw_cnt(w->e) == 0 || row->population > SPARSE * DUE_AT_ONCE);
	row->sparse_turn_ns = sparse.longest_turn_ns;
}

static void measure(uint64_t population, struct row *row)
{
	static struct world w;
	struct stack_config c;
	char why[128];
	void *mem;

	memset(&w, 0, sizeof(w));
	w.now = 1000 * TIME_S;
	leat_prng_seed(&w.prng, population);
	configure(&c, population);
	const char *error = leat_stack_config_error(&c, why, sizeof(why));
	if (error != NULL)
		fprintf(stderr, "%s\n", error);
	mem = bench_memory(leat_stack_footprint(&c));
	w.s = leat_stack_new(mem, &c, w.now);
	w.e = leat_stack_engine(w.s);
	const struct leat_addr local = {.family = 4, .octet = {192, 0, 2, 1}, .port = 80};
	ASSERT(leat_listen(w.s, &local, BURST * 2, &w.listener) == LEAT_OK);
	*row = (struct row){.population = population, .octets = octets_each(population)};
	fill(&w, population);
	ASSERT(leat_tcp_tw_cnt(w.e) == population);
	measure_enter_expire(&w, row);
	measure_reuse(&w, row);
	measure_reack(&w, row);
	measure_turns(&w, row);
	measure_sparse(&w, row);
	free(mem);
}

/* ---- output ---- */

static void print_row(const struct bench *b, const struct row *r, double ghz)
{
	if (b->json) {
		printf("{\"population\":%llu,\"octets_per_connection\":%.2f,"
		       "\"cycles_enter_expire\":%.1f,\"cycles_enter\":%.1f,"
		       "\"cycles_expire\":%.1f,\"cycles_reack\":%.1f,\"cycles_reuse\":%.1f,"
		       "\"enter_ns\":%.1f,\"longest_turn_ns\":%llu,"
		       "\"turn_of_999_in_1000_ns\":%llu,\"longest_idle_turn_ns\":%llu,"
		       "\"longest_sparse_turn_ns\":%llu,"
		       "\"longest_turn_of_all_rounds_ns\":%llu,\"turns\":%llu,\"rounds\":%d,"
		       "\"turns_switched\":%llu,\"page_faults\":%llu,"
		       "\"due_at_once\":%llu,\"drain_ns\":%llu}\n",
			(unsigned long long)r->population, r->octets, r->enter + r->expire,
			r->enter, r->expire, r->reack, r->reuse, r->enter / ghz,
			(unsigned long long)r->longest_turn_ns,
			(unsigned long long)r->usual_turn_ns,
			(unsigned long long)r->longest_idle_ns,
			(unsigned long long)r->sparse_turn_ns,
			(unsigned long long)r->longest_of_all_ns, (unsigned long long)r->turns,
			ROUNDS, (unsigned long long)r->switched, (unsigned long long)r->faults,
			(unsigned long long)r->due, (unsigned long long)r->drain_ns);
	} else {
		printf("%11llu %8.2f %8.1f %8.1f %8.1f %8.1f %9.1f %10.1f %8.1f %8.1f %8.1f "
		       "%8.1f %8.3f\n",
			(unsigned long long)r->population, r->octets, r->enter + r->expire,
			r->enter, r->expire, r->reack, r->reuse, r->enter / ghz,
			(double)r->longest_turn_ns / 1000, (double)r->usual_turn_ns / 1000,
			(double)r->longest_idle_ns / 1000, (double)r->sparse_turn_ns / 1000,
			(double)r->drain_ns / 1e9);
	}
	fflush(stdout);
}

static uint32_t populations(int argc, char **argv, uint64_t *population)
{
	uint32_t cnt = bench_numbers(argc, argv, "--population", "1000,1000000,10000000,100000000",
		population, POPULATIONS);

	for (uint32_t i = 0; i < cnt; i++) {
		if (population[i] < 2 * BURST || population[i] > 500000000) {
			fprintf(stderr, "a population is from %d to 500000000\n", 2 * BURST);
			exit(2);
		}
	}
	return cnt;
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	uint64_t population[POPULATIONS];
	uint32_t cnt = populations(argc, argv, population);
	double ghz = bench_ghz();
	struct row row;

	if (!b.json)
		printf("# population   octets enter+ex    enter   expire    reack     reuse"
		       "   enter ns  longest    99.9%%     idle   sparse    drain\n"
		       "#              each   cycles   cycles   cycles   cycles    cycles"
		       "         ns       us       us       us       us        s\n");
	for (uint32_t i = 0; i < (b.quick ? 1 : cnt); i++) {
		measure(population[i], &row);
		print_row(&b, &row, ghz);
	}
	return 0;
}
