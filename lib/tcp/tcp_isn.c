/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_core.h"

/* RFC 6528: ISN = M + F(localip, localport, remoteip, remoteport, secret), where M ticks every
 * 4 us (MUST-8) and F cannot be computed from outside (MUST-9, SHLD-1). */
struct seq leat_tcp_isn(struct tcp_engine *e, const struct tuple *tuple, uint64_t now)
{
	uint64_t word[TUPLE_WORDS];

	if (e->iss_is_forced) {
		e->iss_is_forced = false;
		return seq_of(e->iss_forced);
	}
	__builtin_memcpy(word, tuple, sizeof(word));
	uint64_t f = leat_hash_sip24(&e->secret, word, TUPLE_WORDS);
	return seq_of((uint32_t)f + (uint32_t)(now / 4000));
}

void leat_tcp_iss_force(struct tcp_engine *e, uint32_t iss)
{
	e->iss_forced = iss;
	e->iss_is_forced = true;
}
