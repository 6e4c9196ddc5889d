/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_pcapng.h"

#include "base_bits.h"

#include <string.h>

#define MAGIC        UINT32_C(0x1a2b3c4d)
#define LINK_ETHER   1
#define BLOCK_MAX    (UINT32_C(1) << 24)
#define OPT_END      0
#define OPT_COMMENT  1
#define OPT_USERAPPL 4 /* of a section */
#define OPT_IF_NAME  2
#define OPT_IF_TSRES 9
#define OPT_IF_FILT  11
#define OPT_EPB_FLAG 2
#define OPT_ISB_FROM 2
#define OPT_ISB_TO   3
#define OPT_ISB_RECV 4
#define OPT_ISB_DROP 5
#define OPT_ISB_PASS 6

/* A block under way. */
struct block {
	uint8_t *to;
	size_t octets;
};

static void put16(struct block *b, uint32_t v)
{
	b->to[b->octets++] = (uint8_t)v;
	b->to[b->octets++] = (uint8_t)(v >> 8);
}

static void put32(struct block *b, uint32_t v)
{
	put16(b, v & 0xffff);
	put16(b, v >> 16);
}

/* put_stamp: an instant is written as two words, the upper one first. */
static void put_stamp(struct block *b, uint64_t ns)
{
	put32(b, (uint32_t)(ns >> 32));
	put32(b, (uint32_t)ns);
}

/* put_padded adds octets, and zeros to the next word of 32 bits. */
static void put_padded(struct block *b, const void *data, size_t octets)
{
	memcpy(b->to + b->octets, data, octets);
	b->octets += octets;
	while (b->octets % 4 != 0)
		b->to[b->octets++] = 0;
}

static struct block begin(uint8_t *to, uint32_t type)
{
	struct block b = {to, 0};

	put32(&b, type);
	put32(&b, 0); /* the length, by end */
	return b;
}

static size_t end(struct block *b)
{
	struct block length = {b->to, 4};
	uint32_t octets = (uint32_t)b->octets + 4;

	put32(b, octets);
	put32(&length, octets);
	return b->octets;
}

static void put_option(struct block *b, uint32_t code, const void *value, size_t octets)
{
	put16(b, code);
	put16(b, (uint32_t)octets);
	put_padded(b, value, octets);
}

/* put_text leaves an empty text out, and cuts a long one, but not amid a character. */
static void put_text(struct block *b, uint32_t code, const char *text)
{
	size_t octets = strnlen(text, WATCH_PCAPNG_TEXT);

	if (octets == WATCH_PCAPNG_TEXT)
		while (octets > 0 && ((uint8_t)text[octets] & 0xc0) == 0x80)
			octets--;
	if (octets > 0)
		put_option(b, code, text, octets);
}

static size_t end_options(struct block *b)
{
	put_option(b, OPT_END, "", 0);
	return end(b);
}

size_t leat_watch_pcapng_section(uint8_t *to, const char *program)
{
	struct block b = begin(to, WATCH_PCAPNG_SECTION);

	put32(&b, MAGIC);
	put16(&b, 1); /* version 1.0 */
	put16(&b, 0);
	put_stamp(&b, UINT64_MAX); /* its length: not known */
	put_text(&b, OPT_USERAPPL, program);
	return end_options(&b);
}

size_t leat_watch_pcapng_interface(uint8_t *to, const char *name, const char *filter, uint32_t snap)
{
	struct block b = begin(to, WATCH_PCAPNG_INTERFACE);
	const uint8_t ns = 9; /* 10^-9 s */
	char expression[WATCH_PCAPNG_TEXT];

	put16(&b, LINK_ETHER);
	put16(&b, 0);
	put32(&b, snap);
	put_text(&b, OPT_IF_NAME, name);
	put_option(&b, OPT_IF_TSRES, &ns, 1);
	if (*filter != '\0') { /* 0: what follows is in tcpdump's language */
		size_t octets = strnlen(filter, sizeof(expression) - 1);

		expression[0] = 0;
		memcpy(expression + 1, filter, octets);
		put_option(&b, OPT_IF_FILT, expression, octets + 1);
	}
	return end_options(&b);
}

size_t leat_watch_pcapng_packet(uint8_t *to, const struct watch_packet *p)
{
	struct block b = begin(to, WATCH_PCAPNG_PACKET);
	const uint8_t flags[4] = {(uint8_t)p->way};

	put32(&b, p->interface);
	put_stamp(&b, p->at);
	put32(&b, p->kept);
	put32(&b, p->octets);
	put_padded(&b, p->data, p->kept);
	put_option(&b, OPT_EPB_FLAG, flags, sizeof(flags));
	put_text(&b, OPT_COMMENT, p->comment);
	return end_options(&b);
}

/* put_instant: like put_stamp, as the value of an option. */
static void put_instant(struct block *b, uint32_t code, uint64_t ns)
{
	put16(b, code);
	put16(b, 8);
	put_stamp(b, ns);
}

/* put_count: 64 bits, the lower ones first. */
static void put_count(struct block *b, uint32_t code, uint64_t cnt)
{
	put16(b, code);
	put16(b, 8);
	put32(b, (uint32_t)cnt);
	put32(b, (uint32_t)(cnt >> 32));
}

size_t leat_watch_pcapng_stats(uint8_t *to, const struct watch_pcapng_stats *s)
{
	struct block b = begin(to, WATCH_PCAPNG_STATS);

	put32(&b, s->interface);
	put_stamp(&b, s->to);
	put_instant(&b, OPT_ISB_FROM, s->from);
	put_instant(&b, OPT_ISB_TO, s->to);
	put_count(&b, OPT_ISB_RECV, s->received);
	put_count(&b, OPT_ISB_DROP, s->lost);
	put_count(&b, OPT_ISB_PASS, s->accepted);
	return end_options(&b);
}

size_t leat_watch_pcapng_said(uint8_t *to, const char *text)
{
	struct block b = begin(to, WATCH_PCAPNG_SAID);

	put_padded(&b, text, strnlen(text, WATCH_PCAPNG_TEXT));
	return end(&b);
}

static uint32_t get32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

uint32_t leat_watch_pcapng_head(const uint8_t *from, uint32_t *type)
{
	uint32_t octets = get32(from + 4);

	*type = get32(from);
	return octets % 4 == 0 && octets >= WATCH_PCAPNG_MIN && octets <= BLOCK_MAX ? octets : 0;
}
