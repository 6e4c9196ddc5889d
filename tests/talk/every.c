/* SPDX-License-Identifier: BSD-3-Clause */
#include "every.h"

#include "base_bits.h"
#include "talk.h"

#include <stdlib.h>
#include <string.h>

/* every: eleven states x 64 flags x six places of SEG.SEQ x six of SEG.ACK (N050, N028).
 *
 * Each case brings a fresh connection to a place with a few lines of script, lets one segment
 * arrive, and compares the state and the reply with the model.  It does so over IPv4, over IPv6,
 * and with sequence numbers that wrap, with the same outcome.  The outcomes of all cases stand in
 * golden/every.txt, those of N050's matrix in golden/matrix.txt.
 *
 *	every DIR             compare
 *	every --write DIR     write both files anew */

#define TEXT   10
#define WINDOW 65535

/* Where the variables of a connection stand, and how it comes there. */
static const struct place {
	struct every_at at;
	const char *line[8];
	const char *beside; /* what is particular, NULL for the plain state */
} places[] = {
	{{TCP_ST_CLOSED, 100, 100, 300, 300 + WINDOW, WINDOW, 0, false}, .line = {"silence"}},
	{{TCP_ST_LISTEN, 100, 100, 300, 300 + WINDOW, WINDOW, 0, false}, .line = {"listen"}},
	{{TCP_ST_SYN_SENT, 99, 100, 300, 300 + WINDOW, WINDOW, 0, false},
		.line = {"connect", "> S 99:99(0)"}},
	{{TCP_ST_SYN_RECEIVED, 99, 100, 300, 300 + WINDOW, WINDOW, 0, false},
		.line = {"listen", "< S 299:299(0)", "> S. 99:99(0) ack 300"}},
	{{TCP_ST_ESTABLISHED, 100, 110, 300, 300 + WINDOW, WINDOW, 0, false},
		.line = {"established", "send 10", "> P. 100:110(10) ack 300"}},
	{{TCP_ST_FIN_WAIT_1, 100, 101, 300, 300 + WINDOW, WINDOW, 0, false},
		.line = {"established", "close", "> F. 100:100(0) ack 300"}},
	{{TCP_ST_FIN_WAIT_2, 101, 101, 300, 300 + WINDOW, WINDOW, 0, false},
		.line = {"established", "close", "> F. 100:100(0) ack 300",
			"< . 300:300(0) ack 101"}},
	{{TCP_ST_CLOSE_WAIT, 100, 110, 301, 300 + WINDOW, WINDOW, 0, false},
		.line = {"established", "< F. 300:300(0) ack 100", "> . 100:100(0) ack 301",
			"send 10", "> P. 100:110(10) ack 301"}},
	{{TCP_ST_CLOSING, 100, 101, 301, 300 + WINDOW, WINDOW, 0, false},
		.line = {"established", "close", "> F. 100:100(0) ack 300",
			"< F. 300:300(0) ack 100", "> . 101:101(0) ack 301"}},
	{{TCP_ST_LAST_ACK, 100, 101, 301, 300 + WINDOW, WINDOW, 0, false},
		.line = {"established", "< F. 300:300(0) ack 100", "> . 100:100(0) ack 301",
			"close", "> F. 100:100(0) ack 301"}},
	{{TCP_ST_TIME_WAIT, 101, 101, 301, 301 + WINDOW, WINDOW, 0, false},
		.line = {"established", "close", "> F. 100:100(0) ack 300",
			"< F. 300:300(0) ack 101", "> . 101:101(0) ack 301"}},
	{{TCP_ST_TIME_WAIT, 101, 101, 301, 301 + WINDOW, WINDOW, 0, true},
		.line = {"established passive", "close", "> F. 100:100(0) ack 300",
			"< F. 300:300(0) ack 101", "> . 101:101(0) ack 301"},
		.beside = "listener"},
	{{TCP_ST_ESTABLISHED, 100, 100, 400, 400, WINDOW, 0, false},
		.line = {"option rcv_buf 100", "established", "< P. 300:400(100) ack 100",
			"+.04 > . 100:100(0) ack 400 win 0"},
		.beside = "window closed"},
	{{TCP_ST_ESTABLISHED, 100, 100, 300, 300 + WINDOW, WINDOW, 310, false},
		.line = {"established", "< P. 310:320(10) ack 100", "> . 100:100(0) ack 300"},
		.beside = "text held"},
};

#define PLACE_CNT COUNT_OF(places)

static const struct talk_way ways[] = {{0}, {.ip6 = true}, {.shifted = true, .isn = UINT32_MAX}};

/* The case under way, what the model says of it, and what came. */
static struct {
	const struct every_at *at;
	struct every_seg seg; /* as the script writes it */
	enum tcp_state want_state;
	enum every_reply want_reply;
	struct every_outcome outcome;
} now;

static struct every_table tables[PLACE_CNT];

static uint32_t seq_at(const struct every_at *at, uint32_t i)
{
	const uint32_t seq[EVERY_SEQ_CNT] = {at->rcv_nxt - 20, at->rcv_nxt - 1, at->rcv_nxt,
		at->rcv_nxt + 1, at->edge - 1, at->edge};

	return seq[i];
}

static uint32_t ack_at(const struct every_at *at, uint32_t i)
{
	const uint32_t ack[EVERY_ACK_CNT] = {
		at->una - WINDOW - 1, at->una - 1, at->una, at->una + 1, at->nxt, at->nxt + 1};

	return ack[i];
}

static uint8_t flags_of(uint32_t i)
{
	static const uint8_t flag[] = {TCP_RST, TCP_SYN, TCP_ACK, TCP_FIN, TCP_PSH, TCP_URG};
	uint8_t flags = 0;

	for (size_t b = 0; b < COUNT_OF(flag); b++)
		flags |= i >> b & 1 ? flag[b] : 0;
	return flags;
}

static enum every_reply class_of(const struct seg *seg)
{
	if (seg->flags & TCP_RST)
		return EVERY_REPLY_RST;
	return seg->flags & TCP_SYN ? EVERY_REPLY_SYN_ACK : EVERY_REPLY_ACK;
}

/* The numbers of a reply are fixed by what it answers: a reset takes them from the segment
 * (3.10.7.1), all else from the connection. */
static bool numbers_fit(struct talk *t, const struct seg *reply)
{
	const struct tcb *tcb = leat_talk_tcb(t);
	uint32_t len = now.seg.text + !!(now.seg.flags & TCP_SYN) + !!(now.seg.flags & TCP_FIN);

	if (reply->len != (reply->flags & TCP_SYN ? 1U : 0U))
		return false;
	if (reply->flags & TCP_RST && now.seg.flags & TCP_ACK)
		return !(reply->flags & TCP_ACK) && reply->seq.v == now.seg.ack + t->snd_shift;
	if (reply->flags & TCP_RST)
		return reply->flags & TCP_ACK && reply->seq.v == 0 &&
		       reply->ack.v == now.seg.seq + len + t->rcv_shift;
	if (!tcb || !(reply->flags & TCP_ACK) || !seq_eq(reply->ack, tcb->rcv.nxt))
		return false;
	return seq_eq(reply->seq, reply->flags & TCP_SYN ? tcb->snd.una : tcb->snd.nxt);
}

static enum every_reply reply_of(struct talk *t)
{
	char text[TALK_LINE_MAX];

	if (t->sent_cnt == 0)
		return EVERY_REPLY_NONE;
	const struct seg *reply = &t->sent[t->sent_head].seg;
	if (t->sent_cnt > 1)
		leat_talk_fail(t, "one reply at most", "%u", t->sent_cnt);
	leat_talk_seg_text(t, reply, text, sizeof(text));
	if (!numbers_fit(t, reply))
		leat_talk_fail(t, "the numbers of 3.10.7.1, or SND.NXT and RCV.NXT", "> %s", text);
	return class_of(reply);
}

static enum tcp_state state_now(struct talk *t)
{
	const struct tcb *tcb = leat_talk_tcb(t);

	if (tcb)
		return (enum tcp_state)tcb->state;
	return now.at->state == TCP_ST_LISTEN ? TCP_ST_LISTEN : TCP_ST_CLOSED;
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
	struct talk_seg seg = {.given = TALK_GIVEN_ACK};
	uint64_t before = verdict_sum(t);

	seg.seg.seq = seq_of(now.seg.seq);
	seg.seg.ack = seq_of(now.seg.ack);
	seg.seg.flags = now.seg.flags;
	seg.seg.text = (uint16_t)now.seg.text;
	seg.seg.wnd = WINDOW;
	snprintf(t->text, sizeof(t->text), "%s and reply %s", leat_tcp_state_name(now.want_state),
		leat_every_reply_name[now.want_reply]);
	leat_talk_arrive(t, &seg);
	leat_talk_input(t);
	now.outcome.verdict = (uint8_t)t->burst.tcp_verdict[0];
	leat_talk_settle(t);
	now.outcome.reply = (uint8_t)reply_of(t);
	now.outcome.state = (uint8_t)state_now(t);
	if (verdict_sum(t) != before + 1)
		leat_talk_fail(t, "one verdict", "another number");
	if (now.outcome.state != now.want_state || now.outcome.reply != now.want_reply)
		leat_talk_fail(t, NULL, "%s and reply %s (%s)",
			leat_tcp_state_name((enum tcp_state)now.outcome.state),
			leat_every_reply_name[now.outcome.reply], t->verdict);
	t->sent_cnt = 0;
}

static const char *name_of(const struct place *p, char *text)
{
	snprintf(text, TALK_LINE_MAX, "%s%s%s", leat_tcp_state_name(p->at.state),
		p->beside ? ", " : "", p->beside ? p->beside : "");
	return text;
}

static void print_case(const struct talk *t, const struct place *p, uint32_t seq, uint32_t ack)
{
	static const char letters[] = "FSRP.U";
	char text[TALK_LINE_MAX];

	printf("# %s, seq %s, ack %s, flags", name_of(p, text), leat_every_seq_name[seq],
		leat_every_ack_name[ack]);
	for (uint32_t b = 0; b < 6; b++) {
		if (now.seg.flags >> b & 1)
			printf(" %c", letters[b]);
	}
	printf("%s\n#   expected  %s\n#   got       %s\n",
		t->way.ip6       ? ", IPv6"
		: t->way.shifted ? ", wrap"
				 : "",
		t->expected, t->got);
}

static bool run_case(
	const struct talk_file *file, const struct place *p, uint32_t i, const struct talk_way *way)
{
	static struct talk_totals totals;
	static struct talk t;
	uint32_t seq = i / EVERY_FLAG_CNT / EVERY_ACK_CNT, flags = i % EVERY_FLAG_CNT;
	uint32_t ack = i / EVERY_FLAG_CNT % EVERY_ACK_CNT;

	memset(&t, 0, offsetof(struct talk, frame));
	t.frame_cnt = t.sent_head = t.sent_cnt = 0;
	t.file = file;
	t.way = *way;
	t.last = arrive;
	now.at = &p->at;
	now.seg.seq = seq_at(&p->at, seq);
	now.seg.ack = ack_at(&p->at, ack);
	now.seg.flags = flags_of(flags);
	now.seg.text = now.seg.flags & TCP_PSH ? TEXT : 0;
	leat_every_model(&p->at, &now.seg, &now.want_state, &now.want_reply);
	bool ok = leat_talk_play(&t, &totals);
	struct every_outcome *outcome = &tables[p - places].at[seq][ack][flags];
	if (way == ways)
		*outcome = now.outcome;
	if (!ok)
		print_case(&t, p, seq, ack);
	else if (outcome->verdict != now.outcome.verdict)
		printf("# verdict %s, over IPv4 %s\n",
			leat_tcp_verdict_name((enum tcp_verdict)now.outcome.verdict),
			leat_tcp_verdict_name((enum tcp_verdict)outcome->verdict));
	return ok && outcome->verdict == now.outcome.verdict;
}

/* run_place walks all cases at one place and returns how many were not as the model has them. */
static uint32_t run_place(const struct place *p)
{
	static struct talk_file file;
	uint32_t failed = 0;

	file = (struct talk_file){.path = "every"};
	for (; file.line_cnt < COUNT_OF(p->line) && p->line[file.line_cnt]; file.line_cnt++)
		snprintf(
			file.line[file.line_cnt].text, TALK_LINE_MAX, "%s", p->line[file.line_cnt]);
	for (size_t w = 0; w < COUNT_OF(ways); w++) {
		for (uint32_t i = 0; i < EVERY_SEQ_CNT * EVERY_ACK_CNT * EVERY_FLAG_CNT; i++)
			failed += !run_case(&file, p, i, &ways[w]);
	}
	return failed;
}

static void write_every(FILE *out)
{
	char text[TALK_LINE_MAX];

	leat_every_head(out);
	for (size_t i = 0; i < PLACE_CNT; i++) {
		fprintf(out, "\n%s\n", name_of(&places[i], text));
		leat_every_fold(out, &tables[i], places[i].at.state);
	}
}

static void write_matrix(FILE *out)
{
	const struct every_table *table[TCP_ST_CNT] = {0};

	for (size_t i = 0; i < PLACE_CNT; i++) {
		if (!places[i].beside)
			table[places[i].at.state] = &tables[i];
	}
	leat_every_matrix(out, table);
}

static bool same_file(FILE *a, FILE *b)
{
	char line_a[TALK_LINE_MAX], line_b[TALK_LINE_MAX];

	for (;;) {
		const char *got = fgets(line_a, sizeof(line_a), a);
		const char *want = fgets(line_b, sizeof(line_b), b);
		if (!got && !want)
			return true;
		if (got && want && strcmp(got, want) == 0)
			continue;
		printf("#   expected  %s#   got       %s", want ? want : "the end\n",
			got ? got : "the end\n");
		return false;
	}
}

/* golden writes the file, or compares what it would write with it. */
static bool golden(const char *dir, const char *name, void (*writes)(FILE *out), bool write)
{
	char path[4096];
	bool same = true;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, write ? "w" : "r"), *out = write ? file : tmpfile();
	if (!file || !out) {
		perror(path);
		return false;
	}
	writes(out);
	if (!write) {
		rewind(out);
		same = same_file(out, file);
		fclose(out);
	}
	fclose(file);
	return same;
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	uint32_t bad_cnt = 0;

	if (argc != 2 && !write) {
		fprintf(stderr, "usage: every [--write] DIR\n");
		return 2;
	}
	for (uint32_t i = 0; i < PLACE_CNT; i++) {
		char text[TALK_LINE_MAX];
		uint32_t failed = run_place(&places[i]);
		printf("%s %u - every segment in %s has the state and reply of RFC 9293 3.10.7\n",
			failed ? "not ok" : "ok", i + 1, name_of(&places[i], text));
		fflush(stdout);
		bad_cnt += failed != 0;
	}
	bool every = golden(argv[argc - 1], "every.txt", write_every, write);
	printf("%s %zu - what becomes of every segment is what golden/every.txt says\n",
		every ? "ok" : "not ok", PLACE_CNT + 1);
	bool matrix = golden(argv[argc - 1], "matrix.txt", write_matrix, write);
	printf("%s %zu - N050: states by segments by edges is what golden/matrix.txt "
	       "says\n1..%zu\n",
		matrix ? "ok" : "not ok", PLACE_CNT + 2, PLACE_CNT + 2);
	return bad_cnt || !every || !matrix;
}
