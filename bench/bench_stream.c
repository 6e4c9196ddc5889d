/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a stream does one core carry, both ends of it on that core?
 *
 *	bench_stream [--json] [--quick] [--csum]
 *
 * One and 64 connections, MTU 1500 and 9000.  Ours: two stacks in one thread, without a device.
 *
 *	copy    leat_send and leat_recv, as a program uses sockets
 *	place   the text is made when it is sent (leat_send_source), and read in place (leat_peek)
 *
 * --csum sums in software what else a device would.  Beside it, in turn on the same core, the
 * kernel's sockets over its loopback, where nobody sums:
 *
 *	kernel  segments of the MTU, as ours are
 *	tso     64 KiB at once, which no wire of this MTU carries
 *
 * The figure is that of the best part, in bits of text a second of the core; the ratio is to
 * "kernel". */
#include "bench_pair.h"
#include "stream.h"

#include <sched.h>

#define CONNS_MAX   64
#define PARTS       400 /* short: some of them nobody interrupts */
#define PARTS_QUICK 10
#define PART_OCTETS (UINT64_C(4) << 20)
#define HDR_OCTETS  (14 + 20 + 32) /* with timestamps */
#define TURN_NS     TIME_US
#define WINDOW      STREAM_PIECE        /* of a connection, as in the kernel's */
#define QUEUED      (UINT64_C(1) << 28) /* octets of a source at most */

enum kind {
	KIND_COPY,
	KIND_PLACE,
	KIND_KERNEL,
	KIND_TSO,
	KIND_CNT
};

static const char *const kind_name[KIND_CNT] = {"copy", "place", "kernel", "tso"};

struct run {
	struct bench_pair p;
	bool copy;
	uint64_t taken; /* octets that arrived */
	uint32_t open, conns;
	struct leat_source source;
};

struct best {
	double each; /* cycles of an octet, both ends */
	double sender, receiver;
	uint32_t switched;
};

static uint8_t text_out[STREAM_PIECE + 9000], text_in[STREAM_PIECE];

static void fill(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	(void)arg;
	memcpy(dst, text_out + offset % STREAM_PIECE, octets);
}

static void send_more(void *arg, const struct leat_event *ev)
{
	struct run *r = arg;
	struct leat_stack *s = r->p.client.s;

	r->open += (ev->bits & LEAT_CONNECTED) != 0;
	ASSERT(!(ev->bits & LEAT_CLOSED));
	if (r->copy) {
		while (leat_send(s, ev->conn, text_out, STREAM_PIECE) > 0)
			;
		return;
	}
	uint64_t room = leat_send_room(s, ev->conn);

	if (ev->bits & LEAT_CONNECTED || room > (UINT64_C(1) << 30) - QUEUED)
		(void)leat_send_source(s, ev->conn, &r->source, QUEUED / 2);
}

static void take(void *arg, const struct leat_event *ev)
{
	struct run *r = arg;
	struct leat_stack *s = r->p.server.s;
	const uint8_t *text;
	int64_t octets;

	if (!(ev->bits & LEAT_READABLE))
		return;
	if (r->copy) {
		while ((octets = leat_recv(s, ev->conn, text_in, sizeof(text_in))) > 0)
			r->taken += (uint64_t)octets;
		return;
	}
	while ((octets = leat_peek(s, ev->conn, &text)) > 0) {
		leat_take(s, ev->conn, (size_t)octets);
		r->taken += (uint64_t)octets;
	}
}

static void run_new(struct run *r, uint32_t mtu, bool csum)
{
	struct stack_config c[2];
	struct leat_addr local = {0}, remote = bench_server_addr();
	uint32_t segs = WINDOW / (mtu - 52) + 2;
	uint32_t frames = 2 * r->conns * segs + 32 * BENCH_BURST;

	for (uint32_t end = 0; end < 2; end++) {
		bench_pair_config(&c[end], end == 1, csum);
		c[end].tcp.tcb_max = 2 * CONNS_MAX + 64;
		c[end].tcp.rbuf_max = c[end].tcp.srec_max = u32_max(2 * r->conns * segs, 4096);
		c[end].tcp.ext_max = 2 * CONNS_MAX;
		c[end].source_max = 2 * CONNS_MAX;
		c[end].send_buf_octets = WINDOW;
		c[end].send_chunk_cnt = 2 * r->conns * WINDOW / STACK_CHUNK_OCTETS;
		c[end].link.mtu = c[end].knobs.mtu = (uint16_t)mtu;
		c[end].knobs.rcv_buf_octets = WINDOW;
		c[end].knobs.rcv_seg_max = (uint16_t)(2 * segs);
		c[end].knobs.rbuf_octets = (uint16_t)(mtu - 52);
	}
	r->p.csum = csum;
	r->source = (struct leat_source){fill, NULL};
	bench_pair_new(&r->p, c, frames, mtu + 18);
	for (uint32_t i = 0; i < r->conns; i++) {
		struct leat_conn conn;
		int error = leat_connect(r->p.client.s, &local, &remote, &conn);

		ASSERT(error == LEAT_OK);
	}
}

__attribute__((noinline)) static void turns(struct run *r, uint64_t until)
{
	while (r->taken < until) {
		r->p.client.now = r->p.server.now += TURN_NS;
		bench_turn(&r->p, &r->p.client, (struct bench_user){send_more, NULL}, r);
		bench_turn(&r->p, &r->p.server, (struct bench_user){take, NULL}, r);
	}
}

/* Octets of text, those on the way included. */
static uint64_t text_sent(const struct run *r)
{
	const struct stack_counters *c = leat_stack_counters(r->p.client.s);

	return c->octets_out - c->frames_out * HDR_OCTETS;
}

static void ours(const struct bench *b, struct run *r, struct best *best)
{
	turns(r, 8 * PART_OCTETS); /* until the windows are open */
	ASSERT(r->open == r->conns);
	best->each = 1e18;
	for (uint32_t i = 0; i < (b->quick ? PARTS_QUICK : PARTS); i++) {
		uint64_t before = r->taken, sent = text_sent(r), switched = bench_switched();

		bench_end_clear(&r->p.client);
		bench_end_clear(&r->p.server);
		turns(r, before + PART_OCTETS);
		/* What is on the way at both ends of a part is not the same. */
		double sender = (double)r->p.client.cycles / (double)(text_sent(r) - sent);
		double receiver = (double)r->p.server.cycles / (double)(r->taken - before);

		best->switched += bench_switched() != switched;
		if (sender + receiver < best->each)
			*best = (struct best){sender + receiver, sender, receiver, best->switched};
	}
	ASSERT(leat_stack_tcp(r->p.client.s)->emitted_again == 0);
	bench_pair_free(&r->p);
}

static void tell(const struct bench *b, const struct run *r, uint32_t mtu, const struct best *best)
{
	double ghz = bench_ghz();

	for (uint32_t k = 0; k < KIND_CNT; k++) {
		if (best[k].each <= 0)
			continue;
		printf(b->json ? "{\"bench\":\"stream\",\"kind\":\"%s\",\"mtu\":%u,"
				 "\"connections\":%u,\"csum\":%s,\"gbit_per_core\":%.2f"
			       : "%-6s MTU %4u, %2u connections, csum %s: %6.2f Gbit/s a core",
			kind_name[k], mtu, r->conns,
			k < KIND_KERNEL && r->p.csum ? "true" : "false", 8 * ghz / best[k].each);
		if (best[KIND_KERNEL].each > 0)
			printf(b->json ? ",\"to_kernel\":%.2f" : ", %.2f times the kernel's",
				best[KIND_KERNEL].each / best[k].each);
		if (k < KIND_KERNEL)
			printf(b->json ? ",\"sender_cycles_per_octet\":%.4f,"
					 "\"receiver_cycles_per_octet\":%.4f,"
					 "\"parts_switched\":%u"
				       : "; %.3f cycles an octet to send, %.3f to receive, "
					 "%u parts switched",
				best[k].sender, best[k].receiver, best[k].switched);
		printf(b->json ? "}\n" : "\n");
	}
	fflush(stdout);
}

static void measure(const struct bench *b, uint32_t mtu, uint32_t conns, bool csum)
{
	struct best best[KIND_CNT] = {{0, 0, 0, 0}};
	struct stream_want want = {.mtu = mtu,
		.conns = conns,
		.octets = PART_OCTETS,
		.parts = b->quick ? PARTS_QUICK : PARTS};
	struct run r;

	for (uint32_t k = 0; k < KIND_KERNEL; k++) {
		r = (struct run){.copy = k == KIND_COPY, .conns = conns};
		run_new(&r, mtu, csum);
		ours(b, &r, &best[k]);
	}
	want.cut = true;
	best[KIND_KERNEL].each = leat_stream_kernel(&want);
	want.cut = false;
	best[KIND_TSO].each = leat_stream_kernel(&want);
	tell(b, &r, mtu, best);
}

/* What the kernel does for this thread outside of it, it does on the same core. */
static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	static const uint32_t mtu[] = {1500, 9000}, conns[] = {1, CONNS_MAX};
	struct bench b = bench_args(argc, argv);
	bool csum = bench_has(argc, argv, "--csum");

	stay_here();
	for (uint32_t i = 0; i < COUNT_OF(mtu); i++)
		for (uint32_t k = 0; k < COUNT_OF(conns); k++)
			measure(&b, mtu[i], conns[k], csum);
	return 0;
}
