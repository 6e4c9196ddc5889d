/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_tw.h"

#include "base_bits.h"
#include "tcp_core.h"
#include "tcp_follow.h"

#define DEAF TCP_TW_AWAKE /* of those that are awake the one that answers nothing */

STATIC_ASSERT(TCP_TW_AWAKE == 64, "one bit each");
STATIC_ASSERT(TW_LENGTH_MAX == TIMER_RING_LENGTHS, "the same lengths, by the same numbers");

void leat_tcp_tw_locals(struct tcp_engine *e, const uint32_t *local4)
{
	leat_tcp_tw_ring_locals(e->tw, local4);
}

const void *leat_tcp_tw_units(const struct tcp_engine *e)
{
	return leat_tcp_tw_ring_units(e->tw);
}

static bool is_awake(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcp_tw_is_awake(tcb->idx, e->limits.tcb_max);
}

static uint32_t *name_at(struct tcp_engine *e, const struct tcb *tcb)
{
	DCHECK(is_awake(e, tcb));
	return &e->awake_name[tcb->idx - e->limits.tcb_max];
}

uint32_t leat_tcp_tw_name(const struct tcp_engine *e, const struct tcb *tcb)
{
	return is_awake(e, tcb) ? e->awake_name[tcb->idx - e->limits.tcb_max] : tcb->idx;
}

/* ---- a record's words for what a tcb says ---- */

/* The ms from which a record counts when it was last answered within the limit: before that it
 * does not matter any more. */
static uint32_t stamp_base(const struct tcp_engine *e, uint64_t lasts_ns, uint64_t ends_at)
{
	uint64_t began_at = ends_at - lasts_ns;

	return (uint32_t)(began_at / TIME_MS) - (uint32_t)(e->knobs.reply_interval_ns / TIME_MS);
}

static uint32_t stamp_of(const struct tcp_engine *e, const struct tcb *tcb, uint64_t ends_at)
{
	if (LIKELY(tcb->challenged_ms == 0))
		return 0;
	uint32_t since = tcb->challenged_ms - stamp_base(e, tcp_two_msl_ns(e, tcb), ends_at);

	if ((int32_t)since <= 0)
		return 0;
	return u32_min(since, TW_STAMP_MAX);
}

static uint32_t challenged_ms(
	const struct tcp_engine *e, uint64_t lasts_ns, const struct tw_info *info)
{
	if (info->stamp == 0)
		return 0;
	return u32_max(stamp_base(e, lasts_ns, info->ends_at) + info->stamp, 1);
}

static uint64_t lasts_ns(const struct tcp_engine *e, uint32_t name)
{
	return leat_timer_ring_lasts(e->two_msl, leat_tcp_tw_ring_length(e->tw, name));
}

/* What was agreed on, and switches, stand in a mark as in a tcb, so that they are moved at once. */
#define MARK_AGREED_SHIFT 7
#define MARK_AGREED       (TCP_OPT_TS | TCP_OPT_WS | TCP_AGREED_ECN)
#define MARK_OPTS         (TCP_O_ECE | TCP_O_RST_ENDS)

STATIC_ASSERT(TW_M_TS == TCP_OPT_TS << MARK_AGREED_SHIFT, "timestamps");
STATIC_ASSERT(TW_M_WS == TCP_OPT_WS << MARK_AGREED_SHIFT, "window scale");
STATIC_ASSERT(TW_M_ECN == TCP_AGREED_ECN << MARK_AGREED_SHIFT, "ECN");
STATIC_ASSERT((uint32_t)TW_M_ECE == TCP_O_ECE, "congestion");
STATIC_ASSERT((uint32_t)TW_M_RST == TCP_O_RST_ENDS, "resets");

static uint16_t mark_of(const struct tcb *tcb)
{
	return (uint16_t)(tcb->tos >> 2 | (tcb->agreed & MARK_AGREED) << MARK_AGREED_SHIFT |
			  (tcb->opts & MARK_OPTS) |
			  (tcb->flags & TCP_F_PASSIVE ? TW_M_PASSIVE : 0));
}

static uint16_t opts_of(uint16_t mark, uint32_t length)
{
	return (uint16_t)((mark & MARK_OPTS) | length << TCP_O_TWO_MSL_SHIFT);
}

static uint8_t agreed_of(uint16_t mark)
{
	return mark >> MARK_AGREED_SHIFT & MARK_AGREED;
}

/* Nothing can be read and nothing more will come: the window is the whole buffer, so that it need
 * not be kept.  No sender is silly enough by now to be misled by that. */
static struct seq edge_of(const struct tcp_engine *e, const struct tcb *tcb)
{
	return seq_add(tcb->rcv.nxt, tcp_rcv_room(e, tcb));
}

/* The tcb that record name stands for, in place of the one that was there. */
static void speak(struct tcp_engine *e, struct tcb *tcb, uint32_t name, uint64_t now)
{
	struct tw_info info;

	leat_tcp_tw_ring_read(e->tw, name, &info);
	*tcb = (struct tcb){
		.snd = {.una = info.snd_nxt,
			.nxt = info.snd_nxt,
			.rtx = info.snd_nxt,
			.end = seq_sub(info.snd_nxt, 1)},
		.rcv = {.nxt = info.rcv_nxt},
		.rcv_fin = seq_sub(info.rcv_nxt, 1),
		.last_ack = info.rcv_nxt,
		.ts_recent = info.ts_recent,
		.ts_recent_s = (uint32_t)(now / TIME_S),
		.agreed = agreed_of(info.mark) | TCP_AGREED_SYN,
		.opts = opts_of(info.mark, leat_tcp_tw_ring_length(e->tw, name)),
		.tos = (uint8_t)((info.mark & TW_M_DSCP) << 2),
		.rcv_scale = info.mark & TW_M_WS ? e->shift_wanted : 0,
		.challenged_ms = challenged_ms(e, lasts_ns(e, name), &info),
		/* Which of its lists it is on is the slot's own affair, as in leat_tcp_alloc. */
		.flags = (uint16_t)((tcb->flags & (TCP_F_IN_OUT | TCP_F_IN_NEWS)) |
				    TCP_F_FIN_QUEUED | TCP_F_FIN_HELD | TCP_F_RCV_SHUT |
				    (info.mark & TW_M_PASSIVE ? TCP_F_PASSIVE : 0)),
		.idx = tcb->idx,
		.gen = tcb->gen,
		.out_next = tcb->out_next,
		.news_next = tcb->news_next,
		.wheel = tcb->wheel,
		.rtx_at = TIME_NEVER,
		.delack_at = TIME_NEVER,
		.rcv_head = TCP_NONE,
		.ooo_head = TCP_NONE,
	};
	tcp_tuple_set(e, tcb, &info.tuple);
	leat_tcp_state_speaks(tcb);
	tcb->rcv.edge = edge_of(e, tcb);
	if (tcb->agreed & TCP_OPT_TS)
		tcb->ts_offset = leat_tcp_ts_offset(e, &info.tuple);
}

/* ---- to rest, to wake, to sleep ---- */

bool leat_tcp_tw_settled(const struct tcp_engine *e, const struct tcb *tcb)
{
	const uint16_t busy = TCP_F_USER | TCP_F_IN_OUT | TCP_F_ACK_NOW | TCP_F_ACK_DELAY;

	if (tcb->state != TCP_ST_TIME_WAIT || tcb->flags & busy || tcb->rbuf_cnt > 0 ||
		is_awake(e, tcb))
		return false;
	DCHECK(seq_eq(tcb->last_ack, tcb->rcv.nxt)); /* else an ACK would be owed */
	return true;
}

/* It stays, and offers its whole buffer from now on, as its record would. */
static uint32_t stays(const struct tcp_engine *e, struct tcb *tcb)
{
	tcb->rcv.edge = seq_max(tcb->rcv.edge, edge_of(e, tcb));
	return TCP_NONE;
}

/* Its numbers must fit into those of a record. */
static bool fits(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcp_two_msl_ns(e, tcb) + e->knobs.reply_interval_ns < TW_STAMP_MAX * TIME_MS;
}

static uint32_t ring_add(
	const struct tcp_engine *e, const struct tcb *tcb, uint32_t local_idx, struct tw_info *info)
{
	uint32_t length = tcp_two_msl_length(tcb);

	if (LIKELY(!ends4_is_wide(&tcb->ends) && local_idx <= UINT16_MAX))
		return leat_tcp_tw_ring_add4(e->tw, length, (uint16_t)local_idx, &tcb->ends, info);
	tcp_tuple(e, tcb, &info->tuple);
	return leat_tcp_tw_ring_add(e->tw, length, local_idx, info);
}

uint32_t leat_tcp_tw_rest(struct tcp_engine *e, struct tcb *tcb, uint32_t local_idx, uint8_t flags)
{
	uint64_t ends_at = tcb->ring.expires_at;
	struct tw_info info = {
		.snd_nxt = tcb->snd.nxt,
		.rcv_nxt = tcb->rcv.nxt,
		.ts_recent = tcb->ts_recent,
		.ends_at = ends_at,
		.stamp = stamp_of(e, tcb, ends_at),
		.mark = mark_of(tcb),
		.flags = flags,
	};

	if (!e->knobs.time_wait_compact || !fits(e, tcb))
		return stays(e, tcb);
	uint32_t name = ring_add(e, tcb, local_idx, &info);

	if (name == TCP_NONE) {
		e->cnt.time_wait_stayed++;
		return stays(e, tcb);
	}
	leat_tcp_ring_stop(e->two_msl, tcb);
	leat_timer_wheel_stop(e->wheel, tcb->idx);
	leat_tcp_state_rest(e, tcb);
	leat_tcp_unuse(e, tcb);
	return name;
}

static struct tcb *awake(struct tcp_engine *e, uint32_t slot, uint32_t name, uint64_t now)
{
	struct tcb *tcb = &e->tcb[e->limits.tcb_max + slot];

	e->awake_name[slot] = name;
	speak(e, tcb, name, now);
	return tcb;
}

/* Where record name is awake, TCP_NONE: nowhere. */
static uint32_t slot_of(const struct tcp_engine *e, uint32_t name)
{
	for (uint64_t used = ~e->awake_free; used; used &= used - 1) {
		uint32_t slot = (uint32_t)__builtin_ctzll(used);

		if (e->awake_name[slot] == name)
			return slot;
	}
	return TCP_NONE;
}

struct tcb *leat_tcp_tw_wake(struct tcp_engine *e, uint32_t name, uint64_t now)
{
	uint32_t slot = slot_of(e, name);

	if (slot != TCP_NONE)
		return &e->tcb[e->limits.tcb_max + slot];
	if (e->awake_free == 0)
		return awake(e, DEAF, name, now);
	slot = (uint32_t)__builtin_ctzll(e->awake_free);

	e->awake_free &= e->awake_free - 1;
	return awake(e, slot, name, now);
}

struct tcb *leat_tcp_tw_look(struct tcp_engine *e, uint32_t name, uint64_t now)
{
	return awake(e, DEAF, name, now);
}

bool leat_tcp_tw_is_deaf(const struct tcp_engine *e, const struct tcb *tcb)
{
	return tcb->idx == e->limits.tcb_max + DEAF;
}

static void slot_free(struct tcp_engine *e, const struct tcb *tcb)
{
	if (!leat_tcp_tw_is_deaf(e, tcb))
		e->awake_free |= UINT64_C(1) << (tcb->idx - e->limits.tcb_max);
}

void leat_tcp_tw_sleep(struct tcp_engine *e, struct tcb *tcb)
{
	uint32_t name = *name_at(e, tcb);

	if (tcb->flags & TCP_F_IN_OUT && !leat_tcp_tw_is_deaf(e, tcb))
		return;
	leat_tcp_tw_ring_note(e->tw, name, tcb->ts_recent,
		stamp_of(e, tcb, leat_tcp_tw_ring_ends_at(e->tw, name)));
	slot_free(e, tcb);
}

/* tcb, awake, is CLOSED and freed, and its record with it. */
void leat_tcp_tw_gone(struct tcp_engine *e, const struct tcb *tcb)
{
	leat_tcp_tw_ring_end(e->tw, *name_at(e, tcb));
	e->cnt.present[TCP_ST_NONE]--; /* it was none of those that are counted there */
	slot_free(e, tcb);
}

/* ---- 2MSL ---- */

void leat_tcp_tw_begin(const struct tcp_call *c)
{
	struct tcp_engine *e = c->e;

	if (LIKELY(!is_awake(e, c->tcb))) {
		leat_tcp_ring_start(e->two_msl, c->tcb, tcp_two_msl_length(c->tcb), c->now);
		return;
	}
	uint64_t ends_at = c->now + tcp_two_msl_ns(e, c->tcb);
	uint32_t *name = name_at(e, c->tcb);
	uint32_t to = leat_tcp_tw_ring_again(e->tw, *name, ends_at, TW_NEED_AGAIN);

	if (to == TCP_NONE) {
		leat_tcp_tw_ring_flag(e->tw, *name, TW_F_LATER, true);
		e->cnt.time_wait_put_off++;
		return;
	}
	*name = to;
}

/* Record name is over while its answer waits to leave: there is none. */
static void silence(struct tcp_engine *e, uint32_t name)
{
	uint32_t slot = slot_of(e, name);

	if (slot == TCP_NONE)
		return;
	struct tcb *tcb = &e->tcb[e->limits.tcb_max + slot];

	*tcb = (struct tcb){.flags = tcb->flags & (TCP_F_IN_OUT | TCP_F_IN_NEWS),
		.idx = tcb->idx,
		.gen = tcb->gen + 1,
		.out_next = tcb->out_next,
		.news_next = tcb->news_next,
		.wheel = tcb->wheel};
	slot_free(e, tcb);
}

uint32_t leat_tcp_tw_later(struct tcp_engine *e, uint32_t name, uint64_t now)
{
	uint32_t to = leat_tcp_tw_ring_again(e->tw, name, now + lasts_ns(e, name), TW_NEED_LATER);
	uint32_t slot = slot_of(e, name);

	if (slot != TCP_NONE && to != TCP_NONE)
		e->awake_name[slot] = to;
	return to;
}

uint64_t leat_tcp_tw_first_began(const struct tcp_engine *e)
{
	uint64_t at = TIME_NEVER;

	for (uint32_t i = 0; i < TW_LENGTH_MAX; i++) {
		uint64_t next = leat_tcp_tw_ring_next_of(e->tw, i);

		if (next != TIME_NEVER)
			at = u64_min(at, next - leat_timer_ring_lasts(e->two_msl, i));
	}
	return at;
}

uint64_t leat_tcp_tw_next(const struct tcp_engine *e)
{
	return leat_tcp_tw_ring_next(e->tw);
}

uint64_t leat_tcp_tw_ends_at(const struct tcp_engine *e, uint32_t name)
{
	return leat_tcp_tw_ring_ends_at(e->tw, name);
}

uint32_t leat_tcp_tw_due(const struct tcp_engine *e, uint64_t until, uint32_t *name, uint32_t max)
{
	return leat_tcp_tw_ring_due(e->tw, until, name, max);
}

/* Who has waited since when; TCP_NONE: nobody. */
struct waiter {
	uint32_t name;
	uint64_t since;
};

static void keep_older(struct waiter *oldest, uint32_t name, uint64_t since)
{
	if (oldest->name == TCP_NONE || since < oldest->since)
		*oldest = (struct waiter){name, since};
}

/* Those of one length end in the order in which they came; of another length others may have come
 * before, and end later. */
uint32_t leat_tcp_tw_oldest(const struct tcp_engine *e, uint32_t spared)
{
	struct waiter oldest = {.name = TCP_NONE};

	for (uint32_t i = 0; i < TW_LENGTH_MAX; i++) {
		uint32_t tcb = leat_timer_ring_first(e->two_msl, i, spared);
		uint32_t name = leat_tcp_tw_ring_first(e->tw, i, spared);

		if (tcb < e->limits.tcb_max)
			keep_older(&oldest, tcb,
				leat_timer_ring_deadline(e->two_msl, tcb) -
					leat_timer_ring_lasts(e->two_msl, i));
		if (name != TCP_NONE)
			keep_older(&oldest, name,
				leat_tcp_tw_ring_ends_at(e->tw, name) -
					leat_timer_ring_lasts(e->two_msl, i));
	}
	return oldest.name;
}

uint32_t leat_tcp_tw_pace(const struct tcp_engine *e)
{
	return leat_tcp_tw_ring_pace(e->tw);
}

uint32_t leat_tcp_tw_pack(struct tcp_engine *e, struct tw_move move[TW_MOVE_MAX])
{
	uint32_t cnt = leat_tcp_tw_ring_pack(e->tw, move);

	for (uint32_t i = 0; i < cnt && UNLIKELY(e->awake_free != UINT64_MAX); i++) {
		uint32_t slot = slot_of(e, move[i].from);

		if (slot != TCP_NONE)
			e->awake_name[slot] = move[i].to;
		if (e->awake_name[DEAF] == move[i].from)
			e->awake_name[DEAF] = move[i].to;
	}
	e->cnt.time_wait_moved += cnt;
	return cnt;
}

void leat_tcp_tw_late(struct tcp_engine *e, uint64_t late_ns)
{
	e->cnt.time_wait_late_ns += late_ns;
	e->cnt.time_wait_late_ns_max = u64_max(e->cnt.time_wait_late_ns_max, late_ns);
	e->cnt.time_wait_late[hist_octave(late_ns)]++;
}

static void note_over(struct tcp_engine *e, uint32_t name, enum tcp_end why)
{
	struct tcp_follow_event event = {
		.from = TCP_ST_TIME_WAIT, .to = TCP_ST_CLOSED, .why = (uint8_t)why};
	struct tw_info info;

	leat_tcp_tw_ring_read(e->tw, name, &info);
	event.tuple = info.tuple;
	event.passive = (info.mark & TW_M_PASSIVE) != 0;
	leat_tcp_follow_note(e->follow, &event);
}

void leat_tcp_tw_over(struct tcp_engine *e, uint32_t name, enum tcp_end why, uint64_t now)
{
	if (why == TCP_END_TIME_WAIT)
		leat_tcp_tw_late(e, now - leat_tcp_tw_ring_ends_at(e->tw, name));
	if (UNLIKELY(e->awake_free != UINT64_MAX))
		silence(e, name);
	if (UNLIKELY(e->follow != NULL))
		note_over(e, name, why);
	leat_tcp_tw_ring_end(e->tw, name);
	leat_tcp_state_over(e, why == TCP_END_TIME_WAIT ? TCP_EV_TWO_MSL
			       : why == TCP_END_REUSED  ? TCP_EV_REUSED
							: TCP_EV_ABORT);
	e->cnt.ended[why]++;
	e->open_cnt--;
}

/* ---- what there is ---- */

void leat_tcp_tw_tuple(const struct tcp_engine *e, uint32_t name, struct tuple *tuple)
{
	leat_tcp_tw_ring_tuple(e->tw, name, tuple);
}

uint8_t leat_tcp_tw_flags(const struct tcp_engine *e, uint32_t name)
{
	return leat_tcp_tw_ring_flags(e->tw, name);
}

void leat_tcp_tw_flag(struct tcp_engine *e, uint32_t name, enum tw_flag flag, bool on)
{
	leat_tcp_tw_ring_flag(e->tw, name, (uint8_t)flag, on);
}

uint32_t leat_tcp_tw_cnt(const struct tcp_engine *e)
{
	return leat_tcp_tw_ring_cnt(e->tw);
}

void leat_tcp_tw_read(const struct tcp_engine *e, uint32_t name, struct tw_info *info)
{
	leat_tcp_tw_ring_read(e->tw, name, info);
}

bool leat_tcp_tw_count_due(
	const struct tcp_engine *e, uint32_t *cursor, uint32_t look, struct tw_due *due)
{
	return leat_tcp_tw_ring_count_due(e->tw, cursor, look, due);
}

uint32_t leat_tcp_tw_passive_cnt(const struct tcp_engine *e)
{
	return leat_tcp_tw_ring_passive_cnt(e->tw);
}

uint32_t leat_tcp_tw_scan_end(const struct tcp_engine *e)
{
	return leat_tcp_tw_ring_scan_end(e->tw);
}

bool leat_tcp_tw_scan(const struct tcp_engine *e, uint32_t *cursor, uint32_t *look, uint32_t *name)
{
	return leat_tcp_tw_ring_scan(e->tw, cursor, look, name);
}

void leat_tcp_tw_check(const struct tcp_engine *e)
{
	leat_tcp_tw_ring_check(e->tw);
}

bool leat_tcp_tw_full(const struct tcp_engine *e)
{
	return e->open_cnt >= e->limits.time_wait_max;
}
