/* SPDX-License-Identifier: BSD-3-Clause */
#include "every.h"

#include "base_bits.h"
#include "tcp_verdict.h"

#include <string.h>

/* A table is folded by asking one question after the other, in the RFC's order: where SEG.SEQ is,
 * the flags that decide, where SEG.ACK is, the rest.  Answers after which everything is the same
 * share a row; a question whose answer does not matter is not asked there (a star). */

enum question {
	ASK_SEQ,
	ASK_RST,
	ASK_SYN,
	ASK_ACK,
	ASK_ACK_NO,
	ASK_FIN,
	ASK_PSH,
	ASK_URG,
	ASK_CNT
};

#define ANSWERS_MAX 6

static const uint8_t answer_cnt[ASK_CNT] = {EVERY_SEQ_CNT, 2, 2, 2, EVERY_ACK_CNT, 2, 2, 2};

const char *const leat_every_seq_name[] = {"left", "nxt-1", "nxt", "nxt+1", "edge-1", "edge"};
const char *const leat_every_ack_name[] = {"too-old", "una-1", "una", "una+1", "nxt", "nxt+1"};
const char *const leat_every_reply_name[] = {"-", "ACK", "RST", "SYN,ACK"};

struct fold {
	FILE *out;
	const struct every_table *table;
	enum tcp_state state;
	uint8_t set[ASK_CNT]; /* the answers of the row under way, as bits */
};

static const struct every_outcome *outcome(const struct every_table *t, const uint8_t *answer)
{
	uint32_t flags = 0, bit = 0;

	for (uint32_t q = ASK_RST; q < ASK_CNT; q++) {
		if (q != ASK_ACK_NO)
			flags |= (uint32_t)answer[q] << bit++;
	}
	return &t->at[answer[ASK_SEQ]][answer[ASK_ACK_NO]][flags];
}

/* next_answers counts the answers to the questions from first on up by one; false: all were. */
static bool next_answers(uint8_t *answer, uint32_t first)
{
	for (uint32_t q = first; q < ASK_CNT; q++) {
		if (++answer[q] < answer_cnt[q])
			return true;
		answer[q] = 0;
	}
	return false;
}

/* Does it make no difference at all whether question q is answered a or b? */
static bool same(const struct fold *f, const uint8_t *before, uint32_t q, uint8_t a, uint8_t b)
{
	uint8_t one[ASK_CNT] = {0}, other[ASK_CNT];

	memcpy(one, before, q);
	memcpy(other, one, sizeof(other));
	one[q] = a;
	other[q] = b;
	do {
		if (memcmp(outcome(f->table, one), outcome(f->table, other),
			    sizeof(struct every_outcome)) != 0)
			return false;
	} while (next_answers(one, q + 1) && next_answers(other, q + 1));
	return true;
}

static void print_set(char *text, const char *const *name, uint32_t cnt, uint8_t set)
{
	text[0] = '\0';
	if (set == (1U << cnt) - 1) {
		strcpy(text, "*");
		return;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		if (!(set >> i & 1))
			continue;
		if (text[0])
			strcat(text, " ");
		strcat(text, name[i]);
	}
}

static void print_row(const struct fold *f, const struct every_outcome *o)
{
	static const char letter[ASK_CNT] = {0, 'R', 'S', 'A', 0, 'F', 'T', 'U'};
	char seq[64], ack[64], flags[8];
	uint32_t n = 0;

	print_set(seq, leat_every_seq_name, EVERY_SEQ_CNT, f->set[ASK_SEQ]);
	print_set(ack, leat_every_ack_name, EVERY_ACK_CNT, f->set[ASK_ACK_NO]);
	for (uint32_t q = 0; q < ASK_CNT; q++) {
		if (letter[q])
			flags[n++] = (char)(f->set[q] == 3   ? '*'
					    : f->set[q] == 2 ? letter[q]
							     : '-');
	}
	flags[n] = '\0';
	fprintf(f->out, "%-30s %s  %-30s %-18s %-8s%s\n", seq, flags, ack,
		leat_tcp_verdict_name((enum tcp_verdict)o->verdict),
		leat_every_reply_name[o->reply],
		o->state == f->state ? "=" : leat_tcp_state_name((enum tcp_state)o->state));
}

static void fold_from(struct fold *f, uint8_t *answer, uint32_t q)
{
	uint8_t done = 0;

	if (q == ASK_CNT) {
		print_row(f, outcome(f->table, answer));
		return;
	}
	for (uint8_t a = 0; a < answer_cnt[q]; a++) {
		if (done >> a & 1)
			continue;
		f->set[q] = 0;
		for (uint8_t b = a; b < answer_cnt[q]; b++) {
			if (!(done >> b & 1) && same(f, answer, q, a, b))
				f->set[q] |= (uint8_t)(1U << b);
		}
		done |= f->set[q];
		answer[q] = a;
		fold_from(f, answer, q + 1);
	}
}

void leat_every_fold(FILE *out, const struct every_table *table, enum tcp_state state)
{
	struct fold f = {.out = out, .table = table, .state = state};
	uint8_t answer[ASK_CNT] = {0};

	fprintf(out, "%-30s %s  %-30s %-18s %-8s%s\n", "SEG.SEQ", "RSAFTU", "SEG.ACK", "verdict",
		"reply", "state");
	fold_from(&f, answer, 0);
}

void leat_every_head(FILE *out)
{
	fprintf(out,
		"Every segment in every state: where SEG.SEQ is (6), 64 combinations of flags,\n"
		"where SEG.ACK is (6), and what becomes of it (RFC 9293 3.10.7;\n"
		"docs/deviations.md).  2,304 cases a state, 25,344 in eleven, and two places more\n"
		"in ESTABLISHED; each over IPv4, over IPv6 and with numbers that wrap.\n\n"
		"SEG.SEQ  left: RCV.NXT-20   nxt: RCV.NXT   edge: RCV.NXT+RCV.WND\n"
		"flags    RST SYN ACK FIN, T: ten octets of text (with PSH), URG; a letter: set,\n"
		"         -: not set\n"
		"SEG.ACK  too-old: SND.UNA-MAX.SND.WND-1   una: SND.UNA   nxt: SND.NXT\n"
		"reply    what is sent at once   =: the state stays   *: any\n\n"
		"The verdicts, and where they are written:\n\n");
	for (uint32_t v = 0; v < TCP_V_CNT; v++)
		fprintf(out, "%-18s %-18s %s\n", leat_tcp_verdict_name((enum tcp_verdict)v),
			leat_tcp_verdict_where((enum tcp_verdict)v),
			leat_tcp_verdict_help((enum tcp_verdict)v));
}

/* The kinds of segment of the matrix: flags as bits RST SYN ACK FIN PSH. */
static const struct {
	const char *name;
	uint8_t flags;
} kinds[] = {{"SYN", 0x02}, {"SYN,ACK", 0x06}, {"SYN,FIN", 0x0a}, {"ACK", 0x04}, {"FIN", 0x08},
	{"FIN,ACK", 0x0c}, {"RST", 0x01}, {"RST,ACK", 0x05}, {"ten octets and ACK", 0x14}};

/* Places of SEG.SEQ and of SEG.ACK in the matrix, as indices of the names above. */
static const uint8_t edges[] = {0, 2, 4, 5};
static const uint8_t acks[] = {4, 5};

static void matrix_block(
	FILE *out, const struct every_table *const table[TCP_ST_CNT], uint32_t kind, uint8_t ack)
{
	static const char *const edge_name[] = {
		"left of window", "left edge", "right edge", "right of window"};
	bool has_ack = kinds[kind].flags & 0x04;

	fprintf(out, "\n%s%s\n%-14s", kinds[kind].name,
		!has_ack         ? ""
		: ack == acks[0] ? " of all that was sent"
				 : " of what was never sent",
		"");
	for (uint32_t i = 0; i < COUNT_OF(edges); i++)
		fprintf(out, "%-*s", i + 1 < COUNT_OF(edges) ? 22 : 0, edge_name[i]);
	fputc('\n', out);
	for (uint32_t st = TCP_ST_CLOSED; st < TCP_ST_CNT; st++) {
		fprintf(out, "%-14s", leat_tcp_state_name((enum tcp_state)st));
		for (uint32_t i = 0; i < COUNT_OF(edges); i++) {
			const struct every_outcome *o =
				&table[st]->at[edges[i]][ack][kinds[kind].flags];
			fprintf(out, "%-8s", leat_every_reply_name[o->reply]);
			fprintf(out, "%-*s", i + 1 < COUNT_OF(edges) ? 14 : 0,
				o->state == st ? "="
					       : leat_tcp_state_name((enum tcp_state)o->state));
		}
		fputc('\n', out);
	}
}

void leat_every_matrix(FILE *out, const struct every_table *const table[TCP_ST_CNT])
{
	fprintf(out,
		"Nine kinds of segment, those with an ACK twice, in eleven states at four places\n"
		"of the window: 616 cells, each over IPv4, over IPv6 and with sequence numbers\n"
		"that wrap.  A cell to hold beside RFC 9293; every.txt has all flags and "
		"places.\n\n"
		"rows     CLOSED 3.10.7.1   LISTEN 3.10.7.2   SYN-SENT 3.10.7.3   others 3.10.7.4\n"
		"columns  SEG.SEQ: left of window RCV.NXT-20   left edge RCV.NXT\n"
		"         right edge: the last octet in the window   right of window: the next\n"
		"ACK      of all that was sent: SND.NXT   of what was never sent: SND.NXT+1\n"
		"a cell   what is sent at once (-: nothing), and the state afterwards (=: it\n"
		"         stays).  A delayed ACK is not sent at once.\n"
		"checks   of 3.10.7.4: first SEG.SEQ; second RST (RFC 5961 3); fourth SYN\n"
		"         (RFC 5961 4); fifth ACK (RFC 5961 5); seventh text; eighth FIN.\n"
		"         Where we do otherwise: docs/deviations.md.\n");
	for (uint32_t kind = 0; kind < COUNT_OF(kinds); kind++) {
		matrix_block(out, table, kind, acks[0]);
		if (kinds[kind].flags & 0x04)
			matrix_block(out, table, kind, acks[1]);
	}
}
