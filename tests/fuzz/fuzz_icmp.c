/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "base_time.h"
#include "fuzz_sums.h"
#include "reach.h"
#include "stack.h"

/* F12: ICMP messages to a stack with two connections.  An echo is answered with its own octets, to
 * whom it came from; an error is answered by nothing, leaves the state and the numbers of every
 * connection alone (RFC 5927 4), and all of a connection that it does not quote.
 *
 *	octet 0   bit 0: IPv6; bit 1: an error that quotes a segment, else as it comes; the
 *             rest: our TTL
 *	then      type, code, four octets; of a quote: whose, how far SEQ is off, how much of it */

#define OUR_IP4   UINT32_C(0x0a000001)
#define PEER_IP4  UINT32_C(0x0a000002)
#define CONN_CNT  2
#define FRAME_MAX 1600

struct bench {
	struct leat_stack *s;
	struct ip our, peer;
	struct tcb was[CONN_CNT];
	uint64_t now;
	uint8_t ttl;              /* of all that we send (MUST-49) */
	uint32_t frames;          /* sent since the message */
	uint8_t frame[FRAME_MAX]; /* the last one */
	uint32_t octets;
};

static void pump(struct bench *b)
{
	static uint8_t room[FRAME_MAX];
	struct stack_frame f = {.data = room, .room = sizeof(room)};
	void *buf;

	while (leat_stack_output(b->s, b->now, &f, 1) == 1) {
		memcpy(b->frame, room, f.octets);
		b->octets = f.octets;
		ASSERT(++b->frames <= 8);
		ASSERT(room[ip_is4(b->our) ? 8 : 7] == b->ttl);
		f = (struct stack_frame){.data = room, .room = sizeof(room)};
	}
	while (leat_stack_give(b->s, &buf, 1) == 1)
		free(buf);
}

static enum wire_verdict inject(struct bench *b, const uint8_t *packet, uint32_t octets)
{
	uint8_t *buf = fuzz_copy(packet, octets);

	b->frames = 0;
	enum wire_verdict v = leat_stack_inject(b->s, buf, octets, buf, b->now);
	pump(b);
	return v;
}

static uint32_t put_ip(const struct bench *b, uint8_t *packet, uint8_t proto, uint32_t octets)
{
	struct wire_link raw = {.raw_ip = true};
	struct tuple t = {.local = b->peer, .remote = b->our};
	struct ip_hdr hdr = {.proto = proto, .ttl = 64, .octets = octets};

	return leat_wire_pkt_hdr_put(packet, &raw, NULL, &t, &hdr);
}

/* The peer accepts a connection: its SYN-ACK. */
static void open_connection(struct bench *b, uint32_t i)
{
	struct leat_addr local = {0}, remote = {.family = ip_is4(b->peer) ? 4 : 6, .port = 80};
	struct leat_conn conn;
	uint8_t packet[128];

	if (remote.family == 4)
		be32_put(remote.octet, ip_to4(b->peer));
	else
		be64_put(remote.octet, b->peer.hi), be64_put(remote.octet + 8, b->peer.lo);
	ASSERT(leat_connect(b->s, &local, &remote, &conn) == LEAT_OK);
	pump(b);
	const struct tcb *tcb = leat_tcp_tcb(leat_stack_engine(b->s), i);
	struct tuple t = {b->peer, b->our, 80, tcb->ends.lport, 0};
	struct seg seg = {
		.seq = seq_of(300), .ack = tcb->snd.nxt, .wnd = 8192, .flags = TCP_SYN | TCP_ACK};
	uint32_t hdr = put_ip(b, packet, WIRE_PROTO_TCP, leat_wire_tcp_hdr_octets(&seg));
	uint32_t octets = hdr + leat_wire_seg_put(packet + hdr, t.lport, t.rport, &seg);
	fuzz_fix_ip(packet, octets);
	inject(b, packet, octets);
	ASSERT(tcb->state == TCP_ST_ESTABLISHED);
	ASSERT(leat_send(b->s, conn, "outstanding", 11) == 11);
	pump(b);
}

static void set_up(struct bench *b, uint8_t how)
{
	bool is6 = how & 1;
	struct stack_config c;

	memset(b, 0, sizeof(*b));
	b->now = 1000 * TIME_S;
	b->ttl = how >> 2 ? how >> 2 : 64;
	b->our = is6 ? (struct ip){UINT64_C(0xfd00) << 48, 1} : ip_from4(OUR_IP4);
	b->peer = is6 ? (struct ip){UINT64_C(0xfd00) << 48, 2} : ip_from4(PEER_IP4);
	leat_stack_config_default(&c);
	c.tcp = (struct tcp_limits){
		.tcb_max = CONN_CNT, .rbuf_max = 4, .ext_max = CONN_CNT, .srec_max = 8};
	c.listener_max = c.target_max = 1;
	c.neigh_max = 4;
	c.ttl = b->ttl;
	c.send_chunk_cnt = 4;
	c.port_from = 50000;
	c.port_to = 50003;
	c.link = (struct wire_link){.raw_ip = true, .mtu = 1500, .local_cnt = 1};
	c.link.local[0] = (struct wire_local){b->our, is6 ? 64 : 24};
	b->s = leat_stack_new(fuzz_mem(leat_stack_footprint(&c)), &c, b->now);
	for (uint32_t i = 0; i < CONN_CNT; i++)
		open_connection(b, i);
	for (uint32_t i = 0; i < CONN_CNT; i++)
		b->was[i] = *leat_tcp_tcb(leat_stack_engine(b->s), i);
}

static struct tuple tuple_of(const struct bench *b, uint32_t i)
{
	struct tuple t;

	leat_tcp_tuple(leat_stack_engine(b->s), &b->was[i], &t);
	return t;
}

/* A packet of ours, as a router quotes it; whose 2 or more: of no connection. */
static uint32_t put_quote(struct bench *b, struct fuzz_in *in, uint8_t *p)
{
	struct wire_link raw = {.raw_ip = true};
	uint8_t whose = fuzz_u8(in) % 4, off = fuzz_u8(in), part = fuzz_u8(in);
	struct tuple t = tuple_of(b, whose % CONN_CNT);
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 1, .octets = 40};
	struct seg seg = {.seq = b->was[whose % CONN_CNT].snd.una, .flags = TCP_ACK};

	if (whose >= CONN_CNT)
		t.lport++;
	seg.seq = seq_add(seg.seq, fuzz_near(in, off, 8192));
	uint32_t l3 = leat_wire_pkt_hdr_put(p, &raw, NULL, &t, &hdr);
	leat_wire_seg_put(p + l3, t.lport, t.rport, &seg);
	return part & 0x80 ? l3 + 8 : u32_min(l3 + part, l3 + 20);
}

static uint32_t put_message(struct bench *b, struct fuzz_in *in, uint8_t how, uint8_t *packet)
{
	bool is6 = how & 1;
	uint8_t message[1024] = {0};
	uint32_t octets = 8;

	for (uint32_t i = 0; i < 8; i++)
		message[i] = i == 2 || i == 3 ? 0 : fuzz_u8(in);
	if (how & 2)
		octets += put_quote(b, in, message + 8);
	while (in->left > 0 && octets < sizeof(message))
		message[octets++] = fuzz_u8(in);
	uint32_t l3 = put_ip(b, packet, is6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP, octets);
	memcpy(packet + l3, message, octets);
	fuzz_fix_ip(packet, l3 + octets);
	return l3 + octets;
}

/* An error may change how large segments are, of the connection it quotes. */
static void check_error(struct bench *b, const struct tuple *quoted)
{
	for (uint32_t i = 0; i < CONN_CNT; i++) {
		const struct tcb *is = leat_tcp_tcb(leat_stack_engine(b->s), i);
		const struct tuple its = tuple_of(b, i);
		bool meant = quoted && tuple_eq(quoted, &its);

		if (!meant)
			ASSERT(memcmp(is, &b->was[i], sizeof(*is)) == 0);
		ASSERT(is->state == TCP_ST_ESTABLISHED);
		ASSERT(seq_eq(is->snd.una, b->was[i].snd.una));
		ASSERT(seq_eq(is->snd.nxt, b->was[i].snd.nxt));
		ASSERT(seq_eq(is->rcv.nxt, b->was[i].rcv.nxt));
		ASSERT(is->snd_mss >= 48 && is->snd_mss <= b->was[i].snd_mss);
	}
}

/* The reply has the request's octets, but for type and checksum. */
static void check_echo(const struct bench *b, const uint8_t *packet, uint32_t octets, bool is6)
{
	uint32_t l3 = is6 ? WIRE_IP6_OCTETS : WIRE_IP4_OCTETS;

	ASSERT(b->frames == 1);
	ASSERT(b->octets == octets);
	ASSERT(memcmp(b->frame + l3 + 4, packet + l3 + 4, octets - l3 - 4) == 0);
	ASSERT(b->frame[l3] == (is6 ? 129 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b;
	static struct wire_link link;
	struct fuzz_in in = {data, size};
	uint8_t how = fuzz_u8(&in), packet[FRAME_MAX];
	char text[256];

	set_up(&b, how);
	uint32_t octets = put_message(&b, &in, how, packet);
	link = (struct wire_link){.raw_ip = true, .mtu = 1500, .local_cnt = 1};
	link.local[0] = (struct wire_local){b.our, how & 1 ? 64 : 24};
	struct pkt p = {.frame = packet, .octets = octets};
	enum wire_verdict v = leat_wire_pkt_parse(&p, &link);
	ASSERT(inject(&b, packet, octets) == v);
	if (v == WIRE_V_ICMP_ECHO)
		check_echo(&b, packet, octets, how & 1);
	else if (v != WIRE_V_ICMP_ERROR)
		ASSERT(b.frames == 0 || v == WIRE_V_ND);
	check_error(&b, v == WIRE_V_ICMP_ERROR ? &p.icmp.error.tuple : NULL);
	ASSERT(leat_stack_ledger_error(b.s, text, sizeof(text)) == NULL);
	leat_reach_stack(b.s);
	return 0;
}
