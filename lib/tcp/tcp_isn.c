/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_core.h"

/* RFC 6528: ISN = M + F(localip, localport, remoteip, remoteport, secret), where M ticks every
 * 4 us (MUST-8) and F cannot be computed from outside (MUST-9, SHLD-1).  The other half of the
 * same hash is where the timestamps of the tuple begin (RFC 7323 5.4): unrelated to those of any
 * other, and the same for its next incarnation, so that they never go back (RFC 6191).  Nor do they
 * over a restart, with the same secret and an epoch that is the wall clock's (RFC 9293 3.4.3). */
static uint64_t hash_of(const struct tcp_engine *e, const struct tuple *tuple)
{
	uint64_t word[TUPLE_WORDS];

	return leat_hash_sip24(&e->secret, word, tuple_words(tuple, word));
}

static uint64_t hash_of_tcb(const struct tcp_engine *e, const struct tcb *tcb)
{
	uint64_t word[2];
	struct tuple tuple;

	if (UNLIKELY(ends4_is_wide(&tcb->ends))) {
		tcp_tuple(e, tcb, &tuple);
		return hash_of(e, &tuple);
	}
	ends4_words(&tcb->ends, word);
	return leat_hash_sip24(&e->secret, word, 2);
}

static uint32_t ts_offset(const struct tcp_engine *e, uint64_t hash)
{
	return (uint32_t)(hash >> 32) + (uint32_t)(e->knobs.epoch_ns / TIME_MS);
}

uint32_t leat_tcp_ts_offset(const struct tcp_engine *e, const struct tuple *tuple)
{
	return ts_offset(e, hash_of(e, tuple));
}

struct seq leat_tcp_isn(struct tcp_engine *e, struct tcb *tcb, uint64_t now)
{
	uint64_t f = hash_of_tcb(e, tcb);

	tcb->ts_offset = ts_offset(e, f);
	if (e->iss_is_forced) {
		e->iss_is_forced = false;
		return seq_of(e->iss_forced);
	}
	return seq_of((uint32_t)f + (uint32_t)((now + e->knobs.epoch_ns) / 4000));
}

/* MAY-2, first condition.  The clock gives a larger number as a rule, but not after a connection
 * that sent more than 250 octets a ms. */
void leat_tcp_iss_after(struct tcb *tcb, const struct tcb *old)
{
	DCHECK(seq_eq(tcb->snd.nxt, tcb->snd.una));
	if (seq_gt(tcb->snd.una, old->snd.nxt))
		return;
	tcb->snd.una = tcb->snd.nxt = tcb->snd.rtx = seq_add(old->snd.nxt, 1);
	tcb->snd.end = seq_add(tcb->snd.una, 1);
}

void leat_tcp_iss_force(struct tcp_engine *e, uint32_t iss)
{
	e->iss_forced = iss;
	e->iss_is_forced = true;
}
