/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"
#include "wire_cksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HDR_OCTETS_MAX (WIRE_IP6_OCTETS + TCP_HDR_OCTETS + TCP_OPT_OCTETS_MAX)
#define PEER_TTL       64

static void fill(uint8_t *dst, uint32_t q, uint32_t octets, bool junk)
{
	for (uint32_t i = 0; i < octets; i++)
		dst[i] = (uint8_t)(leat_talk_octet(q + i) ^ (junk ? 0xff : 0));
}

/* build writes the packet that carries seg from the peer to us and returns its octets. */
static uint32_t build(const struct talk *t, const struct talk_seg *from, uint8_t *p)
{
	struct tuple tuple = {t->peer_ip, t->our_ip, TALK_PEER_PORT, TALK_OUR_PORT, 0};
	struct seg seg = from->seg;

	leat_talk_seg_shift(t, &seg);
	uint32_t hdr_octets = leat_wire_tcp_hdr_octets(&seg);
	uint32_t l4_octets = hdr_octets + seg.text;
	const struct ip_hdr hdr = {
		.proto = WIRE_PROTO_TCP, .tos = seg.tos, .ttl = PEER_TTL, .octets = l4_octets};
	uint32_t l3_octets = leat_wire_pkt_hdr_put(p, &t->peer_link, NULL, &tuple, &hdr);
	uint8_t *l4 = p + l3_octets;

	leat_wire_seg_put(l4, tuple.lport, tuple.rport, &seg);
	l4[12] |= from->ae;
	uint32_t first = from->seg.seq.v + !!(seg.flags & TCP_SYN);
	fill(l4 + hdr_octets, first, seg.text, from->junk);
	be16_put(l4 + 16, leat_wire_cksum(&tuple, WIRE_PROTO_TCP, l4, l4_octets));
	return l3_octets + l4_octets;
}

/* frame_in adds a packet to the burst, in a buffer of its own. */
static void frame_in(struct talk *t, const uint8_t *packet, uint32_t octets)
{
	struct stack_burst *b = &t->burst;

	if (b->cnt == STACK_BURST_MAX || t->frame_cnt == TALK_BUF_MAX)
		leat_talk_fail(t, "fewer segments", "%s", t->text);
	uint8_t **handle = &t->frame[t->frame_cnt++];

	*handle = malloc(octets);
	ASSERT(*handle != NULL);
	memcpy(*handle, packet, octets);
	b->pkt[b->cnt++] = (struct pkt){
		.frame = *handle,
		.octets = octets,
		.ip_csum = WIRE_CSUM_UNKNOWN,
		.l4_csum = WIRE_CSUM_UNKNOWN,
		.buf = handle,
	};
}

void leat_talk_arrive(struct talk *t, const struct talk_seg *seg)
{
	uint8_t scratch[HDR_OCTETS_MAX + UINT16_MAX];

	if ((seg->seg.flags & TCP_ACK) && !(seg->given & TALK_GIVEN_ACK))
		leat_talk_fail(t, "ack n, as the flags have a dot", "%s", t->text);
	frame_in(t, scratch, build(t, seg, scratch));
}

void leat_talk_arrive_icmp(struct talk *t, const struct icmp_error *error)
{
	const struct tuple to_us = {t->peer_ip, t->our_ip, 0, 0, 0};
	const struct tuple ours = {t->our_ip, t->peer_ip, TALK_OUR_PORT, TALK_PEER_PORT, 0};
	bool ip4 = ip_is4(t->our_ip);
	uint8_t proto = ip4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6;
	struct ip_hdr quoted = {.proto = WIRE_PROTO_TCP, .ttl = 1, .octets = TCP_HDR_OCTETS};
	struct ip_hdr hdr = {.proto = proto, .ttl = PEER_TTL};
	uint8_t packet[2 * WIRE_IP6_OCTETS + ICMP_HDR_OCTETS + TCP_HDR_OCTETS];
	uint32_t ip_octets = ip4 ? WIRE_IP4_OCTETS : WIRE_IP6_OCTETS;
	uint8_t *icmp = packet + ip_octets;
	const struct seg seg = {.seq = error->seq, .flags = TCP_ACK};

	memset(packet, 0, sizeof(packet));
	icmp[0] = error->type;
	icmp[1] = error->code;
	be32_put(icmp + 4, error->mtu);
	leat_wire_pkt_hdr_put(icmp + ICMP_HDR_OCTETS, &t->peer_link, NULL, &ours, &quoted);
	leat_wire_seg_put(icmp + ICMP_HDR_OCTETS + ip_octets, ours.lport, ours.rport, &seg);
	hdr.octets = ICMP_HDR_OCTETS + ip_octets + TCP_HDR_OCTETS;
	leat_wire_pkt_hdr_put(packet, &t->peer_link, NULL, &to_us, &hdr);
	uint64_t sum = ip4 ? 0 : leat_wire_sum_pseudo(&to_us, proto, hdr.octets);
	be16_put(icmp + 2, (uint16_t)~leat_wire_sum_fold(leat_wire_sum(sum, icmp, hdr.octets)));
	frame_in(t, packet, ip_octets + hdr.octets);
}

void leat_talk_input(struct talk *t)
{
	struct stack_burst *b = &t->burst;

	leat_stack_parse(t->stack, b);
	leat_stack_lookup(t->stack, b);
	leat_stack_input(t->stack, b, t->now);
	uint32_t last = b->cnt - 1;
	if (b->verdict[last] != WIRE_V_TCP)
		t->verdict = leat_wire_verdict_name(b->verdict[last]);
	else if (b->tcp_verdict[last] == TCP_V_CNT)
		t->verdict = "accept_refused";
	else
		t->verdict = leat_tcp_verdict_name(b->tcp_verdict[last]);
	b->cnt = 0;
}

/* A buffer comes home once, and only one that is out. */
static void come_home(struct talk *t, void *buf)
{
	uint8_t **handle = buf;

	if (handle < t->frame || handle >= t->frame + t->frame_cnt)
		leat_talk_fail(t, "a buffer that was given", "a foreign one came back");
	if (!*handle)
		leat_talk_fail(
			t, "each buffer once", "buffer %td came back again", handle - t->frame);
	free(*handle);
	*handle = NULL;
}

void leat_talk_take_home(struct talk *t)
{
	void *buf[8];
	uint32_t cnt;

	do {
		cnt = leat_stack_give(t->stack, buf, COUNT_OF(buf));
		for (uint32_t i = 0; i < cnt; i++)
			come_home(t, buf[i]);
	} while (cnt == COUNT_OF(buf));
}

/* What we send must be what the user gave us, at its place in the stream. */
static void check_text(struct talk *t, const struct seg *seg)
{
	uint32_t q = seg->seq.v - t->snd_shift + !!(seg->flags & TCP_SYN);

	for (uint32_t i = 0; i < seg->text; i++) {
		if (seg->data[i] != leat_talk_octet(q + i))
			leat_talk_fail(t, "the octets of the stream",
				"> octet %u is 0x%02x not 0x%02x", q + i, seg->data[i],
				leat_talk_octet(q + i));
	}
}

/* A cookie's number is what it is: the script's ISS becomes that, its clock that of the cookie.
 * The answer to a SYN of another number leaves both where they are. */
static void see_cookie(struct talk *t, const struct seg *seg)
{
	if (leat_talk_tcb(t) || seg->ack.v != t->setup.irs + 1 + t->rcv_shift ||
		(seg->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
		return;
	t->snd_shift = seg->seq.v - t->setup.iss;
	t->ts_shift = seg->ts_val - (uint32_t)((t->now - t->start) / TIME_MS) - TALK_TS_FIRST;
}

/* The peer's side of a frame of ours: it must parse, checksums and all, and be of this talk. */
static void take_frame(struct talk *t, const struct stack_frame *frame)
{
	struct tuple tuple = {t->peer_ip, t->our_ip, TALK_PEER_PORT, TALK_OUR_PORT, 0};
	struct pkt pkt = {.frame = frame->data, .octets = frame->octets};
	enum wire_verdict verdict = leat_wire_pkt_parse(&pkt, &t->peer_link);

	if (verdict != WIRE_V_TCP)
		leat_talk_fail(t, "a segment", "> a frame: %s", leat_wire_verdict_help(verdict));
	if (!tuple_eq(&tuple, &pkt.tuple))
		leat_talk_fail(t, "a segment to the peer", "> a segment to somebody else");
	if (t->setup.config.knobs.syn_cookies == TCP_COOKIES_ALWAYS)
		see_cookie(t, &pkt.seg);
	check_text(t, &pkt.seg);
	if (!leat_twin_frame(t->twin, 0, frame->data, frame->octets))
		leat_talk_fail(t, "the same without", "> another frame");
	if (t->trace) {
		char text[TALK_LINE_MAX];
		leat_talk_seg_text(t, &pkt.seg, text, sizeof(text));
		printf("#     %+.6f   > %s\n", (double)(t->now - t->start) / 1e9, text);
	}
	if (t->sent_cnt == TALK_SENT_MAX)
		leat_talk_fail(t, "fewer segments", "> more than %u", TALK_SENT_MAX);
	uint32_t slot = (t->sent_head + t->sent_cnt++) % TALK_SENT_MAX;
	t->sent[slot] = (struct talk_sent){t->now, pkt.seg};
	t->sent[slot].seg.data = NULL;
}

void leat_talk_collect(struct talk *t)
{
	static uint8_t room[4][HDR_OCTETS_MAX + UINT16_MAX];
	struct stack_frame frame[COUNT_OF(room)];
	const struct tcb *tcb = leat_talk_tcb(t);
	uint32_t cnt;

	if (tcb)
		t->ts_shift = tcb->ts_offset + (uint32_t)(t->start / TIME_MS) - TALK_TS_FIRST;
	do {
		for (size_t i = 0; i < COUNT_OF(room); i++)
			frame[i] = (struct stack_frame){.data = room[i], .room = sizeof(room[i])};
		cnt = leat_stack_output(t->stack, t->now, frame, COUNT_OF(room));
		for (uint32_t i = 0; i < cnt; i++)
			take_frame(t, &frame[i]);
	} while (cnt == COUNT_OF(room));
	leat_talk_take_home(t);
	leat_talk_events(t);
}
