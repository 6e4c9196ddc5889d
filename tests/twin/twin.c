/* SPDX-License-Identifier: BSD-3-Clause */
#include "twin.h"

#include "base_bits.h"
#include "tcp_sendq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 64 /* handles of connections that are over: more than any test holds */

/* A look is a row of blocks, each of one kind, with the number of what it shows. */
enum kind {
	KIND_FRAME,
	KIND_TCB,
	KIND_SIDE,
	KIND_EXT,
	KIND_SREC,
	KIND_RBUF,
	KIND_TIMER,
	KIND_COUNTER,
	KIND_END,
};

struct block {
	uint32_t kind, idx, octets;
};

/* What of a record of text both runs have alike: not where the buffer is. */
struct text {
	uint32_t seq, text, stamp;
};

/* As struct tcp_srec has it, without its padding. */
struct sent {
	uint64_t at;
	uint32_t seq, end, older, newer, flags, cnt;
};

struct deadlines {
	uint64_t wheel, ring;
};

#define FIELD(kind, type, name)                                                                    \
	{                                                                                          \
		kind, #name, offsetof(struct type, name), sizeof(((struct type *)0)->name)         \
	}
#define F_TCB(name)  FIELD(KIND_TCB, tcb, name)
#define F_SIDE(name) FIELD(KIND_SIDE, tcp_side, name)
#define F_EXT(name)  FIELD(KIND_EXT, tcp_ext, name)
#define F_SREC(name) FIELD(KIND_SREC, sent, name)
#define F_RBUF(name) FIELD(KIND_RBUF, text, name)

static const struct field {
	enum kind kind;
	const char *name;
	size_t offset, octets;
} fields[] = {
	F_TCB(ends_all),
	F_TCB(snd.una),
	F_TCB(snd.nxt),
	F_TCB(snd.rtx),
	F_TCB(snd.end),
	F_TCB(snd.wl1),
	F_TCB(snd.wnd),
	F_TCB(snd.wnd_max),
	F_TCB(rcv.nxt),
	F_TCB(rcv.edge),
	F_TCB(rcv.irs),
	F_TCB(rcv.unread),
	F_TCB(cwnd),
	F_TCB(ssthresh),
	F_TCB(ts_recent),
	F_TCB(ts_recent_s),
	F_TCB(ts_offset),
	F_TCB(last_ack),
	F_TCB(flags),
	F_TCB(snd_mss),
	F_TCB(state),
	F_TCB(dup_acks),
	F_TCB(backoff),
	F_TCB(ack_owed),
	F_TCB(agreed),
	F_TCB(snd_scale),
	F_TCB(rcv_scale),
	F_TCB(tos),
	F_TCB(una_offset),
	F_TCB(rtx_at),
	F_TCB(delack_at),
	F_TCB(rtx_since),
	F_TCB(rtt_at),
	F_TCB(opened_at),
	F_TCB(challenged_ms),
	F_TCB(opts),
	F_TCB(quick),
	F_TCB(srtt_us),
	F_TCB(rttvar_us),
	F_TCB(rtt_seq),
	F_TCB(recover),
	F_TCB(rcv_fin),
	F_TCB(idx),
	F_TCB(gen),
	F_TCB(rcv_head),
	F_TCB(ooo_head),
	F_TCB(out_next),
	F_TCB(news_next),
	F_TCB(side),
	F_TCB(rtx_cnt),
	F_TCB(rbuf_cnt),
	F_TCB(news),
	F_TCB(dsack_octets),
	F_TCB(rtx_kind),
	F_TCB(tries),
	F_SIDE(heard_at),
	F_SIDE(rcv_up),
	F_SIDE(snd_up),
	F_SIDE(r2_ms),
	F_SIDE(ecn_high),
	F_SIDE(pmtu),
	F_SIDE(soft_cnt),
	F_SIDE(soft_why),
	F_SIDE(keep_cnt),
	F_EXT(head),
	F_EXT(tail),
	F_EXT(oldest),
	F_EXT(newest),
	F_EXT(lost),
	F_EXT(sacked_octets),
	F_EXT(lost_octets),
	F_EXT(srec_cnt),
	F_EXT(rto_from),
	F_EXT(rack_sent_at),
	F_EXT(rack_end),
	F_EXT(rack_rtt_us),
	F_EXT(min_rtt_us),
	F_EXT(flags),
	F_EXT(reo_mult),
	F_EXT(reo_persist),
	F_EXT(fack),
	F_EXT(dsack_round),
	F_EXT(tlp_end),
	F_EXT(undo_from),
	F_EXT(undo_cwnd),
	F_EXT(undo_ssthresh),
	F_EXT(undo_octets),
	F_EXT(w_max),
	F_EXT(cwnd_prior),
	F_EXT(rtt_seq),
	F_EXT(u),
	F_SREC(at),
	F_SREC(seq),
	F_SREC(end),
	F_SREC(older),
	F_SREC(newer),
	F_SREC(flags),
	F_SREC(cnt),
	F_RBUF(seq),
	F_RBUF(text),
	F_RBUF(stamp),
	FIELD(KIND_TIMER, deadlines, wheel),
	FIELD(KIND_TIMER, deadlines, ring),
};

static const char *const kind_name[] = {
	[KIND_FRAME] = "frame",
	[KIND_TCB] = "record",
	[KIND_SIDE] = "side of record",
	[KIND_EXT] = "ext of record",
	[KIND_SREC] = "sent text of record",
	[KIND_RBUF] = "received text of record",
	[KIND_TIMER] = "deadlines of record",
	[KIND_COUNTER] = "counters of place",
	[KIND_END] = "end",
};

/* ---- what a look is made of ---- */

static void add_room(struct twin_look *look, size_t octets)
{
	if (look->cnt + octets <= look->max)
		return;
	look->max = 2 * (look->cnt + (uint32_t)octets) + 4096;
	look->octets = realloc(look->octets, look->max);
	ASSERT(look->octets != NULL);
}

static inline void add(struct twin_look *look, const void *from, size_t octets)
{
	add_room(look, octets);
	memcpy(look->octets + look->cnt, from, octets);
	look->cnt += (uint32_t)octets;
}

static inline void add_block(
	struct twin_look *look, enum kind kind, uint32_t idx, const void *from, size_t octets)
{
	const struct block head = {kind, idx, (uint32_t)octets};

	add(look, &head, sizeof(head));
	add(look, from, octets);
}

static void add_texts(
	struct twin_look *look, const struct tcp_engine *e, const struct tcb *tcb, uint32_t idx)
{
	for (; idx != TCP_NONE; idx = e->rbuf[idx].next) {
		const struct tcp_rbuf *r = &e->rbuf[idx];
		const struct text text = {r->seq.v, r->text, r->stamp};

		add_block(look, KIND_RBUF, tcb->idx, &text, sizeof(text));
	}
}

static void add_sent(struct twin_look *look, const struct tcp_engine *e, const struct tcb *tcb)
{
	const struct tcp_ext *ext = &e->ext[tcb->ext];

	add_block(look, KIND_EXT, tcb->idx, ext, sizeof(*ext));
	for (uint32_t i = ext->head; i != TCP_NONE; i = e->srec[i].next) {
		const struct tcp_srec *r = &e->srec[i];
		bool timed = r->flags == 0; /* else older and newer are of no time */
		const struct sent sent = {r->sent_at, r->seq.v, r->end.v, timed ? r->older : 0,
			timed ? r->newer : 0, r->flags, r->sent_cnt};

		add_block(look, KIND_SREC, tcb->idx, &sent, sizeof(sent));
	}
}

static void add_tcb(struct twin_look *look, const struct tcp_engine *e, const struct tcb *tcb)
{
	const struct deadlines at = {
		leat_timer_wheel_deadline(e->wheel, tcb->idx), leat_tcp_ring_deadline(e, tcb)};

	struct tcb t = *tcb;

	t.wheel = (struct timer_entry){.at = 0}; /* where it waits is no matter */
	add_block(look, KIND_TCB, tcb->idx, &t, sizeof(t));
	add_block(look, KIND_TIMER, tcb->idx, &at, sizeof(at));
	if (tcb->opts & TCP_O_SIDE)
		add_block(look, KIND_SIDE, tcb->idx, &e->side[tcb->side], sizeof(*e->side));
	if (tcb->opts & TCP_O_EXT)
		add_sent(look, e, tcb);
	add_texts(look, e, tcb, tcb->rcv_head);
	add_texts(look, e, tcb, tcb->ooo_head);
}

/* ---- what differs, in words ---- */

static uint64_t value_of(const uint8_t *from, size_t octets)
{
	uint64_t v = 0;

	memcpy(&v, from, octets < sizeof(v) ? octets : sizeof(v));
	return v;
}

/* The field that the octet at a difference belongs to, or that octet itself. */
static struct field field_at(uint32_t kind, size_t offset)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];

		if (f->kind == kind && f->offset <= offset && offset < f->offset + f->octets)
			return *f;
	}
	if (kind == KIND_COUNTER)
		return (struct field){KIND_COUNTER, "counter", offset / 8 * 8, 8};
	return (struct field){(enum kind)kind, "octet", offset, 1};
}

static void say_where(struct twin *t, const struct block *b, const uint8_t *with,
	const uint8_t *without, size_t offset)
{
	struct field f = field_at(b->kind, offset);

	snprintf(t->why, sizeof(t->why),
		"after frame %u, %s %u: %s (at %zu) is %" PRIu64 " with %s, %" PRIu64 " without",
		t->frame_cnt, kind_name[b->kind], b->idx, f.name, f.offset,
		value_of(with + f.offset, f.octets), leat_twin_name(t),
		value_of(without + f.offset, f.octets));
}

/* Block by block; the two looks are known not to be the same. */
static void explain(struct twin *t, const struct twin_look *with, const struct twin_look *without)
{
	for (uint32_t at = 0; at < with->cnt && at < without->cnt;) {
		struct block a, b;

		memcpy(&a, with->octets + at, sizeof(a));
		memcpy(&b, without->octets + at, sizeof(b));
		if (memcmp(&a, &b, sizeof(a)) != 0) {
			snprintf(t->why, sizeof(t->why),
				"after frame %u: %s %u (%u octets) with %s, %s %u (%u octets) "
				"without",
				t->frame_cnt, kind_name[a.kind], a.idx, a.octets, leat_twin_name(t),
				kind_name[b.kind], b.idx, b.octets);
			return;
		}
		at += (uint32_t)sizeof(a);
		for (uint32_t i = 0; i < a.octets; i++) {
			if (with->octets[at + i] == without->octets[at + i])
				continue;
			say_where(t, &a, with->octets + at, without->octets + at, i);
			return;
		}
		at += a.octets;
	}
	snprintf(t->why, sizeof(t->why), "after frame %u: one has more than the other",
		t->frame_cnt);
}

/* ---- the looks ---- */

#define MIX UINT64_C(0x9fb21c651e98df25)

/* In four lanes, which a processor has in hand at the same time. */
static uint64_t digest(const struct twin_look *look)
{
	uint64_t lane[4] = {1, 2, 3, 4}, word[4];
	uint32_t at = 0;

	for (; at + sizeof(word) <= look->cnt; at += (uint32_t)sizeof(word)) {
		memcpy(word, look->octets + at, sizeof(word));
		for (uint32_t i = 0; i < 4; i++)
			lane[i] = rotl64((lane[i] ^ word[i]) * MIX, 29);
	}
	memset(word, 0, sizeof(word));
	memcpy(word, look->octets + at, look->cnt - at);
	uint64_t all = look->cnt;

	for (uint32_t i = 0; i < 4; i++)
		all = rotl64((all ^ lane[i] ^ word[i]) * MIX, 29);
	return all;
}

static void note(struct twin *t)
{
	if (t->noted_cnt == t->noted_max) {
		t->noted_max = 2 * t->noted_max + 64;
		t->noted = realloc(t->noted, t->noted_max * sizeof(*t->noted));
		ASSERT(t->noted != NULL);
	}
	t->noted[t->noted_cnt++] = digest(&t->now);
}

/* The look at hand is complete. */
static bool looked(struct twin *t)
{
	uint32_t at = t->at++;

	if (t->part == TWIN_BEGIN)
		note(t);
	if (t->part == TWIN_WHERE && at == t->wrong_at)
		explain(t, &t->now, &t->wrong);
	if (t->part != TWIN_AGAIN || (at < t->noted_cnt && t->noted[at] == digest(&t->now)))
		return true;
	t->differs = true;
	t->wrong_at = at;
	t->wrong.cnt = 0;
	add(&t->wrong, t->now.octets, t->now.cnt);
	snprintf(t->why, sizeof(t->why), "after frame %u", t->frame_cnt);
	return false;
}

/* Is there anything to look at?  Behind a difference there is not. */
static bool looks(struct twin *t)
{
	t->now.cnt = 0;
	return t->part != TWIN_OFF && !(t->part == TWIN_AGAIN && t->differs);
}

bool leat_twin_frame(struct twin *t, uint32_t place, const uint8_t *octets, uint32_t cnt)
{
	if (!looks(t))
		return true;
	t->frame_cnt++;
	add_block(&t->now, KIND_FRAME, place, octets, cnt);
	return looked(t);
}

static void spoil(struct twin *t, struct tcb *tcb)
{
	if (!t->spoil || t->spoilt || t->part == TWIN_AGAIN || tcb->state != TCP_ST_ESTABLISHED)
		return;
	tcb->cwnd++;
	t->spoilt = true;
}

/* ---- with the oracle ---- */

/* Of a connection in TIME-WAIT what a record may be asked for. */
static struct tcb waiting(const struct tcb *tcb)
{
	struct tcb t;

	memset(&t, 0, sizeof(t));
	t.ends_all = tcb->ends_all;
	t.snd.una = tcb->snd.una;
	t.snd.nxt = tcb->snd.nxt;
	t.rcv.nxt = tcb->rcv.nxt;
	t.rcv.edge = tcb->rcv.edge;
	t.rcv_fin = tcb->rcv_fin;
	t.rcv.unread = tcb->rcv.unread;
	t.rbuf_cnt = tcb->rbuf_cnt;
	t.ts_recent = tcb->agreed & TCP_OPT_TS ? tcb->ts_recent : 0;
	t.last_ack = tcb->last_ack;
	t.state = tcb->state;
	t.agreed = tcb->agreed & (TCP_OPT_TS | TCP_OPT_WS | TCP_AGREED_ECN);
	t.rcv_scale = tcb->rcv_scale;
	t.opts = tcb->opts & (TCP_O_ECE | TCP_O_RST_ENDS);
	t.tos = tcb->tos;
	t.rtx_at = tcb->rtx_at;
	t.delack_at = tcb->delack_at;
	return t;
}

/* A control block without the numbers that each run gives anew. */
static struct tcb nameless(const struct tcb *tcb)
{
	struct tcb t = *tcb;

	t.idx = t.gen = t.out_next = t.news_next = 0;
	if (t.opts & TCP_O_RING)
		t.ring.next = t.ring.prev = 0;
	t.rcv_head = t.ooo_head = t.side = 0;
	t.wheel = (struct timer_entry){.at = 0};
	if (t.opts & TCP_O_EXT)
		t.ext = 0;
	return t;
}

struct seen {
	struct tuple tuple;
	struct tcb tcb;
	struct deadlines at;
};

static int by_tuple(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen));
}

static void see(struct twin *t, struct seen *s, const struct tcp_engine *e, const struct tcb *tcb)
{
	memset(s, 0, sizeof(*s));
	leat_tcp_tuple(e, tcb, &s->tuple);
	s->tcb = tcb->state == TCP_ST_TIME_WAIT ? waiting(tcb) : nameless(tcb);
	s->at.wheel = leat_timer_wheel_deadline(e->wheel, tcb->idx);
	s->at.ring = leat_tcp_ring_deadline(e, tcb);
	(void)t;
}

static void add_by_tuple(struct twin *t, struct tcp_engine *e)
{
	uint32_t max = e->limits.tcb_max + leat_tcp_tw_cnt(e), cnt = 0, name;
	uint32_t look = UINT32_MAX, unit = 0;
	struct seen *seen = calloc(max + 1, sizeof(*seen));

	ASSERT(seen != NULL);
	for (uint32_t i = 0; i < e->limits.tcb_max; i++)
		if (e->tcb[i].state > TCP_ST_CLOSED)
			see(t, &seen[cnt++], e, &e->tcb[i]);
	while (leat_tcp_tw_scan(e, &unit, &look, &name))
		see(t, &seen[cnt++], e, leat_tcp_tw_look(e, name, 0));
	qsort(seen, cnt, sizeof(*seen), by_tuple);
	for (uint32_t i = 0; i < cnt; i++) {
		add_block(&t->now, KIND_TCB, i, &seen[i].tcb, sizeof(seen[i].tcb));
		add_block(&t->now, KIND_TIMER, i, &seen[i].at, sizeof(seen[i].at));
	}
	free(seen);
}

static bool engine_by_tuple(struct twin *t, uint32_t place, struct tcp_engine *e)
{
	struct tcp_counters cnt = e->cnt;

	add_by_tuple(t, e);
	cnt.time_wait_moved = cnt.time_wait_stayed = cnt.time_wait_put_off =
		cnt.time_wait_unanswered = 0;
	cnt.present[TCP_ST_NONE] = cnt.side_held = 0; /* a record has neither */
	add_block(&t->now, KIND_COUNTER, place, &cnt, sizeof(cnt));
	return looked(t);
}

bool leat_twin_engine(struct twin *t, uint32_t place, struct tcp_engine *e)
{
	uint64_t fast = e->cnt.fast;
	uint32_t look = UINT32_MAX, unit = 0, name;

	if (!looks(t))
		return true;
	if (t->oracle)
		return engine_by_tuple(t, place, e);
	while (leat_tcp_tw_scan(e, &unit, &look, &name))
		add_tcb(&t->now, e, leat_tcp_tw_look(e, name, 0));
	for (uint32_t i = 0; i < e->limits.tcb_max; i++) {
		if (e->tcb[i].state == TCP_ST_NONE)
			continue;
		spoil(t, &e->tcb[i]);
		add_tcb(&t->now, e, &e->tcb[i]);
	}
	e->cnt.fast = 0;
	add_block(&t->now, KIND_COUNTER, place, &e->cnt, sizeof(e->cnt));
	e->cnt.fast = fast;
	return looked(t);
}

bool leat_twin_end(struct twin *t)
{
	if (!looks(t))
		return !t->differs;
	add_block(&t->now, KIND_END, 0, "", 0);
	return looked(t);
}

/* ---- the runs ---- */

static void start(struct twin *t, enum twin_part part)
{
	t->part = part;
	t->at = t->frame_cnt = 0;
	t->spoilt = false;
}

void leat_twin_knobs(const struct twin *t, struct tcp_knobs *knobs)
{
	bool without = t->part == TWIN_AGAIN;

	knobs->fast_path = t->oracle || !without;
	knobs->time_wait_compact = !t->oracle || !without;
}

void leat_twin_limits(const struct twin *t, struct tcp_limits *limits)
{
	if (!t->oracle)
		return;
	if (limits->time_wait_max == 0)
		limits->time_wait_max = limits->tcb_max;
	limits->tcb_max += limits->time_wait_max + HELD_MAX;
}

const char *leat_twin_name(const struct twin *t)
{
	return t->oracle ? "records of TIME-WAIT" : "the fast path";
}

void leat_twin_begin(struct twin *t)
{
	t->noted_cnt = 0;
	t->differs = false;
	start(t, TWIN_BEGIN);
}

void leat_twin_again(struct twin *t)
{
	start(t, TWIN_AGAIN);
}

void leat_twin_where(struct twin *t)
{
	DCHECK(t->differs);
	start(t, TWIN_WHERE);
}
