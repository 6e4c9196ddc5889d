/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* chance: conversations nobody wrote.
 *
 * A seed makes segments at and around the edges of the windows, calls of the user, bursts and
 * pauses, with small limits.  What is sent is not foreseen; but each octet sent and read must be
 * that of the stream, and all that leat_talk_check and leat_talk_check_home ask for must hold.
 *
 *	chance FROM CNT         CNT seeds from FROM
 *	chance --trace SEED     one, written out as a script */

#define STEPS_MIN 20
#define STEPS_MAX 220

static struct prng dice, at_start; /* of the conversation, which is played twice */

#define ONE_OF(list) ((list)[leat_prng_below(&dice, COUNT_OF(list))])

static bool one_in(uint32_t n)
{
	return leat_prng_below(&dice, n) == 0;
}

__attribute__((format(printf, 2, 3))) static void say(struct talk *t, const char *format, ...)
{
	char text[TALK_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	leat_talk_line(t, text);
}

/* Where the windows stand; the numbers of figure 12 where there is no connection. */
struct edges {
	uint32_t una, snd_nxt, rcv_nxt, rcv_edge, wnd;
};

static struct edges edges_of(struct talk *t)
{
	const struct tcb *tcb = leat_talk_tcb(t);
	struct edges e = {100, 100, 300, 300 + UINT16_MAX, UINT16_MAX};

	if (tcb && tcb->state >= TCP_ST_SYN_SENT) {
		e.una = tcb->snd.una.v;
		e.snd_nxt = tcb->snd.nxt.v;
	}
	if (tcb && tcb->state > TCP_ST_SYN_SENT) {
		e.rcv_nxt = tcb->rcv.nxt.v;
		e.rcv_edge = tcb->rcv.edge.v;
		e.wnd = tcb->state == TCP_ST_TIME_WAIT ? UINT16_MAX : tcb->snd.wnd;
	}
	return e;
}

static uint32_t some_seq(const struct edges *e)
{
	static const int near[] = {0, 0, 0, 0, 1, -1, 5, 10, 20, -10, -20};

	switch (leat_prng_below(&dice, 12)) {
	case 0:
		return e->rcv_edge - leat_prng_below(&dice, 30);
	case 1:
		return e->rcv_nxt + leat_prng_below(&dice, 2000);
	default:
		return e->rcv_nxt + (uint32_t)ONE_OF(near);
	}
}

static uint32_t some_ack(const struct edges *e)
{
	switch (leat_prng_below(&dice, 8)) {
	case 0:
		return e->una;
	case 1:
		return e->una + 1;
	case 2:
		return e->snd_nxt + 1;
	case 3:
		return e->una - 1 - leat_prng_below(&dice, 100000);
	case 4:
		return e->una + leat_prng_below(&dice, e->snd_nxt - e->una + 1);
	default:
		return e->snd_nxt;
	}
}

/* SACK blocks, most of them about text that is on the way (N126). */
static void some_sack(const struct edges *e, char *text, size_t size)
{
	uint32_t cnt = leat_prng_below(&dice, 5), way = e->snd_nxt - e->una + 1;
	size_t at = 0;

	text[0] = '\0';
	if (cnt == 0 || !one_in(2))
		return;
	at += (size_t)snprintf(text, size, "<sack");
	while (cnt-- > 0) {
		uint32_t left = e->una + leat_prng_below(&dice, way);
		uint32_t right = one_in(2) ? e->snd_nxt : left + leat_prng_below(&dice, 3000);

		if (one_in(10))
			left -= leat_prng_below(&dice, 5000);
		at += (size_t)snprintf(text + at, size - at, " %u:%u", left, right);
	}
	snprintf(text + at, size - at, ">");
}

static void segment(struct talk *t)
{
	static const char *const flags[] = {".", ".", ".", ".", ".", "P.", "P.", "P.", "P.", "F.",
		"FP.", "S", "S", "S.", "-", "P", "U.", "SF", "F"};
	static const char *const resets[] = {"R", "R.", "RP.", "SR"};
	static const uint32_t texts[] = {0, 1, 10, 10, 20, 100, 1460};
	static const uint32_t windows[] = {0, 0, 1, 100, 1000, 2000, 65535, 65535, 65535};
	static const char *const options[] = {"", "<mss 1460>", "<mss 1>", "<mss 500>", "<sackok>",
		"<sackok>", "<mss 100, sackok>", "<ts 5 0>", "<mss 1460, ts 9 0>"};
	struct edges e = edges_of(t);
	uint32_t win = one_in(2) ? ONE_OF(windows) : e.wnd;
	const char *flag = one_in(40) ? ONE_OF(resets) : ONE_OF(flags);
	uint32_t text = strchr(flag, 'P') ? ONE_OF(texts) : 0;
	uint32_t seq = strchr(flag, 'S') && one_in(2) ? t->setup.irs : some_seq(&e);
	char ack[32] = "", sack[128];

	if (strchr(flag, '.'))
		snprintf(ack, sizeof(ack), "ack %u", some_ack(&e));
	some_sack(&e, sack, sizeof(sack));
	say(t, "< %s %u:%u(%u) %s win %u %s", flag, seq, seq + text, text, ack, win,
		strchr(flag, 'S') ? ONE_OF(options) : sack);
}

static void user(struct talk *t)
{
	static const char *const often[] = {"send 1", "send 10", "send 20", "send 1460",
		"send 6000", "recv 1", "recv 10", "recv 60000", "recv 60000", "connect", "connect",
		"listen"};
	static const char *const seldom[] = {"close", "close", "close", "close-both", "abort",
		"nodelay", "listen-from", "close-listener"};
	const char *call = one_in(6) ? ONE_OF(seldom) : ONE_OF(often);

	if (strcmp(call, "connect") == 0 && t->conn.id)
		call = "readable 0";
	if (strncmp(call, "listen", 6) == 0 && t->listener.id)
		call = "eof";
	say(t, "%s", call);
}

static void pause_for(struct talk *t)
{
	static const uint64_t pauses[] = {1, TIME_MS, 10 * TIME_MS, 40 * TIME_MS, 500 * TIME_MS,
		TIME_S, TIME_S, 3 * TIME_S, 60 * TIME_S, 200 * TIME_S};
	uint64_t ns = pauses[leat_prng_below(&dice, one_in(4) ? COUNT_OF(pauses) : 6)];

	if (t->trace)
		printf("# +%.9f\n", (double)ns / 1e9);
	leat_talk_go_to(t, t->now + ns);
}

static void burst(struct talk *t)
{
	say(t, "burst {");
	for (uint32_t left = 1 + leat_prng_below(&dice, 5); left > 0; left--)
		segment(t);
	say(t, "}");
}

static void converse(struct talk *t)
{
	dice = at_start;
	uint32_t steps = STEPS_MIN + leat_prng_below(&dice, STEPS_MAX - STEPS_MIN);

	t->unscripted = true;
	while (steps-- > 0) {
		const struct tcb *tcb = leat_talk_tcb(t);
		if (t->conn.id && (!tcb || tcb->state == TCP_ST_CLOSED))
			say(t, "release");
		uint32_t what = leat_prng_below(&dice, 10);
		if (what == 0)
			pause_for(t);
		else if (what < 4)
			user(t);
		else if (what == 4)
			burst(t);
		else
			segment(t);
	}
	say(t, "silence");
}

/* Small limits, so that they are met. */
static void some_options(struct talk_file *file)
{
	static const char *const options[] = {"option rcv_buf 100", "option rcv_buf 3000",
		"option rcv_seg_max 4", "option rbuf_max 3", "option tcb_max 2", "option nagle off",
		"option r2 5s", "option rst_ends_time_wait on", "option send_buf 2000",
		"option two_msl 1s", "option ack_every 1", "option sack on", "option sack on",
		"option sack on", "option cc cubic", "option ext_max 1", "option srec_max 5",
		"option rto_min 20ms", "option time_wait_reuse 0", "option time_wait_reuse 1",
		"option connect_reuse 1s", "option timestamps on", "option ts_required off",
		"option syn_cookies 2"};

	for (size_t i = 0; i < COUNT_OF(options); i++) {
		if (one_in(6))
			snprintf(
				file->line[file->line_cnt++].text, TALK_LINE_MAX, "%s", options[i]);
	}
}

static bool play_seed(uint64_t seed, bool trace, struct talk_totals *totals)
{
	static struct talk_file file;
	static struct talk t;

	leat_prng_seed(&dice, seed);
	file = (struct talk_file){.path = "chance"};
	some_options(&file);
	memset(&t, 0, sizeof(t));
	t.file = &file;
	t.trace = trace;
	t.way.ip6 = one_in(2);
	t.last = converse;
	at_start = dice;
	bool ok = leat_talk_play(&t, totals);
	if (!ok)
		printf("# chance --trace %llu\n#   expected  %s\n#   got       %s\n",
			(unsigned long long)seed, t.expected, t.got);
	return ok;
}

int main(int argc, char **argv)
{
	struct talk_totals totals = {0};
	bool trace = argc == 3 && strcmp(argv[1], "--trace") == 0;
	uint64_t from, cnt, failed = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: chance FROM CNT | chance --trace SEED\n");
		return 2;
	}
	from = strtoull(argv[trace ? 2 : 1], NULL, 10);
	cnt = trace ? 1 : strtoull(argv[2], NULL, 10);
	for (uint64_t i = 0; i < cnt; i++)
		failed += !play_seed(from + i, trace, &totals);
	printf("%s 1 - %llu conversations by chance keep every invariant (seeds from %llu)\n",
		failed ? "not ok" : "ok", (unsigned long long)cnt, (unsigned long long)from);
	bool unused = LEAT_FAST_PATH && totals.fast == 0 && !trace;
	printf("%s 2 - of %llu segments the fast path takes %llu\n1..2\n", unused ? "not ok" : "ok",
		(unsigned long long)totals.segments, (unsigned long long)totals.fast);
	return failed != 0 || unused;
}
