/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TALK_H
#define LEAT_TALK_H

/* talk: plays one conversation, a .talk file, against one stack under a virtual clock.
 *
 * The script is the peer and the user.  One line is one thing that happens or must be so:
 *
 *	+.1  <  S. 300:300(0) ack 101 win 8192 <mss 1460>     a segment arrives
 *	+0   >  .  101:101(0) ack 301                         a segment must be sent, now
 *	+0   send 10                                          a call of the user
 *	+0   = ESTABLISHED                                    the state it must be in
 *
 * `+t` is seconds since the line before, `@t` since the start, nothing is `+0`.  What a `>` line
 * does not name is free; what is sent and no `>` line expects is a failure.  Sequence numbers are
 * those of the RFC's figures: our ISS is 99 and the peer's 299 unless an option says otherwise.
 * README.md beside this file lists the words.
 *
 * A script is played over IPv4, over IPv6 and with initial sequence numbers around the wrap; it
 * reads the same each time, because the player adds and subtracts the difference.
 *
 *	talk.c         the runner: files, plays, TAP, the arrows and verdicts of all of them
 *	every.c        every state, every flag, every place of a segment
 *	chance.c       conversations nobody wrote
 *	talk_line.c    reads words, numbers and times; the options at the head of a script
 *	talk_seg.c     the notation of a segment
 *	talk_play.c    one play: the clock, the lines in turn, the end
 *	talk_wire.c    frames to the stack and from it, and where each buffer is
 *	talk_user.c    the user's calls
 *	talk_check.c   what must hold after each line
 *
 * Memory     malloc; each frame has its own, so that a read beyond or too late is seen.
 * Errors     leat_talk_fail ends the play with the line, what was expected and what came. */

#include "leat.h"
#include "stack.h"
#include "twin.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define TALK_LINE_MAX  256  /* octets of one line */
#define TALK_LINES     128  /* lines of one script */
#define TALK_BUF_MAX   4096 /* frames that arrive in one play */
#define TALK_SENT_MAX  512  /* segments sent and not yet expected */
#define TALK_TEXT_MAX  (1 << 20)

#define TALK_OUR_PORT  80
#define TALK_PEER_PORT 2000
#define TALK_BACKLOG   16
#define TALK_TS_FIRST  1000 /* what our timestamps are at the start, as a script has them */

/* What the options of a script decide. */
struct talk_setup {
	struct stack_config config;
	uint32_t iss, irs;           /* ours and the peer's, as the script writes them */
	uint16_t peer_win, peer_mss; /* of the peer in `established`; mss 0: no option */
	uint16_t mtu;                /* for IPv4; IPv6 gets 20 more, so that the MSS is the same */
	bool only4, only6;
};

struct talk_file {
	const char *path;
	char name[TALK_LINE_MAX]; /* the first comment */
	uint32_t line_cnt;
	struct {
		uint32_t no;
		char text[TALK_LINE_MAX];
	} line[TALK_LINES];
};

/* One way to play a script. */
struct talk_way {
	bool ip6;
	bool shifted;
	uint32_t isn; /* with shifted: what ISS and IRS become */
};

/* A segment as a line of a script has it. */
struct talk_seg {
	struct seg seg;
	uint32_t given; /* enum talk_given */
	bool junk;      /* its text is not what the stream has there */
	bool ae;        /* with the flag before CWR, of AccECN (RFC 9768) */
};

enum talk_given {
	TALK_GIVEN_SEQ = 0x01,
	TALK_GIVEN_ACK = 0x02,
	TALK_GIVEN_WIN = 0x04,
	TALK_GIVEN_OPTS = 0x08,
	TALK_GIVEN_UP = 0x10,
	TALK_GIVEN_ECN = 0x20,
	TALK_GIVEN_DSCP = 0x40,
};

struct talk_sent {
	uint64_t at;
	struct seg seg;
};

/* What all plays together walked and reached. */
struct talk_totals {
	uint64_t arrow[TCP_ARROW_CNT];
	uint64_t verdict[TCP_V_CNT];
	uint64_t segments, fast; /* to a connection or none; of them, by the fast path */
};

struct talk {
	const struct talk_file *file;
	struct talk_way way;
	struct talk_setup setup;
	bool trace;
	bool spoil; /* a control block of the first play, which the comparison must find */
	struct twin *twin;
	uint32_t snd_shift, rcv_shift; /* wire = script + shift */
	uint32_t ts_shift;             /* of our timestamps, and the peer's echoes of them */
	struct ip our_ip, peer_ip;
	struct wire_link peer_link;

	struct leat_stack *stack;
	uint64_t start, now;
	uint32_t at_line;         /* index into file->line */
	char text[TALK_LINE_MAX]; /* the line being played */

	struct leat_conn conn, listener;
	uint32_t news;               /* enum leat_event_bit since the last `news` */
	const char *end;             /* how the last connection that ended did so */
	uint64_t ended[TCP_END_CNT]; /* the counters, as they were last seen */
	const char *verdict;         /* of the last segment that arrived */

	bool in_burst;
	struct stack_burst burst;
	uint8_t *frame[TALK_BUF_MAX]; /* the handle of a buffer points here; NULL: it is home */
	uint32_t frame_cnt;
	struct talk_sent sent[TALK_SENT_MAX];
	uint32_t sent_head, sent_cnt;

	void (*last)(struct talk *t); /* NULL, or what to do after the last line */
	bool unscripted; /* nobody knows what must be sent and returned: only the checks count */
	sigjmp_buf failed;
	char expected[TALK_LINE_MAX], got[TALK_LINE_MAX];
};

/* A place in a line that is being read. */
struct talk_scan {
	const char *at;
};

/* talk_line.c */

/* leat_talk_load reads a script; false (with a line on stderr) when it cannot. */
bool leat_talk_load(const char *path, struct talk_file *file);

/* The scan functions skip blanks, then take what they name when it is there. */
bool leat_talk_take(struct talk_scan *s, const char *word);
bool leat_talk_take_char(struct talk_scan *s, char c);
bool leat_talk_take_number(struct talk_scan *s, uint64_t *number);
bool leat_talk_take_ns(struct talk_scan *s, uint64_t *ns); /* seconds, with a fraction */
bool leat_talk_take_name(struct talk_scan *s, char *name, size_t size);
bool leat_talk_at_end(struct talk_scan *s);

/* leat_talk_options fills t->setup from the lines at the head; the rest begins at t->at_line. */
void leat_talk_options(struct talk *t);

/* talk_seg.c */

/* leat_talk_seg_read reads flags, numbers and options, as they stand in the script. */
void leat_talk_seg_read(struct talk *t, struct talk_scan *s, struct talk_seg *seg);

/* leat_talk_seg_fits says whether seg, as it was sent, is what the line wants. */
bool leat_talk_seg_fits(const struct talk *t, const struct talk_seg *want, const struct seg *seg);

/* leat_talk_seg_shift turns seg, written by the peer, into what it is on the wire. */
void leat_talk_seg_shift(const struct talk *t, struct seg *seg);

/* leat_talk_seg_text writes a segment that we sent in the script's numbers. */
void leat_talk_seg_text(const struct talk *t, const struct seg *seg, char *text, size_t size);

/* The octet that either stream has at sequence number q of the script. */
uint8_t leat_talk_octet(uint32_t q);

/* talk_wire.c */

/* leat_talk_arrive adds seg to the burst; leat_talk_input gives the burst to the stack. */
void leat_talk_arrive(struct talk *t, const struct talk_seg *seg);
void leat_talk_input(struct talk *t);

/* leat_talk_arrive_icmp adds an ICMP error about a segment of ours. */
void leat_talk_arrive_icmp(struct talk *t, const struct icmp_error *error);

/* leat_talk_collect takes what the stack sends and gives back, and what it tells. */
void leat_talk_collect(struct talk *t);

/* talk_user.c */

/* leat_talk_call plays a line that is a user's call; false when it is none. */
bool leat_talk_call(struct talk *t, struct talk_scan *s);
void leat_talk_events(struct talk *t);

/* talk_check.c */

/* leat_talk_check asserts all that must hold between two lines. */
void leat_talk_check(struct talk *t);

/* leat_talk_take_home takes the buffers that the stack is finished with. */
void leat_talk_take_home(struct talk *t);

/* leat_talk_check_home asserts that nothing is left when all is over. */
void leat_talk_check_home(struct talk *t);

/* leat_talk_tcb is the record of the connection, NULL when there is none. */
struct tcb *leat_talk_tcb(struct talk *t);
struct tcb *leat_talk_listener(struct talk *t);
const char *leat_talk_end_name(uint8_t end);

/* talk_play.c */

/* leat_talk_play plays file one way, with the fast path and without, and both plays must be equal
 * (twin.h); false: it failed, and t says where and how. */
bool leat_talk_play(struct talk *t, struct talk_totals *totals);
void leat_talk_line(struct talk *t, const char *line);

/* leat_talk_go_to lets time pass, and stops at each timer on the way. */
void leat_talk_go_to(struct talk *t, uint64_t at);

/* leat_talk_settle takes what the stack sends, gives and tells, and checks what must hold. */
void leat_talk_settle(struct talk *t);

__attribute__((format(printf, 3, 4))) _Noreturn void leat_talk_fail(
	struct talk *t, const char *expected, const char *got, ...);

#endif
