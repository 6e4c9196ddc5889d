/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_print.h"

#include "base_bits.h"

#include <stdarg.h>
#include <stdio.h>

/* Text that is cut at size, while its length is counted on. */
struct out {
	char *text;
	size_t size, at;
};

__attribute__((format(printf, 2, 3))) static void add(struct out *o, const char *format, ...)
{
	va_list args;
	size_t room = o->at < o->size ? o->size - o->at : 0;

	va_start(args, format);
	int wanted = vsnprintf(room ? o->text + o->at : NULL, room, format, args);
	va_end(args);
	o->at += wanted < 0 ? 0 : (size_t)wanted;
}

static void add_flags(struct out *o, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		char letter;
	} shown[] = {{TCP_SYN, 'S'}, {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_PSH, 'P'}, {TCP_ACK, '.'},
		{TCP_URG, 'U'}, {TCP_ECE, 'E'}, {TCP_CWR, 'W'}};

	for (size_t i = 0; i < COUNT_OF(shown); i++) {
		if (flags & shown[i].flag)
			add(o, "%c", shown[i].letter);
	}
	if (flags == 0)
		add(o, "-");
}

static void add_sack(struct out *o, const struct seg *seg, struct seq ack_base)
{
	for (uint8_t i = 0; i < seg->sack_cnt; i++)
		add(o, " %u:%u", seq_from(ack_base, seg->sack[i].left),
			seq_from(ack_base, seg->sack[i].right));
}

/* between opens the list before its first element and separates the others. */
static const char *between(unsigned *cnt)
{
	return (*cnt)++ == 0 ? " <" : ", ";
}

static void add_opts(struct out *o, const struct seg *seg, struct seq ack_base)
{
	unsigned cnt = 0;

	if (seg->opts & TCP_OPT_MSS)
		add(o, "%smss %u", between(&cnt), seg->mss);
	if (seg->opts & TCP_OPT_WS)
		add(o, "%swscale %u", between(&cnt), seg->wscale);
	if (seg->opts & TCP_OPT_SACK_OK)
		add(o, "%ssackok", between(&cnt));
	if (seg->opts & TCP_OPT_TS)
		add(o, "%sts %u %u", between(&cnt), seg->ts_val, seg->ts_ecr);
	if (seg->opts & TCP_OPT_SACK) {
		add(o, "%ssack", between(&cnt));
		add_sack(o, seg, ack_base);
	}
	if (cnt)
		add(o, ">");
}

size_t leat_wire_print(
	char *text, size_t size, const struct seg *seg, struct seq seq_base, struct seq ack_base)
{
	struct out o = {text, size, 0};
	uint32_t first = seq_from(seq_base, seg->seq);

	add_flags(&o, seg->flags);
	add(&o, " %u:%u(%u)", first, first + seg->text, seg->text);
	if (seg->flags & TCP_ACK)
		add(&o, " ack %u", seq_from(ack_base, seg->ack));
	add(&o, " win %u", seg->wnd);
	if (seg->flags & TCP_URG)
		add(&o, " urg %u", seg->up);
	add_opts(&o, seg, ack_base);
	return o.at;
}
