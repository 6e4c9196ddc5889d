/* SPDX-License-Identifier: BSD-3-Clause */
/* What does it cost to take a frame apart?
 *
 *	bench_parse [--json] [--quick]
 *
 * A burst of 32 frames of one kind, parsed over and over; with the checksums left to a device, and
 * summed in software. */
#include "bench.h"
#include "bench_frame.h"

#include "wire_ip.h"

#define BURST     32
#define FRAME_MAX 1514
#define ROUNDS    2000
#define PARTS     50

struct kind {
	const char *name;
	uint8_t flags, opts;
	uint16_t text;
	bool is6;
};

static const struct kind kinds[] = {
	{"ack", TCP_ACK, TCP_OPT_TS, 0, false},
	{"syn", TCP_SYN, TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_SACK_OK | TCP_OPT_TS, 0, false},
	{"request", TCP_ACK | TCP_PSH, TCP_OPT_TS, 50, false},
	{"full", TCP_ACK, TCP_OPT_TS, 1448, false},
	{"ack6", TCP_ACK, TCP_OPT_TS, 0, true},
};

static uint8_t frame[BURST][FRAME_MAX];
static struct pkt pkt[BURST];

static struct ip address(const struct kind *k, uint32_t host)
{
	return k->is6 ? (struct ip){UINT64_C(0xfd00) << 48, host} : ip_from4(0x0a000000 + host);
}

/* From a peer to us: written as the peer would. */
static void make(const struct wire_link *link, const struct kind *k, uint32_t i)
{
	struct wire_link peer = *link;
	struct tuple tuple = {.local = address(k, 2 + i),
		.remote = address(k, 1),
		.lport = (uint16_t)(1024 + i),
		.rport = 80};
	struct seg seg = {.seq = seq_of(i * 1000),
		.ack = seq_of(77),
		.flags = k->flags,
		.opts = k->opts,
		.mss = 1460,
		.wscale = 7,
		.wnd = 1000,
		.ts_val = i,
		.text = k->text};
	static uint8_t text[FRAME_MAX];

	memset(text, 'x', sizeof(text));
	seg.data = text;
	peer.mac.octet[5] = 9;
	pkt[i] = (struct pkt){.frame = frame[i],
		.octets = bench_frame_put(frame[i], &peer, &link->mac, &tuple, &seg)};
}

static uint64_t parse(const struct wire_link *link, bool offload)
{
	uint64_t from;

	for (uint32_t i = 0; i < BURST; i++)
		pkt[i].ip_csum = pkt[i].l4_csum = offload ? WIRE_CSUM_GOOD : WIRE_CSUM_UNKNOWN;
	from = bench_cycles();
	for (uint32_t round = 0; round < ROUNDS; round++)
		for (uint32_t i = 0; i < BURST; i++)
			ASSERT(leat_wire_pkt_parse(&pkt[i], link) == WIRE_V_TCP);
	return bench_cycles() - from;
}

static void measure(const struct bench *b, const struct wire_link *link, const struct kind *k)
{
	for (uint32_t i = 0; i < BURST; i++)
		make(link, k, i);
	for (int offload = 1; offload >= 0; offload--) {
		uint64_t best = UINT64_MAX;
		char name[32];

		for (uint32_t part = 0; part < (b->quick ? 1 : PARTS); part++) {
			uint64_t cycles = parse(link, offload != 0);

			best = cycles < best ? cycles : best;
		}
		snprintf(name, sizeof(name), "parse %s%s", k->name, offload ? "" : " csum");
		bench_row(b, name, 1, best, (uint64_t)ROUNDS * BURST);
	}
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	struct wire_link link = {.mac = {{2, 0, 0, 0, 0, 1}}, .mtu = 1500, .local_cnt = 2};

	link.local[0] = (struct wire_local){ip_from4(0x0a000001), 24};
	link.local[1] = (struct wire_local){{UINT64_C(0xfd00) << 48, 1}, 64};
	for (uint32_t i = 0; i < COUNT_OF(kinds); i++)
		measure(&b, &link, &kinds[i]);
	return 0;
}
