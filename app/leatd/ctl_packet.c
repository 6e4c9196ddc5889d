/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl_packet.h"

#include "watch_word.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *verdict_of(const struct shard_captured *f)
{
	if (f->kind == SHARD_CAPTURE_LANE_FULL)
		return "move_dropped";
	if (f->wire != WIRE_V_TCP)
		return leat_wire_verdict_name((enum wire_verdict)f->wire);
	return f->tcp < TCP_V_CNT ? leat_tcp_verdict_name((enum tcp_verdict)f->tcp)
				  : "accept_refused";
}

__attribute__((format(printf, 4, 5))) static void add(
	char *text, size_t size, size_t *at, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int octets = vsnprintf(text + *at, size - *at, format, ap);
	va_end(ap);
	if (octets > 0)
		*at += (size_t)octets < size - *at ? (size_t)octets : size - *at - 1;
}

static void add_verdict(const struct shard_captured *f, char *text, size_t size, size_t *at)
{
	const char *name = verdict_of(f);
	const struct watch_word *w;
	uint32_t i = 0;

	add(text, size, at, "  verdict %s", name);
	if (!leat_shard_capture_is_drop(f))
		return;
	w = leat_watch_word_find(name, &i);
	if (w != NULL)
		add(text, size, at, ": %s", w->sentence);
	if (w != NULL && strcmp(w->where, "-") != 0)
		add(text, size, at, " (%s)", w->where);
}

void leat_ctl_packet_text(const struct shard_captured *f, uint32_t shard, char *text, size_t size)
{
	size_t at = 0;

	add(text, size, &at, "shard %" PRIu32, shard);
	if (f->before != TCP_ST_NONE)
		add(text, size, &at, "  %s", leat_tcp_state_name((enum tcp_state)f->before));
	if (f->before != f->after)
		add(text, size, &at, " -> %s", leat_tcp_state_name((enum tcp_state)f->after));
	if (f->numbers)
		add(text, size, &at, "  snd.nxt %" PRIu32 " rcv.nxt %" PRIu32, f->snd_nxt,
			f->rcv_nxt);
	if (f->kind == SHARD_CAPTURE_SENT)
		add(text, size, &at, "  sent");
	else if (f->kind == SHARD_CAPTURE_SENT_AGAIN)
		add(text, size, &at, "  sent again");
	else
		add_verdict(f, text, size, &at);
}

/* same compares as people type: TIME-WAIT, time-wait, time_wait. */
static bool same(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++) {
		int x = *a == '_' ? '-' : *a, y = *b == '_' ? '-' : *b;

		x += x >= 'A' && x <= 'Z' ? 'a' - 'A' : 0;
		y += y >= 'A' && y <= 'Z' ? 'a' - 'A' : 0;
		if (x != y)
			return false;
	}
	return *a == *b;
}

static bool add_event(struct shard_capture_event *e, const char *word)
{
	const char *other = leat_watch_word_other(word);
	bool known = true;

	if (same(word, "drop"))
		e->drop = true;
	else if (same(word, "reset"))
		e->reset = true;
	else if (same(word, "retransmission"))
		e->again = true;
	else
		known = false;
	word = other != NULL ? other : word;
	for (uint32_t i = TCP_ST_CLOSED; i < TCP_ST_CNT && !known; i++)
		if (same(word, leat_tcp_state_name((enum tcp_state)i))) {
			e->states |= UINT32_C(1) << i;
			return true;
		}
	for (uint32_t i = 0; i < WIRE_V_CNT && !known; i++)
		if (same(word, leat_wire_verdict_name((enum wire_verdict)i))) {
			e->wire |= UINT64_C(1) << i;
			return true;
		}
	for (uint32_t i = 0; i < TCP_V_CNT && !known; i++)
		if (same(word, leat_tcp_verdict_name((enum tcp_verdict)i))) {
			e->tcp |= UINT64_C(1) << i;
			return true;
		}
	return known;
}

char *leat_ctl_packet_event(struct shard_capture_event *e, char *words)
{
	while (words != NULL) {
		char *word = strsep(&words, ",");

		if (!add_event(e, word))
			return word;
	}
	return NULL;
}
