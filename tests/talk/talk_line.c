/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"
#include "base_time.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void skip(struct talk_scan *s)
{
	while (*s->at == ' ' || *s->at == '\t')
		s->at++;
}

bool leat_talk_at_end(struct talk_scan *s)
{
	skip(s);
	return *s->at == '\0';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

bool leat_talk_take(struct talk_scan *s, const char *word)
{
	size_t octets = strlen(word);

	skip(s);
	if (strncmp(s->at, word, octets) != 0 || is_word(s->at[octets]))
		return false;
	s->at += octets;
	return true;
}

bool leat_talk_take_char(struct talk_scan *s, char c)
{
	skip(s);
	if (*s->at != c)
		return false;
	s->at++;
	return true;
}

bool leat_talk_take_number(struct talk_scan *s, uint64_t *number)
{
	uint64_t n = 0;

	skip(s);
	if (!isdigit((unsigned char)*s->at))
		return false;
	for (; isdigit((unsigned char)*s->at); s->at++)
		n = n * 10 + (uint64_t)(*s->at - '0');
	*number = n;
	return true;
}

bool leat_talk_take_ns(struct talk_scan *s, uint64_t *ns)
{
	uint64_t whole = 0, part = TIME_S;
	bool any = leat_talk_take_number(s, &whole);

	*ns = whole * TIME_S;
	if (*s->at != '.' || !isdigit((unsigned char)s->at[1]))
		return any;
	for (s->at++; isdigit((unsigned char)*s->at); s->at++) {
		part /= 10;
		*ns += (uint64_t)(*s->at - '0') * part;
	}
	return true;
}

bool leat_talk_take_name(struct talk_scan *s, char *name, size_t size)
{
	size_t octets = 0;

	skip(s);
	for (; is_word(*s->at) && octets + 1 < size; s->at++)
		name[octets++] = *s->at;
	name[octets] = '\0';
	return octets > 0;
}

/* add_line keeps the part of text before a comment; the first comment is the script's name. */
static void add_line(struct talk_file *file, uint32_t no, char *text)
{
	char *comment = strchr(text, '#');

	text[strcspn(text, "\n")] = '\0';
	if (comment) {
		*comment = '\0';
		if (file->name[0] == '\0')
			snprintf(file->name, sizeof(file->name), "%s",
				comment + 1 + strspn(comment + 1, " "));
	}
	for (size_t end = strlen(text); end > 0 && isspace((unsigned char)text[end - 1]); end--)
		text[end - 1] = '\0';
	if (text[strspn(text, " \t")] == '\0')
		return;
	file->line[file->line_cnt].no = no;
	snprintf(file->line[file->line_cnt].text, TALK_LINE_MAX, "%s", text);
	file->line_cnt++;
}

bool leat_talk_load(const char *path, struct talk_file *file)
{
	FILE *in = fopen(path, "r");
	char text[TALK_LINE_MAX];

	*file = (struct talk_file){.path = path};
	if (!in) {
		fprintf(stderr, "talk: %s cannot be read\n", path);
		return false;
	}
	for (uint32_t no = 1; fgets(text, sizeof(text), in); no++) {
		if (file->line_cnt == TALK_LINES || strlen(text) + 1 == sizeof(text)) {
			fprintf(stderr, "talk: %s:%u: too long\n", path, no);
			fclose(in);
			return false;
		}
		add_line(file, no, text);
	}
	fclose(in);
	if (file->name[0] == '\0')
		fprintf(stderr, "talk: %s has no first comment\n", path);
	return file->name[0] != '\0';
}

/* The words of `option name value` and where each value goes. */
#define OPTION(name, member)                                                                       \
	{                                                                                          \
		name, offsetof(struct talk_setup, member),                                         \
			sizeof(((struct talk_setup *)0)->member)                                   \
	}

static const struct option {
	const char *name;
	size_t offset, size;
} options[] = {
	OPTION("ack_every", config.knobs.ack_every),
	OPTION("adv_mss", config.knobs.adv_mss),
	OPTION("cc", config.knobs.cc),
	OPTION("delack", config.knobs.delack_ns),
	OPTION("connect_reuse", config.knobs.connect_reuse_ns),
	OPTION("dscp", config.knobs.dscp),
	OPTION("ecn", config.knobs.ecn),
	OPTION("ext_max", config.tcp.ext_max),
	OPTION("fin_wait_2", config.knobs.fin_wait_2_ns),
	OPTION("icmp_hard", config.knobs.icmp_hard),
	OPTION("icmp_pmtu", config.knobs.icmp_pmtu),
	OPTION("icmp_soft", config.knobs.icmp_soft),
	OPTION("irs", irs),
	OPTION("iss", iss),
	OPTION("keep_cnt", config.knobs.keep_cnt),
	OPTION("keep_idle", config.knobs.keep_idle_ns),
	OPTION("keep_interval", config.knobs.keep_interval_ns),
	OPTION("keepalive", config.knobs.keepalive),
	OPTION("iw_segs", config.knobs.iw_segs),
	OPTION("mtu", mtu),
	OPTION("nagle", config.knobs.nagle),
	OPTION("peer_mss", peer_mss),
	OPTION("peer_win", peer_win),
	OPTION("pmtu_min", config.knobs.pmtu_min),
	OPTION("quick_acks", config.knobs.quick_acks),
	OPTION("r1_cnt", config.knobs.r1_cnt),
	OPTION("r2", config.knobs.r2_ns),
	OPTION("r2_syn", config.knobs.r2_syn_ns),
	OPTION("rbuf_max", config.tcp.rbuf_max),
	OPTION("rcv_buf", config.knobs.rcv_buf_octets),
	OPTION("rcv_seg_max", config.knobs.rcv_seg_max),
	OPTION("reply_interval", config.knobs.reply_interval_ns),
	OPTION("rst_ends_time_wait", config.knobs.rst_ends_time_wait),
	OPTION("rtx_tries", config.knobs.rtx_tries),
	OPTION("rto_initial", config.knobs.rto_initial_ns),
	OPTION("rto_max", config.knobs.rto_max_ns),
	OPTION("rto_min", config.knobs.rto_min_ns),
	OPTION("sack", config.knobs.sack),
	OPTION("send_buf", config.send_buf_octets),
	OPTION("srec_max", config.tcp.srec_max),
	OPTION("syn_ack_tries", config.knobs.syn_ack_tries),
	OPTION("syn_cookies", config.knobs.syn_cookies),
	OPTION("syn_tries", config.knobs.syn_tries),
	OPTION("tcb_max", config.tcp.tcb_max),
	OPTION("time_wait_max", config.tcp.time_wait_max),
	OPTION("time_wait_reuse", config.knobs.time_wait_reuse),
	OPTION("timestamps", config.knobs.timestamps),
	OPTION("ts_required", config.knobs.ts_required),
	OPTION("two_msl", config.knobs.two_msl_ns),
	OPTION("wscale", config.knobs.wscale),
};

/* A value is on, off, a congestion control, a number, or a time in s or ms. */
static bool take_value(struct talk_scan *s, uint64_t *value)
{
	struct talk_scan plain = *s;

	*value = leat_talk_take(s, "on");
	if (*value || leat_talk_take(s, "off"))
		return true;
	*value = leat_talk_take(s, "cubic") ? TCP_CC_CUBIC : TCP_CC_RENO;
	if (*value == TCP_CC_CUBIC || leat_talk_take(s, "reno"))
		return true;
	if (leat_talk_take_number(&plain, value) && leat_talk_at_end(&plain)) {
		*s = plain;
		return true;
	}
	if (!leat_talk_take_ns(s, value))
		return false;
	if (leat_talk_take(s, "ms")) {
		*value /= 1000;
		return true;
	}
	return leat_talk_take(s, "s");
}

/* poke stores value in the host's own order. */
static void poke(void *setup, const struct option *option, uint64_t value)
{
	uint8_t v8 = (uint8_t)value;
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;
	const void *from = option->size == 1   ? (void *)&v8
			   : option->size == 2 ? (void *)&v16
			   : option->size == 4 ? (void *)&v32
					       : (void *)&value;

	memcpy((uint8_t *)setup + option->offset, from, option->size);
}

static void set_option(struct talk *t, struct talk_scan *s)
{
	char name[32];
	uint64_t value;

	if (!leat_talk_take_name(s, name, sizeof(name)))
		leat_talk_fail(t, "option name value", "%s", t->text);
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		if (!take_value(s, &value) || !leat_talk_at_end(s))
			leat_talk_fail(t, "on, off, a number, or a time in s or ms", "%s", t->text);
		poke(&t->setup, &options[i], value);
		return;
	}
	leat_talk_fail(t, "an option", "%s", name);
}

void leat_talk_options(struct talk *t)
{
	for (t->at_line = 0; t->at_line < t->file->line_cnt; t->at_line++) {
		struct talk_scan s = {t->file->line[t->at_line].text};

		snprintf(t->text, sizeof(t->text), "%s", s.at);
		if (leat_talk_take(&s, "option"))
			set_option(t, &s);
		else if (leat_talk_take(&s, "ipv4"))
			t->setup.only4 = true;
		else if (leat_talk_take(&s, "ipv6"))
			t->setup.only6 = true;
		else
			return;
	}
}
