/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "tcp_core.h"

/* SYN cookies, RFC 4987 3.6: a SYN,ACK whose sequence number is the only memory of the SYN.
 * DEVIATION(syn-cookie): such a number does not follow the clock (MUST-8).
 *
 *	 31                          4  3   2   0
 *	┌─────────────────────────────┬───┬──────┐   the tuple, IRS, period and what is kept
 *	│ 28 bits of SipHash over ... │ p │ mss  │   go into the hash, so that none can be changed;
 *	└─────────────────────────────┴───┴──────┘   p is the last bit of the period of 64 s
 *
 * A cookie is good in its period and the next, for 64 to 128 s, and a guess is with 2^-28.  The
 * other options have no place in it.  With timestamps they stand in the last bits of our TSval,
 * which the peer echoes; without, they are off:
 *
 *	TSval   ... 6    5     4    3       0
 *	        clock │ ecn │ sack │ WS shift │      15: no window scale */

#define PERIOD_NS (64 * TIME_S)
#define MSS_BITS  0x07U
#define PERIOD    0x08U
#define LOW_BITS  0x0fU
#define OPT_BITS  0x3fU
#define OPT_SACK  0x10U
#define OPT_ECN   0x20U
#define OPT_NO_WS 0x0fU

static const uint16_t mss_of[] = {64, 536, 1024, 1220, 1380, 1440, 1460, 8940};

STATIC_ASSERT(COUNT_OF(mss_of) == MSS_BITS + 1, "three bits name a row");
STATIC_ASSERT(TCP_WSCALE_MAX < OPT_NO_WS, "there is a value for none");

/* A key of its own, which tells nothing of the other. */
struct hash_key leat_tcp_cookie_key(const struct hash_key *secret)
{
	const uint64_t nth[2] = {1, 2};
	struct hash_key key;

	key.k0 = leat_hash_sip24(secret, &nth[0], 1);
	key.k1 = leat_hash_sip24(secret, &nth[1], 1);
	return key;
}

/* opts is OPT_BITS of the timestamp, or all ones without. */
static uint32_t cookie_of(const struct tcp_call *c, const struct tuple *tuple, struct seq irs,
	uint64_t period, uint32_t mss_idx, uint8_t opts)
{
	uint64_t word[TUPLE_WORDS + 2];

	uint32_t cnt = tuple_words(tuple, word);

	word[cnt++] = (uint64_t)irs.v << 32 | mss_idx << 8 | opts;
	word[cnt++] = period;
	uint32_t mac = (uint32_t)leat_hash_sip24(&c->e->cookie_key, word, cnt);
	return (mac & ~LOW_BITS) | (period & 1 ? PERIOD : 0) | mss_idx;
}

static uint32_t mss_idx(const struct tuple *tuple, const struct seg *syn)
{
	uint32_t mss = ip_is4(tuple->remote) ? 536 : 1220, i = COUNT_OF(mss_of) - 1;

	if (syn->opts & TCP_OPT_MSS)
		mss = syn->mss;
	while (i > 0 && mss_of[i] > mss)
		i--;
	return i;
}

/* The clock's last bits give way to the options; it must not run ahead for that. */
static uint32_t ts_with(uint32_t clock, uint8_t opts)
{
	uint32_t val = (clock & ~OPT_BITS) | opts;

	return (int32_t)(val - clock) > 0 ? val - OPT_BITS - 1 : val;
}

static uint8_t opts_of(const struct tcb *tcb)
{
	return (uint8_t)((tcb->agreed & TCP_OPT_WS ? tcb->snd_scale : OPT_NO_WS) |
			 (tcb->agreed & TCP_OPT_SACK_OK ? OPT_SACK : 0) |
			 (tcb->agreed & TCP_AGREED_ECN ? OPT_ECN : 0));
}

/* On the clock that peers see, lest a cookie of the run before be good in this one. */
static uint64_t period_of(const struct tcp_engine *e, uint64_t now)
{
	return (now + e->knobs.epoch_ns) / PERIOD_NS;
}

enum tcp_verdict leat_tcp_cookie(struct tcp_engine *e, const struct tcb *listener,
	const struct tuple *tuple, const struct seg *seg, uint64_t now, struct tcp_io *io)
{
	/* What the child would be, were there one. */
	struct tcb ghost = {.ends = ends4_of(tuple), .flags = TCP_F_PASSIVE, .rcv_head = TCP_NONE};
	struct tcp_call c = {.e = e, .tcb = &ghost, .now = now, .io = io};
	struct seg out = {.flags = TCP_SYN | TCP_ACK, .len = 1, .ack = seq_add(seg->seq, 1)};
	uint8_t opts = UINT8_MAX;

	DCHECK(io->emit_cnt < TCP_IO_EMIT_MAX);
	leat_tcp_opts_learn(&c, &ghost, seg);
	ghost.ts_offset = leat_tcp_ts_offset(e, tuple);
	if (ghost.agreed & TCP_OPT_TS)
		opts = opts_of(&ghost);
	else
		ghost.agreed = ghost.snd_scale = ghost.rcv_scale = 0;
	tcp_opts_put(&c, &out);
	if (opts != UINT8_MAX)
		out.ts_val = ts_with(out.ts_val, opts);
	out.flags |= leat_tcp_ecn_syn_flags(e, &ghost, out.flags);
	out.seq = seq_of(
		cookie_of(&c, tuple, seg->seq, period_of(e, now), mss_idx(tuple, seg), opts));
	out.tos = listener->tos;
	out.wnd = (uint16_t)u32_min(tcp_rcv_offer(e, &ghost), UINT16_MAX);
	c.tcb = NULL; /* a ghost has no record that counts what it sends */
	leat_tcp_emit_alone(&c, tuple, &out);
	e->cookie_until = now + 2 * PERIOD_NS - (now + e->knobs.epoch_ns) % PERIOD_NS;
	return leat_tcp_in_done(&c, seg, TCP_V_SYN_COOKIE);
}

/* The SYN as it must have been. */
static struct seg syn_of(const struct seg *seg, uint32_t idx, uint8_t opts)
{
	struct seg syn = {.seq = seq_sub(seg->seq, 1), .flags = TCP_SYN, .len = 1, .wnd = seg->wnd};

	syn.opts = TCP_OPT_MSS;
	syn.mss = mss_of[idx];
	if (opts == UINT8_MAX)
		return syn;
	syn.opts |= TCP_OPT_TS;
	syn.ts_val = seg->ts_val;
	if ((opts & OPT_NO_WS) != OPT_NO_WS)
		syn.opts |= TCP_OPT_WS;
	syn.wscale = opts & OPT_NO_WS;
	if (opts & OPT_SACK)
		syn.opts |= TCP_OPT_SACK_OK;
	if (opts & OPT_ECN)
		syn.flags |= TCP_ECE | TCP_CWR;
	return syn;
}

bool leat_tcp_cookie_back(
	const struct tcp_call *c, const struct tuple *tuple, const struct seg *seg, struct seg *syn)
{
	uint32_t cookie = seq_sub(seg->ack, 1).v, idx = cookie & MSS_BITS;
	uint64_t period = period_of(c->e, c->now);
	uint8_t opts = UINT8_MAX;

	if ((cookie & PERIOD ? 1U : 0U) != (period & 1)) {
		if (period == 0)
			return false;
		period--;
	}
	if (seg->opts & TCP_OPT_TS && c->e->knobs.timestamps)
		opts = seg->ts_ecr & OPT_BITS;
	if (cookie_of(c, tuple, seq_sub(seg->seq, 1), period, idx, opts) != cookie)
		return false;
	*syn = syn_of(seg, idx, opts);
	return true;
}

bool leat_tcp_is_cookie(
	struct tcp_engine *e, const struct tuple *tuple, const struct seg *seg, uint64_t now)
{
	const struct tcp_call c = {.e = e, .now = now};
	struct seg syn;

	return (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK && now < e->cookie_until &&
	       leat_tcp_cookie_back(&c, tuple, seg, &syn);
}
