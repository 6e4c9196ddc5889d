/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_PCAPNG_H
#define LEAT_WATCH_PCAPNG_H

/* watch_pcapng: blocks of a pcapng file, as tcpdump, tshark and Wireshark read them.
 *
 *	section, interface, interface ..., packet, packet ..., stats, stats ...
 *
 * A packet is an enhanced packet block with its direction and a comment (opt_comment), which
 * readers show and filter (frame.comment).  Each stats block ends one interface and says how many
 * packets it lost.
 *
 * Shape      a block is written to memory of the caller's, who lends WATCH_PCAPNG_HEAD octets and,
 *            for a packet, what is kept of it.
 * Units      ns since 1970.
 * Memory     none kept.
 * Affinity   none; pure.
 * Cost       some hundred ns a packet, which is most of it copying.
 * Errors     none: text too long is cut.
 * RFC        draft-ietf-opsawg-pcapng: 4.1, 4.2, 4.3, 4.6; little-endian
 * See        ctl_capture.c, which writes them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_PCAPNG_TEXT 256 /* octets of a comment or a name, at most */
#define WATCH_PCAPNG_HEAD 1024
#define WATCH_PCAPNG_MIN  12 /* octets of the shortest block */

/* Types of blocks. */
#define WATCH_PCAPNG_SECTION   UINT32_C(0x0a0d0d0a)
#define WATCH_PCAPNG_INTERFACE UINT32_C(1)
#define WATCH_PCAPNG_STATS     UINT32_C(5)
#define WATCH_PCAPNG_PACKET    UINT32_C(6)
/* Of no file: the standard leaves numbers with this bit to those who agree on them.  Its body is
 * text of ours, for who reads from a socket. */
#define WATCH_PCAPNG_SAID UINT32_C(0x80000001)

enum watch_pcapng_way {
	WATCH_PCAPNG_IN = 1,
	WATCH_PCAPNG_OUT = 2,
};

struct watch_packet {
	uint32_t interface; /* by order of their blocks */
	enum watch_pcapng_way way;
	uint64_t at;           /* ns since 1970 */
	uint32_t octets, kept; /* on the wire, in data */
	const uint8_t *data;
	const char *comment;
};

struct watch_pcapng_stats {
	uint32_t interface;
	uint64_t from, to; /* ns since 1970 */
	uint64_t received; /* looked at */
	uint64_t accepted; /* of these, by the filter */
	uint64_t lost;     /* of these, as there was no room for them */
};

/* leat_watch_pcapng_section begins a file, written by program.  Each function returns how many
 * octets its block has. */
size_t leat_watch_pcapng_section(uint8_t *to, const char *program);

/* leat_watch_pcapng_interface: the next interface, of Ethernet frames cut at snap octets. */
size_t leat_watch_pcapng_interface(
	uint8_t *to, const char *name, const char *filter, uint32_t snap);

/* leat_watch_pcapng_packet wants WATCH_PCAPNG_HEAD + p->kept octets at to. */
size_t leat_watch_pcapng_packet(uint8_t *to, const struct watch_packet *p);

size_t leat_watch_pcapng_stats(uint8_t *to, const struct watch_pcapng_stats *s);

/* leat_watch_pcapng_said wraps text. */
size_t leat_watch_pcapng_said(uint8_t *to, const char *text);

/* leat_watch_pcapng_head reads the type of the block that begins at from, WATCH_PCAPNG_MIN octets
 * of it at least, and how long it is; 0: that is no block. */
uint32_t leat_watch_pcapng_head(const uint8_t *from, uint32_t *type);

#endif
