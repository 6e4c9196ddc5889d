/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_bits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* every: eleven states x 64 flags x six places of SEG.SEQ x six of SEG.ACK (N050, N028).
 *
 * TCP's space of control is small enough to be walked whole.  Each case brings a fresh connection
 * to a state with a few lines of script, lets one segment arrive, and compares the state and the
 * reply with a model that is written from the text of RFC 9293 3.10.7, apart from the engine.  The
 * verdicts are compared with every.golden: a letter for each of the 64 combinations of flags.
 * PSH means ten octets of text.
 *
 *	every GOLDEN            compare
 *	every --write GOLDEN    write it anew */

#define SEQ_PLACES 6
#define ACK_PLACES 6
#define FLAG_SETS  64
#define TEXT       10
#define WINDOW     65535

enum reply {
	REPLY_NONE,
	REPLY_ACK,
	REPLY_RST,
	REPLY_SYN_ACK,
};

/* How to come to a state, and where the connection's variables stand there. */
static const struct place {
	enum tcp_state state;
	uint32_t una, nxt, rcv_nxt, edge;
	const char *line[8];
	const char *beside; /* what is particular, NULL for the plain state */
	uint32_t held;      /* text from here on is held out of order; 0: none */
} places[] = {
	{TCP_ST_CLOSED, 100, 100, 300, 300 + WINDOW, .line = {"silence"}},
	{TCP_ST_LISTEN, 100, 100, 300, 300 + WINDOW, .line = {"listen"}},
	{TCP_ST_SYN_SENT, 99, 100, 300, 300 + WINDOW, .line = {"connect", "> S 99:99(0)"}},
	{TCP_ST_SYN_RECEIVED, 99, 100, 300, 300 + WINDOW,
		.line = {"listen", "< S 299:299(0)", "> S. 99:99(0) ack 300"}},
	{TCP_ST_ESTABLISHED, 100, 110, 300, 300 + WINDOW,
		.line = {"established", "send 10", "> P. 100:110(10) ack 300"}},
	{TCP_ST_FIN_WAIT_1, 100, 101, 300, 300 + WINDOW,
		.line = {"established", "close", "> F. 100:100(0) ack 300"}},
	{TCP_ST_FIN_WAIT_2, 101, 101, 300, 300 + WINDOW,
		.line = {"established", "close", "> F. 100:100(0) ack 300",
			"< . 300:300(0) ack 101"}},
	{TCP_ST_CLOSE_WAIT, 100, 110, 301, 300 + WINDOW,
		.line = {"established", "< F. 300:300(0) ack 100", "> . 100:100(0) ack 301",
			"send 10", "> P. 100:110(10) ack 301"}},
	{TCP_ST_CLOSING, 100, 101, 301, 300 + WINDOW,
		.line = {"established", "close", "> F. 100:100(0) ack 300",
			"< F. 300:300(0) ack 100", "> . 101:101(0) ack 301"}},
	{TCP_ST_LAST_ACK, 100, 101, 301, 300 + WINDOW,
		.line = {"established", "< F. 300:300(0) ack 100", "> . 100:100(0) ack 301",
			"close", "> F. 100:100(0) ack 301"}},
	{TCP_ST_TIME_WAIT, 101, 101, 301, 300 + WINDOW,
		.line = {"established", "close", "> F. 100:100(0) ack 300",
			"< F. 300:300(0) ack 101", "> . 101:101(0) ack 301"}},
	{TCP_ST_ESTABLISHED, 100, 100, 400, 400,
		.line = {"option rcv_buf 100", "established", "< P. 300:400(100) ack 100",
			"+.04 > . 100:100(0) ack 400 win 0"},
		.beside = "window closed"},
	{TCP_ST_ESTABLISHED, 100, 100, 300, 300 + WINDOW,
		.line = {"established", "< P. 310:320(10) ack 100", "> . 100:100(0) ack 300"},
		"text held", 310},
};

static const char *const seq_names[SEQ_PLACES] = {
	"left", "nxt-1", "nxt", "nxt+1", "edge-1", "edge"};
static const char *const ack_names[ACK_PLACES] = {
	"too old", "una-1", "una", "una+1", "nxt", "nxt+1"};

/* One case, what the model says of it, and what came. */
static struct every_case {
	const struct place *place;
	uint32_t seq, ack; /* as the script writes them */
	uint8_t flags;
	enum tcp_state want_state;
	enum reply want_reply;
	uint8_t verdict;
} now;

static uint32_t seq_at(const struct place *p, uint32_t i)
{
	const uint32_t at[SEQ_PLACES] = {
		p->rcv_nxt - 20, p->rcv_nxt - 1, p->rcv_nxt, p->rcv_nxt + 1, p->edge - 1, p->edge};

	return at[i];
}

static uint32_t ack_at(const struct place *p, uint32_t i)
{
	const uint32_t at[ACK_PLACES] = {
		p->una - WINDOW - 1, p->una - 1, p->una, p->una + 1, p->nxt, p->nxt + 1};

	return at[i];
}

/* Flags as bits 0 to 5 of i: SYN FIN RST PSH ACK URG. */
static uint8_t flags_of(uint32_t i)
{
	static const uint8_t flag[] = {TCP_SYN, TCP_FIN, TCP_RST, TCP_PSH, TCP_ACK, TCP_URG};
	uint8_t flags = 0;

	for (size_t b = 0; b < COUNT_OF(flag); b++)
		flags |= i >> b & 1 ? flag[b] : 0;
	return flags;
}

static void expect(struct every_case *c, enum tcp_state state, enum reply reply)
{
	c->want_state = state;
	c->want_reply = reply;
}

static uint32_t text_of(const struct every_case *c)
{
	return c->flags & TCP_PSH ? TEXT : 0;
}

static int32_t rel(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static void model_unsynchronized(struct every_case *c)
{
	enum tcp_state state = c->place->state;
	bool ack = c->flags & TCP_ACK, rst = c->flags & TCP_RST, syn = c->flags & TCP_SYN;
	bool fin = c->flags & TCP_FIN;

	if (state == TCP_ST_CLOSED) {
		expect(c, state, rst ? REPLY_NONE : REPLY_RST);
	} else if (state == TCP_ST_LISTEN) {
		if (rst || ack || !syn || fin)
			expect(c, state, ack && !rst ? REPLY_RST : REPLY_NONE);
		else
			expect(c, TCP_ST_SYN_RECEIVED, REPLY_SYN_ACK);
	} else if (ack && c->ack != c->place->nxt) {
		expect(c, state, rst ? REPLY_NONE : REPLY_RST);
	} else if (rst) {
		expect(c, ack ? TCP_ST_CLOSED : state, REPLY_NONE);
	} else if (!syn) {
		expect(c, state, REPLY_NONE);
	} else if (!ack) {
		expect(c, TCP_ST_SYN_RECEIVED, REPLY_SYN_ACK);
	} else {
		expect(c, fin ? TCP_ST_CLOSE_WAIT : TCP_ST_ESTABLISHED, REPLY_ACK);
	}
}

/* Table 6 of the RFC, with a window that is open. */
static bool model_acceptable(const struct every_case *c, uint32_t seq, uint32_t len)
{
	uint32_t nxt = c->place->rcv_nxt, edge = c->place->edge;
	bool first_in = rel(seq, nxt) >= 0 && rel(seq, edge) < 0;
	bool last_in = rel(seq + len - 1, nxt) >= 0 && rel(seq + len - 1, edge) < 0;

	return len == 0 ? first_in : first_in || last_in;
}

/* What the ACK does to the state: our FIN is the last number before SND.NXT. */
static enum tcp_state model_acked(const struct every_case *c)
{
	bool all = c->ack == c->place->nxt;

	switch (c->place->state) {
	case TCP_ST_SYN_RECEIVED:
		return TCP_ST_ESTABLISHED;
	case TCP_ST_FIN_WAIT_1:
		return all ? TCP_ST_FIN_WAIT_2 : TCP_ST_FIN_WAIT_1;
	case TCP_ST_CLOSING:
		return all ? TCP_ST_TIME_WAIT : TCP_ST_CLOSING;
	case TCP_ST_LAST_ACK:
		return all ? TCP_ST_CLOSED : TCP_ST_LAST_ACK;
	default:
		return c->place->state;
	}
}

static enum tcp_state model_fin(enum tcp_state state)
{
	return state == TCP_ST_ESTABLISHED  ? TCP_ST_CLOSE_WAIT
	       : state == TCP_ST_FIN_WAIT_1 ? TCP_ST_CLOSING
					    : TCP_ST_TIME_WAIT;
}

/* Seventh and eighth: text in order is acknowledged later, all else at once. */
static void model_text(struct every_case *c, uint32_t seq, enum tcp_state state)
{
	uint32_t nxt = c->place->rcv_nxt, edge = c->place->edge, end = seq + text_of(c);
	bool fin = c->flags & TCP_FIN && rel(end, edge) < 0;
	bool text_in_order = text_of(c) && rel(seq, nxt) <= 0 && rel(end, nxt) > 0;
	bool at_once = seq != nxt && text_of(c);

	if (!tcp_in((uint8_t)state, TCP_MAY_RECEIVE_TEXT)) {
		bool again = rel(seq, nxt) < 0 && state != TCP_ST_CLOSED;
		expect(c, state, again ? REPLY_ACK : REPLY_NONE);
		return;
	}
	bool fills = c->place->held && text_in_order;
	bool void_fin = fills && rel(end, c->place->held) >= 0;
	if (fin && !void_fin && (text_in_order || end == nxt))
		expect(c, model_fin(state), REPLY_ACK);
	else
		expect(c, state, fin || at_once || fills ? REPLY_ACK : REPLY_NONE);
}

/* "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to
 * accept valid ACKs, URGs, and RSTs", of probes too, and of ACKs behind them (A.2). */
static void model_closed_window(struct every_case *c, uint32_t len)
{
	enum tcp_state state = c->place->state;
	bool rst = c->flags & TCP_RST, ack = c->flags & TCP_ACK;
	bool here = c->seq == c->place->rcv_nxt;
	bool looked_at = here || (len == 0 && c->seq == c->place->rcv_nxt + 1);

	if (rst)
		expect(c, len == 0 && here ? TCP_ST_CLOSED : state, REPLY_NONE);
	else if (len > 0 || !looked_at)
		expect(c, state, REPLY_ACK);
	else if (ack && (rel(c->ack, c->place->nxt) > 0 || rel(c->ack, c->place->una - WINDOW) < 0))
		expect(c, state, REPLY_ACK);
	else
		expect(c, state, REPLY_NONE);
}

/* RFC 1337: in TIME-WAIT only the FIN again does anything. */
static void model_time_wait(struct every_case *c, uint32_t len)
{
	bool drop = c->flags & TCP_RST || !(c->flags & (TCP_ACK | TCP_SYN));
	bool answer = c->flags & TCP_SYN || len > 0 || !model_acceptable(c, c->seq, len);

	expect(c, TCP_ST_TIME_WAIT, !drop && answer ? REPLY_ACK : REPLY_NONE);
}

/* 3.10.7.4 with RFC 5961. */
static void model_otherwise(struct every_case *c)
{
	const struct place *p = c->place;
	bool syn = c->flags & TCP_SYN, rst = c->flags & TCP_RST, ack = c->flags & TCP_ACK;
	uint32_t seq = c->seq, len = text_of(c) + syn + !!(c->flags & TCP_FIN);

	if (p->state == TCP_ST_TIME_WAIT) {
		model_time_wait(c, len);
		return;
	}
	if (p->edge == p->rcv_nxt) {
		model_closed_window(c, len);
		return;
	}
	if (p->state == TCP_ST_SYN_RECEIVED && syn && !rst && seq == p->rcv_nxt - 1) {
		if (!ack) {
			expect(c, p->state, REPLY_SYN_ACK);
			return;
		}
		syn = false; /* simultaneous open, figure 7 */
		seq++;
		len--;
	}
	if (!model_acceptable(c, seq, len)) {
		expect(c, p->state, rst ? REPLY_NONE : REPLY_ACK);
	} else if (rst) {
		bool exact = seq == p->rcv_nxt;
		expect(c, exact ? TCP_ST_CLOSED : p->state, exact ? REPLY_NONE : REPLY_ACK);
	} else if (syn) {
		expect(c, p->state, REPLY_ACK);
	} else if (!ack) {
		expect(c, p->state, REPLY_NONE);
	} else if (p->state == TCP_ST_SYN_RECEIVED && c->ack != p->nxt) {
		expect(c, p->state, REPLY_RST);
	} else if (rel(c->ack, p->nxt) > 0 || rel(c->ack, p->una - WINDOW) < 0) {
		expect(c, p->state, REPLY_ACK);
	} else {
		model_text(c, seq, model_acked(c));
	}
}

static enum reply reply_of(struct talk *t)
{
	if (t->sent_cnt == 0)
		return REPLY_NONE;
	uint8_t flags = t->sent[t->sent_head].seg.flags;
	if (t->sent_cnt > 1)
		leat_talk_fail(t, "one reply at most", "%u", t->sent_cnt);
	if (flags & TCP_RST)
		return REPLY_RST;
	return flags & TCP_SYN ? REPLY_SYN_ACK : REPLY_ACK;
}

static enum tcp_state state_now(struct talk *t)
{
	const struct tcb *tcb = leat_talk_tcb(t);

	if (tcb)
		return (enum tcp_state)tcb->state;
	return now.place->state == TCP_ST_LISTEN ? TCP_ST_LISTEN : TCP_ST_CLOSED;
}

static uint64_t verdict_sum(struct talk *t)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		sum += leat_stack_tcp(t->stack)->verdict[i];
	return sum;
}

/* The case itself, once the script has brought the connection to its place. */
static void arrive(struct talk *t)
{
	static const char *const names[] = {"no reply", "an ACK", "a RST", "a SYN,ACK"};
	struct talk_seg seg = {.given = TALK_GIVEN_ACK};
	uint64_t before = verdict_sum(t);

	seg.seg.seq = seq_of(now.seq);
	seg.seg.ack = seq_of(now.ack);
	seg.seg.flags = now.flags;
	seg.seg.text = (uint16_t)text_of(&now);
	seg.seg.wnd = WINDOW;
	snprintf(t->text, sizeof(t->text), "%s and %s", leat_tcp_state_name(now.want_state),
		names[now.want_reply]);
	leat_talk_arrive(t, &seg);
	leat_talk_input(t);
	now.verdict = (uint8_t)t->burst.tcp_verdict[0];
	leat_talk_settle(t);
	enum reply reply = reply_of(t);
	if (verdict_sum(t) != before + 1)
		leat_talk_fail(t, "one verdict", "another number");
	if (state_now(t) != now.want_state || reply != now.want_reply)
		leat_talk_fail(t, NULL, "%s and %s (%s)", leat_tcp_state_name(state_now(t)),
			names[reply], t->verdict);
	t->sent_cnt = 0;
}

static const char *name_of(const struct place *p, char *text)
{
	snprintf(text, TALK_LINE_MAX, "%s%s%s", leat_tcp_state_name(p->state),
		p->beside ? ", " : "", p->beside ? p->beside : "");
	return text;
}

static void print_case(const struct talk *t, uint32_t flags, uint32_t seq, uint32_t ack)
{
	printf("# %s, flags", name_of(now.place, (char[TALK_LINE_MAX]){0}));
	for (uint32_t b = 0; b < 6; b++)
		printf("%s", flags >> b & 1
				     ? (const char *[]){" S", " F", " R", " P", " .", " U"}[b]
				     : "");
	printf(", seq %s, ack %s\n#   expected  %s\n#   got       %s\n", seq_names[seq],
		ack_names[ack], t->expected, t->got);
}

static bool run_case(const struct talk_file *file, uint32_t flags, uint32_t seq, uint32_t ack)
{
	static struct talk_totals totals;
	static struct talk t;

	memset(&t, 0, sizeof(t));
	t.file = file;
	t.last = arrive;
	now.seq = seq_at(now.place, seq);
	now.ack = ack_at(now.place, ack);
	now.flags = flags_of(flags);
	if (now.place->state < TCP_ST_SYN_RECEIVED)
		model_unsynchronized(&now);
	else
		model_otherwise(&now);
	bool ok = leat_talk_play(&t, &totals);
	if (!ok)
		print_case(&t, flags, seq, ack);
	return ok;
}

/* run_state walks all cases of one state, writes its rows of the table to out, and returns how
 * many cases were not as the model has them. */
static uint32_t run_state(const struct place *place, FILE *out)
{
	static struct talk_file file;
	char text[TALK_LINE_MAX];
	const char *name = name_of(place, text);
	uint32_t failed = 0;

	file = (struct talk_file){.path = "every"};
	for (; file.line_cnt < COUNT_OF(place->line) && place->line[file.line_cnt]; file.line_cnt++)
		snprintf(file.line[file.line_cnt].text, TALK_LINE_MAX, "%s",
			place->line[file.line_cnt]);
	now.place = place;
	for (uint32_t i = 0; i < SEQ_PLACES * ACK_PLACES; i++) {
		uint32_t seq = i / ACK_PLACES, ack = i % ACK_PLACES;
		fprintf(out, "%-26s seq %-6s ack %-7s ", name, seq_names[seq], ack_names[ack]);
		for (uint32_t flags = 0; flags < FLAG_SETS; flags++) {
			failed += !run_case(&file, flags, seq, ack);
			fputc('A' + now.verdict, out);
		}
		fputc('\n', out);
	}
	return failed;
}

static void write_legend(FILE *out)
{
	STATIC_ASSERT(TCP_V_CNT <= 26, "a letter for each verdict");
	fprintf(out, "# The verdict of every segment in every state.  Flags count up from none:\n"
		     "# SYN 1, FIN 2, RST 4, PSH (ten octets of text) 8, ACK 16, URG 32.\n#\n");
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		fprintf(out, "# %c  %s\n", 'A' + (int)i,
			leat_tcp_verdict_name((enum tcp_verdict)i));
}

static bool same_file(FILE *a, const char *path)
{
	char line_a[TALK_LINE_MAX], line_b[TALK_LINE_MAX];
	FILE *b = fopen(path, "r");
	bool same = b != NULL, more = same;

	rewind(a);
	while (more) {
		const char *got = fgets(line_a, sizeof(line_a), a);
		const char *want = fgets(line_b, sizeof(line_b), b);
		more = got && want;
		if (more && strcmp(got, want) == 0)
			continue;
		same = !got && !want;
		if (more)
			printf("#   expected  %s#   got       %s", want, got);
		more = false;
	}
	if (b)
		fclose(b);
	return same;
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	FILE *out = write ? fopen(argv[2], "w") : tmpfile();
	uint32_t failed_cnt = 0;

	if ((argc != 2 && !write) || !out) {
		fprintf(stderr, "usage: every [--write] GOLDEN\n");
		return 2;
	}
	write_legend(out);
	for (uint32_t i = 0; i < COUNT_OF(places); i++) {
		uint32_t failed = run_state(&places[i], out);
		char text[TALK_LINE_MAX];
		printf("%s %u - every segment in %s has the state and reply of RFC 9293 3.10.7\n",
			failed ? "not ok" : "ok", i + 1, name_of(&places[i], text));
		fflush(stdout);
		failed_cnt += failed;
	}
	bool same = write || same_file(out, argv[1]);
	printf("%s %zu - the verdicts are those of every.golden\n1..%zu\n", same ? "ok" : "not ok",
		COUNT_OF(places) + 1, COUNT_OF(places) + 1);
	fclose(out);
	return failed_cnt || !same;
}
