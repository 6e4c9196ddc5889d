/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_FRAME_H
#define LEAT_BENCH_FRAME_H

/* bench_frame: one frame as a peer writes it, checksums included. */

#include "base_be.h"
#include "wire_cksum.h"
#include "wire_pkt.h"

#include <string.h>

#define BENCH_FRAME_CSUM_AT 16 /* octet of the checksum in a TCP header */

/* bench_frame_put writes seg of from to the station to, and its text if it has data; its octets. */
static inline uint32_t bench_frame_put(uint8_t *frame, const struct wire_link *link,
	const struct mac *to, const struct tuple *from, const struct seg *seg)
{
	struct ip_hdr hdr = {.proto = WIRE_PROTO_TCP, .ttl = 64};

	hdr.octets = leat_wire_tcp_hdr_octets(seg) + seg->text;
	uint32_t at = leat_wire_pkt_hdr_put(frame, link, to, from, &hdr);
	uint8_t *tcp = frame + at;
	uint32_t text_at = leat_wire_seg_put(tcp, from->lport, from->rport, seg);

	if (seg->data != NULL)
		memcpy(tcp + text_at, seg->data, seg->text);
	be16_put(tcp + BENCH_FRAME_CSUM_AT, leat_wire_cksum(from, WIRE_PROTO_TCP, tcp, hdr.octets));
	return at + hdr.octets;
}

#endif
