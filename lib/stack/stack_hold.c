/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

/* Connections whose SYN, text or FIN did not leave, as nobody answers for their next hop, or went
 * to a device without a link.  It is not kept; it is the connection that waits, a bit of s->held,
 * and once its neighbour is known to be there it sends again, however far its timeout is.  That
 * time counts for R2 all the same (RFC 9293 3.8.3).
 *
 * One look goes once around all bits, a slice with each turn: in the first call of output after
 * timers, so that a thousand who waited do not leave at once. */

#define WORD_BITS  64
#define LOOK_WORDS 1024 /* of bits looked at in one slice */
#define LOOK_CONNS 64   /* and connections found in them */

static uint32_t word_cnt(const struct leat_stack *s)
{
	return (uint32_t)stack_hold_words(&s->config);
}

void leat_stack_hold(struct leat_stack *s, const struct tcb *tcb)
{
	uint64_t bit = UINT64_C(1) << tcb->idx % WORD_BITS;
	uint64_t *word = &s->held[tcb->idx / WORD_BITS];
	bool first = (*word & bit) == 0;

	s->cnt.out_held += first;
	s->held_cnt += first;
	*word |= bit;
}

void leat_stack_hold_end(struct leat_stack *s, uint32_t idx)
{
	uint64_t bit = UINT64_C(1) << idx % WORD_BITS;
	uint64_t *word = &s->held[idx / WORD_BITS];

	s->held_cnt -= (*word & bit) != 0;
	*word &= ~bit;
}

void leat_stack_hold_look(struct leat_stack *s)
{
	s->look_words = s->held_cnt > 0 ? word_cnt(s) : 0;
}

/* Is there a way for what tcb sends? */
static bool may_go(struct leat_stack *s, const struct tcb *tcb)
{
	struct ip hop;

	if (s->config.link.raw_ip || (stack_conn(s, tcb)->flags & CONN_MAC))
		return true;
	return leat_stack_next_hop(s, stack_tuple(s, tcb).remote, &hop) &&
	       leat_inet_neigh_sure(s->neigh, hop, s->now);
}

/* Looks at the connections of one word. */
static uint32_t look(struct leat_stack *s, uint32_t at)
{
	uint32_t cnt = 0;

	for (uint64_t left = s->held[at]; left != 0; left &= left - 1) {
		uint32_t idx = at * WORD_BITS + (uint32_t)__builtin_ctzll(left);
		struct tcb *tcb = stack_tcb(s, idx);

		cnt++;
		if (tcb->state > TCP_ST_CLOSED && !may_go(s, tcb))
			continue;
		leat_stack_hold_end(s, idx);
		if (tcb->state > TCP_ST_CLOSED)
			leat_tcp_send_again(s->tcp, tcb, s->now, &s->io);
	}
	return cnt;
}

void leat_stack_hold_slice(struct leat_stack *s)
{
	uint32_t words = u32_min(s->look_words, LOOK_WORDS), conns = 0;

	s->look_due = false;
	for (; words > 0 && conns < LOOK_CONNS && !s->link_down; words--) {
		conns += look(s, s->look_at);
		s->look_at = s->look_at + 1 == word_cnt(s) ? 0 : s->look_at + 1;
		s->look_words--;
	}
	if (s->held_cnt == 0)
		s->look_words = 0;
}

void leat_stack_link(struct leat_stack *s, bool up)
{
	s->link_down = !up;
	if (!up) {
		leat_inet_neigh_forget(s->neigh);
		return;
	}
	leat_inet_neigh_doubt_all(s->neigh);
	leat_stack_hold_look(s);
}
