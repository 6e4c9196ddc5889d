/* SPDX-License-Identifier: BSD-3-Clause */
/* How long does who connects wait, and who asks, at a part of the highest rate?
 *
 *	bench_latency [--json] [--quick]
 *
 * Client and server are two cores joined by a wire without delay, played by one thread: each has a
 * clock, which each of its turns moves on by as many cycles as the turn took here; the end whose
 * clock is behind takes the next turn, and sees the frames that left the other before its instant.
 * So polling, bursts and queues are as on two cores, and nobody else on this machine comes between
 * the two.  A turn has 32 frames, events and connects at most, a few us: one of more than 20 us was
 * interrupted.  It counts 20 us, and how many there were is told.
 *
 * Connections begin as a Poisson process, whatever the server does.
 *
 *	connect   from the planned instant to the event that says it is open
 *	response  from the request given to the stack, to its response read
 *
 * The highest rate is that of 1,000 held at once.  Figures are of the part whose 99.9 % of connect
 * is the least. */
#include "bench_http.h"

#include "base_prng.h"

#include <math.h>

#define PARTS       40
#define PARTS_QUICK 3
#define PART_CONNS  20000
#define HELD        1000 /* of the highest rate */
#define RECORDS     8192
#define TURN_MAX_NS UINT64_C(20000)

static const uint32_t percent[] = {100, 10, 50, 80}; /* 100: as fast as it goes */

struct run {
	struct bench_pair p;
	double ghz, mean_ns; /* mean_ns 0: HELD are held */
	double next_at;      /* planned */
	uint32_t open;
	uint64_t connect_cnt, response_cnt;
	uint64_t turns, long_turns;
	struct prng prng;
};

struct figures {
	uint64_t connect[3], response[3]; /* ns: 50, 99, 99.9 % */
};

static uint64_t connect_ns[PART_CONNS], response_ns[PART_CONNS];

/* What so many cycles of a turn count. */
static uint64_t length_ns(const struct run *r, uint64_t cycles)
{
	return u64_min(TURN_MAX_NS, (uint64_t)((double)cycles / r->ghz));
}

/* The instant of an end within its turn. */
static uint64_t instant(const struct run *r, const struct bench_end *e)
{
	return e->now + length_ns(r, bench_cycles() - e->turn_from);
}

static void keep(uint64_t *value, uint64_t *cnt, uint64_t ns)
{
	if (*cnt < PART_CONNS)
		value[(*cnt)++] = ns;
}

static void ask(void *arg, const struct leat_event *ev)
{
	struct run *r = arg;
	struct leat_stack *s = r->p.client.s;
	uint64_t now = instant(r, &r->p.client), since = leat_user(s, ev->conn);

	if (ev->bits & LEAT_CONNECTED) {
		keep(connect_ns, &r->connect_cnt, now - u64_min(since, now));
		leat_set_user(s, ev->conn, now);
	}
	if (bench_http_ask(s, ev)) {
		keep(response_ns, &r->response_cnt, now - u64_min(since, now));
		r->open--;
	}
}

static void serve(void *arg, const struct leat_event *ev)
{
	struct run *r = arg;

	bench_http_serve(r->p.server.s, ev);
}

static bool is_due(struct run *r)
{
	if (r->mean_ns <= 0)
		return r->open < HELD;
	return r->next_at <= (double)instant(r, &r->p.client);
}

static void open_more(void *arg)
{
	struct run *r = arg;
	struct leat_addr local = {0}, remote = bench_server_addr();

	for (uint32_t i = 0; i < BENCH_BURST && is_due(r); i++) {
		struct leat_conn conn;
		uint64_t planned = r->mean_ns > 0 ? (uint64_t)r->next_at : r->p.client.now;

		if (leat_connect(r->p.client.s, &local, &remote, &conn) != LEAT_OK)
			return; /* it is tried again, and late */
		leat_set_user(r->p.client.s, conn, planned);
		r->open++;
		r->next_at -=
			r->mean_ns * log((1 + (double)(leat_prng_next(&r->prng) >> 11)) * 0x1p-53);
	}
}

/* What an end sends leaves it when its turn is over. */
static void turn(struct run *r, struct bench_end *e, struct bench_user user)
{
	uint64_t before = e->cycles;
	uint32_t cnt = e->out->cnt;

	bench_turn(&r->p, e, user, r);
	uint64_t ns = length_ns(r, e->cycles - before);

	r->long_turns += ns == TURN_MAX_NS;
	r->turns++;
	e->now += 1 + ns;
	for (; cnt < e->out->cnt; cnt++)
		e->out->frame[(e->out->head + cnt) & e->out->mask]->at = e->now;
}

static void turns(struct run *r)
{
	while (r->response_cnt < PART_CONNS || r->connect_cnt < PART_CONNS) {
		if (r->p.client.now <= r->p.server.now)
			turn(r, &r->p.client, (struct bench_user){ask, open_more});
		else
			turn(r, &r->p.server, (struct bench_user){serve, NULL});
	}
}

static void order(uint64_t *value, uint64_t *figure)
{
	bench_sort(value, PART_CONNS);
	figure[0] = value[PART_CONNS / 2];
	figure[1] = value[PART_CONNS * 99 / 100];
	figure[2] = value[PART_CONNS * 999 / 1000];
}

/* measure is the best rate of the parts, a second. */
static double measure(struct run *r, uint32_t parts, struct figures *best)
{
	struct stack_config c[2];
	double per_second = 0;

	for (uint32_t end = 0; end < 2; end++)
		bench_http_config(&c[end], end == 1, RECORDS, false);
	bench_pair_new(&r->p, c, 4 * RECORDS, BENCH_HTTP_ROOM);
	leat_prng_seed(&r->prng, 1);
	r->next_at = (double)r->p.client.now;
	*best = (struct figures){.connect = {0, 0, UINT64_MAX}};
	for (uint32_t i = 0; i <= parts; i++) { /* the first is the warm-up */
		uint64_t from = r->p.client.now;
		struct figures now;

		r->connect_cnt = r->response_cnt = 0;
		turns(r);
		order(connect_ns, now.connect);
		order(response_ns, now.response);
		if (i == 0)
			continue;
		double rate = PART_CONNS * 1e9 / (double)(r->p.client.now - from);

		per_second = rate > per_second ? rate : per_second;
		if (now.connect[2] < best->connect[2])
			*best = now;
	}
	bench_http_check(r->p.server.s);
	bench_pair_free(&r->p);
	return per_second;
}

static void tell(const struct bench *b, uint32_t of_highest, double rate, const struct figures *f,
	const struct run *r)
{
	const char *form = b->json ? "{\"bench\":\"latency\",\"percent_of_highest\":%u,"
				     "\"connections_per_second\":%.0f,\"turns\":%llu,\"turns_"
				     "interrupted\":%llu,"
				     "\"connect_p50_ns\":%llu,\"connect_p99_ns\":%llu,"
				     "\"connect_p999_ns\":%llu,\"response_p50_ns\":%llu,"
				     "\"response_p99_ns\":%llu,\"response_p999_ns\":%llu}\n"
				   : "%3u %% of the highest rate, %8.0f connections/s, %llu turns, "
				     "%llu interrupted: "
				     "connect %llu, %llu, %llu ns; response %llu, %llu, %llu ns "
				     "(50, 99, 99.9 %%)\n";

	printf(form, of_highest, rate, (unsigned long long)r->turns,
		(unsigned long long)r->long_turns, (unsigned long long)f->connect[0],
		(unsigned long long)f->connect[1], (unsigned long long)f->connect[2],
		(unsigned long long)f->response[0], (unsigned long long)f->response[1],
		(unsigned long long)f->response[2]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	double highest = 0, ghz = bench_ghz();

	for (uint32_t i = 0; i < COUNT_OF(percent); i++) {
		struct run r = {.ghz = ghz};
		struct figures f;

		if (i > 0)
			r.mean_ns = 1e9 / (highest * percent[i] / 100);
		double rate = measure(&r, b.quick ? PARTS_QUICK : PARTS, &f);

		highest = i == 0 ? rate : highest;
		tell(&b, percent[i], i == 0 ? rate : 1e9 / r.mean_ns, &f, &r);
	}
	return 0;
}
