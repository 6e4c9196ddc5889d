/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_FORGE_H
#define LEAT_BENCH_FORGE_H

/* bench_forge: clients without a stack: segments written as they would, and of the server's just
 * what the next one needs, 16 octets a connection, so that 10 million fit.
 *
 * Connection n has its tuple and its numbers from n alone: 60,000 ports of each address of the
 * clients of bench_pair.h, beyond the router. */

#include "bench_frame.h"
#include "bench_pair.h"

#define BENCH_FORGE_PORTS  60000
#define BENCH_FORGE_OCTETS 1536 /* the longest frame */

struct bench_forged {
	uint32_t iss, ts;     /* the server's, as last heard */
	uint32_t sent, heard; /* octets of text, each FIN as one */
};

struct bench_forge {
	struct wire_link link; /* the router's */
	struct bench_forged *conn;
	uint64_t slots;
};

static inline void bench_forge_new(struct bench_forge *f, uint64_t slots)
{
	*f = (struct bench_forge){.slots = slots};
	f->link = (struct wire_link){.mac = bench_station(1), .mtu = 1500};
	f->link.range_from = ip_from4(BENCH_CLIENT);
	f->link.range_to = ip_from4(BENCH_CLIENT + 0xffffff);
	f->conn = bench_memory(slots * sizeof(*f->conn));
}

static inline struct bench_forged *bench_forge_conn(const struct bench_forge *f, uint64_t n)
{
	return &f->conn[n % f->slots];
}

/* bench_forge_put writes a segment of client n with text octets; its octets. */
static inline uint32_t bench_forge_put(
	const struct bench_forge *f, uint8_t *frame, uint64_t n, uint8_t flags, const char *text)
{
	struct bench_forged *c = bench_forge_conn(f, n);
	struct mac to = bench_station(2);
	struct tuple from = {.local = ip_from4(BENCH_CLIENT + (uint32_t)(n / BENCH_FORGE_PORTS)),
		.remote = ip_from4(BENCH_SERVER),
		.lport = (uint16_t)(BENCH_PORT_FROM + n % BENCH_FORGE_PORTS),
		.rport = BENCH_PORT};
	struct seg seg = {.seq = seq_of((uint32_t)n * 2654435761U),
		.flags = flags,
		.opts = TCP_OPT_TS,
		.wnd = 60000,
		.ts_val = 1000,
		.text = (uint16_t)(text == NULL ? 0 : strlen(text)),
		.data = (const uint8_t *)text};

	if (flags & TCP_SYN) {
		*c = (struct bench_forged){0, 0, 0, 0};
		seg.opts |= TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_SACK_OK;
		seg.mss = 1460;
		seg.wscale = 7;
	} else {
		seg.seq = seq_add(seg.seq, 1 + c->sent);
		seg.ack = seq_of(c->iss + 1 + c->heard);
		seg.ts_ecr = c->ts;
		c->sent += seg.text + (flags & TCP_FIN ? 1U : 0);
	}
	return bench_frame_put(frame, &f->link, &to, &from, &seg);
}

/* bench_forge_hear takes a frame of the server. */
static inline void bench_forge_hear(struct bench_forge *f, const uint8_t *frame, uint32_t octets)
{
	struct pkt p = {.frame = frame,
		.octets = octets,
		.ip_csum = WIRE_CSUM_GOOD,
		.l4_csum = WIRE_CSUM_GOOD};

	ASSERT(leat_wire_pkt_parse(&p, &f->link) == WIRE_V_TCP && !(p.seg.flags & TCP_RST));
	uint32_t host = ip_to4(p.tuple.local) - BENCH_CLIENT;
	struct bench_forged *c = bench_forge_conn(
		f, (uint64_t)host * BENCH_FORGE_PORTS + p.tuple.lport - BENCH_PORT_FROM);
	uint32_t seq = p.seg.seq.v;

	if (p.seg.flags & TCP_SYN)
		c->iss = seq;
	c->heard = seq + p.seg.len - c->iss - 1;
	c->ts = p.seg.ts_val;
}

#endif
