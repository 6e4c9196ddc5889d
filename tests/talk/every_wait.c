/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "talk.h"
#include "tcp_tw.h"

#include <stdlib.h>
#include <string.h>

/* every_wait: what becomes of each segment that arrives in TIME-WAIT.
 *
 * Nine kinds of segment x six places of SEG.SEQ x six timestamps x the three policies of reuse x
 * a reset ignored or obeyed (N090, N091, N092, N093, N094).  Each case closes a fresh connection
 * first, lets the segment arrive ten seconds later, and compares its answer and what it does to
 * 2MSL with a model written from RFC 9293 3.10.7.4, 1337, 5961, 6191 and 7323; what it does to 2MSL
 * is seen by waiting for the end.  The stack is looked at through its interface alone: segments,
 * counters, the clock.  So it is over IPv4, over IPv6, and with sequence numbers that wrap; each
 * time as a record (tcp_tw.h) and as a control block, whose answers are compared frame by frame
 * (twin.h): there is one golden file for both.
 *
 *	every_wait FILE             compare with the golden file
 *	every_wait --write FILE     write it anew */

#define RCV_NXT 301
#define EDGE    (RCV_NXT + 65535) /* nothing is unread, so the whole buffer is offered */
#define SND_NXT 101
#define TS_SEEN 700 /* TS.Recent */
#define TEXT    10
#define LATER   (10 * TIME_S)
#define TWO_MSL (60 * TIME_S)

enum kind {
	SYN,
	SYN_ACK,
	SYN_FIN,
	RST,
	RST_ACK,
	FIN,
	FIN_ACK,
	ACK,
	DATA,
	KIND_CNT
};
enum place {
	OUT_LEFT,
	FIN_AGAIN,
	LEFT_EDGE,
	INSIDE,
	RIGHT_EDGE,
	OUT_RIGHT,
	PLACE_CNT
};
enum stamp {
	NEWER,
	EQUAL,
	OLDER,
	NONE,
	NEVER_WITH,
	NEVER_NONE,
	STAMP_CNT
};
enum reuse {
	OFF,
	SEQUENCE,
	TIMESTAMPS,
	REUSE_CNT
};

/* What the segment does to 2MSL. */
enum effect {
	GOES_ON,
	AGAIN, /* it starts anew */
	OVER,
	HEIR, /* a new connection stands beside, while it goes on */
};

static const char *const kind_name[] = {
	"SYN", "SYN,ACK", "SYN,FIN", "RST", "RST,ACK", "FIN", "FIN,ACK", "ACK", "segment of text"};
static const uint8_t kind_flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_SYN | TCP_FIN, TCP_RST,
	TCP_RST | TCP_ACK, TCP_FIN, TCP_FIN | TCP_ACK, TCP_ACK, TCP_PSH | TCP_ACK};
static const char *const place_name[] = {
	"outside left", "the FIN's", "left edge", "inside", "right edge", "outside right"};
static const uint32_t place_seq[] = {
	RCV_NXT - 20, RCV_NXT - 1, RCV_NXT, RCV_NXT + 1000, EDGE - 1, EDGE};
static const char *const stamp_name[] = {"newer", "equal", "older", "none", "with", "without"};
static const char *const reuse_name[] = {"off", "by sequence", "by timestamps"};
static const char *const effect_name[] = {"=", "again", "over", "heir"};

struct outcome {
	uint8_t verdict; /* enum tcp_verdict */
	uint8_t reply;   /* flags of the answer, 0: none */
	uint8_t effect;  /* enum effect */
};

static const struct talk_way ways[] = {{0}, {.ip6 = true}, {.shifted = true, .isn = UINT32_MAX}};

#define CASE_CNT ((uint32_t)(REUSE_CNT * 2 * KIND_CNT * PLACE_CNT * STAMP_CNT * COUNT_OF(ways)))

/* The case under way, and what came of it. */
static struct {
	enum kind kind;
	enum place place;
	enum stamp stamp;
	enum reuse reuse;
	bool obeyed;
	struct outcome outcome;
} now;

static uint32_t played[2]; /* cases as a control block, and as a record */

static struct outcome table[REUSE_CNT][2][KIND_CNT][PLACE_CNT][STAMP_CNT];

/* RFC 6191 2, and for the policy `sequence` RFC 1122 4.2.2.13. */
static bool opens_anew(void)
{
	bool higher = place_seq[now.place] > RCV_NXT;

	if (now.reuse == OFF)
		return false;
	if (now.reuse == SEQUENCE)
		return higher;
	if (now.stamp == NEWER || now.stamp == NEVER_WITH)
		return true;
	return now.stamp != OLDER && higher;
}

/* RFC 1337 3; obeyed, RFC 9293 3.10.7.4 second and RFC 5961 3. */
static void reset(struct outcome *want)
{
	if (!now.obeyed)
		return;
	if (now.place == LEFT_EDGE)
		want->effect = OVER;
	else if (now.place == INSIDE || now.place == RIGHT_EDGE)
		want->reply = TCP_ACK;
}

/* The model: reply and effect. */
static struct outcome model(void)
{
	struct outcome want = {.effect = GOES_ON};
	bool in_window = now.place >= LEFT_EDGE && now.place <= RIGHT_EDGE;

	if (kind_flags[now.kind] & TCP_RST) {
		reset(&want);
	} else if (now.kind == SYN && opens_anew()) {
		want = (struct outcome){.reply = TCP_SYN | TCP_ACK, .effect = HEIR};
	} else if (kind_flags[now.kind] & TCP_SYN || now.stamp == OLDER) {
		want.reply = TCP_ACK; /* RFC 5961 4; RFC 7323 5.3 R1 */
	} else if (now.stamp == NONE) {
		want.reply = 0; /* RFC 7323 3.2 */
	} else if (now.kind == FIN_ACK) {
		want.reply = TCP_ACK; /* eighth: only that very FIN is a retransmission */
		want.effect = now.place == FIN_AGAIN ? AGAIN : GOES_ON;
	} else if (now.kind == DATA || !in_window) {
		want.reply = TCP_ACK; /* first; seventh: "ignore the segment text" */
	}
	return want;
}

static uint32_t present(const struct talk *t, enum tcp_state state)
{
	return leat_stack_tcp(t->stack)->present[state];
}

/* An ACK has SND.NXT and RCV.NXT; a SYN,ACK acknowledges the SYN with an ISS above SND.NXT. */
static uint8_t reply_of(struct talk *t)
{
	char text[TALK_LINE_MAX];

	if (t->sent_cnt == 0)
		return 0;
	const struct seg *reply = &t->sent[t->sent_head].seg;
	uint32_t seq = reply->seq.v - t->snd_shift, ack = reply->ack.v - t->rcv_shift;
	bool is_syn = reply->flags == (TCP_SYN | TCP_ACK);
	bool fits = is_syn ? (int32_t)(seq - SND_NXT) > 0 && ack == place_seq[now.place] + 1
			   : reply->flags == TCP_ACK && seq == SND_NXT && ack == RCV_NXT;

	leat_talk_seg_text(t, reply, text, sizeof(text));
	if (t->sent_cnt > 1 || reply->text != 0 || !fits)
		leat_talk_fail(t, "one bare ACK, or a SYN,ACK that is above it", "> %s", text);
	return reply->flags;
}

/* Waits until TIME-WAIT is over: that tells what the segment did. */
static enum effect effect_of(struct talk *t)
{
	uint64_t ends = t->start + TWO_MSL;
	bool heir = present(t, TCP_ST_SYN_RECEIVED) == 1;

	if (present(t, TCP_ST_TIME_WAIT) == 0)
		return OVER;
	leat_talk_go_to(t, ends - 1);
	if (present(t, TCP_ST_TIME_WAIT) == 0)
		leat_talk_fail(t, "2MSL", "less");
	leat_talk_go_to(t, ends);
	if (present(t, TCP_ST_TIME_WAIT) == 0)
		return heir ? HEIR : GOES_ON;
	leat_talk_go_to(t, ends + LATER - 1);
	if (present(t, TCP_ST_TIME_WAIT) == 0)
		leat_talk_fail(t, "2MSL from the start or from here", "neither");
	leat_talk_go_to(t, ends + LATER);
	if (present(t, TCP_ST_TIME_WAIT) != 0 || heir)
		leat_talk_fail(t, "2MSL", "more");
	return AGAIN;
}

static void outcome_text(const struct outcome *o, char *text)
{
	const char *reply = o->reply == 0 ? "-" : o->reply & TCP_SYN ? "SYN,ACK" : "ACK";

	snprintf(text, TALK_LINE_MAX, "%-8s %-6s %s", reply, effect_name[o->effect],
		leat_tcp_verdict_name((enum tcp_verdict)o->verdict));
}

/* Of the runs that the player makes of a case the one for the oracle has control blocks. */
static void what_waits(struct talk *t)
{
	bool record = !t->twin->oracle || t->twin->part != TWIN_AGAIN;

	if (leat_tcp_tw_cnt(leat_stack_engine(t->stack)) != record)
		leat_talk_fail(t, record ? "a record" : "a control block", "the other");
	played[record]++;
}

static void arrive(struct talk *t)
{
	const uint32_t stamp[] = {TS_SEEN + 1, TS_SEEN, TS_SEEN - 1, 0, TS_SEEN, 0};
	struct talk_seg seg = {.given = TALK_GIVEN_ACK};
	struct outcome want = model();
	char text[TALK_LINE_MAX];

	t->unscripted = true;
	leat_talk_go_to(t, t->start + LATER);
	if (present(t, TCP_ST_TIME_WAIT) != 1)
		leat_talk_fail(t, "TIME-WAIT", "something else");
	what_waits(t);
	seg.seg.seq = seq_of(place_seq[now.place]);
	seg.seg.flags = kind_flags[now.kind];
	seg.seg.ack = seq_of(seg.seg.flags & TCP_ACK ? SND_NXT : 0);
	seg.seg.text = now.kind == DATA ? TEXT : 0;
	seg.seg.wnd = 65535;
	if (stamp[now.stamp] != 0) {
		seg.seg.opts = TCP_OPT_TS;
		seg.seg.ts_val = stamp[now.stamp];
		seg.seg.ts_ecr = seg.seg.flags & TCP_ACK ? TALK_TS_FIRST : 0;
	}
	t->sent_cnt = 0;
	leat_talk_arrive(t, &seg);
	leat_talk_input(t);
	now.outcome.verdict = (uint8_t)t->burst.tcp_verdict[0];
	leat_talk_settle(t);
	now.outcome.reply = reply_of(t);
	now.outcome.effect = (uint8_t)effect_of(t);
	want.verdict = now.outcome.verdict;
	outcome_text(&want, t->text);
	outcome_text(&now.outcome, text);
	if (memcmp(&want, &now.outcome, sizeof(want)) != 0)
		leat_talk_fail(t, NULL, "%s", text);
	t->sent_cnt = 0;
}

/* The way into TIME-WAIT, whose handle is given up: what waits is all that is left of it. */
static void script(struct talk_file *file)
{
	bool agreed = now.stamp < NEVER_WITH;
	char line[][TALK_LINE_MAX] = {"option timestamps on", "", "", "listen",
		"< S 299:299(0) <mss 1460, ts 700 0>", "> S. 99:99(0) ack 300",
		"< . 300:300(0) ack 100 <ts 700 1000>", "close-both", "> F. 100:100(0) ack 300",
		"< F. 300:300(0) ack 101 <ts 700 1000>", "> . 101:101(0) ack 301"};

	snprintf(line[1], TALK_LINE_MAX, "option time_wait_reuse %u", now.reuse);
	snprintf(line[2], TALK_LINE_MAX, "option rst_ends_time_wait %s", now.obeyed ? "on" : "off");
	file->path = "every_wait";
	file->line_cnt = COUNT_OF(line);
	for (size_t i = 0; i < COUNT_OF(line); i++) {
		char *opts = strchr(line[i], '<') == line[i] ? strchr(line[i] + 1, '<') : NULL;

		if (!agreed && opts)
			*opts = '\0';
		memcpy(file->line[i].text, line[i], TALK_LINE_MAX);
	}
}

static bool run_case(const struct talk_way *way)
{
	static struct talk_totals totals;
	static struct talk_file file;
	static struct talk t;
	struct outcome *o = &table[now.reuse][now.obeyed][now.kind][now.place][now.stamp];

	script(&file);
	memset(&t, 0, offsetof(struct talk, frame));
	t.frame_cnt = t.sent_head = t.sent_cnt = 0;
	t.unscripted = false;
	t.file = &file;
	t.way = *way;
	t.last = arrive;
	bool ok = leat_talk_play(&t, &totals);
	if (way == ways)
		*o = now.outcome;
	if (ok && memcmp(o, &now.outcome, sizeof(*o)) == 0)
		return true;
	printf("# %s, %s, timestamp %s, reuse %s, reset %s%s\n#   expected  %s\n#   got       %s\n",
		kind_name[now.kind], place_name[now.place], stamp_name[now.stamp],
		reuse_name[now.reuse], now.obeyed ? "obeyed" : "ignored",
		way->ip6       ? ", IPv6"
		: way->shifted ? ", wrap"
			       : "",
		ok ? "as over IPv4" : t.expected, ok ? "something else" : t.got);
	return false;
}

/* run_kind walks all cases of a kind and returns how many were not as the model has them. */
static uint32_t run_kind(enum kind kind)
{
	uint32_t failed = 0, cases = REUSE_CNT * 2 * PLACE_CNT * STAMP_CNT;

	now.kind = kind;
	for (uint32_t i = 0; i < cases * COUNT_OF(ways); i++) {
		now.stamp = (enum stamp)(i % STAMP_CNT);
		now.place = (enum place)(i / STAMP_CNT % PLACE_CNT);
		now.obeyed = i / STAMP_CNT / PLACE_CNT % 2 != 0;
		now.reuse = (enum reuse)(i / STAMP_CNT / PLACE_CNT / 2 % REUSE_CNT);
		failed += !run_case(&ways[i / cases]);
	}
	return failed;
}

/* One line for all timestamps that come to the same. */
static void write_place(FILE *out, struct outcome r[PLACE_CNT][STAMP_CNT], uint32_t place)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < STAMP_CNT; i++) {
		char stamps[64] = "", text[TALK_LINE_MAX];
		size_t octets = 0;

		if (done >> i & 1)
			continue;
		for (uint32_t k = i; k < STAMP_CNT; k++) {
			if (memcmp(&r[place][i], &r[place][k], sizeof(r[0][0])) != 0)
				continue;
			done |= 1U << k;
			octets += (size_t)snprintf(stamps + octets, sizeof(stamps) - octets, "%s%s",
				octets ? " " : "", stamp_name[k]);
		}
		outcome_text(&r[place][i], text);
		fprintf(out, "%-14s %-38s %s\n", i ? "" : place_name[place],
			octets == strlen("newer equal older none with without") ? "*" : stamps,
			text);
	}
}

static void write_rows(
	FILE *out, struct outcome r[PLACE_CNT][STAMP_CNT], const char *title, const char *how)
{
	fprintf(out, "\n%s%s\n%-14s %-38s %-8s %-6s verdict\n", title, how, "SEG.SEQ", "timestamp",
		"reply", "2MSL");
	for (uint32_t place = 0; place < PLACE_CNT; place++)
		write_place(out, r, place);
}

static bool same(enum kind kind, enum reuse a, bool a_obeyed, enum reuse b, bool b_obeyed)
{
	return memcmp(table[a][a_obeyed][kind], table[b][b_obeyed][kind],
		       sizeof(table[a][a_obeyed][kind])) == 0;
}

/* A policy that makes no difference to a kind is not told, one that does has its own rows. */
static void write_kind(FILE *out, enum kind kind)
{
	bool by_reuse = false, by_reset = false;
	char how[64];

	for (uint32_t i = 0; i < REUSE_CNT; i++) {
		by_reset |= !same(kind, (enum reuse)i, false, (enum reuse)i, true);
		by_reuse |= !same(kind, (enum reuse)i, false, OFF, false);
		by_reuse |= !same(kind, (enum reuse)i, true, OFF, true);
	}
	for (uint32_t i = 0; i < REUSE_CNT * 2U; i++) {
		uint32_t reuse = i / 2, obeyed = i % 2;

		if ((reuse > 0 && !by_reuse) || (obeyed && !by_reset))
			continue;
		snprintf(how, sizeof(how), "%s%s%s", by_reuse ? ", reuse " : "",
			by_reuse ? reuse_name[reuse] : "",
			!by_reset ? ""
			: obeyed  ? ", a reset is obeyed"
				  : ", a reset is ignored");
		write_rows(out, table[reuse][obeyed][kind], kind_name[kind], how);
	}
}

static void write_all(FILE *out)
{
	fprintf(out,
		"What becomes of a segment that arrives ten seconds after TIME-WAIT began.\n\n"
		"SEG.SEQ    outside left RCV.NXT-20   the FIN's RCV.NXT-1   left edge RCV.NXT\n"
		"           inside RCV.NXT+1000   right edge: the window's last octet\n"
		"           outside right: the next one.  SEG.ACK, if any, is SND.NXT.\n"
		"timestamp  newer, equal, older than TS.Recent, or none; with, without: of a\n"
		"           connection that had agreed on none.  *: all the same\n"
		"reply      an ACK is <SEQ=SND.NXT><ACK=RCV.NXT>; a SYN,ACK has an ISS above\n"
		"           SND.NXT; -: nothing\n"
		"2MSL       =: goes on   again: starts anew   over: ended at once   heir: goes on\n"
		"           beside a new connection in SYN-RECEIVED\n"
		"policies   reuse off, by sequence, by timestamps; a reset ignored or obeyed.  "
		"One\n"
		"           that is not named makes no difference.\n"
		"checks     RFC 7323 5.3 (PAWS, not for RST and SYN) and 3.2; RFC 1337 3; RFC "
		"9293\n"
		"           3.10.7.4 first, second (RFC 5961 3), fourth (RFC 5961 4, 6191 2, 1122\n"
		"           4.2.2.13), fifth, seventh, eighth.\n");
	for (uint32_t kind = 0; kind < KIND_CNT; kind++)
		write_kind(out, (enum kind)kind);
}

/* golden writes the file, or compares what it would write with it. */
static bool golden(const char *path, bool write)
{
	char want[16384] = "", *got = NULL;
	size_t octets = 0;
	FILE *file = fopen(path, write ? "w" : "r"), *out = open_memstream(&got, &octets);

	if (!file || !out) {
		perror(path);
		return false;
	}
	write_all(out);
	fclose(out);
	bool good =
		write ? fputs(got, file) >= 0
		      : fread(want, 1, sizeof(want) - 1, file) == octets && strcmp(want, got) == 0;
	for (size_t i = 0, begin = 0; !good && i < octets && want[i] == got[i]; i++) {
		begin = want[i] == '\n' ? i + 1 : begin;
		if (want[i + 1] != got[i + 1])
			printf("#   expected  %.*s\n#   got       %.*s\n",
				(int)strcspn(want + begin, "\n"), want + begin,
				(int)strcspn(got + begin, "\n"), got + begin);
	}
	free(got);
	return fclose(file) == 0 && good;
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	uint32_t bad_cnt = 0;

	if (argc != 2 && !write) {
		fprintf(stderr, "usage: every_wait [--write] FILE\n");
		return 2;
	}
	for (uint32_t i = 0; i < KIND_CNT; i++) {
		uint32_t failed = run_kind((enum kind)i);
		printf("%s %u - every %s in TIME-WAIT has the answer of the RFCs\n",
			failed ? "not ok" : "ok", i + 1, kind_name[i]);
		bad_cnt += failed != 0;
	}
	bool both = played[0] == CASE_CNT && played[1] == 3 * CASE_CNT;
	printf("%s %u - each of %u cases was played as a control block, and as a record\n",
		both ? "ok" : "not ok", KIND_CNT + 1, CASE_CNT);
	bool good = golden(argv[argc - 1], write);
	printf("%s %u - N090 to N094: TIME-WAIT is what golden/time-wait.txt says\n1..%u\n",
		good ? "ok" : "not ok", KIND_CNT + 2, KIND_CNT + 2);
	return bad_cnt != 0 || !both || !good;
}
