/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a segment cost on its way in?
 *
 *	bench_input [--json] [--quick] [--connections N,N,...]
 *
 * A server stack without a device, N connections open.  Bursts of 32 segments of one kind, each of
 * another connection, go through parse, lookup and input; what they make sendable is not measured.
 *
 *	syn      a new connection
 *	ack      the last of the handshake
 *	request  a request, in order
 *	full     text of 1,448 octets, in order
 *	acked    the ACK of a response of 64 octets
 *	old      the same text again
 *	fin      the peer's, after ours: TIME-WAIT
 *
 * Request and full are of connections that were not touched for long, if there are many; the others
 * follow shortly on what they belong to.  A figure is the median of many bursts. */
#include "bench_forge.h"
#include "bench_http.h"

#include "base_prng.h"

#define BURSTS  2000
#define TURN_NS TIME_US
#define SIZES   8
#define SPARE   16384 /* numbers of those that are opened and closed again; TIME-WAIT is shorter */

enum kind {
	KIND_SYN,
	KIND_ACK,
	KIND_REQUEST,
	KIND_FULL,
	KIND_ACKED,
	KIND_OLD,
	KIND_FIN,
	KIND_CNT
};

static const char *const kind_name[KIND_CNT] = {
	"syn", "ack", "request", "full", "acked", "old", "fin"};

struct world {
	struct leat_stack *s;
	struct bench_forge forge;
	uint64_t now;
	uint32_t held, spare; /* connections 0 to held stay open */
	bool answer;          /* what is read */
	struct leat_conn accepted[BENCH_BURST];
	uint32_t accepted_cnt;
	uint64_t n[BENCH_BURST]; /* of a burst */
	uint32_t burst;          /* of each kind so far */
	uint8_t in[BENCH_BURST][BENCH_FORGE_OCTETS], out[BENCH_BURST][BENCH_FORGE_OCTETS];
	char full[1449];
	struct prng prng;
	void *mem;
};

/* Cycles of a burst, by step, then by burst. */
static uint64_t cycles[KIND_CNT][3][BURSTS];

static void hear_event(struct world *w, const struct leat_event *ev)
{
	const uint8_t *text;

	if (ev->bits & LEAT_ACCEPTED)
		w->accepted[w->accepted_cnt++ % BENCH_BURST] = ev->conn;
	if (ev->bits & LEAT_READABLE) {
		int64_t octets = leat_peek(w->s, ev->conn, &text);

		ASSERT(octets > 0 && leat_take(w->s, ev->conn, (size_t)octets) == LEAT_OK);
	}
	if ((ev->bits & LEAT_READABLE) && w->answer)
		ASSERT(leat_send(w->s, ev->conn, w->full, 64) == 64);
}

/* What a turn does after the input. */
static void rest_of_turn(struct world *w)
{
	struct stack_frame out[BENCH_BURST];
	void *buf[BENCH_BURST];
	struct leat_event ev;
	uint32_t cnt;

	leat_stack_timers(w->s, w->now, BENCH_BURST);
	while (leat_next_event(w->s, &ev))
		hear_event(w, &ev);
	do {
		for (uint32_t i = 0; i < BENCH_BURST; i++)
			out[i] = (struct stack_frame){.data = w->out[i], .room = sizeof(w->out[i])};
		cnt = leat_stack_output(w->s, w->now, out, BENCH_BURST);
		for (uint32_t i = 0; i < cnt; i++)
			bench_forge_hear(&w->forge, out[i].data, out[i].octets);
	} while (cnt == BENCH_BURST);
	while (leat_stack_give(w->s, buf, BENCH_BURST) == BENCH_BURST)
		;
}

/* A segment of each connection of n; measured with a kind that is less than KIND_CNT. */
static void turn(struct world *w, enum kind kind, uint8_t flags, const char *text)
{
	static struct stack_burst b;
	uint64_t at[4];

	w->now += TURN_NS;
	for (uint32_t i = 0; i < BENCH_BURST; i++) {
		uint32_t octets = bench_forge_put(&w->forge, w->in[i], w->n[i], flags, text);

		b.pkt[i] = (struct pkt){.frame = w->in[i],
			.octets = octets,
			.buf = w->in[i],
			.ip_csum = WIRE_CSUM_GOOD,
			.l4_csum = WIRE_CSUM_GOOD};
	}
	b.cnt = BENCH_BURST;
	at[0] = bench_cycles();
	leat_stack_parse(w->s, &b);
	at[1] = bench_cycles();
	leat_stack_lookup(w->s, &b);
	at[2] = bench_cycles();
	leat_stack_input(w->s, &b, w->now);
	at[3] = bench_cycles();
	for (uint32_t i = 0; kind < KIND_CNT && i < 3; i++)
		cycles[kind][i][w->burst] = at[i + 1] - at[i];
	rest_of_turn(w);
}

static void open_burst(struct world *w, uint64_t first, bool measured)
{
	for (uint32_t i = 0; i < BENCH_BURST; i++)
		w->n[i] = first + i;
	w->accepted_cnt = 0;
	turn(w, measured ? KIND_SYN : KIND_CNT, TCP_SYN, NULL);
	turn(w, measured ? KIND_ACK : KIND_CNT, TCP_ACK, NULL);
	ASSERT(w->accepted_cnt == BENCH_BURST);
}

/* A burst of those that stay open, from all over them. */
static void choose(struct world *w)
{
	uint64_t stride = w->held / BENCH_BURST, at = leat_prng_next(&w->prng) % stride;

	for (uint32_t i = 0; i < BENCH_BURST; i++)
		w->n[i] = at + i * stride;
}

/* A burst of each kind. */
static void measure_burst(struct world *w)
{
	open_burst(w, w->held + w->spare, true);
	w->spare = (w->spare + BENCH_BURST) % SPARE;
	for (uint32_t i = 0; i < BENCH_BURST; i++)
		leat_close(w->s, w->accepted[i]);
	rest_of_turn(w);
	turn(w, KIND_FIN, TCP_ACK | TCP_FIN, NULL);
	choose(w);
	w->answer = true;
	turn(w, KIND_REQUEST, TCP_ACK | TCP_PSH, bench_http_request);
	w->answer = false;
	turn(w, KIND_ACKED, TCP_ACK, NULL);
	choose(w);
	turn(w, KIND_FULL, TCP_ACK, w->full);
	for (uint32_t i = 0; i < BENCH_BURST; i++)
		bench_forge_conn(&w->forge, w->n[i])->sent -= (uint32_t)(sizeof(w->full) - 1);
	turn(w, KIND_OLD, TCP_ACK, w->full);
	w->now += 50 * TIME_MS; /* delayed ACKs */
	rest_of_turn(w);
}

static void tell(const struct bench *b, const struct world *w, uint32_t bursts)
{
	for (uint32_t k = 0; k < KIND_CNT; k++) {
		double step[3];

		for (uint32_t i = 0; i < 3; i++)
			step[i] = (double)bench_median(cycles[k][i], bursts) / BENCH_BURST;
		printf(b->json ? "{\"bench\":\"input\",\"kind\":\"%s\",\"connections\":%u,"
				 "\"parse\":%.0f,\"lookup\":%.0f,\"input\":%.0f}\n"
			       : "%-8s %8u connections: parse %4.0f lookup %4.0f input %5.0f\n",
			kind_name[k], w->held, step[0], step[1], step[2]);
	}
	fflush(stdout);
}

static void measure(const struct bench *b, uint32_t held)
{
	static struct world w;
	struct stack_config c;
	struct leat_addr local = bench_server_addr();
	struct leat_conn listener;
	uint32_t bursts = b->quick ? BURSTS / 20 : BURSTS;

	w = (struct world){.held = held / BENCH_BURST * BENCH_BURST, .now = TIME_S};
	bench_http_config(&c, true, 4 * BENCH_BURST, false);
	c.tcp.tcb_max = w.held + SPARE + 64;
	w.s = bench_stack_new(&c, w.now, &w.mem);
	ASSERT(leat_listen(w.s, &local, 4 * BENCH_BURST, &listener) == LEAT_OK);
	bench_forge_new(&w.forge, w.held + SPARE);
	leat_prng_seed(&w.prng, held);
	memset(w.full, 'x', sizeof(w.full) - 1);
	for (uint64_t n = 0; n < w.held; n += BENCH_BURST)
		open_burst(&w, n, false);
	for (w.burst = 0; w.burst < bursts; w.burst++)
		measure_burst(&w);
	bench_http_check(w.s);
	tell(b, &w, bursts);
	free(w.forge.conn);
	free(w.mem);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	uint64_t size[SIZES];
	uint32_t cnt = bench_numbers(
		argc, argv, "--connections", b.quick ? "1000" : "1000,1000000", size, SIZES);

	for (uint32_t i = 0; i < cnt; i++) {
		if (size[i] < BENCH_BURST || size[i] > 100000000) {
			fprintf(stderr, "connections are from %d to 100000000\n", BENCH_BURST);
			return 2;
		}
		measure(&b, (uint32_t)size[i]);
	}
	return 0;
}
