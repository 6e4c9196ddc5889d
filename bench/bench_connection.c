/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a whole short HTTP connection cost each end, without a device?
 *
 *	bench_connection [--json] [--quick] [--concurrent N,N,...] [--plain] [--csum] [--forged]
 *
 * A client and a server in one thread, N connections open.  A connection is six packets: SYN,
 * SYN-ACK, ACK with the request, response with FIN, FIN with ACK, ACK; the server closes first and
 * has the TIME-WAIT.  --plain offers no options but MSS, --csum sums in software what else a device
 * would.
 *
 * --forged has a server only: the clients' segments are written by the benchmark, outside of what
 * is measured, so that 10 million fit into memory.  Each is open for as long as N others begin;
 * nine tenths of that its request is awaited, one tenth its ACK of the response.
 *
 * Instructions: valgrind --tool=callgrind --toggle-collect=server_turn bench_connection --quick */
#include "bench_forge.h"
#include "bench_http.h"
#include "bench_perf.h"

#define TURN_NS        TIME_US
#define CONNS_MIN      200000
#define PARTS          100 /* short: some of them nobody interrupts */
#define CONNS_QUICK    20000
#define WAVES_MIN      3
#define PACKETS        3 /* of a connection, each way */
#define CONCURRENT_MAX 8
#define FORGED_MIN     1000    /* so that a client's segments are never in one burst */
#define SLOW           1000000 /* with more, turns are shorter, so that no timeout comes */

static const char *const stage_name[BENCH_STAGE_CNT] = {
	"frames", "parse", "lookup", "input", "timers", "user", "output", "give"};

/* Clients that are forged: those before `begun` have sent their SYN, and so on. */
struct forged {
	struct bench_forge f;
	uint64_t begun, asked;
	uint32_t next; /* whose turn of three it is */
};

struct run {
	struct bench_pair p;
	struct forged *forged; /* NULL: the client is a stack */
	uint64_t done, turn_ns;
	uint32_t concurrent, open;
	bool plain, csum;
	struct bench_perf perf;
	bool counting;
};

static void configure(const struct run *r, bool server, struct stack_config *c)
{
	bench_http_config(c, server, r->concurrent, r->csum);
	if (r->plain)
		c->knobs.sack = c->knobs.timestamps = c->knobs.wscale = false;
	c->knobs.two_msl_ns = BENCH_HTTP_TWO_MSL * r->turn_ns / TURN_NS;
	if (r->forged == NULL)
		return;
	/* A tenth at most has text on the way. */
	c->tcp.rbuf_max = 4096;
	c->tcp.ext_max = u32_max(r->concurrent / 8, 1024);
	c->tcp.srec_max = u32_max(r->concurrent / 4, 4096);
	c->send_chunk_cnt = u32_max(r->concurrent / 8, 1024);
}

/* The forged clients need no stack and no queue to speak of: the one that is there is small. */
static void run_new(struct run *r)
{
	struct stack_config c[2];
	uint32_t frames = 2 * r->concurrent + 16 * BENCH_BURST;

	r->turn_ns = r->concurrent > SLOW ? TURN_NS / 10 : TURN_NS;
	configure(r, false, &c[0]);
	configure(r, true, &c[1]);
	if (r->forged != NULL) {
		frames = 16 * BENCH_BURST;
		c[0].tcp.tcb_max = 64;
		c[0].tcp.ext_max = c[0].tcp.srec_max = c[0].send_chunk_cnt = 64;
		bench_forge_new(&r->forged->f, (uint64_t)r->concurrent + 4096);
	}
	r->p.csum = r->csum;
	bench_pair_new(&r->p, c, frames, BENCH_HTTP_ROOM);
}

static void run_free(struct run *r)
{
	bench_pair_free(&r->p);
	if (r->forged != NULL)
		free(r->forged->f.conn);
	free(r->forged);
}

/* ---- the two programs ---- */

static void serve(void *arg, const struct leat_event *ev)
{
	struct run *r = arg;

	bench_http_serve(r->p.server.s, ev);
}

static void ask(void *arg, const struct leat_event *ev)
{
	struct run *r = arg;

	if (bench_http_ask(r->p.client.s, ev)) {
		r->open--;
		r->done++;
	}
}

/* As many as are missing, a burst at a time. */
static void open_more(void *arg)
{
	struct run *r = arg;
	struct leat_addr local = {0}, remote = bench_server_addr();

	for (uint32_t i = 0; i < BENCH_BURST && r->open < r->concurrent; i++) {
		struct leat_conn conn;

		if (leat_connect(r->p.client.s, &local, &remote, &conn) != LEAT_OK)
			break; /* records of closed ones are in LAST-ACK still */
		r->open++;
	}
}

/* ---- turns ---- */

__attribute__((noinline)) static void server_turn(struct run *r)
{
	bench_turn(&r->p, &r->p.server, (struct bench_user){serve, NULL}, r);
}

__attribute__((noinline)) static void client_turn(struct run *r)
{
	bench_turn(&r->p, &r->p.client, (struct bench_user){ask, open_more}, r);
}

/* forge_one writes the next segment, if its client has something to send; its octets, or 0. */
static uint32_t forge_one(struct run *r, uint8_t *frame)
{
	struct forged *g = r->forged;
	uint64_t behind = g->begun - g->asked, open = g->begun - r->done;

	g->next = (g->next + 1) % 3;
	if (g->next == 0)
		return bench_forge_put(&g->f, frame, g->begun++, TCP_SYN, NULL);
	if (g->next == 1 && behind > r->concurrent - r->concurrent / 10)
		return bench_forge_put(
			&g->f, frame, g->asked++, TCP_ACK | TCP_PSH, bench_http_request);
	if (g->next == 2 && open > r->concurrent)
		return bench_forge_put(&g->f, frame, r->done++, TCP_ACK | TCP_FIN, NULL);
	return 0;
}

/* forged_turn stands for client_turn: takes what the server sent, and has a burst for it. */
static void forged_turn(struct run *r)
{
	struct bench_wire *in = &r->p.to_client, *out = &r->p.to_server;

	for (; in->cnt > 0; in->cnt--) {
		struct bench_frame *f = in->frame[in->head++ & in->mask];

		bench_forge_hear(&r->forged->f, f->data, f->octets);
		r->p.client.frames++;
		r->p.free_frame[r->p.free_cnt++] = f;
	}
	for (uint32_t i = 0; i < BENCH_BURST; i++) {
		struct bench_frame *f = r->p.free_frame[r->p.free_cnt - 1];

		f->at = 0;
		f->octets = forge_one(r, f->data);
		if (f->octets == 0)
			continue;
		r->p.free_cnt--;
		out->frame[(out->head + out->cnt++) & out->mask] = f;
	}
}

static void turns(struct run *r, uint64_t until)
{
	while (r->done < until) {
		r->p.client.now = r->p.server.now += r->turn_ns;
		if (r->forged != NULL)
			forged_turn(r);
		else
			client_turn(r);
		if (r->counting)
			bench_perf_count(&r->perf, true);
		server_turn(r);
		if (r->counting)
			bench_perf_count(&r->perf, false);
	}
}

/* The best of the parts of a run. */
struct best {
	double server, client;
	uint64_t frames, conns;        /* of all parts */
	double stage[BENCH_STAGE_CNT]; /* of the server, in the part where it was best */
	uint32_t switched;             /* parts in which somebody else ran as well */
};

static void part_end(const struct run *r, uint64_t conns, struct best *best)
{
	const struct bench_end *client = &r->p.client, *server = &r->p.server;
	/* By packets: a part begins and ends anywhere in a wave. */
	double cnt = (double)server->frames / PACKETS, cycles = (double)server->cycles / cnt;

	best->client = bench_least(best->client, (double)client->cycles / cnt);
	best->frames += client->frames + server->frames;
	best->conns += conns;
	if (cycles >= best->server)
		return;
	best->server = cycles;
	for (uint32_t i = 0; i < BENCH_STAGE_CNT; i++)
		best->stage[i] = (double)server->stage[i] / cnt;
}

static void tell(const struct bench *b, struct run *r, const struct best *best, double counted)
{
	const char *form = b->json ? "{\"bench\":\"connection\",\"concurrent\":%u,\"options\":%s,"
				     "\"csum\":%s,\"server_cycles_per_connection\":%.0f,"
				     "\"packets_per_connection\":%.2f,\"connections\":%llu,"
				     "\"parts_switched\":%u"
				   : "%8u concurrent, options %s, csum %s: server %6.0f cycles per "
				     "connection, %.2f packets, %llu connections, "
				     "%u parts switched\n";

	printf(form, r->concurrent, r->plain ? "false" : "true", r->csum ? "true" : "false",
		best->server, (double)best->frames / (double)best->conns,
		(unsigned long long)r->done, best->switched);
	if (r->forged == NULL)
		printf(b->json ? ",\"client_cycles_per_connection\":%.0f" : " client %.0f;",
			best->client);
	else
		printf(b->json ? ",\"forged\":true" : " forged;");
	for (uint32_t i = 0; i < BENCH_STAGE_CNT; i++)
		printf(b->json ? ",\"%s\":%.0f" : " %s %.0f", stage_name[i], best->stage[i]);
	bench_perf_tell(b, &r->perf, counted);
	if (b->json)
		printf(",\"ghz\":%.3f}", bench_ghz());
	printf("\n");
	fflush(stdout);
}

/* What the others on this machine take can only add, so the least of the parts is told.  What began
 * together goes on so, a wave of SYNs, one of requests, one of FINs, each as long as the queue: a
 * part is of whole waves.  Forged ones come one of each kind after the other. */
static void measure(const struct bench *b, struct run *r)
{
	uint64_t conns = b->quick ? CONNS_QUICK : CONNS_MIN, part = conns / PARTS, parts = PARTS;
	struct best best = {.server = 1e18, .client = 1e18};

	if (r->forged == NULL) {
		part = (part + r->concurrent - 1) / r->concurrent * r->concurrent;
		parts = u64_max(conns / part, WAVES_MIN);
	}
	run_new(r);
	turns(r, r->concurrent + conns / 4); /* until it is as it will be */
	for (uint64_t i = 0; i < parts; i++) {
		uint64_t before = r->done, switched = bench_switched();

		bench_end_clear(&r->p.client);
		bench_end_clear(&r->p.server);
		turns(r, before + part);
		part_end(r, r->done - before, &best);
		best.switched += bench_switched() != switched;
	}
	uint64_t before = r->done;

	bench_perf_open(&r->perf);
	r->counting = r->perf.fd[0] >= 0;
	if (r->counting)
		turns(r, before + part);
	tell(b, r, &best, (double)(r->done - before));
	bench_http_check(r->p.server.s);
	run_free(r);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	uint64_t concurrent[CONCURRENT_MAX];
	bool plain = bench_has(argc, argv, "--plain"), csum = bench_has(argc, argv, "--csum"),
	     forged = bench_has(argc, argv, "--forged");
	uint32_t cnt = bench_numbers(argc, argv, "--concurrent",
		b.quick ? "1000" : "1000,100000,1000000", concurrent, CONCURRENT_MAX);

	for (uint32_t i = 0; i < cnt; i++) {
		struct run r = {
			.concurrent = (uint32_t)concurrent[i], .plain = plain, .csum = csum};

		if (forged && concurrent[i] < FORGED_MIN) {
			fprintf(stderr, "--forged has %d at least\n", FORGED_MIN);
			return 2;
		}
		if (forged)
			r.forged = calloc(1, sizeof(*r.forged));
		measure(&b, &r);
	}
	return 0;
}
