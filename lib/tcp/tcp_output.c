/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_sendq.h"

#include <string.h>

/* What leaves, and when.  One segment at a time is chosen for a connection: first what must go
 * again, then what is new as far as the windows allow, at last a bare ACK if one is still owed. */

/* The window to offer: the promised edge, moved right when that is worth a segment (MUST-39).  It
 * never moves left (SHLD-14): what a scale cannot express is rounded up, as long as there is room
 * for it.  After that what is offered may lie less than one granule before the edge, up to which
 * text is still taken: DEVIATION(window-granule). */
static uint32_t rounded_up(const struct tcp_call *c, uint32_t promised)
{
	uint32_t granule = UINT32_C(1) << c->tcb->rcv_scale;
	uint32_t up = (promised + granule - 1) & ~(granule - 1);

	return up <= tcp_rcv_room(c->e, c->tcb) ? up : promised;
}

static inline uint16_t window(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	uint32_t granule = UINT32_C(1) << tcb->rcv_scale;
	uint32_t promised = seq_from(tcb->rcv.nxt, tcb->rcv.edge);
	uint32_t offer = tcp_rcv_offer(c->e, tcb);
	uint32_t worth = u32_max(u32_min(tcb->snd_mss, c->e->rcv_half), granule);

	if (offer >= promised + worth)
		promised = offer;
	if (tcb->state == TCP_ST_TIME_WAIT && tcb->rbuf_cnt == 0)
		promised = tcp_rcv_room(c->e, tcb);
	if (UNLIKELY(tcb->rcv_scale > 0))
		promised = rounded_up(c, promised);
	tcb->rcv.edge = seq_add(tcb->rcv.nxt, promised);
	return (uint16_t)(promised >> tcb->rcv_scale);
}

/* Windows in SYN segments are never scaled, whatever else they agree on (RFC 7323 2.2). */
static uint16_t syn_window(const struct tcp_call *c)
{
	const struct tcb *tcb = c->tcb;
	bool first = tcb->state == TCP_ST_SYN_SENT;
	uint32_t wnd = first ? tcp_rcv_room(c->e, tcb) : seq_from(tcb->rcv.nxt, tcb->rcv.edge);

	return (uint16_t)u32_min(wnd, UINT16_MAX);
}

/* The ends of c->tcb. */
static void own_ends(const struct tcp_call *c, struct tcp_emit *out)
{
	out->ends = c->tcb->ends;
	if (UNLIKELY(ends4_is_wide(&out->ends)))
		tcp_tuple(c->e, c->tcb, &out->tuple);
}

static void other_ends(struct tcp_emit *out, const struct tuple *tuple)
{
	out->ends = ends4_of(tuple);
	out->tuple = *tuple;
}

/* The caller sets the ends. */
static struct tcp_emit *emit_take(struct tcp_call *c, uint32_t tcb_idx)
{
	struct tcp_emit *emit = &c->io->emit[c->io->emit_cnt++];

	IN_REGISTER(emit);
	emit->tcb_idx = tcb_idx;
	emit->offset = 0;
	emit->doubt = emit->again = false;
	memset(&emit->seg, 0, offsetof(struct seg, ts_val));
	c->e->cnt.emitted++;
	if (UNLIKELY(c->e->tally != NULL) && c->tcb)
		c->e->tally[c->tcb->idx].segs_out++;
	return emit;
}

/* One of c->tcb. */
static inline struct tcp_emit *emit_own(struct tcp_call *c)
{
	struct tcp_emit *out = emit_take(c, c->tcb->idx);

	own_ends(c, out);
	out->seg.tos = c->tcb->tos;
	return out;
}

void leat_tcp_emit_alone(struct tcp_call *c, const struct tuple *tuple, const struct seg *seg)
{
	struct tcp_emit *out = emit_take(c, TCP_NONE);

	other_ends(out, tuple);
	out->seg = *seg;
}

void leat_tcp_emit_rst(struct tcp_call *c, const struct tuple *tuple, const struct seg *rst)
{
	if (c->io->emit_cnt == TCP_IO_EMIT_MAX) {
		c->e->cnt.rst_unsent++;
		return;
	}
	struct tcp_emit *out = emit_take(c, c->tcb ? c->tcb->idx : TCP_NONE);

	if (tuple)
		other_ends(out, tuple);
	else
		own_ends(c, out);
	out->seg = *rst;
	out->seg.tos = c->tcb ? c->tcb->tos : 0;
	if (c->tcb && tcp_in(c->tcb->state, TCP_SYNCHRONIZED | TCP_SET(SYN_RECEIVED)))
		tcp_opts_put(c, &out->seg); /* RFC 7323 3.2: a reset SHOULD have them, too */
	c->e->cnt.emitted_rst++;
}

void leat_tcp_answer_rst(struct tcp_call *c, const struct tuple *tuple, const struct seg *seg)
{
	struct seg rst = {.flags = TCP_RST};

	if (seg->flags & TCP_ACK) {
		rst.seq = seg->ack;
	} else {
		rst.flags |= TCP_ACK;
		rst.ack = seq_add(seg->seq, seg->len);
	}
	leat_tcp_emit_rst(c, tuple, &rst);
}

void leat_tcp_send_rst(struct tcp_call *c)
{
	struct seg rst = {.flags = TCP_RST, .seq = c->tcb->snd.nxt};

	leat_tcp_emit_rst(c, NULL, &rst);
}

void leat_tcp_refuse_ack(struct tcp_call *c, const struct seg *seg)
{
	leat_tcp_answer_rst(c, NULL, seg);
}

static void tally(const struct tcp_call *c, uint32_t text, bool again)
{
	struct tcp_tally *t = &c->e->tally[c->tcb->idx];

	t->text_segs_out++;
	t->sent_at = c->now;
	t->again_octets += again ? text : 0;
}

/* count_again counts what is sent again by what it is for. */
static void count_again(struct tcp_counters *cnt, const struct seg *seg, bool probe)
{
	cnt->emitted_again++;
	if (probe)
		cnt->again_probe++;
	else if (seg->flags & TCP_SYN)
		*(seg->flags & TCP_ACK ? &cnt->again_syn_ack : &cnt->again_syn) += 1;
	else if (seg->text > 0)
		cnt->again_text++;
	else
		cnt->again_fin++;
}

/* Some of it was sent before: Karn, nothing of that is timed. */
static void book_again(struct tcp_call *c, struct tcp_emit *out)
{
	struct tcb *tcb = c->tcb;

	tcb->flags &= (uint16_t)~TCP_F_RTT;
	tcb->rtx_cnt = (uint16_t)u32_min(tcb->rtx_cnt + 1U, UINT16_MAX);
	out->doubt = tcb->tries >= c->e->knobs.r1_cnt; /* MUST-20 */
	out->again = true;
	count_again(&c->e->cnt, &out->seg, (tcb->flags & TCP_F_PROBE) != 0);
}

/* The books of what takes sequence space: SND.NXT, and what is timed. */
static inline void book(struct tcp_call *c, struct tcp_emit *out, bool queue)
{
	struct tcb *tcb = c->tcb;
	struct seq pos = out->seg.seq, after = seq_add(pos, out->seg.len);

	if (UNLIKELY(c->e->tally != NULL) && out->seg.text > 0)
		tally(c, out->seg.text, seq_lt(pos, tcb->snd.nxt));
	if (seq_lt(pos, tcb->snd.nxt)) {
		book_again(c, out);
	} else if (!(tcb->flags & TCP_F_RTT) && !queue) {
		tcb->flags |= TCP_F_RTT;
		*tcp_rtt_seq(c->e, tcb) = pos;
		tcb->rtt_at = c->now;
	}
	if (seq_eq(pos, tcb->snd.rtx))
		tcb->snd.rtx = after;
	tcb->snd.nxt = seq_max(tcb->snd.nxt, after);
	tcb->snd.rtx = queue ? tcb->snd.nxt : seq_min(tcb->snd.rtx, tcb->snd.nxt);
}

/* What few segments say, of one that is complete otherwise. */
static __attribute__((noinline)) void put_rare(struct tcp_call *c, struct seg *seg)
{
	struct tcb *tcb = c->tcb;

	if (tcb->agreed & TCP_AGREED_ECN && !(seg->flags & TCP_SYN))
		leat_tcp_ecn_put(c, seg, seg->text > 0 && seq_eq(seg->seq, tcb->snd.nxt));
	if (tcb->opts & TCP_O_URG_SND)
		leat_tcp_urg_put(c, seg);
	if (tcp_sack_news(tcb) && (seg->flags & (TCP_ACK | TCP_SYN)) == TCP_ACK)
		leat_tcp_sack_put(c, seg);
}

/* Builds one segment at pos with octets of text, and keeps the books: the ACK that it carries, and
 * those above.  What its callers know of it is not asked here. */
static inline __attribute__((always_inline)) void emit_as(
	struct tcp_call *c, struct seq pos, uint32_t text, uint8_t flags, bool queue)
{
	struct tcb *tcb = c->tcb;
	struct tcp_emit *out = emit_own(c);
	struct seg *seg = &out->seg;

	seg->seq = pos;
	seg->flags = flags;
	seg->text = (uint16_t)text;
	seg->len = text + (flags & TCP_SYN ? 1U : 0) + (flags & TCP_FIN ? 1U : 0);
	out->offset = tcb->una_offset + seq_from(tcb->snd.una, pos);
	if (flags & TCP_ACK) {
		seg->ack = tcb->last_ack = tcb->rcv.nxt;
		seg->wnd = flags & TCP_SYN ? syn_window(c) : window(c);
		tcb->ack_owed = 0;
		tcb->flags &= (uint16_t) ~(TCP_F_ACK_NOW | TCP_F_ACK_DELAY);
		tcb->delack_at = TIME_NEVER;
	} else if (flags & TCP_SYN) {
		seg->wnd = syn_window(c);
	}
	if (flags & TCP_SYN)
		seg->flags |= leat_tcp_ecn_syn_flags(c->e, tcb, flags);
	tcp_opts_put(c, seg);
	if (UNLIKELY(tcb->agreed & TCP_AGREED_ECN || tcb->opts & TCP_O_URG_SND ||
		     tcp_sack_news(tcb)))
		put_rare(c, seg);
	if (seg->len > 0)
		book(c, out, queue);
}

static void emit(struct tcp_call *c, struct seq pos, uint32_t text, uint8_t flags)
{
	emit_as(c, pos, text, flags, tcp_sendq_of(c->e, c->tcb) != NULL);
}

/* SND.NXT, or before it what a closed window would let in. */
static void emit_ack(struct tcp_call *c, struct seq pos)
{
	emit_as(c, pos, 0, TCP_ACK, false);
}

/* Octets of text at pos that one segment may carry, up to the edge. */
static uint32_t text_at(const struct tcb *tcb, struct seq pos, struct seq edge)
{
	struct seq to = seq_min(tcb->snd.end, edge);

	return seq_lt(pos, to) ? u32_min(seq_from(pos, to), tcb->snd_mss) : 0;
}

/* Text at pos, with PSH when it is the last that is queued (MUST-61), and FIN when the user closed
 * and nothing comes after it. */
static uint8_t flags_of(const struct tcb *tcb, struct seq pos, uint32_t text)
{
	uint8_t flags = TCP_ACK;

	if (seq_eq(seq_add(pos, text), tcb->snd.end)) {
		if (text > 0)
			flags |= TCP_PSH;
		if (tcb->flags & TCP_F_FIN_QUEUED)
			flags |= TCP_FIN;
	}
	return flags;
}

static void emit_text(struct tcp_call *c, struct seq pos, uint32_t text, bool queue)
{
	emit_as(c, pos, text, flags_of(c->tcb, pos, text), queue);
}

/* Sender's silly window avoidance and Nagle, RFC 9293 3.8.6.2.1: a full segment, or the last text
 * there is while nothing is outstanding or FIN follows, or half of the largest window. */
static bool worth_sending(const struct tcb *tcb, struct seq pos, uint32_t text, uint32_t full)
{
	bool last = seq_eq(seq_add(pos, text), tcb->snd.end);

	if (text == full)
		return true;
	if (last && (tcb->flags & (TCP_F_NODELAY | TCP_F_FIN_QUEUED) ||
			    seq_eq(tcb->snd.una, tcb->snd.nxt)))
		return true;
	return text > 0 && text >= tcb->snd.wnd_max / 2;
}

/* The handshake: SYN, or SYN with ACK once the peer's has come, also after CLOSE (3.10.4), until it
 * is acknowledged. */
static bool emit_syn(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	bool fresh = seq_eq(tcb->snd.nxt, tcb->snd.una);

	if (!fresh && !seq_eq(tcb->snd.rtx, tcb->snd.una))
		return false;
	if (UNLIKELY(tcb->state == TCP_ST_SYN_SENT))
		emit(c, tcb->snd.una, 0, TCP_SYN);
	else
		emit_as(c, tcb->snd.una, 0, TCP_SYN | TCP_ACK, false);
	return true;
}

/* Text is to leave while nothing is on the way. */
static void flight_begin(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	if (!seq_eq(tcb->snd.una, tcb->snd.nxt) || !seq_lt(tcb->snd.nxt, tcb->snd.end))
		return;
	leat_tcp_cc_begin(c);
	if (!(tcb->opts & TCP_O_EXT))
		leat_tcp_ext_begin(c->e, tcb, c->now);
}

/* Something new, at SND.NXT; with records, one more. */
static inline __attribute__((always_inline)) bool put_fresh(struct tcp_call *c, uint32_t text)
{
	struct tcp_ext *queue = tcp_sendq_of(c->e, c->tcb);
	struct seq una = c->tcb->snd.una, pos = c->tcb->snd.nxt;

	if (queue && !seq_eq(una, pos)) /* alone no more */
		queue = leat_tcp_ext_own(c->e, c->tcb, una, c->now);
	if (queue && !leat_tcp_sendq_room(c->e, queue))
		return false;
	emit_as(c, pos, text, flags_of(c->tcb, pos, text), queue != NULL);
	if (queue)
		leat_tcp_sendq_sent(c, pos, seq_from(pos, c->tcb->snd.nxt));
	return true;
}

static __attribute__((noinline)) bool emit_fresh(struct tcp_call *c, uint32_t text)
{
	return put_fresh(c, text);
}

/* RFC 9293 3.8.6.1: into a closed window one octet, or what little fits. */
static bool emit_window_probe(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct seq una = tcb->snd.una;
	uint32_t text = text_at(tcb, una, seq_add(una, u32_max(tcb->snd.wnd, 1)));

	tcb->flags &= (uint16_t)~TCP_F_RTX_ONE;
	flight_begin(c);
	leat_tcp_ext_own(c->e, tcb, una, c->now);
	struct tcp_ext *queue = tcp_sendq_of(c->e, tcb);

	if (seq_eq(una, tcb->snd.nxt)) {
		if (!emit_fresh(c, text)) {
			tcb->flags &= (uint16_t)~TCP_F_PROBE;
			return false;
		}
		if (queue)
			c->e->srec[queue->tail].sent_cnt = UINT8_MAX;
	} else {
		if (queue) /* no more than was sent: the record stays as it is */
			text = u32_min(text, seq_from(una, tcb->snd.nxt));
		emit_text(c, una, text, queue != NULL);
	}
	/* PROBE: it is sent; RTT: a sample would end the backoff (SHLD-30). */
	tcb->flags &= (uint16_t) ~(TCP_F_PROBE | TCP_F_RTT);
	return true;
}

/* Without records: what was sent and must go again; only one segment at SND.UNA in recovery. */
static bool emit_back(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct seq una = tcb->snd.una;

	if (tcb->flags & TCP_F_RTX_ONE) {
		tcb->flags &= (uint16_t)~TCP_F_RTX_ONE;
		if (seq_lt(una, tcb->snd.nxt)) {
			emit_text(c, una, text_at(tcb, una, tcb->snd.nxt), false);
			return true;
		}
	}
	struct seq pos = tcb->snd.rtx;

	if (!seq_lt(pos, tcb->snd.nxt))
		return false;
	uint32_t wnd = u32_max(u32_min(tcb->cwnd, tcb->snd.wnd), 1);
	uint32_t text = text_at(tcb, pos, seq_add(una, wnd));

	if (text == 0 && !seq_eq(pos, tcb->snd.end))
		return false;
	emit_text(c, pos, text, false);
	return true;
}

/* Sends rec again as it is. */
static void emit_rec(struct tcp_call *c, struct tcp_srec *rec)
{
	struct tcb *tcb = c->tcb;
	struct seq text_end = seq_min(rec->end, tcb->snd.end);
	uint32_t text = seq_lt(rec->seq, text_end) ? seq_from(rec->seq, text_end) : 0;
	uint8_t flags = TCP_ACK;

	if (text > 0 && seq_eq(text_end, tcb->snd.end))
		flags |= TCP_PSH;
	if (seq_gt(rec->end, tcb->snd.end))
		flags |= TCP_FIN;
	emit(c, rec->seq, text, flags);
	leat_tcp_sendq_again(c, rec);
}

/* The first record that is LOST, when the network and the peer's window have room for it; as long
 * as a segment may be, with what follows it. */
static bool emit_lost(struct tcp_call *c, struct tcp_ext *ext)
{
	struct tcb *tcb = c->tcb;

	if (ext->lost == TCP_NONE || ext->flags & TCP_EXT_FRTO_2)
		return false;
	struct tcp_srec *rec = &c->e->srec[ext->lost];
	struct seq edge = seq_add(tcb->snd.una, u32_max(tcb->snd.wnd, 1));
	uint32_t pipe = tcp_pipe(tcb, ext), text = text_at(tcb, rec->seq, edge);
	bool to_end = seq_eq(seq_add(rec->seq, text), tcb->snd.end);

	if (text == 0 && !to_end)
		return false;
	if (pipe + u32_min(text, tcp_srec_octets(rec)) > tcb->cwnd) {
		ext->flags |= TCP_EXT_LIMITED;
		return false;
	}
	if (!leat_tcp_sendq_fit(c->e, ext, rec, text + to_end))
		return false;
	/* The last one may take along what was not sent before. */
	uint32_t octets = text + (to_end && tcb->flags & TCP_F_FIN_QUEUED);
	uint32_t had = tcp_srec_octets(rec);

	if (rec->next == TCP_NONE && had < octets && pipe + octets <= tcb->cwnd)
		leat_tcp_sendq_extend(c->e, ext, octets - had);
	emit_rec(c, rec);
	return true;
}

/* RFC 8985 7.3: new text if there is any and the window lets it, else the last segment again. */
static bool emit_tail(struct tcp_call *c, struct tcp_ext *ext)
{
	struct tcb *tcb = c->tcb;
	uint32_t text = text_at(tcb, tcb->snd.nxt, seq_add(tcb->snd.una, tcb->snd.wnd));
	bool sent = text > 0 && emit_fresh(c, text);

	ext->flags &= (uint16_t)~TCP_EXT_TLP_SEND;
	ext->flags |= TCP_EXT_TLP_OUT;
	if (!sent) {
		bool fin = seq_gt(tcb->snd.nxt, tcb->snd.end);
		struct tcp_srec *last = leat_tcp_sendq_last(c->e, ext, tcb->snd_mss + fin);

		if (last) {
			emit_rec(c, last);
			ext->flags |= TCP_EXT_TLP_AGAIN;
			sent = true;
		}
	}
	ext->tlp_end = tcb->snd.nxt;
	return sent;
}

static bool emit_again(struct tcp_call *c)
{
	struct tcp_ext *queue = tcp_sendq_of(c->e, c->tcb);

	if (c->tcb->flags & TCP_F_PROBE)
		return emit_window_probe(c);
	if (!queue)
		return emit_back(c);
	if (queue->flags & TCP_EXT_TLP_SEND && emit_tail(c, queue))
		return true;
	return emit_lost(c, queue);
}

/* Up to where cwnd lets new text go. */
static struct seq cwnd_edge(const struct tcp_call *c)
{
	const struct tcb *tcb = c->tcb;
	const struct tcp_ext *queue = tcp_sendq_of(c->e, tcb);

	if (!queue)
		return seq_add(tcb->snd.una, tcb->cwnd + leat_tcp_cc_limited_transmit(tcb));
	uint32_t pipe = tcp_pipe(tcb, queue);

	return seq_add(tcb->snd.nxt, tcb->cwnd > pipe ? tcb->cwnd - pipe : 0);
}

/* The output is over; was it for cwnd? */
static void note_limit(struct tcp_call *c, bool limited)
{
	struct tcp_ext *ext = tcp_ext_of(c->e, c->tcb);

	if (ext && limited)
		leat_tcp_ext_own(c->e, c->tcb, c->tcb->snd.una, c->now)->flags |= TCP_EXT_LIMITED;
	else if (ext && ext->flags & TCP_EXT_LIMITED && ext->lost_octets == 0)
		ext->flags &= (uint16_t)~TCP_EXT_LIMITED;
}

static bool emit_new(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	struct seq pos = tcb->snd.nxt;
	bool fin_due = tcb->flags & TCP_F_FIN_QUEUED && seq_eq(pos, tcb->snd.end);

	if (!seq_lt(pos, tcb->snd.end)) {
		if (!fin_due)
			note_limit(c, false);
		return fin_due && emit_fresh(c, 0);
	}
	flight_begin(c);
	struct seq cwnd = cwnd_edge(c);
	struct seq may = seq_min(seq_add(tcb->snd.una, tcb->snd.wnd), tcb->snd.end);
	uint32_t full = tcb->snd_mss - (tcp_sack_news(tcb) ? leat_tcp_sack_reserve(tcb) : 0);
	uint32_t text = u32_min(text_at(tcb, pos, seq_min(cwnd, may)), full);

	if (text > 0 && worth_sending(tcb, pos, text, full))
		return emit_fresh(c, text);
	if (seq_eq(pos, tcb->snd.una)) /* there is no flight yet that could be lone */
		leat_tcp_ext_own(c->e, tcb, pos, c->now);
	note_limit(c, seq_lt(cwnd, may));
	return false;
}

/* A bare ACK stands at SND.NXT; but behind a probe's octet the peer, whose window is closed, would
 * not look at it (RFC 9293 A.2). */
static struct seq bare_ack_at(const struct tcb *tcb)
{
	struct seq edge = seq_add(tcb->snd.una, tcb->snd.wnd);

	return tcp_syn_unacked(tcb) ? tcb->snd.nxt : seq_min(tcb->snd.nxt, edge);
}

/* Something new was sent; may more follow?  What was to go again came before it. */
static bool more_follows(struct tcp_call *c)
{
	const struct tcb *tcb = c->tcb;
	bool fin_due = tcb->flags & TCP_F_FIN_QUEUED && seq_eq(tcb->snd.nxt, tcb->snd.end);

	if (seq_lt(tcb->snd.nxt, tcb->snd.end) || fin_due || tcb->opts & TCP_O_KEEP_NOW)
		return true;
	note_limit(c, false);
	return false;
}

/* What most responses are: nothing is on the way, nothing goes again, and all that is queued is one
 * segment, which both windows let go.  It is worth sending, as the last text while nothing is
 * outstanding; the FIN goes along; and nothing follows.  Off with the fast path. */
static inline bool emit_sole(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;
	uint32_t text = seq_from(tcb->snd.nxt, tcb->snd.end);

	if (text - 1 >= tcb->snd_mss || !seq_eq(tcb->snd.una, tcb->snd.nxt) ||
		tcb->flags & (TCP_F_PROBE | TCP_F_RTX_ONE) ||
		tcb->opts & (TCP_O_EXT | TCP_O_KEEP_NOW) || tcp_sack_news(tcb) ||
		!tcp_is_quick(c->e))
		return false;
	leat_tcp_cc_begin(c);
	if (text > u32_min(tcb->snd.wnd, tcb->cwnd))
		return false; /* the flight begins on the long way */
	leat_tcp_ext_begin(c->e, tcb, c->now);
	return put_fresh(c, text);
}

/* Chooses and builds one segment; false when this connection has nothing more to send now. */
static bool emit_next(struct tcp_call *c)
{
	struct tcb *tcb = c->tcb;

	if (tcb->state < TCP_ST_SYN_SENT)
		return false;
	if (tcp_syn_unacked(tcb)) {
		if (emit_syn(c))
			return false;
	} else if (tcp_in(tcb->state, TCP_MAY_EMIT_TEXT)) {
		if (emit_sole(c))
			return false;
		if (emit_again(c))
			return true;
		if (emit_new(c))
			return more_follows(c);
	}
	if (tcb->opts & TCP_O_KEEP_NOW) { /* SHLD-12: without text */
		tcb->opts &= (uint16_t)~TCP_O_KEEP_NOW;
		emit(c, seq_sub(tcb->snd.nxt, 1), 0, TCP_ACK);
		return true;
	}
	if (tcb->flags & TCP_F_ACK_NOW && tcb->state != TCP_ST_SYN_SENT)
		emit_ack(c, bare_ack_at(tcb));
	return false;
}

/* A connection in TIME-WAIT has said what it had to say. */
static void rest(struct tcp_call *c)
{
	if (tcp_tw_is_awake(c->tcb->idx, c->e->limits.tcb_max))
		leat_tcp_tw_sleep(c->e, c->tcb);
	else
		c->io->rest[c->io->rest_cnt++] = c->tcb->idx;
}

/* All that c->tcb may send now; false: io->emit is full before that. */
static bool emit_all(struct tcp_call *c)
{
	while (c->io->emit_cnt < TCP_IO_EMIT_MAX)
		if (!emit_next(c))
			return true;
	return false;
}

void leat_tcp_output(struct tcp_engine *e, uint64_t now, struct tcp_io *io)
{
	struct tcp_call c = {.e = e, .now = now, .io = io};

	while (e->out_head != TCP_NONE && io->rest_cnt < TCP_IO_REST_MAX) {
		struct tcb *tcb = c.tcb = &e->tcb[e->out_head];
		bool all = emit_all(&c);

		if (all) {
			e->out_head = tcb->out_next;
			tcb->flags &= (uint16_t)~TCP_F_IN_OUT;
		}
		if (tcb->state >= TCP_ST_SYN_SENT)
			tcp_rtx_arm(&c, false);
		if (!all)
			return; /* this connection goes on first next time */
		if (tcb->state == TCP_ST_TIME_WAIT)
			rest(&c);
	}
}
