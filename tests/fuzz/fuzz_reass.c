/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "base_time.h"
#include "tcp_user.h"

/* F7: text in any order and overlap, near the wrap of sequence numbers, against an array of octets.
 * Each segment is filled with its own number, so that each octet tells where it came from.
 *
 *	octet 0   where the stream begins, and whether there is room for all that is held
 *	then      place of a segment, its length; or what the user reads */

#define STREAM_MAX 4096
#define WINDOW     1500
#define SEGS_MAX   60
#define NOBODY     0xff

struct both {
	struct tcp_engine *e;
	struct tcb *tcb;
	struct tuple tuple;
	struct tcp_io io;
	struct seq first; /* sequence number of the stream's octet 0 */
	bool ample;       /* no segment is refused for want of room */
	uint32_t buf_cnt, seg_cnt;
	uint32_t read;                /* octets the user has taken */
	uint64_t offered[STREAM_MAX]; /* which segments offered it, inside the window */
	uint8_t holder[STREAM_MAX];   /* whose it must be; NOBODY: not there, or not certain */
	uint8_t seen[STREAM_MAX];     /* whose it was when it came in order */
};

static void take_lists(struct both *b)
{
	leat_tcp_output(b->e, 1000 * TIME_S, &b->io);
	leat_tcp_give(b->e, &b->io);
	for (uint32_t i = 0; i < b->io.give_cnt; i++) {
		free(b->io.give[i]);
		b->buf_cnt--;
	}
	leat_tcp_news(b->e, &b->io);
	b->io.give_cnt = b->io.news_cnt = b->io.emit_cnt = b->io.gone_cnt = 0;
	leat_tcp_tcb_check(b->e, b->tcb);
}

static enum tcp_verdict arrive(struct both *b, struct seg seg)
{
	uint8_t *data = fuzz_copy(NULL, 0);

	seg.room = (uint16_t)(b->seg_cnt % 3 * 200);
	data = realloc(data, seg.text + seg.room + 1U);
	ASSERT(data != NULL);
	memset(data, (int)b->seg_cnt, seg.text + 1U);
	seg.len = (uint32_t)seg.text + !!(seg.flags & TCP_SYN);
	seg.wnd = 8192;
	seg.data = seg.buf = data;
	b->buf_cnt++;
	enum tcp_verdict v =
		leat_tcp_segment_arrives(b->e, b->tcb, &b->tuple, &seg, 1000 * TIME_S, &b->io);
	take_lists(b);
	return v;
}

static uint32_t offset_of(const struct both *b, struct seq q)
{
	return seq_from(b->first, q);
}

/* What must be held after octets [from, to) arrived inside the window: the first octet accepted
 * wins; a segment that is held in part must be taken up to what is held, and may be beyond. */
static void hold(struct both *b, uint32_t from, uint32_t to, uint32_t nxt)
{
	uint32_t at = from;

	while (at < to && at > nxt && b->holder[at] != NOBODY)
		at++;
	for (; at < to && b->holder[at] == NOBODY; at++) {
		if (b->offered[at] != 0)
			return; /* perhaps it is held */
		b->holder[at] = (uint8_t)b->seg_cnt;
	}
}

static void op_segment(struct both *b, struct fuzz_in *in)
{
	uint32_t nxt = offset_of(b, b->tcb->rcv.nxt), edge = offset_of(b, b->tcb->rcv.edge);
	uint16_t place = fuzz_u16(in);
	int64_t from = (int64_t)nxt + place % (WINDOW + 400) - 200;
	uint32_t text = fuzz_u8(in) * (place >> 15 ? 4U : 1U);
	int64_t to = from + text;

	if (b->seg_cnt == SEGS_MAX || to > STREAM_MAX || edge > STREAM_MAX)
		return;
	struct seg seg = {.seq = seq_add(b->first, (uint32_t)from),
		.ack = b->tcb->snd.nxt,
		.flags = TCP_ACK | TCP_PSH,
		.text = (uint16_t)text};
	enum tcp_verdict v = arrive(b, seg);
	from = from < (int64_t)nxt ? (int64_t)nxt : from;
	to = to > (int64_t)edge ? (int64_t)edge : to;
	/* Table 6 refuses what begins before the window and ends behind it. */
	if (to > from && v != TCP_V_OUT_OF_WINDOW) {
		if (b->ample && v != TCP_V_TEXT_NO_ROOM)
			hold(b, (uint32_t)from, (uint32_t)to, nxt);
		for (int64_t i = from; i < to; i++)
			b->offered[i] |= UINT64_C(1) << b->seg_cnt;
	}
	b->seg_cnt++;
	ASSERT(offset_of(b, b->tcb->rcv.nxt) >= nxt);
	ASSERT(offset_of(b, b->tcb->rcv.edge) >= edge);
}

/* Every octet in order was offered, was the first there, and stays what it is. */
static void check(struct both *b)
{
	uint32_t at = b->read, octets, nxt = offset_of(b, b->tcb->rcv.nxt);
	const uint8_t *data;

	for (uint32_t n = 0; (octets = leat_tcp_piece(b->e, b->tcb, n, &data)) > 0; n++) {
		for (uint32_t i = 0; i < octets; i++, at++) {
			ASSERT(at < STREAM_MAX);
			ASSERT(data[i] < SEGS_MAX && b->offered[at] >> data[i] & 1);
			ASSERT(b->holder[at] == NOBODY || b->holder[at] == data[i]);
			ASSERT(b->seen[at] == NOBODY || b->seen[at] == data[i]);
			b->seen[at] = data[i];
		}
	}
	ASSERT(at == nxt);
	ASSERT(nxt == STREAM_MAX || !b->ample || b->holder[nxt] == NOBODY);
}

static void op_read(struct both *b, struct fuzz_in *in)
{
	uint32_t octets = u32_min(fuzz_u8(in) * 8U, b->tcb->rcv.unread);

	if (octets > 0)
		leat_tcp_receive(b->e, b->tcb, octets);
	b->read += octets;
	take_lists(b);
}

static void set_up(struct both *b, uint8_t how)
{
	static const uint32_t isn[] = {0, UINT32_MAX, UINT32_MAX - 1000, UINT32_C(0x7fffffff)};
	struct tcp_limits limits = {.tcb_max = 2, .rbuf_max = 256, .ext_max = 1, .srec_max = 8};
	struct tcp_knobs knobs;

	memset(b, 0, sizeof(*b));
	memset(b->holder, NOBODY, sizeof(b->holder));
	memset(b->seen, NOBODY, sizeof(b->seen));
	b->ample = how & 4;
	leat_tcp_knobs_default(&knobs);
	knobs.rcv_buf_octets = WINDOW;
	knobs.rcv_seg_max = b->ample ? 255 : 4;
	if (how & 8 && !b->ample)
		limits.rbuf_max = 3;
	b->io.born = TCP_NONE;
	b->tuple = (struct tuple){ip_from4(1), ip_from4(2), 80, 2000, 0};
	b->e = leat_tcp_new(fuzz_mem(leat_tcp_footprint(&limits)), &limits, &knobs,
		(struct hash_key){1, 2}, 1000 * TIME_S);
	b->tcb = leat_tcp_open_active(b->e, &b->tuple, 1000 * TIME_S);
	b->first = seq_of(isn[how % 4] + 1);
	take_lists(b);
	arrive(b, (struct seg){.seq = seq_sub(b->first, 1),
			  .ack = b->tcb->snd.nxt,
			  .flags = TCP_SYN | TCP_ACK});
	ASSERT(b->tcb->state == TCP_ST_ESTABLISHED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct both b;
	struct fuzz_in in = {data, size};

	set_up(&b, fuzz_u8(&in));
	while (in.left > 0) {
		uint8_t op = fuzz_u8(&in);

		if (op % 4 == 0)
			op_read(&b, &in);
		else
			op_segment(&b, &in);
		check(&b);
	}
	leat_tcp_abort(b.e, b.tcb, 1000 * TIME_S, &b.io);
	take_lists(&b);
	leat_tcp_free(b.e, b.tcb);
	take_lists(&b);
	ASSERT(b.buf_cnt == 0);
	return 0;
}
