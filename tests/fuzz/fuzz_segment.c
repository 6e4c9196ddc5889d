/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "base_time.h"
#include "every.h"
#include "fuzz_twin.h"
#include "reach.h"
#include "tcp_user.h"

/* F4: one connection of one engine, brought to any of the eleven states in a legal way, and then
 * segments whose numbers stand beside the live ones, calls of the user and timers among them.
 *
 * Where the connection's books are plain, the model of every_model.c says what each segment must
 * do; always hold the laws of check_moved below, and leat_tcp_tcb_check. */

#define TCB_MAX   4
#define RBUF_MAX  16
#define SREC_MAX  32
#define STEPS_MAX 24
#define EMIT_MAX  256 /* segments after one event; more would never end */
#define TEXT_MAX  1460

struct bench {
	struct fuzz_in in;
	struct tcp_engine *e;
	struct tcp_knobs knobs;
	struct tuple tuple;
	struct tcb *tcb; /* NULL: CLOSED */
	uint64_t now;
	uint32_t buf_cnt; /* buffers the engine has */
	struct seq irs;   /* of the SYN of the peer that counted */
	uint64_t read;    /* octets the user has read */
	struct seq edge;  /* the right edge that we last told the peer */
	bool told;        /* edge is valid */
	bool plain;       /* no option that the model does not know */
	bool ts;          /* the peer offered timestamps, so it sends them */
	uint32_t ts_val, ts_ecr;
	bool has_text;      /* what was last emitted carried text or FIN */
	uint32_t emit_cnt;  /* since the last event */
	uint8_t emit_flags; /* of the last one */
	struct tcp_io io;
};

/* The peer's stream: the octet at its sequence number q. */
static uint8_t octet(uint32_t q)
{
	return (uint8_t)(q ^ q >> 8 ^ q >> 16 ^ q >> 24);
}

/* A segment as the wire has it, and where its text is. */
static void show(const struct tcp_emit *m)
{
	uint8_t frame[TCP_HDR_OCTETS + TCP_OPT_OCTETS_MAX + sizeof(m->offset)];
	uint32_t octets = leat_wire_seg_put(frame, m->ends.lport, m->ends.rport, &m->seg);

	memcpy(frame + octets, &m->offset, sizeof(m->offset));
	leat_twin_frame(&fuzz_twin, m->seg.text, frame, octets + (uint32_t)sizeof(m->offset));
}

static void take_emits(struct bench *b)
{
	for (uint32_t i = 0; i < b->io.emit_cnt; i++) {
		const struct seg *seg = &b->io.emit[i].seg;

		ASSERT(++b->emit_cnt <= EMIT_MAX);
		show(&b->io.emit[i]);
		b->emit_flags = seg->flags;
		if (seg->opts & TCP_OPT_TS)
			b->ts_ecr = seg->ts_val;
		b->has_text = seg->text > 0 || seg->flags & TCP_FIN;
		if (seg->flags & TCP_RST || !b->tcb || b->io.emit[i].tcb_idx != b->tcb->idx)
			continue;
		ASSERT(seg->text <= TEXT_MAX);
		ASSERT(!(seg->flags & TCP_ACK) || seq_leq(seg->ack, b->tcb->rcv.nxt));
		if (!b->plain || !(seg->flags & TCP_ACK))
			continue;
		struct seq edge = seq_add(seg->ack, seg->wnd);
		ASSERT(!b->told || seq_geq(edge, b->edge)); /* SHLD-14 */
		b->edge = edge;
		b->told = true;
	}
	b->io.emit_cnt = b->io.rest_cnt = 0;
}

static void take_gives(struct bench *b)
{
	for (uint32_t i = 0; i < b->io.give_cnt; i++) {
		ASSERT(b->buf_cnt > 0);
		free(b->io.give[i]);
		b->buf_cnt--;
	}
	b->io.give_cnt = 0;
}

/* After each call: who was born is the connection now, who is gone is CLOSED. */
static void take_lists(struct bench *b)
{
	bool full;

	if (b->io.born != TCP_NONE) {
		b->tcb = leat_tcp_tcb(b->e, b->io.born);
		b->told = false;
		b->io.born = TCP_NONE;
	}
	do {
		leat_tcp_output(b->e, b->now, &b->io);
		full = b->io.emit_cnt == TCP_IO_EMIT_MAX;
		take_emits(b);
	} while (full);
	do {
		leat_tcp_give(b->e, &b->io);
		full = b->io.give_cnt == TCP_IO_GIVE_MAX;
		take_gives(b);
	} while (full);
	b->io.gone_cnt = 0;
	leat_tcp_news(b->e, &b->io);
	b->io.news_cnt = 0;
	for (uint32_t i = 0; i < TCB_MAX; i++)
		leat_tcp_tcb_check(b->e, leat_tcp_tcb(b->e, i));
	leat_twin_engine(&fuzz_twin, 0, b->e);
}

static void event(struct bench *b)
{
	b->emit_cnt = 0;
	b->has_text = false;
	b->emit_flags = 0;
}

/* The record in which segments of the tuple land: the connection, else a listener. */
static struct tcb *find(struct bench *b)
{
	if (b->tcb && b->tcb->state != TCP_ST_CLOSED)
		return b->tcb;
	for (uint32_t i = 0; i < TCB_MAX; i++) {
		if (leat_tcp_tcb(b->e, i)->state == TCP_ST_LISTEN)
			return leat_tcp_tcb(b->e, i);
	}
	return b->tcb;
}

static enum tcp_verdict arrive(struct bench *b, struct seg seg)
{
	uint8_t *data = fuzz_copy(NULL, 0);

	if (seg.text > 0) {
		uint32_t first = seg.seq.v + !!(seg.flags & TCP_SYN);
		data = realloc(data, seg.text);
		ASSERT(data != NULL);
		for (uint32_t i = 0; i < seg.text; i++)
			data[i] = octet(first + i);
	}
	seg.len = (uint32_t)seg.text + !!(seg.flags & TCP_SYN) + !!(seg.flags & TCP_FIN);
	seg.data = data;
	seg.buf = data;
	b->buf_cnt++;
	event(b);
	struct tcb *tcb = find(b);
	bool opens = tcb && tcp_in(tcb->state, TCP_SET(LISTEN) | TCP_SET(SYN_SENT));
	enum tcp_verdict v = leat_tcp_segment_arrives(b->e, tcb, &b->tuple, &seg, b->now, &b->io);
	ASSERT(v < TCP_V_CNT);
	if (opens && (v == TCP_V_SYN_NEW || v == TCP_V_SYN_ANSWERED)) {
		b->irs = seg.seq;
		b->read = 0;
	}
	take_lists(b);
	return v;
}

static void add_ts(struct bench *b, struct seg *seg)
{
	if (!b->ts)
		return;
	seg->opts |= TCP_OPT_TS;
	seg->ts_val = b->ts_val++;
	seg->ts_ecr = b->ts_ecr;
}

static void arrive_plain(struct bench *b, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct seg seg = {.seq = seq_of(seq), .ack = seq_of(ack), .flags = flags, .wnd = 8192};

	if (flags & TCP_SYN && !b->plain) {
		uint8_t opts = fuzz_u8(&b->in);
		seg.opts = opts & (TCP_OPT_MSS | TCP_OPT_WS | TCP_OPT_SACK_OK | TCP_OPT_TS);
		seg.wscale = opts >> 5;
		seg.mss = 536;
		b->ts = seg.opts & TCP_OPT_TS;
	}
	add_ts(b, &seg);
	arrive(b, seg);
}

static void read_text(struct bench *b, uint32_t most)
{
	const uint8_t *data;
	uint32_t octets;

	while (b->tcb && most > 0 && (octets = leat_tcp_peek(b->e, b->tcb, &data)) > 0) {
		octets = u32_min(octets, most);
		for (uint32_t i = 0; i < octets; i++)
			ASSERT(data[i] == octet((uint32_t)(b->irs.v + 1 + b->read + i)));
		leat_tcp_receive(b->e, b->tcb, octets);
		b->read += octets;
		most -= octets;
	}
	take_lists(b);
}

static void set_up(struct bench *b)
{
	static const struct wire_link link = {
		.local_cnt = 1, .local = {{{UINT64_C(0xfd00) << 48, 1}, 64}}};
	const struct tcp_limits limits = {.tcb_max = TCB_MAX,
		.time_wait_wide = true,
		.rbuf_max = RBUF_MAX,
		.ext_max = 2,
		.srec_max = SREC_MAX};
	uint8_t how = fuzz_u8(&b->in);

	leat_tcp_knobs_default(&b->knobs);
	leat_twin_knobs(&fuzz_twin, &b->knobs);
	b->knobs.reply_interval_ns = how & 1 ? 0 : b->knobs.reply_interval_ns;
	b->knobs.rcv_buf_octets = how & 2 ? 3000 : 65535;
	b->knobs.ack_every = how & 4 ? 255 : 2;
	b->knobs.rcv_seg_max = how & 8 ? 2 : 64;
	b->knobs.rst_ends_time_wait = (how & 0x30) == 0x30;
	b->plain = !(how & 0x40);
	b->now = 1000 * TIME_S;
	b->ts_val = 1000;
	b->io.born = TCP_NONE;
	b->tuple = (struct tuple){ip_from4(0x0a000001), ip_from4(0x0a000002), 80, 2000, 0};
	if (how & 0x80)
		b->tuple.local = b->tuple.remote = link.local[0].ip;
	b->e = leat_tcp_new(fuzz_mem(leat_tcp_footprint(&limits)), &limits, &b->knobs,
		(struct hash_key){1, 2}, b->now);
	leat_tcp_link(b->e, &link);
}

/* The handshake, from either side. */
static void open_connection(struct bench *b, uint32_t iss, uint32_t irs, bool passive)
{
	struct tuple any = {.local = b->tuple.local, .lport = b->tuple.lport};

	leat_tcp_iss_force(b->e, iss);
	if (passive) {
		ASSERT(leat_tcp_open_passive(b->e, &any, b->now) != NULL);
		arrive_plain(b, TCP_SYN, irs, 0);
		arrive_plain(b, TCP_ACK, irs + 1, iss + 1);
	} else {
		b->tcb = leat_tcp_open_active(b->e, &b->tuple, b->now);
		take_lists(b);
		arrive_plain(b, TCP_SYN | TCP_ACK, irs, iss + 1);
	}
	ASSERT(b->tcb->state == TCP_ST_ESTABLISHED);
}

static void close_connection(struct bench *b)
{
	if (b->tcb && tcp_in(b->tcb->state, TCP_MAY_SEND | TCP_SET(LISTEN)))
		ASSERT(leat_tcp_close(b->e, b->tcb, b->now, &b->io) == TCP_ERR_NONE);
	take_lists(b);
}

static void open_half(struct bench *b, enum tcp_state state, uint32_t iss, uint32_t irs)
{
	struct tuple any = {.local = b->tuple.local, .lport = b->tuple.lport};

	leat_tcp_iss_force(b->e, iss);
	if (state == TCP_ST_SYN_SENT || (state == TCP_ST_SYN_RECEIVED && irs & 1))
		b->tcb = leat_tcp_open_active(b->e, &b->tuple, b->now);
	else if (state != TCP_ST_CLOSED)
		b->tcb = leat_tcp_open_passive(b->e, &any, b->now);
	take_lists(b);
	if (state == TCP_ST_SYN_RECEIVED)
		arrive_plain(b, TCP_SYN, irs, 0);
}

/* come_to brings the connection to state, perhaps with text of ours outstanding. */
static void come_to(struct bench *b, enum tcp_state state)
{
	static const uint32_t isn[] = {99, 0, UINT32_MAX, UINT32_MAX - 20, UINT32_C(0x7fffffff)};
	uint8_t code = fuzz_u8(&b->in);
	uint32_t iss = isn[code % COUNT_OF(isn)], irs = isn[(code >> 3) % COUNT_OF(isn)] + 200;
	uint32_t text = fuzz_u8(&b->in) * 16U, fin = irs + 1;

	if (state <= TCP_ST_SYN_RECEIVED) {
		open_half(b, state, iss, irs);
		return;
	}
	open_connection(b, iss, irs, code & 0x40);
	if (tcp_in((uint8_t)state, TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT)) && text > 0)
		ASSERT(leat_tcp_send(b->e, b->tcb, text, b->now) == TCP_ERR_NONE);
	take_lists(b);
	if (tcp_in((uint8_t)state, TCP_SET(CLOSE_WAIT) | TCP_SET(LAST_ACK)))
		arrive_plain(b, TCP_FIN | TCP_ACK, fin++, iss + 1);
	if (!tcp_in((uint8_t)state, TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT)))
		close_connection(b);
	if (tcp_in((uint8_t)state, TCP_SET(FIN_WAIT_2) | TCP_SET(TIME_WAIT)))
		arrive_plain(b, TCP_ACK, fin, iss + 2);
	if (tcp_in((uint8_t)state, TCP_SET(CLOSING) | TCP_SET(TIME_WAIT)))
		arrive_plain(b, TCP_FIN | TCP_ACK, fin, iss + (state == TCP_ST_CLOSING ? 1 : 2));
	ASSERT(b->tcb->state == state);
}

/* May the model speak?  Not of text held, of a FIN that is still to come, of records run out. */
static bool is_plain(const struct bench *b, const struct tcb *tcb, const struct seg *seg)
{
	bool fin_out = seq_gt(tcb->snd.nxt, tcb->snd.end);

	if (!b->plain || b->knobs.reply_interval_ns > 0 || b->knobs.ack_every < 255 ||
		b->knobs.rst_ends_time_wait || tcb->state == TCP_ST_NONE ||
		tcb->flags & TCP_F_ACK_NOW)
		return false;
	if (tcb->state <= TCP_ST_LISTEN)
		return leat_tcp_counters(b->e)->present[TCP_ST_NONE] > 0;
	if (tcp_in(tcb->state, TCP_FIN_OWED) && !fin_out)
		return false;
	if (tcb->state == TCP_ST_SYN_SENT || seg->text == 0)
		return tcb->ooo_head == TCP_NONE && !(tcb->flags & TCP_F_RCV_SHUT) &&
		       seg->text == 0 &&
		       (tcb->state >= TCP_ST_TIME_WAIT || !(tcb->flags & TCP_F_FIN_HELD) ||
			       !tcp_in(tcb->state, TCP_MAY_RECEIVE_TEXT));
	return tcb->ooo_head == TCP_NONE && tcb->rcv_head == TCP_NONE &&
	       !(tcb->flags & (TCP_F_RCV_SHUT | TCP_F_ACK_DELAY)) &&
	       (!(tcb->flags & TCP_F_FIN_HELD) || !tcp_in(tcb->state, TCP_MAY_RECEIVE_TEXT));
}

static void check_model(const struct bench *b, const struct tcb *was, const struct seg *seg)
{
	const struct every_at at = {(enum tcp_state)was->state, was->snd.una.v, was->snd.nxt.v,
		was->rcv.nxt.v, was->rcv.edge.v, was->snd.wnd_max, 0, false};
	const struct every_seg as = {seg->seq.v, seg->ack.v, seg->text, seg->flags};
	enum tcp_state state;
	enum every_reply reply;

	leat_every_model(&at, &as, &state, &reply);
	const struct tcb *is = leat_tcp_tcb(b->e, was->idx);
	if (was->state == TCP_ST_LISTEN && b->tcb && b->tcb->state != TCP_ST_CLOSED)
		is = b->tcb;
	ASSERT(is->state == state);
	if (b->has_text)
		return; /* the ACK let text of ours go */
	enum every_reply got = b->emit_cnt == 0          ? EVERY_REPLY_NONE
			       : b->emit_flags & TCP_RST ? EVERY_REPLY_RST
			       : b->emit_flags & TCP_SYN ? EVERY_REPLY_SYN_ACK
							 : EVERY_REPLY_ACK;
	ASSERT(got == reply);
}

/* States that one segment can lead to: one or two arrows of figure 5. */
static bool may_move(uint8_t from, uint8_t to)
{
	static const uint32_t next[TCP_ST_CNT] = {
		[TCP_ST_LISTEN] = TCP_SET(SYN_RECEIVED),
		[TCP_ST_SYN_SENT] = TCP_SET(SYN_RECEIVED) | TCP_SET(ESTABLISHED) |
				    TCP_SET(CLOSE_WAIT) | TCP_SET(CLOSED),
		[TCP_ST_SYN_RECEIVED] =
			TCP_SET(ESTABLISHED) | TCP_SET(CLOSE_WAIT) | TCP_SET(CLOSED),
		[TCP_ST_ESTABLISHED] = TCP_SET(CLOSE_WAIT) | TCP_SET(CLOSED),
		[TCP_ST_FIN_WAIT_1] = TCP_SET(FIN_WAIT_2) | TCP_SET(CLOSING) | TCP_SET(TIME_WAIT) |
				      TCP_SET(CLOSED),
		[TCP_ST_FIN_WAIT_2] = TCP_SET(TIME_WAIT) | TCP_SET(CLOSED),
		[TCP_ST_CLOSE_WAIT] = TCP_SET(CLOSED),
		[TCP_ST_CLOSING] = TCP_SET(TIME_WAIT) | TCP_SET(CLOSED),
		[TCP_ST_LAST_ACK] = TCP_SET(CLOSED),
		[TCP_ST_TIME_WAIT] = TCP_SET(CLOSED),
	};

	return from == to || tcp_in(to, next[from]);
}

/* What holds of every segment, whatever it is: the numbers only advance, a reset is never
 * answered by one, and without ACK nothing is taken. */
static void check_moved(const struct bench *b, const struct tcb *was, const struct seg *seg)
{
	const struct tcb *is = b->tcb;

	ASSERT(!(seg->flags & TCP_RST) || !(b->emit_flags & TCP_RST));
	if (!is || is->idx != was->idx || was->state == TCP_ST_NONE)
		return;
	ASSERT(may_move(was->state, is->state));
	if (was->state < TCP_ST_SYN_RECEIVED)
		return;
	ASSERT(seq_geq(is->snd.una, was->snd.una));
	ASSERT(seq_geq(is->snd.nxt, was->snd.nxt));
	ASSERT(seq_geq(is->rcv.nxt, was->rcv.nxt));
	ASSERT(seq_geq(is->rcv.edge, was->rcv.edge));
	ASSERT(seq_leq(is->rcv.nxt, seq_add(was->rcv.edge, 1)));
	ASSERT(is->una_offset >= was->una_offset);
	if (!(seg->flags & TCP_ACK)) {
		ASSERT(seq_eq(is->snd.una, was->snd.una));
		ASSERT(seq_eq(is->rcv.nxt, was->rcv.nxt));
		ASSERT(is->state == was->state ||
			(seg->flags & TCP_RST && seq_eq(seg->seq, was->rcv.nxt)));
	}
}

static uint64_t verdict_sum(const struct bench *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		sum += leat_tcp_counters(b->e)->verdict[i];
	return sum;
}

/* A segment whose numbers stand beside those of the connection. */
static void step_segment(struct bench *b)
{
	static const uint16_t texts[] = {0, 0, 0, 1, 10, 100, 536, TEXT_MAX};
	static const uint16_t windows[] = {8192, 0, 1, 65535, 100, 536, 2920, 8192};
	struct tcb was = {0};
	struct tcb *tcb = find(b);
	struct seg seg = {.flags = fuzz_u8(&b->in)};
	uint8_t places = fuzz_u8(&b->in), more = fuzz_u8(&b->in);

	if (tcb)
		was = *tcb;
	seg.text = texts[more & 7];
	seg.wnd = windows[more >> 3 & 7];
	uint32_t window = seq_from(was.rcv.nxt, was.rcv.edge);
	seg.seq = seq_add(was.rcv.nxt, fuzz_near(&b->in, places & 15, window));
	struct seq base = more & 0x40 ? was.snd.una : was.snd.nxt;
	seg.ack = seq_add(base, fuzz_near(&b->in, places >> 4, was.snd.wnd_max));
	if (more & 0x80) {
		seg.opts = fuzz_u8(&b->in) & (TCP_OPT_TS | TCP_OPT_SACK);
		seg.ts_val = b->ts_val + fuzz_near(&b->in, fuzz_u8(&b->in), 1);
		seg.sack_cnt = seg.opts & TCP_OPT_SACK ? 1 : 0;
		seg.sack[0].left = seq_add(was.snd.una, fuzz_near(&b->in, fuzz_u8(&b->in), 536));
		seg.sack[0].right = seq_add(was.snd.nxt, fuzz_near(&b->in, fuzz_u8(&b->in), 536));
	}
	if (!(more & 0x80))
		add_ts(b, &seg);
	if (seg.flags & TCP_SYN && seg.opts)
		b->plain = false;
	bool plain = tcb && is_plain(b, &was, &seg);
	uint64_t before = verdict_sum(b);
	arrive(b, seg);
	ASSERT(verdict_sum(b) == before + 1);
	check_moved(b, &was, &seg);
	if (plain)
		check_model(b, &was, &seg);
}

static void step_time(struct bench *b, uint8_t op)
{
	uint64_t due = leat_tcp_next_deadline(b->e);

	event(b);
	if (due == TIME_NEVER || due < b->now)
		due = b->now;
	b->now = op & 0x10 ? due : due < b->now + 10 * TIME_MS ? due : b->now + 10 * TIME_MS;
	leat_tcp_timers(b->e, b->now, TCP_IO_GONE_MAX, &b->io);
	take_lists(b);
}

static void step_call(struct bench *b, uint8_t op)
{
	struct tcb *tcb = b->tcb;

	event(b);
	if (!tcb || tcb->state == TCP_ST_NONE)
		return;
	bool open = tcp_in(tcb->state, TCP_MAY_SEND) && !(tcb->flags & TCP_F_FIN_QUEUED);
	uint32_t octets = 1 + fuzz_u8(&b->in) * 8U;

	switch (op & 7) {
	case 0:
		if (open)
			leat_tcp_send(b->e, tcb, octets, b->now);
		break;
	case 1:
		close_connection(b);
		break;
	case 2:
		if (tcb->state > TCP_ST_LISTEN && tcb->flags & TCP_F_FIN_QUEUED &&
			!(tcb->flags & TCP_F_RCV_SHUT) && op & 0x20)
			leat_tcp_shut_rcv(b->e, tcb, b->now, &b->io);
		break;
	case 3:
		if (op & 0x20 && tcb->state != TCP_ST_CLOSED)
			leat_tcp_abort(b->e, tcb, b->now, &b->io);
		break;
	default:
		if (tcb->state != TCP_ST_LISTEN)
			read_text(b, octets);
	}
	take_lists(b);
}

/* However it went, it can be cut short, and nothing is left. */
static void finish(struct bench *b)
{
	const struct tcp_counters *cnt = leat_tcp_counters(b->e);
	uint64_t ended = 0, present = 0;

	for (uint32_t i = 0; i < TCB_MAX; i++) {
		struct tcb *tcb = leat_tcp_tcb(b->e, i);

		if (tcb->state == TCP_ST_NONE)
			continue;
		if (tcb->state != TCP_ST_CLOSED)
			leat_tcp_abort(b->e, tcb, b->now, &b->io);
		take_lists(b);
		leat_tcp_free(b->e, tcb);
	}
	b->tcb = NULL;
	take_lists(b);
	for (uint32_t i = 0; i < TCP_END_CNT; i++)
		ended += cnt->ended[i];
	for (uint32_t i = TCP_ST_CLOSED; i < TCP_ST_CNT; i++)
		present += cnt->present[i];
	ASSERT(present == 0);
	ASSERT(ended == cnt->opened_active + cnt->opened_passive);
	ASSERT(b->buf_cnt == 0);
	ASSERT(cnt->rbuf_held == 0);
	ASSERT(leat_tcp_next_deadline(b->e) == TIME_NEVER);
}

static void run(const uint8_t *data, size_t size)
{
	static struct bench b;

	memset(&b, 0, offsetof(struct bench, io));
	b.in = (struct fuzz_in){data, size};
	b.io.emit_cnt = b.io.rest_cnt = b.io.give_cnt = b.io.news_cnt = b.io.gone_cnt = 0;
	set_up(&b);
	come_to(&b, (enum tcp_state)(TCP_ST_CLOSED + fuzz_u8(&b.in) % (TCP_ST_CNT - 1)));
	for (uint32_t i = 0; i < STEPS_MAX && b.in.left > 0; i++) {
		uint8_t op = fuzz_u8(&b.in);

		if ((op & 0xc0) == 0xc0)
			step_call(&b, op);
		else if ((op & 0xc0) == 0x80)
			step_time(&b, op);
		else
			step_segment(&b);
	}
	if (b.tcb && b.tcb->state > TCP_ST_LISTEN)
		read_text(&b, UINT32_MAX);
	finish(&b);
	leat_reach_tcp(leat_tcp_counters(b.e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_twice(run, data, size);
	return 0;
}
