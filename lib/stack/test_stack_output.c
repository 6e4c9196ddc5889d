/* SPDX-License-Identifier: BSD-3-Clause */

/* The short way of a segment that goes where the one before went, against the long one: a stack
 * that is asked for many frames at a time, and one that is asked for each alone, which forgets its
 * hop in between.  What both hear and are told to do is the same; so must be what they send. */

#define NET_FLIGHT_MAX 16 /* nothing flies */

#include "base_be.h"
#include "base_bits.h"
#include "stack_core.h"
#include "test_stack_net.h"

#define TCB_MAX   24
#define BATCH_MAX 32
#define SENT_MAX  2048
#define STEPS     3000

enum peer {
	PEER_NEAR,    /* on the link */
	PEER_GATEWAY, /* so too, and the gateway's address */
	PEER_FAR,     /* behind the gateway */
	PEER_SHY,     /* answers who asks for it now and then, and is held to be dead else */
	PEER_SIX,     /* IPv6 */
	PEER_CNT
};

/* What leaves by one step: segments, and questions of other kinds. */
struct sent {
	uint32_t cnt;
	uint64_t hash[SENT_MAX];
};

struct world {
	struct net n;
	uint32_t batch;
	uint64_t segment_cnt, held_cnt_max;
	struct sent segment, other;
};

static struct ip ip_of(enum peer p)
{
	static const uint32_t ip4[] = {0x0a000003, 0x0a000004, 0xc0a80707, 0x0a000005};

	return p == PEER_SIX ? net_ip(2, 6) : ip_from4(ip4[p]);
}

static struct mac mac_of(enum peer p)
{
	return (struct mac){{2, 0, 0, 0, 1, (uint8_t)(p == PEER_FAR ? PEER_GATEWAY : p)}};
}

static enum peer peer_of(struct ip ip)
{
	for (uint32_t p = 0; p < PEER_CNT; p++)
		if (ip_eq(ip, ip_of((enum peer)p)))
			return (enum peer)p;
	fail_msg("an address that nobody has");
	return PEER_CNT;
}

static void start(struct world *w, uint64_t seed, uint32_t batch, uint16_t vlan)
{
	*w = (struct world){.batch = batch};
	net_init(&w->n, seed);
	for (uint32_t i = 0; i < 2; i++) {
		struct stack_config *c = &w->n.config[i];

		c->tcp.tcb_max = TCB_MAX;
		c->tcp.rbuf_max = 64;
		c->send_chunk_cnt = 64;
		c->neigh_max = 8;
		c->link.vlan = vlan;
	}
	w->n.config[1].gateway4 = ip_of(PEER_GATEWAY);
	net_start(&w->n);
	net_listen(&w->n, 1, 4, 80, 8);
	net_listen(&w->n, 1, 6, 80, 8);
	leat_inet_neigh_set(leat_stack_neigh(w->n.stack[1]), ip_of(PEER_SIX), mac_of(PEER_SIX));
}

/* A segment from the peer of `to`, a tuple of ours. */
static void says(struct world *w, const struct tuple *to, const struct seg *seg)
{
	static const char text[64];
	const struct tuple from = tuple_turned(to);
	struct wire_link link = w->n.config[0].link;
	uint8_t frame[NET_FRAME_MAX];

	link.mac = mac_of(peer_of(to->remote));
	net_inject(&w->n, 1, frame, net_frame_of(&w->n, &link, frame, &from, seg, text));
}

static void answers(struct world *w, enum peer p)
{
	struct wire_link link = w->n.config[0].link;
	const struct mac *ours = &w->n.config[1].link.mac;
	struct arp arp = {.op = WIRE_ARP_REPLY,
		.sender_mac = mac_of(p),
		.target_mac = *ours,
		.sender_ip = ip_to4(ip_of(p)),
		.target_ip = ip_to4(net_ip(1, 4))};
	uint8_t frame[64];

	link.mac = arp.sender_mac;
	uint32_t octets = leat_wire_l2_put(frame, &link, ours, WIRE_ETHERTYPE_ARP);

	octets += leat_wire_arp_put(frame + octets, &arp);
	net_inject(&w->n, 1, frame, octets);
}

/* The record of number i, or NULL: there is no connection in it. */
static struct tcb *tcb_at(struct world *w, uint32_t i)
{
	struct tcb *tcb = leat_tcp_tcb(leat_stack_engine(w->n.stack[1]), i);

	return tcb->state > TCP_ST_LISTEN ? tcb : NULL;
}

/* The peer of tcb says something to it: takes its SYN, or all it sent, with or without text. */
static void peer_speaks(struct world *w, struct tcb *tcb, uint32_t text)
{
	struct tuple tuple;
	struct seg seg = {.seq = tcb->rcv.nxt, .ack = tcb->snd.nxt, .flags = TCP_ACK, .wnd = 8000};

	leat_tcp_tuple(leat_stack_engine(w->n.stack[1]), tcb, &tuple);
	if (tcb->state == TCP_ST_SYN_SENT) {
		seg.seq = seq_of(1000);
		seg.flags |= TCP_SYN;
		seg.len = 1;
	} else {
		seg.len = seg.text = (uint16_t)text;
	}
	says(w, &tuple, &seg);
}

static int64_t connects(struct world *w, enum peer p, uint32_t number)
{
	struct leat_addr any = {0}, remote = net_addr(2, 6, (uint16_t)(1000 + number));
	struct leat_conn c;

	if (p != PEER_SIX) {
		remote = net_addr(2, 4, remote.port);
		be32_put(remote.octet, ip_to4(ip_of(p)));
	}
	return leat_connect(w->n.stack[1], &any, &remote, &c);
}

static void opens(struct world *w, enum peer p, uint32_t number)
{
	const struct tuple to = {
		net_ip(1, p == PEER_SIX ? 6 : 4), ip_of(p), 80, (uint16_t)(20000 + number), 0};
	const struct seg syn = {.seq = seq_of(1000), .flags = TCP_SYN, .wnd = 8000, .len = 1};

	says(w, &to, &syn);
}

/* One thing that happens, by number; gives what the call gave. */
static int64_t happens(struct world *w, uint32_t what, uint32_t whom, uint32_t number)
{
	static const uint8_t text[4000];
	struct leat_stack *s = w->n.stack[1];
	struct tcb *tcb = tcb_at(w, whom % TCB_MAX);
	enum peer p = (enum peer)(whom % PEER_CNT);

	if (what == 0)
		return connects(w, p, number);
	if (what == 1)
		opens(w, p, number);
	else if (what == 2 && p < PEER_SIX && p != PEER_FAR)
		answers(w, p);
	else if (what == 3 && number % 8 == 0)
		leat_stack_link(s, number % 16 == 0);
	if (what <= 3 || tcb == NULL)
		return 0;
	if (what < 9)
		peer_speaks(w, tcb, what < 7 ? 0 : number % 64);
	else if (what < 14)
		return leat_send(s, leat_stack_handle(tcb), text, number % sizeof(text));
	else if (what == 14)
		return leat_close(s, leat_stack_handle(tcb));
	return 0;
}

static void user(struct world *w)
{
	struct leat_event event;
	uint8_t text[256];

	while (leat_next_event(w->n.stack[1], &event)) {
		while (leat_recv(w->n.stack[1], event.conn, text, sizeof(text)) > 0)
			;
		if (event.bits & LEAT_CLOSED)
			(void)leat_release(w->n.stack[1], event.conn);
	}
}

static void note(struct world *w, const struct stack_frame *f)
{
	struct sent *sent = f->is_tcp ? &w->segment : &w->other;
	struct hash_key key = {f->again, f->l2_octets * 256U + f->l3_octets};
	uint64_t word[NET_FRAME_MAX / 8 + 1] = {f->octets};

	memcpy(&word[1], f->data, f->octets);
	assert_true(sent->cnt < SENT_MAX);
	sent->hash[sent->cnt++] = leat_hash_sip13(&key, word, 2 + f->octets / 8);
	w->segment_cnt += f->is_tcp;
}

static void sends(struct world *w)
{
	static uint8_t room[BATCH_MAX][NET_FRAME_MAX];
	struct stack_frame frame[BATCH_MAX];
	uint32_t cnt;

	w->segment.cnt = w->other.cnt = 0;
	do {
		for (uint32_t i = 0; i < w->batch; i++)
			frame[i] = (struct stack_frame){.data = room[i], .room = NET_FRAME_MAX};
		cnt = leat_stack_output(w->n.stack[1], w->n.now, frame, w->batch);
		for (uint32_t i = 0; i < cnt; i++)
			note(w, &frame[i]);
	} while (cnt > 0);
	w->held_cnt_max = u64_max(w->held_cnt_max, w->n.stack[1]->held_cnt);
}

static void same(const struct world *a, const struct world *b, uint64_t seed, uint32_t step)
{
	const struct leat_stack *s = a->n.stack[1], *t = b->n.stack[1];
	const char *what = NULL;

	if (a->segment.cnt != b->segment.cnt ||
		memcmp(a->segment.hash, b->segment.hash, a->segment.cnt * 8) != 0)
		what = "segments";
	else if (a->other.cnt != b->other.cnt ||
		 memcmp(a->other.hash, b->other.hash, a->other.cnt * 8) != 0)
		what = "questions";
	else if (memcmp(leat_stack_counters(s), leat_stack_counters(t),
			 sizeof(struct stack_counters)) != 0)
		what = "counters of the stack";
	else if (s->held_cnt != t->held_cnt || s->park_cnt != t->park_cnt)
		what = "those who wait";
	if (what != NULL)
		fail_msg(
			"seed %u, step %u, %u at a time: %s", (uint32_t)seed, step, b->batch, what);
}

static void play(uint64_t seed, uint32_t batch, uint16_t vlan)
{
	static struct world w[2];
	struct prng prng;

	leat_prng_seed(&prng, seed);
	start(&w[0], seed, 1, vlan);
	start(&w[1], seed, batch, vlan);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t cnt = leat_prng_below(&prng, 24);
		uint64_t rest_ns = TIME_MS << leat_prng_below(&prng, 12);

		for (uint32_t i = 0; i < cnt; i++) {
			uint32_t what = leat_prng_below(&prng, 15);
			uint32_t whom = leat_prng_below(&prng, TCB_MAX * PEER_CNT);
			uint32_t number = leat_prng_below(&prng, 4000);

			assert_int_equal(happens(&w[0], what, whom, number),
				happens(&w[1], what, whom, number));
		}
		for (uint32_t i = 0; i < 2; i++) {
			user(&w[i]);
			sends(&w[i]);
			net_ledger(&w[i].n);
		}
		same(&w[0], &w[1], seed, step);
		for (uint32_t i = 0; i < 2; i++) {
			w[i].n.now += rest_ns;
			while (leat_stack_timers(w[i].n.stack[1], w[i].n.now, 64) == 64)
				;
			net_give(&w[i].n, 1);
		}
	}
	print_message("seed %u: %u segments, %u held at once\n", (uint32_t)seed,
		(uint32_t)w[1].segment_cnt, (uint32_t)w[1].held_cnt_max);
	assert_true(w[1].segment_cnt > STEPS);
	assert_true(w[1].held_cnt_max > 1);
	for (uint32_t i = 0; i < 2; i++)
		net_stop(&w[i].n);
}

static void a_segment_the_short_way_is_as_one_the_long_way(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		play(seed, seed % 2 ? BATCH_MAX : 7, seed % 3 ? 0 : 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_the_short_way_is_as_one_the_long_way),
	};

	return cmocka_run_group_tests_name("stack_output", tests, NULL, NULL);
}
