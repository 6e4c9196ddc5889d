/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a whole short HTTP connection cost each end, without a device?
 *
 *	bench_connection [--json] [--quick] [--concurrent N]... [--plain] [--csum]
 *
 * A client and a server in one thread; frames go over in bursts, through a queue as long as needed
 * to have N connections open.  A connection is six packets: SYN, SYN-ACK, ACK with the request,
 * response with FIN, FIN with ACK, ACK; the server closes first and has the TIME-WAIT.  --plain
 * offers no options but MSS, --csum sums in software what else a device would.
 *
 * Instructions: valgrind --tool=callgrind --toggle-collect=server_turn bench_connection --quick */
#include "bench.h"

#include "base_time.h"
#include "stack.h"

#define BURST          32
#define FRAME_OCTETS   512 /* the longest of these connections is shorter */
#define MTU            1500
#define PORT           80
#define CLIENTS        64 /* addresses of the client */
#define PORT_FROM      1024
#define PORT_TO        65535
#define TURN_NS        TIME_US
#define TWO_MSL        (500 * TIME_US)
#define WAITING_MAX    16384 /* records in TIME-WAIT: what closes in 2MSL */
#define CONNS_MIN      200000
#define PARTS          100 /* short: some of them nobody interrupts */
#define CONNS_QUICK    20000
#define CONCURRENT_MAX 8

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
static const char response[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n"
	"Connection: close\r\n\r\n"
	"################################################################";

struct frame {
	uint32_t octets;
	uint8_t data[FRAME_OCTETS];
};

/* The frames on their way to one end. */
struct wire {
	struct frame **frame;
	uint32_t head, cnt, mask;
};

/* What a turn does, in its order. */
enum stage {
	STAGE_FRAMES, /* this program's own: to take frames off the queue */
	STAGE_PARSE,
	STAGE_LOOKUP,
	STAGE_INPUT,
	STAGE_TIMERS,
	STAGE_USER,
	STAGE_OUTPUT,
	STAGE_GIVE,
	STAGE_CNT
};

static const char *const stage_name[STAGE_CNT] = {
	"frames", "parse", "lookup", "input", "timers", "user", "output", "give"};

struct end {
	struct leat_stack *s;
	struct wire *in, *out;
	uint64_t cycles, frames;
	uint64_t stage[STAGE_CNT]; /* cycles */
	uint64_t stage_from;
	struct leat_conn listener;
};

struct run {
	struct end client, server;
	struct wire to_server, to_client;
	struct frame *frame;
	struct frame **free_frame;
	uint32_t free_cnt;
	uint64_t now;
	uint64_t done;
	uint32_t concurrent, open;
	void *mem[4];
	bool plain, csum;
};

static struct mac station(uint8_t last)
{
	return (struct mac){{2, 0, 0, 0, 0, last}};
}

static void configure(const struct run *r, bool server, struct stack_config *c)
{
	uint32_t records = r->concurrent + (server ? WAITING_MAX : 64) + 64;

	leat_stack_config_default(c);
	c->tcp.tcb_max = records;
	c->tcp.rbuf_max = u32_max(r->concurrent / 4, 4096);
	c->tcp.ext_max = u32_max(r->concurrent, 64);
	c->tcp.srec_max = u32_max(2 * r->concurrent, 4096);
	c->send_chunk_cnt = u32_max(r->concurrent, 64);
	c->target_max = 1;
	c->neigh_max = 2 * CLIENTS;
	c->port_from = PORT_FROM;
	c->port_to = PORT_TO;
	c->knobs.two_msl_ns = TWO_MSL;
	c->tx_csum_l4 = c->tx_csum_ip = !r->csum;
	if (r->plain)
		c->knobs.sack = c->knobs.timestamps = c->knobs.wscale = false;
	c->link.mac = station(server ? 2 : 1);
	c->link.local_cnt = 1;
	c->link.local[0] =
		(struct wire_local){ip_from4(server ? 0x0a000001 : 0x0a000002), server ? 30 : 8};
	if (server) {
		c->gateway4 = ip_from4(0x0a000002); /* clients come from beyond a router */
	} else {
		c->link.range_from = ip_from4(0x0a010000);
		c->link.range_to = ip_from4(0x0a010000 + CLIENTS - 1);
	}
}

static struct leat_stack *stack_of(struct run *r, bool server)
{
	struct stack_config c;
	char why[128];

	configure(r, server, &c);
	const char *error = leat_stack_config_error(&c, why, sizeof(why));
	if (error != NULL)
		fprintf(stderr, "%s\n", error);
	r->mem[server] = bench_memory(leat_stack_footprint(&c));
	struct leat_stack *s = leat_stack_new(r->mem[server], &c, r->now);
	struct inet_neigh *n = leat_stack_neigh(s);

	leat_inet_neigh_set(n, ip_from4(0x0a000001), station(2));
	leat_inet_neigh_set(n, ip_from4(0x0a000002), station(1));
	return s;
}

static void wire_new(struct wire *w, uint32_t max)
{
	uint32_t slots = 1;

	while (slots < max)
		slots *= 2;
	w->frame = calloc(slots, sizeof(struct frame *));
	ASSERT(w->frame != NULL);
	w->mask = slots - 1;
}

static void run_new(struct run *r)
{
	uint32_t frames = 2 * r->concurrent + 16 * BURST;

	r->now = TIME_S;
	wire_new(&r->to_server, frames);
	wire_new(&r->to_client, frames);
	r->mem[2] = bench_memory(frames * sizeof(struct frame));
	r->mem[3] = bench_memory(frames * sizeof(struct frame *));
	r->frame = r->mem[2];
	r->free_frame = r->mem[3];
	for (uint32_t i = 0; i < frames; i++)
		r->free_frame[r->free_cnt++] = &r->frame[i];
	r->client =
		(struct end){.s = stack_of(r, false), .in = &r->to_client, .out = &r->to_server};
	r->server = (struct end){.s = stack_of(r, true), .in = &r->to_server, .out = &r->to_client};
	struct leat_addr local = {.family = 4, .octet = {10, 0, 0, 1}, .port = PORT};
	ASSERT(leat_listen(r->server.s, &local, 2 * r->concurrent + 64, &r->server.listener) ==
		LEAT_OK);
}

static void run_free(struct run *r)
{
	for (uint32_t i = 0; i < COUNT_OF(r->mem); i++)
		free(r->mem[i]);
	free(r->to_server.frame);
	free(r->to_client.frame);
}

/* ---- the two programs ---- */

static void serve(struct run *r, const struct leat_event *ev)
{
	struct leat_stack *s = r->server.s;
	const uint8_t *text;

	if (ev->bits & LEAT_READABLE) {
		int64_t octets = leat_peek(s, ev->conn, &text);

		ASSERT(octets == sizeof(request) - 1 && memcmp(text, "GET ", 4) == 0);
		leat_take(s, ev->conn, (size_t)octets);
		ASSERT(leat_send(s, ev->conn, response, sizeof(response) - 1) ==
			sizeof(response) - 1);
		leat_close(s, ev->conn);
	}
}

static void ask(struct run *r, const struct leat_event *ev)
{
	struct leat_stack *s = r->client.s;
	const uint8_t *text;

	if (ev->bits & LEAT_CONNECTED)
		leat_send(s, ev->conn, request, sizeof(request) - 1);
	if (ev->bits & LEAT_PEER_CLOSED) {
		int64_t octets = leat_peek(s, ev->conn, &text);

		ASSERT(octets == sizeof(response) - 1);
		leat_take(s, ev->conn, (size_t)octets);
		leat_close(s, ev->conn);
		r->open--;
		r->done++;
	}
}

/* As many as are missing, a burst at a time. */
static void open_more(struct run *r)
{
	struct leat_addr local = {0};
	struct leat_addr remote = {.family = 4, .octet = {10, 0, 0, 1}, .port = PORT};

	for (uint32_t i = 0; i < BURST && r->open < r->concurrent; i++) {
		struct leat_conn conn;

		if (leat_connect(r->client.s, &local, &remote, &conn) != LEAT_OK)
			break; /* records of closed ones are in LAST-ACK still */
		r->open++;
	}
}

/* ---- turns ---- */

/* The cycles since the last call, or since the turn began, were this stage's. */
static void stage_done(struct end *e, enum stage stage)
{
	uint64_t now = bench_cycles();

	e->stage[stage] += now - e->stage_from;
	e->stage_from = now;
}

static void input(struct run *r, struct end *e)
{
	struct stack_burst b;
	struct wire *w = e->in;

	b.cnt = u32_min(w->cnt, BURST);
	for (uint32_t i = 0; i < b.cnt; i++) {
		struct frame *f = w->frame[w->head++ & w->mask];
		uint8_t csum = r->csum ? WIRE_CSUM_UNKNOWN : WIRE_CSUM_GOOD;

		b.pkt[i].frame = f->data;
		b.pkt[i].octets = f->octets;
		b.pkt[i].buf = f;
		b.pkt[i].ip_csum = b.pkt[i].l4_csum = csum;
	}
	w->cnt -= b.cnt;
	stage_done(e, STAGE_FRAMES);
	leat_stack_parse(e->s, &b);
	stage_done(e, STAGE_PARSE);
	leat_stack_lookup(e->s, &b);
	stage_done(e, STAGE_LOOKUP);
	leat_stack_input(e->s, &b, r->now);
	stage_done(e, STAGE_INPUT);
}

static void output(struct run *r, struct end *e)
{
	struct stack_frame out[BURST];
	struct wire *w = e->out;
	uint32_t cnt;

	do {
		ASSERT(r->free_cnt >= BURST);
		for (uint32_t i = 0; i < BURST; i++) {
			out[i].data = r->free_frame[r->free_cnt - 1 - i]->data;
			out[i].room = FRAME_OCTETS;
		}
		cnt = leat_stack_output(e->s, r->now, out, BURST);
		for (uint32_t i = 0; i < cnt; i++) {
			struct frame *f = r->free_frame[--r->free_cnt];

			f->octets = out[i].octets;
			w->frame[(w->head + w->cnt++) & w->mask] = f;
		}
		e->frames += cnt;
	} while (cnt == BURST);
}

static void give(struct run *r, struct end *e)
{
	void *buf[BURST];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(e->s, buf, BURST);
		for (uint32_t i = 0; i < cnt; i++)
			r->free_frame[r->free_cnt++] = buf[i];
	} while (cnt == BURST);
}

__attribute__((noinline)) static void server_turn(struct run *r)
{
	struct end *e = &r->server;
	uint64_t from = e->stage_from = bench_cycles();
	struct leat_event ev;

	input(r, e);
	leat_stack_timers(e->s, r->now, BURST);
	stage_done(e, STAGE_TIMERS);
	while (leat_next_event(e->s, &ev))
		serve(r, &ev);
	stage_done(e, STAGE_USER);
	output(r, e);
	stage_done(e, STAGE_OUTPUT);
	give(r, e);
	stage_done(e, STAGE_GIVE);
	e->cycles += e->stage_from - from;
}

__attribute__((noinline)) static void client_turn(struct run *r)
{
	struct end *e = &r->client;
	uint64_t from = e->stage_from = bench_cycles();
	struct leat_event ev;

	input(r, e);
	leat_stack_timers(e->s, r->now, BURST);
	stage_done(e, STAGE_TIMERS);
	while (leat_next_event(e->s, &ev))
		ask(r, &ev);
	open_more(r);
	stage_done(e, STAGE_USER);
	output(r, e);
	stage_done(e, STAGE_OUTPUT);
	give(r, e);
	stage_done(e, STAGE_GIVE);
	e->cycles += e->stage_from - from;
}

static void turns(struct run *r, uint64_t until)
{
	while (r->done < until) {
		r->now += TURN_NS;
		client_turn(r);
		server_turn(r);
	}
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* The best of the parts of a run. */
struct best {
	double server, client, packets;
	double stage[STAGE_CNT]; /* of the server, in the part where it was best */
};

static void part_begin(struct run *r)
{
	r->client.cycles = r->server.cycles = r->client.frames = r->server.frames = 0;
	memset(r->server.stage, 0, sizeof(r->server.stage));
}

static void part_end(const struct run *r, uint64_t conns, struct best *best)
{
	double cnt = (double)conns, server = (double)r->server.cycles / cnt;

	best->client = least(best->client, (double)r->client.cycles / cnt);
	best->packets += (double)(r->client.frames + r->server.frames) / cnt / PARTS;
	if (server >= best->server)
		return;
	best->server = server;
	for (uint32_t i = 0; i < STAGE_CNT; i++)
		best->stage[i] = (double)r->server.stage[i] / cnt;
}

static void tell(const struct bench *b, const struct run *r, const struct best *best)
{
	const char *form = b->json ? "{\"bench\":\"connection\",\"concurrent\":%u,\"options\":%s,"
				     "\"csum\":%s,\"server_cycles_per_connection\":%.0f,"
				     "\"client_cycles_per_connection\":%.0f,"
				     "\"packets_per_connection\":%.2f,\"connections\":%llu"
				   : "%8u concurrent, options %s, csum %s: server %6.0f cycles per "
				     "connection, client %6.0f, %.2f packets, %llu connections\n";

	printf(form, r->concurrent, r->plain ? "false" : "true", r->csum ? "true" : "false",
		best->server, best->client, best->packets, (unsigned long long)r->done);
	for (uint32_t i = 0; i < STAGE_CNT; i++)
		printf(b->json ? ",\"%s\":%.0f" : " %s %.0f", stage_name[i], best->stage[i]);
	if (b->json)
		printf(",\"ghz\":%.3f}", bench_ghz());
	printf("\n");
	fflush(stdout);
}

/* What the others on this machine take can only add, so the least of the parts is told. */
static void measure(const struct bench *b, uint32_t concurrent, bool plain, bool csum)
{
	struct run r = {.concurrent = concurrent, .plain = plain, .csum = csum};
	uint64_t conns = b->quick ? CONNS_QUICK : u64_max(CONNS_MIN, 2 * (uint64_t)concurrent);
	struct best best = {.server = 1e18, .client = 1e18};

	run_new(&r);
	turns(&r, concurrent + conns / 4); /* until it is as it will be */
	for (uint32_t part = 0; part < PARTS; part++) {
		uint64_t before = r.done;

		part_begin(&r);
		turns(&r, before + conns / PARTS);
		part_end(&r, r.done - before, &best);
	}
	tell(b, &r, &best);
	const struct tcp_counters *t = leat_stack_tcp(r.server.s);
	ASSERT(t->ended[TCP_END_RESET] + t->ended[TCP_END_TIMEOUT] + t->ended[TCP_END_ABORTED] ==
		0);
	ASSERT(t->emitted_again == 0);
	run_free(&r);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	uint32_t concurrent[CONCURRENT_MAX] = {1000, 100000, 1000000}, cnt = 0;
	bool plain = false, csum = false;

	for (int i = 1; i < argc; i++) {
		plain |= strcmp(argv[i], "--plain") == 0;
		csum |= strcmp(argv[i], "--csum") == 0;
		if (strcmp(argv[i], "--concurrent") == 0 && i + 1 < argc && cnt < CONCURRENT_MAX)
			concurrent[cnt++] = (uint32_t)strtoul(argv[++i], NULL, 10);
	}
	if (cnt == 0)
		cnt = b.quick ? 1 : 3;
	for (uint32_t i = 0; i < cnt; i++)
		measure(&b, concurrent[i], plain, csum);
	return 0;
}
