/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"
#include "base_time.h"
#include "reach.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH        (UINT64_C(1000) * TIME_S)
#define FIRES_MAX    10000 /* timers between two lines */
#define SEED         1
#define IP6_MORE     (WIRE_IP6_OCTETS - WIRE_IP4_OCTETS)
#define OUR_IP4      UINT32_C(0xc0000201) /* 192.0.2.1 */
#define OUR_IP6_HI   UINT64_C(0x20010db800000000)
#define FAILED_PLAY  1
#define FAILED_PANIC 2

static struct talk *playing; /* for the handler of SIGABRT */

_Noreturn void leat_talk_fail(struct talk *t, const char *expected, const char *got, ...)
{
	va_list args;

	va_start(args, got);
	snprintf(t->expected, sizeof(t->expected), "%s", expected ? expected : t->text);
	vsnprintf(t->got, sizeof(t->got), got, args);
	va_end(args);
	siglongjmp(t->failed, FAILED_PLAY);
}

/* A failed assertion of the product fails this play only; its line is on stderr. */
static void on_abort(int sig)
{
	(void)sig;
	siglongjmp(playing->failed, FAILED_PANIC);
}

static void set_up(struct talk *t)
{
	struct stack_config *c = &t->setup.config;

	leat_stack_config_default(c);
	c->seed = SEED;
	c->tcp = (struct tcp_limits){.tcb_max = 8, .rbuf_max = 512, .tally = true};
	c->listener_max = 2;
	c->target_max = 2;
	c->neigh_max = 8;
	c->send_chunk_cnt = 64;
	/* A script that is about an option switches it on. */
	c->knobs.wscale = c->knobs.timestamps = c->knobs.sack = false;
	c->knobs.cc = TCP_CC_RENO;
	leat_twin_knobs(t->twin, &c->knobs);
	t->setup.iss = 99;
	t->setup.irs = 299;
	t->setup.peer_win = UINT16_MAX;
	t->setup.peer_mss = 1460;
	t->setup.mtu = 1500;
}

static void set_link(struct talk *t)
{
	struct stack_config *c = &t->setup.config;
	bool ip6 = t->way.ip6 || t->setup.only6;
	uint16_t mtu = (uint16_t)(t->setup.mtu + (ip6 && !t->setup.only6 ? IP6_MORE : 0));

	t->our_ip = ip6 ? (struct ip){OUR_IP6_HI, 1} : ip_from4(OUR_IP4);
	t->peer_ip = (struct ip){t->our_ip.hi, t->our_ip.lo + 1};
	c->link = (struct wire_link){.raw_ip = true, .mtu = mtu, .local_cnt = 1};
	c->link.local[0] = (struct wire_local){t->our_ip, ip6 ? 64 : 24};
	c->knobs.mtu = mtu;
	t->peer_link = c->link;
	t->peer_link.local[0].ip = t->peer_ip;
	if (t->way.shifted) {
		t->snd_shift = t->way.isn - t->setup.iss;
		t->rcv_shift = t->way.isn - t->setup.irs;
	}
}

/* The memory of one play serves the next of the same size: asking for it anew for each of a hundred
 * thousand took most of the time under a sanitizer. */
static void *memory(size_t octets)
{
	static size_t had;
	static void *mem;

	if (had != octets) {
		free(mem);
		mem = aligned_alloc(64, (octets + 63) / 64 * 64);
		had = octets;
	}
	ASSERT(mem != NULL);
	return mem;
}

static void begin(struct talk *t)
{
	char why[TALK_LINE_MAX];

	set_up(t);
	leat_talk_options(t);
	if (t->last) /* a script of its own may be about the limit */
		leat_twin_limits(t->twin, &t->setup.config.tcp);
	set_link(t);
	const char *error = leat_stack_config_error(&t->setup.config, why, sizeof(why));
	if (error)
		leat_talk_fail(t, "options that are possible", "%s", error);
	void *mem = memory(leat_stack_footprint(&t->setup.config));
	t->start = t->now = EPOCH;
	t->stack = leat_stack_new(mem, &t->setup.config, t->now);
	t->verdict = "none";
	t->end = leat_talk_end_name(TCP_END_NONE);
}

/* Whatever is on the way between two lines is not what the script expects. */
static void owe_nothing(struct talk *t, const char *expected)
{
	char text[TALK_LINE_MAX];

	if (t->unscripted)
		t->sent_cnt = 0;
	if (t->sent_cnt == 0)
		return;
	const struct talk_sent *sent = &t->sent[t->sent_head];
	leat_talk_seg_text(t, &sent->seg, text, sizeof(text));
	leat_talk_fail(t, expected, "@%.9g > %s", (double)(sent->at - t->start) / 1e9, text);
}

void leat_talk_settle(struct talk *t)
{
	leat_talk_collect(t);
	leat_talk_check(t);
	if (!leat_twin_engine(t->twin, 0, leat_stack_engine(t->stack)))
		leat_talk_fail(t, "the same without", "%s", t->twin->why);
}

static void fire(struct talk *t, uint64_t at)
{
	uint32_t fired = 0, cnt;

	t->now = at;
	leat_stack_set_now(t->stack, at);
	do {
		cnt = leat_stack_timers(t->stack, at, 4);
		fired += cnt;
	} while (cnt == 4);
	leat_talk_settle(t);
	if (fired == 0)
		leat_talk_fail(t, "a timer at its exact deadline", "@%.9g nothing fired",
			(double)(at - t->start) / 1e9);
}

/* What one deadline sends is due before the next. */
void leat_talk_go_to(struct talk *t, uint64_t at)
{
	uint32_t fires = 0;
	uint64_t due;

	while ((due = leat_stack_next_deadline(t->stack)) <= at) {
		if (due < t->now || ++fires == FIRES_MAX)
			leat_talk_fail(t, "timers in order", "timer @%.9g, again and again",
				((double)due - (double)t->start) / 1e9);
		if (due > t->now)
			owe_nothing(t, NULL);
		fire(t, due);
	}
	if (at > t->now)
		owe_nothing(t, NULL);
	t->now = at;
	leat_stack_set_now(t->stack, at);
}

static void play_arrival(struct talk *t, struct talk_scan *s)
{
	struct talk_seg seg;

	leat_talk_seg_read(t, s, &seg);
	leat_talk_arrive(t, &seg);
	if (!t->in_burst)
		leat_talk_input(t);
}

/* The ICMP errors of both versions that mean the same; IPv6 has no type for the last three. */
static const struct icmp_word {
	const char *word;
	uint8_t type4, code4, type6, code6;
} icmp_words[] = {
	{"net", WIRE_ICMP4_UNREACH, 0, WIRE_ICMP6_UNREACH, 0},
	{"host", WIRE_ICMP4_UNREACH, 1, WIRE_ICMP6_UNREACH, 3},
	{"port", WIRE_ICMP4_UNREACH, 3, WIRE_ICMP6_UNREACH, 4},
	{"too-big", WIRE_ICMP4_UNREACH, WIRE_ICMP4_UNREACH_FRAG, WIRE_ICMP6_TOO_BIG, 0},
	{"time", WIRE_ICMP4_TIME, 0, WIRE_ICMP6_TIME, 0},
	{"parameter", WIRE_ICMP4_PARAM, 0, WIRE_ICMP6_PARAM, 0},
	{"protocol", WIRE_ICMP4_UNREACH, 2, WIRE_ICMP6_UNREACH, 1},
	{"source-route", WIRE_ICMP4_UNREACH, 5, WIRE_ICMP6_UNREACH, 2},
	{"source-quench", 4, 0, 137, 0},
	{"redirect", 5, 0, 137, 0},
};

/* icmp word seq [mtu]: an error from the network about the segment at seq. */
static void play_icmp(struct talk *t, struct talk_scan *s)
{
	bool ip4 = ip_is4(t->our_ip);
	uint64_t seq, mtu = 0;

	for (size_t i = 0; i < COUNT_OF(icmp_words); i++) {
		const struct icmp_word *w = &icmp_words[i];

		if (!leat_talk_take(s, w->word))
			continue;
		if (!leat_talk_take_number(s, &seq))
			leat_talk_fail(t, "icmp error seq", "%s", t->text);
		if (leat_talk_take(s, "mtu") && !leat_talk_take_number(s, &mtu))
			leat_talk_fail(t, "an mtu", "%s", t->text);
		const struct icmp_error error = {
			.type = ip4 ? w->type4 : w->type6,
			.code = ip4 ? w->code4 : w->code6,
			.mtu = (uint32_t)mtu,
			.seq = seq_of((uint32_t)seq + t->snd_shift),
		};
		leat_talk_arrive_icmp(t, &error);
		leat_talk_input(t);
		return;
	}
	leat_talk_fail(t, "the name of an ICMP error", "%s", s->at);
}

static void play_expected(struct talk *t, struct talk_scan *s)
{
	char text[TALK_LINE_MAX];
	struct talk_seg want;

	leat_talk_seg_read(t, s, &want);
	if (t->sent_cnt == 0)
		leat_talk_fail(t, NULL, "silence");
	const struct talk_sent *sent = &t->sent[t->sent_head];
	if (!leat_talk_seg_fits(t, &want, &sent->seg)) {
		leat_talk_seg_text(t, &sent->seg, text, sizeof(text));
		leat_talk_fail(t, NULL, "> %s", text);
	}
	t->sent_head = (t->sent_head + 1) % TALK_SENT_MAX;
	t->sent_cnt--;
}

/* The state of the connection; a connection that is over and forgotten is CLOSED, unless there
 * is a listener that waits for the next one. */
static const char *state_of(struct talk *t, const char *wanted)
{
	const struct tcb *tcb = leat_talk_tcb(t);

	if (tcb)
		return leat_tcp_state_name((enum tcp_state)tcb->state);
	bool listens = leat_talk_listener(t) && strcmp(wanted, "LISTEN") == 0;
	return leat_tcp_state_name(listens ? TCP_ST_LISTEN : TCP_ST_CLOSED);
}

static void play_state(struct talk *t, struct talk_scan *s)
{
	char want[32], end[32] = "";

	if (!leat_talk_take_name(s, want, sizeof(want)))
		leat_talk_fail(t, "= STATE", "%s", t->text);
	leat_talk_take_name(s, end, sizeof(end));
	const char *got = state_of(t, want);
	if (strcmp(got, want) != 0)
		leat_talk_fail(t, NULL, "= %s", got);
	if (end[0] && strcmp(end, t->end) != 0)
		leat_talk_fail(t, NULL, "= %s %s", got, t->end);
}

static void play_listener(struct talk *t, struct talk_scan *s)
{
	char want[32];
	const struct tcb *listener = leat_talk_listener(t);
	const char *got = leat_tcp_state_name(listener ? TCP_ST_LISTEN : TCP_ST_CLOSED);

	if (!leat_talk_take_char(s, '=') || !leat_talk_take_name(s, want, sizeof(want)))
		leat_talk_fail(t, "listener = STATE", "%s", t->text);
	if (strcmp(got, want) != 0)
		leat_talk_fail(t, NULL, "listener = %s", got);
}

static const struct {
	uint32_t bit;
	const char *name;
} news_names[] = {
	{LEAT_ACCEPTED, "accepted"},
	{LEAT_CONNECTED, "connected"},
	{LEAT_READABLE, "readable"},
	{LEAT_WRITABLE, "writable"},
	{LEAT_PEER_CLOSED, "peer-closed"},
	{LEAT_CLOSED, "closed"},
	{LEAT_SLOW, "slow"},
	{LEAT_URGENT, "urgent"},
	{LEAT_SOFT_ERROR, "soft-error"},
};

/* `news a b` is exactly what the user was told since the last such line. */
static void play_news(struct talk *t, struct talk_scan *s)
{
	char text[TALK_LINE_MAX] = "news";
	uint32_t want = 0, got = t->news;

	for (size_t i = 0; i < COUNT_OF(news_names); i++) {
		want |= leat_talk_take(s, news_names[i].name) ? news_names[i].bit : 0;
		if (got & news_names[i].bit) {
			strcat(text, " ");
			strcat(text, news_names[i].name);
		}
	}
	leat_talk_take(s, "none");
	t->news = 0;
	if (want != got)
		leat_talk_fail(t, NULL, "%s", got ? text : "news none");
}

static void play_verdict(struct talk *t, struct talk_scan *s)
{
	char want[64];

	if (!leat_talk_take_name(s, want, sizeof(want)))
		leat_talk_fail(t, "verdict name", "%s", t->text);
	if (strcmp(want, t->verdict) != 0)
		leat_talk_fail(t, NULL, "verdict %s", t->verdict);
}

#define INFO(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct leat_info, name)                                            \
	}

static const struct info_number {
	const char *name;
	size_t offset;
} info_numbers[] = {INFO(backoff), INFO(in_flight), INFO(lost), INFO(segs_in), INFO(segs_out),
	INFO(text_segs_in), INFO(text_segs_out), INFO(ooo_segs), INFO(dsacks), INFO(ce_segs),
	INFO(unread), INFO(unsent), INFO(cwnd), INFO(ssthresh), INFO(snd_wnd), INFO(rcv_wnd),
	INFO(mss), INFO(srtt_us), INFO(rttvar_us), INFO(rto_us), INFO(rtx_cnt),
	INFO(soft_error_cnt), INFO(pmtu)};

static const struct info_number *take_info_name(struct talk_scan *s)
{
	for (size_t i = 0; i < COUNT_OF(info_numbers); i++) {
		if (leat_talk_take(s, info_numbers[i].name))
			return &info_numbers[i];
	}
	return NULL;
}

static void play_info(struct talk *t, struct talk_scan *s)
{
	const struct info_number *number;
	struct leat_info info;
	uint64_t want;
	uint32_t got;

	if (leat_info(t->stack, t->conn, &info) != LEAT_OK)
		leat_talk_fail(t, NULL, "no connection to ask");
	while ((number = take_info_name(s))) {
		memcpy(&got, (uint8_t *)&info + number->offset, sizeof(got));
		if (!leat_talk_take_number(s, &want))
			leat_talk_fail(t, "a number", "%s", t->text);
		if (want != got)
			leat_talk_fail(t, NULL, "info %s %u", number->name, got);
	}
}

#define COUNT(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct tcp_counters, name)                                         \
	}

static const struct count_number {
	const char *name;
	size_t offset;
} count_numbers[] = {COUNT(ecn_ce_seen), COUNT(ecn_cut), COUNT(icmp_stray), COUNT(icmp_soft),
	COUNT(icmp_refused), COUNT(icmp_narrowed), COUNT(icmp_ignored), COUNT(keep_fired),
	COUNT(emitted_again), COUNT(again_syn), COUNT(again_syn_ack), COUNT(again_text),
	COUNT(again_fin), COUNT(again_probe), COUNT(text_ooo), COUNT(rto_fired), COUNT(probe_fired),
	COUNT(tlp_fired), COUNT(reorder_fired), COUNT(recoveries), COUNT(recovery_undone),
	COUNT(rto_undone), COUNT(sack_bad), COUNT(dsack_heard), COUNT(dsack_told), COUNT(reneged),
	COUNT(ext_none), COUNT(srec_none), COUNT(side_none)};

/* `counter name n ..` is what the engine has counted since the start. */
static void play_counter(struct talk *t, struct talk_scan *s)
{
	const struct tcp_counters *counters = leat_stack_tcp(t->stack);
	uint64_t want, got;

	for (size_t i = 0; i < COUNT_OF(count_numbers); i++) {
		if (!leat_talk_take(s, count_numbers[i].name))
			continue;
		memcpy(&got, (const uint8_t *)counters + count_numbers[i].offset, sizeof(got));
		if (!leat_talk_take_number(s, &want))
			leat_talk_fail(t, "a number", "%s", t->text);
		if (want != got)
			leat_talk_fail(t, NULL, "counter %s %llu", count_numbers[i].name,
				(unsigned long long)got);
		i = (size_t)-1; /* the next name may be any */
	}
}

static bool play_look(struct talk *t, struct talk_scan *s)
{
	if (leat_talk_take_char(s, '='))
		play_state(t, s);
	else if (leat_talk_take(s, "listener"))
		play_listener(t, s);
	else if (leat_talk_take(s, "news"))
		play_news(t, s);
	else if (leat_talk_take(s, "verdict"))
		play_verdict(t, s);
	else if (leat_talk_take(s, "info"))
		play_info(t, s);
	else if (leat_talk_take(s, "counter"))
		play_counter(t, s);
	else
		return false;
	return true;
}

static bool play_burst(struct talk *t, struct talk_scan *s)
{
	if (leat_talk_take(s, "burst") && leat_talk_take_char(s, '{')) {
		t->in_burst = true;
		return true;
	}
	if (!t->in_burst || !leat_talk_take_char(s, '}'))
		return false;
	t->in_burst = false;
	leat_talk_input(t);
	return true;
}

/* What is only looked at may be looked at before the segments that are owed. */
static void play_event(struct talk *t, struct talk_scan *s)
{
	owe_nothing(t, NULL);
	if (leat_talk_take_char(s, '<')) {
		play_arrival(t, s);
		return;
	}
	if (leat_talk_take(s, "icmp")) {
		play_icmp(t, s);
		return;
	}
	if (play_burst(t, s) || leat_talk_take(s, "silence") || leat_talk_call(t, s))
		return;
	leat_talk_fail(t, "a word of the player", "%s", s->at);
}

void leat_talk_line(struct talk *t, const char *line)
{
	struct talk_scan s = {line};

	snprintf(t->text, sizeof(t->text), "%s", line);
	if (t->trace)
		printf("# %s\n", line);
	leat_tcp_iss_force(leat_stack_engine(t->stack), t->setup.iss + t->snd_shift);
	if (leat_talk_take_char(&s, '>'))
		play_expected(t, &s);
	else if (!play_look(t, &s))
		play_event(t, &s);
	if (!leat_talk_at_end(&s))
		leat_talk_fail(t, "the end of the line", "%s", s.at);
	if (!t->in_burst)
		leat_talk_settle(t);
}

/* timed plays the script's next line at its instant. */
static void timed(struct talk *t)
{
	struct talk_scan s = {t->file->line[t->at_line].text};
	uint64_t at = t->now, ns;
	bool ok = true;

	snprintf(t->text, sizeof(t->text), "%s", s.at);
	if (leat_talk_take_char(&s, '+')) {
		ok = leat_talk_take_ns(&s, &ns);
		at = t->now + ns;
	} else if (leat_talk_take_char(&s, '@')) {
		ok = leat_talk_take_ns(&s, &ns);
		at = t->start + ns;
	}
	if (!ok || at < t->now || (t->in_burst && at != t->now))
		leat_talk_fail(t, "a time that does not go back", "%s", t->text);
	leat_talk_go_to(t, at);
	leat_talk_at_end(&s);
	leat_talk_line(t, s.at);
}

static void count(struct talk *t, struct talk_totals *totals)
{
	const struct tcp_counters *counters = leat_stack_tcp(t->stack);

	leat_reach_stack(t->stack);
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		totals->arrow[i] += counters->arrow[i];
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		totals->verdict[i] += counters->verdict[i];
	totals->segments += leat_stack_counters(t->stack)->segments;
	totals->fast += counters->fast;
}

static void drop_handles(struct talk *t)
{
	struct leat_conn conn;
	uint32_t cursor = 0;

	while (leat_next_conn(t->stack, &cursor, &conn)) {
		if (leat_release(t->stack, conn) == LEAT_OK)
			cursor = 0;
	}
}

/* When the script is over, whatever is still open is cut, and nothing may be left behind. */
static void leave(struct talk *t)
{
	uint64_t due;

	snprintf(t->text, sizeof(t->text), "the end of the script");
	owe_nothing(t, NULL);
	leat_stack_abort_all(t->stack);
	leat_talk_settle(t);
	drop_handles(t);
	t->sent_cnt = 0;
	while ((due = leat_stack_next_deadline(t->stack)) != TIME_NEVER) {
		fire(t, due);
		t->sent_cnt = 0;
	}
	drop_handles(t);
	leat_talk_settle(t);
	leat_talk_check_home(t);
	if (!leat_twin_end(t->twin))
		leat_talk_fail(t, "the same without", "less");
}

static void clean_up(struct talk *t)
{
	for (uint32_t i = 0; i < t->frame_cnt; i++)
		free(t->frame[i]);
}

static bool play(struct talk *t, struct talk_totals *totals)
{
	struct sigaction action = {.sa_handler = on_abort};

	playing = t;
	sigaction(SIGABRT, &action, NULL);
	int how = sigsetjmp(t->failed, 1);
	if (how == FAILED_PANIC) {
		snprintf(t->expected, sizeof(t->expected), "%s", t->text);
		snprintf(t->got, sizeof(t->got), "a failed assertion, see stderr");
	}
	if (how == 0) {
		begin(t);
		for (; t->at_line < t->file->line_cnt; t->at_line++)
			timed(t);
		if (t->last)
			t->last(t);
		count(t, totals);
		leave(t);
	}
	clean_up(t);
	return how == 0;
}

/* As it was given, for another play. */
static void renew(struct talk *t)
{
	struct twin *twin = t->twin;
	const struct talk_file *file = t->file;
	struct talk_way way = t->way;

	memset(t, 0, offsetof(struct talk, frame));
	t->frame_cnt = t->sent_head = t->sent_cnt = 0;
	t->unscripted = false;
	t->twin = twin;
	t->file = file;
	t->way = way;
}

/* Twice, with something and without. */
static bool play_both(struct talk *t, struct talk_totals *totals)
{
	static struct talk_totals unused;
	struct twin *twin = t->twin;

	leat_twin_begin(twin);
	if (!play(t, totals))
		return false;
	renew(t);
	leat_twin_again(twin);
	bool same = play(t, &unused);
	if (!twin->differs)
		return same;
	uint32_t at_line = t->at_line;

	renew(t);
	leat_twin_where(twin);
	(void)play(t, &unused);
	t->at_line = at_line;
	snprintf(t->expected, sizeof(t->expected), "the same without %s", leat_twin_name(twin));
	snprintf(t->got, sizeof(t->got), "%s", twin->why);
	return false;
}

bool leat_talk_play(struct talk *t, struct talk_totals *totals)
{
	static struct twin twin;
	static struct talk_totals unused;

	t->twin = &twin;
	twin.spoil = t->spoil;
	twin.oracle = false;
	if (!play_both(t, totals))
		return false;
	renew(t);
	twin.oracle = true;
	return play_both(t, &unused);
}
