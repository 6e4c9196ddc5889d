/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_WATCH_H
#define LEAT_TEST_WATCH_H

/* test_watch: what the tests of this module share: a brief that says what an info says. */

#include "base_bits.h"
#include "tcp_state.h"
#include "watch_filter.h"

static inline uint8_t test_watch_state(const struct leat_info *i)
{
	for (uint8_t state = TCP_ST_NONE + 1; state < TCP_ST_CNT; state++)
		if (i->state == leat_tcp_state_name((enum tcp_state)state))
			return state;
	return TCP_ST_NONE;
}

static inline struct stack_brief test_watch_brief(const struct leat_info *i)
{
	return (struct stack_brief){.tuple = {ip_get(i->local.family, i->local.octet),
					    ip_get(i->remote.family, i->remote.octet),
					    i->local.port, i->remote.port, 0},
		.opened_at = i->opened_at,
		.used_at = u64_max(i->last_sent_at, u64_max(i->last_text_at, i->last_ack_at)),
		.timer = i->timer[0],
		.recv_q = i->unread,
		.send_q = (uint32_t)(i->snd_nxt - i->snd_una) + i->unsent,
		.rtx_cnt = i->rtx_cnt,
		.tries = i->tries,
		.state = test_watch_state(i),
		.passive = i->passive};
}

#endif
