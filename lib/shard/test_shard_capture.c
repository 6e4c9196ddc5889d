/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_capture.h"

#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <pcap/pcap.h>

#include <cmocka.h>

#define SEED      UINT64_C(31)
#define CLIENT    0
#define SERVER    1
#define PORT      80
#define FRAME_MAX 1600
#define SLOT_CNT  64
#define SNAP      96

/* Two stacks, of which the server's frames pass through captures. */
struct world {
	uint64_t now;
	struct leat_stack *stack[2];
	void *mem[2];
	struct shard_capture_set set;
	bool plain;      /* the server without shard_capture: the oracle */
	uint64_t digest; /* of all that the server sent */
	struct prng prng;
	uint32_t loss; /* millionths, towards the server */
	bool spoil;    /* the next frame to the server */
};

static uint32_t address_of(uint32_t who)
{
	return 0x0a000001 + who;
}

static struct leat_addr addr(uint32_t who, uint16_t port)
{
	return (struct leat_addr){
		.family = 4, .octet = {10, 0, 0, (uint8_t)(1 + who)}, .port = port};
}

static void world_new(struct world *w)
{
	*w = (struct world){.now = 1000 * TIME_S};
	leat_prng_seed(&w->prng, SEED);
	for (uint32_t i = 0; i < 2; i++) {
		struct stack_config c;

		leat_stack_config_default(&c);
		c.seed = SEED + i;
		c.link.mac = (struct mac){{2, 0, 0, 0, 0, (uint8_t)(1 + i)}};
		c.link.local_cnt = 1;
		c.link.local[0] = (struct wire_local){ip_from4(address_of(i)), 24};
		size_t octets = leat_stack_footprint(&c);
		w->mem[i] = aligned_alloc(CACHE_LINE, octets);
		assert_non_null(w->mem[i]);
		w->stack[i] = leat_stack_new(w->mem[i], &c, w->now);
	}
	for (uint32_t i = 0; i < 2; i++)
		leat_inet_neigh_set(leat_stack_neigh(w->stack[i]), ip_from4(address_of(!i)),
			(struct mac){{2, 0, 0, 0, 0, (uint8_t)(1 + !i)}});
	w->set = (struct shard_capture_set){.stack = w->stack[SERVER], .now = &w->now};
}

static void give(struct world *w, uint32_t who)
{
	void *buf[64];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(w->stack[who], buf, COUNT_OF(buf));
		for (uint32_t i = 0; i < cnt; i++)
			free(buf[i]);
	} while (cnt == COUNT_OF(buf));
}

static void world_end(struct world *w)
{
	char text[128];

	for (uint32_t i = 0; i < 2; i++) {
		give(w, i);
		const char *error = leat_stack_ledger_error(w->stack[i], text, sizeof(text));
		if (error != NULL)
			fail_msg("stack %u: %s", i, error);
		leat_stack_abort_all(w->stack[i]);
		give(w, i);
		free(w->mem[i]);
	}
}

static void arrive(struct world *w, uint32_t who, struct stack_burst *b)
{
	leat_stack_parse(w->stack[who], b);
	leat_stack_lookup(w->stack[who], b);
	if (who == SERVER && !w->plain)
		leat_shard_capture_input(&w->set, b, w->now);
	else
		leat_stack_input(w->stack[who], b, w->now);
	give(w, who);
}

/* carry takes one burst from who to the other; false: there was none. */
static bool carry(struct world *w, uint32_t who)
{
	static uint8_t room[8][FRAME_MAX];
	struct stack_frame f[8];
	struct stack_burst b = {.cnt = 0};

	for (uint32_t i = 0; i < COUNT_OF(f); i++)
		f[i] = (struct stack_frame){.data = room[i], .room = FRAME_MAX};
	uint32_t cnt = leat_stack_output(w->stack[who], w->now, f, COUNT_OF(f));
	if (who == SERVER && !w->plain)
		leat_shard_capture_sent(&w->set, f, cnt, w->now);
	for (uint32_t i = 0; i < cnt; i++) {
		for (uint32_t k = 0; who == SERVER && k < f[i].octets; k++)
			w->digest = w->digest * 31 + f[i].data[k];
		if (who == CLIENT && leat_prng_chance(&w->prng, w->loss))
			continue;
		uint8_t *copy = malloc(f[i].octets);
		assert_non_null(copy);
		memcpy(copy, f[i].data, f[i].octets);
		copy[f[i].octets - 1] ^= w->spoil && who == CLIENT;
		b.pkt[b.cnt++] = (struct pkt){.frame = copy, .octets = f[i].octets, .buf = copy};
	}
	arrive(w, !who, &b);
	return cnt != 0;
}

/* talk goes on until neither has anything to say. */
static void talk(struct world *w)
{
	bool said;

	do {
		said = carry(w, CLIENT);
		said |= carry(w, SERVER);
	} while (said);
}

/* pass lets time go by, to the next timer of either. */
static void pass(struct world *w)
{
	uint64_t at = u64_min(leat_stack_next_deadline(w->stack[CLIENT]),
		leat_stack_next_deadline(w->stack[SERVER]));

	w->now = u64_max(w->now, at);
	for (uint32_t i = 0; i < 2; i++)
		leat_stack_timers(w->stack[i], w->now, 64);
	talk(w);
}

static struct leat_conn listen_and_connect(struct world *w)
{
	struct leat_addr server = addr(SERVER, PORT), client = addr(CLIENT, 0);
	struct leat_conn listener, conn;

	assert_int_equal(leat_listen(w->stack[SERVER], &server, 16, &listener), LEAT_OK);
	assert_int_equal(leat_connect(w->stack[CLIENT], &client, &server, &conn), LEAT_OK);
	return conn;
}

/* close_both ends whatever the server's program hears of. */
static void close_both(struct world *w, struct leat_conn conn)
{
	struct leat_event e;

	leat_close(w->stack[CLIENT], conn);
	talk(w);
	while (leat_next_event(w->stack[SERVER], &e))
		if (e.bits & LEAT_PEER_CLOSED)
			leat_close(w->stack[SERVER], e.conn);
	talk(w);
}

static void begin(struct world *w, struct shard_capture *c, uint32_t slot_cnt)
{
	c->snap = SNAP;
	c->slot_cnt = slot_cnt;
	leat_shard_capture_init(
		c, aligned_alloc(CACHE_LINE, (size_t)slot_cnt * shard_capture_slot_octets(SNAP)));
	leat_shard_capture_letter(&w->set, c);
	assert_true(atomic_load(&c->answered));
}

static void finish(struct world *w, struct shard_capture *c)
{
	c->end = true;
	atomic_store(&c->answered, false);
	leat_shard_capture_letter(&w->set, c);
	assert_true(atomic_load(&c->answered));
	for (uint32_t i = 0; i < w->set.cnt; i++)
		assert_ptr_not_equal(w->set.at[i], c);
	free(c->slot);
}

struct expected {
	uint8_t kind, before, after, tcp;
};

static void expect(struct shard_capture *c, const struct expected *want, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		const struct shard_captured *got = leat_shard_capture_peek(c);

		if (got == NULL)
			fail_msg("frame %u is missing", i);
		if (got->kind != want[i].kind || got->before != want[i].before ||
			got->after != want[i].after ||
			(got->kind == SHARD_CAPTURE_RECEIVED && got->tcp != want[i].tcp))
			fail_msg("frame %u: kind %u, %u to %u, verdict %u", i, got->kind,
				got->before, got->after, got->tcp);
		leat_shard_capture_next(c);
	}
	assert_null(leat_shard_capture_peek(c));
}

#define IN(from, to, v)                                                                            \
	{                                                                                          \
		SHARD_CAPTURE_RECEIVED, TCP_ST_##from, TCP_ST_##to, TCP_V_##v                      \
	}
#define OUT(at)                                                                                    \
	{                                                                                          \
		SHARD_CAPTURE_SENT, TCP_ST_##at, TCP_ST_##at, 0                                    \
	}

static void a_life_shows_each_state_and_each_verdict(void **state)
{
	static const struct expected life[] = {IN(LISTEN, SYN_RECEIVED, SYN_NEW), OUT(SYN_RECEIVED),
		IN(SYN_RECEIVED, ESTABLISHED, OK), IN(ESTABLISHED, CLOSE_WAIT, OK), OUT(CLOSE_WAIT),
		OUT(LAST_ACK), IN(LAST_ACK, CLOSED, OK)};
	struct shard_capture c = {0};
	struct world w;

	(void)state;
	world_new(&w);
	begin(&w, &c, SLOT_CNT);
	struct leat_conn conn = listen_and_connect(&w);
	talk(&w);
	close_both(&w, conn);
	const struct shard_captured *first = leat_shard_capture_peek(&c);
	assert_int_equal(first->at, w.now);
	assert_true(first->numbers);
	assert_in_range(first->octets, 58, SNAP);
	assert_int_equal(first->kept, first->octets);
	assert_memory_equal((const uint8_t *)(first + 1) + 6, "\2\0\0\0\0\1\x08\0\x45", 9);
	expect(&c, life, COUNT_OF(life));
	assert_int_equal(c.seen, COUNT_OF(life));
	assert_int_equal(c.lost, 0);
	finish(&w, &c);
	world_end(&w);
}

static void of_drops_alone_only_what_was_not_used_is_kept_and_why(void **state)
{
	struct shard_capture c = {.drops = true};
	struct world w;

	(void)state;
	world_new(&w);
	begin(&w, &c, SLOT_CNT);
	struct leat_conn conn = listen_and_connect(&w);
	w.spoil = true;
	talk(&w);
	w.spoil = false;
	const struct shard_captured *got = leat_shard_capture_peek(&c);
	assert_non_null(got);
	assert_int_equal(got->wire, WIRE_V_DROP_TCP_CSUM);
	assert_int_equal(got->before, TCP_ST_NONE);
	assert_true(leat_shard_capture_is_drop(got));
	leat_shard_capture_next(&c);
	pass(&w); /* the SYN goes again, and is a good one */
	assert_null(leat_shard_capture_peek(&c));
	leat_stack_refuse(w.stack[SERVER], true);
	struct leat_addr server = addr(SERVER, PORT), client = addr(CLIENT, 0);
	assert_int_equal(leat_connect(w.stack[CLIENT], &client, &server, &conn), LEAT_OK);
	talk(&w);
	got = leat_shard_capture_peek(&c);
	assert_non_null(got);
	assert_int_equal(got->tcp, TCP_V_CNT);
	assert_int_equal(got->before, TCP_ST_LISTEN);
	assert_int_equal(got->after, TCP_ST_LISTEN);
	finish(&w, &c);
	world_end(&w);
}

static void a_frame_that_no_stack_saw_is_a_drop_too(void **state)
{
	static const uint8_t frame[SNAP + 4] = "frame";
	const struct shard_captured full = {.kind = SHARD_CAPTURE_LANE_FULL, .octets = 3000};
	const struct shard_captured large = {
		.kind = SHARD_CAPTURE_RECEIVED, .wire = WIRE_V_DROP_FRAME_LONG, .octets = 9000};
	struct shard_capture c = {.drops = true};
	struct world w;

	(void)state;
	world_new(&w);
	begin(&w, &c, SLOT_CNT);
	leat_shard_capture_lost(&w.set, frame, sizeof(frame), &full);
	leat_shard_capture_lost(&w.set, frame, 5, &large);
	const struct shard_captured *got = leat_shard_capture_peek(&c);
	assert_int_equal(got->at, w.now);
	assert_int_equal(got->octets, 3000);
	assert_int_equal(got->kept, SNAP);
	leat_shard_capture_next(&c);
	got = leat_shard_capture_peek(&c);
	assert_int_equal(got->kept, 5);
	assert_memory_equal(got + 1, "frame", 5);
	finish(&w, &c);
	world_end(&w);
}

static void full_slots_lose_what_comes_and_count_it(void **state)
{
	struct shard_capture c = {0};
	struct world w;

	(void)state;
	world_new(&w);
	begin(&w, &c, 4);
	struct leat_conn conn = listen_and_connect(&w);
	talk(&w);
	assert_int_equal(c.lost, 0);
	close_both(&w, conn);
	assert_int_equal(c.accepted, 7);
	assert_int_equal(c.lost, 3);
	for (uint32_t i = 0; i < 4; i++) {
		assert_non_null(leat_shard_capture_peek(&c));
		leat_shard_capture_next(&c);
	}
	assert_null(leat_shard_capture_peek(&c));
	conn = (struct leat_conn){0};
	struct leat_addr nobody = addr(SERVER, PORT + 1), client = addr(CLIENT, 0);
	assert_int_equal(leat_connect(w.stack[CLIENT], &client, &nobody, &conn), LEAT_OK);
	talk(&w);
	const struct expected refused[] = {IN(CLOSED, CLOSED, CLOSED_RST), OUT(CLOSED)};
	expect(&c, refused, COUNT_OF(refused));
	finish(&w, &c);
	world_end(&w);
}

static void the_newest_are_kept_until_the_event_and_all_shards_stop(void **state)
{
	atomic_bool fired = false;
	struct shard_capture c = {.newest = true, .fired = &fired};
	struct shard_capture other = {.newest = true, .fired = &fired};
	struct world w;

	(void)state;
	c.event.states = TCP_SET(LAST_ACK) | TCP_SET(CLOSE_WAIT);
	world_new(&w);
	begin(&w, &c, 2);
	begin(&w, &other, 16);
	struct leat_conn conn = listen_and_connect(&w);
	talk(&w);
	assert_false(fired);
	close_both(&w, conn);
	assert_true(fired);
	const struct expected last[] = {
		IN(SYN_RECEIVED, ESTABLISHED, OK), IN(ESTABLISHED, CLOSE_WAIT, OK)};
	expect(&c, last, COUNT_OF(last));
	assert_int_equal(c.accepted, 4);
	assert_int_equal(c.lost, 0);
	assert_int_equal(other.accepted, 3); /* it was asked after c */
	finish(&w, &c);
	finish(&w, &other);
	world_end(&w);
}

/* ends_by says whether event ends a capture while a connection opens with an ACK that is lost, a
 * SYN finds nobody and another one is damaged. */
static bool ends_by(struct shard_capture_event event)
{
	struct leat_addr nobody = addr(SERVER, PORT + 1), client = addr(CLIENT, 0);
	atomic_bool fired = false;
	struct shard_capture c = {.newest = true, .fired = &fired, .event = event};
	struct leat_conn conn;
	struct world w;

	world_new(&w);
	begin(&w, &c, SLOT_CNT);
	listen_and_connect(&w);
	carry(&w, CLIENT);
	carry(&w, SERVER);
	w.loss = 1000000;
	carry(&w, CLIENT);
	w.loss = 0;
	pass(&w); /* SYN-ACK again */
	assert_int_equal(leat_connect(w.stack[CLIENT], &client, &nobody, &conn), LEAT_OK);
	talk(&w);
	assert_int_equal(leat_connect(w.stack[CLIENT], &client, &nobody, &conn), LEAT_OK);
	w.spoil = true;
	talk(&w);
	finish(&w, &c);
	world_end(&w);
	return fired;
}

static void each_kind_of_event_is_seen(void **state)
{
	(void)state;
	assert_false(ends_by((struct shard_capture_event){0}));
	assert_true(ends_by((struct shard_capture_event){.wire = UINT64_C(1) << WIRE_V_TCP}));
	assert_true(ends_by((struct shard_capture_event){.tcp = UINT64_C(1) << TCP_V_SYN_NEW}));
	assert_false(ends_by((struct shard_capture_event){.tcp = UINT64_C(1) << TCP_V_PAWS}));
	assert_true(ends_by((struct shard_capture_event){.drop = true}));
	assert_true(ends_by((struct shard_capture_event){.reset = true}));
	assert_true(ends_by((struct shard_capture_event){.again = true}));
	assert_true(
		ends_by((struct shard_capture_event){.wire = UINT64_C(1) << WIRE_V_DROP_TCP_CSUM}));
	assert_false(ends_by((struct shard_capture_event){.wire = UINT64_C(1) << WIRE_V_ARP}));
	assert_true(ends_by((struct shard_capture_event){.states = TCP_SET(ESTABLISHED)}));
	assert_false(ends_by((struct shard_capture_event){.states = TCP_SET(CLOSING)}));
}

static void the_filter_is_that_of_tcpdump(void **state)
{
	struct bpf_program p;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	struct world w;

	(void)state;
	assert_int_equal(
		pcap_compile(dead, &p, "tcp[tcpflags] & tcp-syn != 0 and dst port 80", 1, 0), 0);
	struct shard_capture c = {.insn = p.bf_insns, .insn_cnt = p.bf_len};
	world_new(&w);
	begin(&w, &c, SLOT_CNT);
	struct leat_conn conn = listen_and_connect(&w);
	talk(&w);
	close_both(&w, conn);
	const struct expected syn[] = {IN(LISTEN, SYN_RECEIVED, SYN_NEW)};
	expect(&c, syn, COUNT_OF(syn));
	assert_int_equal(c.seen, 7);
	assert_int_equal(c.accepted, 1);
	finish(&w, &c);
	world_end(&w);
	pcap_freecode(&p);
	pcap_close(dead);
}

static void there_are_no_more_than_so_many_at_one_time(void **state)
{
	struct shard_capture c[SHARD_CAPTURE_MAX + 1] = {0};
	struct world w;

	(void)state;
	world_new(&w);
	for (uint32_t i = 0; i <= SHARD_CAPTURE_MAX; i++)
		begin(&w, &c[i], SLOT_CNT);
	assert_false(c[SHARD_CAPTURE_MAX - 1].refused);
	assert_true(c[SHARD_CAPTURE_MAX].refused);
	finish(&w, &c[1]);
	free(c[SHARD_CAPTURE_MAX].slot);
	c[SHARD_CAPTURE_MAX] = (struct shard_capture){0};
	begin(&w, &c[SHARD_CAPTURE_MAX], SLOT_CNT);
	assert_false(c[SHARD_CAPTURE_MAX].refused);
	listen_and_connect(&w);
	talk(&w);
	for (uint32_t i = 0; i <= SHARD_CAPTURE_MAX; i++) {
		if (i == 1)
			continue;
		assert_int_equal(c[i].accepted, 3);
		finish(&w, &c[i]);
	}
	assert_int_equal(w.set.cnt, 0);
	world_end(&w);
}

/* play has connections come and go over a wire that loses, and gives a digest of the server. */
static uint64_t play(bool plain)
{
	struct shard_capture c = {0};
	struct leat_addr server = addr(SERVER, PORT), client = addr(CLIENT, 0);
	struct leat_conn conn;
	struct world w;

	world_new(&w);
	w.plain = plain;
	w.loss = 200000;
	if (!plain)
		begin(&w, &c, SLOT_CNT);
	listen_and_connect(&w);
	for (uint32_t i = 0; i < 400; i++) {
		struct leat_event e;
		uint64_t dice = leat_prng_next(&w.prng);

		if (dice % 3 == 0)
			leat_connect(w.stack[CLIENT], &client, &server, &conn);
		w.spoil = dice / 3 % 5 == 0;
		for (uint32_t k = 0; k < 2; k++) {
			while (leat_next_event(w.stack[k], &e)) {
				bool open = e.bits & (LEAT_CONNECTED | LEAT_ACCEPTED);

				if (open)
					leat_send(w.stack[k], e.conn, "some text", 9);
				if (open && dice / 15 % 2 == k)
					leat_close(w.stack[k], e.conn);
				else if (e.bits & LEAT_CLOSED ||
					 (e.bits & LEAT_PEER_CLOSED && dice / 30 % 7 != 0))
					leat_close(w.stack[k], e.conn);
				else if (e.bits & LEAT_PEER_CLOSED)
					leat_abort(w.stack[k], e.conn);
			}
		}
		talk(&w);
		w.now += dice % TIME_S;
		leat_stack_timers(w.stack[CLIENT], w.now, 64);
		leat_stack_timers(w.stack[SERVER], w.now, 64);
	}
	uint64_t digest = w.digest;
	const struct stack_counters *cnt = leat_stack_counters(w.stack[SERVER]);
	for (size_t i = 0; i < sizeof(*cnt) / sizeof(uint64_t); i++)
		digest = digest * 31 + ((const uint64_t *)cnt)[i];
	if (!plain) {
		assert_true(c.lost > 100);
		assert_int_equal(c.accepted, cnt->frames_in + cnt->frames_out);
		finish(&w, &c);
	}
	world_end(&w);
	return digest;
}

static void who_looks_on_changes_nothing(void **state)
{
	(void)state;
	print_message("# seed %lu\n", (unsigned long)SEED);
	assert_int_equal(play(false), play(true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_shows_each_state_and_each_verdict),
		cmocka_unit_test(of_drops_alone_only_what_was_not_used_is_kept_and_why),
		cmocka_unit_test(a_frame_that_no_stack_saw_is_a_drop_too),
		cmocka_unit_test(full_slots_lose_what_comes_and_count_it),
		cmocka_unit_test(the_newest_are_kept_until_the_event_and_all_shards_stop),
		cmocka_unit_test(each_kind_of_event_is_seen),
		cmocka_unit_test(the_filter_is_that_of_tcpdump),
		cmocka_unit_test(there_are_no_more_than_so_many_at_one_time),
		cmocka_unit_test(who_looks_on_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
