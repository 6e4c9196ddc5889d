/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_STACK_NET_H
#define LEAT_TEST_STACK_NET_H

/* test_stack_net: two stacks joined by a wire, under a virtual clock; for the tests of this module.
 *
 * Each frame that arrives lies in a buffer of its own, which the stack must give back: a buffer
 * that is used after that, or never comes home, is found. */

#include "base_hash.h"
#include "base_prng.h"
#include "base_time.h"
#include "stack.h"
#include "stack_gauge.h"
#include "wire_cksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef NET_FLIGHT_MAX
#define NET_FLIGHT_MAX 4096
#endif
#define NET_FRAME_MAX 1600
#define NET_OUT_MAX   8 /* frames a call of output: few, so that it is called again */

struct net_flight {
	uint64_t due_at;
	uint32_t to, octets;
	uint8_t data[NET_FRAME_MAX];
};

struct net {
	uint64_t now, one_way_ns;
	struct stack_config config[2];
	struct leat_stack *stack[2];
	void *mem[2];
	struct prng prng;
	uint32_t loss;   /* millionths */
	bool cut;        /* the wire takes frames, and delivers none */
	uint64_t digest; /* of all frames, with their instants */
	uint64_t sent[2];
	uint32_t bufs_out[2];
	uint32_t head, cnt;
	struct net_flight *flight;
	/* What becomes of a frame that is due; NULL: it arrives. */
	void (*arrive)(struct net *n, const struct net_flight *fl);
};

static inline struct ip net_ip(uint32_t i, int family)
{
	return family == 4 ? ip_from4(0x0a000001 + i) : (struct ip){UINT64_C(0xfd00) << 48, 1 + i};
}

static inline struct leat_addr net_addr(uint32_t i, int family, uint16_t port)
{
	struct leat_addr addr = {.family = (uint8_t)family, .port = port};
	static const uint8_t ip4[4] = {10, 0, 0, 0};

	if (family == 4)
		memcpy(addr.octet, ip4, 4);
	else
		addr.octet[0] = 0xfd;
	addr.octet[family == 4 ? 3 : 15] = (uint8_t)(1 + i);
	return addr;
}

/* net_init makes default configs, which the test may change before net_start. */
static inline void net_init(struct net *n, uint64_t seed)
{
	*n = (struct net){.now = 1000 * TIME_S, .one_way_ns = TIME_MS};
	leat_prng_seed(&n->prng, seed);
	for (uint32_t i = 0; i < 2; i++) {
		struct stack_config *c = &n->config[i];

		leat_stack_config_default(c);
		c->seed = seed * 2 + i;
		c->link.mac = (struct mac){{2, 0, 0, 0, 0, (uint8_t)(1 + i)}};
		c->link.local_cnt = 2;
		c->link.local[0] = (struct wire_local){net_ip(i, 4), 24};
		c->link.local[1] = (struct wire_local){net_ip(i, 6), 64};
	}
}

static inline void net_start(struct net *n)
{
	n->flight = calloc(NET_FLIGHT_MAX, sizeof(*n->flight));
	assert_non_null(n->flight);
	for (uint32_t i = 0; i < 2; i++) {
		size_t octets = leat_stack_footprint(&n->config[i]);

		assert_true(octets > 0);
		n->mem[i] = aligned_alloc(64, octets);
		assert_non_null(n->mem[i]);
		memset(n->mem[i], 0xa5, octets);
		n->stack[i] = leat_stack_new(n->mem[i], &n->config[i], n->now);
	}
}

static inline void net_give(struct net *n, uint32_t i)
{
	void *buf[4];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(n->stack[i], buf, 4);
		for (uint32_t k = 0; k < cnt; k++)
			free(buf[k]);
		n->bufs_out[i] -= cnt;
	} while (cnt == 4);
}

static inline void net_ledger(struct net *n)
{
	char text[128];

	for (uint32_t i = 0; i < 2; i++) {
		net_give(n, i);
		const char *error = leat_stack_ledger_error(n->stack[i], text, sizeof(text));

		if (error != NULL)
			fail_msg("stack %u: %s", i, error);
	}
}

static inline void net_stop(struct net *n)
{
	net_ledger(n);
	for (uint32_t i = 0; i < 2; i++) {
		leat_stack_abort_all(n->stack[i]);
		net_give(n, i);
		assert_int_equal(n->bufs_out[i], 0);
		free(n->mem[i]);
	}
	free(n->flight);
}

static inline void net_hash(struct net *n, uint64_t word)
{
	struct hash_key key = {n->digest, 1};

	n->digest = leat_hash_sip13(&key, &word, 1);
}

static inline void net_transmit(struct net *n, uint32_t from, const struct stack_frame *f)
{
	for (uint32_t k = 0; k < f->octets; k++)
		net_hash(n, f->data[k]);
	net_hash(n, n->now);
	n->sent[from]++;
	if (n->cut || leat_prng_chance(&n->prng, n->loss))
		return;
	assert_true(n->cnt < NET_FLIGHT_MAX);
	struct net_flight *fl = &n->flight[(n->head + n->cnt++) % NET_FLIGHT_MAX];
	fl->due_at = n->now + n->one_way_ns;
	fl->to = 1 - from;
	fl->octets = f->octets;
	memcpy(fl->data, f->data, f->octets);
}

/* net_pump sends what stack i has to send. */
static inline void net_pump(struct net *n, uint32_t i)
{
	static uint8_t room[NET_OUT_MAX][NET_FRAME_MAX];
	struct stack_frame frame[NET_OUT_MAX];
	uint32_t cnt;

	do {
		for (uint32_t k = 0; k < NET_OUT_MAX; k++)
			frame[k] = (struct stack_frame){.data = room[k], .room = NET_FRAME_MAX};
		cnt = leat_stack_output(n->stack[i], n->now, frame, NET_OUT_MAX);
		for (uint32_t k = 0; k < cnt; k++)
			net_transmit(n, i, &frame[k]);
	} while (cnt == NET_OUT_MAX);
}

/* net_inject gives stack i a frame in a buffer of its own. */
static inline enum wire_verdict net_inject(
	struct net *n, uint32_t i, const uint8_t *data, uint32_t octets)
{
	uint8_t *buf = malloc(octets);

	assert_non_null(buf);
	memcpy(buf, data, octets);
	n->bufs_out[i]++;
	enum wire_verdict v = leat_stack_inject(n->stack[i], buf, octets, buf, n->now);
	net_give(n, i);
	return v;
}

static inline uint64_t net_next(const struct net *n)
{
	uint64_t next = n->cnt > 0 ? n->flight[n->head].due_at : TIME_NEVER;

	for (uint32_t i = 0; i < 2; i++) {
		uint64_t at = leat_stack_next_deadline(n->stack[i]);

		next = at < next ? at : next;
	}
	return next;
}

static inline void net_deliver(struct net *n)
{
	while (n->cnt > 0 && n->flight[n->head].due_at <= n->now) {
		struct net_flight *fl = &n->flight[n->head];

		if (n->arrive != NULL)
			n->arrive(n, fl);
		else
			net_inject(n, fl->to, fl->data, fl->octets);
		n->head = (n->head + 1) % NET_FLIGHT_MAX;
		n->cnt--;
	}
}

/* net_until lets the wire and the timers work up to the instant at. */
static inline void net_until(struct net *n, uint64_t at)
{
	for (;;) {
		net_pump(n, 0);
		net_pump(n, 1);
		uint64_t next = net_next(n);
		if (next > at)
			break;
		n->now = next > n->now ? next : n->now;
		net_deliver(n);
		for (uint32_t i = 0; i < 2; i++) {
			leat_stack_timers(n->stack[i], n->now, 64);
			net_give(n, i);
		}
	}
	n->now = at;
	leat_stack_set_now(n->stack[0], n->now);
	leat_stack_set_now(n->stack[1], n->now);
}

static inline void net_run(struct net *n, uint64_t for_ns)
{
	net_until(n, n->now + for_ns);
}

/* net_event takes the next event of stack i, which must have all of bits. */
static inline struct leat_event net_event(struct net *n, uint32_t i, uint32_t bits)
{
	struct leat_event event = {.bits = 0};

	if (!leat_next_event(n->stack[i], &event))
		fail_msg("stack %u has no event, %#x was expected", i, bits);
	if ((event.bits & bits) != bits)
		fail_msg("stack %u has event %#x, %#x was expected", i, event.bits, bits);
	return event;
}

static inline void net_silent(struct net *n, uint32_t i)
{
	struct leat_event event = {.bits = 0};

	if (leat_next_event(n->stack[i], &event))
		fail_msg("stack %u has event %#x, none was expected", i, event.bits);
}

static inline void net_no_events(struct net *n, uint32_t i)
{
	struct leat_event event;

	while (leat_next_event(n->stack[i], &event))
		;
}

static inline struct leat_conn net_listen(
	struct net *n, uint32_t i, int family, uint16_t port, uint32_t backlog)
{
	struct leat_addr local = net_addr(i, family, port);
	struct leat_conn listener = {0};

	assert_int_equal(leat_listen(n->stack[i], &local, backlog, &listener), LEAT_OK);
	assert_int_not_equal(listener.id, 0);
	return listener;
}

/* net_connect connects from stack 0 to stack 1, any source and port. */
static inline struct leat_conn net_connect(struct net *n, int family, uint16_t port)
{
	struct leat_addr local = {0}, remote = net_addr(1, family, port);
	struct leat_conn conn = {0};

	assert_int_equal(leat_connect(n->stack[0], &local, &remote, &conn), LEAT_OK);
	return conn;
}

/* net_open makes an open connection: conn[0] on the connecting stack 0, conn[1] on stack 1, which
 * listens on port already. */
static inline void net_open(struct net *n, int family, uint16_t port, struct leat_conn *conn)
{
	conn[0] = net_connect(n, family, port);
	net_run(n, 20 * TIME_MS);
	assert_int_equal(net_event(n, 0, LEAT_CONNECTED).conn.id, conn[0].id);
	conn[1] = net_event(n, 1, LEAT_ACCEPTED).conn;
}

static inline const char *net_state(struct net *n, uint32_t i, struct leat_conn c)
{
	struct leat_info info;

	return leat_info(n->stack[i], c, &info) == LEAT_OK ? info.state : "-";
}

static inline uint32_t net_present(struct net *n, uint32_t i)
{
	const struct tcp_counters *t = leat_stack_tcp(n->stack[i]);
	uint32_t present = 0;

	for (uint32_t st = TCP_ST_CLOSED; st < TCP_ST_CNT; st++)
		present += t->present[st];
	return present;
}

/* net_outcome is how many TIME-WAITs of stack i came to what key names. */
static inline uint64_t net_outcome(const struct net *n, uint32_t i, const char *key)
{
	struct stack_outcome o[STACK_OUTCOME_MAX];
	uint32_t cnt = leat_stack_time_wait(
		leat_stack_counters(n->stack[i]), leat_stack_tcp(n->stack[i]), o);

	for (uint32_t k = 0; k < cnt; k++)
		if (strcmp(o[k].key, key) == 0)
			return o[k].cnt;
	fail_msg("no outcome `%s`", key);
	return 0;
}

static inline uint8_t net_octet(uint64_t offset, uint32_t salt)
{
	return (uint8_t)(offset * 31 + offset / 251 + salt);
}

/* net_frame_of writes a segment that the station of link sends to stack 1; net_frame one of stack
 * 0's. */
static inline uint32_t net_frame_of(struct net *n, const struct wire_link *link, uint8_t *frame,
	const struct tuple *from, const struct seg *seg, const char *text)
{
	uint8_t *tcp = frame + wire_l2_octets(link) + (ip_is4(from->local) ? 20 : 40);
	uint32_t octets = leat_wire_seg_put(tcp, from->lport, from->rport, seg);

	memcpy(tcp + octets, text, seg->text);
	octets += seg->text;
	uint16_t sum = leat_wire_cksum(from, WIRE_PROTO_TCP, tcp, octets);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64, .octets = octets};
	return octets + leat_wire_pkt_hdr_put(frame, link, &n->config[1].link.mac, from, &hdr);
}

static inline uint32_t net_frame(struct net *n, uint8_t *frame, const struct tuple *from,
	const struct seg *seg, const char *text)
{
	return net_frame_of(n, &n->config[0].link, frame, from, seg, text);
}

#endif
