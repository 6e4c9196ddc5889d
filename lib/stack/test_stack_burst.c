/* SPDX-License-Identifier: BSD-3-Clause */

/* Segments of one flow, in every order and cut into bursts in every way, against the same
 * segments one by one: the same verdicts, counters, events, text, records and frames, then and when
 * all is over. */

#define NET_FLIGHT_MAX 16 /* nothing flies */

#include "base_bits.h"
#include "test_stack_net.h"

#include <malloc.h>

#define IRS   1000U /* the peer's SYN */
#define ISS   7777U
#define PIECE 5
#define PORT  999

/* Numbers as seen from the peer's SYN and from ours; a port of 0 is PORT. */
struct piece {
	uint16_t flags, text;
	uint32_t seq, ack;
	uint16_t port;
};

static const struct scene {
	const char *name;
	enum tcp_state state;   /* of who meets the segments */
	struct piece before[4]; /* each answered before the next; until one without flags */
	bool shut;              /* by our user, behind these */
	struct piece then[2];
	struct piece piece[PIECE];
	bool answered; /* answers between the segments change nothing of what becomes of them */
} scenes[] = {
	{"LISTEN", TCP_ST_LISTEN,
		.piece = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 4, 1, 1, 0},
			{TCP_FIN | TCP_ACK, 0, 5, 1, 0}, {TCP_RST, 0, 1, 0, 0},
			{TCP_SYN, 0, 100000, 0, 0}}},
	{"SYN-RECEIVED", TCP_ST_SYN_RECEIVED, .before = {{TCP_SYN, 0, 0, 0, 0}},
		.piece = {{TCP_ACK, 0, 1, 1, 0}, {TCP_ACK, 4, 1, 1, 0},
			{TCP_FIN | TCP_ACK, 0, 5, 1, 0}, {TCP_RST, 0, 1, 0, 0},
			{TCP_SYN, 0, 0, 0, 0}},
		.answered = true},
	{"ESTABLISHED", TCP_ST_ESTABLISHED,
		.before = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 0, 1, 1, 0}},
		.piece = {{TCP_ACK, 4, 1, 1, 0}, {TCP_ACK, 4, 5, 1, 0},
			{TCP_FIN | TCP_ACK, 0, 9, 1, 0}, {TCP_RST, 0, 5, 0, 0},
			{TCP_SYN, 0, 100000, 0, 0}},
		.answered = true},
	{"ESTABLISHED, overlaps", TCP_ST_ESTABLISHED,
		.before = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 0, 1, 1, 0}},
		.piece = {{TCP_ACK, 6, 1, 1, 0}, {TCP_ACK, 9, 3, 1, 0},
			{TCP_FIN | TCP_ACK, 2, 12, 1, 0}, {TCP_ACK, 1, 8, 1, 0},
			{TCP_RST, 0, 15, 0, 0}},
		.answered = true},
	{"FIN-WAIT-1", TCP_ST_FIN_WAIT_1, .before = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 0, 1, 1, 0}},
		.shut = true,
		.piece = {{TCP_ACK, 0, 1, 2, 0}, {TCP_ACK, 4, 1, 1, 0},
			{TCP_FIN | TCP_ACK, 0, 5, 1, 0}, {TCP_RST, 0, 6, 0, 0},
			{TCP_SYN, 0, 100000, 0, 0}},
		.answered = true},
	/* What the fast path takes: it ends in TIME-WAIT, is opened again, or is reset. */
	{"FIN-WAIT-1, the peer closes", TCP_ST_FIN_WAIT_1,
		.before = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 0, 1, 1, 0}}, .shut = true,
		.piece = {{TCP_FIN | TCP_ACK, 0, 1, 2, 0}, {TCP_FIN | TCP_ACK, 0, 1, 2, 0},
			{TCP_SYN, 0, 100000, 0, 0}, {TCP_ACK, 0, 2, 2, 0}, {TCP_RST, 0, 2, 0, 0}}},
	{"LAST-ACK", TCP_ST_LAST_ACK,
		.before = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 0, 1, 1, 0},
			{TCP_FIN | TCP_ACK, 0, 1, 1, 0}},
		.shut = true,
		.piece = {{TCP_ACK, 0, 2, 2, 0}, {TCP_FIN | TCP_ACK, 0, 1, 1, 0},
			{TCP_SYN, 0, 100000, 0, 0}, {TCP_RST, 0, 2, 0, 0}, {TCP_ACK, 4, 2, 1, 0}}},
	{"TIME-WAIT", TCP_ST_TIME_WAIT, .before = {{TCP_SYN, 0, 0, 0, 0}, {TCP_ACK, 0, 1, 1, 0}},
		.shut = true, .then = {{TCP_FIN | TCP_ACK, 0, 1, 2, 0}},
		.piece = {{TCP_SYN, 0, 100000, 0, 0}, {TCP_FIN | TCP_ACK, 0, 1, 2, 0},
			{TCP_ACK, 0, 2, 2, 0}, {TCP_RST, 0, 100001, 0, 0},
			{TCP_SYN, 0, 200000, 0, 0}}},
	/* There is one record besides the listener's: it serves who comes first. */
	{"two flows, one record", TCP_ST_SYN_RECEIVED, .before = {{TCP_SYN, 0, 0, 0, 0}},
		.piece = {{TCP_RST, 0, 1, 0, 0}, {TCP_SYN, 0, 500, 0, PORT + 1},
			{TCP_ACK, 4, 1, 1, 0}, {TCP_ACK, 4, 501, 1, PORT + 1},
			{TCP_SYN, 0, 100000, 0, 0}}},
};

/* What came of it: all that anybody can see, and what the records hold. */
struct outcome {
	enum tcp_verdict verdict[PIECE];
	struct tcp_counters tcp;
	struct stack_counters stack;
	uint64_t digest;
	uint32_t event_cnt, text_octets;
	struct leat_event event[32];
	char text[256], dump[2][4096];
};

static bool quick; /* with the fast path */

static void start(struct net *n, const struct scene *scene)
{
	net_init(n, 97);
	for (uint32_t i = 0; i < 2; i++) { /* small, as there are many plays */
		n->config[i].tcp.tcb_max = strstr(scene->name, "one record") ? 2 : 8;
		n->config[i].tcp.rbuf_max = 64;
		n->config[i].send_chunk_cnt = 4;
		n->config[i].neigh_max = 4;
	}
	n->config[1].knobs.time_wait_reuse = TCP_REUSE_SEQ;
	n->config[1].knobs.fast_path = quick;
	net_start(n);
	n->cut = true; /* the peer is this test */
	leat_inet_neigh_set(leat_stack_neigh(n->stack[1]), net_ip(0, 4), n->config[0].link.mac);
	net_listen(n, 1, 4, 80, 4);
	leat_tcp_iss_force(leat_stack_engine(n->stack[1]), ISS);
}

static void load(struct net *n, struct stack_burst *b, const struct piece *piece)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz";
	struct tuple from = {.local = net_ip(0, 4),
		.remote = net_ip(1, 4),
		.lport = piece->port ? piece->port : PORT,
		.rport = 80};
	struct seg seg = {.flags = (uint8_t)piece->flags,
		.seq = {IRS + piece->seq},
		.ack = {piece->flags & TCP_ACK ? ISS + piece->ack : 0},
		.wnd = 1000,
		.text = piece->text};
	uint8_t *buf = malloc(NET_FRAME_MAX);

	assert_non_null(buf);
	b->pkt[b->cnt++] = (struct pkt){.frame = buf,
		.octets = net_frame(n, buf, &from, &seg, alphabet + piece->seq % 10),
		.buf = buf};
	n->bufs_out[1]++;
}

static void fire(struct net *n, struct stack_burst *b)
{
	leat_stack_parse(n->stack[1], b);
	leat_stack_lookup(n->stack[1], b);
	leat_stack_input(n->stack[1], b, n->now);
	net_give(n, 1);
}

/* look takes what the user has: events, and the text of who was accepted. */
static void look(struct net *n, struct outcome *o, uint32_t d)
{
	struct leat_event event = {.bits = 0};

	while (leat_next_event(n->stack[1], &event)) {
		assert_true(o->event_cnt < COUNT_OF(o->event));
		o->event[o->event_cnt++] = event;
		int64_t got = leat_recv(n->stack[1], event.conn, o->text + o->text_octets,
			sizeof(o->text) - o->text_octets);
		o->text_octets += got > 0 ? (uint32_t)got : 0;
	}
	FILE *out = fmemopen(o->dump[d], sizeof(o->dump[d]), "w");
	assert_non_null(out);
	leat_stack_dump(n->stack[1], out);
	fclose(out);
	net_ledger(n);
}

static void one_by_one(struct net *n, const struct piece *piece, uint32_t max)
{
	for (uint32_t i = 0; i < max && piece[i].flags; i++) {
		struct stack_burst b = {.cnt = 0};

		load(n, &b, &piece[i]);
		fire(n, &b);
		net_pump(n, 1);
	}
}

static void bring(struct net *n, const struct scene *scene)
{
	struct leat_event event = {.bits = 0};
	struct leat_conn c = {0};

	one_by_one(n, scene->before, COUNT_OF(scene->before));
	while (leat_next_event(n->stack[1], &event))
		c = event.conn;
	if (scene->shut)
		assert_int_equal(leat_shutdown(n->stack[1], c), LEAT_OK);
	net_pump(n, 1);
	one_by_one(n, scene->then, COUNT_OF(scene->then));
	assert_int_equal(leat_stack_tcp(n->stack[1])->present[scene->state], 1);
}

/* play lets the segments come in this order; a bit of cuts ends a burst behind a segment. */
static void play(const struct scene *scene, const uint8_t *order, uint32_t cuts, bool answer,
	struct outcome *o)
{
	struct stack_burst b = {.cnt = 0};
	struct net n;
	uint32_t first = 0;

	memset(o, 0, sizeof(*o));
	start(&n, scene);
	bring(&n, scene);
	for (uint32_t i = 0; i < PIECE; i++) {
		load(&n, &b, &scene->piece[order[i]]);
		if (i + 1 < PIECE && !(cuts >> i & 1))
			continue;
		fire(&n, &b);
		if (answer)
			net_pump(&n, 1);
		memcpy(&o->verdict[first], b.tcp_verdict, b.cnt * sizeof(o->verdict[0]));
		first += b.cnt;
		b.cnt = 0;
	}
	net_pump(&n, 1);
	look(&n, o, 0);
	net_run(&n, 400 * TIME_S);
	look(&n, o, 1);
	o->digest = n.digest;
	o->tcp = *leat_stack_tcp(n.stack[1]);
	o->stack = *leat_stack_counters(n.stack[1]);
	net_stop(&n);
}

static void differ(const struct scene *scene, const uint8_t *order, uint32_t cuts, const char *what)
{
	fail_msg("%s, %s fast path, order %u%u%u%u%u, cuts %#x: %s", scene->name,
		quick ? "with" : "without", order[0], order[1], order[2], order[3], order[4], cuts,
		what);
}

/* What differs, NULL for nothing. */
static const char *difference(const struct outcome *a, const struct outcome *b)
{
	static char text[9000];

	if (memcmp(a->verdict, b->verdict, sizeof(a->verdict)) != 0)
		return "verdicts";
	for (uint32_t d = 0; d < 2; d++) {
		snprintf(text, sizeof(text), "%.4000s\n%.4000s", a->dump[d], b->dump[d]);
		if (strcmp(a->dump[d], b->dump[d]) != 0)
			return text;
	}
	if (a->text_octets != b->text_octets || memcmp(a->text, b->text, a->text_octets) != 0)
		return "text";
	for (uint32_t i = 0; i < u32_max(a->event_cnt, b->event_cnt); i++)
		if (a->event[i].bits != b->event[i].bits ||
			a->event[i].conn.id != b->event[i].conn.id ||
			a->event[i].listener.id != b->event[i].listener.id)
			return "events";
	if (memcmp(&a->tcp, &b->tcp, sizeof(a->tcp)) != 0)
		return "counters of TCP";
	if (memcmp(&a->stack, &b->stack, sizeof(a->stack)) != 0)
		return "counters of the stack";
	return a->digest != b->digest ? "frames" : NULL;
}

/* Between segments that are answered one by one there are more answers: no more than this. */
static const char *rough_difference(const struct outcome *a, const struct outcome *b)
{
	if (memcmp(a->verdict, b->verdict, sizeof(a->verdict)) != 0)
		return "verdicts, with answers between";
	if (memcmp(a->tcp.ended, b->tcp.ended, sizeof(a->tcp.ended)) != 0 ||
		memcmp(a->tcp.present, b->tcp.present, sizeof(a->tcp.present)) != 0)
		return "ends, with answers between";
	if (a->text_octets != b->text_octets || memcmp(a->text, b->text, a->text_octets) != 0)
		return "text, with answers between";
	return NULL;
}

static void compare(const struct scene *scene, const uint8_t *order)
{
	const uint32_t all = (UINT32_C(1) << (PIECE - 1)) - 1;
	static struct outcome want, got;
	const char *what;

	play(scene, order, all, false, &want);
	for (uint32_t cuts = 0; cuts < all; cuts++) {
		play(scene, order, cuts, false, &got);
		what = difference(&want, &got);
		if (what)
			differ(scene, order, cuts, what);
	}
	if (!scene->answered)
		return;
	play(scene, order, all, true, &got);
	what = rough_difference(&want, &got);
	if (what)
		differ(scene, order, all, what);
}

static void swap(uint8_t *a, uint8_t *b)
{
	uint8_t was = *a;

	*a = *b;
	*b = was;
}

/* The next order by the alphabet; false behind the last. */
static bool permute(uint8_t *order)
{
	uint32_t i = PIECE - 1, j = PIECE - 1;

	while (i > 0 && order[i - 1] > order[i])
		i--;
	if (i == 0)
		return false;
	while (order[j] < order[i - 1])
		j--;
	swap(&order[i - 1], &order[j]);
	for (j = PIECE - 1; i < j; i++, j--)
		swap(&order[i], &order[j]);
	return true;
}

static void every_scene_in_any_order(bool with_fast_path)
{
	quick = with_fast_path;
	for (uint32_t i = 0; i < COUNT_OF(scenes); i++) {
		uint8_t order[PIECE] = {0, 1, 2, 3, 4};
		uint32_t cnt = 0;

		do {
			compare(&scenes[i], order);
			cnt++;
		} while (permute(order));
		assert_int_equal(cnt, 120);
	}
}

static void n097_a_burst_in_any_order_is_its_segments_one_by_one(void **state)
{
	(void)state;
	every_scene_in_any_order(true);
}

static void so_it_is_without_the_fast_path(void **state)
{
	(void)state;
	every_scene_in_any_order(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n097_a_burst_in_any_order_is_its_segments_one_by_one),
		cmocka_unit_test(so_it_is_without_the_fast_path),
	};

	/* Each play takes its memory anew: it is not to go back to the system in between. */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	return cmocka_run_group_tests_name("stack_burst", tests, NULL, NULL);
}
